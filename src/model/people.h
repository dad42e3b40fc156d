/*
 * The people of the configuration, as values: who exists, in which groups, which accounts are
 * theirs. Names are compared byte for byte. Owned by the configuration it came from.
 */
#pragma once

#include "base/str.h"

struct person {
    struct str name;
    const struct str *groups;
    size_t n_groups;
    const struct str *accounts; /* accounts on resources that act as this person; its own name always does */
    size_t n_accounts;
    const struct str *os_users; /* users of this machine the local socket takes for this person; default: its own name */
    size_t n_os_users;
    const struct str *ssh_keys; /* public keys that sign this person's votes: "ssh-ed25519 AAAA…" */
    size_t n_ssh_keys;
    bool admin;                 /* may see everything, issue tokens, add and disable people */
    bool auditor;               /* may see everything */
    bool disabled;              /* may do nothing: no vote, no token, no session */
    bool is_local;              /* written in `people_file:`, which the gateway itself changes */
    bool disabled_locally;      /* disabled there */
};

/* That a person is on duty for a group whose members change with time (a schedule, a webhook). */
struct duty {
    struct str person, group;
};

/* `from` is away and `to` may decide in their place. One that was revoked is in no list. */
struct delegation {
    struct str from, to;
    bool active; /* its time is now; one whose time is over still carries the votes it gave */
};

/* The people, and what holds of them at this moment. The lists of the moment may be empty. */
struct people {
    const struct person *list;
    size_t n;
    const struct str *duty_groups; /* groups whose members change with time */
    size_t n_duty_groups;
    const struct duty *duties;     /* who is in them now */
    size_t n_duties;
    const struct delegation *delegations;
    size_t n_delegations;
};

/* NULL where nobody has that name. */
const struct person *people_find(const struct people *all, struct str name);
const struct person *people_by_account(const struct people *all, struct str account);
const struct person *people_by_os_user(const struct people *all, struct str os_user);

/* True where `who` names the person or one of the person's groups, whatever the time. */
bool person_is_or_belongs(const struct person *p, struct str who);

/* True where the person is on duty for the group now. */
bool people_on_duty(const struct people *all, struct str person, struct str group);
/* True for a group whose members change with time. */
bool people_is_duty_group(const struct people *all, struct str group);
