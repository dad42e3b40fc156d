/*
 * A statement's text with its facts: shared by the sessions that send it and the prepared
 * statements that keep it. Counted; immutable. Facts depend on the text and on the settings it was
 * read under, so both are the key of the cache.
 */
#pragma once

#include "classify/sql.h"

struct pg_text {
    uint32_t refs;
    struct str text;
    const struct sql_facts *facts;
};

/* A bounded cache for one worker (least recently used goes first). */
struct pg_texts;
MUST_USE enum err pg_texts_new(struct pg_texts **ret);
void pg_texts_free(struct pg_texts *c); /* texts that are still referenced live on */

/* *ret is a reference of the caller's. ERR_NOMEM | ERR_LIMIT: the action must be refused. */
MUST_USE enum err pg_text_get(struct pg_texts *c, struct str text, const struct sql_settings *s,
                              struct pg_text **ret);
/* Outside the cache: facts are copied. */
MUST_USE enum err pg_text_new(struct str text, const struct sql_facts *facts, struct pg_text **ret);

struct pg_text *pg_text_ref(struct pg_text *t);
void pg_text_unref(struct pg_text *t); /* NULL is fine */
