/* Operators over values of any kind: they judge kinds themselves, for numbers of different types mix. */
#include "policy/cel/func.h"

#include "policy/cel/number.h"
#include "policy/cel/time.h"

#include <math.h>

static struct cel_value overflow(struct cel_eval *e)
{
    return cel_fail(e, CEL_E_RANGE, "the result does not fit its type");
}

static struct cel_value no_operator(struct cel_eval *e, const char *name,
                                    const struct cel_value *args)
{
    return cel_fail(e, CEL_E_NO_OVERLOAD, "operator `%s` is not defined for (%s, %s)", name,
                    cel_kind_name(cel_kind_of(args[0])), cel_kind_name(cel_kind_of(args[1])));
}

/* --- Equality, order ----------------------------------------------------------------------------------- */

static bool is_container(struct cel_value v)
{
    enum cel_kind k = cel_kind_of(v);
    return k == CEL_LIST || k == CEL_MAP || k == CEL_OPTIONAL;
}

/* 1, 0, or -1 where the budget ran out; each pair that is compared costs one. */
static int charged_equal(struct cel_eval *e, struct cel_value a, struct cel_value b)
{
    if (!is_container(a) || !is_container(b)) {
        if (cel_is(a, CEL_STRING) && a.meta == b.meta && !eval_charge(e, cel_length(a) / 10))
            return -1;
        return cel_equal(a, b);
    }
    uint64_t left = e->cost < e->cost_limit ? e->cost_limit - e->cost : 0, before = left;
    int equal = cel_equal_within(a, b, &left);
    e->cost += before - left + (equal < 0);
    return equal;
}

struct cel_value fn_equal(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    int equal = charged_equal(e, args[0], args[1]);
    return equal < 0 ? eval_over_budget(e) : cel_bool(equal == 1);
}

struct cel_value fn_not_equal(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    int equal = charged_equal(e, args[0], args[1]);
    return equal < 0 ? eval_over_budget(e) : cel_bool(equal == 0);
}

static bool is_number(struct cel_value v)
{
    enum cel_kind k = cel_kind_of(v);
    return k == CEL_INT || k == CEL_UINT || k == CEL_DOUBLE;
}

static enum order of_int(int64_t a, int64_t b)
{
    return a < b ? ORDER_LESS : a > b ? ORDER_GREATER : ORDER_EQUAL;
}

/* False: the two have no order. NaN has one with nothing, which is ORDER_NONE. */
static bool order_of(const struct cel_value *v, enum order *ret)
{
    if (is_number(v[0]) && is_number(v[1])) {
        *ret = cel_number_compare(v[0], v[1]);
        return true;
    }
    if (cel_kind_of(v[0]) != cel_kind_of(v[1]))
        return false;
    switch ((int)cel_kind_of(v[0])) {
    case CEL_BOOL:
    case CEL_DURATION:
        *ret = of_int(v[0].i, v[1].i);
        return true;
    case CEL_TIMESTAMP:
        *ret = v[0].i != v[1].i ? of_int(v[0].i, v[1].i)
                                : of_int((int64_t)(v[0].meta >> 32), (int64_t)(v[1].meta >> 32));
        return true;
    case CEL_STRING:
    case CEL_BYTES:
        *ret = of_int(str_cmp(cel_str(v[0]), cel_str(v[1])), 0);
        return true;
    default:
        return false;
    }
}

struct cel_value fn_less(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    enum order o;
    (void)n;
    return order_of(args, &o) ? cel_bool(o == ORDER_LESS) : no_operator(e, "<", args);
}

struct cel_value fn_less_equal(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    enum order o;
    (void)n;
    return order_of(args, &o) ? cel_bool(o == ORDER_LESS || o == ORDER_EQUAL)
                              : no_operator(e, "<=", args);
}

struct cel_value fn_greater(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    enum order o;
    (void)n;
    return order_of(args, &o) ? cel_bool(o == ORDER_GREATER) : no_operator(e, ">", args);
}

struct cel_value fn_greater_equal(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    enum order o;
    (void)n;
    return order_of(args, &o) ? cel_bool(o == ORDER_GREATER || o == ORDER_EQUAL)
                              : no_operator(e, ">=", args);
}

/* --- Arithmetic ------------------------------------------------------------------------------------------ */

static struct cel_value int_result(struct cel_eval *e, bool overflowed, int64_t v)
{
    return overflowed ? overflow(e) : cel_int(v);
}

static struct cel_value uint_result(struct cel_eval *e, bool overflowed, uint64_t v)
{
    return overflowed ? overflow(e) : cel_uint(v);
}

static struct cel_value join_bytes(struct cel_eval *e, struct cel_value a, struct cel_value b)
{
    size_t na = cel_length(a), nb = cel_length(b);
    char *p = eval_alloc(e, na + nb);
    if (p == NULL)
        return eval_refused(e);
    if (na != 0)
        memcpy(p, a.s, na);
    if (nb != 0)
        memcpy(p + na, b.s, nb);
    struct str s = str_from(p, na + nb);
    return cel_is(a, CEL_STRING) ? cel_string(s) : cel_bytes(s);
}

static struct cel_value join_lists(struct cel_eval *e, struct cel_value a, struct cel_value b)
{
    size_t na = cel_length(a), nb = cel_length(b);
    struct cel_value *items = eval_alloc(e, (na + nb) * sizeof(*items));
    if (items == NULL)
        return eval_refused(e);
    for (size_t i = 0; i < na; i++)
        items[i] = cel_list_at(a, (uint32_t)i);
    for (size_t i = 0; i < nb; i++)
        items[na + i] = cel_list_at(b, (uint32_t)i);
    return cel_list(items, na + nb);
}

/* t + nanoseconds; an error outside the years 1 to 9999. */
static struct cel_value shift(struct cel_value t, int64_t nanoseconds)
{
    int64_t seconds = nanoseconds / 1000000000, rest = nanoseconds % 1000000000;
    int64_t nanos = (int64_t)(t.meta >> 32) + rest;
    if (nanos < 0) {
        nanos += 1000000000;
        seconds--;
    } else if (nanos >= 1000000000) {
        nanos -= 1000000000;
        seconds++;
    }
    return cel_timestamp(t.i + seconds, (uint32_t)nanos);
}

static struct cel_value add_same(struct cel_eval *e, const struct cel_value *v)
{
    int64_t i;
    uint64_t u;
    bool over;
    switch ((int)cel_kind_of(v[0])) {
    case CEL_INT:
        over = __builtin_add_overflow(v[0].i, v[1].i, &i);
        return int_result(e, over, i);
    case CEL_UINT:
        over = __builtin_add_overflow(v[0].u, v[1].u, &u);
        return uint_result(e, over, u);
    case CEL_DOUBLE:
        return cel_double(v[0].d + v[1].d);
    case CEL_STRING:
    case CEL_BYTES:
        return join_bytes(e, v[0], v[1]);
    case CEL_LIST:
        return join_lists(e, v[0], v[1]);
    case CEL_DURATION:
        return __builtin_add_overflow(v[0].i, v[1].i, &i) ? overflow(e) : cel_duration(i);
    default:
        return no_operator(e, "+", v);
    }
}

struct cel_value fn_add(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    if (cel_kind_of(args[0]) == cel_kind_of(args[1]))
        return add_same(e, args);
    if (cel_is(args[0], CEL_TIMESTAMP) && cel_is(args[1], CEL_DURATION))
        return shift(args[0], args[1].i);
    if (cel_is(args[1], CEL_TIMESTAMP) && cel_is(args[0], CEL_DURATION))
        return shift(args[1], args[0].i);
    return no_operator(e, "+", args);
}

static struct cel_value between(struct cel_eval *e, struct cel_value a, struct cel_value b)
{
    int64_t seconds = a.i - b.i, nanos;
    int64_t rest = (int64_t)(a.meta >> 32) - (int64_t)(b.meta >> 32);
    if (__builtin_mul_overflow(seconds, (int64_t)1000000000, &nanos) ||
        __builtin_add_overflow(nanos, rest, &nanos))
        return overflow(e);
    return cel_duration(nanos);
}

struct cel_value fn_subtract(struct cel_eval *e, const struct cel_value *v, uint32_t n)
{
    int64_t i;
    uint64_t u;
    bool over;
    (void)n;
    if (cel_is(v[0], CEL_TIMESTAMP) && cel_is(v[1], CEL_DURATION))
        return v[1].i == INT64_MIN ? overflow(e) : shift(v[0], -v[1].i);
    if (cel_kind_of(v[0]) != cel_kind_of(v[1]))
        return no_operator(e, "-", v);
    switch ((int)cel_kind_of(v[0])) {
    case CEL_INT:
        over = __builtin_sub_overflow(v[0].i, v[1].i, &i);
        return int_result(e, over, i);
    case CEL_UINT:
        over = __builtin_sub_overflow(v[0].u, v[1].u, &u);
        return uint_result(e, over, u);
    case CEL_DOUBLE:
        return cel_double(v[0].d - v[1].d);
    case CEL_DURATION:
        return __builtin_sub_overflow(v[0].i, v[1].i, &i) ? overflow(e) : cel_duration(i);
    case CEL_TIMESTAMP:
        return between(e, v[0], v[1]);
    default:
        return no_operator(e, "-", v);
    }
}

struct cel_value fn_multiply(struct cel_eval *e, const struct cel_value *v, uint32_t n)
{
    int64_t i;
    uint64_t u;
    bool over;
    (void)n;
    if (cel_kind_of(v[0]) != cel_kind_of(v[1]))
        return no_operator(e, "*", v);
    switch ((int)cel_kind_of(v[0])) {
    case CEL_INT:
        over = __builtin_mul_overflow(v[0].i, v[1].i, &i);
        return int_result(e, over, i);
    case CEL_UINT:
        over = __builtin_mul_overflow(v[0].u, v[1].u, &u);
        return uint_result(e, over, u);
    case CEL_DOUBLE:
        return cel_double(v[0].d * v[1].d);
    default:
        return no_operator(e, "*", v);
    }
}

static struct cel_value by_zero(struct cel_eval *e, const char *what)
{
    return cel_fail(e, CEL_E_DIVIDE_BY_ZERO, "%s by zero", what);
}

struct cel_value fn_divide(struct cel_eval *e, const struct cel_value *v, uint32_t n)
{
    (void)n;
    if (cel_kind_of(v[0]) != cel_kind_of(v[1]))
        return no_operator(e, "/", v);
    switch ((int)cel_kind_of(v[0])) {
    case CEL_INT:
        if (v[1].i == 0)
            return by_zero(e, "division");
        return v[0].i == INT64_MIN && v[1].i == -1 ? overflow(e) : cel_int(v[0].i / v[1].i);
    case CEL_UINT:
        return v[1].u == 0 ? by_zero(e, "division") : cel_uint(v[0].u / v[1].u);
    case CEL_DOUBLE:
        return cel_double(v[0].d / v[1].d);
    default:
        return no_operator(e, "/", v);
    }
}

struct cel_value fn_modulo(struct cel_eval *e, const struct cel_value *v, uint32_t n)
{
    (void)n;
    if (cel_kind_of(v[0]) != cel_kind_of(v[1]))
        return no_operator(e, "%", v);
    switch ((int)cel_kind_of(v[0])) {
    case CEL_INT:
        if (v[1].i == 0)
            return by_zero(e, "remainder");
        return v[0].i == INT64_MIN && v[1].i == -1 ? overflow(e) : cel_int(v[0].i % v[1].i);
    case CEL_UINT:
        return v[1].u == 0 ? by_zero(e, "remainder") : cel_uint(v[0].u % v[1].u);
    default:
        return no_operator(e, "%", v);
    }
}

struct cel_value fn_not(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    return cel_is(args[0], CEL_BOOL) ? cel_bool(args[0].i == 0) : eval_no_overload(e, "operator `!`");
}

struct cel_value fn_negate(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    if (cel_is(args[0], CEL_INT))
        return args[0].i == INT64_MIN ? overflow(e) : cel_int(-args[0].i);
    return cel_is(args[0], CEL_DOUBLE) ? cel_double(-args[0].d)
                                       : eval_no_overload(e, "unary operator `-`");
}

/* --- Index, in -------------------------------------------------------------------------------------------- */

/* container[key]; *ret_found is false where there is nothing at that place. */
static struct cel_value look_up(struct cel_eval *e, struct cel_value container, struct cel_value key,
                                bool *ret_found)
{
    int64_t i;
    *ret_found = true;
    if (cel_is(container, CEL_MAP)) {
        const struct cel_value *v = cel_map_find(container.map, key);
        *ret_found = v != NULL;
        return v != NULL ? *v : cel_fail(e, CEL_E_NO_SUCH_KEY, "no such key");
    }
    if (!cel_is(container, CEL_LIST))
        return cel_fail(e, CEL_E_NO_OVERLOAD, "a value of type %s has no elements",
                        cel_kind_name(cel_kind_of(container)));
    if (!cel_number_to_int(key, &i))
        return cel_fail(e, CEL_E_INVALID, "the index of a list is an integer");
    *ret_found = i >= 0 && i < (int64_t)cel_length(container);
    return *ret_found ? cel_list_at(container, (uint32_t)i)
                      : cel_fail(e, CEL_E_RANGE, "index %lld of a list with %u elements", (long long)i,
                                 cel_length(container));
}

struct cel_value fn_optional_index(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct cel_value container = args[0];
    bool found;
    (void)n;
    if (cel_is(container, CEL_OPTIONAL)) {
        if (container.list == NULL)
            return container;
        container = *container.list;
    }
    struct cel_value v = look_up(e, container, args[1], &found);
    if (!found)
        return optional_none();
    return cel_is(v, CEL_ERROR_VALUE) ? v : cel_optional_of(e, v);
}

struct cel_value fn_index(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    bool found;
    if (cel_is(args[0], CEL_OPTIONAL))
        return fn_optional_index(e, args, n);
    return look_up(e, args[0], args[1], &found);
}

struct cel_value fn_in(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    if (cel_is(args[1], CEL_MAP))
        return cel_bool(cel_map_find(args[1].map, args[0]) != NULL);
    if (!cel_is(args[1], CEL_LIST))
        return no_operator(e, "in", args);
    for (uint32_t i = 0; i < cel_length(args[1]); i++) {
        if (!eval_charge(e, 1))
            return eval_over_budget(e);
        int equal = charged_equal(e, args[0], cel_list_at(args[1], i));
        if (equal != 0)
            return equal < 0 ? eval_over_budget(e) : cel_bool(true);
    }
    return cel_bool(false);
}
