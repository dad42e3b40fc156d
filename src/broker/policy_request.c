/*
 * Changes of the configuration that people have to approve first. Such a request is one like any other,
 * but nobody holds on for it: it is DETACHED from the beginning, and whoever loads the configuration
 * again (cmd/policy_gate.c) claims it by asking once more for the same bytes.
 *
 *   ask --> pending --votes--> approved --the same asked again--> running --in force--> completed
 *
 * At most one is open: a change is judged against what is in force, so another one makes the first
 * meaningless.
 */
#include "broker/internal.h"

#include <stdlib.h>

uint64_t broker_policy_request(const struct broker *b)
{
    return b->policy_request;
}

static void withdraw_others(struct broker *b, const struct live *but, const char *why, struct moment now)
{
    const struct ending e = {.event = APPROVAL_WITHDRAW, .reason = str_of(why)};
    uint64_t keep = but != NULL ? but->id : 0;
    for (size_t i = b->n_live; i-- > 0;) {
        struct live *l = &b->live[i];
        if (l->of_policy && l->id != keep && l->doomed == NULL && l->state != REQUEST_RUNNING)
            change_end(b, l, &e, now);
    }
}

/* --- Asking ----------------------------------------------------------------------------------- */

static struct live *open_one(struct broker *b, const struct link_submit *s, struct moment now,
                             struct broker_error *said)
{
    char why[1024];
    enum link_end end;
    struct live *l = submit_find_open(b, s);
    withdraw_others(b, l, "another configuration was asked for", now);
    l = submit_find_open(b, s);
    if (l != NULL)
        return l;
    if (submit_refused(b, s, why, sizeof(why), &end)) {
        record_turned_down(b, "submission_refused", 0, s->subject, str_of(why), now);
        broker_say(said, "%s", why);
        return NULL;
    }
    broker_say(said, "the request could not be stored and recorded");
    submit_open(b, 0, s, now);
    return submit_find_open(b, s);
}

static enum err claim(struct broker *b, struct live *l, const struct store_request *q, struct moment now,
                      struct broker_error *said)
{
    struct approval ap = change_approval_of(q, l);
    struct approval_event ev = {.kind = APPROVAL_CLAIM, .now_mono_ns = now.mono_ns, .digest = l->digest};
    struct change c = {.step = approval_step(&ap, &b->people, &ev)};
    bool good = c.step.answer == APPROVAL_ACCEPTED;
    uint64_t id = l->id;
    if (!good) {
        struct str text = str_of(approval_answer_text(c.step.answer));
        b->metrics.claims_refused++;
        record_turned_down(b, "claim_refused", id, STR(""), text, now);
        broker_say(said, "request %llu: %.*s", (unsigned long long)id, STR_FMT(text));
        c.reason = text;
        if (c.step.next == l->state)
            c.step.next = REQUEST_WITHDRAWN;
    }
    if (change_request(b, l, q, &c, now) != ERR_OK) {
        change_doom(b, l, "its release could not be recorded and stored", now);
        broker_say(said, "request %llu could not be recorded and stored as running", (unsigned long long)id);
        return ERR_IO;
    }
    b->metrics.claims += good;
    return good ? ERR_OK : ERR_BAD_STATE;
}

enum err broker_policy_ask(struct broker *b, const struct link_submit *s, struct moment now,
                           struct arena *a, struct broker_policy_asked *ret, struct broker_error *ret_error)
{
    struct arena own CLEANUP(arena_done);
    struct store_request q;
    struct link_submit asked = *s;
    const char *fault = str_is(s->resource, BROKER_POLICY_RESOURCE) ? submit_fault(s)
                                                                    : "it is no change of the configuration";
    arena_init(&own, REQUEST_ARENA);
    moment_set(b, now);
    b->ops.deadline_moved(b->ctx);
    if (fault != NULL) {
        broker_say(ret_error, "%.*s", STR_FMT(str_of(fault)));
        return ERR_INVALID;
    }
    asked.hold = 0;
    asked.wait_return = true; /* whoever asks is told the number and asks again */
    asked.keep_on_disconnect = true;
    struct live *l = open_one(b, &asked, now, ret_error);
    if (l == NULL)
        return ERR_BAD_STATE;
    b->policy_request = l->id;
    struct broker_policy_asked answer = {.request = l->id, .missing = STR("nothing")};
    if (change_load(b, l, &own, &q) != ERR_OK) {
        broker_say(ret_error, "request %llu cannot be read", (unsigned long long)l->id);
        return ERR_IO;
    }
    if (l->state == REQUEST_APPROVED) {
        TRY(claim(b, l, &q, now, ret_error));
        answer.runs = true;
    } else if (l->state == REQUEST_PENDING) {
        struct approval ap = change_approval_of(&q, l);
        if (approval_missing_text(&ap, &b->people, a, &answer.missing) != ERR_OK)
            answer.missing = STR("more approvals");
    }
    *ret = answer;
    return ERR_OK;
}

void broker_policy_done(struct broker *b, uint64_t request, bool in_force, struct moment now)
{
    struct arena a CLEANUP(arena_done);
    struct store_request q;
    struct live *l = live_find(b, request);
    arena_init(&a, REQUEST_ARENA);
    if (l == NULL || !l->of_policy || l->state != REQUEST_RUNNING)
        return;
    enum err e = change_load(b, l, &a, &q);
    if (e == ERR_OK) {
        struct approval ap = change_approval_of(&q, l);
        struct approval_event ev = {.kind = APPROVAL_RESULT,
                                    .result = in_force ? REQUEST_COMPLETED : REQUEST_FAILED};
        struct change c = {.step = approval_step(&ap, &b->people, &ev),
                           .outcome = in_force ? STR("{\"tag\":\"in force\"}") : STR("{\"not_run\":true}")};
        e = change_request(b, l, &q, &c, now);
    }
    if (e != ERR_OK)
        change_doom(b, l, "its result could not be recorded", now);
}

/* --- The start --------------------------------------------------------------------------------- */

/* A broker that died under its keeper finds the old policy in force, and the request still open; a new
 * keeper has put in force what is on the disk. */
void policy_requests_take_over(struct broker *b, struct moment now)
{
    static const struct ending lost = {.event = APPROVAL_LOST,
                                       .reason = STR_INIT("the gateway stopped while it was put in force")};
    static const struct ending anew = {
        .event = APPROVAL_WITHDRAW,
        .reason = STR_INIT("the gateway was started anew, with the configuration on its disk")};
    for (size_t i = b->n_live; i-- > 0;) {
        struct live *l = &b->live[i];
        if (!l->of_policy)
            continue;
        if (l->state == REQUEST_RUNNING)
            change_end(b, l, &lost, now);
        else if (!l->of_instance)
            change_end(b, l, &anew, now);
        else
            b->policy_request = l->id;
    }
}

/* Versions are long; so many bits of their hash tell them apart. Never 0. */
static struct store_policy stored_of(const struct broker_policy *p)
{
    struct digest d = digest_of(p->version);
    uint64_t mark = 1;
    for (size_t i = 0; i < 7; i++)
        mark = mark << 8 | (unsigned char)d.b[i];
    return (struct store_policy){mark, p->judges_changes};
}

enum err policy_note(struct broker *b, const struct broker_policy *p)
{
    struct store_policy s = stored_of(p);
    TRY(store_said(b, store_begin(b->store)));
    enum err e = store_said(b, store_policy_set(b->store, &s));
    if (e == ERR_OK)
        e = store_said(b, store_commit(b->store));
    if (e != ERR_OK)
        store_rollback(b->store);
    return e;
}

enum err policy_note_start(struct broker *b, struct moment now)
{
    struct store_policy last, s = stored_of(&b->policy);
    TRY(store_said(b, store_policy(b->store, &last)));
    if (last.judges_changes && last.mark != s.mark) {
        struct record r CLEANUP(record_done);
        record_begin(&r);
        json_put_str(&r.j, "policy_version", b->policy.version);
        json_put_z(&r.j, "why", "the gateway was started with another configuration than the one in force "
                                "before, which asked for approval of changes");
        TRY(record_append(b, &r, "policy_unapproved", now));
        TRY(audit_sync(b->audit));
    }
    return policy_note(b, &b->policy);
}
