/*
 * Random lives of requests, driven through the machine and judged by a slow oracle that tries every
 * assignment of people to requirements. What must hold of each step (ARCHITECTURE.md, invariants 1, 5
 * and 6; SECURITY.md I1, I2, I3, S2, S3, S4) is checked after it.
 */
#include "tap.h"

#include "approval/approval.h"

#include <stdlib.h>

enum { PEOPLE = 6, GROUPS = 4, REQS_MAX = 3, NAMES_MAX = 3, VOTES_MAX = 64, DEADLINE = 400, WAIT = 20 };

static const struct str person_names[PEOPLE] = {STR_INIT("p0"), STR_INIT("p1"), STR_INIT("p2"),
                                                STR_INIT("p3"), STR_INIT("p4"), STR_INIT("p5")};
/* The last one is a group whose members change with time. */
static const struct str group_names[GROUPS] = {STR_INIT("g0"), STR_INIT("g1"), STR_INIT("g2"),
                                               STR_INIT("duty")};
enum { DUTY = GROUPS - 1 };
static const struct digest shown = {{1}}, other = {{2}};

static size_t pick(size_t n)
{
    return (size_t)random() % n;
}

static bool chance(size_t n)
{
    return pick(n) == 0;
}

/* --- The world ------------------------------------------------------------------------------- */

struct world {
    struct person persons[PEOPLE];
    struct str groups[PEOPLE][GROUPS];
    struct duty duties[PEOPLE];
    struct delegation delegations[PEOPLE]; /* [i]: from person i, where has_delegation[i] */
    struct delegation listed[PEOPLE];
    bool has_delegation[PEOPLE], on_duty[PEOPLE];
    struct people people;

    struct approval a;
    struct requirement reqs[REQS_MAX];
    struct str from[REQS_MAX][NAMES_MAX];
    int64_t waits[REQS_MAX][NAMES_MAX], asked[REQS_MAX];
    struct vote votes[VOTES_MAX];
    int64_t now;
    size_t own; /* the requester's person */
    int grants, runs;
};

static void list_moment(struct world *w)
{
    size_t n = 0, d = 0;
    for (size_t i = 0; i < PEOPLE; i++) {
        if (w->has_delegation[i])
            w->listed[n++] = w->delegations[i];
        if (w->on_duty[i])
            w->duties[d++] = (struct duty){person_names[i], group_names[DUTY]};
    }
    w->people = (struct people){.list = w->persons, .n = PEOPLE,
                                .duty_groups = &group_names[DUTY], .n_duty_groups = 1,
                                .duties = w->duties, .n_duties = d,
                                .delegations = w->listed, .n_delegations = n};
}

static void make_people(struct world *w)
{
    for (size_t i = 0; i < PEOPLE; i++) {
        w->persons[i] = (struct person){.name = person_names[i], .groups = w->groups[i]};
        for (size_t g = 0; g < DUTY; g++)
            if (chance(2))
                w->groups[i][w->persons[i].n_groups++] = group_names[g];
        w->on_duty[i] = chance(4);
        w->has_delegation[i] = false;
    }
    list_moment(w);
}

static void make_request(struct world *w)
{
    size_t n = 1 + pick(REQS_MAX);
    uint32_t stage = 0, n_later[LIMIT_REQUIREMENTS];
    for (size_t r = 0; r < n; r++) {
        size_t names = 1 + pick(NAMES_MAX);
        for (size_t k = 0; k < names; k++) {
            w->from[r][k] = chance(5) ? person_names[pick(PEOPLE)] : group_names[pick(GROUPS)];
            w->waits[r][k] = k == 0 ? 0 : w->waits[r][k - 1] + (chance(2) ? WAIT : 0);
        }
        stage += r != 0 && chance(2);
        w->reqs[r] = (struct requirement){.from = w->from[r], .n_from = names,
                                          .count = 1 + (uint32_t)pick(2), .stage = stage,
                                          .after_ns = w->waits[r]};
    }
    w->own = pick(PEOPLE);
    w->now = 0;
    w->grants = w->runs = 0;
    w->a = (struct approval){.state = REQUEST_PENDING, .digest = shown, .subject = STR("app"),
                             .person = person_names[w->own], .votes = w->votes,
                             .quorum = {.reqs = w->reqs, .n_reqs = n, .rejects = (uint32_t)pick(3)},
                             .deadline_mono_ns = DEADLINE, .asked_mono_ns = w->asked};
    approval_first_asked(&w->a.quorum, n_later);
    for (size_t r = 0; r < n; r++) {
        w->reqs[r].n_later = n_later[r];
        w->asked[r] = 0;
    }
}

/* --- The oracle: everything tried, nothing clever ---------------------------------------------- */

static const struct vote *standing(const struct world *w, size_t person)
{
    for (size_t i = 0; i < w->a.n_votes; i++)
        if (w->votes[i].retracted_wall_ns == 0 && str_eq(w->votes[i].person, person_names[person]))
            return &w->votes[i];
    return NULL;
}

static bool by_file(const struct world *w, size_t person, struct str who)
{
    if (str_eq(person_names[person], who))
        return true;
    for (size_t g = 0; g < w->persons[person].n_groups; g++)
        if (str_eq(w->groups[person][g], who))
            return true;
    return false;
}

/* Whether the person's standing vote counts for somebody of `who`. */
static bool counts_as(const struct world *w, size_t person, const struct vote *v, struct str who)
{
    if (by_file(w, person, who))
        return true;
    if (str_eq(who, group_names[DUTY]) && (w->on_duty[person] || v->on_duty.n != 0))
        return true;
    for (size_t i = 0; i < PEOPLE; i++) {
        bool mine = w->has_delegation[i] && str_eq(w->delegations[i].to, person_names[person]);
        bool in_force = mine && (w->delegations[i].active || str_contains(v->stood_for, person_names[i]));
        if (in_force && i != w->own && standing(w, i) == NULL && by_file(w, i, who))
            return true;
    }
    return false;
}

static bool admitted(const struct world *w, size_t person, const struct vote *v, size_t r)
{
    for (size_t k = 0; k < w->reqs[r].n_from - w->reqs[r].n_later; k++)
        if (counts_as(w, person, v, w->reqs[r].from[k]))
            return true;
    return false;
}

/* Some assignment of the people from `person` on meets what is left of the requirements up to `stage`. */
static bool assignable(const struct world *w, size_t person, uint32_t stage, uint32_t *left)
{
    if (person == PEOPLE) {
        for (size_t r = 0; r < w->a.quorum.n_reqs; r++)
            if (w->reqs[r].stage <= stage && left[r] != 0)
                return false;
        return true;
    }
    if (assignable(w, person + 1, stage, left))
        return true;
    const struct vote *v = standing(w, person);
    if (v == NULL || v->kind != VOTE_APPROVE || person == w->own)
        return false;
    for (size_t r = 0; r < w->a.quorum.n_reqs; r++) {
        if (left[r] == 0 || !admitted(w, person, v, r))
            continue;
        left[r]--;
        bool met = assignable(w, person + 1, stage, left);
        left[r]++;
        if (met)
            return true;
    }
    return false;
}

static bool met_up_to(const struct world *w, uint32_t stage)
{
    uint32_t left[REQS_MAX];
    for (size_t r = 0; r < w->a.quorum.n_reqs; r++)
        left[r] = w->reqs[r].count;
    return assignable(w, 0, stage, left);
}

static size_t rejections(const struct world *w)
{
    size_t n = 0;
    for (size_t i = 0; i < PEOPLE; i++) {
        const struct vote *v = standing(w, i);
        bool named = false;
        for (size_t r = 0; v != NULL && r < w->a.quorum.n_reqs; r++)
            named = named || admitted(w, i, v, r);
        n += v != NULL && v->kind == VOTE_REJECT && named && i != w->own;
    }
    return n;
}

/* --- What must hold ---------------------------------------------------------------------------- */

static void check_asked(const struct world *w)
{
    for (size_t r = 0; r < w->a.quorum.n_reqs; r++) {
        const struct requirement *q = &w->reqs[r];
        bool is_asked = q->n_later < q->n_from;
        if (is_asked)
            for (size_t k = 0; k < q->n_from - q->n_later; k++)
                CHECK(w->now - w->asked[r] >= q->after_ns[k]);
        else
            CHECK(q->stage > 0 && !met_up_to(w, q->stage - 1));
    }
}

static void check_state(const struct world *w, enum request_state before)
{
    uint32_t enough = w->a.quorum.rejects != 0 ? w->a.quorum.rejects : 1;
    if (w->a.state == REQUEST_PENDING) {
        CHECK(rejections(w) < enough);
        CHECK(!met_up_to(w, REQS_MAX));
        check_asked(w);
    }
    if (before == REQUEST_PENDING && w->a.state == REQUEST_REJECTED)
        CHECK(rejections(w) >= enough);
    if (before == REQUEST_PENDING && w->a.state == REQUEST_APPROVED) {
        CHECK(met_up_to(w, REQS_MAX));
        CHECK(standing(w, w->own) == NULL);
    }
    for (size_t i = 0; i < PEOPLE; i++) {
        size_t stand = 0;
        for (size_t k = 0; k < w->a.n_votes; k++)
            stand += w->votes[k].retracted_wall_ns == 0 && str_eq(w->votes[k].person, person_names[i]);
        CHECK(stand <= 1);
    }
    CHECK(w->grants <= 1 && w->runs <= w->grants);
}

/* --- Events ------------------------------------------------------------------------------------ */

static void carry_out(struct world *w, const struct approval_step *s, const struct vote *v)
{
    for (size_t r = 0; s->asks && r < w->a.quorum.n_reqs; r++) {
        CHECK(s->n_later[r] <= w->reqs[r].n_later);
        if (w->reqs[r].n_later == w->reqs[r].n_from && s->n_later[r] < w->reqs[r].n_from)
            w->asked[r] = w->now;
        w->reqs[r].n_later = s->n_later[r];
    }
    for (size_t i = 0; s->retract && i < w->a.n_votes; i++)
        if (str_eq(w->votes[i].person, v->person) && w->votes[i].retracted_wall_ns == 0)
            w->votes[i].retracted_wall_ns = 1;
    if (s->keep_vote)
        w->votes[w->a.n_votes++] = *v;
    w->grants += s->make_grant;
    w->runs += s->use_grant;
    w->a.state = s->next;
}

static struct vote random_vote(const struct world *w)
{
    size_t p = pick(PEOPLE);
    struct vote v = {.person = person_names[p],
                     .kind = chance(6) ? VOTE_REJECT : VOTE_APPROVE,
                     .digest = chance(12) ? other : shown};
    if (w->on_duty[p])
        v.on_duty = group_names[DUTY];
    for (size_t i = 0; i < PEOPLE; i++)
        if (w->has_delegation[i] && w->delegations[i].active && str_eq(w->delegations[i].to, v.person))
            v.stood_for = person_names[i];
    return v;
}

/* The hour changes who is who; what holds of whom is asked does not change by that alone. */
static void change_moment(struct world *w)
{
    size_t i = pick(PEOPLE), to = pick(PEOPLE);
    if (chance(2))
        w->on_duty[i] = !w->on_duty[i];
    else if (!w->has_delegation[i] && to != i) {
        w->has_delegation[i] = true;
        w->delegations[i] = (struct delegation){person_names[i], person_names[to], true};
    } else if (chance(2))
        w->delegations[i].active = false;
    else
        w->has_delegation[i] = false;
    list_moment(w);
}

static void claim(struct world *w)
{
    struct approval_event e = {.kind = APPROVAL_CLAIM, .now_mono_ns = w->now,
                               .digest = chance(8) ? other : shown};
    bool good = w->a.state == REQUEST_APPROVED && w->now < DEADLINE && digest_eq(&e.digest, &shown) &&
                met_up_to(w, REQS_MAX);
    struct approval_step s = approval_step(&w->a, &w->people, &e);
    CHECK(s.use_grant == good && (s.next == REQUEST_RUNNING) == (good || w->a.state == REQUEST_RUNNING));
    carry_out(w, &s, NULL);
}

static void one_event(struct world *w)
{
    struct vote v = random_vote(w);
    struct approval_event e = {.now_mono_ns = w->now, .vote = &v, .digest = shown};
    enum request_state before = w->a.state;
    size_t kind = pick(12);
    if (kind == 0)
        change_moment(w);
    if (kind == 1) {
        claim(w);
        return;
    }
    e.kind = kind <= 3 ? APPROVAL_TICK : kind == 4 ? APPROVAL_RETRACT : APPROVAL_VOTE;
    if (w->a.n_votes == VOTES_MAX)
        return;
    struct approval_step s = approval_step(&w->a, &w->people, &e);
    CHECK(s.next == before || request_may_become(before, s.next));
    CHECK(s.answer == APPROVAL_ACCEPTED || (!s.keep_vote && !s.retract && !s.make_grant && !s.asks));
    CHECK(!s.keep_vote || (digest_eq(&v.digest, &shown) && w->now < DEADLINE && before == REQUEST_PENDING));
    carry_out(w, &s, &v);
    /* A vote or a tick brings whom to ask, and whether it is enough, up to date; a changed hour and
     * a vote that was taken back wait for the next. */
    if (s.answer == APPROVAL_ACCEPTED && (e.kind == APPROVAL_VOTE || e.kind == APPROVAL_TICK)) {
        if (e.kind == APPROVAL_TICK || v.kind == VOTE_APPROVE)
            check_state(w, before);
    }
}

TEST(I1_I2_I3_S2_S3_S4_hold_over_random_lives_beside_an_oracle)
{
    enum { LIVES = 4000, EVENTS = 40 };
    static struct world w;
    int approved = 0, rejected = 0, ran = 0, asked_later = 0;
    srandom(20261122);
    for (int life = 0; life < LIVES; life++) {
        make_people(&w);
        make_request(&w);
        for (int i = 0; i < EVENTS; i++) {
            w.now += (int64_t)pick(12);
            one_event(&w);
        }
        approved += w.grants;
        ran += w.runs;
        rejected += w.a.state == REQUEST_REJECTED;
        for (size_t r = 0; r < w.a.quorum.n_reqs; r++)
            asked_later += w.asked[r] > 0;
    }
    CHECK(approved > LIVES / 20 && rejected > LIVES / 20 && ran > LIVES / 60 && asked_later > LIVES / 20);
    printf("# %d approved, %d rejected, %d ran, %d later stages asked\n", approved, rejected, ran,
           asked_later);
}

/* Whose approval would help is exactly whose approval raises what can be met. */
TEST(who_could_help_is_found_exactly)
{
    static struct world w;
    size_t helped = 0;
    srandom(5);
    for (int life = 0; life < 600; life++) {
        make_people(&w);
        make_request(&w);
        for (int i = 0; i < 6; i++) {
            struct vote v = random_vote(&w);
            v.kind = VOTE_APPROVE;
            v.digest = shown;
            struct approval_event e = {.kind = APPROVAL_VOTE, .now_mono_ns = 0, .vote = &v};
            struct approval_step s = approval_step(&w.a, &w.people, &e);
            carry_out(&w, &s, &v);
        }
        if (w.a.state != REQUEST_PENDING)
            continue;
        struct arena a;
        const struct approval_line *lines;
        size_t n;
        arena_init(&a, 1 << 20);
        CHECK_OK(approval_lines(&w.a, &w.people, &a, &lines, &n));
        for (size_t r = 0; r < n; r++) {
            CHECK(lines[r].have <= lines[r].count);
            for (size_t k = 0; k < lines[r].n_candidates; k++) {
                CHECK(lines[r].have < lines[r].count);
                CHECK(!lines[r].asked || approval_may_vote(&w.a, &w.people, lines[r].candidates[k]->name) ==
                                             APPROVAL_ACCEPTED);
                CHECK(!str_eq(lines[r].candidates[k]->name, person_names[w.own]));
                helped++;
            }
        }
        arena_done(&a);
    }
    CHECK(helped > 500);
}

TAP_MAIN(T(I1_I2_I3_S2_S3_S4_hold_over_random_lives_beside_an_oracle),
         T(who_could_help_is_found_exactly))
