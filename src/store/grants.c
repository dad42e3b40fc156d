#include "store/internal.h"
#include "base/limits.h"

/* --- What may be granted with a request --------------------------------------------------------- */

enum err store_terms_insert(struct store *s, uint64_t request, const struct store_terms *t)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_TERMS_INSERT);
    bind_u64(&q, request);
    bind_u64(&q, t->terms.kinds);
    bind_i64(&q, t->terms.max_ns);
    bind_u64(&q, t->terms.uses);
    bind_digest(&q, &t->shape);
    bind_text(&q, t->shape_text);
    bind_text(&q, t->session);
    bind_text(&q, t->guardrails);
    return run_only(&q);
}

enum err store_terms_get(struct store *s, uint64_t request, struct arena *a, struct store_terms *ret)
{
    struct store_terms t = {.terms = {.kinds = 0}};
    struct run q CLEANUP(run_done) = run_start(s, ST_TERMS_GET);
    q.arena = a;
    bind_u64(&q, request);
    TRY(run_row(&q));
    t.terms.kinds = (uint32_t)column_u64(&q);
    t.terms.max_ns = column_i64(&q);
    t.terms.uses = (uint32_t)column_u64(&q);
    column_digest(&q, &t.shape);
    column_str(&q, &t.shape_text);
    column_str(&q, &t.session);
    column_str(&q, &t.guardrails);
    TRY(q.err);
    *ret = t;
    return ERR_OK;
}

enum err store_choice_set(struct store *s, uint64_t request, struct str person, const struct grant_choice *c)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_CHOICE_SET);
    bind_u64(&q, request);
    bind_text(&q, person);
    bind_i64(&q, c->kind);
    bind_u64(&q, c->uses);
    bind_i64(&q, c->for_ns);
    return run_only(&q);
}

enum err store_choice_get(struct store *s, uint64_t request, struct str person, struct grant_choice *ret)
{
    struct run q CLEANUP(run_done) = run_start(s, ST_CHOICE_GET);
    bind_u64(&q, request);
    bind_text(&q, person);
    enum err e = run_row(&q);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    struct grant_choice c = {.kind = GRANT_ONCE};
    if (e == ERR_OK) {
        c.kind = (enum grant_kind)column_i64(&q);
        c.uses = (uint32_t)column_u64(&q);
        c.for_ns = column_i64(&q);
    }
    *ret = c;
    return ERR_OK;
}

/* --- Standing grants ---------------------------------------------------------------------------- */

enum err store_standing_insert(struct store *s, const struct grant *g, uint64_t *ret_id)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_STANDING_INSERT);
    bind_u64(&q, g->request);
    bind_u64(&q, g->kinds);
    bind_digest(&q, &g->shape);
    bind_text(&q, g->shape_text);
    bind_text(&q, g->session);
    bind_bytes(&q, g->subject);
    bind_text(&q, g->resource);
    bind_text(&q, g->guardrails);
    bind_text(&q, g->policy_version);
    bind_u64(&q, g->uses);
    bind_i64(&q, g->created_wall_ns);
    bind_i64(&q, g->expires_wall_ns);
    TRY(run_only(&q));
    *ret_id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return ERR_OK;
}

static enum err read_grant(struct run *q, struct grant *g)
{
    g->id = column_u64(q);
    g->request = column_u64(q);
    g->kinds = (uint32_t)column_u64(q);
    column_digest(q, &g->shape);
    column_str(q, &g->shape_text);
    column_str(q, &g->session);
    column_str(q, &g->subject);
    column_str(q, &g->resource);
    column_str(q, &g->guardrails);
    column_str(q, &g->policy_version);
    g->uses = (uint32_t)column_u64(q);
    g->used = (uint32_t)column_u64(q);
    g->created_wall_ns = column_i64(q);
    g->expires_wall_ns = column_i64(q);
    g->revoked_wall_ns = column_i64(q);
    column_str(q, &g->revoked_by);
    column_str(q, &g->revoked_why);
    return q->err;
}

static enum err read_grants(struct run *q, size_t room, struct grant **ret, size_t *ret_n)
{
    struct grant *list = arena_new_array(q->arena, room, struct grant);
    enum err e = ERR_NOT_FOUND;
    size_t n = 0;
    if (list == NULL)
        return ERR_NOMEM;
    while (n < room && (e = run_row(q)) == ERR_OK)
        TRY(read_grant(q, &list[n++]));
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    *ret = list;
    *ret_n = n;
    return ERR_OK;
}

enum err store_standing_get(struct store *s, uint64_t id, struct arena *a, struct grant *ret)
{
    struct grant g;
    struct run q CLEANUP(run_done) = run_start(s, ST_STANDING_GET);
    q.arena = a;
    bind_u64(&q, id);
    TRY(run_row(&q));
    TRY(read_grant(&q, &g));
    *ret = g;
    return ERR_OK;
}

enum err store_standing_of(struct store *s, struct str subject, int64_t now_wall_ns, struct arena *a,
                           struct grant **ret, size_t *ret_n)
{
    struct run q CLEANUP(run_done) = run_start(s, ST_STANDING_OF);
    q.arena = a;
    bind_bytes(&q, subject);
    bind_i64(&q, now_wall_ns);
    bind_u64(&q, LIMIT_GRANTS_OF_SUBJECT);
    return read_grants(&q, LIMIT_GRANTS_OF_SUBJECT, ret, ret_n);
}

enum err store_standing_list(struct store *s, uint64_t before, struct arena *a, struct grant **ret,
                             size_t *ret_n)
{
    struct run q CLEANUP(run_done) = run_start(s, ST_STANDING_LIST);
    q.arena = a;
    bind_u64(&q, before);
    bind_u64(&q, LIMIT_LIST);
    return read_grants(&q, LIMIT_LIST, ret, ret_n);
}

enum err store_standing_revoke(struct store *s, uint64_t id, struct str by, struct str why, int64_t wall_ns)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_STANDING_REVOKE);
    bind_i64(&q, wall_ns);
    bind_text(&q, by);
    bind_text(&q, why);
    bind_u64(&q, id);
    TRY(run_only(&q));
    return run_changes(&q) == 1 ? ERR_OK : ERR_STALE;
}

/* --- Uses --------------------------------------------------------------------------------------- */

enum err store_use_insert(struct store *s, uint64_t grant, uint64_t request)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_USE_INSERT);
    bind_u64(&q, grant);
    bind_u64(&q, request);
    return run_only(&q);
}

enum err store_use_reserved(struct store *s, uint64_t grant, uint64_t but_request, uint32_t *ret)
{
    struct run q CLEANUP(run_done) = run_start(s, ST_USE_RESERVED);
    bind_u64(&q, grant);
    bind_u64(&q, but_request);
    TRY(run_row(&q));
    *ret = (uint32_t)column_u64(&q);
    return ERR_OK;
}

static enum err read_ids(struct run *q, uint64_t *ids, size_t room, size_t *ret_n)
{
    enum err e = ERR_NOT_FOUND;
    size_t n = 0;
    while (n < room && (e = run_row(q)) == ERR_OK)
        ids[n++] = column_u64(q);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    *ret_n = n;
    return ERR_OK;
}

enum err store_use_grants_of(struct store *s, uint64_t request, uint64_t ids[static LIMIT_GRANTS_OF_ONE],
                             size_t *ret_n)
{
    struct run q CLEANUP(run_done) = run_start(s, ST_USE_GRANTS_OF);
    bind_u64(&q, request);
    return read_ids(&q, ids, LIMIT_GRANTS_OF_ONE, ret_n);
}

enum err store_use_waiting(struct store *s, uint64_t grant, struct arena *a, uint64_t **ret, size_t *ret_n)
{
    uint64_t *ids = arena_new_array(a, LIMIT_OPEN_REQUESTS, uint64_t);
    if (ids == NULL)
        return ERR_NOMEM;
    struct run q CLEANUP(run_done) = run_start(s, ST_USE_WAITING);
    bind_u64(&q, grant);
    TRY(read_ids(&q, ids, LIMIT_OPEN_REQUESTS, ret_n));
    *ret = ids;
    return ERR_OK;
}

enum err store_use_take(struct store *s, uint64_t grant, uint64_t request, int64_t wall_ns)
{
    {
        struct run q CLEANUP(run_done) = run_start_change(s, ST_STANDING_USE);
        bind_u64(&q, grant);
        bind_i64(&q, wall_ns);
        TRY(run_only(&q));
        if (run_changes(&q) != 1)
            return ERR_STALE;
    }
    struct run q CLEANUP(run_done) = run_start_change(s, ST_USE_TAKE);
    bind_i64(&q, wall_ns);
    bind_u64(&q, grant);
    bind_u64(&q, request);
    TRY(run_only(&q));
    return run_changes(&q) == 1 ? ERR_OK : ERR_STALE;
}

/* --- Released without its quorum ---------------------------------------------------------------- */

enum err store_bypass_set(struct store *s, uint64_t request, enum request_bypass kind)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_BYPASS_SET);
    bind_u64(&q, request);
    bind_i64(&q, kind);
    return run_only(&q);
}

enum err store_bypass_read(struct store *s, struct request *r)
{
    struct run q CLEANUP(run_done) = run_start(s, ST_BYPASS_GET);
    bind_u64(&q, r->id);
    enum err e = run_row(&q);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    r->bypass = e == ERR_OK ? (enum request_bypass)column_i64(&q) : BYPASS_NONE;
    return ERR_OK;
}
