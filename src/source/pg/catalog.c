#include "source/pg/catalog.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/limits.h"
#include "base/log.h"
#include "classify/code.h"
#include "classify/expand.h"
#include "source/pg/ask.h"
#include "source/pg/catalog_sql.h"

#include <stdlib.h>

enum { BUCKETS = 4096, PATH_ROOM = 1024 };

/* One name under one context. */
struct known {
    struct known *next;
    uint64_t context;
    enum sql_object_kind kind;
    struct str name;
    struct sql_object object;
    bool fleeting; /* nothing has that name: true for this statement, perhaps not for the next */
    struct sql_cached *use, *write; /* what object.use and object.write view; NULL where there is none */
    struct str *triggers;
    char storage[];
};

/* What names are looked up in: database, user, search_path, and the session where it is alone. */
struct context {
    struct context *next;
    uint64_t id;
    struct str key;
    char storage[];
};

struct pg_catalog {
    struct known *buckets[BUCKETS];
    struct context *contexts;
    size_t n_known, n_fleeting, n_contexts;
    uint64_t seed, next_id;
    uint64_t age; /* goes up when everything is dropped: what was asked before is not kept */
    int64_t drop_at_ns;
    struct arena scratch; /* of one statement that is gone on with */
};

/* A name that was asked for, and what came of it. */
struct wanted {
    enum sql_object_kind kind;
    struct str name; /* in the look's arena */
    bool found, doubtful, has_use, has_write;
    struct sql_facts use, write;
    struct str triggers[LIMIT_PG_TRIGGERS];
    size_t n_triggers;
};

/* One question on its way, with all its names. */
struct pg_look {
    struct source_session *s;
    struct arena arena;
    struct wanted *wanted[LIMIT_SQL_OBJECTS];
    size_t n, overflow;
    struct sql_settings settings;
    uint64_t age;
    enum sql_object_kind parts[8]; /* by part of the question; 0: the context */
    size_t n_parts;
    struct str context;
    bool own, catalog_first;
    enum err bad; /* sticks */
};

/* --- The memory ------------------------------------------------------------------------------------ */

enum err pg_catalog_new(struct pg_catalog **ret)
{
    struct pg_catalog *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ERR_NOMEM;
    enum err e = random_bytes(&c->seed, sizeof(c->seed));
    if (e != ERR_OK) {
        free(c);
        return e;
    }
    arena_init(&c->scratch, LIMIT_ACTION_ARENA);
    *ret = c;
    return ERR_OK;
}

static void known_free(struct known *k)
{
    sql_cached_unref(k->use);
    sql_cached_unref(k->write);
    free(k->triggers);
    free(k);
}

static void drop(struct pg_catalog *c, bool only_fleeting)
{
    for (size_t i = 0; i < BUCKETS && c->n_known != 0; i++)
        for (struct known **at = &c->buckets[i]; *at != NULL;) {
            struct known *k = *at;
            if (only_fleeting && !k->fleeting) {
                at = &k->next;
                continue;
            }
            *at = k->next;
            known_free(k);
            c->n_known--;
        }
    c->n_fleeting = 0;
}

void pg_catalog_forget(struct pg_catalog *c)
{
    c->age++;
    drop(c, false);
    for (struct context *x = c->contexts, *next; x != NULL; x = next) {
        next = x->next;
        free(x);
    }
    c->contexts = NULL;
    c->n_contexts = 0;
    c->drop_at_ns = clock_mono_ns() + (int64_t)LIMIT_PG_CATALOG_AGE_MS * (NS_PER_S / 1000);
}

void pg_catalog_free(struct pg_catalog *c)
{
    if (c == NULL)
        return;
    pg_catalog_forget(c);
    arena_done(&c->scratch);
    free(c);
}

static struct known **bucket_of(struct pg_catalog *c, uint64_t context, enum sql_object_kind kind, struct str name)
{
    uint64_t seed = c->seed ^ (context * UINT64_C(0x9e3779b97f4a7c15)) ^ (uint64_t)kind;
    return &c->buckets[str_hash_seeded(name, seed) % BUCKETS];
}

static struct known *find_known(struct pg_catalog *c, uint64_t context, enum sql_object_kind kind, struct str name)
{
    struct known *k = *bucket_of(c, context, kind, name);
    while (k != NULL && !(k->context == context && k->kind == kind && str_eq(k->name, name)))
        k = k->next;
    return k;
}

/* The number of what the key says; a new one where nothing is remembered of it. */
static enum err context_id(struct pg_catalog *c, struct str key, uint64_t *ret)
{
    for (struct context *x = c->contexts; x != NULL; x = x->next)
        if (str_eq(x->key, key)) {
            *ret = x->id;
            return ERR_OK;
        }
    struct context *x = malloc(sizeof(*x) + key.n + 1);
    if (x == NULL)
        return ERR_NOMEM;
    memcpy(x->storage, key.p, key.n);
    *x = (struct context){.next = c->contexts, .id = ++c->next_id, .key = {x->storage, key.n}};
    c->contexts = x;
    c->n_contexts++;
    *ret = x->id;
    return ERR_OK;
}

static enum err copy_facts(bool has, const struct sql_facts *f, struct sql_cached **ret)
{
    *ret = NULL;
    return has ? sql_cached_new((struct str){NULL, 0}, f, ret) : ERR_OK;
}

static enum err copy_triggers(const struct wanted *w, struct known *k)
{
    size_t bytes = 0;
    for (size_t i = 0; i < w->n_triggers; i++)
        bytes += w->triggers[i].n;
    if (w->n_triggers == 0)
        return ERR_OK;
    k->triggers = malloc(w->n_triggers * sizeof(struct str) + bytes);
    if (k->triggers == NULL)
        return ERR_NOMEM;
    char *at = (char *)(k->triggers + w->n_triggers);
    for (size_t i = 0; i < w->n_triggers; i++) {
        memcpy(at, w->triggers[i].p, w->triggers[i].n);
        k->triggers[i] = (struct str){at, w->triggers[i].n};
        at += w->triggers[i].n;
    }
    k->object.triggers = (struct sql_names){k->triggers, w->n_triggers};
    return ERR_OK;
}

static enum err remember(struct pg_catalog *c, uint64_t context, const struct wanted *w)
{
    if (find_known(c, context, w->kind, w->name) != NULL)
        return ERR_OK;
    struct known *k = calloc(1, sizeof(*k) + w->name.n + 1);
    if (k == NULL)
        return ERR_NOMEM;
    if (w->name.n != 0)
        memcpy(k->storage, w->name.p, w->name.n);
    k->context = context;
    k->kind = w->kind;
    k->name = (struct str){k->storage, w->name.n};
    bool exists = w->found || w->kind != SQL_OBJECT_FUNCTION; /* what nobody knows may be there by the time it is called */
    k->object.vouched = exists && !w->doubtful && (!w->has_use || sql_facts_only_read(&w->use));
    k->fleeting = !w->found && (w->kind == SQL_OBJECT_RELATION || w->kind == SQL_OBJECT_FUNCTION ||
                                w->kind == SQL_OBJECT_TYPE);
    enum err e = copy_facts(w->has_use, &w->use, &k->use);
    if (e == ERR_OK)
        e = copy_facts(w->has_write, &w->write, &k->write);
    if (e == ERR_OK)
        e = copy_triggers(w, k);
    if (e != ERR_OK) {
        known_free(k);
        return e;
    }
    k->object.use = k->use != NULL ? sql_cached_facts(k->use) : NULL;
    k->object.write = k->write != NULL ? sql_cached_facts(k->write) : NULL;
    struct known **at = bucket_of(c, context, w->kind, w->name);
    k->next = *at;
    *at = k;
    c->n_known++;
    c->n_fleeting += k->fleeting;
    return ERR_OK;
}

/* --- A question ------------------------------------------------------------------------------------ */

static void look_free(struct pg_look *l)
{
    if (l == NULL)
        return;
    arena_done(&l->arena);
    free(l);
}

static struct pg_look *look_new(struct source_session *s)
{
    struct pg_look *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return NULL;
    l->s = s;
    l->settings = pg_reading(s);
    l->age = s->st->catalog->age;
    arena_init(&l->arena, LIMIT_ACTION_ARENA);
    return l;
}

static enum err want(struct pg_look *l, enum sql_object_kind kind, struct str name)
{
    if (l->n == LIMIT_SQL_OBJECTS)
        return ERR_LIMIT;
    struct wanted *w = arena_new(&l->arena, struct wanted);
    if (w == NULL)
        return ERR_NOMEM;
    w->kind = kind;
    TRY(arena_str(&l->arena, name, &w->name));
    l->wanted[l->n++] = w;
    return ERR_OK;
}

/* The i-th (from 1) name of that kind, as the question counted them. */
static struct wanted *wanted_at(struct pg_look *l, enum sql_object_kind kind, uint64_t number)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->wanted[i]->kind == kind && --number == 0)
            return l->wanted[i];
    return NULL;
}

/* --- Answers --------------------------------------------------------------------------------------- */

static enum err add_facts(struct pg_look *l, bool *has, struct sql_facts *to, const struct sql_facts *f)
{
    if (!*has)
        *to = *f;
    else
        TRY(sql_facts_merge(&l->arena, to, f, to));
    *has = true;
    return ERR_OK;
}

static enum err plain_facts(struct pg_look *l, struct sql_facts *ret)
{
    return classify_sql(&l->arena, (struct str){"", 0}, &l->settings, ret);
}

/* Facts that say no more than that a name is used. */
static enum err name_facts(struct pg_look *l, bool type, struct str schema, struct str name, struct sql_facts *ret)
{
    struct sql_facts f;
    struct str *spelled = arena_new(&l->arena, struct str);
    if (spelled == NULL)
        return ERR_NOMEM;
    TRY(sql_name_spell(&l->arena, schema, name, spelled));
    TRY(plain_facts(l, &f));
    *(type ? &f.unknown_types : &f.unknown_functions) = (struct sql_names){spelled, 1};
    f.dynamic = type ? SQL_D_TYPE : SQL_D_FUNCTION;
    f.classes |= SQL_DYNAMIC;
    f.may_write = true;
    *ret = f;
    return ERR_OK;
}

/* A foreign table is read from somewhere else; file_fdw's from a file of the server, or a program on it. */
static enum err foreign_facts(struct pg_look *l, struct str wrapper, struct str options, struct sql_facts *ret)
{
    TRY(plain_facts(l, ret));
    ret->traits |= SQL_T_NETWORK;
    ret->dynamic = SQL_D_CATALOG; /* what is done over there is in another catalogue */
    ret->classes |= SQL_DYNAMIC;
    if (!str_is(wrapper, "file_fdw"))
        return ERR_OK;
    bool program = str_contains(options, STR("program="));
    ret->traits = program ? SQL_T_PROGRAM : SQL_T_FILE_READ;
    ret->classes |= SQL_ADMIN | SQL_FILE | (program ? SQL_COPY_PROGRAM : 0);
    return ERR_OK;
}

static enum err add_trigger(struct pg_look *l, struct wanted *w, struct str schema, struct str name)
{
    if (w->n_triggers == LIMIT_PG_TRIGGERS)
        return ERR_LIMIT;
    TRY(sql_name_spell(&l->arena, schema, name, &w->triggers[w->n_triggers]));
    w->n_triggers++;
    return ERR_OK;
}

/* What a row says, as facts. ERR_NOT_FOUND: it says none. */
static enum err row_facts(struct pg_look *l, struct wanted *w, char what, struct str a, struct str b,
                          struct sql_facts *ret)
{
    static const enum sql_code codes[256] = {
        ['q'] = SQL_CODE_QUERY,   ['e'] = SQL_CODE_EXPRESSIONS, ['a'] = SQL_CODE_ATOMIC,
        ['p'] = SQL_CODE_PLPGSQL, ['c'] = SQL_CODE_TRIGGER,
    };
    enum sql_code code = codes[(unsigned char)what];
    if (code != 0)
        return classify_code(&l->arena, code, a, &l->settings, ret);
    switch (what) {
    case 'f':
        return name_facts(l, false, a, b, ret);
    case 't':
        return name_facts(l, true, a, b, ret);
    case 'x':
        return foreign_facts(l, a, b, ret);
    case 'R':
        TRY(plain_facts(l, ret));
        ret->dynamic = SQL_D_RULE;
        ret->classes |= SQL_DYNAMIC;
        return ERR_OK;
    case 'g':
        TRY(add_trigger(l, w, a, b));
        return ERR_NOT_FOUND;
    case 'd':
        w->doubtful = true;
        return ERR_NOT_FOUND;
    case '-':
        return ERR_NOT_FOUND;
    default:
        return ERR_PROTOCOL;
    }
}

static enum err take_row(struct pg_look *l, enum sql_object_kind kind, const struct str *v, size_t n)
{
    uint64_t number;
    struct sql_facts f;
    if (n != 5 || str_to_u64(v[0], &number) != ERR_OK || v[1].n != 1 || v[2].n != 1)
        return ERR_PROTOCOL;
    struct wanted *w = wanted_at(l, kind, number);
    if (w == NULL)
        return ERR_PROTOCOL;
    w->found = true;
    enum err e = row_facts(l, w, v[2].p[0], v[3], v[4], &f);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    return v[1].p[0] == 'w' ? add_facts(l, &w->has_write, &w->write, &f) : add_facts(l, &w->has_use, &w->use, &f);
}

/* "{pg_temp_3,pg_catalog,public}": nothing but temporary objects, which hold no functions, before pg_catalog. */
static bool catalog_is_first(struct str path)
{
    struct str first = str_from(path.p + 1, path.n - 1), rest;
    if (str_starts(first, STR("pg_temp_")) && str_cut(first, ',', &first, &rest))
        first = rest;
    return str_starts(first, STR("pg_catalog"));
}

/* What decides the meaning of names. A session alone is told apart by its own name. */
static enum err take_context(struct pg_look *l, const struct str *v, size_t n)
{
    if (n != 4 || v[0].n < 2)
        return ERR_PROTOCOL;
    struct source_session *s = l->s;
    l->own = s->names_own || !str_is(v[3], "0");
    l->catalog_first = catalog_is_first(v[0]);
    return arena_printf(&l->arena, &l->context, "%.*s\n%.*s\n%.*s\n%.*s/%llu", STR_FMT(v[0]), STR_FMT(v[1]),
                        STR_FMT(v[2]), STR_FMT(l->own ? s->context.id : STR("")),
                        (unsigned long long)(l->own ? s->names_moved : 0));
}

static void on_row(void *ctx, size_t part, const struct str *values, size_t n)
{
    struct pg_look *l = ctx;
    if (l->bad != ERR_OK)
        return;
    if (part == 0)
        l->bad = take_context(l, values, n);
    else if (part < l->n_parts)
        l->bad = take_row(l, l->parts[part], values, n);
}

static enum err keep_answers(struct pg_look *l)
{
    struct source_session *s = l->s;
    struct pg_catalog *c = s->st->catalog;
    uint64_t id;
    TRY(l->bad);
    if (l->context.n == 0)
        return ERR_PROTOCOL;
    if (c->n_known + l->n > LIMIT_PG_CATALOG_NAMES || c->n_contexts >= LIMIT_PG_CATALOG_CONTEXTS) {
        pg_catalog_forget(c);
        l->age = c->age;
    }
    if (l->age != c->age)
        return ERR_OK; /* the catalogue changed meanwhile: it is asked again */
    if (!l->catalog_first)
        s->catalog_first = false; /* built-in names may be anybody's: the message is read anew as that */
    TRY(context_id(c, l->context, &id));
    for (size_t i = 0; i < l->n; i++)
        TRY(remember(c, id, l->wanted[i]));
    s->names_context = id;
    s->names_age = c->age;
    return ERR_OK;
}

static void on_done(void *ctx, enum pg_ask_result result, struct str why)
{
    struct pg_look *l = ctx;
    struct source_session *s = l->s;
    if (result == PG_ASK_ENDED || result == PG_ASK_CANCELLED) {
        look_free(l);
        return;
    }
    enum err e = result == PG_ASK_ANSWERED ? keep_answers(l) : ERR_IO;
    look_free(l);
    s->names_rounds++;
    s->names_failed = e != ERR_OK;
    if (e != ERR_OK) {
        char clean[256];
        struct str text = result == PG_ASK_ANSWERED ? str_of(err_text(e)) : why;
        log_warn("session %.*s: the catalogue gave no answer: %s", STR_FMT(s->context.id),
                 log_clean(text, clean, sizeof(clean)));
    }
    pg_question_over(s);
}

static const struct pg_asker asker = {.row = on_row, .done = on_done};

/* --- Asking ---------------------------------------------------------------------------------------- */

/* An item of an array in text form; p == NULL: NULL. */
static enum err put_item(struct buf *out, struct str item)
{
    if (buf_len(out) != 1)
        TRY(buf_put(out, ",", 1));
    if (item.p == NULL)
        return buf_put_str(out, STR("NULL"));
    TRY(buf_put(out, "\"", 1));
    for (size_t i = 0; i < item.n; i++) {
        if (item.p[i] == '"' || item.p[i] == '\\')
            TRY(buf_put(out, "\\", 1));
        TRY(buf_put(out, &item.p[i], 1));
    }
    return buf_put(out, "\"", 1);
}

static enum err put_name(struct pg_look *l, struct buf out[3], struct str spelled)
{
    struct str schema = {NULL, 0}, name = spelled, oid = {NULL, 0};
    if (str_starts(spelled, STR("oid ")))
        oid = str_from(spelled.p + 4, spelled.n - 4);
    else
        TRY(sql_name_split(&l->arena, spelled, &schema, &name));
    TRY(put_item(&out[0], schema.n != 0 ? schema : (struct str){NULL, 0}));
    TRY(put_item(&out[1], name.p != NULL ? name : STR("")));
    return put_item(&out[2], oid);
}

struct arrays {
    struct buf b[3];
};

static void arrays_done(struct arrays *a)
{
    for (size_t i = 0; i < 3; i++)
        buf_done(&a->b[i]);
}

/* The names of one kind as three arrays, and the Bind's tail they make. */
static enum err put_names(struct pg_look *l, enum sql_object_kind kind, struct buf *tail)
{
    struct arrays a CLEANUP(arrays_done) = {0};
    for (size_t i = 0; i < 3; i++) {
        buf_init(&a.b[i], MIB);
        TRY(buf_put(&a.b[i], "{", 1));
    }
    for (size_t i = 0; i < l->n; i++)
        if (l->wanted[i]->kind == kind)
            TRY(put_name(l, a.b, l->wanted[i]->name));
    for (size_t i = 0; i < 3; i++)
        TRY(buf_put(&a.b[i], "}", 1));
    struct str values[4] = {buf_view(&a.b[0]), buf_view(&a.b[1]), buf_view(&a.b[2]),
                            kind == SQL_OBJECT_OVERLOAD ? STR("t") : STR("f")};
    bool functions = kind == SQL_OBJECT_FUNCTION || kind == SQL_OBJECT_OVERLOAD;
    return pg_ask_parameters(tail, values, functions ? 4 : 3);
}

static enum err add_part(struct pg_look *l, struct pg_question_part *parts, struct buf *tail, enum sql_object_kind kind,
                         const char *sql)
{
    bool any = false;
    for (size_t i = 0; i < l->n; i++)
        any = any || l->wanted[i]->kind == kind;
    if (!any)
        return ERR_OK;
    TRY(put_names(l, kind, tail));
    struct str kept;
    TRY(arena_str(&l->arena, buf_view(tail), &kept));
    l->parts[l->n_parts] = kind;
    parts[l->n_parts++] = (struct pg_question_part){.sql = str_of(sql), .bind_tail = kept};
    return ERR_OK;
}

static enum err ask(struct pg_look *l)
{
    static const struct {
        enum sql_object_kind kind;
        const char *sql;
    } queries[] = {{SQL_OBJECT_RELATION, SQL_RELATIONS}, {SQL_OBJECT_FUNCTION, SQL_FUNCTIONS},
                   {SQL_OBJECT_OVERLOAD, SQL_FUNCTIONS}, {SQL_OBJECT_TYPE, SQL_TYPES},
                   {SQL_OBJECT_OPERATOR, SQL_OPERATORS}, {SQL_OBJECT_AMBIENT, SQL_AMBIENT},
                   {SQL_OBJECT_DEFINITIONS, SQL_EVENT_TRIGGERS}};
    struct pg_question_part parts[ARRAY_LEN(queries) + 1] = {{.sql = str_of(SQL_CONTEXT)}};
    l->n_parts = 1;
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        struct buf tail CLEANUP(buf_done) = {0};
        buf_init(&tail, 4 * MIB);
        TRY(add_part(l, parts, &tail, queries[i].kind, queries[i].sql));
    }
    struct pg_question q = {PG_ASK_PEEK, parts, l->n_parts, LIMIT_PG_CATALOG_WAIT_MS, &asker, l};
    return pg_ask(l->s, &q);
}

/* --- Going on with facts --------------------------------------------------------------------------- */

struct search {
    struct source_session *s;
    struct pg_look *look; /* NULL: what is not known is not asked */
    bool known_context;
    enum err bad;
};

static const struct sql_object *find(void *ctx, enum sql_object_kind kind, struct str name)
{
    struct search *x = ctx;
    struct known *k =
        x->known_context ? find_known(x->s->st->catalog, x->s->names_context, kind, name) : NULL;
    if (k == NULL && x->look != NULL && x->bad == ERR_OK)
        x->bad = want(x->look, kind, name);
    return k != NULL ? &k->object : NULL;
}

/* Types that a Parse message names by number, beyond the built-in ones (PostgreSQL manual, FirstNormalObjectId). */
static enum err parameter_types(struct source_session *s, struct arena *a, struct sql_names *ret)
{
    enum { FIRST_NORMAL = 16384 };
    const struct pg_portal *p = s->judged.portal;
    const struct pg_statement *st = p != NULL ? p->statement : NULL;
    *ret = (struct sql_names){NULL, 0};
    size_t n = 0;
    for (uint16_t i = 0; st != NULL && i < st->n_types; i++)
        n += st->types[i] >= FIRST_NORMAL;
    if (n == 0)
        return ERR_OK;
    struct str *v = arena_new_array(a, n, struct str);
    if (v == NULL)
        return ERR_NOMEM;
    n = 0;
    for (uint16_t i = 0; i < st->n_types; i++)
        if (st->types[i] >= FIRST_NORMAL)
            TRY(arena_printf(a, &v[n++], "oid %u", st->types[i]));
    *ret = (struct sql_names){v, n};
    return ERR_OK;
}

static bool is_typed(const struct source_session *s)
{
    const struct pg_portal *p = s->judged.portal;
    return p != NULL && p->statement != NULL && p->statement->n_types != 0;
}

/* Whether the catalogue has anything to say of it. */
static bool open_questions(const struct source_session *s, const struct sql_facts *f)
{
    const uint32_t defines = SQL_DDL | SQL_DESTRUCTIVE_DDL | SQL_PRIVILEGE;
    return (f->classes & SQL_PARSE_ERROR) == 0 &&
           ((f->classes & defines) != 0 || f->tables.n != 0 || f->columns.n != 0 || f->functions.n != 0 ||
            f->unknown_functions.n != 0 || f->unknown_types.n != 0 || f->unknown_operators.n != 0 ||
            f->has_unqualified_builtins || is_typed(s));
}

/* The catalogue adds nothing: the names are plain tables and functions that are what they are called. */
static bool same_facts(const struct sql_facts *a, const struct sql_facts *b)
{
    return a->classes == b->classes && a->traits == b->traits && a->dynamic == b->dynamic &&
           a->tables.n == b->tables.n && a->functions.n == b->functions.n && a->columns.n == b->columns.n &&
           a->commands.n == b->commands.n && a->unknown_functions.n == b->unknown_functions.n &&
           a->unknown_types.n == b->unknown_types.n && a->unknown_operators.n == b->unknown_operators.n &&
           a->dangerous_functions.n == b->dangerous_functions.n && a->lock_level == b->lock_level &&
           a->whole_rows == b->whole_rows && a->has_where == b->has_where && a->has_narrow_where == b->has_narrow_where &&
           a->where_tautology == b->where_tautology && a->writes == b->writes;
}

static enum err replace(struct source_session *s, const struct sql_facts *f)
{
    struct sql_cached *text;
    if (same_facts(sql_cached_facts(s->judged.text), f))
        return ERR_OK;
    TRY(sql_cached_new(sql_cached_text(s->judged.text), f, &text));
    sql_cached_unref(s->judged.text);
    s->judged.text = text;
    return ERR_OK;
}

static bool context_is_known(const struct source_session *s)
{
    return s->names_context != 0 && s->names_age == s->st->catalog->age;
}

/* Gone on with as far as names are known; where all are, or it is given up, that becomes the facts. The names that are
 * missing are put on the look's list, if there is one. */
static enum err expand(struct source_session *s, struct pg_look *look, bool give_up, bool *ret_missing)
{
    struct pg_catalog *c = s->st->catalog;
    struct sql_cached *text = s->judged.text;
    struct search x = {.s = s, .look = look, .known_context = context_is_known(s)};
    struct sql_catalog catalog = {find, &x};
    struct sql_facts done;
    struct sql_names types;
    arena_reset(&c->scratch);
    TRY(parameter_types(s, &c->scratch, &types));
    TRY(sql_facts_expand(&c->scratch, sql_cached_facts(text), &types, &catalog, give_up, ret_missing, &done));
    TRY(x.bad);
    if (*ret_missing && !give_up)
        return ERR_OK;
    TRY(replace(s, &done));
    if (s->judged.text == text && types.n == 0 && !give_up && c->n_fleeting == 0)
        sql_cached_set_mark(text, s->names_context);
    return ERR_OK;
}

static void settled(struct source_session *s)
{
    s->names_rounds = 0;
    s->names_failed = false;
    if (s->st->catalog->n_fleeting != 0)
        drop(s->st->catalog, true);
}

/* Without (more of) the catalogue. */
static enum pg_settled give_up(struct source_session *s, enum err *ret_err)
{
    bool missing;
    settled(s);
    enum err e = expand(s, NULL, true, &missing);
    if (e == ERR_OK)
        return PG_SETTLED;
    *ret_err = e;
    return PG_SETTLE_BROKEN;
}

/* In a failed transaction the server refuses everything but its end. */
static bool refused_anyway(const struct source_session *s, const struct sql_facts *f)
{
    return s->tx == 'E' && s->ring.head == s->ring.unsent && f->n_parts == 0;
}

static bool can_ask(const struct source_session *s, bool *ret_wait)
{
    *ret_wait = false;
    return !s->names_failed && s->names_rounds < LIMIT_PG_CATALOG_ROUNDS && pg_may_ask(s, PG_ASK_PEEK, ret_wait);
}

static enum err ask_for_missing(struct source_session *s)
{
    bool missing;
    struct pg_look *look = look_new(s);
    if (look == NULL)
        return ERR_NOMEM;
    enum err e = expand(s, look, false, &missing);
    if (e == ERR_OK)
        e = ask(look);
    if (e != ERR_OK)
        look_free(look);
    return e;
}

static enum pg_settled ask_or_give_up(struct source_session *s, size_t message_len, enum err *ret_err)
{
    bool wait;
    if (!can_ask(s, &wait))
        return wait ? PG_SETTLE_ANSWERS : give_up(s, ret_err);
    enum err e = ask_for_missing(s);
    if (e == ERR_OK) {
        pg_wait_for_question(s, message_len);
        return PG_SETTLE_WAITS;
    }
    *ret_err = e;
    return s->phase == PHASE_CLOSED ? PG_SETTLE_BROKEN : give_up(s, ret_err);
}

enum pg_settled pg_catalog_settle(struct source_session *s, size_t message_len, enum err *ret_err)
{
    struct pg_catalog *c = s->st->catalog;
    const struct sql_facts *f = sql_cached_facts(s->judged.text);
    bool missing;
    if (!s->st->resource->catalog || s->first.wants_replication || !open_questions(s, f) || refused_anyway(s, f))
        return PG_SETTLED;
    if (clock_mono_ns() >= c->drop_at_ns)
        pg_catalog_forget(c);
    if (context_is_known(s) && sql_cached_mark(s->judged.text) == s->names_context && !is_typed(s))
        return PG_SETTLED;
    enum err e = expand(s, NULL, false, &missing);
    if (e == ERR_LIMIT)
        return give_up(s, ret_err);
    if (e == ERR_OK && missing)
        return ask_or_give_up(s, message_len, ret_err);
    settled(s);
    *ret_err = e;
    return e == ERR_OK ? PG_SETTLED : PG_SETTLE_BROKEN;
}

/* --- Changes --------------------------------------------------------------------------------------- */

void pg_catalog_moved(struct source_session *s)
{
    s->names_context = 0;
    s->names_moved++;
}

static void changed(struct source_session *s)
{
    pg_catalog_forget(s->st->catalog);
    s->st->gate->tell_peers(s->st->gate->gate, pg_source.type, STR("D"));
}

void pg_catalog_sent(struct source_session *s, const struct sql_facts *f, bool approved)
{
    const uint32_t classes = SQL_DDL | SQL_DESTRUCTIVE_DDL | SQL_PRIVILEGE | SQL_PARSE_ERROR;
    const uint32_t names = SQL_D_FUNCTION | SQL_D_TYPE | SQL_D_OPERATOR;
    bool unknown = (f->dynamic & ~names) != 0 || (approved && f->dynamic != 0);
    bool changes = (f->classes & classes & ~(uint32_t)SQL_ROLE) != 0;
    if (!changes && !unknown)
        return;
    s->names_own = true;
    pg_catalog_moved(s);
    if ((f->traits & SQL_T_TEMP) != 0 && !unknown)
        return; /* nobody else sees it */
    s->names_change_open = true;
    changed(s);
}

void pg_catalog_idle(struct source_session *s)
{
    if (!s->names_change_open)
        return;
    s->names_change_open = false;
    pg_catalog_moved(s);
    changed(s);
}
