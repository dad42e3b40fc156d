/*
 * Streams over libuv's poll handles: readiness comes from libuv, the reads and writes are ours, so
 * that a message costs one recv and one send, straight from and to the bytes of the caller.
 *
 *   CONNECTING   connector works; no fd
 *   OPEN         fd is read unless paused; unsent bytes go when the socket takes them
 *   HANDSHAKE    as OPEN, but every byte belongs to the TLS handshake
 *   ENDED        `ended` was called; nothing is read; unsent bytes wait for stream_close
 *   LINGERING    no owner; unsent bytes go, then our half is shut, then the peer's end is awaited
 *   GONE         fd is closed; memory waits for libuv
 *
 * Only set_state changes the state, along the table below it.
 */
#include "net/stream_internal.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A dead peer behind a silent network is found after 60 + 4 * 15 seconds, not after two hours. */
enum { KEEPALIVE_IDLE_S = 60, KEEPALIVE_INTERVAL_S = 15, KEEPALIVE_PROBES = 4 };
/* Reads after a write failed: what a peer sent before it went fits its socket buffer; a peer that
 * still sends is not waited for. */
enum { LAST_READS = 64 };

static void set_state(struct stream *s, enum stream_state to)
{
    static const unsigned from[] = {
        [STREAM_CONNECTING] = 0,
        [STREAM_OPEN] = 1u << STREAM_CONNECTING | 1u << STREAM_HANDSHAKE,
        [STREAM_HANDSHAKE] = 1u << STREAM_OPEN,
        [STREAM_ENDED] = 1u << STREAM_CONNECTING | 1u << STREAM_OPEN | 1u << STREAM_HANDSHAKE,
        [STREAM_LINGERING] = 1u << STREAM_OPEN | 1u << STREAM_HANDSHAKE | 1u << STREAM_ENDED,
        [STREAM_GONE] = 1u << STREAM_CONNECTING | 1u << STREAM_OPEN | 1u << STREAM_HANDSHAKE |
                        1u << STREAM_ENDED | 1u << STREAM_LINGERING,
    };
    assert(from[to] & 1u << s->state);
    s->state = to;
}

/* --- What libuv watches ---------------------------------------------------------------------- */

static void on_ready(uv_poll_t *poll, int status, int events);

static int wanted(const struct stream *s)
{
    int want = 0;
    if (s->state == STREAM_GONE || s->state == STREAM_ENDED || s->state == STREAM_CONNECTING)
        return 0;
    if (s->state == STREAM_LINGERING)
        return buf_len(&s->unsent) != 0 ? UV_WRITABLE : UV_READABLE;
    if (!s->paused)
        want |= UV_READABLE;
    else if (s->ops->hung_up != NULL && !s->told_hang_up)
        want |= UV_DISCONNECT;
    if (buf_len(&s->unsent) != 0 || s->write_err != ERR_OK)
        want |= UV_WRITABLE;
    return want;
}

static void watch(struct stream *s)
{
    int want = wanted(s);
    if (want == s->watched)
        return;
    s->watched = want;
    (void)uv_poll_start(&s->poll, want, on_ready); /* with no event it stops; fails only while closing */
}

/* --- The end --------------------------------------------------------------------------------- */

void stream_end(struct stream *s, enum err why, struct str text)
{
    set_state(s, STREAM_ENDED);
    if (s->fd >= 0)
        watch(s);
    s->ops->ended(s->ctx, why, text);
}

static void end_with_errno(struct stream *s, int code)
{
    stream_end(s, err_of_errno(code), str_of(strerror(code)));
}

static void stream_memory_free(struct stream *s)
{
    stream_tls_free(s->tls);
    buf_wipe(&s->unsent);
    free(s);
}

static void poll_closed(uv_handle_t *h)
{
    stream_memory_free(h->data);
}

static void unlink_lingering(struct stream *s)
{
    if (s->prev != NULL)
        s->prev->next = s->next;
    else
        s->loop->lingering = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
}

void stream_free(struct stream *s)
{
    if (s == NULL)
        return;
    if (s->state == STREAM_LINGERING)
        unlink_lingering(s);
    set_state(s, STREAM_GONE);
    connector_free(s->connector);
    timer_free(s->linger);
    loop_undefer(s->loop, s);
    if (s->fd < 0) {
        stream_memory_free(s);
        return;
    }
    uv_close((uv_handle_t *)&s->poll, poll_closed);
    close(s->fd);
}

/* --- Reading --------------------------------------------------------------------------------- */

static void hand_out(struct stream *s, struct str bytes)
{
    if (s->tls != NULL)
        stream_tls_received(s, bytes);
    else
        s->ops->received(s->ctx, bytes);
}

/* One read. False where nothing came, or the stream ended or is gone. */
static bool read_once(struct stream *s)
{
    size_t room = s->tls != NULL ? TLS_READ_SIZE : STREAM_READ_SIZE;
    ssize_t n = recv(s->fd, s->loop->received, room, 0);
    if (n > 0) {
        hand_out(s, str_from(s->loop->received, (size_t)n));
        return stream_is_up(s);
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n < 0) {
        end_with_errno(s, errno);
        return false;
    }
    s->peer_ended = true;
    stream_end(s, ERR_CLOSED, s->state == STREAM_HANDSHAKE
                                  ? STR("the peer closed the connection during the TLS handshake")
                                  : STR("the peer closed the connection"));
    return false;
}

/* Writing is over: what the peer had sent is still handed out, then `ended` says why. */
static void read_the_rest(void *ctx)
{
    struct stream *s = ctx;
    if (!stream_is_up(s))
        return;
    for (int i = 0; i < LAST_READS && !s->paused; i++)
        if (!read_once(s))
            break;
    if (stream_is_up(s))
        stream_end(s, s->write_err, s->write_err == ERR_LIMIT
                                        ? STR("the peer does not read")
                                        : STR("the connection was lost while sending"));
}

/* --- Writing --------------------------------------------------------------------------------- */

enum err stream_write_failed(struct stream *s, enum err why)
{
    s->write_err = why;
    buf_done(&s->unsent);
    watch(s);
    if (why != ERR_IO) /* a dead socket is ready at once, a full one is not */
        (void)!loop_defer(s->loop, read_the_rest, s); /* without memory: when the socket is ready */
    return why;
}

enum err stream_send_raw(struct stream *s, struct str bytes)
{
    if (s->write_err != ERR_OK)
        return ERR_CLOSED;
    if (buf_len(&s->unsent) == 0) {
        ssize_t n = send(s->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return stream_write_failed(s, ERR_IO);
        if (n > 0)
            bytes = (struct str){bytes.p + n, bytes.n - (size_t)n};
        if (bytes.n == 0)
            return ERR_OK;
    }
    enum err e = buf_put_str(&s->unsent, bytes);
    if (e != ERR_OK)
        return stream_write_failed(s, e);
    watch(s);
    return ERR_OK;
}

/* False where the stream is no longer up. */
static bool flush(struct stream *s)
{
    struct str rest = buf_view(&s->unsent);
    if (s->write_err != ERR_OK) {
        read_the_rest(s);
        return false;
    }
    if (rest.n == 0)
        return true;
    ssize_t n = send(s->fd, rest.p, rest.n, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n < 0) {
        (void)stream_write_failed(s, ERR_IO); /* told by `ended` */
        read_the_rest(s);
        return false;
    }
    buf_consume(&s->unsent, (size_t)n);
    if (buf_len(&s->unsent) == 0 && s->ops->drained != NULL)
        s->ops->drained(s->ctx);
    return stream_is_up(s);
}

enum err stream_write(struct stream *s, struct str bytes)
{
    if (s->state == STREAM_CONNECTING || s->state == STREAM_HANDSHAKE)
        return ERR_BAD_STATE;
    if (s->state != STREAM_OPEN || s->write_err != ERR_OK)
        return ERR_CLOSED;
    if (bytes.n == 0)
        return ERR_OK;
    return s->tls != NULL ? stream_tls_write(s, bytes) : stream_send_raw(s, bytes);
}

bool stream_is_full(const struct stream *s)
{
    return buf_len(&s->unsent) >= STREAM_HIGH_WATER;
}

size_t stream_unsent(const struct stream *s)
{
    return buf_len(&s->unsent);
}

void stream_set_write_cap(struct stream *s, size_t cap)
{
    s->unsent.cap = cap;
}

/* --- After stream_close ---------------------------------------------------------------------- */

static void linger_step(struct stream *s)
{
    struct str rest = buf_view(&s->unsent);
    if (rest.n != 0) {
        ssize_t n = send(s->fd, rest.p, rest.n, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            stream_free(s);
            return;
        }
        buf_consume(&s->unsent, n > 0 ? (size_t)n : 0);
    }
    if (buf_len(&s->unsent) == 0) {
        if (!s->half_closed)
            (void)shutdown(s->fd, SHUT_WR); /* where it fails the read below says so */
        s->half_closed = true;
        /* Closing with unread bytes would reset the connection and could take our last ones along. */
        ssize_t n = s->peer_ended ? 0 : recv(s->fd, s->loop->received, STREAM_READ_SIZE, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            stream_free(s);
            return;
        }
    }
    watch(s);
}

static void linger_over(void *ctx)
{
    stream_free(ctx);
}

void stream_close(struct stream *s, int64_t linger_ms)
{
    if (s == NULL)
        return;
    if (s->tls != NULL && s->state == STREAM_OPEN && s->write_err == ERR_OK)
        stream_tls_shutdown(s);
    if (s->fd < 0 || s->write_err != ERR_OK || linger_ms <= 0 ||
        timer_new(s->loop, linger_over, s, &s->linger) != ERR_OK) {
        stream_free(s);
        return;
    }
    timer_start(s->linger, linger_ms, 0);
    set_state(s, STREAM_LINGERING);
    s->prev = NULL;
    s->next = s->loop->lingering;
    if (s->next != NULL)
        s->next->prev = s;
    s->loop->lingering = s;
    linger_step(s);
}

/* --- Events ---------------------------------------------------------------------------------- */

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct stream *s = poll->data;
    if (status < 0) {
        /* libuv has seen EPOLLERR and stopped watching: the socket calls say what it is. */
        s->watched = 0;
        events = UV_READABLE | UV_WRITABLE;
    }
    if (s->state == STREAM_LINGERING) {
        linger_step(s);
        return;
    }
    if ((events & UV_WRITABLE) && !flush(s))
        return;
    if (!s->paused) {
        if ((events & UV_READABLE) && !read_once(s) && !stream_is_up(s))
            return;
    } else if (status < 0) {
        stream_end(s, ERR_IO, STR("the connection was lost"));
        return;
    } else if ((events & UV_DISCONNECT) && s->ops->hung_up != NULL && !s->told_hang_up) {
        s->told_hang_up = true;
        s->ops->hung_up(s->ctx);
    }
    if (stream_is_up(s))
        watch(s); /* only here a pause takes effect on libuv: a short one costs no system call */
}

void stream_pause(struct stream *s)
{
    s->paused = true;
}

void stream_resume(struct stream *s)
{
    s->paused = false;
    s->told_hang_up = false;
    if (stream_is_up(s))
        watch(s);
}

bool stream_is_paused(const struct stream *s)
{
    return s->paused;
}

/* --- Beginning ------------------------------------------------------------------------------- */

static void write_peer_text(char out[static STREAM_PEER_TEXT], const struct sockaddr_storage *a)
{
    char host[INET6_ADDRSTRLEN] = "?";
    const struct sockaddr_in *in4 = (const struct sockaddr_in *)a;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)a;
    if (a->ss_family == AF_INET) {
        (void)inet_ntop(AF_INET, &in4->sin_addr, host, sizeof(host));
        (void)snprintf(out, STREAM_PEER_TEXT, "%s:%u", host, ntohs(in4->sin_port));
    } else if (a->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
        (void)inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], host, sizeof(host));
        (void)snprintf(out, STREAM_PEER_TEXT, "%s:%u", host, ntohs(in6->sin6_port));
    } else if (a->ss_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        (void)snprintf(out, STREAM_PEER_TEXT, "[%s]:%u", host, ntohs(in6->sin6_port));
    } else {
        (void)snprintf(out, STREAM_PEER_TEXT, "local");
    }
}

/* Where an option cannot be set the connection works all the same, only later or longer. */
static void set_tcp_options(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
    };
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                         sizeof(options[i].value));
}

/* On error fd is still the caller's. */
static enum err use_socket(struct stream *s, int fd)
{
    struct sockaddr_storage a = {.ss_family = AF_UNSPEC};
    socklen_t n = sizeof(a);
    if (getpeername(fd, (struct sockaddr *)&a, &n) != 0)
        return err_of_errno(errno); /* the peer is gone again, or it was never a connection */
    write_peer_text(s->peer, &a);
    if (a.ss_family != AF_UNIX)
        set_tcp_options(fd);
    int e = uv_poll_init(&s->loop->uv, &s->poll, fd); /* makes it non-blocking */
    if (e != 0)
        return err_of_uv(e);
    s->poll.data = s;
    s->fd = fd;
    return ERR_OK;
}

static struct stream *stream_alloc(struct loop *l, const struct stream_ops *ops, void *ctx)
{
    struct stream *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->loop = l;
    s->ops = ops;
    s->ctx = ctx;
    s->fd = -1;
    s->state = STREAM_CONNECTING;
    buf_init(&s->unsent, STREAM_WRITE_CAP);
    return s;
}

enum err stream_adopt(struct loop *l, int fd, const struct stream_ops *ops, void *ctx,
                      struct stream **ret)
{
    struct stream *s = stream_alloc(l, ops, ctx);
    enum err e = s != NULL ? use_socket(s, fd) : ERR_NOMEM;
    if (e != ERR_OK) {
        free(s);
        close(fd);
        return e;
    }
    set_state(s, STREAM_OPEN);
    watch(s);
    *ret = s;
    return ERR_OK;
}

static void connector_done(void *ctx, int fd, enum err why, struct str text)
{
    struct stream *s = ctx;
    s->connector = NULL;
    if (fd < 0) {
        stream_end(s, why, text);
        return;
    }
    enum err e = use_socket(s, fd);
    if (e != ERR_OK) {
        close(fd);
        stream_end(s, e, STR("the connection was lost at once"));
        return;
    }
    set_state(s, STREAM_OPEN);
    watch(s);
    s->ops->connected(s->ctx);
}

enum err stream_connect(struct loop *l, const struct address *to, int64_t timeout_ms,
                        const struct stream_ops *ops, void *ctx, struct stream **ret)
{
    struct stream *s = stream_alloc(l, ops, ctx);
    if (s == NULL)
        return ERR_NOMEM;
    enum err e = connector_new(l, to, timeout_ms, connector_done, s, &s->connector);
    if (e != ERR_OK) {
        free(s);
        return e;
    }
    *ret = s;
    return ERR_OK;
}

enum err stream_start_tls(struct stream *s, struct tls_context *tls, struct str server_name,
                          struct str unused)
{
    if (unused.n != 0)
        return ERR_PROTOCOL;
    if (s->state != STREAM_OPEN || s->tls != NULL)
        return ERR_BAD_STATE;
    TRY(stream_tls_new(s, tls, server_name, &s->tls));
    set_state(s, STREAM_HANDSHAKE);
    stream_tls_begin(s);
    return ERR_OK;
}

void stream_secured(struct stream *s)
{
    set_state(s, STREAM_OPEN);
    s->ops->secured(s->ctx);
}

/* --- Small questions ------------------------------------------------------------------------- */

bool stream_is_tls(const struct stream *s)
{
    return s->tls != NULL;
}

struct str stream_peer_text(const struct stream *s)
{
    return str_of(s->peer);
}

enum err stream_peer_uid(const struct stream *s, uint32_t *ret)
{
    struct ucred who;
    socklen_t n = sizeof(who);
    struct sockaddr_storage a = {.ss_family = AF_UNSPEC};
    socklen_t a_n = sizeof(a);
    if (s->fd < 0 || getsockname(s->fd, (struct sockaddr *)&a, &a_n) != 0 ||
        a.ss_family != AF_UNIX || getsockopt(s->fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0)
        return ERR_UNSUPPORTED;
    *ret = who.uid;
    return ERR_OK;
}

void stream_set_context(struct stream *s, const struct stream_ops *ops, void *ctx)
{
    s->ops = ops;
    s->ctx = ctx;
}
