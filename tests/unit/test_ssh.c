#include "tap.h"

#include "base/digest.h"
#include "base/limits.h"
#include "identity/ssh.h"
#include "ssh_samples.h"

#include <openssl/evp.h>
#include <stdlib.h>

static const struct str space = STR_INIT("vote@countersign");
static const struct str message = STR_INIT("the message\n");

/* Parses and verifies; both errors in one. */
static enum err check(struct str armored, struct str name_space, struct str text)
{
    struct buf room CLEANUP(buf_done) = {0};
    struct sshsig s;
    buf_init(&room, LIMIT_SSH_BLOB);
    TRY(sshsig_parse(armored, &room, &s));
    return sshsig_verify(&s, name_space, text);
}

TEST(what_ssh_keygen_signed_is_good_for_every_type_of_key)
{
    for (size_t i = 0; i < ARRAY_LEN(ssh_samples); i++) {
        struct buf room CLEANUP(buf_done) = {0};
        struct buf key CLEANUP(buf_done) = {0};
        struct sshsig s;
        buf_init(&room, LIMIT_SSH_BLOB);
        buf_init(&key, LIMIT_SSH_BLOB);
        CHECK_OK(ssh_key_parse(str_of(ssh_samples[i].key), &key));
        CHECK_OK(sshsig_parse(str_of(ssh_samples[i].signature), &room, &s));
        CHECK(str_eq(s.key, buf_view(&key)));
        CHECK_OK(sshsig_verify(&s, space, message));
    }
}

TEST(another_text_or_name_space_is_not_what_was_signed)
{
    for (size_t i = 0; i < ARRAY_LEN(ssh_samples); i++) {
        struct str sig = str_of(ssh_samples[i].signature);
        CHECK_ERR(check(sig, space, STR("the message")), ERR_FORBIDDEN);
        CHECK_ERR(check(sig, space, STR("")), ERR_FORBIDDEN);
        CHECK_ERR(check(sig, STR("file"), message), ERR_FORBIDDEN);
        CHECK_ERR(check(sig, STR(""), message), ERR_FORBIDDEN);
    }
}

static enum err wrap(struct str blob, struct buf *out)
{
    TRY(buf_put_str(out, STR("-----BEGIN SSH SIGNATURE-----\n")));
    TRY(base64_put(out, blob));
    return buf_put_str(out, STR("\n-----END SSH SIGNATURE-----\n"));
}

TEST(no_byte_of_a_signature_can_be_changed_left_out_or_added)
{
    for (size_t i = 0; i < ARRAY_LEN(ssh_samples); i++) {
        struct buf blob CLEANUP(buf_done) = {0};
        struct buf text CLEANUP(buf_done) = {0};
        struct sshsig s;
        buf_init(&blob, LIMIT_SSH_BLOB);
        buf_init(&text, 4 * LIMIT_SSH_BLOB);
        CHECK_OK(sshsig_parse(str_of(ssh_samples[i].signature), &blob, &s));
        for (size_t k = 0; k < buf_len(&blob); k++) {
            blob.p[blob.off + k] ^= 1;
            buf_clear(&text);
            CHECK_OK(wrap(buf_view(&blob), &text));
            CHECK(check(buf_view(&text), space, message) != ERR_OK);
            blob.p[blob.off + k] ^= 1;
            buf_clear(&text);
            CHECK_OK(wrap(str_from(buf_view(&blob).p, k), &text));
            CHECK(check(buf_view(&text), space, message) != ERR_OK);
        }
        CHECK_OK(buf_put_u8(&blob, 0));
        buf_clear(&text);
        CHECK_OK(wrap(buf_view(&blob), &text));
        CHECK_ERR(check(buf_view(&text), space, message), ERR_INVALID);
    }
}

TEST(the_armour_has_one_form)
{
    struct buf t CLEANUP(buf_done) = {0};
    const char *sig = ssh_samples[0].signature;
    buf_init(&t, MIB);
    CHECK_ERR(check(STR(""), space, message), ERR_INVALID);
    CHECK_ERR(check(STR("-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----"), space, message), ERR_INVALID);
    CHECK_ERR(check(STR("-----BEGIN SSH SIGNATURE-----"), space, message), ERR_INVALID);
    CHECK_ERR(check(str_of(sig + 1), space, message), ERR_INVALID);
    CHECK_OK(buf_printf(&t, "x\n%s", sig));
    CHECK_ERR(check(buf_view(&t), space, message), ERR_INVALID);
    buf_clear(&t);
    CHECK_OK(buf_printf(&t, "%s%s", sig, sig));
    CHECK_ERR(check(buf_view(&t), space, message), ERR_INVALID);
    buf_clear(&t);
    CHECK_OK(buf_printf(&t, "\n%s\n", sig)); /* space around it is nobody's mistake */
    CHECK_OK(check(buf_view(&t), space, message));
}

TEST(keys_that_are_none_too_short_or_of_another_type_are_refused)
{
    struct buf key CLEANUP(buf_done) = {0};
    struct buf line CLEANUP(buf_done) = {0};
    buf_init(&key, LIMIT_SSH_BLOB);
    buf_init(&line, MIB);
    CHECK_ERR(ssh_key_parse(str_of(short_rsa_key), &key), ERR_UNSUPPORTED);
    CHECK_ERR(ssh_key_parse(STR("ssh-dss AAAAB3NzaC1kc3M="), &key), ERR_UNSUPPORTED);
    CHECK_ERR(ssh_key_parse(STR(""), &key), ERR_INVALID);
    CHECK_ERR(ssh_key_parse(STR("ssh-ed25519"), &key), ERR_INVALID);
    CHECK_ERR(ssh_key_parse(STR("ssh-ed25519 AAAA"), &key), ERR_INVALID);
    CHECK_OK(buf_printf(&line, "ssh-rsa %s", strchr(ssh_samples[0].key, ' ') + 1));
    CHECK_ERR(ssh_key_parse(buf_view(&line), &key), ERR_INVALID);
    buf_clear(&line);
    CHECK_OK(buf_printf(&line, "%s ana@laptop with words", ssh_samples[0].key));
    CHECK(buf_len(&key) == 0);
    CHECK_OK(ssh_key_parse(buf_view(&line), &key));
    buf_clear(&line);
    CHECK_OK(ssh_key_fingerprint(buf_view(&key), &line));
    CHECK(str_starts(buf_view(&line), STR("SHA256:")) && buf_len(&line) == 7 + 43);
}

/* --- Hardware keys: what PROTOCOL.u2f says, put together here ---------------------------------- */

static void put(struct buf *b, struct str s)
{
    CHECK_OK(buf_put_u32(b, (uint32_t)s.n));
    CHECK_OK(buf_put_str(b, s));
}

static void sign_as_hardware(EVP_PKEY *key, uint8_t flags, struct buf *out)
{
    struct buf data CLEANUP(buf_done) = {0}, pub CLEANUP(buf_done) = {0}, sig CLEANUP(buf_done) = {0};
    struct buf inner CLEANUP(buf_done) = {0}, blob CLEANUP(buf_done) = {0};
    struct buf *all[] = {&data, &pub, &sig, &inner, &blob};
    unsigned char raw[32], made[64];
    size_t n_raw = sizeof(raw), n_made = sizeof(made);
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        buf_init(all[i], 4096);
    CHECK(EVP_PKEY_get_raw_public_key(key, raw, &n_raw) == 1);
    put(&pub, STR("sk-ssh-ed25519@openssh.com"));
    put(&pub, str_from(raw, n_raw));
    put(&pub, STR("ssh:"));
    struct digest of_message = digest_of(message), app = digest_of(STR("ssh:"));
    CHECK_OK(buf_put_str(&inner, STR("SSHSIG")));
    put(&inner, space);
    put(&inner, STR(""));
    put(&inner, STR("sha256"));
    put(&inner, str_from(of_message.b, 32));
    struct digest d = digest_of(buf_view(&inner));
    CHECK_OK(buf_put(&data, app.b, 32));
    CHECK_OK(buf_put_u8(&data, flags));
    CHECK_OK(buf_put_u32(&data, 7));
    CHECK_OK(buf_put(&data, d.b, 32));
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CHECK(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1);
    CHECK(EVP_DigestSign(ctx, made, &n_made, (const unsigned char *)buf_view(&data).p, buf_len(&data)) == 1);
    EVP_MD_CTX_free(ctx);
    put(&sig, STR("sk-ssh-ed25519@openssh.com"));
    put(&sig, str_from(made, n_made));
    CHECK_OK(buf_put_u8(&sig, flags));
    CHECK_OK(buf_put_u32(&sig, 7));
    CHECK_OK(buf_put_str(&blob, STR("SSHSIG")));
    CHECK_OK(buf_put_u32(&blob, 1));
    put(&blob, buf_view(&pub));
    put(&blob, space);
    put(&blob, STR(""));
    put(&blob, STR("sha256"));
    put(&blob, buf_view(&sig));
    CHECK_OK(wrap(buf_view(&blob), out));
}

TEST(a_hardware_key_counts_only_where_it_was_touched)
{
    struct buf text CLEANUP(buf_done) = {0};
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    buf_init(&text, MIB);
    sign_as_hardware(key, 1, &text);
    CHECK_OK(check(buf_view(&text), space, message));
    CHECK_ERR(check(buf_view(&text), space, STR("x")), ERR_FORBIDDEN);
    buf_clear(&text);
    sign_as_hardware(key, 0, &text);
    CHECK_ERR(check(buf_view(&text), space, message), ERR_FORBIDDEN);
    EVP_PKEY_free(key);
}

TAP_MAIN(T(what_ssh_keygen_signed_is_good_for_every_type_of_key),
         T(another_text_or_name_space_is_not_what_was_signed),
         T(no_byte_of_a_signature_can_be_changed_left_out_or_added), T(the_armour_has_one_form),
         T(keys_that_are_none_too_short_or_of_another_type_are_refused),
         T(a_hardware_key_counts_only_where_it_was_touched))
