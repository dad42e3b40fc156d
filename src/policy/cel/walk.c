/*
 * The slow evaluator: it walks the syntax tree with a list of variables and follows the language
 * definition word by word. It shares the functions with the fast one, but nothing of how names,
 * logic, macros, constants and comparisons are executed. It is the oracle of the tests, and what the
 * explanation evaluates with.
 */
#include "policy/cel/walk.h"

#include "base/limits.h"
#include "policy/cel/number.h"

static struct cel_value walk(struct cel_eval *e, const struct node *n, struct binding *env)
{
    return cel_walk(e, n, env);
}

static struct cel_value place(struct cel_eval *e, const struct node *n, struct cel_value v)
{
    return cel_at_offset(e, v, n->at);
}

static struct cel_value not_bool(struct cel_eval *e, const struct node *n, struct cel_value v)
{
    return is_failed(v) ? v
                        : place(e, n, cel_fail(e, CEL_E_NO_OVERLOAD, "a bool is needed here, not %s",
                                               cel_kind_name(cel_kind_of(v))));
}

/* --- Names ----------------------------------------------------------------------------------------------- */

static struct cel_value walk_local(struct cel_eval *e, const struct node *n, struct binding *env)
{
    for (struct binding *b = env; b != NULL; b = b->outer) {
        if (b->local != n->local)
            continue;
        if (b->lazy != NULL) {
            const struct node *lazy = b->lazy;
            b->lazy = NULL;
            b->value = walk(e, lazy, b->outer);
        }
        return b->value;
    }
    return cel_fail(e, CEL_E_NO_SUCH_NAME, "no variable `%.*s`", STR_FMT(n->name));
}

static struct cel_value walk_slot(struct cel_eval *e, const struct node *n)
{
    struct cel_value v = e->slots[n->variable->slot];
    bool absent = cel_is(v, CEL_ABSENT) || (cel_is(v, CEL_UNSET) && n->variable->lazy_bit < 0);
    if (n->kind == NODE_SELECT && n->test && absent)
        return cel_bool(false);
    if (n->kind == NODE_SELECT && n->optional && absent)
        return optional_none();
    if (is_special(v))
        return place(e, n, cel_slot_special(e, n->variable, v));
    if (n->kind == NODE_SELECT && n->test)
        return cel_bool(true);
    return n->kind == NODE_SELECT && n->optional ? cel_optional_of(e, v) : v;
}

static struct cel_value walk_name(struct cel_eval *e, const struct node *n, struct binding *env)
{
    switch (n->ref) {
    case REF_SLOT:
        return walk_slot(e, n);
    case REF_LOCAL:
        return walk_local(e, n, env);
    case REF_TYPE:
        return n->literal;
    case REF_MACRO:
        return walk(e, n->macro->root, NULL);
    case REF_NONE:
    case REF_UNDECLARED:
        break;
    }
    return place(e, n, cel_fail(e, CEL_E_NO_SUCH_NAME, "undeclared name `%.*s`", STR_FMT(n->name)));
}

static struct cel_value walk_select(struct cel_eval *e, const struct node *n, struct binding *env)
{
    if (n->ref != REF_NONE)
        return walk_name(e, n, env);
    struct cel_value operand = walk(e, n->args[0], env);
    if (is_failed(operand))
        return operand;
    return place(e, n, n->test ? cel_has_member(e, operand, n->name)
                               : cel_select_member(e, operand, n->name, n->optional));
}

/* --- Logic, calls ------------------------------------------------------------------------------------------ */

/* Folds one more operand of && (winner false) or || (winner true) into *sum; true: settled. */
static bool absorb(struct cel_value *sum, struct cel_value v, bool winner)
{
    if (cel_is(v, CEL_BOOL) && (v.i != 0) == winner) {
        *sum = v;
        return true;
    }
    if (cel_is(v, CEL_UNKNOWN_VALUE))
        *sum = cel_unknown(v.u | (cel_is(*sum, CEL_UNKNOWN_VALUE) ? sum->u : 0));
    else if (cel_is(v, CEL_ERROR_VALUE) && cel_is(*sum, CEL_BOOL))
        *sum = v;
    return false;
}

static struct cel_value walk_logic(struct cel_eval *e, const struct node *n, struct binding *env)
{
    bool winner = n->kind == NODE_OR;
    struct cel_value sum = cel_bool(!winner);
    for (uint32_t i = 0; i < n->arg_count; i++) {
        struct cel_value v = walk(e, n->args[i], env);
        if (!cel_is(v, CEL_BOOL))
            v = not_bool(e, n->args[i], v);
        if (absorb(&sum, v, winner))
            break;
    }
    return sum;
}

static struct cel_value walk_cond(struct cel_eval *e, const struct node *n, struct binding *env)
{
    struct cel_value condition = walk(e, n->args[0], env);
    if (!cel_is(condition, CEL_BOOL))
        return not_bool(e, n->args[0], condition);
    return walk(e, n->args[condition.i != 0 ? 1 : 2], env);
}

/* optional.or(other) and orValue(other) do not look at `other` where they need not. */
static bool is_or_else(const struct node *n, uint32_t count)
{
    cel_host_fn *fn = n->function != NULL ? n->function->overloads[0].fn : NULL;
    return count == 2 && (fn == fn_or || fn == fn_or_value);
}

static struct cel_value walk_call(struct cel_eval *e, const struct node *n, struct binding *env)
{
    struct cel_value values[LIMIT_CEL_ARGUMENTS];
    uint32_t count;
    struct node *const *args = call_args(n, &count);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = walk(e, args[i], env);
        if (i == 0 && is_or_else(n, count) && cel_is(values[0], CEL_OPTIONAL) &&
            values[0].list != NULL)
            return n->function->overloads[0].fn == fn_or_value ? *values[0].list : values[0];
        if (i == 0 && is_or_else(n, count) && is_failed(values[0]))
            return values[0];
    }
    struct cel_value failed = cel_strict_failure(values, count);
    if (is_failed(failed))
        return failed;
    if (n->function == NULL)
        return place(e, n, cel_fail(e, CEL_E_NO_OVERLOAD, "no function `%.*s`", STR_FMT(n->name)));
    return place(e, n, cel_call_overload(e, n->function, n->overload, n->member && !n->namespaced,
                                     values, count));
}

/* --- Lists and maps ------------------------------------------------------------------------------------------ */

static struct cel_value *walk_all(struct cel_eval *e, const struct node *n, struct binding *env,
                                  struct cel_value *ret_failed)
{
    struct cel_value *values = eval_alloc(e, n->arg_count * sizeof(*values));
    if (values == NULL) {
        *ret_failed = place(e, n, eval_refused(e));
        return NULL;
    }
    for (uint32_t i = 0; i < n->arg_count; i++)
        values[i] = walk(e, n->args[i], env);
    *ret_failed = cel_strict_failure(values, n->arg_count);
    return is_failed(*ret_failed) ? NULL : values;
}

static struct cel_value walk_list(struct cel_eval *e, const struct node *n, struct binding *env)
{
    struct cel_value failed, *values = walk_all(e, n, env, &failed);
    uint32_t kept = 0;
    if (values == NULL)
        return failed;
    for (uint32_t i = 0; i < n->arg_count; i++) {
        struct cel_value v = values[i];
        if (n->optionals != NULL && n->optionals[i]) {
            if (!cel_is(v, CEL_OPTIONAL))
                return place(e, n, eval_no_overload(e, "an entry behind ?"));
            if (v.list == NULL)
                continue;
            v = *v.list;
        }
        values[kept++] = v;
    }
    return cel_list(values, kept);
}

static struct cel_value walk_map(struct cel_eval *e, const struct node *n, struct binding *env)
{
    struct cel_value failed, *values = walk_all(e, n, env, &failed);
    if (values == NULL)
        return failed;
    struct cel_map_entry *entries = eval_alloc(e, n->arg_count * sizeof(*entries));
    size_t kept = 0;
    if (entries == NULL)
        return place(e, n, eval_refused(e));
    for (uint32_t i = 0; i < n->arg_count / 2; i++) {
        struct cel_map_entry entry = {values[2 * i], values[2 * i + 1]};
        if (n->optionals != NULL && n->optionals[i]) {
            if (!cel_is(entry.value, CEL_OPTIONAL))
                return place(e, n, eval_no_overload(e, "an entry behind ?"));
            if (entry.value.list == NULL)
                continue;
            entry.value = *entry.value.list;
        }
        entries[kept++] = entry;
    }
    return place(e, n, cel_make_map(e, entries, kept));
}

/* --- Macros ---------------------------------------------------------------------------------------------------- */

void cel_start_round(struct round *r, const struct node *n, struct cel_value range, uint32_t i,
                     struct binding *env)
{
    bool is_map = cel_is(range, CEL_MAP);
    struct cel_value key = is_map ? range.map->entries[i].key : cel_int(i);
    struct cel_value value = is_map ? range.map->entries[i].value : cel_list_at(range, i);
    r->first = (struct binding){.local = &n->locals[0],
                                .value = n->two_variables || is_map ? key : value,
                                .outer = env};
    r->second = (struct binding){.local = &n->locals[1], .value = value, .outer = &r->first};
    r->env = n->two_variables ? &r->second : &r->first;
}

static uint32_t length_of(struct cel_value range)
{
    return cel_is(range, CEL_MAP) ? range.map->count : cel_length(range);
}

static struct cel_value walk_predicate(struct cel_eval *e, const struct node *n, struct cel_value range,
                                       struct binding *env)
{
    bool winner = n->fold == FOLD_EXISTS;
    struct cel_value sum = cel_bool(!winner);
    uint32_t found = 0;
    for (uint32_t i = 0; i < length_of(range); i++) {
        struct round r;
        if (!eval_charge(e, 1))
            return place(e, n, eval_over_budget(e));
        cel_start_round(&r, n, range, i, env);
        struct cel_value v = walk(e, n->args[1], r.env);
        if (!cel_is(v, CEL_BOOL))
            v = not_bool(e, n->args[1], v);
        if (n->fold == FOLD_EXISTS_ONE && !cel_is(v, CEL_BOOL))
            return v;
        found += cel_is(v, CEL_BOOL) && v.i != 0;
        if (n->fold != FOLD_EXISTS_ONE && absorb(&sum, v, winner))
            return sum;
    }
    return n->fold == FOLD_EXISTS_ONE ? cel_bool(found == 1) : sum;
}

/* 1: element i passes the filter; 0: it does not; -1: *ret_failed. */
static int passes(struct cel_eval *e, const struct node *n, struct round *r, struct cel_value *ret_failed)
{
    if (!eval_charge(e, 1)) {
        *ret_failed = place(e, n, eval_over_budget(e));
        return -1;
    }
    if (n->arg_count < 3)
        return 1;
    struct cel_value v = walk(e, n->args[2], r->env);
    if (cel_is(v, CEL_BOOL))
        return v.i != 0;
    *ret_failed = not_bool(e, n->args[2], v);
    return -1;
}

static struct cel_value walk_transform(struct cel_eval *e, const struct node *n, struct cel_value range,
                                       struct binding *env)
{
    uint32_t length = length_of(range);
    size_t count = 0, room = length;
    struct cel_value *items = eval_alloc(e, length * sizeof(*items)), failed = cel_unset();
    struct cel_map_entry *entries = eval_alloc(e, length * sizeof(*entries));
    if (items == NULL || entries == NULL)
        return place(e, n, eval_refused(e));
    for (uint32_t i = 0; i < length; i++) {
        struct round r;
        cel_start_round(&r, n, range, i, env);
        int pass = passes(e, n, &r, &failed);
        if (pass < 0)
            return failed;
        if (pass == 0)
            continue;
        struct cel_value v = walk(e, n->args[1], r.env);
        if (is_failed(v))
            return v;
        if (n->fold == FOLD_MAP_ENTRY)
            failed = cel_merge_entries(e, &entries, &count, &room, v);
        else if (n->fold == FOLD_MAP_VALUE)
            entries[count++] = (struct cel_map_entry){
                cel_is(range, CEL_MAP) ? range.map->entries[i].key : cel_int(i), v};
        else
            items[count++] = v;
        if (is_failed(failed))
            return place(e, n, failed);
    }
    return n->fold == FOLD_MAP ? cel_list(items, count) : place(e, n, cel_make_map(e, entries, count));
}

static struct cel_value walk_fold(struct cel_eval *e, const struct node *n, struct binding *env)
{
    struct cel_value range = walk(e, n->args[0], env);
    if (is_failed(range))
        return range;
    if (!cel_is(range, CEL_LIST) && !cel_is(range, CEL_MAP))
        return place(e, n, eval_no_overload(e, "a macro's range"));
    return n->fold <= FOLD_EXISTS_ONE ? walk_predicate(e, n, range, env)
                                      : walk_transform(e, n, range, env);
}

static struct cel_value walk_bind(struct cel_eval *e, const struct node *n, struct binding *env)
{
    struct binding b = {
        .local = &n->locals[0], .lazy = n->args[0], .outer = env};
    return walk(e, n->args[1], &b);
}

static struct cel_value walk_opt_map(struct cel_eval *e, const struct node *n, struct binding *env)
{
    struct cel_value target = walk(e, n->args[0], env);
    if (is_failed(target))
        return target;
    if (!cel_is(target, CEL_OPTIONAL))
        return place(e, n, eval_no_overload(e, "optMap"));
    if (target.list == NULL)
        return target;
    struct binding b = {.local = &n->locals[0], .value = *target.list, .outer = env};
    struct cel_value body = walk(e, n->args[1], &b);
    if (is_failed(body))
        return body;
    if (!n->optional)
        return cel_optional_of(e, body);
    return cel_is(body, CEL_OPTIONAL) ? body : place(e, n, eval_no_overload(e, "optFlatMap"));
}

static struct cel_value walk_kind(struct cel_eval *e, const struct node *n, struct binding *env)
{
    switch (n->kind) {
    case NODE_LITERAL:
        return n->literal;
    case NODE_IDENT:
        return walk_name(e, n, env);
    case NODE_SELECT:
        return walk_select(e, n, env);
    case NODE_CALL:
        return walk_call(e, n, env);
    case NODE_AND:
    case NODE_OR:
        return walk_logic(e, n, env);
    case NODE_COND:
        return walk_cond(e, n, env);
    case NODE_LIST:
        return walk_list(e, n, env);
    case NODE_MAP:
        return walk_map(e, n, env);
    case NODE_FOLD:
        return walk_fold(e, n, env);
    case NODE_BIND:
        return walk_bind(e, n, env);
    case NODE_OPT_MAP:
        return walk_opt_map(e, n, env);
    }
    return cel_fail(e, CEL_E_INVALID, "no such node");
}

struct cel_value cel_walk(struct cel_eval *e, const struct node *n, struct binding *env)
{
    e->cost++;
    return walk_kind(e, n, env);
}

struct cel_value cel_evaluate_slow(const struct cel_program *p, struct cel_eval *e)
{
    e->cost = 0;
    e->unknown = 0;
    e->error = NULL;
    e->program = p;
    struct cel_value v = cel_walk(e, p->root, NULL);
    if (e->cost > e->cost_limit)
        v = eval_over_budget(e);
    if (cel_is(v, CEL_ERROR_VALUE))
        e->error = v.error;
    else if (cel_is(v, CEL_UNKNOWN_VALUE))
        e->unknown = v.u;
    return v;
}
