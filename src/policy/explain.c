/* Why a decision came out as it did: every guardrail once more, slowly, with what decided it. */
#include "policy/internal.h"

#include "base/limits.h"

struct explaining {
    const struct policy *p;
    struct policy_eval *e;
    const struct action *a;
    struct policy_explain_options o;
    struct arena *arena;
};

struct explained {
    const struct guardrail *g;
    struct hit hit;
    struct cel_explanation why; /* no reasons where it has no condition */
    struct str message;         /* empty where it did not match */
};

static bool kind_and_resource_match(const struct explaining *x, const struct guardrail *g)
{
    if ((g->kinds >> x->a->kind & 1) == 0)
        return false;
    for (size_t i = 0; i < g->n_resources; i++)
        if (str_eq(x->p->parts->resources[g->resources[i]].name, x->a->resource->name))
            return true;
    return g->n_resources == 0;
}

/* False where it is not to be shown. The explanation lives until the next guardrail is explained. */
static enum err explain_one(const struct explaining *x, const struct guardrail *g,
                            struct explained *ret, bool *ret_show)
{
    *ret = (struct explained){.g = g};
    *ret_show = false;
    if (!kind_and_resource_match(x, g))
        return ERR_OK;
    x->e->cel.cost = 0;
    bool matched = guardrail_test(x->e, g, true, &ret->hit) != CEL_OUTCOME_FALSE;
    if (!matched && !x->o.all)
        return ERR_OK;
    if (ret->hit.outcome == CEL_OUTCOME_UNKNOWN)
        ret->hit.why = STR("it waits for a fact");
    if (ret->hit.why.n != 0)
        TRY(arena_str(x->arena, ret->hit.why, &ret->hit.why));
    if (matched)
        TRY(guardrail_message(g, x->e, &ret->hit, x->arena, &ret->message));
    if (g->when != NULL) {
        arena_reset(&x->e->arena);
        x->e->cel.cost = 0;
        x->e->cel.cost_limit = LIMIT_CEL_COST;
        TRY(cel_explain(g->when, &x->e->cel, &ret->why));
    }
    *ret_show = true;
    return ERR_OK;
}

static enum err decide(const struct explaining *x, struct decision *ret)
{
    struct policy_run *run = NULL;
    TRY(policy_decide(x->p, x->e, x->a, &run, x->arena, ret));
    return policy_eval_fill(x->p, x->e, x->a, true);
}

/* A slot that people would not see elsewhere and that has a value. */
static bool fact_shown(const struct policy *p, const struct policy_eval *e, uint32_t i)
{
    enum cel_kind k = cel_kind_of(e->slots[i]);
    return p->facts.list[i].source != FACT_LABEL && k != CEL_UNSET && k != CEL_ABSENT;
}

/* --- JSON ----------------------------------------------------------------------------------------- */

static void guardrail_json(struct json *j, const struct explained *x)
{
    json_object_begin(j);
    json_put_str(j, "name", x->g->name);
    json_put_z(j, "then", verdict_text(x->g->then));
    json_put_z(j, "mode", x->g->observe ? "observe" : "enforce");
    json_put_z(j, "outcome", cel_outcome_name(x->hit.outcome));
    if (x->message.n != 0)
        json_put_str(j, "message", x->message);
    if (x->g->when != NULL) {
        json_put_str(j, "when", cel_program_text(x->g->when));
        json_key(j, "why");
        cel_explanation_json(j, &x->why);
    }
    json_object_end(j);
}

static void facts_json(const struct explaining *x, struct json *j)
{
    json_key(j, "facts");
    json_object_begin(j);
    for (uint32_t i = 0; i < x->p->facts.n; i++) {
        if (!fact_shown(x->p, x->e, i))
            continue;
        json_key_str(j, cel_schema_at(x->p->facts.schema, i)->name);
        cel_value_json(j, x->e->slots[i]);
    }
    json_object_end(j);
}

enum err policy_explain_json(const struct policy *p, struct policy_eval *e, const struct action *a,
                             struct policy_explain_options o, struct arena *arena, struct json *out)
{
    struct explaining x = {p, e, a, o, arena};
    struct decision d;
    TRY(decide(&x, &d));
    json_object_begin(out);
    json_put_z(out, "verdict", verdict_text(d.verdict));
    json_key(out, "guardrails");
    json_array_begin(out);
    for (size_t i = 0; i < p->n; i++) {
        struct explained one;
        bool show;
        TRY(explain_one(&x, &p->guardrails[i], &one, &show));
        if (show)
            guardrail_json(out, &one);
    }
    json_array_end(out);
    if (o.facts)
        facts_json(&x, out);
    json_object_end(out);
    return json_end(out);
}

/* --- Text ----------------------------------------------------------------------------------------- */

static enum err indented(struct buf *out, struct str text, const char *indent)
{
    struct str line, rest = text;
    while (rest.n != 0) {
        if (!str_cut(rest, '\n', &line, &rest)) {
            line = rest;
            rest.n = 0;
        }
        TRY(buf_printf(out, "%s%.*s\n", indent, STR_FMT(line)));
    }
    return ERR_OK;
}

static const char *outcome_text(enum cel_outcome o)
{
    switch (o) {
    case CEL_OUTCOME_TRUE:
        return "matches";
    case CEL_OUTCOME_FALSE:
        return "does not match";
    case CEL_OUTCOME_UNKNOWN:
        return "waits for a fact";
    case CEL_OUTCOME_ERROR:
        break;
    }
    return "cannot be evaluated";
}

static enum err guardrail_text(struct buf *out, const struct explained *x)
{
    struct buf why;
    TRY(buf_printf(out, "\n%.*s (%s%s): %s\n", STR_FMT(x->g->name), verdict_text(x->g->then),
                   x->g->observe ? ", observe" : "", outcome_text(x->hit.outcome)));
    if (x->message.n != 0)
        TRY(indented(out, x->message, "  message: "));
    if (x->g->when == NULL)
        return buf_put_str(out, STR("  it has no condition\n"));
    buf_init(&why, MIB);
    enum err e = cel_explanation_text(&why, &x->why);
    if (e == ERR_OK)
        e = indented(out, buf_view(&why), "  ");
    buf_done(&why);
    return e;
}

static bool is_empty(struct cel_value v)
{
    return (cel_is(v, CEL_STRING) || cel_is(v, CEL_LIST)) && cel_length(v) == 0;
}

static enum err facts_text(const struct explaining *x, struct buf *out)
{
    TRY(buf_put_str(out, STR("\nfacts (empty ones left out):\n")));
    for (uint32_t i = 0; i < x->p->facts.n; i++) {
        if (!fact_shown(x->p, x->e, i) || is_empty(x->e->slots[i]))
            continue;
        struct str name = cel_schema_at(x->p->facts.schema, i)->name;
        TRY(buf_printf(out, "  %.*s = ", STR_FMT(name)));
        TRY(cel_value_text(out, x->e->slots[i], LIMIT_MESSAGE_VALUE));
        TRY(buf_put_u8(out, '\n'));
    }
    return ERR_OK;
}

enum err policy_explain_text(const struct policy *p, struct policy_eval *e, const struct action *a,
                             struct policy_explain_options o, struct arena *arena, struct buf *out)
{
    struct explaining x = {p, e, a, o, arena};
    struct decision d;
    TRY(decide(&x, &d));
    TRY(buf_printf(out, "verdict: %s%s\n", verdict_text(d.verdict),
                   d.n_matched == 0 ? " (the resource's default: no guardrail matches)" : ""));
    for (size_t i = 0; i < p->n; i++) {
        struct explained one;
        bool show;
        TRY(explain_one(&x, &p->guardrails[i], &one, &show));
        if (show)
            TRY(guardrail_text(out, &one));
    }
    return o.facts ? facts_text(&x, out) : ERR_OK;
}
