#include "source/pg/commit.h"
#include "base/clock.h"
#include "base/limits.h"
#include "source/pg/ask.h"

#include <stdlib.h>

/* Deferred constraints may have much to check; a COMMIT is not given up while it may still come. */
enum { BEGIN_MS = 10000, COUNT_MS = 60000, COMMIT_MS = 3600000, ROLLBACK_MS = 60000 };

void pg_commit_init(struct pg_commit *c)
{
    buf_init(&c->withheld, LIMIT_PG_WITHHELD);
    buf_init(&c->report, 64 * KIB);
    buf_init(&c->texts, LIMIT_PG_COMMIT_TEXT);
    buf_init(&c->statements, 2 * LIMIT_PG_COMMIT_TEXT);
    buf_init(&c->results, 64 * KIB);
    buf_init(&c->changed, LIMIT_PG_COMMIT_TEXT);
}

static void forget(struct source_session *s)
{
    struct pg_commit *c = &s->commit;
    struct buf *const all[] = {&c->withheld, &c->report, &c->texts, &c->statements, &c->results, &c->changed};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        buf_clear(all[i]);
    if (c->terms != NULL)
        s->st->gate->drop_commit(s->st->gate->gate, c->terms);
    if (c->offered != NULL)
        s->st->gate->drop_commit(s->st->gate->gate, c->offered);
    sql_cached_unref(c->first);
    c->terms = c->offered = NULL;
    c->first = NULL;
    c->stage = COMMIT_NONE;
    c->own = c->answered = c->overflown = c->through = c->flushed_stats = c->waits = c->again = false;
    c->n_tables = 0;
    c->rows = 0;
}

void pg_commit_done(struct source_session *s)
{
    struct pg_commit *c = &s->commit;
    forget(s);
    buf_done(&c->withheld);
    buf_done(&c->report);
    buf_done(&c->texts);
    buf_done(&c->statements);
    buf_done(&c->results);
    buf_done(&c->changed);
}

/* --- What can run and be undone ---------------------------------------------------------------------- */

/* A gap in a sequence is none's loss; a value set by hand stays set. */
static bool sets_sequence(const struct sql_facts *f)
{
    for (size_t i = 0; i < f->functions.n; i++)
        if (str_ends(f->functions.v[i], STR("setval")))
            return true;
    return false;
}

static bool runs_in_a_block(const struct sql_facts *f)
{
    static const char *const alone[] = {"CREATE DATABASE", "DROP DATABASE", "ALTER DATABASE", "CREATE TABLESPACE",
                                        "DROP TABLESPACE", "DISCARD ALL"};
    for (size_t i = 0; i < f->commands.n; i++)
        for (size_t k = 0; k < ARRAY_LEN(alone); k++)
            if (str_is(f->commands.v[i], alone[k]))
                return false;
    return true;
}

/* What reaches beyond the transaction, or ends it, is held before it starts. */
static bool stays_inside(const struct sql_facts *f)
{
    const uint32_t classes =
        SQL_READ | SQL_WRITE | SQL_DELETE | SQL_DDL | SQL_DESTRUCTIVE_DDL | SQL_PRIVILEGE | SQL_MULTI;
    const uint32_t beyond = SQL_T_NETWORK | SQL_T_FILE_READ | SQL_T_FILE_WRITE | SQL_T_PROGRAM | SQL_T_REPLICATION |
                            SQL_T_ADVISORY_LOCK | SQL_T_KILLS_SESSION | SQL_T_TWO_PHASE |
                            SQL_T_CONCURRENTLY | SQL_T_COPY_IN | SQL_T_COPY_OUT | SQL_T_SLEEP;
    return f->writes && f->dynamic == 0 && (f->classes & ~classes) == 0 && (f->traits & beyond) == 0 && !sets_sequence(f);
}

bool pg_commit_possible(const struct source_session *s)
{
    const struct pg_commit *c = &s->commit;
    const struct sql_facts *f = sql_cached_facts(s->judged.text);
    bool message = strcmp(s->judged.operation, "query") == 0 || strcmp(s->judged.operation, "execute") == 0;
    bool settled = c->stage == COMMIT_OPEN || (c->stage == COMMIT_NONE && !s->segment_open);
    return s->st->holds_commits && message && settled && s->flow == FLOW_NORMAL && !s->first.wants_replication &&
           stays_inside(f) && runs_in_a_block(f);
}

static bool ends_block(const struct sql_facts *f)
{
    return f->transaction == SQL_TX_COMMIT || f->transaction == SQL_TX_COMMIT_CHAIN || f->transaction == SQL_TX_PREPARE;
}

/* A text that the server may read as something else than the gateway does could be anything; so could a name that is
 * not known, and EXECUTE can run what was parsed by protocol. */
static bool could_be_anything(const struct sql_facts *f)
{
    bool executes_control = f->execute_names.n != 0 && (f->classes & SQL_TRANSACTION) != 0;
    return (f->classes & SQL_PARSE_ERROR) != 0 || (f->dynamic & (SQL_D_STRINGS | SQL_D_NAMED)) != 0 || executes_control;
}

bool pg_commit_due(const struct source_session *s, const struct sql_facts *f)
{
    const struct pg_commit *c = &s->commit;
    if (c->terms == NULL || c->own || s->tx == 'E')
        return false;
    bool ends = ends_block(f) || could_be_anything(f);
    for (size_t i = 0; i < f->n_parts; i++)
        ends = ends || ends_block(&f->parts[i]);
    return ends;
}

bool pg_commit_disturbed(const struct source_session *s, const struct sql_facts *f)
{
    return s->commit.own && (f->transaction != SQL_TX_NONE || (f->classes & SQL_TRANSACTION) != 0 || could_be_anything(f));
}

bool pg_commit_ends(const struct source_session *s)
{
    return s->commit.stage == COMMIT_OPEN && s->commit.extended && s->flow == FLOW_NORMAL;
}

/* --- What people see --------------------------------------------------------------------------------- */

static enum err separate(struct buf *list)
{
    return buf_len(list) != 0 ? buf_put_str(list, STR(",")) : ERR_OK;
}

static enum err note_statement(struct source_session *s)
{
    struct pg_commit *c = &s->commit;
    struct json j;
    if (buf_len(&c->texts) != 0)
        TRY(buf_put_str(&c->texts, STR(";\n")));
    TRY(buf_put_str(&c->texts, sql_cached_text(s->judged.text)));
    TRY(separate(&c->statements));
    json_init(&j, &c->statements);
    json_object_begin(&j);
    pg_put_statement(&j, s);
    json_object_end(&j);
    return json_end(&j);
}

static void put_list(struct json *j, const char *key, const struct buf *elements)
{
    json_key(j, key);
    json_array_begin(j);
    if (buf_len(elements) != 0)
        json_raw(j, buf_view(elements));
    json_array_end(j);
}

enum err pg_commit_describe(struct source_session *s, struct buf *out)
{
    struct pg_commit *c = &s->commit;
    struct json j;
    json_init(&j, out);
    json_object_begin(&j);
    json_put_z(&j, "message", "commit");
    json_key(&j, "text");
    json_bytes(&j, buf_view(&c->texts));
    put_list(&j, "statements", &c->statements);
    put_list(&j, "results", &c->results);
    put_list(&j, "changed", &c->changed);
    json_put_int(&j, "rows_changed", c->rows);
    if (!c->own) {
        json_key(&j, "ends_with");
        json_bytes(&j, sql_cached_text(s->judged.text));
    }
    pg_put_session(&j, s);
    json_object_end(&j);
    return json_end(&j);
}

/* One that no longer fits is left out: the counts are there all the same. */
void pg_commit_result(struct source_session *s, struct str tag)
{
    struct pg_commit *c = &s->commit;
    struct buf one CLEANUP(buf_done) = {0};
    struct json j;
    if (c->terms == NULL || c->stage > COMMIT_OPEN)
        return;
    buf_init(&one, KIB);
    json_init(&j, &one);
    json_bytes(&j, tag);
    if (json_end(&j) == ERR_OK && buf_len(&c->results) + buf_len(&one) + 1 < 60 * KIB && separate(&c->results) == ERR_OK)
        (void)!buf_put_str(&c->results, buf_view(&one));
}

/* --- Telling the client ------------------------------------------------------------------------------ */

static void put_report(struct pg_commit *c, const char *sqlstate, struct str message, struct str detail)
{
    struct pg_report r = {"ERROR", sqlstate, message, detail,
                          STR("It ran in a transaction, which was rolled back: nothing of it remains.")};
    buf_clear(&c->report);
    if (pg_put_report(&c->report, &r) != ERR_OK)
        buf_clear(&c->report);
}

/* The message that waited is not sent. */
static void drop_waiting(struct source_session *s)
{
    size_t len = s->scanned + (s->commit.again ? 0 : s->held_len);
    if (!s->commit.again)
        pg_judged_done(&s->judged);
    pg_drop_unsent(s);
    s->scanned = s->held_len = 0;
    if (len != 0)
        buf_consume(&s->in, len);
}

static void go_on(struct source_session *s)
{
    s->block = BLOCK_NONE;
    s->held_len = 0;
    forget(s);
    pg_client_resume(s);
}

/* What was held back, or the report in its place; ReadyForQuery unless the client has yet to send its Sync. */
static void answer(struct source_session *s, struct str bytes, bool undone)
{
    struct pg_commit *c = &s->commit;
    struct buf out CLEANUP(buf_done) = {0};
    bool sync_comes = c->waits && (c->again || c->extended);
    buf_init(&out, LIMIT_PG_WITHHELD + 128 * KIB);
    enum err e = buf_put_str(&out, bytes);
    if (e == ERR_OK && !sync_comes)
        e = pg_put_ready(&out, 'I');
    if (e != ERR_OK) {
        pg_session_close(s, STR("out of memory"));
        return;
    }
    if (undone && c->waits)
        drop_waiting(s);
    if (undone && sync_comes)
        s->flow = FLOW_SKIP;
    c->stage = COMMIT_NONE; /* nothing is withheld from here */
    if (pg_write_client(s, buf_view(&out)))
        go_on(s);
}

static void broken(struct source_session *s, struct str why)
{
    pg_session_fatal(s, PG_UNAVAILABLE, STR("the transaction whose COMMIT was to be held could not be finished"), why,
                     STR("The session ends; what was not committed is rolled back."));
}

/* --- Asking the server ------------------------------------------------------------------------------- */

typedef void done_fn(struct source_session *s, enum pg_ask_result r, struct str why);

static void ask(struct source_session *s, const char *const *sql, size_t n, int64_t ms, const struct pg_asker *asker)
{
    struct pg_question_part parts[3];
    struct pg_question q = {PG_ASK_BARE, parts, n, ms, asker, s};
    for (size_t i = 0; i < n; i++)
        parts[i] = (struct pg_question_part){.sql = str_of(sql[i])};
    s->segment_open = false; /* in a block, which this is or becomes, the question's own Sync ends nothing */
    enum err e = pg_ask(s, &q);
    if (e != ERR_OK && s->phase != PHASE_CLOSED)
        broken(s, str_of(err_text(e)));
}

static void on_undone(void *ctx, enum pg_ask_result r, struct str why)
{
    struct source_session *s = ctx;
    struct pg_commit *c = &s->commit;
    if (r == PG_ASK_ENDED)
        return;
    if (r != PG_ASK_ANSWERED || s->tx != 'I') {
        broken(s, why);
        return;
    }
    answer(s, buf_view(buf_len(&c->report) != 0 ? &c->report : &c->withheld), true);
}

static void undo(struct source_session *s)
{
    static const struct pg_asker asker = {NULL, on_undone};
    static const char *const sql[] = {"ROLLBACK"};
    s->commit.stage = COMMIT_UNDOES;
    s->block = BLOCK_COMMIT;
    ask(s, sql, ARRAY_LEN(sql), ROLLBACK_MS, &asker);
}

/* --- The hold ---------------------------------------------------------------------------------------- */

static void open_hold(struct source_session *s)
{
    struct pg_commit *c = &s->commit;
    const struct gate_port *gate = s->st->gate;
    struct submission sub = {.hold = NULL};
    struct commit_terms *terms = c->terms;
    s->context.in_transaction = true;
    s->context.role = buf_view(&s->role.now);
    s->action = (struct action){.kind = ACTION_SQL,
                                .operation = STR("commit"),
                                .text = buf_view(&c->texts),
                                .sql = sql_cached_facts(c->first),
                                .subject = &s->subject,
                                .resource = s->st->resource,
                                .context = &s->context,
                                .time_wall_ns = clock_wall_ns()};
    c->terms = NULL;
    c->stage = COMMIT_HELD;
    enum verdict v = gate->submit_commit(gate->gate, s, &s->action, terms, &sub);
    if (v == VERDICT_HOLD && sub.hold != NULL) {
        s->hold = sub.hold;
        s->block = BLOCK_HELD;
        return;
    }
    put_report(c, PG_UNAVAILABLE, STR("no decision could be had about the COMMIT"), sub.refusal.detail);
    undo(s);
}

static void on_count_row(void *ctx, size_t part, const struct str *v, size_t n)
{
    static const char *const names[] = {"inserted", "updated", "deleted"};
    struct source_session *s = ctx;
    struct pg_commit *c = &s->commit;
    struct json j;
    if (part != 2 || n != 5 || c->n_tables++ >= LIMIT_PG_COMMIT_TABLES || separate(&c->changed) != ERR_OK)
        return;
    json_init(&j, &c->changed);
    json_object_begin(&j);
    json_key(&j, "schema");
    json_bytes(&j, v[0]);
    json_key(&j, "table");
    json_bytes(&j, v[1]);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        uint64_t rows = 0;
        if (str_to_u64(v[2 + i], &rows) == ERR_OK && rows <= INT32_MAX * UINT64_C(1000000))
            c->rows += (int64_t)rows;
        json_put_int(&j, names[i], (int64_t)rows);
    }
    json_object_end(&j);
    if (json_end(&j) != ERR_OK)
        c->n_tables = LIMIT_PG_COMMIT_TABLES + 1;
}

static void on_counted(void *ctx, enum pg_ask_result r, struct str why)
{
    struct source_session *s = ctx;
    struct pg_commit *c = &s->commit;
    if (r == PG_ASK_ENDED)
        return;
    if (r == PG_ASK_ANSWERED && s->tx == 'T' && c->n_tables <= LIMIT_PG_COMMIT_TABLES) {
        open_hold(s);
        return;
    }
    if (r == PG_ASK_FAILED)
        put_report(c, s->error_code, why, (struct str){NULL, 0});
    else
        put_report(c, PG_PROGRAM_LIMIT, STR("what the transaction changed could not be counted"), why);
    undo(s);
}

#define COUNTED "n_tup_ins OPERATOR(pg_catalog.+) n_tup_upd OPERATOR(pg_catalog.+) n_tup_del"

static void count(struct source_session *s)
{
    static const struct pg_asker asker = {on_count_row, on_counted};
    static const char *const sql[] = {
        "SET CONSTRAINTS ALL IMMEDIATE", "SET LOCAL idle_in_transaction_session_timeout = 0",
        "SELECT schemaname, relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_catalog.pg_stat_xact_user_tables"
        " WHERE " COUNTED " OPERATOR(pg_catalog.>) 0 ORDER BY 1, 2"};
    s->commit.stage = COMMIT_COUNTS;
    s->block = BLOCK_COMMIT;
    ask(s, sql, ARRAY_LEN(sql), COUNT_MS, &asker);
}

/* --- The beginning ----------------------------------------------------------------------------------- */

static void on_begun(void *ctx, enum pg_ask_result r, struct str why)
{
    struct source_session *s = ctx;
    struct pg_commit *c = &s->commit;
    if (r == PG_ASK_ENDED)
        return;
    if (r != PG_ASK_ANSWERED || s->tx != 'T') {
        put_report(c, r == PG_ASK_FAILED ? s->error_code : PG_UNAVAILABLE, why, (struct str){NULL, 0});
        undo(s); /* outside a block a ROLLBACK is only a warning */
        return;
    }
    c->own = true;
    c->stage = COMMIT_OPEN;
    c->waits = false;
    s->block = c->extended ? BLOCK_NONE : BLOCK_COMMIT;
    pg_send_waiting(s, 0);
}

static void begin(struct source_session *s)
{
    static const struct pg_asker asker = {NULL, on_begun};
    static const char *const sql[] = {"BEGIN", "SET TRANSACTION READ WRITE"};
    bool lifts = s->wall.on && !s->wall.client_read_only;
    ask(s, sql, lifts ? 2 : 1, BEGIN_MS, &asker);
}

static void on_stats_flushed(void *ctx, enum pg_ask_result r, struct str why)
{
    (void)why;
    if (r != PG_ASK_ENDED) /* before PostgreSQL 15 there is no such function; the counts may hold the last second's */
        begin(ctx);
}

/* Counters of transactions that ended, but were not reported yet, would count as this one's. */
static void prepare(struct source_session *s)
{
    static const struct pg_asker asker = {NULL, on_stats_flushed};
    static const char *const sql[] = {"SELECT pg_catalog.pg_stat_force_next_flush()"};
    s->commit.stage = COMMIT_BEGINS;
    ask(s, sql, ARRAY_LEN(sql), BEGIN_MS, &asker);
}

static enum err take_terms(struct source_session *s)
{
    struct pg_commit *c = &s->commit;
    struct commit_terms *offered = c->offered;
    c->offered = NULL;
    if (c->terms != NULL)
        return s->st->gate->join_commits(s->st->gate->gate, c->terms, offered);
    c->terms = offered;
    c->first = sql_cached_ref(s->judged.text);
    return ERR_OK;
}

enum err pg_commit_take(struct source_session *s, size_t message_len, bool *ret_now)
{
    struct pg_commit *c = &s->commit;
    size_t texts = buf_len(&c->texts), statements = buf_len(&c->statements);
    enum err e = note_statement(s);
    if (e == ERR_OK)
        e = take_terms(s);
    if (e != ERR_OK) {
        buf_truncate(&c->texts, texts);
        buf_truncate(&c->statements, statements);
        if (c->offered != NULL)
            s->st->gate->drop_commit(s->st->gate->gate, c->offered);
        c->offered = NULL;
        return e;
    }
    *ret_now = c->stage == COMMIT_OPEN || s->tx != 'I';
    if (*ret_now)
        return ERR_OK;
    c->extended = strcmp(s->judged.operation, "execute") == 0;
    c->waits = true;
    c->again = false;
    s->block = BLOCK_COMMIT;
    s->held_len = message_len;
    prepare(s);
    return ERR_OK;
}

void pg_commit_leave(struct source_session *s, size_t message_len, bool judged)
{
    struct pg_commit *c = &s->commit;
    c->waits = true;
    c->again = !judged;
    if (judged)
        c->extended = strcmp(s->judged.operation, "execute") == 0;
    s->held_len = message_len;
    count(s);
}

/* --- Answers ----------------------------------------------------------------------------------------- */

bool pg_commit_withholds(struct source_session *s, struct str bytes)
{
    struct pg_commit *c = &s->commit;
    if (c->stage != COMMIT_OPEN || c->through)
        return false;
    if (!c->overflown && buf_put_str(&c->withheld, bytes) != ERR_OK) {
        c->overflown = true;
        buf_clear(&c->withheld);
    }
    return true;
}

bool pg_commit_flush(struct source_session *s)
{
    struct pg_commit *c = &s->commit;
    if (c->stage != COMMIT_OPEN || c->through)
        return true;
    c->through = true;
    bool alive = pg_write_client(s, buf_view(&c->withheld));
    buf_clear(&c->withheld);
    return alive;
}

bool pg_commit_ready(struct source_session *s, char status)
{
    struct pg_commit *c = &s->commit;
    if (c->stage == COMMIT_OPEN) {
        c->answered = true;
        return true;
    }
    if (c->stage == COMMIT_NONE && c->terms != NULL && status == 'I')
        forget(s);
    return false;
}

void pg_commit_go(struct source_session *s)
{
    struct pg_commit *c = &s->commit;
    if (c->stage != COMMIT_OPEN || !c->answered || s->phase != PHASE_READY || s->asking != NULL ||
        s->ring.unsent != s->ring.head)
        return;
    c->answered = false;
    if (c->overflown)
        put_report(c, PG_PROGRAM_LIMIT, STR("the answer is longer than the gateway keeps back before a decision (1 MiB)"),
                   (struct str){NULL, 0});
    if (s->tx == 'T' && !c->overflown)
        count(s);
    else if (s->tx == 'I')
        broken(s, STR("the transaction had ended already"));
    else
        undo(s);
}

/* --- The decision ------------------------------------------------------------------------------------ */

static void tell_gate(struct source_session *s, enum outcome_kind kind, struct str code, struct str message)
{
    struct pg_commit *c = &s->commit;
    struct outcome o = {.kind = kind,
                        .tag = kind == RUN_COMPLETED ? STR("COMMIT") : (struct str){NULL, 0},
                        .rows = kind == RUN_COMPLETED ? c->rows : -1,
                        .error_code = code,
                        .error_message = message,
                        .duration_ns = clock_mono_ns() - c->started_ns};
    uint64_t run = c->run;
    c->run = 0;
    if (run != 0)
        s->st->gate->ran(s->st->gate->gate, run, &o);
}

static void on_committed(void *ctx, enum pg_ask_result r, struct str why)
{
    struct source_session *s = ctx;
    struct pg_commit *c = &s->commit;
    switch (r) {
    case PG_ASK_ANSWERED:
        tell_gate(s, RUN_COMPLETED, (struct str){NULL, 0}, (struct str){NULL, 0});
        answer(s, buf_view(&c->withheld), false);
        return;
    case PG_ASK_FAILED:
        tell_gate(s, RUN_FAILED, str_of(s->error_code), why);
        put_report(c, s->error_code, why, STR("It was approved, and the server could not commit it."));
        if (s->tx == 'I')
            answer(s, buf_view(&c->report), true);
        else
            undo(s);
        return;
    case PG_ASK_TIMED_OUT:
    case PG_ASK_TOO_LONG:
    case PG_ASK_CANCELLED:
        tell_gate(s, RUN_UNKNOWN, (struct str){NULL, 0}, why);
        broken(s, why);
        return;
    case PG_ASK_ENDED:
        tell_gate(s, RUN_UNKNOWN, (struct str){NULL, 0}, STR("the session ended before the server answered"));
        return;
    }
}

bool pg_commit_release(struct source_session *s, uint64_t run)
{
    static const struct pg_asker asker = {NULL, on_committed};
    static const char *const sql[] = {"COMMIT"};
    struct pg_commit *c = &s->commit;
    if (!c->own) {
        forget(s);
        return false;
    }
    c->run = run;
    c->started_ns = clock_mono_ns();
    c->stage = COMMIT_COMMITS;
    s->block = BLOCK_COMMIT;
    ask(s, sql, ARRAY_LEN(sql), COMMIT_MS, &asker);
    if (s->phase == PHASE_CLOSED)
        tell_gate(s, RUN_UNKNOWN, (struct str){NULL, 0}, STR("the session ended before the server answered"));
    return true;
}

void pg_commit_refuse(struct source_session *s, struct str report)
{
    struct pg_commit *c = &s->commit;
    buf_clear(&c->report);
    if (buf_put_str(&c->report, report) != ERR_OK)
        put_report(c, PG_UNAVAILABLE, STR("the COMMIT was refused"), (struct str){NULL, 0});
    undo(s);
}
