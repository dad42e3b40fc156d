#include "source/pg/server.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "source/pg/ask.h"
#include "source/pg/impact.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * Messages from the server. They pass as they come, in large pieces; headers are followed, and the
 * few messages that change the session's state are looked into. Each answers the head of the ring;
 * one that answers nothing there means that the gateway's picture of the session is wrong, and a
 * wrong picture must not judge: the session ends.
 */

/* --- Outcomes ------------------------------------------------------------------------------------ */

static void keep_text(char *room, size_t size, size_t *ret_n, struct str text)
{
    *ret_n = text.n < size ? text.n : size;
    if (*ret_n != 0)
        memcpy(room, text.p, *ret_n);
}

/* The last number of a command tag: "INSERT 0 5", "DELETE 12"; -1 where there is none. */
static int64_t rows_of(struct str tag)
{
    size_t i = tag.n;
    uint64_t v;
    while (i > 0 && tag.p[i - 1] >= '0' && tag.p[i - 1] <= '9')
        i--;
    if (i == tag.n || str_to_u64((struct str){tag.p + i, tag.n - i}, &v) != ERR_OK || v > INT64_MAX)
        return -1;
    return (int64_t)v;
}

static void answered(struct source_session *s, struct pg_entry *e)
{
    struct str tag = {s->tag_room, s->tag_n};
    struct outcome o = {.kind = s->failed ? RUN_FAILED : RUN_COMPLETED, .tag = tag, .rows = rows_of(tag)};
    if (s->failed) {
        o.error_code = str_of(s->error_code);
        o.error_message = (struct str){s->error_room, s->error_n};
    }
    if (e->run != 0) {
        o.duration_ns = clock_mono_ns() - e->started_ns;
        s->st->gate->ran(s->st->gate->gate, e->run, &o);
        e->run = 0;
    }
    s->tag_n = s->error_n = 0;
    s->failed = false;
}

static void never_ran(struct source_session *s, struct pg_entry *e)
{
    struct outcome o = {.kind = RUN_FAILED,
                        .rows = -1,
                        .error_message = STR("not run: an earlier message of the pipeline failed or was refused")};
    if (e->run != 0)
        s->st->gate->ran(s->st->gate->gate, e->run, &o);
    e->run = 0;
}

void pg_drop_unsent(struct source_session *s)
{
    for (size_t i = s->ring.unsent - s->ring.head; i < pg_ring_count(&s->ring); i++)
        never_ran(s, pg_ring_at(&s->ring, i));
    pg_ring_drop_unsent(&s->ring);
}

/* --- Named effects --------------------------------------------------------------------------------- */

static enum err named_statement(struct source_session *s, const struct sql_named *n, struct str text)
{
    struct sql_cached *t;
    struct pg_statement *st;
    TRY(sql_cached_new(text, n->facts, &t));
    enum err e = pg_statement_new(&s->st->pool, n->name, t, (struct str){NULL, 0}, 0, &st);
    sql_cached_unref(t);
    TRY(e);
    st->trusts_catalog = s->catalog_first;
    e = pg_names_put_statement(&s->names, st);
    pg_statement_unref(st);
    return e;
}

static enum err named_cursor(struct source_session *s, const struct sql_named *n, struct str text)
{
    struct sql_cached *t;
    struct pg_portal *p;
    TRY(sql_cached_new(text, n->facts, &t));
    enum err e = pg_portal_new(&s->st->pool, n->name, NULL, t, (struct str){NULL, 0}, &p);
    sql_cached_unref(t);
    TRY(e);
    p->is_cursor = true;
    e = pg_names_put_portal(&s->names, p);
    pg_portal_unref(p);
    return e;
}

static enum err apply_named(struct source_session *s, const struct sql_named *n, struct str text)
{
    switch (n->op) {
    case SQL_NAMED_PREPARE:
        return named_statement(s, n, text);
    case SQL_NAMED_DECLARE:
        return named_cursor(s, n, text);
    case SQL_NAMED_DEALLOCATE:
        pg_names_drop_statement(&s->names, n->name);
        return ERR_OK;
    case SQL_NAMED_DEALLOCATE_ALL:
        pg_names_drop_statements(&s->names);
        return ERR_OK;
    case SQL_NAMED_CLOSE:
        pg_names_drop_portal(&s->names, n->name);
        return ERR_OK;
    case SQL_NAMED_CLOSE_ALL:
        pg_names_drop_portals(&s->names, true);
        return ERR_OK;
    case SQL_NAMED_DISCARD_ALL:
        pg_names_drop_statements(&s->names);
        pg_names_drop_portals(&s->names, true);
        return ERR_OK;
    case SQL_NAMED_EXECUTE:
    case SQL_NAMED_FETCH:
        return ERR_OK;
    }
    return ERR_BUG;
}

static void forget_named(struct source_session *s, const struct sql_named *n)
{
    if (n->op == SQL_NAMED_DECLARE || n->op == SQL_NAMED_CLOSE)
        pg_names_drop_portal(&s->names, n->name);
    else if (n->op != SQL_NAMED_FETCH && n->op != SQL_NAMED_EXECUTE)
        pg_names_drop_statement(&s->names, n->name);
}

/* The statement number `part` of the message has succeeded. */
static enum err apply_part(struct source_session *s, const struct sql_cached *t, size_t part)
{
    const struct sql_facts *f = sql_cached_facts(t);
    struct str text = sql_cached_text(t);
    if (f->n_parts != 0) {
        if (part >= f->n_parts)
            return ERR_PROTOCOL;
        f = &f->parts[part];
        if (f->offset <= text.n && f->length <= text.n - f->offset)
            text = (struct str){text.p + f->offset, f->length};
    }
    /* Of two readings it cannot be said which the server took: what they name is not known. */
    bool two_readings = (sql_cached_facts(t)->dynamic & SQL_D_STRINGS) != 0;
    for (size_t i = 0; i < f->n_named; i++)
        if (!two_readings)
            TRY(apply_named(s, &f->named[i], str_trim(text)));
        else
            forget_named(s, &f->named[i]);
    return ERR_OK;
}

/* --- Answers ------------------------------------------------------------------------------------------ */

/* CopyDone and CopyFail are answered by nothing of their own. */
static struct pg_entry *head_of(struct source_session *s)
{
    struct pg_entry *e = pg_ring_head(&s->ring);
    while (e != NULL && e->type == PG_E_COPY_END) {
        pg_ring_pop(&s->ring);
        e = pg_ring_head(&s->ring);
    }
    return e;
}

static enum pass applied(enum err e)
{
    return e == ERR_OK ? PASS_ON : PASS_DIVERGED;
}

static enum pass on_parse_complete(struct source_session *s, struct str body)
{
    struct pg_entry *e = head_of(s);
    (void)body;
    if (e == NULL || e->type != PG_E_PARSE)
        return PASS_DIVERGED;
    enum err bad = pg_names_put_statement(&s->names, e->statement);
    pg_ring_pop(&s->ring);
    return applied(bad);
}

static enum pass on_bind_complete(struct source_session *s, struct str body)
{
    struct pg_entry *e = head_of(s);
    (void)body;
    if (e == NULL || e->type != PG_E_BIND)
        return PASS_DIVERGED;
    enum err bad = pg_names_put_portal(&s->names, e->portal);
    answered(s, e);
    pg_ring_pop(&s->ring);
    return applied(bad);
}

static enum pass on_close_complete(struct source_session *s, struct str body)
{
    struct pg_entry *e = head_of(s);
    (void)body;
    if (e == NULL || (e->type != PG_E_CLOSE_STATEMENT && e->type != PG_E_CLOSE_PORTAL))
        return PASS_DIVERGED;
    if (e->type == PG_E_CLOSE_STATEMENT)
        pg_names_drop_statement(&s->names, e->name);
    else
        pg_names_drop_portal(&s->names, e->name);
    pg_ring_pop(&s->ring);
    return PASS_ON;
}

/* The server's types complete what Parse left open. */
static enum err note_types(struct pg_statement *st, struct str body)
{
    struct cursor c = cursor_of(body);
    uint16_t n = cursor_u16(&c);
    struct str types = cursor_bytes(&c, (size_t)n * 4);
    if (!cursor_ended_well(&c))
        return ERR_PROTOCOL;
    if (n != st->n_types)
        return ERR_OK; /* fewer were declared than there are: the storage has no room for the rest */
    struct cursor t = cursor_of(types);
    for (uint16_t i = 0; i < n; i++)
        st->types[i] = cursor_u32(&t);
    return ERR_OK;
}

static enum pass on_parameter_description(struct source_session *s, struct str body)
{
    struct pg_entry *e = head_of(s);
    if (e == NULL || e->type != PG_E_DESCRIBE_STATEMENT || e->described)
        return PASS_DIVERGED;
    e->described = true;
    return body.p != NULL && e->statement != NULL ? applied(note_types(e->statement, body)) : PASS_ON;
}

static enum pass on_row_description(struct source_session *s, struct str body)
{
    struct pg_entry *e = head_of(s);
    (void)body;
    if (e == NULL)
        return PASS_DIVERGED;
    if (e->type == PG_E_DESCRIBE_PORTAL || (e->type == PG_E_DESCRIBE_STATEMENT && e->described)) {
        pg_ring_pop(&s->ring);
        return PASS_ON;
    }
    return e->type == PG_E_QUERY ? PASS_ON : PASS_DIVERGED;
}

static enum pass on_no_data(struct source_session *s, struct str body)
{
    struct pg_entry *e = head_of(s);
    return e == NULL || e->type == PG_E_QUERY ? PASS_DIVERGED : on_row_description(s, body);
}

/* Statements after which a transaction still has no snapshot. */
static bool takes_no_snapshot(struct str tag)
{
    static const char *const tags[] = {"BEGIN", "START TRANSACTION", "SET", "RESET", "SHOW",
                                       "SAVEPOINT", "RELEASE", "ROLLBACK", "COMMIT"};
    for (size_t i = 0; i < ARRAY_LEN(tags); i++)
        if (str_is(tag, tags[i]))
            return true;
    return false;
}

static enum pass on_complete(struct source_session *s, struct str body)
{
    struct pg_entry *e = head_of(s);
    enum err bad = ERR_OK;
    if (e == NULL || (e->type != PG_E_QUERY && e->type != PG_E_EXECUTE))
        return PASS_DIVERGED;
    if (body.n != 0)
        keep_text(s->tag_room, sizeof(s->tag_room), &s->tag_n, (struct str){body.p, body.n - 1});
    pg_commit_result(s, (struct str){s->tag_room, s->tag_n});
    if (str_is((struct str){s->tag_room, s->tag_n}, "ROLLBACK"))
        pg_note_undone(s);
    s->queried = s->queried || !takes_no_snapshot((struct str){s->tag_room, s->tag_n});
    if (e->text != NULL)
        bad = apply_part(s, e->text, e->part);
    e->part++;
    if (e->type == PG_E_EXECUTE) {
        answered(s, e);
        pg_ring_pop(&s->ring);
    }
    return applied(bad);
}

static enum pass on_suspended(struct source_session *s, struct str body)
{
    struct pg_entry *e = head_of(s);
    (void)body;
    if (e == NULL || e->type != PG_E_EXECUTE)
        return PASS_DIVERGED;
    if (e->portal != NULL)
        e->portal->judged = true; /* fetching on is the same run */
    answered(s, e);
    pg_ring_pop(&s->ring);
    return PASS_ON;
}

static enum pass on_rows(struct source_session *s, struct str body)
{
    struct pg_entry *e = head_of(s);
    (void)body;
    return e != NULL && (e->type == PG_E_QUERY || e->type == PG_E_EXECUTE) ? PASS_ON : PASS_DIVERGED;
}

/* COPY data is asked for. Syncs that were sent before its end are ignored by the server, unless it
 * fails before it reads them: sync_credit remembers those. */
static enum pass on_copy_in(struct source_session *s, struct str body)
{
    struct pg_entry *e = head_of(s);
    (void)body;
    if (e == NULL || (e->type != PG_E_QUERY && e->type != PG_E_EXECUTE))
        return PASS_DIVERGED;
    s->flow = FLOW_COPY_IN;
    size_t i = 1;
    while (i < s->ring.unsent - s->ring.head && s->flow == FLOW_COPY_IN) {
        enum pg_entry_type type = pg_ring_at(&s->ring, i)->type;
        if (type == PG_E_COPY_END)
            s->flow = FLOW_NORMAL;
        if (type == PG_E_SYNC)
            s->sync_credit++;
        if (type == PG_E_COPY_END || type == PG_E_SYNC)
            pg_ring_remove(&s->ring, i);
        else
            i++;
    }
    return PASS_ON;
}

static enum pass on_copy_both(struct source_session *s, struct str body)
{
    (void)body;
    if (head_of(s) == NULL || !s->first.wants_replication)
        return PASS_DIVERGED;
    s->flow = FLOW_COPY_BOTH;
    return PASS_ON;
}

static enum pass on_pass(struct source_session *s, struct str body)
{
    (void)s;
    (void)body;
    return PASS_ON;
}

static enum pass on_function_result(struct source_session *s, struct str body)
{
    struct pg_entry *e = head_of(s);
    (void)body;
    return e != NULL && e->type == PG_E_FUNCTION ? PASS_ON : PASS_DIVERGED;
}

/* --- Errors ---------------------------------------------------------------------------------------------- */

void pg_keep_code(struct source_session *s, struct str body)
{
    size_t n;
    keep_text(s->error_code, sizeof(s->error_code) - 1, &n, pg_report_field(body, 'C'));
    s->error_code[n] = '\0';
}

static void note_error(struct source_session *s, struct str body)
{
    struct str severity = pg_report_field(body, 'V');
    s->failed = true;
    pg_note_undone(s);
    s->fatal_seen = str_is(severity, "FATAL") || str_is(severity, "PANIC");
    pg_keep_code(s, body);
    keep_text(s->error_room, sizeof(s->error_room), &s->error_n, pg_report_field(body, 'M'));
}

/* What the client sent behind the failure, in the same segment, will be skipped by the server: it is
 * not sent, and a request for it is moot. */
static void skip_unsent(struct source_session *s)
{
    size_t len = s->scanned;
    s->flow = FLOW_SKIP;
    if (s->block == BLOCK_HELD || s->block == BLOCK_ASKS) {
        len += s->held_len;
        s->held_len = 0;
    }
    if (s->block == BLOCK_HELD) {
        pg_held_withdraw(s, STR("an earlier message of the pipeline failed"), false);
        pg_judged_done(&s->judged);
    }
    s->block = BLOCK_NONE;
    pg_drop_unsent(s);
    s->scanned = 0;
    if (len != 0)
        buf_consume(&s->in, len);
}

void pg_skip_to_sync(struct source_session *s)
{
    bool found = false;
    while (s->ring.head < s->ring.unsent && !found) {
        struct pg_entry *e = pg_ring_at(&s->ring, 0);
        found = e->type == PG_E_SYNC || (e->type == PG_E_OWN && e->synced);
        if (found)
            break;
        never_ran(s, e);
        pg_ring_pop(&s->ring);
    }
    if (!found && s->flow != FLOW_SKIP)
        skip_unsent(s);
    else if (s->flow == FLOW_COPY_IN)
        s->flow = FLOW_NORMAL;
}

/* The server forgets its unnamed statement before it reads the new one; what it skips changes nothing. */
static void forget_failed(struct source_session *s, const struct pg_entry *failed)
{
    if (failed->type == PG_E_PARSE && failed->statement->name.n == 0)
        pg_names_drop_statement(&s->names, failed->statement->name);
}

static enum pass replaced(struct source_session *s, const struct pg_entry *e)
{
    enum err bad = buf_put(&s->to_client, e->storage, e->storage_n);
    return bad == ERR_OK ? PASS_SWALLOW : PASS_DIVERGED;
}

static enum pass on_error(struct source_session *s, struct str body)
{
    struct pg_entry *e = head_of(s);
    enum pass pass = PASS_ON;
    note_error(s, body);
    if (e == NULL || s->fatal_seen)
        return PASS_ON; /* the end of the session; or before anything was asked */
    switch (e->type) {
    case PG_E_REFUSED_QUERY:
        pass = replaced(s, e);
        FALLTHROUGH;
    case PG_E_QUERY:
    case PG_E_FUNCTION:
    case PG_E_SYNC:
        if (s->flow == FLOW_COPY_IN || s->flow == FLOW_COPY_BOTH)
            s->flow = FLOW_NORMAL;
        return pass; /* ReadyForQuery follows */
    case PG_E_REFUSED_PARSE:
        pass = replaced(s, e);
        break;
    default:
        break;
    }
    answered(s, e);
    forget_failed(s, e);
    pg_skip_to_sync(s);
    return pass;
}

/* --- Ready -------------------------------------------------------------------------------------------------- */

void pg_note_status(struct source_session *s, char status)
{
    s->tx = status;
    if (s->ring.head == s->ring.unsent) {
        s->tx_open = status != 'I';
        pg_wall_status(s, status);
    }
    if (status != 'I')
        return;
    s->queried = false;
    pg_names_drop_portals(&s->names, false);
    pg_note_idle(s);
}

static enum pass on_ready(struct source_session *s, struct str body)
{
    struct pg_entry *e = head_of(s);
    if (body.n != 1 || strchr("ITE", body.p[0]) == NULL)
        return PASS_DIVERGED;
    if (e == NULL && s->sync_credit > 0) {
        s->sync_credit--;
        if (s->flow == FLOW_SKIP)
            s->flow = FLOW_NORMAL;
        pg_note_status(s, body.p[0]);
        return PASS_ON;
    }
    if (e == NULL || (e->type != PG_E_SYNC && e->type != PG_E_QUERY && e->type != PG_E_FUNCTION &&
                      e->type != PG_E_REFUSED_QUERY))
        return PASS_DIVERGED;
    if (e->type == PG_E_QUERY)
        pg_names_drop_statement(&s->names, (struct str){NULL, 0});
    if (s->flow == FLOW_COPY_BOTH)
        s->flow = FLOW_NORMAL;
    answered(s, e);
    pg_ring_pop(&s->ring);
    s->sync_credit = 0;
    pg_note_status(s, body.p[0]);
    return s->ring.head == s->ring.unsent && pg_commit_ready(s, body.p[0]) ? PASS_SWALLOW : PASS_ON;
}

enum pass pg_on_parameter_status(struct source_session *s, struct str body)
{
    struct cursor c = cursor_of(body);
    struct str name = cursor_cstr(&c), value = cursor_cstr(&c);
    size_t n;
    if (!cursor_ended_well(&c))
        return PASS_DIVERGED;
    bool may_be_undone = s->phase == PHASE_READY;
    if (str_is(name, "standard_conforming_strings")) {
        s->strings_in_doubt = may_be_undone;
        s->standard_conforming_strings = str_is(value, "on")    ? SQL_ON
                                         : str_is(value, "off") ? SQL_OFF
                                                                : SQL_UNKNOWN;
    }
    if (str_is(name, "client_encoding")) {
        s->encoding_in_doubt = may_be_undone;
        keep_text(s->encoding_room, sizeof(s->encoding_room), &n, value);
        s->encoding = (struct str){s->encoding_room, n};
    }
    if (str_is(name, "application_name")) {
        keep_text(s->application_room, sizeof(s->application_room), &n, value);
        s->context.application = (struct str){s->application_room, n};
    }
    if (s->st->resource->wall_read_only && str_is(name, "default_transaction_read_only"))
        return pg_wall_reported(s, value);
    return PASS_ON;
}

/* --- The table ---------------------------------------------------------------------------------------------------- */

enum { GROUP_AUTH, GROUP_LOGIN, GROUP_STARTING, GROUP_SESSION, GROUP_COUNT };

static const struct rule rules[GROUP_COUNT][256] = {
    [GROUP_AUTH] = {['R'] = {pg_on_authentication, true},
                    ['E'] = {on_error, true},
                    ['N'] = {on_pass, false},
                    ['v'] = {on_pass, false}},
    [GROUP_LOGIN] = {['R'] = {pg_login_on_authentication, true},
                     ['E'] = {pg_login_on_error, true},
                     ['N'] = {pg_login_on_notice, false},
                     ['v'] = {pg_login_on_notice, false}},
    [GROUP_STARTING] = {['S'] = {pg_on_parameter_status, true},
                        ['K'] = {pg_on_key, true},
                        ['E'] = {on_error, true},
                        ['N'] = {on_pass, false},
                        ['Z'] = {pg_on_first_ready, true}},
    [GROUP_SESSION] = {['D'] = {on_rows, false},
                       ['T'] = {on_row_description, false},
                       ['C'] = {on_complete, true},
                       ['Z'] = {on_ready, true},
                       ['1'] = {on_parse_complete, false},
                       ['2'] = {on_bind_complete, false},
                       ['3'] = {on_close_complete, false},
                       ['t'] = {on_parameter_description, true},
                       ['n'] = {on_no_data, false},
                       ['I'] = {on_complete, true},
                       ['s'] = {on_suspended, false},
                       ['E'] = {on_error, true},
                       ['N'] = {on_pass, false},
                       ['A'] = {on_pass, false},
                       ['S'] = {pg_on_parameter_status, true},
                       ['G'] = {on_copy_in, false},
                       ['H'] = {on_rows, false},
                       ['W'] = {on_copy_both, false},
                       ['d'] = {on_rows, false},
                       ['c'] = {on_rows, false},
                       ['V'] = {on_function_result, false}},
};

static const struct rule *rule_of(struct source_session *s, char type)
{
    if (pg_is_asking(s))
        return pg_ask_rule(type);
    const struct pg_entry *e = head_of(s);
    if (e != NULL && e->type == PG_E_OWN)
        return pg_wall_rule(type);
    int group = s->phase == PHASE_AUTH       ? s->login != NULL ? GROUP_LOGIN : GROUP_AUTH
                : s->phase == PHASE_STARTING ? GROUP_STARTING
                                             : GROUP_SESSION;
    return &rules[group][(unsigned char)type];
}

/* --- The pump -------------------------------------------------------------------------------------------------------- */

bool pg_write_client(struct source_session *s, struct str bytes)
{
    enum err e = bytes.n != 0 ? stream_write(s->client, bytes) : ERR_OK;
    if (e == ERR_OK)
        return true;
    pg_session_close(s, STR("the client no longer takes data"));
    return false;
}

static bool flush_own(struct source_session *s)
{
    if (buf_len(&s->to_client) == 0)
        return true;
    /* What stands in place of the server's answer keeps its place among them. */
    bool ok = (s->in_server_pump && pg_commit_withholds(s, buf_view(&s->to_client))) ||
              pg_write_client(s, buf_view(&s->to_client));
    buf_clear(&s->to_client);
    return ok;
}

void pg_to_client(struct source_session *s, struct str bytes)
{
    if (buf_put_str(&s->to_client, bytes) != ERR_OK) {
        pg_session_close(s, STR("out of memory"));
        return;
    }
    if (!s->in_server_pump && s->server_skip == 0)
        (void)flush_own(s);
}

static bool diverged(struct source_session *s, char type)
{
    char text[128];
    (void)snprintf(text, sizeof(text),
                   "the database sent a message of type \"%c\" that answers nothing the gateway knows of",
                   type >= ' ' && type < 127 ? type : '?');
    log_error("session %.*s: %s", STR_FMT(s->context.id), text);
    pg_session_fatal(s, PG_PROTOCOL_VIOLATION, str_of(text), (struct str){NULL, 0},
                     STR("The session ends because its statements could no longer be judged."));
    return false;
}

struct flow {
    const char *p;
    size_t n, from, at;
};

static bool send_run(struct source_session *s, struct flow *f)
{
    struct str run = {f->p + f->from, f->at - f->from};
    f->from = f->at;
    return pg_commit_withholds(s, run) || pg_write_client(s, run);
}

static bool skip_body(struct source_session *s, struct flow *f)
{
    size_t left = f->n - f->at, n = left < s->server_skip ? left : s->server_skip;
    f->at += n;
    s->server_skip -= n;
    if (s->server_skip_drops)
        f->from = f->at;
    return true;
}

/* The message at f->at. *ret_more: it must be whole and is not. False: the session is gone. */
static bool take_message(struct source_session *s, struct flow *f, bool *ret_more)
{
    const char *head = f->p + f->at;
    size_t left = f->n - f->at;
    uint32_t length = pg_length(head);
    const struct rule *rule = rule_of(s, head[0]);
    size_t total = (size_t)length + 1;
    if (rule->fn == NULL || length < 4 || length > LIMIT_PG_MESSAGE)
        return diverged(s, head[0]);
    bool whole = rule->inspect && total <= LIMIT_PG_INSPECTED;
    if (whole && left < total) {
        *ret_more = true;
        return true;
    }
    struct str body = {whole ? head + PG_HEADER : NULL, whole ? total - PG_HEADER : 0};
    enum pass pass = rule->fn(s, body);
    if (pass == PASS_CLOSED || s->phase == PHASE_CLOSED)
        return false;
    if (pass == PASS_DIVERGED)
        return diverged(s, head[0]);
    s->server_skip = total;
    s->server_skip_drops = pass == PASS_SWALLOW;
    if (pass != PASS_SWALLOW)
        return skip_body(s, f);
    return send_run(s, f) && flush_own(s) && skip_body(s, f);
}

static bool server_pump(struct source_session *s, struct flow *f)
{
    bool more = false;
    while (f->at < f->n && !more) {
        if (s->server_skip != 0)
            (void)skip_body(s, f);
        else if (f->n - f->at < PG_HEADER)
            more = true;
        else if (!take_message(s, f, &more))
            return false;
    }
    return send_run(s, f);
}

/* What the answers have made possible. */
static void after_answers(struct source_session *s)
{
    pg_ask_deliver(s);
    pg_impact_resume(s);
    (void)head_of(s); /* the end of a COPY that failed before it came is not waited for */
    if (!pg_wall_restore(s))
        return;
    pg_commit_go(s);
    if (s->phase == PHASE_CLOSED)
        return;
    bool takes_data = s->flow == FLOW_COPY_IN; /* what waits is out of place: the server would not answer it */
    if (s->block == BLOCK_ANSWERS && (s->ring.head == s->ring.unsent || takes_data)) {
        s->block = BLOCK_NONE;
        pg_client_resume(s);
    } else if (s->block == BLOCK_NONE && buf_len(&s->in) != 0) {
        pg_client_resume(s);
    }
    if (s->draining && s->phase == PHASE_READY)
        pg_session_drain(s);
}

void pg_server_bytes(struct source_session *s, struct str bytes)
{
    bool direct = buf_len(&s->from_server) == 0;
    if (!direct && buf_put_str(&s->from_server, bytes) != ERR_OK) {
        pg_session_close(s, STR("out of memory"));
        return;
    }
    struct str v = direct ? bytes : buf_view(&s->from_server);
    struct flow f = {.p = v.p, .n = v.n};
    s->in_server_pump = true;
    bool alive = server_pump(s, &f);
    s->in_server_pump = false;
    if (!alive || s->phase == PHASE_CLOSED)
        return;
    enum err e = ERR_OK;
    if (direct)
        e = buf_put_str(&s->from_server, (struct str){f.p + f.at, f.n - f.at});
    else
        buf_consume(&s->from_server, f.at);
    if (e != ERR_OK) {
        pg_session_close(s, STR("out of memory"));
        return;
    }
    if (s->server_skip == 0 && !flush_own(s))
        return;
    after_answers(s);
}
