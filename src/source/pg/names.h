/*
 * What a session has by name: prepared statements, and portals (which SQL calls cursors). The
 * gateway's copy of the server's two name spaces: an entry is made and dropped when the server has
 * confirmed it, never before.
 *
 * Statements and portals are counted: an outstanding message keeps what it refers to.
 */
#pragma once

#include "classify/cache.h"
#include "source/pg/wire.h"

/* Statements and portals come and go with every extended query: their memory is kept for the next
 * one. One pool a worker; everything made from it must be unreferenced before pg_pool_done. */
struct pg_pool {
    struct pg_pool_block *free;
    size_t n_free;
};
void pg_pool_done(struct pg_pool *p);

/* Only a name of plain ASCII is the same name to the server whatever the encodings; others are never known. */
bool pg_name_is_plain(struct str name);

struct pg_statement {
    uint32_t refs;
    struct pg_pool *pool;
    struct str name;
    struct sql_cached *text; /* by Parse: its text. By SQL PREPARE: the message's, with the inner facts */
    uint32_t *types;      /* parameter types, 0 where unspecified */
    uint16_t n_types;
    bool trusts_catalog;  /* its facts count on pg_catalog being searched first; it may be planned anew */
    char *storage;        /* of name and types */
};

struct pg_portal {
    uint32_t refs;
    struct pg_pool *pool;
    struct str name;
    struct pg_statement *statement; /* NULL: bound to a name the gateway does not know */
    struct sql_cached *text;           /* what runs; NULL only where that is unknown */
    struct str body;                /* of the Bind message, for the parameters; empty for cursors */
    bool judged;                    /* its run was let through: fetching on is the same run */
    bool may_plan;                  /* its Bind alone was let through */
    bool is_cursor;                 /* by DECLARE */
    char *storage;
};

MUST_USE enum err pg_statement_new(struct pg_pool *pool, struct str name, struct sql_cached *text,
                                   struct str types, uint16_t n_types, struct pg_statement **ret);
struct pg_statement *pg_statement_ref(struct pg_statement *s);
void pg_statement_unref(struct pg_statement *s); /* NULL is fine */

MUST_USE enum err pg_portal_new(struct pg_pool *pool, struct str name, struct pg_statement *statement,
                                struct sql_cached *text, struct str bind_body, struct pg_portal **ret);
struct pg_portal *pg_portal_ref(struct pg_portal *p);
void pg_portal_unref(struct pg_portal *p);

/* The two tables. Zero-initialised is empty. */
struct pg_names {
    struct pg_statement **statements;
    struct pg_portal **portals;
    size_t n_statements, size_statements;
    size_t n_portals, size_portals;
};
void pg_names_done(struct pg_names *n);

/* Replace what has that name; the table takes its own reference. ERR_LIMIT: LIMIT_PG_NAMED_OBJECTS. */
MUST_USE enum err pg_names_put_statement(struct pg_names *n, struct pg_statement *s);
MUST_USE enum err pg_names_put_portal(struct pg_names *n, struct pg_portal *p);
/* Borrowed; NULL where there is none. */
struct pg_statement *pg_names_statement(const struct pg_names *n, struct str name);
struct pg_portal *pg_names_portal(const struct pg_names *n, struct str name);
void pg_names_drop_statement(struct pg_names *n, struct str name);
void pg_names_drop_portal(struct pg_names *n, struct str name);
void pg_names_drop_statements(struct pg_names *n);
void pg_names_drop_portals(struct pg_names *n, bool cursors_too);
