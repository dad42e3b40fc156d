#include "gate/gate_internal.h"
#include "base/json.h"

/* What an action of a kind is called when we speak to people. */
static const char *noun(enum action_kind k)
{
    switch (k) {
    case ACTION_SQL:
        return "statement";
    case ACTION_COMMAND:
        return "command";
    case ACTION_TOOL:
        return "tool call";
    case ACTION_HTTP:
        return "request";
    case ACTION_DEPLOY:
        return "deployment";
    case ACTION_POLICY:
        return "change of the configuration";
    }
    return "action";
}

/* The text, or `plain` where there is no memory for it: nobody is left without an answer. */
#define WORDS(arena, plain, ...)                                                                   \
    ({                                                                                             \
        struct str words_;                                                                         \
        if (arena_printf((arena), &words_, __VA_ARGS__) != ERR_OK)                                 \
            words_ = STR(plain);                                                                   \
        words_;                                                                                    \
    })

/* Whether the guardrail asks for v. A condition that could not be evaluated holds, whatever it says. */
static bool asks_for(const struct matched_guardrail *m, enum verdict v)
{
    enum verdict own = m->failed ? verdict_max(m->then, VERDICT_HOLD) : m->then;
    return !m->observe && own == v;
}

/* What those asked for that decided: a denial by nobody comes of holds that nobody could release. */
static enum verdict decisive(const struct decision *d)
{
    for (size_t i = 0; i < d->n_matched; i++)
        if (asks_for(&d->matched[i], VERDICT_DENY))
            return VERDICT_DENY;
    return VERDICT_HOLD;
}

/* One that matched says more to people than one that could not be evaluated. */
struct str words_message(const struct decision *d)
{
    enum verdict v = decisive(d);
    const struct matched_guardrail *best = NULL;
    for (size_t i = 0; i < d->n_matched; i++)
        if (asks_for(&d->matched[i], v) && (best == NULL || (best->failed && !d->matched[i].failed)))
            best = &d->matched[i];
    return best != NULL ? best->message : (struct str){NULL, 0};
}

enum err words_guardrails(const struct decision *d, struct arena *a, struct str *ret)
{
    struct buf b CLEANUP(buf_done);
    enum verdict v = decisive(d);
    buf_init(&b, LIMIT_ENVELOPE);
    for (size_t i = 0; i < d->n_matched; i++) {
        if (!asks_for(&d->matched[i], v))
            continue;
        if (buf_len(&b) != 0)
            TRY(buf_put_str(&b, STR(", ")));
        TRY(buf_put_str(&b, d->matched[i].name));
    }
    return arena_str(a, buf_view(&b), ret);
}

/* --- Refusals -------------------------------------------------------------------------------- */

struct refusal words_denied(struct arena *a, const struct action *action, const struct decision *d,
                            struct str policy_version)
{
    struct str message = words_message(d), names = {NULL, 0};
    struct refusal r = {.kind = REFUSAL_DENIED};
    if (words_guardrails(d, a, &names) != ERR_OK)
        names = STR("(not known)");
    r.message = message.n != 0
                    ? WORDS(a, "denied by a guardrail", "denied: %.*s", STR_FMT(message))
                    : WORDS(a, "denied by a guardrail", "this %s is not allowed on %.*s",
                            noun(action->kind), STR_FMT(action->resource->name));
    r.detail = names.n != 0 ? WORDS(a, "", "Guardrail: %.*s.", STR_FMT(names))
                            : STR("No guardrail allows it and the resource denies by default.");
    r.hint = WORDS(a, "Nothing was run.",
                   "Nothing was run. No approval can change this; the guardrails can (policy %.12s).",
                   policy_version.n >= 12 ? policy_version.p : "unnamed");
    return r;
}

struct refusal words_lacking(struct arena *a, const struct action *action, const struct decision *d,
                             struct str (*how)(struct str what))
{
    bool reason = d->lack == LACK_REASON;
    struct str names = {NULL, 0}, what = reason ? STR("reason") : STR("ticket");
    struct str say = how != NULL ? how(what) : STR("State it with the request.");
    struct refusal r = {.kind = REFUSAL_LACKING, .hint = say};
    if (words_guardrails(d, a, &names) != ERR_OK)
        names = STR("(not known)");
    r.message = d->lack == LACK_TICKET_FORM
                    ? WORDS(a, "this is not the form of a ticket", "`%.*s` is not the form of a ticket",
                            STR_FMT(action->context->ticket))
                    : WORDS(a, "something must be stated first", "this %s must state a %.*s first",
                            noun(action->kind), STR_FMT(what));
    r.detail = reason || d->ticket_form.n == 0
                   ? WORDS(a, "", "Guardrail: %.*s. Nothing was run.", STR_FMT(names))
                   : WORDS(a, "", "Guardrail: %.*s. A ticket here looks like %.*s. Nothing was run.",
                           STR_FMT(names), STR_FMT(d->ticket_form));
    return r;
}

struct refusal words_unavailable(struct str why)
{
    return (struct refusal){
        .kind = REFUSAL_UNAVAILABLE,
        .message = STR("no decision could be had, so nothing was run"),
        .detail = why,
        .hint = STR("Try again; if it stays so, whoever runs the gateway finds the cause in its log."),
    };
}

struct refusal words_refused(struct hold *h, enum refusal_kind kind, struct str why)
{
    struct refusal r = words_unavailable(why);
    r.request = h->request;
    if (kind != REFUSAL_EXPIRED)
        return r;
    r.kind = kind;
    r.message = WORDS(&h->text, "the request expired", "request %llu expired before it was decided",
                      (unsigned long long)h->request);
    r.hint = STR("Nothing was run. Send it again when somebody can decide.");
    return r;
}

/* One that never had a number here may be told about an earlier one's end. */
static uint64_t number_of(const struct hold *h, const struct link_ended *e)
{
    return h->request != 0 ? h->request : e->request;
}

static struct refusal words_rejected(struct hold *h, const struct link_ended *e)
{
    struct str by = e->by.n != 0 ? e->by : STR("an approver");
    return (struct refusal){
        .kind = REFUSAL_REJECTED,
        .request = number_of(h, e),
        .message = WORDS(&h->text, "the request was rejected", "request %llu was rejected by %.*s",
                         (unsigned long long)number_of(h, e), STR_FMT(by)),
        .detail = e->reason,
        .hint = WORDS(&h->text, "Nothing was run.",
                      "Nothing was run. Change the %s as the reason says, or talk to %.*s.",
                      noun(h->action.kind), STR_FMT(by)),
    };
}

static struct refusal words_expired(struct hold *h, const struct link_ended *e)
{
    return (struct refusal){
        .kind = REFUSAL_EXPIRED,
        .request = number_of(h, e),
        .message = WORDS(&h->text, "the request expired", "request %llu expired",
                         (unsigned long long)number_of(h, e)),
        .detail = e->reason,
        .hint = WORDS(&h->text, "Nothing was run.",
                      "Nothing was run. Send it again when somebody can decide (%.*s).",
                      STR_FMT(h->approvers)),
    };
}

static struct refusal words_withdrawn(struct hold *h, const struct link_ended *e)
{
    return (struct refusal){
        .kind = REFUSAL_WITHDRAWN,
        .request = number_of(h, e),
        .message = WORDS(&h->text, "the request was withdrawn", "request %llu was withdrawn",
                         (unsigned long long)number_of(h, e)),
        .detail = e->reason,
        .hint = STR("Nothing was run. Send it again to open a new request."),
    };
}

static struct refusal words_pending(struct hold *h, const struct link_ended *e)
{
    return (struct refusal){
        .kind = REFUSAL_PENDING,
        .request = e->request,
        .message = WORDS(&h->text, "it waits for approval", "request %llu waits for approval: %.*s",
                         (unsigned long long)e->request, STR_FMT(h->message)),
        .detail = e->reason,
        .hint = WORDS(&h->text, "Nothing was run. Send it again after approval.",
                      "Nothing was run. Send the same %s again after approval; `countersign show %llu` tells "
                      "how it stands.",
                      noun(h->action.kind), (unsigned long long)e->request),
    };
}

static struct refusal words_elsewhere(struct hold *h, const struct link_ended *e)
{
    return (struct refusal){
        .kind = REFUSAL_WITHDRAWN,
        .request = e->request,
        .message = WORDS(&h->text, "it ran in another session", "request %llu ran in another session",
                         (unsigned long long)e->request),
        .detail = STR("The same was sent from two sessions, and an approval is one run."),
        .hint = WORDS(&h->text, "Nothing was run here.",
                      "Nothing was run here. Send the %s again to ask for another run.", noun(h->action.kind)),
    };
}

static struct refusal words_limit(struct hold *h, const struct link_ended *e)
{
    (void)h;
    return (struct refusal){
        .kind = REFUSAL_LIMIT,
        .message = STR("too many requests wait for approval already, so this one was not opened"),
        .detail = e->reason,
        .hint = STR("Nothing was run. Wait for a decision, or take one back with `countersign withdraw ID`."),
    };
}

static struct refusal words_not_stated_well(const struct link_ended *e)
{
    return (struct refusal){
        .kind = REFUSAL_LACKING,
        .message = e->reason,
        .hint = STR("Nothing was run. State one that exists, and send it again."),
    };
}

struct refusal words_ended(struct hold *h, const struct link_ended *e)
{
    struct refusal r;
    switch (e->end) {
    case END_REJECTED:
        return words_rejected(h, e);
    case END_EXPIRED:
        return words_expired(h, e);
    case END_WITHDRAWN:
        return words_withdrawn(h, e);
    case END_PENDING:
        return words_pending(h, e);
    case END_ELSEWHERE:
        return words_elsewhere(h, e);
    case END_LIMIT:
        return words_limit(h, e);
    case END_LACKING:
        return words_not_stated_well(e);
    case END_UNAVAILABLE:
    case END_AGAIN:
        break;
    }
    r = words_unavailable(e->reason);
    r.request = h->request;
    return r;
}

/* --- For the broker -------------------------------------------------------------------------- */

static void put_unless_empty(struct json *j, const char *key, struct str v)
{
    if (v.n == 0)
        return;
    json_key(j, key);
    json_bytes(j, v);
}

enum err words_context(const struct action *a, const struct decision *d, struct buf *out)
{
    const struct session_context *c = a->context;
    struct json j;
    json_init(&j, out);
    json_object_begin(&j);
    put_unless_empty(&j, "session", c->id);
    put_unless_empty(&j, "address", c->address);
    put_unless_empty(&j, "application", c->application);
    put_unless_empty(&j, "database", c->database);
    put_unless_empty(&j, "login", c->login);
    put_unless_empty(&j, "role", c->role);
    put_unless_empty(&j, "operation", a->operation);
    json_put_bool(&j, "in_transaction", c->in_transaction);
    json_put_bool(&j, "tls", c->tls);
    put_unless_empty(&j, "reason", c->reason);
    put_unless_empty(&j, "ticket", c->ticket);
    if (d->at_commit)
        json_put_z(&j, "hold_at", str_is(a->operation, "commit") ? "commit" : "start, because it cannot wait inside a transaction");
    json_object_end(&j);
    return json_end(&j);
}

static void put_matches(struct json *j, const struct decision *d)
{
    json_key(j, "guardrails");
    json_array_begin(j);
    for (size_t i = 0; i < d->n_matched; i++) {
        const struct matched_guardrail *m = &d->matched[i];
        json_object_begin(j);
        json_put_str(j, "name", m->name);
        json_put_z(j, "then", verdict_text(m->then));
        json_put_z(j, "mode", m->observe ? "observe" : "enforce");
        if (m->failed)
            json_put_bool(j, "failed", true);
        json_put_str(j, "message", m->message);
        json_object_end(j);
    }
    json_array_end(j);
}

/* Nothing is cut: what is too long for a record is named by its digest and length. */
static void put_text(struct json *j, struct str text)
{
    char hex[DIGEST_HEX + 1];
    if (text.n <= LIMIT_RECORD_TEXT) {
        put_unless_empty(j, "text", text);
        return;
    }
    struct digest d = digest_of(text);
    json_put_str(j, "text_sha256", digest_hex(&d, hex));
    json_put_int(j, "text_bytes", (int64_t)text.n);
}

/* What is needed to judge the action again. */
static void put_facts(struct json *j, const struct recorded *r)
{
    if (r->facts.n == 0)
        return;
    json_key(j, "facts");
    json_raw(j, r->facts);
    json_put_str(j, "vocabulary", r->vocabulary);
}

enum err words_record(const struct recorded *r, struct buf *out)
{
    const struct action *a = r->action;
    const struct decision *d = r->decision;
    char hex[DIGEST_HEX + 1], time[CLOCK_TEXT];
    struct json j;
    json_init(&j, out);
    json_object_begin(&j);
    json_put_z(&j, "event", "action");
    json_put_z(&j, "verdict", verdict_text(d->verdict));
    if (d->at_commit && d->verdict == VERDICT_HOLD && r->refused.n == 0)
        json_put_z(&j, "hold_at", "commit"); /* it runs now, and waits before its COMMIT */
    put_unless_empty(&j, "refused", r->refused);
    json_put_z(&j, "kind", action_kind_text(a->kind));
    put_unless_empty(&j, "operation", a->operation);
    put_unless_empty(&j, "subject", a->subject->name);
    put_unless_empty(&j, "person", a->subject->person);
    put_unless_empty(&j, "on_behalf_of", a->subject->on_behalf_of);
    json_put_str(&j, "resource", a->resource->name);
    put_unless_empty(&j, "session", a->context->id);
    put_unless_empty(&j, "address", a->context->address);
    if (r->digest != NULL)
        json_put_str(&j, "digest", digest_hex(r->digest, hex));
    if (r->digest != NULL && r->envelope.n <= LIMIT_RECORD_TEXT)
        json_put_str(&j, "envelope", r->envelope);
    else
        put_text(&j, a->text);
    put_matches(&j, d);
    put_facts(&j, r);
    json_put_str(&j, "policy", r->policy_version);
    json_put_str(&j, "at", clock_text(a->time_wall_ns, time));
    json_object_end(&j);
    return json_end(&j);
}
