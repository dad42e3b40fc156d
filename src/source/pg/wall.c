#include "source/pg/wall.h"
#include "base/limits.h"
#include "base/log.h"
#include "source/pg/server.h"

#include <stdlib.h>
#include <string.h>

/* --- What a message needs -------------------------------------------------------------------------- */

enum need {
    NEED_NOTHING, /* settings, names, channels: the same in either state */
    NEED_CONTROL, /* of the transaction, and nothing else but NEED_NOTHING */
    NEED_READ,
    NEED_MIXED,   /* reads and control of the transaction in one message */
    NEED_WRITE,
};

static enum need need_of_one(const struct sql_facts *f)
{
    const uint32_t not_reads = SQL_WRITE | SQL_DELETE | SQL_DDL | SQL_DESTRUCTIVE_DDL | SQL_MAINTENANCE | SQL_ADMIN |
                               SQL_COPY_PROGRAM | SQL_FILE | SQL_DYNAMIC | SQL_PARSE_ERROR;
    if (f->may_write || (f->classes & not_reads) != 0 || (f->traits & SQL_T_ROW_LOCK) != 0)
        return NEED_WRITE;
    if (f->transaction != SQL_TX_NONE)
        return NEED_CONTROL;
    if (f->execute_names.n != 0 && (f->classes & SQL_TRANSACTION) != 0)
        return NEED_WRITE; /* EXECUTE of what was parsed by protocol: which control it is, is not known here */
    return (f->classes & SQL_READ) != 0 ? NEED_READ : NEED_NOTHING;
}

static enum need need_of(const struct sql_facts *f)
{
    bool reads = false, controls = false;
    enum need all = need_of_one(f);
    if (f->n_parts == 0 || all == NEED_WRITE)
        return all;
    for (size_t i = 0; i < f->n_parts; i++) {
        enum need n = need_of_one(&f->parts[i]);
        if (n == NEED_WRITE)
            return n;
        reads = reads || n == NEED_READ;
        controls = controls || n == NEED_CONTROL;
    }
    if (controls)
        return reads ? NEED_MIXED : NEED_CONTROL;
    return reads ? NEED_READ : NEED_NOTHING;
}

static bool names_setting(const struct sql_facts *f, const char *name)
{
    for (size_t i = 0; i < f->settings.n; i++)
        if (str_is(f->settings.v[i], name))
            return true;
    return false;
}

static bool names_read_only(const struct sql_facts *f)
{
    return names_setting(f, "default_transaction_read_only") || names_setting(f, "transaction_read_only");
}

/* SET default_transaction_read_only, SET SESSION CHARACTERISTICS. */
static bool sets_session_default(const struct sql_facts *f)
{
    return f->n_parts == 0 && f->transaction == SQL_TX_NONE && (f->classes & SQL_SESSION) != 0 &&
           (names_setting(f, "default_transaction_read_only") ||
            (names_setting(f, "transaction_read_only") && (f->classes & SQL_TRANSACTION) != 0));
}

/* The client takes back its own wish for a read-only session; the gateway's state is restored behind it. */
static bool takes_back_own(const struct source_session *s, const struct sql_facts *f)
{
    return s->wall.client_read_only && sets_session_default(f) && need_of_one(f) == NEED_NOTHING;
}

static bool begins_read_write(const struct sql_facts *f)
{
    for (size_t i = 0; i < f->n_parts; i++)
        if (f->parts[i].transaction == SQL_TX_BEGIN_READ_WRITE)
            return true;
    return false;
}

const char *pg_wall_refuses(const struct source_session *s, const struct sql_facts *f)
{
    if (!s->wall.on)
        return NULL;
    if (names_read_only(f) && (f->traits & SQL_T_DISABLES_GUARD) != 0 && !takes_back_own(s, f))
        return "the gateway keeps the read-only state of this session; it cannot be switched";
    if (need_of(f) == NEED_MIXED && (s->wall.block != WALL_OUTSIDE || begins_read_write(f)))
        return "behind a read-only wall, statements that control the transaction are sent apart from queries";
    return NULL;
}

/* --- The gateway's own statements ------------------------------------------------------------------- */

enum form {
    FORM_SIMPLE, /* one Query; destroys the unnamed statement, as the client's own Query behind it does */
    FORM_SYNCED, /* extended messages and a Sync of their own */
    FORM_INLINE, /* extended messages in the client's segment: their failure is the segment's */
};

enum { CLOSES_A_PART = 3, MAX_ATTEMPTS = 100 };
#define OWN_NAME "countersign_wall"

void pg_wall_init(struct pg_wall *w)
{
    buf_init(&w->before, 4 * KIB);
    buf_init(&w->after, 4 * KIB);
}

void pg_wall_done(struct pg_wall *w)
{
    buf_done(&w->before);
    buf_done(&w->after);
}

/* The first Close is for what an attempt that failed has left. */
static enum err put_part(struct buf *out, const char *sql)
{
    static const char no_parameters[6] = {0};
    struct str name = STR(OWN_NAME);
    TRY(pg_put_close(out, 'S', name));
    TRY(pg_put_parse(out, name, str_of(sql)));
    TRY(pg_put_bind(out, name, name, (struct str){no_parameters, sizeof(no_parameters)}));
    TRY(pg_put_execute(out, name));
    TRY(pg_put_close(out, 'P', name));
    return pg_put_close(out, 'S', name);
}

static enum err put_parts(struct buf *out, const char *const *sql, size_t n)
{
    for (size_t i = 0; i < n; i++)
        TRY(put_part(out, sql[i]));
    return ERR_OK;
}

static enum err put_simple(struct buf *out, const char *const *sql, size_t n)
{
    struct buf text CLEANUP(buf_done) = {0};
    buf_init(&text, KIB);
    for (size_t i = 0; i < n; i++) {
        TRY(buf_put_str(&text, str_of(sql[i])));
        TRY(buf_put_str(&text, STR(";")));
    }
    return pg_put_query(out, buf_view(&text));
}

static enum err put_own(struct buf *out, enum form form, bool sync_first, const char *const *sql, size_t n)
{
    if (form == FORM_SIMPLE)
        return put_simple(out, sql, n);
    if (sync_first)
        TRY(pg_put_sync(out));
    TRY(put_parts(out, sql, n));
    return form == FORM_SYNCED ? pg_put_sync(out) : ERR_OK;
}

static void set_own(struct pg_entry *e, enum form form, bool sync_first, size_t n)
{
    e->synced = form == FORM_SYNCED;
    e->readies = form == FORM_INLINE ? 0 : (uint8_t)(1 + sync_first);
    e->closes = form == FORM_INLINE ? (uint8_t)(n * CLOSES_A_PART) : 0;
}

static enum err own_before(struct source_session *s, enum form form, bool sync_first, const char *const *sql, size_t n)
{
    struct pg_entry *e;
    TRY(put_own(&s->wall.before, form, sync_first, sql, n));
    TRY(pg_ring_insert(&s->ring, PG_E_OWN, &e));
    set_own(e, form, sync_first, n);
    return ERR_OK;
}

enum err pg_own_before(struct source_session *s, const char *sql)
{
    return own_before(s, FORM_SYNCED, false, &sql, 1);
}

static enum err own_after(struct source_session *s, enum form form, const char *sql)
{
    struct pg_entry *e;
    TRY(put_own(&s->wall.after, form, false, &sql, 1));
    TRY(pg_ring_push(&s->ring, PG_E_OWN, &e));
    set_own(e, form, false, 1);
    return ERR_OK;
}

static const char *const SQL_LIFT[] = {"SET default_transaction_read_only = off"};
static const char *const SQL_RESTORE[] = {"SET default_transaction_read_only = on"};
static const char *const SQL_GUARD[] = {"SAVEPOINT " OWN_NAME, "SET TRANSACTION READ ONLY"};
static const char *const SQL_RELEASE[] = {"RELEASE SAVEPOINT " OWN_NAME};
static const char *const SQL_CLOSE_SEGMENT[] = {"SET transaction_read_only = on"};

/* --- Around a message ------------------------------------------------------------------------------- */

static bool on_the_wire(const struct source_session *s)
{
    return s->ring.unsent != s->ring.head;
}

/* The implicit transaction that is open may have begun read-only. */
static bool in_read_segment(const struct source_session *s)
{
    return s->segment_open && s->wall.segment == WALL_SEGMENT_READ;
}

bool pg_wall_must_wait(struct source_session *s, const struct sql_facts *f, bool simple)
{
    struct pg_wall *w = &s->wall;
    if (!w->on || w->block != WALL_OUTSIDE)
        return false;
    if (need_of(f) == NEED_WRITE)
        return !w->client_read_only && in_read_segment(s) && on_the_wire(s);
    if (s->segment_open)
        return false;
    /* What is under way may itself switch the default; an extended read says so again in its own segment. */
    if (w->lifted && !on_the_wire(s))
        (void)pg_wall_restore(s);
    return w->lifted || (simple && on_the_wire(s));
}

static enum err lift(struct source_session *s, bool simple)
{
    struct pg_wall *w = &s->wall;
    bool sync_first = in_read_segment(s);
    if (!simple)
        w->segment = WALL_SEGMENT_WRITE;
    if (w->lifted && !w->restoring)
        return ERR_OK;
    w->lifted = true;
    w->restoring = false;
    return own_before(s, simple && !sync_first ? FORM_SIMPLE : FORM_SYNCED, sync_first, SQL_LIFT, 1);
}

static enum err before_outside(struct source_session *s, enum need need, bool simple)
{
    struct pg_wall *w = &s->wall;
    bool open = s->segment_open;
    if (need == NEED_WRITE) {
        bool writes_already = open && w->segment != WALL_SEGMENT_READ;
        return w->client_read_only || writes_already ? ERR_OK : lift(s, simple);
    }
    if (need != NEED_READ || (simple && !open))
        return ERR_OK;
    bool says_again = open ? w->lifted || w->segment == WALL_SEGMENT_WRITE : on_the_wire(s);
    w->segment = open && w->segment != WALL_SEGMENT_READ ? WALL_SEGMENT_CLOSED : WALL_SEGMENT_READ;
    return says_again ? own_before(s, FORM_INLINE, false, SQL_CLOSE_SEGMENT, 1) : ERR_OK;
}

/* ROLLBACK TO and the ends of the block undo our savepoint with the others, RELEASE of one before it merges it. */
static bool must_release(const struct sql_facts *f, enum need need)
{
    if (need == NEED_WRITE || f->n_parts != 0)
        return true;
    return f->transaction == SQL_TX_SAVEPOINT || f->transaction == SQL_TX_COMMIT_CHAIN || f->transaction == SQL_TX_SET;
}

static enum err before_inside(struct source_session *s, const struct sql_facts *f, enum need need, bool simple)
{
    struct pg_wall *w = &s->wall;
    enum form form = simple ? FORM_SIMPLE : FORM_INLINE;
    if (need == NEED_READ && w->block == WALL_OPEN) {
        w->block = WALL_GUARDED;
        return own_before(s, form, false, SQL_GUARD, ARRAY_LEN(SQL_GUARD));
    }
    if (need == NEED_READ || need == NEED_NOTHING || w->block != WALL_GUARDED || !must_release(f, need))
        return ERR_OK;
    w->block = WALL_OPEN;
    return own_before(s, form, false, SQL_RELEASE, 1);
}

enum err pg_wall_before(struct source_session *s, const struct sql_facts *f, bool simple)
{
    if (!s->wall.on)
        return ERR_OK;
    if (s->wall.block == WALL_OUTSIDE)
        return before_outside(s, need_of(f), simple);
    return before_inside(s, f, need_of(f), simple);
}

/* A block begins. In an implicit transaction that has begun, its state is what that has. */
static enum err begun(struct source_session *s, enum sql_transaction how, bool simple)
{
    struct pg_wall *w = &s->wall;
    bool converts = s->segment_open && !simple;
    w->savepoints = false;
    if (how == SQL_TX_BEGIN_READ_ONLY || (how == SQL_TX_BEGIN && w->client_read_only) ||
        (converts && w->segment != WALL_SEGMENT_WRITE)) {
        w->block = WALL_READ_ONLY;
        return ERR_OK;
    }
    w->block = WALL_OPEN;
    return converts ? ERR_OK : own_after(s, simple ? FORM_SIMPLE : FORM_INLINE, "SET TRANSACTION READ WRITE");
}

static enum err after_one(struct source_session *s, const struct sql_facts *f, bool simple)
{
    struct pg_wall *w = &s->wall;
    switch (f->transaction) {
    case SQL_TX_BEGIN:
    case SQL_TX_BEGIN_READ_ONLY:
    case SQL_TX_BEGIN_READ_WRITE:
        return w->block == WALL_OUTSIDE ? begun(s, f->transaction, simple) : ERR_OK;
    case SQL_TX_COMMIT:
    case SQL_TX_ROLLBACK:
    case SQL_TX_PREPARE:
        w->block = WALL_OUTSIDE;
        w->segment = WALL_SEGMENT_READ;
        return ERR_OK;
    case SQL_TX_COMMIT_CHAIN:
    case SQL_TX_ROLLBACK_CHAIN:
        w->savepoints = false;
        FALLTHROUGH;
    case SQL_TX_RELEASE:
    case SQL_TX_ROLLBACK_TO:
        if (w->block == WALL_GUARDED)
            w->block = WALL_OPEN;
        return ERR_OK;
    case SQL_TX_SAVEPOINT:
        w->savepoints = true;
        return ERR_OK;
    case SQL_TX_SET:
        if (w->block == WALL_OPEN && !w->savepoints && names_setting(f, "transaction_read_only"))
            w->block = WALL_READ_ONLY;
        return ERR_OK;
    case SQL_TX_NONE:
        break;
    }
    if (sets_session_default(f)) {
        bool on = (f->traits & SQL_T_DISABLES_GUARD) == 0;
        w->lifted = w->lifted || !on;
        w->client_read_only = on;
    }
    return ERR_OK;
}

enum err pg_wall_after(struct source_session *s, const struct sql_facts *f, bool simple)
{
    if (!s->wall.on)
        return ERR_OK;
    if (f->n_parts == 0)
        return after_one(s, f, simple);
    enum need need = need_of(f);
    const struct sql_facts *last = &f->parts[f->n_parts - 1];
    if (need == NEED_CONTROL || need == NEED_MIXED || (f->classes & SQL_TRANSACTION) != 0)
        pg_ring_set_barrier(&s->ring, pg_ring_at(&s->ring, pg_ring_count(&s->ring) - 1));
    bool begins = last->transaction == SQL_TX_BEGIN || last->transaction == SQL_TX_BEGIN_READ_WRITE;
    if (need != NEED_CONTROL || !begins || s->wall.client_read_only)
        return ERR_OK;
    s->wall.block = WALL_OPEN; /* nothing stands behind that BEGIN, so its state can still be chosen */
    return own_after(s, FORM_SIMPLE, "SET TRANSACTION READ WRITE");
}

/* --- What the server says --------------------------------------------------------------------------- */

bool pg_wall_startup(struct source_session *s, const struct sql_facts *f)
{
    if (!names_read_only(f))
        return true;
    s->wall.client_read_only = true;
    return (f->traits & SQL_T_DISABLES_GUARD) == 0;
}

/* A client that looks for a server it can write to finds one: what is written is judged, not impossible. */
static enum err tell_client(struct source_session *s)
{
    size_t start = buf_len(&s->to_client);
    TRY(buf_put_u8(&s->to_client, 'S'));
    TRY(buf_put_u32(&s->to_client, 0));
    TRY(buf_put_cstr(&s->to_client, STR("default_transaction_read_only")));
    TRY(buf_put_cstr(&s->to_client, s->wall.client_read_only ? STR("on") : STR("off")));
    buf_patch_u32(&s->to_client, start + 1, (uint32_t)(buf_len(&s->to_client) - start - 1));
    return ERR_OK;
}

enum pass pg_wall_reported(struct source_session *s, struct str value)
{
    bool on = str_is(value, "on");
    if (s->phase != PHASE_READY) {
        s->wall.on = on;
        return tell_client(s) == ERR_OK ? PASS_SWALLOW : PASS_DIVERGED;
    }
    if (!on)
        s->wall.lifted = true;
    return PASS_SWALLOW;
}

void pg_wall_status(struct source_session *s, char status)
{
    struct pg_wall *w = &s->wall;
    if (status == 'I') {
        w->block = WALL_OUTSIDE;
        w->savepoints = false;
    } else if (w->block == WALL_OUTSIDE || (status == 'E' && w->block == WALL_GUARDED)) {
        w->block = WALL_OPEN;
    }
}

/* Not while anything is under way: it could be COPY, which takes everything for its data. */
bool pg_wall_restore(struct source_session *s)
{
    struct pg_wall *w = &s->wall;
    struct buf out CLEANUP(buf_done) = {0};
    struct pg_entry *e;
    if (!w->on || !w->lifted || w->restoring || s->phase != PHASE_READY || s->flow != FLOW_NORMAL || s->tx != 'I' ||
        on_the_wire(s) || s->segment_open || s->asking != NULL || w->block != WALL_OUTSIDE)
        return true;
    if (++w->attempts > MAX_ATTEMPTS) {
        pg_session_fatal(s, PG_UNAVAILABLE, STR("the session's read-only state could not be restored"),
                         (struct str){NULL, 0}, STR("The session ends because its reads would no longer be walled in."));
        return false;
    }
    buf_init(&out, KIB);
    if (put_own(&out, FORM_SYNCED, false, SQL_RESTORE, 1) != ERR_OK ||
        pg_ring_insert(&s->ring, PG_E_OWN, &e) != ERR_OK) {
        pg_session_close(s, STR("out of memory"));
        return false;
    }
    set_own(e, FORM_SYNCED, false, 1);
    e->restores = true;
    pg_ring_mark_first_sent(&s->ring);
    w->restoring = true;
    return pg_to_server(s, buf_view(&out));
}

static void own_ended(struct source_session *s, const struct pg_entry *e)
{
    struct pg_wall *w = &s->wall;
    if (!e->restores)
        return;
    if (!e->own_failed)
        w->attempts = 0;
    if (!w->restoring)
        return; /* lifted again meanwhile */
    w->restoring = false;
    w->lifted = e->own_failed; /* then it is tried again */
}

static enum pass on_own_swallowed(struct source_session *s, struct str body)
{
    (void)s;
    (void)body;
    return PASS_SWALLOW;
}

static enum pass on_own_closed(struct source_session *s, struct str body)
{
    struct pg_entry *e = pg_ring_head(&s->ring);
    (void)body;
    if (e->closes != 0 && --e->closes == 0)
        pg_ring_pop(&s->ring);
    return PASS_SWALLOW;
}

/* In the client's segment the failure is the client's to know; elsewhere what follows fails too, or is not sent. */
static enum pass on_own_error(struct source_session *s, struct str body)
{
    struct pg_entry *e = pg_ring_head(&s->ring);
    struct str severity = pg_report_field(body, 'V');
    if (str_is(severity, "FATAL") || str_is(severity, "PANIC")) {
        s->fatal_seen = true;
        return PASS_ON;
    }
    e->own_failed = true;
    pg_note_undone(s);
    if (e->readies != 0)
        return PASS_SWALLOW;
    pg_skip_to_sync(s);
    return PASS_ON;
}

static enum pass on_own_notice(struct source_session *s, struct str body)
{
    (void)s;
    return str_starts(pg_report_field(body, 'C'), STR("57")) ? PASS_ON : PASS_SWALLOW;
}

static enum pass on_own_passed(struct source_session *s, struct str body)
{
    (void)s;
    (void)body;
    return PASS_ON;
}

static enum pass on_own_ready(struct source_session *s, struct str body)
{
    struct pg_entry *e = pg_ring_head(&s->ring);
    if (body.n != 1 || strchr("ITE", body.p[0]) == NULL || e->readies == 0)
        return PASS_DIVERGED;
    if (--e->readies == 0) {
        own_ended(s, e);
        pg_ring_pop(&s->ring);
    }
    pg_note_status(s, body.p[0]);
    return PASS_SWALLOW;
}

static const struct rule answers[256] = {
    ['1'] = {on_own_swallowed, false}, ['2'] = {on_own_swallowed, false},
    ['3'] = {on_own_closed, false},    ['C'] = {on_own_swallowed, false},
    ['T'] = {on_own_swallowed, false}, ['D'] = {on_own_swallowed, false},
    ['E'] = {on_own_error, true},      ['N'] = {on_own_notice, true},
    ['A'] = {on_own_passed, false},    ['S'] = {pg_on_parameter_status, true},
    ['Z'] = {on_own_ready, true},
};

const struct rule *pg_wall_rule(char type)
{
    return &answers[(unsigned char)type];
}
