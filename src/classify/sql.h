/*
 * SQL text → facts, from the raw parse tree of PostgreSQL's own grammar (libpg_query 15). Nothing is guessed from
 * words: what the grammar does not accept is SQL_PARSE_ERROR, what the tree cannot settle is SQL_DYNAMIC.
 *
 * Where a later part looks further than the text (catalogue, session), it starts from these facts:
 * unknown_functions, unknown_types, tables_read and named say what to ask.
 *
 * All functions here are pure apart from the parser's own thread-local memory; one thread uses one parser. A process
 * may start at most about a thousand threads that parse (libpg_query keeps a key per thread).
 */
#pragma once

#include "base/arena.h"
#include "model/sql_facts.h"

/* A session's boolean setting that changes how text is read. The server reports it (ParameterStatus). */
enum sql_known { SQL_UNKNOWN, SQL_ON, SQL_OFF };

struct sql_settings {
    /* standard_conforming_strings. Unknown: the text is read both ways, and where that differs, the facts are the
     * union and SQL_D_STRINGS is set. */
    enum sql_known standard_conforming_strings;
    /* client_encoding as the server reports it; empty = UTF8. With an encoding whose characters may hold ASCII bytes
     * (SJIS, BIG5, GBK, UHC, GB18030, JOHAB, SHIFT_JIS_2004) or an unknown one, text beyond ASCII is SQL_PARSE_ERROR. */
    struct str client_encoding;
    /* False: something may come before pg_catalog in search_path, so an unqualified built-in's name may be anybody's:
     * then only names qualified with pg_catalog count as built-ins. True is right where the session's search_path does
     * not list pg_catalog, or lists it first. It does not cover a better-matching overload in a later schema: see
     * has_unqualified_builtins. */
    bool catalog_first;
    /* The connection was started with `replication`: the walsender's own commands are understood, all is SQL_ADMIN. */
    bool replication;
};

/* What a session has that the server has reported nothing unusual of. */
#define SQL_SETTINGS_DEFAULT                                                                       \
    ((struct sql_settings){.standard_conforming_strings = SQL_ON, .catalog_first = true})

/*
 * The facts of one message's text. Bad SQL is not an error but SQL_PARSE_ERROR in the facts (also: a NUL inside, more
 * than LIMIT_SQL_TEXT). *ret views arena and static memory, never `text`.
 * ERR_NOMEM | ERR_LIMIT (LIMIT_SQL_NODES, LIMIT_SQL_DEPTH): the caller refuses the action.
 */
MUST_USE enum err classify_sql(struct arena *a, struct str text, const struct sql_settings *settings,
                               struct sql_facts *ret);

/* The FunctionCall message (protocol manual, 55.2.3): a function by OID, arguments unseen. Always SQL_ADMIN. */
MUST_USE enum err classify_function_call(struct arena *a, uint32_t function_oid, struct sql_facts *ret);

/* One setting as a start-up parameter or in the start-up parameter `options` gives it: SET in another place. */
MUST_USE enum err classify_startup_setting(struct arena *a, struct str name, struct str value,
                                           struct sql_facts *ret);

/*
 * The facts of doing a, then b: sets are united, breadth takes the worse, `named` is in order. The command stays a's.
 * parts are not kept. *ret may be a or b; it views what both view.
 */
MUST_USE enum err sql_facts_merge(struct arena *arena, const struct sql_facts *a, const struct sql_facts *b,
                                  struct sql_facts *ret);

/* What the session knows by name. Each gives the facts of what would run, or NULL where it knows no such name. */
struct sql_names_known {
    const struct sql_facts *(*statement)(void *ctx, struct str name);
    const struct sql_facts *(*cursor)(void *ctx, struct str name);
    void *ctx;
};

/*
 * f with the facts of what its EXECUTE and FETCH run: names that the message itself prepares or declares before using
 * them are found there, others are asked of `known`. Where every name was found, SQL_D_NAMED goes; a name nobody knows
 * keeps it. ERR_NOMEM.
 */
MUST_USE enum err sql_facts_resolve(struct arena *a, const struct sql_facts *f, const struct sql_names_known *known,
                                    struct sql_facts *ret);

/* A copy with everything it points to. ERR_NOMEM. */
MUST_USE enum err sql_facts_dup(struct arena *a, const struct sql_facts *f, struct sql_facts *ret);
