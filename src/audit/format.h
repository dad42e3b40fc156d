/*
 * Records as other systems take them. Pure: an entry in, bytes out; whatever a record's texts hold, one record
 * stays one record.
 *
 *   jsonl   {"seq":…,"time":…,"kind":…,"data":{…}} on one line
 *   csv     RFC 4180, every field quoted, one line a record; control characters are written \n, \t, \u0001;
 *           a field that a spreadsheet would take for a formula begins with an apostrophe
 *   ocsf    OCSF 1.2.0, one JSON object a line: Datastore Activity (6005) for statements, API Activity (6003)
 *           for everything else; the whole record is under `unmapped`
 *   syslog  RFC 5424 with the record as JSON; facility 13 (log audit). No frame: see audit_format_frame
 */
#pragma once

#include "audit/about.h"

enum audit_format { FORMAT_JSONL = 1, FORMAT_CSV, FORMAT_OCSF, FORMAT_SYSLOG };

MUST_USE enum err audit_format_parse(struct str word, enum audit_format *ret);

/* How records are told apart: by a line's end, or by RFC 5425's octet count, which syslog over TLS has. */
enum audit_framing { FRAMING_LINES = 1, FRAMING_OCTETS };

struct audit_formatter {
    enum audit_format format;
    enum audit_framing framing;
    char host[256];      /* syslog: who says it; empty: "-" */
    struct buf one, words;
    struct arena arena;
};

void audit_formatter_init(struct audit_formatter *f, enum audit_format format,
                          enum audit_framing framing);
void audit_formatter_done(struct audit_formatter *f);

/* What stands before the first record: CSV's names of the columns; else nothing. */
MUST_USE enum err audit_format_head(const struct audit_formatter *f, struct buf *out);
/* Appends one framed record. ERR_LIMIT: `out` is full, nothing was appended; ERR_INVALID: the data is no JSON. */
MUST_USE enum err audit_format_record(struct audit_formatter *f, const struct audit_entry *e,
                                      struct buf *out);
