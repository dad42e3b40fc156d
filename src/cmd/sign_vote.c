#include "cmd/sign_vote.h"

#include "base/limits.h"
#include "model/signed_vote.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* --- ssh-keygen ------------------------------------------------------------------------------ */

static bool feed(int fd, struct str s)
{
    while (s.n != 0) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        s = str_from(s.p + n, s.n - (size_t)n);
    }
    return true;
}

static bool drain(int fd, struct buf *out)
{
    char piece[4096];
    for (;;) {
        ssize_t n = read(fd, piece, sizeof(piece));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        if (buf_put(out, piece, (size_t)n) != ERR_OK)
            return false;
    }
}

static bool start(const char *key, int in, int out, pid_t *ret)
{
    const char *const argv[] = {"ssh-keygen", "-q", "-Y", "sign", "-n", SIGNED_VOTE_NAME_SPACE, "-f", key, NULL};
    posix_spawn_file_actions_t files;
    if (posix_spawn_file_actions_init(&files) != 0)
        return false;
    bool done = posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO) == 0 &&
                posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO) == 0 &&
                posix_spawnp(ret, argv[0], &files, NULL, (char *const *)argv, environ) == 0;
    (void)posix_spawn_file_actions_destroy(&files);
    return done;
}

/* A text is at most a reason and a few lines: the pipe takes it before anybody reads. */
static bool sign_with(const char *key, struct str text, struct buf *ret)
{
    int to[2] = {-1, -1}, from[2] = {-1, -1}, status = -1;
    pid_t pid = -1;
    buf_clear(ret);
    bool good = pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0 && start(key, to[0], from[1], &pid);
    if (from[1] >= 0)
        close(from[1]);
    if (to[0] >= 0)
        close(to[0]);
    good = good && feed(to[1], text);
    if (to[1] >= 0)
        close(to[1]);
    good = good && drain(from[0], ret);
    if (from[0] >= 0)
        close(from[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return good && WIFEXITED(status) && WEXITSTATUS(status) == 0 && buf_len(ret) != 0;
}

/* --- Whose key ------------------------------------------------------------------------------- */

/* Type and key, without the comment. */
static struct str key_words(struct str line)
{
    struct str type, rest, key;
    line = str_trim(line);
    if (!str_cut(line, ' ', &type, &rest))
        return line;
    if (!str_cut(rest, ' ', &key, &rest))
        key = rest;
    return str_from(line.p, (size_t)(key.p + key.n - line.p));
}

static bool is_in_file(const char *path, struct str line)
{
    char text[LIMIT_SSH_BLOB];
    FILE *f = fopen(path, "re");
    bool same = f != NULL && fgets(text, sizeof(text), f) != NULL &&
                str_eq(key_words(str_of(text)), key_words(line));
    if (f != NULL)
        fclose(f);
    return same;
}

/* The usual file whose public half is this key; false where there is none. */
static bool find_file(struct str line, char *out, size_t size)
{
    static const char *const names[] = {"id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk"};
    const char *home = getenv("HOME");
    for (size_t i = 0; home != NULL && i < ARRAY_LEN(names); i++) {
        int n = snprintf(out, size, "%s/.ssh/%s.pub", home, names[i]);
        if (n < 0 || (size_t)n >= size || !is_in_file(out, line))
            continue;
        out[n - 4] = '\0';
        return true;
    }
    return false;
}

/* A public key alone in a file makes ssh-keygen ask the agent for its other half. */
static bool sign_with_agent(struct str line, struct str text, struct buf *ret)
{
    char path[] = "/tmp/countersign-key-XXXXXX";
    if (getenv("SSH_AUTH_SOCK") == NULL)
        return false;
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return false;
    bool good = feed(fd, line) && feed(fd, STR("\n"));
    close(fd);
    good = good && sign_with(path, text, ret);
    unlink(path);
    return good;
}

static enum exit_status sign_with_own(struct client *c, const json_t *keys, struct str text,
                                      struct buf *ret)
{
    char path[4096];
    size_t n = json_array_size(keys);
    for (size_t i = 0; i < n; i++) {
        struct str line = str_of(json_string_value(json_array_get(keys, i)));
        if (find_file(line, path, sizeof(path)) ? sign_with(path, text, ret)
                                                : sign_with_agent(line, text, ret))
            return EXIT_DONE;
    }
    cmd_complain(c->command,
                 n == 0 ? "no SSH key of yours is configured at the gateway: `ssh_keys:` under `people:`"
                        : "none of your %zu configured SSH keys could sign: name one with --key FILE, or "
                          "add it to the agent",
                 n);
    return EXIT_REFUSED;
}

/* --- The whole ------------------------------------------------------------------------------- */

static enum exit_status text_of(struct client *c, const struct vote_to_sign *v, const json_t *me,
                                struct buf *text)
{
    struct signed_vote s = {.request = json_number(v->request, "id"),
                            .opened = json_text(v->request, "created"),
                            .digest = *v->digest,
                            .kind = v->kind,
                            .person = json_text(me, "person"),
                            .scope = v->scope,
                            .expires = json_text(v->request, "decide_by"),
                            .reason = str_of(v->reason)};
    if (signed_vote_text(&s, text) == ERR_OK)
        return EXIT_DONE;
    cmd_complain(c->command, s.person.n == 0 ? "you are nobody under `people:`, so there is no vote to sign"
                                             : "what the gateway says of the request cannot be signed");
    return EXIT_REFUSED;
}

enum exit_status sign_vote(struct client *c, const struct vote_to_sign *v, struct buf *ret)
{
    struct answer me;
    struct buf text CLEANUP(buf_done) = {0};
    buf_init(&text, LIMIT_REASON_BYTES + 4 * KIB);
    enum exit_status status = client_call(c, "GET", "/v1/whoami", NULL, &me);
    if (status != EXIT_DONE)
        return status;
    status = text_of(c, v, me.json, &text);
    if (status == EXIT_DONE && v->key != NULL && !sign_with(v->key, buf_view(&text), ret)) {
        cmd_complain(c->command, "ssh-keygen could not sign with %s", v->key);
        status = EXIT_REFUSED;
    } else if (status == EXIT_DONE && v->key == NULL) {
        status = sign_with_own(c, json_object_get(me.json, "ssh_keys"), buf_view(&text), ret);
    }
    answer_done(&me);
    return status;
}
