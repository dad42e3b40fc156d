/*
 * Grants that outlive one run: made with an approval, counted on by later requests, used with their
 * claim, revoked. approval/grant.h has the rules.
 *
 *   SUBMIT    each guardrail that holds the action is looked up among the subject's grants. All
 *             covered: the request is approved at once. Some: only the others' people are asked. What
 *             it counts on is reserved, so that no two requests count on the same last use.
 *   CLAIM     each grant it counts on is judged once more and used, in the transaction that starts the
 *             run. Where one is gone the request ends, and the worker submits the action afresh (AGAIN).
 *   revoke    at once: what runs is not touched, what counts on it and has not run is held afresh.
 */
#include "approval/grant.h"
#include "approval/quorum.h"
#include "broker/internal.h"

#include <stdio.h>

/* --- Covering --------------------------------------------------------------------------------- */

/* Whether those whose approval made the grant could approve the use of it now: `use` says whose it is; its
 * quorum is what is asked today, or (none) what was asked of them then. */
static bool still_approved(struct broker *b, const struct grant *g, const struct approval *use)
{
    struct arena a CLEANUP(arena_done);
    struct store_request q;
    arena_init(&a, REQUEST_ARENA);
    if (store_said(b, store_request_get(b->store, g->request, &a, &q)) != ERR_OK)
        return false;
    struct approval ap = change_approval_of(&q, NULL);
    ap.state = REQUEST_APPROVED;
    ap.deadline_mono_ns = INT64_MAX;
    ap.bypassed = false;
    ap.subject = use->subject;
    ap.person = use->person;
    ap.on_behalf_of = use->on_behalf_of;
    if (use->quorum.n_reqs != 0)
        ap.quorum = use->quorum;
    ap.signed_votes = ap.signed_votes || use->signed_votes;
    struct approval_event claim = {.kind = APPROVAL_CLAIM, .digest = q.r.digest};
    return approval_step(&ap, &b->people, &claim).answer == APPROVAL_ACCEPTED;
}

/* How often this submission counts on the grant already: one use covers all guardrails it is for. */
static bool counted(const struct coverage *c, uint64_t id)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->grants[i] == id)
            return true;
    return false;
}

static bool is_covered(struct broker *b, const struct grant *list, size_t n, const struct link_submit *s,
                       const struct hold_part *part, struct coverage *c, struct moment now)
{
    struct grant_use u = {.subject = s->subject,
                          .resource = s->resource,
                          .session = s->session,
                          .policy_version = s->policy_version,
                          .shape = s->shape,
                          .part = part,
                          .now_wall_ns = now.wall_ns};
    struct approval use = {.subject = s->subject,
                           .person = s->person,
                           .on_behalf_of = s->on_behalf_of,
                           .quorum = part->quorum,
                           .signed_votes = s->signed_votes};
    for (size_t i = 0; i < n; i++) {
        bool again = counted(c, list[i].id);
        if ((!again && c->n == LIMIT_GRANTS_OF_ONE) ||
            store_said(b, store_use_reserved(b->store, list[i].id, 0, &u.reserved)) != ERR_OK ||
            grant_covers(&list[i], &u) != GRANT_COVERS || !still_approved(b, &list[i], &use))
            continue;
        if (!again)
            c->grants[c->n++] = list[i].id;
        return true;
    }
    return false;
}

/* What is left to ask: of the guardrails that no grant covers. */
static enum err rest_of(const struct link_submit *s, const bool *covered, struct arena *a,
                        struct coverage *c)
{
    const struct quorum **left = arena_new_array(a, s->n_parts, const struct quorum *);
    struct hold_part *parts = arena_new_array(a, s->n_parts, struct hold_part);
    size_t n = 0;
    if (left == NULL || parts == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < s->n_parts; i++)
        if (!covered[i]) {
            parts[n] = s->parts[i];
            left[n] = &parts[n].quorum;
            n++;
        }
    c->left = parts;
    c->n_left = n;
    if (n == 0 || n == s->n_parts) {
        c->quorum = n == 0 ? (struct quorum){.reqs = NULL} : s->quorum;
        return ERR_OK;
    }
    struct quorum rest;
    TRY(quorum_merge(left, n, a, &rest));
    c->quorum = s->quorum; /* all but who is asked stays as all guardrails together say */
    c->quorum.reqs = rest.reqs;
    c->quorum.n_reqs = rest.n_reqs;
    return ERR_OK;
}

void grants_cover(struct broker *b, const struct link_submit *s, struct arena *a, struct coverage *ret,
                  struct moment now)
{
    struct coverage none = {.quorum = s->quorum, .left = s->parts, .n_left = s->n_parts}, c = none;
    bool *covered = arena_new_array(a, s->n_parts, bool);
    struct grant *list;
    size_t n;
    *ret = none;
    if (s->n_parts == 0 || covered == NULL ||
        store_said(b, store_standing_of(b->store, s->subject, now.wall_ns, a, &list, &n)) != ERR_OK || n == 0)
        return;
    for (size_t i = 0; i < s->n_parts; i++)
        covered[i] = is_covered(b, list, n, s, &s->parts[i], &c, now);
    if (c.n != 0 && rest_of(s, covered, a, &c) == ERR_OK)
        *ret = c;
}

enum err grants_reserve(struct broker *b, uint64_t request, const struct link_submit *s,
                        const struct coverage *c, struct arena *a)
{
    struct buf names CLEANUP(buf_done) = {0};
    struct store_terms t = {.terms = grant_terms_common(c->left, c->n_left),
                            .shape = s->shape,
                            .shape_text = s->shape_text,
                            .session = s->session};
    for (size_t i = 0; i < c->n; i++)
        TRY(store_said(b, store_use_insert(b->store, c->grants[i], request)));
    if (c->n != 0 && c->n_left == 0)
        TRY(store_said(b, store_bypass_set(b->store, request, BYPASS_GRANT)));
    if (t.terms.kinds == 0)
        return ERR_OK;
    buf_init(&names, LIMIT_LINK_MESSAGE);
    for (size_t i = 0; i < c->n_left; i++) {
        TRY(buf_put_str(&names, i != 0 ? STR(", ") : STR("")));
        TRY(buf_put_str(&names, c->left[i].guardrail));
    }
    TRY(arena_str(a, buf_view(&names), &t.guardrails));
    return store_said(b, store_terms_insert(b->store, request, &t));
}

/* --- Choosing --------------------------------------------------------------------------------- */

enum err grants_check_choice(struct broker *b, uint64_t request, const struct grant_choice *choice,
                             struct broker_error *said)
{
    struct arena a CLEANUP(arena_done);
    struct store_terms t = {.terms = {.kinds = 0}};
    arena_init(&a, 64 * KIB + LIMIT_LINK_MESSAGE);
    enum err e = store_said(b, store_terms_get(b->store, request, &a, &t));
    if (e != ERR_OK && e != ERR_NOT_FOUND) {
        broker_say(said, "request %llu cannot be read", (unsigned long long)request);
        return ERR_IO;
    }
    const char *why = grant_choice_refusal(&t.terms, choice);
    if (why == NULL)
        return ERR_OK;
    broker_say(said, "request %llu: %s; `countersign show %llu` says what may be granted",
               (unsigned long long)request, why, (unsigned long long)request);
    return ERR_INVALID;
}

/* The choices of all whose approval stands, the new vote's included. */
static enum err choices_of(struct broker *b, const struct store_request *q, const struct vote *more,
                           struct arena *a, struct grant_choice **ret, size_t *ret_n)
{
    struct grant_choice *list = arena_new_array(a, q->r.n_votes + 1, struct grant_choice);
    size_t n = 0;
    if (list == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < q->r.n_votes; i++) {
        const struct vote *v = &q->r.votes[i];
        if (v->kind == VOTE_APPROVE && v->retracted_wall_ns == 0 && !str_eq(v->person, more->person))
            TRY(store_choice_get(b->store, q->r.id, v->person, &list[n++]));
    }
    list[n++] = more->grant;
    *ret = list;
    *ret_n = n;
    return ERR_OK;
}

static enum err record_made(struct broker *b, const struct grant *g, struct moment now)
{
    struct record r CLEANUP(record_done);
    char expires[CLOCK_TEXT];
    record_begin(&r);
    record_grant(&r, g);
    if (g->uses != 0)
        json_put_int(&r.j, "uses", g->uses);
    json_put_str(&r.j, "expires", clock_text(g->expires_wall_ns, expires));
    return record_append(b, &r, "grant_made", now);
}

enum err grants_vote(struct broker *b, const struct store_request *q, const struct vote *v, bool approved,
                     struct moment now)
{
    struct arena a CLEANUP(arena_done);
    struct store_terms t;
    struct grant_choice *choices;
    size_t n;
    if (v->grant.kind != 0)
        TRY(store_choice_set(b->store, q->r.id, v->person, &v->grant));
    arena_init(&a, 4 * MIB);
    enum err e = approved ? store_terms_get(b->store, q->r.id, &a, &t) : ERR_NOT_FOUND;
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    TRY(choices_of(b, q, v, &a, &choices, &n));
    struct grant_scope s = grant_narrowest(&t.terms, choices, n);
    if (s.kinds == 0)
        return ERR_OK;
    struct grant g = {.request = q->r.id,
                      .kinds = s.kinds,
                      .shape = t.shape,
                      .shape_text = t.shape_text,
                      .session = t.session,
                      .subject = q->r.subject,
                      .resource = q->r.resource,
                      .guardrails = t.guardrails,
                      .policy_version = q->r.policy_version,
                      .uses = s.uses,
                      .created_wall_ns = now.wall_ns,
                      .expires_wall_ns = now.wall_ns + s.for_ns};
    TRY(store_standing_insert(b->store, &g, &g.id));
    TRY(store_use_insert(b->store, g.id, q->r.id)); /* this run is its first use */
    return record_made(b, &g, now);
}

/* --- Using ------------------------------------------------------------------------------------ */

const char *grants_gone(struct broker *b, const struct request *r, struct moment now)
{
    const struct approval use = {.subject = r->subject,
                                 .person = r->person,
                                 .on_behalf_of = r->on_behalf_of,
                                 .signed_votes = r->signed_votes};
    struct arena a CLEANUP(arena_done);
    uint64_t ids[LIMIT_GRANTS_OF_ONE];
    size_t n;
    arena_init(&a, 16 * MIB);
    if (store_said(b, store_use_grants_of(b->store, r->id, ids, &n)) != ERR_OK)
        return "the grants it counts on cannot be read";
    for (size_t i = 0; i < n; i++) {
        struct grant g;
        if (store_said(b, store_standing_get(b->store, ids[i], &a, &g)) != ERR_OK)
            return "a grant it counts on cannot be read";
        enum grant_answer answer = grant_in_force(&g, 0, now.wall_ns);
        if (answer == GRANT_REVOKED)
            return "a grant it counted on was revoked";
        if (answer != GRANT_COVERS)
            return "a grant it counted on has expired or is used up";
        /* The run that made a grant is approved by its own votes. */
        if (g.request != r->id && !still_approved(b, &g, &use))
            return "those who gave a grant it counted on may no longer give it";
    }
    return NULL;
}

static enum err use_one(struct broker *b, uint64_t grant, const struct store_request *q, struct moment now)
{
    struct arena a CLEANUP(arena_done);
    struct record r CLEANUP(record_done);
    struct grant g;
    arena_init(&a, 4 * MIB);
    record_begin(&r);
    TRY(store_use_take(b->store, grant, q->r.id, now.wall_ns));
    TRY(store_standing_get(b->store, grant, &a, &g));
    record_grant(&r, &g);
    json_put_int(&r.j, "used_by_request", (int64_t)q->r.id);
    json_put_int(&r.j, "used", g.used);
    if (g.uses != 0)
        json_put_int(&r.j, "uses", g.uses);
    return record_append(b, &r, "grant_used", now);
}

enum err grants_use(struct broker *b, const struct store_request *q, struct moment now)
{
    uint64_t ids[LIMIT_GRANTS_OF_ONE];
    size_t n;
    TRY(store_use_grants_of(b->store, q->r.id, ids, &n));
    for (size_t i = 0; i < n; i++)
        TRY(use_one(b, ids[i], q, now));
    return ERR_OK;
}

/* --- Revoking --------------------------------------------------------------------------------- */

/* Anyone who could have granted it, those who did among them; its own subject; an admin; the operator. */
static bool may_revoke(struct broker *b, const struct broker_caller *caller, const struct store_request *q)
{
    struct approval ap = change_approval_of(q, NULL);
    const struct person *p = people_find(b->policy.people, caller->person);
    if (caller->is_operator)
        return true;
    if (p == NULL)
        return false;
    ap.state = REQUEST_PENDING;
    ap.n_votes = 0;
    return p->admin || approval_is_own(&ap, &b->people, p) ||
           approval_may_vote(&ap, &b->people, p->name) == APPROVAL_ACCEPTED;
}

static enum err store_revoked(struct broker *b, const struct grant *g, const struct broker_caller *caller,
                              struct str reason, struct moment now)
{
    struct record r CLEANUP(record_done);
    struct str by = caller->person.n != 0 ? caller->person : STR("operator");
    record_begin(&r);
    record_grant(&r, g);
    json_put_str(&r.j, "by", by);
    if (reason.n != 0)
        json_put_str(&r.j, "reason", reason);
    json_put_str(&r.j, "via", caller->via);
    json_put_int(&r.j, "used", g->used);
    TRY(store_said(b, store_begin(b->store)));
    TRY(store_said(b, store_standing_revoke(b->store, g->id, by, reason, now.wall_ns)));
    TRY(record_append(b, &r, "grant_revoked", now));
    return change_commit(b);
}

static void hold_afresh(struct broker *b, uint64_t grant, struct moment now)
{
    struct arena a CLEANUP(arena_done);
    const struct ending gone = {.event = APPROVAL_WITHDRAW,
                                .reason = STR_INIT("a grant it counted on was revoked"),
                                .tell = END_AGAIN};
    uint64_t *ids;
    size_t n;
    arena_init(&a, MIB);
    if (store_said(b, store_use_waiting(b->store, grant, &a, &ids, &n)) != ERR_OK)
        return; /* each is stopped at its claim */
    for (size_t i = 0; i < n; i++) {
        struct live *l = live_find(b, ids[i]);
        if (l != NULL && l->doomed == NULL && l->state != REQUEST_RUNNING)
            change_end(b, l, &gone, now);
    }
}

enum err broker_grant_revoke(struct broker *b, const struct broker_caller *caller, uint64_t id,
                             struct str reason, struct moment now, struct broker_error *said)
{
    struct arena a CLEANUP(arena_done);
    struct store_request q;
    struct grant g;
    uint64_t first = audit_last_seq(b->audit) + 1;
    arena_init(&a, REQUEST_ARENA);
    b->ops.deadline_moved(b->ctx);
    TRY(people_check_reason(reason, false, said));
    enum err e = store_said(b, store_standing_get(b->store, id, &a, &g));
    if (e == ERR_OK)
        e = store_said(b, store_request_get(b->store, g.request, &a, &q));
    if (e != ERR_OK) {
        broker_say(said, e == ERR_NOT_FOUND ? "there is no grant %llu" : "grant %llu cannot be read",
                   (unsigned long long)id);
        return e == ERR_NOT_FOUND ? e : ERR_IO;
    }
    if (!may_revoke(b, caller, &q)) {
        broker_say(said, "grant %llu is revoked by those who could have granted it, its own subject, or an admin",
                   (unsigned long long)id);
        return ERR_FORBIDDEN;
    }
    if (g.revoked_wall_ns != 0) {
        broker_say(said, "grant %llu was revoked before", (unsigned long long)id);
        return ERR_BAD_STATE;
    }
    if (store_revoked(b, &g, caller, reason, now) != ERR_OK) {
        store_rollback(b->store);
        record_undone(b, first, "could not be stored", now);
        broker_say(said, "the revocation of grant %llu could not be recorded and stored", (unsigned long long)id);
        return ERR_IO;
    }
    hold_afresh(b, id, now);
    return ERR_OK;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static enum err add_requests(struct broker *b, struct broker_grant *g, struct moment now)
{
    g->answer = grant_answer_text(grant_in_force(&g->grant, 0, now.wall_ns));
    g->in_force = grant_in_force(&g->grant, 0, now.wall_ns) == GRANT_COVERS;
    return store_said(b, store_use_reserved(b->store, g->grant.id, 0, &g->reserved));
}

enum err broker_grant_list(struct broker *b, bool all, struct moment now, struct arena *a,
                           const struct broker_grant **ret, size_t *ret_n)
{
    struct grant *rows;
    size_t n, kept = 0;
    TRY(store_said(b, store_standing_list(b->store, INT64_MAX, a, &rows, &n)));
    struct broker_grant *list = arena_new_array(a, n, struct broker_grant);
    if (list == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        list[kept].grant = rows[i];
        TRY(add_requests(b, &list[kept], now));
        kept += all || list[kept].in_force;
    }
    *ret = list;
    *ret_n = kept;
    return ERR_OK;
}

enum err broker_request_terms(struct broker *b, uint64_t request, struct arena *a, struct broker_terms *ret)
{
    struct store_terms t;
    enum err e = store_said(b, store_terms_get(b->store, request, a, &t));
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    *ret = (struct broker_terms){.terms = {.kinds = 0}};
    if (e == ERR_OK)
        *ret = (struct broker_terms){.terms = t.terms, .shape_text = t.shape_text, .session = t.session};
    return store_said(b, store_use_grants_of(b->store, request, ret->counts_on, &ret->n_counts_on));
}
