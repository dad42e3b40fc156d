/* Boolean positions. Hot: each function is a few loads and compares; what is rare goes to `special`. */
#include "policy/cel/plan.h"

#include "policy/cel/number.h"

static enum tri fail(struct cel_eval *e, const struct plan *p, struct cel_value v)
{
    if (cel_is(v, CEL_UNKNOWN_VALUE)) {
        e->unknown = v.u;
        return TRI_UNKNOWN;
    }
    e->error = cel_at_offset(e, v, p->offset).error;
    return TRI_ERROR;
}

/* The operand of a fused node: a fact, or a variable of a macro. */
static inline struct cel_value load(const struct plan *p, const struct cel_eval *e)
{
    return p->is_local ? e->locals[p->slot] : e->slots[p->slot];
}

/* A value in a boolean position. */
static enum tri truth(struct cel_eval *e, const struct plan *p, struct cel_value v)
{
    if (LIKELY(cel_is(v, CEL_BOOL)))
        return (enum tri)v.i;
    if (is_failed(v))
        return fail(e, p, v);
    return fail(e, p, cel_fail(e, CEL_E_NO_OVERLOAD, "a bool is needed here, not %s",
                               cel_kind_name(cel_kind_of(v))));
}

/* The slot holds no plain value of the kind that the fused node is for. */
static __attribute__((noinline, cold)) enum tri special(const struct plan *p, struct cel_eval *e,
                                                        struct cel_value v)
{
    if (is_special(v) && !p->is_local)
        return fail(e, p, cel_slot_special(e, cel_schema_at(e->program->schema, p->slot), v));
    return fail(e, p, cel_fail(e, CEL_E_NO_OVERLOAD, "a value of type %s does not fit here",
                               cel_kind_name(cel_kind_of(v))));
}

/* n equal bytes, with overlapping loads instead of a call for what names and keywords are. */
static inline bool same_bytes(const char *a, const char *b, size_t n)
{
    uint64_t x, y, z, w;
    uint32_t s, t, u, v;
    if (n > 16)
        return memcmp(a, b, n) == 0;
    if (n >= 8) {
        memcpy(&x, a, 8);
        memcpy(&y, b, 8);
        memcpy(&z, a + n - 8, 8);
        memcpy(&w, b + n - 8, 8);
        return ((x ^ y) | (z ^ w)) == 0;
    }
    if (n >= 4) {
        memcpy(&s, a, 4);
        memcpy(&t, b, 4);
        memcpy(&u, a + n - 4, 4);
        memcpy(&v, b + n - 4, 4);
        return ((s ^ t) | (u ^ v)) == 0;
    }
    return n == 0 || (a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1]);
}

struct cel_value eval_test(const struct plan *p, struct cel_eval *e)
{
    switch (p->test(p, e)) {
    case TRI_FALSE:
        return cel_bool(false);
    case TRI_TRUE:
        return cel_bool(true);
    case TRI_UNKNOWN:
        return cel_unknown(e->unknown);
    case TRI_ERROR:
        break;
    }
    return (struct cel_value){.meta = CEL_ERROR_VALUE, .error = e->error};
}

enum tri test_value(const struct plan *p, struct cel_eval *e)
{
    return truth(e, p, p->eval(p, e));
}

enum tri test_constant(const struct plan *p, struct cel_eval *e)
{
    return truth(e, p, p->constant);
}

enum tri test_slot(const struct plan *p, struct cel_eval *e)
{
    struct cel_value v = e->slots[p->slot];
    e->cost++;
    return LIKELY(cel_is(v, CEL_BOOL)) ? (enum tri)v.i : special(p, e, v);
}

enum tri test_slot_not(const struct plan *p, struct cel_eval *e)
{
    struct cel_value v = e->slots[p->slot];
    e->cost++;
    return LIKELY(cel_is(v, CEL_BOOL)) ? (enum tri)(v.i ^ 1) : special(p, e, v);
}

/* --- Logic ----------------------------------------------------------------------------------------- */

/*
 * `winner` settles it whatever the others are: false for &&, true for ||. Else unknown beats error,
 * so that what is asked for next is complete.
 */
static inline enum tri absorb(const struct plan *p, struct cel_eval *e, enum tri winner)
{
    uint64_t unknown = 0;
    const struct cel_error *error = NULL;
    for (uint32_t i = 0; i < p->count; i++) {
        const struct plan *arg = p->args[i];
        enum tri t = arg->test(arg, e);
        if (t == winner)
            return winner;
        if (UNLIKELY(t == TRI_UNKNOWN))
            unknown |= e->unknown;
        else if (UNLIKELY(t == TRI_ERROR) && error == NULL)
            error = e->error;
    }
    if (UNLIKELY(unknown != 0)) {
        e->unknown = unknown;
        return TRI_UNKNOWN;
    }
    if (UNLIKELY(error != NULL)) {
        e->error = error;
        return TRI_ERROR;
    }
    return (enum tri)(winner ^ 1);
}

enum tri test_and(const struct plan *p, struct cel_eval *e)
{
    return absorb(p, e, TRI_FALSE);
}

enum tri test_or(const struct plan *p, struct cel_eval *e)
{
    return absorb(p, e, TRI_TRUE);
}

enum tri test_not(const struct plan *p, struct cel_eval *e)
{
    const struct plan *arg = p->args[0];
    enum tri t = arg->test(arg, e);
    return t <= TRI_TRUE ? (enum tri)(t ^ 1) : t;
}

enum tri test_cond(const struct plan *p, struct cel_eval *e)
{
    enum tri t = p->args[0]->test(p->args[0], e);
    if (t > TRI_TRUE)
        return t;
    const struct plan *branch = p->args[t == TRI_TRUE ? 1 : 2];
    return branch->test(branch, e);
}

/* --- A slot or variable against a constant ------------------------------------------------------------ */

enum tri test_slot_equal_string(const struct plan *p, struct cel_eval *e)
{
    struct cel_value v = load(p, e);
    e->cost++;
    if (v.meta == p->constant.meta)
        return (enum tri)(same_bytes(v.s, p->constant.s, cel_length(v)) ^ p->is_negated);
    return LIKELY(!is_special(v)) ? (enum tri)p->is_negated : special(p, e, v);
}

enum tri test_slot_equal(const struct plan *p, struct cel_eval *e)
{
    struct cel_value v = load(p, e);
    e->cost++;
    if (v.meta == p->constant.meta && cel_kind_of(v) >= CEL_BOOL && cel_kind_of(v) <= CEL_UINT)
        return (enum tri)((v.i == p->constant.i) ^ p->is_negated);
    return LIKELY(!is_special(v)) ? (enum tri)(cel_equal(v, p->constant) ^ p->is_negated)
                                  : special(p, e, v);
}

enum tri test_slot_in_strings(const struct plan *p, struct cel_eval *e)
{
    struct cel_value v = load(p, e);
    const struct cel_value *items = p->constant.list;
    e->cost++;
    if (UNLIKELY(is_special(v)))
        return special(p, e, v);
    for (uint32_t i = 0, n = cel_length(p->constant); i < n; i++)
        if (v.meta == items[i].meta && same_bytes(v.s, items[i].s, cel_length(v)))
            return (enum tri)!p->is_negated;
    return (enum tri)p->is_negated;
}

enum tri test_slot_in_set(const struct plan *p, struct cel_eval *e)
{
    struct cel_value v = load(p, e);
    e->cost++;
    if (UNLIKELY(is_special(v)))
        return special(p, e, v);
    return (enum tri)((cel_map_find(p->set, v) != NULL) ^ p->is_negated);
}

enum tri test_in_set(const struct plan *p, struct cel_eval *e)
{
    struct cel_value v = p->args[0]->eval(p->args[0], e);
    e->cost++;
    if (UNLIKELY(is_failed(v)))
        return fail(e, p, v);
    return (enum tri)(cel_map_find(p->set, v) != NULL);
}

/* The constant among the elements of the slot. */
enum tri test_string_in_slot(const struct plan *p, struct cel_eval *e)
{
    struct cel_value v = load(p, e);
    struct str want = cel_str(p->constant);
    uint32_t n = cel_length(v);
    if (UNLIKELY(!cel_is(v, CEL_LIST)))
        return special(p, e, v);
    if (!eval_charge(e, 1 + n * (1 + (uint64_t)want.n / 16)))
        return fail(e, p, eval_over_budget(e));
    for (uint32_t i = 0; i < n; i++) {
        struct cel_value x = cel_list_at(v, i);
        if (x.meta == p->constant.meta && same_bytes(x.s, want.p, want.n))
            return (enum tri)!p->is_negated;
    }
    return (enum tri)p->is_negated;
}

enum tri test_slot_starts_with(const struct plan *p, struct cel_eval *e)
{
    struct cel_value v = load(p, e);
    uint32_t n = cel_length(p->constant);
    e->cost++;
    if (UNLIKELY(!cel_is(v, CEL_STRING)))
        return special(p, e, v);
    return (enum tri)(cel_length(v) >= n && same_bytes(v.s, p->constant.s, n));
}

enum tri test_slot_ends_with(const struct plan *p, struct cel_eval *e)
{
    struct cel_value v = load(p, e);
    uint32_t n = cel_length(p->constant), length = cel_length(v);
    e->cost++;
    if (UNLIKELY(!cel_is(v, CEL_STRING)))
        return special(p, e, v);
    return (enum tri)(length >= n && (n == 0 || same_bytes(v.s + (length - n), p->constant.s, n)));
}

enum tri test_slot_contains(const struct plan *p, struct cel_eval *e)
{
    struct cel_value v = load(p, e);
    if (UNLIKELY(!cel_is(v, CEL_STRING)))
        return special(p, e, v);
    if (!eval_charge(e, 1 + cel_length(v) / 10))
        return fail(e, p, eval_over_budget(e));
    return (enum tri)str_contains(cel_str(v), cel_str(p->constant));
}

enum tri test_slot_matches(const struct plan *p, struct cel_eval *e)
{
    struct cel_value v = load(p, e);
    if (UNLIKELY(!cel_is(v, CEL_STRING)))
        return special(p, e, v);
    uint64_t cost = 1 + (cel_length(v) / 10 + 1) * (uint64_t)(cel_length(p->constant) / 4 + 1);
    if (!eval_charge(e, cost))
        return fail(e, p, eval_over_budget(e));
    return (enum tri)cel_regex_search(p->regex, cel_str(v));
}

/* Which orders of the two sides each operator accepts: bit 0 less, 1 equal, 2 greater. */
enum { ACCEPT_LESS = 1, ACCEPT_EQUAL = 2, ACCEPT_GREATER = 4 };

enum tri test_slot_compare_int(const struct plan *p, struct cel_eval *e)
{
    struct cel_value v = load(p, e);
    enum order o;
    e->cost++;
    if (LIKELY(cel_is(v, CEL_INT)))
        o = v.i < p->constant.i ? ORDER_LESS : v.i > p->constant.i ? ORDER_GREATER : ORDER_EQUAL;
    else if (cel_is(v, CEL_UINT) || cel_is(v, CEL_DOUBLE))
        o = cel_number_compare(v, p->constant);
    else
        return special(p, e, v);
    return (enum tri)(o != ORDER_NONE && (p->places[0] >> (o + 1) & 1) != 0);
}

/* --- Members, comparisons of computed values ------------------------------------------------------------ */

enum tri test_has_slot(const struct plan *p, struct cel_eval *e)
{
    struct cel_value v = e->slots[p->slot];
    e->cost++;
    if (LIKELY(!is_special(v)))
        return TRI_TRUE;
    if (cel_is(v, CEL_ABSENT) || (cel_is(v, CEL_UNSET) && p->lazy_bit < 0))
        return TRI_FALSE;
    return special(p, e, v);
}

enum tri test_has(const struct plan *p, struct cel_eval *e)
{
    struct cel_value operand = p->args[0]->eval(p->args[0], e);
    e->cost++;
    if (is_failed(operand))
        return fail(e, p, operand);
    return truth(e, p, cel_has_member(e, operand, p->node->name));
}

enum tri test_compare(const struct plan *p, struct cel_eval *e)
{
    struct cel_value args[2];
    args[0] = p->args[0]->eval(p->args[0], e);
    args[1] = p->args[1]->eval(p->args[1], e);
    if (LIKELY(cel_is(args[0], CEL_INT) && cel_is(args[1], CEL_INT))) {
        int64_t a = args[0].i, b = args[1].i;
        enum order o = a < b ? ORDER_LESS : a > b ? ORDER_GREATER : ORDER_EQUAL;
        e->cost++;
        return (enum tri)(p->places[0] >> (o + 1) & 1);
    }
    struct cel_value failed = cel_strict_failure(args, 2);
    if (is_failed(failed))
        return fail(e, p, failed);
    return truth(e, p, cel_call_overload(e, p->function, NULL, false, args, 2));
}

enum tri test_equal(const struct plan *p, struct cel_eval *e)
{
    struct cel_value args[2];
    args[0] = p->args[0]->eval(p->args[0], e);
    args[1] = p->args[1]->eval(p->args[1], e);
    if (args[0].meta == args[1].meta) {
        e->cost++;
        if (cel_is(args[0], CEL_STRING))
            return (enum tri)(same_bytes(args[0].s, args[1].s, cel_length(args[0])) ^ p->is_negated);
        if (cel_is(args[0], CEL_INT))
            return (enum tri)((args[0].i == args[1].i) ^ p->is_negated);
    }
    struct cel_value failed = cel_strict_failure(args, 2);
    if (is_failed(failed))
        return fail(e, p, failed);
    return truth(e, p, cel_call_overload(e, p->function, NULL, false, args, 2));
}
