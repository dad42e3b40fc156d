/*
 * What an approver signs: a text of its own for each vote, made the same way by who signs and by who
 * checks. Signed in the SSH name space below; docs/identity.md has an example and how to check one.
 */
#pragma once

#include "base/buf.h"
#include "base/digest.h"
#include "model/request.h"

#define SIGNED_VOTE_NAME_SPACE "vote@countersign"

struct signed_vote {
    uint64_t request;
    struct str opened;  /* RFC 3339, as the API says `created` */
    struct digest digest;
    enum vote_kind kind;
    struct str person;
    struct str scope;   /* of what is granted, with its limits: grant_choice_text */
    struct str expires; /* after which the vote is not taken: the API's `decide_by` */
    struct str reason;  /* may be empty, may have several lines: it comes last */
};

/* Appends the text. ERR_INVALID: a value other than the reason has a line break in it. */
MUST_USE enum err signed_vote_text(const struct signed_vote *v, struct buf *out);
