#include "cmd/saved_token.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 4096 };

/* The folder is made where it is missing. */
static enum err path_of(char out[static PATH])
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int n = config != NULL && config[0] == '/' ? snprintf(out, PATH, "%s/countersign", config)
            : home != NULL                     ? snprintf(out, PATH, "%s/.config", home)
                                               : -1;
    if (n < 0 || n >= PATH - 32)
        return ERR_NOT_FOUND;
    if (config == NULL || config[0] != '/') {
        (void)mkdir(out, 0700);
        strcat(out, "/countersign");
    }
    (void)mkdir(out, 0700);
    strcat(out, "/tokens.json");
    return ERR_OK;
}

static json_t *load(const char *path, enum err *ret_why)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *ret_why = ERR_NOT_FOUND;
    if (fd < 0)
        return NULL;
    bool own = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 077) == 0;
    json_t *all = own ? json_loadfd(fd, 0, NULL) : NULL;
    close(fd);
    if (!own)
        *ret_why = ERR_FORBIDDEN;
    if (json_is_object(all))
        return all;
    json_decref(all);
    return NULL;
}

enum err saved_token_read(const char *url, struct buf *ret)
{
    char path[PATH];
    enum err why;
    TRY(path_of(path));
    json_t *all = load(path, &why);
    const char *token = json_string_value(json_object_get(all, url));
    enum err e = token != NULL ? buf_put_str(ret, str_of(token)) : why;
    json_decref(all);
    return e;
}

static enum err write_file(const char *path, const json_t *all)
{
    char fresh[PATH + 8];
    (void)snprintf(fresh, sizeof(fresh), "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_IO;
    bool good = fchmod(fd, 0600) == 0 && json_dumpfd(all, fd, JSON_INDENT(1)) == 0;
    good = close(fd) == 0 && good && rename(fresh, path) == 0;
    if (!good)
        (void)unlink(fresh);
    return good ? ERR_OK : ERR_IO;
}

enum err saved_token_write(const char *url, struct str token, char *ret_path, size_t size)
{
    char path[PATH];
    enum err why;
    TRY(path_of(path));
    json_t *all = load(path, &why);
    if (all == NULL)
        all = json_object();
    enum err e = json_object_set_new(all, url, json_stringn(token.p, token.n)) == 0 ? write_file(path, all) : ERR_NOMEM;
    json_decref(all);
    (void)snprintf(ret_path, size, "%s", path);
    return e;
}
