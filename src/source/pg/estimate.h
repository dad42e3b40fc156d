/*
 * `sql.estimated_rows` and `sql.estimated_cost` of the action that a session is about to judge: asked of the server
 * where the gate says that they can change the verdict, and only then.
 *
 *   (the gate needs facts) --> pg_estimate_ask --WAITING--> the message is looked at again, and judged with the answer
 *                                             \--HOPELESS--> judged at once: the facts are unknown
 *
 * Unknown is what could not be asked, was not answered in time, or is no plan. The gate lets it hold.
 */
#pragma once

#include "model/lazy_facts.h"
#include "source/pg/explain.h"

enum pg_estimate_answer {
    PG_ESTIMATE_WAITING = 1, /* asked; the session is blocked (BLOCK_ASKS) until the answer */
    PG_ESTIMATE_LATER,       /* it can be asked once what is on the wire has been answered */
    PG_ESTIMATE_SETTLED,     /* *ret_facts says what is known, or why nothing is */
};

/*
 * The estimate for s->judged. message_len: of the message at in[scanned] that waits, 0 for a Bind that is judged on
 * another's behalf. An answer that came for the same action before is taken: *ret_facts views it until the next call,
 * pg_estimate_drop or the end of the session.
 */
enum pg_estimate_answer pg_estimate_ask(struct source_session *s, size_t message_len,
                                        const struct lazy_facts **ret_facts);
/* What was asked about s->judged and is known already; NULL where that is nothing. */
const struct lazy_facts *pg_estimate_known(const struct source_session *s);
/* The action has its verdict. */
void pg_estimate_drop(struct source_session *s);

/* What was asked about s->judged goes over to the caller: NULL where nothing was, or no answer is there. */
struct pg_estimate *pg_estimate_take(struct source_session *s);
const struct lazy_facts *pg_estimate_facts(const struct pg_estimate *e);
/* The plans behind them, as long as e lives; what they say is true where the facts are known. */
const struct pg_explained *pg_estimate_plans(const struct pg_estimate *e);
void pg_estimate_free(struct pg_estimate *e); /* NULL is fine */
