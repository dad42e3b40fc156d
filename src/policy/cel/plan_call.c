/* Calls: constant patterns compiled, `in` over constants made a set, slot-and-constant fused. */
#include "policy/cel/planner.h"
#include "policy/cel/time.h"

bool plan_list_add(struct planner *pl, struct plan_list *l, const struct plan *p)
{
    if (l->count == l->room) {
        uint32_t room = l->room != 0 ? l->room * 2 : 8;
        const struct plan **items = arena_new_array(pl->c->arena, room, const struct plan *);
        if (items == NULL) {
            pl->err = ERR_NOMEM;
            return false;
        }
        if (l->count != 0)
            memcpy(items, l->items, l->count * sizeof(*items));
        l->items = items;
        l->room = room;
    }
    l->items[l->count++] = p;
    return true;
}

/* A fact, or a variable of a macro: what a fused node reads. */
static bool is_slot(const struct plan *p)
{
    return p->eval == eval_slot || p->eval == eval_local;
}

static bool is_string(const struct plan *p)
{
    return p->is_constant && cel_is(p->constant, CEL_STRING);
}

/* Makes p the fused node `slot op constant`. */
static void fuse(struct plan *p, const struct plan *slot, struct cel_value constant, test_fn *test)
{
    p->slot = slot->slot;
    p->is_local = slot->eval == eval_local;
    p->lazy_bit = slot->lazy_bit;
    p->constant = constant;
    p->test = test;
    p->eval = eval_test;
}

static const struct cel_map *make_set(struct planner *pl, struct cel_value list)
{
    uint32_t n = cel_length(list), kept = 0;
    struct arena *a = pl->c->arena;
    struct cel_map_entry *entries = arena_new_array(a, n, struct cel_map_entry);
    struct cel_map *m = arena_new(a, struct cel_map), *seen = arena_new(a, struct cel_map);
    if (entries == NULL || m == NULL || seen == NULL)
        return NULL;
    for (uint32_t i = 0; i < n; i++) {
        struct cel_map one = {.entries = entries, .count = kept};
        struct cel_value v = cel_list_at(list, i);
        if (n > SET_LIMIT || cel_map_find(&one, v) != NULL)
            continue;
        entries[kept++] = (struct cel_map_entry){v, cel_bool(true)};
    }
    return n <= SET_LIMIT && cel_map_init(m, a, entries, kept) == ERR_OK ? m : NULL;
}

static bool all_strings(struct cel_value list)
{
    for (uint32_t i = 0; i < cel_length(list); i++)
        if (!cel_is(cel_list_at(list, i), CEL_STRING))
            return false;
    return true;
}

static void fuse_in(struct planner *pl, struct plan *p)
{
    const struct plan *left = p->args[0], *right = p->args[1];
    if (is_string(left) && is_slot(right) && right->node->type->kind == CEL_LIST)
        fuse(p, right, left->constant, test_string_in_slot);
    if (!right->is_constant)
        return;
    if (cel_is(right->constant, CEL_MAP)) {
        p->set = right->constant.map;
    } else if (cel_is(right->constant, CEL_LIST)) {
        bool few = cel_length(right->constant) <= SCANNED_STRINGS;
        if (is_slot(left) && few && all_strings(right->constant) &&
            !(right->constant.meta & CEL_FLAG_STRS << 8)) {
            fuse(p, left, right->constant, test_slot_in_strings);
            return;
        }
        p->set = make_set(pl, right->constant);
    }
    if (p->set == NULL)
        return;
    if (is_slot(left)) {
        fuse(p, left, right->constant, test_slot_in_set);
    } else {
        p->test = test_in_set;
        p->eval = eval_test;
    }
}

static void fuse_equal(struct plan *p, bool negated)
{
    const struct plan *a = p->args[0], *b = p->args[1];
    p->is_negated = negated;
    p->test = test_equal;
    p->eval = eval_test;
    if (a->is_constant) {
        const struct plan *swap = a;
        a = b;
        b = swap;
    }
    if (is_slot(a) && b->is_constant)
        fuse(p, a, b->constant, is_string(b) ? test_slot_equal_string : test_slot_equal);
}

/* `accept`: bit 0 less, 1 equal, 2 greater. */
static void fuse_compare(struct plan *p, uint32_t accept)
{
    const struct plan *a = p->args[0], *b = p->args[1];
    p->places[0] = accept;
    p->test = test_compare;
    p->eval = eval_test;
    if (a->is_constant && is_slot(b)) {
        const struct plan *swap = a;
        a = b;
        b = swap;
        accept = (accept & 2) | (accept & 1) << 2 | accept >> 2;
    }
    if (is_slot(a) && b->is_constant && cel_is(b->constant, CEL_INT)) {
        p->places[0] = accept;
        fuse(p, a, b->constant, test_slot_compare_int);
    }
}

static void fuse_not(struct plan *p)
{
    static test_fn *const negatable[] = {test_slot_equal_string, test_slot_equal,
                                         test_slot_in_strings, test_slot_in_set,
                                         test_string_in_slot};
    const struct plan *arg = p->args[0];
    p->test = test_not;
    p->eval = eval_test;
    if (arg->eval == eval_slot)
        fuse(p, arg, cel_bool(false), test_slot_not);
    for (size_t i = 0; i < ARRAY_LEN(negatable); i++) {
        if (arg->test == negatable[i]) {
            const struct node *node = p->node;
            *p = *arg;
            p->node = node;
            p->is_negated = !arg->is_negated;
        }
    }
}

static void fuse_text(struct plan *p, test_fn *test)
{
    if (is_slot(p->args[0]) && is_string(p->args[1]))
        fuse(p, p->args[0], p->args[1]->constant, test);
}

static bool anchored(struct str pattern)
{
    return str_starts(pattern, STR("^")) || str_starts(pattern, STR("\\A")) ||
           str_ends(pattern, STR("$")) || str_ends(pattern, STR("\\z"));
}

static bool plan_pattern(struct planner *pl, struct plan *p)
{
    const struct plan *text = p->args[0], *pattern = p->args[1];
    char why[200];
    if (!is_string(pattern))
        return true;
    struct compilation *c = pl->c;
    struct regex_link *link = arena_new(c->arena, struct regex_link);
    if (link == NULL) {
        pl->err = ERR_NOMEM;
        return false;
    }
    enum err e = cel_regex_new(cel_str(pattern->constant), &link->regex, why, sizeof(why));
    if (e == ERR_NOMEM) {
        pl->err = e;
        return false;
    }
    if (e != ERR_OK) {
        if (c->options->lint)
            cel_diagnose(c, CEL_LEVEL_ERROR, "pattern", pattern->node->offset, pattern->node->end,
                     NO_HINT, "bad pattern: %s", why);
        return true; /* it fails when it is evaluated */
    }
    link->next = pl->program->regexes;
    pl->program->regexes = link;
    p->regex = link->regex;
    p->constant = pattern->constant;
    p->eval = eval_matches;
    if (is_slot(text))
        fuse(p, text, pattern->constant, test_slot_matches);
    if (c->options->lint && !anchored(cel_str(pattern->constant)))
        cel_diagnose(c, CEL_LEVEL_WARNING, "unanchored", pattern->node->offset, pattern->node->end,
                 STR("write ^ and $ where the whole text is meant"),
                 "the pattern may match anywhere in the text");
    return true;
}

/* A misspelt zone would fail with every action: it is found at load. */
static void lint_zone(struct planner *pl, const struct plan *p)
{
    static cel_host_fn *const takers[] = {
        fn_get_date,    fn_get_day_of_month, fn_get_day_of_week, fn_get_day_of_year, fn_get_full_year,
        fn_get_month,   fn_get_hours,        fn_get_minutes,     fn_get_seconds,     fn_get_milliseconds,
    };
    int32_t offset;
    if (!pl->c->options->lint || p->count != 2 || !is_string(p->args[1]))
        return;
    for (size_t i = 0; i < ARRAY_LEN(takers); i++)
        if (p->function->overloads[0].fn == takers[i] &&
            !zone_offset(cel_str(p->args[1]->constant), 0, &offset))
            cel_diagnose(pl->c, CEL_LEVEL_ERROR, "time-zone", p->args[1]->node->offset,
                         p->args[1]->node->end, NO_HINT, "there is no time zone of this name");
}

/* Fuses p, whose arguments are planned, by the function it calls. */
static bool specialise(struct planner *pl, struct plan *p)
{
    static const struct {
        cel_host_fn *fn;
        uint32_t accept;
    } comparisons[] = {{fn_less, 1}, {fn_less_equal, 3}, {fn_greater, 4}, {fn_greater_equal, 6}};
    static const struct {
        cel_host_fn *fn;
        test_fn *test;
    } texts[] = {{fn_starts_with, test_slot_starts_with},
                 {fn_ends_with, test_slot_ends_with},
                 {fn_contains, test_slot_contains}};
    cel_host_fn *fn = p->function->overloads[0].fn;
    lint_zone(pl, p);
    if (fn == fn_equal || fn == fn_not_equal)
        fuse_equal(p, fn == fn_not_equal);
    else if (fn == fn_in)
        fuse_in(pl, p);
    else if (fn == fn_not)
        fuse_not(p);
    else if (fn == fn_matches && p->count == 2)
        return plan_pattern(pl, p);
    else if ((fn == fn_or || fn == fn_or_value) && p->count == 2)
        p->eval = eval_or_else;
    for (size_t i = 0; i < ARRAY_LEN(comparisons); i++)
        if (fn == comparisons[i].fn)
            fuse_compare(p, comparisons[i].accept);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (fn == texts[i].fn && p->count == 2 && p->node->member)
            fuse_text(p, texts[i].test);
    return true;
}

const struct plan *plan_call(struct planner *pl, struct node *n)
{
    uint32_t count;
    struct node *const *args = call_args(n, &count);
    eval_fn *eval = n->function == NULL ? eval_no_function
                    : count == 1        ? eval_call1
                    : count == 2        ? eval_call2
                                        : eval_call;
    struct plan *p = plan_new(pl, n, test_value, eval);
    if (p == NULL || !plan_args(pl, p, args, count))
        return NULL;
    p->function = n->function;
    p->overload = n->overload;
    if (n->function == NULL)
        return p;
    for (uint32_t i = 0; i < n->function->count; i++)
        if (n->function->overloads[i].cost == COST_HOST)
            return p;
    const struct plan *folded = plan_fold(pl, p);
    if (folded->is_constant)
        return folded;
    return specialise(pl, p) ? p : NULL;
}
