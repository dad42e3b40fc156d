/* countersign show: one request, complete. */
#include "cmd/fetch.h"

static enum exit_status show_it(struct client *c, uint64_t id, bool json)
{
    struct fetched f;
    enum exit_status status = fetch_request(c, id, &f);
    if (status != EXIT_DONE)
        return status;
    if (!json) {
        status = print_request(c->command, show_request, &f);
    } else {
        status = print_out(c->command, buf_view(&f.answer.text));
        putchar('\n');
    }
    fetched_done(&f);
    return status;
}

static enum exit_status run(const struct command *self, int argc, char **argv)
{
    bool json = false;
    const char *socket = NULL;
    const struct cmd_option options[] = {
        {.name = "json", .flag = &json},
        {.name = "socket", .value = &socket},
    };
    size_t n;
    uint64_t id;
    struct client c;
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 1, 1, &n) != ERR_OK ||
        client_id(self, argv[0], &id) != ERR_OK)
        return EXIT_USAGE;
    enum exit_status status = client_init(&c, self, socket);
    if (status == EXIT_DONE)
        status = show_it(&c, id, json);
    client_done(&c);
    return status;
}

const struct command cmd_show = {
    .name = "show",
    .group = COMMANDS_APPROVE,
    .summary = "One request, complete: what would run, who asks, why it waits",
    .usage =
        "Usage: countersign show ID [--json] [--socket PATH]\n"
        "\n"
        "Shows who wants to do what to which resource, the complete action with its parameters,\n"
        "why it was held, who may decide, who did, and how long there is. Nothing is cut. What is\n"
        "invisible or imitates other characters is written as ⟦U+XXXX⟧.\n"
        "\n"
        "The digest at the end is computed here, from exactly what is shown; give it to `approve\n"
        "--digest` and nothing else can be approved by mistake.\n"
        "\n"
        "  --json         the gateway's own answer (see /openapi.json)\n"
        CLIENT_WHERE,
    .run = run,
};
