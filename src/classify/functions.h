/*
 * What is known of names that PostgreSQL 15 brings along. The tables are made by tools/gen-pg-functions; a name
 * that is not in them is nobody's promise.
 */
#pragma once

#include "model/sql_facts.h"

enum sql_function_kind {
    SQL_FN_UNKNOWN,
    SQL_FN_HARMLESS, /* computes a value from its arguments or the server's state */
    SQL_FN_SLEEP,
    SQL_FN_SEQUENCE,
    SQL_FN_LO_READ,
    SQL_FN_LO_WRITE,
    SQL_FN_LO_DELETE,
    SQL_FN_LO_IMPORT,
    SQL_FN_LO_EXPORT,
    SQL_FN_FILE_READ,
    SQL_FN_SIGNAL,
    SQL_FN_ADMIN,
    SQL_FN_MAINTENANCE,
    SQL_FN_REPLICATION,
    SQL_FN_WAL_MESSAGE,
    SQL_FN_SESSION,
    SQL_FN_ADVISORY,
    SQL_FN_NOTIFY,
    SQL_FN_SET_CONFIG,
    SQL_FN_SQL_TEXT,
    SQL_FN_RELATION_TEXT,
    SQL_FN_DDL,
    /* Of contrib modules: such a name may be anybody's function too, so it is unknown as well. */
    SQL_FN_EXTENSION_FILE_READ,
    SQL_FN_EXTENSION_FILE_WRITE,
    SQL_FN_EXTENSION_ADMIN,
    SQL_FN_EXTENSION_SQL_TEXT,
    SQL_FN_EXTENSION_REMOTE,
    SQL_FN_KIND_COUNT
};

struct sql_function_effect {
    uint32_t classes, traits, dynamic;
};

/* By the name within pg_catalog, or "schema.name" for other schemas the table knows. */
enum sql_function_kind sql_function_kind(struct str name);

/* The built-in with that OID: its kind, and its name; SQL_FN_UNKNOWN and no name for any other. */
enum sql_function_kind sql_function_by_oid(uint32_t oid, struct str *ret_name);

const struct sql_function_effect *sql_function_effect(enum sql_function_kind kind);

/* True for kinds whose name does not say who wrote the function. */
static inline bool sql_function_unvouched(enum sql_function_kind kind)
{
    return kind == SQL_FN_UNKNOWN || kind >= SQL_FN_EXTENSION_FILE_READ;
}

/* A type name (arrays too) or an operator name of pg_catalog. */
bool sql_type_is_builtin(struct str name);
bool sql_operator_is_builtin(struct str name);
