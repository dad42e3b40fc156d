/*
 * What actions happen to, as the configuration names it. Immutable after load; owned by the
 * configuration that it came from.
 */
#pragma once

#include "base/address.h"

struct label {
    struct str key, value;
};

/* A column that carries a label; schema is empty where any is meant, column "*" for all of the table's. */
struct column_label {
    struct str label, schema, table, column;
};

enum tls_mode { TLS_DISABLE = 1, TLS_ALLOW, TLS_REQUIRE, TLS_VERIFY_FULL };

enum secret_kind { SECRET_NONE = 0, SECRET_FILE, SECRET_ENVIRONMENT, SECRET_COMMAND };

struct resource {
    struct str name;
    struct str type; /* "postgres": names the source that serves it */
    const struct label *labels;
    size_t n_labels;
    const struct column_label *column_labels; /* those of one label stand together */
    size_t n_column_labels;

    const struct address *listen;
    size_t n_listen;
    enum tls_mode client_tls; /* TLS_DISABLE, TLS_ALLOW (offered), TLS_REQUIRE */
    struct str tls_cert, tls_key; /* file names; needed unless client_tls is TLS_DISABLE */

    struct address upstream;
    enum tls_mode upstream_tls; /* TLS_DISABLE, TLS_REQUIRE, TLS_VERIFY_FULL */
    struct str upstream_ca;     /* file name; empty: the system's */

    /* `login: gateway`: clients log in to the gateway, and it to the upstream. */
    bool gateway_login;
    struct str client_ca;         /* file: clients with a certificate of it need no token; empty: none */
    struct str upstream_user;     /* empty: the person's name */
    enum secret_kind secret_kind; /* where the password for it comes from */
    struct str secret;            /* a file, a variable of the broker's environment, a command */
    bool tell_role, tell_application; /* the database is told who it is: SET ROLE, application_name */

    bool allow_replication;
    bool wall_read_only; /* what is classed as a read runs where the server forbids writing */
    bool catalog; /* ask the database what names in statements stand for */
    bool no_preview;            /* the upstream is not asked what an action would do before it is decided */
    uint32_t default_verdict; /* enum verdict where no guardrail matches */
};

/* The label's value, {NULL,0} where it has none. */
static inline struct str resource_label(const struct resource *r, struct str key)
{
    for (size_t i = 0; i < r->n_labels; i++)
        if (str_eq(r->labels[i].key, key))
            return r->labels[i].value;
    return (struct str){NULL, 0};
}
