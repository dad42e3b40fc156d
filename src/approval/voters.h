/*
 * Who people are to one request: the requester's side, those who are asked, and what a vote counts
 * as. Inside approval/ only.
 */
#pragma once

#include "approval/approval.h"
#include "approval/quorum.h"

/* One request at the moment it is judged; `casting` is a vote that is not among a's yet, or NULL. It
 * takes the place of an earlier one of the same person. */
struct hearing {
    const struct approval *a;
    const struct people *people;
    const struct vote *casting;
};

/* One person as a voter; `vote` is theirs, NULL where it is asked whether they might vote. */
struct voter {
    const struct person *person;
    const struct vote *vote;
};

/* Distinct voters, and the quorum they are counted for (not always the request's own: all asked, or
 * some stages of it). More votes than this are not looked at: a quorum needs LIMIT_APPROVALS. */
enum { VOTERS_MAX = 4096 };
struct voters {
    struct hearing hearing;
    const struct quorum *quorum;
    size_t n;
    struct voter list[VOTERS_MAX];
};

/* Whether the voter is, belongs to, is on duty for, or stands in for somebody of `who`. Never in the
 * place of the requester, nor of somebody who has a vote of their own on this request. */
bool voter_is(const struct hearing *h, const struct voter *v, struct str who);

/* ACCEPTED, UNKNOWN_PERSON, OWN_REQUEST, NOT_APPROVER or NOT_ASKED_YET for the person under `q`,
 * whatever was voted before; *ret is NULL where refused. */
enum approval_answer voter_rights(const struct hearing *h, const struct quorum *q, struct str person,
                                  const struct vote *vote, const struct person **ret);

/* False for an approval without a signature where the guardrail wants one. The broker has verified
 * every signature that a vote carries. */
bool vote_signed_enough(const struct approval *a, const struct vote *v);

/* Everybody with a standing vote of this kind that counts today and has the request's digest on it. */
void voters_of(struct voters *v, const struct hearing *h, const struct quorum *q,
               enum vote_kind kind);

/* Everybody who could vote under q, as if they had. */
void voters_all(struct voters *v, const struct hearing *h, const struct quorum *q);

struct tally voters_tally(const struct voters *v);

/* As quorum_helped_by, for one more voter. */
uint32_t voters_helped_by(struct voters *v, const struct voter *more);

/* The quorum with everybody asked; `reqs` is room for its requirements. */
struct quorum quorum_all_asked(const struct quorum *q, struct requirement reqs[static LIMIT_REQUIREMENTS]);
