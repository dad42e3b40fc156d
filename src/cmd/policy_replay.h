/* The part of `countersign policy` that reads the log. */
#pragma once

#include "cmd/cmd.h"

/* argv[1] is "replay"; options as `countersign help policy` says. */
enum exit_status policy_replay_main(const struct command *self, int argc, char **argv);
