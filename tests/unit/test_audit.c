/* The audit log as its writer makes it. Names carry the invariant they attack: A4 no gap, A5 a failed sync is final, A7
 * erasure keeps proofs good, A11 no text becomes structure, A12 a torn tail is found, left behind and recorded. What is
 * done to a log by others is in test_audit_attack.c. */
#include "audit_bench.h"

#include "audit/journal.h"
#include "audit/leaf.h"
#include "audit/receipt.h"
#include "audit/signer.h"
#include "base/json_check.h"

TEST(a_log_that_nobody_touched_verifies_over_restarts)
{
    struct bench b;
    bench_init(&b);
    is_good(&b);
    append_n(&b, 5);
    settle(&b);
    struct audit_report r = verify(&b);
    CHECK(r.fault == AUDIT_GOOD && r.records == 5 && r.covered == 5 && r.first == 1);
    bench_close(&b);
    bench_open(&b);
    append_n(&b, 5);
    CHECK(audit_last_seq(b.a) == 10);
    bench_close(&b);
    r = verify(&b);
    CHECK(r.fault == AUDIT_GOOD && r.records == 10 && r.covered == 10);
    CHECK_STR(str_of(r.origin), "log.example/test");
    bench_done(&b);
}

struct last {
    char leaf[8192], data[8192], kind[64];
    uint64_t seq, n;
    size_t n_erased;
    int64_t wall_ns;
};

static bool keep_last(void *ctx, const struct audit_entry *e)
{
    struct last *l = ctx;
    l->n++;
    l->seq = e->seq;
    l->n_erased = e->n_erased;
    l->wall_ns = e->wall_ns;
    (void)snprintf(l->leaf, sizeof(l->leaf), "%.*s", STR_FMT(e->leaf));
    (void)snprintf(l->data, sizeof(l->data), "%.*s", (int)(e->data.n < 8000 ? e->data.n : 8000), e->data.p);
    (void)snprintf(l->kind, sizeof(l->kind), "%.*s", STR_FMT(e->kind));
    return true;
}

/* The last record from `from` on. */
static struct last read_last(struct bench *b, uint64_t from)
{
    struct last l = {.n = 0};
    CHECK_OK(audit_sync(b->a));
    CHECK_OK(audit_each(str_of(b->dir), from, keep_last, &l));
    return l;
}

TEST(a_record_is_canonical_json_of_the_documented_form)
{
    struct bench b;
    bench_init(&b);
    CHECK_OK(audit_append(b.a, "sample", STR("{\"z\" : 1.50, \"a\":{\"c\":1,\"b\":[true ,null]}}"), b.now, NULL));
    struct last l = read_last(&b, 1);
    CHECK_STR(str_of(l.leaf), "{\"data\":{\"a\":{\"b\":[true,null],\"c\":1},\"z\":1.5},\"kind\":\"sample\",\"seq\":1,"
                              "\"time\":\"1970-01-01T00:16:40.000Z\",\"v\":1}");
    CHECK_STR(str_of(l.data), "{\"a\":{\"b\":[true,null],\"c\":1},\"z\":1.5}");
    CHECK(l.wall_ns == b.now.wall_ns && l.n_erased == 0);
    bench_done(&b);
}

TEST(text_of_people_and_clients_stands_apart_and_is_put_back)
{
    struct bench b;
    bench_init(&b);
    CHECK_OK(audit_append(b.a, "sample", STR("{\"reason\":\"because\",\"by\":\"ana\"}"), b.now, NULL));
    struct last l = read_last(&b, 1);
    CHECK(strstr(l.leaf, "because") == NULL && strstr(l.leaf, "\"by\":\"ana\"") != NULL);
    CHECK(strstr(l.leaf, "\"reason\":{\"$blob\":\"") != NULL && strstr(l.leaf, "\",\"bytes\":9}") != NULL);
    CHECK_STR(str_of(l.data), "{\"by\":\"ana\",\"reason\":\"because\"}");
    bench_done(&b);
}

TEST(what_looks_like_a_commitment_from_outside_is_none)
{
    static const char in[] = "{\"$data\":{\"a\":1},\"x\":{\"$blob\":\"0000\",\"bytes\":3}}";
    struct bench b;
    bench_init(&b);
    CHECK_OK(audit_append(b.a, "sample", STR(in), b.now, NULL));
    struct last l = read_last(&b, 1);
    CHECK_STR(str_of(l.data), in);
    CHECK(l.n_erased == 0);
    CHECK_OK(audit_append(b.a, "sample", STR("{\"x\":{\"$blob\":\"0000\",\"bytes\":3}}"), b.now, NULL));
    l = read_last(&b, 2);
    CHECK_STR(str_of(l.data), "{\"x\":{\"$blob\":\"0000\",\"bytes\":3}}");
    is_good(&b);
    bench_done(&b);
}

TEST(no_leaf_is_longer_than_4_KiB_whatever_its_data)
{
    struct bench b;
    struct buf data CLEANUP(buf_done) = {0};
    bench_init(&b);
    buf_init(&data, 1 * MIB);
    for (int members = 1; members <= 200; members += 33) {
        buf_clear(&data);
        for (int i = 0; i < members; i++)
            CHECK_OK(buf_printf(&data, "%s\"m%03d\":\"%0*d\"", i == 0 ? "{" : ",", i, 20000 / members, i));
        CHECK_OK(buf_put_str(&data, STR("}")));
        CHECK_OK(audit_append(b.a, "sample", buf_view(&data), b.now, NULL));
        struct last l = read_last(&b, audit_last_seq(b.a));
        CHECK(strlen(l.leaf) <= 4096);
        CHECK(l.n == 1 && strncmp(l.data, buf_view(&data).p, 8000) == 0);
    }
    is_good(&b);
    bench_done(&b);
}

static unsigned mode_of(const struct bench *b, const char *name)
{
    char path[200];
    struct stat st;
    (void)snprintf(path, sizeof(path), "%s/%s", b->dir, name);
    return stat(path, &st) == 0 ? st.st_mode & 0777 : 0;
}

TEST(the_files_are_for_the_owner_only)
{
    static const char *const files[] = {"key", "key.pub", "checkpoint", "journal/00000000000000000001",
                                        "tile/0/000.p/1", "tile/entries/000.p/1"};
    struct bench b;
    bench_init(&b);
    append_n(&b, 1);
    settle(&b);
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        CHECK(mode_of(&b, files[i]) == 0600);
    CHECK(mode_of(&b, ".") == 0700 && mode_of(&b, "journal") == 0700 && mode_of(&b, "tile") == 0700);
    bench_close(&b);
    shell("chmod 644 %s/key", b.dir);
    CHECK_ERR(bench_try(&b), ERR_FORBIDDEN);
    CHECK(strstr(b.said, "chmod 600") != NULL);
    bench_done(&b);
}

TEST(two_writers_never_share_a_log)
{
    struct bench b;
    struct audit *second = NULL;
    struct audit_error said;
    bench_init(&b);
    CHECK_ERR(audit_open(&b.settings, NULL, b.now, &second, &said), ERR_EXISTS);
    CHECK(strstr(said.text, "another gateway") != NULL);
    bench_done(&b);
}

TEST(records_are_collected_and_synced_within_the_delay)
{
    struct bench b;
    bench_init(&b);
    settle(&b);
    CHECK(audit_due(b.a) == INT64_MAX);
    CHECK_OK(audit_append(b.a, "sample", STR("{}"), b.now, NULL));
    struct moment later = {b.now.wall_ns, b.now.mono_ns + 7};
    long before = b.disk.operations;
    CHECK_OK(audit_append(b.a, "sample", STR("{}"), later, NULL));
    CHECK(audit_due(b.a) == b.now.mono_ns + LIMIT_AUDIT_DELAY_MS * NS_PER_MS);
    CHECK(b.disk.operations == before);
    later.mono_ns = audit_due(b.a);
    audit_tick(b.a, later);
    CHECK(b.disk.operations == before + 2); /* one write, one sync for both */
    CHECK(audit_due(b.a) <= later.mono_ns + LIMIT_AUDIT_CHECKPOINT_MS * NS_PER_MS);
    settle(&b);
    CHECK(verify(&b).covered == 2);
    bench_done(&b);
}

TEST(records_that_wait_for_a_sync_are_bounded_in_number)
{
    struct bench b;
    bench_init(&b);
    long before = b.disk.syncs;
    for (int i = 0; i <= LIMIT_AUDIT_UNSYNCED; i++)
        CHECK_OK(audit_append(b.a, "sample", STR("{}"), b.now, NULL));
    CHECK(b.disk.syncs == before + 1);
    bench_done(&b);
}

TEST(A11_what_would_break_out_of_its_record_is_refused)
{
    static const char *const bad[] = {
        "",      "[]",        "{",           "{}x",       "{\"a\":1}\n{\"seq\":2}", "{\"a\":1,\"a\":2}",
        "\"a\"", "{\"a\"}",   "{\"a\":1,}",  "{\"a\":01}", "{\"a\":\"\x01\"}",      "{\"a\":\"\xff\"}",
        "{a:1}", "{\"a\":1}}", "{\"a\":nul}", "{\"a\":[1}", "{\"a\":\"\\x\"}",      " {}",
        "{\"a\":\"\\ud800\"}",
    };
    struct bench b;
    bench_init(&b);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(audit_append(b.a, "sample", str_of(bad[i]), b.now, NULL), ERR_INVALID);
    CHECK_ERR(audit_append(b.a, "Kind", STR("{}"), b.now, NULL), ERR_INVALID);
    CHECK_ERR(audit_append(b.a, "a\",\"b", STR("{}"), b.now, NULL), ERR_INVALID);
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
    CHECK_OK(audit_append_durable(b.a, "sample", (struct str){data, n}, b.now, NULL));
    append_n(&b, 1);
    CHECK(verify(&b).records == 2);
    bench_close(&b);
    bench_open(&b);
    append_n(&b, 1);
    CHECK(verify(&b).records == 3);
    memcpy(data + n - 1, "\"}", 2);
    CHECK_ERR(audit_append(b.a, "sample", (struct str){data, n + 1}, b.now, NULL), ERR_LIMIT);
    free(data);
    bench_done(&b);
}

TEST(records_from_a_number_on_are_visited_across_files)
{
    struct bench b;
    bench_init(&b);
    append_n(&b, 3);
    for (int i = 0; i < 3; i++) {
        bench_close(&b);
        bench_open(&b);
        append_n(&b, 2);
    }
    struct last l = {.n = 0};
    CHECK_OK(audit_each(str_of(b.dir), 4, keep_last, &l));
    CHECK(l.n == 6 && l.seq == 9);
    l.n = 0;
    CHECK_OK(audit_each(str_of(b.dir), 1, keep_last, &l));
    CHECK(l.n == 9);
    l.n = 0;
    CHECK_OK(audit_each(str_of(b.dir), 10, keep_last, &l));
    CHECK(l.n == 0);
    bench_done(&b);
}

TEST(a_reader_follows_the_writer_into_the_next_file)
{
    struct bench b;
    struct audit_reader *r = NULL;
    struct audit_entry e;
    bench_init(&b);
    append_n(&b, 2);
    CHECK_OK(audit_reader_open(str_of(b.dir), 2, &r));
    CHECK_OK(audit_reader_next(r, &e));
    CHECK(e.seq == 2);
    CHECK_ERR(audit_reader_next(r, &e), ERR_NOT_FOUND);
    append_n(&b, 1);
    CHECK_OK(audit_reader_next(r, &e));
    CHECK(e.seq == 3);
    bench_close(&b);
    bench_open(&b);
    CHECK_ERR(audit_reader_next(r, &e), ERR_NOT_FOUND);
    append_n(&b, 1);
    CHECK_OK(audit_reader_next(r, &e));
    CHECK(e.seq == 4);
    audit_reader_free(r);
    bench_done(&b);
}

TEST(tiles_survive_full_bundles_and_are_made_again_from_the_journal)
{
    struct bench b;
    bench_init(&b);
    append_n(&b, 700);
    settle(&b);
    is_good(&b);
    CHECK(mode_of(&b, "tile/0/001") == 0600 && mode_of(&b, "tile/0/002.p/188") == 0600 &&
          mode_of(&b, "tile/1/000.p/2") == 0600 && mode_of(&b, "tile/entries/001") == 0600);
    append_n(&b, 100);
    settle(&b);
    CHECK(mode_of(&b, "tile/0/002.p") == 0 && mode_of(&b, "tile/0/002") == 0600); /* replaced by the full one */
    shell("rm -r %s/tile", b.dir);
    CHECK(verify(&b).fault == AUDIT_TILE);
    CHECK_OK(audit_rebuild(str_of(b.dir)));
    is_good(&b);
    bench_close(&b);
    shell("rm -r %s/tile", b.dir);
    bench_open(&b); /* the start makes those of the last files */
    is_good(&b);
    bench_done(&b);
}

TEST(A4_proofs_of_every_record_check_with_the_public_key_alone)
{
    struct bench b;
    struct note_key keys[AUDIT_KEYS];
    size_t n_keys;
    bench_init(&b);
    append_n(&b, 300);
    settle(&b);
    CHECK_OK(audit_own_keys(str_of(b.dir), keys, &n_keys));
    for (uint64_t seq = 1; seq <= 300; seq += 23) {
        struct buf text CLEANUP(buf_done) = {0};
        struct receipt r CLEANUP(receipt_done) = {.number = 0};
        buf_init(&text, 1 * MIB);
        CHECK_OK(receipt_inclusion(str_of(b.dir), seq, &text));
        CHECK_OK(receipt_parse(buf_view(&text), &r));
        CHECK(r.inclusion && r.number == seq && r.checkpoint.size == 300);
        CHECK_OK(receipt_check_signature(&r, keys, n_keys));
        CHECK_OK(receipt_check_inclusion(&r));
        r.number++;
        CHECK_ERR(receipt_check_inclusion(&r), ERR_CORRUPT);
        struct buf old CLEANUP(buf_done) = {0};
        struct receipt c CLEANUP(receipt_done) = {.number = 0};
        buf_init(&old, 1 * MIB);
        CHECK_OK(receipt_consistency(str_of(b.dir), seq, &old));
        CHECK_OK(receipt_parse(buf_view(&old), &c));
        CHECK(!c.inclusion && c.number == seq);
    }
    struct buf text CLEANUP(buf_done) = {0};
    buf_init(&text, 1 * MIB);
    CHECK_ERR(receipt_inclusion(str_of(b.dir), 301, &text), ERR_NOT_FOUND);
    CHECK_ERR(receipt_consistency(str_of(b.dir), 301, &text), ERR_INVALID);
    bench_done(&b);
}

/* --- Keys ---------------------------------------------------------------------------------------- */

TEST(a_rotated_key_is_recorded_and_trusted_through_the_one_before)
{
    struct bench b;
    struct note_key old[AUDIT_KEYS], own[AUDIT_KEYS];
    size_t n_old, n_own;
    bench_init(&b);
    append_n(&b, 3);
    settle(&b);
    CHECK_OK(audit_own_keys(str_of(b.dir), old, &n_old));
    CHECK(n_old == 1);
    for (int i = 0; i < 3; i++)
        CHECK_OK(audit_rotate_key(b.a, STR("ana"), b.now));
    CHECK_OK(audit_own_keys(str_of(b.dir), own, &n_own));
    CHECK(n_own == 4 && !note_key_eq(&own[0], &old[0]) && note_key_eq(&own[3], &old[0]));
    append_n(&b, 3);
    settle(&b);
    struct audit_report r = {.fault = 0};
    struct audit_verify_options o = {.dir = str_of(b.dir), .keys = old, .n_keys = n_old};
    CHECK_OK(audit_verify(&o, &r));
    CHECK(r.fault == AUDIT_GOOD && r.records == 9);
    bench_close(&b);
    bench_open(&b);
    append_n(&b, 1);
    is_good(&b);
    bench_done(&b);
}

TEST(a_rotation_that_a_crash_cut_short_is_finished_or_forgotten)
{
    for (long at = 1;; at++) {
        struct bench b;
        bench_init(&b);
        append_n(&b, 2);
        settle(&b);
        b.disk = (struct disk){.fail_at = at, .error = EIO, .sticky = true};
        enum err e = audit_rotate_key(b.a, STR("ana"), b.now);
        CHECK(e == ERR_OK || b.disk.failed);
        bench_close(&b);
        bool failed = b.disk.failed;
        b.disk = (struct disk){0};
        bench_open(&b);
        append_n(&b, 1);
        settle(&b);
        is_good(&b);
        CHECK(mode_of(&b, "key.next") == 0);
        bench_done(&b);
        if (!failed)
            break;
    }
}

TEST(a_command_can_hold_the_key)
{
    struct bench b;
    bench_prepare(&b);
    struct note_secret s;
    struct buf pem CLEANUP(buf_done) = {0};
    char script[200], key[400];
    CHECK_OK(note_secret_new(STR("log.example/test"), NOTE_ED25519, &s));
    buf_init(&pem, 4096);
    /* RFC 8410: the seed behind a fixed head is a private key that openssl reads. */
    static const char head[] = "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    struct str parts[] = {{head, 16}, str_from(s.seed, NOTE_KEY)};
    (void)snprintf(script, sizeof(script), "%s/key.der", b.root);
    file_write(script, parts, 2);
    (void)snprintf(script, sizeof(script),
                   "cat >%s/text && openssl pkeyutl -sign -rawin -inkey %s/key.der -keyform DER -in %s/text | base64 -w0",
                   b.root, b.root, b.root);
    CHECK_OK(note_key_put(&s.key, &pem));
    (void)snprintf(key, sizeof(key), "%.*s", STR_FMT(buf_view(&pem)));
    const struct str command[] = {STR("/bin/sh"), STR("-c"), str_of(script)};
    b.settings.signer = command;
    b.settings.n_signer = 3;
    b.settings.public_key = str_of(key);
    bench_open(&b);
    append_n(&b, 2);
    bench_close(&b);
    is_good(&b);
    CHECK(mode_of(&b, "key") == 0);
    const struct str broken[] = {STR("/bin/false")};
    b.settings.signer = broken;
    b.settings.n_signer = 1;
    bench_open(&b); /* it goes on unsigned, and says so */
    append_n(&b, 1);
    CHECK(audit_unsigned(b.a) != NULL);
    bench_close(&b);
    CHECK(verify(&b).covered == 2 && verify(&b).records == 3);
    b.settings.signer = command;
    b.settings.n_signer = 3;
    bench_open(&b);
    CHECK(audit_unsigned(b.a) == NULL);
    CHECK(verify(&b).covered == 3);
    bench_done(&b);
}

/* --- Erasing, redacting -------------------------------------------------------------------------- */

static bool directory_holds(const struct bench *b, const char *word)
{
    char line[256];
    (void)snprintf(line, sizeof(line), "grep -rqa '%s' %s", word, b->dir);
    return system(line) == 0;
}

TEST(A7_erased_content_is_gone_and_every_proof_stays_good)
{
    struct bench b;
    size_t n = 0;
    bench_init(&b);
    CHECK_OK(audit_append_durable(b.a, "vote", STR("{\"reason\":\"secret-word\",\"by\":\"ana\"}"), b.now, NULL));
    append_n(&b, 2);
    settle(&b);
    CHECK(directory_holds(&b, "secret-word"));
    CHECK_ERR(audit_erase(b.a, 9, STR("bo"), STR("x"), b.now, &n), ERR_NOT_FOUND);
    CHECK_ERR(audit_erase(b.a, 0, STR("bo"), STR("x"), b.now, &n), ERR_NOT_FOUND);
    CHECK_OK(audit_erase(b.a, 1, STR("bo"), STR("asked for by ana"), b.now, &n));
    CHECK(n == 1 && !directory_holds(&b, "secret-word"));
    CHECK_ERR(audit_erase(b.a, 1, STR("bo"), STR("again"), b.now, &n), ERR_NOT_FOUND);
    settle(&b);
    struct audit_report r = verify(&b);
    CHECK(r.fault == AUDIT_GOOD && r.erased == 1 && r.records == 4);
    struct last l = read_last(&b, 4);
    CHECK_STR(str_of(l.kind), "erased");
    CHECK(strstr(l.data, "\"record\":1") != NULL && strstr(l.data, "asked for by ana") != NULL &&
          strstr(l.data, "\"member\":\"reason\"") != NULL);
    struct audit_reader *reader = NULL;
    struct audit_entry e;
    CHECK_OK(audit_reader_open(str_of(b.dir), 1, &reader));
    CHECK_OK(audit_reader_next(reader, &e));
    CHECK(e.n_erased == 1 && str_contains(e.data, STR("\"erased\":true")) && str_contains(e.data, STR("ana")));
    audit_reader_free(reader);
    bench_close(&b);
    bench_open(&b);
    is_good(&b);
    bench_done(&b);
}

TEST(A7_content_erased_behind_the_logs_back_is_named)
{
    struct bench b;
    char path[160];
    bench_init(&b);
    CHECK_OK(audit_append_durable(b.a, "vote", STR("{\"reason\":\"secret-word\"}"), b.now, NULL));
    bench_close(&b);
    journal_of(b.dir, path);
    struct file f = file_read(path);
    char *at = memmem(f.text, f.n, "\"secret-word\"", 13);
    CHECK(at != NULL);
    memset(at - APART_SALT, 0, APART_SALT + 13);
    at[-(long)APART_HEAD] = APART_ERASED;
    struct str all = {f.text, f.n};
    file_write(path, &all, 1);
    struct audit_report r = verify(&b);
    CHECK(r.fault == AUDIT_CONTENT && r.seq == 1 && strstr(r.text, "no record says so") != NULL);
    free(f.text);
    bench_done(&b);
}

/* Overwrites the content that is `word`, in quotation marks, as retention does. */
static void blank(const struct bench *b, const char *word)
{
    char path[160];
    journal_of(b->dir, path);
    struct file f = file_read(path);
    char *at = memmem(f.text, f.n, word, strlen(word));
    CHECK(at != NULL);
    if (at != NULL) {
        memset(at - APART_SALT, 0, APART_SALT + strlen(word));
        at[-(long)APART_HEAD] = APART_ERASED;
    }
    struct str all = {f.text, f.n};
    file_write(path, &all, 1);
    free(f.text);
}

TEST(A7_a_pruned_record_speaks_for_what_it_names_and_for_nothing_after_it)
{
    static const struct {
        const char *pruned;
        bool good;
    } cases[] = {{"{\"bodies\":1,\"from\":1,\"to\":1}", true},
                 {"{\"bodies\":1,\"from\":1,\"to\":9}", false},
                 {"{\"bodies\":1,\"from\":2,\"to\":2}", false},
                 {"{\"bodies\":1,\"from\":1}", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench b;
        bench_init(&b);
        CHECK_OK(audit_append_durable(b.a, "vote", STR("{\"reason\":\"old-word\"}"), b.now, NULL));
        CHECK_OK(audit_append_durable(b.a, "pruned", str_of(cases[i].pruned), b.now, NULL));
        bench_close(&b);
        blank(&b, "\"old-word\"");
        struct audit_report r = verify(&b);
        CHECK(cases[i].good ? r.fault == AUDIT_GOOD && r.erased == 1 : r.fault == AUDIT_CONTENT && r.seq == 1);
        bench_done(&b);
    }
}

TEST(A7_retention_that_fails_is_said_and_what_it_did_not_reach_stays)
{
    struct bench b;
    char path[160];
    bench_prepare(&b);
    b.settings.retain_bodies_ns = NS_PER_S;
    bench_open(&b);
    CHECK_OK(audit_append_durable(b.a, "vote", STR("{\"reason\":\"first-word\"}"), b.now, NULL));
    CHECK_OK(audit_append_durable(b.a, "vote", STR("{\"reason\":\"second-word\"}"), b.now, NULL));
    CHECK(audit_unretained(b.a) == NULL);
    journal_of(b.dir, path);
    struct file f = file_read(path);
    char *at = memmem(f.text, f.n, "\"kind\":\"vote\"", 13);
    CHECK(at != NULL);
    *at = 'X'; /* the first record is none any more */
    struct str all = {f.text, f.n};
    file_write(path, &all, 1);
    b.now.wall_ns += 10 * NS_PER_S;
    b.now.mono_ns += 10 * NS_PER_S;
    audit_tick(b.a, b.now);
    CHECK(audit_unretained(b.a) != NULL && strstr(audit_unretained(b.a), "cannot be dropped") != NULL);
    CHECK(directory_holds(&b, "second-word"));
    *at = '"';
    file_write(path, &all, 1);
    b.now.wall_ns += 10 * NS_PER_S;
    b.now.mono_ns += 10 * NS_PER_S;
    audit_tick(b.a, b.now);
    CHECK(audit_unretained(b.a) == NULL && !directory_holds(&b, "first-word") && !directory_holds(&b, "second-word"));
    free(f.text);
    bench_done(&b);
}

/* Whoever can write the directory, and has no key, can append what they like behind the last checkpoint. */
TEST(A7_an_erasure_that_is_not_signed_excuses_nothing)
{
    static const struct {
        const char *kind, *data;
    } claims[] = {{"pruned", "{\"bodies\":1,\"from\":1,\"to\":1}"}, {"erased", NULL}};
    for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
        struct bench b;
        char path[160];
        size_t n;
        bench_init(&b);
        CHECK_OK(audit_append_durable(b.a, "vote", STR("{\"reason\":\"old-word\"}"), b.now, NULL));
        settle(&b);
        (void)snprintf(path, sizeof(path), "%s/checkpoint", b.dir);
        struct file before = file_read(path);
        if (claims[i].data != NULL)
            CHECK_OK(audit_append_durable(b.a, claims[i].kind, str_of(claims[i].data), b.now, NULL));
        else
            CHECK_OK(audit_erase(b.a, 1, STR("mallory"), STR(""), b.now, &n));
        bench_close(&b);
        if (claims[i].data != NULL)
            blank(&b, "\"old-word\"");
        CHECK(verify(&b).fault == AUDIT_GOOD);
        struct str all = {before.text, before.n};
        file_write(path, &all, 1);
        struct audit_report r = verify(&b);
        CHECK(r.fault == AUDIT_CONTENT && r.seq == 1 && strstr(r.text, "signed") != NULL);
        free(before.text);
        bench_done(&b);
    }
}

TEST(A7_what_is_erased_was_signed_before)
{
    struct bench b;
    size_t n;
    bench_init(&b);
    CHECK_OK(audit_append_durable(b.a, "vote", STR("{\"reason\":\"old-word\"}"), b.now, NULL));
    CHECK_OK(audit_erase(b.a, 1, STR("bo"), STR("x"), b.now, &n));
    CHECK(verify(&b).fault == AUDIT_GOOD && verify(&b).covered == 2); /* at once, on a log that is written */
    bench_done(&b);
}

TEST(A7_redacted_text_is_sealed_and_opens_only_with_its_key)
{
    static const struct str shop[] = {STR_INIT("shop")};
    static const struct audit_redaction rule = {
        .name = STR_INIT("cards"), .resources = shop, .n_resources = 1, .text = true};
    struct bench b;
    size_t n = 0;
    bench_prepare(&b);
    b.settings.redactions = &rule;
    b.settings.n_redactions = 1;
    bench_open(&b);
    CHECK_OK(audit_append_durable(b.a, "action", STR("{\"resource\":\"shop\",\"text\":\"select secret-word\"}"), b.now,
                                  NULL));
    CHECK(!directory_holds(&b, "secret-word"));
    CHECK_OK(audit_append_durable(b.a, "action", STR("{\"resource\":\"other\",\"text\":\"select open-word\"}"), b.now,
                                  NULL));
    CHECK(directory_holds(&b, "open-word"));
    struct last l = {.n = 0};
    CHECK_OK(audit_each(str_of(b.dir), 1, keep_last, &l));
    struct audit_reader *r = NULL;
    struct audit_entry e;
    CHECK_OK(audit_reader_open(str_of(b.dir), 1, &r));
    CHECK_OK(audit_reader_next(r, &e));
    CHECK(str_contains(e.data, STR("select secret-word")) && str_contains(e.leaf, STR("\"redacted\":\"cards\"")));
    CHECK_OK(audit_reader_vault(r, "/nonexistent"));
    audit_reader_free(r);
    CHECK_OK(audit_reader_open(str_of(b.dir), 1, &r));
    CHECK_OK(audit_reader_vault(r, "/nonexistent"));
    CHECK_OK(audit_reader_next(r, &e));
    CHECK(e.n_erased == 1 && str_contains(e.data, STR("\"sealed\":true")));
    audit_reader_free(r);
    is_good(&b);
    CHECK_OK(audit_erase(b.a, 1, STR("bo"), STR(""), b.now, &n));
    CHECK(n == 1);
    CHECK_OK(audit_reader_open(str_of(b.dir), 1, &r));
    CHECK_OK(audit_reader_next(r, &e));
    CHECK(str_contains(e.data, STR("\"erased\":true")));
    audit_reader_free(r);
    is_good(&b);
    bench_done(&b);
}

TEST(a_log_of_the_earlier_format_is_named_in_the_first_record)
{
    struct bench b;
    char path[160];
    struct str old = STR("{\"seq\":1}\n");
    bench_prepare(&b);
    shell("mkdir %s", b.dir);
    (void)snprintf(path, sizeof(path), "%s/audit.jsonl", b.dir);
    file_write(path, &old, 1);
    bench_open(&b);
    CHECK(audit_took_over(b.a));
    struct last l = read_last(&b, 1);
    CHECK_STR(str_of(l.kind), "continues");
    CHECK_STR(str_of(l.data), "{\"bytes\":10,\"file\":\"audit.jsonl\",\"sha256\":\"40fe96e5dc9e9822902a3f343389fa3cd5"
                              "31c145a19eb55881b0be5e9b0962e7\"}");
    bench_close(&b);
    bench_open(&b);
    CHECK(!audit_took_over(b.a) && audit_last_seq(b.a) == 1);
    bench_done(&b);
}

TAP_MAIN(T(a_log_that_nobody_touched_verifies_over_restarts), T(a_record_is_canonical_json_of_the_documented_form),
         T(text_of_people_and_clients_stands_apart_and_is_put_back),
         T(what_looks_like_a_commitment_from_outside_is_none), T(no_leaf_is_longer_than_4_KiB_whatever_its_data),
         T(the_files_are_for_the_owner_only), T(two_writers_never_share_a_log),
         T(records_are_collected_and_synced_within_the_delay),
         T(records_that_wait_for_a_sync_are_bounded_in_number),
         T(A11_what_would_break_out_of_its_record_is_refused), T(what_is_json_on_one_line_is_accepted),
         T(A4_the_largest_envelope_fits_into_a_record), T(records_from_a_number_on_are_visited_across_files),
         T(a_reader_follows_the_writer_into_the_next_file),
         T(tiles_survive_full_bundles_and_are_made_again_from_the_journal),
         T(A4_proofs_of_every_record_check_with_the_public_key_alone),
         T(a_rotated_key_is_recorded_and_trusted_through_the_one_before),
         T(a_rotation_that_a_crash_cut_short_is_finished_or_forgotten), T(a_command_can_hold_the_key),
         T(A7_erased_content_is_gone_and_every_proof_stays_good),
         T(A7_content_erased_behind_the_logs_back_is_named),
        T(A7_a_pruned_record_speaks_for_what_it_names_and_for_nothing_after_it),
         T(A7_retention_that_fails_is_said_and_what_it_did_not_reach_stays),
        T(A7_an_erasure_that_is_not_signed_excuses_nothing), T(A7_what_is_erased_was_signed_before),
        T(A7_redacted_text_is_sealed_and_opens_only_with_its_key),
         T(a_log_of_the_earlier_format_is_named_in_the_first_record))
