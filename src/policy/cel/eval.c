/* What both evaluators share: slots, strict calls, member access, errors, memory and cost. */
#include "policy/cel/plan.h"

#include "base/limits.h"

#include <stdarg.h>
#include <stdio.h>

static const struct cel_error over_budget = {CEL_E_COST, CEL_NO_OFFSET,
                                             STR_INIT("the cost budget of the evaluation is spent")};
static const struct cel_error no_memory = {CEL_E_MEMORY, CEL_NO_OFFSET,
                                           STR_INIT("the evaluation needs too much memory")};

static struct cel_value fixed_error(const struct cel_error *error)
{
    return (struct cel_value){.meta = CEL_ERROR_VALUE, .error = error};
}

struct cel_value eval_over_budget(struct cel_eval *e)
{
    (void)e;
    return fixed_error(&over_budget);
}

struct cel_value eval_no_memory(struct cel_eval *e)
{
    (void)e;
    return fixed_error(&no_memory);
}

struct cel_value eval_refused(struct cel_eval *e)
{
    return e->cost > e->cost_limit ? eval_over_budget(e) : eval_no_memory(e);
}

void *eval_alloc(struct cel_eval *e, size_t n)
{
    return eval_charge(e, 1 + n / 16) ? arena_alloc(e->arena, n) : NULL;
}

struct cel_value cel_fail(struct cel_eval *e, enum cel_error_code code, const char *fmt, ...)
{
    char text[256];
    struct str message;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (arena_str(e->arena, str_of(text), &message) != ERR_OK)
        return eval_no_memory(e);
    return cel_error_of(e->arena, code, message);
}

struct cel_value eval_no_overload(struct cel_eval *e, const char *what)
{
    return cel_fail(e, CEL_E_NO_OVERLOAD, "%s is not defined for these types", what);
}

struct cel_value eval_string(struct cel_eval *e, struct str s)
{
    char *p = eval_alloc(e, s.n);
    if (p == NULL)
        return eval_refused(e);
    if (s.n != 0)
        memcpy(p, s.p, s.n);
    return cel_string(str_from(p, s.n));
}

struct cel_value cel_at_offset(struct cel_eval *e, struct cel_value v, uint32_t offset)
{
    if (!cel_is(v, CEL_ERROR_VALUE) || v.error->offset != CEL_NO_OFFSET)
        return v;
    struct cel_error *copy = arena_new(e->arena, struct cel_error);
    if (copy == NULL)
        return v;
    *copy = *v.error;
    copy->offset = offset;
    return fixed_error(copy);
}

struct cel_value cel_slot_special(struct cel_eval *e, const struct cel_variable *v, struct cel_value value)
{
    if (is_failed(value))
        return value;
    if (cel_is(value, CEL_UNSET) && v->lazy_bit >= 0)
        return cel_unknown((uint64_t)1 << v->lazy_bit);
    return cel_fail(e, CEL_E_NOT_SET, "%.*s has no value", STR_FMT(v->name));
}

struct cel_value cel_strict_failure(const struct cel_value *args, uint32_t n)
{
    uint64_t unknown = 0;
    const struct cel_value *error = NULL;
    for (uint32_t i = 0; i < n; i++) {
        if (cel_is(args[i], CEL_UNKNOWN_VALUE))
            unknown |= args[i].u;
        else if (cel_is(args[i], CEL_ERROR_VALUE) && error == NULL)
            error = &args[i];
    }
    return unknown != 0 ? cel_unknown(unknown) : error != NULL ? *error : cel_unset();
}

/* --- Calls --------------------------------------------------------------------------------------- */

static uint64_t size_of(struct cel_value v)
{
    switch ((int)cel_kind_of(v)) {
    case CEL_STRING:
    case CEL_BYTES:
    case CEL_LIST:
        return cel_length(v);
    case CEL_MAP:
        return v.map->count;
    default:
        return 0;
    }
}

static uint64_t cost_of(const struct overload *o, const struct cel_value *args, uint32_t n)
{
    uint64_t first = n > 0 ? size_of(args[0]) : 0, second = n > 1 ? size_of(args[1]) : 0, sum = 0;
    switch (o->cost) {
    case COST_SCAN:
        for (uint32_t i = 0; i < n; i++)
            sum += size_of(args[i]);
        return 1 + sum / 10;
    case COST_PRODUCT:
        return 1 + first / 10 * (1 + second / 10);
    case COST_REGEX:
        return 1 + (first / 10 + 1) * (second / 4 + 1);
    case COST_HOST:
        return o->host_cost;
    case COST_UNIT:
    case COST_OWN:
        break;
    }
    return 1;
}

static bool fits(const struct overload *o, bool member, const struct cel_value *args, uint32_t n)
{
    if (o->variadic)
        return !member && n > 0;
    if (o->member != member || o->param_count != n)
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (!kind_fits(o->params[i], cel_kind_of(args[i])))
            return false;
    return true;
}

static struct cel_value run(struct cel_eval *e, const struct overload *o,
                            const struct cel_value *args, uint32_t n)
{
    if (!eval_charge(e, cost_of(o, args, n)))
        return eval_over_budget(e);
    if (o->fn == NULL)
        return cel_fail(e, CEL_E_NO_OVERLOAD, "`%.*s` has no implementation", STR_FMT(o->name));
    return o->fn(e, args, n);
}

struct cel_value cel_call_overload(struct cel_eval *e, const struct function *f,
                               const struct overload *only, bool member,
                               const struct cel_value *args, uint32_t n)
{
    /* Operators take any kinds and judge for themselves: numbers mix at run time. */
    if (f->name.p[f->name.n - 1] == '_' || (f->name.p[0] == '_' && f->name.n > 1))
        return run(e, &f->overloads[0], args, n);
    if (only != NULL && fits(only, member, args, n))
        return run(e, only, args, n);
    for (uint32_t i = 0; i < f->count; i++)
        if (fits(&f->overloads[i], member, args, n))
            return run(e, &f->overloads[i], args, n);
    return cel_fail(e, CEL_E_NO_OVERLOAD, "`%.*s` is not defined for (%s%s%s%s)", STR_FMT(f->name),
                    n > 0 ? cel_kind_name(cel_kind_of(args[0])) : "", n > 1 ? ", " : "",
                    n > 1 ? cel_kind_name(cel_kind_of(args[1])) : "", n > 2 ? ", …" : "");
}

/* --- Members --------------------------------------------------------------------------------------- */

struct cel_value cel_optional_of(struct cel_eval *e, struct cel_value v)
{
    struct cel_value *copy = eval_alloc(e, sizeof(*copy));
    if (copy == NULL)
        return eval_refused(e);
    *copy = v;
    return (struct cel_value){.meta = CEL_OPTIONAL, .list = copy};
}

struct cel_value cel_select_member(struct cel_eval *e, struct cel_value operand, struct str name,
                               bool optional)
{
    if (cel_is(operand, CEL_OPTIONAL)) {
        if (operand.list == NULL)
            return operand;
        return cel_select_member(e, *operand.list, name, true);
    }
    if (!cel_is(operand, CEL_MAP))
        return cel_fail(e, CEL_E_NO_OVERLOAD, "a value of type %s has no member `%.*s`",
                        cel_kind_name(cel_kind_of(operand)), STR_FMT(name));
    const struct cel_value *v = cel_map_find(operand.map, cel_string(name));
    if (optional)
        return v != NULL ? cel_optional_of(e, *v) : optional_none();
    return v != NULL ? *v : cel_fail(e, CEL_E_NO_SUCH_KEY, "no such key: %.*s", STR_FMT(name));
}

struct cel_value cel_has_member(struct cel_eval *e, struct cel_value operand, struct str name)
{
    if (cel_is(operand, CEL_OPTIONAL))
        return operand.list == NULL ? cel_bool(false) : cel_has_member(e, *operand.list, name);
    if (!cel_is(operand, CEL_MAP))
        return cel_fail(e, CEL_E_NO_OVERLOAD, "has(): a value of type %s has no members",
                        cel_kind_name(cel_kind_of(operand)));
    return cel_bool(cel_map_find(operand.map, cel_string(name)) != NULL);
}

/* --- Building maps ----------------------------------------------------------------------------------- */

struct cel_value cel_make_map(struct cel_eval *e, struct cel_map_entry *entries, size_t n)
{
    struct cel_map *m = eval_alloc(e, sizeof(*m));
    if (m == NULL || !eval_charge(e, n))
        return eval_refused(e);
    switch ((int)cel_map_init(m, e->arena, entries, n)) {
    case ERR_OK:
        return cel_map(m);
    case ERR_EXISTS:
        return cel_fail(e, CEL_E_INVALID, "a map with the same key twice");
    case ERR_NOMEM:
        return eval_no_memory(e);
    case ERR_LIMIT:
        return cel_fail(e, CEL_E_INVALID, "a map whose keys were made to collide");
    default:
        return cel_fail(e, CEL_E_INVALID, "a map's key is bool, int, uint or string");
    }
}

struct cel_value cel_merge_entries(struct cel_eval *e, struct cel_map_entry **to, size_t *count,
                               size_t *room, struct cel_value from)
{
    if (!cel_is(from, CEL_MAP))
        return eval_no_overload(e, "transformMapEntry");
    size_t needed = *count + from.map->count;
    if (needed > *room) {
        size_t more = needed * 2;
        struct cel_map_entry *entries = eval_alloc(e, more * sizeof(*entries));
        if (entries == NULL)
            return eval_refused(e);
        if (*count != 0)
            memcpy(entries, *to, *count * sizeof(*entries));
        *to = entries;
        *room = more;
    }
    for (uint32_t i = 0; i < from.map->count; i++)
        (*to)[(*count)++] = from.map->entries[i];
    return cel_unset();
}
