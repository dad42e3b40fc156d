#include "source/pg/session.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * Messages from the client. One pass over what is there: understood messages join the run that is
 * written to the server in one piece; a message that must wait or is refused ends the run.
 *
 *   p: [ from ......... ready ......... at ......... n )
 *        may be sent      deferred       not yet looked at
 */
struct pump {
    const char *p;
    size_t n, from, ready, at;
};

enum step {
    STEP_DEFER = 1, /* understood; goes with the next that is sent */
    STEP_SEND,      /* it and everything deferred */
    STEP_DROP,      /* this message only; nothing is deferred */
    STEP_WAIT,      /* stays where it is; s->block says why */
    STEP_REFUSE,    /* it and everything deferred go; s->refusal is the answer */
    STEP_LAST,      /* it alone goes; what is deferred is dropped, and nothing follows */
    STEP_MORE,      /* not all of it is here */
    STEP_STOP,      /* the session ended */
};

/* One message. */
struct message {
    char type;
    size_t len; /* with type and length */
    struct str body;
    struct buf *report; /* for STEP_REFUSE */
    bool bind_refused;  /* STEP_REFUSE: a deferred Bind, on whose behalf nothing was asked */
};

typedef enum step handler(struct source_session *s, struct message *m);

bool pg_to_server(struct source_session *s, struct str bytes)
{
    enum err e = bytes.n != 0 ? stream_write(s->server, bytes) : ERR_OK;
    if (e == ERR_OK)
        return true;
    pg_session_fatal(s, PG_CONNECTION_FAILURE, STR("the database no longer takes data"),
                     str_of(err_text(e)), (struct str){NULL, 0});
    return false;
}

static enum step fatal(struct source_session *s, const char *sqlstate, const char *message)
{
    pg_session_fatal(s, sqlstate, str_of(message), (struct str){NULL, 0}, (struct str){NULL, 0});
    return STEP_STOP;
}

static enum step failed(struct source_session *s, enum err e)
{
    pg_session_fatal(s, PG_PROGRAM_LIMIT, STR("the gateway could not take this message"),
                     str_of(err_text(e)), STR("Nothing of it was run."));
    return STEP_STOP;
}

static enum step malformed(struct source_session *s, char type)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "malformed frontend message of type \"%c\"", type);
    return fatal(s, PG_PROTOCOL_VIOLATION, text);
}

/* --- Names, as the next message will find them -------------------------------------------------- */

static bool ends_segment(const struct pg_entry *e)
{
    return e->type == PG_E_SYNC || e->type == PG_E_QUERY || e->type == PG_E_FUNCTION ||
           e->type == PG_E_REFUSED_QUERY;
}

/* The newest outstanding message that makes or drops the name; NULL where there is none. In the
 * present segment its success can be taken for granted (or nothing after it runs); in an earlier one
 * it cannot. */
static const struct pg_entry *outstanding(const struct source_session *s, struct str name,
                                          enum pg_entry_type makes, enum pg_entry_type drops,
                                          bool *ret_wait)
{
    bool earlier = false;
    *ret_wait = false;
    for (size_t i = pg_ring_count(&s->ring); i > 0; i--) {
        const struct pg_entry *e = pg_ring_at(&s->ring, i - 1);
        earlier = earlier || ends_segment(e);
        bool makes_it = e->type == makes &&
                        str_eq(makes == PG_E_PARSE ? e->statement->name : e->portal->name, name);
        if (!makes_it && !(e->type == drops && str_eq(e->name, name)))
            continue;
        *ret_wait = earlier;
        return e;
    }
    return NULL;
}

struct pg_statement *pg_find_statement(const struct source_session *s, struct str name, bool *ret_wait)
{
    const struct pg_entry *e =
        outstanding(s, name, PG_E_PARSE, PG_E_CLOSE_STATEMENT, ret_wait);
    struct pg_statement *st = e != NULL ? e->statement /* NULL for Close */
                                        : pg_names_statement(&s->names, name);
    /* The server plans it anew where search_path changed: what it would call then is not what was judged. */
    bool outdated = st != NULL && st->trusts_catalog && !s->catalog_first;
    return outdated || !pg_name_is_plain(name) ? NULL : st;
}

struct pg_portal *pg_find_portal(const struct source_session *s, struct str name, bool *ret_wait)
{
    const struct pg_entry *e = outstanding(s, name, PG_E_BIND, PG_E_CLOSE_PORTAL, ret_wait);
    if (!pg_name_is_plain(name))
        return NULL;
    return e != NULL ? e->portal : pg_names_portal(&s->names, name);
}

/* --- Waiting ----------------------------------------------------------------------------------- */

/* Where a setting was changed, also for the ReadyForQuery in whose company the server reports it. */
static bool must_wait(const struct source_session *s)
{
    bool unsettled = s->strings_in_doubt || s->encoding_in_doubt || s->role.open || s->search_path.open;
    return s->ring.barriers != 0 || (unsettled && s->ring.unsent != s->ring.head) || pg_ring_count(&s->ring) >= LIMIT_PG_IN_FLIGHT - 8;
}

/* --- What a statement will change ---------------------------------------------------------------- */

/* After these, the next text may mean something else, or a name may stand for something else. */
static bool changes_reading(const struct sql_facts *f)
{
    const uint32_t classes = SQL_SESSION | SQL_ROLE | SQL_DYNAMIC | SQL_PARSE_ERROR;
    return f->changes_session || (f->classes & classes) != 0 || f->n_named != 0 ||
           f->n_setting_changes != 0 || (f->traits & (SQL_T_LEXER_CHANGE | SQL_T_SEARCH_PATH)) != 0;
}

static void predict_transaction(struct source_session *s, struct str command)
{
    static const struct {
        const char *tag;
        bool open;
    } tags[] = {{"BEGIN", true},
                {"START TRANSACTION", true},
                {"COMMIT", false},
                {"ROLLBACK", false},
                {"PREPARE TRANSACTION", false}};
    for (size_t i = 0; i < ARRAY_LEN(tags); i++)
        if (str_is(command, tags[i].tag))
            s->tx_open = tags[i].open;
}

static void predict(struct source_session *s, const struct sql_facts *f)
{
    if (f->n_parts == 0)
        predict_transaction(s, f->command);
    for (size_t i = 0; i < f->n_parts; i++)
        predict_transaction(s, f->parts[i].command);
}

static enum pg_entry_type entry_type(const struct pg_judged *j)
{
    if (strcmp(j->operation, "execute") == 0)
        return PG_E_EXECUTE;
    return strcmp(j->operation, "query") == 0 ? PG_E_QUERY : PG_E_FUNCTION;
}

enum err pg_push_judged(struct source_session *s, uint64_t run)
{
    struct pg_judged *j = &s->judged;
    const struct sql_facts *f = sql_cached_facts(j->text);
    struct pg_entry *e;
    TRY(pg_note_settings(s, f));
    TRY(pg_ring_push(&s->ring, entry_type(j), &e));
    e->run = run;
    if (run != 0)
        e->started_ns = clock_mono_ns();
    if (j->portal != NULL)
        e->portal = pg_portal_ref(j->portal);
    if (f->n_named != 0)
        e->text = sql_cached_ref(j->text);
    if (changes_reading(f))
        pg_ring_set_barrier(&s->ring, e);
    predict(s, f);
    return ERR_OK;
}

/* --- Judging ----------------------------------------------------------------------------------- */

static enum err text_of(struct source_session *s, struct str text, struct sql_cached **ret)
{
    struct sql_settings settings = pg_reading(s);
    return sql_cache_classify(s->st->texts, text, &settings, ret);
}

static enum err put_identifier(struct buf *out, struct str name)
{
    TRY(buf_put(out, "\"", 1));
    for (size_t i = 0; i < name.n; i++) {
        TRY(buf_put(out, &name.p[i], 1));
        if (name.p[i] == '"')
            TRY(buf_put(out, "\"", 1));
    }
    return buf_put(out, "\"", 1);
}

/* What a portal that the gateway did not see bound would run, in SQL's own words: the facts of it
 * are those of a name that nobody knows. */
static enum err unknown_text(struct source_session *s, const char *words, struct str name,
                             struct sql_cached **ret)
{
    struct buf sql CLEANUP(buf_done) = {0};
    struct sql_cached *text;
    buf_init(&sql, KIB);
    TRY(buf_put_str(&sql, str_of(words)));
    TRY(put_identifier(&sql, name));
    TRY(text_of(s, buf_view(&sql), &text));
    struct sql_facts worst = *sql_cached_facts(text);
    pg_assume_worst(&worst);
    enum err e = sql_cached_new(buf_view(&sql), &worst, ret);
    sql_cached_unref(text);
    return e;
}

static enum err portal_text(struct source_session *s, const struct pg_portal *p, struct str name,
                            struct sql_cached **ret)
{
    struct pg_bind b;
    if (p == NULL)
        return unknown_text(s, "FETCH ALL FROM ", name, ret);
    if (p->text == NULL)
        return unknown_text(s, "EXECUTE ",
                            pg_read_bind(p->body, &b) == ERR_OK ? b.statement : p->name, ret);
    *ret = sql_cached_ref(p->text);
    return ERR_OK;
}

/* Planning a Bind can already run functions that claim to be immutable. A deferred Bind whose facts
 * are not known to be harmless is judged before it leaves, also where no Execute follows. `executed`
 * (or NULL) is about to be judged with its Execute. */
static struct pg_portal *doubtful_bind(const struct source_session *s, const struct pg_portal *executed)
{
    for (size_t i = s->ring.unsent - s->ring.head; i < pg_ring_count(&s->ring); i++) {
        struct pg_entry *e = pg_ring_at(&s->ring, i);
        if (e->type != PG_E_BIND || e->portal->judged || e->portal->may_plan)
            continue;
        if (e->portal->text == NULL ||
            (e->portal != executed && sql_cached_facts(e->portal->text)->dynamic != 0))
            return e->portal;
    }
    return NULL;
}

void pg_bind_judged(struct source_session *s, struct pg_portal *p, uint64_t run)
{
    p->may_plan = true;
    for (size_t i = 0; i < pg_ring_count(&s->ring); i++) {
        struct pg_entry *e = pg_ring_at(&s->ring, i);
        if (e->type != PG_E_BIND || e->portal != p)
            continue;
        e->run = run;
        e->started_ns = clock_mono_ns();
    }
}

/* STEP_SEND where all deferred ones may go. */
static enum step judge_binds(struct source_session *s, struct message *m, const struct pg_portal *executed)
{
    struct pg_portal *p;
    while (s->st->watched && (p = doubtful_bind(s, executed)) != NULL) {
        uint64_t run = 0;
        s->judged.operation = "bind";
        s->judged.portal = pg_portal_ref(p);
        enum err e = portal_text(s, p, p->name, &s->judged.text);
        enum pg_ruling r = e == ERR_OK ? pg_judge(s, 0, &run, m->report) : RULING_BROKEN;
        if (r == RULING_HELD)
            return STEP_WAIT;
        pg_judged_done(&s->judged);
        if (r == RULING_REFUSED) {
            m->len = 0; /* the message that asked is not part of what is refused; it is skipped up to Sync */
            m->bind_refused = true;
            return STEP_REFUSE;
        }
        if (r != RULING_ALLOW)
            return e == ERR_OK ? STEP_STOP : failed(s, e);
        pg_bind_judged(s, p, run);
    }
    return STEP_SEND;
}

/* The message cannot be judged before what stands before it has been answered; where all that is
 * deferred, it goes now. */
static enum step wait_for_answers(struct source_session *s, struct message *m)
{
    enum step step = s->ring.unsent == s->ring.head ? judge_binds(s, m, NULL) : STEP_SEND;
    if (step != STEP_SEND)
        return step;
    s->block = BLOCK_ANSWERS;
    return STEP_WAIT;
}

/* Names in the text are looked up, and what it runs by name is shown: for both, all that was said
 * before must have been answered. */
static bool names_unsettled(const struct source_session *s, const struct sql_facts *f)
{
    return (f->execute_names.n != 0 || f->fetch_names.n != 0) && pg_ring_count(&s->ring) != 0;
}

/* s->judged is set. */
static enum step judge(struct source_session *s, struct message *m)
{
    uint64_t run = 0;
    if (names_unsettled(s, sql_cached_facts(s->judged.text))) {
        pg_judged_done(&s->judged);
        return wait_for_answers(s, m);
    }
    enum pg_ruling ruling = s->st->watched ? pg_judge(s, m->len, &run, m->report) : RULING_ALLOW;
    enum step step = STEP_STOP;
    switch (ruling) {
    case RULING_HELD:
        return STEP_WAIT; /* s->judged stays until the end of the hold */
    case RULING_REFUSED:
        step = STEP_REFUSE;
        break;
    case RULING_ALLOW: {
        enum err e = pg_push_judged(s, run);
        step = e == ERR_OK ? STEP_SEND : failed(s, e);
        break;
    }
    case RULING_BROKEN:
        break;
    }
    pg_judged_done(&s->judged);
    return step;
}

static enum step on_query(struct source_session *s, struct message *m)
{
    struct str text;
    if (pg_read_query(m->body, &text) != ERR_OK)
        return malformed(s, m->type);
    if (must_wait(s))
        return wait_for_answers(s, m);
    enum step step = judge_binds(s, m, NULL);
    if (step != STEP_SEND)
        return step;
    s->judged.operation = "query";
    enum err e = text_of(s, text, &s->judged.text);
    return e == ERR_OK ? judge(s, m) : failed(s, e);
}

static enum step on_function_call(struct source_session *s, struct message *m)
{
    uint32_t oid;
    struct sql_facts facts;
    char text[64];
    if (pg_read_function_call(m->body, &oid) != ERR_OK)
        return malformed(s, m->type);
    if (must_wait(s))
        return wait_for_answers(s, m);
    enum step step = judge_binds(s, m, NULL);
    if (step != STEP_SEND)
        return step;
    char *copy = malloc(m->body.n);
    if (copy == NULL)
        return failed(s, ERR_NOMEM);
    memcpy(copy, m->body.p, m->body.n);
    s->judged.operation = "function_call";
    s->judged.call = (struct str){copy, m->body.n};
    int n = snprintf(text, sizeof(text), "FunctionCall of function with OID %u", oid);
    arena_reset(&s->st->scratch);
    enum err e = classify_function_call(&s->st->scratch, oid, &facts);
    if (e == ERR_OK)
        e = sql_cached_new((struct str){text, (size_t)n}, &facts, &s->judged.text);
    return e == ERR_OK ? judge(s, m) : failed(s, e);
}

static enum step push_execute(struct source_session *s, struct pg_portal *p)
{
    struct pg_entry *e;
    enum err bad = pg_ring_push(&s->ring, PG_E_EXECUTE, &e);
    if (bad != ERR_OK)
        return failed(s, bad);
    e->portal = pg_portal_ref(p);
    return STEP_SEND;
}

static enum step on_execute(struct source_session *s, struct message *m)
{
    struct pg_execute x;
    bool wait;
    if (pg_read_execute(m->body, &x) != ERR_OK)
        return malformed(s, m->type);
    struct pg_portal *p = pg_find_portal(s, x.portal, &wait);
    if (wait || must_wait(s))
        return wait_for_answers(s, m);
    enum step step = judge_binds(s, m, p);
    if (step != STEP_SEND)
        return step;
    if (p != NULL && p->judged)
        return push_execute(s, p);
    s->judged.operation = "execute";
    s->judged.portal = p != NULL ? pg_portal_ref(p) : NULL;
    enum err e = portal_text(s, p, x.portal, &s->judged.text);
    return e == ERR_OK ? judge(s, m) : failed(s, e);
}

/* --- Messages that make names ---------------------------------------------------------------------- */

static enum step on_parse(struct source_session *s, struct message *m)
{
    struct pg_parse p;
    struct sql_cached *text;
    struct pg_statement *st;
    struct pg_entry *entry;
    if (pg_read_parse(m->body, &p) != ERR_OK)
        return malformed(s, m->type);
    if (must_wait(s))
        return wait_for_answers(s, m);
    enum err e = text_of(s, p.text, &text);
    if (e != ERR_OK)
        return failed(s, e);
    e = pg_statement_new(&s->st->pool, p.name, text, p.types, p.n_types, &st);
    sql_cached_unref(text);
    if (e != ERR_OK)
        return failed(s, e);
    e = pg_ring_push(&s->ring, PG_E_PARSE, &entry);
    if (e != ERR_OK) {
        pg_statement_unref(st);
        return failed(s, e);
    }
    st->trusts_catalog = s->catalog_first;
    entry->statement = st;
    return STEP_DEFER;
}

static enum step on_bind(struct source_session *s, struct message *m)
{
    struct pg_bind b;
    struct pg_portal *p;
    struct pg_entry *entry;
    bool wait;
    if (pg_read_bind(m->body, &b) != ERR_OK)
        return malformed(s, m->type);
    struct pg_statement *st = pg_find_statement(s, b.statement, &wait);
    if (wait || must_wait(s))
        return wait_for_answers(s, m);
    enum err e = pg_portal_new(&s->st->pool, b.portal, st, st != NULL ? st->text : NULL, m->body, &p);
    if (e == ERR_OK) {
        e = pg_ring_push(&s->ring, PG_E_BIND, &entry);
        if (e == ERR_OK)
            entry->portal = p;
        else
            pg_portal_unref(p);
    }
    return e == ERR_OK ? STEP_DEFER : failed(s, e);
}

static enum step push_describe(struct source_session *s, enum pg_entry_type type, struct pg_statement *st)
{
    struct pg_entry *e;
    enum err bad = pg_ring_push(&s->ring, type, &e);
    if (bad != ERR_OK)
        return failed(s, bad);
    e->statement = st != NULL ? pg_statement_ref(st) : NULL;
    return STEP_DEFER;
}

static enum step push_close(struct source_session *s, enum pg_entry_type type, struct str name)
{
    struct pg_entry *e;
    char *copy = malloc(name.n + 1);
    if (copy == NULL)
        return failed(s, ERR_NOMEM);
    enum err bad = pg_ring_push(&s->ring, type, &e);
    if (bad != ERR_OK) {
        free(copy);
        return failed(s, bad);
    }
    if (name.n != 0)
        memcpy(copy, name.p, name.n);
    e->storage = copy;
    e->name = (struct str){copy, name.n};
    return STEP_DEFER;
}

static enum step on_describe(struct source_session *s, struct message *m)
{
    struct pg_named d;
    bool wait = false;
    if (pg_read_named(m->body, &d) != ERR_OK)
        return malformed(s, m->type);
    struct pg_statement *st = d.what == 'S' ? pg_find_statement(s, d.name, &wait) : NULL;
    if (wait || must_wait(s))
        return wait_for_answers(s, m);
    return push_describe(s, d.what == 'S' ? PG_E_DESCRIBE_STATEMENT : PG_E_DESCRIBE_PORTAL, st);
}

static enum step on_close(struct source_session *s, struct message *m)
{
    struct pg_named c;
    if (pg_read_named(m->body, &c) != ERR_OK)
        return malformed(s, m->type);
    if (must_wait(s))
        return wait_for_answers(s, m);
    return push_close(s, c.what == 'S' ? PG_E_CLOSE_STATEMENT : PG_E_CLOSE_PORTAL, c.name);
}

/* --- Messages that ask for output ------------------------------------------------------------------ */

static enum step on_flush(struct source_session *s, struct message *m)
{
    return m->body.n != 0 ? malformed(s, m->type) : judge_binds(s, m, NULL);
}

static enum step on_sync(struct source_session *s, struct message *m)
{
    struct pg_entry *e;
    if (m->body.n != 0)
        return malformed(s, m->type);
    enum step step = judge_binds(s, m, NULL);
    if (step != STEP_SEND)
        return step;
    enum err bad = pg_ring_push(&s->ring, PG_E_SYNC, &e);
    return bad == ERR_OK ? STEP_SEND : failed(s, bad);
}

static enum step on_sync_while_skipping(struct source_session *s, struct message *m)
{
    enum step step = on_sync(s, m);
    if (step == STEP_SEND)
        s->flow = FLOW_NORMAL;
    return step;
}

/* Outside COPY the server ignores it; behind deferred messages there can be no COPY. */
static enum step on_copy_data(struct source_session *s, struct message *m)
{
    (void)m;
    if (s->ring.tail != s->ring.unsent)
        return fatal(s, PG_PROTOCOL_VIOLATION, "COPY data in the middle of an extended query");
    return STEP_SEND;
}

static enum step on_copy_end(struct source_session *s, struct message *m)
{
    struct pg_entry *e;
    enum step step = on_copy_data(s, m);
    if (step != STEP_SEND)
        return step;
    if (s->flow != FLOW_NORMAL) {
        s->flow = FLOW_NORMAL;
        return STEP_SEND;
    }
    enum err bad = pg_ring_push(&s->ring, PG_E_COPY_END, &e);
    return bad == ERR_OK ? STEP_SEND : failed(s, bad);
}

static enum step on_terminate(struct source_session *s, struct message *m)
{
    (void)m;
    pg_drop_unsent(s);
    s->phase = PHASE_TERMINATING;
    return STEP_LAST;
}

static enum step on_ignored_in_copy(struct source_session *s, struct message *m)
{
    (void)s;
    (void)m;
    return STEP_SEND; /* the server ignores Sync and Flush while it takes COPY data */
}

static enum step on_skipped(struct source_session *s, struct message *m)
{
    (void)s;
    (void)m;
    return STEP_DROP;
}

/* --- The table --------------------------------------------------------------------------------------- */

enum { M_NONE, M_QUERY, M_PARSE, M_BIND, M_DESCRIBE, M_EXECUTE, M_CLOSE, M_SYNC, M_FLUSH, M_FUNCTION,
       M_COPY_DATA, M_COPY_END, M_TERMINATE, M_COUNT };

static const unsigned char message_of[256] = {
    ['Q'] = M_QUERY,    ['P'] = M_PARSE,    ['B'] = M_BIND,      ['D'] = M_DESCRIBE, ['E'] = M_EXECUTE,
    ['C'] = M_CLOSE,    ['S'] = M_SYNC,     ['H'] = M_FLUSH,     ['F'] = M_FUNCTION, ['d'] = M_COPY_DATA,
    ['c'] = M_COPY_END, ['f'] = M_COPY_END, ['X'] = M_TERMINATE,
};

/* What is not listed breaks the protocol in that state and ends the session. */
static handler *const handlers[FLOW_COUNT_][M_COUNT] = {
    [FLOW_NORMAL] = {[M_QUERY] = on_query,
                     [M_PARSE] = on_parse,
                     [M_BIND] = on_bind,
                     [M_DESCRIBE] = on_describe,
                     [M_EXECUTE] = on_execute,
                     [M_CLOSE] = on_close,
                     [M_SYNC] = on_sync,
                     [M_FLUSH] = on_flush,
                     [M_FUNCTION] = on_function_call,
                     [M_COPY_DATA] = on_copy_data,
                     [M_COPY_END] = on_copy_end,
                     [M_TERMINATE] = on_terminate},
    [FLOW_COPY_IN] = {[M_COPY_DATA] = on_copy_data,
                      [M_COPY_END] = on_copy_end,
                      [M_SYNC] = on_ignored_in_copy,
                      [M_FLUSH] = on_ignored_in_copy,
                      [M_TERMINATE] = on_terminate},
    [FLOW_COPY_BOTH] = {[M_COPY_DATA] = on_copy_data,
                        [M_COPY_END] = on_copy_end,
                        [M_SYNC] = on_ignored_in_copy,
                        [M_FLUSH] = on_ignored_in_copy,
                        [M_TERMINATE] = on_terminate},
    [FLOW_SKIP] = {[M_QUERY] = on_skipped,
                   [M_PARSE] = on_skipped,
                   [M_BIND] = on_skipped,
                   [M_DESCRIBE] = on_skipped,
                   [M_EXECUTE] = on_skipped,
                   [M_CLOSE] = on_skipped,
                   [M_SYNC] = on_sync_while_skipping,
                   [M_FLUSH] = on_skipped,
                   [M_FUNCTION] = on_skipped,
                   [M_COPY_DATA] = on_skipped,
                   [M_COPY_END] = on_skipped,
                   [M_TERMINATE] = on_terminate},
};

static size_t limit_of(unsigned kind)
{
    switch (kind) {
    case M_SYNC:
    case M_FLUSH:
    case M_TERMINATE:
        return 4;
    case M_QUERY:
    case M_PARSE:
    case M_BIND:
    case M_FUNCTION:
        return LIMIT_PG_JUDGED_MESSAGE;
    case M_COPY_DATA:
        return LIMIT_PG_MESSAGE;
    default:
        return LIMIT_PG_AUTH_MESSAGE;
    }
}

static enum step check_header(struct source_session *s, unsigned char type, uint32_t length)
{
    char text[96];
    unsigned kind = message_of[type];
    if (kind == M_NONE) {
        (void)snprintf(text, sizeof(text), "invalid frontend message type %u", type);
        return fatal(s, PG_PROTOCOL_VIOLATION, text);
    }
    if (handlers[s->flow][kind] == NULL) {
        (void)snprintf(text, sizeof(text), "unexpected message type 0x%02X during COPY from stdin",
                       type);
        return fatal(s, PG_PROTOCOL_VIOLATION, text);
    }
    if (length < 4)
        return fatal(s, PG_PROTOCOL_VIOLATION, "invalid message length");
    if (length <= limit_of(kind))
        return STEP_SEND;
    if (kind == M_SYNC || kind == M_FLUSH || kind == M_TERMINATE)
        return fatal(s, PG_PROTOCOL_VIOLATION, "invalid message length");
    (void)snprintf(text, sizeof(text), "message of %u bytes is longer than the gateway takes (%zu)",
                   length, limit_of(kind));
    return fatal(s, PG_PROGRAM_LIMIT, text);
}

/* --- The pump ------------------------------------------------------------------------------------------ */

static bool send_ready(struct source_session *s, struct pump *p)
{
    struct str run = {p->p + p->from, p->ready - p->from};
    p->from = p->ready;
    return pg_to_server(s, run);
}

/* The rest of a CopyData body needs no look at all. */
static void pass_skipped(struct source_session *s, struct pump *p)
{
    size_t n = p->n - p->at < s->client_skip ? p->n - p->at : s->client_skip;
    s->client_skip -= n;
    p->at += n;
    p->ready = p->at;
    if (s->client_skip_drops)
        p->from = p->at;
}

/* The message at p->at, if it is all there. CopyData is handled by its header alone. */
static enum step next_message(struct source_session *s, struct pump *p, struct message *m)
{
    size_t left = p->n - p->at;
    if (left < PG_HEADER)
        return STEP_MORE;
    const char *head = p->p + p->at;
    uint32_t length = pg_length(head);
    enum step step = check_header(s, (unsigned char)head[0], length);
    if (step != STEP_SEND)
        return step;
    m->type = head[0];
    m->len = (size_t)length + 1;
    if (m->type == 'd') {
        s->client_skip = m->len - (left < m->len ? left : m->len);
        m->len -= s->client_skip;
        s->client_skip_drops = s->flow == FLOW_SKIP;
    } else if (left < m->len) {
        return STEP_MORE;
    }
    m->body = (struct str){head + PG_HEADER, m->len - PG_HEADER};
    return handlers[s->flow][message_of[(unsigned char)m->type]](s, m);
}

static bool ends_segment_type(char type)
{
    return type == 'S' || type == 'Q' || type == 'F';
}

static void mark_sent(struct source_session *s, struct pump *p, const struct message *m)
{
    p->at += m->len;
    p->ready = p->at;
    pg_ring_mark_sent(&s->ring);
    if (m->type == 'E' || m->type == 'H')
        s->segment_open = s->segment_open || s->flow == FLOW_NORMAL;
    else if (ends_segment_type(m->type) && s->flow == FLOW_NORMAL)
        s->segment_open = false;
}

/* Deferred ones go now, with a Flush, so that what is waited for comes. */
static bool hurry(struct source_session *s, struct pump *p)
{
    struct buf flush CLEANUP(buf_done) = {0};
    buf_init(&flush, 16);
    if (pg_ring_count(&s->ring) != 0 && s->ring.unsent == s->ring.head) {
        p->ready = p->at;
        pg_ring_mark_sent(&s->ring);
        s->segment_open = true;
    }
    if (!send_ready(s, p))
        return false;
    if (!s->segment_open)
        return true;
    return pg_put_flush(&flush) == ERR_OK && pg_to_server(s, buf_view(&flush));
}

static bool refuse_message(struct source_session *s, struct pump *p, struct message *m)
{
    if (!send_ready(s, p))
        return false;
    pg_drop_unsent(s);
    p->at += m->len;
    p->from = p->ready = p->at;
    bool extended = m->type == 'E' || m->bind_refused;
    m->bind_refused = false;
    pg_answer_refused(s, extended, buf_view(m->report));
    return s->phase == PHASE_READY;
}

/* False: the session is gone. */
static bool pump(struct source_session *s, struct pump *p)
{
    struct buf report CLEANUP(buf_done) = {0};
    struct message m = {.report = &report};
    buf_init(&report, 64 * KIB);
    while (s->phase == PHASE_READY && s->block == BLOCK_NONE && p->at < p->n) {
        if (s->client_skip != 0) {
            pass_skipped(s, p);
            continue;
        }
        enum step step = next_message(s, p, &m);
        switch (step) {
        case STEP_DEFER:
            p->at += m.len;
            break;
        case STEP_SEND:
            mark_sent(s, p, &m);
            break;
        case STEP_DROP:
            if (!send_ready(s, p))
                return false;
            p->at += m.len;
            p->from = p->ready = p->at;
            break;
        case STEP_REFUSE:
            if (!refuse_message(s, p, &m))
                return false;
            buf_clear(&report);
            break;
        case STEP_LAST:
            if (!send_ready(s, p))
                return false;
            p->from = p->at;
            p->ready = p->at += m.len;
            break;
        case STEP_WAIT:
            return s->block == BLOCK_ANSWERS ? hurry(s, p) : send_ready(s, p);
        case STEP_MORE:
            return send_ready(s, p);
        case STEP_STOP:
            return false;
        }
    }
    return s->phase != PHASE_CLOSED && send_ready(s, p);
}

/* Reading stops while too much waits behind something that is blocked. */
static void bound_backlog(struct source_session *s)
{
    size_t whole = s->scanned + s->held_len;
    if (s->block != BLOCK_NONE && buf_len(&s->in) > whole + LIMIT_HELD_BACKLOG)
        stream_pause(s->client);
    else if (!stream_is_full(s->server))
        stream_resume(s->client);
}

static void keep(struct source_session *s, struct str rest)
{
    enum err e = rest.n != 0 ? buf_put_str(&s->in, rest) : ERR_OK;
    if (e != ERR_OK)
        (void)failed(s, e);
}

static void run_pump(struct source_session *s, struct str chunk)
{
    bool direct = buf_len(&s->in) == 0;
    if (!direct) {
        keep(s, chunk);
        if (s->phase == PHASE_CLOSED)
            return;
    }
    struct str v = direct ? chunk : buf_view(&s->in);
    struct pump p = {.p = v.p, .n = v.n, .at = s->scanned};
    if (!pump(s, &p))
        return;
    if (s->phase != PHASE_READY)
        return;
    s->scanned = p.at - p.ready;
    if (direct)
        keep(s, (struct str){p.p + p.ready, p.n - p.ready});
    else
        buf_consume(&s->in, p.ready);
    if (s->phase == PHASE_READY) {
        pg_session_check(s);
        bound_backlog(s);
    }
}

/* Passwords and their kin, one whole message at a time. */
static void auth_bytes(struct source_session *s, struct str bytes)
{
    keep(s, bytes);
    while ((s->phase == PHASE_AUTH || s->phase == PHASE_STARTING) && buf_len(&s->in) >= PG_HEADER) {
        struct str v = buf_view(&s->in);
        uint32_t length = pg_length(v.p);
        if (length < 4 || length > LIMIT_PG_AUTH_MESSAGE) {
            (void)fatal(s, PG_PROTOCOL_VIOLATION, "invalid length of a password message");
            return;
        }
        if (s->phase == PHASE_STARTING || v.n < (size_t)length + 1)
            return; /* after the login it waits for ReadyForQuery */
        pg_session_auth_message(s, v.p[0], (struct str){v.p + PG_HEADER, length - 4});
        if (s->phase != PHASE_AUTH || !pg_to_server(s, (struct str){v.p, (size_t)length + 1}))
            return;
        buf_consume(&s->in, (size_t)length + 1);
    }
}

void pg_client_bytes(struct source_session *s, struct str bytes)
{
    if (s->phase == PHASE_AUTH || s->phase == PHASE_STARTING) {
        auth_bytes(s, bytes);
        return;
    }
    if (s->block == BLOCK_NONE) {
        run_pump(s, bytes);
        return;
    }
    keep(s, bytes);
    if (s->phase == PHASE_READY)
        bound_backlog(s);
}

void pg_client_resume(struct source_session *s)
{
    if (s->phase == PHASE_READY && s->block == BLOCK_NONE)
        run_pump(s, (struct str){NULL, 0});
    else if (s->phase == PHASE_AUTH)
        auth_bytes(s, (struct str){NULL, 0});
}
