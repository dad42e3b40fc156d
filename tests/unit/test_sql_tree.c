/*
 * The node tables against the library itself: every node that its JSON shows is reached by the walk, and no other.
 * This is what guards a library and headers that disagree about a struct.
 */
#include "classify/tree.h"

#undef printf
#undef snprintf

#include <ctype.h>
#include <jansson.h>
#include <pg_query.h>

#include "base/limits.h"
#include "sql_texts.h"
#include "tap.h"

/* --- The walk --------------------------------------------------------------------------------- */

static size_t walked(const void *node, bool *ret_unknown)
{
    if (node == NULL)
        return 0;
    if (IsA(node, List)) {
        size_t n = 0;
        for (int i = 0; i < tree_list_len(node); i++)
            n += walked(tree_list_at(node, i), ret_unknown);
        return n;
    }
    const struct tree_shape *s = nodeTag(node) == T_RawStmt ? NULL : tree_shape(nodeTag(node));
    if (nodeTag(node) == T_RawStmt)
        return 1 + walked(((const RawStmt *)node)->stmt, ret_unknown);
    if (s == NULL) {
        *ret_unknown = true;
        return 1;
    }
    size_t n = 1;
    for (int i = 0; i < s->n; i++)
        n += walked(tree_child(node, s, i), ret_unknown);
    return n;
}

/* --- The JSON --------------------------------------------------------------------------------- */

static size_t shown(const json_t *v);

static size_t shown_fields(const json_t *object)
{
    const char *key;
    json_t *field;
    size_t n = 0;
    json_object_foreach((json_t *)(uintptr_t)object, key, field)
        n += strcmp(key, "base") == 0 ? shown_fields(field) : shown(field); /* a struct that begins another */
    return n;
}

/* A node is {"Kind": {fields}} where its kind is open, and {fields} where the field's type tells it. */
static size_t shown(const json_t *v)
{
    size_t n = 0;
    if (json_is_array(v)) {
        for (size_t i = 0; i < json_array_size(v); i++)
            n += json_object_size(json_array_get(v, i)) == 0 ? 0 : shown(json_array_get(v, i));
        return n;
    }
    if (!json_is_object(v))
        return 0;
    const char *key = json_object_size(v) == 1 ? json_object_iter_key(json_object_iter((json_t *)(uintptr_t)v)) : "";
    if (!isupper((unsigned char)key[0]))
        return 1 + shown_fields(v);
    const json_t *fields = json_object_get(v, key);
    if (strcmp(key, "A_Const") == 0)
        return 1; /* its value lies inside it */
    return (strcmp(key, "List") == 0 ? 0 : 1) + shown_fields(fields);
}

static size_t shown_in_json(const char *text)
{
    PgQueryParseResult r = pg_query_parse(text);
    json_error_t error;
    size_t n = 0;
    CHECK(r.error == NULL);
    json_t *tree = r.error == NULL ? json_loads(r.parse_tree, 0, &error) : NULL;
    CHECK(tree != NULL);
    if (tree != NULL)
        n = shown(json_object_get(tree, "stmts"));
    json_decref(tree);
    pg_query_free_parse_result(r);
    return n;
}

TEST(the_walk_reaches_what_the_library_shows)
{
    for (size_t i = 0; i < ARRAY_LEN(sql_texts); i++) {
        struct tree t;
        bool unknown = false;
        size_t want = shown_in_json(sql_texts[i]);
        CHECK_OK(tree_parse(&t, str_of(sql_texts[i]), true));
        CHECK(t.parsed.error == NULL);
        if (t.parsed.error != NULL)
            printf("# %s: %s\n", t.parsed.error, sql_texts[i]);
        size_t got = walked(tree_statements(&t), &unknown);
        CHECK(got == want && !unknown);
        if (got != want || unknown)
            printf("# %zu of %zu%s: %s\n", got, want, unknown ? ", unknown" : "", sql_texts[i]);
        tree_done(&t);
    }
}

TAP_MAIN(T(the_walk_reaches_what_the_library_shows))
