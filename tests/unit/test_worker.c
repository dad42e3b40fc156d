/*
 * A worker as a process, with this test as its keeper and its broker: what it does before it has a
 * configuration, what it has given up once it serves, and how it ends. Its resource is PostgreSQL with
 * an upstream that refuses every connection.
 */
#include "tap.h"

/* Sanitizers make system calls of their own: such a worker says that it filters none. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define FAKE_RESOURCE_TYPE "postgres"
#include "base/limits.h"
#include "cmd/cmd.h"
#include "fake_policy.h"
#include "link/control.h"
#include "link/link.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct rig {
    pid_t pid;
    int control, link;
    uint16_t port;
    struct buf in;
    struct arena arena;
};

static int child(int control)
{
    char *argv[] = {(char *)(uintptr_t) "worker", NULL};
    if (control != CONTROL_FD && dup2(control, CONTROL_FD) < 0)
        return 99;
    for (int fd = CONTROL_FD + 1; fd < 64; fd++)
        close(fd);
    return (int)cmd_worker.run(&cmd_worker, 1, argv);
}

static void rig_init(struct rig *r)
{
    int control[2];
    *r = (struct rig){.link = -1};
    buf_init(&r->in, 16 * MIB);
    arena_init(&r->arena, 16 * MIB);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) == 0);
    fflush(stdout);
    r->pid = fork();
    if (r->pid == 0)
        _exit(child(control[1]));
    close(control[1]);
    r->control = control[0];
}

static bool readable(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, ms) == 1;
}

static void give_link(struct rig *r)
{
    int link[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, link) == 0);
    struct control_message m = {.type = CONTROL_LINK, .index = 5, .fds = {link[1]}, .n_fds = 1};
    CHECK_OK(control_send(r->control, &m));
    close(link[1]);
    if (r->link >= 0)
        close(r->link);
    buf_clear(&r->in);
    r->link = link[0];
}

static struct link_message next(struct rig *r)
{
    struct link_message m = {.type = 0};
    size_t used = 0;
    char *space;
    while (link_decode(buf_view(&r->in), LINK_BROKER, &r->arena, &m, &used) == ERR_INCOMPLETE) {
        CHECK_OK(buf_reserve(&r->in, 65536, &space));
        ssize_t n = readable(r->link, 5000) ? read(r->link, space, 65536) : -1;
        CHECK(n > 0);
        if (n <= 0)
            return m;
        buf_commit(&r->in, (size_t)n);
    }
    r->in.off += used; /* the views stay until the next call */
    return m;
}

static void give_sockets(struct rig *r, const char *name)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(bind(s, (struct sockaddr *)&a, n) == 0 && listen(s, 16) == 0);
    CHECK(getsockname(s, (struct sockaddr *)&a, &n) == 0);
    r->port = ntohs(a.sin_port);
    struct control_message m = {
        .type = CONTROL_LISTEN, .text = str_of(name), .fds = {s}, .n_fds = 1};
    CHECK_OK(control_send(r->control, &m));
    close(s);
}

static void give_config(struct rig *r, const char *text)
{
    struct buf b;
    struct link_file file = {STR("test.yaml"), str_of(text)};
    buf_init(&b, MIB);
    CHECK_OK(link_encode(&b, &(struct link_message){.type = LINK_CONFIG, .config = {&file, 1}}));
    CHECK(write(r->link, buf_view(&b).p, buf_len(&b)) == (ssize_t)buf_len(&b));
    buf_done(&b);
}

static enum control_type hear(struct rig *r)
{
    struct control_packet p;
    struct control_message m;
    if (!readable(r->control, 5000) || control_receive(r->control, &p, &m) != ERR_OK)
        return 0;
    return m.type;
}

static void serve(struct rig *r)
{
    give_link(r);
    struct link_message m = next(r);
    CHECK(m.type == LINK_HELLO && m.hello.worker == 5 && m.hello.pid == (uint32_t)r->pid);
    give_sockets(r, "shop");
    give_config(r, "first");
    m = next(r);
    CHECK(m.type == LINK_LOADED && m.loaded.ok);
    CHECK(hear(r) == CONTROL_READY);
}

static int dial(const struct rig *r)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons(r->port)};
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(s, (struct sockaddr *)&a, sizeof(a)) == 0);
    return s;
}

/* The exit status, or -1 for one that did not exit within some seconds or by itself. */
static int ended(struct rig *r)
{
    int status = 0;
    for (int i = 0; i < 500; i++) {
        if (waitpid(r->pid, &status, WNOHANG) == r->pid) {
            r->pid = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        }
        usleep(10000);
    }
    return -1;
}

static void rig_done(struct rig *r)
{
    if (r->pid != 0) {
        kill(r->pid, SIGKILL);
        (void)waitpid(r->pid, NULL, 0);
    }
    close(r->control);
    if (r->link >= 0)
        close(r->link);
    buf_done(&r->in);
    arena_done(&r->arena);
}

static bool has_status(pid_t pid, const char *want)
{
    char path[64], line[256];
    bool found = false;
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        found |= strncmp(line, want, strlen(want)) == 0;
    if (f != NULL)
        fclose(f);
    return found;
}

TEST(a_worker_serves_in_its_sandbox)
{
    struct rig r;
    struct rlimit l;
    char answer[512];
    rig_init(&r);
    serve(&r);
    CHECK(has_status(r.pid, "NoNewPrivs:\t1"));
#if !SANITIZED
    CHECK(has_status(r.pid, "Seccomp:\t2"));
#endif
    if (getuid() == 0) {
        CHECK(!has_status(r.pid, "Uid:\t0"));
        CHECK(has_status(r.pid, "CapEff:\t0000000000000000"));
        CHECK(has_status(r.pid, "Groups:\t \n"));
    }
    CHECK(prlimit(r.pid, RLIMIT_NOFILE, NULL, &l) != 0 || l.rlim_cur == l.rlim_max);
    int s = dial(&r);
    static const char startup[] = "\0\0\0\x11\0\3\0\0user\0ana\0";
    CHECK(write(s, startup, sizeof(startup)) == sizeof(startup));
    CHECK(readable(s, 5000) && read(s, answer, sizeof(answer)) > 5 && answer[0] == 'E');
    close(s);
    rig_done(&r);
}

TEST(sockets_that_come_after_the_configuration_are_served_too)
{
    struct rig r;
    char answer[64];
    rig_init(&r);
    serve(&r);
    give_sockets(&r, "shop");
    int s = dial(&r);
    CHECK(write(s, "\0\0\0\x08\x04\xd2\x16\x2f", 8) == 8); /* SSLRequest */
    CHECK(readable(s, 5000) && read(s, answer, sizeof(answer)) == 1 && answer[0] == 'N');
    close(s);
    rig_done(&r);
}

TEST(a_worker_drains_and_exits_on_sigterm_and_on_shutdown)
{
    for (int how = 0; how < 3; how++) {
        struct rig r;
        rig_init(&r);
        serve(&r);
        if (how == 0) {
            CHECK(kill(r.pid, SIGTERM) == 0);
        } else if (how == 1) {
            CHECK_OK(control_send(r.control, &(struct control_message){.type = CONTROL_SHUTDOWN}));
        } else {
            struct buf b;
            buf_init(&b, KIB);
            CHECK_OK(link_encode(&b, &(struct link_message){.type = LINK_SHUTDOWN}));
            CHECK(write(r.link, buf_view(&b).p, buf_len(&b)) == (ssize_t)buf_len(&b));
            buf_done(&b);
        }
        CHECK(ended(&r) == EXIT_DONE);
        rig_done(&r);
    }
}

TEST(a_worker_whose_keeper_is_gone_exits)
{
    for (int how = 0; how < 2; how++) {
        struct rig r;
        rig_init(&r);
        if (how == 1)
            serve(&r);
        CHECK(shutdown(r.control, SHUT_RDWR) == 0);
        CHECK(ended(&r) == EXIT_UNREACHABLE);
        rig_done(&r);
    }
}

TEST(a_keeper_that_speaks_nonsense_is_left)
{
    struct rig r;
    rig_init(&r);
    CHECK(send(r.control, "\xff nonsense", 10, 0) == 10);
    CHECK(ended(&r) == EXIT_UNREACHABLE);
    rig_done(&r);
}

TEST(a_lost_broker_is_survived_and_its_successor_greeted)
{
    struct rig r;
    rig_init(&r);
    serve(&r);
    give_link(&r);
    struct link_message m = next(&r);
    CHECK(m.type == LINK_HELLO && m.hello.worker == 5);
    give_config(&r, "first");
    m = next(&r);
    CHECK(m.type == LINK_LOADED && m.loaded.ok);
    int s = dial(&r);
    char answer[8];
    CHECK(write(s, "\0\0\0\x08\x04\xd2\x16\x2f", 8) == 8);
    CHECK(readable(s, 5000) && read(s, answer, sizeof(answer)) == 1);
    close(s);
    rig_done(&r);
}

TEST(a_broker_that_breaks_the_protocol_makes_the_worker_start_over)
{
    struct rig r;
    rig_init(&r);
    serve(&r);
    CHECK(write(r.link, "\xff\xff\xff\xff\xff", 5) == 5);
    CHECK(ended(&r) == EXIT_DONE);
    rig_done(&r);
}

TAP_MAIN(T(a_worker_serves_in_its_sandbox),
         T(sockets_that_come_after_the_configuration_are_served_too),
         T(a_worker_drains_and_exits_on_sigterm_and_on_shutdown),
         T(a_worker_whose_keeper_is_gone_exits), T(a_keeper_that_speaks_nonsense_is_left),
         T(a_lost_broker_is_survived_and_its_successor_greeted),
         T(a_broker_that_breaks_the_protocol_makes_the_worker_start_over))
