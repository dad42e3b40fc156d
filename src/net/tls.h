/*
 * TLS contexts (OpenSSL 3): made once from files, shared by streams. TLS 1.2 and later, no
 * renegotiation, no compression; session tickets as OpenSSL does them.
 */
#pragma once

#include "base/str.h"

struct tls_context;

struct tls_error {
    char text[256]; /* what failed and in which file, for people */
};

/* PEM files; the key must not be readable by others (its group may read it where root owns it, as
 * PostgreSQL rules). An encrypted key is refused. Both file names without a NUL. */
MUST_USE enum err tls_server_new(struct str cert_file, struct str key_file,
                                 struct tls_context **ret, struct tls_error *ret_error);
/* verify: chain and name are checked against ca_file (empty: the system's). */
MUST_USE enum err tls_client_new(bool verify, struct str ca_file, struct tls_context **ret,
                                 struct tls_error *ret_error);
/* Clients of this server are asked for a certificate of that CA; one that does not verify ends the handshake,
 * none at all does not. */
MUST_USE enum err tls_server_ask_for_certificate(struct tls_context *t, struct str ca_file,
                                                 struct tls_error *ret_error);
/* The hash of the server's certificate that "tls-server-end-point" binds to (RFC 5929 section 4.1);
 * view into t. */
struct str tls_server_end_point(const struct tls_context *t);
void tls_context_free(struct tls_context *t); /* streams that use it go on; NULL is fine */
