/*
 * The command line's side of the HTTP API, on libcurl: over the local socket, or where
 * COUNTERSIGN_URL says, with COUNTERSIGN_TOKEN.
 */
#pragma once

#include <curl/curl.h>
#include <jansson.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "cmd/socket_path.h"

struct client {
    const struct command *command; /* who complains */
    char socket[SOCKET_PATH];      /* empty: over TCP */
    const char *url; /* without a slash at the end; for the socket "http://localhost" */
    char *url_memory;
    struct curl_slist *headers;
    CURL *curl;
};

/* `socket`: of --socket, NULL where it was not given (it wins over COUNTERSIGN_URL). On error the
 * reason was said on standard error. */
MUST_USE enum exit_status client_init(struct client *c, const struct command *command,
                                      const char *socket);
/* The same for who has no token yet: calls go out without one. */
MUST_USE enum exit_status client_init_unknown(struct client *c, const struct command *command,
                                              const char *socket);
void client_done(struct client *c);

/* One answer. */
struct answer {
    long status;
    struct buf text;
    json_t *json; /* NULL where the answer has no body */
};
void answer_done(struct answer *a);

/*
 * One call; body NULL: none. EXIT_DONE: a 2xx answer, in *ret (answer_done). Anything else was said
 * on standard error and *ret is empty: EXIT_UNREACHABLE; EXIT_REFUSED for every error answer.
 */
MUST_USE enum exit_status client_call(struct client *c, const char *method, const char *path,
                                      json_t *body, struct answer *ret);

/* One call by a client of its own: client_init, client_call and client_done. */
MUST_USE enum exit_status client_ask(const struct command *command, const char *socket, const char *method,
                                     const char *path, json_t *body, struct answer *ret);

/* What the usage of every command says of them. */
#define CLIENT_WHERE                                                                               \
    "  --socket PATH  the gateway's local socket, instead of COUNTERSIGN_SOCKET or the usual "     \
    "place\n"                                                                                      \
    "\n"                                                                                           \
    "With COUNTERSIGN_URL and COUNTERSIGN_TOKEN set, the gateway is asked over HTTP instead.\n"

/* A second handle for the same gateway, set up for a GET of path: for streams. NULL: no memory. */
CURL *client_stream(struct client *c, const char *path, curl_write_callback take, void *ctx);

/* Says why the gateway could not be reached: EXIT_UNREACHABLE. */
enum exit_status client_unreachable(const struct client *c, CURLcode why);

/* "number" out of an argument: a request or token. Complains where it is none. */
MUST_USE enum err client_id(const struct command *command, const char *text, uint64_t *ret);

/* Members of an answer; {NULL,0}, 0 or NULL where they are missing or of another type. */
struct str json_text(const json_t *object, const char *key);
uint64_t json_number(const json_t *object, const char *key);
