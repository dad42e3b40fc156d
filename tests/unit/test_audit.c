/* The audit log. Names carry the invariant they attack: A4 no gap, A5 a failed sync is final, A11 no
 * text becomes structure, A12 a torn tail is found, cut and recorded. */
#include "tap.h"

#include "audit/audit.h"
#include "base/json_check.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A disk that fails at its n-th operation, and writes at most `short_write` bytes at once. */
struct disk {
    long operations, fail_at;
    int error;
    size_t short_write;
    bool failed;
};

static bool disk_fails(struct disk *d)
{
    if (++d->operations != d->fail_at)
        return false;
    d->failed = true;
    errno = d->error;
    return true;
}

static ssize_t disk_write(void *ctx, int fd, const void *p, size_t n)
{
    struct disk *d = ctx;
    if (disk_fails(d))
        return -1;
    return write(fd, p, d->short_write != 0 && n > d->short_write ? d->short_write : n);
}

static int disk_sync(void *ctx, int fd)
{
    (void)fd;
    return disk_fails(ctx) ? -1 : 0;
}

static int disk_truncate(void *ctx, int fd, off_t length)
{
    return disk_fails(ctx) ? -1 : ftruncate(fd, length);
}

struct bench {
    char dir[64], path[96];
    struct disk disk;
    struct audit_io io;
    struct audit *a;
};

static const struct moment now = {1000 * NS_PER_S, 5 * NS_PER_S};

static enum err bench_try(struct bench *b)
{
    struct audit_error said;
    b->a = NULL;
    return audit_open(str_of(b->dir), &b->io, now, &b->a, &said);
}

static void bench_open(struct bench *b)
{
    CHECK_OK(bench_try(b));
}

static void bench_init(struct bench *b)
{
    *b = (struct bench){.dir = "/tmp/countersign-test-XXXXXX"};
    CHECK(mkdtemp(b->dir) != NULL);
    (void)snprintf(b->path, sizeof(b->path), "%s/" AUDIT_FILE, b->dir);
    b->io = (struct audit_io){&b->disk, disk_write, disk_sync, disk_truncate};
    bench_open(b);
}

static void bench_done(struct bench *b)
{
    audit_close(b->a);
    (void)unlink(b->path);
    CHECK(rmdir(b->dir) == 0);
}

static void append_n(struct bench *b, int n)
{
    for (int i = 0; i < n; i++) {
        char data[64];
        (void)snprintf(data, sizeof(data), "{\"n\":%d}", i);
        CHECK_OK(audit_append(b->a, "sample", str_of(data), now, NULL));
    }
    CHECK_OK(audit_sync(b->a));
}

/* The file as lines, to be put back in another order. */
struct file {
    char *text;
    size_t n;
    struct str lines[16];
    size_t n_lines;
};

static struct file file_read(const char *path)
{
    struct file f = {.text = calloc(1, 1 << 20)};
    int fd = open(path, O_RDONLY);
    f.n = (size_t)read(fd, f.text, (1 << 20) - 1);
    (void)close(fd);
    struct str rest = {f.text, f.n}, line;
    while (f.n_lines < 16 && str_cut(rest, '\n', &line, &rest))
        f.lines[f.n_lines++] = (struct str){line.p, line.n + 1};
    return f;
}

static void file_write(const char *path, const struct str *parts, size_t n)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);
    for (size_t i = 0; i < n; i++)
        CHECK(write(fd, parts[i].p, parts[i].n) == (ssize_t)parts[i].n);
    (void)close(fd);
}

static struct audit_report verify(struct bench *b)
{
    struct audit_report r = {0};
    CHECK_OK(audit_verify(b->path, &r));
    return r;
}

TEST(a_log_that_nobody_touched_verifies)
{
    struct bench b;
    bench_init(&b);
    CHECK(verify(&b).fault == AUDIT_GOOD);
    append_n(&b, 5);
    struct audit_report r = verify(&b);
    CHECK(r.fault == AUDIT_GOOD && r.records == 5 && r.last_seq == 5);
    audit_close(b.a);
    bench_open(&b);
    append_n(&b, 5);
    r = verify(&b);
    CHECK(r.fault == AUDIT_GOOD && r.records == 10 && audit_last_seq(b.a) == 10);
    bench_done(&b);
}

TEST(a_record_has_the_documented_form)
{
    struct bench b;
    bench_init(&b);
    append_n(&b, 1);
    struct file f = file_read(b.path);
    CHECK(str_starts(f.lines[0],
                     STR("{\"seq\":1,\"time\":\"1970-01-01T00:16:40.000Z\",\"kind\":\"sample\","
                         "\"prev\":\"000000000000000000000000000000000000000000000000000000000000"
                         "0000\",\"data\":{\"n\":0},\"hash\":\"")));
    free(f.text);
    bench_done(&b);
}

TEST(the_files_are_for_the_owner_only)
{
    struct bench b;
    struct stat st;
    bench_init(&b);
    CHECK(stat(b.path, &st) == 0 && (st.st_mode & 0777) == 0600);
    bench_done(&b);
}

TEST(every_flipped_byte_is_found_in_its_record)
{
    struct bench b;
    bench_init(&b);
    append_n(&b, 3);
    struct file f = file_read(b.path);
    for (size_t i = 0; i < f.n; i++) {
        uint64_t line = i < f.lines[0].n ? 1 : i < f.lines[0].n + f.lines[1].n ? 2 : 3;
        f.text[i] ^= 1;
        struct str all = {f.text, f.n};
        file_write(b.path, &all, 1);
        struct audit_report r = verify(&b);
        CHECK(r.fault == AUDIT_CHANGED || r.fault == AUDIT_TORN);
        CHECK(r.line == line);
        f.text[i] ^= 1;
    }
    free(f.text);
    bench_done(&b);
}

static struct audit_report after(struct bench *b, const struct str *parts, size_t n)
{
    file_write(b->path, parts, n);
    return verify(b);
}

TEST(A4_a_missing_record_is_a_gap)
{
    struct bench b;
    bench_init(&b);
    append_n(&b, 5);
    struct file f = file_read(b.path);
    struct str without_3[] = {f.lines[0], f.lines[1], f.lines[3], f.lines[4]};
    struct audit_report r = after(&b, without_3, 4);
    CHECK(r.fault == AUDIT_GAP && r.line == 3 && r.expected_seq == 3 && r.found_seq == 4);
    CHECK_STR(str_of(r.text), "record 3 is missing");
    struct str without_1[] = {f.lines[2], f.lines[3]};
    r = after(&b, without_1, 2);
    CHECK(r.fault == AUDIT_GAP && r.line == 1);
    CHECK_STR(str_of(r.text), "records 1 to 2 are missing");
    free(f.text);
    bench_done(&b);
}

TEST(a_reordered_a_repeated_and_a_spliced_record_are_named)
{
    struct bench b, other;
    bench_init(&b);
    append_n(&b, 4);
    bench_init(&other);
    CHECK_OK(audit_append(other.a, "other", STR("{}"), now, NULL));
    append_n(&other, 3);
    struct file f = file_read(b.path), g = file_read(other.path);
    struct str swapped[] = {f.lines[0], f.lines[2], f.lines[1], f.lines[3]};
    struct audit_report r = after(&b, swapped, 4);
    CHECK(r.fault == AUDIT_REORDERED && r.line == 2 && r.found_seq == 3);
    struct str twice[] = {f.lines[0], f.lines[1], f.lines[1], f.lines[2]};
    r = after(&b, twice, 4);
    CHECK(r.fault == AUDIT_REPEATED && r.line == 3 && r.found_seq == 2);
    struct str spliced[] = {f.lines[0], g.lines[1], f.lines[2]};
    r = after(&b, spliced, 3);
    CHECK(r.fault == AUDIT_SPLICED && r.line == 2);
    struct str other_again[] = {f.lines[0], f.lines[1], g.lines[0]};
    r = after(&b, other_again, 3);
    CHECK(r.fault == AUDIT_SPLICED && r.line == 3 && r.found_seq == 1);
    free(f.text);
    free(g.text);
    bench_done(&b);
    bench_done(&other);
}

TEST(a_record_edited_together_with_its_hash_breaks_the_next)
{
    struct bench b;
    bench_init(&b);
    append_n(&b, 3);
    struct file f = file_read(b.path);
    struct audit_record r;
    struct digest hash;
    CHECK_OK(audit_record_parse((struct str){f.lines[1].p, f.lines[1].n - 1}, &r));
    CLEANUP(buf_done) struct buf forged;
    buf_init(&forged, 4096);
    CHECK_OK(audit_record_write(&forged, r.seq, now.wall_ns, r.kind, &r.prev, STR("{\"n\":77}"),
                                &hash));
    struct str parts[] = {f.lines[0], buf_view(&forged), f.lines[2]};
    struct audit_report rep = after(&b, parts, 3);
    CHECK(rep.fault == AUDIT_SPLICED && rep.line == 3);
    free(f.text);
    bench_done(&b);
}

TEST(A12_a_torn_tail_is_cut_and_recorded_wherever_it_was_torn)
{
    struct bench b;
    bench_init(&b);
    append_n(&b, 3);
    struct file f = file_read(b.path);
    for (size_t n = 1; n < f.lines[2].n; n++) {
        audit_close(b.a);
        struct str parts[] = {f.lines[0], f.lines[1], {f.lines[2].p, n}};
        struct audit_report r = after(&b, parts, 3);
        CHECK(r.fault == AUDIT_TORN && r.line == 3 && r.records == 2);
        bench_open(&b);
        r = verify(&b);
        CHECK(r.fault == AUDIT_GOOD && r.records == 3);
        struct file g = file_read(b.path);
        CHECK(str_contains(g.lines[2], STR("\"kind\":\"repaired\"")));
        free(g.text);
    }
    audit_close(b.a);
    struct str first_torn[] = {{f.lines[0].p, 10}};
    file_write(b.path, first_torn, 1);
    bench_open(&b);
    CHECK(verify(&b).records == 1);
    free(f.text);
    bench_done(&b);
}

TEST(a_log_whose_last_record_was_changed_is_not_continued)
{
    struct bench b;
    bench_init(&b);
    append_n(&b, 2);
    audit_close(b.a);
    struct file f = file_read(b.path);
    f.text[f.n - 100] ^= 1;
    struct str all = {f.text, f.n};
    file_write(b.path, &all, 1);
    CHECK_ERR(bench_try(&b), ERR_CORRUPT);
    free(f.text);
    bench_done(&b);
}

TEST(two_writers_never_share_a_log)
{
    struct bench b;
    struct audit *second = NULL;
    struct audit_error said;
    bench_init(&b);
    CHECK_ERR(audit_open(str_of(b.dir), NULL, now, &second, &said), ERR_EXISTS);
    CHECK(strstr(said.text, "another gateway") != NULL);
    bench_done(&b);
}

/* One life of a log on a disk that fails at operation `at`: what was acknowledged as durable before
 * is there after, nothing is accepted after, and opening it again works. */
static bool live_with_fault(struct bench *b, long at, int error, size_t short_write)
{
    uint64_t durable = 0;
    bool refused = false;
    b->disk = (struct disk){.fail_at = at, .error = error, .short_write = short_write};
    for (int i = 0; i < 6; i++) {
        enum err e = audit_append_durable(b->a, "sample", STR("{\"text\":\"0123456789\"}"), now,
                                          NULL);
        CHECK(e == ERR_OK || e == ERR_IO);
        CHECK(!refused || e == ERR_IO); /* A5: never retried */
        CHECK((audit_broken(b->a) != NULL) == (e != ERR_OK));
        refused = e != ERR_OK;
        durable += e == ERR_OK;
    }
    bool failed = b->disk.failed;
    CHECK(refused == failed);
    audit_close(b->a);
    CHECK(b->disk.operations == at || !failed); /* the disk was not touched again */
    b->disk = (struct disk){0};
    bench_open(b);
    struct audit_report r = verify(b);
    CHECK(r.fault == AUDIT_GOOD && r.last_seq >= durable);
    append_n(b, 1);
    return failed;
}

TEST(A5_a_fault_at_every_operation_refuses_everything_after_and_loses_nothing)
{
    static const int errors[] = {ENOSPC, EIO};
    for (size_t e = 0; e < ARRAY_LEN(errors); e++)
        for (size_t piece = 0; piece <= 100; piece += 50)
            for (long at = 1;; at++) {
                struct bench b;
                bench_init(&b);
                bool failed = live_with_fault(&b, at, errors[e], piece);
                bench_done(&b);
                if (!failed)
                    break;
            }
}

/* As above, but the log is mended in place, on a disk that fails once more at operation `again`. */
static bool recover_with_fault(struct bench *b, long at, long again)
{
    uint64_t durable = 0;
    b->disk = (struct disk){.fail_at = at, .error = ENOSPC, .short_write = 60};
    for (int i = 0; i < 3; i++) {
        CHECK((audit_append(b->a, "loose", STR("{}"), now, NULL) == ERR_OK) == !b->disk.failed);
        if (audit_append_durable(b->a, "sample", STR("{}"), now, NULL) == ERR_OK)
            durable = audit_last_seq(b->a);
    }
    if (!b->disk.failed)
        return false;
    CHECK(audit_broken(b->a) != NULL);
    b->disk.fail_at = again != 0 ? b->disk.operations + again : 0;
    enum err e = audit_recover(b->a, now);
    CHECK(e == ERR_OK || e == ERR_IO);
    if (e != ERR_OK) {
        CHECK(audit_broken(b->a) != NULL);
        CHECK_ERR(audit_append(b->a, "loose", STR("{}"), now, NULL), ERR_IO);
        CHECK_OK(audit_recover(b->a, now));
    }
    CHECK(audit_broken(b->a) == NULL);
    append_n(b, 2);
    struct audit_report r = verify(b);
    CHECK(r.fault == AUDIT_GOOD && r.last_seq >= durable + 3 && r.last_seq == audit_last_seq(b->a));
    audit_close(b->a);
    bench_open(b);
    append_n(b, 1);
    CHECK(verify(b).fault == AUDIT_GOOD);
    return true;
}

TEST(L6_a_log_on_a_disk_that_is_well_again_goes_on_behind_what_was_durable)
{
    for (long again = 0; again < 6; again++)
        for (long at = 1;; at++) {
            struct bench b;
            bench_init(&b);
            bool failed = recover_with_fault(&b, at, again);
            bench_done(&b);
            if (!failed)
                break;
        }
}

TEST(A12_a_recovery_says_what_was_cut_and_what_was_not_recorded)
{
    struct bench b;
    bench_init(&b);
    append_n(&b, 2);
    b.disk = (struct disk){.fail_at = 2, .error = EIO}; /* the write comes through, the sync fails */
    CHECK_OK(audit_append(b.a, "loose", STR("{}"), now, NULL));
    CHECK_ERR(audit_append_durable(b.a, "sample", STR("{}"), now, NULL), ERR_IO);
    for (int i = 0; i < 3; i++)
        CHECK_ERR(audit_append(b.a, "sample", STR("{}"), now, NULL), ERR_IO);
    CHECK_OK(audit_recover(b.a, now));
    struct file f = file_read(b.path);
    CHECK(f.n_lines == 3);
    CHECK(str_contains(f.lines[2], STR("{\"cut_records\":2,\"not_recorded\":3}")));
    free(f.text);
    bench_done(&b);
}

TEST(a_broken_log_says_why)
{
    struct bench b;
    bench_init(&b);
    b.disk = (struct disk){.fail_at = 1, .error = ENOSPC};
    CHECK_ERR(audit_append_durable(b.a, "sample", STR("{}"), now, NULL), ERR_IO);
    CHECK(audit_broken(b.a) != NULL && strstr(audit_broken(b.a), "No space left") != NULL);
    CHECK(audit_sync_due(b.a) == INT64_MAX);
    CHECK_ERR(audit_sync(b.a), ERR_IO);
    bench_done(&b);
}

TEST(records_are_collected_and_synced_within_the_delay)
{
    struct bench b;
    bench_init(&b);
    CHECK(audit_sync_due(b.a) == INT64_MAX);
    CHECK_OK(audit_append(b.a, "sample", STR("{}"), now, NULL));
    struct moment later = {now.wall_ns, now.mono_ns + 7};
    CHECK_OK(audit_append(b.a, "sample", STR("{}"), later, NULL));
    CHECK(audit_sync_due(b.a) == now.mono_ns + LIMIT_AUDIT_DELAY_MS * NS_PER_MS);
    CHECK(b.disk.operations == 0);
    CHECK_OK(audit_sync(b.a));
    CHECK(b.disk.operations == 2 && audit_sync_due(b.a) == INT64_MAX);
    CHECK(audit_counters(b.a).records == 2 && audit_counters(b.a).syncs == 1);
    bench_done(&b);
}

TEST(A11_what_would_break_out_of_its_record_is_refused)
{
    static const char *const bad[] = {
        "",      "[]",        "{",           "{}x",       "{\"a\":1}\n{\"seq\":2}", "{\"a\":\n1}",
        "\"a\"", "{\"a\"}",   "{\"a\":1,}",  "{\"a\":01}", "{\"a\":\"\x01\"}",      "{\"a\":\"\xff\"}",
        "{a:1}", "{\"a\":1}}", "{\"a\":nul}", "{\"a\":[1}", "{\"a\":\"\\x\"}",      " {}",
    };
    struct bench b;
    bench_init(&b);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK_ERR(audit_append(b.a, "sample", str_of(bad[i]), now, NULL), ERR_INVALID);
        CHECK(!json_is_one_line(str_of(bad[i]), JSON_LINE_OBJECT));
    }
    CHECK_ERR(audit_append(b.a, "Kind", STR("{}"), now, NULL), ERR_INVALID);
    CHECK_ERR(audit_append(b.a, "a\",\"b", STR("{}"), now, NULL), ERR_INVALID);
    CHECK(audit_broken(b.a) == NULL);
    append_n(&b, 1);
    CHECK(verify(&b).records == 1);
    bench_done(&b);
}

TEST(what_is_json_on_one_line_is_accepted)
{
    static const char *const good[] = {
        "{}", "{\"a\":[1,-2.5e+3,0,true,false,null,\"\\u00e9\\n\\\"\"],\"b\":{\"c\":[]}}",
        "{ \"a\" : [ ] , \"b\" : \"\xc3\xa9\" }",
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        CHECK(json_is_one_line(str_of(good[i]), JSON_LINE_OBJECT));
    CHECK(json_is_one_line(STR("[]"), JSON_LINE_ARRAY));
    char deep[2 * LIMIT_JSON_DEPTH + 3];
    for (size_t depth = LIMIT_JSON_DEPTH; depth <= LIMIT_JSON_DEPTH + 1; depth++) {
        memset(deep, '[', depth);
        memset(deep + depth, ']', depth);
        CHECK(json_is_one_line((struct str){deep, 2 * depth}, JSON_LINE_ARRAY) ==
              (depth == LIMIT_JSON_DEPTH));
    }
}

TEST(A4_the_largest_envelope_fits_into_a_record)
{
    struct bench b;
    size_t n = LIMIT_AUDIT_RECORD;
    char *data = malloc(n + 1);
    memset(data, 'x', n);
    memcpy(data, "{\"e\":\"", 6);
    memcpy(data + n - 2, "\"}", 2);
    bench_init(&b);
    CHECK_OK(audit_append_durable(b.a, "sample", (struct str){data, n}, now, NULL));
    append_n(&b, 1);
    CHECK(verify(&b).records == 2);
    audit_close(b.a);
    bench_open(&b);
    append_n(&b, 1);
    CHECK(verify(&b).records == 3);
    memcpy(data + n - 1, "\"}", 2);
    CHECK_ERR(audit_append(b.a, "sample", (struct str){data, n + 1}, now, NULL), ERR_LIMIT);
    free(data);
    bench_done(&b);
}

static bool count_record(void *ctx, const struct audit_record *r)
{
    uint64_t *seqs = ctx;
    seqs[0]++;
    seqs[1] = r->seq;
    return true;
}

TEST(records_from_a_place_on_are_visited)
{
    struct bench b;
    uint64_t seen[2] = {0};
    bench_init(&b);
    append_n(&b, 3);
    audit_close(b.a);
    bench_open(&b);
    uint64_t from = audit_length(b.a);
    append_n(&b, 2);
    CHECK_OK(audit_each(b.path, from, count_record, seen));
    CHECK(seen[0] == 2 && seen[1] == 5);
    CHECK_OK(audit_each(b.path, 0, count_record, seen));
    CHECK(seen[0] == 7);
    bench_done(&b);
}

TAP_MAIN(T(a_log_that_nobody_touched_verifies), T(a_record_has_the_documented_form),
         T(the_files_are_for_the_owner_only), T(every_flipped_byte_is_found_in_its_record),
         T(A4_a_missing_record_is_a_gap),
         T(a_reordered_a_repeated_and_a_spliced_record_are_named),
         T(a_record_edited_together_with_its_hash_breaks_the_next),
         T(A12_a_torn_tail_is_cut_and_recorded_wherever_it_was_torn),
         T(a_log_whose_last_record_was_changed_is_not_continued),
         T(two_writers_never_share_a_log),
         T(A5_a_fault_at_every_operation_refuses_everything_after_and_loses_nothing),
         T(L6_a_log_on_a_disk_that_is_well_again_goes_on_behind_what_was_durable),
         T(A12_a_recovery_says_what_was_cut_and_what_was_not_recorded),
         T(a_broken_log_says_why), T(records_are_collected_and_synced_within_the_delay),
         T(A11_what_would_break_out_of_its_record_is_refused),
         T(what_is_json_on_one_line_is_accepted),
         T(A4_the_largest_envelope_fits_into_a_record), T(records_from_a_place_on_are_visited))
