/*
 * The index over guardrails: a set (one bit a guardrail) that conjuncts of the form `slot == constant`,
 * `slot in [constants]`, a bool slot, and `constant in slot` narrow without evaluating anything. What only
 * depends on the resource and the kind of action is settled when the policy is built.
 *
 * An indexed conjunct that is false makes its guardrail's condition false whatever the rest would be,
 * errors included; so leaving the guardrail out decides the same as evaluating it.
 */
#include "policy/internal.h"

#include "base/limits.h"

/* --- Sets ----------------------------------------------------------------------------------------- */

static void set_add(uint64_t *set, size_t i)
{
    set[i / 64] |= UINT64_C(1) << (i % 64);
}


/* --- Rows of a slot ------------------------------------------------------------------------------- */

static uint64_t value_hash(struct cel_value v)
{
    if (cel_is(v, CEL_STRING))
        return str_hash(cel_str(v));
    uint64_t x = v.u * UINT64_C(0x9e3779b97f4a7c15);
    return x ^ x >> 32;
}

/* Of the same kind. */
static bool value_same(struct cel_value a, struct cel_value b)
{
    return cel_is(a, CEL_STRING) ? str_eq(cel_str(a), cel_str(b)) : a.i == b.i;
}

/* The row of the value, or the empty one where it would go. */
static struct index_row *row_of(const struct index_slot *s, struct cel_value v)
{
    if (s->kind == CEL_BOOL)
        return &s->rows[v.i != 0];
    size_t at = value_hash(v) & s->mask;
    while (s->rows[at].value != NULL && !value_same(*s->rows[at].value, v))
        at = (at + 1) & s->mask;
    return &s->rows[at];
}

/* --- Which conjuncts ------------------------------------------------------------------------------ */

static bool all_of_kind(const struct cel_conjunct *c, enum cel_kind kind)
{
    for (uint32_t i = 0; i < c->value_count; i++)
        if (!cel_is(c->values[i], kind))
            return false;
    return true;
}

/* A comparison across number types is left to evaluation, and so is a lazy fact. */
static bool is_indexable(const struct policy *p, const struct cel_conjunct *c)
{
    if (!c->indexable || c->lazy != 0)
        return false;
    const struct cel_variable *v = cel_schema_at(p->facts.schema, c->slot);
    if (v == NULL || v->lazy_bit != CEL_EAGER)
        return false;
    enum cel_kind kind = v->type->kind;
    if (c->of_element)
        return cel_type_equal(v->type, &CEL_TYPE_STRINGS) && all_of_kind(c, CEL_STRING);
    return (kind == CEL_STRING || kind == CEL_INT || kind == CEL_BOOL) && all_of_kind(c, kind);
}

static const struct cel_conjunct *conjunct_of(const struct guardrail *g, size_t i)
{
    size_t n;
    return &cel_program_conjuncts(g->when, &n)[g->conjuncts[i].number];
}

static bool of_resource(const struct policy *p, uint32_t slot)
{
    enum fact_source s = p->facts.list[slot].source;
    return s == FACT_RESOURCE || s == FACT_LABEL;
}

/* The guardrail's first indexable conjunct on the slot, or NULL: one a slot is enough. */
static struct conjunct *first_on(const struct policy *p, const struct guardrail *g, uint32_t slot)
{
    for (size_t i = 0; i < g->n_conjuncts; i++) {
        const struct cel_conjunct *c = conjunct_of(g, i);
        if (is_indexable(p, c) && c->slot == slot)
            return &g->conjuncts[i];
    }
    return NULL;
}

/* --- Building ------------------------------------------------------------------------------------- */

static size_t values_on(const struct policy *p, uint32_t slot)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        const struct conjunct *c = first_on(p, &p->guardrails[i], slot);
        if (c != NULL)
            n += conjunct_of(&p->guardrails[i], (size_t)(c - p->guardrails[i].conjuncts))->value_count;
    }
    return n;
}

struct building {
    struct arena *arena;
    struct policy *p;
    struct index_slot *slots;
    size_t words, budget; /* bytes of sets that may still be made */
};

static uint64_t *set_new(struct building *b)
{
    return arena_new_array(b->arena, b->words, uint64_t);
}

static enum err row_add(struct building *b, struct index_slot *s, const struct cel_value *v,
                        size_t guardrail)
{
    struct index_row *row = row_of(s, *v);
    if (row->bits == NULL) {
        row->bits = set_new(b);
        if (row->bits == NULL)
            return ERR_NOMEM;
        row->value = v;
        memcpy(row->bits, s->other, b->words * sizeof(uint64_t));
    }
    set_add(row->bits, guardrail);
    return ERR_OK;
}

static enum err rows_fill(struct building *b, struct index_slot *s)
{
    for (size_t i = 0; i < b->p->n; i++)
        if (first_on(b->p, &b->p->guardrails[i], s->slot) == NULL)
            set_add(s->other, i);
    for (size_t i = 0; i < b->p->n; i++) {
        struct guardrail *g = &b->p->guardrails[i];
        struct conjunct *c = first_on(b->p, g, s->slot);
        if (c == NULL)
            continue;
        c->indexed = true;
        c->slot = s->slot;
        const struct cel_conjunct *from = conjunct_of(g, (size_t)(c - g->conjuncts));
        for (uint32_t k = 0; k < from->value_count; k++)
            TRY(row_add(b, s, &from->values[k], i));
    }
    /* Of a bool each value has a row, so that both are found without a test. */
    for (size_t i = 0; s->kind == CEL_BOOL && i < 2; i++)
        if (s->rows[i].bits == NULL)
            s->rows[i].bits = s->other;
    return ERR_OK;
}

static enum err slot_build(struct building *b, uint32_t slot, size_t values)
{
    size_t places = 2;
    while (places < 2 * values)
        places *= 2;
    size_t bytes = (values + 1) * b->words * sizeof(uint64_t) + places * sizeof(struct index_row);
    if (bytes > b->budget)
        return ERR_OK;
    b->budget -= bytes;
    struct index_slot *s = &b->slots[b->p->index.n_slots];
    *s = (struct index_slot){
        .slot = slot,
        .kind = cel_schema_at(b->p->facts.schema, slot)->type->kind,
        .rows = arena_new_array(b->arena, places, struct index_row),
        .mask = places - 1,
        .other = set_new(b),
    };
    if (s->rows == NULL || s->other == NULL)
        return ERR_NOMEM;
    b->p->index.n_slots++;
    return rows_fill(b, s);
}

/* What the resource settles needs no slot of the index. */
static void mark_of_resource(struct policy *p)
{
    for (size_t i = 0; i < p->n; i++) {
        struct guardrail *g = &p->guardrails[i];
        for (size_t k = 0; k < g->n_conjuncts; k++) {
            const struct cel_conjunct *c = conjunct_of(g, k);
            g->conjuncts[k].of_resource = is_indexable(p, c) && of_resource(p, c->slot);
        }
    }
}

static enum err base_build(struct building *b)
{
    struct policy *p = b->p;
    size_t resources = p->parts->n_resources;
    p->index.base = arena_new_array(b->arena, resources * ACTION_KINDS * b->words, uint64_t);
    if (p->index.base == NULL)
        return ERR_NOMEM;
    for (size_t r = 0; r < resources; r++)
        for (size_t kind = ACTION_SQL; kind < ACTION_KINDS; kind++)
            for (size_t i = 0; i < p->n; i++)
                if (guardrail_concerns(p, &p->guardrails[i], (enum action_kind)kind,
                                       &p->parts->resources[r], &p->labels[r]))
                    set_add(p->index.base + (r * ACTION_KINDS + kind) * b->words, i);
    return ERR_OK;
}

enum err index_build(struct arena *a, struct policy *p)
{
    struct building b = {
        .arena = a,
        .p = p,
        .slots = arena_new_array(a, p->facts.n, struct index_slot),
        .words = (p->n + 63) / 64,
        .budget = LIMIT_POLICY_INDEX,
    };
    if (b.slots == NULL)
        return ERR_NOMEM;
    p->index.words = b.words;
    p->index.slots = b.slots;
    mark_of_resource(p);
    for (uint32_t slot = 0; slot < p->facts.n; slot++) {
        size_t values = of_resource(p, slot) ? 0 : values_on(p, slot);
        if (values != 0)
            TRY(slot_build(&b, slot, values));
    }
    return base_build(&b);
}

/* --- Asking --------------------------------------------------------------------------------------- */

static bool resource_listed(const struct policy *p, const struct guardrail *g,
                            const struct resource *r)
{
    for (size_t i = 0; i < g->n_resources; i++)
        if (str_eq(p->parts->resources[g->resources[i]].name, r->name))
            return true;
    return g->n_resources == 0;
}

static bool among(struct cel_value v, const struct cel_conjunct *c)
{
    for (uint32_t i = 0; i < c->value_count; i++)
        if (cel_equal(v, c->values[i]))
            return true;
    return false;
}

bool guardrail_concerns(const struct policy *p, const struct guardrail *g, enum action_kind kind,
                        const struct resource *r, const struct cel_map *labels)
{
    if ((g->kinds >> kind & 1) == 0 || !resource_listed(p, g, r))
        return false;
    struct action a = {.resource = r};
    for (size_t i = 0; i < g->n_conjuncts; i++) {
        if (!g->conjuncts[i].of_resource)
            continue;
        const struct cel_conjunct *c = conjunct_of(g, i);
        if (!among(facts_value(&p->facts, c->slot, &a, labels, NULL), c))
            return false;
    }
    return true;
}

/* What a list leaves: the guardrails that ask for no element, and those that ask for one it has. False where
 * an element is no string. */
static bool keep_of_list(const struct index_slot *s, struct cel_value list, size_t words, uint64_t *keep)
{
    for (size_t w = 0; w < words; w++)
        keep[w] = s->other[w];
    for (uint32_t i = 0; i < cel_length(list); i++) {
        struct cel_value v = cel_list_at(list, i);
        if (UNLIKELY(!cel_is(v, CEL_STRING)))
            return false;
        const struct index_row *row = row_of(s, v);
        for (size_t w = 0; row->bits != NULL && w < words; w++)
            keep[w] |= row->bits[w];
    }
    return true;
}

bool index_narrow(const struct policy *p, const struct cel_value *slots, uint64_t *set, uint64_t *room,
                  bool *ret_unusual)
{
    size_t words = p->index.words;
    uint64_t any = 1;
    for (size_t i = 0; i < p->index.n_slots && any != 0; i++) {
        const struct index_slot *s = &p->index.slots[i];
        struct cel_value v = slots[s->slot];
        const uint64_t *keep = room;
        if (UNLIKELY(cel_kind_of(v) != s->kind ||
                     (s->kind == CEL_LIST && !keep_of_list(s, v, words, room)))) {
            *ret_unusual = true;
            continue;
        }
        if (s->kind != CEL_LIST) {
            const struct index_row *row = row_of(s, v);
            keep = row->bits != NULL ? row->bits : s->other;
        }
        any = 0;
        for (size_t w = 0; w < words; w++)
            any |= set[w] &= keep[w];
    }
    return any != 0;
}
