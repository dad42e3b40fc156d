/* Any bytes as a condition, checked and linted, with a macro; its conjuncts must combine to it. */
#include "base/limits.h"
#include "cel_gen.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum cel_outcome combined(const struct cel_program *p, struct cel_eval *e)
{
    size_t n;
    bool unknown = false, error = false;
    (void)cel_program_conjuncts(p, &n);
    for (size_t i = 0; i < n; i++) {
        enum cel_outcome o = cel_test_conjunct(p, i, e);
        if (o == CEL_OUTCOME_FALSE)
            return o;
        unknown |= o == CEL_OUTCOME_UNKNOWN;
        error |= o == CEL_OUTCOME_ERROR;
    }
    return unknown ? CEL_OUTCOME_UNKNOWN : error ? CEL_OUTCOME_ERROR : CEL_OUTCOME_TRUE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cel_schema *schema;
    static const struct cel_macro macros[] = {{STR_INIT("in_scope"), STR_INIT("b && s == 'abc'")}};
    struct cel_options o = {
        .result = &CEL_TYPE_BOOL, .lint = true, .macros = macros, .macro_count = 1};
    struct cel_value slots[ARRAY_LEN(gen_facts)];
    struct cel_gen g = {.p = data, .left = size};
    struct cel_diagnostics d;
    struct cel_program *p;
    struct arena a, scratch;
    struct buf out CLEANUP(buf_done);
    if (schema == NULL)
        schema = gen_schema();
    for (size_t i = 0; i < ARRAY_LEN(gen_facts); i++)
        slots[i] = gen_value(&g, gen_facts[i].type);
    arena_init(&a, 64 * MIB);
    arena_init(&scratch, LIMIT_EVAL_ARENA);
    buf_init(&out, 1 << 18);
    if (cel_compile(&a, schema, str_from(data, size), &o, &d, &p) == ERR_OK) {
        struct cel_eval e = {.slots = slots, .arena = &scratch, .cost_limit = 100000};
        enum cel_outcome whole = cel_test(p, &e);
        bool spent = e.error != NULL && (e.error->code == CEL_E_COST || e.error->code == CEL_E_MEMORY);
        e.cost = 0;
        if (!spent && combined(p, &e) != whole && e.cost <= e.cost_limit && scratch.used < MIB / 2)
            abort();
        cel_program_free(p);
    }
    for (size_t i = 0; i < d.count; i++)
        (void)!cel_diagnostic_text(&out, &d.items[i]);
    arena_done(&a);
    arena_done(&scratch);
    return 0;
}
