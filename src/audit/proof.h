/*
 * Inclusion and consistency proofs (RFC 6962, sections 2.1.1 and 2.1.2; verified as in RFC 9162, sections
 * 2.1.3.2 and 2.1.4.2). Pure: hashes come from a source, tiles on disk or memory.
 */
#pragma once

#include "audit/tree.h"

/* A tree of 2^63 leaves needs no more. */
enum { PROOF_MAX = 64 };

struct proof {
    struct digest hashes[PROOF_MAX];
    size_t n;
};

/* Gives `n` hashes (a power of two up to 256, never across a tile's end) of level `level` from `index` on:
 * each stands for a complete subtree of 256^level leaves. */
struct hash_source {
    void *ctx;
    enum err (*read)(void *ctx, unsigned level, uint64_t index, size_t n, struct digest *ret);
};

/* The root of the first `size` leaves. */
MUST_USE enum err proof_root(const struct hash_source *s, uint64_t size, struct digest *ret);
/* That leaf `index` is in the tree of `size` leaves. ERR_INVALID where index >= size. */
MUST_USE enum err proof_inclusion(const struct hash_source *s, uint64_t index, uint64_t size,
                                  struct proof *ret);
/* That the tree of `size` leaves begins with the one of `old`. ERR_INVALID where old > size. Empty where
 * old is 0 or size. */
MUST_USE enum err proof_consistency(const struct hash_source *s, uint64_t old, uint64_t size,
                                    struct proof *ret);

/* ERR_CORRUPT where it does not prove it. */
MUST_USE enum err proof_check_inclusion(const struct proof *p, const struct digest *leaf, uint64_t index,
                                        uint64_t size, const struct digest *root);
MUST_USE enum err proof_check_consistency(const struct proof *p, uint64_t old,
                                          const struct digest *old_root, uint64_t size,
                                          const struct digest *root);
