/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/tls_profile.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "net/tls_error.h"
#include "net/tls_identity.h"
#include "net/tls_keylog.h"
#include "net/tls_options.h"
#include "net/tls_session_cache.h"
#include "net/trust_store.h"

struct ah_tls_profile {
  size_t refs;
  ahttp_tls_opts opts; /* a copy of its own */

  /* Made at the first stream. */
  SSL_CTX *context;
  ah_trust_store *trust; /* NULL if nothing is verified */
  ah_tls_keylog keylog;

  ah_tls_session_cache sessions;
};

static int version_number(ahttp_tls_version version)
{
  switch (version) {
  case AHTTP_TLS_1_2:
    return TLS1_2_VERSION;
  case AHTTP_TLS_1_3:
    return TLS1_3_VERSION;
  case AHTTP_TLS_DEFAULT:
    break;
  }
  return 0;
}

/* TLS 1.2 at least, unless something is asked for; more if the administrator
 * asks for more. */
static bool context_set_versions(SSL_CTX *context, const ahttp_tls_opts *opts)
{
  int min = version_number(opts->version_min);
  int max = version_number(opts->version_max);
  if (min == 0) {
    int system = (int)SSL_CTX_get_min_proto_version(context);
    min = system > TLS1_2_VERSION ? system : TLS1_2_VERSION;
    min = max != 0 && min > max ? max : min;
  }
  return SSL_CTX_set_min_proto_version(context, min) == 1 &&
         (max == 0 || SSL_CTX_set_max_proto_version(context, max) == 1);
}

static void context_set_behaviour(SSL_CTX *context, const ahttp_tls_opts *opts)
{
  /* Buffers of idle connections are given back (42 KB become 25), and what is
   * being written may move between two tries. */
  SSL_CTX_set_mode(
      context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
  /* Renegotiation is of no use to a client of HTTP (RFC 9113, section 9.2.1,
   * forbids it); compression leaks secrets (CRIME). */
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  if (opts->resume_off) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  } else {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT |
                                                SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, ah_tls_session_on_new);
  }
}

/* What is negotiated with. */
static int context_set_algorithms(SSL_CTX *context, const ahttp_tls_opts *opts,
                                  ahttp_error *err)
{
  if (opts->ciphers != NULL &&
      SSL_CTX_set_cipher_list(context, opts->ciphers) != 1) {
    return ah_tls_error_take(err, AHTTP_PHASE_TLS,
                             "the TLS 1.2 ciphers \"%s\" cannot be used",
                             opts->ciphers);
  }
  if (opts->ciphers13 != NULL &&
      SSL_CTX_set_ciphersuites(context, opts->ciphers13) != 1) {
    return ah_tls_error_take(err, AHTTP_PHASE_TLS,
                             "the TLS 1.3 ciphers \"%s\" cannot be used",
                             opts->ciphers13);
  }
  /* The macro's char * is OpenSSL's; it only reads. */
  char *groups = (char *)(uintptr_t)opts->groups;
  if (groups != NULL && SSL_CTX_set1_groups_list(context, groups) != 1) {
    ERR_clear_error(); /* it has nothing to say */
    ah_error_say(err, AHTTP_ETLS, AHTTP_PHASE_TLS,
                 "the TLS groups \"%s\" cannot be used", opts->groups);
    return AHTTP_ETLS;
  }
  return AHTTP_OK;
}

static int context_set_trust(SSL_CTX *context, ah_tls_profile *profile,
                             ahttp_error *err)
{
  static const char trusted[] = "the trusted certificates";
  if (profile->opts.verify_off) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    return AHTTP_OK;
  }
  const ah_trust_source source = {.file = profile->opts.ca_file,
                                  .dir = profile->opts.ca_dir,
                                  .pem = profile->opts.ca_pem};
  int rv = ah_tls_path_check(source.file, trusted, err);
  if (rv == AHTTP_OK) {
    rv = ah_tls_path_check(source.dir, trusted, err);
  }
  if (rv == AHTTP_OK) {
    rv = ah_trust_store_acquire(&profile->trust, &source, err);
  }
  if (rv != AHTTP_OK) {
    return rv;
  }
  SSL_CTX_set1_cert_store(context, ah_trust_store_x509(profile->trust));
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  /* What the user lists as trusted is, be it a root or not. */
  if (X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context),
                                  X509_V_FLAG_PARTIAL_CHAIN) != 1) {
    return ah_tls_error_take(err, AHTTP_PHASE_TLS, "TLS cannot be set up");
  }
  return AHTTP_OK;
}

/* Back to before the first stream. */
static void profile_reset(ah_tls_profile *profile)
{
  SSL_CTX_free(profile->context);
  ah_trust_store_release(profile->trust);
  ah_tls_keylog_clear(&profile->keylog);
  profile->context = NULL;
  profile->trust = NULL;
}

static void profile_free(ah_tls_profile *profile)
{
  ah_tls_session_cache_clear(&profile->sessions);
  profile_reset(profile);
  ah_tls_options_clear(&profile->opts);
  ah_free(profile);
}

int ah_tls_profile_new(ah_tls_profile **out, const ahttp_tls_opts *opts)
{
  *out = NULL;
  ah_tls_profile *profile = ah_calloc(1, sizeof(*profile));
  if (profile == NULL) {
    return AHTTP_ENOMEM;
  }
  profile->refs = 1;
  ah_tls_keylog_init(&profile->keylog);
  ah_tls_session_cache_init(&profile->sessions);
  int rv = ah_tls_options_copy(&profile->opts, opts);
  if (rv != AHTTP_OK) {
    profile_free(profile);
    return rv;
  }
  *out = profile;
  return AHTTP_OK;
}

ah_tls_profile *ah_tls_profile_ref(ah_tls_profile *profile)
{
  ah_assert(profile->refs > 0);
  profile->refs++;
  return profile;
}

void ah_tls_profile_unref(ah_tls_profile *profile)
{
  if (profile == NULL) {
    return;
  }
  ah_assert(profile->refs > 0);
  profile->refs--;
  if (profile->refs == 0) {
    profile_free(profile);
  }
}

bool ah_tls_profile_equal(const ah_tls_profile *a, const ah_tls_profile *b)
{
  return ah_tls_options_equal(&a->opts, &b->opts);
}

static int profile_fill_context(ah_tls_profile *profile, ahttp_error *err)
{
  SSL_CTX *context = profile->context;
  const ahttp_tls_opts *opts = &profile->opts;
  if (!context_set_versions(context, opts)) {
    return ah_tls_error_take(err, AHTTP_PHASE_TLS, "TLS cannot be set up");
  }
  context_set_behaviour(context, opts);
  int rv = context_set_algorithms(context, opts, err);
  if (rv == AHTTP_OK) {
    rv = context_set_trust(context, profile, err);
  }
  if (rv == AHTTP_OK) {
    rv = ah_tls_identity_load(context, opts, err);
  }
  if (rv == AHTTP_OK && opts->keylog_file != NULL) {
    rv = ah_tls_keylog_open(&profile->keylog, opts->keylog_file, err);
  }
  ah_tls_keylog_attach(&profile->keylog, context);
  return rv;
}

int ah_tls_profile_context(ah_tls_profile *profile, SSL_CTX **out,
                           ahttp_error *err)
{
  *out = profile->context;
  if (profile->context != NULL) {
    return AHTTP_OK;
  }
  int rv = ah_tls_options_check(&profile->opts, err);
  if (rv != AHTTP_OK) {
    return rv;
  }
  ERR_clear_error();
  profile->context = SSL_CTX_new(TLS_client_method());
  if (profile->context == NULL) {
    return ah_tls_error_take(err, AHTTP_PHASE_TLS, "TLS cannot be set up");
  }
  rv = profile_fill_context(profile, err);
  if (rv != AHTTP_OK) {
    profile_reset(profile);
    return rv;
  }
  *out = profile->context;
  return AHTTP_OK;
}

int ah_tls_profile_check(ah_tls_profile *profile, ahttp_error *err)
{
  SSL_CTX *context;
  return ah_tls_options_are_fallible(&profile->opts)
             ? ah_tls_profile_context(profile, &context, err)
             : AHTTP_OK;
}

ah_tls_session_cache *ah_tls_profile_sessions(ah_tls_profile *profile)
{
  return &profile->sessions;
}

const ahttp_tls_opts *ah_tls_profile_opts(const ah_tls_profile *profile)
{
  return &profile->opts;
}
