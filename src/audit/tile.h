/*
 * Tiles on disk as https://c2sp.org/tlog-tiles has them below a log's prefix: DIR/tile/L/N[.p/W] with the hashes,
 * DIR/tile/entries/N[.p/W] with the leaves, each behind its length in 16 bits. They are made from the journal, and
 * can be made again at any time.
 */
#pragma once

#include "audit/io.h"
#include "audit/proof.h"

enum { TILE_PATH = 4400, TILE_ENTRIES = -1 };

/* "DIR/tile/0/x001/067.p/8". width 256: a full one. ERR_LIMIT. */
MUST_USE enum err tile_path(struct str dir, int level, uint64_t index, size_t width, char out[static TILE_PATH]);

/* Writes full tiles while leaves are added, and the unfinished ones when asked. */
struct tile_writer {
    const struct audit_io *io;
    struct str dir;
    struct tree tree;
    struct buf bundle;  /* of the unfinished bundle: u16 length and leaf, each */
    bool behind;        /* a tile could not be written: they have to be made again */
};
void tile_writer_init(struct tile_writer *w, const struct audit_io *io, struct str dir);
void tile_writer_done(struct tile_writer *w);
/* What is already there with the same bytes is not written again. `hash` is that of the leaf. ERR_NOMEM. */
MUST_USE enum err tile_writer_add(struct tile_writer *w, struct str leaf, const struct digest *hash);
/* The unfinished tile of each level. */
MUST_USE enum err tile_writer_finish(struct tile_writer *w);
/* Removes the unfinished tiles of a tree of `earlier` leaves that one of `later` does not have. */
void tile_tidy(struct str dir, uint64_t earlier, uint64_t later);

/* Hashes out of the tiles of a tree of `size` leaves. ERR_NOT_FOUND, ERR_CORRUPT (a file of another length). */
struct tile_reader {
    char *dir;
    uint64_t size;
    struct {
        bool full;
        uint64_t index;
        size_t n;
        struct digest hashes[TILE_WIDTH];
    } last[TREE_LEVELS]; /* read last, a level */
};
MUST_USE enum err tile_reader_new(struct str dir, uint64_t size, struct tile_reader **ret);
void tile_reader_free(struct tile_reader *r);
struct hash_source tile_source(struct tile_reader *r);
