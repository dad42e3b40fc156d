/*
 * The tokens that `countersign login` got, one for each gateway, in the user's own configuration:
 * $XDG_CONFIG_HOME/countersign/tokens.json (~/.config/…), mode 0600: {"https://gateway": "cs_…"}.
 */
#pragma once

#include "base/buf.h"

/* Appends the token for the gateway at url (without a slash at its end). ERR_NOT_FOUND; ERR_FORBIDDEN: others
 * may read the file. */
MUST_USE enum err saved_token_read(const char *url, struct buf *ret);
/* ret_path: where, for people, NUL-terminated. ERR_IO. */
MUST_USE enum err saved_token_write(const char *url, struct str token, char *ret_path, size_t size);
