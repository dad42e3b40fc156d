/* What can be done to a log: by somebody who can write its files, and by the disk below it. Each attack has to be named
 * by the verifier; each fault at each call has to refuse and lose nothing that was acknowledged. */
#include "audit_bench.h"

#include "audit/journal.h"
#include "audit/leaf.h"

/* --- A log of a few records, to be put together again otherwise ---------------------------------------- */

enum { MOST_FRAMES = 32 };

struct parts {
    char path[160];
    struct file file;
    struct str head, frames[MOST_FRAMES];
    size_t n;
};

static uint32_t u32_at(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;
    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static struct parts take_apart(const char *dir)
{
    struct parts p = {.n = 0};
    journal_of(dir, p.path);
    p.file = file_read(p.path);
    size_t at = 32 + 8 + 4 + (size_t)u32_at(p.file.text + 40) * DIGEST_SIZE + DIGEST_SIZE;
    p.head = (struct str){p.file.text, at};
    while (at + FRAME_HEAD < p.file.n && u32_at(p.file.text + at) != 0 && p.n < MOST_FRAMES) {
        size_t n = FRAME_HEAD + u32_at(p.file.text + at) + u32_at(p.file.text + at + 4);
        p.frames[p.n++] = (struct str){p.file.text + at, n};
        at += n;
    }
    return p;
}

static struct audit_report put_together(struct bench *b, const struct parts *p, const size_t *order, size_t n)
{
    struct str all[MOST_FRAMES + 1] = {p->head};
    for (size_t i = 0; i < n; i++)
        all[i + 1] = p->frames[order[i]];
    file_write(p->path, all, n + 1);
    return verify(b);
}

/* Six records, signed, closed. */
static void history(struct bench *b)
{
    bench_init(b);
    append_n(b, 6);
    bench_close(b);
}

/* --- Bytes --------------------------------------------------------------------------------------------- */

/* Flips every byte of one file; `may_stay` says where nothing is lost by it. */
static void flip_all(struct bench *b, const char *path, bool (*may_stay)(const struct file *f, size_t at))
{
    struct file f = file_read(path);
    CHECK(f.n != 0);
    for (size_t i = 0; i < f.n; i++) {
        f.text[i] ^= 1;
        struct str all = {f.text, f.n};
        file_write(path, &all, 1);
        struct audit_report r = verify(b);
        if (r.fault == AUDIT_GOOD && (may_stay == NULL || !may_stay(&f, i))) {
            CHECK(r.fault != AUDIT_GOOD);
            printf("# byte %zu of %s\n", i, path);
        }
        CHECK(r.fault == AUDIT_GOOD || r.text[0] != '\0');
        f.text[i] ^= 1;
    }
    struct str all = {f.text, f.n};
    file_write(path, &all, 1);
    free(f.text);
    is_good(b);
}

TEST(every_flipped_byte_of_the_journal_is_found_in_its_record)
{
    struct bench b;
    history(&b);
    struct parts p = take_apart(b.dir);
    size_t at = p.head.n;
    CHECK(p.n == 6);
    for (size_t i = 0; i < p.n; i++)
        for (size_t k = 0; k < p.frames[i].n; k++, at++) {
            p.file.text[at] ^= 1;
            struct str all = {p.file.text, p.file.n};
            file_write(p.path, &all, 1);
            struct audit_report r = verify(&b);
            CHECK(r.fault == AUDIT_CHANGED || r.fault == AUDIT_CONTENT);
            CHECK(r.seq == i + 1);
            p.file.text[at] ^= 1;
        }
    free(p.file.text);
    bench_done(&b);
}

TEST(every_flipped_byte_of_every_file_is_found)
{
    static const char *const files[] = {"checkpoint", "tile/0/000.p/6", "tile/entries/000.p/6",
                                        "journal/00000000000000000001"};
    struct bench b;
    history(&b);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[160];
        (void)snprintf(path, sizeof(path), "%s/%s", b.dir, files[i]);
        flip_all(&b, path, NULL);
    }
    bench_done(&b);
}

/* --- Records ------------------------------------------------------------------------------------------- */

TEST(A4_a_missing_record_is_a_gap)
{
    struct bench b;
    history(&b);
    struct parts p = take_apart(b.dir);
    struct audit_report r = put_together(&b, &p, (size_t[]){0, 1, 3, 4, 5}, 5);
    CHECK(r.fault == AUDIT_GAP && r.seq == 3 && r.records == 2);
    CHECK_STR(str_of(r.text), "record 3 is missing");
    r = put_together(&b, &p, (size_t[]){3, 4, 5}, 3);
    CHECK(r.fault == AUDIT_GAP && r.seq == 1);
    CHECK_STR(str_of(r.text), "records 1 to 3 are missing");
    free(p.file.text);
    bench_done(&b);
}

TEST(a_reordered_and_a_repeated_record_are_named)
{
    struct bench b;
    history(&b);
    struct parts p = take_apart(b.dir);
    struct audit_report r = put_together(&b, &p, (size_t[]){0, 2, 1, 3, 4, 5}, 6);
    CHECK(r.fault == AUDIT_REORDERED && r.seq == 2);
    r = put_together(&b, &p, (size_t[]){0, 1, 1, 2, 3, 4, 5}, 7);
    CHECK(r.fault == AUDIT_REPEATED && r.seq == 3);
    r = put_together(&b, &p, (size_t[]){0, 1, 2, 3, 4, 5, 5}, 7);
    CHECK(r.fault == AUDIT_REPEATED && r.seq == 7);
    free(p.file.text);
    bench_done(&b);
}

TEST(a_cut_end_is_named)
{
    struct bench b;
    history(&b);
    struct parts p = take_apart(b.dir);
    struct audit_report r = put_together(&b, &p, (size_t[]){0, 1, 2, 3}, 4);
    CHECK(r.fault == AUDIT_CUT && r.seq == 5);
    r = put_together(&b, &p, NULL, 0);
    CHECK(r.fault == AUDIT_CUT && r.seq == 1);
    CHECK_ERR(bench_try(&b), ERR_CORRUPT);
    CHECK(strstr(b.said, "its end is missing") != NULL);
    shell("rm -r %s/journal", b.dir);
    r = verify(&b);
    CHECK(r.fault == AUDIT_CUT);
    free(p.file.text);
    bench_done(&b);
}

/* A frame as the writer would make it. */
static void forge(struct buf *out, uint64_t seq, const char *data)
{
    static struct leaf_maker m;
    struct buf leaf CLEANUP(buf_done) = {0}, apart CLEANUP(buf_done) = {0};
    buf_init(&leaf, 8192);
    buf_init(&apart, 8192);
    leaf_maker_init(&m);
    CHECK_OK(leaf_make(&m, seq, 1000 * NS_PER_S, STR("sample"), str_of(data), &leaf, &apart));
    struct digest hash = tree_leaf_hash(buf_view(&leaf));
    CHECK_OK(journal_frame_put(buf_view(&leaf), buf_view(&apart), &hash, out));
    leaf_maker_done(&m);
}

TEST(a_record_replaced_by_a_whole_other_one_is_named)
{
    struct bench b;
    struct buf forged CLEANUP(buf_done) = {0};
    history(&b);
    struct parts p = take_apart(b.dir);
    buf_init(&forged, 65536);
    forge(&forged, 4, "{\"n\":77}");
    p.frames[3] = buf_view(&forged);
    struct audit_report r = put_together(&b, &p, (size_t[]){0, 1, 2, 3, 4, 5}, 6);
    CHECK(r.fault == AUDIT_CHANGED && r.seq == 4);
    CHECK_STR(str_of(r.text), "record 4 is not the one that was signed");
    shell("rm -r %s/tile", b.dir); /* without tiles nobody can say which, but that one is */
    r = verify(&b);
    CHECK(r.fault == AUDIT_CHANGED && strstr(r.text, "do not lead to the root") != NULL);
    free(p.file.text);
    bench_done(&b);
}

TEST(a_record_added_behind_the_signed_ones_is_not_signed)
{
    struct bench b;
    struct buf forged CLEANUP(buf_done) = {0};
    history(&b);
    struct parts p = take_apart(b.dir);
    buf_init(&forged, 65536);
    forge(&forged, 7, "{\"n\":77}");
    p.frames[6] = buf_view(&forged);
    struct audit_report r = put_together(&b, &p, (size_t[]){0, 1, 2, 3, 4, 5, 6}, 7);
    CHECK(r.fault == AUDIT_GOOD && r.records == 7 && r.covered == 6);
    free(p.file.text);
    bench_done(&b);
}

TEST(two_logs_spliced_are_named)
{
    struct bench b, other;
    history(&b);
    bench_init(&other);
    for (int i = 0; i < 6; i++)
        CHECK_OK(audit_append(other.a, "foreign", STR("{}"), other.now, NULL));
    bench_close(&other);
    struct parts p = take_apart(b.dir), q = take_apart(other.dir);
    for (size_t i = 3; i < 6; i++)
        p.frames[i] = q.frames[i];
    struct audit_report r = put_together(&b, &p, (size_t[]){0, 1, 2, 3, 4, 5}, 6);
    CHECK(r.fault == AUDIT_CHANGED && r.seq == 4);
    /* The other one's tiles and checkpoint along with it: signed by no key that is trusted. */
    shell("rm -r %s/tile %s/journal && cp -r %s/tile %s/journal %s/checkpoint %s", b.dir, b.dir, other.dir, other.dir,
          other.dir, b.dir);
    r = verify(&b);
    CHECK(r.fault == AUDIT_CHECKPOINT);
    free(p.file.text);
    free(q.file.text);
    bench_done(&b);
    bench_done(&other);
}

/* --- Other copies --------------------------------------------------------------------------------------- */

static struct file keep_checkpoint(const struct bench *b)
{
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/checkpoint", b->dir);
    return file_read(path);
}

TEST(an_older_copy_looks_well_and_a_kept_checkpoint_names_it)
{
    struct bench b;
    history(&b);
    shell("cp -r %s %s", b.dir, b.other);
    bench_open(&b);
    append_n(&b, 3);
    bench_close(&b);
    struct file kept = keep_checkpoint(&b);
    CHECK(verify_kept(b.dir, (struct str){kept.text, kept.n}).fault == AUDIT_GOOD);
    CHECK(verify_kept(b.other, (struct str){NULL, 0}).fault == AUDIT_GOOD);
    struct audit_report r = verify_kept(b.other, (struct str){kept.text, kept.n});
    CHECK(r.fault == AUDIT_ROLLBACK);
    /* The records are there, only the checkpoint is the older one. */
    shell("cp %s/checkpoint %s/checkpoint && cp %s/tile/0/000.p/* %s/tile/0/000.p/ && "
          "cp %s/tile/entries/000.p/* %s/tile/entries/000.p/", b.other, b.dir, b.other, b.dir, b.other, b.dir);
    r = verify_kept(b.dir, (struct str){kept.text, kept.n});
    CHECK(r.fault == AUDIT_ROLLBACK);
    free(kept.text);
    bench_done(&b);
}

TEST(a_fork_is_named_by_a_kept_checkpoint)
{
    struct bench b;
    history(&b);
    shell("cp -r %s %s", b.dir, b.other);
    bench_open(&b);
    CHECK_OK(audit_append(b.a, "one", STR("{}"), b.now, NULL));
    bench_close(&b);
    struct file kept = keep_checkpoint(&b);
    shell("rm -r %s && mv %s %s", b.dir, b.other, b.dir);
    bench_open(&b);
    CHECK_OK(audit_append(b.a, "two", STR("{}"), b.now, NULL));
    append_n(&b, 2);
    bench_close(&b);
    CHECK(verify(&b).fault == AUDIT_GOOD);
    struct audit_report r = verify_kept(b.dir, (struct str){kept.text, kept.n});
    CHECK(r.fault == AUDIT_FORK);
    free(kept.text);
    bench_done(&b);
}

TEST(a_log_whose_records_were_changed_is_not_continued)
{
    struct bench b;
    history(&b);
    struct parts p = take_apart(b.dir);
    p.file.text[p.head.n + 40] ^= 1;
    struct str all = {p.file.text, p.file.n};
    file_write(p.path, &all, 1);
    CHECK_ERR(bench_try(&b), ERR_CORRUPT);
    p.file.text[p.head.n + 40] ^= 1;
    file_write(p.path, &all, 1);
    shell("mv %s/checkpoint %s/away", b.dir, b.dir);
    CHECK(verify(&b).fault == AUDIT_CHECKPOINT);
    CHECK_ERR(bench_try(&b), ERR_CORRUPT);
    CHECK(strstr(b.said, "checkpoint is missing") != NULL);
    free(p.file.text);
    bench_done(&b);
}

/* --- Torn tails ------------------------------------------------------------------------------------------ */

TEST(A12_a_torn_tail_is_left_behind_and_recorded_wherever_it_was_torn)
{
    struct bench b;
    bench_init(&b);
    append_n(&b, 3);
    settle(&b); /* covered */
    append_n(&b, 2);
    struct parts p = take_apart(b.dir);
    shell("cp -r %s %s", b.dir, b.other); /* as a kill -9 leaves it */
    bench_close(&b);
    size_t whole = p.head.n + p.frames[0].n + p.frames[1].n + p.frames[2].n + p.frames[3].n;
    /* The length's first bytes are zeros, as is what was allocated ahead: there nothing is torn. */
    for (size_t n = 4; n < p.frames[4].n; n += n < FRAME_HEAD ? 1 : 11) {
        shell("rm -r %s && cp -r %s %s", b.dir, b.other, b.dir);
        struct str torn = {p.file.text, whole + n};
        file_write(p.path, &torn, 1);
        struct audit_report r = verify(&b);
        CHECK(r.fault == AUDIT_TORN && r.seq == 5 && r.records == 4);
        bench_open(&b);
        append_n(&b, 1);
        bench_close(&b);
        r = verify(&b);
        CHECK(r.fault == AUDIT_GOOD && r.records == 6 && r.covered == 6);
        struct parts q = take_apart(b.dir);
        CHECK(q.n == 3 && str_contains(q.frames[1], STR("\"kind\":\"repaired\"")) &&
              str_contains(q.frames[1], STR("\"behind\":4")));
        free(q.file.text);
    }
    free(p.file.text);
    bench_done(&b);
}

/* --- Disks that fail -------------------------------------------------------------------------------------- */

/* One life of a log on a disk that fails at operation `at`: what was acknowledged as durable before is there after,
 * nothing is accepted after, and opening it again works. */
static bool live_with_fault(struct bench *b, long at, int error, size_t short_write, bool sticky)
{
    uint64_t durable = 0;
    bool refused = false;
    bench_open(b);
    b->disk = (struct disk){.fail_at = at, .error = error, .short_write = short_write, .sticky = sticky};
    for (int i = 0; i < 6; i++) {
        enum err e = audit_append_durable(b->a, "sample", STR("{\"text\":\"0123456789\"}"), b->now, NULL);
        CHECK(e == ERR_OK || e == ERR_IO);
        CHECK(!refused || e == ERR_IO); /* A5: never retried */
        CHECK((audit_broken(b->a) != NULL) == (e != ERR_OK));
        refused = e != ERR_OK;
        durable += e == ERR_OK;
        if (i == 3)
            settle(b); /* tiles and checkpoint, on the same disk */
    }
    bool failed = b->disk.failed;
    bench_close(b);
    b->disk = (struct disk){0};
    bench_open(b);
    append_n(b, 1);
    settle(b);
    struct audit_report r = verify(b);
    CHECK(r.fault == AUDIT_GOOD && r.records > durable && r.covered == r.records);
    if (r.fault != AUDIT_GOOD)
        printf("# %s at call %ld: %s %s\n", strerror(error), at, r.text, r.file);
    return failed;
}

TEST(A5_a_fault_at_every_call_refuses_everything_after_and_loses_nothing)
{
    static const int errors[] = {ENOSPC, EIO};
    for (int sticky = 0; sticky < 2; sticky++)
        for (size_t e = 0; e < ARRAY_LEN(errors); e++)
            for (size_t piece = 0; piece <= 70; piece += 70)
                for (long at = 1;; at++) {
                    struct bench b;
                    bench_prepare(&b);
                    bool failed = live_with_fault(&b, at, errors[e], piece, sticky != 0);
                    bench_done(&b);
                    if (!failed)
                        break;
                }
}

TEST(A5_a_fault_at_every_call_of_the_first_start_leaves_nothing_that_the_next_cannot_use)
{
    for (long at = 1;; at++) {
        struct bench b;
        bench_prepare(&b);
        b.disk = (struct disk){.fail_at = at, .error = ENOSPC, .sticky = true};
        enum err e = bench_try(&b);
        bool failed = b.disk.failed;
        CHECK(e == ERR_OK || failed);
        bench_close(&b);
        b.disk = (struct disk){0};
        bench_open(&b);
        append_n(&b, 1);
        settle(&b);
        is_good(&b);
        bench_done(&b);
        if (!failed)
            break;
    }
}

/* As above, but the log is mended in place, on a disk that fails once more at operation `again`. */
static bool recover_with_fault(struct bench *b, long at, long again)
{
    uint64_t durable = 0;
    bench_open(b);
    b->disk = (struct disk){.fail_at = at, .error = ENOSPC, .short_write = 60};
    for (int i = 0; i < 3; i++) {
        (void)!audit_append(b->a, "loose", STR("{}"), b->now, NULL);
        if (audit_append_durable(b->a, "sample", STR("{}"), b->now, NULL) == ERR_OK)
            durable = audit_last_seq(b->a);
    }
    bool failed = b->disk.failed;
    if (failed && audit_broken(b->a) != NULL) {
        b->disk.fail_at = again != 0 ? b->disk.operations + again : 0;
        enum err e = audit_recover(b->a, b->now);
        CHECK(e == ERR_OK || e == ERR_IO);
        if (e != ERR_OK) {
            CHECK(audit_broken(b->a) != NULL);
            CHECK_ERR(audit_append(b->a, "loose", STR("{}"), b->now, NULL), ERR_IO);
            CHECK_OK(audit_recover(b->a, b->now));
        }
        CHECK(audit_broken(b->a) == NULL);
    }
    b->disk.fail_at = 0;
    append_n(b, 2);
    settle(b);
    struct audit_report r = verify(b);
    CHECK(r.fault == AUDIT_GOOD && r.records >= durable + 2 && r.records == audit_last_seq(b->a));
    bench_close(b);
    bench_open(b);
    append_n(b, 1);
    is_good(b);
    return failed;
}

TEST(L6_a_log_on_a_disk_that_is_well_again_goes_on_behind_what_was_durable)
{
    for (long again = 0; again < 6; again++)
        for (long at = 1;; at++) {
            struct bench b;
            bench_prepare(&b);
            bool failed = recover_with_fault(&b, at, again);
            bench_done(&b);
            if (!failed)
                break;
        }
}

TEST(A12_a_recovery_says_what_was_left_behind_and_what_was_not_recorded)
{
    struct bench b;
    bench_init(&b);
    append_n(&b, 2);
    settle(&b);
    b.disk = (struct disk){.fail_at = 2, .error = EIO}; /* the write comes through, the sync fails */
    CHECK_OK(audit_append(b.a, "loose", STR("{}"), b.now, NULL));
    CHECK_ERR(audit_append_durable(b.a, "sample", STR("{}"), b.now, NULL), ERR_IO);
    long syncs = b.disk.syncs;
    for (int i = 0; i < 3; i++)
        CHECK_ERR(audit_append(b.a, "sample", STR("{}"), b.now, NULL), ERR_IO);
    CHECK_ERR(audit_sync(b.a), ERR_IO);
    CHECK(b.disk.syncs == syncs); /* A5: a failed sync is never tried again */
    CHECK_OK(audit_recover(b.a, b.now));
    CHECK(audit_last_seq(b.a) == 3);
    struct parts p = take_apart(b.dir);
    CHECK(p.n == 1 && str_contains(p.frames[0], STR("{\"cut_records\":2,\"not_recorded\":3}")));
    settle(&b);
    is_good(&b);
    free(p.file.text);
    bench_done(&b);
}

TEST(a_broken_log_says_why)
{
    struct bench b;
    bench_init(&b);
    settle(&b);
    b.disk = (struct disk){.fail_at = 1, .error = ENOSPC};
    CHECK_ERR(audit_append_durable(b.a, "sample", STR("{}"), b.now, NULL), ERR_IO);
    CHECK(audit_broken(b.a) != NULL && strstr(audit_broken(b.a), "No space left") != NULL);
    CHECK_ERR(audit_sync(b.a), ERR_IO);
    bench_done(&b);
}

TAP_MAIN(T(every_flipped_byte_of_the_journal_is_found_in_its_record), T(every_flipped_byte_of_every_file_is_found),
         T(A4_a_missing_record_is_a_gap), T(a_reordered_and_a_repeated_record_are_named), T(a_cut_end_is_named),
         T(a_record_replaced_by_a_whole_other_one_is_named), T(a_record_added_behind_the_signed_ones_is_not_signed),
         T(two_logs_spliced_are_named), T(an_older_copy_looks_well_and_a_kept_checkpoint_names_it),
         T(a_fork_is_named_by_a_kept_checkpoint), T(a_log_whose_records_were_changed_is_not_continued),
         T(A12_a_torn_tail_is_left_behind_and_recorded_wherever_it_was_torn),
         T(A5_a_fault_at_every_call_refuses_everything_after_and_loses_nothing),
         T(A5_a_fault_at_every_call_of_the_first_start_leaves_nothing_that_the_next_cannot_use),
         T(L6_a_log_on_a_disk_that_is_well_again_goes_on_behind_what_was_durable),
         T(A12_a_recovery_says_what_was_left_behind_and_what_was_not_recorded), T(a_broken_log_says_why))
