/*
 * The PostgreSQL source between a scripted client and a scripted server, in one process, with a gate
 * that holds what contains HOLDME and denies what contains DENYME. Everything the source does is
 * seen from its three sides: bytes at the client, bytes at the server, calls at the gate.
 */
#pragma once

#include "base/buf.h"
#include "base/cursor.h"
#include "model/lazy_facts.h"
#include "model/sql_facts.h"
#include "net/loop.h"
#include "source/pg/pg.h"
#include "source/pg/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct peer {
    struct loop *loop;
    struct source_state *state;
    struct resource resource;
    struct gate_port port;
    char path[64];
    int listener, client, server;
    size_t chunk;  /* bytes a write; 0: all at once */
    int turns;     /* of the loop still to go in settle() */
    struct buf from_client_side, at_client, at_server;

    /* What the gate saw. */
    struct source_session *owner;
    struct action action;
    char text[256], operation[32];
    uint32_t dynamic;         /* of the facts, which are gone once the statement is */
    size_t unknown_functions;
    bool may_write;
    char described[4096];
    int submits, withdrawals, outcomes, opened, closed, told_peers, impacts;
    struct lazy_facts lazy; /* that came with the last submit */
    char impact[4096];
    bool gone;
    char peer_message[8];
    struct outcome outcome;
    char outcome_tag[64];
};

struct hold {
    int unused;
};
static struct hold the_hold;
enum { THE_RUN = 77 };

static inline bool peer_watches(void *g, const struct resource *r)
{
    (void)g;
    (void)r;
    return true;
}

static inline enum verdict peer_submit(void *g, struct source_session *owner, const struct action *a,
                                       struct submission *ret)
{
    struct peer *p = g;
    struct buf json;
    p->submits++;
    p->owner = owner;
    p->action = *a;
    p->dynamic = a->sql != NULL ? a->sql->dynamic : 0;
    p->unknown_functions = a->sql != NULL ? a->sql->unknown_functions.n : 0;
    p->may_write = a->sql != NULL && a->sql->may_write;
    (void)snprintf(p->text, sizeof(p->text), "%.*s", (int)(a->text.n < 200 ? a->text.n : 200), a->text.p);
    (void)snprintf(p->operation, sizeof(p->operation), "%.*s", STR_FMT(a->operation));
    buf_init(&json, 1 << 20);
    if (pg_source.describe(owner, a, &json) == ERR_OK && buf_len(&json) < sizeof(p->described))
        (void)snprintf(p->described, sizeof(p->described), "%.*s", STR_FMT(buf_view(&json)));
    buf_done(&json);
    if (str_contains(a->text, STR("ESTIMATEME")) && a->lazy == NULL) {
        ret->needs_facts = LAZY_BIT(LAZY_ESTIMATED_ROWS);
        return VERDICT_HOLD;
    }
    p->lazy = a->lazy != NULL ? *a->lazy : (struct lazy_facts){.known = 0};
    bool wide = (p->lazy.failed & LAZY_BIT(LAZY_ESTIMATED_ROWS)) != 0 || p->lazy.value[LAZY_ESTIMATED_ROWS] > 1000;
    if (str_contains(a->text, STR("HOLDME")) || wide) {
        ret->hold = &the_hold;
        return VERDICT_HOLD;
    }
    if (str_contains(a->text, STR("DENYME"))) {
        ret->refusal = (struct refusal){REFUSAL_DENIED, 0, STR("denied by guardrail"), STR("because"),
                                        STR("do not")};
        return VERDICT_DENY;
    }
    ret->run = str_contains(a->text, STR("WATCH")) ? THE_RUN : 0;
    return VERDICT_ALLOW;
}

static inline void peer_withdraw(void *g, struct hold *h, struct str reason, bool gone)
{
    struct peer *p = g;
    (void)h;
    (void)reason;
    p->withdrawals++;
    p->gone = gone;
}

static inline void peer_impact(void *g, struct hold *h, const struct digest *shape, struct str json)
{
    struct peer *p = g;
    (void)h;
    (void)shape;
    p->impacts++;
    (void)snprintf(p->impact, sizeof(p->impact), "%.*s", STR_FMT(json));
}

static inline void peer_ran(void *g, uint64_t run, const struct outcome *o)
{
    struct peer *p = g;
    (void)run;
    p->outcomes++;
    p->outcome = *o;
    (void)snprintf(p->outcome_tag, sizeof(p->outcome_tag), "%.*s", STR_FMT(o->tag));
}

static inline void peer_opened(void *g, const struct subject *s, const struct resource *r,
                               const struct session_context *c)
{
    (void)s;
    (void)r;
    (void)c;
    ((struct peer *)g)->opened++;
}

static inline void peer_closed(void *g, const struct subject *s, const struct resource *r,
                               const struct session_context *c)
{
    (void)s;
    (void)r;
    (void)c;
    ((struct peer *)g)->closed++;
}

static inline void peer_identify(void *g, struct subject *s)
{
    (void)g;
    (void)s;
}

static inline void peer_tell(void *g, const char *type, struct str bytes)
{
    struct peer *p = g;
    (void)type;
    p->told_peers++;
    if (bytes.n == sizeof(p->peer_message))
        memcpy(p->peer_message, bytes.p, bytes.n);
}

static inline void die(const char *what)
{
    perror(what);
    exit(1);
}

static inline void peer_turn(void *ctx)
{
    struct peer *p = ctx;
    if (--p->turns <= 0)
        loop_stop(p->loop);
    else if (loop_defer(p->loop, peer_turn, p) != ERR_OK)
        die("defer");
}

static inline void drain_fd(int fd, struct buf *into)
{
    char room[65536];
    ssize_t n;
    while (fd >= 0 && (n = recv(fd, room, sizeof(room), MSG_DONTWAIT)) > 0)
        if (buf_put(into, room, (size_t)n) != ERR_OK)
            die("buffer");
}

/* Lets everything that is ready happen; takes the server's connection. */
static inline void settle(struct peer *p)
{
    for (int round = 0; round < 3; round++) {
        p->turns = 4;
        if (loop_defer(p->loop, peer_turn, p) != ERR_OK)
            die("defer");
        loop_run(p->loop);
        if (p->server < 0) {
            p->server = accept(p->listener, NULL, NULL);
            if (p->server >= 0)
                (void)fcntl(p->server, F_SETFL, O_NONBLOCK);
        }
        drain_fd(p->client, &p->at_client);
        drain_fd(p->server, &p->at_server);
    }
}

static inline void send_pieces(struct peer *p, int fd, struct str bytes)
{
    size_t piece = p->chunk != 0 ? p->chunk : bytes.n;
    for (size_t i = 0; i < bytes.n; i += piece) {
        size_t n = bytes.n - i < piece ? bytes.n - i : piece;
        if (send(fd, bytes.p + i, n, MSG_NOSIGNAL) != (ssize_t)n)
            return;
        settle(p);
    }
    settle(p);
}

static inline void client_says(struct peer *p, struct str bytes)
{
    send_pieces(p, p->client, bytes);
}

static inline void server_says(struct peer *p, struct str bytes)
{
    send_pieces(p, p->server, bytes);
}

static inline void forget(struct peer *p)
{
    buf_clear(&p->at_client);
    buf_clear(&p->at_server);
}

static inline int peer_connect(struct peer *p)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0)
        die("socketpair");
    pg_source.accept(p->state, fds[0]);
    return fds[1];
}

static inline void peer_init(struct peer *p, size_t chunk)
{
    *p = (struct peer){.server = -1, .chunk = chunk};
    char dir[] = "/tmp/pgpeer-XXXXXX";
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    if (mkdtemp(dir) == NULL)
        die("mkdtemp");
    (void)snprintf(p->path, sizeof(p->path), "%s/s", dir);
    (void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", p->path);
    p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(p->listener, (struct sockaddr *)&sun, sizeof(sun)) != 0 || listen(p->listener, 8) != 0)
        die("listen");
    p->resource = (struct resource){.name = STR_INIT("shop"),
                                    .type = STR_INIT("postgres"),
                                    .client_tls = TLS_DISABLE,
                                    .upstream = {.host = str_of(p->path), .is_unix = true},
                                    .upstream_tls = TLS_DISABLE,
                                    .no_preview = true,
                                    .default_verdict = VERDICT_ALLOW};
    p->port = (struct gate_port){.gate = p,
                                 .watches = peer_watches,
                                 .submit = peer_submit,
                                 .withdraw = peer_withdraw,
                                 .impact = peer_impact,
                                 .ran = peer_ran,
                                 .session_opened = peer_opened,
                                 .session_closed = peer_closed,
                                 .identify = peer_identify,
                                 .tell_peers = peer_tell};
    buf_init(&p->at_client, 1 << 28);
    buf_init(&p->at_server, 1 << 28);
    if (loop_new(&p->loop) != ERR_OK ||
        pg_source.open(p->loop, &p->port, &p->resource, &p->state) != ERR_OK)
        die("open");
    p->client = peer_connect(p);
}

static inline void peer_done(struct peer *p)
{
    if (p->client >= 0)
        close(p->client);
    if (p->server >= 0)
        close(p->server);
    settle(p);
    close(p->listener);
    unlink(p->path);
    *strrchr(p->path, '/') = '\0';
    rmdir(p->path);
    pg_source.close(p->state);
    p->client = p->server = -1;
    settle(p);
    loop_free(p->loop);
    buf_done(&p->at_client);
    buf_done(&p->at_server);
}

#define STARTUP STR("\0\0\0\x20\0\3\0\0user\0ana\0database\0shop\0\0")
#define AUTH_OK_MSG "R\0\0\0\x08\0\0\0\0"
#define SCS_ON "S\0\0\0\x23standard_conforming_strings\0on\0"
#define KEY_MSG "K\0\0\0\x0c\0\0\x10\x01\xca\xfe\xba\xbe"
#define READY_I "Z\0\0\0\x05I"
#define READY_T "Z\0\0\0\x05T"
#define READY_E "Z\0\0\0\x05" "E"

/* Through the login, to the first ReadyForQuery. */
static inline void log_in(struct peer *p)
{
    size_t chunk = p->chunk;
    p->chunk = 0;
    client_says(p, STARTUP);
    server_says(p, STR(AUTH_OK_MSG SCS_ON KEY_MSG READY_I));
    forget(p);
    p->chunk = chunk;
}
