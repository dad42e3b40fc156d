#include "source/pg/server.h"
#include "base/cursor.h"

/*
 * What the server says before the session is ready: how the client proves who it is, the cancel key, and
 * the first ReadyForQuery.
 */

enum { AUTH_OK = 0, AUTH_SASL = 10 };

/* SCRAM-SHA-256-PLUS binds the password exchange to one TLS connection; behind a gateway there are
 * two, so it is not offered on. */
static enum pass offer_sasl(struct source_session *s, struct cursor mechanisms)
{
    size_t start = buf_len(&s->to_client), offered = 0;
    enum err e = buf_put_u8(&s->to_client, 'R');
    if (e == ERR_OK)
        e = buf_put_u32(&s->to_client, 0);
    if (e == ERR_OK)
        e = buf_put_u32(&s->to_client, AUTH_SASL);
    for (struct str m; e == ERR_OK && (m = cursor_cstr(&mechanisms)).n != 0;) {
        if (str_ends(m, STR("-PLUS"))) {
            s->cb_hidden = true;
            continue;
        }
        offered++;
        e = buf_put_cstr(&s->to_client, m);
    }
    if (e == ERR_OK)
        e = buf_put_u8(&s->to_client, 0);
    if (e != ERR_OK || mechanisms.bad)
        return PASS_DIVERGED;
    buf_patch_u32(&s->to_client, start + 1, (uint32_t)(buf_len(&s->to_client) - start - 1));
    s->sasl_started = true;
    if (offered != 0)
        return PASS_SWALLOW;
    buf_clear(&s->to_client);
    pg_session_fatal(s, PG_INVALID_AUTHORIZATION,
                     STR("the database only accepts SCRAM with channel binding, which cannot pass a gateway"),
                     (struct str){NULL, 0},
                     STR("Allow scram-sha-256 without channel binding for the gateway's connections."));
    return PASS_CLOSED;
}

enum pass pg_on_authentication(struct source_session *s, struct str body)
{
    struct cursor c = cursor_of(body);
    uint32_t code = cursor_u32(&c);
    if (c.bad)
        return PASS_DIVERGED;
    if (code == AUTH_SASL)
        return offer_sasl(s, c);
    if (code == AUTH_OK)
        s->phase = PHASE_STARTING;
    return PASS_ON;
}

enum pass pg_on_key(struct source_session *s, struct str body)
{
    struct cursor c = cursor_of(body);
    s->backend_pid = cursor_u32(&c);
    s->backend_secret = cursor_u32(&c);
    if (!cursor_ended_well(&c) || pg_key_issue(s) != ERR_OK)
        return PASS_DIVERGED;
    enum err e = buf_put_u8(&s->to_client, 'K');
    if (e == ERR_OK)
        e = buf_put_u32(&s->to_client, 12);
    if (e == ERR_OK)
        e = buf_put_u32(&s->to_client, s->backend_pid);
    if (e == ERR_OK)
        e = buf_put_u32(&s->to_client, s->secret);
    return e == ERR_OK ? PASS_SWALLOW : PASS_DIVERGED;
}

enum pass pg_on_first_ready(struct source_session *s, struct str body)
{
    if (body.n != 1)
        return PASS_DIVERGED;
    if (s->st->resource->wall_read_only && !s->wall.on) {
        pg_session_fatal(s, PG_UNAVAILABLE, STR("the database does not report the session's read-only state"),
                         STR("This resource has a read-only wall, which needs PostgreSQL 14 or newer and no pooler in between."),
                         (struct str){NULL, 0});
        return PASS_CLOSED;
    }
    s->phase = PHASE_READY;
    pg_note_status(s, body.p[0]);
    timer_free(s->timer);
    s->timer = NULL;
    s->opened = true;
    s->st->gate->session_opened(s->st->gate->gate, &s->subject, s->st->resource, &s->context);
    return PASS_ON;
}
