/*
 * The link: what the worker and the broker say to each other, over one stream socket pair a worker.
 * Only plain values cross it: every message is decoded into the struct below whose views point into
 * the received frame (valid during the handler call).
 *
 * Frame: u32 length of what follows, u8 type, payload. Integers big-endian; strings u32 length and
 * bytes; lists u32 count and elements.
 *
 * Each message has one direction; link_decode refuses (ERR_PROTOCOL) one that comes from the wrong
 * side, is longer than LIMIT_LINK_MESSAGE, or has bytes left over. Which are allowed when:
 *
 *   broker: SPAWNED --HELLO--> READY --(everything else)--> READY --end of stream--> gone
 *   worker: START --CONFIG--> READY --CONFIG (reload), SUBMITTED, ...--> READY
 *
 * A hold is named by the worker (hold: its own counter, never reused by that process) and, once the
 * broker has stored it, by its request number. Handshake of one held action:
 *
 *   worker                                broker
 *     | SUBMIT hold, envelope, ...          |  store request, record it
 *     |------------------------------------>|
 *     |        SUBMITTED hold, request, ... |  or ENDED where it cannot be taken
 *     |<------------------------------------|
 *     |                      people vote    |  record vote, then approval, fsync
 *     |        APPROVED hold, request, digest, grant
 *     |<------------------------------------|  or ENDED (rejected, expired, ...)
 *     | CLAIM hold, request, digest         |  approved -> running in one transaction, record, fsync
 *     |------------------------------------>|
 *     |        CLAIMED hold, request        |  or ENDED (stale, expired meanwhile)
 *     |<------------------------------------|
 *     | bytes go upstream; then RESULT      |  running -> completed | failed | unknown
 *     |------------------------------------>|
 *
 * WITHDRAW may cross APPROVED on the wire: the broker answers it with ENDED in any case, and a hold
 * ends for the worker when ENDED or CLAIMED came, or when it sent WITHDRAW. It may cross CLAIMED too:
 * the worker answers that with RESULT, failed ("not run").
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "model/grant.h"
#include "model/login.h"
#include "model/request.h"

enum link_type {
    /* worker -> broker */
    LINK_HELLO = 1,
    LINK_SUBMIT,
    LINK_WITHDRAW,
    LINK_CLAIM,
    LINK_RESULT,
    LINK_RECORD,
    LINK_SESSION,
    LINK_PEERS,
    LINK_LOADED,
    LINK_IMPACT,
    LINK_LOGIN,
    /* broker -> worker */
    LINK_CONFIG,
    LINK_SUBMITTED,
    LINK_APPROVED,
    LINK_CLAIMED,
    LINK_ENDED,
    LINK_PEER,
    LINK_LOGIN_ANSWER,
    LINK_SHUTDOWN,
    LINK_LOG,
    LINK_TYPE_COUNT_
};

enum link_side { LINK_WORKER = 1, LINK_BROKER };

/* First word of a worker, also after the broker came back: `holds` are those still waiting, which the
 * broker joins to its stored requests (same number and digest; SUBMITTED may be said again) or ends;
 * one whose `request` is 0 was never answered and is ended. `runs` are the requests whose RESULT is
 * still to be sent: those that run or ran, and those whose CLAIM was under way when the link broke,
 * which the worker has refused and reports as failed ("not run"). A request the store has as running
 * for this worker and that is not among them becomes unknown; one among them that is still approved
 * (the CLAIM never came) ends as withdrawn, and its RESULT changes nothing. */
struct link_open_hold {
    uint64_t hold, request;
    struct digest digest;
};
struct link_hello {
    uint32_t worker; /* index, 0-based */
    uint32_t pid;
    const struct link_open_hold *holds;
    size_t n_holds;
    const uint64_t *runs;
    size_t n_runs;
};

struct link_submit {
    uint64_t hold;
    struct str envelope;
    struct digest digest;
    struct str context, explanation; /* JSON */
    struct str subject, person, on_behalf_of, resource;
    struct str policy_version, guardrails, message;
    struct quorum quorum;
    int64_t decide_within_ns, run_within_ns;
    bool keep_on_disconnect;
    bool wait_return;       /* answer with ENDED, PENDING: the client comes back */
    /* For grants (approval/grant.h). `shape` is that of the action without its values, or its own
     * digest where it has no shape; shape_text is then empty. */
    struct str session;
    struct digest shape;
    struct str shape_text;
    const struct hold_part *parts; /* the holds one by one; none where no grant could cover one */
    size_t n_parts;
    bool signed_votes; /* an approval without a signature does not count */
    struct str ticket; /* stated, and to be one that exists; empty: none is asked for */
};

/* The requester gave up (Ctrl-C), went away, or the worker could not go on. */
struct link_withdraw {
    uint64_t hold, request; /* request 0: not yet known to the worker */
    struct str reason;
    bool gone; /* the client disconnected: a request that is kept on disconnect stays open without a
                  holder, and the next SUBMIT of the same subject and digest attaches to it */
};

/* What running it would do: any time between SUBMIT and the end of the hold. One for a hold that the broker has
 * ended meanwhile changes nothing. */
struct link_impact {
    uint64_t hold;
    struct digest shape; /* of actions that differ in values alone; zeros: none */
    struct str json;     /* one object on one line, at most LIMIT_IMPACT */
};

struct link_claim {
    uint64_t hold, request;
    struct digest digest;
};

enum link_outcome { OUTCOME_COMPLETED = 1, OUTCOME_FAILED, OUTCOME_UNKNOWN };
struct link_result {
    uint64_t request;
    enum link_outcome outcome;
    struct str tag; /* command tag, "DELETE 12" */
    int64_t rows;   /* -1: not known */
    struct str error_code, error_message;
    int64_t duration_ns;
};

/* One audit record that needs no answer: an observed match, a denial, an allowed action where all
 * are recorded. `json` is one object; the broker adds time, sequence and chain. */
struct link_record {
    struct str json;
};

/* A session began or ended: for the list of sessions and the log. */
struct link_session {
    bool opened;
    struct str id, subject, resource, address, application;
};

/* Bytes for the same source on the other workers (a cancel request, …); the broker only copies. */
struct link_peers {
    struct str source, bytes;
};

/* Answer to CONFIG. */
struct link_loaded {
    struct str policy_version; /* in force now */
    bool ok;
    struct str error;
};

/* The configuration: the main file first, then what it includes, each with its name. */
struct link_file {
    struct str path, text;
};
struct link_config {
    const struct link_file *files;
    size_t n_files;
};

struct link_submitted {
    uint64_t hold, request;
    struct str approvers;    /* for people: "2 of dba (ana, bo)" */
    int64_t decide_by_wall_ns;
};

struct link_approved {
    uint64_t hold, request;
    struct digest digest;
    struct str by; /* for people */
};

struct link_claimed {
    uint64_t hold, request;
    struct digest digest;
};

/* The hold is over and nothing of it may run. */
enum link_end {
    END_REJECTED = 1, /* `by` and `reason` of the person */
    END_EXPIRED,
    END_WITHDRAWN,
    END_UNAVAILABLE,  /* store, log or quorum failed: reason says */
    END_PENDING,      /* it stays open without the client, who sends the same again later */
    END_ELSEWHERE,    /* it was approved once and ran, or runs, in another session */
    END_LIMIT,        /* too many are open; reason says */
    END_LACKING,      /* what the requester stated is not good: reason says */
    END_AGAIN,        /* a grant it counted on is gone: SUBMIT the same again under this hold */
};
struct link_ended {
    uint64_t hold, request;
    enum link_end end;
    struct str by, reason;
};

/* A login that only the broker can judge, and its answer: one for each ask, in any order. A link that
 * ends takes the asks along. */
struct link_login {
    uint64_t number; /* the worker's own */
    struct login_ask ask;
};
struct link_login_answer {
    uint64_t number;
    struct login_answer answer;
};

struct link_peer {
    struct str source, bytes;
};

/* Whether the log can be written: while it cannot, nothing runs that has to be recorded. Until it was said, it can. */
struct link_log {
    bool works;
};

struct link_message {
    enum link_type type;
    union {
        struct link_hello hello;
        struct link_submit submit;
        struct link_withdraw withdraw;
        struct link_impact impact;
        struct link_claim claim;
        struct link_result result;
        struct link_record record;
        struct link_session session;
        struct link_peers peers;
        struct link_loaded loaded;
        struct link_config config;
        struct link_submitted submitted;
        struct link_approved approved;
        struct link_claimed claimed;
        struct link_ended ended;
        struct link_peer peer;
        struct link_log log;
        struct link_login login;
        struct link_login_answer login_answer;
    };
};

/* Appends one frame. ERR_LIMIT where the message or the buffer's cap is exceeded; then nothing was
 * appended. */
MUST_USE enum err link_encode(struct buf *out, const struct link_message *m);

/* Takes one frame from the front of `in`, as received by `receiver`. *ret_used is the length of the
 * whole frame; lists go to `a`. ERR_INCOMPLETE: nothing consumed; ERR_PROTOCOL; ERR_NOMEM. */
MUST_USE enum err link_decode(struct str in, enum link_side receiver, struct arena *a,
                              struct link_message *ret, size_t *ret_used);

/* "SUBMIT", … for diagnostics. */
const char *link_type_text(enum link_type t);
