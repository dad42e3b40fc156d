/* Whose turn it is: stages and waits of a quorum. Inside approval/ only. */
#pragma once

#include "approval/voters.h"

/* Whom to ask now. Never takes back what was asked. True where that is more than before; ret_n_later
 * is written in any case. */
bool turns_advance(const struct hearing *h, int64_t now_mono_ns,
                   uint32_t ret_n_later[static LIMIT_REQUIREMENTS]);
