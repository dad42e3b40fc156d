/*
 * A witness (https://c2sp.org/tlog-witness): it remembers the last checkpoint it saw of each log and cosigns the next
 * one only where that goes on from it. So nobody who looks for its cosignature can be shown a log that was rolled back,
 * or one of two forks. It keeps nothing but that.
 */
#pragma once

#include "audit/io.h"
#include "audit/note.h"

struct witness {
    char dir[4096];              /* DIR/key, DIR/key.pub, and the last checkpoint of each log */
    struct note_secret secret;   /* algorithm NOTE_COSIGNATURE_V1 */
    const struct note_key *logs; /* whose checkpoints are cosigned: every key that may sign them */
    size_t n_logs;
};

/* Reads DIR/key, or makes it with this name. ERR_INVALID: no name for a key, or the key there has another one; ERR_IO;
 * ERR_CORRUPT. `logs` has to live as long as the witness. */
MUST_USE enum err witness_open(struct witness *w, const char *dir, struct str name, const struct note_key *logs,
                               size_t n_logs);
void witness_done(struct witness *w);

/* Answers the body of a POST to /add-checkpoint. The HTTP status: 200, `out` has the cosignature line; 409, `out` has
 * the size it knows; 400, 403, 404, 422, 500: `out` says why. What was cosigned is on disk before. */
int witness_add(struct witness *w, struct str body, int64_t wall_ns, struct buf *out);
