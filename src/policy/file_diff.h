/* The difference of two texts, line by line, in the unified format of diff(1) with three lines of context. */
#pragma once

#include "base/buf.h"

/* Appends "--- PATH", "+++ PATH" and the hunks; nothing where the two are equal. A missing file is empty.
 * Correct for all texts; the shortest difference only where the part that differs is small enough to
 * be compared line with line (LIMIT_DIFF_CELLS), else that part is said to be replaced. ERR_NOMEM,
 * ERR_LIMIT. */
MUST_USE enum err file_diff_put(struct buf *out, struct str path, struct str from, struct str to);
