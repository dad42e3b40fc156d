/* The `guardrails:`, `defaults:` and `macros:` sections, read but not yet compiled. */
#include "policy/approvals.h"
#include "policy/stated.h"

#include "model/action.h"
#include "model/verdict.h"

#include <stdlib.h>

/* --- What a held request is given ------------------------------------------------------------- */

static void read_on_disconnect(struct loader *l, const struct yaml_node *v, void *target)
{
    static const struct word words[] = {{"withdraw", ON_DISCONNECT_WITHDRAW}, {"keep", ON_DISCONNECT_KEEP}};
    field_word(l, v, words, ARRAY_LEN(words), target);
}

static void read_signed(struct loader *l, const struct yaml_node *v, void *target)
{
    static const struct word words[] = {{"required", VOTES_MUST_BE_SIGNED}, {"optional", VOTES_MAY_BE_SIGNED}};
    field_word(l, v, words, ARRAY_LEN(words), target);
}

bool defaults_read(struct loader *l, const struct section *s, struct hold_source *ret)
{
    static const struct field fields[] = {
        {"approvals", field_approvals, offsetof(struct hold_source, approvals), false},
        {"rejects", field_rejects, offsetof(struct hold_source, rejects), false},
        {"reason", field_reason, offsetof(struct hold_source, must_state), false},
        {"ticket", field_ticket, offsetof(struct hold_source, must_state), false},
        {"decide_within", field_duration, offsetof(struct hold_source, decide_within_ns), false},
        {"run_within", field_duration, offsetof(struct hold_source, run_within_ns), false},
        {"on_disconnect", read_on_disconnect, offsetof(struct hold_source, on_disconnect), false},
        {"wait", read_wait, offsetof(struct hold_source, wait), false},
        {"signed", read_signed, offsetof(struct hold_source, signing), false},
    };
    size_t errors = l->problems->n_errors;
    if (s->n > 1)
        problem_error(l->problems, yaml_place(s->parts[1]->key), STR("keep one of them"),
                      "`defaults` stands in more than one file");
    if (s->n != 0)
        fields_read(l, s->parts[0], "`defaults`", fields, ARRAY_LEN(fields), ret);
    return l->problems->n_errors == errors;
}

/* --- Guardrails ------------------------------------------------------------------------------- */

/* `on:` one action kind or a list of them. */
static void read_kinds(struct loader *l, const struct yaml_node *v, void *target)
{
    static const struct word words[] = {{"sql", ACTION_SQL},
                                        {"command", ACTION_COMMAND},
                                        {"tool", ACTION_TOOL},
                                        {"http", ACTION_HTTP},
                                        {"deploy", ACTION_DEPLOY},
                                        {"policy", ACTION_POLICY}};
    bool many = v->kind == YAML_SEQUENCE;
    uint32_t kinds = 0;
    int kind = 0;
    for (const struct yaml_node *i = many ? v->first : v; i != NULL; i = many ? i->next : NULL)
        if (field_word(l, i, words, ARRAY_LEN(words), &kind))
            kinds |= 1u << kind;
    if (many && v->n == 0)
        problem_error(l->problems, yaml_place(v), STR(""), "`on` must name a kind of action");
    if ((kinds >> ACTION_POLICY & 1) != 0 && kinds != 1u << ACTION_POLICY)
        problem_error(l->problems, yaml_place(v), STR("write a guardrail of its own with `on: policy`"),
                      "`policy` stands alone: its facts are not those of other actions");
    *(uint32_t *)target = kinds;
}

static void read_mode(struct loader *l, const struct yaml_node *v, void *target)
{
    static const struct word words[] = {{"enforce", false}, {"observe", true}};
    field_word(l, v, words, ARRAY_LEN(words), target);
}

static void read_condition(struct loader *l, const struct yaml_node *v, void *target)
{
    if (!field_is_scalar(l, v, "a condition"))
        return;
    if (str_trim(v->text).n == 0)
        problem_error(l->problems, yaml_place(v), STR("leave `when` out to match every action"),
                      "the condition is empty");
    else
        field_node(l, v, target);
}

static void read_message(struct loader *l, const struct yaml_node *v, void *target)
{
    if (field_is_scalar(l, v, "a text") && str_trim(v->text).n == 0)
        problem_error(l->problems, yaml_place(v), STR(""), "the message is empty");
    else if (v->text.n > LIMIT_MESSAGE_BYTES)
        problem_error(l->problems, yaml_place(v), STR(""), "the message is longer than 4096 bytes");
    else if (v->kind == YAML_SCALAR)
        field_node(l, v, target);
}

/* --- Tests ------------------------------------------------------------------------------------ */

static void read_facts(struct loader *l, const struct yaml_node *v, void *target)
{
    if (field_is_mapping(l, v, "a mapping of facts"))
        field_node(l, v, target);
}

static void read_sql(struct loader *l, const struct yaml_node *v, void *target)
{
    if (field_is_scalar(l, v, "a statement"))
        field_node(l, v, target);
}

static const struct field test_fields[] = {
    {"sql", read_sql, offsetof(struct test_source, sql_node), false},
    {"policy", read_facts, offsetof(struct test_source, policy), false},
    {"as", field_node, offsetof(struct test_source, as_node), false},
    {"resource", field_node, offsetof(struct test_source, resource_node), false},
    {"facts", read_facts, offsetof(struct test_source, facts), false},
    {"expect", field_verdict, offsetof(struct test_source, expect), true},
    {"expect_message", field_node, offsetof(struct test_source, expect_message), false},
};

struct test_list {
    const struct test_source *list;
    size_t n;
};

static void read_tests(struct loader *l, const struct yaml_node *v, void *target)
{
    if (!field_is_sequence(l, v, "a list of tests"))
        return;
    struct test_source *list = arena_new_array(l->arena, v->n, struct test_source);
    if (list == NULL) {
        l->out_of_memory = true;
        return;
    }
    size_t n = 0;
    for (const struct yaml_node *i = v->first; i != NULL; i = i->next) {
        struct test_source *t = &list[n];
        t->at = i;
        if (!fields_read(l, i, "a test", test_fields, ARRAY_LEN(test_fields), t))
            continue;
        if ((t->sql_node == NULL) == (t->policy == NULL)) {
            problem_error(l->problems, yaml_place(i), STR(""), "a test needs `sql:`, or `policy:` where it is about `on: policy`");
            continue;
        }
        if (t->sql_node != NULL)
            t->sql = t->sql_node->text;
        if (t->as_node != NULL)
            field_text(l, t->as_node, &t->as);
        if (t->resource_node != NULL)
            field_text(l, t->resource_node, &t->resource);
        if (t->expect_message != NULL)
            field_is_scalar(l, t->expect_message, "a text");
        n++;
    }
    *(struct test_list *)target = (struct test_list){list, n};
}

/* --- One guardrail ---------------------------------------------------------------------------- */

struct guardrail_keys {
    struct guardrail_source g;
    struct test_list tests;
};
#define IN_GUARDRAIL(member) offsetof(struct guardrail_keys, g.member)

static void read_hold_at(struct loader *l, const struct yaml_node *v, void *target)
{
    static const struct word words[] = {{"start", false}, {"commit", true}};
    struct hold_source *h = target;
    h->hold_at_node = v;
    field_word(l, v, words, ARRAY_LEN(words), &h->at_commit);
}

static const struct field guardrail_fields[] = {
    {"name", field_node, IN_GUARDRAIL(name_node), true},
    {"on", read_kinds, IN_GUARDRAIL(kinds), true},
    {"resources", field_texts, IN_GUARDRAIL(resources), false},
    {"when", read_condition, IN_GUARDRAIL(when), false},
    {"then", field_verdict, IN_GUARDRAIL(then), true},
    {"mode", read_mode, IN_GUARDRAIL(observe), false},
    {"approvals", field_approvals, IN_GUARDRAIL(hold.approvals), false},
    {"rejects", field_rejects, IN_GUARDRAIL(hold.rejects), false},
    {"reason", field_reason, IN_GUARDRAIL(hold.must_state), false},
    {"ticket", field_ticket, IN_GUARDRAIL(hold.must_state), false},
    {"decide_within", field_duration, IN_GUARDRAIL(hold.decide_within_ns), false},
    {"run_within", field_duration, IN_GUARDRAIL(hold.run_within_ns), false},
    {"on_disconnect", read_on_disconnect, IN_GUARDRAIL(hold.on_disconnect), false},
    {"wait", read_wait, IN_GUARDRAIL(hold.wait), false},
    {"grant", read_grant, IN_GUARDRAIL(hold), false},
    {"hold_at", read_hold_at, IN_GUARDRAIL(hold), false},
    {"commit_within", field_duration, IN_GUARDRAIL(hold.commit_within_ns), false},
    {"signed", read_signed, IN_GUARDRAIL(hold.signing), false},
    {"message", read_message, IN_GUARDRAIL(message), false},
    {"tests", read_tests, offsetof(struct guardrail_keys, tests), false},
};

static void hold_at_error(struct loader *l, const struct hold_source *h, const char *hint, const char *why)
{
    problem_error(l->problems, yaml_place(h->hold_at_node), str_of(hint), "%s", why);
}

/* What waits at its COMMIT holds locks and lives in its client's session. */
static void check_hold_at(struct loader *l, const struct guardrail_source *g)
{
    const struct hold_source *h = &g->hold;
    if (h->commit_within_ns != 0 && !h->at_commit)
        problem_error(l->problems, yaml_place(yaml_get(g->at, "commit_within")), STR("add `hold_at: commit`"),
                      "`commit_within` only makes sense with `hold_at: commit`");
    if (h->commit_within_ns > LIMIT_COMMIT_HOLD_NS)
        problem_error(l->problems, yaml_place(yaml_get(g->at, "commit_within")),
                      STR("its locks keep others waiting all that time"), "`commit_within` is at most 15m");
    if (!h->at_commit)
        return;
    if (g->then != 0 && g->then != VERDICT_HOLD)
        hold_at_error(l, h, "set `then: hold`", "`hold_at: commit` only makes sense with `then: hold`");
    if ((g->kinds & ~(1u << ACTION_SQL)) != 0)
        hold_at_error(l, h, "set `on: sql`", "only a SQL statement has a COMMIT to hold");
    if (h->on_disconnect == ON_DISCONNECT_KEEP || h->wait == WAIT_RETURN || h->grant_at != NULL)
        hold_at_error(l, h, "remove `on_disconnect: keep`, `wait: return` or `grant`",
                      "a transaction that waits for its COMMIT ends with its client's session");
}

/* What is changed is the configuration, and each time another way. */
static void check_policy(struct loader *l, const struct guardrail_source *g)
{
    static const char *const senseless[] = {"resources", "grant", "wait", "on_disconnect", "hold_at"};
    if ((g->kinds >> ACTION_POLICY & 1) == 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(senseless); i++) {
        const struct yaml_node *v = yaml_get(g->at, senseless[i]);
        if (v != NULL)
            problem_error(l->problems, yaml_place(v->key), STR("remove it"),
                          "`%s` makes no sense with `on: policy`", senseless[i]);
    }
}

static bool guardrail_read(struct loader *l, const struct yaml_node *v, struct guardrail_source *ret)
{
    struct guardrail_keys k = {.g = {.at = v}};
    size_t errors = l->problems->n_errors;
    fields_read(l, v, "a guardrail", guardrail_fields, ARRAY_LEN(guardrail_fields), &k);
    if (k.g.name_node != NULL)
        field_name(l, k.g.name_node, &k.g.name);
    k.g.tests = k.tests.list;
    k.g.n_tests = k.tests.n;
    const struct yaml_node *approvals = k.g.hold.approvals.at;
    if (approvals != NULL && k.g.then != 0 && k.g.then != VERDICT_HOLD)
        problem_error(l->problems, yaml_place(approvals->key != NULL ? approvals->key : approvals),
                      STR("set `then: hold`, or remove the approvals"),
                      "approvals only make sense with `then: hold`");
    if (k.g.hold.grant_at != NULL && k.g.then != 0 && k.g.then != VERDICT_HOLD)
        problem_error(l->problems, yaml_place(k.g.hold.grant_at),
                      STR("set `then: hold`, or remove the grant"),
                      "a grant only makes sense with `then: hold`");
    check_hold_at(l, &k.g);
    check_policy(l, &k.g);
    *ret = k.g;
    return l->problems->n_errors == errors;
}

static int by_name(const void *x, const void *y)
{
    const struct guardrail_source *a = *(const struct guardrail_source *const *)x;
    const struct guardrail_source *b = *(const struct guardrail_source *const *)y;
    int order = str_cmp(a->name, b->name);
    return order != 0 ? order : (a < b ? -1 : a > b);
}

static void check_names(struct loader *l, const struct guardrail_source *list, size_t n)
{
    const struct guardrail_source **sorted = arena_new_array(l->arena, n, const struct guardrail_source *);
    if (sorted == NULL) {
        l->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < n; i++)
        sorted[i] = &list[i];
    if (n > 1)
        qsort(sorted, n, sizeof(sorted[0]), by_name);
    for (size_t i = 1; i < n; i++)
        if (sorted[i]->name.n != 0 && str_eq(sorted[i]->name, sorted[i - 1]->name))
            problem_error(l->problems, yaml_place(sorted[i]->name_node), STR(""),
                          "there is already a guardrail `%.*s` (%.*s line %u)",
                          STR_FMT(sorted[i]->name), STR_FMT(sorted[i - 1]->at->file->path),
                          sorted[i - 1]->name_node->line);
}

bool guardrails_read(struct loader *l, const struct section *s, struct guardrail_sources *ret)
{
    size_t most = 0, n = 0, errors = l->problems->n_errors;
    for (size_t i = 0; i < s->n; i++)
        most += s->parts[i]->n;
    if (most > LIMIT_GUARDRAILS) {
        problem_error(l->problems, yaml_place(s->parts[0]), STR(""), "more than %d guardrails",
                      LIMIT_GUARDRAILS);
        return false;
    }
    struct guardrail_source *list = arena_new_array(l->arena, most, struct guardrail_source);
    if (list == NULL) {
        l->out_of_memory = true;
        return false;
    }
    for (size_t i = 0; i < s->n; i++) {
        if (!field_is_sequence(l, s->parts[i], "a list of guardrails"))
            continue;
        for (const struct yaml_node *v = s->parts[i]->first; v != NULL; v = v->next)
            n += guardrail_read(l, v, &list[n]);
    }
    check_names(l, list, n);
    *ret = (struct guardrail_sources){list, n};
    return l->problems->n_errors == errors;
}

/* --- Macros ----------------------------------------------------------------------------------- */

static bool is_identifier(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return s.n != 0 && s.n <= LIMIT_NAME_BYTES;
}

static const struct yaml_node *macro_known(const struct macro_source *list, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(list[i].name, name))
            return list[i].text;
    return NULL;
}

bool macros_read(struct loader *l, const struct section *s, struct macro_sources *ret)
{
    size_t most = 0, n = 0, errors = l->problems->n_errors;
    for (size_t i = 0; i < s->n; i++)
        most += s->parts[i]->n;
    struct macro_source *list = most <= LIMIT_MACROS
                                    ? arena_new_array(l->arena, most, struct macro_source)
                                    : NULL;
    if (most > LIMIT_MACROS) {
        problem_error(l->problems, yaml_place(s->parts[0]), STR(""), "more than %d macros",
                      LIMIT_MACROS);
        return false;
    }
    if (list == NULL) {
        l->out_of_memory = true;
        return false;
    }
    /* The including file comes first: its macros win over those of what it includes, which tunes a pack. */
    for (size_t i = 0; i < s->n; i++) {
        if (!field_is_mapping(l, s->parts[i], "a mapping of names to expressions"))
            continue;
        for (const struct yaml_node *v = s->parts[i]->first; v != NULL; v = v->next) {
            if (!field_is_scalar(l, v, "an expression"))
                continue;
            const struct yaml_node *known = macro_known(list, n, v->key->text);
            if (known != NULL && known->file != v->file)
                continue;
            if (!is_identifier(v->key->text))
                problem_error(l->problems, yaml_place(v->key),
                              STR("letters, digits and `_`, not starting with a digit"),
                              "`%.*s` cannot be the name of a macro", STR_FMT(v->key->text));
            else if (known != NULL)
                problem_error(l->problems, yaml_place(v->key), STR(""),
                              "there is already a macro `%.*s`", STR_FMT(v->key->text));
            else
                list[n++] = (struct macro_source){v->key->text, v};
        }
    }
    *ret = (struct macro_sources){list, n};
    return l->problems->n_errors == errors;
}
