/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/tls_identity.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "base/assert.h"
#include "base/error.h"
#include "net/tls_error.h"
#include "net/tls_options.h"

/* Where a certificate or a key is: exactly one of the two is not NULL. */
typedef struct pem_source {
  const char *file;
  const char *pem;
} pem_source;

/* Who we are. */
typedef struct identity {
  X509 *cert;
  EVP_PKEY *key;
  STACK_OF(X509) * chain; /* those after |cert|, or NULL */
} identity;

/* What OpenSSL asks for a password with. */
typedef struct password_request {
  const char *password; /* or NULL */
  bool was_asked;
} password_request;

/* Instead of OpenSSL's own, which would ask whoever sits at the terminal. */
static int request_on_password(char *buf, int size, int is_writing, void *arg)
{
  (void)is_writing;
  password_request *request = arg;
  request->was_asked = true;
  size_t len = request->password == NULL ? 0 : strlen(request->password);
  if (request->password == NULL || len > (size_t)size) {
    return -1;
  }
  memcpy(buf, request->password, len);
  return (int)len;
}

static const char *source_name(const pem_source *source)
{
  return source->file == NULL ? "the given text" : source->file;
}

/* NULL, with |*err|, if it cannot be opened; |what| is in the sentence. */
static BIO *source_open(const pem_source *source, const char *what,
                        ahttp_error *err)
{
  if (ah_tls_path_check(source->file, what, err) != AHTTP_OK) {
    return NULL;
  }
  ERR_clear_error();
  BIO *bio = source->file == NULL ? BIO_new_mem_buf(source->pem, -1)
                                  : BIO_new_file(source->file, "rb");
  if (bio == NULL) {
    (void)ah_tls_error_take(err, AHTTP_PHASE_TLS, "%s in %s cannot be read",
                            what, source_name(source));
  }
  return bio;
}

/* True if what OpenSSL stumbled over is that no PEM block follows. */
static bool pem_has_ended(void)
{
  unsigned long code = ERR_peek_last_error();
  return ERR_GET_LIB(code) == ERR_LIB_PEM &&
         ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

/* Says why |what| could not be made of |source|. */
static int source_fail(const pem_source *source, const char *what,
                       const password_request *request, ahttp_error *err)
{
  if (request->was_asked && request->password == NULL) {
    ERR_clear_error();
    ah_error_say(err, AHTTP_ETLS, AHTTP_PHASE_TLS,
                 "%s in %s is encrypted, and there is no password", what,
                 source_name(source));
    return AHTTP_ETLS;
  }
  if (request->was_asked) {
    return ah_tls_error_take(
        err, AHTTP_PHASE_TLS,
        "%s in %s cannot be decrypted; the password may be "
        "wrong",
        what, source_name(source));
  }
  if (pem_has_ended()) {
    ERR_clear_error();
    ah_error_say(err, AHTTP_ETLS, AHTTP_PHASE_TLS, "%s is not in %s", what,
                 source_name(source));
    return AHTTP_ETLS;
  }
  return ah_tls_error_take(err, AHTTP_PHASE_TLS, "%s in %s cannot be used",
                           what, source_name(source));
}

static void identity_clear(identity *self)
{
  X509_free(self->cert);
  EVP_PKEY_free(self->key);
  sk_X509_pop_free(self->chain, X509_free);
  *self = (identity){.cert = NULL};
}

/* The certificates after the first one in |bio|. */
static bool identity_read_chain(identity *self, BIO *bio,
                                password_request *request)
{
  self->chain = sk_X509_new_null();
  if (self->chain == NULL) {
    return false;
  }
  X509 *cert;
  while ((cert = PEM_read_bio_X509(bio, NULL, request_on_password, request)) !=
         NULL) {
    if (sk_X509_push(self->chain, cert) == 0) {
      X509_free(cert);
      return false;
    }
  }
  bool is_end = pem_has_ended();
  if (is_end) {
    ERR_clear_error();
  }
  return is_end;
}

/* PKCS#12 has a password of its own, which is checked by its MAC. */
static int identity_read_pkcs12(identity *self, BIO *bio,
                                const pem_source *source,
                                password_request *request, ahttp_error *err)
{
  static const char what[] = "the client certificate";
  PKCS12 *bag = d2i_PKCS12_bio(bio, NULL);
  if (bag == NULL) {
    ERR_clear_error();
    ah_error_say(err, AHTTP_ETLS, AHTTP_PHASE_TLS,
                 "%s is not in %s, neither as PEM nor as PKCS#12", what,
                 source_name(source));
    return AHTTP_ETLS;
  }
  int rv = AHTTP_OK;
  if (PKCS12_parse(bag, request->password, &self->key, &self->cert,
                   &self->chain) != 1) {
    int reason = ERR_GET_REASON(ERR_peek_last_error());
    request->was_asked = reason == PKCS12_R_MAC_VERIFY_FAILURE;
    rv = source_fail(source, what, request, err);
  } else if (self->cert == NULL || self->key == NULL) {
    ah_error_say(err, AHTTP_ETLS, AHTTP_PHASE_TLS,
                 "%s lacks the client certificate or its key",
                 source_name(source));
    rv = AHTTP_ETLS;
  }
  PKCS12_free(bag);
  return rv;
}

static int identity_read_cert(identity *self, const pem_source *source,
                              password_request *request, ahttp_error *err)
{
  static const char what[] = "the client certificate";
  BIO *bio = source_open(source, what, err);
  if (bio == NULL) {
    return err->code;
  }
  int rv = AHTTP_OK;
  self->cert = PEM_read_bio_X509_AUX(bio, NULL, request_on_password, request);
  if (self->cert == NULL && source->file != NULL && pem_has_ended() &&
      BIO_reset(bio) == 0) {
    ERR_clear_error();
    rv = identity_read_pkcs12(self, bio, source, request, err);
  } else if (self->cert == NULL || !identity_read_chain(self, bio, request)) {
    rv = source_fail(source, what, request, err);
  }
  BIO_free(bio);
  return rv;
}

static int identity_read_key(identity *self, const pem_source *source,
                             password_request *request, ahttp_error *err)
{
  static const char what[] = "the client key";
  BIO *bio = source_open(source, what, err);
  if (bio == NULL) {
    return err->code;
  }
  self->key = PEM_read_bio_PrivateKey(bio, NULL, request_on_password, request);
  BIO_free(bio);
  if (self->key == NULL) {
    return source_fail(source, what, request, err);
  }
  ERR_clear_error(); /* of the formats that were tried before the right one */
  return AHTTP_OK;
}

static int identity_read(identity *self, const ahttp_tls_opts *opts,
                         ahttp_error *err)
{
  const pem_source cert = {opts->cert_file, opts->cert_pem};
  pem_source key = {opts->key_file, opts->key_pem};
  password_request request = {.password = opts->password};
  int rv = identity_read_cert(self, &cert, &request, err);
  if (rv != AHTTP_OK) {
    return rv;
  }
  bool is_named = key.file != NULL || key.pem != NULL;
  if (is_named) {
    EVP_PKEY_free(self->key); /* of a PKCS#12 file */
    self->key = NULL;
  } else {
    key = cert;
  }
  if (self->key == NULL) {
    request.was_asked = false;
    rv = identity_read_key(self, &key, &request, err);
  }
  return rv;
}

static int identity_give(identity *self, SSL_CTX *context, ahttp_error *err)
{
  if (X509_check_private_key(self->cert, self->key) != 1) {
    ERR_clear_error();
    ah_error_say(err, AHTTP_ETLS, AHTTP_PHASE_TLS,
                 "the client certificate and the client key do not belong "
                 "together");
    return AHTTP_ETLS;
  }
  if (SSL_CTX_use_certificate(context, self->cert) != 1 ||
      SSL_CTX_use_PrivateKey(context, self->key) != 1 ||
      (self->chain != NULL && SSL_CTX_set1_chain(context, self->chain) != 1)) {
    return ah_tls_error_take(err, AHTTP_PHASE_TLS,
                             "the client certificate cannot be used");
  }
  return AHTTP_OK;
}

int ah_tls_identity_load(SSL_CTX *context, const ahttp_tls_opts *opts,
                         ahttp_error *err)
{
  if (opts->cert_file == NULL && opts->cert_pem == NULL) {
    return AHTTP_OK;
  }
  identity self = {.cert = NULL};
  int rv = identity_read(&self, opts, err);
  if (rv == AHTTP_OK) {
    rv = identity_give(&self, context, err);
  }
  identity_clear(&self);
  return rv;
}
