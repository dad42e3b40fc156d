#pragma once

#include "policy/cel/value.h"

/* Everything but strings, bytes and what holds other values, as CEL's string() and messages show it. */
MUST_USE enum err cel_put_scalar(struct buf *out, struct cel_value v);
