/*
 * The file of local people (`people_file:`): what `countersign user add`, `disable` and `enable`
 * change. It is YAML like the rest of the configuration and read with it, but the gateway writes it,
 * whole, each time.
 */
#pragma once

#include "api/api.h"
#include "base/buf.h"
#include "policy/config.h"

/* Appends what the file says after the change: `c` is the configuration in force. ERR_EXISTS,
 * ERR_NOT_FOUND, ERR_INVALID (a name, a group or a role that is none) with words in ret_said. */
MUST_USE enum err people_file_text(const struct config *c, const struct people_change *change,
                                   struct buf *out, struct broker_error *ret_said);

/* ERR_STALE where the file is not what the configuration in force has read: somebody else wrote it. */
MUST_USE enum err people_file_is_known(const struct config *c);

/* Replaces the file, in one step and durably; mode 0600. ERR_IO. */
MUST_USE enum err people_file_write(const struct config *c, struct str text);
