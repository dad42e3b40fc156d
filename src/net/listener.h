/*
 * Listening sockets. Opening (listen_open) and serving (listener_new) are apart, because the
 * process that may bind a privileged port is not the one that reads from it.
 */
#pragma once

#include "net/stream.h"

/* Binds and listens; for unix removes a stale socket file first (never a live one, nor a file that is
 * no socket: ERR_EXISTS) and gives the new one the mode unix_mode from its first moment on.
 * Several fds where the host means several addresses ("*", a name). Blocks for the look-up of a name.
 * ret_error (for people) is written on error; then nothing is open. */
enum { LISTEN_MAX_FDS = 8 };
struct listen_error {
    char text[256];
};
MUST_USE enum err listen_open(const struct address *at, uint32_t unix_mode, int ret_fds[static LISTEN_MAX_FDS],
                              size_t *ret_n, struct listen_error *ret_error);

/* One more socket on the TCP address of fd, opened by listen_open: the kernel spreads new connections
 * over all of them (SO_REUSEPORT, socket(7)), so each process that serves one gets its share.
 * ERR_UNSUPPORTED for a unix socket, which is shared instead. */
MUST_USE enum err listen_again(int fd, int *ret_fd);

struct listener;
/* `accepted` owns fd (non-blocking, close-on-exec). It may free the listener. */
typedef void accepted_fn(void *ctx, int fd);
/* fd is the listener's from here, on error too. The socket may be shared with other processes. */
MUST_USE enum err listener_new(struct loop *l, int fd, accepted_fn *accepted, void *ctx,
                               struct listener **ret);
void listener_free(struct listener *l); /* closes the fd; NULL is fine */
