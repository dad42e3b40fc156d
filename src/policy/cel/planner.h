/* The inside of the planner, shared by plan.c (nodes), plan_call.c (calls, fusing) and program.c. */
#pragma once

#include "policy/cel/plan.h"

enum {
    FOLDING_COST = 10000,     /* a constant that costs more is computed when it is needed */
    ORDERED_OPERANDS = 1000,  /* more operands keep their order: the sort is quadratic */
    SCANNED_STRINGS = 8,      /* `in` over more strings hashes */
    SET_LIMIT = 4096,         /* a longer constant list is scanned: building its set is quadratic */
};

struct planner {
    struct compilation *c;
    struct cel_program *program;
    uint32_t count;
    unsigned depth;
    bool in_macro;
    uint32_t macro_offset; /* where the outermost macro is named */
    enum err err;          /* why a function returned NULL */
};

struct plan_list {
    const struct plan **items;
    uint32_t count, room;
};

bool plan_list_add(struct planner *pl, struct plan_list *l, const struct plan *p);

struct plan *plan_new(struct planner *pl, struct node *n, test_fn *test, eval_fn *eval);
bool plan_args(struct planner *pl, struct plan *p, struct node *const *args, uint32_t n);
const struct plan *plan_fold(struct planner *pl, struct plan *p);
const struct plan *plan_node(struct planner *pl, struct node *n);
const struct plan *plan_call(struct planner *pl, struct node *n);

/* The operands of the root as a conjunction, in the order written. */
bool plan_conjuncts(struct planner *pl, struct node *root, struct plan_list *ret);
struct plan *plan_operands(struct planner *pl, struct node *n, bool is_and,
                           const struct plan_list *operands);
