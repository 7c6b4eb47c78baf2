/* SPDX-License-Identifier: MIT */
#ifndef CLI_HISTOGRAM_H
#define CLI_HISTOGRAM_H

#include <stdint.h>

/* 64 buckets an octave: a bucket is at most 1/64 of its value wide, so its
 * middle is less than 1 % off. */
#define CLI_HISTOGRAM_STEPS 64

/* Microseconds up to 2^36, 19 hours; longer times count as that. */
#define CLI_HISTOGRAM_OCTAVES 31

/*
 * How often which duration occurred: log-linear buckets in fixed memory (16
 * KiB), whatever the number of samples.  All zero is an empty one.
 */
typedef struct cli_histogram {
  uint64_t counts[CLI_HISTOGRAM_STEPS * CLI_HISTOGRAM_OCTAVES];
  uint64_t total;
  uint64_t max_ns;
} cli_histogram;

void cli_histogram_add(cli_histogram *histogram, uint64_t ns);

/* The duration that |percent| (0 to 100) of the samples do not exceed, within
 * 1 %; 0 without samples. */
uint64_t cli_histogram_percentile_ns(const cli_histogram *histogram,
                                     double percent);

#endif
