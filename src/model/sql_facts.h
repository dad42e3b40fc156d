/*
 * What a SQL statement does, as far as its text can tell: values only. classify/sql.h makes them, guardrails
 * see them as `sql.*` (sql_fields below is that vocabulary), the PostgreSQL source carries them.
 *
 * Every string and array is a view into the arena (or cache entry) that the facts were made in.
 *
 * One `struct sql_facts` describes one message (what one Query or one Parse carries). Where a message has several
 * statements, it is the union of them and `parts` has each alone.
 *
 * Unknown is never harmless: what the text cannot settle is a reason in `dynamic`, and may_write is then true.
 */
#pragma once

#include "base/str.h"

/* What kind of thing it is. A statement can have several; an empty message is a read. */
enum sql_class {
    SQL_READ = 1u << 0,            /* returns data or nothing at all */
    SQL_WRITE = 1u << 1,           /* adds or changes rows, large objects, sequences */
    SQL_DELETE = 1u << 2,          /* removes rows or large objects: DELETE, MERGE … DELETE, TRUNCATE */
    SQL_DDL = 1u << 3,             /* changes the catalogue */
    SQL_DESTRUCTIVE_DDL = 1u << 4, /* DDL after which data or protection is gone (never of temporary objects) */
    SQL_PRIVILEGE = 1u << 5,       /* who may do what: GRANT, owners, roles, policies, SET ROLE */
    SQL_ROLE = 1u << 6,            /* SET ROLE, SET SESSION AUTHORIZATION and their spellings */
    SQL_SESSION = 1u << 7,         /* the session's settings, names, locks, channels */
    SQL_TRANSACTION = 1u << 8,     /* BEGIN, COMMIT, SAVEPOINT, … */
    SQL_MAINTENANCE = 1u << 9,     /* VACUUM, ANALYZE, REINDEX, CLUSTER, CHECKPOINT, REFRESH */
    SQL_ADMIN = 1u << 10,          /* the server rather than a table: files, signals, slots, ALTER SYSTEM */
    SQL_COPY_PROGRAM = 1u << 11,   /* COPY … PROGRAM: runs a command on the server's host */
    SQL_FILE = 1u << 12,           /* reads or writes files of the server's host */
    SQL_DYNAMIC = 1u << 13,        /* cannot be known from the text: see dynamic */
    SQL_MULTI = 1u << 14,          /* more than one statement in a message (or an empty one before it) */
    SQL_PARSE_ERROR = 1u << 15,    /* not understood to the end; nothing else is known */
};
enum { SQL_CLASS_COUNT = 16 };

/* Finer marks of what a statement touches or uses. */
enum sql_trait {
    SQL_T_NETWORK = 1u << 0,       /* makes the server connect elsewhere: dblink, foreign servers, subscriptions */
    SQL_T_FILE_READ = 1u << 1,
    SQL_T_FILE_WRITE = 1u << 2,
    SQL_T_PROGRAM = 1u << 3,       /* runs or configures a program on the host */
    SQL_T_REPLICATION = 1u << 4,   /* slots, origins, publications, subscriptions, walsender commands */
    SQL_T_LARGE_OBJECT = 1u << 5,
    SQL_T_ADVISORY_LOCK = 1u << 6,
    SQL_T_KILLS_SESSION = 1u << 7, /* pg_cancel_backend, pg_terminate_backend */
    SQL_T_NOTIFY = 1u << 8,        /* LISTEN, NOTIFY, pg_notify */
    SQL_T_CREDENTIALS = 1u << 9,   /* reads or sets passwords, password hashes, connection secrets */
    SQL_T_SEQUENCE = 1u << 10,     /* nextval, setval, RESTART IDENTITY */
    SQL_T_NATIVE_CODE = 1u << 11,  /* C functions, LOAD, extensions, preload settings, untrusted languages */
    SQL_T_CREATES_CODE = 1u << 12, /* functions, triggers, rules, policies, casts, operators: code others will run */
    SQL_T_REPLACES = 1u << 13,     /* OR REPLACE */
    SQL_T_SECURITY_DEFINER = 1u << 14,
    SQL_T_LEXER_CHANGE = 1u << 15, /* changes how the next text is read: standard_conforming_strings, encodings */
    SQL_T_DISABLES_GUARD = 1u << 16, /* row_security, session_replication_role, read-only off, DISABLE TRIGGER … */
    SQL_T_SEARCH_PATH = 1u << 17,  /* changes which relation or function a name means */
    SQL_T_CASCADE = 1u << 18,
    SQL_T_TWO_PHASE = 1u << 19,    /* PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED */
    SQL_T_ROW_LOCK = 1u << 20,     /* SELECT … FOR UPDATE and its kin */
    SQL_T_REWRITE = 1u << 21,      /* rewrites a whole table under its lock */
    SQL_T_SLEEP = 1u << 22,        /* pg_sleep and its kin */
    SQL_T_EXECUTES = 1u << 23,     /* EXPLAIN ANALYZE: explains by running */
    SQL_T_UPSERT = 1u << 24,       /* ON CONFLICT DO UPDATE */
    SQL_T_NAMED_RELATION = 1u << 25, /* reads relations named in a text argument: table_to_xml and its kin */
    SQL_T_CATALOG_WRITE = 1u << 26,  /* INSERT, UPDATE, DELETE on pg_catalog or information_schema */
    SQL_T_TEMP = 1u << 27,         /* all it creates or drops is in pg_temp */
    SQL_T_CONCURRENTLY = 1u << 28,
    SQL_T_COPY_IN = 1u << 29,      /* COPY … FROM STDIN: rows follow as CopyData */
    SQL_T_COPY_OUT = 1u << 30,     /* COPY … TO STDOUT */
    SQL_T_UNREVIEWED_SETTING = 1u << 31, /* SET of a name that is not on the reviewed list of harmless settings */
};
enum { SQL_TRAIT_COUNT = 32 };

/* Why the text cannot tell. Each reason can be settled by someone else: the catalogue, the session, the operator. */
enum sql_dynamic {
    SQL_D_FUNCTION = 1u << 0,   /* a function that is not on the harmless list: unknown_functions */
    SQL_D_TYPE = 1u << 1,       /* a cast to a type that is not built in (domains run checks): unknown_types */
    SQL_D_OPERATOR = 1u << 2,   /* an operator that is not built in: unknown_operators */
    SQL_D_CODE = 1u << 3,       /* DO */
    SQL_D_PROCEDURE = 1u << 4,  /* CALL */
    SQL_D_SQL_IN_TEXT = 1u << 5, /* a function that runs SQL from its argument: query_to_xml, ts_stat, dblink … */
    SQL_D_SETTING = 1u << 6,    /* set_config with a computed name or a computed value of a setting that matters */
    SQL_D_NAMED = 1u << 7,      /* EXECUTE or FETCH of something the facts do not hold: the session resolves it */
    SQL_D_PREPARED_XACT = 1u << 8, /* COMMIT PREPARED: what it commits was done elsewhere */
    SQL_D_STRINGS = 1u << 9,    /* reads differently with standard_conforming_strings on and off, and it is not known */
    SQL_D_FUNCTION_OID = 1u << 10, /* FunctionCall of an OID that is no built-in's */
    SQL_D_CATALOG = 1u << 11,   /* the upstream's catalogue had to be asked about the names in it, and was not or gave
                                 * no answer */
    SQL_D_RULE = 1u << 12,      /* a rewrite rule stands on a relation that it writes */
};
enum { SQL_DYNAMIC_COUNT = 13 };

/* The strongest table lock taken on relations that exist, weakest first (PostgreSQL manual, 13.3.1). */
enum sql_lock {
    SQL_LOCK_NONE,
    SQL_LOCK_ACCESS_SHARE,
    SQL_LOCK_ROW_SHARE,
    SQL_LOCK_ROW_EXCLUSIVE,
    SQL_LOCK_SHARE_UPDATE_EXCLUSIVE,
    SQL_LOCK_SHARE,
    SQL_LOCK_SHARE_ROW_EXCLUSIVE,
    SQL_LOCK_EXCLUSIVE,
    SQL_LOCK_ACCESS_EXCLUSIVE,
};

/* What one statement does to the transaction it runs in; of several statements, see parts. */
enum sql_transaction {
    SQL_TX_NONE,
    SQL_TX_BEGIN,
    SQL_TX_BEGIN_READ_ONLY,
    SQL_TX_BEGIN_READ_WRITE,
    SQL_TX_COMMIT,
    SQL_TX_COMMIT_CHAIN,
    SQL_TX_ROLLBACK,
    SQL_TX_ROLLBACK_CHAIN,
    SQL_TX_PREPARE,      /* PREPARE TRANSACTION: its end in this session */
    SQL_TX_SAVEPOINT,
    SQL_TX_RELEASE,
    SQL_TX_ROLLBACK_TO,
    SQL_TX_SET,          /* SET TRANSACTION */
};

/* Names without duplicates, in order of first appearance. */
struct sql_names {
    const struct str *v;
    size_t n;
};

/* What happens to session objects that have a name, in the order of the text. The source mirrors it. */
enum sql_named_op {
    SQL_NAMED_PREPARE,        /* facts: of the statement that EXECUTE will run */
    SQL_NAMED_EXECUTE,
    SQL_NAMED_DEALLOCATE,
    SQL_NAMED_DEALLOCATE_ALL, /* no name */
    SQL_NAMED_DECLARE,        /* facts: of the query that FETCH will run */
    SQL_NAMED_FETCH,          /* FETCH and MOVE, and WHERE CURRENT OF */
    SQL_NAMED_CLOSE,
    SQL_NAMED_CLOSE_ALL,      /* no name */
    SQL_NAMED_DISCARD_ALL,    /* no name; statements, cursors, settings */
};

struct sql_facts;

struct sql_named {
    enum sql_named_op op;
    struct str name;
    const struct sql_facts *facts; /* NULL except for PREPARE and DECLARE */
};

/* A setting that SET, RESET, set_config or a start-up parameter changes. */
struct sql_setting {
    struct str name;    /* lower case */
    struct str value;   /* as text, list items joined by ", "; empty where reset or computed */
    bool known_value;   /* false: computed, DEFAULT, or FROM CURRENT */
    bool is_local;      /* SET LOCAL */
};

struct sql_facts {
    /* What it is. */
    struct str command;         /* tag of the first statement, as the server would report it: "DELETE", "DROP TABLE";
                                 * "" for an empty or unparseable message */
    struct sql_names commands;  /* at every depth, also those that only get stored, planned or prepared */
    uint32_t classes;           /* enum sql_class */
    uint32_t traits;            /* enum sql_trait */
    uint32_t dynamic;           /* enum sql_dynamic: reasons; not zero = SQL_DYNAMIC in classes */
    int64_t statements;         /* how many the message holds; 0 for an empty one */
    struct str parse_error;     /* why it is not understood; "" where it is */

    /* Effects. */
    bool reads;                 /* reads rows of a table or view */
    bool writes;                /* is known to change rows, large objects, catalogue, privileges or files for good */
    bool may_write;             /* writes, or cannot be known */
    bool changes_session;       /* changes settings, role, names or locks of the session */

    /* Relations: "name", or "schema.name" where the text says so. A part that holds a dot or a double quote is
     * written with double quotes around it. Names of WITH queries are not relations. */
    struct sql_names tables;         /* all that are mentioned */
    struct sql_names table_names;    /* the same without their schema */
    struct sql_names tables_read;
    struct sql_names tables_written; /* rows changed, or the table itself changed, emptied, dropped */
    struct sql_names tables_created;
    struct sql_names columns;        /* column names mentioned in expressions, "*" among them */
    struct sql_names columns_written; /* "table.column"; "table.*" for INSERT without a column list */
    struct sql_names alterations;    /* what ALTER does to tables: "add column", "set not null", "rename table" */
    struct sql_names objects;        /* other things DDL names: "function purge_accounts", "role ana" */

    /* Breadth. */
    bool has_where;             /* false where some UPDATE, DELETE or MERGE has no WHERE (or one that is always true
                                 * or only a parameter), or TRUNCATE or DROP TABLE leaves no row; without any of
                                 * them: whether a SELECT from tables has one */
    bool has_narrow_where;      /* every UPDATE, DELETE and MERGE compares a column of its target for equality with
                                 * a value (=, IN list, = ANY, IS NOT DISTINCT FROM, CURRENT OF); true without them */
    bool where_tautology;       /* some WHERE of UPDATE, DELETE or MERGE is there and does not narrow */
    bool whole_rows;            /* reads rows without naming their columns: *, a reference to the row, columns
                                 * renamed by an alias, NATURAL JOIN */
    bool has_limit;             /* the SELECT at the top has a LIMIT or FETCH FIRST */
    int64_t limit;              /* its number; -1 where there is none or it is not a constant */
    int64_t joins_without_condition;

    /* Functions: "name", or "schema.name" where the text says so and the schema is not pg_catalog. */
    struct sql_names functions;           /* all that are called */
    struct sql_names unknown_functions;   /* those not on the list of harmless built-ins and not described by traits */
    struct sql_names dangerous_functions; /* built-ins and known extensions' functions with effects */
    struct sql_names unknown_types;
    struct sql_names unknown_operators;
    bool has_unqualified_builtins;        /* counts on no user's function or operator capturing a built-in's name */

    /* Code, settings, locks. */
    struct str language;                  /* of DO, CREATE FUNCTION, CREATE LANGUAGE; "" elsewhere */
    struct sql_names settings;            /* names that SET, RESET, set_config … change; "all" for RESET ALL */
    enum sql_lock lock_level;

    /* Session objects. */
    struct sql_names execute_names;       /* EXECUTE */
    struct sql_names fetch_names;         /* FETCH, MOVE, WHERE CURRENT OF */

    /* For the source, not for guardrails. */
    enum sql_transaction transaction;
    const struct sql_named *named;
    size_t n_named;
    const struct sql_setting *setting_changes;
    size_t n_setting_changes;
    const struct sql_facts *parts;        /* each statement alone, where there are several; else none */
    size_t n_parts;
    size_t offset, length;                /* of this statement within the message's text */
};

/* The vocabulary: each fact a guardrail can ask, for whoever maps facts to a policy language or to JSON. */
enum sql_field_type {
    SQL_FIELD_BOOL,
    SQL_FIELD_INT,
    SQL_FIELD_TEXT,
    SQL_FIELD_NAMES,   /* a list of texts */
    SQL_FIELD_CLASSES, /* uint32_t; a list of texts by sql_class_name */
    SQL_FIELD_TRAITS,  /* uint32_t; a list of texts by sql_trait_name */
    SQL_FIELD_DYNAMIC, /* uint32_t; a list of texts by sql_dynamic_name */
    SQL_FIELD_LOCK,    /* enum sql_lock; an int */
};

struct sql_field {
    const char *name;   /* after "sql." */
    enum sql_field_type type;
    size_t offset;      /* in struct sql_facts */
    const char *about;  /* one line for people */
};

extern const struct sql_field sql_fields[];
extern const size_t sql_fields_count;

/* Text of bit number i (0 ≤ i < SQL_*_COUNT): "destructive_ddl", "file_write", "function"; empty outside. */
struct str sql_class_name(unsigned i);
struct str sql_trait_name(unsigned i);
struct str sql_dynamic_name(unsigned i);

/* "ACCESS EXCLUSIVE" and so on, as LOCK TABLE spells them; "" for none. */
const char *sql_lock_name(enum sql_lock lock);
