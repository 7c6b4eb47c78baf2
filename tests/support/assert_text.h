/* SPDX-License-Identifier: MIT */
#ifndef ASSERT_TEXT_H
#define ASSERT_TEXT_H

#include <ahttp/types.h>

/* Fails the test, showing both, unless the view |got| is the C string |want|.
 */
#define assert_text(got, want) assert_text_at(got, want, __FILE__, __LINE__)

void assert_text_at(ahttp_str got, const char *want, const char *file,
                    int line);

#endif
