#include "api/internal.h"

#include "base/limits.h"

void api_create_token(struct api_call *c)
{
    enum { PERSON, LABEL, SCOPE, EXPIRES };
    struct field fields[] = {
        [PERSON] = {.name = "person", .required = true},
        [LABEL] = {.name = "label"},
        [SCOPE] = {.name = "scope", .value = STR("act approve")},
        [EXPIRES] = {.name = "expires_in"},
    };
    char text[BROKER_TOKEN_TEXT];
    struct broker_error said = {""};
    int64_t within = 0;
    uint64_t id;
    uint32_t scopes;
    if (!call_fields(c, fields, ARRAY_LEN(fields)))
        return;
    if (scopes_parse(fields[SCOPE].value, &scopes) != ERR_OK) {
        reply_error(c, 422, "invalid", "\"scope\" is made of the words act, approve, audit and admin",
                    NULL);
        return;
    }
    if (fields[EXPIRES].value.n != 0 &&
        (duration_parse(fields[EXPIRES].value, &within) != ERR_OK || within == 0)) {
        reply_error(c, 422, "invalid", "\"expires_in\" is a duration up to 366d, such as \"30d\"",
                    NULL);
        return;
    }
    int64_t expires = within != 0 ? c->now.wall_ns + within : 0;
    enum err e =
        broker_token_create(c->api->broker, &c->caller.is, fields[PERSON].value,
                            fields[LABEL].value, scopes, expires, c->now, text, &id, &said);
    if (e != ERR_OK) {
        reply_broker_error(c, e, &said);
        return;
    }
    json_object_begin(&c->json);
    json_key(&c->json, "id");
    json_uint(&c->json, id);
    json_put_str(&c->json, "person", fields[PERSON].value);
    json_put_str(&c->json, "label", fields[LABEL].value);
    put_scopes(&c->json, scopes);
    put_time(&c->json, "expires", expires);
    json_put_z(&c->json, "token", text);
    json_object_end(&c->json);
    reply_json(c, 201);
    explicit_bzero(text, sizeof(text));
    buf_wipe(&c->api->body);
}

static const char *token_state(const struct broker_token *t, int64_t now)
{
    if (t->revoked_wall_ns != 0)
        return "revoked";
    return t->expires_wall_ns != 0 && t->expires_wall_ns <= now ? "expired" : "valid";
}

/* Everybody's for an admin or the operator, else one's own. */
void api_list_tokens(struct api_call *c)
{
    const struct broker_token *list;
    size_t n;
    struct json *j = &c->json;
    enum err e = broker_token_list(c->api->broker, &c->api->arena, &list, &n);
    if (e != ERR_OK) {
        reply_broker_error(c, e, NULL);
        return;
    }
    json_object_begin(j);
    json_key(j, "tokens");
    json_array_begin(j);
    for (size_t i = 0; i < n; i++) {
        if ((c->caller.scopes & SCOPE_ADMIN) == 0 && !str_eq(list[i].person, c->caller.is.person))
            continue;
        json_object_begin(j);
        json_key(j, "id");
        json_uint(j, list[i].id);
        json_put_str(j, "person", list[i].person);
        json_put_str(j, "label", list[i].label);
        put_scopes(j, list[i].scopes);
        json_put_z(j, "state", token_state(&list[i], c->now.wall_ns));
        put_time(j, "created", list[i].created_wall_ns);
        put_time(j, "expires", list[i].expires_wall_ns);
        put_time(j, "revoked", list[i].revoked_wall_ns);
        json_object_end(j);
    }
    json_array_end(j);
    json_object_end(j);
    reply_json(c, 200);
}

/* True where token `id` is the caller's own. */
static bool is_own(struct api_call *c, uint64_t id)
{
    const struct broker_token *list;
    size_t n;
    if (broker_token_list(c->api->broker, &c->api->arena, &list, &n) != ERR_OK)
        return false;
    for (size_t i = 0; i < n; i++)
        if (list[i].id == id)
            return c->caller.is.person.n != 0 && str_eq(list[i].person, c->caller.is.person);
    return false;
}

void api_revoke_token(struct api_call *c)
{
    struct broker_error said = {""};
    /* The broker knows what the person may do, but not how little this token may. */
    if ((c->caller.scopes & SCOPE_ADMIN) == 0 && !is_own(c, c->id)) {
        reply_error(c, 403, "forbidden", "only its owner, an admin or the operator revokes a token",
                    NULL);
        return;
    }
    enum err e = broker_token_revoke(c->api->broker, &c->caller.is, c->id, c->now, &said);
    if (e != ERR_OK) {
        reply_broker_error(c, e, &said);
        return;
    }
    events_end_all(c->api->events);
    reply_bytes(c, 204, STR(""), STR(""));
}
