/* Tokens of CEL. */
#pragma once

#include "policy/cel/ast.h"

enum token {
    TOK_END,
    TOK_BAD, /* already diagnosed */
    TOK_IDENT,
    TOK_QUOTED_IDENT, /* `…`; text without the quotes */
    TOK_INT,
    TOK_UINT,
    TOK_DOUBLE,
    TOK_STRING,
    TOK_BYTES,
    TOK_TRUE,
    TOK_FALSE,
    TOK_NULL,
    TOK_IN,
    TOK_OR,
    TOK_AND,
    TOK_EQ,
    TOK_NE,
    TOK_LE,
    TOK_LT,
    TOK_GE,
    TOK_GT,
    TOK_PLUS,
    TOK_MINUS,
    TOK_STAR,
    TOK_SLASH,
    TOK_PERCENT,
    TOK_NOT,
    TOK_QUESTION,
    TOK_COLON,
    TOK_DOT,
    TOK_COMMA,
    TOK_LPAREN,
    TOK_RPAREN,
    TOK_LBRACKET,
    TOK_RBRACKET,
    TOK_LBRACE,
    TOK_RBRACE,
};

struct lexer {
    struct compilation *c;
    struct str source;
    uint32_t pos;

    enum token token; /* the current one and its span */
    uint32_t offset, end;
    struct str text;
};

void cel_lex_init(struct lexer *l, struct compilation *c);
void cel_lex_next(struct lexer *l);

/* The value of the current literal token; `negative` for a number behind a minus. False: diagnosed. */
bool cel_lex_literal(struct lexer *l, bool negative, struct cel_value *ret);

/* A name that CEL reserves: no identifier, but allowed after a dot. */
bool cel_is_reserved(struct str name);
