/* What the files of src/api/ share. Nobody else includes this. */
#pragma once

#include <jansson.h>

#include "api/api.h"
#include "base/json.h"
#include "net/http.h"

/* --- Who is calling ------------------------------------------------------------------------- */

/* What a caller may do; a route needs one of them (SCOPE_NONE: anybody at all). */
enum scope {
    SCOPE_NONE = 0,
    SCOPE_ACT = BROKER_MAY_ACT,
    SCOPE_APPROVE = BROKER_MAY_APPROVE,
    SCOPE_ADMIN = BROKER_MAY_ADMIN,
    SCOPE_AUDIT = BROKER_MAY_AUDIT,
    SCOPE_READ = 256, /* every known person, with any token: what concerns them (call_may_see) */
};

struct caller {
    struct broker_caller is;
    const struct person *person; /* NULL for an operator who is nobody in `people:` */
    unsigned scopes;
};

/* --- One call ------------------------------------------------------------------------------- */

struct api_call {
    struct api *api;
    struct http_call *http;
    const struct http_request *request;
    struct moment now;
    struct caller caller;
    uint64_t id;      /* the {id} of the path */
    struct json json; /* the answer, written into api->body */
    json_t *sent;     /* the body, once call_fields has parsed it */
};

typedef void handler_fn(struct api_call *c);

struct route {
    enum http_method method;
    const char *path; /* segments; "{id}" is a decimal number */
    enum scope scope;
    handler_fn *handler;
};

/* The table. */
const struct route *api_routes(size_t *ret_n);

/* Finds the route, or NULL: then *ret_allowed says which methods the path has (bits 1 << method;
 * 0: no such path). HEAD finds GET. */
const struct route *api_route(enum http_method method, struct str path, uint64_t *ret_id,
                              unsigned *ret_allowed);

/* Settles c->caller; false where it answered instead (401, 403). */
bool call_authenticate(struct api_call *c);

/* True where the caller may see this request: their own with scope act, those they may decide or
 * decided with scope approve, all with scope audit. `scopes` and `person` are as in struct caller. */
bool may_see(const struct api *a, unsigned scopes, struct str person, const struct request *r);
/* The same of the caller and the request of that number; false too where it cannot be read. */
bool call_may_see(struct api_call *c, uint64_t request);

/* --- Answers -------------------------------------------------------------------------------- */

/* The document in c->json, which the handler has written whole. */
void reply_json(struct api_call *c, int status);
void reply_bytes(struct api_call *c, int status, struct str type, struct str body);
/* hint may be NULL. */
void reply_error(struct api_call *c, int status, const char *code, const char *message,
                 const char *hint);
/* The answer to an error of the broker; `said` may be NULL. */
void reply_broker_error(struct api_call *c, enum err e, const struct broker_error *said);

/* --- Bodies --------------------------------------------------------------------------------- */

/* A member of the body: always a string. */
struct field {
    const char *name;
    bool required;
    struct str value; /* {NULL,0} where it was not sent; valid as long as the call */
};

/* Reads the body, a flat JSON object (empty where none is required). False where it answered
 * instead: 415, 400 for what is no JSON, 422 for a member that is missing, unknown, doubled or no
 * string. */
bool call_fields(struct api_call *c, struct field *fields, size_t n);

/* --- Handlers ------------------------------------------------------------------------------- */

handler_fn api_list_requests, api_get_request, api_approve, api_reject, api_retract, api_withdraw;
handler_fn api_break_glass, api_review, api_list_reviews, api_enroll_totp, api_seal;
handler_fn api_stats;
handler_fn api_erase, api_rotate_key;
handler_fn api_list_grants, api_revoke_grant;
handler_fn api_list_tokens, api_create_token, api_revoke_token;
handler_fn api_create_delegation, api_list_delegations, api_revoke_delegation;
handler_fn api_whoami, api_list_people, api_add_person, api_disable_person, api_enable_person;
handler_fn api_begin_login, api_poll_login, api_login_page, api_login_callback, api_logout;

/* The cookie of a page that is logged in: a token. */
#define SESSION_COOKIE "countersign_session"
/* A cookie's value; {NULL,0} where it was not sent. */
struct str call_cookie(const struct http_request *r, const char *name);

handler_fn api_health, api_metrics, api_openapi;
handler_fn api_events;

/* src/api/openapi.json, embedded by the build. */
extern const char openapi_json[];
extern const size_t openapi_json_size;

/* What an approval grants, from the members of its body; empty: not said. ERR_INVALID. */
MUST_USE enum err choice_parse(struct str kind, struct str uses, struct str time, struct grant_choice *ret);
/* "bypass", "grant" (what may be granted with it) and "counts_on" (grants) of a request. */
MUST_USE enum err put_grants_of(struct api_call *c, const struct request *r);

/* "act approve" as bits: ERR_INVALID for a word that is none; and bits as an array of words. */
MUST_USE enum err scopes_parse(struct str words, uint32_t *ret);
void put_scopes(struct json *j, uint32_t scopes);

/* Time as RFC 3339, null for 0. */
void put_time(struct json *j, const char *key, int64_t wall_ns);

/* --- Events --------------------------------------------------------------------------------- */

struct events;
MUST_USE enum err events_new(struct api *a, struct events **ret);
void events_free(struct events *e); /* after the server is gone; NULL is fine */
/* Ends every stream soon: the clients come back and are judged afresh. */
void events_end_all(struct events *e);
size_t events_streams(const struct events *e);

/* --- The object ----------------------------------------------------------------------------- */

struct api {
    struct loop *loop;
    struct broker *broker;
    const struct config *config;
    const struct api_owner *owner; /* NULL: none */
    void *owner_ctx;
    struct http_server *server;
    struct events *events;
    struct oidc *oidc;
    struct arena arena; /* of the present call */
    struct buf body;    /* its answer */
};
