/*
 * Collecting what is wrong while a configuration is read. Running out of memory for a diagnostic is
 * remembered, so that callers check once at the end (problems_finish).
 */
#pragma once

#include "policy/diagnostic.h"

struct config_file;

/* A stretch of a file, on one line. */
struct place {
    const struct config_file *file;
    uint32_t line, column, width;
};

struct problem;

struct problems {
    struct arena *arena;
    struct problem *first, *last;
    size_t n, n_errors;
    bool out_of_memory;
};

void problems_init(struct problems *p, struct arena *arena);

/* Adds one; the hint may be empty. After LIMIT_CONFIG_PROBLEMS they are counted but not kept. */
void problem_add(struct problems *p, enum severity severity, struct place at, struct str hint,
                 const char *fmt, ...) PRINTF_LIKE(5, 6);

#define problem_error(p, at, hint, ...) problem_add((p), SEVERITY_ERROR, (at), (hint), __VA_ARGS__)
#define problem_warning(p, at, hint, ...)                                                          \
    problem_add((p), SEVERITY_WARNING, (at), (hint), __VA_ARGS__)

/* A hint "did you mean `best`?", or empty where best is. */
struct str problem_did_you_mean(struct problems *p, struct str best);

/* Sorts by file (their order in memory: one array) and line. ERR_NOMEM where one could not be kept. */
MUST_USE enum err problems_finish(struct problems *p, struct diagnostics *ret);
