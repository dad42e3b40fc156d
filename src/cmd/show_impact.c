#include "cmd/show_impact.h"

#include <stdarg.h>
#include <stdio.h>

#include "cmd/client.h"

static const json_t *member(const json_t *o, const char *key)
{
    return json_object_get(o, key);
}

static void say(struct page *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(struct page *p, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    page_put(p, str_from(text, n > 0 && (size_t)n < sizeof(text) ? (size_t)n : 0));
}

static void text_of(struct page *p, const json_t *o, const char *key)
{
    page_line(p, json_text(o, key));
}

static bool has_number(const json_t *o, const char *key, json_int_t *ret)
{
    const json_t *v = member(o, key);
    *ret = json_integer_value(v);
    return json_is_integer(v);
}

static void rows(struct page *p, json_int_t n)
{
    say(p, "%lld row%s", (long long)n, n == 1 ? "" : "s");
}

/* As pg_size_pretty writes it. */
static void size(struct page *p, json_int_t bytes)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    size_t u = 0;
    while (bytes >= 10 * 1024 && u + 1 < ARRAY_LEN(units)) {
        bytes = (bytes + 512) / 1024;
        u++;
    }
    say(p, "%lld %s", (long long)bytes, units[u]);
}

/* --- Estimate and plan --------------------------------------------------------------------------- */

static void estimate(struct page *p, const json_t *i)
{
    json_int_t n, cost;
    const json_t *e = member(i, "estimate");
    if (!has_number(e, "rows", &n) || !has_number(e, "cost", &cost))
        return;
    page_label(p, STR("expected"));
    rows(p, n);
    page_z(p, json_is_true(member(e, "changes")) ? " changed" : " returned");
    say(p, ", cost %lld\n", (long long)cost);
}

static void plan_node(struct page *p, const json_t *n, const char *label)
{
    enum { DEEPEST = 24 };
    json_int_t depth, expected, cost;
    (void)has_number(n, "depth", &depth);
    page_label(p, str_of(label));
    for (json_int_t d = 0; d < depth && d < DEEPEST; d++)
        page_z(p, "  ");
    struct str operation = json_text(n, "operation");
    page_line(p, operation.n != 0 ? operation : json_text(n, "node"));
    if (json_text(n, "relation").n != 0) {
        page_z(p, " on ");
        text_of(p, n, "schema");
        page_z(p, json_text(n, "schema").n != 0 ? "." : "");
        text_of(p, n, "relation");
    }
    if (json_text(n, "index").n != 0) {
        page_z(p, " by index ");
        text_of(p, n, "index");
    }
    if (operation.n == 0 && has_number(n, "rows", &expected) && has_number(n, "cost", &cost)) {
        page_z(p, " (");
        rows(p, expected);
        say(p, ", cost %lld)", (long long)cost);
    }
    if (json_text(n, "condition").n != 0) {
        page_z(p, ": ");
        text_of(p, n, "condition");
    }
    page_z(p, "\n");
}

static void plan(struct page *p, const json_t *i)
{
    const json_t *list = member(i, "plan");
    if (json_array_size(list) == 0)
        return;
    for (size_t k = 0; k < json_array_size(list); k++)
        plan_node(p, json_array_get(list, k), k == 0 ? "plan" : "");
    if (json_is_true(member(i, "plan_is_longer"))) {
        page_label(p, STR(""));
        page_z(p, "… and more\n");
    }
}

/* --- What it touches ----------------------------------------------------------------------------- */

static void table(struct page *p, const json_t *t)
{
    json_int_t n;
    struct str kind = json_text(t, "kind");
    page_label(p, kind.n != 0 ? kind : STR("relation"));
    text_of(p, t, "name");
    page_z(p, json_is_true(member(t, "written")) ? ", changed: " : ", read: ");
    if (has_number(t, "rows", &n)) {
        page_z(p, "about ");
        rows(p, n);
    } else {
        page_z(p, "never analysed, so the planner guesses");
    }
    if (has_number(t, "bytes", &n)) {
        page_z(p, ", ");
        size(p, n);
    }
    page_z(p, "\n");
}

static void trigger(struct page *p, const json_t *t)
{
    const json_t *events = member(t, "events");
    page_label(p, STR("trigger"));
    text_of(p, t, "name");
    page_z(p, " on ");
    text_of(p, t, "table");
    page_z(p, ": ");
    text_of(p, t, "when");
    for (size_t k = 0; k < json_array_size(events); k++) {
        page_z(p, k != 0 ? " OR " : " ");
        page_line(p, json_string_view(json_array_get(events, k)));
    }
    page_z(p, " for each ");
    text_of(p, t, "for_each");
    page_z(p, " runs ");
    text_of(p, t, "function");
    page_z(p, "\n");
}

static void acts(struct page *p, const json_t *k, const char *key, const char *words)
{
    if (json_text(k, key).n == 0)
        return;
    page_z(p, words);
    text_of(p, k, key);
}

static void foreign_key(struct page *p, const json_t *k)
{
    json_int_t n;
    page_label(p, STR("foreign key"));
    text_of(p, k, "name");
    page_z(p, " of ");
    text_of(p, k, "table");
    page_z(p, " references ");
    text_of(p, k, "references");
    acts(p, k, "on_delete", ": ON DELETE ");
    acts(p, k, "on_update", ": ON UPDATE ");
    if (has_number(k, "rows", &n)) {
        page_z(p, " (of about ");
        rows(p, n);
        page_z(p, ")");
    }
    page_z(p, "\n");
}

static void session_with_lock(struct page *p, const json_t *l)
{
    json_int_t n;
    bool granted = json_is_true(member(l, "granted"));
    page_label(p, STR("in its way"));
    page_colour(p, YELLOW);
    page_z(p, granted ? "held" : "waited for");
    page_plain(p);
    page_z(p, " on ");
    text_of(p, l, "table");
    page_z(p, ": ");
    text_of(p, l, "mode");
    if (json_text(l, "user").n != 0) {
        page_z(p, " by ");
        text_of(p, l, "user");
    }
    if (has_number(l, "pid", &n))
        say(p, " (pid %lld", (long long)n);
    else
        page_z(p, " (pid not known");
    if (json_text(l, "application").n != 0) {
        page_z(p, ", ");
        text_of(p, l, "application");
    }
    if (json_text(l, "state").n != 0) {
        page_z(p, ", ");
        text_of(p, l, "state");
    }
    if (has_number(l, "transaction_seconds", &n))
        say(p, ", in a transaction for %llds", (long long)n);
    page_z(p, ")\n");
}

static void locks(struct page *p, const json_t *i)
{
    const json_t *lock = member(i, "lock"), *list = member(i, "locks");
    if (json_is_object(lock)) {
        page_label(p, STR("lock"));
        text_of(p, lock, "mode");
        page_z(p, " until its transaction ends; who has to wait meanwhile: ");
        text_of(p, lock, "who_waits");
        page_z(p, "\n");
    }
    for (size_t k = 0; k < json_array_size(list); k++)
        session_with_lock(p, json_array_get(list, k));
}

static void each(struct page *p, const json_t *i, const char *key, const char *what,
                 void (*show)(struct page *p, const json_t *v))
{
    const json_t *list = member(i, key);
    if (json_is_null(list)) {
        page_label(p, str_of(what));
        page_z(p, "too many to be listed\n");
    }
    for (size_t k = 0; k < json_array_size(list); k++)
        show(p, json_array_get(list, k));
}

/* --- What came before ---------------------------------------------------------------------------- */

static void history(struct page *p, const json_t *request)
{
    const json_t *h = member(request, "history");
    const char *state;
    json_t *n;
    bool first = true;
    if (!json_is_object(h))
        return;
    page_label(p, STR("seen before"));
    json_object_foreach((json_t *)(uintptr_t)h, state, n)
    {
        if (json_integer_value(n) == 0)
            continue;
        page_z(p, first ? "" : ", ");
        say(p, "%lld ", (long long)json_integer_value(n));
        page_line(p, str_of(state));
        first = false;
    }
    page_z(p, first ? "never held here\n" : " (held requests for the same with other values)\n");
}

static void missing(struct page *p, const json_t *i)
{
    static const char *const parts[] = {"estimate", "relations"};
    const json_t *m = member(i, "not_available");
    for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
        if (json_text(m, parts[k]).n == 0)
            continue;
        page_label(p, str_of(parts[k]));
        page_z(p, "not available (");
        text_of(p, m, parts[k]);
        page_z(p, ")\n");
    }
}

void show_layout(struct page *p, const json_t *request)
{
    struct str layout = json_text(member(request, "impact"), "layout");
    if (layout.n == 0)
        return;
    page_heading(p, "Statement, laid out (what counts is the text as it was sent)\n");
    page_block(p, layout);
}

void show_impact(struct page *p, const json_t *request)
{
    const json_t *i = member(request, "impact");
    if (i == NULL)
        return;
    page_heading(p, "What it would do");
    if (!json_is_object(i)) {
        bool may_come = str_is(json_text(request, "state"), "pending");
        page_z(p, may_come ? "\n  not available yet (nothing has come from its session)\n"
                           : "\n  not available (nothing came from its session before it was decided)\n");
        return;
    }
    page_z(p, " (not covered by the digest; found out at ");
    text_of(p, i, "taken");
    page_z(p, ")\n");
    estimate(p, i);
    plan(p, i);
    each(p, i, "tables", "tables", table);
    each(p, i, "triggers", "triggers", trigger);
    each(p, i, "foreign_keys", "foreign keys", foreign_key);
    locks(p, i);
    missing(p, i);
    history(p, request);
}
