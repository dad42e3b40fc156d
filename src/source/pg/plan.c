#include "source/pg/plan.h"

#include <jansson.h>
#include <math.h>

#include "base/buf.h"
#include "base/limits.h"

int64_t pg_plan_sum(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* What is still to be visited: children of a node that was, with the node they belong to. */
struct pending {
    const json_t *node;
    uint32_t depth;
    bool feeds_change; /* its rows are those that its parent, a ModifyTable, changes */
};

struct reading {
    struct arena *arena;
    struct pending *stack;
    size_t n, size;
    struct pg_plan_node *nodes;
    struct pg_plan plan;
    bool changes;
    int64_t changed, returned;
};

static enum err text_of(struct reading *r, const json_t *node, const char *key, struct str *ret)
{
    const json_t *v = json_object_get(node, key);
    *ret = (struct str){NULL, 0};
    if (v == NULL)
        return ERR_OK;
    if (!json_is_string(v))
        return ERR_INVALID;
    size_t n = json_string_length(v);
    return arena_str(r->arena, (struct str){json_string_value(v), n < LIMIT_PG_PLAN_TEXT ? n : LIMIT_PG_PLAN_TEXT}, ret);
}

/* Missing, negative or no number: the plan is none that can be believed. */
static enum err number_of(const json_t *node, const char *key, int64_t *ret)
{
    const json_t *v = json_object_get(node, key);
    double d = json_number_value(v);
    if (!json_is_number(v) || !(d >= 0))
        return ERR_INVALID;
    d = ceil(d);
    *ret = d >= 9.2e18 ? INT64_MAX : (int64_t)d;
    return ERR_OK;
}

static enum err put_conditions(struct reading *r, const json_t *node, struct str *ret)
{
    static const char *const keys[] = {"Index Cond", "Recheck Cond", "Hash Cond",   "Merge Cond",
                                       "TID Cond",   "Join Filter",  "Filter",      "One-Time Filter"};
    struct buf b CLEANUP(buf_done) = {0};
    buf_init(&b, ARRAY_LEN(keys) * (LIMIT_PG_PLAN_TEXT + 8));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct str s;
        TRY(text_of(r, node, keys[i], &s));
        if (s.n == 0)
            continue;
        TRY(buf_put_str(&b, buf_len(&b) != 0 ? STR(" AND ") : STR("")));
        TRY(buf_put_str(&b, s));
    }
    return arena_str(r->arena, buf_view(&b), ret);
}

static enum err push_children(struct reading *r, const struct pending *p, bool is_change)
{
    const json_t *plans = json_object_get(p->node, "Plans");
    if (plans == NULL)
        return ERR_OK;
    if (!json_is_array(plans))
        return ERR_INVALID;
    if (p->depth + 1 >= LIMIT_PG_PLAN_DEPTH)
        return ERR_LIMIT;
    for (size_t i = json_array_size(plans); i-- > 0;) {
        const json_t *child = json_array_get(plans, i);
        const json_t *how = json_object_get(child, "Parent Relationship");
        const char *text = json_is_string(how) ? json_string_value(how) : "";
        /* "Member": of versions before 14, one a partition. */
        bool feeds = is_change && (strcmp(text, "Outer") == 0 || strcmp(text, "Member") == 0);
        if (r->n == r->size)
            return ERR_LIMIT;
        r->stack[r->n++] = (struct pending){child, p->depth + 1, feeds};
    }
    return ERR_OK;
}

static enum err visit(struct reading *r, const struct pending *p)
{
    struct pg_plan_node n = {.depth = p->depth};
    if (!json_is_object(p->node))
        return ERR_INVALID;
    TRY(text_of(r, p->node, "Node Type", &n.type));
    TRY(text_of(r, p->node, "Operation", &n.operation));
    TRY(text_of(r, p->node, "Schema", &n.schema));
    TRY(text_of(r, p->node, "Relation Name", &n.relation));
    TRY(text_of(r, p->node, "Index Name", &n.index));
    TRY(number_of(p->node, "Plan Rows", &n.rows));
    TRY(number_of(p->node, "Total Cost", &n.cost));
    TRY(put_conditions(r, p->node, &n.condition));
    if (n.type.n == 0)
        return ERR_INVALID;
    bool is_change = str_is(n.type, "ModifyTable");
    r->changes |= is_change;
    if (p->feeds_change)
        r->changed = pg_plan_sum(r->changed, n.rows);
    if (p->depth == 0) {
        r->returned = pg_plan_sum(r->returned, n.rows);
        r->plan.cost = pg_plan_sum(r->plan.cost, n.cost);
    }
    if (r->plan.n_nodes < LIMIT_PG_PLAN_NODES)
        r->nodes[r->plan.n_nodes++] = n;
    else
        r->plan.more = true;
    return push_children(r, p, is_change);
}

static enum err read_all(struct reading *r, const json_t *plans)
{
    if (!json_is_array(plans))
        return ERR_INVALID;
    for (size_t i = 0; i < json_array_size(plans); i++) {
        const json_t *top = json_array_get(plans, i);
        if (!json_is_object(top)) /* "Utility Statement" */
            return ERR_INVALID;
        r->stack[r->n++] = (struct pending){json_object_get(top, "Plan"), 0, false};
        while (r->n > 0) {
            struct pending p = r->stack[--r->n];
            TRY(visit(r, &p));
        }
    }
    return ERR_OK;
}

enum err pg_plan_read(struct arena *a, struct str text, struct pg_plan *ret)
{
    struct reading r = {.arena = a, .size = LIMIT_PG_PLAN_PENDING};
    r.stack = arena_new_array(a, r.size, struct pending);
    r.nodes = arena_new_array(a, LIMIT_PG_PLAN_NODES, struct pg_plan_node);
    if (r.stack == NULL || r.nodes == NULL)
        return ERR_NOMEM;
    /* Numbers of a plan have up to a hundred digits. */
    json_t *plans = json_loadb(text.p, text.n, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
    if (plans == NULL)
        return ERR_INVALID;
    enum err e = read_all(&r, plans);
    json_decref(plans);
    TRY(e);
    r.plan.rows = r.changes ? r.changed : r.returned;
    r.plan.nodes = r.nodes;
    *ret = r.plan;
    return ERR_OK;
}
