#include "classify/layout.h"

#include <string.h>

#include "base/limits.h"
#include "classify/tree.h"

/* A text this short on one line is left alone; longer lines are broken behind a comma. */
enum { SHORT = 76, WIDE = 90, INDENT = 2, DEPTH_MAX = 64, INDENT_MOST = 40 };

/* One pair of brackets, or the statement itself. */
struct level {
    bool block;    /* has clauses of its own: its lines are indented and its bracket closes on one */
    bool between;  /* BETWEEN was said: its AND belongs to it */
    bool condition; /* in WHERE, ON or HAVING: AND and OR begin lines */
};

struct layout {
    struct buf *out;
    const char *text;
    const struct tree_token *v;
    size_t n;
    size_t line;   /* where the current line began in out */
    size_t depth;  /* of levels; deeper brackets stay as they are */
    size_t blocks; /* levels that are blocks, the statement's own not counted */
    size_t too_deep;
    struct level levels[DEPTH_MAX];
};

static struct str text_of(const struct layout *l, size_t i)
{
    return (struct str){l->text + l->v[i].start, l->v[i].end - l->v[i].start};
}

static bool is_char(const struct layout *l, size_t i, char c)
{
    struct str s = text_of(l, i);
    return s.n == 1 && s.p[0] == c;
}

static bool is_line_comment(const struct layout *l, size_t i)
{
    return l->v[i].comment && l->text[l->v[i].start] == '-';
}

static bool is_word(const struct layout *l, size_t i, const char *word)
{
    return l->v[i].keyword && str_eq_ascii_nocase(text_of(l, i), str_of(word));
}

static bool is_one_of(const struct layout *l, size_t i, const char *const *words)
{
    for (; *words != NULL; words++)
        if (is_word(l, i, *words))
            return true;
    return false;
}

static bool is_string(const struct tree_token *t)
{
    return t->literal == TREE_TEXT || t->literal == TREE_BITS;
}

/* The space between a word and the one before, as it was sent. */
static struct str gap_before(const struct layout *l, size_t i)
{
    size_t end = l->v[i - 1].end;
    return (struct str){l->text + end, l->v[i].start - end};
}

static enum err new_line(struct layout *l, size_t extra)
{
    size_t indent = l->blocks * 2 * INDENT + extra;
    TRY(buf_put(l->out, "\n", 1));
    l->line = buf_len(l->out);
    for (size_t i = 0; i < indent && i < INDENT_MOST; i++)
        TRY(buf_put(l->out, " ", 1));
    return ERR_OK;
}

/* --- Where lines begin ----------------------------------------------------------------------- */

static bool follows(const struct layout *l, size_t i, const char *const *words)
{
    while (i > 0 && l->v[i - 1].comment)
        i--;
    return i > 0 && is_one_of(l, i - 1, words);
}

/* LEFT JOIN begins its line at LEFT. left('x', 1) is a function. */
static bool begins_join(const struct layout *l, size_t i)
{
    static const char *const before[] = {"left", "right", "full", "inner", "cross", "natural", "outer", NULL};
    if (is_word(l, i, "join"))
        return !follows(l, i, before);
    bool is_head = is_one_of(l, i, before) && !follows(l, i, before);
    return is_head && i + 1 < l->n && 
           (is_word(l, i + 1, "join") || is_one_of(l, i + 1, before));
}

/* FROM also stands in IS DISTINCT FROM and in a function's arguments, SET in ALTER … SET: those stay. */
static bool begins_clause(const struct layout *l, size_t i)
{
    static const char *const always[] = {"where",  "having", "returning", "limit", "offset", "union",
                                         "except", "intersect", "window", NULL};
    static const char *const by[] = {"group", "order", NULL};
    static const char *const distinct[] = {"distinct", "delete", NULL};
    static const char *const on_key[] = {"no", "do", NULL};
    const struct level *level = &l->levels[l->depth];
    if (!level->block)
        return false;
    if (is_one_of(l, i, always) || begins_join(l, i))
        return true;
    if (is_one_of(l, i, by))
        return i + 1 < l->n && is_word(l, i + 1, "by");
    if (is_word(l, i, "select") || is_word(l, i, "values") || is_word(l, i, "insert"))
        return i > 0 && !is_char(l, i - 1, '(') && !follows(l, i, on_key);
    if (is_word(l, i, "from"))
        return !follows(l, i, distinct);
    if (is_word(l, i, "set"))
        return is_word(l, 0, "update") || is_word(l, 0, "with");
    return is_word(l, i, "on") && i + 1 < l->n && is_word(l, i + 1, "conflict");
}

/* AND and OR of a condition, not that of BETWEEN. */
static bool begins_operand(struct layout *l, size_t i)
{
    struct level *level = &l->levels[l->depth];
    if (is_word(l, i, "between"))
        level->between = true;
    if (is_word(l, i, "and") && level->between) {
        level->between = false;
        return false;
    }
    return level->block && level->condition && (is_word(l, i, "and") || is_word(l, i, "or"));
}

static void note_clause(struct layout *l, size_t i)
{
    static const char *const conditions[] = {"where", "having", "on", NULL};
    struct level *level = &l->levels[l->depth];
    if (is_one_of(l, i, conditions))
        level->condition = true;
    else if (begins_clause(l, i))
        level->condition = false;
}

/* --- Brackets -------------------------------------------------------------------------------- */

static bool opens_block(const struct layout *l, size_t i)
{
    static const char *const heads[] = {"select", "with", "insert", "update", "delete", NULL};
    size_t next = i + 1;
    while (next < l->n && l->v[next].comment)
        next++;
    return next < l->n && is_one_of(l, next, heads);
}

static void open_bracket(struct layout *l, size_t i)
{
    if (l->too_deep != 0 || l->depth + 1 == DEPTH_MAX) {
        l->too_deep++;
        return;
    }
    bool block = opens_block(l, i);
    l->levels[++l->depth] = (struct level){.block = block};
    l->blocks += block;
}

/* True where what it closes was a block. */
static bool close_bracket(struct layout *l)
{
    if (l->too_deep != 0) {
        l->too_deep--;
        return false;
    }
    if (l->depth == 0)
        return false;
    bool block = l->levels[l->depth--].block;
    l->blocks -= block;
    return block;
}

/* --- The whole ------------------------------------------------------------------------------- */

/* White space before word i: as much as the layout wants where there was some, and a line break wherever one may
 * stand. Not between two strings: it would make them one ('a' newline 'b'). */
static enum err space(struct layout *l, size_t i, bool closes)
{
    struct str gap = gap_before(l, i);
    bool opened = is_char(l, i - 1, '(') && l->levels[l->depth].block && l->too_deep == 0;
    if (is_string(&l->v[i - 1]) && is_string(&l->v[i]))
        return buf_put(l->out, " ", 1);
    if (is_line_comment(l, i - 1) || closes || opened || l->v[i - 1].semicolon || begins_clause(l, i))
        return new_line(l, 0);
    if (begins_operand(l, i))
        return new_line(l, INDENT);
    if (gap.n == 0)
        return ERR_OK;
    size_t width = buf_len(l->out) - l->line;
    if (is_char(l, i - 1, ',') && width + text_of(l, i).n > WIDE)
        return new_line(l, 2 * INDENT);
    if (l->v[i].comment && memchr(gap.p, '\n', gap.n) != NULL)
        return new_line(l, 0);
    return buf_put(l->out, " ", 1);
}

static enum err put_token(struct layout *l, size_t i)
{
    bool closes = is_char(l, i, ')') && close_bracket(l);
    if (i > 0)
        TRY(space(l, i, closes));
    TRY(buf_put_str(l->out, text_of(l, i)));
    if (is_char(l, i, '('))
        open_bracket(l, i);
    else if (l->v[i].semicolon && l->depth == 0)
        l->levels[0] = (struct level){.block = true};
    else
        note_clause(l, i);
    return ERR_OK;
}

static bool is_short(struct str text)
{
    return text.n <= SHORT && memchr(text.p, '\n', text.n) == NULL && memchr(text.p, '\r', text.n) == NULL;
}

static enum err put_all(struct layout *l)
{
    struct str whole = {l->text + l->v[0].start, l->v[l->n - 1].end - l->v[0].start};
    if (is_short(whole))
        return buf_put_str(l->out, whole);
    l->levels[0] = (struct level){.block = true};
    for (size_t i = 0; i < l->n; i++)
        TRY(put_token(l, i));
    return ERR_OK;
}

enum err sql_layout(struct buf *out, struct str text, const struct sql_settings *settings)
{
    struct arena a CLEANUP(arena_done) = {0};
    struct tree_token *tokens;
    size_t start = buf_len(out);
    struct layout l = {.out = out, .text = text.p, .line = start};
    arena_init(&a, LIMIT_ACTION_ARENA);
    TRY(tree_tokens(&a, text, settings->standard_conforming_strings != SQL_OFF, &tokens, &l.n));
    l.v = tokens;
    enum err e = l.n != 0 ? put_all(&l) : ERR_OK;
    if (e != ERR_OK)
        buf_truncate(out, start);
    return e;
}
