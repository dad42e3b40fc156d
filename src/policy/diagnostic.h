/*
 * What is wrong with a configuration, and where: collected while it is loaded, all at once, so that
 * one run of `countersign check` shows everything there is to mend.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"

enum severity { SEVERITY_ERROR = 1, SEVERITY_WARNING };

/* Views; they live as long as the arena of the list. */
struct diagnostic {
    enum severity severity;
    struct str path;
    uint32_t line, column; /* from 1, the column in characters; 0: about the file as a whole */
    uint32_t width;        /* characters to underline, at least 1 */
    struct str message;
    struct str hint;        /* may be empty */
    struct str source_line; /* the line of the file, without its end; may be empty */
};

struct diagnostics {
    const struct diagnostic *list; /* in the order of the files and, within one, of the lines */
    size_t n;
    size_t n_errors;
};

/*
 * Appends
 *   countersign.yaml:12:7: error: unknown key `aprovals`
 *      12 |     aprovals: []
 *         |     ^~~~~~~~
 *         hint: did you mean `approvals`?
 */
MUST_USE enum err diagnostic_text(struct buf *out, const struct diagnostic *d);

/* {"severity":"error","path":…,"line":12,"column":7,"message":…,"hint":…} */
void diagnostic_json(struct json *j, const struct diagnostic *d);
