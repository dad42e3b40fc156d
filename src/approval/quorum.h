/*
 * Are these people enough? Several requirements must be met by distinct people, so each person is
 * counted for one of them only, where it helps most: a maximum matching of people to places
 * (augmenting paths, Berge 1957), in O(people * requirements * approvals).
 */
#pragma once

#include "base/limits.h"
#include "model/people.h"
#include "model/quorum.h"

/* How far the people get: have[i] of them are counted for requirement i. */
struct tally {
    bool met;
    uint32_t have[LIMIT_REQUIREMENTS];
};

/* True for a quorum that asks for something, within LIMIT_REQUIREMENTS and LIMIT_APPROVALS. One
 * that is not well formed is never met. */
bool quorum_well_formed(const struct quorum *q);

/* True where both ask for the same, in the same order. */
bool quorum_eq(const struct quorum *a, const struct quorum *b);

/* `who` are distinct; those who fit no requirement do not count. */
struct tally quorum_tally(const struct quorum *q, const struct person *const *who, size_t n);

/* True where p may decide under requirement r, or under any of q. */
bool requirement_admits(const struct requirement *r, const struct person *p);
bool quorum_admits(const struct quorum *q, const struct person *p);
