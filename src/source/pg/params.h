/*
 * Bind parameters for people: text as it is, binary of the common types decoded, everything else as
 * hex. Pure. Formats of the binary forms: the send functions of PostgreSQL's src/backend/utils/adt.
 */
#pragma once

#include "base/json.h"
#include "source/pg/wire.h"

/* Appends a JSON array with one object a parameter:
 *   {"type":"int4","value":"42"}  {"type":"text","value":null}  {"type":"oid 600","hex":"0000..."}
 * types: what Parse or the server said, 0 or fewer than parameters: unknown, which is left out. */
void pg_params_put(struct json *j, const struct pg_bind *b, const uint32_t *types, uint16_t n_types);
