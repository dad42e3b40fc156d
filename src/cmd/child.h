/*
 * A process of the keeper's: started from this same program with a control socket as descriptor
 * CONTROL_FD, and started again when it dies.
 */
#pragma once

#include "link/control.h"

#include <sys/types.h>

enum child_state { CHILD_DOWN = 1, CHILD_STARTING, CHILD_READY };

struct child {
    const char *const *argv; /* from argv[0] on, NULL-terminated */
    char name[32];           /* "broker", "worker 1" */
    enum child_state state;
    pid_t pid;
    int control;              /* our end, -1 while down */
    bool was_ready;           /* ever */
    int64_t start_at_mono_ns; /* while down: when to try again */
    int64_t started[10];      /* the last starts, the oldest is overwritten */
    size_t n_started;
};

/* Forks and executes. It dies with us. ERR_IO, with the child still down. */
MUST_USE enum err child_start(struct child *c, int64_t now_mono_ns);

/* It is gone: closes our end and says when to start it again: at once after a long life, then with
 * growing delays, and never more than ten times a minute. */
void child_gone(struct child *c, int64_t now_mono_ns);
