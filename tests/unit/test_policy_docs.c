/*
 * docs/policy-language.md against the product: every YAML block loads and its tests pass; every fact, word,
 * function, macro, operator and key is on the page, and the page names no other.
 */
#include "policy_text.h"

#include "policy/cel/func.h"
#include "policy/internal.h"

#include <stdlib.h>

static struct str page;

static void page_read(void)
{
    static char text[512 * 1024];
    FILE *f = fopen(SOURCE_ROOT "/docs/policy-language.md", "r");
    CHECK(f != NULL);
    if (f == NULL)
        return;
    page = str_from(text, fread(text, 1, sizeof(text), f));
    CHECK(page.n != 0 && page.n < sizeof(text));
    fclose(f);
}

/* The next ```yaml block after *at. */
static bool next_block(size_t *at, struct str *ret)
{
    static const char open[] = "\n```yaml\n", close[] = "\n```\n";
    const char *start = memmem(page.p + *at, page.n - *at, open, sizeof(open) - 1);
    if (start == NULL)
        return false;
    start += sizeof(open) - 1;
    const char *end = memmem(start, page.n - (size_t)(start - page.p), close, sizeof(close) - 1);
    if (end == NULL)
        return false;
    *ret = str_from(start, (size_t)(end - start) + 1);
    *at = (size_t)(end - page.p);
    return true;
}

static enum err sql_facts_of(void *ctx, struct str text, struct arena *a, const struct sql_facts **ret)
{
    struct sql_facts *f = arena_new(a, struct sql_facts);
    (void)ctx;
    if (f == NULL)
        return ERR_NOMEM;
    *ret = f;
    return classify_sql(a, text, &SQL_SETTINGS_DEFAULT, f);
}

/* The page's own head, in which every other block is included. */
static struct str head_block(void)
{
    struct str block;
    size_t at = 0;
    while (next_block(&at, &block))
        if (str_starts(block, STR("version: 1\n")))
            return block;
    return STR("");
}

static void try_block(struct str head, struct str block, size_t *guardrails, size_t *tests)
{
    static const struct policy_test_facts facts = {NULL, sql_facts_of};
    struct fixture f;
    struct buf out;
    struct policy_test_count count = {0, 0};
    char main_text[8192];
    snprintf(main_text, sizeof(main_text), "%.*sinclude: block\n", STR_FMT(head));
    const struct config_file files[] = {{STR("main"), str_of(main_text)}, {STR("block"), block}};
    buf_init(&out, MIB);
    fixture_files(&f, files, 2);
    CHECK(fixture_good(&f));
    if (f.config != NULL) {
        CHECK_OK(policy_test(f.config->policy, &facts, STR(""), &out, &count));
        CHECK(count.failed == 0);
        if (count.failed != 0)
            printf("# %.*s\n", STR_FMT(buf_view(&out)));
        *guardrails += policy_count(f.config->policy);
        *tests += count.run;
        CHECK(policy_count(f.config->policy) == 0 || count.run >= 2);
    }
    buf_done(&out);
    fixture_done(&f);
}

TEST(every_guardrail_of_the_page_loads_and_passes_its_tests)
{
    size_t at = 0, guardrails = 0, tests = 0;
    struct str block;
    page_read();
    struct str head = head_block();
    while (next_block(&at, &block))
        if (block.p != head.p)
            try_block(head, block, &guardrails, &tests);
    CHECK(guardrails >= 20 && tests >= 40);
}

/* --- The page says all there is, and nothing else ------------------------------------------------------ */

static void check_on_page(const char *text)
{
    bool there = str_contains(page, str_of(text));
    CHECK(there);
    if (!there)
        printf("# missing: %s\n", text);
}

TEST(every_fact_is_described_with_its_type)
{
    struct fixture f;
    fixture_text(&f, "version: 1\n");
    page_read();
    const struct facts *facts = &f.config->policy->facts;
    for (uint32_t i = 0; i < facts->n; i++) {
        const struct cel_variable *v = cel_schema_at(facts->schema, i);
        struct buf row CLEANUP(buf_done);
        char *text = NULL;
        buf_init(&row, KIB);
        CHECK_OK(buf_printf(&row, "\n| `%.*s` | ", STR_FMT(v->name)));
        CHECK_OK(cel_type_text(&row, v->type));
        CHECK_OK(buf_put_str(&row, STR(" |")));
        CHECK_OK(buf_take_cstr(&row, &text));
        check_on_page(text);
        free(text);
    }
    fixture_done(&f);
}

/* The part of the page from its heading to the next one of the same rank or above. */
static struct str section(const char *heading)
{
    char line[64];
    int n = snprintf(line, sizeof(line), "\n%s\n", heading);
    const char *start = memmem(page.p, page.n, line, (size_t)n);
    CHECK(start != NULL);
    if (start == NULL)
        return STR("");
    size_t rank = strspn(heading, "#");
    struct str rest = {start + n, page.n - (size_t)(start + n - page.p)};
    for (size_t i = 0; i + 1 < rest.n; i++) {
        size_t signs = 0;
        while (rest.p[i] == '\n' && i + 1 + signs < rest.n && rest.p[i + 1 + signs] == '#')
            signs++;
        if (signs != 0 && signs <= rank)
            return (struct str){rest.p, i};
    }
    return rest;
}

TEST(the_page_knows_no_other_facts)
{
    struct fixture f;
    fixture_text(&f, "version: 1\n");
    page_read();
    const struct facts *facts = &f.config->policy->facts;
    struct str line, rest = section("## Facts");
    uint32_t rows = 0;
    while (str_cut(rest, '\n', &line, &rest)) {
        if (!str_starts(line, STR("| `")))
            continue;
        struct str name, after;
        CHECK(str_cut((struct str){line.p + 3, line.n - 3}, '`', &name, &after));
        bool known = false;
        for (uint32_t i = 0; i < facts->n; i++)
            known = known || str_eq(cel_schema_at(facts->schema, i)->name, name);
        CHECK(known);
        rows++;
    }
    CHECK(rows == facts->n);
    fixture_done(&f);
}

/* The words that the elements of a list can be, in order and no others. */
static void check_words(const char *fact, unsigned count, struct str (*word)(unsigned))
{
    char line[2048];
    size_t n = (size_t)snprintf(line, sizeof(line), "\n`%s` holds any of ", fact);
    for (unsigned i = 0; i < count; i++)
        n += (size_t)snprintf(line + n, sizeof(line) - n, "%s`%.*s`", i != 0 ? ", " : "",
                              STR_FMT(word(i)));
    snprintf(line + n, sizeof(line) - n, ".\n");
    check_on_page(line);
}

TEST(every_class_trait_and_reason_is_listed)
{
    page_read();
    check_words("sql.classes", SQL_CLASS_COUNT, sql_class_name);
    check_words("sql.traits", SQL_TRAIT_COUNT, sql_trait_name);
    check_words("sql.dynamic", SQL_DYNAMIC_COUNT, sql_dynamic_name);
}

struct known {
    struct str names[256];
    size_t n;
};

static void note_name(void *ctx, struct str name)
{
    struct known *k = ctx;
    CHECK(k->n < ARRAY_LEN(k->names));
    if (k->n < ARRAY_LEN(k->names))
        k->names[k->n++] = name;
}

static void known_functions(struct known *k, const struct fixture *f)
{
    const struct compilation c = {.schema = f->config->policy->facts.schema};
    k->n = 0;
    cel_function_names(&c, note_name, k);
    cel_macro_names(note_name, k);
}

static bool is_operator(struct str name)
{
    return name.p[0] == '_' || name.p[name.n - 1] == '_';
}

/* As a call or a bare name, `f(…)`, `x.f(…)` or `f`. */
static bool is_described(struct str name)
{
    for (size_t i = 1; i + name.n < page.n; i++) {
        char before = page.p[i - 1], after = page.p[i + name.n];
        if ((before == '`' || before == '.') && (after == '(' || after == '`') &&
            memcmp(page.p + i, name.p, name.n) == 0)
            return true;
    }
    return false;
}

/* `_==_` stands on the page as `==`, `!_` as `!x`, `_[?_]` as `a[?i]`. */
static bool operator_is_described(struct str name)
{
    char text[32];
    size_t n = 0;
    text[n++] = '`';
    for (size_t i = 0; i < name.n && n + 2 < sizeof(text); i++) {
        bool inside = str_contains(name, STR("["));
        if (name.p[i] != '_')
            text[n++] = name.p[i];
        else if (inside)
            text[n++] = i == 0 ? 'a' : 'i';
        else if (i != 0 && name.p[0] != '_')
            text[n++] = 'x';
    }
    text[n++] = '`';
    return str_contains(page, str_from(text, n));
}

TEST(every_function_macro_and_operator_is_described)
{
    struct fixture f;
    struct known k;
    fixture_text(&f, "version: 1\n");
    page_read();
    known_functions(&k, &f);
    CHECK(k.n > 100);
    for (size_t i = 0; i < k.n; i++) {
        bool said = is_operator(k.names[i]) ? operator_is_described(k.names[i]) : is_described(k.names[i]);
        CHECK(said);
        if (!said)
            printf("# missing: %.*s\n", STR_FMT(k.names[i]));
    }
    fixture_done(&f);
}

static bool is_known(const struct known *k, struct str path)
{
    struct str last = path;
    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] == '.')
            last = (struct str){path.p + i + 1, path.n - i - 1};
    for (size_t i = 0; i < k->n; i++)
        if (str_eq(k->names[i], path) || str_eq(k->names[i], last))
            return true;
    return false;
}

static bool in_path(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

TEST(the_page_names_no_function_that_is_not_there)
{
    struct fixture f;
    struct known k;
    fixture_text(&f, "version: 1\n");
    page_read();
    known_functions(&k, &f);
    struct str s = section("## Functions");
    size_t calls = 0;
    for (size_t i = 1; i < s.n; i++) {
        size_t from = i;
        while (from > 0 && in_path(s.p[from - 1]))
            from--;
        if (s.p[i] != '(' || from == i)
            continue;
        bool known = is_known(&k, (struct str){s.p + from, i - from});
        CHECK(known);
        if (!known)
            printf("# unknown: %.*s\n", (int)(i - from), s.p + from);
        calls++;
    }
    CHECK(calls > 80);
    fixture_done(&f);
}

/* Keys as the tables of the readers have them: {"name", reader, offsetof… or 0, required}. */
static size_t check_keys(const char *path)
{
    static char text[128 * 1024];
    size_t keys = 0;
    FILE *f = fopen(path, "r");
    CHECK(f != NULL);
    if (f == NULL)
        return 0;
    while (fgets(text, sizeof(text), f) != NULL) {
        char name[64], reader[64];
        if (sscanf(text, " {\"%60[a-z_]\", %60[a-z_],", name, reader) != 2 ||
            (strncmp(reader, "field_", 6) != 0 && strncmp(reader, "read_", 5) != 0))
            continue;
        /* In a table, or as `audit.directory`, or in a line that shows how it is written. */
        static const char *const around[][2] = {{"`", "`"}, {".", "`"}, {" ", ": "}};
        bool said = false;
        for (size_t i = 0; i < ARRAY_LEN(around); i++) {
            char form[80];
            snprintf(form, sizeof(form), "%s%s%s", around[i][0], name, around[i][1]);
            said = said || str_contains(page, str_of(form));
        }
        CHECK(said);
        if (!said)
            printf("# missing: %s\n", name);
        keys++;
    }
    fclose(f);
    return keys;
}

TEST(every_key_of_the_file_is_described)
{
    static const char *const readers[] = {"approvals.c", "config.c",    "grants.c",  "groups.c", "stated.c",
                                          "guardrails.c", "people.c", "resources.c"};
    page_read();
    for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
        char path[512];
        snprintf(path, sizeof(path), "%s/src/policy/%s", SOURCE_ROOT, readers[i]);
        CHECK(check_keys(path) >= 3);
    }
}

TAP_MAIN(T(every_guardrail_of_the_page_loads_and_passes_its_tests), T(every_fact_is_described_with_its_type),
         T(the_page_knows_no_other_facts), T(every_class_trait_and_reason_is_listed),
         T(every_function_macro_and_operator_is_described),
         T(the_page_names_no_function_that_is_not_there), T(every_key_of_the_file_is_described))
