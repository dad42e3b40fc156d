/* Compiling and running: the public functions of cel.h but explanation. */
#include "policy/cel/planner.h"

#include "base/limits.h"

static const struct cel_options no_options;

/* --- Conjuncts ------------------------------------------------------------------------------------- */

/* `slot.exists(x, …)` over a list: the condition on x; NULL for anything else. */
static const struct plan *body_of_exists(const struct plan *p)
{
    bool one_slot = p->test == test_fold && p->node->fold == FOLD_EXISTS && !p->node->two_variables &&
                    p->args[0]->eval == eval_slot && p->args[0]->node->type->kind == CEL_LIST;
    const struct plan *body = one_slot ? p->args[1] : NULL;
    return body != NULL && body->is_local && body->slot == p->places[0] ? body : NULL;
}

/*
 * `slot == constant`, `slot in [constants]`, `slot`, `!slot`: the values for which it is true. Of a list
 * `constant in slot`, `slot.exists(x, x == constant)` and `slot.exists(x, x in [constants])`: its elements.
 */
static bool index_values(struct arena *a, const struct plan *p, struct cel_conjunct *c)
{
    struct cel_value *one = arena_new(a, struct cel_value);
    const struct plan *body = body_of_exists(p);
    c->slot = body != NULL ? p->args[0]->slot : p->slot;
    c->of_element = body != NULL || p->test == test_string_in_slot;
    c->values = one;
    c->value_count = 1;
    if (body != NULL)
        p = body;
    if (one == NULL || p->is_negated || p->is_local != (body != NULL))
        return false;
    if (p->test == test_slot || p->test == test_slot_not)
        *one = cel_bool(p->test == test_slot);
    else if (p->test == test_slot_equal_string || p->test == test_slot_equal ||
             p->test == test_string_in_slot)
        *one = p->constant;
    else if ((p->test == test_slot_in_strings || p->test == test_slot_in_set) &&
             cel_is(p->constant, CEL_LIST) && !(p->constant.meta & CEL_FLAG_STRS << 8)) {
        c->values = p->constant.list;
        c->value_count = cel_length(p->constant);
    } else {
        return false;
    }
    return true;
}

static enum err conjunct_text(struct arena *a, const struct node *n, struct str *ret)
{
    struct buf b CLEANUP(buf_done);
    buf_init(&b, LIMIT_CEL_CANONICAL);
    enum err e = cel_node_text(&b, n);
    if (e != ERR_OK && e != ERR_LIMIT)
        return e;
    /* Too long to compare: it is equal to nothing but itself. */
    return e == ERR_LIMIT ? arena_printf(a, ret, "@%p", (const void *)n) : arena_str(a, buf_view(&b), ret);
}

static enum err make_conjuncts(struct compilation *c, struct cel_program *program,
                               const struct plan_list *plans)
{
    program->conjuncts = arena_new_array(c->arena, plans->count, struct cel_conjunct);
    program->conjunct_plans = arena_new_array(c->arena, plans->count, const struct plan *);
    if (program->conjuncts == NULL || program->conjunct_plans == NULL)
        return ERR_NOMEM;
    program->conjunct_count = plans->count;
    for (uint32_t i = 0; i < plans->count; i++) {
        const struct plan *p = plans->items[i];
        struct cel_conjunct *out = &program->conjuncts[i];
        program->conjunct_plans[i] = p;
        out->indexable = index_values(c->arena, p, out);
        if (!out->indexable)
            *out = (struct cel_conjunct){.indexable = false};
        out->lazy = p->lazy;
        TRY(conjunct_text(c->arena, p->node, &out->canonical));
    }
    return ERR_OK;
}

enum err cel_plan_program(struct compilation *c, struct cel_program *program)
{
    struct planner pl = {.c = c, .program = program, .err = ERR_INVALID};
    struct plan_list conjuncts = {0};
    size_t words = cel_schema_slots(c->schema) / 64 + 1;
    program->reads = arena_new_array(c->arena, words, uint64_t);
    if (program->reads == NULL)
        return ERR_NOMEM;
    if (!plan_conjuncts(&pl, program->root, &conjuncts))
        return pl.err;
    TRY(make_conjuncts(c, program, &conjuncts));
    if (conjuncts.count == 1)
        program->plan = conjuncts.items[0];
    else
        program->plan = plan_operands(&pl, program->root, true, &conjuncts);
    return program->plan != NULL ? ERR_OK : pl.err;
}

/* --- Compiling --------------------------------------------------------------------------------------- */

static enum err compilation_init(struct compilation *c, struct arena *a,
                                 const struct cel_schema *schema, const struct cel_options *options)
{
    *c = (struct compilation){.arena = a, .schema = schema, .options = options};
    c->diagnostics = arena_new_array(a, LIMIT_CEL_DIAGNOSTICS, struct cel_diagnostic);
    c->macros = arena_new_array(a, options->macro_count, struct macro);
    if (c->diagnostics == NULL || c->macros == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < options->macro_count; i++) {
        c->macros[i].name = options->macros[i].name;
        c->macros[i].text = options->macros[i].text;
    }
    return ERR_OK;
}

static void demand_result(struct compilation *c, const struct node *root)
{
    const struct cel_type *want = c->options->result;
    struct buf b CLEANUP(buf_done);
    buf_init(&b, 200);
    if (want == NULL || c->options->unchecked || root->type->kind == CEL_DYN ||
        cel_type_equal(want, root->type))
        return;
    if (cel_type_text(&b, want) != ERR_OK || buf_put_str(&b, STR(", not ")) != ERR_OK ||
        cel_type_text(&b, root->type) != ERR_OK)
        buf_clear(&b);
    cel_diagnose(c, CEL_LEVEL_ERROR, "result-type", root->offset, root->end, NO_HINT,
             "the result should be %.*s", STR_FMT(buf_view(&b)));
}

static enum err build(struct compilation *c, struct cel_program *program)
{
    program->root = cel_parse(c);
    if (program->root == NULL || !cel_check(c, program->root))
        return c->no_memory ? ERR_NOMEM : ERR_INVALID;
    program->type = program->root->type;
    demand_result(c, program->root);
    if (c->error_count != 0)
        return ERR_INVALID;
    TRY(cel_plan_program(c, program));
    return c->error_count != 0 ? ERR_INVALID : ERR_OK;
}

enum err cel_compile(struct arena *a, const struct cel_schema *schema, struct str text,
                     const struct cel_options *options, struct cel_diagnostics *ret_diagnostics,
                     struct cel_program **ret_program)
{
    struct compilation c;
    struct cel_program *program = arena_new(a, struct cel_program);
    *ret_diagnostics = (struct cel_diagnostics){NULL, 0};
    if (program == NULL)
        return ERR_NOMEM;
    TRY(compilation_init(&c, a, schema, options != NULL ? options : &no_options));
    if (text.n <= LIMIT_CEL_TEXT)
        TRY(arena_str(a, text, &text));
    c.source = text;
    program->schema = schema;
    program->text = text;
    enum err e = build(&c, program);
    *ret_diagnostics = (struct cel_diagnostics){c.diagnostics, c.diagnostic_count};
    if (e == ERR_OK)
        *ret_program = program;
    else
        cel_program_free(program);
    return c.no_memory ? ERR_NOMEM : e;
}

void cel_program_free(struct cel_program *p)
{
    for (struct regex_link *l = p != NULL ? p->regexes : NULL; l != NULL; l = l->next)
        cel_regex_free(l->regex);
    if (p != NULL)
        p->regexes = NULL;
}

const struct cel_type *cel_program_type(const struct cel_program *p)
{
    return p->type;
}

struct str cel_program_text(const struct cel_program *p)
{
    return p->text;
}

uint64_t cel_program_lazy(const struct cel_program *p)
{
    return p->plan->lazy;
}

bool cel_program_reads(const struct cel_program *p, uint32_t slot)
{
    return slot < cel_schema_slots(p->schema) && (p->reads[slot / 64] >> (slot % 64) & 1) != 0;
}

uint64_t cel_program_max_cost(const struct cel_program *p)
{
    return p->plan->cost;
}

const struct cel_conjunct *cel_program_conjuncts(const struct cel_program *p, size_t *ret_count)
{
    *ret_count = p->conjunct_count;
    return p->conjuncts;
}

/* --- Evaluating ---------------------------------------------------------------------------------------- */

const char *cel_outcome_name(enum cel_outcome o)
{
    static const char *const names[] = {"error", "unknown", "false", "true"};
    return (unsigned)o < ARRAY_LEN(names) ? names[o] : "error";
}

static bool begin(const struct cel_program *p, struct cel_eval *e)
{
    e->unknown = 0;
    e->error = NULL;
    e->program = p;
    if (LIKELY(p->local_count == 0))
        return true;
    if (LIKELY(p->local_count <= ARRAY_LEN(e->few_locals))) {
        e->locals = e->few_locals;
        return true;
    }
    e->locals = arena_alloc(e->arena, p->local_count * sizeof(struct cel_value));
    if (e->locals == NULL)
        e->error = eval_no_memory(e).error;
    return e->locals != NULL;
}

static enum cel_outcome outcome_of(enum tri t, struct cel_eval *e)
{
    /* Straight code does not look at the budget at each step; it does so here. */
    if (UNLIKELY(e->cost > e->cost_limit)) {
        e->error = eval_over_budget(e).error;
        return CEL_OUTCOME_ERROR;
    }
    static const enum cel_outcome outcomes[] = {CEL_OUTCOME_FALSE, CEL_OUTCOME_TRUE,
                                                CEL_OUTCOME_ERROR, CEL_OUTCOME_UNKNOWN};
    return outcomes[t];
}

enum cel_outcome cel_test(const struct cel_program *p, struct cel_eval *e)
{
    e->cost = 0;
    if (!begin(p, e))
        return CEL_OUTCOME_ERROR;
    return outcome_of(p->plan->test(p->plan, e), e);
}

enum cel_outcome cel_test_conjunct(const struct cel_program *p, size_t i, struct cel_eval *e)
{
    if (i >= p->conjunct_count || !begin(p, e))
        return CEL_OUTCOME_ERROR;
    const struct plan *plan = p->conjunct_plans[i];
    return outcome_of(plan->test(plan, e), e);
}

struct cel_value cel_evaluate(const struct cel_program *p, struct cel_eval *e)
{
    e->cost = 0;
    if (!begin(p, e))
        return (struct cel_value){.meta = CEL_ERROR_VALUE, .error = e->error};
    struct cel_value v = p->plan->eval(p->plan, e);
    if (e->cost > e->cost_limit)
        v = eval_over_budget(e);
    if (cel_is(v, CEL_ERROR_VALUE))
        e->error = v.error;
    else if (cel_is(v, CEL_UNKNOWN_VALUE))
        e->unknown = v.u;
    return v;
}
