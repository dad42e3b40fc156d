/*
 * Retention: the content that stands apart of old records (what was asked and said) is overwritten, the leaves with
 * their commitments stay, and with them every proof. The record `pruned` is on disk and signed first (see erase.c): it says which
 * records, up to when, and how many bodies. A crash in between leaves it said and not done; the next start begins at the first record
 * again and does it.
 *
 * In small steps, since whoever writes the log has other things to do.
 */
#include "audit/index.h"
#include "audit/internal.h"
#include "base/json.h"

#include <fcntl.h>
#include <unistd.h>

enum {
    STEP_RECORDS = 256,
    SOON_MS = 10,          /* there is more to do */
    LEAST_MS = 1000,
    MOST_MS = 3600 * 1000, /* how late something may go that became old meanwhile */
};

struct retaining {
    struct audit *a;
    int64_t before_ns;
    uint64_t from, to;  /* the records of this step; to 0: none */
    uint64_t file, at;  /* where the first of them stands */
    uint64_t bodies;
    int64_t next_ns;    /* the time of the first one that is not old enough; INT64_MAX: there is none */
};

static uint64_t bodies_of(const struct frame *f)
{
    struct apart p;
    size_t at = 0;
    uint64_t n = 0;
    while (apart_next(f->apart, &at, &p) == ERR_OK)
        n += p.form != APART_ERASED;
    return n;
}

static void note(struct retaining *x, const struct frame *f)
{
    if (x->to == 0) {
        x->from = f->seq;
        x->file = f->file;
        x->at = f->at;
    }
    x->to = f->seq;
    x->bodies += bodies_of(f);
}

/* The journal stays open from step to step, and stands before the first record that is not old enough. */
static enum err look(struct retaining *x)
{
    struct journal *j = x->a->retain_journal;
    struct frame f;
    struct leaf l;
    int64_t at;
    for (size_t i = 0; i < STEP_RECORDS; i++) {
        enum err e = journal_next(j, &f);
        if (e == ERR_NOT_FOUND)
            return ERR_OK;
        TRY(e);
        if (leaf_parse(f.leaf, &l) != ERR_OK || leaf_time(l.time, &at) != ERR_OK)
            return ERR_CORRUPT;
        if (at >= x->before_ns) {
            x->next_ns = at;
            return journal_seek(j, f.seq, f.file, f.at);
        }
        note(x, &f);
    }
    return ERR_OK;
}

static enum err put_record(struct retaining *x, struct moment now)
{
    struct buf data CLEANUP(buf_done) = {0};
    struct json j;
    char time[CLOCK_TEXT];
    buf_init(&data, 4 * KIB);
    json_init(&j, &data);
    json_object_begin(&j);
    json_put_str(&j, "before", clock_text(x->before_ns, time));
    json_key(&j, "bodies");
    json_uint(&j, x->bodies);
    json_key(&j, "from");
    json_uint(&j, x->from);
    json_key(&j, "to");
    json_uint(&j, x->to);
    json_object_end(&j);
    TRY(json_end(&j));
    return audit_append_durable(x->a, "pruned", buf_view(&data), now, NULL);
}

static enum err open_file(struct retaining *x, uint64_t first, int *fd)
{
    char path[4300];
    TRY(journal_path(str_of(x->a->dir), first, path, sizeof(path)));
    *fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    return *fd < 0 ? ERR_IO : ERR_OK;
}

static enum err close_synced(struct retaining *x, int fd)
{
    if (fd < 0)
        return ERR_OK;
    int rc = x->a->io.sync(x->a->io.ctx, fd);
    (void)close(fd);
    return rc == 0 ? ERR_OK : ERR_IO;
}

/* One record, in the file that *fd is of. */
static enum err drop_one(struct retaining *x, const struct frame *f, uint64_t *file, int *fd)
{
    if (f->file != *file) {
        enum err e = close_synced(x, *fd);
        *fd = -1;
        TRY(e);
        TRY(open_file(x, f->file, fd));
        *file = f->file;
    }
    return erase_content(x->a, f, *fd);
}

static enum err drop_from(struct retaining *x, struct journal *j)
{
    struct frame f = {.seq = 0};
    uint64_t file = 0;
    int fd = -1;
    enum err e = journal_seek(j, x->from, x->file, x->at);
    while (e == ERR_OK && f.seq < x->to) {
        e = journal_next(j, &f);
        if (e == ERR_OK)
            e = drop_one(x, &f, &file, &fd);
    }
    enum err synced = close_synced(x, fd);
    return e != ERR_OK ? e : synced;
}

static enum err drop(struct retaining *x)
{
    struct journal *j;
    TRY(journal_open(str_of(x->a->dir), x->from, &j));
    enum err e = drop_from(x, j);
    journal_free(j);
    return e;
}

static int64_t clamp_ms(int64_t ns)
{
    int64_t ms = ns / NS_PER_MS;
    return ms < LEAST_MS ? LEAST_MS : ms > MOST_MS ? MOST_MS : ms;
}

static enum err step(struct retaining *x, struct moment now)
{
    if (x->a->retain_journal == NULL)
        TRY(journal_open(str_of(x->a->dir), 1, &x->a->retain_journal));
    TRY(look(x));
    if (x->bodies == 0)
        return ERR_OK;
    TRY(put_record(x, now));
    TRY(publish_now(x->a, now));
    TRY(drop(x));
    return audit_index_drop(str_of(x->a->dir)); /* it has the words of what is gone */
}

const char *audit_unretained(const struct audit *a)
{
    return a->retain_text[0] != '\0' ? a->retain_text : NULL;
}

enum err retain_step(struct audit *a, struct moment now)
{
    struct retaining x = {.a = a,
                          .before_ns = now.wall_ns - a->settings->retain_bodies_ns,
                          .next_ns = INT64_MAX};
    a->retain_due = now.mono_ns + LEAST_MS * NS_PER_MS;
    enum err e = step(&x, now);
    if (e != ERR_OK) { /* from the start again: what was said and not done is found there */
        journal_free(a->retain_journal);
        a->retain_journal = NULL;
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    }
    int64_t wait = x.to != 0 && x.next_ns == INT64_MAX ? SOON_MS
                   : x.next_ns != INT64_MAX ? clamp_ms(x.next_ns + a->settings->retain_bodies_ns - now.wall_ns)
                                            : LEAST_MS;
    a->retain_due = now.mono_ns + wait * NS_PER_MS;
    return ERR_OK;
}
