/*
 * The ways to wait for one request.
 *
 *   HELD      its client holds on: one hold of one worker, which alone may claim
 *   followed  other sessions that sent the same meanwhile hold on too: they are told how it ended;
 *             where the holder goes away the first of them becomes the holder
 *   DETACHED  nobody holds on: the client was told the number (`wait: return`) or went away
 *             (`on_disconnect: keep`). The next SUBMIT of the same action is told that it still
 *             waits, or attaches. What ended while DETACHED is kept as untold: the next SUBMIT of the
 *             same action is told that instead, once, and the one after it opens a new request.
 */
#include "broker/internal.h"

#include <stdio.h>
#include <stdlib.h>

/* --- Followers -------------------------------------------------------------------------------- */

static size_t count_of(const struct broker *b, uint64_t request)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n_followers; i++)
        n += b->followers[i].request == request;
    return n;
}

static void forget(struct broker *b, size_t i)
{
    b->n_followers--;
    memmove(&b->followers[i], &b->followers[i + 1], (b->n_followers - i) * sizeof(b->followers[0]));
}

bool follower_known(const struct broker *b, uint32_t worker, uint64_t hold)
{
    for (size_t i = 0; i < b->n_followers; i++)
        if (b->followers[i].worker == worker && b->followers[i].hold == hold)
            return true;
    return false;
}

bool follower_add(struct broker *b, uint64_t request, uint32_t worker, uint64_t hold)
{
    if (count_of(b, request) >= LIMIT_FOLLOWERS_OF_ONE)
        return false;
    if (b->n_followers == b->followers_size) {
        size_t size = b->followers_size != 0 ? 2 * b->followers_size : 16;
        struct follower *p = realloc(b->followers, size * sizeof(*p));
        if (p == NULL)
            return false;
        b->followers = p;
        b->followers_size = size;
    }
    b->followers[b->n_followers++] = (struct follower){request, hold, worker};
    return true;
}

void follower_remove(struct broker *b, uint32_t worker, uint64_t hold)
{
    for (size_t i = b->n_followers; i-- > 0;)
        if (b->followers[i].worker == worker && b->followers[i].hold == hold)
            forget(b, i);
}

void followers_of_worker_lost(struct broker *b, uint32_t worker)
{
    for (size_t i = b->n_followers; i-- > 0;)
        if (b->followers[i].worker == worker)
            forget(b, i);
}

void followers_tell_ended(struct broker *b, uint64_t request, enum link_end end, struct str by,
                          struct str reason)
{
    for (size_t i = b->n_followers; i-- > 0;) {
        struct follower f = b->followers[i];
        if (f.request != request)
            continue;
        forget(b, i);
        tell_ended(b, f.worker, f.hold, request, end, by, reason);
    }
}

bool follower_takes_over(struct broker *b, struct live *l, struct moment now)
{
    for (size_t i = 0; i < b->n_followers; i++) {
        struct follower f = b->followers[i];
        if (f.request != l->id)
            continue;
        forget(b, i);
        struct store_holder holder = {str_of(b->instance), f.worker, b->peers[f.worker].pid, f.hold};
        return holders_attach(b, l, &holder, now) == ERR_OK;
    }
    return false;
}

/* --- Told to come back ------------------------------------------------------------------------ */

void tell_pending(struct broker *b, uint32_t worker, uint64_t hold, const struct live *l,
                  const struct store_request *q)
{
    struct arena a CLEANUP(arena_done);
    struct str missing = {NULL, 0}, detail = STR("It waits for people.");
    struct approval ap = change_approval_of(q, l);
    char by[CLOCK_TEXT];
    arena_init(&a, 16 * MIB);
    enum err e = ERR_OK;
    if (l->state == REQUEST_RUNNING)
        detail = STR("It was approved and runs now, in another session.");
    else
        e = approval_missing_text(&ap, &b->people, &a, &missing);
    if (e == ERR_OK && l->state == REQUEST_PENDING)
        e = arena_printf(&a, &detail, "It needs %.*s, by %.*s.", STR_FMT(missing),
                         STR_FMT(clock_text(q->r.decide_by_wall_ns, by)));
    (void)e; /* the words for people are short then */
    tell_ended(b, worker, hold, l->id, END_PENDING, STR(""), detail);
}

/* --- Ended unattended ------------------------------------------------------------------------- */

struct past_end past_end_of(const struct request *r)
{
    static const enum link_end ends[REQUEST_STATE_COUNT_] = {
        [REQUEST_REJECTED] = END_REJECTED,
        [REQUEST_EXPIRED] = END_EXPIRED,
        [REQUEST_WITHDRAWN] = END_WITHDRAWN,
    };
    struct past_end p = {.end = ends[r->state]};
    for (size_t i = 0; i < r->n_votes; i++)
        if (p.end == END_REJECTED && r->votes[i].kind == VOTE_REJECT &&
            r->votes[i].retracted_wall_ns == 0) {
            p.by = r->votes[i].person;
            p.reason = r->votes[i].reason;
        }
    if (p.end == END_EXPIRED)
        p.reason = r->run_by_wall_ns != 0 ? STR("it was approved and not run in time")
                                          : STR("nobody decided in time");
    return p;
}

static enum err take_told(struct broker *b, uint64_t request, struct moment now)
{
    struct record r CLEANUP(record_done);
    record_begin(&r);
    json_put_int(&r.j, "request", (int64_t)request);
    TRY(store_said(b, store_begin(b->store)));
    TRY(store_said(b, store_untold_remove(b->store, request)));
    TRY(record_append(b, &r, "told", now));
    return change_commit(b);
}

bool tell_untold(struct broker *b, uint32_t worker, const struct link_submit *s, struct moment now)
{
    struct arena a CLEANUP(arena_done);
    struct store_request q;
    uint64_t request, first = audit_last_seq(b->audit) + 1;
    arena_init(&a, REQUEST_ARENA);
    if (store_said(b, store_untold_find(b->store, &s->digest, s->subject,
                                        now.wall_ns - LIMIT_TELL_END_NS, &request)) != ERR_OK ||
        store_said(b, store_request_get(b->store, request, &a, &q)) != ERR_OK)
        return false;
    struct past_end p = past_end_of(&q.r);
    if (p.end == 0)
        return false;
    if (take_told(b, request, now) != ERR_OK) {
        store_rollback(b->store);
        record_undone(b, first, "could not be stored", now);
        return false;
    }
    tell_ended(b, worker, s->hold, request, p.end, p.by, p.reason);
    return true;
}
