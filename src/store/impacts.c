#include "store/internal.h"
#include "base/limits.h"

enum err store_impact_set(struct store *s, uint64_t request, const struct digest *shape, struct str json)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_IMPACT_SET);
    bind_u64(&q, request);
    bind_digest(&q, shape);
    bind_text(&q, json);
    return run_only(&q);
}

enum err store_impact_get(struct store *s, uint64_t request, struct arena *a, struct digest *ret_shape,
                          struct str *ret_json)
{
    struct run q CLEANUP(run_done) = run_start(s, ST_IMPACT_GET);
    struct digest shape = {{0}};
    struct str json = {NULL, 0};
    q.arena = a;
    bind_u64(&q, request);
    TRY(run_row(&q));
    column_digest(&q, &shape);
    column_str(&q, &json);
    TRY(q.err);
    *ret_shape = shape;
    *ret_json = json;
    return ERR_OK;
}

enum err store_impact_history(struct store *s, uint64_t request, const struct digest *shape,
                              struct str resource, uint64_t ret_ended[static REQUEST_STATE_COUNT_])
{
    uint64_t ended[REQUEST_STATE_COUNT_] = {0};
    struct run q CLEANUP(run_done) = run_start(s, ST_IMPACT_HISTORY);
    bind_digest(&q, shape);
    bind_u64(&q, request);
    bind_text(&q, resource);
    bind_u64(&q, LIMIT_IMPACT_HISTORY);
    enum err e;
    while ((e = run_row(&q)) == ERR_OK) {
        int64_t state = column_i64(&q);
        uint64_t n = column_u64(&q);
        TRY(q.err);
        if (state <= 0 || state >= REQUEST_STATE_COUNT_)
            return ERR_CORRUPT;
        ended[state] = n;
    }
    if (e != ERR_NOT_FOUND)
        return e;
    memcpy(ret_ended, ended, sizeof(ended));
    return ERR_OK;
}
