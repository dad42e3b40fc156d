/* string.format(list): %s %d %f %e %b %o %x %X %%, with a precision for %f and %e. */
#include "policy/cel/func.h"

#include "policy/cel/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LONGEST_PRECISION = 60, DEFAULT_PRECISION = 6, DEEPEST = 64 };

struct format {
    struct cel_eval *e;
    char *p;
    size_t n, room;
    struct cel_value failed; /* UNSET: not yet */
};

static void fail(struct format *f, struct cel_value v)
{
    if (cel_is(f->failed, CEL_UNSET))
        f->failed = v;
}

static void put(struct format *f, struct str s)
{
    if (s.n > f->room - f->n && cel_is(f->failed, CEL_UNSET)) {
        size_t room = (f->room + s.n) * 2;
        char *p = eval_alloc(f->e, room);
        if (p == NULL) {
            fail(f, eval_refused(f->e));
            return;
        }
        if (f->n != 0)
            memcpy(p, f->p, f->n);
        f->p = p;
        f->room = room;
    }
    if (!cel_is(f->failed, CEL_UNSET) || s.n == 0)
        return;
    memcpy(f->p + f->n, s.p, s.n);
    f->n += s.n;
}

static void wrong_kind(struct format *f, char clause, struct cel_value v)
{
    fail(f, cel_fail(f->e, CEL_E_INVALID, "format: %%%c does not take a %s", clause,
                     cel_kind_name(cel_kind_of(v))));
}

/* --- %s -------------------------------------------------------------------------------------------------------- */

static void put_text(struct format *f, struct cel_value v, unsigned depth);

static void put_list(struct format *f, struct cel_value v, unsigned depth)
{
    put(f, STR("["));
    for (uint32_t i = 0; i < cel_length(v) && cel_is(f->failed, CEL_UNSET); i++) {
        if (i > 0)
            put(f, STR(", "));
        put_text(f, cel_list_at(v, i), depth);
    }
    put(f, STR("]"));
}

struct rendered {
    struct str key;
    struct cel_value value;
};

static int by_key(const void *a, const void *b)
{
    const struct rendered *x = (const struct rendered *)a, *y = (const struct rendered *)b;
    return str_cmp(x->key, y->key);
}

/* Sorted by the text of the keys, so that the result does not depend on the order of entries. */
static void put_map(struct format *f, const struct cel_map *m, unsigned depth)
{
    struct rendered *items = eval_alloc(f->e, m->count * sizeof(*items));
    if (items == NULL) {
        fail(f, eval_refused(f->e));
        return;
    }
    for (uint32_t i = 0; i < m->count; i++) {
        struct format key = {.e = f->e};
        put_text(&key, m->entries[i].key, depth);
        fail(f, key.failed);
        items[i] = (struct rendered){str_from(key.p, key.n), m->entries[i].value};
    }
    if (m->count > 1)
        qsort(items, m->count, sizeof(*items), by_key);
    put(f, STR("{"));
    for (uint32_t i = 0; i < m->count && cel_is(f->failed, CEL_UNSET); i++) {
        if (i > 0)
            put(f, STR(", "));
        put(f, items[i].key);
        put(f, STR(": "));
        put_text(f, items[i].value, depth);
    }
    put(f, STR("}"));
}

static void put_text(struct format *f, struct cel_value v, unsigned depth)
{
    char text[DOUBLE_TEXT_SIZE];
    if (!eval_charge(f->e, 1) || depth > DEEPEST) {
        fail(f, eval_over_budget(f->e));
        return;
    }
    switch ((int)cel_kind_of(v)) {
    case CEL_STRING:
    case CEL_BYTES:
        put(f, cel_str(v));
        return;
    case CEL_LIST:
        put_list(f, v, depth + 1);
        return;
    case CEL_MAP:
        put_map(f, v.map, depth + 1);
        return;
    case CEL_DOUBLE:
        put(f, str_from(text, cel_double_plain(v.d, text)));
        return;
    case CEL_OPTIONAL:
        wrong_kind(f, 's', v);
        return;
    default: {
        struct cel_value s = cel_is(v, CEL_NULL) ? cel_string(STR("null"))
                             : cel_is(v, CEL_TYPE) ? cel_string(*v.type_name)
                                                   : fn_to_string(f->e, &v, 1);
        if (cel_is(s, CEL_STRING))
            put(f, cel_str(s));
        else
            fail(f, s);
    }
    }
}

/* --- Numbers ------------------------------------------------------------------------------------------------------ */

static void put_decimal(struct format *f, struct cel_value v)
{
    char text[DOUBLE_TEXT_SIZE];
    if (cel_is(v, CEL_INT) || cel_is(v, CEL_UINT))
        put_text(f, v, 0);
    else if (cel_is(v, CEL_DOUBLE) && !isfinite(v.d))
        put(f, str_from(text, cel_double_plain(v.d, text)));
    else
        wrong_kind(f, 'd', v);
}

static void put_floating(struct format *f, char clause, struct cel_value v, int precision)
{
    char text[DOUBLE_TEXT_SIZE];
    if (!cel_is(v, CEL_DOUBLE) && !cel_is(v, CEL_INT) && !cel_is(v, CEL_UINT)) {
        wrong_kind(f, clause, v);
        return;
    }
    double d = fn_to_double(f->e, &v, 1).d;
    int n = !isfinite(d)    ? (int)cel_double_plain(d, text)
            : clause == 'f' ? snprintf(text, sizeof(text), "%.*f", precision, d)
                            : snprintf(text, sizeof(text), "%.*e", precision, d);
    put(f, str_from(text, (size_t)n));
}

/* In base 2, 8 or 16, with a sign. */
static void put_radix(struct format *f, char clause, struct cel_value v)
{
    const char *digits = clause == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned bits = clause == 'b' ? 1 : clause == 'o' ? 3 : 4;
    char text[72];
    size_t at = sizeof(text);
    bool minus = cel_is(v, CEL_INT) && v.i < 0;
    uint64_t u = minus ? 0 - v.u : v.u;
    do {
        text[--at] = digits[u & ((1u << bits) - 1)];
        u >>= bits;
    } while (u != 0);
    if (minus)
        text[--at] = '-';
    put(f, str_from(text + at, sizeof(text) - at));
}

static void put_hex_bytes(struct format *f, char clause, struct str s)
{
    for (size_t i = 0; i < s.n && cel_is(f->failed, CEL_UNSET); i++) {
        char text[4];
        snprintf(text, sizeof(text), clause == 'X' ? "%02X" : "%02x", (unsigned char)s.p[i]);
        put(f, str_from(text, 2));
    }
}

static void put_clause(struct format *f, char clause, int precision, struct cel_value v)
{
    bool integer = cel_is(v, CEL_INT) || cel_is(v, CEL_UINT);
    switch (clause) {
    case 's':
        put_text(f, v, 0);
        return;
    case 'd':
        put_decimal(f, v);
        return;
    case 'f':
    case 'e':
        put_floating(f, clause, v, precision);
        return;
    case 'b':
        if (integer || cel_is(v, CEL_BOOL))
            put_radix(f, clause, v);
        else
            wrong_kind(f, clause, v);
        return;
    case 'x':
    case 'X':
        if (cel_is(v, CEL_STRING) || cel_is(v, CEL_BYTES)) {
            put_hex_bytes(f, clause, cel_str(v));
            return;
        }
        FALLTHROUGH;
    default: /* o */
        if (integer)
            put_radix(f, clause, v);
        else
            wrong_kind(f, clause, v);
    }
}

/* --- The format string ------------------------------------------------------------------------------------------------ */

/* ".n" at *at; the default where there is none, -1 where it is malformed. */
static int read_precision(struct str s, size_t *at)
{
    int v = 0;
    if (*at >= s.n || s.p[*at] != '.')
        return DEFAULT_PRECISION;
    size_t start = ++*at;
    for (; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9' && v <= LONGEST_PRECISION; ++*at)
        v = v * 10 + (s.p[*at] - '0');
    return *at == start || v > LONGEST_PRECISION ? -1 : v;
}

struct cel_value fn_format(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct str s = cel_str(args[0]);
    struct format f = {.e = e};
    uint32_t used = 0;
    (void)n;
    for (size_t i = 0; i < s.n && cel_is(f.failed, CEL_UNSET);) {
        const char *percent = memchr(s.p + i, '%', s.n - i);
        size_t next = percent != NULL ? (size_t)(percent - s.p) : s.n;
        put(&f, str_from(s.p + i, next - i));
        if (percent == NULL)
            break;
        i = next + 1;
        if (i < s.n && s.p[i] == '%') {
            put(&f, STR("%"));
            i++;
            continue;
        }
        int precision = read_precision(s, &i);
        char clause = i < s.n ? s.p[i++] : '\0';
        if (precision < 0 || clause == '\0' || strchr("sdfebxXo", clause) == NULL)
            return cel_fail(e, CEL_E_INVALID, "format: unknown clause");
        if (used >= cel_length(args[1]))
            return cel_fail(e, CEL_E_RANGE, "format: argument %u is missing", used);
        put_clause(&f, clause, precision, cel_list_at(args[1], used++));
    }
    return cel_is(f.failed, CEL_UNSET) ? cel_string(str_from(f.p, f.n)) : f.failed;
}
