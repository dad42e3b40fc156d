/*
 * The `tests:` of guardrails. A test asks one guardrail alone: what it says of the action, or the
 * resource's default where it does not match, as if its mode were enforce.
 */
#include "policy/compiler.h"

#include "base/nearest.h"
#include "policy/change.h"
#include "model/lazy_facts.h"
#include "model/policy_change.h"
#include "model/sql_facts.h"

/* A Monday noon: 2026-01-05T12:00:00Z, unless the test's facts say otherwise. */
static const int64_t test_time_ns = INT64_C(1767614400) * 1000000000;

/* --- Resolving names ------------------------------------------------------------------------------ */

/* The fact called `name`, under the prefix ("sql.") where it has no dot. */
static const struct cel_variable *fact_find(const struct facts *f, const char *prefix, struct str name)
{
    char full[128];
    size_t n = strlen(prefix);
    if (memchr(name.p, '.', name.n) != NULL || str_is(name, "now"))
        return cel_schema_find(f->schema, name);
    if (name.n + n > sizeof(full))
        return NULL;
    memcpy(full, prefix, n);
    memcpy(full + n, name.p, name.n);
    return cel_schema_find(f->schema, str_from(full, name.n + n));
}

static void say_unknown_fact(struct compiler *c, const char *prefix, const struct yaml_node *key)
{
    struct nearest near = nearest_to(key->text);
    for (uint32_t i = 0; i < c->p->facts.n; i++) {
        struct str name = cel_schema_at(c->p->facts.schema, i)->name;
        nearest_offer(&near, name);
        size_t n = strlen(prefix);
        if (str_starts(name, str_of(prefix)))
            nearest_offer(&near, str_from(name.p + n, name.n - n));
    }
    problem_error(c->l->problems, yaml_place(key), problem_did_you_mean(c->l->problems, near.best),
                  "there is no fact `%.*s`", STR_FMT(key->text));
}

static bool texts_value(struct compiler *c, const struct yaml_node *v, struct cel_value *ret)
{
    struct text_list list = {NULL, NULL, 0};
    size_t errors = c->l->problems->n_errors;
    if (v->kind == YAML_SEQUENCE && v->n == 0) {
        *ret = cel_list_of_strs(NULL, 0);
        return true;
    }
    field_texts(c->l, v, &list);
    *ret = cel_list_of_strs(list.list, list.n);
    return c->l->problems->n_errors == errors;
}

static bool int_value(struct compiler *c, const struct yaml_node *v, struct cel_value *ret)
{
    int64_t i;
    if (!field_is_scalar(c->l, v, "a number"))
        return false;
    if (str_to_i64(v->text, &i) != ERR_OK) {
        problem_error(c->l->problems, yaml_place(v), STR(""), "`%.*s` is not a whole number",
                      STR_FMT(v->text));
        return false;
    }
    *ret = cel_int(i);
    return true;
}

static enum err time_value(struct compiler *c, const struct yaml_node *v, struct cel_value *ret,
                           bool *ret_good)
{
    struct str text;
    struct cel_program *program = NULL;
    struct cel_diagnostics said;
    struct cel_options o = {.result = &CEL_TYPE_TIMESTAMP};
    if (!field_is_scalar(c->l, v, "a time"))
        return ERR_OK;
    bool plain = memchr(v->text.p, '\'', v->text.n) == NULL && memchr(v->text.p, '\\', v->text.n) == NULL;
    struct cel_eval e = {.arena = c->l->arena, .cost_limit = LIMIT_CEL_COST};
    struct cel_value value = cel_unset();
    if (plain) {
        TRY(arena_printf(c->l->arena, &text, "timestamp('%.*s')", STR_FMT(v->text)));
        enum err err = cel_compile(c->l->arena, c->p->facts.schema, text, &o, &said, &program);
        if (err != ERR_OK && err != ERR_INVALID)
            return err;
    }
    if (program != NULL)
        value = cel_evaluate(program, &e);
    cel_program_free(program);
    *ret_good = cel_is(value, CEL_TIMESTAMP);
    *ret = value;
    if (!*ret_good)
        problem_error(c->l->problems, yaml_place(v), STR("write 2026-11-22T17:20:00Z, in quotes"),
                      "`%.*s` is not a time", STR_FMT(v->text));
    return ERR_OK;
}

/* The value as the fact's type wants it; of one that has to be obtained also that it could not be. */
static enum err override_value(struct compiler *c, const struct yaml_node *v,
                               const struct cel_variable *var, struct cel_value *ret, bool *ret_good)
{
    bool yes = false;
    size_t errors = c->l->problems->n_errors;
    *ret_good = var->lazy_bit >= 0 && v->kind == YAML_SCALAR && str_is(v->text, "unknown");
    if (*ret_good) {
        *ret = cel_error_of(c->l->arena, CEL_E_FACT, STR("it could not be obtained"));
        return ERR_OK;
    }
    switch (var->type->kind) {
    case CEL_BOOL:
        field_bool(c->l, v, &yes);
        *ret = cel_bool(yes);
        *ret_good = c->l->problems->n_errors == errors;
        return ERR_OK;
    case CEL_INT:
        *ret_good = int_value(c, v, ret);
        return ERR_OK;
    case CEL_STRING:
        *ret_good = field_is_scalar(c->l, v, "a text");
        *ret = cel_string(v->text);
        return ERR_OK;
    case CEL_LIST:
        *ret_good = texts_value(c, v, ret);
        return ERR_OK;
    case CEL_TIMESTAMP:
        return time_value(c, v, ret, ret_good);
    default:
        problem_error(c->l->problems, yaml_place(v), STR(""), "this fact cannot be set by a test");
        return ERR_OK;
    }
}

static enum err overrides_compile(struct compiler *c, const struct yaml_node *facts, const char *prefix,
                                  struct policy_case *t)
{
    if (facts == NULL)
        return ERR_OK;
    struct fact_override *list = arena_new_array(c->l->arena, t->n_overrides + facts->n, struct fact_override);
    if (list == NULL)
        return ERR_NOMEM;
    if (t->n_overrides != 0)
        memcpy(list, t->overrides, t->n_overrides * sizeof(list[0]));
    for (const struct yaml_node *v = facts->first; v != NULL; v = v->next) {
        const struct cel_variable *var = fact_find(&c->p->facts, prefix, v->key->text);
        bool good = false;
        if (var == NULL) {
            say_unknown_fact(c, prefix, v->key);
            continue;
        }
        TRY(override_value(c, v, var, &list[t->n_overrides].value, &good));
        list[t->n_overrides].slot = var->slot;
        t->n_overrides += good;
    }
    t->overrides = list;
    return ERR_OK;
}

static void subject_resolve(const struct people *people, struct str as, struct subject *ret)
{
    *ret = (struct subject){
        .name = as.n != 0 ? as : STR("somebody"), .kind = STR("user"), .address = STR("local")};
    const struct person *who = people_by_account(people, ret->name);
    if (who == NULL)
        return;
    ret->person = who->name;
    ret->groups = who->groups;
    ret->n_groups = who->n_groups;
}

/* The resource the test names; else the first that the guardrail could concern, else the first. */
static const struct resource *resource_resolve(struct compiler *c, const struct guardrail *g,
                                               const struct test_source *s)
{
    const struct policy_parts *parts = c->parts;
    struct nearest near = nearest_to(s->resource);
    for (size_t i = 0; i < parts->n_resources; i++) {
        const struct resource *r = &parts->resources[i];
        nearest_offer(&near, r->name);
        if (s->resource.n != 0 ? str_eq(r->name, s->resource)
                               : guardrail_concerns(c->p, g, ACTION_SQL, r, &c->p->labels[i]))
            return r;
    }
    if (s->resource.n != 0)
        problem_error(c->l->problems, yaml_place(s->resource_node),
                      problem_did_you_mean(c->l->problems, near.best), "there is no resource `%.*s`",
                      STR_FMT(s->resource));
    return parts->n_resources != 0 ? &parts->resources[0] : NULL;
}

static void check_kind(struct compiler *c, const struct guardrail *g, const struct test_source *s)
{
    bool of_policy = s->policy != NULL;
    if ((g->kinds >> (of_policy ? ACTION_POLICY : ACTION_SQL) & 1) != 0)
        return;
    if (of_policy)
        problem_error(c->l->problems, yaml_place(s->at), STR("set `on: policy`"),
                      "a test with `policy:` needs a guardrail that is about the configuration");
    else
        problem_error(c->l->problems, yaml_place(s->at), STR("set `on: sql`"),
                      "a test with `sql:` needs a guardrail that is about SQL");
}

enum err cases_compile(struct compiler *c, struct guardrail *g)
{
    const struct guardrail_source *s = g->source;
    struct policy_case *list = arena_new_array(c->l->arena, s->n_tests, struct policy_case);
    if (list == NULL)
        return ERR_NOMEM;
    bool of_policy = (g->kinds >> ACTION_POLICY & 1) != 0;
    for (size_t i = 0; i < s->n_tests; i++)
        check_kind(c, g, &s->tests[i]);
    if (s->n_tests != 0 && !of_policy && c->parts->n_resources == 0)
        problem_error(c->l->problems, yaml_place(s->tests[0].at), STR("add one under `resources:`"),
                      "a test needs a resource");
    for (size_t i = 0; i < s->n_tests; i++) {
        list[i].source = &s->tests[i];
        list[i].resource = of_policy ? &policy_resource : resource_resolve(c, g, &s->tests[i]);
        subject_resolve(c->parts->people, s->tests[i].as, &list[i].subject);
        TRY(overrides_compile(c, s->tests[i].policy, "policy.", &list[i]));
        TRY(overrides_compile(c, s->tests[i].facts, "sql.", &list[i]));
    }
    g->tests = list;
    return ERR_OK;
}

/* --- Running -------------------------------------------------------------------------------------- */

struct running {
    const struct policy *p;
    const struct policy_test_facts *facts;
    struct policy_eval *e;
    struct arena arena; /* of one test */
};

struct result {
    bool passed;
    enum verdict got;
    struct str message;     /* rendered */
    struct str explanation; /* lines */
};

static enum err explanation(struct running *x, const struct guardrail *g, const struct hit *h,
                            struct str *ret)
{
    struct buf text;
    struct cel_explanation why;
    if (h->outcome == CEL_OUTCOME_UNKNOWN) {
        *ret = STR("it needs a fact that only a running gateway can obtain: give it under `facts:`\n");
        return ERR_OK;
    }
    if (g->when == NULL) {
        *ret = STR("it has no condition\n");
        return ERR_OK;
    }
    arena_reset(&x->e->arena);
    x->e->cel.cost = 0;
    x->e->cel.cost_limit = LIMIT_CEL_COST;
    TRY(cel_explain(g->when, &x->e->cel, &why));
    buf_init(&text, MIB);
    enum err e = cel_explanation_text(&text, &why);
    if (e == ERR_OK)
        e = arena_str(&x->arena, buf_view(&text), ret);
    buf_done(&text);
    return e;
}

static bool listed(const struct policy *p, const struct guardrail *g, const struct resource *r)
{
    for (size_t i = 0; i < g->n_resources; i++)
        if (&p->parts->resources[g->resources[i]] == r)
            return true;
    return g->n_resources == 0;
}

static bool as_expected(const struct test_source *t, const struct result *r)
{
    if (r->got != (enum verdict)t->expect)
        return false;
    return t->expect_message == NULL || str_eq(str_trim(t->expect_message->text), str_trim(r->message));
}

/* What the guardrail says on filled slots. */
static enum err ask(struct running *x, const struct guardrail *g, const struct policy_case *t,
                    struct result *ret)
{
    struct hit h = {.outcome = CEL_OUTCOME_FALSE};
    x->e->cel.cost = 0;
    if (listed(x->p, g, t->resource))
        guardrail_test(x->e, g, true, &h);
    ret->got = (enum verdict)t->resource->default_verdict;
    if (h.outcome == CEL_OUTCOME_TRUE)
        ret->got = g->then;
    else if (h.outcome != CEL_OUTCOME_FALSE)
        ret->got = verdict_max(g->then, VERDICT_HOLD);
    if (h.why.n != 0)
        TRY(arena_str(&x->arena, h.why, &h.why));
    if (h.outcome != CEL_OUTCOME_FALSE)
        TRY(guardrail_message(g, x->e, &h, &x->arena, &ret->message));
    ret->passed = as_expected(t->source, ret);
    return ret->passed ? ERR_OK : explanation(x, g, &h, &ret->explanation);
}

static enum err run_case(struct running *x, const struct guardrail *g, const struct policy_case *t,
                         struct result *ret)
{
    static const struct session_context context = {.id = STR_INIT("test"), .address = STR_INIT("local")};
    static const struct policy_change nothing = {.changed = {NULL, 0}}; /* the test's facts say the rest */
    const struct sql_facts *sql = NULL;
    bool of_policy = t->source->policy != NULL;
    *ret = (struct result){.passed = false, .got = VERDICT_DENY};
    arena_reset(&x->arena);
    enum err e = of_policy ? ERR_OK : x->facts->sql(x->facts->ctx, t->source->sql, &x->arena, &sql);
    if (e == ERR_INVALID) {
        ret->explanation = STR("the facts of the statement cannot be told\n");
        return ERR_OK;
    }
    TRY(e);
    struct action a = {
        .kind = of_policy ? ACTION_POLICY : ACTION_SQL,
        .operation = of_policy ? STR("reload") : STR("query"),
        .text = t->source->sql,
        .sql = sql,
        .policy = of_policy ? &nothing : NULL,
        .subject = &t->subject,
        .resource = t->resource,
        .context = &context,
        .time_wall_ns = test_time_ns,
    };
    x->e->overrides = t->overrides;
    x->e->n_overrides = t->n_overrides;
    TRY(policy_eval_fill(x->p, x->e, &a, true));
    return ask(x, g, t, ret);
}

static enum err running_start(struct running *x, const struct policy *p,
                              const struct policy_test_facts *facts)
{
    *x = (struct running){.p = p, .facts = facts};
    arena_init(&x->arena, LIMIT_ACTION_ARENA);
    return policy_eval_new(&x->e);
}

static void running_end(struct running *x)
{
    policy_eval_free(x->e);
    arena_done(&x->arena);
}

/* --- Reporting ------------------------------------------------------------------------------------ */

static enum err lines_put(struct buf *out, const char *indent, struct str text)
{
    struct str line, rest = text;
    while (rest.n != 0) {
        if (!str_cut(rest, '\n', &line, &rest)) {
            line = rest;
            rest.n = 0;
        }
        TRY(buf_printf(out, "%s%.*s\n", indent, STR_FMT(line)));
    }
    return ERR_OK;
}

/* What was expected and what came, as a diff. */
static enum err failure_put(struct buf *out, const struct policy_case *t, const struct result *r)
{
    const struct test_source *s = t->source;
    TRY(buf_printf(out, "  %.*s:%u\n", STR_FMT(s->at->file->path), s->at->line));
    TRY(lines_put(out, "      ", s->sql));
    if (r->got != (enum verdict)s->expect) {
        TRY(buf_printf(out, "    - %s\n", verdict_text((enum verdict)s->expect)));
        TRY(buf_printf(out, "    + %s\n", verdict_text(r->got)));
    }
    if (s->expect_message != NULL && !str_eq(str_trim(s->expect_message->text), str_trim(r->message))) {
        TRY(lines_put(out, "    - message: ", str_trim(s->expect_message->text)));
        TRY(lines_put(out, "    + message: ", r->message.n != 0 ? r->message : STR("(none)")));
    }
    return lines_put(out, "      ", r->explanation);
}

static enum err run_guardrail(struct running *x, const struct guardrail *g, struct buf *out,
                              struct policy_test_count *count)
{
    size_t failed = count->failed, n = g->source->n_tests;
    struct buf report;
    buf_init(&report, 16 * MIB);
    enum err e = ERR_OK;
    for (size_t i = 0; i < n && e == ERR_OK; i++) {
        struct result r;
        e = run_case(x, g, &g->tests[i], &r);
        count->run++;
        count->failed += !r.passed;
        if (e == ERR_OK && !r.passed)
            e = failure_put(&report, &g->tests[i], &r);
    }
    if (e == ERR_OK)
        e = buf_printf(out, "%s %.*s: %zu test%s\n", count->failed == failed ? "ok  " : "FAIL",
                       STR_FMT(g->name), n, n == 1 ? "" : "s");
    if (e == ERR_OK)
        e = buf_put_str(out, buf_view(&report));
    buf_done(&report);
    return e;
}

enum err policy_test(const struct policy *p, const struct policy_test_facts *facts, struct str only,
                     struct buf *out, struct policy_test_count *ret)
{
    struct running x;
    struct policy_test_count count = {0, 0};
    bool found = only.n == 0;
    enum err e = running_start(&x, p, facts);
    for (size_t i = 0; i < p->n && e == ERR_OK; i++) {
        const struct guardrail *g = &p->guardrails[i];
        if (only.n != 0 && !str_eq(only, g->name))
            continue;
        found = true;
        if (g->source->n_tests != 0)
            e = run_guardrail(&x, g, out, &count);
    }
    running_end(&x);
    TRY(e);
    *ret = count;
    return found ? ERR_OK : ERR_NOT_FOUND;
}

/* --- At load -------------------------------------------------------------------------------------- */

static enum err problem_put(struct loader *l, const struct guardrail *g, const struct policy_case *t,
                            const struct result *r)
{
    const struct yaml_node *expect = yaml_get(t->source->at, "expect");
    struct str hint = str_trim(r->explanation);
    if (r->got != (enum verdict)t->source->expect) {
        problem_error(l->problems, yaml_place(expect), hint,
                      "a test of `%.*s` fails: expected %s, came %s", STR_FMT(g->name),
                      verdict_text((enum verdict)t->source->expect), verdict_text(r->got));
        return ERR_OK;
    }
    problem_error(l->problems, yaml_place(t->source->expect_message), hint,
                  "a test of `%.*s` fails: the message is \"%.*s\"", STR_FMT(g->name),
                  STR_FMT(r->message));
    return ERR_OK;
}

static enum err run_at_load(struct running *x, struct loader *l)
{
    for (size_t i = 0; i < x->p->n; i++) {
        const struct guardrail *g = &x->p->guardrails[i];
        for (size_t k = 0; k < g->source->n_tests; k++) {
            struct result r;
            TRY(run_case(x, g, &g->tests[k], &r));
            if (!r.passed)
                TRY(problem_put(l, g, &g->tests[k], &r));
        }
    }
    return ERR_OK;
}

enum err policy_test_at_load(struct loader *l, const struct policy *p,
                             const struct policy_test_facts *facts)
{
    struct running x;
    enum err e = running_start(&x, p, facts);
    if (e == ERR_OK)
        e = run_at_load(&x, l);
    running_end(&x);
    return e;
}
