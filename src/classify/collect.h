/*
 * Facts while they are being gathered: sets of names without duplicates, lists, and the flags of struct sql_facts.
 * Internal to classify/. The first error sticks; collect_facts returns it.
 */
#pragma once

#include "base/arena.h"
#include "model/sql_facts.h"

enum collect_set {
    SET_COMMANDS,
    SET_TABLES,
    SET_TABLE_NAMES,
    SET_TABLES_READ,
    SET_TABLES_WRITTEN,
    SET_TABLES_CREATED,
    SET_COLUMNS,
    SET_COLUMNS_WRITTEN,
    SET_OBJECTS,
    SET_ALTERATIONS,
    SET_FUNCTIONS,
    SET_UNKNOWN_FUNCTIONS,
    SET_DANGEROUS_FUNCTIONS,
    SET_UNKNOWN_TYPES,
    SET_UNKNOWN_OPERATORS,
    SET_SETTINGS,
    SET_EXECUTE_NAMES,
    SET_FETCH_NAMES,
    SET_COUNT,
    SET_ALIASES = SET_COUNT, /* of relations and joins: no fact, but a column of that name is a whole row */
    SET_ALL
};

struct name_set {
    struct str *v;
    uint32_t n, size;
    uint32_t *slots; /* twice `size`, open addressing, index + 1; NULL while small */
};

/* What happens to a relation; one can have several. */
enum table_role { TABLE_READ = 1, TABLE_WRITTEN = 2, TABLE_CREATED = 4 };

struct table_entry {
    struct str name; /* without its schema */
    uint8_t roles;
};

/* A growing array in the arena. */
struct collect_list {
    void *v;
    size_t n, size;
};

struct collect {
    struct arena *arena;
    enum err err;
    /* Room taken from the arena in one piece, since a statement has a dozen small things to keep. */
    char *spare;
    size_t spare_left;
    struct sql_facts f; /* flags and scalars; the lists are filled in by collect_facts */
    struct name_set sets[SET_ALL];
    uint32_t used; /* bits of the sets that hold something */
    struct collect_list named, settings;
    struct collect_list tables; /* of struct table_entry, beside SET_TABLES */
};

void collect_init(struct collect *c, struct arena *arena);

/* The facts, with derived ones (writes, may_write, …) computed. ERR_NOMEM. */
MUST_USE enum err collect_facts(struct collect *c, struct sql_facts *ret);

/* Adds a name; `s` is copied into the arena when it is new. Returns the copy the set holds. */
struct str collect_name(struct collect *c, enum collect_set set, struct str s);

/* The same for text that is in the arena already, or static. */
void collect_kept(struct collect *c, enum collect_set set, struct str s);
static inline void collect_static(struct collect *c, enum collect_set set, const char *z)
{
    collect_kept(c, set, str_of(z));
}

/* A relation: full is how facts spell it, name the part after the schema; roles of enum table_role, or none. */
void collect_table(struct collect *c, struct str full, struct str name, unsigned roles);

void collect_named(struct collect *c, enum sql_named_op op, struct str name, const struct sql_facts *facts);
void collect_setting(struct collect *c, const struct sql_setting *setting);

/* A copy of s in the arena; empty after an error. */
struct str collect_text(struct collect *c, struct str s);

/* Everything of f added to what is there: united, breadth the worse of both. f's memory must outlive the facts. */
void collect_facts_of(struct collect *c, const struct sql_facts *f);
