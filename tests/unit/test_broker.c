/*
 * The broker, driven by a fake worker and real files. Names carry the invariant they attack
 * (src/broker/broker.c, SECURITY.md): S3 single use first.
 *
 * fdatasync and fsync are ours here, for SQLite too: they can end the process or fail at any of
 * their calls, which are the moments between "recorded", "committed" and "sent".
 */
#include "tap.h"

#include "audit/audit.h"
#include "audit/verify.h"
#include "base/limits.h"
#include "broker/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int fdatasync(int fd);
int fsync(int fd);

enum fault { FAULT_NONE, FAULT_EXIT, FAULT_EIO };
static struct {
    enum fault what;
    long at, calls;
} disk;

static int sync_or_fault(void)
{
    if (disk.what == FAULT_NONE || ++disk.calls < disk.at)
        return 0;
    if (disk.what == FAULT_EIO) {
        errno = EIO;
        return -1;
    }
    if (disk.calls == disk.at)
        _exit(77);
    return 0;
}

int fdatasync(int fd)
{
    (void)fd;
    return sync_or_fault();
}

int fsync(int fd)
{
    (void)fd;
    return sync_or_fault();
}

/* --- The rig --------------------------------------------------------------------------------- */

static const struct str g_dba[] = {STR_INIT("dba")};
static const struct str cy_accounts[] = {STR_INIT("dev")};
static const struct person everyone[] = {
    {.name = STR_INIT("ana"), .groups = g_dba, .n_groups = 1, .admin = true},
    {.name = STR_INIT("bo"), .groups = g_dba, .n_groups = 1},
    {.name = STR_INIT("cy"), .groups = g_dba, .n_groups = 1, .accounts = cy_accounts,
     .n_accounts = 1},
    {.name = STR_INIT("di")},
};
static const struct people people = {.list = everyone, .n = ARRAY_LEN(everyone)};
static const struct link_file files[] = {{STR_INIT("c.yaml"), STR_INIT("version: 1\n")}};
static const struct link_config config = {files, 1};
static const struct broker_policy policy = {.people = &people, .version = STR_INIT("v1"), .files = &config, .vocabulary = STR_INIT("a.fact")};

static const struct str from_dba[] = {STR_INIT("dba")};
static const struct requirement one_dba[] = {{.from = from_dba, .n_from = 1, .count = 1}};
static const struct requirement two_dba[] = {{.from = from_dba, .n_from = 1, .count = 2}};

#define ENVELOPE STR("{\"countersign\":1,\"kind\":\"sql\",\"action\":{\"text\":\"DELETE FROM t\"}}")

/* What the fake workers were told, kept over the death of a process. */
struct seen {
    int count[LINK_TYPE_COUNT_];
    uint64_t request, hold;
    uint32_t worker;
    struct digest digest;
    enum link_end end;
    char text[256], by[64]; /* approvers or reason */
};

struct rig {
    char dir[64], store[96], audit[96], instance[16];
    struct seen *seen;
    struct broker *b;
    struct moment now;
    struct arena a;
    int events[4], deadlines;
};

static void keep_text(char *out, size_t size, struct str s)
{
    (void)snprintf(out, size, "%.*s", STR_FMT(s));
}

static void fake_send(void *ctx, uint32_t worker, const struct link_message *m)
{
    struct rig *r = ctx;
    struct seen *s = r->seen;
    s->count[m->type]++;
    s->worker = worker;
    switch (m->type) {
    case LINK_SUBMITTED:
        s->request = m->submitted.request;
        s->hold = m->submitted.hold;
        keep_text(s->text, sizeof(s->text), m->submitted.approvers);
        break;
    case LINK_APPROVED:
        s->request = m->approved.request;
        s->digest = m->approved.digest;
        keep_text(s->by, sizeof(s->by), m->approved.by);
        break;
    case LINK_CLAIMED:
        s->request = m->claimed.request;
        s->digest = m->claimed.digest;
        break;
    case LINK_ENDED:
        s->request = m->ended.request;
        s->hold = m->ended.hold;
        s->end = m->ended.end;
        keep_text(s->text, sizeof(s->text), m->ended.reason);
        keep_text(s->by, sizeof(s->by), m->ended.by);
        break;
    default:
        break;
    }
}

static void fake_deadline_moved(void *ctx)
{
    ((struct rig *)ctx)->deadlines++;
}

static enum err rig_try(struct rig *r, struct broker_error *said)
{
    static const struct broker_ops ops = {.send = fake_send, .deadline_moved = fake_deadline_moved};
    struct broker_options o = {str_of(r->store), str_of(r->audit), str_of(r->instance), &ops, r, NULL};
    r->b = NULL;
    return broker_new(&o, &policy, r->now, &r->b, said);
}

static void rig_open(struct rig *r)
{
    struct broker_error said = {""};
    enum err e = rig_try(r, &said);
    CHECK_OK(e);
    if (e != ERR_OK)
        printf("# %s\n", said.text);
}

static void rig_init(struct rig *r)
{
    *r = (struct rig){.dir = "/tmp/countersign-test-XXXXXX", .instance = "k1",
                      .now = {1000 * NS_PER_S, 5 * NS_PER_S}};
    disk.what = FAULT_NONE;
    CHECK(mkdtemp(r->dir) != NULL);
    (void)snprintf(r->store, sizeof(r->store), "%s/x.db", r->dir);
    (void)snprintf(r->audit, sizeof(r->audit), "%s/audit", r->dir);
    r->seen = mmap(NULL, sizeof(*r->seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                   0);
    arena_init(&r->a, 64 * MIB);
    rig_open(r);
}

static struct audit_report verify(struct rig *r)
{
    struct audit_report rep = {0};
    struct note_key keys[AUDIT_KEYS];
    struct audit_verify_options o = {.dir = str_of(r->audit), .keys = keys};
    CHECK_OK(audit_own_keys(o.dir, keys, &o.n_keys));
    CHECK_OK(audit_verify(&o, &rep));
    CHECK(rep.fault == AUDIT_GOOD);
    return rep;
}

static void rig_done(struct rig *r)
{
    static const char *const names[] = {"x.db", "x.db-wal", "x.db-shm", "x.db.lock"};
    disk.what = FAULT_NONE;
    broker_free(r->b, r->now);
    (void)verify(r);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", r->dir, names[i]);
        (void)unlink(path);
    }
    char remove[128];
    (void)snprintf(remove, sizeof(remove), "rm -r %s", r->dir);
    CHECK(system(remove) == 0);
    (void)munmap(r->seen, sizeof(*r->seen));
    arena_done(&r->a);
}

/* The broker process is gone and another comes; workers live on. */
static void rig_restart(struct rig *r)
{
    broker_free(r->b, r->now);
    rig_open(r);
}

static void pass(struct rig *r, int64_t ns)
{
    r->now.wall_ns += ns;
    r->now.mono_ns += ns;
}

static enum err say(struct rig *r, uint32_t worker, struct link_message m)
{
    return broker_from_worker(r->b, worker, &m, r->now);
}

static enum err hello_with(struct rig *r, uint32_t worker, const struct link_open_hold *holds,
                           size_t n_holds, const uint64_t *runs, size_t n_runs)
{
    broker_worker_up(r->b, worker);
    return say(r, worker, (struct link_message){.type = LINK_HELLO,
                                                .hello = {worker, 100 + worker, holds, n_holds,
                                                          runs, n_runs}});
}

static void hello(struct rig *r, uint32_t worker)
{
    CHECK_OK(hello_with(r, worker, NULL, 0, NULL, 0));
}

static struct link_submit a_submit(uint64_t hold)
{
    return (struct link_submit){.hold = hold,
                                .envelope = ENVELOPE,
                                .digest = digest_of(ENVELOPE),
                                .context = STR("{\"address\":\"local\"}"),
                                .explanation = STR("[]"),
                                .subject = STR("dev"),
                                .person = STR("cy"),
                                .resource = STR("shop"),
                                .policy_version = STR("v1"),
                                .guardrails = STR("bulk"),
                                .message = STR("no WHERE"),
                                .quorum = {.reqs = one_dba, .n_reqs = 1},
                                .decide_within_ns = 60 * NS_PER_S,
                                .run_within_ns = 30 * NS_PER_S};
}

static enum err submit_as(struct rig *r, uint32_t worker, struct link_submit s)
{
    return say(r, worker, (struct link_message){.type = LINK_SUBMIT, .submit = s});
}

/* Held by a guardrail of its own, so that it is no repeat of an earlier one. */
static uint64_t submit(struct rig *r, uint32_t worker, uint64_t hold)
{
    char guardrail[32];
    struct link_submit s = a_submit(hold);
    int before = r->seen->count[LINK_SUBMITTED];
    s.guardrails.p = guardrail;
    s.guardrails.n = (size_t)snprintf(guardrail, sizeof(guardrail), "bulk-%u-%llu", worker,
                                      (unsigned long long)hold);
    CHECK_OK(submit_as(r, worker, s));
    CHECK(r->seen->count[LINK_SUBMITTED] == before + 1 && r->seen->hold == hold);
    return r->seen->request;
}

static enum err vote_with(struct rig *r, const char *who, uint64_t request, enum vote_kind kind,
                          struct digest d, enum request_state *ret_state)
{
    struct broker_caller caller = {.person = str_of(who), .via = STR("socket")};
    struct broker_voted voted = {0};
    struct broker_error said = {""};
    enum err e = broker_vote(r->b, &caller, request, kind, &d, STR("seen"), r->now, &r->a, &voted,
                             &said);
    CHECK(e == ERR_OK || said.text[0] != '\0');
    if (ret_state != NULL)
        *ret_state = voted.state;
    return e;
}

static enum err approve(struct rig *r, const char *who, uint64_t request)
{
    return vote_with(r, who, request, VOTE_APPROVE, digest_of(ENVELOPE), NULL);
}

static enum err claim_with(struct rig *r, uint32_t worker, uint64_t hold, uint64_t request,
                           struct digest d)
{
    return say(r, worker,
               (struct link_message){.type = LINK_CLAIM, .claim = {hold, request, d}});
}

static void claim(struct rig *r, uint32_t worker, uint64_t hold, uint64_t request)
{
    CHECK_OK(claim_with(r, worker, hold, request, digest_of(ENVELOPE)));
}

static enum err result(struct rig *r, uint32_t worker, uint64_t request, enum link_outcome o)
{
    return say(r, worker,
               (struct link_message){.type = LINK_RESULT,
                                     .result = {.request = request, .outcome = o,
                                                .tag = STR("DELETE 3"), .rows = 3,
                                                .duration_ns = 12}});
}

static enum request_state state_of(struct rig *r, uint64_t request)
{
    struct request q = {0};
    CHECK_OK(broker_get(r->b, request, &r->a, &q));
    return q.state;
}

/* The kinds of all records, each followed by a space. */
struct kinds {
    char text[4096];
    size_t n;
};

static bool add_kind(void *ctx, const struct audit_entry *rec)
{
    struct kinds *k = ctx;
    if (k->n + rec->kind.n + 2 < sizeof(k->text))
        k->n += (size_t)snprintf(k->text + k->n, sizeof(k->text) - k->n, "%.*s ",
                                 STR_FMT(rec->kind));
    return true;
}

static struct kinds kinds_of(struct rig *r)
{
    struct kinds k = {.n = 0};
    pass(r, NS_PER_S);
    broker_tick(r->b, r->now); /* what waits for its sync */
    CHECK_OK(audit_each(str_of(r->audit), 1, add_kind, &k));
    return k;
}

static int count_kind(struct rig *r, const char *kind)
{
    struct kinds k = kinds_of(r);
    char with_space[48];
    int n = 0;
    (void)snprintf(with_space, sizeof(with_space), "%s ", kind);
    for (const char *at = k.text; (at = strstr(at, with_space)) != NULL; at++)
        n += at == k.text || at[-1] == ' ';
    return n;
}

/* --- One life -------------------------------------------------------------------------------- */

TEST(a_request_lives_from_submit_to_result_and_every_step_is_recorded_in_order)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK_STR(str_of(r.seen->text), "1 of dba (ana, bo)"); /* cy asked for it */
    CHECK_OK(approve(&r, "ana", id));
    CHECK(r.seen->count[LINK_APPROVED] == 1);
    CHECK_STR(str_of(r.seen->by), "ana");
    struct digest d = digest_of(ENVELOPE);
    CHECK(digest_eq(&r.seen->digest, &d));
    claim(&r, 0, 1, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 1 && state_of(&r, id) == REQUEST_RUNNING);
    CHECK_OK(result(&r, 0, id, OUTCOME_COMPLETED));
    struct request q;
    CHECK_OK(broker_get(r.b, id, &r.a, &q));
    CHECK(q.state == REQUEST_COMPLETED && q.n_votes == 1);
    CHECK_STR(q.outcome, "{\"tag\":\"DELETE 3\",\"rows\":3,\"duration_ns\":12}");
    struct kinds k = kinds_of(&r);
    CHECK_STR(str_of(k.text),
              "started worker_ready opened vote approved running completed ");
    rig_done(&r);
}

static bool holds_envelope(void *ctx, const struct audit_entry *e)
{
    bool *found = ctx;
    char hex[DIGEST_HEX + 1];
    struct digest d = digest_of(ENVELOPE);
    if (str_is(e->kind, "opened"))
        *found = str_contains(e->data, STR("\"envelope\":\"{\\\"countersign\\\":1,\\\"kind\\\":\\\"sql\\\"")) &&
                 str_contains(e->data, digest_hex(&d, hex));
    return true;
}

TEST(the_record_of_a_request_holds_its_exact_envelope)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    (void)submit(&r, 0, 1);
    bool found = false;
    CHECK_OK(audit_each(str_of(r.audit), 1, holds_envelope, &found));
    CHECK(found);
    rig_done(&r);
}

static void count_event(void *ctx, const struct broker_event *e)
{
    struct rig *r = ctx;
    r->events[e->kind]++;
    CHECK(state_of(r, e->request) == e->state); /* it is stored already, and reading is allowed */
}

TEST(watchers_hear_of_it_when_it_is_stored)
{
    struct rig r;
    struct broker_subscription *s;
    rig_init(&r);
    hello(&r, 0);
    CHECK_OK(broker_subscribe(r.b, count_event, &r, &s));
    struct link_submit two = a_submit(1);
    two.quorum = (struct quorum){.reqs = two_dba, .n_reqs = 1};
    CHECK_OK(submit_as(&r, 0, two));
    uint64_t id = r.seen->request;
    CHECK_OK(approve(&r, "ana", id));
    CHECK_OK(approve(&r, "bo", id));
    CHECK(r.events[BROKER_REQUEST_OPENED] == 1 && r.events[BROKER_REQUEST_VOTED] == 1 &&
          r.events[BROKER_REQUEST_CHANGED] == 1);
    broker_unsubscribe(r.b, s);
    claim(&r, 0, 1, id);
    CHECK(r.events[BROKER_REQUEST_CHANGED] == 1 && r.deadlines == 2);
    rig_done(&r);
}

/* --- Votes ----------------------------------------------------------------------------------- */

TEST(I1_the_requester_cannot_vote_by_person_or_by_account)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK_ERR(approve(&r, "cy", id), ERR_FORBIDDEN);
    struct link_submit s = a_submit(2);
    s.person = STR(""); /* the worker does not say, but the account is cy's */
    CHECK_OK(submit_as(&r, 0, s));
    CHECK_ERR(approve(&r, "cy", r.seen->request), ERR_FORBIDDEN);
    s = a_submit(3);
    s.subject = STR("bot");
    s.person = STR("");
    s.on_behalf_of = STR("bo");
    CHECK_OK(submit_as(&r, 0, s));
    CHECK_ERR(approve(&r, "bo", r.seen->request), ERR_FORBIDDEN);
    CHECK(r.seen->count[LINK_APPROVED] == 0);
    CHECK(count_kind(&r, "vote_refused") == 3);
    rig_done(&r);
}

TEST(S2_a_vote_on_another_digest_counts_nothing)
{
    struct rig r;
    struct digest d = digest_of(STR("something else"));
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK_ERR(vote_with(&r, "ana", id, VOTE_APPROVE, d, NULL), ERR_STALE);
    CHECK(state_of(&r, id) == REQUEST_PENDING && r.seen->count[LINK_APPROVED] == 0);
    rig_done(&r);
}

TEST(I3_one_person_counts_once)
{
    struct rig r;
    enum request_state s;
    rig_init(&r);
    hello(&r, 0);
    struct link_submit two = a_submit(1);
    two.quorum = (struct quorum){.reqs = two_dba, .n_reqs = 1};
    CHECK_OK(submit_as(&r, 0, two));
    uint64_t id = r.seen->request;
    CHECK_STR(str_of(r.seen->text), "2 of dba (ana, bo)");
    CHECK_OK(vote_with(&r, "ana", id, VOTE_APPROVE, digest_of(ENVELOPE), &s));
    CHECK(s == REQUEST_PENDING);
    CHECK_ERR(approve(&r, "ana", id), ERR_EXISTS);
    CHECK(state_of(&r, id) == REQUEST_PENDING);
    CHECK_OK(vote_with(&r, "bo", id, VOTE_APPROVE, digest_of(ENVELOPE), &s));
    CHECK(s == REQUEST_APPROVED);
    CHECK_STR(str_of(r.seen->by), "ana, bo");
    rig_done(&r);
}

TEST(one_reject_ends_it_and_later_votes_find_it_over)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK_OK(vote_with(&r, "bo", id, VOTE_REJECT, digest_of(ENVELOPE), NULL));
    CHECK(r.seen->count[LINK_ENDED] == 1 && r.seen->end == END_REJECTED && r.seen->hold == 1);
    CHECK_STR(str_of(r.seen->by), "bo");
    CHECK_STR(str_of(r.seen->text), "seen");
    CHECK_ERR(approve(&r, "ana", id), ERR_BAD_STATE);
    CHECK_ERR(approve(&r, "ana", id + 1), ERR_NOT_FOUND);
    claim(&r, 0, 1, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 0);
    rig_done(&r);
}

TEST(a_reason_must_be_text_and_a_reject_needs_one)
{
    struct rig r;
    struct broker_caller ana = {.person = STR("ana"), .via = STR("http")};
    struct broker_voted voted;
    struct broker_error said;
    struct digest d = digest_of(ENVELOPE);
    char *long_text = calloc(1, LIMIT_REASON_BYTES + 1);
    memset(long_text, 'x', LIMIT_REASON_BYTES + 1);
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    const struct str bad[] = {STR(""), STR("  \n"), STR("a\xff"), STR("a\0b"),
                              {long_text, LIMIT_REASON_BYTES + 1}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(broker_vote(r.b, &ana, id, VOTE_REJECT, &d, bad[i], r.now, &r.a, &voted, &said),
                  ERR_INVALID);
    CHECK_ERR(broker_vote(r.b, &ana, id, (enum vote_kind)1, &d, STR("x"), r.now, &r.a, &voted,
                          &said), ERR_INVALID);
    CHECK_OK(broker_vote(r.b, &ana, id, VOTE_APPROVE, &d, STR(""), r.now, &r.a, &voted, &said));
    free(long_text);
    rig_done(&r);
}

TEST(who_may_decide_leaves_out_the_requester_and_who_voted)
{
    struct rig r;
    struct request q;
    const struct broker_requirement *lines;
    size_t n;
    rig_init(&r);
    hello(&r, 0);
    struct link_submit two = a_submit(1);
    two.quorum = (struct quorum){.reqs = two_dba, .n_reqs = 1};
    CHECK_OK(submit_as(&r, 0, two));
    CHECK_OK(approve(&r, "ana", r.seen->request));
    CHECK_OK(broker_get(r.b, r.seen->request, &r.a, &q));
    CHECK_OK(broker_who_may_decide(r.b, &q, (struct moment){0}, &r.a, &lines, &n));
    CHECK(n == 1 && lines[0].count == 2 && lines[0].have == 1 && lines[0].n_candidates == 1);
    CHECK_STR(lines[0].candidates[0], "bo");
    CHECK(broker_may_vote(r.b, &q, STR("bo")) && !broker_may_vote(r.b, &q, STR("ana")) &&
          !broker_may_vote(r.b, &q, STR("cy")) && !broker_may_vote(r.b, &q, STR("di")));
    rig_done(&r);
}

TEST(only_the_requester_or_the_operator_withdraws)
{
    struct rig r;
    struct broker_error said;
    struct broker_caller ana = {.person = STR("ana")}, cy = {.person = STR("cy")},
                         op = {.is_operator = true};
    rig_init(&r);
    hello(&r, 0);
    uint64_t a = submit(&r, 0, 1), b = submit(&r, 0, 2);
    CHECK_ERR(broker_withdraw(r.b, &ana, a, STR(""), r.now, &said), ERR_FORBIDDEN);
    CHECK_OK(broker_withdraw(r.b, &cy, a, STR("typo"), r.now, &said));
    CHECK(r.seen->end == END_WITHDRAWN && r.seen->request == a);
    CHECK_ERR(broker_withdraw(r.b, &cy, a, STR(""), r.now, &said), ERR_BAD_STATE);
    CHECK_OK(broker_withdraw(r.b, &op, b, STR(""), r.now, &said));
    CHECK(state_of(&r, b) == REQUEST_WITHDRAWN);
    rig_done(&r);
}

/* --- Claims ---------------------------------------------------------------------------------- */

TEST(S3_a_second_claim_runs_nothing)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK_OK(approve(&r, "ana", id));
    claim(&r, 0, 1, id);
    claim(&r, 0, 1, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 1 && r.seen->count[LINK_ENDED] == 1);
    CHECK(state_of(&r, id) == REQUEST_RUNNING);
    CHECK_OK(result(&r, 0, id, OUTCOME_COMPLETED));
    claim(&r, 0, 1, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 1);
    rig_done(&r);
}

TEST(S3_of_64_claims_by_64_workers_one_runs)
{
    struct rig r;
    rig_init(&r);
    for (uint32_t w = 0; w < 64; w++)
        hello(&r, w);
    uint64_t id = submit(&r, 17, 1);
    CHECK_OK(approve(&r, "ana", id));
    for (uint32_t w = 0; w < 64; w++)
        for (uint64_t hold = 1; hold <= 2; hold++)
            claim(&r, w, hold, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 1 && r.seen->count[LINK_ENDED] == 127);
    CHECK(count_kind(&r, "running") == 1 && count_kind(&r, "claim_refused") == 127);
    rig_done(&r);
}

TEST(S2_a_claim_with_another_digest_ends_the_request)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK_OK(approve(&r, "ana", id));
    CHECK_OK(claim_with(&r, 0, 1, id, digest_of(STR("other"))));
    CHECK(r.seen->count[LINK_CLAIMED] == 0 && r.seen->count[LINK_ENDED] == 1);
    CHECK(state_of(&r, id) == REQUEST_WITHDRAWN);
    claim(&r, 0, 1, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 0);
    rig_done(&r);
}

TEST(S1_a_claim_without_an_approval_runs_nothing)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    claim(&r, 0, 1, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 0 && state_of(&r, id) == REQUEST_WITHDRAWN);
    CHECK_ERR(approve(&r, "ana", id), ERR_BAD_STATE);
    rig_done(&r);
}

TEST(S4_what_expired_between_approval_and_claim_does_not_run)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK_OK(approve(&r, "ana", id));
    pass(&r, 30 * NS_PER_S); /* no tick in between */
    claim(&r, 0, 1, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 0 && r.seen->end == END_EXPIRED);
    CHECK(state_of(&r, id) == REQUEST_EXPIRED);
    rig_done(&r);
}

TEST(L1_a_tick_expires_what_nobody_decided_or_ran)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t undecided = submit(&r, 0, 1), unrun = submit(&r, 0, 2);
    CHECK_OK(approve(&r, "ana", unrun));
    pass(&r, NS_PER_S);
    broker_tick(r.b, r.now);
    CHECK(broker_next_deadline(r.b) == 5 * NS_PER_S + 30 * NS_PER_S);
    pass(&r, 29 * NS_PER_S);
    broker_tick(r.b, r.now);
    CHECK(state_of(&r, unrun) == REQUEST_EXPIRED && state_of(&r, undecided) == REQUEST_PENDING);
    pass(&r, 30 * NS_PER_S);
    broker_tick(r.b, r.now);
    CHECK(state_of(&r, undecided) == REQUEST_EXPIRED && r.seen->count[LINK_ENDED] == 2);
    CHECK_ERR(approve(&r, "ana", undecided), ERR_BAD_STATE);
    rig_done(&r);
}

TEST(L8_the_wall_clock_neither_extends_nor_kills)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    r.now.wall_ns += 86400 * NS_PER_S;
    broker_tick(r.b, r.now);
    CHECK(state_of(&r, id) == REQUEST_PENDING);
    r.now.wall_ns -= 3 * 86400 * NS_PER_S;
    r.now.mono_ns += 60 * NS_PER_S;
    broker_tick(r.b, r.now);
    CHECK(state_of(&r, id) == REQUEST_EXPIRED);
    rig_done(&r);
}

TEST(I2_who_lost_the_right_since_voting_does_not_count_at_the_claim)
{
    static const struct person fewer[] = {
        {.name = STR_INIT("ana")},
        {.name = STR_INIT("bo"), .groups = g_dba, .n_groups = 1},
    };
    static const struct people left = {.list = fewer, .n = 2};
    static const struct broker_policy next = {.people = &left, .version = STR_INIT("v2"), .files = &config, .vocabulary = STR_INIT("a.fact")};
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK_OK(approve(&r, "ana", id));
    CHECK_OK(broker_set_policy(r.b, &next, STR("SIGHUP"), r.now));
    CHECK(r.seen->count[LINK_CONFIG] == 2);
    claim(&r, 0, 1, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 0 && state_of(&r, id) == REQUEST_WITHDRAWN);
    CHECK(count_kind(&r, "policy") == 1);
    rig_done(&r);
}

TEST(a_word_of_withdrawal_ends_it_also_when_it_crosses_the_approval)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    for (uint64_t hold = 1; hold <= 2; hold++) {
        uint64_t id = submit(&r, 0, hold);
        if (hold == 2)
            CHECK_OK(approve(&r, "ana", id));
        struct link_message m = {.type = LINK_WITHDRAW,
                                 .withdraw = {.hold = hold, .reason = STR("Ctrl-C")}};
        int before = r.seen->count[LINK_ENDED];
        CHECK_OK(say(&r, 0, m));
        CHECK(r.seen->count[LINK_ENDED] == before + 1 && r.seen->end == END_WITHDRAWN);
        CHECK(state_of(&r, id) == REQUEST_WITHDRAWN);
        claim(&r, 0, hold, id);
    }
    CHECK(r.seen->count[LINK_CLAIMED] == 0);
    rig_done(&r);
}

/* --- What workers may not do ------------------------------------------------------------------- */

TEST(a_worker_speaks_in_its_state_only)
{
    struct rig r;
    struct link_message h = {.type = LINK_HELLO, .hello = {.worker = 0, .pid = 1}};
    rig_init(&r);
    CHECK_ERR(say(&r, 0, h), ERR_PROTOCOL); /* no stream */
    broker_worker_up(r.b, 0);
    for (int t = LINK_SUBMIT; t < LINK_TYPE_COUNT_; t++)
        CHECK_ERR(say(&r, 0, (struct link_message){.type = (enum link_type)t}), ERR_PROTOCOL);
    h.hello.worker = 1;
    CHECK_ERR(say(&r, 0, h), ERR_PROTOCOL); /* another's index */
    h.hello.worker = 0;
    CHECK_OK(say(&r, 0, h));
    CHECK_ERR(say(&r, 0, h), ERR_PROTOCOL); /* twice */
    for (int t = LINK_CONFIG; t < LINK_TYPE_COUNT_; t++)
        CHECK_ERR(say(&r, 0, (struct link_message){.type = (enum link_type)t}), ERR_PROTOCOL);
    CHECK_ERR(say(&r, LIMIT_WORKERS, h), ERR_PROTOCOL);
    CHECK_ERR(say(&r, 0, (struct link_message){.type = LINK_RECORD, .record = {STR("{}\n{}")}}),
              ERR_PROTOCOL);
    rig_done(&r);
}

TEST(S6_a_submission_that_is_not_what_it_says_is_refused)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    struct link_submit bad[7];
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        bad[i] = a_submit(i + 1);
    bad[0].digest = digest_of(STR("other"));
    bad[1].envelope = STR("{}\n{}");
    bad[1].digest = digest_of(bad[1].envelope);
    bad[2].context = STR("{");
    bad[3].quorum = (struct quorum){.reqs = NULL, .n_reqs = 0};
    bad[4].decide_within_ns = 0;
    bad[5].run_within_ns = INT64_MAX;
    bad[6].explanation = STR("nothing");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK_OK(submit_as(&r, 0, bad[i]));
        CHECK(r.seen->count[LINK_ENDED] == (int)i + 1 && r.seen->end == END_UNAVAILABLE);
    }
    CHECK(r.seen->count[LINK_SUBMITTED] == 0);
    CHECK_ERR(submit_as(&r, 0, a_submit(0)), ERR_PROTOCOL);
    (void)submit(&r, 0, 9);
    CHECK_ERR(submit_as(&r, 0, a_submit(9)), ERR_PROTOCOL); /* a hold is named once */
    rig_done(&r);
}

TEST(L4_one_subject_opens_so_many_requests_and_no_more)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t first = 0;
    for (uint64_t i = 1; i <= LIMIT_OPEN_REQUESTS_PER_SUBJECT; i++) {
        uint64_t id = submit(&r, 0, i);
        first = first != 0 ? first : id;
    }
    CHECK_OK(submit_as(&r, 0, a_submit(1000)));
    CHECK(r.seen->count[LINK_ENDED] == 1 && r.seen->end == END_LIMIT);
    CHECK_STR(str_of(r.seen->text), "50 requests of this account wait already: the limit");
    struct link_submit other = a_submit(1001);
    other.subject = STR("dev2");
    CHECK_OK(submit_as(&r, 0, other));
    CHECK(r.seen->count[LINK_SUBMITTED] == LIMIT_OPEN_REQUESTS_PER_SUBJECT + 1);
    CHECK_OK(vote_with(&r, "ana", first, VOTE_REJECT, digest_of(ENVELOPE), NULL));
    (void)submit(&r, 0, 1002);
    rig_done(&r);
}

TEST(what_nobody_could_approve_is_refused_at_once)
{
    static const struct str nobody[] = {STR_INIT("leads")};
    static const struct requirement of_nobody[] = {{.from = nobody, .n_from = 1, .count = 1}};
    static const struct requirement three[] = {{.from = from_dba, .n_from = 1, .count = 3}};
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    struct link_submit s = a_submit(1);
    s.quorum = (struct quorum){.reqs = of_nobody, .n_reqs = 1};
    CHECK_OK(submit_as(&r, 0, s));
    CHECK(r.seen->end == END_UNAVAILABLE && r.seen->count[LINK_ENDED] == 1);
    s = a_submit(2);
    s.quorum = (struct quorum){.reqs = three, .n_reqs = 1}; /* ana, bo, and cy who asks */
    CHECK_OK(submit_as(&r, 0, s));
    CHECK(r.seen->count[LINK_ENDED] == 2 && r.seen->count[LINK_SUBMITTED] == 0);
    rig_done(&r);
}

/* --- Workers that go ------------------------------------------------------------------------- */

TEST(A2_what_a_lost_worker_held_is_withdrawn_and_what_it_ran_is_unknown)
{
    struct rig r;
    struct request q;
    rig_init(&r);
    hello(&r, 0);
    hello(&r, 1);
    uint64_t held = submit(&r, 0, 1), ran = submit(&r, 0, 2), others = submit(&r, 1, 1);
    CHECK_OK(approve(&r, "ana", ran));
    claim(&r, 0, 2, ran);
    broker_worker_lost(r.b, 0, r.now);
    CHECK(state_of(&r, held) == REQUEST_WITHDRAWN && state_of(&r, ran) == REQUEST_UNKNOWN);
    CHECK(state_of(&r, others) == REQUEST_PENDING && r.seen->count[LINK_ENDED] == 0);
    CHECK_OK(broker_get(r.b, held, &r.a, &q));
    hello(&r, 0); /* its successor knows nothing of it */
    CHECK_OK(result(&r, 0, ran, OUTCOME_COMPLETED));
    CHECK(state_of(&r, ran) == REQUEST_UNKNOWN);
    CHECK_ERR(approve(&r, "ana", held), ERR_BAD_STATE);
    rig_done(&r);
}

TEST(a_kept_request_waits_without_its_client_and_the_same_action_attaches)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    hello(&r, 1);
    struct link_submit s = a_submit(1);
    s.keep_on_disconnect = true;
    CHECK_OK(submit_as(&r, 0, s));
    uint64_t id = r.seen->request;
    struct link_message gone = {.type = LINK_WITHDRAW,
                                .withdraw = {.hold = 1, .request = id, .gone = true}};
    CHECK_OK(say(&r, 0, gone));
    CHECK(r.seen->count[LINK_ENDED] == 1 && state_of(&r, id) == REQUEST_PENDING);
    CHECK_OK(approve(&r, "ana", id));
    CHECK(r.seen->count[LINK_APPROVED] == 0); /* nobody is there */
    struct link_submit other = a_submit(5);
    other.subject = STR("dev2");
    CHECK_OK(submit_as(&r, 1, other));
    CHECK(r.seen->request != id); /* another's request is not theirs to take */
    struct link_submit stricter = s;
    stricter.hold = 7;
    stricter.guardrails = STR("bulk-write,at-night");
    CHECK_OK(submit_as(&r, 1, stricter));
    CHECK(r.seen->request != id); /* nor is an approval good for more than it was asked for */
    static const struct str from[] = {STR_INIT("dba")};
    static const struct requirement two[] = {{.from = from, .n_from = 1, .count = 2}};
    stricter = s;
    stricter.hold = 8;
    stricter.quorum = (struct quorum){.reqs = two, .n_reqs = 1};
    CHECK_OK(submit_as(&r, 1, stricter));
    CHECK(r.seen->request != id && r.seen->count[LINK_APPROVED] == 0);
    s.hold = 6;
    CHECK_OK(submit_as(&r, 1, s));
    CHECK(r.seen->request == id && r.seen->count[LINK_APPROVED] == 1 && r.seen->worker == 1);
    claim(&r, 0, 1, id); /* the first holder has no say any more */
    CHECK(r.seen->count[LINK_CLAIMED] == 0);
    claim(&r, 1, 6, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 1);
    CHECK(count_kind(&r, "detached") == 1 && count_kind(&r, "attached") == 1);
    rig_done(&r);
}

/* --- The broker comes back --------------------------------------------------------------------- */

TEST(L3_held_requests_come_back_with_the_same_digest)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t pending = submit(&r, 0, 1), approved = submit(&r, 0, 2), running = submit(&r, 0, 3);
    CHECK_OK(approve(&r, "ana", approved));
    CHECK_OK(approve(&r, "ana", running));
    claim(&r, 0, 3, running);
    rig_restart(&r);
    int told = r.seen->count[LINK_APPROVED];
    struct digest d = digest_of(ENVELOPE);
    const struct link_open_hold holds[] = {{1, pending, d}, {2, approved, d}};
    CHECK_OK(hello_with(&r, 0, holds, 2, &running, 1));
    CHECK(r.seen->count[LINK_APPROVED] == told + 1 && r.seen->request == approved);
    CHECK(r.seen->count[LINK_ENDED] == 0);
    claim(&r, 0, 2, approved);
    CHECK_OK(approve(&r, "bo", pending));
    claim(&r, 0, 1, pending);
    CHECK(r.seen->count[LINK_CLAIMED] == 3);
    CHECK_OK(result(&r, 0, running, OUTCOME_FAILED));
    CHECK(state_of(&r, running) == REQUEST_FAILED);
    rig_done(&r);
}

TEST(L3_what_its_worker_does_not_name_again_ends)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t pending = submit(&r, 0, 1), running = submit(&r, 0, 2), wrong = submit(&r, 0, 3);
    CHECK_OK(approve(&r, "ana", running));
    claim(&r, 0, 2, running);
    rig_restart(&r);
    const struct link_open_hold holds[] = {{3, wrong, digest_of(STR("other"))}, {9, 0, {{0}}}};
    CHECK_OK(hello_with(&r, 0, holds, 2, NULL, 0));
    CHECK(r.seen->count[LINK_ENDED] == 2 && r.seen->end == END_UNAVAILABLE);
    CHECK(state_of(&r, pending) == REQUEST_WITHDRAWN && state_of(&r, wrong) == REQUEST_WITHDRAWN);
    CHECK(state_of(&r, running) == REQUEST_UNKNOWN);
    rig_done(&r);
}

TEST(L3_a_worker_cannot_name_what_another_held)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK_OK(approve(&r, "ana", id));
    rig_restart(&r);
    const struct link_open_hold hold = {1, id, digest_of(ENVELOPE)};
    CHECK_OK(hello_with(&r, 1, &hold, 1, &id, 1));
    CHECK(r.seen->end == END_UNAVAILABLE && r.seen->count[LINK_ENDED] == 1);
    CHECK_OK(hello_with(&r, 0, &hold, 1, NULL, 0)); /* its own may */
    claim(&r, 0, 1, id);
    CHECK(r.seen->count[LINK_CLAIMED] == 1);
    rig_done(&r);
}

TEST(a_claim_that_never_came_to_the_broker_ends_what_the_worker_refused)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK_OK(approve(&r, "ana", id));
    rig_restart(&r);
    CHECK_OK(hello_with(&r, 0, NULL, 0, &id, 1));
    CHECK(state_of(&r, id) == REQUEST_WITHDRAWN);
    CHECK_OK(result(&r, 0, id, OUTCOME_FAILED));
    CHECK(state_of(&r, id) == REQUEST_WITHDRAWN);
    rig_done(&r);
}

TEST(L1_after_the_grace_what_no_worker_named_is_withdrawn_unless_kept)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t dropped = submit(&r, 0, 1), running = submit(&r, 0, 2);
    CHECK_OK(approve(&r, "ana", running));
    claim(&r, 0, 2, running);
    struct link_submit s = a_submit(3);
    s.keep_on_disconnect = true;
    CHECK_OK(submit_as(&r, 0, s));
    uint64_t kept = r.seen->request;
    rig_restart(&r);
    broker_tick(r.b, r.now);
    CHECK(state_of(&r, dropped) == REQUEST_PENDING);
    pass(&r, LIMIT_LINK_GRACE_MS * NS_PER_MS);
    CHECK(broker_next_deadline(r.b) <= r.now.mono_ns);
    broker_tick(r.b, r.now);
    CHECK(state_of(&r, dropped) == REQUEST_WITHDRAWN && state_of(&r, kept) == REQUEST_PENDING);
    CHECK(state_of(&r, running) == REQUEST_UNKNOWN);
    rig_done(&r);
}

TEST(L3_after_a_restart_of_everything_nothing_waits_for_old_workers)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    uint64_t pending = submit(&r, 0, 1), running = submit(&r, 0, 2);
    CHECK_OK(approve(&r, "ana", running));
    claim(&r, 0, 2, running);
    (void)snprintf(r.instance, sizeof(r.instance), "k2");
    rig_restart(&r);
    CHECK(state_of(&r, pending) == REQUEST_WITHDRAWN && state_of(&r, running) == REQUEST_UNKNOWN);
    rig_done(&r);
}

TEST(L8_a_restart_does_not_extend_a_deadline)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    struct link_submit s = a_submit(1);
    s.keep_on_disconnect = true;
    CHECK_OK(submit_as(&r, 0, s));
    uint64_t id = r.seen->request;
    r.now.wall_ns -= 86400 * NS_PER_S; /* set back while the broker was down */
    rig_restart(&r);
    r.now.mono_ns += 60 * NS_PER_S;
    broker_tick(r.b, r.now);
    CHECK(state_of(&r, id) == REQUEST_EXPIRED);
    rig_done(&r);
}

/* --- Crashes and broken disks -------------------------------------------------------------------- */

/* What the worker knows of its one hold, kept over the death of the broker. */
static enum err tell_impact(struct rig *r, uint32_t worker, uint64_t hold, unsigned char shape, const char *json)
{
    struct link_impact i = {.hold = hold, .shape = {{shape}}, .json = str_of(json)};
    return say(r, worker, (struct link_message){.type = LINK_IMPACT, .impact = i});
}

static struct broker_impact impact_of(struct rig *r, uint64_t request, struct arena *a)
{
    struct request q;
    struct broker_impact i = {.json = {NULL, 0}};
    CHECK_OK(broker_get(r->b, request, a, &q));
    CHECK_OK(broker_impact(r->b, &q, a, &i));
    return i;
}

TEST(the_impact_is_kept_beside_the_request_and_recorded)
{
    struct rig r;
    struct arena a;
    rig_init(&r);
    arena_init(&a, 64 * MIB);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1);
    CHECK(impact_of(&r, id, &a).json.n == 0);
    CHECK_OK(tell_impact(&r, 0, 1, 5, "{\"taken\":1}"));
    CHECK_STR(impact_of(&r, id, &a).json, "{\"taken\":1}");
    CHECK(count_kind(&r, "impact") == 1);
    CHECK_OK(tell_impact(&r, 0, 1, 5, "{\"taken\":2}"));
    CHECK_STR(impact_of(&r, id, &a).json, "{\"taken\":2}");
    rig_restart(&r);
    CHECK_STR(impact_of(&r, id, &a).json, "{\"taken\":2}");
    arena_done(&a);
    rig_done(&r);
}

TEST(an_impact_for_what_is_over_or_was_never_held_changes_nothing)
{
    struct rig r;
    rig_init(&r);
    hello(&r, 0);
    hello(&r, 1);
    (void)submit(&r, 0, 1);
    CHECK_OK(tell_impact(&r, 0, 2, 5, "{}"));
    CHECK_OK(tell_impact(&r, 1, 1, 5, "{}"));
    CHECK_OK(tell_impact(&r, 0, 0, 5, "{}"));
    CHECK(count_kind(&r, "impact") == 0);
    rig_done(&r);
}

TEST(an_impact_that_is_no_object_on_one_line_ends_its_worker)
{
    static const char *const bad[] = {"", "x", "[]", "{}{}", "{\"a\":\n1}", "\"x\""};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct rig r;
        rig_init(&r);
        hello(&r, 0);
        (void)submit(&r, 0, 1);
        CHECK_ERR(tell_impact(&r, 0, 1, 5, bad[i]), ERR_PROTOCOL);
        rig_done(&r);
    }
}

/* What ended counts, of the same shape, before this one. */
TEST(how_earlier_ones_of_a_shape_ended_is_counted)
{
    struct rig r;
    struct arena a;
    rig_init(&r);
    arena_init(&a, 64 * MIB);
    hello(&r, 0);
    uint64_t first = submit(&r, 0, 1);
    CHECK_OK(tell_impact(&r, 0, 1, 5, "{}"));
    CHECK_OK(approve(&r, "ana", first));
    claim(&r, 0, 1, first);
    CHECK_OK(result(&r, 0, first, OUTCOME_COMPLETED));
    uint64_t other = submit(&r, 0, 2);
    CHECK_OK(tell_impact(&r, 0, 2, 6, "{}"));
    CHECK(impact_of(&r, other, &a).ended[REQUEST_COMPLETED] == 0);
    uint64_t again = submit(&r, 0, 3);
    CHECK_OK(tell_impact(&r, 0, 3, 5, "{}"));
    struct broker_impact i = impact_of(&r, again, &a);
    CHECK(i.ended[REQUEST_COMPLETED] == 1 && i.ended[REQUEST_REJECTED] == 0);
    CHECK(impact_of(&r, first, &a).ended[REQUEST_COMPLETED] == 0);
    uint64_t shapeless = submit(&r, 0, 4);
    CHECK_OK(tell_impact(&r, 0, 4, 0, "{}"));
    CHECK(impact_of(&r, shapeless, &a).ended[REQUEST_COMPLETED] == 0);
    arena_done(&a);
    rig_done(&r);
}

static void live_once(struct rig *r, uint64_t *id)
{
    struct digest d = digest_of(ENVELOPE);
    hello(r, 0);
    (void)submit_as(r, 0, a_submit(1));
    *id = r->seen->request;
    if (r->seen->count[LINK_SUBMITTED] == 0)
        return;
    (void)vote_with(r, "ana", *id, VOTE_APPROVE, d, NULL);
    (void)claim_with(r, 0, 1, *id, d);
    (void)result(r, 0, *id, OUTCOME_COMPLETED);
}

/* Everything that somebody could try again after the crash. */
static void try_again(struct rig *r, uint64_t id)
{
    struct digest d = digest_of(ENVELOPE);
    bool ran = r->seen->count[LINK_CLAIMED] != 0;
    const struct link_open_hold hold = {1, id, d};
    CHECK_OK(hello_with(r, 0, &hold, ran ? 0 : 1, &id, ran ? 1 : 0));
    (void)vote_with(r, "bo", id, VOTE_APPROVE, d, NULL);
    for (int i = 0; i < 3; i++)
        (void)claim_with(r, 0, 1, id, d);
    pass(r, 100 * NS_PER_S);
    broker_tick(r->b, r->now);
    (void)claim_with(r, 0, 1, id, d);
}

static bool crash_at(long at)
{
    struct rig r;
    int status = 0;
    rig_init(&r);
    broker_free(r.b, r.now);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        uint64_t id;
        rig_open(&r);
        disk.calls = 0;
        disk.at = at;
        disk.what = FAULT_EXIT;
        live_once(&r, &id);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    bool crashed = WEXITSTATUS(status) == 77;
    uint64_t id = r.seen->request;
    rig_open(&r);
    if (r.b != NULL && id != 0)
        try_again(&r, id);
    CHECK(r.seen->count[LINK_CLAIMED] <= 1);
    /* Every claim that was answered has its record, and one that has two was undone in between. */
    CHECK(count_kind(&r, "running") <= 1 + count_kind(&r, "undone"));
    CHECK(count_kind(&r, "running") >= r.seen->count[LINK_CLAIMED]);
    CHECK(count_kind(&r, "approved") >= (r.seen->count[LINK_APPROVED] != 0));
    rig_done(&r);
    return crashed;
}

TEST(S3_A1_a_crash_at_any_disk_operation_never_runs_it_twice_nor_unrecorded)
{
    long crashes = 0;
    while (crash_at(crashes + 1) && crashes < 100)
        crashes++;
    CHECK(crashes >= 8 && crashes < 100);
}

static bool disk_breaks_at(long at)
{
    struct rig r;
    uint64_t id = 0;
    rig_init(&r);
    disk.calls = 0;
    disk.at = at;
    disk.what = FAULT_EIO; /* from here on */
    live_once(&r, &id);
    bool broke = disk.calls >= at;
    struct str why;
    struct seen before = *r.seen;
    CHECK(broker_health(r.b, &why) == !broke);
    CHECK(!broke || why.n != 0);
    if (broke) { /* S12, L6: nothing new is taken, approved or released */
        CHECK_OK(submit_as(&r, 0, a_submit(50)));
        CHECK(r.seen->end == END_UNAVAILABLE);
        if (id != 0) {
            CHECK(approve(&r, "bo", id) != ERR_OK);
            claim(&r, 0, 1, id);
        }
        CHECK(r.seen->count[LINK_SUBMITTED] == before.count[LINK_SUBMITTED] &&
              r.seen->count[LINK_APPROVED] == before.count[LINK_APPROVED] &&
              r.seen->count[LINK_CLAIMED] == before.count[LINK_CLAIMED]);
    }
    disk.what = FAULT_NONE;
    rig_restart(&r); /* L6: recovery needs no repair */
    if (id != 0)
        try_again(&r, id);
    CHECK(r.seen->count[LINK_CLAIMED] <= 1);
    CHECK(broker_health(r.b, &why));
    rig_done(&r);
    return broke;
}

TEST(A5_S12_L6_a_disk_that_breaks_at_any_operation_refuses_everything_after)
{
    long at = 0;
    while (disk_breaks_at(at + 1) && at < 100)
        at++;
    CHECK(at >= 8 && at < 100);
}

TEST(L6_when_the_disk_is_well_again_the_broker_goes_on_by_itself)
{
    for (long at = 1; at <= 12; at++) {
        struct rig r;
        struct str why;
        uint64_t id = 0;
        rig_init(&r);
        disk.calls = 0;
        disk.at = at;
        disk.what = FAULT_EIO;
        live_once(&r, &id);
        int ran = r.seen->count[LINK_CLAIMED];
        for (int i = 0; i < 3; i++) {
            struct broker_metrics m;
            pass(&r, NS_PER_S);
            broker_tick(r.b, r.now);
            broker_metrics(r.b, &m);
            CHECK(m.audit_healthy || r.seen->count[LINK_LOG] % 2 == 1); /* the worker knows */
            CHECK(m.audit_healthy ||
                  broker_next_deadline(r.b) <= r.now.mono_ns + LIMIT_AUDIT_RETRY_MS * NS_PER_MS);
        }
        disk.what = FAULT_NONE;
        for (int i = 0; i < 4; i++) {
            pass(&r, NS_PER_S);
            broker_tick(r.b, r.now);
        }
        uint64_t next = submit(&r, 0, 77);
        CHECK(broker_health(r.b, &why));
        CHECK_OK(approve(&r, "ana", next));
        claim(&r, 0, 77, next);
        CHECK(r.seen->count[LINK_CLAIMED] == ran + 1);
        CHECK_OK(result(&r, 0, next, OUTCOME_COMPLETED));
        CHECK(state_of(&r, next) == REQUEST_COMPLETED);
        rig_done(&r);
    }
}

TEST(S12_a_locked_store_refuses_and_recovers)
{
    struct rig r;
    sqlite3 *shell;
    rig_init(&r);
    hello(&r, 0);
    uint64_t id = submit(&r, 0, 1), other = submit(&r, 0, 2);
    CHECK_OK(approve(&r, "ana", other));
    CHECK(sqlite3_open(r.store, &shell) == SQLITE_OK);
    CHECK(sqlite3_exec(shell, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
    CHECK_ERR(approve(&r, "ana", id), ERR_IO);
    claim(&r, 0, 2, other);
    CHECK(r.seen->count[LINK_CLAIMED] == 0 && r.seen->end == END_UNAVAILABLE);
    CHECK_OK(submit_as(&r, 0, a_submit(3)));
    CHECK(r.seen->count[LINK_ENDED] == 2);
    struct str why;
    CHECK(!broker_health(r.b, &why));
    CHECK(sqlite3_exec(shell, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
    CHECK(sqlite3_close(shell) == SQLITE_OK);
    CHECK_OK(approve(&r, "ana", id));
    claim(&r, 0, 2, other); /* its hold was answered: it never runs */
    CHECK(r.seen->count[LINK_CLAIMED] == 0);
    pass(&r, 2 * NS_PER_S);
    broker_tick(r.b, r.now);
    CHECK(state_of(&r, other) == REQUEST_WITHDRAWN && broker_health(r.b, &why));
    rig_done(&r);
}

TEST(A3_a_log_that_lost_its_end_or_is_another_is_noticed_at_the_start)
{
    struct rig r;
    struct broker_error said;
    rig_init(&r);
    hello(&r, 0);
    (void)submit(&r, 0, 1);
    broker_free(r.b, r.now);
    r.b = NULL;
    char away[160];
    (void)snprintf(away, sizeof(away), "%s.away", r.audit);
    CHECK(rename(r.audit, away) == 0);
    CHECK_ERR(rig_try(&r, &said), ERR_CORRUPT);
    CHECK_ERR(rig_try(&r, &said), ERR_CORRUPT); /* still, the second time */
    CHECK(strstr(said.text, "audit") != NULL);
    char remove[160];
    (void)snprintf(remove, sizeof(remove), "rm -r %s", r.audit);
    CHECK(system(remove) == 0); /* a new one was begun */
    CHECK(rename(away, r.audit) == 0);
    rig_open(&r);
    rig_done(&r);
}

/* --- The rest -------------------------------------------------------------------------------- */

TEST(tokens_are_issued_by_admins_and_end_with_their_person)
{
    static const struct people without_ana = {.list = everyone + 1, .n = ARRAY_LEN(everyone) - 1};
    static const struct broker_policy next = {.people = &without_ana, .version = STR_INIT("v2"), .files = &config, .vocabulary = STR_INIT("a.fact")};
    struct rig r;
    struct broker_error said;
    struct broker_caller ana = {.person = STR("ana")}, bo = {.person = STR("bo")};
    char text[BROKER_TOKEN_TEXT], second[BROKER_TOKEN_TEXT];
    struct str person;
    uint64_t id, id2;
    uint32_t scopes;
    rig_init(&r);
    CHECK_ERR(broker_token_create(r.b, &bo, STR("bo"), STR(""), BROKER_MAY_ALL, 0, r.now, text,
                                  &id, &said), ERR_FORBIDDEN);
    CHECK_ERR(broker_token_create(r.b, &ana, STR("x"), STR(""), BROKER_MAY_ALL, 0, r.now, text,
                                  &id, &said), ERR_NOT_FOUND);
    CHECK_OK(broker_token_create(r.b, &ana, STR("ana"), STR("laptop"), BROKER_MAY_APPROVE,
                                 r.now.wall_ns + NS_PER_S, r.now, text, &id, &said));
    CHECK_OK(broker_token_create(r.b, &ana, STR("bo"), STR(""), BROKER_MAY_ACT, 0, r.now, second,
                                 &id2, &said));
    CHECK(strlen(text) == 67 && strcmp(text, second) != 0);
    CHECK_OK(broker_token_lookup(r.b, str_of(text), r.now, &person, &scopes));
    CHECK_STR(person, "ana");
    CHECK(scopes == BROKER_MAY_APPROVE);
    CHECK_ERR(broker_token_lookup(r.b, STR("cs_00"), r.now, &person, &scopes), ERR_FORBIDDEN);
    CHECK_ERR(broker_token_lookup(r.b, STR(""), r.now, &person, &scopes), ERR_FORBIDDEN);
    struct moment later = {r.now.wall_ns + NS_PER_S, r.now.mono_ns};
    CHECK_ERR(broker_token_lookup(r.b, str_of(text), later, &person, &scopes), ERR_FORBIDDEN);
    CHECK_ERR(broker_token_revoke(r.b, &bo, id, r.now, &said), ERR_FORBIDDEN);
    CHECK_OK(broker_token_revoke(r.b, &bo, id2, r.now, &said)); /* one's own */
    CHECK_ERR(broker_token_revoke(r.b, &bo, id2, r.now, &said), ERR_BAD_STATE);
    CHECK_ERR(broker_token_lookup(r.b, str_of(second), r.now, &person, &scopes), ERR_FORBIDDEN);
    CHECK_OK(broker_set_policy(r.b, &next, STR("SIGHUP"), r.now));
    CHECK_ERR(broker_token_lookup(r.b, str_of(text), r.now, &person, &scopes), ERR_FORBIDDEN);
    CHECK(count_kind(&r, "token_created") == 2 && count_kind(&r, "token_revoked") == 1);
    rig_done(&r);
}

TEST(A9_policy_changes_are_recorded_and_what_cannot_be_handed_out_is_refused)
{
    struct rig r;
    struct str big = {calloc(1, LIMIT_LINK_MESSAGE), LIMIT_LINK_MESSAGE};
    struct link_file big_file = {STR("big.yaml"), big};
    struct link_config big_config = {&big_file, 1};
    struct broker_policy too_big = {.people = &people, .version = STR("v9"), .files = &big_config, .vocabulary = STR("a.fact")};
    rig_init(&r);
    hello(&r, 0);
    CHECK_ERR(broker_set_policy(r.b, &too_big, STR("SIGHUP"), r.now), ERR_LIMIT);
    CHECK_STR(broker_policy(r.b)->version, "v1");
    broker_policy_failed(r.b, STR("SIGHUP"), STR("line 3: no"), r.now);
    CHECK_OK(broker_set_policy(r.b, &policy, STR("SIGHUP"), r.now));
    CHECK(r.seen->count[LINK_CONFIG] == 2);
    CHECK(count_kind(&r, "policy") == 1 && count_kind(&r, "policy_refused") == 1);
    free((void *)(uintptr_t)big.p);
    rig_done(&r);
}

TEST(what_a_worker_tells_its_peers_reaches_all_the_others)
{
    struct rig r;
    rig_init(&r);
    for (uint32_t w = 0; w < 4; w++)
        hello(&r, w);
    CHECK_OK(say(&r, 2, (struct link_message){.type = LINK_PEERS,
                                              .peers = {STR("postgres"), STR("key")}}));
    CHECK(r.seen->count[LINK_PEER] == 3);
    broker_shutdown_workers(r.b);
    CHECK(r.seen->count[LINK_SHUTDOWN] == 4);
    rig_done(&r);
}

TEST(lists_and_counters_tell_what_is_there)
{
    struct rig r;
    const struct request *list;
    size_t n;
    struct broker_metrics m;
    rig_init(&r);
    hello(&r, 0);
    uint64_t a = submit(&r, 0, 1), b = submit(&r, 0, 2);
    CHECK_OK(approve(&r, "ana", b));
    struct broker_filter f = {.states = 1u << REQUEST_PENDING, .limit = 10};
    CHECK_OK(broker_list(r.b, &f, &r.a, &list, &n));
    CHECK(n == 1 && list[0].id == a && list[0].envelope.n == 0);
    f = (struct broker_filter){.limit = 10, .envelope_max = 4096};
    CHECK_OK(broker_list(r.b, &f, &r.a, &list, &n));
    CHECK(n == 2 && list[0].id == b && str_eq(list[0].envelope, ENVELOPE));
    f.limit = 0;
    CHECK_ERR(broker_list(r.b, &f, &r.a, &list, &n), ERR_INVALID);
    broker_metrics(r.b, &m);
    CHECK(m.submitted == 2 && m.approvals == 1 && m.open[REQUEST_PENDING] == 1 &&
          m.open[REQUEST_APPROVED] == 1 && m.workers_ready == 1 && m.audit_healthy &&
          m.store_healthy);
    rig_done(&r);
}

TAP_MAIN(T(a_request_lives_from_submit_to_result_and_every_step_is_recorded_in_order),
         T(the_record_of_a_request_holds_its_exact_envelope),
         T(watchers_hear_of_it_when_it_is_stored),
         T(I1_the_requester_cannot_vote_by_person_or_by_account),
         T(S2_a_vote_on_another_digest_counts_nothing), T(I3_one_person_counts_once),
         T(one_reject_ends_it_and_later_votes_find_it_over),
         T(a_reason_must_be_text_and_a_reject_needs_one),
         T(who_may_decide_leaves_out_the_requester_and_who_voted),
         T(only_the_requester_or_the_operator_withdraws), T(S3_a_second_claim_runs_nothing),
         T(S3_of_64_claims_by_64_workers_one_runs),
         T(S2_a_claim_with_another_digest_ends_the_request),
         T(S1_a_claim_without_an_approval_runs_nothing),
         T(S4_what_expired_between_approval_and_claim_does_not_run),
         T(L1_a_tick_expires_what_nobody_decided_or_ran),
         T(L8_the_wall_clock_neither_extends_nor_kills),
         T(I2_who_lost_the_right_since_voting_does_not_count_at_the_claim),
         T(a_word_of_withdrawal_ends_it_also_when_it_crosses_the_approval),
         T(a_worker_speaks_in_its_state_only),
         T(S6_a_submission_that_is_not_what_it_says_is_refused),
         T(L4_one_subject_opens_so_many_requests_and_no_more),
         T(what_nobody_could_approve_is_refused_at_once),
         T(A2_what_a_lost_worker_held_is_withdrawn_and_what_it_ran_is_unknown),
         T(a_kept_request_waits_without_its_client_and_the_same_action_attaches),
         T(L3_held_requests_come_back_with_the_same_digest),
         T(L3_what_its_worker_does_not_name_again_ends),
         T(L3_a_worker_cannot_name_what_another_held),
         T(a_claim_that_never_came_to_the_broker_ends_what_the_worker_refused),
         T(L1_after_the_grace_what_no_worker_named_is_withdrawn_unless_kept),
         T(L3_after_a_restart_of_everything_nothing_waits_for_old_workers),
         T(L8_a_restart_does_not_extend_a_deadline),
         T(S3_A1_a_crash_at_any_disk_operation_never_runs_it_twice_nor_unrecorded),
         T(A5_S12_L6_a_disk_that_breaks_at_any_operation_refuses_everything_after),
         T(L6_when_the_disk_is_well_again_the_broker_goes_on_by_itself),
         T(S12_a_locked_store_refuses_and_recovers),
         T(A3_a_log_that_lost_its_end_or_is_another_is_noticed_at_the_start),
         T(tokens_are_issued_by_admins_and_end_with_their_person),
         T(A9_policy_changes_are_recorded_and_what_cannot_be_handed_out_is_refused),
         T(what_a_worker_tells_its_peers_reaches_all_the_others),
         T(lists_and_counters_tell_what_is_there),
         T(the_impact_is_kept_beside_the_request_and_recorded),
         T(an_impact_for_what_is_over_or_was_never_held_changes_nothing),
         T(an_impact_that_is_no_object_on_one_line_ends_its_worker),
         T(how_earlier_ones_of_a_shape_ended_is_counted))
