#include "audit/verify.h"
#include "audit/io.h"
#include "audit/journal.h"
#include "audit/leaf.h"
#include "audit/signer.h"
#include "audit/tile.h"
#include "base/json_read.h"
#include "base/limits.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATH_ROOM = 4400, CHECKPOINT_MAX = 16 * 1024, BUNDLE_MAX = TILE_WIDTH * (4096 + 2) };

/* An erased member, and what the records `erased` say: the two lists have to agree. */
struct erasure {
    uint64_t seq;
    struct digest commitment;
};
struct erasures {
    struct buf list; /* struct erasure, each */
};

/* The bodies of these records. */
struct dropped {
    uint64_t from, to;
};

struct verifier {
    const struct audit_verify_options *o;
    struct audit_report *rep;
    struct tree tree;
    struct buf bundle;
    bool bundle_known;              /* false until a bundle begins within what is there */
    struct note_key keys[AUDIT_KEYS];
    size_t n_keys;
    struct buf checkpoint_bytes;
    struct note checkpoint_note;
    struct checkpoint checkpoint, kept;
    bool has_checkpoint, has_kept;
    uint64_t suspect;               /* the first record whose hash is not that of its tile; 0: none */
    bool tile_bad;                  /* the first tile that does not say what the records do: in tile_path */
    char tile_path[TILE_PATH];
    struct erasures found, said;
    struct buf dropped;             /* struct dropped, each: what retention says it has dropped */
    bool unsigned_words;            /* there are records of either kind behind the checkpoint */
    struct frame frame;             /* the present one */
    uint64_t file;                  /* whose header was compared */
};

const char *audit_fault_text(enum audit_fault f)
{
    static const char *const texts[] = {
        [AUDIT_GOOD] = "good",         [AUDIT_CHANGED] = "changed",       [AUDIT_CONTENT] = "content",
        [AUDIT_GAP] = "gap",           [AUDIT_REORDERED] = "reordered",   [AUDIT_REPEATED] = "repeated",
        [AUDIT_CUT] = "cut",           [AUDIT_TORN] = "torn",             [AUDIT_CHECKPOINT] = "checkpoint",
        [AUDIT_ROLLBACK] = "rollback", [AUDIT_FORK] = "fork",             [AUDIT_TILE] = "tile",
    };
    return f > 0 && (size_t)f < ARRAY_LEN(texts) ? texts[f] : "invalid";
}

static enum err fault(struct verifier *v, enum audit_fault f, uint64_t seq, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* The first one stays. ERR_CORRUPT ends the walk. */
static enum err fault(struct verifier *v, enum audit_fault f, uint64_t seq, const char *fmt, ...)
{
    va_list ap;
    if (v->rep->fault != AUDIT_GOOD)
        return ERR_CORRUPT;
    v->rep->fault = f;
    v->rep->seq = seq;
    va_start(ap, fmt);
    (void)vsnprintf(v->rep->text, sizeof(v->rep->text), fmt, ap);
    va_end(ap);
    return ERR_CORRUPT;
}

typedef unsigned long long ull;

static void at_frame(struct verifier *v, const struct frame *f)
{
    v->rep->at = f->at;
    if (journal_path(v->o->dir, f->file, v->rep->file, sizeof(v->rep->file)) != ERR_OK)
        v->rep->file[0] = '\0';
}

/* --- Keys, checkpoints ---------------------------------------------------------------------------- */

enum err audit_keys_parse(struct str text, struct note_key ret[static AUDIT_KEYS], size_t *ret_n)
{
    struct str line, rest = text;
    size_t n = 0;
    while (rest.n != 0) {
        if (!str_cut(rest, '\n', &line, &rest)) {
            line = rest;
            rest = (struct str){NULL, 0};
        }
        if (str_trim(line).n == 0)
            continue;
        if (n == AUDIT_KEYS || note_key_parse(line, &ret[n]) != ERR_OK)
            return ERR_CORRUPT;
        n++;
    }
    *ret_n = n;
    return n != 0 ? ERR_OK : ERR_CORRUPT;
}

enum err audit_own_keys(struct str dir, struct note_key ret[static AUDIT_KEYS], size_t *ret_n)
{
    struct buf b CLEANUP(buf_done) = {0};
    char path[PATH_ROOM];
    buf_init(&b, 64 * KIB);
    int n = snprintf(path, sizeof(path), "%.*s/key.pub", STR_FMT(dir));
    if (n < 0 || (size_t)n >= sizeof(path))
        return ERR_LIMIT;
    TRY(io_read_file(path, 32 * KIB, &b));
    return audit_keys_parse(buf_view(&b), ret, ret_n);
}

/* Which trusted key signed it; NULL: none. */
static const struct note_key *signed_by(const struct verifier *v, const struct note *n)
{
    for (size_t i = 0; i < v->n_keys; i++)
        if (note_verify(n, &v->keys[i], NULL) == ERR_OK)
            return &v->keys[i];
    return NULL;
}

static bool has_journal(const struct verifier *v)
{
    uint64_t *files = NULL;
    size_t n = 0;
    enum err e = journal_files(v->o->dir, &files, &n);
    free(files);
    return e == ERR_OK;
}

static enum err load_checkpoint(struct verifier *v)
{
    char path[PATH_ROOM];
    int n = snprintf(path, sizeof(path), "%.*s/checkpoint", STR_FMT(v->o->dir));
    if (n < 0 || (size_t)n >= sizeof(path))
        return ERR_LIMIT;
    enum err e = io_read_file(path, CHECKPOINT_MAX, &v->checkpoint_bytes);
    if (e == ERR_IO || e == ERR_NOMEM)
        return e;
    (void)snprintf(v->rep->file, sizeof(v->rep->file), "%s", path);
    if (e == ERR_NOT_FOUND && !has_journal(v))
        return e;
    if (e != ERR_OK)
        return fault(v, AUDIT_CHECKPOINT, 0, "there is no signed checkpoint");
    if (note_parse(buf_view(&v->checkpoint_bytes), &v->checkpoint_note) != ERR_OK ||
        checkpoint_parse(v->checkpoint_note.text, &v->checkpoint) != ERR_OK)
        return fault(v, AUDIT_CHECKPOINT, 0, "the checkpoint is no signed checkpoint");
    v->has_checkpoint = true;
    v->rep->covered = v->checkpoint.size;
    v->rep->root = v->checkpoint.root;
    (void)snprintf(v->rep->origin, sizeof(v->rep->origin), "%.*s", STR_FMT(v->checkpoint.origin));
    return ERR_OK;
}

/* After the walk, which may have found the records that lead to its key. */
static enum err check_signature(struct verifier *v)
{
    const struct note_key *k = signed_by(v, &v->checkpoint_note);
    if (k == NULL)
        return fault(v, AUDIT_CHECKPOINT, 0, "the checkpoint is not signed by a key that is trusted");
    if (!str_is(v->checkpoint.origin, k->name))
        return fault(v, AUDIT_CHECKPOINT, 0, "the checkpoint is of another log: %.100s", v->rep->origin);
    (void)snprintf(v->rep->key, sizeof(v->rep->key), "%s+%08x", k->name, k->hash);
    return ERR_OK;
}

static enum err load_kept(struct verifier *v)
{
    struct note n;
    if (v->o->kept.n == 0)
        return ERR_OK;
    if (note_parse(v->o->kept, &n) != ERR_OK || checkpoint_parse(n.text, &v->kept) != ERR_OK ||
        signed_by(v, &n) == NULL)
        return ERR_INVALID;
    v->has_kept = true;
    return ERR_OK;
}

/* --- Tiles ---------------------------------------------------------------------------------------- */

static void tile_is_bad(struct verifier *v, const char *path)
{
    if (!v->tile_bad)
        (void)snprintf(v->tile_path, sizeof(v->tile_path), "%s", path);
    v->tile_bad = true;
}

/* Notes the first leaf that the lowest tiles know otherwise. */
static void compare_hashes(struct verifier *v, uint64_t index, struct str on_disk, const struct digest *hashes,
                           size_t n)
{
    for (size_t i = 0; i < n && v->suspect == 0 && (i + 1) * DIGEST_SIZE <= on_disk.n; i++)
        if (memcmp(on_disk.p + i * DIGEST_SIZE, hashes[i].b, DIGEST_SIZE) != 0)
            v->suspect = index * TILE_WIDTH + i + 1;
}

static void compare_tile(struct verifier *v, int level, uint64_t index, size_t width, struct str want,
                         const struct digest *hashes)
{
    struct buf b CLEANUP(buf_done) = {0};
    char path[TILE_PATH];
    buf_init(&b, BUNDLE_MAX + 8 * KIB);
    if (v->o->no_tiles || tile_path(v->o->dir, level, index, width, path) != ERR_OK)
        return;
    enum err e = io_read_file(path, BUNDLE_MAX, &b);
    struct str got = e == ERR_OK ? buf_view(&b) : (struct str){NULL, 0};
    if (str_eq(got, want))
        return;
    tile_is_bad(v, path);
    if (level == 0)
        compare_hashes(v, index, got, hashes, width);
}

static void tile_is_full(void *ctx, unsigned level, uint64_t index, const struct digest *hashes)
{
    struct verifier *v = ctx;
    if (v->tree.size <= v->checkpoint.size)
        compare_tile(v, (int)level, index, TILE_WIDTH, str_from(hashes, TILE_WIDTH * DIGEST_SIZE), hashes);
    if (level != 0)
        return;
    if (v->bundle_known && v->tree.size <= v->checkpoint.size)
        compare_tile(v, TILE_ENTRIES, index, TILE_WIDTH, buf_view(&v->bundle), hashes);
    buf_clear(&v->bundle);
    v->bundle_known = true;
}

/* Whether the gateway, while we read, put another checkpoint in place: then it tidied tiles away too. */
static bool checkpoint_moved(const struct verifier *v)
{
    struct buf b CLEANUP(buf_done) = {0};
    char path[PATH_ROOM];
    buf_init(&b, CHECKPOINT_MAX + 8 * KIB);
    (void)snprintf(path, sizeof(path), "%.*s/checkpoint", STR_FMT(v->o->dir));
    return io_read_file(path, CHECKPOINT_MAX, &b) == ERR_OK && !str_eq(buf_view(&b), buf_view(&v->checkpoint_bytes));
}

static void compare_unfinished(struct verifier *v)
{
    bool was_bad = v->tile_bad;
    for (unsigned level = 0; level + 1 < TREE_LEVELS; level++) {
        size_t n = tree_row(&v->tree, level);
        uint64_t index = v->tree.size >> (8 * level + 8);
        if (n == 0)
            continue;
        compare_tile(v, (int)level, index, n, str_from(v->tree.rows[level], n * DIGEST_SIZE), v->tree.rows[level]);
        if (level == 0 && v->bundle_known)
            compare_tile(v, TILE_ENTRIES, index, n, buf_view(&v->bundle), v->tree.rows[0]);
    }
    if (v->tile_bad && !was_bad && checkpoint_moved(v))
        v->tile_bad = false;
}

/* --- What stands apart ----------------------------------------------------------------------------- */

static enum err add_erasure(struct erasures *all, uint64_t seq, const struct digest *d)
{
    struct erasure e = {seq, *d};
    return buf_put(&all->list, &e, sizeof(e));
}

static enum err has_apart(void *ctx, const struct leaf_commitment *c)
{
    struct verifier *v = ctx;
    struct apart a;
    if (apart_find(v->frame.apart, &c->digest, &a) != ERR_OK)
        return fault(v, AUDIT_CONTENT, v->frame.seq, "the content of %.*s of record %llu is gone", STR_FMT(c->name),
                     (ull)v->frame.seq);
    if (a.form == APART_ERASED)
        return add_erasure(&v->found, v->frame.seq, &c->digest);
    if (!apart_is_good(&a) || (a.form == APART_SEALED) != (c->redacted.n != 0) ||
        (a.form == APART_CLEAR && a.content.n != c->bytes))
        return fault(v, AUDIT_CONTENT, v->frame.seq, "the content of %.*s of record %llu is not what the record "
                     "commits to", STR_FMT(c->name), (ull)v->frame.seq);
    return ERR_OK;
}

static enum err check_apart(struct verifier *v, const struct leaf *l)
{
    struct apart a;
    size_t at = 0;
    enum err e;
    while ((e = apart_next(v->frame.apart, &at, &a)) == ERR_OK)
        ;
    if (e == ERR_NOT_FOUND)
        e = leaf_commitments(l->data, has_apart, v);
    if (e == ERR_INVALID)
        return fault(v, AUDIT_CONTENT, v->frame.seq, "what stands apart of record %llu is damaged",
                     (ull)v->frame.seq);
    return e;
}

/* The commitments that a record `erased` names. */
static enum err note_erased(struct verifier *v, struct str data)
{
    static const struct str name = STR_INIT("\"commitment\":\"");
    struct digest d;
    const char *p = data.p, *end = data.p + data.n;
    while ((p = memmem(p, (size_t)(end - p), name.p, name.n)) != NULL) {
        p += name.n;
        if (end - p > DIGEST_HEX && digest_parse((struct str){p, DIGEST_HEX}, &d) == ERR_OK)
            TRY(add_erasure(&v->said, v->frame.seq, &d));
    }
    return ERR_OK;
}

/* The records that a record `pruned` names; one goes on where the one before ended. */
static enum err note_pruned(struct verifier *v, struct str text)
{
    struct json_part data, from, to;
    int64_t first, last;
    if (!json_part_of(text, &data) || !json_member(&data, "from", &from) || !json_member(&data, "to", &to) ||
        json_part_int(&from, &first) != ERR_OK || json_part_int(&to, &last) != ERR_OK || first < 1 || last < first ||
        (uint64_t)last >= v->frame.seq) /* what comes later cannot have been dropped by then */
        return ERR_OK; /* it says nothing, so nothing may be missing for it */
    struct dropped d = {(uint64_t)first, (uint64_t)last};
    size_t n = buf_len(&v->dropped) / sizeof(d);
    struct dropped *before = n != 0 ? (struct dropped *)(void *)v->dropped.p + n - 1 : NULL;
    if (before == NULL || d.from != before->to + 1)
        return buf_put(&v->dropped, &d, sizeof(d));
    before->to = d.to;
    return ERR_OK;
}

/* Whoever can write the directory can append a record, and nobody but the log can sign one. */
static enum err note_word(struct verifier *v, const struct leaf *l)
{
    if (v->frame.seq > v->checkpoint.size) {
        v->unsigned_words = true;
        return ERR_OK;
    }
    return str_is(l->kind, "erased") ? note_erased(v, l->data) : note_pruned(v, l->data);
}

static bool was_dropped(const struct verifier *v, uint64_t seq)
{
    const struct dropped *d = (const struct dropped *)(const void *)v->dropped.p;
    for (size_t i = 0; i < buf_len(&v->dropped) / sizeof(*d); i++)
        if (seq >= d[i].from && seq <= d[i].to)
            return true;
    return false;
}

static int compare_erasures(const void *a, const void *b)
{
    return memcmp(((const struct erasure *)a)->commitment.b, ((const struct erasure *)b)->commitment.b, DIGEST_SIZE);
}

/* Every erased content is said to be by a record. */
static enum err check_erasures(struct verifier *v)
{
    struct erasure *said = (struct erasure *)(void *)v->said.list.p;
    const struct erasure *found = (const struct erasure *)(void *)v->found.list.p;
    size_t n_said = buf_len(&v->said.list) / sizeof(*said), n = buf_len(&v->found.list) / sizeof(*found);
    if (n_said != 0)
        qsort(said, n_said, sizeof(*said), compare_erasures);
    for (size_t i = 0; i < n; i++) {
        if (!was_dropped(v, found[i].seq) &&
            (n_said == 0 || bsearch(&found[i], said, n_said, sizeof(*said), compare_erasures) == NULL))
            return fault(v, AUDIT_CONTENT, found[i].seq, "content of record %llu was erased, and no %srecord says so",
                         (ull)found[i].seq, v->unsigned_words ? "signed " : "");
        v->rep->erased++;
    }
    return ERR_OK;
}

/* --- One record ------------------------------------------------------------------------------------ */

/* Whether record `seq` stands further on, by its own word. */
static enum err comes_later(struct verifier *v, uint64_t seq, uint64_t behind, bool *ret)
{
    struct journal *j = NULL;
    struct frame f;
    struct leaf l;
    enum err e;
    *ret = false;
    TRY(journal_open(v->o->dir, behind, &j));
    while (!*ret && (e = journal_next(j, &f)) == ERR_OK)
        *ret = f.seq > behind && leaf_parse(f.leaf, &l) == ERR_OK && l.seq == seq;
    journal_free(j);
    return ERR_OK;
}

/* A whole record that says another number than that of its place. */
static enum err misplaced(struct verifier *v, const struct frame *f, uint64_t says)
{
    bool later = false;
    if (says < f->seq)
        return fault(v, AUDIT_REPEATED, f->seq, "record %llu comes a second time, where record %llu belongs",
                     (ull)says, (ull)f->seq);
    TRY(comes_later(v, f->seq, f->seq, &later));
    if (later)
        return fault(v, AUDIT_REORDERED, f->seq, "record %llu stands where record %llu belongs, which comes later",
                     (ull)says, (ull)f->seq);
    if (says == f->seq + 1)
        return fault(v, AUDIT_GAP, f->seq, "record %llu is missing", (ull)f->seq);
    return fault(v, AUDIT_GAP, f->seq, "records %llu to %llu are missing", (ull)f->seq, (ull)says - 1);
}

/* A key that a trusted one hands over to is trusted from here on. */
static enum err note_rotation(struct verifier *v, const struct leaf *l)
{
    for (size_t i = 0; i < v->n_keys && v->n_keys < AUDIT_KEYS; i++) {
        struct note_key k;
        enum err e = rotation_check(l->data, &v->keys[i], &k);
        if (e == ERR_CORRUPT)
            return fault(v, AUDIT_CHANGED, l->seq, "record %llu hands over to a key without being signed by both",
                         (ull)l->seq);
        if (e == ERR_OK) {
            v->keys[v->n_keys++] = k;
            return ERR_OK;
        }
        if (e != ERR_NOT_FOUND)
            return e;
    }
    return ERR_OK;
}

/* At the sizes that somebody signed the roots have to be the same. */
static enum err at_size(struct verifier *v)
{
    struct digest root;
    bool is_kept = v->has_kept && v->tree.size == v->kept.size;
    bool is_last = v->has_checkpoint && v->tree.size == v->checkpoint.size;
    if (!is_kept && !is_last)
        return ERR_OK;
    root = tree_root(&v->tree);
    if (is_last) {
        compare_unfinished(v);
        if (!digest_eq(&root, &v->checkpoint.root))
            return v->suspect != 0 ? fault(v, AUDIT_CHANGED, v->suspect, "record %llu is not the one that was signed",
                                           (ull)v->suspect)
                                   : fault(v, AUDIT_CHANGED, 0, "records %llu to %llu do not lead to the root that was "
                                           "signed, and the tiles do not tell which is changed",
                                           (ull)v->rep->first, (ull)v->checkpoint.size);
    }
    if (is_kept && !digest_eq(&root, &v->kept.root))
        return fault(v, AUDIT_FORK, 0, "the first %llu records are others than the kept checkpoint signed: this is "
                     "another log in its place", (ull)v->kept.size);
    return ERR_OK;
}

static enum err add_leaf(struct verifier *v, const struct frame *f)
{
    char *space;
    TRY(buf_reserve(&v->bundle, f->leaf.n + 2, &space));
    space[0] = (char)(f->leaf.n >> 8);
    space[1] = (char)f->leaf.n;
    memcpy(space + 2, f->leaf.p, f->leaf.n);
    buf_commit(&v->bundle, f->leaf.n + 2);
    tree_append(&v->tree, &f->hash, tile_is_full, v);
    v->rep->records++;
    return at_size(v);
}

/* The header of each further file repeats the tree that the records before it made. */
static enum err check_header(struct verifier *v, const struct journal *j, const struct frame *f)
{
    if (f->file == v->file)
        return ERR_OK;
    struct digest says = tree_root(journal_tree(j)), is = tree_root(&v->tree);
    v->file = f->file;
    if (!digest_eq(&says, &is))
        return fault(v, AUDIT_CHANGED, f->seq, "the file's header is not what the records before it lead to");
    return ERR_OK;
}

static enum err check_frame(struct verifier *v, const struct journal *j, const struct frame *f)
{
    struct leaf l;
    v->frame = *f;
    TRY(check_header(v, j, f));
    if (leaf_parse(f->leaf, &l) != ERR_OK)
        return fault(v, AUDIT_CHANGED, f->seq, "what stands at record %llu is no record", (ull)f->seq);
    if (l.seq != f->seq)
        return misplaced(v, f, l.seq);
    TRY(check_apart(v, &l));
    if (str_is(l.kind, "key_rotated"))
        TRY(note_rotation(v, &l));
    if (str_is(l.kind, "erased") || str_is(l.kind, "pruned"))
        TRY(note_word(v, &l));
    return add_leaf(v, f);
}

/* --- The walk -------------------------------------------------------------------------------------- */

static enum err name_trouble(struct verifier *v, const struct journal_trouble *t)
{
    (void)snprintf(v->rep->file, sizeof(v->rep->file), "%s", t->file);
    v->rep->at = t->at;
    switch (t->fault) {
    case JOURNAL_HEADER:
        return fault(v, AUDIT_CHANGED, t->seq, "the file's header is damaged");
    case JOURNAL_CHANGED:
        return fault(v, AUDIT_CHANGED, t->seq, "record %llu is damaged", (ull)t->seq);
    case JOURNAL_MISSING:
        return fault(v, AUDIT_GAP, t->seq, "records %llu to %llu are missing", (ull)t->seq, (ull)t->next - 1);
    case JOURNAL_TAIL:
        break;
    }
    if (t->seq > v->checkpoint.size)
        return fault(v, AUDIT_TORN, t->seq, "the last record is unfinished (%llu bytes); the next start of the "
                     "gateway repairs and records it", (ull)t->bytes);
    return fault(v, AUDIT_CHANGED, t->seq, "record %llu is damaged", (ull)t->seq);
}

static enum err end_of_walk(struct verifier *v)
{
    uint64_t last = v->tree.size;
    if (v->has_checkpoint && last < v->checkpoint.size)
        return fault(v, AUDIT_CUT, last + 1, "the end is missing: %llu records were signed, %llu are there",
                     (ull)v->checkpoint.size, (ull)last);
    if (v->has_kept && last < v->kept.size)
        return fault(v, AUDIT_ROLLBACK, last + 1, "the kept checkpoint covers %llu records, %llu are there: this is an "
                     "older copy", (ull)v->kept.size, (ull)last);
    if (v->has_kept && v->has_checkpoint && v->checkpoint.size < v->kept.size)
        return fault(v, AUDIT_ROLLBACK, 0, "the kept checkpoint covers %llu records, the log's own only %llu: an older "
                     "one was put in place", (ull)v->kept.size, (ull)v->checkpoint.size);
    return ERR_OK;
}

/* Behind the checkpoint a gateway may be writing just now: what looks like a wreck is looked at again. */
static enum err next_frame(const struct verifier *v, struct journal *j, struct frame *ret)
{
    enum { TRIES = 2, WAIT_US = 5000 };
    enum err e = journal_next(j, ret);
    for (int i = 0; i < TRIES && e == ERR_CORRUPT && journal_trouble(j)->fault == JOURNAL_TAIL &&
                    journal_trouble(j)->seq > v->checkpoint.size; i++) {
        (void)usleep(WAIT_US);
        e = journal_next(j, ret);
    }
    return e;
}

static enum err walk(struct verifier *v, struct journal *j)
{
    struct frame f;
    enum err e;
    v->tree = *journal_tree(j);
    v->file = v->rep->first = v->tree.size + 1;
    v->bundle_known = v->tree.size % TILE_WIDTH == 0;
    TRY(at_size(v));
    while ((e = next_frame(v, j, &f)) == ERR_OK) {
        enum err checked = check_frame(v, j, &f);
        if (checked == ERR_CORRUPT && v->rep->file[0] == '\0')
            at_frame(v, &f);
        TRY(checked);
    }
    if (e == ERR_CORRUPT)
        return name_trouble(v, journal_trouble(j));
    return e == ERR_NOT_FOUND ? end_of_walk(v) : e;
}

static enum err verify_records(struct verifier *v)
{
    struct journal *j = NULL;
    enum err e = journal_open(v->o->dir, 1, &j);
    v->rep->file[0] = '\0';
    if (e == ERR_NOT_FOUND)
        return end_of_walk(v);
    TRY(e);
    e = walk(v, j);
    journal_free(j);
    return e;
}

static enum err verify(struct verifier *v)
{
    TRY(load_checkpoint(v));
    TRY(verify_records(v));
    TRY(check_erasures(v));
    (void)snprintf(v->rep->file, sizeof(v->rep->file), "%.*s/checkpoint", STR_FMT(v->o->dir));
    TRY(check_signature(v));
    v->rep->file[0] = '\0';
    if (!v->tile_bad)
        return ERR_OK;
    (void)snprintf(v->rep->file, sizeof(v->rep->file), "%s", v->tile_path);
    return fault(v, AUDIT_TILE, 0, "this tile is missing or not what the records make; they are good, and `countersign "
                 "audit rebuild` makes it again");
}

static void verifier_free(struct verifier *v)
{
    buf_done(&v->bundle);
    buf_done(&v->checkpoint_bytes);
    buf_done(&v->found.list);
    buf_done(&v->said.list);
    buf_done(&v->dropped);
    free(v);
}

/* *ret_again: content is missing for which a word may have been signed while the records were read. */
static enum err verify_once(const struct audit_verify_options *o, struct audit_report *rep, bool *ret_again)
{
    struct verifier *v = calloc(1, sizeof(*v));
    if (v == NULL)
        return ERR_NOMEM;
    *rep = (struct audit_report){.fault = AUDIT_GOOD};
    v->o = o;
    v->rep = rep;
    v->n_keys = o->n_keys < AUDIT_KEYS ? o->n_keys : AUDIT_KEYS;
    memcpy(v->keys, o->keys, v->n_keys * sizeof(v->keys[0]));
    buf_init(&v->bundle, BUNDLE_MAX);
    buf_init(&v->checkpoint_bytes, CHECKPOINT_MAX + 8 * KIB);
    buf_init(&v->found.list, 256 * MIB);
    buf_init(&v->said.list, 256 * MIB);
    buf_init(&v->dropped, 64 * MIB);
    enum err e = load_kept(v);
    if (e == ERR_OK)
        e = verify(v);
    *ret_again = rep->fault == AUDIT_CONTENT && v->unsigned_words;
    verifier_free(v);
    return e == ERR_CORRUPT && rep->fault != AUDIT_GOOD ? ERR_OK : e;
}

enum err audit_verify(const struct audit_verify_options *o, struct audit_report *ret)
{
    enum { TRIES = 3 }; /* retention signs its words a few at a time */
    struct audit_report rep;
    bool again = true;
    for (int i = 0; i < TRIES && again; i++)
        TRY(verify_once(o, &rep, &again));
    *ret = rep;
    return ERR_OK;
}
