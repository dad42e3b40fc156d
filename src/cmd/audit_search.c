/* countersign audit search: records by who, what, when and words. */
#include "base/json.h"
#include "base/json_read.h"
#include "base/limits.h"
#include "cmd/audit_reading.h"
#include "cmd/log_dir.h"
#include "cmd/table.h"
#include "cmd/when.h"
#include "model/display.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SHOWN_TEXT = 160, LIMIT_MOST = 100000 };

struct listing {
    bool as_json;
    struct buf out;
    struct json j;
    struct table table;
    enum err err;
};

static void listing_done(struct listing *l)
{
    buf_done(&l->out);
    table_done(&l->table);
}

static const char *const head[] = {"RECORD", "TIME (UTC)", "KIND", "REQUEST", "WHO", "RESOURCE", "GUARDRAILS", "TEXT"};

static void begin(void *ctx)
{
    struct listing *l = ctx;
    listing_done(l);
    l->err = ERR_OK;
    buf_init(&l->out, 256 * MIB);
    json_init(&l->j, &l->out);
    table_init(&l->table, ARRAY_LEN(head));
    if (l->as_json) {
        json_object_begin(&l->j);
        json_key(&l->j, "records");
        json_array_begin(&l->j);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(head) && l->err == ERR_OK; i++)
        l->err = table_cell(&l->table, str_of(head[i]));
}

/* What the action was, or what was said about it. */
static struct str text_of(const struct audit_entry *e, struct arena *a)
{
    static const char *const names[] = {"envelope", "text", "reason", "why", "message", "outcome"};
    struct json_part data, m[ARRAY_LEN(names)], envelope, v;
    struct str s;
    if (!json_part_of(e->data, &data))
        return STR("");
    json_pick(&data, names, ARRAY_LEN(names), m);
    if (m[0].kind == JSON_IS_STRING && json_part_text(&m[0], a, &s) == ERR_OK &&
        json_part_of(s, &envelope) && json_member(&envelope, "action", &v) &&
        json_member(&v, "text", &v) && json_part_text(&v, a, &s) == ERR_OK)
        return s;
    for (size_t i = 1; i < ARRAY_LEN(names); i++)
        if (m[i].kind == JSON_IS_STRING && json_part_text(&m[i], a, &s) == ERR_OK)
            return s;
    return STR("");
}

/* A list may be short: the whole is one command away, and that something is missing is said. */
static enum err text_cell(struct table *t, struct str s)
{
    char text[SHOWN_TEXT + 64];
    size_t n = SHOWN_TEXT;
    if (s.n <= SHOWN_TEXT)
        return table_cell(t, s);
    while (n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    (void)snprintf(text, sizeof(text), "%.*s (%zu bytes more)", (int)n, s.p, s.n - n);
    return table_cell(t, str_of(text));
}

static enum err joined_cell(struct table *t, const struct str *v, size_t n)
{
    struct buf b CLEANUP(buf_done) = {0};
    buf_init(&b, 64 * KIB);
    for (size_t i = 0; i < n; i++) {
        if (i != 0)
            TRY(buf_put_str(&b, STR(", ")));
        TRY(buf_put_str(&b, v[i]));
    }
    return table_cell(t, buf_view(&b));
}

static enum err put_row(struct table *t, const struct audit_entry *e, const struct about *a)
{
    struct arena scratch CLEANUP(arena_done);
    char seq[24], request[24] = "", time[CLOCK_TEXT];
    arena_init(&scratch, 4 * LIMIT_AUDIT_RECORD);
    (void)snprintf(seq, sizeof(seq), "%llu", (unsigned long long)e->seq);
    if (a->request != 0)
        (void)snprintf(request, sizeof(request), "%llu", (unsigned long long)a->request);
    TRY(table_cell(t, str_of(seq)));
    TRY(table_cell(t, when_text(e->wall_ns, time)));
    TRY(table_cell(t, e->kind));
    TRY(table_cell(t, str_of(request)));
    TRY(joined_cell(t, a->people, a->n_people));
    TRY(table_cell(t, a->resource));
    TRY(joined_cell(t, a->guardrails, a->n_guardrails));
    return text_cell(t, text_of(e, &scratch));
}

static bool found(void *ctx, const struct audit_entry *e, const struct about *a)
{
    struct listing *l = ctx;
    if (l->as_json) {
        audit_entry_json(&l->j, e);
        l->err = l->j.err;
    } else if (l->err == ERR_OK) {
        l->err = put_row(&l->table, e, a);
    }
    return l->err == ERR_OK;
}

static enum err finish(struct listing *l, bool more, uint64_t limit)
{
    TRY(l->err);
    if (l->as_json) {
        json_array_end(&l->j);
        json_put_bool(&l->j, "more", more);
        json_object_end(&l->j);
        TRY(json_end(&l->j));
        return buf_put_u8(&l->out, '\n');
    }
    if (l->table.n_cells == ARRAY_LEN(head))
        return buf_put_str(&l->out, STR("no record\n"));
    TRY(table_print(&l->out, &l->table, style_of(STDOUT_FILENO)));
    if (more)
        TRY(buf_printf(&l->out, "There are more than %llu: --limit, --before RECORD, --since and --until.\n",
                       (unsigned long long)limit));
    return ERR_OK;
}

/* --- The command ---------------------------------------------------------------------------------- */

struct words {
    const char *config, *log, *person, *resource, *guardrail, *outcome, *kind, *text, *request, *since, *until,
        *before, *after, *limit;
    bool as_json, scan, oldest_first, rebuild;
};

static bool read_number(const struct command *self, const char *name, const char *text, uint64_t most,
                        uint64_t *ret)
{
    uint64_t v;
    if (text == NULL)
        return true;
    if (str_to_u64(str_of(text), &v) != ERR_OK || v == 0 || v > most) {
        cmd_complain(self, "--%s is a number from 1 to %llu", name, (unsigned long long)most);
        return false;
    }
    *ret = v;
    return true;
}

static bool read_when(const struct command *self, const char *name, const char *text, int64_t *ret)
{
    if (text == NULL || when_parse(str_of(text), clock_wall_ns(), ret) == ERR_OK)
        return true;
    cmd_complain(self, "--%s is how long ago (30d, 12h) or when (2026-11-22, 2026-11-22T17:20:00Z)", name);
    return false;
}

static bool read_query(const struct command *self, const struct words *w, struct audit_query *ret)
{
    *ret = (struct audit_query){.person = str_of(w->person),
                                .resource = str_of(w->resource),
                                .guardrail = str_of(w->guardrail),
                                .outcome = str_of(w->outcome),
                                .kind = str_of(w->kind),
                                .text = str_of(w->text),
                                .since_ns = INT64_MIN,
                                .until_ns = INT64_MAX,
                                .limit = 50,
                                .oldest_first = w->oldest_first};
    if (!read_number(self, "request", w->request, INT64_MAX, &ret->request) ||
        !read_number(self, "before", w->before, INT64_MAX, &ret->before) ||
        !read_number(self, "after", w->after, INT64_MAX, &ret->after) ||
        !read_number(self, "limit", w->limit, LIMIT_MOST, &ret->limit) ||
        !read_when(self, "since", w->since, &ret->since_ns) ||
        !read_when(self, "until", w->until, &ret->until_ns))
        return false;
    if (audit_query_check(ret) == ERR_OK)
        return true;
    cmd_complain(self, "--text needs a word of letters, digits or _, and at most 4 KiB");
    return false;
}

static enum exit_status search(const struct command *self, const struct words *w,
                               const struct audit_query *q, const char *dir)
{
    struct listing l CLEANUP(listing_done) = {.as_json = w->as_json};
    bool more = false;
    const struct log_search s = {self, dir, w->scan, begin, found, &l};
    if (w->rebuild && audit_index_drop(str_of(dir)) != ERR_OK) {
        cmd_complain(self, "the index in %s cannot be deleted", dir);
        return EXIT_REFUSED;
    }
    begin(&l);
    if (log_search_run(&s, q, &more) != ERR_OK)
        return EXIT_REFUSED;
    enum err e = finish(&l, more, q->limit);
    struct str out = buf_view(&l.out);
    if (e == ERR_OK && fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0)
        return EXIT_DONE;
    cmd_complain(self, "%s", e == ERR_OK ? "standard output does not take it"
                                         : "that is too much for one answer; ask for less: --limit");
    return EXIT_REFUSED;
}

enum exit_status audit_search_main(const struct command *self, int argc, char **argv)
{
    struct words w = {.config = NULL};
    struct audit_query q;
    size_t n;
    const struct cmd_option options[] = {
        {.name = "config", .letter = 'c', .value = &w.config},
        {.name = "log", .value = &w.log},
        {.name = "person", .value = &w.person},
        {.name = "resource", .value = &w.resource},
        {.name = "guardrail", .value = &w.guardrail},
        {.name = "outcome", .value = &w.outcome},
        {.name = "kind", .value = &w.kind},
        {.name = "text", .value = &w.text},
        {.name = "request", .value = &w.request},
        {.name = "since", .value = &w.since},
        {.name = "until", .value = &w.until},
        {.name = "before", .value = &w.before},
        {.name = "after", .value = &w.after},
        {.name = "limit", .value = &w.limit},
        {.name = "oldest-first", .flag = &w.oldest_first},
        {.name = "scan", .flag = &w.scan},
        {.name = "rebuild", .flag = &w.rebuild},
        {.name = "json", .flag = &w.as_json},
    };
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 1, 1, &n) != ERR_OK ||
        !read_query(self, &w, &q))
        return EXIT_USAGE;
    char *dir = log_dir(self, w.log, w.config);
    if (dir == NULL)
        return EXIT_USAGE;
    enum exit_status status = search(self, &w, &q, dir);
    free(dir);
    return status;
}
