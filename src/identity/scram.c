#include "identity/scram.h"

#include "base/digest.h"
#include "base/limits.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

/* --- Keys ------------------------------------------------------------------------------------ */

enum err scram_salted(struct str password, struct str salt, uint32_t iterations,
                      unsigned char ret[static SCRAM_KEY])
{
    if (iterations == 0 || iterations > LIMIT_SCRAM_ITERATIONS || password.n > INT32_MAX || salt.n > INT32_MAX)
        return ERR_INVALID;
    return PKCS5_PBKDF2_HMAC(password.p != NULL ? password.p : "", (int)password.n,
                             (const unsigned char *)salt.p, (int)salt.n, (int)iterations, EVP_sha256(),
                             SCRAM_KEY, ret) == 1
               ? ERR_OK
               : ERR_NOMEM;
}

/* A working OpenSSL cannot fail here; a broken one must not let anybody in. */
static void hmac(const unsigned char key[static SCRAM_KEY], struct str s,
                 unsigned char ret[static SCRAM_KEY])
{
    unsigned n = 0;
    if (HMAC(EVP_sha256(), key, SCRAM_KEY, (const unsigned char *)(s.p != NULL ? s.p : ""), s.n, ret, &n) == NULL ||
        n != SCRAM_KEY)
        abort();
}

static void hash(const unsigned char key[static SCRAM_KEY], unsigned char ret[static SCRAM_KEY])
{
    struct digest d = digest_of(str_from(key, SCRAM_KEY));
    memcpy(ret, d.b, SCRAM_KEY);
}

void scram_keys_of(const unsigned char salted[static SCRAM_KEY], struct scram_keys *ret)
{
    unsigned char client[SCRAM_KEY];
    hmac(salted, STR("Client Key"), client);
    hash(client, ret->stored);
    hmac(salted, STR("Server Key"), ret->server);
    OPENSSL_cleanse(client, sizeof(client));
}

static void mix(unsigned char *a, const unsigned char *b)
{
    for (size_t i = 0; i < SCRAM_KEY; i++)
        a[i] ^= b[i];
}

enum err scram_check(const struct scram_keys *k, struct str auth_message, struct str proof,
                     unsigned char ret_signature[static SCRAM_KEY])
{
    unsigned char client[SCRAM_KEY], stored[SCRAM_KEY];
    if (proof.n != SCRAM_KEY)
        return ERR_FORBIDDEN;
    hmac(k->stored, auth_message, client);
    mix(client, (const unsigned char *)proof.p);
    hash(client, stored);
    OPENSSL_cleanse(client, sizeof(client));
    if (CRYPTO_memcmp(stored, k->stored, SCRAM_KEY) != 0)
        return ERR_FORBIDDEN;
    hmac(k->server, auth_message, ret_signature);
    return ERR_OK;
}

void scram_prove(const unsigned char salted[static SCRAM_KEY], struct str auth_message,
                 unsigned char ret_proof[static SCRAM_KEY],
                 unsigned char ret_signature[static SCRAM_KEY])
{
    struct scram_keys k;
    unsigned char signature[SCRAM_KEY];
    scram_keys_of(salted, &k);
    hmac(salted, STR("Client Key"), ret_proof);
    hmac(k.stored, auth_message, signature);
    mix(ret_proof, signature);
    hmac(k.server, auth_message, ret_signature);
    OPENSSL_cleanse(&k, sizeof(k));
    OPENSSL_cleanse(signature, sizeof(signature));
}

void scram_salt_of(struct str name, unsigned char ret[static SCRAM_SALT])
{
    struct digest d = digest_of2(STR("countersign scram "), name);
    memcpy(ret, d.b, SCRAM_SALT);
}

enum err scram_nonce(char ret[static SCRAM_NONCE + 1])
{
    unsigned char raw[18];
    struct buf text CLEANUP(buf_done) = {0};
    buf_init(&text, 64);
    TRY(random_bytes(raw, sizeof(raw)));
    TRY(base64_put(&text, str_from(raw, sizeof(raw))));
    memcpy(ret, buf_view(&text).p, SCRAM_NONCE);
    ret[SCRAM_NONCE] = '\0';
    return ERR_OK;
}

/* --- Messages -------------------------------------------------------------------------------- */

/* "x=value" up to the next comma or the end. */
static bool take(struct str *in, char name, struct str *ret)
{
    struct str part = *in, rest = {NULL, 0};
    if (in->p == NULL)
        return false;
    if (!str_cut(*in, ',', &part, &rest))
        rest = (struct str){NULL, 0};
    if (part.n < 2 || part.p[0] != name || part.p[1] != '=')
        return false;
    *ret = str_from(part.p + 2, part.n - 2);
    *in = rest;
    return true;
}

static bool at_end(struct str in)
{
    return in.p == NULL;
}

static bool is_printable(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 0x21 || s.p[i] > 0x7e || s.p[i] == ',')
            return false;
    return s.n != 0;
}

enum err scram_client_first_read(struct str in, struct scram_client_first *ret)
{
    struct scram_client_first m = {0};
    struct str rest = in, flag, authzid, name;
    if (!str_cut(rest, ',', &flag, &rest) || flag.n == 0 || !str_cut(rest, ',', &authzid, &rest))
        return ERR_PROTOCOL;
    m.binding = flag.p[0];
    bool plain = flag.n == 1 && (m.binding == 'n' || m.binding == 'y');
    bool bound = m.binding == 'p' && flag.n > 2 && flag.p[1] == '=';
    if ((!plain && !bound) || authzid.n != 0)
        return ERR_PROTOCOL;
    if (bound)
        m.channel = str_from(flag.p + 2, flag.n - 2);
    m.header = str_from(in.p, in.n - rest.n);
    m.bare = rest;
    if (!take(&rest, 'n', &name) || !take(&rest, 'r', &m.nonce) || !at_end(rest) || !is_printable(m.nonce))
        return ERR_PROTOCOL;
    *ret = m;
    return ERR_OK;
}

/* Room is cleared first: one message, one value of base64. */
static enum err decode(struct str text, struct buf *room)
{
    buf_clear(room);
    return base64_decode(text, room) == ERR_OK ? ERR_OK : ERR_PROTOCOL;
}

enum err scram_client_final_read(struct str in, struct buf *room, struct scram_client_final *ret)
{
    struct scram_client_final m = {0};
    struct str rest = in, proof;
    if (!take(&rest, 'c', &m.binding) || !take(&rest, 'r', &m.nonce) || rest.p == NULL)
        return ERR_PROTOCOL;
    m.without_proof = str_from(in.p, (size_t)(rest.p - in.p) - 1);
    if (!take(&rest, 'p', &proof) || !at_end(rest) || !is_printable(m.nonce))
        return ERR_PROTOCOL;
    TRY(decode(proof, room));
    m.proof = buf_view(room);
    if (m.proof.n != SCRAM_KEY)
        return ERR_PROTOCOL;
    *ret = m;
    return ERR_OK;
}

enum err scram_server_first_read(struct str in, struct buf *room, struct scram_server_first *ret)
{
    struct scram_server_first m = {0};
    struct str rest = in, salt, iterations;
    uint64_t n = 0;
    if (!take(&rest, 'r', &m.nonce) || !take(&rest, 's', &salt) || !take(&rest, 'i', &iterations) ||
        !at_end(rest) || !is_printable(m.nonce) || str_to_u64(iterations, &n) != ERR_OK || n == 0 ||
        n > INT32_MAX)
        return ERR_PROTOCOL;
    TRY(decode(salt, room));
    m.salt = buf_view(room);
    m.iterations = (uint32_t)n;
    if (m.salt.n == 0)
        return ERR_PROTOCOL;
    *ret = m;
    return ERR_OK;
}

enum err scram_server_final_read(struct str in, struct buf *room, struct str *ret)
{
    struct str rest = in, text;
    if (take(&rest, 'e', &text))
        return ERR_FORBIDDEN;
    if (!take(&rest, 'v', &text) || !at_end(rest))
        return ERR_PROTOCOL;
    TRY(decode(text, room));
    if (buf_len(room) != SCRAM_KEY)
        return ERR_PROTOCOL;
    *ret = buf_view(room);
    return ERR_OK;
}
