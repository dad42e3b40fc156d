#include "net/tls_internal.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *tls_last_error(char *out, size_t size)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    (void)snprintf(out, size, "%s", reason != NULL ? reason : "unknown reason");
    ERR_clear_error();
    return out;
}

/* The cleanup of a char * from str_dupz. */
static void free_z(char **p)
{
    free(*p);
}

static enum err fail(struct tls_context *t, enum err why, struct tls_error *ret_error,
                     const char *what, const char *file)
{
    char reason[128];
    tls_last_error(reason, sizeof(reason));
    (void)snprintf(ret_error->text, sizeof(ret_error->text), "%s%s%.80s: %s", what,
                   file[0] != '\0' ? " " : "", file, reason);
    tls_context_free(t);
    return why;
}

static int no_passphrase(char *out, int size, int writing, void *ctx)
{
    (void)out, (void)size, (void)writing, (void)ctx;
    return -1; /* a gateway has no terminal to ask at */
}

static struct tls_context *context_new(bool is_server)
{
    struct tls_context *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    t->is_server = is_server;
    t->ssl = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    if (t->ssl == NULL || SSL_CTX_set_min_proto_version(t->ssl, TLS1_2_VERSION) != 1) {
        tls_context_free(t);
        return NULL;
    }
    SSL_CTX_set_options(t->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    /* Idle streams keep no record buffers. */
    SSL_CTX_set_mode(t->ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_default_passwd_cb(t->ssl, no_passphrase);
    return t;
}

static enum err check_key_file(const char *file, struct tls_error *ret_error)
{
    struct stat st;
    if (stat(file, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)snprintf(ret_error->text, sizeof(ret_error->text), "key %.150s: not a readable file",
                       file);
        return ERR_NOT_FOUND;
    }
    mode_t forbidden = st.st_uid == 0 ? 0027 : 0077;
    if (st.st_mode & forbidden) {
        (void)snprintf(ret_error->text, sizeof(ret_error->text),
                       "key %.120s: others than its owner may read it; make it 0600", file);
        return ERR_FORBIDDEN;
    }
    return ERR_OK;
}

/* By the hash of the certificate's own signature, MD5 and SHA-1 taken as SHA-256 (RFC 5929). */
static bool note_end_point(struct tls_context *t)
{
    X509 *x = SSL_CTX_get0_certificate(t->ssl);
    int nid = NID_undef;
    if (x == NULL || X509_get_signature_info(x, &nid, NULL, NULL, NULL) != 1)
        nid = NID_sha256;
    const EVP_MD *md = EVP_get_digestbynid(nid == NID_md5 || nid == NID_sha1 ? NID_sha256 : nid);
    return x != NULL &&
           X509_digest(x, md != NULL ? md : EVP_sha256(), t->end_point, &t->end_point_n) == 1;
}

struct str tls_server_end_point(const struct tls_context *t)
{
    return str_from(t->end_point, t->end_point_n);
}

enum err tls_server_ask_for_certificate(struct tls_context *t, struct str ca_file,
                                        struct tls_error *ret_error)
{
    static const unsigned char name[] = "countersign";
    char *ca CLEANUP(free_z) = str_dupz(ca_file);
    STACK_OF(X509_NAME) *names = ca != NULL ? SSL_load_client_CA_file(ca) : NULL;
    if (names == NULL || SSL_CTX_load_verify_file(t->ssl, ca) != 1) {
        char reason[128];
        (void)snprintf(ret_error->text, sizeof(ret_error->text), "CA certificates %.80s: %s",
                       ca != NULL ? ca : "", tls_last_error(reason, sizeof(reason)));
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return ERR_INVALID;
    }
    SSL_CTX_set_client_CA_list(t->ssl, names);
    SSL_CTX_set_verify(t->ssl, SSL_VERIFY_PEER, NULL);
    return SSL_CTX_set_session_id_context(t->ssl, name, sizeof(name) - 1) == 1 ? ERR_OK : ERR_NOMEM;
}

enum err tls_server_new(struct str cert_file, struct str key_file, struct tls_context **ret,
                        struct tls_error *ret_error)
{
    char *cert CLEANUP(free_z) = str_dupz(cert_file);
    char *key CLEANUP(free_z) = str_dupz(key_file);
    if (cert == NULL || key == NULL) {
        (void)snprintf(ret_error->text, sizeof(ret_error->text), "certificate and key: bad file name");
        return ERR_INVALID;
    }
    TRY(check_key_file(key, ret_error));
    struct tls_context *t = context_new(true);
    if (t == NULL)
        return fail(t, ERR_NOMEM, ret_error, "TLS", "");
    if (SSL_CTX_use_certificate_chain_file(t->ssl, cert) != 1)
        return fail(t, ERR_INVALID, ret_error, "certificate", cert);
    if (SSL_CTX_use_PrivateKey_file(t->ssl, key, SSL_FILETYPE_PEM) != 1)
        return fail(t, ERR_INVALID, ret_error, "key", key);
    if (SSL_CTX_check_private_key(t->ssl) != 1)
        return fail(t, ERR_INVALID, ret_error, "the key does not belong to the certificate", key);
    if (!note_end_point(t))
        return fail(t, ERR_INVALID, ret_error, "certificate", cert);
    *ret = t;
    return ERR_OK;
}

enum err tls_client_new(bool verify, struct str ca_file, struct tls_context **ret,
                        struct tls_error *ret_error)
{
    char *ca CLEANUP(free_z) = str_dupz(ca_file);
    if (ca == NULL) {
        (void)snprintf(ret_error->text, sizeof(ret_error->text), "CA certificates: bad file name");
        return ERR_INVALID;
    }
    struct tls_context *t = context_new(false);
    if (t == NULL)
        return fail(t, ERR_NOMEM, ret_error, "TLS", "");
    t->verify = verify;
    SSL_CTX_set_verify(t->ssl, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (verify && ca[0] != '\0' && SSL_CTX_load_verify_file(t->ssl, ca) != 1)
        return fail(t, ERR_INVALID, ret_error, "CA certificates", ca);
    if (verify && ca[0] == '\0' && SSL_CTX_set_default_verify_paths(t->ssl) != 1)
        return fail(t, ERR_IO, ret_error, "the system's CA certificates", "");
    *ret = t;
    return ERR_OK;
}

void tls_context_free(struct tls_context *t)
{
    if (t == NULL)
        return;
    SSL_CTX_free(t->ssl);
    free(t);
}
