/*
 * Facts on paper: what guardrails could ask about an action, as the log keeps it, and the judging of it
 * again by another policy.
 *
 * A record names the vocabulary it was written with: a fact of that vocabulary that it leaves out was
 * empty (false, 0, "" or []). One that the vocabulary did not have yet is not known, and neither is a
 * lazy fact that nobody obtained then.
 */
#pragma once

#include "base/json_read.h"
#include "policy/policy.h"

/* The facts as one object {"subject.name":"ana","sql.classes":["write"],…}, empty ones left out.
 * The text of a statement is left out: the envelope has it. A lazy fact that could not be obtained is
 * {"error":"why"}. Memory only from `e`. */
MUST_USE enum err policy_facts_json(const struct policy *p, struct policy_eval *e,
                                    const struct action *a, struct json *out);

/* The names of all facts but labels, separated by spaces, appended. The same for every policy of one
 * program. */
MUST_USE enum err policy_vocabulary(const struct policy *p, struct buf *out);
/* What records call it: the first 16 hex digits of its SHA-256. */
enum { POLICY_VOCABULARY_NAME = 16 };
void policy_vocabulary_name(struct str names, char ret[static POLICY_VOCABULARY_NAME + 1]);
/* Which facts of `p` that vocabulary had, by slot; in `a`. */
MUST_USE enum err policy_vocabulary_known(const struct policy *p, struct str names, struct arena *a,
                                          const bool **ret);

struct policy_recorded {
    enum action_kind kind;
    struct json_part facts;
    struct str text;       /* action.text where the facts do not have it */
    bool text_known;
    const bool *known; /* policy_vocabulary_known; NULL: nothing was left out for being empty */
    int64_t time_wall_ns;
};

struct policy_judged {
    struct decision decision;
    struct str unknown; /* empty: certain. Else the first fact that decides and is not known */
};

/*
 * As policy_decide of the action that the record is about. Who belongs to which group, and the
 * resource's labels, are what the policy's own configuration says. ERR_NOT_FOUND: it has no such
 * resource; ERR_INVALID: the facts are not as policy_facts_json writes them; ERR_NOMEM.
 */
MUST_USE enum err policy_judge_recorded(const struct policy *p, struct policy_eval *e,
                                        const struct policy_recorded *r, struct arena *arena,
                                        struct policy_judged *ret);
