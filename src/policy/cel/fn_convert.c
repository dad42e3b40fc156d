/* Conversions between types. */
#include "policy/cel/func.h"

#include "policy/cel/decimal.h"
#include "policy/cel/ip.h"
#include "policy/cel/time.h"

#include <stdio.h>

static struct cel_value not_in_range(struct cel_eval *e, const char *type)
{
    return cel_fail(e, CEL_E_RANGE, "the value does not fit %s", type);
}

static struct cel_value does_not_parse(struct cel_eval *e, struct str s, const char *type)
{
    struct str shown = s.n <= 40 ? s : str_from(s.p, 40);
    return cel_fail(e, CEL_E_INVALID, "'%.*s' is no %s", STR_FMT(shown), type);
}

struct cel_value fn_to_int(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct cel_value v = args[0];
    struct str s;
    int64_t i;
    (void)n;
    switch ((int)cel_kind_of(v)) {
    case CEL_UINT:
        return v.u > INT64_MAX ? not_in_range(e, "int") : cel_int((int64_t)v.u);
    case CEL_DOUBLE:
        return v.d > -0x1p63 && v.d < 0x1p63 ? cel_int((int64_t)v.d) : not_in_range(e, "int");
    case CEL_STRING:
        s = cel_str(v);
        if (s.n > 1 && s.p[0] == '+' && s.p[1] != '-')
            s = str_from(s.p + 1, s.n - 1);
        return str_to_i64(s, &i) == ERR_OK ? cel_int(i) : does_not_parse(e, cel_str(v), "int");
    default: /* INT, TIMESTAMP */
        return cel_int(v.i);
    }
}

struct cel_value fn_to_uint(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct cel_value v = args[0];
    uint64_t u;
    (void)n;
    switch ((int)cel_kind_of(v)) {
    case CEL_INT:
        return v.i < 0 ? not_in_range(e, "uint") : cel_uint((uint64_t)v.i);
    case CEL_DOUBLE:
        return v.d >= 0 && v.d < 0x1p64 ? cel_uint((uint64_t)v.d) : not_in_range(e, "uint");
    case CEL_STRING:
        return str_to_u64(cel_str(v), &u) == ERR_OK ? cel_uint(u)
                                                    : does_not_parse(e, cel_str(v), "uint");
    default:
        return v;
    }
}

struct cel_value fn_to_double(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct cel_value v = args[0];
    double d;
    (void)n;
    switch ((int)cel_kind_of(v)) {
    case CEL_INT:
        return cel_double((double)v.i);
    case CEL_UINT:
        return cel_double((double)v.u);
    case CEL_STRING:
        return cel_double_parse(cel_str(v), &d) ? cel_double(d) : does_not_parse(e, cel_str(v), "double");
    default:
        return v;
    }
}

struct cel_value fn_to_string(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct cel_value v = args[0];
    char text[DOUBLE_TEXT_SIZE];
    size_t length;
    (void)n;
    switch ((int)cel_kind_of(v)) {
    case CEL_STRING:
        return v;
    case CEL_BOOL:
        return cel_string(v.i ? STR("true") : STR("false"));
    case CEL_INT:
        length = (size_t)snprintf(text, sizeof(text), "%lld", (long long)v.i);
        break;
    case CEL_UINT:
        length = (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)v.u);
        break;
    case CEL_DOUBLE:
        length = cel_double_text(v.d, text);
        break;
    case CEL_BYTES:
        if (!eval_charge(e, cel_length(v) / 10))
            return eval_over_budget(e);
        return str_is_utf8(cel_str(v)) ? cel_string(cel_str(v))
                                       : cel_fail(e, CEL_E_INVALID, "the bytes are not UTF-8");
    case CEL_TIMESTAMP:
        length = cel_time_text(v.i, (uint32_t)(v.meta >> 32), text);
        break;
    case CEL_DURATION:
        length = cel_duration_text(v.i, text);
        break;
    case CEL_IP:
    case CEL_CIDR:
        length = cel_ip_text(v.ip, cel_is(v, CEL_CIDR), text);
        break;
    default:
        return eval_no_overload(e, "string");
    }
    return eval_string(e, str_from(text, length));
}

struct cel_value fn_to_bytes(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)e, (void)n;
    return cel_bytes(cel_str(args[0]));
}

struct cel_value fn_to_bool(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    static const char *const words[2][5] = {{"0", "f", "false", "FALSE", "False"},
                                            {"1", "t", "true", "TRUE", "True"}};
    (void)n;
    if (cel_is(args[0], CEL_BOOL))
        return args[0];
    for (int truth = 0; truth < 2; truth++)
        for (size_t i = 0; i < ARRAY_LEN(words[0]); i++)
            if (str_is(cel_str(args[0]), words[truth][i]))
                return cel_bool(truth == 1);
    return does_not_parse(e, cel_str(args[0]), "bool");
}

struct cel_value fn_to_timestamp(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    int64_t seconds;
    uint32_t nanos;
    (void)n;
    if (cel_is(args[0], CEL_TIMESTAMP))
        return args[0];
    if (cel_is(args[0], CEL_INT))
        return cel_timestamp(args[0].i, 0);
    return cel_time_parse(cel_str(args[0]), &seconds, &nanos)
               ? cel_timestamp(seconds, nanos)
               : does_not_parse(e, cel_str(args[0]), "timestamp");
}

struct cel_value fn_to_duration(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    int64_t nanoseconds;
    (void)n;
    if (cel_is(args[0], CEL_DURATION))
        return args[0];
    return cel_duration_parse(cel_str(args[0]), &nanoseconds)
               ? cel_duration(nanoseconds)
               : does_not_parse(e, cel_str(args[0]), "duration");
}

struct cel_value fn_dyn(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)e, (void)n;
    return args[0];
}

struct cel_value fn_type(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    struct str *name = eval_alloc(e, sizeof(*name));
    if (name == NULL)
        return eval_refused(e);
    *name = str_of(cel_kind_name(cel_kind_of(args[0])));
    return (struct cel_value){.meta = CEL_TYPE, .type_name = name};
}
