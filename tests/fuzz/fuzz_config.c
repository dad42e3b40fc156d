/*
 * The configuration: whatever the bytes, it loads or says why; every diagnostic can be rendered and points into the
 * file; and what loads decides. The part after a NUL is a second file, `b`, which the first may include.
 */
#include "base/limits.h"
#include "classify/sql.h"
#include "policy/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

static void render(const struct diagnostics *said)
{
    struct buf out;
    struct json j;
    size_t errors = 0;
    buf_init(&out, 64 * MIB);
    for (size_t i = 0; i < said->n; i++) {
        errors += said->list[i].severity == SEVERITY_ERROR;
        must(said->list[i].message.n > 0);
        must(diagnostic_text(&out, &said->list[i]) == ERR_OK);
        json_init(&j, &out);
        diagnostic_json(&j, &said->list[i]);
        must(json_end(&j) == ERR_OK);
    }
    must(errors <= said->n_errors && said->n <= LIMIT_CONFIG_PROBLEMS);
    buf_done(&out);
}

/* A decision is one of the three, and only a hold has people to ask. */
static void decide(const struct config *c, struct arena *a)
{
    static const struct subject subject = {.name = STR_INIT("ana"), .kind = STR_INIT("user")};
    static const struct session_context context = {.id = STR_INIT("s")};
    struct policy_run *run = NULL;
    struct policy_eval *e;
    struct sql_facts sql;
    struct decision d;
    if (c->n_resources == 0)
        return;
    must(classify_sql(a, STR("DELETE FROM t WHERE id = 1"), &SQL_SETTINGS_DEFAULT, &sql) == ERR_OK);
    must(policy_eval_new(&e) == ERR_OK);
    struct action action = {.kind = ACTION_SQL, .sql = &sql, .subject = &subject, .context = &context,
                            .resource = c->resources};
    must(policy_decide(c->policy, e, &action, &run, a, &d) == ERR_OK);
    must(d.verdict == VERDICT_ALLOW || d.verdict == VERDICT_HOLD || d.verdict == VERDICT_DENY);
    must((d.verdict == VERDICT_HOLD) == (d.quorum.n_reqs != 0));
    for (size_t i = 0; i < d.n_matched; i++)
        must(d.matched[i].message.n != 0);
    policy_eval_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = str_from(data, size), second = STR("");
    struct config_file files[] = {{STR("a"), all}, {STR("b"), STR("")}};
    struct diagnostics said;
    struct config *c = NULL;
    struct arena scratch;
    if (size > 64 * KIB)
        return 0;
    if (str_cut(all, '\0', &files[0].text, &second))
        files[1].text = second;
    arena_init(&scratch, LIMIT_CONFIG_ARENA);
    enum err e = config_from_files(files, 2, &scratch, &said, &c);
    must(e == ERR_OK || e == ERR_INVALID);
    must((e == ERR_INVALID) == (said.n_errors != 0));
    render(&said);
    if (e == ERR_OK) {
        must(c->version.n == DIGEST_HEX);
        for (size_t i = 0; i < c->n_resources; i++)
            must(config_resource(c, c->resources[i].name) == &c->resources[i]);
        decide(c, &scratch);
    }
    config_unref(c);
    arena_done(&scratch);
    return 0;
}
