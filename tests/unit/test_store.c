#include "tap.h"

#include "base/limits.h"
#include "store/store.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct bench {
    char dir[64], path[96];
    struct store *s;
    struct arena a;
};

static void bench_open(struct bench *b)
{
    struct store_error said;
    enum err e = store_open(str_of(b->path), &b->s, &said);
    CHECK_OK(e);
    if (e != ERR_OK)
        printf("# %s\n", said.text);
}

static void bench_init(struct bench *b)
{
    *b = (struct bench){.dir = "/tmp/countersign-test-XXXXXX"};
    CHECK(mkdtemp(b->dir) != NULL);
    (void)snprintf(b->path, sizeof(b->path), "%s/x.db", b->dir);
    arena_init(&b->a, 64 * MIB);
    bench_open(b);
}

static void bench_done(struct bench *b)
{
    static const char *const names[] = {"x.db", "x.db-wal", "x.db-shm", "x.db.lock"};
    store_close(b->s);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", b->dir, names[i]);
        (void)unlink(path);
    }
    CHECK(rmdir(b->dir) == 0);
    arena_done(&b->a);
}

static const struct str dba[] = {STR_INIT("dba"), STR_INIT("ana")};
static const struct str leads[] = {STR_INIT("leads")};
static const struct requirement reqs[] = {{.from = dba, .n_from = 2, .count = 2}, {.from = leads, .n_from = 1, .count = 1}};

static struct store_request sample(void)
{
    struct store_request q = {
        .r = {.state = REQUEST_PENDING, .envelope = STR("{\"countersign\":1}"),
              .context = STR("{}"), .explanation = STR("[]"), .subject = STR("dev\0x"),
              .person = STR("cy"), .on_behalf_of = STR("bo"), .resource = STR("shop"),
              .policy_version = STR("v1"), .guardrails = STR("bulk"), .message = STR("no WHERE"),
              .quorum = {.reqs = reqs, .n_reqs = 2}, .keep_on_disconnect = true, .created_wall_ns = 10,
              .decide_by_wall_ns = 20},
        .run_within_ns = 5,
        .holder = {STR("k1"), 3, 77, 9},
    };
    q.r.digest = digest_of(q.r.envelope);
    return q;
}

static uint64_t insert_one(struct bench *b)
{
    struct store_request q = sample();
    uint64_t id = 0;
    CHECK_OK(store_begin(b->s));
    CHECK_OK(store_request_insert(b->s, &q, &id));
    CHECK_OK(store_commit(b->s));
    return id;
}

static enum err move_in(struct bench *b, uint64_t id, enum request_state from,
                        enum request_state to)
{
    struct store_change c = {.from = from, .to = to};
    enum err e = store_begin(b->s);
    if (e == ERR_OK)
        e = store_request_move(b->s, id, &c);
    if (e == ERR_OK)
        e = store_commit(b->s);
    store_rollback(b->s);
    return e;
}

TEST(a_request_comes_back_whole_after_reopening)
{
    struct bench b;
    struct store_request got;
    bench_init(&b);
    uint64_t id = insert_one(&b);
    struct vote v = {.person = STR("ana"), .kind = VOTE_APPROVE, .reason = STR("fine"),
                     .digest = {{7}}, .time_wall_ns = 15, .via = STR("socket"),
                     .signature = STR("sig"), .signed_text = STR("what"),
                     .on_duty = STR("oncall"), .stood_for = STR("bo cy")};
    CHECK_OK(store_begin(b.s));
    CHECK_OK(store_vote_insert(b.s, id, &v));
    CHECK_OK(store_commit(b.s));
    store_close(b.s);
    bench_open(&b);
    CHECK_OK(store_request_get(b.s, id, &b.a, &got));
    CHECK(got.r.id == id && got.r.state == REQUEST_PENDING && got.r.keep_on_disconnect);
    CHECK(str_eq(got.r.subject, STR("dev\0x")));
    CHECK_STR(got.r.person, "cy");
    CHECK_STR(got.r.message, "no WHERE");
    CHECK(got.r.quorum.n_reqs == 2 && got.r.quorum.reqs[0].count == 2);
    CHECK_STR(got.r.quorum.reqs[0].from[1], "ana");
    CHECK_STR(got.r.quorum.reqs[1].from[0], "leads");
    CHECK(got.r.created_wall_ns == 10 && got.r.decide_by_wall_ns == 20 && got.run_within_ns == 5);
    CHECK(got.holder.worker == 3 && got.holder.pid == 77 && got.holder.hold == 9);
    CHECK_STR(got.holder.instance, "k1");
    CHECK(got.r.n_votes == 1 && got.r.votes[0].kind == VOTE_APPROVE);
    CHECK_STR(got.r.votes[0].reason, "fine");
    CHECK_STR(got.r.votes[0].signature, "sig");
    CHECK_STR(got.r.votes[0].signed_text, "what");
    CHECK_ERR(store_request_get(b.s, id + 1, &b.a, &got), ERR_NOT_FOUND);
    bench_done(&b);
}

TEST(S3_a_change_of_state_is_compare_and_set)
{
    struct bench b;
    bench_init(&b);
    uint64_t id = insert_one(&b);
    CHECK_ERR(move_in(&b, id, REQUEST_APPROVED, REQUEST_RUNNING), ERR_STALE);
    CHECK_OK(move_in(&b, id, REQUEST_PENDING, REQUEST_APPROVED));
    CHECK_ERR(move_in(&b, id, REQUEST_PENDING, REQUEST_APPROVED), ERR_STALE);
    CHECK_OK(move_in(&b, id, REQUEST_APPROVED, REQUEST_RUNNING));
    CHECK_ERR(move_in(&b, id, REQUEST_APPROVED, REQUEST_RUNNING), ERR_STALE);
    CHECK_ERR(move_in(&b, id + 1, REQUEST_PENDING, REQUEST_APPROVED), ERR_STALE);
    bench_done(&b);
}

TEST(S4_changes_that_the_life_does_not_know_are_refused)
{
    struct bench b;
    bench_init(&b);
    uint64_t id = insert_one(&b);
    CHECK_ERR(move_in(&b, id, REQUEST_PENDING, REQUEST_RUNNING), ERR_BUG);
    CHECK_ERR(move_in(&b, id, REQUEST_REJECTED, REQUEST_APPROVED), ERR_BUG);
    CHECK_ERR(move_in(&b, id, (enum request_state)0, REQUEST_APPROVED), ERR_BUG);
    bench_done(&b);
}

TEST(nothing_changes_outside_a_transaction_or_after_a_rollback)
{
    struct bench b;
    struct store_request q = sample(), got;
    struct store_change c = {.from = REQUEST_PENDING, .to = REQUEST_APPROVED};
    struct vote v = {.person = STR("ana"), .kind = VOTE_APPROVE};
    uint64_t id = 0;
    bench_init(&b);
    CHECK_ERR(store_request_insert(b.s, &q, &id), ERR_BAD_STATE);
    CHECK_ERR(store_request_move(b.s, 1, &c), ERR_BAD_STATE);
    CHECK_ERR(store_vote_insert(b.s, 1, &v), ERR_BAD_STATE);
    CHECK_ERR(store_commit(b.s), ERR_BAD_STATE);
    CHECK_OK(store_begin(b.s));
    CHECK_ERR(store_begin(b.s), ERR_BAD_STATE);
    CHECK_OK(store_request_insert(b.s, &q, &id));
    store_rollback(b.s);
    CHECK_ERR(store_request_get(b.s, id, &b.a, &got), ERR_NOT_FOUND);
    bench_done(&b);
}

TEST(I3_one_vote_of_a_person_stands)
{
    struct bench b;
    struct vote v = {.person = STR("ana"), .kind = VOTE_APPROVE};
    struct store_request got;
    bench_init(&b);
    uint64_t id = insert_one(&b);
    CHECK_OK(store_begin(b.s));
    CHECK_OK(store_vote_insert(b.s, id, &v));
    CHECK_ERR(store_vote_insert(b.s, id, &v), ERR_EXISTS);
    v.kind = VOTE_REJECT;
    CHECK_ERR(store_vote_insert(b.s, id, &v), ERR_EXISTS);
    CHECK_OK(store_vote_retract(b.s, id, STR("ana"), 77));
    CHECK_ERR(store_vote_retract(b.s, id, STR("ana"), 78), ERR_STALE);
    CHECK_OK(store_vote_insert(b.s, id, &v));
    CHECK_ERR(store_vote_insert(b.s, id + 1, &v), ERR_INVALID); /* no such request */
    CHECK_OK(store_request_get(b.s, id, &b.a, &got));
    CHECK(got.r.n_votes == 2);
    CHECK(got.r.votes[0].retracted_wall_ns == 77 && got.r.votes[1].retracted_wall_ns == 0);
    store_rollback(b.s);
    bench_done(&b);
}

TEST(a_quorum_keeps_its_stages_its_waits_and_whom_it_has_asked)
{
    static const struct str names[] = {STR_INIT("dba"), STR_INIT("leads"), STR_INIT("cto")};
    static const int64_t waits[] = {0, 10, 20};
    static const struct requirement staged[] = {
        {.from = dba, .n_from = 2, .count = 1, .asked_wall_ns = 5},
        {.from = names, .n_from = 3, .count = 2, .after_ns = waits, .stage = 1, .n_later = 3},
    };
    struct bench b;
    struct store_request q = sample(), got;
    uint64_t id;
    bench_init(&b);
    q.r.quorum = (struct quorum){
        .reqs = staged, .n_reqs = 2, .rejects = 2, .reason_to_approve = true};
    CHECK_OK(store_begin(b.s));
    CHECK_OK(store_request_insert(b.s, &q, &id));
    CHECK_OK(store_request_get(b.s, id, &b.a, &got));
    const struct quorum *r = &got.r.quorum;
    CHECK(r->rejects == 2 && r->reason_to_approve && r->n_reqs == 2);
    CHECK(r->reqs[0].after_ns == NULL && r->reqs[0].n_later == 0 && r->reqs[0].asked_wall_ns == 5);
    CHECK(r->reqs[1].stage == 1 && r->reqs[1].n_later == 3 && r->reqs[1].asked_wall_ns == 0);
    CHECK(r->reqs[1].after_ns[1] == 10 && r->reqs[1].after_ns[2] == 20);
    CHECK_OK(store_request_ask(b.s, id, 1, 1, 30));
    CHECK_OK(store_request_ask(b.s, id, 1, 2, 40));
    CHECK_ERR(store_request_ask(b.s, id, 1, 2, 50), ERR_STALE);
    CHECK_OK(store_request_get(b.s, id, &b.a, &got));
    CHECK(got.r.quorum.reqs[1].n_later == 1 && got.r.quorum.reqs[1].asked_wall_ns == 30);
    store_rollback(b.s);
    bench_done(&b);
}

static enum err use(struct bench *b, uint64_t id, const struct digest *d, const char *subject,
                    const char *resource)
{
    CHECK_OK(store_begin(b->s));
    enum err e = store_grant_use(b->s, id, d, str_of(subject), str_of(resource));
    CHECK_OK(store_commit(b->s));
    return e;
}

TEST(S3_a_grant_is_used_once_and_only_for_what_it_is_bound_to)
{
    struct bench b;
    struct digest d = {{1}}, other = {{2}};
    bench_init(&b);
    uint64_t id = insert_one(&b), id2 = insert_one(&b);
    struct store_grant g = {id, d, STR("dev"), STR("shop"), 100, 1};
    CHECK_OK(store_begin(b.s));
    CHECK_OK(store_grant_insert(b.s, &g));
    CHECK_ERR(store_grant_insert(b.s, &g), ERR_EXISTS);
    CHECK_OK(store_commit(b.s));
    CHECK_ERR(use(&b, id2, &d, "dev", "shop"), ERR_STALE);
    CHECK_ERR(use(&b, id, &other, "dev", "shop"), ERR_STALE);
    CHECK_ERR(use(&b, id, &d, "dev2", "shop"), ERR_STALE);
    CHECK_ERR(use(&b, id, &d, "dev", "shop2"), ERR_STALE);
    CHECK_OK(use(&b, id, &d, "dev", "shop"));
    CHECK_ERR(use(&b, id, &d, "dev", "shop"), ERR_STALE);
    bench_done(&b);
}

TEST(lists_are_newest_first_filtered_paged_and_without_long_envelopes)
{
    struct bench b;
    struct store_request *list;
    size_t n;
    uint64_t ids[5];
    bench_init(&b);
    for (size_t i = 0; i < 5; i++)
        ids[i] = insert_one(&b);
    CHECK_OK(move_in(&b, ids[1], REQUEST_PENDING, REQUEST_REJECTED));
    CHECK_OK(move_in(&b, ids[3], REQUEST_PENDING, REQUEST_APPROVED));
    struct store_filter f = {1u << REQUEST_PENDING, UINT64_MAX, 10, 1000};
    CHECK_OK(store_request_list(b.s, &f, &b.a, &list, &n));
    CHECK(n == 3 && list[0].r.id == ids[4] && list[1].r.id == ids[2] && list[2].r.id == ids[0]);
    CHECK(list[0].r.envelope.n != 0 && list[0].r.quorum.n_reqs == 2);
    f = (struct store_filter){UINT32_MAX, ids[4], 2, 3};
    CHECK_OK(store_request_list(b.s, &f, &b.a, &list, &n));
    CHECK(n == 2 && list[0].r.id == ids[3] && list[1].r.id == ids[2]);
    CHECK(list[0].r.state == REQUEST_APPROVED && list[0].r.envelope.n == 0);
    f = (struct store_filter){1u << REQUEST_REJECTED, UINT64_MAX, 10, 0};
    CHECK_OK(store_request_list(b.s, &f, &b.a, &list, &n));
    CHECK(n == 1 && list[0].r.id == ids[1]);
    bench_done(&b);
}

TEST(tokens_are_found_by_hash_and_revoked_once)
{
    struct bench b;
    struct store_token t = {.hash = {{5}}, .person = STR("ana"), .label = STR("laptop"),
                            .scopes = 5,
                            .created_wall_ns = 1, .expires_wall_ns = 2}, got, *list;
    struct digest other = {{6}};
    uint64_t id = 0;
    size_t n;
    bench_init(&b);
    CHECK_OK(store_begin(b.s));
    CHECK_OK(store_token_insert(b.s, &t, &id));
    CHECK_ERR(store_token_insert(b.s, &t, &id), ERR_EXISTS);
    CHECK_OK(store_commit(b.s));
    CHECK_OK(store_token_by_hash(b.s, &t.hash, &b.a, &got));
    CHECK(got.scopes == 5);
    CHECK(got.id == id && got.expires_wall_ns == 2 && got.revoked_wall_ns == 0);
    CHECK_STR(got.label, "laptop");
    CHECK_ERR(store_token_by_hash(b.s, &other, &b.a, &got), ERR_NOT_FOUND);
    CHECK_OK(store_begin(b.s));
    CHECK_OK(store_token_revoke(b.s, id, 50));
    CHECK_ERR(store_token_revoke(b.s, id, 60), ERR_STALE);
    CHECK_OK(store_commit(b.s));
    CHECK_OK(store_token_list(b.s, &b.a, &list, &n));
    CHECK(n == 1 && list[0].revoked_wall_ns == 50);
    bench_done(&b);
}

TEST(the_files_are_for_the_owner_only)
{
    static const char *const names[] = {"x.db", "x.db-wal", "x.db-shm", "x.db.lock"};
    struct bench b;
    struct stat st;
    bench_init(&b);
    (void)insert_one(&b);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", b.dir, names[i]);
        CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    }
    store_close(b.s);
    CHECK(chmod(b.path, 0644) == 0);
    bench_open(&b);
    CHECK(stat(b.path, &st) == 0 && (st.st_mode & 0777) == 0600);
    bench_done(&b);
}

TEST(a_second_process_is_refused)
{
    struct bench b;
    struct store *second = NULL;
    struct store_error said;
    bench_init(&b);
    CHECK_ERR(store_open(str_of(b.path), &second, &said), ERR_EXISTS);
    CHECK(strstr(said.text, "another gateway") != NULL);
    bench_done(&b);
}

TEST(S12_a_locked_store_is_an_error_and_works_again_after)
{
    struct bench b;
    sqlite3 *shell;
    bench_init(&b);
    CHECK(sqlite3_open(b.path, &shell) == SQLITE_OK);
    CHECK(sqlite3_exec(shell, "BEGIN EXCLUSIVE", NULL, NULL, NULL) == SQLITE_OK);
    CHECK_ERR(store_begin(b.s), ERR_IO);
    CHECK(strstr(store_error_text(b.s), "locked") != NULL);
    CHECK(sqlite3_exec(shell, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
    CHECK(sqlite3_close(shell) == SQLITE_OK);
    CHECK(insert_one(&b) != 0);
    bench_done(&b);
}

TEST(S12_a_full_store_is_an_error_and_keeps_what_it_had)
{
    struct bench b;
    struct store_request q = sample(), got;
    uint64_t id = 0;
    bench_init(&b);
    uint64_t first = insert_one(&b);
    struct str big = {calloc(1, 2 * MIB), 2 * MIB};
    q.r.envelope = big;
    q.r.digest = digest_of(big);
    struct rlimit before, small;
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    small = (struct rlimit){MIB, before.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    enum err e = store_begin(b.s);
    if (e == ERR_OK)
        e = store_request_insert(b.s, &q, &id);
    if (e == ERR_OK)
        e = store_commit(b.s);
    CHECK_ERR(e, ERR_IO);
    store_rollback(b.s);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK_OK(store_request_get(b.s, first, &b.a, &got));
    CHECK(insert_one(&b) == first + 1);
    free((void *)(uintptr_t)big.p);
    bench_done(&b);
}

TEST(what_is_not_our_database_is_refused)
{
    struct bench b;
    struct store *s = NULL;
    struct store_error said;
    sqlite3 *shell;
    bench_init(&b);
    store_close(b.s);
    b.s = NULL;
    CHECK(sqlite3_open(b.path, &shell) == SQLITE_OK);
    CHECK(sqlite3_exec(shell, "PRAGMA user_version = 999", NULL, NULL, NULL) == SQLITE_OK);
    CHECK(sqlite3_close(shell) == SQLITE_OK);
    CHECK_ERR(store_open(str_of(b.path), &s, &said), ERR_CORRUPT);
    CHECK(unlink(b.path) == 0);
    CHECK(sqlite3_open(b.path, &shell) == SQLITE_OK);
    CHECK(sqlite3_exec(shell, "CREATE TABLE t (x)", NULL, NULL, NULL) == SQLITE_OK);
    CHECK(sqlite3_close(shell) == SQLITE_OK);
    CHECK_ERR(store_open(str_of(b.path), &s, &said), ERR_CORRUPT);
    int fd = open(b.path, O_WRONLY | O_TRUNC);
    CHECK(write(fd, "not a database, but long enough to be read as the head of one........"
                    "....................................................................", 130) == 130);
    CHECK(close(fd) == 0);
    CHECK_ERR(store_open(str_of(b.path), &s, &said), ERR_CORRUPT);
    bench_done(&b);
}

TEST(S2_an_envelope_changed_in_the_store_is_found)
{
    struct bench b;
    struct store_request got;
    sqlite3 *shell;
    bench_init(&b);
    uint64_t id = insert_one(&b);
    CHECK(sqlite3_open(b.path, &shell) == SQLITE_OK);
    CHECK(sqlite3_exec(shell, "UPDATE requests SET envelope = CAST('{}' AS BLOB)", NULL, NULL,
                       NULL) == SQLITE_OK);
    CHECK(sqlite3_close(shell) == SQLITE_OK);
    CHECK_ERR(store_request_get(b.s, id, &b.a, &got), ERR_CORRUPT);
    bench_done(&b);
}

TEST(the_position_of_the_log_is_kept)
{
    struct bench b;
    struct store_position p = {99};
    bench_init(&b);
    CHECK_OK(store_position(b.s, &p));
    CHECK(p.seq == 0);
    for (uint64_t i = 5; i < 7; i++) {
        CHECK_OK(store_begin(b.s));
        CHECK_OK(store_position_set(b.s, (struct store_position){i}));
        CHECK_OK(store_commit(b.s));
    }
    CHECK_OK(store_position(b.s, &p));
    CHECK(p.seq == 6);
    bench_done(&b);
}

TAP_MAIN(T(a_request_comes_back_whole_after_reopening),
         T(S3_a_change_of_state_is_compare_and_set),
         T(S4_changes_that_the_life_does_not_know_are_refused),
         T(nothing_changes_outside_a_transaction_or_after_a_rollback),
         T(I3_one_vote_of_a_person_stands),
         T(a_quorum_keeps_its_stages_its_waits_and_whom_it_has_asked),
         T(S3_a_grant_is_used_once_and_only_for_what_it_is_bound_to),
         T(lists_are_newest_first_filtered_paged_and_without_long_envelopes),
         T(tokens_are_found_by_hash_and_revoked_once), T(the_files_are_for_the_owner_only),
         T(a_second_process_is_refused), T(S12_a_locked_store_is_an_error_and_works_again_after),
         T(S12_a_full_store_is_an_error_and_keeps_what_it_had),
         T(what_is_not_our_database_is_refused), T(S2_an_envelope_changed_in_the_store_is_found),
         T(the_position_of_the_log_is_kept))
