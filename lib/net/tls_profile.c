/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/tls_profile.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "net/tls_error.h"
#include "net/tls_keylog.h"
#include "net/tls_session_cache.h"
#include "net/trust_store.h"

struct ah_tls_profile {
  size_t refs;
  ahttp_tls_opts opts; /* its strings are the two below */
  char *ca_file;
  char *ca_dir;

  /* Made at the first stream. */
  SSL_CTX *context;
  ah_trust_store *trust; /* NULL if nothing is verified */

  ah_tls_session_cache sessions;
};

/*
 * Every member of ahttp_tls_opts counts in ah_tls_profile_equal(): a forgotten
 * one lets a connection be used with settings it was not made with.  A new
 * member changes the size, or the list of initializers in opts_copy() is one
 * short, which the compiler warns about.
 */
struct every_option {
  size_t size;
  const char *ca_file;
  const char *ca_dir;
  bool verify_off;
};
static_assert(sizeof(ahttp_tls_opts) == sizeof(struct every_option),
              "a TLS option is missing in ah_tls_profile_equal()");

static int opts_copy(ahttp_tls_opts *out, const ahttp_tls_opts *in)
{
  const ahttp_tls_opts defaults = {sizeof(*out), NULL, NULL, false};
  *out = defaults;
  if (in == NULL) {
    return AHTTP_OK;
  }
  if (in->size < sizeof(in->size) || in->size > sizeof(*in)) {
    return AHTTP_EINVAL;
  }
  memcpy(out, in, in->size); /* what is past in->size keeps its default */
  out->size = sizeof(*out);
  return AHTTP_OK;
}

/* Replaces |*text|, which may be NULL, by a copy that is |*own| as well. */
static int text_own(const char **text, char **own)
{
  if (*text == NULL) {
    return AHTTP_OK;
  }
  *own = ah_memdup0(*text, strlen(*text));
  *text = *own;
  return *own == NULL ? AHTTP_ENOMEM : AHTTP_OK;
}

static bool is_readable(const char *path)
{
  return path == NULL || access(path, R_OK) == 0;
}

static bool text_equal(const char *a, const char *b)
{
  if (a == NULL || b == NULL) {
    return a == b;
  }
  return strcmp(a, b) == 0;
}

/* TLS 1.2 at least; more if the administrator asks for more. */
static bool context_set_versions(SSL_CTX *context)
{
  long min = SSL_CTX_get_min_proto_version(context);
  return min >= TLS1_2_VERSION ||
         SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;
}

static void context_set_behaviour(SSL_CTX *context)
{
  /* Buffers of idle connections are given back (42 KB become 25), and what is
   * being written may move between two tries. */
  SSL_CTX_set_mode(
      context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
  /* Renegotiation is of no use to a client of HTTP (RFC 9113, section 9.2.1,
   * forbids it); compression leaks secrets (CRIME). */
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT |
                                              SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, ah_tls_session_on_new);
  ah_tls_keylog_attach(context);
}

static int context_set_trust(SSL_CTX *context, ah_tls_profile *profile,
                             ahttp_error *err)
{
  if (profile->opts.verify_off) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    return AHTTP_OK;
  }
  int rv = ah_trust_store_acquire(&profile->trust, profile->opts.ca_file,
                                  profile->opts.ca_dir, err);
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

static void profile_free(ah_tls_profile *profile)
{
  ah_tls_session_cache_clear(&profile->sessions);
  SSL_CTX_free(profile->context);
  ah_trust_store_release(profile->trust);
  ah_free(profile->ca_file);
  ah_free(profile->ca_dir);
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
  ah_tls_session_cache_init(&profile->sessions);
  int rv = opts_copy(&profile->opts, opts);
  if (rv == AHTTP_OK) {
    rv = text_own(&profile->opts.ca_file, &profile->ca_file);
  }
  if (rv == AHTTP_OK) {
    rv = text_own(&profile->opts.ca_dir, &profile->ca_dir);
  }
  if (rv == AHTTP_OK &&
      (!is_readable(profile->ca_file) || !is_readable(profile->ca_dir))) {
    rv = AHTTP_ETLS;
  }
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
  return text_equal(a->opts.ca_file, b->opts.ca_file) &&
         text_equal(a->opts.ca_dir, b->opts.ca_dir) &&
         a->opts.verify_off == b->opts.verify_off;
}

int ah_tls_profile_context(ah_tls_profile *profile, SSL_CTX **out,
                           ahttp_error *err)
{
  *out = profile->context;
  if (profile->context != NULL) {
    return AHTTP_OK;
  }
  ERR_clear_error();
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  if (context == NULL || !context_set_versions(context)) {
    SSL_CTX_free(context);
    return ah_tls_error_take(err, AHTTP_PHASE_TLS, "TLS cannot be set up");
  }
  context_set_behaviour(context);
  int rv = context_set_trust(context, profile, err);
  if (rv != AHTTP_OK) {
    SSL_CTX_free(context);
    ah_trust_store_release(profile->trust);
    profile->trust = NULL;
    return rv;
  }
  profile->context = context;
  *out = context;
  return AHTTP_OK;
}

ah_tls_session_cache *ah_tls_profile_sessions(ah_tls_profile *profile)
{
  return &profile->sessions;
}

bool ah_tls_profile_verifies(const ah_tls_profile *profile)
{
  return !profile->opts.verify_off;
}
