#include "policy/cel/value.h"

#include "policy/cel/number.h"
#include "policy/cel/ip.h"
#include "policy/cel/time.h"

static const struct cel_error too_long = {CEL_E_RANGE, CEL_NO_OFFSET,
                                          STR_INIT("a value of 4 GiB or more")};
static const struct cel_error bad_time = {CEL_E_RANGE, CEL_NO_OFFSET,
                                          STR_INIT("a timestamp outside the years 1 to 9999")};
static const struct cel_error bad_ip = {CEL_E_INVALID, CEL_NO_OFFSET,
                                        STR_INIT("not an IP address")};

static struct cel_value error_value(const struct cel_error *e)
{
    return (struct cel_value){.meta = CEL_ERROR_VALUE, .error = e};
}

struct cel_value cel_too_long(void)
{
    return error_value(&too_long);
}

struct cel_value cel_bytes(struct str s)
{
    if (s.n > UINT32_MAX)
        return error_value(&too_long);
    return (struct cel_value){.meta = cel_meta(CEL_BYTES, 0, (uint32_t)s.n), .s = s.p};
}

struct cel_value cel_list(const struct cel_value *items, size_t n)
{
    if (n > UINT32_MAX)
        return error_value(&too_long);
    return (struct cel_value){.meta = cel_meta(CEL_LIST, 0, (uint32_t)n), .list = items};
}

struct cel_value cel_list_of_strs(const struct str *items, size_t n)
{
    if (n > UINT32_MAX)
        return error_value(&too_long);
    return (struct cel_value){.meta = cel_meta(CEL_LIST, CEL_FLAG_STRS, (uint32_t)n),
                              .strs = items};
}

struct cel_value cel_map(const struct cel_map *m)
{
    return (struct cel_value){.meta = cel_meta(CEL_MAP, 0, m->count), .map = m};
}

struct cel_value cel_timestamp(int64_t seconds, uint32_t nanos)
{
    if (seconds < TIME_MIN_SECONDS || seconds > TIME_MAX_SECONDS || nanos > 999999999)
        return error_value(&bad_time);
    return (struct cel_value){.meta = cel_meta(CEL_TIMESTAMP, 0, nanos), .i = seconds};
}

struct cel_value cel_duration(int64_t nanoseconds)
{
    return (struct cel_value){.meta = CEL_DURATION, .i = nanoseconds};
}

struct cel_value cel_ip_of(struct arena *a, struct str text)
{
    struct cel_ip *ip = arena_new(a, struct cel_ip);
    if (ip == NULL || !cel_ip_parse(text, ip))
        return error_value(&bad_ip);
    return (struct cel_value){.meta = CEL_IP, .ip = ip};
}

struct cel_value cel_error_of(struct arena *a, enum cel_error_code code, struct str message)
{
    static const struct cel_error full = {CEL_E_MEMORY, CEL_NO_OFFSET,
                                          STR_INIT("the evaluation needs too much memory")};
    struct cel_error *e = arena_new(a, struct cel_error);
    if (e == NULL)
        return error_value(&full);
    *e = (struct cel_error){code, CEL_NO_OFFSET, message};
    return error_value(e);
}

const char *cel_kind_name(enum cel_kind kind)
{
    static const char *const names[CEL_KIND_COUNT_] = {
        [CEL_UNSET] = "unset",
        [CEL_ABSENT] = "absent",
        [CEL_ERROR_VALUE] = "error",
        [CEL_UNKNOWN_VALUE] = "unknown",
        [CEL_NULL] = "null_type",
        [CEL_BOOL] = "bool",
        [CEL_INT] = "int",
        [CEL_UINT] = "uint",
        [CEL_DOUBLE] = "double",
        [CEL_STRING] = "string",
        [CEL_BYTES] = "bytes",
        [CEL_LIST] = "list",
        [CEL_MAP] = "map",
        [CEL_TYPE] = "type",
        [CEL_TIMESTAMP] = "google.protobuf.Timestamp",
        [CEL_DURATION] = "google.protobuf.Duration",
        [CEL_OPTIONAL] = "optional_type",
        [CEL_IP] = "net.IP",
        [CEL_CIDR] = "net.CIDR",
        [CEL_DYN] = "dyn",
        [CEL_RECORD] = "record",
        [CEL_PARAM] = "parameter",
        [CEL_WRAPPER] = "wrapper",
        [CEL_OPAQUE] = "opaque",
    };
    return (unsigned)kind < CEL_KIND_COUNT_ ? names[kind] : "?";
}

/* --- Equality ---------------------------------------------------------------------------------- */

static bool is_number(enum cel_kind k)
{
    return k == CEL_INT || k == CEL_UINT || k == CEL_DOUBLE;
}

static int lists_equal(struct cel_value a, struct cel_value b, uint64_t *budget)
{
    uint32_t n = cel_length(a);
    if (n != cel_length(b))
        return 0;
    for (uint32_t i = 0; i < n; i++) {
        int equal = cel_equal_within(cel_list_at(a, i), cel_list_at(b, i), budget);
        if (equal != 1)
            return equal;
    }
    return 1;
}

static int maps_equal(const struct cel_map *a, const struct cel_map *b, uint64_t *budget)
{
    if (a->count != b->count)
        return 0;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct cel_value *other = cel_map_find(b, a->entries[i].key);
        int equal = other == NULL ? 0 : cel_equal_within(a->entries[i].value, *other, budget);
        if (equal != 1)
            return equal;
    }
    return 1;
}

static bool ips_equal(struct cel_value a, struct cel_value b)
{
    size_t n = a.ip->family == 4 ? 4 : 16;
    return a.ip->family == b.ip->family && memcmp(a.ip->bytes, b.ip->bytes, n) == 0 &&
           (cel_is(a, CEL_IP) || a.ip->prefix == b.ip->prefix);
}

static int same_kind_equal(struct cel_value a, struct cel_value b, uint64_t *budget)
{
    switch (cel_kind_of(a)) {
    case CEL_NULL:
        return 1;
    case CEL_BOOL:
    case CEL_DURATION:
        return a.i == b.i;
    case CEL_TIMESTAMP:
        return a.i == b.i && a.meta == b.meta;
    case CEL_STRING:
    case CEL_BYTES:
        return str_eq(cel_str(a), cel_str(b));
    case CEL_LIST:
        return lists_equal(a, b, budget);
    case CEL_MAP:
        return maps_equal(a.map, b.map, budget);
    case CEL_TYPE:
        return str_eq(*a.type_name, *b.type_name);
    case CEL_OPTIONAL:
        if (a.list == NULL || b.list == NULL)
            return a.list == b.list;
        return cel_equal_within(*a.list, *b.list, budget);
    case CEL_IP:
    case CEL_CIDR:
        return ips_equal(a, b);
    default:
        return 0;
    }
}

int cel_equal_within(struct cel_value a, struct cel_value b, uint64_t *budget)
{
    if (*budget == 0)
        return -1;
    --*budget;
    enum cel_kind ka = cel_kind_of(a), kb = cel_kind_of(b);
    if (is_number(ka) && is_number(kb))
        return cel_number_order(a, b) == ORDER_EQUAL;
    return ka == kb ? same_kind_equal(a, b, budget) : 0;
}

bool cel_equal(struct cel_value a, struct cel_value b)
{
    uint64_t budget = UINT64_MAX;
    return cel_equal_within(a, b, &budget) == 1;
}

/* --- Numbers across types ------------------------------------------------------------------------ */

static enum order order_of(int64_t a, int64_t b)
{
    return a < b ? ORDER_LESS : a > b ? ORDER_GREATER : ORDER_EQUAL;
}

static enum order reverse(enum order o)
{
    return o == ORDER_NONE ? o : (enum order)-(int)o;
}

static enum order int_uint(int64_t a, uint64_t b)
{
    if (a < 0)
        return ORDER_LESS;
    return (uint64_t)a < b ? ORDER_LESS : (uint64_t)a > b ? ORDER_GREATER : ORDER_EQUAL;
}

/* Exact: the double is split into its integer part, which fits, and the rest. */
static enum order int_double(int64_t a, double b)
{
    if (b != b)
        return ORDER_NONE;
    if (b >= 0x1p63)
        return ORDER_LESS;
    if (b < -0x1p63)
        return ORDER_GREATER;
    int64_t whole = (int64_t)b;
    double rest = b - (double)whole;
    return a != whole ? order_of(a, whole)
                      : rest > 0 ? ORDER_LESS : rest < 0 ? ORDER_GREATER : ORDER_EQUAL;
}

static enum order uint_double(uint64_t a, double b)
{
    if (b != b)
        return ORDER_NONE;
    if (b >= 0x1p64)
        return ORDER_LESS;
    if (b < 0)
        return ORDER_GREATER;
    uint64_t whole = (uint64_t)b;
    if (a != whole)
        return a < whole ? ORDER_LESS : ORDER_GREATER;
    return b - (double)whole > 0 ? ORDER_LESS : ORDER_EQUAL;
}

enum order cel_number_order(struct cel_value a, struct cel_value b)
{
    enum cel_kind ka = cel_kind_of(a), kb = cel_kind_of(b);
    if (ka == CEL_DOUBLE && kb == CEL_DOUBLE)
        return a.d < b.d    ? ORDER_LESS
               : a.d > b.d  ? ORDER_GREATER
               : a.d == b.d ? ORDER_EQUAL
                            : ORDER_NONE;
    if (ka == CEL_INT)
        return kb == CEL_INT    ? order_of(a.i, b.i)
               : kb == CEL_UINT ? int_uint(a.i, b.u)
                                : int_double(a.i, b.d);
    if (ka == CEL_UINT)
        return kb == CEL_UINT  ? (a.u < b.u ? ORDER_LESS : a.u > b.u ? ORDER_GREATER : ORDER_EQUAL)
               : kb == CEL_INT ? reverse(int_uint(b.i, a.u))
                               : uint_double(a.u, b.d);
    return reverse(kb == CEL_INT ? int_double(b.i, a.d) : uint_double(b.u, a.d));
}

static double as_double(struct cel_value v)
{
    return cel_is(v, CEL_INT) ? (double)v.i : cel_is(v, CEL_UINT) ? (double)v.u : v.d;
}

enum order cel_number_compare(struct cel_value a, struct cel_value b)
{
    if (cel_is(a, CEL_DOUBLE) == cel_is(b, CEL_DOUBLE))
        return cel_number_order(a, b);
    return cel_number_order(cel_double(as_double(a)), cel_double(as_double(b)));
}

bool cel_number_to_int(struct cel_value v, int64_t *ret)
{
    switch ((int)cel_kind_of(v)) {
    case CEL_INT:
        *ret = v.i;
        return true;
    case CEL_UINT:
        *ret = (int64_t)v.u;
        return v.u <= INT64_MAX;
    case CEL_DOUBLE:
        if (!(v.d >= -0x1p63 && v.d < 0x1p63) || (double)(int64_t)v.d != v.d)
            return false;
        *ret = (int64_t)v.d;
        return true;
    default:
        return false;
    }
}
