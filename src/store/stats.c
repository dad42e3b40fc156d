#include "store/internal.h"
#include "base/limits.h"

enum err store_vote_times(struct store *s, int64_t since_wall_ns, struct arena *a, struct store_vote_time **ret,
                          size_t *ret_n)
{
    struct store_vote_time *list = arena_new_array(a, LIMIT_STATS_VOTES, struct store_vote_time);
    size_t n = 0;
    if (list == NULL)
        return ERR_NOMEM;
    struct run q CLEANUP(run_done) = run_start(s, ST_VOTE_TIMES);
    q.arena = a;
    bind_i64(&q, since_wall_ns);
    bind_u64(&q, LIMIT_STATS_VOTES);
    enum err e = ERR_NOT_FOUND;
    while (n < LIMIT_STATS_VOTES && (e = run_row(&q)) == ERR_OK) {
        struct store_vote_time *t = &list[n++];
        column_str(&q, &t->person);
        t->kind = (enum vote_kind)column_i64(&q);
        t->took_ns = column_i64(&q);
        column_str(&q, &t->guardrails);
        TRY(q.err);
    }
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    *ret = list;
    *ret_n = n;
    return ERR_OK;
}
