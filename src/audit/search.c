#include "audit/search.h"

#include "audit/range.h"
#include "base/limits.h"

#include <stdio.h>

struct searching {
    struct str dir;
    const struct audit_query *q;
    struct buf wanted; /* words of q->text, a blank behind each */
    struct buf words;
    struct arena arena;
    audit_found_fn *found;
    void *ctx;
    bool trusting, more;
    struct audit_index *index;
    struct audit_reader *reader; /* NULL before the first record the index names */
    uint64_t n;
    enum err err;
};

static void searching_done(struct searching *s)
{
    audit_reader_free(s->reader);
    buf_done(&s->wanted);
    buf_done(&s->words);
    arena_done(&s->arena);
}

/* As audit_index_ask_text divides it. */
static enum err put_wanted(struct str text, struct buf *out)
{
    struct str part, rest = text;
    while (rest.n != 0) {
        if (!str_cut(rest, ' ', &part, &rest)) {
            part = rest;
            rest.n = 0;
        }
        size_t before = buf_len(out);
        TRY(about_words(part, out));
        if (part.n != 0 && part.p[part.n - 1] == '*' && buf_len(out) != before) {
            buf_truncate(out, buf_len(out) - 1);
            TRY(buf_put_str(out, STR("* ")));
        }
    }
    return ERR_OK;
}

enum err audit_query_check(const struct audit_query *q)
{
    struct buf words CLEANUP(buf_done) = {0};
    buf_init(&words, 2 * LIMIT_REASON_BYTES);
    TRY(put_wanted(q->text, &words));
    return q->text.n != 0 && buf_len(&words) == 0 ? ERR_INVALID : ERR_OK;
}

static enum err searching_start(struct searching *s)
{
    buf_init(&s->wanted, 2 * LIMIT_REASON_BYTES);
    buf_init(&s->words, 2 * LIMIT_AUDIT_RECORD);
    arena_init(&s->arena, 4 * LIMIT_AUDIT_RECORD);
    return put_wanted(s->q->text, &s->wanted);
}

/* --- Looking at one record ------------------------------------------------------------------------ */

static bool any_is(const struct str *v, size_t n, struct str wanted)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(v[i], wanted))
            return true;
    return wanted.n == 0;
}

static bool has_words(const struct searching *s, const struct about *a)
{
    struct str one, rest = buf_view(&s->wanted);
    while (str_cut(rest, ' ', &one, &rest))
        if (!about_has_word(a->words, one))
            return false;
    return true;
}

static bool is_asked_for(const struct searching *s, const struct about *a)
{
    const struct audit_query *q = s->q;
    return any_is(a->people, a->n_people, q->person) && any_is(&a->resource, 1, q->resource) &&
           any_is(a->guardrails, a->n_guardrails, q->guardrail) && any_is(&a->outcome, 1, q->outcome) &&
           any_is(&a->kind, 1, q->kind) && (q->request == 0 || a->request == q->request) &&
           has_words(s, a);
}

static bool is_in_time(const struct searching *s, const struct audit_entry *e)
{
    return e->wall_ns >= s->q->since_ns && e->wall_ns < s->q->until_ns && e->seq > s->q->after &&
           (s->q->before == 0 || e->seq < s->q->before);
}

/* False: enough, or something is wrong. */
static bool look(struct searching *s, const struct audit_entry *e, bool from_index)
{
    struct about a;
    if (!is_in_time(s, e))
        return true;
    arena_reset(&s->arena);
    enum err err = about_record(e, &s->arena, &s->words, &a);
    if (err == ERR_INVALID)
        a = (struct about){.kind = e->kind};
    else if (err != ERR_OK) {
        s->err = err;
        return false;
    }
    if (!is_asked_for(s, &a)) {
        s->err = from_index && !s->trusting ? ERR_CORRUPT : ERR_OK;
        return s->err == ERR_OK;
    }
    if (s->n == s->q->limit) {
        s->more = true;
        return false;
    }
    s->n++;
    return s->found(s->ctx, e, &a);
}

/* --- By the index --------------------------------------------------------------------------------- */

/* By the place that the index remembers, which need not be right. */
static enum err read_there(struct searching *s, uint64_t seq, struct audit_entry *ret)
{
    uint64_t near, file, at;
    TRY(audit_index_place(s->index, seq, &near, &file, &at));
    if (s->reader == NULL)
        TRY(audit_reader_open(s->dir, near, &s->reader));
    TRY(audit_reader_seek(s->reader, near, file, at));
    do
        TRY(audit_reader_next(s->reader, ret));
    while (ret->seq < seq);
    return ret->seq == seq ? ERR_OK : ERR_NOT_FOUND;
}

static bool look_at(void *ctx, uint64_t seq)
{
    struct searching *s = ctx;
    struct audit_entry e;
    if (read_there(s, seq, &e) == ERR_OK)
        return look(s, &e, true);
    audit_reader_free(s->reader);
    s->reader = NULL;
    enum err err = audit_record_at(s->dir, seq, &s->reader, &e);
    if (err == ERR_NOT_FOUND) /* dropped by retention since */
        return true;
    s->err = err;
    return err == ERR_OK && look(s, &e, true);
}

static enum err put_query(const struct audit_query *q, struct buf *out)
{
    char number[24] = "";
    const struct {
        enum audit_term term;
        struct str value;
    } terms[] = {{TERM_PERSON, q->person},   {TERM_RESOURCE, q->resource}, {TERM_GUARDRAIL, q->guardrail},
                 {TERM_OUTCOME, q->outcome}, {TERM_KIND, q->kind}};
    for (size_t i = 0; i < ARRAY_LEN(terms); i++)
        if (terms[i].value.n != 0)
            TRY(audit_index_ask(out, terms[i].term, terms[i].value));
    if (q->request != 0) {
        int n = snprintf(number, sizeof(number), "%llu", (unsigned long long)q->request);
        TRY(audit_index_ask(out, TERM_REQUEST, str_from(number, (size_t)n)));
    }
    return audit_index_ask_text(out, q->text);
}

static enum err by_index(struct searching *s, struct audit_index *x)
{
    struct buf query CLEANUP(buf_done) = {0};
    const struct audit_query *q = s->q;
    uint64_t from = q->after + 1, to = q->before != 0 ? q->before : audit_index_next(x);
    buf_init(&query, 64 * KIB);
    TRY(put_query(q, &query));
    TRY(audit_index_times(x, q->since_ns, q->until_ns, &from, &to));
    TRY(audit_index_find(x, buf_view(&query), from, to, q->oldest_first, look_at, s));
    return s->err;
}

enum err audit_search(struct str dir, struct audit_index *x, bool trusting,
                      const struct audit_query *q, audit_found_fn *found, void *ctx, bool *ret_more)
{
    struct searching s CLEANUP(searching_done) = {
        .dir = dir, .q = q, .found = found, .ctx = ctx, .trusting = trusting, .index = x};
    TRY(searching_start(&s));
    TRY(by_index(&s, x));
    *ret_more = s.more;
    return ERR_OK;
}

/* --- By reading ----------------------------------------------------------------------------------- */

enum err audit_scan(struct str dir, const struct audit_query *q, audit_found_fn *found, void *ctx,
                    bool *ret_more)
{
    struct searching s CLEANUP(searching_done) = {.dir = dir, .q = q, .found = found, .ctx = ctx};
    struct audit_reader *r;
    struct audit_entry e;
    TRY(searching_start(&s));
    TRY(audit_reader_open(dir, q->after + 1, &r));
    enum err err = ERR_OK;
    do
        err = audit_reader_next(r, &e);
    while (err == ERR_OK && look(&s, &e, false));
    audit_reader_free(r);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    *ret_more = s.more;
    return s.err;
}
