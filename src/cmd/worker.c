/*
 * `countersign worker`: the process that reads what clients send. Started by `countersign serve`
 * with a control socket as descriptor 3 (link/control.h); not for people.
 *
 *   STARTING --link, first CONFIG: sources open, sandbox--> SERVING --shutdown--> DRAINING --> exit
 *
 *   STARTING   may still have root and files; has heard only the keeper and the broker
 *   SERVING    in the sandbox; listens, holds, relays
 *   DRAINING   accepts nothing; exits when the last session ended or LIMIT_DRAIN_MS passed
 *
 * A worker whose keeper is gone exits at once, and so does one that cannot be sandboxed.
 */
#include "base/limits.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/sandbox.h"
#include "gate/gate.h"
#include "link/control.h"
#include "net/listener.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* How often a draining worker looks whether it is done. */
enum { DRAIN_LOOK_MS = 50 };

enum worker_state { WORKER_STARTING, WORKER_SERVING, WORKER_DRAINING };

/* Listening sockets that came for a resource. */
struct socket_set {
    struct socket_set *next;
    char name[256];
    int fds[CONTROL_MAX_FDS];
    struct listener *listeners[CONTROL_MAX_FDS];
    size_t n;
};

/* A resource that is served. */
struct served {
    struct served *next;
    struct str name; /* in worker.config */
    const struct source *source;
    struct source_state *state;
};

struct worker {
    struct loop *loop;
    struct watch *control;
    struct gate *gate;
    struct config *config; /* the first one: what the sources were opened with, kept to the end */
    struct served *served;
    struct socket_set *sockets;
    struct timer *drain_look;
    int64_t drain_until_ms;
    enum worker_state state;
    enum exit_status status;
};

static void stop(struct worker *w, enum exit_status status)
{
    w->status = status;
    loop_stop(w->loop);
}

/* --- Serving --------------------------------------------------------------------------------- */

static void accepted(void *ctx, int fd)
{
    struct served *s = ctx;
    s->source->accept(s->state, fd);
}

static struct served *find_served(struct worker *w, const char *name)
{
    for (struct served *s = w->served; s != NULL; s = s->next)
        if (str_is(s->name, name))
            return s;
    return NULL;
}

static void listen_on(struct worker *w, struct socket_set *set)
{
    struct served *s = find_served(w, set->name);
    if (s == NULL || w->state != WORKER_SERVING)
        return;
    for (size_t i = 0; i < set->n; i++) {
        int fd = set->fds[i];
        if (fd < 0)
            continue;
        set->fds[i] = -1; /* the listener's */
        enum err e = listener_new(w->loop, fd, accepted, s, &set->listeners[i]);
        if (e != ERR_OK)
            log_error("resource %s: cannot serve a listening socket: %s", set->name, err_text(e));
    }
}

static void listen_on_all(struct worker *w)
{
    for (struct socket_set *set = w->sockets; set != NULL; set = set->next)
        listen_on(w, set);
}

static enum err serve(struct worker *w, const struct resource *r)
{
    const struct gate_port *port;
    const struct source *source = source_find(r->type);
    if (source == NULL)
        return ERR_UNSUPPORTED;
    struct served *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NOMEM;
    s->name = r->name;
    s->source = source;
    enum err e = gate_port_new(w->gate, source, r, &port);
    if (e == ERR_OK)
        e = source->open(w->loop, port, r, &s->state);
    if (e != ERR_OK) {
        free(s);
        return e;
    }
    s->next = w->served;
    w->served = s;
    return ERR_OK;
}

static void say_ready(struct worker *w)
{
    const struct control_message m = {.type = CONTROL_READY};
    enum err e = control_send(CONTROL_FD, &m);
    if (e != ERR_OK) {
        log_error("the keeper cannot be told that all is ready: %s", err_text(e));
        stop(w, EXIT_UNREACHABLE);
    }
}

/* The first configuration: everything that needs files or root happens here, then both are gone. */
static void begin(struct worker *w, struct config *c)
{
    struct sandbox_error error;
    w->config = config_ref(c);
    for (size_t i = 0; i < c->n_resources; i++) {
        enum err e = serve(w, &c->resources[i]);
        if (e != ERR_OK) { /* the others are not to suffer for it */
            log_error("resource %.*s is not served: %s", STR_FMT(c->resources[i].name),
                      err_text(e));
        }
    }
    if (sandbox_enter(c->user, &error) != ERR_OK) {
        log_error("cannot give up what a worker must not have: %s", error.text);
        stop(w, EXIT_USAGE);
        return;
    }
    w->state = WORKER_SERVING;
    listen_on_all(w);
    say_ready(w);
}

static void configured(void *ctx, struct config *c, bool first)
{
    struct worker *w = ctx;
    if (first) {
        begin(w, c);
        return;
    }
    for (struct served *s = w->served; s != NULL; s = s->next)
        s->source->policy_changed(s->state);
    for (size_t i = 0; i < c->n_resources; i++)
        if (config_resource(w->config, c->resources[i].name) == NULL)
            log_warn("resource %.*s is new and is served after a restart",
                     STR_FMT(c->resources[i].name));
}

static void peer_bytes(void *ctx, struct str source_type, struct str bytes)
{
    struct worker *w = ctx;
    for (struct served *s = w->served; s != NULL; s = s->next)
        if (str_is(source_type, s->source->type))
            s->source->peer_bytes(s->state, bytes);
}

/* --- Ending ---------------------------------------------------------------------------------- */

static size_t sessions(const struct worker *w)
{
    size_t n = 0;
    for (const struct served *s = w->served; s != NULL; s = s->next)
        n += s->source->sessions(s->state);
    return n;
}

static void look_whether_drained(void *ctx)
{
    struct worker *w = ctx;
    size_t left = sessions(w);
    if (left != 0 && loop_now_ms(w->loop) < w->drain_until_ms)
        return;
    if (left != 0)
        log_warn("%zu sessions are ended by the gateway's stop", left);
    stop(w, EXIT_DONE);
}

static void shut_down(void *ctx)
{
    struct worker *w = ctx;
    if (w->state == WORKER_DRAINING)
        return;
    w->state = WORKER_DRAINING;
    for (struct socket_set *set = w->sockets; set != NULL; set = set->next)
        for (size_t i = 0; i < set->n; i++) {
            listener_free(set->listeners[i]);
            set->listeners[i] = NULL;
        }
    for (struct served *s = w->served; s != NULL; s = s->next)
        s->source->drain(s->state);
    w->drain_until_ms = loop_now_ms(w->loop) + LIMIT_DRAIN_MS;
    timer_start(w->drain_look, 0, DRAIN_LOOK_MS);
}

static const struct gate_host host = {configured, peer_bytes, shut_down};

static void on_signal(void *ctx, int signum)
{
    if (signum == SIGTERM)
        shut_down(ctx);
    /* SIGINT and SIGHUP at a terminal reach the whole group: the keeper decides, not we. */
}

/* --- What the keeper says -------------------------------------------------------------------- */

static void close_all(const struct control_message *m)
{
    for (size_t i = 0; i < m->n_fds; i++)
        close(m->fds[i]);
}

static void take_link(struct worker *w, const struct control_message *m)
{
    char name[32];
    enum err e = ERR_OK;
    if (w->gate == NULL) {
        (void)snprintf(name, sizeof(name), "worker %u", m->index);
        log_init(name, log_enabled(LOG_DEBUG) ? LOG_DEBUG : LOG_INFO);
        const struct gate_options o = {
            .worker = m->index,
            .link_grace_ms = LIMIT_LINK_GRACE_MS,
            .link_answer_ms = LIMIT_LINK_ANSWER_MS,
            .host = &host,
            .ctx = w,
        };
        e = gate_new(w->loop, &o, &w->gate);
    }
    if (e != ERR_OK) {
        close(m->fds[0]);
        log_error("cannot start: %s", err_text(e));
        stop(w, EXIT_UNREACHABLE);
        return;
    }
    e = gate_attach(w->gate, m->fds[0]);
    if (e != ERR_OK)
        log_error("the link to the broker cannot be used: %s", err_text(e));
}

static void take_sockets(struct worker *w, const struct control_message *m)
{
    struct socket_set *set = calloc(1, sizeof(*set));
    if (set == NULL || m->text.n >= sizeof(set->name)) {
        log_error("listening sockets were refused: no memory, or a name that is too long");
        free(set);
        close_all(m);
        return;
    }
    (void)snprintf(set->name, sizeof(set->name), "%.*s", STR_FMT(m->text));
    memcpy(set->fds, m->fds, m->n_fds * sizeof(m->fds[0]));
    set->n = m->n_fds;
    set->next = w->sockets;
    w->sockets = set;
    listen_on(w, set);
}

static void take_shutdown(struct worker *w, const struct control_message *m)
{
    (void)m;
    shut_down(w);
}

typedef void control_handler(struct worker *w, const struct control_message *m);

static control_handler *const handlers[CONTROL_TYPE_COUNT_] = {
    [CONTROL_LINK] = take_link,
    [CONTROL_LISTEN] = take_sockets,
    [CONTROL_SHUTDOWN] = take_shutdown,
};

static void control_readable(void *ctx)
{
    struct worker *w = ctx;
    struct control_packet packet;
    struct control_message m;
    enum err e = control_receive(CONTROL_FD, &packet, &m);
    if (e == ERR_INCOMPLETE)
        return;
    if (e == ERR_OK && handlers[m.type] != NULL) {
        handlers[m.type](w, &m);
        return;
    }
    if (e == ERR_OK)
        close_all(&m);
    log_error("the keeper is gone or out of its mind: %s",
              e == ERR_OK ? control_type_text(m.type) : err_text(e));
    stop(w, EXIT_UNREACHABLE);
}

/* --- The process ----------------------------------------------------------------------------- */

/* Each session has two sockets: what the operator lets us have is used. */
static void raise_descriptors(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0)
        return;
    l.rlim_cur = l.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &l) != 0)
        log_warn("the limit of open files stays as it is: %s", strerror(errno));
}

static enum err set_up(struct worker *w)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    TRY(loop_new(&w->loop));
    TRY(timer_new(w->loop, look_whether_drained, w, &w->drain_look));
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        TRY(loop_on_signal(w->loop, signals[i], on_signal, w));
    return watch_new(w->loop, CONTROL_FD, control_readable, w, &w->control);
}

static void tear_down(struct worker *w)
{
    while (w->sockets != NULL) {
        struct socket_set *set = w->sockets;
        w->sockets = set->next;
        for (size_t i = 0; i < set->n; i++) {
            listener_free(set->listeners[i]);
            if (set->fds[i] >= 0)
                close(set->fds[i]);
        }
        free(set);
    }
    while (w->served != NULL) { /* sessions report what they held and ran while the gate is there */
        struct served *s = w->served;
        w->served = s->next;
        s->source->close(s->state);
        free(s);
    }
    gate_free(w->gate);
    config_unref(w->config);
    watch_free(w->control);
    timer_free(w->drain_look);
    loop_free(w->loop);
}

static enum exit_status run(const struct command *self, int argc, char **argv)
{
    struct worker w = {.state = WORKER_STARTING, .status = EXIT_DONE};
    size_t n;
    if (cmd_options(self, NULL, 0, argc, argv, 0, 0, &n) != ERR_OK)
        return EXIT_USAGE;
    log_init("worker", getenv("COUNTERSIGN_DEBUG") != NULL ? LOG_DEBUG : LOG_INFO);
    raise_descriptors();
    enum err e = set_up(&w);
    if (e == ERR_OK) {
        loop_run(w.loop);
    } else {
        log_error("cannot start (is descriptor %d the keeper's?): %s", CONTROL_FD, err_text(e));
        w.status = EXIT_USAGE;
    }
    tear_down(&w);
    return w.status;
}

const struct command cmd_worker = {
    .name = "worker",
    .group = COMMANDS_HIDDEN,
    .summary = "Relay and hold what clients send",
    .usage = "Usage: countersign worker\n\nStarted by `countersign serve`; not for people.\n",
    .run = run,
};
