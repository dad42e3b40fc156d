/* The parts of `countersign audit` that read records. argv[1] is the subcommand. */
#pragma once

#include "audit/search.h"
#include "cmd/cmd.h"

enum exit_status audit_search_main(const struct command *self, int argc, char **argv);
enum exit_status audit_export_main(const struct command *self, int argc, char **argv);
enum exit_status audit_story_main(const struct command *self, int argc, char **argv);

/* The search that both make: index made or brought up to date, made anew where it is wrong; the log is read instead
 * where the directory cannot be written or `scan` says so. What `found` is given may be given again from the start:
 * `begin` is called before. Says what goes wrong. */
struct log_search {
    const struct command *self;
    const char *dir;
    bool scan;
    void (*begin)(void *ctx);
    audit_found_fn *found;
    void *ctx;
};
MUST_USE enum err log_search_run(const struct log_search *s, const struct audit_query *q,
                                 bool *ret_more);
