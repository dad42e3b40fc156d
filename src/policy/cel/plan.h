/*
 * The executable form of a program: a tree of nodes that carry their own code.
 *
 * Every node has two entries. `eval` gives a value. `test` serves boolean positions and gives a
 * tri-state in a register: no value is built for `a == 'x' && b in [...]`. Common shapes, such as a
 * slot compared with a constant, are one node (fused).
 *
 * An error or an unknown travels in e->error or e->unknown beside TRI_ERROR and TRI_UNKNOWN.
 */
#pragma once

#include "policy/cel/ast.h"
#include "policy/cel/func.h"
#include "policy/cel/regex.h"

enum tri { TRI_FALSE = 0, TRI_TRUE = 1, TRI_ERROR = 2, TRI_UNKNOWN = 3 };

struct plan;

typedef enum tri test_fn(const struct plan *p, struct cel_eval *e);
typedef struct cel_value eval_fn(const struct plan *p, struct cel_eval *e);

struct plan {
    test_fn *test;
    eval_fn *eval;
    uint32_t slot;  /* SLOT and fused nodes; place of a local */
    uint32_t count; /* args */
    struct cel_value constant;
    const struct plan *const *args;
    int8_t lazy_bit;
    bool is_constant, is_negated, is_local; /* is_local: slot is a place among the locals */
    uint32_t offset; /* in the program's text, for errors */
    uint32_t places[2];
    const struct node *node;
    const struct overload *overload;
    const struct function *function;
    const struct cel_regex *regex;
    const struct cel_map *set; /* of `in` over a longer constant list */
    uint64_t cost;             /* the worst case, UINT64_MAX where it is not known */
    uint64_t lazy;             /* lazy facts below */
};

struct regex_link {
    struct cel_regex *regex;
    struct regex_link *next;
};

struct cel_program {
    const struct cel_schema *schema;
    struct str text;
    struct node *root;
    const struct plan *plan;
    const struct cel_type *type;
    uint32_t local_count;
    uint64_t *reads; /* bits by slot */
    struct regex_link *regexes;
    struct cel_conjunct *conjuncts;
    const struct plan **conjunct_plans;
    size_t conjunct_count;
};

/* Plans c's checked tree into `program`. ERR_INVALID: diagnosed; ERR_NOMEM. */
MUST_USE enum err cel_plan_program(struct compilation *c, struct cel_program *program);

/* --- The nodes' code, by file ----------------------------------------------------------------------- */

/* exec_test.c */
test_fn test_constant, test_slot, test_value, test_and, test_or, test_not, test_cond;
test_fn test_slot_equal_string, test_slot_equal, test_slot_in_strings, test_slot_in_set, test_slot_not;
test_fn test_slot_compare_int, test_slot_starts_with, test_slot_ends_with, test_slot_contains;
test_fn test_slot_matches, test_in_set, test_string_in_slot, test_has_slot, test_has, test_compare, test_equal;
eval_fn eval_test;
/* exec.c */
eval_fn eval_constant, eval_slot, eval_local, eval_lazy_local, eval_undeclared, eval_cond;
eval_fn eval_select, eval_optional_slot, eval_call1, eval_call2, eval_call, eval_no_function;
eval_fn eval_list, eval_map, eval_bind, eval_opt_map, eval_or_else, eval_matches;
/* exec_fold.c */
test_fn test_fold;
eval_fn eval_fold;

/* --- Shared with the slow evaluator ------------------------------------------------------------------- */

/* What reading a slot gives that holds no plain value. */
struct cel_value cel_slot_special(struct cel_eval *e, const struct cel_variable *v, struct cel_value value);

static inline bool is_special(struct cel_value v)
{
    return cel_kind_of(v) <= CEL_UNKNOWN_VALUE;
}

static inline bool is_failed(struct cel_value v) /* error or unknown */
{
    return cel_kind_of(v) == CEL_ERROR_VALUE || cel_kind_of(v) == CEL_UNKNOWN_VALUE;
}

/* Strict calls: the unknowns of all arguments together, else the first error; else CEL_UNSET. */
struct cel_value cel_strict_failure(const struct cel_value *args, uint32_t n);

/* Calls the overload that fits the arguments, none of which failed. */
struct cel_value cel_call_overload(struct cel_eval *e, const struct function *f,
                               const struct overload *only, bool member,
                               const struct cel_value *args, uint32_t n);

/* operand.name of a value; an optional operand gives an optional. */
struct cel_value cel_select_member(struct cel_eval *e, struct cel_value operand, struct str name,
                               bool optional);
/* has(operand.name): a bool, or an error where the operand has no members. */
struct cel_value cel_has_member(struct cel_eval *e, struct cel_value operand, struct str name);

/* v with the place where it arose, if it is an error without one. */
struct cel_value cel_at_offset(struct cel_eval *e, struct cel_value v, uint32_t offset);

/* A map value from n entries in the arena. */
struct cel_value cel_make_map(struct cel_eval *e, struct cel_map_entry *entries, size_t n);

/* The body of transformMapEntry into `to`; CEL_UNSET, or the error. */
struct cel_value cel_merge_entries(struct cel_eval *e, struct cel_map_entry **to, size_t *count,
                               size_t *room, struct cel_value from);
