#include "classify/shape.h"

#include "base/limits.h"
#include "classify/tree.h"

/* The grammar is a function of token kinds and of what names and operators say. So where those are equal the trees
 * are, and a shape is the list of them, written so that no list can be read as another: a quoted name starts and ends
 * with its quote, `$int` is no token of PostgreSQL's. */

static bool is_plain_change(const struct sql_facts *f)
{
    static const char *const commands[] = {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"};
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (str_is(f->command, commands[i]))
            return true;
    return false;
}

/* Where a value decides more than a value. */
static bool has_shape(struct str text, const struct sql_settings *settings, const struct sql_facts *f)
{
    const uint32_t allowed = SQL_READ | SQL_WRITE | SQL_DELETE;
    return is_plain_change(f) && f->statements == 1 && (f->classes & ~allowed) == 0 && f->dynamic == 0 &&
           f->dangerous_functions.n == 0 && f->fetch_names.n == 0 && !f->where_tautology &&
           text.n <= LIMIT_SQL_COMMENTED &&
           (settings->standard_conforming_strings != SQL_UNKNOWN || memchr(text.p, '\\', text.n) == NULL);
}

struct writer {
    struct buf out;
    size_t depth;      /* of parentheses */
    size_t kept_depth; /* literals stay as they are while depth is not less; 0: they do not */
};

static const char *placeholder(enum tree_literal l)
{
    static const char *const texts[] = {
        [TREE_INT] = "$int", [TREE_NUMBER] = "$number", [TREE_TEXT] = "$text", [TREE_BITS] = "$bits"};
    return texts[l];
}

/* A hint of pg_hint_plan (it can set parameters for the planner) is more than a comment. */
static bool is_hint(struct str s)
{
    return str_starts(s, STR("/*+"));
}

static enum err put_lower(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        TRY(buf_put_u8(out, (uint8_t)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c)));
    }
    return ERR_OK;
}

static bool is_quoted_name(struct str s)
{
    return s.n != 0 && s.p[s.n - 1] == '"';
}

static void follow(struct writer *w, struct str s)
{
    static const char *const keepers[] = {"limit", "offset", "fetch", "tablesample"};
    w->depth += str_is(s, "(");
    w->depth -= str_is(s, ")") && w->depth > 0;
    if (w->kept_depth > w->depth + 1)
        w->kept_depth = 0;
    for (size_t i = 0; i < ARRAY_LEN(keepers) && w->kept_depth == 0; i++)
        if (str_eq_ascii_nocase(s, str_of(keepers[i])))
            w->kept_depth = w->depth + 1;
}

static enum err put_token(struct writer *w, struct str text, const struct tree_token *t)
{
    struct str s = {text.p + t->start, t->end - t->start};
    if (t->comment && !is_hint(s))
        return ERR_OK;
    follow(w, s);
    if (buf_len(&w->out) != 0)
        TRY(buf_put_u8(&w->out, ' '));
    if (t->literal != TREE_NO_LITERAL && w->kept_depth == 0)
        return buf_put_str(&w->out, str_of(placeholder(t->literal)));
    /* Only names are folded by the server; strings, hints and quoted names are as they are. */
    if (t->literal != TREE_NO_LITERAL || t->comment || is_quoted_name(s))
        return buf_put_str(&w->out, s);
    return put_lower(&w->out, s);
}

static enum err put_tokens(struct writer *w, struct str text, const struct tree_token *tokens, size_t n)
{
    while (n > 0 && (tokens[n - 1].comment || tokens[n - 1].semicolon))
        n--;
    for (size_t i = 0; i < n; i++)
        TRY(put_token(w, text, &tokens[i]));
    return ERR_OK;
}

static enum err put_names(struct buf *out, const struct sql_names *names)
{
    for (size_t i = 0; i < names->n; i++) {
        TRY(buf_put_str(out, names->v[i]));
        TRY(buf_put_u8(out, '\0'));
    }
    return buf_put_u8(out, '\0');
}

/* What the values did to the facts that guardrails ask most stays equal too, and so does what the catalogue says is
 * behind the names: a view that was replaced since is another view. */
static enum err digest_of_shape(struct str text, const struct sql_facts *f, struct digest *ret)
{
    struct buf marks CLEANUP(buf_done) = {0};
    const char bits[] = {
        f->has_where ? 'w' : '-', f->has_narrow_where ? 'n' : '-', f->has_limit ? 'l' : '-',
        (f->classes & SQL_DELETE) != 0 ? 'd' : '-', f->writes ? 'c' : '-', '\0',
    };
    buf_init(&marks, LIMIT_ENVELOPE);
    TRY(buf_put_str(&marks, str_from(bits, sizeof(bits))));
    TRY(put_names(&marks, &f->tables));
    TRY(put_names(&marks, &f->tables_written));
    TRY(put_names(&marks, &f->functions));
    *ret = digest_of2(buf_view(&marks), text);
    return ERR_OK;
}

enum err sql_shape_of(struct arena *a, struct str text, const struct sql_settings *settings,
                      const struct sql_facts *facts, struct sql_shape *ret)
{
    struct sql_shape shape = {.text = {NULL, 0}};
    struct tree_token *tokens;
    size_t n;
    if (!has_shape(text, settings, facts)) {
        *ret = shape;
        return ERR_OK;
    }
    enum err e = tree_tokens(a, text, settings->standard_conforming_strings != SQL_OFF, &tokens, &n);
    if (e == ERR_INVALID) {
        *ret = shape;
        return ERR_OK;
    }
    TRY(e);
    struct writer w = {.depth = 0};
    /* Each token grows by at most a space and what `$number` is longer than one digit. */
    buf_init(&w.out, text.n + n * 8 + 1);
    e = put_tokens(&w, text, tokens, n);
    if (e == ERR_OK)
        e = arena_str(a, buf_view(&w.out), &shape.text);
    buf_done(&w.out);
    TRY(e);
    TRY(digest_of_shape(shape.text, facts, &shape.digest));
    *ret = shape;
    return ERR_OK;
}
