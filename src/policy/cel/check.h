/* The inside of the checker, shared by check.c (expressions) and resolve.c (names). */
#pragma once

#include "policy/cel/ast.h"
#include "policy/cel/func.h"
#include "policy/cel/infer.h"

struct scope {
    struct local *local;
    const struct scope *outer;
};

struct checker {
    struct compilation *c;
    struct inference in;
    unsigned depth;
    bool unchecked;
};

enum { LONGEST_PATH = 256 };

/*
 * Resolves an IDENT or a chain of SELECTs as one name: variable, macro or type. True: n->ref and
 * n->type are set. The root of the chain must not be a local variable.
 */
bool cel_resolve_name(struct checker *k, struct node *n, const struct scope *scope);

/* The function a CALL names, with or without a namespace; NULL: none (n->namespaced is set). */
const struct function *cel_resolve_function(struct checker *k, struct node *n,
                                        const struct scope *scope);

/* Diagnoses a name that resolved to nothing. */
void cel_report_unknown_name(struct checker *k, const struct node *n);
void cel_report_unknown_function(struct checker *k, const struct node *n);
void cel_report_unknown_field(struct checker *k, const struct node *n, const struct cel_type *record);

/* Whether the chain is a prefix of declared names, as `sql` is of sql.writes. */
bool cel_is_namespace(struct checker *k, const struct node *n, const struct scope *scope);

const struct local *cel_find_local(const struct scope *scope, struct str name);

/* Checks a macro's text if that has not happened; NULL: it failed. */
struct macro *cel_checked_macro(struct checker *k, struct macro *m, const struct node *at);

/* A type in words, in the arena. */
struct str cel_type_words(struct checker *k, const struct cel_type *t);
