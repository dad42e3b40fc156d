/* What the configuration says of the log, as values. Owned by the configuration it came from. */
#pragma once

#include "base/str.h"

/* Which members of which records are recorded as a digest, their clear text sealed. Every list that is not empty
 * has to hold what the record names. */
struct audit_redaction {
    struct str name; /* letters, digits, - and _ */
    const struct str *resources, *subjects, *guardrails, *kinds;
    size_t n_resources, n_subjects, n_guardrails, n_kinds;
    bool text;       /* the statement itself, and all that quotes it */
    bool parameters; /* the envelope with the parameters, and what explains with their values */
};

struct audit_witness {
    struct str url; /* of its add-checkpoint, without that word */
    struct str key; /* "name+hash+base64", algorithm 4 */
};

struct audit_settings {
    struct str directory;
    int64_t retain_bodies_ns; /* content that stands apart is dropped when it is as old; 0: never */
    struct str origin;       /* empty: made from the host's name with the key */
    struct str vault;        /* file of the sealing keys; empty: DIRECTORY/vault */
    const struct str *signer; /* a command that signs standard input; n_signer 0: the key in DIRECTORY/key */
    size_t n_signer;
    struct str public_key;   /* of the command's key; required with it */
    const struct audit_redaction *redactions;
    size_t n_redactions;
    const struct audit_witness *witnesses;
    size_t n_witnesses;
};
