/*
 * Labels of columns: what a resource's `column_labels` says of its tables, and which of them a statement concerns.
 *
 *   column_labels:
 *     pii: [customers.email, hr.people.ssn, patients.*]
 *
 * A column without a schema is meant in every schema. A statement reads a labelled column when it mentions the table and
 * the column's name, or the table and whole rows (sql.whole_rows); so it can be said to read one that it does not, never
 * the other way round.
 */
#pragma once

#include "model/resource.h"
#include "model/sql_facts.h"
#include "policy/fields.h"

/* The mapping under `column_labels` into r; what is wrong with it is reported. NULL is none. */
void column_labels_read(struct loader *l, const struct yaml_node *v, struct resource *r);

enum column_label_use {
    LABELS_READ = 1, /* of columns whose values it reads */
    LABELS_TOUCHED,  /* of any column of a table it mentions */
};

/* The labels, each once, in the order of the configuration; views as long as the resource. out has
 * LIMIT_COLUMN_LABELS places. Returns how many. */
size_t column_labels_of(const struct resource *r, const struct sql_facts *f, enum column_label_use use,
                        struct str *out);
