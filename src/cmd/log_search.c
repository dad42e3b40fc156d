#include "cmd/audit_reading.h"

#include "base/clock.h"
#include "cmd/log_dir.h"

#include <stdio.h>
#include <unistd.h>

enum { STEP = 200000 };

/* Says how far it is where that takes long and somebody looks. */
static enum err bring_up_to_date(struct audit_index *x)
{
    int64_t start = clock_mono_ns();
    bool told = false;
    uint64_t n;
    do {
        TRY(audit_index_advance(x, STEP, &n));
        if (n == STEP && isatty(STDERR_FILENO) && clock_mono_ns() - start > NS_PER_S) {
            fprintf(stderr, "\rindexing the log: %llu records", (unsigned long long)audit_index_next(x) - 1);
            told = true;
        }
    } while (n == STEP);
    if (told)
        fputc('\n', stderr);
    return ERR_OK;
}

static enum err by_index(const struct log_search *s, bool trusting, const struct audit_query *q,
                         bool *ret_more)
{
    struct audit_index *x;
    bool is_new = false;
    TRY(audit_index_open(str_of(s->dir), &x, &is_new));
    enum err e = bring_up_to_date(x);
    if (e == ERR_OK) {
        s->begin(s->ctx);
        e = audit_search(str_of(s->dir), x, trusting, q, s->found, s->ctx, ret_more);
    }
    audit_index_close(x);
    return e;
}

static enum err by_reading(const struct log_search *s, const struct audit_query *q, bool *ret_more)
{
    s->begin(s->ctx);
    return audit_scan(str_of(s->dir), q, s->found, s->ctx, ret_more);
}

static enum err made_anew(const struct log_search *s, const struct audit_query *q, bool *ret_more)
{
    cmd_complain(s->self, "the index of the log was not right and is made again");
    TRY(audit_index_drop(str_of(s->dir)));
    return by_index(s, true, q, ret_more);
}

enum err log_search_run(const struct log_search *s, const struct audit_query *q, bool *ret_more)
{
    enum err e = s->scan ? by_reading(s, q, ret_more) : by_index(s, false, q, ret_more);
    if (!s->scan && e == ERR_CORRUPT)
        e = made_anew(s, q, ret_more);
    if (!s->scan && e == ERR_FORBIDDEN) {
        cmd_complain(s->self, "no index can be kept in %s: every record is read", s->dir);
        e = by_reading(s, q, ret_more);
    }
    if (e == ERR_LIMIT)
        cmd_complain(s->self, "that is too much for one answer; ask for less: --limit, --since, --until");
    else if (e != ERR_OK)
        log_dir_complain(s->self, s->dir, e);
    return e;
}
