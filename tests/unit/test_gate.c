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

static void copy(char *to, size_t size, struct str s)
{
    (void)snprintf(to, size, "%.*s", STR_FMT(s));
}

static enum err fake_describe(struct source_session *s, const struct action *a, struct buf *out)
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

static void fake_notice(struct source_session *s, struct hold *h, const struct hold_notice *n)
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

static void fake_release(struct source_session *s, struct hold *h, uint64_t run)
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

static void submit(struct source_session *s);

static void fake_refuse(struct source_session *s, struct hold *h, const struct refusal *r)
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

static void host_configured(void *ctx, struct config *c, bool first)
{
    struct rig *r = ctx;
    r->configured++;
    if (first)
        CHECK_OK(gate_port_new(r->gate, &fake_source, &c->resources[0], &r->port));
}

static void host_peer_bytes(void *ctx, struct str type, struct str bytes)
{
    struct rig *r = ctx;
    CHECK_STR(type, "fake");
    CHECK_STR(bytes, "cancel");
    r->peers++;
}

static void host_shut_down(void *ctx)
{
    struct rig *r = ctx;
    r->shut_down++;
}

static const struct gate_host host = {host_configured, host_peer_bytes, host_shut_down};

static void turn(struct rig *r)
{
    for (int i = 0; i < 4; i++)
        loop_turn(r->loop);
}

static void wait_ms(struct rig *r, int ms)
{
    for (int i = 0; i < ms; i++) {
        usleep(1000);
        loop_turn(r->loop);
    }
}

static void attach(struct rig *r)
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

static void lose_link(struct rig *r)
{
    close(r->broker);
    r->broker = -1;
    turn(r);
}

/* The next message from the gate; type 0 where there is none. */
static struct link_message next(struct rig *r)
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

static struct link_message expect(struct rig *r, enum link_type type)
{
    struct link_message m = next(r);
    CHECK(m.type == type);
    if (m.type != type)
        printf("# got %s, not %s\n", link_type_text(m.type), link_type_text(type));
    return m;
}

static void say(struct rig *r, const struct link_message *m)
{
    struct buf b;
    buf_init(&b, LIMIT_LINK_MESSAGE);
    CHECK_OK(link_encode(&b, m));
    CHECK(write(r->broker, buf_view(&b).p, buf_len(&b)) == (ssize_t)buf_len(&b));
    buf_done(&b);
    turn(r);
}

static void say_config(struct rig *r, const char *text)
{
    struct link_file file = {STR("test.yaml"), str_of(text)};
    say(r, &(struct link_message){.type = LINK_CONFIG, .config = {&file, 1}});
}

static void say_submitted(struct rig *r, uint64_t hold, uint64_t request)
{
    say(r, &(struct link_message){.type = LINK_SUBMITTED,
                                  .submitted = {.hold = hold, .request = request,
                                                .approvers = STR("1 of dba (bo)"),
                                                .decide_by_wall_ns = clock_wall_ns() + NS_PER_S * 60}});
}

static void say_approved(struct rig *r, uint64_t hold, uint64_t request, struct digest d)
{
    say(r, &(struct link_message){
               .type = LINK_APPROVED,
               .approved = {.hold = hold, .request = request, .digest = d, .by = STR("bo")}});
}

static void say_claimed(struct rig *r, uint64_t hold, uint64_t request, struct digest d)
{
    say(r, &(struct link_message){.type = LINK_CLAIMED,
                                  .claimed = {.hold = hold, .request = request, .digest = d}});
}

static void say_ended(struct rig *r, uint64_t hold, uint64_t request, enum link_end end,
                      const char *reason)
{
    say(r, &(struct link_message){.type = LINK_ENDED,
                                  .ended = {.hold = hold, .request = request, .end = end,
                                            .by = STR("bo"), .reason = str_of(reason)}});
}

static void rig_init_with(struct rig *r, const char *config, int64_t grace_ms, int64_t answer_ms)
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

static void rig_init(struct rig *r)
{
    rig_init_with(r, "first", 10000, 10000);
}

static void rig_done(struct rig *r)
{
    gate_free(r->gate);
    loop_free(r->loop);
    if (r->broker >= 0)
        close(r->broker);
    buf_done(&r->in);
    arena_done(&r->arena);
    CHECK(fake_configs == 0);
}

static void session_init(struct source_session *s, struct rig *r, const char *text)
{
    *s = (struct source_session){.port = r->port};
    copy(s->text, sizeof(s->text), str_of(text));
    s->subject = (struct subject){.name = STR("ana"), .kind = STR("user"), .address = STR("local")};
    s->port->identify(s->port->gate, &s->subject);
    s->context = (struct session_context){.id = STR("s1"), .application = STR("psql")};
}

static void submit(struct source_session *s)
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
static void hold_it(struct rig *r, struct source_session *s, uint64_t request, uint64_t *ret_number,
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

static void claim_it(struct rig *r, uint64_t number, uint64_t request, struct digest d)
{
    say_approved(r, number, request, d);
    struct link_message m = expect(r, LINK_CLAIM);
    CHECK(m.claim.hold == number && m.claim.request == request && digest_eq(&m.claim.digest, &d));
}

/* --- Verdicts -------------------------------------------------------------------------------- */

TEST(an_allowed_action_costs_no_message)
{
    struct rig r;
    struct source_session s;
    rig_init(&r);
    session_init(&s, &r, "allow");
    submit(&s);
    CHECK(s.verdict == VERDICT_ALLOW && s.sub.hold == NULL);
    wait_ms(&r, 30);
    CHECK(next(&r).type == 0);
    CHECK(gate_counts(r.gate)->allowed == 1);
    rig_done(&r);
}

TEST(a_denied_action_is_answered_with_the_guardrails_message_and_recorded)
{
    struct rig r;
    struct source_session s;
    rig_init(&r);
    session_init(&s, &r, "deny");
    submit(&s);
    CHECK(s.verdict == VERDICT_DENY && s.kind == REFUSAL_DENIED);
    CHECK(strstr(s.message, "this matters") != NULL && strstr(s.detail, "rule") != NULL);
    CHECK(next(&r).type == 0);
    wait_ms(&r, 30);
    struct link_message m = expect(&r, LINK_RECORD);
    CHECK(str_contains(m.record.json, STR("\"verdict\":\"deny\"")));
    CHECK(str_contains(m.record.json, STR("\"digest\":\"")));
    CHECK(str_contains(m.record.json, STR("\"envelope\":\"{")));
    CHECK(str_contains(m.record.json, STR("\"facts\":{\"action.kind\":\"sql\"}")));
    CHECK(str_contains(m.record.json, STR("\"vocabulary\":\"0123456789abcdef\"")));
    CHECK(str_contains(m.record.json, STR("\"policy\":\"version-of-first\"")));
    rig_done(&r);
}

/* What matched but asks for less has no part in a refusal, nor in a request. */
TEST(only_the_guardrails_that_decided_are_named)
{
    static const struct {
        const char *text, *named;
    } refusals[] = {
        {"deny mixed", "Guardrail: rule, second."},
        {"unmet mixed", "Guardrail: fails, holds, rule, second."},
    };
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct rig r;
        struct source_session s;
        rig_init(&r);
        session_init(&s, &r, refusals[i].text);
        submit(&s);
        CHECK(s.verdict == VERDICT_DENY && s.kind == REFUSAL_DENIED);
        CHECK_STR(str_of(s.detail), refusals[i].named);
        rig_done(&r);
    }
    struct rig r;
    struct source_session s;
    rig_init(&r);
    session_init(&s, &r, "hold mixed");
    submit(&s);
    struct link_message m = expect(&r, LINK_SUBMIT);
    CHECK_STR(m.submit.guardrails, "fails, holds, rule, second");
    CHECK_STR(m.submit.message, "held by holds"); /* not why `fails` could not be evaluated */
    rig_done(&r);
}

TEST(no_verdict_is_a_refusal)
{
    static const char *const texts[] = {"fail", "invalid", "nobody", "facts forever"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct rig r;
        struct source_session s;
        rig_init(&r);
        session_init(&s, &r, texts[i]);
        submit(&s);
        CHECK(s.verdict == VERDICT_DENY && s.kind == REFUSAL_UNAVAILABLE && s.sub.hold == NULL);
        CHECK(gate_counts(r.gate)->allowed == 0);
        rig_done(&r);
    }
}

TEST(a_fact_that_nobody_can_obtain_holds)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "facts");
    hold_it(&r, &s, 7, &n, &d);
    claim_it(&r, n, 7, d);
    say_claimed(&r, n, 7, d);
    CHECK(s.releases == 1);
    rig_done(&r);
}

TEST(a_fact_is_asked_of_the_source_once_and_what_it_brings_decides)
{
    struct rig r;
    struct source_session s;
    rig_init(&r);
    session_init(&s, &r, "facts");
    s.lazy = (struct lazy_facts){.known = LAZY_BIT(LAZY_ESTIMATED_ROWS), .value = {5}};
    submit(&s);
    CHECK(s.asked_for == LAZY_BIT(LAZY_ESTIMATED_ROWS) && s.verdict == VERDICT_ALLOW);
    session_init(&s, &r, "allow");
    submit(&s);
    CHECK(s.asked_for == 0 && s.verdict == VERDICT_ALLOW);
    rig_done(&r);
}

TEST(the_impact_goes_to_the_broker_while_the_hold_waits)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d, shape = {{1, 2, 3}};
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    s.port->impact(s.port->gate, s.sub.hold, &shape, STR("{\"taken\":1}"));
    struct link_message m = expect(&r, LINK_IMPACT);
    CHECK(m.impact.hold == n && digest_eq(&m.impact.shape, &shape));
    CHECK_STR(m.impact.json, "{\"taken\":1}");
    rig_done(&r);
}

TEST(observed_matches_are_allowed_and_recorded_in_one_batch)
{
    struct rig r;
    struct source_session s;
    rig_init(&r);
    session_init(&s, &r, "observe");
    for (int i = 0; i < 3; i++) {
        submit(&s);
        CHECK(s.verdict == VERDICT_ALLOW);
    }
    char peek;
    CHECK(recv(r.broker, &peek, 1, MSG_PEEK | MSG_DONTWAIT) < 0); /* no write for each */
    wait_ms(&r, 40);
    for (int i = 0; i < 3; i++)
        CHECK(str_contains(expect(&r, LINK_RECORD).record.json, STR("\"mode\":\"observe\"")));
    CHECK(next(&r).type == 0);
    rig_done(&r);
}

TEST(where_all_actions_are_recorded_an_allowed_one_is_too)
{
    struct rig r;
    struct source_session s;
    rig_init_with(&r, "all", 10000, 10000);
    session_init(&s, &r, "allow");
    submit(&s);
    CHECK(s.verdict == VERDICT_ALLOW);
    wait_ms(&r, 30);
    CHECK(str_contains(expect(&r, LINK_RECORD).record.json, STR("\"verdict\":\"allow\"")));
    rig_done(&r);
}

TEST(L6_while_the_log_cannot_be_written_what_must_be_recorded_does_not_run)
{
    struct rig r;
    struct source_session s;
    rig_init_with(&r, "all", 10000, 10000);
    session_init(&s, &r, "allow");
    say(&r, &(struct link_message){.type = LINK_LOG, .log = {.works = false}});
    submit(&s);
    CHECK(s.verdict == VERDICT_DENY && s.kind == REFUSAL_UNAVAILABLE);
    say(&r, &(struct link_message){.type = LINK_LOG, .log = {.works = true}});
    submit(&s);
    CHECK(s.verdict == VERDICT_ALLOW);
    rig_done(&r);
}

TEST(what_must_be_recorded_and_cannot_be_does_not_run)
{
    struct rig r;
    struct source_session s;
    rig_init_with(&r, "all", 10000, 10000);
    session_init(&s, &r, "allow");
    lose_link(&r);
    int allowed = 0;
    for (int i = 0; i < 200000 && s.verdict != VERDICT_DENY; i++) {
        submit(&s);
        allowed += s.verdict == VERDICT_ALLOW;
    }
    CHECK(allowed > 1000 && s.verdict == VERDICT_DENY && s.kind == REFUSAL_UNAVAILABLE);
    attach(&r);
    CHECK(expect(&r, LINK_HELLO).hello.n_holds == 0);
    int records = 0;
    while (next(&r).type == LINK_RECORD)
        records++;
    CHECK(records == allowed); /* nothing that ran went unrecorded */
    submit(&s);
    CHECK(s.verdict == VERDICT_ALLOW);
    rig_done(&r);
}

TEST(an_action_too_large_to_be_shown_is_refused_with_that_reason)
{
    struct rig r;
    struct source_session s;
    rig_init(&r);
    session_init(&s, &r, "hold");
    s.huge = LIMIT_ENVELOPE;
    submit(&s);
    CHECK(s.verdict == VERDICT_DENY && s.kind == REFUSAL_UNAVAILABLE);
    CHECK(strstr(s.detail, "too large") != NULL);
    s.huge = LIMIT_ENVELOPE + 1;
    submit(&s);
    CHECK(s.verdict == VERDICT_DENY && strstr(s.detail, "too large") != NULL);
    s.huge = LIMIT_ENVELOPE - 4096;
    submit(&s);
    CHECK(s.verdict == VERDICT_HOLD);
    s.over = true;
    s.port->withdraw(s.port->gate, s.sub.hold, STR("enough"), false);
    s.huge = 0;
    s.no_describe = true;
    submit(&s);
    CHECK(s.verdict == VERDICT_DENY && strstr(s.detail, "described") != NULL);
    rig_done(&r);
}

/* --- The life of a hold ---------------------------------------------------------------------- */

TEST(an_approved_action_is_claimed_released_once_and_its_outcome_reported)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 12, &n, &d);
    CHECK_STR(str_of(s.notice), "this matters");
    claim_it(&r, n, 12, d);
    CHECK(s.releases == 0);
    say_claimed(&r, n, 12, d);
    CHECK(s.releases == 1 && s.refusals == 0 && s.run != 0);
    CHECK(next(&r).type == 0);
    struct outcome o = {.kind = RUN_COMPLETED, .tag = STR("DELETE 3"), .rows = 3, .duration_ns = 7};
    s.port->ran(s.port->gate, s.run, &o);
    struct link_message m = expect(&r, LINK_RESULT);
    CHECK(m.result.request == 12 && m.result.outcome == OUTCOME_COMPLETED && m.result.rows == 3);
    CHECK_STR(m.result.tag, "DELETE 3");
    CHECK(gate_waiting(r.gate) == 0);
    rig_done(&r);
}

TEST(submit_says_everything_the_broker_must_know)
{
    struct rig r;
    struct source_session s;
    rig_init(&r);
    session_init(&s, &r, "keep");
    submit(&s);
    struct link_message m = expect(&r, LINK_SUBMIT);
    CHECK_STR(m.submit.subject, "ana");
    CHECK_STR(m.submit.person, "ana");
    CHECK_STR(m.submit.resource, "shop");
    CHECK_STR(m.submit.guardrails, "rule");
    CHECK_STR(m.submit.message, "this matters");
    CHECK_STR(m.submit.policy_version, "version-of-first");
    CHECK(m.submit.keep_on_disconnect && m.submit.decide_within_ns == 60 * NS_PER_S);
    CHECK(m.submit.quorum.n_reqs == 1 && m.submit.quorum.reqs[0].count == 1);
    CHECK(str_contains(m.submit.context, STR("\"application\":\"psql\"")));
    CHECK(str_contains(m.submit.explanation, STR("hold")));
    CHECK(str_contains(m.submit.envelope, STR("\"action\":{\"text\":\"keep\"}")));
    rig_done(&r);
}

TEST(a_rejection_carries_who_and_why)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    say_ended(&r, n, 7, END_REJECTED, "use a WHERE");
    CHECK(s.refusals == 1 && s.kind == REFUSAL_REJECTED && s.request == 7);
    CHECK(strstr(s.message, "bo") != NULL && strcmp(s.detail, "use a WHERE") == 0);
    CHECK(s.hint[0] != '\0');
    rig_done(&r);
}

TEST(each_end_of_the_broker_has_its_kind_in_every_state_that_waits)
{
    static const struct {
        enum link_end end;
        enum refusal_kind kind;
    } ends[] = {{END_REJECTED, REFUSAL_REJECTED},
                {END_EXPIRED, REFUSAL_EXPIRED},
                {END_WITHDRAWN, REFUSAL_WITHDRAWN},
                {END_UNAVAILABLE, REFUSAL_UNAVAILABLE}};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        for (int state = 0; state < 3; state++) {
            struct rig r;
            struct source_session s;
            uint64_t n;
            struct digest d;
            rig_init(&r);
            session_init(&s, &r, "hold");
            if (state == 0) {
                submit(&s);
                n = expect(&r, LINK_SUBMIT).submit.hold;
            } else {
                hold_it(&r, &s, 7, &n, &d);
                if (state == 2)
                    claim_it(&r, n, 7, d);
            }
            say_ended(&r, n, 7, ends[i].end, "because");
            CHECK(s.refusals == 1 && s.kind == ends[i].kind && s.releases == 0);
            CHECK(gate_waiting(r.gate) == 0);
            rig_done(&r);
        }
}

TEST(a_waiting_client_is_told_again_after_the_interval)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    wait_ms(&r, 100);
    CHECK(s.notices >= 3 && s.first_notices == 1);
    rig_done(&r);
}

TEST(withdrawing_sends_the_reason_and_silences_what_comes_late)
{
    for (int state = 0; state < 3; state++) {
        struct rig r;
        struct source_session s;
        uint64_t n;
        struct digest d = {{0}};
        rig_init(&r);
        session_init(&s, &r, "hold");
        if (state == 0) {
            submit(&s);
            struct link_message m = expect(&r, LINK_SUBMIT);
            n = m.submit.hold;
            d = m.submit.digest;
        } else {
            hold_it(&r, &s, 7, &n, &d);
            if (state == 2)
                claim_it(&r, n, 7, d);
        }
        s.over = true;
        s.port->withdraw(s.port->gate, s.sub.hold, STR("Ctrl-C"), state == 1);
        struct link_message m = expect(&r, LINK_WITHDRAW);
        CHECK(m.withdraw.hold == n && m.withdraw.request == (state == 0 ? 0 : 7));
        CHECK(m.withdraw.gone == (state == 1));
        CHECK_STR(m.withdraw.reason, "Ctrl-C");
        /* All of these crossed it on the wire. */
        say_submitted(&r, n, 7);
        say_approved(&r, n, 7, d);
        say_ended(&r, n, 7, END_WITHDRAWN, "");
        CHECK(next(&r).type == 0 && s.releases == 0 && s.refusals == 0);
        /* The claim was stored before the withdrawal came: the broker must know nothing ran. */
        say_claimed(&r, n, 7, d);
        m = expect(&r, LINK_RESULT);
        CHECK(m.result.request == 7 && m.result.outcome == OUTCOME_FAILED);
        CHECK(str_starts(m.result.error_message, STR("not run")));
        CHECK(s.releases == 0 && r.shut_down == 0);
        rig_done(&r);
    }
}

TEST(a_source_may_withdraw_inside_a_notice_and_report_inside_a_release)
{
    struct rig r;
    struct source_session s, t;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    session_init(&t, &r, "hold");
    s.withdraw_when_told = true;
    hold_it(&r, &s, 7, &n, &d);
    expect(&r, LINK_WITHDRAW);
    t.ran_when_released = true;
    hold_it(&r, &t, 8, &n, &d);
    claim_it(&r, n, 8, d);
    say_claimed(&r, n, 8, d);
    CHECK(t.releases == 1);
    CHECK(expect(&r, LINK_RESULT).result.request == 8);
    rig_done(&r);
}

/* --- Attacks --------------------------------------------------------------------------------- */

TEST(an_approval_with_another_digest_releases_nothing)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    for (size_t bit = 0; bit < 256; bit += 37) {
        rig_init(&r);
        session_init(&s, &r, "hold");
        hold_it(&r, &s, 7, &n, &d);
        d.b[bit / 8] ^= (unsigned char)(1u << bit % 8);
        say_approved(&r, n, 7, d);
        CHECK(s.refusals == 1 && s.releases == 0 && s.kind == REFUSAL_UNAVAILABLE);
        CHECK(expect(&r, LINK_WITHDRAW).withdraw.request == 7);
        rig_done(&r);
    }
}

TEST(an_approval_for_another_request_releases_nothing)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    say_approved(&r, n, 8, d);
    CHECK(s.refusals == 1 && s.releases == 0);
    rig_done(&r);
}

TEST(an_action_that_changed_after_submission_is_not_claimed)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    s.text[3] = 'D';
    say_approved(&r, n, 7, d);
    CHECK(s.refusals == 1 && s.releases == 0 && strstr(s.detail, "no longer") != NULL);
    CHECK(expect(&r, LINK_WITHDRAW).withdraw.request == 7);
    rig_done(&r);
}

TEST(a_subject_that_changed_after_submission_is_not_released)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    s.subject.name = STR("eve");
    say_approved(&r, n, 7, d);
    CHECK(s.refusals == 1 && s.releases == 0);
    rig_done(&r);
}

TEST(an_action_that_changed_after_its_claim_is_not_run_and_reported_so)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    claim_it(&r, n, 7, d);
    s.text[3] = 'D';
    say_claimed(&r, n, 7, d);
    CHECK(s.refusals == 1 && s.releases == 0);
    struct link_message m = expect(&r, LINK_RESULT);
    CHECK(m.result.request == 7 && m.result.outcome == OUTCOME_FAILED);
    rig_done(&r);
}

TEST(a_claim_answered_with_another_digest_runs_nothing)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    claim_it(&r, n, 7, d);
    d.b[31] ^= 1;
    say_claimed(&r, n, 7, d);
    CHECK(s.refusals == 1 && s.releases == 0);
    CHECK(expect(&r, LINK_RESULT).result.outcome == OUTCOME_FAILED);
    rig_done(&r);
}

/* Each of these is a word the broker may not say: the link is closed and all that waits refused. */
enum { ATTACK_CLAIMED_UNASKED, ATTACK_APPROVED_UNSUBMITTED, ATTACK_APPROVED_TWICE,
       ATTACK_SUBMITTED_OTHER_NUMBER, ATTACK_SUBMITTED_WITHOUT_NUMBER, ATTACK_ENDED_AFTER_CLAIMED,
       ATTACK_CLAIMED_TWICE, ATTACK_UNKNOWN_HOLD, ATTACK_HOLD_ZERO, ATTACK_GARBAGE, ATTACK_LONG_FRAME,
       ATTACK_WRONG_SIDE, ATTACKS };

static void attack(struct rig *r, int which, struct source_session *s)
{
    uint64_t n = 0;
    struct digest d = {{0}};
    if (which == ATTACK_APPROVED_UNSUBMITTED || which == ATTACK_SUBMITTED_WITHOUT_NUMBER) {
        submit(s);
        n = expect(r, LINK_SUBMIT).submit.hold;
    } else {
        hold_it(r, s, 7, &n, &d);
    }
    if (which == ATTACK_APPROVED_TWICE || which == ATTACK_ENDED_AFTER_CLAIMED ||
        which == ATTACK_CLAIMED_TWICE)
        claim_it(r, n, 7, d);
    if (which == ATTACK_ENDED_AFTER_CLAIMED || which == ATTACK_CLAIMED_TWICE)
        say_claimed(r, n, 7, d);
    switch (which) {
    case ATTACK_CLAIMED_UNASKED:
    case ATTACK_CLAIMED_TWICE:
        say_claimed(r, n, 7, d);
        break;
    case ATTACK_APPROVED_UNSUBMITTED:
    case ATTACK_APPROVED_TWICE:
        say_approved(r, n, 7, d);
        break;
    case ATTACK_SUBMITTED_OTHER_NUMBER:
        say_submitted(r, n, 8);
        break;
    case ATTACK_SUBMITTED_WITHOUT_NUMBER:
        say_submitted(r, n, 0);
        break;
    case ATTACK_ENDED_AFTER_CLAIMED:
        say_ended(r, n, 7, END_EXPIRED, "");
        break;
    case ATTACK_UNKNOWN_HOLD:
        say_claimed(r, n + 1000, 9, d);
        break;
    case ATTACK_HOLD_ZERO:
        say_ended(r, 0, 9, END_EXPIRED, "");
        break;
    case ATTACK_GARBAGE:
        CHECK(write(r->broker, "\0\0\0\x05\xee\1\2\3\4", 9) == 9);
        break;
    case ATTACK_LONG_FRAME:
        CHECK(write(r->broker, "\xff\xff\xff\xff\x0a", 5) == 5);
        break;
    default:
        say(r, &(struct link_message){.type = LINK_CLAIM, .claim = {.hold = n, .request = 7}});
        break;
    }
    turn(r);
}

TEST(a_broker_that_breaks_the_protocol_is_cut_off_and_everything_is_refused)
{
    for (int which = 0; which < ATTACKS; which++) {
        struct rig r;
        struct source_session s, other, later;
        uint64_t n;
        struct digest d;
        char c;
        rig_init(&r);
        session_init(&s, &r, "hold");
        session_init(&other, &r, "hold");
        session_init(&later, &r, "hold");
        hold_it(&r, &other, 6, &n, &d);
        attack(&r, which, &s);
        bool was_released = which == ATTACK_ENDED_AFTER_CLAIMED || which == ATTACK_CLAIMED_TWICE;
        CHECK(s.releases == was_released && s.refusals == !was_released);
        CHECK(other.refusals == 1 && other.kind == REFUSAL_UNAVAILABLE);
        CHECK(r.shut_down == 1);
        (void)next(&r);
        CHECK(read(r.broker, &c, 1) == 0); /* the gate closed it */
        submit(&later);
        CHECK(later.verdict == VERDICT_DENY && later.kind == REFUSAL_UNAVAILABLE);
        if (other.refusals != 1 || s.releases != was_released)
            printf("# attack %d\n", which);
        rig_done(&r);
    }
}

TEST(nothing_but_a_configuration_may_come_first)
{
    struct rig r = {.broker = -1};
    const struct gate_options o = {.link_grace_ms = 10000, .link_answer_ms = 10000, .host = &host,
                                   .ctx = &r};
    buf_init(&r.in, 64 * MIB);
    arena_init(&r.arena, 16 * MIB);
    CHECK_OK(loop_new(&r.loop));
    CHECK_OK(gate_new(r.loop, &o, &r.gate));
    attach(&r);
    expect(&r, LINK_HELLO);
    say_submitted(&r, 1, 1);
    CHECK(r.shut_down == 1);
    rig_done(&r);
}

/* --- The link comes and goes ----------------------------------------------------------------- */

TEST(without_a_link_new_holds_are_refused_and_allowed_actions_run)
{
    struct rig r;
    struct source_session s;
    rig_init(&r);
    lose_link(&r);
    session_init(&s, &r, "hold");
    submit(&s);
    CHECK(s.verdict == VERDICT_DENY && s.kind == REFUSAL_UNAVAILABLE);
    CHECK(strstr(s.detail, "broker") != NULL);
    session_init(&s, &r, "allow");
    submit(&s);
    CHECK(s.verdict == VERDICT_ALLOW);
    rig_done(&r);
}

TEST(a_broker_that_comes_back_finds_what_waits_and_goes_on)
{
    struct rig r;
    struct source_session s, unanswered;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    session_init(&unanswered, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    submit(&unanswered);
    expect(&r, LINK_SUBMIT);
    lose_link(&r);
    CHECK(s.refusals == 0 && unanswered.refusals == 0);
    attach(&r);
    struct link_message m = expect(&r, LINK_HELLO);
    CHECK(m.hello.n_holds == 2 && m.hello.n_runs == 0);
    bool found = false, zero = false;
    for (size_t i = 0; i < m.hello.n_holds; i++) {
        found |= m.hello.holds[i].hold == n && m.hello.holds[i].request == 7 &&
                 digest_eq(&m.hello.holds[i].digest, &d);
        zero |= m.hello.holds[i].request == 0;
    }
    CHECK(found && zero);
    say_config(&r, "first");
    CHECK(expect(&r, LINK_LOADED).loaded.ok);
    CHECK(r.configured == 1); /* the same one changes nothing */
    say_submitted(&r, n, 7);
    claim_it(&r, n, 7, d);
    say_claimed(&r, n, 7, d);
    CHECK(s.releases == 1 && s.first_notices == 1);
    rig_done(&r);
}

TEST(when_the_broker_stays_away_what_waits_is_refused)
{
    struct rig r;
    struct source_session s, fresh;
    uint64_t n;
    struct digest d;
    rig_init_with(&r, "first", 600, 10000);
    session_init(&s, &r, "hold");
    session_init(&fresh, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    submit(&fresh);
    lose_link(&r);
    wait_ms(&r, 20);
    CHECK(s.refusals == 0);
    for (int i = 0; i < 200 && (s.refusals == 0 || fresh.refusals == 0); i++)
        wait_ms(&r, 20);
    CHECK(s.refusals == 1 && s.kind == REFUSAL_UNAVAILABLE && fresh.refusals == 1);
    attach(&r);
    CHECK(expect(&r, LINK_HELLO).hello.n_holds == 0);
    rig_done(&r);
}

TEST(a_claim_whose_answer_was_lost_is_refused_and_reported_as_not_run)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    claim_it(&r, n, 7, d);
    lose_link(&r);
    CHECK(s.refusals == 1 && s.releases == 0 && s.kind == REFUSAL_UNAVAILABLE);
    attach(&r);
    struct link_message m = expect(&r, LINK_HELLO);
    CHECK(m.hello.n_holds == 0 && m.hello.n_runs == 1 && m.hello.runs[0] == 7);
    m = expect(&r, LINK_RESULT);
    CHECK(m.result.request == 7 && m.result.outcome == OUTCOME_FAILED);
    CHECK(str_starts(m.result.error_message, STR("not run")));
    rig_done(&r);
}

TEST(an_outcome_without_a_link_is_kept_and_sent_after_hello)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    claim_it(&r, n, 7, d);
    say_claimed(&r, n, 7, d);
    lose_link(&r);
    struct outcome o = {.kind = RUN_FAILED, .rows = -1, .error_code = STR("23505"),
                        .error_message = STR("duplicate key")};
    s.port->ran(s.port->gate, s.run, &o);
    attach(&r);
    struct link_message m = expect(&r, LINK_HELLO);
    CHECK(m.hello.n_runs == 1 && m.hello.runs[0] == 7);
    m = expect(&r, LINK_RESULT);
    CHECK(m.result.request == 7 && m.result.outcome == OUTCOME_FAILED);
    CHECK_STR(m.result.error_code, "23505");
    CHECK(next(&r).type == 0);
    rig_done(&r);
}

TEST(a_run_under_way_is_named_to_a_broker_that_comes_back)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    claim_it(&r, n, 7, d);
    say_claimed(&r, n, 7, d);
    lose_link(&r);
    attach(&r);
    struct link_message m = expect(&r, LINK_HELLO);
    CHECK(m.hello.n_holds == 0 && m.hello.n_runs == 1 && m.hello.runs[0] == 7);
    struct outcome o = {.kind = RUN_UNKNOWN, .rows = -1};
    s.port->ran(s.port->gate, s.run, &o);
    CHECK(expect(&r, LINK_RESULT).result.outcome == OUTCOME_UNKNOWN);
    rig_done(&r);
}

TEST(a_second_link_replaces_the_first)
{
    struct rig r;
    struct source_session s, claiming;
    uint64_t n, c;
    struct digest d, e;
    rig_init(&r);
    session_init(&s, &r, "hold");
    session_init(&claiming, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    hold_it(&r, &claiming, 8, &c, &e);
    claim_it(&r, c, 8, e);
    attach(&r);
    CHECK(s.refusals == 0 && claiming.refusals == 1);
    struct link_message m = expect(&r, LINK_HELLO);
    CHECK(m.hello.n_holds == 1 && m.hello.holds[0].request == 7);
    rig_done(&r);
}

TEST(a_broker_that_does_not_answer_is_not_waited_for)
{
    for (int state = 0; state < 2; state++) {
        struct rig r;
        struct source_session s;
        uint64_t n;
        struct digest d;
        rig_init_with(&r, "first", 10000, 60);
        session_init(&s, &r, "hold");
        if (state == 0) {
            submit(&s);
            expect(&r, LINK_SUBMIT);
        } else {
            hold_it(&r, &s, 7, &n, &d);
            claim_it(&r, n, 7, d);
        }
        wait_ms(&r, 150);
        CHECK(s.refusals == 1 && s.kind == REFUSAL_UNAVAILABLE && s.releases == 0);
        expect(&r, LINK_WITHDRAW);
        if (state == 1) { /* too late: it must not run */
            say_claimed(&r, n, 7, d);
            CHECK(s.releases == 0);
            CHECK(expect(&r, LINK_RESULT).result.outcome == OUTCOME_FAILED);
        }
        rig_done(&r);
    }
}

TEST(a_hold_ends_by_its_deadline_though_the_broker_forgets_it)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init_with(&r, "first", 10000, 60);
    session_init(&s, &r, "hold briefly");
    hold_it(&r, &s, 7, &n, &d);
    wait_ms(&r, 200);
    CHECK(s.refusals == 1 && s.kind == REFUSAL_EXPIRED);
    CHECK(expect(&r, LINK_WITHDRAW).withdraw.request == 7);
    rig_done(&r);
}

TEST(a_broker_that_does_not_read_gets_no_new_holds)
{
    struct rig r;
    static struct source_session s[64];
    rig_init(&r);
    size_t held = 0;
    for (size_t i = 0; i < ARRAY_LEN(s); i++) {
        session_init(&s[i], &r, "hold");
        s[i].huge = LIMIT_ENVELOPE - 4096;
        submit(&s[i]);
        held += s[i].verdict == VERDICT_HOLD;
    }
    CHECK(held >= 10 && held <= LIMIT_LINK_BACKLOG / LIMIT_ENVELOPE + 2);
    CHECK(s[63].verdict == VERDICT_DENY && s[63].kind == REFUSAL_UNAVAILABLE);
    CHECK(gate_waiting(r.gate) == held);
    close(r.broker);
    r.broker = -1;
    rig_done(&r);
}

TEST(a_refused_session_may_submit_again_inside_the_refusal)
{
    struct rig r;
    struct source_session s, again;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    session_init(&again, &r, "hold again");
    s.submit_when_refused = &again;
    hold_it(&r, &s, 7, &n, &d);
    say_ended(&r, n, 7, END_EXPIRED, "");
    CHECK(again.verdict == VERDICT_HOLD && expect(&r, LINK_SUBMIT).submit.hold == n + 1);
    /* And while everything is refused: the new one is refused at once, the loop ends. */
    session_init(&s, &r, "hold");
    again.submit_when_refused = &s;
    lose_link(&r);
    CHECK(gate_waiting(r.gate) == 1);
    rig_done(&r);
}

/* --- Configuration, peers, sessions ---------------------------------------------------------- */

TEST(a_bad_configuration_keeps_the_last_good_one)
{
    struct rig r;
    struct source_session s;
    rig_init(&r);
    say_config(&r, "bad");
    struct link_message m = expect(&r, LINK_LOADED);
    CHECK(!m.loaded.ok && str_contains(m.loaded.error, STR("this is bad")));
    CHECK_STR(m.loaded.policy_version, "version-of-first");
    CHECK(r.configured == 1);
    session_init(&s, &r, "deny");
    submit(&s);
    CHECK(s.verdict == VERDICT_DENY && s.kind == REFUSAL_DENIED);
    say_config(&r, "second");
    m = expect(&r, LINK_RECORD);
    m = expect(&r, LINK_LOADED);
    CHECK(m.loaded.ok && r.configured == 2);
    CHECK_STR(m.loaded.policy_version, "version-of-second");
    rig_done(&r);
}

TEST(a_held_action_keeps_the_policy_it_was_judged_under)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    say_config(&r, "second gone"); /* even its resource is gone */
    expect(&r, LINK_LOADED);
    CHECK(fake_configs == 2);
    say_config(&r, "third gone");
    expect(&r, LINK_LOADED);
    s.port->identify(s.port->gate, &s.subject);
    claim_it(&r, n, 7, d);
    say_claimed(&r, n, 7, d);
    CHECK(s.releases == 1);
    struct outcome o = {.kind = RUN_COMPLETED, .rows = -1};
    s.port->ran(s.port->gate, s.run, &o);
    expect(&r, LINK_RESULT);
    rig_done(&r);
}

TEST(what_newer_guardrails_deny_does_not_run_on_an_older_approval)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    rig_init(&r);
    session_init(&s, &r, "hold until stricter");
    hold_it(&r, &s, 7, &n, &d);
    say_config(&r, "stricter");
    expect(&r, LINK_LOADED);
    say_approved(&r, n, 7, d);
    struct link_message m = expect(&r, LINK_WITHDRAW);
    CHECK(m.withdraw.request == 7 && str_contains(m.withdraw.reason, STR("rule")));
    CHECK(s.releases == 0 && s.refusals == 1 && s.kind == REFUSAL_DENIED);
    CHECK(strstr(s.hint, "version-of-s") != NULL);
    rig_done(&r);
}

TEST(a_resource_nothing_looks_at_is_not_watched_until_a_configuration_does)
{
    struct rig r;
    rig_init_with(&r, "idle", 10000, 10000);
    CHECK(!r.port->watches(r.port->gate, NULL));
    say_config(&r, "idle all");
    expect(&r, LINK_LOADED);
    CHECK(r.port->watches(r.port->gate, NULL)); /* everything is recorded */
    say_config(&r, "second");
    expect(&r, LINK_LOADED);
    CHECK(r.port->watches(r.port->gate, NULL));
    rig_done(&r);
}

TEST(accounts_become_people_byte_for_byte)
{
    struct rig r;
    struct subject s = {.name = STR("ana")};
    rig_init(&r);
    r.port->identify(r.port->gate, &s);
    CHECK_STR(s.person, "ana");
    CHECK(s.n_groups == 1);
    s.name = STR("Ana");
    r.port->identify(r.port->gate, &s);
    CHECK(s.person.n == 0 && s.n_groups == 0);
    rig_done(&r);
}

TEST(peers_and_sessions_pass_over_the_link)
{
    struct rig r;
    struct source_session s;
    rig_init(&r);
    session_init(&s, &r, "allow");
    r.port->tell_peers(r.port->gate, "fake", STR("cancel"));
    struct link_message m = expect(&r, LINK_PEERS);
    CHECK_STR(m.peers.source, "fake");
    CHECK_STR(m.peers.bytes, "cancel");
    say(&r, &(struct link_message){.type = LINK_PEER, .peer = {STR("fake"), STR("cancel")}});
    CHECK(r.peers == 1);
    r.port->session_opened(r.port->gate, &s.subject, NULL, &s.context);
    r.port->session_closed(r.port->gate, &s.subject, NULL, &s.context);
    wait_ms(&r, 30);
    m = expect(&r, LINK_SESSION);
    CHECK(m.session.opened);
    CHECK_STR(m.session.id, "s1");
    CHECK(!expect(&r, LINK_SESSION).session.opened);
    say(&r, &(struct link_message){.type = LINK_SHUTDOWN});
    CHECK(r.shut_down == 1);
    rig_done(&r);
}

TEST(messages_that_dribble_in_byte_by_byte_mean_the_same)
{
    struct rig r;
    struct source_session s;
    uint64_t n;
    struct digest d;
    struct buf b;
    rig_init(&r);
    session_init(&s, &r, "hold");
    hold_it(&r, &s, 7, &n, &d);
    buf_init(&b, 64 * KIB);
    CHECK_OK(link_encode(&b, &(struct link_message){
                                 .type = LINK_APPROVED,
                                 .approved = {.hold = n, .request = 7, .digest = d, .by = STR("bo")}}));
    CHECK_OK(link_encode(&b, &(struct link_message){
                                 .type = LINK_CLAIMED,
                                 .claimed = {.hold = n, .request = 7, .digest = d}}));
    for (size_t i = 0; i < buf_len(&b); i++) {
        CHECK(s.releases == 0);
        CHECK(write(r.broker, buf_view(&b).p + i, 1) == 1);
        loop_turn(r.loop);
    }
    turn(&r);
    CHECK(s.releases == 1);
    buf_done(&b);
    rig_done(&r);
}

TAP_MAIN(T(an_allowed_action_costs_no_message),
         T(a_denied_action_is_answered_with_the_guardrails_message_and_recorded),
         T(only_the_guardrails_that_decided_are_named),
         T(no_verdict_is_a_refusal), T(a_fact_that_nobody_can_obtain_holds),
         T(a_fact_is_asked_of_the_source_once_and_what_it_brings_decides),
         T(the_impact_goes_to_the_broker_while_the_hold_waits),
         T(observed_matches_are_allowed_and_recorded_in_one_batch),
         T(where_all_actions_are_recorded_an_allowed_one_is_too),
         T(L6_while_the_log_cannot_be_written_what_must_be_recorded_does_not_run),
         T(what_must_be_recorded_and_cannot_be_does_not_run),
         T(an_action_too_large_to_be_shown_is_refused_with_that_reason),
         T(an_approved_action_is_claimed_released_once_and_its_outcome_reported),
         T(submit_says_everything_the_broker_must_know), T(a_rejection_carries_who_and_why),
         T(each_end_of_the_broker_has_its_kind_in_every_state_that_waits),
         T(a_waiting_client_is_told_again_after_the_interval),
         T(withdrawing_sends_the_reason_and_silences_what_comes_late),
         T(a_source_may_withdraw_inside_a_notice_and_report_inside_a_release),
         T(an_approval_with_another_digest_releases_nothing),
         T(an_approval_for_another_request_releases_nothing),
         T(an_action_that_changed_after_submission_is_not_claimed),
         T(a_subject_that_changed_after_submission_is_not_released),
         T(an_action_that_changed_after_its_claim_is_not_run_and_reported_so),
         T(a_claim_answered_with_another_digest_runs_nothing),
         T(a_broker_that_breaks_the_protocol_is_cut_off_and_everything_is_refused),
         T(nothing_but_a_configuration_may_come_first),
         T(without_a_link_new_holds_are_refused_and_allowed_actions_run),
         T(a_broker_that_comes_back_finds_what_waits_and_goes_on),
         T(when_the_broker_stays_away_what_waits_is_refused),
         T(a_claim_whose_answer_was_lost_is_refused_and_reported_as_not_run),
         T(an_outcome_without_a_link_is_kept_and_sent_after_hello),
         T(a_run_under_way_is_named_to_a_broker_that_comes_back),
         T(a_second_link_replaces_the_first), T(a_broker_that_does_not_answer_is_not_waited_for),
         T(a_hold_ends_by_its_deadline_though_the_broker_forgets_it),
         T(a_broker_that_does_not_read_gets_no_new_holds),
         T(a_refused_session_may_submit_again_inside_the_refusal),
         T(a_bad_configuration_keeps_the_last_good_one),
         T(a_held_action_keeps_the_policy_it_was_judged_under),
         T(what_newer_guardrails_deny_does_not_run_on_an_older_approval),
        T(a_resource_nothing_looks_at_is_not_watched_until_a_configuration_does),
         T(accounts_become_people_byte_for_byte), T(peers_and_sessions_pass_over_the_link),
         T(messages_that_dribble_in_byte_by_byte_mean_the_same))
