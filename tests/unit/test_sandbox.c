/*
 * Each test forks: what is given up is gone for good. The child's exit status is the answer; a child
 * that did what it may not is killed by SIGSYS (or, in a debug build, ends with 128 + SIGSYS).
 */
#include "tap.h"

#include "cmd/sandbox.h"
#include "net/stream.h"
#include "net_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#if defined(__SANITIZE_ADDRESS__)
#define FILTERED false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FILTERED false
#endif
#endif
#ifndef FILTERED
#define FILTERED true
#endif

static int in_sandbox(int (*what)(void))
{
    int status = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct sandbox_error error;
        if (sandbox_enter(STR("nobody"), &error) != ERR_OK) {
            fprintf(stderr, "# %s\n", error.text);
            _exit(99);
        }
        _exit(what());
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}

static bool did(int (*what)(void))
{
    int status = in_sandbox(what);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool killed(int (*what)(void))
{
    int status = in_sandbox(what);
    return (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) ||
           (WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGSYS);
}

/* --- What must work -------------------------------------------------------------------------- */

static int look_up(void)
{
    struct addrinfo *found = NULL;
    int e = getaddrinfo("localhost", "5432", NULL, &found);
    if (e == 0)
        freeaddrinfo(found);
    /* A name nobody has takes the way through the resolver, to a server or to none. */
    struct addrinfo *none = NULL;
    (void)setenv("RES_OPTIONS", "timeout:1 attempts:1", 1);
    (void)!getaddrinfo("no-such-host.invalid", "1", NULL, &none);
    return e;
}

static void *in_thread(void *p)
{
    *(int *)p = 7;
    return NULL;
}

static int thread(void)
{
    pthread_t t;
    int value = 0;
    return pthread_create(&t, NULL, in_thread, &value) != 0 || pthread_join(t, NULL) != 0 ||
           value != 7;
}

static struct loop *loop_from_before;

static int relay(void)
{
    struct loop *l = loop_from_before;
    struct probe p, c;
    int fds[2];
    probe_init(&p);
    probe_init(&c);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0 ||
        stream_adopt(l, fds[0], &probe_ops, &p, &p.stream) != ERR_OK ||
        write(fds[1], "x", 1) != 1 || !turn_until(l, &p.received))
        return 1;
    struct address to = {.host = STR("localhost"), .port = 1};
    if (stream_connect(l, &to, 2000, &probe_ops, &c, &c.stream) != ERR_OK ||
        !turn_until(l, &c.ended))
        return 2;
    char *big = malloc(100 * 1024 * 1024); /* and memory in plenty */
    if (big == NULL)
        return 3;
    memset(big, 1, 100 * 1024 * 1024);
    free(big);
    return 0;
}

TEST(names_threads_streams_and_memory_still_work)
{
    CHECK(did(look_up));
    CHECK(did(thread));
    CHECK_OK(loop_new(&loop_from_before));
    CHECK(did(relay));
    loop_free(loop_from_before);
}

/* --- What must not --------------------------------------------------------------------------- */

static int is_root(void)
{
    return !(geteuid() == 0 || setuid(0) == 0);
}

static int who(void)
{
    return getuid() == 0 || geteuid() == 0 || getgid() == 0;
}

TEST(root_is_gone)
{
    if (getuid() == 0)
        CHECK(did(who));
    CHECK(!did(is_root));
}

static char secret[] = "/tmp/countersign-sandbox-XXXXXX";

static int open_secret(void)
{
    return open(secret, O_RDONLY) < 0 && errno == EACCES ? 0 : 1;
}

static int list_root(void)
{
    return open("/", O_RDONLY | O_DIRECTORY) < 0 && errno == EACCES ? 0 : 1;
}

TEST(no_file_can_be_read_but_the_resolvers)
{
    int fd = mkstemp(secret);
    CHECK(fd >= 0 && fchmod(fd, 0644) == 0 && close(fd) == 0);
    CHECK(did(open_secret)); /* Landlock: its mode would allow it */
    CHECK(did(list_root));
    CHECK(unlink(secret) == 0);
}

static int write_file(void)
{
    return open("/tmp/countersign-sandbox-new", O_WRONLY | O_CREAT, 0600) < 0;
}

static int start_program(void)
{
    char *argv[] = {NULL};
    (void)execv("/bin/true", argv);
    return 0;
}

static int start_process(void)
{
    return fork() < 0;
}

static int packet_socket(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0) < 0;
}

static int listen_somewhere(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    int s = socket(AF_INET, SOCK_STREAM, 0);
    return bind(s, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(s, 1) != 0;
}

static int trace(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0;
}

static int signal_others(void)
{
    return kill(getppid(), 0) != 0;
}

static int run_data(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) == MAP_FAILED;
}

static int make_runnable(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(p, 4096, PROT_READ | PROT_EXEC) != 0;
}

static int raise_limits(void)
{
    struct rlimit l = {64, 64};
    return setrlimit(RLIMIT_NOFILE, &l) != 0;
}

static int remove_file(void)
{
    return unlink("/tmp/whatever") != 0;
}

TEST(forbidden_calls_end_the_process)
{
    static int (*const forbidden[])(void) = {
        write_file, start_program, start_process, packet_socket, listen_somewhere, trace,
        signal_others, run_data, make_runnable, raise_limits, remove_file,
    };
    if (!FILTERED) {
        CHECK(did(list_root)); /* under a sanitizer Landlock alone is there */
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(forbidden); i++) {
        bool ok = killed(forbidden[i]);
        CHECK(ok);
        if (!ok)
            printf("# forbidden call %zu\n", i);
    }
}

static bool status_line(const char *want)
{
    char line[256];
    bool found = false;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        found |= strncmp(line, want, strlen(want)) == 0;
    if (f != NULL)
        fclose(f);
    return found;
}

TEST(a_user_that_does_not_exist_or_is_root_is_refused)
{
    if (getuid() != 0) { /* nobody to become */
        CHECK(!status_line("NoNewPrivs:\t1"));
        return;
    }
    for (int i = 0; i < 2; i++) {
        int status;
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            struct sandbox_error error = {""};
            enum err e = sandbox_enter(i == 0 ? STR("no-such-user-here") : STR("root"), &error);
            _exit(e == (i == 0 ? ERR_NOT_FOUND : ERR_FORBIDDEN) && error.text[0] != '\0' ? 0 : 1);
        }
        CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

TAP_MAIN(T(names_threads_streams_and_memory_still_work), T(root_is_gone),
         T(no_file_can_be_read_but_the_resolvers), T(forbidden_calls_end_the_process),
         T(a_user_that_does_not_exist_or_is_root_is_refused))
