#include "source/pg/impact.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "classify/layout.h"
#include "classify/shape.h"
#include "source/pg/relations.h"

#include <stdlib.h>

enum step { ASK_LATER = 1, ASK_ISOLATION, ASK_PLANS, ASK_RELATIONS };

struct pg_impact {
    struct source_session *s; /* NULL: the hold is over; it goes with its answer */
    enum step step;
    struct arena arena;
    struct sql_cached *text;  /* of the held action */
    struct pg_estimate *estimate; /* that the verdict needed; its plans are in `answer`. Or NULL */
    struct pg_explain question;
    struct pg_explained answer;
    bool planned, related;    /* that part is there */
    bool brief;               /* what can be long is left out: it was too long to be told */
    bool keeps_snapshot;
    struct pg_relations relations;
    struct pg_question_part parts[PG_RELATIONS_PARTS];
    struct str no_estimate, no_relations; /* why they are missing */
};

static void impact_free(struct pg_impact *m)
{
    sql_cached_unref(m->text);
    pg_relations_done(&m->relations);
    pg_estimate_free(m->estimate);
    arena_done(&m->arena);
    free(m);
}

void pg_impact_end(struct source_session *s)
{
    struct pg_impact *m = s->impact;
    s->impact = NULL;
    if (m == NULL)
        return;
    m->s = NULL;
    if (m->step == ASK_LATER)
        impact_free(m);
}

/* --- In words ---------------------------------------------------------------------------------- */

static void put_layout(struct json *j, struct str text, const struct sql_settings *reading)
{
    struct buf b CLEANUP(buf_done) = {0};
    buf_init(&b, LIMIT_IMPACT / 4);
    if (sql_layout(&b, text, reading) == ERR_OK && !str_eq(buf_view(&b), str_trim(text)))
        json_put_str(j, "layout", buf_view(&b));
}

static void put_text_of(struct json *j, const char *key, struct str s)
{
    if (s.n != 0)
        json_put_str(j, key, s);
}

static void put_node(struct json *j, const struct pg_plan_node *n, size_t statement)
{
    json_object_begin(j);
    if (statement != 0)
        json_put_int(j, "statement", (int64_t)statement);
    json_put_int(j, "depth", n->depth);
    json_put_str(j, "node", n->type);
    put_text_of(j, "operation", n->operation);
    put_text_of(j, "schema", n->schema);
    put_text_of(j, "relation", n->relation);
    put_text_of(j, "index", n->index);
    put_text_of(j, "condition", n->condition);
    json_put_int(j, "rows", n->rows);
    json_put_int(j, "cost", n->cost);
    json_object_end(j);
}

static void put_plans(struct json *j, const struct pg_explained *x)
{
    bool more = false;
    json_key(j, "plan");
    json_array_begin(j);
    for (size_t i = 0; i < x->n; i++) {
        for (size_t k = 0; k < x->plans[i].n_nodes; k++)
            put_node(j, &x->plans[i].nodes[k], x->n > 1 ? i + 1 : 0);
        more |= x->plans[i].more;
    }
    json_array_end(j);
    if (more)
        json_put_bool(j, "plan_is_longer", true);
}

static void put_estimate(struct json *j, const struct pg_impact *m)
{
    int64_t rows, cost;
    if (!m->planned || !pg_explain_total(&m->question, &m->answer, &rows, &cost))
        return;
    json_key(j, "estimate");
    json_object_begin(j);
    json_put_bool(j, "changes", sql_cached_facts(m->text)->tables_written.n != 0);
    json_put_int(j, "rows", rows);
    json_put_int(j, "cost", cost);
    json_object_end(j);
    if (!m->brief)
        put_plans(j, &m->answer);
}

/* Who waits while a lock of that level is held (PostgreSQL manual, 13.3.1). */
static const char *who_waits(enum sql_lock l)
{
    static const char *const words[] = {
        [SQL_LOCK_ACCESS_SHARE] = "DROP, TRUNCATE, most of ALTER TABLE, VACUUM FULL",
        [SQL_LOCK_ROW_SHARE] = "DROP, TRUNCATE, most of ALTER TABLE, VACUUM FULL",
        [SQL_LOCK_ROW_EXCLUSIVE] = "CREATE INDEX, ALTER TABLE, DROP, TRUNCATE, and who changes the same rows",
        [SQL_LOCK_SHARE_UPDATE_EXCLUSIVE] = "VACUUM, CREATE INDEX, ALTER TABLE, DROP, TRUNCATE",
        [SQL_LOCK_SHARE] = "everybody who changes rows",
        [SQL_LOCK_SHARE_ROW_EXCLUSIVE] = "everybody who changes rows",
        [SQL_LOCK_EXCLUSIVE] = "everybody but plain reads",
        [SQL_LOCK_ACCESS_EXCLUSIVE] = "everybody, plain reads too",
    };
    return l > SQL_LOCK_NONE && (size_t)l < ARRAY_LEN(words) ? words[l] : NULL;
}

static void put_lock(struct json *j, const struct sql_facts *f)
{
    if (who_waits(f->lock_level) == NULL)
        return;
    json_key(j, "lock");
    json_object_begin(j);
    json_put_z(j, "mode", sql_lock_name(f->lock_level));
    json_put_z(j, "who_waits", who_waits(f->lock_level));
    json_object_end(j);
}

static void put_missing(struct json *j, const struct pg_impact *m)
{
    if (m->no_estimate.n == 0 && m->no_relations.n == 0)
        return;
    json_key(j, "not_available");
    json_object_begin(j);
    put_text_of(j, "estimate", m->no_estimate);
    put_text_of(j, "relations", m->no_relations);
    json_object_end(j);
}

static enum err write_impact(struct pg_impact *m, const struct sql_shape *shape, struct buf *out)
{
    struct json j;
    char time[CLOCK_TEXT];
    struct sql_settings reading = pg_reading(m->s);
    json_init(&j, out);
    json_object_begin(&j);
    json_put_str(&j, "taken", clock_text(clock_wall_ns(), time));
    if (!m->brief) {
        put_layout(&j, sql_cached_text(m->text), &reading);
        put_text_of(&j, "shape", shape->text);
    }
    put_estimate(&j, m);
    put_lock(&j, sql_cached_facts(m->text));
    if (m->related && !m->brief)
        pg_relations_put(&m->relations, &j);
    put_missing(&j, m);
    json_object_end(&j);
    return json_end(&j);
}

/* What has no shape is like itself alone. */
static void shape_of(struct pg_impact *m, struct sql_shape *ret)
{
    static const struct digest none;
    struct sql_settings reading = pg_reading(m->s);
    struct str text = sql_cached_text(m->text);
    *ret = (struct sql_shape){.text = {NULL, 0}};
    if (sql_shape_of(&m->arena, text, &reading, sql_cached_facts(m->text), ret) != ERR_OK ||
        digest_eq(&ret->digest, &none))
        ret->digest = digest_of(text);
}

static void tell(struct pg_impact *m)
{
    struct source_session *s = m->s;
    struct sql_shape shape;
    struct buf out CLEANUP(buf_done) = {0};
    buf_init(&out, LIMIT_IMPACT);
    shape_of(m, &shape);
    enum err e = write_impact(m, &shape, &out);
    if (e != ERR_OK) {
        buf_clear(&out);
        m->brief = true;
        m->no_relations = STR("too long to be told");
        e = write_impact(m, &shape, &out);
    }
    if (e == ERR_OK)
        s->st->gate->impact(s->st->gate->gate, s->hold, &shape.digest, buf_view(&out));
    else
        log_debug("session %.*s: what a statement would do could not be written", STR_FMT(s->context.id));
    s->impact = NULL;
    impact_free(m);
}

/* --- The steps --------------------------------------------------------------------------------- */

static void because(struct pg_impact *m, struct str *where, struct str why)
{
    if (arena_str(&m->arena, why, where) != ERR_OK)
        *where = STR("no memory");
}

static void on_row(void *ctx, size_t part, const struct str *values, size_t n);
static void on_done(void *ctx, enum pg_ask_result result, struct str why);
static const struct pg_asker asker = {.row = on_row, .done = on_done};

static bool ask(struct pg_impact *m, enum step step, const struct pg_question_part *parts, size_t n)
{
    const struct pg_question q = {.wrap = PG_ASK_LOOK, .parts = parts, .n_parts = n, .asker = &asker, .ctx = m,
                                  .timeout_ms = LIMIT_PG_PREVIEW_MS};
    m->step = step;
    return pg_ask(m->s, &q) == ERR_OK;
}

/* The last step, whatever became of those before. */
static void ask_relations(struct pg_impact *m)
{
    const struct pg_plan *plans = m->planned ? m->answer.plans : NULL;
    enum err e = pg_relations_prepare(&m->arena, sql_cached_facts(m->text), plans, m->planned ? m->answer.n : 0,
                                      &m->relations, m->parts);
    m->related = e == ERR_OK && m->relations.names.n == 0;
    if (e != ERR_OK)
        m->no_relations = STR("the names of its tables are too many or too long");
    else if (m->relations.names.n != 0 && ask(m, ASK_RELATIONS, m->parts, PG_RELATIONS_PARTS))
        return;
    else if (m->relations.names.n != 0)
        m->no_relations = STR("the question could not be sent");
    tell(m);
}

static void ask_plans(struct pg_impact *m)
{
    if (!m->planned && m->no_estimate.n == 0 && m->question.n_parts == PG_EXPLAIN_PROLOGUE)
        m->planned = true; /* no statement touches a row */
    if (m->planned || m->no_estimate.n != 0) {
        ask_relations(m);
        return;
    }
    if (ask(m, ASK_PLANS, m->question.parts, m->question.n_parts))
        return;
    m->no_estimate = STR("the question could not be sent");
    tell(m);
}

static void nothing_can_be_asked(struct pg_impact *m, struct str why)
{
    if (!m->planned && m->no_estimate.n == 0)
        because(m, &m->no_estimate, why);
    because(m, &m->no_relations, why);
    tell(m);
}

static void begin(struct pg_impact *m)
{
    static const struct pg_question_part isolation = {.sql = STR_INIT("SHOW transaction_isolation")};
    struct source_session *s = m->s;
    bool wait;
    m->step = ASK_LATER;
    if (s->st->resource->no_preview)
        nothing_can_be_asked(m, STR("the resource says `preview: none`"));
    else if (!pg_may_ask(s, PG_ASK_LOOK, &wait) && !wait)
        nothing_can_be_asked(m, STR("the session is in the middle of a pipeline or a failed transaction"));
    else if (wait)
        return; /* pg_impact_resume */
    else if (s->tx != 'T' || s->queried)
        ask_plans(m);
    else if (!ask(m, ASK_ISOLATION, &isolation, 1))
        nothing_can_be_asked(m, STR("the question could not be sent"));
}

static void on_row(void *ctx, size_t part, const struct str *values, size_t n)
{
    struct pg_impact *m = ctx;
    if (m->step == ASK_ISOLATION)
        m->keeps_snapshot = n != 1 || !str_is(values[0], "read committed");
    else if (m->step == ASK_PLANS)
        pg_explain_row(&m->answer, &m->arena, part, values, n);
    else
        pg_relations_row(&m->relations, part, values, n);
}

static void on_plans(struct pg_impact *m, enum pg_ask_result result, struct str why)
{
    int64_t rows, cost;
    m->planned = result == PG_ASK_ANSWERED && pg_explain_total(&m->question, &m->answer, &rows, &cost);
    if (!m->planned)
        because(m, &m->no_estimate, result == PG_ASK_ANSWERED ? STR("the database's answer is no plan") : why);
    if (result == PG_ASK_TIMED_OUT)
        nothing_can_be_asked(m, why);
    else
        ask_relations(m);
}

static void on_done(void *ctx, enum pg_ask_result result, struct str why)
{
    struct pg_impact *m = ctx;
    if (m->s == NULL || result == PG_ASK_ENDED || result == PG_ASK_CANCELLED) {
        if (m->s != NULL)
            m->s->impact = NULL;
        impact_free(m);
    } else if (m->step == ASK_PLANS) {
        on_plans(m, result, why);
    } else if (m->step == ASK_RELATIONS) {
        m->related = result == PG_ASK_ANSWERED;
        if (!m->related)
            because(m, &m->no_relations, why);
        tell(m);
    } else if (result != PG_ASK_ANSWERED) {
        nothing_can_be_asked(m, why);
    } else if (m->keeps_snapshot) {
        nothing_can_be_asked(m, STR("asking would fix what this transaction sees, before its first statement"));
    } else {
        ask_plans(m);
    }
}

/* What the verdict needed is there already. */
static void take_estimate(struct pg_impact *m)
{
    m->estimate = pg_estimate_take(m->s);
    if (m->estimate == NULL)
        return;
    const struct lazy_facts *facts = pg_estimate_facts(m->estimate);
    m->planned = facts->known != 0;
    if (m->planned)
        m->answer = *pg_estimate_plans(m->estimate);
    else
        m->no_estimate = facts->why_failed;
}

void pg_impact_begin(struct source_session *s)
{
    struct pg_impact *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return;
    *m = (struct pg_impact){.s = s, .text = sql_cached_ref(s->judged.text)};
    arena_init(&m->arena, LIMIT_ACTION_ARENA);
    s->impact = m;
    if (pg_explain_prepare(s, &m->arena, &m->question) != ERR_OK)
        m->question.why_not = STR("no memory");
    take_estimate(m);
    if (!m->planned && m->no_estimate.n == 0)
        m->no_estimate = m->question.why_not;
    begin(m);
}

void pg_impact_resume(struct source_session *s)
{
    if (s->impact != NULL && s->impact->step == ASK_LATER)
        begin(s->impact);
}
