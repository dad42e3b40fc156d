/* Types: every node gets one, every name a meaning, every call its overloads. */
#include "policy/cel/check.h"

#include "base/limits.h"

static const struct cel_type *check_node(struct checker *k, struct node *n,
                                         const struct scope *scope);

struct str cel_type_words(struct checker *k, const struct cel_type *t)
{
    struct buf b CLEANUP(buf_done);
    buf_init(&b, 200);
    struct str words = STR("a type");
    if (cel_type_text(&b, cel_infer_resolve(&k->in, t, true)) != ERR_OK ||
        arena_str(k->c->arena, buf_view(&b), &words) != ERR_OK)
        return STR("a type");
    return words;
}

/* Reports unless the program is unchecked; gives the type to go on with. */
#define TYPE_ERROR(k, n, code, ...)                                                                \
    ((k)->unchecked ? &CEL_TYPE_DYN                                                                \
                    : (cel_diagnose((k)->c, CEL_LEVEL_ERROR, (code), (n)->offset, (n)->end, NO_HINT,   \
                                __VA_ARGS__),                                                      \
                       &CEL_TYPE_ERROR))

static const struct cel_type *checked_type(struct checker *k, const struct cel_type *t)
{
    if (t == NULL)
        k->c->no_memory = true;
    return t == NULL ? &CEL_TYPE_DYN : t;
}

static const struct cel_type *optional_type(struct checker *k, const struct cel_type *t)
{
    return checked_type(k, cel_type_optional(k->c->arena, t));
}

static bool demand(struct checker *k, struct node *n, const struct cel_type *have,
                   const struct cel_type *want, const char *what)
{
    if (k->unchecked || cel_infer_assignable(&k->in, have, want))
        return true;
    struct str h = cel_type_words(k, have), w = cel_type_words(k, want);
    cel_diagnose(k->c, CEL_LEVEL_ERROR, "type", n->offset, n->end, NO_HINT,
             "%s should be %.*s, not %.*s", what, STR_FMT(w), STR_FMT(h));
    return false;
}

/* --- Names and members -------------------------------------------------------------------------- */

static const struct cel_type *check_ident(struct checker *k, struct node *n,
                                          const struct scope *scope)
{
    const struct local *l = n->rooted ? NULL : cel_find_local(scope, n->name);
    if (l != NULL) {
        n->ref = REF_LOCAL;
        n->local = (struct local *)(uintptr_t)l;
        return l->type;
    }
    if (cel_resolve_name(k, n, scope))
        return n->type;
    n->ref = REF_UNDECLARED;
    if (!k->unchecked)
        cel_report_unknown_name(k, n);
    return k->unchecked ? &CEL_TYPE_DYN : &CEL_TYPE_ERROR;
}

static const struct cel_type *member_type(struct checker *k, struct node *n,
                                          const struct cel_type *operand, bool *ret_optional)
{
    *ret_optional = false;
    switch ((int)operand->kind) {
    case CEL_MAP:
        return operand->params[1];
    case CEL_DYN:
    case CEL_PARAM:
    case CEL_ERROR_VALUE:
        return operand->kind == CEL_PARAM ? &CEL_TYPE_DYN : operand;
    case CEL_RECORD:
        for (uint32_t i = 0; i < operand->field_count; i++)
            if (str_eq(operand->fields[i].name, n->name))
                return operand->fields[i].type;
        if (!k->unchecked)
            cel_report_unknown_field(k, n, operand);
        return &CEL_TYPE_ERROR;
    case CEL_OPTIONAL: {
        bool nested;
        const struct cel_type *t =
            member_type(k, n, cel_infer_resolve(&k->in, operand->params[0], false), &nested);
        *ret_optional = true;
        return t;
    }
    default: {
        struct str words = cel_type_words(k, operand);
        return TYPE_ERROR(k, n, "no-members", "a value of type %.*s has no members", STR_FMT(words));
    }
    }
}

static const struct cel_type *check_select(struct checker *k, struct node *n,
                                           const struct scope *scope)
{
    bool optional = false;
    const struct cel_type *t;
    if (cel_resolve_name(k, n, scope) && (n->ref == REF_SLOT || (!n->test && !n->optional))) {
        t = n->type;
    } else {
        n->ref = REF_NONE;
        if (!k->unchecked && cel_is_namespace(k, n->args[0], scope)) {
            cel_report_unknown_name(k, n);
            return &CEL_TYPE_ERROR;
        }
        const struct cel_type *operand = check_node(k, n->args[0], scope);
        t = member_type(k, n, cel_infer_resolve(&k->in, operand, false), &optional);
    }
    if (n->test)
        return &CEL_TYPE_BOOL;
    return optional || n->optional ? optional_type(k, t) : t;
}

/* --- Calls --------------------------------------------------------------------------------------- */

static bool is_numeric(const struct cel_type *t)
{
    return t->kind == CEL_INT || t->kind == CEL_UINT || t->kind == CEL_DOUBLE || t->kind == CEL_DYN ||
           t->kind == CEL_ERROR_VALUE;
}

/* math.greatest and math.least: one or more numbers, or one list of them. */
static const struct cel_type *check_variadic(struct checker *k, struct node *n,
                                             const struct cel_type *const *types, uint32_t count)
{
    const struct cel_type *result = NULL;
    const struct cel_type *one = count == 1 ? cel_infer_resolve(&k->in, types[0], false) : NULL;
    if (one != NULL && one->kind == CEL_LIST) {
        const struct cel_type *element = cel_infer_resolve(&k->in, one->params[0], true);
        types = &element;
        result = is_numeric(element) ? element : NULL;
    } else {
        for (uint32_t i = 0; i < count; i++) {
            const struct cel_type *t = cel_infer_resolve(&k->in, types[i], true);
            if (!is_numeric(t)) {
                result = NULL;
                break;
            }
            result = result == NULL || result->kind == t->kind ? t : &CEL_TYPE_DYN;
        }
    }
    if (result == NULL)
        return TYPE_ERROR(k, n, "overload", "`%.*s` takes numbers, or one list of numbers",
                          STR_FMT(n->function->name));
    n->overload = &n->function->overloads[0];
    return result;
}

static const char *operator_text(struct str name, struct str *ret)
{
    /* "_+_" is "+", "_ in _" is "in": what the author wrote. No name of an operator is an identifier,
     * so none can be called as a function. */
    while (name.n > 0 && name.p[0] == '_')
        name.p++, name.n--;
    while (name.n > 0 && name.p[name.n - 1] == '_')
        name.n--;
    *ret = str_trim(name);
    return ret->p;
}

static struct str words_of_types(struct checker *k, const struct cel_type *const *types, uint32_t n)
{
    struct str all = NO_HINT;
    for (uint32_t i = 0; i < n; i++) {
        struct str one = cel_type_words(k, types[i]);
        if (arena_printf(k->c->arena, &all, "%.*s%s%.*s", STR_FMT(all), i == 0 ? "" : ", ",
                         STR_FMT(one)) != ERR_OK)
            break;
    }
    return all;
}

/* "it takes (string) or (list(A)) …": at most three of them. */
static struct str overload_hint(struct checker *k, const struct node *n)
{
    struct str hint = NO_HINT;
    unsigned shown = 0;
    bool member = n->member && !n->namespaced;
    if (n->name.p[0] == '_' || n->name.n == 0)
        return hint;
    for (uint32_t i = 0; i < n->function->count && shown < 3; i++) {
        const struct overload *o = &n->function->overloads[i];
        uint32_t skip = o->member ? 1 : 0;
        if (o->member != member || o->param_count < skip)
            continue;
        struct str params = words_of_types(k, o->params + skip, o->param_count - skip);
        struct str receiver = skip != 0 ? cel_type_words(k, o->params[0]) : NO_HINT;
        if (arena_printf(k->c->arena, &hint, "%.*s%s%.*s%s%.*s(%.*s)", STR_FMT(hint),
                         shown == 0 ? "there is " : ", ", STR_FMT(receiver), skip != 0 ? "." : "",
                         STR_FMT(o->name), STR_FMT(params)) != ERR_OK)
            return NO_HINT;
        shown++;
    }
    return hint;
}

static const struct cel_type *report_overload(struct checker *k, struct node *n,
                                              const struct cel_type *const *types, uint32_t count)
{
    struct str words = words_of_types(k, types, count), shown = n->function->name;
    if (k->unchecked)
        return &CEL_TYPE_DYN;
    bool is_operator = n->function->name.p[n->function->name.n - 1] == '_';
    if (is_operator)
        (void)operator_text(n->function->name, &shown);
    cel_diagnose(k->c, CEL_LEVEL_ERROR, "overload", n->offset, n->end,
             is_operator ? NO_HINT : overload_hint(k, n), "%s `%.*s` is not defined for (%.*s)",
             is_operator ? "operator" : "function", STR_FMT(shown), STR_FMT(words));
    return &CEL_TYPE_ERROR;
}

/* One overload against the arguments: its result type, or NULL where it does not fit. */
static const struct cel_type *try_overload(struct checker *k, const struct overload *o, bool member,
                                           const struct cel_type *const *types, uint32_t count)
{
    const struct cel_type *params[LIMIT_CEL_ARGUMENTS];
    struct instance i = {.count = 0};
    if (o->member != member || o->param_count != count || count > LIMIT_CEL_ARGUMENTS)
        return NULL;
    for (uint32_t p = 0; p < count; p++)
        params[p] = cel_infer_instantiate(&k->in, &i, o->params[p]);
    if (!cel_infer_assignable_all(&k->in, types, params, count))
        return NULL;
    return cel_infer_resolve(&k->in, cel_infer_instantiate(&k->in, &i, o->result), false);
}

static const struct cel_type *check_call(struct checker *k, struct node *n,
                                         const struct scope *scope)
{
    const struct cel_type *types[LIMIT_CEL_ARGUMENTS];
    const struct cel_type *result = NULL;
    uint32_t count, fitting = 0;
    n->function = cel_resolve_function(k, n, scope);
    struct node *const *args = call_args(n, &count);
    if (count > LIMIT_CEL_ARGUMENTS)
        return TYPE_ERROR(k, n, "limit", "a call with more than %d arguments", LIMIT_CEL_ARGUMENTS);
    for (uint32_t i = 0; i < count; i++)
        types[i] = check_node(k, args[i], scope);
    if (n->function == NULL) {
        if (!k->unchecked)
            cel_report_unknown_function(k, n);
        return k->unchecked ? &CEL_TYPE_DYN : &CEL_TYPE_ERROR;
    }
    if (n->function->overloads[0].variadic)
        return check_variadic(k, n, types, count);
    for (uint32_t i = 0; i < n->function->count; i++) {
        const struct overload *o = &n->function->overloads[i];
        const struct cel_type *r = try_overload(k, o, n->member && !n->namespaced, types, count);
        if (r == NULL)
            continue;
        n->overload = fitting++ == 0 ? o : NULL;
        result = result == NULL || cel_type_equal(result, r) ? r : &CEL_TYPE_DYN;
    }
    return fitting != 0 ? result : report_overload(k, n, types, count);
}

/* --- Operators with their own rules, literals ------------------------------------------------------ */

static const struct cel_type *check_logic(struct checker *k, struct node *n,
                                          const struct scope *scope)
{
    const char *what = n->kind == NODE_AND ? "an operand of &&" : "an operand of ||";
    for (uint32_t i = 0; i < n->arg_count; i++)
        (void)demand(k, n->args[i], check_node(k, n->args[i], scope), &CEL_TYPE_BOOL, what);
    return &CEL_TYPE_BOOL;
}

static const struct cel_type *check_conditional(struct checker *k, struct node *n,
                                                const struct scope *scope)
{
    (void)demand(k, n->args[0], check_node(k, n->args[0], scope), &CEL_TYPE_BOOL,
                 "the condition of ?:");
    const struct cel_type *both[2] = {check_node(k, n->args[1], scope),
                                      check_node(k, n->args[2], scope)};
    const struct cel_type *v = cel_infer_variable(&k->in);
    const struct cel_type *want[2] = {v, v};
    if (cel_infer_assignable_all(&k->in, both, want, 2))
        return cel_infer_resolve(&k->in, v, false);
    struct str a = cel_type_words(k, both[0]), b = cel_type_words(k, both[1]);
    return TYPE_ERROR(k, n, "type", "the branches of ?: differ: %.*s and %.*s", STR_FMT(a),
                      STR_FMT(b));
}

/* The type of an element that may be written ?e, where e is optional. */
static const struct cel_type *element_type(struct checker *k, struct node *n, bool optional,
                                           const struct scope *scope)
{
    const struct cel_type *t = check_node(k, n, scope);
    if (!optional || k->unchecked)
        return t;
    const struct cel_type *v = cel_infer_variable(&k->in);
    return demand(k, n, t, optional_type(k, v), "an entry behind ?") ? cel_infer_resolve(&k->in, v, false)
                                                                     : &CEL_TYPE_DYN;
}

static const struct cel_type *check_list(struct checker *k, struct node *n,
                                         const struct scope *scope)
{
    const struct cel_type *joined = NULL;
    for (uint32_t i = 0; i < n->arg_count; i++) {
        bool optional = n->optionals != NULL && n->optionals[i];
        const struct cel_type *t = element_type(k, n->args[i], optional, scope);
        joined = joined == NULL ? t : cel_infer_join(&k->in, joined, t);
    }
    if (joined == NULL)
        joined = cel_infer_variable(&k->in);
    return checked_type(k, cel_type_list(k->c->arena, joined));
}

static const struct cel_type *check_map(struct checker *k, struct node *n, const struct scope *scope)
{
    const struct cel_type *key = NULL, *value = NULL;
    for (uint32_t i = 0; i + 1 < n->arg_count; i += 2) {
        bool optional = n->optionals != NULL && n->optionals[i / 2];
        const struct cel_type *kt = check_node(k, n->args[i], scope);
        const struct cel_type *vt = element_type(k, n->args[i + 1], optional, scope);
        key = key == NULL ? kt : cel_infer_join(&k->in, key, kt);
        value = value == NULL ? vt : cel_infer_join(&k->in, value, vt);
    }
    if (key == NULL) {
        key = cel_infer_variable(&k->in);
        value = cel_infer_variable(&k->in);
    }
    return checked_type(k, cel_type_map(k->c->arena, key, value));
}

static const struct cel_type *literal_type(const struct node *n)
{
    switch ((int)cel_kind_of(n->literal)) {
    case CEL_BOOL:
        return &CEL_TYPE_BOOL;
    case CEL_INT:
        return &CEL_TYPE_INT;
    case CEL_UINT:
        return &CEL_TYPE_UINT;
    case CEL_DOUBLE:
        return &CEL_TYPE_DOUBLE;
    case CEL_STRING:
        return &CEL_TYPE_STRING;
    case CEL_BYTES:
        return &CEL_TYPE_BYTES;
    default:
        return &CEL_TYPE_NULL;
    }
}

/* --- Macros of the language ------------------------------------------------------------------------ */

/* Key and value type of what a macro ranges over: index and element of a list. */
static bool range_types(struct checker *k, struct node *range, const struct cel_type *t,
                        const struct cel_type **ret_key, const struct cel_type **ret_value)
{
    t = cel_infer_resolve(&k->in, t, false);
    *ret_key = *ret_value = &CEL_TYPE_DYN;
    switch ((int)t->kind) {
    case CEL_LIST:
        *ret_key = k->unchecked ? &CEL_TYPE_DYN : &CEL_TYPE_INT;
        *ret_value = t->params[0];
        return true;
    case CEL_MAP:
        *ret_key = t->params[0];
        *ret_value = t->params[1];
        return true;
    case CEL_DYN:
    case CEL_PARAM:
    case CEL_ERROR_VALUE:
        return true;
    default: {
        struct str words = cel_type_words(k, t);
        (void)TYPE_ERROR(k, range, "type", "a list or a map should stand here, not %.*s",
                         STR_FMT(words));
        return k->unchecked;
    }
    }
}

static const struct cel_type *fold_result(struct checker *k, struct node *n,
                                          const struct cel_type *key, const struct cel_type *body)
{
    struct arena *a = k->c->arena;
    switch (n->fold) {
    case FOLD_ALL:
    case FOLD_EXISTS:
    case FOLD_EXISTS_ONE:
        (void)demand(k, n->args[1], body, &CEL_TYPE_BOOL, "the predicate");
        return &CEL_TYPE_BOOL;
    case FOLD_MAP:
        return checked_type(k, cel_type_list(a, body));
    case FOLD_MAP_VALUE:
        return checked_type(k, cel_type_map(a, key, body));
    case FOLD_MAP_ENTRY: {
        const struct cel_type *map =
            checked_type(k, cel_type_map(a, cel_infer_variable(&k->in), cel_infer_variable(&k->in)));
        (void)demand(k, n->args[1], body, map, "the entry");
        return cel_infer_resolve(&k->in, map, false);
    }
    }
    return &CEL_TYPE_DYN;
}

static const struct cel_type *check_fold(struct checker *k, struct node *n, const struct scope *scope)
{
    const struct cel_type *key, *value;
    const struct cel_type *range = check_node(k, n->args[0], scope);
    if (!range_types(k, n->args[0], range, &key, &value))
        return &CEL_TYPE_ERROR;
    bool over_map = cel_infer_resolve(&k->in, range, false)->kind == CEL_MAP;
    struct scope first = {&n->locals[0], scope}, second = {&n->locals[1], &first};
    n->locals[0].type = n->two_variables || over_map ? key : value;
    n->locals[1].type = value;
    const struct scope *inner = n->two_variables ? &second : &first;
    if (n->arg_count == 3)
        (void)demand(k, n->args[2], check_node(k, n->args[2], inner), &CEL_TYPE_BOOL, "the filter");
    return fold_result(k, n, key, check_node(k, n->args[1], inner));
}

static const struct cel_type *check_bind(struct checker *k, struct node *n, const struct scope *scope)
{
    n->locals[0].type = check_node(k, n->args[0], scope);
    struct scope inner = {&n->locals[0], scope};
    return check_node(k, n->args[1], &inner);
}

static const struct cel_type *check_opt_map(struct checker *k, struct node *n,
                                            const struct scope *scope)
{
    const struct cel_type *v = cel_infer_variable(&k->in);
    (void)demand(k, n->args[0], check_node(k, n->args[0], scope), optional_type(k, v),
                 "the receiver of optMap");
    n->locals[0].type = cel_infer_resolve(&k->in, v, false);
    struct scope inner = {&n->locals[0], scope};
    const struct cel_type *body = check_node(k, n->args[1], &inner);
    if (!n->optional)
        return optional_type(k, body);
    (void)demand(k, n->args[1], body, optional_type(k, cel_infer_variable(&k->in)),
                 "the result of optFlatMap");
    return body;
}

/* --- All of it ------------------------------------------------------------------------------------- */

static const struct cel_type *check_kind(struct checker *k, struct node *n, const struct scope *scope)
{
    switch (n->kind) {
    case NODE_LITERAL:
        return literal_type(n);
    case NODE_IDENT:
        return check_ident(k, n, scope);
    case NODE_SELECT:
        return check_select(k, n, scope);
    case NODE_CALL:
        return check_call(k, n, scope);
    case NODE_AND:
    case NODE_OR:
        return check_logic(k, n, scope);
    case NODE_COND:
        return check_conditional(k, n, scope);
    case NODE_LIST:
        return check_list(k, n, scope);
    case NODE_MAP:
        return check_map(k, n, scope);
    case NODE_FOLD:
        return check_fold(k, n, scope);
    case NODE_BIND:
        return check_bind(k, n, scope);
    case NODE_OPT_MAP:
        return check_opt_map(k, n, scope);
    }
    return &CEL_TYPE_DYN;
}

static const struct cel_type *check_node(struct checker *k, struct node *n, const struct scope *scope)
{
    if (k->c->no_memory)
        return &CEL_TYPE_ERROR;
    if (k->depth >= LIMIT_CEL_DEPTH)
        return cel_diagnose(k->c, CEL_LEVEL_ERROR, "limit", n->offset, n->end, NO_HINT,
                        "the expression is deeper than %d", LIMIT_CEL_DEPTH),
               &CEL_TYPE_ERROR;
    k->depth++;
    const struct cel_type *t = check_kind(k, n, scope);
    k->depth--;
    n->type = k->unchecked && t->kind != CEL_BOOL ? &CEL_TYPE_DYN : t;
    return n->type;
}

/* Type variables are known now; what is still free is dyn. */
static void finish_types(struct checker *k, struct node *n)
{
    if (n->type != NULL)
        n->type = cel_infer_resolve(&k->in, n->type, true);
    if (n->kind == NODE_SELECT && n->ref != REF_NONE)
        return;
    for (uint32_t i = n->namespaced ? 1 : 0; i < n->arg_count; i++)
        finish_types(k, n->args[i]);
}

bool cel_check(struct compilation *c, struct node *root)
{
    size_t errors = c->error_count;
    struct checker k = {.c = c, .unchecked = c->options->unchecked};
    cel_inference_init(&k.in, c->arena);
    (void)check_node(&k, root, NULL);
    if (c->error_count == errors && !c->no_memory)
        finish_types(&k, root);
    c->no_memory |= k.in.no_memory;
    return c->error_count == errors && !c->no_memory;
}
