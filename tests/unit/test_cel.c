#include "tap.h"

#include "base/limits.h"
#include "policy/cel/cel.h"

#include <stdio.h>
#include <stdlib.h>

/* The facts of a small gateway; estimated_rows is lazy with bit 3, owner with bit 5. */
enum { WRITES, HAS_WHERE, TABLES, KIND, ROWS, OWNER, LABELS, PORT, TICKET, AT, SLOTS };

struct fixture {
    struct arena arena, scratch;
    struct cel_schema *schema;
    struct cel_value slots[SLOTS];
    struct cel_eval e;
    struct cel_diagnostics d;
    struct cel_program *p;
    struct buf out;
};

static const struct str tables[] = {STR_INIT("prod.orders"), STR_INIT("audit")};
static const struct cel_map_entry label_entries[] = {
    {{.meta = (uint64_t)CEL_STRING | (uint64_t)3 << 32, .s = "env"},
     {.meta = (uint64_t)CEL_STRING | (uint64_t)10 << 32, .s = "production"}}};
static const struct cel_map labels = {.entries = label_entries, .count = 1};

static void setup(struct fixture *f)
{
    static const struct {
        const char *name;
        const struct cel_type *type;
        int bit;
    } facts[SLOTS] = {
        [WRITES] = {"sql.writes", &CEL_TYPE_BOOL, CEL_EAGER},
        [HAS_WHERE] = {"sql.has_where", &CEL_TYPE_BOOL, CEL_EAGER},
        [TABLES] = {"sql.tables_written", &CEL_TYPE_STRINGS, CEL_EAGER},
        [KIND] = {"sql.kind", &CEL_TYPE_STRING, CEL_EAGER},
        [ROWS] = {"sql.estimated_rows", &CEL_TYPE_INT, 3},
        [OWNER] = {"sql.owner", &CEL_TYPE_STRING, 5},
        [LABELS] = {"resource.labels", &CEL_TYPE_LABELS, CEL_EAGER},
        [PORT] = {"port", &CEL_TYPE_INT, CEL_EAGER},
        [TICKET] = {"context.ticket", &CEL_TYPE_STRING, CEL_EAGER},
        [AT] = {"context.time", &CEL_TYPE_TIMESTAMP, CEL_EAGER},
    };
    *f = (struct fixture){.p = NULL};
    arena_init(&f->arena, 64 * MIB);
    arena_init(&f->scratch, LIMIT_EVAL_ARENA);
    buf_init(&f->out, 64 * KIB);
    if (cel_schema_new(MIB, &f->schema) != ERR_OK)
        abort();
    for (uint32_t i = 0, slot; i < SLOTS; i++)
        if (cel_schema_var(f->schema, str_of(facts[i].name), facts[i].type, facts[i].bit, &slot) != ERR_OK ||
            slot != i)
            abort();
    f->slots[WRITES] = cel_bool(true);
    f->slots[HAS_WHERE] = cel_bool(false);
    f->slots[TABLES] = cel_list_of_strs(tables, 2);
    f->slots[KIND] = cel_string(STR("DELETE"));
    f->slots[LABELS] = cel_map(&labels);
    f->slots[PORT] = cel_int(5432);
    f->slots[AT] = cel_timestamp(1700000000, 0);
    f->e = (struct cel_eval){
        .slots = f->slots, .arena = &f->scratch, .cost_limit = LIMIT_CEL_COST};
}

static void teardown(struct fixture *f)
{
    cel_program_free(f->p);
    cel_schema_free(f->schema);
    arena_done(&f->arena);
    arena_done(&f->scratch);
    buf_done(&f->out);
}

static enum err compile_with(struct fixture *f, struct str text, const struct cel_options *o)
{
    cel_program_free(f->p);
    f->p = NULL;
    return cel_compile(&f->arena, f->schema, text, o, &f->d, &f->p);
}

static enum err compile(struct fixture *f, const char *text)
{
    static const struct cel_options condition = {.result = &CEL_TYPE_BOOL, .lint = true};
    return compile_with(f, str_of(text), &condition);
}

/* The outcome of a condition by the fast evaluator, which the slow one must share. */
static enum cel_outcome test(struct fixture *f, const char *text)
{
    if (compile(f, text) != ERR_OK) {
        printf("# does not compile: %s\n", text);
        return CEL_OUTCOME_ERROR;
    }
    arena_reset(&f->scratch);
    struct cel_value slow = cel_evaluate_slow(f->p, &f->e);
    enum cel_outcome want = cel_is(slow, CEL_BOOL) ? (slow.i ? CEL_OUTCOME_TRUE : CEL_OUTCOME_FALSE)
                            : cel_is(slow, CEL_UNKNOWN_VALUE) ? CEL_OUTCOME_UNKNOWN
                                                              : CEL_OUTCOME_ERROR;
    uint64_t mask = f->e.unknown;
    enum cel_outcome got = cel_test(f->p, &f->e);
    CHECK(got == want);
    CHECK(f->e.unknown == mask);
    return got;
}

/* The text of the first diagnostic. */
static struct str complaint(struct fixture *f, const char *text)
{
    buf_clear(&f->out);
    if (compile(f, text) == ERR_OK && f->d.count == 0)
        return STR("(none)");
    if (f->d.count != 0)
        CHECK_OK(cel_diagnostic_text(&f->out, &f->d.items[0]));
    return buf_view(&f->out);
}

static struct str explained(struct fixture *f, const char *text, const struct cel_options *o)
{
    struct cel_explanation x;
    buf_clear(&f->out);
    arena_reset(&f->scratch);
    CHECK_OK(compile_with(f, str_of(text), o));
    CHECK_OK(cel_explain(f->p, &f->e, &x));
    CHECK_OK(cel_explanation_text(&f->out, &x));
    return buf_view(&f->out);
}

#define WITH(f) struct fixture f CLEANUP(teardown); setup(&f)

TEST(a_guardrail_s_condition_is_true_or_false)
{
    WITH(f);
    CHECK(test(&f, "resource.labels.env == 'production' && sql.writes && !sql.has_where") ==
          CEL_OUTCOME_TRUE);
    CHECK(test(&f, "sql.kind in ['INSERT', 'UPDATE']") == CEL_OUTCOME_FALSE);
    CHECK(test(&f, "!(sql.kind in ['INSERT', 'UPDATE'])") == CEL_OUTCOME_TRUE);
    CHECK(test(&f, "!(sql.kind in ['INSERT', 'DELETE'])") == CEL_OUTCOME_FALSE);
    CHECK(test(&f, "!(sql.kind == 'DELETE') || !(port == 1 || 5432 <= port)") == CEL_OUTCOME_FALSE);
    CHECK(test(&f, "!(port in [1, 2]) && !(sql.kind != 'DELETE')") == CEL_OUTCOME_TRUE);
    CHECK(test(&f, "sql.tables_written.exists(t, t.startsWith('prod.'))") == CEL_OUTCOME_TRUE);
    CHECK(test(&f, "sql.tables_written.all(t, t.matches('^[a-z.]+$')) && port > 1024") ==
          CEL_OUTCOME_TRUE);
    CHECK(test(&f, "has(context.ticket)") == CEL_OUTCOME_FALSE);
    CHECK(test(&f, "context.?ticket.orValue('none') == 'none'") == CEL_OUTCOME_TRUE);
    CHECK(test(&f, "context.time.getHours('Europe/Berlin') == 23") == CEL_OUTCOME_TRUE);
}

TEST(a_fact_without_a_value_is_an_error_not_a_no)
{
    WITH(f);
    CHECK(test(&f, "context.ticket == 'x'") == CEL_OUTCOME_ERROR);
    CHECK(f.e.error != NULL && f.e.error->code == CEL_E_NOT_SET);
    CHECK_STR(f.e.error->message, "context.ticket has no value");
    CHECK(test(&f, "context.ticket != 'x'") == CEL_OUTCOME_ERROR);
    CHECK(test(&f, "!(context.ticket in ['x'])") == CEL_OUTCOME_ERROR);
    f.slots[TICKET] = cel_error_of(&f.arena, CEL_E_FACT, STR("the tracker did not answer"));
    CHECK(test(&f, "has(context.ticket)") == CEL_OUTCOME_ERROR);
    CHECK(test(&f, "has(context.ticket) || true") == CEL_OUTCOME_TRUE);
}

TEST(only_facts_that_can_change_the_outcome_are_asked_for)
{
    WITH(f);
    CHECK(test(&f, "sql.estimated_rows > 1000 && sql.has_where") == CEL_OUTCOME_FALSE);
    CHECK(test(&f, "sql.estimated_rows > 1000 || sql.writes") == CEL_OUTCOME_TRUE);
    CHECK(test(&f, "sql.estimated_rows > 1000 && sql.writes") == CEL_OUTCOME_UNKNOWN);
    CHECK(f.e.unknown == (uint64_t)1 << 3);
    CHECK(test(&f, "sql.estimated_rows > 10 && sql.owner == 'ana' && sql.writes") ==
          CEL_OUTCOME_UNKNOWN);
    CHECK(f.e.unknown == ((uint64_t)1 << 3 | (uint64_t)1 << 5));
    CHECK(test(&f, "1 / (port - 5432) == 1 && sql.owner == 'ana'") == CEL_OUTCOME_UNKNOWN);
    CHECK(test(&f, "sql.owner.size() + sql.estimated_rows > 1") == CEL_OUTCOME_UNKNOWN);
    CHECK(f.e.unknown == ((uint64_t)1 << 3 | (uint64_t)1 << 5));
    CHECK(cel_program_lazy(f.p) == f.e.unknown);
    f.slots[ROWS] = cel_int(5000);
    CHECK(test(&f, "sql.estimated_rows > 1000 && sql.writes") == CEL_OUTCOME_TRUE);
    f.slots[OWNER] = cel_absent();
    CHECK(test(&f, "has(sql.owner)") == CEL_OUTCOME_FALSE);
}

TEST(an_unknown_name_is_refused_with_its_place_and_the_nearest_name)
{
    WITH(f);
    CHECK_STR(complaint(&f, "port > 1 &&\n  size(sql.tables_writen) > 0"),
              "2:12: unknown member `tables_writen` of `sql`; did you mean `tables_written`?\n"
              "  |   size(sql.tables_writen) > 0\n"
              "  | ...........^~~~~~~~~~~~~\n");
    CHECK(str_contains(complaint(&f, "prot == 1"), STR("unknown name `prot`; did you mean `port`?")));
    CHECK(str_contains(complaint(&f, "sql.kind.startWith('D')"), STR("did you mean `startsWith`?")));
    CHECK(str_contains(complaint(&f, "sql == 1"), STR("`sql` is no value by itself")));
}

TEST(a_wrong_type_or_arity_is_refused)
{
    WITH(f);
    CHECK(str_contains(complaint(&f, "port == 'x'"),
                       STR("operator `==` is not defined for (int, string)")));
    CHECK(str_contains(complaint(&f, "sql.kind.startsWith('a', 'b')"), STR("is not defined for")));
    CHECK(str_contains(complaint(&f, "port"), STR("the result should be bool, not int")));
    CHECK(str_contains(complaint(&f, "sql.writes && port"),
                       STR("an operand of && should be bool, not int")));
    CHECK(str_contains(complaint(&f, "has(port.x)"), STR("a value of type int has no members")));
    CHECK(str_contains(complaint(&f, "has(sql.nothing)"), STR("unknown member `nothing`")));
    CHECK(str_contains(complaint(&f, "sql.writes ? 1 : 'x'"), STR("the branches of ?: differ")));
    CHECK(str_contains(complaint(&f, "[1].all(1, true)"), STR("variable")));
}

TEST(syntax_errors_say_what_should_stand_there)
{
    WITH(f);
    static const char *const bad[] = {
        "",        "(",       "port ==",     "port = 1",  "a.",       "[1, ",     "{'a'}",  "'open",
        "'\\q'",   "1 2",     "b'\\u0041'",  "if",        "a.b{c: 1}", "`x`",    "\"\xff\"", "1.2.3",
        "1x",      "'\\uD800'", "9223372036854775808", "has(x)", "!", "port &", "'''a''", "\x01",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK_ERR(compile(&f, bad[i]), ERR_INVALID);
        CHECK(f.d.count > 0);
    }
}

TEST(lint_finds_patterns_without_anchors_and_what_always_fails)
{
    WITH(f);
    CHECK_OK(compile(&f, "sql.kind.matches('DEL')"));
    CHECK(f.d.count == 1 && f.d.items[0].level == CEL_LEVEL_WARNING);
    CHECK_OK(compile(&f, "sql.kind.matches('^DEL')"));
    CHECK(f.d.count == 0);
    CHECK(str_contains(complaint(&f, "sql.kind.matches('(')"), STR("bad pattern")));
    CHECK(str_contains(complaint(&f, "context.time < timestamp('soon')"), STR("always fails")));
    CHECK(str_contains(complaint(&f, "context.time.getHours('Europe/Brelin') > 1"),
                       STR("1:23: there is no time zone")));
}

TEST(macros_stand_for_their_expression)
{
    WITH(f);
    static const struct cel_macro macros[] = {
        {STR_INIT("in_production"), STR_INIT("resource.labels.env == 'production'")},
        {STR_INIT("bulk"), STR_INIT("in_production && sql.writes && !sql.has_where")},
        {STR_INIT("loop_a"), STR_INIT("loop_b")},
        {STR_INIT("loop_b"), STR_INIT("loop_a")},
        {STR_INIT("broken"), STR_INIT("port ==\n 'x'")},
    };
    struct cel_options o = {.macros = macros, .macro_count = ARRAY_LEN(macros)};
    size_t n;
    CHECK_OK(compile_with(&f, STR("bulk && port == 5432"), &o));
    CHECK(cel_test(f.p, &f.e) == CEL_OUTCOME_TRUE);
    CHECK(cel_is(cel_evaluate_slow(f.p, &f.e), CEL_BOOL));
    (void)cel_program_conjuncts(f.p, &n);
    CHECK(n == 4);
    CHECK_ERR(compile_with(&f, STR("loop_a"), &o), ERR_INVALID);
    CHECK(strcmp(f.d.items[0].code, "macro-cycle") == 0);
    CHECK_ERR(compile_with(&f, STR("sql.writes && broken"), &o), ERR_INVALID);
    CHECK_STR(f.d.items[0].macro, "broken");
    CHECK(f.d.items[0].line == 1 && f.d.items[0].column == 1);
    /* A variable of the expression is not seen inside the macro. */
    CHECK_OK(compile_with(&f, STR("[1].all(port, bulk)"), &o));
    CHECK(cel_test(f.p, &f.e) == CEL_OUTCOME_TRUE);
}

TEST(conjuncts_are_found_through_macros_and_parentheses)
{
    WITH(f);
    size_t n;
    CHECK_OK(compile(&f, "(sql.kind == 'DELETE' && port in [1, 2]) && sql.writes && !sql.has_where && "
                         "sql.estimated_rows > 1"));
    const struct cel_conjunct *c = cel_program_conjuncts(f.p, &n);
    CHECK(n == 5);
    CHECK(c[0].indexable && c[0].slot == KIND && c[0].value_count == 1);
    CHECK(c[1].indexable && c[1].slot == PORT && c[1].value_count == 2);
    CHECK(c[2].indexable && c[2].slot == WRITES && c[2].values[0].i == 1);
    CHECK(c[3].indexable && c[3].slot == HAS_WHERE && c[3].values[0].i == 0);
    CHECK(!c[4].indexable && c[4].lazy == (uint64_t)1 << 3);
    CHECK(cel_test_conjunct(f.p, 0, &f.e) == CEL_OUTCOME_TRUE);
    CHECK(cel_test_conjunct(f.p, 1, &f.e) == CEL_OUTCOME_FALSE);
    CHECK(cel_test_conjunct(f.p, 4, &f.e) == CEL_OUTCOME_UNKNOWN);
    CHECK(cel_test_conjunct(f.p, 9, &f.e) == CEL_OUTCOME_ERROR);
    CHECK(cel_program_reads(f.p, KIND) && !cel_program_reads(f.p, AT));
    struct str first = c[0].canonical;
    CHECK_OK(compile(&f, "  sql . kind=='DELETE' "));
    CHECK(str_eq(cel_program_conjuncts(f.p, &n)[0].canonical, first));
    CHECK_OK(compile(&f, "sql.kind != 'DELETE'"));
    CHECK(!cel_program_conjuncts(f.p, &n)[0].indexable);
#define TABLE "sql.tables_written"
    CHECK_OK(compile(&f, "'a' in " TABLE " && " TABLE ".exists(t, t == 'b') && " TABLE ".exists(t, t in ['c', 'd']) && "
                         "!('e' in " TABLE ") && " TABLE ".exists(t, t != 'f') && " TABLE ".all(t, t == 'g') && "
                         TABLE ".exists(t, sql.kind == 'h') && " TABLE ".exists(i, t, t == 'j')"));
#undef TABLE
    c = cel_program_conjuncts(f.p, &n);
    CHECK(n == 8);
    for (size_t i = 0; i < n; i++) {
        CHECK(c[i].indexable == (i < 3));
        CHECK(i >= 3 || (c[i].of_element && c[i].slot == TABLES && c[i].value_count == i / 2 + 1));
    }
}

TEST(an_explanation_shows_what_decided_with_its_operands)
{
    WITH(f);
    static const struct cel_macro macros[] = {
        {STR_INIT("in_production"), STR_INIT("resource.labels.env == 'production'")}};
    struct cel_options o = {.macros = macros, .macro_count = 1};
    f.slots[ROWS] = cel_int(4711);
    CHECK_STR(explained(&f, "in_production && sql.estimated_rows > 1000", &o),
              "`resource.labels.env == 'production'` is true (resource.labels.env = 'production', "
              "resource.labels = {'env': 'production'}) in macro in_production\n"
              "`sql.estimated_rows > 1000` is true (sql.estimated_rows = 4711)\n");
    CHECK_STR(explained(&f, "sql.writes && (sql.has_where || port < 10)", &o),
              "`sql.has_where` is false (sql.has_where = false)\n"
              "`port < 10` is false (port = 5432)\n");
    CHECK_STR(explained(&f, "sql.tables_written.exists(t, t.startsWith('prod.'))", &o),
              "`t.startsWith('prod.')` is true (t = 'prod.orders')\n");
    CHECK_STR(explained(&f, "port > 1 && context.ticket == 'x'", &o),
              "error: context.ticket has no value\n"
              "`context.ticket == 'x'` is <error: context.ticket has no value> (context.ticket = "
              "<error: context.ticket has no value>)\n");
}

TEST(the_cost_budget_ends_what_takes_too_long)
{
    WITH(f);
    static const char *const expensive[] = {
        "lists.range(1000000).all(x, true)",
        "[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, "
        "[1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, [1,2,3,4,5,6,7,8,9,10].all(g, "
        "a + b + c + d + e + g + port > 0))))))",
        "cel.bind(a, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' + sql.kind, cel.bind(b, a+a+a+a+a+a+a+a, "
        "cel.bind(c, b+b+b+b+b+b+b+b, cel.bind(d, c+c+c+c+c+c+c+c, cel.bind(e, d+d+d+d+d+d+d+d, "
        "(e+e+e+e+e+e).size() > 0)))))",
        "cel.bind(a, [port, port], cel.bind(b, [a, a], cel.bind(c, [b, b], cel.bind(d, [c, c], "
        "cel.bind(e, [d, d], cel.bind(g, [e, e], cel.bind(h, [g, g], cel.bind(i, [h, h], cel.bind(j, [i, "
        "i], cel.bind(k, [j, j], cel.bind(l, [k, k], cel.bind(m, [l, l], cel.bind(n, [m, m], cel.bind(o, "
        "[n, n], cel.bind(q, [o, o], cel.bind(r, [q, q], cel.bind(s, [r, r], cel.bind(t, [s, s], "
        "cel.bind(u, [t, t], [u, u] == [u, u])))))))))))))))))))",
    };
    for (size_t i = 0; i < ARRAY_LEN(expensive); i++) {
        CHECK_OK(compile(&f, expensive[i]));
        arena_reset(&f.scratch);
        CHECK(cel_test(f.p, &f.e) == CEL_OUTCOME_ERROR);
        CHECK(f.e.error->code == CEL_E_COST || f.e.error->code == CEL_E_MEMORY);
        arena_reset(&f.scratch);
        CHECK(cel_is(cel_evaluate_slow(f.p, &f.e), CEL_ERROR_VALUE));
    }
    CHECK_OK(compile(&f, "port > 1 && sql.writes"));
    f.e.cost_limit = 1;
    CHECK(cel_test(f.p, &f.e) == CEL_OUTCOME_ERROR);
}

TEST(nesting_length_and_size_are_bounded_at_load)
{
    WITH(f);
    static const struct {
        const char *open, *middle, *close;
        size_t times;
    } shapes[] = {
        {"(", "true", ")", 5000},      {"!", "true", "", 50000},  {"[", "", "]", 5000},
        {"-", "1", "", 50000},         {"{1:", "1", "}", 5000},   {"true?true:", "true", "", 5000},
        {"1+", "1", "", 5000},         {"a.", "b", "", 5000},     {"x[", "0", "]", 5000},
        {"[1].all(x,", "true", ")", 5000},
    };
    char *text = malloc(200000);
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        size_t n = 0;
        for (size_t k = 0; k < shapes[i].times; k++, n += strlen(shapes[i].open))
            memcpy(text + n, shapes[i].open, strlen(shapes[i].open));
        n += (size_t)sprintf(text + n, "%s", shapes[i].middle);
        for (size_t k = 0; k < shapes[i].times; k++, n += strlen(shapes[i].close))
            memcpy(text + n, shapes[i].close, strlen(shapes[i].close));
        CHECK_ERR(compile_with(&f, str_from(text, n), NULL), ERR_INVALID);
        arena_reset(&f.arena);
        f.p = NULL;
    }
    memset(text, ' ', 200000);
    CHECK_ERR(compile_with(&f, str_from(text, 200000), NULL), ERR_INVALID);
    free(text);
}

/* What the limits let through must run in both evaluators, deep as it is. */
TEST(the_deepest_expression_allowed_is_evaluated)
{
    WITH(f);
    static const struct {
        const char *open, *middle, *close;
        size_t times;
    } shapes[] = {
        {"", "port", "+1", 990},          {"", "sql.kind", "+'x'", 990}, {"(", "port", ")", 240},
        {"[", "1", "]", 240},             {"{1:", "1", "}", 240},        {"!", "sql.writes", "", 240},
        {"[1].map(x,", "x", ")", 240},    {"cel.bind(a,1,", "a", ")", 240},
        {"", "sql.writes", "&&sql.writes", 5000}, {"sql.writes?1:", "2", "", 240},
        {"", "dyn(1)", ".a", 990},        {"", "[1]", "==[1]", 0},
    };
    char *text = malloc(200000);
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        size_t n = 0;
        struct cel_explanation x;
        for (size_t k = 0; k < shapes[i].times; k++, n += strlen(shapes[i].open))
            memcpy(text + n, shapes[i].open, strlen(shapes[i].open));
        n += (size_t)sprintf(text + n, "%s", shapes[i].middle);
        for (size_t k = 0; k < shapes[i].times; k++, n += strlen(shapes[i].close))
            memcpy(text + n, shapes[i].close, strlen(shapes[i].close));
        CHECK_OK(compile_with(&f, str_from(text, n), NULL));
        arena_reset(&f.scratch);
        enum cel_kind fast = f.p != NULL ? cel_kind_of(cel_evaluate(f.p, &f.e)) : CEL_UNSET;
        CHECK(f.p != NULL && cel_kind_of(cel_evaluate_slow(f.p, &f.e)) == fast && fast != CEL_UNSET);
        arena_reset(&f.scratch);
        CHECK(f.p == NULL || cel_explain(f.p, &f.e, &x) == ERR_OK);
    }
    free(text);
}

TEST(macros_that_double_each_other_are_bounded)
{
    WITH(f);
    struct cel_macro macros[64];
    char names[64][8], texts[64][32];
    for (int i = 0; i < 64; i++) {
        sprintf(names[i], "m%d", i);
        if (i == 0)
            strcpy(texts[i], "port > 1");
        else
            sprintf(texts[i], "m%d || !m%d", i - 1, i - 1);
        macros[i] = (struct cel_macro){str_of(names[i]), str_of(texts[i])};
    }
    struct cel_options o = {.macros = macros, .macro_count = 64};
    CHECK_ERR(compile_with(&f, STR("m63"), &o), ERR_INVALID);
    CHECK_OK(compile_with(&f, STR("m5"), &o));
    CHECK(cel_test(f.p, &f.e) == CEL_OUTCOME_TRUE);
}

TEST(a_condition_takes_no_memory_from_the_arena)
{
    WITH(f);
    CHECK_OK(compile(&f, "sql.kind in ['DELETE', 'UPDATE'] && !sql.has_where && port == 5432 && "
                         "sql.kind.startsWith('DEL') && sql.kind.matches('^D.*E$')"));
    arena_reset(&f.scratch);
    CHECK(cel_test(f.p, &f.e) == CEL_OUTCOME_TRUE);
    CHECK(f.scratch.used == 0);
}

TEST(values_are_shown_and_copied_whole)
{
    WITH(f);
    struct cel_value copy;
    CHECK_OK(compile_with(&f, STR("{'a': [1, 2u, 1.5, b'\\xff', null], 'b': optional.of(duration('90s')), "
                                  "'c': type(ip('::1')), 'd': timestamp(0), 'it\\'s': cidr('10.0.0.0/8')}"),
                          NULL));
    struct cel_value v = cel_evaluate(f.p, &f.e);
    CHECK_OK(cel_value_dup(&f.arena, v, &copy));
    arena_reset(&f.scratch);
    CHECK_OK(cel_value_text(&f.out, copy, 500));
    CHECK_STR(buf_view(&f.out),
              "{'a': [1, 2u, 1.5, b'\\xff', null], 'b': optional.of(90s), 'c': net.IP, "
              "'d': 1970-01-01T00:00:00Z, 'it\\'s': 10.0.0.0/8}");
    buf_clear(&f.out);
    CHECK_OK(cel_value_text(&f.out, cel_string(STR("äöü")), 4));
    CHECK_STR(buf_view(&f.out), "'ä…");
    buf_clear(&f.out);
    CHECK_OK(cel_value_plain(&f.out, f.slots[TABLES], 100));
    CHECK_STR(buf_view(&f.out), "prod.orders, audit");
}

TEST(large_maps_and_sets_are_found_by_hash)
{
    WITH(f);
    struct cel_map_entry entries[100];
    struct cel_map m;
    for (int i = 0; i < 100; i++)
        entries[i] = (struct cel_map_entry){i % 2 ? cel_int(i) : cel_uint((uint64_t)i), cel_int(i * i)};
    CHECK_OK(cel_map_init(&m, &f.arena, entries, 100));
    for (int i = 0; i < 100; i++) {
        const struct cel_value *v = cel_map_find(&m, cel_double(i));
        CHECK(v != NULL && v->i == i * i);
    }
    CHECK(cel_map_find(&m, cel_double(1.5)) == NULL && cel_map_find(&m, cel_null()) == NULL);
    entries[99].key = cel_double(3);
    CHECK_ERR(cel_map_init(&m, &f.arena, entries, 100), ERR_INVALID);
    entries[99].key = cel_uint(97);
    CHECK_ERR(cel_map_init(&m, &f.arena, entries, 100), ERR_EXISTS);
    CHECK(test(&f, "port in [1,2,3,4,5,6,7,8,9,10,11,12,5432] && !(port in [1u, 2u, 3u].map(x, int(x)))") ==
          CEL_OUTCOME_TRUE);
    CHECK(test(&f, "sql.kind in ['a','b','c','d','e','f','g','h','i','j','DELETE']") == CEL_OUTCOME_TRUE);
}

TEST(keys_made_to_collide_are_refused_not_searched)
{
    WITH(f);
    enum { COUNT = 2000, MASK = 4095 };
    struct cel_map_entry *entries = calloc(COUNT, sizeof(*entries));
    struct cel_map m;
    size_t n = 0;
    /* The engine's own mixing of integers: all of these want the same place. */
    for (uint64_t i = 0; n < COUNT; i++) {
        uint64_t h = i;
        h ^= h >> 32;
        h *= 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
        if ((h & MASK) == 0)
            entries[n++] = (struct cel_map_entry){cel_uint(i), cel_null()};
    }
    CHECK_ERR(cel_map_init(&m, &f.arena, entries, COUNT), ERR_LIMIT);
    for (n = 0; n < COUNT; n++)
        entries[n].key = cel_uint(n);
    CHECK_OK(cel_map_init(&m, &f.arena, entries, COUNT));
    free(entries);
}

TEST(computed_patterns_are_cached)
{
    WITH(f);
    CHECK_OK(cel_regex_cache_new(&f.e.regexes));
    CHECK_OK(compile(&f, "sql.tables_written.exists(t, 'x.audit'.matches(t + '$'))"));
    CHECK(cel_test(f.p, &f.e) == CEL_OUTCOME_TRUE);
    uint64_t first = f.e.cost;
    CHECK(cel_test(f.p, &f.e) == CEL_OUTCOME_TRUE);
    CHECK(f.e.cost < first);
    CHECK_OK(compile(&f, "'x'.matches('(' + sql.kind)"));
    CHECK(cel_test(f.p, &f.e) == CEL_OUTCOME_ERROR);
    CHECK_OK(compile(&f, "lists.range(200).all(i, 'x'.matches(string(i)) == false)"));
    CHECK(cel_test(f.p, &f.e) == CEL_OUTCOME_TRUE);
    cel_regex_cache_free(f.e.regexes);
}

TAP_MAIN(T(a_guardrail_s_condition_is_true_or_false), T(a_fact_without_a_value_is_an_error_not_a_no),
         T(only_facts_that_can_change_the_outcome_are_asked_for),
         T(an_unknown_name_is_refused_with_its_place_and_the_nearest_name),
         T(a_wrong_type_or_arity_is_refused), T(syntax_errors_say_what_should_stand_there),
         T(lint_finds_patterns_without_anchors_and_what_always_fails),
         T(macros_stand_for_their_expression), T(conjuncts_are_found_through_macros_and_parentheses),
         T(an_explanation_shows_what_decided_with_its_operands),
         T(the_cost_budget_ends_what_takes_too_long), T(nesting_length_and_size_are_bounded_at_load),
         T(the_deepest_expression_allowed_is_evaluated),
         T(macros_that_double_each_other_are_bounded), T(a_condition_takes_no_memory_from_the_arena),
         T(values_are_shown_and_copied_whole), T(large_maps_and_sets_are_found_by_hash),
         T(keys_made_to_collide_are_refused_not_searched), T(computed_patterns_are_cached))
