/*
 * The event loop of a process: one thread, completion style. Bytes arrive and writes complete by
 * callback; nothing blocks. Behind it is libuv; nobody above net/ sees that.
 *
 * One turn: timers that are due, deferred calls, wait for the kernel, callbacks of what it reports.
 */
#pragma once

#include "base/str.h"

struct loop;

MUST_USE enum err loop_new(struct loop **ret); /* the process ignores SIGPIPE from here on */
void loop_free(struct loop *l); /* everything on it must have been closed or freed; NULL is fine */
void loop_run(struct loop *l);  /* until loop_stop */
void loop_turn(struct loop *l); /* one turn, without waiting */
void loop_stop(struct loop *l);

/* Milliseconds, monotonic, as of the start of this turn of the loop: cheap. */
int64_t loop_now_ms(const struct loop *l);

/* A one-shot or repeating timer, on the heap. */
struct timer;
typedef void timer_fn(void *ctx);
MUST_USE enum err timer_new(struct loop *l, timer_fn *fire, void *ctx, struct timer **ret);
void timer_start(struct timer *t, int64_t after_ms, int64_t repeat_ms); /* restarts; repeat 0: once */
void timer_stop(struct timer *t);
void timer_free(struct timer *t); /* stops; never fires again, also from inside `fire`; NULL is fine */

/* Runs fn(ctx) once in a later turn of the loop, before it waits: for what must not happen inside a
 * callback of its own object. In the order they were deferred. ERR_NOMEM. */
MUST_USE enum err loop_defer(struct loop *l, timer_fn *fn, void *ctx);
/* Forgets every deferred call with this ctx: what the owner of ctx calls before it goes. */
void loop_undefer(struct loop *l, const void *ctx);

/* Signals: fn runs in the loop. One handler a signal (ERR_EXISTS). */
typedef void signal_fn(void *ctx, int signum);
MUST_USE enum err loop_on_signal(struct loop *l, int signum, signal_fn *fn, void *ctx);

/* Calls readable(ctx) in every turn of the loop in which fd can be read or has ended (level
 * triggered): for descriptors that are no byte streams, such as a control socket. The fd stays the
 * caller's and must outlive the watch. */
struct watch;
MUST_USE enum err watch_new(struct loop *l, int fd, timer_fn *readable, void *ctx,
                            struct watch **ret);
void watch_free(struct watch *w); /* never calls again; NULL is fine */
