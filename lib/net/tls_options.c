/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/tls_options.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/alloc.h"
#include "base/error.h"
#include "net/tls_pins.h"

/*
 * Every member of ahttp_tls_opts after |size|, in its order.  A member that is
 * missing here would let a connection be used with settings it was not made
 * with.  Two things notice: the size of the struct, and the initializer in
 * options_init(), which is then one short; the compiler warns about that.
 */
/* clang-format off */
#define TLS_OPTIONS(TEXT, NUMBER, FLAG) \
  TEXT(ca_file) \
  TEXT(ca_dir) \
  TEXT(ca_pem) \
  TEXT(cert_file) \
  TEXT(cert_pem) \
  TEXT(key_file) \
  TEXT(key_pem) \
  TEXT(password) \
  TEXT(ciphers) \
  TEXT(ciphers13) \
  TEXT(groups) \
  TEXT(pinned_keys) \
  TEXT(sni) \
  TEXT(keylog_file) \
  NUMBER(version_min) \
  NUMBER(version_max) \
  FLAG(verify_off) \
  FLAG(verify_host_off) \
  FLAG(resume_off)
/* clang-format on */

#define MEMBER_TEXT(name) const char *name;
#define MEMBER_NUMBER(name) ahttp_tls_version name;
#define MEMBER_FLAG(name) bool name;
struct every_option {
  size_t size;
  TLS_OPTIONS(MEMBER_TEXT, MEMBER_NUMBER, MEMBER_FLAG)
};
static_assert(sizeof(ahttp_tls_opts) == sizeof(struct every_option),
              "a TLS option is missing in the list");

static void options_init(ahttp_tls_opts *opts)
{
#define INIT_TEXT(name) NULL,
#define INIT_NUMBER(name) AHTTP_TLS_DEFAULT,
#define INIT_FLAG(name) false,
  const ahttp_tls_opts defaults = {
      sizeof(*opts), TLS_OPTIONS(INIT_TEXT, INIT_NUMBER, INIT_FLAG)};
  *opts = defaults;
}

/* Replaces |*text|, which may be NULL, by a copy.  False if memory is out. */
static bool text_own(const char **text)
{
  if (*text != NULL) {
    *text = ah_memdup0(*text, strlen(*text));
    return *text != NULL;
  }
  return true;
}

static void text_wipe(const char **text)
{
  union {
    const char *borrowed;
    char *owned;
  } name = {*text};
  if (name.owned != NULL) {
    OPENSSL_cleanse(name.owned, strlen(name.owned));
    ah_free(name.owned);
  }
  *text = NULL;
}

static bool text_equal(const char *a, const char *b)
{
  if (a == NULL || b == NULL) {
    return a == b;
  }
  return strcmp(a, b) == 0;
}

int ah_tls_options_copy(ahttp_tls_opts *out, const ahttp_tls_opts *in)
{
  options_init(out);
  if (in == NULL) {
    return AHTTP_OK;
  }
  if (in->size < sizeof(in->size) || in->size > sizeof(*in)) {
    return AHTTP_EINVAL;
  }
  memcpy(out, in, in->size); /* what is past in->size keeps its default */
  out->size = sizeof(*out);
  bool whole = true;
  /* After a failure the rest must not be freed as if it were ours. */
#define COPY_TEXT(name)           \
  if (whole) {                    \
    whole = text_own(&out->name); \
  } else {                        \
    out->name = NULL;             \
  }
#define COPY_NOTHING(name)
  TLS_OPTIONS(COPY_TEXT, COPY_NOTHING, COPY_NOTHING)
  return whole ? AHTTP_OK : AHTTP_ENOMEM;
}

void ah_tls_options_clear(ahttp_tls_opts *opts)
{
#define CLEAR_TEXT(name) text_wipe(&opts->name);
#define CLEAR_NOTHING(name)
  TLS_OPTIONS(CLEAR_TEXT, CLEAR_NOTHING, CLEAR_NOTHING)
  options_init(opts);
}

bool ah_tls_options_equal(const ahttp_tls_opts *a, const ahttp_tls_opts *b)
{
#define EQUAL_TEXT(name) text_equal(a->name, b->name) &&
#define EQUAL_VALUE(name) a->name == b->name &&
  return TLS_OPTIONS(EQUAL_TEXT, EQUAL_VALUE, EQUAL_VALUE) true;
}

bool ah_tls_options_are_fallible(const ahttp_tls_opts *opts)
{
#define SET_TEXT(name) opts->name != NULL ||
#define SET_NUMBER(name) opts->name != AHTTP_TLS_DEFAULT ||
#define SET_NOTHING(name)
  return TLS_OPTIONS(SET_TEXT, SET_NUMBER, SET_NOTHING) false;
}

static bool version_is_known(ahttp_tls_version version)
{
  return version == AHTTP_TLS_DEFAULT || version == AHTTP_TLS_1_2 ||
         version == AHTTP_TLS_1_3;
}

/* What is wrong with |opts|, or NULL. */
static const char *options_find_fault(const ahttp_tls_opts *opts)
{
  bool has_cert = opts->cert_file != NULL || opts->cert_pem != NULL;
  if (!version_is_known(opts->version_min) ||
      !version_is_known(opts->version_max)) {
    return "a TLS version is unknown; there are 1.2 and 1.3";
  }
  if (opts->version_max != AHTTP_TLS_DEFAULT &&
      opts->version_min > opts->version_max) {
    return "the lowest TLS version is above the highest";
  }
  if (opts->cert_file != NULL && opts->cert_pem != NULL) {
    return "there are two client certificates, a file and a text";
  }
  if (opts->key_file != NULL && opts->key_pem != NULL) {
    return "there are two client keys, a file and a text";
  }
  if (!has_cert && (opts->key_file != NULL || opts->key_pem != NULL)) {
    return "there is a client key, but no client certificate";
  }
  if (opts->pinned_keys != NULL && !ah_tls_pins_are_valid(opts->pinned_keys)) {
    return "the pinned public keys are not \"sha256//BASE64\", several "
           "separated by semicolons";
  }
  return NULL;
}

int ah_tls_options_check(const ahttp_tls_opts *opts, ahttp_error *err)
{
  const char *fault = options_find_fault(opts);
  if (fault == NULL) {
    return AHTTP_OK;
  }
  ah_error_say(err, AHTTP_EINVAL, AHTTP_PHASE_NONE, "%s", fault);
  return AHTTP_EINVAL;
}

int ah_tls_path_check(const char *path, const char *what, ahttp_error *err)
{
  if (path == NULL || access(path, R_OK) == 0) {
    return AHTTP_OK;
  }
  int os_errno = errno;
  ah_error_set(err, AHTTP_ETLS, AHTTP_PHASE_TLS, AHTTP_DOMAIN_OS, os_errno,
               "%s in %s cannot be read: %s", what, path, strerror(os_errno));
  return AHTTP_ETLS;
}
