#include "audit/witness.h"
#include "audit/receipt.h"
#include "base/clock.h"
#include "base/limits.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = 4200, STATE_MAX = 4096 };

/* --- Keys ------------------------------------------------------------------------------------------- */

static enum err write_file(const struct witness *w, const char *name, struct str text)
{
    char path[PATH_ROOM];
    struct buf b CLEANUP(buf_wipe) = {0};
    buf_init(&b, STATE_MAX);
    TRY(buf_put_str(&b, text));
    TRY(buf_put(&b, "\n", 1));
    (void)snprintf(path, sizeof(path), "%s/%s", w->dir, name);
    return io_replace_file(&audit_system_io, path, buf_view(&b));
}

static enum err make_key(struct witness *w, struct str name)
{
    struct buf secret CLEANUP(buf_wipe) = {0};
    buf_init(&secret, STATE_MAX);
    TRY(note_secret_new(name, NOTE_COSIGNATURE_V1, &w->secret));
    TRY(note_secret_put(&w->secret, &secret));
    return write_file(w, "key", buf_view(&secret));
}

enum err witness_open(struct witness *w, const char *dir, struct str name, const struct note_key *logs, size_t n_logs)
{
    struct buf b CLEANUP(buf_wipe) = {0}, public CLEANUP(buf_done) = {0};
    char path[PATH_ROOM];
    *w = (struct witness){.logs = logs, .n_logs = n_logs};
    if (strlen(dir) >= sizeof(w->dir))
        return ERR_LIMIT;
    (void)snprintf(w->dir, sizeof(w->dir), "%s", dir);
    (void)snprintf(path, sizeof(path), "%s/key", dir);
    buf_init(&b, STATE_MAX + 4 * KIB);
    buf_init(&public, STATE_MAX);
    if (mkdir(dir, 0700) != 0 && access(dir, W_OK) != 0)
        return ERR_IO;
    enum err e = io_read_file(path, STATE_MAX, &b);
    if (e == ERR_NOT_FOUND)
        e = make_key(w, name);
    else if (e == ERR_OK)
        e = note_secret_parse(buf_view(&b), &w->secret) == ERR_OK ? ERR_OK : ERR_CORRUPT;
    TRY(e);
    if (w->secret.key.algorithm != NOTE_COSIGNATURE_V1 || (name.n != 0 && !str_is(name, w->secret.key.name)))
        return ERR_INVALID;
    TRY(note_key_put(&w->secret.key, &public));
    return write_file(w, "key.pub", buf_view(&public));
}

void witness_done(struct witness *w)
{
    note_secret_wipe(&w->secret);
}

/* --- What it remembers ------------------------------------------------------------------------------- */

static void state_path(const struct witness *w, struct str origin, char out[static PATH_ROOM])
{
    char hex[DIGEST_HEX + 1];
    struct digest d = digest_of(origin);
    (void)snprintf(out, PATH_ROOM, "%s/%.*s", w->dir, STR_FMT(digest_hex(&d, hex)));
}

static enum err load(const struct witness *w, struct str origin, struct checkpoint *ret)
{
    struct buf b CLEANUP(buf_done) = {0};
    char path[PATH_ROOM];
    buf_init(&b, STATE_MAX + 4 * KIB);
    state_path(w, origin, path);
    enum err e = io_read_file(path, STATE_MAX, &b);
    *ret = (struct checkpoint){.size = 0, .root = digest_of((struct str){NULL, 0})};
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    TRY(checkpoint_parse(buf_view(&b), ret) == ERR_OK ? ERR_OK : ERR_CORRUPT);
    return str_eq(ret->origin, origin) ? ERR_OK : ERR_CORRUPT;
}

static enum err store(const struct witness *w, const struct checkpoint *c)
{
    struct buf b CLEANUP(buf_done) = {0};
    char path[PATH_ROOM];
    buf_init(&b, STATE_MAX);
    state_path(w, c->origin, path);
    TRY(checkpoint_put(c, &b));
    return io_replace_file(&audit_system_io, path, buf_view(&b));
}

/* --- add-checkpoint ---------------------------------------------------------------------------------- */

static int say(struct buf *out, int status, const char *text)
{
    enum err e = buf_printf(out, "%s\n", text);
    return e == ERR_OK ? status : 500;
}

static bool knows(const struct witness *w, struct str origin)
{
    for (size_t i = 0; i < w->n_logs; i++)
        if (str_is(origin, w->logs[i].name))
            return true;
    return false;
}

static enum err cosign(struct witness *w, const struct receipt *r, int64_t wall_ns, struct buf *out)
{
    struct buf bytes CLEANUP(buf_done) = {0};
    unsigned char signature[NOTE_SIGNATURE];
    uint64_t time_s = (uint64_t)(wall_ns / NS_PER_S);
    buf_init(&bytes, r->parsed.text.n + 64);
    TRY(note_signed_bytes(NOTE_COSIGNATURE_V1, r->parsed.text, time_s, &bytes));
    TRY(note_sign_bytes(&w->secret, buf_view(&bytes), signature));
    return note_line_put(&w->secret.key, signature, time_s, out);
}

static int judge(struct witness *w, const struct receipt *r, int64_t wall_ns, struct buf *out)
{
    const struct checkpoint *c = &r->checkpoint;
    struct checkpoint last;
    if (!knows(w, c->origin))
        return say(out, 404, "this witness does not know that log");
    if (receipt_check_signature(r, w->logs, w->n_logs) != ERR_OK)
        return say(out, 403, "the checkpoint is not signed by a key of that log");
    if (r->number > c->size)
        return say(out, 400, "the old size is larger than the checkpoint's");
    if (load(w, c->origin, &last) != ERR_OK)
        return say(out, 500, "what was seen last cannot be read");
    if (r->number != last.size || (c->size == last.size && !digest_eq(&c->root, &last.root))) {
        char text[24];
        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)last.size);
        return say(out, 409, text);
    }
    if (proof_check_consistency(&r->proof, last.size, &last.root, c->size, &c->root) != ERR_OK)
        return say(out, 422, "the checkpoint does not go on from the one that was seen last");
    if (store(w, c) != ERR_OK)
        return say(out, 500, "the checkpoint cannot be remembered");
    return cosign(w, r, wall_ns, out) == ERR_OK ? 200 : say(out, 500, "it cannot be signed");
}

int witness_add(struct witness *w, struct str body, int64_t wall_ns, struct buf *out)
{
    struct receipt r CLEANUP(receipt_done) = {.number = 0};
    if (receipt_parse(body, &r) != ERR_OK || r.inclusion)
        return say(out, 400, "the body is not as c2sp.org/tlog-witness says");
    return judge(w, &r, wall_ns, out);
}
