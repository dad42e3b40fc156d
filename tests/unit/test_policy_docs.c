/* docs/policy-language.md: every YAML block loads and its tests pass; every fact and key is described. */
#include "policy_text.h"

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

TEST(every_fact_is_described)
{
    struct fixture f;
    fixture_text(&f, "version: 1\n");
    page_read();
    const struct facts *facts = &f.config->policy->facts;
    for (uint32_t i = 0; i < facts->n; i++) {
        char cell[128];
        snprintf(cell, sizeof(cell), "\n| `%.*s` |", STR_FMT(cel_schema_at(facts->schema, i)->name));
        CHECK(str_contains(page, str_of(cell)));
        if (!str_contains(page, str_of(cell)))
            printf("# %s\n", cell + 1);
    }
    fixture_done(&f);
}

TAP_MAIN(T(every_guardrail_of_the_page_loads_and_passes_its_tests), T(every_fact_is_described))
