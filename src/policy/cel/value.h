/*
 * CEL values: 16 bytes, passed and returned by value, never freed.
 *
 * A value owns nothing. Strings, lists and maps point into memory that somebody else keeps alive:
 * the caller's facts, the program's constants, or the arena of the evaluation. A value is good as
 * long as that memory is.
 *
 *   meta     tag (8 bits) | flags (8) | unused (16) | length, or nanoseconds of a timestamp (32)
 *   payload  the number, or the pointer
 *
 * CEL's language definition: github.com/google/cel-spec, doc/langdef.md.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"

enum cel_kind {
    CEL_UNSET = 0, /* a slot nobody filled: an error where it is read, unknown where it is lazy */
    CEL_ABSENT,    /* a slot that is known to have no value: has() is false, reading it an error */
    CEL_ERROR_VALUE,
    CEL_UNKNOWN_VALUE, /* payload: the mask of lazy facts that are needed */
    CEL_NULL,
    CEL_BOOL,
    CEL_INT,
    CEL_UINT,
    CEL_DOUBLE,
    CEL_STRING,
    CEL_BYTES,
    CEL_LIST,
    CEL_MAP,
    CEL_TYPE, /* a type as a value: payload points to its name, a struct str */
    CEL_TIMESTAMP,
    CEL_DURATION,
    CEL_OPTIONAL,
    CEL_IP,
    CEL_CIDR,
    /* The rest are kinds of static types only; no value has them. */
    CEL_DYN,
    CEL_RECORD,
    CEL_PARAM,
    CEL_WRAPPER,
    CEL_OPAQUE,
    CEL_KIND_COUNT_
};

enum cel_flag {
    CEL_FLAG_STRS = 1, /* of a list: the elements are struct str, not struct cel_value */
};

enum cel_error_code {
    CEL_E_NO_OVERLOAD = 1, /* no function of that name for these types */
    CEL_E_NO_SUCH_KEY,
    CEL_E_NO_SUCH_NAME, /* unchecked programs only: an undeclared name was read */
    CEL_E_NOT_SET,      /* a fact without a value was read */
    CEL_E_RANGE,        /* overflow, index or argument out of range */
    CEL_E_DIVIDE_BY_ZERO,
    CEL_E_INVALID, /* a string that does not parse, a bad pattern, a bad argument */
    CEL_E_COST,    /* the cost budget is spent */
    CEL_E_MEMORY,  /* the arena of the evaluation is full */
    CEL_E_FACT,    /* the caller's own: a lazy fact could not be obtained */
};

struct cel_error {
    enum cel_error_code code;
    uint32_t offset; /* byte offset of the failing sub-expression, CEL_NO_OFFSET where there is none */
    struct str message;
};

#define CEL_NO_OFFSET UINT32_MAX

struct cel_map;

struct cel_value {
    uint64_t meta;
    union {
        int64_t i;   /* INT, BOOL (0 or 1), TIMESTAMP (seconds), DURATION (nanoseconds) */
        uint64_t u;  /* UINT, UNKNOWN (mask) */
        double d;
        const char *s;                /* STRING, BYTES */
        const struct cel_value *list; /* LIST; OPTIONAL (NULL is none) */
        const struct str *strs;       /* LIST with CEL_FLAG_STRS */
        const struct cel_map *map;
        const struct cel_error *error;
        const struct str *type_name;
        const struct cel_ip *ip; /* IP, CIDR */
    };
};

struct cel_map_entry {
    struct cel_value key, value;
};

/*
 * Keys are bool, int, uint or string, and no two are equal. `index` may be NULL (then a look-up
 * scans); cel_map_index builds it for larger maps.
 */
struct cel_map {
    const struct cel_map_entry *entries;
    const uint32_t *index; /* open addressing: entry number + 1, or 0; index_mask + 1 places */
    uint32_t count, index_mask;
    uint32_t longest_key; /* in bytes, of an indexed map: a longer text need not be hashed */
};

struct cel_ip {
    uint8_t bytes[16]; /* the first 4 for family 4 */
    uint8_t family;    /* 4 or 6 */
    uint8_t prefix;    /* of a CIDR, in bits */
};

static inline enum cel_kind cel_kind_of(struct cel_value v)
{
    return (enum cel_kind)(v.meta & 0xff);
}

static inline uint32_t cel_length(struct cel_value v) /* STRING, BYTES (bytes), LIST (elements) */
{
    return (uint32_t)(v.meta >> 32);
}

static inline uint64_t cel_meta(enum cel_kind kind, unsigned flags, uint32_t length)
{
    return (uint64_t)kind | (uint64_t)flags << 8 | (uint64_t)length << 32;
}

/* --- Building values: nothing is copied ------------------------------------------------------- */

static inline struct cel_value cel_unset(void)
{
    return (struct cel_value){.meta = CEL_UNSET, .i = 0};
}

static inline struct cel_value cel_absent(void)
{
    return (struct cel_value){.meta = CEL_ABSENT, .i = 0};
}

static inline struct cel_value cel_null(void)
{
    return (struct cel_value){.meta = CEL_NULL, .i = 0};
}

static inline struct cel_value cel_bool(bool b)
{
    return (struct cel_value){.meta = CEL_BOOL, .i = b};
}

static inline struct cel_value cel_int(int64_t i)
{
    return (struct cel_value){.meta = CEL_INT, .i = i};
}

static inline struct cel_value cel_uint(uint64_t u)
{
    return (struct cel_value){.meta = CEL_UINT, .u = u};
}

static inline struct cel_value cel_double(double d)
{
    return (struct cel_value){.meta = CEL_DOUBLE, .d = d};
}

static inline struct cel_value cel_unknown(uint64_t mask)
{
    return (struct cel_value){.meta = CEL_UNKNOWN_VALUE, .u = mask};
}

struct cel_value cel_too_long(void); /* an error value */

/* A borrowed string, which should be UTF-8. One of 4 GiB or more gives an error value. */
static inline struct cel_value cel_string(struct str s)
{
    if (UNLIKELY(s.n > UINT32_MAX))
        return cel_too_long();
    return (struct cel_value){.meta = cel_meta(CEL_STRING, 0, (uint32_t)s.n), .s = s.p};
}

struct cel_value cel_bytes(struct str s);

/* A list over n borrowed values, or over n borrowed strings: list(string) without a copy. */
struct cel_value cel_list(const struct cel_value *items, size_t n);
struct cel_value cel_list_of_strs(const struct str *items, size_t n);

/* A map over a borrowed struct cel_map. */
struct cel_value cel_map(const struct cel_map *m);

/* seconds since 1970 UTC and 0 <= nanos < 1e9; out of CEL's range (years 1 to 9999): error value. */
struct cel_value cel_timestamp(int64_t seconds, uint32_t nanos);
struct cel_value cel_duration(int64_t nanoseconds);

/* The address in text, e.g. "10.0.0.7"; what does not parse gives an error value. */
struct cel_value cel_ip_of(struct arena *a, struct str text);

/* An error value that keeps `message` borrowed; for a fact that could not be obtained. */
struct cel_value cel_error_of(struct arena *a, enum cel_error_code code, struct str message);

/*
 * Fills *m over `entries`, building an index in `a` where there are many. ERR_INVALID: a key of a
 * wrong kind; ERR_EXISTS: two equal keys; ERR_LIMIT: keys made to collide; ERR_NOMEM.
 */
MUST_USE enum err cel_map_init(struct cel_map *m, struct arena *a,
                               const struct cel_map_entry *entries, size_t n);

/* --- Reading values ---------------------------------------------------------------------------- */

static inline bool cel_is(struct cel_value v, enum cel_kind kind)
{
    return cel_kind_of(v) == kind;
}

static inline struct str cel_str(struct cel_value v) /* STRING or BYTES */
{
    return (struct str){v.s, cel_length(v)};
}

/* Element i < cel_length(v) of a LIST. */
static inline struct cel_value cel_list_at(struct cel_value v, uint32_t i)
{
    return v.meta & CEL_FLAG_STRS << 8 ? cel_string(v.strs[i]) : v.list[i];
}

/* The value of the key, or NULL. */
const struct cel_value *cel_map_find(const struct cel_map *m, struct cel_value key);

/* CEL's equality: numbers by value across types, NaN unequal to all, different kinds unequal. */
bool cel_equal(struct cel_value a, struct cel_value b);

/* A fixed word such as "string" or "list": what type() is called in messages. */
const char *cel_kind_name(enum cel_kind kind);

/* Copies v and all it points to into `a`. */
MUST_USE enum err cel_value_dup(struct arena *a, struct cel_value v, struct cel_value *ret);

/*
 * v as a CEL literal would be written ('text', [1, 2], {'a': 1u}); an unknown and an error in angle
 * brackets. At most `max` bytes, cut at a character with "…".
 */
MUST_USE enum err cel_value_text(struct buf *out, struct cel_value v, size_t max);

/* v for people, as in a message: a string bare, a list of strings joined by ", ". */
MUST_USE enum err cel_value_plain(struct buf *out, struct cel_value v, size_t max);

/* v as JSON: bytes as base64, times as strings, an error as {"error":…}. */
void cel_value_json(struct json *j, struct cel_value v);
