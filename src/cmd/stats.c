/* countersign stats: how fast and how often people approve. */
#include "base/limits.h"
#include "cmd/fetch.h"
#include "cmd/table.h"

#include <unistd.h>

static enum err put_row(struct table *t, const char *kind, const json_t *s)
{
    char text[64];
    int n;
    TRY(table_cell(t, str_of(kind)));
    TRY(table_cell(t, json_text(s, "name")));
    n = snprintf(text, sizeof(text), "%llu", (unsigned long long)json_number(s, "approvals"));
    TRY(table_cell(t, str_from(text, (size_t)n)));
    n = snprintf(text, sizeof(text), "%llu", (unsigned long long)json_number(s, "rejections"));
    TRY(table_cell(t, str_from(text, (size_t)n)));
    n = snprintf(text, sizeof(text), "%.1fs", json_number_value(json_object_get(s, "median_seconds")));
    TRY(table_cell(t, str_from(text, (size_t)n)));
    n = snprintf(text, sizeof(text), "%.0f%%", 100 * json_number_value(json_object_get(s, "share_under_5s")));
    return table_cell(t, str_from(text, (size_t)n));
}

static enum err put_table(struct buf *out, const json_t *answer)
{
    static const char *const head[] = {"BY", "NAME", "APPROVED", "REJECTED", "MEDIAN", "UNDER 5S"};
    const json_t *approvers = json_object_get(answer, "approvers");
    const json_t *guardrails = json_object_get(answer, "guardrails");
    struct table t CLEANUP(table_done);
    table_init(&t, ARRAY_LEN(head));
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        TRY(table_cell(&t, str_of(head[i])));
    for (size_t i = 0; i < json_array_size(approvers); i++)
        TRY(put_row(&t, "approver", json_array_get(approvers, i)));
    for (size_t i = 0; i < json_array_size(guardrails); i++)
        TRY(put_row(&t, "guardrail", json_array_get(guardrails, i)));
    return table_print(out, &t, style_of(STDOUT_FILENO));
}

static enum exit_status print_stats(const struct command *self, const struct answer *a, bool json)
{
    struct buf out CLEANUP(buf_done) = {0};
    buf_init(&out, LIMIT_HTTP_UNSENT);
    if (json) {
        enum exit_status status = print_out(self, buf_view(&a->text));
        putchar('\n');
        return status;
    }
    if (json_array_size(json_object_get(a->json, "approvers")) == 0)
        return print_out(self, STR("nobody has voted in that time\n"));
    if (put_table(&out, a->json) == ERR_OK)
        return print_out(self, buf_view(&out));
    cmd_complain(self, "out of memory");
    return EXIT_REFUSED;
}

static enum exit_status run(const struct command *self, int argc, char **argv)
{
    bool json = false;
    const char *days = "30", *socket = NULL;
    const struct cmd_option options[] = {
        {.name = "days", .value = &days},
        {.name = "json", .flag = &json},
        {.name = "socket", .value = &socket},
    };
    char path[64];
    size_t n;
    uint64_t number;
    struct answer a = {0};
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 0, 0, &n) != ERR_OK)
        return EXIT_USAGE;
    if (str_to_u64(str_of(days), &number) != ERR_OK || number == 0 || number > 3660) {
        cmd_complain(self, "--days is a number from 1 to 3660");
        return EXIT_USAGE;
    }
    snprintf(path, sizeof(path), "/v1/stats?days=%llu", (unsigned long long)number);
    enum exit_status status = client_ask(self, socket, "GET", path, NULL, &a);
    if (status == EXIT_DONE)
        status = print_stats(self, &a, json);
    answer_done(&a);
    return status;
}

const struct command cmd_stats = {
    .name = "stats",
    .group = COMMANDS_APPROVE,
    .summary = "How fast and how often people approve",
    .usage = "Usage: countersign stats [--days N] [--json] [--socket PATH]\n"
             "\n"
             "By approver and by guardrail: how many approvals and rejections, the median time from the\n"
             "request to the approval, and the share of approvals within five seconds. Many of those say\n"
             "that nobody reads any more what is approved: narrow the guardrail, or let people grant.\n"
             "\n"
             "  --days N       of the last N days (30)\n"
             "  --json         the gateway's own answer (see /openapi.json)\n"
             CLIENT_WHERE,
    .run = run,
};
