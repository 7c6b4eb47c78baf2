/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "support/negotiator_talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void talk_feed(negotiator_talk *talk, ah_negotiator *negotiator,
                      const uint8_t *input, size_t len)
{
  uint8_t *block = malloc(len);
  assert_non_null(block);
  memcpy(block, input, len);
  size_t consumed = 0;
  talk->rv = negotiator->ops->read(negotiator, block, len, &consumed,
                                   &talk->said, &talk->err);
  assert_true(consumed <= len);
  if (talk->rv == AH_MORE) {
    assert_int_equal(consumed, len);
  }
  talk->used += consumed;
  free(block);
}

void negotiator_talk_run(negotiator_talk *talk, ah_negotiator *negotiator,
                         const void *input, size_t len, size_t first,
                         size_t step)
{
  const uint8_t *bytes = input;
  memset(talk, 0, sizeof(*talk));
  ah_buf_init(&talk->said, SIZE_MAX);
  talk->rv = negotiator->ops->begin(negotiator, &talk->said, &talk->err);
  if (talk->rv == AHTTP_OK) {
    talk->rv = AH_MORE;
  }
  size_t at = 0;
  while (talk->rv == AH_MORE && at < len) {
    size_t part = at == 0 && first > 0 ? first : step;
    part = part < len - at ? part : len - at;
    talk_feed(talk, negotiator, bytes + at, part);
    at += part;
  }
  negotiator->ops->free(negotiator);
}

void negotiator_talk_clear(negotiator_talk *talk)
{
  ah_buf_clear(&talk->said);
}

void negotiator_talk_each(ah_negotiator *(*make)(void *arg), void *arg,
                          const void *input, size_t len, size_t enough,
                          void (*check)(const negotiator_talk *talk, void *arg))
{
  negotiator_talk talk;
  negotiator_talk_run(&talk, make(arg), input, len, 0, len);
  check(&talk, arg);
  negotiator_talk_clear(&talk);
  negotiator_talk_run(&talk, make(arg), input, len, 0, 1);
  check(&talk, arg);
  negotiator_talk_clear(&talk);
  for (size_t at = 1; at < len; at++) {
    negotiator_talk_run(&talk, make(arg), input, len, at, len);
    check(&talk, arg);
    negotiator_talk_clear(&talk);
  }
  for (size_t at = 0; at < enough; at++) {
    negotiator_talk_run(&talk, make(arg), input, at, 0, len);
    assert_int_equal(talk.rv, AH_MORE);
    negotiator_talk_clear(&talk);
  }
}
