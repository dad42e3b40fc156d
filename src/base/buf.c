#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Memory above this is given back when the buffer runs empty, so that idle connections stay small. */
enum { KEEP_WHEN_EMPTY = 4096, FIRST_SIZE = 256 };

void buf_init(struct buf *b, size_t cap)
{
    *b = (struct buf){.cap = cap};
}

void buf_done(struct buf *b)
{
    free(b->p);
    buf_init(b, b->cap);
}

void buf_wipe(struct buf *b)
{
    if (b->p != NULL)
        explicit_bzero(b->p, b->size);
    buf_done(b);
}

void buf_clear(struct buf *b)
{
    b->off = b->end = 0;
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= buf_len(b));
    b->off += n;
    if (b->off != b->end)
        return;
    if (b->size > KEEP_WHEN_EMPTY)
        buf_done(b);
    else
        buf_clear(b);
}

void buf_truncate(struct buf *b, size_t len)
{
    assert(len <= buf_len(b));
    b->end = b->off + len;
}

static enum err buf_make_room(struct buf *b, size_t n)
{
    size_t len = buf_len(b);
    if (n > b->cap || len > b->cap - n)
        return ERR_LIMIT;
    if (b->off != 0 && (b->size - b->end < n)) {
        memmove(b->p, b->p + b->off, len);
        b->off = 0;
        b->end = len;
    }
    if (b->size - b->end >= n)
        return ERR_OK;
    size_t size = b->size != 0 ? b->size : FIRST_SIZE;
    while (size < len + n)
        size = size > SIZE_MAX / 2 ? len + n : size * 2;
    char *p = realloc(b->p, size);
    if (p == NULL)
        return ERR_NOMEM;
    b->p = p;
    b->size = size;
    return ERR_OK;
}

enum err buf_reserve(struct buf *b, size_t n, char **ret_space)
{
    TRY(buf_make_room(b, n));
    *ret_space = b->p + b->end;
    return ERR_OK;
}

void buf_commit(struct buf *b, size_t n)
{
    assert(n <= b->size - b->end);
    b->end += n;
}

enum err buf_put(struct buf *b, const void *p, size_t n)
{
    if (n == 0)
        return ERR_OK;
    TRY(buf_make_room(b, n));
    memcpy(b->p + b->end, p, n);
    b->end += n;
    return ERR_OK;
}

enum err buf_put_str(struct buf *b, struct str s)
{
    return buf_put(b, s.p, s.n);
}

enum err buf_put_u8(struct buf *b, uint8_t v)
{
    return buf_put(b, &v, 1);
}

enum err buf_put_u16(struct buf *b, uint16_t v)
{
    v = __builtin_bswap16(v);
    return buf_put(b, &v, sizeof(v));
}

enum err buf_put_u32(struct buf *b, uint32_t v)
{
    v = __builtin_bswap32(v);
    return buf_put(b, &v, sizeof(v));
}

enum err buf_put_u64(struct buf *b, uint64_t v)
{
    v = __builtin_bswap64(v);
    return buf_put(b, &v, sizeof(v));
}

enum err buf_put_cstr(struct buf *b, struct str s)
{
    if (s.n != 0 && memchr(s.p, '\0', s.n) != NULL)
        return ERR_INVALID;
    TRY(buf_make_room(b, s.n + 1));
    if (s.n != 0)
        memcpy(b->p + b->end, s.p, s.n);
    b->end += s.n;
    b->p[b->end++] = '\0';
    return ERR_OK;
}

enum err buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    char *space;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return ERR_INVALID;
    TRY(buf_reserve(b, (size_t)n + 1, &space));
    va_start(ap, fmt);
    (void)vsnprintf(space, (size_t)n + 1, fmt, ap);
    va_end(ap);
    buf_commit(b, (size_t)n);
    return ERR_OK;
}

void buf_patch_u32(struct buf *b, size_t at, uint32_t v)
{
    assert(at + sizeof(v) <= buf_len(b));
    v = __builtin_bswap32(v);
    memcpy(b->p + b->off + at, &v, sizeof(v));
}

enum err buf_take_cstr(struct buf *b, char **ret)
{
    TRY(buf_make_room(b, 1));
    if (b->off != 0)
        memmove(b->p, b->p + b->off, buf_len(b));
    b->p[buf_len(b)] = '\0';
    *ret = b->p;
    b->p = NULL;
    buf_init(b, b->cap);
    return ERR_OK;
}
