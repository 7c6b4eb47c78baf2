/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "support/certificates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

enum {
  DAY_S = 24 * 60 * 60,
  VALID_DAYS = 30,
  SERIAL_BITS = 64,
  VERSION_3 = 2 /* counted from 0 */
};

static void require(bool condition, const char *what)
{
  if (!condition) {
    (void)fprintf(stderr, "certificates: cannot make %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(99);
  }
}

static void set_serial(X509 *x509)
{
  BIGNUM *number = BN_new();
  require(number != NULL &&
              BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE,
                      BN_RAND_BOTTOM_ANY) == 1 &&
              BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL,
          "a serial number");
  BN_free(number);
}

static void add_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  require(extension != NULL && X509_add_ext(x509, extension, -1) == 1,
          "an extension");
  X509_EXTENSION_free(extension);
}

static void add_extensions(X509 *x509, X509 *issuer,
                           const certificate_opts *opts)
{
  add_extension(x509, issuer, NID_basic_constraints,
                opts->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  add_extension(x509, issuer, NID_key_usage,
                opts->is_ca ? "critical,keyCertSign,cRLSign"
                            : "critical,digitalSignature");
  add_extension(x509, issuer, NID_subject_key_identifier, "hash");
  add_extension(x509, issuer, NID_authority_key_identifier, "keyid");
  if (opts->names != NULL) {
    add_extension(x509, issuer, NID_subject_alt_name, opts->names);
  }
}

static void set_name(X509 *x509, const char *name)
{
  X509_NAME *subject = X509_get_subject_name(x509);
  require(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                     (const unsigned char *)name, -1, -1,
                                     0) == 1,
          "a name");
}

void certificate_init(certificate *cert, const certificate_opts *opts)
{
  cert->key = EVP_EC_gen("P-256");
  cert->x509 = X509_new();
  require(cert->key != NULL && cert->x509 != NULL, "a key");
  X509 *x509 = cert->x509;
  const certificate *issuer = opts->issuer == NULL ? cert : opts->issuer;
  long from_s = opts->from_s == 0 ? -DAY_S : opts->from_s;
  long until_s = opts->until_s == 0 ? (long)VALID_DAYS * DAY_S : opts->until_s;

  require(X509_set_version(x509, VERSION_3) == 1, "a version");
  set_serial(x509);
  set_name(x509, opts->name);
  require(X509_set_issuer_name(x509, X509_get_subject_name(issuer->x509)) == 1,
          "an issuer");
  require(X509_gmtime_adj(X509_getm_notBefore(x509), from_s) != NULL &&
              X509_gmtime_adj(X509_getm_notAfter(x509), until_s) != NULL,
          "a validity");
  require(X509_set_pubkey(x509, cert->key) == 1, "a public key");
  add_extensions(x509, issuer->x509, opts);
  require(X509_sign(x509, issuer->key, EVP_sha256()) > 0, "a signature");
}

void certificate_clear(certificate *cert)
{
  X509_free(cert->x509);
  EVP_PKEY_free(cert->key);
  *cert = (certificate){.x509 = NULL};
}

void certificate_init_ca(certificate *cert, const char *name)
{
  const certificate_opts opts = {.name = name, .is_ca = true};
  certificate_init(cert, &opts);
}

void certificate_write(const certificate *cert, const char *path)
{
  FILE *file = fopen(path, "w");
  require(file != NULL && PEM_write_X509(file, cert->x509) == 1 &&
              fclose(file) == 0,
          path);
}

void certificate_write_key(const certificate *cert, const char *path)
{
  FILE *file = fopen(path, "w");
  require(file != NULL &&
              PEM_write_PrivateKey(file, cert->key, NULL, NULL, 0, NULL,
                                   NULL) == 1 &&
              fclose(file) == 0,
          path);
}

void certificate_write_locked_key(const certificate *cert, const char *path,
                                  const char *password)
{
  FILE *file = fopen(path, "w");
  require(file != NULL &&
              PEM_write_PKCS8PrivateKey(file, cert->key, EVP_aes_128_cbc(),
                                        password, (int)strlen(password), NULL,
                                        NULL) == 1 &&
              fclose(file) == 0,
          path);
}

void certificate_write_pkcs12(const certificate *cert, const char *path,
                              const char *password)
{
  FILE *file = fopen(path, "wb");
  PKCS12 *bag = PKCS12_create(password, "test", cert->key, cert->x509, NULL, 0,
                              0, 0, 0, 0);
  require(file != NULL && bag != NULL && i2d_PKCS12_fp(file, bag) == 1 &&
              fclose(file) == 0,
          path);
  PKCS12_free(bag);
}

static char *take_text(BIO *bio)
{
  char *data = NULL;
  long len = BIO_get_mem_data(bio, &data);
  char *text = strndup(data, (size_t)len);
  require(text != NULL, "a text");
  BIO_free(bio);
  return text;
}

char *certificate_text(const certificate *cert)
{
  BIO *bio = BIO_new(BIO_s_mem());
  require(bio != NULL && PEM_write_bio_X509(bio, cert->x509) == 1, "a text");
  return take_text(bio);
}

char *certificate_key_text(const certificate *cert)
{
  BIO *bio = BIO_new(BIO_s_mem());
  require(bio != NULL && PEM_write_bio_PrivateKey(bio, cert->key, NULL, NULL, 0,
                                                  NULL, NULL) == 1,
          "a text");
  return take_text(bio);
}

const test_certificate_files *test_certificates(const char *dir)
{
  static char ca_file[400];
  static char cert_file[400];
  static char key_file[400];
  static const test_certificate_files files = {
      .ca_file = ca_file,
      .cert_file = cert_file,
      .key_file = key_file,
  };
  (void)snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", dir);
  (void)snprintf(cert_file, sizeof(cert_file), "%s/server.pem", dir);
  (void)snprintf(key_file, sizeof(key_file), "%s/server.key", dir);

  certificate ca;
  certificate leaf;
  certificate_init_ca(&ca, "libahttp test CA");
  const certificate_opts opts = {
      .name = "localhost",
      .names = CERTIFICATE_LOOPBACK_NAMES,
      .issuer = &ca,
  };
  certificate_init(&leaf, &opts);
  certificate_write(&ca, ca_file);
  certificate_write(&leaf, cert_file);
  certificate_write_key(&leaf, key_file);
  certificate_clear(&leaf);
  certificate_clear(&ca);
  return &files;
}
