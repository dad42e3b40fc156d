#include "source/pg/explain.h"

#include "base/limits.h"

#define EXPLAIN "EXPLAIN (VERBOSE, FORMAT JSON) "

/* --- What can be asked ----------------------------------------------------------------------- */

enum kind { PLANNED = 1, TOUCHES_NOTHING, CHANGES_MEANING, OTHER };

/* By the command's tag. What is not here touches who knows how many rows, and EXPLAIN does not take it. */
static enum kind kind_of(const struct sql_facts *f)
{
    static const struct {
        const char *command;
        enum kind kind;
    } kinds[] = {
        {"SELECT", PLANNED},              {"INSERT", PLANNED},
        {"UPDATE", PLANNED},              {"DELETE", PLANNED},
        {"MERGE", PLANNED},               {"CREATE TABLE AS", PLANNED},
        {"SELECT INTO", PLANNED},         {"DECLARE CURSOR", PLANNED},
        {"", TOUCHES_NOTHING},            {"SHOW", TOUCHES_NOTHING},
        {"EXPLAIN", TOUCHES_NOTHING},     {"LOCK TABLE", TOUCHES_NOTHING},
        {"LISTEN", TOUCHES_NOTHING},      {"UNLISTEN", TOUCHES_NOTHING},
        {"NOTIFY", TOUCHES_NOTHING},      {"DEALLOCATE", TOUCHES_NOTHING},
        {"SAVEPOINT", TOUCHES_NOTHING},   {"RELEASE", TOUCHES_NOTHING},
        {"BEGIN", TOUCHES_NOTHING},       {"START TRANSACTION", TOUCHES_NOTHING},
        {"SET", CHANGES_MEANING},         {"RESET", CHANGES_MEANING},
        {"COMMIT", CHANGES_MEANING},      {"ROLLBACK", CHANGES_MEANING},
    };
    if ((f->traits & SQL_T_EXECUTES) != 0 || (f->classes & SQL_PARSE_ERROR) != 0)
        return OTHER;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_is(f->command, kinds[i].command))
            return kinds[i].kind;
    return OTHER;
}

static const char *why_not(const struct source_session *s, const struct sql_facts *f)
{
    size_t n = f->n_parts != 0 ? f->n_parts : 1;
    if (s->st->resource->no_preview)
        return "the resource says `preview: none`";
    if ((f->classes & SQL_PARSE_ERROR) != 0)
        return "the statement is not understood";
    if (f->execute_names.n != 0 || f->fetch_names.n != 0)
        return "what runs under a name is not planned anew";
    if (f->dynamic != 0 || f->dangerous_functions.n != 0)
        return "planning it could run functions that are not known to be harmless";
    if (s->judged.call.n != 0)
        return "the database plans no function calls";
    if (n > PG_EXPLAIN_STATEMENTS)
        return "the message has too many statements";
    /* After a statement that changes settings the next may mean something else than it does now. */
    bool changed = false;
    for (size_t i = 0; i < n; i++) {
        enum kind k = kind_of(f->n_parts != 0 ? &f->parts[i] : f);
        if (k == OTHER)
            return "the database gives no plan of this kind of statement";
        if (k == PLANNED && changed)
            return "a statement of the message changes what the next one means";
        changed = changed || k == CHANGES_MEANING;
    }
    return NULL;
}

/* --- The question ---------------------------------------------------------------------------- */

/* Where the gateway and the server would read the text we send as one that does more than read, it is not sent. */
static bool only_reads(const struct source_session *s, struct arena *a, struct str text)
{
    struct sql_facts f;
    struct sql_settings reading = pg_reading(s);
    return classify_sql(a, text, &reading, &f) == ERR_OK && f.statements == 1 && f.dynamic == 0 &&
           f.classes == SQL_READ && !f.may_write && (f.traits & SQL_T_EXECUTES) == 0 &&
           str_is(f.command, "EXPLAIN");
}

/* The client's parameters as they are, in the formats it chose; the answer as text. */
static enum err put_parameters(struct arena *a, const struct pg_portal *p, struct pg_question_part *ret)
{
    struct pg_bind b;
    struct buf tail CLEANUP(buf_done) = {0}, types CLEANUP(buf_done) = {0};
    if (p == NULL || p->statement == NULL || pg_read_bind(p->body, &b) != ERR_OK)
        return ERR_OK;
    buf_init(&tail, p->body.n + 64);
    buf_init(&types, 4 * (size_t)UINT16_MAX + 64);
    TRY(buf_put_u16(&tail, b.n_formats));
    TRY(buf_put_str(&tail, b.formats));
    TRY(buf_put_u16(&tail, b.n_params));
    TRY(buf_put_str(&tail, b.params));
    TRY(buf_put_u16(&tail, 0));
    for (uint16_t i = 0; i < p->statement->n_types; i++)
        TRY(buf_put_u32(&types, p->statement->types[i]));
    TRY(arena_str(a, buf_view(&tail), &ret->bind_tail));
    return arena_str(a, buf_view(&types), &ret->types);
}

static enum err put_statement(const struct source_session *s, struct arena *a, struct str text,
                              struct pg_explain *e)
{
    struct pg_question_part *p = &e->parts[e->n_parts++];
    struct buf sql CLEANUP(buf_done) = {0};
    buf_init(&sql, LIMIT_PG_JUDGED_MESSAGE);
    TRY(buf_put_str(&sql, STR(EXPLAIN)));
    TRY(buf_put_str(&sql, text));
    TRY(arena_str(a, buf_view(&sql), &p->sql));
    if (!only_reads(s, a, p->sql))
        e->why_not = STR("the question would do more than read");
    return put_parameters(a, s->judged.portal, p);
}

static struct str part_of(struct str text, const struct sql_facts *part)
{
    bool inside = part->offset <= text.n && part->length <= text.n - part->offset;
    return inside ? str_trim((struct str){text.p + part->offset, part->length}) : (struct str){NULL, 0};
}

enum err pg_explain_prepare(const struct source_session *s, struct arena *a, struct pg_explain *ret)
{
    const struct sql_facts *f = sql_cached_facts(s->judged.text);
    struct str text = sql_cached_text(s->judged.text);
    struct pg_explain e = {.why_not = str_of(why_not(s, f))};
    /* In the client's own transaction too, until it is undone. */
    e.parts[e.n_parts++].sql = STR("SET LOCAL transaction_read_only = on");
    if (e.why_not.n == 0 && f->n_parts == 0 && kind_of(f) == PLANNED)
        TRY(put_statement(s, a, text, &e));
    for (size_t i = 0; e.why_not.n == 0 && i < f->n_parts; i++)
        if (kind_of(&f->parts[i]) == PLANNED)
            TRY(put_statement(s, a, part_of(text, &f->parts[i]), &e));
    *ret = e;
    return ERR_OK;
}

/* --- The answer ------------------------------------------------------------------------------ */

void pg_explain_row(struct pg_explained *x, struct arena *a, size_t part, const struct str *values, size_t n)
{
    if (part < PG_EXPLAIN_PROLOGUE || x->malformed)
        return;
    bool in_order = part - PG_EXPLAIN_PROLOGUE == x->n && x->n < PG_EXPLAIN_STATEMENTS;
    if (in_order && n == 1 && values[0].p != NULL && pg_plan_read(a, values[0], &x->plans[x->n]) == ERR_OK)
        x->n++;
    else
        x->malformed = true;
}

bool pg_explain_total(const struct pg_explain *e, const struct pg_explained *x, int64_t *ret_rows, int64_t *ret_cost)
{
    int64_t rows = 0, cost = 0;
    if (x->malformed || PG_EXPLAIN_PROLOGUE + x->n != e->n_parts)
        return false;
    for (size_t i = 0; i < x->n; i++) {
        rows = pg_plan_sum(rows, x->plans[i].rows);
        cost = pg_plan_sum(cost, x->plans[i].cost);
    }
    *ret_rows = rows;
    *ret_cost = cost;
    return true;
}
