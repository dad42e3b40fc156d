/* The vocabulary of conditions, and where each fact's value comes from. */
#include "base/limits.h"
#include "base/nearest.h"
#include "model/lazy_facts.h"
#include "model/policy_change.h"
#include "model/sql_facts.h"
#include "policy/column_labels.h"
#include "policy/internal.h"

/* --- Declaring ------------------------------------------------------------------------------------ */

struct declared {
    const char *name;
    enum fact_source source;
    enum fact_type type;
    size_t offset;
};

#define OF(struct_name, member) offsetof(struct struct_name, member)

static const struct declared declared[] = {
    {"subject.name", FACT_SUBJECT, FACT_TEXT, OF(subject, name)},
    {"subject.kind", FACT_SUBJECT, FACT_TEXT, OF(subject, kind)},
    {"subject.person", FACT_SUBJECT, FACT_TEXT, OF(subject, person)},
    {"subject.on_behalf_of", FACT_SUBJECT, FACT_TEXT, OF(subject, on_behalf_of)},
    {"subject.groups", FACT_SUBJECT, FACT_GROUPS, 0},
    {"subject.address", FACT_SUBJECT, FACT_TEXT, OF(subject, address)},
    {"resource.name", FACT_RESOURCE, FACT_TEXT, OF(resource, name)},
    {"resource.type", FACT_RESOURCE, FACT_TEXT, OF(resource, type)},
    {"context.session", FACT_CONTEXT, FACT_TEXT, OF(session_context, id)},
    {"context.address", FACT_CONTEXT, FACT_TEXT, OF(session_context, address)},
    {"context.ip", FACT_CONTEXT, FACT_IP, OF(session_context, address)},
    {"context.application", FACT_CONTEXT, FACT_TEXT, OF(session_context, application)},
    {"context.database", FACT_CONTEXT, FACT_TEXT, OF(session_context, database)},
    {"context.login", FACT_CONTEXT, FACT_TEXT, OF(session_context, login)},
    {"context.role", FACT_CONTEXT, FACT_TEXT, OF(session_context, role)},
    {"context.in_transaction", FACT_CONTEXT, FACT_BOOL, OF(session_context, in_transaction)},
    {"context.tls", FACT_CONTEXT, FACT_BOOL, OF(session_context, tls)},
    {"context.reason", FACT_CONTEXT, FACT_TEXT, OF(session_context, reason)},
    {"context.ticket", FACT_CONTEXT, FACT_TEXT, OF(session_context, ticket)},
    {"action.kind", FACT_ACTION, FACT_KIND, OF(action, kind)},
    {"action.operation", FACT_ACTION, FACT_TEXT, OF(action, operation)},
    {"action.text", FACT_ACTION, FACT_TEXT, OF(action, text)},
    {"now", FACT_ACTION, FACT_TIME, OF(action, time_wall_ns)},
    {"policy.changed", FACT_POLICY, FACT_NAMES, OF(policy_change, changed)},
    {"policy.added", FACT_POLICY, FACT_NAMES, OF(policy_change, added)},
    {"policy.removed", FACT_POLICY, FACT_NAMES, OF(policy_change, removed)},
    {"policy.modified", FACT_POLICY, FACT_NAMES, OF(policy_change, modified)},
    {"sql.labels_read", FACT_COLUMNS, FACT_COLUMN_LABELS, LABELS_READ},
    {"sql.labels_touched", FACT_COLUMNS, FACT_COLUMN_LABELS, LABELS_TOUCHED},
    {"sql.estimated_rows", FACT_LAZY, FACT_INT, LAZY_ESTIMATED_ROWS},
    {"sql.estimated_cost", FACT_LAZY, FACT_INT, LAZY_ESTIMATED_COST},
};

static const enum fact_type sql_types[] = {
    [SQL_FIELD_BOOL] = FACT_BOOL,       [SQL_FIELD_INT] = FACT_INT,
    [SQL_FIELD_TEXT] = FACT_TEXT,       [SQL_FIELD_NAMES] = FACT_NAMES,
    [SQL_FIELD_CLASSES] = FACT_CLASSES, [SQL_FIELD_TRAITS] = FACT_TRAITS,
    [SQL_FIELD_DYNAMIC] = FACT_DYNAMIC, [SQL_FIELD_LOCK] = FACT_ENUM,
};

static const struct cel_type *type_of(enum fact_type t)
{
    switch (t) {
    case FACT_TEXT:
    case FACT_KIND:
    case FACT_IP:
        return &CEL_TYPE_STRING;
    case FACT_BOOL:
        return &CEL_TYPE_BOOL;
    case FACT_INT:
    case FACT_ENUM:
        return &CEL_TYPE_INT;
    case FACT_TIME:
        return &CEL_TYPE_TIMESTAMP;
    case FACT_GROUPS:
    case FACT_NAMES:
    case FACT_CLASSES:
    case FACT_TRAITS:
    case FACT_DYNAMIC:
    case FACT_COLUMN_LABELS:
        return &CEL_TYPE_STRINGS;
    }
    return &CEL_TYPE_ERROR;
}

/* The list being declared; room is known beforehand. */
struct declaring {
    struct cel_schema *schema;
    struct fact *list;
};

static enum err declare(struct declaring *d, struct str name, const struct cel_type *type,
                        int lazy_bit, struct fact fact)
{
    uint32_t slot;
    TRY(cel_schema_var(d->schema, name, type, lazy_bit, &slot));
    d->list[slot] = fact;
    return ERR_OK;
}

static enum err declare_fixed(struct declaring *d)
{
    for (size_t i = 0; i < ARRAY_LEN(declared); i++) {
        const struct declared *x = &declared[i];
        int bit = x->source == FACT_LAZY ? (int)x->offset : CEL_EAGER;
        struct fact f = {x->source, x->type, x->offset};
        TRY(declare(d, str_of(x->name), type_of(x->type), bit, f));
    }
    for (size_t i = 0; i < sql_fields_count; i++) {
        char name[64] = "sql.";
        size_t n = strlen(sql_fields[i].name);
        if (n + 4 > sizeof(name))
            return ERR_BUG;
        memcpy(name + 4, sql_fields[i].name, n);
        struct fact f = {FACT_SQL, sql_types[sql_fields[i].type], sql_fields[i].offset};
        TRY(declare(d, str_from(name, n + 4), type_of(f.type), CEL_EAGER, f));
    }
    return declare(d, STR("resource.labels"), &CEL_TYPE_LABELS, CEL_EAGER,
                   (struct fact){FACT_LABELS, FACT_TEXT, 0});
}

/* --- Labels --------------------------------------------------------------------------------------- */

struct labels {
    struct loader *l;
    const struct policy_parts *parts;
    struct str *room; /* LIMIT_LABELS */
};

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static const struct str labels_prefix = STR_INIT("resource.labels.");

/* A label that no resource has is most likely misspelt; but a ready guardrail file may ask for it. */
static void warn_unknown_label(struct loader *l, const struct policy_parts *parts, struct str key,
                               const struct yaml_node *v, size_t at)
{
    struct nearest near = nearest_to(key);
    for (size_t i = 0; i < parts->n_resources; i++) {
        const struct resource *r = &parts->resources[i];
        for (size_t k = 0; k < r->n_labels; k++) {
            if (str_eq(r->labels[k].key, key))
                return;
            nearest_offer(&near, r->labels[k].key);
        }
    }
    if (parts->n_resources != 0)
        problem_warning(l->problems, yaml_place_in(v, at, key.n),
                        problem_did_you_mean(l->problems, near.best),
                        "no resource has a label `%.*s`", STR_FMT(key));
}

static enum err label_note(struct labels *x, struct facts *f, struct str key,
                           const struct yaml_node *v, size_t at)
{
    struct loader *l = x->l;
    struct str *room = x->room;
    for (size_t i = 0; i < f->n_labels; i++)
        if (str_eq(room[i], key))
            return ERR_OK;
    warn_unknown_label(l, x->parts, key, v, at);
    if (f->n_labels == LIMIT_LABELS) {
        problem_error(l->problems, yaml_place_in(v, at, key.n), STR(""),
                      "conditions mention more than %d labels", LIMIT_LABELS);
        return ERR_OK;
    }
    room[f->n_labels++] = key;
    return ERR_OK;
}

/* Finds every `resource.labels.X`: each gets a slot, empty where a resource has no such label, so that
 * comparing it is false instead of an error. */
static enum err labels_find(struct labels *x, const struct yaml_node *v, struct facts *f)
{
    struct str text = v->text;
    for (size_t i = 0; i + labels_prefix.n < text.n; i++) {
        const char *hit = memmem(text.p + i, text.n - i, labels_prefix.p, labels_prefix.n);
        if (hit == NULL)
            return ERR_OK;
        size_t start = (size_t)(hit - text.p), key = start + labels_prefix.n, end = key;
        i = key - 1;
        while (end < text.n && is_word(text.p[end]))
            end++;
        if (end == key || (text.p[key] >= '0' && text.p[key] <= '9') ||
            (start > 0 && (is_word(text.p[start - 1]) || text.p[start - 1] == '.')))
            continue;
        struct str name = {text.p + key, end - key};
        TRY(label_note(x, f, name, v, key));
    }
    return ERR_OK;
}

static enum err declare_labels(struct declaring *d, const struct facts *f)
{
    for (size_t i = 0; i < f->n_labels; i++) {
        char name[sizeof("resource.labels.") + LIMIT_NAME_BYTES];
        struct str key = f->labels[i];
        if (key.n > LIMIT_NAME_BYTES)
            continue; /* the map's own look-up serves it */
        memcpy(name, labels_prefix.p, labels_prefix.n);
        memcpy(name + labels_prefix.n, key.p, key.n);
        TRY(declare(d, str_from(name, labels_prefix.n + key.n), &CEL_TYPE_STRING, CEL_EAGER,
                    (struct fact){FACT_LABEL, FACT_TEXT, i}));
    }
    return ERR_OK;
}

enum err facts_declare(struct loader *l, const struct policy_parts *parts,
                       const struct yaml_node *const *texts, size_t n, struct facts *ret)
{
    struct facts f = {.schema = NULL};
    struct labels x = {l, parts, arena_new_array(l->arena, LIMIT_LABELS, struct str)};
    if (x.room == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        TRY(labels_find(&x, texts[i], &f));
    f.labels = x.room;
    size_t most = ARRAY_LEN(declared) + sql_fields_count + 1 + f.n_labels;
    struct declaring d = {.list = arena_new_array(l->arena, most, struct fact)};
    if (d.list == NULL)
        return ERR_NOMEM;
    TRY(cel_schema_new(LIMIT_CONFIG_ARENA, &d.schema));
    enum err e = declare_fixed(&d);
    if (e == ERR_OK)
        e = declare_labels(&d, &f);
    if (e != ERR_OK) {
        cel_schema_free(d.schema);
        return e;
    }
    f.schema = d.schema;
    f.list = d.list;
    f.n = cel_schema_slots(d.schema);
    *ret = f;
    return ERR_OK;
}

enum err facts_labels(struct arena *a, const struct resource *r, struct cel_map *ret)
{
    struct cel_map_entry *entries = arena_new_array(a, r->n_labels, struct cel_map_entry);
    if (entries == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < r->n_labels; i++)
        entries[i] = (struct cel_map_entry){cel_string(r->labels[i].key),
                                            cel_string(r->labels[i].value)};
    return cel_map_init(ret, a, entries, r->n_labels);
}

/* --- Values --------------------------------------------------------------------------------------- */

static const void *source_of(const struct fact *f, const struct action *a)
{
    switch (f->source) {
    case FACT_ACTION:
        return a;
    case FACT_SUBJECT:
        return a->subject;
    case FACT_RESOURCE:
        return a->resource;
    case FACT_CONTEXT:
        return a->context;
    case FACT_SQL:
        return a->sql;
    case FACT_POLICY:
        return a->policy;
    case FACT_LAZY:
    case FACT_LABEL:
    case FACT_LABELS:
    case FACT_COLUMNS:
        break;
    }
    return NULL;
}

static struct cel_value words_value(uint32_t bits, unsigned count, struct str (*name)(unsigned),
                                    struct str *words)
{
    size_t n = 0;
    for (; bits != 0; bits &= bits - 1) {
        unsigned i = (unsigned)__builtin_ctz(bits);
        if (i < count)
            words[n++] = name(i);
    }
    return cel_list_of_strs(words, n);
}

_Static_assert(SQL_CLASS_COUNT + SQL_TRAIT_COUNT + SQL_DYNAMIC_COUNT <= FACT_WORDS,
               "each list of words has its own place");

/* "192.0.2.7:51234" and "[2001:db8::7]:51234" without the port; empty for what has none ("local"). */
static struct str ip_of(struct str address)
{
    size_t n = address.n;
    while (n > 0 && address.p[n - 1] != ':')
        n--;
    if (n == 0)
        return (struct str){NULL, 0};
    struct str host = {address.p, n - 1};
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = (struct str){host.p + 1, host.n - 2};
    return host;
}

static struct cel_value typed_value(enum fact_type type, const char *p, struct fact_space *space)
{
    switch (type) {
    case FACT_TEXT:
        return cel_string(*(const struct str *)(const void *)p);
    case FACT_IP:
        return cel_string(ip_of(*(const struct str *)(const void *)p));
    case FACT_BOOL:
        return cel_bool(*(const bool *)p);
    case FACT_INT:
        return cel_int(*(const int64_t *)(const void *)p);
    case FACT_ENUM:
        return cel_int(*(const int *)(const void *)p);
    case FACT_KIND:
        return cel_string(str_of(action_kind_text(*(const enum action_kind *)(const void *)p)));
    case FACT_TIME: {
        int64_t ns = *(const int64_t *)(const void *)p;
        int64_t seconds = ns / 1000000000 - (ns % 1000000000 < 0);
        return cel_timestamp(seconds, (uint32_t)(ns - seconds * 1000000000));
    }
    case FACT_GROUPS: {
        const struct subject *s = (const void *)p;
        return cel_list_of_strs(s->groups, s->n_groups);
    }
    case FACT_NAMES: {
        const struct sql_names *names = (const void *)p;
        return cel_list_of_strs(names->v, names->n);
    }
    case FACT_CLASSES:
        return words_value(*(const uint32_t *)(const void *)p, SQL_CLASS_COUNT, sql_class_name,
                           space->words);
    case FACT_TRAITS:
        return words_value(*(const uint32_t *)(const void *)p, SQL_TRAIT_COUNT, sql_trait_name,
                           space->words + SQL_CLASS_COUNT);
    case FACT_DYNAMIC:
        return words_value(*(const uint32_t *)(const void *)p, SQL_DYNAMIC_COUNT, sql_dynamic_name,
                           space->words + SQL_CLASS_COUNT + SQL_TRAIT_COUNT);
    case FACT_COLUMN_LABELS: /* of resource and statement together: facts_value */
        break;
    }
    return cel_unset();
}

static struct cel_value lazy_value(size_t number, const struct lazy_facts *f,
                                   struct fact_space *space)
{
    if (f != NULL && f->known & LAZY_BIT(number))
        return cel_int(f->value[number]);
    if (f != NULL && f->failed & LAZY_BIT(number))
        return cel_error_of(space->arena, CEL_E_FACT,
                            f->why_failed.n != 0 ? f->why_failed : STR("it could not be obtained"));
    return cel_unset();
}

static struct cel_value columns_value(enum column_label_use use, const struct action *a, struct fact_space *space)
{
    struct str *out = use == LABELS_READ ? space->read : space->touched;
    if (a->sql == NULL)
        return cel_unset();
    return cel_list_of_strs(out, column_labels_of(a->resource, a->sql, use, out));
}

struct cel_value facts_value(const struct facts *f, uint32_t i, const struct action *a,
                             const struct cel_map *labels, struct fact_space *space)
{
    const struct fact *x = &f->list[i];
    if (x->source == FACT_LAZY)
        return a->sql != NULL ? lazy_value(x->offset, a->lazy, space)
                              : cel_error_of(space->arena, CEL_E_FACT, STR("the action is no SQL"));
    if (x->source == FACT_LABELS)
        return cel_map(labels);
    if (x->source == FACT_LABEL)
        return cel_string(resource_label(a->resource, f->labels[x->offset]));
    if (x->source == FACT_COLUMNS)
        return columns_value((enum column_label_use)x->offset, a, space);
    const char *p = source_of(x, a);
    return p != NULL ? typed_value(x->type, p + x->offset, space) : cel_unset();
}
