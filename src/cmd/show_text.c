#include "cmd/show_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "cmd/client.h"
#include "model/display.h"

/* Nesting of the action part; deeper is written as JSON on one line. */
enum { DEPTH_MAX = 16, MARGIN = 6, LABEL = 13, NARROWEST = 20 };

struct style style_of(int fd)
{
    struct winsize w;
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    struct style s = {0};
    if (!isatty(fd))
        return s;
    s.colour =
        (no_color == NULL || no_color[0] == '\0') && (term == NULL || strcmp(term, "dumb") != 0);
    if (ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col > NARROWEST + MARGIN)
        s.width = w.ws_col;
    return s;
}

/* --- Reading -----------------------------------------------------------------------------------
 */

enum err shown_init(struct shown_request *s, const json_t *request)
{
    struct str envelope = json_text(request, "envelope");
    struct digest said;
    if (envelope.n == 0 || digest_parse(json_text(request, "digest"), &said) != ERR_OK)
        return ERR_INVALID;
    struct digest computed = digest_of(envelope);
    if (!digest_eq(&computed, &said))
        return ERR_STALE;
    json_t *v = json_loadb(envelope.p, envelope.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (!json_is_object(v)) {
        json_decref(v);
        return ERR_INVALID;
    }
    *s = (struct shown_request){request, computed, v};
    return ERR_OK;
}

void shown_done(struct shown_request *s)
{
    json_decref(s->envelope);
    s->envelope = NULL;
}

int64_t time_of_text(struct str s)
{
    struct tm t = {0};
    int ms = 0, used = 0;
    char text[CLOCK_TEXT];
    if (s.n == 0 || s.n >= sizeof(text))
        return 0;
    snprintf(text, sizeof(text), "%.*s", STR_FMT(s));
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &t.tm_year, &t.tm_mon, &t.tm_mday,
               &t.tm_hour, &t.tm_min, &t.tm_sec, &ms, &used) != 7 ||
        (size_t)used != s.n)
        return 0;
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    return (int64_t)timegm(&t) * NS_PER_S + ms * NS_PER_MS;
}

/* --- Writing -----------------------------------------------------------------------------------
 */

/* The first error sticks; everything after it is nothing. */
struct page {
    struct buf *out;
    struct style style;
    enum err err;
};

static void put(struct page *p, struct str s)
{
    if (p->err == ERR_OK)
        p->err = buf_put_str(p->out, s);
}

static void put_z(struct page *p, const char *z)
{
    put(p, str_of(z));
}

static void put_line(struct page *p, struct str s)
{
    if (p->err == ERR_OK)
        p->err = display_line(p->out, s);
}

enum colour { BOLD = 1, DIM, RED, GREEN, YELLOW };

static void colour(struct page *p, enum colour c)
{
    static const char *const codes[] = {
        [BOLD] = "\033[1m",   [DIM] = "\033[2m",     [RED] = "\033[1;31m",
        [GREEN] = "\033[32m", [YELLOW] = "\033[33m",
    };
    if (p->style.colour)
        put_z(p, codes[c]);
}

static void plain(struct page *p)
{
    if (p->style.colour)
        put_z(p, "\033[0m");
}

static void pad(struct page *p, size_t used, size_t to)
{
    put_z(p, " ");
    for (; used + 1 < to; used++)
        put_z(p, " ");
}

/* "  label        " */
static void label(struct page *p, struct str name)
{
    put_z(p, "  ");
    colour(p, DIM);
    put_line(p, name);
    plain(p);
    pad(p, name.n, LABEL);
}

static void heading(struct page *p, const char *title)
{
    put_z(p, "\n");
    colour(p, BOLD);
    put_z(p, title);
    plain(p);
}

/* A text on lines of its own, each behind a margin that no text can imitate. */
static void block(struct page *p, struct str s)
{
    struct display_block b = {
        .margin = STR("    │ "),
        .wrap_margin = STR("    ┆ "),
        .width = p->style.width != 0 ? p->style.width - MARGIN : 0,
    };
    if (p->err == ERR_OK)
        p->err = display_text(p->out, s, &b);
}

/* One value behind its label: on the same line where that is all there is to it. */
static void text_value(struct page *p, struct str s)
{
    bool fits = p->style.width == 0 || s.n + LABEL + 2 < p->style.width;
    if (s.n == 0) {
        colour(p, DIM);
        put_z(p, "(empty)");
        plain(p);
        put_z(p, "\n");
    } else if (fits && memchr(s.p, '\n', s.n) == NULL) {
        put_z(p, "│ ");
        put_line(p, s);
        put_z(p, "\n");
    } else {
        put_z(p, "\n");
        block(p, s);
    }
}

/* --- Values of any shape: nothing of an envelope is left out ------------------------------------
 */

static void any_value(struct page *p, const json_t *v, unsigned depth);

static struct str string_of(const json_t *v)
{
    return str_from(json_string_value(v), json_string_length(v));
}

static void as_json(struct page *p, const json_t *v)
{
    char *text = json_dumps(v, JSON_ENCODE_ANY);
    if (text == NULL && p->err == ERR_OK)
        p->err = ERR_NOMEM;
    text_value(p, str_of(text));
    free(text);
}

static void members(struct page *p, const json_t *object, const char *const *but, unsigned depth)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        bool skip = false;
        for (const char *const *b = but; b != NULL && *b != NULL; b++)
            skip |= strcmp(key, *b) == 0;
        if (skip)
            continue;
        for (unsigned i = 0; i < depth; i++)
            put_z(p, "  ");
        label(p, str_of(key));
        any_value(p, v, depth + 1);
    }
}

/* Behind a label, up to and with the end of the line. */
static void any_value(struct page *p, const json_t *v, unsigned depth)
{
    if (json_is_string(v)) {
        text_value(p, string_of(v));
    } else if (json_is_object(v) && json_object_size(v) != 0 && depth < DEPTH_MAX) {
        put_z(p, "\n");
        members(p, v, NULL, depth);
    } else if (json_is_array(v) && json_array_size(v) != 0 && depth < DEPTH_MAX) {
        put_z(p, "\n");
        for (size_t i = 0; i < json_array_size(v); i++) {
            char number[24];
            int n = snprintf(number, sizeof(number), "%zu", i + 1);
            for (unsigned d = 0; d < depth; d++)
                put_z(p, "  ");
            label(p, str_from(number, (size_t)n));
            any_value(p, json_array_get(v, i), depth + 1);
        }
    } else {
        as_json(p, v);
    }
}

/* --- The action ---------------------------------------------------------------------------------
 */

static void count_of(struct page *p, struct str s)
{
    size_t lines = 1;
    char text[96];
    for (size_t i = 0; i < s.n; i++)
        lines += s.p[i] == '\n';
    int n = snprintf(text, sizeof(text), "%zu line%s, %zu byte%s", lines, lines == 1 ? "" : "s",
                     s.n, s.n == 1 ? "" : "s");
    colour(p, DIM);
    put_z(p, "  (");
    put(p, str_from(text, (size_t)n));
    if (display_has_hidden(s))
        put_z(p, "; ⟦…⟧ marks what is invisible or imitates another letter");
    put_z(p, ")");
    plain(p);
}

/* {"hex":"..."}: bytes that are no UTF-8. */
static bool is_hex(const json_t *v)
{
    return json_object_size(v) == 1 && json_is_string(json_object_get(v, "hex"));
}

static void statement(struct page *p, const json_t *action)
{
    const json_t *text = json_object_get(action, "text");
    if (text == NULL)
        return;
    heading(p, is_hex(text) ? "Statement, as bytes (it is no UTF-8)" : "Statement");
    struct str s = is_hex(text) ? json_text(text, "hex") : string_of(text);
    if (json_is_string(text))
        count_of(p, s);
    put_z(p, "\n");
    if (json_is_string(text) || is_hex(text))
        block(p, s);
    else
        any_value(p, text, 0);
}

static void parameter(struct page *p, size_t number, const json_t *v)
{
    static const char *const known[] = {"type", "value", NULL};
    char name[24];
    struct str type = json_text(v, "type");
    int n = snprintf(name, sizeof(name), "$%zu", number);
    label(p, str_from(name, (size_t)n));
    put_line(p, type.n != 0 ? type : STR("(type not said)"));
    put_z(p, " ");
    const json_t *value = json_object_get(v, "value");
    if (json_is_null(value))
        put_z(p, "NULL\n");
    else if (value != NULL)
        any_value(p, value, 1);
    else
        put_z(p, "\n");
    members(p, v, known, 1);
}

static void parameters(struct page *p, const json_t *action)
{
    const json_t *list = json_object_get(action, "parameters");
    if (!json_is_array(list)) {
        return;
    }
    heading(p, "Parameters");
    put_z(p, "\n");
    if (json_array_size(list) == 0)
        put_z(p, "  (none)\n");
    for (size_t i = 0; i < json_array_size(list); i++)
        parameter(p, i + 1, json_array_get(list, i));
}

static void action(struct page *p, const json_t *a)
{
    static const char *const said[] = {"text", "parameters", "session", NULL};
    static const char *const said_but_parameters[] = {"text", "session", NULL};
    if (!json_is_object(a)) {
        heading(p, "Action\n");
        as_json(p, a);
        return;
    }
    statement(p, a);
    parameters(p, a);
    heading(p, "How it is sent\n");
    members(p, a, json_is_array(json_object_get(a, "parameters")) ? said : said_but_parameters, 0);
    if (json_object_get(a, "session") != NULL) {
        heading(p, "Session (it decides what the text means)");
        any_value(p, json_object_get(a, "session"), 0);
    }
}

/* --- Who, where, why -----------------------------------------------------------------------------
 */

static bool is_environment(const char *key)
{
    return strcmp(key, "environment") == 0 || strcmp(key, "env") == 0;
}

static void put_environment(struct page *p, const char *key, const json_t *v)
{
    struct str s = string_of(v);
    label(p, str_of(key));
    colour(p, str_contains(s, STR("prod")) ? RED : BOLD);
    put_line(p, s);
    plain(p);
    put_z(p, "\n");
}

/* The labels, environment first, then the resource's other members. */
static void resource(struct page *p, const json_t *r)
{
    static const char *const said[] = {"name", "type", "labels", NULL};
    const json_t *labels = json_object_get(r, "labels");
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)labels, key,
                        v) if (is_environment(key) && json_is_string(v)) put_environment(p, key, v);
    label(p, STR("resource"));
    put_line(p, json_text(r, "name"));
    put_z(p, " (");
    put_line(p, json_text(r, "type"));
    put_z(p, ")\n");
    json_object_foreach((json_t *)(uintptr_t)labels, key,
                        v) if (!is_environment(key) || !json_is_string(v))
    {
        label(p, str_of(key));
        any_value(p, v, 1);
    }
    members(p, r, said, 0);
}

static void subject(struct page *p, const json_t *s)
{
    static const char *const said[] = {"name", NULL};
    label(p, STR("who"));
    any_value(p, json_object_get(s, "name"), 1);
    members(p, s, said, 0);
}

/* "in 4m59s", "2m ago"; for people, to the second. */
static void put_when(struct page *p, struct str time, int64_t now)
{
    int64_t at = time_of_text(time);
    char text[CLOCK_TEXT];
    int64_t away = at > now ? at - now : now - at;
    struct str d = duration_text(away / NS_PER_S * NS_PER_S, text);
    put_line(p, time);
    if (at == 0 || now == 0)
        return;
    put_z(p, at > now ? " (in " : " (");
    put(p, d.n != 0 ? d : STR("0s"));
    put_z(p, at > now ? ")" : " ago)");
}

static void times(struct page *p, const json_t *r, int64_t now)
{
    static const struct {
        const char *key, *label;
    } list[] = {{"created", "asked"},
                {"decide_by", "decide by"},
                {"decided", "decided"},
                {"run_by", "run by"}};
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        struct str t = json_text(r, list[i].key);
        if (t.n == 0)
            continue;
        label(p, str_of(list[i].label));
        put_when(p, t, now);
        put_z(p, "\n");
    }
}

static void why(struct page *p, const json_t *r)
{
    const json_t *names = json_object_get(r, "guardrails");
    label(p, STR("held by"));
    for (size_t i = 0; i < json_array_size(names); i++) {
        put_z(p, i != 0 ? ", " : "");
        put_line(p, string_of(json_array_get(names, i)));
    }
    put_z(p, "\n");
    label(p, STR("because"));
    text_value(p, json_text(r, "message"));
}

static void votes(struct page *p, const json_t *r)
{
    const json_t *list = json_object_get(r, "votes");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        bool approved = str_is(json_text(v, "vote"), "approve");
        label(p, approved ? STR("approved by") : STR("rejected by"));
        colour(p, approved ? GREEN : RED);
        put_line(p, json_text(v, "person"));
        plain(p);
        put_z(p, " at ");
        put_line(p, json_text(v, "time"));
        put_z(p, "\n");
        if (json_text(v, "reason").n != 0) {
            label(p, STR("saying"));
            text_value(p, json_text(v, "reason"));
        }
    }
}

/* One line of the quorum: what is still needed, and from whom. */
static enum err put_still(struct buf *out, const json_t *line)
{
    const json_t *people = json_object_get(line, "candidates");
    uint64_t count = json_number(line, "count"), have = json_number(line, "have");
    struct str text = json_text(line, "text"), number, who;
    if (!str_cut(text, ' ', &number, &who))
        who = text;
    TRY(buf_printf(out, "%llu%s ", (unsigned long long)(count - have), have != 0 ? " more" : ""));
    TRY(display_line(out, who));
    TRY(buf_put_str(out, STR(" (")));
    for (size_t i = 0; i < json_array_size(people); i++) {
        TRY(buf_put_str(out, i != 0 ? STR(", ") : STR("")));
        TRY(display_line(out, string_of(json_array_get(people, i))));
    }
    return buf_put_str(out, json_array_size(people) != 0 ? STR(")") : STR("nobody is left)"));
}

enum err show_missing(struct buf *out, const json_t *request)
{
    const json_t *lines = json_object_get(request, "requirements");
    bool first = true;
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i);
        if (json_number(line, "have") >= json_number(line, "count"))
            continue;
        TRY(buf_put_str(out, first ? STR("") : STR(" and ")));
        TRY(put_still(out, line));
        first = false;
    }
    return ERR_OK;
}

static void missing(struct page *p, const json_t *r)
{
    if (!str_is(json_text(r, "state"), "pending"))
        return;
    label(p, STR("still needed"));
    if (p->err == ERR_OK)
        p->err = show_missing(p->out, r);
    put_z(p, "\n");
}

/* --- The whole ------------------------------------------------------------------------------ */

static void title(struct page *p, const json_t *r, int64_t now)
{
    char number[48];
    struct str state = json_text(r, "state");
    int64_t left = time_of_text(json_text(r, "decide_by")) - now;
    int n =
        snprintf(number, sizeof(number), "Request %llu", (unsigned long long)json_number(r, "id"));
    colour(p, BOLD);
    put(p, str_from(number, (size_t)n));
    plain(p);
    put_z(p, "  ");
    colour(p, YELLOW);
    put_line(p, state);
    plain(p);
    if (str_is(state, "pending") && left > 0) {
        char text[CLOCK_TEXT];
        put_z(p, ", ");
        put(p, duration_text(left / NS_PER_S * NS_PER_S, text));
        put_z(p, " left");
    }
    put_z(p, "\n");
}

static void digest_line(struct page *p, const struct shown_request *s)
{
    char hex[DIGEST_HEX + 1];
    label(p, STR("digest"));
    put(p, digest_hex(&s->digest, hex));
    put_z(p, "\n");
}

static void who_where_why(struct page *p, const struct shown_request *s)
{
    resource(p, json_object_get(s->envelope, "resource"));
    subject(p, json_object_get(s->envelope, "subject"));
    why(p, s->request);
}

static void how_to_decide(struct page *p, const struct shown_request *s)
{
    char hex[DIGEST_HEX + 1], text[256];
    unsigned long long id = json_number(s->request, "id");
    if (!str_is(json_text(s->request, "state"), "pending"))
        return;
    if (!json_is_true(json_object_get(s->request, "may_vote"))) {
        put_z(p, "\nYou are not among those who may decide it now.\n");
        return;
    }
    int n = snprintf(text, sizeof(text),
                     "\n  countersign approve %llu --digest %.*s\n"
                     "  countersign reject %llu --reason \"...\"\n",
                     id, STR_FMT(digest_hex(&s->digest, hex)), id);
    put(p, str_from(text, (size_t)n));
}

enum err show_request(struct buf *out, const struct shown_request *s, struct style style)
{
    static const char *const said[] = {"countersign", "kind",   "subject",
                                       "resource",    "action", NULL};
    struct page p = {.out = out, .style = style};
    const json_t *r = s->request;
    int64_t now = time_of_text(json_text(r, "now"));
    title(&p, r, now);
    put_z(&p, "\n");
    who_where_why(&p, s);
    votes(&p, r);
    missing(&p, r);
    times(&p, r, now);
    action(&p, json_object_get(s->envelope, "action"));
    members(&p, s->envelope, said, 0);
    heading(&p, "Context (not covered by the digest)");
    any_value(&p, json_object_get(r, "context"), 0);
    if (!json_is_null(json_object_get(r, "outcome"))) {
        heading(&p, "Outcome");
        any_value(&p, json_object_get(r, "outcome"), 0);
    }
    put_z(&p, "\n");
    digest_line(&p, s);
    how_to_decide(&p, s);
    return p.err;
}

enum err show_summary(struct buf *out, const struct shown_request *s, struct style style)
{
    struct page p = {.out = out, .style = style};
    title(&p, s->request, time_of_text(json_text(s->request, "now")));
    who_where_why(&p, s);
    digest_line(&p, s);
    return p.err;
}
