/*
 * A broker driven by a fake worker and real files, for the tests of one program.
 *
 * fdatasync and fsync are ours here, for SQLite too: they can end the process or fail at any of
 * their calls, which are the moments between "recorded", "committed" and "sent".
 */
#pragma once

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

static inline int sync_or_fault(void)
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

static inline void keep_text(char *out, size_t size, struct str s)
{
    (void)snprintf(out, size, "%.*s", STR_FMT(s));
}

static inline void fake_send(void *ctx, uint32_t worker, const struct link_message *m)
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

static inline void fake_deadline_moved(void *ctx)
{
    ((struct rig *)ctx)->deadlines++;
}

static inline enum err rig_try(struct rig *r, struct broker_error *said)
{
    static const struct broker_ops ops = {.send = fake_send, .deadline_moved = fake_deadline_moved};
    struct broker_options o = {str_of(r->store), str_of(r->audit), str_of(r->instance), &ops, r, NULL};
    r->b = NULL;
    return broker_new(&o, &policy, r->now, &r->b, said);
}

static inline void rig_open(struct rig *r)
{
    struct broker_error said = {""};
    enum err e = rig_try(r, &said);
    CHECK_OK(e);
    if (e != ERR_OK)
        printf("# %s\n", said.text);
}

static inline void rig_init(struct rig *r)
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

static inline struct audit_report verify(struct rig *r)
{
    struct audit_report rep = {0};
    struct note_key keys[AUDIT_KEYS];
    struct audit_verify_options o = {.dir = str_of(r->audit), .keys = keys};
    CHECK_OK(audit_own_keys(o.dir, keys, &o.n_keys));
    CHECK_OK(audit_verify(&o, &rep));
    CHECK(rep.fault == AUDIT_GOOD);
    return rep;
}

static inline void rig_done(struct rig *r)
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
static inline void rig_restart(struct rig *r)
{
    broker_free(r->b, r->now);
    rig_open(r);
}

static inline void pass(struct rig *r, int64_t ns)
{
    r->now.wall_ns += ns;
    r->now.mono_ns += ns;
}

static inline enum err say(struct rig *r, uint32_t worker, struct link_message m)
{
    return broker_from_worker(r->b, worker, &m, r->now);
}

static inline enum err hello_with(struct rig *r, uint32_t worker, const struct link_open_hold *holds,
                           size_t n_holds, const uint64_t *runs, size_t n_runs)
{
    broker_worker_up(r->b, worker);
    return say(r, worker, (struct link_message){.type = LINK_HELLO,
                                                .hello = {worker, 100 + worker, holds, n_holds,
                                                          runs, n_runs}});
}

static inline void hello(struct rig *r, uint32_t worker)
{
    CHECK_OK(hello_with(r, worker, NULL, 0, NULL, 0));
}

static inline struct link_submit a_submit(uint64_t hold)
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

static inline enum err submit_as(struct rig *r, uint32_t worker, struct link_submit s)
{
    return say(r, worker, (struct link_message){.type = LINK_SUBMIT, .submit = s});
}

/* Held by a guardrail of its own, so that it is no repeat of an earlier one. */
static inline uint64_t submit(struct rig *r, uint32_t worker, uint64_t hold)
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

static inline enum err vote_with(struct rig *r, const char *who, uint64_t request, enum vote_kind kind,
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

static inline enum err approve(struct rig *r, const char *who, uint64_t request)
{
    return vote_with(r, who, request, VOTE_APPROVE, digest_of(ENVELOPE), NULL);
}

static inline enum err claim_with(struct rig *r, uint32_t worker, uint64_t hold, uint64_t request,
                           struct digest d)
{
    return say(r, worker,
               (struct link_message){.type = LINK_CLAIM, .claim = {hold, request, d}});
}

static inline void claim(struct rig *r, uint32_t worker, uint64_t hold, uint64_t request)
{
    CHECK_OK(claim_with(r, worker, hold, request, digest_of(ENVELOPE)));
}

static inline enum err result(struct rig *r, uint32_t worker, uint64_t request, enum link_outcome o)
{
    return say(r, worker,
               (struct link_message){.type = LINK_RESULT,
                                     .result = {.request = request, .outcome = o,
                                                .tag = STR("DELETE 3"), .rows = 3,
                                                .duration_ns = 12}});
}

static inline enum request_state state_of(struct rig *r, uint64_t request)
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

static inline bool add_kind(void *ctx, const struct audit_entry *rec)
{
    struct kinds *k = ctx;
    if (k->n + rec->kind.n + 2 < sizeof(k->text))
        k->n += (size_t)snprintf(k->text + k->n, sizeof(k->text) - k->n, "%.*s ",
                                 STR_FMT(rec->kind));
    return true;
}

static inline struct kinds kinds_of(struct rig *r)
{
    struct kinds k = {.n = 0};
    pass(r, NS_PER_S);
    broker_tick(r->b, r->now); /* what waits for its sync */
    CHECK_OK(audit_each(str_of(r->audit), 1, add_kind, &k));
    return k;
}

static inline int count_kind(struct rig *r, const char *kind)
{
    struct kinds k = kinds_of(r);
    char with_space[48];
    int n = 0;
    (void)snprintf(with_space, sizeof(with_space), "%s ", kind);
    for (const char *at = k.text; (at = strstr(at, with_space)) != NULL; at++)
        n += at == k.text || at[-1] == ' ';
    return n;
}
