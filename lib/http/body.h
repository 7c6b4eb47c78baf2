/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_BODY_H
#define AH_HTTP_BODY_H

#include <ahttp/error.h>
#include <ahttp/request.h>

/*
 * Where request content comes from.  Reads are positional, so one body can
 * serve several sends at once where its source allows: a read at offset 0 is
 * the rewind.  A read changes nothing an exchange would have to undo.
 */
typedef struct ah_body ah_body;

typedef struct ah_body_ops {
  const char *name;
  /*
   * Writes up to |cap| > 0 bytes found at |offset| to |dst| and sets |*len|; 0
   * is the end.  AHTTP_OK, AH_BLOCKED (nothing yet), or AHTTP_EBODY.
   */
  int (*read)(ah_body *body, uint64_t offset, uint8_t *dst, size_t cap,
              size_t *len);
  /* AHTTP_OK, or AHTTP_EBODY if there is more than |length| says by now.  NULL:
   * there is not. */
  int (*check_end)(ah_body *body);
  /* Says why a read or check has failed.  NULL: nothing more is known. */
  void (*explain)(ah_body *body, ahttp_error *err);
  void (*free)(ah_body *body);
} ah_body_ops;

struct ah_body {
  const ah_body_ops *ops;
  int64_t length;  /* bytes, or -1 if unknown */
  bool can_rewind; /* a read at offset 0 works after others */
};

/* A copy of |len| bytes. */
int ah_body_new_bytes(ah_body **out, const void *data, size_t len);
/* The file at |path|; AHTTP_EBODY if it cannot be opened.  What is no regular
 * file is read in one pass, and a read of it waits. */
int ah_body_new_file(ah_body **out, const char *path);
/* The user's callback; AHTTP_EINVAL if |source| has none or contradicts itself.
 */
int ah_body_new_source(ah_body **out, const ahttp_content_source *source);

/* Reads; see ah_body_ops.read.  Bytes past a known length are AHTTP_EBODY, and
 * so is an end before it, or a read elsewhere than where the last one ended in
 * a body that cannot rewind.  At a known length the source is not asked. */
int ah_body_read(ah_body *body, uint64_t offset, uint8_t *dst, size_t cap,
                 size_t *len);

/* What is behind the end of a known length; see ah_body_ops.check_end.  Content
 * that is sent alone need not ask: what was there when it was opened is sent.
 */
int ah_body_check_end(ah_body *body);

/* Fills |*err| after AHTTP_EBODY. */
void ah_body_explain(ah_body *body, ahttp_error *err);

/* NULL is allowed. */
void ah_body_free(ah_body *body);

#endif
