/*
 * Deciding: fill the slots that the index asks for, narrow, and evaluate what is left.
 *
 * The verdict is the strongest of what matched and is enforced. A guardrail that waits for a lazy fact
 * is undecided; it is asked about again only where it could still change something: nothing outranks a
 * denial, and a guardrail that allows adds nothing to one that matched already.
 */
#include "policy/internal.h"

#include "base/limits.h"
#include "model/lazy_facts.h"
#include "policy/cel/re2.h"

#include <stdlib.h>

/* --- Room ----------------------------------------------------------------------------------------- */

enum err policy_eval_new(struct policy_eval **ret)
{
    struct policy_eval *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return ERR_NOMEM;
    arena_init(&e->arena, LIMIT_EVAL_ARENA);
    arena_init(&e->fact_arena, LIMIT_EVAL_ARENA);
    buf_init(&e->text, LIMIT_MESSAGE_ROOM);
    e->space.arena = &e->fact_arena;
    enum err err = cel_regex_cache_new(&e->cel.regexes);
    if (err != ERR_OK) {
        free(e);
        return err;
    }
    e->cel.arena = &e->arena;
    *ret = e;
    return ERR_OK;
}

void policy_eval_free(struct policy_eval *e)
{
    if (e == NULL)
        return;
    cel_regex_cache_free(e->cel.regexes);
    arena_done(&e->arena);
    arena_done(&e->fact_arena);
    buf_done(&e->text);
    free(e->slots);
    free(e->set);
    free(e->set_room);
    free(e->hits);
    free(e->outcomes);
    free(e->masks);
    free(e->generations);
    free(e);
}

static enum err room(void *list, size_t size, size_t n)
{
    void **p = list;
    void *new = calloc(n != 0 ? n : 1, size);
    if (new == NULL)
        return ERR_NOMEM;
    free(*p);
    *p = new;
    return ERR_OK;
}

static enum err make_room_slow(const struct policy *p, struct policy_eval *e)
{
    if (p->facts.n > e->room_slots) {
        TRY(room(&e->slots, sizeof(e->slots[0]), p->facts.n));
        e->room_slots = p->facts.n;
    }
    if (p->index.words > e->room_words) {
        TRY(room(&e->set, sizeof(e->set[0]), p->index.words));
        TRY(room(&e->set_room, sizeof(e->set_room[0]), p->index.words));
        e->room_words = p->index.words;
    }
    if (p->n > e->room_hits) {
        TRY(room(&e->hits, sizeof(e->hits[0]), p->n));
        e->room_hits = p->n;
    }
    if (p->n_shares > e->room_shares) {
        e->room_shares = 0;
        TRY(room(&e->outcomes, sizeof(e->outcomes[0]), p->n_shares));
        TRY(room(&e->masks, sizeof(e->masks[0]), p->n_shares));
        TRY(room(&e->generations, sizeof(e->generations[0]), p->n_shares));
        e->room_shares = p->n_shares;
        e->generation = 0;
    }
    return ERR_OK;
}

/* Grows with the largest policy seen; in the steady state a comparison. */
static enum err make_room(const struct policy *p, struct policy_eval *e)
{
    if (UNLIKELY(p->facts.n > e->room_slots || p->index.words > e->room_words ||
                 p->n > e->room_hits || p->n_shares > e->room_shares))
        TRY(make_room_slow(p, e));
    e->cel.slots = e->slots;
    if (UNLIKELY(++e->generation == 0)) {
        if (e->room_shares != 0)
            memset(e->generations, 0, e->room_shares * sizeof(e->generations[0]));
        e->generation = 1;
    }
    if (e->fact_arena.used != 0)
        arena_reset(&e->fact_arena);
    return ERR_OK;
}

/* --- Slots ---------------------------------------------------------------------------------------- */

/* The number of the resource in the configuration, or n_resources where it is from elsewhere. */
static size_t resource_number(const struct policy *p, const struct resource *r)
{
    const struct resource *first = p->parts->resources;
    if (r < first || r >= first + p->parts->n_resources)
        return p->parts->n_resources;
    return (size_t)(r - first);
}

static enum err labels_of(const struct policy *p, struct policy_eval *e, const struct action *a,
                          const struct cel_map **ret)
{
    size_t number = resource_number(p, a->resource);
    if (LIKELY(number < p->parts->n_resources)) {
        *ret = &p->labels[number];
        return ERR_OK;
    }
    struct cel_map *m = arena_new(&e->fact_arena, struct cel_map);
    if (m == NULL)
        return ERR_NOMEM;
    *ret = m;
    return facts_labels(&e->fact_arena, a->resource, m);
}

static void override(struct policy_eval *e)
{
    for (size_t i = 0; i < e->n_overrides; i++)
        e->slots[e->overrides[i].slot] = e->overrides[i].value;
}

static void fill_index(const struct policy *p, struct policy_eval *e, const struct action *a,
                       const struct cel_map *labels)
{
    for (size_t i = 0; i < p->index.n_slots; i++) {
        uint32_t slot = p->index.slots[i].slot;
        e->slots[slot] = facts_value(&p->facts, slot, a, labels, &e->space);
    }
    override(e);
}

static void fill_rest(const struct policy *p, struct policy_eval *e, const struct action *a,
                      const struct cel_map *labels)
{
    for (size_t i = 0; i < p->n_reads; i++)
        e->slots[p->reads[i]] = facts_value(&p->facts, p->reads[i], a, labels, &e->space);
    override(e);
}

enum err policy_eval_fill(const struct policy *p, struct policy_eval *e, const struct action *a,
                          bool all)
{
    const struct cel_map *labels;
    TRY(make_room(p, e));
    TRY(labels_of(p, e, a, &labels));
    if (all)
        for (uint32_t i = 0; i < p->facts.n; i++)
            e->slots[i] = facts_value(&p->facts, i, a, labels, &e->space);
    fill_index(p, e, a, labels);
    fill_rest(p, e, a, labels);
    return ERR_OK;
}

/* --- One guardrail -------------------------------------------------------------------------------- */

static enum cel_outcome conjunct_test(struct policy_eval *e, const struct guardrail *g,
                                      const struct conjunct *c)
{
    if (c->share != NO_SHARE && e->generations[c->share] == e->generation) {
        e->cel.unknown = e->masks[c->share];
        e->cel.error = NULL;
        return (enum cel_outcome)e->outcomes[c->share];
    }
    e->cel.unknown = 0;
    e->cel.error = NULL;
    enum cel_outcome o = cel_test_conjunct(g->when, c->number, &e->cel);
    if (c->share != NO_SHARE && o != CEL_OUTCOME_ERROR) { /* an error is evaluated again for its reason */
        e->generations[c->share] = e->generation;
        e->outcomes[c->share] = (uint8_t)o;
        e->masks[c->share] = e->cel.unknown;
    }
    return o;
}

/* As && joins them: false before unknown before error. */
static enum cel_outcome conjuncts_test(struct policy_eval *e, const struct guardrail *g, bool all,
                                       struct hit *h)
{
    enum cel_outcome outcome = CEL_OUTCOME_TRUE;
    for (size_t i = 0; i < g->n_conjuncts; i++) {
        const struct conjunct *c = &g->conjuncts[i];
        if ((c->indexed || c->of_resource) && !all)
            continue;
        enum cel_outcome o = conjunct_test(e, g, c);
        if (o == CEL_OUTCOME_TRUE)
            continue;
        if (o == CEL_OUTCOME_FALSE)
            return o;
        if (o == CEL_OUTCOME_UNKNOWN) {
            h->unknown |= e->cel.unknown;
            outcome = o;
        } else if (outcome == CEL_OUTCOME_TRUE) {
            outcome = CEL_OUTCOME_ERROR;
            h->why = e->cel.error != NULL ? e->cel.error->message : STR("it failed");
        }
    }
    return outcome;
}

enum cel_outcome guardrail_test(struct policy_eval *e, const struct guardrail *g, bool all,
                                struct hit *ret)
{
    ret->unknown = 0;
    ret->why = (struct str){NULL, 0};
    ret->outcome = CEL_OUTCOME_TRUE;
    if (e->arena.used != 0)
        arena_reset(&e->arena);
    if (e->cel.cost >= LIMIT_POLICY_COST) {
        ret->outcome = CEL_OUTCOME_ERROR;
        ret->why = STR("the guardrails together cost too much to evaluate");
        return ret->outcome;
    }
    e->cel.cost_limit = e->cel.cost + LIMIT_CEL_COST;
    ret->outcome = conjuncts_test(e, g, all, ret);
    return ret->outcome;
}

/* --- The run -------------------------------------------------------------------------------------- */

/* What is kept of an action between calls: what matched, and what waits for facts. */
struct policy_run {
    struct hit *hits; /* in the order of the file */
    size_t n;
    uint64_t asked;
};

static enum err keep_reason(struct hit *h, struct arena *arena)
{
    return h->why.n != 0 ? arena_str(arena, h->why, &h->why) : ERR_OK;
}

/* Which guardrails could concern the action; the result is e->set. False: none. */
static bool candidates(const struct policy *p, struct policy_eval *e, const struct action *a,
                       const struct cel_map *labels, bool *ret_unusual)
{
    size_t words = p->index.words, number = resource_number(p, a->resource);
    if (LIKELY(number < p->parts->n_resources)) {
        const uint64_t *base = p->index.base + (number * ACTION_KINDS + a->kind) * words;
        for (size_t w = 0; w < words; w++)
            e->set[w] = base[w];
    } else {
        memset(e->set, 0, words * sizeof(e->set[0]));
        for (size_t i = 0; i < p->n; i++)
            if (guardrail_concerns(p, &p->guardrails[i], a->kind, a->resource, labels))
                e->set[i / 64] |= UINT64_C(1) << (i % 64);
    }
    if (!index_narrow(p, e->slots, e->set, e->set_room, ret_unusual))
        return false;
    uint64_t any = 0;
    for (size_t w = 0; w < words; w++)
        any |= e->set[w];
    return any != 0;
}

static enum err evaluate_all(const struct policy *p, struct policy_eval *e, bool unusual,
                             struct arena *arena, size_t *ret_n)
{
    size_t n = 0;
    for (size_t w = 0; w < p->index.words; w++) {
        for (uint64_t left = e->set[w]; left != 0; left &= left - 1) {
            struct hit *h = &e->hits[n];
            h->guardrail = (uint32_t)(w * 64 + (size_t)__builtin_ctzll(left));
            if (guardrail_test(e, &p->guardrails[h->guardrail], unusual, h) == CEL_OUTCOME_FALSE)
                continue;
            TRY(keep_reason(h, arena));
            n++;
        }
    }
    *ret_n = n;
    return ERR_OK;
}

/* Only what was undecided, on slots filled anew; what became false goes. */
static enum err evaluate_again(const struct policy *p, struct policy_eval *e,
                               struct policy_run *run, struct arena *arena)
{
    size_t n = 0;
    for (size_t i = 0; i < run->n; i++) {
        struct hit h = run->hits[i];
        if (h.outcome == CEL_OUTCOME_UNKNOWN) {
            if (guardrail_test(e, &p->guardrails[h.guardrail], true, &h) == CEL_OUTCOME_FALSE)
                continue;
            TRY(keep_reason(&h, arena));
        }
        run->hits[n++] = h;
    }
    run->n = n;
    return ERR_OK;
}

/* --- The decision --------------------------------------------------------------------------------- */

/* What a guardrail that matched, or could not be evaluated, asks for. */
static enum verdict says(const struct guardrail *g, const struct hit *h)
{
    return h->outcome == CEL_OUTCOME_TRUE ? g->then : verdict_max(g->then, VERDICT_HOLD);
}

/* 0 where nothing enforced has matched. */
static uint32_t strongest(const struct policy *p, const struct hit *hits, size_t n)
{
    uint32_t all = 0;
    for (size_t i = 0; i < n; i++) {
        const struct guardrail *g = &p->guardrails[hits[i].guardrail];
        if (g->observe || hits[i].outcome == CEL_OUTCOME_UNKNOWN)
            continue;
        enum verdict v = says(g, &hits[i]);
        all = all == 0 ? v : verdict_max((enum verdict)all, v);
    }
    return all;
}

/* The facts that could still change the verdict or the quorum. */
static uint64_t facts_needed(const struct policy *p, const struct hit *hits, size_t n,
                             uint32_t so_far)
{
    uint64_t mask = 0;
    if (so_far == VERDICT_DENY)
        return 0;
    for (size_t i = 0; i < n; i++) {
        const struct guardrail *g = &p->guardrails[hits[i].guardrail];
        bool adds_nothing = g->then == VERDICT_ALLOW && so_far != 0;
        if (hits[i].outcome == CEL_OUTCOME_UNKNOWN && !g->observe && !adds_nothing)
            mask |= hits[i].unknown;
    }
    return mask;
}

struct merging {
    const struct policy *p;
    uint32_t *counts; /* per set of people */
    size_t n;         /* sets with a count */
    uint32_t total, rejects;
    struct must_state must_state;
};

/* One approval serves every guardrail that asks for it: per set the largest count is needed. */
static void merge(struct merging *m, const struct need *needs, size_t n, uint32_t rejects,
                  const struct must_state *s)
{
    m->must_state.reason_of_requester |= s->reason_of_requester;
    m->must_state.reason_of_approver |= s->reason_of_approver;
    m->must_state.ticket |= s->ticket;
    if (m->rejects == 0 || (rejects != 0 ? rejects : 1) < m->rejects)
        m->rejects = rejects != 0 ? rejects : 1;
    for (size_t i = 0; i < n; i++) {
        uint32_t *count = &m->counts[needs[i].from];
        if (needs[i].count <= *count)
            continue;
        m->n += *count == 0;
        m->total += needs[i].count - *count;
        *count = needs[i].count;
    }
}

/* A hold that nobody could release, or that more people would have to than a request can ask, denies. */
static enum err quorum_put(const struct merging *m, struct policy_eval *e, struct arena *arena,
                           struct decision *d)
{
    if (m->n == 0 || m->n > LIMIT_REQUIREMENTS || m->total > LIMIT_APPROVALS) {
        d->verdict = VERDICT_DENY;
        return ERR_OK;
    }
    struct requirement *reqs = arena_new_array(arena, m->n, struct requirement);
    if (reqs == NULL)
        return ERR_NOMEM;
    size_t n = 0;
    for (size_t i = 0; i < m->p->n_froms; i++) {
        if (m->counts[i] == 0)
            continue;
        TRY(from_set_resolve(&m->p->froms[i], e, arena, &reqs[n]));
        reqs[n++].count = m->counts[i];
    }
    d->quorum = (struct quorum){.reqs = reqs,
                                .n_reqs = n,
                                .rejects = m->rejects,
                                .reason_to_approve = m->must_state.reason_of_approver};
    return ERR_OK;
}

/* Each hold by itself, where one of them lets people grant more than one run. A condition that could not
 * be evaluated holds for a reason nobody has seen: no grant covers it. */
static enum err part_put(const struct policy *p, struct policy_eval *e, const struct guardrail *g,
                         const struct hit *h, struct arena *arena, struct decision *d,
                         struct hold_part *part)
{
    struct merging one = {.p = p, .counts = arena_new_array(arena, p->n_froms, uint32_t)};
    struct decision alone = {.verdict = d->verdict};
    if (one.counts == NULL)
        return ERR_NOMEM;
    merge(&one, g->needs, g->n_needs, g->rejects, &g->must_state);
    TRY(quorum_put(&one, e, arena, &alone));
    *part = (struct hold_part){.guardrail = g->name, .quorum = alone.quorum};
    if (h->outcome == CEL_OUTCOME_TRUE)
        part->terms = g->grant;
    return ERR_OK;
}

static bool is_hold(const struct guardrail *g, const struct hit *h, const struct decision *d);

static enum err parts_put(const struct policy *p, struct policy_eval *e, const struct hit *hits,
                          size_t n, struct arena *arena, struct decision *d)
{
    struct hold_part *parts = NULL;
    bool any = false;
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        any = any || p->guardrails[hits[i].guardrail].grant.kinds != 0;
    if (!any)
        return ERR_OK;
    parts = arena_new_array(arena, n, struct hold_part);
    if (parts == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const struct guardrail *g = &p->guardrails[hits[i].guardrail];
        if (is_hold(g, &hits[i], d))
            TRY(part_put(p, e, g, &hits[i], arena, d, &parts[at++]));
    }
    d->parts = parts;
    d->n_parts = at;
    return ERR_OK;
}

static int64_t shorter(int64_t a, int64_t b)
{
    return a == 0 || b < a ? b : a;
}

/* A guardrail that still waits is reported where it is asked about; what waits for facts that nobody
 * asks for any more has no part in the decision. */
static bool reported(const struct guardrail *g, const struct hit *h, uint64_t needs)
{
    return h->outcome != CEL_OUTCOME_UNKNOWN || (h->unknown & needs) != 0 || g->observe;
}

static bool is_hold(const struct guardrail *g, const struct hit *h, const struct decision *d)
{
    return !g->observe && reported(g, h, d->needs_facts) && says(g, h) == VERDICT_HOLD;
}

/* What the requester has not stated, and must. */
static void lack_put(const struct policy *p, const struct session_context *c,
                     const struct must_state *s, struct decision *d)
{
    struct str ticket = str_trim(c->ticket);
    d->needs_ticket = s->ticket;
    if (s->reason_of_requester && str_trim(c->reason).n == 0)
        d->lack = LACK_REASON;
    else if (s->ticket && ticket.n == 0)
        d->lack = LACK_TICKET;
    else if (s->ticket && p->ticket_form != NULL && !cel_regex_search(p->ticket_form, ticket))
        d->lack = LACK_TICKET_FORM;
    d->ticket_form = p->parts->ticket->pattern;
}

/* What a held action needs: of all matching holds, or the default where none matched. */
static enum err hold_put(const struct policy *p, struct policy_eval *e, const struct action *a,
                         const struct hit *hits, size_t n, struct arena *arena, struct decision *d)
{
    struct merging m = {.p = p, .counts = arena_new_array(arena, p->n_froms, uint32_t)};
    if (m.counts == NULL)
        return ERR_NOMEM;
    bool keep = true, any = false, nobody = false, sign = false;
    for (size_t i = 0; i < n; i++) {
        const struct guardrail *g = &p->guardrails[hits[i].guardrail];
        if (!is_hold(g, &hits[i], d))
            continue;
        d->at_commit = (!any || d->at_commit) && g->at_commit && hits[i].outcome == CEL_OUTCOME_TRUE;
        d->commit_within_ns = shorter(d->commit_within_ns, g->commit_within_ns);
        any = true;
        d->wait_return = d->wait_return || g->wait_return;
        nobody = nobody || g->n_needs == 0;
        merge(&m, g->needs, g->n_needs, g->rejects, &g->must_state);
        d->decide_within_ns = shorter(d->decide_within_ns, g->decide_within_ns);
        d->run_within_ns = shorter(d->run_within_ns, g->run_within_ns);
        keep = keep && g->on_disconnect == ON_DISCONNECT_KEEP;
        sign = sign || g->signing != VOTES_MAY_BE_SIGNED;
    }
    if (!any) {
        merge(&m, p->default_needs, p->n_default_needs, p->default_rejects, &p->default_must_state);
        d->decide_within_ns = p->default_decide_ns;
        d->run_within_ns = p->default_run_ns;
        keep = p->default_on_disconnect == ON_DISCONNECT_KEEP;
        d->wait_return = p->default_wait_return;
        sign = p->default_signing != VOTES_MAY_BE_SIGNED;
    }
    TRY(parts_put(p, e, hits, n, arena, d));
    d->on_disconnect = keep ? ON_DISCONNECT_KEEP : ON_DISCONNECT_WITHDRAW;
    d->signing = sign ? VOTES_MUST_BE_SIGNED : VOTES_MAY_BE_SIGNED;
    lack_put(p, a->context, &m.must_state, d);
    if (nobody)
        m.n = 0;
    return quorum_put(&m, e, arena, d);
}

static enum err matched_put(const struct policy *p, struct policy_eval *e, struct hit *hits,
                            size_t n, struct arena *arena, struct decision *d)
{
    struct matched_guardrail *list = arena_new_array(arena, n, struct matched_guardrail);
    if (list == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const struct guardrail *g = &p->guardrails[hits[i].guardrail];
        if (!reported(g, &hits[i], d->needs_facts))
            continue;
        if (hits[i].outcome == CEL_OUTCOME_UNKNOWN)
            hits[i].why = STR("it waits for a fact");
        struct matched_guardrail *m = &list[d->n_matched];
        m->name = g->name;
        m->then = g->then;
        m->observe = g->observe;
        m->failed = hits[i].outcome != CEL_OUTCOME_TRUE;
        m->why = m->failed ? hits[i].why : (struct str){NULL, 0};
        TRY(guardrail_message(g, e, &hits[i], arena, &m->message));
        d->n_matched++;
    }
    d->matched = list;
    return ERR_OK;
}

static enum err conclude(const struct policy *p, struct policy_eval *e, const struct action *a,
                         struct hit *hits, size_t n, uint64_t settled, struct arena *arena,
                         struct decision *d)
{
    uint32_t so_far = strongest(p, hits, n);
    d->needs_facts = facts_needed(p, hits, n, so_far) & ~settled;
    if (so_far == 0)
        so_far = d->needs_facts != 0 ? VERDICT_HOLD : a->resource->default_verdict;
    if (d->needs_facts != 0)
        so_far = verdict_max((enum verdict)so_far, VERDICT_HOLD);
    d->verdict = verdict_max((enum verdict)so_far, VERDICT_ALLOW);
    TRY(matched_put(p, e, hits, n, arena, d));
    return d->verdict == VERDICT_HOLD ? hold_put(p, e, a, hits, n, arena, d) : ERR_OK;
}

static enum err run_keep(struct policy_eval *e, size_t n, struct arena *arena,
                         struct policy_run **run)
{
    struct policy_run *r = arena_new(arena, struct policy_run);
    if (r == NULL)
        return ERR_NOMEM;
    r->hits = arena_new_array(arena, n, struct hit);
    if (r->hits == NULL)
        return ERR_NOMEM;
    if (n != 0)
        memcpy(r->hits, e->hits, n * sizeof(r->hits[0]));
    r->n = n;
    *run = r;
    return ERR_OK;
}

static enum err decide_first(const struct policy *p, struct policy_eval *e, const struct action *a,
                             struct policy_run **run, struct arena *arena, struct decision *d)
{
    const struct cel_map *labels;
    bool unusual = false;
    size_t n = 0;
    TRY(make_room(p, e));
    TRY(labels_of(p, e, a, &labels));
    fill_index(p, e, a, labels);
    if (candidates(p, e, a, labels, &unusual)) {
        fill_rest(p, e, a, labels);
        e->cel.cost = 0;
        TRY(evaluate_all(p, e, unusual, arena, &n));
    } else if (a->resource->default_verdict == VERDICT_HOLD) {
        fill_rest(p, e, a, labels); /* who approves by default may be an expression */
    }
    if (n == 0 && a->resource->default_verdict == VERDICT_ALLOW) {
        d->verdict = VERDICT_ALLOW;
        return ERR_OK;
    }
    TRY(conclude(p, e, a, e->hits, n, lazy_settled(a->lazy), arena, d));
    return d->needs_facts != 0 ? run_keep(e, n, arena, run) : ERR_OK;
}

static enum err decide_again(const struct policy *p, struct policy_eval *e, const struct action *a,
                             struct policy_run *run, struct arena *arena, struct decision *d)
{
    TRY(policy_eval_fill(p, e, a, false));
    e->cel.cost = 0;
    TRY(evaluate_again(p, e, run, arena));
    return conclude(p, e, a, run->hits, run->n, lazy_settled(a->lazy), arena, d);
}

enum err policy_decide(const struct policy *p, struct policy_eval *e, const struct action *a,
                       struct policy_run **run, struct arena *arena, struct decision *ret)
{
    struct decision d = {.verdict = VERDICT_DENY};
    if (a->subject == NULL || a->resource == NULL || a->context == NULL ||
        a->kind < ACTION_SQL || a->kind >= (enum action_kind)ACTION_KINDS || (a->kind == ACTION_SQL && a->sql == NULL) ||
        (a->kind == ACTION_POLICY && a->policy == NULL))
        return ERR_BUG;
    if (*run != NULL)
        TRY(decide_again(p, e, a, *run, arena, &d));
    else
        TRY(decide_first(p, e, a, run, arena, &d));
    *ret = d;
    return ERR_OK;
}

/* --- Questions ------------------------------------------------------------------------------------ */

size_t policy_count(const struct policy *p)
{
    return p->n;
}

struct str policy_name(const struct policy *p, size_t i)
{
    return i < p->n ? p->guardrails[i].name : (struct str){NULL, 0};
}

bool policy_may_concern(const struct policy *p, enum action_kind kind, const struct resource *r)
{
    size_t number = resource_number(p, r);
    if (r->default_verdict != VERDICT_ALLOW || number == p->parts->n_resources || kind < ACTION_SQL ||
        kind >= (enum action_kind)ACTION_KINDS)
        return true;
    const uint64_t *base = p->index.base + (number * ACTION_KINDS + kind) * p->index.words;
    for (size_t w = 0; w < p->index.words; w++)
        if (base[w] != 0)
            return true;
    return false;
}

bool policy_holds_commits(const struct policy *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->guardrails[i].at_commit && !p->guardrails[i].observe)
            return true;
    return false;
}

bool policy_judges_changes(const struct policy *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->guardrails[i].kinds >> ACTION_POLICY & 1)
            return true;
    return false;
}
