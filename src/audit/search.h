/*
 * Records by who, what, when and words. Whatever an index says, each record is read from the log and must be
 * what was asked for before it is given.
 */
#pragma once

#include "audit/index.h"

struct audit_query {
    struct str person, resource, guardrail, outcome, kind; /* empty: any */
    struct str text;     /* every word of it; one that ends in `*` is the beginning of one; empty: any */
    uint64_t request;    /* 0: any */
    int64_t since_ns, until_ns; /* [since, until) */
    uint64_t before, after;     /* seqs below and above these; 0: from the end, from the start */
    uint64_t limit;             /* at least 1 */
    bool oldest_first;
};

/* No query of it asks for what cannot be: words there are none in. ERR_INVALID: `text` has no word. */
MUST_USE enum err audit_query_check(const struct audit_query *q);

/* Views, valid during the call; false ends the search. */
typedef bool audit_found_fn(void *ctx, const struct audit_entry *e, const struct about *a);

/*
 * By the index; ret_more: there are more than the limit. ERR_CORRUPT where the index names a record that is not
 * what was asked for and `trusting` is false: it must be made again. (Two names of one hash do the same; once it was
 * made anew, look again trusting.) ERR_IO, ERR_NOMEM.
 */
MUST_USE enum err audit_search(struct str dir, struct audit_index *x, bool trusting,
                               const struct audit_query *q, audit_found_fn *found, void *ctx,
                               bool *ret_more);

/* The same from the log alone, reading all of it; always the oldest first. */
MUST_USE enum err audit_scan(struct str dir, const struct audit_query *q, audit_found_fn *found,
                             void *ctx, bool *ret_more);
