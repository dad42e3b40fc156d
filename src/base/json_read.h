/*
 * JSON that is there already, read where it lies: values are views into the text, nothing is built and
 * nothing copied but strings with escapes. For one pass over many records; a text from outside that is
 * to be trusted as JSON is checked first (base/json_check.h). On any other bytes the readers end early
 * and stay inside them.
 *
 *   struct json_part data, v;
 *   if (json_part_of(line, &data) && json_member(&data, "subject", &v)) …
 *
 *   struct json_parts it = json_parts_of(&data);
 *   while (json_parts_next(&it, &key, &v)) …
 */
#pragma once

#include "base/arena.h"

enum json_kind {
    JSON_IS_MISSING = 0,
    JSON_IS_OBJECT,
    JSON_IS_ARRAY,
    JSON_IS_STRING,
    JSON_IS_NUMBER,
    JSON_IS_BOOL,
    JSON_IS_NIL,
};

struct json_part {
    enum json_kind kind;
    struct str raw; /* the value as it stands, a string with its quotes */
};

/* The one value that `text` is, white space around it aside. False: it is none. */
bool json_part_of(struct str text, struct json_part *ret);

struct json_parts {
    const char *p, *end;
    bool named; /* of an object */
};

/* Over the members of an object or the elements of an array; over nothing for anything else. */
struct json_parts json_parts_of(const struct json_part *v);
/* *ret_key is the name with its quotes off and its escapes left as they are; empty in an array. */
bool json_parts_next(struct json_parts *it, struct str *ret_key, struct json_part *ret);

/* The first member of that name, which needs no escapes. False: there is none, or v is no object. */
bool json_member(const struct json_part *v, const char *name, struct json_part *ret);

/* Several of them in one pass: ret[i] is the first of names[i], of kind JSON_IS_MISSING where there is none. */
void json_pick(const struct json_part *v, const char *const *names, size_t n, struct json_part *ret);

/* The string without its escapes: a view where it has none, else in `a`. What json_bytes wrote as
 * {"hex":"…"} gives the bytes. ERR_INVALID: neither; ERR_NOMEM. */
MUST_USE enum err json_part_text(const struct json_part *v, struct arena *a, struct str *ret);
/* The same for a name. */
MUST_USE enum err json_key_text(struct str key, struct arena *a, struct str *ret);

/* A whole number within the range. ERR_INVALID. */
MUST_USE enum err json_part_int(const struct json_part *v, int64_t *ret);
bool json_part_is_true(const struct json_part *v);
