/* The words behind `countersign audit`: one function each, in files of their own (audit_verify.c, …), listed once in
 * audit.c. argv[0] is the word. */
#pragma once

#include "audit/note.h"
#include "cmd/cmd.h"

enum { AUDIT_PATH = 4200 };

typedef enum exit_status audit_word_fn(const struct command *self, int argc, char **argv);
audit_word_fn audit_verify_run, audit_prove_run, audit_check_proof_run, audit_rebuild_run, audit_erase_run,
    audit_rotate_key_run, audit_witness_run;

/* The log's directory: the operand, else what the configuration says. Anything but EXIT_DONE was said. */
enum exit_status audit_directory(const struct command *self, const char *operand, const char *config,
                                 char out[static AUDIT_PATH]);

/* The keys that --key names (a key, or a file of them), else those in the directory (NULL: none). *ret_n 0 and
 * EXIT_USAGE where it was said what is wrong. */
enum exit_status audit_keys(const struct command *self, const char *key, const char *dir,
                            struct note_key ret[static 64], size_t *ret_n);

/* A whole file ("-": standard input), said where it cannot be read. */
bool audit_read(const struct command *self, const char *path, size_t most, struct buf *ret);
