/*
 * The sections of a configuration, as read from YAML: each may stand in several files, in order.
 * Names are checked within a section; what refers from one to another is checked by who compiles.
 */
#pragma once

#include "base/limits.h"
#include "base/clock.h"
#include "model/decision.h"
#include "model/duty.h"
#include "model/people.h"
#include "model/ticket.h"
#include "model/glass.h"
#include "model/people.h"
#include "policy/fields.h"

/* The nodes of one section, one a file. */
struct section {
    const struct yaml_node *parts[LIMIT_CONFIG_FILES];
    size_t n;
};

/* --- resources: ------------------------------------------------------------------------------- */

/* False where something was wrong; *ret has what could be read. */
struct resource_list {
    const struct resource *list;
    const struct yaml_node *const *nodes; /* where each stands */
    size_t n;
};
bool resources_read(struct loader *l, const struct section *s, struct resource_list *ret);

/* --- people: and disabled: ---------------------------------------------------------------------------------- */

bool people_read(struct loader *l, const struct section *s, const struct section *disabled,
                 struct people *ret);

/* --- groups: ------------------------------------------------------------------------------------ */

/* After people_read. Schedules are among `files`. Names the groups in people->duty_groups. */
struct config_file;
bool groups_read(struct loader *l, const struct section *s, const struct config_file *files,
                 size_t n_files, struct people *people, struct duty_groups *ret);

/* --- ticket: ------------------------------------------------------------------------------------ */

bool ticket_read(struct loader *l, const struct section *s, struct ticket_rule *ret);

/* --- oidc: ------------------------------------------------------------------------------------ */

field_reader oidc_read; /* struct oidc_config (policy/config.h) */

/* --- macros: ---------------------------------------------------------------------------------- */

struct macro_source {
    struct str name;
    const struct yaml_node *text;
};
struct macro_sources {
    const struct macro_source *list;
    size_t n;
};
bool macros_read(struct loader *l, const struct section *s, struct macro_sources *ret);

/* --- guardrails: and defaults: ---------------------------------------------------------------- */

/* One requirement: an entry of `approvals:` and the entries behind it that widen it after a wait. */
struct approval_source {
    const struct yaml_node *at;
    struct text_list from; /* names, and expressions that yield names (from_is_expression) */
    const int64_t *after_ns; /* the wait of each, rising from 0 */
    uint32_t count, stage;
};

struct approvals_source {
    const struct yaml_node *at; /* NULL: not said */
    const struct approval_source *list;
    size_t n;
};

/* Whether a text under `from` is a CEL expression: it begins with a fact's name space, or has a
 * character that an expression needs and a name here does not have. */
bool from_is_expression(struct str text);

struct test_source {
    const struct yaml_node *at;
    const struct yaml_node *sql_node;
    const struct yaml_node *policy; /* what changed, of an `on: policy`; NULL: it is about `sql` */
    struct str sql, command;    /* the text of the action */
    struct str as, resource;
    const struct yaml_node *as_node, *resource_node;
    const struct yaml_node *facts; /* mapping: fact → value; NULL: none */
    uint32_t expect;               /* enum verdict */
    const struct yaml_node *expect_message;
};

/* `wait:` */
enum wait_source { WAIT_UNSAID, WAIT_HOLD, WAIT_RETURN };

/* Who has to state what. */
struct must_state {
    bool said, reason_of_requester, reason_of_approver; /* said: `reason` stands there */
    bool ticket;
    const struct yaml_node *ticket_at;
};

/* What a held request is given; zero or NULL: not said. */
struct hold_source {
    struct approvals_source approvals;
    int64_t decide_within_ns, run_within_ns;
    int on_disconnect; /* enum on_disconnect */
    int wait;          /* enum wait_source */
    const struct yaml_node *hold_at_node; /* NULL: not said */
    int at_commit;
    int64_t commit_within_ns;
    const struct yaml_node *grant_at; /* NULL: not said */
    struct grant_terms grant;
    int signing;       /* enum vote_signing */
    uint32_t rejects;  /* so many end it */
    struct must_state must_state;
};

struct guardrail_source {
    const struct yaml_node *at, *name_node;
    struct str name;
    uint32_t kinds; /* bits 1 << enum action_kind */
    struct text_list resources; /* n 0: all */
    const struct yaml_node *when, *message; /* NULL: not said */
    uint32_t then; /* enum verdict */
    int observe;
    struct hold_source hold;
    const struct test_source *tests;
    size_t n_tests;
};

struct guardrail_sources {
    const struct guardrail_source *list;
    size_t n;
};

bool guardrails_read(struct loader *l, const struct section *s, struct guardrail_sources *ret);
/* `defaults:`, at most one in all files. */
bool defaults_read(struct loader *l, const struct section *s, struct hold_source *ret);

/* --- audit: (audit_section.c) ------------------------------------------------------------------ */

field_reader audit_read_section; /* struct config: audit, audit_directory, audit_what */

/* --- break_glass:, and keys of a hold (grants.c) ------------------------------------------------ */

bool break_glass_read(struct loader *l, const struct section *s, const struct people *all,
                      struct break_glass *ret);
field_reader read_wait;  /* `wait:`: int, enum wait_source */
field_reader read_grant; /* `grant:`: struct hold_source, its grant_at and grant */
