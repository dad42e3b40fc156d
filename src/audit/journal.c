#include "audit/journal.h"
#include "base/cursor.h"
#include "base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAGIC "countersign journal 1\n"
enum { MAGIC_ROOM = 32, READ_SIZE = 1024 * 1024, MOST_HASHES = TREE_LEVELS * (TILE_WIDTH - 1) };

/* The whole header is never longer than this. */
enum { HEADER_MAX = MAGIC_ROOM + 12 + MOST_HASHES * DIGEST_SIZE + DIGEST_SIZE };

/* --- Writing ------------------------------------------------------------------------------------ */

enum err journal_header_put(const struct tree *t, struct buf *out)
{
    char magic[MAGIC_ROOM] = MAGIC;
    size_t start = buf_len(out), n = 0;
    for (unsigned level = 0; level < TREE_LEVELS; level++)
        n += tree_row(t, level);
    TRY(buf_put(out, magic, sizeof(magic)));
    TRY(buf_put_u64(out, t->size + 1));
    TRY(buf_put_u32(out, (uint32_t)n));
    for (unsigned level = 0; level < TREE_LEVELS; level++)
        TRY(buf_put(out, t->rows[level], tree_row(t, level) * DIGEST_SIZE));
    struct str all = buf_view(out);
    struct digest d = digest_of((struct str){all.p + start, all.n - start});
    return buf_put(out, d.b, DIGEST_SIZE);
}

enum err journal_frame_put(struct str leaf, struct str apart, const struct digest *hash, struct buf *out)
{
    TRY(buf_put_u32(out, (uint32_t)leaf.n));
    TRY(buf_put_u32(out, (uint32_t)apart.n));
    TRY(buf_put(out, hash->b, FRAME_CHECK));
    TRY(buf_put_str(out, leaf));
    return buf_put_str(out, apart);
}

enum err journal_path(struct str dir, uint64_t first, char *out, size_t size)
{
    int n = snprintf(out, size, "%.*s/journal/%020llu", STR_FMT(dir), (unsigned long long)first);
    return n > 0 && (size_t)n < size ? ERR_OK : ERR_LIMIT;
}

/* --- The files ---------------------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static enum err list_files(DIR *d, uint64_t **ret, size_t *ret_n)
{
    struct buf all CLEANUP(buf_done) = {0};
    const struct dirent *e;
    uint64_t first;
    buf_init(&all, 16 * MIB);
    while ((e = readdir(d)) != NULL) {
        struct str name = str_of(e->d_name);
        if (name.n == JOURNAL_NAME && str_to_u64(name, &first) == ERR_OK && first != 0)
            TRY(buf_put(&all, &first, sizeof(first)));
    }
    size_t n = buf_len(&all) / sizeof(first);
    uint64_t *list = n != 0 ? malloc(buf_len(&all)) : NULL;
    if (n == 0)
        return ERR_NOT_FOUND;
    if (list == NULL)
        return ERR_NOMEM;
    memcpy(list, buf_view(&all).p, buf_len(&all));
    qsort(list, n, sizeof(*list), compare_numbers);
    *ret = list;
    *ret_n = n;
    return ERR_OK;
}

enum err journal_files(struct str dir, uint64_t **ret, size_t *ret_n)
{
    char path[4200];
    int n = snprintf(path, sizeof(path), "%.*s/journal", STR_FMT(dir));
    if (n < 0 || (size_t)n >= sizeof(path))
        return ERR_LIMIT;
    DIR *d = opendir(path);
    if (d == NULL)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    enum err e = list_files(d, ret, ret_n);
    (void)closedir(d);
    return e;
}

/* --- Reading ------------------------------------------------------------------------------------ */

struct journal {
    char *dir;
    int fd;
    uint64_t first;    /* of the present file */
    uint64_t seq;      /* of the record that comes next */
    uint64_t next;     /* first record of the file behind it; 0: it is the last */
    struct buf held;   /* read and not yet given, and in front of it what was given last */
    size_t used;       /* bytes of held given last */
    uint64_t at;       /* where held begins in the file */
    bool at_end;       /* of the file, as far as was read */
    struct tree tree;
    struct journal_trouble trouble;
};

const struct tree *journal_tree(const struct journal *j)
{
    return &j->tree;
}

const struct journal_trouble *journal_trouble(const struct journal *j)
{
    return &j->trouble;
}

void journal_free(struct journal *j)
{
    if (j == NULL)
        return;
    if (j->fd >= 0)
        (void)close(j->fd);
    buf_done(&j->held);
    free(j->dir);
    free(j);
}

static enum err trouble(struct journal *j, enum journal_fault fault)
{
    j->trouble.fault = fault;
    j->trouble.seq = j->seq;
    j->trouble.next = j->next;
    j->trouble.at = j->at + j->used;
    enum err e = journal_path(str_of(j->dir), j->first, j->trouble.file, sizeof(j->trouble.file));
    return e == ERR_OK ? ERR_CORRUPT : e;
}

/* What has been given goes; at least `want` bytes are there after, unless the file ends before. */
static enum err have(struct journal *j, size_t want, struct str *ret)
{
    buf_consume(&j->held, j->used);
    j->at += j->used;
    j->used = 0;
    while (buf_len(&j->held) < want && !j->at_end) {
        char *space;
        TRY(buf_reserve(&j->held, READ_SIZE, &space));
        ssize_t n = pread(j->fd, space, READ_SIZE, (off_t)(j->at + buf_len(&j->held)));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_IO;
        buf_commit(&j->held, (size_t)n);
        j->at_end = n == 0;
    }
    *ret = buf_view(&j->held);
    return ERR_OK;
}

static enum err read_hashes(struct cursor *c, struct tree *t, uint32_t n)
{
    size_t all = 0;
    for (unsigned level = 0; level < TREE_LEVELS; level++) {
        struct str s = cursor_bytes(c, tree_row(t, level) * DIGEST_SIZE);
        all += tree_row(t, level);
        if (s.n != 0)
            memcpy(t->rows[level], s.p, s.n);
    }
    return !c->bad && all == n ? ERR_OK : ERR_CORRUPT;
}

/* The header at the front of s. *ret_n: how long it is. */
static enum err parse_header(struct str s, uint64_t first, struct tree *t, size_t *ret_n)
{
    char magic[MAGIC_ROOM] = MAGIC;
    struct cursor c = cursor_of(s);
    struct str head = cursor_bytes(&c, MAGIC_ROOM);
    uint64_t says = cursor_u64(&c);
    uint32_t n = cursor_u32(&c);
    if (c.bad || memcmp(head.p, magic, MAGIC_ROOM) != 0 || says != first || n > MOST_HASHES)
        return ERR_CORRUPT;
    t->size = first - 1;
    TRY(read_hashes(&c, t, n));
    size_t length = (size_t)(c.p - s.p);
    struct str sum = cursor_bytes(&c, DIGEST_SIZE);
    struct digest d = digest_of((struct str){s.p, length});
    if (c.bad || memcmp(sum.p, d.b, DIGEST_SIZE) != 0)
        return ERR_CORRUPT;
    *ret_n = length + DIGEST_SIZE;
    return ERR_OK;
}

static enum err open_file(struct journal *j, uint64_t first, uint64_t next)
{
    char path[4300];
    struct str s;
    TRY(journal_path(str_of(j->dir), first, path, sizeof(path)));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    if (j->fd >= 0)
        (void)close(j->fd);
    buf_done(&j->held);
    j->fd = fd;
    j->first = first;
    j->next = next;
    j->used = 0;
    j->at = 0;
    j->at_end = false;
    TRY(have(j, HEADER_MAX, &s));
    return parse_header(s, first, &j->tree, &j->used) == ERR_OK ? ERR_OK : trouble(j, JOURNAL_HEADER);
}

/* The file that holds `seq`, or the first. */
static enum err open_at(struct journal *j, uint64_t seq)
{
    uint64_t *files = NULL;
    size_t n = 0, i = 0;
    TRY(journal_files(str_of(j->dir), &files, &n));
    while (i + 1 < n && files[i + 1] <= seq)
        i++;
    uint64_t first = files[i], next = i + 1 < n ? files[i + 1] : 0;
    free(files);
    if (j->seq == 0)
        j->seq = first;
    return open_file(j, first, next);
}

enum err journal_open(struct str dir, uint64_t from, struct journal **ret)
{
    struct journal *j = calloc(1, sizeof(*j));
    if (j == NULL)
        return ERR_NOMEM;
    j->fd = -1;
    j->dir = str_dupz(dir);
    buf_init(&j->held, 4 * LIMIT_AUDIT_RECORD + READ_SIZE + HEADER_MAX);
    enum err e = j->dir != NULL ? open_at(j, from) : ERR_NOMEM;
    if (e != ERR_OK && e != ERR_CORRUPT) { /* that one is said by journal_next, with where and why */
        journal_free(j);
        return e;
    }
    *ret = j;
    return ERR_OK;
}

enum err journal_seek(struct journal *j, uint64_t seq, uint64_t file, uint64_t at)
{
    j->trouble = (struct journal_trouble){.fault = 0};
    if (j->first != file) {
        enum err e = open_at(j, file);
        if (e != ERR_OK)
            return e == ERR_CORRUPT ? ERR_NOT_FOUND : e;
    }
    if (j->first != file || seq < file || (j->next != 0 && seq >= j->next))
        return ERR_NOT_FOUND;
    buf_clear(&j->held);
    j->used = 0;
    j->at = at;
    j->at_end = false;
    j->seq = seq;
    return ERR_OK;
}

/* Zeros behind a place that has no record mean that there was never one. */
static uint64_t count_nonzero(struct str s)
{
    while (s.n > 0 && s.p[s.n - 1] == '\0')
        s.n--;
    return s.n;
}

/* No whole record at the front of s, in the last file: its end, or the wreck of a record. */
static enum err at_last_end(struct journal *j, struct str s)
{
    j->at_end = false;
    j->trouble.bytes = count_nonzero(s);
    buf_truncate(&j->held, 0); /* read again by the next call */
    return j->trouble.bytes == 0 ? ERR_NOT_FOUND : trouble(j, JOURNAL_TAIL);
}

static enum err to_next_file(struct journal *j)
{
    enum err e = open_at(j, j->seq);
    return e == ERR_OK && j->first != j->seq ? trouble(j, JOURNAL_MISSING) : e;
}

/* Whether another file was begun since the list was read. */
static enum err look_for_next(struct journal *j)
{
    uint64_t *files = NULL;
    size_t n = 0;
    TRY(journal_files(str_of(j->dir), &files, &n));
    for (size_t i = 0; i < n && j->next == 0; i++)
        if (files[i] > j->first)
            j->next = files[i];
    free(files);
    return ERR_OK;
}

/* The frame at the front of s. ERR_INCOMPLETE: more bytes are needed, *ret_want in all; ERR_INVALID: none. */
static enum err parse_frame(struct str s, struct frame *ret, size_t *ret_want)
{
    struct cursor c = cursor_of(s);
    uint32_t leaf_n = cursor_u32(&c), apart_n = cursor_u32(&c);
    struct str check = cursor_bytes(&c, FRAME_CHECK);
    *ret_want = FRAME_HEAD;
    if (c.bad)
        return ERR_INCOMPLETE;
    if (leaf_n == 0 || leaf_n > LIMIT_AUDIT_LEAF || apart_n > 2 * LIMIT_AUDIT_RECORD)
        return ERR_INVALID;
    *ret_want += (size_t)leaf_n + apart_n;
    ret->leaf = cursor_bytes(&c, leaf_n);
    ret->apart = cursor_bytes(&c, apart_n);
    if (c.bad)
        return ERR_INCOMPLETE;
    ret->hash = tree_leaf_hash(ret->leaf);
    return memcmp(ret->hash.b, check.p, FRAME_CHECK) == 0 ? ERR_OK : ERR_INVALID;
}

enum err journal_next(struct journal *j, struct frame *ret)
{
    struct frame f = {.seq = j->seq};
    struct str s;
    size_t want = FRAME_HEAD;
    enum err e;
    if (j->trouble.fault == JOURNAL_HEADER)
        return ERR_CORRUPT;
    if (j->next != 0 && j->seq >= j->next) {
        TRY(to_next_file(j));
        return journal_next(j, ret);
    }
    do {
        TRY(have(j, want, &s));
        e = parse_frame(s, &f, &want);
    } while (e == ERR_INCOMPLETE && !j->at_end);
    if (e != ERR_OK && j->next == 0)
        TRY(look_for_next(j));
    if (e != ERR_OK && j->next == 0)
        return at_last_end(j, s);
    if (e != ERR_OK && j->seq == j->next)
        return journal_next(j, ret);
    if (e != ERR_OK)
        return trouble(j, count_nonzero(s.n > FRAME_HEAD ? (struct str){s.p, FRAME_HEAD} : s) == 0
                              ? JOURNAL_MISSING
                              : JOURNAL_CHANGED);
    f.file = j->first;
    f.at = j->at;
    j->used = want;
    j->seq++;
    *ret = f;
    return ERR_OK;
}
