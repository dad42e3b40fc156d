/*
 * Everything of the log that touches the disk for writing goes through this, so that tests can make any call fail
 * (tests/unit/test_audit_faults.c does so with each). Like the system calls of the same names: -1 and errno.
 */
#pragma once

#include "base/str.h"

#include <sys/types.h>

struct audit_io {
    void *ctx;
    int (*create)(void *ctx, const char *path); /* for writing, mode 0600, emptied where it was there */
    ssize_t (*write)(void *ctx, int fd, const void *p, size_t n, off_t at);
    int (*sync)(void *ctx, int fd);             /* fdatasync; of a directory: fsync */
    int (*allocate)(void *ctx, int fd, off_t at, off_t n);
    int (*rename)(void *ctx, const char *from, const char *to);
};

extern const struct audit_io audit_system_io;

/* All of s at `at`. A short write is the system's way to say that the next one fails: it is continued, so that the
 * next one says why. ERR_IO, with errno. */
MUST_USE enum err io_write(const struct audit_io *io, int fd, struct str s, uint64_t at);

/* A file of these bytes: for what can be made again, so it is not synced. Missing folders are made (0700). */
MUST_USE enum err io_put_file(const struct audit_io *io, const char *path, struct str bytes);

/* A file of these bytes, whole or not at all, also after power loss. */
MUST_USE enum err io_replace_file(const struct audit_io *io, const char *path, struct str bytes);

/* The names in the folder of `path` survive power loss. */
MUST_USE enum err io_sync_folder(const struct audit_io *io, const char *path);

/* All of a file, of at most `most` bytes, appended. ERR_NOT_FOUND, ERR_LIMIT, ERR_IO. */
struct buf;
MUST_USE enum err io_read_file(const char *path, size_t most, struct buf *ret);
