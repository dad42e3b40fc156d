/*
 * The rules of grants that outlive one run. Pure, as approval.h: values in, answers out.
 *
 * A standing grant is made where a quorum is met and everybody whose approval stands chose to grant
 * more than one run. It covers one guardrail of an action at a time, never the action as a whole: a
 * guardrail that no grant covers asks its own people. Each use is judged afresh against what the
 * guardrail allows now, and the broker judges afresh whether those who granted could still approve.
 */
#pragma once

#include "base/arena.h"
#include "base/digest.h"
#include "model/grant.h"

/* What a choice must keep to, over all guardrails that are asked: what all of them allow. */
struct grant_terms grant_terms_common(const struct hold_part *parts, size_t n);

/* NULL where the terms allow the choice, else why not, for people. */
const char *grant_choice_refusal(const struct grant_terms *t, const struct grant_choice *c);

/*
 * What several approvers grant together: the narrowest. One who grants once makes it once; the
 * fewest uses and the shortest time count; of a shape and a session what both are, that shape in
 * that session (both bits set). kinds is 0 for one run.
 */
struct grant_scope {
    uint32_t kinds;
    uint32_t uses;  /* 0: as often as the time allows */
    int64_t for_ns;
};
struct grant_scope grant_narrowest(const struct grant_terms *t, const struct grant_choice *choices,
                                   size_t n);

/* One use that is wanted: one guardrail of one action. */
struct grant_use {
    struct str subject, resource, session, policy_version;
    struct digest shape;
    const struct hold_part *part;
    uint32_t reserved; /* uses of this grant that open requests count on already */
    int64_t now_wall_ns;
};

/* COVERS is not zero: memory that was never written covers nothing. */
enum grant_answer {
    GRANT_COVERS = 0x2d6b94a3,
    GRANT_REVOKED = 1,
    GRANT_EXPIRED,
    GRANT_USED_UP,
    GRANT_OTHER_SUBJECT,
    GRANT_OTHER_RESOURCE,
    GRANT_OTHER_SHAPE,
    GRANT_OTHER_SESSION,
    GRANT_OTHER_GUARDRAIL,
    GRANT_NO_LONGER_ALLOWED, /* the guardrail allows no such grant now, or the policy changed under a session */
};
enum grant_answer grant_covers(const struct grant *g, const struct grant_use *u);

/* Whether it could run once more, whatever for: the first three answers. */
enum grant_answer grant_in_force(const struct grant *g, uint32_t reserved, int64_t now_wall_ns);

const char *grant_answer_text(enum grant_answer a);
