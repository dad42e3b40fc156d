/*
 * The rules of approval. Names carry the invariant they attack (SECURITY.md): S2 what was approved
 * is what runs, S3 single use, S4 ended never runs, I1 no self-approval, I2 rights at vote and at
 * release, I3 distinct people.
 */
#include "tap.h"

#include "approval/approval.h"
#include "approval/quorum.h"

#include <stdio.h>
#include <stdlib.h>

enum { ANA, BO, CY, DI, N_PEOPLE };
static const struct str cy_accounts[] = {STR_INIT("dev"), STR_INIT("deploy-bot")};
static const struct str g_dba[] = {STR_INIT("dba")};
static const struct str g_both[] = {STR_INIT("dba"), STR_INIT("leads")};
static const struct person everyone[N_PEOPLE] = {
    {.name = STR_INIT("ana"), .groups = g_dba, .n_groups = 1},
    {.name = STR_INIT("bo"), .groups = g_both, .n_groups = 2},
    {.name = STR_INIT("cy"), .groups = g_both, .n_groups = 2, .accounts = cy_accounts,
     .n_accounts = 2},
    {.name = STR_INIT("di")},
};
static const struct people people = {.list = everyone, .n = N_PEOPLE};

static const struct str from_dba[] = {STR_INIT("dba")};
static const struct str from_leads[] = {STR_INIT("leads")};
static const struct requirement one_dba[] = {{.from = from_dba, .n_from = 1, .count = 1}};
static const struct requirement two_dba[] = {{.from = from_dba, .n_from = 1, .count = 2}};
static const struct requirement dba_and_lead[] = {{.from = from_dba, .n_from = 1, .count = 1}, {.from = from_leads, .n_from = 1, .count = 1}};

static const struct digest shown = {{1, 2, 3}}, other = {{1, 2, 4}};

static struct approval pending(const struct requirement *reqs, size_t n)
{
    return (struct approval){.state = REQUEST_PENDING, .digest = shown, .subject = STR("dev2"),
                             .quorum = {.reqs = reqs, .n_reqs = n}, .deadline_mono_ns = 100};
}

static struct vote vote_of(const char *person, enum vote_kind kind)
{
    return (struct vote){.person = str_of(person), .kind = kind, .digest = shown};
}

static struct approval_step cast(const struct approval *a, const struct vote *v, int64_t now)
{
    struct approval_event e = {.kind = APPROVAL_VOTE, .now_mono_ns = now, .vote = v};
    return approval_step(a, &people, &e);
}

static struct approval_step approve_as(const struct approval *a, const char *who)
{
    struct vote v = vote_of(who, VOTE_APPROVE);
    return cast(a, &v, 50);
}

TEST(one_approver_of_the_group_is_enough)
{
    struct approval a = pending(one_dba, 1);
    struct approval_step s = approve_as(&a, "ana");
    CHECK(s.answer == APPROVAL_ACCEPTED && s.next == REQUEST_APPROVED && s.make_grant);
    CHECK(s.keep_vote && !s.use_grant);
}

TEST(an_answer_that_was_never_written_accepts_nothing)
{
    CHECK(APPROVAL_ACCEPTED != 0 && REQUEST_APPROVED != 0);
    struct approval a = {0};
    CHECK(approve_as(&a, "ana").answer == APPROVAL_NOT_NOW);
}

TEST(S2_a_vote_on_another_digest_is_refused)
{
    struct approval a = pending(one_dba, 1);
    struct vote v = vote_of("ana", VOTE_APPROVE);
    v.digest = other;
    struct approval_step s = cast(&a, &v, 50);
    CHECK(s.answer == APPROVAL_OTHER_DIGEST && s.next == REQUEST_PENDING && !s.keep_vote);
}

TEST(S2_a_stored_vote_on_another_digest_does_not_count)
{
    struct vote old = vote_of("ana", VOTE_APPROVE);
    old.digest = other;
    struct approval a = pending(two_dba, 1);
    a.votes = &old;
    a.n_votes = 1;
    CHECK(approve_as(&a, "bo").next == REQUEST_PENDING);
}

TEST(where_votes_must_be_signed_an_unsigned_approval_counts_neither_new_nor_stored)
{
    struct approval a = pending(two_dba, 1);
    a.signed_votes = true;
    struct approval_step s = approve_as(&a, "ana");
    CHECK(s.answer == APPROVAL_UNSIGNED && s.next == REQUEST_PENDING && !s.keep_vote);
    struct vote stored = vote_of("ana", VOTE_APPROVE), v = vote_of("bo", VOTE_APPROVE);
    a.votes = &stored;
    a.n_votes = 1;
    v.signature = STR("signed");
    CHECK(cast(&a, &v, 50).next == REQUEST_PENDING);
    stored.signature = STR("signed");
    CHECK(cast(&a, &v, 50).next == REQUEST_APPROVED);
    struct vote no = vote_of("bo", VOTE_REJECT); /* to stop something nobody needs a key */
    CHECK(cast(&a, &no, 50).next == REQUEST_REJECTED);
}

TEST(I1_nobody_approves_their_own_request)
{
    struct approval a = pending(one_dba, 1);
    a.person = STR("bo");
    CHECK(approve_as(&a, "bo").answer == APPROVAL_OWN_REQUEST);
    a = pending(one_dba, 1);
    a.subject = STR("bo");
    CHECK(approve_as(&a, "bo").answer == APPROVAL_OWN_REQUEST);
    a = pending(one_dba, 1);
    a.on_behalf_of = STR("bo");
    CHECK(approve_as(&a, "bo").answer == APPROVAL_OWN_REQUEST);
}

TEST(I1_an_account_counts_as_its_person)
{
    struct approval a = pending(one_dba, 1);
    a.subject = STR("dev");
    CHECK(approve_as(&a, "cy").answer == APPROVAL_OWN_REQUEST);
    a = pending(one_dba, 1);
    a.on_behalf_of = STR("deploy-bot");
    CHECK(approve_as(&a, "cy").answer == APPROVAL_OWN_REQUEST);
    CHECK(approve_as(&a, "ana").next == REQUEST_APPROVED);
}

TEST(I1_names_are_compared_byte_for_byte)
{
    struct approval a = pending(one_dba, 1);
    CHECK(approve_as(&a, "Ana").answer == APPROVAL_UNKNOWN_PERSON);
    CHECK(approve_as(&a, "ana ").answer == APPROVAL_UNKNOWN_PERSON);
    CHECK(approve_as(&a, "").answer == APPROVAL_UNKNOWN_PERSON);
    CHECK(approve_as(&a, "ana,bo").answer == APPROVAL_UNKNOWN_PERSON);
}

TEST(I1_the_requester_cannot_reject_either)
{
    struct approval a = pending(one_dba, 1);
    struct vote v = vote_of("bo", VOTE_REJECT);
    a.person = STR("bo");
    CHECK(cast(&a, &v, 50).answer == APPROVAL_OWN_REQUEST);
}

TEST(I2_who_is_in_no_group_asked_for_cannot_vote)
{
    struct approval a = pending(dba_and_lead, 2);
    CHECK(approve_as(&a, "di").answer == APPROVAL_NOT_APPROVER);
    CHECK(approve_as(&a, "nobody").answer == APPROVAL_UNKNOWN_PERSON);
}

TEST(I2_rights_are_judged_again_at_the_claim)
{
    struct vote v = vote_of("ana", VOTE_APPROVE);
    struct approval a = pending(one_dba, 1);
    a.state = REQUEST_APPROVED;
    a.votes = &v;
    a.n_votes = 1;
    struct approval_event e = {.kind = APPROVAL_CLAIM, .now_mono_ns = 50, .digest = shown};
    CHECK(approval_step(&a, &people, &e).next == REQUEST_RUNNING);
    /* The same request after ana left the group, and after ana left. */
    struct person without[N_PEOPLE];
    memcpy(without, everyone, sizeof(without));
    without[ANA].n_groups = 0;
    struct people changed = {.list = without, .n = N_PEOPLE};
    struct approval_step s = approval_step(&a, &changed, &e);
    CHECK(s.answer == APPROVAL_RIGHTS_CHANGED && s.next == REQUEST_WITHDRAWN && !s.use_grant);
    struct people gone = {.list = everyone + 1, .n = N_PEOPLE - 1};
    CHECK(approval_step(&a, &gone, &e).next == REQUEST_WITHDRAWN);
    /* ana is now known to be the requester's person. */
    memcpy(without, everyone, sizeof(without));
    static const struct str account[] = {STR_INIT("dev2")};
    without[ANA].accounts = account;
    without[ANA].n_accounts = 1;
    CHECK(approval_step(&a, &changed, &e).next == REQUEST_WITHDRAWN);
}

TEST(I3_one_person_counts_once)
{
    struct vote v = vote_of("bo", VOTE_APPROVE);
    struct approval a = pending(two_dba, 1);
    a.votes = &v;
    a.n_votes = 1;
    struct approval_step s = approve_as(&a, "bo");
    CHECK(s.answer == APPROVAL_VOTED_ALREADY && s.next == REQUEST_PENDING && !s.keep_vote);
    CHECK(approve_as(&a, "ana").next == REQUEST_APPROVED);
}

TEST(I3_two_stored_votes_of_one_person_count_once)
{
    struct vote v[] = {vote_of("bo", VOTE_APPROVE), vote_of("bo", VOTE_APPROVE)};
    struct approval a = pending(two_dba, 1);
    a.state = REQUEST_APPROVED;
    a.votes = v;
    a.n_votes = 2;
    struct approval_event e = {.kind = APPROVAL_CLAIM, .now_mono_ns = 50, .digest = shown};
    CHECK(approval_step(&a, &people, &e).answer == APPROVAL_RIGHTS_CHANGED);
}

TEST(I3_a_person_in_two_groups_meets_one_requirement_only)
{
    struct approval a = pending(dba_and_lead, 2);
    CHECK(approve_as(&a, "bo").next == REQUEST_PENDING);
}

TEST(a_person_is_counted_where_it_helps_most)
{
    /* bo first fills either; ana fits dba only, so bo has to move to leads. */
    struct vote v = vote_of("bo", VOTE_APPROVE);
    struct approval a = pending(dba_and_lead, 2);
    a.votes = &v;
    a.n_votes = 1;
    CHECK(approve_as(&a, "ana").next == REQUEST_APPROVED);
}

TEST(one_reject_ends_it)
{
    struct vote given = vote_of("ana", VOTE_APPROVE), v = vote_of("bo", VOTE_REJECT);
    struct approval a = pending(two_dba, 1);
    a.votes = &given;
    a.n_votes = 1;
    struct approval_step s = cast(&a, &v, 50);
    CHECK(s.next == REQUEST_REJECTED && s.keep_vote && !s.make_grant);
    v = vote_of("ana", VOTE_REJECT); /* thought better of it */
    CHECK(cast(&a, &v, 50).next == REQUEST_REJECTED);
}

TEST(a_vote_of_no_known_kind_changes_nothing)
{
    struct approval a = pending(one_dba, 1);
    struct vote v = vote_of("ana", (enum vote_kind)(VOTE_APPROVE ^ 1));
    struct approval_step s = cast(&a, &v, 50);
    CHECK(s.answer == APPROVAL_NOT_NOW && s.next == REQUEST_PENDING && !s.keep_vote);
}

TEST(S4_at_the_deadline_a_vote_and_a_claim_come_too_late)
{
    struct approval a = pending(one_dba, 1);
    struct vote v = vote_of("ana", VOTE_APPROVE);
    struct approval_step s = cast(&a, &v, 100);
    CHECK(s.answer == APPROVAL_TOO_LATE && s.next == REQUEST_EXPIRED && !s.keep_vote);
    CHECK(cast(&a, &v, 99).next == REQUEST_APPROVED);
    a.state = REQUEST_APPROVED;
    a.votes = &v;
    a.n_votes = 1;
    struct approval_event e = {.kind = APPROVAL_CLAIM, .now_mono_ns = 100, .digest = shown};
    s = approval_step(&a, &people, &e);
    CHECK(s.answer == APPROVAL_TOO_LATE && s.next == REQUEST_EXPIRED && !s.use_grant);
}

TEST(S2_a_claim_with_another_digest_is_refused)
{
    struct vote v = vote_of("ana", VOTE_APPROVE);
    struct approval a = pending(one_dba, 1);
    a.state = REQUEST_APPROVED;
    a.votes = &v;
    a.n_votes = 1;
    struct approval_event e = {.kind = APPROVAL_CLAIM, .now_mono_ns = 50, .digest = other};
    struct approval_step s = approval_step(&a, &people, &e);
    CHECK(s.answer == APPROVAL_OTHER_DIGEST && s.next == REQUEST_APPROVED && !s.use_grant);
}

TEST(a_quorum_that_asks_for_nothing_is_never_met)
{
    static const struct requirement none_needed[] = {{.from = from_dba, .n_from = 1, .count = 0}};
    static const struct requirement from_nobody[] = {{.from = NULL, .n_from = 0, .count = 1}};
    static const struct requirement too_many[] = {{.from = from_dba, .n_from = 1, .count = UINT32_MAX}, {.from = from_dba, .n_from = 1, .count = 2}};
    const struct person *who[] = {&everyone[ANA], &everyone[BO]};
    const struct quorum bad[] = {{.n_reqs = 0},
                                 {.reqs = none_needed, .n_reqs = 1},
                                 {.reqs = from_nobody, .n_reqs = 1},
                                 {.reqs = too_many, .n_reqs = 2}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK(!quorum_well_formed(&bad[i]));
        CHECK(!quorum_tally(&bad[i], who, 2).met);
    }
}

TEST(what_only_the_requester_could_approve_is_not_reachable)
{
    struct approval a = pending(dba_and_lead, 2);
    CHECK(approval_is_reachable(&a, &people));
    a.person = STR("bo");
    CHECK(approval_is_reachable(&a, &people)); /* ana and cy */
    a.on_behalf_of = STR("cy");
    CHECK(!approval_is_reachable(&a, &people));
}

TEST(what_is_missing_reads_well)
{
    struct arena arena;
    struct str text;
    arena_init(&arena, 1 << 20);
    struct approval a = pending(dba_and_lead, 2);
    CHECK_OK(approval_missing_text(&a, &people, &arena, &text));
    CHECK_STR(text, "1 of dba (ana, bo, cy) and 1 of leads (bo, cy)");
    a.person = STR("cy");
    struct vote v = vote_of("ana", VOTE_APPROVE);
    a.votes = &v;
    a.n_votes = 1;
    CHECK_OK(approval_missing_text(&a, &people, &arena, &text));
    CHECK_STR(text, "1 of leads (bo)");
    static const struct str from_ana[] = {STR_INIT("ana")};
    static const struct str from_either[] = {STR_INIT("leads"), STR_INIT("ana")};
    static const struct requirement named[] = {{.from = from_ana, .n_from = 1, .count = 1}, {.from = from_either, .n_from = 2, .count = 1}};
    a = pending(named, 2);
    CHECK_OK(approval_missing_text(&a, &people, &arena, &text));
    CHECK_STR(text, "ana and 1 of leads or ana (ana, bo, cy)");
    arena_done(&arena);
}

/* --- Properties ------------------------------------------------------------------------------ */

/* The matching against every assignment there is. */
static bool met_by_trying(const struct quorum *q, const struct person *const *who, size_t n,
                          size_t i, uint32_t *have)
{
    if (i == n) {
        for (size_t r = 0; r < q->n_reqs; r++)
            if (have[r] < q->reqs[r].count)
                return false;
        return true;
    }
    if (met_by_trying(q, who, n, i + 1, have))
        return true;
    for (size_t r = 0; r < q->n_reqs; r++) {
        if (!requirement_admits(&q->reqs[r], who[i]))
            continue;
        have[r]++;
        bool met = met_by_trying(q, who, n, i + 1, have);
        have[r]--;
        if (met)
            return true;
    }
    return false;
}

static const struct str group_names[] = {STR_INIT("a"), STR_INIT("b"), STR_INIT("c"),
                                         STR_INIT("d")};

TEST(the_matching_finds_a_way_exactly_when_there_is_one)
{
    enum { CROWD = 6, ROUNDS = 4000 };
    int met = 0;
    srandom(20260101);
    for (int round = 0; round < ROUNDS; round++) {
        struct str groups[CROWD][4], from[3][2];
        struct person crowd[CROWD] = {0};
        struct requirement reqs[3];
        const struct person *who[CROWD];
        for (size_t i = 0; i < CROWD; i++) {
            crowd[i].groups = groups[i];
            for (size_t g = 0; g < 4; g++)
                if (random() % 3 == 0)
                    groups[i][crowd[i].n_groups++] = group_names[g];
            who[i] = &crowd[i];
        }
        size_t n_reqs = 1 + (size_t)(random() % 3);
        for (size_t r = 0; r < n_reqs; r++) {
            reqs[r] = (struct requirement){.from = from[r],
                                           .n_from = 1 + (size_t)(random() % 2),
                                           .count = 1 + (uint32_t)(random() % 2)};
            from[r][0] = group_names[random() % 4];
            from[r][1] = group_names[random() % 4];
        }
        struct quorum q = {.reqs = reqs, .n_reqs = n_reqs};
        uint32_t have[3] = {0};
        bool want = met_by_trying(&q, who, CROWD, 0, have);
        CHECK(quorum_tally(&q, who, CROWD).met == want);
        met += want;
    }
    CHECK(met > ROUNDS / 10 && met < ROUNDS * 9 / 10);
}

/* One request driven by random events; `facts` are what an observer saw. */
struct life {
    struct approval a;
    struct vote votes[64];
    int runs, grants;
    bool was_final;
    enum request_state final;
};

static struct approval_event random_event(struct vote *v, int64_t now)
{
    static const char *const names[] = {"ana", "bo", "cy", "di", "dev", "x"};
    *v = vote_of(names[random() % 6], random() % 12 == 0 ? VOTE_REJECT : VOTE_APPROVE);
    if (random() % 8 == 0)
        v->digest = other;
    struct approval_event e = {.kind = (enum approval_event_kind)(random() % 8),
                               .now_mono_ns = now,
                               .vote = v,
                               .digest = random() % 6 == 0 ? other : shown,
                               .result = (enum request_state)(random() % 11)};
    if (random() % 2 == 0)
        e.kind = APPROVAL_VOTE;
    return e;
}

static void approved_only_by_those_who_may(const struct life *l)
{
    const struct person *distinct[N_PEOPLE];
    size_t n = 0;
    for (size_t p = 0; p < N_PEOPLE; p++)
        for (size_t i = 0; i < l->a.n_votes; i++)
            if (str_eq(l->votes[i].person, everyone[p].name) &&
                l->votes[i].kind == VOTE_APPROVE) {
                CHECK(!approval_is_own(&l->a, &people, &everyone[p]));
                distinct[n++] = &everyone[p];
                break;
            }
    CHECK(quorum_tally(&l->a.quorum, distinct, n).met);
}

static void live_one_event(struct life *l, int64_t now)
{
    struct vote v;
    struct approval_event e = random_event(&v, now);
    struct approval_step s = approval_step(&l->a, &people, &e);
    CHECK(s.next == l->a.state || request_may_become(l->a.state, s.next));
    CHECK(s.answer == APPROVAL_ACCEPTED || (!s.keep_vote && !s.make_grant && !s.use_grant));
    if (s.keep_vote) {
        CHECK(e.kind == APPROVAL_VOTE && digest_eq(&v.digest, &shown) && now < 100);
        l->votes[l->a.n_votes++] = v;
    }
    CHECK(s.make_grant == (l->a.state == REQUEST_PENDING && s.next == REQUEST_APPROVED));
    CHECK(s.use_grant == (l->a.state == REQUEST_APPROVED && s.next == REQUEST_RUNNING));
    if (s.make_grant)
        approved_only_by_those_who_may(l);
    if (s.use_grant)
        CHECK(digest_eq(&e.digest, &shown) && now < 100);
    l->grants += s.make_grant;
    l->runs += s.use_grant;
    l->a.state = s.next;
    if (l->was_final)
        CHECK(s.next == l->final);
    l->was_final = request_is_final(s.next);
    l->final = s.next;
}

TEST(S3_S4_I1_I3_hold_over_random_lives)
{
    int approved = 0, ran = 0;
    srandom(7);
    for (int round = 0; round < 20000; round++) {
        struct life l = {.a = random() % 2 == 0 ? pending(two_dba, 1) : pending(dba_and_lead, 2)};
        l.a.votes = l.votes;
        l.a.person = random() % 2 == 0 ? STR("cy") : STR("");
        int64_t now = 0;
        for (int step = 0; step < 30; step++)
            live_one_event(&l, now += random() % 6);
        CHECK(l.runs <= 1 && l.grants <= 1 && l.runs <= l.grants);
        approved += l.grants;
        ran += l.runs;
    }
    CHECK(approved > 1000 && ran > 200);
}

TAP_MAIN(T(one_approver_of_the_group_is_enough),
         T(an_answer_that_was_never_written_accepts_nothing),
         T(S2_a_vote_on_another_digest_is_refused),
         T(S2_a_stored_vote_on_another_digest_does_not_count),
         T(where_votes_must_be_signed_an_unsigned_approval_counts_neither_new_nor_stored),
         T(I1_nobody_approves_their_own_request), T(I1_an_account_counts_as_its_person),
         T(I1_names_are_compared_byte_for_byte), T(I1_the_requester_cannot_reject_either),
         T(I2_who_is_in_no_group_asked_for_cannot_vote),
         T(I2_rights_are_judged_again_at_the_claim), T(I3_one_person_counts_once),
         T(I3_two_stored_votes_of_one_person_count_once),
         T(I3_a_person_in_two_groups_meets_one_requirement_only),
         T(a_person_is_counted_where_it_helps_most), T(one_reject_ends_it),
         T(a_vote_of_no_known_kind_changes_nothing),
         T(S4_at_the_deadline_a_vote_and_a_claim_come_too_late),
         T(S2_a_claim_with_another_digest_is_refused),
         T(a_quorum_that_asks_for_nothing_is_never_met),
         T(what_only_the_requester_could_approve_is_not_reachable),
         T(what_is_missing_reads_well),
         T(the_matching_finds_a_way_exactly_when_there_is_one),
         T(S3_S4_I1_I3_hold_over_random_lives))
