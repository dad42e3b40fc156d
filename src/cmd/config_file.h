/*
 * The configuration from the disk, for commands: which file, how it is read, how its problems are
 * shown, and how policy tests learn the facts of a statement.
 */
#pragma once

#include "cmd/cmd.h"
#include "policy/config.h"

/* The file after -c; else countersign.yaml here, else /etc/countersign/countersign.yaml. */
struct str config_file_path(const char *given);

/* As config_load from the disk. `run_tests`: failing policy tests are errors too. */
MUST_USE enum err config_file_load(struct str path, bool run_tests, struct arena *scratch,
                                   struct diagnostics *ret_said, struct config **ret);

/* How policy tests and `policy eval` learn the facts of a statement: as a session that has changed
 * nothing would read it. */
extern const struct policy_test_facts config_test_facts;

/* Every problem, on standard error. */
void config_say(const struct diagnostics *said);
