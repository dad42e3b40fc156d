#include "tap.h"

#include "base/clock.h"
#include "cmd/child.h"

#include <sys/wait.h>
#include <unistd.h>

/* Started and dead at once, n times from `now` on; returns the time after the last wait. */
static int64_t die_at_once(struct child *c, int n, int64_t now)
{
    for (int i = 0; i < n; i++) {
        c->started[c->n_started++ % 10] = now;
        child_gone(c, now);
        now = c->start_at_mono_ns > now ? c->start_at_mono_ns : now;
    }
    return now;
}

TEST(one_death_is_followed_by_a_start_at_once)
{
    struct child c = {.control = -1};
    CHECK(die_at_once(&c, 1, 1000 * NS_PER_S) == 1000 * NS_PER_S);
    CHECK(c.state == CHILD_DOWN && c.pid == 0);
}

TEST(what_dies_again_and_again_waits_longer_each_time)
{
    struct child c = {.control = -1};
    int64_t now = 1000 * NS_PER_S, before = 0;
    for (int i = 0; i < 6; i++) {
        int64_t next = die_at_once(&c, 1, now);
        CHECK(next - now >= before);
        before = next - now;
        now = next;
    }
    CHECK(before == 1600 * NS_PER_MS);
}

TEST(no_more_than_ten_starts_fall_into_a_minute)
{
    struct child c = {.control = -1};
    int64_t now = 1000 * NS_PER_S, times[40];
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        times[i] = now;
        now = die_at_once(&c, 1, now);
    }
    for (size_t i = 0; i + 10 < ARRAY_LEN(times); i++)
        CHECK(times[i + 10] - times[i] >= 60 * NS_PER_S);
}

TEST(after_a_quiet_minute_all_is_forgiven)
{
    struct child c = {.control = -1};
    int64_t now = die_at_once(&c, 10, 1000 * NS_PER_S) + 61 * NS_PER_S;
    CHECK(die_at_once(&c, 1, now) == now);
}

/* This program, started by itself: descriptor 3 must be a control socket. */
static int be_a_child(void)
{
    const struct control_message ready = {.type = CONTROL_READY};
    return control_send(CONTROL_FD, &ready) == ERR_OK ? 7 : 8;
}

TEST(a_child_has_its_control_socket_as_descriptor_three)
{
    static const char *const argv[] = {"unit-child", "child", NULL};
    struct child c = {.argv = argv, .control = -1};
    struct control_packet p;
    struct control_message m = {0};
    int status = 0;
    fflush(stdout);
    CHECK_OK(child_start(&c, 0));
    CHECK(waitpid(c.pid, &status, 0) == c.pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    CHECK_OK(control_receive(c.control, &p, &m));
    CHECK(m.type == CONTROL_READY);
    CHECK_ERR(control_receive(c.control, &p, &m), ERR_CLOSED);
    child_gone(&c, 0);
    CHECK(c.control == -1);
}

int main(int argc, char **argv)
{
    static const struct tap_test tests[] = {
        T(one_death_is_followed_by_a_start_at_once),
        T(what_dies_again_and_again_waits_longer_each_time),
        T(no_more_than_ten_starts_fall_into_a_minute), T(after_a_quiet_minute_all_is_forgiven),
        T(a_child_has_its_control_socket_as_descriptor_three)};
    if (argc == 2 && strcmp(argv[1], "child") == 0)
        return be_a_child();
    return tap_run(tests, ARRAY_LEN(tests));
}
