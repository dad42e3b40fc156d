/* Aligned columns for lists. */
#pragma once

#include "cmd/show_text.h"

/* Cells are appended row by row, left to right, each through display_line; the first row is the
 * head. All columns but the last are padded to their widest cell. */
enum { TABLE_COLUMNS_MAX = 12 };
struct table {
    size_t columns, n_cells;
    struct buf cells; /* each cell's text, then NUL */
    size_t widths[TABLE_COLUMNS_MAX];
};
void table_init(struct table *t, size_t columns);
void table_done(struct table *t);
MUST_USE enum err table_cell(struct table *t, struct str text);
MUST_USE enum err table_print(struct buf *out, const struct table *t, struct style style);
