#include "policy/change.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/limits.h"
#include "model/verdict.h"
#include "policy/file_diff.h"
#include "policy/yaml.h"

#include <stdlib.h>

const struct resource policy_resource = {
    .name = STR_INIT(POLICY_RESOURCE),
    .type = STR_INIT("policy"),
    .default_verdict = VERDICT_ALLOW,
};

/* --- What a configuration has ------------------------------------------------------------------- */

/* Something with a name in a section; `name` empty: the section itself. */
struct entry {
    struct str section, name;
    struct digest digest; /* of what it says */
};

struct entries {
    struct arena *arena;
    struct entry *list;
    size_t n, size;
};

static enum err entry_add(struct entries *x, struct str section, struct str name, const struct digest *d)
{
    if (x->n == x->size) {
        size_t size = x->size != 0 ? 2 * x->size : 64;
        struct entry *list = arena_new_array(x->arena, size, struct entry);
        if (list == NULL)
            return ERR_NOMEM;
        if (x->n != 0)
            memcpy(list, x->list, x->n * sizeof(list[0]));
        x->list = list;
        x->size = size;
    }
    x->list[x->n++] = (struct entry){section, name, *d};
    return ERR_OK;
}

static struct digest joined(const struct digest *a, const struct digest *b)
{
    return digest_of2(str_from(a->b, sizeof(a->b)), str_from(b->b, sizeof(b->b)));
}

/* By value: comments, quotes of another kind and layout change nothing, but `true` is not "true". Recursion
 * is bounded by what yaml_parse lets through. */
static struct digest digest_of_node(const struct yaml_node *v)
{
    char head[2] = {(char)('0' + v->kind), v->kind == YAML_SCALAR && v->plain ? 'p' : '-'};
    struct digest d = digest_of2(str_from(head, sizeof(head)), v->kind == YAML_SCALAR ? v->text : STR(""));
    for (const struct yaml_node *i = v->first; i != NULL; i = i->next) {
        struct digest one = digest_of_node(i);
        if (v->kind == YAML_MAPPING) {
            struct digest key = digest_of(i->key->text);
            d = joined(&d, &key);
        }
        d = joined(&d, &one);
    }
    return d;
}

/* The name an element of a list goes by; empty: none. */
static struct str name_of(const struct yaml_node *v)
{
    const struct yaml_node *name = v->kind == YAML_MAPPING ? yaml_get(v, "name") : NULL;
    if (v->kind == YAML_SCALAR)
        return v->text;
    return name != NULL && name->kind == YAML_SCALAR ? name->text : STR("");
}

static enum err section_entries(struct entries *x, const struct yaml_node *v)
{
    bool many = v->kind == YAML_MAPPING || v->kind == YAML_SEQUENCE;
    if (!many || v->n == 0) {
        struct digest d = digest_of_node(v);
        return entry_add(x, v->key->text, STR(""), &d);
    }
    for (const struct yaml_node *i = v->first; i != NULL; i = i->next) {
        struct digest d = digest_of_node(i);
        TRY(entry_add(x, v->key->text, v->kind == YAML_MAPPING ? i->key->text : name_of(i), &d));
    }
    return ERR_OK;
}

/* A schedule is no YAML: it is of `groups`, by its path. */
static enum err file_entries(struct entries *x, const struct config_file *f)
{
    struct problems problems;
    const struct yaml_node *root = NULL;
    problems_init(&problems, x->arena);
    enum err e = str_ends(f->path, STR(".ics")) ? ERR_INVALID : yaml_parse(f, x->arena, &problems, &root);
    if (e != ERR_OK && e != ERR_INVALID)
        return e;
    if (e == ERR_OK && root->kind == YAML_NULL)
        return ERR_OK;
    if (e == ERR_INVALID || root->kind != YAML_MAPPING) {
        struct digest d = digest_of(f->text);
        return entry_add(x, STR("groups"), f->path, &d);
    }
    for (const struct yaml_node *v = root->first; v != NULL; v = v->next)
        TRY(section_entries(x, v));
    return ERR_OK;
}

static int by_name(const void *x, const void *y)
{
    const struct entry *a = x, *b = y;
    int order = str_cmp(a->section, b->section);
    if (order == 0)
        order = str_cmp(a->name, b->name);
    return order != 0 ? order : memcmp(a->digest.b, b->digest.b, sizeof(a->digest.b));
}

/* Sorted, each name once: several of one name count together. */
static enum err entries_of(const struct config *c, struct arena *a, struct entries *ret)
{
    struct entries x = {.arena = a};
    size_t n = 0;
    for (size_t i = 0; i < c->n_files; i++)
        TRY(file_entries(&x, &c->files[i]));
    if (x.n > 1)
        qsort(x.list, x.n, sizeof(x.list[0]), by_name);
    for (size_t i = 0; i < x.n; i++) {
        struct entry *last = n != 0 ? &x.list[n - 1] : NULL;
        if (last != NULL && str_eq(last->section, x.list[i].section) && str_eq(last->name, x.list[i].name))
            last->digest = joined(&last->digest, &x.list[i].digest);
        else
            x.list[n++] = x.list[i];
    }
    x.n = n;
    *ret = x;
    return ERR_OK;
}

/* --- What differs -------------------------------------------------------------------------------- */

struct names {
    struct str *list;
    size_t n;
};

struct comparing {
    struct arena *arena;
    struct names changed, added, removed, modified;
};

static enum err note(struct comparing *x, struct names *where, const struct entry *e)
{
    struct names *c = &x->changed;
    struct str name;
    if (e->name.n != 0)
        TRY(arena_printf(x->arena, &name, "%.*s.%.*s", STR_FMT(e->section), STR_FMT(e->name)));
    else
        TRY(arena_str(x->arena, e->section, &name));
    where->list[where->n++] = name;
    if (c->n == 0 || !str_eq(c->list[c->n - 1], e->section))
        return arena_str(x->arena, e->section, &c->list[c->n++]);
    return ERR_OK;
}

static enum err compare(struct comparing *x, const struct entries *from, const struct entries *to)
{
    size_t i = 0, k = 0;
    while (i < from->n || k < to->n) {
        int order = i == from->n ? 1 : k == to->n ? -1 : str_cmp(from->list[i].section, to->list[k].section);
        if (order == 0)
            order = str_cmp(from->list[i].name, to->list[k].name);
        if (order < 0)
            TRY(note(x, &x->removed, &from->list[i++]));
        else if (order > 0)
            TRY(note(x, &x->added, &to->list[k++]));
        else {
            if (!digest_eq(&from->list[i].digest, &to->list[k].digest))
                TRY(note(x, &x->modified, &to->list[k]));
            i++;
            k++;
        }
    }
    return ERR_OK;
}

enum err policy_change_of(const struct config *from, const struct config *to, struct arena *a,
                          struct policy_change *ret)
{
    struct entries x, y;
    TRY(entries_of(from, a, &x));
    TRY(entries_of(to, a, &y));
    struct comparing c = {.arena = a};
    struct names *const all[] = {&c.changed, &c.added, &c.removed, &c.modified};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        all[i]->list = arena_new_array(a, x.n + y.n + 1, struct str);
        if (all[i]->list == NULL)
            return ERR_NOMEM;
    }
    TRY(compare(&c, &x, &y));
    *ret = (struct policy_change){.changed = {c.changed.list, c.changed.n},
                                  .added = {c.added.list, c.added.n},
                                  .removed = {c.removed.list, c.removed.n},
                                  .modified = {c.modified.list, c.modified.n}};
    return ERR_OK;
}

/* --- For people ---------------------------------------------------------------------------------- */

static const struct config_file *file_of(const struct config *c, struct str path)
{
    for (size_t i = 0; i < c->n_files; i++)
        if (str_eq(c->files[i].path, path))
            return &c->files[i];
    return NULL;
}

static void put_names(struct json *j, const char *key, const struct sql_names *names)
{
    json_key(j, key);
    json_array_begin(j);
    for (size_t i = 0; i < names->n; i++)
        json_bytes(j, names->v[i]);
    json_array_end(j);
}

static void put_digest(struct json *j, const char *key, const struct config_file *f)
{
    char hex[DIGEST_HEX + 1];
    json_key(j, key);
    if (f == NULL) {
        json_nil(j);
        return;
    }
    struct digest d = digest_of(f->text);
    json_str(j, digest_hex(&d, hex));
}

static enum err put_file(struct json *j, struct buf *text, const struct config_file *old,
                         const struct config_file *new)
{
    struct str path = old != NULL ? old->path : new->path;
    if (old != NULL && new != NULL && str_eq(old->text, new->text))
        return ERR_OK;
    json_object_begin(j);
    json_key(j, "path");
    json_bytes(j, path);
    put_digest(j, "old", old);
    put_digest(j, "new", new);
    json_object_end(j);
    return file_diff_put(text, path, old != NULL ? old->text : STR(""), new != NULL ? new->text : STR(""));
}

static enum err put_files(struct json *j, struct buf *text, const struct config *from, const struct config *to)
{
    json_key(j, "files");
    json_array_begin(j);
    for (size_t i = 0; i < from->n_files; i++)
        TRY(put_file(j, text, &from->files[i], file_of(to, from->files[i].path)));
    for (size_t i = 0; i < to->n_files; i++)
        if (file_of(from, to->files[i].path) == NULL)
            TRY(put_file(j, text, NULL, &to->files[i]));
    json_array_end(j);
    return ERR_OK;
}

enum err policy_change_json(const struct config *from, const struct config *to,
                            const struct policy_change *c, struct buf *out)
{
    struct buf text CLEANUP(buf_done) = {0};
    struct json j;
    buf_init(&text, LIMIT_ENVELOPE);
    json_init(&j, out);
    json_object_begin(&j);
    json_put_z(&j, "operation", "reload");
    json_put_str(&j, "old_version", from->version);
    json_put_str(&j, "new_version", to->version);
    put_names(&j, "sections", &c->changed);
    put_names(&j, "added", &c->added);
    put_names(&j, "removed", &c->removed);
    put_names(&j, "modified", &c->modified);
    TRY(put_files(&j, &text, from, to));
    json_key(&j, "text");
    json_bytes(&j, buf_view(&text));
    json_object_end(&j);
    return json_end(&j);
}
