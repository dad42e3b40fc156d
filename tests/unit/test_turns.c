/*
 * Whom a request asks and when: stages, waits, votes that are taken back, several rejections, people
 * who stand in for others or are on duty. Names carry the invariant they attack (SECURITY.md).
 */
#include "tap.h"

#include "approval/approval.h"
#include "approval/quorum.h"

enum { MINUTE = 60 };

static const struct str g_dba[] = {STR_INIT("dba")};
static const struct str g_leads[] = {STR_INIT("leads")};
static const struct str g_both[] = {STR_INIT("dba"), STR_INIT("leads")};
static const struct person everyone[] = {
    {.name = STR_INIT("ana"), .groups = g_dba, .n_groups = 1},
    {.name = STR_INIT("bo"), .groups = g_both, .n_groups = 2},
    {.name = STR_INIT("cy"), .groups = g_leads, .n_groups = 1},
    {.name = STR_INIT("di")},
    {.name = STR_INIT("ed")},
};
static const struct people people = {.list = everyone, .n = ARRAY_LEN(everyone)};
static const struct digest shown = {{1}};

/* A request that lives: the machine's answers are carried out on it as the broker does. */
struct live {
    struct approval a;
    struct requirement reqs[LIMIT_REQUIREMENTS];
    int64_t asked[LIMIT_REQUIREMENTS];
    struct vote votes[32];
    struct people people;
};

static void open_request(struct live *l, const struct requirement *reqs, size_t n)
{
    uint32_t n_later[LIMIT_REQUIREMENTS];
    *l = (struct live){.people = people};
    l->a = (struct approval){.state = REQUEST_PENDING,
                             .digest = shown,
                             .subject = STR("app"),
                             .quorum = {.reqs = reqs, .n_reqs = n},
                             .deadline_mono_ns = 1000 * MINUTE};
    approval_first_asked(&l->a.quorum, n_later);
    for (size_t i = 0; i < n; i++) {
        l->reqs[i] = reqs[i];
        l->reqs[i].n_later = n_later[i];
    }
    l->a.quorum.reqs = l->reqs;
    l->a.asked_mono_ns = l->asked;
    l->a.votes = l->votes;
}

static void carry_out(struct live *l, const struct approval_step *s, const struct vote *v,
                      int64_t now)
{
    for (size_t i = 0; s->asks && i < l->a.quorum.n_reqs; i++) {
        if (l->reqs[i].n_later == l->reqs[i].n_from && s->n_later[i] != l->reqs[i].n_from)
            l->asked[i] = now;
        l->reqs[i].n_later = s->n_later[i];
    }
    for (size_t i = 0; s->retract && i < l->a.n_votes; i++)
        if (str_eq(l->votes[i].person, v->person) && l->votes[i].retracted_wall_ns == 0)
            l->votes[i].retracted_wall_ns = now + 1;
    if (s->keep_vote)
        l->votes[l->a.n_votes++] = *v;
    l->a.state = s->next;
}

static enum approval_answer cast(struct live *l, struct vote v, int64_t now)
{
    struct approval_event e = {.kind = APPROVAL_VOTE, .now_mono_ns = now, .vote = &v};
    v.digest = shown;
    struct approval_step s = approval_step(&l->a, &l->people, &e);
    carry_out(l, &s, &v, now);
    return s.answer;
}

static enum approval_answer approve(struct live *l, const char *who, int64_t now)
{
    return cast(l, (struct vote){.person = str_of(who), .kind = VOTE_APPROVE}, now);
}

static enum approval_answer reject(struct live *l, const char *who)
{
    return cast(l, (struct vote){.person = str_of(who), .kind = VOTE_REJECT}, 0);
}

static enum approval_answer retract(struct live *l, const char *who)
{
    struct vote v = {.person = str_of(who)};
    struct approval_event e = {.kind = APPROVAL_RETRACT, .vote = &v};
    struct approval_step s = approval_step(&l->a, &l->people, &e);
    carry_out(l, &s, &v, 0);
    return s.answer;
}

static bool tick(struct live *l, int64_t now)
{
    struct approval_event e = {.kind = APPROVAL_TICK, .now_mono_ns = now};
    struct approval_step s = approval_step(&l->a, &l->people, &e);
    carry_out(l, &s, NULL, now);
    return s.asks;
}

static bool says(struct live *l, const char *want)
{
    struct arena arena;
    struct str text;
    arena_init(&arena, 1 << 20);
    CHECK_OK(approval_missing_text(&l->a, &l->people, &arena, &text));
    bool same = str_is(text, want);
    if (!same)
        printf("# %.*s\n", STR_FMT(text));
    arena_done(&arena);
    return same;
}

static const struct str dba[] = {STR_INIT("dba")};
static const struct str leads[] = {STR_INIT("leads")};
static const struct str dba_then_di[] = {STR_INIT("dba"), STR_INIT("di")};
static const int64_t at_once_and_later[] = {0, 10 * MINUTE};
static const struct requirement staged[] = {
    {.from = dba, .n_from = 1, .count = 1},
    {.from = leads, .n_from = 1, .count = 1, .stage = 1},
};
static const struct requirement escalating[] = {
    {.from = dba_then_di, .n_from = 2, .count = 1, .after_ns = at_once_and_later},
};
static const struct requirement two_dba[] = {{.from = dba, .n_from = 1, .count = 2}};

/* --- Stages ---------------------------------------------------------------------------------- */

TEST(the_next_stage_is_asked_when_the_one_before_is_met)
{
    struct live l;
    open_request(&l, staged, 2);
    CHECK(says(&l, "1 of dba (ana, bo), then 1 of leads (bo, cy)"));
    CHECK(approve(&l, "cy", 0) == APPROVAL_NOT_ASKED_YET && l.a.n_votes == 0);
    CHECK(approval_may_vote(&l.a, &people, STR("cy")) == APPROVAL_NOT_ASKED_YET);
    CHECK(approve(&l, "ana", 5) == APPROVAL_ACCEPTED && l.a.state == REQUEST_PENDING);
    CHECK(l.reqs[1].n_later == 0 && l.asked[1] == 5);
    CHECK(approve(&l, "cy", 6) == APPROVAL_ACCEPTED && l.a.state == REQUEST_APPROVED);
}

TEST(I3_one_person_does_not_meet_two_stages)
{
    struct live l;
    open_request(&l, staged, 2);
    CHECK(approve(&l, "bo", 0) == APPROVAL_ACCEPTED && l.a.state == REQUEST_PENDING);
    CHECK(approve(&l, "bo", 0) == APPROVAL_VOTED_ALREADY);
    /* ana helps too: bo then counts for leads. */
    CHECK(says(&l, "1 of leads (ana, cy)"));
    CHECK(approve(&l, "ana", 0) == APPROVAL_ACCEPTED && l.a.state == REQUEST_APPROVED);
}

TEST(who_was_asked_stays_asked_when_a_vote_is_taken_back)
{
    struct live l;
    open_request(&l, staged, 2);
    CHECK(approve(&l, "ana", 0) == APPROVAL_ACCEPTED);
    CHECK(retract(&l, "ana") == APPROVAL_ACCEPTED);
    CHECK(approve(&l, "cy", 0) == APPROVAL_ACCEPTED && l.a.state == REQUEST_PENDING);
    CHECK(says(&l, "1 of dba (ana, bo)"));
    CHECK(approve(&l, "ana", 0) == APPROVAL_ACCEPTED && l.a.state == REQUEST_APPROVED);
}

TEST(a_quorum_whose_first_stage_is_not_0_asks_it_at_once)
{
    static const struct requirement late[] = {
        {.from = leads, .n_from = 1, .count = 1, .stage = 3},
        {.from = dba, .n_from = 1, .count = 1, .stage = 2},
    };
    struct live l;
    open_request(&l, late, 2);
    CHECK(l.reqs[0].n_later == 1 && l.reqs[1].n_later == 0);
    CHECK(approve(&l, "ana", 0) == APPROVAL_ACCEPTED);
    CHECK(approve(&l, "cy", 0) == APPROVAL_ACCEPTED && l.a.state == REQUEST_APPROVED);
}

/* --- Waits ----------------------------------------------------------------------------------- */

TEST(when_nobody_answers_further_people_are_asked)
{
    struct live l;
    open_request(&l, escalating, 1);
    CHECK(approval_next_due(&l.a, &people) == 10 * MINUTE);
    CHECK(approve(&l, "di", MINUTE) == APPROVAL_NOT_ASKED_YET);
    CHECK(!tick(&l, 10 * MINUTE - 1) && tick(&l, 10 * MINUTE));
    CHECK(!tick(&l, 11 * MINUTE) && approval_next_due(&l.a, &people) == INT64_MAX);
    CHECK(says(&l, "1 of dba or di (ana, bo, di)"));
    CHECK(approve(&l, "di", 11 * MINUTE) == APPROVAL_ACCEPTED && l.a.state == REQUEST_APPROVED);
}

TEST(a_requirement_that_is_met_asks_nobody_else)
{
    static const struct requirement both[] = {
        {.from = dba_then_di, .n_from = 2, .count = 1, .after_ns = at_once_and_later},
        {.from = leads, .n_from = 1, .count = 1},
    };
    struct live l;
    open_request(&l, both, 2);
    CHECK(approve(&l, "ana", 0) == APPROVAL_ACCEPTED);
    CHECK(approval_next_due(&l.a, &people) == INT64_MAX && !tick(&l, 20 * MINUTE));
    CHECK(approve(&l, "di", 20 * MINUTE) == APPROVAL_NOT_ASKED_YET);
    /* Until it is unmet again: then its wait is over at once. */
    CHECK(retract(&l, "ana") == APPROVAL_ACCEPTED);
    CHECK(approval_next_due(&l.a, &people) == 10 * MINUTE && tick(&l, 21 * MINUTE));
    CHECK(approve(&l, "di", 21 * MINUTE) == APPROVAL_ACCEPTED);
}

TEST(the_wait_of_a_later_stage_begins_when_it_is_asked)
{
    static const struct requirement later[] = {
        {.from = leads, .n_from = 1, .count = 1},
        {.from = dba_then_di, .n_from = 2, .count = 1, .after_ns = at_once_and_later, .stage = 1},
    };
    struct live l;
    open_request(&l, later, 2);
    CHECK(approval_next_due(&l.a, &people) == INT64_MAX && !tick(&l, 30 * MINUTE));
    CHECK(approve(&l, "cy", 30 * MINUTE) == APPROVAL_ACCEPTED);
    CHECK(l.reqs[1].n_later == 1 && approval_next_due(&l.a, &people) == 40 * MINUTE);
}

TEST(S4_a_tick_at_the_deadline_ends_it_and_asks_nobody)
{
    struct live l;
    open_request(&l, escalating, 1);
    CHECK(!tick(&l, 1000 * MINUTE) && l.a.state == REQUEST_EXPIRED);
}

/* --- Votes that change ------------------------------------------------------------------------- */

TEST(a_vote_can_be_taken_back_until_it_is_decided)
{
    struct live l;
    open_request(&l, two_dba, 1);
    CHECK(retract(&l, "ana") == APPROVAL_NO_VOTE);
    CHECK(approve(&l, "ana", 0) == APPROVAL_ACCEPTED);
    CHECK(retract(&l, "ana") == APPROVAL_ACCEPTED && retract(&l, "ana") == APPROVAL_NO_VOTE);
    CHECK(approve(&l, "bo", 0) == APPROVAL_ACCEPTED && l.a.state == REQUEST_PENDING);
    CHECK(approve(&l, "ana", 0) == APPROVAL_ACCEPTED && l.a.state == REQUEST_APPROVED);
    CHECK(retract(&l, "ana") == APPROVAL_NOT_NOW && l.a.state == REQUEST_APPROVED);
}

TEST(I2_a_vote_that_was_taken_back_does_not_count_at_the_claim)
{
    struct live l;
    open_request(&l, two_dba, 1);
    CHECK(approve(&l, "ana", 0) == APPROVAL_ACCEPTED && approve(&l, "bo", 0) == APPROVAL_ACCEPTED);
    l.votes[0].retracted_wall_ns = 1;
    struct approval_event e = {.kind = APPROVAL_CLAIM, .digest = shown};
    CHECK(approval_step(&l.a, &people, &e).answer == APPROVAL_RIGHTS_CHANGED);
}

TEST(so_many_rejections_as_the_quorum_says_end_it)
{
    struct live l;
    open_request(&l, two_dba, 1);
    l.a.quorum.rejects = 2;
    CHECK(reject(&l, "ana") == APPROVAL_ACCEPTED && l.a.state == REQUEST_PENDING);
    CHECK(reject(&l, "ana") == APPROVAL_VOTED_ALREADY);
    CHECK(approve(&l, "ana", 0) == APPROVAL_ACCEPTED); /* persuaded */
    CHECK(reject(&l, "bo") == APPROVAL_ACCEPTED && l.a.state == REQUEST_PENDING);
    CHECK(reject(&l, "ana") == APPROVAL_ACCEPTED && l.a.state == REQUEST_REJECTED);
}

TEST(who_rejects_after_approving_approves_no_longer)
{
    struct live l;
    open_request(&l, two_dba, 1);
    l.a.quorum.rejects = 2;
    CHECK(approve(&l, "ana", 0) == APPROVAL_ACCEPTED && reject(&l, "ana") == APPROVAL_ACCEPTED);
    CHECK(approve(&l, "bo", 0) == APPROVAL_ACCEPTED && l.a.state == REQUEST_PENDING);
    CHECK(says(&l, "1 of dba (ana)"));
}

TEST(an_approval_that_needs_a_reason_is_not_taken_without)
{
    struct live l;
    open_request(&l, two_dba, 1);
    l.a.quorum.reason_to_approve = true;
    CHECK(approve(&l, "ana", 0) == APPROVAL_NO_REASON);
    struct vote v = {.person = STR("ana"), .kind = VOTE_APPROVE, .reason = STR(" \n")};
    CHECK(cast(&l, v, 0) == APPROVAL_NO_REASON);
    v.reason = STR("the table is a copy");
    CHECK(cast(&l, v, 0) == APPROVAL_ACCEPTED);
}

/* --- In somebody's place, and on duty ------------------------------------------------------------ */

static struct delegation ana_to_di = {STR_INIT("ana"), STR_INIT("di"), true};

static void delegate(struct live *l, struct delegation *d)
{
    d->active = true;
    l->people.delegations = d;
    l->people.n_delegations = 1;
}

static struct vote for_ana(void)
{
    return (struct vote){.person = STR("di"), .kind = VOTE_APPROVE, .stood_for = STR("ana")};
}

TEST(who_stands_in_for_another_decides_in_their_place)
{
    struct live l;
    open_request(&l, two_dba, 1);
    CHECK(approve(&l, "di", 0) == APPROVAL_NOT_APPROVER);
    delegate(&l, &ana_to_di);
    CHECK(says(&l, "2 of dba (ana, bo, di)"));
    CHECK(cast(&l, for_ana(), 0) == APPROVAL_ACCEPTED);
    CHECK(approve(&l, "bo", 0) == APPROVAL_ACCEPTED && l.a.state == REQUEST_APPROVED);
}

TEST(I3_one_right_is_not_used_by_two_people)
{
    struct live l;
    open_request(&l, two_dba, 1);
    delegate(&l, &ana_to_di);
    CHECK(cast(&l, for_ana(), 0) == APPROVAL_ACCEPTED);
    CHECK(approve(&l, "ana", 0) == APPROVAL_ACCEPTED && l.a.state == REQUEST_PENDING);
    CHECK(says(&l, "1 of dba (bo)"));
    open_request(&l, two_dba, 1);
    delegate(&l, &ana_to_di);
    CHECK(approve(&l, "ana", 0) == APPROVAL_ACCEPTED);
    CHECK(cast(&l, for_ana(), 0) == APPROVAL_NOT_APPROVER);
}

TEST(I3_one_right_that_is_passed_on_twice_counts_once)
{
    static struct delegation twice[] = {{STR_INIT("ana"), STR_INIT("di"), true}, {STR_INIT("ana"), STR_INIT("ed"), false}};
    struct live l;
    open_request(&l, two_dba, 1);
    twice[0].active = true;
    twice[1].active = false;
    l.people.delegations = twice;
    l.people.n_delegations = 2;
    CHECK(cast(&l, for_ana(), 0) == APPROVAL_ACCEPTED);
    twice[0].active = false; /* it has ended; the vote stands, and ana passes on to another */
    twice[1].active = true;
    struct vote second = for_ana();
    second.person = STR("ed");
    CHECK(cast(&l, second, 0) == APPROVAL_NOT_APPROVER && l.a.state == REQUEST_PENDING);
    CHECK(approve(&l, "bo", 0) == APPROVAL_ACCEPTED && l.a.state == REQUEST_APPROVED);
}

TEST(I1_nobody_stands_in_for_the_requester)
{
    struct live l;
    open_request(&l, two_dba, 1);
    delegate(&l, &ana_to_di);
    l.a.person = STR("ana");
    CHECK(cast(&l, for_ana(), 0) == APPROVAL_NOT_APPROVER);
    l.a.person = STR("di");
    CHECK(cast(&l, for_ana(), 0) == APPROVAL_OWN_REQUEST);
}

TEST(a_right_that_was_passed_on_is_not_passed_on_again)
{
    static struct delegation chain[] = {{STR_INIT("ana"), STR_INIT("di"), true},
                                        {STR_INIT("di"), STR_INIT("ed"), true}};
    struct live l;
    open_request(&l, two_dba, 1);
    l.people.delegations = chain;
    l.people.n_delegations = 2;
    CHECK(approve(&l, "ed", 0) == APPROVAL_NOT_APPROVER);
}

TEST(I2_a_vote_in_anothers_place_outlives_the_time_and_not_its_revocation)
{
    struct live l;
    static const struct requirement one[] = {{.from = dba, .n_from = 1, .count = 1}};
    struct approval_event e = {.kind = APPROVAL_CLAIM, .digest = shown};
    open_request(&l, one, 1);
    delegate(&l, &ana_to_di);
    CHECK(cast(&l, for_ana(), 0) == APPROVAL_ACCEPTED && l.a.state == REQUEST_APPROVED);
    ana_to_di.active = false;
    CHECK(approval_step(&l.a, &l.people, &e).answer == APPROVAL_ACCEPTED);
    l.people.n_delegations = 0;
    CHECK(approval_step(&l.a, &l.people, &e).answer == APPROVAL_RIGHTS_CHANGED);
}

static const struct str duty_groups[] = {STR_INIT("oncall")};
static const struct str from_oncall[] = {STR_INIT("oncall")};
static const struct requirement of_oncall[] = {{.from = from_oncall, .n_from = 1, .count = 1}};

TEST(who_is_on_duty_decides)
{
    static const struct duty now[] = {{STR_INIT("ed"), STR_INIT("oncall")}};
    struct live l;
    open_request(&l, of_oncall, 1);
    CHECK(approve(&l, "ed", 0) == APPROVAL_NOT_APPROVER && says(&l, "1 of oncall (nobody now)"));
    CHECK(!approval_is_reachable(&l.a, &l.people));
    l.people.duties = now;
    l.people.n_duties = 1;
    l.people.duty_groups = duty_groups;
    l.people.n_duty_groups = 1;
    CHECK(approval_is_reachable(&l.a, &l.people) && says(&l, "1 of oncall (ed)"));
    struct vote v = {.person = STR("ed"), .kind = VOTE_APPROVE, .on_duty = STR("oncall")};
    CHECK(cast(&l, v, 0) == APPROVAL_ACCEPTED && l.a.state == REQUEST_APPROVED);
    /* The shift ends between the approval and the release: the approval was good. */
    l.people.n_duties = 0;
    struct approval_event e = {.kind = APPROVAL_CLAIM, .digest = shown};
    CHECK(approval_step(&l.a, &l.people, &e).answer == APPROVAL_ACCEPTED);
    /* The group is no longer one of the configuration: it is not. */
    l.people.n_duty_groups = 0;
    CHECK(approval_step(&l.a, &l.people, &e).answer == APPROVAL_RIGHTS_CHANGED);
}

/* --- Shapes that are none ------------------------------------------------------------------------ */

TEST(waits_that_do_not_rise_from_nothing_are_no_quorum)
{
    static const int64_t falling[] = {0, -1}, from_later[] = {1, 2};
    struct requirement r = {.from = dba_then_di, .n_from = 2, .count = 1, .after_ns = falling};
    struct quorum q = {.reqs = &r, .n_reqs = 1};
    CHECK(!quorum_well_formed(&q));
    r.after_ns = from_later;
    CHECK(!quorum_well_formed(&q));
    r.after_ns = at_once_and_later;
    CHECK(quorum_well_formed(&q));
    r.stage = LIMIT_REQUIREMENTS;
    CHECK(!quorum_well_formed(&q));
    r.stage = 0;
    r.n_later = 3;
    CHECK(!quorum_well_formed(&q));
}

TEST(why_nobody_could_approve_it_is_said)
{
    struct live l;
    struct arena arena;
    struct str text;
    arena_init(&arena, 1 << 20);
    open_request(&l, two_dba, 1);
    l.a.person = STR("bo");
    CHECK(!approval_is_reachable(&l.a, &people));
    CHECK_OK(approval_unreachable_text(&l.a, &people, &arena, &text));
    CHECK_STR(text, "nobody could approve it: it needs 2 of dba, and besides the requester only "
                    "ana is");
    static const struct str gone[] = {STR_INIT("`resource.labels.owner` (which is empty)")};
    static const struct requirement computed[] = {{.from = gone, .n_from = 1, .count = 1}};
    open_request(&l, computed, 1);
    CHECK_OK(approval_unreachable_text(&l.a, &people, &arena, &text));
    CHECK_STR(text, "nobody could approve it: it needs 1 of `resource.labels.owner` (which is "
                    "empty), and nobody besides the requester is that");
    arena_done(&arena);
}

TAP_MAIN(T(the_next_stage_is_asked_when_the_one_before_is_met),
         T(I3_one_person_does_not_meet_two_stages),
         T(who_was_asked_stays_asked_when_a_vote_is_taken_back),
         T(a_quorum_whose_first_stage_is_not_0_asks_it_at_once),
         T(when_nobody_answers_further_people_are_asked),
         T(a_requirement_that_is_met_asks_nobody_else),
         T(the_wait_of_a_later_stage_begins_when_it_is_asked),
         T(S4_a_tick_at_the_deadline_ends_it_and_asks_nobody),
         T(a_vote_can_be_taken_back_until_it_is_decided),
         T(I2_a_vote_that_was_taken_back_does_not_count_at_the_claim),
         T(so_many_rejections_as_the_quorum_says_end_it),
         T(who_rejects_after_approving_approves_no_longer),
         T(an_approval_that_needs_a_reason_is_not_taken_without),
         T(who_stands_in_for_another_decides_in_their_place),
         T(I3_one_right_is_not_used_by_two_people), T(I3_one_right_that_is_passed_on_twice_counts_once),
         T(I1_nobody_stands_in_for_the_requester),
         T(a_right_that_was_passed_on_is_not_passed_on_again),
         T(I2_a_vote_in_anothers_place_outlives_the_time_and_not_its_revocation),
         T(who_is_on_duty_decides), T(waits_that_do_not_rise_from_nothing_are_no_quorum),
         T(why_nobody_could_approve_it_is_said))
