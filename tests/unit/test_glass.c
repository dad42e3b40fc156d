/* One-time codes (RFC 6238's own vectors) and the pure rules of break-glass. */
#include "tap.h"

#include "approval/glass.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/totp.h"

static const unsigned char secret[TOTP_SECRET] = {'1', '2', '3', '4', '5', '6', '7', '8', '9', '0',
                                                  '1', '2', '3', '4', '5', '6', '7', '8', '9', '0'};

TEST(codes_are_those_of_rfc_6238_appendix_b)
{
    static const struct {
        uint64_t time;
        const char *code; /* the last six of the eight digits there */
    } vectors[] = {{59, "287082"},          {1111111109, "081804"}, {1111111111, "050471"},
                   {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
    char code[TOTP_DIGITS + 1];
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        totp_code(secret, vectors[i].time / TOTP_STEP_S, code);
        CHECK_STR(str_of(code), vectors[i].code);
    }
}

TEST(a_code_works_once_and_within_one_step)
{
    uint64_t step = 0, again = 7;
    CHECK(totp_check(secret, STR("050471"), 1111111111, 0, &step) && step == 1111111111 / 30);
    CHECK(!totp_check(secret, STR("050471"), 1111111111, step, &again) && again == 7);
    CHECK(totp_check(secret, STR("050471"), 1111111111 + 30, step - 1, &again));
    CHECK(!totp_check(secret, STR("050471"), 1111111111 + 60, 0, &again));
    CHECK(totp_check(secret, STR("050471"), 1111111111 - 30, 0, &again));
    CHECK(!totp_check(secret, STR("050471"), 1111111111 - 61, 0, &again));
    CHECK(!totp_check(secret, STR("05047"), 1111111111, 0, &again));
    CHECK(!totp_check(secret, STR("0504711"), 1111111111, 0, &again));
    CHECK(!totp_check(secret, STR(""), 1111111111, 0, &again));
    CHECK(!totp_check(secret, STR("050472"), 1111111111, 0, &again));
}

TEST(base32_is_that_of_rfc_4648)
{
    static const char *const pairs[][2] = {{"", ""}, {"f", "MY"}, {"fo", "MZXQ"}, {"foo", "MZXW6"},
                                           {"foob", "MZXW6YQ"}, {"fooba", "MZXW6YTB"}, {"foobar", "MZXW6YTBOI"}};
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct buf b CLEANUP(buf_done) = {0};
        buf_init(&b, 64);
        CHECK_OK(base32_put(&b, str_of(pairs[i][0])));
        CHECK_STR(buf_view(&b), pairs[i][1]);
    }
}

static const struct str g_ops[] = {STR_INIT("ops")}, g_dba[] = {STR_INIT("dba")}, cy_accounts[] = {STR_INIT("dev")};
static const struct person everyone[] = {
    {.name = STR_INIT("ana"), .groups = g_dba, .n_groups = 1},
    {.name = STR_INIT("cy"), .groups = g_ops, .n_groups = 1, .accounts = cy_accounts, .n_accounts = 1},
    {.name = STR_INIT("di"), .groups = g_ops, .n_groups = 1},
    {.name = STR_INIT("ed"), .admin = true},
    {.name = STR_INIT("off"), .groups = g_ops, .n_groups = 1, .disabled = true},
};
static const struct people people = {.list = everyone, .n = ARRAY_LEN(everyone)};
static const struct requirement reqs[] = {{.from = g_dba, .n_from = 1, .count = 1}};

static struct approval a_request(void)
{
    return (struct approval){.state = REQUEST_PENDING, .subject = STR("dev"), .person = STR("cy"),
                             .quorum = {.reqs = reqs, .n_reqs = 1}, .deadline_mono_ns = INT64_MAX};
}

TEST(only_who_is_named_breaks_the_glass_and_only_their_own)
{
    static const struct str who[] = {STR_INIT("ops"), STR_INIT("ed")};
    struct break_glass g = {who, 2, FACTOR_TOTP, NS_PER_S}, nobody = {.n_who = 0};
    struct approval r = a_request();
    struct glass_facts f = {.request = &r, .person = STR("cy"), .now_wall_ns = 100};
    CHECK(glass_may_try(&g, &people, &f) == GLASS_ACCEPTED);
    CHECK(glass_may_try(&nobody, &people, &f) == GLASS_NOT_ALLOWED);
    f.person = STR("di");
    CHECK(glass_may_try(&g, &people, &f) == GLASS_NOT_OWN);
    f.person = STR("ana");
    CHECK(glass_may_try(&g, &people, &f) == GLASS_NOT_ALLOWED);
    f.person = STR("off");
    CHECK(glass_may_try(&g, &people, &f) == GLASS_NOT_ALLOWED);
    f.person = STR("");
    CHECK(glass_may_try(&g, &people, &f) == GLASS_NOT_ALLOWED);
    f.person = STR("cy");
    f.review_overdue = true;
    CHECK(glass_may_try(&g, &people, &f) == GLASS_REVIEW_OVERDUE);
    f.review_overdue = false;
    f.locked_until_wall_ns = 101;
    CHECK(glass_may_try(&g, &people, &f) == GLASS_LOCKED);
    f.locked_until_wall_ns = 100;
    CHECK(glass_may_try(&g, &people, &f) == GLASS_ACCEPTED);
    r.state = REQUEST_APPROVED;
    CHECK(glass_may_try(&g, &people, &f) == GLASS_NOT_PENDING);
    g.factors = 0;
    CHECK(glass_may_try(&g, &people, &f) == GLASS_NOT_ALLOWED);
}

TEST(wrong_codes_lock_for_longer_each_time)
{
    struct glass_tries t = {0, 0};
    int64_t last = 0;
    for (int i = 1; i < LIMIT_GLASS_TRIES; i++) {
        t = glass_after_failure(&t, 1000);
        CHECK(t.locked_until_wall_ns == 0);
    }
    for (int i = 0; i < 40; i++) {
        t = glass_after_failure(&t, 1000);
        CHECK(t.locked_until_wall_ns >= last && t.locked_until_wall_ns - 1000 >= LIMIT_GLASS_LOCK_NS &&
              t.locked_until_wall_ns - 1000 <= LIMIT_GLASS_LOCK_MAX_NS);
        last = t.locked_until_wall_ns;
    }
    t.failures = UINT32_MAX;
    CHECK(glass_after_failure(&t, 1000).failures == UINT32_MAX);
}

TEST(a_review_is_somebody_elses)
{
    struct approval r = a_request();
    r.state = REQUEST_COMPLETED;
    CHECK(glass_may_review(&r, &people, STR("ana")) && glass_may_review(&r, &people, STR("ed")));
    CHECK(!glass_may_review(&r, &people, STR("cy")) && !glass_may_review(&r, &people, STR("di")));
    CHECK(!glass_may_review(&r, &people, STR("")) && !glass_may_review(&r, &people, STR("off")));
    r.on_behalf_of = STR("ana");
    CHECK(!glass_may_review(&r, &people, STR("ana")));
}

TEST(nothing_is_bypassed_that_the_broker_did_not_judge)
{
    struct approval r = a_request();
    struct approval_event e = {.kind = APPROVAL_BYPASS, .digest = r.digest};
    CHECK(approval_step(&r, &people, &e).answer == APPROVAL_NOT_NOW);
    r.bypassed = true;
    struct approval_step s = approval_step(&r, &people, &e);
    CHECK(s.answer == APPROVAL_ACCEPTED && s.next == REQUEST_APPROVED && s.make_grant);
    e.digest.b[0] ^= 1;
    CHECK(approval_step(&r, &people, &e).answer == APPROVAL_OTHER_DIGEST);
    e.digest = r.digest;
    e.now_mono_ns = INT64_MAX;
    CHECK(approval_step(&r, &people, &e).next == REQUEST_EXPIRED);
    e.now_mono_ns = 0;
    for (int state = REQUEST_APPROVED; state < REQUEST_STATE_COUNT_; state++) {
        r.state = (enum request_state)state;
        CHECK(approval_step(&r, &people, &e).answer == APPROVAL_NOT_NOW);
    }
}

TAP_MAIN(T(codes_are_those_of_rfc_6238_appendix_b), T(a_code_works_once_and_within_one_step),
         T(base32_is_that_of_rfc_4648), T(only_who_is_named_breaks_the_glass_and_only_their_own),
         T(wrong_codes_lock_for_longer_each_time), T(a_review_is_somebody_elses),
         T(nothing_is_bypassed_that_the_broker_did_not_judge))
