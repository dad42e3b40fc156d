/* Logging in with the identity provider: for the command line, and for a page by cookies. Nobody is known yet,
 * so what names an attempt is a secret that only whoever began it has. */
#include "api/oidc.h"

#include <stdio.h>

#include "base/limits.h"

static void reply_begin_error(struct api_call *c, enum err e)
{
    if (e == ERR_UNSUPPORTED)
        reply_error(c, 409, "no_provider", "this gateway knows no identity provider",
                    "set `oidc:` in countersign.yaml, or use a token: countersign user token NAME");
    else if (e == ERR_INVALID)
        reply_error(c, 422, "invalid", "\"redirect_uri\" must be http://127.0.0.1:PORT/callback", NULL);
    else if (e == ERR_LIMIT)
        reply_error(c, 429, "limit", "too many logins are open: try again in some minutes", NULL);
    else
        reply_broker_error(c, e, NULL);
}

void api_begin_login(struct api_call *c)
{
    struct field uri = {.name = "redirect_uri", .required = true};
    char id[OIDC_ID];
    if (!call_fields(c, &uri, 1))
        return;
    enum err e = oidc_begin(c->api->oidc, uri.value, id);
    if (e != ERR_OK) {
        reply_begin_error(c, e);
        return;
    }
    json_object_begin(&c->json);
    json_put_z(&c->json, "login", id);
    json_object_end(&c->json);
    reply_json(c, 201);
}

static void reply_attempt(struct api_call *c, const struct oidc_attempt *x)
{
    static const char *const words[] = {[OIDC_PREPARING] = "preparing", [OIDC_WAITING] = "waiting",
                                        [OIDC_EXCHANGING] = "exchanging", [OIDC_DONE] = "done"};
    struct json *j = &c->json;
    json_object_begin(j);
    json_put_z(j, "state", words[x->state]);
    if (x->state == OIDC_WAITING)
        json_put_str(j, "url", x->url);
    if (x->state == OIDC_DONE) {
        json_put_str(j, "person", x->person);
        json_put_str(j, "token", x->token);
    }
    json_object_end(j);
    reply_json(c, 200);
    buf_wipe(&c->api->body);
}

void api_poll_login(struct api_call *c)
{
    enum { LOGIN, CODE, STATE };
    struct field fields[] = {
        [LOGIN] = {.name = "login", .required = true}, [CODE] = {.name = "code"}, [STATE] = {.name = "state"}};
    struct oidc_attempt x;
    if (!call_fields(c, fields, ARRAY_LEN(fields)))
        return;
    enum err e = oidc_go_on(c->api->oidc, fields[LOGIN].value, fields[CODE].value, fields[STATE].value, &x);
    if (e == ERR_NOT_FOUND)
        reply_error(c, 404, "not_found", "there is no such login (any more)", "begin again: countersign login");
    else if (e == ERR_FORBIDDEN)
        reply_error(c, 403, "forbidden", "this answer belongs to another login", NULL);
    else if (e != ERR_OK)
        reply_broker_error(c, e, NULL);
    else if (x.state == OIDC_FAILED && x.unreachable)
        reply_error(c, 503, "provider_unavailable", x.why.p,
                    "tokens of the gateway's own work all the same: countersign user token NAME");
    else if (x.state == OIDC_FAILED)
        reply_error(c, 403, "login_refused", x.why.p, NULL);
    else
        reply_attempt(c, &x);
}

/* --- The page --------------------------------------------------------------------------------- */

#define LOGIN_COOKIE "countersign_login"

/* HttpOnly: no script reads it. Strict: no other site makes a browser send it; Lax where the provider sends
 * the browser back here. */
static int put_cookie(struct api_call *c, char *out, size_t size, const char *name, struct str value,
                      const char *same_site, long max_age)
{
    bool secure = str_starts(c->api->config->api_url, STR("https://"));
    return snprintf(out, size, "Set-Cookie: %s=%.*s; Path=/; HttpOnly; SameSite=%s; Max-Age=%ld%s\r\n", name,
                    STR_FMT(value), same_site, max_age, secure ? "; Secure" : "");
}

struct str call_cookie(const struct http_request *r, const char *name)
{
    struct str all = http_header_value(r, "Cookie");
    while (all.n != 0) {
        struct str pair = all, key, value;
        if (!str_cut(all, ';', &pair, &all))
            all = (struct str){NULL, 0};
        if (str_cut(str_trim(pair), '=', &key, &value) && str_is(key, name))
            return value;
    }
    return (struct str){NULL, 0};
}

static void reply_page(struct api_call *c, int status, const char *headers, const char *text)
{
    char extra[8192];
    snprintf(extra, sizeof(extra), "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n%s", headers);
    http_respond(c->http, &(struct http_response){.status = status,
                                                  .type = STR("text/plain; charset=utf-8"),
                                                  .extra = str_of(extra),
                                                  .body = str_of(text)});
}

/* Begins an attempt and goes on at the callback, with its name in a cookie. */
void api_login_page(struct api_call *c)
{
    char id[OIDC_ID], cookie[512], headers[600];
    struct str uri;
    enum err e = c->api->config->api_url.n != 0
                     ? arena_printf(&c->api->arena, &uri, "%.*s/v1/callback", STR_FMT(c->api->config->api_url))
                     : ERR_UNSUPPORTED;
    if (e == ERR_OK)
        e = oidc_begin(c->api->oidc, uri, id);
    if (e != ERR_OK) {
        reply_page(c, e == ERR_UNSUPPORTED ? 409 : 503, "",
                   "There is no login here: the gateway needs `oidc:` and `api_url:` in its configuration.\n");
        return;
    }
    put_cookie(c, cookie, sizeof(cookie), LOGIN_COOKIE, str_of(id), "Lax", LIMIT_OIDC_ATTEMPT_MS / 1000);
    snprintf(headers, sizeof(headers), "%sLocation: /v1/callback\r\n", cookie);
    reply_page(c, 303, headers, "");
}

static int hex_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* A parameter of the query, decoded into the arena; empty where it is missing or malformed. */
static struct str parameter(struct api_call *c, const char *name)
{
    struct str none = {NULL, 0}, raw;
    if (http_query_value(c->request, name, &raw) != ERR_OK || raw.n == 0)
        return none;
    char *out = arena_alloc(&c->api->arena, raw.n);
    size_t n = 0;
    if (out == NULL)
        return none;
    for (size_t i = 0; i < raw.n; i++) {
        char ch = raw.p[i];
        if (ch == '%') {
            int high = i + 2 < raw.n ? hex_of(raw.p[i + 1]) : -1, low = high >= 0 ? hex_of(raw.p[i + 2]) : -1;
            if (low < 0)
                return none;
            ch = (char)(high << 4 | low);
            i += 2;
        }
        out[n++] = ch;
    }
    return str_from(out, n);
}

static void reply_let_in(struct api_call *c, const struct oidc_attempt *x)
{
    char session[512], login[256], headers[1024];
    long life = (long)(c->api->config->oidc.token_life_ns / NS_PER_S);
    put_cookie(c, session, sizeof(session), SESSION_COOKIE, x->token, "Strict", life);
    put_cookie(c, login, sizeof(login), LOGIN_COOKIE, STR(""), "Lax", 0);
    /* From a page of our own: a Strict cookie does not go along with what another site began. */
    snprintf(headers, sizeof(headers), "%s%sRefresh: 0; url=/\r\n", session, login);
    reply_page(c, 200, headers, "You are logged in.\n");
}

void api_login_callback(struct api_call *c)
{
    struct str id = call_cookie(c->request, LOGIN_COOKIE);
    struct oidc_attempt x;
    char headers[LIMIT_FETCH_URL - 512];
    bool refused = parameter(c, "error").n != 0;
    enum err e = id.n != 0 && !refused
                     ? oidc_go_on(c->api->oidc, id, parameter(c, "code"), parameter(c, "state"), &x)
                     : ERR_NOT_FOUND;
    if (e != ERR_OK) {
        reply_page(c, 403, "", refused ? "The identity provider refused the login.\n"
                                       : "This login is over, or it began elsewhere. Begin again: /v1/login\n");
        return;
    }
    int n = 0;
    switch (x.state) {
    case OIDC_PREPARING:
    case OIDC_EXCHANGING:
        reply_page(c, 200, "Refresh: 1; url=/v1/callback\r\n", "One moment.\n");
        break;
    case OIDC_WAITING:
        n = snprintf(headers, sizeof(headers), "Location: %.*s\r\n", STR_FMT(x.url));
        if (n > 0 && (size_t)n < sizeof(headers))
            reply_page(c, 303, headers, "");
        else
            reply_page(c, 503, "", "The identity provider's address is too long.\n");
        break;
    case OIDC_DONE:
        reply_let_in(c, &x);
        break;
    case OIDC_FAILED:
        reply_page(c, x.unreachable ? 503 : 403, "", x.why.p);
        break;
    }
}

/* The session's token ends with it. */
void api_logout(struct api_call *c)
{
    char cookie[256], headers[512];
    struct broker_error said = {""};
    struct str token = call_cookie(c->request, SESSION_COOKIE);
    if (token.n == 0) {
        reply_error(c, 422, "invalid", "there is no session to end",
                    "a token is revoked by `countersign user token --revoke ID`");
        return;
    }
    enum err e = broker_token_end(c->api->broker, &c->caller.is, token, c->now, &said);
    if (e != ERR_OK) {
        reply_broker_error(c, e, &said);
        return;
    }
    events_end_all(c->api->events);
    put_cookie(c, cookie, sizeof(cookie), SESSION_COOKIE, STR(""), "Strict", 0);
    snprintf(headers, sizeof(headers), "Cache-Control: no-store\r\n%s", cookie);
    http_respond(c->http, &(struct http_response){.status = 204, .extra = str_of(headers)});
}
