/*
 * The log's key: DIR/key (0600), made at the first start, or a command that holds it elsewhere. DIR/key.pub has the
 * public keys of the log, one a line, the present one first, those it was before below it: what an auditor is given.
 *
 * A command is started with the bytes to sign on its standard input and answers with the 64 bytes of the Ed25519
 * signature in base64; it is never waited for: signer_poll is asked again later.
 */
#pragma once

#include "audit/io.h"
#include "audit/note.h"
#include "base/clock.h"
#include "model/audit_settings.h"

enum { SIGNER_KEYS = 64 };

struct signer;

/* `said` (of `size` bytes) is for people where it fails. ERR_INVALID, ERR_IO, ERR_CORRUPT: files that are no keys. */
MUST_USE enum err signer_open(const struct audit_settings *s, const struct audit_io *io, struct signer **ret,
                              char *said, size_t size);
void signer_free(struct signer *s); /* NULL is fine */

const struct note_key *signer_key(const struct signer *s);
/* ERR_OK where the note is signed by the present key or one before it. */
MUST_USE enum err signer_knows(const struct signer *s, const struct note *n);

/* Begins to sign `text`, as a note. One at a time: ERR_BAD_STATE. */
MUST_USE enum err signer_start(struct signer *s, struct str text, struct moment now);
/* ERR_OK: *ret has the signature lines, appended; ERR_INCOMPLETE: not yet; ERR_IO, ERR_TIMEOUT, ERR_CORRUPT (it does
 * not verify): failed, start again. */
MUST_USE enum err signer_poll(struct signer *s, struct moment now, struct buf *ret_lines);
bool signer_is_busy(const struct signer *s);

/* --- Rotation ----------------------------------------------------------------------------------- */

/* Makes the next key, kept in DIR/key.next, and the statement that both sign:
 * "countersign key rotation\nOLD\nNEW\n". Appends {"new_key":…,"new_signature":…,"old_key":…,"old_signature":…}.
 * ERR_UNSUPPORTED with a command. */
MUST_USE enum err signer_rotation(struct signer *s, struct buf *ret_record);
/* Once that is on disk as a record: DIR/key.next becomes the key. The next note is signed by both. */
MUST_USE enum err signer_rotate(struct signer *s);
/* At the start: what is to be done with a DIR/key.next that was left: `recorded` is the last `new_key` of the log's
 * newest records, or empty. */
MUST_USE enum err signer_settle(struct signer *s, struct str recorded);

/* Whether `data`, of a record key_rotated, is signed by `old` and names the next key. */
MUST_USE enum err rotation_check(struct str data, const struct note_key *old, struct note_key *ret_new);
