#include "cmd/table.h"

#include "base/limits.h"
#include "model/display.h"

void table_init(struct table *t, size_t columns)
{
    *t = (struct table){.columns = columns};
    buf_init(&t->cells, LIMIT_HTTP_UNSENT);
}

void table_done(struct table *t)
{
    buf_done(&t->cells);
}

/* Columns a text takes, near enough: one for each character. */
static size_t columns_of(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

enum err table_cell(struct table *t, struct str text)
{
    size_t start = buf_len(&t->cells), column = t->n_cells % t->columns;
    TRY(display_line(&t->cells, text));
    struct str all = buf_view(&t->cells);
    size_t width = columns_of(str_from(all.p + start, all.n - start));
    if (width > t->widths[column])
        t->widths[column] = width;
    t->n_cells++;
    return buf_put_u8(&t->cells, 0);
}

/* Blanks up to the next column; at least two. */
static enum err put_gap(struct buf *out, size_t used, size_t width)
{
    for (size_t i = used; i < width + 2; i++)
        TRY(buf_put_u8(out, ' '));
    return ERR_OK;
}

enum err table_print(struct buf *out, const struct table *t, struct style style)
{
    const char *cell = buf_view(&t->cells).p;
    for (size_t i = 0; i < t->n_cells; i++) {
        size_t column = i % t->columns;
        bool last = column + 1 == t->columns;
        struct str text = str_of(cell);
        if (i == 0 && style.colour)
            TRY(buf_put_str(out, STR("\033[1m")));
        TRY(buf_put_str(out, text));
        if (i + 1 == t->columns && style.colour)
            TRY(buf_put_str(out, STR("\033[0m")));
        TRY(last ? buf_put_str(out, STR("\n")) : put_gap(out, columns_of(text), t->widths[column]));
        cell += text.n + 1;
    }
    return ERR_OK;
}
