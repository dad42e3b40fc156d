#include "cmd/policy_gate.h"

#include "base/limits.h"
#include "model/envelope.h"
#include "policy/change.h"

#include <stdio.h>

/* What one asking needs; everything is gone when it is answered. */
struct asking_policy {
    struct broker *broker;
    const struct config *from, *to;
    struct arena arena;
    struct buf action, envelope, explanation;
    struct policy_change change;
    struct subject subject;
    struct session_context context;
    struct action asked;
    struct decision decision;
};

#define SAY(ret, ...) (void)snprintf((ret)->text, sizeof((ret)->text), __VA_ARGS__)

static void subject_set(struct asking_policy *x, const struct policy_asker *by)
{
    const struct person *p = people_find(&x->from->people, by->person);
    x->subject = (struct subject){.name = STR("operator"), .kind = STR("operator"), .address = STR("local")};
    if (p == NULL)
        return;
    x->subject.name = x->subject.person = p->name;
    x->subject.kind = STR("user");
    x->subject.groups = p->groups;
    x->subject.n_groups = p->n_groups;
}

static enum err decide(struct asking_policy *x, struct moment now)
{
    struct policy_run *run = NULL;
    struct policy_eval *eval;
    x->context = (struct session_context){.id = STR("policy"), .address = STR("local")};
    x->asked = (struct action){.kind = ACTION_POLICY,
                               .operation = STR("reload"),
                               .policy = &x->change,
                               .subject = &x->subject,
                               .resource = &policy_resource,
                               .context = &x->context,
                               .time_wall_ns = now.wall_ns};
    TRY(policy_eval_new(&eval));
    enum err e = policy_decide(x->from->policy, eval, &x->asked, &run, &x->arena, &x->decision);
    if (e == ERR_OK && x->decision.verdict == VERDICT_HOLD) {
        struct policy_explain_options o = {.all = false, .facts = false};
        struct json j;
        json_init(&j, &x->explanation);
        e = policy_explain_json(x->from->policy, eval, &x->asked, o, &x->arena, &j);
    }
    policy_eval_free(eval);
    return e;
}

/* The names of those that hold it, and what the first says to people. */
static enum err names_of(struct asking_policy *x, struct str *ret_names, struct str *ret_message)
{
    struct buf names CLEANUP(buf_done) = {0};
    struct str message = {NULL, 0};
    buf_init(&names, LIMIT_LINK_MESSAGE);
    for (size_t i = 0; i < x->decision.n_matched; i++) {
        const struct matched_guardrail *m = &x->decision.matched[i];
        if (m->observe || (m->then == VERDICT_ALLOW && !m->failed))
            continue;
        TRY(buf_put_str(&names, buf_len(&names) != 0 ? STR(", ") : STR("")));
        TRY(buf_put_str(&names, m->name));
        if (message.n == 0)
            message = m->message;
    }
    *ret_message = message;
    return arena_str(&x->arena, buf_view(&names), ret_names);
}

static enum err submit(struct asking_policy *x, struct moment now, struct policy_gate_answer *ret)
{
    const struct decision *d = &x->decision;
    struct broker_policy_asked asked;
    struct broker_error said = {""};
    struct link_submit s = {.subject = x->subject.name,
                            .person = x->subject.person,
                            .resource = policy_resource.name,
                            .context = STR("{\"address\":\"local\"}"),
                            .policy_version = x->from->version,
                            .quorum = d->quorum,
                            .decide_within_ns = d->decide_within_ns,
                            .run_within_ns = d->run_within_ns,
                            .signed_votes = d->signing != VOTES_MAY_BE_SIGNED};
    TRY(policy_change_json(x->from, x->to, &x->change, &x->action));
    TRY(envelope_write(&x->envelope, &x->asked, buf_view(&x->action), &s.digest));
    TRY(names_of(x, &s.guardrails, &s.message));
    s.envelope = buf_view(&x->envelope);
    s.explanation = buf_view(&x->explanation);
    enum err e = broker_policy_ask(x->broker, &s, now, &x->arena, &asked, &said);
    if (e != ERR_OK) {
        SAY(ret, "the change needs approval, which cannot be asked for: %s", said.text);
        return ERR_OK;
    }
    ret->request = asked.request;
    ret->gate = asked.runs ? POLICY_GATE_OPEN : POLICY_GATE_WAITS;
    SAY(ret, "the change waits as request %llu for %.*s: `countersign show %llu`",
        (unsigned long long)asked.request, STR_FMT(asked.missing), (unsigned long long)asked.request);
    return ERR_OK;
}

static enum err judge(struct asking_policy *x, struct moment now, struct policy_gate_answer *ret)
{
    struct str names, message;
    TRY(policy_change_of(x->from, x->to, &x->arena, &x->change));
    if (x->change.changed.n == 0) {
        ret->gate = POLICY_GATE_OPEN; /* other bytes that say the same */
        return ERR_OK;
    }
    TRY(decide(x, now));
    switch (x->decision.verdict) {
    case VERDICT_ALLOW:
        ret->gate = POLICY_GATE_OPEN;
        return ERR_OK;
    case VERDICT_HOLD:
        return submit(x, now, ret);
    case VERDICT_DENY:
        break;
    }
    TRY(names_of(x, &names, &message));
    SAY(ret, "the policy in force denies the change (%.*s): %.*s", STR_FMT(names), STR_FMT(message));
    return ERR_OK;
}

void policy_gate_ask(struct broker *b, const struct config *from, const struct config *to,
                     const struct policy_asker *by, struct moment now, struct policy_gate_answer *ret)
{
    struct asking_policy x = {.broker = b, .from = from, .to = to};
    *ret = (struct policy_gate_answer){.gate = POLICY_GATE_SHUT};
    if (!policy_judges_changes(from->policy) || str_eq(from->version, to->version)) {
        ret->gate = POLICY_GATE_OPEN;
        return;
    }
    arena_init(&x.arena, 4 * LIMIT_CONFIG_ARENA);
    buf_init(&x.action, 2 * LIMIT_ENVELOPE);
    buf_init(&x.envelope, 2 * LIMIT_ENVELOPE);
    buf_init(&x.explanation, LIMIT_LINK_MESSAGE);
    subject_set(&x, by);
    enum err e = judge(&x, now, ret);
    if (e != ERR_OK) {
        *ret = (struct policy_gate_answer){.gate = POLICY_GATE_SHUT};
        SAY(ret, "the change needs approval, and %s",
            e == ERR_LIMIT ? "its difference is too long to be shown: make it in several steps" : err_text(e));
    }
    buf_done(&x.action);
    buf_done(&x.envelope);
    buf_done(&x.explanation);
    arena_done(&x.arena);
}
