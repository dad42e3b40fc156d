/*
 * What the configuration in force says of one that is to take its place: its guardrails with
 * `on: policy` judge it (docs/policy-language.md). Nothing is put in force here.
 */
#pragma once

#include "broker/broker.h"
#include "policy/config.h"

enum policy_gate {
    POLICY_GATE_SHUT = 1,            /* denied, or it could not be asked: the old one stays */
    POLICY_GATE_WAITS,               /* for people: the old one stays until they have approved */
    POLICY_GATE_OPEN = 0x2f6b19d4,   /* put it in force */
};

/* Who asks: the person of a command, or who sent SIGHUP. */
struct policy_asker {
    struct str person; /* canonical name; empty: the operator, as nobody known */
};

struct policy_gate_answer {
    enum policy_gate gate;
    uint64_t request; /* OPEN: where not 0, broker_policy_done must follow. WAITS: which */
    char text[1024];  /* SHUT, WAITS: for people */
};

/* Never an error: what cannot be judged is SHUT. */
void policy_gate_ask(struct broker *b, const struct config *from, const struct config *to,
                     const struct policy_asker *by, struct moment now, struct policy_gate_answer *ret);
