/* The slow evaluator, with a place to watch from. */
#pragma once

#include "policy/cel/plan.h"

struct walker {
    struct cel_eval *e;
    /* Called with every node's value, children first; may be NULL. */
    void (*seen)(struct walker *w, const struct node *n, struct cel_value v);
    void *ctx;
};

struct cel_value cel_walk_program(struct walker *w, const struct node *root);
