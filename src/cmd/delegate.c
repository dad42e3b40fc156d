/* countersign delegate: who decides in whose place. */
#include "base/clock.h"
#include "base/limits.h"
#include "cmd/fetch.h"
#include "cmd/table.h"

#include <time.h>
#include <unistd.h>

struct options {
    bool json;
    const char *to, *until, *reason, *revoke, *socket;
};

/* "2026-11-30", "2026-11-30T18:00" in local time, or in UTC with a Z: seconds since 1970. */
static bool date_of(const char *text, int64_t *ret)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M",
                                        "%Y-%m-%d"};
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct tm t = {.tm_isdst = -1};
        const char *end = strptime(text, forms[i], &t);
        if (end == NULL || (*end != '\0' && strcmp(end, "Z") != 0))
            continue;
        *ret = *end == 'Z' ? (int64_t)timegm(&t) : (int64_t)mktime(&t);
        return true;
    }
    return false;
}

/* A duration as it is, a date as what is left until then. */
static enum err within_of(const char *until, char out[static CLOCK_TEXT])
{
    int64_t ns, at;
    if (duration_parse(str_of(until), &ns) == ERR_OK)
        return snprintf(out, CLOCK_TEXT, "%s", until) < CLOCK_TEXT ? ERR_OK : ERR_INVALID;
    if (!date_of(until, &at))
        return ERR_INVALID;
    int64_t left = at - clock_wall_ns() / NS_PER_S;
    if (left <= 0 || left > 366 * 86400)
        return ERR_LIMIT;
    snprintf(out, CLOCK_TEXT, "%llds", (long long)left);
    return ERR_OK;
}

static enum exit_status create(struct client *c, const struct options *o)
{
    char within[CLOCK_TEXT];
    struct answer a;
    enum err e = within_of(o->until, within);
    if (e != ERR_OK) {
        cmd_complain(c->command, e == ERR_LIMIT
                                     ? "--until is in the past or too far away"
                                     : "--until takes 2026-11-30, 2026-11-30T18:00, or a time from now: 8h, 14d");
        return EXIT_USAGE;
    }
    json_t *body = json_pack("{s:s, s:s, s:s*}", "to", o->to, "within", within, "reason", o->reason);
    if (body == NULL) {
        cmd_complain(c->command, "names and reasons must be UTF-8 text");
        return EXIT_USAGE;
    }
    enum exit_status status = client_call(c, "POST", "/v1/delegations", body, &a);
    json_decref(body);
    if (status == EXIT_DONE)
        printf("delegation %llu: %s decides in your place until %.*s\n",
               (unsigned long long)json_number(a.json, "id"), o->to,
               STR_FMT(json_text(a.json, "until")));
    answer_done(&a);
    return status;
}

static enum exit_status end_it(struct client *c, const struct options *o)
{
    char path[64];
    uint64_t id;
    struct answer a;
    if (client_id(c->command, o->revoke, &id) != ERR_OK)
        return EXIT_USAGE;
    snprintf(path, sizeof(path), "/v1/delegations/%llu", (unsigned long long)id);
    enum exit_status status = client_call(c, "DELETE", path, NULL, &a);
    if (status == EXIT_DONE)
        printf("delegation %llu is over\n", (unsigned long long)id);
    answer_done(&a);
    return status;
}

static enum err put_table(struct buf *out, const json_t *list)
{
    static const char *const head[] = {"ID", "FOR", "DECIDES", "UNTIL", "REASON"};
    static const char *const keys[] = {"from", "to", "until", "reason"};
    struct table t CLEANUP(table_done);
    table_init(&t, ARRAY_LEN(head));
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        TRY(table_cell(&t, str_of(head[i])));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *d = json_array_get(list, i);
        char id[24];
        int n = snprintf(id, sizeof(id), "%llu", (unsigned long long)json_number(d, "id"));
        TRY(table_cell(&t, str_from(id, (size_t)n)));
        for (size_t k = 0; k < ARRAY_LEN(keys); k++)
            TRY(table_cell(&t, json_text(d, keys[k])));
    }
    return table_print(out, &t, style_of(STDOUT_FILENO));
}

static enum exit_status print_list(struct client *c, const struct options *o)
{
    struct answer a;
    struct buf out CLEANUP(buf_done) = {0};
    buf_init(&out, LIMIT_HTTP_UNSENT);
    enum exit_status status = client_call(c, "GET", "/v1/delegations", NULL, &a);
    if (status != EXIT_DONE)
        return status;
    const json_t *items = json_object_get(a.json, "delegations");
    if (o->json) {
        status = print_out(c->command, buf_view(&a.text));
        putchar('\n');
    } else if (json_array_size(items) == 0)
        status = print_out(c->command, STR("nobody stands in for anybody\n"));
    else if (put_table(&out, items) == ERR_OK)
        status = print_out(c->command, buf_view(&out));
    else
        status = EXIT_REFUSED;
    answer_done(&a);
    return status;
}

static enum exit_status run(const struct command *self, int argc, char **argv)
{
    struct options o = {0};
    const struct cmd_option options[] = {
        {.name = "json", .flag = &o.json},       {.name = "reason", .value = &o.reason},
        {.name = "revoke", .value = &o.revoke},  {.name = "socket", .value = &o.socket},
        {.name = "to", .value = &o.to},          {.name = "until", .value = &o.until},
    };
    struct client c;
    size_t n;
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 0, 0, &n) != ERR_OK)
        return EXIT_USAGE;
    if ((o.to != NULL) != (o.until != NULL) || (o.to != NULL && o.revoke != NULL)) {
        cmd_complain(self, "use: delegate --to NAME --until WHEN, delegate --revoke ID, or delegate");
        return EXIT_USAGE;
    }
    enum exit_status status = client_init(&c, self, o.socket);
    if (status == EXIT_DONE)
        status = o.to != NULL ? create(&c, &o) : o.revoke != NULL ? end_it(&c, &o) : print_list(&c, &o);
    client_done(&c);
    return status;
}

const struct command cmd_delegate = {
    .name = "delegate",
    .group = COMMANDS_APPROVE,
    .summary = "Let somebody decide in your place while you are away",
    .usage =
        "Usage: countersign delegate [--to NAME --until WHEN [--reason TEXT] | --revoke ID] [--json]\n"
        "\n"
        "Without options: who stands in for whom now.\n"
        "\n"
        "  --to NAME      who decides in your place, with your groups: not about your requests or\n"
        "                 their own, not where you vote yourself, and they cannot pass it on\n"
        "  --until WHEN   2026-11-30, 2026-11-30T18:00 (local time), or from now: 8h, 14d; at most 90d\n"
        "  --reason TEXT  for the record\n"
        "  --revoke ID    end it; votes that were given by it count no longer\n"
        "  --json         the list as the API gives it\n"
        "  --socket PATH  the gateway's local socket, instead of COUNTERSIGN_SOCKET or the usual place\n",
    .run = run,
};
