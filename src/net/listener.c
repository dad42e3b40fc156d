#include "net/listener.h"
#include "base/log.h"
#include "net/loop_internal.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The kernel's own default ceiling (net.core.somaxconn). */
enum { BACKLOG = 4096 };
/* Connections taken in one turn, so that a storm of them does not starve those that are served. */
enum { ACCEPTS_PER_TURN = 16 };
/* With no descriptor left the kernel reports readiness for ever: look again after this time. */
enum { OUT_OF_FDS_MS = 100 };

/* --- Opening --------------------------------------------------------------------------------- */

static enum err fail(struct listen_error *ret, const char *where, int code)
{
    (void)snprintf(ret->text, sizeof(ret->text), "cannot listen on %.150s: %s", where,
                   strerror(code));
    return err_of_errno(code);
}

/* True where somebody answers there. */
static bool is_live(const struct sockaddr_un *un)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return true; /* not known: leave it alone */
    bool live = connect(fd, (const struct sockaddr *)un, sizeof(*un)) == 0 || errno != ECONNREFUSED;
    close(fd);
    return live;
}

static enum err remove_stale(const struct sockaddr_un *un, struct listen_error *ret_error)
{
    struct stat st;
    if (lstat(un->sun_path, &st) != 0)
        return errno == ENOENT ? ERR_OK : fail(ret_error, un->sun_path, errno);
    if (!S_ISSOCK(st.st_mode))
        return fail(ret_error, un->sun_path, EEXIST);
    if (is_live(un))
        return fail(ret_error, un->sun_path, EADDRINUSE);
    if (unlink(un->sun_path) != 0 && errno != ENOENT)
        return fail(ret_error, un->sun_path, errno);
    return ERR_OK;
}

static enum err open_unix(const struct address *at, uint32_t mode, int *ret_fd,
                          struct listen_error *ret_error)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    if (at->host.n == 0 || at->host.n >= sizeof(un.sun_path) ||
        memchr(at->host.p, '\0', at->host.n) != NULL)
        return fail(ret_error, "a unix socket", ENAMETOOLONG);
    memcpy(un.sun_path, at->host.p, at->host.n);
    TRY(remove_stale(&un, ret_error));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail(ret_error, un.sun_path, errno);
    mode_t before = umask((mode_t)(~mode & 0777));
    int e = bind(fd, (struct sockaddr *)&un, sizeof(un)) != 0 ? errno : 0;
    (void)umask(before);
    if (e == 0 && listen(fd, BACKLOG) != 0)
        e = errno;
    if (e != 0) {
        close(fd);
        return fail(ret_error, un.sun_path, e);
    }
    *ret_fd = fd;
    return ERR_OK;
}

static int open_tcp(const struct addrinfo *a, int *ret_fd)
{
    static const int on = 1;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    /* Each family has its own socket, so "*" means the same whatever net.ipv6.bindv6only says. */
    bool ok = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
              (a->ai_family != AF_INET6 ||
               setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
              bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
    if (!ok) {
        int e = errno;
        close(fd);
        return e;
    }
    *ret_fd = fd;
    return 0;
}

static enum err open_all(const struct addrinfo *list, bool any, const char *where,
                         int ret_fds[static LISTEN_MAX_FDS], size_t *ret_n,
                         struct listen_error *ret_error)
{
    size_t n = 0;
    int e = ENOENT;
    for (const struct addrinfo *a = list; a != NULL && n < LISTEN_MAX_FDS; a = a->ai_next) {
        int one = open_tcp(a, &ret_fds[n]);
        if (one == 0) {
            n++;
            continue;
        }
        e = one;
        /* "*" on a host without IPv6 (or without IPv4) means what there is. */
        if (any && (one == EAFNOSUPPORT || one == EADDRNOTAVAIL))
            continue;
        while (n > 0)
            close(ret_fds[--n]);
        break;
    }
    if (n == 0)
        return fail(ret_error, where, e);
    *ret_n = n;
    return ERR_OK;
}

/* The first socket was bound without the option, so an address in use was noticed; from here others
 * of this user may join it. */
enum err listen_again(int fd, int *ret_fd)
{
    static const int on = 1;
    struct sockaddr_storage at;
    socklen_t n = sizeof(at);
    if (getsockname(fd, (struct sockaddr *)&at, &n) != 0)
        return err_of_errno(errno);
    if (at.ss_family != AF_INET && at.ss_family != AF_INET6)
        return ERR_UNSUPPORTED;
    int more = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (more < 0)
        return err_of_errno(errno);
    bool ok = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0 &&
              setsockopt(more, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0 &&
              setsockopt(more, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
              (at.ss_family != AF_INET6 ||
               setsockopt(more, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
              bind(more, (struct sockaddr *)&at, n) == 0 && listen(more, BACKLOG) == 0;
    if (!ok) {
        int e = errno;
        close(more);
        return err_of_errno(e);
    }
    *ret_fd = more;
    return ERR_OK;
}

enum err listen_open(const struct address *at, uint32_t unix_mode,
                     int ret_fds[static LISTEN_MAX_FDS], size_t *ret_n,
                     struct listen_error *ret_error)
{
    if (at->is_unix) {
        TRY(open_unix(at, unix_mode, &ret_fds[0], ret_error));
        *ret_n = 1;
        return ERR_OK;
    }
    char *host = str_dupz(at->host), service[8], where[200];
    if (host == NULL)
        return fail(ret_error, "an address", ENOMEM);
    bool any = strcmp(host, "*") == 0;
    (void)snprintf(where, sizeof(where), "%.180s port %u", host, at->port);
    (void)snprintf(service, sizeof(service), "%u", at->port);
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int e = getaddrinfo(any ? NULL : host, service, &hints, &list);
    free(host);
    if (e != 0) {
        (void)snprintf(ret_error->text, sizeof(ret_error->text), "cannot listen on %s: %s", where,
                       gai_strerror(e));
        return ERR_NOT_FOUND;
    }
    enum err result = open_all(list, any, where, ret_fds, ret_n, ret_error);
    freeaddrinfo(list);
    return result;
}

/* --- Serving --------------------------------------------------------------------------------- */

struct listener {
    uv_poll_t poll;
    struct timer *retry; /* running: no descriptors were left */
    accepted_fn *accepted;
    void *ctx;
    int fd; /* -1: freed, libuv has not let go yet */
};

static void on_connection(uv_poll_t *poll, int status, int events);

static void watch(void *ctx)
{
    struct listener *l = ctx;
    (void)uv_poll_start(&l->poll, UV_READABLE, on_connection); /* fails only while closing */
}

static void out_of_descriptors(struct listener *l, int code)
{
    log_warn("cannot accept connections: %s; trying again in %d ms", strerror(code),
             OUT_OF_FDS_MS);
    (void)uv_poll_stop(&l->poll);
    timer_start(l->retry, OUT_OF_FDS_MS, 0);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && l->fd >= 0; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            l->accepted(l->ctx, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            out_of_descriptors(l, errno);
        else if (errno == ECONNABORTED || errno == EINTR)
            continue; /* that one is gone; the next may be well */
        else if (status < 0)
            watch(l); /* libuv stopped watching */
        return; /* nothing there, or another process took it */
    }
}

static void closed(uv_handle_t *h)
{
    free(h->data);
}

enum err listener_new(struct loop *loop, int fd, accepted_fn *accepted, void *ctx,
                      struct listener **ret)
{
    struct listener *l = calloc(1, sizeof(*l));
    enum err e = l != NULL ? timer_new(loop, watch, l, &l->retry) : ERR_NOMEM;
    if (e == ERR_OK)
        e = err_of_uv(uv_poll_init(&loop->uv, &l->poll, fd));
    if (e != ERR_OK) {
        if (l != NULL)
            timer_free(l->retry);
        free(l);
        close(fd);
        return e;
    }
    l->poll.data = l;
    l->accepted = accepted;
    l->ctx = ctx;
    l->fd = fd;
    watch(l);
    *ret = l;
    return ERR_OK;
}

void listener_free(struct listener *l)
{
    if (l == NULL)
        return;
    timer_free(l->retry);
    uv_close((uv_handle_t *)&l->poll, closed);
    close(l->fd);
    l->fd = -1;
}
