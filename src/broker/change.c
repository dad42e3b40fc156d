#include "broker/internal.h"

#include <assert.h>
#include <stdio.h>

enum { RETRY_MS = 1000 };

enum err store_said(struct broker *b, enum err e)
{
    bool broken = e == ERR_IO || e == ERR_CORRUPT;
    if (broken)
        (void)snprintf(b->store_text, sizeof(b->store_text), "%s", store_error_text(b->store));
    else
        b->store_text[0] = '\0';
    return e;
}

struct approval change_approval_of(const struct store_request *q, const struct live *l)
{
    return (struct approval){
        .state = q->r.state,
        .digest = q->r.digest,
        .subject = q->r.subject,
        .person = q->r.person,
        .on_behalf_of = q->r.on_behalf_of,
        .quorum = q->r.quorum,
        .signed_votes = q->r.signed_votes,
        .votes = q->r.votes,
        .n_votes = q->r.n_votes,
        .deadline_mono_ns = l != NULL ? l->deadline_mono_ns : 0,
    };
}

enum err change_load(struct broker *b, const struct live *l, struct arena *a,
                     struct store_request *ret)
{
    struct store_request q;
    TRY(store_said(b, store_request_get(b->store, l->id, a, &q)));
    if (q.r.state != l->state)
        return ERR_STALE;
    live_check(b, l);
    live_check_row(l, &q);
    *ret = q;
    return ERR_OK;
}

/* --- One change ------------------------------------------------------------------------------ */

enum err change_commit(struct broker *b)
{
    struct store_position p = {audit_last_seq(b->audit), audit_length(b->audit)};
    TRY(audit_sync(b->audit));
    TRY(store_said(b, store_position_set(b->store, p)));
    return store_said(b, store_commit(b->store));
}

/* Nobody holds on: the requester hears of this end when the same action comes again. */
static bool ends_untold(const struct broker *b, const struct store_request *q, enum request_state to)
{
    const struct live *l = live_find((struct broker *)(uintptr_t)b, q->r.id);
    return l != NULL && l->holding == DETACHED && l->doomed == NULL &&
           (to == REQUEST_REJECTED || to == REQUEST_EXPIRED);
}

/* The rows of a step, inside the transaction. */
static enum err write_rows(struct broker *b, const struct store_request *q,
                           const struct change *c, struct moment now)
{
    enum request_state from = q->r.state, to = c->step.next;
    if (c->step.keep_vote)
        TRY(store_vote_insert(b->store, q->r.id, c->vote));
    if (to == from)
        return ERR_OK;
    struct store_change m = {.from = from, .to = to, .outcome = c->outcome};
    if (from == REQUEST_PENDING)
        m.decided_wall_ns = now.wall_ns;
    if (c->step.make_grant)
        m.run_by_wall_ns = now.wall_ns + q->run_within_ns;
    TRY(store_request_move(b->store, q->r.id, &m));
    if (ends_untold(b, q, to))
        TRY(store_untold_insert(b->store, q->r.id, &q->r.digest, q->r.subject, now.wall_ns));
    if (c->step.make_grant) {
        struct store_grant g = {.request = q->r.id,
                                .digest = q->r.digest,
                                .subject = q->r.subject,
                                .resource = q->r.resource,
                                .expires_wall_ns = m.run_by_wall_ns,
                                .uses = 1};
        TRY(store_grant_insert(b->store, &g));
    }
    if (c->step.use_grant)
        TRY(store_grant_use(b->store, q->r.id, &q->r.digest, q->r.subject, q->r.resource));
    return ERR_OK;
}

static enum err write_records(struct broker *b, const struct store_request *q,
                              const struct change *c, struct moment now)
{
    if (c->step.keep_vote)
        TRY(record_vote(b, &q->r, c->vote, now));
    if (c->step.next != q->r.state)
        TRY(record_state(b, &q->r, c->step.next, c, now));
    return ERR_OK;
}

static enum err write_all(struct broker *b, const struct store_request *q, const struct change *c,
                          struct moment now)
{
    TRY(store_said(b, write_rows(b, q, c, now)));
    TRY(write_records(b, q, c, now));
    return change_commit(b);
}

static void follow_in_memory(struct broker *b, struct live *l, const struct store_request *q,
                             enum request_state to, struct moment now)
{
    b->metrics.ended[to]++;
    if (request_is_final(to)) {
        live_remove(b, l->id);
        return;
    }
    b->metrics.open[l->state]--;
    b->metrics.open[to]++;
    l->state = to;
    l->deadline_mono_ns = to == REQUEST_APPROVED ? now.mono_ns + q->run_within_ns : INT64_MAX;
    live_check(b, l);
}

static enum link_end end_of(enum request_state s)
{
    switch (s) {
    case REQUEST_REJECTED:
        return END_REJECTED;
    case REQUEST_EXPIRED:
        return END_EXPIRED;
    case REQUEST_WITHDRAWN:
        return END_WITHDRAWN;
    default:
        return END_UNAVAILABLE;
    }
}

static void tell_followers(struct broker *b, uint64_t id, enum request_state to, const struct change *c)
{
    if (to == REQUEST_RUNNING)
        followers_tell_ended(b, id, END_ELSEWHERE, STR(""), STR(""));
    else if (request_is_final(to))
        followers_tell_ended(b, id, end_of(to), c->by, c->reason);
}

enum err change_request(struct broker *b, struct live *l, const struct store_request *q,
                        const struct change *c, struct moment now)
{
    uint64_t first = audit_last_seq(b->audit) + 1, id = l->id;
    enum request_state from = q->r.state, to = c->step.next;
    live_check_row(l, q);
    if (to != from && !request_may_become(from, to))
        return ERR_BUG;
    assert(!c->step.make_grant || (from == REQUEST_PENDING && to == REQUEST_APPROVED));
    assert(c->step.use_grant == (to == REQUEST_RUNNING && from != to));
    if (audit_broken(b->audit) != NULL)
        return ERR_IO;
    enum err e = store_said(b, store_begin(b->store));
    if (e == ERR_OK)
        e = write_all(b, q, c, now);
    if (e != ERR_OK) {
        store_rollback(b->store);
        record_undone(b, first, "could not be stored", now);
        return e;
    }
    if (to != from) {
        follow_in_memory(b, l, q, to, now);
        tell_followers(b, id, to, c);
    }
    watch_tell(b, to == from ? BROKER_REQUEST_VOTED : BROKER_REQUEST_CHANGED, id, to);
    return ERR_OK;
}

/* --- Endings --------------------------------------------------------------------------------- */

void change_doom(struct broker *b, struct live *l, const char *why, struct moment now)
{
    followers_tell_ended(b, l->id, END_UNAVAILABLE, STR(""), str_of(why));
    l->doomed = why;
    l->holding = DETACHED;
    l->hold = 0;
    l->retry_mono_ns = now.mono_ns + RETRY_MS * NS_PER_MS;
}

static enum err try_end(struct broker *b, struct live *l, const struct ending *e,
                        struct moment now)
{
    struct arena a CLEANUP(arena_done);
    struct store_request q;
    arena_init(&a, REQUEST_ARENA);
    TRY(change_load(b, l, &a, &q));
    struct approval ap = change_approval_of(&q, l);
    struct approval_event ev = {.kind = e->event, .now_mono_ns = now.mono_ns};
    struct change c = {.step = approval_step(&ap, b->policy.people, &ev),
                       .by = e->by,
                       .via = e->via,
                       .reason = e->reason};
    if (c.step.next == l->state)
        return ERR_BAD_STATE;
    struct live before = *l;
    TRY(change_request(b, l, &q, &c, now));
    if (before.holding == HELD && before.doomed == NULL)
        tell_holder_ended(b, &before, end_of(c.step.next), e->by, e->reason);
    return ERR_OK;
}

void change_end(struct broker *b, struct live *l, const struct ending *e, struct moment now)
{
    if (try_end(b, l, e, now) == ERR_OK)
        return;
    if (l->holding == HELD && l->doomed == NULL)
        tell_holder_ended(b, l, END_UNAVAILABLE, STR(""), STR("the end could not be recorded"));
    change_doom(b, l, "its end could not be recorded when it came", now);
}

/* The store went its own way: a commit that was reported as failed had been done. */
static void follow_store(struct broker *b, struct live *l)
{
    struct arena a CLEANUP(arena_done);
    struct store_request q;
    arena_init(&a, REQUEST_ARENA);
    if (store_said(b, store_request_get(b->store, l->id, &a, &q)) != ERR_OK)
        return;
    if (request_is_final(q.r.state)) {
        live_remove(b, l->id);
        return;
    }
    b->metrics.open[l->state]--;
    b->metrics.open[q.r.state]++;
    l->state = q.r.state;
    if (l->state == REQUEST_RUNNING)
        l->deadline_mono_ns = INT64_MAX;
}

void change_retry(struct broker *b, struct live *l, struct moment now)
{
    uint64_t id = l->id;
    struct ending e = {.event = APPROVAL_LOST, .reason = str_of(l->doomed)};
    enum err tried = try_end(b, l, &e, now);
    if (tried == ERR_OK)
        return;
    l = live_find(b, id);
    if (l == NULL)
        return;
    l->retry_mono_ns = now.mono_ns + RETRY_MS * NS_PER_MS;
    if (tried == ERR_STALE)
        follow_store(b, l);
}
