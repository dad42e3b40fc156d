#include "cmd/show_text.h"

#include "cmd/page.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "cmd/client.h"
#include "cmd/show_impact.h"
#include "model/display.h"

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
    page_colour(p, DIM);
    page_z(p, "  (");
    page_put(p, str_from(text, (size_t)n));
    if (display_has_hidden(s))
        page_z(p, "; ⟦…⟧ marks what is invisible or imitates another letter");
    page_z(p, ")");
    page_plain(p);
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
    page_heading(p, is_hex(text) ? "Statement, as bytes (it is no UTF-8)" : "Statement");
    struct str s = is_hex(text) ? json_text(text, "hex") : json_string_view(text);
    if (json_is_string(text))
        count_of(p, s);
    page_z(p, "\n");
    if (json_is_string(text) || is_hex(text))
        page_block(p, s);
    else
        page_value(p, text, 0);
}

static void parameter(struct page *p, size_t number, const json_t *v)
{
    static const char *const known[] = {"type", "value", NULL};
    char name[24];
    struct str type = json_text(v, "type");
    int n = snprintf(name, sizeof(name), "$%zu", number);
    page_label(p, str_from(name, (size_t)n));
    page_line(p, type.n != 0 ? type : STR("(type not said)"));
    page_z(p, " ");
    const json_t *value = json_object_get(v, "value");
    if (json_is_null(value))
        page_z(p, "NULL\n");
    else if (value != NULL)
        page_value(p, value, 1);
    else
        page_z(p, "\n");
    page_members(p, v, known, 1);
}

static void parameters(struct page *p, const json_t *action)
{
    const json_t *list = json_object_get(action, "parameters");
    if (!json_is_array(list)) {
        return;
    }
    page_heading(p, "Parameters");
    page_z(p, "\n");
    if (json_array_size(list) == 0)
        page_z(p, "  (none)\n");
    for (size_t i = 0; i < json_array_size(list); i++)
        parameter(p, i + 1, json_array_get(list, i));
}

/* What a transaction that waits for its COMMIT has done, row by row of the server's own counters. */
static void changed(struct page *p, const json_t *action)
{
    static const char *const kinds[] = {"inserted", "updated", "deleted"};
    const json_t *list = json_object_get(action, "changed");
    if (!json_is_array(list))
        return;
    page_heading(p, "What it has changed, and has not committed");
    page_z(p, json_array_size(list) == 0 ? "\n  (no rows)\n" : "\n");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *t = json_array_get(list, i);
        page_z(p, "  ");
        page_line(p, json_text(t, "schema"));
        page_z(p, ".");
        page_line(p, json_text(t, "table"));
        const char *before = ": ";
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
            char text[48];
            json_int_t rows = json_integer_value(json_object_get(t, kinds[k]));
            if (rows == 0)
                continue;
            int n = snprintf(text, sizeof(text), "%s%lld %s", before, (long long)rows, kinds[k]);
            page_put(p, str_from(text, (size_t)n));
            before = ", ";
        }
        page_z(p, "\n");
    }
}

static void action(struct page *p, const json_t *a, const json_t *request)
{
    static const char *const said[] = {"text", "parameters", "session", "changed", NULL};
    static const char *const said_but_parameters[] = {"text", "session", "changed", NULL};
    if (!json_is_object(a)) {
        page_heading(p, "Action\n");
        page_value(p, a, 0);
        return;
    }
    statement(p, a);
    show_layout(p, request);
    parameters(p, a);
    changed(p, a);
    page_heading(p, "How it is sent\n");
    page_members(p, a, json_is_array(json_object_get(a, "parameters")) ? said : said_but_parameters,
                 0);
    if (json_object_get(a, "session") != NULL) {
        page_heading(p, "Session (it decides what the text means)");
        page_value(p, json_object_get(a, "session"), 0);
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
    struct str s = json_string_view(v);
    page_label(p, str_of(key));
    page_colour(p, str_contains(s, STR("prod")) ? RED : BOLD);
    page_line(p, s);
    page_plain(p);
    page_z(p, "\n");
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
    page_label(p, STR("resource"));
    page_line(p, json_text(r, "name"));
    page_z(p, " (");
    page_line(p, json_text(r, "type"));
    page_z(p, ")\n");
    json_object_foreach((json_t *)(uintptr_t)labels, key,
                        v) if (!is_environment(key) || !json_is_string(v))
    {
        page_label(p, str_of(key));
        page_value(p, v, 1);
    }
    page_members(p, r, said, 0);
}

static void subject(struct page *p, const json_t *s)
{
    static const char *const said[] = {"name", NULL};
    page_label(p, STR("who"));
    page_value(p, json_object_get(s, "name"), 1);
    page_members(p, s, said, 0);
}

/* "in 4m59s", "2m ago"; for people, to the second. */
static void put_when(struct page *p, struct str time, int64_t now)
{
    int64_t at = time_of_text(time);
    char text[CLOCK_TEXT];
    int64_t away = at > now ? at - now : now - at;
    struct str d = duration_text(away / NS_PER_S * NS_PER_S, text);
    page_line(p, time);
    if (at == 0 || now == 0)
        return;
    page_z(p, at > now ? " (in " : " (");
    page_put(p, d.n != 0 ? d : STR("0s"));
    page_z(p, at > now ? ")" : " ago)");
}

/* The times that matter in the present state. */
static void times(struct page *p, const json_t *r, int64_t now)
{
    static const struct {
        const char *key, *label, *only_in; /* only_in NULL: in every state */
    } list[] = {
        {"created", "asked", NULL},
        {"decide_by", "decide by", "pending"},
        {"decided", "decided", NULL},
        {"run_by", "run by", "approved"},
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        struct str t = json_text(r, list[i].key);
        const char *only = list[i].only_in;
        if (t.n == 0 || (only != NULL && !str_is(json_text(r, "state"), only)))
            continue;
        page_label(p, str_of(list[i].label));
        put_when(p, t, now);
        page_z(p, "\n");
    }
}

/* What an operand was; a long one is cut, for the action itself stands below, whole. */
static enum err put_operand(struct buf *out, const json_t *operand, const char *before)
{
    enum { MOST = 240 };
    char *text = json_dumps(json_object_get(operand, "value"), JSON_ENCODE_ANY);
    if (text == NULL)
        return ERR_INVALID;
    struct str s = str_of(text);
    size_t n = s.n;
    while (n > MOST || (n < s.n && (s.p[n] & 0xc0) == 0x80))
        n = n > MOST ? MOST : n - 1;
    enum err e = buf_printf(out, "%s%.*s = %.*s%s", before, STR_FMT(json_text(operand, "text")), (int)n,
                            s.p, n < s.n ? "…" : "");
    free(text);
    return e;
}

/* `x`, `!x` and `x == constant` say themselves what x was. */
static bool says_its_operand(struct str condition, struct str operand)
{
    if (!str_starts(condition, operand))
        return condition.n == operand.n + 1 && condition.p[0] == '!' && str_ends(condition, operand);
    struct str rest = str_from(condition.p + operand.n, condition.n - operand.n);
    return rest.n == 0 || str_starts(rest, STR(" == "));
}

/* One sub-condition that decided it: its text, and the values it was decided on. */
static enum err put_reason(struct buf *line, const json_t *r)
{
    const json_t *operands = json_object_get(r, "operands");
    struct str text = json_text(r, "text");
    TRY(buf_put_str(line, text));
    if (json_array_size(operands) == 1 && !json_is_false(json_object_get(r, "result")) &&
        says_its_operand(text, json_text(json_array_get(operands, 0), "text")))
        return ERR_OK;
    for (size_t i = 0; i < json_array_size(operands); i++)
        TRY(put_operand(line, json_array_get(operands, i), i == 0 ? "   where " : ", "));
    return ERR_OK;
}

static void reason(struct page *p, const json_t *r)
{
    struct buf line CLEANUP(buf_done);
    buf_init(&line, LIMIT_ENVELOPE);
    enum err e = put_reason(&line, r);
    if (e != ERR_OK && p->err == ERR_OK)
        p->err = e;
    page_label(p, STR("condition"));
    page_text(p, buf_view(&line));
}

/* Only observed, or content to let it run: no reason to wait. */
static bool has_held(const json_t *g)
{
    bool failed = str_is(json_text(g, "outcome"), "error");
    return !str_is(json_text(g, "mode"), "observe") && (failed || !str_is(json_text(g, "then"), "allow"));
}

/* The guardrails that hold it, what each says, and which of their conditions decided it. */
static void why(struct page *p, const json_t *r)
{
    const json_t *list = json_object_get(json_object_get(r, "explanation"), "guardrails");
    const json_t *names = json_object_get(r, "guardrails");
    page_label(p, STR("held by"));
    for (size_t i = 0; i < json_array_size(names); i++) {
        page_z(p, i != 0 ? ", " : "");
        page_line(p, json_string_view(json_array_get(names, i)));
    }
    page_z(p, "\n");
    page_label(p, STR("because"));
    page_text(p, json_text(r, "message"));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *g = json_array_get(list, i);
        const json_t *reasons = json_object_get(json_object_get(g, "why"), "reasons");
        if (!has_held(g))
            continue;
        if (!str_eq(json_text(g, "message"), json_text(r, "message"))) {
            page_label(p, STR("and because"));
            page_text(p, json_text(g, "message"));
        }
        for (size_t k = 0; k < json_array_size(reasons); k++)
            reason(p, json_array_get(reasons, k));
    }
}

/* In the requester's own words. */
static void stated(struct page *p, const json_t *r)
{
    const json_t *c = json_object_get(r, "context");
    struct str reason = json_text(c, "reason"), ticket = json_text(c, "ticket");
    if (reason.n != 0) {
        page_label(p, STR("reason"));
        page_text(p, reason);
    }
    if (ticket.n == 0)
        return;
    page_label(p, STR("ticket"));
    page_line(p, ticket);
    if (json_text(r, "ticket_url").n != 0) {
        page_z(p, "  ");
        page_line(p, json_text(r, "ticket_url"));
    }
    page_z(p, "\n");
}

/* What the voter was by the hour, and whether the vote still stands. */
static void vote_marks(struct page *p, const json_t *v)
{
    static const struct {
        const char *key, *before;
    } marks[] = {
        {"on_duty", ", on duty: "}, {"stood_for", ", standing in for "}, {"retracted", ", taken back at "},
    };
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        struct str value = json_text(v, marks[i].key);
        if (value.n == 0)
            continue;
        page_z(p, marks[i].before);
        page_line(p, value);
    }
}

static void votes(struct page *p, const json_t *r)
{
    const json_t *list = json_object_get(r, "votes");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        bool approved = str_is(json_text(v, "vote"), "approve");
        page_label(p, approved ? STR("approved by") : STR("rejected by"));
        page_colour(p, approved ? GREEN : RED);
        page_line(p, json_text(v, "person"));
        page_plain(p);
        page_z(p, " at ");
        page_line(p, json_text(v, "time"));
        vote_marks(p, v);
        page_z(p, "\n");
        if (json_text(v, "reason").n != 0) {
            page_label(p, STR("saying"));
            page_text(p, json_text(v, "reason"));
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
        TRY(display_line(out, json_string_view(json_array_get(people, i))));
    }
    return buf_put_str(out, json_array_size(people) != 0 ? STR(")") : STR("nobody is left)"));
}

/* "; from 17:20 on leads too": whom it asks if nobody answers. */
static enum err put_later(struct buf *out, const json_t *line)
{
    const json_t *later = json_object_get(line, "later");
    struct str at = json_text(line, "later_at");
    if (json_array_size(later) == 0)
        return ERR_OK;
    TRY(buf_put_str(out, STR("; unless met ")));
    if (at.n != 0) {
        TRY(buf_put_str(out, STR("by ")));
        TRY(display_line(out, at));
        TRY(buf_put_str(out, STR(" ")));
    }
    TRY(buf_put_str(out, STR("also ")));
    for (size_t i = 0; i < json_array_size(later); i++) {
        TRY(buf_put_str(out, i != 0 ? STR(", ") : STR("")));
        TRY(display_line(out, json_string_view(json_array_get(later, i))));
    }
    return ERR_OK;
}

enum err show_missing(struct buf *out, const json_t *request)
{
    const json_t *lines = json_object_get(request, "requirements");
    bool first = true;
    uint64_t last = 0;
    for (uint64_t stage = 0; stage < LIMIT_REQUIREMENTS; stage++)
        for (size_t i = 0; i < json_array_size(lines); i++) {
            const json_t *line = json_array_get(lines, i);
            if (json_number(line, "stage") != stage ||
                json_number(line, "have") >= json_number(line, "count"))
                continue;
            TRY(buf_put_str(out, first ? STR("") : stage == last ? STR(" and ") : STR(", then ")));
            TRY(put_still(out, line));
            TRY(put_later(out, line));
            first = false;
            last = stage;
        }
    return ERR_OK;
}

static void missing(struct page *p, const json_t *r)
{
    if (!str_is(json_text(r, "state"), "pending"))
        return;
    page_label(p, STR("still needed"));
    if (p->err == ERR_OK)
        p->err = show_missing(p->out, r);
    page_z(p, "\n");
}

/* Why only some of its guardrails' people are asked. */
static void counts_on(struct page *p, const json_t *r)
{
    const json_t *list = json_object_get(r, "counts_on");
    char text[64];
    if (json_array_size(list) == 0 || !str_is(json_text(r, "state"), "pending"))
        return;
    page_label(p, STR("granted"));
    for (size_t i = 0; i < json_array_size(list); i++) {
        int n = snprintf(text, sizeof(text), "%s%lld", i == 0 ? "in part, by grant " : ", ",
                         (long long)json_integer_value(json_array_get(list, i)));
        page_line(p, str_from(text, (size_t)n));
    }
    page_z(p, "; the rest is still needed\n");
}

/* What may be granted with an approval, and how it came to run where nobody voted. */
static void grants(struct page *p, const json_t *r)
{
    const json_t *g = json_object_get(r, "grant");
    char text[160], time[CLOCK_TEXT];
    struct str shape = json_text(g, "shape"), bypass = json_text(r, "bypass");
    if (bypass.n != 0) {
        page_label(p, STR("approved"));
        page_z(p, str_is(bypass, "grant") ? "by grants, nobody was asked\n" : "by break-glass, nobody was asked\n");
    }
    if (!str_is(json_text(r, "state"), "pending") || json_array_size(json_object_get(g, "kinds")) == 0)
        return;
    struct str longest = duration_text((int64_t)json_number(g, "max_seconds") * NS_PER_S, time);
    int n = snprintf(text, sizeof(text), "for at most %.*s", STR_FMT(longest));
    if (json_number(g, "uses") != 0)
        n += snprintf(text + n, sizeof(text) - (size_t)n, ", %llu uses",
                      (unsigned long long)json_number(g, "uses"));
    page_label(p, STR("may be granted"));
    for (size_t i = 0; i < json_array_size(json_object_get(g, "kinds")); i++) {
        page_line(p, str_of(json_string_value(json_array_get(json_object_get(g, "kinds"), i))));
        page_z(p, ", ");
    }
    page_line(p, str_from(text, (size_t)n));
    page_z(p, "\n");
    if (shape.n == 0)
        return;
    page_label(p, STR("shape"));
    page_line(p, shape);
    page_z(p, "\n");
}

/* --- The whole ------------------------------------------------------------------------------ */

static void title(struct page *p, const json_t *r, int64_t now)
{
    char number[48];
    struct str state = json_text(r, "state");
    int64_t left = time_of_text(json_text(r, "decide_by")) - now;
    int n =
        snprintf(number, sizeof(number), "Request %llu", (unsigned long long)json_number(r, "id"));
    page_colour(p, BOLD);
    page_put(p, str_from(number, (size_t)n));
    page_plain(p);
    page_z(p, "  ");
    page_colour(p, YELLOW);
    page_line(p, state);
    page_plain(p);
    if (str_is(state, "pending") && left > 0) {
        char text[CLOCK_TEXT];
        page_z(p, ", ");
        page_put(p, duration_text(left / NS_PER_S * NS_PER_S, text));
        page_z(p, " left");
    }
    page_z(p, "\n");
}

static void digest_line(struct page *p, const struct shown_request *s)
{
    char hex[DIGEST_HEX + 1];
    page_label(p, STR("digest"));
    page_put(p, digest_hex(&s->digest, hex));
    page_z(p, "\n");
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
        page_z(p, "\nYou are not among those who may decide it now.\n");
        return;
    }
    int n = snprintf(text, sizeof(text),
                     "\n  countersign approve %llu --digest %.*s%s%s\n"
                     "  countersign reject %llu --reason \"...\"\n",
                     id, STR_FMT(digest_hex(&s->digest, hex)),
                     json_is_true(json_object_get(s->request, "reason_to_approve"))
                         ? " --reason \"...\""
                         : "",
                     json_is_true(json_object_get(s->request, "signed_votes")) ? " --sign" : "", id);
    page_put(p, str_from(text, (size_t)n));
}

static void outcome(struct page *p, const json_t *o)
{
    static const char *const said[] = {"duration_ns", NULL};
    char text[CLOCK_TEXT];
    json_int_t took = json_integer_value(json_object_get(o, "duration_ns"));
    if (!json_is_object(o))
        return;
    page_heading(p, "Outcome\n");
    page_members(p, o, said, 0);
    if (took <= 0)
        return;
    page_label(p, STR("took"));
    page_put(p, took < NS_PER_MS ? STR("under 1ms") : duration_text(took, text));
    page_z(p, "\n");
}

/* Whether the action, which is above, says the same: by an equal member of its session, or as its message. */
static bool said_above(const json_t *action, const char *key, const json_t *v)
{
    const json_t *session = json_object_get(action, "session");
    if (strcmp(key, "reason") == 0 || strcmp(key, "ticket") == 0)
        return true; /* stated */
    if (strcmp(key, "operation") == 0)
        return json_equal(v, json_object_get(action, "message"));
    if (strcmp(key, "in_transaction") == 0)
        return json_is_false(v) && str_is(json_text(session, "transaction"), "none");
    return json_equal(v, json_object_get(session, key));
}

static void context(struct page *p, const json_t *c, const json_t *action)
{
    const char *key;
    json_t *v, *rest = json_object();
    if (rest == NULL && p->err == ERR_OK)
        p->err = ERR_NOMEM;
    json_object_foreach((json_t *)(uintptr_t)c, key, v)
    {
        if (!said_above(action, key, v) && json_object_set(rest, key, v) != 0 && p->err == ERR_OK)
            p->err = ERR_NOMEM;
    }
    if (json_object_size(rest) != 0) {
        page_heading(p, "Context (not covered by the digest)");
        page_value(p, rest, 0);
    }
    json_decref(rest);
}

enum err show_request(struct buf *out, const struct shown_request *s, struct style style)
{
    static const char *const said[] = {"countersign", "kind",   "subject",
                                       "resource",    "action", NULL};
    struct page p = {.out = out, .style = style};
    const json_t *r = s->request;
    int64_t now = time_of_text(json_text(r, "now"));
    title(&p, r, now);
    page_z(&p, "\n");
    who_where_why(&p, s);
    stated(&p, r);
    votes(&p, r);
    missing(&p, r);
    counts_on(&p, r);
    times(&p, r, now);
    grants(&p, r);
    action(&p, json_object_get(s->envelope, "action"), r);
    page_members(&p, s->envelope, said, 0);
    show_impact(&p, r);
    context(&p, json_object_get(r, "context"), json_object_get(s->envelope, "action"));
    outcome(&p, json_object_get(r, "outcome"));
    page_z(&p, "\n");
    digest_line(&p, s);
    how_to_decide(&p, s);
    return p.err;
}

enum err show_impact_alone(struct buf *out, const struct shown_request *s, struct style style)
{
    struct page p = {.out = out, .style = style};
    title(&p, s->request, time_of_text(json_text(s->request, "now")));
    show_layout(&p, s->request);
    show_impact(&p, s->request);
    return p.err;
}

enum err show_summary(struct buf *out, const struct shown_request *s, struct style style)
{
    struct page p = {.out = out, .style = style};
    title(&p, s->request, time_of_text(json_text(s->request, "now")));
    who_where_why(&p, s);
    stated(&p, s->request);
    digest_line(&p, s);
    return p.err;
}
