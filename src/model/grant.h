/*
 * What approvers may grant beside one run, as values. A guardrail says what it allows (grant_terms);
 * an approver chooses within that (grant_choice); approval/grant.h has the rules.
 */
#pragma once

#include "model/quorum.h"

/* Bits, since a guardrail allows several. */
enum grant_kind {
    GRANT_ONCE = 1,    /* exactly this action, one run: what every approval is unless somebody says more */
    GRANT_SHAPE = 2,   /* the same statement with other values (classify/shape.h), same subject and resource */
    GRANT_SESSION = 4, /* all that the guardrail holds in this session of the gateway */
};

/* "once", "shape", "session"; NULL for what is no single kind. */
const char *grant_kind_text(enum grant_kind k);
MUST_USE enum err grant_kind_parse(struct str s, enum grant_kind *ret);

/* What a guardrail allows. All zero: one run and nothing else. */
struct grant_terms {
    uint32_t kinds; /* GRANT_SHAPE and GRANT_SESSION */
    int64_t max_ns; /* no grant lives longer; above zero where kinds is */
    uint32_t uses;  /* no grant runs more often; 0: as often as its time allows */
};

/* What an approver chose. */
struct grant_choice {
    enum grant_kind kind;
    uint32_t uses; /* 0: not said */
    int64_t for_ns; /* 0: not said */
};

/* One of the guardrails that hold an action: what it asks for by itself, and what it lets people grant. */
struct hold_part {
    struct str guardrail;
    struct quorum quorum;
    struct grant_terms terms;
};
