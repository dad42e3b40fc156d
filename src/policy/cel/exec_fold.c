/* The macros that range over a list or a map. Each round charges, so a loop is bounded by the budget. */
#include "policy/cel/plan.h"

struct range {
    struct cel_value value;
    uint32_t count;
    bool is_map, one_of_list; /* one_of_list: the common case, one variable over a list */
};

/* The range, or the failure in *ret_failed. */
static bool open_range(const struct plan *p, struct cel_eval *e, struct range *ret,
                       struct cel_value *ret_failed)
{
    struct cel_value v = p->args[0]->eval(p->args[0], e);
    if (cel_is(v, CEL_LIST) || cel_is(v, CEL_MAP)) {
        bool is_map = cel_is(v, CEL_MAP);
        *ret = (struct range){v, is_map ? v.map->count : cel_length(v), is_map,
                              !is_map && !p->node->two_variables};
        return true;
    }
    *ret_failed = is_failed(v) ? v : cel_at_offset(e, eval_no_overload(e, "a macro's range"), p->offset);
    return false;
}

static inline void set_variables(const struct plan *p, struct cel_eval *e, const struct range *r,
                                 uint32_t i)
{
    if (LIKELY(r->one_of_list)) {
        e->locals[p->places[0]] = cel_list_at(r->value, i);
    } else if (r->is_map) {
        e->locals[p->places[0]] = r->value.map->entries[i].key;
        if (p->node->two_variables)
            e->locals[p->places[1]] = r->value.map->entries[i].value;
    } else {
        e->locals[p->places[0]] = cel_int(i);
        e->locals[p->places[1]] = cel_list_at(r->value, i);
    }
}

static enum tri fail(struct cel_eval *e, struct cel_value v)
{
    if (cel_is(v, CEL_UNKNOWN_VALUE)) {
        e->unknown = v.u;
        return TRI_UNKNOWN;
    }
    e->error = v.error;
    return TRI_ERROR;
}

static enum tri out_of_budget(const struct plan *p, struct cel_eval *e)
{
    return fail(e, cel_at_offset(e, eval_over_budget(e), p->offset));
}

/* all (winner false) and exists (winner true): && and || over the elements. */
static enum tri absorb(const struct plan *p, struct cel_eval *e, const struct range *r,
                       enum tri winner)
{
    const struct plan *body = p->args[1];
    uint64_t unknown = 0;
    const struct cel_error *error = NULL;
    for (uint32_t i = 0; i < r->count; i++) {
        if (UNLIKELY(!eval_charge(e, 1)))
            return out_of_budget(p, e);
        set_variables(p, e, r, i);
        enum tri t = body->test(body, e);
        if (t == winner)
            return winner;
        if (t == TRI_UNKNOWN)
            unknown |= e->unknown;
        else if (t == TRI_ERROR && error == NULL)
            error = e->error;
    }
    if (unknown != 0)
        return fail(e, cel_unknown(unknown));
    if (error != NULL) {
        e->error = error;
        return TRI_ERROR;
    }
    return (enum tri)(winner ^ 1);
}

static enum tri exactly_one(const struct plan *p, struct cel_eval *e, const struct range *r)
{
    const struct plan *body = p->args[1];
    uint32_t found = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        if (!eval_charge(e, 1))
            return out_of_budget(p, e);
        set_variables(p, e, r, i);
        enum tri t = body->test(body, e);
        if (t > TRI_TRUE)
            return t;
        found += t == TRI_TRUE;
    }
    return (enum tri)(found == 1);
}

enum tri test_fold(const struct plan *p, struct cel_eval *e)
{
    struct range r;
    struct cel_value failed;
    if (!open_range(p, e, &r, &failed))
        return fail(e, failed);
    switch ((int)p->node->fold) {
    case FOLD_ALL:
        return absorb(p, e, &r, TRI_FALSE);
    case FOLD_EXISTS:
        return absorb(p, e, &r, TRI_TRUE);
    default:
        return exactly_one(p, e, &r);
    }
}

/* Whether element i passes the filter; TRI_TRUE where there is none. */
static enum tri filtered(const struct plan *p, struct cel_eval *e, const struct range *r, uint32_t i)
{
    if (!eval_charge(e, 1))
        return out_of_budget(p, e);
    set_variables(p, e, r, i);
    return p->count == 3 ? p->args[2]->test(p->args[2], e) : TRI_TRUE;
}

static struct cel_value failure_of(enum tri t, struct cel_eval *e)
{
    return t == TRI_UNKNOWN ? cel_unknown(e->unknown)
                            : (struct cel_value){.meta = CEL_ERROR_VALUE, .error = e->error};
}

static struct cel_value fold_list(const struct plan *p, struct cel_eval *e, const struct range *r)
{
    struct cel_value *items = eval_alloc(e, r->count * sizeof(*items));
    uint32_t n = 0;
    if (items == NULL)
        return cel_at_offset(e, eval_refused(e), p->offset);
    for (uint32_t i = 0; i < r->count; i++) {
        enum tri t = filtered(p, e, r, i);
        if (t > TRI_TRUE)
            return failure_of(t, e);
        if (t == TRI_FALSE)
            continue;
        struct cel_value v = p->args[1]->eval(p->args[1], e);
        if (is_failed(v))
            return v;
        items[n++] = v;
    }
    return cel_list(items, n);
}

static struct cel_value fold_map(const struct plan *p, struct cel_eval *e, const struct range *r)
{
    struct cel_map_entry *entries = eval_alloc(e, r->count * sizeof(*entries));
    size_t n = 0, room = r->count;
    if (entries == NULL)
        return cel_at_offset(e, eval_refused(e), p->offset);
    for (uint32_t i = 0; i < r->count; i++) {
        enum tri t = filtered(p, e, r, i);
        if (t > TRI_TRUE)
            return failure_of(t, e);
        if (t == TRI_FALSE)
            continue;
        struct cel_value v = p->args[1]->eval(p->args[1], e);
        if (is_failed(v))
            return v;
        if (p->node->fold == FOLD_MAP_VALUE) {
            struct cel_value key = r->is_map ? r->value.map->entries[i].key : cel_int(i);
            entries[n++] = (struct cel_map_entry){key, v};
        } else {
            struct cel_value failed = cel_merge_entries(e, &entries, &n, &room, v);
            if (is_failed(failed))
                return cel_at_offset(e, failed, p->offset);
        }
    }
    return cel_at_offset(e, cel_make_map(e, entries, n), p->offset);
}

struct cel_value eval_fold(const struct plan *p, struct cel_eval *e)
{
    struct range r;
    struct cel_value failed;
    if (!open_range(p, e, &r, &failed))
        return failed;
    return p->node->fold == FOLD_MAP ? fold_list(p, e, &r) : fold_map(p, e, &r);
}
