/* countersign check: everything that is wrong with a configuration, or that nothing is. */
#include "base/limits.h"
#include "cmd/config_file.h"

#include <stdio.h>

static enum err report_json(struct buf *out, struct str path, const struct diagnostics *said,
                            const struct config *c)
{
    struct json j;
    json_init(&j, out);
    json_object_begin(&j);
    json_put_str(&j, "path", path);
    json_put_bool(&j, "ok", c != NULL);
    if (c != NULL) {
        json_put_str(&j, "policy_version", c->version);
        json_put_int(&j, "resources", (int64_t)c->n_resources);
        json_put_int(&j, "people", (int64_t)c->people.n);
        json_put_int(&j, "guardrails", (int64_t)policy_count(c->policy));
    }
    json_key(&j, "problems");
    json_array_begin(&j);
    for (size_t i = 0; i < said->n; i++)
        diagnostic_json(&j, &said->list[i]);
    json_array_end(&j);
    json_object_end(&j);
    TRY(json_end(&j));
    return buf_put_u8(out, '\n');
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static void report_text(struct str path, const struct diagnostics *said, const struct config *c)
{
    config_say(said);
    if (c == NULL) {
        fprintf(stderr, "%.*s: %zu error%s\n", STR_FMT(path), said->n_errors, plural(said->n_errors));
        return;
    }
    size_t guardrails = policy_count(c->policy);
    printf("%.*s: ok: %zu resource%s, %zu %s, %zu guardrail%s (policy version %.12s)\n", STR_FMT(path),
           c->n_resources, plural(c->n_resources), c->people.n, c->people.n == 1 ? "person" : "people",
           guardrails, plural(guardrails), c->version.p);
}

static enum exit_status check(const struct command *self, struct str path, bool as_json)
{
    struct arena scratch;
    struct diagnostics said = {NULL, 0, 0};
    struct config *c = NULL;
    arena_init(&scratch, LIMIT_CONFIG_ARENA);
    enum err e = config_file_load(path, true, &scratch, &said, &c);
    enum exit_status status = e == ERR_OK ? EXIT_DONE : EXIT_REFUSED;
    struct buf out;
    buf_init(&out, 16 * MIB);
    if (e != ERR_OK && e != ERR_INVALID)
        cmd_complain(self, "%s", err_text(e));
    else if (!as_json)
        report_text(path, &said, c);
    else if (report_json(&out, path, &said, c) == ERR_OK)
        fwrite(buf_view(&out).p, 1, buf_len(&out), stdout);
    buf_done(&out);
    config_unref(c);
    arena_done(&scratch);
    return status;
}

static enum exit_status run(const struct command *self, int argc, char **argv)
{
    const char *path = NULL;
    bool as_json = false;
    size_t n;
    const struct cmd_option options[] = {
        {.name = "config", .letter = 'c', .value = &path},
        {.name = "json", .flag = &as_json},
    };
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 0, 0, &n) != ERR_OK)
        return EXIT_USAGE;
    return check(self, config_file_path(path), as_json);
}

const struct command cmd_check = {
    .name = "check",
    .group = COMMANDS_POLICY,
    .summary = "Check a configuration, its guardrails and their tests",
    .usage = "Usage: countersign check [-c FILE] [--json]\n"
             "\n"
             "Reads the configuration and what it includes, compiles every condition, checks that\n"
             "every quorum can be met and runs the tests of the guardrails. Prints each problem with\n"
             "its place and a hint.\n"
             "\n"
             "  -c, --config FILE  the configuration (default: countersign.yaml)\n"
             "      --json         print the result as JSON\n"
             "\n"
             "Exit status: 0 nothing is wrong, 1 there are errors, 2 wrong use.\n",
    .run = run,
};
