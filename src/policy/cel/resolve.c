/* Names: containers, namespaces, variables, macros, types; and what to say of unknown ones. */
#include "policy/cel/check.h"

#include "base/nearest.h"
#include "policy/cel/schema_internal.h"

#include <stdio.h>

static const struct {
    struct str name;
    struct str type; /* what type() of such a value is called */
} type_names[] = {
    {STR_INIT("bool"), STR_INIT("bool")},
    {STR_INIT("int"), STR_INIT("int")},
    {STR_INIT("uint"), STR_INIT("uint")},
    {STR_INIT("double"), STR_INIT("double")},
    {STR_INIT("string"), STR_INIT("string")},
    {STR_INIT("bytes"), STR_INIT("bytes")},
    {STR_INIT("list"), STR_INIT("list")},
    {STR_INIT("map"), STR_INIT("map")},
    {STR_INIT("null_type"), STR_INIT("null_type")},
    {STR_INIT("type"), STR_INIT("type")},
    {STR_INIT("optional_type"), STR_INIT("optional_type")},
    {STR_INIT("google.protobuf.Timestamp"), STR_INIT("google.protobuf.Timestamp")},
    {STR_INIT("google.protobuf.Duration"), STR_INIT("google.protobuf.Duration")},
    {STR_INIT("net.IP"), STR_INIT("net.IP")},
    {STR_INIT("net.CIDR"), STR_INIT("net.CIDR")},
};

const struct local *cel_find_local(const struct scope *scope, struct str name)
{
    for (; scope != NULL; scope = scope->outer)
        if (str_eq(scope->local->name, name))
            return scope->local;
    return NULL;
}

/* The chain as a dotted path in `out`; 0 where it is none, or the root is a local variable. */
static size_t path_of(const struct node *n, const struct scope *scope, char out[LONGEST_PATH],
                      bool *ret_rooted)
{
    size_t length = 0;
    if (n->kind == NODE_SELECT) {
        const struct node *operand = n->args[0];
        if (operand->kind == NODE_SELECT && (operand->test || operand->optional))
            return 0;
        length = path_of(operand, scope, out, ret_rooted);
        if (length == 0 || length + 1 >= LONGEST_PATH)
            return 0;
        out[length++] = '.';
    } else if (n->kind != NODE_IDENT) {
        return 0;
    } else {
        *ret_rooted = n->rooted;
        if (!n->rooted && cel_find_local(scope, n->name) != NULL)
            return 0;
    }
    if (length + n->name.n > LONGEST_PATH)
        return 0;
    memcpy(out + length, n->name.p, n->name.n);
    return length + n->name.n;
}

/* The next candidate of container-based resolution: a.b.name, a.name, name. False: no more. */
static bool next_candidate(struct str *container, bool *done, struct str name,
                           char out[2 * LONGEST_PATH], struct str *ret)
{
    if (*done)
        return false;
    if (container->n == 0 || container->n + 1 + name.n > 2 * (size_t)LONGEST_PATH) {
        *done = true;
        *ret = name;
        return true;
    }
    memcpy(out, container->p, container->n);
    out[container->n] = '.';
    memcpy(out + container->n + 1, name.p, name.n);
    *ret = str_from(out, container->n + 1 + name.n);
    size_t n = container->n;
    while (n > 0 && container->p[n - 1] != '.')
        n--;
    container->n = n > 0 ? n - 1 : 0;
    return true;
}

static struct macro *find_macro(const struct compilation *c, struct str name)
{
    for (size_t i = 0; i < c->options->macro_count; i++)
        if (str_eq(c->macros[i].name, name))
            return &c->macros[i];
    return NULL;
}

/* A local variable of the checker's caller is not considered here. */
static bool resolve_full(struct checker *k, struct node *n, struct str full)
{
    const struct cel_variable *v = cel_schema_find(k->c->schema, full);
    if (v != NULL) {
        n->ref = REF_SLOT;
        n->variable = v;
        n->type = k->unchecked ? &CEL_TYPE_DYN : v->type;
        return true;
    }
    struct macro *m = find_macro(k->c, full);
    if (m != NULL) {
        n->ref = REF_MACRO;
        n->macro = cel_checked_macro(k, m, n);
        n->type = n->macro != NULL ? m->root->type : &CEL_TYPE_ERROR;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(type_names); i++) {
        if (!str_eq(full, type_names[i].name))
            continue;
        n->ref = REF_TYPE;
        n->literal = (struct cel_value){.meta = CEL_TYPE, .type_name = &type_names[i].type};
        n->type = &CEL_TYPE_TYPE;
        return true;
    }
    return false;
}

bool cel_resolve_name(struct checker *k, struct node *n, const struct scope *scope)
{
    char path[LONGEST_PATH], full[2 * LONGEST_PATH];
    bool rooted = false, done = false;
    size_t length = path_of(n, scope, path, &rooted);
    if (length == 0)
        return false;
    struct str container = rooted ? NO_HINT : k->c->options->container;
    struct str candidate;
    while (next_candidate(&container, &done, str_from(path, length), full, &candidate))
        if (resolve_full(k, n, candidate))
            return true;
    return false;
}

static bool has_global_overload(const struct function *f)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (!f->overloads[i].member)
            return true;
    return false;
}

static const struct function *find_function(struct checker *k, struct str name, bool rooted)
{
    char full[2 * LONGEST_PATH];
    bool done = false;
    struct str container = rooted ? NO_HINT : k->c->options->container, candidate;
    const struct function *f = NULL;
    while (f == NULL && next_candidate(&container, &done, name, full, &candidate)) {
        if (cel_function_find(k->c, candidate, &f) != ERR_OK) {
            k->c->no_memory = true;
            return NULL;
        }
    }
    return f;
}

const struct function *cel_resolve_function(struct checker *k, struct node *n,
                                        const struct scope *scope)
{
    if (!n->member)
        return find_function(k, n->name, n->rooted);
    char path[LONGEST_PATH];
    bool rooted = false;
    size_t length = path_of(n->args[0], scope, path, &rooted);
    if (length != 0 && length + 1 + n->name.n <= LONGEST_PATH) {
        path[length] = '.';
        memcpy(path + length + 1, n->name.p, n->name.n);
        const struct function *f = find_function(k, str_from(path, length + 1 + n->name.n), rooted);
        if (f != NULL && has_global_overload(f)) {
            n->namespaced = true;
            return f;
        }
    }
    return find_function(k, n->name, true);
}

/* --- Macros of the host ------------------------------------------------------------------------- */

struct macro *cel_checked_macro(struct checker *k, struct macro *m, const struct node *at)
{
    struct compilation *c = k->c;
    if (m->busy) {
        cel_diagnose(c, CEL_LEVEL_ERROR, "macro-cycle", at->offset, at->end, NO_HINT,
                 "macro `%.*s` is defined by itself", STR_FMT(m->name));
        m->failed = true;
        return NULL;
    }
    if (m->root != NULL || m->failed)
        return m->failed ? NULL : m;
    struct str source = c->source, name = c->macro_name;
    c->source = m->text;
    c->macro_name = m->name;
    m->busy = true;
    struct node *root = cel_parse(c);
    bool ok = root != NULL && cel_check(c, root);
    m->busy = false;
    c->source = source;
    c->macro_name = name;
    m->failed |= !ok;
    m->root = root;
    return m->failed ? NULL : m;
}

/* --- Unknown names ------------------------------------------------------------------------------- */

/* What follows `prefix.` in a declared name, up to its next dot; empty where it has another prefix. */
static struct str member_of(struct str name, struct str prefix)
{
    if (prefix.n != 0) {
        if (name.n <= prefix.n || name.p[prefix.n] != '.' || !str_starts(name, prefix))
            return NO_HINT;
        name = str_from(name.p + prefix.n + 1, name.n - prefix.n - 1);
    }
    struct str head = name, tail;
    return str_cut(name, '.', &head, &tail) ? head : name;
}

static bool has_members(const struct checker *k, struct str prefix)
{
    for (uint32_t i = 0; i < cel_schema_slots(k->c->schema); i++)
        if (member_of(cel_schema_at(k->c->schema, i)->name, prefix).n != 0)
            return true;
    return false;
}

bool cel_is_namespace(struct checker *k, const struct node *n, const struct scope *scope)
{
    char path[LONGEST_PATH];
    bool rooted;
    size_t length = path_of(n, scope, path, &rooted);
    return length != 0 && has_members(k, str_from(path, length));
}

static struct str nearest_hint(struct checker *k, const struct nearest *s)
{
    struct str hint = NO_HINT;
    if (s->best.n != 0 &&
        arena_printf(k->c->arena, &hint, "did you mean `%.*s`?", STR_FMT(s->best)) != ERR_OK)
        return NO_HINT;
    return hint;
}

static void suggest_members(const struct checker *k, struct nearest *s, struct str prefix)
{
    for (uint32_t i = 0; i < cel_schema_slots(k->c->schema); i++)
        nearest_offer(s, member_of(cel_schema_at(k->c->schema, i)->name, prefix));
}

void cel_report_unknown_name(struct checker *k, const struct node *n)
{
    char path[LONGEST_PATH];
    bool rooted;
    struct nearest s = nearest_to(n->name);
    if (cel_is_namespace(k, n, NULL)) {
        cel_diagnose(k->c, CEL_LEVEL_ERROR, "namespace", n->offset, n->end, STR("name one of its members"),
                 "`%.*s` is no value by itself", STR_FMT(n->name));
        return;
    }
    if (n->kind == NODE_SELECT) {
        struct str prefix = str_from(path, path_of(n->args[0], NULL, path, &rooted));
        suggest_members(k, &s, prefix);
        cel_diagnose(k->c, CEL_LEVEL_ERROR, "unknown-member", n->at, n->at + (uint32_t)n->name.n,
                 nearest_hint(k, &s), "unknown member `%.*s` of `%.*s`", STR_FMT(n->name),
                 STR_FMT(prefix));
        return;
    }
    suggest_members(k, &s, NO_HINT);
    for (size_t i = 0; i < k->c->options->macro_count; i++)
        nearest_offer(&s, k->c->macros[i].name);
    cel_diagnose(k->c, CEL_LEVEL_ERROR, "unknown-name", n->offset, n->end, nearest_hint(k, &s),
             "unknown name `%.*s`", STR_FMT(n->name));
}

/* Operators have names, too, but not for authors. */
static void offer(void *ctx, struct str name)
{
    struct nearest *s = (struct nearest *)ctx;
    if (name.p[name.n - 1] != '_' && name.p[0] != '_')
        nearest_offer(s, name);
}

void cel_report_unknown_function(struct checker *k, const struct node *n)
{
    struct nearest s = nearest_to(n->name);
    cel_function_names(k->c, offer, &s);
    cel_macro_names(offer, &s);
    cel_diagnose(k->c, CEL_LEVEL_ERROR, "unknown-function", n->at, n->at + (uint32_t)n->name.n,
             nearest_hint(k, &s), "unknown function `%.*s`", STR_FMT(n->name));
}

void cel_report_unknown_field(struct checker *k, const struct node *n, const struct cel_type *record)
{
    struct nearest s = nearest_to(n->name);
    for (uint32_t i = 0; i < record->field_count; i++)
        nearest_offer(&s, record->fields[i].name);
    cel_diagnose(k->c, CEL_LEVEL_ERROR, "unknown-member", n->at, n->at + (uint32_t)n->name.n,
             nearest_hint(k, &s), "unknown member `%.*s` of %.*s", STR_FMT(n->name),
             STR_FMT(record->name));
}
