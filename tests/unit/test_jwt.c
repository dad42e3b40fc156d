/* ID tokens: what a provider signed is taken, and nothing else. */
#include "base/digest.h"
#include "base/limits.h"
#include "identity/jwt.h"
#include "tap.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

enum { NOW = 1800000000 };

/* --- A provider ----------------------------------------------------------------------------------- */

struct provider {
    EVP_PKEY *rsa, *ec, *ed;
    char keys[8192];
    struct jwk_set *set;
};

static void put64(char *out, size_t room, const unsigned char *p, size_t n)
{
    struct buf b CLEANUP(buf_done) = {0};
    buf_init(&b, 65536);
    CHECK_OK(base64url_put(&b, str_from((const char *)p, n)));
    CHECK(buf_len(&b) < room);
    memcpy(out, buf_view(&b).p, buf_len(&b));
    out[buf_len(&b)] = '\0';
}

static void number64(const EVP_PKEY *key, const char *name, int bytes, char *out, size_t room)
{
    BIGNUM *n = NULL;
    unsigned char raw[1024];
    CHECK(EVP_PKEY_get_bn_param(key, name, &n) == 1);
    int size = bytes != 0 ? bytes : BN_num_bytes(n);
    CHECK(BN_bn2binpad(n, raw, size) == size);
    put64(out, room, raw, (size_t)size);
    BN_free(n);
}

static void provider_start(struct provider *p)
{
    char n[1024], e[64], x[128], y[128], ed[128];
    unsigned char raw[32];
    size_t size = sizeof(raw);
    p->rsa = EVP_RSA_gen(2048);
    p->ec = EVP_EC_gen("P-256");
    p->ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    number64(p->rsa, OSSL_PKEY_PARAM_RSA_N, 0, n, sizeof(n));
    number64(p->rsa, OSSL_PKEY_PARAM_RSA_E, 0, e, sizeof(e));
    number64(p->ec, OSSL_PKEY_PARAM_EC_PUB_X, 32, x, sizeof(x));
    number64(p->ec, OSSL_PKEY_PARAM_EC_PUB_Y, 32, y, sizeof(y));
    CHECK(EVP_PKEY_get_raw_public_key(p->ed, raw, &size) == 1);
    put64(ed, sizeof(ed), raw, size);
    snprintf(p->keys, sizeof(p->keys),
             "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"r\",\"use\":\"sig\",\"n\":\"%s\",\"e\":\"%s\"},"
             "{\"kty\":\"EC\",\"kid\":\"e\",\"alg\":\"ES256\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"},"
             "{\"kty\":\"OKP\",\"kid\":\"o\",\"crv\":\"Ed25519\",\"x\":\"%s\"},"
             "{\"kty\":\"oct\",\"kid\":\"s\",\"k\":\"c2VjcmV0\"},"
             "{\"kty\":\"RSA\",\"kid\":\"enc\",\"use\":\"enc\",\"n\":\"%s\",\"e\":\"%s\"},"
             "{\"kty\":\"EC\",\"kid\":\"off\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"}]}",
             n, e, x, y, ed, n, e, x, x);
    CHECK_OK(jwk_set_parse(str_of(p->keys), &p->set));
}

static void provider_end(struct provider *p)
{
    EVP_PKEY_free(p->rsa);
    EVP_PKEY_free(p->ec);
    EVP_PKEY_free(p->ed);
    jwk_set_free(p->set);
}

/* r and s side by side. */
static size_t raw_ecdsa(unsigned char *sig, size_t n)
{
    const unsigned char *p = sig;
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)n);
    unsigned char out[64];
    CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(s), out, 32) == 32 && BN_bn2binpad(ECDSA_SIG_get0_s(s), out + 32, 32) == 32);
    memcpy(sig, out, sizeof(out));
    ECDSA_SIG_free(s);
    return sizeof(out);
}

static struct str token_of(EVP_PKEY *key, const char *digest, const char *header, const char *payload, char out[4096])
{
    unsigned char sig[512];
    size_t n = sizeof(sig), at;
    put64(out, 2048, (const unsigned char *)header, strlen(header));
    strcat(out, ".");
    at = strlen(out);
    put64(out + at, 4096 - at, (const unsigned char *)payload, strlen(payload));
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CHECK(EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL) == 1);
    CHECK(EVP_DigestSign(ctx, sig, &n, (const unsigned char *)out, strlen(out)) == 1);
    EVP_MD_CTX_free(ctx);
    if (EVP_PKEY_is_a(key, "EC"))
        n = raw_ecdsa(sig, n);
    strcat(out, ".");
    at = strlen(out);
    put64(out + at, 4096 - at, sig, n);
    return str_of(out);
}

/* --- Asking --------------------------------------------------------------------------------------- */

static const struct jwt_wanted wanted = {.issuer = STR_INIT("https://id.example"), .audience = STR_INIT("countersign"),
                                         .nonce = STR_INIT("n1"), .now_s = NOW, .skew_s = 60};

static enum jwt_fault verdict_of(const struct provider *p, struct str token)
{
    struct jwt_claims *c CLEANUP(jwt_claims_freep) = NULL;
    enum jwt_fault f = jwt_verify(p->set, token, &wanted, &c);
    CHECK((f == JWT_GOOD) == (c != NULL));
    return f;
}

#define HEADER_RS "{\"alg\":\"RS256\",\"kid\":\"r\"}"
#define TIMES "\"iat\":1799999990,\"exp\":1800000300"
#define CLAIMS(rest) "{\"iss\":\"https://id.example\",\"aud\":\"countersign\",\"sub\":\"u1\",\"nonce\":\"n1\"," rest "}"

static enum jwt_fault claims_verdict(const struct provider *p, const char *payload)
{
    char room[4096];
    return verdict_of(p, token_of(p->rsa, "SHA256", HEADER_RS, payload, room));
}

static enum jwt_fault header_verdict(const struct provider *p, const char *header)
{
    char room[4096];
    return verdict_of(p, token_of(p->rsa, "SHA256", header, CLAIMS(TIMES), room));
}

/* --- Tests ---------------------------------------------------------------------------------------- */

TEST(what_the_provider_signed_says_who_it_is)
{
    struct provider p;
    char room[4096];
    struct jwt_claims *c CLEANUP(jwt_claims_freep) = NULL;
    provider_start(&p);
    CHECK(jwk_set_count(p.set) == 3); /* not the secret, the one for encryption, the point off the curve */
    struct str t = token_of(p.rsa, "SHA256", HEADER_RS,
                            CLAIMS(TIMES ",\"email\":\"ana@example.org\",\"email_verified\":true,\"groups\":[\"dba\",\"leads\"]"),
                            room);
    CHECK(jwt_verify(p.set, t, &wanted, &c) == JWT_GOOD);
    CHECK_STR(jwt_subject(c), "u1");
    CHECK_STR(jwt_text(c, "email"), "ana@example.org");
    CHECK(jwt_is_true(c, "email_verified") && !jwt_is_true(c, "email"));
    CHECK_STR(jwt_text_at(c, "groups", 0), "dba");
    CHECK_STR(jwt_text_at(c, "groups", 1), "leads");
    CHECK(jwt_text_at(c, "groups", 2).p == NULL && jwt_text(c, "groups").p == NULL);
    CHECK_STR(jwt_text_at(c, "email", 0), "ana@example.org");
    provider_end(&p);
}

TEST(each_kind_of_key_signs)
{
    struct provider p;
    char room[4096];
    provider_start(&p);
    CHECK(verdict_of(&p, token_of(p.rsa, "SHA512", "{\"alg\":\"RS512\",\"kid\":\"r\"}", CLAIMS(TIMES), room)) == JWT_GOOD);
    CHECK(verdict_of(&p, token_of(p.ec, "SHA256", "{\"alg\":\"ES256\",\"kid\":\"e\"}", CLAIMS(TIMES), room)) == JWT_GOOD);
    CHECK(verdict_of(&p, token_of(p.ed, NULL, "{\"alg\":\"EdDSA\",\"kid\":\"o\"}", CLAIMS(TIMES), room)) == JWT_GOOD);
    CHECK(verdict_of(&p, token_of(p.ed, NULL, "{\"alg\":\"EdDSA\"}", CLAIMS(TIMES), room)) == JWT_GOOD);
    provider_end(&p);
}

TEST(the_example_of_rfc_8037_verifies)
{
    struct jwk_set *s = NULL;
    struct buf sig CLEANUP(buf_done) = {0};
    buf_init(&sig, 256);
    CHECK_OK(jwk_set_parse(STR("{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
                               "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}"), &s));
    CHECK_OK(base64url_decode(STR("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"),
                              &sig));
    struct str data = STR("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
    CHECK_OK(jwk_set_verify(s, STR(""), JWS_EDDSA, buf_view(&sig), data));
    CHECK(jwk_set_verify(s, STR(""), JWS_EDDSA, buf_view(&sig), str_from(data.p, data.n - 1)) == ERR_FORBIDDEN);
    CHECK(jwk_set_verify(s, STR("other"), JWS_EDDSA, buf_view(&sig), data) == ERR_NOT_FOUND);
    jwk_set_free(s);
}

TEST(claims_that_are_not_ours_are_refused)
{
    struct provider p;
    provider_start(&p);
    CHECK(claims_verdict(&p, CLAIMS(TIMES)) == JWT_GOOD);
    static const struct {
        const char *payload;
        enum jwt_fault fault;
    } cases[] = {
        {"{\"iss\":\"https://id.example/\",\"aud\":\"countersign\",\"sub\":\"u1\",\"nonce\":\"n1\"," TIMES "}", JWT_ISSUER},
        {"{\"aud\":\"countersign\",\"sub\":\"u1\",\"nonce\":\"n1\"," TIMES "}", JWT_ISSUER},
        {"{\"iss\":\"https://id.example\",\"aud\":\"other\",\"sub\":\"u1\",\"nonce\":\"n1\"," TIMES "}", JWT_AUDIENCE},
        {"{\"iss\":\"https://id.example\",\"aud\":[],\"sub\":\"u1\",\"nonce\":\"n1\"," TIMES "}", JWT_AUDIENCE},
        {"{\"iss\":\"https://id.example\",\"aud\":[\"countersign\",\"b\"],\"sub\":\"u1\",\"nonce\":\"n1\"," TIMES "}",
         JWT_AUDIENCE},
        {"{\"iss\":\"https://id.example\",\"aud\":[\"countersign\",\"b\"],\"azp\":\"b\",\"sub\":\"u1\",\"nonce\":\"n1\"," TIMES
         "}", JWT_AUDIENCE},
        {"{\"iss\":\"https://id.example\",\"aud\":\"countersign\",\"azp\":1,\"sub\":\"u1\",\"nonce\":\"n1\"," TIMES "}",
         JWT_AUDIENCE},
        {"{\"iss\":\"https://id.example\",\"aud\":[\"countersign\",\"b\"],\"azp\":\"countersign\",\"sub\":\"u1\","
         "\"nonce\":\"n1\"," TIMES "}", JWT_GOOD},
        {"{\"iss\":\"https://id.example\",\"aud\":\"countersign\",\"sub\":\"u1\"," TIMES "}", JWT_NONCE},
        {"{\"iss\":\"https://id.example\",\"aud\":\"countersign\",\"sub\":\"u1\",\"nonce\":\"n2\"," TIMES "}", JWT_NONCE},
        {"{\"iss\":\"https://id.example\",\"aud\":\"countersign\",\"nonce\":\"n1\"," TIMES "}", JWT_SUBJECT},
        {"{\"iss\":\"https://id.example\",\"aud\":\"countersign\",\"sub\":7,\"nonce\":\"n1\"," TIMES "}", JWT_SUBJECT},
        {CLAIMS("\"iat\":1799999990,\"exp\":1799999900"), JWT_EXPIRED},
        {CLAIMS("\"iat\":1799999000,\"exp\":1799999950"), JWT_GOOD}, /* within the skew */
        {CLAIMS("\"iat\":1799999000,\"exp\":1799999940"), JWT_EXPIRED},
        {CLAIMS("\"iat\":1800000061,\"exp\":1800000300"), JWT_EARLY},
        {CLAIMS("\"iat\":1800000060,\"exp\":1800000300"), JWT_GOOD},
        {CLAIMS(TIMES ",\"nbf\":1800000100"), JWT_EARLY},
        {CLAIMS(TIMES ",\"nbf\":\"soon\""), JWT_MALFORMED},
        {CLAIMS("\"iat\":1799999990"), JWT_MALFORMED},
        {CLAIMS("\"exp\":1800000300"), JWT_MALFORMED},
        {CLAIMS("\"iat\":1799999990,\"exp\":1e300"), JWT_MALFORMED},
        {CLAIMS("\"iat\":1799999990,\"exp\":\"1800000300\""), JWT_MALFORMED},
        {CLAIMS(TIMES ",\"sub\":\"root\""), JWT_MALFORMED}, /* said twice */
        {"[]", JWT_MALFORMED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum jwt_fault f = claims_verdict(&p, cases[i].payload);
        CHECK(f == cases[i].fault);
        if (f != cases[i].fault)
            printf("# %s: %s\n", cases[i].payload, jwt_fault_text(f));
    }
    provider_end(&p);
}

TEST(only_listed_ways_of_signing_count)
{
    struct provider p;
    char room[4096];
    provider_start(&p);
    CHECK(header_verdict(&p, "{\"alg\":\"none\"}") == JWT_ALGORITHM);
    CHECK(header_verdict(&p, "{\"alg\":\"HS256\",\"kid\":\"s\"}") == JWT_ALGORITHM);
    CHECK(header_verdict(&p, "{\"alg\":\"rs256\",\"kid\":\"r\"}") == JWT_ALGORITHM);
    CHECK(header_verdict(&p, "{\"kid\":\"r\"}") == JWT_ALGORITHM);
    CHECK(header_verdict(&p, "{\"alg\":\"RS256\",\"kid\":\"r\",\"crit\":[\"exp\"]}") == JWT_ALGORITHM);
    CHECK(header_verdict(&p, "{\"alg\":\"RS256\",\"kid\":1}") == JWT_MALFORMED);
    CHECK(header_verdict(&p, "{\"alg\":\"RS256\",\"kid\":\"new\"}") == JWT_UNKNOWN_KEY);
    CHECK(header_verdict(&p, "{\"alg\":\"RS256\",\"kid\":\"enc\"}") == JWT_UNKNOWN_KEY);
    CHECK(header_verdict(&p, "{\"alg\":\"RS512\",\"kid\":\"r\"}") == JWT_SIGNATURE);
    CHECK(header_verdict(&p, "{\"alg\":\"ES256\",\"kid\":\"r\"}") == JWT_UNKNOWN_KEY);
    CHECK(header_verdict(&p, "{\"alg\":\"ES384\",\"kid\":\"e\"}") == JWT_UNKNOWN_KEY);
    CHECK(header_verdict(&p, "{\"alg\":\"ES256\",\"kid\":\"e\"}") == JWT_SIGNATURE);
    CHECK(header_verdict(&p, "{\"alg\":\"EdDSA\",\"kid\":\"o\"}") == JWT_SIGNATURE);
    /* A key in the header is nobody's. */
    CHECK(header_verdict(&p, "{\"alg\":\"RS256\",\"jwk\":{\"kty\":\"RSA\"},\"kid\":\"r\"}") == JWT_GOOD);
    struct provider other;
    provider_start(&other);
    CHECK(verdict_of(&p, token_of(other.rsa, "SHA256", HEADER_RS, CLAIMS(TIMES), room)) == JWT_SIGNATURE);
    provider_end(&other);
    provider_end(&p);
}

TEST(a_token_with_one_byte_changed_is_refused)
{
    struct provider p;
    char room[4096];
    provider_start(&p);
    struct str t = token_of(p.ed, NULL, "{\"alg\":\"EdDSA\",\"kid\":\"o\"}", CLAIMS(TIMES), room);
    CHECK(verdict_of(&p, t) == JWT_GOOD);
    size_t taken = 0;
    for (size_t i = 0; i < t.n; i++) {
        char old = room[i];
        room[i] = old == 'A' ? 'B' : 'A';
        taken += verdict_of(&p, t) == JWT_GOOD;
        room[i] = old;
    }
    CHECK(taken == 0);
    for (size_t n = 0; n < t.n; n++)
        CHECK(verdict_of(&p, str_from(t.p, n)) != JWT_GOOD);
    provider_end(&p);
}

TEST(what_is_no_token_is_malformed)
{
    static const char *const texts[] = {"", ".", "..", "...", "a.b.c", "e30.e30.", "e30.e30.AA==", "e30.e30", ".e30.",
                                        "e30=.e30.e30", "W10.e30.AA"};
    struct provider p;
    provider_start(&p);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        enum jwt_fault f = verdict_of(&p, str_of(texts[i]));
        CHECK(f == JWT_MALFORMED || f == JWT_ALGORITHM);
    }
    provider_end(&p);
}

TEST(a_set_of_keys_is_an_object_with_a_list)
{
    static const char *const wrong[] = {"", "[]", "{}", "{\"keys\":1}", "{\"keys\":[],\"keys\":[]}", "{\"keys\":[]"};
    struct jwk_set *s = NULL;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        CHECK(jwk_set_parse(str_of(wrong[i]), &s) == ERR_INVALID && s == NULL);
    CHECK_OK(jwk_set_parse(STR("{\"keys\":[{},1,null,{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"},"
                               "{\"kty\":\"RSA\",\"n\":3},{\"kty\":\"EC\",\"crv\":\"P-1\"}]}"), &s));
    CHECK(s != NULL && jwk_set_count(s) == 0); /* a short RSA key is none */
    jwk_set_free(s);
    char many[8192] = "{\"keys\":[";
    for (int i = 0; i < LIMIT_JWK_KEYS + 1; i++)
        strcat(many, i > 0 ? ",{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"
                           : "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}");
    strcat(many, "]}");
    CHECK(jwk_set_parse(str_of(many), &s) == ERR_LIMIT);
}

TEST(base64url_has_one_spelling)
{
    struct buf b CLEANUP(buf_done) = {0};
    buf_init(&b, 64);
    CHECK_OK(base64url_put(&b, STR("\xfb\xff\xfe~")));
    CHECK_STR(buf_view(&b), "-__-fg");
    buf_clear(&b);
    CHECK_OK(base64url_decode(STR("-__-fg"), &b));
    CHECK_STR(buf_view(&b), "\xfb\xff\xfe~");
    static const char *const wrong[] = {"-__-fh", "+__-fg", "-__-fg==", "-__-f", "-__ fg"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        CHECK(base64url_decode(str_of(wrong[i]), &b) == ERR_INVALID);
}

TAP_MAIN(T(what_the_provider_signed_says_who_it_is), T(each_kind_of_key_signs), T(the_example_of_rfc_8037_verifies),
         T(claims_that_are_not_ours_are_refused), T(only_listed_ways_of_signing_count),
         T(a_token_with_one_byte_changed_is_refused), T(what_is_no_token_is_malformed),
         T(a_set_of_keys_is_an_object_with_a_list), T(base64url_has_one_spelling))
