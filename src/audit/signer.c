#include "audit/signer.h"
#include "base/json.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_ROOM = 4300, SIGN_TIMEOUT_MS = 10000, ANSWER_MAX = 1024, MOST_ARGUMENTS = 32 };

struct signer {
    const struct audit_io *io;
    char *dir;
    struct note_secret secret; /* .key always; .seed where there is no command */
    struct note_secret before; /* signs along once after a rotation */
    bool has_before;
    struct note_secret next;   /* between signer_rotation and signer_rotate */
    bool has_next;
    struct note_key known[SIGNER_KEYS];
    size_t n_known;
    char *command[MOST_ARGUMENTS + 1]; /* [0] NULL: none */
    struct buf text, answer;           /* of what is being signed */
    bool busy;
    pid_t pid;
    int fd;
    int64_t until_mono_ns;
};

const struct note_key *signer_key(const struct signer *s)
{
    return &s->secret.key;
}

bool signer_is_busy(const struct signer *s)
{
    return s->busy;
}

enum err signer_knows(const struct signer *s, const struct note *n)
{
    for (size_t i = 0; i < s->n_known; i++)
        if (note_verify(n, &s->known[i], NULL) == ERR_OK)
            return ERR_OK;
    return ERR_CORRUPT;
}

/* --- Files -------------------------------------------------------------------------------------- */

static enum err path_of(const struct signer *s, const char *name, char out[static PATH_ROOM])
{
    int n = snprintf(out, PATH_ROOM, "%s/%s", s->dir, name);
    return n > 0 && n < PATH_ROOM ? ERR_OK : ERR_LIMIT;
}

static enum err read_secret(const struct signer *s, const char *name, struct note_secret *ret)
{
    struct buf b CLEANUP(buf_wipe) = {0};
    char path[PATH_ROOM];
    buf_init(&b, 8 * KIB);
    TRY(path_of(s, name, path));
    TRY(io_read_file(path, 2 * KIB, &b));
    return note_secret_parse(buf_view(&b), ret) == ERR_OK ? ERR_OK : ERR_CORRUPT;
}

static enum err write_secret(const struct signer *s, const char *name, const struct note_secret *secret)
{
    struct buf b CLEANUP(buf_wipe) = {0};
    char path[PATH_ROOM];
    buf_init(&b, 8 * KIB);
    TRY(path_of(s, name, path));
    TRY(note_secret_put(secret, &b));
    TRY(buf_put(&b, "\n", 1));
    return io_replace_file(s->io, path, buf_view(&b));
}

static enum err read_known(struct signer *s)
{
    struct buf b CLEANUP(buf_done) = {0};
    char path[PATH_ROOM];
    struct str line, rest;
    buf_init(&b, 64 * KIB);
    TRY(path_of(s, "key.pub", path));
    enum err e = io_read_file(path, 32 * KIB, &b);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    for (rest = buf_view(&b); str_cut(rest, '\n', &line, &rest);)
        if (s->n_known < SIGNER_KEYS && note_key_parse(line, &s->known[s->n_known]) == ERR_OK)
            s->n_known++;
    return ERR_OK;
}

static enum err write_known(const struct signer *s)
{
    struct buf b CLEANUP(buf_done) = {0};
    char path[PATH_ROOM];
    buf_init(&b, 64 * KIB);
    TRY(path_of(s, "key.pub", path));
    for (size_t i = 0; i < s->n_known; i++) {
        TRY(note_key_put(&s->known[i], &b));
        TRY(buf_put(&b, "\n", 1));
    }
    return io_replace_file(s->io, path, buf_view(&b));
}

/* Puts the present key in front of the list. */
static enum err remember(struct signer *s)
{
    size_t at = 0;
    while (at < s->n_known && !note_key_eq(&s->known[at], &s->secret.key))
        at++;
    if (at == 0 && s->n_known != 0)
        return ERR_OK;
    if (at == SIGNER_KEYS)
        at--; /* the oldest goes */
    memmove(&s->known[1], &s->known[0], at * sizeof(s->known[0]));
    s->known[0] = s->secret.key;
    if (at == s->n_known)
        s->n_known++;
    return write_known(s);
}

/* --- Opening ------------------------------------------------------------------------------------ */

/* Of a log that nobody named: this host, and what tells its logs apart. */
static enum err default_origin(char out[static NOTE_NAME])
{
    char host[128] = "localhost";
    uint32_t r;
    (void)gethostname(host, sizeof(host) - 1);
    TRY(random_bytes(&r, sizeof(r)));
    (void)snprintf(out, NOTE_NAME, "%s/countersign/%08x", host, r);
    return ERR_OK;
}

static enum err make_key(struct signer *s, struct str origin)
{
    char name[NOTE_NAME];
    if (origin.n == 0) {
        TRY(default_origin(name));
        origin = str_of(name);
    }
    TRY(note_secret_new(origin, NOTE_ED25519, &s->secret));
    return write_secret(s, "key", &s->secret);
}

static enum err private_file(const struct signer *s, const char *name)
{
    char path[PATH_ROOM];
    struct stat st;
    TRY(path_of(s, name, path));
    if (stat(path, &st) != 0)
        return ERR_IO;
    return (st.st_mode & 077) == 0 ? ERR_OK : ERR_FORBIDDEN;
}

static enum err open_secret(struct signer *s, struct str origin, const char **ret_why)
{
    enum err e = read_secret(s, "key", &s->secret);
    *ret_why = "its key cannot be made";
    if (e == ERR_NOT_FOUND && s->n_known != 0) {
        *ret_why = "its key is gone, but key.pub is there: put the key back";
        return ERR_CORRUPT;
    }
    if (e == ERR_NOT_FOUND)
        return make_key(s, origin);
    *ret_why = "its key is no key of this format";
    TRY(e);
    *ret_why = "its key may be read by others than its owner: chmod 600, and rotate it";
    TRY(private_file(s, "key"));
    *ret_why = "audit.origin is not the name that its key has; rotate the key to keep the name, or leave origin out";
    return origin.n == 0 || str_is(origin, s->secret.key.name) ? ERR_OK : ERR_INVALID;
}

static enum err open_command(struct signer *s, const struct audit_settings *a, const char **ret_why)
{
    *ret_why = "audit.public_key must have the public key of audit.signer: name+hash+base64";
    if (a->n_signer > MOST_ARGUMENTS)
        return ERR_LIMIT;
    TRY(note_key_parse(a->public_key, &s->secret.key));
    if (s->secret.key.algorithm != NOTE_ED25519 || (a->origin.n != 0 && !str_is(a->origin, s->secret.key.name)))
        return ERR_INVALID;
    for (size_t i = 0; i < a->n_signer; i++)
        if ((s->command[i] = str_dupz(a->signer[i])) == NULL)
            return ERR_NOMEM;
    return ERR_OK;
}

static enum err open_all(struct signer *s, const struct audit_settings *a, const char **ret_why)
{
    *ret_why = "key.pub cannot be read";
    TRY(read_known(s));
    TRY(a->n_signer != 0 ? open_command(s, a, ret_why) : open_secret(s, a->origin, ret_why));
    if (s->n_known != 0 && strcmp(s->known[0].name, s->secret.key.name) != 0) {
        *ret_why = "its key has another name than the one before it: a log keeps its origin";
        return ERR_INVALID;
    }
    *ret_why = "key.pub cannot be written";
    return remember(s);
}

enum err signer_open(const struct audit_settings *a, const struct audit_io *io, struct signer **ret, char *said,
                     size_t size)
{
    struct signer *s = calloc(1, sizeof(*s));
    const char *why = "no memory";
    if (s == NULL)
        return ERR_NOMEM;
    s->io = io;
    s->fd = -1;
    s->dir = str_dupz(a->directory);
    buf_init(&s->text, 8 * KIB);
    buf_init(&s->answer, 8 * KIB);
    errno = 0;
    enum err e = s->dir != NULL ? open_all(s, a, &why) : ERR_NOMEM;
    if (e != ERR_OK) {
        (void)snprintf(said, size, "%s%s%s", why, errno != 0 && e == ERR_IO ? ": " : "",
                       errno != 0 && e == ERR_IO ? strerror(errno) : "");
        signer_free(s);
        return e;
    }
    *ret = s;
    return ERR_OK;
}

static void end_command(struct signer *s)
{
    if (s->fd >= 0)
        (void)close(s->fd);
    if (s->pid > 0) {
        (void)kill(s->pid, SIGKILL);
        (void)waitpid(s->pid, NULL, 0);
    }
    s->fd = -1;
    s->pid = 0;
    s->busy = false;
}

void signer_free(struct signer *s)
{
    if (s == NULL)
        return;
    end_command(s);
    note_secret_wipe(&s->secret);
    note_secret_wipe(&s->before);
    note_secret_wipe(&s->next);
    for (size_t i = 0; s->command[i] != NULL; i++)
        free(s->command[i]);
    buf_done(&s->text);
    buf_done(&s->answer);
    free(s->dir);
    free(s);
}

/* --- Signing ------------------------------------------------------------------------------------ */

extern char **environ;

/* Its standard input is a file of memory with the text, so that nobody has to feed it. */
static int text_file(struct str text)
{
    int fd = memfd_create("note", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    if (write(fd, text.p, text.n) != (ssize_t)text.n || lseek(fd, 0, SEEK_SET) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static enum err spawn(struct signer *s, int in, int out)
{
    posix_spawn_file_actions_t files;
    if (posix_spawn_file_actions_init(&files) != 0)
        return ERR_NOMEM;
    bool good = posix_spawn_file_actions_adddup2(&files, in, 0) == 0 &&
                posix_spawn_file_actions_adddup2(&files, out, 1) == 0 &&
                posix_spawnp(&s->pid, s->command[0], &files, NULL, s->command, environ) == 0;
    (void)posix_spawn_file_actions_destroy(&files);
    return good ? ERR_OK : ERR_IO;
}

static enum err start_command(struct signer *s)
{
    int out[2], in = text_file(buf_view(&s->text));
    if (in < 0)
        return ERR_IO;
    if (pipe2(out, O_CLOEXEC | O_NONBLOCK) != 0) {
        (void)close(in);
        return ERR_IO;
    }
    (void)fcntl(out[1], F_SETFL, 0);
    enum err e = spawn(s, in, out[1]);
    (void)close(in);
    (void)close(out[1]);
    s->fd = out[0];
    if (e != ERR_OK)
        end_command(s);
    return e;
}

enum err signer_start(struct signer *s, struct str text, struct moment now)
{
    if (s->busy)
        return ERR_BAD_STATE;
    buf_clear(&s->text);
    buf_clear(&s->answer);
    TRY(buf_put_str(&s->text, text));
    s->until_mono_ns = now.mono_ns + SIGN_TIMEOUT_MS * NS_PER_MS;
    s->busy = true;
    if (s->command[0] == NULL)
        return ERR_OK;
    enum err e = start_command(s);
    if (e != ERR_OK)
        s->busy = false;
    return e;
}

static enum err put_line(const struct note_secret *secret, struct str text, struct buf *out)
{
    unsigned char signature[NOTE_SIGNATURE];
    TRY(note_sign_bytes(secret, text, signature));
    return note_line_put(&secret->key, signature, 0, out);
}

static enum err sign_here(struct signer *s, struct buf *out)
{
    s->busy = false;
    TRY(put_line(&s->secret, buf_view(&s->text), out));
    if (!s->has_before)
        return ERR_OK;
    s->has_before = false;
    enum err e = put_line(&s->before, buf_view(&s->text), out);
    note_secret_wipe(&s->before);
    return e;
}

static enum err take_answer(struct signer *s, struct buf *out)
{
    struct buf b CLEANUP(buf_done) = {0};
    buf_init(&b, 2 * ANSWER_MAX);
    if (base64_decode(str_trim(buf_view(&s->answer)), &b) != ERR_OK || buf_len(&b) != NOTE_SIGNATURE)
        return ERR_CORRUPT;
    const unsigned char *signature = (const unsigned char *)buf_view(&b).p;
    if (!note_signature_is_good(&s->secret.key, buf_view(&s->text), signature))
        return ERR_CORRUPT;
    return note_line_put(&s->secret.key, signature, 0, out);
}

/* ERR_OK once it closed its output. */
static enum err read_answer(struct signer *s, struct moment now)
{
    for (;;) {
        char *space;
        TRY(buf_reserve(&s->answer, ANSWER_MAX, &space));
        ssize_t n = read(s->fd, space, ANSWER_MAX);
        if (n == 0)
            return ERR_OK;
        if (n < 0 && errno == EAGAIN)
            return now.mono_ns < s->until_mono_ns ? ERR_INCOMPLETE : ERR_TIMEOUT;
        if (n < 0)
            return ERR_IO;
        buf_commit(&s->answer, (size_t)n);
        if (buf_len(&s->answer) > ANSWER_MAX)
            return ERR_CORRUPT;
    }
}

enum err signer_poll(struct signer *s, struct moment now, struct buf *ret_lines)
{
    if (!s->busy)
        return ERR_BAD_STATE;
    if (s->command[0] == NULL)
        return sign_here(s, ret_lines);
    enum err e = read_answer(s, now);
    if (e == ERR_INCOMPLETE)
        return e;
    if (e == ERR_OK)
        e = take_answer(s, ret_lines);
    end_command(s);
    return e;
}

/* --- Rotation ----------------------------------------------------------------------------------- */

static enum err rotation_text(const struct note_key *old, const struct note_key *new_key, struct buf *out)
{
    TRY(buf_put_str(out, STR("countersign key rotation\n")));
    TRY(note_key_put(old, out));
    TRY(buf_put(out, "\n", 1));
    TRY(note_key_put(new_key, out));
    return buf_put(out, "\n", 1);
}

static enum err put_signature(struct json *j, const char *name, const struct note_secret *by, struct str text)
{
    struct buf b CLEANUP(buf_done) = {0};
    unsigned char signature[NOTE_SIGNATURE];
    buf_init(&b, 256);
    TRY(note_sign_bytes(by, text, signature));
    TRY(base64_put(&b, str_from(signature, NOTE_SIGNATURE)));
    json_put_str(j, name, buf_view(&b));
    return ERR_OK;
}

static enum err put_public(struct json *j, const char *name, const struct note_key *k)
{
    struct buf b CLEANUP(buf_done) = {0};
    buf_init(&b, 512);
    TRY(note_key_put(k, &b));
    json_put_str(j, name, buf_view(&b));
    return ERR_OK;
}

enum err signer_rotation(struct signer *s, struct buf *ret_record)
{
    struct buf text CLEANUP(buf_done) = {0};
    struct json j;
    buf_init(&text, 2 * KIB);
    if (s->command[0] != NULL)
        return ERR_UNSUPPORTED;
    TRY(note_secret_new(str_of(s->secret.key.name), NOTE_ED25519, &s->next));
    TRY(write_secret(s, "key.next", &s->next));
    TRY(rotation_text(&s->secret.key, &s->next.key, &text));
    json_init(&j, ret_record);
    json_object_begin(&j);
    TRY(put_public(&j, "new_key", &s->next.key));
    TRY(put_signature(&j, "new_signature", &s->next, buf_view(&text)));
    TRY(put_public(&j, "old_key", &s->secret.key));
    TRY(put_signature(&j, "old_signature", &s->secret, buf_view(&text)));
    json_object_end(&j);
    TRY(json_end(&j));
    s->has_next = true;
    return ERR_OK;
}

static enum err become_next(struct signer *s)
{
    char from[PATH_ROOM], to[PATH_ROOM];
    TRY(path_of(s, "key.next", from));
    TRY(path_of(s, "key", to));
    if (s->io->rename(s->io->ctx, from, to) != 0)
        return ERR_IO;
    TRY(io_sync_folder(s->io, to));
    s->before = s->secret;
    s->has_before = true;
    s->secret = s->next;
    note_secret_wipe(&s->next);
    s->has_next = false;
    return remember(s);
}

enum err signer_rotate(struct signer *s)
{
    return s->has_next ? become_next(s) : ERR_BAD_STATE;
}

enum err signer_settle(struct signer *s, struct str recorded)
{
    struct buf key CLEANUP(buf_done) = {0};
    char path[PATH_ROOM];
    buf_init(&key, 512);
    enum err e = read_secret(s, "key.next", &s->next);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    if (e == ERR_OK)
        TRY(note_key_put(&s->next.key, &key));
    if (e == ERR_OK && recorded.n != 0 && str_eq(recorded, buf_view(&key)))
        return become_next(s);
    TRY(path_of(s, "key.next", path));
    return unlink(path) == 0 ? ERR_OK : ERR_IO;
}

/* A string member of canonical data, which needs no escapes. */
static bool member(struct str data, const char *name, struct str *ret)
{
    char key[40];
    struct str rest;
    int n = snprintf(key, sizeof(key), "\"%s\":\"", name);
    const char *at = memmem(data.p, data.n, key, (size_t)n);
    if (at == NULL)
        return false;
    at += n;
    return str_cut((struct str){at, (size_t)(data.p + data.n - at)}, '"', ret, &rest);
}

static enum err check_signature(struct str data, const char *name, const struct note_key *k, struct str text)
{
    struct buf b CLEANUP(buf_done) = {0};
    struct str base64;
    buf_init(&b, 256);
    if (!member(data, name, &base64) || base64_decode(base64, &b) != ERR_OK || buf_len(&b) != NOTE_SIGNATURE)
        return ERR_CORRUPT;
    return note_signature_is_good(k, text, (const unsigned char *)buf_view(&b).p) ? ERR_OK : ERR_CORRUPT;
}

enum err rotation_check(struct str data, const struct note_key *old, struct note_key *ret_new)
{
    struct buf text CLEANUP(buf_done) = {0};
    struct str new_text, old_text;
    struct note_key says_old, says_new;
    buf_init(&text, 2 * KIB);
    if (!member(data, "new_key", &new_text) || !member(data, "old_key", &old_text) ||
        note_key_parse(new_text, &says_new) != ERR_OK || note_key_parse(old_text, &says_old) != ERR_OK)
        return ERR_CORRUPT;
    if (!note_key_eq(&says_old, old))
        return ERR_NOT_FOUND;
    TRY(rotation_text(old, &says_new, &text));
    TRY(check_signature(data, "old_signature", old, buf_view(&text)));
    TRY(check_signature(data, "new_signature", &says_new, buf_view(&text)));
    *ret_new = says_new;
    return ERR_OK;
}
