#include "store/internal.h"
#include "base/limits.h"

/* --- Second factors ----------------------------------------------------------------------------- */

enum err store_totp_set(struct store *s, struct str person, struct str secret, int64_t wall_ns)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_TOTP_SET);
    bind_text(&q, person);
    bind_bytes(&q, secret);
    bind_i64(&q, wall_ns);
    return run_only(&q);
}

enum err store_totp_get(struct store *s, struct str person, struct arena *a, struct str *ret_secret,
                        uint64_t *ret_last_step)
{
    struct run q CLEANUP(run_done) = run_start(s, ST_TOTP_GET);
    struct str secret;
    q.arena = a;
    bind_text(&q, person);
    TRY(run_row(&q));
    column_str(&q, &secret);
    uint64_t last = column_u64(&q);
    TRY(q.err);
    *ret_secret = secret;
    *ret_last_step = last;
    return ERR_OK;
}

enum err store_totp_use(struct store *s, struct str person, uint64_t step)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_TOTP_USE);
    bind_u64(&q, step);
    bind_text(&q, person);
    TRY(run_only(&q));
    return run_changes(&q) == 1 ? ERR_OK : ERR_STALE;
}

enum err store_sealed_insert(struct store *s, const struct digest *hash, struct str person, int64_t wall_ns,
                             uint64_t *ret_id)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_SEALED_INSERT);
    bind_digest(&q, hash);
    bind_text(&q, person);
    bind_i64(&q, wall_ns);
    TRY(run_only(&q));
    *ret_id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return ERR_OK;
}

enum err store_sealed_find(struct store *s, const struct digest *hash, struct str person, uint64_t *ret_id)
{
    struct run q CLEANUP(run_done) = run_start(s, ST_SEALED_FIND);
    bind_digest(&q, hash);
    bind_text(&q, person);
    TRY(run_row(&q));
    *ret_id = column_u64(&q);
    return ERR_OK;
}

enum err store_sealed_use(struct store *s, uint64_t id, uint64_t request, int64_t wall_ns)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_SEALED_USE);
    bind_i64(&q, wall_ns);
    bind_u64(&q, request);
    bind_u64(&q, id);
    TRY(run_only(&q));
    return run_changes(&q) == 1 ? ERR_OK : ERR_STALE;
}

enum err store_tries_get(struct store *s, struct str person, uint32_t *ret_failures, int64_t *ret_locked)
{
    struct run q CLEANUP(run_done) = run_start(s, ST_TRIES_GET);
    bind_text(&q, person);
    enum err e = run_row(&q);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    *ret_failures = e == ERR_OK ? (uint32_t)column_u64(&q) : 0;
    *ret_locked = e == ERR_OK ? column_i64(&q) : 0;
    return ERR_OK;
}

enum err store_tries_set(struct store *s, struct str person, uint32_t failures, int64_t locked)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_TRIES_SET);
    bind_text(&q, person);
    bind_u64(&q, failures);
    bind_i64(&q, locked);
    return run_only(&q);
}

/* --- Reviews ------------------------------------------------------------------------------------ */

enum err store_review_insert(struct store *s, const struct store_review *r)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_REVIEW_INSERT);
    bind_u64(&q, r->request);
    bind_text(&q, r->person);
    bind_text(&q, r->reason);
    bind_text(&q, r->factor);
    bind_i64(&q, r->broken_wall_ns);
    bind_i64(&q, r->due_wall_ns);
    return run_only(&q);
}

static enum err read_review(struct run *q, struct store_review *r)
{
    r->request = column_u64(q);
    column_str(q, &r->person);
    column_str(q, &r->reason);
    column_str(q, &r->factor);
    r->broken_wall_ns = column_i64(q);
    r->due_wall_ns = column_i64(q);
    r->reviewed_wall_ns = column_i64(q);
    column_str(q, &r->reviewer);
    column_str(q, &r->note);
    return q->err;
}

enum err store_review_get(struct store *s, uint64_t request, struct arena *a, struct store_review *ret)
{
    struct store_review r;
    struct run q CLEANUP(run_done) = run_start(s, ST_REVIEW_GET);
    q.arena = a;
    bind_u64(&q, request);
    TRY(run_row(&q));
    TRY(read_review(&q, &r));
    *ret = r;
    return ERR_OK;
}

enum err store_review_list(struct store *s, struct arena *a, struct store_review **ret, size_t *ret_n)
{
    struct store_review *list = arena_new_array(a, LIMIT_LIST, struct store_review);
    size_t n = 0;
    if (list == NULL)
        return ERR_NOMEM;
    struct run q CLEANUP(run_done) = run_start(s, ST_REVIEW_LIST);
    q.arena = a;
    bind_u64(&q, LIMIT_LIST);
    enum err e = ERR_NOT_FOUND;
    while (n < LIMIT_LIST && (e = run_row(&q)) == ERR_OK)
        TRY(read_review(&q, &list[n++]));
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    *ret = list;
    *ret_n = n;
    return ERR_OK;
}

enum err store_review_overdue(struct store *s, struct str person, int64_t now_wall_ns, uint64_t *ret_request)
{
    struct run q CLEANUP(run_done) = run_start(s, ST_REVIEW_OVERDUE);
    bind_text(&q, person);
    bind_i64(&q, now_wall_ns);
    TRY(run_row(&q));
    *ret_request = column_u64(&q);
    return ERR_OK;
}

enum err store_review_close(struct store *s, uint64_t request, struct str reviewer, struct str note, int64_t wall_ns)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_REVIEW_CLOSE);
    bind_i64(&q, wall_ns);
    bind_text(&q, reviewer);
    bind_text(&q, note);
    bind_u64(&q, request);
    TRY(run_only(&q));
    return run_changes(&q) == 1 ? ERR_OK : ERR_STALE;
}
