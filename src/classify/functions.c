#include "classify/functions.h"

struct function {
    uint64_t prefix; /* the first eight bytes, big-endian */
    struct str name;
    uint8_t kind;
};

struct function_oid {
    uint16_t oid, index;
};

static const struct function functions[] = {
#include "classify/pg_functions.inc"
};

static const struct function_oid oids[] = {
#include "classify/pg_function_oids.inc"
};

static const struct str types[] = {
#include "classify/pg_types.inc"
};

static const struct str operators[] = {
#include "classify/pg_operators.inc"
};

static const struct sql_function_effect effects[SQL_FN_KIND_COUNT] = {
    [SQL_FN_UNKNOWN] = {0, 0, SQL_D_FUNCTION},
    [SQL_FN_SLEEP] = {0, SQL_T_SLEEP, 0},
    [SQL_FN_SEQUENCE] = {SQL_WRITE, SQL_T_SEQUENCE, 0},
    [SQL_FN_LO_READ] = {0, SQL_T_LARGE_OBJECT, 0},
    [SQL_FN_LO_WRITE] = {SQL_WRITE, SQL_T_LARGE_OBJECT, 0},
    [SQL_FN_LO_DELETE] = {SQL_DELETE, SQL_T_LARGE_OBJECT, 0},
    [SQL_FN_LO_IMPORT] = {SQL_ADMIN | SQL_FILE | SQL_WRITE, SQL_T_LARGE_OBJECT | SQL_T_FILE_READ, 0},
    [SQL_FN_LO_EXPORT] = {SQL_ADMIN | SQL_FILE, SQL_T_LARGE_OBJECT | SQL_T_FILE_WRITE, 0},
    [SQL_FN_FILE_READ] = {SQL_ADMIN | SQL_FILE, SQL_T_FILE_READ, 0},
    [SQL_FN_SIGNAL] = {SQL_ADMIN, SQL_T_KILLS_SESSION, 0},
    [SQL_FN_ADMIN] = {SQL_ADMIN, 0, 0},
    [SQL_FN_MAINTENANCE] = {SQL_ADMIN | SQL_MAINTENANCE, 0, 0},
    [SQL_FN_REPLICATION] = {SQL_ADMIN, SQL_T_REPLICATION, 0},
    [SQL_FN_WAL_MESSAGE] = {SQL_WRITE, SQL_T_REPLICATION, 0},
    [SQL_FN_SESSION] = {SQL_SESSION, 0, 0},
    [SQL_FN_ADVISORY] = {SQL_SESSION, SQL_T_ADVISORY_LOCK, 0},
    [SQL_FN_NOTIFY] = {SQL_SESSION, SQL_T_NOTIFY, 0},
    [SQL_FN_SET_CONFIG] = {SQL_SESSION, 0, 0},
    [SQL_FN_SQL_TEXT] = {0, 0, SQL_D_SQL_IN_TEXT},
    [SQL_FN_RELATION_TEXT] = {0, SQL_T_NAMED_RELATION, 0},
    [SQL_FN_DDL] = {SQL_DDL, 0, 0},
    [SQL_FN_EXTENSION_FILE_READ] = {SQL_ADMIN | SQL_FILE, SQL_T_FILE_READ, SQL_D_FUNCTION},
    [SQL_FN_EXTENSION_FILE_WRITE] = {SQL_ADMIN | SQL_FILE, SQL_T_FILE_WRITE, SQL_D_FUNCTION},
    [SQL_FN_EXTENSION_ADMIN] = {SQL_ADMIN, 0, SQL_D_FUNCTION},
    [SQL_FN_EXTENSION_SQL_TEXT] = {0, 0, SQL_D_FUNCTION | SQL_D_SQL_IN_TEXT},
    [SQL_FN_EXTENSION_REMOTE] = {0, SQL_T_NETWORK, SQL_D_FUNCTION | SQL_D_SQL_IN_TEXT},
};

const struct sql_function_effect *sql_function_effect(enum sql_function_kind kind)
{
    return &effects[kind < SQL_FN_KIND_COUNT ? kind : SQL_FN_UNKNOWN];
}

/* The tables are in the order of str_cmp. */
static size_t find(const void *table, size_t n, size_t size, struct str name)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct str *entry = (const void *)((const char *)table + middle * size);
        int order = str_cmp(*entry, name);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return n;
}

/* Compares numbers until the eight bytes agree: names are looked up for every function of every statement. */
enum sql_function_kind sql_function_kind(struct str name)
{
    uint64_t prefix = 0;
    if (name.n != 0)
        memcpy(&prefix, name.p, name.n < 8 ? name.n : 8);
    prefix = __builtin_bswap64(prefix);
    size_t low = 0, high = ARRAY_LEN(functions);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct function *f = &functions[middle];
        if (f->prefix < prefix) {
            low = middle + 1;
        } else if (f->prefix > prefix) {
            high = middle;
        } else {
            int order = str_cmp(f->name, name);
            if (order == 0)
                return f->kind;
            if (order < 0)
                low = middle + 1;
            else
                high = middle;
        }
    }
    return SQL_FN_UNKNOWN;
}

enum sql_function_kind sql_function_by_oid(uint32_t oid, struct str *ret_name)
{
    size_t low = 0, high = ARRAY_LEN(oids);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (oids[middle].oid < oid)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == ARRAY_LEN(oids) || oids[low].oid != oid) {
        *ret_name = (struct str){NULL, 0};
        return SQL_FN_UNKNOWN;
    }
    const struct function *f = &functions[oids[low].index];
    *ret_name = f->name;
    return f->kind;
}

bool sql_type_is_builtin(struct str name)
{
    if (name.n != 0 && name.p[0] == '_') /* how an array type is called */
        name = str_from(name.p + 1, name.n - 1);
    return find(types, ARRAY_LEN(types), sizeof(types[0]), name) < ARRAY_LEN(types);
}

bool sql_operator_is_builtin(struct str name)
{
    if (name.n == 1 && memchr("=<>+-*/", name.p[0], 7) != NULL) /* nearly every one */
        return true;
    return find(operators, ARRAY_LEN(operators), sizeof(operators[0]), name) < ARRAY_LEN(operators);
}
