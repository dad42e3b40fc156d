/* Random expressions over random facts: the fast evaluator against the slow one, checked and not. */
#include "base/limits.h"
#include "cel_gen.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(struct arena *a, const struct cel_schema *schema, struct str text,
                const struct cel_value *slots, bool unchecked)
{
    struct cel_options o = {.unchecked = unchecked};
    struct cel_diagnostics d;
    struct cel_program *p;
    struct arena fast_arena, slow_arena;
    struct buf out CLEANUP(buf_done);
    buf_init(&out, 1 << 18);
    if (cel_compile(a, schema, text, &o, &d, &p) != ERR_OK)
        return;
    arena_init(&fast_arena, LIMIT_EVAL_ARENA);
    arena_init(&slow_arena, LIMIT_EVAL_ARENA);
    struct cel_eval fast = {.slots = slots, .arena = &fast_arena, .cost_limit = 20000};
    struct cel_eval slow = {.slots = slots, .arena = &slow_arena, .cost_limit = 40000};
    struct cel_explanation x;
    if (!gen_agree(cel_evaluate(p, &fast), cel_evaluate_slow(p, &slow), &out)) {
        fprintf(stderr, "%.*s\n%.*s", STR_FMT(text), STR_FMT(buf_view(&out)));
        abort();
    }
    if (cel_explain(p, &slow, &x) == ERR_OK) {
        buf_clear(&out);
        (void)!cel_explanation_text(&out, &x);
    }
    cel_program_free(p);
    arena_done(&fast_arena);
    arena_done(&slow_arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cel_schema *schema;
    struct cel_gen g = {.p = data, .left = size};
    struct cel_value slots[ARRAY_LEN(gen_facts)];
    struct arena a;
    if (schema == NULL)
        schema = gen_schema();
    for (size_t i = 0; i < ARRAY_LEN(gen_facts); i++)
        slots[i] = gen_value(&g, gen_facts[i].type);
    buf_init(&g.out, 1 << 16);
    gen_expr(&g, (enum gen_type)gen_below(&g, 8));
    arena_init(&a, 64 * MIB);
    run(&a, schema, buf_view(&g.out), slots, false);
    arena_reset(&a);
    run(&a, schema, buf_view(&g.out), slots, true);
    arena_done(&a);
    buf_done(&g.out);
    return 0;
}
