/*
 * Outgoing HTTP: one request, one answer, on the event loop (libcurl's multi interface). For what
 * the broker asks of others: an identity provider, a webhook, a schedule.
 *
 *   fetch_start --> under way --answer, error, time over--> done(result), once, then it is gone
 *                       \-------fetch_cancel-------------> gone, done is not called
 *
 * What a configuration cannot loosen: only http: and https:, TLS peers are verified, nothing of the
 * environment is heard (no http_proxy, no .netrc), no cookie is kept, an answer that is longer than
 * asked for is an error and never a cut one. Redirects are followed only where the caller says so.
 */
#pragma once

#include "base/str.h"
#include "net/loop.h"

struct fetcher; /* the connections of one loop; they are kept open between requests */
struct fetch;   /* one request that is under way */

MUST_USE enum err fetcher_new(struct loop *l, struct fetcher **ret);
/* Cancels what is under way. Not from inside `done`. NULL is fine. */
void fetcher_free(struct fetcher *f);

struct fetch_header {
    struct str name, value;
};

/* Copied by fetch_start. What is zero or empty takes the default. */
struct fetch_request {
    struct str method; /* "GET" unless set, or "POST" where there is a body */
    struct str url;    /* http: or https:, no user and password in it */
    const struct fetch_header *headers;
    size_t n_headers;
    struct str body;    /* with its Content-Type among the headers */
    int64_t timeout_ms; /* from the start to the last byte; default LIMIT_FETCH_MS */
    size_t max_body;    /* of the answer; default LIMIT_FETCH_BODY */
    uint32_t redirects; /* followed at most, to http(s) only; default none */
    bool https_only;    /* http: only to this machine itself (localhost, 127.0.0.0/8, ::1) */
    struct str proxy;   /* URL of one; default none */
    struct str ca_file; /* PEM of what signs the server's certificate; default the system's */
};

/* Views, valid during `done`. */
struct fetch_result {
    enum err why;    /* ERR_OK: an answer came whole, whatever its status says.
                        ERR_TIMEOUT; ERR_LIMIT: longer than max_body; ERR_FORBIDDEN: the certificate
                        or the protocol of a redirect; ERR_IO: everything else */
    struct str text; /* for people, where why is not ERR_OK: "idp.example: connection refused" */
    int status;      /* 200, 404, … */
    struct str body;
    const struct fetch *of; /* for fetch_result_header */
};

/* The answer's header, {NULL,0} where it was not sent; of several the first. Valid during `done`. */
struct str fetch_result_header(const struct fetch_result *r, const char *name);

typedef void fetch_done_fn(void *ctx, const struct fetch_result *r);

/* `done` is never called from inside. *ret is valid until `done` was called or it was cancelled; ret
 * may be NULL. ERR_INVALID: the URL, or a header with a line break (ret_why says it, for people);
 * ERR_LIMIT: LIMIT_FETCHES are under way; ERR_NOMEM. */
MUST_USE enum err fetch_start(struct fetcher *f, const struct fetch_request *r, fetch_done_fn *done,
                              void *ctx, struct fetch **ret, const char **ret_why);
void fetch_cancel(struct fetch *x); /* also from inside another one's `done`; NULL is fine */

/* What fetch_start would say to this URL: NULL where it would take it, else why not. */
const char *fetch_url_refused(struct str url, bool https_only);
