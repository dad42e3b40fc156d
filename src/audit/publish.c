#include "audit/internal.h"

#include <stdio.h>
#include <unistd.h>

enum { PATH_ROOM = 4300, SIGNER_POLL_MS = 10, CHECKPOINT_MAX = 16 * 1024 };

static enum err checkpoint_path(const struct audit *a, const char *name, char out[static PATH_ROOM])
{
    int n = snprintf(out, PATH_ROOM, "%s/%s", a->dir, name);
    return n > 0 && n < PATH_ROOM ? ERR_OK : ERR_LIMIT;
}

enum err publish_load(struct audit *a, struct checkpoint *ret)
{
    char path[PATH_ROOM];
    struct note n;
    buf_clear(&a->checkpoint);
    TRY(checkpoint_path(a, "checkpoint", path));
    TRY(io_read_file(path, CHECKPOINT_MAX, &a->checkpoint));
    if (note_parse(buf_view(&a->checkpoint), &n) != ERR_OK || signer_knows(a->signer, &n) != ERR_OK ||
        checkpoint_parse(n.text, ret) != ERR_OK || !str_is(ret->origin, signer_key(a->signer)->name))
        return ERR_CORRUPT;
    return ERR_OK;
}

/* --- Making one ---------------------------------------------------------------------------------- */

static enum err begin(struct audit *a, struct moment now)
{
    struct checkpoint c = {.origin = str_of(signer_key(a->signer)->name), .size = a->tiles.tree.size};
    if (a->tiles.behind)
        TRY(tiles_again(a));
    TRY(tile_writer_finish(&a->tiles));
    c.root = tree_root(&a->tiles.tree);
    buf_clear(&a->text);
    TRY(checkpoint_put(&c, &a->text));
    a->signing = c.size;
    return signer_start(a->signer, buf_view(&a->text), now);
}

static enum err put_in_place(struct audit *a, struct str lines)
{
    struct buf whole CLEANUP(buf_done) = {0};
    char path[PATH_ROOM];
    buf_init(&whole, CHECKPOINT_MAX);
    TRY(buf_put_str(&whole, buf_view(&a->text)));
    TRY(buf_put(&whole, "\n", 1));
    TRY(buf_put_str(&whole, lines));
    TRY(checkpoint_path(a, "checkpoint", path));
    TRY(io_replace_file(&a->io, path, buf_view(&whole)));
    buf_clear(&a->checkpoint);
    return buf_put_str(&a->checkpoint, buf_view(&whole));
}

static enum err finish(struct audit *a, struct moment now)
{
    struct buf lines CLEANUP(buf_done) = {0};
    buf_init(&lines, CHECKPOINT_MAX);
    TRY(signer_poll(a->signer, now, &lines));
    TRY(put_in_place(a, buf_view(&lines)));
    tile_tidy(str_of(a->dir), a->published, a->signing);
    a->published = a->signing;
    a->counters.covered = a->published;
    a->unsigned_text[0] = '\0';
    return ERR_OK;
}

static enum err step(struct audit *a, struct moment now)
{
    if (!signer_is_busy(a->signer))
        TRY(begin(a, now));
    return finish(a, now);
}

enum err publish_step(struct audit *a, struct moment now)
{
    enum err e = step(a, now);
    if (e == ERR_INCOMPLETE) {
        a->publish_due = now.mono_ns + SIGNER_POLL_MS * NS_PER_MS;
        return e;
    }
    if (e != ERR_OK) {
        (void)snprintf(a->unsigned_text, sizeof(a->unsigned_text), "the log's checkpoint cannot be %s: %s",
                       a->settings->n_signer != 0 ? "signed by audit.signer, or written" : "signed or written",
                       err_text(e));
        a->publish_due = now.mono_ns + LIMIT_AUDIT_RETRY_MS * NS_PER_MS;
        return e;
    }
    bool more = a->published != a->tiles.tree.size;
    a->publish_due = more ? now.mono_ns + LIMIT_AUDIT_CHECKPOINT_MS * NS_PER_MS : INT64_MAX;
    return ERR_OK;
}

enum err publish_now(struct audit *a, struct moment now)
{
    enum err e;
    while ((e = publish_step(a, now)) == ERR_INCOMPLETE) {
        (void)usleep(SIGNER_POLL_MS * 1000);
        now.mono_ns += SIGNER_POLL_MS * NS_PER_MS;
    }
    return e;
}

/* --- Witnesses ------------------------------------------------------------------------------------ */

/* Whether the line is a cosignature of one of the witnesses, over the checkpoint, that it does not have yet. */
static bool is_wanted(const struct audit *a, const struct note *have, const struct note_signature *line)
{
    struct note one = {.text = have->text, .n = 1};
    one.signatures[0] = *line;
    for (size_t i = 0; i < a->settings->n_witnesses; i++) {
        struct note_key k;
        if (note_key_parse(a->settings->witnesses[i].key, &k) == ERR_OK && k.algorithm == NOTE_COSIGNATURE_V1 &&
            note_verify(&one, &k, NULL) == ERR_OK)
            return note_verify(have, &k, NULL) == ERR_NOT_FOUND;
    }
    return false;
}

enum err audit_cosign(struct audit *a, uint64_t size, struct str lines)
{
    struct buf whole CLEANUP(buf_done) = {0}, joined CLEANUP(buf_done) = {0};
    char path[PATH_ROOM];
    struct note have, with;
    size_t taken = 0;
    buf_init(&whole, CHECKPOINT_MAX);
    buf_init(&joined, CHECKPOINT_MAX);
    if (size != a->published)
        return ERR_STALE;
    TRY(buf_put_str(&joined, buf_view(&a->checkpoint)));
    TRY(buf_put_str(&whole, buf_view(&a->checkpoint)));
    TRY(buf_put_str(&joined, lines));
    if (note_parse(buf_view(&whole), &have) != ERR_OK || note_parse(buf_view(&joined), &with) != ERR_OK)
        return ERR_CORRUPT;
    for (size_t i = have.n; i < with.n; i++) {
        if (!is_wanted(a, &have, &with.signatures[i]))
            continue;
        TRY(buf_put_str(&a->checkpoint, with.signatures[i].line));
        taken++;
    }
    if (taken == 0)
        return ERR_CORRUPT;
    TRY(checkpoint_path(a, "checkpoint", path));
    TRY(io_replace_file(&a->io, path, buf_view(&a->checkpoint)));
    TRY(checkpoint_path(a, "checkpoint.witnessed", path));
    return io_replace_file(&a->io, path, buf_view(&a->checkpoint));
}

struct str audit_checkpoint(const struct audit *a)
{
    return buf_view(&a->checkpoint);
}

const char *audit_unsigned(const struct audit *a)
{
    return a->unsigned_text[0] != '\0' ? a->unsigned_text : NULL;
}
