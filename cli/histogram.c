/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/histogram.h"

#include <stddef.h>

/*
 * Values below 64 us have a bucket each.  From there every octave [2^k, 2^k+1)
 * is cut into 64 steps of 2^(k-6): the bucket is the octave and the six bits
 * below the leading one.
 */
static size_t bucket_of(uint64_t us)
{
  const uint64_t last = (UINT64_C(1) << (CLI_HISTOGRAM_OCTAVES + 5)) - 1;

  if (us > last) {
    us = last;
  }
  if (us < CLI_HISTOGRAM_STEPS) {
    return (size_t)us;
  }
  unsigned shift = 57 - (unsigned)__builtin_clzll(us);
  return CLI_HISTOGRAM_STEPS * (size_t)shift + (size_t)(us >> shift);
}

/* The middle of a bucket, in nanoseconds. */
static uint64_t bucket_middle_ns(size_t bucket)
{
  if (bucket < CLI_HISTOGRAM_STEPS) {
    return bucket * 1000 + 500;
  }
  unsigned shift = (unsigned)(bucket / CLI_HISTOGRAM_STEPS) - 1;
  uint64_t step = bucket - CLI_HISTOGRAM_STEPS * (size_t)shift;
  return ((step << shift) * 2 + (UINT64_C(1) << shift)) * 500;
}

void cli_histogram_add(cli_histogram *histogram, uint64_t ns)
{
  histogram->counts[bucket_of(ns / 1000)]++;
  histogram->total++;
  if (ns > histogram->max_ns) {
    histogram->max_ns = ns;
  }
}

uint64_t cli_histogram_percentile_ns(const cli_histogram *histogram,
                                     double percent)
{
  size_t count = sizeof(histogram->counts) / sizeof(*histogram->counts);
  double rank = (double)histogram->total * percent / 100;
  uint64_t passed = 0;

  for (size_t i = 0; i < count; i++) {
    passed += histogram->counts[i];
    if (passed > 0 && (double)passed >= rank) {
      uint64_t middle = bucket_middle_ns(i);
      return middle < histogram->max_ns ? middle : histogram->max_ns;
    }
  }
  return histogram->max_ns;
}
