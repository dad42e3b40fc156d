#include "store/internal.h"
#include "base/limits.h"

/* Since when name i is asked: 0 not yet. */
static int64_t asked_of(const struct requirement *r, size_t i)
{
    if (i + r->n_later >= r->n_from)
        return 0;
    return r->asked_wall_ns > 0 ? r->asked_wall_ns : 1;
}

static enum err insert_requirement(struct store *s, uint64_t request, size_t n,
                                   const struct requirement *r)
{
    for (size_t i = 0; i < r->n_from; i++) {
        struct run q CLEANUP(run_done) = run_start_change(s, ST_REQUIREMENT_INSERT);
        bind_u64(&q, request);
        bind_u64(&q, n);
        bind_u64(&q, i);
        bind_u64(&q, r->count);
        bind_u64(&q, r->stage);
        bind_i64(&q, r->after_ns != NULL ? r->after_ns[i] : 0);
        bind_i64(&q, asked_of(r, i));
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
    bind_u64(&q, r->quorum.rejects);
    bind_i64(&q, r->quorum.reason_to_approve ? 1 : 0);
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

enum err store_request_ask(struct store *s, uint64_t id, size_t requirement, size_t n_asked,
                           int64_t wall_ns)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_REQUIREMENT_ASK);
    bind_i64(&q, wall_ns);
    bind_u64(&q, id);
    bind_u64(&q, requirement);
    bind_u64(&q, n_asked);
    TRY(run_only(&q));
    return run_changes(&q) != 0 ? ERR_OK : ERR_STALE;
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
    r->quorum.rejects = (uint32_t)column_u64(q);
    r->quorum.reason_to_approve = column_i64(q) == 1;
    column_str(q, &r->envelope);
}

/* What is read of a quorum, name by name. */
struct reading {
    struct requirement *reqs;
    struct str *names;
    int64_t *waits;
    size_t n_reqs, n_names;
};

static enum err put_requirement_row(struct run *q, struct reading *x)
{
    uint64_t n = column_u64(q), count = column_u64(q), stage = column_u64(q);
    int64_t wait = column_i64(q), asked = column_i64(q);
    column_str(q, &x->names[x->n_names]);
    TRY(q->err);
    if (n >= LIMIT_REQUIREMENTS || n > x->n_reqs || count > LIMIT_APPROVALS || wait < 0)
        return ERR_CORRUPT;
    struct requirement *r = &x->reqs[n];
    if (n == x->n_reqs) {
        x->n_reqs++;
        *r = (struct requirement){.from = &x->names[x->n_names],
                                  .count = (uint32_t)count,
                                  .stage = (uint32_t)stage,
                                  .asked_wall_ns = asked};
    }
    x->waits[x->n_names++] = wait;
    r->n_from++;
    r->n_later += asked == 0;
    if (wait != 0)
        r->after_ns = x->waits + (r->from - x->names);
    return ERR_OK;
}

static enum err read_quorum(struct store *s, struct arena *a, struct request *r)
{
    struct reading x = {.reqs = arena_new_array(a, LIMIT_REQUIREMENTS, struct requirement),
                        .names = arena_new_array(a, LIMIT_QUORUM_NAMES, struct str),
                        .waits = arena_new_array(a, LIMIT_QUORUM_NAMES, int64_t)};
    if (x.reqs == NULL || x.names == NULL || x.waits == NULL)
        return ERR_NOMEM;
    struct run q CLEANUP(run_done) = run_start(s, ST_REQUIREMENTS_OF);
    q.arena = a;
    bind_u64(&q, r->id);
    enum err e;
    while ((e = run_row(&q)) == ERR_OK) {
        if (x.n_names == LIMIT_QUORUM_NAMES)
            return ERR_LIMIT;
        TRY(put_requirement_row(&q, &x));
    }
    r->quorum.reqs = x.reqs;
    r->quorum.n_reqs = x.n_reqs;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err read_rest(struct store *s, struct arena *a, struct store_request *q)
{
    TRY(read_quorum(s, a, &q->r));
    TRY(store_bypass_read(s, &q->r));
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
