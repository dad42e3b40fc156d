/*
 * Facts of texts that come again: a bounded table from exact text and settings to facts. A hit compares the whole
 * text and every setting, so no facts are ever given for another text, whatever its hash.
 *
 * For one thread (each worker has its own). Entries are counted: whoever keeps facts (a prepared statement) holds a
 * reference, and an entry that falls out of the table lives until the last one is gone.
 */
#pragma once

#include "classify/sql.h"

struct sql_cache;
struct sql_cached;

/* Room for `entries` texts, rounded up to a power of two (at least 8) and `bytes` of memory for them and their facts;
 * 0 entries: nothing is kept. ERR_NOMEM | ERR_IO (no random seed). */
MUST_USE enum err sql_cache_new(size_t entries, size_t bytes, struct sql_cache **ret);
void sql_cache_free(struct sql_cache *c); /* references that are still held stay valid; NULL is nothing */

/*
 * The facts of text: from the table, or by classify_sql. *ret is a reference that the caller gives back with
 * sql_cached_unref; it may outlive the cache. Errors as classify_sql.
 */
MUST_USE enum err sql_cache_classify(struct sql_cache *c, struct str text, const struct sql_settings *settings,
                                     struct sql_cached **ret);

/* Valid while a reference is held. */
const struct sql_facts *sql_cached_facts(const struct sql_cached *k);
struct str sql_cached_text(const struct sql_cached *k);
/* A number that whoever uses the entry may leave on it; 0 at first. */
uint64_t sql_cached_mark(const struct sql_cached *k);
void sql_cached_set_mark(struct sql_cached *k, uint64_t mark);

/* The same kind of thing outside every table: copies of a text and of facts that were made for it elsewhere. */
MUST_USE enum err sql_cached_new(struct str text, const struct sql_facts *facts, struct sql_cached **ret);

struct sql_cached *sql_cached_ref(struct sql_cached *k); /* returns k */
void sql_cached_unref(struct sql_cached *k);            /* NULL is nothing */

/* Forgets every entry. */
void sql_cache_clear(struct sql_cache *c);

struct sql_cache_count {
    uint64_t hits, misses;
    size_t entries, bytes;
};
struct sql_cache_count sql_cache_count(const struct sql_cache *c);
