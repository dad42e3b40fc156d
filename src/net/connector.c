#include "net/connector.h"
#include "net/loop_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* One socket on its way. It outlives the connector until libuv has let go of the handle. */
struct attempt {
    uv_poll_t poll;
    struct connector *owner;
    int fd;
};

/* A look-up in a thread cannot always be stopped: it outlives the connector that gave up. */
struct lookup {
    uv_getaddrinfo_t uv;
    struct connector *owner; /* NULL: nobody waits any more */
};

struct connector {
    struct loop *loop;
    connector_done_fn *done;
    void *ctx;
    struct timer *deadline;
    struct lookup *lookup;
    struct addrinfo *found; /* from the look-up */
    struct addrinfo *next;  /* the one to try next */
    struct addrinfo single; /* for numeric addresses and unix sockets */
    struct sockaddr_storage single_address;
    struct attempt *attempt;
    enum err why;
    char target[128];
    char text[256];
};

static void attempt_closed(uv_handle_t *h)
{
    free(h->data);
}

static void attempt_free(struct attempt *a, bool close_fd)
{
    if (a == NULL)
        return;
    uv_close((uv_handle_t *)&a->poll, attempt_closed);
    if (close_fd)
        close(a->fd);
}

void connector_free(struct connector *c)
{
    if (c == NULL)
        return;
    if (c->lookup != NULL) {
        c->lookup->owner = NULL;
        (void)uv_cancel((uv_req_t *)&c->lookup->uv); /* where it runs already, it is left to end */
    }
    loop_undefer(c->loop, c);
    attempt_free(c->attempt, true);
    timer_free(c->deadline);
    uv_freeaddrinfo(c->found);
    free(c);
}

static void finish(struct connector *c, int fd)
{
    connector_done_fn *done = c->done;
    void *ctx = c->ctx;
    enum err why = fd >= 0 ? ERR_OK : c->why;
    char text[sizeof(c->text)];
    memcpy(text, c->text, sizeof(text));
    connector_free(c);
    done(ctx, fd, why, fd >= 0 ? STR("") : str_of(text));
}

static void note_failure(struct connector *c, int code)
{
    c->why = err_of_errno(code);
    (void)snprintf(c->text, sizeof(c->text), "connection to %s failed: %s", c->target,
                   strerror(code));
}

static void try_next(struct connector *c);

static void attempt_ready(uv_poll_t *poll, int status, int events)
{
    struct attempt *a = poll->data;
    struct connector *c = a->owner;
    int error = 0;
    socklen_t n = sizeof(error);
    (void)status; /* the socket knows better what happened */
    (void)events;
    if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
        error = errno;
    int fd = a->fd;
    c->attempt = NULL;
    attempt_free(a, error != 0);
    if (error == 0) {
        finish(c, fd);
        return;
    }
    note_failure(c, error);
    try_next(c);
}

static int attempt_start(struct connector *c, const struct addrinfo *to)
{
    struct attempt *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return ENOMEM;
    a->owner = c;
    a->fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (a->fd < 0) {
        int error = errno;
        free(a);
        return error;
    }
    if (connect(a->fd, to->ai_addr, to->ai_addrlen) != 0 && errno != EINPROGRESS) {
        int error = errno; /* EAGAIN: the queue of a unix socket is full, which is a refusal */
        close(a->fd);
        free(a);
        return error;
    }
    int e = uv_poll_init(&c->loop->uv, &a->poll, a->fd);
    if (e != 0) {
        close(a->fd);
        free(a);
        return -e;
    }
    a->poll.data = a;
    c->attempt = a;
    (void)uv_poll_start(&a->poll, UV_WRITABLE, attempt_ready); /* fails only while closing */
    return 0;
}

/* Ends in an attempt under way, or in `finish`: never call it from connector_new. */
static void try_next(struct connector *c)
{
    while (c->next != NULL) {
        const struct addrinfo *to = c->next;
        c->next = to->ai_next;
        int error = attempt_start(c, to);
        if (error == 0)
            return;
        note_failure(c, error);
    }
    finish(c, -1);
}

static void deadline_passed(void *ctx)
{
    struct connector *c = ctx;
    c->why = ERR_TIMEOUT;
    (void)snprintf(c->text, sizeof(c->text), "connection to %s timed out", c->target);
    finish(c, -1);
}

static void start(void *ctx)
{
    try_next(ctx);
}

static void lookup_done(uv_getaddrinfo_t *uv, int status, struct addrinfo *found)
{
    struct lookup *look = uv->data;
    struct connector *c = look->owner;
    free(look);
    if (c == NULL) {
        uv_freeaddrinfo(found);
        return;
    }
    c->lookup = NULL;
    if (status != 0) {
        c->why = ERR_NOT_FOUND;
        (void)snprintf(c->text, sizeof(c->text), "the host of %s was not found: %s", c->target,
                       uv_strerror(status));
        finish(c, -1);
        return;
    }
    c->found = c->next = found;
    try_next(c);
}

static enum err look_up(struct connector *c, const char *host, uint16_t port)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICSERV};
    char service[8];
    (void)snprintf(service, sizeof(service), "%u", port);
    struct lookup *look = calloc(1, sizeof(*look));
    if (look == NULL)
        return ERR_NOMEM;
    int e = uv_getaddrinfo(&c->loop->uv, &look->uv, lookup_done, host, service, &hints);
    if (e != 0) {
        free(look);
        return err_of_uv(e);
    }
    look->uv.data = look;
    look->owner = c;
    c->lookup = look;
    return ERR_OK;
}

static enum err use_unix(struct connector *c, const char *path)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&c->single_address;
    size_t n = strlen(path);
    if (n >= sizeof(un->sun_path))
        return ERR_LIMIT;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, n + 1);
    c->single.ai_family = AF_UNIX;
    c->single.ai_addrlen = sizeof(*un);
    return ERR_OK;
}

static bool use_numeric(struct connector *c, const char *host, uint16_t port)
{
    struct sockaddr_in *in4 = (struct sockaddr_in *)&c->single_address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&c->single_address;
    if (inet_pton(AF_INET, host, &in4->sin_addr) == 1) {
        in4->sin_family = AF_INET;
        in4->sin_port = htons(port);
        c->single.ai_addrlen = sizeof(*in4);
    } else if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        c->single.ai_addrlen = sizeof(*in6);
    } else {
        return false;
    }
    c->single.ai_family = c->single_address.ss_family;
    return true;
}

static enum err begin(struct connector *c, const struct address *to, int64_t timeout_ms)
{
    char host[256];
    if (to->host.n == 0 || to->host.n >= sizeof(host) ||
        memchr(to->host.p, '\0', to->host.n) != NULL)
        return ERR_INVALID;
    memcpy(host, to->host.p, to->host.n);
    host[to->host.n] = '\0';
    bool single = to->is_unix || use_numeric(c, host, to->port);
    if (to->is_unix) {
        TRY(use_unix(c, host));
        (void)snprintf(c->target, sizeof(c->target), "%.120s", host);
    } else {
        (void)snprintf(c->target, sizeof(c->target), "%.110s port %u", host, to->port);
    }
    TRY(timer_new(c->loop, deadline_passed, c, &c->deadline));
    timer_start(c->deadline, timeout_ms, 0);
    if (!single)
        return look_up(c, host, to->port);
    c->single.ai_addr = (struct sockaddr *)&c->single_address;
    c->next = &c->single;
    return loop_defer(c->loop, start, c);
}

enum err connector_new(struct loop *l, const struct address *to, int64_t timeout_ms,
                       connector_done_fn *done, void *ctx, struct connector **ret)
{
    struct connector *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ERR_NOMEM;
    c->loop = l;
    c->done = done;
    c->ctx = ctx;
    enum err e = begin(c, to, timeout_ms);
    if (e != ERR_OK) {
        connector_free(c);
        return e;
    }
    *ret = c;
    return ERR_OK;
}
