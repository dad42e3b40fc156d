#include "source/pg/relations.h"

#include "base/limits.h"
#include "source/pg/wire.h"

/* --- The question ---------------------------------------------------------------------------- */

#define EQ " OPERATOR(pg_catalog.=) "
#define NE " OPERATOR(pg_catalog.<>) "
#define TEXT "::pg_catalog.text"
/* A size is not asked for where somebody's lock would make us wait. */
#define FREE                                                                                       \
    "NOT EXISTS (SELECT 1 FROM pg_catalog.pg_locks AS l WHERE l.relation" EQ "c.oid AND l.mode" EQ \
    "'AccessExclusiveLock'" TEXT " AND l.pid" NE "pg_catalog.pg_backend_pid())"
#define SPACE(alias, of) " JOIN pg_catalog.pg_namespace AS " alias " ON " alias ".oid" EQ of ".relnamespace"
#define CLASS(alias, oid) " JOIN pg_catalog.pg_class AS " alias " ON " alias ".oid" EQ oid
#define CHAR(c) "'" c "'::pg_catalog.\"char\""
#define LIMIT_ROWS " LIMIT 100"

/* Behind the common beginning, which names the relations by what their names mean in this session. */
static const struct {
    bool recursive;
    const char *rest;
} queries[PG_RELATIONS_PARTS] = {
    {false,
     " SELECT n.nspname" TEXT ", c.relname" TEXT ", c.relkind" TEXT ", c.reltuples::pg_catalog.int8" TEXT
     ", CASE WHEN " FREE " THEN pg_catalog.pg_total_relation_size(c.oid)" TEXT " END"
     " FROM touched AS t" CLASS("c", "t.oid") SPACE("n", "c") " ORDER BY 1, 2" LIMIT_ROWS},

    {false,
     " SELECT n.nspname" TEXT ", c.relname" TEXT ", g.tgname" TEXT ", g.tgtype" TEXT ", pn.nspname" TEXT
     ", p.proname" TEXT " FROM touched AS t JOIN pg_catalog.pg_trigger AS g ON g.tgrelid" EQ "t.oid"
     CLASS("c", "t.oid") SPACE("n", "c") " JOIN pg_catalog.pg_proc AS p ON p.oid" EQ "g.tgfoid"
     " JOIN pg_catalog.pg_namespace AS pn ON pn.oid" EQ "p.pronamespace"
     " WHERE NOT g.tgisinternal AND g.tgenabled" NE CHAR("D") " AND g.tgenabled" NE CHAR("R")
     " ORDER BY 1, 2, 3" LIMIT_ROWS},

    /* The keys of these relations (depth -1), those that point to them, and to what ON DELETE CASCADE reaches. */
    {true,
     ", reached (oid, depth) AS (SELECT t.oid, 0 FROM touched AS t UNION"
     " SELECT k.conrelid, r.depth OPERATOR(pg_catalog.+) 1 FROM reached AS r JOIN pg_catalog.pg_constraint AS k"
     " ON k.confrelid" EQ "r.oid AND k.contype" EQ CHAR("f") " AND k.confdeltype" EQ CHAR("c")
     " WHERE r.depth OPERATOR(pg_catalog.<) 4), keys (oid, depth) AS (SELECT k.oid, pg_catalog.min(r.depth)"
     " FROM reached AS r JOIN pg_catalog.pg_constraint AS k ON k.confrelid" EQ "r.oid AND k.contype" EQ CHAR("f")
     " GROUP BY 1 UNION ALL SELECT k.oid, -1 FROM touched AS t JOIN pg_catalog.pg_constraint AS k"
     " ON k.conrelid" EQ "t.oid AND k.contype" EQ CHAR("f") ")"
     " SELECT n.nspname" TEXT ", c.relname" TEXT ", k.conname" TEXT ", fn.nspname" TEXT ", f.relname" TEXT
     ", k.confdeltype" TEXT ", k.confupdtype" TEXT ", f.reltuples::pg_catalog.int8" TEXT ", y.depth" TEXT
     " FROM keys AS y JOIN pg_catalog.pg_constraint AS k ON k.oid" EQ "y.oid" CLASS("c", "k.confrelid")
     SPACE("n", "c") CLASS("f", "k.conrelid") SPACE("fn", "f") " ORDER BY y.depth, 1, 2, 3" LIMIT_ROWS},

    {false,
     " SELECT n.nspname" TEXT ", c.relname" TEXT ", l.pid" TEXT ", l.mode, l.granted" TEXT ", a.usename" TEXT
     ", a.application_name, a.state, pg_catalog.date_part('epoch'" TEXT ", pg_catalog.clock_timestamp()"
     " OPERATOR(pg_catalog.-) a.xact_start)::pg_catalog.int8" TEXT
     " FROM touched AS t JOIN pg_catalog.pg_locks AS l ON l.relation" EQ "t.oid AND l.locktype" EQ "'relation'" TEXT
     " AND l.pid" NE "pg_catalog.pg_backend_pid() AND l.database" EQ
     "(SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname" EQ "pg_catalog.current_database())"
     CLASS("c", "t.oid") SPACE("n", "c") " LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid" EQ "l.pid"
     " ORDER BY 3, 1, 2, 4" LIMIT_ROWS},
};

/* As the facts spell it: parts between dots, in double quotes where they hold a dot or a quote. False where it has
 * more than a schema and a name: another database's. */
static enum err put_spelled(struct buf *out, struct str s, bool *ret_ours)
{
    size_t parts = 0, i = 0;
    while (i < s.n) {
        size_t start = i;
        if (s.p[i] == '"') {
            for (i++; i < s.n && (s.p[i] != '"' || (i + 1 < s.n && s.p[i + 1] == '"')); i++)
                i += s.p[i] == '"';
            i += i < s.n;
            TRY(buf_put_str(out, parts != 0 ? STR(".") : STR("")));
            TRY(buf_put(out, s.p + start, i - start));
        } else {
            while (i < s.n && s.p[i] != '.')
                i++;
            TRY(buf_put_str(out, parts != 0 ? STR(".") : STR("")));
            TRY(pg_put_identifier(out, (struct str){s.p + start, i - start}));
        }
        parts++;
        i += i < s.n; /* the dot */
    }
    *ret_ours = parts == 1 || parts == 2;
    return ERR_OK;
}

struct listing {
    struct arena *arena;
    struct str *v;
    size_t n;
};

static enum err add(struct listing *l, struct str name)
{
    for (size_t i = 0; i < l->n; i++)
        if (str_eq(l->v[i], name))
            return ERR_OK;
    if (l->n == PG_RELATIONS_MOST)
        return ERR_OK;
    return arena_str(l->arena, name, &l->v[l->n++]);
}

static enum err add_named(struct listing *l, struct str schema, struct str name)
{
    struct buf b CLEANUP(buf_done) = {0};
    buf_init(&b, 4 * LIMIT_PG_PLAN_TEXT + 16);
    if (name.n == 0 || schema.n == 0)
        return ERR_OK;
    TRY(pg_put_identifier(&b, schema));
    TRY(buf_put_str(&b, STR(".")));
    TRY(pg_put_identifier(&b, name));
    return add(l, buf_view(&b));
}

static enum err add_spelled(struct listing *l, struct str name)
{
    struct buf b CLEANUP(buf_done) = {0};
    bool ours;
    buf_init(&b, 4 * LIMIT_PG_PLAN_TEXT + 16);
    enum err e = put_spelled(&b, name, &ours);
    if (e == ERR_LIMIT)
        return ERR_OK; /* longer than any name of PostgreSQL's */
    TRY(e);
    return ours ? add(l, buf_view(&b)) : ERR_OK;
}

static enum err list_names(struct listing *l, const struct pg_relations *r)
{
    for (size_t i = 0; i < r->facts->tables.n; i++)
        TRY(add_spelled(l, r->facts->tables.v[i]));
    for (size_t i = 0; i < r->n_plans; i++)
        for (size_t k = 0; k < r->plans[i].n_nodes; k++)
            TRY(add_named(l, r->plans[i].nodes[k].schema, r->plans[i].nodes[k].relation));
    return ERR_OK;
}

static enum err write_parts(struct arena *a, struct sql_names names,
                            struct pg_question_part parts[static PG_RELATIONS_PARTS])
{
    struct buf values CLEANUP(buf_done) = {0}, tail CLEANUP(buf_done) = {0};
    struct str bind;
    buf_init(&values, 64 * KIB);
    buf_init(&tail, MIB);
    for (size_t i = 0; i < names.n; i++)
        TRY(buf_printf(&values, "%s($%zu" TEXT ")", i != 0 ? ", " : "", i + 1));
    TRY(pg_ask_parameters(&tail, names.v, names.n));
    TRY(arena_str(a, buf_view(&tail), &bind));
    for (size_t i = 0; i < PG_RELATIONS_PARTS; i++) {
        parts[i] = (struct pg_question_part){.bind_tail = bind};
        TRY(arena_printf(a, &parts[i].sql,
                         "WITH %stouched (oid) AS (SELECT DISTINCT pg_catalog.to_regclass(v.name)::pg_catalog.oid"
                         " FROM (VALUES %.*s) AS v (name) WHERE pg_catalog.to_regclass(v.name) IS NOT NULL)%s",
                         queries[i].recursive ? "RECURSIVE " : "", STR_FMT(buf_view(&values)), queries[i].rest));
    }
    return ERR_OK;
}

enum err pg_relations_prepare(struct arena *a, const struct sql_facts *facts, const struct pg_plan *plans,
                              size_t n_plans, struct pg_relations *ret,
                              struct pg_question_part ret_parts[static PG_RELATIONS_PARTS])
{
    struct listing l = {.arena = a, .v = arena_new_array(a, PG_RELATIONS_MOST, struct str)};
    *ret = (struct pg_relations){.facts = facts, .plans = plans, .n_plans = n_plans};
    if (l.v == NULL)
        return ERR_NOMEM;
    TRY(list_names(&l, ret));
    ret->names = (struct sql_names){l.v, l.n};
    for (size_t i = 0; i < PG_RELATIONS_PARTS; i++) {
        buf_init(&ret->out[i], LIMIT_IMPACT / 6);
        json_init(&ret->json[i], &ret->out[i]);
        json_array_begin(&ret->json[i]);
    }
    return l.n != 0 ? write_parts(a, ret->names, ret_parts) : ERR_OK;
}

/* --- The answer ------------------------------------------------------------------------------ */

enum { INSERTS = 4, DELETES = 8, UPDATES = 16, TRUNCATES = 32 }; /* as in pg_trigger.tgtype */

static bool names_it(const struct sql_names *names, struct str schema, struct str name)
{
    for (size_t i = 0; i < names->n; i++) {
        struct str s = names->v[i];
        if (str_eq(s, name) || (s.n == schema.n + name.n + 1 && str_starts(s, schema) && str_ends(s, name)))
            return true;
    }
    return false;
}

static bool is_written(const struct pg_relations *r, struct str schema, struct str name)
{
    if (names_it(&r->facts->tables_written, schema, name))
        return true;
    for (size_t i = 0; i < r->n_plans; i++)
        for (size_t k = 0; k < r->plans[i].n_nodes; k++) {
            const struct pg_plan_node *n = &r->plans[i].nodes[k];
            if (n->operation.n != 0 && str_eq(n->schema, schema) && str_eq(n->relation, name))
                return true;
        }
    return false;
}

/* What the statement does to the rows of what it writes, in the bits of triggers. */
static unsigned events_of(const struct sql_facts *f)
{
    static const struct {
        const char *command;
        unsigned events;
    } list[] = {{"INSERT", INSERTS}, {"UPDATE", UPDATES},     {"DELETE", DELETES},
                {"COPY", INSERTS},   {"TRUNCATE TABLE", TRUNCATES}, {"MERGE", INSERTS | UPDATES | DELETES}};
    unsigned events = (f->traits & SQL_T_UPSERT) != 0 ? UPDATES : 0;
    for (size_t i = 0; i < f->commands.n; i++)
        for (size_t k = 0; k < ARRAY_LEN(list); k++)
            events |= str_is(f->commands.v[i], list[k].command) ? list[k].events : 0;
    return events;
}

static int64_t number(struct str s)
{
    int64_t v;
    return s.p != NULL && str_to_i64(s, &v) == ERR_OK ? v : -1;
}

static void put_name(struct json *j, const char *key, struct str schema, struct str name)
{
    struct buf b CLEANUP(buf_done) = {0};
    buf_init(&b, 64 * KIB);
    enum err e = buf_put_str(&b, schema);
    if (e == ERR_OK)
        e = buf_put_str(&b, STR("."));
    if (e == ERR_OK)
        e = buf_put_str(&b, name);
    if (e != ERR_OK && j->err == ERR_OK)
        j->err = e;
    json_put_str(j, key, buf_view(&b));
}

static void put_number_from(struct json *j, const char *key, struct str s)
{
    int64_t v = number(s);
    if (v >= 0)
        json_put_int(j, key, v);
}

static int64_t planned_rows(const struct pg_relations *r, struct str schema, struct str name)
{
    int64_t rows = -1;
    for (size_t i = 0; i < r->n_plans; i++)
        for (size_t k = 0; k < r->plans[i].n_nodes; k++) {
            const struct pg_plan_node *n = &r->plans[i].nodes[k];
            if (n->operation.n == 0 && str_eq(n->schema, schema) && str_eq(n->relation, name))
                rows = pg_plan_sum(rows < 0 ? 0 : rows, n->rows);
        }
    return rows;
}

static void on_table(struct pg_relations *r, struct json *j, const struct str *v)
{
    static const char *const kinds[] = {"rtable", "ppartitioned table", "vview", "mmaterialized view",
                                        "fforeign table", "Ssequence", "iindex", "Ipartitioned index"};
    int64_t rows = planned_rows(r, v[0], v[1]);
    json_object_begin(j);
    put_name(j, "name", v[0], v[1]);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (v[2].n == 1 && v[2].p[0] == kinds[i][0])
            json_put_z(j, "kind", kinds[i] + 1);
    json_put_bool(j, "written", is_written(r, v[0], v[1]));
    put_number_from(j, "rows", v[3]); /* -1: never analysed */
    put_number_from(j, "bytes", v[4]);
    if (rows >= 0)
        json_put_int(j, "expected_rows", rows);
    json_object_end(j);
}

static void on_trigger(struct pg_relations *r, struct json *j, const struct str *v)
{
    static const struct {
        unsigned bit;
        const char *name;
    } events[] = {{INSERTS, "INSERT"}, {UPDATES, "UPDATE"}, {DELETES, "DELETE"}, {TRUNCATES, "TRUNCATE"}};
    unsigned type = (unsigned)number(v[3]), fires = type & events_of(r->facts);
    if (fires == 0 || !is_written(r, v[0], v[1]))
        return;
    json_object_begin(j);
    json_put_str(j, "name", v[2]);
    put_name(j, "table", v[0], v[1]);
    json_put_z(j, "when", (type & 2) != 0 ? "BEFORE" : (type & 64) != 0 ? "INSTEAD OF" : "AFTER");
    json_key(j, "events");
    json_array_begin(j);
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        if ((fires & events[i].bit) != 0)
            json_str(j, str_of(events[i].name));
    json_array_end(j);
    json_put_z(j, "for_each", (type & 1) != 0 ? "row" : "statement");
    put_name(j, "function", v[4], v[5]);
    json_object_end(j);
}

static const char *action_of(struct str c)
{
    static const char *const actions[] = {"aNO ACTION", "rRESTRICT", "cCASCADE", "nSET NULL", "dSET DEFAULT"};
    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        if (c.n == 1 && c.p[0] == actions[i][0])
            return actions[i] + 1;
    return "not known";
}

/* Keys that are checked or act: those of a table that gets rows, those that point to one that loses or changes them. */
static void on_key(struct pg_relations *r, struct json *j, const struct str *v)
{
    unsigned events = events_of(r->facts);
    int64_t depth = number(v[8]);
    bool own = depth < 0;
    bool acts = own ? (events & (INSERTS | UPDATES)) != 0 && is_written(r, v[3], v[4])
                    : (events & (DELETES | UPDATES | TRUNCATES)) != 0 && (depth > 0 || is_written(r, v[0], v[1]));
    if (!acts || (depth > 0 && (events & DELETES) == 0))
        return;
    json_object_begin(j);
    json_put_str(j, "name", v[2]);
    put_name(j, "table", v[3], v[4]);
    put_name(j, "references", v[0], v[1]);
    if (!own && (events & DELETES) != 0)
        json_put_z(j, "on_delete", action_of(v[5]));
    if (!own && (events & UPDATES) != 0)
        json_put_z(j, "on_update", action_of(v[6]));
    if (!own)
        put_number_from(j, "rows", v[7]);
    json_object_end(j);
}

/* PostgreSQL manual, 13.3.1: which modes exclude each other; index and bit as in enum sql_lock. */
static bool excludes(enum sql_lock ours, struct str theirs)
{
    static const struct {
        const char *name;
        unsigned excludes; /* bit 1 << level */
    } modes[] = {
        [SQL_LOCK_NONE] = {"", 0},
        [SQL_LOCK_ACCESS_SHARE] = {"AccessShareLock", 0x100},
        [SQL_LOCK_ROW_SHARE] = {"RowShareLock", 0x180},
        [SQL_LOCK_ROW_EXCLUSIVE] = {"RowExclusiveLock", 0x1e0},
        [SQL_LOCK_SHARE_UPDATE_EXCLUSIVE] = {"ShareUpdateExclusiveLock", 0x1f0},
        [SQL_LOCK_SHARE] = {"ShareLock", 0x1d8},
        [SQL_LOCK_SHARE_ROW_EXCLUSIVE] = {"ShareRowExclusiveLock", 0x1f8},
        [SQL_LOCK_EXCLUSIVE] = {"ExclusiveLock", 0x1fc},
        [SQL_LOCK_ACCESS_EXCLUSIVE] = {"AccessExclusiveLock", 0x1fe},
    };
    for (size_t i = 0; i < ARRAY_LEN(modes); i++)
        if (str_is(theirs, modes[i].name))
            return (modes[ours].excludes >> i & 1) != 0;
    return true; /* a mode we do not know: said rather than left out */
}

static enum sql_lock lock_on(const struct pg_relations *r, struct str schema, struct str name)
{
    if (is_written(r, schema, name))
        return r->facts->lock_level;
    return (r->facts->traits & SQL_T_ROW_LOCK) != 0 ? SQL_LOCK_ROW_SHARE : SQL_LOCK_ACCESS_SHARE;
}

static void on_lock(struct pg_relations *r, struct json *j, const struct str *v)
{
    if (!excludes(lock_on(r, v[0], v[1]), v[3]))
        return;
    json_object_begin(j);
    put_name(j, "table", v[0], v[1]);
    json_put_str(j, "mode", v[3]);
    json_put_bool(j, "granted", str_is(v[4], "true"));
    put_number_from(j, "pid", v[2]);
    if (v[5].p != NULL)
        json_put_str(j, "user", v[5]);
    if (v[6].n != 0)
        json_put_str(j, "application", v[6]);
    if (v[7].p != NULL)
        json_put_str(j, "state", v[7]);
    put_number_from(j, "transaction_seconds", v[8]);
    json_object_end(j);
}

static const struct {
    const char *member;
    size_t columns;
    void (*on_row)(struct pg_relations *r, struct json *j, const struct str *v);
} answers[PG_RELATIONS_PARTS] = {
    {"tables", 5, on_table}, {"triggers", 6, on_trigger}, {"foreign_keys", 9, on_key}, {"locks", 9, on_lock}};

void pg_relations_row(struct pg_relations *r, size_t part, const struct str *values, size_t n)
{
    if (part >= PG_RELATIONS_PARTS || n != answers[part].columns)
        return;
    answers[part].on_row(r, &r->json[part], values);
}

/* A part that is too long is said to be so. */
void pg_relations_put(struct pg_relations *r, struct json *j)
{
    for (size_t i = 0; i < PG_RELATIONS_PARTS; i++) {
        json_array_end(&r->json[i]);
        bool whole = json_end(&r->json[i]) == ERR_OK;
        json_key(j, answers[i].member);
        if (whole)
            json_raw(j, buf_view(&r->out[i]));
        else
            json_nil(j);
    }
}

void pg_relations_done(struct pg_relations *r)
{
    for (size_t i = 0; i < PG_RELATIONS_PARTS; i++)
        buf_done(&r->out[i]);
}
