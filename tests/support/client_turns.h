/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_CLIENT_TURNS_H
#define AH_TESTS_CLIENT_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/client_run.h"

/* More ways to set up, drive and look at a client_run. */

/* A client that trusts |ca_file| (NULL: the system's) and speaks what |http|
 * says. */
void client_run_open_for(client_run *run, const char *ca_file,
                         ahttp_http_policy http);

ahttp_client_stats client_run_stats(const client_run *run);

/* Turns the loop |count| times without waiting. */
void client_run_turn(client_run *run, unsigned count);

/* Turns the loop until |is_true| says so; the test fails after 20 s. */
void client_run_turn_until(client_run *run, bool (*is_true)(void *arg),
                           void *arg);

/* The same until the client has |count| connections. */
void client_run_until_conns(client_run *run, uint64_t count);

/* The same until |record| is done, whatever the other calls do. */
void client_run_until_done(client_run *run, call_record *record);

/* The same until |record| has got |len| bytes of content, or is done. */
void client_run_until_content(client_run *run, call_record *record, size_t len);

/* Starts |count| GETs of |url|, recorded in a new array for free(). */
call_record *client_run_start_many(client_run *run, const char *url,
                                   size_t count);

/* Checks that the call went well with |status| and |len| bytes of the pattern,
 * and clears |record|. */
void call_record_check_pattern(call_record *record, int status, size_t len);

/* Checks that each of the |count| calls ended well and was not reset or cut,
 * with |len| bytes of the pattern; clears and frees them. */
void call_records_check_pattern(call_record *records, size_t count, size_t len);

#endif
