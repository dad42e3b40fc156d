/*
 * What running a request would do, as an approver reads it: information beside the action, with the time it was
 * taken, never part of what is approved (docs/impact.md). Names in it are somebody else's: through model/display.h.
 */
#pragma once

#include "cmd/page.h"

/* The statement laid out over lines, where that differs from how it was sent; nothing else. */
void show_layout(struct page *p, const json_t *request);
/* All the rest, under a heading. Nothing where `request` is from a gateway that knows no impact. */
void show_impact(struct page *p, const json_t *request);
