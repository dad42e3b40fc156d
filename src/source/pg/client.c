#include "source/pg/client.h"
#include "base/clock.h"
#include "base/limits.h"
#include "source/pg/catalog.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * What each message of the client means. The table of states and messages is at the end.
 */
typedef enum step handler(struct source_session *s, struct message *m);

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

/* --- Waiting ----------------------------------------------------------------------------------- */

/* Where a setting was changed, also for the ReadyForQuery in whose company the server reports it. */
static bool must_wait(const struct source_session *s)
{
    bool unsettled = s->strings_in_doubt || s->encoding_in_doubt || s->role.open || s->search_path.open;
    bool on_the_wire = s->ring.unsent != s->ring.head;
    return s->ring.barriers != 0 || (unsettled && on_the_wire) ||
           pg_ring_count(&s->ring) >= LIMIT_PG_IN_FLIGHT - 8;
}

/* --- Judging ----------------------------------------------------------------------------------- */

static enum err text_of(struct source_session *s, struct str text, struct sql_cached **ret)
{
    struct sql_settings settings = pg_reading(s);
    return sql_cache_classify(s->st->texts, text, &settings, ret);
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
    TRY(pg_put_identifier(&sql, name));
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

/* Planning a Bind can already run functions that claim to be immutable, and reading its parameters the checks of
 * domains. A deferred Bind whose facts are not known to be harmless is judged before it leaves, also where no
 * Execute follows. `executed` (or NULL) is about to be judged with its Execute. */
static struct pg_portal *doubtful_bind(const struct source_session *s, const struct pg_portal *executed)
{
    for (size_t i = s->ring.unsent - s->ring.head; i < pg_ring_count(&s->ring); i++) {
        struct pg_entry *e = pg_ring_at(&s->ring, i);
        if (e->type != PG_E_BIND || e->portal->judged || e->portal->may_plan)
            continue;
        if (e->portal->text == NULL || e->portal != executed)
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

static enum step wait_for_answers(struct source_session *s, struct message *m);

/* s->judged is set and becomes all that is known of it. STEP_SEND: it can be judged. */
static enum step know(struct source_session *s, struct message *m, size_t len)
{
    enum err e = pg_resolve_names(s);
    if (!s->st->watched && e == ERR_OK)
        return STEP_SEND;
    enum pg_settled settled = e == ERR_OK ? pg_catalog_settle(s, len, &e) : PG_SETTLE_BROKEN;
    if (settled == PG_SETTLED)
        return STEP_SEND;
    pg_judged_done(&s->judged);
    if (settled == PG_SETTLE_ANSWERS)
        return wait_for_answers(s, m);
    if (settled == PG_SETTLE_WAITS)
        return STEP_WAIT;
    return s->phase == PHASE_CLOSED ? STEP_STOP : failed(s, e);
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
        enum step step = e == ERR_OK ? know(s, m, 0) : STEP_SEND;
        if (step != STEP_SEND)
            return step;
        if (e == ERR_OK && p->text != NULL && sql_cached_facts(s->judged.text)->dynamic == 0) {
            p->may_plan = true; /* what it does is known, and done by its Execute */
            pg_judged_done(&s->judged);
            continue;
        }
        enum pg_ruling r = e == ERR_OK ? pg_judge(s, 0, &run, m->report) : RULING_BROKEN;
        if (r == RULING_HELD)
            return STEP_WAIT;
        pg_judged_done(&s->judged);
        if (r == RULING_ASKS || r == RULING_LATER) {
            s->block = r == RULING_ASKS ? s->block : BLOCK_ANSWERS;
            return STEP_WAIT;
        }
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

/* STEP_SEND where the wall has nothing against judging s->judged now. */
static enum step wall(struct source_session *s, struct message *m)
{
    const struct sql_facts *f = sql_cached_facts(s->judged.text);
    const char *why = pg_wall_refuses(s, f);
    if (why == NULL && !pg_wall_must_wait(s, f, m->type != 'E'))
        return STEP_SEND;
    bool alive = why == NULL || pg_walled(s, why, m->report);
    pg_judged_done(&s->judged);
    if (why == NULL)
        return wait_for_answers(s, m);
    return alive ? STEP_REFUSE : STEP_STOP;
}

/* s->judged was let through: its entry, and those of the wall around it. */
static enum err push_judged(struct source_session *s, uint64_t run, bool simple)
{
    const struct sql_facts *f = sql_cached_facts(s->judged.text);
    bool begins = f->transaction >= SQL_TX_BEGIN && f->transaction <= SQL_TX_BEGIN_READ_WRITE;
    if (s->st->holds_commits && begins && !s->segment_open && s->tx == 'I') /* so that counters start from nothing */
        TRY(pg_own_before(s, "SELECT pg_catalog.pg_stat_force_next_flush()"));
    TRY(pg_wall_before(s, f, simple));
    TRY(pg_push_judged(s, run));
    return pg_wall_after(s, f, simple);
}

static enum step refuse_judged(struct source_session *s, struct message *m, const char *why)
{
    struct pg_report r = {"ERROR", PG_FEATURE_NOT_SUPPORTED, str_of(why), {NULL, 0}, {NULL, 0}};
    pg_judged_done(&s->judged);
    enum err e = pg_put_report(m->report, &r);
    return e == ERR_OK ? STEP_REFUSE : failed(s, e);
}

/* The message ends the gateway's own transaction: it is looked at again when that is over. */
static enum step leave(struct source_session *s, struct message *m)
{
    if (s->ring.unsent != s->ring.head)
        return wait_for_answers(s, m);
    pg_commit_leave(s, m->len, false);
    return STEP_WAIT;
}

/* s->judged is set. */
static enum step judge(struct source_session *s, struct message *m)
{
    uint64_t run = 0;
    if (names_unsettled(s, sql_cached_facts(s->judged.text))) {
        pg_judged_done(&s->judged);
        return wait_for_answers(s, m);
    }
    enum step step = know(s, m, m->len);
    if (step != STEP_SEND)
        return step;
    step = wall(s, m);
    if (step != STEP_SEND)
        return step;
    step = STEP_STOP;
    const struct sql_facts *f = sql_cached_facts(s->judged.text);
    bool due = pg_commit_due(s, f);
    if ((due || pg_commit_possible(s)) && s->ring.unsent != s->ring.head) {
        pg_judged_done(&s->judged); /* whether it stands in a transaction must be known, not expected */
        return wait_for_answers(s, m);
    }
    if (pg_commit_disturbed(s, f))
        return refuse_judged(s, m, "the transaction is the gateway's until its COMMIT is decided; send Sync first");
    enum pg_ruling ruling = s->st->watched ? pg_judge(s, m->len, &run, m->report) : RULING_ALLOW;
    switch (ruling) {
    case RULING_HELD:
        if (!due)
            return STEP_WAIT; /* s->judged stays until the end of the hold */
        pg_held_withdraw(s, STR("the COMMIT is held for what it commits"), false);
        return refuse_judged(s, m, "COMMIT is held by a guardrail of its own, and what it commits by another");
    case RULING_COMMIT: {
        bool now;
        if (pg_commit_take(s, m->len, &now) != ERR_OK)
            return refuse_judged(s, m, "the transaction is too large to be shown to an approver");
        if (!now)
            return STEP_WAIT;
        enum err e = push_judged(s, 0, m->type != 'E');
        step = e == ERR_OK ? STEP_SEND : failed(s, e);
        break;
    }
    case RULING_REFUSED:
        step = STEP_REFUSE;
        break;
    case RULING_ALLOW: {
        if (due) {
            pg_commit_leave(s, m->len, true);
            return STEP_WAIT;
        }
        enum err e = push_judged(s, run, m->type != 'E');
        step = e == ERR_OK ? STEP_SEND : failed(s, e);
        break;
    }
    case RULING_ASKS:
    case RULING_LATER:
        pg_judged_done(&s->judged);
        return ruling == RULING_ASKS ? STEP_WAIT : wait_for_answers(s, m);
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
    if (pg_commit_ends(s))
        return leave(s, m);
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
    if (pg_commit_ends(s))
        return leave(s, m);
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

/* More of what was let through. */
static enum step fetch_on(struct source_session *s, struct message *m, struct pg_portal *p)
{
    static const struct sql_facts unknown = {.may_write = true};
    const struct sql_facts *f = p->text != NULL ? sql_cached_facts(p->text) : &unknown;
    if (pg_wall_must_wait(s, f, false))
        return wait_for_answers(s, m);
    enum err e = pg_wall_before(s, f, false);
    return e == ERR_OK ? push_execute(s, p) : failed(s, e);
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
    bool may_commit = p != NULL && s->commit.terms != NULL &&
                      (p->text == NULL || pg_commit_due(s, sql_cached_facts(p->text)));
    if (p != NULL && p->judged && !may_commit)
        return fetch_on(s, m, p);
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
    if (m->body.n != 0)
        return malformed(s, m->type);
    enum step step = judge_binds(s, m, NULL);
    return step == STEP_SEND && !pg_commit_flush(s) ? STEP_STOP : step;
}

static enum step on_sync(struct source_session *s, struct message *m)
{
    struct pg_entry *e;
    if (m->body.n != 0)
        return malformed(s, m->type);
    if (pg_commit_ends(s))
        return leave(s, m);
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
    if (pg_ring_count(&s->ring) == 0)
        return STEP_SEND; /* the COPY failed; nothing answers this */
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

enum step pg_client_header(struct source_session *s, unsigned char type, uint32_t length)
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

enum step pg_client_message(struct source_session *s, struct message *m)
{
    return handlers[s->flow][message_of[(unsigned char)m->type]](s, m);
}
