/*
 * One message of the server, between the pump that cuts the stream into messages and the handlers that
 * follow it. Internal to source/pg.
 */
#pragma once

#include "source/pg/session.h"

enum pass {
    PASS_ON = 1,
    PASS_SWALLOW,  /* not for the client; to_client may hold something in its place */
    PASS_DIVERGED, /* it answers nothing that was asked: the session ends */
    PASS_CLOSED,   /* the session ended */
};

/* body.p == NULL: longer than LIMIT_PG_INSPECTED, passes unread. */
typedef enum pass handler(struct source_session *s, struct str body);

struct rule {
    handler *fn;  /* NULL: the message is out of place */
    bool inspect; /* needs the whole body */
};

/* Reported settings; at any time. */
enum pass pg_on_parameter_status(struct source_session *s, struct str body);
/* wall.c: the server has reported default_transaction_read_only; the client is told what it asked for itself. */
enum pass pg_wall_reported(struct source_session *s, struct str value);
/* The transaction status of a ReadyForQuery. */
void pg_note_status(struct source_session *s, char status);

/* Something failed: the server ignores everything up to the client's next Sync, and so does the gateway. */
void pg_skip_to_sync(struct source_session *s);

/* --- gateway_login.c -------------------------------------------------------------------------- */

enum pass pg_login_on_authentication(struct source_session *s, struct str body);
enum pass pg_login_on_error(struct source_session *s, struct str body);
enum pass pg_login_on_notice(struct source_session *s, struct str body);

/* --- login.c ---------------------------------------------------------------------------------- */

enum pass pg_on_authentication(struct source_session *s, struct str body);
enum pass pg_on_key(struct source_session *s, struct str body);
enum pass pg_on_first_ready(struct source_session *s, struct str body);
