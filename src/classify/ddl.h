/* Data definition: words for kinds of objects, DROP, ALTER TABLE. Internal to classify/. */
#pragma once

#include "classify/walk.h"

/* "TABLE", "MATERIALIZED VIEW": as in command tags. */
const char *object_word(ObjectType type);

/* Records the command "VERB WORD"; the two have at most 62 bytes together. */
void collect_command(struct walk *w, const char *verb, const char *word);

/* Records the object "word schema.name", the word in lower case. */
void collect_object(struct walk *w, const char *word, struct str schema, struct str name);

/* The name of what a statement is about; empty where the node is no name. */
void object_name(const void *object, struct str *ret_schema, struct str *ret_name);

void visit_drop(struct walk *w, const void *node, struct place place);
void visit_alter_table(struct walk *w, const void *node, struct place place);
