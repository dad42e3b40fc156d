#include "audit/tile.h"
#include "base/limits.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The longest bundle: 256 leaves behind their lengths. */
#define BUNDLE_MAX (TILE_WIDTH * (LIMIT_AUDIT_LEAF + 2))

/* Groups of three digits, all but the last behind an x: x001/x234/067. */
static void put_index(char *out, size_t size, uint64_t index)
{
    char groups[8][8];
    size_t n = 0, used = 0;
    do {
        (void)snprintf(groups[n++], sizeof(groups[0]), "%03u", (unsigned)(index % 1000));
        index /= 1000;
    } while (index != 0);
    out[0] = '\0';
    while (n-- > 0)
        used += (size_t)snprintf(out + used, size - used, n > 0 ? "x%s/" : "%s", groups[n]);
}

enum err tile_path(struct str dir, int level, uint64_t index, size_t width, char out[static TILE_PATH])
{
    char at[64], name[16] = "entries", partial[16] = "";
    put_index(at, sizeof(at), index);
    if (level != TILE_ENTRIES)
        (void)snprintf(name, sizeof(name), "%d", level);
    if (width != TILE_WIDTH)
        (void)snprintf(partial, sizeof(partial), ".p/%zu", width);
    int n = snprintf(out, TILE_PATH, "%.*s/tile/%s/%s%s", STR_FMT(dir), name, at, partial);
    return n > 0 && n < TILE_PATH ? ERR_OK : ERR_LIMIT;
}

/* --- Writing ------------------------------------------------------------------------------------ */

void tile_writer_init(struct tile_writer *w, const struct audit_io *io, struct str dir)
{
    *w = (struct tile_writer){.io = io, .dir = dir};
    buf_init(&w->bundle, BUNDLE_MAX);
}

void tile_writer_done(struct tile_writer *w)
{
    buf_done(&w->bundle);
}

static bool is_there(const char *path, struct str bytes)
{
    struct buf b CLEANUP(buf_done) = {0};
    buf_init(&b, BUNDLE_MAX + 8 * KIB);
    return io_read_file(path, BUNDLE_MAX, &b) == ERR_OK && str_eq(buf_view(&b), bytes);
}

static enum err write_tile(const struct tile_writer *w, int level, uint64_t index, size_t width, struct str bytes)
{
    char path[TILE_PATH];
    TRY(tile_path(w->dir, level, index, width, path));
    return is_there(path, bytes) ? ERR_OK : io_put_file(w->io, path, bytes);
}

static void tile_is_full(void *ctx, unsigned level, uint64_t index, const struct digest *hashes)
{
    struct tile_writer *w = ctx;
    if (write_tile(w, (int)level, index, TILE_WIDTH, str_from(hashes, TILE_WIDTH * DIGEST_SIZE)) != ERR_OK)
        w->behind = true;
    if (level != 0)
        return;
    if (write_tile(w, TILE_ENTRIES, index, TILE_WIDTH, buf_view(&w->bundle)) != ERR_OK)
        w->behind = true;
    buf_clear(&w->bundle);
}

enum err tile_writer_add(struct tile_writer *w, struct str leaf, const struct digest *hash)
{
    char *space;
    TRY(buf_reserve(&w->bundle, leaf.n + 2, &space));
    space[0] = (char)(leaf.n >> 8);
    space[1] = (char)leaf.n;
    memcpy(space + 2, leaf.p, leaf.n);
    buf_commit(&w->bundle, leaf.n + 2);
    tree_append(&w->tree, hash, tile_is_full, w);
    return ERR_OK;
}

enum err tile_writer_finish(struct tile_writer *w)
{
    for (unsigned level = 0; level < TREE_LEVELS; level++) {
        size_t n = tree_row(&w->tree, level);
        uint64_t index = level + 1 < TREE_LEVELS ? w->tree.size >> (8 * level + 8) : 0;
        if (n != 0)
            TRY(write_tile(w, (int)level, index, n, str_from(w->tree.rows[level], n * DIGEST_SIZE)));
        if (n != 0 && level == 0)
            TRY(write_tile(w, TILE_ENTRIES, index, n, buf_view(&w->bundle)));
    }
    return ERR_OK;
}

static void remove_partial(struct str dir, int level, uint64_t index, size_t width)
{
    char path[TILE_PATH];
    if (tile_path(dir, level, index, width, path) != ERR_OK)
        return;
    (void)unlink(path);
    *strrchr(path, '/') = '\0';
    (void)rmdir(path); /* as long as others are in it, it stays */
}

void tile_tidy(struct str dir, uint64_t earlier, uint64_t later)
{
    for (unsigned level = 0; level + 1 < TREE_LEVELS; level++) {
        uint64_t had = earlier >> (8 * level), has = later >> (8 * level);
        size_t n = (size_t)had % TILE_WIDTH;
        if (n == 0 || had == has)
            continue;
        remove_partial(dir, (int)level, had / TILE_WIDTH, n);
        if (level == 0)
            remove_partial(dir, TILE_ENTRIES, had / TILE_WIDTH, n);
    }
}

/* --- Reading ------------------------------------------------------------------------------------ */

enum err tile_reader_new(struct str dir, uint64_t size, struct tile_reader **ret)
{
    struct tile_reader *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ERR_NOMEM;
    r->dir = str_dupz(dir);
    r->size = size;
    if (r->dir == NULL) {
        free(r);
        return ERR_NOMEM;
    }
    *ret = r;
    return ERR_OK;
}

void tile_reader_free(struct tile_reader *r)
{
    if (r != NULL)
        free(r->dir);
    free(r);
}

static enum err load(struct tile_reader *r, unsigned level, uint64_t index)
{
    struct buf b CLEANUP(buf_done) = {0};
    char path[TILE_PATH];
    uint64_t hashes = r->size >> (8 * level), begin = index * TILE_WIDTH;
    size_t n = hashes - begin < TILE_WIDTH ? (size_t)(hashes - begin) : TILE_WIDTH;
    TRY(tile_path(str_of(r->dir), (int)level, index, n, path));
    buf_init(&b, 16 * KIB);
    enum err e = io_read_file(path, TILE_WIDTH * DIGEST_SIZE, &b);
    if (e == ERR_NOT_FOUND && n != TILE_WIDTH) { /* the full one holds it too, and may have replaced it */
        TRY(tile_path(str_of(r->dir), (int)level, index, TILE_WIDTH, path));
        e = io_read_file(path, TILE_WIDTH * DIGEST_SIZE, &b);
    }
    TRY(e);
    if (buf_len(&b) < n * DIGEST_SIZE)
        return ERR_CORRUPT;
    memcpy(r->last[level].hashes, buf_view(&b).p, n * DIGEST_SIZE);
    r->last[level].full = true;
    r->last[level].index = index;
    r->last[level].n = n;
    return ERR_OK;
}

static enum err read_hashes(void *ctx, unsigned level, uint64_t index, size_t n, struct digest *ret)
{
    struct tile_reader *r = ctx;
    uint64_t tile = index / TILE_WIDTH;
    size_t at = (size_t)(index % TILE_WIDTH);
    if (level >= TREE_LEVELS || index + n > r->size >> (8 * level))
        return ERR_NOT_FOUND;
    if (!r->last[level].full || r->last[level].index != tile)
        TRY(load(r, level, tile));
    assert(at + n <= r->last[level].n);
    memcpy(ret, &r->last[level].hashes[at], n * DIGEST_SIZE);
    return ERR_OK;
}

struct hash_source tile_source(struct tile_reader *r)
{
    return (struct hash_source){r, read_hashes};
}
