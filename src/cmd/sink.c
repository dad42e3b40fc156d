#include "cmd/sink.h"

#include "base/address.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* A receiver that takes nothing, or says nothing, for this long is gone. */
enum { SINK_TIMEOUT_S = 30 };

enum sink_kind { SINK_STDOUT = 1, SINK_FILE, SINK_TLS };

struct sink {
    enum sink_kind kind;
    int fd; /* SINK_TLS: of the connection, -1 while there is none */
    bool empty;
    uint64_t length;
    char *host;
    char port[8];
    SSL_CTX *context;
    SSL *ssl;
};

static enum err say(struct sink_error *e, enum err err, const char *fmt, ...) PRINTF_LIKE(3, 4);
static enum err say(struct sink_error *e, enum err err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(e->text, sizeof(e->text), fmt, args);
    va_end(args);
    return err;
}

static enum err say_errno(struct sink_error *e, enum err err, const char *what)
{
    return say(e, err, "%s: %s", what, strerror(errno));
}

/* --- Files ---------------------------------------------------------------------------------------- */

static enum err open_file(struct sink *s, const struct sink_options *o, struct sink_error *e)
{
    struct stat st;
    s->fd = open(o->to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
    if (s->fd < 0 || fstat(s->fd, &st) != 0)
        return say_errno(e, ERR_IO, o->to);
    uint64_t size = (uint64_t)st.st_size;
    bool regular = S_ISREG(st.st_mode);
    if (regular && o->resumes && size > o->confirmed) {
        if (ftruncate(s->fd, (off_t)o->confirmed) != 0)
            return say_errno(e, ERR_IO, o->to);
        size = o->confirmed;
    }
    s->empty = regular && size == 0;
    s->length = regular ? size : 0;
    return ERR_OK;
}

static enum err write_all(struct sink *s, struct str bytes, struct sink_error *e)
{
    size_t done = 0;
    while (done < bytes.n) {
        ssize_t n = write(s->fd, bytes.p + done, bytes.n - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return say_errno(e, ERR_CLOSED, "it cannot be written");
        done += (size_t)n;
    }
    s->length += bytes.n;
    return ERR_OK;
}

/* What is no file on a disk (a pipe, a terminal) has nothing to sync. */
static enum err sync_file(struct sink *s, struct sink_error *e)
{
    if (fdatasync(s->fd) == 0 || errno == EINVAL || errno == EROFS)
        return ERR_OK;
    return say_errno(e, ERR_CLOSED, "it cannot be synced");
}

/* --- TLS ------------------------------------------------------------------------------------------ */

static const char *tls_reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code != 0 ? ERR_reason_error_string(code) : NULL;
    return text != NULL ? text : "the connection ended";
}

static enum err tls_setup(struct sink *s, const struct sink_options *o, struct sink_error *e)
{
    ERR_clear_error();
    s->context = SSL_CTX_new(TLS_client_method());
    if (s->context == NULL || SSL_CTX_set_min_proto_version(s->context, TLS1_2_VERSION) != 1)
        return say(e, ERR_IO, "TLS: %s", tls_reason());
    SSL_CTX_set_verify(s->context, SSL_VERIFY_PEER, NULL);
    int trusted = o->ca != NULL ? SSL_CTX_load_verify_file(s->context, o->ca)
                                : SSL_CTX_set_default_verify_paths(s->context);
    if (trusted != 1)
        return say(e, ERR_INVALID, "%s: %s", o->ca != NULL ? o->ca : "the system's certificates", tls_reason());
    if (o->cert == NULL)
        return ERR_OK;
    if (SSL_CTX_use_certificate_chain_file(s->context, o->cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(s->context, o->key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(s->context) != 1)
        return say(e, ERR_INVALID, "%s, %s: %s", o->cert, o->key, tls_reason());
    return ERR_OK;
}

static void tls_drop(struct sink *s)
{
    SSL_free(s->ssl);
    s->ssl = NULL;
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
}

static enum err tcp_connect(struct sink *s, struct sink_error *e)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    const struct timeval timeout = {.tv_sec = SINK_TIMEOUT_S};
    struct addrinfo *all;
    int rc = getaddrinfo(s->host, s->port, &hints, &all), error = 0;
    if (rc != 0)
        return say(e, ERR_CLOSED, "%s: %s", s->host, gai_strerror(rc));
    for (const struct addrinfo *a = all; a != NULL && s->fd < 0; a = a->ai_next) {
        int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd < 0)
            continue;
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
        if (connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
            s->fd = fd;
        } else {
            error = errno;
            (void)close(fd);
        }
    }
    freeaddrinfo(all);
    errno = error;
    return s->fd >= 0 ? ERR_OK : say_errno(e, ERR_CLOSED, s->host);
}

/* The certificate must be for the name or address that was given. */
static bool expect_host(const struct sink *s)
{
    X509_VERIFY_PARAM *p = SSL_get0_param(s->ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(p, s->host) == 1)
        return true;
    return SSL_set_tlsext_host_name(s->ssl, s->host) == 1 && SSL_set1_host(s->ssl, s->host) == 1;
}

static enum err tls_connect(struct sink *s, struct sink_error *e)
{
    TRY(tcp_connect(s, e));
    ERR_clear_error();
    s->ssl = SSL_new(s->context);
    if (s->ssl == NULL || !expect_host(s) || SSL_set_fd(s->ssl, s->fd) != 1 || SSL_connect(s->ssl) != 1) {
        long verified = s->ssl != NULL ? SSL_get_verify_result(s->ssl) : X509_V_OK;
        enum err err = say(e, ERR_CLOSED, "%s: %s", s->host,
                           verified != X509_V_OK ? X509_verify_cert_error_string(verified) : tls_reason());
        tls_drop(s);
        return err;
    }
    return ERR_OK;
}

static enum err tls_write(struct sink *s, struct str bytes, struct sink_error *e)
{
    size_t done = 0, n;
    if (s->ssl == NULL)
        TRY(tls_connect(s, e));
    while (done < bytes.n) {
        ERR_clear_error();
        if (SSL_write_ex(s->ssl, bytes.p + done, bytes.n - done, &n) != 1) {
            enum err err = say(e, ERR_CLOSED, "%s: %s", s->host, tls_reason());
            tls_drop(s);
            return err;
        }
        done += n;
    }
    return ERR_OK;
}

/* Ours, then all of theirs up to their end. */
static enum err tls_confirm(struct sink *s, struct sink_error *e)
{
    char room[4096];
    size_t n, most = 1024;
    if (s->ssl == NULL)
        return ERR_OK;
    ERR_clear_error();
    int ended = SSL_shutdown(s->ssl);
    while (ended == 0 && most-- > 0) {
        if (SSL_read_ex(s->ssl, room, sizeof(room), &n) == 1)
            continue;
        ended = SSL_get_error(s->ssl, 0) == SSL_ERROR_ZERO_RETURN ? 1 : -1;
    }
    tls_drop(s);
    if (ended == 1)
        return ERR_OK;
    return say(e, ERR_CLOSED, "%s ended without saying that it has everything", s->host);
}

/* --- All ------------------------------------------------------------------------------------------ */

static enum err open_tls(struct sink *s, const struct sink_options *o, struct sink_error *e)
{
    struct address a;
    if (address_parse(str_of(o->to + strlen("tls://")), 6514, &a) != ERR_OK || a.is_unix)
        return say(e, ERR_INVALID, "%s: write tls://HOST:PORT", o->to);
    if ((o->cert == NULL) != (o->key == NULL))
        return say(e, ERR_INVALID, "a certificate needs its key: --cert and --key");
    s->host = str_dupz(a.host);
    if (s->host == NULL)
        return say(e, ERR_NOMEM, "out of memory");
    (void)snprintf(s->port, sizeof(s->port), "%u", (unsigned)a.port);
    s->fd = -1;
    s->empty = true;
    return tls_setup(s, o, e);
}

static enum err open_kind(struct sink *s, const struct sink_options *o, struct sink_error *e)
{
    if (str_starts(str_of(o->to), STR("tls://"))) {
        s->kind = SINK_TLS;
        return open_tls(s, o, e);
    }
    if (strcmp(o->to, "-") == 0) {
        s->kind = SINK_STDOUT;
        s->fd = STDOUT_FILENO;
        s->empty = true;
        return ERR_OK;
    }
    s->kind = SINK_FILE;
    return open_file(s, o, e);
}

enum err sink_open(const struct sink_options *o, struct sink **ret, struct sink_error *ret_error)
{
    struct sink *s = calloc(1, sizeof(*s));
    ret_error->text[0] = '\0';
    if (s == NULL)
        return say(ret_error, ERR_NOMEM, "out of memory");
    s->fd = -1;
    enum err e = open_kind(s, o, ret_error);
    if (e != ERR_OK) {
        sink_close(s);
        return e;
    }
    *ret = s;
    return ERR_OK;
}

void sink_close(struct sink *s)
{
    if (s == NULL)
        return;
    if (s->kind == SINK_TLS)
        tls_drop(s);
    else if (s->kind == SINK_FILE && s->fd >= 0)
        (void)close(s->fd);
    SSL_CTX_free(s->context);
    free(s->host);
    free(s);
}

bool sink_is_tls(const struct sink *s)
{
    return s->kind == SINK_TLS;
}

bool sink_is_empty(const struct sink *s)
{
    return s->empty;
}

uint64_t sink_length(const struct sink *s)
{
    return s->kind == SINK_FILE ? s->length : 0;
}

enum err sink_write(struct sink *s, struct str bytes, struct sink_error *ret_error)
{
    if (bytes.n == 0)
        return ERR_OK;
    TRY(s->kind == SINK_TLS ? tls_write(s, bytes, ret_error) : write_all(s, bytes, ret_error));
    s->empty = false;
    return ERR_OK;
}

enum err sink_confirm(struct sink *s, struct sink_error *ret_error)
{
    switch (s->kind) {
    case SINK_TLS:
        return tls_confirm(s, ret_error);
    case SINK_FILE:
        return sync_file(s, ret_error);
    case SINK_STDOUT:
        break;
    }
    return ERR_OK;
}
