/*
 * A policy for tests of the gate, in place of the real one: the verdict is the first word of the
 * action's text, and a configuration is a line of words. Linked instead of policy/, so that a test of
 * the gate says nothing about the policy language. FAKE_RESOURCE_TYPE is the type of its one resource.
 *
 *   action text   "allow", "deny", "hold", "keep" (hold, kept on disconnect), "observe" (matches, is
 *                 allowed), "nobody" (hold without approvers), "facts" (allow, or hold where a
 *                 fact could not be obtained), "facts forever" (never content), "invalid" (a verdict
 *                 that is none), "fail" (the evaluation fails); "deny mixed", "hold mixed",
 *                 "unmet mixed" (denied, as no hold could be released): others match, too; "hold until
 *                 stricter" (denied where the configuration says "stricter")
 *   configuration "bad" does not load; "all" records all; "idle" can match nothing; "gone" has no
 *                 resource; every other word only makes it another version
 */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "model/lazy_facts.h"
#include "policy/config.h"
#include "policy/recorded.h"

#include <stdlib.h>

#ifndef FAKE_RESOURCE_TYPE
#define FAKE_RESOURCE_TYPE "fake"
#endif

struct fake_config {
    struct config c;
    int refs;
    char version[80];
    struct resource resource;
    struct person person;
    struct str groups[1];
    bool idle;
};

static int fake_configs; /* alive: a test sees that every reference was given back */

static bool fake_has(struct str text, const char *word)
{
    return str_contains(text, str_of(word));
}

enum err config_from_files(const struct config_file *files, size_t n, struct arena *scratch,
                           struct diagnostics *ret_said, struct config **ret)
{
    struct str text = files[0].text;
    if (n == 0 || fake_has(text, "bad")) {
        struct diagnostic *d = arena_new(scratch, struct diagnostic);
        *d = (struct diagnostic){.severity = SEVERITY_ERROR, .path = STR("test.yaml"), .line = 1,
                                 .message = STR("this is bad")};
        *ret_said = (struct diagnostics){d, 1, 1};
        return ERR_INVALID;
    }
    struct fake_config *f = calloc(1, sizeof(*f));
    f->refs = 1;
    fake_configs++;
    (void)snprintf(f->version, sizeof(f->version), "version-of-%.*s", STR_FMT(text));
    f->c.version = str_of(f->version);
    f->c.vocabulary_name = STR("0123456789abcdef");
    f->c.audit_what = fake_has(text, "all") ? AUDIT_ALL : AUDIT_MATCHED;
    f->c.notice_interval_ns = 20 * NS_PER_MS;
    f->idle = fake_has(text, "idle");
    f->resource = (struct resource){.name = STR("shop"), .type = STR(FAKE_RESOURCE_TYPE),
                                    .client_tls = TLS_DISABLE, .upstream_tls = TLS_DISABLE,
                                    .upstream = {.host = STR("127.0.0.1"), .port = 1},
                                    .default_verdict = VERDICT_ALLOW};
    f->c.resources = &f->resource;
    f->c.n_resources = fake_has(text, "gone") ? 0 : 1;
    f->groups[0] = STR("dba");
    f->person = (struct person){.name = STR("ana"), .groups = f->groups, .n_groups = 1};
    f->c.people = (struct people){.list = &f->person, .n = 1};
    f->c.policy = (const struct policy *)f;
    *ret = &f->c;
    return ERR_OK;
}

struct config *config_ref(struct config *c)
{
    ((struct fake_config *)c)->refs++;
    return c;
}

void config_unref(struct config *c)
{
    struct fake_config *f = (struct fake_config *)c;
    if (f == NULL || --f->refs > 0)
        return;
    fake_configs--;
    free(f);
}

const struct resource *config_resource(const struct config *c, struct str name)
{
    for (size_t i = 0; i < c->n_resources; i++)
        if (str_eq(c->resources[i].name, name))
            return &c->resources[i];
    return NULL;
}

enum err policy_eval_new(struct policy_eval **ret)
{
    *ret = malloc(1);
    return *ret != NULL ? ERR_OK : ERR_NOMEM;
}

void policy_eval_free(struct policy_eval *e)
{
    free(e);
}

bool policy_holds_commits(const struct policy *p)
{
    (void)p;
    return true;
}

bool policy_may_concern(const struct policy *p, enum action_kind kind, const struct resource *r)
{
    (void)kind, (void)r;
    return !((const struct fake_config *)p)->idle;
}

static const struct str fake_from[] = {STR_INIT("dba")};
static const struct requirement fake_reqs[] = {{.from = fake_from, .n_from = 1, .count = 1}};

/* What matches beside "rule", in the order of the file: more than decides. */
static enum err fake_mixed(struct arena *arena, enum verdict v, struct decision *ret)
{
    struct matched_guardrail *m = arena_new_array(arena, 6, struct matched_guardrail);
    if (m == NULL)
        return ERR_NOMEM;
    m[0] = (struct matched_guardrail){.name = STR("allows"), .then = VERDICT_ALLOW};
    m[1] = (struct matched_guardrail){.name = STR("fails"), .then = VERDICT_ALLOW, .failed = true,
                                      .message = STR("fails could not be evaluated")};
    m[2] = (struct matched_guardrail){.name = STR("holds"), .then = VERDICT_HOLD, .message = STR("held by holds")};
    m[3] = (struct matched_guardrail){.name = STR("watches"), .then = v, .observe = true};
    m[4] = (struct matched_guardrail){.name = STR("rule"), .then = v};
    m[5] = (struct matched_guardrail){.name = STR("second"), .then = v};
    for (size_t i = 0; i < 6; i++)
        if (m[i].message.n == 0)
            m[i].message = STR("this matters");
    ret->matched = m;
    ret->n_matched = 6;
    return ERR_OK;
}

enum err policy_decide(const struct policy *p, struct policy_eval *e, const struct action *a,
                       struct policy_run **run, struct arena *arena, struct decision *ret)
{
    (void)e, (void)run;
    struct str t = a->text;
    bool stricter = fake_has(str_of(((const struct fake_config *)p)->version), "stricter");
    struct matched_guardrail *m = arena_new(arena, struct matched_guardrail);
    *ret = (struct decision){.verdict = VERDICT_ALLOW, .matched = m, .n_matched = 1};
    *m = (struct matched_guardrail){.name = STR("rule"), .then = VERDICT_HOLD,
                                    .message = STR("this matters")};
    if (str_starts(t, STR("fail")))
        return ERR_NOMEM;
    if (str_starts(t, STR("allow"))) {
        ret->n_matched = 0;
    } else if (str_starts(t, STR("observe"))) {
        m->observe = true;
    } else if (str_is(t, "facts forever") || (str_is(t, "facts") && lazy_settled(a->lazy) == 0)) {
        ret->needs_facts = LAZY_BIT(LAZY_ESTIMATED_ROWS);
    } else if (str_is(t, "facts") && a->lazy->known != 0) {
        ret->n_matched = 0;
    } else if (str_starts(t, STR("deny")) || (stricter && str_is(t, "hold until stricter"))) {
        m->then = ret->verdict = VERDICT_DENY;
    } else if (str_starts(t, STR("invalid"))) {
        ret->verdict = (enum verdict)1;
    } else {
        ret->verdict = VERDICT_HOLD;
        ret->quorum = (struct quorum){.reqs = fake_reqs,
                                      .n_reqs = str_starts(t, STR("nobody")) ? 0 : 1};
        ret->decide_within_ns = 60 * NS_PER_S;
        if (str_starts(t, STR("hold briefly")))
            ret->decide_within_ns = 10 * NS_PER_MS;
        ret->run_within_ns = 60 * NS_PER_S;
        ret->on_disconnect =
            str_starts(t, STR("keep")) ? ON_DISCONNECT_KEEP : ON_DISCONNECT_WITHDRAW;
    }
    if (str_starts(t, STR("unmet")))
        ret->verdict = VERDICT_DENY;
    if (str_ends(t, STR(" mixed")))
        return fake_mixed(arena, str_starts(t, STR("deny")) ? VERDICT_DENY : VERDICT_HOLD, ret);
    return ERR_OK;
}

enum err policy_explain_json(const struct policy *p, struct policy_eval *e, const struct action *a,
                             struct policy_explain_options o, struct arena *arena, struct json *out)
{
    (void)p, (void)e, (void)a, (void)o, (void)arena;
    json_object_begin(out);
    json_put_z(out, "verdict", "hold");
    json_object_end(out);
    return ERR_OK;
}

enum err policy_facts_json(const struct policy *p, struct policy_eval *e, const struct action *a,
                           struct json *out)
{
    (void)p, (void)e;
    json_object_begin(out);
    json_put_z(out, "action.kind", action_kind_text(a->kind));
    json_object_end(out);
    return json_end(out);
}

enum err diagnostic_text(struct buf *out, const struct diagnostic *d)
{
    return buf_printf(out, "%.*s:%u: error: %.*s\n", STR_FMT(d->path), d->line, STR_FMT(d->message));
}
