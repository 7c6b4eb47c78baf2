/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_CLIENT_RUN_H
#define AH_TESTS_CLIENT_RUN_H

#include <stdbool.h>

#include <uv.h>

#include <ahttp/ahttp.h>

/*
 * A client on a loop of the test's own, and calls whose course is recorded.
 * client_run_close() checks that nothing is left: counters at zero, the loop
 * closed.
 */
typedef struct client_run {
  uv_loop_t loop;
  ahttp_client *client;
  unsigned calls_pending;
} client_run;

/* What a record does to its call on the way. */
typedef enum record_action {
  RECORD_NOTHING,
  RECORD_CANCEL_AT_HEAD,
  RECORD_CANCEL_AT_BODY,
  RECORD_PAUSE_AT_BODY, /* and resume when the test says so */
  RECORD_FAIL_AT_BODY   /* the handler returns 1 */
} record_action;

/* What happened to one call. */
typedef struct call_record {
  client_run *run;
  ahttp_call *call; /* NULL once done */
  unsigned informationals;
  unsigned heads;
  unsigned trailers;
  unsigned dones;
  int status;
  ahttp_version version;
  char *content; /* |content_len| bytes and a NUL */
  size_t content_len;
  size_t content_cap;
  char trailer[64]; /* value of the first trailer field */
  int code;         /* of the error; AHTTP_OK */
  ahttp_error error;
  ahttp_call_info info;
  uint64_t uploaded;

  record_action action;
} call_record;

/* |opts| may be NULL; its loop is set here.  Aborts the test if the client
 * cannot be made. */
void client_run_open(client_run *run, ahttp_client_opts *opts);

/* Starts a request and records it in |record|, which must be zero but for
 * |action| and stay until it is done. */
void client_run_start(client_run *run, call_record *record, const char *method,
                      const char *url, const ahttp_send_opts *opts);
void client_run_start_request(client_run *run, call_record *record,
                              ahttp_request *request,
                              const ahttp_send_opts *opts);

/* Turns the loop until every call is done. */
void client_run_wait(client_run *run);

/* client_run_start() of a GET, and client_run_wait(). */
void client_run_get(client_run *run, call_record *record, const char *url);

/* Turns the loop until |*flag| is true. */
void client_run_until(client_run *run, const bool *flag);

void call_record_clear(call_record *record);

/* Closes client and loop; fails the test if anything is left over. */
void client_run_close(client_run *run);

/* "SCHEME://127.0.0.1:PORT/PATH" in static storage, four at a time. */
const char *test_url(const char *scheme, uint16_t port, const char *path);

#endif
