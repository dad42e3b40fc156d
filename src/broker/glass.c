/*
 * Break-glass: somebody named for it runs their own held action at once, with a reason and a second
 * factor. The request is approved without its quorum in the transaction that uses the factor up and
 * opens the review; the record names everybody who was skipped. approval/glass.h has the rules.
 */
#include "approval/glass.h"
#include "base/totp.h"
#include "broker/internal.h"

#include <stdio.h>

enum { SEAL_BYTES = 32 };

/* --- Second factors --------------------------------------------------------------------------- */

/* Whether the code is good now; which one it is goes to *w. */
static enum err check_code(struct broker *b, struct str person, struct str code, struct moment now,
                           struct glass_write *w, bool *ret_good)
{
    struct arena a CLEANUP(arena_done);
    struct str secret;
    uint64_t last;
    uint32_t factors = b->policy.glass.factors;
    enum err e = ERR_NOT_FOUND;
    arena_init(&a, 4 * KIB);
    *ret_good = false;
    if ((factors & FACTOR_TOTP) != 0 && code.n == TOTP_DIGITS) {
        e = store_said(b, store_totp_get(b->store, person, &a, &secret, &last));
        *ret_good = e == ERR_OK && secret.n == TOTP_SECRET &&
                    totp_check((const unsigned char *)secret.p, code, now.wall_ns / NS_PER_S, last, &w->step);
        if (e == ERR_OK)
            explicit_bzero((char *)(uintptr_t)secret.p, secret.n);
        w->factor = FACTOR_TOTP;
    } else if ((factors & FACTOR_SEALED_TOKEN) != 0) {
        struct digest hash = digest_of(code); /* 256 random bits: looked up by hash, as tokens are */
        e = store_said(b, store_sealed_find(b->store, &hash, person, &w->sealed));
        *ret_good = e == ERR_OK;
        w->factor = FACTOR_SEALED_TOKEN;
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static const char *factor_text(enum second_factor f)
{
    return f == FACTOR_TOTP ? "totp" : "sealed_token";
}

enum err glass_store(struct broker *b, const struct store_request *q, const struct glass_write *w,
                     struct moment now)
{
    struct store_review r = {.request = q->r.id,
                             .person = w->person,
                             .reason = w->reason,
                             .factor = str_of(factor_text(w->factor)),
                             .broken_wall_ns = now.wall_ns,
                             .due_wall_ns = now.wall_ns + b->policy.glass.review_within_ns};
    if (w->factor == FACTOR_TOTP)
        TRY(store_totp_use(b->store, w->person, w->step));
    else
        TRY(store_sealed_use(b->store, w->sealed, q->r.id, now.wall_ns));
    TRY(store_tries_set(b->store, w->person, 0, 0));
    TRY(store_bypass_set(b->store, q->r.id, BYPASS_GLASS));
    return store_review_insert(b->store, &r);
}

static enum err put_skipped(struct broker *b, const struct store_request *q, struct json *j)
{
    struct arena a CLEANUP(arena_done);
    const struct approval_line *lines;
    struct approval ap = change_approval_of(q, NULL);
    size_t n;
    arena_init(&a, 16 * MIB);
    ap.deadline_mono_ns = INT64_MAX;
    TRY(approval_lines(&ap, &b->people, &a, &lines, &n));
    json_key(j, "skipped");
    json_array_begin(j);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < lines[i].n_candidates; k++)
            json_str(j, lines[i].candidates[k]->name);
    json_array_end(j);
    return ERR_OK;
}

enum err glass_record(struct broker *b, const struct store_request *q, const struct glass_write *w,
                      struct moment now)
{
    struct record r CLEANUP(record_done);
    char due[CLOCK_TEXT];
    record_begin(&r);
    json_put_int(&r.j, "request", (int64_t)q->r.id);
    json_put_str(&r.j, "by", w->person);
    json_put_str(&r.j, "via", w->via);
    json_put_str(&r.j, "reason", w->reason);
    json_put_z(&r.j, "second_factor", factor_text(w->factor));
    TRY(put_skipped(b, q, &r.j));
    json_put_str(&r.j, "review_due", clock_text(now.wall_ns + b->policy.glass.review_within_ns, due));
    return record_append(b, &r, "break_glass", now);
}

/* --- Breaking --------------------------------------------------------------------------------- */

static enum err refuse(struct broker *b, uint64_t request, struct str person, enum glass_answer why,
                       struct moment now, struct broker_error *said)
{
    record_turned_down(b, "break_glass_refused", request, person, str_of(glass_answer_text(why)), now);
    broker_say(said, "request %llu: %s", (unsigned long long)request, glass_answer_text(why));
    return why == GLASS_NOT_PENDING ? ERR_BAD_STATE : ERR_FORBIDDEN;
}

/* A wrong code counts before anything is answered: what cannot be counted is not tried. */
static enum err count_failure(struct broker *b, struct str person, const struct glass_tries *t,
                              struct moment now)
{
    struct glass_tries next = glass_after_failure(t, now.wall_ns);
    enum err e = store_said(b, store_begin(b->store));
    if (e == ERR_OK)
        e = store_said(b, store_tries_set(b->store, person, next.failures, next.locked_until_wall_ns));
    if (e == ERR_OK)
        e = change_commit(b);
    if (e != ERR_OK)
        store_rollback(b->store);
    return e;
}

static enum err facts_of(struct broker *b, struct str person, const struct approval *ap, struct moment now,
                         struct glass_tries *t, struct glass_facts *ret)
{
    uint64_t overdue;
    TRY(store_said(b, store_tries_get(b->store, person, &t->failures, &t->locked_until_wall_ns)));
    enum err e = store_said(b, store_review_overdue(b->store, person, now.wall_ns, &overdue));
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    *ret = (struct glass_facts){.request = ap,
                                .person = person,
                                .review_overdue = e == ERR_OK,
                                .locked_until_wall_ns = t->locked_until_wall_ns,
                                .now_wall_ns = now.wall_ns};
    return ERR_OK;
}

static enum err release(struct broker *b, struct live *l, const struct store_request *q,
                        const struct glass_write *w, struct moment now, struct broker_error *said)
{
    struct live before = *l;
    struct approval ap = change_approval_of(q, l);
    ap.bypassed = true;
    struct approval_event ev = {.kind = APPROVAL_BYPASS, .now_mono_ns = now.mono_ns, .digest = l->digest};
    struct change c = {.step = approval_step(&ap, &b->people, &ev),
                       .by = w->person,
                       .via = w->via,
                       .reason = w->reason,
                       .bypass = BYPASS_GLASS,
                       .glass = w};
    if (c.step.answer != APPROVAL_ACCEPTED) {
        broker_say(said, "request %llu: %s", (unsigned long long)q->r.id, approval_answer_text(c.step.answer));
        return ERR_BAD_STATE;
    }
    if (change_request(b, l, q, &c, now) != ERR_OK) {
        broker_say(said, "it could not be recorded and stored, so nothing was released");
        return ERR_IO;
    }
    tell_approved(b, &before, q);
    watch_tell(b, BROKER_GLASS_BROKEN, before.id, REQUEST_APPROVED);
    return ERR_OK;
}

enum err broker_break_glass(struct broker *b, const struct broker_caller *caller, uint64_t request,
                            const struct digest *digest, struct str reason, struct str code,
                            struct moment now, struct broker_error *said)
{
    struct arena a CLEANUP(arena_done);
    struct store_request q;
    struct live *l = NULL;
    struct glass_facts f;
    struct glass_tries t;
    struct glass_write w = {.person = caller->person, .via = caller->via, .reason = reason};
    bool good;
    arena_init(&a, REQUEST_ARENA);
    b->ops.deadline_moved(b->ctx);
    TRY(people_check_reason(reason, true, said));
    TRY(people_open_one(b, request, &a, &l, &q, said));
    if (!digest_eq(digest, &q.r.digest)) {
        broker_say(said, "request %llu: %s", (unsigned long long)request,
                   approval_answer_text(APPROVAL_OTHER_DIGEST));
        return ERR_STALE;
    }
    struct approval ap = change_approval_of(&q, l);
    broker_say(said, "it cannot be judged now: the store cannot be read or written");
    if (facts_of(b, caller->person, &ap, now, &t, &f) != ERR_OK)
        return ERR_IO;
    enum glass_answer answer = glass_may_try(&b->policy.glass, b->policy.people, &f);
    if (answer != GLASS_ACCEPTED)
        return refuse(b, request, caller->person, answer, now, said);
    if (check_code(b, caller->person, str_trim(code), now, &w, &good) != ERR_OK)
        return ERR_IO;
    if (!good) {
        if (count_failure(b, caller->person, &t, now) != ERR_OK)
            return ERR_IO;
        return refuse(b, request, caller->person, GLASS_WRONG_CODE, now, said);
    }
    return release(b, l, &q, &w, now, said);
}

/* --- Handing out factors ---------------------------------------------------------------------- */

static enum err may_hand_out(struct broker *b, const struct broker_caller *caller, struct str person,
                             struct broker_error *said)
{
    if (!tokens_may_manage(b, caller)) {
        broker_say(said, "only an admin or the gateway's own user hands out second factors");
        return ERR_FORBIDDEN;
    }
    if (people_find(b->policy.people, person) == NULL) {
        broker_say(said, "nobody named \"%.*s\" is configured", STR_FMT(person));
        return ERR_NOT_FOUND;
    }
    broker_say(said, "the second factor could not be made, recorded and stored");
    return ERR_OK;
}

static enum err record_factor(struct broker *b, const struct broker_caller *caller, struct str person,
                              const char *kind, struct moment now)
{
    struct record_field f[] = {{"person", person},
                               {"by", caller->person.n != 0 ? caller->person : STR("operator")},
                               {"via", caller->via}};
    return record_fields(b, kind, f, ARRAY_LEN(f), now);
}

static enum err put_totp(struct str person, struct str secret, struct buf *out)
{
    TRY(buf_printf(out, "otpauth://totp/countersign:%.*s?secret=", STR_FMT(person)));
    TRY(base32_put(out, secret));
    return buf_put_str(out, STR("&issuer=countersign"));
}

enum err broker_totp_enroll(struct broker *b, const struct broker_caller *caller, struct str person,
                            struct moment now, struct buf *ret_uri, struct broker_error *said)
{
    unsigned char secret[TOTP_SECRET];
    uint64_t first = audit_last_seq(b->audit) + 1;
    size_t start = buf_len(ret_uri);
    TRY(may_hand_out(b, caller, person, said));
    TRY(random_bytes(secret, sizeof(secret)));
    struct str s = str_from(secret, sizeof(secret));
    enum err e = put_totp(person, s, ret_uri);
    if (e == ERR_OK)
        e = store_said(b, store_begin(b->store));
    if (e == ERR_OK)
        e = store_said(b, store_totp_set(b->store, person, s, now.wall_ns));
    if (e == ERR_OK)
        e = record_factor(b, caller, person, "totp_enrolled", now);
    if (e == ERR_OK)
        e = change_commit(b);
    explicit_bzero(secret, sizeof(secret));
    if (e == ERR_OK)
        return ERR_OK;
    buf_truncate(ret_uri, start);
    store_rollback(b->store);
    record_undone(b, first, "could not be stored", now);
    return ERR_IO;
}

enum err broker_seal(struct broker *b, const struct broker_caller *caller, struct str person,
                     struct moment now, struct buf *ret_text, struct broker_error *said)
{
    unsigned char raw[SEAL_BYTES];
    uint64_t first = audit_last_seq(b->audit) + 1, id;
    size_t start = buf_len(ret_text);
    TRY(may_hand_out(b, caller, person, said));
    TRY(random_bytes(raw, sizeof(raw)));
    enum err e = buf_put_str(ret_text, STR("seal_"));
    if (e == ERR_OK)
        e = hex_put(ret_text, str_from(raw, sizeof(raw)));
    struct str text = buf_view(ret_text);
    struct digest hash = digest_of((struct str){text.p + start, text.n - start});
    explicit_bzero(raw, sizeof(raw));
    if (e == ERR_OK)
        e = store_said(b, store_begin(b->store));
    if (e == ERR_OK)
        e = store_said(b, store_sealed_insert(b->store, &hash, person, now.wall_ns, &id));
    if (e == ERR_OK)
        e = record_factor(b, caller, person, "sealed_token_made", now);
    if (e == ERR_OK)
        e = change_commit(b);
    if (e == ERR_OK)
        return ERR_OK;
    buf_truncate(ret_text, start);
    store_rollback(b->store);
    record_undone(b, first, "could not be stored", now);
    return ERR_IO;
}

/* --- Reviewing -------------------------------------------------------------------------------- */

static enum err close_review(struct broker *b, const struct broker_caller *caller, uint64_t request,
                             struct str note, struct moment now)
{
    struct record r CLEANUP(record_done);
    record_begin(&r);
    json_put_int(&r.j, "request", (int64_t)request);
    json_put_str(&r.j, "by", caller->person);
    json_put_str(&r.j, "via", caller->via);
    json_put_str(&r.j, "reason", note);
    TRY(store_said(b, store_begin(b->store)));
    TRY(store_said(b, store_review_close(b->store, request, caller->person, note, now.wall_ns)));
    TRY(record_append(b, &r, "reviewed", now));
    return change_commit(b);
}

enum err broker_review(struct broker *b, const struct broker_caller *caller, uint64_t request,
                       struct str note, struct moment now, struct broker_error *said)
{
    struct arena a CLEANUP(arena_done);
    struct store_request q;
    struct store_review r;
    uint64_t first = audit_last_seq(b->audit) + 1;
    unsigned long long n = request;
    arena_init(&a, REQUEST_ARENA);
    TRY(people_check_reason(note, true, said));
    enum err e = store_said(b, store_review_get(b->store, request, &a, &r));
    if (e == ERR_OK)
        e = store_said(b, store_request_get(b->store, request, &a, &q));
    if (e != ERR_OK) {
        broker_say(said, e == ERR_NOT_FOUND ? "request %llu was not released by break-glass"
                                            : "request %llu cannot be read", n);
        return e == ERR_NOT_FOUND ? e : ERR_IO;
    }
    struct approval ap = change_approval_of(&q, NULL);
    if (!glass_may_review(&ap, &b->people, caller->person) || str_eq(r.person, caller->person)) {
        broker_say(said, "request %llu is reviewed by somebody else than its requester who could have decided "
                         "it, or by an admin", n);
        return ERR_FORBIDDEN;
    }
    if (r.reviewed_wall_ns != 0) {
        broker_say(said, "request %llu was reviewed by %.*s", n, STR_FMT(r.reviewer));
        return ERR_BAD_STATE;
    }
    if (close_review(b, caller, request, note, now) == ERR_OK)
        return ERR_OK;
    store_rollback(b->store);
    record_undone(b, first, "could not be stored", now);
    broker_say(said, "the review could not be recorded and stored");
    return ERR_IO;
}

enum err broker_review_list(struct broker *b, struct arena *a, const struct broker_reviewed **ret,
                            size_t *ret_n)
{
    struct store_review *rows;
    TRY(store_said(b, store_review_list(b->store, a, &rows, ret_n)));
    struct broker_reviewed *list = arena_new_array(a, *ret_n, struct broker_reviewed);
    if (list == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < *ret_n; i++)
        list[i] = (struct broker_reviewed){rows[i].request,        rows[i].person,      rows[i].reason,
                                           rows[i].factor,         rows[i].reviewer,    rows[i].note,
                                           rows[i].broken_wall_ns, rows[i].due_wall_ns, rows[i].reviewed_wall_ns};
    *ret = list;
    return ERR_OK;
}
