/* countersign audit prove, and check-proof. */
#include "audit/leaf.h"
#include "audit/receipt.h"
#include "audit/verify.h"
#include "base/limits.h"
#include "cmd/audit.h"

#include <stdio.h>

enum { RECEIPT_MAX = 64 * 1024 };

typedef unsigned long long ull;

/* --- prove ----------------------------------------------------------------------------------------- */

/* How many records `since` stands for: a number, or a checkpoint's file. */
static bool size_of(const struct command *self, const char *since, uint64_t *ret)
{
    struct buf b CLEANUP(buf_done) = {0};
    struct note n;
    struct checkpoint c;
    if (str_to_u64(str_of(since), ret) == ERR_OK)
        return true;
    buf_init(&b, 64 * KIB);
    if (!audit_read(self, since, 16 * KIB, &b))
        return false;
    if (note_parse(buf_view(&b), &n) != ERR_OK || checkpoint_parse(n.text, &c) != ERR_OK) {
        cmd_complain(self, "%s is neither a number of records nor a checkpoint", since);
        return false;
    }
    *ret = c.size;
    return true;
}

static enum err find_record(struct str dir, const char *what, uint64_t *ret)
{
    struct digest d;
    if (digest_parse(str_of(what), &d) == ERR_OK)
        return receipt_find(dir, &d, ret);
    return str_to_u64(str_of(what), ret);
}

static enum exit_status prove(const struct command *self, const char *what, const char *since, struct str dir)
{
    struct buf out CLEANUP(buf_done) = {0};
    uint64_t number = 0;
    buf_init(&out, RECEIPT_MAX);
    if (since != NULL && !size_of(self, since, &number))
        return EXIT_USAGE;
    enum err e = since == NULL ? find_record(dir, what, &number) : ERR_OK;
    if (e == ERR_OK)
        e = since == NULL ? receipt_inclusion(dir, number, &out) : receipt_consistency(dir, number, &out);
    if (e == ERR_OK) {
        printf("%.*s", STR_FMT(buf_view(&out)));
        return EXIT_DONE;
    }
    const char *why = err_text(e);
    if (e == ERR_NOT_FOUND)
        why = "there is no such record in the signed log (the newest are signed within a second)";
    else if (e == ERR_CORRUPT)
        why = "the log's tiles do not lead to its checkpoint; see `countersign audit verify`";
    else if (e == ERR_INVALID)
        why = since == NULL ? "name a record by its number or the SHA-256 of its leaf"
                            : "the log has fewer records: it is an older copy, or another log";
    cmd_complain(self, "%s: %s", since == NULL ? what : since, why);
    return e == ERR_INVALID && since == NULL ? EXIT_USAGE : EXIT_REFUSED;
}

enum exit_status audit_prove_run(const struct command *self, int argc, char **argv)
{
    const char *config = NULL, *since = NULL;
    const struct cmd_option options[] = {{.name = "config", .letter = 'c', .value = &config},
                                         {.name = "since", .value = &since}};
    char dir[AUDIT_PATH];
    size_t n;
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 0, 2, &n) != ERR_OK)
        return EXIT_USAGE;
    size_t own = since == NULL ? 1 : 0;
    if (n < own || n > own + 1) {
        cmd_complain(self, "name a record by its number or the SHA-256 of its leaf, or say --since CHECKPOINT");
        return EXIT_USAGE;
    }
    enum exit_status status = audit_directory(self, n > own ? argv[own] : NULL, config, dir);
    return status == EXIT_DONE ? prove(self, argv[0], since, str_of(dir)) : status;
}

/* --- check-proof ----------------------------------------------------------------------------------- */

static enum exit_status check_inclusion(const struct command *self, const char *path, const struct receipt *r)
{
    if (receipt_check_inclusion(r) != ERR_OK) {
        cmd_complain(self, "%s: the proof does not lead from its record to its checkpoint", path);
        return EXIT_REFUSED;
    }
    printf("good: record %llu of %llu in %.*s\n%.*s\n", (ull)r->number, (ull)r->checkpoint.size,
           STR_FMT(r->checkpoint.origin), STR_FMT(buf_view(&r->leaf)));
    return EXIT_DONE;
}

static enum exit_status check_consistency(const struct command *self, const char *path, const struct receipt *r,
                                          const char *since, const struct note_key *keys, size_t n_keys)
{
    struct buf b CLEANUP(buf_done) = {0};
    struct receipt kept = {.number = 0};
    buf_init(&b, 64 * KIB);
    if (since == NULL) {
        cmd_complain(self, "this proves that the log goes on from %llu records: --since names the checkpoint of them "
                           "that you kept", (ull)r->number);
        return EXIT_USAGE;
    }
    if (!audit_read(self, since, 16 * KIB, &b))
        return EXIT_USAGE;
    kept.note = buf_view(&b);
    if (note_parse(kept.note, &kept.parsed) != ERR_OK ||
        checkpoint_parse(kept.parsed.text, &kept.checkpoint) != ERR_OK ||
        receipt_check_signature(&kept, keys, n_keys) != ERR_OK) {
        cmd_complain(self, "%s is no checkpoint that this key signed", since);
        return EXIT_REFUSED;
    }
    enum err e = receipt_check_consistency(r, &kept.checkpoint);
    if (e != ERR_OK) {
        cmd_complain(self, "%s: %s", path,
                     e == ERR_INVALID ? "it proves from another number of records than the kept checkpoint has"
                                      : "the log does not go on from the kept checkpoint: a fork, or a changed record");
        return EXIT_REFUSED;
    }
    printf("good: the %llu records of %.*s begin with the %llu of the kept checkpoint\n", (ull)r->checkpoint.size,
           STR_FMT(r->checkpoint.origin), (ull)kept.checkpoint.size);
    return EXIT_DONE;
}

enum exit_status audit_check_proof_run(const struct command *self, int argc, char **argv)
{
    const char *key = NULL, *since = NULL;
    const struct cmd_option options[] = {{.name = "key", .value = &key}, {.name = "since", .value = &since}};
    struct buf b CLEANUP(buf_done) = {0};
    struct receipt r CLEANUP(receipt_done) = {.number = 0};
    struct note_key keys[AUDIT_KEYS];
    size_t n, n_keys;
    buf_init(&b, 2 * RECEIPT_MAX);
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 1, 1, &n) != ERR_OK)
        return EXIT_USAGE;
    enum exit_status status = audit_keys(self, key, NULL, keys, &n_keys);
    if (status != EXIT_DONE || !audit_read(self, argv[0], RECEIPT_MAX, &b))
        return EXIT_USAGE;
    if (receipt_parse(buf_view(&b), &r) != ERR_OK) {
        cmd_complain(self, "%s is no proof: neither a tlog-proof nor one of consistency", argv[0]);
        return EXIT_REFUSED;
    }
    if (receipt_check_signature(&r, keys, n_keys) != ERR_OK) {
        cmd_complain(self, "%s: its checkpoint is not signed by this key", argv[0]);
        return EXIT_REFUSED;
    }
    return r.inclusion ? check_inclusion(self, argv[0], &r)
                       : check_consistency(self, argv[0], &r, since, keys, n_keys);
}
