#include "cmd/sandbox.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <netdb.h>
#include <pwd.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static enum err fail(struct sandbox_error *ret, enum err why, const char *what, int code)
{
    (void)snprintf(ret->text, sizeof(ret->text), "%s: %s", what, strerror(code));
    return why;
}

/* --- Another user ---------------------------------------------------------------------------- */

static enum err become(struct str user, struct sandbox_error *ret_error)
{
    char name[64];
    if (user.n == 0)
        user = STR("nobody");
    if (user.n >= sizeof(name))
        return fail(ret_error, ERR_NOT_FOUND, "the user of the workers", ENAMETOOLONG);
    memcpy(name, user.p, user.n);
    name[user.n] = '\0';
    errno = 0;
    const struct passwd *who = getpwnam(name);
    if (who == NULL)
        return fail(ret_error, ERR_NOT_FOUND, name, errno != 0 ? errno : ENOENT);
    if (who->pw_uid == 0)
        return fail(ret_error, ERR_FORBIDDEN, "workers do not run as root", EPERM);
    if (setgroups(0, NULL) != 0 || setresgid(who->pw_gid, who->pw_gid, who->pw_gid) != 0 ||
        setresuid(who->pw_uid, who->pw_uid, who->pw_uid) != 0)
        return fail(ret_error, ERR_FORBIDDEN, name, errno);
    if (setuid(0) == 0 || setgid(0) == 0) /* what was given up must be gone */
        return fail(ret_error, ERR_FORBIDDEN, "root could be had back", EPERM);
    return ERR_OK;
}

/* --- Files ----------------------------------------------------------------------------------- */

/* What name look-ups read: whole folders, because files in them are replaced, not rewritten, when
 * the network changes, and a rule for a file would stay with the old one. The file modes still count. */
static const char *const readable[] = {"/etc", "/usr/lib", "/usr/lib64", "/lib", "/lib64",
                                       "/usr/share/zoneinfo", "/run/systemd/resolve",
                                       "/run/resolvconf", "/dev/urandom"};

static int landlock_allow(int rules, const char *path)
{
    struct stat st;
    struct landlock_path_beneath_attr rule = {.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE};
    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return 0; /* it is not there: nothing to allow */
    if (fstat(rule.parent_fd, &st) == 0 && S_ISDIR(st.st_mode))
        rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
    long e = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    int code = e != 0 ? errno : 0;
    close(rule.parent_fd);
    return code;
}

static enum err close_files(struct sandbox_error *ret_error)
{
    /* The rights of the first version of Landlock: each later kernel has them. */
    const struct landlock_ruleset_attr attr = {.handled_access_fs = (1ULL << 13) - 1};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
    if (rules < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) {
        log_info("this kernel has no Landlock; files are guarded by their modes alone");
        return ERR_OK;
    }
    int code = rules < 0 ? errno : 0;
    for (size_t i = 0; i < ARRAY_LEN(readable) && code == 0; i++)
        code = landlock_allow(rules, readable[i]);
    if (code == 0 && syscall(SYS_landlock_restrict_self, rules, 0) != 0)
        code = errno;
    if (rules >= 0)
        close(rules);
    return code == 0 ? ERR_OK : fail(ret_error, ERR_FORBIDDEN, "Landlock", code);
}

/* --- System calls ---------------------------------------------------------------------------- */

/* Allowed whatever their arguments. A name this processor does not have is passed over. */
static const char *const plain_calls[] = {
    /* streams */
    "read", "readv", "recvfrom", "recvmsg", "recvmmsg", "write", "writev", "sendto", "sendmsg",
    "sendmmsg", "accept", "accept4", "connect", "bind", "shutdown", "close", "getsockopt",
    "setsockopt", "getsockname", "getpeername", "fcntl", "lseek", "pread64", "dup",
    /* waiting */
    "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "select",
    "pselect6", "nanosleep", "clock_nanosleep", "restart_syscall", "futex", "sched_yield",
    "eventfd2", "pipe2",
    /* memory and threads */
    "brk", "munmap", "mremap", "madvise", "exit", "exit_group", "set_robust_list", "rseq",
    "set_tid_address", "sched_getaffinity", "membarrier", "getcpu",
    /* signals to ourselves */
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "rt_sigpending",
    /* questions */
    "clock_gettime", "clock_getres", "gettimeofday", "time", "getpid", "gettid", "getuid",
    "geteuid", "getgid", "getegid", "getrandom", "uname", "sysinfo", "getrlimit", "getrusage",
    /* files, which Landlock and their modes guard */
    "stat", "lstat", "fstat", "newfstatat", "statx", "statfs", "fstatfs", "access", "faccessat",
    "faccessat2", "readlink", "readlinkat", "getdents64", "getcwd",
};

/* Allowed where the argument is as said: (argument & mask) == value. */
static const struct {
    const char *call;
    unsigned argument;
    uint64_t mask, value;
} checked_calls[] = {
    /* Files for reading alone. */
    {"open", 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY},
    {"openat", 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY},
    /* No memory that is written and run; libraries of the resolver are only mapped to be run. */
    {"mmap", 2, PROT_WRITE | PROT_EXEC, PROT_WRITE},
    {"mmap", 2, PROT_WRITE, 0},
    {"mprotect", 2, PROT_EXEC, 0},
    /* Threads, no processes. */
    {"clone", 0, CLONE_VM | CLONE_THREAD | CLONE_NEWUSER | CLONE_NEWNS, CLONE_VM | CLONE_THREAD},
    {"socket", 0, UINT32_MAX, AF_UNIX},
    {"socket", 0, UINT32_MAX, AF_INET},
    {"socket", 0, UINT32_MAX, AF_INET6},
    {"socket", 0, UINT32_MAX, AF_NETLINK},
    {"socketpair", 0, UINT32_MAX, AF_UNIX},
    {"ioctl", 1, UINT32_MAX, FIONBIO},
    {"ioctl", 1, UINT32_MAX, FIONREAD},
    {"ioctl", 1, UINT32_MAX, TCGETS}, /* isatty */
    {"prctl", 0, UINT32_MAX, PR_SET_NAME},
    {"prctl", 0, UINT32_MAX, PR_GET_NAME},
    {"prlimit64", 2, UINT64_MAX, 0}, /* asks, does not set */
};

static int allow_plain(scmp_filter_ctx f)
{
    for (size_t i = 0; i < ARRAY_LEN(plain_calls); i++) {
        int call = seccomp_syscall_resolve_name(plain_calls[i]);
        int e = call >= 0 ? seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 0) : 0;
        if (e != 0)
            return e;
    }
    return 0;
}

static int allow_checked(scmp_filter_ctx f)
{
    for (size_t i = 0; i < ARRAY_LEN(checked_calls); i++) {
        int call = seccomp_syscall_resolve_name(checked_calls[i].call);
        int e = call >= 0 ? seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 1,
                                             SCMP_CMP64(checked_calls[i].argument,
                                                        SCMP_CMP_MASKED_EQ, checked_calls[i].mask,
                                                        checked_calls[i].value))
                          : 0;
        if (e != 0)
            return e;
    }
    /* abort() */
    return seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                            SCMP_A0_64(SCMP_CMP_EQ, (uint64_t)getpid(), 0));
}

#ifdef __OPTIMIZE__
static uint32_t forbidden_action(void)
{
    return SCMP_ACT_KILL_PROCESS;
}
#else
static void forbidden_call(int signum, siginfo_t *info, void *context)
{
    (void)signum, (void)context;
    log_error("forbidden system call %d", info->si_syscall);
    _exit(128 + SIGSYS);
}

static uint32_t forbidden_action(void)
{
    const struct sigaction act = {.sa_sigaction = forbidden_call, .sa_flags = SA_SIGINFO};
    (void)sigaction(SIGSYS, &act, NULL);
    return SCMP_ACT_TRAP; /* a debug build says which call it was */
}
#endif

static enum err close_calls(struct sandbox_error *ret_error)
{
    scmp_filter_ctx f = seccomp_init(forbidden_action());
    if (f == NULL)
        return fail(ret_error, ERR_NOMEM, "seccomp", ENOMEM);
    int e = allow_plain(f);
    if (e == 0)
        e = allow_checked(f);
    /* The flags of clone3 are in memory, where no filter sees them; the C library then calls clone,
     * which has them in a register. */
    if (e == 0)
        e = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (e == 0)
        e = seccomp_load(f);
    seccomp_release(f);
    return e == 0 ? ERR_OK : fail(ret_error, ERR_FORBIDDEN, "seccomp", -e);
}

/* --- All of it ------------------------------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__)
enum { UNDER_SANITIZER = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { UNDER_SANITIZER = 1 };
#else
enum { UNDER_SANITIZER = 0 };
#endif
#else
enum { UNDER_SANITIZER = 0 };
#endif

/* The C library loads its look-up modules when it first needs them: better now than later. */
static void load_resolver(void)
{
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    if (getaddrinfo("localhost", "1", &hints, &found) == 0)
        freeaddrinfo(found);
}

enum err sandbox_enter(struct str user, struct sandbox_error *ret_error)
{
    load_resolver();
    if (geteuid() == 0)
        TRY(become(user, ret_error));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail(ret_error, ERR_FORBIDDEN, "no_new_privs", errno);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* no core with what clients sent, no ptrace */
    TRY(close_files(ret_error));
    if (UNDER_SANITIZER) {
        log_info("built with a sanitizer: system calls are not filtered");
        return ERR_OK;
    }
    return close_calls(ret_error);
}
