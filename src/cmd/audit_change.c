/* countersign audit erase, and rotate-key: a gateway that runs does it, between two records; else the log is opened. */
#include "audit/audit.h"
#include "base/limits.h"
#include "cmd/audit.h"
#include "cmd/client.h"
#include "cmd/config_file.h"

#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The log of the configuration. */
struct opened {
    struct arena scratch;
    struct config *config;
    struct audit *log; /* opened for writing; NULL: the gateway has it */
};

static void opened_done(struct opened *o)
{
    audit_close(o->log);
    config_unref(o->config);
    arena_done(&o->scratch);
}

/* What root wrote there the gateway could not go on with. */
static bool is_anothers(const struct command *self, const struct config *c)
{
    char path[AUDIT_PATH];
    struct stat st;
    int n = snprintf(path, sizeof(path), "%.*s", STR_FMT(c->audit_directory));
    if (n < 0 || n >= AUDIT_PATH || stat(path, &st) != 0 || st.st_uid == geteuid())
        return false;
    const struct passwd *p = getpwuid(st.st_uid);
    cmd_complain(self,
                 "no gateway has this log open, and its files belong to user %s: do this as that user\n"
                 "  (setpriv --reuid %s --regid %s --init-groups), or start the gateway first",
                 p != NULL ? p->pw_name : "?", p != NULL ? p->pw_name : "?", p != NULL ? p->pw_name : "?");
    return true;
}

/* EXIT_DONE: o->log, or NULL where a gateway has it. */
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
    enum err e = audit_is_free(o->config->audit_directory);
    if (e == ERR_EXISTS)
        return EXIT_DONE;
    if (e == ERR_NOT_FOUND) {
        cmd_complain(self, "there is no log in %.*s: name the gateway's configuration with -c",
                     STR_FMT(o->config->audit_directory));
        return EXIT_USAGE;
    }
    if (e != ERR_OK) {
        cmd_complain(self, "the log in %.*s cannot be opened (%s): do this as root or as the gateway's own user",
                     STR_FMT(o->config->audit_directory), err_text(e));
        return EXIT_REFUSED;
    }
    if (is_anothers(self, o->config))
        return EXIT_REFUSED;
    e = audit_open(&o->config->audit, NULL, clock_now(), &o->log, &error);
    if (e == ERR_OK || e == ERR_EXISTS)
        return EXIT_DONE;
    cmd_complain(self, "%s", error.text);
    return EXIT_REFUSED;
}

/* Has the gateway of the configuration do it, over its local socket. */
static enum exit_status ask(const struct command *self, const struct opened *o, const char *path, json_t *body,
                            uint64_t *ret_record, uint64_t *ret_members)
{
    char socket[SOCKET_PATH] = "";
    struct client c;
    struct answer a;
    int n = snprintf(socket, sizeof(socket), "%.*s", STR_FMT(o->config->socket));
    bool named = o->config->socket.n != 0 && n > 0 && n < SOCKET_PATH;
    if (!named && socket_path_to_reach(NULL, socket) != ERR_OK) {
        cmd_complain(self, "the path of the gateway's socket is too long");
        return EXIT_USAGE;
    }
    enum exit_status status = client_init(&c, self, socket);
    if (status != EXIT_DONE)
        return status;
    status = client_call(&c, "POST", path, body, &a);
    if (status == EXIT_DONE) {
        *ret_record = json_number(a.json, "record");
        *ret_members = json_number(a.json, "members");
    }
    answer_done(&a);
    client_done(&c);
    return status;
}

/* Who does it, as this machine knows them. */
static struct str who(void)
{
    const struct passwd *p = getpwuid(getuid());
    return p != NULL ? str_of(p->pw_name) : STR("unknown");
}

static enum exit_status erase_here(const struct command *self, const struct opened *o, uint64_t seq, const char *reason,
                                   uint64_t *ret_record, uint64_t *ret_members)
{
    size_t members = 0;
    enum err e = audit_erase(o->log, seq, who(), str_of(reason), clock_now(), &members);
    if (e != ERR_OK) {
        cmd_complain(self, "record %llu: %s", (unsigned long long)seq,
                     e == ERR_NOT_FOUND ? "there is no such record, or nothing of it is left to erase" : err_text(e));
        return EXIT_REFUSED;
    }
    *ret_record = audit_last_seq(o->log);
    *ret_members = members;
    return EXIT_DONE;
}

static enum exit_status erase_there(const struct command *self, const struct opened *o, uint64_t seq,
                                    const char *reason, uint64_t *ret_record, uint64_t *ret_members)
{
    char path[64];
    json_t *body = json_pack("{s:s}", "reason", reason);
    if (body == NULL) {
        cmd_complain(self, "the reason must be UTF-8 text");
        return EXIT_USAGE;
    }
    snprintf(path, sizeof(path), "/v1/audit/records/%llu/erase", (unsigned long long)seq);
    enum exit_status status = ask(self, o, path, body, ret_record, ret_members);
    json_decref(body);
    return status;
}

enum exit_status audit_erase_run(const struct command *self, int argc, char **argv)
{
    const char *config = NULL, *reason = NULL;
    const struct cmd_option options[] = {{.name = "config", .letter = 'c', .value = &config},
                                         {.name = "reason", .value = &reason}};
    struct opened o CLEANUP(opened_done);
    uint64_t seq, said = 0, members = 0;
    size_t n;
    o = (struct opened){.log = NULL};
    arena_init(&o.scratch, 1);
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 1, 1, &n) != ERR_OK)
        return EXIT_USAGE;
    if (str_to_u64(str_of(argv[0]), &seq) != ERR_OK || seq == 0 || reason == NULL || reason[0] == '\0') {
        cmd_complain(self, "name the record by its number, and say why with --reason: both are recorded");
        return EXIT_USAGE;
    }
    enum exit_status status = open_log(self, config, &o);
    if (status != EXIT_DONE)
        return status;
    status = o.log != NULL ? erase_here(self, &o, seq, reason, &said, &members)
                           : erase_there(self, &o, seq, reason, &said, &members);
    if (status == EXIT_DONE)
        printf("record %llu: %llu members erased, as record %llu says; every proof stays good\n",
               (unsigned long long)seq, (unsigned long long)members, (unsigned long long)said);
    return status;
}

static enum exit_status rotate_here(const struct command *self, const struct opened *o, uint64_t *ret_record)
{
    enum err e = audit_rotate_key(o->log, who(), clock_now());
    if (e != ERR_OK) {
        cmd_complain(self, "the key stays as it is: %s",
                     e == ERR_UNSUPPORTED ? "audit.signer holds it; rotate it there" : err_text(e));
        return EXIT_REFUSED;
    }
    *ret_record = audit_last_seq(o->log);
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
    uint64_t said = 0, none;
    status = o.log != NULL ? rotate_here(self, &o, &said) : ask(self, &o, "/v1/audit/rotate-key", NULL, &said, &none);
    if (status == EXIT_DONE)
        printf("a new key signs from here on, as record %llu says, signed by both; key.pub has it on its first line\n",
               (unsigned long long)said);
    return status;
}
