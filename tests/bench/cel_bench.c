/*
 * What one evaluation costs, beside a native C function that does the same work, in interleaved
 * slices: the median over slices of nanoseconds per evaluation and of the ratio (0: no native one).
 *
 *   cel_bench [--quick] [--json]
 *
 * Fails where a goal is missed, an evaluation allocates, or the native function disagrees. The facts
 * change with every evaluation (a ring of 64 rows), so that no branch is learnt by heart.
 */
#include "base/clock.h"
#include "base/limits.h"
#include "policy/cel/cel.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 64, PER_SLICE = 20000, MOST_SLICES = 400 };
enum { PORT, KIND, HAS_WHERE, USER, IP, PATH, TOKEN, TABLES, SLOTS };

static const struct {
    const char *name;
    const struct cel_type *type;
} facts[SLOTS] = {
    [PORT] = {"port", &CEL_TYPE_INT},          [KIND] = {"sql.kind", &CEL_TYPE_STRING},
    [HAS_WHERE] = {"sql.has_where", &CEL_TYPE_BOOL}, [USER] = {"subject.name", &CEL_TYPE_STRING},
    [IP] = {"request.ip", &CEL_TYPE_STRING},   [PATH] = {"request.path", &CEL_TYPE_STRING},
    [TOKEN] = {"request.token", &CEL_TYPE_STRING}, [TABLES] = {"sql.tables", &CEL_TYPE_STRINGS},
};

static struct cel_value rows[ROWS][SLOTS];
static struct str tables[ROWS][4];

static struct str of(const struct cel_value *row, int slot)
{
    return cel_str(row[slot]);
}

static bool one_of(struct str s, const struct str *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(s, list[i]))
            return true;
    return false;
}

#define ONE_OF(s, ...)                                                                             \
    one_of((s), (const struct str[]){__VA_ARGS__},                                                 \
           sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))

static bool native_simple(const struct cel_value *row)
{
    return row[PORT].i == 80;
}

static bool native_guardrail(const struct cel_value *row)
{
    return ONE_OF(of(row, KIND), STR("DELETE"), STR("UPDATE")) && !row[HAS_WHERE].i &&
           !ONE_OF(of(row, USER), STR("ana"), STR("bo"));
}

static bool native_policy(const struct cel_value *row)
{
    struct str ip = of(row, IP), path = of(row, PATH), token = of(row, TOKEN);
    return !ONE_OF(ip, STR("10.0.1.4"), STR("10.0.1.5"), STR("10.0.1.6")) &&
           ((str_starts(path, STR("v1")) && ONE_OF(token, STR("v1"), STR("v2"), STR("admin"))) ||
            (str_starts(path, STR("v2")) && ONE_OF(token, STR("v2"), STR("admin"))) ||
            (str_starts(path, STR("/admin")) && str_eq(token, STR("admin"))));
}

static bool native_exists(const struct cel_value *row)
{
    for (uint32_t i = 0; i < cel_length(row[TABLES]); i++)
        if (str_starts(row[TABLES].strs[i], STR("prod.")))
            return true;
    return false;
}

static const struct {
    const char *name, *text;
    bool (*native)(const struct cel_value *row);
    double goal; /* ns */
} cases[] = {
    {"simple", "port == 80", native_simple, 15},
    {"three-conjuncts",
     "sql.kind in ['DELETE', 'UPDATE'] && !sql.has_where && !(subject.name in ['ana', 'bo'])",
     native_guardrail, 30},
    {"policy-P",
     "!(request.ip in ['10.0.1.4', '10.0.1.5', '10.0.1.6']) && "
     "((request.path.startsWith('v1') && request.token in ['v1', 'v2', 'admin']) || "
     "(request.path.startsWith('v2') && request.token in ['v2', 'admin']) || "
     "(request.path.startsWith('/admin') && request.token == 'admin'))",
     native_policy, 60},
    {"exists-1-to-4", "sql.tables.exists(t, t.startsWith('prod.'))", native_exists, 60},
    {"regex", "request.path.matches('^v[0-9]+/(a|b)')", NULL, 200},
    {"or-of-regex", "sql.kind == 'COPY' || request.path.matches('^/admin/[a-z]+$')", NULL, 200},
};

static void fill_rows(void)
{
    static const struct str kinds[] = {STR_INIT("SELECT"), STR_INIT("DELETE"), STR_INIT("UPDATE"), STR_INIT("INSERT")};
    static const struct str users[] = {STR_INIT("ana"), STR_INIT("carl"), STR_INIT("bo"), STR_INIT("agent-7"), STR_INIT("dora")};
    static const struct str ips[] = {STR_INIT("10.0.1.2"), STR_INIT("10.0.1.5"), STR_INIT("10.0.1.9"), STR_INIT("192.168.0.1")};
    static const struct str paths[] = {STR_INIT("v1/orders"), STR_INIT("/admin/edit"), STR_INIT("v2/a/b"), STR_INIT("x")};
    static const struct str tokens[] = {STR_INIT("v1"), STR_INIT("admin"), STR_INIT("v2"), STR_INIT("none"), STR_INIT("v3")};
    uint32_t random = 12345;
    for (int i = 0; i < ROWS; i++) {
        struct cel_value *row = rows[i];
        random = random * 1664525u + 1013904223u;
        uint32_t r = random >> 8;
        row[PORT] = cel_int(r % 3 ? 5432 : 80);
        row[KIND] = cel_string(kinds[r % ARRAY_LEN(kinds)]);
        row[HAS_WHERE] = cel_bool(r >> 3 & 1);
        row[USER] = cel_string(users[(r >> 4) % ARRAY_LEN(users)]);
        row[IP] = cel_string(ips[(r >> 6) % ARRAY_LEN(ips)]);
        row[PATH] = cel_string(paths[(r >> 8) % ARRAY_LEN(paths)]);
        row[TOKEN] = cel_string(tokens[(r >> 10) % ARRAY_LEN(tokens)]);
        for (uint32_t t = 0; t < 4; t++)
            tables[i][t] = t == (r >> 12) % 6 ? STR("prod.orders") : STR("stage.customers");
        row[TABLES] = cel_list_of_strs(tables[i], 1 + (r >> 16) % 4);
    }
}

static int ascending(const void *a, const void *b)
{
    const double *x = (const double *)a, *y = (const double *)b;
    return *x < *y ? -1 : *x > *y;
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof(*v), ascending);
    return v[n / 2];
}

static double slice_cel(const struct cel_program *p, struct cel_eval *e, unsigned *ret_true)
{
    int64_t start = clock_mono_ns();
    unsigned yes = 0;
    for (int i = 0; i < PER_SLICE; i++) {
        e->slots = rows[i % ROWS];
        e->arena->used = 0;
        if (e->arena->head != NULL)
            arena_reset(e->arena);
        yes += cel_test(p, e) == CEL_OUTCOME_TRUE;
    }
    *ret_true = yes;
    return (double)(clock_mono_ns() - start) / PER_SLICE;
}

static double slice_native(bool (*native)(const struct cel_value *), unsigned *ret_true)
{
    int64_t start = clock_mono_ns();
    unsigned yes = 0;
    for (int i = 0; i < PER_SLICE; i++) {
        yes += native(rows[i % ROWS]);
        __asm__ volatile("" : "+r"(yes)::"memory");
    }
    *ret_true = yes;
    return (double)(clock_mono_ns() - start) / PER_SLICE;
}

/* For how many of the rows it is true: what another engine must find, too. */
static unsigned count_true(const struct cel_program *p, struct cel_eval *e)
{
    unsigned yes = 0;
    for (int i = 0; i < ROWS; i++) {
        e->slots = rows[i];
        arena_reset(e->arena);
        yes += cel_test(p, e) == CEL_OUTCOME_TRUE;
    }
    return yes;
}

static int run_case(size_t c, const struct cel_schema *schema, int slices, bool json)
{
    static double cel[MOST_SLICES], native[MOST_SLICES], ratio[MOST_SLICES];
    struct cel_options o = {.result = &CEL_TYPE_BOOL};
    struct cel_diagnostics d;
    struct cel_program *p;
    struct arena a, scratch;
    unsigned yes, native_yes = 0;
    arena_init(&a, MIB);
    arena_init(&scratch, LIMIT_EVAL_ARENA);
    if (cel_compile(&a, schema, str_of(cases[c].text), &o, &d, &p) != ERR_OK)
        return 1;
    struct cel_eval e = {.arena = &scratch, .cost_limit = LIMIT_CEL_COST};
    (void)slice_cel(p, &e, &yes);
    size_t heap = mallinfo2().uordblks;
    for (int i = 0; i < slices; i++) {
        cel[i] = slice_cel(p, &e, &yes);
        native[i] = cases[c].native != NULL ? slice_native(cases[c].native, &native_yes) : 0;
        ratio[i] = native[i] > 0 ? cel[i] / native[i] : 0;
    }
    bool grew = mallinfo2().uordblks != heap;
    bool agree = cases[c].native == NULL || yes == native_yes;
    double ns = median(cel, slices), base = median(native, slices), times = median(ratio, slices);
    if (json)
        printf("{\"case\":\"%s\",\"ns\":%.2f,\"native_ns\":%.2f,\"ratio\":%.2f,\"goal_ns\":%.0f,"
               "\"allocates\":%s,\"agrees\":%s,\"true\":%u}\n",
               cases[c].name, ns, base, times, cases[c].goal, grew ? "true" : "false", agree ? "true" : "false",
               count_true(p, &e));
    else
        printf("%-16s %8.1f ns   goal %3.0f ns %-6s native %5.1f ns, ratio %4.1f%s%s\n", cases[c].name,
               ns, cases[c].goal, ns <= cases[c].goal ? "met" : "MISSED", base, times,
               grew ? ", ALLOCATES" : "", agree ? "" : ", DISAGREES");
    cel_program_free(p);
    arena_done(&a);
    arena_done(&scratch);
    return grew || !agree || ns > cases[c].goal;
}

int main(int argc, char **argv)
{
    struct cel_schema *schema;
    int slices = MOST_SLICES, failed = 0;
    bool json = false;
    uint32_t slot;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            slices = 60;
        json |= strcmp(argv[i], "--json") == 0;
    }
    if (cel_schema_new(MIB, &schema) != ERR_OK)
        return 2;
    for (int i = 0; i < SLOTS; i++)
        if (cel_schema_var(schema, str_of(facts[i].name), facts[i].type, CEL_EAGER, &slot) != ERR_OK)
            return 2;
    fill_rows();
    for (size_t c = 0; c < ARRAY_LEN(cases); c++)
        failed += run_case(c, schema, slices, json);
    cel_schema_free(schema);
    return failed != 0;
}
