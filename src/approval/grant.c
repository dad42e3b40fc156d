#include "approval/grant.h"

#include "base/limits.h"

static uint32_t fewer(uint32_t a, uint32_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static int64_t shorter(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

struct grant_terms grant_terms_common(const struct hold_part *parts, size_t n)
{
    struct grant_terms t = {.kinds = n != 0 ? GRANT_SHAPE | GRANT_SESSION : 0};
    for (size_t i = 0; i < n; i++) {
        t.kinds &= parts[i].terms.kinds;
        t.uses = fewer(t.uses, parts[i].terms.uses);
        t.max_ns = shorter(t.max_ns, parts[i].terms.max_ns);
    }
    return t.kinds != 0 && t.max_ns > 0 ? t : (struct grant_terms){.kinds = 0};
}

const char *grant_choice_refusal(const struct grant_terms *t, const struct grant_choice *c)
{
    if (c->kind == GRANT_ONCE)
        return c->uses > 1 || c->for_ns != 0 ? "uses and a time go with a grant of a shape or a session" : NULL;
    if (c->kind != GRANT_SHAPE && c->kind != GRANT_SESSION)
        return "there is no such kind of grant";
    if ((t->kinds & c->kind) == 0)
        return "its guardrails do not let approvers grant that";
    if (t->uses != 0 && c->uses > t->uses)
        return "that is more uses than its guardrails allow";
    if (c->uses > LIMIT_GRANT_USES)
        return "that is more uses than one grant can have";
    if (c->for_ns < 0 || c->for_ns > t->max_ns)
        return "that is longer than its guardrails allow";
    return NULL;
}

struct grant_scope grant_narrowest(const struct grant_terms *t, const struct grant_choice *choices, size_t n)
{
    struct grant_scope s = {.uses = t->uses, .for_ns = t->max_ns};
    for (size_t i = 0; i < n; i++) {
        const struct grant_choice *c = &choices[i];
        if (c->kind == GRANT_ONCE || grant_choice_refusal(t, c) != NULL)
            return (struct grant_scope){.kinds = 0};
        s.kinds |= c->kind;
        s.uses = fewer(s.uses, c->uses);
        s.for_ns = shorter(s.for_ns, c->for_ns);
    }
    return s;
}

enum grant_answer grant_in_force(const struct grant *g, uint32_t reserved, int64_t now_wall_ns)
{
    if (g->revoked_wall_ns != 0)
        return GRANT_REVOKED;
    /* A clock that was set back before it was made makes it no younger. */
    if (now_wall_ns >= g->expires_wall_ns || now_wall_ns < g->created_wall_ns)
        return GRANT_EXPIRED;
    if (g->uses != 0 && (uint64_t)g->used + reserved >= g->uses)
        return GRANT_USED_UP;
    return GRANT_COVERS;
}

static bool names(struct str list, struct str name)
{
    while (list.n != 0) {
        struct str head = list;
        if (!str_cut(list, ',', &head, &list))
            list = (struct str){NULL, 0};
        if (str_eq(str_trim(head), name))
            return true;
    }
    return false;
}

/* What the guardrail says now counts, where that is less than what it said then. */
static bool still_allowed(const struct grant *g, const struct grant_use *u)
{
    const struct grant_terms *t = &u->part->terms;
    bool in_time = t->max_ns > 0 && u->now_wall_ns - g->created_wall_ns < t->max_ns;
    bool in_uses = t->uses == 0 || (uint64_t)g->used + u->reserved < t->uses;
    /* What a session may do is what the guardrail held when it was granted: that may be another guardrail now. */
    bool same_policy = (g->kinds & GRANT_SESSION) == 0 || str_eq(g->policy_version, u->policy_version);
    return (g->kinds & ~t->kinds) == 0 && in_time && in_uses && same_policy;
}

enum grant_answer grant_covers(const struct grant *g, const struct grant_use *u)
{
    enum grant_answer a = grant_in_force(g, u->reserved, u->now_wall_ns);
    if (a != GRANT_COVERS)
        return a;
    if (!str_eq(g->subject, u->subject))
        return GRANT_OTHER_SUBJECT;
    if (!str_eq(g->resource, u->resource))
        return GRANT_OTHER_RESOURCE;
    if ((g->kinds & (GRANT_SHAPE | GRANT_SESSION)) == 0)
        return GRANT_NO_LONGER_ALLOWED; /* bound to nothing: covers nothing */
    if ((g->kinds & GRANT_SHAPE) != 0 && !digest_eq(&g->shape, &u->shape))
        return GRANT_OTHER_SHAPE;
    if ((g->kinds & GRANT_SESSION) != 0 && (g->session.n == 0 || !str_eq(g->session, u->session)))
        return GRANT_OTHER_SESSION;
    if (!names(g->guardrails, u->part->guardrail))
        return GRANT_OTHER_GUARDRAIL;
    return still_allowed(g, u) ? GRANT_COVERS : GRANT_NO_LONGER_ALLOWED;
}

const char *grant_answer_text(enum grant_answer a)
{
    switch (a) {
    case GRANT_COVERS:
        return "in force";
    case GRANT_REVOKED:
        return "revoked";
    case GRANT_EXPIRED:
        return "expired";
    case GRANT_USED_UP:
        return "used up";
    case GRANT_OTHER_SUBJECT:
        return "of another subject";
    case GRANT_OTHER_RESOURCE:
        return "for another resource";
    case GRANT_OTHER_SHAPE:
        return "for another statement";
    case GRANT_OTHER_SESSION:
        return "for another session";
    case GRANT_OTHER_GUARDRAIL:
        return "for another guardrail";
    case GRANT_NO_LONGER_ALLOWED:
        return "no longer allowed by its guardrail";
    }
    return "none";
}
