/*
 * CREATE of tables, views, code; privileges and owners.
 */
#include "classify/create.h"

#include "classify/alter.h"

static void mark_created(struct walk *w, struct place place, const RangeVar *r)
{
    bool temp = r->relpersistence == PERSISTENCE_TEMP || schema_is_temp(str_of(r->schemaname));
    walk_mark(w, place, SQL_DDL, temp ? SQL_T_TEMP : 0, 0);
    walk_range_var(w, place, r, REL_CREATED);
}

/* --- Relations ------------------------------------------------------------------------------- */

void visit_create_table(struct walk *w, const void *node, struct place place)
{
    const CreateStmt *s = node; /* a CreateForeignTableStmt begins with one */
    bool foreign = IsA(node, CreateForeignTableStmt);
    collect_static(w->c, SET_COMMANDS, foreign ? "CREATE FOREIGN TABLE" : "CREATE TABLE");
    mark_created(w, place, s->relation);
    if (foreign)
        walk_mark(w, place, 0, SQL_T_NETWORK, 0);
    if (s->inhRelations != NULL) /* a parent or the table it becomes a partition of */
        walk_lock(w, place, SQL_LOCK_SHARE_UPDATE_EXCLUSIVE);
    /* Defaults and checks are kept for later; the bounds of a partition are computed now. */
    walk_children(w, s, s->relation, s->partbound, place_in(place, WALK_STORED, WALK_TOP | WALK_TARGET));
    walk_push(w, s->partbound, place_in(place, 0, WALK_TOP | WALK_TARGET));
}

void visit_constraint(struct walk *w, const void *node, struct place place)
{
    const Constraint *s = node;
    walk_range_var(w, place, s->pktable, REL_MENTIONED);
    /* EXCLUDE (x WITH =): pairs of an index element and an operator name. */
    walk_children(w, s, s->pktable, NULL, place);
}

void visit_create_table_as(struct walk *w, const void *node, struct place place)
{
    const CreateTableAsStmt *s = node;
    collect_static(w->c, SET_COMMANDS,
                   s->objtype == OBJECT_MATVIEW ? "CREATE MATERIALIZED VIEW"
                   : s->is_select_into          ? "SELECT INTO"
                                                : "CREATE TABLE AS");
    mark_created(w, place, s->into->rel);
    walk_children(w, s->into, s->into->rel, NULL, place_in(place, WALK_STORED, WALK_TOP));
    walk_query(w, s->query, place);
}

void visit_view(struct walk *w, const void *node, struct place place)
{
    const ViewStmt *s = node;
    collect_static(w->c, SET_COMMANDS, "CREATE VIEW");
    mark_created(w, place, s->view);
    if (s->replace)
        walk_mark(w, place, 0, SQL_T_REPLACES, 0);
    walk_children(w, s, s->view, NULL, place_in(place, WALK_STORED, WALK_TOP | WALK_TARGET));
}

void visit_refresh(struct walk *w, const void *node, struct place place)
{
    const RefreshMatViewStmt *s = node;
    collect_static(w->c, SET_COMMANDS, "REFRESH MATERIALIZED VIEW");
    walk_mark(w, place, SQL_WRITE | SQL_MAINTENANCE, s->concurrent ? SQL_T_CONCURRENTLY : SQL_T_REWRITE, 0);
    walk_lock(w, place, s->concurrent ? SQL_LOCK_EXCLUSIVE : SQL_LOCK_ACCESS_EXCLUSIVE);
    walk_range_var(w, place, s->relation, REL_WRITTEN);
}

void visit_index(struct walk *w, const void *node, struct place place)
{
    const IndexStmt *s = node;
    if (s->isconstraint) {
        walk_children(w, s, NULL, NULL, place);
        return;
    }
    collect_static(w->c, SET_COMMANDS, "CREATE INDEX");
    walk_mark(w, place, SQL_DDL, s->concurrent ? SQL_T_CONCURRENTLY : 0, 0);
    walk_lock(w, place, s->concurrent ? SQL_LOCK_SHARE_UPDATE_EXCLUSIVE : SQL_LOCK_SHARE);
    walk_range_var(w, place, s->relation, REL_WRITTEN);
    if (s->idxname != NULL)
        collect_object(w, "INDEX", (struct str){NULL, 0}, str_of(s->idxname));
    walk_children(w, s, s->relation, NULL, place_in(place, 0, WALK_TOP)); /* its expressions run now, for each row */
}

void visit_create_sequence(struct walk *w, const void *node, struct place place)
{
    if (IsA(node, CreateSeqStmt)) {
        const CreateSeqStmt *s = node;
        collect_static(w->c, SET_COMMANDS, "CREATE SEQUENCE");
        mark_created(w, place, s->sequence);
        return;
    }
    const AlterSeqStmt *s = node;
    collect_static(w->c, SET_COMMANDS, "ALTER SEQUENCE");
    walk_mark(w, place, SQL_DDL | SQL_WRITE, SQL_T_SEQUENCE, 0);
    walk_lock(w, place, SQL_LOCK_SHARE_ROW_EXCLUSIVE);
    walk_range_var(w, place, s->sequence, REL_WRITTEN);
}

/* --- Code ------------------------------------------------------------------------------------ */

void visit_trigger(struct walk *w, const void *node, struct place place)
{
    const CreateTrigStmt *s = node;
    struct str schema, name;
    char room[QUALIFIED_NAME];
    collect_static(w->c, SET_COMMANDS, "CREATE TRIGGER");
    walk_mark(w, place, SQL_DDL, SQL_T_CREATES_CODE | (s->replace ? SQL_T_REPLACES : 0), 0);
    walk_lock(w, place, SQL_LOCK_SHARE_ROW_EXCLUSIVE);
    walk_range_var(w, place, s->relation, REL_WRITTEN);
    dotted_name(s->funcname, &schema, &name);
    collect_name(w->c, SET_FUNCTIONS, qualified_name(schema, name, room));
    collect_object(w, "TRIGGER", (struct str){NULL, 0}, str_of(s->trigname));
    walk_children(w, s, s->relation, NULL, place_in(place, WALK_STORED, WALK_TOP));
}

void visit_rule(struct walk *w, const void *node, struct place place)
{
    const RuleStmt *s = node;
    collect_static(w->c, SET_COMMANDS, "CREATE RULE");
    walk_mark(w, place, SQL_DDL, SQL_T_CREATES_CODE | (s->replace ? SQL_T_REPLACES : 0), 0);
    walk_lock(w, place, SQL_LOCK_ACCESS_EXCLUSIVE);
    walk_range_var(w, place, s->relation, REL_WRITTEN);
    collect_object(w, "RULE", (struct str){NULL, 0}, str_of(s->rulename));
    walk_children(w, s, s->relation, NULL, place_in(place, WALK_STORED, WALK_TOP));
}

/* C and internal code is the server's own; a language whose name ends in u is untrusted by convention. */
static bool is_native(struct str language)
{
    static const char *const contained[] = {"sql", "plpgsql", "plperl", "pltcl", "plv8", "pljava", "plr"};
    for (size_t i = 0; i < ARRAY_LEN(contained); i++)
        if (str_is(language, contained[i]))
            return false;
    return true;
}

static void note_language(struct walk *w, struct place place, struct str language)
{
    w->c->f.language = collect_text(w->c, language);
    if (is_native(language))
        walk_mark(w, place, 0, SQL_T_NATIVE_CODE, 0);
}

void visit_create_function(struct walk *w, const void *node, struct place place)
{
    const CreateFunctionStmt *s = node;
    struct place stored = place_in(place, WALK_STORED, WALK_TOP | WALK_TARGET);
    struct str schema, name, language = s->sql_body != NULL ? STR("sql") : STR(""), body = {NULL, 0};
    const char *word = s->is_procedure ? "PROCEDURE" : "FUNCTION";
    collect_command(w, "CREATE", word);
    walk_mark(w, place, SQL_DDL, SQL_T_CREATES_CODE | (s->replace ? SQL_T_REPLACES : 0), 0);
    dotted_name(s->funcname, &schema, &name);
    collect_object(w, word, schema, name);
    for (int i = 0; i < tree_list_len(s->options); i++) {
        const DefElem *d = tree_list_at(s->options, i);
        if (strcmp(d->defname, "language") == 0)
            language = tree_string(d->arg);
        if (strcmp(d->defname, "as") == 0 && d->arg != NULL && IsA(d->arg, List))
            body = tree_string(tree_list_at((const List *)d->arg, 0));
        if (strcmp(d->defname, "security") == 0 && d->arg != NULL && ((const Boolean *)d->arg)->boolval)
            walk_mark(w, place, 0, SQL_T_SECURITY_DEFINER, 0);
    }
    note_language(w, place, language);
    walk_children(w, s, s->funcname, NULL, stored);
    if (str_is(language, "sql") && body.n != 0)
        walk_stored_text(w, body, stored);
}

void visit_alter_function(struct walk *w, const void *node, struct place place)
{
    const AlterFunctionStmt *s = node;
    struct str schema, name;
    collect_command(w, "ALTER", object_word(s->objtype));
    walk_mark(w, place, SQL_DDL, SQL_T_CREATES_CODE, 0);
    object_name(s->func, &schema, &name);
    collect_object(w, object_word(s->objtype), schema, name);
    for (int i = 0; i < tree_list_len(s->actions); i++) {
        const DefElem *d = tree_list_at(s->actions, i);
        if (strcmp(d->defname, "security") == 0 && d->arg != NULL && ((const Boolean *)d->arg)->boolval)
            walk_mark(w, place, SQL_PRIVILEGE, SQL_T_SECURITY_DEFINER, 0);
    }
    walk_push(w, s->actions, place_in(place, WALK_STORED, WALK_TOP));
}

void visit_do(struct walk *w, const void *node, struct place place)
{
    const DoStmt *s = node;
    struct str language = STR("plpgsql");
    for (int i = 0; i < tree_list_len(s->args); i++) {
        const DefElem *d = tree_list_at(s->args, i);
        if (strcmp(d->defname, "language") == 0)
            language = tree_string(d->arg);
    }
    collect_static(w->c, SET_COMMANDS, "DO");
    walk_mark(w, place, 0, 0, SQL_D_CODE);
    note_language(w, place, language);
}

void visit_define(struct walk *w, const void *node, struct place place)
{
    const DefineStmt *s = node;
    struct str schema, name;
    collect_command(w, "CREATE", object_word(s->kind));
    bool code = s->kind == OBJECT_AGGREGATE || s->kind == OBJECT_OPERATOR || s->kind == OBJECT_TYPE;
    walk_mark(w, place, SQL_DDL, (code ? SQL_T_CREATES_CODE : 0) | (s->replace ? SQL_T_REPLACES : 0), 0);
    dotted_name(s->defnames, &schema, &name);
    collect_object(w, object_word(s->kind), schema, name);
}

void visit_domain(struct walk *w, const void *node, struct place place)
{
    struct str schema, name;
    if (IsA(node, CreateDomainStmt)) {
        const CreateDomainStmt *s = node;
        collect_static(w->c, SET_COMMANDS, "CREATE DOMAIN");
        walk_mark(w, place, SQL_DDL, 0, 0);
        dotted_name(s->domainname, &schema, &name);
        walk_children(w, s, s->domainname, NULL, place_in(place, WALK_STORED, WALK_TOP | WALK_TARGET));
    } else {
        const AlterDomainStmt *s = node;
        collect_static(w->c, SET_COMMANDS, "ALTER DOMAIN");
        walk_mark(w, place, SQL_DDL | (s->subtype == 'X' ? SQL_DESTRUCTIVE_DDL : 0), 0, 0);
        dotted_name(s->typeName, &schema, &name);
        bool stored = s->subtype == 'T'; /* a check is run over all rows now */
        walk_push(w, s->def, place_in(place, stored ? WALK_STORED : 0, WALK_TOP | WALK_TARGET));
    }
    collect_object(w, "DOMAIN", schema, name);
}

/* --- Privileges ------------------------------------------------------------------------------ */

void visit_policy(struct walk *w, const void *node, struct place place)
{
    bool create = IsA(node, CreatePolicyStmt);
    const RangeVar *table = create ? ((const CreatePolicyStmt *)node)->table : ((const AlterPolicyStmt *)node)->table;
    collect_static(w->c, SET_COMMANDS, create ? "CREATE POLICY" : "ALTER POLICY");
    walk_mark(w, place, SQL_PRIVILEGE | SQL_DDL, SQL_T_CREATES_CODE, 0);
    walk_lock(w, place, SQL_LOCK_ACCESS_EXCLUSIVE);
    walk_range_var(w, place, table, REL_WRITTEN);
    walk_children(w, node, table, NULL, place_in(place, WALK_STORED, WALK_TOP | WALK_TARGET));
}

static void note_roles(struct walk *w, const List *roles)
{
    for (int i = 0; i < tree_list_len(roles); i++) {
        const Node *r = tree_list_at(roles, i);
        if (IsA(r, RoleSpec) && ((const RoleSpec *)r)->rolename != NULL)
            collect_object(w, "ROLE", (struct str){NULL, 0}, str_of(((const RoleSpec *)r)->rolename));
        else if (IsA(r, AccessPriv) && ((const AccessPriv *)r)->priv_name != NULL)
            collect_object(w, "ROLE", (struct str){NULL, 0}, str_of(((const AccessPriv *)r)->priv_name));
    }
}

void visit_grant(struct walk *w, const void *node, struct place place)
{
    if (IsA(node, AlterDefaultPrivilegesStmt)) {
        collect_static(w->c, SET_COMMANDS, "ALTER DEFAULT PRIVILEGES");
        walk_mark(w, place, SQL_PRIVILEGE, 0, 0);
        return;
    }
    const GrantStmt *s = node;
    collect_static(w->c, SET_COMMANDS, s->is_grant ? "GRANT" : "REVOKE");
    walk_mark(w, place, SQL_PRIVILEGE, s->behavior == DROP_CASCADE && !s->is_grant ? SQL_T_CASCADE : 0, 0);
    note_roles(w, s->grantees);
    for (int i = 0; i < tree_list_len(s->objects); i++) {
        const Node *object = tree_list_at(s->objects, i);
        struct str schema, name;
        object_name(object, &schema, &name);
        if (IsA(object, RangeVar))
            walk_relation(w, place, schema, name, REL_MENTIONED);
        else if (name.n != 0)
            collect_object(w, object_word(s->objtype), schema, name);
    }
}

void visit_grant_role(struct walk *w, const void *node, struct place place)
{
    const GrantRoleStmt *s = node;
    collect_static(w->c, SET_COMMANDS, s->is_grant ? "GRANT ROLE" : "REVOKE ROLE");
    walk_mark(w, place, SQL_PRIVILEGE, 0, 0);
    note_roles(w, s->granted_roles);
    note_roles(w, s->grantee_roles);
}

void visit_role(struct walk *w, const void *node, struct place place)
{
    const List *options;
    if (IsA(node, CreateRoleStmt)) {
        const CreateRoleStmt *s = node;
        collect_static(w->c, SET_COMMANDS, "CREATE ROLE");
        collect_object(w, "ROLE", (struct str){NULL, 0}, str_of(s->role));
        options = s->options;
    } else {
        const AlterRoleStmt *s = node;
        collect_static(w->c, SET_COMMANDS, "ALTER ROLE");
        if (s->role->rolename != NULL)
            collect_object(w, "ROLE", (struct str){NULL, 0}, str_of(s->role->rolename));
        options = s->options;
    }
    walk_mark(w, place, SQL_PRIVILEGE, 0, 0);
    for (int i = 0; i < tree_list_len(options); i++)
        if (strcmp(((const DefElem *)tree_list_at(options, i))->defname, "password") == 0)
            walk_mark(w, place, 0, SQL_T_CREDENTIALS, 0);
}

/* ALTER ROLE … SET, ALTER DATABASE … SET, ALTER SYSTEM: a setting for others, or for later. */
void visit_alter_role_set(struct walk *w, const void *node, struct place place)
{
    const VariableSetStmt *set;
    if (IsA(node, AlterRoleSetStmt)) {
        const AlterRoleSetStmt *s = node;
        collect_static(w->c, SET_COMMANDS, "ALTER ROLE");
        walk_mark(w, place, SQL_PRIVILEGE, 0, 0);
        if (s->role != NULL && s->role->rolename != NULL)
            collect_object(w, "ROLE", (struct str){NULL, 0}, str_of(s->role->rolename));
        set = s->setstmt;
    } else if (IsA(node, AlterDatabaseSetStmt)) {
        const AlterDatabaseSetStmt *s = node;
        collect_static(w->c, SET_COMMANDS, "ALTER DATABASE");
        walk_mark(w, place, SQL_PRIVILEGE | SQL_ADMIN, 0, 0);
        collect_object(w, "DATABASE", (struct str){NULL, 0}, str_of(s->dbname));
        set = s->setstmt;
    } else {
        collect_static(w->c, SET_COMMANDS, "ALTER SYSTEM");
        walk_mark(w, place, SQL_ADMIN, SQL_T_FILE_WRITE, 0);
        set = ((const AlterSystemStmt *)node)->setstmt;
    }
    if (set->name == NULL)
        return;
    /* The marks of the setting apply, but this session's own does not change. */
    size_t changes = w->c->settings.n;
    uint32_t classes = w->c->f.classes;
    visit_setting_value(w, set, place);
    w->c->settings.n = changes;
    w->c->f.classes = classes;
}

void visit_drop_role(struct walk *w, const void *node, struct place place)
{
    const List *roles;
    if (IsA(node, DropRoleStmt)) {
        collect_static(w->c, SET_COMMANDS, "DROP ROLE");
        roles = ((const DropRoleStmt *)node)->roles;
        walk_mark(w, place, SQL_PRIVILEGE | SQL_DESTRUCTIVE_DDL, 0, 0);
    } else if (IsA(node, DropOwnedStmt)) {
        const DropOwnedStmt *s = node;
        collect_static(w->c, SET_COMMANDS, "DROP OWNED");
        roles = s->roles;
        walk_mark(w, place, SQL_PRIVILEGE | SQL_DDL | SQL_DESTRUCTIVE_DDL,
                  s->behavior == DROP_CASCADE ? SQL_T_CASCADE : 0, 0);
        if (walk_runs(place))
            w->c->f.has_where = w->c->f.has_narrow_where = false;
    } else {
        collect_static(w->c, SET_COMMANDS, "REASSIGN OWNED");
        roles = ((const ReassignOwnedStmt *)node)->roles;
        walk_mark(w, place, SQL_PRIVILEGE, 0, 0);
    }
    note_roles(w, roles);
}

void visit_owner(struct walk *w, const void *node, struct place place)
{
    const AlterOwnerStmt *s = node;
    struct str schema, name;
    collect_command(w, "ALTER", object_word(s->objectType));
    walk_mark(w, place, SQL_PRIVILEGE | SQL_DDL, 0, 0);
    walk_range_var(w, place, s->relation, REL_WRITTEN);
    object_name(s->object, &schema, &name);
    if (name.n != 0)
        collect_object(w, object_word(s->objectType), schema, name);
}

/* RENAME, SET SCHEMA, DEPENDS ON EXTENSION. */
void visit_rename(struct walk *w, const void *node, struct place place)
{
    ObjectType type;
    const RangeVar *relation;
    const Node *object;
    if (IsA(node, RenameStmt)) {
        const RenameStmt *s = node;
        note_rename(w, s);
        type = s->renameType == OBJECT_COLUMN || s->renameType == OBJECT_ATTRIBUTE ? s->relationType : s->renameType;
        relation = s->relation;
        object = s->object;
    } else if (IsA(node, AlterObjectSchemaStmt)) {
        const AlterObjectSchemaStmt *s = node;
        type = s->objectType;
        relation = s->relation;
        object = s->object;
    } else {
        const AlterObjectDependsStmt *s = node;
        type = s->objectType;
        relation = s->relation;
        object = s->object;
    }
    struct str schema, name;
    collect_command(w, "ALTER", object_word(type));
    walk_mark(w, place, SQL_DDL, 0, 0);
    walk_lock(w, place, SQL_LOCK_ACCESS_EXCLUSIVE);
    walk_range_var(w, place, relation, REL_WRITTEN);
    object_name(object, &schema, &name);
    if (name.n != 0)
        collect_object(w, object_word(type), schema, name);
}
