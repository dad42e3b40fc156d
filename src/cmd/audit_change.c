/* countersign audit erase, and rotate-key: they write to the log, so they need it for themselves. */
#include "audit/audit.h"
#include "base/limits.h"
#include "cmd/audit.h"
#include "cmd/config_file.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

/* The log of the configuration, opened for writing. */
struct opened {
    struct arena scratch;
    struct config *config;
    struct audit *log;
};

static void opened_done(struct opened *o)
{
    audit_close(o->log);
    config_unref(o->config);
    arena_done(&o->scratch);
}

static enum exit_status open_log(const struct command *self, const char *config, struct opened *o)
{
    struct diagnostics said = {0};
    struct audit_error error = {""};
    *o = (struct opened){.log = NULL};
    arena_init(&o->scratch, LIMIT_CONFIG_ARENA);
    if (config_file_load(config_file_path(config), false, &o->scratch, &said, &o->config) != ERR_OK) {
        config_say(&said);
        return EXIT_USAGE;
    }
    enum err e = audit_open(&o->config->audit, NULL, clock_now(), &o->log, &error);
    if (e == ERR_OK)
        return EXIT_DONE;
    if (e == ERR_EXISTS)
        cmd_complain(self, "the gateway is running and writes this log; stop it, do this, and start it again");
    else
        cmd_complain(self, "%s", error.text);
    return EXIT_REFUSED;
}

/* Who does it, as this machine knows them. */
static struct str who(void)
{
    const struct passwd *p = getpwuid(getuid());
    return p != NULL ? str_of(p->pw_name) : STR("unknown");
}

enum exit_status audit_erase_run(const struct command *self, int argc, char **argv)
{
    const char *config = NULL, *reason = NULL;
    const struct cmd_option options[] = {{.name = "config", .letter = 'c', .value = &config},
                                         {.name = "reason", .value = &reason}};
    struct opened o CLEANUP(opened_done);
    uint64_t seq;
    size_t n, members = 0;
    o = (struct opened){.log = NULL};
    arena_init(&o.scratch, 1);
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 1, 1, &n) != ERR_OK)
        return EXIT_USAGE;
    if (str_to_u64(str_of(argv[0]), &seq) != ERR_OK || reason == NULL || reason[0] == '\0') {
        cmd_complain(self, "name the record by its number, and say why with --reason: both are recorded");
        return EXIT_USAGE;
    }
    enum exit_status status = open_log(self, config, &o);
    if (status != EXIT_DONE)
        return status;
    enum err e = audit_erase(o.log, seq, who(), str_of(reason), clock_now(), &members);
    if (e != ERR_OK) {
        cmd_complain(self, "record %llu: %s", (unsigned long long)seq,
                     e == ERR_NOT_FOUND ? "there is no such record, or nothing of it is left to erase" : err_text(e));
        return EXIT_REFUSED;
    }
    printf("record %llu: %zu members erased, as record %llu says; every proof stays good\n", (unsigned long long)seq,
           members, (unsigned long long)audit_last_seq(o.log));
    return EXIT_DONE;
}

enum exit_status audit_rotate_key_run(const struct command *self, int argc, char **argv)
{
    const char *config = NULL;
    const struct cmd_option options[] = {{.name = "config", .letter = 'c', .value = &config}};
    struct opened o CLEANUP(opened_done);
    size_t n;
    o = (struct opened){.log = NULL};
    arena_init(&o.scratch, 1);
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 0, 0, &n) != ERR_OK)
        return EXIT_USAGE;
    enum exit_status status = open_log(self, config, &o);
    if (status != EXIT_DONE)
        return status;
    enum err e = audit_rotate_key(o.log, who(), clock_now());
    if (e != ERR_OK) {
        cmd_complain(self, "the key stays as it is: %s",
                     e == ERR_UNSUPPORTED ? "audit.signer holds it; rotate it there" : err_text(e));
        return EXIT_REFUSED;
    }
    printf("a new key signs from here on, as record %llu says, signed by both; key.pub has it on its first line\n",
           (unsigned long long)audit_last_seq(o.log));
    return EXIT_DONE;
}
