#include "audit/io.h"
#include "base/buf.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = 4400 };

static int system_create(void *ctx, const char *path)
{
    (void)ctx;
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static ssize_t system_write(void *ctx, int fd, const void *p, size_t n, off_t at)
{
    (void)ctx;
    return pwrite(fd, p, n, at);
}

static int system_sync(void *ctx, int fd)
{
    (void)ctx;
    return fdatasync(fd);
}

static int system_allocate(void *ctx, int fd, off_t at, off_t n)
{
    (void)ctx;
    return fallocate(fd, 0, at, n);
}

static int system_rename(void *ctx, const char *from, const char *to)
{
    (void)ctx;
    return rename(from, to);
}

const struct audit_io audit_system_io = {
    NULL, system_create, system_write, system_sync, system_allocate, system_rename,
};

enum err io_write(const struct audit_io *io, int fd, struct str s, uint64_t at)
{
    while (s.n > 0) {
        ssize_t n = io->write(io->ctx, fd, s.p, s.n, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENOSPC;
        if (n <= 0)
            return ERR_IO;
        s = (struct str){s.p + n, s.n - (size_t)n};
        at += (uint64_t)n;
    }
    return ERR_OK;
}

/* Each folder on the way to the file. */
static enum err make_folders(const char *path)
{
    char folder[PATH_ROOM];
    for (const char *p = strchr(path + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
        if ((size_t)(p - path) >= sizeof(folder))
            return ERR_LIMIT;
        memcpy(folder, path, (size_t)(p - path));
        folder[p - path] = '\0';
        if (mkdir(folder, 0700) != 0 && errno != EEXIST)
            return ERR_IO;
    }
    return ERR_OK;
}

static enum err write_new(const struct audit_io *io, int fd, struct str bytes, bool sync)
{
    enum err e = io_write(io, fd, bytes, 0);
    if (e == ERR_OK && sync && io->sync(io->ctx, fd) != 0)
        e = ERR_IO;
    int error = errno;
    if (close(fd) != 0 && e == ERR_OK)
        return ERR_IO;
    errno = error;
    return e;
}

enum err io_put_file(const struct audit_io *io, const char *path, struct str bytes)
{
    int fd = io->create(io->ctx, path);
    if (fd < 0 && errno == ENOENT) {
        TRY(make_folders(path));
        fd = io->create(io->ctx, path);
    }
    return fd >= 0 ? write_new(io, fd, bytes, false) : ERR_IO;
}

enum err io_sync_folder(const struct audit_io *io, const char *path)
{
    char folder[PATH_ROOM];
    const char *end = strrchr(path, '/');
    size_t n = end != NULL && end != path ? (size_t)(end - path) : 1;
    if (n >= sizeof(folder))
        return ERR_LIMIT;
    memcpy(folder, end != NULL ? path : ".", n);
    folder[n] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    bool good = io->sync(io->ctx, fd) == 0;
    int error = errno;
    (void)close(fd);
    errno = error;
    return good ? ERR_OK : ERR_IO;
}

enum err io_replace_file(const struct audit_io *io, const char *path, struct str bytes)
{
    char new_path[PATH_ROOM];
    int n = snprintf(new_path, sizeof(new_path), "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof(new_path))
        return ERR_LIMIT;
    int fd = io->create(io->ctx, new_path);
    if (fd < 0)
        return ERR_IO;
    TRY(write_new(io, fd, bytes, true));
    if (io->rename(io->ctx, new_path, path) != 0)
        return ERR_IO;
    return io_sync_folder(io, path);
}

static enum err read_all(int fd, size_t most, struct buf *ret)
{
    size_t all = 0;
    for (;;) {
        char *space;
        TRY(buf_reserve(ret, 4 * KIB, &space));
        ssize_t n = read(fd, space, 4 * KIB);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_IO;
        if (n == 0)
            return ERR_OK;
        all += (size_t)n;
        if (all > most)
            return ERR_LIMIT;
        buf_commit(ret, (size_t)n);
    }
}

enum err io_read_file(const char *path, size_t most, struct buf *ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;
    enum err e = read_all(fd, most, ret);
    (void)close(fd);
    return e;
}
