/*
 * The Merkle tree over the leaves (RFC 6962, section 2.1), kept as tlog-tiles keeps it: at level L the
 * hashes of complete subtrees of 256^L leaves, 256 of which make a tile (https://c2sp.org/tlog-tiles).
 * Only the unfinished tile of each level is in memory. Pure: no I/O.
 *
 *   leaf = SHA-256(0x00 || bytes)      node = SHA-256(0x01 || left || right)
 */
#pragma once

#include "base/digest.h"

enum { TREE_LEVELS = 8, TILE_WIDTH = 256 };

struct tree {
    uint64_t size; /* leaves */
    struct digest rows[TREE_LEVELS][TILE_WIDTH];
};

struct digest tree_leaf_hash(struct str leaf);
struct digest tree_node_hash(const struct digest *left, const struct digest *right);

/* Hashes of the unfinished tile at `level`, the first of them. */
static inline size_t tree_row(const struct tree *t, unsigned level)
{
    return (size_t)(t->size >> (8 * level)) & (TILE_WIDTH - 1);
}

/* Called with every tile that became full, from the lowest level up. */
typedef void tree_tile_fn(void *ctx, unsigned level, uint64_t index,
                          const struct digest hashes[static TILE_WIDTH]);

/* Adds a leaf by its hash. `full` may be NULL. */
void tree_append(struct tree *t, const struct digest *leaf, tree_tile_fn *full, void *ctx);

/* The root; that of the empty tree is SHA-256 of nothing. */
struct digest tree_root(const struct tree *t);

/* The hash over a complete subtree: 2^k hashes of the level below. */
struct digest tree_fold(const struct digest *hashes, size_t n);
