#include "policy/recorded.h"

#include "model/lazy_facts.h"
#include "model/people.h"
#include "model/sql_facts.h"
#include "policy/cel/time.h"
#include "policy/internal.h"

static const struct str not_recorded = STR_INIT(" was not recorded");

/* --- Writing ------------------------------------------------------------------------------------- */

static struct str name_of(const struct policy *p, uint32_t slot)
{
    return cel_schema_at(p->facts.schema, slot)->name;
}

static bool says_nothing(struct cel_value v)
{
    switch ((int)cel_kind_of(v)) {
    case CEL_UNSET:
    case CEL_ABSENT:
        return true;
    case CEL_BOOL:
    case CEL_INT:
        return v.i == 0;
    case CEL_STRING:
    case CEL_LIST:
        return cel_length(v) == 0;
    case CEL_MAP:
        return v.map->count == 0;
    default:
        return false;
    }
}

/* Bytes that are no UTF-8 are kept too. */
static void put_value(struct json *j, struct cel_value v)
{
    if (cel_is(v, CEL_STRING)) {
        json_bytes(j, cel_str(v));
        return;
    }
    if (!cel_is(v, CEL_LIST)) {
        cel_value_json(j, v);
        return;
    }
    json_array_begin(j);
    for (uint32_t i = 0; i < cel_length(v) && j->err == ERR_OK; i++)
        put_value(j, cel_list_at(v, i));
    json_array_end(j);
}

static bool is_text(const struct policy *p, uint32_t slot)
{
    const struct fact *f = &p->facts.list[slot];
    return f->source == FACT_ACTION && f->offset == offsetof(struct action, text);
}

enum err policy_facts_json(const struct policy *p, struct policy_eval *e, const struct action *a,
                           struct json *out)
{
    TRY(policy_eval_fill(p, e, a, true));
    json_object_begin(out);
    for (uint32_t i = 0; i < p->facts.n; i++) {
        bool obtained = p->facts.list[i].source == FACT_LAZY && !cel_is(e->slots[i], CEL_UNSET);
        bool elsewhere = a->kind == ACTION_SQL && is_text(p, i);
        if (p->facts.list[i].source == FACT_LABEL || elsewhere ||
            (!obtained && says_nothing(e->slots[i])))
            continue;
        json_key_str(out, name_of(p, i));
        put_value(out, e->slots[i]);
    }
    json_object_end(out);
    return json_end(out);
}

/* --- The vocabulary ------------------------------------------------------------------------------- */

enum err policy_vocabulary(const struct policy *p, struct buf *out)
{
    size_t start = buf_len(out);
    for (uint32_t i = 0; i < p->facts.n; i++) {
        if (p->facts.list[i].source == FACT_LABEL)
            continue;
        if (buf_len(out) != start)
            TRY(buf_put_u8(out, ' '));
        TRY(buf_put_str(out, name_of(p, i)));
    }
    return ERR_OK;
}

void policy_vocabulary_name(struct str names, char ret[static POLICY_VOCABULARY_NAME + 1])
{
    char hex[DIGEST_HEX + 1];
    struct digest d = digest_of(names);
    digest_hex(&d, hex);
    memcpy(ret, hex, POLICY_VOCABULARY_NAME);
    ret[POLICY_VOCABULARY_NAME] = '\0';
}

static bool has_word(struct str words, struct str word)
{
    struct str head, rest = words;
    while (str_cut(rest, ' ', &head, &rest))
        if (str_eq(head, word))
            return true;
    return str_eq(rest, word);
}

enum err policy_vocabulary_known(const struct policy *p, struct str names, struct arena *a,
                                 const bool **ret)
{
    bool *known = arena_new_array(a, p->facts.n, bool);
    if (known == NULL)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < p->facts.n; i++)
        known[i] = has_word(names, name_of(p, i));
    *ret = known;
    return ERR_OK;
}

/* --- Reading -------------------------------------------------------------------------------------- */

static struct cel_value empty_of(enum fact_type t)
{
    switch (t) {
    case FACT_TEXT:
    case FACT_KIND:
    case FACT_IP:
        return cel_string(STR(""));
    case FACT_BOOL:
        return cel_bool(false);
    case FACT_INT:
    case FACT_ENUM:
        return cel_int(0);
    case FACT_TIME:
        return cel_timestamp(0, 0);
    case FACT_GROUPS:
    case FACT_NAMES:
    case FACT_CLASSES:
    case FACT_TRAITS:
    case FACT_DYNAMIC:
    case FACT_COLUMN_LABELS:
        break;
    }
    return cel_list_of_strs(NULL, 0);
}

static enum err read_list(const struct json_part *v, struct arena *a, struct cel_value *ret)
{
    struct json_parts count = json_parts_of(v), it = count;
    struct json_part x;
    struct str key, *list;
    size_t n = 0;
    if (v->kind != JSON_IS_ARRAY)
        return ERR_INVALID;
    while (json_parts_next(&count, &key, &x))
        n++;
    list = arena_new_array(a, n, struct str);
    if (list == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; json_parts_next(&it, &key, &x); i++)
        TRY(json_part_text(&x, a, &list[i]));
    *ret = cel_list_of_strs(list, n);
    return ERR_OK;
}

static enum err read_text(const struct json_part *v, struct arena *a, struct cel_value *ret)
{
    struct str s;
    TRY(json_part_text(v, a, &s));
    *ret = cel_string(s);
    return ERR_OK;
}

static enum err read_time(const struct json_part *v, struct arena *a, struct cel_value *ret)
{
    struct str s;
    int64_t seconds;
    uint32_t nanos;
    TRY(json_part_text(v, a, &s));
    if (!cel_time_parse(s, &seconds, &nanos))
        return ERR_INVALID;
    *ret = cel_timestamp(seconds, nanos);
    return ERR_OK;
}

static enum err read_value(enum fact_type t, const struct json_part *v, struct arena *a,
                           struct cel_value *ret)
{
    struct json_part why;
    struct str text;
    int64_t i;
    if (json_member(v, "error", &why)) {
        TRY(json_part_text(&why, a, &text));
        *ret = cel_error_of(a, CEL_E_FACT, text);
        return ERR_OK;
    }
    switch (t) {
    case FACT_TEXT:
    case FACT_KIND:
    case FACT_IP:
        return read_text(v, a, ret);
    case FACT_BOOL:
        *ret = cel_bool(json_part_is_true(v));
        return v->kind == JSON_IS_BOOL ? ERR_OK : ERR_INVALID;
    case FACT_INT:
    case FACT_ENUM:
        TRY(json_part_int(v, &i));
        *ret = cel_int(i);
        return ERR_OK;
    case FACT_TIME:
        return read_time(v, a, ret);
    case FACT_GROUPS:
    case FACT_NAMES:
    case FACT_CLASSES:
    case FACT_TRAITS:
    case FACT_DYNAMIC:
    case FACT_COLUMN_LABELS:
        break;
    }
    return read_list(v, a, ret);
}

/* What comes from the configuration that judges, not from the record. */
static bool of_configuration(const struct fact *f)
{
    return f->source == FACT_RESOURCE || f->source == FACT_LABELS || f->source == FACT_LABEL;
}

struct judging {
    const struct policy *p;
    const struct policy_recorded *r;
    struct arena *arena;
    struct fact_override *list; /* one a slot, in order; those of the configuration are taken out last */
};

static enum err put_missing(struct judging *x, uint32_t i)
{
    struct str why;
    if (x->p->facts.list[i].source == FACT_LAZY) {
        x->list[i].value = cel_unset();
        return ERR_OK;
    }
    if (x->r->known != NULL && x->r->known[i] && !is_text(x->p, i)) {
        x->list[i].value = empty_of(x->p->facts.list[i].type);
        return ERR_OK;
    }
    TRY(arena_printf(x->arena, &why, "%.*s%.*s", STR_FMT(name_of(x->p, i)), STR_FMT(not_recorded)));
    x->list[i].value = cel_error_of(x->arena, CEL_E_FACT, why);
    return ERR_OK;
}

static enum err put_recorded(struct judging *x, bool *seen)
{
    struct json_parts it = json_parts_of(&x->r->facts);
    struct json_part v;
    struct str key;
    while (json_parts_next(&it, &key, &v)) {
        const struct cel_variable *var = cel_schema_find(x->p->facts.schema, key);
        if (var == NULL || of_configuration(&x->p->facts.list[var->slot]) || seen[var->slot])
            continue;
        TRY(read_value(x->p->facts.list[var->slot].type, &v, x->arena, &x->list[var->slot].value));
        seen[var->slot] = true;
    }
    return ERR_OK;
}

static enum err put_all(struct judging *x)
{
    uint32_t n = x->p->facts.n;
    bool *seen = arena_new_array(x->arena, n, bool);
    x->list = arena_new_array(x->arena, n, struct fact_override);
    if (seen == NULL || x->list == NULL)
        return ERR_NOMEM;
    TRY(put_recorded(x, seen));
    for (uint32_t i = 0; i < n; i++) {
        x->list[i].slot = i;
        if (seen[i])
            continue;
        if (is_text(x->p, i) && x->r->text_known)
            x->list[i].value = cel_string(x->r->text);
        else
            TRY(put_missing(x, i));
    }
    return ERR_OK;
}

/* --- Judging -------------------------------------------------------------------------------------- */

static struct str recorded_text(const struct judging *x, const char *name)
{
    const struct cel_variable *var = cel_schema_find(x->p->facts.schema, str_of(name));
    struct cel_value v = var != NULL ? x->list[var->slot].value : cel_unset();
    return cel_is(v, CEL_STRING) ? cel_str(v) : STR("");
}

static void set(struct judging *x, const char *name, struct cel_value v)
{
    const struct cel_variable *var = cel_schema_find(x->p->facts.schema, str_of(name));
    if (var != NULL)
        x->list[var->slot].value = v;
}

/* The person as this configuration knows them: by the account, else by the name they had then. One it
 * does not know keeps what was recorded. */
static void set_person(struct judging *x)
{
    const struct people *people = x->p->parts->people;
    const struct person *who = people_by_account(people, recorded_text(x, "subject.name"));
    if (who == NULL)
        who = people_find(people, recorded_text(x, "subject.person"));
    if (who == NULL)
        return;
    set(x, "subject.person", cel_string(who->name));
    set(x, "subject.groups", cel_list_of_strs(who->groups, who->n_groups));
}

static const struct resource *find_resource(const struct policy *p, const struct json_part *facts,
                                            struct arena *a)
{
    struct json_part v;
    struct str name;
    if (!json_member(facts, "resource.name", &v) || json_part_text(&v, a, &name) != ERR_OK)
        return NULL;
    for (size_t i = 0; i < p->parts->n_resources; i++)
        if (str_eq(p->parts->resources[i].name, name))
            return &p->parts->resources[i];
    return NULL;
}

static size_t drop_configured(struct judging *x)
{
    size_t n = 0;
    for (uint32_t i = 0; i < x->p->facts.n; i++)
        if (!of_configuration(&x->p->facts.list[i]))
            x->list[n++] = x->list[i];
    return n;
}

static struct str lazy_name(const struct policy *p, uint64_t mask)
{
    for (uint32_t i = 0; i < p->facts.n; i++)
        if (p->facts.list[i].source == FACT_LAZY && (mask & LAZY_BIT(p->facts.list[i].offset)) != 0)
            return name_of(p, i);
    return STR("a fact");
}

/* A denial that is certain stays one, whatever the rest would have said. */
static struct str uncertain(const struct policy *p, const struct decision *d)
{
    struct str unknown = {NULL, 0};
    if (d->needs_facts != 0)
        unknown = lazy_name(p, d->needs_facts);
    for (size_t i = 0; i < d->n_matched; i++) {
        const struct matched_guardrail *m = &d->matched[i];
        if (m->observe)
            continue;
        if (!m->failed && m->then == VERDICT_DENY)
            return (struct str){NULL, 0};
        if (m->failed && str_ends(m->why, not_recorded) && unknown.n == 0)
            unknown = str_from(m->why.p, m->why.n - not_recorded.n);
    }
    return unknown;
}

enum err policy_judge_recorded(const struct policy *p, struct policy_eval *e,
                               const struct policy_recorded *r, struct arena *arena,
                               struct policy_judged *ret)
{
    static const struct sql_facts no_sql;
    static const struct session_context no_context;
    static const struct subject no_subject;
    struct judging x = {.p = p, .r = r, .arena = arena};
    struct policy_run *run = NULL;
    const struct action a = {
        .kind = r->kind,
        .sql = &no_sql,
        .subject = &no_subject,
        .resource = find_resource(p, &r->facts, arena),
        .context = &no_context,
        .time_wall_ns = r->time_wall_ns,
    };
    if (a.resource == NULL)
        return ERR_NOT_FOUND;
    TRY(put_all(&x));
    set_person(&x);
    e->overrides = x.list;
    e->n_overrides = drop_configured(&x);
    enum err err = policy_decide(p, e, &a, &run, arena, &ret->decision);
    e->overrides = NULL;
    e->n_overrides = 0;
    TRY(err);
    ret->unknown = uncertain(p, &ret->decision);
    return ERR_OK;
}
