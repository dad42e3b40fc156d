/* Where in the log something is: by time, and where it ends. */
#pragma once

#include "audit/reader.h"

struct audit_range {
    uint64_t from, to; /* seqs: the first, and one past the last; equal where there is none */
};

/*
 * The records of [since_ns, until_ns), found by bisection: times are taken as never going back, so where a
 * clock was set back, records near that place may be missed. ERR_NOT_FOUND: there is no log; ERR_CORRUPT;
 * ERR_IO; ERR_NOMEM.
 */
MUST_USE enum err audit_range_of(struct str dir, int64_t since_ns, int64_t until_ns,
                                 struct audit_range *ret);

/* One record by its number. The reader keeps the entry's memory and is the caller's to free.
 * ERR_NOT_FOUND: there is no such record, or it was dropped. */
MUST_USE enum err audit_record_at(struct str dir, uint64_t seq, struct audit_reader **ret_reader,
                                  struct audit_entry *ret);
