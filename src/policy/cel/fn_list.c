/* Lists, sets and optionals. */
#include "policy/cel/func.h"

#include "policy/cel/number.h"

#include <stdlib.h>

/* Equality that costs one a pair: 1, 0, or -1 where the budget is spent. */
static int same(struct cel_eval *e, struct cel_value a, struct cel_value b)
{
    struct cel_value pair[2] = {a, b};
    if (!eval_charge(e, 1))
        return -1;
    struct cel_value v = fn_equal(e, pair, 2);
    return cel_is(v, CEL_BOOL) ? (int)v.i : -1;
}

/* Whether v is in items[0..n): 1, 0, -1. */
static int within(struct cel_eval *e, struct cel_value list, uint32_t n, struct cel_value v)
{
    for (uint32_t i = 0; i < n; i++) {
        int equal = same(e, cel_list_at(list, i), v);
        if (equal != 0)
            return equal;
    }
    return 0;
}

struct cel_value fn_range(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    int64_t count = args[0].i > 0 ? args[0].i : 0;
    (void)n;
    if (count > UINT32_MAX)
        return eval_no_memory(e);
    struct cel_value *items = eval_alloc(e, (size_t)count * sizeof(*items));
    if (items == NULL)
        return eval_refused(e);
    for (int64_t i = 0; i < count; i++)
        items[i] = cel_int(i);
    return cel_list(items, (size_t)count);
}

struct cel_value fn_distinct(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    uint32_t count = cel_length(args[0]), kept = 0;
    struct cel_value *items = eval_alloc(e, count * sizeof(*items));
    (void)n;
    if (items == NULL)
        return eval_refused(e);
    for (uint32_t i = 0; i < count; i++) {
        struct cel_value v = cel_list_at(args[0], i);
        int known = within(e, cel_list(items, kept), kept, v);
        if (known < 0)
            return eval_over_budget(e);
        if (known == 0)
            items[kept++] = v;
    }
    return cel_list(items, kept);
}

struct flat {
    struct cel_value *items;
    uint32_t count, room;
};

/* False: memory or budget is spent. */
static bool flatten_into(struct cel_eval *e, struct flat *f, struct cel_value list, int64_t depth)
{
    for (uint32_t i = 0; i < cel_length(list); i++) {
        struct cel_value v = cel_list_at(list, i);
        if (!eval_charge(e, 1))
            return false;
        if (cel_is(v, CEL_LIST) && depth > 0) {
            if (!flatten_into(e, f, v, depth - 1))
                return false;
            continue;
        }
        if (f->count == f->room) {
            uint32_t room = f->room * 2 + 8;
            struct cel_value *items = eval_alloc(e, room * sizeof(*items));
            if (items == NULL)
                return false;
            if (f->count != 0)
                memcpy(items, f->items, f->count * sizeof(*items));
            f->items = items;
            f->room = room;
        }
        f->items[f->count++] = v;
    }
    return true;
}

struct cel_value fn_flatten(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct flat f = {0};
    int64_t depth = n == 2 ? args[1].i : 1;
    if (depth < 0)
        return cel_fail(e, CEL_E_INVALID, "flatten: a negative depth");
    return flatten_into(e, &f, args[0], depth) ? cel_list(f.items, f.count) : eval_refused(e);
}

struct cel_value fn_slice(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    int64_t from = args[1].i, to = args[2].i, length = cel_length(args[0]);
    (void)n;
    if (from < 0 || to < from || to > length)
        return cel_fail(e, CEL_E_RANGE, "slice(%lld, %lld) of a list with %lld elements",
                        (long long)from, (long long)to, (long long)length);
    if (args[0].meta & CEL_FLAG_STRS << 8)
        return cel_list_of_strs(args[0].strs + from, (size_t)(to - from));
    return cel_list(args[0].list + from, (size_t)(to - from));
}

/* Merge sort of n items with `spare` as room; false: two have no order, or the budget is spent. */
static bool sort(struct cel_eval *e, struct cel_value *items, struct cel_value *spare, uint32_t n)
{
    uint32_t half = n / 2, a = 0, b = half;
    if (n < 2)
        return true;
    if (!sort(e, items, spare, half) || !sort(e, items + half, spare, n - half))
        return false;
    memcpy(spare, items, n * sizeof(*items));
    for (uint32_t i = 0; i < n; i++) {
        struct cel_value pair[2];
        bool second = a == half;
        if (!second && b < n) {
            pair[0] = spare[b];
            pair[1] = spare[a];
            struct cel_value less = fn_less(e, pair, 2);
            if (!cel_is(less, CEL_BOOL) || !eval_charge(e, 1))
                return false;
            second = less.i != 0;
        }
        items[i] = second ? spare[b++] : spare[a++];
    }
    return true;
}

struct cel_value fn_sort(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    uint32_t count = cel_length(args[0]);
    struct cel_value *items = eval_alloc(e, count * sizeof(*items));
    struct cel_value *spare = eval_alloc(e, count * sizeof(*items));
    (void)n;
    if (items == NULL || spare == NULL)
        return eval_refused(e);
    for (uint32_t i = 0; i < count; i++)
        items[i] = cel_list_at(args[0], i);
    if (sort(e, items, spare, count))
        return cel_list(items, count);
    return e->cost > e->cost_limit ? eval_over_budget(e)
                                   : cel_fail(e, CEL_E_NO_OVERLOAD, "sort: elements without an order");
}

static struct cel_value element(struct cel_eval *e, struct cel_value list, bool last)
{
    uint32_t n = cel_length(list);
    return n == 0 ? optional_none() : cel_optional_of(e, cel_list_at(list, last ? n - 1 : 0));
}

struct cel_value fn_first(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    return element(e, args[0], false);
}

struct cel_value fn_last(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    return element(e, args[0], true);
}

/* --- Sets ---------------------------------------------------------------------------------------------------- */

/* Whether every element of `part` is in `whole`: 1, 0, -1. */
static int covers(struct cel_eval *e, struct cel_value whole, struct cel_value part)
{
    for (uint32_t i = 0; i < cel_length(part); i++) {
        int found = within(e, whole, cel_length(whole), cel_list_at(part, i));
        if (found != 1)
            return found;
    }
    return 1;
}

static struct cel_value set_result(struct cel_eval *e, int truth)
{
    return truth < 0 ? eval_over_budget(e) : cel_bool(truth == 1);
}

struct cel_value fn_sets_contains(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    return set_result(e, covers(e, args[0], args[1]));
}

struct cel_value fn_sets_equivalent(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    int truth = covers(e, args[0], args[1]);
    return set_result(e, truth == 1 ? covers(e, args[1], args[0]) : truth);
}

struct cel_value fn_sets_intersects(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    for (uint32_t i = 0; i < cel_length(args[1]); i++) {
        int found = within(e, args[0], cel_length(args[0]), cel_list_at(args[1], i));
        if (found != 0)
            return set_result(e, found);
    }
    return cel_bool(false);
}

/* --- Optionals ------------------------------------------------------------------------------------------------ */

static bool is_zero(struct cel_value v)
{
    switch ((int)cel_kind_of(v)) {
    case CEL_NULL:
        return true;
    case CEL_STRING:
    case CEL_BYTES:
    case CEL_LIST:
        return cel_length(v) == 0;
    case CEL_MAP:
        return v.map->count == 0;
    case CEL_DOUBLE:
        return v.d == 0;
    case CEL_BOOL:
    case CEL_INT:
    case CEL_UINT:
    case CEL_DURATION:
        return v.i == 0;
    case CEL_TIMESTAMP:
        return v.i == 0 && v.meta >> 32 == 0;
    case CEL_OPTIONAL:
        return v.list == NULL;
    default:
        return false;
    }
}

struct cel_value fn_optional_of(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    return cel_optional_of(e, args[0]);
}

struct cel_value fn_optional_of_non_zero(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    return is_zero(args[0]) ? optional_none() : cel_optional_of(e, args[0]);
}

struct cel_value fn_optional_none(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)e, (void)args, (void)n;
    return optional_none();
}

struct cel_value fn_has_value(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)e, (void)n;
    return cel_bool(args[0].list != NULL);
}

struct cel_value fn_value(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    return args[0].list != NULL ? *args[0].list
                                : cel_fail(e, CEL_E_INVALID, "value() of an empty optional");
}

struct cel_value fn_or(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)e, (void)n;
    return args[0].list != NULL ? args[0] : args[1];
}

struct cel_value fn_or_value(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)e, (void)n;
    return args[0].list != NULL ? *args[0].list : args[1];
}

struct cel_value fn_unwrap(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    uint32_t count = cel_length(args[0]), kept = 0;
    struct cel_value *items = eval_alloc(e, count * sizeof(*items));
    (void)n;
    if (items == NULL)
        return eval_refused(e);
    for (uint32_t i = 0; i < count; i++) {
        struct cel_value v = cel_list_at(args[0], i);
        if (!cel_is(v, CEL_OPTIONAL))
            return eval_no_overload(e, "unwrap");
        if (v.list != NULL)
            items[kept++] = *v.list;
    }
    return cel_list(items, kept);
}
