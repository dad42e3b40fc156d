/*
 * A growable byte buffer that is filled at the end and consumed at the front, with a cap that an
 * append can never pass. Appending may move the bytes: views into a buffer die with the next call
 * that appends to it.
 */
#pragma once

#include "base/str.h"

struct buf {
    char *p;        /* NULL until first use */
    size_t off;     /* consumed at the front */
    size_t end;     /* filled up to here */
    size_t size;    /* allocated */
    size_t cap;     /* end - off never exceeds this */
};

void buf_init(struct buf *b, size_t cap);
void buf_done(struct buf *b);  /* frees; the buffer may be used again */
void buf_wipe(struct buf *b);  /* as buf_done, overwriting the bytes first: for secrets */
void buf_clear(struct buf *b); /* empties, keeps the memory */

static inline size_t buf_len(const struct buf *b)
{
    return b->end - b->off;
}

static inline struct str buf_view(const struct buf *b)
{
    return (struct str){b->p != NULL ? b->p + b->off : NULL, b->end - b->off};
}

/* Drops what was appended after the view had `len` bytes; len <= buf_len. */
void buf_truncate(struct buf *b, size_t len);

/* Drops n bytes at the front; n <= buf_len. Gives the memory back when empty and large. */
void buf_consume(struct buf *b, size_t n);

/* Room for n more bytes at the end: *ret_space is where they go; buf_commit says how many came. */
MUST_USE enum err buf_reserve(struct buf *b, size_t n, char **ret_space);
void buf_commit(struct buf *b, size_t n);

/* Appends; ERR_LIMIT at the cap, ERR_NOMEM. On error nothing was appended. */
MUST_USE enum err buf_put(struct buf *b, const void *p, size_t n);
MUST_USE enum err buf_put_str(struct buf *b, struct str s);
MUST_USE enum err buf_put_u8(struct buf *b, uint8_t v);
MUST_USE enum err buf_put_u16(struct buf *b, uint16_t v); /* big-endian, like the wire */
MUST_USE enum err buf_put_u32(struct buf *b, uint32_t v);
MUST_USE enum err buf_put_u64(struct buf *b, uint64_t v);
MUST_USE enum err buf_put_cstr(struct buf *b, struct str s); /* bytes and a NUL; ERR_INVALID if s holds one */
MUST_USE enum err buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Overwrites 4 bytes at `at` (counted from the front of the view): for lengths known afterwards. */
void buf_patch_u32(struct buf *b, size_t at, uint32_t v);

/* The whole content as a NUL-terminated heap string that the caller frees; the buffer is empty after. */
MUST_USE enum err buf_take_cstr(struct buf *b, char **ret);
