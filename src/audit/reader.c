#include "audit/audit.h"
#include "audit/journal.h"
#include "audit/vault.h"
#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>

struct audit_reader {
    struct journal *journal;
    struct vault *vault; /* NULL: sealed content stays sealed */
    struct buf data;     /* of the record given last */
    uint64_t from;
};

void audit_reader_free(struct audit_reader *r)
{
    if (r == NULL)
        return;
    journal_free(r->journal);
    vault_free(r->vault);
    buf_done(&r->data);
    free(r);
}

enum err audit_reader_vault(struct audit_reader *r, const char *path)
{
    struct vault *v = NULL;
    TRY(vault_open(path, NULL, &v));
    vault_free(r->vault);
    r->vault = v;
    return ERR_OK;
}

static enum err open_parts(struct audit_reader *r, struct str dir, uint64_t from)
{
    char path[4300];
    int n = snprintf(path, sizeof(path), "%.*s/vault", STR_FMT(dir));
    if (n < 0 || (size_t)n >= sizeof(path))
        return ERR_LIMIT;
    TRY(journal_open(dir, from, &r->journal));
    return audit_reader_vault(r, path);
}

enum err audit_reader_open(struct str dir, uint64_t from, struct audit_reader **ret)
{
    struct audit_reader *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ERR_NOMEM;
    r->from = from;
    buf_init(&r->data, 4 * LIMIT_AUDIT_RECORD);
    enum err e = open_parts(r, dir, from);
    if (e != ERR_OK) {
        audit_reader_free(r);
        return e;
    }
    *ret = r;
    return ERR_OK;
}

static enum err open_sealed(void *ctx, const struct apart *a, struct buf *out)
{
    return vault_open_sealed(ctx, a, out);
}

static enum err fill(struct audit_reader *r, const struct frame *f, struct audit_entry *ret)
{
    struct audit_entry e = {.seq = f->seq, .leaf = f->leaf, .file = f->file, .at = f->at};
    struct leaf l;
    if (leaf_parse(f->leaf, &l) != ERR_OK || l.seq != f->seq || leaf_time(l.time, &e.wall_ns) != ERR_OK)
        return ERR_CORRUPT;
    buf_clear(&r->data);
    TRY(leaf_resolve(l.data, f->apart, open_sealed, r->vault, &r->data, &e.n_erased));
    e.time = l.time;
    e.kind = l.kind;
    e.data = buf_view(&r->data);
    *ret = e;
    return ERR_OK;
}

enum err audit_reader_seek(struct audit_reader *r, uint64_t seq, uint64_t file, uint64_t at)
{
    r->from = seq;
    return journal_seek(r->journal, seq, file, at);
}

enum err audit_reader_next(struct audit_reader *r, struct audit_entry *ret)
{
    struct frame f;
    do {
        enum err e = journal_next(r->journal, &f);
        /* What is being written just now looks like a wreck. */
        if (e == ERR_CORRUPT && journal_trouble(r->journal)->fault == JOURNAL_TAIL)
            return ERR_NOT_FOUND;
        TRY(e);
    } while (f.seq < r->from);
    return fill(r, &f, ret);
}

enum err audit_each(struct str dir, uint64_t from, audit_each_fn *each, void *ctx)
{
    struct audit_reader *r = NULL;
    struct audit_entry entry;
    TRY(audit_reader_open(dir, from, &r));
    enum err e;
    while ((e = audit_reader_next(r, &entry)) == ERR_OK)
        if (!each(ctx, &entry))
            break;
    audit_reader_free(r);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

void audit_entry_json(struct json *j, const struct audit_entry *e)
{
    json_object_begin(j);
    json_key(j, "seq");
    json_uint(j, e->seq);
    json_put_str(j, "time", e->time);
    json_put_str(j, "kind", e->kind);
    json_key(j, "data");
    json_raw(j, e->data);
    json_object_end(j);
}
