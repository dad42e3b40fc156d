/*
 * The guardrails of a configuration, compiled, and what they say about an action.
 *
 *   struct policy_eval *e;                                  one per thread, once
 *   struct policy_run *run = NULL;                          one per action
 *   policy_decide(policy, e, &action, &run, &arena, &decision);
 *   while (decision.needs_facts != 0) {                     lazy facts that can still change it
 *       ... obtain them (model/lazy_facts.h) or mark them as failed ...
 *       policy_decide(policy, e, &action, &run, &arena, &decision);
 *   }
 *
 * The strongest verdict of all matching guardrails wins (deny > hold > allow), and the quorums of
 * all matching holds must be met. A condition that cannot be evaluated matches, and at least holds.
 * `mode: observe` is reported in the decision and changes nothing. With no match, the resource's
 * default. Pure: no I/O, no clock of its own; the time is the action's.
 *
 * An action that nothing matches takes no memory, from the arena or the system.
 */
#pragma once

#include "model/action.h"
#include "model/decision.h"
#include "policy/diagnostic.h"

struct policy;
struct policy_eval;
struct policy_run;

/* Room for the evaluations of one thread, for any policy. */
MUST_USE enum err policy_eval_new(struct policy_eval **ret);
void policy_eval_free(struct policy_eval *e);

/*
 * Decides. `*run` is NULL for a new action, and for the next call about the same action what the
 * last one left there (in `arena`, so nothing to free): then only what was undecided is evaluated
 * again, and needs_facts never names a fact twice; one that could not be obtained is marked so in
 * the facts. `a` must be complete (subject, resource, context; sql for ACTION_SQL).
 *
 * *ret holds views into the policy and into `arena`. ERR_NOMEM where the arena is full; the caller
 * refuses then, as for any error.
 */
MUST_USE enum err policy_decide(const struct policy *p, struct policy_eval *e,
                                const struct action *a, struct policy_run **run,
                                struct arena *arena, struct decision *ret);

/* How many guardrails there are, and their names in the order of the files. */
size_t policy_count(const struct policy *p);
struct str policy_name(const struct policy *p, size_t i);

/* False where no guardrail can ever match an action of this kind on this resource and its default
 * is allow: the source need not judge (and so not keep) such an action. */
bool policy_may_concern(const struct policy *p, enum action_kind kind, const struct resource *r);

/* True where some guardrail says `hold_at: commit`. */
bool policy_holds_commits(const struct policy *p);

/* True where some guardrail says `on: policy`. */
bool policy_judges_changes(const struct policy *p);

/* --- Explanation ------------------------------------------------------------------------------ */

/*
 * Why: the facts, and for each guardrail that could concern the action whether it matched and the
 * sub-expressions that decided it, with the values of their operands. Slow; all memory from `arena`
 * and `out`. `all`: also the guardrails that did not match.
 *
 *   {"verdict":"hold","guardrails":[{"name":…,"then":"hold","mode":"enforce","outcome":"true",
 *    "message":…,"reasons":[…]}],"facts":{"subject.name":"ana",…}}
 */
struct policy_explain_options {
    bool all;
    bool facts;
};
MUST_USE enum err policy_explain_json(const struct policy *p, struct policy_eval *e,
                                      const struct action *a, struct policy_explain_options o,
                                      struct arena *arena, struct json *out);
MUST_USE enum err policy_explain_text(const struct policy *p, struct policy_eval *e,
                                      const struct action *a, struct policy_explain_options o,
                                      struct arena *arena, struct buf *out);

/* --- Policy tests ----------------------------------------------------------------------------- */

/* Policy may not include classify: who runs tests says how facts are found. */
struct policy_test_facts {
    void *ctx;
    /* The facts of a statement; ERR_INVALID: cannot be told (the test fails). Memory from `a`. */
    enum err (*sql)(void *ctx, struct str text, struct arena *a, const struct sql_facts **ret);
};

struct policy_test_count {
    size_t run, failed;
};

/*
 * Runs the `tests:` of the guardrail called `only`, or of all where it is empty, and appends a
 * report: one line a guardrail, and for each failing test what was expected and what came.
 * ERR_NOT_FOUND where there is no guardrail `only`.
 */
MUST_USE enum err policy_test(const struct policy *p, const struct policy_test_facts *facts,
                              struct str only, struct buf *out, struct policy_test_count *ret);
