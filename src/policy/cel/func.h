/* The functions of the language and its libraries: one table, built from readable signatures. */
#pragma once

#include "policy/cel/ast.h"

/* What a call costs before it runs; what it allocates is charged when it does. */
enum cost_rule {
    COST_UNIT = 1, /* 1 */
    COST_SCAN,     /* 1 + a tenth of the arguments' length */
    COST_PRODUCT,  /* 1 + a hundredth of the product of the first two lengths */
    COST_REGEX,    /* 1 + text/10 * pattern/4: RE2 is linear in the text, the factor is the pattern */
    COST_OWN,      /* 1; the function charges what it visits */
    COST_HOST,     /* as declared */
};

struct overload {
    struct str name;
    bool member, variadic;
    uint32_t param_count;
    const struct cel_type *const *params;
    const struct cel_type *result;
    cel_host_fn *fn;
    enum cost_rule cost;
    uint32_t host_cost;
};

struct function {
    struct str name;
    const struct overload *overloads;
    uint32_t count;
};

/*
 * All overloads of a full name, host functions included; *ret is NULL where there is none.
 * ERR_NOMEM.
 */
MUST_USE enum err cel_function_find(struct compilation *c, struct str name, const struct function **ret);

/* Calls `visit` with every function's name, for suggestions. */
void cel_function_names(const struct compilation *c, void (*visit)(void *ctx, struct str name),
                    void *ctx);

/* Whether a value of this kind may be an argument for the parameter. */
static inline bool kind_fits(const struct cel_type *param, enum cel_kind kind)
{
    enum cel_kind want = param->kind;
    return want == kind || want == CEL_DYN || want == CEL_PARAM ||
           (want == CEL_WRAPPER && (kind == CEL_NULL || kind == param->params[0]->kind)) ||
           (want == CEL_RECORD && kind == CEL_MAP) || want == CEL_OPAQUE;
}

/* --- For the functions ------------------------------------------------------------------------ */

/* Adds to the cost; false where the budget is spent, then return eval_over_budget(e). */
static inline bool eval_charge(struct cel_eval *e, uint64_t units)
{
    e->cost += units;
    return e->cost <= e->cost_limit;
}

struct cel_value eval_over_budget(struct cel_eval *e);
struct cel_value eval_no_memory(struct cel_eval *e);

/* Charges and allocates n bytes; NULL: budget or arena is spent, then return eval_refused(e). */
void *eval_alloc(struct cel_eval *e, size_t n);
struct cel_value eval_refused(struct cel_eval *e);

struct cel_value eval_no_overload(struct cel_eval *e, const char *what);

/* A string value over freshly built bytes. */
struct cel_value eval_string(struct cel_eval *e, struct str s); /* copies */

struct cel_value cel_optional_of(struct cel_eval *e, struct cel_value v);
static inline struct cel_value optional_none(void)
{
    return (struct cel_value){.meta = CEL_OPTIONAL, .list = NULL};
}

/* --- Implementations, by file -------------------------------------------------------------------- */

typedef cel_host_fn builtin_fn;

/* fn_operator.c */
extern builtin_fn fn_equal, fn_not_equal, fn_less, fn_less_equal, fn_greater, fn_greater_equal,
    fn_add, fn_subtract, fn_multiply, fn_divide, fn_modulo, fn_not, fn_negate, fn_index,
    fn_optional_index, fn_in;
/* fn_convert.c */
extern builtin_fn fn_to_int, fn_to_uint, fn_to_double, fn_to_string, fn_to_bytes, fn_to_bool,
    fn_to_timestamp, fn_to_duration, fn_dyn, fn_type;
/* fn_string.c */
extern builtin_fn fn_size, fn_contains, fn_starts_with, fn_ends_with, fn_char_at, fn_index_of,
    fn_last_index_of, fn_lower_ascii, fn_upper_ascii, fn_replace, fn_split, fn_substring, fn_trim,
    fn_join, fn_reverse, fn_quote;
/* fn_format.c */
extern builtin_fn fn_format;
/* fn_regex.c */
extern builtin_fn fn_matches, fn_regex_replace, fn_regex_extract, fn_regex_extract_all;
/* fn_math.c */
extern builtin_fn fn_greatest, fn_least, fn_ceil, fn_floor, fn_round, fn_trunc, fn_abs, fn_sign,
    fn_is_nan, fn_is_inf, fn_is_finite, fn_bit_and, fn_bit_or, fn_bit_xor, fn_bit_not,
    fn_bit_shift_left, fn_bit_shift_right, fn_sqrt;
/* fn_list.c: lists, sets, optionals */
extern builtin_fn fn_range, fn_distinct, fn_flatten, fn_slice, fn_sort, fn_first, fn_last,
    fn_sets_contains, fn_sets_equivalent, fn_sets_intersects, fn_optional_of,
    fn_optional_of_non_zero, fn_optional_none, fn_has_value, fn_value, fn_or, fn_or_value,
    fn_unwrap;
/* fn_time.c */
extern builtin_fn fn_get_date, fn_get_day_of_month, fn_get_day_of_week, fn_get_day_of_year,
    fn_get_full_year, fn_get_hours, fn_get_milliseconds, fn_get_minutes, fn_get_month,
    fn_get_seconds;
/* fn_net.c */
extern builtin_fn fn_ip, fn_is_ip, fn_ip_is_canonical, fn_cidr, fn_is_cidr, fn_family,
    fn_is_unspecified, fn_is_loopback, fn_is_global_unicast, fn_is_link_local_multicast,
    fn_is_link_local_unicast, fn_contains_ip, fn_contains_cidr, fn_masked, fn_prefix_length;
/* fn_encode.c */
extern builtin_fn fn_base64_encode, fn_base64_decode;
