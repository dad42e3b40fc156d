/* countersign break-glass, review and reviews. */
#include "base/clock.h"
#include "base/limits.h"
#include "cmd/fetch.h"
#include "cmd/table.h"

#include <unistd.h>

struct options {
    uint64_t id;
    const char *reason, *code, *socket;
    bool json;
};

/* Of a terminal, where it leaves no trace in a shell's history; else one line of standard input. */
static bool ask_code(char *out, size_t size)
{
    if (isatty(STDIN_FILENO)) {
        fputs("Code of the second factor: ", stdout);
        fflush(stdout);
    }
    if (fgets(out, (int)size, stdin) == NULL)
        return false;
    out[strcspn(out, "\n")] = '\0';
    return true;
}

static enum exit_status send_break(struct client *c, const struct options *o, const struct fetched *f)
{
    char path[64], hex[DIGEST_HEX + 1], code[256] = "";
    struct answer a = {0};
    enum exit_status status = print_request(c->command, show_request, f);
    if (status != EXIT_DONE)
        return status;
    if (o->code == NULL && !ask_code(code, sizeof(code))) {
        cmd_complain(c->command, "a code of your second factor is needed");
        return EXIT_USAGE;
    }
    snprintf(path, sizeof(path), "/v1/requests/%llu/break-glass", (unsigned long long)o->id);
    digest_hex(&f->shown.digest, hex);
    json_t *body = json_pack("{s:s, s:s, s:s}", "digest", hex, "reason", o->reason, "code",
                             o->code != NULL ? o->code : code);
    if (body == NULL) {
        cmd_complain(c->command, "the reason and the code must be UTF-8 text");
        return EXIT_USAGE;
    }
    status = client_call(c, "POST", path, body, &a);
    json_decref(body);
    if (status == EXIT_DONE)
        printf("request %llu: released by break-glass; everybody who was skipped is told, and somebody else "
               "must review it\n",
               (unsigned long long)o->id);
    answer_done(&a);
    return status;
}

static enum exit_status break_glass(const struct command *self, int argc, char **argv)
{
    struct options o = {0};
    const struct cmd_option options[] = {
        {.name = "code", .value = &o.code},
        {.name = "reason", .value = &o.reason},
        {.name = "socket", .value = &o.socket},
    };
    size_t n;
    struct client c;
    struct fetched f;
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 1, 1, &n) != ERR_OK ||
        client_id(self, argv[0], &o.id) != ERR_OK)
        return EXIT_USAGE;
    if (o.reason == NULL || o.reason[0] == '\0') {
        cmd_complain(self, "--reason TEXT is needed: everybody who is skipped reads it");
        return EXIT_USAGE;
    }
    enum exit_status status = client_init(&c, self, o.socket);
    if (status == EXIT_DONE)
        status = fetch_request(&c, o.id, &f);
    if (status == EXIT_DONE) {
        status = send_break(&c, &o, &f);
        fetched_done(&f);
    }
    client_done(&c);
    return status;
}

static enum exit_status review(const struct command *self, int argc, char **argv)
{
    struct options o = {0};
    const struct cmd_option options[] = {
        {.name = "reason", .value = &o.reason},
        {.name = "socket", .value = &o.socket},
    };
    char path[64];
    size_t n;
    struct answer a = {0};
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 1, 1, &n) != ERR_OK ||
        client_id(self, argv[0], &o.id) != ERR_OK)
        return EXIT_USAGE;
    json_t *body = o.reason != NULL ? json_pack("{s:s}", "reason", o.reason) : NULL;
    if (body == NULL) {
        cmd_complain(self, "--reason TEXT is needed: what you found");
        return EXIT_USAGE;
    }
    snprintf(path, sizeof(path), "/v1/requests/%llu/review", (unsigned long long)o.id);
    enum exit_status status = client_ask(self, o.socket, "POST", path, body, &a);
    if (status == EXIT_DONE)
        printf("request %llu: reviewed\n", (unsigned long long)o.id);
    json_decref(body);
    answer_done(&a);
    return status;
}

static enum err put_row(struct table *t, const json_t *r)
{
    char id[24];
    int n = snprintf(id, sizeof(id), "%llu", (unsigned long long)json_number(r, "request"));
    TRY(table_cell(t, str_from(id, (size_t)n)));
    TRY(table_cell(t, json_text(r, "state")));
    TRY(table_cell(t, json_text(r, "due")));
    TRY(table_cell(t, json_text(r, "person")));
    TRY(table_cell(t, json_text(r, "reviewer")));
    return table_cell(t, json_text(r, "reason"));
}

static enum err put_table(struct buf *out, const json_t *list)
{
    static const char *const head[] = {"REQUEST", "STATE", "DUE", "BY", "REVIEWED BY", "REASON"};
    struct table t CLEANUP(table_done);
    table_init(&t, ARRAY_LEN(head));
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        TRY(table_cell(&t, str_of(head[i])));
    for (size_t i = 0; i < json_array_size(list); i++)
        TRY(put_row(&t, json_array_get(list, i)));
    return table_print(out, &t, style_of(STDOUT_FILENO));
}

static enum exit_status print_reviews(const struct command *self, const struct answer *a, bool json)
{
    const json_t *list = json_object_get(a->json, "reviews");
    struct buf out CLEANUP(buf_done) = {0};
    buf_init(&out, LIMIT_HTTP_UNSENT);
    if (json) {
        enum exit_status status = print_out(self, buf_view(&a->text));
        putchar('\n');
        return status;
    }
    if (json_array_size(list) == 0)
        return print_out(self, STR("the glass was never broken\n"));
    if (put_table(&out, list) == ERR_OK)
        return print_out(self, buf_view(&out));
    cmd_complain(self, "out of memory");
    return EXIT_REFUSED;
}

static enum exit_status reviews(const struct command *self, int argc, char **argv)
{
    struct options o = {0};
    const struct cmd_option options[] = {
        {.name = "json", .flag = &o.json},
        {.name = "socket", .value = &o.socket},
    };
    size_t n;
    struct answer a = {0};
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 0, 0, &n) != ERR_OK)
        return EXIT_USAGE;
    enum exit_status status = client_ask(self, o.socket, "GET", "/v1/reviews", NULL, &a);
    if (status == EXIT_DONE)
        status = print_reviews(self, &a, o.json);
    answer_done(&a);
    return status;
}

const struct command cmd_break_glass = {
    .name = "break-glass",
    .group = COMMANDS_APPROVE,
    .summary = "Run your own held action at once, and answer for it",
    .usage = "Usage: countersign break-glass ID --reason TEXT [--code CODE] [--socket PATH]\n"
             "\n"
             "Releases a pending request of your own without its approvals, where `break_glass:` in the\n"
             "configuration names you. Everybody who was skipped is told, the record is marked, and\n"
             "somebody else must review it; while that is overdue you cannot do it again.\n"
             "\n"
             "  --reason TEXT  why it cannot wait; needed\n"
             "  --code CODE    six digits of your authenticator, or a sealed token; without it you are\n"
             "                 asked, which leaves no trace in the shell's history\n" CLIENT_WHERE,
    .run = break_glass,
};

const struct command cmd_review = {
    .name = "review",
    .group = COMMANDS_APPROVE,
    .summary = "Close the review of a break-glass",
    .usage = "Usage: countersign review ID --reason TEXT [--socket PATH]\n"
             "\n"
             "Says that you have looked at what was released by break-glass as request ID. Never the one\n"
             "who did it: somebody who could have decided it, or an admin.\n"
             "\n"
             "  --reason TEXT  what you found; needed\n" CLIENT_WHERE,
    .run = review,
};

const struct command cmd_reviews = {
    .name = "reviews",
    .group = COMMANDS_APPROVE,
    .summary = "List what was released by break-glass",
    .usage = "Usage: countersign reviews [--json] [--socket PATH]\n"
             "\n"
             "Lists every break-glass, the newest first: who, why, and whether somebody reviewed it.\n"
             "\n"
             "  --json         the gateway's own answer (see /openapi.json)\n" CLIENT_WHERE,
    .run = reviews,
};
