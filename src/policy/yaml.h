/*
 * A YAML file as a tree whose every node knows its place. YAML 1.2 by libfyaml, narrowed to what a
 * configuration needs: one document, scalar keys, no tags, no merge keys; anchors and aliases within
 * a bound. Types are the reader's business: a scalar is its text.
 */
#pragma once

#include "policy/config.h"
#include "policy/problems.h"

enum yaml_kind { YAML_NULL = 1, YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
    enum yaml_kind kind;
    bool plain;            /* a scalar without quotes, not a block */
    struct str text;       /* of a scalar */
    size_t start, end;     /* byte offsets of a scalar's text as written */
    uint32_t line, column; /* from 1 */
    const struct config_file *file;
    const struct yaml_node *key;   /* of a mapping's value: its key */
    const struct yaml_node *first; /* children: elements, or values with their keys */
    const struct yaml_node *next;
    size_t n;                      /* how many children */
};

/* ERR_INVALID: `problems` says why. The tree is in `a`; its texts may view the file's. An empty file
 * is YAML_NULL. */
MUST_USE enum err yaml_parse(const struct config_file *file, struct arena *a,
                             struct problems *problems, const struct yaml_node **ret);

/* The place of a node: a scalar's whole first line, of others the first character. */
struct place yaml_place(const struct yaml_node *n);

/* The place of `length` bytes at `offset` of a scalar's text: also in quoted, folded and block
 * scalars, where the text is not what stands in the file. */
struct place yaml_place_in(const struct yaml_node *n, size_t offset, size_t length);

/* The value of a key of a mapping, or NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key);
