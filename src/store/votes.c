#include "store/internal.h"

enum err store_vote_insert(struct store *s, uint64_t request, const struct vote *v)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_VOTE_INSERT);
    bind_u64(&q, request);
    bind_text(&q, v->person);
    bind_i64(&q, v->kind);
    bind_text(&q, v->reason);
    bind_digest(&q, &v->digest);
    bind_i64(&q, v->time_wall_ns);
    bind_text(&q, v->via);
    bind_text(&q, v->signature);
    bind_text(&q, v->signed_text);
    bind_text(&q, v->on_duty);
    bind_text(&q, v->stood_for);
    return run_only(&q);
}

enum err store_vote_retract(struct store *s, uint64_t request, struct str person, int64_t wall_ns)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_VOTE_RETRACT);
    bind_i64(&q, wall_ns);
    bind_u64(&q, request);
    bind_text(&q, person);
    TRY(run_only(&q));
    return run_changes(&q) == 1 ? ERR_OK : ERR_STALE;
}

static enum err read_vote(struct run *q, struct vote *v)
{
    column_str(q, &v->person);
    v->kind = (enum vote_kind)column_i64(q);
    column_str(q, &v->reason);
    column_digest(q, &v->digest);
    v->time_wall_ns = column_i64(q);
    column_str(q, &v->via);
    column_str(q, &v->signature);
    column_str(q, &v->signed_text);
    column_str(q, &v->on_duty);
    column_str(q, &v->stood_for);
    v->retracted_wall_ns = column_i64(q);
    return q->err;
}

/* Room for the next one: doubled, the old array stays in the arena. */
static enum err grow(struct arena *a, struct vote **list, size_t n, size_t *room)
{
    if (n < *room)
        return ERR_OK;
    size_t more = *room != 0 ? 2 * *room : 4;
    struct vote *fresh = arena_new_array(a, more, struct vote);
    if (fresh == NULL)
        return ERR_NOMEM;
    if (n != 0)
        memcpy(fresh, *list, n * sizeof(**list));
    *list = fresh;
    *room = more;
    return ERR_OK;
}

enum err store_votes_read(struct store *s, struct arena *a, struct request *r)
{
    struct vote *list = NULL;
    size_t n = 0, room = 0;
    struct run q CLEANUP(run_done) = run_start(s, ST_VOTES_OF);
    q.arena = a;
    bind_u64(&q, r->id);
    enum err e;
    while ((e = run_row(&q)) == ERR_OK) {
        TRY(grow(a, &list, n, &room));
        TRY(read_vote(&q, &list[n++]));
    }
    if (e != ERR_NOT_FOUND)
        return e;
    r->votes = list;
    r->n_votes = n;
    return ERR_OK;
}

enum err store_grant_insert(struct store *s, const struct store_grant *g)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_GRANT_INSERT);
    bind_u64(&q, g->request);
    bind_digest(&q, &g->digest);
    bind_bytes(&q, g->subject);
    bind_text(&q, g->resource);
    bind_i64(&q, g->expires_wall_ns);
    bind_u64(&q, g->uses);
    return run_only(&q);
}

enum err store_grant_use(struct store *s, uint64_t request, const struct digest *digest,
                         struct str subject, struct str resource)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_GRANT_USE);
    bind_u64(&q, request);
    bind_digest(&q, digest);
    bind_bytes(&q, subject);
    bind_text(&q, resource);
    TRY(run_only(&q));
    return run_changes(&q) == 1 ? ERR_OK : ERR_STALE;
}
