/*
 * Logging in through the gateway (`login: gateway`): what a worker, which holds no keys and no
 * passwords, asks the broker, and what it is told. docs/wire/postgres.md draws the exchange.
 */
#pragma once

#include "base/str.h"

enum login_step {
    LOGIN_TOKEN = 1,         /* the client proved something with SCRAM: is it one of this user's tokens? */
    LOGIN_CERTIFICATE,       /* TLS has verified a certificate for this user: may they log in? */
    LOGIN_UPSTREAM_SCRAM,    /* the database wants a SCRAM proof */
    LOGIN_UPSTREAM_MD5,      /* the database wants an MD5 answer */
    LOGIN_UPSTREAM_PASSWORD, /* the database wants the password itself; only over verified TLS */
    LOGIN_STEP_COUNT_
};

struct login_ask {
    enum login_step step;
    struct str resource;
    struct str user;    /* as the client gave it; upstream: the account there */
    struct str address; /* of the client */
    struct str message; /* SCRAM: the AuthMessage */
    struct str proof;   /* TOKEN */
    struct str salt;    /* upstream */
    uint32_t iterations;
};

/* Every string is empty where `ok` is false, but `why`. */
struct login_answer {
    bool ok;
    struct str why;       /* for the client; empty: nothing that it may know */
    struct str person;    /* TOKEN, CERTIFICATE */
    struct str proof;     /* upstream: the SCRAM proof, the MD5 answer, the password */
    struct str signature; /* what the SCRAM server says (TOKEN), must say (UPSTREAM_SCRAM) */
};
