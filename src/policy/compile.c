/* From sections to a policy: schema, programs, quorums, index. */
#include "policy/compiler.h"

#include "base/clock.h"
#include "base/nearest.h"
#include "policy/cel/re2.h"

#include <stdlib.h>

/* --- Expressions ---------------------------------------------------------------------------------- */

static const struct yaml_node *macro_node(const struct compiler *c, struct str name)
{
    for (size_t i = 0; i < c->parts->macros.n; i++)
        if (str_eq(c->parts->macros.list[i].name, name))
            return c->parts->macros.list[i].text;
    return NULL;
}

/* A diagnostic of the expression at `offset` of `v`, or of a macro that it uses, in its file. */
static void say(struct compiler *c, const struct yaml_node *v, size_t offset,
                const struct cel_diagnostic *d)
{
    enum severity severity = d->level == CEL_LEVEL_ERROR ? SEVERITY_ERROR : SEVERITY_WARNING;
    if (d->macro.n != 0) {
        const struct yaml_node *m = macro_node(c, d->macro);
        v = m != NULL ? m : v;
        offset = 0;
    }
    struct place at = yaml_place_in(v, offset + d->offset, d->length);
    problem_add(c->l->problems, severity, at, d->hint, "%.*s", STR_FMT(d->message));
}

static bool is_path_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
}

static size_t skip_blank(struct str s, size_t at)
{
    while (at < s.n && (s.p[at] == ' ' || s.p[at] == '\t' || s.p[at] == '\n' || s.p[at] == '\r'))
        at++;
    return at;
}

/* After the quoted text that starts at `at`. */
static size_t skip_quoted(struct str s, size_t at)
{
    char quote = s.p[at++];
    while (at < s.n && s.p[at] != quote)
        at += s.p[at] == '\\' ? 2 : 1;
    return at < s.n ? at + 1 : s.n;
}

/* `has(fact)`: a fact always has a value, so that would be true of a missing ticket. */
static void check_presence(struct compiler *c, const struct yaml_node *v, size_t offset, struct str s)
{
    for (size_t i = 0; i < s.n;) {
        if (s.p[i] == '\'' || s.p[i] == '"') {
            i = skip_quoted(s, i);
            continue;
        }
        size_t end = i;
        while (end < s.n && is_path_char(s.p[end]))
            end++;
        bool has = str_is((struct str){s.p + i, end - i}, "has");
        i = end > i ? end : i + 1;
        size_t path = skip_blank(s, end);
        if (!has || path == s.n || s.p[path] != '(')
            continue;
        path = skip_blank(s, path + 1);
        for (end = path; end < s.n && is_path_char(s.p[end]);)
            end++;
        const struct cel_variable *var =
            cel_schema_find(c->p->facts.schema, (struct str){s.p + path, end - path});
        if (var == NULL || var->lazy_bit != CEL_EAGER)
            continue;
        bool label = c->p->facts.list[var->slot].source == FACT_LABEL;
        problem_error(c->l->problems, yaml_place_in(v, offset + path, end - path),
                      label ? STR("write `'name' in resource.labels`")
                            : STR("compare it with '' or [] instead"),
                      "has() is true of every fact: a missing one is empty");
    }
}

enum err compile_expression(struct compiler *c, const struct yaml_node *v, size_t offset,
                            size_t length, const struct cel_type *result, struct cel_program **ret)
{
    struct cel_options o = {
        .result = result,
        .macros = c->macros,
        .macro_count = c->parts->macros.n,
        .lint = true,
    };
    struct cel_diagnostics said = {NULL, 0};
    struct str text = {v->text.p + offset, length};
    struct cel_program *p = NULL;
    check_presence(c, v, offset, text);
    enum err e = cel_compile(c->l->arena, c->p->facts.schema, text, &o, &said, &p);
    for (size_t i = 0; i < said.count; i++)
        say(c, v, offset, &said.items[i]);
    if (e == ERR_OK)
        *ret = p;
    else if (e == ERR_INVALID && said.count == 0)
        problem_error(c->l->problems, yaml_place_in(v, offset, length), STR(""),
                      "this expression cannot be compiled");
    return e == ERR_INVALID ? ERR_OK : e;
}

/* --- Conjuncts ------------------------------------------------------------------------------------ */

/* Which conjuncts of the whole policy are equal: open addressing over their canonical text. */
struct shares {
    struct conjunct **first; /* of each text: the first conjunct with it */
    const struct str **texts;
    size_t mask;
};

static void share(struct policy *p, struct shares *s, struct conjunct *c, const struct str *text)
{
    size_t at = str_hash(*text) & s->mask;
    while (s->first[at] != NULL && !str_eq(*s->texts[at], *text))
        at = (at + 1) & s->mask;
    if (s->first[at] == NULL) {
        s->first[at] = c;
        s->texts[at] = text;
        return;
    }
    if (s->first[at]->share == NO_SHARE)
        s->first[at]->share = p->n_shares++;
    c->share = s->first[at]->share;
}

static enum err conjuncts_list(struct arena *a, struct guardrail *g)
{
    size_t n = 0;
    if (g->when == NULL)
        return ERR_OK;
    cel_program_conjuncts(g->when, &n);
    struct conjunct *list = arena_new_array(a, n, struct conjunct);
    if (list == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        list[i] = (struct conjunct){.number = (uint32_t)i, .share = NO_SHARE};
    g->conjuncts = list;
    g->n_conjuncts = n;
    return ERR_OK;
}

static enum err conjuncts_share(struct arena *a, struct policy *p)
{
    size_t total = 0, size = 16;
    for (size_t i = 0; i < p->n; i++)
        total += p->guardrails[i].n_conjuncts;
    while (size < 2 * total)
        size *= 2;
    struct shares s = {
        .first = arena_new_array(a, size, struct conjunct *),
        .texts = arena_new_array(a, size, const struct str *),
        .mask = size - 1,
    };
    if (s.first == NULL || s.texts == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < p->n; i++) {
        struct guardrail *g = &p->guardrails[i];
        size_t n = 0;
        const struct cel_conjunct *from = g->when != NULL ? cel_program_conjuncts(g->when, &n) : NULL;
        for (size_t k = 0; k < n; k++)
            share(p, &s, &g->conjuncts[k], &from[k].canonical);
    }
    return ERR_OK;
}

/* --- Approvals ------------------------------------------------------------------------------------ */

static const int64_t decide_within_unless_said = 15 * 60 * NS_PER_S;
static const int64_t commit_within_unless_said = 60 * NS_PER_S;
static const int64_t run_within_unless_said = 5 * 60 * NS_PER_S;

static int64_t first_said(int64_t a, int64_t b, int64_t c)
{
    return a != 0 ? a : b != 0 ? b : c;
}

static enum err ticket_compile(struct compiler *c)
{
    const struct str pattern = c->parts->ticket->pattern;
    struct str whole;
    char why[256];
    if (pattern.n == 0)
        return ERR_OK;
    TRY(arena_printf(c->l->arena, &whole, "\\A(?:%.*s)\\z", STR_FMT(pattern)));
    return cel_regex_new(whole, &c->p->ticket_form, why, sizeof(why));
}

static struct must_state must_state_of(const struct must_state *own, const struct must_state *unsaid)
{
    struct must_state m = own->said ? *own : *unsaid;
    m.ticket = own->ticket_at != NULL ? own->ticket : unsaid->ticket;
    return m;
}

/* People who would be asked when it is over. */
static void check_waits(struct compiler *c, const struct approvals_source *s, int64_t decide_within_ns)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct approval_source *a = &s->list[i];
        for (size_t k = 0; k < a->from.n; k++)
            if (a->after_ns != NULL && a->after_ns[k] >= decide_within_ns) {
                problem_warning(c->l->problems, yaml_place(a->from.nodes[k]),
                                STR("make the wait shorter, or `decide_within` longer"),
                                "`%.*s` would be asked when the time to decide is over",
                                STR_FMT(a->from.list[k]));
                break;
            }
    }
}

static enum err defaults_compile(struct compiler *c)
{
    const struct hold_source *d = &c->parts->defaults;
    struct policy *p = c->p;
    if (d->approvals.at != NULL)
        quorum_check(c->l, c->parts->people, &d->approvals, &c->quorums);
    p->default_decide_ns = first_said(d->decide_within_ns, 0, decide_within_unless_said);
    p->default_run_ns = first_said(d->run_within_ns, 0, run_within_unless_said);
    p->default_on_disconnect =
        d->on_disconnect != 0 ? (enum on_disconnect)d->on_disconnect : ON_DISCONNECT_WITHDRAW;
    p->default_wait_return = d->wait == WAIT_RETURN;
    p->default_signing = d->signing != 0 ? (enum vote_signing)d->signing : VOTES_MAY_BE_SIGNED;
    p->default_rejects = d->rejects;
    p->default_must_state = d->must_state;
    TRY(ticket_compile(c));
    check_waits(c, &d->approvals, p->default_decide_ns);
    return needs_compile(c, &d->approvals, &p->default_needs, &p->n_default_needs);
}

static void check_resource_defaults(struct compiler *c)
{
    for (size_t i = 0; i < c->parts->n_resources; i++) {
        const struct resource *r = &c->parts->resources[i];
        if (r->default_verdict == VERDICT_HOLD && c->p->n_default_needs == 0)
            problem_error(c->l->problems, yaml_place(c->parts->resource_nodes[i]),
                          STR("say who approves: `defaults: { approvals: [...] }`"),
                          "resource `%.*s` holds by default, but nobody is named to approve",
                          STR_FMT(r->name));
    }
}

static enum err hold_compile(struct compiler *c, const struct guardrail_source *s,
                             struct guardrail *g)
{
    const struct policy *p = c->p;
    const struct hold_source *h = &s->hold;
    g->decide_within_ns = first_said(h->decide_within_ns, p->default_decide_ns, 0);
    g->must_state = must_state_of(&h->must_state, &p->default_must_state);
    g->rejects = h->rejects != 0 ? h->rejects : p->default_rejects;
    g->run_within_ns = first_said(h->run_within_ns, p->default_run_ns, 0);
    g->on_disconnect =
        h->on_disconnect != 0 ? (enum on_disconnect)h->on_disconnect : p->default_on_disconnect;
    g->wait_return = h->wait != WAIT_UNSAID ? h->wait == WAIT_RETURN : p->default_wait_return;
    g->at_commit = h->at_commit;
    g->commit_within_ns = first_said(h->commit_within_ns, 0, commit_within_unless_said);
    g->grant = h->grant;
    g->signing = h->signing != 0 ? (enum vote_signing)h->signing : p->default_signing;
    if (h->approvals.at == NULL) {
        g->needs = p->default_needs;
        g->n_needs = p->n_default_needs;
        if (g->n_needs == 0 && g->then == VERDICT_HOLD)
            problem_error(c->l->problems, yaml_place(s->name_node),
                          STR("add `approvals: [{ from: GROUP, count: 1 }]` to it or to `defaults:`"),
                          "guardrail `%.*s` holds, but nobody is named to approve", STR_FMT(g->name));
        return ERR_OK;
    }
    quorum_check(c->l, c->parts->people, &h->approvals, &c->quorums);
    check_waits(c, &h->approvals, g->decide_within_ns);
    return needs_compile(c, &h->approvals, &g->needs, &g->n_needs);
}

/* --- Guardrails ----------------------------------------------------------------------------------- */

static enum err resources_compile(struct compiler *c, const struct guardrail_source *s,
                                  struct guardrail *g)
{
    uint32_t *list = arena_new_array(c->l->arena, s->resources.n, uint32_t);
    if (list == NULL)
        return ERR_NOMEM;
    size_t n = 0;
    for (size_t i = 0; i < s->resources.n; i++) {
        struct nearest near = nearest_to(s->resources.list[i]);
        size_t k = 0;
        for (; k < c->parts->n_resources; k++) {
            if (str_eq(c->parts->resources[k].name, s->resources.list[i]))
                break;
            nearest_offer(&near, c->parts->resources[k].name);
        }
        if (k < c->parts->n_resources)
            list[n++] = (uint32_t)k;
        else
            problem_error(c->l->problems, yaml_place(s->resources.nodes[i]),
                          problem_did_you_mean(c->l->problems, near.best),
                          "there is no resource `%.*s`", STR_FMT(s->resources.list[i]));
    }
    g->resources = list;
    g->n_resources = n;
    return ERR_OK;
}

static enum err default_message(struct compiler *c, struct guardrail *g)
{
    const char *word = g->then == VERDICT_DENY ? "denied" : g->then == VERDICT_HOLD ? "held" : "allowed";
    return arena_printf(c->l->arena, &g->default_message, "%s by guardrail %.*s", word,
                        STR_FMT(g->name));
}

static enum err guardrail_compile(struct compiler *c, const struct guardrail_source *s,
                                  struct guardrail *g)
{
    *g = (struct guardrail){
        .name = s->name,
        .kinds = s->kinds,
        .then = (enum verdict)s->then,
        .observe = s->observe != 0,
        .source = s,
    };
    if (s->when != NULL)
        TRY(compile_expression(c, s->when, 0, s->when->text.n, &CEL_TYPE_BOOL, &g->when));
    if (s->message != NULL)
        TRY(message_compile(c, s->message, &g->message));
    TRY(default_message(c, g));
    TRY(resources_compile(c, s, g));
    TRY(hold_compile(c, s, g));
    TRY(conjuncts_list(c->l->arena, g));
    return cases_compile(c, g);
}

static size_t names_in(const struct approvals_source *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += s->list[i].from.n;
    return n;
}

/* Every scalar that holds expressions, for finding the labels they mention. */
static enum err expressions_list(struct compiler *c, const struct yaml_node ***ret, size_t *ret_n)
{
    const struct guardrail_sources *g = &c->parts->guardrails;
    size_t n = 0, most = c->parts->macros.n + 2 * g->n + names_in(&c->parts->defaults.approvals);
    for (size_t i = 0; i < g->n; i++)
        most += names_in(&g->list[i].hold.approvals);
    const struct yaml_node **list = arena_new_array(c->l->arena, most, const struct yaml_node *);
    if (list == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < c->parts->macros.n; i++)
        list[n++] = c->parts->macros.list[i].text;
    n += from_expressions(&c->parts->defaults.approvals, list + n);
    for (size_t i = 0; i < g->n; i++) {
        n += from_expressions(&g->list[i].hold.approvals, list + n);
        if (g->list[i].when != NULL)
            list[n++] = g->list[i].when;
        if (g->list[i].message != NULL)
            list[n++] = g->list[i].message;
    }
    *ret = list;
    *ret_n = n;
    return ERR_OK;
}

static enum err macros_compile(struct compiler *c)
{
    size_t n = c->parts->macros.n;
    c->macros = arena_new_array(c->l->arena, n, struct cel_macro);
    if (c->macros == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        c->macros[i] = (struct cel_macro){c->parts->macros.list[i].name,
                                          c->parts->macros.list[i].text->text};
    /* Each alone too, so that one nobody uses is checked. */
    for (size_t i = 0; i < n; i++) {
        const struct yaml_node *v = c->parts->macros.list[i].text;
        struct cel_program *unused = NULL;
        TRY(compile_expression(c, v, 0, v->text.n, NULL, &unused));
        cel_program_free(unused);
    }
    return ERR_OK;
}

static enum err labels_compile(struct compiler *c)
{
    size_t n = c->parts->n_resources;
    struct cel_map *maps = arena_new_array(c->l->arena, n, struct cel_map);
    if (maps == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        enum err e = facts_labels(c->l->arena, &c->parts->resources[i], &maps[i]);
        if (e != ERR_OK)
            return e == ERR_EXISTS ? ERR_OK : e; /* double labels were already said */
    }
    c->p->labels = maps;
    return ERR_OK;
}

/* --- The whole ------------------------------------------------------------------------------------ */

/* The slots that some program reads and the index does not fill. */
static enum err reads_list(struct arena *a, struct policy *p)
{
    uint32_t *list = arena_new_array(a, p->facts.n, uint32_t);
    bool *read = arena_new_array(a, p->facts.n, bool);
    if (list == NULL || read == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < p->n; i++) {
        const struct guardrail *g = &p->guardrails[i];
        for (uint32_t s = 0; s < p->facts.n; s++) {
            bool reads = g->when != NULL && cel_program_reads(g->when, s);
            for (size_t k = 0; !reads && k < g->message.n; k++)
                reads = g->message.parts[k].program != NULL &&
                        cel_program_reads(g->message.parts[k].program, s);
            read[s] = read[s] || reads;
        }
    }
    for (size_t i = 0; i < p->n_froms; i++)
        for (size_t k = 0; k < p->froms[i].n; k++)
            for (uint32_t s = 0; s < p->facts.n; s++)
                read[s] = read[s] || (p->froms[i].names[k].program != NULL &&
                                      cel_program_reads(p->froms[i].names[k].program, s));
    for (size_t i = 0; i < p->index.n_slots; i++)
        read[p->index.slots[i].slot] = false;
    for (uint32_t s = 0; s < p->facts.n; s++)
        if (read[s])
            list[p->n_reads++] = s;
    p->reads = list;
    return ERR_OK;
}

static enum err guardrails_compile(struct compiler *c)
{
    const struct guardrail_sources *s = &c->parts->guardrails;
    size_t froms = c->parts->defaults.approvals.n;
    for (size_t i = 0; i < s->n; i++)
        froms += s->list[i].hold.approvals.n;
    c->p->froms = arena_new_array(c->l->arena, froms, struct from_set);
    c->p->guardrails = arena_new_array(c->l->arena, s->n, struct guardrail);
    if (c->p->froms == NULL || c->p->guardrails == NULL)
        return ERR_NOMEM;
    TRY(defaults_compile(c));
    check_resource_defaults(c);
    for (size_t i = 0; i < s->n; i++) {
        c->p->n = i + 1; /* also a half-built one is freed */
        TRY(guardrail_compile(c, &s->list[i], &c->p->guardrails[i]));
    }
    return ERR_OK;
}

static enum err compile(struct compiler *c)
{
    const struct yaml_node **texts;
    size_t n;
    TRY(expressions_list(c, &texts, &n));
    TRY(facts_declare(c->l, c->parts, texts, n, &c->p->facts));
    TRY(macros_compile(c));
    TRY(labels_compile(c));
    TRY(guardrails_compile(c));
    if (c->l->out_of_memory)
        return ERR_NOMEM;
    if (c->l->problems->n_errors != 0)
        return ERR_INVALID;
    TRY(conjuncts_share(c->l->arena, c->p));
    TRY(index_build(c->l->arena, c->p));
    return reads_list(c->l->arena, c->p);
}

enum err policy_compile(struct loader *l, const struct policy_parts *parts, struct policy **ret)
{
    struct policy *p = arena_new(l->arena, struct policy);
    if (p == NULL)
        return ERR_NOMEM;
    p->parts = parts;
    struct compiler c = {.l = l, .parts = parts, .p = p};
    enum err e = compile(&c);
    if (e == ERR_OK)
        *ret = p;
    else
        policy_free(p);
    return e;
}

void policy_free(struct policy *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->n; i++) {
        cel_program_free(p->guardrails[i].when);
        message_free(&p->guardrails[i].message);
    }
    from_sets_free(p);
    cel_regex_free(p->ticket_form);
    cel_schema_free(p->facts.schema);
}
