#include "audit/internal.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = 4300 };

static enum err new_path(const struct audit *a, uint64_t first, char out[static PATH_ROOM])
{
    TRY(journal_path(str_of(a->dir), first, out, PATH_ROOM - 4));
    memcpy(out + strlen(out), ".new", 5);
    return ERR_OK;
}

void file_close(struct journal_file *f, bool trim)
{
    if (f->fd < 0)
        return;
    if (trim && f->allocated > f->length)
        (void)!ftruncate(f->fd, (off_t)f->length); /* zeros that nobody needs: no harm where they stay */
    (void)close(f->fd);
    f->fd = -1;
}

enum err file_begin(struct audit *a, const struct tree *t, struct journal_file *ret)
{
    struct buf header CLEANUP(buf_done) = {0};
    struct journal_file f = {.first = t->size + 1};
    char path[PATH_ROOM];
    buf_init(&header, 1 * MIB);
    TRY(journal_header_put(t, &header));
    TRY(new_path(a, f.first, path));
    f.fd = a->io.create(a->io.ctx, path);
    if (f.fd < 0)
        return ERR_IO;
    enum err e = file_write(a, &f, buf_view(&header));
    if (e != ERR_OK) {
        int error = errno;
        file_close(&f, false);
        errno = error;
        return e;
    }
    *ret = f;
    return ERR_OK;
}

/* Only saves the file system work at each sync: where it cannot be had the writes themselves decide. */
static void allocate_ahead(struct audit *a, struct journal_file *f, size_t n)
{
    if (f->length + n <= f->allocated)
        return;
    uint64_t want = f->length + n - f->allocated;
    want = (want + LIMIT_AUDIT_ALLOCATE - 1) / LIMIT_AUDIT_ALLOCATE * LIMIT_AUDIT_ALLOCATE;
    if (a->io.allocate(a->io.ctx, f->fd, (off_t)f->allocated, (off_t)want) == 0)
        f->allocated += want;
    else
        f->allocated = f->length + n;
}

enum err file_write(struct audit *a, struct journal_file *f, struct str frames)
{
    allocate_ahead(a, f, frames.n);
    TRY(io_write(&a->io, f->fd, frames, f->length));
    f->length += frames.n;
    a->counters.bytes += frames.n;
    return ERR_OK;
}

static enum err give_name(struct audit *a, const struct journal_file *f)
{
    char from[PATH_ROOM], to[PATH_ROOM];
    TRY(new_path(a, f->first, from));
    TRY(journal_path(str_of(a->dir), f->first, to, sizeof(to)));
    if (a->io.sync(a->io.ctx, f->fd) != 0 || a->io.rename(a->io.ctx, from, to) != 0)
        return ERR_IO;
    return io_sync_folder(&a->io, to);
}

enum err file_commit(struct audit *a, struct journal_file *f)
{
    enum err e = give_name(a, f);
    if (e != ERR_OK) {
        int error = errno;
        file_close(f, false);
        errno = error;
        return e;
    }
    /* Where it replaced the one before under the same name, that one is gone. */
    file_close(&a->file, !a->broken);
    a->file = *f;
    return ERR_OK;
}
