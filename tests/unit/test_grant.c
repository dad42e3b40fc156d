/* The pure rules of grants, by example and against random ones. */
#include "tap.h"

#include "approval/grant.h"
#include "base/clock.h"
#include "base/limits.h"

#define MIN (60 * NS_PER_S)

static struct hold_part a_part(void)
{
    return (struct hold_part){.guardrail = STR("bulk"),
                              .terms = {.kinds = GRANT_SHAPE | GRANT_SESSION, .max_ns = 30 * MIN, .uses = 5}};
}

static struct grant a_grant(void)
{
    return (struct grant){.id = 1, .kinds = GRANT_SHAPE, .shape = {{1}}, .session = STR("s1"),
                          .subject = STR("dev"), .resource = STR("shop"), .guardrails = STR("other, bulk"),
                          .policy_version = STR("v1"), .uses = 3, .created_wall_ns = 100 * MIN,
                          .expires_wall_ns = 120 * MIN};
}

static struct grant_use a_use(const struct hold_part *p)
{
    return (struct grant_use){.subject = STR("dev"), .resource = STR("shop"), .session = STR("s1"),
                              .policy_version = STR("v1"), .shape = {{1}}, .part = p, .now_wall_ns = 101 * MIN};
}

TEST(a_grant_covers_what_it_is_bound_to_and_nothing_else)
{
    struct hold_part p = a_part();
    struct grant g = a_grant();
    struct grant_use u = a_use(&p);
    CHECK(grant_covers(&g, &u) == GRANT_COVERS);
    u.session = STR("s2"); /* no part of a shape's binding */
    u.policy_version = STR("v2");
    CHECK(grant_covers(&g, &u) == GRANT_COVERS);
#define ONE(what, want)                                                                            \
    do {                                                                                           \
        p = a_part(), g = a_grant(), u = a_use(&p);                                                \
        what;                                                                                      \
        CHECK(grant_covers(&g, &u) == (want));                                                     \
    } while (0)
    ONE(u.subject = STR("dev2"), GRANT_OTHER_SUBJECT);
    ONE(u.resource = STR("shop2"), GRANT_OTHER_RESOURCE);
    ONE(u.shape.b[31] = 1, GRANT_OTHER_SHAPE);
    ONE(p.guardrail = STR("bul"), GRANT_OTHER_GUARDRAIL);
    ONE(p.guardrail = STR("other, bulk"), GRANT_OTHER_GUARDRAIL);
    ONE(g.kinds = GRANT_SESSION; u.session = STR("s2"), GRANT_OTHER_SESSION);
    ONE(g.kinds = GRANT_SESSION; u.session = g.session = STR(""), GRANT_OTHER_SESSION);
    ONE(g.kinds = GRANT_SESSION; u.shape.b[0] = 9, GRANT_COVERS);
    ONE(g.kinds = GRANT_SESSION; u.policy_version = STR("v2"), GRANT_NO_LONGER_ALLOWED);
    ONE(g.kinds = GRANT_SESSION | GRANT_SHAPE; u.shape.b[0] = 9, GRANT_OTHER_SHAPE);
    ONE(g.kinds = GRANT_ONCE, GRANT_NO_LONGER_ALLOWED);
    ONE(g.kinds = 0, GRANT_NO_LONGER_ALLOWED);
    ONE(g.revoked_wall_ns = 1, GRANT_REVOKED);
    ONE(g.used = 3, GRANT_USED_UP);
    ONE(g.used = 2; u.reserved = 1, GRANT_USED_UP);
    ONE(g.used = UINT32_MAX; u.reserved = UINT32_MAX, GRANT_USED_UP);
    ONE(u.now_wall_ns = 120 * MIN, GRANT_EXPIRED);
    ONE(u.now_wall_ns = 99 * MIN, GRANT_EXPIRED);
}

TEST(a_guardrail_that_became_stricter_is_followed)
{
    struct hold_part p = a_part();
    struct grant g = a_grant();
    struct grant_use u = a_use(&p);
    ONE(p.terms.kinds = GRANT_SESSION, GRANT_NO_LONGER_ALLOWED);
    ONE(p.terms = (struct grant_terms){.kinds = 0}, GRANT_NO_LONGER_ALLOWED);
    ONE(p.terms.max_ns = MIN, GRANT_NO_LONGER_ALLOWED);
    ONE(p.terms.uses = 1; g.used = 1, GRANT_NO_LONGER_ALLOWED);
    ONE(p.terms.uses = 2; g.used = 1, GRANT_COVERS);
}

TEST(what_several_grant_is_the_narrowest_of_it)
{
    struct grant_terms t = a_part().terms;
    struct grant_choice c[] = {{GRANT_SHAPE, 4, 0}, {GRANT_SHAPE, 0, 10 * MIN}};
    struct grant_scope s = grant_narrowest(&t, c, 2);
    CHECK(s.kinds == GRANT_SHAPE && s.uses == 4 && s.for_ns == 10 * MIN);
    c[1].kind = GRANT_SESSION;
    CHECK(grant_narrowest(&t, c, 2).kinds == (GRANT_SHAPE | GRANT_SESSION));
    c[1] = (struct grant_choice){GRANT_ONCE, 0, 0};
    CHECK(grant_narrowest(&t, c, 2).kinds == 0);
    CHECK(grant_narrowest(&t, c, 0).kinds == 0);
    c[0].uses = 6;
    CHECK(grant_narrowest(&t, c, 1).kinds == 0); /* beyond the terms: nothing, never the most */
}

TEST(a_choice_beyond_the_terms_is_refused)
{
    struct grant_terms t = a_part().terms, none = {.kinds = 0};
    struct grant_choice once = {GRANT_ONCE, 0, 0}, shape = {GRANT_SHAPE, 5, 30 * MIN};
    CHECK(grant_choice_refusal(&t, &once) == NULL && grant_choice_refusal(&none, &once) == NULL);
    CHECK(grant_choice_refusal(&t, &shape) == NULL && grant_choice_refusal(&none, &shape) != NULL);
    shape.uses = 6;
    CHECK(grant_choice_refusal(&t, &shape) != NULL);
    shape = (struct grant_choice){GRANT_SHAPE, 1, 30 * MIN + 1};
    CHECK(grant_choice_refusal(&t, &shape) != NULL);
    shape.for_ns = -1;
    CHECK(grant_choice_refusal(&t, &shape) != NULL);
    struct grant_choice odd = {(enum grant_kind)(GRANT_SHAPE | GRANT_SESSION), 1, MIN}, zero = {0};
    CHECK(grant_choice_refusal(&t, &odd) != NULL && grant_choice_refusal(&t, &zero) != NULL);
    once.uses = 2;
    CHECK(grant_choice_refusal(&t, &once) != NULL);
}

TEST(the_terms_of_several_guardrails_are_what_all_allow)
{
    struct hold_part p[] = {a_part(), a_part()};
    p[1].terms = (struct grant_terms){.kinds = GRANT_SHAPE, .max_ns = 5 * MIN, .uses = 0};
    struct grant_terms t = grant_terms_common(p, 2);
    CHECK(t.kinds == GRANT_SHAPE && t.max_ns == 5 * MIN && t.uses == 5);
    p[1].terms.kinds = 0;
    CHECK(grant_terms_common(p, 2).kinds == 0 && grant_terms_common(p, 0).kinds == 0);
}

/* xorshift64*: the same every time. */
static uint64_t next(uint64_t *s)
{
    *s ^= *s >> 12;
    *s ^= *s << 25;
    *s ^= *s >> 27;
    return *s * UINT64_C(2685821657736338717);
}

static struct str pick(uint64_t *s)
{
    static const struct str words[] = {STR_INIT("a"), STR_INIT("b"), STR_INIT("")};
    return words[next(s) % ARRAY_LEN(words)];
}

/* Random lives: choices, uses, revocation, stricter policies, clocks. Whatever happens, no grant runs more
 * often, longer or for more than each of those who made it, and the guardrail at each use, said. */
TEST(S3_no_random_life_of_a_grant_gets_beyond_what_was_chosen)
{
    uint64_t seed = 42, covered = 0, refused = 0;
    for (int life = 0; life < 20000; life++) {
        struct hold_part p = a_part();
        p.terms.uses = (uint32_t)(next(&seed) % 6);
        p.terms.max_ns = (int64_t)(1 + next(&seed) % 30) * MIN;
        struct grant_choice c[3];
        size_t n = 1 + next(&seed) % 3;
        for (size_t i = 0; i < n; i++)
            c[i] = (struct grant_choice){next(&seed) % 8 == 0 ? GRANT_ONCE : next(&seed) % 2 ? GRANT_SHAPE : GRANT_SESSION,
                                         (uint32_t)(next(&seed) % 7), (int64_t)(next(&seed) % 35) * MIN};
        struct grant_scope s = grant_narrowest(&p.terms, c, n);
        for (size_t i = 0; i < n && s.kinds != 0; i++) {
            CHECK(c[i].kind != GRANT_ONCE && (s.kinds & c[i].kind) != 0);
            CHECK((c[i].uses == 0 || (s.uses != 0 && s.uses <= c[i].uses)) && s.for_ns > 0);
            CHECK((c[i].for_ns == 0 || s.for_ns <= c[i].for_ns) && s.for_ns <= p.terms.max_ns);
            CHECK(p.terms.uses == 0 || (s.uses != 0 && s.uses <= p.terms.uses));
        }
        struct grant g = {.kinds = s.kinds, .shape = {{1}}, .session = STR("a"), .subject = STR("a"),
                          .resource = STR("a"), .guardrails = STR("bulk"), .policy_version = STR("a"),
                          .uses = s.uses, .created_wall_ns = 1000 * MIN, .expires_wall_ns = 1000 * MIN + s.for_ns};
        int64_t now = g.created_wall_ns;
        for (int step = 0; step < 20; step++) {
            now += (int64_t)(next(&seed) % 4) * MIN;
            if (next(&seed) % 30 == 0)
                g.revoked_wall_ns = now;
            if (next(&seed) % 10 == 0)
                p.terms.uses = (uint32_t)(next(&seed) % 6);
            struct grant_use u = {.subject = pick(&seed), .resource = STR("a"), .session = pick(&seed),
                                  .policy_version = STR("a"), .part = &p, .now_wall_ns = now,
                                  .reserved = (uint32_t)(next(&seed) % 3)};
            u.shape.b[0] = (unsigned char)(1 + next(&seed) % 2);
            if (grant_covers(&g, &u) != GRANT_COVERS) {
                refused++;
                continue;
            }
            covered++;
            CHECK(s.kinds != 0 && g.revoked_wall_ns == 0 && now < g.created_wall_ns + s.for_ns);
            CHECK((s.uses == 0 || g.used + u.reserved < s.uses) && str_is(u.subject, "a"));
            CHECK((s.kinds & GRANT_SHAPE) == 0 || u.shape.b[0] == 1);
            CHECK((s.kinds & GRANT_SESSION) == 0 || str_is(u.session, "a"));
            CHECK(p.terms.uses == 0 || g.used + u.reserved < p.terms.uses);
            g.used++;
        }
        if (tap.failures != 0)
            break;
    }
    CHECK(covered > 1000 && refused > 1000); /* both were tried */
}

TAP_MAIN(T(a_grant_covers_what_it_is_bound_to_and_nothing_else), T(a_guardrail_that_became_stricter_is_followed),
         T(what_several_grant_is_the_narrowest_of_it), T(a_choice_beyond_the_terms_is_refused),
         T(the_terms_of_several_guardrails_are_what_all_allow),
         T(S3_no_random_life_of_a_grant_gets_beyond_what_was_chosen))
