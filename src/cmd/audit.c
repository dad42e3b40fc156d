/* countersign audit: the log, read from its files; what changes it goes through the gateway. */
#include "cmd/audit.h"
#include "audit/io.h"
#include "audit/verify.h"
#include "base/limits.h"
#include "cmd/audit_reading.h"
#include "cmd/config_file.h"

#include <stdio.h>
#include <unistd.h>

enum exit_status audit_directory(const struct command *self, const char *operand, const char *config,
                                 char out[static AUDIT_PATH])
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
    int n = snprintf(out, AUDIT_PATH, "%.*s", STR_FMT(dir));
    if (n < 0 || n >= AUDIT_PATH) {
        cmd_complain(self, "the path of the log is too long");
        status = EXIT_USAGE;
    }
    config_unref(c);
    return status;
}

bool audit_read(const struct command *self, const char *path, size_t most, struct buf *ret)
{
    enum err e = io_read_file(strcmp(path, "-") == 0 ? "/dev/stdin" : path, most, ret);
    if (e != ERR_OK)
        cmd_complain(self, "%s: %s", path, err_text(e));
    return e == ERR_OK;
}

enum exit_status audit_keys(const struct command *self, const char *key, const char *dir,
                            struct note_key ret[static 64], size_t *ret_n)
{
    struct buf b CLEANUP(buf_done) = {0};
    *ret_n = 0;
    buf_init(&b, 64 * KIB);
    if (key != NULL && note_key_parse(str_of(key), &ret[0]) == ERR_OK) {
        *ret_n = 1;
        return EXIT_DONE;
    }
    if (key != NULL) {
        if (!audit_read(self, key, 32 * KIB, &b))
            return EXIT_USAGE;
        if (audit_keys_parse(buf_view(&b), ret, ret_n) == ERR_OK)
            return EXIT_DONE;
        cmd_complain(self, "%s is no public key (name+hash+base64), nor a file of them, one a line", key);
        return EXIT_USAGE;
    }
    if (dir != NULL) {
        enum err e = audit_own_keys(str_of(dir), ret, ret_n);
        if (e == ERR_OK || e == ERR_NOT_FOUND)
            return EXIT_DONE;
        cmd_complain(self, "%s/key.pub: %s", dir, err_text(e));
        return EXIT_USAGE;
    }
    cmd_complain(self, "name the log's public key: --key KEY, or --key FILE");
    return EXIT_USAGE;
}

/* --- The words ------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    audit_word_fn *run;
} words[] = {
    {"verify", audit_verify_run},
    {"prove", audit_prove_run},
    {"check-proof", audit_check_proof_run},
    {"rebuild", audit_rebuild_run},
    {"erase", audit_erase_run},
    {"rotate-key", audit_rotate_key_run},
    {"witness", audit_witness_run},
};

/* These take the whole command line. */
static const struct {
    const char *name;
    enum exit_status (*run)(const struct command *self, int argc, char **argv);
} reading[] = {{"search", audit_search_main}, {"story", audit_story_main}, {"export", audit_export_main}};

static enum exit_status run(const struct command *self, int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < ARRAY_LEN(reading); i++)
        if (strcmp(argv[1], reading[i].name) == 0)
            return reading[i].run(self, argc, argv);
    for (size_t i = 0; argc > 1 && i < ARRAY_LEN(words); i++)
        if (strcmp(argv[1], words[i].name) == 0)
            return words[i].run(self, argc - 1, argv + 1);
    if (argc > 1)
        cmd_complain(self, "there is no \"audit %s\"; see `countersign help audit`", argv[1]);
    else
        cmd_complain(self, "say what: verify, prove, … see `countersign help audit`");
    return EXIT_USAGE;
}

const struct command cmd_audit = {
    .name = "audit",
    .group = COMMANDS_LOG,
    .summary = "Verify the log, prove it, search it, tell the story of a request",
    .usage =
        "Usage: countersign audit verify [DIRECTORY | -c FILE] [--key KEY] [--checkpoint FILE] [--json]\n"
        "       countersign audit prove NUMBER|DIGEST [DIRECTORY | -c FILE]\n"
        "       countersign audit prove --since CHECKPOINT|NUMBER [DIRECTORY | -c FILE]\n"
        "       countersign audit check-proof FILE --key KEY [--since CHECKPOINT]\n"
        "       countersign audit rebuild [DIRECTORY | -c FILE]\n"
        "       countersign audit erase NUMBER --reason TEXT [-c FILE]\n"
        "       countersign audit rotate-key [-c FILE]\n"
        "       countersign audit witness --listen HOST:PORT --state DIRECTORY --log KEY [--name NAME]\n"
        "       countersign audit search [--person NAME] [--resource NAME] [--guardrail NAME] [--text WORDS]\n"
        "                                [--outcome WORD] [--kind KIND] [--request N] [--since WHEN] [--until WHEN]\n"
        "                                [--limit N] [--before RECORD] [--oldest-first] [--json]\n"
        "       countersign audit story REQUEST\n"
        "       countersign audit export [--format jsonl|csv|ocsf|syslog] [--to FILE|tls://HOST:PORT]\n"
        "                                [--cursor FILE] [--since WHEN] [--follow] [--ca FILE] [--cert FILE --key FILE]\n"
        "\n"
        "verify reads every record and checks that it is whole, in its place, and what was signed; the\n"
        "first that is not is named. The gateway may run meanwhile. A log that was replaced as a whole\n"
        "by an older or another one looks well by itself: keep a copy of DIRECTORY/checkpoint and of\n"
        "DIRECTORY/key.pub somewhere else, and name them with --checkpoint and --key.\n"
        "\n"
        "prove prints a proof that a record (by its number, or the SHA-256 of its leaf) is in the log,\n"
        "or that the log goes on from a checkpoint; check-proof checks one with the public key alone.\n"
        "\n"
        "rebuild makes the tiles anew from the journal. erase overwrites what people and clients wrote in\n"
        "one record, and rotate-key makes a new key: both are recorded; a gateway that runs does them, asked over\n"
        "its local socket by root or its own user.\n"
        "witness answers C2SP add-checkpoint over HTTP: it cosigns the checkpoints of the logs whose keys\n"
        "it was given, each for as long as it goes on from the last one seen.\n"
        "\n"
        "search finds records by any of these together, the newest first. A person is anybody named: who\n"
        "asked, for whom, who decided. --text: every word of it, `ord*` begins one. --outcome: allowed, denied,\n"
        "refused, held, approved, rejected, expired, withdrawn, running, completed, failed, unknown. WHEN is how\n"
        "long ago (30d, 12h) or a time (2026-11-22, 2026-11-22T17:20:00Z). An index beside the log makes it\n"
        "fast; it is made when it is missing (--rebuild: always), and nothing is believed for standing there:\n"
        "every record is read from the log. --scan reads the whole log instead.\n"
        "export writes records to standard output, appends them to a file or sends them over TLS (syslog as\n"
        "RFC 5425 says), each at least once, in order. With --cursor it goes on where it was: the cursor moves\n"
        "only when a file is synced, or a receiver has said that it has everything. --follow goes on with\n"
        "what is recorded later, and waits for a receiver that is away.\n"
        "story tells everything the log has about one request, in order.\n"
        "\n"
        "      --log DIRECTORY    the log, for search, story and export\n"
        "  -c, --config FILE      the configuration (countersign.yaml here, else in /etc/countersign)\n"
        "      --key KEY          the log's public key, or a file with it (default: key.pub in the log)\n"
        "      --checkpoint FILE  a checkpoint kept from before\n"
        "\n"
        "Exit status: 0 it verifies or is done, 1 it does not, 2 wrong use, 3 no gateway is reached.\n",
    .run = run,
};
