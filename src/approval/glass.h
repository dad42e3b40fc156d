/*
 * The rules of break-glass: who may run at once what waits for approval, how often a second factor
 * may be tried, who may look at it afterwards. Pure.
 */
#pragma once

#include "approval/approval.h"
#include "model/glass.h"

/* ACCEPTED is not zero: memory that was never written breaks nothing. */
enum glass_answer {
    GLASS_ACCEPTED = 0x35ca6b91,
    GLASS_NOT_ALLOWED = 1, /* nobody may, or not this person */
    GLASS_NOT_OWN,         /* somebody else's request */
    GLASS_NOT_PENDING,
    GLASS_REVIEW_OVERDUE,  /* an earlier one of this person waits for its review */
    GLASS_LOCKED,          /* too many wrong codes */
    GLASS_WRONG_CODE,
};

struct glass_facts {
    const struct approval *request;
    struct str person;
    bool review_overdue;
    int64_t locked_until_wall_ns, now_wall_ns;
};
/* All but the code, which is looked at only where this is ACCEPTED. */
enum glass_answer glass_may_try(const struct break_glass *g, const struct people *people,
                                const struct glass_facts *f);

const char *glass_answer_text(enum glass_answer a);

/* Wrong codes of one person: after LIMIT_GLASS_TRIES in a row every further one locks, for twice as
 * long each time. A right one starts anew. */
struct glass_tries {
    uint32_t failures;
    int64_t locked_until_wall_ns;
};
struct glass_tries glass_after_failure(const struct glass_tries *t, int64_t now_wall_ns);

/* Who may review: somebody who could have decided the request, or an admin; never its own side. */
bool glass_may_review(const struct approval *request, const struct people *people, struct str person);
