#include "classify/tree.h"

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>
#include <stdlib.h>

#include "base/limits.h"

const struct tree_shape tree_shapes[TREE_TAGS] = {
#include "classify/pg_nodes.inc"
};

static bool is_string(const PgQuery__ScanToken *k)
{
    return k->token == PG_QUERY__TOKEN__SCONST || k->token == PG_QUERY__TOKEN__USCONST ||
           k->token == PG_QUERY__TOKEN__BCONST || k->token == PG_QUERY__TOKEN__XCONST;
}

/* Blanks the comments that the library's own lexer finds. Not where that would join two strings ('a' and, on another
 * line, 'b' are one). False where there is nothing to blank. */
static bool blank_tokens(struct tree *t, size_t n, const PgQuery__ScanResult *s)
{
    const PgQuery__ScanToken *before = NULL;
    bool commented = false, blanked = false;
    for (size_t i = 0; i < s->n_tokens; i++) {
        const PgQuery__ScanToken *k = s->tokens[i];
        if (k->start < 0 || k->end < k->start || (size_t)k->end > n)
            return false;
        if (k->token != PG_QUERY__TOKEN__C_COMMENT && k->token != PG_QUERY__TOKEN__SQL_COMMENT) {
            if (commented && before != NULL && is_string(before) && is_string(k))
                return false;
            commented = false;
            before = k;
            continue;
        }
        commented = blanked = true;
        memset(t->copy + k->start, ' ', (size_t)(k->end - k->start));
    }
    return blanked;
}

/*
 * The library's lexer hands comments on as tokens, and its parser forgets to skip them where it looks one token ahead:
 * after NOT, NULLS, WITH and before UESCAPE. The server has no such tokens, so a text that fails is read once more
 * without them.
 */
static bool blank_comments(struct tree *t, size_t n)
{
    if (n > LIMIT_SQL_COMMENTED || (strstr(t->copy, "/*") == NULL && strstr(t->copy, "--") == NULL))
        return false;
    bool blanked = false;
    PgQueryScanResult r = pg_query_scan(t->copy);
    if (r.error == NULL) {
        PgQuery__ScanResult *s = pg_query__scan_result__unpack(NULL, r.pbuf.len, (const uint8_t *)r.pbuf.data);
        if (s != NULL) {
            blanked = blank_tokens(t, n, s);
            pg_query__scan_result__free_unpacked(s, NULL);
        }
    }
    pg_query_free_scan_result(r);
    return blanked;
}

static enum tree_literal literal_of(const PgQuery__ScanToken *k)
{
    switch (k->token) {
    case PG_QUERY__TOKEN__ICONST:
        return TREE_INT;
    case PG_QUERY__TOKEN__FCONST:
        return TREE_NUMBER;
    case PG_QUERY__TOKEN__SCONST:
    case PG_QUERY__TOKEN__USCONST:
        return TREE_TEXT;
    case PG_QUERY__TOKEN__BCONST:
    case PG_QUERY__TOKEN__XCONST:
        return TREE_BITS;
    default:
        return TREE_NO_LITERAL;
    }
}

/* The lexer's white space: to version 15 a vertical tab is a character. */
static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* The library says a wrong end of U&"…" and U&'…': a token reaches to the white space before the next one. */
static size_t end_of_token(const PgQuery__ScanResult *s, size_t i, struct str text)
{
    size_t from = (size_t)s->tokens[i]->end;
    size_t end = i + 1 < s->n_tokens ? (size_t)s->tokens[i + 1]->start : text.n;
    while (end > from && is_space(text.p[end - 1]))
        end--;
    return end;
}

static enum err copy_tokens(struct arena *a, struct str text, const PgQuery__ScanResult *s,
                            struct tree_token **ret, size_t *ret_n)
{
    struct tree_token *list = arena_new_array(a, s->n_tokens, struct tree_token);
    if (list == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < s->n_tokens; i++) {
        const PgQuery__ScanToken *k = s->tokens[i];
        int32_t next = i + 1 < s->n_tokens ? s->tokens[i + 1]->start : (int32_t)text.n;
        if (k->start < 0 || k->end < k->start || next < k->end || (size_t)next > text.n)
            return ERR_INVALID;
        list[i] = (struct tree_token){
            .start = (uint32_t)k->start,
            .end = (uint32_t)end_of_token(s, i, text),
            .keyword = k->keyword_kind != PG_QUERY__KEYWORD_KIND__NO_KEYWORD,
            .literal = literal_of(k),
            .comment = k->token == PG_QUERY__TOKEN__C_COMMENT || k->token == PG_QUERY__TOKEN__SQL_COMMENT,
            .semicolon = k->token == PG_QUERY__TOKEN__ASCII_59,
        };
    }
    *ret = list;
    *ret_n = s->n_tokens;
    return ERR_OK;
}

enum err tree_tokens(struct arena *a, struct str text, bool conforming, struct tree_token **ret, size_t *ret_n)
{
    if (text.n > LIMIT_SQL_COMMENTED)
        return ERR_INVALID;
    char *z = str_dupz(text);
    if (z == NULL)
        return text.n != 0 && memchr(text.p, '\0', text.n) != NULL ? ERR_INVALID : ERR_NOMEM;
    raw_parse_reading(conforming);
    PgQueryScanResult r = pg_query_scan(z);
    enum err e = ERR_INVALID;
    if (r.error == NULL) {
        PgQuery__ScanResult *s = pg_query__scan_result__unpack(NULL, r.pbuf.len, (const uint8_t *)r.pbuf.data);
        e = s != NULL ? copy_tokens(a, text, s, ret, ret_n) : ERR_NOMEM;
        if (s != NULL)
            pg_query__scan_result__free_unpacked(s, NULL);
    }
    pg_query_free_scan_result(r);
    free(z);
    return e;
}

static void copy_free(struct tree *t)
{
    if (t->copy != t->small)
        free(t->copy);
}

enum err tree_parse(struct tree *t, struct str text, bool conforming)
{
    t->copy = text.n < sizeof(t->small) ? t->small : malloc(text.n + 1);
    if (t->copy == NULL)
        return ERR_NOMEM;
    if (text.n != 0)
        memcpy(t->copy, text.p, text.n);
    t->copy[text.n] = '\0';

    enum err e = raw_parse_begin(t->copy, conforming, &t->parsed);
    if (e == ERR_OK && t->parsed.error != NULL && blank_comments(t, text.n)) {
        raw_parse_end(&t->parsed);
        e = raw_parse_begin(t->copy, conforming, &t->parsed);
    }
    if (e != ERR_OK)
        copy_free(t);
    return e;
}

void tree_done(struct tree *t)
{
    raw_parse_end(&t->parsed);
    copy_free(t);
}

bool tree_const_text(const void *node, struct str *ret)
{
    while (node != NULL && IsA(node, TypeCast))
        node = ((const TypeCast *)node)->arg;
    if (node == NULL || !IsA(node, A_Const))
        return false;
    const A_Const *c = node;
    if (c->isnull || c->val.node.type != T_String)
        return false;
    *ret = str_of(c->val.sval.sval);
    return true;
}

bool tree_const_int(const void *node, int64_t *ret)
{
    if (node == NULL || !IsA(node, A_Const))
        return false;
    const A_Const *c = node;
    if (c->isnull)
        return false;
    if (c->val.node.type == T_Integer) {
        *ret = c->val.ival.ival;
        return true;
    }
    return c->val.node.type == T_Float && str_to_i64(str_of(c->val.fval.fval), ret) == ERR_OK;
}
