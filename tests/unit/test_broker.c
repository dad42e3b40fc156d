/* The life of a request in the broker. Names carry the invariant they attack (src/broker/broker.c, SECURITY.md):
 * S3 single use first. */
#include "broker_rig.h"

/* --- One life -------------------------------------------------------------------------------- */

TEST(a_request_lives_from_submit_to_result_and_every_step_is_recorded_in_order)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK_STR(str_of(r.seen->text), "1 of dba (ana, bo)"); /* cy asked for it */
    CHECK_OK(approve(&r, "ana", id));
    CHECK(r.seen->count[LINK_APPROVED] == 1);
    CHECK_STR(str_of(r.seen->by), "ana");
    struct digest d = digest_of(ENVELOPE);
    CHECK(digest_eq(&r.seen->digest, &d));
    claim(&r, 0, 1, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 1 && state_of(&r, id) == REQUEST_RUNNING);
    CHECK_OK(result(&r, 0, id, OUTCOME_COMPLETED));
    struct request q;
    CHECK_OK(broker_get(r.b, id, &r.a, &q));
    CHECK(q.state == REQUEST_COMPLETED && q.n_votes == 1);
    CHECK_STR(q.outcome, "{\"tag\":\"DELETE 3\",\"rows\":3,\"duration_ns\":12}");
    struct kinds k = kinds_of(&r);
    CHECK_STR(str_of(k.text),
              "started worker_ready opened vote approved running completed ");
    rig_done(&r);
}

static bool holds_envelope(void *ctx, const struct audit_entry *e)
{
    bool *found = ctx;
    char hex[DIGEST_HEX + 1];
    struct digest d = digest_of(ENVELOPE);
    if (str_is(e->kind, "opened"))
        *found = str_contains(e->data, STR("\"envelope\":\"{\\\"countersign\\\":1,\\\"kind\\\":\\\"sql\\\"")) &&
                 str_contains(e->data, digest_hex(&d, hex));
    return true;
}

TEST(the_record_of_a_request_holds_its_exact_envelope)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    (void)submit(&r, 0, 1);
    bool found = false;
    CHECK_OK(audit_each(str_of(r.audit), 1, holds_envelope, &found));
    CHECK(found);
    rig_done(&r);
}

static void count_event(void *ctx, const struct broker_event *e)
{
    struct rig *r = ctx;
    r->events[e->kind]++;
    CHECK(state_of(r, e->request) == e->state); /* it is stored already, and reading is allowed */
}

TEST(watchers_hear_of_it_when_it_is_stored)
{
    struct rig r;
    struct broker_subscription *s;
    rig_init(&r);
    hello(&r, 0);
    CHECK_OK(broker_subscribe(r.b, count_event, &r, &s));
    struct link_submit two = a_submit(1);
    two.quorum = (struct quorum){.reqs = two_dba, .n_reqs = 1};
    CHECK_OK(submit_as(&r, 0, two));
    uint64_t id = r.seen->request;
    CHECK_OK(approve(&r, "ana", id));
    CHECK_OK(approve(&r, "bo", id));
    CHECK(r.events[BROKER_REQUEST_OPENED] == 1 && r.events[BROKER_REQUEST_VOTED] == 1 &&
          r.events[BROKER_REQUEST_CHANGED] == 1);
    broker_unsubscribe(r.b, s);
    claim(&r, 0, 1, id);
    CHECK(r.events[BROKER_REQUEST_CHANGED] == 1 && r.deadlines == 2);
    rig_done(&r);
}

/* --- Votes ----------------------------------------------------------------------------------- */

TEST(I1_the_requester_cannot_vote_by_person_or_by_account)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK_ERR(approve(&r, "cy", id), ERR_FORBIDDEN);
    struct link_submit s = a_submit(2);
    s.person = STR(""); /* the worker does not say, but the account is cy's */
    CHECK_OK(submit_as(&r, 0, s));
    CHECK_ERR(approve(&r, "cy", r.seen->request), ERR_FORBIDDEN);
    s = a_submit(3);
    s.subject = STR("bot");
    s.person = STR("");
    s.on_behalf_of = STR("bo");
    CHECK_OK(submit_as(&r, 0, s));
    CHECK_ERR(approve(&r, "bo", r.seen->request), ERR_FORBIDDEN);
    CHECK(r.seen->count[LINK_APPROVED] == 0);
    CHECK(count_kind(&r, "vote_refused") == 3);
    rig_done(&r);
}

TEST(S2_a_vote_on_another_digest_counts_nothing)
{
    struct rig r;
    struct digest d = digest_of(STR("something else"));
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK_ERR(vote_with(&r, "ana", id, VOTE_APPROVE, d, NULL), ERR_STALE);
    CHECK(state_of(&r, id) == REQUEST_PENDING && r.seen->count[LINK_APPROVED] == 0);
    rig_done(&r);
}

TEST(I3_one_person_counts_once)
{
    struct rig r;
    enum request_state s;
    rig_init(&r);
    hello(&r, 0);
    struct link_submit two = a_submit(1);
    two.quorum = (struct quorum){.reqs = two_dba, .n_reqs = 1};
    CHECK_OK(submit_as(&r, 0, two));
    uint64_t id = r.seen->request;
    CHECK_STR(str_of(r.seen->text), "2 of dba (ana, bo)");
    CHECK_OK(vote_with(&r, "ana", id, VOTE_APPROVE, digest_of(ENVELOPE), &s));
    CHECK(s == REQUEST_PENDING);
    CHECK_ERR(approve(&r, "ana", id), ERR_EXISTS);
    CHECK(state_of(&r, id) == REQUEST_PENDING);
    CHECK_OK(vote_with(&r, "bo", id, VOTE_APPROVE, digest_of(ENVELOPE), &s));
    CHECK(s == REQUEST_APPROVED);
    CHECK_STR(str_of(r.seen->by), "ana, bo");
    rig_done(&r);
}

TEST(one_reject_ends_it_and_later_votes_find_it_over)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK_OK(vote_with(&r, "bo", id, VOTE_REJECT, digest_of(ENVELOPE), NULL));
    CHECK(r.seen->count[LINK_ENDED] == 1 && r.seen->end == END_REJECTED && r.seen->hold == 1);
    CHECK_STR(str_of(r.seen->by), "bo");
    CHECK_STR(str_of(r.seen->text), "seen");
    CHECK_ERR(approve(&r, "ana", id), ERR_BAD_STATE);
    CHECK_ERR(approve(&r, "ana", id + 1), ERR_NOT_FOUND);
    claim(&r, 0, 1, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 0);
    rig_done(&r);
}

TEST(a_reason_must_be_text_and_a_reject_needs_one)
{
    struct rig r;
    struct broker_caller ana = {.person = STR("ana"), .via = STR("http")};
    struct broker_voted voted;
    struct broker_error said;
    struct digest d = digest_of(ENVELOPE);
    char *long_text = calloc(1, LIMIT_REASON_BYTES + 1);
    memset(long_text, 'x', LIMIT_REASON_BYTES + 1);
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    const struct str bad[] = {STR(""), STR("  \n"), STR("a\xff"), STR("a\0b"),
                              {long_text, LIMIT_REASON_BYTES + 1}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(broker_vote(r.b, &ana, id, VOTE_REJECT, &d, bad[i], r.now, &r.a, &voted, &said),
                  ERR_INVALID);
    CHECK_ERR(broker_vote(r.b, &ana, id, (enum vote_kind)1, &d, STR("x"), r.now, &r.a, &voted,
                          &said), ERR_INVALID);
    CHECK_OK(broker_vote(r.b, &ana, id, VOTE_APPROVE, &d, STR(""), r.now, &r.a, &voted, &said));
    free(long_text);
    rig_done(&r);
}

TEST(who_may_decide_leaves_out_the_requester_and_who_voted)
{
    struct rig r;
    struct request q;
    const struct broker_requirement *lines;
    size_t n;
    rig_init(&r);
    hello(&r, 0);
    struct link_submit two = a_submit(1);
    two.quorum = (struct quorum){.reqs = two_dba, .n_reqs = 1};
    CHECK_OK(submit_as(&r, 0, two));
    CHECK_OK(approve(&r, "ana", r.seen->request));
    CHECK_OK(broker_get(r.b, r.seen->request, &r.a, &q));
    CHECK_OK(broker_who_may_decide(r.b, &q, (struct moment){0}, &r.a, &lines, &n));
    CHECK(n == 1 && lines[0].count == 2 && lines[0].have == 1 && lines[0].n_candidates == 1);
    CHECK_STR(lines[0].candidates[0], "bo");
    CHECK(broker_may_vote(r.b, &q, STR("bo")) && !broker_may_vote(r.b, &q, STR("ana")) &&
          !broker_may_vote(r.b, &q, STR("cy")) && !broker_may_vote(r.b, &q, STR("di")));
    rig_done(&r);
}

TEST(only_the_requester_or_the_operator_withdraws)
{
    struct rig r;
    struct broker_error said;
    struct broker_caller ana = {.person = STR("ana")}, cy = {.person = STR("cy")},
                         op = {.is_operator = true};
    rig_init(&r);
    hello(&r, 0);
    uint64_t a = submit(&r, 0, 1), b = submit(&r, 0, 2);
    CHECK_ERR(broker_withdraw(r.b, &ana, a, STR(""), r.now, &said), ERR_FORBIDDEN);
    CHECK_OK(broker_withdraw(r.b, &cy, a, STR("typo"), r.now, &said));
    CHECK(r.seen->end == END_WITHDRAWN && r.seen->request == a);
    CHECK_ERR(broker_withdraw(r.b, &cy, a, STR(""), r.now, &said), ERR_BAD_STATE);
    CHECK_OK(broker_withdraw(r.b, &op, b, STR(""), r.now, &said));
    CHECK(state_of(&r, b) == REQUEST_WITHDRAWN);
    rig_done(&r);
}

/* --- Claims ---------------------------------------------------------------------------------- */

TEST(S3_a_second_claim_runs_nothing)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK_OK(approve(&r, "ana", id));
    claim(&r, 0, 1, id);
    claim(&r, 0, 1, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 1 && r.seen->count[LINK_ENDED] == 1);
    CHECK(state_of(&r, id) == REQUEST_RUNNING);
    CHECK_OK(result(&r, 0, id, OUTCOME_COMPLETED));
    claim(&r, 0, 1, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 1);
    rig_done(&r);
}

TEST(S3_of_64_claims_by_64_workers_one_runs)
{
    struct rig r;
    rig_init(&r);
    for (uint32_t w = 0; w < 64; w++)
        hello(&r, w);
    uint64_t id = submit(&r, 17, 1);
    CHECK_OK(approve(&r, "ana", id));
    for (uint32_t w = 0; w < 64; w++)
        for (uint64_t hold = 1; hold <= 2; hold++)
            claim(&r, w, hold, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 1 && r.seen->count[LINK_ENDED] == 127);
    CHECK(count_kind(&r, "running") == 1 && count_kind(&r, "claim_refused") == 127);
    rig_done(&r);
}

TEST(S2_a_claim_with_another_digest_ends_the_request)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK_OK(approve(&r, "ana", id));
    CHECK_OK(claim_with(&r, 0, 1, id, digest_of(STR("other"))));
    CHECK(r.seen->count[LINK_CLAIMED] == 0 && r.seen->count[LINK_ENDED] == 1);
    CHECK(state_of(&r, id) == REQUEST_WITHDRAWN);
    claim(&r, 0, 1, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 0);
    rig_done(&r);
}

TEST(S1_a_claim_without_an_approval_runs_nothing)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    claim(&r, 0, 1, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 0 && state_of(&r, id) == REQUEST_WITHDRAWN);
    CHECK_ERR(approve(&r, "ana", id), ERR_BAD_STATE);
    rig_done(&r);
}

TEST(S4_what_expired_between_approval_and_claim_does_not_run)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK_OK(approve(&r, "ana", id));
    pass(&r, 30 * NS_PER_S); /* no tick in between */
    claim(&r, 0, 1, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 0 && r.seen->end == END_EXPIRED);
    CHECK(state_of(&r, id) == REQUEST_EXPIRED);
    rig_done(&r);
}

TEST(L1_a_tick_expires_what_nobody_decided_or_ran)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t undecided = submit(&r, 0, 1), unrun = submit(&r, 0, 2);
    CHECK_OK(approve(&r, "ana", unrun));
    pass(&r, NS_PER_S);
    broker_tick(r.b, r.now);
    CHECK(broker_next_deadline(r.b) == 5 * NS_PER_S + 30 * NS_PER_S);
    pass(&r, 29 * NS_PER_S);
    broker_tick(r.b, r.now);
    CHECK(state_of(&r, unrun) == REQUEST_EXPIRED && state_of(&r, undecided) == REQUEST_PENDING);
    pass(&r, 30 * NS_PER_S);
    broker_tick(r.b, r.now);
    CHECK(state_of(&r, undecided) == REQUEST_EXPIRED && r.seen->count[LINK_ENDED] == 2);
    CHECK_ERR(approve(&r, "ana", undecided), ERR_BAD_STATE);
    rig_done(&r);
}

TEST(L8_the_wall_clock_neither_extends_nor_kills)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    r.now.wall_ns += 86400 * NS_PER_S;
    broker_tick(r.b, r.now);
    CHECK(state_of(&r, id) == REQUEST_PENDING);
    r.now.wall_ns -= 3 * 86400 * NS_PER_S;
    r.now.mono_ns += 60 * NS_PER_S;
    broker_tick(r.b, r.now);
    CHECK(state_of(&r, id) == REQUEST_EXPIRED);
    rig_done(&r);
}

TEST(I2_who_lost_the_right_since_voting_does_not_count_at_the_claim)
{
    static const struct person fewer[] = {
        {.name = STR_INIT("ana")},
        {.name = STR_INIT("bo"), .groups = g_dba, .n_groups = 1},
    };
    static const struct people left = {.list = fewer, .n = 2};
    static const struct broker_policy next = {.people = &left, .version = STR_INIT("v2"), .files = &config, .vocabulary = STR_INIT("a.fact")};
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK_OK(approve(&r, "ana", id));
    CHECK_OK(broker_set_policy(r.b, &next, STR("SIGHUP"), r.now));
    CHECK(r.seen->count[LINK_CONFIG] == 2);
    claim(&r, 0, 1, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 0 && state_of(&r, id) == REQUEST_WITHDRAWN);
    CHECK(count_kind(&r, "policy") == 1);
    rig_done(&r);
}

TEST(a_word_of_withdrawal_ends_it_also_when_it_crosses_the_approval)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    for (uint64_t hold = 1; hold <= 2; hold++) {
        uint64_t id = submit(&r, 0, hold);
        if (hold == 2)
            CHECK_OK(approve(&r, "ana", id));
        struct link_message m = {.type = LINK_WITHDRAW,
                                 .withdraw = {.hold = hold, .reason = STR("Ctrl-C")}};
        int before = r.seen->count[LINK_ENDED];
        CHECK_OK(say(&r, 0, m));
        CHECK(r.seen->count[LINK_ENDED] == before + 1 && r.seen->end == END_WITHDRAWN);
        CHECK(state_of(&r, id) == REQUEST_WITHDRAWN);
        claim(&r, 0, hold, id);
    }
    CHECK(r.seen->count[LINK_CLAIMED] == 0);
    rig_done(&r);
}

/* --- What workers may not do ------------------------------------------------------------------- */

TEST(a_worker_speaks_in_its_state_only)
{
    struct rig r;
    struct link_message h = {.type = LINK_HELLO, .hello = {.worker = 0, .pid = 1}};
    rig_init(&r);
    CHECK_ERR(say(&r, 0, h), ERR_PROTOCOL); /* no stream */
    broker_worker_up(r.b, 0);
    for (int t = LINK_SUBMIT; t < LINK_TYPE_COUNT_; t++)
        CHECK_ERR(say(&r, 0, (struct link_message){.type = (enum link_type)t}), ERR_PROTOCOL);
    h.hello.worker = 1;
    CHECK_ERR(say(&r, 0, h), ERR_PROTOCOL); /* another's index */
    h.hello.worker = 0;
    CHECK_OK(say(&r, 0, h));
    CHECK_ERR(say(&r, 0, h), ERR_PROTOCOL); /* twice */
    for (int t = LINK_CONFIG; t < LINK_TYPE_COUNT_; t++)
        CHECK_ERR(say(&r, 0, (struct link_message){.type = (enum link_type)t}), ERR_PROTOCOL);
    CHECK_ERR(say(&r, LIMIT_WORKERS, h), ERR_PROTOCOL);
    CHECK_ERR(say(&r, 0, (struct link_message){.type = LINK_RECORD, .record = {STR("{}\n{}")}}),
              ERR_PROTOCOL);
    rig_done(&r);
}

TEST(S6_a_submission_that_is_not_what_it_says_is_refused)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    struct link_submit bad[7];
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        bad[i] = a_submit(i + 1);
    bad[0].digest = digest_of(STR("other"));
    bad[1].envelope = STR("{}\n{}");
    bad[1].digest = digest_of(bad[1].envelope);
    bad[2].context = STR("{");
    bad[3].quorum = (struct quorum){.reqs = NULL, .n_reqs = 0};
    bad[4].decide_within_ns = 0;
    bad[5].run_within_ns = INT64_MAX;
    bad[6].explanation = STR("nothing");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK_OK(submit_as(&r, 0, bad[i]));
        CHECK(r.seen->count[LINK_ENDED] == (int)i + 1 && r.seen->end == END_UNAVAILABLE);
    }
    CHECK(r.seen->count[LINK_SUBMITTED] == 0);
    CHECK_ERR(submit_as(&r, 0, a_submit(0)), ERR_PROTOCOL);
    (void)submit(&r, 0, 9);
    CHECK_ERR(submit_as(&r, 0, a_submit(9)), ERR_PROTOCOL); /* a hold is named once */
    rig_done(&r);
}

TEST(L4_one_subject_opens_so_many_requests_and_no_more)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t first = 0;
    for (uint64_t i = 1; i <= LIMIT_OPEN_REQUESTS_PER_SUBJECT; i++) {
        uint64_t id = submit(&r, 0, i);
        first = first != 0 ? first : id;
    }
    CHECK_OK(submit_as(&r, 0, a_submit(1000)));
    CHECK(r.seen->count[LINK_ENDED] == 1 && r.seen->end == END_LIMIT);
    CHECK_STR(str_of(r.seen->text), "50 requests of this account wait already: the limit");
    struct link_submit other = a_submit(1001);
    other.subject = STR("dev2");
    CHECK_OK(submit_as(&r, 0, other));
    CHECK(r.seen->count[LINK_SUBMITTED] == LIMIT_OPEN_REQUESTS_PER_SUBJECT + 1);
    CHECK_OK(vote_with(&r, "ana", first, VOTE_REJECT, digest_of(ENVELOPE), NULL));
    (void)submit(&r, 0, 1002);
    rig_done(&r);
}

TEST(what_nobody_could_approve_is_refused_at_once)
{
    static const struct str nobody[] = {STR_INIT("leads")};
    static const struct requirement of_nobody[] = {{.from = nobody, .n_from = 1, .count = 1}};
    static const struct requirement three[] = {{.from = from_dba, .n_from = 1, .count = 3}};
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    struct link_submit s = a_submit(1);
    s.quorum = (struct quorum){.reqs = of_nobody, .n_reqs = 1};
    CHECK_OK(submit_as(&r, 0, s));
    CHECK(r.seen->end == END_UNAVAILABLE && r.seen->count[LINK_ENDED] == 1);
    s = a_submit(2);
    s.quorum = (struct quorum){.reqs = three, .n_reqs = 1}; /* ana, bo, and cy who asks */
    CHECK_OK(submit_as(&r, 0, s));
    CHECK(r.seen->count[LINK_ENDED] == 2 && r.seen->count[LINK_SUBMITTED] == 0);
    rig_done(&r);
}

TAP_MAIN(T(a_request_lives_from_submit_to_result_and_every_step_is_recorded_in_order),
         T(the_record_of_a_request_holds_its_exact_envelope),
         T(watchers_hear_of_it_when_it_is_stored),
         T(I1_the_requester_cannot_vote_by_person_or_by_account),
         T(S2_a_vote_on_another_digest_counts_nothing), T(I3_one_person_counts_once),
         T(one_reject_ends_it_and_later_votes_find_it_over),
         T(a_reason_must_be_text_and_a_reject_needs_one),
         T(who_may_decide_leaves_out_the_requester_and_who_voted),
         T(only_the_requester_or_the_operator_withdraws), T(S3_a_second_claim_runs_nothing),
         T(S3_of_64_claims_by_64_workers_one_runs),
         T(S2_a_claim_with_another_digest_ends_the_request),
         T(S1_a_claim_without_an_approval_runs_nothing),
         T(S4_what_expired_between_approval_and_claim_does_not_run),
         T(L1_a_tick_expires_what_nobody_decided_or_ran),
         T(L8_the_wall_clock_neither_extends_nor_kills),
         T(I2_who_lost_the_right_since_voting_does_not_count_at_the_claim),
         T(a_word_of_withdrawal_ends_it_also_when_it_crosses_the_approval),
         T(a_worker_speaks_in_its_state_only),
         T(S6_a_submission_that_is_not_what_it_says_is_refused),
         T(L4_one_subject_opens_so_many_requests_and_no_more),
         T(what_nobody_could_approve_is_refused_at_once))
