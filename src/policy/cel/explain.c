/*
 * Why an outcome came about. The tree is walked again from the top; at each node only what fixed the
 * node's value is followed, down to comparisons and calls, which are reported with their operands.
 */
#include "policy/cel/walk.h"

#include "base/limits.h"

struct explainer {
    struct cel_eval *e;
    struct str source, macro; /* where the nodes are written */
    struct cel_reason *reasons;
    size_t count;
    enum err err;
};

static void explain(struct explainer *x, const struct node *n, struct binding *env);

static struct str text_of(const struct explainer *x, const struct node *n)
{
    return str_from(x->source.p + n->offset, n->end - n->offset);
}

/* --- Operands ------------------------------------------------------------------------------------------ */

struct operands {
    struct cel_operand items[LIMIT_CEL_OPERANDS];
    size_t count;
};

static void add_operand(struct explainer *x, struct operands *o, const struct node *n,
                        struct cel_value v)
{
    struct str text = text_of(x, n);
    for (size_t i = 0; i < o->count; i++)
        if (str_eq(o->items[i].text, text))
            return;
    if (o->count < LIMIT_CEL_OPERANDS)
        o->items[o->count++] = (struct cel_operand){text, v};
}

static bool is_name(const struct node *n)
{
    return n->ref == REF_SLOT || n->ref == REF_LOCAL || n->ref == REF_MACRO;
}

static bool is_literal(const struct node *n)
{
    if (n->kind == NODE_LITERAL || n->ref == REF_TYPE)
        return true;
    if (n->kind != NODE_LIST && n->kind != NODE_MAP)
        return false;
    for (uint32_t i = 0; i < n->arg_count; i++)
        if (!is_literal(n->args[i]))
            return false;
    return true;
}

/* The children of n that stand in n's own environment. */
static uint32_t plain_children(const struct node *n)
{
    bool binds = n->kind == NODE_FOLD || n->kind == NODE_BIND || n->kind == NODE_OPT_MAP;
    return binds ? 1 : n->arg_count;
}

/* The facts and variables below n, outside of macros with variables of their own. */
static void add_names(struct explainer *x, struct operands *o, const struct node *n,
                      struct binding *env)
{
    if (is_name(n)) {
        add_operand(x, o, n, cel_walk(x->e, n, env));
        return;
    }
    for (uint32_t i = n->namespaced ? 1 : 0; i < plain_children(n); i++)
        add_names(x, o, n->args[i], env);
}

/* What each direct operand came to, and the facts it was made of. */
static void add_operands(struct explainer *x, struct operands *o, const struct node *n,
                         struct binding *env)
{
    if (is_name(n) || n->kind == NODE_SELECT) {
        add_names(x, o, n, env);
        return;
    }
    for (uint32_t i = n->namespaced ? 1 : 0; i < plain_children(n); i++) {
        const struct node *arg = n->args[i];
        if (is_literal(arg))
            continue;
        add_operand(x, o, arg, cel_walk(x->e, arg, env));
        add_names(x, o, arg, env);
    }
}

static void report(struct explainer *x, const struct node *n, struct binding *env,
                   struct cel_value result)
{
    struct operands o = {.count = 0};
    if (x->count == LIMIT_CEL_REASONS)
        return;
    add_operands(x, &o, n, env);
    struct cel_operand *copy = arena_new_array(x->e->arena, o.count, struct cel_operand);
    if (copy == NULL) {
        x->err = ERR_NOMEM;
        return;
    }
    if (o.count != 0)
        memcpy(copy, o.items, o.count * sizeof(*copy));
    x->reasons[x->count++] = (struct cel_reason){.text = text_of(x, n),
                                                 .macro = x->macro,
                                                 .offset = n->offset,
                                                 .length = n->end - n->offset,
                                                 .result = result,
                                                 .operands = copy,
                                                 .operand_count = o.count};
}

/* --- What decided ---------------------------------------------------------------------------------------- */

static bool is_bool(struct cel_value v, bool truth)
{
    return cel_is(v, CEL_BOOL) && (v.i != 0) == truth;
}

/* One operand that settled && or ||; or all, where none did; or those that failed. */
static void explain_logic(struct explainer *x, const struct node *n, struct binding *env,
                          struct cel_value result)
{
    bool winner = n->kind == NODE_OR;
    for (uint32_t i = 0; i < n->arg_count; i++) {
        struct cel_value v = cel_walk(x->e, n->args[i], env);
        bool decides = cel_is(result, CEL_BOOL) ? !is_bool(result, winner) || is_bool(v, winner)
                                                : cel_kind_of(v) == cel_kind_of(result);
        if (decides)
            explain(x, n->args[i], env);
        if (decides && (is_bool(result, winner) || cel_is(result, CEL_ERROR_VALUE)))
            return;
    }
}

static void explain_macro(struct explainer *x, const struct node *n)
{
    struct str source = x->source, macro = x->macro;
    x->source = n->macro->text;
    x->macro = n->macro->name;
    explain(x, n->macro->root, NULL);
    x->source = source;
    x->macro = macro;
}

/* The element that settled all() or exists(); the macro as a whole where it took every one. */
static void explain_fold(struct explainer *x, const struct node *n, struct binding *env,
                         struct cel_value result)
{
    bool winner = n->fold == FOLD_EXISTS;
    struct cel_value range = cel_walk(x->e, n->args[0], env);
    bool settled = (n->fold == FOLD_EXISTS || n->fold == FOLD_ALL) && is_bool(result, winner);
    uint32_t count = cel_is(range, CEL_MAP)    ? range.map->count
                     : cel_is(range, CEL_LIST) ? cel_length(range)
                                               : 0;
    for (uint32_t i = 0; settled && i < count; i++) {
        struct round r;
        cel_start_round(&r, n, range, i, env);
        if (is_bool(cel_walk(x->e, n->args[1], r.env), winner)) {
            explain(x, n->args[1], r.env);
            return;
        }
    }
    report(x, n, env, result);
}

static bool is_negation(const struct node *n)
{
    return n->kind == NODE_CALL && n->function != NULL && n->function->overloads[0].fn == fn_not;
}

static bool is_compound(const struct node *n)
{
    return n->kind == NODE_AND || n->kind == NODE_OR || n->kind == NODE_COND ||
           n->ref == REF_MACRO || n->kind == NODE_BIND || is_negation(n) ||
           (n->kind == NODE_FOLD && n->fold <= FOLD_EXISTS_ONE);
}

static void explain(struct explainer *x, const struct node *n, struct binding *env)
{
    struct cel_value result = cel_walk(x->e, n, env);
    if (x->err != ERR_OK || x->count == LIMIT_CEL_REASONS)
        return;
    if (n->ref == REF_MACRO) {
        explain_macro(x, n);
    } else if (n->kind == NODE_AND || n->kind == NODE_OR) {
        explain_logic(x, n, env, result);
    } else if (n->kind == NODE_COND) {
        struct cel_value condition = cel_walk(x->e, n->args[0], env);
        explain(x, n->args[0], env);
        if (cel_is(condition, CEL_BOOL))
            explain(x, n->args[condition.i != 0 ? 1 : 2], env);
    } else if (n->kind == NODE_BIND) {
        struct binding b = {.local = &n->locals[0], .lazy = n->args[0], .outer = env};
        explain(x, n->args[1], &b);
    } else if (is_negation(n) && is_compound(n->args[0])) {
        explain(x, n->args[0], env);
    } else if (n->kind == NODE_FOLD && n->fold <= FOLD_EXISTS_ONE) {
        explain_fold(x, n, env, result);
    } else {
        report(x, n, env, result);
    }
}

enum err cel_explain(const struct cel_program *p, struct cel_eval *e, struct cel_explanation *ret)
{
    static const enum cel_outcome outcomes[] = {CEL_OUTCOME_FALSE, CEL_OUTCOME_TRUE};
    struct cel_value v = cel_evaluate_slow(p, e);
    struct explainer x = {.e = e, .source = p->text};
    struct cel_explanation made = {.outcome = CEL_OUTCOME_ERROR, .error = e->error};
    uint64_t limit = e->cost_limit;
    if (cel_is(v, CEL_BOOL))
        made.outcome = outcomes[v.i];
    else if (cel_is(v, CEL_UNKNOWN_VALUE))
        made.outcome = CEL_OUTCOME_UNKNOWN;
    made.unknown = e->unknown;
    x.reasons = arena_new_array(e->arena, LIMIT_CEL_REASONS, struct cel_reason);
    if (x.reasons == NULL)
        return ERR_NOMEM;
    /* Each level of the tree is walked again: a few evaluations' worth, not one. */
    e->cost = 0;
    e->cost_limit = limit * 4;
    explain(&x, p->root, NULL);
    e->cost_limit = limit;
    TRY(x.err);
    made.reasons = x.reasons;
    made.reason_count = x.count;
    *ret = made;
    return ERR_OK;
}

/* --- Text, JSON --------------------------------------------------------------------------------------------- */

enum { SHOWN_VALUE = 200 };

static enum err reason_text(struct buf *out, const struct cel_reason *r)
{
    TRY(buf_printf(out, "`%.*s` is ", STR_FMT(r->text)));
    TRY(cel_value_text(out, r->result, SHOWN_VALUE));
    for (size_t i = 0; i < r->operand_count; i++) {
        TRY(buf_printf(out, "%s%.*s = ", i == 0 ? " (" : ", ", STR_FMT(r->operands[i].text)));
        TRY(cel_value_text(out, r->operands[i].value, SHOWN_VALUE));
    }
    if (r->operand_count != 0)
        TRY(buf_put_u8(out, ')'));
    if (r->macro.n != 0)
        TRY(buf_printf(out, " in macro %.*s", STR_FMT(r->macro)));
    return buf_put_u8(out, '\n');
}

enum err cel_explanation_text(struct buf *out, const struct cel_explanation *x)
{
    if (x->outcome == CEL_OUTCOME_ERROR && x->error != NULL)
        TRY(buf_printf(out, "error: %.*s\n", STR_FMT(x->error->message)));
    for (size_t i = 0; i < x->reason_count; i++)
        TRY(reason_text(out, &x->reasons[i]));
    return ERR_OK;
}

static void reason_json(struct json *j, const struct cel_reason *r)
{
    json_object_begin(j);
    json_put_str(j, "text", r->text);
    if (r->macro.n != 0)
        json_put_str(j, "macro", r->macro);
    json_put_int(j, "offset", r->offset);
    json_key(j, "result");
    cel_value_json(j, r->result);
    json_key(j, "operands");
    json_array_begin(j);
    for (size_t i = 0; i < r->operand_count; i++) {
        json_object_begin(j);
        json_put_str(j, "text", r->operands[i].text);
        json_key(j, "value");
        cel_value_json(j, r->operands[i].value);
        json_object_end(j);
    }
    json_array_end(j);
    json_object_end(j);
}

void cel_explanation_json(struct json *j, const struct cel_explanation *x)
{
    json_object_begin(j);
    json_put_z(j, "outcome", cel_outcome_name(x->outcome));
    if (x->error != NULL)
        json_put_str(j, "error", x->error->message);
    json_key(j, "reasons");
    json_array_begin(j);
    for (size_t i = 0; i < x->reason_count; i++)
        reason_json(j, &x->reasons[i]);
    json_array_end(j);
    json_object_end(j);
}
