/*
 * How much a WHERE leaves. Two questions, both answered with what the text shows and with no guess at data:
 * is it true for every row (then it is as good as none), and does it pin a column of the target to values.
 */
#include "classify/walk.h"

/* Deeper conditions count as neither always true nor narrow. Far below what any stack allows. */
enum { MAX_DEPTH = 64, MAX_SEARCH = 4096 };

enum truth { TRUE_ALWAYS, FALSE_ALWAYS, DEPENDS };

/* Bounded: a subtree of more than MAX_SEARCH nodes is taken to mention a column. */
bool tree_mentions_column(const void *root)
{
    const void *stack[256];
    size_t n = 0, seen = 0;
    if (root != NULL)
        stack[n++] = root;
    while (n > 0) {
        const void *node = stack[--n];
        if (++seen > MAX_SEARCH)
            return true;
        if (IsA(node, ColumnRef) || IsA(node, CurrentOfExpr))
            return true;
        const List *l = IsA(node, List) ? node : NULL;
        const struct tree_shape *s = l == NULL ? tree_shape(nodeTag(node)) : NULL;
        size_t children = l != NULL ? (size_t)tree_list_len(l) : s != NULL ? s->n : 0;
        if (n + children > ARRAY_LEN(stack)) {
            if (children > ARRAY_LEN(stack)) { /* a long list of plain constants is common in IN */
                for (int i = 0; l != NULL && i < tree_list_len(l); i++)
                    if (tree_list_at(l, i) != NULL && !IsA(tree_list_at(l, i), A_Const))
                        return true;
                continue;
            }
            return true;
        }
        for (size_t i = 0; i < children; i++) {
            const void *child = l != NULL ? tree_list_at(l, (int)i) : tree_child(node, s, (int)i);
            if (child != NULL)
                stack[n++] = child;
        }
    }
    return false;
}

static bool same_column(const Node *a, const Node *b)
{
    if (a == NULL || b == NULL || !IsA(a, ColumnRef) || !IsA(b, ColumnRef))
        return false;
    const List *x = ((const ColumnRef *)a)->fields, *y = ((const ColumnRef *)b)->fields;
    int n = tree_list_len(x), m = tree_list_len(y);
    /* a.id = id is the same column wherever it is legal. */
    return n > 0 && m > 0 && str_eq(tree_string(tree_list_at(x, n - 1)), tree_string(tree_list_at(y, m - 1))) &&
           (n == 1 || m == 1 ||
            str_eq(tree_string(tree_list_at(x, n - 2)), tree_string(tree_list_at(y, m - 2))));
}

/* The operator without its schema; another schema's operator is unknown anyway, and told so. */
static bool operator_is(const A_Expr *e, const char *name)
{
    int n = tree_list_len(e->name);
    return n > 0 && strcmp(((const String *)tree_list_at(e->name, n - 1))->sval, name) == 0;
}

static enum truth truth_of(const Node *e, int depth);

static enum truth truth_of_bool(const BoolExpr *b, int depth)
{
    if (b->boolop == NOT_EXPR) {
        enum truth t = truth_of(tree_list_at(b->args, 0), depth + 1);
        return t == TRUE_ALWAYS ? FALSE_ALWAYS : t == FALSE_ALWAYS ? TRUE_ALWAYS : DEPENDS;
    }
    enum truth all = b->boolop == AND_EXPR ? TRUE_ALWAYS : FALSE_ALWAYS;
    enum truth wins = b->boolop == AND_EXPR ? FALSE_ALWAYS : TRUE_ALWAYS;
    enum truth result = all;
    const Node *null_of = NULL, *not_null_of = NULL;
    for (int i = 0; i < tree_list_len(b->args); i++) {
        const Node *arg = tree_list_at(b->args, i);
        enum truth t = truth_of(arg, depth + 1);
        if (t == wins)
            return wins;
        if (t != all)
            result = DEPENDS;
        if (IsA(arg, NullTest) && ((const NullTest *)arg)->nulltesttype == IS_NULL)
            null_of = (const Node *)((const NullTest *)arg)->arg;
        if (IsA(arg, NullTest) && ((const NullTest *)arg)->nulltesttype == IS_NOT_NULL)
            not_null_of = (const Node *)((const NullTest *)arg)->arg;
    }
    if (b->boolop == OR_EXPR && same_column(null_of, not_null_of))
        return TRUE_ALWAYS;
    return result;
}

static enum truth truth_of_const(const Node *e)
{
    const A_Const *c = (const A_Const *)e;
    if (c->isnull)
        return FALSE_ALWAYS;
    struct str s;
    if (c->val.node.type == T_Boolean)
        return c->val.boolval.boolval ? TRUE_ALWAYS : FALSE_ALWAYS;
    if (tree_const_text(e, &s))
        return s.n != 0 && (s.p[0] == 'f' || s.p[0] == 'F' || s.p[0] == 'n' || s.p[0] == 'N' || s.p[0] == '0')
                   ? FALSE_ALWAYS
                   : TRUE_ALWAYS;
    return TRUE_ALWAYS;
}

static enum truth truth_of(const Node *e, int depth)
{
    if (e == NULL)
        return TRUE_ALWAYS;
    if (depth > MAX_DEPTH)
        return DEPENDS;
    switch (nodeTag(e)) {
    case T_BoolExpr:
        return truth_of_bool((const BoolExpr *)e, depth);
    case T_A_Const:
        return truth_of_const(e);
    case T_TypeCast:
        return truth_of(((const TypeCast *)e)->arg, depth + 1);
    case T_A_Expr: {
        const A_Expr *x = (const A_Expr *)e;
        bool left = x->lexpr != NULL && IsA(x->lexpr, ColumnRef), right = x->rexpr != NULL && IsA(x->rexpr, ColumnRef);
        if ((left || right) && x->kind == AEXPR_OP && !(left && right))
            return DEPENDS; /* nearly every condition */
        bool like = x->kind == AEXPR_LIKE || x->kind == AEXPR_ILIKE;
        struct str pattern;
        if (like && tree_const_text(x->rexpr, &pattern) && str_eq(pattern, STR("%")))
            return TRUE_ALWAYS;
        if (same_column(x->lexpr, x->rexpr) &&
            (x->kind == AEXPR_NOT_DISTINCT ||
             (x->kind == AEXPR_OP && (operator_is(x, "=") || operator_is(x, "<=") || operator_is(x, ">=")))))
            return TRUE_ALWAYS;
        break;
    }
    default:
        break;
    }
    /* Without a column it is the same for every row: 1=1, $1, now() > '2020-01-01', EXISTS (SELECT 1). */
    return tree_mentions_column(e) ? DEPENDS : TRUE_ALWAYS;
}

bool where_always(const Node *condition)
{
    return truth_of(condition, 0) == TRUE_ALWAYS;
}

/* --- Narrow ---------------------------------------------------------------------------------- */

struct target {
    const RangeVar *relation;
    bool alone; /* no other relation in sight: an unqualified column is the target's */
};

static bool names_target(struct str qualifier, const RangeVar *r)
{
    return r->alias != NULL ? str_is(qualifier, r->alias->aliasname) : str_is(qualifier, r->relname);
}

/* A column of the target that can tell rows apart: not tableoid and its kin, which are the same in all of them. */
static bool is_target_column(const Node *e, const struct target *t)
{
    if (e == NULL || !IsA(e, ColumnRef))
        return false;
    const List *fields = ((const ColumnRef *)e)->fields;
    struct str qualifier, name;
    dotted_name(fields, &qualifier, &name);
    if (name.n == 0)
        return false;
    if ((name.n == 8 && str_eq(name, STR("tableoid"))) ||
        (name.n == 4 && (str_eq(name, STR("xmin")) || str_eq(name, STR("xmax")) || str_eq(name, STR("cmin")) ||
                         str_eq(name, STR("cmax")))))
        return false;
    return tree_list_len(fields) == 1 ? t->alone : names_target(qualifier, t->relation);
}

static bool is_bool_type(const TypeName *type)
{
    struct str schema, name;
    dotted_name(type->names, &schema, &name);
    return str_is(name, "bool");
}

/* A plain column, a cast of one (a boolean tells only two kinds of row apart), or lower()/upper() of one. */
static bool is_key(const Node *e, const struct target *t, int depth)
{
    if (e == NULL || depth > MAX_DEPTH)
        return false;
    if (IsA(e, TypeCast))
        return !is_bool_type(((const TypeCast *)e)->typeName) && is_key(((const TypeCast *)e)->arg, t, depth + 1);
    if (IsA(e, RowExpr)) {
        const List *args = ((const RowExpr *)e)->args;
        for (int i = 0; i < tree_list_len(args); i++)
            if (is_key(tree_list_at(args, i), t, depth + 1))
                return true;
        return false;
    }
    if (IsA(e, FuncCall)) {
        const FuncCall *f = (const FuncCall *)e;
        struct str schema, name;
        dotted_name(f->funcname, &schema, &name);
        return (str_is(name, "lower") || str_is(name, "upper")) && tree_list_len(f->args) == 1 &&
               is_key(tree_list_at(f->args, 0), t, depth + 1);
    }
    return is_target_column(e, t);
}

static bool pins(const Node *key, const Node *value, const struct target *t)
{
    return value != NULL && is_key(key, t, 0) && !tree_mentions_column(value) && !IsA(value, SubLink);
}

static bool narrow(const Node *e, const struct target *t, int depth);

static bool narrow_bool(const BoolExpr *b, const struct target *t, int depth)
{
    if (b->boolop == NOT_EXPR)
        return false;
    for (int i = 0; i < tree_list_len(b->args); i++) {
        bool one = narrow(tree_list_at(b->args, i), t, depth + 1);
        if (one != (b->boolop == OR_EXPR))
            return one; /* AND: one arm suffices; OR: all must */
    }
    return b->boolop == OR_EXPR;
}

static bool narrow(const Node *e, const struct target *t, int depth)
{
    if (e == NULL || depth > MAX_DEPTH)
        return false;
    if (IsA(e, BoolExpr))
        return narrow_bool((const BoolExpr *)e, t, depth);
    if (IsA(e, CurrentOfExpr))
        return true;
    if (!IsA(e, A_Expr))
        return false;
    const A_Expr *x = (const A_Expr *)e;
    switch (x->kind) {
    case AEXPR_OP:
        return operator_is(x, "=") && (pins(x->lexpr, x->rexpr, t) || pins(x->rexpr, x->lexpr, t));
    case AEXPR_IN: /* NOT IN carries the name "<>" */
    case AEXPR_OP_ANY:
        return operator_is(x, "=") && pins(x->lexpr, x->rexpr, t);
    case AEXPR_NOT_DISTINCT:
        return pins(x->lexpr, x->rexpr, t) || pins(x->rexpr, x->lexpr, t);
    default:
        return false;
    }
}

bool where_narrow(const Node *condition, const RangeVar *relation, bool only_target)
{
    struct target t = {relation, only_target};
    return relation != NULL && narrow(condition, &t, 0);
}
