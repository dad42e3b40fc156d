#include "base/json_check.h"
#include "approval/quorum.h"
#include "broker/internal.h"
#include "base/log.h"

#include <stdio.h>

/* --- SUBMIT ---------------------------------------------------------------------------------- */

static bool is_duration(int64_t ns)
{
    return ns > 0 && ns <= 366 * 86400 * NS_PER_S;
}

/* The quorum with those asked who are asked first; `reqs` is room for its requirements. */
static struct quorum first_asked(const struct quorum *q, int64_t wall_ns,
                                 struct requirement reqs[static LIMIT_REQUIREMENTS])
{
    struct quorum first = *q;
    uint32_t n_later[LIMIT_REQUIREMENTS];
    approval_first_asked(q, n_later);
    for (size_t i = 0; i < q->n_reqs; i++) {
        reqs[i] = q->reqs[i];
        reqs[i].n_later = n_later[i];
        reqs[i].asked_wall_ns = n_later[i] < reqs[i].n_from ? wall_ns : 0;
    }
    first.reqs = reqs;
    return first;
}

static struct approval approval_of_submit(const struct link_submit *s)
{
    return (struct approval){.state = REQUEST_PENDING,
                             .digest = s->digest,
                             .subject = s->subject,
                             .person = s->person,
                             .on_behalf_of = s->on_behalf_of,
                             .quorum = s->quorum,
                             .deadline_mono_ns = INT64_MAX};
}

static bool is_json_or_empty(struct str s)
{
    return s.n == 0 || json_is_one_line(s, JSON_LINE_OBJECT) || json_is_one_line(s, JSON_LINE_ARRAY);
}

/* What the worker must have done right: wrong here is a fault of it. NULL: nothing. */
const char *submit_fault(const struct link_submit *s)
{
    struct digest d = digest_of(s->envelope);
    if (!digest_eq(&d, &s->digest))
        return "the digest is not that of the envelope";
    if (s->envelope.n > LIMIT_ENVELOPE || !json_is_one_line(s->envelope, JSON_LINE_OBJECT))
        return "the envelope is not one line of JSON within the limit";
    if (!is_json_or_empty(s->context) || !is_json_or_empty(s->explanation))
        return "context and explanation must be JSON";
    if (!quorum_well_formed(&s->quorum))
        return "the guardrail asks for no approval, or for too many";
    if (!is_duration(s->decide_within_ns) || !is_duration(s->run_within_ns))
        return "the guardrail gives no time to decide or to run";
    return NULL;
}

static size_t open_limit(const struct broker *b)
{
    return b->policy.open_requests != 0 ? b->policy.open_requests : LIMIT_OPEN_REQUESTS_PER_SUBJECT;
}

/* Why nobody could approve it, in `text`. */
static void say_unreachable(struct broker *b, const struct approval *ap, char *text, size_t size)
{
    struct arena a CLEANUP(arena_done);
    struct str why;
    arena_init(&a, 1 * MIB);
    if (approval_unreachable_text(ap, &b->people, &a, &why) != ERR_OK)
        why = STR("nobody could approve it");
    (void)snprintf(text, size, "%.*s", STR_FMT(why));
}

/* Why a well-formed submission cannot be taken now, in `text`; false where it can. */
bool submit_refused(struct broker *b, const struct link_submit *s, char *text, size_t size,
                    enum link_end *ret_end)
{
    struct approval ap = approval_of_submit(s);
    struct digest subject = digest_of(s->subject);
    size_t open = live_count_subject(b, &subject);
    const char *broken = audit_broken(b->audit);
    *ret_end = broken == NULL && open >= open_limit(b) ? END_LIMIT : END_UNAVAILABLE;
    if (broken != NULL)
        (void)snprintf(text, size, "%s", broken);
    else if (open >= open_limit(b))
        (void)snprintf(text, size, "%zu requests of this account wait already: the limit", open);
    else if (b->n_live >= LIMIT_OPEN_REQUESTS)
        (void)snprintf(text, size, "%zu requests wait already: the gateway's limit", b->n_live);
    else if (!approval_is_reachable(&ap, &b->people))
        say_unreachable(b, &ap, text, size);
    else
        return false;
    return true;
}

static void refuse_as(struct broker *b, uint32_t worker, const struct link_submit *s, enum link_end end,
                      const char *why, struct moment now)
{
    b->metrics.refused++;
    record_turned_down(b, "submission_refused", 0, s->subject, str_of(why), now);
    tell_ended(b, worker, s->hold, 0, end, STR(""), str_of(why));
}

static void refuse(struct broker *b, uint32_t worker, const struct link_submit *s, const char *why,
                   struct moment now)
{
    refuse_as(b, worker, s, END_UNAVAILABLE, why, now);
}

static struct store_request row_of(struct broker *b, uint32_t worker, const struct link_submit *s,
                                   struct moment now)
{
    return (struct store_request){
        .r = {.state = REQUEST_PENDING,
              .envelope = s->envelope,
              .digest = s->digest,
              .context = s->context.n != 0 ? s->context : STR("{}"),
              .explanation = s->explanation.n != 0 ? s->explanation : STR("[]"),
              .subject = s->subject,
              .person = s->person,
              .on_behalf_of = s->on_behalf_of,
              .resource = s->resource,
              .policy_version = s->policy_version,
              .guardrails = s->guardrails,
              .message = s->message,
              .quorum = s->quorum,
              .keep_on_disconnect = s->keep_on_disconnect || s->wait_return,
              .signed_votes = s->signed_votes,
              .created_wall_ns = now.wall_ns,
              .decide_by_wall_ns = now.wall_ns + s->decide_within_ns},
        .run_within_ns = s->run_within_ns,
        .holder = {str_of(b->instance), worker, b->peers[worker].pid, s->wait_return ? 0 : s->hold},
    };
}

static struct live live_of_row(const struct store_request *q, struct moment now)
{
    return (struct live){.id = q->r.id,
                         .state = REQUEST_PENDING,
                         .digest = q->r.digest,
                         .subject = digest_of(q->r.subject),
                         .deadline_mono_ns =
                             now.mono_ns + q->r.decide_by_wall_ns - q->r.created_wall_ns,
                         .ask_due_mono_ns = INT64_MAX,
                         .keep_on_disconnect = q->r.keep_on_disconnect,
                         .holding = q->holder.hold != 0 ? HELD : DETACHED,
                         .worker = q->holder.worker,
                         .pid = q->holder.pid,
                         .hold = q->holder.hold,
                         .of_policy = str_is(q->r.resource, BROKER_POLICY_RESOURCE)};
}

static enum err store_new(struct broker *b, const struct link_submit *s, const struct coverage *c,
                          struct arena *a, struct store_request *q, struct moment now, struct live **ret)
{
    TRY(store_said(b, store_begin(b->store)));
    TRY(store_said(b, store_request_insert(b->store, q, &q->r.id)));
    TRY(record_opened(b, q, now));
    if (s->n_parts != 0)
        TRY(grants_reserve(b, q->r.id, s, c, a));
    struct live l = live_of_row(q, now);
    change_follow_asked(b, &l, q, now);
    TRY(live_add(b, &l, ret));
    return change_commit(b);
}

static void tell_submitted_to(struct broker *b, uint32_t worker, uint64_t hold, const struct live *l,
                              const struct store_request *q)
{
    struct arena a CLEANUP(arena_done);
    struct str approvers = {NULL, 0};
    struct approval ap = change_approval_of(q, l);
    arena_init(&a, 16 * MIB);
    if (approval_missing_text(&ap, &b->people, &a, &approvers) != ERR_OK)
        approvers = STR("see the request");
    struct link_message m = {.type = LINK_SUBMITTED,
                             .submitted = {hold, l->id, approvers, q->r.decide_by_wall_ns}};
    tell(b, worker, &m);
}

void tell_submitted(struct broker *b, const struct live *l, const struct store_request *q)
{
    if (l->holding != HELD)
        return;
    tell_submitted_to(b, l->worker, l->hold, l, q);
}

/* Grants cover every guardrail that holds it: approved as it is opened. */
static void approve_by_grants(struct broker *b, struct live *l, struct moment now)
{
    struct arena a CLEANUP(arena_done);
    struct store_request q;
    struct live before = *l;
    arena_init(&a, REQUEST_ARENA);
    enum err e = change_load(b, l, &a, &q);
    if (e == ERR_OK) {
        struct approval ap = change_approval_of(&q, l);
        struct approval_event ev = {.kind = APPROVAL_BYPASS, .now_mono_ns = now.mono_ns, .digest = l->digest};
        struct change c = {.step = approval_step(&ap, &b->people, &ev),
                           .reason = STR("covered by grants"),
                           .bypass = BYPASS_GRANT};
        e = c.step.answer == APPROVAL_ACCEPTED ? change_request(b, l, &q, &c, now) : ERR_BAD_STATE;
    }
    if (e == ERR_OK) {
        tell_approved(b, &before, &q);
        return;
    }
    tell_holder_ended(b, l, END_UNAVAILABLE, STR(""), STR("its approval could not be recorded and stored"));
    change_doom(b, l, "its approval could not be recorded and stored", now);
}

void submit_open(struct broker *b, uint32_t worker, const struct link_submit *s, struct moment now)
{
    struct requirement reqs[LIMIT_REQUIREMENTS];
    struct arena a CLEANUP(arena_done);
    struct coverage c;
    arena_init(&a, 16 * MIB);
    grants_cover(b, s, &a, &c, now);
    bool covered = c.n != 0 && c.n_left == 0;
    struct link_submit asked = *s;
    asked.quorum = c.quorum;
    asked.wait_return = s->wait_return && !covered;
    s = &asked;
    struct store_request q = row_of(b, worker, s, now);
    q.r.quorum = first_asked(&s->quorum, now.wall_ns, reqs);
    uint64_t first = audit_last_seq(b->audit) + 1;
    struct live *l;
    if (store_new(b, s, &c, &a, &q, now, &l) != ERR_OK) {
        store_rollback(b->store);
        record_undone(b, first, "could not be stored", now);
        live_remove(b, q.r.id);
        refuse(b, worker, s, "the request could not be stored and recorded", now);
        return;
    }
    b->metrics.submitted++;
    live_check(b, l);
    if (s->wait_return)
        tell_pending(b, worker, s->hold, l, &q);
    else
        tell_submitted(b, l, &q);
    watch_tell(b, BROKER_REQUEST_OPENED, q.r.id, REQUEST_PENDING);
    l = live_find(b, q.r.id);
    if (covered && l != NULL)
        approve_by_grants(b, l, now);
}

/* --- The same action once more ----------------------------------------------------------------- */

/* Its quorum is what grants left of the whole; the same policy asked for the same whole. */
static bool counts_on_grants(struct broker *b, const struct request *r, const struct link_submit *s)
{
    uint64_t ids[LIMIT_GRANTS_OF_ONE];
    size_t n;
    return str_eq(r->policy_version, s->policy_version) &&
           store_said(b, store_use_grants_of(b->store, r->id, ids, &n)) == ERR_OK && n != 0;
}

/* What was asked of people then is what would be asked of them now: a guardrail that came since, or
 * that looks at the hour or the address, is not got round by an approval that was given without it. */
static bool asks_the_same(struct broker *b, const struct live *l, const struct link_submit *s)
{
    struct arena a CLEANUP(arena_done);
    struct store_request q;
    arena_init(&a, REQUEST_ARENA);
    if (change_load(b, l, &a, &q) != ERR_OK || !str_eq(q.r.guardrails, s->guardrails) ||
        q.r.signed_votes != s->signed_votes || q.r.bypass == BYPASS_GRANT)
        return false;
    return quorum_eq(&q.r.quorum, &s->quorum) || counts_on_grants(b, &q.r, s);
}

/* What runs is joined by nobody; only who was told to come back is told so about it. */
struct live *submit_find_open(struct broker *b, const struct link_submit *s)
{
    struct digest subject = digest_of(s->subject);
    for (size_t i = 0; i < b->n_live; i++) {
        struct live *l = &b->live[i];
        if (l->doomed == NULL && (l->state != REQUEST_RUNNING || s->wait_return) &&
            digest_eq(&l->digest, &s->digest) && digest_eq(&l->subject, &subject) &&
            asks_the_same(b, l, s))
            return l;
    }
    return NULL;
}

static enum err attach_row(struct broker *b, const struct live *l,
                           const struct store_holder *holder, struct moment now)
{
    struct record r CLEANUP(record_done);
    record_begin(&r);
    json_put_int(&r.j, "request", (int64_t)l->id);
    TRY(store_said(b, store_begin(b->store)));
    TRY(store_said(b, store_request_set_holder(b->store, l->id, holder)));
    TRY(record_append(b, &r, "attached", now));
    return change_commit(b);
}

enum err holders_attach(struct broker *b, struct live *l, const struct store_holder *holder,
                        struct moment now)
{
    struct arena a CLEANUP(arena_done);
    struct store_request q;
    uint64_t first = audit_last_seq(b->audit) + 1;
    arena_init(&a, REQUEST_ARENA);
    enum err e = change_load(b, l, &a, &q);
    if (e == ERR_OK)
        e = attach_row(b, l, holder, now);
    if (e != ERR_OK) {
        store_rollback(b->store);
        record_undone(b, first, "could not be stored", now);
        return e;
    }
    l->holding = HELD;
    l->worker = holder->worker;
    l->pid = holder->pid;
    l->hold = holder->hold;
    tell_submitted(b, l, &q);
    if (l->state == REQUEST_APPROVED)
        tell_approved(b, l, &q);
    return ERR_OK;
}

static void attach(struct broker *b, struct live *l, uint32_t worker, const struct link_submit *s,
                   struct moment now)
{
    struct store_holder holder = {str_of(b->instance), worker, b->peers[worker].pid, s->hold};
    if (holders_attach(b, l, &holder, now) != ERR_OK)
        refuse(b, worker, s, "the request could not be read or stored", now);
}

/* Someone else holds on for it, or the client does not want to: told, or held along. */
static void join(struct broker *b, struct live *l, uint32_t worker, const struct link_submit *s,
                 struct moment now)
{
    struct arena a CLEANUP(arena_done);
    struct store_request q;
    arena_init(&a, REQUEST_ARENA);
    if (change_load(b, l, &a, &q) != ERR_OK) {
        refuse(b, worker, s, "the request could not be read", now);
        return;
    }
    if (s->wait_return || !follower_add(b, l->id, worker, s->hold))
        tell_pending(b, worker, s->hold, l, &q);
    else
        tell_submitted_to(b, worker, s->hold, l, &q);
}

void submit_refuse(struct broker *b, uint32_t worker, const struct link_submit *s, enum link_end end,
                   const char *why, struct moment now)
{
    refuse_as(b, worker, s, end, why, now);
}

/* To an open request for the same; false where there is none. */
static bool take_part(struct broker *b, uint32_t worker, const struct link_submit *s,
                      struct moment now)
{
    struct live *open = submit_find_open(b, s);
    bool free_to_attach = open != NULL && open->holding == DETACHED && open->state != REQUEST_RUNNING &&
                          (!s->wait_return || open->state == REQUEST_APPROVED);
    if (free_to_attach)
        attach(b, open, worker, s, now);
    else if (open != NULL)
        join(b, open, worker, s, now);
    return open != NULL;
}

/* Much may have changed since it was sent. */
void submit_checked(struct broker *b, uint32_t worker, const struct link_submit *s, struct moment now)
{
    enum link_end end;
    char why[1024];
    if (take_part(b, worker, s, now))
        return;
    if (submit_refused(b, s, why, sizeof(why), &end))
        refuse_as(b, worker, s, end, why, now);
    else
        submit_open(b, worker, s, now);
}

enum err on_submit(struct broker *b, uint32_t worker, const struct link_message *m,
                   struct moment now)
{
    const struct link_submit *s = &m->submit;
    enum link_end end;
    char why[1024];
    if (s->hold == 0 || live_by_hold(b, worker, s->hold) != NULL ||
        follower_known(b, worker, s->hold) || tickets_known(b, worker, s->hold))
        return ERR_PROTOCOL;
    const char *fault = submit_fault(s);
    if (fault != NULL) {
        refuse(b, worker, s, fault, now);
        return ERR_OK;
    }
    if (take_part(b, worker, s, now) || tell_untold(b, worker, s, now))
        return ERR_OK;
    if (submit_refused(b, s, why, sizeof(why), &end))
        refuse_as(b, worker, s, end, why, now);
    else if (s->ticket.n != 0 && b->policy.ticket_check.n != 0)
        tickets_ask(b, worker, s, now);
    else
        submit_open(b, worker, s, now);
    return ERR_OK;
}

/* --- WITHDRAW -------------------------------------------------------------------------------- */

void change_not_run(struct broker *b, struct live *l, struct str why, struct moment now)
{
    struct arena a CLEANUP(arena_done);
    struct store_request q;
    struct live before = *l;
    struct approval_event ev = {.kind = APPROVAL_RESULT, .result = REQUEST_FAILED};
    arena_init(&a, REQUEST_ARENA);
    enum err e = change_load(b, l, &a, &q);
    if (e == ERR_OK) {
        struct approval ap = change_approval_of(&q, l);
        struct change c = {.step = approval_step(&ap, &b->people, &ev),
                           .reason = why,
                           .outcome = STR("{\"not_run\":true}")};
        e = change_request(b, l, &q, &c, now);
    }
    tell_holder_ended(b, &before, END_UNAVAILABLE, STR(""), why);
    if (e != ERR_OK)
        change_doom(b, l, "that it was not run could not be recorded", now);
}

enum err on_withdraw(struct broker *b, uint32_t worker, const struct link_message *m,
                     struct moment now)
{
    const struct link_withdraw *w = &m->withdraw;
    struct live *l = live_by_hold(b, worker, w->hold);
    follower_remove(b, worker, w->hold);
    (void)tickets_drop(b, worker, w->hold);
    if (l == NULL || (w->request != 0 && w->request != l->id)) {
        tell_ended(b, worker, w->hold, w->request, END_WITHDRAWN, STR(""),
                   STR("it is no longer open"));
        return ERR_OK;
    }
    /* The word crossed CLAIMED: the worker answers that with RESULT, failed. */
    if (l->state == REQUEST_RUNNING) {
        tell_holder_ended(b, l, END_WITHDRAWN, STR(""), STR("the release was on its way"));
        return ERR_OK;
    }
    struct live before = *l;
    if (follower_takes_over(b, l, now)) {
        tell_holder_ended(b, &before, END_WITHDRAWN, STR(""), STR("another session goes on waiting"));
        return ERR_OK;
    }
    if (w->gone && l->keep_on_disconnect) {
        tell_holder_ended(b, l, END_WITHDRAWN, STR(""), STR("kept open without its client"));
        holders_detach(b, l, now);
        return ERR_OK;
    }
    struct ending e = {.event = APPROVAL_WITHDRAW, .reason = w->reason};
    change_end(b, l, &e, now);
    return ERR_OK;
}

/* --- CLAIM ----------------------------------------------------------------------------------- */

static void turn_claim_down(struct broker *b, uint32_t worker, const struct link_claim *c,
                            enum link_end end, const char *why, struct moment now)
{
    b->metrics.claims_refused++;
    record_turned_down(b, "claim_refused", c->request, STR(""), str_of(why), now);
    tell_ended(b, worker, c->hold, c->request, end, STR(""), str_of(why));
}

/* The claim of a hold that this worker has; its request is loaded. */
static void judge_claim(struct broker *b, struct live *l, const struct store_request *q,
                        const struct link_claim *c, struct moment now)
{
    struct live before = *l;
    struct approval ap = change_approval_of(q, l);
    struct approval_event ev = {
        .kind = APPROVAL_CLAIM, .now_mono_ns = now.mono_ns, .digest = c->digest};
    struct change ch = {.step = approval_step(&ap, &b->people, &ev)};
    const char *text = approval_answer_text(ch.step.answer);
    const char *gone = ch.step.answer == APPROVAL_ACCEPTED ? grants_gone(b, &q->r, now) : NULL;
    if (gone != NULL) {
        struct ending again = {.event = APPROVAL_WITHDRAW, .reason = str_of(gone), .tell = END_AGAIN};
        b->metrics.claims_refused++;
        record_turned_down(b, "claim_refused", l->id, STR(""), str_of(gone), now);
        change_end(b, l, &again, now);
        return;
    }
    if (ch.step.answer != APPROVAL_ACCEPTED) {
        ch.reason = str_of(text);
        enum link_end end = ch.step.next == REQUEST_EXPIRED ? END_EXPIRED : END_WITHDRAWN;
        turn_claim_down(b, before.worker, c, end, text, now);
        /* A second claim while it runs changes nothing; any other ends the hold, so the request. */
        if (l->state == REQUEST_RUNNING)
            return;
        if (ch.step.next == l->state)
            ch.step.next = REQUEST_WITHDRAWN;
        if (change_request(b, l, q, &ch, now) != ERR_OK)
            change_doom(b, l, "its claim was refused", now);
        return;
    }
    if (change_request(b, l, q, &ch, now) != ERR_OK) {
        turn_claim_down(b, before.worker, c, END_UNAVAILABLE,
                        "the release could not be recorded and stored", now);
        change_doom(b, l, "its release could not be recorded and stored", now);
        return;
    }
    b->metrics.claims++;
    struct link_message m = {.type = LINK_CLAIMED, .claimed = {c->hold, before.id, before.digest}};
    tell(b, before.worker, &m);
}

enum err on_claim(struct broker *b, uint32_t worker, const struct link_message *m,
                  struct moment now)
{
    const struct link_claim *c = &m->claim;
    struct arena a CLEANUP(arena_done);
    struct store_request q;
    arena_init(&a, REQUEST_ARENA);
    struct live *l = live_by_hold(b, worker, c->hold);
    if (l == NULL || l->id != c->request) {
        turn_claim_down(b, worker, c, END_UNAVAILABLE, "it is no longer open", now);
        return ERR_OK;
    }
    if (change_load(b, l, &a, &q) != ERR_OK) {
        turn_claim_down(b, worker, c, END_UNAVAILABLE, "the store cannot be read", now);
        change_doom(b, l, "the store could not be read at its claim", now);
        return ERR_OK;
    }
    judge_claim(b, l, &q, c, now);
    return ERR_OK;
}

/* --- RESULT ---------------------------------------------------------------------------------- */

static enum err put_outcome(struct buf *out, const struct link_result *r)
{
    struct json j;
    json_init(&j, out);
    json_object_begin(&j);
    json_key(&j, "tag");
    json_bytes(&j, r->tag);
    if (r->rows >= 0)
        json_put_int(&j, "rows", r->rows);
    if (r->error_code.n != 0 || r->error_message.n != 0) {
        json_put_str(&j, "error_code", r->error_code);
        json_put_str(&j, "error_message", r->error_message);
    }
    json_put_int(&j, "duration_ns", r->duration_ns);
    json_object_end(&j);
    return json_end(&j);
}

static enum err store_result(struct broker *b, struct live *l, const struct link_result *r,
                             struct moment now)
{
    static const enum request_state states[] = {[OUTCOME_COMPLETED] = REQUEST_COMPLETED,
                                                [OUTCOME_FAILED] = REQUEST_FAILED,
                                                [OUTCOME_UNKNOWN] = REQUEST_UNKNOWN};
    CLEANUP(buf_done) struct buf outcome;
    struct arena a CLEANUP(arena_done);
    struct store_request q;
    buf_init(&outcome, LIMIT_LINK_MESSAGE);
    arena_init(&a, REQUEST_ARENA);
    TRY(change_load(b, l, &a, &q));
    TRY(put_outcome(&outcome, r));
    struct approval ap = change_approval_of(&q, l);
    struct approval_event ev = {.kind = APPROVAL_RESULT, .result = states[r->outcome]};
    struct change c = {.step = approval_step(&ap, &b->people, &ev),
                       .outcome = buf_view(&outcome)};
    if (c.step.answer != APPROVAL_ACCEPTED)
        return ERR_BAD_STATE;
    return change_request(b, l, &q, &c, now);
}

enum err on_result(struct broker *b, uint32_t worker, const struct link_message *m,
                   struct moment now)
{
    const struct link_result *r = &m->result;
    struct live *l = live_find(b, r->request);
    if (l == NULL || l->holding != HELD || l->worker != worker || l->state != REQUEST_RUNNING) {
        record_turned_down(b, "result_ignored", r->request, STR(""),
                           STR("this worker does not run it"), now);
        return ERR_OK;
    }
    if (store_result(b, l, r, now) != ERR_OK)
        change_doom(b, l, "its result could not be recorded", now);
    return ERR_OK;
}

/* --- The rest of what workers say -------------------------------------------------------------- */

enum err on_record(struct broker *b, uint32_t worker, const struct link_message *m,
                   struct moment now)
{
    (void)worker;
    enum err e = audit_append(b->audit, "action", m->record.json, now, NULL);
    return e == ERR_INVALID ? ERR_PROTOCOL : ERR_OK;
}

enum err on_session(struct broker *b, uint32_t worker, const struct link_message *m,
                    struct moment now)
{
    const struct link_session *s = &m->session;
    (void)worker;
    if (s->opened)
        b->metrics.sessions_opened++;
    else
        b->metrics.sessions_closed++;
    struct record_field f[] = {{"session", s->id},
                               {"subject", s->subject},
                               {"resource", s->resource},
                               {"address", s->address},
                               {"application", s->application}};
    enum err e = record_fields(b, s->opened ? "session_opened" : "session_closed", f,
                               ARRAY_LEN(f), now);
    (void)e; /* a broken log refuses what needs it; a session by itself does nothing */
    return ERR_OK;
}

enum err on_peers(struct broker *b, uint32_t worker, const struct link_message *m,
                  struct moment now)
{
    struct link_message out = {.type = LINK_PEER, .peer = {m->peers.source, m->peers.bytes}};
    (void)now;
    for (uint32_t i = 0; i < LIMIT_WORKERS; i++)
        if (i != worker)
            tell(b, i, &out);
    return ERR_OK;
}

enum err on_loaded(struct broker *b, uint32_t worker, const struct link_message *m,
                   struct moment now)
{
    const struct link_loaded *l = &m->loaded;
    char text[256];
    if (l->ok)
        return ERR_OK;
    log_error("worker %u keeps its old policy: %s", worker,
              log_clean(l->error, text, sizeof(text)));
    record_turned_down(b, "worker_policy_refused", 0, l->policy_version, l->error, now);
    return ERR_OK;
}
