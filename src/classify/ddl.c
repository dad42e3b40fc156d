/*
 * Data definition: the words for kinds of objects, and what DROP and ALTER TABLE do.
 */
#include "classify/ddl.h"

#include "classify/alter.h"

static const char *const object_words[] = {
    [OBJECT_ACCESS_METHOD] = "ACCESS METHOD",
    [OBJECT_AGGREGATE] = "AGGREGATE",
    [OBJECT_AMOP] = "OPERATOR",
    [OBJECT_AMPROC] = "FUNCTION",
    [OBJECT_ATTRIBUTE] = "TYPE",
    [OBJECT_CAST] = "CAST",
    [OBJECT_COLUMN] = "TABLE",
    [OBJECT_COLLATION] = "COLLATION",
    [OBJECT_CONVERSION] = "CONVERSION",
    [OBJECT_DATABASE] = "DATABASE",
    [OBJECT_DEFAULT] = "TABLE",
    [OBJECT_DEFACL] = "DEFAULT PRIVILEGES",
    [OBJECT_DOMAIN] = "DOMAIN",
    [OBJECT_DOMCONSTRAINT] = "DOMAIN",
    [OBJECT_EVENT_TRIGGER] = "EVENT TRIGGER",
    [OBJECT_EXTENSION] = "EXTENSION",
    [OBJECT_FDW] = "FOREIGN DATA WRAPPER",
    [OBJECT_FOREIGN_SERVER] = "SERVER",
    [OBJECT_FOREIGN_TABLE] = "FOREIGN TABLE",
    [OBJECT_FUNCTION] = "FUNCTION",
    [OBJECT_INDEX] = "INDEX",
    [OBJECT_LANGUAGE] = "LANGUAGE",
    [OBJECT_LARGEOBJECT] = "LARGE OBJECT",
    [OBJECT_MATVIEW] = "MATERIALIZED VIEW",
    [OBJECT_OPCLASS] = "OPERATOR CLASS",
    [OBJECT_OPERATOR] = "OPERATOR",
    [OBJECT_OPFAMILY] = "OPERATOR FAMILY",
    [OBJECT_PARAMETER_ACL] = "PARAMETER",
    [OBJECT_POLICY] = "POLICY",
    [OBJECT_PROCEDURE] = "PROCEDURE",
    [OBJECT_PUBLICATION] = "PUBLICATION",
    [OBJECT_PUBLICATION_NAMESPACE] = "PUBLICATION",
    [OBJECT_PUBLICATION_REL] = "PUBLICATION",
    [OBJECT_ROLE] = "ROLE",
    [OBJECT_ROUTINE] = "ROUTINE",
    [OBJECT_RULE] = "RULE",
    [OBJECT_SCHEMA] = "SCHEMA",
    [OBJECT_SEQUENCE] = "SEQUENCE",
    [OBJECT_SUBSCRIPTION] = "SUBSCRIPTION",
    [OBJECT_STATISTIC_EXT] = "STATISTICS",
    [OBJECT_TABCONSTRAINT] = "TABLE",
    [OBJECT_TABLE] = "TABLE",
    [OBJECT_TABLESPACE] = "TABLESPACE",
    [OBJECT_TRANSFORM] = "TRANSFORM",
    [OBJECT_TRIGGER] = "TRIGGER",
    [OBJECT_TSCONFIGURATION] = "TEXT SEARCH CONFIGURATION",
    [OBJECT_TSDICTIONARY] = "TEXT SEARCH DICTIONARY",
    [OBJECT_TSPARSER] = "TEXT SEARCH PARSER",
    [OBJECT_TSTEMPLATE] = "TEXT SEARCH TEMPLATE",
    [OBJECT_TYPE] = "TYPE",
    [OBJECT_USER_MAPPING] = "USER MAPPING",
    [OBJECT_VIEW] = "VIEW",
};

const char *object_word(ObjectType type)
{
    return (size_t)type < ARRAY_LEN(object_words) && object_words[type] != NULL ? object_words[type] : "OBJECT";
}

void collect_command(struct walk *w, const char *verb, const char *word)
{
    char tag[64];
    size_t n = strlen(verb), m = strlen(word);
    memcpy(tag, verb, n);
    tag[n] = ' ';
    memcpy(tag + n + 1, word, m);
    collect_name(w->c, SET_COMMANDS, str_from(tag, n + 1 + m));
}

void collect_object(struct walk *w, const char *word, struct str schema, struct str name)
{
    char full[QUALIFIED_NAME], text[QUALIFIED_NAME + 64];
    struct str q = qualified_name(schema, name, full);
    size_t n = 0;
    for (; word[n] != '\0'; n++)
        text[n] = word[n] >= 'A' && word[n] <= 'Z' ? (char)(word[n] - 'A' + 'a') : word[n];
    text[n++] = ' ';
    if (q.n != 0)
        memcpy(text + n, q.p, q.n);
    collect_name(w->c, SET_OBJECTS, str_from(text, n + q.n));
}

/* The name a DROP, COMMENT, ALTER … gives: a String, a List of String, a TypeName or an ObjectWithArgs. */
void object_name(const void *object, struct str *ret_schema, struct str *ret_name)
{
    *ret_schema = *ret_name = (struct str){NULL, 0};
    if (object == NULL)
        return;
    switch (nodeTag(object)) {
    case T_String:
        *ret_name = tree_string(object);
        return;
    case T_List:
        dotted_name(object, ret_schema, ret_name);
        return;
    case T_TypeName:
        dotted_name(((const TypeName *)object)->names, ret_schema, ret_name);
        return;
    case T_ObjectWithArgs:
        dotted_name(((const ObjectWithArgs *)object)->objname, ret_schema, ret_name);
        return;
    case T_RangeVar:
        *ret_schema = str_of(((const RangeVar *)object)->schemaname);
        *ret_name = str_of(((const RangeVar *)object)->relname);
        return;
    default:
        return;
    }
}

static bool is_relation(ObjectType t)
{
    return t == OBJECT_TABLE || t == OBJECT_VIEW || t == OBJECT_MATVIEW || t == OBJECT_FOREIGN_TABLE ||
           t == OBJECT_SEQUENCE;
}

/* DROP POLICY, TRIGGER, RULE name their table first: t.name or schema.t.name. */
static bool is_on_relation(ObjectType t)
{
    return t == OBJECT_POLICY || t == OBJECT_TRIGGER || t == OBJECT_RULE;
}

static bool drop_one(struct walk *w, const DropStmt *s, const void *object, struct place place)
{
    struct str schema, name;
    object_name(object, &schema, &name);
    collect_object(w, object_word(s->removeType), schema, name);
    if (is_relation(s->removeType))
        walk_relation(w, place, schema, name, REL_WRITTEN);
    if (is_on_relation(s->removeType) && IsA(object, List)) {
        const List *l = object;
        int n = tree_list_len(l);
        if (n >= 2)
            walk_relation(w, place, n > 2 ? tree_string(tree_list_at(l, n - 3)) : (struct str){NULL, 0},
                          tree_string(tree_list_at(l, n - 2)), REL_WRITTEN);
        return false;
    }
    return schema_is_temp(schema);
}

void visit_drop(struct walk *w, const void *node, struct place place)
{
    const DropStmt *s = node;
    collect_command(w, "DROP", object_word(s->removeType));
    bool all_temp = true;
    for (int i = 0; i < tree_list_len(s->objects); i++)
        all_temp = drop_one(w, s, tree_list_at(s->objects, i), place) && all_temp;
    walk_mark(w, place, SQL_DDL | (all_temp ? 0 : SQL_DESTRUCTIVE_DDL), all_temp ? SQL_T_TEMP : 0, 0);
    if (s->behavior == DROP_CASCADE)
        walk_mark(w, place, 0, SQL_T_CASCADE, 0);
    if (s->concurrent)
        walk_mark(w, place, 0, SQL_T_CONCURRENTLY, 0);
    if (s->removeType == OBJECT_POLICY)
        walk_mark(w, place, SQL_PRIVILEGE, SQL_T_DISABLES_GUARD, 0);
    if (s->removeType == OBJECT_TRIGGER || s->removeType == OBJECT_RULE || s->removeType == OBJECT_EVENT_TRIGGER)
        walk_mark(w, place, 0, SQL_T_DISABLES_GUARD, 0);
    if (s->removeType == OBJECT_PUBLICATION)
        walk_mark(w, place, SQL_ADMIN, SQL_T_REPLICATION, 0);
    walk_lock(w, place, s->concurrent ? SQL_LOCK_SHARE_UPDATE_EXCLUSIVE : SQL_LOCK_ACCESS_EXCLUSIVE);
    if (walk_runs(place) && !all_temp && (s->removeType == OBJECT_TABLE || s->removeType == OBJECT_SCHEMA))
        w->c->f.has_where = w->c->f.has_narrow_where = false;
}

/* --- ALTER TABLE ----------------------------------------------------------------------------- */

struct alter {
    uint32_t classes, traits;
    enum sql_lock lock; /* 0 = ACCESS EXCLUSIVE */
};

/* Lock levels: PostgreSQL manual, ALTER TABLE. */
static const struct alter alters[] = {
    [AT_DropColumn] = {SQL_DESTRUCTIVE_DDL, 0, 0},
    [AT_AlterColumnType] = {SQL_DESTRUCTIVE_DDL, SQL_T_REWRITE, 0},
    [AT_DropConstraint] = {SQL_DESTRUCTIVE_DDL, SQL_T_DISABLES_GUARD, 0},
    [AT_DropExpression] = {SQL_DESTRUCTIVE_DDL, 0, 0},
    [AT_DropNotNull] = {0, 0, 0},
    [AT_SetLogged] = {0, SQL_T_REWRITE, 0},
    [AT_SetUnLogged] = {SQL_DESTRUCTIVE_DDL, SQL_T_REWRITE, 0},
    [AT_SetTableSpace] = {0, SQL_T_REWRITE, 0},
    [AT_SetAccessMethod] = {0, SQL_T_REWRITE, 0},
    [AT_SetStatistics] = {0, 0, SQL_LOCK_SHARE_UPDATE_EXCLUSIVE},
    [AT_SetOptions] = {0, 0, SQL_LOCK_SHARE_UPDATE_EXCLUSIVE},
    [AT_ResetOptions] = {0, 0, SQL_LOCK_SHARE_UPDATE_EXCLUSIVE},
    [AT_ClusterOn] = {0, 0, SQL_LOCK_SHARE_UPDATE_EXCLUSIVE},
    [AT_DropCluster] = {0, 0, SQL_LOCK_SHARE_UPDATE_EXCLUSIVE},
    [AT_SetRelOptions] = {0, 0, SQL_LOCK_SHARE_UPDATE_EXCLUSIVE},
    [AT_ResetRelOptions] = {0, 0, SQL_LOCK_SHARE_UPDATE_EXCLUSIVE},
    [AT_ValidateConstraint] = {0, 0, SQL_LOCK_SHARE_UPDATE_EXCLUSIVE},
    [AT_AttachPartition] = {0, 0, SQL_LOCK_SHARE_UPDATE_EXCLUSIVE},
    [AT_DetachPartitionFinalize] = {SQL_DESTRUCTIVE_DDL, 0, SQL_LOCK_SHARE_UPDATE_EXCLUSIVE},
    [AT_DetachPartition] = {SQL_DESTRUCTIVE_DDL, 0, 0},
    [AT_ChangeOwner] = {SQL_PRIVILEGE, 0, 0},
    [AT_EnableRowSecurity] = {SQL_PRIVILEGE, 0, 0},
    [AT_ForceRowSecurity] = {SQL_PRIVILEGE, 0, 0},
    [AT_DisableRowSecurity] = {SQL_PRIVILEGE, SQL_T_DISABLES_GUARD, 0},
    [AT_NoForceRowSecurity] = {SQL_PRIVILEGE, SQL_T_DISABLES_GUARD, 0},
    [AT_EnableTrig] = {0, 0, SQL_LOCK_SHARE_ROW_EXCLUSIVE},
    [AT_EnableAlwaysTrig] = {0, 0, SQL_LOCK_SHARE_ROW_EXCLUSIVE},
    [AT_EnableReplicaTrig] = {0, SQL_T_DISABLES_GUARD, SQL_LOCK_SHARE_ROW_EXCLUSIVE},
    [AT_EnableTrigAll] = {0, 0, SQL_LOCK_SHARE_ROW_EXCLUSIVE},
    [AT_EnableTrigUser] = {0, 0, SQL_LOCK_SHARE_ROW_EXCLUSIVE},
    [AT_DisableTrig] = {0, SQL_T_DISABLES_GUARD, SQL_LOCK_SHARE_ROW_EXCLUSIVE},
    [AT_DisableTrigAll] = {0, SQL_T_DISABLES_GUARD, SQL_LOCK_SHARE_ROW_EXCLUSIVE},
    [AT_DisableTrigUser] = {0, SQL_T_DISABLES_GUARD, SQL_LOCK_SHARE_ROW_EXCLUSIVE},
    [AT_EnableReplicaRule] = {0, SQL_T_DISABLES_GUARD, 0},
    [AT_DisableRule] = {0, SQL_T_DISABLES_GUARD, 0},
    [AT_GenericOptions] = {0, SQL_T_NETWORK, 0},
    [AT_ReAddStatistics] = {0, 0, 0},
};

static enum sql_lock alter_lock(const AlterTableCmd *cmd)
{
    if (cmd->subtype == AT_AddConstraint && cmd->def != NULL && IsA(cmd->def, Constraint) &&
        ((const Constraint *)cmd->def)->contype == CONSTR_FOREIGN)
        return SQL_LOCK_SHARE_ROW_EXCLUSIVE;
    if (cmd->subtype == AT_DetachPartition && ((const PartitionCmd *)cmd->def)->concurrent)
        return SQL_LOCK_SHARE_UPDATE_EXCLUSIVE;
    enum sql_lock lock = (size_t)cmd->subtype < ARRAY_LEN(alters) ? alters[cmd->subtype].lock : SQL_LOCK_NONE;
    return lock != SQL_LOCK_NONE ? lock : SQL_LOCK_ACCESS_EXCLUSIVE;
}

void visit_alter_table(struct walk *w, const void *node, struct place place)
{
    const AlterTableStmt *s = node;
    collect_command(w, "ALTER", object_word(s->objtype));
    bool temp = s->relation != NULL && schema_is_temp(str_of(s->relation->schemaname));
    walk_mark(w, place, SQL_DDL, temp ? SQL_T_TEMP : 0, 0);
    if (s->objtype != OBJECT_TYPE)
        walk_range_var(w, place, s->relation, REL_WRITTEN);
    else
        collect_object(w, "TYPE", str_of(s->relation->schemaname), str_of(s->relation->relname));
    for (int i = tree_list_len(s->cmds) - 1; i >= 0; i--) {
        const AlterTableCmd *cmd = tree_list_at(s->cmds, i);
        struct alter a = (size_t)cmd->subtype < ARRAY_LEN(alters) ? alters[cmd->subtype] : (struct alter){0, 0, 0};
        if (temp)
            a.classes &= ~(uint32_t)SQL_DESTRUCTIVE_DDL;
        walk_mark(w, place, a.classes, a.traits | (cmd->behavior == DROP_CASCADE ? SQL_T_CASCADE : 0), 0);
        walk_lock(w, place, alter_lock(cmd));
        note_alteration(w, place, cmd);
        /* A new default is only stored; what ADD COLUMN, USING or CHECK computes runs now, for each row. */
        bool stored = cmd->subtype == AT_ColumnDefault;
        walk_children(w, cmd, NULL, NULL, place_in(place, WALK_TARGET | (stored ? WALK_STORED : 0), WALK_TOP));
    }
}
