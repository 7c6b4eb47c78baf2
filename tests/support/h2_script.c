/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/h2_script.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "support/listener.h"

enum {
  PREFACE_BYTES = 24,
  HEAD_BYTES = 9,
  PAYLOAD_BYTES_MAX = 1 << 14 /* what SETTINGS_MAX_FRAME_SIZE is at first */
};

struct h2_script {
  listener *front;
  int gate; /* a semaphore */
  const h2_step *const *scripts;
  size_t script_count;
  const h2_step *one[1]; /* |scripts| of h2_script_start_one() */
  atomic_uint frames[H2_TYPES];
  atomic_uint acks[H2_TYPES];
  atomic_uint error;
};

/* One connection. */
typedef struct script_conn {
  h2_script *peer;
  const listener *from;
  int fd;
  int32_t last_id; /* of the last HEADERS frame */
} script_conn;

/* What was read of a frame. */
typedef struct script_frame {
  uint8_t type;
  uint8_t flags;
  int32_t id;
  size_t len;
  uint8_t payload[PAYLOAD_BYTES_MAX];
} script_frame;

static uint32_t read_u32(const uint8_t *at)
{
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
         at[3];
}

static bool conn_read(const script_conn *conn, void *dst, size_t len)
{
  uint8_t *at = dst;
  while (len > 0) {
    size_t n = listener_read(conn->from, conn->fd, at, len);
    if (n == 0) {
      return false;
    }
    at += n;
    len -= n;
  }
  return true;
}

static void conn_note(script_conn *conn, const script_frame *frame)
{
  h2_script *peer = conn->peer;
  bool has_ack = frame->type == H2_SETTINGS || frame->type == H2_PING;
  if (has_ack && (frame->flags & H2_ACK) != 0) {
    (void)atomic_fetch_add(&peer->acks[frame->type], 1);
  }
  if (frame->type == H2_HEADERS) {
    conn->last_id = frame->id;
  } else if (frame->type == H2_RST_STREAM && frame->len >= 4) {
    atomic_store(&peer->error, read_u32(frame->payload));
  } else if (frame->type == H2_GOAWAY && frame->len >= 8) {
    atomic_store(&peer->error, read_u32(frame->payload + 4));
  }
  (void)atomic_fetch_add(&peer->frames[frame->type], 1);
}

/* False if the connection is over. */
static bool conn_read_frame(script_conn *conn, script_frame *frame)
{
  uint8_t head[HEAD_BYTES];
  if (!conn_read(conn, head, sizeof(head))) {
    return false;
  }
  frame->len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
  frame->type = head[3];
  frame->flags = head[4];
  frame->id = (int32_t)(read_u32(head + 5) & 0x7fffffff);
  if (frame->len > PAYLOAD_BYTES_MAX) {
    (void)fprintf(stderr, "h2_script: a frame of %zu bytes\n", frame->len);
    abort();
  }
  if (!conn_read(conn, frame->payload, frame->len)) {
    return false;
  }
  conn_note(conn, frame);
  return true;
}

static bool conn_expect(script_conn *conn, uint8_t type, bool is_ack)
{
  script_frame *frame = malloc(sizeof(*frame));
  if (frame == NULL) {
    abort();
  }
  bool is_found = false;
  while (!is_found && conn_read_frame(conn, frame)) {
    bool can_ack = type == H2_SETTINGS || type == H2_PING;
    is_found = frame->type == type &&
               (!can_ack || ((frame->flags & H2_ACK) != 0) == is_ack);
  }
  free(frame);
  return is_found;
}

static bool conn_send_frame(const script_conn *conn, const h2_step *step)
{
  uint32_t id = (uint32_t)(step->id == H2_LAST ? conn->last_id : step->id);
  const uint8_t head[HEAD_BYTES] = {
      (uint8_t)(step->len >> 16),
      (uint8_t)(step->len >> 8),
      (uint8_t)step->len,
      step->type,
      step->flags,
      (uint8_t)(id >> 24),
      (uint8_t)(id >> 16),
      (uint8_t)(id >> 8),
      (uint8_t)id,
  };
  return listener_send(conn->from, conn->fd, head, sizeof(head)) &&
         listener_send(conn->from, conn->fd, step->data, step->len);
}

static bool conn_send(const script_conn *conn, const h2_step *step)
{
  unsigned count = step->count == 0 ? 1 : step->count;
  bool goes_on = true;
  for (unsigned i = 0; goes_on && i < count; i++) {
    goes_on = step->kind == H2_FRAME
                  ? conn_send_frame(conn, step)
                  : listener_send(conn->from, conn->fd, step->data, step->len);
  }
  return goes_on;
}

static bool conn_pass_gate(const script_conn *conn)
{
  uint64_t one;
  return listener_wait(conn->from, conn->peer->gate, POLLIN) &&
         read(conn->peer->gate, &one, sizeof(one)) == sizeof(one);
}

/* Reads up to the end of a request. */
static bool conn_expect_request(script_conn *conn)
{
  script_frame *frame = malloc(sizeof(*frame));
  if (frame == NULL) {
    abort();
  }
  bool is_whole = false;
  while (!is_whole && conn_read_frame(conn, frame)) {
    is_whole = (frame->type == H2_HEADERS || frame->type == H2_DATA) &&
               (frame->flags & H2_END_STREAM) != 0;
    conn->last_id = is_whole ? frame->id : conn->last_id;
  }
  free(frame);
  return is_whole;
}

static bool conn_serve(script_conn *conn, const h2_step *step)
{
  static const h2_step hello[] = {H2_DO_HEAD, H2_DO_HELLO};
  const h2_step *answer = step->data == NULL ? hello : step->data;
  size_t count = step->data == NULL ? 2 : step->len;
  bool goes_on = true;
  while (goes_on && conn_expect_request(conn)) {
    for (size_t i = 0; goes_on && i < count; i++) {
      goes_on = conn_send(conn, &answer[i]);
    }
  }
  return false;
}

/* False if it was the last one. */
static bool conn_step(script_conn *conn, const h2_step *step)
{
  switch (step->kind) {
  case H2_EXPECT:
    return conn_expect(conn, step->type, false);
  case H2_EXPECT_ACK:
    return conn_expect(conn, step->type, true);
  case H2_FRAME:
  case H2_BYTES:
    return conn_send(conn, step);
  case H2_GATE:
    return conn_pass_gate(conn);
  case H2_SERVE:
    return conn_serve(conn, step);
  case H2_RESET:
    listener_arm_reset(conn->fd);
    return false;
  case H2_HOLD:
    return false;
  case H2_END:
    listener_finish_sending(conn->fd);
    return false;
  }
  return false;
}

static void script_serve(listener *from, int fd, unsigned index,
                         void *user_data)
{
  h2_script *peer = user_data;
  script_conn conn = {.peer = peer, .from = from, .fd = fd};
  uint8_t preface[PREFACE_BYTES];
  if (!conn_read(&conn, preface, sizeof(preface))) {
    return;
  }
  size_t script = index < peer->script_count ? index : peer->script_count - 1;
  const h2_step *step = peer->scripts[script];
  while (conn_step(&conn, step)) {
    step++;
  }
  if (step->kind != H2_RESET) {
    /* What still comes counts too; and left unread it would turn the end into a
     * reset. */
    (void)conn_expect(&conn, H2_TYPES - 1, false);
  }
}

static h2_script *script_new(void)
{
  h2_script *peer = calloc(1, sizeof(*peer));
  if (peer == NULL) {
    abort();
  }
  peer->gate = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
  if (peer->gate < 0) {
    abort();
  }
  return peer;
}

static h2_script *script_run(h2_script *peer)
{
  const listener_opts front = {.serve = script_serve, .user_data = peer};
  peer->front = listener_start(&front);
  return peer;
}

h2_script *h2_script_start(const h2_step *const *scripts, size_t count)
{
  h2_script *peer = script_new();
  peer->scripts = scripts;
  peer->script_count = count;
  return script_run(peer);
}

h2_script *h2_script_start_one(const h2_step *script)
{
  h2_script *peer = script_new();
  peer->one[0] = script;
  peer->scripts = peer->one;
  peer->script_count = 1;
  return script_run(peer);
}

uint16_t h2_script_port(const h2_script *peer)
{
  return listener_port(peer->front);
}

unsigned h2_script_accepted(const h2_script *peer)
{
  return listener_accepted(peer->front);
}

unsigned h2_script_frames(const h2_script *peer, uint8_t type)
{
  return atomic_load(&peer->frames[type]);
}

unsigned h2_script_acks(const h2_script *peer, uint8_t type)
{
  return atomic_load(&peer->acks[type]);
}

uint32_t h2_script_error(const h2_script *peer)
{
  return atomic_load(&peer->error);
}

void h2_script_open_gate(h2_script *peer)
{
  const uint64_t one = 1;
  if (write(peer->gate, &one, sizeof(one)) != sizeof(one)) {
    abort();
  }
}

void h2_script_stop(h2_script *peer)
{
  if (peer == NULL) {
    return;
  }
  listener_stop(peer->front);
  (void)close(peer->gate);
  free(peer);
}
