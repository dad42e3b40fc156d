/*
 * For tests of TLS: a self-signed certificate for "db.test" and 127.0.0.1, made for this run.
 */
#pragma once

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tap.h"

static char certificate_dir[] = "/tmp/countersign-tls-XXXXXX", cert_file[64], key_file[64];

static inline void write_certificate(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    CHECK(mkdtemp(certificate_dir) != NULL && key != NULL && x != NULL);
    (void)snprintf(cert_file, sizeof(cert_file), "%s/cert.pem", certificate_dir);
    (void)snprintf(key_file, sizeof(key_file), "%s/key.pem", certificate_dir);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)"db.test", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_EXTENSION *names =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:db.test,IP:127.0.0.1");
    X509_add_ext(x, names, -1);
    X509_EXTENSION_free(names);
    CHECK(X509_sign(x, key, EVP_sha256()) > 0);
    FILE *f = fopen(cert_file, "w");
    CHECK(f != NULL && PEM_write_X509(f, x) == 1 && fclose(f) == 0);
    f = fopen(key_file, "w");
    CHECK(f != NULL && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1 &&
          fclose(f) == 0);
    CHECK(chmod(key_file, 0600) == 0);
    X509_free(x);
    EVP_PKEY_free(key);
}
