#include "base/clock.h"
#include "base/digest.h"
#include "base/limits.h"
#include "base/log.h"
#include "cmd/child.h"
#include "cmd/cmd.h"
#include "cmd/config_file.h"
#include "cmd/doors.h"
#include "cmd/systemd.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The keeper: the process above broker and workers (docs/decisions/0001). It opens the listening
 * sockets, starts the others, joins each worker with the broker by a socket pair, and starts again
 * what dies. It reads no client's byte and knows no request; so it has little to die of.
 *
 *   RUNNING --SIGTERM--> DRAINING (workers end their sessions) --> CLOSING (the broker) --> exit
 */

enum phase { RUNNING = 1, DRAINING, CLOSING };

struct keeper {
    const struct command *command;
    struct arena arena;
    struct config *config;
    struct doors doors;
    struct child *children; /* [0] is the broker, worker i is [i + 1] */
    size_t n_children;
    const char *broker_argv[8], *worker_argv[4];
    char instance[33];
    int signals;     /* signalfd */
    int kept_config; /* the configuration in force, for a broker that is started again; -1: none yet */
    enum phase phase;
    int64_t phase_ends_mono_ns; /* DRAINING, CLOSING: then the rest is killed */
    bool said_ready;
    enum exit_status status;
};

/* --- Joining --------------------------------------------------------------------------------- */

/* A child that does not take what it is told is beyond help. */
static void took(struct child *c, enum err e)
{
    if (e == ERR_OK || e == ERR_CLOSED)
        return;
    log_error("%s does not take its control messages (%s): it is killed", c->name, err_text(e));
    (void)kill(c->pid, SIGKILL);
}

static void tell(struct child *c, enum control_type type)
{
    const struct control_message m = {.type = type};
    if (c->control >= 0)
        took(c, control_send(c->control, &m));
}

/* A fresh link between the broker and one worker, where both are there. */
static void join(struct keeper *k, uint32_t worker)
{
    struct child *broker = &k->children[0], *w = &k->children[worker + 1];
    int pair[2];
    if (broker->control < 0 || w->control < 0)
        return;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        log_error("no link between broker and %s: %s", w->name, strerror(errno));
        return;
    }
    struct control_message m = {.type = CONTROL_LINK, .index = worker, .fds = {pair[0]}, .n_fds = 1};
    took(broker, control_send(broker->control, &m));
    m.fds[0] = pair[1];
    took(w, control_send(w->control, &m));
    (void)close(pair[0]);
    (void)close(pair[1]);
}

/* Its first message; it waits for it. */
static void hand_config(struct keeper *k, struct child *broker)
{
    struct control_message m = {.type = CONTROL_CONFIG, .fds = {k->kept_config}};
    m.n_fds = k->kept_config >= 0 ? 1 : 0;
    took(broker, control_send(broker->control, &m));
}

static void start_child(struct keeper *k, size_t i)
{
    struct child *c = &k->children[i];
    int64_t now = clock_mono_ns();
    if (child_start(c, now) != ERR_OK) {
        log_error("cannot start %s: %s", c->name, strerror(errno));
        c->start_at_mono_ns = now + NS_PER_S;
        return;
    }
    if (i == 0)
        hand_config(k, c);
    took(c, i == 0 ? doors_hand_to_broker(&k->doors, c->control)
                   : doors_hand_to_worker(&k->doors, i - 1, c->control));
    for (size_t w = i == 0 ? 0 : i - 1; w < (i == 0 ? k->n_children - 1 : i); w++)
        join(k, (uint32_t)w);
}

/* --- The phases ------------------------------------------------------------------------------- */

static size_t alive(const struct keeper *k, size_t from)
{
    size_t n = 0;
    for (size_t i = from; i < k->n_children; i++)
        n += k->children[i].state != CHILD_DOWN;
    return n;
}

static void enter(struct keeper *k, enum phase phase)
{
    k->phase = phase;
    if (phase == DRAINING) {
        systemd_notify("STOPPING=1");
        doors_close(&k->doors, false);
        k->phase_ends_mono_ns = clock_mono_ns() + (LIMIT_DRAIN_MS + 1000) * NS_PER_MS;
        for (size_t i = 1; i < k->n_children; i++)
            tell(&k->children[i], CONTROL_SHUTDOWN);
    } else {
        k->phase_ends_mono_ns = clock_mono_ns() + LIMIT_BROKER_STOP_MS * NS_PER_MS;
        tell(&k->children[0], CONTROL_SHUTDOWN);
    }
}

static void kill_phase(struct keeper *k)
{
    size_t from = k->phase == DRAINING ? 1 : 0;
    for (size_t i = from; i < (k->phase == DRAINING ? k->n_children : 1); i++)
        if (k->children[i].state != CHILD_DOWN) {
            log_warn("%s did not stop in time: it is killed", k->children[i].name);
            (void)kill(k->children[i].pid, SIGKILL);
        }
    k->phase_ends_mono_ns = INT64_MAX;
}

static void stop_for(struct keeper *k, enum exit_status status)
{
    k->status = status;
    if (k->phase == RUNNING)
        enter(k, DRAINING);
}

/* --- What children say ------------------------------------------------------------------------ */

static void say_ready(struct keeper *k)
{
    for (size_t i = 0; i < k->n_children; i++)
        if (k->children[i].state != CHILD_READY)
            return;
    if (!k->said_ready)
        log_info("ready: %zu worker%s", k->n_children - 1, k->n_children == 2 ? "" : "s");
    k->said_ready = true;
    systemd_notify("READY=1");
}

static void on_ready(struct keeper *k, struct child *c, const struct control_message *m)
{
    (void)m;
    c->state = CHILD_READY;
    c->was_ready = true;
    say_ready(k);
}

static void close_fds(const struct control_message *m)
{
    for (size_t i = 0; i < m->n_fds; i++)
        (void)close(m->fds[i]);
}

static void on_loaded(struct keeper *k, struct child *c, const struct control_message *m)
{
    if (c != &k->children[0]) {
        close_fds(m);
        return;
    }
    if (m->n_fds == 1) {
        if (k->kept_config >= 0)
            (void)close(k->kept_config);
        k->kept_config = m->fds[0];
    }
    if (c->state != CHILD_READY)
        return; /* said at the start */
    if (m->ok)
        log_info("the configuration was loaded again");
    else
        log_error("the old configuration stays in force:\n%.*s",
                  STR_FMT(m->text));
    systemd_notify(m->ok ? "READY=1\nSTATUS=" : "READY=1\nSTATUS=the old configuration stays in force");
}

/* The broker says that a worker broke the link's rules. */
static void on_kill(struct keeper *k, struct child *c, const struct control_message *m)
{
    if (c != &k->children[0] || m->index + 1 >= k->n_children)
        return;
    struct child *w = &k->children[m->index + 1];
    if (w->state != CHILD_DOWN) {
        log_error("%s broke the rules of its link: it is killed", w->name);
        (void)kill(w->pid, SIGKILL);
    }
}

static void (*const handlers[CONTROL_TYPE_COUNT_])(struct keeper *, struct child *,
                                                   const struct control_message *) = {
    [CONTROL_READY] = on_ready,
    [CONTROL_LOADED] = on_loaded,
    [CONTROL_KILL] = on_kill,
};

static void hear(struct keeper *k, struct child *c)
{
    struct control_packet packet;
    struct control_message m;
    enum err e = control_receive(c->control, &packet, &m);
    if (e == ERR_INCOMPLETE)
        return;
    if (e == ERR_OK && handlers[m.type] != NULL) {
        handlers[m.type](k, c, &m);
        return;
    }
    if (e == ERR_OK)
        close_fds(&m);
    if (e != ERR_CLOSED)
        log_error("%s sends what no child sends: it is killed", c->name);
    (void)kill(c->pid, SIGKILL);
    /* The end of the process is told by SIGCHLD; until then its socket is not looked at again. */
    (void)close(c->control);
    c->control = -1;
}

/* --- Signals --------------------------------------------------------------------------------- */

static void say_how_it_ended(const struct child *c, int status)
{
    if (WIFSIGNALED(status))
        log_error("%s (process %d) was ended by signal %d", c->name, (int)c->pid,
                  WTERMSIG(status));
    else
        log_error("%s (process %d) ended with status %d", c->name, (int)c->pid,
                  WEXITSTATUS(status));
}

static void on_child_end(struct keeper *k, size_t i, int status)
{
    struct child *c = &k->children[i];
    bool expected = k->phase != RUNNING && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!expected)
        say_how_it_ended(c, status);
    child_gone(c, clock_mono_ns());
    if (k->phase == RUNNING && !c->was_ready && !k->said_ready)
        stop_for(k, EXIT_USAGE); /* what cannot even start is for the operator to mend */
}

static void reap(struct keeper *k)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t i = 0; i < k->n_children; i++)
            if (k->children[i].pid == pid)
                on_child_end(k, i, status);
}

static void reload(struct keeper *k, uint32_t asked_by)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
                   (long long)(clock_mono_ns() / 1000));
    systemd_notify(text);
    const struct control_message m = {.type = CONTROL_RELOAD, .index = asked_by};
    if (k->children[0].control >= 0)
        took(&k->children[0], control_send(k->children[0].control, &m));
}

static void on_signal(struct keeper *k)
{
    struct signalfd_siginfo info;
    if (read(k->signals, &info, sizeof(info)) != sizeof(info))
        return;
    switch (info.ssi_signo) {
    case SIGCHLD:
        reap(k);
        break;
    case SIGHUP:
        if (k->phase == RUNNING)
            reload(k, info.ssi_uid);
        break;
    default: /* SIGTERM, SIGINT; a second one does not wait for sessions */
        if (k->phase == RUNNING)
            enter(k, DRAINING);
        else
            kill_phase(k);
    }
}

/* --- The loop -------------------------------------------------------------------------------- */

static int64_t next_deadline(const struct keeper *k)
{
    int64_t next = k->phase == RUNNING ? INT64_MAX : k->phase_ends_mono_ns;
    for (size_t i = 0; k->phase == RUNNING && i < k->n_children; i++)
        if (k->children[i].state == CHILD_DOWN && k->children[i].start_at_mono_ns < next)
            next = k->children[i].start_at_mono_ns;
    return next;
}

static int wait_ms(const struct keeper *k)
{
    int64_t next = next_deadline(k), now = clock_mono_ns();
    if (next == INT64_MAX)
        return -1;
    int64_t ms = next <= now ? 0 : (next - now + NS_PER_MS - 1) / NS_PER_MS;
    return ms > 60000 ? 60000 : (int)ms;
}

/* What time and deaths call for. False: everything is down and we go. */
static bool move_on(struct keeper *k)
{
    int64_t now = clock_mono_ns();
    if (k->phase == RUNNING) {
        for (size_t i = 0; i < k->n_children; i++)
            if (k->children[i].state == CHILD_DOWN && k->children[i].start_at_mono_ns <= now)
                start_child(k, i);
        return true;
    }
    if (k->phase_ends_mono_ns <= now)
        kill_phase(k);
    if (k->phase == DRAINING && alive(k, 1) == 0)
        enter(k, CLOSING);
    return alive(k, 0) != 0;
}

static void keep(struct keeper *k)
{
    struct pollfd fds[1 + 1 + LIMIT_WORKERS];
    struct child *who[ARRAY_LEN(fds)];
    while (move_on(k)) {
        nfds_t n = 0;
        fds[n++] = (struct pollfd){.fd = k->signals, .events = POLLIN};
        for (size_t i = 0; i < k->n_children; i++) {
            if (k->children[i].control < 0)
                continue;
            who[n] = &k->children[i];
            fds[n++] = (struct pollfd){.fd = k->children[i].control, .events = POLLIN};
        }
        if (poll(fds, n, wait_ms(k)) < 0)
            continue; /* EINTR, or no memory for a moment */
        for (nfds_t i = 1; i < n; i++)
            if (fds[i].revents != 0 && who[i]->control == fds[i].fd)
                hear(k, who[i]);
        if (fds[0].revents != 0)
            on_signal(k);
    }
}

/* --- Setting up ------------------------------------------------------------------------------- */

static enum err make_instance(struct keeper *k)
{
    unsigned char raw[16];
    TRY(random_bytes(raw, sizeof(raw)));
    for (size_t i = 0; i < sizeof(raw); i++)
        (void)snprintf(k->instance + 2 * i, 3, "%02x", raw[i]);
    return ERR_OK;
}

static uint32_t workers_wanted(const struct config *c)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t n = c->workers != 0 ? c->workers : cores > 0 ? (uint32_t)cores : 1;
    return n > LIMIT_WORKERS ? LIMIT_WORKERS : n;
}

static enum err make_children(struct keeper *k, const char *config_path)
{
    uint32_t workers = workers_wanted(k->config);
    k->n_children = (size_t)workers + 1;
    k->children = arena_new_array(&k->arena, k->n_children, struct child);
    if (k->children == NULL)
        return ERR_NOMEM;
    const char *const broker[] = {"countersign", "broker",     "-c", config_path,
                                  "--instance",  k->instance, NULL};
    const char *const worker[] = {"countersign", "worker", NULL};
    memcpy(k->broker_argv, broker, sizeof(broker));
    memcpy(k->worker_argv, worker, sizeof(worker));
    for (size_t i = 0; i < k->n_children; i++) {
        struct child *c = &k->children[i];
        *c = (struct child){.state = CHILD_DOWN, .control = -1};
        c->argv = i == 0 ? k->broker_argv : k->worker_argv;
        (void)snprintf(c->name, sizeof(c->name), i == 0 ? "broker" : "worker %zu", i - 1);
    }
    return ERR_OK;
}

static enum err take_signals(struct keeper *k)
{
    static const int wanted[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        (void)sigaddset(&set, wanted[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return ERR_IO;
    k->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return k->signals >= 0 ? ERR_OK : ERR_IO;
}

static enum err set_up(struct keeper *k, struct str path, const char *path_z)
{
    struct arena scratch CLEANUP(arena_done);
    struct diagnostics said;
    arena_init(&scratch, LIMIT_CONFIG_ARENA);
    enum err e = config_file_load(path, true, &scratch, &said, &k->config);
    if (e == ERR_OK || e == ERR_INVALID)
        config_say(&said);
    TRY(e);
    TRY(make_instance(k));
    TRY(take_signals(k));
    TRY(make_children(k, path_z));
    return doors_open(&k->doors, k->command, k->config, k->n_children - 1, &k->arena);
}

static enum exit_status serve(const struct command *self, const char *given)
{
    struct keeper k = {.command = self, .signals = -1, .kept_config = -1, .phase = RUNNING, .status = EXIT_DONE};
    struct str path = config_file_path(given);
    log_init("keeper", LOG_INFO);
    arena_init(&k.arena, 16 * MIB);
    char *path_z = str_dupz(path);
    enum err e = path_z != NULL ? set_up(&k, path, path_z) : ERR_NOMEM;
    if (e == ERR_OK) {
        keep(&k);
    } else {
        k.status = EXIT_USAGE;
        if (e != ERR_INVALID)
            cmd_complain(self, "cannot serve: %s", err_text(e));
    }
    doors_close(&k.doors, false);
    doors_close(&k.doors, true);
    if (k.signals >= 0)
        (void)close(k.signals);
    if (k.kept_config >= 0)
        (void)close(k.kept_config);
    config_unref(k.config);
    arena_done(&k.arena);
    free(path_z);
    return k.status;
}

static enum exit_status run(const struct command *self, int argc, char **argv)
{
    const char *path = NULL;
    size_t n;
    const struct cmd_option options[] = {{.name = "config", .letter = 'c', .value = &path}};
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 0, 0, &n) != ERR_OK)
        return EXIT_USAGE;
    return serve(self, path);
}

const struct command cmd_serve = {
    .name = "serve",
    .group = COMMANDS_GATEWAY,
    .summary = "Run the gateway",
    .usage = "Usage: countersign serve [-c FILE]\n"
             "\n"
             "Opens the listening sockets of the configuration and runs one broker and the workers,\n"
             "starting again whichever dies. Stays in the foreground; diagnostics go to standard\n"
             "error.\n"
             "\n"
             "  -c, --config FILE  the configuration (default: countersign.yaml here, else\n"
             "                     /etc/countersign/countersign.yaml)\n"
             "\n"
             "SIGHUP loads the configuration again; one that does not load leaves the old one in\n"
             "force. SIGTERM and SIGINT end it: sessions get time to finish, a second signal ends\n"
             "them at once.\n"
             "\n"
             "Exit status: 0 stopped as asked, 2 it could not start.\n",
    .run = run,
};
