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
    SET_FUNCTIONS,
    SET_UNKNOWN_FUNCTIONS,
    SET_DANGEROUS_FUNCTIONS,
    SET_UNKNOWN_TYPES,
    SET_UNKNOWN_OPERATORS,
    SET_SETTINGS,
    SET_EXECUTE_NAMES,
    SET_FETCH_NAMES,
    SET_COUNT
};

struct name_set {
    struct str *v;
    uint32_t n, size;
    uint32_t *slots; /* open addressing, index + 1; NULL while small */
    uint32_t mask;
};

/* A growing array in the arena. */
struct collect_list {
    void *v;
    size_t n, size;
};

struct collect {
    struct arena *arena;
    enum err err;
    struct sql_facts f; /* flags and scalars; the lists are filled in by collect_facts */
    struct name_set sets[SET_COUNT];
    struct collect_list named, settings;
};

void collect_init(struct collect *c, struct arena *arena);

/* The facts, with derived ones (writes, may_write, …) computed. ERR_NOMEM. */
MUST_USE enum err collect_facts(struct collect *c, struct sql_facts *ret);

/* Adds a name; `s` is copied into the arena when it is new. */
void collect_name(struct collect *c, enum collect_set set, struct str s);

/* The same for text that outlives the facts. */
void collect_static(struct collect *c, enum collect_set set, const char *z);

void collect_named(struct collect *c, enum sql_named_op op, struct str name, const struct sql_facts *facts);
void collect_setting(struct collect *c, const struct sql_setting *setting);

/* A copy of s in the arena; empty after an error. */
struct str collect_text(struct collect *c, struct str s);

/* Everything of f added to what is there: united, breadth the worse of both. f's memory must outlive the facts. */
void collect_facts_of(struct collect *c, const struct sql_facts *f);
