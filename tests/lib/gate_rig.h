/* A gate between a source that writes down what it is told and a broker that is this test. */
#pragma once

#include "tap.h"

#include "base/clock.h"
#include "base/limits.h"
#include "fake_policy.h"
#include "gate/gate.h"
#include "link/link.h"
#include "model/envelope.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- A source that writes down what it is told ----------------------------------------------- */

struct source_session {
    char text[64];    /* what describe says: a test changes it under the gate */
    size_t huge;      /* describe writes that many bytes instead */
    bool no_describe; /* describe fails */
    struct subject subject;
    struct session_context context;
    struct action action;
    struct submission sub;
    enum verdict verdict;
    const struct gate_port *port;
    int notices, first_notices, releases, refusals;
    enum refusal_kind kind;
    uint64_t run, request;
    char message[256], detail[256], hint[256], notice[256];
    struct source_session *submit_when_refused;
    uint64_t asked_for;       /* lazy facts, by the first answer */
    struct lazy_facts lazy;   /* the answer to that */
    bool withdraw_when_told, ran_when_released;
    bool over; /* nothing may come any more */
};

static inline void copy(char *to, size_t size, struct str s)
{
    (void)snprintf(to, size, "%.*s", STR_FMT(s));
}

static inline enum err fake_describe(struct source_session *s, const struct action *a, struct buf *out)
{
    struct json j;
    (void)a;
    if (s->no_describe)
        return ERR_INVALID;
    if (s->huge != 0) {
        char *space;
        TRY(buf_reserve(out, s->huge, &space));
        memset(space, '1', s->huge); /* a number is JSON too */
        buf_commit(out, s->huge);
        return ERR_OK;
    }
    json_init(&j, out);
    json_object_begin(&j);
    json_put_str(&j, "text", str_of(s->text));
    json_object_end(&j);
    return json_end(&j);
}

static inline void fake_notice(struct source_session *s, struct hold *h, const struct hold_notice *n)
{
    CHECK(!s->over && h == s->sub.hold);
    s->notices++;
    s->first_notices += n->first;
    s->request = n->request;
    copy(s->notice, sizeof(s->notice), n->message);
    CHECK_STR(n->approvers, "1 of dba (bo)");
    if (s->withdraw_when_told) {
        s->over = true;
        s->port->withdraw(s->port->gate, h, STR("changed my mind"), false);
    }
}

static inline void fake_release(struct source_session *s, struct hold *h, uint64_t run)
{
    CHECK(!s->over && h == s->sub.hold);
    s->over = true;
    s->releases++;
    s->run = run;
    if (s->ran_when_released) {
        struct outcome o = {.kind = RUN_COMPLETED, .tag = STR("SELECT 1"), .rows = 1};
        s->port->ran(s->port->gate, run, &o);
    }
}

static inline void submit(struct source_session *s);

static inline void fake_refuse(struct source_session *s, struct hold *h, const struct refusal *r)
{
    CHECK(!s->over && h == s->sub.hold);
    s->over = true;
    s->refusals++;
    s->kind = r->kind;
    s->request = r->request;
    copy(s->message, sizeof(s->message), r->message);
    copy(s->detail, sizeof(s->detail), r->detail);
    copy(s->hint, sizeof(s->hint), r->hint);
    if (s->submit_when_refused != NULL)
        submit(s->submit_when_refused);
}

static const struct source fake_source = {
    .type = "fake",
    .describe = fake_describe,
    .notice = fake_notice,
    .release = fake_release,
    .refuse = fake_refuse,
};

/* --- The rig: a gate between that source and a bare link ------------------------------------- */

struct rig {
    struct loop *loop;
    struct gate *gate;
    const struct gate_port *port;
    int broker; /* our end of the link */
    struct buf in;
    size_t used; /* of `in`, by the message that `next` gave last */
    struct arena arena;
    int configured, shut_down, peers;
};

static inline void host_configured(void *ctx, struct config *c, bool first)
{
    struct rig *r = ctx;
    r->configured++;
    if (first)
        CHECK_OK(gate_port_new(r->gate, &fake_source, &c->resources[0], &r->port));
}

static inline void host_peer_bytes(void *ctx, struct str type, struct str bytes)
{
    struct rig *r = ctx;
    CHECK_STR(type, "fake");
    CHECK_STR(bytes, "cancel");
    r->peers++;
}

static inline void host_shut_down(void *ctx)
{
    struct rig *r = ctx;
    r->shut_down++;
}

static const struct gate_host host = {host_configured, host_peer_bytes, host_shut_down};

static inline void turn(struct rig *r)
{
    for (int i = 0; i < 4; i++)
        loop_turn(r->loop);
}

static inline void wait_ms(struct rig *r, int ms)
{
    for (int i = 0; i < ms; i++) {
        usleep(1000);
        loop_turn(r->loop);
    }
}

static inline void attach(struct rig *r)
{
    int fds[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    CHECK(fcntl(fds[1], F_SETFL, O_NONBLOCK) == 0);
    if (r->broker >= 0)
        close(r->broker);
    buf_clear(&r->in);
    r->used = 0;
    r->broker = fds[1];
    CHECK_OK(gate_attach(r->gate, fds[0]));
}

static inline void lose_link(struct rig *r)
{
    close(r->broker);
    r->broker = -1;
    turn(r);
}

/* The next message from the gate; type 0 where there is none. */
static inline struct link_message next(struct rig *r)
{
    struct link_message m = {.type = 0};
    char *space;
    buf_consume(&r->in, r->used);
    r->used = 0;
    if (r->broker >= 0)
        for (;;) {
            turn(r);
            CHECK_OK(buf_reserve(&r->in, 65536, &space));
            ssize_t n = read(r->broker, space, 65536);
            if (n <= 0)
                break;
            buf_commit(&r->in, (size_t)n);
        }
    arena_reset(&r->arena);
    enum err e = link_decode(buf_view(&r->in), LINK_BROKER, &r->arena, &m, &r->used);
    if (e != ERR_OK) {
        r->used = 0;
        m.type = 0;
        CHECK(e == ERR_INCOMPLETE);
    }
    return m;
}

static inline struct link_message expect(struct rig *r, enum link_type type)
{
    struct link_message m = next(r);
    CHECK(m.type == type);
    if (m.type != type)
        printf("# got %s, not %s\n", link_type_text(m.type), link_type_text(type));
    return m;
}

static inline void say(struct rig *r, const struct link_message *m)
{
    struct buf b;
    buf_init(&b, LIMIT_LINK_MESSAGE);
    CHECK_OK(link_encode(&b, m));
    CHECK(write(r->broker, buf_view(&b).p, buf_len(&b)) == (ssize_t)buf_len(&b));
    buf_done(&b);
    turn(r);
}

static inline void say_config(struct rig *r, const char *text)
{
    struct link_file file = {STR("test.yaml"), str_of(text)};
    say(r, &(struct link_message){.type = LINK_CONFIG, .config = {&file, 1}});
}

static inline void say_submitted(struct rig *r, uint64_t hold, uint64_t request)
{
    say(r, &(struct link_message){.type = LINK_SUBMITTED,
                                  .submitted = {.hold = hold, .request = request,
                                                .approvers = STR("1 of dba (bo)"),
                                                .decide_by_wall_ns = clock_wall_ns() + NS_PER_S * 60}});
}

static inline void say_approved(struct rig *r, uint64_t hold, uint64_t request, struct digest d)
{
    say(r, &(struct link_message){
               .type = LINK_APPROVED,
               .approved = {.hold = hold, .request = request, .digest = d, .by = STR("bo")}});
}

static inline void say_claimed(struct rig *r, uint64_t hold, uint64_t request, struct digest d)
{
    say(r, &(struct link_message){.type = LINK_CLAIMED,
                                  .claimed = {.hold = hold, .request = request, .digest = d}});
}

static inline void say_ended(struct rig *r, uint64_t hold, uint64_t request, enum link_end end,
                      const char *reason)
{
    say(r, &(struct link_message){.type = LINK_ENDED,
                                  .ended = {.hold = hold, .request = request, .end = end,
                                            .by = STR("bo"), .reason = str_of(reason)}});
}

static inline void rig_init_with(struct rig *r, const char *config, int64_t grace_ms, int64_t answer_ms)
{
    *r = (struct rig){.broker = -1};
    buf_init(&r->in, 64 * MIB);
    arena_init(&r->arena, 16 * MIB);
    const struct gate_options o = {.worker = 3, .link_grace_ms = grace_ms,
                                   .link_answer_ms = answer_ms, .host = &host, .ctx = r};
    CHECK_OK(loop_new(&r->loop));
    CHECK_OK(gate_new(r->loop, &o, &r->gate));
    attach(r);
    struct link_message m = expect(r, LINK_HELLO);
    CHECK(m.hello.worker == 3 && m.hello.n_holds == 0 && m.hello.n_runs == 0);
    say_config(r, config);
    m = expect(r, LINK_LOADED);
    CHECK(m.loaded.ok && r->configured == 1);
}

static inline void rig_init(struct rig *r)
{
    rig_init_with(r, "first", 10000, 10000);
}

static inline void rig_done(struct rig *r)
{
    gate_free(r->gate);
    loop_free(r->loop);
    if (r->broker >= 0)
        close(r->broker);
    buf_done(&r->in);
    arena_done(&r->arena);
    CHECK(fake_configs == 0);
}

static inline void session_init(struct source_session *s, struct rig *r, const char *text)
{
    *s = (struct source_session){.port = r->port};
    copy(s->text, sizeof(s->text), str_of(text));
    s->subject = (struct subject){.name = STR("ana"), .kind = STR("user"), .address = STR("local")};
    s->port->identify(s->port->gate, &s->subject);
    s->context = (struct session_context){.id = STR("s1"), .application = STR("psql")};
}

static inline void submit(struct source_session *s)
{
    s->action = (struct action){.kind = ACTION_SQL, .operation = STR("query"),
                                .text = str_of(s->text), .subject = &s->subject,
                                .context = &s->context, .time_wall_ns = clock_wall_ns()};
    s->verdict = s->port->submit(s->port->gate, s, &s->action, &s->sub);
    s->asked_for = s->sub.needs_facts;
    if (s->asked_for != 0) {
        CHECK(s->verdict == VERDICT_HOLD && s->sub.hold == NULL);
        s->action.lazy = &s->lazy;
        s->verdict = s->port->submit(s->port->gate, s, &s->action, &s->sub);
        s->action.lazy = NULL;
    }
    if (s->verdict == VERDICT_DENY) {
        s->kind = s->sub.refusal.kind;
        copy(s->message, sizeof(s->message), s->sub.refusal.message);
        copy(s->detail, sizeof(s->detail), s->sub.refusal.detail);
    }
}

/* A hold in the state after SUBMITTED; *ret_number, *ret_digest as the broker got them. */
static inline void hold_it(struct rig *r, struct source_session *s, uint64_t request, uint64_t *ret_number,
                    struct digest *ret_digest)
{
    submit(s);
    CHECK(s->verdict == VERDICT_HOLD && s->sub.hold != NULL);
    struct link_message m = expect(r, LINK_SUBMIT);
    *ret_number = m.submit.hold;
    *ret_digest = m.submit.digest;
    struct digest of_bytes = digest_of(m.submit.envelope);
    CHECK(digest_eq(&of_bytes, &m.submit.digest));
    say_submitted(r, *ret_number, request);
    CHECK(s->notices == 1 && s->first_notices == 1 && s->request == request);
}

static inline void claim_it(struct rig *r, uint64_t number, uint64_t request, struct digest d)
{
    say_approved(r, number, request, d);
    struct link_message m = expect(r, LINK_CLAIM);
    CHECK(m.claim.hold == number && m.claim.request == request && digest_eq(&m.claim.digest, &d));
}
