/*
 * The command line: one `struct command` a subcommand, each in its own file src/cmd/NAME.c, listed
 * once in the table of src/main.c. A command is handed its own arguments (argv[0] is its name) and
 * returns the exit status.
 *
 * To add one: write src/cmd/NAME.c with `const struct command cmd_NAME`, declare it below, add it
 * to the table in src/main.c and the file to src/cmd/meson.build.
 */
#pragma once

#include "base/str.h"

enum exit_status {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1,     /* refused, rejected, not found, not permitted, or does not verify */
    EXIT_USAGE = 2,       /* wrong use of the command line, or a file that is not as it must be */
    EXIT_UNREACHABLE = 3, /* the gateway could not be reached */
};

enum command_group {
    COMMANDS_GATEWAY = 1,
    COMMANDS_APPROVE,
    COMMANDS_POLICY,
    COMMANDS_LOG,
    COMMANDS_HIDDEN
};

struct command {
    const char *name;
    enum command_group group; /* COMMANDS_HIDDEN: for our own processes, not listed */
    const char *summary;      /* one line, under 60 characters, no full stop */
    const char
        *usage; /* what `countersign help NAME` prints: starts with "Usage: countersign NAME" */
    enum exit_status (*run)(const struct command *self, int argc, char **argv);
};

/* One declaration a command. */
extern const struct command cmd_approve;
extern const struct command cmd_audit;
extern const struct command cmd_broker;
extern const struct command cmd_break_glass;
extern const struct command cmd_check;
extern const struct command cmd_grants;
extern const struct command cmd_login;
extern const struct command cmd_policy;
extern const struct command cmd_reject;
extern const struct command cmd_requests;
extern const struct command cmd_review;
extern const struct command cmd_reviews;
extern const struct command cmd_revoke;
extern const struct command cmd_serve;
extern const struct command cmd_show;
extern const struct command cmd_stats;
extern const struct command cmd_user;
extern const struct command cmd_watch;
extern const struct command cmd_withdraw;
extern const struct command cmd_retract;
extern const struct command cmd_delegate;
extern const struct command cmd_worker;

/* Runs argv[1] from the table, which NULL ends; prints help for --help, -h and
 * help, the version for --version and -V. */
int cmd_main(const struct command *const *table, int argc, char **argv);

/* --- Options ---------------------------------------------------------------------------------- */

/* One option: exactly one of flag and value is set. */
struct cmd_option {
    const char *name; /* without the dashes */
    char letter;      /* for "-c"; 0: none */
    bool *flag;
    const char **value;
};

/*
 * Takes the options out of argv, in any order with the operands, "--name value" and "--name=value";
 * "--" ends them. The operands are left in argv[0..*ret_n) (argv[0], the command's name, is gone).
 * Anything unknown, or a number of operands outside [least, most], is said on standard error with
 * the first line of the usage: ERR_INVALID.
 */
MUST_USE enum err cmd_options(const struct command *self, const struct cmd_option *options,
                              size_t n_options, int argc, char **argv, size_t least, size_t most,
                              size_t *ret_n);

/* Prints "countersign NAME: ..." and a newline on standard error. */
void cmd_complain(const struct command *self, const char *fmt, ...) PRINTF_LIKE(2, 3);
