#include "policy/diagnostic.h"

#include "base/limits.h"
#include "policy/config.h"
#include "policy/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct problem {
    struct problem *next;
    const struct config_file *file;
    size_t order;
    struct diagnostic what;
};

void problems_init(struct problems *p, struct arena *arena)
{
    *p = (struct problems){.arena = arena};
}

/* Line number `line` of the text, without its end. */
static struct str text_line(struct str text, uint32_t line)
{
    const char *p = text.p, *end = text.p != NULL ? text.p + text.n : NULL;
    for (uint32_t i = 1; p != NULL && i < line; i++) {
        p = memchr(p, '\n', (size_t)(end - p));
        if (p != NULL)
            p++;
    }
    if (p == NULL || line == 0)
        return (struct str){NULL, 0};
    const char *stop = memchr(p, '\n', (size_t)(end - p));
    struct str s = {p, (size_t)((stop != NULL ? stop : end) - p)};
    if (s.n != 0 && s.p[s.n - 1] == '\r')
        s.n--;
    return s;
}

PRINTF_LIKE(3, 0)
static enum err arena_vprintf(struct arena *a, struct str *ret, const char *fmt, va_list args)
{
    char text[LIMIT_CONFIG_PROBLEM_BYTES];
    int n = vsnprintf(text, sizeof(text), fmt, args);
    if (n < 0)
        return ERR_BUG;
    size_t length = (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
    return arena_str(a, (struct str){text, length}, ret);
}

static enum err problem_keep(struct problems *p, struct place at, const struct diagnostic *what)
{
    struct problem *new = arena_new(p->arena, struct problem);
    if (new == NULL)
        return ERR_NOMEM;
    new->what = *what;
    new->file = at.file;
    new->order = p->n;
    if (at.file != NULL) {
        TRY(arena_str(p->arena, at.file->path, &new->what.path));
        TRY(arena_str(p->arena, text_line(at.file->text, at.line), &new->what.source_line));
    }
    TRY(arena_str(p->arena, what->hint, &new->what.hint));
    if (p->last != NULL)
        p->last->next = new;
    else
        p->first = new;
    p->last = new;
    return ERR_OK;
}

/* A macro with an error is met once for each guardrail that uses it. */
static bool said_before(const struct problems *p, struct place at, struct str message)
{
    for (const struct problem *i = p->first; i != NULL; i = i->next)
        if (i->file == at.file && i->what.line == at.line && i->what.column == at.column &&
            str_eq(i->what.message, message))
            return true;
    return false;
}

void problem_add(struct problems *p, enum severity severity, struct place at, struct str hint,
                 const char *fmt, ...)
{
    if (p->n >= LIMIT_CONFIG_PROBLEMS) {
        p->n_errors += severity == SEVERITY_ERROR;
        return;
    }
    struct diagnostic what = {
        .severity = severity,
        .line = at.line,
        .column = at.column,
        .width = at.width != 0 ? at.width : 1,
        .hint = hint,
    };
    va_list args;
    va_start(args, fmt);
    enum err e = arena_vprintf(p->arena, &what.message, fmt, args);
    va_end(args);
    if (e == ERR_OK && said_before(p, at, what.message))
        return;
    if (e == ERR_OK)
        e = problem_keep(p, at, &what);
    p->out_of_memory = p->out_of_memory || e != ERR_OK;
    p->n_errors += severity == SEVERITY_ERROR;
    p->n++;
}

struct str problem_did_you_mean(struct problems *p, struct str best)
{
    struct str hint = {NULL, 0};
    if (best.n != 0 && arena_printf(p->arena, &hint, "did you mean `%.*s`?", STR_FMT(best)) != ERR_OK)
        p->out_of_memory = true;
    return hint;
}

static int problem_compare(const void *x, const void *y)
{
    const struct problem *a = *(const struct problem *const *)x;
    const struct problem *b = *(const struct problem *const *)y;
    if (a->file != b->file) /* both point into the one array of files, or are NULL */
        return (uintptr_t)a->file < (uintptr_t)b->file ? -1 : 1;
    if (a->what.line != b->what.line)
        return a->what.line < b->what.line ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

enum err problems_finish(struct problems *p, struct diagnostics *ret)
{
    size_t n = 0;
    for (const struct problem *i = p->first; i != NULL; i = i->next)
        n++;
    const struct problem **sorted = arena_new_array(p->arena, n, const struct problem *);
    struct diagnostic *list = arena_new_array(p->arena, n, struct diagnostic);
    if (p->out_of_memory || sorted == NULL || list == NULL)
        return ERR_NOMEM;
    size_t k = 0;
    for (const struct problem *i = p->first; i != NULL; i = i->next)
        sorted[k++] = i;
    if (n > 1)
        qsort(sorted, n, sizeof(sorted[0]), problem_compare);
    for (size_t i = 0; i < n; i++)
        list[i] = sorted[i]->what;
    *ret = (struct diagnostics){list, n, p->n_errors};
    return ERR_OK;
}

/* --- Rendering -------------------------------------------------------------------------------- */

static const char *severity_text(enum severity s)
{
    return s == SEVERITY_WARNING ? "warning" : "error";
}

/* The caret line: tabs stay tabs, so that it lines up whatever their width. */
static enum err caret_put(struct buf *out, const struct diagnostic *d)
{
    struct str line = d->source_line;
    uint32_t column = 1;
    TRY(buf_put_str(out, STR("      | ")));
    for (size_t i = 0; i < line.n && column < d->column; i++) {
        if (((unsigned char)line.p[i] & 0xc0) == 0x80)
            continue;
        TRY(buf_put_u8(out, line.p[i] == '\t' ? '\t' : ' '));
        column++;
    }
    TRY(buf_put_u8(out, '^'));
    for (uint32_t i = 1; i < d->width; i++)
        TRY(buf_put_u8(out, '~'));
    return buf_put_u8(out, '\n');
}

static enum err hint_put(struct buf *out, struct str hint)
{
    struct str line, rest = hint;
    const char *before = "      hint: ";
    while (rest.n != 0) {
        if (!str_cut(rest, '\n', &line, &rest)) {
            line = rest;
            rest.n = 0;
        }
        TRY(buf_printf(out, "%s%.*s\n", before, STR_FMT(line)));
        before = "            ";
    }
    return ERR_OK;
}

enum err diagnostic_text(struct buf *out, const struct diagnostic *d)
{
    TRY(buf_put_str(out, d->path));
    if (d->line != 0)
        TRY(buf_printf(out, ":%u:%u", d->line, d->column));
    TRY(buf_printf(out, ": %s: %.*s\n", severity_text(d->severity), STR_FMT(d->message)));
    if (d->line != 0 && d->source_line.n != 0) {
        TRY(buf_printf(out, "%5u | %.*s\n", d->line, STR_FMT(d->source_line)));
        TRY(caret_put(out, d));
    }
    return hint_put(out, d->hint);
}

void diagnostic_json(struct json *j, const struct diagnostic *d)
{
    json_object_begin(j);
    json_put_z(j, "severity", severity_text(d->severity));
    json_put_str(j, "path", d->path);
    json_put_int(j, "line", d->line);
    json_put_int(j, "column", d->column);
    json_put_str(j, "message", d->message);
    if (d->hint.n != 0)
        json_put_str(j, "hint", d->hint);
    json_object_end(j);
}
