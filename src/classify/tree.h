/*
 * PostgreSQL's raw parse tree, read in place: libpg_query's static library parses, the node headers of
 * postgresql-server-dev-15 say what the nodes look like. Internal to classify/.
 *
 * The library's state is thread-local while the server's headers declare plain globals, so nothing here uses a header
 * macro that touches one (palloc in the current context, PG_TRY, ereport).
 */
#pragma once

#include <postgres.h>

#include <nodes/parsenodes.h>
#include <nodes/pg_list.h>
#include <nodes/primnodes.h>

#include "base/arena.h"
#include "classify/raw_parse.h"

/* A parse: the tree lives until tree_done. */
struct tree {
    struct raw_parse parsed;
    char *copy;
    char small[2048];
};

/* text as the server reads it with that value of standard_conforming_strings. ERR_NOMEM; a syntax error is in *t.
 * Every tree that was parsed is ended with tree_done, the latest first. text holds no NUL. */
MUST_USE enum err tree_parse(struct tree *t, struct str text, bool standard_conforming_strings);
void tree_done(struct tree *t);

/* One token of the library's own lexer: bytes start to end of the text. Between tokens is white space alone. */
enum tree_literal { TREE_NO_LITERAL, TREE_INT, TREE_NUMBER, TREE_TEXT, TREE_BITS };
struct tree_token {
    uint32_t start, end;
    enum tree_literal literal;
    bool comment, semicolon, keyword;
};

/* The tokens of a text of at most LIMIT_SQL_COMMENTED bytes, in the arena. ERR_INVALID where the lexer stops at an
 * error (or the text holds a NUL or is too long), ERR_NOMEM. */
MUST_USE enum err tree_tokens(struct arena *a, struct str text, bool standard_conforming_strings,
                              struct tree_token **ret, size_t *ret_n);

/* relpersistence of a temporary relation (catalog/pg_class.h, which needs more of the server than this does). */
#define PERSISTENCE_TEMP 't'

static inline const List *tree_statements(const struct tree *t)
{
    return t->parsed.list;
}

/* Where a node's children are: pointers to nodes or lists at these offsets. */
struct tree_shape {
    bool known;
    uint8_t n;
    uint16_t at[16];
};

enum { TREE_TAGS = 512 }; /* above every tag of a raw parse tree */

extern const struct tree_shape tree_shapes[TREE_TAGS];

/* NULL for a tag that the raw parser of version 15 does not make. */
static inline const struct tree_shape *tree_shape(NodeTag tag)
{
    return (size_t)tag < TREE_TAGS && tree_shapes[tag].known ? &tree_shapes[tag] : NULL;
}

static inline const Node *tree_child(const void *node, const struct tree_shape *s, int i)
{
    const Node *child;
    memcpy(&child, (const char *)node + s->at[i], sizeof(child));
    return child;
}

/* Nodes that say nothing by themselves: names inside lists, constants. */
static inline bool tree_is_leaf(const void *node)
{
    NodeTag tag = nodeTag(node);
    return tag == T_String || tag == T_A_Const || tag == T_Integer || tag == T_A_Star || tag == T_ParamRef;
}

static inline int tree_list_len(const List *l)
{
    return l != NULL ? l->length : 0;
}

static inline const void *tree_list_at(const List *l, int i)
{
    return l->elements[i].ptr_value;
}

/* The text of a String node; the empty string for anything else. */
static inline struct str tree_string(const void *node)
{
    if (node == NULL || !IsA(node, String))
        return (struct str){NULL, 0};
    return str_of(((const String *)node)->sval);
}

/* The text of a string constant (also behind a cast); false for anything else. */
bool tree_const_text(const void *node, struct str *ret);

/* An integer constant. */
bool tree_const_int(const void *node, int64_t *ret);
