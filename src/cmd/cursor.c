#include "cmd/cursor.h"

#include "base/json.h"
#include "base/json_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CURSOR_MAX = 512, PATH_ROOM = 4096 };

static enum err parse(struct str text, struct cursor_place *ret)
{
    static const char *const names[] = {"next", "length", "leaf"};
    struct json_part all, m[ARRAY_LEN(names)];
    int64_t next, length;
    if (!json_part_of(text, &all))
        return ERR_CORRUPT;
    json_pick(&all, names, ARRAY_LEN(names), m);
    if (json_part_int(&m[0], &next) != ERR_OK || json_part_int(&m[1], &length) != ERR_OK || next < 1 ||
        length < 0 || m[2].kind != JSON_IS_STRING ||
        digest_parse(str_from(m[2].raw.p + 1, m[2].raw.n - 2), &ret->leaf) != ERR_OK)
        return ERR_CORRUPT;
    ret->next = (uint64_t)next;
    ret->length = (uint64_t)length;
    return ERR_OK;
}

enum err cursor_load(const char *path, struct cursor_place *ret)
{
    char text[CURSOR_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    ssize_t n = read(fd, text, sizeof(text));
    (void)close(fd);
    return n < 0 ? ERR_IO : parse(str_from(text, (size_t)n), ret);
}

static enum err write_synced(const char *path, struct str bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_IO;
    bool good = write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n && fsync(fd) == 0;
    return close(fd) == 0 && good ? ERR_OK : ERR_IO;
}

static enum err sync_folder(const char *path)
{
    char folder[PATH_ROOM];
    const char *slash = strrchr(path, '/');
    (void)snprintf(folder, sizeof(folder), "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1,
                   slash != NULL ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    int rc = fsync(fd);
    (void)close(fd);
    return rc == 0 || errno == EINVAL ? ERR_OK : ERR_IO;
}

enum err cursor_save(const char *path, const struct cursor_place *c)
{
    struct buf out CLEANUP(buf_done) = {0};
    struct json j;
    char fresh[PATH_ROOM], hex[DIGEST_HEX + 1];
    int n = snprintf(fresh, sizeof(fresh), "%s.new", path);
    if (n < 0 || n >= PATH_ROOM)
        return ERR_LIMIT;
    buf_init(&out, CURSOR_MAX);
    json_init(&j, &out);
    json_object_begin(&j);
    json_key(&j, "next");
    json_uint(&j, c->next);
    json_key(&j, "length");
    json_uint(&j, c->length);
    json_put_str(&j, "leaf", digest_hex(&c->leaf, hex));
    json_object_end(&j);
    TRY(json_end(&j));
    TRY(buf_put_u8(&out, '\n'));
    TRY(write_synced(fresh, buf_view(&out)));
    if (rename(fresh, path) != 0)
        return ERR_IO;
    return sync_folder(path);
}
