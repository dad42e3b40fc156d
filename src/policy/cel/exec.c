/* Value positions. */
#include "policy/cel/plan.h"

#include "base/limits.h"

static inline struct cel_value value_of(const struct plan *p, struct cel_eval *e)
{
    return p->eval(p, e);
}

struct cel_value eval_constant(const struct plan *p, struct cel_eval *e)
{
    (void)e;
    return p->constant;
}

struct cel_value eval_slot(const struct plan *p, struct cel_eval *e)
{
    struct cel_value v = e->slots[p->slot];
    e->cost++;
    if (LIKELY(!is_special(v)))
        return v;
    return cel_at_offset(e, cel_slot_special(e, cel_schema_at(e->program->schema, p->slot), v), p->offset);
}

/* slot.?name: an optional, empty where the slot has no value. */
struct cel_value eval_optional_slot(const struct plan *p, struct cel_eval *e)
{
    struct cel_value v = e->slots[p->slot];
    e->cost++;
    if (cel_is(v, CEL_ABSENT) || (cel_is(v, CEL_UNSET) && p->lazy_bit < 0))
        return optional_none();
    if (is_special(v))
        return cel_at_offset(e, cel_slot_special(e, cel_schema_at(e->program->schema, p->slot), v),
                         p->offset);
    return cel_optional_of(e, v);
}

struct cel_value eval_local(const struct plan *p, struct cel_eval *e)
{
    e->cost++;
    return e->locals[p->slot];
}

/* A variable of cel.bind: its value is computed when it is first asked for. */
struct cel_value eval_lazy_local(const struct plan *p, struct cel_eval *e)
{
    struct cel_value *place = &e->locals[p->slot];
    e->cost++;
    if (cel_is(*place, CEL_UNSET))
        *place = value_of(p->args[0], e);
    return *place;
}

struct cel_value eval_undeclared(const struct plan *p, struct cel_eval *e)
{
    return cel_at_offset(e, cel_fail(e, CEL_E_NO_SUCH_NAME, "undeclared name `%.*s`",
                                 STR_FMT(p->node->name)),
                     p->offset);
}

struct cel_value eval_cond(const struct plan *p, struct cel_eval *e)
{
    const struct plan *condition = p->args[0];
    switch (condition->test(condition, e)) {
    case TRI_TRUE:
        return value_of(p->args[1], e);
    case TRI_FALSE:
        return value_of(p->args[2], e);
    case TRI_UNKNOWN:
        return cel_unknown(e->unknown);
    case TRI_ERROR:
        break;
    }
    return (struct cel_value){.meta = CEL_ERROR_VALUE, .error = e->error};
}

struct cel_value eval_select(const struct plan *p, struct cel_eval *e)
{
    struct cel_value operand = value_of(p->args[0], e);
    e->cost++;
    if (UNLIKELY(is_failed(operand)))
        return operand;
    return cel_at_offset(e, cel_select_member(e, operand, p->node->name, p->node->optional), p->offset);
}

/* --- Calls -------------------------------------------------------------------------------------------- */

static inline struct cel_value call(const struct plan *p, struct cel_eval *e,
                                    const struct cel_value *args, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (UNLIKELY(is_failed(args[i])))
            return cel_strict_failure(args, n);
    bool member = p->node->member && !p->node->namespaced;
    return cel_at_offset(e, cel_call_overload(e, p->function, p->overload, member, args, n), p->offset);
}

struct cel_value eval_call1(const struct plan *p, struct cel_eval *e)
{
    struct cel_value arg = value_of(p->args[0], e);
    return call(p, e, &arg, 1);
}

struct cel_value eval_call2(const struct plan *p, struct cel_eval *e)
{
    struct cel_value args[2];
    args[0] = value_of(p->args[0], e);
    args[1] = value_of(p->args[1], e);
    return call(p, e, args, 2);
}

struct cel_value eval_call(const struct plan *p, struct cel_eval *e)
{
    struct cel_value args[LIMIT_CEL_ARGUMENTS];
    for (uint32_t i = 0; i < p->count; i++)
        args[i] = value_of(p->args[i], e);
    return call(p, e, args, p->count);
}

struct cel_value eval_no_function(const struct plan *p, struct cel_eval *e)
{
    struct cel_value args[LIMIT_CEL_ARGUMENTS];
    for (uint32_t i = 0; i < p->count; i++)
        args[i] = value_of(p->args[i], e);
    struct cel_value failed = cel_strict_failure(args, p->count);
    if (is_failed(failed))
        return failed;
    return cel_at_offset(e, cel_fail(e, CEL_E_NO_OVERLOAD, "no function `%.*s`", STR_FMT(p->node->name)),
                     p->offset);
}

/* text.matches(pattern) with a constant pattern, compiled at load. */
struct cel_value eval_matches(const struct plan *p, struct cel_eval *e)
{
    struct cel_value text = value_of(p->args[0], e);
    if (is_failed(text))
        return text;
    if (!cel_is(text, CEL_STRING))
        return cel_at_offset(e, eval_no_overload(e, "matches"), p->offset);
    uint64_t cost = 1 + (cel_length(text) / 10 + 1) * (uint64_t)(cel_length(p->constant) / 4 + 1);
    if (!eval_charge(e, cost))
        return cel_at_offset(e, eval_over_budget(e), p->offset);
    return cel_bool(cel_regex_search(p->regex, cel_str(text)));
}

/* optional.or(other), optional.orValue(other): the other only if it is needed. */
struct cel_value eval_or_else(const struct plan *p, struct cel_eval *e)
{
    struct cel_value first = value_of(p->args[0], e);
    e->cost++;
    if (is_failed(first))
        return first;
    if (!cel_is(first, CEL_OPTIONAL))
        return cel_at_offset(e, eval_no_overload(e, "or"), p->offset);
    bool or_value = p->function->overloads[0].fn == fn_or_value;
    if (first.list != NULL)
        return or_value ? *first.list : first;
    struct cel_value other = value_of(p->args[1], e);
    if (!or_value && !is_failed(other) && !cel_is(other, CEL_OPTIONAL))
        return cel_at_offset(e, eval_no_overload(e, "or"), p->offset);
    return other;
}

/* --- Lists and maps ------------------------------------------------------------------------------------- */

/* For an entry written ?e: 1 present (unwrapped into *v), 0 left out, -1 not an optional. */
static int unwrap_entry(struct cel_value *v)
{
    if (!cel_is(*v, CEL_OPTIONAL))
        return -1;
    if (v->list == NULL)
        return 0;
    *v = *v->list;
    return 1;
}

struct cel_value eval_list(const struct plan *p, struct cel_eval *e)
{
    struct cel_value *items = eval_alloc(e, p->count * sizeof(*items));
    const bool *optionals = p->node->optionals;
    uint32_t n = 0;
    if (items == NULL)
        return cel_at_offset(e, eval_refused(e), p->offset);
    for (uint32_t i = 0; i < p->count; i++)
        items[i] = value_of(p->args[i], e);
    struct cel_value failed = cel_strict_failure(items, p->count);
    if (is_failed(failed))
        return failed;
    for (uint32_t i = 0; i < p->count; i++) {
        int present = optionals != NULL && optionals[i] ? unwrap_entry(&items[i]) : 1;
        if (present < 0)
            return cel_at_offset(e, eval_no_overload(e, "an entry behind ?"), p->offset);
        if (present != 0)
            items[n++] = items[i];
    }
    return cel_list(items, n);
}

struct cel_value eval_map(const struct plan *p, struct cel_eval *e)
{
    struct cel_map_entry *entries = eval_alloc(e, p->count / 2 * sizeof(*entries));
    const bool *optionals = p->node->optionals;
    uint32_t n = 0;
    if (entries == NULL)
        return cel_at_offset(e, eval_refused(e), p->offset);
    for (uint32_t i = 0; i < p->count / 2; i++) {
        entries[i].key = value_of(p->args[2 * i], e);
        entries[i].value = value_of(p->args[2 * i + 1], e);
    }
    struct cel_value failed = cel_strict_failure(&entries[0].key, p->count);
    if (is_failed(failed))
        return failed;
    for (uint32_t i = 0; i < p->count / 2; i++) {
        int present = optionals != NULL && optionals[i] ? unwrap_entry(&entries[i].value) : 1;
        if (present < 0)
            return cel_at_offset(e, eval_no_overload(e, "an entry behind ?"), p->offset);
        if (present != 0)
            entries[n++] = entries[i];
    }
    return cel_at_offset(e, cel_make_map(e, entries, n), p->offset);
}

/* --- Variables --------------------------------------------------------------------------------------------- */

struct cel_value eval_bind(const struct plan *p, struct cel_eval *e)
{
    e->locals[p->places[0]] = cel_unset();
    return value_of(p->args[0], e);
}

struct cel_value eval_opt_map(const struct plan *p, struct cel_eval *e)
{
    struct cel_value target = value_of(p->args[0], e);
    e->cost++;
    if (is_failed(target))
        return target;
    if (!cel_is(target, CEL_OPTIONAL))
        return cel_at_offset(e, eval_no_overload(e, "optMap"), p->offset);
    if (target.list == NULL)
        return target;
    e->locals[p->places[0]] = *target.list;
    struct cel_value body = value_of(p->args[1], e);
    if (is_failed(body))
        return body;
    if (!p->node->optional)
        return cel_at_offset(e, cel_optional_of(e, body), p->offset);
    return cel_is(body, CEL_OPTIONAL) ? body
                                      : cel_at_offset(e, eval_no_overload(e, "optFlatMap"), p->offset);
}
