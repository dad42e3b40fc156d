#include "api/internal.h"

#include <stdio.h>

#include "base/limits.h"

enum { DEFAULT_LIST = 100 };

/* JSON that the broker has checked before it stored it. */
static void put_json(struct json *j, const char *key, struct str text)
{
    json_key(j, key);
    if (text.n != 0)
        json_raw(j, text);
    else
        json_nil(j);
}

static void put_names(struct json *j, const char *key, struct str comma_separated)
{
    json_key(j, key);
    json_array_begin(j);
    while (comma_separated.n != 0) {
        struct str name = comma_separated;
        if (!str_cut(comma_separated, ',', &name, &comma_separated))
            comma_separated = (struct str){NULL, 0};
        json_str(j, str_trim(name));
    }
    json_array_end(j);
}

/* The members that a list has too. */
static void put_summary(struct json *j, const struct request *r)
{
    char hex[DIGEST_HEX + 1];
    json_key(j, "id");
    json_uint(j, r->id);
    json_put_z(j, "state", request_state_text(r->state));
    json_put_str(j, "subject", r->subject);
    json_put_str(j, "person", r->person);
    json_put_str(j, "on_behalf_of", r->on_behalf_of);
    json_put_str(j, "resource", r->resource);
    put_names(j, "guardrails", r->guardrails);
    json_put_str(j, "message", r->message);
    json_put_str(j, "digest", digest_hex(&r->digest, hex));
    put_time(j, "created", r->created_wall_ns);
    put_time(j, "decide_by", r->decide_by_wall_ns);
    put_time(j, "decided", r->decided_wall_ns);
    put_time(j, "run_by", r->run_by_wall_ns);
}

/* --- Lists ---------------------------------------------------------------------------------- */

/* "pending" or "pending,approved" as bits; empty: all. */
static enum err parse_states(struct str text, uint32_t *ret)
{
    uint32_t states = 0;
    while (text.n != 0) {
        struct str name = text;
        enum request_state s;
        if (!str_cut(text, ',', &name, &text))
            text = (struct str){NULL, 0};
        TRY(request_state_parse(name, &s));
        states |= 1u << s;
    }
    *ret = states;
    return ERR_OK;
}

static enum err parse_filter(const struct http_request *r, struct broker_filter *ret)
{
    struct str state, limit, before;
    uint64_t n = DEFAULT_LIST;
    TRY(http_query_value(r, "state", &state));
    TRY(http_query_value(r, "limit", &limit));
    TRY(http_query_value(r, "before", &before));
    *ret = (struct broker_filter){0};
    TRY(parse_states(state, &ret->states));
    if (limit.n != 0)
        TRY(str_to_u64(limit, &n));
    if (n == 0 || n > LIMIT_LIST)
        return ERR_INVALID;
    ret->limit = (uint32_t)n;
    return before.n != 0 ? str_to_u64(before, &ret->before) : ERR_OK;
}

void api_list_requests(struct api_call *c)
{
    struct broker_filter f;
    const struct request *list;
    size_t n;
    if (parse_filter(c->request, &f) != ERR_OK) {
        reply_error(c, 422, "invalid",
                    "state is a list of states, limit a number from 1 to 1000, before a request "
                    "number; each once",
                    NULL);
        return;
    }
    enum err e = broker_list(c->api->broker, &f, &c->api->arena, &list, &n);
    if (e != ERR_OK) {
        reply_broker_error(c, e, NULL);
        return;
    }
    struct json *j = &c->json;
    json_object_begin(j);
    json_key(j, "requests");
    json_array_begin(j);
    for (size_t i = 0; i < n; i++) {
        if (!may_see(c->api, c->caller.scopes, c->caller.is.person, &list[i]))
            continue;
        json_object_begin(j);
        put_summary(j, &list[i]);
        json_object_end(j);
    }
    json_array_end(j);
    json_key(j, "before");
    if (n == f.limit)
        json_uint(j, list[n - 1].id);
    else
        json_nil(j);
    json_object_end(j);
    reply_json(c, 200);
}

/* --- One request ---------------------------------------------------------------------------- */

static void put_votes(struct json *j, const struct request *r)
{
    json_key(j, "votes");
    json_array_begin(j);
    for (size_t i = 0; i < r->n_votes; i++) {
        const struct vote *v = &r->votes[i];
        json_object_begin(j);
        json_put_str(j, "person", v->person);
        json_put_z(j, "vote", v->kind == VOTE_APPROVE ? "approve" : "reject");
        json_put_str(j, "reason", v->reason);
        json_put_str(j, "via", v->via);
        json_put_str(j, "on_duty", v->on_duty);
        json_put_str(j, "stood_for", v->stood_for);
        put_time(j, "time", v->time_wall_ns);
        put_time(j, "retracted", v->retracted_wall_ns);
        if (v->signature.n != 0) {
            json_put_str(j, "signed", v->signed_text);
            json_put_str(j, "signature", v->signature);
        }
        json_object_end(j);
    }
    json_array_end(j);
}

/* Where people read the ticket that was stated. */
static enum err put_ticket_url(struct api_call *c, const struct request *r)
{
    struct buf url CLEANUP(buf_done) = {0};
    json_t *context = json_loadb(r->context.p, r->context.n, 0, NULL);
    const char *ticket = json_string_value(json_object_get(context, "ticket"));
    enum err e = ERR_OK;
    buf_init(&url, LIMIT_API_BODY);
    if (ticket != NULL && c->api->config->ticket.url.n != 0)
        e = ticket_url(c->api->config->ticket.url, str_trim(str_of(ticket)), &url);
    json_decref(context);
    if (e == ERR_OK)
        json_put_str(&c->json, "ticket_url", buf_view(&url));
    return e;
}

static enum err put_requirements(struct api_call *c, const struct request *r)
{
    const struct broker_requirement *reqs;
    size_t n;
    struct json *j = &c->json;
    TRY(broker_who_may_decide(c->api->broker, r, c->now, &c->api->arena, &reqs, &n));
    json_key(j, "requirements");
    json_array_begin(j);
    for (size_t i = 0; i < n; i++) {
        json_object_begin(j);
        json_put_str(j, "text", reqs[i].text);
        json_put_int(j, "count", reqs[i].count);
        json_put_int(j, "have", reqs[i].have);
        json_put_int(j, "stage", reqs[i].stage);
        json_put_bool(j, "asked", reqs[i].asked);
        json_key(j, "candidates");
        json_array_begin(j);
        for (size_t k = 0; k < reqs[i].n_candidates; k++)
            json_str(j, reqs[i].candidates[k]);
        json_array_end(j);
        json_key(j, "later");
        json_array_begin(j);
        for (size_t k = 0; k < reqs[i].n_later; k++)
            json_str(j, reqs[i].later[k]);
        json_array_end(j);
        put_time(j, "later_at", reqs[i].later_wall_ns);
        json_object_end(j);
    }
    json_array_end(j);
    return ERR_OK;
}

/* How earlier requests of the same shape ended, by state. */
static void put_history(struct json *j, const struct broker_impact *i)
{
    json_key(j, "history");
    if (i->json.n == 0) {
        json_nil(j);
        return;
    }
    json_object_begin(j);
    for (int s = REQUEST_COMPLETED; s < REQUEST_STATE_COUNT_; s++) {
        json_key(j, request_state_text((enum request_state)s));
        json_uint(j, i->ended[s]);
    }
    json_object_end(j);
}

static enum err put_impact(struct api_call *c, const struct request *r)
{
    struct broker_impact i;
    TRY(broker_impact(c->api->broker, r, &c->api->arena, &i));
    put_json(&c->json, "impact", i.json);
    put_history(&c->json, &i);
    return ERR_OK;
}

void api_get_request(struct api_call *c)
{
    struct request r;
    struct json *j = &c->json;
    enum err e = broker_get(c->api->broker, c->id, &c->api->arena, &r);
    if (e == ERR_OK && !may_see(c->api, c->caller.scopes, c->caller.is.person, &r))
        e = ERR_NOT_FOUND; /* not even that it exists */
    if (e == ERR_OK) {
        json_object_begin(j);
        put_summary(j, &r);
        json_put_bool(j, "signed_votes", r.signed_votes);
        json_put_str(j, "policy_version", r.policy_version);
        json_put_str(j, "envelope", r.envelope);
        put_json(j, "context", r.context);
        put_json(j, "explanation", r.explanation);
        put_json(j, "outcome", r.outcome);
        json_put_bool(j, "reason_to_approve", r.quorum.reason_to_approve);
        put_votes(j, &r);
        e = put_grants_of(c, &r);
        if (e == ERR_OK)
            e = put_ticket_url(c, &r);
    }
    if (e == ERR_OK)
        e = put_impact(c, &r);
    if (e == ERR_OK) {
        e = put_requirements(c, &r);
    }
    if (e != ERR_OK) {
        struct broker_error said = {""};
        if (e == ERR_NOT_FOUND)
            snprintf(said.text, sizeof(said.text), "there is no request %llu",
                     (unsigned long long)c->id);
        reply_broker_error(c, e, &said);
        return;
    }
    json_put_bool(j, "may_vote",
                  (c->caller.scopes & SCOPE_APPROVE) != 0 &&
                      broker_may_vote(c->api->broker, &r, c->caller.is.person));
    put_time(j, "now", c->now.wall_ns);
    json_object_end(j);
    reply_json(c, 200);
}

/* --- Votes ---------------------------------------------------------------------------------- */

static void reply_voted(struct api_call *c, const struct broker_voted *voted)
{
    json_object_begin(&c->json);
    json_key(&c->json, "id");
    json_uint(&c->json, c->id);
    json_put_z(&c->json, "state", request_state_text(voted->state));
    json_put_str(&c->json, "missing", voted->missing);
    json_object_end(&c->json);
    reply_json(c, 200);
}

static void vote(struct api_call *c, enum vote_kind kind)
{
    enum { DIGEST, REASON, SIGNATURE, GRANT, USES, FOR };
    struct field fields[] = {
        [DIGEST] = {.name = "digest", .required = true},
        [REASON] = {.name = "reason", .required = kind == VOTE_REJECT},
        [SIGNATURE] = {.name = "signature"},
        [GRANT] = {.name = "grant"},
        [USES] = {.name = "uses"},
        [FOR] = {.name = "for"},
    };
    struct digest digest;
    struct broker_voted voted;
    struct broker_error said = {""};
    /* A rejection grants nothing. */
    if (!call_fields(c, fields, kind == VOTE_APPROVE ? ARRAY_LEN(fields) : GRANT))
        return;
    if (digest_parse(fields[DIGEST].value, &digest) != ERR_OK) {
        reply_error(c, 422, "invalid", "\"digest\" must be 64 hexadecimal digits", NULL);
        return;
    }
    struct broker_ballot ballot = {.kind = kind,
                                   .digest = digest,
                                   .reason = fields[REASON].value,
                                   .signature = fields[SIGNATURE].value};
    if (kind == VOTE_APPROVE &&
        choice_parse(fields[GRANT].value, fields[USES].value, fields[FOR].value, &ballot.grant) != ERR_OK) {
        reply_error(c, 422, "invalid",
                    "\"grant\" is once, shape or session; \"uses\" a number above 0; \"for\" a duration such as 20m",
                    NULL);
        return;
    }
    enum err e = broker_cast(c->api->broker, &c->caller.is, c->id, &ballot, c->now, &c->api->arena,
                             &voted, &said);
    if (e != ERR_OK) {
        reply_broker_error(c, e, &said);
        return;
    }
    reply_voted(c, &voted);
}

void api_retract(struct api_call *c)
{
    struct field reason = {.name = "reason"};
    struct broker_voted voted;
    struct broker_error said = {""};
    if (!call_fields(c, &reason, 1))
        return;
    enum err e = broker_retract(c->api->broker, &c->caller.is, c->id, reason.value, c->now,
                                &c->api->arena, &voted, &said);
    if (e == ERR_OK)
        reply_voted(c, &voted);
    else
        reply_broker_error(c, e, &said);
}

void api_approve(struct api_call *c)
{
    vote(c, VOTE_APPROVE);
}

void api_reject(struct api_call *c)
{
    vote(c, VOTE_REJECT);
}

void api_withdraw(struct api_call *c)
{
    struct field reason = {.name = "reason"};
    struct broker_error said = {""};
    if (!call_fields(c, &reason, 1))
        return;
    enum err e = broker_withdraw(c->api->broker, &c->caller.is, c->id, reason.value, c->now, &said);
    if (e != ERR_OK) {
        reply_broker_error(c, e, &said);
        return;
    }
    json_object_begin(&c->json);
    json_key(&c->json, "id");
    json_uint(&c->json, c->id);
    json_put_z(&c->json, "state", request_state_text(REQUEST_WITHDRAWN));
    json_object_end(&c->json);
    reply_json(c, 200);
}
