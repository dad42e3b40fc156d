/*
 * What the upstream's catalogue says of the names in a statement: views, policies, defaults, checks, triggers, rules,
 * functions, types, operators. Asked for lazily, in the session's own context, and remembered.
 *
 *   judged text ── all names known ──────────────────────────────► facts, gone on with (classify/expand.h)
 *        │  └───── nothing known of some, and the server is free ─► a question; the message waits and is looked at again
 *        └──────── cannot be asked, or no answer ────────────────► SQL_D_CATALOG in the facts
 *
 * One memory for each worker and resource. Its key is what a name's meaning depends on: database, user as the server
 * knows it, effective search_path, and the name. It is dropped as a whole
 *   - when a statement that may change the catalogue is sent, and again when its transaction has ended, here and at
 *     every other worker;
 *   - after LIMIT_PG_CATALOG_AGE_MS, for changes that went around the gateway;
 *   - when it is full.
 * A session that has temporary objects, or has changed the catalogue itself, has a memory of its own: what it sees
 * under a name may be nobody else's.
 *
 * A change by somebody else between the answer and the run is not seen: the server takes no lock for a question.
 */
#pragma once

#include "source/pg/session.h"

struct pg_catalog;

MUST_USE enum err pg_catalog_new(struct pg_catalog **ret);
void pg_catalog_free(struct pg_catalog *c); /* NULL is fine */
void pg_catalog_forget(struct pg_catalog *c);

enum pg_settled { PG_SETTLED = 1, PG_SETTLE_WAITS, PG_SETTLE_ANSWERS, PG_SETTLE_BROKEN };

/*
 * s->judged.text becomes the facts with what the catalogue says. PG_SETTLED: they are all there is. PG_SETTLE_WAITS: a
 * question is on its way and the message of that length waits for it (BLOCK_ASKS). PG_SETTLE_ANSWERS: what is on the
 * wire must be answered first. PG_SETTLE_BROKEN: *ret_err.
 */
enum pg_settled pg_catalog_settle(struct source_session *s, size_t message_len, enum err *ret_err);

/* A statement with these facts is sent. approved: people let it pass, knowing that it cannot be known. */
void pg_catalog_sent(struct source_session *s, const struct sql_facts *f, bool approved);
/* The server is outside a transaction. */
void pg_catalog_idle(struct source_session *s);
/* Settings that decide what names mean have changed, or may have. */
void pg_catalog_moved(struct source_session *s);
