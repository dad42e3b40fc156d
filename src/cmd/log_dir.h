/* Which log a command is about. */
#pragma once

#include "cmd/cmd.h"

/* The directory that was named, else the one of the configuration; a heap string that the caller frees. NULL: said. */
char *log_dir(const struct command *self, const char *named, const char *config);

/* Says what is wrong with the log. */
void log_dir_complain(const struct command *self, const char *dir, enum err e);
