/*
 * The syntax tree, shared by parser, checker, planner and the slow evaluator. All nodes live in the
 * arena of the compilation. The parser fills the upper part of a node, the checker the lower.
 */
#pragma once

#include "policy/cel/cel.h"

enum node_kind {
    NODE_LITERAL,
    NODE_IDENT,  /* name; `rooted` for a leading dot */
    NODE_SELECT, /* args[0].name; `test` for has(), `optional` for .? */
    NODE_CALL,   /* name(args…); `member`: args[0] is the target. Operators too: "_+_", "_[_]", … */
    NODE_AND,    /* n-ary */
    NODE_OR,
    NODE_COND,   /* args[0] ? args[1] : args[2] */
    NODE_LIST,   /* args; optionals[i] for ?e */
    NODE_MAP,    /* args: key, value, key, value…; optionals[i] of entry i */
    NODE_FOLD,   /* a macro over args[0]: variables, body args[1], filter args[2] or NULL */
    NODE_BIND,   /* variable[0] = args[0] in args[1]; evaluated at first use, once */
    NODE_OPT_MAP, /* args[0].optMap(variable[0], args[1]); `optional`: optFlatMap */
};

enum fold_kind {
    FOLD_ALL,
    FOLD_EXISTS,
    FOLD_EXISTS_ONE,
    FOLD_MAP,       /* a list: map, filter, transformList */
    FOLD_MAP_VALUE, /* transformMap */
    FOLD_MAP_ENTRY, /* transformMapEntry */
};

enum ref_kind {
    REF_NONE,
    REF_SLOT,  /* variable */
    REF_LOCAL, /* local: a variable of a FOLD, BIND or OPT_MAP */
    REF_TYPE,  /* literal: the type's value */
    REF_MACRO, /* macro */
    REF_UNDECLARED, /* unchecked only */
};

struct macro;
struct plan;
struct overload;
struct function;

/* A variable that an expression itself introduces. */
struct local {
    struct str name; /* empty: none */
    const struct cel_type *type;
    uint32_t place; /* the planner's: index into cel_eval.locals */
    const struct plan *value; /* the planner's: of a BIND, evaluated at first use */
};

struct node {
    enum node_kind kind;
    uint32_t offset, end; /* span in the source; offset of the operator or member for messages: at */
    uint32_t at;
    struct str name;
    struct node **args;
    uint32_t arg_count;
    bool rooted, test, optional, member, two_variables;
    enum fold_kind fold;
    const bool *optionals; /* NULL: none is */
    struct local *locals;  /* FOLD (2), BIND (1), OPT_MAP (1) */
    struct cel_value literal;

    const struct cel_type *type;
    enum ref_kind ref;
    const struct cel_variable *variable;
    struct local *local;
    struct macro *macro;
    const struct function *function; /* of a CALL: all overloads of the name */
    const struct overload *overload; /* the only one that fits; NULL: decide at run time */
    bool namespaced;                 /* args[0] was part of the function's name: skip it */
};

/* The arguments of a CALL without a namespace that was written as its target. */
static inline struct node *const *call_args(const struct node *n, uint32_t *ret_count)
{
    uint32_t skip = n->namespaced ? 1 : 0;
    *ret_count = n->arg_count - skip;
    return n->args + skip;
}

/* --- Compilation: what parser and checker share -------------------------------------------------- */

struct macro {
    struct str name, text;
    struct node *root; /* NULL until first used */
    bool busy, failed; /* busy: being checked; a reference to it now is a cycle */
};

struct compilation {
    struct arena *arena;
    const struct cel_schema *schema;
    const struct cel_options *options;
    struct macro *macros;
    struct cel_diagnostic *diagnostics; /* LIMIT_CEL_DIAGNOSTICS of them */
    size_t diagnostic_count, error_count;
    bool no_memory;
    struct str source, macro_name; /* what is being compiled now */
    uint32_t nodes;                /* made so far, of LIMIT_CEL_NODES */
};

/* Records a diagnostic about [offset, end) of the current source. */
void cel_diagnose(struct compilation *c, enum cel_level level, const char *code, uint32_t offset,
              uint32_t end, struct str hint, const char *fmt, ...) PRINTF_LIKE(7, 8);

#define NO_HINT ((struct str){NULL, 0})

/* A zeroed node; NULL (and a diagnostic) at a limit. */
struct node *cel_node_new(struct compilation *c, enum node_kind kind, uint32_t offset, uint32_t end);

/* Parses c->source. NULL where there was an error, which is recorded. */
struct node *cel_parse(struct compilation *c);

/* Expands `call` in place where it is a macro of the language. False: an error, recorded. */
bool cel_expand_macro(struct compilation *c, struct node *call);

/* Calls `visit` with the name of every macro of the language, without the `cel.` that some have before it. */
void cel_macro_names(void (*visit)(void *ctx, struct str name), void *ctx);

/* Resolves names, deduces types. False: an error, recorded. */
bool cel_check(struct compilation *c, struct node *root);

/* The node as text that is equal for equal meanings: macros expanded, names resolved. */
MUST_USE enum err cel_node_text(struct buf *out, const struct node *n);
