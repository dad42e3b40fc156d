/* Reading `approvals:` and what else is said about a decision. */
#pragma once

#include "policy/sections.h"

field_reader field_approvals; /* struct approvals_source */
field_reader field_rejects;   /* uint32_t, 1 to LIMIT_APPROVALS */
