/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/tls_bio.h"

#include <pthread.h>
#include <string.h>

#include <ahttp/error.h>

/* Made once and kept: BIOs of any thread refer to it. */
static BIO_METHOD *tls_bio_method;
static pthread_once_t tls_bio_once = PTHREAD_ONCE_INIT;

static int tls_bio_read(BIO *bio, char *data, size_t len, size_t *got)
{
  ah_tls_bio *ends = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  *got = 0;
  if (ends->in_len == 0) {
    BIO_set_retry_read(bio);
    return 0;
  }
  *got = len < ends->in_len ? len : ends->in_len;
  memcpy(data, ends->in, *got);
  ends->in += *got;
  ends->in_len -= *got;
  return 1;
}

static int tls_bio_write(BIO *bio, const char *data, size_t len, size_t *put)
{
  ah_tls_bio *ends = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  *put = 0;
  if (ends->out_failed || ah_stream_write(ends->below, data, len) != AHTTP_OK) {
    ends->out_failed = true;
    return 0;
  }
  ends->out_bytes += len;
  *put = len;
  return 1;
}

static long tls_bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
  (void)bio;
  (void)number;
  (void)pointer;
  /* The stream flushes below when the records are complete. */
  return command == BIO_CTRL_FLUSH;
}

static void tls_bio_make_method(void)
{
  int index = BIO_get_new_index();
  BIO_METHOD *method = index == -1 ? NULL
                                   : BIO_meth_new(index | BIO_TYPE_SOURCE_SINK,
                                                  "libahttp stream");
  if (method == NULL) {
    return;
  }
  if (BIO_meth_set_read_ex(method, tls_bio_read) != 1 ||
      BIO_meth_set_write_ex(method, tls_bio_write) != 1 ||
      BIO_meth_set_ctrl(method, tls_bio_ctrl) != 1) {
    BIO_meth_free(method);
    return;
  }
  tls_bio_method = method;
}

BIO *ah_tls_bio_new(ah_tls_bio *ends)
{
  (void)pthread_once(&tls_bio_once, tls_bio_make_method);
  if (tls_bio_method == NULL) {
    return NULL;
  }
  BIO *bio = BIO_new(tls_bio_method);
  if (bio == NULL) {
    return NULL;
  }
  BIO_set_data(bio, ends);
  BIO_set_init(bio, 1);
  return bio;
}
