#include "broker/internal.h"

#include <stdio.h>

/* --- Telling workers ------------------------------------------------------------------------- */

void tell(struct broker *b, uint32_t worker, const struct link_message *m)
{
    if (b->peers[worker].state == PEER_READY)
        b->ops.send(b->ctx, worker, m);
}

void tell_ended(struct broker *b, uint32_t worker, uint64_t hold, uint64_t request,
                enum link_end end, struct str by, struct str reason)
{
    struct link_message m = {.type = LINK_ENDED, .ended = {hold, request, end, by, reason}};
    if (hold != 0) /* 0: a change of the configuration, which no worker holds */
        tell(b, worker, &m);
}

void tell_holder_ended(struct broker *b, const struct live *l, enum link_end end, struct str by,
                       struct str reason)
{
    if (l->holding == HELD)
        tell_ended(b, l->worker, l->hold, l->id, end, by, reason);
}

static enum err put_approvers(struct buf *out, const struct request *r)
{
    for (size_t i = 0; i < r->n_votes; i++) {
        if (r->votes[i].kind != VOTE_APPROVE || r->votes[i].retracted_wall_ns != 0)
            continue;
        TRY(buf_put_str(out, buf_len(out) != 0 ? STR(", ") : STR("")));
        TRY(buf_put_str(out, r->votes[i].person));
    }
    return ERR_OK;
}

void tell_approved(struct broker *b, const struct live *l, const struct store_request *q)
{
    CLEANUP(buf_done) struct buf by;
    buf_init(&by, 64 * KIB);
    if (put_approvers(&by, &q->r) != ERR_OK)
        buf_clear(&by); /* only the words for people are short then */
    struct link_message m = {.type = LINK_APPROVED,
                             .approved = {l->hold, l->id, l->digest, buf_view(&by)}};
    if (l->holding == HELD)
        tell(b, l->worker, &m);
}

/* --- Losing a holder ------------------------------------------------------------------------- */

static enum err detach_row(struct broker *b, const struct live *l, struct moment now)
{
    struct store_holder nobody = {.hold = 0};
    struct record r CLEANUP(record_done);
    record_begin(&r);
    json_put_int(&r.j, "request", (int64_t)l->id);
    TRY(store_said(b, store_begin(b->store)));
    TRY(store_said(b, store_request_set_holder(b->store, l->id, &nobody)));
    TRY(record_append(b, &r, "detached", now));
    return change_commit(b);
}

void holders_detach(struct broker *b, struct live *l, struct moment now)
{
    uint64_t first = audit_last_seq(b->audit) + 1;
    if (detach_row(b, l, now) != ERR_OK) {
        store_rollback(b->store);
        record_undone(b, first, "could not be stored", now);
        change_doom(b, l, "its holder went away and that could not be stored", now);
        return;
    }
    l->holding = DETACHED;
    l->hold = 0;
}

static void lose(struct broker *b, struct live *l, struct str reason, struct moment now)
{
    struct ending e = {.event = APPROVAL_LOST, .reason = reason};
    /* Nobody is there to be told. */
    l->holding = AWAITED;
    if (l->state != REQUEST_RUNNING && follower_takes_over(b, l, now))
        return;
    if (l->keep_on_disconnect && l->state != REQUEST_RUNNING) {
        holders_detach(b, l, now);
        return;
    }
    change_end(b, l, &e, now);
}

void broker_worker_up(struct broker *b, uint32_t index)
{
    if (index < LIMIT_WORKERS)
        b->peers[index] = (struct peer){.state = PEER_SPAWNED};
}

void broker_worker_lost(struct broker *b, uint32_t index, struct moment now)
{
    if (index >= LIMIT_WORKERS || b->peers[index].state == PEER_GONE)
        return;
    bool was_ready = b->peers[index].state == PEER_READY;
    b->peers[index] = (struct peer){.state = PEER_GONE};
    (void)tickets_drop(b, index, 0);
    followers_of_worker_lost(b, index);
    if (!was_ready)
        return;
    char text[24];
    struct record_field f = {"worker", {text, 0}};
    f.value.n = (size_t)snprintf(text, sizeof(text), "%u", index);
    enum err e = record_fields(b, "worker_lost", &f, 1, now);
    (void)e; /* each of its requests has a record of its own that must succeed */
    for (size_t i = b->n_live; i-- > 0;)
        if (b->live[i].holding == HELD && b->live[i].worker == index)
            lose(b, &b->live[i], STR("the worker that held it stopped"), now);
}

/* --- Coming back ----------------------------------------------------------------------------- */

/* The time left of a deadline that was written as wall time: never more than was given. */
static int64_t rest_of(int64_t deadline_wall_ns, int64_t given_ns, int64_t now_wall_ns)
{
    int64_t left = deadline_wall_ns - now_wall_ns;
    return left < 0 ? 0 : left > given_ns ? given_ns : left;
}

static struct live live_of(const struct broker *b, const struct store_request *q,
                           struct moment now)
{
    const struct request *r = &q->r;
    struct live l = {
        .id = r->id,
        .state = r->state,
        .digest = r->digest,
        .subject = digest_of(r->subject),
        .deadline_mono_ns = INT64_MAX,
        .ask_due_mono_ns = INT64_MAX,
        .keep_on_disconnect = r->keep_on_disconnect,
        .holding = q->holder.hold == 0 ? DETACHED : AWAITED,
        .worker = q->holder.worker,
        .pid = q->holder.pid,
        .hold = q->holder.hold,
        .of_instance = str_eq(q->holder.instance, str_of(b->instance)),
        .of_policy = str_is(r->resource, BROKER_POLICY_RESOURCE),
    };
    if (r->state == REQUEST_PENDING)
        l.deadline_mono_ns =
            now.mono_ns + rest_of(r->decide_by_wall_ns, r->decide_by_wall_ns - r->created_wall_ns,
                                  now.wall_ns);
    if (r->state == REQUEST_APPROVED)
        l.deadline_mono_ns =
            now.mono_ns + rest_of(r->run_by_wall_ns, q->run_within_ns, now.wall_ns);
    return l;
}

static void end_awaited(struct broker *b, bool all, struct moment now)
{
    for (size_t i = b->n_live; i-- > 0;) {
        struct live *l = &b->live[i];
        if (l->holding == AWAITED && l->doomed == NULL && (all || !l->of_instance))
            lose(b, l, STR("the gateway was restarted"), now);
    }
}

static enum err take_over_page(struct broker *b, uint64_t *before, bool *more, struct moment now)
{
    struct arena a CLEANUP(arena_done);
    struct store_request *list;
    struct live *added;
    size_t n;
    const uint32_t open = 1u << REQUEST_PENDING | 1u << REQUEST_APPROVED | 1u << REQUEST_RUNNING;
    struct store_filter f = {open, *before, LIMIT_LIST, 0};
    arena_init(&a, LIMIT_LIST * LIMIT_ENVELOPE);
    TRY(store_request_list(b->store, &f, &a, &list, &n));
    for (size_t i = 0; i < n; i++) {
        struct live l = live_of(b, &list[i], now);
        change_follow_asked(b, &l, &list[i], now);
        TRY(live_add(b, &l, &added));
        *before = l.id;
    }
    *more = n == LIMIT_LIST;
    return ERR_OK;
}

enum err holders_take_over(struct broker *b, struct moment now)
{
    uint64_t before = UINT64_MAX;
    bool more = true;
    while (more)
        TRY(take_over_page(b, &before, &more, now));
    end_awaited(b, false, now);
    policy_requests_take_over(b, now);
    for (size_t i = 0; i < b->n_live; i++)
        if (b->live[i].holding == AWAITED)
            b->grace_until_mono_ns = now.mono_ns + LIMIT_LINK_GRACE_MS * NS_PER_MS;
    return ERR_OK;
}

void holders_grace_over(struct broker *b, struct moment now)
{
    b->grace_until_mono_ns = INT64_MAX;
    end_awaited(b, true, now);
}

/* How a request that is no longer open ended, for a worker that asks late. */
static void tell_past_end(struct broker *b, uint32_t worker, const struct link_open_hold *h)
{
    struct arena a CLEANUP(arena_done);
    struct store_request q;
    arena_init(&a, REQUEST_ARENA);
    struct past_end p = {.end = 0};
    if (h->request != 0 && store_said(b, store_request_get(b->store, h->request, &a, &q)) == ERR_OK &&
        digest_eq(&q.r.digest, &h->digest))
        p = past_end_of(&q.r);
    if (p.end == 0)
        p = (struct past_end){.end = END_UNAVAILABLE,
                              .reason = STR("the gateway was restarted; submit it again")};
    else if (p.end != END_REJECTED)
        p.reason = STR("it ended while the gateway was restarted");
    tell_ended(b, worker, h->hold, h->request, p.end, p.by, p.reason);
}

static bool is_awaited_from(const struct live *l, uint32_t worker, uint32_t pid)
{
    return l->holding == AWAITED && l->of_instance && l->worker == worker && l->pid == pid &&
           l->doomed == NULL;
}

static void adopt_hold(struct broker *b, uint32_t worker, uint32_t pid,
                       const struct link_open_hold *h, struct moment now)
{
    struct live *l = live_find(b, h->request);
    if (l == NULL || !is_awaited_from(l, worker, pid) || l->hold != h->hold ||
        !digest_eq(&l->digest, &h->digest)) {
        tell_past_end(b, worker, h);
        return;
    }
    l->holding = HELD;
    if (l->state == REQUEST_RUNNING) {
        change_not_run(b, l, STR("the gateway was restarted before the release"), now);
        return;
    }
    if (l->state == REQUEST_PENDING)
        return;
    struct arena a CLEANUP(arena_done);
    struct store_request q;
    arena_init(&a, REQUEST_ARENA);
    if (change_load(b, l, &a, &q) == ERR_OK)
        tell_approved(b, l, &q);
    else {
        tell_holder_ended(b, l, END_UNAVAILABLE, STR(""), STR("the store cannot be read"));
        change_doom(b, l, "the store could not be read when its worker came back", now);
    }
}

/* One that is still approved: its CLAIM never came here, and the worker has refused it since. */
static void adopt_run(struct broker *b, uint32_t worker, uint32_t pid, uint64_t request,
                      struct moment now)
{
    static const struct ending refused = {
        .event = APPROVAL_WITHDRAW, .reason = STR_INIT("the gateway was restarted before the release")};
    struct live *l = live_find(b, request);
    if (l == NULL || !is_awaited_from(l, worker, pid))
        return;
    if (l->state == REQUEST_RUNNING)
        l->holding = HELD;
    else
        change_end(b, l, &refused, now);
}

enum err on_hello(struct broker *b, uint32_t worker, const struct link_message *m,
                  struct moment now)
{
    const struct link_hello *h = &m->hello;
    if (h->worker != worker)
        return ERR_PROTOCOL;
    b->peers[worker] = (struct peer){PEER_READY, h->pid};
    struct link_message config = {.type = LINK_CONFIG, .config = *b->policy.files};
    tell(b, worker, &config);
    if (b->told_broken)
        tell(b, worker, &(struct link_message){.type = LINK_LOG, .log = {.works = false}});
    for (size_t i = 0; i < h->n_holds; i++)
        adopt_hold(b, worker, h->pid, &h->holds[i], now);
    for (size_t i = 0; i < h->n_runs; i++)
        adopt_run(b, worker, h->pid, h->runs[i], now);
    /* What else was this worker's is nobody's now, whether it or its successor says hello. */
    for (size_t i = b->n_live; i-- > 0;) {
        struct live *l = &b->live[i];
        if (l->holding == AWAITED && l->worker == worker && l->doomed == NULL)
            lose(b, l, STR("the worker that held it stopped"), now);
    }
    char index[16], pid[16];
    struct record_field f[] = {{"worker", {index, 0}}, {"pid", {pid, 0}}};
    f[0].value.n = (size_t)snprintf(index, sizeof(index), "%u", worker);
    f[1].value.n = (size_t)snprintf(pid, sizeof(pid), "%u", h->pid);
    enum err e = record_fields(b, "worker_ready", f, 2, now);
    (void)e; /* without a log nothing of what it submits is taken */
    return ERR_OK;
}
