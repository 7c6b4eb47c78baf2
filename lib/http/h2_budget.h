/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_H2_BUDGET_H
#define AH_HTTP_H2_BUDGET_H

#include <ahttp/types.h>

/*
 * How much of our time a server may take without giving anything.  HTTP/2 has
 * frames that cost the sender next to nothing and oblige the receiver to work
 * or to answer (CVE-2019-9511 to 9518 and their successors); no single one is
 * forbidden, so they are rationed.
 *
 * Two token buckets.  Control frames take from one, DATA frames that carry next
 * to nothing from the other.  Both refill with time and with useful work, so
 * what an honest server does pays for itself:
 * - WINDOW_UPDATE frames come with what we upload;
 * - small DATA frames come with content.
 *
 * No clock in here: times are readings of a monotonic clock in nanoseconds.
 */

enum {
  /* The burst and rate that nghttp2 uses against glitches since 1.67. */
  AH_H2_CONTROL_BURST = 10000,
  AH_H2_CONTROL_PER_SECOND = 330,
  /* What h2 (the Rust implementation) grants after its own advisory. */
  AH_H2_DATA_BURST = 25600,
  AH_H2_DATA_PER_SECOND = 330,
  /* A DATA frame shorter than this costs a token ... */
  AH_H2_DATA_SMALL_BYTES = 256,
  /* ... and every so many bytes of content earn one: frames of this size pay
   * for themselves, so lines of text sent one by one are never a flood. */
  AH_H2_DATA_BYTES_PER_TOKEN = 16,
  /* WINDOW_UPDATE frames an honest server may send for a DATA frame of ours:
   * one for the stream, one for the connection, and slack. */
  AH_H2_TOKENS_PER_UPLOAD_FRAME = 4
};

typedef struct ah_h2_bucket {
  uint32_t tokens; /* <= burst */
  uint32_t burst;
  uint32_t per_second;
  uint64_t filled_ns; /* up to when time has been turned into tokens */
} ah_h2_bucket;

typedef struct ah_h2_budget {
  ah_h2_bucket control;
  ah_h2_bucket data;
} ah_h2_budget;

/* Full buckets at |now_ns|. */
void ah_h2_budget_init(ah_h2_budget *budget, uint64_t now_ns);

/* What the budget asks about a frame; the header has it all. */
typedef struct ah_h2_frame {
  uint8_t type; /* RFC 9113, section 6 */
  uint8_t flags;
  size_t len;     /* of the payload */
  bool is_wanted; /* its stream is one that somebody waits for */
} ah_h2_frame;

/* |frame| begins to arrive.  False if the server has used up its budget. */
bool ah_h2_budget_spend(ah_h2_budget *budget, const ah_h2_frame *frame,
                        uint64_t now_ns);

/* We sent a DATA frame: the server may answer with WINDOW_UPDATE. */
void ah_h2_budget_earn_upload(ah_h2_budget *budget);

#endif
