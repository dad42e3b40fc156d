/*
 * One thing about to happen, as its source saw it. An action is a view: it lives as long as the
 * source keeps the bytes it was decoded from, which for a held one is until release or refusal.
 *
 * What policy asks is in `sql` (and its siblings for other kinds) and `context`. What people are
 * shown, and what the digest covers, is the envelope (model/envelope.h) that the source writes
 * only when somebody needs it: an allowed action never pays for it.
 */
#pragma once

#include "model/resource.h"
#include "model/subject.h"

struct sql_facts;  /* model/sql_facts.h */
struct lazy_facts; /* model/lazy_facts.h */
struct policy_change; /* model/policy_change.h */

enum action_kind { ACTION_SQL = 1, ACTION_COMMAND, ACTION_TOOL, ACTION_HTTP, ACTION_DEPLOY, ACTION_POLICY };

/* "sql", "command", "tool", "http", "deploy", "policy": the word after `on:` in a guardrail. */
const char *action_kind_text(enum action_kind k);
MUST_USE enum err action_kind_parse(struct str s, enum action_kind *ret);

struct session_context {
    struct str id;          /* the gateway's name for the session, for the log */
    struct str address;     /* where the client is, as in subject.address */
    struct str application; /* what the client calls itself (application_name, user agent) */
    struct str database;
    struct str login;       /* the account it logged in with */
    struct str role;        /* the role in force, empty where unknown */
    bool in_transaction;
    bool tls;
    struct str reason;      /* stated by the requester, empty where none */
    struct str ticket;
};

struct action {
    enum action_kind kind;
    struct str operation; /* "query", "execute", "function_call", … : the protocol's own word */
    struct str text;      /* the statement or command line as it was sent */
    const struct sql_facts *sql; /* for ACTION_SQL, else NULL */
    const struct policy_change *policy; /* for ACTION_POLICY, else NULL */
    const struct subject *subject;
    const struct resource *resource;
    const struct session_context *context;
    int64_t time_wall_ns;
    bool can_commit_later; /* it can run now and be undone as a whole: what is held may be its COMMIT */
    const struct lazy_facts *lazy; /* what was obtained so far; NULL: nothing was asked for */
};
