#include "policy/file_diff.h"

#include "base/arena.h"
#include "base/limits.h"

enum { CONTEXT = 3 };

/* Lines with their line breaks, so that a last line without one differs from one with it. */
struct lines {
    struct str *list;
    size_t n;
};

static enum err split(struct arena *a, struct str text, struct lines *ret)
{
    size_t n = 0, at = 0;
    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '\n';
    struct str *list = arena_new_array(a, n + 1, struct str);
    if (list == NULL)
        return ERR_NOMEM;
    for (size_t k = 0; at < text.n; k++) {
        const char *end = memchr(text.p + at, '\n', text.n - at);
        size_t length = end != NULL ? (size_t)(end - text.p) + 1 - at : text.n - at;
        list[k] = str_from(text.p + at, length);
        at += length;
        n = k + 1;
    }
    *ret = (struct lines){list, text.n != 0 ? n : 0};
    return ERR_OK;
}

/* One line of the whole: ' ' in both, '-' in the old text alone, '+' in the new one alone. */
struct step {
    char what;
    struct str line;
};

struct script {
    struct step *list;
    size_t n;
};

static void add(struct script *s, char what, struct str line)
{
    s->list[s->n++] = (struct step){what, line};
}

/* The longest common subsequence of what differs, by its table of lengths. */
static enum err compare(struct arena *a, const struct lines *x, const struct lines *y, struct script *s)
{
    size_t w = y->n + 1, i = 0, k = 0;
    bool small = (x->n + 1) <= LIMIT_DIFF_CELLS / w;
    uint32_t *t = small ? arena_new_array(a, (x->n + 1) * w, uint32_t) : NULL;
    if (small && t == NULL)
        return ERR_NOMEM;
    for (size_t r = x->n; small && r-- > 0;)
        for (size_t c = y->n; c-- > 0;) {
            uint32_t down = t[(r + 1) * w + c], right = t[r * w + c + 1];
            t[r * w + c] = str_eq(x->list[r], y->list[c]) ? t[(r + 1) * w + c + 1] + 1
                           : down >= right                ? down
                                                          : right;
        }
    while (small && i < x->n && k < y->n)
        if (str_eq(x->list[i], y->list[k])) {
            add(s, ' ', x->list[i]);
            i++;
            k++;
        } else if (t[(i + 1) * w + k] >= t[i * w + k + 1])
            add(s, '-', x->list[i++]);
        else
            add(s, '+', y->list[k++]);
    while (i < x->n)
        add(s, '-', x->list[i++]);
    while (k < y->n)
        add(s, '+', y->list[k++]);
    return ERR_OK;
}

static enum err script_make(struct arena *a, struct str from, struct str to, struct script *ret)
{
    struct lines x, y;
    size_t head = 0, tail = 0;
    TRY(split(a, from, &x));
    TRY(split(a, to, &y));
    struct script s = {arena_new_array(a, x.n + y.n + 1, struct step), 0};
    if (s.list == NULL)
        return ERR_NOMEM;
    while (head < x.n && head < y.n && str_eq(x.list[head], y.list[head]))
        add(&s, ' ', x.list[head++]);
    while (tail < x.n - head && tail < y.n - head && str_eq(x.list[x.n - 1 - tail], y.list[y.n - 1 - tail]))
        tail++;
    struct lines xm = {x.list + head, x.n - head - tail}, ym = {y.list + head, y.n - head - tail};
    TRY(compare(a, &xm, &ym, &s));
    for (size_t i = x.n - tail; i < x.n; i++)
        add(&s, ' ', x.list[i]);
    *ret = s;
    return ERR_OK;
}

/* --- Hunks ------------------------------------------------------------------------------------ */

/* The end of the hunk that begins at or before the change `at`: where CONTEXT lines follow its last
 * change, and the next is further away than two contexts. */
static size_t hunk_end(const struct script *s, size_t at)
{
    size_t last = at;
    for (size_t i = at; i < s->n && i - last <= 2 * CONTEXT; i++)
        if (s->list[i].what != ' ')
            last = i;
    return last + 1 + CONTEXT < s->n ? last + 1 + CONTEXT : s->n;
}

static enum err line_put(struct buf *out, const struct step *p)
{
    TRY(buf_put_u8(out, (uint8_t)p->what));
    TRY(buf_put_str(out, p->line));
    if (p->line.p[p->line.n - 1] != '\n')
        return buf_put_str(out, STR("\n\\ No newline at end of file\n"));
    return ERR_OK;
}

/* `old` and `new` lines stand before the hunk. An empty side is numbered by the line before it. */
static enum err hunk_put(struct buf *out, const struct script *s, size_t start, size_t end, size_t old,
                         size_t new)
{
    size_t n_old = 0, n_new = 0;
    for (size_t i = start; i < end; i++) {
        n_old += s->list[i].what != '+';
        n_new += s->list[i].what != '-';
    }
    TRY(buf_printf(out, "@@ -%zu,%zu +%zu,%zu @@\n", n_old != 0 ? old + 1 : old, n_old,
                   n_new != 0 ? new + 1 : new, n_new));
    for (size_t i = start; i < end; i++)
        TRY(line_put(out, &s->list[i]));
    return ERR_OK;
}

static enum err hunks_put(struct buf *out, const struct script *s)
{
    size_t old = 0, new = 0, done = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->list[i].what == ' ')
            continue;
        size_t start = i - done > CONTEXT ? i - CONTEXT : done, end = hunk_end(s, i);
        old += start - done; /* what lies between hunks is in both */
        new += start - done;
        TRY(hunk_put(out, s, start, end, old, new));
        for (size_t k = start; k < end; k++) {
            old += s->list[k].what != '+';
            new += s->list[k].what != '-';
        }
        done = end;
        i = end - 1;
    }
    return ERR_OK;
}

enum err file_diff_put(struct buf *out, struct str path, struct str from, struct str to)
{
    struct arena a CLEANUP(arena_done);
    struct script s;
    arena_init(&a, LIMIT_DIFF_ARENA);
    if (str_eq(from, to))
        return ERR_OK;
    TRY(script_make(&a, from, to, &s));
    TRY(buf_printf(out, "--- %.*s\n+++ %.*s\n", STR_FMT(path), STR_FMT(path)));
    return hunks_put(out, &s);
}
