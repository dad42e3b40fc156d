/*
 * What the classifier and the ready pack say of statements with known effects, from the text or message alone (no
 * server): for each record, its class is among those found, nothing with an effect is only a read, and the pack holds
 * what it must and nothing that must pass.
 *
 *   sql_runner PACK ELSEWHERE FILE...
 *
 * ELSEWHERE lists records that the text cannot settle, with who does; one that passes all the same is a failure too,
 * so the list stays true.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "classify/sql.h"
#include "model/verdict.h"
#include "policy/config.h"

struct named {
    struct str name;
    struct sql_facts facts;
};

enum { MOST_NAMED = 16 };

/* What one record's session did and was told. */
struct session {
    struct arena arena;
    struct sql_settings settings;
    struct named statements[MOST_NAMED], cursors[MOST_NAMED];
    size_t n_statements, n_cursors;
    uint32_t classes;
    bool held;
};

struct runner {
    struct config *config;
    struct policy_eval *eval;
    struct arena arena;
    struct resource resource;
    json_t *elsewhere;
    size_t passed, failed;
};

static void stop(const char *why)
{
    fprintf(stderr, "sql_runner: %s\n", why);
    exit(2);
}

/* --- Session ---------------------------------------------------------------------------------- */

static const struct sql_facts *find(const struct named *v, size_t n, struct str name)
{
    for (size_t i = n; i-- > 0;)
        if (str_eq(v[i].name, name))
            return &v[i].facts;
    return NULL;
}

static const struct sql_facts *find_statement(void *ctx, struct str name)
{
    const struct session *s = ctx;
    return find(s->statements, s->n_statements, name);
}

static const struct sql_facts *find_cursor(void *ctx, struct str name)
{
    const struct session *s = ctx;
    return find(s->cursors, s->n_cursors, name);
}

static void remember(struct named *v, size_t *n, struct str name, const struct sql_facts *facts)
{
    if (*n == MOST_NAMED)
        stop("a record names too many statements");
    v[(*n)++] = (struct named){name, *facts};
}

static void judge(struct runner *r, struct session *s, struct str text, const struct sql_facts *facts)
{
    struct subject subject = {.name = STR("gi_app"), .kind = STR("user")};
    struct session_context context = {.database = STR("shop")};
    struct action action = {.kind = ACTION_SQL,
                            .operation = STR("query"),
                            .text = text,
                            .sql = facts,
                            .subject = &subject,
                            .resource = &r->resource,
                            .context = &context};
    struct policy_run *run = NULL;
    struct decision decision;
    arena_reset(&r->arena);
    if (policy_decide(r->config->policy, r->eval, &action, &run, &r->arena, &decision) != ERR_OK)
        stop("no decision");
    s->classes |= facts->classes;
    s->held = s->held || decision.verdict != VERDICT_ALLOW;
}

static void run_facts(struct runner *r, struct session *s, struct str text, const struct sql_facts *facts)
{
    struct sql_facts resolved;
    struct sql_names_known known = {find_statement, find_cursor, s};
    if (sql_facts_resolve(&s->arena, facts, &known, &resolved) != ERR_OK)
        stop("facts do not resolve");
    judge(r, s, text, &resolved);
    for (size_t i = 0; i < facts->n_named; i++) {
        const struct sql_named *n = &facts->named[i];
        if (n->op == SQL_NAMED_PREPARE)
            remember(s->statements, &s->n_statements, n->name, n->facts);
        if (n->op == SQL_NAMED_DECLARE)
            remember(s->cursors, &s->n_cursors, n->name, n->facts);
    }
    for (size_t i = 0; i < facts->n_setting_changes; i++)
        if (str_is(facts->setting_changes[i].name, "standard_conforming_strings"))
            s->settings.standard_conforming_strings =
                str_is(facts->setting_changes[i].value, "off") ? SQL_OFF : SQL_ON;
}

static struct sql_facts classify(struct session *s, struct str text)
{
    struct sql_facts f;
    if (classify_sql(&s->arena, text, &s->settings, &f) != ERR_OK)
        stop("facts cannot be had");
    return f;
}

static void query(struct runner *r, struct session *s, const char *text)
{
    struct sql_facts f = classify(s, str_of(text));
    run_facts(r, s, str_of(text), &f);
}

/* --- Messages --------------------------------------------------------------------------------- */

static struct str text_of(const json_t *m, const char *key)
{
    return str_of(json_string_value(json_object_get(m, key)));
}

static void message(struct runner *r, struct session *s, const json_t *m)
{
    struct str t = text_of(m, "t");
    const struct sql_facts *f;
    if (str_is(t, "Query")) {
        query(r, s, text_of(m, "query").p);
    } else if (str_is(t, "Parse")) {
        struct sql_facts parsed = classify(s, text_of(m, "query"));
        remember(s->statements, &s->n_statements, text_of(m, "name"), &parsed);
    } else if (str_is(t, "Bind")) {
        f = find(s->statements, s->n_statements, text_of(m, "stmt"));
        if (f != NULL)
            remember(s->cursors, &s->n_cursors, text_of(m, "portal"), f);
    } else if (str_is(t, "Execute")) {
        f = find(s->cursors, s->n_cursors, text_of(m, "portal"));
        if (f != NULL)
            run_facts(r, s, STR("execute"), f);
    } else if (str_is(t, "FunctionCall")) {
        struct sql_facts call; /* the OIDs that these two have in every PostgreSQL */
        uint32_t oid = str_is(text_of(m, "func"), "lo_unlink(oid)")    ? 964
                       : str_is(text_of(m, "func"), "lo_import(text)") ? 764
                                                                       : 99999;
        if (classify_function_call(&s->arena, oid, &call) != ERR_OK)
            stop("facts cannot be had");
        judge(r, s, STR("function call"), &call);
    } else if (str_is(t, "Raw2") || str_is(t, "Dribble") || str_is(t, "SendOnly")) {
        const json_t *inner = json_object_get(m, "m");
        if (!json_is_array(inner)) {
            message(r, s, inner);
            return;
        }
        for (size_t i = 0; i < json_array_size(inner) && !str_is(text_of(json_array_get(inner, i), "t"), "Terminate"); i++)
            message(r, s, json_array_get(inner, i));
    }
}

static void startup(struct runner *r, struct session *s, const json_t *params)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)params, key, value)
    {
        struct sql_facts f;
        struct str name = str_of(key), text = str_of(json_string_value(value)), head, tail;
        if (str_is(name, "replication")) {
            s->settings.replication = true;
            continue;
        }
        /* One option is all that the records give: "-c name=value" or "--name=value". */
        if (str_is(name, "options") && str_cut(text, '=', &head, &tail)) {
            name = str_trim(str_from(head.p + 2, head.n - 2));
            text = tail;
        }
        if (classify_startup_setting(&s->arena, name, text, &f) != ERR_OK)
            stop("facts cannot be had");
        judge(r, s, STR("startup"), &f);
        if (str_is(name, "standard_conforming_strings"))
            s->settings.standard_conforming_strings = str_is(text, "off") ? SQL_OFF : SQL_ON;
    }
}

/* --- Records ---------------------------------------------------------------------------------- */

static bool lasting(const json_t *record)
{
    const json_t *effects = json_object_get(json_object_get(record, "verified"), "observed_effects");
    for (size_t i = 0; i < json_array_size(effects); i++) {
        struct str e = str_of(json_string_value(json_array_get(effects, i)));
        if (!str_starts(e, STR("session:")) && !str_is(e, "advisory_lock") && !str_is(e, "notify"))
            return true;
    }
    return false;
}

static void play(struct runner *r, struct session *s, const json_t *record)
{
    const json_t *list;
    startup(r, s, json_object_get(record, "startup_params"));
    if (json_object_get(record, "sql") != NULL)
        query(r, s, json_string_value(json_object_get(record, "sql")));
    list = json_object_get(record, "statements");
    for (size_t i = 0; i < json_array_size(list); i++)
        query(r, s, json_string_value(json_array_get(list, i)));
    list = json_object_get(record, "messages");
    for (size_t i = 0; i < json_array_size(list); i++)
        message(r, s, json_array_get(list, i));
}

/* NULL where all claims hold. */
static const char *complaint(const struct session *s, const json_t *record)
{
    struct str want = text_of(record, "expected_class");
    const json_t *hold = json_object_get(record, "hold");
    bool found = false;
    for (unsigned i = 0; i < SQL_CLASS_COUNT; i++)
        found = found || ((s->classes >> i & 1) != 0 && str_eq(want, sql_class_name(i)));
    if (!found)
        return "its class is not among those found";
    if (lasting(record) && (s->classes & ~(uint32_t)(SQL_READ | SQL_MULTI)) == 0)
        return "it has effects and counts as a read";
    if (json_is_true(hold) && !s->held)
        return "the pack lets it pass";
    if (json_is_false(hold) && s->held)
        return "the pack holds it";
    return NULL;
}

static void run_record(struct runner *r, const json_t *record)
{
    struct session *s = calloc(1, sizeof(*s));
    if (s == NULL)
        stop("out of memory");
    arena_init(&s->arena, LIMIT_ACTION_ARENA);
    s->settings = SQL_SETTINGS_DEFAULT;
    play(r, s, record);
    struct str id = text_of(record, "id");
    const char *why = complaint(s, record);
    bool elsewhere = json_object_get(r->elsewhere, id.p) != NULL;
    if (elsewhere)
        why = why == NULL ? "it is listed as not settled by the text, but is" : NULL;
    if (why != NULL) {
        printf("not ok %s: %s; found", id.p, why);
        for (unsigned i = 0; i < SQL_CLASS_COUNT; i++)
            if ((s->classes >> i & 1) != 0)
                printf(" %.*s", STR_FMT(sql_class_name(i)));
        printf("\n");
    }
    r->failed += why != NULL;
    r->passed += why == NULL;
    arena_done(&s->arena);
    free(s);
}

static void run_file(struct runner *r, const char *path)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t size = 0;
    json_error_t error;
    if (f == NULL)
        stop(path);
    while (getline(&line, &size, f) > 0) {
        json_t *record = json_loads(line, 0, &error);
        if (record == NULL)
            stop(error.text);
        run_record(r, record);
        json_decref(record);
    }
    free(line);
    fclose(f);
}

/* --- The pack --------------------------------------------------------------------------------- */

static enum err read_text(void *ctx, struct str path, struct buf *out)
{
    static const char main_text[] = "version: 1\ninclude: [pack.yaml]\n"
                                    "resources:\n"
                                    "  - { name: shop, type: postgres, listen: '127.0.0.1:6432',\n"
                                    "      upstream: 'postgresql://db:5432', labels: { env: production } }\n"
                                    "people: { ana: { groups: [dba] }, bo: { groups: [dba] } }\n"
                                    "defaults: { approvals: { from: [dba] } }\n";
    char chunk[4096];
    if (str_ends(path, STR("main.yaml")))
        return buf_put(out, main_text, sizeof(main_text) - 1);
    FILE *f = fopen(ctx, "r");
    if (f == NULL)
        return ERR_NOT_FOUND;
    enum err e = ERR_OK;
    for (size_t n; e == ERR_OK && (n = fread(chunk, 1, sizeof(chunk), f)) > 0;)
        e = buf_put(out, chunk, n);
    fclose(f);
    return e;
}

static enum err test_facts(void *ctx, struct str text, struct arena *a, const struct sql_facts **ret)
{
    (void)ctx;
    struct sql_settings settings = SQL_SETTINGS_DEFAULT;
    struct sql_facts *f = arena_new(a, struct sql_facts);
    if (f == NULL)
        return ERR_NOMEM;
    TRY(classify_sql(a, text, &settings, f));
    *ret = f;
    return ERR_OK;
}

static void load_pack(struct runner *r, char *path)
{
    struct arena scratch;
    struct diagnostics said;
    struct policy_test_facts tests = {NULL, test_facts};
    struct config_source source = {STR("main.yaml"), path, read_text, &tests};
    arena_init(&scratch, LIMIT_CONFIG_ARENA);
    enum err e = config_load(&source, &scratch, &said, &r->config);
    if (said.n != 0) {
        struct buf out;
        buf_init(&out, MIB);
        for (size_t i = 0; i < said.n; i++)
            if (diagnostic_text(&out, &said.list[i]) != ERR_OK)
                stop("the diagnostics are too long");
        if (buf_len(&out) != 0)
            fprintf(stderr, "%.*s", STR_FMT(buf_view(&out)));
        buf_done(&out);
    }
    if (e != ERR_OK)
        stop("the pack does not load");
    r->resource = r->config->resources[0];
    arena_done(&scratch);
}

int main(int argc, char **argv)
{
    struct runner r = {.passed = 0};
    json_error_t error;
    if (argc < 4)
        stop("usage: sql_runner PACK ELSEWHERE FILE...");
    arena_init(&r.arena, LIMIT_ACTION_ARENA);
    load_pack(&r, argv[1]);
    r.elsewhere = json_load_file(argv[2], 0, &error);
    if (r.elsewhere == NULL || policy_eval_new(&r.eval) != ERR_OK)
        stop("cannot start");
    for (int i = 3; i < argc; i++)
        run_file(&r, argv[i]);
    printf("%zu passed, %zu failed\n", r.passed, r.failed);
    policy_eval_free(r.eval);
    config_unref(r.config);
    json_decref(r.elsewhere);
    arena_done(&r.arena);
    return r.failed != 0;
}
