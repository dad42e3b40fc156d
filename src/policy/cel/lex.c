#include "policy/cel/lex.h"

#include <ctype.h>

static const struct {
    const char *text;
    enum token token;
} punctuation[] = {
    /* Longer ones first. */
    {"||", TOK_OR},      {"&&", TOK_AND},     {"==", TOK_EQ},      {"!=", TOK_NE},
    {"<=", TOK_LE},      {">=", TOK_GE},      {"<", TOK_LT},       {">", TOK_GT},
    {"+", TOK_PLUS},     {"-", TOK_MINUS},    {"*", TOK_STAR},     {"/", TOK_SLASH},
    {"%", TOK_PERCENT},  {"!", TOK_NOT},      {"?", TOK_QUESTION}, {":", TOK_COLON},
    {".", TOK_DOT},      {",", TOK_COMMA},    {"(", TOK_LPAREN},   {")", TOK_RPAREN},
    {"[", TOK_LBRACKET}, {"]", TOK_RBRACKET}, {"{", TOK_LBRACE},   {"}", TOK_RBRACE},
};

static const struct {
    const char *text;
    enum token token;
} keywords[] = {{"true", TOK_TRUE}, {"false", TOK_FALSE}, {"null", TOK_NULL}, {"in", TOK_IN}};

static const char *const reserved[] = {
    "as",  "break",  "const",     "continue", "else", "for",  "function", "if",
    "import", "let", "loop", "package", "namespace", "return", "var", "void", "while",
};

bool cel_is_reserved(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
        if (str_is(name, reserved[i]))
            return true;
    return false;
}

static int peek(const struct lexer *l, uint32_t ahead)
{
    size_t at = (size_t)l->pos + ahead;
    return at < l->source.n ? (unsigned char)l->source.p[at] : -1;
}

static bool is_ident_start(int c)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static void bad(struct lexer *l, uint32_t offset, const char *message)
{
    l->token = TOK_BAD;
    l->end = l->pos;
    cel_diagnose(l->c, CEL_LEVEL_ERROR, "syntax", offset, l->pos, NO_HINT, "%s", message);
}

static void skip_space(struct lexer *l)
{
    for (;;) {
        int c = peek(l, 0);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
            l->pos++;
        } else if (c == '/' && peek(l, 1) == '/') {
            while (peek(l, 0) != -1 && peek(l, 0) != '\n')
                l->pos++;
        } else {
            return;
        }
    }
}

static void finish(struct lexer *l, enum token token)
{
    l->token = token;
    l->end = l->pos;
    l->text = str_from(l->source.p + l->offset, l->pos - l->offset);
}

static void scan_digits(struct lexer *l)
{
    while (is_digit(peek(l, 0)))
        l->pos++;
}

static void scan_number(struct lexer *l)
{
    bool fraction = false;
    if (peek(l, 0) == '0' && (peek(l, 1) == 'x' || peek(l, 1) == 'X') && isxdigit(peek(l, 2))) {
        l->pos += 2;
        while (peek(l, 0) != -1 && isxdigit(peek(l, 0)))
            l->pos++;
    } else {
        scan_digits(l);
        if (peek(l, 0) == '.' && is_digit(peek(l, 1))) {
            fraction = true;
            l->pos++;
            scan_digits(l);
        }
        uint32_t sign = peek(l, 1) == '+' || peek(l, 1) == '-' ? 2 : 1;
        if ((peek(l, 0) == 'e' || peek(l, 0) == 'E') && is_digit(peek(l, sign))) {
            fraction = true;
            l->pos += sign;
            scan_digits(l);
        }
    }
    bool is_unsigned = !fraction && (peek(l, 0) == 'u' || peek(l, 0) == 'U');
    l->pos += is_unsigned;
    finish(l, fraction ? TOK_DOUBLE : is_unsigned ? TOK_UINT : TOK_INT);
    if (is_ident_start(peek(l, 0)))
        bad(l, l->offset, "a letter follows a number");
}

/* How many bytes of prefix (r, b, both, in any case) stand before a quote; -1: no string here. */
static int string_prefix(const struct lexer *l)
{
    bool r = false, b = false;
    for (int i = 0; i < 3; i++) {
        int c = peek(l, (uint32_t)i);
        if (c == '"' || c == '\'')
            return i;
        if ((c == 'r' || c == 'R') && !r)
            r = true;
        else if ((c == 'b' || c == 'B') && !b)
            b = true;
        else
            return -1;
    }
    return -1;
}

static bool at_quotes(const struct lexer *l, int quote, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (peek(l, i) != quote)
            return false;
    return true;
}

static void scan_string(struct lexer *l, int prefix)
{
    bool raw = false, bytes = false;
    for (; prefix > 0; prefix--, l->pos++) {
        raw |= tolower(peek(l, 0)) == 'r';
        bytes |= tolower(peek(l, 0)) == 'b';
    }
    int quote = peek(l, 0);
    uint32_t quotes = at_quotes(l, quote, 3) ? 3 : 1;
    l->pos += quotes;
    while (!at_quotes(l, quote, quotes)) {
        int c = peek(l, 0);
        if (c == -1 || (quotes == 1 && (c == '\n' || c == '\r'))) {
            bad(l, l->offset, "the string is not closed");
            return;
        }
        l->pos += c == '\\' && !raw && peek(l, 1) != -1 ? 2 : 1;
    }
    l->pos += quotes;
    finish(l, bytes ? TOK_BYTES : TOK_STRING);
}

static void scan_quoted_ident(struct lexer *l)
{
    l->pos++;
    uint32_t start = l->pos;
    for (int c = peek(l, 0); c != '`'; c = peek(l, 0)) {
        if (!is_ident_start(c) && !is_digit(c) && c != '.' && c != '-' && c != '/' && c != ' ') {
            bad(l, l->offset, "a quoted name holds letters, digits and _.-/ and space only");
            return;
        }
        l->pos++;
    }
    finish(l, TOK_QUOTED_IDENT);
    l->text = str_from(l->source.p + start, l->pos - start);
    l->pos++;
    l->end = l->pos;
    if (l->text.n == 0)
        bad(l, l->offset, "a quoted name is empty");
}

static void scan_ident(struct lexer *l)
{
    while (is_ident_start(peek(l, 0)) || is_digit(peek(l, 0)))
        l->pos++;
    finish(l, TOK_IDENT);
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
        if (str_is(l->text, keywords[i].text))
            l->token = keywords[i].token;
}

static void scan_punctuation(struct lexer *l)
{
    struct str rest = str_from(l->source.p + l->pos, l->source.n - l->pos);
    for (size_t i = 0; i < ARRAY_LEN(punctuation); i++) {
        if (str_starts(rest, str_of(punctuation[i].text))) {
            l->pos += (uint32_t)strlen(punctuation[i].text);
            finish(l, punctuation[i].token);
            return;
        }
    }
    int c = peek(l, 0);
    l->pos++;
    while (c >= 0x80 && (peek(l, 0) & 0xc0) == 0x80 && peek(l, 0) != -1)
        l->pos++;
    bad(l, l->offset, c == '=' ? "`=` is no operator; equality is `==`"
                      : c == '&' ? "`&` is no operator; and is `&&`"
                      : c == '|' ? "`|` is no operator; or is `||`"
                                 : "this character has no meaning here");
}

void cel_lex_init(struct lexer *l, struct compilation *c)
{
    *l = (struct lexer){.c = c, .source = c->source};
}

void cel_lex_next(struct lexer *l)
{
    skip_space(l);
    l->offset = l->pos;
    int c = peek(l, 0);
    if (c == -1) {
        finish(l, TOK_END);
        return;
    }
    int prefix = string_prefix(l);
    if (prefix >= 0)
        scan_string(l, prefix);
    else if (is_digit(c) || (c == '.' && is_digit(peek(l, 1))))
        scan_number(l);
    else if (is_ident_start(c))
        scan_ident(l);
    else if (c == '`')
        scan_quoted_ident(l);
    else
        scan_punctuation(l);
}
