/* SPDX-License-Identifier: MIT */
#ifndef TEST_ALLOC_H
#define TEST_ALLOC_H

/*
 * An allocator that counts what the library asks for and what it gave back,
 * and that fails when told to.  Works from any thread.
 */

/* Puts it in force, with all counts at 0 and nothing failing. */
void test_alloc_install(void);

/* Restores the C library's.  Fails the test if blocks are still live. */
void test_alloc_remove(void);

/* Starts counting again and fails the |nth| request from here, once; 0: none.
 */
void test_alloc_fail_nth(int nth);

/* The same, and every one after it fails too. */
void test_alloc_fail_from(int nth);

/* Requests (malloc and realloc) since test_alloc_install or _fail_nth. */
int test_alloc_count(void);

/* Blocks that were given out and not freed. */
int test_alloc_live(void);

/*
 * Runs |run|, which allocates, frees all it made and returns a code: first
 * undisturbed, expecting AHTTP_OK, then once for every allocation it made with
 * that one failing, expecting AHTTP_ENOMEM; no run may leave a block live.
 * Installs and removes the allocator.
 */
void test_alloc_fail_each(int (*run)(void *arg), void *arg);

#endif
