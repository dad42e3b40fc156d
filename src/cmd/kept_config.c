#include "cmd/kept_config.h"
#include "base/limits.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FRAME_HEADER = 4, PIECE = 64 * 1024 };

static enum err write_all(int fd, struct str s)
{
    while (s.n > 0) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ERR_IO;
        s = (struct str){s.p + n, s.n - (size_t)n};
    }
    return ERR_OK;
}

enum err kept_config_write(const struct link_config *files, int *ret_fd)
{
    CLEANUP(buf_done) struct buf frame;
    struct link_message m = {.type = LINK_CONFIG, .config = *files};
    buf_init(&frame, LIMIT_LINK_MESSAGE + FRAME_HEADER);
    TRY(link_encode(&frame, &m));
    int fd = memfd_create("countersign configuration", MFD_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    enum err e = write_all(fd, buf_view(&frame));
    if (e != ERR_OK) {
        (void)close(fd);
        return e;
    }
    *ret_fd = fd;
    return ERR_OK;
}

/* From its beginning, wherever others who share the descriptor have read to. */
static enum err read_all(int fd, struct buf *out)
{
    for (;;) {
        char *space;
        TRY(buf_reserve(out, PIECE, &space));
        ssize_t n = pread(fd, space, PIECE, (off_t)buf_len(out));
        if (n == 0)
            return ERR_OK;
        if (n < 0 && errno != EINTR)
            return ERR_IO;
        buf_commit(out, n > 0 ? (size_t)n : 0);
    }
}

enum err kept_config_read(int fd, struct arena *scratch, struct diagnostics *ret_said,
                          struct config **ret)
{
    CLEANUP(buf_done) struct buf frame;
    struct link_message m;
    size_t used;
    buf_init(&frame, LIMIT_LINK_MESSAGE + FRAME_HEADER + PIECE);
    TRY(read_all(fd, &frame));
    TRY(link_decode(buf_view(&frame), LINK_WORKER, scratch, &m, &used));
    if (m.type != LINK_CONFIG)
        return ERR_PROTOCOL;
    struct config_file *files = arena_new_array(scratch, m.config.n_files, struct config_file);
    if (files == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < m.config.n_files; i++)
        files[i] = (struct config_file){m.config.files[i].path, m.config.files[i].text};
    return config_from_files(files, m.config.n_files, scratch, ret_said, ret);
}
