/*
 * A blocking HTTP client for tests, run beside the loop under test on a thread of its own. It sends
 * what it is told and collects what comes; nothing is interpreted.
 */
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"

enum { CLIENT_WAIT_MS = 5000 };

static inline int client_connect(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
        perror(path);
        abort();
    }
    return fd;
}

static inline int client_connect_tcp(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
        perror("connect");
        abort();
    }
    return fd;
}

/* False where the server does not take it. */
static inline bool client_send(int fd, struct str bytes)
{
    while (bytes.n != 0) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes = str_from(bytes.p + n, bytes.n - (size_t)n);
    }
    return true;
}

/* Collects until `until` was seen (empty: until the end) or CLIENT_WAIT_MS pass without a byte.
 * True where that came. */
static inline bool client_receive(int fd, struct buf *in, struct str until)
{
    for (;;) {
        if (until.n != 0 && str_contains(buf_view(in), until))
            return true;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        char piece[65536];
        if (poll(&p, 1, CLIENT_WAIT_MS) != 1)
            return false;
        ssize_t n = recv(fd, piece, sizeof(piece), 0);
        if (n <= 0)
            return until.n == 0;
        if (buf_put(in, piece, (size_t)n) != ERR_OK)
            return false;
    }
}

/* One whole exchange over a connection that it closes: send, read to the end; the caller does
 * buf_done. */
static inline struct buf client_exchange_on(int fd, struct str request)
{
    struct buf in;
    buf_init(&in, 64 * 1024 * 1024);
    (void)client_send(fd, request);
    if (!client_receive(fd, &in, STR("")))
        buf_clear(&in);
    close(fd);
    return in;
}

static inline struct buf client_exchange(const char *path, struct str request)
{
    return client_exchange_on(client_connect(path), request);
}

/* How often `needle` is in s. */
static inline size_t client_count(struct str s, struct str needle)
{
    size_t n = 0;
    for (size_t i = 0; i + needle.n <= s.n; i++)
        n += memcmp(s.p + i, needle.p, needle.n) == 0;
    return n;
}
