/* Doubles in text: the fewest digits that read back exactly. */
#pragma once

#include "base/str.h"

enum { DOUBLE_TEXT_SIZE = 400 };

/* As string(): exponents below -4 and from 21 on in scientific notation. Returns the length. */
size_t cel_double_text(double d, char out[static DOUBLE_TEXT_SIZE]);

/* As format(): never scientific; NaN, Infinity, -Infinity. */
size_t cel_double_plain(double d, char out[static DOUBLE_TEXT_SIZE]);

/* The whole of s as a double, as literals and "NaN", "Infinity", "-inf". */
bool cel_double_parse(struct str s, double *ret);
