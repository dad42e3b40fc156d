/*
 * The log: records of about the size of an allowed statement's, appended with group commits of several sizes, each on
 * disk before the next; then the whole of it verified on one core.
 *
 *   audit-bench [--json] [--quick] DIRECTORY     (removed first)
 */
#include "audit/audit.h"
#include "audit/verify.h"
#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>


static void must(bool fact, const char *what)
{
    if (fact)
        return;
    fprintf(stderr, "audit-bench: %s\n", what);
    exit(1);
}

/* Of this process: what other work the machine has does not count. */
static int64_t cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static double append(struct audit *a, int records, int batch)
{
    char data[512];
    int64_t start = clock_mono_ns();
    for (int i = 0; i < records; i++) {
        (void)snprintf(data, sizeof(data),
                       "{\"verdict\":\"allow\",\"kind\":\"sql\",\"operation\":\"select\",\"subject\":\"app\",\"resource\":\"shop\","
                       "\"session\":\"w0-%d\",\"address\":\"10.0.0.%d\",\"text\":\"SELECT name FROM customers WHERE id = %d\","
                       "\"guardrails\":[],\"policy\":\"4b70c8f0d1\",\"at\":\"2026-11-22T17:20:00.123Z\"}",
                       i % 64, i % 250, i);
        must(audit_append(a, "action", str_of(data), clock_now(), NULL) == ERR_OK, "append failed");
        if (i % batch == batch - 1)
            must(audit_sync(a) == ERR_OK, "sync failed");
        audit_tick(a, clock_now());
    }
    must(audit_sync(a) == ERR_OK, "sync failed");
    return (double)records / ((double)(clock_mono_ns() - start) / 1e9);
}

int main(int argc, char **argv)
{
    static const int batches[] = {1, 10, 100, 1000};
    bool json = false, quick = false;
    const char *dir = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "--quick") == 0)
            quick = true;
        else
            dir = argv[i];
    }
    must(dir != NULL, "usage: audit-bench [--json] [--quick] DIRECTORY");
    char line[4200];
    (void)snprintf(line, sizeof(line), "rm -rf '%s'", dir);
    must(system(line) == 0, "the directory cannot be emptied");
    struct audit_settings settings = {.directory = str_of(dir)};
    struct audit_error error = {""};
    struct audit *a = NULL;
    must(audit_open(&settings, NULL, clock_now(), &a, &error) == ERR_OK, error.text);
    printf(json ? "{\"append\":{" : "append, each batch on disk (fdatasync) before the next:\n");
    for (size_t i = 0; i < ARRAY_LEN(batches); i++) {
        int n = batches[i] * (quick ? 300 : 1500);
        double rate = append(a, n < 300000 ? n : 300000, batches[i]);
        printf(json ? "%s\"%d\":%.0f" : "%s  %5d records a commit: %9.0f records/s\n", json && i > 0 ? "," : "", batches[i],
               rate);
    }
    audit_close(a);
    struct note_key keys[AUDIT_KEYS];
    struct audit_verify_options o = {.dir = str_of(dir), .keys = keys};
    struct audit_report r = {.fault = 0};
    must(audit_own_keys(o.dir, keys, &o.n_keys) == ERR_OK, "no keys");
    double best = 0;
    for (int i = 0; i < 3; i++) {
        int64_t start = cpu_ns();
        must(audit_verify(&o, &r) == ERR_OK && r.fault == AUDIT_GOOD, "it does not verify");
        double rate = (double)r.records / ((double)(cpu_ns() - start) / 1e9);
        best = rate > best ? rate : best;
    }
    printf(json ? "},\"verify\":%.0f,\"records\":%llu}\n" : "verify, records, tiles and signature: %.0f records/s of one core (%llu records)\n",
           best, (unsigned long long)r.records);
    return best >= 500000 ? 0 : 1;
}
