/* countersign audit witness: cosigns the checkpoints of other gateways' logs. */
#include "audit/verify.h"
#include "audit/witness.h"
#include "base/limits.h"
#include "base/clock.h"
#include "cmd/audit.h"
#include "net/http.h"
#include "net/listener.h"
#include "net/loop.h"

#include <signal.h>
#include <stdio.h>

/* The longest body: 64 hashes and a checkpoint with its signatures. */
enum { BODY_MAX = 32 * 1024 };

struct service {
    struct loop *loop;
    struct http_server *server;
    struct witness witness;
    struct buf out;
};

static size_t body_limit(void *ctx, const struct http_request *head)
{
    (void)ctx;
    return head->method == METHOD_POST ? BODY_MAX : 0;
}

static void answer(struct service *s, struct http_call *c, int status)
{
    bool size = status == 409;
    const struct http_response r = {.status = status,
                                    .type = size ? STR("text/x.tlog.size") : STR("text/plain; charset=utf-8"),
                                    .body = buf_view(&s->out)};
    http_respond(c, &r);
}

static void on_request(void *ctx, struct http_call *c, const struct http_request *r)
{
    struct service *s = ctx;
    int status = 404;
    buf_clear(&s->out);
    if (str_is(r->path, "/add-checkpoint"))
        status = r->method == METHOD_POST ? witness_add(&s->witness, r->body, clock_wall_ns(), &s->out) : 405;
    answer(s, c, status);
}

static void on_refused(void *ctx, struct http_call *c, struct http_refusal why)
{
    struct service *s = ctx;
    buf_clear(&s->out);
    if (buf_printf(&s->out, "%s\n", why.why) == ERR_OK)
        answer(s, c, why.status);
}

static const struct http_ops http_ops = {.body_limit = body_limit, .request = on_request, .refused = on_refused};

static void on_signal(void *ctx, int signum)
{
    struct service *s = ctx;
    (void)signum;
    loop_stop(s->loop);
}

static enum err serve(struct service *s, const int *fds, size_t n)
{
    TRY(loop_new(&s->loop));
    TRY(loop_on_signal(s->loop, SIGTERM, on_signal, s));
    TRY(loop_on_signal(s->loop, SIGINT, on_signal, s));
    TRY(http_server_new(s->loop, &http_ops, s, http_limits_default(), &s->server));
    for (size_t i = 0; i < n; i++)
        TRY(http_server_listen(s->server, fds[i]));
    loop_run(s->loop);
    return ERR_OK;
}

static enum exit_status run(const struct command *self, struct service *s, const char *listen)
{
    struct listen_error said = {""};
    struct address at;
    int fds[LISTEN_MAX_FDS];
    size_t n = 0;
    if (address_parse(str_of(listen), 0, &at) != ERR_OK) {
        cmd_complain(self, "%s is no address; write --listen 127.0.0.1:7071", listen);
        return EXIT_USAGE;
    }
    if (listen_open(&at, 0, fds, &n, &said) != ERR_OK) {
        cmd_complain(self, "%s: %s", listen, said.text);
        return EXIT_REFUSED;
    }
    fprintf(stderr, "witness %s+%08x on %s; its public key is in %s/key.pub\n", s->witness.secret.key.name,
            s->witness.secret.key.hash, listen, s->witness.dir);
    enum err e = serve(s, fds, n);
    http_server_free(s->server);
    if (s->loop != NULL)
        loop_free(s->loop);
    if (e != ERR_OK)
        cmd_complain(self, "%s", err_text(e));
    return e == ERR_OK ? EXIT_DONE : EXIT_REFUSED;
}

enum exit_status audit_witness_run(const struct command *self, int argc, char **argv)
{
    const char *listen = NULL, *state = NULL, *logs = NULL, *name = "";
    const struct cmd_option options[] = {{.name = "listen", .value = &listen},
                                         {.name = "state", .value = &state},
                                         {.name = "log", .value = &logs},
                                         {.name = "name", .value = &name}};
    struct note_key keys[AUDIT_KEYS];
    struct service s = {.loop = NULL};
    size_t n, n_keys;
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 0, 0, &n) != ERR_OK)
        return EXIT_USAGE;
    if (listen == NULL || state == NULL || logs == NULL) {
        cmd_complain(self, "say --listen HOST:PORT, --state DIRECTORY and --log KEY (a file has one key a line)");
        return EXIT_USAGE;
    }
    if (audit_keys(self, logs, NULL, keys, &n_keys) != EXIT_DONE)
        return EXIT_USAGE;
    enum err e = witness_open(&s.witness, state, str_of(name), keys, n_keys);
    if (e != ERR_OK) {
        cmd_complain(self, "%s: %s", state,
                     e == ERR_INVALID ? "the first start needs --name, such as witness.example.com, and later ones the "
                                        "same or none"
                                      : err_text(e));
        return EXIT_USAGE;
    }
    buf_init(&s.out, 64 * KIB);
    enum exit_status status = run(self, &s, listen);
    buf_done(&s.out);
    witness_done(&s.witness);
    return status;
}
