/* The log, as its operator changes it. Reading it takes no gateway (docs/audit-format.md). */
#include "api/internal.h"

static void reply_change(struct api_call *c, const struct broker_log_change *done)
{
    json_object_begin(&c->json);
    json_key(&c->json, "record");
    json_uint(&c->json, done->seq);
    json_key(&c->json, "members");
    json_uint(&c->json, done->members);
    json_object_end(&c->json);
    reply_json(c, 200);
}

void api_erase(struct api_call *c)
{
    struct field reason = {.name = "reason", .required = true};
    struct broker_error said = {""};
    struct broker_log_change done;
    if (!call_fields(c, &reason, 1))
        return;
    enum err e = broker_erase(c->api->broker, &c->caller.is, c->id, reason.value, c->now, &done, &said);
    if (e != ERR_OK)
        reply_broker_error(c, e, &said);
    else
        reply_change(c, &done);
}

void api_rotate_key(struct api_call *c)
{
    struct broker_error said = {""};
    struct broker_log_change done;
    if (!call_fields(c, NULL, 0))
        return;
    enum err e = broker_rotate_key(c->api->broker, &c->caller.is, c->now, &done, &said);
    if (e != ERR_OK)
        reply_broker_error(c, e, &said);
    else
        reply_change(c, &done);
}
