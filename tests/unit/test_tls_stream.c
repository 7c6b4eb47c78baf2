/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/tls_profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "base/str.h"
#include "support/server_process.h"
#include "support/test_alloc.h"
#include "support/tls_peer.h"

/* What every test needs: an authority, a server it vouches for, and a client
 * that trusts it. */
static certificate ca;
static certificate leaf;
static char ca_file[400];
static SSL_CTX *server;
static SSL_CTX
    *forgetful_server; /* gives no tickets: all handshakes are full */
static ah_tls_profile *profile;

static int set_up(void **state)
{
  (void)state;
  certificate_init_ca(&ca, "CA of the stream tests");
  const certificate_opts opts = {
      .name = "server", .names = "DNS:a.example", .issuer = &ca};
  certificate_init(&leaf, &opts);
  (void)snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", server_dir());
  certificate_write(&ca, ca_file);
  const tls_server_opts server_opts = {.cert = &leaf, .alpn = "h2"};
  server = tls_server_new(&server_opts);
  forgetful_server = tls_server_new(&server_opts);
  assert_int_equal(SSL_CTX_set_num_tickets(forgetful_server, 0), 1);
  const ahttp_tls_opts tls_opts = {.size = sizeof(tls_opts),
                                   .ca_file = ca_file};
  assert_int_equal(ah_tls_profile_new(&profile, &tls_opts), AHTTP_OK);
  return 0;
}

static int tear_down(void **state)
{
  (void)state;
  ah_tls_profile_unref(profile);
  tls_server_free(forgetful_server);
  tls_server_free(server);
  certificate_clear(&leaf);
  certificate_clear(&ca);
  return 0;
}

/* A connection to |to| whose handshake has not begun to be answered. */
static void open_to(tls_peer *peer, SSL_CTX *to)
{
  ahttp_error err;
  ah_tls_stream_opts opts = tls_peer_opts("a.example");
  assert_int_equal(tls_peer_open(peer, to, profile, &opts, &err), AHTTP_OK);
}

/* A connection that is established. */
static void open_established(tls_peer *peer)
{
  open_to(peer, server);
  tls_peer_run(peer, SIZE_MAX);
  assert_int_equal(peer->client.opens, 1);
}

static void check_read(const tls_peer *peer, const void *data, size_t len)
{
  assert_int_equal(peer->client.read.len, len);
  assert_memory_equal(peer->client.read.data, data, len);
}

/* --- Handshake. ----------------------------------------------------------- */

static void handshake_tells_what_was_agreed(void **state)
{
  (void)state;
  tls_peer peer;
  open_to(&peer, server);
  assert_true(peer.below->sent.len > 0); /* the hello is sent at once */
  peer.below->info.remote_port = 99;
  tls_peer_run(&peer, SIZE_MAX);
  assert_int_equal(peer.client.opens, 1);
  assert_int_equal(peer.client.errors, 0);
  ah_stream_info info;
  memset(&info, 0, sizeof(info));
  peer.client.stream->ops->info(peer.client.stream, &info);
  assert_true(ah_str_eq(info.alpn, AH_STR("h2")));
  assert_string_equal(info.tls_version, "TLSv1.3");
  assert_non_null(info.tls_cipher);
  assert_int_equal(info.remote_port, 99); /* the layer below adds its part */
  tls_peer_close(&peer);
}

static void handshake_works_without_alpn(void **state)
{
  (void)state;
  const tls_server_opts server_opts = {.cert = &leaf,
                                       .version_max = TLS1_2_VERSION};
  SSL_CTX *plain = tls_server_new(&server_opts);
  tls_peer peer;
  ahttp_error err;
  ah_tls_stream_opts opts = tls_peer_opts("a.example");
  opts.offer_h2 = false;
  opts.offer_http1_1 = false;
  assert_int_equal(tls_peer_open(&peer, plain, profile, &opts, &err), AHTTP_OK);
  tls_peer_run(&peer, SIZE_MAX);
  ah_stream_info info;
  memset(&info, 0, sizeof(info));
  peer.client.stream->ops->info(peer.client.stream, &info);
  assert_int_equal(info.alpn.len, 0);
  assert_string_equal(info.tls_version, "TLSv1.2");
  tls_peer_close(&peer);
  tls_server_free(plain);
}

static void handshake_refuses_a_protocol_that_was_not_offered(void **state)
{
  (void)state;
  static const char *const chosen[] = {"h2", "spdy/1"};
  for (size_t i = 0; i < 2; i++) {
    const tls_server_opts server_opts = {.cert = &leaf, .alpn = chosen[i]};
    SSL_CTX *odd = tls_server_new(&server_opts);
    tls_peer peer;
    ahttp_error err;
    ah_tls_stream_opts opts = tls_peer_opts("a.example");
    opts.offer_h2 = false;
    assert_int_equal(tls_peer_open(&peer, odd, profile, &opts, &err), AHTTP_OK);
    tls_peer_run(&peer, SIZE_MAX);
    assert_int_equal(peer.client.opens, 0);
    assert_int_equal(peer.client.errors, 1);
    assert_int_equal(peer.client.error.code, AHTTP_ETLS);
    tls_peer_close(&peer);
    tls_server_free(odd);
  }
}

static void handshake_works_byte_by_byte(void **state)
{
  (void)state;
  tls_peer peer;
  open_to(&peer, server);
  tls_peer_run(&peer, 1);
  assert_int_equal(peer.client.opens, 1);
  tls_peer_write(&peer, "hello", 5);
  tls_peer_run(&peer, 1);
  check_read(&peer, "hello", 5);
  tls_peer_close(&peer);
}

/* A connection whose server has answered; how long its answer is, which varies
 * a little with the signature. */
static size_t open_answered(tls_peer *peer)
{
  open_to(peer, forgetful_server);
  tls_peer_take(peer);
  return BIO_ctrl_pending(SSL_get_wbio(peer->ssl));
}

static void handshake_works_at_every_split(void **state)
{
  (void)state;
  size_t len = SIZE_MAX;
  size_t split = 1;
  while (split < len) {
    tls_peer peer;
    len = open_answered(&peer);
    (void)tls_peer_give(&peer, split, SIZE_MAX);
    tls_peer_turn(&peer);
    tls_peer_run(&peer, SIZE_MAX);
    assert_int_equal(peer.client.opens, 1);
    tls_peer_close(&peer);
    split++;
  }
  assert_true(split > 500);
}

static void handshake_ends_with_the_first_write_of_its_turn(void **state)
{
  (void)state;
  tls_peer peer;
  (void)open_answered(&peer);
  unsigned flushes = peer.below->flushes;
  (void)tls_peer_give(&peer, SIZE_MAX, SIZE_MAX);
  assert_int_equal(peer.client.opens, 1);
  assert_int_equal(peer.below->flushes, flushes);
  tls_peer_send(&peer, "hello", 5);
  assert_int_equal(peer.below->flushes, flushes + 1);
  tls_peer_turn(&peer);
  assert_int_equal(peer.below->flushes, flushes + 1);
  tls_peer_close(&peer);
}

static void handshake_ends_with_its_turn_if_nothing_is_written(void **state)
{
  (void)state;
  tls_peer peer;
  (void)open_answered(&peer);
  unsigned flushes = peer.below->flushes;
  (void)tls_peer_give(&peer, SIZE_MAX, SIZE_MAX);
  tls_peer_turn(&peer);
  assert_int_equal(peer.below->flushes, flushes + 1);
  tls_peer_close(&peer);
}

static void handshake_waits_while_paused(void **state)
{
  (void)state;
  tls_peer peer;
  open_to(&peer, server);
  ah_stream *stream = peer.client.stream;
  stream->ops->pause(stream);
  assert_true(peer.below->paused);
  tls_peer_run(&peer, SIZE_MAX);
  assert_int_equal(peer.client.opens, 0);
  stream->ops->resume(stream);
  assert_int_equal(peer.client.opens, 0); /* never from within */
  tls_peer_run(&peer, SIZE_MAX);
  assert_int_equal(peer.client.opens, 1);
  tls_peer_close(&peer);
}

static void handshake_failure_names_the_alert(void **state)
{
  (void)state;
  /* A server that wants what this client cannot do. */
  const tls_server_opts server_opts = {.cert = &leaf,
                                       .version_max = TLS1_2_VERSION};
  SSL_CTX *picky = tls_server_new(&server_opts);
  assert_int_equal(SSL_CTX_set_cipher_list(picky, "ECDHE-RSA-AES128-SHA"), 1);
  tls_peer peer;
  open_to(&peer, picky);
  tls_peer_run(&peer, SIZE_MAX);
  assert_int_equal(peer.client.errors, 1);
  assert_int_equal(peer.client.error.code, AHTTP_ETLS);
  assert_int_equal(peer.client.error.phase, AHTTP_PHASE_TLS);
  assert_int_equal(peer.client.error.domain, AHTTP_DOMAIN_TLS);
  assert_string_equal(
      peer.client.error.text,
      "the TLS handshake failed: the server sent the alert \"handshake "
      "failure\": nothing in common to negotiate, or it wants a client "
      "certificate");
  assert_int_equal(ERR_peek_error(), 0);
  tls_peer_close(&peer);
  tls_server_free(picky);
}

static void handshake_refuses_tls_1_1(void **state)
{
  (void)state;
  const tls_server_opts server_opts = {.cert = &leaf,
                                       .version_max = TLS1_1_VERSION};
  SSL_CTX *old = tls_server_new(&server_opts);
  tls_peer peer;
  open_to(&peer, old);
  tls_peer_run(&peer, SIZE_MAX);
  assert_int_equal(peer.client.opens, 0);
  assert_int_equal(peer.client.error.code, AHTTP_ETLS);
  tls_peer_close(&peer);
  tls_server_free(old);
}

static void handshake_with_a_plain_server_says_so(void **state)
{
  (void)state;
  tls_peer peer;
  open_to(&peer, NULL);
  fake_stream_feed_text(peer.below, "HTTP/1.1 400 Bad Request\r\n\r\n");
  assert_int_equal(peer.client.errors, 1);
  assert_int_equal(peer.client.error.code, AHTTP_ETLS);
  assert_non_null(strstr(peer.client.error.text, "does not speak TLS"));
  tls_peer_close(&peer);
}

static void handshake_cut_off_is_an_error_at_every_byte(void **state)
{
  (void)state;
  size_t cut = 0;
  tls_peer peer;
  size_t len = open_answered(&peer);
  while (cut < len) {
    (void)tls_peer_give(&peer, cut, SIZE_MAX);
    fake_stream_feed_end(peer.below, true);
    assert_int_equal(peer.client.errors, 1);
    assert_int_equal(peer.client.error.code, AHTTP_ETLS);
    assert_non_null(strstr(peer.client.error.text, "closed the connection"));
    tls_peer_close(&peer);
    len = open_answered(&peer);
    cut++;
  }
  tls_peer_close(&peer);
  assert_true(cut > 500);
}

static void handshake_reset_keeps_the_native_error(void **state)
{
  (void)state;
  tls_peer peer;
  open_to(&peer, server);
  fake_stream_break(peer.below, AHTTP_EREAD);
  assert_int_equal(peer.client.errors, 1);
  assert_int_equal(peer.client.error.code, AHTTP_ETLS);
  assert_int_equal(peer.client.error.phase, AHTTP_PHASE_TLS);
  assert_non_null(strstr(peer.client.error.text, "could not read"));
  tls_peer_close(&peer);
}

/* --- Reading. ------------------------------------------------------------- */

static void data_arrives_whatever_the_slices(void **state)
{
  (void)state;
  static const size_t steps[] = {7, 1448, 16384, 65536, SIZE_MAX};
  const size_t len = 300000;
  for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
    tls_peer peer;
    open_established(&peer);
    tls_peer_write(&peer, tls_peer_bytes(), len);
    tls_peer_run(&peer, steps[i]);
    check_read(&peer, tls_peer_bytes(), len);
    assert_false(peer.below->paused);
    tls_peer_close(&peer);
  }
}

static void records_of_one_slice_are_delivered_together(void **state)
{
  (void)state;
  tls_peer peer;
  open_established(&peer);
  for (int i = 0; i < 20; i++) {
    tls_peer_write(&peer, "0123456789", 10);
  }
  tls_peer_run(&peer, SIZE_MAX);
  assert_int_equal(peer.client.read.len, 200);
  assert_int_equal(peer.client.reads, 1);
  tls_peer_close(&peer);
}

static void pause_keeps_the_rest_and_resume_replays_it(void **state)
{
  (void)state;
  const size_t len = 400000;
  tls_peer peer;
  open_established(&peer);
  ah_stream *stream = peer.client.stream;
  peer.client.pause_at = 1; /* at every read */
  tls_peer_write(&peer, tls_peer_bytes(), len);
  (void)tls_peer_give(&peer, SIZE_MAX, 200000);
  assert_true(peer.below->paused);
  unsigned rounds = 0;
  while (peer.client.read.len < len) {
    size_t before = peer.client.read.len;
    assert_true(before <= (size_t)(rounds + 1) * AH_LOOP_READ_BYTES);
    tls_peer_turn(&peer);
    assert_int_equal(peer.client.read.len, before); /* paused is paused */
    peer.client.calling = true;
    stream->ops->resume(stream); /* never from within */
    peer.client.calling = false;
    assert_int_equal(peer.client.read.len, before);
    tls_peer_turn(&peer);
    tls_peer_turn(&peer);
    assert_true(peer.client.read.len > before);
    rounds++;
    assert_true(rounds < 50);
  }
  assert_true(rounds >= 5);
  check_read(&peer, tls_peer_bytes(), len);
  /* With nothing left over the stream below goes on. */
  stream->ops->resume(stream);
  tls_peer_turn(&peer);
  assert_false(peer.below->paused);
  tls_peer_close(&peer);
}

static void pause_after_resume_stays_paused(void **state)
{
  (void)state;
  tls_peer peer;
  open_established(&peer);
  ah_stream *stream = peer.client.stream;
  peer.client.pause_at = 1;
  tls_peer_write(&peer, tls_peer_bytes(), 200000);
  (void)tls_peer_give(&peer, SIZE_MAX, SIZE_MAX);
  size_t before = peer.client.read.len;
  assert_true(before < 200000);
  stream->ops->resume(stream);
  stream->ops->pause(stream);
  tls_peer_turn(&peer);
  assert_int_equal(peer.client.read.len, before);
  assert_true(peer.below->paused);
  peer.client.pause_at = 0;
  stream->ops->resume(stream);
  tls_peer_run(&peer, SIZE_MAX);
  check_read(&peer, tls_peer_bytes(), 200000);
  tls_peer_close(&peer);
}

static void close_notify_is_a_clean_end(void **state)
{
  (void)state;
  tls_peer peer;
  open_established(&peer);
  tls_peer_write(&peer, "bye", 3);
  assert_int_equal(SSL_shutdown(peer.ssl), 0);
  tls_peer_run(&peer, SIZE_MAX);
  check_read(&peer, "bye", 3);
  assert_int_equal(peer.client.ends, 1);
  assert_true(peer.client.clean);
  fake_stream_feed_end(peer.below, true); /* told once */
  assert_int_equal(peer.client.ends, 1);
  /* The other direction is open still. */
  tls_peer_send(&peer, "more", 4);
  tls_peer_take(&peer);
  assert_string_equal(peer.received.data, "more");
  tls_peer_close(&peer);
}

static void end_without_close_notify_is_not_clean(void **state)
{
  (void)state;
  for (size_t missing = 0; missing <= 26; missing += 13) {
    tls_peer peer;
    open_established(&peer);
    tls_peer_write(&peer, "half", 4);
    tls_peer_write(&peer, "lost", 4);
    size_t pending = BIO_ctrl_pending(SSL_get_wbio(peer.ssl));
    (void)tls_peer_give(&peer, pending - missing, SIZE_MAX);
    fake_stream_feed_end(peer.below, true);
    assert_int_equal(peer.client.ends, 1);
    assert_false(peer.client.clean);
    check_read(&peer, "halflost", missing == 0 ? 8 : 4);
    assert_int_equal(ERR_peek_error(), 0);
    tls_peer_close(&peer);
  }
}

static void end_waits_for_a_paused_sink(void **state)
{
  (void)state;
  tls_peer peer;
  open_established(&peer);
  peer.client.pause_at = 1;
  tls_peer_write(&peer, tls_peer_bytes(), 100000);
  assert_int_equal(SSL_shutdown(peer.ssl), 0);
  (void)tls_peer_give(&peer, SIZE_MAX, SIZE_MAX);
  tls_peer_turn(&peer);
  assert_int_equal(peer.client.ends, 0);
  while (peer.client.ends == 0) {
    assert_true(peer.client.read.len <= 100000);
    peer.client.stream->ops->resume(peer.client.stream);
    tls_peer_turn(&peer);
  }
  check_read(&peer, tls_peer_bytes(), 100000);
  assert_true(peer.client.clean);
  tls_peer_close(&peer);
}

static void end_in_the_last_slice_waits_as_well(void **state)
{
  (void)state;
  tls_peer peer;
  open_established(&peer);
  peer.client.pause_at = 1;
  tls_peer_write(&peer, "bye", 3);
  assert_int_equal(SSL_shutdown(peer.ssl), 0);
  (void)tls_peer_give(&peer, SIZE_MAX, SIZE_MAX);
  tls_peer_turn(&peer);
  check_read(&peer, "bye", 3);
  assert_int_equal(peer.client.ends, 0);
  peer.client.calling = true;
  peer.client.stream->ops->resume(peer.client.stream);
  peer.client.calling = false;
  tls_peer_turn(&peer);
  assert_int_equal(peer.client.ends, 1);
  tls_peer_close(&peer);
}

static void bytes_after_the_end_are_ignored(void **state)
{
  (void)state;
  tls_peer peer;
  open_established(&peer);
  peer.client.pause_at = 1;
  char goodbye[256];
  tls_peer_write(&peer, tls_peer_bytes(), AH_LOOP_READ_BYTES);
  (void)tls_peer_give(&peer, SIZE_MAX, SIZE_MAX); /* paused from here */
  assert_int_equal(SSL_shutdown(peer.ssl), 0);
  int len = BIO_read(SSL_get_wbio(peer.ssl), goodbye, 200);
  assert_true(len > 0);
  memcpy(goodbye + len, "noise", 5);
  fake_stream_feed(peer.below, goodbye, (size_t)len + 5);
  peer.client.stream->ops->resume(peer.client.stream);
  tls_peer_turn(&peer);
  assert_int_equal(peer.client.ends, 1);
  assert_true(peer.client.clean);
  fake_stream_feed_text(peer.below, "more noise");
  check_read(&peer, tls_peer_bytes(), AH_LOOP_READ_BYTES);
  /* Trouble with what is being sent is told still. */
  fake_stream_break(peer.below, AHTTP_EWRITE);
  assert_int_equal(peer.client.errors, 1);
  tls_peer_close(&peer);
}

static void bad_record_is_an_error_after_the_good_ones(void **state)
{
  (void)state;
  tls_peer peer;
  open_established(&peer);
  tls_peer_write(&peer, "good", 4);
  char record[256];
  BIO *out = SSL_get_wbio(peer.ssl);
  int good = (int)BIO_ctrl_pending(out);
  tls_peer_write(&peer, "evil", 4);
  int len = BIO_read(out, record, sizeof(record));
  assert_true(len > good);
  record[good + 8] = (char)(record[good + 8] ^ 1);
  fake_stream_feed(peer.below, record, (size_t)len);
  check_read(&peer, "good", 4);
  assert_int_equal(peer.client.errors, 1);
  assert_int_equal(peer.client.error.code, AHTTP_ETLS);
  assert_int_equal(peer.client.error.phase, AHTTP_PHASE_RECEIVE);
  assert_int_equal(ERR_peek_error(), 0);
  assert_true(peer.below->sent.len > 0); /* our alert went out */
  tls_peer_close(&peer);
}

static void error_below_is_passed_on(void **state)
{
  (void)state;
  tls_peer peer;
  open_established(&peer);
  fake_stream_break(peer.below, AHTTP_EREAD);
  assert_int_equal(peer.client.errors, 1);
  assert_int_equal(peer.client.error.code, AHTTP_EREAD);
  tls_peer_close(&peer);
}

static void key_updates_without_end_are_refused(void **state)
{
  (void)state;
  tls_peer peer;
  open_established(&peer);
  int updates = 0;
  while (peer.client.errors == 0 && updates < 10000) {
    assert_int_equal(SSL_key_update(peer.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    tls_peer_write(&peer, "x", 1);
    (void)tls_peer_give(&peer, SIZE_MAX, SIZE_MAX);
    fake_stream_forget_sent(peer.below);
    updates++;
  }
  assert_int_equal(peer.client.errors, 1);
  assert_int_equal(peer.client.error.code, AHTTP_ELIMIT);
  assert_true(updates > 1000);
  tls_peer_close(&peer);
}

static void key_update_is_answered(void **state)
{
  (void)state;
  tls_peer peer;
  open_established(&peer);
  assert_int_equal(SSL_key_update(peer.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
  tls_peer_write(&peer, "new", 3);
  tls_peer_run(&peer, SIZE_MAX);
  tls_peer_send(&peer, "keys", 4);
  tls_peer_run(&peer, SIZE_MAX);
  check_read(&peer, "new", 3);
  assert_string_equal(peer.received.data, "keys");
  tls_peer_close(&peer);
}

/* --- Writing. ------------------------------------------------------------- */

static void writes_of_a_turn_share_one_record_and_one_flush(void **state)
{
  (void)state;
  tls_peer peer;
  open_established(&peer);
  ah_stream *stream = peer.client.stream;
  unsigned flushes = peer.below->flushes;
  for (int i = 0; i < 100; i++) {
    assert_int_equal(ah_stream_write(stream, "0123456789", 10), AHTTP_OK);
  }
  assert_int_equal(stream->ops->queued(stream), 1000);
  assert_int_equal(peer.below->flushes, flushes);
  assert_int_equal(peer.below->sent.len, 0);
  stream->ops->flush(stream);
  assert_int_equal(stream->ops->queued(stream), 0);
  assert_int_equal(peer.below->flushes, flushes + 1);
  assert_true(peer.below->sent.len < 1000 + 50); /* one record's overhead */
  tls_peer_take(&peer);
  assert_int_equal(peer.received.len, 1000);
  tls_peer_close(&peer);
}

static void large_writes_arrive_in_full_records(void **state)
{
  (void)state;
  tls_peer peer;
  open_established(&peer);
  unsigned flushes = peer.below->flushes;
  tls_peer_send(&peer, tls_peer_bytes(), TLS_PEER_BYTES_MAX);
  assert_int_equal(peer.below->flushes, flushes + 1);
  /* 64 records of 16 KiB, each with 22 bytes around it. */
  assert_int_equal(peer.below->sent.len, TLS_PEER_BYTES_MAX + 64 * 22);
  tls_peer_take(&peer);
  assert_int_equal(peer.received.len, TLS_PEER_BYTES_MAX);
  assert_memory_equal(peer.received.data, tls_peer_bytes(), TLS_PEER_BYTES_MAX);
  tls_peer_close(&peer);
}

static void what_the_kernel_does_not_take_drains_later(void **state)
{
  (void)state;
  tls_peer peer;
  open_established(&peer);
  ah_stream *stream = peer.client.stream;
  peer.below->room = 100;
  tls_peer_send(&peer, tls_peer_bytes(), 50000);
  assert_true(stream->ops->queued(stream) > 49000);
  assert_int_equal(peer.client.drains, 0);
  (void)fake_stream_drain(peer.below, SIZE_MAX);
  assert_int_equal(peer.client.drains, 1);
  assert_int_equal(stream->ops->queued(stream), 0);
  tls_peer_take(&peer);
  assert_int_equal(peer.received.len, 50000);
  tls_peer_close(&peer);
}

static void failure_while_writing_is_told_from_the_loop(void **state)
{
  (void)state;
  tls_peer peer;
  open_established(&peer);
  ah_stream *stream = peer.client.stream;
  peer.below->fail_nth = peer.below->operations + 2; /* a reserve() below */
  peer.client.calling = true;
  assert_int_equal(ah_stream_write(stream, tls_peer_bytes(), 100000), AHTTP_OK);
  stream->ops->flush(stream);
  assert_int_equal(ah_stream_write(stream, tls_peer_bytes(), 100000), AHTTP_OK);
  stream->ops->flush(stream);
  peer.client.calling = false;
  assert_int_equal(peer.client.errors, 0);
  tls_peer_turn(&peer);
  assert_int_equal(peer.client.errors, 1);
  assert_int_equal(peer.client.error.code, AHTTP_ENOMEM);
  tls_peer_close(&peer);
}

static void broken_stream_is_not_flushed_any_more(void **state)
{
  (void)state;
  tls_peer peer;
  open_established(&peer);
  ah_stream *stream = peer.client.stream;
  /* More than one chunk: the first is below and not flushed. */
  assert_int_equal(ah_stream_write(stream, tls_peer_bytes(), 100000), AHTTP_OK);
  assert_true(peer.below->queued.len > 0);
  fake_stream_break(peer.below, AHTTP_EWRITE);
  assert_int_equal(peer.client.error.code, AHTTP_EWRITE);
  stream->ops->flush(stream);
  tls_peer_close(&peer); /* the fake stream checks what it is asked to do */
}

/* --- Closing. ------------------------------------------------------------- */

static void close_says_goodbye(void **state)
{
  (void)state;
  tls_peer peer;
  open_established(&peer);
  tls_peer_send(&peer, "last words", 10);
  peer.client.stream->ops->close(peer.client.stream);
  peer.client.stream = NULL;
  tls_peer_take(&peer);
  assert_string_equal(peer.received.data, "last words");
  assert_true(peer.client_closed);
  tls_peer_close(&peer);
}

static void close_during_the_handshake_is_silent(void **state)
{
  (void)state;
  tls_peer peer;
  open_to(&peer, server);
  size_t sent = peer.below->sent.len;
  peer.client.stream->ops->close(peer.client.stream);
  peer.client.stream = NULL;
  assert_int_equal(peer.below->sent.len, sent);
  assert_true(peer.below->closed);
  tls_peer_close(&peer);
}

static void stream_may_be_closed_in_every_callback(void **state)
{
  (void)state;
  static const tls_close_at places[] = {CLOSE_AT_OPEN, CLOSE_AT_READ,
                                        CLOSE_AT_END};
  for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
    tls_peer peer;
    open_to(&peer, server);
    peer.client.close_at = places[i];
    tls_peer_run(&peer, SIZE_MAX);
    if (peer.client.stream != NULL) {
      tls_peer_write(&peer, tls_peer_bytes(), 200000);
      assert_int_equal(SSL_shutdown(peer.ssl), 0);
      (void)tls_peer_give(&peer, SIZE_MAX, SIZE_MAX);
    }
    assert_null(peer.client.stream);
    tls_peer_close(&peer);
  }
  tls_peer peer;
  open_to(&peer, server);
  peer.client.close_at = CLOSE_AT_ERROR;
  fake_stream_break(peer.below, AHTTP_EREAD);
  assert_null(peer.client.stream);
  tls_peer_close(&peer);
}

/* Lets bytes go between the inner server and the client, as the outer
 * connection's data, until nothing moves. */
static void run_inner(tls_peer *outer, SSL *inner)
{
  bool moved = true;
  while (moved) {
    tls_peer_take(outer);
    int len = (int)outer->received.len;
    moved = len > 0;
    if (moved) {
      assert_int_equal(
          BIO_write(SSL_get_rbio(inner), outer->received.data, len), len);
      fake_bytes_drop(&outer->received, (size_t)len);
    }
    (void)SSL_do_handshake(inner);
    ERR_clear_error();
    char *out = NULL;
    long pending = BIO_get_mem_data(SSL_get_wbio(inner), &out);
    if (pending > 0) {
      moved = true;
      tls_peer_write(outer, out, (size_t)pending);
      (void)BIO_reset(SSL_get_wbio(inner));
    }
    (void)tls_peer_give(outer, SIZE_MAX, SIZE_MAX);
    tls_peer_turn(outer);
  }
}

static void tls_runs_inside_tls(void **state)
{
  (void)state;
  tls_peer outer;
  open_established(&outer);
  SSL *inner = tls_server_accept(server);
  tls_record record = {.stream = NULL};
  fake_bytes_append(&record.read, "", 0);
  ah_tls_stream_opts opts = tls_peer_opts("a.example");
  ah_stream *stream = NULL;
  ahttp_error err;
  assert_int_equal(
      ah_tls_stream_new(&stream, outer.client.stream, profile, &opts, &err),
      AHTTP_OK);
  outer.client.stream = NULL; /* the inner one's */
  tls_record_adopt(&record, stream);
  run_inner(&outer, inner);
  assert_int_equal(record.opens, 1);
  size_t put = 0;
  assert_int_equal(SSL_write_ex(inner, tls_peer_bytes(), 300000, &put), 1);
  run_inner(&outer, inner);
  assert_int_equal(record.read.len, 300000);
  assert_memory_equal(record.read.data, tls_peer_bytes(), 300000);
  stream->ops->close(stream);
  tls_peer_close(&outer);
  fake_bytes_clear(&record.read);
  SSL_free(inner);
}

/* --- Memory. -------------------------------------------------------------- */

/* A whole life with data both ways; what comes of it. */
static int live_once(void *arg)
{
  (void)arg;
  ah_tls_profile *own = NULL;
  const ahttp_tls_opts tls_opts = {.size = sizeof(tls_opts),
                                   .ca_file = ca_file};
  int rv = ah_tls_profile_new(&own, &tls_opts);
  if (rv != AHTTP_OK) {
    return rv;
  }
  tls_peer peer;
  ahttp_error err;
  ah_tls_stream_opts opts = tls_peer_opts("a.example");
  rv = tls_peer_open(&peer, server, own, &opts, &err);
  if (rv == AHTTP_OK) {
    peer.client.pause_at = 1;
    tls_peer_run(&peer, SIZE_MAX);
    assert_int_equal(peer.client.opens, 1);
    rv = ah_stream_write(peer.client.stream, "x", 1);
  }
  if (rv == AHTTP_OK) {
    peer.client.stream->ops->flush(peer.client.stream);
    tls_peer_write(&peer, tls_peer_bytes(), 200000);
    (void)tls_peer_give(&peer, SIZE_MAX, 100000);
    tls_peer_turn(&peer);
    rv = peer.client.errors == 0 ? AHTTP_OK : peer.client.error.code;
  }
  tls_peer_close(&peer);
  ah_tls_profile_unref(own);
  return rv;
}

/* Sessions that are not kept for want of memory are no error, so this does not
 * expect one of every allocation. */
static void every_allocation_may_fail(void **state)
{
  (void)state;
  test_alloc_install();
  assert_int_equal(live_once(NULL), AHTTP_OK);
  int total = test_alloc_count();
  assert_true(total > 5);
  int failed = 0;
  for (int nth = 1; nth <= total; nth++) {
    test_alloc_fail_nth(nth);
    int rv = live_once(NULL);
    assert_true(rv == AHTTP_OK || rv == AHTTP_ENOMEM);
    failed += rv != AHTTP_OK;
    assert_int_equal(test_alloc_live(), 0);
  }
  assert_true(failed >= total / 2);
  test_alloc_fail_nth(0);
  test_alloc_remove();
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(handshake_tells_what_was_agreed),
      cmocka_unit_test(handshake_works_without_alpn),
      cmocka_unit_test(handshake_refuses_a_protocol_that_was_not_offered),
      cmocka_unit_test(handshake_works_byte_by_byte),
      cmocka_unit_test(handshake_works_at_every_split),
      cmocka_unit_test(handshake_ends_with_the_first_write_of_its_turn),
      cmocka_unit_test(handshake_ends_with_its_turn_if_nothing_is_written),
      cmocka_unit_test(handshake_waits_while_paused),
      cmocka_unit_test(handshake_failure_names_the_alert),
      cmocka_unit_test(handshake_refuses_tls_1_1),
      cmocka_unit_test(handshake_with_a_plain_server_says_so),
      cmocka_unit_test(handshake_cut_off_is_an_error_at_every_byte),
      cmocka_unit_test(handshake_reset_keeps_the_native_error),
      cmocka_unit_test(data_arrives_whatever_the_slices),
      cmocka_unit_test(records_of_one_slice_are_delivered_together),
      cmocka_unit_test(pause_keeps_the_rest_and_resume_replays_it),
      cmocka_unit_test(pause_after_resume_stays_paused),
      cmocka_unit_test(close_notify_is_a_clean_end),
      cmocka_unit_test(end_without_close_notify_is_not_clean),
      cmocka_unit_test(end_waits_for_a_paused_sink),
      cmocka_unit_test(end_in_the_last_slice_waits_as_well),
      cmocka_unit_test(bytes_after_the_end_are_ignored),
      cmocka_unit_test(bad_record_is_an_error_after_the_good_ones),
      cmocka_unit_test(error_below_is_passed_on),
      cmocka_unit_test(key_updates_without_end_are_refused),
      cmocka_unit_test(key_update_is_answered),
      cmocka_unit_test(writes_of_a_turn_share_one_record_and_one_flush),
      cmocka_unit_test(large_writes_arrive_in_full_records),
      cmocka_unit_test(what_the_kernel_does_not_take_drains_later),
      cmocka_unit_test(failure_while_writing_is_told_from_the_loop),
      cmocka_unit_test(broken_stream_is_not_flushed_any_more),
      cmocka_unit_test(close_says_goodbye),
      cmocka_unit_test(close_during_the_handshake_is_silent),
      cmocka_unit_test(stream_may_be_closed_in_every_callback),
      cmocka_unit_test(tls_runs_inside_tls),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
