#include "audit/receipt.h"
#include "audit/io.h"
#include "audit/journal.h"
#include "audit/leaf.h"
#include "audit/tile.h"
#include "base/limits.h"

#include <stdio.h>

enum { CHECKPOINT_MAX = 16 * 1024 };

static const struct str inclusion_head = STR_INIT("c2sp.org/tlog-proof@v1\n");

/* --- Making ---------------------------------------------------------------------------------------- */

static enum err load_checkpoint(struct str dir, struct buf *bytes, struct checkpoint *ret)
{
    char path[4400];
    struct note n;
    int length = snprintf(path, sizeof(path), "%.*s/checkpoint", STR_FMT(dir));
    if (length < 0 || (size_t)length >= sizeof(path))
        return ERR_LIMIT;
    TRY(io_read_file(path, CHECKPOINT_MAX, bytes));
    if (note_parse(buf_view(bytes), &n) != ERR_OK || checkpoint_parse(n.text, ret) != ERR_OK)
        return ERR_CORRUPT;
    return ERR_OK;
}

static enum err put_proof(const struct proof *p, struct str checkpoint, struct buf *out)
{
    for (size_t i = 0; i < p->n; i++) {
        TRY(base64_put(out, str_from(p->hashes[i].b, DIGEST_SIZE)));
        TRY(buf_put(out, "\n", 1));
    }
    TRY(buf_put(out, "\n", 1));
    return buf_put_str(out, checkpoint);
}

static enum err find_leaf(struct str dir, uint64_t seq, struct buf *leaf)
{
    struct journal *j = NULL;
    struct frame f;
    enum err e;
    TRY(journal_open(dir, seq, &j));
    while ((e = journal_next(j, &f)) == ERR_OK && f.seq < seq)
        ;
    if (e == ERR_OK)
        e = f.seq == seq ? buf_put_str(leaf, f.leaf) : ERR_NOT_FOUND;
    journal_free(j);
    return e;
}

enum err receipt_inclusion(struct str dir, uint64_t seq, struct buf *out)
{
    struct buf bytes CLEANUP(buf_done) = {0}, leaf CLEANUP(buf_done) = {0};
    struct checkpoint c;
    struct tile_reader *tiles = NULL;
    struct proof p;
    buf_init(&bytes, CHECKPOINT_MAX + 8 * KIB);
    buf_init(&leaf, LIMIT_AUDIT_LEAF);
    TRY(load_checkpoint(dir, &bytes, &c));
    if (seq == 0 || seq > c.size)
        return ERR_NOT_FOUND;
    TRY(find_leaf(dir, seq, &leaf));
    TRY(tile_reader_new(dir, c.size, &tiles));
    struct hash_source s = tile_source(tiles);
    enum err e = proof_inclusion(&s, seq - 1, c.size, &p);
    tile_reader_free(tiles);
    struct digest hash = tree_leaf_hash(buf_view(&leaf));
    if (e != ERR_OK || proof_check_inclusion(&p, &hash, seq - 1, c.size, &c.root) != ERR_OK)
        return ERR_CORRUPT;
    TRY(buf_put_str(out, inclusion_head));
    TRY(buf_put_str(out, STR("extra ")));
    TRY(base64_put(out, buf_view(&leaf)));
    TRY(buf_printf(out, "\nindex %llu\n", (unsigned long long)seq - 1));
    return put_proof(&p, buf_view(&bytes), out);
}

enum err receipt_consistency(struct str dir, uint64_t old, struct buf *out)
{
    struct buf bytes CLEANUP(buf_done) = {0};
    struct checkpoint c;
    struct tile_reader *tiles = NULL;
    struct digest old_root;
    struct proof p;
    buf_init(&bytes, CHECKPOINT_MAX + 8 * KIB);
    TRY(load_checkpoint(dir, &bytes, &c));
    if (old > c.size)
        return ERR_INVALID;
    TRY(tile_reader_new(dir, c.size, &tiles));
    struct hash_source s = tile_source(tiles);
    enum err e = proof_consistency(&s, old, c.size, &p);
    if (e == ERR_OK)
        e = proof_root(&s, old, &old_root);
    tile_reader_free(tiles);
    if (e != ERR_OK || proof_check_consistency(&p, old, &old_root, c.size, &c.root) != ERR_OK)
        return ERR_CORRUPT;
    TRY(buf_printf(out, "old %llu\n", (unsigned long long)old));
    return put_proof(&p, buf_view(&bytes), out);
}

enum err receipt_find(struct str dir, const struct digest *leaf, uint64_t *ret_seq)
{
    struct journal *j = NULL;
    struct frame f;
    enum err e;
    TRY(journal_open(dir, 1, &j));
    while ((e = journal_next(j, &f)) == ERR_OK && !digest_eq(&f.hash, leaf))
        ;
    if (e == ERR_OK)
        *ret_seq = f.seq;
    journal_free(j);
    return e;
}

/* --- Reading --------------------------------------------------------------------------------------- */

void receipt_done(struct receipt *r)
{
    buf_done(&r->leaf);
}

static bool take_line(struct str *s, struct str head, struct str *ret)
{
    struct str line, rest;
    if (!str_cut(*s, '\n', &line, &rest) || !str_starts(line, head))
        return false;
    *ret = (struct str){line.p + head.n, line.n - head.n};
    *s = rest;
    return true;
}

static bool take_number(struct str *s, struct str head, uint64_t *ret)
{
    struct str digits;
    return take_line(s, head, &digits) && digits.n <= 19 && str_to_u64(digits, ret) == ERR_OK &&
           (digits.n == 1 || digits.p[0] != '0');
}

/* Up to the empty line, which is taken. */
static enum err take_hashes(struct str *s, struct proof *p)
{
    struct buf b CLEANUP(buf_done) = {0};
    struct str line;
    buf_init(&b, 256);
    for (p->n = 0; take_line(s, (struct str){NULL, 0}, &line); p->n++) {
        if (line.n == 0)
            return ERR_OK;
        buf_clear(&b);
        if (p->n == PROOF_MAX || line.n != 44 || base64_decode(line, &b) != ERR_OK || buf_len(&b) != DIGEST_SIZE)
            return ERR_INVALID;
        memcpy(p->hashes[p->n].b, buf_view(&b).p, DIGEST_SIZE);
    }
    return ERR_INVALID;
}

static enum err parse_inclusion(struct str *s, struct receipt *r)
{
    struct str extra;
    uint64_t index;
    r->inclusion = true;
    *s = (struct str){s->p + inclusion_head.n, s->n - inclusion_head.n};
    if (!take_line(s, STR("extra "), &extra) || extra.n > 2 * LIMIT_AUDIT_LEAF ||
        base64_decode(extra, &r->leaf) != ERR_OK || !take_number(s, STR("index "), &index) || index >= INT64_MAX)
        return ERR_INVALID;
    r->number = index + 1;
    return ERR_OK;
}

static enum err parse(struct str s, struct receipt *r)
{
    if (str_starts(s, inclusion_head))
        TRY(parse_inclusion(&s, r));
    else if (!take_number(&s, STR("old "), &r->number))
        return ERR_INVALID;
    TRY(take_hashes(&s, &r->proof));
    r->note = s;
    TRY(note_parse(s, &r->parsed));
    return checkpoint_parse(r->parsed.text, &r->checkpoint);
}

enum err receipt_parse(struct str text, struct receipt *ret)
{
    *ret = (struct receipt){.number = 0};
    buf_init(&ret->leaf, 2 * LIMIT_AUDIT_LEAF);
    enum err e = parse(text, ret);
    if (e != ERR_OK)
        receipt_done(ret);
    return e == ERR_OK || e == ERR_NOMEM ? e : ERR_INVALID;
}

/* --- Checking -------------------------------------------------------------------------------------- */

enum err receipt_check_signature(const struct receipt *r, const struct note_key *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (keys[i].algorithm == NOTE_ED25519 && note_verify(&r->parsed, &keys[i], NULL) == ERR_OK &&
            str_is(r->checkpoint.origin, keys[i].name))
            return ERR_OK;
    return ERR_CORRUPT;
}

enum err receipt_check_inclusion(const struct receipt *r)
{
    struct leaf l;
    struct digest hash = tree_leaf_hash(buf_view(&r->leaf));
    if (!r->inclusion || leaf_parse(buf_view(&r->leaf), &l) != ERR_OK || l.seq != r->number)
        return ERR_CORRUPT;
    return proof_check_inclusion(&r->proof, &hash, r->number - 1, r->checkpoint.size, &r->checkpoint.root);
}

enum err receipt_check_consistency(const struct receipt *r, const struct checkpoint *kept)
{
    if (r->inclusion || kept->size != r->number)
        return ERR_INVALID;
    return proof_check_consistency(&r->proof, kept->size, &kept->root, r->checkpoint.size, &r->checkpoint.root);
}
