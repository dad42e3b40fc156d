/* countersign audit story: everything the log has about one request, in order. */
#include "base/json_read.h"
#include "base/limits.h"
#include "cmd/audit_reading.h"
#include "cmd/log_dir.h"
#include "cmd/page.h"
#include "cmd/when.h"
#include "model/display.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* More records than one request can have: each person votes once. */
enum { STORY_RECORDS = 10000 };

struct story {
    struct buf out;
    struct page page;
    uint64_t n;
    json_t *first;         /* data of the first record */
    json_t *undone;        /* [{"from_seq":…,"to_seq":…,"why":…},…]: what was recorded and then not stored */
};

static void story_done(struct story *s)
{
    buf_done(&s->out);
    json_decref(s->first);
    json_decref(s->undone);
}

static void begin(void *ctx)
{
    struct story *s = ctx;
    buf_done(&s->out);
    json_decref(s->first);
    s->first = NULL;
    buf_init(&s->out, 256 * MIB);
    s->n = 0;
    s->page = (struct page){.out = &s->out, .style = style_of(STDOUT_FILENO)};
}

/* What happened, in words. */
static const char *title_of(struct str kind)
{
    static const struct {
        const char *kind, *title;
    } titles[] = {
        {"opened", "held: the request is opened"},
        {"impact", "what it would do"},
        {"vote", "a vote"},
        {"vote_refused", "a vote that does not count"},
        {"approved", "approved"},
        {"rejected", "rejected"},
        {"expired", "expired"},
        {"withdrawn", "withdrawn"},
        {"running", "released: it runs"},
        {"completed", "completed"},
        {"failed", "failed"},
        {"unknown", "ended without anybody knowing how"},
        {"detached", "its client left; the request stays"},
        {"attached", "a client came back for it"},
    };
    for (size_t i = 0; i < ARRAY_LEN(titles); i++)
        if (str_is(kind, titles[i].kind))
            return titles[i].title;
    return NULL;
}

static void put_heading(struct story *s, const struct audit_entry *e)
{
    char line[128];
    const char *title = title_of(e->kind);
    (void)snprintf(line, sizeof(line), "%.*s", STR_FMT(e->time));
    page_heading(&s->page, line);
    page_z(&s->page, "  ");
    if (title != NULL)
        page_z(&s->page, title);
    else
        page_line(&s->page, e->kind);
    (void)snprintf(line, sizeof(line), " (record %llu)\n", (unsigned long long)e->seq);
    page_z(&s->page, line);
}

/* The envelope is JSON in a string: its action is shown as such, the bytes are what the digest covers. */
static void put_envelope(struct story *s, json_t *data)
{
    static const char *const but[] = {"countersign", NULL};
    const json_t *text = json_object_get(data, "envelope");
    struct str bytes = json_is_string(text) ? json_string_view(text) : (struct str){NULL, 0};
    json_t *envelope = bytes.n != 0 ? json_loadb(bytes.p, bytes.n, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!json_is_object(envelope)) {
        json_decref(envelope);
        return;
    }
    page_members(&s->page, envelope, but, 0);
    /* The same text once more among the facts would only hide them. */
    json_t *facts = json_object_get(json_object_get(data, "explanation"), "facts");
    if (json_equal(json_object_get(facts, "action.text"), json_object_get(json_object_get(envelope, "action"), "text")))
        (void)json_object_del(facts, "action.text");
    json_decref(envelope);
    (void)json_object_del(data, "envelope");
}

/* What a later record only repeats of the first is not said again. */
static void put_members(struct story *s, json_t *data)
{
    static const char *const but[] = {"request", "explanation", NULL};
    const char *key;
    json_t *value;
    void *next;
    if (s->first == NULL)
        s->first = json_copy(data);
    else
        json_object_foreach_safe (data, next, key, value)
            if (json_equal(value, json_object_get(s->first, key)))
                (void)json_object_del(data, key);
    page_members(&s->page, data, but, 0);
}

/* A change that was recorded and could not be stored did not happen. */
static void put_undone(struct story *s, uint64_t seq)
{
    size_t i;
    json_t *u;
    json_array_foreach (s->undone, i, u) {
        if ((json_int_t)seq < json_integer_value(json_object_get(u, "from_seq")) ||
            (json_int_t)seq > json_integer_value(json_object_get(u, "to_seq")))
            continue;
        page_z(&s->page, "  This was recorded and then did not take effect:\n");
        page_members(&s->page, u, NULL, 1);
    }
}

static void put_explanation(struct story *s, const json_t *data)
{
    const json_t *why = json_object_get(data, "explanation");
    if (why == NULL)
        return;
    page_z(&s->page, "  Why, with the facts it was judged by:\n");
    page_members(&s->page, why, NULL, 1);
}

static bool found(void *ctx, const struct audit_entry *e, const struct about *a)
{
    struct story *s = ctx;
    (void)a;
    put_heading(s, e);
    json_t *data = json_loadb(e->data.p, e->data.n, JSON_ALLOW_NUL, NULL);
    if (json_is_object(data)) {
        put_envelope(s, data);
        put_members(s, data);
        put_explanation(s, data);
        put_undone(s, e->seq);
    } else { /* what cannot be taken apart is shown as it is */
        page_text(&s->page, e->data);
    }
    json_decref(data);
    s->n++;
    return s->page.err == ERR_OK;
}

static void begin_undone(void *ctx)
{
    struct story *s = ctx;
    json_decref(s->undone);
    s->undone = json_array();
}

static bool found_undone(void *ctx, const struct audit_entry *e, const struct about *a)
{
    struct story *s = ctx;
    (void)a;
    return json_array_append_new(s->undone, json_loadb(e->data.p, e->data.n, JSON_ALLOW_NUL, NULL)) == 0;
}

static enum err find_undone(const struct log_search *story, struct story *s)
{
    bool more = false;
    struct log_search search = *story;
    const struct audit_query q = {.kind = STR("undone"),
                                  .since_ns = INT64_MIN,
                                  .until_ns = INT64_MAX,
                                  .limit = STORY_RECORDS,
                                  .oldest_first = true};
    search.begin = begin_undone;
    search.found = found_undone;
    search.ctx = s;
    return log_search_run(&search, &q, &more);
}

static enum exit_status tell(const struct command *self, uint64_t request, const char *dir, bool scan)
{
    struct story s CLEANUP(story_done) = {.undone = NULL};
    bool more = false;
    const struct log_search search = {self, dir, scan, begin, found, &s};
    const struct audit_query q = {.request = request,
                                  .since_ns = INT64_MIN,
                                  .until_ns = INT64_MAX,
                                  .limit = STORY_RECORDS,
                                  .oldest_first = true};
    begin(&s);
    if (find_undone(&search, &s) != ERR_OK || log_search_run(&search, &q, &more) != ERR_OK)
        return EXIT_REFUSED;
    if (s.n == 0 || s.page.err != ERR_OK || more) {
        cmd_complain(self, s.n == 0 ? "the log in %s says nothing of request %llu"
                                    : "the log in %s has more of request %llu than can be told at once",
                     dir, (unsigned long long)request);
        return EXIT_REFUSED;
    }
    struct str out = buf_view(&s.out);
    printf("Request %llu, as %llu records of %s tell it (times in UTC)\n", (unsigned long long)request,
           (unsigned long long)s.n, dir);
    bool good = fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0;
    return good ? EXIT_DONE : EXIT_REFUSED;
}

enum exit_status audit_story_main(const struct command *self, int argc, char **argv)
{
    const char *config = NULL, *log = NULL;
    bool scan = false;
    uint64_t request;
    size_t n;
    const struct cmd_option options[] = {{.name = "config", .letter = 'c', .value = &config},
                                         {.name = "log", .value = &log},
                                         {.name = "scan", .flag = &scan}};
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 2, 2, &n) != ERR_OK)
        return EXIT_USAGE;
    if (str_to_u64(str_of(argv[1]), &request) != ERR_OK || request == 0) {
        cmd_complain(self, "\"%s\" is no number of a request", argv[1]);
        return EXIT_USAGE;
    }
    char *dir = log_dir(self, log, config);
    if (dir == NULL)
        return EXIT_USAGE;
    enum exit_status status = tell(self, request, dir, scan);
    free(dir);
    return status;
}
