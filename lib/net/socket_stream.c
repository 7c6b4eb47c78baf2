/* SPDX-License-Identifier: MIT */
/*
 * A connected socket, TCP or unix, as a stream.
 *
 * The socket is watched by a uv_poll_t and read and written here, not by
 * libuv's streams: those write without MSG_NOSIGNAL, so that a peer that has
 * gone away would raise SIGPIPE in a program that did not ask for it.
 *
 * Changing what a uv_poll_t waits for costs two system calls, a read costs one.
 * So interest is given up late, when an event comes that nobody wants: a sink
 * that pauses and resumes within a turn, or a writer that fills the socket
 * again as soon as it has drained, changes nothing.
 *
 * Errors are told after the bytes that arrived before them.  A server that
 * refuses an upload sends its response and closes; the reset that our further
 * writes cause must not hide the response.  Hence trouble with writing is noted
 * and then the socket is read dry; and a paused stream, which cannot be read,
 * tells its trouble when it is resumed.
 */
#include "config.h"
#include "net/stream.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "net/address.h"
#include "net/chunk_queue.h"
#include "net/error_map.h"

enum {
  /* What fits into one segment of any TCP connection (RFC 9293, section 3.7.1).
   */
  SOCKET_SEGMENT_BYTES = 536,
  /* Pieces handed to the kernel at once, 1 MiB; more than that rarely fits into
   * a socket. */
  SOCKET_PIECES_MAX = 16,
  /* Bytes read in one turn, lest one fast peer keep the others waiting. */
  SOCKET_TURN_BYTES_MAX = 1024 * 1024,
  /* So many full reads in a row show a download that the larger buffer is
   * worth its memory for. */
  SOCKET_FULL_READS_FOR_BULK = 2,
  /* While we took in so much, half a TLS record, more may have come, ... */
  SOCKET_LARGE_READ_BYTES = 8 * 1024,
  /* ... if it was not the first time since we sent something: responses that
   * come in one piece are not asked for more, which would be a system call in
   * vain for each. */
  SOCKET_LARGE_READS_FOR_MORE = 2
};

/* Members are in the order of their use: a request that meets no obstacle
 * touches nothing behind |queue|. */
typedef struct socket_stream {
  ah_stream base;
  ah_socket *socket;
  ah_stream_counts counts;
  int write_errno; /* not 0: writing failed and on_error is still to come */
  bool failed;     /* on_error has run */
  bool closed;

  /* In. */
  bool paused;
  bool ended;           /* the peer has finished sending */
  unsigned full_reads;  /* in a row, up to SOCKET_FULL_READS_FOR_BULK */
  unsigned large_reads; /* in a row since we sent, up to
                           SOCKET_LARGE_READS_FOR_MORE */

  /* Out. */
  bool has_nagle; /* TCP_NODELAY is still to be set */
  bool blocked;   /* the kernel took less than there was; UV_WRITABLE is awaited
                   */
  ah_chunk_queue queue;

  ah_task trouble; /* tells of write_errno */
  uint16_t remote_port;
  uint16_t local_port;
  char remote_address[INET6_ADDRSTRLEN + IF_NAMESIZE];
  char local_address[INET6_ADDRSTRLEN + IF_NAMESIZE];
} socket_stream;

_Static_assert(sizeof(((socket_stream *)0)->remote_address) <=
                   sizeof(((ah_stream_info *)0)->remote_address),
               "the address fits into the info");

_Static_assert(offsetof(socket_stream, base) == 0,
               "a socket's stream is cast to the socket");

static socket_stream *socket_from(ah_stream *stream)
{
  return (socket_stream *)stream;
}

static const socket_stream *socket_from_const(const ah_stream *stream)
{
  return (const socket_stream *)stream;
}

/* What there is to wait for now. */
static int socket_wants(const socket_stream *sock)
{
  if (sock->failed || sock->write_errno != 0) {
    return 0;
  }
  int events = sock->blocked ? UV_WRITABLE : 0;
  if (!sock->paused && !sock->ended) {
    events |= UV_READABLE;
  }
  return events;
}

/* Waits for what it did not wait for yet; does not give anything up. */
static void socket_watch_more(const socket_stream *sock)
{
  ah_socket_watch(sock->socket, sock->socket->events | socket_wants(sock));
}

static void socket_drop_queue(socket_stream *sock)
{
  ah_chunk_queue_clear(&sock->queue, sock->base.loop);
  sock->blocked = false;
}

/* The one way a socket breaks.  The sink may close it in here. */
static void socket_fail(socket_stream *sock, int os_errno, ahttp_phase phase)
{
  ah_assert(!sock->failed && !sock->closed);
  sock->failed = true;
  ah_loop_undefer(&sock->trouble);
  socket_drop_queue(sock);
  ah_socket_watch(sock->socket, 0);
  ahttp_error err;
  (void)ah_error_from_errno(&err, os_errno, phase,
                            phase == AHTTP_PHASE_SEND ? "write" : "read");
  sock->base.sink->on_error(sock->base.owner, &err);
}

/* --- In --- */

static bool socket_can_read(const socket_stream *sock)
{
  return !sock->closed && !sock->failed && !sock->paused && !sock->ended;
}

static uint8_t *socket_read_buffer(const socket_stream *sock, size_t *cap)
{
  if (sock->full_reads >= SOCKET_FULL_READS_FOR_BULK) {
    uint8_t *bulk = ah_loop_bulk_buffer(sock->base.loop);
    if (bulk != NULL) {
      *cap = AH_LOOP_BULK_BYTES;
      return bulk;
    }
  }
  *cap = AH_LOOP_READ_BYTES;
  return ah_loop_read_buffer(sock->base.loop);
}

static void socket_count_read(socket_stream *sock, size_t len)
{
  if (len < SOCKET_LARGE_READ_BYTES) {
    sock->large_reads = 0;
  } else if (sock->large_reads < SOCKET_LARGE_READS_FOR_MORE) {
    sock->large_reads++;
  }
  if (len < AH_LOOP_READ_BYTES) {
    sock->full_reads = 0;
  } else if (sock->full_reads < SOCKET_FULL_READS_FOR_BULK) {
    sock->full_reads++;
  }
}

static void socket_end(socket_stream *sock)
{
  sock->ended = true;
  ah_socket_watch(sock->socket, socket_wants(sock));
  sock->base.sink->on_end(sock->base.owner, true);
}

typedef enum read_outcome {
  READ_FULL,  /* there may be more */
  READ_SHORT, /* nothing is left for now */
  READ_ENDED, /* the peer has finished */
  READ_BROKEN /* errno says why */
} read_outcome;

/* Reads once and hands it to the sink, which may do anything to |sock|. */
static read_outcome socket_read_once(socket_stream *sock, size_t *len)
{
  size_t cap;
  uint8_t *buffer = socket_read_buffer(sock, &cap);
  ssize_t n;
  do {
    n = recv(sock->socket->fd, buffer, cap, MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n < 0) {
    bool is_dry = errno == EAGAIN || errno == EWOULDBLOCK;
    return is_dry ? READ_SHORT : READ_BROKEN;
  }
  if (n == 0) {
    return READ_ENDED;
  }
  *len = (size_t)n;
  sock->counts.in += *len;
  socket_count_read(sock, *len);
  sock->base.sink->on_read(sock->base.owner, buffer, *len);
  return *len < cap ? READ_SHORT : READ_FULL;
}

/* Reads until the socket is dry, or long enough for one turn. */
static void socket_read(socket_stream *sock)
{
  size_t total = 0;
  while (socket_can_read(sock) && total < SOCKET_TURN_BYTES_MAX) {
    size_t len = 0;
    switch (socket_read_once(sock, &len)) {
    case READ_SHORT:
      if (len == 0 || sock->large_reads < SOCKET_LARGE_READS_FOR_MORE) {
        return;
      }
      total += len;
      continue;
    case READ_FULL:
      total += len;
      continue;
    case READ_ENDED:
      socket_end(sock);
      return;
    case READ_BROKEN:
      socket_fail(sock, errno, AHTTP_PHASE_RECEIVE);
      return;
    }
  }
}

/*
 * Reads what came before the socket broke, then tells why: |os_errno|, or if
 * that is 0 what reading says.  A sink that pauses leaves the rest to resume().
 * A peer that finished in order before it broke is told of first.
 */
static void socket_read_dry(socket_stream *sock, int os_errno,
                            ahttp_phase phase)
{
  while (socket_can_read(sock)) {
    size_t len = 0;
    read_outcome outcome = socket_read_once(sock, &len);
    if (len > 0) {
      continue;
    }
    if (outcome == READ_ENDED) {
      socket_end(sock);
      break;
    }
    if (os_errno == 0) {
      os_errno = outcome == READ_BROKEN ? errno : EIO;
    }
    socket_fail(sock, os_errno, phase);
    return;
  }
  if (sock->ended && os_errno != 0 && !sock->closed && !sock->failed) {
    socket_fail(sock, os_errno, phase);
  }
}

static void socket_tell_trouble(ah_task *task)
{
  socket_stream *sock = AH_CONTAINER(task, socket_stream, trouble);
  socket_read_dry(sock, sock->write_errno, AHTTP_PHASE_SEND);
}

/* --- Out --- */

static void socket_fail_writing(socket_stream *sock, int os_errno)
{
  sock->write_errno = os_errno;
  socket_drop_queue(sock);
  ah_socket_watch(sock->socket, 0);
  ah_loop_defer(sock->base.loop, &sock->trouble);
}

/*
 * Writes are gathered by us, once a turn; Nagle's algorithm (RFC 9293, section
 * 3.7.4) would only hold back the end of one while an earlier segment is not
 * acknowledged.  So nothing holds back a first write of one segment, which is
 * all that a connection for one request has: it does without the system call.
 */
static void socket_drop_nagle(socket_stream *sock, size_t offered)
{
  if (sock->has_nagle &&
      (sock->counts.out > 0 || offered > SOCKET_SEGMENT_BYTES)) {
    int on = 1; /* failing costs time, not correctness */
    (void)setsockopt(sock->socket->fd, IPPROTO_TCP, TCP_NODELAY, &on,
                     sizeof(on));
    sock->has_nagle = false;
  }
}

static ssize_t socket_send_once(socket_stream *sock, size_t *offered)
{
  struct iovec pieces[SOCKET_PIECES_MAX];
  size_t count =
      ah_chunk_queue_pieces(&sock->queue, pieces, SOCKET_PIECES_MAX, offered);
  socket_drop_nagle(sock, *offered);
  struct msghdr msg = {.msg_iov = pieces, .msg_iovlen = count};
  int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
  ssize_t n;
  do { /* one piece is the usual, and has a cheaper call */
    n = count == 1 ? send(sock->socket->fd, pieces[0].iov_base,
                          pieces[0].iov_len, flags)
                   : sendmsg(sock->socket->fd, &msg, flags);
  } while (n < 0 && errno == EINTR);
  return n;
}

/* Sends as much of the queue as the kernel takes.  0 or an errno. */
static int socket_send(socket_stream *sock)
{
  while (sock->queue.len > 0) {
    size_t offered;
    ssize_t n = socket_send_once(sock, &offered);
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
      return errno;
    }
    size_t sent = n < 0 ? 0 : (size_t)n;
    sock->counts.out += sent;
    ah_chunk_queue_consume(&sock->queue, sock->base.loop, sent);
    if (sent < offered) {
      sock->blocked = true;
      return 0;
    }
  }
  sock->blocked = false;
  return 0;
}

/* The kernel has room again. */
static void socket_go_on_sending(socket_stream *sock)
{
  int os_errno = socket_send(sock);
  if (os_errno != 0) {
    socket_fail_writing(sock, os_errno);
  } else if (!sock->blocked) {
    sock->base.sink->on_drain(sock->base.owner);
  }
}

/* --- Events --- */

/* A paused stream does not look into it: resume() watches again and finds the
 * same. */
static void socket_on_trouble(socket_stream *sock)
{
  if (sock->blocked) {
    int os_errno = socket_send(sock);
    socket_fail_writing(sock, os_errno != 0 ? os_errno : EIO);
  } else if (!sock->paused) {
    socket_read_dry(sock, 0, AHTTP_PHASE_RECEIVE);
  }
}

static void socket_on_events(void *owner, int status, int events)
{
  socket_stream *sock = owner;
  if (status != 0) {
    socket_on_trouble(sock);
    return;
  }
  int unwanted = events & ~socket_wants(sock);
  if (unwanted != 0) {
    ah_socket_watch(sock->socket, socket_wants(sock));
  }
  if ((events & UV_WRITABLE) != 0 && sock->blocked) {
    socket_go_on_sending(sock);
  }
  if ((events & UV_READABLE) != 0 && sock->write_errno == 0) {
    socket_read(sock);
  }
}

/* --- The stream's operations --- */

static int socket_reserve(ah_stream *stream, uint8_t **ptr, size_t *cap)
{
  socket_stream *sock = socket_from(stream);
  return ah_chunk_queue_reserve(&sock->queue, stream->loop, ptr, cap);
}

static void socket_commit(ah_stream *stream, size_t len)
{
  ah_chunk_queue_commit(&socket_from(stream)->queue, len);
}

static void socket_flush(ah_stream *stream)
{
  socket_stream *sock = socket_from(stream);
  if (sock->failed || sock->write_errno != 0) {
    socket_drop_queue(sock); /* nobody will ever take it */
    return;
  }
  if (sock->blocked) {
    return;
  }
  sock->large_reads = 0;
  int os_errno = socket_send(sock);
  if (os_errno != 0) {
    socket_fail_writing(sock, os_errno);
  } else if (sock->blocked) {
    socket_watch_more(sock);
  }
}

static size_t socket_queued(const ah_stream *stream)
{
  return socket_from_const(stream)->queue.len;
}

static void socket_pause(ah_stream *stream)
{
  socket_from(stream)->paused = true;
}

static void socket_resume(ah_stream *stream)
{
  socket_stream *sock = socket_from(stream);
  ah_assert(stream->sink != NULL && !sock->closed);
  sock->paused = false;
  if (sock->failed) {
    return;
  }
  if (sock->write_errno != 0) {
    ah_loop_defer(stream->loop, &sock->trouble);
  } else {
    ah_socket_watch(sock->socket, socket_wants(sock));
  }
}

static void socket_info(const ah_stream *stream, ah_stream_info *info)
{
  const socket_stream *sock = socket_from_const(stream);
  memcpy(info->remote_address, sock->remote_address,
         sizeof(sock->remote_address));
  info->remote_port = sock->remote_port;
  memcpy(info->local_address, sock->local_address, sizeof(sock->local_address));
  info->local_port = sock->local_port;
}

static void socket_on_closed(void *owner)
{
  ah_free(owner);
}

static void socket_close(ah_stream *stream)
{
  socket_stream *sock = socket_from(stream);
  ah_assert(!sock->closed);
  sock->closed = true;
  ah_loop_undefer(&sock->trouble);
  if (!sock->failed && sock->write_errno == 0) {
    (void)socket_send(sock); /* what the kernel does not take now is lost */
  }
  socket_drop_queue(sock);
  ah_socket_close(sock->socket);
}

static const ah_stream_ops socket_ops = {
    .name = "socket",
    .reserve = socket_reserve,
    .commit = socket_commit,
    .flush = socket_flush,
    .queued = socket_queued,
    .pause = socket_pause,
    .resume = socket_resume,
    .info = socket_info,
    .close = socket_close,
};

int ah_socket_stream_new(ah_stream **out, ah_loop *loop, ah_socket *socket,
                         const ah_address *peer)
{
  *out = NULL;
  socket_stream *sock = ah_calloc(1, sizeof(*sock));
  if (sock == NULL) {
    ah_socket_close(socket);
    return AHTTP_ENOMEM;
  }
  sock->base.ops = &socket_ops;
  sock->base.loop = loop;
  sock->base.counts = &sock->counts;
  sock->socket = socket;
  sock->paused = true;
  sock->trouble.run = socket_tell_trouble;
  socket->owner = sock;
  socket->on_events = socket_on_events;
  socket->on_closed = socket_on_closed;
  if (peer != NULL) {
    ah_address_print(peer, sock->remote_address, sizeof(sock->remote_address));
    sock->remote_port = ah_address_port(peer);
    if (socket->local.any.sa_family != AF_UNSPEC) {
      ah_address_print(&socket->local, sock->local_address,
                       sizeof(sock->local_address));
      sock->local_port = ah_address_port(&socket->local);
    }
    sock->has_nagle = !socket->keeps_nagle;
  }
  *out = &sock->base;
  return AHTTP_OK;
}
