/* SPDX-License-Identifier: MIT */
/* The whole library over HTTP/1.1 against a server that answers an upload
 * before it has read it (RFC 9112, section 9.3). */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/client_run.h"
#include "support/client_turns.h"
#include "support/listener.h"
#include "support/pattern.h"

enum {
  /* More than socket buffers hold. */
  UPLOAD_BYTES = 30000000
};

/* What the server does after its answer. */
typedef enum manners {
  FINISHES, /* ends its side, reads on */
  HANGS_UP, /* closes without having read: a reset may overtake the answer */
  READS_ON, /* keeps the connection, reads on */
  READS_NO_MORE /* keeps the connection, lets the upload stand */
} manners;

typedef struct early_server {
  const char *answer;
  manners manners;
} early_server;

#define TOO_LARGE \
  "HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\r\nlarge"
#define TOO_LARGE_CLOSE                                     \
  "HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n" \
  "Connection: close\r\n\r\nlarge"
#define FINE "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlarge"

static void early_serve(listener *from, int fd, unsigned index, void *user_data)
{
  const early_server *server = user_data;
  char block[16384];
  (void)index;
  if (listener_read(from, fd, block, sizeof(block)) == 0) {
    return;
  }
  (void)listener_send(from, fd, server->answer, strlen(server->answer));
  switch (server->manners) {
  case FINISHES:
    listener_finish(from, fd);
    break;
  case HANGS_UP:
    break;
  case READS_ON:
    while (listener_read(from, fd, block, sizeof(block)) > 0) {
    }
    break;
  case READS_NO_MORE:
    listener_hold(from);
    break;
  }
}

static void upload(client_run *run, call_record *record, uint16_t port,
                   bool is_known)
{
  pattern_source source;
  const ahttp_content_source content =
      pattern_content(&source, UPLOAD_BYTES, is_known);
  ahttp_request *request;
  assert_int_equal(
      ahttp_request_new(&request, "POST", test_url("http", port, "/")),
      AHTTP_OK);
  assert_int_equal(ahttp_request_set_content_source(request, &content),
                   AHTTP_OK);
  client_run_start_request(run, record, request, NULL);
  ahttp_request_free(request);
  client_run_wait(run);
}

/* The answer counts, and the rest of the upload is not sent; the connection,
 * which is in the middle of it, cannot be used again. */
static void check_refusal(const char *answer, manners after, bool is_known)
{
  early_server server = {answer, after};
  const listener_opts opts = {.serve = early_serve, .user_data = &server};
  listener *from = listener_start(&opts);
  client_run run;
  client_run_open(&run, NULL);
  call_record record = {0};
  upload(&run, &record, listener_port(from), is_known);
  if (after != HANGS_UP || record.code == AHTTP_OK) {
    assert_string_equal(record.error.text, "");
    assert_int_equal(record.status, 413);
    assert_string_equal(record.content, "large");
  } else {
    assert_true(record.code == AHTTP_EREAD || record.code == AHTTP_EWRITE ||
                record.code == AHTTP_ETRUNCATED);
  }
  assert_true(record.uploaded < UPLOAD_BYTES);
  assert_int_equal(record.info.attempts, 1);
  call_record_clear(&record);
  client_run_until_conns(&run, 0);
  client_run_close(&run);
  listener_stop(from);
}

static void refused_upload_is_answered(void **state)
{
  (void)state;
  for (int after = FINISHES; after <= READS_NO_MORE; after++) {
    for (int is_known = 0; is_known < 2; is_known++) {
      check_refusal(TOO_LARGE, (manners)after, is_known != 0);
      check_refusal(TOO_LARGE_CLOSE, (manners)after, is_known != 0);
    }
  }
}

/* A server that says yes may want the rest: the upload ends, or the server ends
 * it, before the call is over, and the answer counts either way. */
static void early_success_counts(void **state)
{
  (void)state;
  static const manners ways[] = {FINISHES, READS_ON};
  for (int i = 0; i < 4; i++) {
    early_server server = {FINE, ways[i % 2]};
    const listener_opts opts = {.serve = early_serve, .user_data = &server};
    listener *from = listener_start(&opts);
    client_run run;
    client_run_open(&run, NULL);
    call_record record = {0};
    upload(&run, &record, listener_port(from), i < 2);
    assert_string_equal(record.error.text, "");
    assert_int_equal(record.status, 200);
    assert_string_equal(record.content, "large");
    call_record_clear(&record);
    client_run_close(&run);
    listener_stop(from);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refused_upload_is_answered),
      cmocka_unit_test(early_success_counts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
