/* What requesters and approvers must state: `reason`, `ticket`. */
#pragma once

#include "policy/sections.h"

field_reader field_reason; /* struct must_state: its reasons */
field_reader field_ticket; /* struct must_state: its ticket */
