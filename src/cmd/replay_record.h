/* One recorded action as replay needs it. */
#pragma once

#include "audit/reader.h"
#include "base/json_read.h"
#include "policy/recorded.h"

struct replay_record {
    struct policy_recorded paper;
    enum verdict was;
    struct json_part guardrails; /* [{"name":…},…]: what matched then; or missing */
    struct json_part approvals;  /* of a request that was opened; or missing */
    bool has_facts, erased;
    struct str vocabulary;      /* its name; empty: nothing was left out */
    struct str subject, person, on_behalf_of, resource;
};

/* ERR_NOT_FOUND: the entry is not about an action that was judged; ERR_INVALID: it is not as records of
 * its kind are; ERR_NOMEM. */
MUST_USE enum err replay_record_read(const struct audit_entry *e, struct arena *a,
                                     struct replay_record *ret);
