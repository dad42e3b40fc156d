/*
 * Visitors of everything that is not a query: a table of commands, and visitors for those that need more than a row.
 */
#include "classify/create.h"

struct command {
    const char *tag;
    uint32_t classes, traits;
    enum sql_lock lock;
    bool stored; /* what is below it is kept, not run */
};

#define CODE SQL_T_CREATES_CODE

/* Commands whose effect does not depend on their details. A relation below them is what they change. */
static const struct command plain[TREE_TAGS] = {
    [T_CreateSchemaStmt] = {"CREATE SCHEMA", SQL_DDL, 0, 0, false},
    [T_AlterCollationStmt] = {"ALTER COLLATION", SQL_DDL, 0, 0, true},
    [T_CommentStmt] = {"COMMENT", SQL_DDL, 0, 0, true},
    [T_SecLabelStmt] = {"SECURITY LABEL", SQL_PRIVILEGE, 0, 0, true},
    [T_CreateTableSpaceStmt] = {"CREATE TABLESPACE", SQL_DDL | SQL_ADMIN | SQL_FILE, SQL_T_FILE_WRITE, 0, true},
    [T_DropTableSpaceStmt] = {"DROP TABLESPACE", SQL_DDL | SQL_DESTRUCTIVE_DDL | SQL_ADMIN, SQL_T_FILE_WRITE, 0, true},
    [T_AlterTableSpaceOptionsStmt] = {"ALTER TABLESPACE", SQL_DDL | SQL_ADMIN, 0, 0, true},
    [T_AlterTableMoveAllStmt] = {"ALTER TABLE", SQL_DDL | SQL_ADMIN, SQL_T_REWRITE, SQL_LOCK_ACCESS_EXCLUSIVE, true},
    [T_CreateExtensionStmt] = {"CREATE EXTENSION", SQL_DDL, CODE | SQL_T_NATIVE_CODE, 0, true},
    [T_AlterExtensionStmt] = {"ALTER EXTENSION", SQL_DDL, CODE | SQL_T_NATIVE_CODE, 0, true},
    [T_AlterExtensionContentsStmt] = {"ALTER EXTENSION", SQL_DDL, 0, 0, true},
    [T_CreateFdwStmt] = {"CREATE FOREIGN DATA WRAPPER", SQL_DDL, CODE | SQL_T_NATIVE_CODE | SQL_T_NETWORK, 0, true},
    [T_AlterFdwStmt] = {"ALTER FOREIGN DATA WRAPPER", SQL_DDL, CODE | SQL_T_NATIVE_CODE | SQL_T_NETWORK, 0, true},
    [T_CreateForeignServerStmt] = {"CREATE SERVER", SQL_DDL, SQL_T_NETWORK, 0, true},
    [T_AlterForeignServerStmt] = {"ALTER SERVER", SQL_DDL, SQL_T_NETWORK, 0, true},
    [T_CreateUserMappingStmt] = {"CREATE USER MAPPING", SQL_DDL | SQL_PRIVILEGE, SQL_T_NETWORK | SQL_T_CREDENTIALS, 0,
                                 true},
    [T_AlterUserMappingStmt] = {"ALTER USER MAPPING", SQL_DDL | SQL_PRIVILEGE, SQL_T_NETWORK | SQL_T_CREDENTIALS, 0,
                                true},
    [T_DropUserMappingStmt] = {"DROP USER MAPPING", SQL_DDL | SQL_PRIVILEGE | SQL_DESTRUCTIVE_DDL, 0, 0, true},
    [T_ImportForeignSchemaStmt] = {"IMPORT FOREIGN SCHEMA", SQL_DDL, SQL_T_NETWORK, 0, true},
    [T_CreateAmStmt] = {"CREATE ACCESS METHOD", SQL_DDL, CODE | SQL_T_NATIVE_CODE, 0, true},
    [T_CreateEventTrigStmt] = {"CREATE EVENT TRIGGER", SQL_DDL | SQL_ADMIN, CODE, 0, true},
    [T_AlterEventTrigStmt] = {"ALTER EVENT TRIGGER", SQL_DDL | SQL_ADMIN, SQL_T_DISABLES_GUARD, 0, true},
    [T_CreatePLangStmt] = {"CREATE LANGUAGE", SQL_DDL, CODE | SQL_T_NATIVE_CODE, 0, true},
    [T_CreateOpClassStmt] = {"CREATE OPERATOR CLASS", SQL_DDL, CODE, 0, true},
    [T_CreateOpFamilyStmt] = {"CREATE OPERATOR FAMILY", SQL_DDL, CODE, 0, true},
    [T_AlterOpFamilyStmt] = {"ALTER OPERATOR FAMILY", SQL_DDL, CODE, 0, true},
    [T_CreateConversionStmt] = {"CREATE CONVERSION", SQL_DDL, CODE, 0, true},
    [T_CreateCastStmt] = {"CREATE CAST", SQL_DDL, CODE, 0, true},
    [T_CreateTransformStmt] = {"CREATE TRANSFORM", SQL_DDL, CODE, 0, true},
    [T_CreateStatsStmt] = {"CREATE STATISTICS", SQL_DDL, 0, SQL_LOCK_SHARE_UPDATE_EXCLUSIVE, true},
    [T_AlterStatsStmt] = {"ALTER STATISTICS", SQL_DDL, 0, 0, true},
    [T_AlterOperatorStmt] = {"ALTER OPERATOR", SQL_DDL, CODE, 0, true},
    [T_AlterTypeStmt] = {"ALTER TYPE", SQL_DDL, CODE, 0, true},
    [T_CompositeTypeStmt] = {"CREATE TYPE", SQL_DDL, 0, 0, true},
    [T_CreateEnumStmt] = {"CREATE TYPE", SQL_DDL, 0, 0, true},
    [T_CreateRangeStmt] = {"CREATE TYPE", SQL_DDL, CODE, 0, true},
    [T_AlterEnumStmt] = {"ALTER TYPE", SQL_DDL, 0, 0, true},
    [T_AlterTSDictionaryStmt] = {"ALTER TEXT SEARCH DICTIONARY", SQL_DDL, 0, 0, true},
    [T_AlterTSConfigurationStmt] = {"ALTER TEXT SEARCH CONFIGURATION", SQL_DDL, 0, 0, true},
    [T_NotifyStmt] = {"NOTIFY", SQL_SESSION, SQL_T_NOTIFY, 0, true},
    [T_ListenStmt] = {"LISTEN", SQL_SESSION, SQL_T_NOTIFY, 0, true},
    [T_UnlistenStmt] = {"UNLISTEN", SQL_SESSION, 0, 0, true},
    [T_LoadStmt] = {"LOAD", SQL_ADMIN | SQL_FILE, SQL_T_NATIVE_CODE, 0, true},
    [T_CreatedbStmt] = {"CREATE DATABASE", SQL_DDL | SQL_ADMIN, 0, 0, true},
    [T_AlterDatabaseStmt] = {"ALTER DATABASE", SQL_DDL | SQL_ADMIN, 0, 0, true},
    [T_AlterDatabaseRefreshCollStmt] = {"ALTER DATABASE", SQL_DDL | SQL_ADMIN, 0, 0, true},
    [T_DropdbStmt] = {"DROP DATABASE", SQL_DDL | SQL_DESTRUCTIVE_DDL | SQL_ADMIN, 0, 0, true},
    [T_ClusterStmt] = {"CLUSTER", SQL_MAINTENANCE | SQL_ADMIN, SQL_T_REWRITE, SQL_LOCK_ACCESS_EXCLUSIVE, false},
    [T_CheckPointStmt] = {"CHECKPOINT", SQL_MAINTENANCE | SQL_ADMIN, 0, 0, true},
    [T_ConstraintsSetStmt] = {"SET CONSTRAINTS", SQL_SESSION | SQL_TRANSACTION, 0, 0, true},
    [T_CreatePublicationStmt] = {"CREATE PUBLICATION", SQL_DDL | SQL_ADMIN, SQL_T_REPLICATION, 0, true},
    [T_AlterPublicationStmt] = {"ALTER PUBLICATION", SQL_DDL | SQL_ADMIN, SQL_T_REPLICATION, 0, true},
    [T_CreateSubscriptionStmt] = {"CREATE SUBSCRIPTION", SQL_DDL | SQL_ADMIN,
                                  SQL_T_REPLICATION | SQL_T_NETWORK | SQL_T_CREDENTIALS, 0, true},
    [T_AlterSubscriptionStmt] = {"ALTER SUBSCRIPTION", SQL_DDL | SQL_ADMIN,
                                 SQL_T_REPLICATION | SQL_T_NETWORK | SQL_T_CREDENTIALS, 0, true},
    [T_DropSubscriptionStmt] = {"DROP SUBSCRIPTION", SQL_DDL | SQL_DESTRUCTIVE_DDL | SQL_ADMIN,
                                SQL_T_REPLICATION | SQL_T_NETWORK, 0, true},
    [T_VariableShowStmt] = {"SHOW", SQL_READ, 0, 0, true},
};

static void visit_plain(struct walk *w, const void *node, struct place place)
{
    const struct command *c = &plain[nodeTag(node)];
    collect_static(w->c, SET_COMMANDS, c->tag);
    walk_mark(w, place, c->classes, c->traits, 0);
    walk_lock(w, place, c->lock);
    walk_children(w, node, NULL, NULL, place_in(place, WALK_TARGET | (c->stored ? WALK_STORED : 0), WALK_TOP));
}

/* --- Options --------------------------------------------------------------------------------- */

/* Anything but a clear no is a yes (PostgreSQL's defGetBoolean refuses what is neither). */
static bool option_is_on(const DefElem *d)
{
    static const char *const no[] = {"false", "off", "f", "no", "0"};
    int64_t n;
    struct str s = tree_string(d->arg);
    if (d->arg == NULL)
        return true;
    if (IsA(d->arg, Integer))
        return ((const Integer *)d->arg)->ival != 0;
    if (IsA(d->arg, Boolean))
        return ((const Boolean *)d->arg)->boolval;
    if (tree_const_int(d->arg, &n))
        return n != 0;
    for (size_t i = 0; i < 2; i++) /* only the two that the server accepts */
        if (str_eq_ascii_nocase(s, str_of(no[i])))
            return false;
    return true;
}

/* The last one wins, as in the server. */
static bool option_given(const List *options, const char *name)
{
    bool on = false;
    for (int i = 0; i < tree_list_len(options); i++) {
        const DefElem *d = tree_list_at(options, i);
        if (strcmp(d->defname, name) == 0)
            on = option_is_on(d);
    }
    return on;
}

/* --- Queries inside commands ----------------------------------------------------------------- */

void walk_query(struct walk *w, const void *query, struct place place)
{
    walk_push(w, query, place_in(place, WALK_TOP, WALK_TARGET | WALK_FILTERED | WALK_INSERTED));
}

const struct sql_facts *walk_facts_alone(struct walk *w, const void *query, const void *types, struct place place)
{
    struct collect alone, *outer = w->c;
    struct sql_facts *facts = arena_new(outer->arena, struct sql_facts);
    collect_init(&alone, outer->arena);
    w->c = &alone;
    place = place_in(place, WALK_TOP, WALK_STORED | WALK_PLANNED | WALK_TARGET);
    place.scope = NULL;
    enum err e = facts == NULL ? ERR_NOMEM : walk_run(w, query, place);
    if (e == ERR_OK && types != NULL)
        e = walk_run(w, types, place);
    w->c = outer;
    if (e == ERR_OK) {
        alone.f.statements = 1;
        if (alone.sets[SET_COMMANDS].n != 0)
            alone.f.command = alone.sets[SET_COMMANDS].v[0];
        e = collect_facts(&alone, facts);
    }
    if (e != ERR_OK && outer->err == ERR_OK)
        outer->err = e;
    return e == ERR_OK ? facts : NULL;
}

static void visit_explain(struct walk *w, const void *node, struct place place)
{
    const ExplainStmt *s = node;
    bool runs = option_given(s->options, "analyze");
    collect_static(w->c, SET_COMMANDS, "EXPLAIN");
    walk_mark(w, place, SQL_READ, runs ? SQL_T_EXECUTES : 0, 0);
    walk_query(w, s->query, place_in(place, runs ? 0 : WALK_PLANNED, 0));
}

static void visit_prepare(struct walk *w, const void *node, struct place place)
{
    const PrepareStmt *s = node;
    collect_static(w->c, SET_COMMANDS, "PREPARE");
    walk_mark(w, place, SQL_SESSION, 0, 0);
    if (walk_runs(place))
        collect_named(w->c, SQL_NAMED_PREPARE, str_of(s->name), walk_facts_alone(w, s->query, s->argtypes, place));
    walk_push(w, s->query, place_in(place, WALK_STORED, 0));
    walk_push(w, s->argtypes, place_in(place, WALK_STORED, 0));
}

static void visit_execute(struct walk *w, const void *node, struct place place)
{
    const ExecuteStmt *s = node;
    collect_static(w->c, SET_COMMANDS, "EXECUTE");
    walk_mark(w, place, 0, 0, SQL_D_NAMED);
    if (walk_runs(place))
        collect_named(w->c, SQL_NAMED_EXECUTE, str_of(s->name), NULL);
    walk_push(w, s->params, place_in(place, 0, WALK_TOP));
}

static void visit_deallocate(struct walk *w, const void *node, struct place place)
{
    const DeallocateStmt *s = node;
    collect_static(w->c, SET_COMMANDS, s->name == NULL ? "DEALLOCATE ALL" : "DEALLOCATE");
    walk_mark(w, place, SQL_SESSION, 0, 0);
    if (walk_runs(place))
        collect_named(w->c, s->name == NULL ? SQL_NAMED_DEALLOCATE_ALL : SQL_NAMED_DEALLOCATE, str_of(s->name), NULL);
}

static void visit_declare(struct walk *w, const void *node, struct place place)
{
    const DeclareCursorStmt *s = node;
    collect_static(w->c, SET_COMMANDS, "DECLARE CURSOR");
    if (walk_runs(place))
        collect_named(w->c, SQL_NAMED_DECLARE, str_of(s->portalname), walk_facts_alone(w, s->query, NULL, place));
    walk_query(w, s->query, place); /* it is planned now, and that may run functions */
}

static void visit_fetch(struct walk *w, const void *node, struct place place)
{
    const FetchStmt *s = node;
    collect_static(w->c, SET_COMMANDS, s->ismove ? "MOVE" : "FETCH");
    walk_mark(w, place, 0, 0, SQL_D_NAMED);
    if (walk_runs(place))
        collect_named(w->c, SQL_NAMED_FETCH, str_of(s->portalname), NULL);
}

static void visit_close(struct walk *w, const void *node, struct place place)
{
    const ClosePortalStmt *s = node;
    collect_static(w->c, SET_COMMANDS, s->portalname == NULL ? "CLOSE CURSOR ALL" : "CLOSE CURSOR");
    walk_mark(w, place, SQL_SESSION, 0, 0);
    if (walk_runs(place))
        collect_named(w->c, s->portalname == NULL ? SQL_NAMED_CLOSE_ALL : SQL_NAMED_CLOSE, str_of(s->portalname),
                      NULL);
}

static void visit_discard(struct walk *w, const void *node, struct place place)
{
    static const char *const tags[] = {[DISCARD_ALL] = "DISCARD ALL",
                                       [DISCARD_PLANS] = "DISCARD PLANS",
                                       [DISCARD_SEQUENCES] = "DISCARD SEQUENCES",
                                       [DISCARD_TEMP] = "DISCARD TEMP"};
    const DiscardStmt *s = node;
    collect_static(w->c, SET_COMMANDS, tags[s->target]);
    walk_mark(w, place, SQL_SESSION, 0, 0);
    if (walk_runs(place) && s->target == DISCARD_ALL) {
        collect_named(w->c, SQL_NAMED_DISCARD_ALL, (struct str){NULL, 0}, NULL);
        collect_setting(w->c, &(struct sql_setting){.name = STR("all")});
    }
}

static void visit_call(struct walk *w, const void *node, struct place place)
{
    collect_static(w->c, SET_COMMANDS, "CALL");
    walk_mark(w, place, 0, 0, SQL_D_PROCEDURE);
    walk_push(w, ((const CallStmt *)node)->funccall, place_in(place, 0, WALK_TOP));
}

/* --- Rows in bulk ---------------------------------------------------------------------------- */

static void note_copy_columns(struct walk *w, const CopyStmt *s, struct place place)
{
    char table[QUALIFIED_NAME], full[QUALIFIED_NAME * 2];
    struct str t = qualified_name(str_of(s->relation->schemaname), str_of(s->relation->relname), table);
    int n = tree_list_len(s->attlist);
    for (int i = 0; i < n || i == 0; i++) {
        struct str column = n == 0 ? STR("*") : tree_string(tree_list_at(s->attlist, i));
        if (!s->is_from)
            collect_name(w->c, SET_COLUMNS, column);
        if (!s->is_from || !walk_runs(place))
            continue;
        memcpy(full, t.p, t.n);
        full[t.n] = '.';
        memcpy(full + t.n + 1, column.p, column.n < QUALIFIED_NAME ? column.n : QUALIFIED_NAME);
        collect_name(w->c, SET_COLUMNS_WRITTEN, str_from(full, t.n + 1 + column.n));
    }
}

static void visit_copy(struct walk *w, const void *node, struct place place)
{
    const CopyStmt *s = node;
    collect_static(w->c, SET_COMMANDS, "COPY");
    walk_mark(w, place, s->is_from ? SQL_WRITE : SQL_READ, 0, 0);
    if (s->is_program)
        walk_mark(w, place, SQL_COPY_PROGRAM | SQL_ADMIN, SQL_T_PROGRAM, 0);
    else if (s->filename != NULL)
        walk_mark(w, place, SQL_ADMIN | SQL_FILE, s->is_from ? SQL_T_FILE_READ : SQL_T_FILE_WRITE, 0);
    else
        walk_mark(w, place, 0, s->is_from ? SQL_T_COPY_IN : SQL_T_COPY_OUT, 0);
    if (s->relation != NULL) {
        walk_range_var(w, place, s->relation, s->is_from ? REL_WRITTEN : REL_READ);
        note_copy_columns(w, s, place);
        if (s->is_from)
            walk_lock(w, place, SQL_LOCK_ROW_EXCLUSIVE);
        else if (walk_runs(place))
            w->c->f.has_where = false;
    }
    walk_push(w, s->whereClause, place_in(place, 0, WALK_TOP));
    walk_query(w, s->query, place);
}

static void visit_truncate(struct walk *w, const void *node, struct place place)
{
    const TruncateStmt *s = node;
    collect_static(w->c, SET_COMMANDS, "TRUNCATE TABLE");
    walk_mark(w, place, SQL_DELETE,
              (s->behavior == DROP_CASCADE ? SQL_T_CASCADE : 0) | (s->restart_seqs ? SQL_T_SEQUENCE : 0), 0);
    walk_lock(w, place, SQL_LOCK_ACCESS_EXCLUSIVE);
    if (walk_runs(place))
        w->c->f.has_where = w->c->f.has_narrow_where = false;
    walk_push(w, s->relations, place_in(place, WALK_TARGET, WALK_TOP));
}

/* --- Maintenance, locks ---------------------------------------------------------------------- */

static void visit_vacuum(struct walk *w, const void *node, struct place place)
{
    const VacuumStmt *s = node;
    bool full = option_given(s->options, "full");
    collect_static(w->c, SET_COMMANDS, s->is_vacuumcmd ? "VACUUM" : "ANALYZE");
    walk_mark(w, place, SQL_MAINTENANCE | SQL_ADMIN, full ? SQL_T_REWRITE : 0, 0);
    walk_lock(w, place, full ? SQL_LOCK_ACCESS_EXCLUSIVE : SQL_LOCK_SHARE_UPDATE_EXCLUSIVE);
    for (int i = 0; i < tree_list_len(s->rels); i++)
        walk_range_var(w, place, ((const VacuumRelation *)tree_list_at(s->rels, i))->relation, REL_MENTIONED);
}

static void visit_reindex(struct walk *w, const void *node, struct place place)
{
    const ReindexStmt *s = node;
    bool concurrently = option_given(s->params, "concurrently");
    collect_static(w->c, SET_COMMANDS, "REINDEX");
    walk_mark(w, place, SQL_MAINTENANCE | SQL_ADMIN, concurrently ? SQL_T_CONCURRENTLY : SQL_T_REWRITE, 0);
    walk_lock(w, place, concurrently ? SQL_LOCK_SHARE_UPDATE_EXCLUSIVE : SQL_LOCK_ACCESS_EXCLUSIVE);
    walk_range_var(w, place, s->relation, REL_MENTIONED);
}

static void visit_lock(struct walk *w, const void *node, struct place place)
{
    const LockStmt *s = node;
    collect_static(w->c, SET_COMMANDS, "LOCK TABLE");
    walk_mark(w, place, SQL_TRANSACTION | SQL_SESSION, 0, 0);
    walk_lock(w, place, (enum sql_lock)s->mode); /* the server's numbers are those of the manual's order */
    for (int i = 0; i < tree_list_len(s->relations); i++)
        walk_range_var(w, place, tree_list_at(s->relations, i), REL_MENTIONED);
}

/* --- Transactions ---------------------------------------------------------------------------- */

static const char *const transaction_tags[] = {
    [TRANS_STMT_BEGIN] = "BEGIN",
    [TRANS_STMT_START] = "START TRANSACTION",
    [TRANS_STMT_COMMIT] = "COMMIT",
    [TRANS_STMT_ROLLBACK] = "ROLLBACK",
    [TRANS_STMT_SAVEPOINT] = "SAVEPOINT",
    [TRANS_STMT_RELEASE] = "RELEASE",
    [TRANS_STMT_ROLLBACK_TO] = "ROLLBACK",
    [TRANS_STMT_PREPARE] = "PREPARE TRANSACTION",
    [TRANS_STMT_COMMIT_PREPARED] = "COMMIT PREPARED",
    [TRANS_STMT_ROLLBACK_PREPARED] = "ROLLBACK PREPARED",
};

static enum sql_transaction transaction_kind(const TransactionStmt *s)
{
    static const enum sql_transaction kinds[] = {
        [TRANS_STMT_BEGIN] = SQL_TX_BEGIN,
        [TRANS_STMT_START] = SQL_TX_BEGIN,
        [TRANS_STMT_COMMIT] = SQL_TX_COMMIT,
        [TRANS_STMT_ROLLBACK] = SQL_TX_ROLLBACK,
        [TRANS_STMT_SAVEPOINT] = SQL_TX_SAVEPOINT,
        [TRANS_STMT_RELEASE] = SQL_TX_RELEASE,
        [TRANS_STMT_ROLLBACK_TO] = SQL_TX_ROLLBACK_TO,
        [TRANS_STMT_PREPARE] = SQL_TX_PREPARE,
        [TRANS_STMT_COMMIT_PREPARED] = SQL_TX_NONE,
        [TRANS_STMT_ROLLBACK_PREPARED] = SQL_TX_NONE,
    };
    enum sql_transaction kind = kinds[s->kind];
    int64_t n;
    if (s->chain)
        return kind == SQL_TX_COMMIT ? SQL_TX_COMMIT_CHAIN : SQL_TX_ROLLBACK_CHAIN;
    for (int i = 0; i < tree_list_len(s->options) && kind <= SQL_TX_BEGIN_READ_WRITE; i++) {
        const DefElem *d = tree_list_at(s->options, i);
        if (strcmp(d->defname, "transaction_read_only") == 0 && tree_const_int(d->arg, &n))
            kind = n != 0 ? SQL_TX_BEGIN_READ_ONLY : SQL_TX_BEGIN_READ_WRITE; /* the last one counts */
    }
    return kind;
}

static void visit_transaction(struct walk *w, const void *node, struct place place)
{
    const TransactionStmt *s = node;
    w->c->f.transaction = transaction_kind(s);
    collect_static(w->c, SET_COMMANDS, transaction_tags[s->kind]);
    walk_mark(w, place, SQL_TRANSACTION, 0, 0);
    if (s->gid != NULL)
        walk_mark(w, place, 0, SQL_T_TWO_PHASE, s->kind == TRANS_STMT_COMMIT_PREPARED ? SQL_D_PREPARED_XACT : 0);
    for (int i = 0; i < tree_list_len(s->options); i++) {
        const DefElem *d = tree_list_at(s->options, i);
        int64_t n = 1;
        if (strcmp(d->defname, "transaction_read_only") == 0 && tree_const_int(d->arg, &n) && n == 0)
            walk_mark(w, place, 0, SQL_T_DISABLES_GUARD, 0);
    }
}

/* --- Dispatch -------------------------------------------------------------------------------- */

walk_visitor *const command_visitors[TREE_TAGS] = {
    [T_CreateStmt] = visit_create_table,
    [T_CreateForeignTableStmt] = visit_create_table,
    [T_Constraint] = visit_constraint,
    [T_CreateTableAsStmt] = visit_create_table_as,
    [T_ViewStmt] = visit_view,
    [T_RefreshMatViewStmt] = visit_refresh,
    [T_IndexStmt] = visit_index,
    [T_CreateSeqStmt] = visit_create_sequence,
    [T_AlterSeqStmt] = visit_create_sequence,
    [T_CreateTrigStmt] = visit_trigger,
    [T_RuleStmt] = visit_rule,
    [T_CreateFunctionStmt] = visit_create_function,
    [T_AlterFunctionStmt] = visit_alter_function,
    [T_DoStmt] = visit_do,
    [T_DefineStmt] = visit_define,
    [T_CreateDomainStmt] = visit_domain,
    [T_AlterDomainStmt] = visit_domain,
    [T_CreatePolicyStmt] = visit_policy,
    [T_AlterPolicyStmt] = visit_policy,
    [T_GrantStmt] = visit_grant,
    [T_AlterDefaultPrivilegesStmt] = visit_grant,
    [T_GrantRoleStmt] = visit_grant_role,
    [T_CreateRoleStmt] = visit_role,
    [T_AlterRoleStmt] = visit_role,
    [T_AlterRoleSetStmt] = visit_alter_role_set,
    [T_AlterDatabaseSetStmt] = visit_alter_role_set,
    [T_AlterSystemStmt] = visit_alter_role_set,
    [T_DropRoleStmt] = visit_drop_role,
    [T_DropOwnedStmt] = visit_drop_role,
    [T_ReassignOwnedStmt] = visit_drop_role,
    [T_AlterOwnerStmt] = visit_owner,
    [T_RenameStmt] = visit_rename,
    [T_AlterObjectSchemaStmt] = visit_rename,
    [T_AlterObjectDependsStmt] = visit_rename,
    [T_DropStmt] = visit_drop,
    [T_AlterTableStmt] = visit_alter_table,
    [T_VariableSetStmt] = visit_set,
    [T_ExplainStmt] = visit_explain,
    [T_PrepareStmt] = visit_prepare,
    [T_ExecuteStmt] = visit_execute,
    [T_DeallocateStmt] = visit_deallocate,
    [T_DeclareCursorStmt] = visit_declare,
    [T_FetchStmt] = visit_fetch,
    [T_ClosePortalStmt] = visit_close,
    [T_DiscardStmt] = visit_discard,
    [T_CallStmt] = visit_call,
    [T_CopyStmt] = visit_copy,
    [T_TruncateStmt] = visit_truncate,
    [T_VacuumStmt] = visit_vacuum,
    [T_ReindexStmt] = visit_reindex,
    [T_LockStmt] = visit_lock,
    [T_TransactionStmt] = visit_transaction,

    /* The rows of the table above. */
    [T_CreateSchemaStmt] = visit_plain,
    [T_AlterCollationStmt] = visit_plain,
    [T_CommentStmt] = visit_plain,
    [T_SecLabelStmt] = visit_plain,
    [T_CreateTableSpaceStmt] = visit_plain,
    [T_DropTableSpaceStmt] = visit_plain,
    [T_AlterTableSpaceOptionsStmt] = visit_plain,
    [T_AlterTableMoveAllStmt] = visit_plain,
    [T_CreateExtensionStmt] = visit_plain,
    [T_AlterExtensionStmt] = visit_plain,
    [T_AlterExtensionContentsStmt] = visit_plain,
    [T_CreateFdwStmt] = visit_plain,
    [T_AlterFdwStmt] = visit_plain,
    [T_CreateForeignServerStmt] = visit_plain,
    [T_AlterForeignServerStmt] = visit_plain,
    [T_CreateUserMappingStmt] = visit_plain,
    [T_AlterUserMappingStmt] = visit_plain,
    [T_DropUserMappingStmt] = visit_plain,
    [T_ImportForeignSchemaStmt] = visit_plain,
    [T_CreateAmStmt] = visit_plain,
    [T_CreateEventTrigStmt] = visit_plain,
    [T_AlterEventTrigStmt] = visit_plain,
    [T_CreatePLangStmt] = visit_plain,
    [T_CreateOpClassStmt] = visit_plain,
    [T_CreateOpFamilyStmt] = visit_plain,
    [T_AlterOpFamilyStmt] = visit_plain,
    [T_CreateConversionStmt] = visit_plain,
    [T_CreateCastStmt] = visit_plain,
    [T_CreateTransformStmt] = visit_plain,
    [T_CreateStatsStmt] = visit_plain,
    [T_AlterStatsStmt] = visit_plain,
    [T_AlterOperatorStmt] = visit_plain,
    [T_AlterTypeStmt] = visit_plain,
    [T_CompositeTypeStmt] = visit_plain,
    [T_CreateEnumStmt] = visit_plain,
    [T_CreateRangeStmt] = visit_plain,
    [T_AlterEnumStmt] = visit_plain,
    [T_AlterTSDictionaryStmt] = visit_plain,
    [T_AlterTSConfigurationStmt] = visit_plain,
    [T_NotifyStmt] = visit_plain,
    [T_ListenStmt] = visit_plain,
    [T_UnlistenStmt] = visit_plain,
    [T_LoadStmt] = visit_plain,
    [T_CreatedbStmt] = visit_plain,
    [T_AlterDatabaseStmt] = visit_plain,
    [T_AlterDatabaseRefreshCollStmt] = visit_plain,
    [T_DropdbStmt] = visit_plain,
    [T_ClusterStmt] = visit_plain,
    [T_CheckPointStmt] = visit_plain,
    [T_ConstraintsSetStmt] = visit_plain,
    [T_CreatePublicationStmt] = visit_plain,
    [T_AlterPublicationStmt] = visit_plain,
    [T_CreateSubscriptionStmt] = visit_plain,
    [T_AlterSubscriptionStmt] = visit_plain,
    [T_DropSubscriptionStmt] = visit_plain,
    [T_VariableShowStmt] = visit_plain,
};
