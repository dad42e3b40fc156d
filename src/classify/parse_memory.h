/*
 * Where the parser's trees live: a memory context of the library's own kind (PostgreSQL's nodes/memnodes.h) that
 * only ever moves a pointer forward. A parse allocates some thirty small things and frees them together, so free
 * does nothing and reset empties everything. Internal to classify/.
 *
 * Apart from raw_parse.c, since the server's headers declare as plain globals what the library has for each thread.
 */
#pragma once

#include "base/base.h"

struct parse_memory;

/* NULL without memory. Belongs to the caller, as long as the thread. */
struct parse_memory *parse_memory_new(void);
void parse_memory_free(struct parse_memory *m);

/* What the library's CurrentMemoryContext points to. View, as long as m. */
void *parse_memory_context(struct parse_memory *m);

/* Everything allocated in it is gone; LIMIT_SQL_KEPT_MEMORY bytes stay for the next text. */
void parse_memory_reset(struct parse_memory *m);
