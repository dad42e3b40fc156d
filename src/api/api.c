#include "api/internal.h"
#include "api/oidc.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"

/* --- Answers -------------------------------------------------------------------------------- */

void reply_bytes(struct api_call *c, int status, struct str type, struct str body)
{
    struct str extra = status == 401 ? STR("Cache-Control: no-store\r\n"
                                           "WWW-Authenticate: Bearer realm=\"countersign\"\r\n")
                                     : STR("Cache-Control: no-store\r\n");
    http_respond(c->http, &(struct http_response){
                              .status = status, .type = type, .extra = extra, .body = body});
}

void reply_json(struct api_call *c, int status)
{
    if (json_end(&c->json) != ERR_OK) {
        reply_error(c, 500, "internal", "the answer could not be written", NULL);
        return;
    }
    reply_bytes(c, status, STR("application/json"), buf_view(&c->api->body));
}

void reply_error(struct api_call *c, int status, const char *code, const char *message,
                 const char *hint)
{
    buf_clear(&c->api->body);
    json_init(&c->json, &c->api->body);
    json_object_begin(&c->json);
    json_key(&c->json, "error");
    json_object_begin(&c->json);
    json_put_z(&c->json, "code", code);
    json_put_z(&c->json, "message", message);
    if (hint != NULL)
        json_put_z(&c->json, "hint", hint);
    json_object_end(&c->json);
    json_object_end(&c->json);
    struct str body =
        json_end(&c->json) == ERR_OK ? buf_view(&c->api->body) : STR("{\"error\":{}}");
    reply_bytes(c, status, STR("application/json"), body);
}

static const struct {
    enum err e;
    int status;
    const char *code, *message, *hint;
} broker_errors[] = {
    {ERR_NOT_FOUND, 404, "not_found", "there is no such thing", NULL},
    {ERR_STALE, 409, "digest_mismatch", "the digest is not that of this request",
     "look at the request again, then vote with the digest you were shown"},
    {ERR_BAD_STATE, 409, "already_decided", "the request is no longer pending", NULL},
    {ERR_EXISTS, 409, "already_voted", "you have voted on this request", NULL},
    {ERR_FORBIDDEN, 403, "forbidden", "you may not do this", NULL},
    {ERR_INVALID, 422, "invalid", "a value is not as it must be", NULL},
    {ERR_LIMIT, 429, "limit", "a limit was reached", NULL},
    {ERR_IO, 503, "unavailable", "it could not be stored or recorded, so it did not happen",
     "GET /healthz says what is broken"},
    {ERR_CORRUPT, 503, "unavailable", "what is stored does not verify", NULL},
};

void reply_broker_error(struct api_call *c, enum err e, const struct broker_error *said)
{
    const char *text = said != NULL && said->text[0] != '\0' ? said->text : NULL;
    for (size_t i = 0; i < ARRAY_LEN(broker_errors); i++)
        if (broker_errors[i].e == e) {
            reply_error(c, broker_errors[i].status, broker_errors[i].code,
                        text != NULL ? text : broker_errors[i].message, broker_errors[i].hint);
            return;
        }
    reply_error(c, 500, "internal", text != NULL ? text : err_text(e), NULL);
}

void put_time(struct json *j, const char *key, int64_t wall_ns)
{
    char text[CLOCK_TEXT];
    json_key(j, key);
    if (wall_ns == 0)
        json_nil(j);
    else
        json_str(j, clock_text(wall_ns, text));
}

/* --- Bodies --------------------------------------------------------------------------------- */

static bool is_json_type(struct str type)
{
    struct str first, parameters;
    if (str_cut(type, ';', &first, &parameters))
        type = str_trim(first);
    return str_eq_ascii_nocase(type, STR("application/json"));
}

static struct field *find_field(struct field *fields, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

static bool invalid(struct api_call *c, const char *name, const char *what)
{
    char text[128];
    snprintf(text, sizeof(text), "\"%.40s\" %s", name, what);
    reply_error(c, 422, "invalid", text, NULL);
    return false;
}

static bool parse_body(struct api_call *c)
{
    json_error_t why;
    struct str body = c->request->body;
    if (!is_json_type(http_header_value(c->request, "Content-Type"))) {
        reply_error(c, 415, "unsupported_media_type", "the body must be application/json", NULL);
        return false;
    }
    c->sent = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(c->sent)) {
        reply_error(c, 400, "invalid_json", "the body must be one JSON object, no member twice",
                    NULL);
        return false;
    }
    return true;
}

bool call_fields(struct api_call *c, struct field *fields, size_t n)
{
    const char *name;
    json_t *value;
    if (c->request->body.n != 0 && !parse_body(c))
        return false;
    if (c->sent != NULL)
        json_object_foreach(c->sent, name, value)
        {
            struct field *f = find_field(fields, n, name);
            if (f == NULL)
                return invalid(c, name, "is no member of this body");
            if (!json_is_string(value))
                return invalid(c, name, "must be a string");
            f->value = str_from(json_string_value(value), json_string_length(value));
        }
    for (size_t i = 0; i < n; i++)
        if (fields[i].required && fields[i].value.n == 0)
            return invalid(c, fields[i].name, "is needed");
    return true;
}

/* --- Calls ---------------------------------------------------------------------------------- */

static size_t body_limit(void *ctx UNUSED, const struct http_request *head)
{
    return head->method == METHOD_POST ? LIMIT_API_BODY : 0;
}

static void call_begin(struct api *a, struct http_call *http, const struct http_request *r,
                       struct api_call *ret)
{
    *ret = (struct api_call){.api = a, .http = http, .request = r, .now = clock_now()};
    arena_reset(&a->arena);
    buf_clear(&a->body);
    json_init(&ret->json, &a->body);
}

/* A browser says where a changing call came from (RFC 6454): only from here. */
static bool is_cross_site(const struct http_request *r)
{
    struct str origin = http_header_value(r, "Origin"), host;
    if (origin.p == NULL || r->method == METHOD_GET || r->method == METHOD_HEAD)
        return false;
    for (size_t i = 0; i < 2; i++) {
        struct str scheme = i == 0 ? STR("http://") : STR("https://");
        host = str_starts(origin, scheme) ? str_from(origin.p + scheme.n, origin.n - scheme.n)
                                          : (struct str){NULL, 0};
        if (host.n != 0 && str_eq_ascii_nocase(host, r->host))
            return false;
    }
    return true;
}

static void reply_no_route(struct api_call *c, unsigned allowed)
{
    if (allowed == 0) {
        reply_error(c, 404, "not_found", "there is nothing at this path",
                    "GET /openapi.json describes every path");
        return;
    }
    char text[96] = "this path only takes";
    for (unsigned m = METHOD_GET; m <= METHOD_OPTIONS; m++)
        if ((allowed & 1u << m) != 0) {
            size_t used = strlen(text);
            snprintf(text + used, sizeof(text) - used, " %s",
                     http_method_text((enum http_method)m));
        }
    reply_error(c, 405, "method_not_allowed", text, NULL);
}

static void run_route(struct api_call *c, const struct route *r)
{
    if (r->scope != SCOPE_NONE && !call_authenticate(c))
        return;
    if (r->scope != SCOPE_NONE && (c->caller.scopes & r->scope) == 0) {
        reply_error(c, 403, "forbidden",
                    r->scope == SCOPE_ADMIN ? "only an admin or the operator may do this"
                                            : "this token does not carry the right to do this",
                    r->scope == SCOPE_ADMIN
                        ? "ask somebody with `admin: true` in `people:`, or root on the "
                          "gateway's machine"
                        : "`countersign user token` makes one with another --scope");
        return;
    }
    r->handler(c);
}

static void on_request(void *ctx, struct http_call *http, const struct http_request *r)
{
    struct api_call c;
    unsigned allowed;
    call_begin(ctx, http, r, &c);
    const struct route *route = api_route(r->method, r->path, &c.id, &allowed);
    if (route == NULL)
        reply_no_route(&c, allowed);
    else if (is_cross_site(r))
        reply_error(&c, 403, "cross_site", "this call comes from another site", NULL);
    else
        run_route(&c, route);
    json_decref(c.sent);
}

static void on_refused(void *ctx, struct http_call *http, struct http_refusal why)
{
    struct api_call c;
    call_begin(ctx, http, NULL, &c);
    reply_error(&c, why.status, why.status == 503 ? "too_many_connections" : "bad_request", why.why,
                NULL);
}

static const struct http_ops ops = {
    .body_limit = body_limit,
    .request = on_request,
    .refused = on_refused,
};

/* --- Life ----------------------------------------------------------------------------------- */

enum err api_start(struct loop *l, struct broker *b, const struct config *c, struct api **ret)
{
    struct api *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return ERR_NOMEM;
    *a = (struct api){.loop = l, .broker = b, .config = c};
    arena_init(&a->arena, LIMIT_API_ARENA);
    buf_init(&a->body, LIMIT_HTTP_UNSENT / 2);
    enum err e = http_server_new(l, &ops, a, http_limits_default(), &a->server);
    if (e == ERR_OK)
        e = events_new(a, &a->events);
    if (e == ERR_OK)
        e = oidc_new(a, &a->oidc);
    if (e != ERR_OK) {
        api_stop(a);
        return e;
    }
    *ret = a;
    return ERR_OK;
}

enum err api_listen(struct api *a, int fd)
{
    return http_server_listen(a->server, fd);
}

void api_set_owner(struct api *a, const struct api_owner *owner, void *ctx)
{
    a->owner = owner;
    a->owner_ctx = ctx;
}

void api_set_config(struct api *a, const struct config *c)
{
    a->config = c;
    events_end_all(a->events);
}

void api_stop(struct api *a)
{
    if (a == NULL)
        return;
    http_server_free(a->server);
    events_free(a->events);
    oidc_free(a->oidc);
    arena_done(&a->arena);
    buf_done(&a->body);
    free(a);
}
