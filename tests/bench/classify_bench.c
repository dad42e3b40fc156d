/*
 * What facts cost: bare raw parse by the library, the facts of a new text, the facts of a cached one. Thread CPU time,
 * the three interleaved in one run, medians of batches.
 *
 *   classify_bench [--json]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "classify/cache.h"
#include "classify/sql.h"

#undef printf
#undef snprintf

/* The library's own entry, which the facts are compared with. */
typedef struct {
    void *tree;
    char *stderr_buffer;
    void *error;
} raw_parse_result;
extern raw_parse_result pg_query_raw_parse(const char *input);
extern void *pg_query_enter_memory_context(void);
extern void pg_query_exit_memory_context(void *ctx);

static const struct {
    const char *name, *text;
} samples[] = {
    {"pgbench select", "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;"},
    {"pgbench update", "UPDATE pgbench_accounts SET abalance = abalance + 12 WHERE aid = 4711;"},
    {"insert", "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 2, 3, 4, CURRENT_TIMESTAMP);"},
    {"orm select", "SELECT \"accounts\".\"id\", \"accounts\".\"owner\", \"accounts\".\"balance\" FROM \"accounts\" "
                   "WHERE \"accounts\".\"owner\" = $1 AND \"accounts\".\"note\" IS NULL ORDER BY \"accounts\".\"id\" "
                   "LIMIT 20"},
    {"ten-line join",
     "SELECT c.name, o.id, count(*) AS items, sum(i.price * i.quantity) AS total\n"
     "FROM customers c\n"
     "JOIN orders o ON o.customer_id = c.id\n"
     "JOIN items i ON i.order_id = o.id\n"
     "LEFT JOIN shipments s ON s.order_id = o.id AND s.state <> 'lost'\n"
     "LEFT JOIN refunds r ON r.order_id = o.id\n"
     "WHERE o.created_at BETWEEN '2026-01-01' AND '2026-02-01'\n"
     "  AND c.country IN ('DE', 'FR', 'IT') AND lower(c.email) LIKE '%@example.org'\n"
     "GROUP BY c.name, o.id HAVING sum(i.price) > 100\n"
     "ORDER BY total DESC, c.name LIMIT 50"},
};

enum { BATCHES = 21, BATCH_NS = 4000000 };
enum way { RAW_PARSE, NEW_FACTS, CACHED_FACTS, WAYS };

struct bench {
    struct arena arena;
    struct sql_cache *cache;
    struct sql_settings settings;
};

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void bare_parse(const char *text)
{
    void *memory = pg_query_enter_memory_context();
    raw_parse_result r = pg_query_raw_parse(text);
    free(r.stderr_buffer);
    pg_query_exit_memory_context(memory);
}

static void run_once(struct bench *b, enum way way, struct str text)
{
    struct sql_facts f;
    struct sql_cached *known;
    switch (way) {
    case RAW_PARSE:
        bare_parse(text.p);
        break;
    case NEW_FACTS:
        arena_reset(&b->arena);
        if (classify_sql(&b->arena, text, &b->settings, &f) != ERR_OK)
            abort();
        break;
    default:
        if (sql_cache_classify(b->cache, text, &b->settings, &known) != ERR_OK)
            abort();
        sql_cached_unref(known);
        break;
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void measure(struct bench *b, struct str text, double medians[WAYS])
{
    double times[WAYS][BATCHES];
    size_t rounds[WAYS];
    for (int way = 0; way < WAYS; way++) {
        double start = cpu_ns();
        for (int i = 0; i < 200; i++)
            run_once(b, (enum way)way, text);
        double one = (cpu_ns() - start) / 200;
        rounds[way] = (size_t)(BATCH_NS / (one > 1 ? one : 1)) + 1;
    }
    for (int batch = 0; batch < BATCHES; batch++)
        for (int way = 0; way < WAYS; way++) {
            double start = cpu_ns();
            for (size_t i = 0; i < rounds[way]; i++)
                run_once(b, (enum way)way, text);
            times[way][batch] = (cpu_ns() - start) / (double)rounds[way];
        }
    for (int way = 0; way < WAYS; way++) {
        qsort(times[way], BATCHES, sizeof(double), by_value);
        medians[way] = times[way][BATCHES / 2];
    }
}

int main(int argc, char **argv)
{
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    struct bench b = {.settings = SQL_SETTINGS_DEFAULT};
    double product = 1, worst_hit = 0;
    arena_init(&b.arena, LIMIT_ACTION_ARENA);
    if (sql_cache_new(1024, 16 * MIB, &b.cache) != ERR_OK)
        return 1;
    printf(json ? "[" : "%-16s %12s %12s %12s %8s\n", "text", "parse ns", "facts ns", "cached ns", "ratio");
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        double m[WAYS];
        measure(&b, str_of(samples[i].text), m);
        product *= m[NEW_FACTS] / m[RAW_PARSE];
        worst_hit = m[CACHED_FACTS] > worst_hit ? m[CACHED_FACTS] : worst_hit;
        if (json)
            printf("%s{\"text\":\"%s\",\"parse_ns\":%.0f,\"facts_ns\":%.0f,\"cached_ns\":%.0f}", i > 0 ? "," : "",
                   samples[i].name, m[RAW_PARSE], m[NEW_FACTS], m[CACHED_FACTS]);
        else
            printf("%-16s %12.0f %12.0f %12.0f %8.2f\n", samples[i].name, m[RAW_PARSE], m[NEW_FACTS],
                   m[CACHED_FACTS], m[NEW_FACTS] / m[RAW_PARSE]);
    }
    if (json)
        printf("]\n");
    else
        printf("facts of a new text: %.2f x the raw parse (geometric mean); of a cached one: at most %.0f ns\n",
               pow(product, 1.0 / (double)ARRAY_LEN(samples)), worst_hit);
    sql_cache_free(b.cache);
    arena_done(&b.arena);
    return 0;
}
