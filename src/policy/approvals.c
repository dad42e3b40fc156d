/*
 * `approvals:` as text. A list of entries, of which each is one of three:
 *
 *   { from: dba, count: 2 }               a requirement
 *   { from: leads, after: approved }      a requirement of the next stage: asked once all above are met
 *   { from: leads, after: 10m }           no requirement of its own: these people may stand in for the
 *                                         entry above when it is still not met after that time
 */
#include "policy/approvals.h"

#include "base/clock.h"

struct entry {
    struct text_list from;
    const struct yaml_node *count_node, *after_node;
    uint32_t count;
    bool next_stage;
    int64_t after_ns;
};

bool from_is_expression(struct str text)
{
    static const char *const spaces[] = {"resource.", "subject.", "context.", "sql.", "action."};
    for (size_t i = 0; i < ARRAY_LEN(spaces); i++)
        if (str_starts(text, str_of(spaces[i])))
            return true;
    for (size_t i = 0; i < text.n; i++)
        if (memchr(" ([?'\"", text.p[i], 6) != NULL)
            return true;
    return false;
}

static void read_after(struct loader *l, const struct yaml_node *v, void *target)
{
    struct entry *e = target;
    if (!field_is_scalar(l, v, "`approved` or a duration"))
        return;
    e->after_node = v;
    e->next_stage = str_is(v->text, "approved");
    if (!e->next_stage && (duration_parse(v->text, &e->after_ns) != ERR_OK || e->after_ns <= 0)) {
        e->after_ns = 0;
        problem_error(l->problems, yaml_place(v),
                      STR("write `approved` for a stage that follows, or a duration such as 10m for "
                          "people who are asked when nobody answered"),
                      "`%.*s` is neither `approved` nor a duration", STR_FMT(v->text));
    }
}

static void read_count(struct loader *l, const struct yaml_node *v, void *target)
{
    struct entry *e = target;
    e->count_node = v;
    field_count(l, v, &e->count);
}

static bool entry_read(struct loader *l, const struct yaml_node *v, struct entry *e)
{
    static const struct field fields[] = {
        {"from", field_texts, offsetof(struct entry, from), true},
        {"count", read_count, 0, false},
        {"after", read_after, 0, false},
    };
    size_t errors = l->problems->n_errors;
    *e = (struct entry){.count = 1};
    if (!fields_read(l, v, "an approval", fields, ARRAY_LEN(fields), e))
        return false;
    if (e->count == 0 || e->count > LIMIT_APPROVALS)
        problem_error(l->problems, yaml_place(e->count_node), STR(""), "`count` is 1 to %d",
                      LIMIT_APPROVALS);
    else if (e->from.n == 0)
        problem_error(l->problems, yaml_place(yaml_get(v, "from")), STR(""),
                      "`from` must name a group or a person");
    else if (e->after_ns != 0 && e->count_node != NULL)
        problem_error(l->problems, yaml_place(e->count_node),
                      STR("leave `count` out: how many are needed stands in the entry above"),
                      "an entry that waits for a time adds people to the entry above it");
    return l->problems->n_errors == errors;
}

/* A requirement of its own. */
static void put_requirement(const struct entry *e, const struct yaml_node *at, uint32_t stage,
                            struct loader *l, struct approval_source *ret)
{
    int64_t *waits = arena_new_array(l->arena, e->from.n, int64_t);
    if (waits == NULL)
        l->out_of_memory = true;
    *ret = (struct approval_source){at, e->from, waits, e->count, stage};
}

/* More people for the one before, after a wait. */
static void widen(struct loader *l, struct approval_source *a, const struct entry *e)
{
    size_t n = a->from.n + e->from.n;
    struct str *texts = arena_new_array(l->arena, n, struct str);
    const struct yaml_node **nodes = arena_new_array(l->arena, n, const struct yaml_node *);
    int64_t *waits = arena_new_array(l->arena, n, int64_t);
    if (texts == NULL || nodes == NULL || waits == NULL || a->after_ns == NULL) {
        l->out_of_memory = true;
        return;
    }
    if (e->after_ns < a->after_ns[a->from.n - 1]) {
        problem_error(l->problems, yaml_place(e->after_node),
                      STR("every wait counts from when the first were asked"),
                      "this wait is shorter than the one above");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        bool old = i < a->from.n;
        texts[i] = old ? a->from.list[i] : e->from.list[i - a->from.n];
        nodes[i] = old ? a->from.nodes[i] : e->from.nodes[i - a->from.n];
        waits[i] = old ? a->after_ns[i] : e->after_ns;
    }
    a->from = (struct text_list){texts, nodes, n};
    a->after_ns = waits;
}

static void put_entry(struct loader *l, const struct yaml_node *v, const struct entry *e,
                      struct approval_source *list, size_t *n)
{
    if (e->after_node != NULL && *n == 0)
        problem_error(l->problems, yaml_place(e->after_node), STR("leave `after` out here"),
                      "the first approval has nothing to wait for");
    else if (e->after_ns != 0)
        widen(l, &list[*n - 1], e);
    else {
        uint32_t stage = *n == 0 ? 0 : list[*n - 1].stage + (e->next_stage ? 1 : 0);
        put_requirement(e, v, stage, l, &list[(*n)++]);
    }
}

void field_approvals(struct loader *l, const struct yaml_node *v, void *target)
{
    bool many = v->kind == YAML_SEQUENCE;
    size_t n = 0, want = many ? v->n : 1;
    struct approval_source *list = arena_new_array(l->arena, want, struct approval_source);
    struct entry e;
    if (list == NULL) {
        l->out_of_memory = true;
        return;
    }
    if (want == 0 || want > LIMIT_REQUIREMENTS) {
        problem_error(l->problems, yaml_place(v), STR(""), "`approvals` has 1 to %d entries",
                      LIMIT_REQUIREMENTS);
        return;
    }
    for (const struct yaml_node *i = many ? v->first : v; i != NULL; i = many ? i->next : NULL)
        if (entry_read(l, i, &e))
            put_entry(l, i, &e, list, &n);
    *(struct approvals_source *)target = (struct approvals_source){v, list, n};
}

void field_rejects(struct loader *l, const struct yaml_node *v, void *target)
{
    uint32_t n = 0;
    size_t errors = l->problems->n_errors;
    field_count(l, v, &n);
    if (l->problems->n_errors != errors)
        return;
    if (n == 0 || n > LIMIT_APPROVALS)
        problem_error(l->problems, yaml_place(v), STR("1 is the default: one person's no is enough"),
                      "`rejects` is 1 to %d", LIMIT_APPROVALS);
    else
        *(uint32_t *)target = n;
}
