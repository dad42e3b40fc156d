#include "audit/internal.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = 4300 };

enum err audit_break(struct audit *a, const char *doing)
{
    a->broken = true;
    (void)snprintf(a->broken_text, sizeof(a->broken_text),
                   "the audit log is broken (%s: %s); it goes on when the disk is well again", doing,
                   strerror(errno));
    return ERR_IO;
}

const char *audit_broken(const struct audit *a)
{
    return a->broken ? a->broken_text : NULL;
}

uint64_t audit_last_seq(const struct audit *a)
{
    return a->tiles.tree.size + a->n_unsynced;
}

bool audit_took_over(const struct audit *a)
{
    return a->took_over;
}

struct audit_counters audit_counters(const struct audit *a)
{
    return a->counters;
}

/* --- Writing -------------------------------------------------------------------------------------- */

static enum err write_pending(struct audit *a)
{
    if (vault_sync(a->vault) != ERR_OK)
        return audit_break(a, "sync of the vault");
    if (buf_len(&a->pending) == 0)
        return ERR_OK;
    if (file_write(a, &a->file, buf_view(&a->pending)) != ERR_OK)
        return audit_break(a, "write");
    buf_clear(&a->pending);
    return ERR_OK;
}

/* What was synced goes into the tree. */
static enum err grow_tree(struct audit *a)
{
    struct str s = buf_view(&a->leaves);
    for (size_t i = 0; i < a->n_unsynced; i++) {
        size_t n = (size_t)(unsigned char)s.p[0] << 8 | (unsigned char)s.p[1];
        TRY(tile_writer_add(&a->tiles, (struct str){s.p + 2, n}, &a->hashes[i]));
        s = (struct str){s.p + 2 + n, s.n - 2 - n};
    }
    a->n_unsynced = 0;
    buf_clear(&a->leaves);
    return ERR_OK;
}

/* Behind the present file. */
static enum err next_file(struct audit *a)
{
    struct journal_file f;
    if (file_begin(a, &a->tiles.tree, &f) != ERR_OK || file_commit(a, &f) != ERR_OK)
        return audit_break(a, "beginning the next file");
    return ERR_OK;
}

enum err audit_sync(struct audit *a)
{
    if (a->broken)
        return ERR_IO;
    if (a->n_unsynced == 0)
        return ERR_OK;
    TRY(write_pending(a));
    if (a->io.sync(a->io.ctx, a->file.fd) != 0)
        return audit_break(a, "fdatasync");
    a->counters.syncs++;
    errno = ENOMEM;
    if (grow_tree(a) != ERR_OK)
        return audit_break(a, "tree");
    if (a->publish_due == INT64_MAX)
        a->publish_due = a->now_mono_ns + LIMIT_AUDIT_CHECKPOINT_MS * NS_PER_MS;
    /* What was asked for is on disk: a next file that cannot be begun is for the next append to notice. */
    if (a->file.length >= LIMIT_AUDIT_SEGMENT) {
        enum err e = next_file(a);
        (void)e;
    }
    return ERR_OK;
}

/* The record is in a->leaf and a->apart. */
static enum err enqueue(struct audit *a)
{
    struct str leaf = buf_view(&a->leaf);
    struct digest hash = tree_leaf_hash(leaf);
    size_t frames_n = buf_len(&a->pending), leaves_n = buf_len(&a->leaves);
    enum err e = journal_frame_put(leaf, buf_view(&a->apart), &hash, &a->pending);
    if (e == ERR_OK)
        e = buf_put_u16(&a->leaves, (uint16_t)leaf.n);
    if (e == ERR_OK)
        e = buf_put_str(&a->leaves, leaf);
    if (e != ERR_OK) {
        buf_truncate(&a->pending, frames_n);
        buf_truncate(&a->leaves, leaves_n);
        return e;
    }
    a->hashes[a->n_unsynced++] = hash;
    return ERR_OK;
}

enum err audit_append(struct audit *a, const char *kind, struct str data, struct moment now, uint64_t *ret_seq)
{
    a->now_mono_ns = now.mono_ns;
    if (a->n_unsynced == LIMIT_AUDIT_UNSYNCED) {
        enum err e = audit_sync(a);
        (void)e; /* said by the next line */
    }
    if (a->broken) {
        a->refused++;
        return ERR_IO;
    }
    if (data.n > LIMIT_AUDIT_RECORD)
        return ERR_LIMIT;
    if (buf_len(&a->pending) >= LIMIT_AUDIT_BATCH)
        TRY(write_pending(a));
    buf_clear(&a->leaf);
    buf_clear(&a->apart);
    enum err e = leaf_make(&a->maker, audit_last_seq(a) + 1, now.wall_ns, str_of(kind), data, &a->leaf, &a->apart);
    if (e == ERR_IO)
        return audit_break(a, "sealing");
    TRY(e);
    if (a->n_unsynced == 0)
        a->sync_due = now.mono_ns + LIMIT_AUDIT_DELAY_MS * NS_PER_MS;
    TRY(enqueue(a));
    a->counters.records++;
    if (ret_seq != NULL)
        *ret_seq = audit_last_seq(a);
    return ERR_OK;
}

enum err audit_append_durable(struct audit *a, const char *kind, struct str data, struct moment now,
                              uint64_t *ret_seq)
{
    uint64_t seq;
    TRY(audit_append(a, kind, data, now, &seq));
    TRY(audit_sync(a));
    if (ret_seq != NULL)
        *ret_seq = seq;
    return ERR_OK;
}

/* --- Time ----------------------------------------------------------------------------------------- */

int64_t audit_due(const struct audit *a)
{
    int64_t due = a->publish_due;
    if (a->n_unsynced != 0 && !a->broken && a->sync_due < due)
        due = a->sync_due;
    if (a->settings->retain_bodies_ns != 0 && !a->broken && a->retain_due < due)
        due = a->retain_due;
    return due;
}

void audit_tick(struct audit *a, struct moment now)
{
    enum err e;
    a->now_mono_ns = now.mono_ns;
    if (a->n_unsynced != 0 && a->sync_due <= now.mono_ns) {
        e = audit_sync(a);
        (void)e; /* the log is broken from here, and audit_broken says so */
    }
    if (a->publish_due <= now.mono_ns) {
        e = publish_step(a, now);
        (void)e; /* it is tried again, and audit_unsigned says why */
    }
    if (a->settings->retain_bodies_ns != 0 && !a->broken && a->retain_due <= now.mono_ns) {
        e = retain_step(a, now);
        a->retain_text[0] = '\0';
        if (e != ERR_OK) /* it is tried again */
            (void)snprintf(a->retain_text, sizeof(a->retain_text), "content of old records cannot be dropped: %s",
                           err_text(e));
    }
}

/* --- Recovering ----------------------------------------------------------------------------------- */

static enum err put_recovered(struct buf *data, uint64_t cut_records, uint64_t refused)
{
    struct json j;
    json_init(&j, data);
    json_object_begin(&j);
    json_key(&j, "cut_records");
    json_uint(&j, cut_records);
    json_key(&j, "not_recorded");
    json_uint(&j, refused);
    json_object_end(&j);
    return json_end(&j);
}

/* The tree has what is known to be on disk: a file that begins behind it makes the rest of the old one no part of the
 * log. */
static enum err leave_behind(struct audit *a)
{
    struct journal_file f;
    TRY(file_begin(a, &a->tiles.tree, &f));
    TRY(file_commit(a, &f));
    buf_clear(&a->pending);
    buf_clear(&a->leaves);
    a->n_unsynced = 0;
    return ERR_OK;
}

enum err audit_recover(struct audit *a, struct moment now)
{
    struct buf data CLEANUP(buf_done) = {0};
    uint64_t cut = a->n_unsynced;
    buf_init(&data, 512);
    if (!a->broken)
        return ERR_OK;
    TRY(put_recovered(&data, a->cut + cut, a->refused));
    TRY(leave_behind(a));
    a->cut += cut;
    a->broken = false;
    enum err e = audit_append_durable(a, "repaired", buf_view(&data), now, NULL);
    if (e != ERR_OK) { /* this record is none that was cut */
        buf_clear(&a->pending);
        buf_clear(&a->leaves);
        a->n_unsynced = 0;
        return e;
    }
    a->cut = 0;
    a->refused = 0;
    return ERR_OK;
}

/* --- The key -------------------------------------------------------------------------------------- */

static enum err put_by(struct buf *record, struct str by, struct buf *out)
{
    struct json j;
    struct str s = buf_view(record);
    json_init(&j, out);
    json_object_begin(&j);
    json_put_str(&j, "by", by);
    json_object_end(&j);
    TRY(json_end(&j));
    buf_truncate(out, buf_len(out) - 1);
    TRY(buf_put(out, ",", 1));
    return buf_put_str(out, (struct str){s.p + 1, s.n - 1});
}

enum err audit_rotate_key(struct audit *a, struct str by, struct moment now)
{
    struct buf record CLEANUP(buf_done) = {0}, data CLEANUP(buf_done) = {0};
    buf_init(&record, 4 * KIB);
    buf_init(&data, 8 * KIB);
    if (a->broken)
        return ERR_IO;
    if (a->settings->n_signer != 0)
        return ERR_UNSUPPORTED;
    if (signer_is_busy(a->signer))
        return ERR_BAD_STATE;
    TRY(signer_rotation(a->signer, &record));
    TRY(put_by(&record, by, &data));
    TRY(audit_append_durable(a, "key_rotated", buf_view(&data), now, NULL));
    TRY(signer_rotate(a->signer));
    return publish_now(a, now);
}

/* --- Redaction ------------------------------------------------------------------------------------ */

static bool is_one_of(struct str name, const char *const *list, size_t n)
{
    struct str bare = {name.p + 1, name.n - 2};
    for (size_t i = 0; i < n; i++)
        if (str_is(bare, list[i]))
            return true;
    return false;
}

static bool covers(const struct audit_redaction *r, struct str name)
{
    static const char *const text[] = {"text",    "facts",    "envelope",  "explanation", "message",   "outcome",
                                       "$data",   "parameters", "arguments",  "command",   "input",
                                       "context", "impact",     "output",     "result",    "url"};
    static const char *const parameters[] = {"envelope", "facts", "explanation", "message", "outcome", "$data",
                                             "parameters", "arguments", "input",   "output",  "result"};
    return (r->text && is_one_of(name, text, ARRAY_LEN(text))) ||
           (r->parameters && is_one_of(name, parameters, ARRAY_LEN(parameters)));
}

/* Whether the data, canonical JSON, has "key":"value" for one of the values. Inside of strings quotation marks have a
 * backslash, so that a client's text cannot look like it. */
static bool has_member(struct str data, const char *key, const struct str *values, size_t n)
{
    char member[2 * LIMIT_NAME_BYTES + 64];
    for (size_t i = 0; i < n; i++) {
        int length = snprintf(member, sizeof(member), "\"%s\":\"%.*s\"", key, STR_FMT(values[i]));
        if (length > 0 && (size_t)length < sizeof(member) &&
            str_contains(data, (struct str){member, (size_t)length}))
            return true;
    }
    return n == 0;
}

/* "guardrails":"a, b" of a request, or {"name":"a",…} of an action. */
static bool has_guardrail(struct str data, const struct str *values, size_t n)
{
    struct str list = {NULL, 0}, rest;
    const char *at = memmem(data.p, data.n, "\"guardrails\":\"", 14);
    if (n == 0 || has_member(data, "name", values, n))
        return true;
    if (at == NULL || !str_cut((struct str){at + 14, (size_t)(data.p + data.n - at) - 14}, '"', &list, &rest))
        return false;
    for (struct str one; list.n != 0; list = rest) {
        if (!str_cut(list, ',', &one, &rest)) {
            one = list;
            rest = (struct str){NULL, 0};
        }
        for (size_t i = 0; i < n; i++)
            if (str_eq(str_trim(one), values[i]))
                return true;
    }
    return false;
}

static bool has_kind(struct str kind, const struct str *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(kind, values[i]))
            return true;
    return n == 0;
}

static struct str redact(void *ctx, struct str kind, struct str data, struct str name)
{
    const struct audit *a = ctx;
    for (size_t i = 0; i < a->settings->n_redactions; i++) {
        const struct audit_redaction *r = &a->settings->redactions[i];
        if (covers(r, name) && has_kind(kind, r->kinds, r->n_kinds) &&
            has_member(data, "resource", r->resources, r->n_resources) &&
            has_member(data, "subject", r->subjects, r->n_subjects) &&
            has_guardrail(data, r->guardrails, r->n_guardrails))
            return r->name;
    }
    return (struct str){NULL, 0};
}

static enum err seal(void *ctx, const struct digest *commitment, const unsigned char *salt, struct str content,
                     struct buf *out)
{
    const struct audit *a = ctx;
    return vault_seal(a->vault, commitment, salt, content, out);
}

/* --- Opening -------------------------------------------------------------------------------------- */

static enum err path_in(const struct audit *a, const char *name, char out[static PATH_ROOM])
{
    int n = snprintf(out, PATH_ROOM, "%s/%s", a->dir, name);
    return n > 0 && n < PATH_ROOM ? ERR_OK : ERR_LIMIT;
}

static enum err make_folder(const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST ? ERR_OK : ERR_IO;
}

enum err audit_is_free(struct str dir)
{
    char path[PATH_ROOM];
    int n = snprintf(path, sizeof(path), "%.*s", STR_FMT(dir));
    if (n < 0 || n >= PATH_ROOM)
        return ERR_LIMIT;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    enum err e = flock(fd, LOCK_EX | LOCK_NB) == 0 ? ERR_OK : errno == EWOULDBLOCK ? ERR_EXISTS : ERR_IO;
    (void)close(fd);
    return e;
}

static enum err lock_folder(struct audit *a)
{
    char journal[PATH_ROOM];
    TRY(make_folder(a->dir));
    a->lock = open(a->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (a->lock < 0)
        return ERR_IO;
    if (flock(a->lock, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? ERR_EXISTS : ERR_IO;
    TRY(path_in(a, "journal", journal));
    TRY(make_folder(journal));
    return io_sync_folder(&a->io, journal);
}

/* A vault that is there is opened even where no rule seals any more: what it holds can be erased. */
static enum err open_vault(struct audit *a)
{
    char path[PATH_ROOM];
    TRY(path_in(a, "vault", path));
    if (a->settings->vault.n != 0) {
        if (a->settings->vault.n >= sizeof(path))
            return ERR_LIMIT;
        (void)snprintf(path, sizeof(path), "%.*s", STR_FMT(a->settings->vault));
    }
    if (a->settings->n_redactions == 0 && access(path, F_OK) != 0)
        return ERR_OK;
    return vault_open(path, &a->io, &a->vault);
}

static enum err open_parts(struct audit *a, struct moment now, char *said, size_t size)
{
    char *space;
    TRY(lock_folder(a));
    TRY(open_vault(a));
    TRY(signer_open(a->settings, &a->io, &a->signer, said, size));
    tile_writer_init(&a->tiles, &a->io, str_of(a->dir));
    TRY(buf_reserve(&a->tiles.bundle, a->tiles.bundle.cap, &space)); /* so that adding never fails */
    return audit_start(a, now, said, size);
}

static const char *open_error_text(enum err e)
{
    if (e == ERR_EXISTS)
        return "another gateway writes this log";
    return e == ERR_IO ? strerror(errno) : err_text(e);
}

static struct audit *make(const struct audit_settings *s, const struct audit_io *io)
{
    struct audit *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return NULL;
    a->io = io != NULL ? *io : audit_system_io;
    a->settings = s;
    a->dir = str_dupz(s->directory);
    a->hashes = malloc(LIMIT_AUDIT_UNSYNCED * sizeof(*a->hashes));
    a->lock = a->file.fd = -1;
    a->publish_due = INT64_MAX;
    buf_init(&a->pending, LIMIT_AUDIT_BATCH + 4 * LIMIT_AUDIT_RECORD);
    buf_init(&a->leaf, 2 * LIMIT_AUDIT_LEAF);
    buf_init(&a->apart, 4 * LIMIT_AUDIT_RECORD);
    buf_init(&a->leaves, LIMIT_AUDIT_UNSYNCED * (LIMIT_AUDIT_LEAF + 2));
    buf_init(&a->text, 4 * KIB);
    buf_init(&a->checkpoint, 32 * KIB);
    leaf_maker_init(&a->maker);
    if (s->n_redactions != 0)
        a->maker.redact = redact;
    a->maker.seal = seal;
    a->maker.ctx = a;
    return a;
}

static void release(struct audit *a)
{
    journal_free(a->retain_journal);
    file_close(&a->file, !a->broken);
    if (a->lock >= 0)
        (void)close(a->lock);
    signer_free(a->signer);
    vault_free(a->vault);
    leaf_maker_done(&a->maker);
    tile_writer_done(&a->tiles);
    buf_done(&a->pending);
    buf_done(&a->leaf);
    buf_done(&a->apart);
    buf_done(&a->leaves);
    buf_done(&a->text);
    buf_done(&a->checkpoint);
    free(a->hashes);
    free(a->dir);
    free(a);
}

enum err audit_open(const struct audit_settings *s, const struct audit_io *io, struct moment now, struct audit **ret,
                    struct audit_error *ret_error)
{
    char said[512] = "";
    struct audit *a = make(s, io);
    if (a == NULL)
        return ERR_NOMEM;
    enum err e = a->dir != NULL && a->hashes != NULL ? open_parts(a, now, said, sizeof(said)) : ERR_NOMEM;
    if (e != ERR_OK) {
        (void)snprintf(ret_error->text, sizeof(ret_error->text), "audit log in %.200s: %s",
                       a->dir != NULL ? a->dir : "", said[0] != '\0' ? said : open_error_text(e));
        release(a);
        return e;
    }
    *ret = a;
    return ERR_OK;
}

void audit_close(struct audit *a)
{
    if (a == NULL)
        return;
    enum err e = audit_sync(a);
    /* Broken or unsigned: nobody is told an effect of it, and the next start signs what is on disk. */
    if (e == ERR_OK && a->published != a->tiles.tree.size)
        e = publish_now(a, (struct moment){0, a->now_mono_ns});
    (void)e;
    release(a);
}
