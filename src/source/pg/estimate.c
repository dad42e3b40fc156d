#include "source/pg/estimate.h"
#include "base/limits.h"

#include <stdlib.h>

enum progress { ASKING = 1, SETTLED };

struct pg_estimate {
    struct source_session *s; /* NULL: it is no longer wanted; it goes with its answer */
    enum progress progress;
    bool isolation_known;
    bool keeps_snapshot; /* REPEATABLE READ or SERIALIZABLE */
    struct arena arena;
    struct pg_explain question;
    struct pg_explained answer;
    struct lazy_facts facts;
    /* About what: a later action never gets an earlier one's answer. */
    struct sql_cached *text;
    struct pg_portal *portal;
};

void pg_estimate_free(struct pg_estimate *e)
{
    if (e == NULL)
        return;
    sql_cached_unref(e->text);
    pg_portal_unref(e->portal);
    arena_done(&e->arena);
    free(e);
}

void pg_estimate_drop(struct source_session *s)
{
    struct pg_estimate *e = s->estimate;
    s->estimate = NULL;
    if (e == NULL)
        return;
    e->s = NULL;
    if (e->progress == SETTLED)
        pg_estimate_free(e);
}

static bool is_about_judged(const struct pg_estimate *e, const struct source_session *s)
{
    return e->portal == s->judged.portal && str_eq(sql_cached_text(e->text), sql_cached_text(s->judged.text));
}

const struct lazy_facts *pg_estimate_known(const struct source_session *s)
{
    const struct pg_estimate *e = s->estimate;
    return e != NULL && e->progress == SETTLED && is_about_judged(e, s) ? &e->facts : NULL;
}

struct pg_estimate *pg_estimate_take(struct source_session *s)
{
    struct pg_estimate *e = s->estimate;
    if (pg_estimate_known(s) == NULL)
        return NULL;
    s->estimate = NULL;
    return e;
}

const struct lazy_facts *pg_estimate_facts(const struct pg_estimate *e)
{
    return &e->facts;
}

const struct pg_explained *pg_estimate_plans(const struct pg_estimate *e)
{
    return &e->answer;
}

/* --- The answer ------------------------------------------------------------------------------ */

enum { BOTH = LAZY_BIT(LAZY_ESTIMATED_ROWS) | LAZY_BIT(LAZY_ESTIMATED_COST) };

static void settle_unknown(struct pg_estimate *e, struct str why)
{
    e->progress = SETTLED;
    e->facts = (struct lazy_facts){.failed = BOTH};
    if (arena_printf(&e->arena, &e->facts.why_failed, "no estimate: %.*s", STR_FMT(why)) != ERR_OK)
        e->facts.why_failed = STR("no estimate");
}

static void settle(struct pg_estimate *e)
{
    int64_t rows, cost;
    if (!pg_explain_total(&e->question, &e->answer, &rows, &cost)) {
        settle_unknown(e, STR("the database's answer is no plan"));
        return;
    }
    e->progress = SETTLED;
    e->facts = (struct lazy_facts){.known = BOTH};
    e->facts.value[LAZY_ESTIMATED_ROWS] = rows;
    e->facts.value[LAZY_ESTIMATED_COST] = cost;
}

static void on_row(void *ctx, size_t part, const struct str *values, size_t n)
{
    struct pg_estimate *e = ctx;
    if (e->isolation_known)
        pg_explain_row(&e->answer, &e->arena, part, values, n);
    else
        e->keeps_snapshot = n != 1 || !str_is(values[0], "read committed");
}

static bool ask_plans(struct pg_estimate *e);

static void on_done(void *ctx, enum pg_ask_result result, struct str why)
{
    struct pg_estimate *e = ctx;
    struct source_session *s = e->s;
    bool ended = result == PG_ASK_ENDED || result == PG_ASK_CANCELLED;
    if (s == NULL || ended) {
        if (s != NULL)
            s->estimate = NULL;
        pg_estimate_free(e);
        return;
    }
    if (result != PG_ASK_ANSWERED) {
        settle_unknown(e, why);
    } else if (e->isolation_known) {
        settle(e);
    } else if (e->keeps_snapshot) {
        settle_unknown(e, STR("asking would fix what this transaction sees, before its first statement"));
    } else {
        e->isolation_known = true;
        if (ask_plans(e))
            return;
    }
    pg_question_over(s);
}

/* --- The question ---------------------------------------------------------------------------- */

static const struct pg_asker asker = {.row = on_row, .done = on_done};

static bool ask(struct pg_estimate *e, const struct pg_question_part *parts, size_t n)
{
    const struct pg_question q = {.wrap = PG_ASK_LOOK, .parts = parts, .n_parts = n, .asker = &asker, .ctx = e,
                                  .timeout_ms = LIMIT_PG_PREVIEW_MS};
    return pg_ask(e->s, &q) == ERR_OK;
}

/* False: settled as unknown, or the session ended. */
static bool ask_plans(struct pg_estimate *e)
{
    if (ask(e, e->question.parts, e->question.n_parts))
        return true;
    settle_unknown(e, STR("the question could not be sent"));
    return false;
}

static enum err estimate_new(struct source_session *s, struct pg_estimate **ret)
{
    struct pg_estimate *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return ERR_NOMEM;
    *e = (struct pg_estimate){.s = s, .progress = ASKING, .text = sql_cached_ref(s->judged.text)};
    e->portal = s->judged.portal != NULL ? pg_portal_ref(s->judged.portal) : NULL;
    arena_init(&e->arena, LIMIT_ACTION_ARENA);
    e->isolation_known = s->tx != 'T' || s->queried;
    enum err bad = pg_explain_prepare(s, &e->arena, &e->question);
    if (bad != ERR_OK) {
        pg_estimate_free(e);
        return bad;
    }
    *ret = e;
    return ERR_OK;
}

/* True: an answer will come. */
static bool begin(struct source_session *s, struct pg_estimate *e)
{
    static const struct pg_question_part isolation = {.sql = STR_INIT("SHOW transaction_isolation")};
    bool asked = e->isolation_known ? ask(e, e->question.parts, e->question.n_parts) : ask(e, &isolation, 1);
    if (!asked)
        settle_unknown(e, STR("the question could not be sent"));
    else
        s->estimate = e;
    return asked;
}

static enum pg_estimate_answer settled(struct source_session *s, struct pg_estimate *e,
                                       const struct lazy_facts **ret_facts)
{
    s->estimate = e;
    *ret_facts = &e->facts;
    return PG_ESTIMATE_SETTLED;
}

enum pg_estimate_answer pg_estimate_ask(struct source_session *s, size_t message_len,
                                        const struct lazy_facts **ret_facts)
{
    static const struct lazy_facts no_memory = {.failed = BOTH, .why_failed = STR_INIT("no estimate: no memory")};
    struct pg_estimate *e;
    bool wait;
    const struct lazy_facts *known = pg_estimate_known(s);
    if (known != NULL) {
        *ret_facts = known;
        return PG_ESTIMATE_SETTLED;
    }
    pg_estimate_drop(s);
    if (estimate_new(s, &e) != ERR_OK) {
        *ret_facts = &no_memory;
        return PG_ESTIMATE_SETTLED;
    }
    if (e->question.why_not.n != 0) {
        settle_unknown(e, e->question.why_not);
        return settled(s, e, ret_facts);
    }
    if (e->question.n_parts == PG_EXPLAIN_PROLOGUE) {
        settle(e); /* no statement touches a row */
        return settled(s, e, ret_facts);
    }
    if (!pg_may_ask(s, PG_ASK_LOOK, &wait)) {
        if (wait) {
            pg_estimate_free(e);
            return PG_ESTIMATE_LATER;
        }
        settle_unknown(e, STR("the session is in the middle of a pipeline or a failed transaction"));
        return settled(s, e, ret_facts);
    }
    if (!begin(s, e))
        return settled(s, e, ret_facts);
    pg_wait_for_question(s, message_len);
    return PG_ESTIMATE_WAITING;
}
