/* Signed notes, checkpoints, keys and proofs as text: what auditors and witnesses are handed by strangers. */
#include "audit/note.h"
#include "audit/receipt.h"
#include "base/limits.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

static bool inside(struct str part, struct str whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void note(struct str s)
{
    struct note n;
    struct checkpoint c;
    struct note_key none = {.name = "none", .algorithm = NOTE_COSIGNATURE_V1};
    struct buf b CLEANUP(buf_done) = {0};
    if (note_parse(s, &n) != ERR_OK)
        return;
    must(inside(n.text, s) && n.text.n != 0 && n.text.p[n.text.n - 1] == '\n' && n.n != 0);
    for (size_t i = 0; i < n.n; i++)
        must(inside(n.signatures[i].line, s) && inside(n.signatures[i].name, n.signatures[i].line));
    bool named = false; /* nobody's key has a name and a number too */
    for (size_t i = 0; i < n.n; i++)
        named = named || n.signatures[i].hash == 0;
    must(note_verify(&n, &none, NULL) == ERR_NOT_FOUND || named);
    if (checkpoint_parse(n.text, &c) != ERR_OK)
        return;
    buf_init(&b, s.n + 1024);
    must(checkpoint_put(&c, &b) == ERR_OK && str_starts(n.text, buf_view(&b)));
}

static void key(struct str s)
{
    struct note_key k, again;
    struct note_secret secret;
    struct buf b CLEANUP(buf_done) = {0};
    buf_init(&b, 4096);
    if (note_key_parse(s, &k) == ERR_OK) {
        must(note_key_put(&k, &b) == ERR_OK && str_eq(buf_view(&b), str_trim(s)));
        must(note_key_parse(buf_view(&b), &again) == ERR_OK && note_key_eq(&k, &again));
    }
    buf_clear(&b);
    if (note_secret_parse(s, &secret) == ERR_OK)
        must(note_secret_put(&secret, &b) == ERR_OK && str_eq(buf_view(&b), str_trim(s)));
}

static void receipt(struct str s)
{
    struct receipt r CLEANUP(receipt_done) = {.number = 0};
    struct checkpoint empty = {.size = 0};
    if (receipt_parse(s, &r) != ERR_OK)
        return;
    must(inside(r.note, s) && r.proof.n <= PROOF_MAX);
    (void)!receipt_check_inclusion(&r);
    (void)!receipt_check_consistency(&r, &r.checkpoint);
    (void)!receipt_check_consistency(&r, &empty);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = str_from(data, size);
    note(s);
    key(s);
    receipt(s);
    return 0;
}
