/*
 * A JSON writer that appends to a buffer: no tree, no allocation of its own. Commas are its
 * business; the caller opens, names, writes and closes. The first error sticks and json_end
 * returns it, so a whole document is written and checked once.
 *
 * Strings must be UTF-8; bytes that are not become U+FFFD (callers that must keep the exact bytes
 * write them with json_bytes). Control characters, and with them NUL, are escaped.
 * No name here may be one of libjansson: its own calls would end in ours.
 */
#pragma once

#include "base/buf.h"

struct json {
    struct buf *out;
    enum err err;
    bool need_comma;
};

void json_init(struct json *j, struct buf *out);
MUST_USE enum err json_end(const struct json *j);

void json_object_begin(struct json *j);
void json_object_end(struct json *j);
void json_array_begin(struct json *j);
void json_array_end(struct json *j);

void json_key(struct json *j, const char *key);
void json_key_str(struct json *j, struct str key);
void json_str(struct json *j, struct str s);
void json_int(struct json *j, int64_t v);
void json_uint(struct json *j, uint64_t v);
void json_double(struct json *j, double v); /* NaN and infinities as strings */
void json_bool(struct json *j, bool v);
void json_nil(struct json *j); /* null */
void json_raw(struct json *j, struct str json_text); /* one value, already JSON */

/* A string where the bytes are UTF-8, else {"hex":"..."}: loses nothing. */
void json_bytes(struct json *j, struct str s);

/* Key and value in one call. */
void json_put_str(struct json *j, const char *key, struct str v);
void json_put_z(struct json *j, const char *key, const char *v); /* NULL becomes null */
void json_put_int(struct json *j, const char *key, int64_t v);
void json_put_bool(struct json *j, const char *key, bool v);
