/*
 * Runs CEL conformance tests: one JSON object a line, the format of tests/conformance/cel/README.md.
 *
 *   cel_runner FILE [ID]
 *
 * Every test runs by the program's fast evaluator and by the slow one. Prints the tests that fail
 * and a closing line "N passed, N failed". With ID, runs that one and prints what came.
 */
#include "base/limits.h"
#include "policy/cel/cel.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { LONGEST_LINE = 1 << 20, ARENA = 64 << 20, MOST_VARIABLES = 64 };

struct run {
    struct arena arena, scratch;
    struct cel_schema *schema;
    struct cel_value slots[MOST_VARIABLES];
    json_t *test;
    char why[600];
};

static bool fail(struct run *r, const char *what, const char *detail)
{
    snprintf(r->why, sizeof(r->why), "%s: %s", what, detail);
    return false;
}

static struct str text_of(const json_t *j)
{
    return str_from(json_string_value(j), json_string_length(j));
}

static void *must(void *p)
{
    if (p == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    return p;
}

/* --- Types and values of the format -------------------------------------------------------------- */

static const struct cel_type *type_of(struct run *r, json_t *j);

static const struct cel_type *compound_type(struct run *r, enum cel_kind kind, json_t *params,
                                            struct str name)
{
    struct cel_type *t = must(arena_new(&r->arena, struct cel_type));
    size_t n = json_array_size(params);
    const struct cel_type **list = must(arena_new_array(&r->arena, n + 1, const struct cel_type *));
    for (size_t i = 0; i < n; i++)
        list[i] = type_of(r, json_array_get(params, i));
    *t = (struct cel_type){
        .kind = kind, .name = name, .params = list, .param_count = (uint32_t)n};
    return t;
}

static const struct cel_type *scalar_type(struct str name)
{
    static const struct {
        const char *name;
        const struct cel_type *type;
    } types[] = {
        {"dyn", &CEL_TYPE_DYN},       {"any", &CEL_TYPE_DYN},
        {"null", &CEL_TYPE_NULL},     {"bool", &CEL_TYPE_BOOL},
        {"int", &CEL_TYPE_INT},       {"uint", &CEL_TYPE_UINT},
        {"double", &CEL_TYPE_DOUBLE}, {"string", &CEL_TYPE_STRING},
        {"bytes", &CEL_TYPE_BYTES},   {"timestamp", &CEL_TYPE_TIMESTAMP},
        {"error", &CEL_TYPE_ERROR},   {"duration", &CEL_TYPE_DURATION},
    };
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (str_is(name, types[i].name))
            return types[i].type;
    return &CEL_TYPE_DYN;
}

static const struct cel_type *one_param(struct run *r, enum cel_kind kind, json_t *param)
{
    json_t *list = json_array();
    json_array_append(list, param);
    const struct cel_type *t = compound_type(r, kind, list, (struct str){NULL, 0});
    json_decref(list);
    return t;
}

static const struct cel_type *type_of(struct run *r, json_t *j)
{
    json_t *v;
    if (json_is_string(j))
        return scalar_type(text_of(j));
    if ((v = json_object_get(j, "list")) != NULL)
        return one_param(r, CEL_LIST, v);
    if ((v = json_object_get(j, "map")) != NULL)
        return compound_type(r, CEL_MAP, v, (struct str){NULL, 0});
    if ((v = json_object_get(j, "wrapper")) != NULL)
        return one_param(r, CEL_WRAPPER, v);
    if ((v = json_object_get(j, "type")) != NULL)
        return &CEL_TYPE_TYPE;
    if ((v = json_object_get(j, "param")) != NULL)
        return compound_type(r, CEL_PARAM, NULL, text_of(v));
    if ((v = json_object_get(j, "abstract")) != NULL) {
        struct str name = text_of(json_object_get(v, "name"));
        json_t *params = json_object_get(v, "params");
        if (str_is(name, "optional_type") || str_is(name, "optional"))
            return compound_type(r, CEL_OPTIONAL, params, (struct str){NULL, 0});
        return compound_type(r, CEL_OPAQUE, params, name);
    }
    return &CEL_TYPE_DYN;
}

static struct cel_value value_of(struct run *r, json_t *j);

static struct cel_value bytes_of(struct run *r, struct str text)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = must(arena_alloc(&r->arena, text.n));
    size_t n = 0;
    uint32_t group = 0;
    for (size_t i = 0; i < text.n && text.p[i] != '='; i++) {
        group = group << 6 | (uint32_t)(strchr(alphabet, text.p[i]) - alphabet);
        if (i % 4 != 0)
            out[n++] = (char)(group >> (6 - 2 * (i % 4)));
    }
    return cel_bytes(str_from(out, n));
}

static struct cel_value map_of(struct run *r, json_t *pairs)
{
    size_t n = json_array_size(pairs);
    struct cel_map_entry *entries = must(arena_new_array(&r->arena, n, struct cel_map_entry));
    struct cel_map *m = must(arena_new(&r->arena, struct cel_map));
    for (size_t i = 0; i < n; i++) {
        json_t *pair = json_array_get(pairs, i);
        entries[i].key = value_of(r, json_array_get(pair, 0));
        entries[i].value = value_of(r, json_array_get(pair, 1));
    }
    if (cel_map_init(m, &r->arena, entries, n) != ERR_OK) {
        fprintf(stderr, "a bad map in the data\n");
        exit(2);
    }
    return cel_map(m);
}

static struct cel_value type_value(struct run *r, struct str name)
{
    struct str *copy = must(arena_new(&r->arena, struct str));
    *copy = name;
    return (struct cel_value){.meta = CEL_TYPE, .type_name = copy};
}

static struct cel_value list_of(struct run *r, json_t *j)
{
    size_t n = json_array_size(j);
    struct cel_value *items = must(arena_new_array(&r->arena, n, struct cel_value));
    for (size_t i = 0; i < n; i++)
        items[i] = value_of(r, json_array_get(j, i));
    return cel_list(items, n);
}

static struct cel_value value_of(struct run *r, json_t *j)
{
    const char *key = json_object_iter_key(json_object_iter(j));
    json_t *v = json_object_get(j, key);
    const char *text = json_is_string(v) ? json_string_value(v) : "";
    if (strcmp(key, "null") == 0)
        return cel_null();
    if (strcmp(key, "bool") == 0)
        return cel_bool(json_is_true(v));
    if (strcmp(key, "int") == 0)
        return cel_int(strtoll(text, NULL, 10));
    if (strcmp(key, "uint") == 0)
        return cel_uint(strtoull(text, NULL, 10));
    if (strcmp(key, "double") == 0)
        return cel_double(strtod(text, NULL));
    if (strcmp(key, "string") == 0)
        return cel_string(text_of(v));
    if (strcmp(key, "bytes") == 0)
        return bytes_of(r, text_of(v));
    if (strcmp(key, "list") == 0)
        return list_of(r, v);
    if (strcmp(key, "map") == 0)
        return map_of(r, v);
    if (strcmp(key, "type") == 0)
        return type_value(r, text_of(v));
    int64_t seconds = strtoll(json_string_value(json_object_get(v, "seconds")), NULL, 10);
    int64_t nanos = json_integer_value(json_object_get(v, "nanos"));
    return strcmp(key, "timestamp") == 0 ? cel_timestamp(seconds, (uint32_t)nanos)
                                         : cel_duration(seconds * 1000000000 + nanos);
}

/* Exact kinds; NaN equals NaN. */
static bool same(struct cel_value a, struct cel_value b)
{
    if (cel_kind_of(a) != cel_kind_of(b))
        return false;
    if (cel_is(a, CEL_DOUBLE))
        return a.d == b.d || (a.d != a.d && b.d != b.d);
    if (cel_is(a, CEL_LIST)) {
        for (uint32_t i = 0; i < cel_length(a) && cel_length(a) == cel_length(b); i++)
            if (!same(cel_list_at(a, i), cel_list_at(b, i)))
                return false;
        return cel_length(a) == cel_length(b);
    }
    if (cel_is(a, CEL_MAP)) {
        for (uint32_t i = 0; i < a.map->count; i++) {
            const struct cel_value *v = cel_map_find(b.map, a.map->entries[i].key);
            if (v == NULL || !same(a.map->entries[i].value, *v))
                return false;
        }
        return a.map->count == b.map->count;
    }
    return cel_equal(a, b);
}

/* --- Running ----------------------------------------------------------------------------------------- */

static void declare_functions(struct run *r, struct str name, json_t *overloads)
{
    for (size_t i = 0; i < json_array_size(overloads); i++) {
        json_t *o = json_array_get(overloads, i), *params = json_object_get(o, "params");
        size_t n = json_array_size(params);
        const struct cel_type *types[LIMIT_CEL_ARGUMENTS];
        for (size_t k = 0; k < n && k < ARRAY_LEN(types); k++)
            types[k] = type_of(r, json_array_get(params, k));
        if (cel_schema_function(r->schema, name, json_is_true(json_object_get(o, "member")), types,
                                n, type_of(r, json_object_get(o, "result")), NULL, 1) != ERR_OK)
            exit(2);
    }
}

static void declare(struct run *r)
{
    json_t *env = json_object_get(r->test, "type_env"), *bindings, *binding;
    const char *name;
    uint32_t slot;
    for (size_t i = 0; i < json_array_size(env); i++) {
        json_t *d = json_array_get(env, i), *overloads = json_object_get(d, "overloads");
        if (overloads != NULL)
            declare_functions(r, text_of(json_object_get(d, "name")), overloads);
        else if (cel_schema_var(r->schema, text_of(json_object_get(d, "name")),
                                type_of(r, json_object_get(d, "type")), CEL_EAGER,
                                &slot) != ERR_OK)
            exit(2);
    }
    bindings = json_object_get(r->test, "bindings");
    json_object_foreach(bindings, name, binding)
    {
        json_t *v = json_object_get(binding, "value");
        const struct cel_variable *known = cel_schema_find(r->schema, str_of(name));
        if (known != NULL)
            slot = known->slot;
        else if (cel_schema_var(r->schema, str_of(name), &CEL_TYPE_DYN, CEL_EAGER, &slot) != ERR_OK)
            exit(2);
        if (v != NULL && slot < MOST_VARIABLES)
            r->slots[slot] = value_of(r, v);
    }
}

static bool judge_value(struct run *r, const char *which, struct cel_value got)
{
    json_t *expect = json_object_get(r->test, "expect"), *want = json_object_get(expect, "value");
    struct buf b CLEANUP(buf_done);
    buf_init(&b, 1000);
    if (cel_value_text(&b, got, 300) != ERR_OK || buf_put_u8(&b, 0) != ERR_OK)
        buf_clear(&b);
    if (want == NULL)
        return cel_is(got, CEL_ERROR_VALUE) || fail(r, which, buf_view(&b).p);
    return same(value_of(r, want), got) || fail(r, which, buf_view(&b).p);
}

static bool judge_type(struct run *r, const struct cel_program *p)
{
    json_t *want = json_object_get(r->test, "expect_type");
    struct buf b CLEANUP(buf_done);
    buf_init(&b, 400);
    if (want == NULL || cel_type_equal(type_of(r, want), cel_program_type(p)))
        return true;
    if (cel_type_text(&b, cel_program_type(p)) != ERR_OK || buf_put_u8(&b, 0) != ERR_OK)
        return false;
    return fail(r, "type", buf_view(&b).p);
}

static bool evaluate(struct run *r, const struct cel_program *p)
{
    struct cel_eval e = {.slots = r->slots, .arena = &r->scratch, .cost_limit = LIMIT_CEL_COST};
    if (json_is_true(json_object_get(r->test, "check_only")))
        return true;
    if (!judge_value(r, "fast", cel_evaluate(p, &e)))
        return false;
    arena_reset(&r->scratch);
    return judge_value(r, "slow", cel_evaluate_slow(p, &e));
}

static bool run_test(struct run *r)
{
    struct cel_options options = {
        .container = text_of(json_object_get(r->test, "container")),
        .unchecked = json_is_true(json_object_get(r->test, "disable_check"))};
    struct cel_diagnostics d;
    struct cel_program *p = NULL;
    struct buf b CLEANUP(buf_done);
    buf_init(&b, 2000);
    enum err e = cel_compile(&r->arena, r->schema, text_of(json_object_get(r->test, "expr")),
                             &options, &d, &p);
    if (e != ERR_OK) {
        if (d.count != 0 && cel_diagnostic_text(&b, &d.items[0]) == ERR_OK &&
            buf_put_u8(&b, 0) == ERR_OK)
            return fail(r, "compile", buf_view(&b).p);
        return fail(r, "compile", err_text(e));
    }
    bool ok = judge_type(r, p) && evaluate(r, p);
    cel_program_free(p);
    return ok;
}

static bool run_line(char *line, size_t n, const char *only, bool *ret_ran)
{
    struct run r = {.test = json_loadb(line, n, JSON_ALLOW_NUL, NULL)};
    if (r.test == NULL) {
        fprintf(stderr, "a line is no JSON\n");
        exit(2);
    }
    const char *id = json_string_value(json_object_get(r.test, "id"));
    *ret_ran = only == NULL || strcmp(only, id) == 0;
    bool ok = true;
    if (*ret_ran) {
        arena_init(&r.arena, ARENA);
        arena_init(&r.scratch, LIMIT_EVAL_ARENA);
        if (cel_schema_new(ARENA, &r.schema) != ERR_OK)
            exit(2);
        declare(&r);
        ok = run_test(&r);
        if (!ok)
            printf("FAIL %s: %s\n", id, r.why);
        cel_schema_free(r.schema);
        arena_done(&r.arena);
        arena_done(&r.scratch);
    }
    json_decref(r.test);
    return ok;
}

int main(int argc, char **argv)
{
    static char line[LONGEST_LINE];
    unsigned passed = 0, failed = 0;
    FILE *f = argc > 1 ? fopen(argv[1], "r") : NULL;
    if (f == NULL) {
        fprintf(stderr, "usage: cel_runner FILE [ID]\n");
        return 2;
    }
    while (fgets(line, sizeof(line), f) != NULL) {
        bool ran;
        size_t n = strlen(line);
        if (n <= 1)
            continue;
        bool ok = run_line(line, n, argc > 2 ? argv[2] : NULL, &ran);
        passed += ran && ok;
        failed += ran && !ok;
    }
    fclose(f);
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0 || passed == 0;
}
