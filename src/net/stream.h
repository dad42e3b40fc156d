/*
 * One connected byte stream: TCP or unix socket, plain or TLS, the same to its user.
 *
 *   CONNECTING --connected--> OPEN --stream_start_tls--> HANDSHAKE --secured--> OPEN
 *        |                     |                             |
 *        +------ ended --------+----------- ended -----------+        (exactly once, then no callback)
 *
 * Reading: `received` is called with every piece of bytes as it comes (at most STREAM_READ_SIZE at a
 * time, a view into a buffer that all streams of the loop share). The callee takes all of it before
 * it returns. While paused nothing is read, so the peer is slowed by its own socket.
 *
 * Writing: stream_write sends what the socket takes at once and keeps a copy of the rest; when that
 * rest has passed STREAM_HIGH_WATER, stream_is_full() says so and the caller stops its own source;
 * `drained` tells when the rest is gone. The copy is capped (`write_cap` of stream_limits).
 *
 * Callbacks may call anything, also stream_close/stream_free on the stream itself.
 */
#pragma once

#include "base/address.h"
#include "net/loop.h"

struct stream;
struct tls_context;

struct stream_ops {
    void (*connected)(void *ctx);                  /* only after stream_connect */
    void (*received)(void *ctx, struct str bytes); /* never empty */
    void (*drained)(void *ctx);
    void (*secured)(void *ctx);                    /* TLS is up */
    /* ERR_CLOSED: orderly end from the peer; ERR_TIMEOUT; ERR_IO; ERR_PROTOCOL: TLS. `text` says
     * more, for people. */
    void (*ended)(void *ctx, enum err why, struct str text);
};

/* Takes over the connected socket fd (closed on error too). Reading starts at once. */
MUST_USE enum err stream_adopt(struct loop *l, int fd, const struct stream_ops *ops, void *ctx,
                               struct stream **ret);

/* Starts to connect (name look-up included); `connected` or `ended` follows, never from inside. */
MUST_USE enum err stream_connect(struct loop *l, const struct address *to, int64_t timeout_ms,
                                 const struct stream_ops *ops, void *ctx, struct stream **ret);

/* ERR_LIMIT: the copy would pass the cap (the stream should be closed); ERR_CLOSED after the end. */
MUST_USE enum err stream_write(struct stream *s, struct str bytes);
bool stream_is_full(const struct stream *s);
size_t stream_unsent(const struct stream *s);

void stream_pause(struct stream *s);
void stream_resume(struct stream *s);

/* From here every byte is TLS. Bytes already received and not handed out are an ERR_PROTOCOL end:
 * nothing plain survives a TLS request. server_name is checked and sent when we are the client. */
MUST_USE enum err stream_start_tls(struct stream *s, struct tls_context *tls, struct str server_name);
bool stream_is_tls(const struct stream *s);

/* Sends what is unsent, then closes; at most linger_ms. No callback follows. */
void stream_close(struct stream *s, int64_t linger_ms);
/* Closes at once and frees. No callback follows. NULL is fine. */
void stream_free(struct stream *s);

/* "192.0.2.7:51234", "local" for a unix socket. View, valid as long as the stream. */
struct str stream_peer_text(const struct stream *s);
/* The peer's uid where the kernel vouches for it (unix socket). ERR_UNSUPPORTED otherwise. */
MUST_USE enum err stream_peer_uid(const struct stream *s, uint32_t *ret);

void stream_set_context(struct stream *s, const struct stream_ops *ops, void *ctx);
