/*
 * Another policy over the recorded actions: what it would have decided differently, and how many requests
 * it would have given to whom. Processes share the work, each over a part of the log; what they count is
 * added up. Nothing is asked of a gateway, a database or a clock.
 */
#pragma once

#include "audit/range.h"
#include "policy/config.h"

enum { REPLAY_EXAMPLES_MAX = 20, REPLAY_NAME = 128, REPLAY_WORDS = 64 };

enum replay_verdict { REPLAY_ALLOW, REPLAY_HOLD, REPLAY_DENY, REPLAY_VERDICTS };

/* A guardrail by name, of the recorded policy, the new one or both. */
struct replay_guardrail {
    char name[REPLAY_NAME + 1];
    uint64_t was, now;     /* actions it matched, and would match */
    uint64_t gained, lost; /* would match and did not; the other way round */
    uint64_t changed;      /* actions it takes part in that would be decided differently */
    uint64_t examples[REPLAY_EXAMPLES_MAX]; /* seqs of these, the first ones */
};

/* How often something was in the way. */
struct replay_word {
    char name[REPLAY_NAME + 1];
    uint64_t n;
};

struct replay_counts {
    enum err err; /* the log could not be read on: how far is in `records` */
    uint64_t records;
    uint64_t judged, unknown;
    uint64_t no_facts, erased, gone, invalid;       /* not judged: recorded without facts, … */
    uint64_t verdicts[REPLAY_VERDICTS][REPLAY_VERDICTS]; /* [was][now] of what was judged for certain */
    uint64_t unmatched;    /* allowed actions that nothing matched: recorded only with `record: all` */
    int64_t first_ns, last_ns;
    struct replay_word unknown_facts[REPLAY_WORDS], gone_resources[REPLAY_WORDS];
};

struct replay {
    const struct config *config;
    struct str dir;
    struct audit_range range;
    int64_t since_ns;
    uint32_t jobs, examples;

    /* Filled by replay_run, freed by replay_done. */
    struct replay_counts counts;
    struct replay_guardrail *guardrails; /* the policy's in its order, then those that only records name */
    size_t n_guardrails, room;
    size_t n_days;
    uint32_t *load_was, *load_now; /* [person * n_days + day]: requests that the person could decide */
};

/* ERR_NOMEM, ERR_IO (no process could be started, or one died). What is wrong with the log is in
 * counts.err. */
MUST_USE enum err replay_run(struct replay *r, int64_t until_ns);
void replay_done(struct replay *r);

struct buf;
MUST_USE enum err replay_text(const struct replay *r, struct buf *out);
MUST_USE enum err replay_json(const struct replay *r, struct buf *out);

/* What an example shows of a record, by its number; views into the entry and `a`. */
struct replay_shown {
    uint64_t seq;
    struct str time, who, resource, text;
    struct str was; /* the verdict it had */
    struct str now;
};
MUST_USE enum err replay_show(const struct replay *r, const struct audit_entry *e, struct arena *a,
                              struct replay_shown *ret);
