/*
 * Type inference: type variables, what is assignable to what, the join of two types. The rules are
 * those of CEL's reference checker: `dyn` fits everything, null fits what may be null.
 */
#pragma once

#include "policy/cel/schema.h"

struct inference {
    struct arena *arena;
    const struct cel_type **bound; /* by number of type variable; NULL: free */
    uint32_t count, room;
    uint32_t *trail; /* variables in the order in which they were bound; old values beside */
    const struct cel_type **trail_old;
    uint32_t trail_count, trail_room;
    bool no_memory;
};

void cel_inference_init(struct inference *in, struct arena *a);

/* A fresh type variable. */
const struct cel_type *cel_infer_variable(struct inference *in);

/* Whether a value of type t1 may stand where t2 is wanted; binds variables only if so. */
bool cel_infer_assignable(struct inference *in, const struct cel_type *t1, const struct cel_type *t2);

/* The same for n pairs together. */
bool cel_infer_assignable_all(struct inference *in, const struct cel_type *const *from,
                          const struct cel_type *const *to, uint32_t n);

/* The type of a list that holds both: the more general one where one fits the other, else dyn. */
const struct cel_type *cel_infer_join(struct inference *in, const struct cel_type *a,
                                  const struct cel_type *b);

/* t with its bound variables replaced; with `final`, free ones become dyn. */
const struct cel_type *cel_infer_resolve(struct inference *in, const struct cel_type *t, bool final);

/* A copy of a declared type (names as parameters) with fresh variables; equal names, equal variable. */
struct instance {
    struct str names[8];
    const struct cel_type *variables[8];
    uint32_t count;
};
const struct cel_type *cel_infer_instantiate(struct inference *in, struct instance *i,
                                         const struct cel_type *t);
