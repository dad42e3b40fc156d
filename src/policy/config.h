/*
 * The configuration: everything countersign.yaml and the files it includes say, checked as a whole.
 * A configuration with one error is none: who runs on an older one keeps it.
 *
 *   struct diagnostics said;
 *   struct config *c;
 *   enum err e = config_load(&source, &scratch, &said, &c);   ERR_INVALID: `said` tells why
 *   ... c->resources, c->people, c->policy ...
 *   config_unref(c);
 *
 * Loading does no I/O of its own: files come through a callback (or a list, see config_from_files),
 * and paths are joined as text. Every key is described in docs/policy-language.md.
 *
 * A loaded configuration never changes. The count of references is not atomic: a configuration
 * belongs to one thread; each worker process loads its own from the same bytes.
 */
#pragma once

#include "model/audit_settings.h"
#include "model/duty.h"
#include "model/people.h"
#include "model/glass.h"
#include "model/resource.h"
#include "model/ticket.h"
#include "policy/diagnostic.h"
#include "policy/policy.h"

enum audit_what { AUDIT_MATCHED = 1, AUDIT_ALL };

struct config_file {
    struct str path, text;
};

/* `oidc:`, an OpenID Connect provider that says who people are. */
struct oidc_config {
    struct str issuer; /* URL; empty: there is none */
    struct str client_id;
    enum secret_kind secret_kind; /* SECRET_NONE: a public client */
    struct str secret;            /* a file, a variable of the environment */
    struct str ca_file;           /* PEM; empty: the system's */
    struct str scopes;            /* with a space between */
    struct str name_claim;        /* which claim is the person's name or an account of theirs */
    struct str groups_claim;      /* empty: groups are those of the configuration */
    const struct str *groups;     /* which of them are taken */
    size_t n_groups;
    bool add_people;              /* who is unknown is added to the people_file */
    int64_t token_life_ns;
};

struct config {
    /* Settings. File names are relative to the main file's folder already joined with it. */
    bool has_api;
    struct address api;        /* HTTP API and page; has_api false: on the local socket only */
    struct str api_url;        /* how people reach it ("https://…"), empty: not said */
    struct str socket;         /* the local socket, empty: the caller's default (cmd/) */
    struct str store;          /* the file of `sqlite:PATH` */
    struct str audit_directory;
    struct audit_settings audit; /* with the directory again */
    enum audit_what audit_what;
    uint32_t workers;          /* 0: one per core */
    struct oidc_config oidc;
    struct str people_file;    /* of people that the gateway adds and disables; empty: none */
    struct str user;           /* whom workers run as when started as root; empty: "nobody" */
    int64_t notice_interval_ns;
    uint32_t open_requests; /* that one subject may have at a time */
    struct break_glass break_glass;

    const struct resource *resources;
    size_t n_resources;
    struct people people;
    struct ticket_rule ticket;
    struct duty_groups duty;   /* groups whose members change with time */

    const struct policy *policy;
    struct str version; /* the policy version: lower-case hex over all files in order */
    struct str vocabulary, vocabulary_name; /* of its policy (policy/recorded.h) */

    const struct config_file *files; /* the main file first, then what it includes, in order */
    size_t n_files;
};

/* Where files come from. */
struct config_source {
    struct str path; /* of the main file */
    void *ctx;
    /* Appends the text of the file (at most LIMIT_CONFIG_FILE) to `out`. ERR_NOT_FOUND, ERR_IO,
     * ERR_LIMIT are reported at the place that names the file. */
    enum err (*read)(void *ctx, struct str path, struct buf *out);
    /* How policy tests get the facts of a statement; NULL: the tests are checked but not run. */
    const struct policy_test_facts *test_facts;
};

/*
 * ERR_OK: *ret is the caller's reference; `ret_said` may hold warnings. ERR_INVALID: ret_said holds
 * at least one error. ret_said is written in both cases and lives in `scratch` (cap it at
 * LIMIT_CONFIG_ARENA). ERR_NOMEM.
 */
MUST_USE enum err config_load(const struct config_source *source, struct arena *scratch,
                              struct diagnostics *ret_said, struct config **ret);

/* The same over files that were already read, files[0] the main one: what a worker does with what
 * the broker sent it. An included file that is not in the list is an error. */
MUST_USE enum err config_from_files(const struct config_file *files, size_t n,
                                    struct arena *scratch, struct diagnostics *ret_said,
                                    struct config **ret);

struct config *config_ref(struct config *c);
void config_unref(struct config *c); /* NULL is allowed */

/* NULL where none has that name. */
const struct resource *config_resource(const struct config *c, struct str name);
