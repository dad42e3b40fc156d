/*
 * What the server still has to answer: the messages that were forwarded (or written by the gateway
 * itself), in order, each with the effect that its success will have on the session's names.
 *
 *   head ............ unsent ............ tail
 *   |   on the wire   |   deferred: understood, not yet forwarded   |
 *
 * Extended-protocol messages stay deferred until something asks for their output (Execute, Sync,
 * Flush …), so that nothing of a held statement has left when it is held.
 */
#pragma once

#include "source/pg/names.h"

enum pg_entry_type {
    PG_E_PARSE = 1,
    PG_E_BIND,
    PG_E_DESCRIBE_STATEMENT,
    PG_E_DESCRIBE_PORTAL,
    PG_E_CLOSE_STATEMENT,
    PG_E_CLOSE_PORTAL,
    PG_E_EXECUTE,
    PG_E_SYNC,
    PG_E_QUERY,
    PG_E_FUNCTION,
    PG_E_COPY_END,       /* CopyDone or CopyFail: no answer of its own */
    PG_E_REFUSED_PARSE,  /* our own, made to fail in place of a refused Execute */
    PG_E_REFUSED_QUERY,  /* our own, made to fail in place of a refused Query */
    PG_E_OWN,            /* statements of the gateway's own, wall.h: their answers are swallowed */
};

struct pg_entry {
    enum pg_entry_type type;
    bool barrier;   /* nothing may be judged before this one is answered */
    bool described; /* DESCRIBE_STATEMENT: its ParameterDescription came */
    uint16_t part;  /* QUERY: statements answered so far */
    bool synced, restores, own_failed; /* OWN: it ends with a Sync; it is pg_wall_restore's; the server said no */
    uint8_t readies, closes;           /* OWN: ReadyForQuery or CloseComplete still to come; the last ends it */
    struct pg_statement *statement; /* PARSE, DESCRIBE_STATEMENT (may be NULL) */
    struct pg_portal *portal;       /* BIND, EXECUTE (may be NULL) */
    struct sql_cached *text;           /* QUERY, EXECUTE whose named effects matter; else NULL */
    struct str name;                /* CLOSE_*: of `storage` */
    char *storage;                  /* also REFUSED_*: the ErrorResponse to give instead */
    size_t storage_n;
    uint64_t run;                   /* outcome wanted */
    int64_t started_ns;
};

struct pg_ring {
    struct pg_entry *e; /* NULL until first use */
    size_t size;        /* a power of two */
    size_t head, unsent, tail; /* ever growing; taken modulo size */
    size_t barriers;           /* entries with `barrier` */
};

void pg_ring_done(struct pg_ring *r);

static inline size_t pg_ring_count(const struct pg_ring *r)
{
    return r->tail - r->head;
}

/* The i-th from the head. */
struct pg_entry *pg_ring_at(const struct pg_ring *r, size_t i);
static inline struct pg_entry *pg_ring_head(const struct pg_ring *r)
{
    return r->unsent > r->head ? pg_ring_at(r, 0) : NULL; /* only what is on the wire is answered */
}

/* A zeroed entry at the tail. ERR_LIMIT: LIMIT_PG_IN_FLIGHT. */
MUST_USE enum err pg_ring_push(struct pg_ring *r, enum pg_entry_type type, struct pg_entry **ret);
/* The same before what is deferred, behind others of its type there. */
MUST_USE enum err pg_ring_insert(struct pg_ring *r, enum pg_entry_type type, struct pg_entry **ret);
void pg_ring_pop(struct pg_ring *r);
/* Nothing may be judged before e is answered. */
void pg_ring_set_barrier(struct pg_ring *r, struct pg_entry *e);
/* What was deferred is on the wire now. */
void pg_ring_mark_sent(struct pg_ring *r);
/* Of what was deferred, the first is on the wire now. */
void pg_ring_mark_first_sent(struct pg_ring *r);
/* What was deferred will never be sent. */
void pg_ring_drop_unsent(struct pg_ring *r);
/* Drops entry i, wherever it is. */
void pg_ring_remove(struct pg_ring *r, size_t i);
