/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/h2_budget.h"

enum {
  NS_PER_SECOND = 1000 * 1000 * 1000
};

/* RFC 9113, section 6. */
enum {
  FRAME_DATA = 0x0,
  FRAME_HEADERS = 0x1,
  FRAME_RST_STREAM = 0x3,
  FRAME_CONTINUATION = 0x9,
  FLAG_END_STREAM = 0x1,
  FLAG_PADDED = 0x8,
  PADDING_BYTES_MAX = 256 /* with the byte that tells how much it is */
};

static void bucket_init(ah_h2_bucket *bucket, uint32_t burst,
                        uint32_t per_second, uint64_t now_ns)
{
  *bucket = (ah_h2_bucket){
      .tokens = burst,
      .burst = burst,
      .per_second = per_second,
      .filled_ns = now_ns,
  };
}

static void bucket_earn(ah_h2_bucket *bucket, size_t tokens)
{
  size_t room = bucket->burst - bucket->tokens;
  bucket->tokens += (uint32_t)(tokens < room ? tokens : room);
}

/* Turns the time since the last call into tokens. */
static void bucket_refill(ah_h2_bucket *bucket, uint64_t now_ns)
{
  uint64_t ns_per_token = NS_PER_SECOND / bucket->per_second;
  if (now_ns <= bucket->filled_ns) {
    return;
  }
  uint64_t tokens = (now_ns - bucket->filled_ns) / ns_per_token;
  bucket->filled_ns += tokens * ns_per_token; /* the remainder counts later */
  bucket_earn(bucket, tokens < bucket->burst ? (size_t)tokens : bucket->burst);
}

/* Takes a token.  The clock is looked at only when none is left, so the usual
 * case is a decrement; a bucket that was full for long is thereby granted the
 * time it was full, once, at most another burst. */
static bool bucket_spend(ah_h2_bucket *bucket, uint64_t now_ns)
{
  if (bucket->tokens == 0) {
    bucket_refill(bucket, now_ns);
  }
  if (bucket->tokens == 0) {
    return false;
  }
  bucket->tokens--;
  return true;
}

/* A frame that ends its stream is always worth it.  What is padded is not
 * believed to be content: padding is of no use to anybody. */
static bool budget_spend_data(ah_h2_budget *budget, const ah_h2_frame *frame,
                              uint64_t now_ns)
{
  size_t padding = (frame->flags & FLAG_PADDED) != 0 ? PADDING_BYTES_MAX : 0;
  size_t len = frame->len > padding ? frame->len - padding : 0;
  bucket_earn(&budget->data, len / AH_H2_DATA_BYTES_PER_TOKEN);
  if (len >= AH_H2_DATA_SMALL_BYTES || (frame->flags & FLAG_END_STREAM) != 0) {
    return true;
  }
  return bucket_spend(&budget->data, now_ns);
}

void ah_h2_budget_init(ah_h2_budget *budget, uint64_t now_ns)
{
  bucket_init(&budget->control, AH_H2_CONTROL_BURST, AH_H2_CONTROL_PER_SECOND,
              now_ns);
  bucket_init(&budget->data, AH_H2_DATA_BURST, AH_H2_DATA_PER_SECOND, now_ns);
}

bool ah_h2_budget_spend(ah_h2_budget *budget, const ah_h2_frame *frame,
                        uint64_t now_ns)
{
  switch (frame->type) {
  case FRAME_DATA:
    return budget_spend_data(budget, frame, now_ns);
  case FRAME_HEADERS:
  case FRAME_CONTINUATION:
    return true; /* what they carry has limits of its own */
  case FRAME_RST_STREAM:
    /* Our own requests limit those that end a stream. */
    return frame->is_wanted || bucket_spend(&budget->control, now_ns);
  default:
    return bucket_spend(&budget->control, now_ns);
  }
}

void ah_h2_budget_earn_upload(ah_h2_budget *budget)
{
  bucket_earn(&budget->control, AH_H2_TOKENS_PER_UPLOAD_FRAME);
}
