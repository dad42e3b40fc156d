/* The language's macros: calls that introduce variables or test members, made into nodes. */
#include "policy/cel/ast.h"

enum expansion {
    EXPAND_HAS,
    EXPAND_ALL,
    EXPAND_EXISTS,
    EXPAND_EXISTS_ONE,
    EXPAND_MAP,
    EXPAND_FILTER,
    EXPAND_TRANSFORM_LIST,
    EXPAND_TRANSFORM_MAP,
    EXPAND_TRANSFORM_MAP_ENTRY,
    EXPAND_BIND,
    EXPAND_BLOCK,
    EXPAND_INDEX,
    EXPAND_ITER_VAR,
    EXPAND_ACCU_VAR,
    EXPAND_OPT_MAP,
    EXPAND_OPT_FLAT_MAP,
};

/* `target`: NULL a global call, "" any receiver, else the name of the receiver's namespace. */
static const struct language_macro {
    const char *target, *name;
    uint32_t args; /* without the receiver */
    enum expansion expansion;
    uint32_t variables;
} macros[] = {
    {NULL, "has", 1, EXPAND_HAS, 0},
    {"", "all", 2, EXPAND_ALL, 1},
    {"", "all", 3, EXPAND_ALL, 2},
    {"", "exists", 2, EXPAND_EXISTS, 1},
    {"", "exists", 3, EXPAND_EXISTS, 2},
    {"", "exists_one", 2, EXPAND_EXISTS_ONE, 1},
    {"", "exists_one", 3, EXPAND_EXISTS_ONE, 2},
    {"", "existsOne", 2, EXPAND_EXISTS_ONE, 1},
    {"", "existsOne", 3, EXPAND_EXISTS_ONE, 2},
    {"", "map", 2, EXPAND_MAP, 1},
    {"", "map", 3, EXPAND_MAP, 1},
    {"", "filter", 2, EXPAND_FILTER, 1},
    {"", "transformList", 3, EXPAND_TRANSFORM_LIST, 2},
    {"", "transformList", 4, EXPAND_TRANSFORM_LIST, 2},
    {"", "transformMap", 3, EXPAND_TRANSFORM_MAP, 2},
    {"", "transformMap", 4, EXPAND_TRANSFORM_MAP, 2},
    {"", "transformMapEntry", 3, EXPAND_TRANSFORM_MAP_ENTRY, 2},
    {"", "transformMapEntry", 4, EXPAND_TRANSFORM_MAP_ENTRY, 2},
    {"", "optMap", 2, EXPAND_OPT_MAP, 1},
    {"", "optFlatMap", 2, EXPAND_OPT_FLAT_MAP, 1},
    {"cel", "bind", 3, EXPAND_BIND, 1},
    {"cel", "block", 2, EXPAND_BLOCK, 0},
    {"cel", "index", 1, EXPAND_INDEX, 0},
    {"cel", "iterVar", 2, EXPAND_ITER_VAR, 0},
    {"cel", "accuVar", 2, EXPAND_ACCU_VAR, 0},
};

void cel_macro_names(void (*visit)(void *ctx, struct str name), void *ctx)
{
    for (size_t i = 0; i < ARRAY_LEN(macros); i++)
        if (i == 0 || strcmp(macros[i].name, macros[i - 1].name) != 0)
            visit(ctx, str_of(macros[i].name));
}

static bool refuse(struct compilation *c, const struct node *n, const char *message)
{
    cel_diagnose(c, CEL_LEVEL_ERROR, "macro", n->offset, n->end, NO_HINT, "%s", message);
    return false;
}

static bool matches(const struct language_macro *m, const struct node *call)
{
    uint32_t receiver = call->member ? 1 : 0;
    if ((m->target != NULL) != call->member || call->arg_count != m->args + receiver ||
        !str_is(call->name, m->name))
        return false;
    if (m->target == NULL || m->target[0] == '\0')
        return true;
    const struct node *target = call->args[0];
    return target->kind == NODE_IDENT && str_is(target->name, m->target);
}

static bool no_memory(struct compilation *c)
{
    c->no_memory = true;
    return false;
}

/* Makes `call` a node of `kind` whose variables are the simple names in names[0..count). */
static bool take_variables(struct compilation *c, struct node *call, enum node_kind kind,
                           struct node *const *names, uint32_t count)
{
    struct local *locals = arena_new_array(c->arena, 2, struct local);
    if (locals == NULL)
        return no_memory(c);
    for (uint32_t i = 0; i < count; i++) {
        if (names[i]->kind != NODE_IDENT || names[i]->rooted)
            return refuse(c, names[i], "a simple variable name should stand here");
        locals[i].name = names[i]->name;
    }
    if (count == 2 && str_eq(locals[0].name, locals[1].name))
        return refuse(c, names[1], "both variables have the same name");
    call->kind = kind;
    call->locals = locals;
    call->two_variables = count == 2;
    return true;
}

/* range.macro(variables…, [filter,] body), where `filter` comes first or is absent. */
static bool expand_fold(struct compilation *c, struct node *call, const struct language_macro *m,
                        enum fold_kind fold)
{
    struct node **args = call->args;
    if (!take_variables(c, call, NODE_FOLD, args + 1, m->variables))
        return false;
    bool filtered = m->args == m->variables + 2;
    struct node *first = args[1 + m->variables];
    struct node *filter = filtered ? first : NULL, *body = filtered ? args[2 + m->variables] : first;
    if (m->expansion == EXPAND_FILTER) {
        filter = first;
        body = args[1];
    }
    struct node **parts = arena_new_array(c->arena, 3, struct node *);
    if (parts == NULL)
        return no_memory(c);
    parts[0] = args[0];
    parts[1] = body;
    parts[2] = filter;
    call->args = parts;
    call->arg_count = filter != NULL ? 3 : 2;
    call->fold = fold;
    return true;
}

static bool expand_has(struct compilation *c, struct node *call)
{
    struct node *select = call->args[0];
    if (select->kind != NODE_SELECT || select->optional || select->test)
        return refuse(c, call, "has() takes a member access, as in has(a.b)");
    uint32_t offset = call->offset, end = call->end;
    *call = *select;
    call->offset = offset;
    call->end = end;
    call->test = true;
    return true;
}

/* receiver.name(variable, body), or cel.bind(variable, value, body) without its receiver. */
static bool expand_variable(struct compilation *c, struct node *call, enum node_kind kind,
                            struct node *variable, struct node *value, struct node *body)
{
    if (!take_variables(c, call, kind, &variable, 1))
        return false;
    struct node **parts = arena_new_array(c->arena, 2, struct node *);
    if (parts == NULL)
        return no_memory(c);
    parts[0] = value;
    parts[1] = body;
    call->args = parts;
    call->arg_count = 2;
    return true;
}

/* cel.index(n), cel.iterVar(n, m): names that no author can write. */
static bool expand_name(struct compilation *c, struct node *call, const char *prefix)
{
    struct str name = STR("@");
    if (arena_printf(c->arena, &name, "@%s", prefix) != ERR_OK)
        return no_memory(c);
    for (uint32_t i = 1; i < call->arg_count; i++) {
        const struct node *arg = call->args[i];
        if (arg->kind != NODE_LITERAL || !cel_is(arg->literal, CEL_INT) || arg->literal.i < 0)
            return refuse(c, arg, "an integer literal should stand here");
        if (arena_printf(c->arena, &name, "%.*s:%lld", STR_FMT(name), (long long)arg->literal.i) !=
            ERR_OK)
            return no_memory(c);
    }
    call->kind = NODE_IDENT;
    call->name = name;
    call->member = false;
    call->arg_count = 0;
    return true;
}

/* cel.block([e0, e1, …], body): each e is a variable for those after it. */
static bool expand_block(struct compilation *c, struct node *call)
{
    struct node *list = call->args[1], *body = call->args[2];
    if (list->kind != NODE_LIST || list->optionals != NULL)
        return refuse(c, list, "cel.block() takes a list of sub-expressions");
    for (uint32_t i = list->arg_count; i-- > 0;) {
        struct node *bind = i == 0 ? call : cel_node_new(c, NODE_BIND, call->offset, call->end);
        if (bind == NULL)
            return false;
        struct node variable = {.kind = NODE_IDENT};
        if (arena_printf(c->arena, &variable.name, "@index:%u", i) != ERR_OK)
            return no_memory(c);
        if (!expand_variable(c, bind, NODE_BIND, &variable, list->args[i], body))
            return false;
        body = bind;
    }
    if (list->arg_count == 0)
        *call = *body;
    return true;
}

bool cel_expand_macro(struct compilation *c, struct node *call)
{
    const struct language_macro *m = NULL;
    for (size_t i = 0; i < ARRAY_LEN(macros) && m == NULL; i++)
        if (matches(&macros[i], call))
            m = &macros[i];
    if (m == NULL)
        return true;
    struct node **args = call->args;
    switch (m->expansion) {
    case EXPAND_HAS:
        return expand_has(c, call);
    case EXPAND_ALL:
        return expand_fold(c, call, m, FOLD_ALL);
    case EXPAND_EXISTS:
        return expand_fold(c, call, m, FOLD_EXISTS);
    case EXPAND_EXISTS_ONE:
        return expand_fold(c, call, m, FOLD_EXISTS_ONE);
    case EXPAND_MAP:
    case EXPAND_FILTER:
    case EXPAND_TRANSFORM_LIST:
        return expand_fold(c, call, m, FOLD_MAP);
    case EXPAND_TRANSFORM_MAP:
        return expand_fold(c, call, m, FOLD_MAP_VALUE);
    case EXPAND_TRANSFORM_MAP_ENTRY:
        return expand_fold(c, call, m, FOLD_MAP_ENTRY);
    case EXPAND_BIND:
        return expand_variable(c, call, NODE_BIND, args[1], args[2], args[3]);
    case EXPAND_BLOCK:
        return expand_block(c, call);
    case EXPAND_INDEX:
        return expand_name(c, call, "index");
    case EXPAND_ITER_VAR:
        return expand_name(c, call, "it");
    case EXPAND_ACCU_VAR:
        return expand_name(c, call, "ac");
    case EXPAND_OPT_MAP:
    case EXPAND_OPT_FLAT_MAP:
        call->optional = m->expansion == EXPAND_OPT_FLAT_MAP;
        return expand_variable(c, call, NODE_OPT_MAP, args[1], args[0], args[2]);
    }
    return true;
}
