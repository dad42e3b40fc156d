#include "policy/cel/func.h"

#include "policy/cel/number.h"

#include <math.h>

/* The extreme of one list or of all arguments: `want` is the order that replaces the best so far. */
static struct cel_value extreme(struct cel_eval *e, const struct cel_value *args, uint32_t n,
                                enum order want)
{
    struct cel_value list = n == 1 && cel_is(args[0], CEL_LIST) ? args[0] : cel_list(args, n);
    struct cel_value best = cel_null();
    if (cel_length(list) == 0)
        return cel_fail(e, CEL_E_INVALID, "the list is empty");
    for (uint32_t i = 0; i < cel_length(list); i++) {
        struct cel_value v = cel_list_at(list, i);
        if (!cel_is(v, CEL_INT) && !cel_is(v, CEL_UINT) && !cel_is(v, CEL_DOUBLE))
            return eval_no_overload(e, "math.greatest or math.least");
        if (i == 0 || cel_number_order(v, best) == want)
            best = v;
    }
    return best;
}

struct cel_value fn_greatest(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    return extreme(e, args, n, ORDER_GREATER);
}

struct cel_value fn_least(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    return extreme(e, args, n, ORDER_LESS);
}

#define DOUBLE_FUNCTION(name, expression)                                                          \
    struct cel_value name(struct cel_eval *e, const struct cel_value *args, uint32_t n)            \
    {                                                                                              \
        double d = args[0].d;                                                                      \
        (void)e, (void)n;                                                                          \
        return expression;                                                                         \
    }

DOUBLE_FUNCTION(fn_ceil, cel_double(ceil(d)))
DOUBLE_FUNCTION(fn_floor, cel_double(floor(d)))
DOUBLE_FUNCTION(fn_round, cel_double(round(d)))
DOUBLE_FUNCTION(fn_trunc, cel_double(trunc(d)))
DOUBLE_FUNCTION(fn_is_nan, cel_bool(isnan(d)))
DOUBLE_FUNCTION(fn_is_inf, cel_bool(isinf(d)))
DOUBLE_FUNCTION(fn_is_finite, cel_bool(isfinite(d)))

struct cel_value fn_sqrt(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct cel_value d = fn_to_double(e, args, n);
    return cel_double(sqrt(d.d));
}

struct cel_value fn_abs(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct cel_value v = args[0];
    (void)n;
    if (cel_is(v, CEL_DOUBLE))
        return cel_double(fabs(v.d));
    if (cel_is(v, CEL_UINT) || v.i >= 0)
        return v;
    return v.i == INT64_MIN ? cel_fail(e, CEL_E_RANGE, "the result does not fit its type")
                            : cel_int(-v.i);
}

struct cel_value fn_sign(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct cel_value v = args[0];
    (void)e, (void)n;
    if (cel_is(v, CEL_DOUBLE))
        return cel_double(isnan(v.d) ? v.d : v.d > 0 ? 1 : v.d < 0 ? -1 : 0);
    if (cel_is(v, CEL_UINT))
        return cel_uint(v.u != 0);
    return cel_int((v.i > 0) - (v.i < 0));
}

/* Bits of either integer type: the result has the type of the first argument. */
static struct cel_value bits(struct cel_value like, uint64_t u)
{
    return (struct cel_value){.meta = like.meta, .u = u};
}

struct cel_value fn_bit_and(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)e, (void)n;
    return bits(args[0], args[0].u & args[1].u);
}

struct cel_value fn_bit_or(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)e, (void)n;
    return bits(args[0], args[0].u | args[1].u);
}

struct cel_value fn_bit_xor(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)e, (void)n;
    return bits(args[0], args[0].u ^ args[1].u);
}

struct cel_value fn_bit_not(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)e, (void)n;
    return bits(args[0], ~args[0].u);
}

static struct cel_value negative_shift(struct cel_eval *e)
{
    return cel_fail(e, CEL_E_RANGE, "a shift by a negative count");
}

struct cel_value fn_bit_shift_left(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    if (args[1].i < 0)
        return negative_shift(e);
    return bits(args[0], args[1].i > 63 ? 0 : args[0].u << args[1].i);
}

/* Logical: zeros come in from the left, of negative ints too. */
struct cel_value fn_bit_shift_right(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    if (args[1].i < 0)
        return negative_shift(e);
    return bits(args[0], args[1].i > 63 ? 0 : args[0].u >> args[1].i);
}
