/* What the commands about one request share. */
#pragma once

#include "cmd/client.h"
#include "cmd/show_text.h"

/* One request, fetched, its digest recomputed from what will be shown. */
struct fetched {
    struct answer answer;
    struct shown_request shown;
};

/* On any other status than EXIT_DONE the reason was said and *ret holds nothing. An answer whose
 * digest does not match its action is refused. */
MUST_USE enum exit_status fetch_request(struct client *c, uint64_t id, struct fetched *ret);
void fetched_done(struct fetched *f);

/* Writes what `show` (show_request, show_summary) gives to standard output, whole or not at all. */
MUST_USE enum exit_status print_request(const struct command *self,
                                        enum err (*show)(struct buf *, const struct shown_request *,
                                                         struct style),
                                        const struct fetched *f);

/* Writes bytes to standard output and flushes: EXIT_REFUSED (said) where it does not take them. */
MUST_USE enum exit_status print_out(const struct command *self, struct str bytes);
