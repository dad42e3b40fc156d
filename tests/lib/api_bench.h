/*
 * The API over a real broker in a directory of its own, with one worker that has handed in
 * requests; a client runs on a thread beside it. Over TCP the caller is who the token says, on the
 * socket the user who runs the tests (an operator, and ana).
 */
#pragma once

#include <jansson.h>
#include <pthread.h>
#include <pwd.h>
#include <stdarg.h>

#include "api/internal.h"
#include "base/limits.h"
#include "http_client.h"
#include "net/listener.h"
#include "tap.h"

enum { BENCH_ANA = 1, BENCH_BO, BENCH_CLEO };

struct api_bench {
    char dir[64], socket[96], store[96], audit[96], user[64];
    uint16_t port;
    struct loop *loop;
    struct broker *broker;
    struct api *api;
    struct config config;
    struct broker_policy policy;
    struct link_config files;
    int read_end, write_end; /* a byte here ends the loop */
    struct watch *watch;
    void (*client)(struct api_bench *b);
    char tokens[4][BROKER_TOKEN_TEXT]; /* by person, made before the client runs */
};

static const struct str bench_dba = STR_INIT("dba");
static struct str bench_os_user;
static const struct person bench_people[] = {
    {.name = STR_INIT("ana"),
     .groups = &bench_dba,
     .n_groups = 1,
     .admin = true,
     .os_users = &bench_os_user,
     .n_os_users = 1},
    {.name = STR_INIT("bo"), .groups = &bench_dba, .n_groups = 1},
    {.name = STR_INIT("cleo")},
};

static void bench_send(void *ctx, uint32_t worker, const struct link_message *m)
{
    (void)ctx;
    (void)worker;
    (void)m;
}
static void bench_deadline_moved(void *ctx)
{
    (void)ctx; /* nothing expires in these tests */
}

static const struct broker_ops bench_ops = {.send = bench_send,
                                            .deadline_moved = bench_deadline_moved};

static void bench_quit(void *ctx)
{
    loop_stop(((struct api_bench *)ctx)->loop);
}

static inline void bench_worker(struct api_bench *b)
{
    broker_worker_up(b->broker, 0);
    struct link_message hello = {.type = LINK_HELLO, .hello = {.pid = 1}};
    CHECK_OK(broker_from_worker(b->broker, 0, &hello, clock_now()));
    struct link_message loaded = {.type = LINK_LOADED,
                                  .loaded = {.policy_version = STR("v1"), .ok = true}};
    CHECK_OK(broker_from_worker(b->broker, 0, &loaded, clock_now()));
}

/* Hands in a statement of `person`; requests are numbered from 1. */
static inline void bench_submit(struct api_bench *b, uint64_t hold, struct str person,
                                struct str context)
{
    static const struct requirement one_dba = {.from = &bench_dba, .n_from = 1, .count = 1};
    char text[128];
    int n = snprintf(text, sizeof(text),
                     "{\"countersign\":1,\"action\":{\"text\":\"DELETE FROM t -- %u\"}}",
                     (unsigned)hold);
    struct str envelope = str_from(text, (size_t)n);
    struct link_message m = {
        .type = LINK_SUBMIT,
        .submit = {.hold = hold,
                   .envelope = envelope,
                   .digest = digest_of(envelope),
                   .context = context,
                   .explanation = STR("{\"verdict\":\"hold\"}"),
                   .subject = person.n != 0 ? person : STR("app"),
                   .person = person,
                   .resource = STR("shop"),
                   .policy_version = STR("v1"),
                   .guardrails = STR("deletes, bulk"),
                   .message = STR("app wants to delete"),
                   .quorum = {.reqs = &one_dba, .n_reqs = 1},
                   .decide_within_ns = 600 * NS_PER_S,
                   .run_within_ns = 60 * NS_PER_S},
    };
    CHECK_OK(broker_from_worker(b->broker, 0, &m, clock_now()));
}

static inline void bench_open_listeners(struct api_bench *b)
{
    struct listen_error why;
    int fds[LISTEN_MAX_FDS];
    size_t n = 0;
    struct address local = {.host = str_of(b->socket), .is_unix = true};
    struct address tcp = {.host = STR("127.0.0.1")};
    struct sockaddr_in bound;
    socklen_t size = sizeof(bound);
    CHECK_OK(listen_open(&local, 0666, fds, &n, &why));
    CHECK_OK(api_listen(b->api, fds[0]));
    CHECK_OK(listen_open(&tcp, 0, fds, &n, &why));
    CHECK(getsockname(fds[0], (struct sockaddr *)&bound, &size) == 0);
    b->port = ntohs(bound.sin_port);
    CHECK_OK(api_listen(b->api, fds[0]));
}

static inline struct api_bench *api_bench_new(void (*client)(struct api_bench *b))
{
    struct api_bench *b = calloc(1, sizeof(*b));
    struct broker_error why = {""};
    const struct passwd *me = getpwuid(geteuid());
    int ends[2];
    b->client = client;
    snprintf(b->user, sizeof(b->user), "%s", me != NULL ? me->pw_name : "nobody");
    bench_os_user = str_of(b->user);
    snprintf(b->dir, sizeof(b->dir), "/tmp/test-api-XXXXXX");
    CHECK(mkdtemp(b->dir) != NULL);
    snprintf(b->socket, sizeof(b->socket), "%s/s", b->dir);
    snprintf(b->store, sizeof(b->store), "%s/store", b->dir);
    snprintf(b->audit, sizeof(b->audit), "%s/audit", b->dir);
    b->config = (struct config){.people = {.list = bench_people, .n = ARRAY_LEN(bench_people)}};
    b->policy = (struct broker_policy){.people = &b->config.people, .version = STR("v1"), .files = &b->files, .vocabulary = STR("a.fact")};
    struct broker_options o = {.store_path = str_of(b->store),
                               .audit_dir = str_of(b->audit),
                               .instance = STR("bench"),
                               .ops = &bench_ops,
                               .ctx = b};
    CHECK_OK(loop_new(&b->loop));
    CHECK_OK(broker_new(&o, &b->policy, clock_now(), &b->broker, &why));
    CHECK_OK(api_start(b->loop, b->broker, &b->config, &b->api));
    bench_open_listeners(b);
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    b->read_end = ends[0];
    b->write_end = ends[1];
    CHECK_OK(watch_new(b->loop, b->read_end, bench_quit, b, &b->watch));
    return b;
}

static inline void bench_token(struct api_bench *b, int person, struct str name, uint32_t scopes)
{
    struct broker_caller operator= {.is_operator = true, .via = STR("test")};
    struct broker_error why = {""};
    uint64_t id;
    CHECK_OK(broker_token_create(b->broker, &operator, name, STR("test"), scopes, 0, clock_now(),
                                 b->tokens[person], &id, &why));
}

static void *api_bench_client(void *arg)
{
    struct api_bench *b = arg;
    b->client(b);
    if (write(b->write_end, "q", 1) != 1)
        abort();
    return NULL;
}

static inline void api_bench_run(struct api_bench *b)
{
    pthread_t thread;
    char command[128];
    CHECK(pthread_create(&thread, NULL, api_bench_client, b) == 0);
    loop_run(b->loop);
    pthread_join(thread, NULL);
    watch_free(b->watch);
    api_stop(b->api);
    broker_free(b->broker, clock_now());
    loop_free(b->loop);
    close(b->read_end);
    close(b->write_end);
    snprintf(command, sizeof(command), "rm -r %s", b->dir);
    CHECK(system(command) == 0);
    free(b);
}

/* One call over TCP with the token (empty: none), or on the socket where token is NULL. Gives the
 * status and, where ret_json is not NULL, the document (json_decref). */
static inline int bench_call(struct api_bench *b, const char *token, const char *extra,
                             const char *method, const char *path, const char *body,
                             json_t **ret_json)
{
    char request[8192];
    int status = 0;
    bool tcp = token != NULL;
    int n = snprintf(request, sizeof(request),
                     "%s %s HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n%s%s%s%s%s"
                     "Content-Length: %zu\r\n\r\n%s",
                     method, path, tcp && *token ? "Authorization: Bearer " : "",
                     tcp && *token ? token : "", tcp && *token ? "\r\n" : "", extra,
                     *body ? "Content-Type: application/json\r\n" : "", strlen(body), body);
    int fd = tcp ? client_connect_tcp(b->port) : client_connect(b->socket);
    struct buf in = client_exchange_on(fd, str_from(request, (size_t)n));
    struct str all = buf_view(&in), text = {NULL, 0};
    if (all.n > 12)
        for (size_t i = 9; i < 12; i++)
            status = status * 10 + (all.p[i] - '0');
    for (size_t i = 0; i + 4 <= all.n && text.p == NULL; i++)
        if (memcmp(all.p + i, "\r\n\r\n", 4) == 0)
            text = str_from(all.p + i + 4, all.n - i - 4);
    if (ret_json != NULL)
        *ret_json = json_loadb(text.p, text.n, 0, NULL);
    buf_done(&in);
    return status;
}
