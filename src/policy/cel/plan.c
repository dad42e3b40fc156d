/* From the checked tree to code: names to slots, constants folded, common shapes fused. */
#include "policy/cel/planner.h"

#include "base/limits.h"

static const struct plan *plan_kind(struct planner *pl, struct node *n);

struct plan *plan_new(struct planner *pl, struct node *n, test_fn *test, eval_fn *eval)
{
    if (pl->count >= LIMIT_CEL_NODES) {
        cel_diagnose(pl->c, CEL_LEVEL_ERROR, "limit", n->offset, n->end, NO_HINT,
                 "the expression with its macros has more than %d parts", LIMIT_CEL_NODES);
        pl->err = ERR_INVALID;
        return NULL;
    }
    struct plan *p = arena_new(pl->c->arena, struct plan);
    if (p == NULL) {
        pl->err = ERR_NOMEM;
        return NULL;
    }
    pl->count++;
    p->test = test;
    p->eval = eval;
    p->node = n;
    p->offset = pl->in_macro ? pl->macro_offset : n->at;
    p->lazy_bit = CEL_EAGER;
    p->cost = 1;
    return p;
}

static uint64_t add_cost(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

bool plan_args(struct planner *pl, struct plan *p, struct node *const *args, uint32_t n)
{
    const struct plan **plans = arena_new_array(pl->c->arena, n, const struct plan *);
    if (plans == NULL) {
        pl->err = ERR_NOMEM;
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        plans[i] = plan_node(pl, args[i]);
        if (plans[i] == NULL)
            return false;
        p->cost = add_cost(p->cost, plans[i]->cost);
        p->lazy |= plans[i]->lazy;
    }
    p->args = plans;
    p->count = n;
    return true;
}

/* A node without operands that can fail runs now, if it is cheap enough. */
const struct plan *plan_fold(struct planner *pl, struct plan *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (!p->args[i]->is_constant)
            return p;
    struct cel_eval e = {.arena = pl->c->arena, .cost_limit = FOLDING_COST, .program = pl->program};
    struct cel_value v = p->eval(p, &e);
    if (is_failed(v)) {
        if (v.meta == CEL_ERROR_VALUE && pl->c->options->lint && v.error->code != CEL_E_COST &&
            v.error->code != CEL_E_MEMORY)
            cel_diagnose(pl->c, CEL_LEVEL_ERROR, "always-fails", p->node->offset, p->node->end, NO_HINT,
                     "this always fails: %.*s", STR_FMT(v.error->message));
        return p;
    }
    p->constant = v;
    p->is_constant = true;
    p->test = test_constant;
    p->eval = eval_constant;
    p->cost = 0;
    return p;
}

/* --- Names ------------------------------------------------------------------------------------------- */

static const struct plan *plan_slot(struct planner *pl, struct node *n)
{
    const struct cel_variable *v = n->variable;
    bool test = n->kind == NODE_SELECT && n->test;
    bool optional = n->kind == NODE_SELECT && n->optional;
    struct plan *p = plan_new(pl, n, test ? test_has_slot : test_slot,
                              test ? eval_test : optional ? eval_optional_slot : eval_slot);
    if (p == NULL)
        return NULL;
    if (optional)
        p->test = test_value;
    p->slot = v->slot;
    p->lazy_bit = v->lazy_bit;
    p->lazy = v->lazy_bit >= 0 ? (uint64_t)1 << v->lazy_bit : 0;
    pl->program->reads[v->slot / 64] |= (uint64_t)1 << (v->slot % 64);
    return p;
}

static const struct plan *plan_local(struct planner *pl, struct node *n)
{
    const struct local *l = n->local;
    struct plan *p = plan_new(pl, n, test_value, l->value != NULL ? eval_lazy_local : eval_local);
    const struct plan **args = arena_new_array(pl->c->arena, 1, const struct plan *);
    if (p == NULL || args == NULL) {
        pl->err = args == NULL ? ERR_NOMEM : pl->err;
        return NULL;
    }
    p->slot = l->place;
    args[0] = l->value;
    p->args = args;
    p->lazy = l->value != NULL ? l->value->lazy : 0;
    return p;
}

/* A macro's tree stands in for its name; errors point at the name. */
static const struct plan *plan_macro(struct planner *pl, struct node *n)
{
    bool outer = !pl->in_macro;
    if (outer) {
        pl->in_macro = true;
        pl->macro_offset = n->at;
    }
    const struct plan *p = plan_node(pl, n->macro->root);
    if (outer)
        pl->in_macro = false;
    return p;
}

static const struct plan *plan_name(struct planner *pl, struct node *n)
{
    struct plan *p;
    switch (n->ref) {
    case REF_SLOT:
        return plan_slot(pl, n);
    case REF_LOCAL:
        return plan_local(pl, n);
    case REF_MACRO:
        return plan_macro(pl, n);
    case REF_TYPE:
        p = plan_new(pl, n, test_constant, eval_constant);
        if (p != NULL) {
            p->constant = n->literal;
            p->is_constant = true;
        }
        return p;
    case REF_NONE:
    case REF_UNDECLARED:
        break;
    }
    return plan_new(pl, n, test_value, eval_undeclared);
}

static const struct plan *plan_select(struct planner *pl, struct node *n)
{
    if (n->ref != REF_NONE)
        return plan_name(pl, n);
    struct plan *p = plan_new(pl, n, n->test ? test_has : test_value, n->test ? eval_test : eval_select);
    return p != NULL && plan_args(pl, p, n->args, 1) ? plan_fold(pl, p) : NULL;
}

/* --- Logic --------------------------------------------------------------------------------------------- */

/* The operands of nested && (or ||), through parentheses and macros. */
static bool collect(struct planner *pl, enum node_kind kind, struct node *n, struct plan_list *out)
{
    if (++pl->depth > LIMIT_CEL_DEPTH)
        return plan_node(pl, n) != NULL;
    bool ok = true;
    if (n->kind == kind) {
        for (uint32_t i = 0; i < n->arg_count && ok; i++)
            ok = collect(pl, kind, n->args[i], out);
    } else if (n->ref == REF_MACRO && n->macro->root->kind == kind) {
        bool outer = !pl->in_macro;
        if (outer)
            pl->macro_offset = n->at;
        pl->in_macro = true;
        ok = collect(pl, kind, n->macro->root, out);
        pl->in_macro = !outer;
    } else {
        const struct plan *p = plan_node(pl, n);
        ok = p != NULL && plan_list_add(pl, out, p);
    }
    pl->depth--;
    return ok;
}

/* Cheap operands first, those that may need a lazy fact last: && and || allow any order. */
static void order_operands(const struct plan **args, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        const struct plan *p = args[i];
        uint32_t k = i;
        while (k > 0 && ((args[k - 1]->lazy != 0) > (p->lazy != 0) ||
                         ((args[k - 1]->lazy != 0) == (p->lazy != 0) && args[k - 1]->cost > p->cost))) {
            args[k] = args[k - 1];
            k--;
        }
        args[k] = p;
    }
}

struct plan *plan_operands(struct planner *pl, struct node *n, bool is_and,
                           const struct plan_list *operands)
{
    struct plan *p = plan_new(pl, n, is_and ? test_and : test_or, eval_test);
    const struct plan **args = arena_new_array(pl->c->arena, operands->count, const struct plan *);
    if (p == NULL || args == NULL) {
        pl->err = args == NULL ? ERR_NOMEM : pl->err;
        return NULL;
    }
    for (uint32_t i = 0; i < operands->count; i++) {
        args[i] = operands->items[i];
        p->cost = add_cost(p->cost, args[i]->cost);
        p->lazy |= args[i]->lazy;
    }
    if (operands->count <= ORDERED_OPERANDS)
        order_operands(args, operands->count);
    p->args = args;
    p->count = operands->count;
    return p;
}

static const struct plan *plan_logic(struct planner *pl, struct node *n)
{
    struct plan_list operands = {0};
    if (!collect(pl, n->kind, n, &operands))
        return NULL;
    return plan_operands(pl, n, n->kind == NODE_AND, &operands);
}

bool plan_conjuncts(struct planner *pl, struct node *root, struct plan_list *ret)
{
    return collect(pl, NODE_AND, root, ret);
}

static const struct plan *plan_cond(struct planner *pl, struct node *n)
{
    struct plan *p = plan_new(pl, n, test_cond, eval_cond);
    if (p == NULL || !plan_args(pl, p, n->args, 3))
        return NULL;
    const struct plan *condition = p->args[0];
    if (condition->is_constant && cel_is(condition->constant, CEL_BOOL))
        return p->args[condition->constant.i ? 1 : 2];
    return p;
}

/* --- Literals, variables --------------------------------------------------------------------------------- */

static const struct plan *plan_literal(struct planner *pl, struct node *n)
{
    struct plan *p = plan_new(pl, n, test_constant, eval_constant);
    if (p == NULL)
        return NULL;
    p->constant = n->literal;
    p->is_constant = true;
    p->cost = 0;
    return p;
}

static const struct plan *plan_container(struct planner *pl, struct node *n)
{
    struct plan *p = plan_new(pl, n, test_value, n->kind == NODE_LIST ? eval_list : eval_map);
    return p != NULL && plan_args(pl, p, n->args, n->arg_count) ? plan_fold(pl, p) : NULL;
}

static uint32_t new_place(struct planner *pl)
{
    return pl->program->local_count++;
}

/* A loop over a constant list is bounded; over a fact it is not known how long. */
static uint64_t loop_cost(const struct plan *range, const struct plan *body)
{
    uint64_t cost;
    if (!range->is_constant || !cel_is(range->constant, CEL_LIST) ||
        __builtin_mul_overflow(add_cost(body->cost, 1), cel_length(range->constant), &cost))
        return UINT64_MAX;
    return cost;
}

static const struct plan *plan_macro_fold(struct planner *pl, struct node *n)
{
    bool boolean = n->fold <= FOLD_EXISTS_ONE;
    struct plan *p = plan_new(pl, n, boolean ? test_fold : test_value, boolean ? eval_test : eval_fold);
    if (p == NULL)
        return NULL;
    for (int i = 0; i < 2; i++) {
        p->places[i] = n->locals[i].place = new_place(pl);
        n->locals[i].value = NULL;
    }
    if (!plan_args(pl, p, n->args, n->arg_count))
        return NULL;
    p->cost = add_cost(p->cost, loop_cost(p->args[0], p->args[1]));
    return p;
}

static const struct plan *plan_bind(struct planner *pl, struct node *n)
{
    struct plan *p = plan_new(pl, n, test_value, eval_bind);
    struct local *l = &n->locals[0];
    if (p == NULL)
        return NULL;
    l->value = plan_node(pl, n->args[0]);
    if (l->value == NULL)
        return NULL;
    const struct plan *value = l->value;
    p->places[0] = l->place = new_place(pl);
    if (!plan_args(pl, p, n->args + 1, 1))
        return NULL;
    p->cost = add_cost(p->cost, value->cost);
    p->lazy |= value->lazy;
    return p;
}

static const struct plan *plan_opt_map(struct planner *pl, struct node *n)
{
    struct plan *p = plan_new(pl, n, test_value, eval_opt_map);
    if (p == NULL)
        return NULL;
    p->places[0] = n->locals[0].place = new_place(pl);
    n->locals[0].value = NULL;
    return plan_args(pl, p, n->args, 2) ? p : NULL;
}

static const struct plan *plan_kind(struct planner *pl, struct node *n)
{
    switch (n->kind) {
    case NODE_LITERAL:
        return plan_literal(pl, n);
    case NODE_IDENT:
        return plan_name(pl, n);
    case NODE_SELECT:
        return plan_select(pl, n);
    case NODE_CALL:
        return plan_call(pl, n);
    case NODE_AND:
    case NODE_OR:
        return plan_logic(pl, n);
    case NODE_COND:
        return plan_cond(pl, n);
    case NODE_LIST:
    case NODE_MAP:
        return plan_container(pl, n);
    case NODE_FOLD:
        return plan_macro_fold(pl, n);
    case NODE_BIND:
        return plan_bind(pl, n);
    case NODE_OPT_MAP:
        return plan_opt_map(pl, n);
    }
    return NULL;
}

const struct plan *plan_node(struct planner *pl, struct node *n)
{
    if (pl->depth >= LIMIT_CEL_DEPTH) {
        cel_diagnose(pl->c, CEL_LEVEL_ERROR, "limit", n->offset, n->end, NO_HINT,
                 "the expression with its macros is deeper than %d", LIMIT_CEL_DEPTH);
        pl->err = ERR_INVALID;
        return NULL;
    }
    pl->depth++;
    const struct plan *p = plan_kind(pl, n);
    pl->depth--;
    return p;
}
