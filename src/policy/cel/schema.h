/*
 * What an expression may name: variables with static types, each with a slot.
 *
 * A variable's name is a dotted path (`sql.has_where`); every path is one slot of the activation,
 * so member access costs nothing at run time. `sql` itself is then a namespace, not a value.
 * A slot may be lazy: while it is CEL_UNSET, reading it gives `unknown` with the bit it was
 * declared with, so that the caller learns which facts it must obtain.
 */
#pragma once

#include "policy/cel/value.h"

/* An immutable type; compare with cel_type_equal. The scalar ones are the constants below. */
struct cel_type {
    enum cel_kind kind;
    struct str name;                       /* RECORD, PARAM, OPAQUE */
    const struct cel_type *const *params;  /* LIST 1, MAP 2, OPTIONAL 1, WRAPPER 1, TYPE 0|1, OPAQUE n */
    const struct cel_field *fields;        /* RECORD */
    uint32_t param_count, field_count;
    uint32_t variable; /* the checker's: the number of a type variable; else 0 */
};

struct cel_field {
    struct str name;
    const struct cel_type *type;
};

extern const struct cel_type CEL_TYPE_DYN, CEL_TYPE_NULL, CEL_TYPE_BOOL, CEL_TYPE_INT, CEL_TYPE_UINT,
    CEL_TYPE_DOUBLE, CEL_TYPE_STRING, CEL_TYPE_BYTES, CEL_TYPE_TIMESTAMP, CEL_TYPE_DURATION,
    CEL_TYPE_IP, CEL_TYPE_CIDR, CEL_TYPE_TYPE, CEL_TYPE_ERROR;
/* The common compound ones. */
extern const struct cel_type CEL_TYPE_STRINGS, CEL_TYPE_LABELS; /* list(string), map(string, string) */

/* NULL when the arena is full. */
const struct cel_type *cel_type_list(struct arena *a, const struct cel_type *element);
const struct cel_type *cel_type_map(struct arena *a, const struct cel_type *key,
                                    const struct cel_type *value);
const struct cel_type *cel_type_optional(struct arena *a, const struct cel_type *value);
/* A record, as the element of a list: at run time a map with string keys. `fields` is borrowed. */
const struct cel_type *cel_type_record(struct arena *a, struct str name,
                                       const struct cel_field *fields, size_t n);

bool cel_type_equal(const struct cel_type *a, const struct cel_type *b);

/* e.g. map(string, list(int)). */
MUST_USE enum err cel_type_text(struct buf *out, const struct cel_type *t);

struct cel_eval;

/* A function of the host: n arguments of the declared kinds. Errors by cel_fail (cel.h). */
typedef struct cel_value cel_host_fn(struct cel_eval *e, const struct cel_value *args, uint32_t n);

struct cel_variable {
    struct str name; /* the dotted path */
    const struct cel_type *type;
    uint32_t slot;
    int8_t lazy_bit; /* 0..63, CEL_EAGER */
};

enum { CEL_EAGER = -1 };

struct cel_schema;

/* `cap`: the most memory the declarations may take. */
MUST_USE enum err cel_schema_new(size_t cap, struct cel_schema **ret);
void cel_schema_free(struct cel_schema *s);

/*
 * Declares a variable. `type` is borrowed and must outlive the schema (the constants do; build
 * others in cel_schema_arena). lazy_bit: 0..63 or CEL_EAGER. Slots count up from 0.
 * ERR_EXISTS: the name is taken; ERR_INVALID: not a dotted path, or a bad bit; ERR_NOMEM.
 */
MUST_USE enum err cel_schema_var(struct cel_schema *s, struct str name, const struct cel_type *type,
                                 int lazy_bit, uint32_t *ret_slot);

/*
 * Declares an overload of a host function, member or global. `fn` may be NULL: it checks, and
 * calling it is an error. `cost` is charged for each call.
 */
MUST_USE enum err cel_schema_function(struct cel_schema *s, struct str name, bool member,
                                      const struct cel_type *const *params, size_t n,
                                      const struct cel_type *result, cel_host_fn *fn, uint32_t cost);

/* Memory that lives as long as the schema. */
struct arena *cel_schema_arena(struct cel_schema *s);

/* How many slots an activation of this schema has. */
uint32_t cel_schema_slots(const struct cel_schema *s);
/* The variable of a slot, or of a full name; NULL where there is none. */
const struct cel_variable *cel_schema_at(const struct cel_schema *s, uint32_t slot);
const struct cel_variable *cel_schema_find(const struct cel_schema *s, struct str name);
