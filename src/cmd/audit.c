/* countersign audit: the log, read from its files; no gateway is needed. */
#include "audit/audit.h"
#include "base/limits.h"
#include "cmd/audit_reading.h"
#include "cmd/config_file.h"

#include <stdio.h>

enum { PATH_ROOM = 4096 };

/* The log's directory: the operand, else what the configuration says. */
static enum exit_status find_directory(const struct command *self, const char *operand,
                                       const char *config, char out[static PATH_ROOM])
{
    struct arena scratch CLEANUP(arena_done);
    struct diagnostics said = {0};
    struct config *c = NULL;
    struct str dir = str_of(operand);
    enum exit_status status = EXIT_DONE;
    arena_init(&scratch, LIMIT_CONFIG_ARENA);
    if (operand == NULL &&
        config_file_load(config_file_path(config), false, &scratch, &said, &c) != ERR_OK) {
        config_say(&said);
        cmd_complain(self, "the configuration does not say where the log is; name its directory");
        return EXIT_USAGE;
    }
    if (c != NULL)
        dir = c->audit_directory;
    int n = snprintf(out, PATH_ROOM, "%.*s/%s", STR_FMT(dir), AUDIT_FILE);
    if (n < 0 || n >= PATH_ROOM) {
        cmd_complain(self, "the path of the log is too long");
        status = EXIT_USAGE;
    }
    config_unref(c);
    return status;
}

static enum exit_status verify(const struct command *self, const char *path)
{
    struct audit_report r;
    char hex[DIGEST_HEX + 1];
    enum err e = audit_verify(path, &r);
    if (e != ERR_OK) {
        cmd_complain(self, "%s: %s", path, err_text(e));
        return EXIT_REFUSED;
    }
    if (r.fault != AUDIT_GOOD) {
        fprintf(stderr, "%s:%llu: %s: %s\n%llu records before it are good\n", path,
                (unsigned long long)r.line, audit_fault_text(r.fault), r.text,
                (unsigned long long)r.records);
        return EXIT_REFUSED;
    }
    printf("%s: good: %llu records, the last one is %llu\nits hash: %.*s\n", path,
           (unsigned long long)r.records, (unsigned long long)r.last_seq,
           STR_FMT(digest_hex(&r.last_hash, hex)));
    return EXIT_DONE;
}

static const struct {
    const char *name;
    enum exit_status (*run)(const struct command *self, int argc, char **argv);
} reading[] = {{"search", audit_search_main}, {"story", audit_story_main}};

static enum exit_status run(const struct command *self, int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < ARRAY_LEN(reading); i++)
        if (strcmp(argv[1], reading[i].name) == 0)
            return reading[i].run(self, argc, argv);
    const char *config = NULL;
    const struct cmd_option options[] = {{.name = "config", .letter = 'c', .value = &config}};
    char path[PATH_ROOM];
    size_t n;
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 1, 2, &n) != ERR_OK)
        return EXIT_USAGE;
    if (strcmp(argv[0], "verify") != 0) {
        cmd_complain(self, "there is no \"audit %s\"; there is: audit verify", argv[0]);
        return EXIT_USAGE;
    }
    enum exit_status status = find_directory(self, n > 1 ? argv[1] : NULL, config, path);
    return status == EXIT_DONE ? verify(self, path) : status;
}

const struct command cmd_audit = {
    .name = "audit",
    .group = COMMANDS_LOG,
    .summary = "Verify the log, search it, tell the story of a request",
    .usage =
        "Usage: countersign audit verify [DIRECTORY | -c FILE]\n"
        "       countersign audit search [--person NAME] [--resource NAME] [--guardrail NAME] [--text WORDS]\n"
        "                                [--outcome WORD] [--kind KIND] [--request N] [--since WHEN] [--until WHEN]\n"
        "                                [--limit N] [--before RECORD] [--oldest-first] [--json]\n"
        "       countersign audit story REQUEST\n"
        "\n"
        "Reads the log from its directory, or from the one that the configuration names, and "
        "checks\n"
        "that each record is what its hash says and follows the one before it. The first that "
        "does\n"
        "not is named. The gateway may run meanwhile.\n"
        "\n"
        "A log whose end was cut off looks whole: keep the last hash somewhere else and compare.\n"
        "\n"
        "search finds records by any of these together, the newest first. A person is anybody named: who\n"
        "asked, for whom, who decided. --text: every word of it, `ord*` begins one. --outcome: allowed, denied,\n"
        "refused, held, approved, rejected, expired, withdrawn, running, completed, failed, unknown. WHEN is how\n"
        "long ago (30d, 12h) or a time (2026-11-22, 2026-11-22T17:20:00Z). An index beside the log makes it\n"
        "fast; it is made when it is missing (--rebuild: always), and nothing is believed for standing there:\n"
        "every record is read from the log. --scan reads the whole log instead.\n"
        "story tells everything the log has about one request, in order.\n"
        "\n"
        "  --log DIRECTORY    the log, for search and story\n"
        "  -c, --config FILE  the configuration (countersign.yaml here, else in /etc/countersign)\n"
        "\n"
        "Exit status: 0 the log verifies, 1 it does not, 2 no log was named.\n",
    .run = run,
};
