#include "audit/internal.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The start: the files that may hold what the checkpoint does not cover are walked again.
 *
 *   checkpoint (size, root)         records ... size | size+1 ... last whole one | torn
 *     the walk's tree leads there --------------------'          |                 |
 *     written anew to a new file, which is synced: what a sync that failed may have lost is not believed
 *     said in a record `repaired` ------------------------------------------------------'
 */

#define EARLIER_LOG "audit.jsonl"
enum { PATH_ROOM = 4300 };

struct walk {
    struct audit *a;
    struct tile_writer *tiles;
    struct checkpoint want;     /* the checkpoint; size 0: none yet */
    struct journal_file file;   /* the new one, from `want.size` on */
    struct buf rotated;         /* the last new_key seen */
    uint64_t cut_bytes;
    struct digest cut_digest;
    char *said;
    size_t size;
};

static enum err say(struct walk *w, enum err e, const char *text)
{
    (void)snprintf(w->said, w->size, "%s", text);
    return e;
}

/* --- The unfinished bundle ------------------------------------------------------------------------ */

/* Its leaves before the record `first`, out of the journal. */
static enum err fill_bundle(struct tile_writer *w, uint64_t first)
{
    uint64_t from = (first - 1) / TILE_WIDTH * TILE_WIDTH + 1;
    struct journal *j = NULL;
    struct frame f;
    if (from == first)
        return ERR_OK;
    TRY(journal_open(w->dir, from, &j));
    enum err e;
    while ((e = journal_next(j, &f)) == ERR_OK && f.seq < first) {
        char *space;
        if (f.seq < from)
            continue;
        e = buf_reserve(&w->bundle, f.leaf.n + 2, &space);
        if (e != ERR_OK)
            break;
        space[0] = (char)(f.leaf.n >> 8);
        space[1] = (char)f.leaf.n;
        memcpy(space + 2, f.leaf.p, f.leaf.n);
        buf_commit(&w->bundle, f.leaf.n + 2);
        if (f.seq + 1 == first)
            break;
    }
    journal_free(j);
    return e;
}

/* --- The walk ------------------------------------------------------------------------------------- */

static bool apart_is_whole(struct str s)
{
    struct apart a;
    size_t at = 0;
    enum err e;
    while ((e = apart_next(s, &at, &a)) == ERR_OK)
        if (!apart_is_good(&a))
            return false;
    return e == ERR_NOT_FOUND;
}

/* A key rotation whose last step may be missing. */
static enum err note_rotation(struct walk *w, const struct leaf *l)
{
    static const struct str member = STR_INIT("\"new_key\":\"");
    struct str rest, key;
    if (!str_is(l->kind, "key_rotated"))
        return ERR_OK;
    const char *at = memmem(l->data.p, l->data.n, member.p, member.n);
    if (at == NULL || !str_cut((struct str){at + member.n, (size_t)(l->data.p + l->data.n - at) - member.n},
                               '"', &key, &rest))
        return ERR_OK;
    buf_clear(&w->rotated);
    return buf_put_str(&w->rotated, key);
}

static enum err at_checkpoint(struct walk *w)
{
    struct digest root = tree_root(&w->tiles->tree);
    if (w->want.size != 0 && !digest_eq(&root, &w->want.root))
        return say(w, ERR_CORRUPT, "its records do not lead to the checkpoint that was signed; see `countersign "
                                   "audit verify`");
    return file_begin(w->a, &w->tiles->tree, &w->file);
}

/* Behind the checkpoint: what is not whole ends the walk. */
static enum err take_new(struct walk *w, const struct frame *f)
{
    struct buf frame CLEANUP(buf_done) = {0};
    buf_init(&frame, 4 * LIMIT_AUDIT_RECORD);
    TRY(journal_frame_put(f->leaf, f->apart, &f->hash, &frame));
    return file_write(w->a, &w->file, buf_view(&frame));
}

static enum err take_frame(struct walk *w, const struct frame *f)
{
    struct leaf l;
    bool is_new = f->seq > w->want.size;
    bool good = leaf_parse(f->leaf, &l) == ERR_OK && l.seq == f->seq && (!is_new || apart_is_whole(f->apart));
    if (!good && !is_new)
        return say(w, ERR_CORRUPT, "a record does not say the number it stands at; see `countersign audit verify`");
    if (!good) {
        w->cut_bytes = FRAME_HEAD + f->leaf.n + f->apart.n;
        w->cut_digest = digest_of(f->leaf);
        return ERR_NOT_FOUND;
    }
    TRY(note_rotation(w, &l));
    if (is_new)
        TRY(take_new(w, f));
    TRY(tile_writer_add(w->tiles, f->leaf, &f->hash));
    return f->seq == w->want.size ? at_checkpoint(w) : ERR_OK;
}

static enum err end_of_walk(struct walk *w, struct journal *j, enum err e)
{
    const struct journal_trouble *t = journal_trouble(j);
    uint64_t size = w->tiles->tree.size;
    if (e != ERR_NOT_FOUND && e != ERR_CORRUPT)
        return e;
    if (size < w->want.size && (e == ERR_NOT_FOUND || t->fault == JOURNAL_TAIL))
        return say(w, ERR_CORRUPT, "its end is missing: the signed checkpoint covers more records than there are");
    if (e == ERR_CORRUPT && t->fault != JOURNAL_TAIL)
        return w->said[0] != '\0' ? e : say(w, e, "a record is damaged; see `countersign audit verify`");
    if (e == ERR_CORRUPT) {
        w->cut_bytes = t->bytes;
        w->cut_digest = digest_of((struct str){NULL, 0});
    }
    return ERR_OK;
}

static enum err walk_files(struct walk *w, uint64_t from)
{
    struct journal *j = NULL;
    struct frame f;
    TRY(journal_open(str_of(w->a->dir), from, &j));
    w->tiles->tree = *journal_tree(j);
    enum err e = fill_bundle(w->tiles, w->tiles->tree.size + 1);
    if (e == ERR_OK && w->tiles->tree.size > w->want.size)
        e = say(w, ERR_CORRUPT, "records in front of the signed checkpoint are missing");
    else if (e == ERR_OK && w->tiles->tree.size == w->want.size)
        e = at_checkpoint(w);
    while (e == ERR_OK && (e = journal_next(j, &f)) == ERR_OK)
        e = take_frame(w, &f);
    e = end_of_walk(w, j, e);
    journal_free(j);
    return e;
}

/* The file before the one with the first record that is not covered: power loss may have taken tiles of both. */
static enum err walk_from(const struct audit *a, uint64_t covered, uint64_t *ret)
{
    uint64_t *files = NULL;
    size_t n, i = 0;
    TRY(journal_files(str_of(a->dir), &files, &n));
    while (i + 1 < n && files[i + 1] <= covered)
        i++;
    *ret = files[i > 0 ? i - 1 : 0];
    free(files);
    return ERR_OK;
}

/* Files whose records were written anew into the one that now holds them. */
static enum err remove_later(const struct audit *a)
{
    uint64_t *files = NULL;
    size_t n;
    char path[PATH_ROOM] = "";
    TRY(journal_files(str_of(a->dir), &files, &n));
    enum err e = ERR_OK;
    for (size_t i = 0; i < n && e == ERR_OK; i++) {
        if (files[i] <= a->file.first)
            continue;
        e = journal_path(str_of(a->dir), files[i], path, sizeof(path));
        if (e == ERR_OK && unlink(path) != 0)
            e = ERR_IO;
    }
    free(files);
    return e == ERR_OK && path[0] != '\0' ? io_sync_folder(&a->io, path) : e;
}

/* --- Records of the start ------------------------------------------------------------------------- */

static enum err record_cut(struct audit *a, const struct walk *w, struct moment now)
{
    struct buf data CLEANUP(buf_done) = {0};
    struct json j;
    buf_init(&data, 512);
    if (w->cut_bytes == 0)
        return ERR_OK;
    json_init(&j, &data);
    json_object_begin(&j);
    json_put_int(&j, "cut_bytes", (int64_t)w->cut_bytes);
    json_put_int(&j, "behind", (int64_t)a->tiles.tree.size);
    json_object_end(&j);
    TRY(json_end(&j));
    return audit_append_durable(a, "repaired", buf_view(&data), now, NULL);
}

/* Reads all of a file for its digest; the log of an earlier version may be large. */
static enum err digest_file(const char *path, struct digest *ret, uint64_t *ret_bytes)
{
    struct buf b CLEANUP(buf_done) = {0};
    buf_init(&b, 1024 * MIB);
    TRY(io_read_file(path, 1023 * MIB, &b));
    *ret = digest_of(buf_view(&b));
    *ret_bytes = buf_len(&b);
    return ERR_OK;
}

/* A log of the earlier format stays where it is; the first record here names it and its digest. */
static enum err record_earlier(struct audit *a, struct moment now)
{
    struct buf data CLEANUP(buf_done) = {0};
    char path[PATH_ROOM], hex[DIGEST_HEX + 1];
    struct digest d;
    uint64_t bytes;
    struct json j;
    (void)snprintf(path, sizeof(path), "%s/" EARLIER_LOG, a->dir);
    enum err e = digest_file(path, &d, &bytes);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    buf_init(&data, 512);
    json_init(&j, &data);
    json_object_begin(&j);
    json_put_z(&j, "file", EARLIER_LOG);
    json_put_int(&j, "bytes", (int64_t)bytes);
    json_put_str(&j, "sha256", digest_hex(&d, hex));
    json_object_end(&j);
    TRY(json_end(&j));
    a->took_over = true;
    return audit_append_durable(a, "continues", buf_view(&data), now, NULL);
}

/* --- The start ------------------------------------------------------------------------------------ */

static enum err begin_new(struct walk *w)
{
    if (w->want.size != 0)
        return say(w, ERR_CORRUPT, "its journal is missing, but a signed checkpoint covers records");
    return file_begin(w->a, &w->tiles->tree, &w->file);
}

static bool has_no_record(const struct audit *a)
{
    struct journal *j = NULL;
    struct frame f;
    bool none = journal_open(str_of(a->dir), 1, &j) == ERR_OK && journal_tree(j)->size == 0 &&
                journal_next(j, &f) == ERR_NOT_FOUND;
    journal_free(j);
    return none;
}

static enum err go_on(struct walk *w, bool signed_before)
{
    uint64_t from;
    enum err e = walk_from(w->a, w->want.size, &from);
    if (e == ERR_NOT_FOUND)
        return begin_new(w);
    TRY(e);
    if (!signed_before && has_no_record(w->a))
        return begin_new(w); /* the first start did not come to its end */
    if (!signed_before)
        return say(w, ERR_CORRUPT, "its signed checkpoint is missing: put it back, or move the directory aside");
    return walk_files(w, from);
}

static enum err start(struct walk *w, struct moment now)
{
    struct audit *a = w->a;
    enum err e = publish_load(a, &w->want);
    if (e == ERR_CORRUPT)
        return say(w, e, "its checkpoint is none that its key signed");
    bool signed_before = e == ERR_OK;
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    a->published = a->counters.covered = w->want.size;
    TRY(go_on(w, signed_before));
    TRY(file_commit(a, &w->file));
    w->file.fd = -1;
    TRY(remove_later(a));
    TRY(signer_settle(a->signer, buf_view(&w->rotated)));
    e = publish_now(a, now);
    if (e != ERR_OK && !signed_before)
        return say(w, e, "its first checkpoint cannot be signed");
    if (!signed_before)
        TRY(record_earlier(a, now));
    return record_cut(a, w, now);
}

enum err audit_start(struct audit *a, struct moment now, char *said, size_t size)
{
    struct walk w = {.a = a, .tiles = &a->tiles, .said = said, .size = size, .file.fd = -1};
    said[0] = '\0';
    buf_init(&w.rotated, 1 * KIB);
    enum err e = start(&w, now);
    buf_done(&w.rotated);
    file_close(&w.file, false);
    return e;
}

/* --- Tiles ---------------------------------------------------------------------------------------- */

/* All from the file with `from` on, up to `until` records. */
static enum err make_tiles(struct tile_writer *w, uint64_t from, uint64_t until)
{
    struct journal *j = NULL;
    struct frame f;
    TRY(journal_open(w->dir, from, &j));
    w->tree = *journal_tree(j);
    enum err e = fill_bundle(w, w->tree.size + 1);
    while (e == ERR_OK && w->tree.size < until && (e = journal_next(j, &f)) == ERR_OK)
        e = tile_writer_add(w, f.leaf, &f.hash);
    journal_free(j);
    if (e == ERR_NOT_FOUND)
        e = ERR_CORRUPT;
    return e;
}

enum err tiles_again(struct audit *a)
{
    struct tile_writer *w = malloc(sizeof(*w));
    uint64_t from;
    if (w == NULL)
        return ERR_NOMEM;
    tile_writer_init(w, &a->io, str_of(a->dir));
    enum err e = walk_from(a, a->published, &from);
    if (e == ERR_OK)
        e = make_tiles(w, from, a->tiles.tree.size);
    if (e == ERR_OK && w->behind)
        e = ERR_IO;
    if (e == ERR_OK)
        a->tiles.behind = false;
    tile_writer_done(w);
    free(w);
    return e;
}

enum err audit_rebuild(struct str dir)
{
    struct buf b CLEANUP(buf_done) = {0};
    struct checkpoint c;
    struct note n;
    char path[PATH_ROOM];
    struct tile_writer *w = malloc(sizeof(*w));
    buf_init(&b, 64 * KIB);
    (void)snprintf(path, sizeof(path), "%.*s/checkpoint", STR_FMT(dir));
    enum err e = w != NULL ? io_read_file(path, 16 * KIB, &b) : ERR_NOMEM;
    if (e == ERR_OK && (note_parse(buf_view(&b), &n) != ERR_OK || checkpoint_parse(n.text, &c) != ERR_OK))
        e = ERR_CORRUPT;
    if (e == ERR_OK) {
        tile_writer_init(w, &audit_system_io, dir);
        e = make_tiles(w, 1, c.size);
        if (e == ERR_OK)
            e = w->behind ? ERR_IO : tile_writer_finish(w);
        tile_writer_done(w);
    }
    free(w);
    return e;
}
