#include "approval/quorum.h"
#include "broker/internal.h"
#include "identity/ssh.h"
#include "model/signed_vote.h"

enum err people_check_reason(struct str reason, bool needed, struct broker_error *said)
{
    if (needed && str_trim(reason).n == 0)
        broker_say(said, "a reason is needed");
    else if (reason.n > LIMIT_REASON_BYTES)
        broker_say(said, "the reason is longer than %zu bytes", LIMIT_REASON_BYTES);
    else if (!str_is_utf8(reason) || (reason.n != 0 && memchr(reason.p, '\0', reason.n) != NULL))
        broker_say(said, "the reason is not UTF-8 text");
    else
        return ERR_OK;
    return ERR_INVALID;
}

enum err people_open_one(struct broker *b, uint64_t id, struct arena *a, struct live **ret,
                         struct store_request *q, struct broker_error *said)
{
    struct live *l = live_find(b, id);
    enum err e;
    if (l != NULL && l->doomed == NULL) {
        e = change_load(b, l, a, q);
        if (e == ERR_OK)
            *ret = l;
        else
            broker_say(said, "request %llu cannot be read: %s", (unsigned long long)id,
                       store_error_text(b->store));
        return e == ERR_OK || e == ERR_NOMEM ? e : ERR_IO;
    }
    if (l != NULL) {
        broker_say(said, "request %llu is over: %s", (unsigned long long)id, l->doomed);
        return ERR_BAD_STATE;
    }
    e = store_said(b, store_request_get(b->store, id, a, q));
    if (e == ERR_OK) {
        broker_say(said, "request %llu is %s already", (unsigned long long)id,
                   request_state_text(q->r.state));
        return ERR_BAD_STATE;
    }
    broker_say(said, e == ERR_NOT_FOUND ? "there is no request %llu" : "request %llu cannot be read",
               (unsigned long long)id);
    return e == ERR_NOT_FOUND ? e : ERR_IO;
}

/* --- Votes ----------------------------------------------------------------------------------- */

static enum err err_of(enum approval_answer answer)
{
    switch (answer) {
    case APPROVAL_ACCEPTED:
        return ERR_OK;
    case APPROVAL_OTHER_DIGEST:
        return ERR_STALE;
    case APPROVAL_VOTED_ALREADY:
        return ERR_EXISTS;
    case APPROVAL_UNKNOWN_PERSON:
    case APPROVAL_DISABLED_PERSON:
    case APPROVAL_OWN_REQUEST:
    case APPROVAL_NOT_APPROVER:
    case APPROVAL_UNSIGNED:
    case APPROVAL_NOT_ASKED_YET:
        return ERR_FORBIDDEN;
    case APPROVAL_NO_REASON:
        return ERR_INVALID;
    case APPROVAL_NOT_NOW:
    case APPROVAL_NO_VOTE:
    case APPROVAL_TOO_LATE:
    case APPROVAL_RIGHTS_CHANGED:
        return ERR_BAD_STATE;
    }
    return ERR_BUG;
}

static enum err refuse_vote(struct broker *b, struct live *l, const struct vote *v,
                            const struct approval_step *step, struct moment now,
                            struct broker_error *said)
{
    const char *text = approval_answer_text(step->answer);
    b->metrics.votes_refused++;
    record_turned_down(b, "vote_refused", l->id, v->person, str_of(text), now);
    broker_say(said, "request %llu: %s", (unsigned long long)l->id, text);
    if (step->next == REQUEST_EXPIRED) {
        struct ending e = {.event = APPROVAL_TICK, .reason = STR("nobody decided in time")};
        change_end(b, l, &e, now);
    }
    return err_of(step->answer);
}

/* After the change is done: what the holder is told, and the voter. `q` is the row before. */
static void tell_decision(struct broker *b, const struct live *before,
                          const struct store_request *q, const struct vote *v,
                          enum request_state to)
{
    if (to == REQUEST_APPROVED) {
        struct vote votes[LIMIT_APPROVALS];
        struct store_request with = *q;
        size_t n = 0;
        for (size_t i = 0; i < q->r.n_votes && n < LIMIT_APPROVALS - 1; i++)
            if (!str_eq(q->r.votes[i].person, v->person))
                votes[n++] = q->r.votes[i];
        votes[n++] = *v;
        with.r.votes = votes;
        with.r.n_votes = n;
        tell_approved(b, before, &with);
    } else if (to == REQUEST_REJECTED)
        tell_holder_ended(b, before, END_REJECTED, v->person, v->reason);
}

static enum err what_is_missing(struct broker *b, struct live *l, struct arena *a, struct str *ret)
{
    struct arena own CLEANUP(arena_done);
    struct store_request q;
    arena_init(&own, REQUEST_ARENA);
    *ret = (struct str){NULL, 0};
    TRY(change_load(b, l, &own, &q));
    struct approval ap = change_approval_of(&q, l);
    return approval_missing_text(&ap, &b->people, a, ret);
}

static enum err carry_out_vote(struct broker *b, struct live *l, const struct store_request *q,
                               const struct vote *v, struct moment now, struct arena *a,
                               struct broker_voted *ret, struct broker_error *said)
{
    struct approval ap = change_approval_of(q, l);
    struct approval_event ev = {.kind = APPROVAL_VOTE, .now_mono_ns = now.mono_ns, .vote = v};
    struct change c = {.step = approval_step(&ap, &b->people, &ev),
                       .vote = v,
                       .by = v->person,
                       .via = v->via,
                       .reason = v->reason};
    if (c.step.answer != APPROVAL_ACCEPTED)
        return refuse_vote(b, l, v, &c.step, now, said);
    struct live before = *l;
    enum err e = change_request(b, l, q, &c, now);
    if (e != ERR_OK) {
        struct str why;
        (void)broker_health(b, &why);
        broker_say(said, "the vote could not be recorded and stored, so it does not count%s%.*s",
                   why.n != 0 ? ": " : "", STR_FMT(why));
        return e == ERR_EXISTS ? ERR_EXISTS : ERR_IO;
    }
    if (v->kind == VOTE_APPROVE)
        b->metrics.approvals++;
    else
        b->metrics.rejections++;
    tell_decision(b, &before, q, v, c.step.next);
    *ret = (struct broker_voted){.state = c.step.next};
    if (c.step.next == REQUEST_PENDING && what_is_missing(b, l, a, &ret->missing) != ERR_OK)
        ret->missing = STR("more approvals");
    return ERR_OK;
}

/* Of one of the voter's own keys, over what this vote says. */
static const char *signature_fault(const struct person *p, const struct vote *v)
{
    struct buf room CLEANUP(buf_done) = {0};
    struct buf key CLEANUP(buf_done) = {0};
    struct sshsig s;
    buf_init(&room, LIMIT_SSH_BLOB);
    buf_init(&key, LIMIT_SSH_BLOB);
    if (p == NULL || p->n_ssh_keys == 0)
        return "no key of yours is configured: `ssh_keys:` under `people:`";
    if (sshsig_parse(v->signature, &room, &s) != ERR_OK)
        return "the signature is none of `ssh-keygen -Y sign`, or of a key type that is not taken";
    for (size_t i = 0; i < p->n_ssh_keys; i++) {
        buf_clear(&key);
        if (ssh_key_parse(p->ssh_keys[i], &key) == ERR_OK && str_eq(buf_view(&key), s.key))
            return sshsig_verify(&s, STR(SIGNED_VOTE_NAME_SPACE), v->signed_text) == ERR_OK
                       ? NULL
                       : "the signature is not over this vote";
    }
    return "the signature is of a key that is not among yours in `ssh_keys:`";
}

static enum err check_signature(struct broker *b, const struct request *r, struct vote *v,
                                struct buf *text, struct moment now, struct broker_error *said)
{
    char opened[CLOCK_TEXT], expires[CLOCK_TEXT], scope[GRANT_CHOICE_TEXT];
    struct signed_vote s = {.request = r->id,
                            .opened = clock_text(r->created_wall_ns, opened),
                            .digest = v->digest,
                            .kind = v->kind,
                            .person = v->person,
                            .scope = grant_choice_text(&v->grant, scope),
                            .expires = clock_text(r->decide_by_wall_ns, expires),
                            .reason = v->reason};
    buf_init(text, LIMIT_REASON_BYTES + 4 * KIB);
    TRY(signed_vote_text(&s, text));
    v->signed_text = buf_view(text);
    const char *fault = signature_fault(people_find(b->policy.people, v->person), v);
    if (fault == NULL)
        return ERR_OK;
    b->metrics.votes_refused++;
    record_turned_down(b, "vote_refused", r->id, v->person, str_of(fault), now);
    broker_say(said, "request %llu: %s", (unsigned long long)r->id, fault);
    return ERR_FORBIDDEN;
}

enum err broker_vote(struct broker *b, const struct broker_caller *caller, uint64_t request,
                     enum vote_kind kind, const struct digest *digest, struct str reason,
                     struct moment now, struct arena *a, struct broker_voted *ret,
                     struct broker_error *ret_error)
{
    struct broker_ballot plain = {.kind = kind, .digest = *digest, .reason = reason};
    return broker_cast(b, caller, request, &plain, now, a, ret, ret_error);
}

enum err broker_cast(struct broker *b, const struct broker_caller *caller, uint64_t request,
                     const struct broker_ballot *ballot, struct moment now, struct arena *a,
                     struct broker_voted *ret, struct broker_error *ret_error)
{
    struct buf text CLEANUP(buf_done) = {0};
    struct arena own CLEANUP(arena_done);
    struct store_request q;
    struct live *l = NULL;
    struct vote v = {.person = caller->person,
                     .kind = ballot->kind,
                     .reason = ballot->reason,
                     .digest = ballot->digest,
                     .time_wall_ns = now.wall_ns,
                     .via = caller->via,
                     .grant = ballot->grant,
                     .signature = str_trim(ballot->signature)};
    if (v.grant.kind == 0)
        v.grant.kind = GRANT_ONCE;
    arena_init(&own, REQUEST_ARENA);
    moment_set(b, now);
    b->ops.deadline_moved(b->ctx);
    if (v.kind != VOTE_APPROVE && v.kind != VOTE_REJECT) {
        broker_say(ret_error, "a vote is approve or reject");
        return ERR_INVALID;
    }
    TRY(people_check_reason(v.reason, v.kind == VOTE_REJECT, ret_error));
    TRY(moment_stamp(b, &v, &own));
    TRY(people_open_one(b, request, &own, &l, &q, ret_error));
    if (v.kind == VOTE_APPROVE)
        TRY(grants_check_choice(b, request, &v.grant, ret_error));
    if (v.signature.n != 0)
        TRY(check_signature(b, &q.r, &v, &text, now, ret_error));
    return carry_out_vote(b, l, &q, &v, now, a, ret, ret_error);
}

enum err broker_retract(struct broker *b, const struct broker_caller *caller, uint64_t request,
                        struct str reason, struct moment now, struct arena *a,
                        struct broker_voted *ret, struct broker_error *ret_error)
{
    struct arena own CLEANUP(arena_done);
    struct store_request q;
    struct live *l = NULL;
    struct vote v = {.person = caller->person};
    arena_init(&own, REQUEST_ARENA);
    moment_set(b, now);
    b->ops.deadline_moved(b->ctx);
    TRY(people_check_reason(reason, false, ret_error));
    TRY(people_open_one(b, request, &own, &l, &q, ret_error));
    struct approval ap = change_approval_of(&q, l);
    struct approval_event ev = {.kind = APPROVAL_RETRACT, .now_mono_ns = now.mono_ns, .vote = &v};
    struct change c = {.step = approval_step(&ap, &b->people, &ev),
                       .vote = &v,
                       .by = caller->person,
                       .via = caller->via,
                       .reason = reason};
    if (c.step.answer != APPROVAL_ACCEPTED)
        return refuse_vote(b, l, &v, &c.step, now, ret_error);
    if (change_request(b, l, &q, &c, now) != ERR_OK) {
        broker_say(ret_error, "it could not be recorded and stored, so your vote stands");
        return ERR_IO;
    }
    *ret = (struct broker_voted){.state = c.step.next};
    if (what_is_missing(b, l, a, &ret->missing) != ERR_OK)
        ret->missing = STR("more approvals");
    return ERR_OK;
}

enum err broker_withdraw(struct broker *b, const struct broker_caller *caller, uint64_t request,
                         struct str reason, struct moment now, struct broker_error *ret_error)
{
    struct arena own CLEANUP(arena_done);
    struct store_request q;
    struct live *l = NULL;
    arena_init(&own, REQUEST_ARENA);
    moment_set(b, now);
    b->ops.deadline_moved(b->ctx);
    TRY(people_check_reason(reason, false, ret_error));
    TRY(people_open_one(b, request, &own, &l, &q, ret_error));
    struct approval ap = change_approval_of(&q, l);
    const struct person *p = people_find(b->policy.people, caller->person);
    if (!caller->is_operator && (p == NULL || !approval_is_own(&ap, &b->people, p))) {
        broker_say(ret_error, "only its requester withdraws request %llu; you may reject it",
                   (unsigned long long)request);
        return ERR_FORBIDDEN;
    }
    struct live before = *l;
    struct approval_event ev = {.kind = APPROVAL_WITHDRAW, .now_mono_ns = now.mono_ns};
    struct change c = {.step = approval_step(&ap, &b->people, &ev),
                       .by = caller->person.n != 0 ? caller->person : STR("operator"),
                       .via = caller->via,
                       .reason = reason};
    if (c.step.answer != APPROVAL_ACCEPTED) {
        broker_say(ret_error, "request %llu is %s", (unsigned long long)request,
                   request_state_text(q.r.state));
        return ERR_BAD_STATE;
    }
    if (change_request(b, l, &q, &c, now) != ERR_OK) {
        broker_say(ret_error, "the withdrawal could not be recorded and stored");
        return ERR_IO;
    }
    tell_holder_ended(b, &before, END_WITHDRAWN, c.by, reason);
    return ERR_OK;
}

/* --- Reading --------------------------------------------------------------------------------- */

enum err broker_get(struct broker *b, uint64_t request, struct arena *a, struct request *ret)
{
    struct store_request q;
    enum err e = store_said(b, store_request_get(b->store, request, a, &q));
    if (e == ERR_OK)
        *ret = q.r;
    return e == ERR_OK || e == ERR_NOT_FOUND || e == ERR_NOMEM ? e : ERR_IO;
}

enum err broker_list(struct broker *b, const struct broker_filter *f, struct arena *a,
                     const struct request **ret, size_t *ret_n)
{
    struct store_filter sf = {f->states != 0 ? f->states : UINT32_MAX,
                              f->before != 0 ? f->before : UINT64_MAX, f->limit, f->envelope_max};
    struct store_request *rows;
    size_t n;
    if (f->limit == 0 || f->limit > LIMIT_LIST)
        return ERR_INVALID;
    enum err e = store_said(b, store_request_list(b->store, &sf, a, &rows, &n));
    if (e != ERR_OK)
        return e == ERR_NOMEM ? e : ERR_IO;
    struct request *list = arena_new_array(a, n, struct request);
    if (list == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        list[i] = rows[i].r;
    *ret = list;
    *ret_n = n;
    return ERR_OK;
}

/* Of an open request, with what is known of its clocks. */
static struct approval approval_of(const struct broker *b, const struct request *r)
{
    struct store_request q = {.r = *r};
    return change_approval_of(&q, live_find(b, r->id));
}

static int64_t wall_of(int64_t mono_ns, struct moment now)
{
    return mono_ns == INT64_MAX ? 0 : now.wall_ns + (mono_ns - now.mono_ns);
}

static enum err put_names(const struct approval_line *line, struct arena *a,
                          struct broker_requirement *out)
{
    struct str *names = arena_new_array(a, line->n_candidates, struct str);
    if (names == NULL)
        return ERR_NOMEM;
    for (size_t k = 0; k < line->n_candidates; k++)
        names[k] = line->candidates[k]->name;
    out->candidates = names;
    out->n_candidates = line->n_candidates;
    return ERR_OK;
}

enum err broker_who_may_decide(struct broker *b, const struct request *r, struct moment now,
                               struct arena *a, const struct broker_requirement **ret,
                               size_t *ret_n)
{
    moment_set(b, now);
    struct approval ap = approval_of(b, r);
    const struct approval_line *lines;
    size_t n;
    TRY(approval_lines(&ap, &b->people, a, &lines, &n));
    struct broker_requirement *out = arena_new_array(a, n, struct broker_requirement);
    if (out == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        out[i] = (struct broker_requirement){.text = lines[i].text,
                                             .count = lines[i].count,
                                             .have = lines[i].have,
                                             .stage = lines[i].stage,
                                             .asked = lines[i].asked,
                                             .later = lines[i].later,
                                             .n_later = lines[i].n_later,
                                             .later_wall_ns = wall_of(lines[i].later_mono_ns, now)};
        TRY(put_names(&lines[i], a, &out[i]));
    }
    *ret = out;
    *ret_n = n;
    return ERR_OK;
}

struct broker_relation broker_relation(const struct broker *b, const struct request *r,
                                       struct str person)
{
    struct approval ap = approval_of(b, r);
    struct broker_relation ret = {false, false};
    const struct person *p = people_find(b->policy.people, person);
    if (p == NULL || p->disabled)
        return ret;
    ret.is_requester = approval_is_own(&ap, &b->people, p);
    ret.is_approver = approval_names(&ap, &b->people, p);
    for (size_t i = 0; i < r->n_votes; i++)
        ret.is_approver = ret.is_approver || str_eq(r->votes[i].person, person);
    return ret;
}

bool broker_may_vote(const struct broker *b, const struct request *r, struct str person)
{
    struct approval ap = approval_of(b, r);
    return approval_may_vote(&ap, &b->people, person) == APPROVAL_ACCEPTED;
}
