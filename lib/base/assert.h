/* SPDX-License-Identifier: MIT */
#ifndef AH_BASE_ASSERT_H
#define AH_BASE_ASSERT_H

/*
 * Checks for our own mistakes, on in every build.  What a peer, a user, the
 * clock or the allocator can cause is an error, not an assertion.
 */
#define ah_assert(condition) \
  ((condition) ? (void)0     \
               : ah_assert_fail(#condition, __FILE__, __LINE__, __func__))

/* Writes one line to standard error and aborts. */
_Noreturn void ah_assert_fail(const char *condition, const char *file, int line,
                              const char *function);

#endif
