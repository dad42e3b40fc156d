#include "audit/about.h"

#include "base/json_read.h"
#include "base/limits.h"

enum { PEOPLE_MAX = 64, GUARDRAILS_MAX = 256 };

/* --- Words ---------------------------------------------------------------------------------------- */

static bool in_word(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c >= 0x80;
}

static enum err put_word(struct str word, struct buf *out)
{
    char *to;
    size_t n = word.n < ABOUT_WORD_MAX ? word.n : ABOUT_WORD_MAX;
    TRY(buf_reserve(out, n + 1, &to));
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)word.p[i];
        to[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    to[n] = ' ';
    buf_commit(out, n + 1);
    return ERR_OK;
}

enum err about_words(struct str text, struct buf *out)
{
    size_t i = 0;
    while (i < text.n) {
        while (i < text.n && !in_word((unsigned char)text.p[i]))
            i++;
        size_t start = i;
        while (i < text.n && in_word((unsigned char)text.p[i]))
            i++;
        if (i > start)
            TRY(put_word(str_from(text.p + start, i - start), out));
    }
    return ERR_OK;
}

bool about_has_word(struct str words, struct str word)
{
    bool prefix = word.n != 0 && word.p[word.n - 1] == '*';
    struct str one, rest = words;
    word.n -= prefix;
    while (str_cut(rest, ' ', &one, &rest))
        if (prefix ? str_starts(one, word) : str_eq(one, word))
            return true;
    return false;
}

/* --- Texts ---------------------------------------------------------------------------------------- */

/* Members that nobody searches for words: digests, and what is said elsewhere already. */
static bool is_skipped(struct str key)
{
    static const char *const names[] = {
        "digest", "text_sha256", "facts",   "explanation", "vocabulary", "policy_version",
        "policy", "instance",    "files",   "at",          "decide_by",  "policy_in_force",
        "prev",   "hash",        "session", "signature"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_is(key, names[i]))
            return true;
    return false;
}

static enum err put_part(const struct json_part *v, struct arena *a, struct buf *out, int depth);

static enum err put_parts(const struct json_part *v, struct arena *a, struct buf *out, int depth)
{
    struct json_parts it = json_parts_of(v);
    struct json_part one;
    struct str key;
    if (depth == LIMIT_JSON_DEPTH)
        return ERR_OK;
    while (json_parts_next(&it, &key, &one))
        if (!is_skipped(key))
            TRY(put_part(&one, a, out, depth + 1));
    return ERR_OK;
}

static enum err put_part(const struct json_part *v, struct arena *a, struct buf *out, int depth)
{
    struct json_part inner;
    struct str text;
    enum err e = json_part_text(v, a, &text);
    if (e == ERR_NOMEM)
        return e;
    if (e == ERR_OK && text.n != 0 && text.p[0] == '{' && json_part_of(text, &inner))
        return put_parts(&inner, a, out, depth); /* an envelope */
    if (e == ERR_OK)
        return about_words(text, out);
    if (v->kind == JSON_IS_NUMBER)
        return about_words(v->raw, out);
    return put_parts(v, a, out, depth);
}

/* --- Who and what --------------------------------------------------------------------------------- */

struct list {
    struct str *v;
    size_t n, most;
};

static void add(struct list *l, struct str s)
{
    if (s.n == 0 || l->n == l->most)
        return;
    for (size_t i = 0; i < l->n; i++)
        if (str_eq(l->v[i], s))
            return;
    l->v[l->n++] = s;
}

static struct str text_of(const struct json_part *v, struct arena *a)
{
    struct str s;
    if (v->kind == JSON_IS_MISSING || json_part_text(v, a, &s) != ERR_OK)
        return (struct str){NULL, 0};
    return s;
}

static void add_each(struct list *l, const struct json_part *array, const char *member,
                     struct arena *a)
{
    struct json_parts it = json_parts_of(array);
    struct json_part one, v;
    struct str key;
    while (array->kind == JSON_IS_ARRAY && json_parts_next(&it, &key, &one)) {
        if (member == NULL)
            add(l, text_of(&one, a));
        else if (json_member(&one, member, &v))
            add(l, text_of(&v, a));
    }
}

/* "a, b" of a request, [{"name":"a"},…] of an action. */
static void add_guardrails(struct list *l, const struct json_part *v, struct arena *a)
{
    struct str one, rest = text_of(v, a);
    if (v->kind == JSON_IS_ARRAY) {
        add_each(l, v, "name", a);
        return;
    }
    while (str_cut(rest, ',', &one, &rest))
        add(l, str_trim(one));
    add(l, str_trim(rest));
}

static struct str outcome_of(const struct audit_entry *e, struct str verdict, bool refused)
{
    static const char *const states[] = {"approved", "rejected",  "expired", "withdrawn",
                                         "running",  "completed", "failed",  "unknown"};
    if (str_is(e->kind, "opened"))
        return STR("held");
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (str_is(e->kind, states[i]))
            return e->kind;
    if (refused)
        return STR("refused");
    if (str_is(verdict, "allow"))
        return STR("allowed");
    if (str_is(verdict, "deny"))
        return STR("denied");
    return verdict.n != 0 ? STR("refused") : (struct str){NULL, 0};
}

enum member {
    M_REQUEST,
    M_RESOURCE,
    M_GUARDRAILS,
    M_VERDICT,
    M_REFUSED,
    M_APPROVED_BY,
    M_FIRST_PERSON,
    M_LAST_PERSON = M_FIRST_PERSON + 4,
    M_COUNT
};

static const char *const members[M_COUNT] = {"request", "resource", "guardrails",   "verdict", "refused", "approved_by",
                                             "subject", "person",   "on_behalf_of", "by",      "account"};

enum err about_record(const struct audit_entry *e, struct arena *a, struct buf *words,
                      struct about *ret)
{
    struct json_part data, m[M_COUNT];
    struct list people = {arena_new_array(a, PEOPLE_MAX, struct str), 0, PEOPLE_MAX};
    struct list guardrails = {arena_new_array(a, GUARDRAILS_MAX, struct str), 0, GUARDRAILS_MAX};
    int64_t request = 0;
    if (people.v == NULL || guardrails.v == NULL)
        return ERR_NOMEM;
    if (!json_part_of(e->data, &data))
        return ERR_INVALID;
    json_pick(&data, members, M_COUNT, m);
    for (int i = M_FIRST_PERSON; i <= M_LAST_PERSON; i++)
        add(&people, text_of(&m[i], a));
    add_each(&people, &m[M_APPROVED_BY], NULL, a);
    add_guardrails(&guardrails, &m[M_GUARDRAILS], a);
    if (m[M_REQUEST].kind == JSON_IS_MISSING || json_part_int(&m[M_REQUEST], &request) != ERR_OK)
        request = 0;
    buf_clear(words);
    TRY(put_parts(&data, a, words, 0));
    *ret = (struct about){.request = request > 0 ? (uint64_t)request : 0,
                          .kind = e->kind,
                          .resource = text_of(&m[M_RESOURCE], a),
                          .outcome = outcome_of(e, text_of(&m[M_VERDICT], a), text_of(&m[M_REFUSED], a).n != 0),
                          .people = people.v,
                          .n_people = people.n,
                          .guardrails = guardrails.v,
                          .n_guardrails = guardrails.n,
                          .words = buf_view(words)};
    return ERR_OK;
}
