#include "policy/fields.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/nearest.h"
#include "model/verdict.h"

static const char *kind_text(const struct yaml_node *v)
{
    switch (v->kind) {
    case YAML_NULL:
        return "nothing";
    case YAML_SCALAR:
        return "a text";
    case YAML_SEQUENCE:
        return "a list";
    case YAML_MAPPING:
        return "a mapping";
    }
    return "something else";
}

static bool expect(struct loader *l, const struct yaml_node *v, enum yaml_kind kind, const char *want)
{
    if (v->kind == kind)
        return true;
    if (v->key != NULL)
        problem_error(l->problems, yaml_place(v), STR(""), "`%.*s` must be %s, here is %s",
                      STR_FMT(v->key->text), want, kind_text(v));
    else
        problem_error(l->problems, yaml_place(v), STR(""), "expected %s, here is %s", want,
                      kind_text(v));
    return false;
}

bool field_is_scalar(struct loader *l, const struct yaml_node *v, const char *want)
{
    return expect(l, v, YAML_SCALAR, want);
}

bool field_is_sequence(struct loader *l, const struct yaml_node *v, const char *want)
{
    return expect(l, v, YAML_SEQUENCE, want);
}

bool field_is_mapping(struct loader *l, const struct yaml_node *v, const char *want)
{
    return expect(l, v, YAML_MAPPING, want);
}

/* --- Mappings --------------------------------------------------------------------------------- */

static const struct field *field_find(const struct field *fields, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_is(name, fields[i].name))
            return &fields[i];
    return NULL;
}

static void say_unknown_key(struct loader *l, const struct yaml_node *key, const char *what,
                            const struct field *fields, size_t n)
{
    struct nearest s = nearest_to(key->text);
    for (size_t i = 0; i < n; i++)
        nearest_offer(&s, str_of(fields[i].name));
    struct str hint = problem_did_you_mean(l->problems, s.best);
    if (str_is(key->text, "<<"))
        hint = STR("merge keys are not part of YAML 1.2: use `include:` and `macros:`");
    problem_error(l->problems, yaml_place(key), hint, "unknown key `%.*s` in %s",
                  STR_FMT(key->text), what);
}

bool fields_read(struct loader *l, const struct yaml_node *v, const char *what,
                 const struct field *fields, size_t n, void *target)
{
    const struct yaml_node *seen[32] = {NULL};
    if (!expect(l, v, YAML_MAPPING, "a mapping") || n > ARRAY_LEN(seen))
        return false;
    bool good = true;
    for (const struct yaml_node *i = v->first; i != NULL; i = i->next) {
        const struct field *f = field_find(fields, n, i->key->text);
        if (f == NULL) {
            say_unknown_key(l, i->key, what, fields, n);
            good = false;
        } else if (seen[f - fields] != NULL) {
            problem_error(l->problems, yaml_place(i->key), STR("remove one of the two"),
                          "double key `%s`; it is already on line %u", f->name,
                          seen[f - fields]->line);
            good = false;
        } else {
            seen[f - fields] = i->key;
            f->read(l, i, (char *)target + f->offset);
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (!fields[i].required || seen[i] != NULL)
            continue;
        problem_error(l->problems, yaml_place(v), STR(""), "%s needs `%s:`", what, fields[i].name);
        good = false;
    }
    return good;
}

/* --- Scalars ---------------------------------------------------------------------------------- */

void field_node(struct loader *l, const struct yaml_node *v, void *target)
{
    (void)l;
    memcpy(target, &v, sizeof(v));
}

void field_text(struct loader *l, const struct yaml_node *v, void *target)
{
    if (!expect(l, v, YAML_SCALAR, "a text"))
        return;
    if (v->text.n == 0)
        problem_error(l->problems, yaml_place(v), STR(""), "this text must not be empty");
    else
        *(struct str *)target = v->text;
}

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

bool name_is_plain(struct str s)
{
    if (s.n == 0 || s.n > LIMIT_NAME_BYTES || s.p[0] == '-' || s.p[0] == '.')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!name_char(s.p[i]))
            return false;
    return true;
}

bool name_is_of_person(struct str s)
{
    if (s.n == 0 || s.n > LIMIT_NAME_BYTES)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == ',' || s.p[i] == '"')
            return false;
    return true;
}

void field_name(struct loader *l, const struct yaml_node *v, void *target)
{
    if (!expect(l, v, YAML_SCALAR, "a name"))
        return;
    if (name_is_plain(v->text))
        *(struct str *)target = v->text;
    else
        problem_error(l->problems, yaml_place(v),
                      STR("a name has letters, digits, `.`, `_` and `-`, at most 128"),
                      "`%.*s` cannot be a name", STR_FMT(v->text));
}

void field_person(struct loader *l, const struct yaml_node *v, void *target)
{
    if (!expect(l, v, YAML_SCALAR, "a name"))
        return;
    if (name_is_of_person(v->text))
        *(struct str *)target = v->text;
    else
        problem_error(l->problems, yaml_place(v),
                      STR("a name has no spaces, commas or quotes, and at most 128 bytes"),
                      "`%.*s` cannot be a name", STR_FMT(v->text));
}

struct str path_folder(struct str path)
{
    size_t n = path.n;
    while (n > 0 && path.p[n - 1] != '/')
        n--;
    return (struct str){path.p, n};
}

enum err path_join(struct arena *a, struct str folder, struct str path, struct str *ret)
{
    if (folder.n == 0 || (path.n != 0 && path.p[0] == '/'))
        return arena_str(a, path, ret);
    size_t n = folder.n + path.n;
    char *p = arena_alloc(a, n + 1);
    if (p == NULL)
        return ERR_NOMEM;
    memcpy(p, folder.p, folder.n);
    if (path.n != 0)
        memcpy(p + folder.n, path.p, path.n);
    p[n] = '\0';
    *ret = (struct str){p, n};
    return ERR_OK;
}

void field_path(struct loader *l, const struct yaml_node *v, void *target)
{
    struct str path = {NULL, 0};
    field_text(l, v, &path);
    if (path.n != 0 && path_join(l->arena, l->folder, path, target) != ERR_OK)
        l->out_of_memory = true;
}

void field_texts(struct loader *l, const struct yaml_node *v, void *target)
{
    bool list = v->kind == YAML_SEQUENCE;
    size_t n = list ? v->n : 1, k = 0;
    struct str *texts = arena_new_array(l->arena, n, struct str);
    const struct yaml_node **nodes = arena_new_array(l->arena, n, const struct yaml_node *);
    if (texts == NULL || nodes == NULL) {
        l->out_of_memory = true;
        return;
    }
    for (const struct yaml_node *i = list ? v->first : v; i != NULL; i = list ? i->next : NULL) {
        field_text(l, i, &texts[k]);
        nodes[k] = i;
        k += texts[k].n != 0;
    }
    *(struct text_list *)target = (struct text_list){texts, nodes, k};
}

void field_bool(struct loader *l, const struct yaml_node *v, void *target)
{
    if (!expect(l, v, YAML_SCALAR, "true or false"))
        return;
    if (v->plain && str_is(v->text, "true"))
        *(bool *)target = true;
    else if (v->plain && str_is(v->text, "false"))
        *(bool *)target = false;
    else
        problem_error(l->problems, yaml_place(v), STR("write true or false"),
                      "`%.*s` is neither true nor false", STR_FMT(v->text));
}

void field_count(struct loader *l, const struct yaml_node *v, void *target)
{
    uint64_t n;
    if (!expect(l, v, YAML_SCALAR, "a number"))
        return;
    if (str_to_u64(v->text, &n) == ERR_OK && n <= INT32_MAX)
        *(uint32_t *)target = (uint32_t)n;
    else
        problem_error(l->problems, yaml_place(v), STR("write a whole number such as 2"),
                      "`%.*s` is not a count", STR_FMT(v->text));
}

void field_duration(struct loader *l, const struct yaml_node *v, void *target)
{
    int64_t ns = 0;
    if (!expect(l, v, YAML_SCALAR, "a duration"))
        return;
    enum err e = duration_parse(v->text, &ns);
    if (e == ERR_OK && ns > 0)
        *(int64_t *)target = ns;
    else
        problem_error(l->problems, yaml_place(v),
                      STR("write a number and its unit: 90s, 15m, 2h, 1d, 1h30m (at most 366d)"),
                      "`%.*s` is not a duration", STR_FMT(v->text));
}

bool field_word(struct loader *l, const struct yaml_node *v, const struct word *words, size_t n,
                int *ret)
{
    if (!expect(l, v, YAML_SCALAR, "a word"))
        return false;
    struct nearest s = nearest_to(v->text);
    char all[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        if (str_is(v->text, words[i].text)) {
            *ret = words[i].value;
            return true;
        }
        nearest_offer(&s, str_of(words[i].text));
        size_t room = sizeof(all) - used, length = strlen(words[i].text);
        if (length + 3 < room) {
            memcpy(all + used, i == 0 ? "" : ", ", i == 0 ? 0 : 2);
            used += i == 0 ? 0 : 2;
            memcpy(all + used, words[i].text, length + 1);
            used += length;
        }
    }
    problem_error(l->problems, yaml_place(v), problem_did_you_mean(l->problems, s.best),
                  "`%.*s` is not one of %s", STR_FMT(v->text), all);
    return false;
}

void field_verdict(struct loader *l, const struct yaml_node *v, void *target)
{
    static const struct word words[] = {{"allow", VERDICT_ALLOW}, {"hold", VERDICT_HOLD}, {"deny", VERDICT_DENY}};
    int value;
    if (field_word(l, v, words, ARRAY_LEN(words), &value)) {
        uint32_t verdict = (uint32_t)value;
        memcpy(target, &verdict, sizeof(verdict));
    }
}
