#include "audit/tree.h"

#include <assert.h>

struct digest tree_leaf_hash(struct str leaf)
{
    return digest_of2((struct str){"\0", 1}, leaf);
}

struct digest tree_node_hash(const struct digest *left, const struct digest *right)
{
    char both[1 + 2 * DIGEST_SIZE];
    both[0] = 1;
    memcpy(both + 1, left->b, DIGEST_SIZE);
    memcpy(both + 1 + DIGEST_SIZE, right->b, DIGEST_SIZE);
    return digest_of((struct str){both, sizeof(both)});
}

struct digest tree_fold(const struct digest *hashes, size_t n)
{
    struct digest level[TILE_WIDTH];
    assert(n != 0 && n <= TILE_WIDTH && (n & (n - 1)) == 0);
    if (n == 1)
        return hashes[0];
    for (size_t i = 0; i < n / 2; i++)
        level[i] = tree_node_hash(&hashes[2 * i], &hashes[2 * i + 1]);
    for (n /= 2; n > 1; n /= 2)
        for (size_t i = 0; i < n / 2; i++)
            level[i] = tree_node_hash(&level[2 * i], &level[2 * i + 1]);
    return level[0];
}

void tree_append(struct tree *t, const struct digest *leaf, tree_tile_fn *full, void *ctx)
{
    struct digest h = *leaf;
    uint64_t before = t->size++;
    for (unsigned level = 0; level < TREE_LEVELS; level++) {
        size_t at = (size_t)(before >> (8 * level)) & (TILE_WIDTH - 1);
        t->rows[level][at] = h;
        if (at != TILE_WIDTH - 1)
            return;
        if (full != NULL)
            full(ctx, level, before >> (8 * level + 8), t->rows[level]);
        h = tree_fold(t->rows[level], TILE_WIDTH);
    }
}

/* From the right edge inwards: each bit of the size is one complete subtree. */
struct digest tree_root(const struct tree *t)
{
    struct digest root = digest_of((struct str){NULL, 0});
    bool first = true;
    for (unsigned level = 0; level < TREE_LEVELS; level++) {
        size_t n = tree_row(t, level);
        for (size_t width = 1; width < TILE_WIDTH; width *= 2) {
            if ((n & width) == 0)
                continue;
            n -= width;
            struct digest part = tree_fold(&t->rows[level][n], width);
            root = first ? part : tree_node_hash(&part, &root);
            first = false;
        }
    }
    return root;
}
