/*
 * Whether bytes are JSON (RFC 8259), without building anything: for text that is passed on as it is.
 */
#pragma once

#include "base/str.h"

enum json_shape { JSON_LINE_OBJECT = 1, JSON_LINE_ARRAY };

/* True for one object (array) in UTF-8 without a line break outside or inside of strings, nested at
 * most LIMIT_JSON_DEPTH deep. */
bool json_is_one_line(struct str s, enum json_shape shape);
