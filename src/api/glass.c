/* Break-glass, its second factors and its reviews. */
#include "api/internal.h"

#include "base/limits.h"

static void reply_state(struct api_call *c, const char *state)
{
    json_object_begin(&c->json);
    json_key(&c->json, "id");
    json_uint(&c->json, c->id);
    json_put_z(&c->json, "state", state);
    json_object_end(&c->json);
    reply_json(c, 200);
}

void api_break_glass(struct api_call *c)
{
    enum { DIGEST, REASON, CODE };
    struct field fields[] = {
        [DIGEST] = {.name = "digest", .required = true},
        [REASON] = {.name = "reason", .required = true},
        [CODE] = {.name = "code", .required = true},
    };
    struct digest digest;
    struct broker_error said = {""};
    if (!call_fields(c, fields, ARRAY_LEN(fields)))
        return;
    if (digest_parse(fields[DIGEST].value, &digest) != ERR_OK) {
        reply_error(c, 422, "invalid", "\"digest\" must be 64 hexadecimal digits", NULL);
        return;
    }
    enum err e = broker_break_glass(c->api->broker, &c->caller.is, c->id, &digest, fields[REASON].value,
                                    fields[CODE].value, c->now, &said);
    if (e != ERR_OK)
        reply_broker_error(c, e, &said);
    else
        reply_state(c, request_state_text(REQUEST_APPROVED));
}

void api_review(struct api_call *c)
{
    struct field reason = {.name = "reason", .required = true};
    struct broker_error said = {""};
    if (!call_fields(c, &reason, 1))
        return;
    enum err e = broker_review(c->api->broker, &c->caller.is, c->id, reason.value, c->now, &said);
    if (e != ERR_OK)
        reply_broker_error(c, e, &said);
    else
        reply_state(c, "reviewed");
}

static void put_review(struct json *j, const struct broker_reviewed *r, int64_t now)
{
    bool open = r->reviewed_wall_ns == 0;
    json_object_begin(j);
    json_key(j, "request");
    json_uint(j, r->request);
    json_put_str(j, "person", r->person);
    json_put_str(j, "reason", r->reason);
    json_put_str(j, "second_factor", r->factor);
    json_put_z(j, "state", !open ? "reviewed" : r->due_wall_ns <= now ? "overdue" : "due");
    put_time(j, "broken", r->broken_wall_ns);
    put_time(j, "due", r->due_wall_ns);
    put_time(j, "reviewed", r->reviewed_wall_ns);
    json_put_str(j, "reviewer", r->reviewer);
    json_put_str(j, "note", r->note);
    json_object_end(j);
}

void api_list_reviews(struct api_call *c)
{
    const struct broker_reviewed *list;
    size_t n;
    enum err e = broker_review_list(c->api->broker, &c->api->arena, &list, &n);
    if (e != ERR_OK) {
        reply_broker_error(c, e, NULL);
        return;
    }
    json_object_begin(&c->json);
    json_key(&c->json, "reviews");
    json_array_begin(&c->json);
    for (size_t i = 0; i < n; i++)
        if (call_may_see(c, list[i].request))
            put_review(&c->json, &list[i], c->now.wall_ns);
    json_array_end(&c->json);
    json_object_end(&c->json);
    reply_json(c, 200);
}

typedef enum err hand_out_fn(struct broker *b, const struct broker_caller *caller, struct str person,
                             struct moment now, struct buf *ret, struct broker_error *said);

static void hand_out(struct api_call *c, const char *member, hand_out_fn *make)
{
    struct field person = {.name = "person", .required = true};
    struct broker_error said = {""};
    struct buf text;
    if (!call_fields(c, &person, 1))
        return;
    buf_init(&text, 4 * KIB);
    enum err e = make(c->api->broker, &c->caller.is, person.value, c->now, &text, &said);
    if (e != ERR_OK) {
        reply_broker_error(c, e, &said);
    } else {
        json_object_begin(&c->json);
        json_put_str(&c->json, "person", person.value);
        json_put_str(&c->json, member, buf_view(&text));
        json_object_end(&c->json);
        reply_json(c, 201);
    }
    buf_wipe(&text);
}

void api_enroll_totp(struct api_call *c)
{
    hand_out(c, "uri", broker_totp_enroll);
}

void api_seal(struct api_call *c)
{
    hand_out(c, "token", broker_seal);
}
