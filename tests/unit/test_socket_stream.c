/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "net/address.h"
#include "net/stream.h"
#include "support/test_alloc.h"

typedef enum pair_kind {
  PAIR_UNIX,
  PAIR_TCP,
  PAIR_NAGLE /* TCP without TCP_NODELAY */
} pair_kind;

/* A stream and the other end of its socket, which is not blocking.  SIGPIPE has
 * its default action: a write that raised it would end the test. */
typedef struct fixture {
  ah_loop *loop;
  uv_loop_t *uv;
  ah_stream *stream; /* NULL once it is closed */
  int fd;            /* its descriptor */
  int peer;          /* -1 once it is closed */
  int fd_count;

  /* What the sink was told. */
  uint8_t *read; /* |read_len| bytes */
  size_t read_len;
  size_t read_max; /* the longest single read */
  unsigned reads;
  unsigned ends;
  unsigned errors;
  unsigned drains;
  ahttp_error err;

  /* What the sink does. */
  bool keep;         /* the bytes, in |read| */
  unsigned pause_at; /* at this read, from 1 */
  unsigned close_at; /* the same */
  bool close_on_end; /* and so on */
  bool close_on_error;
  bool close_on_drain;
} fixture;

static void stream_close(fixture *fix)
{
  ah_stream *stream = fix->stream;
  fix->stream = NULL;
  stream->ops->close(stream);
}

static void sink_on_open(void *owner)
{
  (void)owner;
  fail_msg("sockets do not open");
}

static void sink_on_read(void *owner, const uint8_t *data, size_t len)
{
  fixture *fix = owner;
  assert_true(len > 0);
  assert_int_equal(fix->ends + fix->errors, 0);
  if (fix->keep) {
    fix->read = realloc(fix->read, fix->read_len + len);
    assert_non_null(fix->read);
    memcpy(fix->read + fix->read_len, data, len);
  }
  fix->read_len += len;
  fix->read_max = len > fix->read_max ? len : fix->read_max;
  fix->reads++;
  if (fix->reads == fix->pause_at) {
    fix->stream->ops->pause(fix->stream);
  }
  if (fix->reads == fix->close_at) {
    stream_close(fix);
  }
}

static void sink_on_end(void *owner, bool clean)
{
  fixture *fix = owner;
  assert_true(clean);
  assert_int_equal(fix->ends + fix->errors, 0);
  fix->ends++;
  if (fix->close_on_end) {
    stream_close(fix);
  }
}

static void sink_on_error(void *owner, const ahttp_error *err)
{
  fixture *fix = owner;
  assert_int_equal(fix->errors, 0);
  fix->errors++;
  fix->err = *err;
  if (fix->close_on_error) {
    stream_close(fix);
  }
}

static void sink_on_drain(void *owner)
{
  fixture *fix = owner;
  assert_int_equal(fix->errors, 0);
  assert_int_equal(fix->stream->ops->queued(fix->stream), 0);
  fix->drains++;
  if (fix->close_on_drain) {
    stream_close(fix);
  }
}

static const ah_stream_sink sink = {
    .on_open = sink_on_open,
    .on_read = sink_on_read,
    .on_end = sink_on_end,
    .on_error = sink_on_error,
    .on_drain = sink_on_drain,
};

static int count_fds(void)
{
  DIR *dir = opendir("/proc/self/fd");
  assert_non_null(dir);
  int count = 0;
  while (readdir(dir) != NULL) {
    count++;
  }
  closedir(dir);
  return count;
}

static void note_true(void *arg)
{
  bool *flag = arg;
  *flag = true;
}

static void turn(fixture *fix)
{
  ah_loop_hold(fix->loop);
  uv_run(fix->uv, UV_RUN_NOWAIT);
  ah_loop_drop(fix->loop);
}

/* Turns until the kernel has nothing more to tell. */
static void settle(fixture *fix)
{
  for (int i = 0; i < 5; i++) {
    turn(fix);
  }
}

/* Buffers for several reads at a time; the system cuts it to what it allows. */
static void socket_widen(int fd)
{
  int size = 1024 * 1024;
  assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)),
                   0);
  assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)),
                   0);
}

static void pair_make(pair_kind kind, int fds[2])
{
  int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  if (kind == PAIR_UNIX) {
    assert_int_equal(socketpair(AF_UNIX, type, 0, fds), 0);
    socket_widen(fds[0]);
    socket_widen(fds[1]);
    return;
  }
  ah_address address;
  assert_true(ah_address_parse(&address, AH_STR("127.0.0.1"), 0));
  socklen_t len = sizeof(address);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(listener, &address.any, ah_address_len(&address)), 0);
  socket_widen(listener); /* what it accepts inherits */
  assert_int_equal(listen(listener, 1), 0);
  assert_int_equal(getsockname(listener, &address.any, &len), 0);
  fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  socket_widen(fds[0]);
  assert_int_equal(connect(fds[0], &address.any, ah_address_len(&address)), 0);
  fds[1] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  assert_true(fds[1] >= 0);
  assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
  close(listener);
}

/* A stream on |fd|, which is closed if that fails. */
static int stream_new(ah_stream **out, ah_loop *loop, int fd, pair_kind kind)
{
  ah_socket *socket;
  *out = NULL;
  if (ah_socket_new(&socket, loop, fd) != 0) {
    close(fd);
    return AHTTP_ENOMEM;
  }
  ah_address peer;
  socklen_t len = sizeof(peer);
  assert_int_equal(getpeername(fd, &peer.any, &len), 0);
  socket->keeps_nagle = kind == PAIR_NAGLE;
  return ah_socket_stream_new(out, loop, socket,
                              kind == PAIR_UNIX ? NULL : &peer);
}

static fixture *fixture_open(pair_kind kind)
{
  fixture *fix = calloc(1, sizeof(*fix));
  assert_non_null(fix);
  uv_loop_t first; /* what libuv opens once for the process is not counted */
  assert_int_equal(uv_loop_init(&first), 0);
  assert_int_equal(uv_loop_close(&first), 0);
  fix->fd_count = count_fds();
  assert_int_equal(ah_loop_new(&fix->loop, NULL), AHTTP_OK);
  fix->uv = ah_loop_uv(fix->loop);
  int fds[2];
  pair_make(kind, fds);
  assert_int_equal(stream_new(&fix->stream, fix->loop, fds[0], kind), AHTTP_OK);
  fix->fd = fds[0];
  fix->peer = fds[1];
  fix->keep = true;
  ah_stream_set_sink(fix->stream, &sink, fix);
  return fix;
}

static int set_up_unix(void **state)
{
  *state = fixture_open(PAIR_UNIX);
  return 0;
}

static int set_up_tcp(void **state)
{
  *state = fixture_open(PAIR_TCP);
  return 0;
}

static int set_up_nagle(void **state)
{
  *state = fixture_open(PAIR_NAGLE);
  return 0;
}

static int tear_down(void **state)
{
  fixture *fix = *state;
  if (fix->stream != NULL) {
    stream_close(fix);
  }
  if (fix->peer >= 0) {
    close(fix->peer);
  }
  settle(fix);
  bool is_closed = false;
  ah_loop_close(fix->loop, note_true, &is_closed);
  uv_run(fix->uv, UV_RUN_DEFAULT);
  assert_true(is_closed);
  ah_loop_free_uv(fix->uv);
  assert_int_equal(count_fds(), fix->fd_count);
  free(fix->read);
  free(fix);
  return 0;
}

static void resume(fixture *fix)
{
  fix->stream->ops->resume(fix->stream);
}

static void peer_send(fixture *fix, const char *text)
{
  size_t len = strlen(text);
  assert_int_equal(send(fix->peer, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Writes as much of a pattern as fits; how much. */
static size_t peer_fill(fixture *fix, size_t from, size_t len)
{
  uint8_t block[16384];
  size_t done = 0;
  while (done < len) {
    size_t part = len - done < sizeof(block) ? len - done : sizeof(block);
    for (size_t i = 0; i < part; i++) {
      block[i] = (uint8_t)((from + done + i) * 31 >> 3);
    }
    ssize_t n = send(fix->peer, block, part, MSG_NOSIGNAL);
    if (n < 0) {
      assert_int_equal(errno, EAGAIN);
      break;
    }
    done += (size_t)n;
  }
  return done;
}

static void expect_pattern(const uint8_t *data, size_t len)
{
  for (size_t i = 0; i < len; i++) {
    if (data[i] != (uint8_t)(i * 31 >> 3)) {
      fail_msg("byte %zu differs", i);
    }
  }
}

/* Reads what is there, at most |cap|; 0 also at the end. */
static size_t peer_read(fixture *fix, uint8_t *dst, size_t cap)
{
  size_t done = 0;
  while (done < cap) {
    ssize_t n = recv(fix->peer, dst + done, cap - done, 0);
    if (n <= 0) {
      break;
    }
    done += (size_t)n;
  }
  return done;
}

static bool peer_is_at_end(fixture *fix)
{
  uint8_t byte;
  return recv(fix->peer, &byte, 1, 0) == 0;
}

static void peer_close(fixture *fix)
{
  close(fix->peer);
  fix->peer = -1;
}

/* Closes with a RST. */
static void peer_reset(fixture *fix)
{
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  assert_int_equal(
      setsockopt(fix->peer, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
  peer_close(fix);
}

static void write_text(fixture *fix, const char *text)
{
  assert_int_equal(ah_stream_write(fix->stream, text, strlen(text)), AHTTP_OK);
}

static void write_pattern(fixture *fix, size_t len)
{
  uint8_t *pattern = malloc(len);
  assert_non_null(pattern);
  for (size_t i = 0; i < len; i++) {
    pattern[i] = (uint8_t)(i * 31 >> 3);
  }
  assert_int_equal(ah_stream_write(fix->stream, pattern, len), AHTTP_OK);
  free(pattern);
}

static void flush(fixture *fix)
{
  unsigned told = fix->errors + fix->drains;
  fix->stream->ops->flush(fix->stream);
  assert_int_equal(fix->errors + fix->drains, told); /* never from within */
}

static void expect_read(const fixture *fix, const char *text)
{
  assert_int_equal(fix->read_len, strlen(text));
  if (fix->read_len > 0) {
    assert_memory_equal(fix->read, text, fix->read_len);
  }
}

/* --- In --- */

static void stream_is_paused_at_first(void **state)
{
  fixture *fix = *state;
  peer_send(fix, "abc");
  settle(fix);
  assert_int_equal(fix->reads, 0);
  resume(fix);
  assert_int_equal(fix->reads, 0); /* never from within */
  settle(fix);
  expect_read(fix, "abc");
}

static void stream_reads_what_comes(void **state)
{
  fixture *fix = *state;
  resume(fix);
  settle(fix);
  peer_send(fix, "one ");
  settle(fix);
  peer_send(fix, "two");
  settle(fix);
  expect_read(fix, "one two");
  assert_int_equal(fix->reads, 2);
  assert_int_equal(fix->ends + fix->errors + fix->drains, 0);
}

static void stream_stops_while_paused(void **state)
{
  fixture *fix = *state;
  resume(fix);
  fix->pause_at = 1;
  peer_send(fix, "one");
  settle(fix);
  peer_send(fix, "two");
  settle(fix);
  expect_read(fix, "one");
  resume(fix);
  settle(fix);
  expect_read(fix, "onetwo");
  fix->stream->ops->pause(fix->stream);
  resume(fix);
  fix->stream->ops->pause(fix->stream);
  peer_send(fix, "three");
  settle(fix);
  expect_read(fix, "onetwo");
}

static void stream_paused_in_a_read_gets_no_other(void **state)
{
  fixture *fix = *state;
  size_t sent = peer_fill(fix, 0, (size_t)3 * AH_LOOP_READ_BYTES);
  assert_true(sent >= (size_t)2 * AH_LOOP_READ_BYTES);
  fix->pause_at = 1;
  resume(fix);
  settle(fix);
  assert_int_equal(fix->reads, 1);
  assert_int_equal(fix->read_len, AH_LOOP_READ_BYTES);
  resume(fix);
  settle(fix);
  assert_int_equal(fix->read_len, sent);
  expect_pattern(fix->read, fix->read_len);
}

static void stream_ends_when_the_peer_has_finished(void **state)
{
  fixture *fix = *state;
  resume(fix);
  peer_send(fix, "last");
  shutdown(fix->peer, SHUT_WR);
  settle(fix);
  settle(fix);
  expect_read(fix, "last");
  assert_int_equal(fix->ends, 1);
  /* The other direction goes on. */
  write_text(fix, "more");
  flush(fix);
  settle(fix);
  uint8_t got[8];
  assert_int_equal(peer_read(fix, got, sizeof(got)), 4);
  assert_memory_equal(got, "more", 4);
  assert_int_equal(fix->errors, 0);
}

static void stream_takes_many_bytes_in_order(void **state)
{
  fixture *fix = *state;
  enum {
    TOTAL = 6 * 1024 * 1024
  };
  resume(fix);
  size_t sent = 0;
  while (fix->read_len < TOTAL) {
    sent += peer_fill(fix, sent, TOTAL - sent);
    size_t before = fix->read_len;
    turn(fix);
    assert_true(fix->read_len - before <=
                1024 * 1024 + AH_LOOP_BULK_BYTES); /* its share of a turn */
  }
  assert_int_equal(fix->read_len, TOTAL);
  expect_pattern(fix->read, TOTAL);
  assert_true(fix->read_max > AH_LOOP_READ_BYTES); /* the bulk buffer */
  fix->read_max = 0;
  peer_send(fix, "x");
  settle(fix);
  assert_int_equal(fix->read_max, 1);
}

/* --- Out --- */

static void stream_sends_on_flush_only(void **state)
{
  fixture *fix = *state;
  uint8_t got[32];
  write_text(fix, "Hello, ");
  write_text(fix, "world");
  assert_int_equal(fix->stream->ops->queued(fix->stream), 12);
  settle(fix);
  assert_int_equal(peer_read(fix, got, sizeof(got)), 0);
  flush(fix);
  assert_int_equal(fix->stream->ops->queued(fix->stream), 0);
  assert_int_equal(peer_read(fix, got, sizeof(got)), 12);
  assert_memory_equal(got, "Hello, world", 12);
  flush(fix); /* of nothing */
  settle(fix);
  assert_int_equal(fix->drains, 0); /* nothing was left over */
}

static void stream_room_that_is_not_committed_is_not_sent(void **state)
{
  fixture *fix = *state;
  uint8_t *room;
  size_t cap;
  assert_int_equal(fix->stream->ops->reserve(fix->stream, &room, &cap),
                   AHTTP_OK);
  assert_int_equal(cap, AH_CHUNK_BYTES);
  memset(room, 'x', cap);
  fix->stream->ops->commit(fix->stream, 0);
  assert_int_equal(fix->stream->ops->queued(fix->stream), 0);
  flush(fix);
  assert_int_equal(fix->stream->ops->reserve(fix->stream, &room, &cap),
                   AHTTP_OK);
  memcpy(room, "ab", 2);
  fix->stream->ops->commit(fix->stream, 1);
  assert_int_equal(fix->stream->ops->reserve(fix->stream, &room, &cap),
                   AHTTP_OK);
  assert_int_equal(cap, AH_CHUNK_BYTES - 1);
  room[0] = 'c';
  fix->stream->ops->commit(fix->stream, 1);
  flush(fix);
  uint8_t got[8];
  assert_int_equal(peer_read(fix, got, sizeof(got)), 2);
  assert_memory_equal(got, "ac", 2);
}

static void stream_waits_for_a_peer_that_does_not_read(void **state)
{
  fixture *fix = *state;
  enum {
    TOTAL = 12 * 1024 * 1024 /* more than any socket buffer, > 64 chunks */
  };
  uint8_t *got = malloc(TOTAL);
  assert_non_null(got);
  resume(fix);
  write_pattern(fix, TOTAL);
  flush(fix);
  settle(fix);
  size_t queued = fix->stream->ops->queued(fix->stream);
  assert_true(queued > 0 && queued < TOTAL);
  assert_int_equal(fix->drains, 0);
  flush(fix); /* changes nothing */
  assert_int_equal(fix->stream->ops->queued(fix->stream), queued);
  peer_send(fix, "still here"); /* reading goes on */
  settle(fix);
  expect_read(fix, "still here");

  size_t received = 0;
  while (received < TOTAL) {
    received += peer_read(fix, got + received, TOTAL - received);
    turn(fix);
  }
  settle(fix);
  expect_pattern(got, TOTAL);
  assert_int_equal(fix->drains, 1);
  free(got);

  write_text(fix, "again");
  flush(fix);
  uint8_t word[8];
  assert_int_equal(peer_read(fix, word, sizeof(word)), 5);
  settle(fix);
  assert_int_equal(fix->drains, 1);
}

static void stream_close_sends_what_was_committed(void **state)
{
  fixture *fix = *state;
  write_text(fix, "bye");
  stream_close(fix);
  settle(fix);
  uint8_t got[8];
  assert_int_equal(peer_read(fix, got, sizeof(got)), 3);
  assert_memory_equal(got, "bye", 3);
  assert_true(peer_is_at_end(fix));
}

static void stream_can_be_closed_with_much_to_send(void **state)
{
  fixture *fix = *state;
  write_pattern(fix, (size_t)8 * 1024 * 1024);
  flush(fix);
  stream_close(fix);
  settle(fix);
  assert_int_equal(fix->drains + fix->errors, 0);
}

/* --- Trouble --- */

static void stream_tells_that_the_peer_reset(void **state)
{
  fixture *fix = *state;
  resume(fix);
  settle(fix);
  peer_reset(fix);
  settle(fix);
  assert_int_equal(fix->errors, 1);
  assert_int_equal(fix->err.code, AHTTP_EREAD);
  assert_int_equal(fix->err.phase, AHTTP_PHASE_RECEIVE);
  assert_int_equal(fix->err.domain, AHTTP_DOMAIN_OS);
  assert_int_equal(fix->err.native, ECONNRESET);
  assert_string_equal(fix->err.text, "read: connection reset by peer");
  assert_int_equal(fix->ends, 0);
}

static void stream_reads_what_came_before_the_reset(void **state)
{
  fixture *fix = *state;
  resume(fix);
  settle(fix);
  peer_send(fix, "early response");
  peer_reset(fix);
  settle(fix);
  expect_read(fix, "early response");
  assert_int_equal(fix->errors, 1);
}

/* A server that answers an upload early and goes away: our writes break, and
 * the answer must still be read. */
static void stream_reads_the_response_after_a_failed_write(void **state)
{
  fixture *fix = *state;
  resume(fix);
  write_text(fix, "request");
  flush(fix);
  peer_send(fix, "early response");
  peer_close(fix); /* with the request unread, which resets */
  write_text(fix, "more");
  flush(fix);
  assert_int_equal(fix->errors, 0);
  settle(fix);
  expect_read(fix, "early response");
  assert_int_equal(fix->errors, 1);
  assert_true(fix->err.code == AHTTP_EWRITE || fix->err.code == AHTTP_EREAD);
  assert_int_equal(fix->stream->ops->queued(fix->stream), 0);
  flush(fix);
  settle(fix);
  assert_int_equal(fix->errors, 1);
}

static void
stream_writing_to_a_closed_peer_is_an_error_and_no_signal(void **state)
{
  fixture *fix = *state;
  resume(fix);
  settle(fix);
  peer_close(fix);
  for (int i = 0; i < 3 && fix->errors == 0; i++) {
    write_text(fix, "hello?");
    flush(fix);
    settle(fix);
  }
  assert_int_equal(fix->errors, 1);
  assert_int_equal(fix->err.code, AHTTP_EWRITE);
  assert_int_equal(fix->err.phase, AHTTP_PHASE_SEND);
  assert_int_equal(fix->err.native, EPIPE);
}

static void stream_blocked_notices_that_the_peer_went_away(void **state)
{
  fixture *fix = *state;
  resume(fix);
  write_pattern(fix, (size_t)8 * 1024 * 1024);
  flush(fix);
  settle(fix);
  peer_reset(fix);
  settle(fix);
  assert_int_equal(fix->errors, 1);
  assert_int_equal(fix->drains, 0);
  assert_int_equal(fix->stream->ops->queued(fix->stream), 0);
}

static void stream_paused_tells_its_trouble_when_resumed(void **state)
{
  fixture *fix = *state;
  peer_send(fix, "kept");
  peer_reset(fix);
  settle(fix);
  write_text(fix, "hello?");
  flush(fix);
  settle(fix);
  assert_int_equal(fix->reads + fix->errors + fix->ends, 0);
  resume(fix);
  assert_int_equal(fix->reads + fix->errors, 0);
  settle(fix);
  expect_read(fix, "kept");
  assert_int_equal(fix->errors, 1);
}

static void
stream_paused_while_it_is_read_dry_goes_on_when_resumed(void **state)
{
  fixture *fix = *state;
  (void)peer_fill(fix, 0, (size_t)3 * AH_LOOP_READ_BYTES);
  peer_reset(fix); /* what had not arrived yet is lost */
  write_text(fix, "hello?");
  flush(fix);
  fix->pause_at = 1;
  resume(fix);
  settle(fix);
  assert_int_equal(fix->reads, 1);
  assert_int_equal(fix->errors, 0);
  resume(fix);
  settle(fix);
  assert_true(fix->reads > 1);
  expect_pattern(fix->read, fix->read_len);
  assert_int_equal(fix->errors, 1);
}

static void stream_tells_of_the_end_before_the_trouble(void **state)
{
  fixture *fix = *state;
  resume(fix);
  peer_send(fix, "whole");
  peer_close(fix); /* in order: nothing was unread */
  settle(fix);
  settle(fix);
  expect_read(fix, "whole");
  assert_int_equal(fix->ends, 1);
  assert_int_equal(fix->errors, 0);
  for (int i = 0; i < 3; i++) {
    write_text(fix, "hello?");
    flush(fix);
    settle(fix);
  }
  assert_int_equal(fix->errors, 1);
}

/* --- Closing from callbacks --- */

static void stream_can_be_closed_in_on_read(void **state)
{
  fixture *fix = *state;
  peer_fill(fix, 0, (size_t)3 * AH_LOOP_READ_BYTES);
  shutdown(fix->peer, SHUT_WR);
  fix->close_at = 1;
  resume(fix);
  settle(fix);
  assert_int_equal(fix->reads, 1);
  assert_int_equal(fix->ends + fix->errors, 0);
}

static void stream_can_be_closed_in_on_end(void **state)
{
  fixture *fix = *state;
  fix->close_on_end = true;
  resume(fix);
  peer_close(fix);
  settle(fix);
  assert_int_equal(fix->ends, 1);
  assert_null(fix->stream);
}

static void stream_can_be_closed_in_on_error(void **state)
{
  fixture *fix = *state;
  fix->close_on_error = true;
  resume(fix);
  write_text(fix, "x");
  flush(fix);
  peer_reset(fix);
  settle(fix);
  assert_int_equal(fix->errors, 1);
  assert_null(fix->stream);
}

static void stream_can_be_closed_in_on_drain(void **state)
{
  fixture *fix = *state;
  fix->close_on_drain = true;
  resume(fix);
  write_pattern(fix, (size_t)8 * 1024 * 1024);
  flush(fix);
  uint8_t got[65536];
  while (fix->stream != NULL) {
    (void)peer_read(fix, got, sizeof(got));
    turn(fix);
  }
  assert_int_equal(fix->drains, 1);
}

static void stream_can_be_closed_with_trouble_not_told_yet(void **state)
{
  fixture *fix = *state;
  resume(fix);
  peer_reset(fix);
  write_text(fix, "x");
  flush(fix);
  stream_close(fix);
  settle(fix);
  assert_int_equal(fix->errors, 0);
}

/* --- TCP_NODELAY --- */

static bool stream_has_nodelay(const fixture *fix)
{
  int on = 0;
  socklen_t len = sizeof(on);
  assert_int_equal(getsockopt(fix->fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
  return on != 0;
}

static void write_bytes(fixture *fix, size_t len)
{
  static const uint8_t bytes[1000];
  assert_true(len <= sizeof(bytes));
  assert_int_equal(ah_stream_write(fix->stream, bytes, len), AHTTP_OK);
  flush(fix);
}

static void stream_sets_nodelay_for_a_second_write(void **state)
{
  fixture *fix = *state;
  write_bytes(fix, 536);
  assert_false(stream_has_nodelay(fix));
  write_bytes(fix, 1);
  assert_true(stream_has_nodelay(fix));
}

static void stream_sets_nodelay_for_more_than_one_segment(void **state)
{
  fixture *fix = *state;
  write_bytes(fix, 537);
  assert_true(stream_has_nodelay(fix));
}

static void stream_that_keeps_nagle_never_sets_nodelay(void **state)
{
  fixture *fix = *state;
  write_bytes(fix, 1000);
  write_bytes(fix, 1);
  assert_false(stream_has_nodelay(fix));
}

/* --- Making one --- */

static void stream_knows_its_peer(void **state)
{
  fixture *fix = *state;
  ah_address address;
  socklen_t len = sizeof(address);
  assert_int_equal(getsockname(fix->peer, &address.any, &len), 0);
  ah_stream_info info;
  memset(&info, 0, sizeof(info));
  fix->stream->ops->info(fix->stream, &info);
  assert_string_equal(info.remote_address, "127.0.0.1");
  assert_int_equal(info.remote_port, ah_address_port(&address));
  assert_null(info.tls_version);
  assert_string_equal(fix->stream->ops->name, "socket");
}

static void stream_of_a_unix_socket_has_no_address(void **state)
{
  fixture *fix = *state;
  ah_stream_info info;
  memset(&info, 0xff, sizeof(info));
  fix->stream->ops->info(fix->stream, &info);
  assert_string_equal(info.remote_address, "");
  assert_int_equal(info.remote_port, 0);
}

static void note_status(void *owner, int status, int events)
{
  int *seen = owner;
  assert_int_equal(events, 0);
  *seen = status;
}

static void socket_that_cannot_be_watched_says_so(void **state)
{
  fixture *fix = *state;
  ah_socket *socket;
  int status = 0;
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC); /* cannot be polled */
  assert_true(fd >= 0);
  assert_int_equal(ah_socket_new(&socket, fix->loop, fd), 0);
  socket->owner = &status;
  socket->on_events = note_status;
  ah_socket_watch(socket, UV_READABLE);
  assert_int_equal(status, 0);
  turn(fix);
  assert_int_equal(status, UV_EPERM);
  assert_int_equal(socket->events, 0);
  ah_socket_close(socket);
  turn(fix);
  assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* The handle appears among libuv's when it is first needed. */
static void count_polls(uv_handle_t *handle, void *arg)
{
  unsigned *count = arg;
  *count += handle->type == UV_POLL ? 1 : 0;
}

static unsigned polls_of(fixture *fix)
{
  unsigned count = 0;
  uv_walk(fix->uv, count_polls, &count);
  return count;
}

static void socket_is_watched_when_the_turn_ends(void **state)
{
  fixture *fix = *state;
  unsigned others = polls_of(fix); /* the loop's own */
  resume(fix);
  assert_int_equal(polls_of(fix), others);
  turn(fix);
  assert_int_equal(polls_of(fix), others + 1);
}

static void socket_watched_and_given_up_in_a_turn_has_no_handle(void **state)
{
  fixture *fix = *state;
  int fds[2];
  pair_make(PAIR_UNIX, fds);
  unsigned others = polls_of(fix); /* the loop's own */
  ah_socket *socket;
  assert_int_equal(ah_socket_new(&socket, fix->loop, fds[0]), 0);
  ah_socket_watch(socket, UV_READABLE);
  ah_socket_watch(socket, 0);
  turn(fix);
  assert_int_equal(polls_of(fix), others);
  ah_socket_watch(socket, UV_READABLE);
  ah_socket_close(socket);
  turn(fix);
  assert_int_equal(fcntl(fds[0], F_GETFD), -1);
  assert_int_equal(polls_of(fix), others);
  close(fds[1]);
}

static int stream_make_and_write(void *arg)
{
  fixture *fix = arg;
  int fds[2];
  pair_make(PAIR_UNIX, fds);
  ah_loop *loop;
  int rv = ah_loop_new(&loop, NULL);
  if (rv != AHTTP_OK) {
    close(fds[0]);
    close(fds[1]);
    return rv;
  }
  ah_stream *stream;
  rv = stream_new(&stream, loop, fds[0], PAIR_UNIX);
  if (rv == AHTTP_OK) {
    rv = ah_stream_write(stream, "text", 4);
    stream->ops->close(stream);
  }
  close(fds[1]);
  uv_loop_t *uv = ah_loop_uv(loop);
  ah_loop_end_turn(loop); /* the socket is freed */
  bool is_closed = false;
  ah_loop_close(loop, note_true, &is_closed);
  uv_run(uv, UV_RUN_DEFAULT);
  ah_loop_free_uv(uv);
  assert_true(is_closed);
  (void)fix;
  return rv;
}

static void stream_survives_every_failed_allocation(void **state)
{
  test_alloc_fail_each(stream_make_and_write, *state);
}

int main(void)
{
#define UNIX(name) cmocka_unit_test_setup_teardown(name, set_up_unix, tear_down)
#define TCP(name) cmocka_unit_test_setup_teardown(name, set_up_tcp, tear_down)
#define BOTH(name) UNIX(name), TCP(name)
  const struct CMUnitTest tests[] = {
      BOTH(stream_is_paused_at_first),
      BOTH(stream_reads_what_comes),
      BOTH(stream_stops_while_paused),
      BOTH(stream_paused_in_a_read_gets_no_other),
      BOTH(stream_ends_when_the_peer_has_finished),
      BOTH(stream_takes_many_bytes_in_order),
      BOTH(stream_sends_on_flush_only),
      BOTH(stream_room_that_is_not_committed_is_not_sent),
      BOTH(stream_waits_for_a_peer_that_does_not_read),
      BOTH(stream_close_sends_what_was_committed),
      BOTH(stream_can_be_closed_with_much_to_send),
      TCP(stream_tells_that_the_peer_reset),
      TCP(stream_reads_what_came_before_the_reset),
      BOTH(stream_reads_the_response_after_a_failed_write),
      BOTH(stream_writing_to_a_closed_peer_is_an_error_and_no_signal),
      BOTH(stream_blocked_notices_that_the_peer_went_away),
      TCP(stream_paused_tells_its_trouble_when_resumed),
      TCP(stream_paused_while_it_is_read_dry_goes_on_when_resumed),
      BOTH(stream_tells_of_the_end_before_the_trouble),
      BOTH(stream_can_be_closed_in_on_read),
      BOTH(stream_can_be_closed_in_on_end),
      BOTH(stream_can_be_closed_in_on_error),
      BOTH(stream_can_be_closed_in_on_drain),
      BOTH(stream_can_be_closed_with_trouble_not_told_yet),
      TCP(stream_sets_nodelay_for_a_second_write),
      TCP(stream_sets_nodelay_for_more_than_one_segment),
      cmocka_unit_test_setup_teardown(
          stream_that_keeps_nagle_never_sets_nodelay, set_up_nagle, tear_down),
      TCP(stream_knows_its_peer),
      UNIX(stream_of_a_unix_socket_has_no_address),
      UNIX(socket_that_cannot_be_watched_says_so),
      UNIX(socket_is_watched_when_the_turn_ends),
      UNIX(socket_watched_and_given_up_in_a_turn_has_no_handle),
      UNIX(stream_survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
