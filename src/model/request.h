/*
 * A held action that waits for people, and its life:
 *
 *                  +--> approved --> running --> completed | failed | unknown
 *   pending -------+--> rejected
 *                  +--> expired        (decide_within; or run_within after the approval)
 *                  +--> withdrawn      (Ctrl-C, disconnect, requester's word, worker lost)
 *
 * The table of permitted changes is request_may_become(); approval/ owns the rules that lead there
 * and broker/ carries them out. `unknown` is the honest state of an action whose upstream vanished
 * while it ran: it is never run again.
 */
#pragma once

#include "base/digest.h"
#include "model/grant.h"
#include "model/quorum.h"

enum request_state {
    REQUEST_PENDING = 1,
    REQUEST_APPROVED,
    REQUEST_RUNNING,
    REQUEST_COMPLETED,
    REQUEST_FAILED,
    REQUEST_UNKNOWN,
    REQUEST_REJECTED,
    REQUEST_EXPIRED,
    REQUEST_WITHDRAWN,
    REQUEST_STATE_COUNT_
};

const char *request_state_text(enum request_state s); /* "pending", … */
MUST_USE enum err request_state_parse(struct str s, enum request_state *ret);
bool request_may_become(enum request_state from, enum request_state to);
bool request_is_final(enum request_state s);

/* How it was released where it was not by its quorum. */
enum request_bypass {
    BYPASS_NONE = 0,
    BYPASS_GRANT = 0x1b7e6c2d, /* standing grants cover every guardrail that holds it */
    BYPASS_GLASS = 0x64a1935e, /* break-glass */
};

enum vote_kind { VOTE_APPROVE = 0x2e51d18d, VOTE_REJECT = 0x51aee272 };

struct vote {
    struct str person;
    enum vote_kind kind;
    struct str reason;
    struct digest digest; /* of what the voter was shown; must equal the request's */
    int64_t time_wall_ns;
    struct str via;       /* "socket", "http", … */
    struct grant_choice grant; /* of an approval being cast; not read back with votes */
    struct str signature; /* as ssh-keygen writes it, over signed_text (model/signed_vote.h); or empty */
    struct str signed_text;
    /* What the voter was at that moment and need not be for ever: groups of the moment, and people
     * they stood in for. Names with a space between them. */
    struct str on_duty, stood_for;
    int64_t retracted_wall_ns; /* taken back, or replaced by a later vote; 0: it stands */
};

struct request {
    uint64_t id; /* what people type */
    enum request_state state;
    struct str envelope; /* the exact bytes the digest covers (model/envelope.h) */
    struct digest digest;
    struct str context;     /* JSON: address, application, session; shown, not covered */
    struct str explanation; /* JSON: which guardrails matched and why */
    struct str subject, person, on_behalf_of;
    struct str resource;
    struct str policy_version;
    struct str guardrails; /* names, comma-separated */
    struct str message;    /* of the first matching guardrail */
    struct quorum quorum;
    bool keep_on_disconnect;
    bool signed_votes; /* an approval without a signature does not count */
    enum request_bypass bypass;
    int64_t created_wall_ns, decide_by_wall_ns, decided_wall_ns, run_by_wall_ns;
    struct str outcome; /* JSON of the result once it ran; or why it was withdrawn */
    const struct vote *votes;
    size_t n_votes;
};
