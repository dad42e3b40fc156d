/* What ALTER TABLE does, in words of a fixed list, and whether it writes every row anew. Internal to classify/. */
#pragma once

#include "classify/walk.h"

/* Records what the part of an ALTER TABLE does (sql.alterations), and marks it where it rewrites the table
 * (PostgreSQL manual, ALTER TABLE, Notes). */
void note_alteration(struct walk *w, struct place place, const AlterTableCmd *cmd);

/* The same of ALTER … RENAME of a relation or a column. */
void note_rename(struct walk *w, const RenameStmt *s);
