#include "cmd/cmd.h"

/* The subcommands, in the order in which help lists them within their group. */
static const struct command *const commands[] = {
    &cmd_serve,
    &cmd_check,
    &cmd_policy,
    &cmd_broker,
    &cmd_worker,
    NULL,
};

int main(int argc, char **argv)
{
    return cmd_main(commands, argc, argv);
}
