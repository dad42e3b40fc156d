/* Configurations written inside a test. */
#pragma once

#include "base/limits.h"
#include "policy/config.h"
#include "tap.h"

struct fixture {
    struct arena scratch;
    struct diagnostics said;
    struct config *config; /* NULL where it did not load */
    enum err err;
};

static inline void fixture_files(struct fixture *f, const struct config_file *files, size_t n)
{
    arena_init(&f->scratch, LIMIT_CONFIG_ARENA);
    f->config = NULL;
    f->err = config_from_files(files, n, &f->scratch, &f->said, &f->config);
}

static inline void fixture_text(struct fixture *f, const char *text)
{
    struct config_file file = {STR("t.yaml"), str_of(text)};
    fixture_files(f, &file, 1);
}

static inline void fixture_done(struct fixture *f)
{
    config_unref(f->config);
    arena_done(&f->scratch);
}

/* What was said, one line each: "12:7 error message | hint". */
static inline struct str fixture_said(struct fixture *f)
{
    struct str all = STR("");
    for (size_t i = 0; i < f->said.n; i++) {
        const struct diagnostic *d = &f->said.list[i];
        struct str more;
        if (arena_printf(&f->scratch, &more, "%.*s%s%u:%u %s %.*s%s%.*s", STR_FMT(all),
                         i == 0 ? "" : "\n", d->line, d->column,
                         d->severity == SEVERITY_ERROR ? "error" : "warning", STR_FMT(d->message),
                         d->hint.n != 0 ? " | " : "", STR_FMT(d->hint)) != ERR_OK)
            return STR("no memory");
        all = more;
    }
    return all;
}

/* The text loads and nothing is said; shows what is. */
static inline bool fixture_good(struct fixture *f)
{
    if (f->err == ERR_OK && f->said.n == 0)
        return true;
    printf("# %s\n", err_text(f->err));
    struct str said = fixture_said(f), line;
    while (said.n != 0) {
        if (!str_cut(said, '\n', &line, &said)) {
            line = said;
            said.n = 0;
        }
        printf("# %.*s\n", STR_FMT(line));
    }
    return false;
}
