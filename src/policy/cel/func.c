#include "policy/cel/func.h"

#include "base/limits.h"
#include "policy/cel/schema_internal.h"

/*
 * Signatures: parameter types, `.` after a receiver, `:` and the result; `|` between overloads.
 *   b bool  i int  u uint  d double  s string  y bytes  n null  t timestamp  r duration
 *   p ip  c cidr  T type  ? dyn  lX list  mXY map  oX optional  A B type parameters
 *   # any number of numbers (the checker knows)
 */
#define ORDERED "bb:b|ii:b|uu:b|dd:b|ss:b|yy:b|tt:b|rr:b|iu:b|id:b|ui:b|ud:b|di:b|du:b"
#define DATE_PART "t.:i|t.s:i"
#define CLOCK_PART "t.:i|t.s:i|r.:i"

static const struct builtin {
    const char *name, *signature;
    cel_host_fn *fn;
    enum cost_rule cost;
} builtins[] = {
    {"_==_", "AA:b", fn_equal, COST_OWN},
    {"_!=_", "AA:b", fn_not_equal, COST_OWN},
    {"_<_", ORDERED, fn_less, COST_SCAN},
    {"_<=_", ORDERED, fn_less_equal, COST_SCAN},
    {"_>_", ORDERED, fn_greater, COST_SCAN},
    {"_>=_", ORDERED, fn_greater_equal, COST_SCAN},
    {"_+_", "ii:i|uu:u|dd:d|ss:s|yy:y|lAlA:lA|tr:t|rt:t|rr:r", fn_add, COST_UNIT},
    {"_-_", "ii:i|uu:u|dd:d|tt:r|tr:t|rr:r", fn_subtract, COST_UNIT},
    {"_*_", "ii:i|uu:u|dd:d", fn_multiply, COST_UNIT},
    {"_/_", "ii:i|uu:u|dd:d", fn_divide, COST_UNIT},
    {"_%_", "ii:i|uu:u", fn_modulo, COST_UNIT},
    {"!_", "b:b", fn_not, COST_UNIT},
    {"-_", "i:i|d:d", fn_negate, COST_UNIT},
    {"_[_]", "lAi:A|mABA:B|olAi:oA|omABA:oB", fn_index, COST_UNIT},
    {"_[?_]", "lAi:oA|mABA:oB|olAi:oA|omABA:oB", fn_optional_index, COST_UNIT},
    {"_ in _", "AlA:b|AmAB:b", fn_in, COST_OWN},

    {"size", "s:i|y:i|lA:i|mAB:i|s.:i|y.:i|lA.:i|mAB.:i", fn_size, COST_SCAN},
    {"contains", "s.s:b", fn_contains, COST_SCAN},
    {"startsWith", "s.s:b", fn_starts_with, COST_UNIT},
    {"endsWith", "s.s:b", fn_ends_with, COST_UNIT},
    {"matches", "s.s:b|ss:b", fn_matches, COST_REGEX},

    {"int", "i:i|u:i|d:i|s:i|t:i", fn_to_int, COST_SCAN},
    {"uint", "u:u|i:u|d:u|s:u", fn_to_uint, COST_SCAN},
    {"double", "d:d|i:d|u:d|s:d", fn_to_double, COST_SCAN},
    {"string", "s:s|b:s|i:s|u:s|d:s|y:s|t:s|r:s|p:s|c:s", fn_to_string, COST_SCAN},
    {"bytes", "y:y|s:y", fn_to_bytes, COST_UNIT},
    {"bool", "b:b|s:b", fn_to_bool, COST_UNIT},
    {"timestamp", "t:t|i:t|s:t", fn_to_timestamp, COST_SCAN},
    {"duration", "r:r|s:r", fn_to_duration, COST_SCAN},
    {"dyn", "A:?", fn_dyn, COST_UNIT},
    {"type", "A:T", fn_type, COST_UNIT},

    {"getDate", DATE_PART, fn_get_date, COST_UNIT},
    {"getDayOfMonth", DATE_PART, fn_get_day_of_month, COST_UNIT},
    {"getDayOfWeek", DATE_PART, fn_get_day_of_week, COST_UNIT},
    {"getDayOfYear", DATE_PART, fn_get_day_of_year, COST_UNIT},
    {"getFullYear", DATE_PART, fn_get_full_year, COST_UNIT},
    {"getMonth", DATE_PART, fn_get_month, COST_UNIT},
    {"getHours", CLOCK_PART, fn_get_hours, COST_UNIT},
    {"getMinutes", CLOCK_PART, fn_get_minutes, COST_UNIT},
    {"getSeconds", CLOCK_PART, fn_get_seconds, COST_UNIT},
    {"getMilliseconds", CLOCK_PART, fn_get_milliseconds, COST_UNIT},

    {"charAt", "s.i:s", fn_char_at, COST_SCAN},
    {"indexOf", "s.s:i|s.si:i", fn_index_of, COST_SCAN},
    {"lastIndexOf", "s.s:i|s.si:i", fn_last_index_of, COST_PRODUCT},
    {"lowerAscii", "s.:s", fn_lower_ascii, COST_SCAN},
    {"upperAscii", "s.:s", fn_upper_ascii, COST_SCAN},
    {"replace", "s.ss:s|s.ssi:s", fn_replace, COST_SCAN},
    {"split", "s.s:ls|s.si:ls", fn_split, COST_SCAN},
    {"substring", "s.i:s|s.ii:s", fn_substring, COST_SCAN},
    {"trim", "s.:s", fn_trim, COST_SCAN},
    {"join", "ls.:s|ls.s:s", fn_join, COST_SCAN},
    {"reverse", "s.:s|lA.:lA", fn_reverse, COST_SCAN},
    {"strings.quote", "s:s", fn_quote, COST_SCAN},
    {"format", "s.l?:s", fn_format, COST_SCAN},

    {"math.greatest", "#", fn_greatest, COST_SCAN},
    {"math.least", "#", fn_least, COST_SCAN},
    {"math.ceil", "d:d", fn_ceil, COST_UNIT},
    {"math.floor", "d:d", fn_floor, COST_UNIT},
    {"math.round", "d:d", fn_round, COST_UNIT},
    {"math.trunc", "d:d", fn_trunc, COST_UNIT},
    {"math.abs", "i:i|u:u|d:d", fn_abs, COST_UNIT},
    {"math.sign", "i:i|u:u|d:d", fn_sign, COST_UNIT},
    {"math.isNaN", "d:b", fn_is_nan, COST_UNIT},
    {"math.isInf", "d:b", fn_is_inf, COST_UNIT},
    {"math.isFinite", "d:b", fn_is_finite, COST_UNIT},
    {"math.sqrt", "d:d|i:d|u:d", fn_sqrt, COST_UNIT},
    {"math.bitAnd", "ii:i|uu:u", fn_bit_and, COST_UNIT},
    {"math.bitOr", "ii:i|uu:u", fn_bit_or, COST_UNIT},
    {"math.bitXor", "ii:i|uu:u", fn_bit_xor, COST_UNIT},
    {"math.bitNot", "i:i|u:u", fn_bit_not, COST_UNIT},
    {"math.bitShiftLeft", "ii:i|ui:u", fn_bit_shift_left, COST_UNIT},
    {"math.bitShiftRight", "ii:i|ui:u", fn_bit_shift_right, COST_UNIT},

    {"base64.encode", "y:s", fn_base64_encode, COST_SCAN},
    {"base64.decode", "s:y", fn_base64_decode, COST_SCAN},

    {"lists.range", "i:li", fn_range, COST_UNIT},
    {"distinct", "lA.:lA", fn_distinct, COST_OWN},
    {"flatten", "l?.:l?|l?.i:l?", fn_flatten, COST_OWN},
    {"slice", "lA.ii:lA", fn_slice, COST_UNIT},
    {"sort", "lA.:lA", fn_sort, COST_OWN},
    {"first", "lA.:oA", fn_first, COST_UNIT},
    {"last", "lA.:oA", fn_last, COST_UNIT},
    {"sets.contains", "lAlA:b", fn_sets_contains, COST_OWN},
    {"sets.equivalent", "lAlA:b", fn_sets_equivalent, COST_OWN},
    {"sets.intersects", "lAlA:b", fn_sets_intersects, COST_OWN},

    {"optional.of", "A:oA", fn_optional_of, COST_UNIT},
    {"optional.ofNonZeroValue", "A:oA", fn_optional_of_non_zero, COST_UNIT},
    {"optional.none", ":oA", fn_optional_none, COST_UNIT},
    {"optional.unwrap", "loA:lA", fn_unwrap, COST_SCAN},
    {"unwrapOpt", "loA.:lA", fn_unwrap, COST_SCAN},
    {"hasValue", "oA.:b", fn_has_value, COST_UNIT},
    {"value", "oA.:A", fn_value, COST_UNIT},
    {"or", "oA.oA:oA", fn_or, COST_UNIT},
    {"orValue", "oA.A:A", fn_or_value, COST_UNIT},

    {"regex.replace", "sss:s|sssi:s", fn_regex_replace, COST_REGEX},
    {"regex.extract", "ss:os", fn_regex_extract, COST_REGEX},
    {"regex.extractAll", "ss:ls", fn_regex_extract_all, COST_REGEX},

    {"ip", "s:p|c.:p", fn_ip, COST_UNIT},
    {"isIP", "s:b", fn_is_ip, COST_UNIT},
    {"ip.isCanonical", "s:b", fn_ip_is_canonical, COST_UNIT},
    {"cidr", "s:c", fn_cidr, COST_UNIT},
    {"isCIDR", "s:b", fn_is_cidr, COST_UNIT},
    {"family", "p.:i", fn_family, COST_UNIT},
    {"isUnspecified", "p.:b", fn_is_unspecified, COST_UNIT},
    {"isLoopback", "p.:b", fn_is_loopback, COST_UNIT},
    {"isGlobalUnicast", "p.:b", fn_is_global_unicast, COST_UNIT},
    {"isLinkLocalMulticast", "p.:b", fn_is_link_local_multicast, COST_UNIT},
    {"isLinkLocalUnicast", "p.:b", fn_is_link_local_unicast, COST_UNIT},
    {"containsIP", "c.p:b|c.s:b", fn_contains_ip, COST_UNIT},
    {"containsCIDR", "c.c:b|c.s:b", fn_contains_cidr, COST_UNIT},
    {"masked", "c.:c", fn_masked, COST_UNIT},
    {"prefixLength", "c.:i", fn_prefix_length, COST_UNIT},
};

static const struct cel_type param_a = {.kind = CEL_PARAM, .name = STR_INIT("A")};
static const struct cel_type param_b = {.kind = CEL_PARAM, .name = STR_INIT("B")};

/* Reads one type of a signature; NULL when memory is out. */
static const struct cel_type *signature_type(struct arena *a, const char **p)
{
    static const struct {
        char letter;
        const struct cel_type *type;
    } scalars[] = {
        {'b', &CEL_TYPE_BOOL},     {'i', &CEL_TYPE_INT},       {'u', &CEL_TYPE_UINT},
        {'d', &CEL_TYPE_DOUBLE},   {'s', &CEL_TYPE_STRING},    {'y', &CEL_TYPE_BYTES},
        {'n', &CEL_TYPE_NULL},     {'t', &CEL_TYPE_TIMESTAMP}, {'r', &CEL_TYPE_DURATION},
        {'p', &CEL_TYPE_IP},       {'c', &CEL_TYPE_CIDR},      {'T', &CEL_TYPE_TYPE},
        {'?', &CEL_TYPE_DYN},      {'A', &param_a},            {'B', &param_b},
    };
    char letter = *(*p)++;
    for (size_t i = 0; i < ARRAY_LEN(scalars); i++)
        if (scalars[i].letter == letter)
            return scalars[i].type;
    const struct cel_type *first = signature_type(a, p);
    if (first == NULL)
        return NULL;
    if (letter == 'l')
        return cel_type_list(a, first);
    if (letter == 'o')
        return cel_type_optional(a, first);
    const struct cel_type *second = signature_type(a, p);
    return second != NULL ? cel_type_map(a, first, second) : NULL;
}

static enum err read_overload(struct arena *a, const char **p, struct overload *o)
{
    const struct cel_type **params = arena_new_array(a, 4, const struct cel_type *);
    if (params == NULL)
        return ERR_NOMEM;
    o->params = params;
    if (**p == '#') {
        o->variadic = true;
        o->result = &CEL_TYPE_DYN;
        ++*p;
        return ERR_OK;
    }
    while (**p != ':') {
        if (**p == '.') {
            o->member = true;
            ++*p;
            continue;
        }
        params[o->param_count] = signature_type(a, p);
        if (params[o->param_count++] == NULL)
            return ERR_NOMEM;
    }
    ++*p;
    o->result = signature_type(a, p);
    return o->result != NULL ? ERR_OK : ERR_NOMEM;
}

static const struct builtin *builtin_named(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(builtins); i++)
        if (str_is(name, builtins[i].name))
            return &builtins[i];
    return NULL;
}

static size_t overload_count(const struct builtin *b)
{
    size_t n = 1;
    for (const char *p = b->signature; *p != '\0'; p++)
        n += *p == '|';
    return n;
}

static void host_overload(const struct host_function *h, struct overload *o)
{
    *o = (struct overload){.name = h->name,
                           .member = h->member,
                           .param_count = h->param_count,
                           .params = h->params,
                           .result = h->result,
                           .fn = h->fn,
                           .cost = COST_HOST,
                           .host_cost = h->cost};
}

enum err cel_function_find(struct compilation *c, struct str name, const struct function **ret)
{
    const struct builtin *b = builtin_named(name);
    size_t n = b != NULL ? overload_count(b) : 0, hosts = 0;
    for (const struct host_function *h = c->schema->functions; h != NULL; h = h->next)
        hosts += str_eq(h->name, name);
    *ret = NULL;
    if (n + hosts == 0)
        return ERR_OK;
    struct function *f = arena_new(c->arena, struct function);
    struct overload *overloads = arena_new_array(c->arena, n + hosts, struct overload);
    if (f == NULL || overloads == NULL)
        return ERR_NOMEM;
    const char *p = b != NULL ? b->signature : NULL;
    for (size_t i = 0; i < n; i++) {
        overloads[i] = (struct overload){
            .name = str_of(b->name), .fn = b->fn, .cost = b->cost};
        TRY(read_overload(c->arena, &p, &overloads[i]));
        p++;
    }
    for (const struct host_function *h = c->schema->functions; h != NULL; h = h->next)
        if (str_eq(h->name, name))
            host_overload(h, &overloads[n++]);
    /* The caller's text is its own: keep the table's. */
    name = b != NULL ? str_of(b->name) : overloads[0].name;
    *f = (struct function){.name = name, .overloads = overloads, .count = (uint32_t)n};
    *ret = f;
    return ERR_OK;
}

void cel_function_names(const struct compilation *c, void (*visit)(void *ctx, struct str name), void *ctx)
{
    for (size_t i = 0; i < ARRAY_LEN(builtins); i++)
        visit(ctx, str_of(builtins[i].name));
    for (const struct host_function *h = c->schema->functions; h != NULL; h = h->next)
        visit(ctx, h->name);
}
