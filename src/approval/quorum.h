/*
 * Are these people enough? Several requirements must be met by distinct people, so each person is
 * counted for one of them only, where it helps most: a maximum matching of people to places
 * (augmenting paths, Berge 1957), in O(people * requirements * approvals).
 */
#pragma once

#include "base/arena.h"
#include "base/limits.h"
#include "model/people.h"
#include "model/quorum.h"

/* How far the people get: have[i] of them are counted for requirement i. */
struct tally {
    bool met;
    uint32_t have[LIMIT_REQUIREMENTS];
};

/* True for a quorum that asks for something, within LIMIT_REQUIREMENTS, LIMIT_APPROVALS and
 * LIMIT_QUORUM_NAMES, its waits rising. One that is not well formed is never met. */
bool quorum_well_formed(const struct quorum *q);

/* What all of them ask together: of what asks the same people the largest count. In the arena. ERR_LIMIT
 * where that is more than one request can ask. */
MUST_USE enum err quorum_merge(const struct quorum *const *list, size_t n, struct arena *a, struct quorum *ret);

/* True where both ask for the same, in the same order and at the same times; how far they have got
 * is not compared. */
bool quorum_eq(const struct quorum *a, const struct quorum *b);

/* Whether voter number `voter` may be counted for requirement number `requirement`. */
typedef bool quorum_admits_fn(const void *ctx, size_t voter, size_t requirement);

/* The voters 0 … n-1 are distinct people; those who fit no requirement do not count. */
struct tally quorum_tally_of(const struct quorum *q, size_t n, quorum_admits_fn *admits,
                             const void *ctx);

/* Which requirements would get one more with voter n beside 0 … n-1 (directly, or because somebody
 * who is counted there now moves up to another): bits 1 << requirement. */
uint32_t quorum_helped_by(const struct quorum *q, size_t n, quorum_admits_fn *admits,
                          const void *ctx);

/* The same for people by their names and groups alone. */
struct tally quorum_tally(const struct quorum *q, const struct person *const *who, size_t n);

/* True where `who` is named by the requirement among those that are asked already. */
bool requirement_asks(const struct requirement *r, struct str who);
/* True where p, by name or group alone, is asked under requirement r. */
bool requirement_admits(const struct requirement *r, const struct person *p);
