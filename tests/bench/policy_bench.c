/*
 * What a decision costs, facts in place: a plain SELECT under 25 guardrails (the ready pack and some about subjects),
 * and 2,000 guardrails `subject.name == U && sql.command == K && ...`, these beside a native function that compares
 * each in turn. Thread CPU time, the two interleaved, medians of batches (native 0: there is none).
 *
 *   policy-bench [--json] [PACK]     PACK: default packs/postgres-safety.yaml
 *
 * Fails where a goal is missed or the native function disagrees.
 */
#include "policy_text.h"

#include "policy/internal.h"

#include <stdlib.h>
#include <time.h>

enum { BATCHES = 41, BATCH_NS = 2000000, RULES = 2000, NATIVE_ROUNDS = 100, SUBJECT_RULES = 11 };
/* Nanoseconds: what nothing matches, and what is held, whose message is written out. */
enum { GOAL_PASSES = 250, GOAL_HELD = 500, GOAL_MANY = 1000 };

static bool agree = true, failed;

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void decide_once(struct asking *x)
{
    arena_reset(&x->arena);
    x->run = NULL;
    if (policy_decide(x->f.config->policy, x->eval, &x->action, &x->run, &x->arena, &x->d) != ERR_OK)
        abort();
}

/* One of the 2,000, as a program would have it that knows nothing but them. */
struct native_rule {
    struct str user, command, table;
};
static struct native_rule rules[RULES];

/* How many of them match: each in turn. */
static size_t native_once(const struct asking *x)
{
    size_t matched = 0;
    for (size_t i = 0; i < RULES; i++) {
        const struct native_rule *r = &rules[i];
        if (!str_eq(x->subject.name, r->user) || !str_eq(x->sql.command, r->command))
            continue;
        for (size_t k = 0; k < x->sql.tables.n; k++)
            matched += str_eq(x->sql.tables.v[k], r->table);
    }
    __asm__ volatile("" : "+r"(matched)::"memory");
    return matched;
}

struct taken {
    double ns, native_ns, ratio;
};

static struct taken median_ns(struct asking *x, bool native)
{
    double times[BATCHES], natives[BATCHES] = {0}, ratios[BATCHES] = {0}, start = cpu_ns();
    for (int i = 0; i < 1000; i++)
        decide_once(x);
    size_t rounds = (size_t)(BATCH_NS / ((cpu_ns() - start) / 1000)) + 1;
    for (int b = 0; b < BATCHES; b++) {
        start = cpu_ns();
        for (size_t i = 0; i < rounds; i++)
            decide_once(x);
        times[b] = (cpu_ns() - start) / (double)rounds;
        if (!native)
            continue;
        start = cpu_ns();
        for (size_t i = 0; i < NATIVE_ROUNDS; i++)
            agree = agree && native_once(x) == x->d.n_matched;
        natives[b] = (cpu_ns() - start) / NATIVE_ROUNDS;
        ratios[b] = times[b] / natives[b];
    }
    qsort(times, BATCHES, sizeof(double), by_value);
    qsort(natives, BATCHES, sizeof(double), by_value);
    qsort(ratios, BATCHES, sizeof(double), by_value);
    return (struct taken){times[BATCHES / 2], natives[BATCHES / 2], ratios[BATCHES / 2]};
}

static void report(const struct asking *x, bool json, const char *what, double goal, struct taken t)
{
    static bool some;
    failed = failed || t.ns > goal;
    if (json)
        printf("%s{\"what\":\"%s\",\"verdict\":\"%s\",\"matched\":%zu,\"ns\":%.1f,\"goal_ns\":%.0f,"
               "\"native_ns\":%.1f,\"ratio\":%.3f}",
               some ? "," : "", what, verdict_text(x->d.verdict), x->d.n_matched, t.ns, goal, t.native_ns, t.ratio);
    else
        printf("%-50s %-5s %7.1f ns   goal %4.0f ns %s\n", what, verdict_text(x->d.verdict), t.ns, goal,
               t.ns <= goal ? "met" : "MISSED");
    if (!json && t.native_ns > 0)
        printf("%-56s %7.1f ns   native, ratio %.3f\n", "", t.native_ns, t.ratio);
    some = true;
}

/* The facts of the statement stay for all rounds, in an arena of their own. */
static void measure(struct asking *x, bool json, const char *what, double goal, const char *who, const char *sql)
{
    struct arena facts;
    arena_init(&facts, LIMIT_ACTION_ARENA);
    if (classify_sql(&facts, str_of(sql), &SQL_SETTINGS_DEFAULT, &x->sql) != ERR_OK)
        abort();
    x->subject.name = str_of(who);
    x->action.text = str_of(sql);
    report(x, json, what, goal, median_ns(x, x->f.config->policy->n == RULES));
    arena_done(&facts);
}

static char *read_all(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, MIB);
    if (f == NULL || text == NULL || fread(text, 1, MIB - 1, f) == 0) {
        fprintf(stderr, "policy-bench: %s cannot be read\n", path);
        exit(1);
    }
    fclose(f);
    return text;
}

#define HEAD                                                                                       \
    "resources: [{ name: shop, type: postgres, listen: '*:1', upstream: db, labels: { env: production } }]\n" \
    "people: { ana: { groups: [dba] }, bo: { groups: [dba] }, cy: { groups: [dba] } }\n"           \
    "defaults: { approvals: { from: dba } }\n"                                                     \
    "guardrails:\n"

static void typical(bool json, const char *pack)
{
    struct asking x;
    char *main_text = malloc(MIB), *p = main_text;
    char *pack_text = read_all(pack);
    p += sprintf(p, "version: 1\ninclude: pack\n" HEAD);
    for (int i = 0; i < SUBJECT_RULES; i++)
        p += sprintf(p,
                     "  - { name: s%d, on: sql, then: hold, when: \"resource.labels.env == 'production' && subject.name "
                     "== 'agent%d' && sql.tables.exists(t, t == 'pay%d')\" }\n",
                     i, i, i);
    const struct config_file files[] = {{STR("main"), str_of(main_text)}, {STR("pack"), str_of(pack_text)}};
    asking_start(&x, "version: 1\n");
    fixture_done(&x.f);
    fixture_files(&x.f, files, 2);
    if (!fixture_good(&x.f))
        exit(1);
    x.action.resource = x.f.config->resources;
    measure(&x, json, "25 guardrails, a plain SELECT", GOAL_PASSES, "ana", "SELECT abalance FROM pgbench_accounts WHERE aid = 4711");
    measure(&x, json, "25 guardrails, a narrow UPDATE", GOAL_PASSES, "ana", "UPDATE a SET x = 1 WHERE id = 4711");
    measure(&x, json, "25 guardrails, an unbounded DELETE", GOAL_HELD, "ana", "DELETE FROM accounts");
    asking_end(&x);
    free(main_text);
    free(pack_text);
}

static void many(bool json)
{
    static const char *const commands[] = {"SELECT", "UPDATE", "DELETE", "INSERT"};
    struct asking x;
    char *text = malloc(MIB), *p = text;
    p += sprintf(p, "version: 1\n" HEAD);
    static char names[RULES][2][8];
    for (int i = 0; i < RULES; i++) {
        const char *command = commands[i / 100 % 4];
        snprintf(names[i][0], sizeof(names[i][0]), "u%d", i % 100);
        snprintf(names[i][1], sizeof(names[i][1]), "t%d", i);
        rules[i] = (struct native_rule){str_of(names[i][0]), str_of(command), str_of(names[i][1])};
        p += sprintf(p,
                     "  - { name: g%d, on: sql, then: deny, when: \"subject.name == '%s' && sql.command == '%s' && "
                     "'%s' in sql.tables\" }\n",
                     i, names[i][0], command, names[i][1]);
    }
    asking_start(&x, text);
    measure(&x, json, "2000 guardrails, nobody they name", GOAL_MANY, "ana", "SELECT * FROM t5");
    measure(&x, json, "2000 guardrails, 5 about the subject, none matches", GOAL_MANY, "u7", "SELECT * FROM accounts WHERE id = 1");
    measure(&x, json, "2000 guardrails, 5 about the subject, one matches", GOAL_MANY, "u7", "SELECT * FROM t7 WHERE id = 1");
    asking_end(&x);
    free(text);
}

int main(int argc, char **argv)
{
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    const char *pack = argc > 1 + json ? argv[1 + json] : "packs/postgres-safety.yaml";
    printf("%s", json ? "[" : "");
    typical(json, pack);
    many(json);
    printf("%s", json ? "]\n" : "");
    if (!agree)
        fprintf(stderr, "policy-bench: the native function disagrees\n");
    return failed || !agree;
}
