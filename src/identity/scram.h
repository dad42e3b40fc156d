/*
 * SCRAM-SHA-256 (RFC 5802, RFC 7677): the messages, taken apart strictly, and the keys. Pure: nonces
 * and salts come from the caller.
 *
 *   client                                server
 *   n,,n=,r=NONCE                  ---->                        client-first (its part behind n,, is "bare")
 *                                  <----  r=NONCE+,s=SALT,i=N   server-first
 *   c=BINDING,r=NONCE+,p=PROOF     ---->                        client-final
 *                                  <----  v=SIGNATURE           server-final
 *
 * AuthMessage is client-first-bare "," server-first "," client-final-without-proof.
 */
#pragma once

#include "base/buf.h"

enum { SCRAM_KEY = 32, SCRAM_NONCE = 24, SCRAM_SALT = 16, SCRAM_ITERATIONS = 4096 };

/* What a server keeps: no password can be had from it, nor can anybody log in with it. */
struct scram_keys {
    unsigned char stored[SCRAM_KEY], server[SCRAM_KEY];
};

/* Hi(password, salt, iterations): takes about 0.5 ms for 1000 iterations. The caller wipes it. ERR_INVALID: no
 * iterations, or more than LIMIT_SCRAM_ITERATIONS. */
MUST_USE enum err scram_salted(struct str password, struct str salt, uint32_t iterations,
                               unsigned char ret[static SCRAM_KEY]);
void scram_keys_of(const unsigned char salted[static SCRAM_KEY], struct scram_keys *ret);

/* The server's side: ERR_FORBIDDEN where the proof is not of somebody who knows the password. */
MUST_USE enum err scram_check(const struct scram_keys *k, struct str auth_message, struct str proof,
                              unsigned char ret_signature[static SCRAM_KEY]);
/* The client's side: its proof, and the signature that only the real server can give. */
void scram_prove(const unsigned char salted[static SCRAM_KEY], struct str auth_message,
                 unsigned char ret_proof[static SCRAM_KEY],
                 unsigned char ret_signature[static SCRAM_KEY]);

/* The salt of everybody of that name, known or not: tokens are 256 random bits, so a salt need not be
 * secret, and one that follows from the name tells nobody who exists. */
void scram_salt_of(struct str name, unsigned char ret[static SCRAM_SALT]);
/* SCRAM_NONCE printable characters from 18 random bytes, NUL-terminated. */
MUST_USE enum err scram_nonce(char ret[static SCRAM_NONCE + 1]);

/* --- Messages: views into what was read; ERR_PROTOCOL for anything that is not exactly one ------ */

struct scram_client_first {
    char binding;       /* 'n': the client cannot bind; 'y': it could, and thinks we cannot; 'p' */
    struct str channel; /* for 'p': "tls-server-end-point" */
    struct str header;  /* "n,,": what binding data begins with */
    struct str bare, nonce;
};
MUST_USE enum err scram_client_first_read(struct str in, struct scram_client_first *ret);

struct scram_client_final {
    struct str binding; /* base64 */
    struct str nonce, without_proof;
    struct str proof; /* SCRAM_KEY bytes, in room */
};
MUST_USE enum err scram_client_final_read(struct str in, struct buf *room,
                                          struct scram_client_final *ret);

struct scram_server_first {
    struct str nonce, salt; /* salt: in room */
    uint32_t iterations;
};
MUST_USE enum err scram_server_first_read(struct str in, struct buf *room,
                                          struct scram_server_first *ret);

/* "v=…": the signature, SCRAM_KEY bytes in room. ERR_FORBIDDEN: "e=…", the server refuses. */
MUST_USE enum err scram_server_final_read(struct str in, struct buf *room, struct str *ret);
