/* What tls.c and stream_tls.c share. Nobody else includes this. */
#pragma once

#include "net/tls.h"

#include <openssl/ssl.h>

struct tls_context {
    SSL_CTX *ssl;
    bool is_server, verify;
    unsigned char end_point[EVP_MAX_MD_SIZE];
    unsigned end_point_n;
};

/* The last OpenSSL error of this thread as text, which is then forgotten. */
const char *tls_last_error(char *out, size_t size);
