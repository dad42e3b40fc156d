/* countersign policy test|eval|explain|replay: what the guardrails say, without a gateway. */
#include "base/clock.h"
#include "base/limits.h"
#include "classify/sql.h"
#include "cmd/config_file.h"
#include "cmd/policy_replay.h"

#include <stdio.h>

struct asked {
    const char *config, *resource, *as, *sql;
    bool as_json, all;
};

/* What every subcommand works on. */
struct loaded_policy {
    struct arena arena;
    struct config *config;
};

static void loaded_policy_done(struct loaded_policy *p)
{
    config_unref(p->config);
    arena_done(&p->arena);
}

static bool load(const struct command *self, const char *path, struct loaded_policy *ret)
{
    struct diagnostics said = {NULL, 0, 0};
    arena_init(&ret->arena, LIMIT_CONFIG_ARENA);
    ret->config = NULL;
    enum err e = config_file_load(config_file_path(path), false, &ret->arena, &said, &ret->config);
    config_say(&said);
    if (e != ERR_OK && said.n_errors == 0)
        cmd_complain(self, "%s", err_text(e));
    return e == ERR_OK;
}

static void print(struct str s)
{
    fwrite(s.p, 1, s.n, stdout);
}

/* --- test ----------------------------------------------------------------------------------------- */

static enum exit_status test_run(const struct command *self, const struct config *c, struct str only)
{
    struct policy_test_count count = {0, 0};
    struct buf out;
    buf_init(&out, 64 * MIB);
    enum err e = policy_test(c->policy, &config_test_facts, only, &out, &count);
    print(buf_view(&out));
    buf_done(&out);
    if (e == ERR_NOT_FOUND)
        cmd_complain(self, "there is no guardrail `%.*s`", STR_FMT(only));
    else if (e != ERR_OK)
        cmd_complain(self, "%s", err_text(e));
    else
        printf("%zu passed, %zu failed\n", count.run - count.failed, count.failed);
    return e == ERR_OK && count.failed == 0 ? EXIT_DONE : EXIT_REFUSED;
}

/* --- eval and explain ----------------------------------------------------------------------------- */

static const struct resource *find_resource(const struct command *self, const struct config *c,
                                            const char *name)
{
    const struct resource *r = NULL;
    if (name != NULL)
        r = config_resource(c, str_of(name));
    else if (c->n_resources == 1)
        r = &c->resources[0];
    if (r == NULL && name != NULL)
        cmd_complain(self, "there is no resource `%s`", name);
    else if (r == NULL)
        cmd_complain(self, "say which resource: --resource NAME");
    return r;
}

static struct subject subject_of(const struct config *c, const char *as)
{
    struct subject s = {
        .name = as != NULL ? str_of(as) : STR("somebody"),
        .kind = STR("user"),
        .address = STR("local"),
    };
    const struct person *p = people_by_account(&c->people, s.name);
    if (p != NULL) {
        s.person = p->name;
        s.groups = p->groups;
        s.n_groups = p->n_groups;
    }
    return s;
}

static enum err explain(const struct config *c, const struct asked *q, const struct action *a,
                        struct policy_eval *e, struct arena *arena, struct buf *out)
{
    struct policy_explain_options o = {.all = q->all, .facts = true};
    struct json j;
    if (!q->as_json)
        return policy_explain_text(c->policy, e, a, o, arena, out);
    json_init(&j, out);
    TRY(policy_explain_json(c->policy, e, a, o, arena, &j));
    return buf_put_u8(out, '\n');
}

static enum err ask(const struct config *c, const struct asked *q, const struct resource *r,
                    struct arena *arena, struct buf *out)
{
    const struct session_context context = {.id = STR("none"), .address = STR("local")};
    const struct subject subject = subject_of(c, q->as);
    struct sql_facts sql;
    struct policy_eval *e;
    TRY(classify_sql(arena, str_of(q->sql), &SQL_SETTINGS_DEFAULT, &sql));
    const struct action a = {
        .kind = ACTION_SQL,
        .operation = STR("query"),
        .text = str_of(q->sql),
        .sql = &sql,
        .subject = &subject,
        .resource = r,
        .context = &context,
        .time_wall_ns = clock_wall_ns(),
    };
    TRY(policy_eval_new(&e));
    enum err err = explain(c, q, &a, e, arena, out);
    policy_eval_free(e);
    return err;
}

static enum exit_status explain_run(const struct command *self, const struct config *c,
                                    const struct asked *q)
{
    const struct resource *r = find_resource(self, c, q->resource);
    if (r == NULL)
        return EXIT_USAGE;
    struct arena arena;
    struct buf out;
    arena_init(&arena, LIMIT_ACTION_ARENA);
    buf_init(&out, 64 * MIB);
    enum err e = ask(c, q, r, &arena, &out);
    if (e == ERR_OK)
        print(buf_view(&out));
    else
        cmd_complain(self, "%s", err_text(e));
    buf_done(&out);
    arena_done(&arena);
    return e == ERR_OK ? EXIT_DONE : EXIT_REFUSED;
}

/* --- The command ---------------------------------------------------------------------------------- */

enum what { WHAT_TEST = 1, WHAT_EVAL, WHAT_EXPLAIN };

static int what_of(const char *word)
{
    static const char *const words[] = {"test", "eval", "explain"};
    for (size_t i = 0; word != NULL && i < ARRAY_LEN(words); i++)
        if (strcmp(word, words[i]) == 0)
            return (int)i + WHAT_TEST;
    return 0;
}

static enum exit_status run(const struct command *self, int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "replay") == 0)
        return policy_replay_main(self, argc, argv);
    struct asked q = {.config = NULL};
    size_t n;
    const struct cmd_option options[] = {
        {.name = "config", .letter = 'c', .value = &q.config},
        {.name = "resource", .value = &q.resource},
        {.name = "as", .value = &q.as},
        {.name = "sql", .value = &q.sql},
        {.name = "json", .flag = &q.as_json},
    };
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 1, 2, &n) != ERR_OK)
        return EXIT_USAGE;
    int what = what_of(argv[0]);
    if (what == 0 || (what != WHAT_TEST && (q.sql == NULL || n != 1))) {
        cmd_complain(self, what == 0 ? "say test, eval, explain or replay" : "say which statement: --sql TEXT");
        return EXIT_USAGE;
    }
    struct loaded_policy p;
    enum exit_status status = EXIT_REFUSED;
    q.all = what == WHAT_EXPLAIN;
    if (load(self, q.config, &p))
        status = what == WHAT_TEST
                     ? test_run(self, p.config, n == 2 ? str_of(argv[1]) : (struct str){NULL, 0})
                     : explain_run(self, p.config, &q);
    loaded_policy_done(&p);
    return status;
}

const struct command cmd_policy = {
    .name = "policy",
    .group = COMMANDS_POLICY,
    .summary = "Run the guardrails' tests, or ask what they say of a statement",
    .usage = "Usage: countersign policy test [-c FILE] [GUARDRAIL]\n"
             "       countersign policy eval [-c FILE] [--resource NAME] [--as ACCOUNT] --sql TEXT [--json]\n"
             "       countersign policy explain [-c FILE] [--resource NAME] [--as ACCOUNT] --sql TEXT [--json]\n"
             "       countersign policy replay [-c FILE] [--since WHEN] [--until WHEN] [--log DIRECTORY]\n"
             "                                 [--jobs N] [--examples N] [--json]\n"
             "\n"
             "test runs the tests of one guardrail or of all and shows what was expected and what\n"
             "came. eval prints the verdict, the guardrails that match and the facts; explain also\n"
             "those that do not match, each with the part of its condition that decided. replay runs\n"
             "the configuration over the actions in the log and reports what it would have decided\n"
             "differently, per guardrail, and how many requests it would have given to whom.\n"
             "\n"
             "  -c, --config FILE    the configuration (default: countersign.yaml)\n"
             "      --resource NAME  which resource (may be left out where there is one)\n"
             "      --as ACCOUNT     who asks (default: somebody unknown)\n"
             "      --sql TEXT       the statement\n"
             "      --json           print the result as JSON\n"
             "      --since WHEN     from when on: 30d (the default), 2026-11-22, 2026-11-22T17:20:00Z\n"
             "      --until WHEN     until when (default: now)\n"
             "      --log DIRECTORY  the log (default: the one the configuration names)\n"
             "  -j, --jobs N         processes that share the work (default: one a core)\n"
             "      --examples N     examples of each guardrail (default: 3, at most 20)\n"
             "\n"
             "Exit status: 0 done, 1 a test fails or the configuration has errors, 2 wrong use.\n",
    .run = run,
};
