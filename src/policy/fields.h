/*
 * Reading YAML into C: each reader takes a node, reports what is wrong with it and leaves the target
 * as it was in that case. A mapping is read by a table of keys, so that unknown and double keys are
 * found in one place.
 */
#pragma once

#include "policy/yaml.h"

/* What is being loaded. `arena` is the configuration's and goes with it. */
struct loader {
    struct arena *arena;
    struct problems *problems;
    struct str folder; /* of the main file, with the slash; empty where it has none */
    struct str people_file; /* the file that the gateway itself changes; empty: none */
    bool out_of_memory;
};

typedef void field_reader(struct loader *l, const struct yaml_node *v, void *target);

struct field {
    const char *name;
    field_reader *read;
    size_t offset; /* of what it reads into, within the target of the whole mapping */
    bool required;
};

/* False where `v` is no mapping, a required key is missing or a key is unknown or double. `what` names
 * it in messages ("a guardrail"). */
bool fields_read(struct loader *l, const struct yaml_node *v, const char *what,
                 const struct field *fields, size_t n, void *target);

/* Strings: views into the tree. */
struct text_list {
    const struct str *list;
    const struct yaml_node **nodes; /* where each stands */
    size_t n;
};

field_reader field_node;      /* const struct yaml_node *: for a later look */
field_reader field_text;      /* struct str, not empty */
field_reader field_name;      /* struct str: letters, digits, `.`, `_`, `-` */
field_reader field_person;    /* struct str: a person or group: also `@`, `+` and others, no space */
field_reader field_path;      /* struct str, joined with the folder of the main file */
field_reader field_texts;     /* struct text_list: one or a list */
field_reader field_bool;      /* bool */
field_reader field_count;     /* uint32_t */
field_reader field_duration;  /* int64_t, ns, above zero */
field_reader field_verdict;   /* enum verdict as uint32_t */

/* A word of a fixed list. */
struct word {
    const char *text;
    int value;
};
/* False (and a diagnostic with the nearest word) where it is none of them; else *ret is its value. */
bool field_word(struct loader *l, const struct yaml_node *v, const struct word *words, size_t n,
                int *ret);

/* Whether `v` is a scalar; else says that `want` was expected. */
bool field_is_scalar(struct loader *l, const struct yaml_node *v, const char *want);
bool field_is_sequence(struct loader *l, const struct yaml_node *v, const char *want);
bool field_is_mapping(struct loader *l, const struct yaml_node *v, const char *want);

/* Whether the text can be a person's or group's name; a guardrail's or resource's name. */
bool name_is_of_person(struct str s);
bool name_is_plain(struct str s);

/* `path` as it stands in `file`, joined with the file's folder unless absolute. ERR_NOMEM. */
MUST_USE enum err path_join(struct arena *a, struct str folder, struct str path, struct str *ret);

/* The folder of a path with its slash, or empty. */
struct str path_folder(struct str path);
