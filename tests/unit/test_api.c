#include <fcntl.h>

#include "api_bench.h"

static void run(void (*client)(struct api_bench *b))
{
    struct api_bench *b = api_bench_new(client);
    bench_worker(b);
    bench_submit(b, 1, STR(""), STR("{\"address\":\"local\"}"));
    bench_submit(b, 2, STR("ana"), STR("{}"));
    bench_submit(b, 3, STR(""), STR("{}"));
    bench_token(b, BENCH_ANA, STR("ana"), BROKER_MAY_ALL);
    bench_token(b, BENCH_BO, STR("bo"), BROKER_MAY_APPROVE);
    bench_token(b, BENCH_CLEO, STR("cleo"), BROKER_MAY_ACT);
    api_bench_run(b);
}

#define GET(token, path, ret) bench_call(b, token, "", "GET", path, "", ret)
#define POST(token, path, body, ret) bench_call(b, token, "", "POST", path, body, ret)
#define ANA b->tokens[BENCH_ANA]
#define BO b->tokens[BENCH_BO]
#define CLEO b->tokens[BENCH_CLEO]

static const char *code_of(json_t *v)
{
    const char *code = json_string_value(json_object_get(json_object_get(v, "error"), "code"));
    return code != NULL ? code : "";
}

/* Calls, and compares status and error code ("" where it is no error). */
static void expect(struct api_bench *b, const char *token, const char *method, const char *path,
                   const char *body, int status, const char *code)
{
    json_t *v = NULL;
    int got = bench_call(b, token, "", method, path, body, &v);
    bool good = got == status && strcmp(code_of(v), code) == 0;
    CHECK(good);
    if (!good)
        printf("# %s %s %s: %d %s\n", method, path, body, got, code_of(v));
    json_decref(v);
}

static void digest_for(unsigned hold, char out[static DIGEST_HEX + 1])
{
    char text[128];
    int n = snprintf(text, sizeof(text),
                     "{\"countersign\":1,\"action\":{\"text\":\"DELETE FROM t -- %u\"}}", hold);
    struct digest d = digest_of(str_from(text, (size_t)n));
    digest_hex(&d, out);
}

/* {"digest":"...","reason":"..."} for request n. */
static const char *vote_body(unsigned n, const char *reason)
{
    static char body[512];
    char hex[DIGEST_HEX + 1];
    digest_for(n, hex);
    snprintf(body, sizeof(body), "{\"digest\":\"%s\",\"reason\":\"%s\"}", hex, reason);
    return body;
}

static bool state_is(struct api_bench *b, const char *path, const char *state)
{
    json_t *v = NULL;
    GET(ANA, path, &v);
    const char *got = json_string_value(json_object_get(v, "state"));
    bool same = got != NULL && strcmp(got, state) == 0;
    json_decref(v);
    return same;
}

/* --- The document ------------------------------------------------------------------------------
 */

static const char *lower_method(enum http_method m)
{
    return m == METHOD_GET ? "get" : m == METHOD_POST ? "post" : m == METHOD_DELETE ? "delete" : "";
}

TEST(every_route_is_in_the_document_and_every_path_of_the_document_is_a_route)
{
    static const char *const methods[] = {"get",   "put",  "post",   "delete",
                                          "patch", "head", "options"};
    size_t n_routes, described = 0;
    const struct route *routes = api_routes(&n_routes);
    json_t *doc = json_loadb(openapi_json, openapi_json_size, JSON_REJECT_DUPLICATES, NULL);
    json_t *paths = json_object_get(doc, "paths"), *path;
    const char *name;
    CHECK(doc != NULL);
    for (size_t i = 0; i < n_routes; i++) {
        json_t *p = json_object_get(paths, routes[i].path);
        json_t *o = json_object_get(p, lower_method(routes[i].method));
        CHECK(o != NULL);
        CHECK((json_object_get(o, "security") != NULL) == (routes[i].scope == SCOPE_NONE));
        CHECK((json_object_get(o, "requestBody") != NULL) == (routes[i].method == METHOD_POST));
        CHECK((strstr(routes[i].path, "{id}") != NULL) ==
              (json_object_get(p, "parameters") != NULL));
    }
    json_object_foreach(paths, name, path) for (size_t m = 0; m < ARRAY_LEN(methods); m++)
        described += json_object_get(path, methods[m]) != NULL;
    CHECK(described == n_routes);
    json_decref(doc);
}

/* Every "$ref" of the document leads somewhere. */
static size_t dangling_refs(json_t *doc, json_t *v)
{
    const char *key;
    json_t *child;
    size_t i, n = 0;
    json_object_foreach(v, key, child)
    {
        if (strcmp(key, "$ref") == 0) {
            const char *name = strrchr(json_string_value(child), '/') + 1;
            json_t *schemas = json_object_get(json_object_get(doc, "components"), "schemas");
            n += json_object_get(schemas, name) == NULL;
        }
        n += dangling_refs(doc, child);
    }
    json_array_foreach(v, i, child) n += dangling_refs(doc, child);
    return n;
}

TEST(the_document_refers_to_nothing_that_is_missing)
{
    json_t *doc = json_loadb(openapi_json, openapi_json_size, JSON_REJECT_DUPLICATES, NULL);
    CHECK(dangling_refs(doc, doc) == 0);
    json_decref(doc);
}

/* The answer to a request has exactly the members that the document names. */
static void client_members(struct api_bench *b)
{
    json_t *doc = json_loadb(openapi_json, openapi_json_size, 0, NULL), *v = NULL, *member;
    json_t *schema =
        json_object_get(json_object_get(json_object_get(doc, "components"), "schemas"), "Request");
    json_t *properties = json_object_get(schema, "properties");
    const char *key;
    CHECK(GET(ANA, "/v1/requests/1", &v) == 200);
    CHECK(json_object_size(v) == json_object_size(properties));
    json_object_foreach(v, key, member) CHECK(json_object_get(properties, key) != NULL);
    json_decref(v);
    json_decref(doc);
}

TEST(an_answer_has_the_members_that_the_document_names)
{
    run(client_members);
}

/* --- Routes ------------------------------------------------------------------------------------
 */

TEST(a_path_has_one_spelling)
{
    static const char *const none[] = {
        "/v1/requests/",
        "/v1/requests/01",
        "/v1/requests/0",
        "/v1/requests/+1",
        "/v1/requests/-1",
        "/v1/requests/1/",
        "//v1/requests/1",
        "/v1//requests/1",
        "/v1/requests/1x",
        "/v1/requests/%31",
        "/v1/./requests",
        "/v1/requests/18446744073709551616",
        "/V1/requests",
        "/",
        "/v1",
        "/healthz/",
    };
    uint64_t id = 0;
    unsigned allowed;
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        CHECK(api_route(METHOD_GET, str_of(none[i]), &id, &allowed) == NULL);
        CHECK(allowed == 0);
    }
    CHECK(api_route(METHOD_GET, STR("/v1/requests/18446744073709551615"), &id, &allowed) != NULL);
    CHECK(id == UINT64_MAX);
    CHECK(api_route(METHOD_HEAD, STR("/v1/requests/7"), &id, &allowed) != NULL && id == 7);
    CHECK(api_route(METHOD_GET, STR("/v1/requests/7/approve"), &id, &allowed) == NULL);
    CHECK(allowed == 1u << METHOD_POST);
}

static void client_get_decides_nothing(struct api_bench *b)
{
    size_t n;
    const struct route *routes = api_routes(&n);
    for (size_t i = 0; i < n; i++) {
        char path[64];
        const char *brace = strchr(routes[i].path, '{');
        int head = brace != NULL ? (int)(brace - routes[i].path) : (int)strlen(routes[i].path);
        if (routes[i].method == METHOD_GET)
            continue;
        snprintf(path, sizeof(path), "%.*s%s%s", head, routes[i].path, brace != NULL ? "1" : "",
                 brace != NULL ? brace + 4 : "");
        for (int m = 0; m < 2; m++) {
            int status = bench_call(b, ANA, "", m == 0 ? "GET" : "HEAD", path, "", NULL);
            CHECK(status == 405 || strcmp(path, "/v1/tokens") == 0 || strcmp(path, "/v1/people") == 0 ||
                  strcmp(path, "/v1/delegations") == 0 ||
                  strcmp(path, "/v1/login") == 0);
        }
    }
    CHECK(state_is(b, "/v1/requests/1", "pending"));
}

TEST(a_get_decides_nothing)
{
    run(client_get_decides_nothing);
}

/* --- Who ----------------------------------------------------------------------------------------
 */

static void client_strangers(struct api_bench *b)
{
    char wrong[BROKER_TOKEN_TEXT + 1];
    snprintf(wrong, sizeof(wrong), "%sx", ANA);
    expect(b, "", "GET", "/v1/requests", "", 401, "unauthorized");
    expect(b, wrong, "GET", "/v1/requests", "", 401, "unauthorized");
    expect(b, "cs_", "GET", "/v1/requests", "", 401, "unauthorized");
    expect(b, "", "POST", "/v1/requests/1/approve", vote_body(1, ""), 401, "unauthorized");
    CHECK(bench_call(b, "", "Authorization: Basic YW5hOmE=\r\n", "GET", "/v1/requests", "", NULL) ==
          401);
    CHECK(bench_call(b, "", "Cookie: token=1\r\n", "GET", "/v1/requests", "", NULL) == 401);
    expect(b, "", "GET", "/healthz", "", 200, "");
    expect(b, "", "GET", "/openapi.json", "", 200, "");
    CHECK(GET("", "/metrics", NULL) == 200);
    expect(b, "", "GET", "/none", "", 404, "not_found");
    CHECK(state_is(b, "/v1/requests/1", "pending"));
}

TEST(over_tcp_nothing_is_told_or_done_without_a_token)
{
    run(client_strangers);
}

static void client_whoami(struct api_bench *b)
{
    json_t *v = NULL;
    CHECK(GET(BO, "/v1/whoami", &v) == 200);
    CHECK_STR(str_of(json_string_value(json_object_get(v, "person"))), "bo");
    CHECK(json_is_false(json_object_get(v, "operator")));
    CHECK(json_array_size(json_object_get(v, "scopes")) == 1);
    json_decref(v);
    CHECK(GET(NULL, "/v1/whoami", &v) == 200);
    CHECK_STR(str_of(json_string_value(json_object_get(v, "person"))), "ana");
    CHECK(json_is_true(json_object_get(v, "operator")));
    CHECK_STR(str_of(json_string_value(json_object_get(v, "via"))), "socket");
    json_decref(v);
}

TEST(the_kernel_or_the_token_says_who_calls)
{
    run(client_whoami);
}

/* S17: what a token is for bounds what it can do. */
static void client_scopes(struct api_bench *b)
{
    expect(b, CLEO, "POST", "/v1/requests/1/approve", vote_body(1, ""), 403, "forbidden");
    expect(b, BO, "POST", "/v1/requests/1/withdraw", "", 403, "forbidden");
    expect(b, BO, "POST", "/v1/tokens", "{\"person\":\"bo\"}", 403, "forbidden");
    expect(b, BO, "DELETE", "/v1/tokens/1", "", 403, "forbidden");
    expect(b, BO, "DELETE", "/v1/tokens/99", "", 403, "forbidden");
    expect(b, CLEO, "GET", "/v1/requests", "", 200, "");
    CHECK(state_is(b, "/v1/requests/1", "pending"));
}

TEST(a_token_does_no_more_than_its_scopes_say)
{
    run(client_scopes);
}

static void client_admin_without_scope(struct api_bench *b)
{
    json_t *v = NULL;
    char weak[BROKER_TOKEN_TEXT];
    CHECK(POST(ANA, "/v1/tokens", "{\"person\":\"ana\",\"scope\":\"approve\"}", &v) == 201);
    snprintf(weak, sizeof(weak), "%s", json_string_value(json_object_get(v, "token")));
    json_decref(v);
    expect(b, weak, "POST", "/v1/tokens", "{\"person\":\"ana\",\"scope\":\"admin\"}", 403,
           "forbidden");
    expect(b, weak, "DELETE", "/v1/tokens/2", "", 403, "forbidden");
    expect(b, BO, "GET", "/v1/whoami", "", 200, "");
}

TEST(an_admins_token_without_the_scope_is_no_admin)
{
    run(client_admin_without_scope);
}

static void client_cross_site(struct api_bench *b)
{
    const char *body = vote_body(1, "");
    const char *path = "/v1/requests/1/approve";
    static const char *const foreign[] = {
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: http://gw.evil.example\r\n",
        "Origin: http://gw:81\r\n",
        "Origin: file://gw\r\n",
        "Origin:\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
        CHECK(bench_call(b, BO, foreign[i], "POST", path, body, NULL) == 403);
    CHECK(state_is(b, "/v1/requests/1", "pending"));
    CHECK(bench_call(b, BO, "Origin: http://gw\r\n", "POST", path, body, NULL) == 200);
}

TEST(a_changing_call_from_another_site_is_refused)
{
    run(client_cross_site);
}

/* --- Requests -----------------------------------------------------------------------------------
 */

static void client_show(struct api_bench *b)
{
    json_t *v = NULL;
    char hex[DIGEST_HEX + 1];
    digest_for(1, hex);
    CHECK(GET(BO, "/v1/requests/1", &v) == 200);
    CHECK_STR(str_of(json_string_value(json_object_get(v, "digest"))), hex);
    struct digest d = digest_of(str_of(json_string_value(json_object_get(v, "envelope"))));
    char again[DIGEST_HEX + 1];
    CHECK_STR(digest_hex(&d, again), hex);
    CHECK(json_is_true(json_object_get(v, "may_vote")));
    CHECK(json_is_object(json_object_get(v, "context")));
    CHECK(json_array_size(json_object_get(v, "guardrails")) == 2);
    json_t *line = json_array_get(json_object_get(v, "requirements"), 0);
    CHECK(json_integer_value(json_object_get(line, "count")) == 1);
    CHECK(json_array_size(json_object_get(line, "candidates")) == 2);
    json_decref(v);
    expect(b, CLEO, "GET", "/v1/requests/1", "", 404, "not_found"); /* it does not concern her */
    CHECK(GET(CLEO, "/v1/requests", &v) == 200);
    CHECK(json_array_size(json_object_get(v, "requests")) == 0);
    json_decref(v);
    CHECK(GET(ANA, "/v1/requests/2", &v) == 200);
    CHECK(json_is_false(json_object_get(v, "may_vote"))); /* her own */
    json_decref(v);
    expect(b, ANA, "GET", "/v1/requests/99", "", 404, "not_found");
}

TEST(a_request_is_shown_whole_with_who_may_decide_it)
{
    run(client_show);
}

static size_t listed(struct api_bench *b, const char *path, uint64_t *ret_first)
{
    json_t *v = NULL;
    CHECK(GET(BO, path, &v) == 200);
    json_t *list = json_object_get(v, "requests");
    size_t n = json_array_size(list);
    json_int_t first = json_integer_value(json_object_get(json_array_get(list, 0), "id"));
    *ret_first = (uint64_t)first;
    json_decref(v);
    return n;
}

static void client_list(struct api_bench *b)
{
    uint64_t first;
    CHECK(listed(b, "/v1/requests", &first) == 3 && first == 3);
    CHECK(listed(b, "/v1/requests?limit=2", &first) == 2 && first == 3);
    CHECK(listed(b, "/v1/requests?before=3&limit=1", &first) == 1 && first == 2);
    expect(b, BO, "POST", "/v1/requests/1/reject", vote_body(1, "no"), 200, "");
    CHECK(listed(b, "/v1/requests?state=pending", &first) == 2);
    CHECK(listed(b, "/v1/requests?state=rejected", &first) == 1 && first == 1);
    CHECK(listed(b, "/v1/requests?state=pending,rejected", &first) == 3);
    static const char *const bad[] = {"state=none",     "limit=0",         "limit=1001",
                                      "limit=x",        "limit=1&limit=2", "before=-1",
                                      "state=%70ending"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char path[64];
        snprintf(path, sizeof(path), "/v1/requests?%s", bad[i]);
        expect(b, BO, "GET", path, "", 422, "invalid");
    }
}

TEST(lists_are_filtered_and_paged)
{
    run(client_list);
}

/* --- Votes --------------------------------------------------------------------------------------
 */

/* Invariant 2: a vote is for what the voter was shown. */
static void client_vote(struct api_bench *b)
{
    const char *approve = "/v1/requests/1/approve";
    expect(b, BO, "POST", approve, "{}", 422, "invalid");
    expect(b, BO, "POST", approve, "", 422, "invalid");
    expect(b, BO, "POST", approve, "{\"digest\":\"\"}", 422, "invalid");
    expect(b, BO, "POST", approve, "{\"digest\":\"abc\"}", 422, "invalid");
    expect(b, BO, "POST", approve, vote_body(3, ""), 409, "digest_mismatch");
    expect(b, BO, "POST", "/v1/requests/1/reject", vote_body(1, ""), 422, "invalid");
    CHECK(state_is(b, "/v1/requests/1", "pending"));
    expect(b, BO, "POST", approve, vote_body(1, "fine"), 200, "");
    CHECK(state_is(b, "/v1/requests/1", "approved"));
    expect(b, ANA, "POST", approve, vote_body(1, "me too"), 409, "already_decided");
    expect(b, BO, "POST", "/v1/requests/99/approve", vote_body(1, ""), 404, "not_found");
}

TEST(a_vote_needs_the_digest_of_this_request)
{
    run(client_vote);
}

static void client_not_allowed(struct api_bench *b)
{
    expect(b, ANA, "POST", "/v1/requests/2/approve", vote_body(2, ""), 403, "forbidden");
    expect(b, NULL, "POST", "/v1/requests/2/approve", vote_body(2, ""), 403, "forbidden");
    CHECK(state_is(b, "/v1/requests/2", "pending"));
    expect(b, BO, "POST", "/v1/requests/2/approve", vote_body(2, ""), 200, "");
}

TEST(nobody_approves_their_own_request)
{
    run(client_not_allowed);
}

static void client_bodies(struct api_bench *b)
{
    const char *path = "/v1/requests/1/approve";
    char twice[512], hex[DIGEST_HEX + 1], big[4096];
    digest_for(1, hex);
    snprintf(twice, sizeof(twice), "{\"digest\":\"%s\",\"digest\":\"%s\"}", hex, hex);
    expect(b, BO, "POST", path, twice, 400, "invalid_json");
    snprintf(twice, sizeof(twice), "{\"digest\":\"%s\",\"Digest\":\"%s\"}", hex, hex);
    expect(b, BO, "POST", path, twice, 422, "invalid");
    snprintf(twice, sizeof(twice), "{\"digest\":\"%s\"} {}", hex);
    expect(b, BO, "POST", path, twice, 400, "invalid_json");
    snprintf(twice, sizeof(twice), "{\"digest\":\"%s\",\"reason\":1}", hex);
    expect(b, BO, "POST", path, twice, 422, "invalid");
    expect(b, BO, "POST", path, "[]", 400, "invalid_json");
    expect(b, BO, "POST", path, "digest", 400, "invalid_json");
    expect(b, BO, "POST", path, "{\"digest\":\"a\\u0000b\"}", 400, "invalid_json");
    memset(big, '[', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    expect(b, BO, "POST", path, big, 400, "invalid_json");
    CHECK(state_is(b, "/v1/requests/1", "pending"));
}

TEST(a_body_that_can_be_read_two_ways_is_refused)
{
    run(client_bodies);
}

static void client_media_type(struct api_bench *b)
{
    char request[1024];
    const char *body = vote_body(1, "");
    int n = snprintf(request, sizeof(request),
                     "POST /v1/requests/1/approve HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n"
                     "Authorization: Bearer %s\r\nContent-Type: text/plain\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     BO, strlen(body), body);
    struct buf in = client_exchange_on(client_connect_tcp(b->port), str_from(request, (size_t)n));
    CHECK(str_starts(buf_view(&in), STR("HTTP/1.1 415 ")));
    buf_done(&in);
}

TEST(a_form_of_another_site_cannot_pass_for_json)
{
    run(client_media_type);
}

static void client_withdraw(struct api_bench *b)
{
    char long_reason[LIMIT_REASON_BYTES + 64];
    memset(long_reason, 'x', sizeof(long_reason));
    memcpy(long_reason, "{\"reason\":\"", 11);
    memcpy(long_reason + sizeof(long_reason) - 3, "\"}", 3);
    expect(b, CLEO, "POST", "/v1/requests/2/withdraw", "", 403, "forbidden");
    expect(b, ANA, "POST", "/v1/requests/2/withdraw", long_reason, 422, "invalid");
    expect(b, ANA, "POST", "/v1/requests/2/withdraw", "{\"reason\":\"mistake\"}", 200, "");
    CHECK(state_is(b, "/v1/requests/2", "withdrawn"));
    expect(b, ANA, "POST", "/v1/requests/2/withdraw", "", 409, "already_decided");
    expect(b, NULL, "POST", "/v1/requests/1/withdraw", "", 200, "");
}

TEST(a_request_is_withdrawn_by_its_requester_or_an_operator)
{
    run(client_withdraw);
}

/* --- Tokens -------------------------------------------------------------------------------------
 */

static void client_tokens(struct api_bench *b)
{
    json_t *v = NULL;
    char token[BROKER_TOKEN_TEXT], path[64];
    CHECK(
        POST(NULL, "/v1/tokens",
             "{\"person\":\"bo\",\"label\":\"phone\",\"scope\":\"approve\",\"expires_in\":\"30d\"}",
             &v) == 201);
    snprintf(token, sizeof(token), "%s", json_string_value(json_object_get(v, "token")));
    unsigned id = (unsigned)json_integer_value(json_object_get(v, "id"));
    CHECK(strncmp(token, "cs_", 3) == 0);
    json_decref(v);
    expect(b, token, "GET", "/v1/whoami", "", 200, "");

    CHECK(GET(BO, "/v1/tokens", &v) == 200);
    CHECK(json_array_size(json_object_get(v, "tokens")) == 2); /* his own only */
    char *all = json_dumps(v, 0);
    CHECK(strstr(all, token) == NULL);
    free(all);
    json_decref(v);
    CHECK(GET(ANA, "/v1/tokens", &v) == 200);
    CHECK(json_array_size(json_object_get(v, "tokens")) == 4);
    json_decref(v);

    snprintf(path, sizeof(path), "/v1/tokens/%u", id);
    CHECK(bench_call(b, BO, "", "DELETE", path, "", NULL) == 204);
    expect(b, token, "GET", "/v1/whoami", "", 401, "unauthorized");
    expect(b, ANA, "DELETE", "/v1/tokens/99", "", 404, "not_found");
    expect(b, ANA, "POST", "/v1/tokens", "{\"person\":\"nobody\"}", 404, "not_found");
    expect(b, ANA, "POST", "/v1/tokens", "{\"person\":\"bo\",\"scope\":\"all\"}", 422, "invalid");
    expect(b, ANA, "POST", "/v1/tokens", "{\"person\":\"bo\",\"expires_in\":\"0s\"}", 422,
           "invalid");
    expect(b, ANA, "POST", "/v1/tokens", "{\"person\":\"bo\",\"expires_in\":\"x\"}", 422,
           "invalid");
}

TEST(a_token_is_shown_once_and_dies_when_revoked)
{
    run(client_tokens);
}

static void client_expired(struct api_bench *b)
{
    json_t *v = NULL;
    char token[BROKER_TOKEN_TEXT];
    CHECK(POST(ANA, "/v1/tokens", "{\"person\":\"bo\",\"expires_in\":\"50ms\"}", &v) == 201);
    snprintf(token, sizeof(token), "%s", json_string_value(json_object_get(v, "token")));
    json_decref(v);
    usleep(100 * 1000);
    expect(b, token, "GET", "/v1/whoami", "", 401, "unauthorized");
}

TEST(a_token_that_has_expired_is_nobody)
{
    run(client_expired);
}

/* --- Events -------------------------------------------------------------------------------------
 */

static int open_events(struct api_bench *b, const char *token, const char *last_id)
{
    char request[512];
    int fd = client_connect_tcp(b->port);
    int n =
        snprintf(request, sizeof(request),
                 "GET /v1/events HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer %s\r\n%s%s%s\r\n",
                 token, *last_id ? "Last-Event-ID: " : "", last_id, *last_id ? "\r\n" : "");
    CHECK(client_send(fd, str_from(request, (size_t)n)));
    return fd;
}

/* The id before the first "event: NAME". */
static void event_id(struct str all, const char *name, char out[static 64])
{
    char needle[64];
    snprintf(needle, sizeof(needle), "\nevent: %s\n", name);
    out[0] = '\0';
    for (size_t i = 0; i + strlen(needle) <= all.n; i++)
        if (memcmp(all.p + i, needle, strlen(needle)) == 0) {
            size_t start = i;
            while (start > 0 && all.p[start - 1] != '\n')
                start--;
            snprintf(out, 64, "%.*s", (int)(i - start - 4), all.p + start + 4);
            return;
        }
}

static void client_events(struct api_bench *b)
{
    struct buf in = {.cap = 64 * KIB};
    char ready[64];
    int fd = open_events(b, BO, "");
    CHECK(client_receive(fd, &in, STR("event: ready\ndata: {}\n\n")));
    CHECK(str_contains(buf_view(&in), STR("retry: ")));
    event_id(buf_view(&in), "ready", ready);
    CHECK(strlen(ready) > 17);
    expect(b, BO, "POST", "/v1/requests/1/reject", vote_body(1, "no"), 200, "");
    CHECK(client_receive(fd, &in, STR("data: {\"request\":1,\"state\":\"rejected\"}\n\n")));
    close(fd);
    buf_done(&in);

    /* Away while request 2 is decided; then what was missed comes, and only that. */
    expect(b, BO, "POST", "/v1/requests/2/reject", vote_body(2, "no"), 200, "");
    fd = open_events(b, BO, ready);
    CHECK(client_receive(fd, &in, STR("data: {\"request\":2,\"state\":\"rejected\"}\n\n")));
    CHECK(str_contains(buf_view(&in), STR("data: {\"request\":1,\"state\":\"rejected\"}\n\n")));
    CHECK(!str_contains(buf_view(&in), STR("event: ready")));
    CHECK(!str_contains(buf_view(&in), STR("event: opened")));
    close(fd);
    buf_done(&in);
}

TEST(events_tell_what_happened_and_resume_without_losing_one)
{
    run(client_events);
}

static void client_events_unknown(struct api_bench *b)
{
    static const char *const ids[] = {"x", "0000000000000000-1", "-", "1-1", "999999999"};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct buf in = {.cap = 64 * KIB};
        int fd = open_events(b, BO, ids[i]);
        CHECK(client_receive(fd, &in, STR("event: reset\ndata: {}\n\n")));
        close(fd);
        buf_done(&in);
    }
    struct buf in = {.cap = 64 * KIB};
    char ready[64], ahead[80];
    int fd = open_events(b, BO, "");
    CHECK(client_receive(fd, &in, STR("event: ready\ndata: {}\n\n")));
    event_id(buf_view(&in), "ready", ready);
    close(fd);
    buf_done(&in);
    snprintf(ahead, sizeof(ahead), "%.17s99", ready);
    fd = open_events(b, BO, ahead);
    CHECK(client_receive(fd, &in, STR("event: reset\ndata: {}\n\n")));
    close(fd);
    buf_done(&in);
}

TEST(a_place_that_is_not_known_is_said_to_be_lost)
{
    run(client_events_unknown);
}

/* I11: revocation bites in open streams too. */
static void client_events_revoked(struct api_bench *b)
{
    struct buf in = {.cap = 64 * KIB};
    int fd = open_events(b, BO, "");
    CHECK(client_receive(fd, &in, STR("event: ready\ndata: {}\n\n")));
    CHECK(bench_call(b, ANA, "", "DELETE", "/v1/tokens/2", "", NULL) == 204);
    CHECK(client_receive(fd, &in, STR("")));
    close(fd);
    buf_done(&in);
    fd = open_events(b, BO, "");
    CHECK(client_receive(fd, &in, STR("401 Unauthorized")));
    close(fd);
    buf_done(&in);
}

TEST(a_revoked_token_ends_its_streams)
{
    run(client_events_revoked);
}

/* --- Health -------------------------------------------------------------------------------------
 */

static void client_health(struct api_bench *b)
{
    json_t *v = NULL;
    CHECK(GET("", "/healthz", &v) == 503);
    CHECK(str_contains(str_of(json_string_value(json_object_get(v, "reason"))), STR("worker")));
    json_decref(v);
}

TEST(without_a_worker_the_gateway_is_not_well)
{
    api_bench_run(api_bench_new(client_health));
}

static void client_metrics(struct api_bench *b)
{
    struct buf in =
        client_exchange_on(client_connect_tcp(b->port),
                           STR("GET /metrics HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n"));
    struct str all = buf_view(&in);
    CHECK(str_contains(all, STR("\ncountersign_requests_open{state=\"pending\"} 3\n")));
    CHECK(str_contains(all, STR("\ncountersign_workers_ready 1\n")));
    CHECK(str_contains(all, STR("\n# TYPE countersign_approvals_total counter\n")));
    CHECK(str_contains(all, STR("\ncountersign_audit_healthy 1\n")));
    buf_done(&in);
}

TEST(metrics_count_what_waits)
{
    run(client_metrics);
}

TAP_MAIN(T(every_route_is_in_the_document_and_every_path_of_the_document_is_a_route),
         T(the_document_refers_to_nothing_that_is_missing),
         T(an_answer_has_the_members_that_the_document_names), T(a_path_has_one_spelling),
         T(a_get_decides_nothing), T(over_tcp_nothing_is_told_or_done_without_a_token),
         T(the_kernel_or_the_token_says_who_calls), T(a_token_does_no_more_than_its_scopes_say),
         T(an_admins_token_without_the_scope_is_no_admin),
         T(a_changing_call_from_another_site_is_refused),
         T(a_request_is_shown_whole_with_who_may_decide_it), T(lists_are_filtered_and_paged),
         T(a_vote_needs_the_digest_of_this_request), T(nobody_approves_their_own_request),
         T(a_body_that_can_be_read_two_ways_is_refused),
         T(a_form_of_another_site_cannot_pass_for_json),
         T(a_request_is_withdrawn_by_its_requester_or_an_operator),
         T(a_token_is_shown_once_and_dies_when_revoked), T(a_token_that_has_expired_is_nobody),
         T(events_tell_what_happened_and_resume_without_losing_one),
         T(a_place_that_is_not_known_is_said_to_be_lost), T(a_revoked_token_ends_its_streams),
         T(without_a_worker_the_gateway_is_not_well), T(metrics_count_what_waits))
