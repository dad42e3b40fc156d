#include "link/control.h"
#include "base/cursor.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Packet: u8 type, u8 ok, u32 index, and the text to its end. */
enum { PACKET_HEADER = 6 };

static const struct {
    const char *name;
    size_t least_fds, most_fds;
} types[CONTROL_TYPE_COUNT_] = {
    [CONTROL_LINK] = {"link", 1, 1},
    [CONTROL_LISTEN] = {"listen", 1, CONTROL_MAX_FDS},
    [CONTROL_RELOAD] = {"reload", 0, 0},
    [CONTROL_SHUTDOWN] = {"shutdown", 0, 0},
    [CONTROL_READY] = {"ready", 0, 0},
    [CONTROL_LOADED] = {"loaded", 0, 1},
    [CONTROL_CONFIG] = {"config", 0, 1},
    [CONTROL_KILL] = {"kill", 0, 0},
};

const char *control_type_text(enum control_type t)
{
    return t > 0 && t < CONTROL_TYPE_COUNT_ ? types[t].name : "invalid";
}

union fd_space {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int) * CONTROL_MAX_FDS)];
};

static size_t pack(const struct control_message *m, char out[static PACKET_HEADER])
{
    uint32_t index = __builtin_bswap32(m->index);
    out[0] = (char)m->type;
    out[1] = m->ok ? 1 : 0;
    memcpy(out + 2, &index, sizeof(index));
    return PACKET_HEADER;
}

static void attach_fds(struct msghdr *h, union fd_space *space, const struct control_message *m)
{
    size_t n = sizeof(int) * m->n_fds;
    if (n == 0)
        return;
    h->msg_control = space->bytes;
    h->msg_controllen = CMSG_SPACE(n);
    struct cmsghdr *c = CMSG_FIRSTHDR(h);
    *c = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(n)};
    memcpy(CMSG_DATA(c), m->fds, n);
}

static enum err error_of(int error)
{
    switch (error) {
    case EAGAIN:
        return ERR_INCOMPLETE;
    case EPIPE:
    case ECONNRESET:
        return ERR_CLOSED;
    default:
        return ERR_IO;
    }
}

enum err control_send(int fd, const struct control_message *m)
{
    if (m->type <= 0 || m->type >= CONTROL_TYPE_COUNT_ || m->n_fds < types[m->type].least_fds ||
        m->n_fds > types[m->type].most_fds)
        return ERR_INVALID;
    char head[PACKET_HEADER];
    union fd_space space = {0};
    size_t text = m->text.n < CONTROL_MAX_TEXT ? m->text.n : CONTROL_MAX_TEXT;
    struct iovec parts[] = {{head, pack(m, head)}, {(void *)(uintptr_t)m->text.p, text}};
    struct msghdr h = {.msg_iov = parts, .msg_iovlen = text != 0 ? 2 : 1};
    attach_fds(&h, &space, m);
    ssize_t n;
    do {
        n = sendmsg(fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n >= 0)
        return ERR_OK;
    return errno == EAGAIN ? ERR_LIMIT : error_of(errno);
}

static void take_fds(struct msghdr *h, struct control_message *ret)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
            if (ret->n_fds < CONTROL_MAX_FDS)
                ret->fds[ret->n_fds++] = fd;
            else
                (void)close(fd);
        }
    }
}

static enum err unpack(struct str packet, struct control_message *m)
{
    struct cursor c = cursor_of(packet);
    uint8_t type = cursor_u8(&c), ok = cursor_u8(&c);
    uint32_t index = cursor_u32(&c);
    if (c.bad || type == 0 || type >= CONTROL_TYPE_COUNT_ || ok > 1 ||
        m->n_fds < types[type].least_fds || m->n_fds > types[type].most_fds)
        return ERR_PROTOCOL;
    m->type = (enum control_type)type;
    m->ok = ok == 1;
    m->index = index;
    m->text = cursor_bytes(&c, cursor_left(&c));
    return ERR_OK;
}

enum err control_receive(int fd, struct control_packet *p, struct control_message *ret)
{
    union fd_space space;
    struct control_message m = {0};
    struct iovec part = {p->bytes, sizeof(p->bytes)};
    struct msghdr h = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = space.bytes,
                       .msg_controllen = sizeof(space.bytes)};
    ssize_t n;
    do {
        n = recvmsg(fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n <= 0)
        return n == 0 ? ERR_CLOSED : error_of(errno);
    take_fds(&h, &m);
    bool cut = (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    enum err e = cut ? ERR_PROTOCOL : unpack((struct str){p->bytes, (size_t)n}, &m);
    if (e != ERR_OK) {
        for (size_t i = 0; i < m.n_fds; i++)
            (void)close(m.fds[i]);
        return e;
    }
    *ret = m;
    return ERR_OK;
}
