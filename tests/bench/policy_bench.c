/*
 * What a decision costs, facts in place: a plain SELECT under 25 guardrails (the ready pack and some about subjects),
 * and 2,000 guardrails `subject.name == U && sql.command == K && ...`. Thread CPU time, medians of batches.
 *
 *   policy_bench [--json] [PACK]     PACK: default packs/postgres-safety.yaml
 */
#include "policy_text.h"

#include <stdlib.h>
#include <time.h>

enum { BATCHES = 41, BATCH_NS = 2000000, RULES = 2000, SUBJECT_RULES = 11 };

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

static double median_ns(struct asking *x)
{
    double times[BATCHES], start = cpu_ns();
    for (int i = 0; i < 1000; i++)
        decide_once(x);
    size_t rounds = (size_t)(BATCH_NS / ((cpu_ns() - start) / 1000)) + 1;
    for (int b = 0; b < BATCHES; b++) {
        start = cpu_ns();
        for (size_t i = 0; i < rounds; i++)
            decide_once(x);
        times[b] = (cpu_ns() - start) / (double)rounds;
    }
    qsort(times, BATCHES, sizeof(double), by_value);
    return times[BATCHES / 2];
}

/* The facts of the statement stay for all rounds, in an arena of their own. */
static void measure(struct asking *x, bool json, const char *what, const char *who, const char *sql)
{
    static bool some;
    struct arena facts;
    arena_init(&facts, LIMIT_ACTION_ARENA);
    if (classify_sql(&facts, str_of(sql), &SQL_SETTINGS_DEFAULT, &x->sql) != ERR_OK)
        abort();
    x->subject.name = str_of(who);
    x->action.text = str_of(sql);
    double ns = median_ns(x);
    if (json)
        printf("%s{\"what\":\"%s\",\"verdict\":\"%s\",\"matched\":%zu,\"ns\":%.1f}", some ? "," : "", what,
               verdict_text(x->d.verdict), x->d.n_matched, ns);
    else
        printf("%-52s %-5s %zu matched %10.1f ns\n", what, verdict_text(x->d.verdict), x->d.n_matched, ns);
    some = true;
    arena_done(&facts);
}

static char *read_all(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, MIB);
    if (f == NULL || text == NULL || fread(text, 1, MIB - 1, f) == 0) {
        fprintf(stderr, "policy_bench: %s cannot be read\n", path);
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
    measure(&x, json, "25 guardrails, a plain SELECT", "ana", "SELECT abalance FROM pgbench_accounts WHERE aid = 4711");
    measure(&x, json, "25 guardrails, a narrow UPDATE", "ana", "UPDATE a SET x = 1 WHERE id = 4711");
    measure(&x, json, "25 guardrails, an unbounded DELETE", "ana", "DELETE FROM accounts");
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
    for (int i = 0; i < RULES; i++)
        p += sprintf(p,
                     "  - { name: g%d, on: sql, then: deny, when: \"subject.name == 'u%d' && sql.command == '%s' && "
                     "'t%d' in sql.tables\" }\n",
                     i, i % 100, commands[i / 100 % 4], i);
    asking_start(&x, text);
    measure(&x, json, "2000 guardrails, nobody they name", "ana", "SELECT * FROM t5");
    measure(&x, json, "2000 guardrails, 5 evaluated, none matches", "u7", "SELECT * FROM accounts WHERE id = 1");
    measure(&x, json, "2000 guardrails, 5 evaluated, one matches", "u7", "SELECT * FROM t7 WHERE id = 1");
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
    return 0;
}
