/*
 * For tests of streams: a stream's user that writes down what it is told, and the steps to drive a
 * loop until something holds.
 */
#pragma once

#include "base/buf.h"
#include "net/stream.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum probe_act { PROBE_NOTHING, PROBE_FREE, PROBE_CLOSE };

struct probe {
    struct stream *stream;
    struct buf got;
    int connected, received, drained, secured, hung_up, ended, late; /* late: calls after the end */
    enum err why;
    char text[300];
    /* What to do inside a callback. */
    enum probe_act on_connected, on_received, on_drained, on_secured, on_hung_up, on_ended;
    bool gone;
};

static inline void probe_act(struct probe *p, enum probe_act what)
{
    if (p->gone)
        p->late++;
    if (what == PROBE_NOTHING)
        return;
    struct stream *s = p->stream;
    p->stream = NULL;
    p->gone = true;
    if (what == PROBE_FREE)
        stream_free(s);
    else
        stream_close(s, 1000);
}

static inline void probe_connected(void *ctx)
{
    struct probe *p = ctx;
    p->connected++;
    probe_act(p, p->on_connected);
}

static inline void probe_received(void *ctx, struct str bytes)
{
    struct probe *p = ctx;
    p->received++;
    if (p->ended > 0 || bytes.n == 0 || buf_put_str(&p->got, bytes) != ERR_OK)
        p->late++;
    probe_act(p, p->on_received);
}

static inline void probe_drained(void *ctx)
{
    struct probe *p = ctx;
    p->drained++;
    probe_act(p, p->on_drained);
}

static inline void probe_secured(void *ctx)
{
    struct probe *p = ctx;
    p->secured++;
    probe_act(p, p->on_secured);
}

static inline void probe_hung_up(void *ctx)
{
    struct probe *p = ctx;
    p->hung_up++;
    probe_act(p, p->on_hung_up);
}

static inline void probe_ended(void *ctx, enum err why, struct str text)
{
    struct probe *p = ctx;
    p->ended++;
    p->why = why;
    (void)snprintf(p->text, sizeof(p->text), "%.*s", STR_FMT(text));
    probe_act(p, p->on_ended);
}

static const struct stream_ops probe_ops = {probe_connected, probe_received, probe_drained,
                                            probe_secured,   probe_hung_up,  probe_ended};

static inline void probe_init(struct probe *p)
{
    *p = (struct probe){.stream = NULL};
    buf_init(&p->got, 1 << 30);
}

static inline void probe_done(struct probe *p)
{
    stream_free(p->stream);
    buf_done(&p->got);
}

/* Turns the loop until *flag is not 0, at most about two seconds. True where it became so. */
static inline bool turn_until(struct loop *l, const int *flag)
{
    for (int i = 0; i < 2000 && *flag == 0; i++) {
        loop_turn(l);
        if (*flag == 0 && i > 20)
            usleep(1000);
    }
    return *flag != 0;
}

static inline void turns(struct loop *l, int n)
{
    for (int i = 0; i < n; i++)
        loop_turn(l);
}

static inline bool turn_until_length(struct loop *l, const struct buf *b, size_t n)
{
    for (int i = 0; i < 2000 && buf_len(b) < n; i++) {
        loop_turn(l);
        if (buf_len(b) < n && i > 20)
            usleep(1000);
    }
    return buf_len(b) >= n;
}
