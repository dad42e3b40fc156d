#include "policy/column_labels.h"

#include "base/limits.h"

/* --- Reading -------------------------------------------------------------------------------------- */

/* "table.column" or "schema.table.column". */
static bool split(struct str text, struct column_label *c)
{
    struct str parts[3];
    size_t n = 0, from = 0;
    for (size_t i = 0; i <= text.n; i++) {
        if (i < text.n && text.p[i] != '.')
            continue;
        if (n == ARRAY_LEN(parts) || i == from)
            return false;
        parts[n++] = str_from(text.p + from, i - from);
        from = i + 1;
    }
    if (n < 2)
        return false;
    c->schema = n == 3 ? parts[0] : (struct str){NULL, 0};
    c->table = parts[n - 2];
    c->column = parts[n - 1];
    return true;
}

static bool columns_add(struct loader *l, struct str label, const struct text_list *texts, struct resource *r,
                        struct column_label *list)
{
    for (size_t i = 0; i < texts->n; i++) {
        struct column_label c = {.label = label};
        if (!split(texts->list[i], &c)) {
            problem_error(l->problems, yaml_place(texts->nodes[i]),
                          STR("write table.column, schema.table.column or table.*"), "`%.*s` is no column",
                          STR_FMT(texts->list[i]));
            return false;
        }
        list[r->n_column_labels++] = c;
    }
    return true;
}

void column_labels_read(struct loader *l, const struct yaml_node *v, struct resource *r)
{
    if (v == NULL || !field_is_mapping(l, v, "a mapping from labels to columns"))
        return;
    if (v->n > LIMIT_COLUMN_LABELS) {
        problem_error(l->problems, yaml_place(v), STR(""), "more than %d labels of columns", LIMIT_COLUMN_LABELS);
        return;
    }
    size_t most = 0;
    for (const struct yaml_node *i = v->first; i != NULL; i = i->next)
        most += i->kind == YAML_SEQUENCE ? i->n : 1;
    struct column_label *list = arena_new_array(l->arena, most, struct column_label);
    if (list == NULL) {
        l->out_of_memory = true;
        return;
    }
    r->column_labels = list;
    for (const struct yaml_node *i = v->first; i != NULL; i = i->next) {
        struct text_list texts = {NULL, NULL, 0};
        field_texts(l, i, &texts);
        if (!columns_add(l, i->key->text, &texts, r, list))
            return;
    }
}

/* --- Asking --------------------------------------------------------------------------------------- */

static bool has_name(const struct sql_names *names, struct str name)
{
    for (size_t i = 0; i < names->n; i++)
        if (str_eq(names->v[i], name))
            return true;
    return false;
}

/* Facts spell a table as the statement does; without a schema it may be the one that is meant. */
static bool mentions_table(const struct sql_facts *f, const struct column_label *c)
{
    if (!has_name(&f->table_names, c->table))
        return false;
    for (size_t i = 0; i < f->tables.n && c->schema.n != 0; i++) {
        struct str t = f->tables.v[i];
        if (str_eq(t, c->table) || (t.n == c->schema.n + 1 + c->table.n && str_starts(t, c->schema) &&
                                    t.p[c->schema.n] == '.' && str_ends(t, c->table)))
            return true;
    }
    return c->schema.n == 0;
}

static bool reads_column(const struct sql_facts *f, const struct column_label *c)
{
    if (str_is(c->column, "*"))
        return f->columns.n != 0 || f->whole_rows;
    return f->whole_rows || has_name(&f->columns, c->column);
}

size_t column_labels_of(const struct resource *r, const struct sql_facts *f, enum column_label_use use,
                        struct str *out)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_column_labels; i++) {
        const struct column_label *c = &r->column_labels[i];
        if (n != 0 && str_eq(out[n - 1], c->label)) /* those of one label stand together */
            continue;
        if (mentions_table(f, c) && (use == LABELS_TOUCHED || reads_column(f, c)))
            out[n++] = c->label;
    }
    return n;
}
