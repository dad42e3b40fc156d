#include "store/internal.h"
#include "base/limits.h"

enum err store_delegation_insert(struct store *s, const struct store_delegation *d,
                                 uint64_t *ret_id)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_DELEGATION_INSERT);
    bind_text(&q, d->from);
    bind_text(&q, d->to);
    bind_text(&q, d->reason);
    bind_i64(&q, d->created_wall_ns);
    bind_i64(&q, d->until_wall_ns);
    TRY(run_only(&q));
    *ret_id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return ERR_OK;
}

enum err store_delegation_list(struct store *s, int64_t after_wall_ns, struct arena *a,
                               struct store_delegation **ret, size_t *ret_n)
{
    struct store_delegation *list = arena_new_array(a, LIMIT_DELEGATIONS, struct store_delegation);
    size_t n = 0;
    enum err e = ERR_OK;
    if (list == NULL)
        return ERR_NOMEM;
    struct run q CLEANUP(run_done) = run_start(s, ST_DELEGATION_LIST);
    q.arena = a;
    bind_i64(&q, after_wall_ns);
    bind_u64(&q, LIMIT_DELEGATIONS);
    while (n < LIMIT_DELEGATIONS && (e = run_row(&q)) == ERR_OK) {
        struct store_delegation *d = &list[n++];
        d->id = column_u64(&q);
        column_str(&q, &d->from);
        column_str(&q, &d->to);
        column_str(&q, &d->reason);
        d->created_wall_ns = column_i64(&q);
        d->until_wall_ns = column_i64(&q);
        TRY(q.err);
    }
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    *ret = list;
    *ret_n = n;
    return ERR_OK;
}

enum err store_delegation_revoke(struct store *s, uint64_t id, int64_t wall_ns)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_DELEGATION_REVOKE);
    bind_i64(&q, wall_ns);
    bind_u64(&q, id);
    TRY(run_only(&q));
    return run_changes(&q) == 1 ? ERR_OK : ERR_STALE;
}
