/* The gate while its link comes and goes, and its configuration changes. */
#include "gate_rig.h"

/* --- The link comes and goes ----------------------------------------------------------------- */

TEST(without_a_link_new_holds_are_refused_and_allowed_actions_run)
{
    struct rig r;
    struct source_session s;
    rig_init(&r);
    lose_link(&r);
    session_init(&s, &r, "hold");
    submit(&s);
    CHECK(s.verdict == VERDICT_DENY && s.kind == REFUSAL_UNAVAILABLE);
    CHECK(strstr(s.detail, "broker") != NULL);
    session_init(&s, &r, "allow");
    submit(&s);
    CHECK(s.verdict == VERDICT_ALLOW);
    rig_done(&r);
}

TEST(a_broker_that_comes_back_finds_what_waits_and_goes_on)
{
    struct rig r;
    struct source_session s, unanswered;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    session_init(&unanswered, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    submit(&unanswered);
    expect(&r, LINK_SUBMIT);
    lose_link(&r);
    CHECK(s.refusals == 0 && unanswered.refusals == 0);
    attach(&r);
    struct link_message m = expect(&r, LINK_HELLO);
    CHECK(m.hello.n_holds == 2 && m.hello.n_runs == 0);
    bool found = false, zero = false;
    for (size_t i = 0; i < m.hello.n_holds; i++) {
        found |= m.hello.holds[i].hold == n && m.hello.holds[i].request == 7 &&
                 digest_eq(&m.hello.holds[i].digest, &d);
        zero |= m.hello.holds[i].request == 0;
    }
    CHECK(found && zero);
    say_config(&r, "first");
    CHECK(expect(&r, LINK_LOADED).loaded.ok);
    CHECK(r.configured == 1); /* the same one changes nothing */
    say_submitted(&r, n, 7);
    claim_it(&r, n, 7, d);
    say_claimed(&r, n, 7, d);
    CHECK(s.releases == 1 && s.first_notices == 1);
    rig_done(&r);
}

TEST(when_the_broker_stays_away_what_waits_is_refused)
{
    struct rig r;
    struct source_session s, fresh;
    uint64_t n;
    struct digest d;
    rig_init_with(&r, "first", 600, 10000);
    session_init(&s, &r, "hold");
    session_init(&fresh, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    submit(&fresh);
    lose_link(&r);
    wait_ms(&r, 20);
    CHECK(s.refusals == 0);
    for (int i = 0; i < 200 && (s.refusals == 0 || fresh.refusals == 0); i++)
        wait_ms(&r, 20);
    CHECK(s.refusals == 1 && s.kind == REFUSAL_UNAVAILABLE && fresh.refusals == 1);
    attach(&r);
    CHECK(expect(&r, LINK_HELLO).hello.n_holds == 0);
    rig_done(&r);
}

TEST(a_claim_whose_answer_was_lost_is_refused_and_reported_as_not_run)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    claim_it(&r, n, 7, d);
    lose_link(&r);
    CHECK(s.refusals == 1 && s.releases == 0 && s.kind == REFUSAL_UNAVAILABLE);
    attach(&r);
    struct link_message m = expect(&r, LINK_HELLO);
    CHECK(m.hello.n_holds == 0 && m.hello.n_runs == 1 && m.hello.runs[0] == 7);
    m = expect(&r, LINK_RESULT);
    CHECK(m.result.request == 7 && m.result.outcome == OUTCOME_FAILED);
    CHECK(str_starts(m.result.error_message, STR("not run")));
    rig_done(&r);
}

TEST(an_outcome_without_a_link_is_kept_and_sent_after_hello)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    claim_it(&r, n, 7, d);
    say_claimed(&r, n, 7, d);
    lose_link(&r);
    struct outcome o = {.kind = RUN_FAILED, .rows = -1, .error_code = STR("23505"),
                        .error_message = STR("duplicate key")};
    s.port->ran(s.port->gate, s.run, &o);
    attach(&r);
    struct link_message m = expect(&r, LINK_HELLO);
    CHECK(m.hello.n_runs == 1 && m.hello.runs[0] == 7);
    m = expect(&r, LINK_RESULT);
    CHECK(m.result.request == 7 && m.result.outcome == OUTCOME_FAILED);
    CHECK_STR(m.result.error_code, "23505");
    CHECK(next(&r).type == 0);
    rig_done(&r);
}

TEST(a_run_under_way_is_named_to_a_broker_that_comes_back)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    claim_it(&r, n, 7, d);
    say_claimed(&r, n, 7, d);
    lose_link(&r);
    attach(&r);
    struct link_message m = expect(&r, LINK_HELLO);
    CHECK(m.hello.n_holds == 0 && m.hello.n_runs == 1 && m.hello.runs[0] == 7);
    struct outcome o = {.kind = RUN_UNKNOWN, .rows = -1};
    s.port->ran(s.port->gate, s.run, &o);
    CHECK(expect(&r, LINK_RESULT).result.outcome == OUTCOME_UNKNOWN);
    rig_done(&r);
}

TEST(a_second_link_replaces_the_first)
{
    struct rig r;
    struct source_session s, claiming;
    uint64_t n, c;
    struct digest d, e;
    rig_init(&r);
    session_init(&s, &r, "hold");
    session_init(&claiming, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    hold_it(&r, &claiming, 8, &c, &e);
    claim_it(&r, c, 8, e);
    attach(&r);
    CHECK(s.refusals == 0 && claiming.refusals == 1);
    struct link_message m = expect(&r, LINK_HELLO);
    CHECK(m.hello.n_holds == 1 && m.hello.holds[0].request == 7);
    rig_done(&r);
}

TEST(a_broker_that_does_not_answer_is_not_waited_for)
{
    for (int state = 0; state < 2; state++) {
        struct rig r;
        struct source_session s;
        uint64_t n;
        struct digest d;
        rig_init_with(&r, "first", 10000, 60);
        session_init(&s, &r, "hold");
        if (state == 0) {
            submit(&s);
            expect(&r, LINK_SUBMIT);
        } else {
            hold_it(&r, &s, 7, &n, &d);
            claim_it(&r, n, 7, d);
        }
        wait_ms(&r, 150);
        CHECK(s.refusals == 1 && s.kind == REFUSAL_UNAVAILABLE && s.releases == 0);
        expect(&r, LINK_WITHDRAW);
        if (state == 1) { /* too late: it must not run */
            say_claimed(&r, n, 7, d);
            CHECK(s.releases == 0);
            CHECK(expect(&r, LINK_RESULT).result.outcome == OUTCOME_FAILED);
        }
        rig_done(&r);
    }
}

TEST(a_hold_ends_by_its_deadline_though_the_broker_forgets_it)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init_with(&r, "first", 10000, 60);
    session_init(&s, &r, "hold briefly");
    hold_it(&r, &s, 7, &n, &d);
    wait_ms(&r, 200);
    CHECK(s.refusals == 1 && s.kind == REFUSAL_EXPIRED);
    CHECK(expect(&r, LINK_WITHDRAW).withdraw.request == 7);
    rig_done(&r);
}

TEST(a_broker_that_does_not_read_gets_no_new_holds)
{
    struct rig r;
    static struct source_session s[64];
    rig_init(&r);
    size_t held = 0;
    for (size_t i = 0; i < ARRAY_LEN(s); i++) {
        session_init(&s[i], &r, "hold");
        s[i].huge = LIMIT_ENVELOPE - 4096;
        submit(&s[i]);
        held += s[i].verdict == VERDICT_HOLD;
    }
    CHECK(held >= 10 && held <= LIMIT_LINK_BACKLOG / LIMIT_ENVELOPE + 2);
    CHECK(s[63].verdict == VERDICT_DENY && s[63].kind == REFUSAL_UNAVAILABLE);
    CHECK(gate_waiting(r.gate) == held);
    close(r.broker);
    r.broker = -1;
    rig_done(&r);
}

TEST(a_refused_session_may_submit_again_inside_the_refusal)
{
    struct rig r;
    struct source_session s, again;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    session_init(&again, &r, "hold again");
    s.submit_when_refused = &again;
    hold_it(&r, &s, 7, &n, &d);
    say_ended(&r, n, 7, END_EXPIRED, "");
    CHECK(again.verdict == VERDICT_HOLD && expect(&r, LINK_SUBMIT).submit.hold == n + 1);
    /* And while everything is refused: the new one is refused at once, the loop ends. */
    session_init(&s, &r, "hold");
    again.submit_when_refused = &s;
    lose_link(&r);
    CHECK(gate_waiting(r.gate) == 1);
    rig_done(&r);
}

/* --- Configuration, peers, sessions ---------------------------------------------------------- */

TEST(a_bad_configuration_keeps_the_last_good_one)
{
    struct rig r;
    struct source_session s;
    rig_init(&r);
    say_config(&r, "bad");
    struct link_message m = expect(&r, LINK_LOADED);
    CHECK(!m.loaded.ok && str_contains(m.loaded.error, STR("this is bad")));
    CHECK_STR(m.loaded.policy_version, "version-of-first");
    CHECK(r.configured == 1);
    session_init(&s, &r, "deny");
    submit(&s);
    CHECK(s.verdict == VERDICT_DENY && s.kind == REFUSAL_DENIED);
    say_config(&r, "second");
    m = expect(&r, LINK_RECORD);
    m = expect(&r, LINK_LOADED);
    CHECK(m.loaded.ok && r.configured == 2);
    CHECK_STR(m.loaded.policy_version, "version-of-second");
    rig_done(&r);
}

TEST(a_held_action_keeps_the_policy_it_was_judged_under)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    say_config(&r, "second gone"); /* even its resource is gone */
    expect(&r, LINK_LOADED);
    CHECK(fake_configs == 2);
    say_config(&r, "third gone");
    expect(&r, LINK_LOADED);
    s.port->identify(s.port->gate, &s.subject);
    claim_it(&r, n, 7, d);
    say_claimed(&r, n, 7, d);
    CHECK(s.releases == 1);
    struct outcome o = {.kind = RUN_COMPLETED, .rows = -1};
    s.port->ran(s.port->gate, s.run, &o);
    expect(&r, LINK_RESULT);
    rig_done(&r);
}

TEST(what_newer_guardrails_deny_does_not_run_on_an_older_approval)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold until stricter");
    hold_it(&r, &s, 7, &n, &d);
    say_config(&r, "stricter");
    expect(&r, LINK_LOADED);
    say_approved(&r, n, 7, d);
    struct link_message m = expect(&r, LINK_WITHDRAW);
    CHECK(m.withdraw.request == 7 && str_contains(m.withdraw.reason, STR("rule")));
    CHECK(s.releases == 0 && s.refusals == 1 && s.kind == REFUSAL_DENIED);
    CHECK(strstr(s.hint, "version-of-s") != NULL);
    rig_done(&r);
}

TEST(a_resource_nothing_looks_at_is_not_watched_until_a_configuration_does)
{
    struct rig r;
    rig_init_with(&r, "idle", 10000, 10000);
    CHECK(!r.port->watches(r.port->gate, NULL));
    say_config(&r, "idle all");
    expect(&r, LINK_LOADED);
    CHECK(r.port->watches(r.port->gate, NULL)); /* everything is recorded */
    say_config(&r, "second");
    expect(&r, LINK_LOADED);
    CHECK(r.port->watches(r.port->gate, NULL));
    rig_done(&r);
}

TEST(accounts_become_people_byte_for_byte)
{
    struct rig r;
    struct subject s = {.name = STR("ana")};
    rig_init(&r);
    r.port->identify(r.port->gate, &s);
    CHECK_STR(s.person, "ana");
    CHECK(s.n_groups == 1);
    s.name = STR("Ana");
    r.port->identify(r.port->gate, &s);
    CHECK(s.person.n == 0 && s.n_groups == 0);
    rig_done(&r);
}

TEST(peers_and_sessions_pass_over_the_link)
{
    struct rig r;
    struct source_session s;
    rig_init(&r);
    session_init(&s, &r, "allow");
    r.port->tell_peers(r.port->gate, "fake", STR("cancel"));
    struct link_message m = expect(&r, LINK_PEERS);
    CHECK_STR(m.peers.source, "fake");
    CHECK_STR(m.peers.bytes, "cancel");
    say(&r, &(struct link_message){.type = LINK_PEER, .peer = {STR("fake"), STR("cancel")}});
    CHECK(r.peers == 1);
    r.port->session_opened(r.port->gate, &s.subject, NULL, &s.context);
    r.port->session_closed(r.port->gate, &s.subject, NULL, &s.context);
    wait_ms(&r, 30);
    m = expect(&r, LINK_SESSION);
    CHECK(m.session.opened);
    CHECK_STR(m.session.id, "s1");
    CHECK(!expect(&r, LINK_SESSION).session.opened);
    say(&r, &(struct link_message){.type = LINK_SHUTDOWN});
    CHECK(r.shut_down == 1);
    rig_done(&r);
}

TEST(messages_that_dribble_in_byte_by_byte_mean_the_same)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    struct buf b;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    buf_init(&b, 64 * KIB);
    CHECK_OK(link_encode(&b, &(struct link_message){
                                 .type = LINK_APPROVED,
                                 .approved = {.hold = n, .request = 7, .digest = d, .by = STR("bo")}}));
    CHECK_OK(link_encode(&b, &(struct link_message){
                                 .type = LINK_CLAIMED,
                                 .claimed = {.hold = n, .request = 7, .digest = d}}));
    for (size_t i = 0; i < buf_len(&b); i++) {
        CHECK(s.releases == 0);
        CHECK(write(r.broker, buf_view(&b).p + i, 1) == 1);
        loop_turn(r.loop);
    }
    turn(&r);
    CHECK(s.releases == 1);
    buf_done(&b);
    rig_done(&r);
}

TAP_MAIN(T(without_a_link_new_holds_are_refused_and_allowed_actions_run),
         T(a_broker_that_comes_back_finds_what_waits_and_goes_on),
         T(when_the_broker_stays_away_what_waits_is_refused),
         T(a_claim_whose_answer_was_lost_is_refused_and_reported_as_not_run),
         T(an_outcome_without_a_link_is_kept_and_sent_after_hello),
         T(a_run_under_way_is_named_to_a_broker_that_comes_back),
         T(a_second_link_replaces_the_first), T(a_broker_that_does_not_answer_is_not_waited_for),
         T(a_hold_ends_by_its_deadline_though_the_broker_forgets_it),
         T(a_broker_that_does_not_read_gets_no_new_holds),
         T(a_refused_session_may_submit_again_inside_the_refusal),
         T(a_bad_configuration_keeps_the_last_good_one),
         T(a_held_action_keeps_the_policy_it_was_judged_under),
         T(what_newer_guardrails_deny_does_not_run_on_an_older_approval),
         T(a_resource_nothing_looks_at_is_not_watched_until_a_configuration_does),
         T(accounts_become_people_byte_for_byte), T(peers_and_sessions_pass_over_the_link),
         T(messages_that_dribble_in_byte_by_byte_mean_the_same))
