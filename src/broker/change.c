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
        .bypassed = q->r.bypass == BYPASS_GRANT || q->r.bypass == BYPASS_GLASS,
        .votes = q->r.votes,
        .n_votes = q->r.n_votes,
        .deadline_mono_ns = l != NULL ? l->deadline_mono_ns : 0,
        .asked_mono_ns = l != NULL ? l->asked_mono_ns : NULL,
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
    struct store_position p = {audit_last_seq(b->audit)};
    TRY(audit_sync(b->audit));
    TRY(store_said(b, store_position_set(b->store, p)));
    return store_said(b, store_commit(b->store));
}

/* Nobody holds on: the requester hears of this end when the same action comes again. */
static bool ends_untold(const struct broker *b, const struct store_request *q, enum request_state to)
{
    const struct live *l = live_find((struct broker *)(uintptr_t)b, q->r.id);
    return l != NULL && l->holding == DETACHED && l->doomed == NULL && !l->of_policy &&
           (to == REQUEST_REJECTED || to == REQUEST_EXPIRED);
}

static enum err write_asked(struct broker *b, const struct store_request *q,
                            const struct approval_step *step, struct moment now)
{
    for (size_t i = 0; i < q->r.quorum.n_reqs; i++) {
        const struct requirement *r = &q->r.quorum.reqs[i];
        if (step->n_later[i] != r->n_later)
            TRY(store_request_ask(b->store, q->r.id, i, r->n_from - step->n_later[i], now.wall_ns));
    }
    return ERR_OK;
}

/* The rows of a step, inside the transaction. */
static enum err write_rows(struct broker *b, const struct store_request *q,
                           const struct change *c, struct moment now)
{
    enum request_state from = q->r.state, to = c->step.next;
    if (c->step.retract)
        TRY(store_vote_retract(b->store, q->r.id, c->vote->person, now.wall_ns));
    if (c->step.asks)
        TRY(write_asked(b, q, &c->step, now));
    if (c->step.keep_vote)
        TRY(store_vote_insert(b->store, q->r.id, c->vote));
    if (c->step.keep_vote && c->vote->kind == VOTE_APPROVE)
        TRY(grants_vote(b, q, c->vote, to == REQUEST_APPROVED, now));
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
    if (c->step.use_grant)
        TRY(grants_use(b, q, now));
    if (c->glass != NULL)
        TRY(glass_store(b, q, c->glass, now));
    return ERR_OK;
}

static enum err write_records(struct broker *b, const struct store_request *q,
                              const struct change *c, struct moment now)
{
    if (c->glass != NULL)
        TRY(glass_record(b, q, c->glass, now));
    if (c->step.retract)
        TRY(record_retracted(b, &q->r, c, now));
    if (c->step.keep_vote)
        TRY(record_vote(b, &q->r, c->vote, now));
    if (c->step.asks)
        TRY(record_asked(b, &q->r, &c->step, now));
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
    l->ask_due_mono_ns = INT64_MAX;
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

/* --- Whom it asks ---------------------------------------------------------------------------- */

void change_follow_asked(struct broker *b, struct live *l, const struct store_request *q,
                         struct moment now)
{
    for (size_t i = 0; i < q->r.quorum.n_reqs && i < LIMIT_REQUIREMENTS; i++) {
        int64_t ago = now.wall_ns - q->r.quorum.reqs[i].asked_wall_ns;
        bool asked = q->r.quorum.reqs[i].asked_wall_ns != 0;
        if (asked && l->asked_mono_ns[i] == 0)
            l->asked_mono_ns[i] = now.mono_ns - (ago > 0 && ago < now.mono_ns ? ago : 0);
    }
    struct approval ap = change_approval_of(q, l);
    l->ask_due_mono_ns = approval_next_due(&ap, &b->people);
}

/* After a change that left it pending: what is missing is another thing now. */
static void follow_pending(struct broker *b, struct live *l, struct moment now)
{
    struct arena a CLEANUP(arena_done);
    struct store_request q;
    arena_init(&a, REQUEST_ARENA);
    if (change_load(b, l, &a, &q) != ERR_OK) {
        l->ask_due_mono_ns = now.mono_ns + RETRY_MS * NS_PER_MS;
        return;
    }
    change_follow_asked(b, l, &q, now);
    tell_submitted(b, l, &q);
}

void change_ask(struct broker *b, struct live *l, struct moment now)
{
    struct arena a CLEANUP(arena_done);
    struct store_request q;
    arena_init(&a, REQUEST_ARENA);
    l->ask_due_mono_ns = now.mono_ns + RETRY_MS * NS_PER_MS; /* where it cannot be written now */
    if (change_load(b, l, &a, &q) != ERR_OK)
        return;
    struct approval ap = change_approval_of(&q, l);
    struct approval_event ev = {.kind = APPROVAL_TICK, .now_mono_ns = now.mono_ns};
    struct change c = {.step = approval_step(&ap, &b->people, &ev)};
    if (!c.step.asks && c.step.next == l->state)
        change_follow_asked(b, l, &q, now);
    else if (change_request(b, l, &q, &c, now) != ERR_OK)
        l->ask_due_mono_ns = now.mono_ns + RETRY_MS * NS_PER_MS;
    else if (c.step.next == REQUEST_APPROVED)
        tell_approved(b, l, &q);
}

/* --- The change ------------------------------------------------------------------------------ */

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
    } else {
        follow_pending(b, l, now);
    }
    watch_tell(b, to != from          ? BROKER_REQUEST_CHANGED
                  : c->vote != NULL   ? BROKER_REQUEST_VOTED
                                      : BROKER_REQUEST_ASKED, id, to);
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
    struct change c = {.step = approval_step(&ap, &b->people, &ev),
                       .by = e->by,
                       .via = e->via,
                       .reason = e->reason};
    if (c.step.next == l->state)
        return ERR_BAD_STATE;
    struct live before = *l;
    TRY(change_request(b, l, &q, &c, now));
    if (before.holding == HELD && before.doomed == NULL)
        tell_holder_ended(b, &before, e->tell != 0 ? e->tell : end_of(c.step.next), e->by, e->reason);
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
