#include "source/pg/session.h"
#include "base/clock.h"
#include "base/limits.h"
#include "source/pg/ask.h"
#include "source/pg/impact.h"
#include "source/pg/params.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

void pg_judged_done(struct pg_judged *j)
{
    sql_cached_unref(j->text);
    pg_portal_unref(j->portal);
    free((void *)(uintptr_t)j->call.p);
    *j = (struct pg_judged){0};
}

/* --- Asking ---------------------------------------------------------------------------------- */

static const struct sql_facts *known_statement(void *ctx, struct str name)
{
    bool wait;
    struct pg_statement *p = pg_find_statement(ctx, name, &wait);
    return p != NULL ? sql_cached_facts(p->text) : NULL;
}

static const struct sql_facts *known_cursor(void *ctx, struct str name)
{
    bool wait;
    struct pg_portal *p = pg_find_portal(ctx, name, &wait);
    return p != NULL && p->text != NULL ? sql_cached_facts(p->text) : NULL;
}

void pg_assume_worst(struct sql_facts *f)
{
    f->classes |= SQL_WRITE | SQL_DELETE;
    f->reads = f->writes = f->may_write = true;
    f->has_where = f->has_narrow_where = false;
}

static bool names_are_plain(const struct sql_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        if (!pg_name_is_plain(names->v[i]))
            return false;
    return true;
}

/* EXECUTE and FETCH carry the facts of what they run. */
enum err pg_resolve_names(struct source_session *s)
{
    struct pg_judged *j = &s->judged;
    const struct sql_facts *f = sql_cached_facts(j->text);
    struct sql_names_known known = {known_statement, known_cursor, s};
    struct sql_facts resolved;
    struct sql_cached *text;
    if (f->execute_names.n == 0 && f->fetch_names.n == 0)
        return ERR_OK;
    arena_reset(&s->st->scratch);
    TRY(sql_facts_resolve(&s->st->scratch, f, &known, &resolved));
    if ((resolved.dynamic & SQL_D_NAMED) != 0 && (f->execute_names.n != 0 || !names_are_plain(&f->fetch_names)))
        pg_assume_worst(&resolved);
    TRY(sql_cached_new(sql_cached_text(j->text), &resolved, &text));
    sql_cached_unref(j->text);
    j->text = text;
    return ERR_OK;
}

static const char *const refusal_states[] = {
    [REFUSAL_DENIED] = PG_DENIED,           [REFUSAL_REJECTED] = PG_REJECTED,
    [REFUSAL_EXPIRED] = PG_EXPIRED,         [REFUSAL_WITHDRAWN] = PG_QUERY_CANCELED,
    [REFUSAL_UNAVAILABLE] = PG_UNAVAILABLE, [REFUSAL_PENDING] = PG_PENDING,
    [REFUSAL_LIMIT] = PG_TOO_MANY,         [REFUSAL_LACKING] = PG_LACKING,
};

enum err pg_put_refusal(struct buf *out, const struct refusal *r)
{
    bool known = r->kind > 0 && (size_t)r->kind < ARRAY_LEN(refusal_states);
    struct pg_report report = {"ERROR", known ? refusal_states[r->kind] : PG_UNAVAILABLE, r->message,
                               r->detail, r->hint};
    return pg_put_report(out, &report);
}

static enum pg_ruling broken(struct source_session *s, enum err e)
{
    pg_session_fatal(s, PG_PROGRAM_LIMIT, STR("the gateway could not judge this statement"),
                     str_of(err_text(e)), STR("Nothing of it was run."));
    return RULING_BROKEN;
}

void pg_set_action(struct source_session *s)
{
    s->context.in_transaction = s->tx_open;
    s->context.role = buf_view(&s->role.now);
    pg_put_stated(s, sql_cached_facts(s->judged.text));
    s->action = (struct action){.kind = ACTION_SQL,
                                .operation = str_of(s->judged.operation),
                                .text = sql_cached_text(s->judged.text),
                                .sql = sql_cached_facts(s->judged.text),
                                .subject = &s->subject,
                                .resource = s->st->resource,
                                .context = &s->context,
                                .time_wall_ns = clock_wall_ns(),
                                .can_commit_later = pg_commit_possible(s)};
}

bool pg_walled(struct source_session *s, const char *why, struct buf *report)
{
    struct pg_report r = {"ERROR", PG_DENIED, str_of(why), STR("This resource has a read-only wall; nothing was run."),
                          STR("Reads run read-only by themselves, and what may write is let through the wall by itself.")};
    pg_set_action(s);
    s->st->gate->walled(s->st->gate->gate, s, &s->action, why);
    enum err e = pg_put_report(report, &r);
    return e == ERR_OK || broken(s, e) != RULING_BROKEN;
}

enum pg_ruling pg_judge(struct source_session *s, size_t message_len, uint64_t *ret_run,
                        struct buf *report)
{
    const struct gate_port *gate = s->st->gate;
    struct submission sub = {.hold = NULL};
    pg_set_action(s);
    s->action.lazy = pg_estimate_known(s);
    enum verdict v = gate->submit(gate->gate, s, &s->action, &sub);
    if (UNLIKELY(sub.needs_facts != 0)) {
        enum pg_estimate_answer answer = pg_estimate_ask(s, message_len, &s->action.lazy);
        if (answer != PG_ESTIMATE_SETTLED)
            return answer == PG_ESTIMATE_WAITING ? RULING_ASKS : RULING_LATER;
        v = gate->submit(gate->gate, s, &s->action, &sub);
    }
    s->action.lazy = NULL;
    if (v == VERDICT_ALLOW) {
        pg_estimate_drop(s);
        *ret_run = sub.run;
        return RULING_ALLOW;
    }
    if (v == VERDICT_HOLD && sub.hold == NULL && sub.commit != NULL && s->action.can_commit_later) {
        s->commit.offered = sub.commit;
        return RULING_COMMIT;
    }
    if (v == VERDICT_HOLD && sub.hold != NULL) {
        s->hold = sub.hold;
        s->held_len = message_len;
        s->block = BLOCK_HELD;
        pg_impact_begin(s);
        pg_estimate_drop(s);
        return RULING_HELD;
    }
    pg_estimate_drop(s);
    if (v != VERDICT_DENY)
        sub.refusal = (struct refusal){.kind = REFUSAL_UNAVAILABLE,
                                       .message = STR("the gateway has no verdict for this statement")};
    enum err e = pg_put_refusal(report, &sub.refusal);
    return e == ERR_OK ? RULING_REFUSED : broken(s, e);
}

/* --- Showing --------------------------------------------------------------------------------- */

static const char *transaction_text(const struct source_session *s)
{
    if (s->tx == 'E')
        return "failed";
    return s->tx_open ? "open" : "none";
}

void pg_put_session(struct json *j, const struct source_session *s)
{
    static const char *const known[] = {[SQL_UNKNOWN] = "unknown", [SQL_ON] = "on", [SQL_OFF] = "off"};
    json_key(j, "session");
    json_object_begin(j);
    json_key(j, "database");
    json_bytes(j, s->first.database);
    json_key(j, "login");
    json_bytes(j, s->first.user);
    if (s->login != NULL) {
        json_key(j, "account");
        json_bytes(j, pg_login_account(s));
    }
    if (buf_len(&s->role.now) != 0)
        json_put_str(j, "role", buf_view(&s->role.now));
    if (buf_len(&s->search_path.now) != 0)
        json_put_str(j, "search_path", buf_view(&s->search_path.now));
    json_put_z(j, "transaction", transaction_text(s));
    struct sql_settings reading = pg_reading(s);
    json_put_str(j, "client_encoding", reading.client_encoding);
    json_put_z(j, "standard_conforming_strings", known[reading.standard_conforming_strings]);
    json_object_end(j);
}

static void put_parameters(struct json *j, const struct pg_portal *p)
{
    struct pg_bind b;
    if (p == NULL || p->body.n == 0 || pg_read_bind(p->body, &b) != ERR_OK)
        return;
    json_key(j, "parameters");
    pg_params_put(j, &b, p->statement != NULL ? p->statement->types : NULL,
                  p->statement != NULL ? p->statement->n_types : 0);
}

/* What the names in the text stand for: EXECUTE p says nothing without it. */
static void put_named(struct json *j, const struct source_session *s, const struct sql_facts *f)
{
    bool wait;
    if (f->execute_names.n == 0 && f->fetch_names.n == 0)
        return;
    json_key(j, "runs");
    json_array_begin(j);
    for (size_t i = 0; i < f->execute_names.n + f->fetch_names.n; i++) {
        bool executes = i < f->execute_names.n;
        struct str name = executes ? f->execute_names.v[i] : f->fetch_names.v[i - f->execute_names.n];
        struct pg_statement *st = executes ? pg_find_statement(s, name, &wait) : NULL;
        struct pg_portal *po = executes ? NULL : pg_find_portal(s, name, &wait);
        struct sql_cached *t = st != NULL ? st->text : po != NULL ? po->text : NULL;
        json_object_begin(j);
        json_key(j, executes ? "statement" : "cursor");
        json_bytes(j, name);
        json_key(j, "text");
        if (t != NULL)
            json_bytes(j, sql_cached_text(t));
        else
            json_nil(j);
        put_parameters(j, po);
        json_object_end(j);
    }
    json_array_end(j);
}

static void put_call(struct json *j, struct str body)
{
    uint32_t oid;
    if (body.n == 0 || pg_read_function_call(body, &oid) != ERR_OK)
        return;
    struct buf hex CLEANUP(buf_done) = {0};
    buf_init(&hex, body.n * 2 + 1);
    enum err e = hex_put(&hex, body);
    if (e != ERR_OK && j->err == ERR_OK)
        j->err = e;
    json_put_int(j, "function_oid", oid);
    json_put_str(j, "message_hex", buf_view(&hex));
}

void pg_put_statement(struct json *j, const struct source_session *s)
{
    json_key(j, "text");
    json_bytes(j, sql_cached_text(s->judged.text));
    put_parameters(j, s->judged.portal);
    put_call(j, s->judged.call);
    put_named(j, s, sql_cached_facts(s->judged.text));
}

enum err pg_describe(struct source_session *s, const struct action *a, struct buf *out)
{
    struct json j;
    if (s->commit.stage == COMMIT_HELD)
        return pg_commit_describe(s, out);
    json_init(&j, out);
    json_object_begin(&j);
    json_put_str(&j, "message", a->operation);
    pg_put_statement(&j, s);
    pg_put_session(&j, s);
    json_object_end(&j);
    return json_end(&j);
}

static struct str notice_text(const struct hold_notice *n, char *out, size_t size)
{
    char left[CLOCK_TEXT];
    struct str t = duration_text((n->remaining_ns + NS_PER_S - 1) / NS_PER_S * NS_PER_S, left);
    int len = n->first ? snprintf(out, size, "held for approval as request %llu: %.*s",
                                  (unsigned long long)n->request, STR_FMT(n->message))
                       : snprintf(out, size, "request %llu still waits for approval (%.*s left)",
                                  (unsigned long long)n->request, STR_FMT(t));
    size_t used = len < 0 ? 0 : (size_t)len;
    return (struct str){out, used < size ? used : size - 1};
}

void pg_notice(struct source_session *s, struct hold *h, const struct hold_notice *n)
{
    char message[1024], detail[512], left[CLOCK_TEXT];
    struct buf out CLEANUP(buf_done) = {0};
    if (s->hold != h || s->phase != PHASE_READY)
        return;
    struct pg_report r = {.severity = "NOTICE", .sqlstate = "00000"};
    r.message = notice_text(n, message, sizeof(message));
    if (n->first) {
        struct str t = duration_text((n->remaining_ns + NS_PER_S - 1) / NS_PER_S * NS_PER_S, left);
        int len = snprintf(detail, sizeof(detail), "It needs %.*s, within %.*s.",
                           STR_FMT(n->approvers), STR_FMT(t));
        r.detail = (struct str){detail, len < (int)sizeof(detail) ? (size_t)len : sizeof(detail) - 1};
        r.hint = s->commit.stage == COMMIT_HELD
                     ? STR("It has run and waits before its COMMIT, with its locks. Cancel (Ctrl-C) rolls it back.")
                     : STR("It runs here as soon as it is approved. Cancel (Ctrl-C) withdraws it.");
    }
    buf_init(&out, 8 * KIB);
    if (pg_put_report(&out, &r) == ERR_OK)
        pg_to_client(s, buf_view(&out));
}

/* --- Releasing and refusing ------------------------------------------------------------------ */

static void held_over(struct source_session *s)
{
    s->hold = NULL;
    s->block = BLOCK_NONE;
    pg_impact_end(s);
    if (s->identify_later)
        s->st->gate->identify(s->st->gate->gate, &s->subject);
    s->identify_later = false;
}

/* It leaves when the message that asked for it is looked at again, and so is all else that leaves with it. */
static void release_bind(struct source_session *s, uint64_t run)
{
    pg_bind_judged(s, s->judged.portal, run);
    s->judged.portal->judged = true; /* what was approved is its run */
    pg_judged_done(&s->judged);
    pg_client_resume(s);
}

void pg_release(struct source_session *s, struct hold *h, uint64_t run)
{
    if (s->hold != h)
        return;
    pg_session_check(s);
    held_over(s);
    if (s->commit.stage == COMMIT_HELD && pg_commit_release(s, run))
        return;
    if (s->held_len == 0)
        release_bind(s, run);
    else
        pg_send_waiting(s, run);
}

void pg_send_waiting(struct source_session *s, uint64_t run)
{
    size_t len = s->scanned + s->held_len;
    bool extended = strcmp(s->judged.operation, "execute") == 0;
    const struct sql_facts *f = sql_cached_facts(s->judged.text);
    s->judged.approved = true;
    if (pg_wall_before(s, f, !extended) != ERR_OK || pg_push_judged(s, run) != ERR_OK ||
        pg_wall_after(s, f, !extended) != ERR_OK) {
        pg_session_close(s, STR("out of memory"));
        return;
    }
    pg_judged_done(&s->judged);
    struct str all = buf_view(&s->in);
    pg_ring_mark_sent(&s->ring);
    pg_segment_ended(s);
    s->segment_open = extended;
    s->scanned = 0;
    s->held_len = 0;
    if (!pg_to_server_walled(s, (struct str){all.p, len}))
        return;
    buf_consume(&s->in, len);
    pg_client_resume(s);
}

static enum err push_refused(struct source_session *s, bool extended, struct str report)
{
    struct pg_entry *e;
    char *copy = malloc(report.n);
    if (copy == NULL)
        return ERR_NOMEM;
    memcpy(copy, report.p, report.n);
    enum err bad = pg_ring_push(&s->ring, extended ? PG_E_REFUSED_PARSE : PG_E_REFUSED_QUERY, &e);
    if (bad != ERR_OK) {
        free(copy);
        return bad;
    }
    e->storage = copy;
    e->storage_n = report.n;
    return ERR_OK;
}

static enum err answer_locally(struct source_session *s, struct str report)
{
    struct buf out CLEANUP(buf_done) = {0};
    buf_init(&out, report.n + 64);
    TRY(buf_put_str(&out, report));
    TRY(pg_put_ready(&out, 'I'));
    pg_to_client(s, buf_view(&out));
    return ERR_OK;
}

/* A message that fails for certain takes the refused one's place, so that the server's transaction
 * fails where the client's does, and the answers stay in order. */
static enum err fail_upstream(struct source_session *s, bool extended, struct str report)
{
    struct buf out CLEANUP(buf_done) = {0};
    buf_init(&out, 256);
    TRY(push_refused(s, extended, report));
    TRY(extended ? pg_put_parse(&out, STR("countersign_refused"), STR("refused by countersign"))
                 : pg_put_query(&out, STR("refused by countersign")));
    pg_ring_mark_sent(&s->ring);
    if (!pg_to_server(s, buf_view(&out)))
        return ERR_OK;
    s->segment_open = extended;
    if (extended)
        s->flow = FLOW_SKIP;
    return ERR_OK;
}

void pg_answer_refused(struct source_session *s, bool extended, struct str report)
{
    bool nothing_open = s->tx == 'I' && pg_ring_count(&s->ring) == 0 && !s->segment_open;
    enum err e = !extended && nothing_open ? answer_locally(s, report)
                                           : fail_upstream(s, extended, report);
    if (e != ERR_OK)
        pg_session_close(s, str_of(err_text(e)));
}

/* The held message and what was deferred before it are gone from `in`. True: it was an Execute. */
static bool drop_held(struct source_session *s)
{
    size_t len = s->scanned + s->held_len;
    bool extended = s->held_len == 0 || buf_view(&s->in).p[s->scanned] == 'E';
    pg_session_check(s);
    held_over(s);
    pg_judged_done(&s->judged);
    pg_drop_unsent(s);
    s->scanned = 0;
    s->held_len = 0;
    if (len != 0)
        buf_consume(&s->in, len);
    return extended;
}

void pg_held_refuse(struct source_session *s, struct str report)
{
    if (s->commit.stage == COMMIT_HELD) {
        held_over(s);
        pg_commit_refuse(s, report);
        return;
    }
    bool extended = drop_held(s);
    pg_answer_refused(s, extended, report);
    if (s->phase == PHASE_READY)
        pg_client_resume(s);
}

void pg_refuse(struct source_session *s, struct hold *h, const struct refusal *r)
{
    struct buf report CLEANUP(buf_done) = {0};
    if (s->hold != h)
        return;
    buf_init(&report, 64 * KIB);
    struct refusal said = *r;
    if (s->commit.stage == COMMIT_HELD) {
        said.hint = STR("It ran in a transaction, which was rolled back: nothing of it remains.");
        if (r->kind == REFUSAL_UNAVAILABLE)
            said.message = STR("no decision could be had about the COMMIT");
    }
    enum err e = pg_put_refusal(&report, &said);
    if (e == ERR_OK) {
        pg_held_refuse(s, buf_view(&report));
        return;
    }
    held_over(s);
    pg_session_close(s, str_of(err_text(e)));
}

void pg_held_withdraw(struct source_session *s, struct str reason, bool gone)
{
    struct hold *h = s->hold;
    held_over(s);
    if (h != NULL)
        s->st->gate->withdraw(s->st->gate->gate, h, reason, gone);
}

void pg_waiting_cancel(struct source_session *s)
{
    struct buf report CLEANUP(buf_done) = {0};
    struct pg_report r = {"ERROR", PG_QUERY_CANCELED, STR("canceling statement due to user request"),
                          s->commit.stage == COMMIT_HELD ? STR("The request for approval was withdrawn; what had run is rolled back.")
                          : s->hold != NULL ? STR("The request for approval was withdrawn; nothing was run.")
                                          : STR("It had not been judged yet; nothing was run."),
                          (struct str){NULL, 0}};
    buf_init(&report, 4 * KIB);
    pg_ask_cancel(s);
    if (s->hold != NULL)
        s->st->gate->withdraw(s->st->gate->gate, s->hold, STR("cancelled by the requester"), false);
    if (pg_put_report(&report, &r) == ERR_OK) {
        pg_held_refuse(s, buf_view(&report));
    } else {
        held_over(s);
        pg_session_close(s, STR("out of memory"));
    }
}
