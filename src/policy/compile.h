/* From what the sections say to a policy: the seam between loading and deciding. */
#pragma once

#include "policy/policy.h"
#include "policy/sections.h"

struct policy_parts {
    const struct resource *resources;
    const struct yaml_node *const *resource_nodes; /* where each stands */
    size_t n_resources;
    const struct people *people;
    const struct ticket_rule *ticket;
    struct macro_sources macros;
    struct hold_source defaults;
    struct guardrail_sources guardrails;
};

/* ERR_INVALID: the loader's problems say why. The policy lives in the loader's arena; policy_free
 * releases what does not. `parts` is borrowed for as long as the policy lives. */
MUST_USE enum err policy_compile(struct loader *l, const struct policy_parts *parts,
                                 struct policy **ret);
void policy_free(struct policy *p); /* NULL is allowed */

/* Runs all tests at load and turns failures into problems. */
MUST_USE enum err policy_test_at_load(struct loader *l, const struct policy *p,
                                      const struct policy_test_facts *facts);

/* --- Quorums ---------------------------------------------------------------------------------- */

/*
 * Checks that the approvals can be met: every name is a group or person, and there are enough
 * distinct people. Warns where a member's own requests could never be approved. `cache` remembers
 * what was already checked, since most guardrails ask for the same few quorums.
 */
struct quorum_cache {
    const struct approvals_source **seen;
    size_t n, room;
};
void quorum_check(struct loader *l, const struct people *people, const struct approvals_source *a,
                  struct quorum_cache *cache);
