/* countersign user: the people of the configuration and their tokens. */
#include "base/clock.h"
#include "base/limits.h"
#include "cmd/fetch.h"
#include "cmd/table.h"

#include <unistd.h>

struct options {
    bool list, json;
    const char *scope, *label, *expires, *revoke, *groups, *roles, *socket;
};

static struct str words_of(const json_t *list, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *word = json_string_value(json_array_get(list, i));
        int n =
            snprintf(out + used, size - used, "%s%s", i != 0 ? " " : "", word != NULL ? word : "");
        used = n > 0 && used + (size_t)n < size ? used + (size_t)n : size - 1;
    }
    return str_from(out, used);
}

static enum err people_row(struct table *t, const json_t *p)
{
    char groups[1024];
    TRY(table_cell(t, json_text(p, "name")));
    TRY(table_cell(t, words_of(json_object_get(p, "groups"), groups, sizeof(groups))));
    bool admin = json_is_true(json_object_get(p, "admin"));
    bool auditor = json_is_true(json_object_get(p, "auditor"));
    TRY(table_cell(t, admin ? STR("admin") : auditor ? STR("auditor") : STR("")));
    return table_cell(t, json_is_true(json_object_get(p, "disabled")) ? STR("disabled") : STR(""));
}

static enum err token_row(struct table *t, const json_t *k)
{
    char number[24], scopes[64];
    struct str expires = json_text(k, "expires");
    int n = snprintf(number, sizeof(number), "%llu", (unsigned long long)json_number(k, "id"));
    TRY(table_cell(t, str_from(number, (size_t)n)));
    TRY(table_cell(t, json_text(k, "person")));
    TRY(table_cell(t, json_text(k, "state")));
    TRY(table_cell(t, words_of(json_object_get(k, "scopes"), scopes, sizeof(scopes))));
    TRY(table_cell(t, expires.n != 0 ? expires : STR("never")));
    return table_cell(t, json_text(k, "label"));
}

/* A list the API gives under `key`, as a table. */
struct listing {
    const char *path, *key, *none;
    const char *head[6];
    size_t columns;
    enum err (*row)(struct table *t, const json_t *item);
};

static const struct listing people_listing = {
    "/v1/people", "people", "nobody is named under `people:`\n", {"NAME", "GROUPS", "ROLE", "STATE"}, 4,
    people_row,
};
static const struct listing token_listing = {
    "/v1/tokens",
    "tokens",
    "no tokens\n",
    {"ID", "PERSON", "STATE", "SCOPES", "EXPIRES", "LABEL"},
    6,
    token_row,
};

static enum err put_listing(struct buf *out, const struct listing *l, const json_t *items)
{
    struct table t CLEANUP(table_done);
    table_init(&t, l->columns);
    for (size_t i = 0; i < l->columns; i++)
        TRY(table_cell(&t, str_of(l->head[i])));
    for (size_t i = 0; i < json_array_size(items); i++)
        TRY(l->row(&t, json_array_get(items, i)));
    return table_print(out, &t, style_of(STDOUT_FILENO));
}

static enum exit_status print_listing(struct client *c, const struct listing *l, bool json)
{
    struct answer a;
    struct buf out CLEANUP(buf_done);
    buf_init(&out, LIMIT_HTTP_UNSENT);
    enum exit_status status = client_call(c, "GET", l->path, NULL, &a);
    if (status != EXIT_DONE)
        return status;
    const json_t *items = json_object_get(a.json, l->key);
    if (json) {
        status = print_out(c->command, buf_view(&a.text));
        putchar('\n');
    } else if (json_array_size(items) == 0) {
        status = print_out(c->command, str_of(l->none));
    } else if (put_listing(&out, l, items) == ERR_OK) {
        status = print_out(c->command, buf_view(&out));
    } else {
        cmd_complain(c->command, "out of memory");
        status = EXIT_REFUSED;
    }
    answer_done(&a);
    return status;
}

static enum exit_status create_token(struct client *c, const struct options *o, const char *person)
{
    struct answer a;
    json_t *body = json_pack("{s:s, s:s*, s:s*, s:s*}", "person", person, "scope", o->scope,
                             "label", o->label, "expires_in", o->expires);
    if (body == NULL) {
        cmd_complain(c->command, "names and labels must be UTF-8 text");
        return EXIT_USAGE;
    }
    enum exit_status status = client_call(c, "POST", "/v1/tokens", body, &a);
    json_decref(body);
    if (status != EXIT_DONE)
        return status;
    struct str token = json_text(a.json, "token"), expires = json_text(a.json, "expires");
    char scopes[64];
    struct str words = words_of(json_object_get(a.json, "scopes"), scopes, sizeof(scopes));
    fprintf(stderr, "token %llu for %s (%.*s), %s%.*s; it is shown this once:\n",
            (unsigned long long)json_number(a.json, "id"), person, STR_FMT(words),
            expires.n != 0 ? "until " : "does not expire", STR_FMT(expires));
    printf("%.*s\n", STR_FMT(token));
    answer_done(&a);
    return EXIT_DONE;
}

static enum exit_status revoke_token(struct client *c, const char *text)
{
    char path[64];
    uint64_t id;
    struct answer a;
    if (client_id(c->command, text, &id) != ERR_OK)
        return EXIT_USAGE;
    snprintf(path, sizeof(path), "/v1/tokens/%llu", (unsigned long long)id);
    enum exit_status status = client_call(c, "DELETE", path, NULL, &a);
    if (status == EXIT_DONE)
        printf("token %llu is revoked\n", (unsigned long long)id);
    answer_done(&a);
    return status;
}

static enum exit_status add_person(struct client *c, const struct options *o, const char *name)
{
    struct answer a;
    json_t *body = json_pack("{s:s, s:s*, s:s*}", "name", name, "groups", o->groups, "roles", o->roles);
    if (body == NULL) {
        cmd_complain(c->command, "names must be UTF-8 text");
        return EXIT_USAGE;
    }
    enum exit_status status = client_call(c, "POST", "/v1/people", body, &a);
    json_decref(body);
    if (status == EXIT_DONE)
        printf("%s is added; `countersign user token %s` makes a token\n", name, name);
    answer_done(&a);
    return status;
}

static enum exit_status set_disabled(struct client *c, const char *name, bool disabled)
{
    struct answer a;
    json_t *body = json_pack("{s:s}", "name", name);
    if (body == NULL) {
        cmd_complain(c->command, "names must be UTF-8 text");
        return EXIT_USAGE;
    }
    enum exit_status status =
        client_call(c, "POST", disabled ? "/v1/people/disable" : "/v1/people/enable", body, &a);
    json_decref(body);
    if (status == EXIT_DONE)
        printf("%s is %s\n", name, disabled ? "disabled: no token, vote or session of theirs is good any more"
                                           : "enabled again");
    answer_done(&a);
    return status;
}

/* What the words on the command line ask for; NULL operand where there is none. */
static enum exit_status hand_out(struct client *c, const char *person, const char *path, const char *member)
{
    struct answer a = {0};
    json_t *body = json_pack("{s:s}", "person", person);
    if (body == NULL) {
        cmd_complain(c->command, "the name must be UTF-8 text");
        return EXIT_USAGE;
    }
    enum exit_status status = client_call(c, "POST", path, body, &a);
    json_decref(body);
    if (status == EXIT_DONE)
        printf("%.*s\n", STR_FMT(json_text(a.json, member)));
    answer_done(&a);
    return status;
}

static enum exit_status carry_out(struct client *c, const struct options *o, const char *verb,
                                  const char *operand)
{
    bool token = strcmp(verb, "token") == 0;
    if (strcmp(verb, "list") == 0 && operand == NULL)
        return print_listing(c, &people_listing, o->json);
    if (token && o->list && operand == NULL)
        return print_listing(c, &token_listing, o->json);
    if (token && o->revoke != NULL && operand == NULL)
        return revoke_token(c, o->revoke);
    if (token && !o->list && o->revoke == NULL && operand != NULL)
        return create_token(c, o, operand);
    if (strcmp(verb, "totp") == 0 && operand != NULL)
        return hand_out(c, operand, "/v1/factors/totp", "uri");
    if (strcmp(verb, "seal") == 0 && operand != NULL)
        return hand_out(c, operand, "/v1/factors/sealed", "token");
    if (strcmp(verb, "add") == 0 && operand != NULL)
        return add_person(c, o, operand);
    if ((strcmp(verb, "disable") == 0 || strcmp(verb, "enable") == 0) && operand != NULL)
        return set_disabled(c, operand, verb[0] == 'd');
    cmd_complain(c->command, "use: user list, user add NAME, user disable NAME, user enable NAME, user token "
                             "NAME, user token --list, user token --revoke ID, user totp NAME, or user seal NAME");
    return EXIT_USAGE;
}

static enum exit_status run(const struct command *self, int argc, char **argv)
{
    struct options o = {0};
    const struct cmd_option options[] = {
        {.name = "expires", .value = &o.expires}, {.name = "groups", .value = &o.groups},
        {.name = "json", .flag = &o.json},        {.name = "roles", .value = &o.roles},
        {.name = "label", .value = &o.label},     {.name = "list", .flag = &o.list},
        {.name = "revoke", .value = &o.revoke},   {.name = "scope", .value = &o.scope},
        {.name = "socket", .value = &o.socket},
    };
    size_t n;
    struct client c;
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 1, 2, &n) != ERR_OK)
        return EXIT_USAGE;
    enum exit_status status = client_init(&c, self, o.socket);
    if (status == EXIT_DONE)
        status = carry_out(&c, &o, argv[0], n > 1 ? argv[1] : NULL);
    client_done(&c);
    return status;
}

const struct command cmd_user = {
    .name = "user",
    .group = COMMANDS_APPROVE,
    .summary = "People and their tokens",
    .usage =
        "Usage: countersign user list [--json]\n"
        "       countersign user add NAME [--groups \"G1 G2\"] [--roles ROLES]\n"
        "       countersign user disable NAME\n"
        "       countersign user enable NAME\n"
        "       countersign user token NAME [--scope SCOPES] [--expires 30d] [--label TEXT]\n"
        "       countersign user token --list [--json]\n"
        "       countersign user token --revoke ID\n"
        "       countersign user totp NAME\n"
        "       countersign user seal NAME\n"
        "\n"
        "People and groups are written in the configuration, under `people:`, or added here where the\n"
        "configuration names a `people_file:`. Who is disabled has no say, no session and no good\n"
        "token from that moment on, whatever groups they are in. On the gateway's own machine the\n"
        "operating system says who you are; from elsewhere a token does. All this is for an admin,\n"
        "root, or the gateway's own user. A token is printed once, alone on standard output, and only\n"
        "its hash is kept.\n"
        "\n"
        "`totp` and `seal` make a second factor for break-glass, printed once: the otpauth: URI for an\n"
        "authenticator (it takes the place of an earlier one), or a token that works once, to be kept\n"
        "in an envelope.\n"
        "\n"
        "  --groups NAMES  of the person that is added\n"
        "  --roles ROLES   auditor (sees everything), admin (that, and people and tokens)\n"
        "  --scope SCOPES  what it may be used for: act (make requests, see one's own), approve (see\n"
        "                  and decide what one may decide), audit (see everything), admin; several in\n"
        "                  quotes; never more than the person may do (\"act approve\")\n"
        "  --expires TIME  such as 12h or 30d; without it the token does not expire\n"
        "  --label TEXT    what it is for\n"
        "  --socket PATH   the gateway's local socket, instead of COUNTERSIGN_SOCKET or the usual "
        "place\n"
        "\n"
        "To use one:  COUNTERSIGN_URL=https://gateway:7070 COUNTERSIGN_TOKEN=cs_... countersign "
        "requests\n",
    .run = run,
};
