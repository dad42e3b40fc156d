#include "model/sql_facts.h"

static const struct str class_names[] = {
    STR_INIT("read"), STR_INIT("write"), STR_INIT("delete"), STR_INIT("ddl"),
    STR_INIT("destructive_ddl"), STR_INIT("privilege"), STR_INIT("role"), STR_INIT("session"),
    STR_INIT("transaction"), STR_INIT("maintenance"), STR_INIT("admin"), STR_INIT("copy_program"),
    STR_INIT("file"), STR_INIT("dynamic"), STR_INIT("multi"), STR_INIT("parse_error"),
};
_Static_assert(ARRAY_LEN(class_names) == SQL_CLASS_COUNT, "a name for each class");

static const struct str trait_names[] = {
    STR_INIT("network"), STR_INIT("file_read"), STR_INIT("file_write"), STR_INIT("program"),
    STR_INIT("replication"), STR_INIT("large_object"), STR_INIT("advisory_lock"), STR_INIT("kills_session"),
    STR_INIT("notify"), STR_INIT("credentials"), STR_INIT("sequence"), STR_INIT("native_code"),
    STR_INIT("creates_code"), STR_INIT("replaces"), STR_INIT("security_definer"), STR_INIT("lexer_change"),
    STR_INIT("disables_guard"), STR_INIT("search_path"), STR_INIT("cascade"), STR_INIT("two_phase"),
    STR_INIT("row_lock"), STR_INIT("rewrite"), STR_INIT("sleep"), STR_INIT("executes"),
    STR_INIT("upsert"), STR_INIT("named_relation"), STR_INIT("catalog_write"), STR_INIT("temp"),
    STR_INIT("concurrently"), STR_INIT("copy_in"), STR_INIT("copy_out"), STR_INIT("unreviewed_setting"),
};
_Static_assert(ARRAY_LEN(trait_names) == SQL_TRAIT_COUNT, "a name for each trait");

static const struct str dynamic_names[] = {
    STR_INIT("function"), STR_INIT("type"), STR_INIT("operator"), STR_INIT("code"),
    STR_INIT("procedure"), STR_INIT("sql_in_text"), STR_INIT("setting"), STR_INIT("named"),
    STR_INIT("prepared_transaction"), STR_INIT("strings"), STR_INIT("function_oid"),
    STR_INIT("catalog"), STR_INIT("rule"),
};
_Static_assert(ARRAY_LEN(dynamic_names) == SQL_DYNAMIC_COUNT, "a name for each reason");

static const char *const lock_names[] = {
    "",      "ACCESS SHARE",        "ROW SHARE", "ROW EXCLUSIVE",    "SHARE UPDATE EXCLUSIVE",
    "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE",
};

#define FIELD(name, type, about)                                                                   \
    {                                                                                              \
        #name, SQL_FIELD_##type, offsetof(struct sql_facts, name), about                           \
    }

const struct sql_field sql_fields[] = {
    FIELD(alterations, NAMES, "what ALTER TABLE does, part by part"),
    FIELD(changes_session, BOOL, "changes settings, role, names or locks of the session"),
    FIELD(classes, CLASSES, "what kind of statement it is"),
    FIELD(columns, NAMES, "column names mentioned in expressions"),
    FIELD(columns_written, NAMES, "table.column that is assigned; table.* without a column list"),
    FIELD(command, TEXT, "tag of the first statement"),
    FIELD(commands, NAMES, "tags at every depth"),
    FIELD(dangerous_functions, NAMES, "called functions that are known to have effects"),
    FIELD(dynamic, DYNAMIC, "why the text cannot tell what it does"),
    FIELD(execute_names, NAMES, "prepared statements that EXECUTE runs"),
    FIELD(fetch_names, NAMES, "cursors that FETCH or MOVE runs"),
    FIELD(functions, NAMES, "functions called"),
    FIELD(has_limit, BOOL, "the SELECT at the top has a LIMIT"),
    FIELD(has_narrow_where, BOOL, "every UPDATE, DELETE and MERGE compares a column with a value"),
    FIELD(has_unqualified_builtins, BOOL, "relies on built-in names not being captured"),
    FIELD(has_where, BOOL, "nothing touches all rows of a table"),
    FIELD(joins_without_condition, INT, "joins that pair each row with each"),
    FIELD(language, TEXT, "language of the code it creates or runs"),
    FIELD(limit, INT, "the number in LIMIT; -1 where there is none"),
    FIELD(lock_level, LOCK, "strongest table lock, 0 (none) to 8 (ACCESS EXCLUSIVE)"),
    FIELD(may_write, BOOL, "changes something for good, or cannot be known"),
    FIELD(objects, NAMES, "other things DDL names, with their kind"),
    FIELD(parse_error, TEXT, "why it is not understood"),
    FIELD(reads, BOOL, "reads rows of a table or view"),
    FIELD(settings, NAMES, "settings it changes"),
    FIELD(statements, INT, "number of statements in the message"),
    FIELD(table_names, NAMES, "tables mentioned, without their schema"),
    FIELD(tables, NAMES, "tables mentioned"),
    FIELD(tables_created, NAMES, "tables and views it creates"),
    FIELD(tables_read, NAMES, "tables and views read"),
    FIELD(tables_written, NAMES, "tables changed, emptied, altered or dropped"),
    FIELD(traits, TRAITS, "finer marks of what it touches"),
    FIELD(unknown_functions, NAMES, "called functions that nobody vouches for"),
    FIELD(unknown_operators, NAMES, "operators that are not built in"),
    FIELD(unknown_types, NAMES, "types in casts that are not built in"),
    FIELD(where_tautology, BOOL, "some UPDATE, DELETE or MERGE has a WHERE that does not narrow"),
    FIELD(whole_rows, BOOL, "reads rows without naming their columns"),
    FIELD(writes, BOOL, "changes rows, catalogue, privileges or files for good"),
};
const size_t sql_fields_count = ARRAY_LEN(sql_fields);

struct str sql_class_name(unsigned i)
{
    return i < SQL_CLASS_COUNT ? class_names[i] : (struct str){NULL, 0};
}

struct str sql_trait_name(unsigned i)
{
    return i < SQL_TRAIT_COUNT ? trait_names[i] : (struct str){NULL, 0};
}

struct str sql_dynamic_name(unsigned i)
{
    return i < SQL_DYNAMIC_COUNT ? dynamic_names[i] : (struct str){NULL, 0};
}

const char *sql_lock_name(enum sql_lock lock)
{
    return (size_t)lock < ARRAY_LEN(lock_names) ? lock_names[lock] : "";
}
