/* The broker while workers go, it stops anywhere, and disks break. */
#include "broker_rig.h"

/* --- Workers that go ------------------------------------------------------------------------- */

TEST(A2_what_a_lost_worker_held_is_withdrawn_and_what_it_ran_is_unknown)
{
    struct rig r;
    struct request q;
    rig_init(&r);
    hello(&r, 0);
    hello(&r, 1);
    uint64_t held = submit(&r, 0, 1), ran = submit(&r, 0, 2), others = submit(&r, 1, 1);
    CHECK_OK(approve(&r, "ana", ran));
    claim(&r, 0, 2, ran);
    broker_worker_lost(r.b, 0, r.now);
    CHECK(state_of(&r, held) == REQUEST_WITHDRAWN && state_of(&r, ran) == REQUEST_UNKNOWN);
    CHECK(state_of(&r, others) == REQUEST_PENDING && r.seen->count[LINK_ENDED] == 0);
    CHECK_OK(broker_get(r.b, held, &r.a, &q));
    hello(&r, 0); /* its successor knows nothing of it */
    CHECK_OK(result(&r, 0, ran, OUTCOME_COMPLETED));
    CHECK(state_of(&r, ran) == REQUEST_UNKNOWN);
    CHECK_ERR(approve(&r, "ana", held), ERR_BAD_STATE);
    rig_done(&r);
}

TEST(a_kept_request_waits_without_its_client_and_the_same_action_attaches)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    hello(&r, 1);
    struct link_submit s = a_submit(1);
    s.keep_on_disconnect = true;
    CHECK_OK(submit_as(&r, 0, s));
    uint64_t id = r.seen->request;
    struct link_message gone = {.type = LINK_WITHDRAW,
                                .withdraw = {.hold = 1, .request = id, .gone = true}};
    CHECK_OK(say(&r, 0, gone));
    CHECK(r.seen->count[LINK_ENDED] == 1 && state_of(&r, id) == REQUEST_PENDING);
    CHECK_OK(approve(&r, "ana", id));
    CHECK(r.seen->count[LINK_APPROVED] == 0); /* nobody is there */
    struct link_submit other = a_submit(5);
    other.subject = STR("dev2");
    CHECK_OK(submit_as(&r, 1, other));
    CHECK(r.seen->request != id); /* another's request is not theirs to take */
    struct link_submit stricter = s;
    stricter.hold = 7;
    stricter.guardrails = STR("bulk-write,at-night");
    CHECK_OK(submit_as(&r, 1, stricter));
    CHECK(r.seen->request != id); /* nor is an approval good for more than it was asked for */
    static const struct str from[] = {STR_INIT("dba")};
    static const struct requirement two[] = {{.from = from, .n_from = 1, .count = 2}};
    stricter = s;
    stricter.hold = 8;
    stricter.quorum = (struct quorum){.reqs = two, .n_reqs = 1};
    CHECK_OK(submit_as(&r, 1, stricter));
    CHECK(r.seen->request != id && r.seen->count[LINK_APPROVED] == 0);
    s.hold = 6;
    CHECK_OK(submit_as(&r, 1, s));
    CHECK(r.seen->request == id && r.seen->count[LINK_APPROVED] == 1 && r.seen->worker == 1);
    claim(&r, 0, 1, id); /* the first holder has no say any more */
    CHECK(r.seen->count[LINK_CLAIMED] == 0);
    claim(&r, 1, 6, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 1);
    CHECK(count_kind(&r, "detached") == 1 && count_kind(&r, "attached") == 1);
    rig_done(&r);
}

/* --- The broker comes back --------------------------------------------------------------------- */

TEST(L3_held_requests_come_back_with_the_same_digest)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t pending = submit(&r, 0, 1), approved = submit(&r, 0, 2), running = submit(&r, 0, 3);
    CHECK_OK(approve(&r, "ana", approved));
    CHECK_OK(approve(&r, "ana", running));
    claim(&r, 0, 3, running);
    rig_restart(&r);
    int told = r.seen->count[LINK_APPROVED];
    struct digest d = digest_of(ENVELOPE);
    const struct link_open_hold holds[] = {{1, pending, d}, {2, approved, d}};
    CHECK_OK(hello_with(&r, 0, holds, 2, &running, 1));
    CHECK(r.seen->count[LINK_APPROVED] == told + 1 && r.seen->request == approved);
    CHECK(r.seen->count[LINK_ENDED] == 0);
    claim(&r, 0, 2, approved);
    CHECK_OK(approve(&r, "bo", pending));
    claim(&r, 0, 1, pending);
    CHECK(r.seen->count[LINK_CLAIMED] == 3);
    CHECK_OK(result(&r, 0, running, OUTCOME_FAILED));
    CHECK(state_of(&r, running) == REQUEST_FAILED);
    rig_done(&r);
}

TEST(L3_what_its_worker_does_not_name_again_ends)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t pending = submit(&r, 0, 1), running = submit(&r, 0, 2), wrong = submit(&r, 0, 3);
    CHECK_OK(approve(&r, "ana", running));
    claim(&r, 0, 2, running);
    rig_restart(&r);
    const struct link_open_hold holds[] = {{3, wrong, digest_of(STR("other"))}, {9, 0, {{0}}}};
    CHECK_OK(hello_with(&r, 0, holds, 2, NULL, 0));
    CHECK(r.seen->count[LINK_ENDED] == 2 && r.seen->end == END_UNAVAILABLE);
    CHECK(state_of(&r, pending) == REQUEST_WITHDRAWN && state_of(&r, wrong) == REQUEST_WITHDRAWN);
    CHECK(state_of(&r, running) == REQUEST_UNKNOWN);
    rig_done(&r);
}

TEST(L3_a_worker_cannot_name_what_another_held)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK_OK(approve(&r, "ana", id));
    rig_restart(&r);
    const struct link_open_hold hold = {1, id, digest_of(ENVELOPE)};
    CHECK_OK(hello_with(&r, 1, &hold, 1, &id, 1));
    CHECK(r.seen->end == END_UNAVAILABLE && r.seen->count[LINK_ENDED] == 1);
    CHECK_OK(hello_with(&r, 0, &hold, 1, NULL, 0)); /* its own may */
    claim(&r, 0, 1, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 1);
    rig_done(&r);
}

TEST(a_claim_that_never_came_to_the_broker_ends_what_the_worker_refused)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK_OK(approve(&r, "ana", id));
    rig_restart(&r);
    CHECK_OK(hello_with(&r, 0, NULL, 0, &id, 1));
    CHECK(state_of(&r, id) == REQUEST_WITHDRAWN);
    CHECK_OK(result(&r, 0, id, OUTCOME_FAILED));
    CHECK(state_of(&r, id) == REQUEST_WITHDRAWN);
    rig_done(&r);
}

TEST(L1_after_the_grace_what_no_worker_named_is_withdrawn_unless_kept)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t dropped = submit(&r, 0, 1), running = submit(&r, 0, 2);
    CHECK_OK(approve(&r, "ana", running));
    claim(&r, 0, 2, running);
    struct link_submit s = a_submit(3);
    s.keep_on_disconnect = true;
    CHECK_OK(submit_as(&r, 0, s));
    uint64_t kept = r.seen->request;
    rig_restart(&r);
    broker_tick(r.b, r.now);
    CHECK(state_of(&r, dropped) == REQUEST_PENDING);
    pass(&r, LIMIT_LINK_GRACE_MS * NS_PER_MS);
    CHECK(broker_next_deadline(r.b) <= r.now.mono_ns);
    broker_tick(r.b, r.now);
    CHECK(state_of(&r, dropped) == REQUEST_WITHDRAWN && state_of(&r, kept) == REQUEST_PENDING);
    CHECK(state_of(&r, running) == REQUEST_UNKNOWN);
    rig_done(&r);
}

TEST(L3_after_a_restart_of_everything_nothing_waits_for_old_workers)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t pending = submit(&r, 0, 1), running = submit(&r, 0, 2);
    CHECK_OK(approve(&r, "ana", running));
    claim(&r, 0, 2, running);
    (void)snprintf(r.instance, sizeof(r.instance), "k2");
    rig_restart(&r);
    CHECK(state_of(&r, pending) == REQUEST_WITHDRAWN && state_of(&r, running) == REQUEST_UNKNOWN);
    rig_done(&r);
}

TEST(L8_a_restart_does_not_extend_a_deadline)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    struct link_submit s = a_submit(1);
    s.keep_on_disconnect = true;
    CHECK_OK(submit_as(&r, 0, s));
    uint64_t id = r.seen->request;
    r.now.wall_ns -= 86400 * NS_PER_S; /* set back while the broker was down */
    rig_restart(&r);
    r.now.mono_ns += 60 * NS_PER_S;
    broker_tick(r.b, r.now);
    CHECK(state_of(&r, id) == REQUEST_EXPIRED);
    rig_done(&r);
}

/* --- Crashes and broken disks -------------------------------------------------------------------- */

/* What the worker knows of its one hold, kept over the death of the broker. */
static enum err tell_impact(struct rig *r, uint32_t worker, uint64_t hold, unsigned char shape, const char *json)
{
    struct link_impact i = {.hold = hold, .shape = {{shape}}, .json = str_of(json)};
    return say(r, worker, (struct link_message){.type = LINK_IMPACT, .impact = i});
}

static struct broker_impact impact_of(struct rig *r, uint64_t request, struct arena *a)
{
    struct request q;
    struct broker_impact i = {.json = {NULL, 0}};
    CHECK_OK(broker_get(r->b, request, a, &q));
    CHECK_OK(broker_impact(r->b, &q, a, &i));
    return i;
}

TEST(the_impact_is_kept_beside_the_request_and_recorded)
{
    struct rig r;
    struct arena a;
    rig_init(&r);
    arena_init(&a, 64 * MIB);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK(impact_of(&r, id, &a).json.n == 0);
    CHECK_OK(tell_impact(&r, 0, 1, 5, "{\"taken\":1}"));
    CHECK_STR(impact_of(&r, id, &a).json, "{\"taken\":1}");
    CHECK(count_kind(&r, "impact") == 1);
    CHECK_OK(tell_impact(&r, 0, 1, 5, "{\"taken\":2}"));
    CHECK_STR(impact_of(&r, id, &a).json, "{\"taken\":2}");
    rig_restart(&r);
    CHECK_STR(impact_of(&r, id, &a).json, "{\"taken\":2}");
    arena_done(&a);
    rig_done(&r);
}

TEST(an_impact_for_what_is_over_or_was_never_held_changes_nothing)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    hello(&r, 1);
    (void)submit(&r, 0, 1);
    CHECK_OK(tell_impact(&r, 0, 2, 5, "{}"));
    CHECK_OK(tell_impact(&r, 1, 1, 5, "{}"));
    CHECK_OK(tell_impact(&r, 0, 0, 5, "{}"));
    CHECK(count_kind(&r, "impact") == 0);
    rig_done(&r);
}

TEST(an_impact_that_is_no_object_on_one_line_ends_its_worker)
{
    static const char *const bad[] = {"", "x", "[]", "{}{}", "{\"a\":\n1}", "\"x\""};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct rig r;
        rig_init(&r);
        hello(&r, 0);
        (void)submit(&r, 0, 1);
        CHECK_ERR(tell_impact(&r, 0, 1, 5, bad[i]), ERR_PROTOCOL);
        rig_done(&r);
    }
}

/* What ended counts, of the same shape, before this one. */
TEST(how_earlier_ones_of_a_shape_ended_is_counted)
{
    struct rig r;
    struct arena a;
    rig_init(&r);
    arena_init(&a, 64 * MIB);
    hello(&r, 0);
    uint64_t first = submit(&r, 0, 1);
    CHECK_OK(tell_impact(&r, 0, 1, 5, "{}"));
    CHECK_OK(approve(&r, "ana", first));
    claim(&r, 0, 1, first);
    CHECK_OK(result(&r, 0, first, OUTCOME_COMPLETED));
    uint64_t other = submit(&r, 0, 2);
    CHECK_OK(tell_impact(&r, 0, 2, 6, "{}"));
    CHECK(impact_of(&r, other, &a).ended[REQUEST_COMPLETED] == 0);
    uint64_t again = submit(&r, 0, 3);
    CHECK_OK(tell_impact(&r, 0, 3, 5, "{}"));
    struct broker_impact i = impact_of(&r, again, &a);
    CHECK(i.ended[REQUEST_COMPLETED] == 1 && i.ended[REQUEST_REJECTED] == 0);
    CHECK(impact_of(&r, first, &a).ended[REQUEST_COMPLETED] == 0);
    uint64_t shapeless = submit(&r, 0, 4);
    CHECK_OK(tell_impact(&r, 0, 4, 0, "{}"));
    CHECK(impact_of(&r, shapeless, &a).ended[REQUEST_COMPLETED] == 0);
    arena_done(&a);
    rig_done(&r);
}

static void live_once(struct rig *r, uint64_t *id)
{
    struct digest d = digest_of(ENVELOPE);
    hello(r, 0);
    (void)submit_as(r, 0, a_submit(1));
    *id = r->seen->request;
    if (r->seen->count[LINK_SUBMITTED] == 0)
        return;
    (void)vote_with(r, "ana", *id, VOTE_APPROVE, d, NULL);
    (void)claim_with(r, 0, 1, *id, d);
    (void)result(r, 0, *id, OUTCOME_COMPLETED);
}

/* Everything that somebody could try again after the crash. */
static void try_again(struct rig *r, uint64_t id)
{
    struct digest d = digest_of(ENVELOPE);
    bool ran = r->seen->count[LINK_CLAIMED] != 0;
    const struct link_open_hold hold = {1, id, d};
    CHECK_OK(hello_with(r, 0, &hold, ran ? 0 : 1, &id, ran ? 1 : 0));
    (void)vote_with(r, "bo", id, VOTE_APPROVE, d, NULL);
    for (int i = 0; i < 3; i++)
        (void)claim_with(r, 0, 1, id, d);
    pass(r, 100 * NS_PER_S);
    broker_tick(r->b, r->now);
    (void)claim_with(r, 0, 1, id, d);
}

static bool crash_at(long at)
{
    struct rig r;
    int status = 0;
    rig_init(&r);
    broker_free(r.b, r.now);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        uint64_t id;
        rig_open(&r);
        disk.calls = 0;
        disk.at = at;
        disk.what = FAULT_EXIT;
        live_once(&r, &id);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    bool crashed = WEXITSTATUS(status) == 77;
    uint64_t id = r.seen->request;
    rig_open(&r);
    if (r.b != NULL && id != 0)
        try_again(&r, id);
    CHECK(r.seen->count[LINK_CLAIMED] <= 1);
    /* Every claim that was answered has its record, and one that has two was undone in between. */
    CHECK(count_kind(&r, "running") <= 1 + count_kind(&r, "undone"));
    CHECK(count_kind(&r, "running") >= r.seen->count[LINK_CLAIMED]);
    CHECK(count_kind(&r, "approved") >= (r.seen->count[LINK_APPROVED] != 0));
    rig_done(&r);
    return crashed;
}

TEST(S3_A1_a_crash_at_any_disk_operation_never_runs_it_twice_nor_unrecorded)
{
    long crashes = 0;
    while (crash_at(crashes + 1) && crashes < 100)
        crashes++;
    CHECK(crashes >= 8 && crashes < 100);
}

static bool disk_breaks_at(long at)
{
    struct rig r;
    uint64_t id = 0;
    rig_init(&r);
    disk.calls = 0;
    disk.at = at;
    disk.what = FAULT_EIO; /* from here on */
    live_once(&r, &id);
    bool broke = disk.calls >= at;
    struct str why;
    struct seen before = *r.seen;
    CHECK(broker_health(r.b, &why) == !broke);
    CHECK(!broke || why.n != 0);
    if (broke) { /* S12, L6: nothing new is taken, approved or released */
        CHECK_OK(submit_as(&r, 0, a_submit(50)));
        CHECK(r.seen->end == END_UNAVAILABLE);
        if (id != 0) {
            CHECK(approve(&r, "bo", id) != ERR_OK);
            claim(&r, 0, 1, id);
        }
        CHECK(r.seen->count[LINK_SUBMITTED] == before.count[LINK_SUBMITTED] &&
              r.seen->count[LINK_APPROVED] == before.count[LINK_APPROVED] &&
              r.seen->count[LINK_CLAIMED] == before.count[LINK_CLAIMED]);
    }
    disk.what = FAULT_NONE;
    rig_restart(&r); /* L6: recovery needs no repair */
    if (id != 0)
        try_again(&r, id);
    CHECK(r.seen->count[LINK_CLAIMED] <= 1);
    CHECK(broker_health(r.b, &why));
    rig_done(&r);
    return broke;
}

TEST(A5_S12_L6_a_disk_that_breaks_at_any_operation_refuses_everything_after)
{
    long at = 0;
    while (disk_breaks_at(at + 1) && at < 100)
        at++;
    CHECK(at >= 8 && at < 100);
}

TEST(L6_when_the_disk_is_well_again_the_broker_goes_on_by_itself)
{
    for (long at = 1; at <= 12; at++) {
        struct rig r;
        struct str why;
        uint64_t id = 0;
        rig_init(&r);
        disk.calls = 0;
        disk.at = at;
        disk.what = FAULT_EIO;
        live_once(&r, &id);
        int ran = r.seen->count[LINK_CLAIMED];
        for (int i = 0; i < 3; i++) {
            struct broker_metrics m;
            pass(&r, NS_PER_S);
            broker_tick(r.b, r.now);
            broker_metrics(r.b, &m);
            CHECK(m.audit_healthy || r.seen->count[LINK_LOG] % 2 == 1); /* the worker knows */
            CHECK(m.audit_healthy ||
                  broker_next_deadline(r.b) <= r.now.mono_ns + LIMIT_AUDIT_RETRY_MS * NS_PER_MS);
        }
        disk.what = FAULT_NONE;
        for (int i = 0; i < 4; i++) {
            pass(&r, NS_PER_S);
            broker_tick(r.b, r.now);
        }
        uint64_t next = submit(&r, 0, 77);
        CHECK(broker_health(r.b, &why));
        CHECK_OK(approve(&r, "ana", next));
        claim(&r, 0, 77, next);
        CHECK(r.seen->count[LINK_CLAIMED] == ran + 1);
        CHECK_OK(result(&r, 0, next, OUTCOME_COMPLETED));
        CHECK(state_of(&r, next) == REQUEST_COMPLETED);
        rig_done(&r);
    }
}

TEST(S12_a_locked_store_refuses_and_recovers)
{
    struct rig r;
    sqlite3 *shell;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1), other = submit(&r, 0, 2);
    CHECK_OK(approve(&r, "ana", other));
    CHECK(sqlite3_open(r.store, &shell) == SQLITE_OK);
    CHECK(sqlite3_exec(shell, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
    CHECK_ERR(approve(&r, "ana", id), ERR_IO);
    claim(&r, 0, 2, other);
    CHECK(r.seen->count[LINK_CLAIMED] == 0 && r.seen->end == END_UNAVAILABLE);
    CHECK_OK(submit_as(&r, 0, a_submit(3)));
    CHECK(r.seen->count[LINK_ENDED] == 2);
    struct str why;
    CHECK(!broker_health(r.b, &why));
    CHECK(sqlite3_exec(shell, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
    CHECK(sqlite3_close(shell) == SQLITE_OK);
    CHECK_OK(approve(&r, "ana", id));
    claim(&r, 0, 2, other); /* its hold was answered: it never runs */
    CHECK(r.seen->count[LINK_CLAIMED] == 0);
    pass(&r, 2 * NS_PER_S);
    broker_tick(r.b, r.now);
    CHECK(state_of(&r, other) == REQUEST_WITHDRAWN && broker_health(r.b, &why));
    rig_done(&r);
}

TEST(A3_a_log_that_lost_its_end_or_is_another_is_noticed_at_the_start)
{
    struct rig r;
    struct broker_error said;
    rig_init(&r);
    hello(&r, 0);
    (void)submit(&r, 0, 1);
    broker_free(r.b, r.now);
    r.b = NULL;
    char away[160];
    (void)snprintf(away, sizeof(away), "%s.away", r.audit);
    CHECK(rename(r.audit, away) == 0);
    CHECK_ERR(rig_try(&r, &said), ERR_CORRUPT);
    CHECK_ERR(rig_try(&r, &said), ERR_CORRUPT); /* still, the second time */
    CHECK(strstr(said.text, "audit") != NULL);
    char remove[160];
    (void)snprintf(remove, sizeof(remove), "rm -r %s", r.audit);
    CHECK(system(remove) == 0); /* a new one was begun */
    CHECK(rename(away, r.audit) == 0);
    rig_open(&r);
    rig_done(&r);
}

/* --- The rest -------------------------------------------------------------------------------- */

TEST(tokens_are_issued_by_admins_and_end_with_their_person)
{
    static const struct people without_ana = {.list = everyone + 1, .n = ARRAY_LEN(everyone) - 1};
    static const struct broker_policy next = {.people = &without_ana, .version = STR_INIT("v2"), .files = &config, .vocabulary = STR_INIT("a.fact")};
    struct rig r;
    struct broker_error said;
    struct broker_caller ana = {.person = STR("ana")}, bo = {.person = STR("bo")};
    char text[BROKER_TOKEN_TEXT], second[BROKER_TOKEN_TEXT];
    struct str person;
    uint64_t id, id2;
    uint32_t scopes;
    rig_init(&r);
    CHECK_ERR(broker_token_create(r.b, &bo, STR("bo"), STR(""), BROKER_MAY_ALL, 0, r.now, text,
                                  &id, &said), ERR_FORBIDDEN);
    CHECK_ERR(broker_token_create(r.b, &ana, STR("x"), STR(""), BROKER_MAY_ALL, 0, r.now, text,
                                  &id, &said), ERR_NOT_FOUND);
    CHECK_OK(broker_token_create(r.b, &ana, STR("ana"), STR("laptop"), BROKER_MAY_APPROVE,
                                 r.now.wall_ns + NS_PER_S, r.now, text, &id, &said));
    CHECK_OK(broker_token_create(r.b, &ana, STR("bo"), STR(""), BROKER_MAY_ACT, 0, r.now, second,
                                 &id2, &said));
    CHECK(strlen(text) == 67 && strcmp(text, second) != 0);
    CHECK_OK(broker_token_lookup(r.b, str_of(text), r.now, &person, &scopes));
    CHECK_STR(person, "ana");
    CHECK(scopes == BROKER_MAY_APPROVE);
    CHECK_ERR(broker_token_lookup(r.b, STR("cs_00"), r.now, &person, &scopes), ERR_FORBIDDEN);
    CHECK_ERR(broker_token_lookup(r.b, STR(""), r.now, &person, &scopes), ERR_FORBIDDEN);
    struct moment later = {r.now.wall_ns + NS_PER_S, r.now.mono_ns};
    CHECK_ERR(broker_token_lookup(r.b, str_of(text), later, &person, &scopes), ERR_FORBIDDEN);
    CHECK_ERR(broker_token_revoke(r.b, &bo, id, r.now, &said), ERR_FORBIDDEN);
    CHECK_OK(broker_token_revoke(r.b, &bo, id2, r.now, &said)); /* one's own */
    CHECK_ERR(broker_token_revoke(r.b, &bo, id2, r.now, &said), ERR_BAD_STATE);
    CHECK_ERR(broker_token_lookup(r.b, str_of(second), r.now, &person, &scopes), ERR_FORBIDDEN);
    CHECK_OK(broker_set_policy(r.b, &next, STR("SIGHUP"), r.now));
    CHECK_ERR(broker_token_lookup(r.b, str_of(text), r.now, &person, &scopes), ERR_FORBIDDEN);
    CHECK(count_kind(&r, "token_created") == 2 && count_kind(&r, "token_revoked") == 1);
    rig_done(&r);
}

TEST(A9_policy_changes_are_recorded_and_what_cannot_be_handed_out_is_refused)
{
    struct rig r;
    struct str big = {calloc(1, LIMIT_LINK_MESSAGE), LIMIT_LINK_MESSAGE};
    struct link_file big_file = {STR("big.yaml"), big};
    struct link_config big_config = {&big_file, 1};
    struct broker_policy too_big = {.people = &people, .version = STR("v9"), .files = &big_config, .vocabulary = STR("a.fact")};
    rig_init(&r);
    hello(&r, 0);
    CHECK_ERR(broker_set_policy(r.b, &too_big, STR("SIGHUP"), r.now), ERR_LIMIT);
    CHECK_STR(broker_policy(r.b)->version, "v1");
    broker_policy_failed(r.b, STR("SIGHUP"), STR("line 3: no"), r.now);
    CHECK_OK(broker_set_policy(r.b, &policy, STR("SIGHUP"), r.now));
    CHECK(r.seen->count[LINK_CONFIG] == 2);
    CHECK(count_kind(&r, "policy") == 1 && count_kind(&r, "policy_refused") == 1);
    free((void *)(uintptr_t)big.p);
    rig_done(&r);
}

TEST(what_a_worker_tells_its_peers_reaches_all_the_others)
{
    struct rig r;
    rig_init(&r);
    for (uint32_t w = 0; w < 4; w++)
        hello(&r, w);
    CHECK_OK(say(&r, 2, (struct link_message){.type = LINK_PEERS,
                                              .peers = {STR("postgres"), STR("key")}}));
    CHECK(r.seen->count[LINK_PEER] == 3);
    broker_shutdown_workers(r.b);
    CHECK(r.seen->count[LINK_SHUTDOWN] == 4);
    rig_done(&r);
}

TEST(lists_and_counters_tell_what_is_there)
{
    struct rig r;
    const struct request *list;
    size_t n;
    struct broker_metrics m;
    rig_init(&r);
    hello(&r, 0);
    uint64_t a = submit(&r, 0, 1), b = submit(&r, 0, 2);
    CHECK_OK(approve(&r, "ana", b));
    struct broker_filter f = {.states = 1u << REQUEST_PENDING, .limit = 10};
    CHECK_OK(broker_list(r.b, &f, &r.a, &list, &n));
    CHECK(n == 1 && list[0].id == a && list[0].envelope.n == 0);
    f = (struct broker_filter){.limit = 10, .envelope_max = 4096};
    CHECK_OK(broker_list(r.b, &f, &r.a, &list, &n));
    CHECK(n == 2 && list[0].id == b && str_eq(list[0].envelope, ENVELOPE));
    f.limit = 0;
    CHECK_ERR(broker_list(r.b, &f, &r.a, &list, &n), ERR_INVALID);
    broker_metrics(r.b, &m);
    CHECK(m.submitted == 2 && m.approvals == 1 && m.open[REQUEST_PENDING] == 1 &&
          m.open[REQUEST_APPROVED] == 1 && m.workers_ready == 1 && m.audit_healthy &&
          m.store_healthy);
    rig_done(&r);
}

TAP_MAIN(T(A2_what_a_lost_worker_held_is_withdrawn_and_what_it_ran_is_unknown),
         T(a_kept_request_waits_without_its_client_and_the_same_action_attaches),
         T(L3_held_requests_come_back_with_the_same_digest),
         T(L3_what_its_worker_does_not_name_again_ends),
         T(L3_a_worker_cannot_name_what_another_held),
         T(a_claim_that_never_came_to_the_broker_ends_what_the_worker_refused),
         T(L1_after_the_grace_what_no_worker_named_is_withdrawn_unless_kept),
         T(L3_after_a_restart_of_everything_nothing_waits_for_old_workers),
         T(L8_a_restart_does_not_extend_a_deadline),
         T(the_impact_is_kept_beside_the_request_and_recorded),
         T(an_impact_for_what_is_over_or_was_never_held_changes_nothing),
         T(an_impact_that_is_no_object_on_one_line_ends_its_worker),
         T(how_earlier_ones_of_a_shape_ended_is_counted),
         T(S3_A1_a_crash_at_any_disk_operation_never_runs_it_twice_nor_unrecorded),
         T(A5_S12_L6_a_disk_that_breaks_at_any_operation_refuses_everything_after),
         T(L6_when_the_disk_is_well_again_the_broker_goes_on_by_itself),
         T(S12_a_locked_store_refuses_and_recovers),
         T(A3_a_log_that_lost_its_end_or_is_another_is_noticed_at_the_start),
         T(tokens_are_issued_by_admins_and_end_with_their_person),
         T(A9_policy_changes_are_recorded_and_what_cannot_be_handed_out_is_refused),
         T(what_a_worker_tells_its_peers_reaches_all_the_others),
         T(lists_and_counters_tell_what_is_there))
