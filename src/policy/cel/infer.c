#include "policy/cel/infer.h"

void cel_inference_init(struct inference *in, struct arena *a)
{
    *in = (struct inference){.arena = a, .count = 1}; /* 0 is no variable */
}

static void *out_of_memory(struct inference *in)
{
    in->no_memory = true;
    return NULL;
}

static bool reserve_variables(struct inference *in)
{
    if (in->count < in->room)
        return true;
    uint32_t room = in->room != 0 ? in->room * 2 : 32;
    const struct cel_type **bound = arena_new_array(in->arena, room, const struct cel_type *);
    if (bound == NULL)
        return out_of_memory(in) != NULL;
    if (in->room != 0)
        memcpy(bound, in->bound, in->room * sizeof(*bound));
    in->bound = bound;
    in->room = room;
    return true;
}

const struct cel_type *cel_infer_variable(struct inference *in)
{
    struct cel_type *t = arena_new(in->arena, struct cel_type);
    if (t == NULL || !reserve_variables(in)) {
        in->no_memory = true;
        return &CEL_TYPE_DYN;
    }
    *t = (struct cel_type){.kind = CEL_PARAM, .name = STR("_"), .variable = in->count++};
    return t;
}

static bool reserve_trail(struct inference *in)
{
    if (in->trail_count < in->trail_room)
        return true;
    uint32_t room = in->trail_room != 0 ? in->trail_room * 2 : 64;
    uint32_t *trail = arena_new_array(in->arena, room, uint32_t);
    const struct cel_type **old = arena_new_array(in->arena, room, const struct cel_type *);
    if (trail == NULL || old == NULL)
        return out_of_memory(in) != NULL;
    if (in->trail_count != 0) {
        memcpy(trail, in->trail, in->trail_count * sizeof(*trail));
        memcpy(old, in->trail_old, in->trail_count * sizeof(*old));
    }
    in->trail = trail;
    in->trail_old = old;
    in->trail_room = room;
    return true;
}

static void bind(struct inference *in, uint32_t variable, const struct cel_type *t)
{
    if (!reserve_trail(in))
        return;
    in->trail[in->trail_count] = variable;
    in->trail_old[in->trail_count++] = in->bound[variable];
    in->bound[variable] = t;
}

static void roll_back(struct inference *in, uint32_t to)
{
    while (in->trail_count > to) {
        in->trail_count--;
        in->bound[in->trail[in->trail_count]] = in->trail_old[in->trail_count];
    }
}

static bool occurs(const struct inference *in, uint32_t variable, const struct cel_type *t)
{
    if (t->kind == CEL_PARAM && t->variable != 0) {
        if (t->variable == variable)
            return true;
        const struct cel_type *b = in->bound[t->variable];
        return b != NULL && occurs(in, variable, b);
    }
    for (uint32_t i = 0; i < t->param_count; i++)
        if (occurs(in, variable, t->params[i]))
            return true;
    return false;
}

static bool may_be_null(const struct cel_type *t)
{
    switch ((int)t->kind) {
    case CEL_NULL:
    case CEL_TIMESTAMP:
    case CEL_DURATION:
    case CEL_OPTIONAL:
    case CEL_OPAQUE:
    case CEL_RECORD:
    case CEL_WRAPPER:
    case CEL_IP:
    case CEL_CIDR:
        return true;
    default:
        return false;
    }
}

/* Whether a says no more than b: dyn before int, list(dyn) before list(int). Null says least of all. */
static bool less_specific(const struct cel_type *a, const struct cel_type *b)
{
    if (a->kind == CEL_DYN || a->kind == CEL_PARAM)
        return true;
    if (b->kind == CEL_DYN || b->kind == CEL_PARAM)
        return false;
    if (b->kind == CEL_NULL)
        return true;
    if (a->kind == CEL_WRAPPER && b->kind == a->params[0]->kind)
        return true;
    if (a->kind != b->kind || a->param_count != b->param_count)
        return false;
    for (uint32_t i = 0; i < a->param_count; i++)
        if (!less_specific(a->params[i], b->params[i]))
            return false;
    return true;
}

static const struct cel_type *more_general(const struct cel_type *a, const struct cel_type *b)
{
    return less_specific(a, b) ? a : b;
}

static bool assignable(struct inference *in, const struct cel_type *t1, const struct cel_type *t2);

/* Whether `t` may stand for `variable`, which is bound, or generalised, accordingly. */
static bool substitutes(struct inference *in, const struct cel_type *t,
                        const struct cel_type *variable, bool *ret_bound)
{
    *ret_bound = true;
    if (t->variable == variable->variable)
        return true;
    const struct cel_type *old = in->bound[variable->variable];
    *ret_bound = old != NULL;
    if (old != NULL) {
        if (cel_type_equal(t, old) && t->variable == old->variable)
            return true;
        if (!assignable(in, t, old))
            return false;
        const struct cel_type *general = more_general(t, old);
        if (!occurs(in, variable->variable, general))
            bind(in, variable->variable, general);
        return true;
    }
    if (occurs(in, variable->variable, t))
        return false;
    bind(in, variable->variable, t);
    return true;
}

static bool params_assignable(struct inference *in, const struct cel_type *a,
                              const struct cel_type *b)
{
    if (a->param_count != b->param_count)
        return a->kind == CEL_TYPE;
    for (uint32_t i = 0; i < a->param_count; i++)
        if (!assignable(in, a->params[i], b->params[i]))
            return false;
    return true;
}

static bool assignable(struct inference *in, const struct cel_type *t1, const struct cel_type *t2)
{
    bool bound;
    if (t2->kind == CEL_PARAM && t2->variable != 0) {
        if (substitutes(in, t1, t2, &bound))
            return true;
        if (bound)
            return false;
    }
    if (t1->kind == CEL_PARAM && t1->variable != 0)
        return substitutes(in, t2, t1, &bound);
    if (t1->kind == CEL_DYN || t2->kind == CEL_DYN || t1->kind == CEL_ERROR_VALUE ||
        t2->kind == CEL_ERROR_VALUE)
        return true;
    if (t1->kind == CEL_NULL)
        return may_be_null(t2);
    if (t2->kind == CEL_NULL)
        return may_be_null(t1);
    if (t1->kind == CEL_WRAPPER && t2->kind != CEL_WRAPPER)
        return assignable(in, t1->params[0], t2);
    if (t2->kind == CEL_WRAPPER && t1->kind != CEL_WRAPPER)
        return assignable(in, t1, t2->params[0]);
    return t1->kind == t2->kind && str_eq(t1->name, t2->name) && params_assignable(in, t1, t2);
}

bool cel_infer_assignable_all(struct inference *in, const struct cel_type *const *from,
                          const struct cel_type *const *to, uint32_t n)
{
    uint32_t mark = in->trail_count;
    for (uint32_t i = 0; i < n; i++) {
        if (!assignable(in, from[i], to[i])) {
            roll_back(in, mark);
            return false;
        }
    }
    return true;
}

bool cel_infer_assignable(struct inference *in, const struct cel_type *t1, const struct cel_type *t2)
{
    return cel_infer_assignable_all(in, &t1, &t2, 1);
}

const struct cel_type *cel_infer_join(struct inference *in, const struct cel_type *a,
                                  const struct cel_type *b)
{
    if (cel_infer_assignable(in, a, b))
        return more_general(cel_infer_resolve(in, a, false), cel_infer_resolve(in, b, false));
    return &CEL_TYPE_DYN;
}

static const struct cel_type *with_params(struct inference *in, const struct cel_type *t,
                                          const struct cel_type *const *params)
{
    struct cel_type *copy = arena_new(in->arena, struct cel_type);
    if (copy == NULL) {
        in->no_memory = true;
        return &CEL_TYPE_DYN;
    }
    *copy = *t;
    copy->params = params;
    return copy;
}

const struct cel_type *cel_infer_resolve(struct inference *in, const struct cel_type *t, bool final)
{
    if (t->kind == CEL_PARAM && t->variable != 0) {
        const struct cel_type *b = in->bound[t->variable];
        return b != NULL ? cel_infer_resolve(in, b, final) : final ? &CEL_TYPE_DYN : t;
    }
    const struct cel_type **params = NULL;
    for (uint32_t i = 0; i < t->param_count; i++) {
        const struct cel_type *p = cel_infer_resolve(in, t->params[i], final);
        if (p != t->params[i] && params == NULL) {
            params = arena_new_array(in->arena, t->param_count, const struct cel_type *);
            if (params == NULL) {
                in->no_memory = true;
                return &CEL_TYPE_DYN;
            }
            for (uint32_t k = 0; k < t->param_count; k++)
                params[k] = t->params[k];
        }
        if (params != NULL)
            params[i] = p;
    }
    return params != NULL ? with_params(in, t, params) : t;
}

static const struct cel_type *variable_for(struct inference *in, struct instance *i, struct str name)
{
    for (uint32_t k = 0; k < i->count; k++)
        if (str_eq(i->names[k], name))
            return i->variables[k];
    if (i->count == ARRAY_LEN(i->names))
        return &CEL_TYPE_DYN;
    i->names[i->count] = name;
    i->variables[i->count] = cel_infer_variable(in);
    return i->variables[i->count++];
}

const struct cel_type *cel_infer_instantiate(struct inference *in, struct instance *i,
                                         const struct cel_type *t)
{
    if (t->kind == CEL_PARAM && t->variable == 0)
        return variable_for(in, i, t->name);
    if (t->param_count == 0)
        return t;
    const struct cel_type **params = arena_new_array(in->arena, t->param_count,
                                                     const struct cel_type *);
    if (params == NULL) {
        in->no_memory = true;
        return &CEL_TYPE_DYN;
    }
    for (uint32_t k = 0; k < t->param_count; k++)
        params[k] = cel_infer_instantiate(in, i, t->params[k]);
    return with_params(in, t, params);
}
