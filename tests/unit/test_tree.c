/* The Merkle tree, its proofs, and signed notes: examples that others published, then every small tree. */
#include "tap.h"

#include "audit/note.h"
#include "audit/proof.h"
#include "base/limits.h"

enum { MOST = 700 };

/* The leaves and roots of Certificate Transparency's reference tests. */
static const char *const leaves[] = {"", "\x00", "\x10", "\x20\x21", "\x30\x31", "\x40\x41\x42\x43",
                                     "\x50\x51\x52\x53\x54\x55\x56\x57",
                                     "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"};
static const size_t lengths[] = {0, 1, 1, 2, 2, 4, 8, 16};
static const char *const roots[] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

TEST(the_roots_of_the_reference_tests)
{
    static struct tree t;
    char hex[DIGEST_HEX + 1];
    memset(&t, 0, sizeof(t));
    for (size_t i = 0; i <= 8; i++) {
        struct digest root = tree_root(&t);
        CHECK_STR(digest_hex(&root, hex), roots[i]);
        if (i == 8)
            break;
        struct digest leaf = tree_leaf_hash((struct str){leaves[i], lengths[i]});
        tree_append(&t, &leaf, NULL, NULL);
    }
}

/* --- Every small tree, against the definition -------------------------------------------------- */

static struct digest all[MOST];

static struct digest by_definition(size_t lo, size_t hi)
{
    if (hi - lo == 1)
        return all[lo];
    size_t k = 1;
    while (k * 2 < hi - lo)
        k *= 2;
    struct digest left = by_definition(lo, lo + k), right = by_definition(lo + k, hi);
    return tree_node_hash(&left, &right);
}

static enum err read_hashes(void *ctx, unsigned level, uint64_t index, size_t n, struct digest *ret)
{
    size_t width = (size_t)1 << (8 * level);
    (void)ctx;
    for (size_t i = 0; i < n; i++) {
        if ((index + i + 1) * width > MOST)
            return ERR_NOT_FOUND;
        ret[i] = by_definition((index + i) * width, (index + i + 1) * width);
    }
    return ERR_OK;
}

static const struct hash_source source = {NULL, read_hashes};

static void make_leaves(void)
{
    for (size_t i = 0; i < MOST; i++)
        all[i] = tree_leaf_hash(str_from(&i, sizeof(i)));
}

struct tiles {
    size_t n;
    struct digest last;
};

static void count_tile(void *ctx, unsigned level, uint64_t index, const struct digest *hashes)
{
    struct tiles *t = ctx;
    CHECK(level == 0 && index == t->n);
    t->n++;
    t->last = hashes[0];
}

TEST(the_root_of_every_size_is_that_of_the_definition)
{
    static struct tree t;
    struct tiles tiles = {0};
    struct digest root;
    make_leaves();
    memset(&t, 0, sizeof(t));
    for (size_t n = 1; n <= MOST; n++) {
        tree_append(&t, &all[n - 1], count_tile, &tiles);
        struct digest want = by_definition(0, n), got = tree_root(&t);
        CHECK(digest_eq(&want, &got));
        CHECK_OK(proof_root(&source, n, &root));
        CHECK(digest_eq(&want, &root));
    }
    CHECK(tiles.n == MOST / 256 && digest_eq(&tiles.last, &all[256]));
}

TEST(every_inclusion_proof_holds_and_no_changed_one_does)
{
    struct proof p;
    make_leaves();
    for (uint64_t size = 1; size <= 70; size++) {
        struct digest root = by_definition(0, size);
        for (uint64_t i = 0; i < size; i++) {
            CHECK_OK(proof_inclusion(&source, i, size, &p));
            CHECK_OK(proof_check_inclusion(&p, &all[i], i, size, &root));
            CHECK_ERR(proof_check_inclusion(&p, &all[i + 1], i, size, &root), ERR_CORRUPT);
            CHECK(size == 1 || proof_check_inclusion(&p, &all[i], (i + 1) % size, size, &root) != ERR_OK);
            if (p.n == 0)
                continue;
            p.hashes[p.n / 2].b[7] ^= 1;
            CHECK_ERR(proof_check_inclusion(&p, &all[i], i, size, &root), ERR_CORRUPT);
            p.hashes[p.n / 2].b[7] ^= 1;
            p.n--;
            CHECK_ERR(proof_check_inclusion(&p, &all[i], i, size, &root), ERR_CORRUPT);
        }
        CHECK_ERR(proof_inclusion(&source, size, size, &p), ERR_INVALID);
    }
}

TEST(every_consistency_proof_holds_and_no_changed_one_does)
{
    struct proof p;
    make_leaves();
    for (uint64_t size = 1; size <= 70; size++)
        for (uint64_t old = 1; old <= size; old++) {
            struct digest root = by_definition(0, size), before = by_definition(0, old);
            struct digest wrong = by_definition(1, old + 1);
            CHECK_OK(proof_consistency(&source, old, size, &p));
            CHECK_OK(proof_check_consistency(&p, old, &before, size, &root));
            CHECK_ERR(proof_check_consistency(&p, old, &wrong, size, &root), ERR_CORRUPT);
            CHECK_ERR(proof_check_consistency(&p, old, &before, size, &wrong), ERR_CORRUPT);
            if (p.n == 0)
                continue;
            p.hashes[p.n - 1].b[0] ^= 1;
            CHECK_ERR(proof_check_consistency(&p, old, &before, size, &root), ERR_CORRUPT);
        }
    CHECK_ERR(proof_consistency(&source, 5, 4, &p), ERR_INVALID);
}

TEST(proofs_across_tiles_hold)
{
    struct proof p;
    make_leaves();
    struct digest root = by_definition(0, MOST);
    for (uint64_t i = 0; i < MOST; i += 37) {
        CHECK_OK(proof_inclusion(&source, i, MOST, &p));
        CHECK_OK(proof_check_inclusion(&p, &all[i], i, MOST, &root));
        struct digest old = by_definition(0, i + 1);
        CHECK_OK(proof_consistency(&source, i + 1, MOST, &p));
        CHECK_OK(proof_check_consistency(&p, i + 1, &old, MOST, &root));
    }
}

/* --- Notes ------------------------------------------------------------------------------------ */

/* The example of Go's golang.org/x/mod/sumdb/note. */
#define GO_TEXT                                                                                    \
    "If you think cryptography is the answer to your problem,\n"                                   \
    "then you don't know what your problem is.\n"
#define GO_LINE                                                                                    \
    "\xe2\x80\x94 PeterNeumann "                                                                   \
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
#define GO_KEY "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define GO_SECRET "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"

TEST(a_note_of_the_go_tools_verifies_and_ours_is_the_same)
{
    struct note n;
    struct note_key k;
    struct note_secret s;
    unsigned char signature[NOTE_SIGNATURE];
    struct buf out CLEANUP(buf_done) = {0};
    buf_init(&out, 4096);
    CHECK_OK(note_parse(STR(GO_TEXT "\n" GO_LINE), &n));
    CHECK_STR(n.text, GO_TEXT);
    CHECK(n.n == 1);
    CHECK_OK(note_key_parse(STR(GO_KEY), &k));
    CHECK_OK(note_verify(&n, &k, NULL));
    CHECK_OK(note_secret_parse(STR(GO_SECRET "\n"), &s));
    CHECK(note_key_eq(&s.key, &k));
    CHECK_OK(note_sign_bytes(&s, STR(GO_TEXT), signature));
    CHECK_OK(note_line_put(&k, signature, 0, &out));
    CHECK_STR(buf_view(&out), GO_LINE);
    buf_clear(&out);
    CHECK_OK(note_secret_put(&s, &out));
    CHECK_STR(buf_view(&out), GO_SECRET);
    buf_clear(&out);
    CHECK_OK(note_key_put(&k, &out));
    CHECK_STR(buf_view(&out), GO_KEY);
}

TEST(a_note_changed_in_any_byte_does_not_verify)
{
    static const char good[] = GO_TEXT "\n" GO_LINE;
    struct note_key k;
    CHECK_OK(note_key_parse(STR(GO_KEY), &k));
    for (size_t i = 0; i < sizeof(good) - 1; i++)
        for (int bit = 0; bit < 8; bit++) {
            char bad[sizeof(good)];
            struct note n;
            memcpy(bad, good, sizeof(good));
            bad[i] = (char)(bad[i] ^ (1 << bit));
            enum err e = note_parse((struct str){bad, sizeof(good) - 1}, &n);
            CHECK(e != ERR_OK || note_verify(&n, &k, NULL) != ERR_OK);
        }
}

TEST(a_cosignature_says_when_and_is_bound_to_it)
{
    struct note_secret s;
    struct note n;
    struct buf b CLEANUP(buf_done) = {0}, whole CLEANUP(buf_done) = {0};
    unsigned char signature[NOTE_SIGNATURE];
    uint64_t at = 0;
    buf_init(&b, 4096);
    buf_init(&whole, 4096);
    CHECK_OK(note_secret_new(STR("witness.example/w1"), NOTE_COSIGNATURE_V1, &s));
    CHECK_OK(note_signed_bytes(NOTE_COSIGNATURE_V1, STR(GO_TEXT), 1795380000, &b));
    CHECK_STR(buf_view(&b), "cosignature/v1\ntime 1795380000\n" GO_TEXT);
    CHECK_OK(note_sign_bytes(&s, buf_view(&b), signature));
    CHECK_OK(buf_put_str(&whole, STR(GO_TEXT "\n" GO_LINE)));
    CHECK_OK(note_line_put(&s.key, signature, 1795380000, &whole));
    CHECK_OK(note_parse(buf_view(&whole), &n));
    CHECK(n.n == 2);
    CHECK_OK(note_verify(&n, &s.key, &at));
    CHECK(at == 1795380000);
    n.signatures[1].bytes[7] ^= 1;
    CHECK_ERR(note_verify(&n, &s.key, &at), ERR_CORRUPT);
    s.key.hash ^= 1;
    CHECK_ERR(note_verify(&n, &s.key, &at), ERR_NOT_FOUND);
}

TEST(what_is_no_note_or_no_key_is_refused)
{
    static const char *const notes[] = {"",   "\n", "\n\n", "a\n\n", "a\n" GO_LINE, "a\n\n" GO_LINE "x",
                                        "a\n\n- x eA==\n", "a\n\n\xe2\x80\x94 x !!!!\n", "a\n\n\xe2\x80\x94 x\n",
                                        "a\x01\n\n" GO_LINE, "a\r\n\n" GO_LINE, "\xff\n\n" GO_LINE, "\n\n" GO_LINE};
    static const char *const keys[] = {"", "a", "a+b", "PeterNeumann+c74f20a3+", "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
                                       "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
                                       "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"};
    struct note n;
    struct note_key k;
    for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
        /* "\n\n" + line: a text of one empty line is a note */
        enum err e = note_parse(str_of(notes[i]), &n);
        CHECK(e != ERR_OK || i == ARRAY_LEN(notes) - 1);
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        CHECK_ERR(note_key_parse(str_of(keys[i]), &k), ERR_INVALID);
}

TEST(a_checkpoint_is_read_as_it_is_written)
{
    struct buf b CLEANUP(buf_done) = {0};
    struct checkpoint c = {.origin = STR("node7.example/countersign"), .size = 42}, d;
    buf_init(&b, 4096);
    c.root = digest_of(STR("x"));
    CHECK_OK(checkpoint_put(&c, &b));
    CHECK_OK(buf_put_str(&b, STR("extension\n")));
    CHECK_OK(checkpoint_parse(buf_view(&b), &d));
    CHECK(d.size == 42 && digest_eq(&c.root, &d.root) && str_eq(c.origin, d.origin));
    static const char *const bad[] = {
        "",
        "o\n",
        "o\n5\n",
        "o\n05\nLXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=\n",
        "o\n-5\nLXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=\n",
        "o\n99999999999999999999\nLXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=\n",
        "o\n5\nLXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSI==\n",
        "o\n5\nLXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=",
        "\n5\nLXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(checkpoint_parse(str_of(bad[i]), &d), ERR_INVALID);
}

TAP_MAIN(T(the_roots_of_the_reference_tests), T(the_root_of_every_size_is_that_of_the_definition),
         T(every_inclusion_proof_holds_and_no_changed_one_does),
         T(every_consistency_proof_holds_and_no_changed_one_does), T(proofs_across_tiles_hold),
         T(a_note_of_the_go_tools_verifies_and_ours_is_the_same),
         T(a_note_changed_in_any_byte_does_not_verify), T(a_cosignature_says_when_and_is_bound_to_it),
         T(what_is_no_note_or_no_key_is_refused), T(a_checkpoint_is_read_as_it_is_written))
