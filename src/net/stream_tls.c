/*
 * The TLS half of a stream. OpenSSL reads from the bytes that just came from the socket and writes to
 * stream_send_raw, through a BIO of our own: nothing is buffered between, so after each piece of raw
 * bytes OpenSSL has taken all of them and keeps at most the beginning of one record.
 */
#include "net/stream_internal.h"
#include "net/tls_internal.h"

#include <arpa/inet.h>
#include <assert.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

struct stream_tls {
    SSL *ssl;
    struct stream *stream;
    BIO_METHOD *method;
    struct str in; /* raw bytes that OpenSSL has not taken yet; empty between calls */
};

/* --- The BIO --------------------------------------------------------------------------------- */

static int bio_read(BIO *bio, char *out, size_t size, size_t *ret_n)
{
    struct stream_tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (t->in.n == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    size_t n = size < t->in.n ? size : t->in.n;
    memcpy(out, t->in.p, n);
    t->in = (struct str){t->in.p + n, t->in.n - n};
    *ret_n = n;
    return 1;
}

static int bio_write(BIO *bio, const char *p, size_t n, size_t *ret_n)
{
    struct stream_tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (stream_send_raw(t->stream, str_from(p, n)) != ERR_OK)
        return 0; /* the stream remembers why */
    *ret_n = n;
    return 1;
}

static long bio_control(BIO *bio, int command, long number, void *p)
{
    (void)bio, (void)number, (void)p;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "stream");
    if (m == NULL)
        return NULL;
    if (BIO_meth_set_read_ex(m, bio_read) != 1 || BIO_meth_set_write_ex(m, bio_write) != 1 ||
        BIO_meth_set_ctrl(m, bio_control) != 1) {
        BIO_meth_free(m);
        return NULL;
    }
    return m;
}

/* --- Beginning and end ----------------------------------------------------------------------- */

static bool is_ip(const char *host)
{
    unsigned char out[16];
    return inet_pton(AF_INET, host, out) == 1 || inet_pton(AF_INET6, host, out) == 1;
}

/* RFC 6066 section 3: an address is not sent as a server name. */
static enum err name_server(SSL *ssl, bool verify, struct str server_name)
{
    char host[256];
    if (server_name.n == 0)
        return verify ? ERR_INVALID : ERR_OK;
    if (server_name.n >= sizeof(host) || memchr(server_name.p, '\0', server_name.n) != NULL)
        return ERR_INVALID;
    memcpy(host, server_name.p, server_name.n);
    host[server_name.n] = '\0';
    if (!is_ip(host) && SSL_set_tlsext_host_name(ssl, host) != 1)
        return ERR_NOMEM;
    if (!verify)
        return ERR_OK;
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    int set = is_ip(host) ? X509_VERIFY_PARAM_set1_ip_asc(param, host)
                          : X509_VERIFY_PARAM_set1_host(param, host, 0);
    return set == 1 ? ERR_OK : ERR_NOMEM;
}

static enum err set_up(struct stream_tls *t, struct tls_context *context, struct str server_name)
{
    t->ssl = SSL_new(context->ssl);
    t->method = bio_method();
    BIO *bio = t->ssl != NULL && t->method != NULL ? BIO_new(t->method) : NULL;
    if (bio == NULL)
        return ERR_NOMEM;
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio);
    if (context->is_server)
        SSL_set_accept_state(t->ssl);
    else
        SSL_set_connect_state(t->ssl);
    return context->is_server ? ERR_OK : name_server(t->ssl, context->verify, server_name);
}

enum err stream_tls_new(struct stream *s, struct tls_context *context, struct str server_name,
                        struct stream_tls **ret)
{
    struct loop *l = s->loop;
    if (l->decrypted == NULL)
        l->decrypted = malloc(STREAM_READ_SIZE);
    struct stream_tls *t = l->decrypted != NULL ? calloc(1, sizeof(*t)) : NULL;
    if (t == NULL)
        return ERR_NOMEM;
    t->stream = s;
    enum err e = set_up(t, context, server_name);
    if (e != ERR_OK) {
        ERR_clear_error();
        stream_tls_free(t);
        return e;
    }
    *ret = t;
    return ERR_OK;
}

void stream_tls_free(struct stream_tls *t)
{
    if (t == NULL)
        return;
    SSL_free(t->ssl); /* the BIO too */
    BIO_meth_free(t->method);
    free(t);
}

static void tls_failed(struct stream *s)
{
    char text[256], reason[128];
    long verify = SSL_get_verify_result(s->tls->ssl);
    if (verify != X509_V_OK)
        (void)snprintf(text, sizeof(text), "TLS: the peer's certificate was not accepted: %s",
                       X509_verify_cert_error_string(verify));
    else
        (void)snprintf(text, sizeof(text), "TLS: %s", tls_last_error(reason, sizeof(reason)));
    ERR_clear_error();
    if (s->write_err == ERR_OK)
        stream_end(s, ERR_PROTOCOL, str_of(text));
    else /* OpenSSL failed because it could not write */
        stream_end(s, s->write_err, STR("the connection was lost while sending"));
}

/* --- Handshake ------------------------------------------------------------------------------- */

void stream_tls_begin(struct stream *s)
{
    ERR_clear_error();
    if (SSL_is_server(s->tls->ssl))
        return;
    (void)SSL_do_handshake(s->tls->ssl); /* what failed here fails again with the peer's answer */
    ERR_clear_error();
}

/* True where the stream is up and secured. */
static bool shake_hands(struct stream *s)
{
    int n = SSL_do_handshake(s->tls->ssl);
    if (n == 1) {
        stream_secured(s);
        return stream_is_up(s);
    }
    if (SSL_get_error(s->tls->ssl, n) != SSL_ERROR_WANT_READ)
        tls_failed(s);
    return false;
}

/* --- Data ------------------------------------------------------------------------------------ */

/* Decrypts what is there into the loop's buffer; SSL_get_error's word for why it stopped. */
static int decrypt(struct stream_tls *t, char *out, size_t *ret_n)
{
    *ret_n = 0;
    while (*ret_n < STREAM_READ_SIZE) {
        size_t n;
        int ok = SSL_read_ex(t->ssl, out + *ret_n, STREAM_READ_SIZE - *ret_n, &n);
        if (ok != 1)
            return SSL_get_error(t->ssl, ok);
        *ret_n += n;
    }
    return SSL_ERROR_NONE;
}

void stream_tls_received(struct stream *s, struct str raw)
{
    struct stream_tls *t = s->tls;
    t->in = raw;
    ERR_clear_error();
    if (s->state == STREAM_HANDSHAKE && !shake_hands(s))
        return;
    int why = SSL_ERROR_NONE;
    while (why == SSL_ERROR_NONE) {
        size_t n;
        ERR_clear_error();
        why = decrypt(t, s->loop->decrypted, &n);
        if (n != 0)
            s->ops->received(s->ctx, str_from(s->loop->decrypted, n));
        if (!stream_is_up(s))
            return;
    }
    if (why == SSL_ERROR_ZERO_RETURN)
        stream_end(s, ERR_CLOSED, STR("the peer closed the connection"));
    else if (why != SSL_ERROR_WANT_READ)
        tls_failed(s);
    else
        assert(t->in.n == 0);
}

enum err stream_tls_write(struct stream *s, struct str bytes)
{
    size_t n;
    ERR_clear_error();
    int ok = SSL_write_ex(s->tls->ssl, bytes.p, bytes.n, &n);
    if (ok == 1)
        return ERR_OK;
    ERR_clear_error();
    if (s->write_err == ERR_OK)
        return stream_write_failed(s, ERR_IO);
    return s->write_err;
}

void stream_tls_shutdown(struct stream *s)
{
    ERR_clear_error();
    (void)SSL_shutdown(s->tls->ssl); /* the peer's own close_notify is not waited for */
    ERR_clear_error();
}

/* --- Who the peer is -------------------------------------------------------------------------- */

static enum err common_name(X509 *x, struct buf *ret)
{
    const X509_NAME *subject = X509_get_subject_name(x);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
        return ERR_INVALID;
    unsigned char *text = NULL;
    int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    bool good = n > 0 && memchr(text, 0, (size_t)n) == NULL;
    enum err e = good ? buf_put(ret, text, (size_t)n) : ERR_INVALID;
    OPENSSL_free(text);
    return e;
}

enum err stream_peer_name(const struct stream *s, struct buf *ret)
{
    X509 *x = s->tls != NULL ? SSL_get0_peer_certificate(s->tls->ssl) : NULL;
    if (x == NULL || SSL_get_verify_result(s->tls->ssl) != X509_V_OK)
        return ERR_OK;
    return common_name(x, ret);
}
