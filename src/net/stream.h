/*
 * One connected byte stream: TCP or unix socket, plain or TLS, the same to its user.
 *
 *   CONNECTING --connected--> OPEN --stream_start_tls--> HANDSHAKE --secured--> OPEN
 *        |                     |                             |
 *        +------ ended --------+----------- ended -----------+        (exactly once, then no callback)
 *
 * Reading: `received` is called with every piece of bytes as it comes (at most STREAM_READ_SIZE at a
 * time, a view into a buffer that all streams of the loop share). The callee takes all of it before
 * it returns. While paused nothing is read, so the peer is slowed by its own socket, and the end of
 * the stream is not seen either; `hung_up` tells what can be told without reading.
 *
 * Writing: stream_write sends what the socket takes at once, straight from the caller's bytes, and
 * keeps a copy of the rest; when that rest has passed STREAM_HIGH_WATER, stream_is_full() says so and
 * the caller stops its own source; `drained` tells when the rest is gone. The copy is capped.
 *
 * Callbacks may call anything, also stream_close/stream_free on the stream itself. They come from the
 * loop, never from inside a call into the stream.
 */
#pragma once

#include "base/buf.h"
#include "base/address.h"
#include "net/loop.h"

struct stream;
struct tls_context;

struct stream_ops {
    void (*connected)(void *ctx);                  /* only after stream_connect */
    void (*received)(void *ctx, struct str bytes); /* never empty */
    void (*drained)(void *ctx);                    /* may be NULL */
    void (*secured)(void *ctx);                    /* TLS is up; needed for stream_start_tls */
    /* May be NULL. While paused: the peer will send no more, or is gone; unread bytes may remain.
     * At most once for each pause. */
    void (*hung_up)(void *ctx);
    /* ERR_CLOSED: orderly end from the peer (also of its half only); ERR_TIMEOUT; ERR_IO: reset, or
     * a write that failed; ERR_PROTOCOL: TLS; ERR_LIMIT: after a stream_write that said so. `text`
     * says more, for people; valid during the call. What was sent before the end was received. */
    void (*ended)(void *ctx, enum err why, struct str text);
};

/* Takes over the connected socket fd (closed on error too). Reading starts at once. */
MUST_USE enum err stream_adopt(struct loop *l, int fd, const struct stream_ops *ops, void *ctx,
                               struct stream **ret);

/* Starts to connect (name look-up included, each address of a name in turn); `connected` or `ended`
 * follows, never from inside. timeout_ms is for all of it. ERR_INVALID: the address names no host. */
MUST_USE enum err stream_connect(struct loop *l, const struct address *to, int64_t timeout_ms,
                                 const struct stream_ops *ops, void *ctx, struct stream **ret);

/* ERR_LIMIT: the copy would pass the cap; ERR_IO: the socket refuses; ERR_CLOSED after either, and
 * after the end; ERR_BAD_STATE while connecting or shaking hands. After ERR_LIMIT and ERR_IO nothing
 * more is sent and `ended` follows, once what the peer had sent before has been handed out. */
MUST_USE enum err stream_write(struct stream *s, struct str bytes);
bool stream_is_full(const struct stream *s);
size_t stream_unsent(const struct stream *s);
/* Most unsent bytes that are kept; STREAM_WRITE_CAP unless set. */
void stream_set_write_cap(struct stream *s, size_t cap);

void stream_pause(struct stream *s);
void stream_resume(struct stream *s);
bool stream_is_paused(const struct stream *s);

/* From here every byte is TLS. `unused` is what the caller has received and not yet used: where it
 * is not empty somebody put plain bytes in front of the encryption (CVE-2021-3935), and nothing plain
 * survives a TLS request: ERR_PROTOCOL, the stream is to be closed. Bytes written before this call
 * still go out plain. For a client context server_name is sent, and checked where the context
 * verifies. `secured` or `ended` follows; a slow handshake is for the caller's own timer. */
MUST_USE enum err stream_start_tls(struct stream *s, struct tls_context *tls, struct str server_name,
                                   struct str unused);
bool stream_is_tls(const struct stream *s);
/* The common name of the certificate that the peer showed and TLS verified, appended; nothing where it
 * showed none. ERR_INVALID: it has no common name, several, or one with a NUL. */
MUST_USE enum err stream_peer_name(const struct stream *s, struct buf *ret);

/* Sends what is unsent, ends our half and waits for the peer's end, so that it can read the last
 * bytes even while it still sends; then closes; at most linger_ms for all of it. The stream is the
 * loop's from here; no callback follows. NULL is fine. */
void stream_close(struct stream *s, int64_t linger_ms);
/* Closes at once and frees. No callback follows. NULL is fine. */
void stream_free(struct stream *s);

/* "192.0.2.7:51234", "[2001:db8::7]:51234", "local" for a unix socket. View, valid as long as the
 * stream; empty while connecting. */
struct str stream_peer_text(const struct stream *s);
/* The peer's uid where the kernel vouches for it (unix socket). ERR_UNSUPPORTED otherwise. */
MUST_USE enum err stream_peer_uid(const struct stream *s, uint32_t *ret);

void stream_set_context(struct stream *s, const struct stream_ops *ops, void *ctx);
