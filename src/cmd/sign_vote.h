/*
 * Signing a vote with the voter's SSH key, by ssh-keygen: so the key may lie in an agent or in a
 * hardware token, and its passphrase is asked for where ssh-keygen always asks.
 */
#pragma once

#include "cmd/client.h"
#include "model/request.h"

struct vote_to_sign {
    const json_t *request;       /* as the API gives it */
    const struct digest *digest; /* of what was shown */
    enum vote_kind kind;
    struct str scope;   /* what an approval grants: grant_choice_text */
    const char *reason; /* may be NULL */
    const char *key;    /* a key file; NULL: the voter's own that can be found */
};

/* Appends the signature. What went wrong is said. */
enum exit_status sign_vote(struct client *c, const struct vote_to_sign *v, struct buf *ret);
