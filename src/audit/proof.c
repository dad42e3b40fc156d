#include "audit/proof.h"

/* The largest power of two below n; n > 1. */
static uint64_t split(uint64_t n)
{
    return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

static unsigned height_of(uint64_t n)
{
    return (unsigned)__builtin_ctzll(n);
}

/* The hash of a complete subtree: 2^height leaves from `lo` on. */
static enum err subtree(const struct hash_source *s, uint64_t lo, unsigned height, struct digest *ret)
{
    struct digest hashes[TILE_WIDTH];
    unsigned level = height / 8, rest = height % 8;
    size_t n = (size_t)1 << rest;
    if (level >= TREE_LEVELS)
        return ERR_INVALID;
    TRY(s->read(s->ctx, level, lo >> (8 * level), n, hashes));
    *ret = tree_fold(hashes, n);
    return ERR_OK;
}

/* The hash of leaves [lo, hi), lo a multiple of the largest power of two below hi - lo: complete subtrees
 * from left to right, joined from the right. */
static enum err range_hash(const struct hash_source *s, uint64_t lo, uint64_t hi, struct digest *ret)
{
    struct digest parts[64];
    size_t n = 0;
    while (lo < hi) {
        uint64_t left = hi - lo, width = (left & (left - 1)) == 0 ? left : split(left);
        TRY(subtree(s, lo, height_of(width), &parts[n++]));
        lo += width;
    }
    struct digest h = parts[n - 1];
    while (--n > 0)
        h = tree_node_hash(&parts[n - 1], &h);
    *ret = h;
    return ERR_OK;
}

enum err proof_root(const struct hash_source *s, uint64_t size, struct digest *ret)
{
    if (size == 0) {
        *ret = digest_of((struct str){NULL, 0});
        return ERR_OK;
    }
    return range_hash(s, 0, size, ret);
}

static void reverse(struct proof *p)
{
    for (size_t i = 0; i < p->n / 2; i++) {
        struct digest d = p->hashes[i];
        p->hashes[i] = p->hashes[p->n - 1 - i];
        p->hashes[p->n - 1 - i] = d;
    }
}

/* From the root down to the leaf, noting the other side at every fork. */
enum err proof_inclusion(const struct hash_source *s, uint64_t index, uint64_t size, struct proof *ret)
{
    uint64_t lo = 0, hi = size;
    if (index >= size)
        return ERR_INVALID;
    ret->n = 0;
    while (hi - lo > 1) {
        uint64_t middle = lo + split(hi - lo);
        bool left = index < middle;
        TRY(left ? range_hash(s, middle, hi, &ret->hashes[ret->n])
                 : range_hash(s, lo, middle, &ret->hashes[ret->n]));
        ret->n++;
        if (left)
            hi = middle;
        else
            lo = middle;
    }
    reverse(ret);
    return ERR_OK;
}

enum err proof_consistency(const struct hash_source *s, uint64_t old, uint64_t size, struct proof *ret)
{
    uint64_t lo = 0, hi = size;
    bool whole = true; /* the old tree as such is known to whoever checks */
    if (old > size)
        return ERR_INVALID;
    ret->n = 0;
    if (old == 0 || old == size)
        return ERR_OK;
    while (hi != old) {
        uint64_t middle = lo + split(hi - lo);
        bool left = old <= middle;
        TRY(left ? range_hash(s, middle, hi, &ret->hashes[ret->n])
                 : range_hash(s, lo, middle, &ret->hashes[ret->n]));
        ret->n++;
        if (left) {
            hi = middle;
        } else {
            lo = middle;
            whole = false;
        }
    }
    if (!whole) {
        TRY(range_hash(s, lo, hi, &ret->hashes[ret->n]));
        ret->n++;
    }
    reverse(ret);
    return ERR_OK;
}

/* --- Checking --------------------------------------------------------------------------------- */

enum err proof_check_inclusion(const struct proof *p, const struct digest *leaf, uint64_t index,
                               uint64_t size, const struct digest *root)
{
    uint64_t fn = index, sn = size - 1;
    struct digest r = *leaf;
    if (index >= size)
        return ERR_CORRUPT;
    for (size_t i = 0; i < p->n; i++) {
        if (sn == 0)
            return ERR_CORRUPT;
        if ((fn & 1) != 0 || fn == sn) {
            r = tree_node_hash(&p->hashes[i], &r);
            for (; (fn & 1) == 0 && fn != 0; fn >>= 1)
                sn >>= 1;
        } else {
            r = tree_node_hash(&r, &p->hashes[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && digest_eq(&r, root) ? ERR_OK : ERR_CORRUPT;
}

enum err proof_check_consistency(const struct proof *p, uint64_t old, const struct digest *old_root,
                                 uint64_t size, const struct digest *root)
{
    struct digest empty = digest_of((struct str){NULL, 0}), fr, sr;
    size_t i = 0;
    if (old > size || (old == size && !digest_eq(old_root, root)))
        return ERR_CORRUPT;
    if (old == size)
        return p->n == 0 ? ERR_OK : ERR_CORRUPT;
    if (old == 0)
        return p->n == 0 && digest_eq(old_root, &empty) ? ERR_OK : ERR_CORRUPT;
    if (p->n == 0)
        return ERR_CORRUPT;
    fr = sr = (old & (old - 1)) == 0 ? *old_root : p->hashes[i++];
    uint64_t fn = old - 1, sn = size - 1;
    for (; (fn & 1) != 0; fn >>= 1)
        sn >>= 1;
    for (; i < p->n; i++) {
        if (sn == 0)
            return ERR_CORRUPT;
        if ((fn & 1) != 0 || fn == sn) {
            fr = tree_node_hash(&p->hashes[i], &fr);
            sr = tree_node_hash(&p->hashes[i], &sr);
            for (; (fn & 1) == 0 && fn != 0; fn >>= 1)
                sn >>= 1;
        } else {
            sr = tree_node_hash(&sr, &p->hashes[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && digest_eq(&fr, old_root) && digest_eq(&sr, root) ? ERR_OK : ERR_CORRUPT;
}
