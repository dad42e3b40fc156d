/*
 * "Did you mean …?": the nearest of the names that would have been right.
 *
 *   struct nearest s = nearest_to(word);
 *   for each candidate: nearest_offer(&s, candidate);
 *   if (s.best.n != 0) … "did you mean `s.best`?"
 */
#pragma once

#include "base/str.h"

struct nearest {
    struct str word;
    struct str best;   /* a view of the candidate; empty while none is near enough */
    unsigned distance; /* of best; without one, the least that is too far */
};

/* Near enough is one edit, or one for every three bytes of the word. */
struct nearest nearest_to(struct str word);

/* Takes note of the candidate where it is nearer than what was offered before. Words of more than 64
 * bytes are never suggested. */
void nearest_offer(struct nearest *s, struct str candidate);

/* Edits (insert, remove, replace, swap of neighbours) from a to b, case ignored, or `limit` where
 * there are as many or more. Both at most 64 bytes long; else `limit`. */
unsigned nearest_distance(struct str a, struct str b, unsigned limit);
