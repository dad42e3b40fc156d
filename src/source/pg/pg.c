#include "base/limits.h"
#include "base/log.h"
#include "source/pg/catalog.h"
#include "source/pg/session.h"

#include <stdio.h>
#include <stdlib.h>

/* The PostgreSQL source: what the gate calls. docs/wire/postgres.md has the protocol's side. */

static enum err open_tls(struct source_state *st)
{
    const struct resource *r = st->resource;
    struct tls_error why;
    enum err e = ERR_OK;
    if (r->client_tls != TLS_DISABLE && r->tls_cert.n != 0)
        e = tls_server_new(r->tls_cert, r->tls_key, &st->server_tls, &why);
    if (e == ERR_OK && st->server_tls != NULL && r->client_ca.n != 0)
        e = tls_server_ask_for_certificate(st->server_tls, r->client_ca, &why);
    if (e == ERR_OK && r->upstream_tls >= TLS_REQUIRE)
        e = tls_client_new(r->upstream_tls == TLS_VERIFY_FULL, r->upstream_ca, &st->client_tls, &why);
    if (e != ERR_OK)
        log_error("resource %.*s: %s", STR_FMT(r->name), why.text);
    return e;
}

static void state_free(void *ctx)
{
    struct source_state *st = ctx;
    tls_context_free(st->server_tls);
    tls_context_free(st->client_tls);
    sql_cache_free(st->texts);
    pg_catalog_free(st->catalog);
    arena_done(&st->scratch);
    pg_pool_done(&st->pool);
    free(st);
}

/* Sessions are freed in a later turn and give their memory back to the state, which goes after them. */
static void state_close(struct source_state *st)
{
    if (st == NULL)
        return;
    while (st->sessions != NULL)
        pg_session_close(st->sessions, STR("the gateway stopped"));
    if (loop_defer(st->loop, state_free, st) != ERR_OK)
        log_error("resource %.*s: out of memory at its end; it is not freed", STR_FMT(st->resource->name));
}

static enum err state_open(struct loop *l, const struct gate_port *gate, const struct resource *r,
                           struct source_state **ret)
{
    unsigned char id[4];
    struct source_state *st = calloc(1, sizeof(*st));
    if (st == NULL)
        return ERR_NOMEM;
    st->loop = l;
    st->gate = gate;
    st->resource = r;
    st->watched = gate->watches(gate->gate, r);
    st->holds_commits = gate->holds_commits != NULL && gate->holds_commits(gate->gate);
    arena_init(&st->scratch, LIMIT_ACTION_ARENA);
    enum err e = random_bytes(id, sizeof(id));
    if (e == ERR_OK)
        e = sql_cache_new(LIMIT_SQL_CACHE_ENTRIES, LIMIT_SQL_CACHE_BYTES, &st->texts);
    if (e == ERR_OK)
        e = pg_catalog_new(&st->catalog);
    if (e == ERR_OK)
        e = open_tls(st);
    if (e != ERR_OK) {
        state_close(st);
        return e;
    }
    (void)snprintf(st->id_prefix, sizeof(st->id_prefix), "pg%02x%02x%02x%02x", id[0], id[1], id[2],
                   id[3]);
    *ret = st;
    return ERR_OK;
}

static void policy_changed(struct source_state *st)
{
    st->watched = st->gate->watches(st->gate->gate, st->resource);
    st->holds_commits = st->gate->holds_commits != NULL && st->gate->holds_commits(st->gate->gate);
    for (struct source_session *s = st->sessions, *next; s != NULL; s = next) {
        next = s->next;
        if (s->phase < PHASE_CONNECTING)
            continue;
        struct subject now = s->subject;
        st->gate->identify(st->gate->gate, &now);
        if (now.disabled)
            pg_session_disabled(s);
        else if (s->hold != NULL)
            s->identify_later = true;
        else
            s->subject = now;
    }
}

static void drain(struct source_state *st)
{
    st->draining = true;
    for (struct source_session *s = st->sessions, *next; s != NULL; s = next) {
        next = s->next;
        pg_session_drain(s);
    }
}

static size_t count_sessions(const struct source_state *st)
{
    return st->n_sessions;
}

/* "D": the catalogue may have changed; else a cancel request that was not for a session over there. */
static void from_peer(struct source_state *st, struct str bytes)
{
    if (str_is(bytes, "D"))
        pg_catalog_forget(st->catalog);
    else
        pg_cancel_from_peer(st, bytes);
}

static struct str how_to_state(struct str what)
{
    return str_is(what, "reason")
               ? STR("SET countersign.reason = 'why'; then send it again.")
               : STR("SET countersign.ticket = 'the ticket'; then send it again.");
}

const struct source pg_source = {
    .type = "postgres",
    .open = state_open,
    .close = state_close,
    .accept = pg_session_accept,
    .describe = pg_describe,
    .shape = pg_shape,
    .notice = pg_notice,
    .release = pg_release,
    .refuse = pg_refuse,
    .peer_bytes = from_peer,
    .how_to_state = how_to_state,
    .login_answer = pg_login_answer,
    .policy_changed = policy_changed,
    .drain = drain,
    .sessions = count_sessions,
};
