#include "broker/internal.h"
#include "base/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * The life of a request, from the broker's side, and the invariants (ARCHITECTURE.md) that it keeps:
 *
 *               SUBMIT
 *                 | record `opened` on disk, row committed, then SUBMITTED
 *                 v
 *   pending --vote, quorum met--> approved --CLAIM--> running --RESULT--> completed|failed|unknown
 *      |        record, grant        |       record,
 *      |        committed, then      |       grant used, committed,
 *      |        APPROVED             |       then CLAIMED
 *      +--reject--> rejected         |
 *      +--deadline--> expired <------+
 *      +--withdraw, worker lost--> withdrawn
 *
 *   1. APPROVED and CLAIMED are sent only after their record is on disk and their rows are
 *      committed (change_request is the only place that changes a state; it returns before anything
 *      is sent).
 *   2. One digest names the action from SUBMIT to CLAIMED. It is recomputed from the envelope at
 *      SUBMIT and at every load, and compared at every vote and at the claim.
 *   3. A hold is answered once: by ENDED or CLAIMED. What cannot be written down is answered
 *      UNAVAILABLE and ends later (change_doom); it never runs.
 *   4. Any failure of the store or the log turns into a refusal: no path leads from an error to
 *      APPROVED or CLAIMED.
 *   5. A grant is made with the approval and used with the change to running, in one transaction
 *      each; rows change by compare-and-set. So no second claim, restart or crash runs it again.
 *   6. approval/ refuses the requester's own vote, and judges every stored vote again at the claim.
 *   7. (the gate's) An ended request leaves the session to the worker: the broker only says why.
 *   8. What broker_get gives is the whole envelope; a listing that leaves it out says so by an
 *      empty one.
 *   9. Every change is recorded with who, what, which guardrail, which policy, why and when, before
 *      it is committed; what was recorded and then not committed is recorded as `undone`.
 *  10. Policy changes, refused ones too, are records; votes and claims say which policy was in force.
 *
 * live_check and live_check_row assert what of this can be seen at a glance; tests/unit/test_broker.c
 * attacks the rest.
 */

/* --- Opening --------------------------------------------------------------------------------- */

/* Records of changes after the store's position: written, but their commit never came. */
struct lost_changes {
    uint64_t first, last;
};

static bool is_change(struct str kind)
{
    static const char *const others[] = {"opened", "vote", "retracted", "asked", "attached",
                                         "delegated", "delegation_revoked",
                                         "detached", "told", "impact", "grant_made",
                                         "grant_used", "grant_revoked", "break_glass", "totp_enrolled",
                                         "sealed_token_made", "reviewed", "token_created", "token_revoked"};
    enum request_state s;
    if (request_state_parse(kind, &s) == ERR_OK)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (str_is(kind, others[i]))
            return true;
    return false;
}

static bool find_lost(void *ctx, const struct audit_entry *r)
{
    struct lost_changes *lost = ctx;
    if (str_is(r->kind, "undone"))
        *lost = (struct lost_changes){0}; /* found before, or noticed at once */
    if (!is_change(r->kind))
        return true;
    if (lost->first == 0)
        lost->first = r->seq;
    lost->last = r->seq;
    return true;
}

static enum err say_lost_changes(struct broker *b, struct str audit_dir, struct moment now)
{
    struct store_position at;
    struct lost_changes lost = {0};
    TRY(store_position(b->store, &at));
    if (audit_took_over(b->audit))
        at.seq = 0; /* the position was one of the log before it */
    if (at.seq > audit_last_seq(b->audit))
        return ERR_CORRUPT;
    TRY(audit_each(audit_dir, at.seq + 1, find_lost, &lost));
    if (lost.first == 0)
        return ERR_OK;
    struct record r CLEANUP(record_done);
    record_begin(&r);
    json_put_int(&r.j, "from_seq", (int64_t)lost.first);
    json_put_int(&r.j, "to_seq", (int64_t)lost.last);
    json_put_z(&r.j, "why", "the gateway stopped before the change was stored");
    return record_append(b, &r, "undone", now);
}

static enum err record_policy(struct broker *b, const char *kind, const struct broker_policy *p,
                              struct str who, struct moment now)
{
    struct record r CLEANUP(record_done);
    char hex[DIGEST_HEX + 1];
    record_begin(&r);
    if (who.n != 0)
        json_put_str(&r.j, "by", who);
    json_put_str(&r.j, "policy_version", p->version);
    json_put_z(&r.j, "program", COUNTERSIGN_VERSION);
    json_put_str(&r.j, "instance", str_of(b->instance));
    json_key(&r.j, "files");
    json_array_begin(&r.j);
    for (size_t i = 0; i < p->files->n_files; i++) {
        struct digest d = digest_of(p->files->files[i].text);
        json_object_begin(&r.j);
        json_key(&r.j, "path");
        json_bytes(&r.j, p->files->files[i].path);
        json_put_str(&r.j, "digest", digest_hex(&d, hex));
        json_object_end(&r.j);
    }
    json_array_end(&r.j);
    json_put_str(&r.j, "vocabulary", p->vocabulary);
    TRY(record_append(b, &r, kind, now));
    return audit_sync(b->audit);
}

static enum err open_parts(struct broker *b, const struct broker_options *o, struct moment now,
                           struct broker_error *ret_error)
{
    struct audit_error audit_said;
    struct store_error store_said_;
    b->audit_settings = o->audit != NULL ? *o->audit : (struct audit_settings){.directory = o->audit_dir};
    enum err e = audit_open(&b->audit_settings, NULL, now, &b->audit, &audit_said);
    if (e != ERR_OK) {
        broker_say(ret_error, "%s", audit_said.text);
        return e;
    }
    e = store_open(o->store_path, &b->store, &store_said_);
    if (e != ERR_OK) {
        broker_say(ret_error, "%s", store_said_.text);
        return e;
    }
    e = say_lost_changes(b, b->audit_settings.directory, now);
    if (e == ERR_CORRUPT)
        broker_say(ret_error, "the audit log in %.*s is not the one this store belongs to, or its end "
                              "is missing", STR_FMT(b->audit_settings.directory));
    return e;
}

enum err broker_new(const struct broker_options *o, const struct broker_policy *policy,
                    struct moment now, struct broker **ret, struct broker_error *ret_error)
{
    struct broker *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return ERR_NOMEM;
    *b = (struct broker){.ops = *o->ops,
                         .ctx = o->ctx,
                         .instance = str_dupz(o->instance),
                         .policy = *policy,
                         .grace_until_mono_ns = INT64_MAX};
    broker_say(ret_error, "no memory");
    enum err e = b->instance != NULL ? open_parts(b, o, now, ret_error) : ERR_NOMEM;
    if (e == ERR_OK) {
        broker_say(ret_error, "the start cannot be recorded or stored");
        e = record_policy(b, "started", policy, STR(""), now);
        if (e == ERR_OK)
            e = policy_note_start(b, now);
    }
    b->started = e == ERR_OK;
    hooks_reset(b);
    if (e == ERR_OK)
        e = moment_load(b, now);
    if (e == ERR_OK)
        e = holders_take_over(b, now);
    if (e != ERR_OK) {
        broker_free(b, now);
        return e;
    }
    *ret = b;
    return ERR_OK;
}

/* The position lets the next start read only what comes after. */
static enum err store_last_position(struct broker *b)
{
    TRY(store_begin(b->store));
    return change_commit(b);
}

void broker_free(struct broker *b, struct moment now)
{
    if (b == NULL)
        return;
    if (b->started) {
        struct record_field f = {"instance", str_of(b->instance)};
        enum err e = record_fields(b, "stopped", &f, 1, now);
        if (e == ERR_OK)
            e = store_last_position(b);
        if (e != ERR_OK)
            store_rollback(b->store);
    }
    while (b->subscriptions != NULL) {
        struct broker_subscription *s = b->subscriptions;
        b->subscriptions = s->next;
        free(s);
    }
    for (uint32_t i = 0; i < LIMIT_WORKERS; i++)
        (void)tickets_drop(b, i, 0);
    moment_free(b);
    free(b->hooks);
    audit_close(b->audit);
    store_close(b->store);
    free(b->live);
    free(b->followers);
    free(b->instance);
    free(b);
}

/* --- Policy ---------------------------------------------------------------------------------- */

static bool fits_one_message(const struct link_config *c)
{
    size_t n = 64;
    for (size_t i = 0; i < c->n_files; i++)
        n += c->files[i].path.n + c->files[i].text.n + 16;
    return n <= LIMIT_LINK_MESSAGE;
}

enum err broker_set_policy(struct broker *b, const struct broker_policy *policy, struct str who,
                           struct moment now)
{
    if (!fits_one_message(policy->files))
        return ERR_LIMIT;
    TRY(policy_note(b, policy));
    TRY(record_policy(b, "policy", policy, who, now));
    b->policy = *policy;
    hooks_reset(b);
    moment_duties_changed(b);
    moment_set(b, now);
    struct link_message m = {.type = LINK_CONFIG, .config = *policy->files};
    for (uint32_t i = 0; i < LIMIT_WORKERS; i++)
        tell(b, i, &m);
    return ERR_OK;
}

void broker_policy_failed(struct broker *b, struct str who, struct str error, struct moment now)
{
    record_turned_down(b, "policy_refused", 0, who, error, now);
}

const struct broker_policy *broker_policy(const struct broker *b)
{
    return &b->policy;
}

/* --- Workers --------------------------------------------------------------------------------- */

/* What a worker may say in which state; what is not here is a protocol error. */
static worker_handler *const handlers[][LINK_TYPE_COUNT_] = {
    [PEER_GONE] = {NULL},
    [PEER_SPAWNED] = {[LINK_HELLO] = on_hello},
    [PEER_READY] = {[LINK_SUBMIT] = on_submit,
                    [LINK_WITHDRAW] = on_withdraw,
                    [LINK_CLAIM] = on_claim,
                    [LINK_RESULT] = on_result,
                    [LINK_RECORD] = on_record,
                    [LINK_SESSION] = on_session,
                    [LINK_PEERS] = on_peers,
                    [LINK_LOADED] = on_loaded,
                    [LINK_IMPACT] = on_impact},
};

enum err broker_from_worker(struct broker *b, uint32_t index, const struct link_message *m,
                            struct moment now)
{
    if (index >= LIMIT_WORKERS || m->type <= 0 || m->type >= LINK_TYPE_COUNT_)
        return ERR_PROTOCOL;
    worker_handler *handler = handlers[b->peers[index].state][m->type];
    if (handler == NULL)
        return ERR_PROTOCOL;
    moment_set(b, now);
    return handler(b, index, m, now);
}

void broker_shutdown_workers(struct broker *b)
{
    struct link_message m = {.type = LINK_SHUTDOWN};
    for (uint32_t i = 0; i < LIMIT_WORKERS; i++)
        tell(b, i, &m);
}

/* --- Time ------------------------------------------------------------------------------------ */

static int64_t due_of(const struct live *l)
{
    if (l->doomed != NULL)
        return l->retry_mono_ns;
    return l->ask_due_mono_ns < l->deadline_mono_ns ? l->ask_due_mono_ns : l->deadline_mono_ns;
}

static void end_what_is_due(struct broker *b, struct moment now)
{
    static const struct ending expired = {.event = APPROVAL_TICK,
                                          .reason = STR_INIT("nobody decided in time")};
    static const struct ending not_run = {.event = APPROVAL_TICK,
                                          .reason = STR_INIT("it was not run in time")};
    for (size_t i = b->n_live; i-- > 0;) {
        struct live *l = &b->live[i];
        if (due_of(l) > now.mono_ns)
            continue;
        if (l->doomed != NULL)
            change_retry(b, l, now);
        else if (l->deadline_mono_ns > now.mono_ns)
            change_ask(b, l, now);
        else
            change_end(b, l, l->state == REQUEST_PENDING ? &expired : &not_run, now);
    }
}

static void mend_log(struct broker *b, struct moment now)
{
    if (audit_broken(b->audit) == NULL)
        return;
    bool due = b->audit_retry_mono_ns != 0 && b->audit_retry_mono_ns <= now.mono_ns;
    if (due || b->audit_retry_mono_ns == 0)
        b->audit_retry_mono_ns = now.mono_ns + LIMIT_AUDIT_RETRY_MS * NS_PER_MS;
    if (!due || audit_recover(b->audit, now) != ERR_OK)
        return;
    b->audit_retry_mono_ns = 0;
    record_undone_again(b, now);
}

/* Workers let nothing run that has to be recorded while it cannot be. */
static void tell_log(struct broker *b)
{
    bool broken = audit_broken(b->audit) != NULL;
    struct link_message m = {.type = LINK_LOG, .log = {.works = !broken}};
    if (broken == b->told_broken)
        return;
    b->told_broken = broken;
    for (uint32_t i = 0; i < LIMIT_WORKERS; i++)
        if (b->peers[i].state == PEER_READY)
            tell(b, i, &m);
}

/* One line when it begins, one when it is over: whoever reads the service's log need not poll /healthz. */
static void say_unsigned(struct broker *b)
{
    const char *why = audit_unsigned(b->audit);
    if ((why != NULL) == b->said_unsigned)
        return;
    b->said_unsigned = why != NULL;
    if (why != NULL)
        log_error("%s; records are written as before, and it is tried again every %d s", why, LIMIT_AUDIT_RETRY_MS / 1000);
    else
        log_info("the log's checkpoint is signed again, over %llu records",
                 (unsigned long long)audit_counters(b->audit).covered);
}

static void say_unretained(struct broker *b)
{
    const char *why = audit_unretained(b->audit);
    if ((why != NULL) == b->said_unretained)
        return;
    b->said_unretained = why != NULL;
    if (why != NULL)
        log_error("%s; it is tried again every second", why);
    else
        log_info("content of old records is dropped again");
}

void broker_tick(struct broker *b, struct moment now)
{
    hooks_tick(b, now);
    moment_set(b, now);
    mend_log(b, now);
    if (b->grace_until_mono_ns <= now.mono_ns)
        holders_grace_over(b, now);
    end_what_is_due(b, now);
    audit_tick(b->audit, now); /* what breaks the log there broker_health says, and mend_log mends */
    tell_log(b);
    say_unsigned(b);
    say_unretained(b);
}

int64_t broker_next_deadline(const struct broker *b)
{
    int64_t next = audit_due(b->audit);
    if (audit_broken(b->audit) != NULL && b->audit_retry_mono_ns < next)
        next = b->audit_retry_mono_ns;
    if (b->grace_until_mono_ns < next)
        next = b->grace_until_mono_ns;
    if (moment_next(b) < next)
        next = moment_next(b);
    if (hooks_next(b) < next)
        next = hooks_next(b);
    for (size_t i = 0; i < b->n_live; i++)
        if (due_of(&b->live[i]) < next)
            next = due_of(&b->live[i]);
    return next;
}
