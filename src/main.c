#include "cmd/cmd.h"

/* The subcommands, in the order in which help lists them within their group. */
static const struct command *const commands[] = {
    &cmd_requests,
    &cmd_show,
    &cmd_approve,
    &cmd_reject,
    &cmd_watch,
    &cmd_delegate,
    &cmd_retract,
    &cmd_withdraw,
    &cmd_grants,
    &cmd_revoke,
    &cmd_break_glass,
    &cmd_review,
    &cmd_reviews,
    &cmd_login,
    &cmd_stats,
    &cmd_user,
    &cmd_serve,
    &cmd_check,
    &cmd_policy,
    &cmd_audit,
    &cmd_broker,
    &cmd_worker,
    NULL,
};

int main(int argc, char **argv)
{
    return cmd_main(commands, argc, argv);
}
