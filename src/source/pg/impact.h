/*
 * What running the held statement would do, found out while it waits and told to those who decide (docs/impact.md):
 * information beside the envelope, never a reason for a hold to be late or lost.
 *
 *   pg_impact_begin --> (isolation) --> (plan, unless the verdict needed it) --> relations --> gate.impact
 *
 * Each step that fails leaves out what it would have brought, with the reason; where nothing can be asked, what the
 * text alone gives is told at once. When the hold ends first, nothing is told.
 */
#pragma once

#include "source/pg/estimate.h"

/* s->hold has just begun, and s->judged is its action. */
void pg_impact_begin(struct source_session *s);
/* Again, now that the server has answered what was on the wire; nothing where that was not waited for. */
void pg_impact_resume(struct source_session *s);
/* The hold is over. */
void pg_impact_end(struct source_session *s);
