#include "cmd/secrets.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* One command: what it printed last, or that it runs and who waits for it. */
struct command_run {
    struct command_run *next;
    struct secrets *owner;
    char *text;
    pid_t pid;        /* 0: it does not run */
    int out, process; /* its output; a descriptor of the process (pidfd_open(2)) */
    struct watch *watch;
    struct timer *timer;
    struct buf password; /* good until keep_until_ms */
    int64_t keep_until_ms;
    uint64_t *waiting;
    size_t n_waiting, room;
};

struct secrets {
    struct loop *loop;
    secret_fn *fn;
    void *ctx;
    struct command_run *commands;
};

static const struct str none = {NULL, 0};

static struct str without_newline(struct str s)
{
    while (s.n != 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
        s.n--;
    return s;
}

/* Up to LIMIT_SECRET_BYTES; more is no password. */
static enum err read_secret(int fd, struct buf *out)
{
    char piece[512];
    buf_init(out, LIMIT_SECRET_BYTES);
    for (;;) {
        ssize_t n = read(fd, piece, sizeof(piece));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            explicit_bzero(piece, sizeof(piece));
            return n == 0 || errno == EAGAIN ? ERR_OK : ERR_IO;
        }
        TRY(buf_put(out, piece, (size_t)n));
    }
}

static void tell(struct secrets *s, uint64_t number, struct str text, const char *why)
{
    text = without_newline(text);
    if (why == NULL && text.n == 0)
        why = "the password is empty";
    s->fn(s->ctx, number, why == NULL ? text : none, str_of(why));
}

static void from_file(struct secrets *s, const struct resource *r, uint64_t number)
{
    struct buf text CLEANUP(buf_wipe) = {0};
    char *path = str_dupz(r->secret);
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    enum err e = fd >= 0 ? read_secret(fd, &text) : ERR_IO;
    if (fd >= 0)
        close(fd);
    free(path);
    tell(s, number, buf_view(&text), e == ERR_OK ? NULL : "the file with the password cannot be read");
}

static void from_environment(struct secrets *s, const struct resource *r, uint64_t number)
{
    char *name = str_dupz(r->secret);
    const char *value = name != NULL ? getenv(name) : NULL;
    free(name);
    tell(s, number, str_of(value), value != NULL ? NULL : "the variable with the password is not set");
}

/* --- Commands -------------------------------------------------------------------------------- */

static void stop_watching(struct command_run *c)
{
    watch_free(c->watch);
    c->watch = NULL;
    timer_stop(c->timer);
    if (c->process >= 0)
        close(c->process);
    if (c->out >= 0)
        close(c->out);
    c->process = c->out = -1;
    c->pid = 0;
}

static void ended(struct command_run *c, const char *why)
{
    uint64_t *waiting = c->waiting;
    size_t n = c->n_waiting;
    stop_watching(c);
    c->waiting = NULL;
    c->n_waiting = c->room = 0;
    c->keep_until_ms = why == NULL ? loop_now_ms(c->owner->loop) + LIMIT_SECRET_KEPT_MS : 0;
    for (size_t i = 0; i < n; i++)
        tell(c->owner, waiting[i], buf_view(&c->password), why);
    free(waiting);
    if (why != NULL)
        buf_wipe(&c->password);
}

static void on_exit_of(void *ctx)
{
    struct command_run *c = ctx;
    int status = -1;
    if (waitpid(c->pid, &status, WNOHANG) != c->pid)
        return;
    buf_wipe(&c->password);
    enum err e = read_secret(c->out, &c->password);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        ended(c, "the command for the password failed");
    else
        ended(c, e == ERR_OK ? NULL : "the command for the password printed too much");
}

static void on_too_long(void *ctx)
{
    struct command_run *c = ctx;
    int status;
    (void)kill(-c->pid, SIGKILL);
    (void)kill(c->pid, SIGKILL);
    (void)waitpid(c->pid, &status, 0);
    ended(c, "the command for the password did not end in time");
}

static bool spawn(struct command_run *c, int out)
{
    const char *const argv[] = {"/bin/sh", "-c", c->text, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t empty;
    (void)sigemptyset(&empty);
    if (posix_spawn_file_actions_init(&files) != 0)
        return false;
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&files);
        return false;
    }
    bool done = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK) == 0 &&
                posix_spawnattr_setsigmask(&attributes, &empty) == 0 &&
                posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
                posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO) == 0 &&
                posix_spawn(&c->pid, argv[0], &files, &attributes, (char *const *)argv, environ) == 0;
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&files);
    if (!done)
        c->pid = 0;
    return done;
}

/* Its output waits in the pipe until it has ended: a password fits there. */
static bool run(struct command_run *c)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    bool done = spawn(c, fds[1]);
    close(fds[1]);
    c->out = fds[0];
    c->process = done ? (int)syscall(SYS_pidfd_open, c->pid, 0) : -1;
    if (c->process >= 0 && watch_new(c->owner->loop, c->process, on_exit_of, c, &c->watch) == ERR_OK) {
        timer_start(c->timer, LIMIT_SECRET_COMMAND_MS, 0);
        return true;
    }
    if (done) {
        int status;
        (void)kill(c->pid, SIGKILL);
        (void)waitpid(c->pid, &status, 0);
    }
    stop_watching(c);
    return false;
}

static struct command_run *command_of(struct secrets *s, struct str text)
{
    for (struct command_run *c = s->commands; c != NULL; c = c->next)
        if (str_is(text, c->text))
            return c;
    struct command_run *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    *c = (struct command_run){.owner = s, .out = -1, .process = -1, .text = str_dupz(text)};
    if (c->text == NULL || timer_new(s->loop, on_too_long, c, &c->timer) != ERR_OK) {
        free(c->text);
        free(c);
        return NULL;
    }
    c->next = s->commands;
    s->commands = c;
    return c;
}

static bool wait_for(struct command_run *c, uint64_t number)
{
    if (c->n_waiting == LIMIT_LOGINS_WAITING)
        return false;
    if (c->n_waiting == c->room) {
        size_t room = c->room != 0 ? 2 * c->room : 8;
        uint64_t *list = reallocarray(c->waiting, room, sizeof(*list));
        if (list == NULL)
            return false;
        c->waiting = list;
        c->room = room;
    }
    c->waiting[c->n_waiting++] = number;
    return true;
}

static void from_command(struct secrets *s, const struct resource *r, uint64_t number)
{
    struct command_run *c = command_of(s, r->secret);
    if (c == NULL)
        tell(s, number, none, "there is no memory for the command for the password");
    else if (c->pid == 0 && loop_now_ms(s->loop) < c->keep_until_ms)
        tell(s, number, buf_view(&c->password), NULL);
    else if (!wait_for(c, number))
        tell(s, number, none, "too many logins wait for the command for the password");
    else if (c->pid == 0 && !run(c))
        ended(c, "the command for the password cannot be run");
}

void secrets_ask(struct secrets *s, const struct resource *r, uint64_t number)
{
    switch (r->secret_kind) {
    case SECRET_FILE:
        from_file(s, r, number);
        break;
    case SECRET_ENVIRONMENT:
        from_environment(s, r, number);
        break;
    case SECRET_COMMAND:
        from_command(s, r, number);
        break;
    case SECRET_NONE:
        tell(s, number, none, "the database asks for a password and `upstream_password` is not set");
        break;
    }
}

enum err secrets_new(struct loop *l, secret_fn *fn, void *ctx, struct secrets **ret)
{
    struct secrets *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NOMEM;
    *s = (struct secrets){.loop = l, .fn = fn, .ctx = ctx};
    *ret = s;
    return ERR_OK;
}

void secrets_free(struct secrets *s)
{
    while (s != NULL && s->commands != NULL) {
        struct command_run *c = s->commands;
        int status;
        s->commands = c->next;
        if (c->pid != 0) {
            (void)kill(-c->pid, SIGKILL);
            (void)waitpid(c->pid, &status, 0);
        }
        stop_watching(c);
        timer_free(c->timer);
        buf_wipe(&c->password);
        free(c->waiting);
        free(c->text);
        free(c);
    }
    free(s);
}
