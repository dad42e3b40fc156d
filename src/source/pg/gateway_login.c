/*
 * `login: gateway`: the client proves to the gateway who it is, with a token (SCRAM-SHA-256) or a
 * certificate, and the gateway logs in to the database with what the client never sees. Keys and
 * passwords stay with the broker: this worker asks it (model/login.h) and carries the messages.
 *
 *   PHASE_LOGIN       AWAIT_FIRST --client-first--> AWAIT_FINAL --client-final--> ASKED --yes--> ADMITTED
 *                     (a certificate: ASKED at once)
 *   PHASE_CONNECTING  ADMITTED
 *   PHASE_AUTH        ADMITTED --SASL--> UP_FIRST --server-first--> UP_ASKED --proof--> UP_PROVED
 *                                  --server-final, it is the real one--> UP_DONE --Ok--> STARTING
 *                     ADMITTED --md5, cleartext--> UP_ASKED --answer--> UP_DONE --Ok--> STARTING
 *                     ADMITTED --Ok--> STARTING       (the database trusts the gateway's address)
 *
 * A "no" of the broker or the database ends the session. Nothing of the database's answers to the login
 * reaches the client but the final AuthenticationOk.
 */
#include "base/digest.h"
#include "base/limits.h"
#include "base/log.h"
#include "identity/scram.h"
#include "source/pg/server.h"

#include <stdio.h>
#include <stdlib.h>

enum { AUTH_OK = 0, AUTH_CLEARTEXT = 3, AUTH_MD5 = 5, AUTH_SASL = 10, AUTH_SASL_CONTINUE = 11, AUTH_SASL_FINAL = 12 };
enum { MESSAGE_MAX = 4096 };

enum login_state {
    LOGIN_AWAIT_FIRST = 1,
    LOGIN_AWAIT_FINAL,
    LOGIN_ASKED,
    LOGIN_ADMITTED,
    LOGIN_UP_FIRST,
    LOGIN_UP_ASKED,
    LOGIN_UP_PROVED,
    LOGIN_UP_DONE,
};

struct pg_login {
    enum login_state state;
    uint64_t number;      /* of the question that is open; 0: none */
    bool plus;            /* the client chose SCRAM-SHA-256-PLUS */
    bool by_certificate;
    enum login_step upstream; /* how the database wants it */
    char nonce[SCRAM_NONCE + 1]; /* ours, towards the database */
    struct buf text;      /* of the AuthMessage, as it grows */
    struct buf final;     /* towards the database: client-final without its proof */
    struct buf header;    /* of the client's binding: what c= must repeat */
    struct buf full_nonce;
    unsigned char signature[SCRAM_KEY]; /* the database's must be this */
};

static const struct str none = {NULL, 0};

void pg_login_done(struct source_session *s)
{
    struct pg_login *l = s->login;
    if (l == NULL)
        return;
    if (l->number != 0)
        s->st->gate->login_forget(s->st->gate->gate, l->number);
    buf_wipe(&l->text);
    buf_wipe(&l->final);
    buf_done(&l->header);
    buf_done(&l->full_nonce);
    free(l);
    s->login = NULL;
}

struct str pg_login_account(const struct source_session *s)
{
    struct str account = s->st->resource->upstream_user;
    return account.n != 0 ? account : s->subject.person;
}

/* --- Refusals -------------------------------------------------------------------------------- */

/* The same for an unknown name, a wrong token and one that may not: only who has proved to hold a token
 * is told more. */
static void refuse(struct source_session *s, struct str why)
{
    char text[128];
    int n = snprintf(text, sizeof(text), "password authentication failed for user \"%.*s\"", STR_FMT(s->first.user));
    pg_session_fatal(s, PG_INVALID_PASSWORD, str_from(text, (size_t)n), why,
                     STR("Log in with your own name and a token with scope `act` as the password: "
                         "countersign user token NAME"));
}

static void broken(struct source_session *s, const char *what)
{
    pg_session_fatal(s, PG_PROTOCOL_VIOLATION, str_of(what), none, none);
}

/* What the database said goes to the operator: it may name accounts, hosts and rules. */
static void upstream_refused(struct source_session *s, struct str said)
{
    char clean[256], text[160];
    log_error("session %.*s: the gateway cannot log in to %.*s as \"%.*s\": %s", STR_FMT(s->context.id),
              STR_FMT(s->st->resource->name), STR_FMT(pg_login_account(s)), log_clean(said, clean, sizeof(clean)));
    int n = snprintf(text, sizeof(text), "the gateway could not log in to the database of \"%.*s\"",
                     STR_FMT(s->st->resource->name));
    pg_session_fatal(s, PG_INVALID_AUTHORIZATION, str_from(text, (size_t)n),
                     STR("You are known; it is the gateway's own account that the database refuses."),
                     STR("Tell whoever runs the gateway: its log says why."));
}

/* --- Messages -------------------------------------------------------------------------------- */

static enum err put_auth(struct buf *out, uint32_t code, struct str body)
{
    TRY(buf_put_u8(out, 'R'));
    TRY(buf_put_u32(out, (uint32_t)(8 + body.n)));
    TRY(buf_put_u32(out, code));
    return buf_put_str(out, body);
}

static void tell_client(struct source_session *s, uint32_t code, struct str body)
{
    struct buf out CLEANUP(buf_done) = {0};
    buf_init(&out, MESSAGE_MAX);
    if (put_auth(&out, code, body) != ERR_OK)
        pg_session_close(s, STR("out of memory"));
    else
        pg_to_client(s, buf_view(&out));
}

/* A password message ('p') to the database. */
static bool tell_server(struct source_session *s, struct str body)
{
    struct buf out CLEANUP(buf_wipe) = {0};
    buf_init(&out, 2 * LIMIT_SECRET_BYTES);
    if (buf_put_u8(&out, 'p') != ERR_OK || buf_put_u32(&out, (uint32_t)(4 + body.n)) != ERR_OK ||
        buf_put_str(&out, body) != ERR_OK) {
        pg_session_close(s, STR("out of memory"));
        return false;
    }
    return pg_to_server(s, buf_view(&out));
}

static void ask(struct source_session *s, struct login_ask *a)
{
    a->resource = s->st->resource->name;
    a->address = s->context.address;
    if (s->st->gate->login(s->st->gate->gate, s, a, &s->login->number) != ERR_OK)
        pg_session_fatal(s, PG_CANNOT_CONNECT, STR("nobody can log in just now"),
                         STR("The gateway's broker, which knows the tokens, cannot be reached."),
                         STR("Try again in a moment."));
}

/* --- The client ------------------------------------------------------------------------------ */

static bool can_bind(const struct source_session *s)
{
    return stream_is_tls(s->client) && tls_server_end_point(s->st->server_tls).n != 0;
}

/* A certificate that TLS verified, of this user or of the person whose account that is. */
static bool is_certified(struct source_session *s)
{
    struct buf name CLEANUP(buf_done) = {0};
    struct subject owner = {.name = none};
    buf_init(&name, LIMIT_NAME_BYTES);
    if (s->st->resource->client_ca.n == 0 || stream_peer_name(s->client, &name) != ERR_OK || buf_len(&name) == 0)
        return false;
    owner.name = buf_view(&name);
    s->st->gate->identify(s->st->gate->gate, &owner);
    return owner.person.n != 0 && str_eq(owner.person, s->subject.person);
}

void pg_login_begin(struct source_session *s)
{
    static const char both[] = "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0", plain[] = "SCRAM-SHA-256\0";
    struct pg_login *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        pg_session_close(s, STR("out of memory"));
        return;
    }
    s->login = l;
    s->phase = PHASE_LOGIN;
    buf_init(&l->text, 3 * MESSAGE_MAX);
    buf_init(&l->final, MESSAGE_MAX);
    buf_init(&l->header, MESSAGE_MAX);
    buf_init(&l->full_nonce, MESSAGE_MAX);
    if (is_certified(s)) {
        struct login_ask a = {.step = LOGIN_CERTIFICATE, .user = s->first.user};
        l->by_certificate = true;
        l->state = LOGIN_ASKED;
        ask(s, &a);
        return;
    }
    l->state = LOGIN_AWAIT_FIRST;
    tell_client(s, AUTH_SASL, can_bind(s) ? str_from(both, sizeof(both)) : str_from(plain, sizeof(plain)));
}

/* True where mechanism and flag fit (RFC 5802 section 6). */
static bool binding_fits(struct source_session *s, const struct scram_client_first *m)
{
    if (s->login->plus)
        return m->binding == 'p' && str_is(m->channel, "tls-server-end-point");
    return m->binding == 'n' || (m->binding == 'y' && !can_bind(s)); /* 'y' where we could: an attack */
}

static enum err put_server_first(struct source_session *s, const struct scram_client_first *m, struct buf *out)
{
    struct pg_login *l = s->login;
    unsigned char salt[SCRAM_SALT];
    char ours[SCRAM_NONCE + 1];
    /* Of the person, or, mocking, of whatever name was given. */
    scram_salt_of(s->subject.person.n != 0 ? s->subject.person : s->first.user, salt);
    TRY(scram_nonce(ours));
    TRY(buf_put_str(&l->full_nonce, m->nonce));
    TRY(buf_put_str(&l->full_nonce, str_of(ours)));
    TRY(buf_printf(out, "r=%.*s,s=", STR_FMT(buf_view(&l->full_nonce))));
    TRY(base64_put(out, str_from(salt, sizeof(salt))));
    TRY(buf_printf(out, ",i=%d", SCRAM_ITERATIONS));
    TRY(buf_put_str(&l->header, m->header));
    return buf_printf(&l->text, "%.*s,%.*s,", STR_FMT(m->bare), STR_FMT(buf_view(out)));
}

/* SASLInitialResponse: mechanism, length, client-first. */
static void on_client_first(struct source_session *s, struct str body)
{
    struct cursor c = cursor_of(body);
    struct scram_client_first m;
    struct buf out CLEANUP(buf_done) = {0};
    struct str mechanism = cursor_cstr(&c);
    struct str data = cursor_bytes(&c, cursor_u32(&c));
    buf_init(&out, MESSAGE_MAX);
    s->login->plus = str_is(mechanism, "SCRAM-SHA-256-PLUS") && can_bind(s);
    if (!cursor_ended_well(&c) || (!s->login->plus && !str_is(mechanism, "SCRAM-SHA-256"))) {
        broken(s, "the client chose no login method that was offered");
        return;
    }
    if (data.n > MESSAGE_MAX / 4 || scram_client_first_read(data, &m) != ERR_OK || !binding_fits(s, &m)) {
        broken(s, "malformed SCRAM message");
        return;
    }
    if (put_server_first(s, &m, &out) != ERR_OK) {
        pg_session_close(s, STR("out of memory"));
        return;
    }
    s->login->state = LOGIN_AWAIT_FINAL;
    tell_client(s, AUTH_SASL_CONTINUE, buf_view(&out));
}

static enum err put_binding(struct source_session *s, struct buf *out)
{
    struct buf raw CLEANUP(buf_done) = {0};
    buf_init(&raw, MESSAGE_MAX);
    TRY(buf_put_str(&raw, buf_view(&s->login->header)));
    if (s->login->plus)
        TRY(buf_put_str(&raw, tls_server_end_point(s->st->server_tls)));
    return base64_put(out, buf_view(&raw));
}

static void on_client_final(struct source_session *s, struct str body)
{
    struct pg_login *l = s->login;
    struct scram_client_final m;
    struct buf room CLEANUP(buf_done) = {0}, binding CLEANUP(buf_done) = {0};
    buf_init(&room, MESSAGE_MAX);
    buf_init(&binding, MESSAGE_MAX);
    if (body.n > MESSAGE_MAX / 2 || scram_client_final_read(body, &room, &m) != ERR_OK ||
        !str_eq(m.nonce, buf_view(&l->full_nonce))) {
        broken(s, "malformed SCRAM message");
        return;
    }
    if (put_binding(s, &binding) != ERR_OK || buf_put_str(&l->text, m.without_proof) != ERR_OK) {
        pg_session_close(s, STR("out of memory"));
        return;
    }
    if (!str_eq(m.binding, buf_view(&binding))) {
        broken(s, "SCRAM channel binding check failed");
        return;
    }
    struct login_ask a = {.step = LOGIN_TOKEN, .user = s->first.user, .message = buf_view(&l->text), .proof = m.proof};
    l->state = LOGIN_ASKED;
    ask(s, &a);
}

void pg_login_bytes(struct source_session *s)
{
    while (s->phase == PHASE_LOGIN && s->login->state < LOGIN_ASKED && buf_len(&s->in) >= PG_HEADER) {
        struct str v = buf_view(&s->in);
        struct cursor c = cursor_of(str_from(v.p + 1, 4));
        size_t length = cursor_u32(&c);
        if (v.p[0] == 'X') {
            pg_session_close(s, STR("the client went away"));
            return;
        }
        if (v.p[0] != 'p' || length < 4 || length > MESSAGE_MAX) {
            broken(s, "expected password response");
            return;
        }
        if (v.n < length + 1)
            return;
        struct str body = str_from(v.p + PG_HEADER, length - 4);
        if (s->login->state == LOGIN_AWAIT_FIRST)
            on_client_first(s, body);
        else
            on_client_final(s, body);
        if (s->phase != PHASE_CLOSED)
            buf_consume(&s->in, length + 1);
    }
}

static void admitted(struct source_session *s, const struct login_answer *a)
{
    struct buf out CLEANUP(buf_done) = {0};
    buf_init(&out, MESSAGE_MAX);
    if (!a->ok || !str_eq(a->person, s->subject.person)) {
        refuse(s, a->why);
        return;
    }
    s->login->state = LOGIN_ADMITTED;
    buf_clear(&s->login->text);
    if (!s->login->by_certificate) {
        if (buf_put_str(&out, STR("v=")) != ERR_OK || base64_put(&out, a->signature) != ERR_OK) {
            pg_session_close(s, STR("out of memory"));
            return;
        }
        tell_client(s, AUTH_SASL_FINAL, buf_view(&out));
    }
    if (s->phase == PHASE_LOGIN)
        pg_session_proceed(s);
}

/* --- The database ---------------------------------------------------------------------------- */

static struct str told_application(struct source_session *s, char out[static PG_NAME_MAX + 1])
{
    struct str app = s->first.application_name;
    int n = app.n != 0 ? snprintf(out, PG_NAME_MAX + 1, "%.*s (%.*s)", STR_FMT(s->subject.person), STR_FMT(app))
                       : snprintf(out, PG_NAME_MAX + 1, "%.*s", STR_FMT(s->subject.person));
    return str_from(out, n > PG_NAME_MAX ? PG_NAME_MAX : (size_t)n);
}

enum err pg_login_startup(struct source_session *s, struct buf *out)
{
    const struct resource *r = s->st->resource;
    struct pg_first f = s->first;
    char application[PG_NAME_MAX + 1];
    struct pg_setting *list = arena_new_array(&s->arena, f.n_settings + 4, struct pg_setting);
    size_t n = 0;
    if (list == NULL)
        return ERR_NOMEM;
    list[n++] = (struct pg_setting){STR("user"), pg_login_account(s)};
    list[n++] = (struct pg_setting){STR("database"), f.database};
    for (size_t i = 0; i < f.n_settings; i++) {
        struct str name = f.settings[i].name;
        bool ours = str_is(name, "user") || str_is(name, "database") ||
                    (r->tell_role && str_eq_ascii_nocase(name, STR("role"))) ||
                    (r->tell_application && str_eq_ascii_nocase(name, STR("application_name")));
        if (!ours)
            list[n++] = f.settings[i];
    }
    /* Last, so that nothing in `options` has the last word. */
    if (r->tell_role)
        list[n++] = (struct pg_setting){STR("role"), s->subject.person};
    if (r->tell_application)
        list[n++] = (struct pg_setting){STR("application_name"), told_application(s, application)};
    if (r->tell_role)
        TRY(buf_put_str(&s->role.now, s->subject.person));
    f.settings = list;
    f.n_settings = n;
    return pg_startup_write(out, &f, r->wall_read_only);
}

static enum pass start_scram(struct source_session *s, struct cursor mechanisms)
{
    struct pg_login *l = s->login;
    struct buf first CLEANUP(buf_done) = {0}, body CLEANUP(buf_done) = {0};
    bool offered = false;
    buf_init(&first, 256);
    buf_init(&body, 512);
    for (struct str m; (m = cursor_cstr(&mechanisms)).n != 0;)
        offered = offered || str_is(m, "SCRAM-SHA-256");
    if (mechanisms.bad || !offered) {
        upstream_refused(s, STR("it offers no SCRAM-SHA-256"));
        return PASS_CLOSED;
    }
    if (scram_nonce(l->nonce) != ERR_OK || buf_printf(&first, "n=,r=%s", l->nonce) != ERR_OK ||
        buf_printf(&l->text, "%.*s,", STR_FMT(buf_view(&first))) != ERR_OK ||
        buf_put_cstr(&body, STR("SCRAM-SHA-256")) != ERR_OK ||
        buf_put_u32(&body, (uint32_t)(3 + buf_len(&first))) != ERR_OK || buf_put(&body, "n,,", 3) != ERR_OK ||
        buf_put_str(&body, buf_view(&first)) != ERR_OK)
        return PASS_DIVERGED;
    l->state = LOGIN_UP_FIRST;
    return tell_server(s, buf_view(&body)) ? PASS_SWALLOW : PASS_CLOSED;
}

static enum pass on_server_first(struct source_session *s, struct str data)
{
    struct pg_login *l = s->login;
    struct scram_server_first m;
    struct buf salt CLEANUP(buf_done) = {0};
    buf_init(&salt, MESSAGE_MAX);
    if (data.n > MESSAGE_MAX / 2 || scram_server_first_read(data, &salt, &m) != ERR_OK ||
        !str_starts(m.nonce, str_of(l->nonce)) || m.nonce.n == SCRAM_NONCE)
        return PASS_DIVERGED;
    if (buf_printf(&l->final, "c=biws,r=%.*s", STR_FMT(m.nonce)) != ERR_OK ||
        buf_printf(&l->text, "%.*s,%.*s", STR_FMT(data), STR_FMT(buf_view(&l->final))) != ERR_OK)
        return PASS_DIVERGED;
    struct login_ask a = {.step = LOGIN_UPSTREAM_SCRAM, .user = pg_login_account(s), .message = buf_view(&l->text),
                          .salt = m.salt, .iterations = m.iterations};
    l->upstream = a.step;
    l->state = LOGIN_UP_ASKED;
    ask(s, &a);
    return s->phase == PHASE_CLOSED ? PASS_CLOSED : PASS_SWALLOW;
}

static enum pass ask_for_password(struct source_session *s, enum login_step step, struct str salt)
{
    struct login_ask a = {.step = step, .user = pg_login_account(s), .salt = salt};
    if (step == LOGIN_UPSTREAM_PASSWORD && s->st->resource->upstream_tls != TLS_VERIFY_FULL) {
        upstream_refused(s, STR("it wants the password in clear, which the gateway only gives over verified TLS "
                                "(upstream_tls: verify-full)"));
        return PASS_CLOSED;
    }
    s->login->upstream = step;
    s->login->state = LOGIN_UP_ASKED;
    ask(s, &a);
    return s->phase == PHASE_CLOSED ? PASS_CLOSED : PASS_SWALLOW;
}

static enum pass on_server_final(struct source_session *s, struct str data)
{
    struct buf room CLEANUP(buf_done) = {0};
    struct str signature;
    buf_init(&room, MESSAGE_MAX);
    if (scram_server_final_read(data, &room, &signature) != ERR_OK ||
        memcmp(signature.p, s->login->signature, SCRAM_KEY) != 0) {
        upstream_refused(s, STR("it does not know the password itself: is it the right server?"));
        return PASS_CLOSED;
    }
    s->login->state = LOGIN_UP_DONE;
    return PASS_SWALLOW;
}

enum pass pg_login_on_authentication(struct source_session *s, struct str body)
{
    struct cursor c = cursor_of(body);
    uint32_t code = cursor_u32(&c);
    struct str rest = cursor_bytes(&c, cursor_left(&c));
    enum login_state state = s->login->state;
    if (c.bad)
        return PASS_DIVERGED;
    if (code == AUTH_OK && (state == LOGIN_ADMITTED || state == LOGIN_UP_DONE)) {
        s->phase = PHASE_STARTING;
        return PASS_ON;
    }
    if (code == AUTH_SASL && state == LOGIN_ADMITTED)
        return start_scram(s, cursor_of(rest));
    if (code == AUTH_SASL_CONTINUE && state == LOGIN_UP_FIRST)
        return on_server_first(s, rest);
    if (code == AUTH_SASL_FINAL && state == LOGIN_UP_PROVED)
        return on_server_final(s, rest);
    if (code == AUTH_MD5 && state == LOGIN_ADMITTED && rest.n == 4)
        return ask_for_password(s, LOGIN_UPSTREAM_MD5, rest);
    if (code == AUTH_CLEARTEXT && state == LOGIN_ADMITTED)
        return ask_for_password(s, LOGIN_UPSTREAM_PASSWORD, none);
    upstream_refused(s, STR("it wants a way to log in that the gateway has not"));
    return PASS_CLOSED;
}

/* The texts of an ErrorResponse, for the log. */
enum pass pg_login_on_error(struct source_session *s, struct str body)
{
    struct cursor c = cursor_of(body);
    struct str said = STR("an error without a text");
    for (uint8_t field; (field = cursor_u8(&c)) != 0 && !c.bad;) {
        struct str text = cursor_cstr(&c);
        if (field == 'M')
            said = text;
    }
    upstream_refused(s, said);
    return PASS_CLOSED;
}

enum pass pg_login_on_notice(struct source_session *s, struct str body)
{
    (void)s;
    (void)body;
    return PASS_SWALLOW;
}

static void on_upstream_answer(struct source_session *s, const struct login_answer *a)
{
    struct pg_login *l = s->login;
    struct buf out CLEANUP(buf_wipe) = {0};
    enum err e = ERR_OK;
    buf_init(&out, LIMIT_SECRET_BYTES + MESSAGE_MAX);
    if (!a->ok) {
        upstream_refused(s, a->why);
        return;
    }
    if (l->upstream == LOGIN_UPSTREAM_SCRAM) {
        if (a->signature.n != SCRAM_KEY) {
            upstream_refused(s, STR("the broker gave no proof"));
            return;
        }
        memcpy(l->signature, a->signature.p, SCRAM_KEY);
        e = buf_printf(&out, "%.*s,p=", STR_FMT(buf_view(&l->final)));
        if (e == ERR_OK)
            e = base64_put(&out, a->proof);
        l->state = LOGIN_UP_PROVED;
    } else {
        e = buf_put_cstr(&out, a->proof);
        l->state = LOGIN_UP_DONE;
    }
    if (e != ERR_OK)
        upstream_refused(s, str_of(err_text(e)));
    else
        (void)tell_server(s, buf_view(&out));
}

void pg_login_answer(struct source_session *s, const struct login_answer *a)
{
    s->login->number = 0;
    if (s->login->state == LOGIN_ASKED)
        admitted(s, a);
    else
        on_upstream_answer(s, a);
}
