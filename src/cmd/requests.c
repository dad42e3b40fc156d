/* countersign requests: what waits, and what was. */
#include "base/clock.h"
#include "base/limits.h"
#include "cmd/fetch.h"
#include "cmd/table.h"

#include <unistd.h>

static struct str names_of(const json_t *list, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        int n =
            snprintf(out + used, size - used, "%s%s", i != 0 ? ", " : "", name != NULL ? name : "");
        used = n > 0 && used + (size_t)n < size ? used + (size_t)n : size - 1;
    }
    return str_from(out, used);
}

/* "4m10s left" while it waits, else how long ago it was asked. */
static struct str time_column(const json_t *r, int64_t now, char out[static 64])
{
    bool pending = str_is(json_text(r, "state"), "pending");
    int64_t at = time_of_text(json_text(r, pending ? "decide_by" : "created"));
    int64_t away = pending ? at - now : now - at;
    char text[CLOCK_TEXT];
    if (away < 0)
        away = 0;
    struct str d = duration_text(away / NS_PER_S * NS_PER_S, text);
    int n = snprintf(out, 64, "%.*s %s", STR_FMT(d), pending ? "left" : "ago");
    return str_from(out, (size_t)n);
}

static enum err put_row(struct table *t, const json_t *r, int64_t now)
{
    char number[24], time[64], names[1024];
    struct str person = json_text(r, "person"), subject = json_text(r, "subject");
    int n = snprintf(number, sizeof(number), "%llu", (unsigned long long)json_number(r, "id"));
    TRY(table_cell(t, str_from(number, (size_t)n)));
    TRY(table_cell(t, json_text(r, "state")));
    TRY(table_cell(t, time_column(r, now, time)));
    TRY(table_cell(t, subject.n != 0 ? subject : person));
    TRY(table_cell(t, json_text(r, "resource")));
    TRY(table_cell(t, names_of(json_object_get(r, "guardrails"), names, sizeof(names))));
    return table_cell(t, json_text(r, "message"));
}

static enum err put_table(struct buf *out, const json_t *list)
{
    static const char *const head[] = {"ID",       "STATE",      "TIME",   "WHO",
                                       "RESOURCE", "GUARDRAILS", "MESSAGE"};
    struct table t CLEANUP(table_done);
    int64_t now = clock_wall_ns();
    table_init(&t, ARRAY_LEN(head));
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        TRY(table_cell(&t, str_of(head[i])));
    for (size_t i = 0; i < json_array_size(list); i++)
        TRY(put_row(&t, json_array_get(list, i), now));
    return table_print(out, &t, style_of(STDOUT_FILENO));
}

static enum exit_status print_list(const struct command *self, const struct answer *a)
{
    const json_t *list = json_object_get(a->json, "requests");
    struct buf out CLEANUP(buf_done);
    buf_init(&out, LIMIT_HTTP_UNSENT);
    if (json_array_size(list) == 0)
        return print_out(self, STR("no requests\n"));
    if (put_table(&out, list) != ERR_OK) {
        cmd_complain(self, "out of memory");
        return EXIT_REFUSED;
    }
    return print_out(self, buf_view(&out));
}

static enum exit_status list(struct client *c, const char *path, bool json)
{
    struct answer a;
    enum exit_status status = client_call(c, "GET", path, NULL, &a);
    if (status != EXIT_DONE)
        return status;
    if (!json) {
        status = print_list(c->command, &a);
    } else {
        status = print_out(c->command, buf_view(&a.text));
        putchar('\n');
    }
    answer_done(&a);
    return status;
}

/* States and numbers only: nothing that would have to be escaped in a query. */
static bool is_plain(const char *s)
{
    return strspn(s, "abcdefghijklmnopqrstuvwxyz,0123456789") == strlen(s);
}

static enum exit_status run(const struct command *self, int argc, char **argv)
{
    bool json = false;
    const char *socket = NULL, *state = "", *limit = "100";
    const struct cmd_option options[] = {
        {.name = "json", .flag = &json},
        {.name = "limit", .value = &limit},
        {.name = "socket", .value = &socket},
        {.name = "state", .value = &state},
    };
    size_t n;
    char path[256];
    struct client c;
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 0, 0, &n) != ERR_OK)
        return EXIT_USAGE;
    if (!is_plain(state) || !is_plain(limit) || strlen(state) > 128 || strlen(limit) > 8) {
        cmd_complain(self, "--state takes states such as \"pending\" or \"pending,approved\", "
                           "--limit a number up to 1000");
        return EXIT_USAGE;
    }
    snprintf(path, sizeof(path), "/v1/requests?state=%s&limit=%s", state, limit);
    enum exit_status status = client_init(&c, self, socket);
    if (status == EXIT_DONE)
        status = list(&c, path, json);
    client_done(&c);
    return status;
}

const struct command cmd_requests = {
    .name = "requests",
    .group = COMMANDS_APPROVE,
    .summary = "List requests: what waits, and what was",
    .usage =
        "Usage: countersign requests [--state STATE,...] [--limit N] [--json] [--socket PATH]\n"
        "\n"
        "Lists requests, the newest first.\n"
        "\n"
        "  --state STATE  only these: pending, approved, running, completed, failed, unknown,\n"
        "                 rejected, expired, withdrawn; several separated by commas\n"
        "  --limit N      at most N (100; up to 1000)\n"
        "  --json         the gateway's own answer (see /openapi.json)\n"
        CLIENT_WHERE
        "\n"
        "Example:  countersign requests --state pending\n",
    .run = run,
};
