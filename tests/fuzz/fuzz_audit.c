/* What a log's files may hold: leaves and what stands apart of them, canonical JSON, and whole journals under the
 * verifier, the reader and the start of the writer. */
#include "audit/audit.h"
#include "audit/journal.h"
#include "audit/leaf.h"
#include "audit/verify.h"
#include "base/json_check.h"
#include "base/limits.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

/* What passes the check is JSON to somebody else's parser too, and one line. */
static void one_line_of_json_is_json(struct str s)
{
    if (!json_is_one_line(s, JSON_LINE_OBJECT))
        return;
    must(memchr(s.p, '\n', s.n) == NULL);
    if (str_contains(s, STR("\\u")))
        return; /* a lone surrogate is JSON by RFC 8259, but not to it */
    json_error_t said;
    json_t *v = json_loadb(s.p, s.n, JSON_DECODE_INT_AS_REAL, &said);
    must(json_is_object(v) || json_error_code(&said) == json_error_numeric_overflow);
    json_decref(v);
}

/* The canonical form is its own canonical form, and means the same to somebody else. */
static void canonical_form_is_stable(struct str s)
{
    struct canonical c CLEANUP(canonical_done);
    struct buf once CLEANUP(buf_done) = {0}, twice CLEANUP(buf_done) = {0};
    buf_init(&once, 4 * s.n + 1024);
    buf_init(&twice, 4 * s.n + 1024);
    canonical_init(&c, CANONICAL_AS_STRING);
    if (canonical_put(&c, s, &once) != ERR_OK)
        return;
    must(canonical_put(&c, buf_view(&once), &twice) == ERR_OK);
    must(str_eq(buf_view(&once), buf_view(&twice)));
    json_error_t said;
    json_t *v = json_loadb(buf_view(&once).p, buf_len(&once), JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES,
                           &said);
    must(v != NULL || json_error_code(&said) == json_error_stack_overflow);
    json_decref(v);
}

/* What the maker makes the reader reads, with the same data put back. */
static void a_leaf_comes_back(struct str s)
{
    static struct leaf_maker m;
    struct buf leaf CLEANUP(buf_done) = {0}, apart CLEANUP(buf_done) = {0}, data CLEANUP(buf_done) = {0};
    struct buf want CLEANUP(buf_done) = {0};
    struct canonical c CLEANUP(canonical_done);
    struct leaf l;
    size_t missing;
    buf_init(&leaf, 2 * LIMIT_AUDIT_LEAF);
    buf_init(&apart, 1 * MIB);
    buf_init(&data, 1 * MIB);
    buf_init(&want, 1 * MIB);
    canonical_init(&c, CANONICAL_AS_STRING);
    leaf_maker_init(&m);
    if (s.n < 64 * KIB && leaf_make(&m, 7, 1, STR("sample"), s, &leaf, &apart) == ERR_OK) {
        must(buf_len(&leaf) <= LIMIT_AUDIT_LEAF);
        must(leaf_parse(buf_view(&leaf), &l) == ERR_OK && l.seq == 7 && str_is(l.kind, "sample"));
        must(leaf_resolve(l.data, buf_view(&apart), NULL, NULL, &data, &missing) == ERR_OK && missing == 0);
        must(canonical_put(&c, s, &want) == ERR_OK && str_eq(buf_view(&want), buf_view(&data)));
    }
    leaf_maker_done(&m);
}

/* Bytes from outside as leaf and what stands apart: nothing is read outside of them. */
static void any_leaf_is_read_safely(struct str s)
{
    struct buf out CLEANUP(buf_done) = {0};
    struct leaf l;
    size_t missing, half = s.n / 2;
    buf_init(&out, 1 * MIB);
    if (leaf_parse(s, &l) != ERR_OK && leaf_parse((struct str){s.p, half}, &l) != ERR_OK)
        return;
    (void)!leaf_resolve(l.data, (struct str){s.p + half, s.n - half}, NULL, NULL, &out, &missing);
}

/* --- A journal of these bytes -------------------------------------------------------------------- */

static char dir[64];

static void put_file(const char *name, struct str bytes)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    must(fd >= 0 && write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n);
    (void)close(fd);
}

static void remove_folder(void)
{
    char line[100];
    (void)snprintf(line, sizeof(line), "rm -rf %s", dir);
    must(system(line) == 0);
}

static void make_folder(void)
{
    char path[100];
    if (dir[0] != '\0')
        return;
    (void)snprintf(dir, sizeof(dir), "/tmp/countersign-fuzz-XXXXXX");
    must(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof(path), "%s/journal", dir);
    must(mkdir(path, 0700) == 0 && atexit(remove_folder) == 0);
}

static bool count(void *ctx, const struct audit_entry *e)
{
    uint64_t *n = ctx;
    must(e->seq > *n);
    *n = e->seq;
    return true;
}

/* With a header of ours in front, so that frames are reached too; the first byte says which. */
static void a_journal_is_verified_and_read_safely(struct str s)
{
    static struct tree empty;
    struct buf file CLEANUP(buf_done) = {0};
    struct note_key key = {.name = "x"};
    struct audit_verify_options o = {.keys = &key, .n_keys = 1, .no_tiles = true};
    struct audit_report r;
    uint64_t last = 0;
    if (s.n == 0 || (unsigned char)s.p[0] >= ' ')
        return; /* text is for the others: a journal costs files */
    make_folder();
    buf_init(&file, s.n + 4096);
    if ((s.p[0] & 1) != 0)
        must(journal_header_put(&empty, &file) == ERR_OK);
    must(buf_put(&file, s.p + 1, s.n - 1) == ERR_OK);
    put_file("journal/00000000000000000001", buf_view(&file));
    put_file("checkpoint", STR("x\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\xe2\x80\x94 x AAAAAAA=\n"));
    o.dir = str_of(dir);
    must(audit_verify(&o, &r) == ERR_OK && r.fault != AUDIT_GOOD);
    enum err e = audit_each(str_of(dir), 1, count, &last);
    must(e == ERR_OK || e == ERR_CORRUPT);
    must(e != ERR_OK || last >= r.records);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = str_from(data, size);
    one_line_of_json_is_json(s);
    canonical_form_is_stable(s);
    a_leaf_comes_back(s);
    any_leaf_is_read_safely(s);
    a_journal_is_verified_and_read_safely(s);
    return 0;
}
