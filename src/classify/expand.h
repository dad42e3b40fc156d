/*
 * Facts of a text, gone on with by what the catalogue says of the names in it: views become what they read, functions
 * what their bodies do, tables what their policies, defaults, checks and triggers run. Pure: the catalogue is asked by
 * whoever calls.
 *
 *   a name → an object → the names in its code → their objects …   until nothing new turns up
 */
#pragma once

#include "classify/sql.h"

enum sql_object_kind {
    SQL_OBJECT_RELATION = 'r', /* name as in sql.tables */
    SQL_OBJECT_FUNCTION = 'f', /* all that have the name: which one is called is not asked. "oid N" for one */
    SQL_OBJECT_OVERLOAD = 'o', /* functions other than the built-in of that name */
    SQL_OBJECT_TYPE = 't',     /* "oid N" for one that a message names by number */
    SQL_OBJECT_OPERATOR = 'p',
    SQL_OBJECT_AMBIENT = 'a',  /* no name: operators with built-in names, casts that happen by themselves; functions
                                * that a column's name may call are in `triggers` */
    SQL_OBJECT_DEFINITIONS = 'v', /* no name: triggers that fire with any definition */
};

/* What the catalogue says of one name. */
struct sql_object {
    bool vouched;                 /* using it does nothing but read, but for the names in `use` */
    const struct sql_facts *use;  /* of the code that runs whenever it is used; NULL: none */
    const struct sql_facts *write; /* RELATION: of the code that runs when rows are written; NULL: none */
    struct sql_names triggers;    /* RELATION, DEFINITIONS: functions of triggers that fire */
};

struct sql_catalog {
    /* NULL: not known (yet). Valid until sql_facts_expand returns. */
    const struct sql_object *(*find)(void *ctx, enum sql_object_kind kind, struct str name);
    void *ctx;
};

/*
 * f as it is with what `catalog` knows. Names that are vouched for leave unknown_functions, unknown_types and
 * unknown_operators; the reasons for `dynamic` go where none is left. types: names of parameter types beyond the text.
 * *ret_missing: some object was not known; then *ret is unfinished, and the caller finds the object and comes again,
 * or gives up: `give_up` makes what is missing SQL_D_CATALOG. *ret == f where nothing is to be said.
 * ERR_NOMEM; ERR_LIMIT: more than LIMIT_SQL_OBJECTS names.
 */
MUST_USE enum err sql_facts_expand(struct arena *a, const struct sql_facts *f, const struct sql_names *types,
                                   const struct sql_catalog *catalog, bool give_up, bool *ret_missing,
                                   struct sql_facts *ret);

/* "schema.name" as facts spell it → its parts, without quotes; schema is empty where there is none. ERR_NOMEM. */
MUST_USE enum err sql_name_split(struct arena *a, struct str spelled, struct str *ret_schema, struct str *ret_name);
/* The other way round. */
MUST_USE enum err sql_name_spell(struct arena *a, struct str schema, struct str name, struct str *ret);
