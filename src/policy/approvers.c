/* Who approves: the sets of people under `from`, compiled, and what they are for one action. */
#include "policy/compiler.h"

#include "base/limits.h"

/* Names that one expression may yield: more people than anybody asks. */
enum { NAMES_MAX = 64 };

/* --- Compiling -------------------------------------------------------------------------------- */

static bool same_set(const struct from_set *f, const struct approval_source *a)
{
    if (f->n != a->from.n || f->stage != a->stage)
        return false;
    for (size_t i = 0; i < f->n; i++)
        if (!str_eq(f->names[i].text, a->from.list[i]) || f->after_ns[i] != a->after_ns[i])
            return false;
    return true;
}

static bool yields_names(const struct cel_type *t)
{
    return t->kind == CEL_STRING ||
           (t->kind == CEL_LIST && t->param_count == 1 && t->params[0]->kind == CEL_STRING);
}

/* Facts that the requester writes at will: with them, requesters would choose their approvers. */
static struct str chosen_by_requester(const struct compiler *c, const struct cel_program *p)
{
    static const char *const names[] = {"context.application", "context.reason", "context.ticket",
                                        "action.text"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct cel_variable *v = cel_schema_find(c->p->facts.schema, str_of(names[i]));
        if (v != NULL && cel_program_reads(p, v->slot))
            return str_of(names[i]);
    }
    return (struct str){NULL, 0};
}

static void check_expression(struct compiler *c, const struct yaml_node *v,
                             const struct cel_program *p)
{
    struct str chosen = chosen_by_requester(c, p);
    if (!yields_names(cel_program_type(p)))
        problem_error(c->l->problems, yaml_place(v),
                      STR("an expression under `from` yields a name or a list of names: string or "
                          "list(string)"),
                      "this yields neither a text nor a list of texts");
    else if (cel_program_lazy(p) != 0)
        problem_error(c->l->problems, yaml_place(v), STR("use facts of the resource or the subject"),
                      "who approves cannot depend on a fact that has to be looked up");
    else if (chosen.n != 0)
        problem_error(c->l->problems, yaml_place(v), STR("use facts of the resource or the subject"),
                      "the requester sets `%.*s`, and would choose who approves", STR_FMT(chosen));
}

static enum err name_compile(struct compiler *c, const struct approval_source *a, size_t i,
                             struct from_name *ret)
{
    const struct yaml_node *v = a->from.nodes[i];
    *ret = (struct from_name){.text = a->from.list[i]};
    if (!from_is_expression(v->text))
        return ERR_OK;
    TRY(compile_expression(c, v, 0, v->text.n, NULL, &ret->program));
    if (ret->program != NULL)
        check_expression(c, v, ret->program);
    return ERR_OK;
}

static enum err set_compile(struct compiler *c, const struct approval_source *a)
{
    struct from_name *names = arena_new_array(c->l->arena, a->from.n, struct from_name);
    struct from_set *f = &c->p->froms[c->p->n_froms++];
    if (names == NULL)
        return ERR_NOMEM;
    *f = (struct from_set){.names = names, .after_ns = a->after_ns, .stage = a->stage};
    bool waits = false;
    for (size_t i = 0; i < a->from.n; i++) {
        f->n = i + 1; /* also a half-built one is freed */
        TRY(name_compile(c, a, i, &names[i]));
        f->computed = f->computed || names[i].program != NULL;
        waits = waits || a->after_ns[i] != 0;
    }
    f->as_it_is = (struct requirement){.from = a->from.list,
                                       .n_from = a->from.n,
                                       .after_ns = waits ? a->after_ns : NULL,
                                       .stage = a->stage};
    return ERR_OK;
}

static enum err set_number(struct compiler *c, const struct approval_source *a, uint32_t *ret)
{
    for (size_t i = 0; i < c->p->n_froms; i++)
        if (same_set(&c->p->froms[i], a)) {
            *ret = (uint32_t)i;
            return ERR_OK;
        }
    *ret = (uint32_t)c->p->n_froms;
    return set_compile(c, a);
}

enum err needs_compile(struct compiler *c, const struct approvals_source *s,
                       const struct need **ret, size_t *ret_n)
{
    struct need *list = arena_new_array(c->l->arena, s->n, struct need);
    if (list == NULL || c->l->out_of_memory)
        return ERR_NOMEM;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        uint32_t from;
        TRY(set_number(c, &s->list[i], &from));
        size_t k = 0;
        while (k < n && list[k].from != from)
            k++;
        n += k == n;
        list[k].from = from;
        list[k].count += s->list[i].count;
    }
    *ret = list;
    *ret_n = n;
    return ERR_OK;
}

size_t from_expressions(const struct approvals_source *s, const struct yaml_node **list)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = 0; k < s->list[i].from.n; k++)
            if (from_is_expression(s->list[i].from.list[k]))
                list[n++] = s->list[i].from.nodes[k];
    return n;
}

void from_sets_free(struct policy *p)
{
    for (size_t i = 0; i < p->n_froms; i++)
        for (size_t k = 0; k < p->froms[i].n; k++)
            cel_program_free(p->froms[i].names[k].program);
}

/* --- For one action --------------------------------------------------------------------------- */

struct resolving {
    struct arena *arena;
    struct str *names;
    int64_t *waits;
    size_t n;
};

static enum err put(struct resolving *x, struct str name, int64_t wait)
{
    x->waits[x->n] = wait;
    return arena_str(x->arena, name, &x->names[x->n++]);
}

/* In the place of names: why there are none. No name has a space or a quote in it. */
static enum err put_none(struct resolving *x, const struct from_name *f, int64_t wait,
                         const char *why)
{
    x->waits[x->n] = wait;
    return arena_printf(x->arena, &x->names[x->n++], "`%.*s` (which %s)", STR_FMT(f->text), why);
}

static bool is_usable(struct cel_value v)
{
    return cel_is(v, CEL_STRING) && name_is_of_person(cel_str(v)) && !from_is_expression(cel_str(v));
}

static enum err put_value(struct resolving *x, const struct from_name *f, int64_t wait,
                          struct cel_value v)
{
    if (cel_is(v, CEL_STRING))
        return cel_length(v) == 0 ? put_none(x, f, wait, "is empty")
               : is_usable(v)     ? put(x, cel_str(v), wait)
                                  : put_none(x, f, wait, "is no name");
    if (!cel_is(v, CEL_LIST))
        return put_none(x, f, wait, "could not be evaluated");
    if (cel_length(v) == 0 || cel_length(v) > NAMES_MAX)
        return put_none(x, f, wait, cel_length(v) == 0 ? "is empty" : "yields too many names");
    for (uint32_t i = 0; i < cel_length(v); i++) {
        struct cel_value one = cel_list_at(v, i);
        TRY(is_usable(one) ? put(x, cel_str(one), wait)
                           : put_none(x, f, wait, "has something that is no name"));
    }
    return ERR_OK;
}

static enum err put_name(struct resolving *x, const struct from_name *f, int64_t wait,
                         struct policy_eval *e)
{
    if (f->program == NULL)
        return put(x, f->text, wait);
    e->cel.cost = 0;
    e->cel.cost_limit = LIMIT_CEL_COST;
    return put_value(x, f, wait, cel_evaluate(f->program, &e->cel));
}

enum err from_set_resolve(const struct from_set *f, struct policy_eval *e, struct arena *arena,
                          struct requirement *ret)
{
    if (!f->computed) {
        *ret = f->as_it_is;
        return ERR_OK;
    }
    struct resolving x = {.arena = arena,
                          .names = arena_new_array(arena, f->n * NAMES_MAX, struct str),
                          .waits = arena_new_array(arena, f->n * NAMES_MAX, int64_t)};
    if (x.names == NULL || x.waits == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < f->n; i++)
        TRY(put_name(&x, &f->names[i], f->after_ns[i], e));
    *ret = (struct requirement){.from = x.names,
                                .n_from = x.n,
                                .after_ns = f->as_it_is.after_ns != NULL ? x.waits : NULL,
                                .stage = f->stage};
    return ERR_OK;
}
