#include "api/internal.h"

#include "base/limits.h"

void api_create_delegation(struct api_call *c)
{
    enum { TO, WITHIN, REASON };
    struct field fields[] = {
        [TO] = {.name = "to", .required = true},
        [WITHIN] = {.name = "within", .required = true},
        [REASON] = {.name = "reason"},
    };
    struct broker_error said = {""};
    int64_t within = 0;
    uint64_t id;
    if (!call_fields(c, fields, ARRAY_LEN(fields)))
        return;
    if (duration_parse(fields[WITHIN].value, &within) != ERR_OK) {
        reply_error(c, 422, "invalid", "\"within\" is a duration up to 90d, such as \"8h\"", NULL);
        return;
    }
    enum err e = broker_delegate(c->api->broker, &c->caller.is, fields[TO].value, within,
                                 fields[REASON].value, c->now, &id, &said);
    if (e != ERR_OK) {
        reply_broker_error(c, e, &said);
        return;
    }
    json_object_begin(&c->json);
    json_key(&c->json, "id");
    json_uint(&c->json, id);
    json_put_str(&c->json, "from", c->caller.is.person);
    json_put_str(&c->json, "to", fields[TO].value);
    put_time(&c->json, "until", c->now.wall_ns + within);
    json_object_end(&c->json);
    reply_json(c, 201);
}

/* Who is away and why is for the two, and for who sees everything. */
static bool concerns(const struct api_call *c, const struct broker_delegation *d)
{
    return (c->caller.scopes & SCOPE_AUDIT) != 0 || str_eq(d->from, c->caller.is.person) ||
           str_eq(d->to, c->caller.is.person);
}

void api_list_delegations(struct api_call *c)
{
    const struct broker_delegation *list;
    size_t n;
    struct json *j = &c->json;
    enum err e = broker_delegations(c->api->broker, c->now, &c->api->arena, &list, &n);
    if (e != ERR_OK) {
        reply_broker_error(c, e, NULL);
        return;
    }
    json_object_begin(j);
    json_key(j, "delegations");
    json_array_begin(j);
    for (size_t i = 0; i < n; i++) {
        if (!concerns(c, &list[i]))
            continue;
        json_object_begin(j);
        json_key(j, "id");
        json_uint(j, list[i].id);
        json_put_str(j, "from", list[i].from);
        json_put_str(j, "to", list[i].to);
        json_put_str(j, "reason", list[i].reason);
        put_time(j, "created", list[i].created_wall_ns);
        put_time(j, "until", list[i].until_wall_ns);
        json_object_end(j);
    }
    json_array_end(j);
    json_object_end(j);
    reply_json(c, 200);
}

void api_revoke_delegation(struct api_call *c)
{
    struct broker_error said = {""};
    enum err e = broker_delegation_revoke(c->api->broker, &c->caller.is, c->id, c->now, &said);
    if (e != ERR_OK)
        reply_broker_error(c, e, &said);
    else
        reply_bytes(c, 204, STR(""), STR(""));
}
