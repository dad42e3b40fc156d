/*
 * One HTTP/1.x request from a stream of bytes, strictly (RFC 9110, RFC 9112). Pure: no socket, no
 * clock. The grammar is llhttp's (Node.js's parser, compiled in its strict mode); on top of it this
 * module refuses what two readers of the same bytes could understand differently:
 *
 *   bare CR or LF, NUL and control bytes in the head, a folded header line, a space before the
 *   colon, Content-Length with Transfer-Encoding, any of Host, Content-Length, Transfer-Encoding,
 *   Authorization, Content-Type, Origin, Expect, Last-Event-ID twice, a transfer coding other than
 *   "chunked", Transfer-Encoding in HTTP/1.0, no Host in HTTP/1.1, trailers, a target that is
 *   neither a path nor an http: address of the Host itself.
 *
 *   IDLE --first byte--> HEAD --empty line--> BODY --last byte--> complete --reset--> IDLE
 *                          |                    |
 *                          +----- refused ------+      (for good: the connection must end)
 *
 * The head is collected up to its empty line and parsed in one piece, so every view in a request
 * points into one buffer, and how the bytes were cut by the network changes nothing.
 */
#pragma once

#include "base/buf.h"

enum http_method {
    METHOD_GET = 1,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_OPTIONS,
};

const char *http_method_text(enum http_method m); /* "GET", … */

struct http_header {
    struct str name, value; /* value without white space around it */
};

/* Views: valid until the parser is fed, reset or freed. */
struct http_request {
    enum http_method method;
    struct str path;  /* begins with '/'; as sent: percent-encoding is not decoded */
    struct str query; /* behind the '?', empty where none; as sent */
    struct str host;
    const struct http_header *headers;
    size_t n_headers;
    struct str body;
    bool keep_alive;
};

/* The header's value, {NULL,0} where it was not sent. The name's case does not matter. */
struct str http_header_value(const struct http_request *r, const char *name);

/* The parameter's value, as sent; {NULL,0} where it is not there. ERR_INVALID: twice. */
MUST_USE enum err http_query_value(const struct http_request *r, const char *name, struct str *ret);

enum http_phase { PHASE_IDLE = 1, PHASE_HEAD, PHASE_BODY, PHASE_COMPLETE, PHASE_REFUSED };

/* Why a request is refused: a status of RFC 9110 and a sentence for people. */
struct http_refusal {
    int status;
    const char *why;
};

struct http_parser;

/* Asked once a request, when its head is complete (its body is not there yet): how many bytes of
 * body may follow. More is refused with 413 before it is kept. */
typedef size_t http_body_limit_fn(void *ctx, const struct http_request *head);

MUST_USE enum err http_parser_new(http_body_limit_fn *body_limit, void *ctx,
                                  struct http_parser **ret);
void http_parser_free(struct http_parser *p); /* NULL is fine */

/*
 * Takes bytes. *ret_used says how many, also on error.
 *   ERR_OK          a request is complete; what is behind it was not used
 *   ERR_INCOMPLETE  all was used, more is needed
 *   ERR_PROTOCOL    refused, see http_parser_refusal; nothing more may be fed
 *   ERR_NOMEM
 * Feeding a complete parser is ERR_BUG: reset it first.
 */
MUST_USE enum err http_parser_feed(struct http_parser *p, struct str in, size_t *ret_used);

/* Only when complete. */
const struct http_request *http_parser_request(const struct http_parser *p);
/* Only when refused. */
struct http_refusal http_parser_refusal(const struct http_parser *p);
enum http_phase http_parser_phase(const struct http_parser *p);
/* True once for a request that asks to be told to go on (RFC 9110 section 10.1.1). */
bool http_parser_take_continue(struct http_parser *p);

void http_parser_reset(struct http_parser *p);
