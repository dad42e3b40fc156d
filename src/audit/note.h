/*
 * Signed notes (https://c2sp.org/signed-note), the checkpoints in them (https://c2sp.org/tlog-checkpoint)
 * and witness cosignatures (https://c2sp.org/tlog-cosignature).
 *
 *   origin\n size\n base64(root)\n [extension lines]\n  \n  — name base64(key hash || signature)\n …
 *
 * Keys are written as the Go tools write them: "name+hash+base64(type || key)", and private ones
 * "PRIVATE+KEY+name+hash+base64(type || seed)". All Ed25519 (RFC 8032).
 */
#pragma once

#include "audit/tree.h"

enum note_algorithm { NOTE_ED25519 = 1, NOTE_COSIGNATURE_V1 = 4 };

enum { NOTE_KEY = 32, NOTE_SIGNATURE = 64, NOTE_SIGNERS = 16, NOTE_NAME = 200, NOTE_TEXT = 512 };

/* What a signature is checked with. */
struct note_key {
    char name[NOTE_NAME + 1]; /* no white space, no '+' */
    uint32_t hash;
    enum note_algorithm algorithm;
    unsigned char public[NOTE_KEY];
};

struct note_secret {
    struct note_key key;
    unsigned char seed[NOTE_KEY];
};

/* ERR_INVALID: a name that may not be, or ERR_IO: no random bytes. */
MUST_USE enum err note_secret_new(struct str name, enum note_algorithm a, struct note_secret *ret);
MUST_USE enum err note_secret_parse(struct str text, struct note_secret *ret);
MUST_USE enum err note_secret_put(const struct note_secret *s, struct buf *out);
void note_secret_wipe(struct note_secret *s);

MUST_USE enum err note_key_parse(struct str text, struct note_key *ret);
MUST_USE enum err note_key_put(const struct note_key *k, struct buf *out);
bool note_key_eq(const struct note_key *a, const struct note_key *b);

/* --- Notes ------------------------------------------------------------------------------------ */

struct note_signature {
    struct str name;
    uint32_t hash;
    unsigned char bytes[8 + NOTE_SIGNATURE]; /* as after the key hash */
    size_t n;
    struct str line; /* the whole line with its newline */
};

struct note {
    struct str text; /* what is signed: ends in a newline */
    struct note_signature signatures[NOTE_SIGNERS];
    size_t n;
};

/* Views into `bytes`. ERR_INVALID: no signed note; ERR_LIMIT: more than NOTE_SIGNERS signatures. */
MUST_USE enum err note_parse(struct str bytes, struct note *ret);

/* ERR_OK: signed by k; ERR_NOT_FOUND: no signature of that key; ERR_CORRUPT: one that does not verify. A
 * cosignature's time, seconds since 1970, goes to *ret_time where it is not NULL. */
MUST_USE enum err note_verify(const struct note *n, const struct note_key *k, uint64_t *ret_time);

/* The bytes that a key of the algorithm signs: the text itself, or the head of a cosignature and it. */
MUST_USE enum err note_signed_bytes(enum note_algorithm a, struct str text, uint64_t time_s,
                                    struct buf *out);
/* 64 bytes. ERR_BUG where OpenSSL refuses. */
MUST_USE enum err note_sign_bytes(const struct note_secret *s, struct str bytes,
                                  unsigned char ret[static NOTE_SIGNATURE]);
bool note_signature_is_good(const struct note_key *k, struct str bytes,
                            const unsigned char signature[static NOTE_SIGNATURE]);
/* Appends the signature line. time_s is read for cosignatures only. */
MUST_USE enum err note_line_put(const struct note_key *k, const unsigned char signature[static NOTE_SIGNATURE],
                                uint64_t time_s, struct buf *out);

/* --- Checkpoints ------------------------------------------------------------------------------ */

struct checkpoint {
    struct str origin; /* view */
    uint64_t size;
    struct digest root;
};

/* Of a note's text; extension lines are passed over. */
MUST_USE enum err checkpoint_parse(struct str text, struct checkpoint *ret);
MUST_USE enum err checkpoint_put(const struct checkpoint *c, struct buf *out);
