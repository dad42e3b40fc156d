/* Recursive descent over CEL's grammar (langdef.md, Syntax); macros expand as their call is read. */
#include "policy/cel/lex.h"

#include "base/limits.h"

struct parser {
    struct lexer lex;
    struct compilation *c;
    unsigned nesting;
};

/* A growing array of nodes in the arena; its old copies stay behind, half as large in sum. */
struct node_list {
    struct node **items;
    bool *optionals;
    uint32_t count, room;
    bool any_optional;
};

static struct node *expression(struct parser *p);

static void *out_of_memory(struct compilation *c)
{
    c->no_memory = true;
    return NULL;
}

struct node *cel_node_new(struct compilation *c, enum node_kind kind, uint32_t offset, uint32_t end)
{
    if (c->nodes >= LIMIT_CEL_NODES) {
        cel_diagnose(c, CEL_LEVEL_ERROR, "limit", offset, end, NO_HINT,
                 "the expression has more than %d parts", LIMIT_CEL_NODES);
        return NULL;
    }
    struct node *n = arena_new(c->arena, struct node);
    if (n == NULL)
        return out_of_memory(c);
    c->nodes++;
    n->kind = kind;
    n->offset = n->at = offset;
    n->end = end;
    return n;
}

static void *fail_at(struct parser *p, const char *expected)
{
    struct lexer *l = &p->lex;
    if (l->token == TOK_BAD)
        return NULL;
    if (l->token == TOK_END)
        cel_diagnose(p->c, CEL_LEVEL_ERROR, "syntax", l->offset, l->end, NO_HINT,
                 "the expression ends where %s should follow", expected);
    else
        cel_diagnose(p->c, CEL_LEVEL_ERROR, "syntax", l->offset, l->end, NO_HINT,
                 "`%.*s` stands where %s should", STR_FMT(l->text), expected);
    return NULL;
}

/* Counts one level of recursion; the caller takes it back when it returns with a node. */
static bool nest(struct parser *p)
{
    if (++p->nesting <= LIMIT_CEL_NESTING)
        return true;
    cel_diagnose(p->c, CEL_LEVEL_ERROR, "limit", p->lex.offset, p->lex.end, NO_HINT,
             "the expression nests deeper than %d", LIMIT_CEL_NESTING);
    return false;
}

static bool accept(struct parser *p, enum token token)
{
    if (p->lex.token != token)
        return false;
    cel_lex_next(&p->lex);
    return true;
}

/* Consumes `token` and reports where it ends. */
static bool expect(struct parser *p, enum token token, const char *what, uint32_t *ret_end)
{
    *ret_end = p->lex.end;
    if (p->lex.token != token) {
        (void)fail_at(p, what);
        return false;
    }
    cel_lex_next(&p->lex);
    return true;
}

static bool list_add(struct parser *p, struct node_list *l, struct node *n, bool optional)
{
    if (n == NULL)
        return false;
    if (l->count == l->room) {
        uint32_t room = l->room != 0 ? l->room * 2 : 4;
        struct node **items = arena_new_array(p->c->arena, room, struct node *);
        bool *optionals = arena_new_array(p->c->arena, room, bool);
        if (items == NULL || optionals == NULL)
            return (void)out_of_memory(p->c), false;
        if (l->count != 0) {
            memcpy(items, l->items, l->count * sizeof(struct node *));
            memcpy(optionals, l->optionals, l->count * sizeof(bool));
        }
        *l = (struct node_list){items, optionals, l->count, room, l->any_optional};
    }
    l->items[l->count] = n;
    l->optionals[l->count++] = optional;
    l->any_optional |= optional;
    return true;
}

static struct node *make_call(struct parser *p, struct str name, struct node *a, struct node *b,
                              uint32_t at, uint32_t end)
{
    struct node *n = cel_node_new(p->c, NODE_CALL, a->offset, end);
    struct node **args = arena_new_array(p->c->arena, 2, struct node *);
    if (n == NULL || args == NULL)
        return n == NULL ? NULL : out_of_memory(p->c);
    args[0] = a;
    args[1] = b;
    n->name = name;
    n->args = args;
    n->arg_count = b != NULL ? 2 : 1;
    n->at = at;
    return n;
}

/* --- Lists, maps, calls ----------------------------------------------------------------------- */

static bool arguments(struct parser *p, struct node_list *l, uint32_t *ret_end)
{
    if (p->lex.token != TOK_RPAREN) {
        do {
            if (!list_add(p, l, expression(p), false))
                return false;
        } while (accept(p, TOK_COMMA));
    }
    return expect(p, TOK_RPAREN, "`)` or `,`", ret_end);
}

static struct node *call(struct parser *p, struct node *target, struct str name, uint32_t offset,
                         uint32_t at)
{
    struct node_list args = {0};
    uint32_t end;
    if (target != NULL && !list_add(p, &args, target, false))
        return NULL;
    if (!arguments(p, &args, &end))
        return NULL;
    struct node *n = cel_node_new(p->c, NODE_CALL, offset, end);
    if (n == NULL)
        return NULL;
    n->name = name;
    n->args = args.items;
    n->arg_count = args.count;
    n->member = target != NULL;
    n->at = at;
    return cel_expand_macro(p->c, n) ? n : NULL;
}

static struct node *list_literal(struct parser *p)
{
    uint32_t offset = p->lex.offset, end;
    struct node_list items = {0};
    cel_lex_next(&p->lex);
    while (p->lex.token != TOK_RBRACKET) {
        bool optional = accept(p, TOK_QUESTION);
        if (!list_add(p, &items, expression(p), optional))
            return NULL;
        if (!accept(p, TOK_COMMA))
            break;
    }
    if (!expect(p, TOK_RBRACKET, "`]` or `,`", &end))
        return NULL;
    struct node *n = cel_node_new(p->c, NODE_LIST, offset, end);
    if (n == NULL)
        return NULL;
    n->args = items.items;
    n->arg_count = items.count;
    n->optionals = items.any_optional ? items.optionals : NULL;
    return n;
}

static bool map_entry(struct parser *p, struct node_list *items, struct node_list *flags)
{
    bool optional = accept(p, TOK_QUESTION);
    uint32_t end;
    struct node *key = expression(p);
    if (!list_add(p, items, key, false) || !list_add(p, flags, key, optional))
        return false;
    return expect(p, TOK_COLON, "`:`", &end) && list_add(p, items, expression(p), false);
}

static struct node *map_literal(struct parser *p)
{
    uint32_t offset = p->lex.offset, end;
    struct node_list items = {0}, flags = {0};
    cel_lex_next(&p->lex);
    while (p->lex.token != TOK_RBRACE) {
        if (!map_entry(p, &items, &flags))
            return NULL;
        if (!accept(p, TOK_COMMA))
            break;
    }
    if (!expect(p, TOK_RBRACE, "`}` or `,`", &end))
        return NULL;
    struct node *n = cel_node_new(p->c, NODE_MAP, offset, end);
    if (n == NULL)
        return NULL;
    n->args = items.items;
    n->arg_count = items.count;
    n->optionals = flags.any_optional ? flags.optionals : NULL;
    return n;
}

/* --- Primary, member, unary -------------------------------------------------------------------- */

static struct node *literal(struct parser *p, bool negative, uint32_t offset)
{
    struct cel_value v;
    if (!cel_lex_literal(&p->lex, negative, &v))
        return NULL;
    struct node *n = cel_node_new(p->c, NODE_LITERAL, offset, p->lex.end);
    if (n == NULL)
        return NULL;
    n->literal = v;
    cel_lex_next(&p->lex);
    return n;
}

static struct node *identifier(struct parser *p)
{
    uint32_t offset = p->lex.offset;
    bool rooted = accept(p, TOK_DOT);
    struct str name = p->lex.text;
    uint32_t at = p->lex.offset, end = p->lex.end;
    if (p->lex.token != TOK_IDENT)
        return fail_at(p, rooted ? "a name" : "a value");
    if (cel_is_reserved(name)) {
        cel_diagnose(p->c, CEL_LEVEL_ERROR, "syntax", at, end, NO_HINT, "`%.*s` is a reserved word",
                 STR_FMT(name));
        return NULL;
    }
    cel_lex_next(&p->lex);
    if (accept(p, TOK_LPAREN)) {
        struct node *n = call(p, NULL, name, offset, at);
        if (n != NULL && n->kind == NODE_CALL)
            n->rooted = rooted;
        return n;
    }
    struct node *n = cel_node_new(p->c, NODE_IDENT, offset, end);
    if (n == NULL)
        return NULL;
    n->name = name;
    n->rooted = rooted;
    n->at = at;
    return n;
}

static struct node *primary(struct parser *p)
{
    uint32_t end;
    switch ((int)p->lex.token) {
    case TOK_INT:
    case TOK_UINT:
    case TOK_DOUBLE:
    case TOK_STRING:
    case TOK_BYTES:
    case TOK_TRUE:
    case TOK_FALSE:
    case TOK_NULL:
        return literal(p, false, p->lex.offset);
    case TOK_LBRACKET:
        return list_literal(p);
    case TOK_LBRACE:
        return map_literal(p);
    case TOK_LPAREN: {
        uint32_t offset = p->lex.offset;
        cel_lex_next(&p->lex);
        struct node *n = expression(p);
        if (n == NULL || !expect(p, TOK_RPAREN, "`)`", &end))
            return NULL;
        n->offset = offset;
        n->end = end;
        return n;
    }
    default:
        return identifier(p);
    }
}

static struct node *select_member(struct parser *p, struct node *operand)
{
    uint32_t dot = p->lex.offset;
    cel_lex_next(&p->lex);
    bool optional = accept(p, TOK_QUESTION);
    struct str name = p->lex.text;
    uint32_t at = p->lex.offset, end = p->lex.end;
    bool quoted = p->lex.token == TOK_QUOTED_IDENT;
    if (p->lex.token != TOK_IDENT && !quoted)
        return fail_at(p, "a member's name");
    cel_lex_next(&p->lex);
    if (!optional && !quoted && accept(p, TOK_LPAREN))
        return call(p, operand, name, operand->offset, at);
    struct node *n = cel_node_new(p->c, NODE_SELECT, operand->offset, end);
    struct node **args = arena_new_array(p->c->arena, 1, struct node *);
    if (n == NULL || args == NULL)
        return n == NULL ? NULL : out_of_memory(p->c);
    args[0] = operand;
    n->args = args;
    n->arg_count = 1;
    n->name = name;
    n->optional = optional;
    n->at = optional ? dot : at;
    return n;
}

static struct node *index_into(struct parser *p, struct node *operand)
{
    uint32_t at = p->lex.offset, end;
    cel_lex_next(&p->lex);
    bool optional = accept(p, TOK_QUESTION);
    struct node *key = expression(p);
    if (key == NULL || !expect(p, TOK_RBRACKET, "`]`", &end))
        return NULL;
    return make_call(p, optional ? STR("_[?_]") : STR("_[_]"), operand, key, at, end);
}

static void *no_messages(struct parser *p)
{
    cel_diagnose(p->c, CEL_LEVEL_ERROR, "syntax", p->lex.offset, p->lex.end, NO_HINT,
             "a name before `{`: protocol-buffer messages are not part of this language");
    return NULL;
}

static struct node *member(struct parser *p)
{
    struct node *n = primary(p);
    while (n != NULL) {
        if (p->lex.token == TOK_DOT)
            n = select_member(p, n);
        else if (p->lex.token == TOK_LBRACKET)
            n = index_into(p, n);
        else if (p->lex.token == TOK_LBRACE)
            return no_messages(p);
        else
            break;
    }
    return n;
}

static struct node *unary(struct parser *p)
{
    struct lexer *l = &p->lex;
    uint32_t offset = l->offset;
    if (l->token != TOK_NOT && l->token != TOK_MINUS)
        return member(p);
    if (!nest(p))
        return NULL;
    bool minus = l->token == TOK_MINUS;
    struct lexer before = *l;
    cel_lex_next(l);
    struct node *n;
    if (minus && (l->token == TOK_INT || l->token == TOK_DOUBLE)) {
        /* The sign is part of the literal, so that the least int can be written. */
        struct lexer after = *l;
        n = literal(p, true, offset);
        if (n != NULL && (l->token == TOK_DOT || l->token == TOK_LBRACKET)) {
            *l = after;
            n = member(p);
            n = n != NULL ? make_call(p, STR("-_"), n, NULL, offset, n->end) : NULL;
        }
    } else {
        n = unary(p);
        n = n != NULL ? make_call(p, minus ? STR("-_") : STR("!_"), n, NULL, offset, n->end) : NULL;
    }
    if (n != NULL)
        n->offset = before.offset;
    p->nesting--;
    return n;
}

/* --- Binary operators --------------------------------------------------------------------------- */

enum { PRECEDENCE_RELATION = 1, PRECEDENCE_SUM, PRECEDENCE_PRODUCT, PRECEDENCE_UNARY };

static const struct {
    enum token token;
    int precedence;
    struct str name;
} operators[] = {
    {TOK_EQ, PRECEDENCE_RELATION, STR_INIT("_==_")},
    {TOK_NE, PRECEDENCE_RELATION, STR_INIT("_!=_")},
    {TOK_LT, PRECEDENCE_RELATION, STR_INIT("_<_")},
    {TOK_LE, PRECEDENCE_RELATION, STR_INIT("_<=_")},
    {TOK_GT, PRECEDENCE_RELATION, STR_INIT("_>_")},
    {TOK_GE, PRECEDENCE_RELATION, STR_INIT("_>=_")},
    {TOK_IN, PRECEDENCE_RELATION, STR_INIT("_ in _")},
    {TOK_PLUS, PRECEDENCE_SUM, STR_INIT("_+_")},
    {TOK_MINUS, PRECEDENCE_SUM, STR_INIT("_-_")},
    {TOK_STAR, PRECEDENCE_PRODUCT, STR_INIT("_*_")},
    {TOK_SLASH, PRECEDENCE_PRODUCT, STR_INIT("_/_")},
    {TOK_PERCENT, PRECEDENCE_PRODUCT, STR_INIT("_%_")},
};

static const struct str *operator_at(const struct parser *p, int precedence)
{
    for (size_t i = 0; i < ARRAY_LEN(operators); i++)
        if (operators[i].token == p->lex.token && operators[i].precedence == precedence)
            return &operators[i].name;
    return NULL;
}

static struct node *binary(struct parser *p, int precedence)
{
    if (precedence == PRECEDENCE_UNARY)
        return unary(p);
    struct node *left = binary(p, precedence + 1);
    const struct str *name;
    while (left != NULL && (name = operator_at(p, precedence)) != NULL) {
        uint32_t at = p->lex.offset;
        cel_lex_next(&p->lex);
        struct node *right = binary(p, precedence + 1);
        left = right != NULL ? make_call(p, *name, left, right, at, right->end) : NULL;
    }
    return left;
}

/* a && b && c is one node with three operands; likewise ||. */
static struct node *logical(struct parser *p, enum node_kind kind)
{
    enum token token = kind == NODE_AND ? TOK_AND : TOK_OR;
    struct node *first = kind == NODE_AND ? binary(p, PRECEDENCE_RELATION) : logical(p, NODE_AND);
    if (first == NULL || p->lex.token != token)
        return first;
    struct node_list operands = {0};
    if (!list_add(p, &operands, first, false))
        return NULL;
    uint32_t at = p->lex.offset;
    while (accept(p, token)) {
        struct node *n = kind == NODE_AND ? binary(p, PRECEDENCE_RELATION) : logical(p, NODE_AND);
        if (!list_add(p, &operands, n, false))
            return NULL;
    }
    struct node *n = cel_node_new(p->c, kind, first->offset, operands.items[operands.count - 1]->end);
    if (n == NULL)
        return NULL;
    n->args = operands.items;
    n->arg_count = operands.count;
    n->at = at;
    return n;
}

static struct node *conditional(struct parser *p)
{
    struct node *condition = logical(p, NODE_OR);
    uint32_t at = p->lex.offset, colon;
    if (condition == NULL || !accept(p, TOK_QUESTION))
        return condition;
    struct node *yes = logical(p, NODE_OR);
    if (yes == NULL || !expect(p, TOK_COLON, "`:`", &colon))
        return NULL;
    struct node *no = expression(p);
    struct node_list args = {0};
    if (!list_add(p, &args, condition, false) || !list_add(p, &args, yes, false) ||
        !list_add(p, &args, no, false))
        return NULL;
    struct node *n = cel_node_new(p->c, NODE_COND, condition->offset, no->end);
    if (n == NULL)
        return NULL;
    n->args = args.items;
    n->arg_count = 3;
    n->at = at;
    return n;
}

static struct node *expression(struct parser *p)
{
    if (!nest(p))
        return NULL;
    struct node *n = conditional(p);
    p->nesting--;
    return n;
}

struct node *cel_parse(struct compilation *c)
{
    if (c->source.n > LIMIT_CEL_TEXT) {
        cel_diagnose(c, CEL_LEVEL_ERROR, "limit", 0, 0, NO_HINT,
                 "the expression is longer than %zu bytes", LIMIT_CEL_TEXT);
        return NULL;
    }
    struct parser p = {.c = c};
    cel_lex_init(&p.lex, c);
    cel_lex_next(&p.lex);
    struct node *n = expression(&p);
    if (n != NULL && p.lex.token != TOK_END)
        return fail_at(&p, "an operator or the end");
    return n;
}
