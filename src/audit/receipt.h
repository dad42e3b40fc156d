/*
 * Proofs as text, for somebody who has the log's public key and nothing else of it.
 *
 * Inclusion (https://c2sp.org/tlog-proof), with the leaf as its extra data:
 *
 *   c2sp.org/tlog-proof@v1\n extra base64(leaf)\n index N\n base64(hash)\n … \n checkpoint
 *
 * Consistency, in the form that witnesses are asked with (https://c2sp.org/tlog-witness, add-checkpoint):
 *
 *   old N\n base64(hash)\n … \n checkpoint
 */
#pragma once

#include "audit/note.h"
#include "audit/proof.h"

/* Appends the proof that record `seq` is covered by DIR/checkpoint. ERR_NOT_FOUND: no such record, or not covered yet;
 * ERR_CORRUPT: the tiles do not lead to the checkpoint (audit_verify says where); ERR_IO. */
MUST_USE enum err receipt_inclusion(struct str dir, uint64_t seq, struct buf *out);
/* The number of the record whose leaf has this hash. ERR_NOT_FOUND. */
MUST_USE enum err receipt_find(struct str dir, const struct digest *leaf, uint64_t *ret_seq);
/* Appends the proof that DIR/checkpoint goes on from the first `old` records. ERR_INVALID: more than it covers. */
MUST_USE enum err receipt_consistency(struct str dir, uint64_t old, struct buf *out);

struct receipt {
    bool inclusion;
    uint64_t number;   /* of the record; or how many records `old` said */
    struct proof proof;
    struct str note;   /* the checkpoint's bytes: a view */
    struct note parsed;
    struct checkpoint checkpoint;
    struct buf leaf;   /* inclusion: the record's leaf */
};
void receipt_done(struct receipt *r);
/* ERR_INVALID: neither form. Checks nothing else. */
MUST_USE enum err receipt_parse(struct str text, struct receipt *ret);

/* Whether its checkpoint is signed by one of the keys, as the log that the key names. ERR_CORRUPT. */
MUST_USE enum err receipt_check_signature(const struct receipt *r, const struct note_key *keys, size_t n);
/* ERR_CORRUPT where it does not prove that its leaf is in its checkpoint's tree. */
MUST_USE enum err receipt_check_inclusion(const struct receipt *r);
/* ERR_CORRUPT where it does not prove that its checkpoint goes on from `kept`; ERR_INVALID where that has another size
 * than it says. */
MUST_USE enum err receipt_check_consistency(const struct receipt *r, const struct checkpoint *kept);
