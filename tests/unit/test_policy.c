/* What guardrails decide. */
#include "policy_text.h"

#include "base/clock.h"
#include "policy/internal.h"

#include <stdlib.h>

#define HEAD                                                                                       \
    "version: 1\n"                                                                                 \
    "resources:\n"                                                                                 \
    "  - { name: shop, type: postgres, listen: '*:1', upstream: db, labels: { env: production } }\n" \
    "  - { name: test, type: postgres, listen: '*:2', upstream: db }\n"                            \
    "  - { name: vault, type: postgres, listen: '*:3', upstream: db, default: deny }\n"            \
    "people:\n"                                                                                    \
    "  ana: { groups: [dba, leads] }\n"                                                            \
    "  bo: { groups: [dba, leads] }\n"                                                             \
    "  cy: { groups: [dba, leads] }\n"                                                             \
    "  di: { groups: [dba, leads] }\n"
#define RAILS HEAD "guardrails:\n"
#define HOLD(name, when, rest)                                                                     \
    "  - { name: " name ", on: sql, when: \"" when "\", then: hold, approvals: { from: dba }" rest " }\n"
#define DENY(name, when) "  - { name: " name ", on: sql, when: \"" when "\", then: deny }\n"
#define ALLOW(name, when) "  - { name: " name ", on: sql, when: \"" when "\", then: allow }\n"

TEST(the_strongest_verdict_of_all_matches_wins)
{
    struct asking x;
    asking_start(&x, RAILS ALLOW("a", "true") HOLD("h", "sql.writes", "")
                         DENY("d", "sql.command == 'TRUNCATE TABLE'"));
    CHECK(asked(&x, "SELECT 1") == VERDICT_ALLOW);
    CHECK_STR(asked_matched(&x), "a");
    CHECK(asked(&x, "DELETE FROM t") == VERDICT_HOLD);
    CHECK_STR(asked_matched(&x), "a h");
    CHECK(asked(&x, "TRUNCATE t") == VERDICT_DENY);
    CHECK_STR(asked_matched(&x), "a h d");
    CHECK(x.d.quorum.n_reqs == 0);
    asking_end(&x);
}

TEST(without_a_match_the_resource_decides)
{
    struct asking x;
    asking_start(&x, RAILS ALLOW("reads", "sql.classes == ['read']"));
    CHECK(asked(&x, "DELETE FROM t") == VERDICT_ALLOW);
    CHECK(x.d.n_matched == 0);
    x.action.resource = &x.f.config->resources[2];
    CHECK(asked(&x, "DELETE FROM t") == VERDICT_DENY);
    CHECK(x.d.n_matched == 0);
    CHECK(asked(&x, "SELECT 1") == VERDICT_ALLOW);
    CHECK_STR(asked_matched(&x), "reads");
    asking_end(&x);
}

TEST(a_resource_can_hold_by_default)
{
    struct asking x;
    asking_start(&x, "version: 1\nresources: [{ name: a, type: postgres, listen: '*:1', upstream: db, "
                     "default: hold }]\npeople: { ana: { groups: [dba] }, bo: { groups: [dba] } }\n"
                     "defaults: { approvals: { from: dba }, decide_within: 1m, on_disconnect: keep }\n");
    CHECK(asked(&x, "SELECT 1") == VERDICT_HOLD);
    CHECK_STR(asked_quorum(&x), "1 dba");
    CHECK(x.d.decide_within_ns == 60 * NS_PER_S && x.d.run_within_ns == 300 * NS_PER_S);
    CHECK(x.d.on_disconnect == ON_DISCONNECT_KEEP);
    asking_end(&x);
}

TEST(a_condition_that_cannot_be_evaluated_holds_or_denies)
{
#define FAILS "resource.labels['nope'] == 'x'"
    struct asking x;
    asking_start(&x, RAILS HOLD("h", FAILS, ""));
    CHECK(asked(&x, "SELECT 1") == VERDICT_HOLD);
    CHECK_STR(asked_matched(&x), "h!");
    CHECK_STR(asked_quorum(&x), "1 dba");
    CHECK(str_starts(x.d.matched[0].message, STR("guardrail h could not be evaluated (")));
    CHECK(str_ends(x.d.matched[0].message, STR("), so the action is held")));
    asking_end(&x);
    asking_start(&x, RAILS DENY("d", FAILS));
    CHECK(asked(&x, "SELECT 1") == VERDICT_DENY);
    asking_end(&x);
    /* An allow that fails holds where somebody is named to approve, and else denies. */
    asking_start(&x, RAILS ALLOW("a", FAILS));
    CHECK(asked(&x, "SELECT 1") == VERDICT_DENY);
    CHECK_STR(asked_matched(&x), "a!");
    asking_end(&x);
    asking_start(&x, HEAD "defaults: { approvals: { from: leads } }\nguardrails:\n" ALLOW("a", FAILS));
    CHECK(asked(&x, "SELECT 1") == VERDICT_HOLD);
    CHECK_STR(asked_quorum(&x), "1 leads");
    asking_end(&x);
}

TEST(a_failing_part_that_cannot_matter_is_absorbed)
{
    struct asking x;
    asking_start(&x, RAILS HOLD("h", FAILS " && sql.writes", "") HOLD("g", "sql.writes && " FAILS, "")
                         HOLD("i", "!sql.writes || " FAILS, ""));
    CHECK(asked(&x, "SELECT 1") == VERDICT_HOLD);
    CHECK_STR(asked_matched(&x), "i");
    CHECK(asked(&x, "DELETE FROM t") == VERDICT_HOLD);
    CHECK_STR(asked_matched(&x), "h! g! i!");
    asking_end(&x);
}

TEST(what_is_observed_is_reported_and_changes_nothing)
{
    struct asking x;
    asking_start(&x, RAILS HOLD("o", "sql.writes", ", mode: observe")
                     "  - { name: p, on: sql, then: deny, mode: observe, when: \"" FAILS "\" }\n");
    CHECK(asked(&x, "DELETE FROM t") == VERDICT_ALLOW);
    CHECK_STR(asked_matched(&x), "o~ p~!");
    CHECK(x.d.quorum.n_reqs == 0);
    asking_end(&x);
}

TEST(the_quorums_of_all_matching_holds_are_needed)
{
    struct asking x;
    asking_start(&x, RAILS HOLD("a", "true", ", decide_within: 10m, run_within: 1m, on_disconnect: keep")
                     "  - { name: b, on: sql, then: hold, approvals: [{ from: dba, count: 2 }, { from: "
                     "[leads, ana] }], decide_within: 5m, on_disconnect: keep }\n"
                     "  - { name: c, on: sql, when: sql.writes, then: hold, approvals: { from: ana } }\n");
    CHECK(asked(&x, "SELECT 1") == VERDICT_HOLD);
    CHECK_STR(asked_quorum(&x), "2 dba, 1 leads ana");
    CHECK(x.d.decide_within_ns == 300 * NS_PER_S && x.d.run_within_ns == 60 * NS_PER_S);
    CHECK(x.d.on_disconnect == ON_DISCONNECT_KEEP);
    CHECK(asked(&x, "DELETE FROM t") == VERDICT_HOLD);
    CHECK_STR(asked_quorum(&x), "2 dba, 1 leads ana, 1 ana");
    CHECK(x.d.on_disconnect == ON_DISCONNECT_WITHDRAW);
    asking_end(&x);
}

TEST(a_quorum_beyond_what_a_request_can_ask_denies)
{
    char text[16384] = "version: 1\nresources: [{ name: a, type: postgres, listen: '*:1', upstream: db }]\n"
                       "people:\n";
    for (int i = 0; i < LIMIT_REQUIREMENTS + 2; i++)
        sprintf(text + strlen(text), "  p%d: {}\n", i);
    strcat(text, "guardrails:\n");
    for (int i = 0; i < LIMIT_REQUIREMENTS + 1; i++)
        sprintf(text + strlen(text),
                "  - { name: g%d, on: sql, then: hold, approvals: { from: [p%d, p%d] } }\n", i, i, i + 1);
    struct asking x;
    asking_start(&x, text);
    CHECK(asked(&x, "SELECT 1") == VERDICT_DENY);
    CHECK(x.d.n_matched == LIMIT_REQUIREMENTS + 1);
    asking_end(&x);
}

#define LABELLED                                                                                   \
    "version: 1\nresources: [{ name: shop, type: postgres, listen: '*:1', upstream: db, column_labels: "        \
    "{ pii: [customers.email, hr.people.ssn, patients.*], money: [customers.card] } }]\n"                       \
    "people: { ana: { groups: [dba] }, bo: { groups: [dba] } }\nguardrails:\n"

TEST(a_labelled_column_is_found_however_it_is_read)
{
    static const char *const reads[] = {
        "SELECT email FROM customers",
        "SELECT c.\"email\" FROM shop.customers c",
        "SELECT * FROM customers",
        "TABLE customers",
        "SELECT c FROM customers c",
        "SELECT customers FROM customers",
        "SELECT public.customers FROM public.customers",
        "SELECT row_to_json(c.*) FROM customers AS c",
        "SELECT (c).email FROM customers c",
        "SELECT email(customers) FROM customers",
        "SELECT b FROM customers AS c (a, b)",
        "SELECT j FROM (customers JOIN orders USING (id)) AS j",
        "SELECT 1 FROM customers JOIN guesses USING (email)",
        "SELECT 1 FROM guesses NATURAL JOIN customers",
        "SELECT 1 FROM customers WHERE email = 'x@example.org'",
        "SELECT 1 FROM orders ORDER BY (SELECT email FROM customers LIMIT 1)",
        "UPDATE customers SET note = email WHERE id = 1",
        "UPDATE customers c SET note = '' WHERE id = 1 RETURNING c",
        "DELETE FROM customers WHERE id = 1 RETURNING *",
        "INSERT INTO customers (id) VALUES (1) RETURNING email",
        "COPY customers TO STDOUT",
        "COPY customers (id, email) TO STDOUT",
        "COPY (SELECT email FROM customers) TO STDOUT",
        "WITH x AS (SELECT * FROM customers) SELECT 1 FROM x",
        "SELECT 1; SELECT email FROM customers",
        "SELECT ssn FROM hr.people",
        "SELECT ssn FROM people",
        "SELECT name FROM patients",
        "EXPLAIN ANALYZE SELECT email FROM customers",
    };
    struct asking x;
    asking_start(&x, LABELLED HOLD("pii", "'pii' in sql.labels_read", ""));
    for (size_t i = 0; i < ARRAY_LEN(reads); i++) {
        bool held = asked(&x, reads[i]) == VERDICT_HOLD;
        CHECK(held);
        if (!held)
            printf("# %s\n", reads[i]);
    }
    asking_end(&x);
}

TEST(what_reads_no_labelled_column_passes)
{
    static const char *const others[] = {
        "SELECT count(*) FROM customers",
        "SELECT c.id FROM customers c WHERE c.id = 1",
        "SELECT email FROM newsletter",
        "SELECT card FROM customers",
        "SELECT ssn FROM archive.people",
        "INSERT INTO customers (id, email) VALUES (1, 'x')",
        "UPDATE customers SET email = 'x' WHERE id = 1",
        "COPY customers FROM STDIN",
        "SELECT count(*) FROM patients",
    };
    struct asking x;
    asking_start(&x, LABELLED HOLD("pii", "'pii' in sql.labels_read", ""));
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        bool held = asked(&x, others[i]) == VERDICT_HOLD;
        CHECK(!held);
        if (held)
            printf("# %s\n", others[i]);
    }
    asking_end(&x);
}

TEST(every_label_is_listed_once)
{
    struct asking x;
    asking_start(&x, LABELLED HOLD("both", "sql.labels_read == ['pii', 'money']", "")
                         HOLD("touched", "sql.labels_touched == ['pii']", ""));
    CHECK(asked(&x, "SELECT * FROM customers, patients") == VERDICT_HOLD);
    CHECK_STR(asked_matched(&x), "both");
    CHECK(asked(&x, "DROP TABLE patients") == VERDICT_HOLD);
    CHECK_STR(asked_matched(&x), "touched");
    CHECK(asked(&x, "SELECT 1") == VERDICT_ALLOW);
    asking_end(&x);
}

TEST(a_missing_label_is_empty_and_not_an_error)
{
    struct asking x;
    asking_start(&x, RAILS DENY("p", "resource.labels.env == 'production'")
                         HOLD("n", "resource.labels.env != 'production'", "")
                         HOLD("i", "!('env' in resource.labels)", ""));
    CHECK(asked(&x, "SELECT 1") == VERDICT_DENY);
    CHECK_STR(asked_matched(&x), "p");
    x.action.resource = &x.f.config->resources[1];
    CHECK(asked(&x, "SELECT 1") == VERDICT_HOLD);
    CHECK_STR(asked_matched(&x), "n i");
    asking_end(&x);
}

TEST(the_address_of_a_session_is_a_fact_without_its_port)
{
    static const struct {
        const char *address;
        enum verdict want;
    } cases[] = {{"10.1.2.3:51234", VERDICT_ALLOW}, {"[2001:db8::7]:1", VERDICT_ALLOW},
                 {"192.0.2.7:51234", VERDICT_DENY}, {"local", VERDICT_ALLOW}};
    struct asking x;
    asking_start(&x, RAILS DENY("out", "context.ip != '' && !['10.0.0.0/8', '2001:db8::/32'].exists(n, "
                                       "cidr(n).containsIP(context.ip))"));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        x.context.address = str_of(cases[i].address);
        CHECK(asked(&x, "SELECT 1") == cases[i].want);
        CHECK(x.d.n_matched == 0 || !x.d.matched[0].failed);
    }
    asking_end(&x);
}

TEST(a_resource_from_elsewhere_is_judged_the_same)
{
    struct asking x;
    struct label labels[] = {{STR("env"), STR("production")}};
    struct resource foreign = {.name = STR("other"), .type = STR("postgres"), .labels = labels,
                               .n_labels = 1, .default_verdict = VERDICT_ALLOW};
    asking_start(&x, RAILS DENY("p", "resource.labels.env == 'production'")
                     "  - { name: s, on: sql, then: deny, resources: [shop] }\n"
                     "  - { name: m, on: sql, then: deny, when: \"resource.labels['env'] == 'production'\" }\n");
    x.action.resource = &foreign;
    CHECK(asked(&x, "SELECT 1") == VERDICT_DENY);
    CHECK_STR(asked_matched(&x), "p m");
    CHECK(policy_may_concern(x.f.config->policy, ACTION_SQL, &foreign));
    asking_end(&x);
}

TEST(kinds_and_resources_narrow_a_guardrail)
{
    struct asking x;
    asking_start(&x, RAILS "  - { name: c, on: [command, tool], then: deny }\n"
                           "  - { name: t, on: [tool, sql], then: deny, resources: test }\n"
                           "  - { name: s, on: sql, then: deny, when: resource.name == 'vault' }\n");
    const struct resource *r = x.f.config->resources;
    const struct policy *p = x.f.config->policy;
    CHECK(asked(&x, "SELECT 1") == VERDICT_ALLOW);
    CHECK(!policy_may_concern(p, ACTION_SQL, &r[0]) && policy_may_concern(p, ACTION_SQL, &r[1]));
    CHECK(policy_may_concern(p, ACTION_COMMAND, &r[0]) && !policy_may_concern(p, ACTION_HTTP, &r[0]));
    x.action.resource = &r[1];
    CHECK(asked(&x, "SELECT 1") == VERDICT_DENY);
    CHECK_STR(asked_matched(&x), "t");
    x.action.kind = ACTION_COMMAND;
    x.action.sql = NULL;
    x.run = NULL;
    CHECK_OK(policy_decide(p, x.eval, &x.action, &x.run, &x.arena, &x.d));
    CHECK_STR(asked_matched(&x), "c");
    asking_end(&x);
}

TEST(facts_of_sql_are_missing_for_other_kinds_and_so_hold)
{
    struct asking x;
    asking_start(&x, RAILS "  - { name: w, on: [command, sql], then: hold, when: sql.writes, approvals: { "
                           "from: dba } }\n");
    x.action.kind = ACTION_COMMAND;
    x.action.sql = NULL;
    CHECK_OK(policy_decide(x.f.config->policy, x.eval, &x.action, &x.run, &x.arena, &x.d));
    CHECK(x.d.verdict == VERDICT_HOLD);
    CHECK_STR(asked_matched(&x), "w!");
    asking_end(&x);
}

TEST(an_incomplete_action_is_never_decided)
{
    struct asking x;
    asking_start(&x, RAILS DENY("d", "sql.writes"));
    x.action.sql = NULL;
    CHECK_ERR(policy_decide(x.f.config->policy, x.eval, &x.action, &x.run, &x.arena, &x.d), ERR_BUG);
    x.action.sql = &x.sql;
    x.action.kind = 0;
    CHECK_ERR(policy_decide(x.f.config->policy, x.eval, &x.action, &x.run, &x.arena, &x.d), ERR_BUG);
    CHECK(x.d.verdict == 0);
    asking_end(&x);
}

TEST(messages_are_rendered_for_people)
{
    struct asking x;
    asking_start(&x, RAILS HOLD("m", "sql.writes",
                                ", message: 'é {subject.name} {{writes}} {sql.tables_written} "
                                "{sql.statements + 1} {\"}\"}{resource.labels[\"nope\"]}'")
                         HOLD("n", "sql.writes", ""));
    CHECK(asked(&x, "DELETE FROM a; DELETE FROM b.c") == VERDICT_HOLD);
    CHECK_STR(x.d.matched[0].message, "é ana {writes} a, b.c 3 }?");
    CHECK_STR(x.d.matched[1].message, "held by guardrail n");
    asking_end(&x);
}

TEST(a_message_ends_where_it_becomes_too_long)
{
    struct asking x;
    char *sql = malloc(20000);
    asking_start(&x, RAILS HOLD("m", "true", ", message: '{action.text}{action.text}{action.text}{action.text}"
                                             "{action.text}{action.text}{action.text}{action.text}'"));
    memset(sql, 'x', 19999);
    sql[19999] = '\0';
    CHECK(asked(&x, sql) == VERDICT_HOLD);
    CHECK(x.d.matched[0].message.n <= LIMIT_MESSAGE_BYTES + LIMIT_MESSAGE_VALUE + 8);
    CHECK(str_ends(x.d.matched[0].message, STR("…")));
    free(sql);
    asking_end(&x);
}

/* --- Lazy facts ----------------------------------------------------------------------------------- */

TEST(a_lazy_fact_is_asked_for_only_where_it_matters)
{
    const uint64_t rows = LAZY_BIT(LAZY_ESTIMATED_ROWS);
    struct lazy_facts few = {.known = rows, .value = {5}}, many = {.known = rows, .value = {5000}};
    struct lazy_facts failed = {.failed = rows, .why_failed = STR("the server did not answer")};
    struct asking x;
    asking_start(&x, RAILS HOLD("r", "sql.writes && (!sql.has_where || sql.estimated_rows > 1000)", ""));
    CHECK(asked(&x, "SELECT 1") == VERDICT_ALLOW && x.d.needs_facts == 0);
    CHECK(asked(&x, "DELETE FROM t") == VERDICT_HOLD && x.d.needs_facts == 0);
    CHECK(asked(&x, "DELETE FROM t WHERE id = 1") == VERDICT_HOLD && x.d.needs_facts == rows);
    CHECK_STR(asked_matched(&x), "r!");
    CHECK(asked_again(&x, &few) == VERDICT_ALLOW && x.d.needs_facts == 0 && x.d.n_matched == 0);
    CHECK(asked(&x, "DELETE FROM t WHERE id = 1") == VERDICT_HOLD);
    CHECK(asked_again(&x, &many) == VERDICT_HOLD && x.d.needs_facts == 0);
    CHECK_STR(asked_matched(&x), "r");
    CHECK(asked(&x, "DELETE FROM t WHERE id = 1") == VERDICT_HOLD);
    CHECK(asked_again(&x, &failed) == VERDICT_HOLD && x.d.needs_facts == 0);
    CHECK_STR(asked_matched(&x), "r!");
    CHECK(str_contains(x.d.matched[0].message, STR("the server did not answer")));
    CHECK_STR(asked_quorum(&x), "1 dba");
    asking_end(&x);
}

TEST(a_denial_or_an_earlier_allow_makes_facts_needless)
{
#define ROWS "sql.estimated_rows > 10"
    struct asking x;
    asking_start(&x, RAILS HOLD("h", ROWS, "") DENY("d", "sql.command == 'DELETE'"));
    CHECK(asked(&x, "DELETE FROM t") == VERDICT_DENY && x.d.needs_facts == 0);
    CHECK_STR(asked_matched(&x), "d");
    asking_end(&x);
    asking_start(&x, RAILS ALLOW("a", ROWS) ALLOW("b", "true"));
    CHECK(asked(&x, "DELETE FROM t") == VERDICT_ALLOW && x.d.needs_facts == 0);
    CHECK_STR(asked_matched(&x), "b");
    asking_end(&x);
    asking_start(&x, RAILS HOLD("o", ROWS, ", mode: observe"));
    CHECK(asked(&x, "DELETE FROM t") == VERDICT_ALLOW && x.d.needs_facts == 0);
    CHECK_STR(asked_matched(&x), "o~!");
    asking_end(&x);
    asking_start(&x, RAILS DENY("d", ROWS) HOLD("h", "true", ""));
    CHECK(asked(&x, "DELETE FROM t") != VERDICT_ALLOW && x.d.needs_facts != 0);
    asking_end(&x);
}

TEST(only_what_was_undecided_runs_again)
{
    struct asking x;
    struct lazy_facts few = {.known = LAZY_BIT(LAZY_ESTIMATED_ROWS), .value = {5}};
    asking_start(&x, RAILS HOLD("h", "sql.writes", "") HOLD("r", ROWS, ""));
    CHECK(asked(&x, "DELETE FROM t") == VERDICT_HOLD && x.d.needs_facts != 0);
    CHECK_STR(asked_matched(&x), "h r!");
    /* Changed facts that were already decided on are not looked at. */
    x.sql.writes = false;
    CHECK(asked_again(&x, &few) == VERDICT_HOLD && x.d.needs_facts == 0);
    CHECK_STR(asked_matched(&x), "h");
    asking_end(&x);
}

/* --- Cost ----------------------------------------------------------------------------------------- */

TEST(an_allowed_action_takes_no_memory)
{
    struct asking x;
    asking_start(&x, RAILS DENY("d", "sql.writes && resource.labels.env == 'production'")
                         HOLD("h", "sql.tables.exists(t, t == 'pay')", ""));
    struct arena none;
    arena_init(&none, 0);
    CHECK(asked(&x, "SELECT * FROM a") == VERDICT_ALLOW);
    x.run = NULL;
    CHECK_OK(policy_decide(x.f.config->policy, x.eval, &x.action, &x.run, &none, &x.d));
    CHECK(x.d.verdict == VERDICT_ALLOW && none.used == 0 && none.head == NULL);
    CHECK(asked(&x, "SELECT * FROM pay") == VERDICT_HOLD);
    x.run = NULL;
    x.d.verdict = 0;
    CHECK_ERR(policy_decide(x.f.config->policy, x.eval, &x.action, &x.run, &none, &x.d), ERR_NOMEM);
    CHECK(x.d.verdict == 0);
    asking_end(&x);
}

TEST(guardrails_that_cost_too_much_hold)
{
    char text[65536] = RAILS;
    for (int i = 0; i < 200; i++)
        sprintf(text + strlen(text),
                "  - { name: g%d, on: sql, then: deny, when: \"sql.tables.exists(a, sql.tables.exists(b, "
                "sql.tables.exists(c, a + b + c == '%d')))\" }\n", i, i);
    char sql[4096] = "SELECT 1 FROM t0";
    for (int i = 1; i < 60; i++)
        sprintf(sql + strlen(sql), ", t%d", i);
    struct asking x;
    asking_start(&x, text);
    CHECK(asked(&x, sql) == VERDICT_DENY);
    CHECK(x.d.n_matched > 100 && x.d.matched[x.d.n_matched - 1].failed);
    asking_end(&x);
}

/* --- The index against each in turn ------------------------------------------------------------------ */

static uint64_t random_state;

static unsigned pick(unsigned n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(random_state >> 33) % n;
}

static const char *const atoms[] = {
    "subject.name == 'ana'", "subject.name in ['bo', 'cy']", "'di' == subject.name",
    "sql.command == 'DELETE'", "sql.command in ['SELECT', 'UPDATE', 'SELECT']", "sql.writes",
    "!sql.writes", "sql.has_where", "!sql.has_where", "resource.labels.env == 'production'",
    "resource.labels.env in ['', 'test']", "resource.name == 'shop'", "resource.labels['env'] == 'production'",
    "sql.statements == 1", "sql.statements in [2, 3]", "dyn(sql.statements) == 2.0", "sql.lock_level == 3",
    "subject.name != 'bo'", "sql.tables.exists(t, t == 'a')", "'b' in sql.tables", "'delete' in sql.classes",
    "sql.classes.exists(c, c in ['ddl', 'multi', 'parse_error'])", "'' in sql.tables", "'dba' in subject.groups",
    "!('read' in sql.classes)", "sql.commands.exists(c, c != 'SELECT')", "sql.tables.exists(t, t in [])",
    "['a', 'b'].exists(t, t in sql.tables)", "sql.tables.exists(t, sql.command == 'UPDATE')",
    "context.database == 'shop'", "context.database in []", "(sql.writes || sql.has_where)",
    "!(sql.writes && sql.reads)", "sql.estimated_rows > 3", "resource.type == 'postgres'",
    "sql.command == 'SELECT' && subject.name == 'cy'", "action.kind == 'sql'", "true", "subject.on_behalf_of == ''",
};
static const char *const kinds[] = {"sql", "[sql, tool]", "command"};

static void random_rules(char *text, size_t n)
{
    char *p = text + sprintf(text, "%s", RAILS);
    for (size_t i = 0; i < n; i++) {
        p += sprintf(p, "  - { name: g%zu, on: %s, mode: %s, then: %s%s, when: \"%s", i, kinds[pick(20) / 9],
                     pick(4) == 0 ? "observe" : "enforce", pick(2) ? "deny" : "allow",
                     pick(8) == 0 ? ", resources: [test, vault]" : "", atoms[pick(ARRAY_LEN(atoms))]);
        for (unsigned k = pick(4); k > 0; k--)
            p += sprintf(p, " && %s", atoms[pick(ARRAY_LEN(atoms))]);
        p += sprintf(p, "\" }\n");
    }
}

/* Each guardrail in turn, its whole condition, without index, sharing or conjuncts. */
static enum cel_outcome in_turn(struct asking *x, const struct guardrail *g)
{
    bool listed = g->n_resources == 0;
    for (size_t i = 0; i < g->n_resources; i++)
        listed = listed || &x->f.config->resources[g->resources[i]] == x->action.resource;
    if ((g->kinds >> x->action.kind & 1) == 0 || !listed)
        return CEL_OUTCOME_FALSE;
    x->eval->cel.cost = 0;
    x->eval->cel.cost_limit = LIMIT_CEL_COST;
    return cel_test(g->when, &x->eval->cel);
}

static void compare(struct asking *x)
{
    const struct policy *p = x->f.config->policy;
    enum cel_outcome want[256];
    bool unknown = false;
    CHECK_OK(policy_eval_fill(p, x->eval, &x->action, true));
    for (size_t i = 0; i < p->n; i++)
        want[i] = in_turn(x, &p->guardrails[i]);
    x->run = NULL;
    CHECK_OK(policy_decide(p, x->eval, &x->action, &x->run, &x->arena, &x->d));
    size_t k = 0;
    for (size_t i = 0; i < p->n; i++) {
        unknown = unknown || want[i] == CEL_OUTCOME_UNKNOWN;
        bool in = k < x->d.n_matched && str_eq(x->d.matched[k].name, p->guardrails[i].name);
        if (want[i] == CEL_OUTCOME_UNKNOWN) { /* reported only where its fact is asked for */
            k += in;
            continue;
        }
        bool should = want[i] != CEL_OUTCOME_FALSE;
        if (in != should || (in && x->d.matched[k].failed != (want[i] == CEL_OUTCOME_ERROR))) {
            CHECK(in == should);
            CHECK(!in || x->d.matched[k].failed == (want[i] == CEL_OUTCOME_ERROR));
            printf("# %.*s: %s\n", STR_FMT(cel_program_text(p->guardrails[i].when)),
                   cel_outcome_name(want[i]));
            return;
        }
        k += in;
    }
    CHECK(k == x->d.n_matched);
    CHECK(x->d.needs_facts == 0 || unknown);
}

TEST(the_index_decides_as_each_guardrail_in_turn)
{
    static const char *const names[] = {"ana", "bo", "cy", "di", ""};
    static const char *const statements[] = {
        "SELECT 1", "DELETE FROM a", "DELETE FROM b WHERE id = 1", "UPDATE b SET x = 1; SELECT 1",
        "TRUNCATE a", "SELECT * FROM a, b WHERE a.x = b.x", "", "not sql", "BEGIN; DROP TABLE b; COMMIT",
    };
    static char text[65536];
    for (unsigned round = 0; round < 120 && tap.failures == 0; round++) {
        struct asking x;
        random_state = round;
        random_rules(text, 1 + pick(130));
        asking_start(&x, text);
        for (unsigned i = 0; x.f.config != NULL && i < 30; i++) {
            arena_reset(&x.arena);
            x.subject.name = str_of(names[pick(ARRAY_LEN(names))]);
            x.action.kind = pick(6) == 0 ? ACTION_TOOL : ACTION_SQL;
            x.action.resource = &x.f.config->resources[pick(3)];
            x.action.text = str_of(statements[pick(ARRAY_LEN(statements))]);
            CHECK_OK(classify_sql(&x.arena, x.action.text, &SQL_SETTINGS_DEFAULT, &x.sql));
            x.action.sql = x.action.kind == ACTION_SQL ? &x.sql : NULL;
            compare(&x);
        }
        asking_end(&x);
    }
}

/* --- Explanation and tests --------------------------------------------------------------------------- */

TEST(an_explanation_names_verdict_guardrails_and_facts)
{
    struct asking x;
    struct buf out;
    struct json j;
    buf_init(&out, MIB);
    asking_start(&x, RAILS HOLD("h", "sql.writes && !sql.has_where", ", message: 'hey {subject.name}'")
                         DENY("d", "sql.command == 'TRUNCATE TABLE'"));
    CHECK(asked(&x, "DELETE FROM t") == VERDICT_HOLD);
    struct policy_explain_options all = {.all = true, .facts = true}, some = {.all = false};
    json_init(&j, &out);
    CHECK_OK(policy_explain_json(x.f.config->policy, x.eval, &x.action, some, &x.arena, &j));
    CHECK(str_starts(buf_view(&out), STR("{\"verdict\":\"hold\",\"guardrails\":[{\"name\":\"h\",\"then\":"
                                         "\"hold\",\"mode\":\"enforce\",\"outcome\":\"true\",\"message\":\"hey "
                                         "ana\",\"when\":")));
    CHECK(!str_contains(buf_view(&out), STR("\"d\"")));
    buf_clear(&out);
    CHECK_OK(policy_explain_text(x.f.config->policy, x.eval, &x.action, all, &x.arena, &out));
    struct str text = buf_view(&out);
    CHECK(str_starts(text, STR("verdict: hold\n\nh (hold): matches\n  message: hey ana\n")));
    CHECK(str_contains(text, STR("\nd (deny): does not match\n")));
    CHECK(str_contains(text, STR("\n  sql.tables_written = ['t']\n")));
    buf_done(&out);
    asking_end(&x);
}

static enum err test_sql(void *ctx, struct str text, struct arena *a, const struct sql_facts **ret)
{
    struct sql_facts *f = arena_new(a, struct sql_facts);
    (void)ctx;
    if (f == NULL)
        return ERR_NOMEM;
    *ret = f;
    return classify_sql(a, text, &SQL_SETTINGS_DEFAULT, f);
}

TEST(a_failing_test_shows_what_was_expected_and_what_came)
{
    static const struct policy_test_facts facts = {NULL, test_sql};
    struct fixture f;
    struct buf out;
    struct policy_test_count count;
    buf_init(&out, MIB);
    fixture_text(&f, RAILS "  - name: w\n    on: sql\n    when: sql.writes && sql.estimated_rows > 10\n"
                           "    then: hold\n    approvals: { from: dba }\n    message: '{subject.person} "
                           "writes'\n    tests:\n"
                           "      - { sql: SELECT 1, expect: allow }\n"
                           "      - { sql: DELETE FROM t, facts: { estimated_rows: 11 }, as: ana, expect: hold, "
                           "expect_message: ana writes }\n"
                           "      - { sql: DELETE FROM t, facts: { estimated_rows: unknown }, expect: hold }\n"
                           "      - { sql: SELECT 1, facts: { estimated_rows: unknown }, expect: allow }\n"
                           "      - { sql: DELETE FROM t, facts: { estimated_rows: 9 }, expect: hold }\n"
                           "  - { name: v, on: sql, resources: vault, when: sql.reads, then: allow, tests: [{ "
                           "sql: DELETE FROM t, expect: deny }] }\n");
    CHECK(fixture_good(&f));
    CHECK_OK(policy_test(f.config->policy, &facts, STR(""), &out, &count));
    CHECK(count.run == 6 && count.failed == 1);
    CHECK(str_starts(buf_view(&out), STR("FAIL w: 5 tests\n  t.yaml:23\n      DELETE FROM t\n    - hold\n    + "
                                         "allow\n")));
    CHECK(str_ends(buf_view(&out), STR("ok   v: 1 test\n")));
    CHECK_ERR(policy_test(f.config->policy, &facts, STR("x"), &out, &count), ERR_NOT_FOUND);
    buf_done(&out);
    fixture_done(&f);
}

TAP_MAIN(T(the_strongest_verdict_of_all_matches_wins), T(without_a_match_the_resource_decides),
         T(a_resource_can_hold_by_default), T(a_condition_that_cannot_be_evaluated_holds_or_denies),
         T(a_failing_part_that_cannot_matter_is_absorbed),
         T(what_is_observed_is_reported_and_changes_nothing),
         T(the_quorums_of_all_matching_holds_are_needed),
         T(a_quorum_beyond_what_a_request_can_ask_denies), T(a_labelled_column_is_found_however_it_is_read),
         T(what_reads_no_labelled_column_passes), T(every_label_is_listed_once), T(a_missing_label_is_empty_and_not_an_error),
         T(the_address_of_a_session_is_a_fact_without_its_port),
         T(a_resource_from_elsewhere_is_judged_the_same), T(kinds_and_resources_narrow_a_guardrail),
         T(facts_of_sql_are_missing_for_other_kinds_and_so_hold),
         T(an_incomplete_action_is_never_decided), T(messages_are_rendered_for_people),
         T(a_message_ends_where_it_becomes_too_long), T(a_lazy_fact_is_asked_for_only_where_it_matters),
         T(a_denial_or_an_earlier_allow_makes_facts_needless), T(only_what_was_undecided_runs_again),
         T(an_allowed_action_takes_no_memory), T(guardrails_that_cost_too_much_hold),
         T(the_index_decides_as_each_guardrail_in_turn),
         T(an_explanation_names_verdict_guardrails_and_facts),
         T(a_failing_test_shows_what_was_expected_and_what_came))
