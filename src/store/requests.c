#include "store/internal.h"
#include "base/limits.h"

static enum err insert_requirement(struct store *s, uint64_t request, size_t n,
                                   const struct requirement *r)
{
    for (size_t i = 0; i < r->n_from; i++) {
        struct run q CLEANUP(run_done) = run_start_change(s, ST_REQUIREMENT_INSERT);
        bind_u64(&q, request);
        bind_u64(&q, n);
        bind_u64(&q, i);
        bind_u64(&q, r->count);
        bind_text(&q, r->from[i]);
        TRY(run_only(&q));
    }
    return ERR_OK;
}

static enum err insert_row(struct store *s, const struct store_request *q_)
{
    const struct request *r = &q_->r;
    struct run q CLEANUP(run_done) = run_start_change(s, ST_REQUEST_INSERT);
    bind_digest(&q, &r->digest);
    bind_text(&q, r->context);
    bind_text(&q, r->explanation);
    bind_bytes(&q, r->subject);
    bind_text(&q, r->person);
    bind_text(&q, r->on_behalf_of);
    bind_text(&q, r->resource);
    bind_text(&q, r->policy_version);
    bind_text(&q, r->guardrails);
    bind_text(&q, r->message);
    bind_i64(&q, r->keep_on_disconnect ? 1 : 0);
    bind_i64(&q, r->signed_votes ? 1 : 0);
    bind_i64(&q, r->created_wall_ns);
    bind_i64(&q, r->decide_by_wall_ns);
    bind_i64(&q, r->decided_wall_ns);
    bind_i64(&q, r->run_by_wall_ns);
    bind_i64(&q, q_->run_within_ns);
    bind_text(&q, r->outcome);
    bind_text(&q, q_->holder.instance);
    bind_u64(&q, q_->holder.worker);
    bind_u64(&q, q_->holder.pid);
    bind_u64(&q, q_->holder.hold);
    bind_bytes(&q, r->envelope);
    return run_only(&q);
}

enum err store_request_insert(struct store *s, const struct store_request *q, uint64_t *ret_id)
{
    if (q->r.state != REQUEST_PENDING || q->r.quorum.n_reqs > LIMIT_REQUIREMENTS)
        return ERR_BUG;
    TRY(insert_row(s, q));
    uint64_t id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    for (size_t i = 0; i < q->r.quorum.n_reqs; i++)
        TRY(insert_requirement(s, id, i, &q->r.quorum.reqs[i]));
    *ret_id = id;
    return ERR_OK;
}

enum err store_request_move(struct store *s, uint64_t id, const struct store_change *c)
{
    if (!request_may_become(c->from, c->to))
        return ERR_BUG;
    struct run q CLEANUP(run_done) = run_start_change(s, ST_REQUEST_MOVE);
    bind_i64(&q, c->to);
    bind_i64(&q, c->decided_wall_ns);
    bind_i64(&q, c->run_by_wall_ns);
    bind_text(&q, c->outcome);
    bind_u64(&q, id);
    bind_i64(&q, c->from);
    TRY(run_only(&q));
    return run_changes(&q) == 1 ? ERR_OK : ERR_STALE;
}

enum err store_request_set_holder(struct store *s, uint64_t id, const struct store_holder *holder)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_REQUEST_HOLDER);
    bind_text(&q, holder->instance);
    bind_u64(&q, holder->worker);
    bind_u64(&q, holder->pid);
    bind_u64(&q, holder->hold);
    bind_u64(&q, id);
    TRY(run_only(&q));
    return run_changes(&q) == 1 ? ERR_OK : ERR_NOT_FOUND;
}

/* --- Reading --------------------------------------------------------------------------------- */

static void read_row(struct run *q, struct store_request *ret)
{
    struct request *r = &ret->r;
    r->id = column_u64(q);
    r->state = (enum request_state)column_i64(q);
    column_digest(q, &r->digest);
    column_str(q, &r->context);
    column_str(q, &r->explanation);
    column_str(q, &r->subject);
    column_str(q, &r->person);
    column_str(q, &r->on_behalf_of);
    column_str(q, &r->resource);
    column_str(q, &r->policy_version);
    column_str(q, &r->guardrails);
    column_str(q, &r->message);
    r->keep_on_disconnect = column_i64(q) == 1;
    r->signed_votes = column_i64(q) != 0;
    r->created_wall_ns = column_i64(q);
    r->decide_by_wall_ns = column_i64(q);
    r->decided_wall_ns = column_i64(q);
    r->run_by_wall_ns = column_i64(q);
    ret->run_within_ns = column_i64(q);
    column_str(q, &r->outcome);
    column_str(q, &ret->holder.instance);
    ret->holder.worker = (uint32_t)column_u64(q);
    ret->holder.pid = (uint32_t)column_u64(q);
    ret->holder.hold = column_u64(q);
    column_str(q, &r->envelope);
}

static enum err put_requirement_row(struct run *q, struct requirement *reqs, struct str *names,
                                    size_t at, size_t *n_reqs)
{
    uint64_t n = column_u64(q), count = column_u64(q);
    column_str(q, &names[at]);
    TRY(q->err);
    if (n >= LIMIT_REQUIREMENTS || n > *n_reqs || count > LIMIT_APPROVALS)
        return ERR_CORRUPT;
    if (n == *n_reqs)
        reqs[(*n_reqs)++] = (struct requirement){.from = &names[at], .count = (uint32_t)count};
    reqs[n].n_from++;
    return ERR_OK;
}

/* Names of one requirement; a file that lists more is refused at load by the size of a quorum. */
enum { NAMES_MAX = 1024 };

static enum err read_quorum(struct store *s, struct arena *a, struct request *r)
{
    struct requirement *reqs = arena_new_array(a, LIMIT_REQUIREMENTS, struct requirement);
    struct str *names = arena_new_array(a, NAMES_MAX, struct str);
    size_t n_reqs = 0, n_names = 0;
    if (reqs == NULL || names == NULL)
        return ERR_NOMEM;
    struct run q CLEANUP(run_done) = run_start(s, ST_REQUIREMENTS_OF);
    q.arena = a;
    bind_u64(&q, r->id);
    enum err e;
    while ((e = run_row(&q)) == ERR_OK) {
        if (n_names == NAMES_MAX)
            return ERR_LIMIT;
        TRY(put_requirement_row(&q, reqs, names, n_names++, &n_reqs));
    }
    r->quorum = (struct quorum){reqs, n_reqs};
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err read_rest(struct store *s, struct arena *a, struct store_request *q)
{
    TRY(read_quorum(s, a, &q->r));
    return store_votes_read(s, a, &q->r);
}

enum err store_request_get(struct store *s, uint64_t id, struct arena *a,
                           struct store_request *ret)
{
    struct store_request got = {0};
    {
        struct run q CLEANUP(run_done) = run_start(s, ST_REQUEST_GET);
        q.arena = a;
        bind_u64(&q, id);
        TRY(run_row(&q));
        read_row(&q, &got);
        TRY(q.err);
    }
    struct digest d = digest_of(got.r.envelope);
    if (!digest_eq(&d, &got.r.digest))
        return ERR_CORRUPT;
    TRY(read_rest(s, a, &got));
    *ret = got;
    return ERR_OK;
}

static enum err read_list(struct run *q, struct store_request *list, size_t room, size_t *n)
{
    enum err e;
    while (*n < room && (e = run_row(q)) == ERR_OK) {
        read_row(q, &list[(*n)++]);
        TRY(q->err);
    }
    return *n == room || e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err store_request_list(struct store *s, const struct store_filter *f, struct arena *a,
                            struct store_request **ret, size_t *ret_n)
{
    const uint32_t open =
        1u << REQUEST_PENDING | 1u << REQUEST_APPROVED | 1u << REQUEST_RUNNING;
    struct store_request *list = arena_new_array(a, f->limit, struct store_request);
    size_t n = 0;
    if (list == NULL)
        return ERR_NOMEM;
    {
        bool only_open = (f->states & ~open) == 0;
        struct run q CLEANUP(run_done) =
            run_start(s, only_open ? ST_REQUEST_LIST_OPEN : ST_REQUEST_LIST);
        q.arena = a;
        bind_u64(&q, f->envelope_max);
        bind_u64(&q, f->before);
        bind_u64(&q, f->states);
        bind_u64(&q, f->limit);
        TRY(read_list(&q, list, f->limit, &n));
    }
    for (size_t i = 0; i < n; i++)
        TRY(read_rest(s, a, &list[i]));
    *ret = list;
    *ret_n = n;
    return ERR_OK;
}
