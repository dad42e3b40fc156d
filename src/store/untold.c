#include "store/internal.h"

enum err store_untold_insert(struct store *s, uint64_t request, const struct digest *digest, struct str subject,
                             int64_t ended_wall_ns)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_UNTOLD_INSERT);
    bind_u64(&q, request);
    bind_digest(&q, digest);
    bind_bytes(&q, subject);
    bind_i64(&q, ended_wall_ns);
    return run_only(&q);
}

enum err store_untold_find(struct store *s, const struct digest *digest, struct str subject,
                           int64_t since_wall_ns, uint64_t *ret_request)
{
    struct run q CLEANUP(run_done) = run_start(s, ST_UNTOLD_FIND);
    bind_digest(&q, digest);
    bind_bytes(&q, subject);
    bind_i64(&q, since_wall_ns);
    TRY(run_row(&q));
    *ret_request = column_u64(&q);
    return ERR_OK;
}

enum err store_untold_remove(struct store *s, uint64_t request)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_UNTOLD_REMOVE);
    bind_u64(&q, request);
    TRY(run_only(&q));
    return run_changes(&q) == 1 ? ERR_OK : ERR_STALE;
}
