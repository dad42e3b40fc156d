#include "cmd/log_dir.h"

#include "base/limits.h"
#include "cmd/config_file.h"

char *log_dir(const struct command *self, const char *named, const char *config)
{
    struct arena scratch CLEANUP(arena_done);
    struct diagnostics said = {NULL, 0, 0};
    struct config *c = NULL;
    char *dir = NULL;
    arena_init(&scratch, LIMIT_CONFIG_ARENA);
    if (named != NULL)
        return str_dupz(str_of(named));
    if (config_file_load(config_file_path(config), false, &scratch, &said, &c) == ERR_OK) {
        dir = str_dupz(c->audit_directory);
    } else {
        config_say(&said);
        cmd_complain(self, "the configuration does not say where the log is; name it: --log DIRECTORY");
    }
    config_unref(c);
    return dir;
}

void log_dir_complain(const struct command *self, const char *dir, enum err e)
{
    if (e == ERR_NOT_FOUND)
        cmd_complain(self, "there is no log in %s", dir);
    else if (e == ERR_CORRUPT)
        cmd_complain(self, "the log in %s is damaged; \"countersign audit verify\" says where", dir);
    else if (e == ERR_FORBIDDEN)
        cmd_complain(self, "the log in %s may not be read by you", dir);
    else
        cmd_complain(self, "the log in %s: %s", dir, err_text(e));
}
