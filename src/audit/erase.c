#include "audit/index.h"
#include "audit/internal.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/*
 * Erasing one record's content. The record `erased` is on disk first, and under a signed checkpoint: the verifier takes
 * no other word for missing content, since anybody who can write the directory can append one. A crash in between
 * leaves it said and not done, which the next erasure of the same record does, and which a reader sees. Then salt and content are overwritten in
 * place, and the key of what is sealed: the leaf with its commitments stays, so every proof stays good.
 */

struct erasure {
    struct audit *a;
    struct frame frame; /* views of the journal below */
    struct journal *journal;
    struct json *json;
    size_t n;
};

/* Whether there is something left to overwrite. */
static bool is_there(const struct apart *p)
{
    return p->form != APART_ERASED;
}

static enum err name_member(void *ctx, const struct leaf_commitment *c)
{
    struct erasure *x = ctx;
    struct apart p;
    char hex[DIGEST_HEX + 1];
    if (apart_find(x->frame.apart, &c->digest, &p) != ERR_OK || !is_there(&p))
        return ERR_OK;
    json_object_begin(x->json);
    json_put_str(x->json, "commitment", digest_hex(&c->digest, hex));
    json_put_str(x->json, "member", (struct str){c->name.p + 1, c->name.n - 2});
    json_object_end(x->json);
    x->n++;
    return ERR_OK;
}

static enum err put_record(struct erasure *x, struct str by, struct str reason, struct buf *out)
{
    struct json j;
    struct leaf l;
    if (leaf_parse(x->frame.leaf, &l) != ERR_OK)
        return ERR_CORRUPT;
    json_init(&j, out);
    x->json = &j;
    json_object_begin(&j);
    json_put_str(&j, "by", by);
    if (reason.n != 0)
        json_put_str(&j, "reason", reason);
    json_key(&j, "record");
    json_uint(&j, x->frame.seq);
    json_key(&j, "members");
    json_array_begin(&j);
    TRY(leaf_commitments(l.data, name_member, x));
    json_array_end(&j);
    json_object_end(&j);
    TRY(json_end(&j));
    return x->n != 0 ? ERR_OK : ERR_NOT_FOUND;
}

/* Form, salt and content; the commitment stays. */
static enum err overwrite_one(struct audit *a, int fd, uint64_t at, const struct apart *p)
{
    static const char zeros[4096], form[1] = {APART_ERASED};
    uint64_t from = at + 8 + DIGEST_SIZE;
    size_t left = APART_SALT + p->content.n;
    while (left > 0) {
        size_t n = left < sizeof(zeros) ? left : sizeof(zeros);
        TRY(io_write(&a->io, fd, (struct str){zeros, n}, from));
        from += n;
        left -= n;
    }
    return io_write(&a->io, fd, (struct str){form, 1}, at);
}

enum err erase_content(struct audit *a, const struct frame *f, int fd)
{
    uint64_t base = f->at + FRAME_HEAD + f->leaf.n;
    struct apart p;
    size_t at = 0;
    enum err e;
    while ((e = apart_next(f->apart, &at, &p)) == ERR_OK) {
        if (p.form == APART_SEALED && a->vault != NULL) {
            enum err forgot = vault_forget(a->vault, &p.commitment);
            if (forgot != ERR_OK && forgot != ERR_NOT_FOUND)
                return forgot;
        }
        if (is_there(&p))
            TRY(overwrite_one(a, fd, base + p.at, &p));
    }
    return e == ERR_NOT_FOUND ? ERR_OK : ERR_CORRUPT;
}

static enum err overwrite(struct erasure *x)
{
    char path[4300];
    TRY(journal_path(str_of(x->a->dir), x->frame.file, path, sizeof(path)));
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return ERR_IO;
    enum err e = erase_content(x->a, &x->frame, fd);
    if (e == ERR_OK && x->a->io.sync(x->a->io.ctx, fd) != 0)
        e = ERR_IO;
    (void)close(fd);
    return e;
}

static enum err find(struct erasure *x, uint64_t seq)
{
    enum err e;
    TRY(journal_open(str_of(x->a->dir), seq, &x->journal));
    while ((e = journal_next(x->journal, &x->frame)) == ERR_OK && x->frame.seq < seq)
        ;
    if (e == ERR_OK && x->frame.seq != seq)
        e = ERR_NOT_FOUND; /* it went with retention */
    return e;
}

static enum err erase(struct erasure *x, uint64_t seq, struct str by, struct str reason, struct moment now)
{
    struct buf data CLEANUP(buf_done) = {0};
    buf_init(&data, 64 * KIB);
    TRY(find(x, seq));
    TRY(put_record(x, by, reason, &data));
    TRY(audit_append_durable(x->a, "erased", buf_view(&data), now, NULL));
    TRY(publish_now(x->a, now));
    return overwrite(x);
}

enum err audit_erase(struct audit *a, uint64_t seq, struct str by, struct str reason, struct moment now,
                     size_t *ret_n)
{
    struct erasure x = {.a = a};
    if (a->broken)
        return ERR_IO;
    if (seq == 0)
        return ERR_NOT_FOUND;
    TRY(audit_sync(a));
    enum err e = erase(&x, seq, by, reason, now);
    journal_free(x.journal);
    if (e == ERR_OK)
        *ret_n = x.n;
    TRY(e);
    return audit_index_drop(str_of(a->dir)); /* it has the words of what is gone */
}
