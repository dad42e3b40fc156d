#include "tap.h"

#include "base/limits.h"
#include "cel_gen.h"

#include <stdio.h>

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

enum { ROUNDS = 20000, SEED_BYTES = 160 };

/* Counts what came, so that the test is known to reach every kind of outcome. */
struct tally {
    unsigned compiled, values, errors, unknowns;
};

static void one(struct cel_schema *schema, uint64_t *state, bool unchecked, struct tally *t)
{
    uint8_t bytes[SEED_BYTES];
    struct cel_value slots[ARRAY_LEN(gen_facts)];
    struct cel_options o = {.unchecked = unchecked};
    struct cel_diagnostics d;
    struct cel_program *p;
    struct arena a, fast_arena, slow_arena;
    struct buf out CLEANUP(buf_done);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(next_random(state) >> 24);
    struct cel_gen g = {.p = bytes, .left = sizeof(bytes)};
    for (size_t i = 0; i < ARRAY_LEN(gen_facts); i++)
        slots[i] = gen_value(&g, gen_facts[i].type);
    buf_init(&g.out, 1 << 16);
    buf_init(&out, 1 << 18);
    gen_expr(&g, (enum gen_type)gen_below(&g, 8));
    arena_init(&a, 16 * MIB);
    arena_init(&fast_arena, LIMIT_EVAL_ARENA);
    arena_init(&slow_arena, LIMIT_EVAL_ARENA);
    if (cel_compile(&a, schema, buf_view(&g.out), &o, &d, &p) == ERR_OK) {
        struct cel_eval fast = {.slots = slots, .arena = &fast_arena, .cost_limit = LIMIT_CEL_COST};
        struct cel_eval slow = {.slots = slots, .arena = &slow_arena, .cost_limit = LIMIT_CEL_COST};
        struct cel_value v = cel_evaluate(p, &fast);
        bool agree = gen_agree(v, cel_evaluate_slow(p, &slow), &out);
        CHECK(agree);
        if (!agree)
            printf("# %.*s\n# %.*s", STR_FMT(buf_view(&g.out)), STR_FMT(buf_view(&out)));
        t->compiled++;
        t->errors += cel_is(v, CEL_ERROR_VALUE);
        t->unknowns += cel_is(v, CEL_UNKNOWN_VALUE);
        t->values += !cel_is(v, CEL_ERROR_VALUE) && !cel_is(v, CEL_UNKNOWN_VALUE);
        cel_program_free(p);
    }
    buf_done(&g.out);
    arena_done(&a);
    arena_done(&fast_arena);
    arena_done(&slow_arena);
}

static void many(bool unchecked)
{
    struct cel_schema *schema = gen_schema();
    struct tally t = {0};
    uint64_t state = 0x9e3779b97f4a7c15u;
    for (int i = 0; i < ROUNDS && tap.failures < 5; i++)
        one(schema, &state, unchecked, &t);
    printf("# %u compiled: %u values, %u errors, %u unknown\n", t.compiled, t.values, t.errors,
           t.unknowns);
    CHECK(t.compiled > ROUNDS / 2 && t.values > 1000 && t.errors > 1000 && t.unknowns > 300);
    cel_schema_free(schema);
}

TEST(both_evaluators_agree_on_checked_random_expressions)
{
    many(false);
}

TEST(both_evaluators_agree_on_unchecked_random_expressions)
{
    many(true);
}

TAP_MAIN(T(both_evaluators_agree_on_checked_random_expressions),
         T(both_evaluators_agree_on_unchecked_random_expressions))
