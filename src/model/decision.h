/*
 * What policy answers for one action: the verdict and everything that a request or a record needs
 * to say about it. Pure values; strings are views into the arena of the evaluation or into the
 * policy (which the caller keeps referenced for as long).
 */
#pragma once

#include "base/digest.h"
#include "model/grant.h"
#include "model/quorum.h"
#include "model/verdict.h"

enum vote_signing { VOTES_MAY_BE_SIGNED = 1, VOTES_MUST_BE_SIGNED };
enum on_disconnect { ON_DISCONNECT_WITHDRAW = 1, ON_DISCONNECT_KEEP };

struct matched_guardrail {
    struct str name;
    enum verdict then;
    bool observe;       /* recorded, not enforced */
    bool failed;        /* its condition could not be evaluated: it holds (or denies, if it says so) */
    struct str message; /* rendered, for people; never empty */
    struct str why;     /* where it failed: the reason */
};

/* What the requester has to state before people are asked. */
enum lack {
    LACK_NOTHING = 0,
    LACK_REASON,      /* session_context.reason is empty */
    LACK_TICKET,      /* session_context.ticket is empty */
    LACK_TICKET_FORM, /* it is not of the form that the configuration demands */
};

struct decision {
    enum verdict verdict;
    const struct matched_guardrail *matched; /* in the order of the file */
    size_t n_matched;
    struct quorum quorum;                    /* for VERDICT_HOLD: of all matching holds */
    int64_t decide_within_ns, run_within_ns; /* the shortest of the matching holds */
    enum on_disconnect on_disconnect;
    bool wait_return;                        /* the client is told the number and comes back, instead of waiting */
    const struct hold_part *parts;           /* each matching hold alone; none where no grant could cover one */
    size_t n_parts;
    enum vote_signing signing;               /* must be, where one matching hold says so */
    enum lack lack;          /* for VERDICT_HOLD */
    struct str ticket_form;  /* the pattern, where lack is LACK_TICKET or LACK_TICKET_FORM; may be empty */
    bool needs_ticket;       /* what was stated as ticket has to be one that exists */
    bool at_commit;                          /* every matching hold lets it run first, and holds its COMMIT */
    int64_t commit_within_ns;                /* for at_commit: the shortest time a transaction may wait so */
    uint64_t needs_facts; /* lazy facts that could change the verdict; verdict is then HOLD until they are known */
};
