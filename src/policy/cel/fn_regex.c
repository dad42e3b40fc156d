/* Regular expressions, RE2's syntax. Patterns here are computed; constant ones are in eval_matches. */
#include "policy/cel/func.h"

#include "policy/cel/regex.h"
#include "policy/cel/utf8.h"

/* Compiles args[1]; the error value in *ret_failed where that fails. */
static bool open_pattern(struct cel_eval *e, struct str pattern, const struct cel_regex **ret,
                         struct cel_regex **ret_owned, struct cel_value *ret_failed)
{
    char why[160];
    enum err err = cel_regex_for(e, pattern, ret, ret_owned, why, sizeof(why));
    if (err == ERR_OK)
        return true;
    *ret_failed = err == ERR_NOMEM ? eval_no_memory(e)
                                   : cel_fail(e, CEL_E_INVALID, "bad pattern: %s", why);
    return false;
}

struct cel_value fn_matches(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    const struct cel_regex *r;
    struct cel_regex *owned;
    struct cel_value result;
    (void)n;
    if (!open_pattern(e, cel_str(args[1]), &r, &owned, &result))
        return result;
    result = cel_bool(cel_regex_search(r, cel_str(args[0])));
    cel_regex_free(owned);
    return result;
}

static struct cel_value span_value(struct str text, struct regex_span s)
{
    return cel_string(str_from(text.p + s.start, s.end - s.start));
}

static struct cel_value too_many_groups(struct cel_eval *e)
{
    return cel_fail(e, CEL_E_INVALID, "the pattern has more than one capturing group");
}

static struct cel_value extract(struct cel_eval *e, const struct cel_regex *r, struct str text)
{
    struct regex_span spans[2];
    int which = cel_regex_groups(r);
    if (which > 1)
        return too_many_groups(e);
    if (!cel_regex_find(r, text, 0, spans, 2) || spans[which].start == SIZE_MAX)
        return optional_none();
    return cel_optional_of(e, span_value(text, spans[which]));
}

struct cel_value fn_regex_extract(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    const struct cel_regex *r;
    struct cel_regex *owned;
    struct cel_value result;
    (void)n;
    if (!open_pattern(e, cel_str(args[1]), &r, &owned, &result))
        return result;
    result = extract(e, r, cel_str(args[0]));
    cel_regex_free(owned);
    return result;
}

/* Where to search on after a match: behind it, and one character on behind an empty one. */
static size_t after(struct str text, struct regex_span s)
{
    if (s.end > s.start || s.end >= text.n)
        return s.end > s.start ? s.end : text.n + 1;
    return s.end + utf8_length(text.p + s.end, text.n - s.end);
}

static struct cel_value extract_all(struct cel_eval *e, const struct cel_regex *r, struct str text)
{
    struct regex_span spans[2];
    int which = cel_regex_groups(r);
    struct cel_value *items = NULL;
    uint32_t count = 0, room = 0;
    if (which > 1)
        return too_many_groups(e);
    for (size_t at = 0; at <= text.n && cel_regex_find(r, text, at, spans, 2);) {
        if (count == room) {
            struct cel_value *more = eval_alloc(e, (room * 2 + 8) * sizeof(*more));
            if (more == NULL)
                return eval_refused(e);
            if (count != 0)
                memcpy(more, items, count * sizeof(*more));
            items = more;
            room = room * 2 + 8;
        }
        if (!eval_charge(e, 1))
            return eval_over_budget(e);
        if (spans[which].start != SIZE_MAX)
            items[count++] = span_value(text, spans[which]);
        at = after(text, spans[0]);
    }
    return cel_list(items, count);
}

struct cel_value fn_regex_extract_all(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    const struct cel_regex *r;
    struct cel_regex *owned;
    struct cel_value result;
    (void)n;
    if (!open_pattern(e, cel_str(args[1]), &r, &owned, &result))
        return result;
    result = extract_all(e, r, cel_str(args[0]));
    cel_regex_free(owned);
    return result;
}

/* --- Replace ------------------------------------------------------------------------------------------------ */

struct output {
    struct cel_eval *e;
    char *p;
    size_t n, room;
    bool full;
};

static void put(struct output *o, struct str s)
{
    if (s.n > o->room - o->n && !o->full) {
        size_t room = (o->room + s.n) * 2;
        char *p = eval_alloc(o->e, room);
        o->full = p == NULL;
        if (o->full)
            return;
        if (o->n != 0)
            memcpy(p, o->p, o->n);
        o->p = p;
        o->room = room;
    }
    if (o->full || s.n == 0)
        return;
    memcpy(o->p + o->n, s.p, s.n);
    o->n += s.n;
}

/* `to` with \0 to \9 replaced by groups; false: it names a group that is not there. */
static bool put_rewritten(struct output *o, struct str to, struct str text,
                          const struct regex_span *spans, int groups)
{
    for (size_t i = 0; i < to.n; i++) {
        if (to.p[i] != '\\') {
            put(o, str_from(to.p + i, 1));
            continue;
        }
        char c = ++i < to.n ? to.p[i] : '\0';
        if (c == '\\') {
            put(o, STR("\\"));
        } else if (c >= '0' && c <= '9' && c - '0' <= groups) {
            struct regex_span s = spans[c - '0'];
            if (s.start != SIZE_MAX)
                put(o, str_from(text.p + s.start, s.end - s.start));
        } else {
            return false;
        }
    }
    return true;
}

static struct cel_value replace(struct cel_eval *e, const struct cel_regex *r, struct str text,
                                struct str to, uint64_t limit)
{
    struct regex_span spans[REGEX_SPANS_MAX] = {{0}};
    struct output o = {.e = e};
    size_t copied = 0;
    for (size_t at = 0; limit > 0 && at <= text.n && !o.full; limit--) {
        if (!eval_charge(e, 1))
            return eval_over_budget(e);
        if (!cel_regex_find(r, text, at, spans, REGEX_SPANS_MAX))
            break;
        put(&o, str_from(text.p + copied, spans[0].start - copied));
        if (!put_rewritten(&o, to, text, spans, cel_regex_groups(r)))
            return cel_fail(e, CEL_E_INVALID, "the replacement names a group that is not there");
        copied = spans[0].end;
        at = after(text, spans[0]);
    }
    put(&o, str_from(text.p + copied, text.n - copied));
    return o.full ? eval_refused(e) : cel_string(str_from(o.p, o.n));
}

struct cel_value fn_regex_replace(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    uint64_t limit = n == 4 && args[3].i >= 0 ? (uint64_t)args[3].i : UINT64_MAX;
    const struct cel_regex *r;
    struct cel_regex *owned;
    struct cel_value result;
    if (!open_pattern(e, cel_str(args[1]), &r, &owned, &result))
        return result;
    result = replace(e, r, cel_str(args[0]), cel_str(args[2]), limit);
    cel_regex_free(owned);
    return result;
}
