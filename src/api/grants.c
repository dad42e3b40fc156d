/* Grants that outlive one run: what a request lets people grant, the list, revocation. */
#include "api/internal.h"

#include "base/limits.h"

enum err choice_parse(struct str kind, struct str uses, struct str time, struct grant_choice *ret)
{
    struct grant_choice c = {.kind = GRANT_ONCE};
    uint64_t n = 0;
    if (kind.n != 0)
        TRY(grant_kind_parse(kind, &c.kind));
    if (uses.n != 0 && (str_to_u64(uses, &n) != ERR_OK || n == 0 || n > LIMIT_GRANT_USES))
        return ERR_INVALID;
    c.uses = (uint32_t)n;
    if (time.n != 0 && (duration_parse(time, &c.for_ns) != ERR_OK || c.for_ns < NS_PER_S))
        return ERR_INVALID;
    *ret = c;
    return ERR_OK;
}

static void put_kinds(struct json *j, uint32_t kinds)
{
    static const enum grant_kind all[] = {GRANT_SHAPE, GRANT_SESSION};
    json_key(j, "kinds");
    json_array_begin(j);
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if ((kinds & all[i]) != 0)
            json_str(j, str_of(grant_kind_text(all[i])));
    json_array_end(j);
}

/* null: no bound. */
static void put_uses(struct json *j, uint32_t uses)
{
    json_key(j, "uses");
    if (uses != 0)
        json_int(j, uses);
    else
        json_nil(j);
}

enum err put_grants_of(struct api_call *c, const struct request *r)
{
    struct broker_terms t;
    struct json *j = &c->json;
    TRY(broker_request_terms(c->api->broker, r->id, &c->api->arena, &t));
    json_put_z(j, "bypass", r->bypass == BYPASS_GRANT   ? "grant"
                            : r->bypass == BYPASS_GLASS ? "break_glass"
                                                        : NULL);
    json_key(j, "grant");
    json_object_begin(j);
    put_kinds(j, t.terms.kinds);
    put_uses(j, t.terms.uses);
    json_put_int(j, "max_seconds", t.terms.max_ns / NS_PER_S);
    json_put_str(j, "shape", t.shape_text);
    json_put_str(j, "session", t.session);
    json_object_end(j);
    json_key(j, "counts_on");
    json_array_begin(j);
    for (size_t i = 0; i < t.n_counts_on; i++)
        json_uint(j, t.counts_on[i]);
    json_array_end(j);
    return ERR_OK;
}

static void put_grant(struct json *j, const struct broker_grant *b)
{
    const struct grant *g = &b->grant;
    json_object_begin(j);
    json_key(j, "id");
    json_uint(j, g->id);
    json_key(j, "request");
    json_uint(j, g->request);
    json_put_z(j, "state", b->answer);
    json_put_bool(j, "in_force", b->in_force);
    put_kinds(j, g->kinds);
    json_put_str(j, "subject", g->subject);
    json_put_str(j, "resource", g->resource);
    json_put_str(j, "guardrails", g->guardrails);
    json_put_str(j, "shape", (g->kinds & GRANT_SHAPE) != 0 ? g->shape_text : STR(""));
    json_put_str(j, "session", (g->kinds & GRANT_SESSION) != 0 ? g->session : STR(""));
    put_uses(j, g->uses);
    json_put_int(j, "used", g->used);
    json_put_int(j, "reserved", b->reserved);
    put_time(j, "created", g->created_wall_ns);
    put_time(j, "expires", g->expires_wall_ns);
    put_time(j, "revoked", g->revoked_wall_ns);
    json_put_str(j, "revoked_by", g->revoked_by);
    json_put_str(j, "revoked_why", g->revoked_why);
    json_object_end(j);
}

void api_list_grants(struct api_call *c)
{
    const struct broker_grant *list;
    struct str all;
    size_t n;
    if (http_query_value(c->request, "all", &all) != ERR_OK || (all.n != 0 && !str_is(all, "true"))) {
        reply_error(c, 422, "invalid", "all is true, or left out", NULL);
        return;
    }
    enum err e = broker_grant_list(c->api->broker, all.n != 0, c->now, &c->api->arena, &list, &n);
    if (e != ERR_OK) {
        reply_broker_error(c, e, NULL);
        return;
    }
    json_object_begin(&c->json);
    json_key(&c->json, "grants");
    json_array_begin(&c->json);
    for (size_t i = 0; i < n; i++)
        if (call_may_see(c, list[i].grant.request))
            put_grant(&c->json, &list[i]);
    json_array_end(&c->json);
    json_object_end(&c->json);
    reply_json(c, 200);
}

void api_revoke_grant(struct api_call *c)
{
    struct field reason = {.name = "reason"};
    struct broker_error said = {""};
    if (!call_fields(c, &reason, 1))
        return;
    enum err e = broker_grant_revoke(c->api->broker, &c->caller.is, c->id, reason.value, c->now, &said);
    if (e != ERR_OK) {
        reply_broker_error(c, e, &said);
        return;
    }
    json_object_begin(&c->json);
    json_key(&c->json, "id");
    json_uint(&c->json, c->id);
    json_put_z(&c->json, "state", "revoked");
    json_object_end(&c->json);
    reply_json(c, 200);
}
