/*
 * What approvers may grant beside one run, as values. A guardrail says what it allows (grant_terms);
 * an approver chooses within that (grant_choice); approval/grant.h has the rules.
 */
#pragma once

#include "base/digest.h"
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

/* "once", "shape uses=5 for=1200s": the same text wherever a choice is written or signed. */
enum { GRANT_CHOICE_TEXT = 64 };
struct str grant_choice_text(const struct grant_choice *c, char out[static GRANT_CHOICE_TEXT]);

/* One of the guardrails that hold an action: what it asks for by itself, and what it lets people grant. */
struct hold_part {
    struct str guardrail;
    struct quorum quorum;
    struct grant_terms terms;
};

/* A standing grant. Views. */
struct grant {
    uint64_t id, request;  /* the request whose approval made it */
    uint32_t kinds;        /* SHAPE: bound to `shape`; SESSION: bound to `session` */
    struct digest shape;
    struct str shape_text, session;
    struct str subject, resource;
    struct str guardrails; /* that it covers, comma-separated */
    struct str policy_version;
    uint32_t uses, used;   /* uses 0: no bound */
    int64_t created_wall_ns, expires_wall_ns;
    int64_t revoked_wall_ns; /* 0: in force */
    struct str revoked_by, revoked_why;
};
