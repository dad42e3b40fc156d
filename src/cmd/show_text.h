/*
 * A request as an approver reads it: rendered from the envelope's own bytes after their SHA-256 was
 * compared with the digest, complete, and through model/display.h, so that hostile text stays text.
 */
#pragma once

#include "cmd/page.h"
#include "base/digest.h"

/* A request as GET /v1/requests/{id} gives it, checked. */
struct shown_request {
    const json_t *request;
    struct digest digest; /* computed here, from the bytes that are shown */
    json_t *envelope;
};

/* ERR_INVALID: not a request; ERR_STALE: the envelope is not what the digest says. shown_done frees
 * what is inside; `request` stays the caller's. */
MUST_USE enum err shown_init(struct shown_request *s, const json_t *request);
void shown_done(struct shown_request *s);

/* Everything. ERR_LIMIT: the buffer's cap; what it then holds must not be shown. */
MUST_USE enum err show_request(struct buf *out, const struct shown_request *s, struct style style);

/* What it would do, for a request that was shown before that was known. */
MUST_USE enum err show_impact_alone(struct buf *out, const struct shown_request *s, struct style style);

/* Four lines for a request that was seen before: who, where, why, digest. */
MUST_USE enum err show_summary(struct buf *out, const struct shown_request *s, struct style style);

/* "1 more of dba (ana, bo)", for each line of the quorum that is not met; empty where all are. */
MUST_USE enum err show_missing(struct buf *out, const json_t *request);

/* "2026-11-22T17:20:00.123Z" as nanoseconds; 0 for anything else. */
int64_t time_of_text(struct str s);
