#include "api/internal.h"

/* Every path of the API. src/api/openapi.json describes the same ones: a test compares them. */
static const struct route routes[] = {
    {METHOD_GET, "/v1/requests", SCOPE_READ, api_list_requests},
    {METHOD_GET, "/v1/requests/{id}", SCOPE_READ, api_get_request},
    {METHOD_POST, "/v1/requests/{id}/approve", SCOPE_APPROVE, api_approve},
    {METHOD_POST, "/v1/requests/{id}/reject", SCOPE_APPROVE, api_reject},
    {METHOD_POST, "/v1/requests/{id}/retract", SCOPE_APPROVE, api_retract},
    {METHOD_POST, "/v1/requests/{id}/withdraw", SCOPE_ACT, api_withdraw},
    {METHOD_POST, "/v1/requests/{id}/break-glass", SCOPE_ACT, api_break_glass},
    {METHOD_POST, "/v1/requests/{id}/review", SCOPE_APPROVE, api_review},
    {METHOD_GET, "/v1/reviews", SCOPE_READ, api_list_reviews},
    {METHOD_POST, "/v1/factors/totp", SCOPE_ADMIN, api_enroll_totp},
    {METHOD_POST, "/v1/factors/sealed", SCOPE_ADMIN, api_seal},
    {METHOD_GET, "/v1/stats", SCOPE_AUDIT, api_stats},
    {METHOD_POST, "/v1/audit/records/{id}/erase", SCOPE_ADMIN, api_erase},
    {METHOD_POST, "/v1/audit/rotate-key", SCOPE_ADMIN, api_rotate_key},
    {METHOD_GET, "/v1/grants", SCOPE_READ, api_list_grants},
    {METHOD_POST, "/v1/grants/{id}/revoke", SCOPE_APPROVE, api_revoke_grant},
    {METHOD_GET, "/v1/events", SCOPE_READ, api_events},
    {METHOD_GET, "/v1/whoami", SCOPE_READ, api_whoami},
    {METHOD_GET, "/v1/people", SCOPE_READ, api_list_people},
    {METHOD_POST, "/v1/people", SCOPE_ADMIN, api_add_person},
    {METHOD_POST, "/v1/people/disable", SCOPE_ADMIN, api_disable_person},
    {METHOD_POST, "/v1/people/enable", SCOPE_ADMIN, api_enable_person},
    {METHOD_GET, "/v1/delegations", SCOPE_READ, api_list_delegations},
    {METHOD_POST, "/v1/delegations", SCOPE_APPROVE, api_create_delegation},
    {METHOD_DELETE, "/v1/delegations/{id}", SCOPE_APPROVE, api_revoke_delegation},
    {METHOD_GET, "/v1/tokens", SCOPE_READ, api_list_tokens},
    {METHOD_POST, "/v1/tokens", SCOPE_ADMIN, api_create_token},
    {METHOD_DELETE, "/v1/tokens/{id}", SCOPE_READ, api_revoke_token},
    {METHOD_GET, "/v1/login", SCOPE_NONE, api_login_page},
    {METHOD_GET, "/v1/callback", SCOPE_NONE, api_login_callback},
    {METHOD_POST, "/v1/logout", SCOPE_READ, api_logout},
    {METHOD_POST, "/v1/login", SCOPE_NONE, api_begin_login},
    {METHOD_POST, "/v1/login/poll", SCOPE_NONE, api_poll_login},
    {METHOD_GET, "/healthz", SCOPE_NONE, api_health},
    {METHOD_GET, "/metrics", SCOPE_NONE, api_metrics},
    {METHOD_GET, "/openapi.json", SCOPE_NONE, api_openapi},
};

const struct route *api_routes(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(routes);
    return routes;
}

/* Takes the segment behind the leading '/' off the front of s. */
static struct str take_segment(struct str *s)
{
    const char *end = s->n > 1 ? memchr(s->p + 1, '/', s->n - 1) : NULL;
    size_t n = end != NULL ? (size_t)(end - s->p) : s->n;
    struct str segment = {s->p, n};
    *s = (struct str){s->p + n, s->n - n};
    return segment;
}

/* A request number as the gateway writes it: no sign, no leading zero, so that each has one path.
 */
static bool is_id(struct str segment, uint64_t *ret)
{
    struct str digits = {segment.p + 1, segment.n - 1};
    return digits.n != 0 && digits.p[0] != '0' && str_to_u64(digits, ret) == ERR_OK;
}

static bool matches(const char *pattern, struct str path, uint64_t *ret_id)
{
    struct str want = str_of(pattern);
    while (want.n != 0 && path.n != 0) {
        struct str a = take_segment(&want), b = take_segment(&path);
        if (str_is(a, "/{id}") ? !is_id(b, ret_id) : !str_eq(a, b))
            return false;
    }
    return want.n == 0 && path.n == 0;
}

const struct route *api_route(enum http_method method, struct str path, uint64_t *ret_id,
                              unsigned *ret_allowed)
{
    unsigned allowed = 0;
    uint64_t id = 0;
    if (method == METHOD_HEAD)
        method = METHOD_GET;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (!matches(routes[i].path, path, &id))
            continue;
        if (routes[i].method == method) {
            *ret_id = id;
            return &routes[i];
        }
        allowed |= 1u << routes[i].method;
    }
    *ret_allowed = allowed;
    return NULL;
}
