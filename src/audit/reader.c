#include "audit/reader.h"

#include "audit/audit.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { READ_SIZE = 256 * 1024 };

struct audit_reader {
    int fd;
    struct buf held;
    size_t used; /* of held: the record given last */
    uint64_t from;
};

void audit_reader_free(struct audit_reader *r)
{
    if (r == NULL)
        return;
    if (r->fd >= 0)
        (void)close(r->fd);
    buf_done(&r->held);
    free(r);
}

enum err audit_reader_open(struct str dir, uint64_t from, struct audit_reader **ret)
{
    char path[4096];
    struct audit_reader *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ERR_NOMEM;
    (void)snprintf(path, sizeof(path), "%.*s/" AUDIT_FILE, STR_FMT(dir));
    *r = (struct audit_reader){.fd = open(path, O_RDONLY | O_CLOEXEC), .from = from};
    buf_init(&r->held, LIMIT_AUDIT_RECORD + READ_SIZE + 4 * KIB);
    if (r->fd < 0) {
        enum err e = errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
        audit_reader_free(r);
        return e;
    }
    *ret = r;
    return ERR_OK;
}

static enum err next_line(struct audit_reader *r, struct str *ret)
{
    buf_consume(&r->held, r->used);
    r->used = 0;
    for (;;) {
        struct str s = buf_view(&r->held);
        const char *nl = s.n != 0 ? memchr(s.p, '\n', s.n) : NULL;
        if (nl != NULL) {
            *ret = (struct str){s.p, (size_t)(nl - s.p)};
            r->used = ret->n + 1;
            return ERR_OK;
        }
        char *space;
        TRY(buf_reserve(&r->held, READ_SIZE, &space));
        ssize_t n = read(r->fd, space, READ_SIZE);
        if (n < 0)
            return ERR_IO;
        if (n == 0)
            return ERR_NOT_FOUND;
        buf_commit(&r->held, (size_t)n);
    }
}

/* "2026-11-22T17:20:00.123Z" */
static enum err read_time(struct str text, int64_t *ret)
{
    char z[CLOCK_TEXT];
    struct tm tm = {0};
    if (text.n != 24)
        return ERR_CORRUPT;
    (void)snprintf(z, sizeof(z), "%.*s", STR_FMT(text));
    const char *rest = strptime(z, "%Y-%m-%dT%H:%M:%S", &tm);
    uint64_t ms;
    if (rest == NULL || rest[0] != '.' || str_to_u64((struct str){rest + 1, 3}, &ms) != ERR_OK)
        return ERR_CORRUPT;
    *ret = (int64_t)timegm(&tm) * NS_PER_S + (int64_t)ms * NS_PER_MS;
    return ERR_OK;
}

enum err audit_reader_next(struct audit_reader *r, struct audit_entry *ret)
{
    struct audit_record rec;
    struct str line;
    do {
        TRY(next_line(r, &line));
        if (audit_record_parse(line, &rec) != ERR_OK)
            return ERR_CORRUPT;
    } while (rec.seq < r->from);
    struct audit_entry e = {.seq = rec.seq, .time = rec.time, .kind = rec.kind, .data = rec.data,
                            .leaf = line};
    TRY(read_time(rec.time, &e.wall_ns));
    *ret = e;
    return ERR_OK;
}
