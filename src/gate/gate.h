/*
 * The gate: the conductor in a worker. It asks policy about every action that a source submits,
 * holds what people must decide, speaks with the broker over the link, and releases or refuses.
 * Read the head of gate.c first.
 *
 * One gate a worker process, on its loop. The worker gives it the link's socket and opens sources
 * through its ports; everything else passes between sources, gate and broker.
 */
#pragma once

#include "net/loop.h"
#include "policy/config.h"
#include "source/source.h"

struct gate;

/* What the gate tells its worker. None is called from inside a call into the gate, but from the
 * loop; each may call into the gate. */
struct gate_host {
    /* A configuration is in force. The first one: open the resources. Later ones: tell the sources
     * (policy_changed); what they took from the last one is valid until this returns. */
    void (*configured)(void *ctx, struct config *c, bool first);
    /* Bytes from a source of this type on another worker. */
    void (*peer_bytes)(void *ctx, struct str source_type, struct str bytes);
    /* Finish what is open, take nothing new. */
    void (*shut_down)(void *ctx);
};

struct gate_options {
    uint32_t worker;         /* index, said in HELLO */
    int64_t link_grace_ms;   /* how long holds wait for a lost broker; LIMIT_LINK_GRACE_MS */
    int64_t link_answer_ms;  /* how long one waits for an answer of a broker that is there;
                              * LIMIT_LINK_ANSWER_MS */
    const struct gate_host *host;
    void *ctx;
};

MUST_USE enum err gate_new(struct loop *l, const struct gate_options *o, struct gate **ret);
/* Every source that has a port must be closed before. Sends nothing. NULL is fine. */
void gate_free(struct gate *g);

/* A stream to the broker; fd is the gate's from here, on error too. A second one replaces the first:
 * HELLO names what still waits. */
MUST_USE enum err gate_attach(struct gate *g, int fd);

/* The way into the gate for one resource of the configuration in force (by name; a later
 * configuration may describe it anew). Lives as long as the gate. */
MUST_USE enum err gate_port_new(struct gate *g, const struct source *source,
                                const struct resource *r, const struct gate_port **ret);

/* Since the start. */
struct gate_counts {
    uint64_t allowed, denied, held, released, refused, withdrawn;
    uint64_t records_lost; /* could not be kept while the broker was away */
};
const struct gate_counts *gate_counts(const struct gate *g);

/* Held and not yet released, refused or withdrawn. */
size_t gate_waiting(const struct gate *g);
