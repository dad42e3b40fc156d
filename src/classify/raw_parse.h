/*
 * libpg_query's raw parser with memory that is kept between parses. Internal to classify/.
 *
 * The library's own entry (pg_query_raw_parse) makes and deletes a memory context for each text, which for a
 * short statement is a tenth of the work. Here one a thread (parse_memory.h) is kept and emptied; where a text does not
 * parse, the library's own entry parses it again for its words.
 *
 * Apart from tree.c, because the server's headers, which tree.c needs, declare as plain globals what the library
 * has for each thread.
 */
#pragma once

#include "base/err.h"

struct raw_parse {
    const void *list; /* of RawStmt; NULL for an empty text and for one that does not parse */
    const char *error; /* NULL where it parsed; else the parser's words */
    void *failure;     /* the library's */
};

/* text ends with NUL. What *ret points to lives until raw_parse_end. Parses may nest; each is ended, the latest
 * first, on the thread that began it. ERR_NOMEM; a text that does not parse is no error: ret->error. */
MUST_USE enum err raw_parse_begin(const char *text, bool standard_conforming_strings, struct raw_parse *ret);
void raw_parse_end(struct raw_parse *p);

/* How the library's lexer reads strings from here on, in this thread. */
void raw_parse_reading(bool standard_conforming_strings);
