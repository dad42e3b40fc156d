/*
 * What stream.c, stream_tls.c and loop.c share. Nobody else includes this.
 */
#pragma once

#include "base/buf.h"
#include "net/connector.h"
#include "net/loop_internal.h"
#include "net/stream.h"

struct stream_tls;

enum stream_state {
    STREAM_CONNECTING = 1, /* connector is set, fd is -1 */
    STREAM_OPEN,           /* plain, or TLS that is up */
    STREAM_HANDSHAKE,      /* tls is set and not yet up */
    STREAM_ENDED,          /* `ended` was called; the owner still holds it; only unsent bytes move */
    STREAM_LINGERING,      /* closed by its owner, on loop.lingering */
    STREAM_GONE,           /* freed; the memory goes when libuv has let go of the handle */
};

enum { STREAM_PEER_TEXT = 56 }; /* "[", 45 bytes of IPv6, "]:65535" */

struct stream {
    uv_poll_t poll; /* valid while fd >= 0 */
    struct loop *loop;
    const struct stream_ops *ops;
    void *ctx;
    struct connector *connector;
    struct stream_tls *tls;
    struct buf unsent; /* raw bytes: encrypted where tls is up */
    int fd;
    enum stream_state state;
    enum err write_err; /* not ERR_OK: writing is over, `ended` is due with this */
    int watched;        /* what libuv was told: UV_READABLE | UV_WRITABLE | UV_DISCONNECT */
    bool paused, peer_ended, told_hang_up, half_closed;
    char peer[STREAM_PEER_TEXT];
    struct timer *linger;
    struct stream *next, *prev; /* on loop.lingering */
};

/* Sends or keeps raw bytes. The error sticks in write_err. */
MUST_USE enum err stream_send_raw(struct stream *s, struct str bytes);
/* Writing is over because of `why`, which is returned; `ended` follows from the loop. */
enum err stream_write_failed(struct stream *s, enum err why);
/* The handshake is done: OPEN, and `secured` is called. The stream may be gone after. */
void stream_secured(struct stream *s);
/* Calls `ended`, once. The stream may be gone after. */
void stream_end(struct stream *s, enum err why, struct str text);

static inline bool stream_is_up(const struct stream *s)
{
    return s->state == STREAM_OPEN || s->state == STREAM_HANDSHAKE;
}

/* --- stream_tls.c ---------------------------------------------------------------------------- */

/* Most raw bytes to read at once, so that what they decrypt to, with a record that was begun
 * before, fits into one piece. */
enum { TLS_RECORD_MOST = 16384 + 2048, TLS_READ_SIZE = 65536 - TLS_RECORD_MOST };

MUST_USE enum err stream_tls_new(struct stream *s, struct tls_context *context,
                                 struct str server_name, struct stream_tls **ret);
void stream_tls_free(struct stream_tls *t); /* NULL is fine */
/* Goes on with the handshake without new bytes: for a client, whose word is the first. */
void stream_tls_begin(struct stream *s);
/* Takes raw bytes: calls secured, received, ended as they say. The stream may be gone after. */
void stream_tls_received(struct stream *s, struct str raw);
MUST_USE enum err stream_tls_write(struct stream *s, struct str bytes);
void stream_tls_shutdown(struct stream *s); /* close_notify, as far as it can be sent */
