/* A log in a directory of its own, on a disk that can be made to fail. */
#pragma once

#include "tap.h"

#include "audit/audit.h"
#include "audit/verify.h"
#include "base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A disk that fails at its n-th operation (and at all after it, where `sticky`), and writes at most `short_write` bytes
 * at once. It syncs nothing: what tests look at is what was asked of it. */
struct disk {
    long operations, fail_at;
    int error;
    bool sticky, failed;
    size_t short_write;
    long syncs;
};

static inline bool disk_fails(struct disk *d)
{
    d->operations++;
    if (d->fail_at == 0 || (d->sticky ? d->operations < d->fail_at : d->operations != d->fail_at))
        return false;
    d->failed = true;
    errno = d->error;
    return true;
}

static inline int disk_create(void *ctx, const char *path)
{
    return disk_fails(ctx) ? -1 : audit_system_io.create(NULL, path);
}

static inline ssize_t disk_write(void *ctx, int fd, const void *p, size_t n, off_t at)
{
    struct disk *d = ctx;
    if (disk_fails(d))
        return -1;
    return audit_system_io.write(NULL, fd, p, d->short_write != 0 && n > d->short_write ? d->short_write : n, at);
}

static inline int disk_sync(void *ctx, int fd)
{
    struct disk *d = ctx;
    (void)fd;
    d->syncs++;
    return disk_fails(d) ? -1 : 0;
}

static inline int disk_allocate(void *ctx, int fd, off_t at, off_t n)
{
    return disk_fails(ctx) ? -1 : audit_system_io.allocate(NULL, fd, at, n);
}

static inline int disk_rename(void *ctx, const char *from, const char *to)
{
    return disk_fails(ctx) ? -1 : audit_system_io.rename(NULL, from, to);
}

struct bench {
    char root[64], dir[80], other[80];
    struct audit_settings settings;
    struct disk disk;
    struct audit_io io;
    struct audit *a;
    struct moment now;
    char said[sizeof(((struct audit_error *)0)->text)];
};

static inline enum err bench_try(struct bench *b)
{
    struct audit_error said = {""};
    b->a = NULL;
    enum err e = audit_open(&b->settings, &b->io, b->now, &b->a, &said);
    (void)snprintf(b->said, sizeof(b->said), "%s", said.text);
    return e;
}

static inline void bench_open(struct bench *b)
{
    enum err e = bench_try(b);
    CHECK_OK(e);
    if (e != ERR_OK)
        printf("# %s\n", b->said);
}

/* Everything but the log itself. */
static inline void bench_prepare(struct bench *b)
{
    *b = (struct bench){.root = "/tmp/countersign-test-XXXXXX", .now = {1000 * NS_PER_S, 5 * NS_PER_S}};
    CHECK(mkdtemp(b->root) != NULL);
    (void)snprintf(b->dir, sizeof(b->dir), "%s/audit", b->root);
    (void)snprintf(b->other, sizeof(b->other), "%s/other", b->root);
    b->settings = (struct audit_settings){.directory = str_of(b->dir), .origin = STR("log.example/test")};
    b->io = (struct audit_io){&b->disk, disk_create, disk_write, disk_sync, disk_allocate, disk_rename};
}

static inline void bench_init(struct bench *b)
{
    bench_prepare(b);
    bench_open(b);
}

static inline void shell(const char *fmt, ...) PRINTF_LIKE(1, 2);
static inline void shell(const char *fmt, ...)
{
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    CHECK(system(line) == 0);
}

static inline void bench_close(struct bench *b)
{
    audit_close(b->a);
    b->a = NULL;
}

static inline void bench_done(struct bench *b)
{
    bench_close(b);
    shell("rm -r %s", b->root);
}

static inline void append_n(struct bench *b, int n)
{
    for (int i = 0; i < n; i++) {
        char data[96];
        (void)snprintf(data, sizeof(data), "{\"n\":%d,\"text\":\"statement %d\"}", i, i);
        CHECK_OK(audit_append(b->a, "sample", str_of(data), b->now, NULL));
    }
    CHECK_OK(audit_sync(b->a));
}

/* As time would: everything that is due, is done. */
static inline void settle(struct bench *b)
{
    for (int i = 0; i < 100 && audit_due(b->a) != INT64_MAX; i++) {
        b->now.mono_ns += 2 * NS_PER_S;
        b->now.wall_ns += 2 * NS_PER_S;
        audit_tick(b->a, b->now);
    }
}

static inline struct audit_report verify_kept(const char *dir, struct str kept)
{
    struct note_key keys[AUDIT_KEYS];
    struct audit_report r = {.fault = 0};
    struct audit_verify_options o = {.dir = str_of(dir), .keys = keys, .kept = kept};
    CHECK_OK(audit_own_keys(o.dir, keys, &o.n_keys));
    CHECK_OK(audit_verify(&o, &r));
    return r;
}

static inline struct audit_report verify(struct bench *b)
{
    return verify_kept(b->dir, (struct str){NULL, 0});
}

static inline void is_good(struct bench *b)
{
    struct audit_report r = verify(b);
    CHECK(r.fault == AUDIT_GOOD);
    if (r.fault != AUDIT_GOOD)
        printf("# %s: %s\n", audit_fault_text(r.fault), r.text);
}

/* --- Files ----------------------------------------------------------------------------------- */

struct file {
    char *text;
    size_t n;
};

static inline struct file file_read(const char *path)
{
    struct file f = {.text = calloc(1, 4 << 20)};
    int fd = open(path, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, f.text, (4 << 20) - 1) : 0;
    f.n = n > 0 ? (size_t)n : 0;
    if (fd >= 0)
        (void)close(fd);
    return f;
}

static inline void file_write(const char *path, const struct str *parts, size_t n)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);
    CHECK(fd >= 0);
    for (size_t i = 0; i < n; i++)
        CHECK(write(fd, parts[i].p, parts[i].n) == (ssize_t)parts[i].n);
    (void)close(fd);
}

/* The last journal file of a log. */
static inline void journal_of(const char *dir, char out[static 160])
{
    struct dirent **list;
    char folder[128];
    (void)snprintf(folder, sizeof(folder), "%s/journal", dir);
    int n = scandir(folder, &list, NULL, alphasort);
    out[0] = '\0';
    for (int i = 0; i < n; i++) {
        if (strlen(list[i]->d_name) == 20)
            (void)snprintf(out, 160, "%s/%.20s", folder, list[i]->d_name);
        free(list[i]);
    }
    if (n >= 0)
        free(list);
}
