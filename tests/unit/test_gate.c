#include "gate_rig.h"

/* --- Verdicts -------------------------------------------------------------------------------- */

TEST(an_allowed_action_costs_no_message)
{
    struct rig r;
    struct source_session s;
    rig_init(&r);
    session_init(&s, &r, "allow");
    submit(&s);
    CHECK(s.verdict == VERDICT_ALLOW && s.sub.hold == NULL);
    wait_ms(&r, 30);
    CHECK(next(&r).type == 0);
    CHECK(gate_counts(r.gate)->allowed == 1);
    rig_done(&r);
}

TEST(a_denied_action_is_answered_with_the_guardrails_message_and_recorded)
{
    struct rig r;
    struct source_session s;
    rig_init(&r);
    session_init(&s, &r, "deny");
    submit(&s);
    CHECK(s.verdict == VERDICT_DENY && s.kind == REFUSAL_DENIED);
    CHECK(strstr(s.message, "this matters") != NULL && strstr(s.detail, "rule") != NULL);
    CHECK(next(&r).type == 0);
    wait_ms(&r, 30);
    struct link_message m = expect(&r, LINK_RECORD);
    CHECK(str_contains(m.record.json, STR("\"verdict\":\"deny\"")));
    CHECK(str_contains(m.record.json, STR("\"digest\":\"")));
    CHECK(str_contains(m.record.json, STR("\"envelope\":\"{")));
    CHECK(str_contains(m.record.json, STR("\"facts\":{\"action.kind\":\"sql\"}")));
    CHECK(str_contains(m.record.json, STR("\"vocabulary\":\"0123456789abcdef\"")));
    CHECK(str_contains(m.record.json, STR("\"policy\":\"version-of-first\"")));
    rig_done(&r);
}

/* What matched but asks for less has no part in a refusal, nor in a request. */
TEST(only_the_guardrails_that_decided_are_named)
{
    static const struct {
        const char *text, *named;
    } refusals[] = {
        {"deny mixed", "Guardrail: rule, second."},
        {"unmet mixed", "Guardrail: fails, holds, rule, second."},
    };
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct rig r;
        struct source_session s;
        rig_init(&r);
        session_init(&s, &r, refusals[i].text);
        submit(&s);
        CHECK(s.verdict == VERDICT_DENY && s.kind == REFUSAL_DENIED);
        CHECK_STR(str_of(s.detail), refusals[i].named);
        rig_done(&r);
    }
    struct rig r;
    struct source_session s;
    rig_init(&r);
    session_init(&s, &r, "hold mixed");
    submit(&s);
    struct link_message m = expect(&r, LINK_SUBMIT);
    CHECK_STR(m.submit.guardrails, "fails, holds, rule, second");
    CHECK_STR(m.submit.message, "held by holds"); /* not why `fails` could not be evaluated */
    rig_done(&r);
}

TEST(no_verdict_is_a_refusal)
{
    static const char *const texts[] = {"fail", "invalid", "nobody", "facts forever"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct rig r;
        struct source_session s;
        rig_init(&r);
        session_init(&s, &r, texts[i]);
        submit(&s);
        CHECK(s.verdict == VERDICT_DENY && s.kind == REFUSAL_UNAVAILABLE && s.sub.hold == NULL);
        CHECK(gate_counts(r.gate)->allowed == 0);
        rig_done(&r);
    }
}

TEST(a_fact_that_nobody_can_obtain_holds)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "facts");
    hold_it(&r, &s, 7, &n, &d);
    claim_it(&r, n, 7, d);
    say_claimed(&r, n, 7, d);
    CHECK(s.releases == 1);
    rig_done(&r);
}

TEST(a_fact_is_asked_of_the_source_once_and_what_it_brings_decides)
{
    struct rig r;
    struct source_session s;
    rig_init(&r);
    session_init(&s, &r, "facts");
    s.lazy = (struct lazy_facts){.known = LAZY_BIT(LAZY_ESTIMATED_ROWS), .value = {5}};
    submit(&s);
    CHECK(s.asked_for == LAZY_BIT(LAZY_ESTIMATED_ROWS) && s.verdict == VERDICT_ALLOW);
    session_init(&s, &r, "allow");
    submit(&s);
    CHECK(s.asked_for == 0 && s.verdict == VERDICT_ALLOW);
    rig_done(&r);
}

TEST(the_impact_goes_to_the_broker_while_the_hold_waits)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d, shape = {{1, 2, 3}};
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    s.port->impact(s.port->gate, s.sub.hold, &shape, STR("{\"taken\":1}"));
    struct link_message m = expect(&r, LINK_IMPACT);
    CHECK(m.impact.hold == n && digest_eq(&m.impact.shape, &shape));
    CHECK_STR(m.impact.json, "{\"taken\":1}");
    rig_done(&r);
}

TEST(observed_matches_are_allowed_and_recorded_in_one_batch)
{
    struct rig r;
    struct source_session s;
    rig_init(&r);
    session_init(&s, &r, "observe");
    for (int i = 0; i < 3; i++) {
        submit(&s);
        CHECK(s.verdict == VERDICT_ALLOW);
    }
    char peek;
    CHECK(recv(r.broker, &peek, 1, MSG_PEEK | MSG_DONTWAIT) < 0); /* no write for each */
    wait_ms(&r, 40);
    for (int i = 0; i < 3; i++)
        CHECK(str_contains(expect(&r, LINK_RECORD).record.json, STR("\"mode\":\"observe\"")));
    CHECK(next(&r).type == 0);
    rig_done(&r);
}

TEST(where_all_actions_are_recorded_an_allowed_one_is_too)
{
    struct rig r;
    struct source_session s;
    rig_init_with(&r, "all", 10000, 10000);
    session_init(&s, &r, "allow");
    submit(&s);
    CHECK(s.verdict == VERDICT_ALLOW);
    wait_ms(&r, 30);
    CHECK(str_contains(expect(&r, LINK_RECORD).record.json, STR("\"verdict\":\"allow\"")));
    rig_done(&r);
}

TEST(L6_while_the_log_cannot_be_written_what_must_be_recorded_does_not_run)
{
    struct rig r;
    struct source_session s;
    rig_init_with(&r, "all", 10000, 10000);
    session_init(&s, &r, "allow");
    say(&r, &(struct link_message){.type = LINK_LOG, .log = {.works = false}});
    submit(&s);
    CHECK(s.verdict == VERDICT_DENY && s.kind == REFUSAL_UNAVAILABLE);
    say(&r, &(struct link_message){.type = LINK_LOG, .log = {.works = true}});
    submit(&s);
    CHECK(s.verdict == VERDICT_ALLOW);
    rig_done(&r);
}

TEST(what_must_be_recorded_and_cannot_be_does_not_run)
{
    struct rig r;
    struct source_session s;
    rig_init_with(&r, "all", 10000, 10000);
    session_init(&s, &r, "allow");
    lose_link(&r);
    int allowed = 0;
    for (int i = 0; i < 200000 && s.verdict != VERDICT_DENY; i++) {
        submit(&s);
        allowed += s.verdict == VERDICT_ALLOW;
    }
    CHECK(allowed > 1000 && s.verdict == VERDICT_DENY && s.kind == REFUSAL_UNAVAILABLE);
    attach(&r);
    CHECK(expect(&r, LINK_HELLO).hello.n_holds == 0);
    int records = 0;
    while (next(&r).type == LINK_RECORD)
        records++;
    CHECK(records == allowed); /* nothing that ran went unrecorded */
    submit(&s);
    CHECK(s.verdict == VERDICT_ALLOW);
    rig_done(&r);
}

TEST(an_action_too_large_to_be_shown_is_refused_with_that_reason)
{
    struct rig r;
    struct source_session s;
    rig_init(&r);
    session_init(&s, &r, "hold");
    s.huge = LIMIT_ENVELOPE;
    submit(&s);
    CHECK(s.verdict == VERDICT_DENY && s.kind == REFUSAL_UNAVAILABLE);
    CHECK(strstr(s.detail, "too large") != NULL);
    s.huge = LIMIT_ENVELOPE + 1;
    submit(&s);
    CHECK(s.verdict == VERDICT_DENY && strstr(s.detail, "too large") != NULL);
    s.huge = LIMIT_ENVELOPE - 4096;
    submit(&s);
    CHECK(s.verdict == VERDICT_HOLD);
    s.over = true;
    s.port->withdraw(s.port->gate, s.sub.hold, STR("enough"), false);
    s.huge = 0;
    s.no_describe = true;
    submit(&s);
    CHECK(s.verdict == VERDICT_DENY && strstr(s.detail, "described") != NULL);
    rig_done(&r);
}

/* --- The life of a hold ---------------------------------------------------------------------- */

TEST(an_approved_action_is_claimed_released_once_and_its_outcome_reported)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 12, &n, &d);
    CHECK_STR(str_of(s.notice), "this matters");
    claim_it(&r, n, 12, d);
    CHECK(s.releases == 0);
    say_claimed(&r, n, 12, d);
    CHECK(s.releases == 1 && s.refusals == 0 && s.run != 0);
    CHECK(next(&r).type == 0);
    struct outcome o = {.kind = RUN_COMPLETED, .tag = STR("DELETE 3"), .rows = 3, .duration_ns = 7};
    s.port->ran(s.port->gate, s.run, &o);
    struct link_message m = expect(&r, LINK_RESULT);
    CHECK(m.result.request == 12 && m.result.outcome == OUTCOME_COMPLETED && m.result.rows == 3);
    CHECK_STR(m.result.tag, "DELETE 3");
    CHECK(gate_waiting(r.gate) == 0);
    rig_done(&r);
}

TEST(submit_says_everything_the_broker_must_know)
{
    struct rig r;
    struct source_session s;
    rig_init(&r);
    session_init(&s, &r, "keep");
    submit(&s);
    struct link_message m = expect(&r, LINK_SUBMIT);
    CHECK_STR(m.submit.subject, "ana");
    CHECK_STR(m.submit.person, "ana");
    CHECK_STR(m.submit.resource, "shop");
    CHECK_STR(m.submit.guardrails, "rule");
    CHECK_STR(m.submit.message, "this matters");
    CHECK_STR(m.submit.policy_version, "version-of-first");
    CHECK(m.submit.keep_on_disconnect && m.submit.decide_within_ns == 60 * NS_PER_S);
    CHECK(m.submit.quorum.n_reqs == 1 && m.submit.quorum.reqs[0].count == 1);
    CHECK(str_contains(m.submit.context, STR("\"application\":\"psql\"")));
    CHECK(str_contains(m.submit.explanation, STR("hold")));
    CHECK(str_contains(m.submit.envelope, STR("\"action\":{\"text\":\"keep\"}")));
    rig_done(&r);
}

TEST(a_rejection_carries_who_and_why)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    say_ended(&r, n, 7, END_REJECTED, "use a WHERE");
    CHECK(s.refusals == 1 && s.kind == REFUSAL_REJECTED && s.request == 7);
    CHECK(strstr(s.message, "bo") != NULL && strcmp(s.detail, "use a WHERE") == 0);
    CHECK(s.hint[0] != '\0');
    rig_done(&r);
}

TEST(each_end_of_the_broker_has_its_kind_in_every_state_that_waits)
{
    static const struct {
        enum link_end end;
        enum refusal_kind kind;
    } ends[] = {{END_REJECTED, REFUSAL_REJECTED},
                {END_EXPIRED, REFUSAL_EXPIRED},
                {END_WITHDRAWN, REFUSAL_WITHDRAWN},
                {END_UNAVAILABLE, REFUSAL_UNAVAILABLE}};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        for (int state = 0; state < 3; state++) {
            struct rig r;
            struct source_session s;
            uint64_t n;
            struct digest d;
            rig_init(&r);
            session_init(&s, &r, "hold");
            if (state == 0) {
                submit(&s);
                n = expect(&r, LINK_SUBMIT).submit.hold;
            } else {
                hold_it(&r, &s, 7, &n, &d);
                if (state == 2)
                    claim_it(&r, n, 7, d);
            }
            say_ended(&r, n, 7, ends[i].end, "because");
            CHECK(s.refusals == 1 && s.kind == ends[i].kind && s.releases == 0);
            CHECK(gate_waiting(r.gate) == 0);
            rig_done(&r);
        }
}

TEST(a_waiting_client_is_told_again_after_the_interval)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    wait_ms(&r, 100);
    CHECK(s.notices >= 3 && s.first_notices == 1);
    rig_done(&r);
}

TEST(withdrawing_sends_the_reason_and_silences_what_comes_late)
{
    for (int state = 0; state < 3; state++) {
        struct rig r;
        struct source_session s;
        uint64_t n;
        struct digest d = {{0}};
        rig_init(&r);
        session_init(&s, &r, "hold");
        if (state == 0) {
            submit(&s);
            struct link_message m = expect(&r, LINK_SUBMIT);
            n = m.submit.hold;
            d = m.submit.digest;
        } else {
            hold_it(&r, &s, 7, &n, &d);
            if (state == 2)
                claim_it(&r, n, 7, d);
        }
        s.over = true;
        s.port->withdraw(s.port->gate, s.sub.hold, STR("Ctrl-C"), state == 1);
        struct link_message m = expect(&r, LINK_WITHDRAW);
        CHECK(m.withdraw.hold == n && m.withdraw.request == (state == 0 ? 0 : 7));
        CHECK(m.withdraw.gone == (state == 1));
        CHECK_STR(m.withdraw.reason, "Ctrl-C");
        /* All of these crossed it on the wire. */
        say_submitted(&r, n, 7);
        say_approved(&r, n, 7, d);
        say_ended(&r, n, 7, END_WITHDRAWN, "");
        CHECK(next(&r).type == 0 && s.releases == 0 && s.refusals == 0);
        /* The claim was stored before the withdrawal came: the broker must know nothing ran. */
        say_claimed(&r, n, 7, d);
        m = expect(&r, LINK_RESULT);
        CHECK(m.result.request == 7 && m.result.outcome == OUTCOME_FAILED);
        CHECK(str_starts(m.result.error_message, STR("not run")));
        CHECK(s.releases == 0 && r.shut_down == 0);
        rig_done(&r);
    }
}

TEST(a_source_may_withdraw_inside_a_notice_and_report_inside_a_release)
{
    struct rig r;
    struct source_session s, t;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    session_init(&t, &r, "hold");
    s.withdraw_when_told = true;
    hold_it(&r, &s, 7, &n, &d);
    expect(&r, LINK_WITHDRAW);
    t.ran_when_released = true;
    hold_it(&r, &t, 8, &n, &d);
    claim_it(&r, n, 8, d);
    say_claimed(&r, n, 8, d);
    CHECK(t.releases == 1);
    CHECK(expect(&r, LINK_RESULT).result.request == 8);
    rig_done(&r);
}

/* --- Attacks --------------------------------------------------------------------------------- */

TEST(an_approval_with_another_digest_releases_nothing)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    for (size_t bit = 0; bit < 256; bit += 37) {
        rig_init(&r);
        session_init(&s, &r, "hold");
        hold_it(&r, &s, 7, &n, &d);
        d.b[bit / 8] ^= (unsigned char)(1u << bit % 8);
        say_approved(&r, n, 7, d);
        CHECK(s.refusals == 1 && s.releases == 0 && s.kind == REFUSAL_UNAVAILABLE);
        CHECK(expect(&r, LINK_WITHDRAW).withdraw.request == 7);
        rig_done(&r);
    }
}

TEST(an_approval_for_another_request_releases_nothing)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    say_approved(&r, n, 8, d);
    CHECK(s.refusals == 1 && s.releases == 0);
    rig_done(&r);
}

TEST(an_action_that_changed_after_submission_is_not_claimed)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    s.text[3] = 'D';
    say_approved(&r, n, 7, d);
    CHECK(s.refusals == 1 && s.releases == 0 && strstr(s.detail, "no longer") != NULL);
    CHECK(expect(&r, LINK_WITHDRAW).withdraw.request == 7);
    rig_done(&r);
}

TEST(a_subject_that_changed_after_submission_is_not_released)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    s.subject.name = STR("eve");
    say_approved(&r, n, 7, d);
    CHECK(s.refusals == 1 && s.releases == 0);
    rig_done(&r);
}

TEST(an_action_that_changed_after_its_claim_is_not_run_and_reported_so)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    claim_it(&r, n, 7, d);
    s.text[3] = 'D';
    say_claimed(&r, n, 7, d);
    CHECK(s.refusals == 1 && s.releases == 0);
    struct link_message m = expect(&r, LINK_RESULT);
    CHECK(m.result.request == 7 && m.result.outcome == OUTCOME_FAILED);
    rig_done(&r);
}

TEST(a_claim_answered_with_another_digest_runs_nothing)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    claim_it(&r, n, 7, d);
    d.b[31] ^= 1;
    say_claimed(&r, n, 7, d);
    CHECK(s.refusals == 1 && s.releases == 0);
    CHECK(expect(&r, LINK_RESULT).result.outcome == OUTCOME_FAILED);
    rig_done(&r);
}

/* Each of these is a word the broker may not say: the link is closed and all that waits refused. */
enum { ATTACK_CLAIMED_UNASKED, ATTACK_APPROVED_UNSUBMITTED, ATTACK_APPROVED_TWICE,
       ATTACK_SUBMITTED_OTHER_NUMBER, ATTACK_SUBMITTED_WITHOUT_NUMBER, ATTACK_ENDED_AFTER_CLAIMED,
       ATTACK_CLAIMED_TWICE, ATTACK_UNKNOWN_HOLD, ATTACK_HOLD_ZERO, ATTACK_GARBAGE, ATTACK_LONG_FRAME,
       ATTACK_WRONG_SIDE, ATTACKS };

static void attack(struct rig *r, int which, struct source_session *s)
{
    uint64_t n = 0;
    struct digest d = {{0}};
    if (which == ATTACK_APPROVED_UNSUBMITTED || which == ATTACK_SUBMITTED_WITHOUT_NUMBER) {
        submit(s);
        n = expect(r, LINK_SUBMIT).submit.hold;
    } else {
        hold_it(r, s, 7, &n, &d);
    }
    if (which == ATTACK_APPROVED_TWICE || which == ATTACK_ENDED_AFTER_CLAIMED ||
        which == ATTACK_CLAIMED_TWICE)
        claim_it(r, n, 7, d);
    if (which == ATTACK_ENDED_AFTER_CLAIMED || which == ATTACK_CLAIMED_TWICE)
        say_claimed(r, n, 7, d);
    switch (which) {
    case ATTACK_CLAIMED_UNASKED:
    case ATTACK_CLAIMED_TWICE:
        say_claimed(r, n, 7, d);
        break;
    case ATTACK_APPROVED_UNSUBMITTED:
    case ATTACK_APPROVED_TWICE:
        say_approved(r, n, 7, d);
        break;
    case ATTACK_SUBMITTED_OTHER_NUMBER:
        say_submitted(r, n, 8);
        break;
    case ATTACK_SUBMITTED_WITHOUT_NUMBER:
        say_submitted(r, n, 0);
        break;
    case ATTACK_ENDED_AFTER_CLAIMED:
        say_ended(r, n, 7, END_EXPIRED, "");
        break;
    case ATTACK_UNKNOWN_HOLD:
        say_claimed(r, n + 1000, 9, d);
        break;
    case ATTACK_HOLD_ZERO:
        say_ended(r, 0, 9, END_EXPIRED, "");
        break;
    case ATTACK_GARBAGE:
        CHECK(write(r->broker, "\0\0\0\x05\xee\1\2\3\4", 9) == 9);
        break;
    case ATTACK_LONG_FRAME:
        CHECK(write(r->broker, "\xff\xff\xff\xff\x0a", 5) == 5);
        break;
    default:
        say(r, &(struct link_message){.type = LINK_CLAIM, .claim = {.hold = n, .request = 7}});
        break;
    }
    turn(r);
}

TEST(a_broker_that_breaks_the_protocol_is_cut_off_and_everything_is_refused)
{
    for (int which = 0; which < ATTACKS; which++) {
        struct rig r;
        struct source_session s, other, later;
        uint64_t n;
        struct digest d;
        char c;
        rig_init(&r);
        session_init(&s, &r, "hold");
        session_init(&other, &r, "hold");
        session_init(&later, &r, "hold");
        hold_it(&r, &other, 6, &n, &d);
        attack(&r, which, &s);
        bool was_released = which == ATTACK_ENDED_AFTER_CLAIMED || which == ATTACK_CLAIMED_TWICE;
        CHECK(s.releases == was_released && s.refusals == !was_released);
        CHECK(other.refusals == 1 && other.kind == REFUSAL_UNAVAILABLE);
        CHECK(r.shut_down == 1);
        (void)next(&r);
        CHECK(read(r.broker, &c, 1) == 0); /* the gate closed it */
        submit(&later);
        CHECK(later.verdict == VERDICT_DENY && later.kind == REFUSAL_UNAVAILABLE);
        if (other.refusals != 1 || s.releases != was_released)
            printf("# attack %d\n", which);
        rig_done(&r);
    }
}

TEST(nothing_but_a_configuration_may_come_first)
{
    struct rig r = {.broker = -1};
    const struct gate_options o = {.link_grace_ms = 10000, .link_answer_ms = 10000, .host = &host,
                                   .ctx = &r};
    buf_init(&r.in, 64 * MIB);
    arena_init(&r.arena, 16 * MIB);
    CHECK_OK(loop_new(&r.loop));
    CHECK_OK(gate_new(r.loop, &o, &r.gate));
    attach(&r);
    expect(&r, LINK_HELLO);
    say_submitted(&r, 1, 1);
    CHECK(r.shut_down == 1);
    rig_done(&r);
}

TAP_MAIN(T(an_allowed_action_costs_no_message),
         T(a_denied_action_is_answered_with_the_guardrails_message_and_recorded),
         T(only_the_guardrails_that_decided_are_named), T(no_verdict_is_a_refusal),
         T(a_fact_that_nobody_can_obtain_holds),
         T(a_fact_is_asked_of_the_source_once_and_what_it_brings_decides),
         T(the_impact_goes_to_the_broker_while_the_hold_waits),
         T(observed_matches_are_allowed_and_recorded_in_one_batch),
         T(where_all_actions_are_recorded_an_allowed_one_is_too),
         T(L6_while_the_log_cannot_be_written_what_must_be_recorded_does_not_run),
         T(what_must_be_recorded_and_cannot_be_does_not_run),
         T(an_action_too_large_to_be_shown_is_refused_with_that_reason),
         T(an_approved_action_is_claimed_released_once_and_its_outcome_reported),
         T(submit_says_everything_the_broker_must_know), T(a_rejection_carries_who_and_why),
         T(each_end_of_the_broker_has_its_kind_in_every_state_that_waits),
         T(a_waiting_client_is_told_again_after_the_interval),
         T(withdrawing_sends_the_reason_and_silences_what_comes_late),
         T(a_source_may_withdraw_inside_a_notice_and_report_inside_a_release),
         T(an_approval_with_another_digest_releases_nothing),
         T(an_approval_for_another_request_releases_nothing),
         T(an_action_that_changed_after_submission_is_not_claimed),
         T(a_subject_that_changed_after_submission_is_not_released),
         T(an_action_that_changed_after_its_claim_is_not_run_and_reported_so),
         T(a_claim_answered_with_another_digest_runs_nothing),
         T(a_broker_that_breaks_the_protocol_is_cut_off_and_everything_is_refused),
         T(nothing_but_a_configuration_may_come_first))
