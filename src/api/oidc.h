/*
 * Logging in with an OpenID Connect provider (Core 1.0, authorization code flow; PKCE: RFC 7636; native
 * clients: RFC 8252). Whoever logs in (the command line on a loopback address, the page by its callback)
 * opens an attempt, sends the browser to its `url`, and hands in the code that comes back; the gateway
 * exchanges and verifies it and gives a token of its own.
 *
 *   PREPARING --metadata, keys--> WAITING --code--> EXCHANGING --ID token is good--> DONE (said once)
 *       |                            |                  |  \--unknown key--> keys are fetched anew, once
 *       +----------------------------+------------------+--> FAILED
 *
 * Everything is kept in memory: a restart ends attempts, nothing else.
 */
#pragma once

#include "api/internal.h"

struct oidc;

MUST_USE enum err oidc_new(struct api *a, struct oidc **ret);
void oidc_free(struct oidc *o); /* NULL is fine */

enum oidc_state { OIDC_PREPARING = 1, OIDC_WAITING, OIDC_EXCHANGING, OIDC_DONE, OIDC_FAILED };

/* An attempt as it stands: views until the next call. */
struct oidc_attempt {
    enum oidc_state state;
    struct str url;           /* WAITING: for the browser */
    struct str token, person; /* DONE: the attempt is gone after */
    struct str why;           /* FAILED: for people */
    bool unreachable;         /* FAILED: the provider, not the person */
};

/* ret_id: what names the attempt, unguessable, NUL-terminated. ERR_UNSUPPORTED: no provider is configured;
 * ERR_INVALID: redirect_uri is none of http://127.0.0.1:PORT/callback, http://[::1]:PORT/callback;
 * ERR_LIMIT: LIMIT_OIDC_ATTEMPTS are open. */
enum { OIDC_ID = 65 };
MUST_USE enum err oidc_begin(struct oidc *o, struct str redirect_uri, char ret_id[static OIDC_ID]);

/* code and state: what the provider sent back with the browser; empty: nothing yet. ERR_NOT_FOUND: no
 * such attempt (any more); ERR_FORBIDDEN: state is not this attempt's. */
MUST_USE enum err oidc_go_on(struct oidc *o, struct str id, struct str code, struct str state,
                             struct oidc_attempt *ret);
