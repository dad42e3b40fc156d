/*
 * Text for people's eyes: bytes that somebody hostile may have chosen, written so that what is seen
 * is what is there. The command line and the page show an action through the same rules.
 *
 *   ⟦U+202E⟧  a character that is invisible, reorders or overlays others, or breaks the line where
 * a line must not end; also ⟦ and ⟧ themselves, so that an escape cannot be faked ⟦U+043E⟧  a
 * letter of a script with look-alikes of Latin letters, inside a word that has Latin letters too
 * ("⟦U+043E⟧rders") ⟦0x9B⟧    a byte that is no UTF-8
 *
 * Everything else is as it was. Nothing is ever left out.
 */
#pragma once

#include "base/buf.h"

/* One line: line feeds and tabs are escaped too. */
MUST_USE enum err display_line(struct buf *out, struct str s);

/* How a text of several lines is set. Its own margin on every line keeps a text from imitating what
 * is written around it. */
struct display_block {
    struct str margin;      /* before each line of the text */
    struct str wrap_margin; /* before what continues a line that was too long */
    size_t width;           /* columns for a line, margins not counted; 0: never wrapped */
};

/* Lines end at line feeds (a carriage return before one is escaped); tabs stay. Each line that is
 * written ends in a line feed; the empty text gives one empty line. */
MUST_USE enum err display_text(struct buf *out, struct str s, const struct display_block *b);

/* True where display_line would write an escape. */
bool display_has_hidden(struct str s);
