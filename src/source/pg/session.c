#include "source/pg/session.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "source/pg/ask.h"
#include "source/pg/estimate.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINGER_MS = 5000 };

static const struct stream_ops client_ops, server_ops;

void pg_session_check(const struct source_session *s)
{
    assert((s->hold != NULL) == (s->block == BLOCK_HELD));
    assert(s->scanned <= buf_len(&s->in));
    assert((s->scanned == 0) == (s->ring.unsent == s->ring.tail) || s->phase == PHASE_CLOSED);
    assert((s->block != BLOCK_HELD && s->block != BLOCK_ASKS && s->block != BLOCK_COMMIT) || s->scanned + s->held_len <= buf_len(&s->in));
}

/* --- The end --------------------------------------------------------------------------------- */

static void session_free(void *ctx)
{
    struct source_session *s = ctx;
    pg_ring_done(&s->ring);
    pg_names_done(&s->names);
    pg_judged_done(&s->judged);
    pg_wall_done(&s->wall);
    buf_done(&s->in);
    buf_done(&s->from_server);
    buf_done(&s->to_client);
    for (size_t i = 0; i < 2; i++) {
        struct pg_note *n = i == 0 ? &s->search_path : &s->role;
        struct pg_stated *x = i == 0 ? &s->reason : &s->ticket;
        buf_done(&n->now);
        buf_done(&n->before);
        buf_done(&x->session);
        buf_done(&x->transaction);
    }
    arena_done(&s->arena);
    free(s);
}

/* Whatever was on the wire may have run or not: said as it is. */
static void report_unfinished(struct source_session *s)
{
    struct str why = STR("the session ended before the server answered");
    for (size_t i = 0; i < pg_ring_count(&s->ring); i++) {
        struct pg_entry *e = pg_ring_at(&s->ring, i);
        bool sent = s->ring.head + i < s->ring.unsent;
        struct outcome o = {.kind = sent ? RUN_UNKNOWN : RUN_FAILED, .rows = -1, .error_message = why};
        if (e->run != 0)
            s->st->gate->ran(s->st->gate->gate, e->run, &o);
        e->run = 0;
    }
}

static void unlink_session(struct source_session *s)
{
    if (s->prev != NULL)
        s->prev->next = s->next;
    else
        s->st->sessions = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
    s->st->n_sessions--;
}

/* Terminate is polite, but only between messages. */
static void say_goodbye(struct source_session *s)
{
    struct buf bye CLEANUP(buf_done) = {0};
    buf_init(&bye, 16);
    if (s->phase == PHASE_READY && s->client_skip == 0 && pg_put_terminate(&bye) == ERR_OK &&
        stream_write(s->server, buf_view(&bye)) != ERR_OK)
        log_debug("session %.*s: the server was gone first", STR_FMT(s->context.id));
}

void pg_session_close(struct source_session *s, struct str reason)
{
    if (s->phase == PHASE_CLOSED)
        return;
    if (s->hold != NULL)
        pg_held_withdraw(s, reason, true);
    if (s->server != NULL)
        say_goodbye(s);
    report_unfinished(s);
    pg_ask_drop(s);
    pg_estimate_drop(s);
    pg_key_drop(s);
    pg_commit_done(s);
    if (s->opened)
        s->st->gate->session_closed(s->st->gate->gate, &s->subject, s->st->resource, &s->context);
    s->phase = PHASE_CLOSED;
    pg_login_done(s);
    timer_free(s->timer);
    pg_upstream_free(s->connecting);
    if (s->server != NULL)
        stream_close(s->server, LINGER_MS);
    if (s->client != NULL)
        stream_close(s->client, LINGER_MS);
    s->timer = NULL;
    s->connecting = NULL;
    s->server = s->client = NULL;
    unlink_session(s);
    if (loop_defer(s->st->loop, session_free, s) != ERR_OK)
        log_error("session %.*s: out of memory at its end; it is not freed", STR_FMT(s->context.id));
}

void pg_session_fatal(struct source_session *s, const char *sqlstate, struct str message,
                      struct str detail, struct str hint)
{
    struct pg_report r = {"FATAL", sqlstate, message, detail, hint};
    struct buf out CLEANUP(buf_done) = {0};
    if (s->phase == PHASE_CLOSED)
        return;
    buf_init(&out, 64 * KIB);
    /* In the middle of a message from the server it would be read as a part of that. */
    bool at_boundary = s->server_skip == 0;
    if (at_boundary && pg_put_report(&out, &r) == ERR_OK &&
        stream_write(s->client, buf_view(&out)) != ERR_OK)
        log_debug("session %.*s: the client was gone first", STR_FMT(s->context.id));
    pg_session_close(s, message);
}

/* --- Start-up -------------------------------------------------------------------------------- */

static void on_timeout(void *ctx)
{
    pg_session_fatal(ctx, "57014", STR("the connection was not set up in time"),
                     (struct str){NULL, 0}, (struct str){NULL, 0});
}

static void answer_byte(struct source_session *s, char answer)
{
    if (stream_write(s->client, (struct str){&answer, 1}) != ERR_OK)
        pg_session_close(s, STR("the client went away"));
}

static void startup_error(struct source_session *s, const char *sqlstate, const char *message)
{
    pg_session_fatal(s, sqlstate, str_of(message), (struct str){NULL, 0}, (struct str){NULL, 0});
}

static void on_ssl_request(struct source_session *s)
{
    if (s->asked_ssl || stream_is_tls(s->client)) {
        startup_error(s, PG_PROTOCOL_VIOLATION, "TLS was requested twice");
        return;
    }
    s->asked_ssl = true;
    if (s->st->server_tls == NULL) {
        answer_byte(s, 'N');
        return;
    }
    if (buf_len(&s->in) != 0) {
        startup_error(s, PG_PROTOCOL_VIOLATION, "received unencrypted data after SSL request");
        return;
    }
    answer_byte(s, 'S');
    if (s->phase != PHASE_CLOSED &&
        stream_start_tls(s->client, s->st->server_tls, (struct str){NULL, 0}, buf_view(&s->in)) != ERR_OK)
        pg_session_close(s, STR("TLS could not be started"));
}

static void on_gss_request(struct source_session *s)
{
    if (s->asked_gss || stream_is_tls(s->client)) {
        startup_error(s, PG_PROTOCOL_VIOLATION, "unexpected GSS encryption request");
        return;
    }
    s->asked_gss = true;
    answer_byte(s, 'N');
}

void pg_session_disabled(struct source_session *s)
{
    pg_session_fatal(s, PG_INVALID_AUTHORIZATION, STR("this person is disabled at the gateway"),
                     (struct str){NULL, 0},
                     STR("An admin of the gateway can enable it: countersign user enable NAME"));
}

static bool may_start(struct source_session *s)
{
    const struct resource *r = s->st->resource;
    struct str none = {NULL, 0};
    if (s->subject.disabled) {
        pg_session_disabled(s);
        return false;
    }
    if (r->client_tls == TLS_REQUIRE && !stream_is_tls(s->client) &&
        !str_is(stream_peer_text(s->client), "local")) {
        pg_session_fatal(s, PG_INVALID_AUTHORIZATION, STR("this gateway accepts only TLS connections"),
                         none, STR("Connect with sslmode=require."));
        return false;
    }
    if (s->first.wants_replication && !r->allow_replication) {
        pg_session_fatal(s, PG_INVALID_AUTHORIZATION,
                         STR("replication connections are not allowed through this gateway"), none,
                         STR("Connect to the database directly, or set allow_replication on the "
                             "gateway's resource."));
        return false;
    }
    return true;
}

static enum err put_setting(struct buf *text, struct str name, struct str value)
{
    TRY(buf_put_str(text, buf_len(text) != 0 ? STR("; SET ") : STR("SET ")));
    TRY(buf_put_str(text, name));
    TRY(buf_put_str(text, STR(" = '")));
    for (size_t i = 0; i < value.n; i++) {
        TRY(buf_put(text, &value.p[i], 1));
        if (value.p[i] == '\'')
            TRY(buf_put(text, "'", 1));
    }
    return buf_put_str(text, STR("'"));
}

static bool is_connection_parameter(struct str name)
{
    static const char *const names[] = {"user", "database", "replication", "options",
                                        "application_name"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_is(name, names[i]))
            return true;
    return str_starts(name, STR("_pq_."));
}

struct startup_settings {
    struct buf text;
    struct sql_facts facts;
    size_t n;
};

static enum err add_settings(struct arena *a, struct startup_settings *all,
                             const struct pg_setting *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct sql_facts one;
        if (is_connection_parameter(list[i].name))
            continue;
        TRY(put_setting(&all->text, list[i].name, list[i].value));
        TRY(classify_startup_setting(a, list[i].name, list[i].value, &one));
        if (all->n++ == 0)
            all->facts = one;
        else
            TRY(sql_facts_merge(a, &all->facts, &one, &all->facts));
    }
    return ERR_OK;
}

/* Start-up parameters set session state before the first statement: they are an action of their own. */
static enum err collect_settings(struct source_session *s, struct startup_settings *all)
{
    struct arena *a = &s->arena;
    TRY(add_settings(a, all, s->first.settings, s->first.n_settings));
    for (size_t i = 0; i < s->first.n_settings; i++) {
        struct pg_setting *list;
        size_t n;
        if (!str_is(s->first.settings[i].name, "options"))
            continue;
        TRY(pg_options_read(s->first.settings[i].value, a, &list, &n));
        TRY(add_settings(a, all, list, n));
    }
    return ERR_OK;
}

static bool judge_startup(struct source_session *s, const struct startup_settings *all)
{
    struct buf report CLEANUP(buf_done) = {0};
    uint64_t run;
    if (all->n == 0 || !s->st->watched)
        return true;
    buf_init(&report, 64 * KIB);
    s->judged.operation = "startup";
    if (sql_cached_new(buf_view(&all->text), &all->facts, &s->judged.text) != ERR_OK) {
        pg_session_close(s, STR("out of memory"));
        return false;
    }
    enum pg_ruling ruling = pg_judge(s, 0, &run, &report);
    if (ruling == RULING_HELD)
        pg_held_withdraw(s, STR("nobody can wait before the session has begun"), true);
    pg_judged_done(&s->judged);
    if (ruling == RULING_ALLOW)
        return true;
    if (ruling != RULING_BROKEN)
        pg_session_fatal(s, PG_DENIED, STR("a guardrail does not let these start-up parameters pass"),
                         buf_view(&all->text),
                         STR("Connect without them and use SET in the session, where a person can "
                             "approve it."));
    return false;
}

/* The same word in the server's start-up packet comes last and wins: this is for the client to know. */
static bool wall_stands(struct source_session *s, const struct startup_settings *all)
{
    if (!s->st->resource->wall_read_only || all->n == 0 || pg_wall_startup(s, &all->facts))
        return true;
    pg_session_fatal(s, PG_DENIED, STR("these start-up parameters would switch the session's read-only state"),
                     buf_view(&all->text), STR("Connect without them: the gateway keeps that state."));
    return false;
}

static bool settings_pass(struct source_session *s)
{
    struct startup_settings all = {.n = 0};
    buf_init(&all.text, LIMIT_PG_STARTUP_PACKET * 4);
    enum err e = collect_settings(s, &all);
    if (e == ERR_INVALID)
        pg_session_fatal(s, PG_PROTOCOL_VIOLATION,
                         STR("the start-up parameter \"options\" is not understood"),
                         (struct str){NULL, 0},
                         STR("Only -c name=value and --name=value can pass the gateway."));
    else if (e != ERR_OK)
        pg_session_close(s, STR("out of memory"));
    bool pass = e == ERR_OK && wall_stands(s, &all) && judge_startup(s, &all);
    if (pass && all.n != 0 && pg_note_settings(s, &all.facts) != ERR_OK) {
        startup_error(s, PG_PROGRAM_LIMIT, "a start-up parameter is too long to be shown to an approver");
        pass = false;
    }
    buf_done(&all.text);
    return pass;
}

static const struct pg_upstream_ops upstream_ops;

static void fill_context(struct source_session *s)
{
    s->subject.name = s->first.user;
    s->subject.kind = STR("user");
    s->subject.address = s->context.address = stream_peer_text(s->client);
    s->context.database = s->first.database;
    s->context.login = s->first.user;
    s->context.application = s->first.application_name;
    s->context.tls = stream_is_tls(s->client);
    s->st->gate->identify(s->st->gate->gate, &s->subject);
}

static void on_startup(struct source_session *s)
{
    fill_context(s);
    if (!may_start(s))
        return;
    if (s->st->resource->gateway_login)
        pg_login_begin(s);
    else
        pg_session_proceed(s);
}

void pg_session_proceed(struct source_session *s)
{
    s->st->gate->identify(s->st->gate->gate, &s->subject); /* people may have been reloaded meanwhile */
    if (!may_start(s) || !settings_pass(s))
        return;
    s->phase = PHASE_CONNECTING;
    enum err e = pg_upstream_new(s->st->loop, s->st->resource, s->st->client_tls, &upstream_ops, s,
                                 &s->connecting);
    if (e != ERR_OK)
        pg_session_fatal(s, PG_CANNOT_CONNECT, STR("the gateway could not reach the database"),
                         str_of(err_text(e)), (struct str){NULL, 0});
}

static void dispatch_first(struct source_session *s, const struct pg_first *f)
{
    switch (f->kind) {
    case PG_FIRST_SSL:
        on_ssl_request(s);
        break;
    case PG_FIRST_GSSENC:
        on_gss_request(s);
        break;
    case PG_FIRST_CANCEL:
        pg_cancel(s->st, f->pid, f->secret);
        pg_session_close(s, STR("cancel request"));
        break;
    case PG_FIRST_STARTUP:
        s->first = *f;
        on_startup(s);
        break;
    }
}

static void startup_bytes(struct source_session *s, struct str bytes)
{
    if (buf_put_str(&s->in, bytes) != ERR_OK) {
        pg_session_close(s, STR("out of memory"));
        return;
    }
    while (s->phase == PHASE_STARTUP && buf_len(&s->in) != 0) {
        struct pg_first f;
        struct str why = STR("out of memory");
        size_t used;
        enum err e = pg_first_read(buf_view(&s->in), &s->arena, &f, &used, &why);
        if (e == ERR_INCOMPLETE)
            return;
        if (e != ERR_OK) {
            const char *code = e == ERR_UNSUPPORTED ? PG_FEATURE_NOT_SUPPORTED
                               : e == ERR_FORBIDDEN ? PG_INVALID_AUTHORIZATION
                                                    : PG_PROTOCOL_VIOLATION;
            pg_session_fatal(s, code, why, (struct str){NULL, 0},
                             STR("This port speaks the PostgreSQL protocol."));
            return;
        }
        buf_consume(&s->in, used);
        dispatch_first(s, &f);
    }
}

/* --- The upstream ---------------------------------------------------------------------------- */

static void on_upstream_ready(void *ctx, struct stream *server)
{
    struct source_session *s = ctx;
    struct buf out CLEANUP(buf_done) = {0};
    struct buf negotiate CLEANUP(buf_done) = {0};
    buf_init(&out, LIMIT_PG_STARTUP_PACKET + 64);
    buf_init(&negotiate, LIMIT_PG_STARTUP_PACKET + 64);
    s->connecting = NULL;
    s->server = server;
    s->phase = PHASE_AUTH;
    stream_set_context(server, &server_ops, s);
    if ((s->login != NULL ? pg_login_startup(s, &out)
                          : pg_startup_write(&out, &s->first, s->st->resource->wall_read_only)) != ERR_OK ||
        pg_negotiate_write(&negotiate, &s->first) != ERR_OK) {
        pg_session_close(s, STR("out of memory"));
        return;
    }
    if (buf_len(&negotiate) != 0)
        pg_to_client(s, buf_view(&negotiate));
    if (s->phase == PHASE_AUTH && pg_to_server(s, buf_view(&out)) && buf_len(&s->in) != 0)
        pg_client_resume(s);
}

static void on_upstream_failed(void *ctx, struct str why)
{
    struct source_session *s = ctx;
    char message[160];
    s->connecting = NULL;
    int n = snprintf(message, sizeof(message), "the gateway could not reach the database of \"%.*s\"",
                     STR_FMT(s->st->resource->name));
    pg_session_fatal(s, PG_CANNOT_CONNECT, (struct str){message, (size_t)n}, why,
                     STR("The database is down or not reachable from the gateway; nothing was run."));
}

static const struct pg_upstream_ops upstream_ops = {.ready = on_upstream_ready,
                                                    .failed = on_upstream_failed};

static void on_server_received(void *ctx, struct str bytes)
{
    struct source_session *s = ctx;
    pg_server_bytes(s, bytes);
    if (s->phase != PHASE_CLOSED && stream_is_full(s->client))
        stream_pause(s->server);
}

static void on_server_drained(void *ctx)
{
    struct source_session *s = ctx;
    stream_resume(s->client);
}

static void on_server_ended(void *ctx, enum err why, struct str text)
{
    struct source_session *s = ctx;
    if (s->phase == PHASE_TERMINATING) {
        pg_session_close(s, STR("the session ended"));
        return;
    }
    if (s->fatal_seen) {
        pg_session_close(s, STR("the server ended the session"));
        return;
    }
    pg_session_fatal(s, PG_CONNECTION_FAILURE, STR("the database closed the connection"),
                     text.n != 0 ? text : str_of(err_text(why)), (struct str){NULL, 0});
}

static const struct stream_ops server_ops = {.received = on_server_received,
                                             .drained = on_server_drained,
                                             .ended = on_server_ended};

/* --- The client ------------------------------------------------------------------------------ */

/* What comes before the server asks for anything is kept, within reason. */
static void early_bytes(struct source_session *s, struct str bytes)
{
    if (buf_len(&s->in) + bytes.n > LIMIT_PG_AUTH_MESSAGE || buf_put_str(&s->in, bytes) != ERR_OK)
        startup_error(s, PG_PROTOCOL_VIOLATION, "too much was sent before the login");
}

static void on_client_received(void *ctx, struct str bytes)
{
    struct source_session *s = ctx;
    switch (s->phase) {
    case PHASE_STARTUP:
        startup_bytes(s, bytes);
        break;
    case PHASE_LOGIN:
        early_bytes(s, bytes);
        if (s->phase == PHASE_LOGIN)
            pg_login_bytes(s);
        break;
    case PHASE_CONNECTING:
        early_bytes(s, bytes);
        break;
    case PHASE_AUTH:
    case PHASE_STARTING:
    case PHASE_READY:
        pg_client_bytes(s, bytes);
        break;
    case PHASE_TERMINATING:
    case PHASE_CLOSED:
        break; /* bytes after Terminate are nobody's */
    }
    if (s->phase != PHASE_CLOSED && s->server != NULL && stream_is_full(s->server))
        stream_pause(s->client);
}

static void on_client_drained(void *ctx)
{
    struct source_session *s = ctx;
    if (s->server != NULL)
        stream_resume(s->server);
}

static void on_client_secured(void *ctx)
{
    (void)ctx; /* the startup packet follows */
}

static void on_client_ended(void *ctx, enum err why, struct str text)
{
    struct source_session *s = ctx;
    (void)why;
    (void)text;
    pg_session_close(s, STR("the client went away"));
}

/* Not read from, because too much waits behind a held action, and yet gone. */
static void on_client_hung_up(void *ctx)
{
    struct source_session *s = ctx;
    if (s->block == BLOCK_HELD || s->block == BLOCK_ASKS || s->block == BLOCK_COMMIT)
        pg_session_close(s, STR("the client went away"));
}

static const struct stream_ops client_ops = {.received = on_client_received,
                                             .hung_up = on_client_hung_up,
                                             .drained = on_client_drained,
                                             .secured = on_client_secured,
                                             .ended = on_client_ended};

static enum err session_new(struct source_state *st, struct source_session **ret)
{
    struct source_session *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NOMEM;
    s->st = st;
    s->phase = PHASE_STARTUP;
    s->standard_conforming_strings = SQL_UNKNOWN;
    s->catalog_first = true;
    s->tx = 'I';
    arena_init(&s->arena, 16 * LIMIT_PG_STARTUP_PACKET);
    buf_init(&s->in, LIMIT_PG_JUDGED_MESSAGE + LIMIT_HELD_BACKLOG + MIB);
    buf_init(&s->from_server, LIMIT_PG_INSPECTED + STREAM_READ_SIZE + 64);
    buf_init(&s->to_client, MIB);
    pg_wall_init(&s->wall);
    pg_commit_init(&s->commit);
    for (size_t i = 0; i < 2; i++) {
        struct pg_note *n = i == 0 ? &s->search_path : &s->role;
        struct pg_stated *x = i == 0 ? &s->reason : &s->ticket;
        buf_init(&n->now, LIMIT_REASON_BYTES);
        buf_init(&n->before, LIMIT_REASON_BYTES);
        buf_init(&x->session, LIMIT_REASON_BYTES);
        buf_init(&x->transaction, LIMIT_REASON_BYTES);
    }
    enum err e = arena_printf(&s->arena, &s->context.id, "%s-%llu", st->id_prefix,
                              (unsigned long long)++st->next_session);
    if (e != ERR_OK) {
        free(s);
        return e;
    }
    s->next = st->sessions;
    if (s->next != NULL)
        s->next->prev = s;
    st->sessions = s;
    st->n_sessions++;
    *ret = s;
    return ERR_OK;
}

void pg_session_accept(struct source_state *st, int fd)
{
    struct source_session *s;
    struct stream *client;
    enum err e = stream_adopt(st->loop, fd, &client_ops, NULL, &client);
    if (e != ERR_OK) {
        log_warn("%.*s: a connection could not be accepted: %s", STR_FMT(st->resource->name),
                 err_text(e));
        return;
    }
    e = session_new(st, &s);
    if (e != ERR_OK) {
        stream_free(client);
        return;
    }
    s->client = client;
    stream_set_context(client, &client_ops, s);
    e = timer_new(st->loop, on_timeout, s, &s->timer);
    if (e != ERR_OK) {
        pg_session_close(s, str_of(err_text(e)));
        return;
    }
    timer_start(s->timer, LIMIT_HANDSHAKE_MS, 0);
    if (st->n_sessions > LIMIT_WORKER_SESSIONS)
        startup_error(s, PG_TOO_MANY_CONNECTIONS, "too many connections to this gateway");
    else if (st->draining)
        startup_error(s, PG_ADMIN_SHUTDOWN, "the gateway is shutting down");
}

/* The SASL client-first-message says "y" where the client could bind the TLS channel and believes
 * the server cannot: behind two different TLS channels the server must take that for an attack. */
static bool says_channel_binding(struct str body)
{
    struct cursor c = cursor_of(body);
    (void)cursor_cstr(&c);
    (void)cursor_u32(&c);
    return !c.bad && cursor_left(&c) > 0 && c.p[0] == 'y';
}

void pg_session_auth_message(struct source_session *s, char type, struct str body)
{
    if (type == 'X') {
        pg_session_close(s, STR("the client went away"));
        return;
    }
    if (type != 'p') {
        startup_error(s, PG_PROTOCOL_VIOLATION, "expected password response");
        return;
    }
    if (s->sasl_started && s->cb_hidden && says_channel_binding(body))
        pg_session_fatal(s, PG_INVALID_AUTHORIZATION,
                         STR("SCRAM with channel binding cannot pass a gateway that ends TLS"),
                         STR("Client and database both use TLS, but not the same TLS connection."),
                         STR("Set channel_binding=disable (PGCHANNELBINDING=disable) in the client."));
    s->sasl_started = false;
}

void pg_session_drain(struct source_session *s)
{
    s->draining = true;
    bool idle = s->phase < PHASE_READY ||
                (s->phase == PHASE_READY && s->tx == 'I' && pg_ring_count(&s->ring) == 0 &&
                 s->block == BLOCK_NONE && s->asking == NULL);
    if (idle)
        startup_error(s, PG_ADMIN_SHUTDOWN,
                      "terminating connection: the gateway is shutting down or restarting");
}
