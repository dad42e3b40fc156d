#include "tap.h"

#include "base/limits.h"
#include "net/listener.h"
#include "net/stream.h"
#include "net_probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/un.h>

/* A stream on one end of a socket pair and the bare other end. */
struct rig {
    struct loop *loop;
    struct probe p;
    int peer;
};

static void rig_init(struct rig *r)
{
    int fds[2];
    probe_init(&r->p);
    CHECK_OK(loop_new(&r->loop));
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    r->peer = fds[1];
    CHECK_OK(stream_adopt(r->loop, fds[0], &probe_ops, &r->p, &r->p.stream));
}

static void rig_done(struct rig *r)
{
    CHECK(r->p.late == 0);
    probe_done(&r->p);
    if (r->peer >= 0)
        close(r->peer);
    loop_free(r->loop);
}

/* A TCP pair on the loopback: *ret_a is accepted, *ret_b connected. */
static void tcp_pair(int *ret_a, int *ret_b)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);
    int l = socket(AF_INET, SOCK_STREAM, 0);
    *ret_b = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(l, (struct sockaddr *)&a, n) == 0 && listen(l, 1) == 0);
    CHECK(getsockname(l, (struct sockaddr *)&a, &n) == 0);
    CHECK(connect(*ret_b, (struct sockaddr *)&a, n) == 0);
    *ret_a = accept(l, NULL, NULL);
    close(l);
}

static void put(int fd, const char *s)
{
    CHECK(write(fd, s, strlen(s)) == (ssize_t)strlen(s));
}

TEST(bytes_pass_in_both_directions)
{
    struct rig r;
    char in[16] = {0};
    rig_init(&r);
    put(r.peer, "hello");
    CHECK(turn_until_length(r.loop, &r.p.got, 5));
    CHECK_STR(buf_view(&r.p.got), "hello");
    CHECK_OK(stream_write(r.p.stream, STR("world")));
    CHECK(read(r.peer, in, sizeof(in)) == 5 && memcmp(in, "world", 5) == 0);
    CHECK(stream_unsent(r.p.stream) == 0 && r.p.drained == 0);
    rig_done(&r);
}

TEST(bytes_that_dribble_in_one_at_a_time_all_arrive)
{
    struct rig r;
    rig_init(&r);
    for (int i = 0; i < 1000; i++) {
        char c = (char)('a' + i % 26);
        CHECK(write(r.peer, &c, 1) == 1);
        loop_turn(r.loop);
    }
    CHECK(turn_until_length(r.loop, &r.p.got, 1000));
    CHECK(buf_view(&r.p.got).p[999] == (char)('a' + 999 % 26));
    rig_done(&r);
}

TEST(a_closed_peer_ends_the_stream_after_its_last_bytes)
{
    struct rig r;
    rig_init(&r);
    put(r.peer, "bye");
    close(r.peer);
    r.peer = -1;
    CHECK(turn_until(r.loop, &r.p.ended));
    CHECK_STR(buf_view(&r.p.got), "bye");
    CHECK(r.p.why == ERR_CLOSED && r.p.text[0] != '\0');
    CHECK_ERR(stream_write(r.p.stream, STR("x")), ERR_CLOSED);
    turns(r.loop, 10);
    CHECK(r.p.ended == 1);
    rig_done(&r);
}

TEST(a_peer_that_shuts_its_half_ends_the_stream_and_still_gets_the_answer)
{
    struct rig r;
    char in[16] = {0};
    rig_init(&r);
    put(r.peer, "q");
    CHECK(shutdown(r.peer, SHUT_WR) == 0);
    r.p.on_ended = PROBE_NOTHING;
    CHECK_OK(stream_write(r.p.stream, STR("answer")));
    CHECK(turn_until(r.loop, &r.p.ended));
    CHECK(r.p.why == ERR_CLOSED);
    stream_close(r.p.stream, 1000);
    r.p.stream = NULL;
    turns(r.loop, 3);
    CHECK(read(r.peer, in, sizeof(in)) == 6);
    CHECK(read(r.peer, in, sizeof(in)) == 0);
    rig_done(&r);
}

TEST(what_the_socket_does_not_take_is_kept_and_drained_in_order)
{
    struct rig r;
    static char big[3 * 1024 * 1024], in[65536];
    rig_init(&r);
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)(i * 31 >> 3);
    CHECK_OK(stream_write(r.p.stream, str_from(big, sizeof(big))));
    CHECK(stream_is_full(r.p.stream));
    CHECK_OK(stream_write(r.p.stream, STR("tail")));
    size_t total = 0;
    bool same = true;
    for (int i = 0; i < 10000 && total < sizeof(big) + 4; i++) {
        ssize_t n = recv(r.peer, in, sizeof(in), MSG_DONTWAIT);
        for (ssize_t k = 0; k < n; k++, total++)
            same = same && in[k] == (total < sizeof(big) ? big[total] : "tail"[total - sizeof(big)]);
        loop_turn(r.loop);
    }
    CHECK(same && total == sizeof(big) + 4);
    CHECK(r.p.drained == 1 && !stream_is_full(r.p.stream) && stream_unsent(r.p.stream) == 0);
    rig_done(&r);
}

TEST(a_peer_that_never_reads_costs_no_more_than_the_cap)
{
    struct rig r;
    static char piece[65536];
    enum err e = ERR_OK;
    rig_init(&r);
    stream_set_write_cap(r.p.stream, 1 * MIB);
    for (int i = 0; i < 100 && e == ERR_OK; i++) {
        e = stream_write(r.p.stream, str_from(piece, sizeof(piece)));
        CHECK(stream_unsent(r.p.stream) <= 1 * MIB);
        if (e == ERR_OK)
            loop_turn(r.loop);
    }
    CHECK(e == ERR_LIMIT);
    CHECK_ERR(stream_write(r.p.stream, STR("x")), ERR_CLOSED);
    CHECK(stream_unsent(r.p.stream) == 0);
    CHECK(r.p.ended == 0);
    CHECK(turn_until(r.loop, &r.p.ended));
    CHECK(r.p.why == ERR_LIMIT);
    rig_done(&r);
}

TEST(a_paused_stream_reads_nothing_until_it_is_resumed)
{
    struct rig r;
    rig_init(&r);
    stream_pause(r.p.stream);
    put(r.peer, "wait");
    turns(r.loop, 20);
    CHECK(r.p.received == 0);
    stream_resume(r.p.stream);
    CHECK(turn_until_length(r.loop, &r.p.got, 4));
    rig_done(&r);
}

TEST(a_paused_stream_hears_once_that_its_peer_hung_up_and_reads_the_rest_after)
{
    struct rig r;
    rig_init(&r);
    stream_pause(r.p.stream);
    put(r.peer, "last words");
    close(r.peer);
    r.peer = -1;
    CHECK(turn_until(r.loop, &r.p.hung_up));
    turns(r.loop, 20);
    CHECK(r.p.hung_up == 1 && r.p.ended == 0 && r.p.received == 0);
    stream_resume(r.p.stream);
    CHECK(turn_until(r.loop, &r.p.ended));
    CHECK_STR(buf_view(&r.p.got), "last words");
    rig_done(&r);
}

TEST(a_write_to_a_dead_peer_hands_out_its_last_bytes_before_the_end)
{
    struct rig r;
    rig_init(&r);
    put(r.peer, "FATAL: gone");
    close(r.peer);
    r.peer = -1;
    CHECK_ERR(stream_write(r.p.stream, STR("x")), ERR_IO);
    CHECK_ERR(stream_write(r.p.stream, STR("x")), ERR_CLOSED);
    CHECK(r.p.received == 0 && r.p.ended == 0);
    CHECK(turn_until(r.loop, &r.p.ended));
    CHECK_STR(buf_view(&r.p.got), "FATAL: gone");
    turns(r.loop, 5);
    CHECK(r.p.ended == 1);
    rig_done(&r);
}

TEST(a_write_to_a_dead_peer_ends_a_paused_stream_too)
{
    struct rig r;
    rig_init(&r);
    stream_pause(r.p.stream);
    close(r.peer);
    r.peer = -1;
    CHECK_ERR(stream_write(r.p.stream, STR("x")), ERR_IO);
    CHECK(turn_until(r.loop, &r.p.ended));
    CHECK(r.p.why == ERR_IO);
    rig_done(&r);
}

TEST(a_reset_is_an_error_and_not_an_orderly_end)
{
    struct rig r;
    int a, b;
    struct linger hard = {1, 0};
    probe_init(&r.p);
    CHECK_OK(loop_new(&r.loop));
    tcp_pair(&a, &b);
    r.peer = -1;
    CHECK_OK(stream_adopt(r.loop, a, &probe_ops, &r.p, &r.p.stream));
    CHECK(strncmp(stream_peer_text(r.p.stream).p, "127.0.0.1:", 10) == 0);
    CHECK(setsockopt(b, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)) == 0);
    close(b);
    CHECK(turn_until(r.loop, &r.p.ended));
    CHECK(r.p.why == ERR_IO);
    rig_done(&r);
}

TEST(a_reset_ends_a_paused_stream_with_unsent_bytes)
{
    struct rig r;
    int a, b;
    struct linger hard = {1, 0};
    static char big[8 * 1024 * 1024];
    probe_init(&r.p);
    CHECK_OK(loop_new(&r.loop));
    tcp_pair(&a, &b);
    r.peer = -1;
    CHECK_OK(stream_adopt(r.loop, a, &probe_ops, &r.p, &r.p.stream));
    stream_pause(r.p.stream);
    CHECK_OK(stream_write(r.p.stream, str_from(big, sizeof(big))));
    CHECK(stream_is_full(r.p.stream));
    CHECK(setsockopt(b, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)) == 0);
    close(b);
    CHECK(turn_until(r.loop, &r.p.ended));
    CHECK(r.p.why == ERR_IO);
    rig_done(&r);
}

TEST(tcp_streams_have_no_delay_and_probe_dead_peers)
{
    struct rig r;
    int a, b, v = 0;
    socklen_t n = sizeof(v);
    probe_init(&r.p);
    CHECK_OK(loop_new(&r.loop));
    tcp_pair(&a, &b);
    r.peer = b;
    CHECK_OK(stream_adopt(r.loop, a, &probe_ops, &r.p, &r.p.stream));
    CHECK(getsockopt(a, IPPROTO_TCP, TCP_NODELAY, &v, &n) == 0 && v == 1);
    CHECK(getsockopt(a, SOL_SOCKET, SO_KEEPALIVE, &v, &n) == 0 && v == 1);
    rig_done(&r);
}

/* --- Freeing inside callbacks ---------------------------------------------------------------- */

static void free_inside(size_t which, enum probe_act what)
{
    struct rig r;
    static char big[4 * 1024 * 1024], in[65536];
    rig_init(&r);
    if (which == 0)
        r.p.on_received = what;
    else if (which == 1)
        r.p.on_drained = what;
    else if (which == 2)
        r.p.on_hung_up = what;
    else
        r.p.on_ended = what;
    if (which == 1)
        CHECK_OK(stream_write(r.p.stream, str_from(big, sizeof(big))));
    if (which == 2)
        stream_pause(r.p.stream);
    put(r.peer, "data");
    if (which != 1) /* an ended stream keeps what is unsent until it is closed */
        CHECK(shutdown(r.peer, SHUT_WR) == 0);
    for (int i = 0; i < 500; i++) {
        (void)!recv(r.peer, in, sizeof(in), MSG_DONTWAIT);
        loop_turn(r.loop);
    }
    CHECK(r.p.gone && r.p.late == 0);
    CHECK(r.p.ended == (which == 3));
    rig_done(&r);
}

TEST(a_stream_may_be_freed_or_closed_inside_each_callback)
{
    for (size_t which = 0; which < 4; which++) {
        free_inside(which, PROBE_FREE);
        free_inside(which, PROBE_CLOSE);
    }
}

/* --- Closing --------------------------------------------------------------------------------- */

TEST(close_sends_what_is_unsent_first)
{
    struct rig r;
    static char big[3 * 1024 * 1024], in[65536];
    rig_init(&r);
    CHECK_OK(stream_write(r.p.stream, str_from(big, sizeof(big))));
    stream_close(r.p.stream, 5000);
    r.p.stream = NULL;
    size_t total = 0;
    for (int i = 0; i < 10000; i++) {
        ssize_t n = recv(r.peer, in, sizeof(in), MSG_DONTWAIT);
        if (n == 0)
            break;
        total += n > 0 ? (size_t)n : 0;
        loop_turn(r.loop);
    }
    CHECK(total == sizeof(big));
    CHECK(r.p.ended == 0 && r.p.drained == 0);
    rig_done(&r);
}

TEST(the_last_bytes_reach_a_peer_that_is_still_sending)
{
    struct rig r;
    int a, b;
    char in[64];
    static char flood[200000];
    probe_init(&r.p);
    CHECK_OK(loop_new(&r.loop));
    tcp_pair(&a, &b);
    r.peer = b;
    CHECK_OK(stream_adopt(r.loop, a, &probe_ops, &r.p, &r.p.stream));
    CHECK(send(b, flood, sizeof(flood), MSG_DONTWAIT) > 0);
    CHECK_OK(stream_write(r.p.stream, STR("FATAL")));
    stream_close(r.p.stream, 1000);
    r.p.stream = NULL;
    turns(r.loop, 50);
    CHECK(recv(b, in, sizeof(in), 0) == 5);
    CHECK(recv(b, in, sizeof(in), 0) == 0);
    rig_done(&r);
}

TEST(a_peer_that_never_reads_delays_a_close_only_as_long_as_it_may_linger)
{
    struct rig r;
    static char big[3 * 1024 * 1024];
    rig_init(&r);
    CHECK_OK(stream_write(r.p.stream, str_from(big, sizeof(big))));
    stream_close(r.p.stream, 30);
    r.p.stream = NULL;
    turns(r.loop, 3);
    CHECK(send(r.peer, "x", 1, MSG_DONTWAIT) == 1);
    usleep(50000);
    turns(r.loop, 3);
    CHECK(send(r.peer, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0);
    rig_done(&r);
}

TEST(a_loop_that_is_freed_takes_lingering_streams_along)
{
    struct rig r;
    static char big[3 * 1024 * 1024];
    rig_init(&r);
    CHECK_OK(stream_write(r.p.stream, str_from(big, sizeof(big))));
    stream_close(r.p.stream, 60000);
    r.p.stream = NULL;
    rig_done(&r);
}

/* --- Connecting and listening ---------------------------------------------------------------- */

struct accepting {
    struct loop *loop;
    struct probe p;
    int count;
    struct listener *free_me;
};

static void accepted(void *ctx, int fd)
{
    struct accepting *a = ctx;
    a->count++;
    listener_free(a->free_me);
    a->free_me = NULL;
    CHECK_OK(stream_adopt(a->loop, fd, &probe_ops, &a->p, &a->p.stream));
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof(a);
    CHECK(getsockname(fd, (struct sockaddr *)&a, &n) == 0);
    return ntohs(((struct sockaddr_in *)&a)->sin_port); /* the same place in sockaddr_in6 */
}

static void connect_to(const char *host_listen, const char *host_connect)
{
    struct loop *l;
    struct accepting a = {0};
    struct probe c;
    int fds[LISTEN_MAX_FDS];
    size_t n;
    struct listen_error error;
    struct listener *listener;
    probe_init(&a.p);
    probe_init(&c);
    CHECK_OK(loop_new(&l));
    a.loop = l;
    struct address at = {.host = str_of(host_listen)};
    CHECK_OK(listen_open(&at, 0, fds, &n, &error));
    CHECK_OK(listener_new(l, fds[0], accepted, &a, &listener));
    struct address to = {.host = str_of(host_connect), .port = port_of(fds[0])};
    CHECK_OK(stream_connect(l, &to, 2000, &probe_ops, &c, &c.stream));
    CHECK_ERR(stream_write(c.stream, STR("too early")), ERR_BAD_STATE);
    CHECK(c.connected == 0);
    CHECK(turn_until(l, &c.connected));
    CHECK(turn_until(l, &a.count));
    CHECK_OK(stream_write(c.stream, STR("hi")));
    CHECK(turn_until_length(l, &a.p.got, 2));
    probe_done(&a.p);
    CHECK(turn_until(l, &c.ended));
    probe_done(&c);
    listener_free(listener);
    for (size_t i = 1; i < n; i++)
        close(fds[i]);
    loop_free(l);
}

TEST(a_stream_connects_by_number_and_by_name)
{
    connect_to("127.0.0.1", "127.0.0.1");
    connect_to("127.0.0.1", "localhost");
    connect_to("*", "localhost");
}

TEST(a_refused_connection_ends_with_the_address_in_its_text)
{
    struct loop *l;
    struct probe c;
    int fds[LISTEN_MAX_FDS];
    size_t n;
    struct listen_error error;
    CHECK_OK(loop_new(&l));
    struct address at = {.host = STR("127.0.0.1")};
    CHECK_OK(listen_open(&at, 0, fds, &n, &error));
    uint16_t port = port_of(fds[0]);
    close(fds[0]);
    const char *const hosts[] = {"127.0.0.1", "localhost"};
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct address to = {.host = str_of(hosts[i]), .port = port};
        probe_init(&c);
        CHECK_OK(stream_connect(l, &to, 2000, &probe_ops, &c, &c.stream));
        CHECK(turn_until(l, &c.ended));
        CHECK(c.connected == 0 && c.why == ERR_IO);
        CHECK(strstr(c.text, hosts[i]) != NULL && strstr(c.text, "refused") != NULL);
        probe_done(&c);
    }
    loop_free(l);
}

TEST(a_name_nobody_has_ends_the_stream)
{
    struct loop *l;
    struct probe c;
    CHECK_OK(loop_new(&l));
    probe_init(&c);
    struct address to = {.host = STR("no-such-host.invalid"), .port = 1};
    CHECK_OK(stream_connect(l, &to, 1500, &probe_ops, &c, &c.stream));
    CHECK(turn_until(l, &c.ended));
    CHECK(c.why == ERR_NOT_FOUND || c.why == ERR_TIMEOUT);
    probe_done(&c);
    struct address none = {.host = STR("")};
    CHECK_ERR(stream_connect(l, &none, 1500, &probe_ops, &c, &c.stream), ERR_INVALID);
    loop_free(l);
}

TEST(connecting_to_a_host_that_does_not_answer_times_out)
{
    struct loop *l;
    struct probe c;
    CHECK_OK(loop_new(&l));
    probe_init(&c);
    /* A unix listener whose queue is full does not help: it refuses. A TCP one drops. */
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);
    int s = socket(AF_INET, SOCK_STREAM, 0), fill[4];
    CHECK(bind(s, (struct sockaddr *)&a, n) == 0 && listen(s, 0) == 0);
    CHECK(getsockname(s, (struct sockaddr *)&a, &n) == 0);
    for (size_t i = 0; i < ARRAY_LEN(fill); i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fill[i], (struct sockaddr *)&a, n);
    }
    struct address to = {.host = STR("127.0.0.1"), .port = ntohs(a.sin_port)};
    CHECK_OK(stream_connect(l, &to, 50, &probe_ops, &c, &c.stream));
    CHECK(turn_until(l, &c.ended));
    CHECK(c.why == ERR_TIMEOUT && strstr(c.text, "timed out") != NULL);
    probe_done(&c);
    for (size_t i = 0; i < ARRAY_LEN(fill); i++)
        close(fill[i]);
    close(s);
    loop_free(l);
}

TEST(a_stream_may_be_freed_while_it_connects_and_inside_connected)
{
    struct loop *l;
    struct probe c;
    int fds[LISTEN_MAX_FDS];
    size_t n;
    struct listen_error error;
    CHECK_OK(loop_new(&l));
    struct address at = {.host = STR("127.0.0.1")};
    CHECK_OK(listen_open(&at, 0, fds, &n, &error));
    const char *const hosts[] = {"127.0.0.1", "localhost"};
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct address to = {.host = str_of(hosts[i]), .port = port_of(fds[0])};
        for (int turn = 0; turn < 3; turn++) {
            probe_init(&c);
            CHECK_OK(stream_connect(l, &to, 2000, &probe_ops, &c, &c.stream));
            turns(l, turn);
            stream_free(c.stream);
            c.stream = NULL;
            turns(l, 5);
            CHECK(c.ended == 0);
        }
        probe_init(&c);
        c.on_connected = PROBE_FREE;
        CHECK_OK(stream_connect(l, &to, 2000, &probe_ops, &c, &c.stream));
        CHECK(turn_until(l, &c.connected));
        turns(l, 5);
        CHECK(c.ended == 0 && c.late == 0);
    }
    close(fds[0]);
    loop_free(l);
}

TEST(unix_sockets_listen_connect_and_vouch_for_the_peer)
{
    struct loop *l;
    struct accepting a = {0};
    struct probe c;
    int fds[LISTEN_MAX_FDS], more[LISTEN_MAX_FDS];
    size_t n;
    uint32_t uid = 12345;
    struct stat st;
    char path[] = "/tmp/countersign-test-XXXXXX", file[64];
    struct listen_error error;
    CHECK(mkdtemp(path) != NULL);
    (void)snprintf(file, sizeof(file), "%s/socket", path);
    probe_init(&a.p);
    probe_init(&c);
    CHECK_OK(loop_new(&l));
    a.loop = l;
    struct address at = {.host = str_of(file), .is_unix = true};
    CHECK_OK(listen_open(&at, 0600, fds, &n, &error));
    CHECK(stat(file, &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK_ERR(listen_open(&at, 0600, more, &n, &error), ERR_EXISTS); /* a live one stays */
    CHECK(strstr(error.text, file) != NULL);
    close(fds[0]);
    CHECK_OK(listen_open(&at, 0660, fds, &n, &error)); /* a stale one goes */
    CHECK(stat(file, &st) == 0 && (st.st_mode & 0777) == 0660);
    CHECK_OK(listener_new(l, fds[0], accepted, &a, &a.free_me));
    CHECK_OK(stream_connect(l, &at, 2000, &probe_ops, &c, &c.stream));
    CHECK(turn_until(l, &c.connected) && turn_until(l, &a.count));
    CHECK_STR(stream_peer_text(a.p.stream), "local");
    CHECK_OK(stream_peer_uid(a.p.stream, &uid));
    CHECK(uid == getuid());
    CHECK(unlink(file) == 0);
    FILE *f = fopen(file, "w");
    CHECK(f != NULL && fclose(f) == 0);
    CHECK_ERR(listen_open(&at, 0660, more, &n, &error), ERR_EXISTS); /* no socket: never removed */
    CHECK(stat(file, &st) == 0 && S_ISREG(st.st_mode));
    CHECK(unlink(file) == 0 && rmdir(path) == 0);
    probe_done(&c);
    probe_done(&a.p);
    loop_free(l);
}

TEST(a_port_that_is_taken_is_named_in_the_error)
{
    int fds[LISTEN_MAX_FDS], more[LISTEN_MAX_FDS];
    size_t n;
    struct listen_error error = {""};
    struct address at = {.host = STR("127.0.0.1")};
    CHECK_OK(listen_open(&at, 0, fds, &n, &error));
    at.port = port_of(fds[0]);
    CHECK_ERR(listen_open(&at, 0, more, &n, &error), ERR_EXISTS);
    CHECK(strstr(error.text, "127.0.0.1") != NULL);
    close(fds[0]);
}

/* --- Loop ------------------------------------------------------------------------------------ */

struct log_of_calls {
    struct loop *loop;
    int n, again;
    struct timer *timer;
};

static void count_call(void *ctx)
{
    struct log_of_calls *c = ctx;
    c->n++;
    if (c->again-- > 0)
        CHECK_OK(loop_defer(c->loop, count_call, c));
}

static void stop_loop(void *ctx)
{
    loop_stop(ctx);
}

TEST(a_deferred_call_runs_once_later_and_never_after_it_was_forgotten)
{
    struct log_of_calls c = {.again = 0}, d = {.again = 0};
    CHECK_OK(loop_new(&c.loop));
    d.loop = c.loop;
    CHECK_OK(loop_defer(c.loop, count_call, &c));
    CHECK_OK(loop_defer(c.loop, count_call, &d));
    loop_undefer(c.loop, &d);
    CHECK(c.n == 0);
    turns(c.loop, 5);
    CHECK(c.n == 1 && d.n == 0);
    /* Deferred from a deferred call: the loop does not fall asleep in between. */
    c.again = 3;
    CHECK_OK(loop_defer(c.loop, count_call, &c));
    struct timer *guard;
    CHECK_OK(timer_new(c.loop, stop_loop, c.loop, &guard));
    timer_start(guard, 100, 0);
    loop_run(c.loop);
    CHECK(c.n == 5);
    timer_free(guard);
    loop_free(c.loop);
}

static void free_own_timer(void *ctx)
{
    struct log_of_calls *c = ctx;
    c->n++;
    timer_free(c->timer);
}

TEST(a_timer_may_be_freed_inside_its_own_call)
{
    struct log_of_calls c = {.n = 0};
    CHECK_OK(loop_new(&c.loop));
    CHECK_OK(timer_new(c.loop, free_own_timer, &c, &c.timer));
    timer_start(c.timer, 1, 1);
    CHECK(turn_until(c.loop, &c.n));
    usleep(5000);
    turns(c.loop, 5);
    CHECK(c.n == 1);
    loop_free(c.loop);
}

static void count_signal(void *ctx, int signum)
{
    struct log_of_calls *c = ctx;
    c->n += signum == SIGUSR1;
}

TEST(a_signal_reaches_its_handler_in_the_loop)
{
    struct log_of_calls c = {.n = 0};
    CHECK_OK(loop_new(&c.loop));
    CHECK_OK(loop_on_signal(c.loop, SIGUSR1, count_signal, &c));
    CHECK_ERR(loop_on_signal(c.loop, SIGUSR1, count_signal, &c), ERR_EXISTS);
    CHECK(raise(SIGUSR1) == 0);
    CHECK(c.n == 0);
    CHECK(turn_until(c.loop, &c.n));
    loop_free(c.loop);
}

TAP_MAIN(T(bytes_pass_in_both_directions), T(bytes_that_dribble_in_one_at_a_time_all_arrive),
         T(a_closed_peer_ends_the_stream_after_its_last_bytes),
         T(a_peer_that_shuts_its_half_ends_the_stream_and_still_gets_the_answer),
         T(what_the_socket_does_not_take_is_kept_and_drained_in_order),
         T(a_peer_that_never_reads_costs_no_more_than_the_cap),
         T(a_paused_stream_reads_nothing_until_it_is_resumed),
         T(a_paused_stream_hears_once_that_its_peer_hung_up_and_reads_the_rest_after),
         T(a_write_to_a_dead_peer_hands_out_its_last_bytes_before_the_end),
         T(a_write_to_a_dead_peer_ends_a_paused_stream_too),
         T(a_reset_is_an_error_and_not_an_orderly_end),
         T(a_reset_ends_a_paused_stream_with_unsent_bytes),
         T(tcp_streams_have_no_delay_and_probe_dead_peers),
         T(a_stream_may_be_freed_or_closed_inside_each_callback),
         T(close_sends_what_is_unsent_first), T(the_last_bytes_reach_a_peer_that_is_still_sending),
         T(a_peer_that_never_reads_delays_a_close_only_as_long_as_it_may_linger),
         T(a_loop_that_is_freed_takes_lingering_streams_along),
         T(a_stream_connects_by_number_and_by_name),
         T(a_refused_connection_ends_with_the_address_in_its_text),
         T(a_name_nobody_has_ends_the_stream),
         T(connecting_to_a_host_that_does_not_answer_times_out),
         T(a_stream_may_be_freed_while_it_connects_and_inside_connected),
         T(unix_sockets_listen_connect_and_vouch_for_the_peer),
         T(a_port_that_is_taken_is_named_in_the_error),
         T(a_deferred_call_runs_once_later_and_never_after_it_was_forgotten),
         T(a_timer_may_be_freed_inside_its_own_call), T(a_signal_reaches_its_handler_in_the_loop))
