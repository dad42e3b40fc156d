/*
 * The configuration in force, kept by the keeper in memory: a broker that is started again goes on
 * with it, whatever the file on disk has become since.
 */
#pragma once

#include "link/link.h"
#include "policy/config.h"

/* A descriptor of an unnamed file with the files as a CONFIG frame (link/link.h). ERR_LIMIT, ERR_IO. */
MUST_USE enum err kept_config_write(const struct link_config *files, int *ret_fd);

/* What kept_config_write wrote, loaded; as config_from_files. fd stays the caller's. */
MUST_USE enum err kept_config_read(int fd, struct arena *scratch, struct diagnostics *ret_said,
                                   struct config **ret);
