#include "cmd/child.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Ten starts a minute: enough for every passing trouble, too few to fill a disk with diagnostics. */
#define WINDOW_NS (60 * NS_PER_S)
#define FIRST_DELAY_NS (100 * NS_PER_MS)

/* In the child, between fork and exec: only what is safe there. */
static void become(const struct child *c, int control, pid_t keeper)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != keeper)
        _exit(1);
    if (control == CONTROL_FD ? fcntl(control, F_SETFD, 0) != 0 : dup2(control, CONTROL_FD) < 0)
        _exit(1);
    (void)execv("/proc/self/exe", (char *const *)(uintptr_t)c->argv);
    _exit(127);
}

enum err child_start(struct child *c, int64_t now_mono_ns)
{
    int pair[2];
    pid_t keeper = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return ERR_IO;
    pid_t pid = fork();
    if (pid == 0)
        become(c, pair[1], keeper);
    (void)close(pair[1]);
    if (pid < 0) {
        (void)close(pair[0]);
        return ERR_IO;
    }
    c->pid = pid;
    c->control = pair[0];
    c->state = CHILD_STARTING;
    c->started[c->n_started++ % ARRAY_LEN(c->started)] = now_mono_ns;
    return ERR_OK;
}

/* Starts within the last minute, and when the oldest of a full set was. */
static size_t recent_starts(const struct child *c, int64_t now, int64_t *ret_oldest)
{
    size_t kept = c->n_started < ARRAY_LEN(c->started) ? c->n_started : ARRAY_LEN(c->started);
    size_t n = 0;
    *ret_oldest = now;
    for (size_t i = 0; i < kept; i++) {
        if (c->started[i] <= now - WINDOW_NS)
            continue;
        n++;
        if (c->started[i] < *ret_oldest)
            *ret_oldest = c->started[i];
    }
    return n;
}

void child_gone(struct child *c, int64_t now_mono_ns)
{
    int64_t oldest, delay = 0;
    size_t n = recent_starts(c, now_mono_ns, &oldest);
    if (c->control >= 0)
        (void)close(c->control);
    c->control = -1;
    c->pid = 0;
    c->state = CHILD_DOWN;
    if (n > 1)
        delay = FIRST_DELAY_NS << (n < 7 ? n - 2 : 5);
    c->start_at_mono_ns = now_mono_ns + delay;
    if (n == ARRAY_LEN(c->started) && oldest + WINDOW_NS > c->start_at_mono_ns)
        c->start_at_mono_ns = oldest + WINDOW_NS;
}
