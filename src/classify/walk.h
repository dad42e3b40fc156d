/*
 * The walk over a parse tree: iterative, with an explicit stack, so that no nesting and no chain of operators can
 * reach the end of the process stack. Each kind of node may have a visitor (queries.c, commands.c); a node without
 * one passes to its children. Internal to classify/.
 */
#pragma once

#include "classify/collect.h"
#include "classify/functions.h"
#include "classify/sql.h"
#include "classify/tree.h"

/* The WITH queries in force: those of `ctes` before `visible`, then the outer ones. */
struct scope {
    const List *ctes;
    int visible;
    const struct scope *outer;
};

/* What a node is part of. */
enum walk_context {
    WALK_STORED = 1u << 0,   /* code or a definition that is kept, not run now */
    WALK_PLANNED = 1u << 1,  /* explained without running */
    WALK_TOP = 1u << 2,      /* the query whose rows the statement is about */
    WALK_FILTERED = 1u << 3, /* in a FROM list whose query has a WHERE that narrows */
    WALK_TARGET = 1u << 4,   /* a relation here is what a utility command acts on, not one that is read */
    WALK_INSERTED = 1u << 5, /* the source of an INSERT */
};

/* Where a visitor stands. */
struct place {
    const struct scope *scope;
    uint32_t context;
};

struct walk_frame {
    const void *node;
    struct place place;
    int next; /* for a list: the element to visit */
};

struct walk {
    struct collect *c;
    const struct sql_settings *settings;
    struct walk_frame *stack;
    size_t n, size;
    size_t nodes;      /* visited, of LIMIT_SQL_NODES */
    size_t compared;   /* names compared while looking for WITH queries, of LIMIT_SQL_NODES */
    unsigned nested;   /* texts parsed within texts */
    bool unknown_node; /* the tree holds something the tables do not know */
    struct walk_frame first[128];
};

void walk_init(struct walk *w, struct collect *c, const struct sql_settings *settings);
void walk_done(struct walk *w);

/* Visits root and all below. ERR_NOMEM | ERR_LIMIT. */
MUST_USE enum err walk_run(struct walk *w, const void *root, struct place place);

bool walk_grow(struct walk *w); /* room for another frame; false after an error */

/* For visitors: what to visit next. NULL is nothing. */
static inline void walk_push(struct walk *w, const void *node, struct place place)
{
    while (node != NULL && IsA(node, List) && tree_list_len(node) == 1)
        node = tree_list_at(node, 0);
    if (node == NULL || tree_is_leaf(node))
        return;
    if (UNLIKELY(w->n == w->size) && !walk_grow(w))
        return;
    w->stack[w->n++] = (struct walk_frame){node, place, 0};
}

/* All children of a node except `skip` and `skip2` (compared by address; NULL skips none). */
void walk_children(struct walk *w, const void *node, const void *skip, const void *skip2, struct place place);

typedef void walk_visitor(struct walk *w, const void *node, struct place place);

/* By tag; NULL where the node has none. */
extern walk_visitor *const query_visitors[TREE_TAGS];
extern walk_visitor *const command_visitors[TREE_TAGS];

/* Marks, unless the place is one that does not run now. */
void walk_mark(struct walk *w, struct place place, uint32_t classes, uint32_t traits, uint32_t dynamic);
void walk_lock(struct walk *w, struct place place, enum sql_lock lock);

static inline bool walk_runs(struct place place)
{
    return (place.context & (WALK_STORED | WALK_PLANNED)) == 0;
}

static inline struct place place_in(struct place p, uint32_t set, uint32_t clear)
{
    p.context = (p.context | set) & ~clear;
    return p;
}

/* Relations. The role says what happens to it. */
enum relation_role {
    REL_MENTIONED = 0,
    REL_READ = TABLE_READ,
    REL_WRITTEN = TABLE_WRITTEN,
    REL_CREATED = TABLE_CREATED
};

enum { QUALIFIED_NAME = 1024 }; /* two identifiers of 63 bytes, every byte a doubled quote, and a dot: 256 */

/* "schema.name" or "name" as facts spell it; the result may be `name` itself. */
struct str qualified_name(struct str schema, struct str name, char out[static QUALIFIED_NAME]);

void walk_relation(struct walk *w, struct place place, struct str schema, struct str name, enum relation_role role);
void walk_range_var(struct walk *w, struct place place, const RangeVar *r, enum relation_role role);

/* The last one or two parts of a dotted name (a List of String). */
void dotted_name(const List *names, struct str *ret_schema, struct str *ret_name);

/* A name in pg_temp. */
bool schema_is_temp(struct str schema);

/* A query below a command: SELECT, INSERT, … as the thing the command is about. */
void walk_query(struct walk *w, const void *query, struct place place);

/* Facts of a query alone, for PREPARE and DECLARE; NULL after an error (which is kept in w). */
/* types: of its parameters, which EXECUTE turns its arguments into; NULL: none. */
const struct sql_facts *walk_facts_alone(struct walk *w, const void *query, const void *types, struct place place);

/* SQL that comes as the text of a routine's body: its commands are recorded, as stored. */
void walk_stored_text(struct walk *w, struct str text, struct place place);

/* SET, RESET, set_config, start-up parameters: settings.c. value is NULL where it is computed or reset. */
void walk_setting(struct walk *w, struct place place, struct str name, const struct str *value, bool is_local);
void visit_set(struct walk *w, const void *node, struct place place);
void visit_setting_value(struct walk *w, const VariableSetStmt *s, struct place place);

/* Breadth of conditions: where.c. */
bool where_always(const Node *condition);                  /* true whatever the row is, or only up to parameters */
bool where_narrow(const Node *condition, const RangeVar *target, bool only_target);
bool tree_mentions_column(const void *node);
