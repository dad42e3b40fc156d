#include "api/internal.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/limits.h"

enum { OS_USER_TEXT = 256, PASSWD_ROOM = 16384 };

/* The machine's name for a uid; false where it has none. */
static bool os_user_of(uint32_t uid, char out[static OS_USER_TEXT])
{
    char room[PASSWD_ROOM];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(uid, &entry, room, sizeof(room), &found) != 0 || found == NULL)
        return false;
    int n = snprintf(out, OS_USER_TEXT, "%s", found->pw_name);
    return n > 0 && n < OS_USER_TEXT;
}

static const struct {
    enum scope scope;
    const char *word;
} words[] = {{SCOPE_ACT, "act"}, {SCOPE_APPROVE, "approve"}, {SCOPE_AUDIT, "audit"}, {SCOPE_ADMIN, "admin"}};

enum err scopes_parse(struct str text, uint32_t *ret)
{
    uint32_t scopes = 0;
    while (text.n != 0) {
        struct str word = text;
        uint32_t found = 0;
        if (!str_cut(text, ' ', &word, &text))
            text = (struct str){NULL, 0};
        for (size_t i = 0; i < ARRAY_LEN(words); i++)
            if (str_is(word, words[i].word))
                found = words[i].scope;
        if (found == 0)
            return ERR_INVALID;
        scopes |= found;
    }
    *ret = scopes;
    return ERR_OK;
}

void put_scopes(struct json *j, uint32_t scopes)
{
    json_key(j, "scopes");
    json_array_begin(j);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if ((scopes & words[i].scope) != 0)
            json_str(j, str_of(words[i].word));
    json_array_end(j);
}

/* `within`: the scopes of the token, all of them on the local socket. */
static void set_person(struct caller *c, const struct person *p, uint32_t within)
{
    uint32_t may = SCOPE_ACT | SCOPE_APPROVE | (p->admin ? SCOPE_ADMIN : 0u) |
                   (p->admin || p->auditor ? SCOPE_AUDIT : 0u);
    c->person = p;
    c->is.person = p->name;
    c->scopes |= SCOPE_READ | (may & within);
}

static bool refuse_os_user(struct api_call *c, const char *user, uint32_t uid)
{
    char message[OS_USER_TEXT + 64], hint[OS_USER_TEXT + 128];
    if (user == NULL) {
        snprintf(message, sizeof(message), "user %u of this machine has no name", uid);
        reply_error(c, 403, "unknown_person", message, NULL);
        return false;
    }
    snprintf(message, sizeof(message), "user \"%s\" of this machine is nobody in `people:`", user);
    snprintf(hint, sizeof(hint), "add to countersign.yaml, under people:  NAME: { os_users: [%s] }",
             user);
    reply_error(c, 403, "unknown_person", message, hint);
    return false;
}

static bool authenticate_socket(struct api_call *c, uint32_t uid)
{
    char user[OS_USER_TEXT];
    bool named = os_user_of(uid, user);
    const struct person *p =
        named ? people_by_os_user(&c->api->config->people, str_of(user)) : NULL;
    c->caller.is.via = STR("socket");
    c->caller.is.is_operator = uid == 0 || uid == (uint32_t)geteuid();
    if (p != NULL && p->disabled && !c->caller.is.is_operator) {
        reply_error(c, 403, "disabled", "this person is disabled at the gateway",
                    "an admin can enable it: countersign user enable NAME");
        return false;
    }
    if (p != NULL && p->disabled)
        p = NULL; /* root stays root: somebody must be able to enable them again */
    if (c->caller.is.is_operator)
        c->caller.scopes = SCOPE_READ | SCOPE_ACT | SCOPE_AUDIT | SCOPE_ADMIN;
    if (p != NULL)
        set_person(&c->caller, p, BROKER_MAY_ALL);
    return c->caller.scopes != 0 || refuse_os_user(c, named ? user : NULL, uid);
}

static bool refuse_token(struct api_call *c)
{
    reply_error(c, 401, "unauthorized", "the token is unknown, expired or revoked",
                "`countersign user token` makes a new one");
    return false;
}

static bool authenticate_by(struct api_call *c, struct str token, struct str via)
{
    struct str name;
    uint32_t scopes;
    enum err e = broker_token_lookup(c->api->broker, str_trim(token), c->now, &name, &scopes);
    if (e == ERR_FORBIDDEN || e == ERR_INVALID || e == ERR_NOT_FOUND)
        return refuse_token(c);
    if (e != ERR_OK) {
        reply_broker_error(c, e, NULL);
        return false;
    }
    const struct person *p = people_find(&c->api->config->people, name);
    if (p == NULL)
        return refuse_token(c);
    c->caller.is.via = via;
    set_person(&c->caller, p, scopes);
    return true;
}

/* "Bearer TOKEN" (RFC 6750 section 2.1). */
static bool authenticate_token(struct api_call *c, struct str header)
{
    struct str scheme, token;
    if (!str_cut(header, ' ', &scheme, &token) || !str_eq_ascii_nocase(scheme, STR("Bearer")))
        return refuse_token(c);
    return authenticate_by(c, token, STR("http"));
}

/* A page's session. Browsers say with every changing call where it came from (on_request has compared it with
 * this host); one that does not is none, and could have been made to send the cookie. */
static bool authenticate_cookie(struct api_call *c, struct str token)
{
    bool changes = c->request->method != METHOD_GET && c->request->method != METHOD_HEAD;
    if (!changes || http_header_value(c->request, "Origin").p != NULL)
        return authenticate_by(c, token, STR("page"));
    reply_error(c, 403, "cross_site", "a call with a session's cookie must say its Origin", NULL);
    return false;
}

/* A token that is sent counts, on either kind of socket: whoever presents it wants to be that
 * person. */
bool call_authenticate(struct api_call *c)
{
    struct str header = http_header_value(c->request, "Authorization");
    uint32_t uid;
    if (header.p != NULL)
        return authenticate_token(c, header);
    struct str session = call_cookie(c->request, SESSION_COOKIE);
    if (session.n != 0)
        return authenticate_cookie(c, session);
    if (http_peer_uid(c->http, &uid) == ERR_OK)
        return authenticate_socket(c, uid);
    reply_error(c, 401, "unauthorized", "a token is needed here",
                "send it as \"Authorization: Bearer cs_...\"; `countersign user token` makes one");
    return false;
}

bool may_see(const struct api *a, unsigned scopes, struct str person, const struct request *r)
{
    if ((scopes & SCOPE_AUDIT) != 0)
        return true;
    struct broker_relation is = broker_relation(a->broker, r, person);
    return ((scopes & SCOPE_ACT) != 0 && is.is_requester) ||
           ((scopes & SCOPE_APPROVE) != 0 && is.is_approver);
}

bool call_may_see(struct api_call *c, uint64_t request)
{
    struct arena own CLEANUP(arena_done);
    struct request r;
    arena_init(&own, 4 * LIMIT_ENVELOPE);
    if ((c->caller.scopes & SCOPE_AUDIT) != 0)
        return true;
    return broker_get(c->api->broker, request, &own, &r) == ERR_OK &&
           may_see(c->api, c->caller.scopes, c->caller.is.person, &r);
}
