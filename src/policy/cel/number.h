/* Numbers of CEL's three types as points of one line; equality with a bound on its work. */
#pragma once

#include "policy/cel/value.h"

enum order { ORDER_LESS = -1, ORDER_EQUAL = 0, ORDER_GREATER = 1, ORDER_NONE = 2 /* NaN */ };

/* Both are INT, UINT or DOUBLE; exact, with no rounding between them. */
enum order cel_number_order(struct cel_value a, struct cel_value b);

/*
 * The order that `<` sees: as the language's tests have it, an integer beside a double is rounded to
 * one first, so that 9223372036854775807 < 9223372036854775808.0 is false. Equality stays exact.
 */
enum order cel_number_compare(struct cel_value a, struct cel_value b);

/* The int that v equals exactly; false where there is none. */
bool cel_number_to_int(struct cel_value v, int64_t *ret);

/*
 * cel_equal that visits at most *budget pairs and counts it down: 1, 0, or -1 where it ran out.
 * Values share parts, so the pairs may be exponentially more than the memory.
 */
int cel_equal_within(struct cel_value a, struct cel_value b, uint64_t *budget);
