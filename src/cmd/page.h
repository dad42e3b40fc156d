/*
 * Text for a person at a terminal, put together piece by piece: labels, values, blocks. Whatever
 * somebody else chose goes through model/display.h and stands behind a margin, so it can imitate
 * neither the layout nor the gateway's own words.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"

/* How to write: colours only where a terminal reads them and NO_COLOR (no-color.org) is not set. */
struct style {
    bool colour;
    size_t width; /* columns of the terminal; 0: lines are not wrapped */
};
struct style style_of(int fd);

enum page_colour { BOLD = 1, DIM, RED, GREEN, YELLOW };

/* The first error sticks; everything after it is nothing. */
struct page {
    struct buf *out;
    struct style style;
    enum err err;
};

void page_put(struct page *p, struct str s); /* our own words, as they are */
void page_z(struct page *p, const char *z);
void page_line(struct page *p, struct str s); /* somebody else's, on this line */
void page_colour(struct page *p, enum page_colour c);
void page_plain(struct page *p); /* ends the colour */

/* "  name        ", padded. */
void page_label(struct page *p, struct str name);
/* An empty line, then the title; the caller ends its line. */
void page_heading(struct page *p, const char *title);

/* Somebody else's text: behind a label up to the end of the line where that is all there is to it,
 * else on lines of its own. */
void page_text(struct page *p, struct str s);
void page_block(struct page *p, struct str s);

/* A value of any shape behind a label, complete, with the end of its line. */
void page_value(struct page *p, const json_t *v, unsigned depth);
/* The members of an object but those named in the NULL-ended list (or NULL), each with its label.
 */
void page_members(struct page *p, const json_t *object, const char *const *but, unsigned depth);

/* The bytes of a JSON string, NULs included. */
struct str json_string_view(const json_t *v);
