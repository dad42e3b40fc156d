#include "base/limits.h"
#include "base/log.h"
#include "source/pg/session.h"

#include <stdlib.h>

/*
 * Clients know the backend's real process id and a secret that the gateway made up. A CancelRequest
 * finds its session by both, here or at another worker; only then does the server's own secret leave.
 */

static struct source_session **bucket(struct source_state *st, uint32_t secret)
{
    return &st->keys[secret % PG_KEY_BUCKETS];
}

static struct source_session *find(struct source_state *st, uint32_t pid, uint32_t secret)
{
    struct source_session *s = *bucket(st, secret);
    while (s != NULL && !(s->secret == secret && s->backend_pid == pid))
        s = s->key_next;
    return s;
}

enum err pg_key_issue(struct source_session *s)
{
    do {
        TRY(random_bytes(&s->secret, sizeof(s->secret)));
    } while (s->secret == 0);
    struct source_session **at = bucket(s->st, s->secret);
    s->key_next = *at;
    *at = s;
    return ERR_OK;
}

void pg_key_drop(struct source_session *s)
{
    if (s->secret == 0)
        return;
    struct source_session **at = bucket(s->st, s->secret);
    while (*at != NULL && *at != s)
        at = &(*at)->key_next;
    if (*at != NULL)
        *at = s->key_next;
    s->secret = 0;
}

/* One CancelRequest on its way to the server: a connection of its own, as the protocol wants it. */
struct errand {
    struct pg_upstream *connecting;
    struct stream *server;
    uint32_t pid, secret;
};

static void errand_received(void *ctx, struct str bytes)
{
    (void)ctx;
    (void)bytes; /* the server never answers a CancelRequest */
}

static void errand_ended(void *ctx, enum err why, struct str text)
{
    struct errand *e = ctx;
    (void)why;
    (void)text;
    stream_free(e->server);
    free(e);
}

static const struct stream_ops errand_ops = {.received = errand_received, .ended = errand_ended};

static void errand_ready(void *ctx, struct stream *server)
{
    struct errand *e = ctx;
    struct buf out CLEANUP(buf_done) = {0};
    buf_init(&out, 64);
    e->server = server;
    stream_set_context(server, &errand_ops, e);
    if (pg_put_cancel(&out, e->pid, e->secret) != ERR_OK ||
        stream_write(server, buf_view(&out)) != ERR_OK)
        errand_ended(e, ERR_IO, (struct str){NULL, 0});
}

static void errand_failed(void *ctx, struct str why)
{
    char clean[128];
    log_warn("a cancel request did not reach the database: %s",
             log_clean(why, clean, sizeof(clean)));
    free(ctx);
}

static const struct pg_upstream_ops errand_upstream = {.ready = errand_ready,
                                                       .failed = errand_failed};

static void send_errand(struct source_session *s)
{
    struct errand *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return;
    e->pid = s->backend_pid;
    e->secret = s->backend_secret;
    if (pg_upstream_new(s->st->loop, s->st->resource, s->st->client_tls, &errand_upstream, e,
                        &e->connecting) != ERR_OK)
        free(e);
}

static bool cancel_here(struct source_state *st, uint32_t pid, uint32_t secret)
{
    struct source_session *s = find(st, pid, secret);
    if (s == NULL)
        return false;
    if (s->block == BLOCK_HELD || s->block == BLOCK_ASKS)
        pg_waiting_cancel(s);
    else
        send_errand(s);
    return true;
}

void pg_cancel(struct source_state *st, uint32_t pid, uint32_t secret)
{
    struct buf out CLEANUP(buf_done) = {0};
    if (secret == 0 || cancel_here(st, pid, secret))
        return;
    buf_init(&out, 16);
    if (buf_put_u32(&out, pid) == ERR_OK && buf_put_u32(&out, secret) == ERR_OK)
        st->gate->tell_peers(st->gate->gate, pg_source.type, buf_view(&out));
}

void pg_cancel_from_peer(struct source_state *st, struct str bytes)
{
    struct cursor c = cursor_of(bytes);
    uint32_t pid = cursor_u32(&c), secret = cursor_u32(&c);
    if (cursor_ended_well(&c) && secret != 0)
        (void)cancel_here(st, pid, secret);
}
