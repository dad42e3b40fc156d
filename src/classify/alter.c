#include "classify/alter.h"

static const char *const words[] = {
    [AT_DropColumn] = "drop column",
    [AT_AlterColumnType] = "alter type",
    [AT_ColumnDefault] = "set default",
    [AT_SetNotNull] = "set not null",
    [AT_DropNotNull] = "drop not null",
    [AT_ValidateConstraint] = "validate constraint",
    [AT_DropConstraint] = "drop constraint",
    [AT_AttachPartition] = "attach partition",
    [AT_DetachPartition] = "detach partition",
};

/* Constraints read all rows while nobody may write, unless NOT VALID or an index that exists says otherwise. */
static const struct constraint_words {
    const char *plain, *gentle;
} constraint_words[] = {
    [CONSTR_NOTNULL] = {"set not null", NULL},
    [CONSTR_CHECK] = {"add check", "add check not valid"},
    [CONSTR_PRIMARY] = {"add primary key", "add primary key using index"},
    [CONSTR_UNIQUE] = {"add unique", "add unique using index"},
    [CONSTR_EXCLUSION] = {"add exclusion", NULL},
    [CONSTR_FOREIGN] = {"add foreign key", "add foreign key not valid"},
};

static void note_word(struct walk *w, const char *word)
{
    if (word != NULL)
        collect_static(w->c, SET_ALTERATIONS, word);
}

static void note_constraint(struct walk *w, const Constraint *c)
{
    if ((size_t)c->contype >= ARRAY_LEN(constraint_words))
        return;
    const struct constraint_words *x = &constraint_words[c->contype];
    bool gentle = c->skip_validation || c->indexname != NULL;
    note_word(w, gentle && x->gentle != NULL ? x->gentle : x->plain);
}

/* One value for all rows, so that it is stored once: no function but those that mean the statement's start. */
static bool is_one_value(const Node *value)
{
    static const char *const once[] = {"now", "transaction_timestamp", "statement_timestamp"};
    while (value != NULL && IsA(value, TypeCast))
        value = ((const TypeCast *)value)->arg;
    if (value == NULL || IsA(value, A_Const) || IsA(value, SQLValueFunction))
        return true;
    if (!IsA(value, FuncCall))
        return false;
    struct str schema, name;
    dotted_name(((const FuncCall *)value)->funcname, &schema, &name);
    for (size_t i = 0; i < ARRAY_LEN(once); i++)
        if (str_is(name, once[i]))
            return true;
    return false;
}

static bool is_serial(const TypeName *type)
{
    static const char *const names[] = {"serial",  "serial2",  "serial4",    "serial8",
                                        "bigserial", "smallserial"};
    struct str schema, name;
    if (type == NULL)
        return false;
    dotted_name(type->names, &schema, &name);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_is(name, names[i]))
            return true;
    return false;
}

static void note_new_column(struct walk *w, struct place place, const ColumnDef *column)
{
    bool rewrites = is_serial(column->typeName);
    note_word(w, "add column");
    for (int i = 0; i < tree_list_len(column->constraints); i++) {
        const Constraint *c = tree_list_at(column->constraints, i);
        bool computed = c->contype == CONSTR_IDENTITY || c->contype == CONSTR_GENERATED;
        rewrites = rewrites || computed || (c->contype == CONSTR_DEFAULT && !is_one_value(c->raw_expr));
        if (c->contype != CONSTR_NOTNULL) /* of a new column it is known without a look at the rows */
            note_constraint(w, c);
    }
    if (rewrites)
        walk_mark(w, place, 0, SQL_T_REWRITE, 0);
}

void note_alteration(struct walk *w, struct place place, const AlterTableCmd *cmd)
{
    if (cmd->subtype == AT_AddColumn && cmd->def != NULL && IsA(cmd->def, ColumnDef))
        note_new_column(w, place, (const ColumnDef *)cmd->def);
    else if (cmd->subtype == AT_AddConstraint && cmd->def != NULL && IsA(cmd->def, Constraint))
        note_constraint(w, (const Constraint *)cmd->def);
    else if ((size_t)cmd->subtype < ARRAY_LEN(words))
        note_word(w, words[cmd->subtype]);
}

void note_rename(struct walk *w, const RenameStmt *s)
{
    switch (s->renameType) {
    case OBJECT_TABLE:
    case OBJECT_VIEW:
    case OBJECT_MATVIEW:
    case OBJECT_FOREIGN_TABLE:
        note_word(w, "rename table");
        return;
    case OBJECT_COLUMN:
        note_word(w, "rename column");
        return;
    default:
        return;
    }
}
