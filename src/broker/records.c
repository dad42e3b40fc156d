#include "broker/internal.h"

/* docs/audit-format.md lists every kind with its members. */

void record_begin(struct record *r)
{
    buf_init(&r->data, LIMIT_AUDIT_RECORD);
    json_init(&r->j, &r->data);
    json_object_begin(&r->j);
}

void record_done(struct record *r)
{
    buf_done(&r->data);
}

enum err record_append(struct broker *b, struct record *r, const char *kind, struct moment now)
{
    json_object_end(&r->j);
    TRY(json_end(&r->j));
    return audit_append(b->audit, kind, buf_view(&r->data), now, NULL);
}

static void put_digest(struct json *j, const struct digest *d)
{
    char hex[DIGEST_HEX + 1];
    json_put_str(j, "digest", digest_hex(d, hex));
}

static void put_if(struct json *j, const char *key, struct str v)
{
    if (v.n == 0)
        return;
    json_key(j, key);
    json_bytes(j, v);
}

/* Who and what, as every record about a request has it. */
static void put_request(struct json *j, const struct request *r)
{
    json_key(j, "request");
    json_uint(j, r->id);
    put_digest(j, &r->digest);
    put_if(j, "subject", r->subject);
    put_if(j, "person", r->person);
    put_if(j, "on_behalf_of", r->on_behalf_of);
    put_if(j, "resource", r->resource);
    put_if(j, "guardrails", r->guardrails);
    put_if(j, "policy_version", r->policy_version);
}

/* How long each name waits to be asked, in ns; left out where none does. */
static void put_waits(struct json *j, const struct requirement *r)
{
    if (r->after_ns == NULL)
        return;
    json_key(j, "after_ns");
    json_array_begin(j);
    for (size_t k = 0; k < r->n_from; k++)
        json_int(j, r->after_ns[k]);
    json_array_end(j);
}

static void put_quorum(struct json *j, const struct quorum *q)
{
    json_key(j, "approvals");
    json_array_begin(j);
    for (size_t i = 0; i < q->n_reqs; i++) {
        json_object_begin(j);
        json_key(j, "from");
        json_array_begin(j);
        for (size_t k = 0; k < q->reqs[i].n_from; k++)
            json_str(j, q->reqs[i].from[k]);
        json_array_end(j);
        json_put_int(j, "count", q->reqs[i].count);
        if (q->reqs[i].stage != 0)
            json_put_int(j, "stage", q->reqs[i].stage);
        put_waits(j, &q->reqs[i]);
        json_object_end(j);
    }
    json_array_end(j);
    if (q->rejects > 1)
        json_put_int(j, "rejects", q->rejects);
    if (q->reason_to_approve)
        json_put_bool(j, "reason_to_approve", true);
}

static void put_time(struct json *j, const char *key, int64_t wall_ns)
{
    char text[CLOCK_TEXT];
    json_put_str(j, key, clock_text(wall_ns, text));
}

void record_grant(struct record *r, const struct grant *g)
{
    json_put_int(&r->j, "grant", (int64_t)g->id);
    json_put_int(&r->j, "request", (int64_t)g->request);
    json_key(&r->j, "kinds");
    json_array_begin(&r->j);
    if ((g->kinds & GRANT_SHAPE) != 0)
        json_str(&r->j, STR("shape"));
    if ((g->kinds & GRANT_SESSION) != 0)
        json_str(&r->j, STR("session"));
    json_array_end(&r->j);
    put_if(&r->j, "subject", g->subject);
    put_if(&r->j, "resource", g->resource);
    put_if(&r->j, "guardrails", g->guardrails);
    if ((g->kinds & GRANT_SHAPE) != 0)
        put_if(&r->j, "shape", g->shape_text);
    if ((g->kinds & GRANT_SESSION) != 0)
        put_if(&r->j, "session", g->session);
}

enum err record_opened(struct broker *b, const struct store_request *q, struct moment now)
{
    struct record r CLEANUP(record_done);
    record_begin(&r);
    put_request(&r.j, &q->r);
    put_if(&r.j, "message", q->r.message);
    put_quorum(&r.j, &q->r.quorum);
    put_time(&r.j, "decide_by", q->r.decide_by_wall_ns);
    json_key(&r.j, "context");
    json_raw(&r.j, q->r.context);
    json_key(&r.j, "explanation");
    json_raw(&r.j, q->r.explanation);
    json_put_str(&r.j, "envelope", q->r.envelope);
    return record_append(b, &r, "opened", now);
}

enum err record_vote(struct broker *b, const struct request *q, const struct vote *v,
                     struct moment now)
{
    struct record r CLEANUP(record_done);
    record_begin(&r);
    put_request(&r.j, q);
    json_put_z(&r.j, "vote", v->kind == VOTE_APPROVE ? "approve" : "reject");
    json_put_str(&r.j, "by", v->person);
    put_if(&r.j, "reason", v->reason);
    if (v->grant.kind == GRANT_SHAPE || v->grant.kind == GRANT_SESSION) {
        char choice[GRANT_CHOICE_TEXT];
        json_put_str(&r.j, "grant", grant_choice_text(&v->grant, choice));
    }
    put_if(&r.j, "via", v->via);
    put_if(&r.j, "signed", v->signed_text);
    put_if(&r.j, "signature", v->signature);
    put_if(&r.j, "on_duty", v->on_duty);
    put_if(&r.j, "stood_for", v->stood_for);
    json_put_str(&r.j, "policy_in_force", b->policy.version);
    return record_append(b, &r, "vote", now);
}

enum err record_retracted(struct broker *b, const struct request *q, const struct change *c,
                          struct moment now)
{
    struct record r CLEANUP(record_done);
    record_begin(&r);
    put_request(&r.j, q);
    json_put_str(&r.j, "by", c->vote->person);
    put_if(&r.j, "via", c->via);
    if (c->step.keep_vote)
        json_put_bool(&r.j, "replaced", true);
    else
        put_if(&r.j, "reason", c->reason);
    return record_append(b, &r, "retracted", now);
}

enum err record_asked(struct broker *b, const struct request *q, const struct approval_step *step,
                      struct moment now)
{
    struct record r CLEANUP(record_done);
    record_begin(&r);
    put_request(&r.j, q);
    json_key(&r.j, "asked");
    json_array_begin(&r.j);
    for (size_t i = 0; i < q->quorum.n_reqs; i++) {
        const struct requirement *req = &q->quorum.reqs[i];
        for (size_t k = req->n_from - req->n_later; k < req->n_from - step->n_later[i]; k++)
            json_str(&r.j, req->from[k]);
    }
    json_array_end(&r.j);
    return record_append(b, &r, "asked", now);
}

static void put_approvers(struct json *j, const struct request *q, const struct vote *more)
{
    json_key(j, "approved_by");
    json_array_begin(j);
    for (size_t i = 0; i < q->n_votes; i++)
        if (q->votes[i].kind == VOTE_APPROVE && q->votes[i].retracted_wall_ns == 0)
            json_str(j, q->votes[i].person);
    if (more != NULL)
        json_str(j, more->person);
    json_array_end(j);
}

enum err record_state(struct broker *b, const struct request *q, enum request_state to,
                      const struct change *c, struct moment now)
{
    struct record r CLEANUP(record_done);
    record_begin(&r);
    put_request(&r.j, q);
    json_put_z(&r.j, "from", request_state_text(q->state));
    put_if(&r.j, "by", c->by);
    put_if(&r.j, "via", c->via);
    put_if(&r.j, "reason", c->reason);
    if (to == REQUEST_APPROVED || to == REQUEST_RUNNING)
        put_approvers(&r.j, q, c->step.keep_vote ? c->vote : NULL);
    if (c->outcome.n != 0) {
        json_key(&r.j, "outcome");
        json_raw(&r.j, c->outcome);
    }
    if (to == REQUEST_APPROVED && c->bypass != BYPASS_NONE)
        json_put_z(&r.j, "bypass", c->bypass == BYPASS_GRANT ? "grant" : "break_glass");
    json_put_str(&r.j, "policy_in_force", b->policy.version);
    return record_append(b, &r, request_state_text(to), now);
}

static enum err append_undone(struct broker *b, uint64_t first, uint64_t last, const char *why,
                              struct moment now)
{
    struct record r CLEANUP(record_done);
    record_begin(&r);
    json_put_int(&r.j, "from_seq", (int64_t)first);
    json_put_int(&r.j, "to_seq", (int64_t)last);
    json_put_z(&r.j, "why", why);
    return record_append(b, &r, "undone", now);
}

void record_undone(struct broker *b, uint64_t from, const char *why, struct moment now)
{
    uint64_t last = audit_last_seq(b->audit);
    if (last < from || append_undone(b, from, last, why, now) == ERR_OK)
        return;
    if (b->undone.first == 0)
        b->undone.first = from;
    b->undone.last = last;
}

void record_undone_again(struct broker *b, struct moment now)
{
    uint64_t last = audit_last_seq(b->audit);
    if (b->undone.first == 0)
        return;
    /* What was cut off with the end of the log needs no such word; `last` is `repaired` itself. */
    if (b->undone.last >= last)
        b->undone.last = last - 1;
    if (b->undone.last < b->undone.first ||
        append_undone(b, b->undone.first, b->undone.last, "could not be stored", now) == ERR_OK)
        b->undone.first = 0;
}

void record_turned_down(struct broker *b, const char *kind, uint64_t request, struct str who,
                        struct str why, struct moment now)
{
    struct record r CLEANUP(record_done);
    record_begin(&r);
    if (request != 0)
        json_put_int(&r.j, "request", (int64_t)request);
    put_if(&r.j, "by", who);
    put_if(&r.j, "why", why);
    enum err e = record_append(b, &r, kind, now);
    (void)e; /* what was turned down has no effect that a missing record could hide */
}

enum err record_fields(struct broker *b, const char *kind, const struct record_field *f, size_t n,
                       struct moment now)
{
    struct record r CLEANUP(record_done);
    record_begin(&r);
    for (size_t i = 0; i < n; i++)
        put_if(&r.j, f[i].key, f[i].value);
    return record_append(b, &r, kind, now);
}
