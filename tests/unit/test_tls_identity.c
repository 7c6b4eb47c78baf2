/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/tls_identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "support/certificates.h"
#include "support/server_process.h"

static certificate ca;
static certificate mine;
static certificate other;
static char *mine_text;
static char *mine_key_text;
static char cert_file[400];
static char key_file[400];
static char other_key_file[400];
static char locked_key_file[400];
static char both_file[400];
static char pkcs12_file[400];
static char garbage_file[400];

static void name_file(char path[400], const char *name)
{
  (void)snprintf(path, 400, "%s/%s", server_dir(), name);
}

/* The certificate, the one above it, and the key in one file. */
static void write_both(void)
{
  char *above = certificate_text(&ca);
  FILE *file = fopen(both_file, "w");
  assert_non_null(file);
  assert_true(fprintf(file, "%s%s%s", mine_text, above, mine_key_text) > 0);
  assert_int_equal(fclose(file), 0);
  free(above);
}

static int set_up(void **state)
{
  (void)state;
  certificate_init_ca(&ca, "CA of clients");
  const certificate_opts opts = {.name = "a client", .issuer = &ca};
  certificate_init(&mine, &opts);
  certificate_init(&other, &opts);
  mine_text = certificate_text(&mine);
  mine_key_text = certificate_key_text(&mine);
  name_file(cert_file, "cert.pem");
  name_file(key_file, "key.pem");
  name_file(other_key_file, "other.pem");
  name_file(locked_key_file, "locked.pem");
  name_file(both_file, "both.pem");
  name_file(pkcs12_file, "both.p12");
  name_file(garbage_file, "garbage");
  certificate_write(&mine, cert_file);
  certificate_write_key(&mine, key_file);
  certificate_write_key(&other, other_key_file);
  certificate_write_locked_key(&mine, locked_key_file, "open sesame");
  certificate_write_pkcs12(&mine, pkcs12_file, "open sesame");
  free(server_write_file("garbage", "neither this nor that\n"));
  write_both();
  return 0;
}

static int tear_down(void **state)
{
  (void)state;
  free(mine_key_text);
  free(mine_text);
  certificate_clear(&other);
  certificate_clear(&mine);
  certificate_clear(&ca);
  return 0;
}

/* Loads |opts|; the sentence is in |*err| if that fails.  |*chain_len| is the
 * number of certificates sent after the first. */
static int load(const ahttp_tls_opts *opts, ahttp_error *err, int *chain_len)
{
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  assert_non_null(context);
  int rv = ah_tls_identity_load(context, opts, err);
  assert_int_equal(ERR_peek_error(), 0);
  if (rv == AHTTP_OK) {
    STACK_OF(X509) *chain = NULL;
    assert_int_equal(X509_cmp(SSL_CTX_get0_certificate(context), mine.x509), 0);
    assert_int_equal(SSL_CTX_check_private_key(context), 1);
    assert_int_equal(SSL_CTX_get0_chain_certs(context, &chain), 1);
    *chain_len = chain == NULL ? 0 : sk_X509_num(chain);
  }
  SSL_CTX_free(context);
  return rv;
}

#define SIZED .size = sizeof(ahttp_tls_opts)

static void identities_of_every_kind_are_loaded(void **state)
{
  (void)state;
  const struct {
    ahttp_tls_opts opts;
    int chain_len;
  } rows[] = {
      {{SIZED, .cert_file = cert_file, .key_file = key_file}, 0},
      {{SIZED, .cert_file = both_file}, 1},
      {{SIZED, .cert_file = both_file, .key_file = key_file}, 1},
      {{SIZED, .cert_pem = mine_text, .key_pem = mine_key_text}, 0},
      {{SIZED, .cert_pem = mine_text, .key_file = key_file}, 0},
      {{SIZED, .cert_file = cert_file, .key_pem = mine_key_text}, 0},
      {{SIZED, .cert_file = cert_file, .key_file = locked_key_file,
        .password = "open sesame"},
       0},
      {{SIZED, .cert_file = pkcs12_file, .password = "open sesame"}, 0},
      {{SIZED, .cert_file = pkcs12_file, .key_file = key_file,
        .password = "open sesame"},
       0},
      /* A password that nothing asks for does no harm. */
      {{SIZED, .cert_file = both_file, .password = "open sesame"}, 1},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_error err = {.text = ""};
    int chain_len = -1;
    if (load(&rows[i].opts, &err, &chain_len) != AHTTP_OK) {
      fail_msg("%zu: %s", i, err.text);
    }
    assert_int_equal(chain_len, rows[i].chain_len);
  }
}

static void trouble_is_told_in_a_sentence(void **state)
{
  (void)state;
  const struct {
    ahttp_tls_opts opts;
    const char *text;
  } rows[] = {
      {{SIZED, .cert_file = "/nonexistent/cert"},
       "the client certificate in /nonexistent/cert cannot be read: No such "
       "file or directory"},
      {{SIZED, .cert_file = cert_file, .key_file = "/nonexistent/key"},
       "the client key in /nonexistent/key cannot be read: No such file or "
       "directory"},
      {{SIZED, .cert_file = garbage_file}, "neither as PEM nor as PKCS#12"},
      {{SIZED, .cert_pem = "garbage"},
       "the client certificate is not in the given text"},
      {{SIZED, .cert_file = cert_file}, "the client key in "},
      {{SIZED, .cert_file = cert_file, .key_file = garbage_file},
       "the client key in "},
      {{SIZED, .cert_file = cert_file, .key_pem = ""},
       "the client key in the given text cannot be used: "},
      {{SIZED, .cert_file = cert_file, .key_file = locked_key_file},
       "is encrypted, and there is no password"},
      {{SIZED, .cert_file = cert_file, .key_file = locked_key_file,
        .password = "sesame"},
       "cannot be decrypted; the password may be wrong: "},
      {{SIZED, .cert_file = pkcs12_file},
       "is encrypted, and there is no password"},
      {{SIZED, .cert_file = pkcs12_file, .password = "sesame"},
       "cannot be decrypted; the password may be wrong: "},
      {{SIZED, .cert_file = cert_file, .key_file = other_key_file},
       "do not belong together"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_error err = {.text = ""};
    int unused;
    assert_int_equal(load(&rows[i].opts, &err, &unused), AHTTP_ETLS);
    assert_int_equal(err.code, AHTTP_ETLS);
    if (strstr(err.text, rows[i].text) == NULL) {
      fail_msg("%zu: \"%s\" is not in \"%s\"", i, rows[i].text, err.text);
    }
    if (rows[i].opts.password != NULL) {
      assert_null(strstr(err.text, rows[i].opts.password));
    }
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(identities_of_every_kind_are_loaded),
      cmocka_unit_test(trouble_is_told_in_a_sentence),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
