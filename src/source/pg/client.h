/*
 * One message of the client, between the pump that cuts the stream into messages and the handlers
 * that understand them. Internal to source/pg.
 */
#pragma once

#include "source/pg/session.h"

enum step {
    STEP_DEFER = 1, /* understood; goes with the next that is sent */
    STEP_SEND,      /* it and everything deferred */
    STEP_DROP,      /* this message only; nothing is deferred */
    STEP_WAIT,      /* stays where it is; s->block says why */
    STEP_REFUSE,    /* it and everything deferred go; s->refusal is the answer */
    STEP_LAST,      /* it alone goes; what is deferred is dropped, and nothing follows */
    STEP_MORE,      /* not all of it is here */
    STEP_STOP,      /* the session ended */
};

/* One message. */
struct message {
    char type;
    size_t len; /* with type and length */
    struct str body;
    struct buf *report; /* for STEP_REFUSE */
    bool bind_refused;  /* STEP_REFUSE: a deferred Bind, on whose behalf nothing was asked */
};

/* Whether a message of that type and length may come now: STEP_SEND, or STEP_STOP (the session was
 * ended with the reason). */
enum step pg_client_header(struct source_session *s, unsigned char type, uint32_t length);
/* Understands and judges one whole message (of CopyData: as much as is there). */
enum step pg_client_message(struct source_session *s, struct message *m);
