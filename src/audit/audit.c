#include "audit/audit.h"
#include "base/json.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct audit {
    struct audit_io io;
    int fd;
    struct buf pending; /* whole lines, not yet written */
    bool unsynced;      /* something was appended since the last sync */
    int64_t sync_due;   /* monotonic, where unsynced */
    struct place {
        uint64_t length;    /* of the file, with what is pending */
        uint64_t seq;       /* of the last record */
        struct digest hash; /* of the same */
    } at, synced;           /* appended; known to be on disk */
    uint64_t refused, cut;  /* appends while broken; records cut off, not yet said */
    bool broken;
    char broken_text[192];
    struct audit_counters counters;
};

static ssize_t system_write(void *ctx, int fd, const void *p, size_t n)
{
    (void)ctx;
    return write(fd, p, n);
}

static int system_fdatasync(void *ctx, int fd)
{
    (void)ctx;
    return fdatasync(fd);
}

static int system_ftruncate(void *ctx, int fd, off_t length)
{
    (void)ctx;
    return ftruncate(fd, length);
}

static const struct audit_io system_io = {NULL, system_write, system_fdatasync, system_ftruncate};

static enum err break_log(struct audit *a, const char *doing)
{
    a->broken = true;
    (void)snprintf(a->broken_text, sizeof(a->broken_text),
                   "the audit log is broken (%s: %s); it goes on when the disk is well again",
                   doing, strerror(errno));
    return ERR_IO;
}

const char *audit_broken(const struct audit *a)
{
    return a->broken ? a->broken_text : NULL;
}

uint64_t audit_last_seq(const struct audit *a)
{
    return a->at.seq;
}

uint64_t audit_length(const struct audit *a)
{
    return a->at.length;
}

struct audit_counters audit_counters(const struct audit *a)
{
    return a->counters;
}

int64_t audit_sync_due(const struct audit *a)
{
    return a->unsynced && !a->broken ? a->sync_due : INT64_MAX;
}

/* --- Writing --------------------------------------------------------------------------------- */

/* A short write is the system's way to say that the next one fails: it is continued, so that the
 * next one says why. */
static enum err write_pending(struct audit *a)
{
    while (buf_len(&a->pending) > 0) {
        struct str s = buf_view(&a->pending);
        ssize_t n = a->io.write(a->io.ctx, a->fd, s.p, s.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENOSPC;
        if (n <= 0)
            return break_log(a, "write");
        a->counters.bytes += (uint64_t)n;
        buf_consume(&a->pending, (size_t)n);
    }
    return ERR_OK;
}

enum err audit_sync(struct audit *a)
{
    if (a->broken)
        return ERR_IO;
    if (!a->unsynced)
        return ERR_OK;
    TRY(write_pending(a));
    if (a->io.fdatasync(a->io.ctx, a->fd) != 0)
        return break_log(a, "fdatasync");
    a->unsynced = false;
    a->synced = a->at;
    a->counters.syncs++;
    return ERR_OK;
}

enum err audit_append(struct audit *a, const char *kind, struct str data, struct moment now,
                      uint64_t *ret_seq)
{
    struct digest hash;
    if (a->broken) {
        a->refused++;
        return ERR_IO;
    }
    if (data.n > LIMIT_AUDIT_RECORD)
        return ERR_LIMIT;
    if (buf_len(&a->pending) >= LIMIT_AUDIT_BATCH)
        TRY(write_pending(a));
    size_t before = buf_len(&a->pending);
    TRY(audit_record_write(&a->pending, a->at.seq + 1, now.wall_ns, str_of(kind), &a->at.hash,
                           data, &hash));
    a->at.seq++;
    a->at.hash = hash;
    a->at.length += buf_len(&a->pending) - before;
    a->counters.records++;
    if (!a->unsynced)
        a->sync_due = now.mono_ns + LIMIT_AUDIT_DELAY_MS * NS_PER_MS;
    a->unsynced = true;
    if (ret_seq != NULL)
        *ret_seq = a->at.seq;
    return ERR_OK;
}

enum err audit_append_durable(struct audit *a, const char *kind, struct str data,
                              struct moment now, uint64_t *ret_seq)
{
    uint64_t seq;
    TRY(audit_append(a, kind, data, now, &seq));
    TRY(audit_sync(a));
    if (ret_seq != NULL)
        *ret_seq = seq;
    return ERR_OK;
}

/* --- Recovering ------------------------------------------------------------------------------ */

static enum err cut_back(struct audit *a)
{
    if (a->io.ftruncate(a->io.ctx, a->fd, (off_t)a->synced.length) != 0)
        return break_log(a, "ftruncate");
    if (a->io.fdatasync(a->io.ctx, a->fd) != 0)
        return break_log(a, "fdatasync");
    buf_clear(&a->pending);
    a->at = a->synced;
    a->unsynced = false;
    return ERR_OK;
}

static enum err put_recovered(struct buf *data, uint64_t cut_records, uint64_t refused)
{
    struct json j;
    json_init(&j, data);
    json_object_begin(&j);
    json_key(&j, "cut_records");
    json_uint(&j, cut_records);
    json_key(&j, "not_recorded");
    json_uint(&j, refused);
    json_object_end(&j);
    return json_end(&j);
}

enum err audit_recover(struct audit *a, struct moment now)
{
    CLEANUP(buf_done) struct buf data;
    uint64_t cut = a->at.seq - a->synced.seq, refused = a->refused;
    buf_init(&data, 512);
    if (!a->broken)
        return ERR_OK;
    TRY(put_recovered(&data, a->cut + cut, refused));
    TRY(cut_back(a));
    a->cut += cut;
    a->broken = false;
    enum err e = audit_append_durable(a, "repaired", buf_view(&data), now, NULL);
    if (e != ERR_OK) {
        a->at = a->synced; /* this record is none that was cut */
        return e;
    }
    a->cut = 0;
    a->refused = 0;
    return ERR_OK;
}

/* --- Opening --------------------------------------------------------------------------------- */

static enum err read_at(int fd, off_t at, char *p, size_t n)
{
    while (n > 0) {
        ssize_t got = pread(fd, p, n, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ERR_IO;
        p += got;
        n -= (size_t)got;
        at += got;
    }
    return ERR_OK;
}

/* The end of the file, as far as it matters: the last complete line and what comes after it. */
struct tail {
    char *bytes; /* malloc */
    off_t at;    /* where in the file they begin */
    struct str line, torn;
};

static void tail_done(struct tail *t)
{
    free(t->bytes);
}

/* Splits the bytes read into ... \n line \n torn. False where more has to be read. */
static bool split_tail(struct tail *t, size_t n)
{
    const char *last = memrchr(t->bytes, '\n', n);
    if (last == NULL) {
        t->torn = (struct str){t->bytes, n};
        return t->at == 0;
    }
    size_t before = (size_t)(last - t->bytes);
    const char *previous = memrchr(t->bytes, '\n', before);
    size_t start = previous != NULL ? (size_t)(previous - t->bytes) + 1 : 0;
    t->line = (struct str){t->bytes + start, before - start};
    t->torn = (struct str){last + 1, n - before - 1};
    return previous != NULL || t->at == 0;
}

static enum err read_tail(int fd, off_t size, struct tail *t)
{
    const size_t most = 2 * (LIMIT_AUDIT_RECORD + 4 * KIB);
    size_t want = 64 * KIB;
    for (;; want *= 2) {
        size_t n = (off_t)want > size ? (size_t)size : want;
        free(t->bytes);
        *t = (struct tail){.bytes = malloc(n), .at = size - (off_t)n};
        if (t->bytes == NULL)
            return ERR_NOMEM;
        TRY(read_at(fd, t->at, t->bytes, n));
        if (split_tail(t, n))
            return ERR_OK;
        if (n >= most)
            return ERR_CORRUPT;
    }
}

static enum err cut_torn(struct audit *a, off_t size, const struct tail *t)
{
    if (t->torn.n == 0)
        return ERR_OK;
    if (a->io.ftruncate(a->io.ctx, a->fd, size - (off_t)t->torn.n) != 0 ||
        a->io.fdatasync(a->io.ctx, a->fd) != 0)
        return ERR_IO;
    return ERR_OK;
}

static enum err record_torn(struct audit *a, struct str torn, struct moment now)
{
    char hex[DIGEST_HEX + 1];
    CLEANUP(buf_done) struct buf data;
    struct digest d = digest_of(torn);
    struct json j;
    buf_init(&data, 512);
    if (torn.n == 0)
        return ERR_OK;
    json_init(&j, &data);
    json_object_begin(&j);
    json_put_int(&j, "cut_bytes", (int64_t)torn.n);
    json_put_str(&j, "cut_digest", digest_hex(&d, hex));
    json_object_end(&j);
    TRY(json_end(&j));
    return audit_append_durable(a, "repaired", buf_view(&data), now, NULL);
}

/* Continues after the last record of a file that has some. */
static enum err resume(struct audit *a, off_t size, struct moment now)
{
    CLEANUP(tail_done) struct tail t = {0};
    struct audit_record last;
    TRY(read_tail(a->fd, size, &t));
    if (t.line.p != NULL) {
        if (audit_record_parse(t.line, &last) != ERR_OK || !audit_record_is_whole(t.line, &last))
            return ERR_CORRUPT;
        a->at.seq = last.seq;
        a->at.hash = last.hash;
    }
    TRY(cut_torn(a, size, &t));
    a->at.length = (uint64_t)size - t.torn.n;
    /* Whoever wrote it may not have come to sync it. */
    if (a->io.fdatasync(a->io.ctx, a->fd) != 0)
        return ERR_IO;
    a->synced = a->at;
    return record_torn(a, t.torn, now);
}

/* A new file's name must survive power loss too. */
static enum err sync_directory(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    bool good = fsync(fd) == 0;
    (void)close(fd);
    return good ? ERR_OK : ERR_IO;
}

static enum err open_file(struct audit *a, const char *dir, struct moment now)
{
    char path[4096];
    struct stat st;
    int n = snprintf(path, sizeof(path), "%s/" AUDIT_FILE, dir);
    if (n < 0 || (size_t)n >= sizeof(path))
        return ERR_INVALID;
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return ERR_IO;
    a->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (a->fd < 0)
        return ERR_IO;
    if (flock(a->fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? ERR_EXISTS : ERR_IO;
    if (fstat(a->fd, &st) != 0)
        return ERR_IO;
    if (st.st_size == 0)
        return sync_directory(dir);
    return resume(a, st.st_size, now);
}

static const char *open_error_text(enum err e)
{
    switch (e) {
    case ERR_EXISTS:
        return "another gateway writes this log";
    case ERR_CORRUPT:
        return "its last record does not verify; see `countersign audit verify`, and move the "
               "directory aside to begin a new log";
    case ERR_IO:
        return strerror(errno);
    default:
        return err_text(e);
    }
}

enum err audit_open(struct str dir, const struct audit_io *io, struct moment now,
                    struct audit **ret, struct audit_error *ret_error)
{
    struct audit *a = calloc(1, sizeof(*a));
    char *z = str_dupz(dir);
    enum err e = ERR_NOMEM;
    if (a != NULL && z != NULL) {
        a->io = io != NULL ? *io : system_io;
        a->fd = -1;
        buf_init(&a->pending, LIMIT_AUDIT_BATCH + LIMIT_AUDIT_RECORD + 4 * KIB);
        e = open_file(a, z, now);
    }
    if (e != ERR_OK)
        (void)snprintf(ret_error->text, sizeof(ret_error->text), "audit log in %.200s: %s",
                       z != NULL ? z : "", open_error_text(e));
    free(z);
    if (e != ERR_OK) {
        audit_close(a);
        return e;
    }
    *ret = a;
    return ERR_OK;
}

void audit_close(struct audit *a)
{
    if (a == NULL)
        return;
    enum err e = audit_sync(a);
    (void)e; /* the log is broken then, and nobody is told an effect of it */
    if (a->fd >= 0)
        (void)close(a->fd);
    buf_done(&a->pending);
    free(a);
}
