/*
 * The Common Expression Language: compile once against a schema, evaluate many times.
 *
 *   struct cel_schema *schema;              declare the facts            (schema.h)
 *   struct cel_program *program;            cel_compile: text → program, or diagnostics
 *   struct cel_eval e;                      one per thread: slots, arena, cost budget
 *   enum cel_outcome o = cel_test(program, &e);
 *
 * Language: all of CEL's specification but protocol-buffer messages and enums, with the extension
 * libraries strings, math, encoders, bindings, block, lists, sets, network, regex, optionals and
 * two-variable comprehensions. Reference for authors: docs/policy-language.md.
 *
 * Nothing here does I/O, reads a clock or keeps global state. A program is immutable and may be used
 * by several threads, each with its own struct cel_eval.
 */
#pragma once

#include "policy/cel/schema.h"

/* --- Diagnostics ------------------------------------------------------------------------------ */

enum cel_level { CEL_LEVEL_ERROR, CEL_LEVEL_WARNING };

struct cel_diagnostic {
    enum cel_level level;
    const char *code; /* a fixed word: "syntax", "unknown-name", "type", "overload", "limit", … */
    struct str message;
    struct str hint; /* e.g. "did you mean `tables_written`?"; may be empty */
    struct str source; /* the text it is about: the expression, or that of a macro */
    struct str macro;  /* the macro's name where `source` is one; else empty */
    uint32_t offset, length;  /* bytes within `source` */
    uint32_t line, column;    /* from 1; the column counts characters */
};

/* At most LIMIT_CEL_DIAGNOSTICS; all memory is the arena's that was given to cel_compile. */
struct cel_diagnostics {
    const struct cel_diagnostic *items;
    size_t count;
};

/*
 * Appends the message, the line of source and a caret line under the place:
 *   1:9: unknown member `tables_writen` of `sql`; did you mean `tables_written`?
 *     | sql.tables_writen.size() > 0
 *     | ....^
 */
MUST_USE enum err cel_diagnostic_text(struct buf *out, const struct cel_diagnostic *d);

/* --- Compiling -------------------------------------------------------------------------------- */

/* A named sub-expression (`macros:` of a guardrail file): a reference to it means its value. */
struct cel_macro {
    struct str name; /* a dotted path or a plain name; must not be a variable's */
    struct str text;
};

struct cel_options {
    struct str container;           /* namespace for name resolution, e.g. "com.example"; may be empty */
    const struct cel_type *result;  /* the demanded type (&CEL_TYPE_BOOL for a condition), NULL: any */
    const struct cel_macro *macros; /* every one may use the others; a cycle is an error */
    size_t macro_count;
    bool unchecked; /* skip type checking: names and overloads resolve at run time */
    bool lint;      /* add warnings, e.g. an unanchored `matches` */
};

struct cel_program;

/*
 * Compiles `text`. `a` holds the program, its constants and the diagnostics; it must outlive them.
 * The schema and the options' texts must outlive the program.
 * ERR_OK: *ret_program, freed with cel_program_free; *ret_diagnostics may hold warnings.
 * ERR_INVALID: *ret_diagnostics says why (it is written in both cases). ERR_NOMEM: `a` is full.
 */
MUST_USE enum err cel_compile(struct arena *a, const struct cel_schema *schema, struct str text,
                              const struct cel_options *options,
                              struct cel_diagnostics *ret_diagnostics,
                              struct cel_program **ret_program);

/* Releases what is not in the arena (compiled patterns). NULL is allowed. */
void cel_program_free(struct cel_program *p);

const struct cel_type *cel_program_type(const struct cel_program *p);
struct str cel_program_text(const struct cel_program *p);
/* The bits of the lazy facts that the program may read. */
uint64_t cel_program_lazy(const struct cel_program *p);
/* Whether the program may read this slot. */
bool cel_program_reads(const struct cel_program *p, uint32_t slot);
/* The worst case of its cost where no loop is over data of unknown size; UINT64_MAX otherwise. */
uint64_t cel_program_max_cost(const struct cel_program *p);

/* --- Evaluating ------------------------------------------------------------------------------- */

/* Never "yes" by zero: a forgotten outcome is an error. */
enum cel_outcome { CEL_OUTCOME_ERROR = 0, CEL_OUTCOME_UNKNOWN, CEL_OUTCOME_FALSE, CEL_OUTCOME_TRUE };

const char *cel_outcome_name(enum cel_outcome o); /* "error" "unknown" "false" "true" */

struct cel_regex_cache;

/*
 * The context of evaluations. The caller sets slots, arena and cost_limit and may reuse the rest;
 * results live in `arena` until the caller resets it. In a steady state (arena reset, not freed)
 * an evaluation takes no memory from the system.
 */
struct cel_eval {
    const struct cel_value *slots; /* cel_schema_slots() of them */
    struct arena *arena;           /* capped: LIMIT_EVAL_ARENA */
    uint64_t cost_limit;           /* LIMIT_CEL_COST */
    struct cel_regex_cache *regexes; /* for computed patterns; NULL: compiled at each use */

    uint64_t cost;                 /* out: what the last evaluation has cost */
    uint64_t unknown;              /* out: the mask, where the outcome is CEL_OUTCOME_UNKNOWN */
    const struct cel_error *error; /* out: where the outcome is CEL_OUTCOME_ERROR */

    /* Private to an evaluation. */
    const struct cel_program *program;
    struct cel_value *locals, few_locals[8];
};

/* Patterns that are computed at run time, compiled once each; at most LIMIT_CEL_REGEX_CACHE. */
MUST_USE enum err cel_regex_cache_new(struct cel_regex_cache **ret);
void cel_regex_cache_free(struct cel_regex_cache *c);

/*
 * Evaluates a condition. A result that is no bool is an error. An unknown means: fill the slots of
 * the lazy facts in e->unknown (with a value, cel_absent() or an error) and evaluate again.
 */
enum cel_outcome cel_test(const struct cel_program *p, struct cel_eval *e);

/* Evaluates to any value; errors and unknowns are values too (CEL_ERROR_VALUE, CEL_UNKNOWN_VALUE). */
struct cel_value cel_evaluate(const struct cel_program *p, struct cel_eval *e);

/* The same by the slow evaluator, which walks the syntax tree: the oracle of the tests. */
struct cel_value cel_evaluate_slow(const struct cel_program *p, struct cel_eval *e);

/* For host functions: an error value in e->arena. */
struct cel_value cel_fail(struct cel_eval *e, enum cel_error_code code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* --- Conjuncts: for an index over many conditions ----------------------------------------------- */

/*
 * The program as `c1 && c2 && …` (macros expanded, nested && flattened); one conjunct where the
 * program is no conjunction. If any one is false, so is the whole.
 */
struct cel_conjunct {
    struct str canonical; /* two conjuncts with equal text mean the same over the same schema */
    bool indexable;       /* `slot == constant`, `slot in [constants]`, or a bool slot / its negation;
                           * of a list `constant in slot` and what means the same with exists */
    bool of_element;      /* … of a list */
    uint32_t slot;
    const struct cel_value *values; /* true exactly where the slot (an element) equals one of these */
    uint32_t value_count;
    uint64_t lazy; /* lazy facts it may read */
};

const struct cel_conjunct *cel_program_conjuncts(const struct cel_program *p, size_t *ret_count);

/*
 * Evaluates conjunct i alone, so that a set of programs evaluates equal ones once. Combine as &&
 * does: false if any is false; else unknown (masks ORed) if any is; else error if any is.
 * e->cost counts on from what it was.
 */
enum cel_outcome cel_test_conjunct(const struct cel_program *p, size_t i, struct cel_eval *e);

/* --- Explanation ------------------------------------------------------------------------------ */

struct cel_operand {
    struct str text; /* as written in the source */
    struct cel_value value;
};

/* One sub-expression that decided, e.g. `sql.estimated_rows > 1000` with sql.estimated_rows = 4711. */
struct cel_reason {
    struct str text;   /* as written in the source */
    struct str macro;  /* the macro it stands in; empty for the expression itself */
    uint32_t offset, length;
    struct cel_value result;
    const struct cel_operand *operands;
    size_t operand_count;
};

struct cel_explanation {
    enum cel_outcome outcome;
    const struct cel_error *error; /* CEL_OUTCOME_ERROR */
    uint64_t unknown;              /* CEL_OUTCOME_UNKNOWN */
    const struct cel_reason *reasons;
    size_t reason_count;
};

/*
 * Evaluates again, slowly, with the slots of `e`, and finds the fewest sub-expressions that fix the
 * outcome: one false operand of &&, every true one, the chosen branch of ?:, the element that
 * settled a macro. All memory is from e->arena.
 */
MUST_USE enum err cel_explain(const struct cel_program *p, struct cel_eval *e,
                              struct cel_explanation *ret);

/* One line per reason: `sql.estimated_rows > 1000` is true (sql.estimated_rows = 4711). */
MUST_USE enum err cel_explanation_text(struct buf *out, const struct cel_explanation *x);
void cel_explanation_json(struct json *j, const struct cel_explanation *x);
