/* Any bytes as an expression, unchecked: parsed, planned, evaluated by both evaluators. */
#include "base/limits.h"
#include "cel_gen.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cel_schema *schema;
    struct cel_options o = {.unchecked = true, .container = STR("f")};
    struct cel_value slots[ARRAY_LEN(gen_facts)] = {{0}};
    struct cel_diagnostics d;
    struct cel_program *p;
    struct arena a, scratch;
    struct buf out CLEANUP(buf_done);
    if (schema == NULL)
        schema = gen_schema();
    arena_init(&a, 64 * MIB);
    arena_init(&scratch, LIMIT_EVAL_ARENA);
    buf_init(&out, 1 << 18);
    if (cel_compile(&a, schema, str_from(data, size), &o, &d, &p) == ERR_OK) {
        struct cel_eval e = {.slots = slots, .arena = &scratch, .cost_limit = 20000};
        struct cel_value fast = cel_evaluate(p, &e);
        if (!gen_agree(fast, cel_evaluate_slow(p, &e), &out)) {
            fprintf(stderr, "%.*s", STR_FMT(buf_view(&out)));
            abort();
        }
        cel_program_free(p);
    }
    for (size_t i = 0; i < d.count; i++)
        (void)!cel_diagnostic_text(&out, &d.items[i]);
    arena_done(&a);
    arena_done(&scratch);
    return 0;
}
