/*
 * The life of one held action, as the worker sees it.
 *
 *   submit --SUBMIT sent--> SENT --SUBMITTED--> WAITING --APPROVED, CLAIM sent--> CLAIMING
 *                            |                    |                                  |
 *                            |                    |                               CLAIMED
 *                            |                    |                                  v
 *                            +--------------------+------------------+           RELEASED --ran--> over
 *                                                                    |
 *             ENDED, withdrawn, overdue, link broken, grace over ----+--> over: refused, or withdrawn
 *
 *   SENT       request is 0; the broker's answer is due at due_ms
 *   WAITING    request is known and the client was told; the decision is due at due_ms
 *   CLAIMING   the digest of the approval, of the submission and of the action as it is now were
 *              equal; the broker's answer is due at due_ms
 *   RELEASED   the same was true again when the bytes went; owner is NULL; only its outcome is awaited
 *
 * Where the link is lost, SENT and WAITING wait for the broker's return until the grace is over;
 * CLAIMING is refused at once, because nobody can say whether the claim was stored, and the request
 * is reported as not run. What is over is in no table: a late word about it changes nothing, except
 * that a late CLAIMED is answered, so that the broker knows that nothing ran (uplink.c).
 */
#include "gate/gate_internal.h"

#include <assert.h>
#include <stdlib.h>

static void hold_check(const struct hold *h)
{
    switch (h->state) {
    case HOLD_SENT:
        assert(h->request == 0 && h->owner != NULL);
        break;
    case HOLD_WAITING:
    case HOLD_CLAIMING:
        assert(h->request != 0 && h->owner != NULL);
        break;
    case HOLD_RELEASED:
        assert(h->request != 0 && h->owner == NULL);
        break;
    case HOLD_STATE_COUNT_:
        assert(false);
    }
    assert(h->number != 0 && h->config != NULL && h->door != NULL);
}

static void set_state(struct hold *h, enum hold_state to)
{
    h->state = to;
    hold_check(h);
}

/* --- Beginning and end ----------------------------------------------------------------------- */

static int64_t ms_of_ns(int64_t ns)
{
    return ns / NS_PER_MS;
}

static void start_ticking(struct gate *g)
{
    if (g->ticking)
        return;
    int64_t every = 1000;
    const int64_t bounds[] = {g->options.link_grace_ms / 2, g->options.link_answer_ms / 2,
                              ms_of_ns(g->config->notice_interval_ns)};
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++)
        if (bounds[i] > 0 && bounds[i] < every)
            every = bounds[i];
    timer_start(g->tick, every, every);
    g->ticking = true;
}

static void hold_memory_free(struct hold *h)
{
    arena_done(&h->text);
    buf_done(&h->again);
    config_unref(h->config);
    config_unref(h->resource_config);
    free(h);
}

enum err hold_begin(struct gate *g, struct door *door, struct source_session *owner,
                    const struct action *a, const struct decision *d, const struct digest *digest,
                    struct hold **ret)
{
    struct hold *h = calloc(1, sizeof(*h));
    if (h == NULL)
        return ERR_NOMEM;
    int64_t now = loop_now_ms(g->loop);
    arena_init(&h->text, 64 * KIB);
    h->number = ++g->last_number;
    h->door = door;
    h->owner = owner;
    h->action = *a;
    h->action.lazy = NULL; /* was for the verdict, and lives no longer than that */
    h->digest = *digest;
    h->config = config_ref(g->config);
    h->resource_config = config_ref(door->config);
    h->decide_by_ms = now + ms_of_ns(d->decide_within_ns);
    h->due_ms = now + g->options.link_answer_ms;
    enum err e = arena_str(&h->text, words_message(d), &h->message);
    if (e == ERR_OK)
        e = hold_table_add(&g->table, h);
    if (e != ERR_OK) {
        hold_memory_free(h);
        return e;
    }
    hold_list_append(&g->waiting, h);
    set_state(h, HOLD_SENT);
    start_ticking(g);
    *ret = h;
    return ERR_OK;
}

enum err hold_keep_submit(struct hold *h, const struct link_message *m)
{
    buf_init(&h->again, LIMIT_LINK_MESSAGE + KIB);
    return link_encode(&h->again, m);
}

/* Out of every list and table; the memory stays. */
static void hold_leave(struct gate *g, struct hold *h)
{
    hold_table_remove(&g->table, h);
    hold_list_remove(h->state == HOLD_RELEASED ? &g->released : &g->waiting, h);
}

void hold_free(struct gate *g, struct hold *h)
{
    hold_leave(g, h);
    hold_memory_free(h);
}

/* The one place where a hold ends in a refusal. */
static void refuse(struct gate *g, struct hold *h, const struct refusal *r)
{
    struct source_session *owner = h->owner;
    const struct source *source = h->door->source;
    hold_leave(g, h);
    g->counts.refused++;
    source->refuse(owner, h, r);
    hold_memory_free(h); /* after: the refusal's words may be in it */
}

static void refuse_for(struct gate *g, struct hold *h, enum refusal_kind kind, struct str why)
{
    struct refusal r = words_refused(h, kind, why);
    refuse(g, h, &r);
}

static void say_withdrawn(struct gate *g, const struct hold *h, struct str reason, bool gone)
{
    struct link_message m = {
        .type = LINK_WITHDRAW,
        .withdraw = {.hold = h->number, .request = h->request, .reason = reason, .gone = gone},
    };
    /* Without a link the broker withdraws it by itself: HELLO will not name it. */
    (void)!uplink_send(g, &m);
}

static void say_not_run(struct gate *g, uint64_t request, struct str why)
{
    struct link_result r = {
        .request = request, .outcome = OUTCOME_FAILED, .rows = -1, .error_message = why};
    uplink_result(g, &r);
}

/* --- What may be released -------------------------------------------------------------------- */

enum err write_envelope(struct gate *g, const struct source *source, struct source_session *owner,
                        const struct action *a, struct digest *ret)
{
    buf_clear(&g->describe);
    buf_clear(&g->envelope);
    TRY(source->describe(owner, a, &g->describe));
    return envelope_write(&g->envelope, a, buf_view(&g->describe), ret);
}

/* True where what would run now is, byte for byte, what was submitted (S2). */
static bool is_still_the_same(struct gate *g, const struct hold *h)
{
    struct digest now;
    return write_envelope(g, h->door->source, h->owner, &h->action, &now) == ERR_OK &&
           digest_eq(&now, &h->digest);
}

/* An approval stands under the guardrails that asked for it; but what those in force now deny does not run, however
 * it was approved. True, and the refusal's words in *ret, where they do or cannot say. */
static bool is_denied_now(struct gate *g, const struct hold *h, struct refusal *ret)
{
    struct policy_run *run = NULL;
    struct decision d;
    if (h->config == g->config)
        return false;
    arena_reset(&g->arena);
    if (policy_decide(g->config->policy, g->eval, &h->action, &run, &g->arena, &d) != ERR_OK) {
        *ret = words_unavailable(STR("the guardrails in force now could not be evaluated"));
        return true;
    }
    if (d.verdict != VERDICT_DENY)
        return false;
    *ret = words_denied(&g->arena, &h->action, &d, g->config->version);
    ret->request = h->request;
    return true;
}

static void refuse_now(struct gate *g, struct hold *h, const struct refusal *r)
{
    struct str why = r->detail.n != 0 ? r->detail : r->message;
    log_info("request %llu: refused by newer guardrails: %.*s", (unsigned long long)h->request, STR_FMT(why));
    say_withdrawn(g, h, why, false);
    refuse(g, h, r);
}

/* --- From the broker ------------------------------------------------------------------------- */

static void tell(struct gate *g, struct hold *h, bool first)
{
    int64_t now = loop_now_ms(g->loop), left = h->decide_by_ms - now;
    struct hold_notice n = {
        .request = h->request,
        .first = first,
        .message = h->message,
        .approvers = h->approvers,
        .remaining_ns = left > 0 ? left * NS_PER_MS : 0,
    };
    h->notice_ms = now + ms_of_ns(h->config->notice_interval_ns);
    h->door->source->notice(h->owner, h, &n);
}

static void set_deadline(struct gate *g, struct hold *h, int64_t decide_by_wall_ns)
{
    int64_t at = loop_now_ms(g->loop) + ms_of_ns(decide_by_wall_ns - clock_wall_ns());
    if (at < h->decide_by_ms)
        h->decide_by_ms = at;
    /* The broker is the one that expires; we do where it does not. */
    h->due_ms = h->decide_by_ms + g->options.link_answer_ms;
}

static enum err on_submitted(struct gate *g, struct hold *h, const struct hold_event *e)
{
    const struct link_submitted *m = &e->message->submitted;
    if (m->request == 0)
        return ERR_PROTOCOL;
    h->request = m->request;
    if (arena_str(&h->text, m->approvers, &h->approvers) != ERR_OK)
        h->approvers = STR("see the request");
    set_deadline(g, h, m->decide_by_wall_ns);
    set_state(h, HOLD_WAITING);
    tell(g, h, true);
    return ERR_OK;
}

/* Again, after the broker came back, or since other people are needed than before. */
static enum err on_submitted_again(struct gate *g, struct hold *h, const struct hold_event *e)
{
    const struct link_submitted *m = &e->message->submitted;
    struct str approvers;
    if (m->request != h->request)
        return ERR_PROTOCOL;
    if (!str_eq(m->approvers, h->approvers) &&
        arena_str(&h->text, m->approvers, &approvers) == ERR_OK)
        h->approvers = approvers;
    set_deadline(g, h, m->decide_by_wall_ns);
    return ERR_OK;
}

static enum err on_approved(struct gate *g, struct hold *h, const struct hold_event *e)
{
    const struct link_approved *m = &e->message->approved;
    struct str why = STR("the approval is for something else than what was submitted");
    bool same = m->request == h->request && digest_eq(&m->digest, &h->digest);
    if (same && !is_still_the_same(g, h)) {
        why = STR("the action is no longer what was submitted");
        same = false;
    }
    if (!same) {
        log_error("request %llu: %.*s", (unsigned long long)h->request, STR_FMT(why));
        say_withdrawn(g, h, why, false);
        refuse_for(g, h, REFUSAL_UNAVAILABLE, why);
        return ERR_OK;
    }
    struct refusal denied;
    if (is_denied_now(g, h, &denied)) {
        refuse_now(g, h, &denied);
        return ERR_OK;
    }
    struct link_message claim = {
        .type = LINK_CLAIM,
        .claim = {.hold = h->number, .request = h->request, .digest = h->digest},
    };
    h->due_ms = loop_now_ms(g->loop) + g->options.link_answer_ms;
    set_state(h, HOLD_CLAIMING);
    if (uplink_send(g, &claim) != ERR_OK) {
        say_not_run(g, h->request, STR("not run: the claim could not be sent"));
        refuse_for(g, h, REFUSAL_UNAVAILABLE, STR("the gateway's broker cannot be reached"));
    }
    return ERR_OK;
}

static enum err on_claimed(struct gate *g, struct hold *h, const struct hold_event *e)
{
    const struct link_claimed *m = &e->message->claimed;
    if (m->request != h->request || !digest_eq(&m->digest, &h->digest) ||
        !is_still_the_same(g, h)) {
        log_error("request %llu: changed between approval and release",
                  (unsigned long long)h->request);
        say_not_run(g, h->request, STR("not run: the action is no longer what was approved"));
        refuse_for(g, h, REFUSAL_UNAVAILABLE,
                   STR("the action is no longer what was approved"));
        return ERR_OK;
    }
    struct source_session *owner = h->owner;
    h->owner = NULL;
    hold_list_remove(&g->waiting, h);
    hold_list_append(&g->released, h);
    set_state(h, HOLD_RELEASED);
    g->counts.released++;
    h->door->source->release(owner, h, h->number);
    return ERR_OK;
}

/* What it counted on is gone: it is held afresh, under the same hold and as another request. */
static bool is_held_again(struct gate *g, struct hold *h)
{
    if (buf_len(&h->again) == 0 || !is_still_the_same(g, h) ||
        uplink_send_frame(g, buf_view(&h->again)) != ERR_OK)
        return false;
    h->request = 0;
    h->decide_by_ms = INT64_MAX / 2; /* the new request has its own */
    h->due_ms = loop_now_ms(g->loop) + g->options.link_answer_ms;
    set_state(h, HOLD_SENT);
    return true;
}

static enum err on_ended(struct gate *g, struct hold *h, const struct hold_event *e)
{
    if (e->message->ended.end == END_AGAIN && is_held_again(g, h))
        return ERR_OK;
    struct refusal r = words_ended(h, &e->message->ended);
    refuse(g, h, &r);
    return ERR_OK;
}

/* --- From the source ------------------------------------------------------------------------- */

static enum err on_withdrawn(struct gate *g, struct hold *h, const struct hold_event *e)
{
    say_withdrawn(g, h, e->reason, e->gone);
    g->counts.withdrawn++;
    hold_free(g, h);
    return ERR_OK;
}

static enum err on_ran(struct gate *g, struct hold *h, const struct hold_event *e)
{
    static const enum link_outcome outcomes[] = {
        [RUN_COMPLETED] = OUTCOME_COMPLETED,
        [RUN_FAILED] = OUTCOME_FAILED,
        [RUN_UNKNOWN] = OUTCOME_UNKNOWN,
    };
    const struct outcome *o = e->outcome;
    struct link_result r = {
        .request = h->request,
        .outcome = outcomes[o->kind],
        .tag = o->tag,
        .rows = o->rows,
        .error_code = o->error_code,
        .error_message = o->error_message,
        .duration_ns = o->duration_ns,
    };
    uplink_result(g, &r);
    hold_free(g, h);
    return ERR_OK;
}

/* --- Our own --------------------------------------------------------------------------------- */

static enum err stay(struct gate *g, struct hold *h, const struct hold_event *e)
{
    (void)g, (void)h, (void)e;
    return ERR_OK;
}

static enum err on_lost(struct gate *g, struct hold *h, const struct hold_event *e)
{
    (void)e;
    refuse_for(g, h, REFUSAL_UNAVAILABLE, STR("the gateway's broker cannot be reached"));
    return ERR_OK;
}

static enum err on_lost_claim(struct gate *g, struct hold *h, const struct hold_event *e)
{
    (void)e;
    say_not_run(g, h->request, STR("not run: the broker was lost before it answered the claim"));
    refuse_for(g, h, REFUSAL_UNAVAILABLE,
               STR("it was approved, but the gateway's broker was lost before it could be run"));
    return ERR_OK;
}

static enum err on_no_answer(struct gate *g, struct hold *h, const struct hold_event *e)
{
    (void)e;
    say_withdrawn(g, h, STR("the worker had no answer in time"), false);
    refuse_for(g, h, REFUSAL_UNAVAILABLE, STR("the gateway's broker does not answer"));
    return ERR_OK;
}

static enum err on_undecided(struct gate *g, struct hold *h, const struct hold_event *e)
{
    (void)e;
    say_withdrawn(g, h, STR("nobody decided in time"), false);
    refuse_for(g, h, REFUSAL_EXPIRED, STR("nobody decided in time"));
    return ERR_OK;
}

/* --- The table ------------------------------------------------------------------------------- */

typedef enum err hold_handler(struct gate *g, struct hold *h, const struct hold_event *e);

static hold_handler *const handlers[HOLD_STATE_COUNT_][HOLD_EVENT_COUNT_] = {
    [HOLD_SENT] = {
        [HOLD_ON_SUBMITTED] = on_submitted,
        [HOLD_ON_ENDED] = on_ended,
        [HOLD_ON_WITHDRAWN] = on_withdrawn,
        [HOLD_ON_LINK_LOST] = stay,
        [HOLD_ON_LINK_BROKEN] = on_lost,
        [HOLD_ON_GRACE_OVER] = on_lost,
        [HOLD_ON_OVERDUE] = on_no_answer,
    },
    [HOLD_WAITING] = {
        [HOLD_ON_SUBMITTED] = on_submitted_again,
        [HOLD_ON_APPROVED] = on_approved,
        [HOLD_ON_ENDED] = on_ended,
        [HOLD_ON_WITHDRAWN] = on_withdrawn,
        [HOLD_ON_LINK_LOST] = stay,
        [HOLD_ON_LINK_BROKEN] = on_lost,
        [HOLD_ON_GRACE_OVER] = on_lost,
        [HOLD_ON_OVERDUE] = on_undecided,
    },
    [HOLD_CLAIMING] = {
        [HOLD_ON_CLAIMED] = on_claimed,
        [HOLD_ON_ENDED] = on_ended,
        [HOLD_ON_WITHDRAWN] = on_withdrawn,
        [HOLD_ON_LINK_LOST] = on_lost_claim,
        [HOLD_ON_LINK_BROKEN] = on_lost_claim,
        [HOLD_ON_GRACE_OVER] = on_lost_claim,
        [HOLD_ON_OVERDUE] = on_no_answer,
    },
    [HOLD_RELEASED] = {
        [HOLD_ON_RAN] = on_ran,
    },
};

enum err hold_happens(struct gate *g, struct hold *h, const struct hold_event *e)
{
    hold_handler *handler = handlers[h->state][e->kind];
    hold_check(h);
    return handler != NULL ? handler(g, h, e) : ERR_PROTOCOL;
}

/* Takes the first of the waiting holds and puts it last: n steps visit each of n once, whatever the
 * calls in between add or remove. */
static struct hold *rotate(struct gate *g)
{
    struct hold *h = g->waiting.head;
    if (h != NULL) {
        hold_list_remove(&g->waiting, h);
        hold_list_append(&g->waiting, h);
    }
    return h;
}

void hold_happens_to_all(struct gate *g, enum hold_event_kind kind)
{
    const struct hold_event e = {.kind = kind};
    for (size_t n = g->waiting.n; n > 0; n--) {
        struct hold *h = rotate(g);
        if (h == NULL)
            return;
        enum err err = hold_happens(g, h, &e);
        assert(err == ERR_OK); /* our own events are listed for every state that waits */
        (void)err;
    }
}

void gate_tick(void *gate)
{
    struct gate *g = gate;
    const struct hold_event overdue = {.kind = HOLD_ON_OVERDUE};
    int64_t now = loop_now_ms(g->loop);
    bool up = uplink_is_up(g);
    if (!up && now - g->up.lost_ms >= g->options.link_grace_ms)
        hold_happens_to_all(g, HOLD_ON_GRACE_OVER);
    for (size_t n = g->waiting.n; n > 0; n--) {
        struct hold *h = rotate(g);
        if (h == NULL)
            break;
        if (up && now >= h->due_ms)
            (void)!hold_happens(g, h, &overdue); /* listed for every state that waits */
        else if (h->state == HOLD_WAITING && now >= h->notice_ms)
            tell(g, h, false);
    }
    if (g->waiting.n == 0) {
        timer_stop(g->tick);
        g->ticking = false;
    }
}
