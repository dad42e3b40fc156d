/*
 * The inside of a policy: guardrails as programs over the slots of one schema, and the index that
 * picks those worth evaluating. Built by compile.c, read by decide.c, explain.c and tests.c.
 */
#pragma once

#include "policy/cel/cel.h"
#include "policy/compile.h"

/* --- Facts: what each slot of the schema is filled from (facts.c) -------------------------------- */

enum fact_source {
    FACT_ACTION = 1,
    FACT_SUBJECT,
    FACT_RESOURCE,
    FACT_CONTEXT,
    FACT_SQL,
    FACT_LAZY,  /* offset: the number of the fact */
    FACT_LABEL, /* resource.labels.X; offset: the number of the label in facts.labels */
    FACT_LABELS, /* all labels of the resource as a map */
    FACT_POLICY, /* of a change of the configuration */
    FACT_COLUMNS /* labels of the resource's columns that the SQL concerns */
};

enum fact_type {
    FACT_TEXT = 1,
    FACT_BOOL,
    FACT_INT,
    FACT_ENUM, /* an int-sized enum, as a number */
    FACT_KIND, /* enum action_kind, as its word */
    FACT_IP,   /* the host of an address in text */
    FACT_TIME, /* ns since 1970, as a timestamp */
    FACT_GROUPS,
    FACT_NAMES, /* struct sql_names */
    FACT_CLASSES,
    FACT_TRAITS,
    FACT_DYNAMIC,
    FACT_COLUMN_LABELS, /* offset: enum column_label_use */
};

struct fact {
    enum fact_source source;
    enum fact_type type;
    size_t offset; /* within what the source is */
};

struct facts {
    struct cel_schema *schema;
    const struct fact *list; /* by slot */
    uint32_t n;
    const struct str *labels; /* keys that conditions mention, each with a slot of its own */
    size_t n_labels;
};

/* Lists of words are built from bits into here. */
enum { FACT_WORDS = 64 };

struct fact_space {
    struct str words[FACT_WORDS];
    struct str read[LIMIT_COLUMN_LABELS], touched[LIMIT_COLUMN_LABELS];
    struct arena *arena;
};

/* Declares all facts; `texts` are searched for the labels they mention. */
MUST_USE enum err facts_declare(struct loader *l, const struct policy_parts *parts,
                                const struct yaml_node *const *texts, size_t n, struct facts *ret);

/* The value of slot i for the action; CEL_UNSET where the action has no such fact. `labels` is the map
 * of the resource's labels. */
struct cel_value facts_value(const struct facts *f, uint32_t i, const struct action *a,
                             const struct cel_map *labels, struct fact_space *space);

/* The resource's labels as a map, in `a`. */
MUST_USE enum err facts_labels(struct arena *a, const struct resource *r, struct cel_map *ret);

struct compiler;
struct policy;

/* --- Messages (message.c) ----------------------------------------------------------------------- */

struct message_part {
    struct str text;             /* literal, where expression is NULL */
    struct cel_program *program;
};

struct message {
    const struct message_part *parts;
    size_t n;
};

/* Compiles "… {expression} …"; `{{` and `}}` are braces. Problems go to the loader. */
MUST_USE enum err message_compile(struct compiler *c, const struct yaml_node *v,
                                  struct message *ret);
void message_free(struct message *m);

/* --- Guardrails ---------------------------------------------------------------------------------- */

#define NO_SHARE UINT32_MAX

struct conjunct {
    uint32_t number;  /* within the program */
    uint32_t share;   /* place in the memory of outcomes; NO_SHARE where no other is equal */
    uint32_t slot;    /* where indexed */
    bool indexed;     /* the index has already judged it, unless the slot's value is unusual */
    bool of_resource; /* judged once per resource */
};

/* --- Who approves (approvers.c) -------------------------------------------------------------- */

/* One text under `from`: a name, or an expression that yields some. */
struct from_name {
    struct str text;
    struct cel_program *program; /* NULL: a name */
};

/* A set of people that may give an approval, once per distinct `from:` with its waits and stage. */
struct from_set {
    const struct from_name *names;
    const int64_t *after_ns;
    size_t n;
    uint32_t stage;
    bool computed;                /* some are expressions */
    struct requirement as_it_is;  /* without a count, where none is */
};

struct need {
    uint32_t from; /* number of the set in policy.froms */
    uint32_t count;
};

/* One need per distinct set: two entries with the same set ask for the sum. */
MUST_USE enum err needs_compile(struct compiler *c, const struct approvals_source *s,
                                const struct need **ret, size_t *ret_n);
/* Every scalar under `from` that holds an expression, appended to `list` (room is the caller's). */
size_t from_expressions(const struct approvals_source *s, const struct yaml_node **list);
void from_sets_free(struct policy *p);

/* The set as a requirement for an action whose slots are filled. What an expression fails to yield
 * stands in it as a text that is nobody's name, so that such a quorum is met by the others or not
 * at all, and says why. */
struct policy_eval;
MUST_USE enum err from_set_resolve(const struct from_set *f, struct policy_eval *e,
                                   struct arena *arena, struct requirement *ret);

struct guardrail {
    struct str name;
    uint32_t kinds;
    enum verdict then;
    bool observe;
    const uint32_t *resources; /* numbers; n_resources 0: all */
    size_t n_resources;
    struct cel_program *when;  /* NULL: always */
    struct conjunct *conjuncts;
    size_t n_conjuncts;
    struct message message;
    struct str default_message;
    const struct need *needs; /* one per distinct set */
    size_t n_needs;
    uint32_t rejects;
    struct must_state must_state;
    int64_t decide_within_ns, run_within_ns;
    enum on_disconnect on_disconnect;
    bool wait_return;
    bool at_commit;
    int64_t commit_within_ns;
    struct grant_terms grant;
    enum vote_signing signing;
    const struct guardrail_source *source;
    const struct policy_case *tests; /* source->n_tests of them */
};

/* --- Index (index.c) ----------------------------------------------------------------------------- */

struct index_row {
    const struct cel_value *value;
    uint64_t *bits;
};

/* One slot that conditions compare with constants: for each constant the guardrails it leaves. */
struct index_slot {
    uint32_t slot;
    enum cel_kind kind;     /* BOOL, INT, STRING, or LIST of strings: a row for each element */
    struct index_row *rows; /* open addressing, mask + 1 places; for a bool: [false], [true] */
    size_t mask;
    uint64_t *other;        /* for every other value; of a list: whatever its elements */
};

struct index {
    size_t words;               /* of a set of guardrails */
    const struct index_slot *slots;
    size_t n_slots;
    uint64_t *base; /* per resource and kind: what could concern it at all */
};

enum { ACTION_KINDS = ACTION_POLICY + 1 };

/* --- Policy -------------------------------------------------------------------------------------- */

struct policy {
    const struct policy_parts *parts;
    struct facts facts;
    const struct cel_map *labels; /* per resource */
    struct guardrail *guardrails;
    size_t n;
    struct from_set *froms; /* the distinct sets */
    size_t n_froms;
    const struct need *default_needs;
    size_t n_default_needs;
    uint32_t default_rejects;
    struct must_state default_must_state;
    struct cel_regex *ticket_form; /* of the whole ticket; NULL: any text */
    int64_t default_decide_ns, default_run_ns;
    enum on_disconnect default_on_disconnect;
    bool default_wait_return;
    enum vote_signing default_signing;
    uint32_t n_shares;
    struct index index;
    const uint32_t *reads; /* slots that some program reads beyond those of the index */
    size_t n_reads;
};

/* Fills p->index and marks the conjuncts it judges. */
MUST_USE enum err index_build(struct arena *a, struct policy *p);

/* Whether the guardrail could match such an action on the resource, by what never changes. `number` is
 * that of the resource in the configuration, or n_resources for one that is not from there. */
bool guardrail_concerns(const struct policy *p, const struct guardrail *g, enum action_kind kind,
                        const struct resource *r, const struct cel_map *labels);

/* Narrows `set` by the index with the slots' values; `room` is as large and holds nothing. *ret_unusual:
 * some slot held no plain value, so that indexed conjuncts must be evaluated after all. False: a slot has
 * left nothing. */
bool index_narrow(const struct policy *p, const struct cel_value *slots, uint64_t *set, uint64_t *room,
                  bool *ret_unusual);

/* --- Evaluation (decide.c) ----------------------------------------------------------------------- */

struct fact_override {
    uint32_t slot;
    struct cel_value value;
};

/* One entry of `tests:`, its names resolved. */
struct policy_case {
    const struct test_source *source;
    const struct resource *resource;
    struct subject subject;
    const struct fact_override *overrides;
    size_t n_overrides;
};

/* Resolves the tests of a guardrail; problems go to the loader. */
MUST_USE enum err cases_compile(struct compiler *c, struct guardrail *g);

struct hit {
    uint32_t guardrail;
    enum cel_outcome outcome;
    uint64_t unknown;
    struct str why; /* of an error */
};

struct policy_eval {
    struct arena arena;      /* of one guardrail's evaluation */
    struct arena fact_arena; /* of values that are built for the action */
    struct cel_eval cel;
    struct fact_space space;
    struct buf text; /* a message being rendered: LIMIT_MESSAGE_ROOM */
    struct cel_value *slots;
    uint64_t *set, *set_room;
    struct hit *hits;
    uint8_t *outcomes;     /* of shared conjuncts … */
    uint64_t *masks;       /* … their unknowns … */
    uint32_t *generations; /* … where this equals generation */
    uint32_t generation;
    size_t room_slots, room_words, room_hits, room_shares;
    const struct fact_override *overrides; /* of policy tests */
    size_t n_overrides;
};

/* Makes room for the policy and fills every slot. `all`: also slots that no condition reads. */
MUST_USE enum err policy_eval_fill(const struct policy *p, struct policy_eval *e,
                                   const struct action *a, bool all);

/* Evaluates one guardrail's condition on the filled slots, every conjunct of it. */
enum cel_outcome guardrail_test(struct policy_eval *e, const struct guardrail *g, bool all,
                                struct hit *ret);

/* Renders the message of the guardrail, or its default one. Never empty. */
MUST_USE enum err guardrail_message(const struct guardrail *g, struct policy_eval *e,
                                    const struct hit *h, struct arena *arena, struct str *ret);
