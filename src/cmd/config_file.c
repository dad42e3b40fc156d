#include "cmd/config_file.h"

#include "base/limits.h"
#include "classify/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct str config_file_path(const char *given)
{
    static const char here[] = "countersign.yaml", system[] = "/etc/countersign/countersign.yaml";
    if (given != NULL)
        return str_of(given);
    return access(here, F_OK) != 0 && access(system, F_OK) == 0 ? str_of(system) : str_of(here);
}

/* --- Reading -------------------------------------------------------------------------------------- */

static enum err read_all(int fd, struct buf *out)
{
    for (;;) {
        char *space;
        TRY(buf_reserve(out, 16 * KIB, &space));
        ssize_t n = read(fd, space, 16 * KIB);
        if (n == 0)
            return ERR_OK;
        if (n < 0 && errno != EINTR)
            return ERR_IO;
        buf_commit(out, n > 0 ? (size_t)n : 0);
    }
}

static enum err open_error(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return ERR_FORBIDDEN;
    default:
        return ERR_IO;
    }
}

static enum err read_file(void *ctx, struct str path, struct buf *out)
{
    (void)ctx;
    char *name = str_dupz(path);
    if (name == NULL)
        return memchr(path.p, '\0', path.n) != NULL ? ERR_INVALID : ERR_NOMEM;
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    enum err e = fd < 0 ? open_error(errno) : read_all(fd, out);
    if (fd >= 0)
        close(fd);
    free(name);
    return e;
}

/* --- Facts ---------------------------------------------------------------------------------------- */

static enum err sql_facts_of(void *ctx, struct str text, struct arena *a,
                             const struct sql_facts **ret)
{
    (void)ctx;
    struct sql_facts *f = arena_new(a, struct sql_facts);
    if (f == NULL)
        return ERR_NOMEM;
    enum err e = classify_sql(a, text, &SQL_SETTINGS_DEFAULT, f);
    if (e != ERR_OK)
        return e == ERR_LIMIT ? ERR_INVALID : e;
    *ret = f;
    return ERR_OK;
}

const struct policy_test_facts config_test_facts = {NULL, sql_facts_of};

/* --- The whole ------------------------------------------------------------------------------------ */

enum err config_file_load(struct str path, bool run_tests, struct arena *scratch,
                          struct diagnostics *ret_said, struct config **ret)
{
    struct config_source source = {
        .path = path,
        .read = read_file,
        .test_facts = run_tests ? &config_test_facts : NULL,
    };
    return config_load(&source, scratch, ret_said, ret);
}

void config_say(const struct diagnostics *said)
{
    struct buf text;
    buf_init(&text, 16 * MIB);
    for (size_t i = 0; i < said->n; i++) {
        if (diagnostic_text(&text, &said->list[i]) != ERR_OK)
            break;
        struct str s = buf_view(&text);
        fwrite(s.p, 1, s.n, stderr);
        buf_clear(&text);
    }
    buf_done(&text);
}
