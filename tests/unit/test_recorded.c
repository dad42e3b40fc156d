/* Actions judged again from their recorded facts. */
#include "tap.h"

#include "base/clock.h"
#include "policy/recorded.h"
#include "policy_text.h"
#include "sql_texts.h"

#define SHOP                                                                                       \
    "version: 1\n"                                                                                 \
    "resources:\n"                                                                                 \
    "  - {name: shop, type: postgres, listen: '127.0.0.1:1', upstream: 'postgresql://h', labels: {environment: %s}}\n" \
    "people:\n"                                                                                    \
    "  ana: {groups: [%s]}\n"                                                                      \
    "  bo: {groups: [dba]}\n"                                                                      \
    "  cleo: {groups: [dba]}\n"                                                                    \
    "guardrails:\n"

#define HOLD(name, when)                                                                           \
    "  - {name: " name ", on: sql, when: \"" when "\", then: hold, approvals: [{from: [dba], count: 1}]}\n"

static const char *config_of(const char *environment, const char *groups, const char *guardrails)
{
    static char texts[4][8192];
    static int n;
    char *text = texts[n++ % 4], head[1024];
    (void)snprintf(head, sizeof(head), SHOP, environment, groups);
    (void)snprintf(text, sizeof(texts[0]), "%s%s", head, guardrails);
    return text;
}

struct paper {
    struct buf out;
    struct json_part facts;
    struct str vocabulary;
    struct arena arena;
    struct policy_judged judged;
};

static void paper_start(struct paper *p)
{
    *p = (struct paper){.vocabulary = {NULL, 0}};
    buf_init(&p->out, 16 * MIB);
    arena_init(&p->arena, LIMIT_ACTION_ARENA);
}

static void paper_end(struct paper *p)
{
    buf_done(&p->out);
    arena_done(&p->arena);
}

/* The facts of the action that was asked about last. */
static void write_down(struct asking *x, struct paper *p)
{
    struct json j;
    buf_clear(&p->out);
    json_init(&j, &p->out);
    CHECK_OK(policy_facts_json(x->f.config->policy, x->eval, &x->action, &j));
    CHECK(json_part_of(buf_view(&p->out), &p->facts));
    p->vocabulary = x->f.config->vocabulary;
}

static enum err judge_by(struct asking *by, const struct asking *of, struct paper *p)
{
    struct policy_recorded r = {.kind = ACTION_SQL,
                                .facts = p->facts,
                                .text = of->action.text,
                                .text_known = true,
                                .time_wall_ns = of->action.time_wall_ns};
    arena_reset(&p->arena);
    if (p->vocabulary.n != 0)
        CHECK_OK(policy_vocabulary_known(by->f.config->policy, p->vocabulary, &p->arena, &r.known));
    return policy_judge_recorded(by->f.config->policy, by->eval, &r, &p->arena, &p->judged);
}

static const char *const many =
    HOLD("writes", "sql.writes && !sql.has_narrow_where")
    HOLD("dynamic", "sql.dynamic.size() > 0 || 'ddl' in sql.classes")
    HOLD("places", "resource.labels.environment == 'production' && 'orders' in sql.table_names")
    HOLD("hours", "now.getHours('UTC') > 20 && sql.may_write")
    HOLD("text", "action.text.contains('secret') || context.database != 'shop'")
    HOLD("locks", "sql.lock_level > 5 || sql.limit == -1 && sql.joins_without_condition > 0")
    "  - {name: strangers, on: sql, when: \"!('dba' in subject.groups) && sql.writes\", then: deny}\n";

TEST(the_same_policy_says_the_same_of_what_was_recorded)
{
    struct asking x;
    struct paper p;
    size_t held = 0;
    asking_start(&x, config_of("production", "dba", many));
    paper_start(&p);
    const struct person *ana = people_find(&x.f.config->people, STR("ana"));
    x.subject.person = ana->name;
    x.subject.groups = ana->groups;
    x.subject.n_groups = ana->n_groups;
    x.action.time_wall_ns = INT64_C(1767647400) * NS_PER_S; /* 21:10 */
    for (size_t i = 0; i < ARRAY_LEN(sql_texts); i++) {
        enum verdict v = asked(&x, sql_texts[i]);
        write_down(&x, &p);
        CHECK_OK(judge_by(&x, &x, &p));
        CHECK(p.judged.unknown.n == 0);
        CHECK(p.judged.decision.verdict == v);
        CHECK(p.judged.decision.n_matched == x.d.n_matched);
        for (size_t k = 0; k < x.d.n_matched; k++)
            CHECK(str_eq(p.judged.decision.matched[k].name, x.d.matched[k].name));
        held += v == VERDICT_HOLD;
    }
    CHECK(held > 10 && held < ARRAY_LEN(sql_texts));
    paper_end(&p);
    asking_end(&x);
}

TEST(a_changed_policy_judges_by_the_facts_as_they_were)
{
    struct asking was, now;
    struct paper p;
    asking_start(&was, config_of("test", "dba", HOLD("writes", "sql.writes")));
    asking_start(&now, config_of("test", "dba", HOLD("deletes", "'delete' in sql.classes")));
    paper_start(&p);
    CHECK(asked(&was, "UPDATE orders SET a = 1") == VERDICT_HOLD);
    write_down(&was, &p);
    CHECK_OK(judge_by(&now, &was, &p));
    CHECK(p.judged.decision.verdict == VERDICT_ALLOW);
    CHECK(asked(&was, "DELETE FROM orders") == VERDICT_HOLD);
    write_down(&was, &p);
    CHECK_OK(judge_by(&now, &was, &p));
    CHECK(p.judged.decision.verdict == VERDICT_HOLD);
    CHECK(p.judged.decision.quorum.n_reqs == 1);
    paper_end(&p);
    asking_end(&was);
    asking_end(&now);
}

TEST(people_and_labels_are_those_of_the_judging_configuration)
{
    struct asking was, now;
    struct paper p;
    asking_start(&was, config_of("test", "dba", HOLD("w", "sql.writes")));
    asking_start(&now, config_of("production", "interns",
                                 HOLD("w", "resource.labels.environment == 'production' && "
                                           "'interns' in subject.groups")));
    paper_start(&p);
    (void)asked(&was, "SELECT 1");
    write_down(&was, &p);
    CHECK_OK(judge_by(&now, &was, &p));
    CHECK(p.judged.decision.verdict == VERDICT_HOLD && p.judged.unknown.n == 0);
    paper_end(&p);
    asking_end(&was);
    asking_end(&now);
}

TEST(a_fact_that_was_never_obtained_is_named_as_unknown_and_not_guessed)
{
    struct asking was, now;
    struct paper p;
    asking_start(&was, config_of("test", "dba", HOLD("w", "sql.writes")));
    asking_start(&now, config_of("test", "dba", HOLD("many", "sql.writes && sql.estimated_rows > 10")));
    paper_start(&p);
    (void)asked(&was, "DELETE FROM orders");
    write_down(&was, &p);
    CHECK_OK(judge_by(&now, &was, &p));
    CHECK_STR(p.judged.unknown, "sql.estimated_rows");
    (void)asked(&was, "SELECT 1"); /* where it does not matter it is not missed */
    write_down(&was, &p);
    CHECK_OK(judge_by(&now, &was, &p));
    CHECK(p.judged.unknown.n == 0 && p.judged.decision.verdict == VERDICT_ALLOW);
    paper_end(&p);
    asking_end(&was);
    asking_end(&now);
}

TEST(a_fact_that_was_obtained_counts_and_one_that_failed_fails_again)
{
    struct asking x;
    struct paper p;
    struct lazy_facts lazy = {.known = LAZY_BIT(LAZY_ESTIMATED_ROWS), .value = {0}};
    asking_start(&x, config_of("test", "dba", HOLD("many", "sql.writes && sql.estimated_rows > 10")));
    paper_start(&p);
    (void)asked(&x, "DELETE FROM orders");
    x.action.lazy = &lazy;
    write_down(&x, &p); /* zero rows are not the same as no answer */
    CHECK_OK(judge_by(&x, &x, &p));
    CHECK(p.judged.unknown.n == 0 && p.judged.decision.verdict == VERDICT_ALLOW);
    lazy = (struct lazy_facts){.failed = LAZY_BIT(LAZY_ESTIMATED_ROWS), .why_failed = STR("no replica")};
    write_down(&x, &p);
    CHECK_OK(judge_by(&x, &x, &p));
    CHECK(p.judged.unknown.n == 0 && p.judged.decision.verdict == VERDICT_HOLD);
    CHECK(p.judged.decision.matched[0].failed);
    paper_end(&p);
    asking_end(&x);
}

TEST(a_fact_that_the_program_did_not_have_then_is_unknown)
{
    struct asking x;
    struct paper p;
    asking_start(&x, config_of("test", "dba", HOLD("w", "sql.writes && !sql.has_where")));
    paper_start(&p);
    (void)asked(&x, "DELETE FROM orders");
    write_down(&x, &p);
    p.vocabulary = STR("subject.name sql.writes sql.classes"); /* has_where is left out: false, or unheard of */
    CHECK_OK(judge_by(&x, &x, &p));
    CHECK_STR(p.judged.unknown, "sql.has_where");
    p.vocabulary = STR("subject.name sql.writes sql.has_where");
    CHECK_OK(judge_by(&x, &x, &p));
    CHECK(p.judged.unknown.n == 0);
    paper_end(&p);
    asking_end(&x);
}

TEST(a_certain_denial_needs_no_unknown_fact)
{
    struct asking was, now;
    struct paper p;
    asking_start(&was, config_of("test", "dba", HOLD("w", "sql.writes")));
    asking_start(&now, config_of("test", "dba",
                                 HOLD("many", "sql.estimated_rows > 10")
                                 "  - {name: never, on: sql, when: \"sql.writes\", then: deny}\n"));
    paper_start(&p);
    (void)asked(&was, "DELETE FROM orders");
    write_down(&was, &p);
    CHECK_OK(judge_by(&now, &was, &p));
    CHECK(p.judged.unknown.n == 0 && p.judged.decision.verdict == VERDICT_DENY);
    paper_end(&p);
    asking_end(&was);
    asking_end(&now);
}

TEST(an_action_on_a_resource_that_is_gone_is_not_judged)
{
    struct asking x;
    struct paper p;
    asking_start(&x, config_of("test", "dba", HOLD("w", "sql.writes")));
    paper_start(&p);
    CHECK(json_part_of(STR("{\"resource.name\":\"gone\",\"subject.name\":\"ana\"}"), &p.facts));
    CHECK_ERR(judge_by(&x, &x, &p), ERR_NOT_FOUND);
    CHECK(json_part_of(STR("[]"), &p.facts));
    CHECK_ERR(judge_by(&x, &x, &p), ERR_NOT_FOUND);
    paper_end(&p);
    asking_end(&x);
}

TEST(facts_of_a_wrong_type_are_refused)
{
    static const char *const bad[] = {
        "{\"resource.name\":\"shop\",\"sql.writes\":\"yes\"}",
        "{\"resource.name\":\"shop\",\"sql.tables\":\"orders\"}",
        "{\"resource.name\":\"shop\",\"sql.tables\":[1]}",
        "{\"resource.name\":\"shop\",\"sql.limit\":1.5}",
        "{\"resource.name\":\"shop\",\"now\":\"yesterday\"}",
        "{\"resource.name\":\"shop\",\"subject.name\":{\"hex\":\"zz\"}}",
    };
    struct asking x;
    struct paper p;
    asking_start(&x, config_of("test", "dba", HOLD("w", "sql.writes")));
    paper_start(&p);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK(json_part_of(str_of(bad[i]), &p.facts));
        CHECK_ERR(judge_by(&x, &x, &p), ERR_INVALID);
    }
    paper_end(&p);
    asking_end(&x);
}

TEST(a_name_that_is_no_utf8_keeps_its_bytes)
{
    struct asking x;
    struct paper p;
    asking_start(&x, config_of("test", "dba", HOLD("w", "subject.name.size() > 0")));
    paper_start(&p);
    x.subject.name = STR("a\xff\xfe");
    (void)asked(&x, "SELECT 1");
    write_down(&x, &p);
    CHECK(str_contains(buf_view(&p.out), STR("\"subject.name\":{\"hex\":\"61fffe\"}")));
    CHECK_OK(judge_by(&x, &x, &p));
    paper_end(&p);
    asking_end(&x);
}

TAP_MAIN(T(the_same_policy_says_the_same_of_what_was_recorded),
         T(a_changed_policy_judges_by_the_facts_as_they_were),
         T(people_and_labels_are_those_of_the_judging_configuration),
         T(a_fact_that_was_never_obtained_is_named_as_unknown_and_not_guessed),
         T(a_fact_that_was_obtained_counts_and_one_that_failed_fails_again),
         T(a_fact_that_the_program_did_not_have_then_is_unknown),
         T(a_certain_denial_needs_no_unknown_fact),
         T(an_action_on_a_resource_that_is_gone_is_not_judged), T(facts_of_a_wrong_type_are_refused),
         T(a_name_that_is_no_utf8_keeps_its_bytes))
