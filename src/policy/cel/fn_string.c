/* Text. Indices count characters (code points), as everywhere in CEL. */
#include "policy/cel/func.h"

#include "policy/cel/utf8.h"

static struct cel_value out_of_range(struct cel_eval *e, int64_t index)
{
    return cel_fail(e, CEL_E_RANGE, "index out of range: %lld", (long long)index);
}

/* The byte offset of character `index`; false: it is beyond the end. */
static bool offset_at(struct str s, int64_t index, size_t *ret)
{
    if (index < 0)
        return false;
    *ret = utf8_offset(s, (uint64_t)index);
    return *ret != SIZE_MAX;
}

struct cel_value fn_size(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    switch ((int)cel_kind_of(args[0])) {
    case CEL_STRING:
        return cel_int((int64_t)utf8_count(cel_str(args[0])));
    case CEL_BYTES:
    case CEL_LIST:
        return cel_int(cel_length(args[0]));
    case CEL_MAP:
        return cel_int(args[0].map->count);
    default:
        return eval_no_overload(e, "size");
    }
}

struct cel_value fn_contains(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)e, (void)n;
    return cel_bool(str_contains(cel_str(args[0]), cel_str(args[1])));
}

struct cel_value fn_starts_with(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)e, (void)n;
    return cel_bool(str_starts(cel_str(args[0]), cel_str(args[1])));
}

struct cel_value fn_ends_with(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)e, (void)n;
    return cel_bool(str_ends(cel_str(args[0]), cel_str(args[1])));
}

struct cel_value fn_char_at(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct str s = cel_str(args[0]);
    size_t at;
    (void)n;
    if (!offset_at(s, args[1].i, &at))
        return out_of_range(e, args[1].i);
    return cel_string(str_from(s.p + at, at == s.n ? 0 : utf8_length(s.p + at, s.n - at)));
}

struct cel_value fn_index_of(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct str s = cel_str(args[0]), sub = cel_str(args[1]);
    int64_t from = n == 3 ? args[2].i : 0;
    size_t at = 0;
    if (!offset_at(s, from, &at))
        return out_of_range(e, from);
    if (sub.n == 0)
        return cel_int(from);
    const char *found = s.n - at >= sub.n ? memmem(s.p + at, s.n - at, sub.p, sub.n) : NULL;
    if (found == NULL)
        return cel_int(-1);
    return cel_int((int64_t)utf8_count(str_from(s.p, (size_t)(found - s.p))));
}

struct cel_value fn_last_index_of(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct str s = cel_str(args[0]), sub = cel_str(args[1]);
    size_t last = s.n;
    if (n == 3 && !offset_at(s, args[2].i, &last))
        return out_of_range(e, args[2].i);
    if (sub.n > s.n)
        return cel_int(-1);
    for (size_t at = (last < s.n - sub.n ? last : s.n - sub.n) + 1; at-- > 0;)
        if (sub.n == 0 || memcmp(s.p + at, sub.p, sub.n) == 0)
            return cel_int((int64_t)utf8_count(str_from(s.p, at)));
    return cel_int(-1);
}

static struct cel_value map_bytes(struct cel_eval *e, struct str s, char from, char to, char change)
{
    char *p = eval_alloc(e, s.n);
    if (p == NULL)
        return eval_refused(e);
    for (size_t i = 0; i < s.n; i++)
        p[i] = s.p[i] >= from && s.p[i] <= to ? (char)(s.p[i] + change) : s.p[i];
    return cel_string(str_from(p, s.n));
}

struct cel_value fn_lower_ascii(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    return map_bytes(e, cel_str(args[0]), 'A', 'Z', 'a' - 'A');
}

struct cel_value fn_upper_ascii(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    return map_bytes(e, cel_str(args[0]), 'a', 'z', 'A' - 'a');
}

/* --- Replace, split --------------------------------------------------------------------------------------- */

/*
 * The next place where `sep` stands, at or after *pos; SIZE_MAX: none. An empty separator stands
 * between all characters; *ret_step is how far the text moves on behind it.
 */
static size_t next_match(struct str s, struct str sep, size_t pos)
{
    if (pos > s.n)
        return SIZE_MAX;
    if (sep.n == 0)
        return pos;
    const char *found = s.n - pos >= sep.n ? memmem(s.p + pos, s.n - pos, sep.p, sep.n) : NULL;
    return found != NULL ? (size_t)(found - s.p) : SIZE_MAX;
}

static size_t count_matches(struct str s, struct str sep, uint64_t limit)
{
    size_t count = 0, pos = 0;
    if (sep.n == 0) {
        count = utf8_count(s) + 1;
        return count < limit ? count : (size_t)limit;
    }
    for (size_t at; count < limit && (at = next_match(s, sep, pos)) != SIZE_MAX; count++)
        pos = at + sep.n;
    return count;
}

static char *put(char *out, struct str s)
{
    if (s.n != 0)
        memcpy(out, s.p, s.n);
    return out + s.n;
}

struct cel_value fn_replace(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct str s = cel_str(args[0]), from = cel_str(args[1]), to = cel_str(args[2]);
    uint64_t limit = n == 4 && args[3].i >= 0 ? (uint64_t)args[3].i : UINT64_MAX;
    size_t count = count_matches(s, from, limit), grown, pos = 0;
    if (count == 0)
        return args[0];
    if (__builtin_mul_overflow(count, to.n, &grown) || __builtin_add_overflow(grown, s.n, &grown))
        return eval_no_memory(e);
    char *start = eval_alloc(e, grown), *out = start;
    if (start == NULL)
        return eval_refused(e);
    for (size_t i = 0; i < count; i++) {
        size_t at = next_match(s, from, pos);
        out = put(out, str_from(s.p + pos, at - pos));
        out = put(out, to);
        pos = at + from.n;
        if (from.n == 0 && pos < s.n) {
            size_t step = utf8_length(s.p + pos, s.n - pos);
            out = put(out, str_from(s.p + pos, step));
            pos += step;
        }
    }
    if (pos < s.n)
        out = put(out, str_from(s.p + pos, s.n - pos));
    return cel_string(str_from(start, (size_t)(out - start)));
}

static struct cel_value split_characters(struct cel_eval *e, struct str s, uint64_t limit)
{
    size_t count = utf8_count(s), pos = 0;
    if (count > limit)
        count = (size_t)limit;
    struct cel_value *items = eval_alloc(e, count * sizeof(*items));
    if (items == NULL)
        return eval_refused(e);
    for (size_t i = 0; i < count; i++) {
        size_t length = i + 1 == limit ? s.n - pos : utf8_length(s.p + pos, s.n - pos);
        items[i] = cel_string(str_from(s.p + pos, length));
        pos += length;
    }
    return cel_list(items, count);
}

struct cel_value fn_split(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct str s = cel_str(args[0]), sep = cel_str(args[1]);
    uint64_t limit = n == 3 && args[2].i >= 0 ? (uint64_t)args[2].i : UINT64_MAX;
    size_t pos = 0;
    if (limit == 0)
        return cel_list(NULL, 0);
    if (sep.n == 0)
        return split_characters(e, s, limit);
    size_t cuts = count_matches(s, sep, limit - 1);
    struct cel_value *items = eval_alloc(e, (cuts + 1) * sizeof(*items));
    if (items == NULL)
        return eval_refused(e);
    for (size_t i = 0; i < cuts; i++) {
        size_t at = next_match(s, sep, pos);
        items[i] = cel_string(str_from(s.p + pos, at - pos));
        pos = at + sep.n;
    }
    items[cuts] = cel_string(str_from(s.p + pos, s.n - pos));
    return cel_list(items, cuts + 1);
}

struct cel_value fn_substring(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct str s = cel_str(args[0]);
    size_t start, end = s.n;
    if (!offset_at(s, args[1].i, &start))
        return out_of_range(e, args[1].i);
    if (n == 3 && !offset_at(s, args[2].i, &end))
        return out_of_range(e, args[2].i);
    if (start > end)
        return cel_fail(e, CEL_E_RANGE, "invalid substring range: start %lld, end %lld",
                        (long long)args[1].i, (long long)args[2].i);
    return cel_string(str_from(s.p + start, end - start));
}

/* Unicode's White_Space. */
static bool is_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
           c == 0x3000;
}

struct cel_value fn_trim(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct str s = cel_str(args[0]);
    size_t start = 0, end = 0;
    bool seen = false;
    (void)e, (void)n;
    for (size_t i = 0; i < s.n;) {
        size_t length = utf8_length(s.p + i, s.n - i);
        if (!is_space(utf8_get(s.p + i, length))) {
            start = seen ? start : i;
            end = i + length;
            seen = true;
        }
        i += length;
    }
    return cel_string(str_from(s.p + start, end - start));
}

struct cel_value fn_join(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct str sep = n == 2 ? cel_str(args[1]) : (struct str){NULL, 0};
    uint32_t count = cel_length(args[0]);
    size_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct cel_value v = cel_list_at(args[0], i);
        if (!cel_is(v, CEL_STRING))
            return cel_fail(e, CEL_E_NO_OVERLOAD, "join: an element is a %s, not a string",
                            cel_kind_name(cel_kind_of(v)));
        total += cel_length(v) + (i > 0 ? sep.n : 0);
    }
    char *start = eval_alloc(e, total), *out = start;
    if (start == NULL)
        return eval_refused(e);
    for (uint32_t i = 0; i < count; i++) {
        out = i > 0 ? put(out, sep) : out;
        out = put(out, cel_str(cel_list_at(args[0], i)));
    }
    return cel_string(str_from(start, total));
}

static struct cel_value reverse_list(struct cel_eval *e, struct cel_value list)
{
    uint32_t n = cel_length(list);
    struct cel_value *items = eval_alloc(e, n * sizeof(*items));
    if (items == NULL)
        return eval_refused(e);
    for (uint32_t i = 0; i < n; i++)
        items[i] = cel_list_at(list, n - 1 - i);
    return cel_list(items, n);
}

struct cel_value fn_reverse(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)n;
    if (cel_is(args[0], CEL_LIST))
        return reverse_list(e, args[0]);
    struct str s = cel_str(args[0]);
    char *start = eval_alloc(e, s.n);
    if (start == NULL)
        return eval_refused(e);
    for (size_t i = 0; i < s.n;) {
        size_t length = utf8_length(s.p + i, s.n - i);
        memcpy(start + (s.n - i - length), s.p + i, length);
        i += length;
    }
    return cel_string(str_from(start, s.n));
}

struct cel_value fn_quote(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    static const char escapes[] = "\aa\bb\ff\nn\rr\tt\vv\\\\\"\"";
    struct str s = cel_str(args[0]);
    /* An escape doubles a byte; a byte that is no UTF-8 becomes the three of U+FFFD. */
    char *start = eval_alloc(e, s.n * 3 + 2), *out = start;
    (void)n;
    if (start == NULL)
        return eval_refused(e);
    *out++ = '"';
    for (size_t i = 0; i < s.n;) {
        size_t length = utf8_length(s.p + i, s.n - i);
        const char *found = s.p[i] != '\0' ? memchr(escapes, s.p[i], sizeof(escapes) - 1) : NULL;
        if (found != NULL && (found - escapes) % 2 == 0) {
            *out++ = '\\';
            *out++ = found[1];
        } else if (length == 1 && (unsigned char)s.p[i] >= 0x80) {
            out = put(out, STR("\xef\xbf\xbd"));
        } else {
            out = put(out, str_from(s.p + i, length));
        }
        i += length;
    }
    *out++ = '"';
    return cel_string(str_from(start, (size_t)(out - start)));
}
