/*
 * An HTTP/1.1 server on the streams of one loop. It reads and bounds requests (net/http_parser.h),
 * hands each complete one to its owner, who answers it before the call returns: with
 * http_respond, or with http_stream_open for an answer that goes on.
 *
 *   READING --answered----------> READING     (keep-alive: the next request)
 *      |  |  \-answered, refused-> GONE        (closing; what is unsent still goes out)
 *      |  +--answered by a stream-> STREAMING --> GONE
 *      +-----end, time out-------> GONE
 *
 *   READING    one request at a time; bytes behind it wait in `backlog` while an answer is unsent
 *   STREAMING  a byte from the client ends it; a comment line every heartbeat_ms keeps what lies
 *              between from closing it
 *   GONE       off the list, the stream handed back; freed when no callback of ours runs on it
 *
 * Deadlines: for the head, the body, the idle time between requests, and for a client that does not
 * take its answer. Above the limit of connections one more is answered 503 and closed.
 */
#pragma once

#include "net/http_parser.h"
#include "net/loop.h"

struct http_server;
struct http_call; /* one connection's present request */

struct http_response {
    int status;
    struct str type;  /* Content-Type; empty: none */
    struct str extra; /* further header lines, each with its CRLF */
    struct str body;
};

struct http_ops {
    http_body_limit_fn *body_limit;
    /* Answer before returning. `r` is valid until then. */
    void (*request)(void *ctx, struct http_call *c, const struct http_request *r);
    /* A request that is not handed out (bad syntax, too long, too slow, too many): answer with this
     * status; the connection ends. */
    void (*refused)(void *ctx, struct http_call *c, struct http_refusal why);
};

/* Times in milliseconds; http_limits_default() takes them from base/limits.h. */
struct http_limits {
    size_t connections, streams;
    int64_t idle_ms, head_ms, body_ms, stall_ms, linger_ms, heartbeat_ms;
    int64_t sweep_ms; /* how often they are looked at */
};
struct http_limits http_limits_default(void);

MUST_USE enum err http_server_new(struct loop *l, const struct http_ops *ops, void *ctx,
                                  struct http_limits limits, struct http_server **ret);
/* Serves a listening socket (net/listener.h); the server owns fd from here, also on error. */
MUST_USE enum err http_server_listen(struct http_server *s, int fd);
/* Ends every connection (streams: their `closed` runs) and stops listening. NULL is fine. */
void http_server_free(struct http_server *s);
size_t http_server_connections(const struct http_server *s);

/* Answers. Content-Length is exact; HEAD gets no body; Date, Connection and the usual protective
 * headers are added. */
void http_respond(struct http_call *c, const struct http_response *r);

/* As stream_peer_uid: the user behind a unix socket. */
MUST_USE enum err http_peer_uid(const struct http_call *c, uint32_t *ret);
/* "192.0.2.7:51234" or "local"; valid during the call. */
struct str http_peer_text(const struct http_call *c);

/* --- Answers that go on (server-sent events) ---------------------------------------------------
 */

struct http_stream;

/* Sends the head of a 200 answer. `closed` runs exactly once, when the client is gone or the server
 * ends; after it the stream is gone. ERR_LIMIT at the limit of streams: respond otherwise. */
MUST_USE enum err http_stream_open(struct http_call *c, struct str type, void (*closed)(void *ctx),
                                   void *ctx, struct http_stream **ret);
/* Bytes as they are. A client that does not take them (LIMIT_EVENT_UNSENT) is closed in a later
 * turn of the loop: its `closed` never runs from inside this call. */
void http_stream_send(struct http_stream *s, struct str bytes);
/* Ends it in a later turn of the loop; `closed` runs then. Nothing is sent any more. */
void http_stream_end(struct http_stream *s);
