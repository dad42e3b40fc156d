/* `grant:` and `wait:` of a guardrail, and the section `break_glass:`. */
#include "policy/sections.h"

/* --- wait: ------------------------------------------------------------------------------------ */

void read_wait(struct loader *l, const struct yaml_node *v, void *target)
{
    static const struct word words[] = {{"hold", WAIT_HOLD}, {"return", WAIT_RETURN}};
    field_word(l, v, words, ARRAY_LEN(words), target);
}

/* --- grant: ----------------------------------------------------------------------------------- */

static void read_grant_kinds(struct loader *l, const struct yaml_node *v, void *target)
{
    static const struct word words[] = {
        {"once", GRANT_ONCE}, {"shape", GRANT_SHAPE}, {"session", GRANT_SESSION}};
    bool many = v->kind == YAML_SEQUENCE;
    uint32_t kinds = 0;
    int kind = 0;
    for (const struct yaml_node *i = many ? v->first : v; i != NULL; i = many ? i->next : NULL)
        if (field_word(l, i, words, ARRAY_LEN(words), &kind))
            kinds |= (uint32_t)kind;
    if (many && v->n == 0)
        problem_error(l->problems, yaml_place(v), STR(""), "`kinds` must name a kind of grant");
    *(uint32_t *)target = kinds;
}

static void read_uses(struct loader *l, const struct yaml_node *v, void *target)
{
    uint32_t uses = 0;
    field_count(l, v, &uses);
    if (uses == 0 || uses > LIMIT_GRANT_USES)
        problem_error(l->problems, yaml_place(v), STR(""), "`uses` is 1 to %d", LIMIT_GRANT_USES);
    else
        *(uint32_t *)target = uses;
}

void read_grant(struct loader *l, const struct yaml_node *v, void *target)
{
    static const struct field fields[] = {
        {"kinds", read_grant_kinds, offsetof(struct grant_terms, kinds), true},
        {"max", field_duration, offsetof(struct grant_terms, max_ns), false},
        {"uses", read_uses, offsetof(struct grant_terms, uses), false},
    };
    struct hold_source *h = target;
    struct grant_terms t = {.kinds = 0};
    if (!fields_read(l, v, "`grant`", fields, ARRAY_LEN(fields), &t))
        return;
    bool standing = (t.kinds & ~(uint32_t)GRANT_ONCE) != 0;
    if (standing && t.max_ns == 0)
        problem_error(l->problems, yaml_place(v), STR("add `max: 30m`: no grant lives longer"),
                      "a grant that outlives one run needs an end");
    if (!standing && (t.max_ns != 0 || t.uses != 0))
        problem_error(l->problems, yaml_place(v), STR("add `shape` or `session` to `kinds`, or remove them"),
                      "`max` and `uses` say nothing about a grant of one run");
    t.kinds &= ~(uint32_t)GRANT_ONCE; /* which is always there */
    h->grant_at = v;
    h->grant = t;
}

/* --- break_glass: ----------------------------------------------------------------------------- */

struct glass_source {
    struct text_list people, groups;
    const struct yaml_node *factor;
    int64_t review_within_ns;
};

static uint32_t read_factors(struct loader *l, const struct yaml_node *v)
{
    static const struct word words[] = {{"totp", FACTOR_TOTP}, {"sealed_token", FACTOR_SEALED_TOKEN}};
    bool many = v->kind == YAML_SEQUENCE;
    uint32_t factors = 0;
    int factor = 0;
    for (const struct yaml_node *i = many ? v->first : v; i != NULL; i = many ? i->next : NULL)
        if (field_word(l, i, words, ARRAY_LEN(words), &factor))
            factors |= (uint32_t)factor;
    if (factors == 0)
        problem_error(l->problems, yaml_place(v), STR("totp, sealed_token, or a list of both"),
                      "`second_factor` must name one: nobody breaks the glass without");
    return factors;
}

static bool is_group(const struct people *all, struct str name)
{
    for (size_t i = 0; i < all->n; i++)
        for (size_t k = 0; k < all->list[i].n_groups; k++)
            if (str_eq(all->list[i].groups[k], name))
                return true;
    return false;
}

static void check_glass_names(struct loader *l, const struct glass_source *s, const struct people *all)
{
    for (size_t i = 0; i < s->people.n; i++)
        if (people_find(all, s->people.list[i]) == NULL)
            problem_error(l->problems, yaml_place(s->people.nodes[i]), STR("name somebody of `people:`"),
                          "there is nobody named `%.*s`", STR_FMT(s->people.list[i]));
    for (size_t i = 0; i < s->groups.n; i++)
        if (!is_group(all, s->groups.list[i]))
            problem_error(l->problems, yaml_place(s->groups.nodes[i]), STR("name a group somebody is in"),
                          "nobody is in a group `%.*s`", STR_FMT(s->groups.list[i]));
}

bool break_glass_read(struct loader *l, const struct section *s, const struct people *all,
                      struct break_glass *ret)
{
    static const struct field fields[] = {
        {"people", field_texts, offsetof(struct glass_source, people), false},
        {"groups", field_texts, offsetof(struct glass_source, groups), false},
        {"second_factor", field_node, offsetof(struct glass_source, factor), true},
        {"review_within", field_duration, offsetof(struct glass_source, review_within_ns), false},
    };
    struct glass_source g = {.review_within_ns = 24 * 3600 * NS_PER_S};
    size_t errors = l->problems->n_errors;
    if (s->n == 0)
        return true;
    if (s->n > 1)
        problem_error(l->problems, yaml_place(s->parts[1]->key), STR("keep one of them"),
                      "`break_glass` stands in more than one file");
    if (!fields_read(l, s->parts[0], "`break_glass`", fields, ARRAY_LEN(fields), &g))
        return false;
    check_glass_names(l, &g, all);
    size_t n = g.people.n + g.groups.n;
    if (n == 0)
        problem_error(l->problems, yaml_place(s->parts[0]), STR("add `people:` or `groups:`"),
                      "`break_glass` names nobody");
    struct str *who = arena_new_array(l->arena, n, struct str);
    if (who == NULL) {
        l->out_of_memory = true;
        return false;
    }
    for (size_t i = 0; i < n; i++)
        who[i] = i < g.people.n ? g.people.list[i] : g.groups.list[i - g.people.n];
    *ret = (struct break_glass){who, n, read_factors(l, g.factor), g.review_within_ns};
    return l->problems->n_errors == errors;
}
