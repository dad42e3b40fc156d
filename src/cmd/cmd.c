#include "cmd/cmd.h"

#include <stdarg.h>
#include <stdio.h>

#ifndef COUNTERSIGN_VERSION
#error "the build defines COUNTERSIGN_VERSION"
#endif

static const struct {
    enum command_group group;
    const char *title;
} groups[] = {
    {COMMANDS_APPROVE, "See what waits, and decide"},
    {COMMANDS_GATEWAY, "Run the gateway"},
    {COMMANDS_POLICY, "Write and try guardrails"},
    {COMMANDS_LOG, "Check the log"},
};

static void print_overview(FILE *to, const struct command *const *table)
{
    fputs("Countersign holds a risky action until the people who may decide have approved it.\n\n"
          "Usage: countersign COMMAND [OPTIONS]\n",
          to);
    for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
        bool titled = false;
        for (size_t i = 0; table[i] != NULL; i++) {
            if (table[i]->group != groups[g].group)
                continue;
            if (!titled)
                fprintf(to, "\n%s:\n", groups[g].title);
            titled = true;
            fprintf(to, "  %-10s %s\n", table[i]->name, table[i]->summary);
        }
    }
    fputs("\n"
          "  countersign help COMMAND   what it does, its options, examples\n"
          "  countersign --version\n"
          "\n"
          "Exit status: 0 done, 1 refused or rejected, 2 wrong use, 3 gateway not reachable.\n",
          to);
}

static const struct command *find(const struct command *const *table, const char *name)
{
    for (size_t i = 0; table[i] != NULL; i++)
        if (strcmp(table[i]->name, name) == 0)
            return table[i];
    return NULL;
}

static bool is_any(const char *s, const char *a, const char *b)
{
    return strcmp(s, a) == 0 || strcmp(s, b) == 0;
}

static int unknown_command(const char *name)
{
    fprintf(stderr, "countersign: there is no command \"%s\"; \"countersign help\" lists them\n",
            name);
    return EXIT_USAGE;
}

static int help(const struct command *const *table, int argc, char **argv)
{
    if (argc < 3) {
        print_overview(stdout, table);
        return EXIT_DONE;
    }
    const struct command *c = find(table, argv[2]);
    if (c == NULL)
        return unknown_command(argv[2]);
    fputs(c->usage, stdout);
    return EXIT_DONE;
}

/* True where the arguments ask for help before a "--" (behind it they belong to another program).
 */
static bool wants_help(int argc, char **argv)
{
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (is_any(argv[i], "--help", "-h"))
            return true;
    return false;
}

int cmd_main(const struct command *const *table, int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr, table);
        return EXIT_USAGE;
    }
    if (is_any(argv[1], "--version", "-V")) {
        puts("countersign " COUNTERSIGN_VERSION);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "help") == 0 || is_any(argv[1], "--help", "-h"))
        return help(table, argc, argv);
    const struct command *c = find(table, argv[1]);
    if (c == NULL)
        return unknown_command(argv[1]);
    if (wants_help(argc, argv)) {
        fputs(c->usage, stdout);
        return EXIT_DONE;
    }
    return (int)c->run(c, argc - 1, argv + 1);
}

void cmd_complain(const struct command *self, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "countersign %s: ", self->name);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

/* --- Options ---------------------------------------------------------------------------------- */

static enum err wrong_use(const struct command *self)
{
    fprintf(stderr, "%.*s\n\"countersign help %s\" says more\n", (int)strcspn(self->usage, "\n"),
            self->usage, self->name);
    return ERR_INVALID;
}

static const struct cmd_option *find_option(const struct cmd_option *options, size_t n,
                                            const char *arg, size_t name_len)
{
    for (size_t i = 0; i < n; i++) {
        const struct cmd_option *o = &options[i];
        if (arg[1] != '-' && o->letter != 0 && arg[1] == o->letter && arg[2] == '\0')
            return o;
        if (arg[1] == '-' && strlen(o->name) == name_len && memcmp(o->name, arg + 2, name_len) == 0)
            return o;
    }
    return NULL;
}

/* One option at argv[*at]; moves *at past a value of its own. */
static enum err take_option(const struct command *self, const struct cmd_option *options, size_t n,
                            int argc, char **argv, int *at)
{
    char *arg = argv[*at];
    char *equals = arg[1] == '-' ? strchr(arg, '=') : NULL;
    size_t name_len =
        arg[1] == '-' ? (equals != NULL ? (size_t)(equals - arg) : strlen(arg)) - 2 : 1;
    const struct cmd_option *o = find_option(options, n, arg, name_len);
    if (o == NULL) {
        cmd_complain(self, "unknown option %s", arg);
        return wrong_use(self);
    }
    if (o->flag != NULL) {
        if (equals != NULL) {
            cmd_complain(self, "--%s takes no value", o->name);
            return wrong_use(self);
        }
        *o->flag = true;
        return ERR_OK;
    }
    if (equals == NULL && *at + 1 >= argc) {
        cmd_complain(self, "--%s needs a value", o->name);
        return wrong_use(self);
    }
    *o->value = equals != NULL ? equals + 1 : argv[++*at];
    return ERR_OK;
}

enum err cmd_options(const struct command *self, const struct cmd_option *options, size_t n_options,
                     int argc, char **argv, size_t least, size_t most, size_t *ret_n)
{
    size_t kept = 0;
    bool ended = false;
    for (int i = 1; i < argc; i++) {
        char *arg = argv[i];
        if (!ended && strcmp(arg, "--") == 0)
            ended = true;
        else if (!ended && arg[0] == '-' && arg[1] != '\0')
            TRY(take_option(self, options, n_options, argc, argv, &i));
        else
            argv[kept++] = arg;
    }
    if (kept < least || kept > most) {
        cmd_complain(self,
                     kept < least ? "an argument is missing" : "\"%s\" is one argument too many",
                     kept < least ? "" : argv[most]);
        return wrong_use(self);
    }
    *ret_n = kept;
    return ERR_OK;
}
