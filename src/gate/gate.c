/*
 * The gate: what sources call, and the verdict.
 *
 * What it keeps, by the numbers of ARCHITECTURE.md, and where:
 *
 *   1. Nothing of an action reaches the upstream before its verdict exists: a source forwards on
 *      VERDICT_ALLOW from submit, or on release, and on nothing else; release comes only from
 *      CLAIMED, which the broker sends when the approval is on disk (life.c, on_claimed).
 *   2. What is released is what was shown: the digest is computed when the action is submitted, goes
 *      with SUBMIT, comes back with APPROVED and CLAIMED, and both times the action is described
 *      anew and must give the same one (life.c, is_still_the_same).
 *   3. Every action is answered once: submit answers, or opens a hold; a hold leaves its table before
 *      its one release, refuse or withdrawal (life.c).
 *   4. No verdict, an error, no link, no room: refused. Every path below that is not an explicit
 *      VERDICT_ALLOW ends in a refusal or a hold.
 *      Where a guardrail holds at commit, the action is the COMMIT: what runs before it can be undone as a whole, and
 *      is recorded before it runs (run_uncommitted, commit.c).
 *   5. A claim is never repeated: one whose answer was lost is refused and reported as not run.
 *   8. An action that cannot be shown in full is refused, not shortened (LIMIT_ENVELOPE).
 *   9. Denials, observed matches, refused holds, and where the configuration says so every action are
 *      recorded; what must be recorded and cannot be is not run.
 *
 * 6 is the broker's, 7 the source's, 10 the broker's.
 */
#include "gate/gate_internal.h"

#include <assert.h>
#include <stdlib.h>

/* --- Refusing at once ------------------------------------------------------------------------ */

static enum verdict refused(struct gate *g, const struct refusal *r, struct submission *ret)
{
    g->counts.denied++;
    ret->refusal = *r;
    return VERDICT_DENY;
}

static enum verdict unavailable(struct gate *g, struct str why, struct submission *ret)
{
    struct refusal r = words_unavailable(why);
    return refused(g, &r, ret);
}

/* The facts into g->context, where they fit a record: one without them still says what was done. */
static void write_facts(struct gate *g, const struct action *a)
{
    struct json j;
    buf_clear(&g->context);
    json_init(&j, &g->context);
    if (policy_facts_json(g->config->policy, g->eval, a, &j) != ERR_OK ||
        buf_len(&g->context) > LIMIT_RECORD_TEXT)
        buf_clear(&g->context);
}

/* ERR_LIMIT where it can be neither sent nor kept. */
static enum err record(struct gate *g, const struct judged *x, const char *refused)
{
    struct digest digest;
    bool whole = write_envelope(g, x->door->source, x->owner, x->a, &digest) == ERR_OK;
    write_facts(g, x->a);
    const struct recorded r = {
        .action = x->a,
        .decision = x->d,
        .digest = whole ? &digest : NULL,
        .envelope = buf_view(&g->envelope),
        .facts = buf_view(&g->context),
        .vocabulary = g->config->vocabulary_name,
        .policy_version = g->config->version,
        .refused = str_of(refused),
    };
    buf_clear(&g->explanation);
    TRY(words_record(&r, &g->explanation));
    const struct link_message m = {.type = LINK_RECORD,
                                   .record = {.json = buf_view(&g->explanation)}};
    return uplink_send_soon(g, &m);
}

/* A refusal stands also where its record is lost; that it was lost is counted and logged. */
static void record_refusal(struct gate *g, const struct judged *x, const char *refused)
{
    if (record(g, x, refused) == ERR_OK)
        return;
    if (g->counts.records_lost++ % 1000 == 0)
        log_error("%llu records of refused actions were lost while the broker is away",
                  (unsigned long long)g->counts.records_lost);
}

/* --- The three verdicts ---------------------------------------------------------------------- */

static enum verdict allow(struct gate *g, const struct judged *x, struct submission *ret)
{
    bool recorded = x->d->n_matched != 0 || g->config->audit_what == AUDIT_ALL;
    if (recorded && g->up.log_broken)
        return unavailable(g, STR("it must be recorded and the log cannot be written"), ret);
    if (recorded && record(g, x, "") != ERR_OK)
        return unavailable(g, STR("it must be recorded and the log cannot be reached"), ret);
    g->counts.allowed++;
    return VERDICT_ALLOW;
}

static enum verdict deny(struct gate *g, const struct judged *x, struct submission *ret)
{
    record_refusal(g, x, "");
    struct refusal r = words_denied(&g->arena, x->a, x->d, g->config->version);
    return refused(g, &r, ret);
}

static enum verdict not_held(struct gate *g, const struct judged *x, const char *why,
                             struct submission *ret)
{
    record_refusal(g, x, why);
    return unavailable(g, str_of(why), ret);
}

static enum err explain(struct gate *g, const struct action *a)
{
    struct json j;
    const struct policy_explain_options options = {.facts = true};
    buf_clear(&g->explanation);
    json_init(&j, &g->explanation);
    TRY(policy_explain_json(g->config->policy, g->eval, a, options, &g->arena, &j));
    return json_end(&j);
}

/* The digest of the envelope that has the shape for its action; that of the action where it has none. */
static enum err write_shape(struct gate *g, struct door *door, struct source_session *owner,
                            const struct action *a, const struct digest *own, struct digest *ret,
                            struct str *ret_text)
{
    struct buf shape CLEANUP(buf_done) = {0}, envelope CLEANUP(buf_done) = {0};
    struct digest digest = *own;
    struct str text = {NULL, 0};
    buf_init(&shape, LIMIT_ENVELOPE);
    buf_init(&envelope, LIMIT_ENVELOPE);
    if (door->source->shape != NULL)
        TRY(door->source->shape(owner, a, &g->arena, &shape, &text));
    if (text.n != 0)
        TRY(envelope_write(&envelope, a, buf_view(&shape), &digest));
    *ret = digest;
    *ret_text = text;
    return ERR_OK;
}

static enum err send_submit(struct gate *g, struct hold *h, const struct action *a,
                            const struct decision *d)
{
    struct str guardrails, shape_text = {NULL, 0};
    struct digest shape = h->digest;
    if (d->n_parts != 0)
        TRY(write_shape(g, h->door, h->owner, a, &h->digest, &shape, &shape_text));
    TRY(words_guardrails(d, &g->arena, &guardrails));
    buf_clear(&g->context);
    TRY(words_context(a, d, &g->context));
    TRY(explain(g, a));
    const struct link_message m = {
        .type = LINK_SUBMIT,
        .submit = {
            .hold = h->number,
            .envelope = buf_view(&g->envelope),
            .digest = h->digest,
            .context = buf_view(&g->context),
            .explanation = buf_view(&g->explanation),
            .subject = a->subject->name,
            .person = a->subject->person,
            .on_behalf_of = a->subject->on_behalf_of,
            .resource = a->resource->name,
            .policy_version = h->config->version,
            .guardrails = guardrails,
            .message = h->message,
            .quorum = d->quorum,
            .decide_within_ns = d->decide_within_ns,
            .run_within_ns = d->run_within_ns,
            .keep_on_disconnect = d->wait_return || d->on_disconnect == ON_DISCONNECT_KEEP,
            .wait_return = d->wait_return,
            .session = a->context->id,
            .shape = shape,
            .shape_text = shape_text,
            .parts = d->parts,
            .n_parts = d->n_parts,
            .signed_votes = d->signing != VOTES_MAY_BE_SIGNED,
            .ticket = d->needs_ticket ? str_trim(a->context->ticket) : STR(""),
        },
    };
    if (d->n_parts != 0)
        TRY(hold_keep_submit(h, &m));
    return uplink_send(g, &m);
}

/* The requester has to say something first: refused, with what to say. */
static enum verdict not_stated(struct gate *g, const struct judged *x, struct submission *ret)
{
    record_refusal(g, x, x->d->lack == LACK_REASON ? "no reason was stated" : "no ticket was stated");
    ret->refusal = words_lacking(&g->arena, x->a, x->d, x->door->source->how_to_state);
    return VERDICT_DENY;
}

/* It runs before anybody approves it, and its record says so before it does. */
static enum verdict run_uncommitted(struct gate *g, const struct judged *x, struct submission *ret)
{
    struct commit_terms *terms;
    if (record(g, x, "") != ERR_OK)
        return unavailable(g, STR("it must be recorded and the log cannot be reached"), ret);
    if (commit_terms_new(g, x->d, &terms) != ERR_OK)
        return unavailable(g, STR("there is no memory left"), ret);
    ret->commit = terms;
    return VERDICT_HOLD;
}

enum verdict gate_hold(struct gate *g, const struct judged *x, struct submission *ret)
{
    const struct action *a = x->a;
    const struct decision *d = x->d;
    struct hold *h;
    struct digest digest;
    if (d->quorum.n_reqs == 0)
        return not_held(g, x, "it must be approved and nobody is named who could", ret);
    if (d->lack != LACK_NOTHING)
        return not_stated(g, x, ret);
    if (!uplink_is_up(g))
        return not_held(g, x, "it must be approved and the gateway's broker cannot be reached",
                        ret);
    enum err e = write_envelope(g, x->door->source, x->owner, a, &digest);
    if (e == ERR_LIMIT)
        return not_held(g, x,
                        "it must be approved and is too large to be shown in full (over 4 MiB)", ret);
    if (e != ERR_OK)
        return not_held(g, x, "it must be approved and could not be described", ret);
    if (hold_begin(g, x->door, x->owner, a, d, &digest, &h) != ERR_OK)
        return not_held(g, x, "it must be approved and there is no memory left", ret);
    e = send_submit(g, h, a, d);
    if (e != ERR_OK) {
        hold_free(g, h);
        return not_held(g, x, e == ERR_LIMIT
                                  ? "it must be approved and too many requests are on their way"
                                  : "it must be approved and the gateway's broker cannot be reached",
                        ret);
    }
    g->counts.held++;
    ret->hold = h;
    return VERDICT_HOLD;
}

/* --- The port -------------------------------------------------------------------------------- */

/* Large actions are rare; their memory is not kept. */
static void give_back(struct gate *g)
{
    struct buf *const large[] = {&g->describe, &g->envelope, &g->explanation, &g->context};
    for (size_t i = 0; i < ARRAY_LEN(large); i++)
        if (large[i]->size > 64 * KIB)
            buf_done(large[i]);
}

/* A fact that costs a look elsewhere is the source's to obtain: it is asked once. What it did not bring counts as
 * one that could not be had, and a guardrail that reads it holds. Each round settles at least one. */
static enum err decide(struct gate *g, struct action *a, struct lazy_facts *lazy,
                       struct decision *ret)
{
    struct policy_run *run = NULL;
    bool asked = a->lazy != NULL;
    if (asked)
        *lazy = *a->lazy;
    for (int round = 0; round <= LAZY_FACT_COUNT; round++) {
        TRY(policy_decide(g->config->policy, g->eval, a, &run, &g->arena, ret));
        if (LIKELY(ret->needs_facts == 0) || !asked)
            return ERR_OK;
        lazy->failed |= ret->needs_facts;
        if (lazy->why_failed.n == 0)
            lazy->why_failed = STR("the gateway could not obtain it");
        a->lazy = lazy;
    }
    return ERR_BUG;
}

static enum verdict port_submit(void *ctx, struct source_session *owner, const struct action *asked,
                                struct submission *ret)
{
    struct door *door = ctx;
    struct gate *g = door->gate;
    struct lazy_facts lazy = {.known = 0};
    struct decision d;
    struct action a = *asked;
    enum verdict v;
    a.resource = door->resource;
    *ret = (struct submission){.hold = NULL};
    arena_reset(&g->arena);
    if (decide(g, &a, &lazy, &d) != ERR_OK)
        return unavailable(g, STR("the guardrails could not be evaluated"), ret);
    if (d.needs_facts != 0) {
        ret->needs_facts = d.needs_facts;
        return VERDICT_HOLD;
    }
    const struct judged x = {door, owner, &a, &d};
    switch (d.verdict) {
    case VERDICT_ALLOW:
        v = allow(g, &x, ret);
        break;
    case VERDICT_HOLD:
        if (!d.at_commit || !a.can_commit_later)
            v = gate_hold(g, &x, ret);
        else if (d.quorum.n_reqs == 0 || d.lack != LACK_NOTHING || !uplink_is_up(g))
            v = gate_hold(g, &x, ret); /* says why it is refused */
        else
            v = run_uncommitted(g, &x, ret);
        break;
    case VERDICT_DENY:
        v = deny(g, &x, ret);
        break;
    default:
        v = unavailable(g, STR("the verdict was none"), ret);
        break;
    }
    give_back(g);
    return v;
}

static enum verdict port_submit_commit(void *ctx, struct source_session *owner, const struct action *asked,
                                       struct commit_terms *terms, struct submission *ret)
{
    struct door *door = ctx;
    struct gate *g = door->gate;
    struct action a = *asked;
    const struct judged x = {door, owner, &a, commit_terms_decision(terms)};
    a.resource = door->resource;
    *ret = (struct submission){.hold = NULL};
    arena_reset(&g->arena);
    enum verdict v = gate_hold(g, &x, ret);
    commit_terms_free(terms);
    give_back(g);
    return v;
}

static enum err port_join_commits(void *ctx, struct commit_terms *into, struct commit_terms *from)
{
    (void)ctx;
    return commit_terms_join(into, from);
}

static void port_drop_commit(void *ctx, struct commit_terms *terms)
{
    (void)ctx;
    commit_terms_free(terms);
}

static void port_walled(void *ctx, struct source_session *owner, const struct action *asked, const char *why)
{
    struct door *door = ctx;
    struct gate *g = door->gate;
    const struct decision d = {.verdict = VERDICT_DENY};
    struct action a = *asked;
    const struct judged x = {door, owner, &a, &d};
    a.resource = door->resource;
    arena_reset(&g->arena);
    record_refusal(g, &x, why);
    g->counts.denied++;
    give_back(g);
}

static bool port_holds_commits(void *ctx)
{
    const struct door *door = ctx;
    return policy_holds_commits(door->gate->config->policy);
}

static bool port_watches(void *ctx, const struct resource *r)
{
    const struct door *door = ctx;
    (void)r; /* a port serves one */
    return door->watches;
}

static void port_withdraw(void *ctx, struct hold *h, struct str reason, bool gone)
{
    struct door *door = ctx;
    const struct hold_event e = {.kind = HOLD_ON_WITHDRAWN, .reason = reason, .gone = gone};
    enum err err = hold_happens(door->gate, h, &e);
    assert(err == ERR_OK); /* a source that withdraws what it released is broken */
    (void)err;
}

/* Information for those who decide: without it the request waits all the same. */
static void port_impact(void *ctx, struct hold *h, const struct digest *shape, struct str json)
{
    struct door *door = ctx;
    const struct link_message m = {
        .type = LINK_IMPACT, .impact = {.hold = h->number, .shape = *shape, .json = json}};
    if (h->state == HOLD_RELEASED || json.n > LIMIT_IMPACT || uplink_send(door->gate, &m) != ERR_OK)
        log_debug("the impact of hold %llu could not be told", (unsigned long long)h->number);
}

static void port_ran(void *ctx, uint64_t run, const struct outcome *o)
{
    struct door *door = ctx;
    const struct hold_event e = {.kind = HOLD_ON_RAN, .outcome = o};
    struct hold *h = hold_table_find(&door->gate->table, run);
    enum err err = h != NULL ? hold_happens(door->gate, h, &e) : ERR_NOT_FOUND;
    assert(err == ERR_OK); /* every run ends once */
    (void)err;
}

/* For the list of sessions: where it cannot be kept nothing unsafe follows. */
static void tell_session(struct door *door, bool opened, const struct subject *s,
                         const struct session_context *c)
{
    const struct link_message m = {
        .type = LINK_SESSION,
        .session = {.opened = opened, .id = c->id, .subject = s->name,
                    .resource = door->resource->name, .address = s->address,
                    .application = c->application},
    };
    if (uplink_send_soon(door->gate, &m) != ERR_OK)
        log_debug("a session %s while too much waits for the broker", opened ? "began" : "ended");
}

static void port_session_opened(void *ctx, const struct subject *s, const struct resource *r,
                                const struct session_context *c)
{
    (void)r;
    tell_session(ctx, true, s, c);
}

static void port_session_closed(void *ctx, const struct subject *s, const struct resource *r,
                                const struct session_context *c)
{
    (void)r;
    tell_session(ctx, false, s, c);
}

static void port_identify(void *ctx, struct subject *s)
{
    const struct door *door = ctx;
    const struct person *p = people_by_account(&door->gate->config->people, s->name);
    s->person = p != NULL ? p->name : STR("");
    s->groups = p != NULL ? p->groups : NULL;
    s->n_groups = p != NULL ? p->n_groups : 0;
    s->disabled = p != NULL && p->disabled;
}

static enum err port_login(void *ctx, struct source_session *owner, const struct login_ask *ask,
                           uint64_t *ret_number)
{
    struct door *door = ctx;
    return logins_ask(door->gate, door->source, owner, ask, ret_number);
}

static void port_login_forget(void *ctx, uint64_t number)
{
    struct door *door = ctx;
    logins_forget(door->gate, number);
}

static void port_tell_peers(void *ctx, const char *source_type, struct str bytes)
{
    struct door *door = ctx;
    const struct link_message m = {.type = LINK_PEERS,
                                   .peers = {.source = str_of(source_type), .bytes = bytes}};
    if (uplink_send(door->gate, &m) != ERR_OK)
        log_warn("other workers could not be told: the broker cannot be reached");
}

static const struct gate_port port_functions = {
    .watches = port_watches,
    .holds_commits = port_holds_commits,
    .submit = port_submit,
    .submit_commit = port_submit_commit,
    .join_commits = port_join_commits,
    .drop_commit = port_drop_commit,
    .walled = port_walled,
    .withdraw = port_withdraw,
    .impact = port_impact,
    .ran = port_ran,
    .session_opened = port_session_opened,
    .session_closed = port_session_closed,
    .identify = port_identify,
    .login = port_login,
    .login_forget = port_login_forget,
    .tell_peers = port_tell_peers,
};

enum err gate_port_new(struct gate *g, const struct source *source, const struct resource *r,
                       const struct gate_port **ret)
{
    if (g->config == NULL)
        return ERR_BAD_STATE;
    struct door *door = calloc(1, sizeof(*door));
    if (door == NULL)
        return ERR_NOMEM;
    door->port = port_functions;
    door->port.gate = door;
    door->gate = g;
    door->source = source;
    door->resource = r;
    door->config = config_ref(g->config);
    door_judge(door);
    door->next = g->doors;
    g->doors = door;
    *ret = &door->port;
    return ERR_OK;
}

/* --- The gate -------------------------------------------------------------------------------- */

enum err gate_new(struct loop *l, const struct gate_options *o, struct gate **ret)
{
    struct gate *g = calloc(1, sizeof(*g));
    if (g == NULL)
        return ERR_NOMEM;
    g->loop = l;
    g->options = *o;
    arena_init(&g->arena, LIMIT_ACTION_ARENA);
    buf_init(&g->describe, LIMIT_ENVELOPE);
    buf_init(&g->envelope, LIMIT_ENVELOPE + 64 * KIB);
    buf_init(&g->explanation, LIMIT_LINK_MESSAGE);
    buf_init(&g->context, LIMIT_LINK_MESSAGE);
    enum err e = policy_eval_new(&g->eval);
    if (e == ERR_OK)
        e = timer_new(l, gate_tick, g, &g->tick);
    if (e == ERR_OK)
        e = uplink_init(g);
    if (e != ERR_OK) {
        timer_free(g->tick);
        policy_eval_free(g->eval);
        free(g);
        return e;
    }
    *ret = g;
    return ERR_OK;
}

void gate_free(struct gate *g)
{
    if (g == NULL)
        return;
    while (g->waiting.head != NULL)
        hold_free(g, g->waiting.head);
    while (g->released.head != NULL)
        hold_free(g, g->released.head);
    hold_table_done(&g->table);
    while (g->logins != NULL)
        logins_forget(g, g->logins->number);
    while (g->doors != NULL) {
        struct door *door = g->doors;
        g->doors = door->next;
        config_unref(door->config);
        free(door);
    }
    uplink_done(g);
    timer_free(g->tick);
    policy_eval_free(g->eval);
    config_unref(g->config);
    arena_done(&g->arena);
    buf_done(&g->describe);
    buf_done(&g->envelope);
    buf_done(&g->explanation);
    buf_done(&g->context);
    free(g);
}

const struct gate_counts *gate_counts(const struct gate *g)
{
    return &g->counts;
}

size_t gate_waiting(const struct gate *g)
{
    return g->waiting.n;
}
