/* countersign grants and revoke: what was granted beside one run. */
#include "base/clock.h"
#include "base/limits.h"
#include "cmd/fetch.h"
#include "cmd/table.h"

#include <unistd.h>

static struct str uses_column(const json_t *g, char out[static 48])
{
    const json_t *uses = json_object_get(g, "uses");
    int n = json_is_integer(uses)
                ? snprintf(out, 48, "%llu of %lld", (unsigned long long)json_number(g, "used"),
                           (long long)json_integer_value(uses))
                : snprintf(out, 48, "%llu", (unsigned long long)json_number(g, "used"));
    return str_from(out, (size_t)n);
}

static struct str state_column(const json_t *g, int64_t now, char out[static 64])
{
    char text[CLOCK_TEXT];
    int64_t left = time_of_text(json_text(g, "expires")) - now;
    if (!json_is_true(json_object_get(g, "in_force")) || left <= 0)
        return json_text(g, "state");
    struct str d = duration_text(left / NS_PER_S * NS_PER_S, text);
    int n = snprintf(out, 64, "%.*s left", STR_FMT(d));
    return str_from(out, (size_t)n);
}

/* What it is for: a shape, one statement byte for byte, a session. */
static struct str scope_column(const json_t *g, struct buf *out)
{
    struct str shape = json_text(g, "shape"), session = json_text(g, "session");
    bool is_shape = json_array_size(json_object_get(g, "kinds")) > 1 || session.n == 0;
    enum err e = buf_put_str(out, is_shape && shape.n == 0 ? STR("that statement") : shape);
    if (e == ERR_OK && session.n != 0)
        e = buf_printf(out, "%ssession %.*s", is_shape ? ", in " : "", STR_FMT(session));
    return e == ERR_OK ? buf_view(out) : STR("see --json");
}

static enum err put_row(struct table *t, const json_t *g, int64_t now)
{
    char id[24], request[24], uses[48], state[64];
    struct buf scope CLEANUP(buf_done) = {0};
    buf_init(&scope, LIMIT_LINK_MESSAGE);
    int n = snprintf(id, sizeof(id), "%llu", (unsigned long long)json_number(g, "id"));
    TRY(table_cell(t, str_from(id, (size_t)n)));
    TRY(table_cell(t, state_column(g, now, state)));
    TRY(table_cell(t, uses_column(g, uses)));
    TRY(table_cell(t, json_text(g, "subject")));
    TRY(table_cell(t, json_text(g, "resource")));
    TRY(table_cell(t, json_text(g, "guardrails")));
    n = snprintf(request, sizeof(request), "%llu", (unsigned long long)json_number(g, "request"));
    TRY(table_cell(t, str_from(request, (size_t)n)));
    return table_cell(t, scope_column(g, &scope));
}

static enum err put_table(struct buf *out, const json_t *list)
{
    static const char *const head[] = {"GRANT",    "STATE",      "USED",    "WHO",
                                       "RESOURCE", "GUARDRAILS", "REQUEST", "FOR"};
    struct table t CLEANUP(table_done);
    int64_t now = clock_wall_ns();
    table_init(&t, ARRAY_LEN(head));
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        TRY(table_cell(&t, str_of(head[i])));
    for (size_t i = 0; i < json_array_size(list); i++)
        TRY(put_row(&t, json_array_get(list, i), now));
    return table_print(out, &t, style_of(STDOUT_FILENO));
}

static enum exit_status print_list(const struct command *self, const struct answer *a, bool json)
{
    const json_t *list = json_object_get(a->json, "grants");
    struct buf out CLEANUP(buf_done) = {0};
    buf_init(&out, LIMIT_HTTP_UNSENT);
    if (json) {
        enum exit_status status = print_out(self, buf_view(&a->text));
        putchar('\n');
        return status;
    }
    if (json_array_size(list) == 0)
        return print_out(self, STR("no grants\n"));
    if (put_table(&out, list) != ERR_OK) {
        cmd_complain(self, "out of memory");
        return EXIT_REFUSED;
    }
    return print_out(self, buf_view(&out));
}

static enum exit_status grants(const struct command *self, int argc, char **argv)
{
    bool json = false, all = false;
    const char *socket = NULL;
    const struct cmd_option options[] = {
        {.name = "all", .flag = &all},
        {.name = "json", .flag = &json},
        {.name = "socket", .value = &socket},
    };
    size_t n;
    struct answer a = {0};
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 0, 0, &n) != ERR_OK)
        return EXIT_USAGE;
    enum exit_status status = client_ask(self, socket, "GET", all ? "/v1/grants?all=true" : "/v1/grants", NULL, &a);
    if (status == EXIT_DONE)
        status = print_list(self, &a, json);
    answer_done(&a);
    return status;
}

static enum exit_status take_back(const struct command *self, int argc, char **argv)
{
    const char *reason = "", *socket = NULL;
    const struct cmd_option options[] = {
        {.name = "reason", .value = &reason},
        {.name = "socket", .value = &socket},
    };
    char path[64];
    size_t n;
    uint64_t id;
    struct answer a = {0};
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 1, 1, &n) != ERR_OK ||
        client_id(self, argv[0], &id) != ERR_OK)
        return EXIT_USAGE;
    json_t *body = json_pack("{s:s}", "reason", reason);
    if (body == NULL) {
        cmd_complain(self, "the reason must be UTF-8 text");
        return EXIT_USAGE;
    }
    snprintf(path, sizeof(path), "/v1/grants/%llu/revoke", (unsigned long long)id);
    enum exit_status status = client_ask(self, socket, "POST", path, body, &a);
    if (status == EXIT_DONE)
        printf("grant %llu: revoked\n", (unsigned long long)id);
    json_decref(body);
    answer_done(&a);
    return status;
}

const struct command cmd_grants = {
    .name = "grants",
    .group = COMMANDS_APPROVE,
    .summary = "List what was granted beside one run",
    .usage = "Usage: countersign grants [--all] [--json] [--socket PATH]\n"
             "\n"
             "Lists the grants in force, the newest first: who may run what without asking again,\n"
             "how often it ran, and until when.\n"
             "\n"
             "  --all          also those that are revoked, expired or used up\n"
             "  --json         the gateway's own answer (see /openapi.json)\n" CLIENT_WHERE,
    .run = grants,
};

const struct command cmd_revoke = {
    .name = "revoke",
    .group = COMMANDS_APPROVE,
    .summary = "Take a grant back, at once",
    .usage = "Usage: countersign revoke GRANT [--reason TEXT] [--socket PATH]\n"
             "\n"
             "Ends a grant, in open sessions too: what runs is not touched, what waits and counted\n"
             "on it is held afresh. Whoever could have granted it may.\n"
             "\n"
             "  --reason TEXT  for the record\n" CLIENT_WHERE,
    .run = take_back,
};
