/*
 * Visitors of queries: SELECT, INSERT, UPDATE, DELETE, MERGE, and of the expressions in them.
 */
#include "base/limits.h"
#include "classify/walk.h"

/* --- WITH ------------------------------------------------------------------------------------ */

/* The scope inside a statement with this WITH, and visits to its queries, each in the scope it may see. */
static const struct scope *enter_with(struct walk *w, const WithClause *with, struct place place)
{
    if (with == NULL)
        return place.scope;
    int n = tree_list_len(with->ctes);
    struct scope *inner = arena_new(w->c->arena, struct scope);
    struct scope *each = with->recursive ? inner : arena_new_array(w->c->arena, (size_t)n, struct scope);
    if (inner == NULL || each == NULL) {
        w->c->err = ERR_NOMEM;
        return NULL;
    }
    *inner = (struct scope){with->ctes, n, place.scope};
    for (int i = n - 1; i >= 0; i--) {
        const CommonTableExpr *cte = tree_list_at(with->ctes, i);
        struct place at = place_in(place, 0, WALK_TOP | WALK_FILTERED | WALK_INSERTED | WALK_TARGET);
        at.scope = inner;
        if (!with->recursive) {
            each[i] = (struct scope){with->ctes, i, place.scope};
            at.scope = &each[i];
        }
        walk_push(w, cte->ctequery, at);
        walk_push(w, cte->search_clause, at);
        walk_push(w, cte->cycle_clause, at);
    }
    return inner;
}

static bool is_with_query(struct walk *w, const struct scope *s, const char *name)
{
    for (; s != NULL; s = s->outer)
        for (int i = 0; i < s->visible; i++) {
            if (++w->compared > LIMIT_SQL_NODES * 5) {
                w->c->err = ERR_LIMIT;
                return false;
            }
            if (strcmp(((const CommonTableExpr *)tree_list_at(s->ctes, i))->ctename, name) == 0)
                return true;
        }
    return false;
}

/* --- Relations ------------------------------------------------------------------------------- */

/* Names under which columns can be read without their own: `AS c (a, b)` gives them new ones. */
static void note_alias(struct walk *w, const Alias *alias)
{
    if (alias == NULL)
        return;
    w->c->f.whole_rows = w->c->f.whole_rows || alias->colnames != NULL;
    collect_name(w->c, SET_ALIASES, str_of(alias->aliasname));
}

static void visit_range_var(struct walk *w, const void *node, struct place place)
{
    const RangeVar *r = node;
    note_alias(w, r->alias);
    if ((place.context & WALK_TARGET) != 0) {
        walk_range_var(w, place, r, REL_WRITTEN);
        return;
    }
    if (r->schemaname == NULL && r->catalogname == NULL && is_with_query(w, place.scope, r->relname))
        return;
    walk_range_var(w, place, r, REL_READ);
}

/* Items of a FROM list that pair each of their rows with each other row. */
static int64_t unpaired_items(const List *from)
{
    int64_t n = 0;
    for (int i = 0; i < tree_list_len(from); i++) {
        const Node *item = tree_list_at(from, i);
        bool depends = (IsA(item, RangeSubselect) && ((const RangeSubselect *)item)->lateral) ||
                       (IsA(item, RangeFunction) && tree_mentions_column(item)) || IsA(item, RangeTableFunc);
        n += !depends;
    }
    return n > 1 ? n - 1 : 0;
}

static struct place visit_from(struct walk *w, const List *from, bool filtered, bool with_target, struct place place)
{
    if (!filtered && walk_runs(place))
        w->c->f.joins_without_condition +=
            with_target && tree_list_len(from) > 0 ? 1 + unpaired_items(from) : unpaired_items(from);
    return place_in(place, filtered ? WALK_FILTERED : 0, filtered ? 0 : WALK_FILTERED);
}

static bool is_lateral(const Node *n)
{
    return n != NULL && ((IsA(n, RangeSubselect) && ((const RangeSubselect *)n)->lateral) || IsA(n, RangeFunction) ||
                         IsA(n, RangeTableFunc));
}

static void visit_join(struct walk *w, const void *node, struct place place)
{
    const JoinExpr *j = node;
    bool cross = j->quals == NULL && j->usingClause == NULL && !j->isNatural;
    bool open = cross ? (place.context & WALK_FILTERED) == 0 && !is_lateral(j->rarg)
                      : j->quals != NULL && where_always(j->quals) && !is_lateral(j->rarg);
    if (open && walk_runs(place))
        w->c->f.joins_without_condition++;
    note_alias(w, j->alias);
    note_alias(w, j->join_using_alias);
    for (int i = 0; i < tree_list_len(j->usingClause); i++)
        collect_name(w->c, SET_COLUMNS, tree_string(tree_list_at(j->usingClause, i)));
    w->c->f.whole_rows = w->c->f.whole_rows || j->isNatural; /* which columns it compares is in the catalogue */
    walk_children(w, j, j->usingClause, NULL, place);
}

/* --- SELECT ---------------------------------------------------------------------------------- */

static bool reads_relations(struct walk *w, const List *from, const struct scope *scope)
{
    for (int i = 0; i < tree_list_len(from); i++) {
        const Node *item = tree_list_at(from, i);
        if (IsA(item, JoinExpr))
            return true;
        if (IsA(item, RangeVar) && !is_with_query(w, scope, ((const RangeVar *)item)->relname))
            return true;
    }
    return false;
}

static void note_limit(struct walk *w, const Node *count)
{
    const A_Const *c = count != NULL && IsA(count, A_Const) ? (const A_Const *)count : NULL;
    if (count == NULL || (c != NULL && c->isnull)) /* LIMIT ALL */
        return;
    int64_t n;
    w->c->f.has_limit = true;
    if (tree_const_int(count, &n))
        w->c->f.limit = n;
}

static void visit_select(struct walk *w, const void *node, struct place place)
{
    const SelectStmt *s = node;
    bool top = (place.context & WALK_TOP) != 0;
    if (s->valuesLists == NULL || (place.context & WALK_INSERTED) == 0)
        collect_static(w->c, SET_COMMANDS, s->intoClause != NULL ? "SELECT INTO" : "SELECT");
    if (top)
        walk_mark(w, place, SQL_READ, 0, 0);
    if (top && walk_runs(place))
        note_limit(w, s->limitCount);
    if (s->lockingClause != NULL) {
        walk_mark(w, place, 0, SQL_T_ROW_LOCK, 0);
        walk_lock(w, place, SQL_LOCK_ROW_SHARE);
    }
    if (s->intoClause != NULL && s->intoClause->rel != NULL) {
        bool temp = s->intoClause->rel->relpersistence == PERSISTENCE_TEMP;
        walk_mark(w, place, SQL_DDL, temp ? SQL_T_TEMP : 0, 0);
        walk_range_var(w, place, s->intoClause->rel, REL_CREATED);
    }

    place.context &= ~(uint32_t)(WALK_TARGET | WALK_INSERTED);
    struct place inner = place_in(place, 0, WALK_TOP | WALK_FILTERED);
    inner.scope = enter_with(w, s->withClause, place);
    bool filtered = s->whereClause != NULL && !where_always(s->whereClause);
    if (top && s->op == SETOP_NONE && !filtered && walk_runs(place) && reads_relations(w, s->fromClause, inner.scope))
        w->c->f.has_where = false;
    struct place arms = place_in(inner, top ? WALK_TOP : 0, 0);
    walk_push(w, s->rarg, arms);
    walk_push(w, s->larg, arms);
    walk_push(w, s->fromClause, visit_from(w, s->fromClause, filtered, false, inner));
    /* The rest: lists of expressions. FOR UPDATE OF names aliases, not relations. */
    const void *rest[] = {s->limitCount, s->limitOffset,  s->sortClause, s->valuesLists, s->windowClause,
                          s->havingClause, s->groupClause, s->whereClause, s->targetList, s->distinctClause};
    for (size_t i = 0; i < ARRAY_LEN(rest); i++)
        walk_push(w, rest[i], inner);
    if (s->intoClause != NULL)
        walk_children(w, s->intoClause, s->intoClause->rel, NULL, inner);
}

/* --- INSERT, UPDATE, DELETE, MERGE ------------------------------------------------------------ */

/* Returns whether the condition leaves out any row. */
static bool note_breadth(struct walk *w, struct place place, const Node *where, const RangeVar *target, bool alone)
{
    bool always = where_always(where);
    if (!walk_runs(place))
        return !always;
    w->c->f.has_where = w->c->f.has_where && !always;
    w->c->f.where_tautology = w->c->f.where_tautology || (always && where != NULL);
    w->c->f.has_narrow_where = w->c->f.has_narrow_where && !always && where_narrow(where, target, alone);
    if (where != NULL && IsA(where, CurrentOfExpr) && ((const CurrentOfExpr *)where)->cursor_name != NULL)
        collect_named(w->c, SQL_NAMED_FETCH, str_of(((const CurrentOfExpr *)where)->cursor_name), NULL);
    return !always;
}

struct written_column {
    char text[QUALIFIED_NAME * 2]; /* "table." and room for the column */
    size_t prefix;
};

static void written_table(struct written_column *x, const RangeVar *target)
{
    char room[QUALIFIED_NAME];
    struct str t = qualified_name(str_of(target->schemaname), str_of(target->relname), room);
    memcpy(x->text, t.p, t.n);
    x->text[t.n] = '.';
    x->prefix = t.n + 1;
}

static void note_column(struct walk *w, struct written_column *x, struct str column)
{
    char room[QUALIFIED_NAME];
    struct str c = qualified_name((struct str){NULL, 0}, column, room);
    size_t n = c.n < QUALIFIED_NAME ? c.n : QUALIFIED_NAME;
    memcpy(x->text + x->prefix, c.p, n);
    collect_name(w->c, SET_COLUMNS_WRITTEN, str_from(x->text, x->prefix + n));
}

/* The assigned columns; "table.*" where `all`. */
static void note_columns(struct walk *w, struct place place, const RangeVar *target, const List *targets, bool all)
{
    struct written_column x;
    if (!walk_runs(place) || (targets == NULL && !all))
        return;
    written_table(&x, target);
    if (all)
        note_column(w, &x, STR("*"));
    for (int i = 0; i < tree_list_len(targets); i++) {
        const ResTarget *t = tree_list_at(targets, i);
        if (t->name != NULL)
            note_column(w, &x, str_of(t->name));
    }
}

static struct place enter_change(struct walk *w, const RangeVar *target, enum relation_role role,
                                 const WithClause *with, struct place place, const char *command, uint32_t classes)
{
    collect_static(w->c, SET_COMMANDS, command);
    walk_mark(w, place, classes, 0, 0);
    walk_lock(w, place, SQL_LOCK_ROW_EXCLUSIVE);
    walk_range_var(w, place, target, role);
    note_alias(w, target->alias);
    struct place inner = place_in(place, 0, WALK_TOP | WALK_FILTERED | WALK_TARGET | WALK_INSERTED);
    inner.scope = enter_with(w, with, inner);
    return inner;
}

static void visit_insert(struct walk *w, const void *node, struct place place)
{
    const InsertStmt *s = node;
    struct place inner = enter_change(w, s->relation, REL_WRITTEN, s->withClause, place, "INSERT", SQL_WRITE);
    note_columns(w, place, s->relation, s->cols, s->cols == NULL);
    if (s->onConflictClause != NULL) {
        if (s->onConflictClause->action == ONCONFLICT_UPDATE)
            walk_mark(w, place, 0, SQL_T_UPSERT, 0);
        note_columns(w, place, s->relation, s->onConflictClause->targetList, false);
    }
    walk_push(w, s->returningList, inner);
    walk_push(w, s->onConflictClause, inner);
    walk_push(w, s->selectStmt, place_in(inner, WALK_INSERTED, 0));
    walk_push(w, s->cols, inner);
}

static void visit_update(struct walk *w, const void *node, struct place place)
{
    const UpdateStmt *s = node;
    struct place inner = enter_change(w, s->relation, REL_WRITTEN, s->withClause, place, "UPDATE", SQL_WRITE);
    bool filtered = note_breadth(w, place, s->whereClause, s->relation, s->fromClause == NULL);
    note_columns(w, place, s->relation, s->targetList, false);
    walk_push(w, s->returningList, inner);
    walk_push(w, s->whereClause, inner);
    walk_push(w, s->fromClause, visit_from(w, s->fromClause, filtered, true, inner));
    walk_push(w, s->targetList, inner);
}

static void visit_delete(struct walk *w, const void *node, struct place place)
{
    const DeleteStmt *s = node;
    struct place inner = enter_change(w, s->relation, REL_WRITTEN, s->withClause, place, "DELETE", SQL_DELETE);
    bool filtered = note_breadth(w, place, s->whereClause, s->relation, s->usingClause == NULL);
    walk_push(w, s->returningList, inner);
    walk_push(w, s->whereClause, inner);
    walk_push(w, s->usingClause, visit_from(w, s->usingClause, filtered, true, inner));
}

/* A MERGE that does nothing with any row reads its target; the lock is the same. */
static bool changes_anything(const MergeStmt *s)
{
    for (int i = 0; i < tree_list_len(s->mergeWhenClauses); i++)
        if (((const MergeWhenClause *)tree_list_at(s->mergeWhenClauses, i))->commandType != CMD_NOTHING)
            return true;
    return false;
}

static void visit_merge(struct walk *w, const void *node, struct place place)
{
    const MergeStmt *s = node;
    enum relation_role role = changes_anything(s) ? REL_WRITTEN : REL_READ;
    struct place inner = enter_change(w, s->relation, role, s->withClause, place, "MERGE", 0);
    bool changes_matched = false;
    for (int i = 0; i < tree_list_len(s->mergeWhenClauses); i++) {
        const MergeWhenClause *when = tree_list_at(s->mergeWhenClauses, i);
        if (when->commandType == CMD_DELETE)
            walk_mark(w, place, SQL_DELETE, 0, 0);
        if (when->commandType == CMD_INSERT || when->commandType == CMD_UPDATE)
            walk_mark(w, place, SQL_WRITE, 0, 0);
        changes_matched = changes_matched || when->commandType == CMD_DELETE || when->commandType == CMD_UPDATE;
        note_columns(w, place, s->relation, when->targetList, false);
    }
    if (changes_matched)
        (void)note_breadth(w, place, s->joinCondition, s->relation, false);
    walk_push(w, s->mergeWhenClauses, inner);
    walk_push(w, s->joinCondition, inner);
    walk_push(w, s->sourceRelation, place_in(inner, WALK_FILTERED, 0));
}

/* --- Expressions ----------------------------------------------------------------------------- */

static void visit_column(struct walk *w, const void *node, struct place place)
{
    (void)place;
    const List *fields = ((const ColumnRef *)node)->fields;
    int n = tree_list_len(fields);
    if (n == 0)
        return;
    const Node *last = tree_list_at(fields, n - 1);
    if (IsA(last, A_Star))
        collect_static(w->c, SET_COLUMNS, "*");
    else
        collect_name(w->c, SET_COLUMNS, tree_string(last));
}

static void note_unknown(struct walk *w, struct place place, enum collect_set set, struct str name, uint32_t reason)
{
    if (!walk_runs(place) && (place.context & WALK_PLANNED) == 0)
        return;
    /* The planner runs functions of constant arguments, so a plain EXPLAIN is no refuge. */
    w->c->f.dynamic |= reason;
    collect_name(w->c, set, name);
}

static void visit_function(struct walk *w, const void *node, struct place place)
{
    const FuncCall *f = node;
    struct str schema, name;
    dotted_name(f->funcname, &schema, &name);
    bool pg_catalog = str_is(schema, "pg_catalog");
    bool trusted = pg_catalog || (schema.n == 0 && w->settings->catalog_first);

    char room[QUALIFIED_NAME];
    struct str full = qualified_name(pg_catalog ? (struct str){NULL, 0} : schema, name, room);
    enum sql_function_kind kind = sql_function_kind(full);
    if (kind == SQL_FN_UNKNOWN && schema.n != 0 && !pg_catalog) { /* contrib, wherever it was installed */
        enum sql_function_kind plain = sql_function_kind(name);
        kind = plain >= SQL_FN_EXTENSION_FILE_READ ? plain : SQL_FN_UNKNOWN;
    }
    const struct sql_function_effect *effect = sql_function_effect(kind);

    collect_name(w->c, SET_FUNCTIONS, full);
    walk_mark(w, place, effect->classes, effect->traits, effect->dynamic & ~(uint32_t)SQL_D_FUNCTION);
    if (walk_runs(place) && kind > SQL_FN_HARMLESS)
        collect_name(w->c, SET_DANGEROUS_FUNCTIONS, full);
    if (kind == SQL_FN_SET_CONFIG)
        visit_set(w, f, place);
    if (sql_function_unvouched(kind) || !(trusted || str_is(schema, "information_schema")))
        note_unknown(w, place, SET_UNKNOWN_FUNCTIONS, full, SQL_D_FUNCTION);
    else if (schema.n == 0)
        w->c->f.has_unqualified_builtins = true;
    walk_children(w, f, f->funcname, NULL, place_in(place, 0, WALK_TOP | WALK_TARGET));
}

static void note_operator(struct walk *w, struct place place, const List *names)
{
    struct str schema, name;
    if (tree_list_len(names) == 1 && w->settings->catalog_first && IsA(tree_list_at(names, 0), String) &&
        strcmp(((const String *)tree_list_at(names, 0))->sval, "=") == 0) { /* nearly every one */
        w->c->f.has_unqualified_builtins = true;
        return;
    }
    dotted_name(names, &schema, &name);
    bool pg_catalog = str_is(schema, "pg_catalog");
    bool trusted = pg_catalog || (schema.n == 0 && w->settings->catalog_first);
    if (name.n == 0)
        return;
    if (!trusted || !sql_operator_is_builtin(name)) {
        char room[QUALIFIED_NAME];
        note_unknown(w, place, SET_UNKNOWN_OPERATORS,
                     qualified_name(pg_catalog ? (struct str){NULL, 0} : schema, name, room), SQL_D_OPERATOR);
    } else if (schema.n == 0) {
        w->c->f.has_unqualified_builtins = true;
    }
}

static void visit_expression(struct walk *w, const void *node, struct place place)
{
    const A_Expr *e = node;
    note_operator(w, place, e->name);
    walk_push(w, e->rexpr, place);
    walk_push(w, e->lexpr, place);
}

static void visit_sublink(struct walk *w, const void *node, struct place place)
{
    const SubLink *s = node;
    note_operator(w, place, s->operName);
    walk_push(w, s->subselect, place_in(place, 0, WALK_TOP));
    walk_push(w, s->testexpr, place);
}

static void visit_sort(struct walk *w, const void *node, struct place place)
{
    const SortBy *s = node;
    note_operator(w, place, s->useOp);
    walk_push(w, s->node, place);
}

/* Types matter where values are made of them: a domain's checks and a type's input function are code. */
static void visit_type(struct walk *w, const void *node, struct place place)
{
    const TypeName *t = node;
    struct str schema, name;
    dotted_name(t->names, &schema, &name);
    bool pg_catalog = str_is(schema, "pg_catalog");
    bool builtin = str_is(schema, "information_schema") ||
                   ((pg_catalog || schema.n == 0) && sql_type_is_builtin(name));
    if (!builtin && name.n != 0 && !t->pct_type) {
        char room[QUALIFIED_NAME];
        note_unknown(w, place, SET_UNKNOWN_TYPES,
                     qualified_name(pg_catalog ? (struct str){NULL, 0} : schema, name, room), SQL_D_TYPE);
    }
    walk_push(w, t->typmods, place);
}

/* (a).f may be a column of the row a, or the function f called with it. */
static void visit_indirection(struct walk *w, const void *node, struct place place)
{
    const A_Indirection *x = node;
    bool whole_row = x->arg != NULL && IsA(x->arg, ColumnRef) &&
                     tree_list_len(((const ColumnRef *)x->arg)->fields) == 1;
    for (int i = 0; i < tree_list_len(x->indirection); i++) {
        struct str field = tree_string(tree_list_at(x->indirection, i));
        if (field.n == 0)
            continue;
        collect_name(w->c, SET_COLUMNS, field);
        if (whole_row)
            note_unknown(w, place, SET_UNKNOWN_FUNCTIONS, field, SQL_D_FUNCTION);
    }
    walk_push(w, x->indirection, place);
    walk_push(w, x->arg, place);
}

static void visit_sample(struct walk *w, const void *node, struct place place)
{
    const RangeTableSample *s = node;
    struct str schema, name;
    dotted_name(s->method, &schema, &name);
    if ((schema.n != 0 && !str_is(schema, "pg_catalog")) || (!str_is(name, "system") && !str_is(name, "bernoulli")))
        note_unknown(w, place, SET_UNKNOWN_FUNCTIONS, name, SQL_D_FUNCTION);
    walk_children(w, s, s->method, NULL, place);
}

/* Names of columns, collations and windows are no relations or functions; what is below them may be. */
walk_visitor *const query_visitors[TREE_TAGS] = {
    [T_SelectStmt] = visit_select,     [T_InsertStmt] = visit_insert, [T_UpdateStmt] = visit_update,
    [T_DeleteStmt] = visit_delete,     [T_MergeStmt] = visit_merge,   [T_RangeVar] = visit_range_var,
    [T_JoinExpr] = visit_join,         [T_ColumnRef] = visit_column,  [T_FuncCall] = visit_function,
    [T_A_Expr] = visit_expression,     [T_SubLink] = visit_sublink,   [T_SortBy] = visit_sort,
    [T_TypeName] = visit_type,         [T_A_Indirection] = visit_indirection,
    [T_RangeTableSample] = visit_sample,
};
