#include "tap.h"

#include "base/digest.h"
#include "base/limits.h"
#include "identity/scram.h"

/* The exchange of RFC 7677 section 3: user "user", password "pencil". */
static const char first[] = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
static const char server_first[] = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
static const char final[] = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
static const char server_final[] = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

static struct str auth_message(struct buf *out, struct str bare, struct str without_proof)
{
    buf_init(out, 4096);
    CHECK_OK(buf_printf(out, "%.*s,%s,%.*s", STR_FMT(bare), server_first, STR_FMT(without_proof)));
    return buf_view(out);
}

TEST(the_exchange_of_rfc_7677_is_ours_from_both_sides)
{
    struct buf room CLEANUP(buf_done) = {0}, salt CLEANUP(buf_done) = {0}, sig CLEANUP(buf_done) = {0};
    struct buf am CLEANUP(buf_done) = {0};
    struct scram_client_first f;
    struct scram_client_final c;
    struct scram_server_first s;
    struct scram_keys keys;
    struct str v;
    unsigned char salted[SCRAM_KEY], signature[SCRAM_KEY], proof[SCRAM_KEY], again[SCRAM_KEY];
    buf_init(&room, 256);
    buf_init(&salt, 256);
    buf_init(&sig, 256);
    CHECK_OK(scram_client_first_read(str_of(first), &f));
    CHECK(f.binding == 'n');
    CHECK_STR(f.header, "n,,");
    CHECK_STR(f.nonce, "rOprNGfwEbeRWgbNEkqO");
    CHECK_OK(scram_server_first_read(str_of(server_first), &salt, &s));
    CHECK(s.iterations == 4096 && s.salt.n == 16);
    CHECK_OK(scram_client_final_read(str_of(final), &room, &c));
    CHECK_STR(c.binding, "biws");
    CHECK_OK(scram_salted(STR("pencil"), s.salt, s.iterations, salted));
    scram_keys_of(salted, &keys);
    struct str message = auth_message(&am, f.bare, c.without_proof);
    CHECK_OK(scram_check(&keys, message, c.proof, signature));
    CHECK_OK(scram_server_final_read(str_of(server_final), &sig, &v));
    CHECK(memcmp(v.p, signature, SCRAM_KEY) == 0);
    scram_prove(salted, message, proof, again);
    CHECK(memcmp(proof, c.proof.p, SCRAM_KEY) == 0 && memcmp(again, signature, SCRAM_KEY) == 0);
}

TEST(another_password_proof_or_message_does_not_log_in)
{
    struct scram_keys keys;
    unsigned char salted[SCRAM_KEY], other[SCRAM_KEY], proof[SCRAM_KEY], sig[SCRAM_KEY];
    struct str message = STR("n=,r=a,r=ab,s=QQ==,i=4096,c=biws,r=ab");
    CHECK_OK(scram_salted(STR("right"), STR("salt"), 4096, salted));
    CHECK_OK(scram_salted(STR("wrong"), STR("salt"), 4096, other));
    scram_keys_of(salted, &keys);
    scram_prove(salted, message, proof, sig);
    CHECK_OK(scram_check(&keys, message, str_from(proof, SCRAM_KEY), sig));
    CHECK_ERR(scram_check(&keys, STR("x"), str_from(proof, SCRAM_KEY), sig), ERR_FORBIDDEN);
    CHECK_ERR(scram_check(&keys, message, str_from(proof, SCRAM_KEY - 1), sig), ERR_FORBIDDEN);
    for (size_t i = 0; i < SCRAM_KEY; i++) {
        proof[i] ^= 1;
        CHECK_ERR(scram_check(&keys, message, str_from(proof, SCRAM_KEY), sig), ERR_FORBIDDEN);
        proof[i] ^= 1;
    }
    scram_prove(other, message, proof, sig);
    CHECK_ERR(scram_check(&keys, message, str_from(proof, SCRAM_KEY), sig), ERR_FORBIDDEN);
    /* What the store keeps is no password: neither key proves anything. */
    CHECK_ERR(scram_check(&keys, message, str_from(keys.stored, SCRAM_KEY), sig), ERR_FORBIDDEN);
    CHECK_ERR(scram_salted(STR("x"), STR("y"), 0, salted), ERR_INVALID);
    CHECK_ERR(scram_salted(STR("x"), STR("y"), LIMIT_SCRAM_ITERATIONS + 1, salted), ERR_INVALID);
}

TEST(what_is_not_exactly_a_message_is_a_protocol_error)
{
    static const char *const firsts[] = {"", "n", "n,", "n,,", "n,,n=", "n,,n=,r=", "x,,n=,r=a", "n,a=ana,n=,r=a",
        "p=,,n=,r=a", "p,,n=,r=a", "nn,,n=,r=a", "n,,r=a,n=", "n,,n=,r=a,x=1", "n,,m=ext,n=,r=a", "n,,n=,r=a b",
        "n,,n=,r=a\x7f", "n,,n=,r=a,"};
    static const char *const finals[] = {"", "c=biws", "c=biws,r=a", "c=biws,r=a,p=", "c=biws,r=a,p=AAAA",
        "r=a,c=biws,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "c=biws,r=a,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=,x=1",
        "c=biws,r=a,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=,", "c=biws,r=a,p=dHzb*apWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="};
    static const char *const servers[] = {"", "r=a", "r=a,s=QQ==", "r=a,s=QQ==,i=", "r=a,s=QQ==,i=0", "r=a,s=QQ==,i=-1",
        "r=a,s=QQ==,i=99999999999", "r=a,s=,i=1", "r=a,s=Q,i=1", "r=a,s=QQ==,i=1,x=2", "m=x,r=a,s=QQ==,i=1"};
    struct scram_client_first f;
    struct scram_client_final c;
    struct scram_server_first s;
    struct buf room CLEANUP(buf_done) = {0};
    struct str v;
    buf_init(&room, 256);
    for (size_t i = 0; i < ARRAY_LEN(firsts); i++)
        CHECK_ERR(scram_client_first_read(str_of(firsts[i]), &f), ERR_PROTOCOL);
    for (size_t i = 0; i < ARRAY_LEN(finals); i++)
        CHECK_ERR(scram_client_final_read(str_of(finals[i]), &room, &c), ERR_PROTOCOL);
    for (size_t i = 0; i < ARRAY_LEN(servers); i++)
        CHECK_ERR(scram_server_first_read(str_of(servers[i]), &room, &s), ERR_PROTOCOL);
    CHECK_ERR(scram_server_final_read(STR("e=other-error"), &room, &v), ERR_FORBIDDEN);
    CHECK_ERR(scram_server_final_read(STR("v=AAAA"), &room, &v), ERR_PROTOCOL);
    CHECK_ERR(scram_server_final_read(STR(""), &room, &v), ERR_PROTOCOL);
    CHECK_OK(scram_client_first_read(STR("p=tls-server-end-point,,n=,r=a"), &f));
    CHECK_STR(f.channel, "tls-server-end-point");
    CHECK_STR(f.header, "p=tls-server-end-point,,");
}

TEST(salts_follow_from_names_and_nonces_do_not_repeat)
{
    unsigned char a[SCRAM_SALT], b[SCRAM_SALT], again[SCRAM_SALT];
    char x[SCRAM_NONCE + 1], y[SCRAM_NONCE + 1];
    scram_salt_of(STR("ana"), a);
    scram_salt_of(STR("ana"), again);
    scram_salt_of(STR("nobody"), b);
    CHECK(memcmp(a, again, SCRAM_SALT) == 0 && memcmp(a, b, SCRAM_SALT) != 0);
    CHECK_OK(scram_nonce(x));
    CHECK_OK(scram_nonce(y));
    CHECK(strlen(x) == SCRAM_NONCE && strcmp(x, y) != 0 && strchr(x, ',') == NULL);
}

TAP_MAIN(T(the_exchange_of_rfc_7677_is_ours_from_both_sides),
         T(another_password_proof_or_message_does_not_log_in),
         T(what_is_not_exactly_a_message_is_a_protocol_error),
         T(salts_follow_from_names_and_nonces_do_not_repeat))
