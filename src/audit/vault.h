/*
 * The keys of what is sealed, apart from the log: a file of slots of 64 bytes, commitment and key. Each sealed content
 * has a key of its own, made for it and used for nothing else (AES-256-GCM, so the nonce may be zero), and overwriting
 * the key erases the content, wherever copies of the journal are.
 */
#pragma once

#include "audit/io.h"
#include "audit/leaf.h"

struct vault;

/* Opens or creates (0600) the file. For reading only: io NULL; then a missing file has no keys. ERR_IO, ERR_NOMEM. */
MUST_USE enum err vault_open(const char *path, const struct audit_io *io, struct vault **ret);
void vault_free(struct vault *v); /* NULL is fine */

/* Makes a key, keeps it, and appends the ciphertext and tag of salt and content. On disk after vault_sync only. */
MUST_USE enum err vault_seal(struct vault *v, const struct digest *commitment,
                             const unsigned char salt[static APART_SALT], struct str content, struct buf *out);
MUST_USE enum err vault_sync(struct vault *v); /* does nothing where nothing waits */

/* Appends the content. ERR_NOT_FOUND: its key is gone; ERR_CORRUPT: it is not what the key, or the commitment, says. */
MUST_USE enum err vault_open_sealed(struct vault *v, const struct apart *a, struct buf *out);

/* Overwrites the key. ERR_NOT_FOUND where there was none. On disk when it returns ERR_OK. */
MUST_USE enum err vault_forget(struct vault *v, const struct digest *commitment);
