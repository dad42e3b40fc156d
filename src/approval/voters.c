#include "approval/voters.h"

static bool is_person_or_account(const struct people *people, struct str name,
                                 const struct person *p)
{
    return name.n != 0 && (str_eq(name, p->name) || people_by_account(people, name) == p);
}

bool approval_is_own(const struct approval *a, const struct people *people, const struct person *p)
{
    return is_person_or_account(people, a->subject, p) ||
           is_person_or_account(people, a->person, p) ||
           is_person_or_account(people, a->on_behalf_of, p);
}

const struct vote *approval_standing(const struct approval *a, struct str person)
{
    for (size_t i = a->n_votes; i-- > 0;)
        if (a->votes[i].retracted_wall_ns == 0 && str_eq(a->votes[i].person, person))
            return &a->votes[i];
    return NULL;
}

/* A word of a list with spaces between. */
static bool has_word(struct str list, struct str word)
{
    while (list.n != 0) {
        struct str one = list;
        if (!str_cut(list, ' ', &one, &list))
            list = (struct str){NULL, 0};
        if (str_eq(one, word))
            return true;
    }
    return false;
}

static bool is_on_duty(const struct people *people, const struct voter *v, struct str group)
{
    if (people_on_duty(people, v->person->name, group))
        return true;
    return v->vote != NULL && people_is_duty_group(people, group) &&
           has_word(v->vote->on_duty, group);
}

static bool has_voted(const struct hearing *h, struct str person)
{
    return (h->casting != NULL && str_eq(h->casting->person, person)) ||
           approval_standing(h->a, person) != NULL;
}

/* Whether somebody else used that person's right before v did, or could. Votes stand in the order in which they came. */
static bool right_is_used(const struct hearing *h, const struct voter *v, struct str of)
{
    for (size_t i = 0; i < h->a->n_votes; i++) {
        const struct vote *vote = &h->a->votes[i];
        if (str_eq(vote->person, v->person->name)) {
            if (v->vote == vote)
                return false;
            continue;
        }
        if (vote->retracted_wall_ns == 0 && has_word(vote->stood_for, of))
            return true;
    }
    return false;
}

static bool stands_in(const struct hearing *h, const struct voter *v, const struct delegation *d,
                      struct str who)
{
    if (!str_eq(d->to, v->person->name) ||
        !(d->active || (v->vote != NULL && has_word(v->vote->stood_for, d->from))))
        return false;
    const struct person *away = people_find(h->people, d->from);
    return away != NULL && !away->disabled && !approval_is_own(h->a, h->people, away) && !has_voted(h, away->name) &&
           person_is_or_belongs(away, who) && !right_is_used(h, v, away->name);
}

bool voter_is(const struct hearing *h, const struct voter *v, struct str who)
{
    if (person_is_or_belongs(v->person, who) || is_on_duty(h->people, v, who))
        return true;
    for (size_t i = 0; i < h->people->n_delegations; i++)
        if (stands_in(h, v, &h->people->delegations[i], who))
            return true;
    return false;
}

static bool is_named(const struct hearing *h, const struct voter *v, const struct requirement *r,
                     bool asked_only)
{
    size_t n = asked_only ? r->n_from - r->n_later : r->n_from;
    for (size_t i = 0; i < n; i++)
        if (voter_is(h, v, r->from[i]))
            return true;
    return false;
}

static bool is_named_anywhere(const struct hearing *h, const struct voter *v,
                              const struct quorum *q, bool asked_only)
{
    for (size_t i = 0; i < q->n_reqs; i++)
        if (is_named(h, v, &q->reqs[i], asked_only))
            return true;
    return false;
}

bool approval_names(const struct approval *a, const struct people *people, const struct person *p)
{
    struct hearing h = {a, people, NULL};
    struct voter v = {p, NULL};
    return is_named_anywhere(&h, &v, &a->quorum, false);
}

enum approval_answer voter_rights(const struct hearing *h, const struct quorum *q, struct str person,
                                  const struct vote *vote, const struct person **ret)
{
    struct voter v = {people_find(h->people, person), vote};
    *ret = NULL;
    if (v.person == NULL)
        return APPROVAL_UNKNOWN_PERSON;
    if (v.person->disabled)
        return APPROVAL_DISABLED_PERSON;
    if (approval_is_own(h->a, h->people, v.person))
        return APPROVAL_OWN_REQUEST;
    if (!quorum_well_formed(q) || !is_named_anywhere(h, &v, q, false))
        return APPROVAL_NOT_APPROVER;
    if (!is_named_anywhere(h, &v, q, true))
        return APPROVAL_NOT_ASKED_YET;
    *ret = v.person;
    return APPROVAL_ACCEPTED;
}

/* --- Counting -------------------------------------------------------------------------------- */

bool vote_signed_enough(const struct approval *a, const struct vote *v)
{
    return v->kind != VOTE_APPROVE || !a->signed_votes || v->signature.n != 0;
}

static void add(struct voters *v, const struct vote *vote, enum vote_kind kind)
{
    const struct hearing *h = &v->hearing;
    const struct person *p;
    if (vote->kind != kind || !digest_eq(&vote->digest, &h->a->digest) ||
        !vote_signed_enough(h->a, vote) ||
        voter_rights(h, v->quorum, vote->person, vote, &p) != APPROVAL_ACCEPTED)
        return;
    for (size_t i = 0; i < v->n; i++)
        if (v->list[i].person == p)
            return;
    if (v->n < VOTERS_MAX)
        v->list[v->n++] = (struct voter){p, vote};
}

void voters_of(struct voters *v, const struct hearing *h, const struct quorum *q,
               enum vote_kind kind)
{
    const struct approval *a = h->a;
    v->hearing = *h;
    v->quorum = q;
    v->n = 0;
    for (size_t i = 0; i < a->n_votes; i++)
        if (a->votes[i].retracted_wall_ns == 0 &&
            (h->casting == NULL || !str_eq(h->casting->person, a->votes[i].person)))
            add(v, &a->votes[i], kind);
    if (h->casting != NULL)
        add(v, h->casting, kind);
}

void voters_all(struct voters *v, const struct hearing *h, const struct quorum *q)
{
    const struct person *p;
    v->hearing = *h;
    v->quorum = q;
    v->n = 0;
    for (size_t i = 0; i < h->people->n && v->n < VOTERS_MAX; i++)
        if (voter_rights(h, q, h->people->list[i].name, NULL, &p) == APPROVAL_ACCEPTED)
            v->list[v->n++] = (struct voter){p, NULL};
}

static bool admits(const void *ctx, size_t voter, size_t requirement)
{
    const struct voters *v = ctx;
    return is_named(&v->hearing, &v->list[voter], &v->quorum->reqs[requirement], true);
}

struct tally voters_tally(const struct voters *v)
{
    return quorum_tally_of(v->quorum, v->n, admits, v);
}

uint32_t voters_helped_by(struct voters *v, const struct voter *more)
{
    if (v->n == VOTERS_MAX)
        return 0;
    v->list[v->n] = *more;
    return quorum_helped_by(v->quorum, v->n, admits, v);
}

struct quorum quorum_all_asked(const struct quorum *q, struct requirement reqs[static LIMIT_REQUIREMENTS])
{
    struct quorum all = *q;
    if (q->n_reqs > LIMIT_REQUIREMENTS)
        return (struct quorum){0};
    for (size_t i = 0; i < q->n_reqs; i++) {
        reqs[i] = q->reqs[i];
        reqs[i].n_later = 0;
    }
    all.reqs = reqs;
    return all;
}
