/*
 * What the files of net/ share about a loop. Nobody else includes this.
 */
#pragma once

#include "base/limits.h"
#include "net/loop.h"

#include <uv.h>

struct stream;

struct deferred {
    timer_fn *fn; /* NULL: forgotten */
    void *ctx;
};

struct deferred_list {
    struct deferred *list;
    size_t n, size;
};

enum { LOOP_SIGNALS = 8 };
struct signal_watch {
    uv_signal_t uv;
    signal_fn *fn;
    void *ctx;
};

struct loop {
    uv_loop_t uv;
    uv_prepare_t before_wait; /* runs the deferred calls */
    uv_idle_t no_wait;        /* active while calls are deferred: the turn must not sleep */
    bool stopping;
    struct deferred_list deferred, running; /* swapped: what is deferred while running comes later */
    struct signal_watch signals[LOOP_SIGNALS];
    size_t n_signals;
    struct stream *lingering; /* streams that their owners closed and that still send */
    char *received;           /* STREAM_READ_SIZE bytes, valid during one callback */
    char *decrypted;          /* same, NULL until the first TLS stream */
};

/* The error for a libuv code; ERR_OK for 0. */
enum err err_of_uv(int code);
/* The error for an errno of a socket call; ERR_OK for 0. */
enum err err_of_errno(int code);
