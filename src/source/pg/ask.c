#include "source/pg/ask.h"
#include "base/limits.h"
#include "base/log.h"
#include "source/pg/server.h"

#include <stdio.h>
#include <stdlib.h>

/* What comes before the asker's own parts in a wrapped question: BEGIN or SAVEPOINT, the time limit, hardly any waiting
 * for locks (others would wait behind us), and no JIT: with planner settings that make everything look dear, compiling
 * a question takes seconds. */
enum { PROLOGUE = 4, NAME_SIZE = 32, SQL_SIZE = 96 };

struct pg_asking {
    struct pg_asker asker;
    void *ctx;
    struct timer *timer;
    bool told;         /* done was called: what comes is only swallowed */
    bool finished;     /* the last answer came */
    bool wrapped, flushed;
    char status;       /* of the transaction, before */
    unsigned syncs;    /* ReadyForQuery still to come */
    size_t prologue, n_parts, completed, closed;
    size_t bytes;      /* of rows */
    enum pg_ask_result result;
    char why[256];
    size_t why_n;
};

/* --- Writing --------------------------------------------------------------------------------------- */

static const char NO_PARAMETERS[] = {0, 0, 0, 0, 0, 0};

static enum err put_part(struct buf *out, struct str name, const struct pg_question_part *p)
{
    struct str none = {NO_PARAMETERS, sizeof(NO_PARAMETERS)};
    TRY(pg_put_parse_typed(out, name, p->sql, p->types));
    TRY(pg_put_bind(out, name, name, p->bind_tail.n != 0 ? p->bind_tail : none));
    TRY(pg_put_execute(out, name));
    TRY(pg_put_close(out, 'P', name));
    return pg_put_close(out, 'S', name);
}

static enum err put_sql(struct buf *out, struct str name, const char *sql)
{
    struct pg_question_part p = {.sql = str_of(sql)};
    return put_part(out, name, &p);
}

/* The name must be nobody else's. */
static enum err make_name(char *room, struct str *ret)
{
    uint64_t r;
    TRY(random_bytes(&r, sizeof(r)));
    int n = snprintf(room, NAME_SIZE, "countersign_%016llx", (unsigned long long)r);
    *ret = (struct str){room, (size_t)n};
    return ERR_OK;
}

static enum err put_prologue(struct buf *out, struct str name, char status, int64_t timeout_ms)
{
    char sql[SQL_SIZE];
    if (status == 'T')
        (void)snprintf(sql, sizeof(sql), "SAVEPOINT %.*s", STR_FMT(name));
    TRY(put_sql(out, name, status == 'T' ? sql : "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"));
    (void)snprintf(sql, sizeof(sql), "SET LOCAL statement_timeout = %lld", (long long)timeout_ms);
    TRY(put_sql(out, name, sql));
    TRY(put_sql(out, name, "SET LOCAL lock_timeout = 100"));
    return put_sql(out, name, "SET LOCAL jit = off");
}

/* Also where the first half failed in the middle: its statement may still be there under the name. */
static enum err put_undoing(struct buf *out, struct str name, char status)
{
    char sql[SQL_SIZE];
    TRY(pg_put_close(out, 'P', name));
    TRY(pg_put_close(out, 'S', name));
    if (status != 'T')
        return put_sql(out, name, "ROLLBACK");
    (void)snprintf(sql, sizeof(sql), "ROLLBACK TO SAVEPOINT %.*s", STR_FMT(name));
    TRY(put_sql(out, name, sql));
    (void)snprintf(sql, sizeof(sql), "RELEASE SAVEPOINT %.*s", STR_FMT(name));
    return put_sql(out, name, sql);
}

static enum err put_question(struct buf *out, const struct pg_asking *a, const struct pg_question *q)
{
    char room[NAME_SIZE];
    struct str name;
    TRY(make_name(room, &name));
    if (a->wrapped)
        TRY(put_prologue(out, name, a->status, q->timeout_ms));
    for (size_t i = 0; i < q->n_parts; i++)
        TRY(put_part(out, name, &q->parts[i]));
    if (a->flushed)
        return pg_put_flush(out);
    TRY(pg_put_sync(out));
    if (a->wrapped)
        TRY(put_undoing(out, name, a->status));
    else
        TRY(pg_put_close(out, 'S', name)); /* left there by a part that failed */
    return pg_put_sync(out);
}

enum err pg_ask_parameters(struct buf *out, const struct str *values, size_t n)
{
    if (n > UINT16_MAX)
        return ERR_LIMIT;
    TRY(buf_put_u16(out, 0)); /* all are text */
    TRY(buf_put_u16(out, (uint16_t)n));
    for (size_t i = 0; i < n; i++) {
        if (values[i].n > INT32_MAX)
            return ERR_LIMIT;
        TRY(buf_put_u32(out, values[i].p != NULL ? (uint32_t)values[i].n : UINT32_MAX));
        if (values[i].p != NULL)
            TRY(buf_put_str(out, values[i]));
    }
    return buf_put_u16(out, 0); /* as are the results */
}

/* --- Telling --------------------------------------------------------------------------------------- */

/* The asker may ask again from inside. */
static void tell(struct pg_asking *a, enum pg_ask_result result, struct str why)
{
    if (a->told)
        return;
    a->told = true;
    timer_stop(a->timer);
    a->asker.done(a->ctx, result, why);
}

static void asking_free(struct pg_asking *a)
{
    timer_free(a->timer);
    free(a);
}

void pg_ask_deliver(struct source_session *s)
{
    struct pg_asking *a = s->asking;
    if (a == NULL || !a->finished)
        return;
    s->asking = NULL;
    tell(a, a->result, (struct str){a->why, a->why_n});
    asking_free(a);
}

void pg_ask_cancel(struct source_session *s)
{
    if (s->asking != NULL)
        tell(s->asking, PG_ASK_CANCELLED, STR("the client cancelled"));
}

void pg_ask_drop(struct source_session *s)
{
    struct pg_asking *a = s->asking;
    if (a == NULL)
        return;
    s->asking = NULL;
    tell(a, PG_ASK_ENDED, STR("the session ended"));
    asking_free(a);
}

void pg_wait_for_question(struct source_session *s, size_t message_len)
{
    s->block = BLOCK_ASKS;
    s->held_len = message_len;
}

void pg_question_over(struct source_session *s)
{
    if (s->block != BLOCK_ASKS)
        return; /* what waited is gone */
    s->block = BLOCK_NONE;
    s->held_len = 0;
    pg_client_resume(s);
}

static void on_timer(void *ctx)
{
    tell(ctx, PG_ASK_TIMED_OUT, STR("the database did not answer in time"));
}

/* --- Asking ---------------------------------------------------------------------------------------- */

bool pg_may_ask(const struct source_session *s, enum pg_ask_wrap wrap, bool *ret_wait)
{
    *ret_wait = false;
    if (s->phase != PHASE_READY || s->flow != FLOW_NORMAL || s->asking != NULL || s->first.wants_replication ||
        s->sync_credit != 0)
        return false;
    *ret_wait = s->ring.unsent != s->ring.head;
    if (*ret_wait)
        return false;
    return (s->tx != 'E' || wrap == PG_ASK_BARE) && (!s->segment_open || wrap == PG_ASK_PEEK);
}

static enum err asking_new(struct source_session *s, const struct pg_question *q, struct pg_asking **ret)
{
    struct pg_asking *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return ERR_NOMEM;
    *a = (struct pg_asking){.asker = *q->asker, .ctx = q->ctx, .status = s->tx, .n_parts = q->n_parts,
                            .result = PG_ASK_ANSWERED};
    a->flushed = s->segment_open;
    a->wrapped = q->wrap == PG_ASK_LOOK || (q->wrap == PG_ASK_PEEK && !a->flushed);
    a->prologue = a->wrapped ? PROLOGUE : 0;
    a->syncs = a->flushed ? 0 : 2;
    if (q->wrap == PG_ASK_BARE)
        a->status = '\0';
    enum err e = timer_new(s->st->loop, on_timer, a, &a->timer);
    if (e != ERR_OK) {
        free(a);
        return e;
    }
    *ret = a;
    return ERR_OK;
}

enum err pg_ask(struct source_session *s, const struct pg_question *q)
{
    bool wait;
    struct pg_asking *a;
    struct buf out CLEANUP(buf_done) = {0};
    if (!pg_may_ask(s, q->wrap, &wait))
        return ERR_BAD_STATE;
    TRY(asking_new(s, q, &a));
    buf_init(&out, LIMIT_PG_JUDGED_MESSAGE + MIB);
    enum err e = put_question(&out, a, q);
    if (e == ERR_OK && !pg_to_server(s, buf_view(&out)))
        e = ERR_CLOSED;
    if (e != ERR_OK) {
        asking_free(a);
        return e;
    }
    timer_start(a->timer, q->timeout_ms + LIMIT_PG_ASK_GRACE_MS, 0);
    s->asking = a;
    return ERR_OK;
}

/* --- Answers --------------------------------------------------------------------------------------- */

bool pg_is_asking(const struct source_session *s)
{
    return s->asking != NULL && !s->asking->finished;
}

static void fail(struct pg_asking *a, enum pg_ask_result result, struct str why)
{
    if (a->result != PG_ASK_ANSWERED)
        return;
    a->result = result;
    a->why_n = why.n < sizeof(a->why) ? why.n : sizeof(a->why);
    if (a->why_n != 0)
        memcpy(a->why, why.p, a->why_n);
}

static enum pass on_swallowed(struct source_session *s, struct str body)
{
    (void)s;
    (void)body;
    return PASS_SWALLOW;
}

static enum pass on_answer_closed(struct source_session *s, struct str body)
{
    struct pg_asking *a = s->asking;
    (void)body;
    a->closed++;
    if (a->flushed && a->closed == 2 * a->n_parts)
        a->finished = true;
    return PASS_SWALLOW;
}

static enum pass on_answer_complete(struct source_session *s, struct str body)
{
    (void)body;
    s->asking->completed++;
    return PASS_SWALLOW;
}

static void hand_out(struct pg_asking *a, size_t part, struct str body)
{
    struct cursor c = cursor_of(body);
    struct str values[LIMIT_PG_ASK_COLUMNS];
    uint16_t n = cursor_u16(&c);
    if (n > ARRAY_LEN(values)) {
        fail(a, PG_ASK_TOO_LONG, STR("the answer has more columns than the gateway reads"));
        return;
    }
    for (uint16_t i = 0; i < n; i++) {
        uint32_t len = cursor_u32(&c);
        values[i] = len == UINT32_MAX ? (struct str){NULL, 0} : cursor_bytes(&c, len);
        if (len == 0 && !c.bad)
            values[i].p = ""; /* empty is not NULL */
    }
    if (!cursor_ended_well(&c))
        fail(a, PG_ASK_FAILED, STR("the answer is malformed"));
    else if (a->asker.row != NULL && !a->told)
        a->asker.row(a->ctx, part, values, n);
}

static enum pass on_answer_row(struct source_session *s, struct str body)
{
    struct pg_asking *a = s->asking;
    a->bytes += body.n;
    if (body.p == NULL || a->bytes > LIMIT_PG_ASK_BYTES)
        fail(a, PG_ASK_TOO_LONG, STR("the answer is longer than the gateway reads"));
    else if (a->completed >= a->prologue && a->completed < a->prologue + a->n_parts &&
             a->result == PG_ASK_ANSWERED)
        hand_out(a, a->completed - a->prologue, body);
    return PASS_SWALLOW;
}

/* In the middle of the client's own segment the server now skips what the client sends, up to its Sync. */
static enum pass on_answer_error(struct source_session *s, struct str body)
{
    struct pg_asking *a = s->asking;
    struct str severity = pg_report_field(body, 'V');
    fail(a, PG_ASK_FAILED, pg_report_field(body, 'M'));
    pg_keep_code(s, body);
    if (str_is(severity, "FATAL") || str_is(severity, "PANIC")) {
        s->fatal_seen = true;
        return PASS_ON;
    }
    if (!a->flushed)
        return PASS_SWALLOW;
    a->finished = true;
    pg_skip_to_sync(s);
    return PASS_ON;
}

/* Those of a server that goes down concern the client; the rest belong to the question. */
static enum pass on_answer_notice(struct source_session *s, struct str body)
{
    (void)s;
    return str_starts(pg_report_field(body, 'C'), STR("57")) ? PASS_ON : PASS_SWALLOW;
}

static enum pass on_answer_passed(struct source_session *s, struct str body)
{
    (void)s;
    (void)body;
    return PASS_ON;
}

static enum pass on_answer_ready(struct source_session *s, struct str body)
{
    struct pg_asking *a = s->asking;
    if (body.n != 1 || strchr("ITE", body.p[0]) == NULL || a->syncs == 0)
        return PASS_DIVERGED;
    a->syncs--;
    if (a->syncs != 0)
        return PASS_SWALLOW;
    if (a->status != '\0' && body.p[0] != a->status)
        return PASS_DIVERGED; /* the client's transaction is no longer what the client believes */
    if (a->result == PG_ASK_ANSWERED && a->completed < a->prologue + a->n_parts)
        return PASS_DIVERGED;
    a->finished = true;
    if (a->status == '\0')
        pg_note_status(s, body.p[0]);
    return PASS_SWALLOW;
}

/* COPY has no place in a question. */
static const struct rule answers[256] = {
    ['1'] = {on_swallowed, false},      ['2'] = {on_swallowed, false},
    ['3'] = {on_answer_closed, false},  ['T'] = {on_swallowed, false},
    ['n'] = {on_swallowed, false},      ['t'] = {on_swallowed, false},
    ['D'] = {on_answer_row, true},      ['C'] = {on_answer_complete, false},
    ['I'] = {on_answer_complete, false}, ['E'] = {on_answer_error, true},
    ['N'] = {on_answer_notice, true},   ['A'] = {on_answer_passed, false},
    ['S'] = {pg_on_parameter_status, true}, ['Z'] = {on_answer_ready, true},
};

const struct rule *pg_ask_rule(char type)
{
    return &answers[(unsigned char)type];
}
