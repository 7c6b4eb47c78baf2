/* SPDX-License-Identifier: MIT */
#ifndef CLI_MEMORY_H
#define CLI_MEMORY_H

#include <stddef.h>

/*
 * The program's own memory.  A program that cannot get a few kilobytes cannot
 * keep its promises either: these end it with a sentence and exit code 1
 * instead of returning NULL.  Free with free().
 */
void *cli_malloc(size_t size);
void *cli_calloc(size_t count, size_t size);
void *cli_realloc(void *ptr, size_t size);
char *cli_strdup(const char *text);

#endif
