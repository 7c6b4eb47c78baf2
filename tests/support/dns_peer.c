/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "support/dns_peer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

enum {
  NAME_MAX_BYTES = 256,
  MESSAGE_MAX = 65535,
  QUESTIONS_MAX = 256, /* names and families one test asks about */
  HEADER_BYTES = 12,
  TYPE_A = 1,
  TYPE_CNAME = 5,
  TYPE_AAAA = 28,
  CLASS_IN = 1
};

typedef struct dns_rule {
  char name[NAME_MAX_BYTES];
  int family;
  unsigned asked;
  bool has_answer;
  dns_answer answer;
} dns_rule;

struct dns_peer {
  uv_loop_t *uv;
  uv_udp_t udp;
  uv_tcp_t tcp;
  unsigned handles_open;
  uint16_t port;
  char server[32];
  dns_rule rules[QUESTIONS_MAX];
  size_t rule_count;
  unsigned asked_by_tcp;
  ah_list waiting; /* replies that are not being sent yet */
  ah_list conns;   /* open TCP connections */
  uint8_t buffer[MESSAGE_MAX];
};

/* A TCP connection. */
typedef struct dns_conn {
  uv_tcp_t tcp;
  ah_list_node node; /* in the peer's |conns| */
  dns_peer *peer;
  uint8_t input[MESSAGE_MAX + 2];
  size_t len;
} dns_conn;

/* An answer on its way, possibly waiting for its time. */
typedef struct dns_reply {
  uv_timer_t timer;
  ah_list_node node; /* in the peer's |waiting| */
  union {
    uv_udp_send_t udp;
    uv_write_t tcp;
  } req;
  dns_peer *peer;
  dns_conn *conn; /* NULL: UDP */
  struct sockaddr_storage to;
  size_t len; /* without the length that TCP puts in front */
  uint8_t data[MESSAGE_MAX + 2];
} dns_reply;

static void check(int rv, const char *what)
{
  if (rv != 0) {
    fprintf(stderr, "dns_peer: %s: %s\n", what, uv_strerror(rv));
    abort();
  }
}

static void *allocate(size_t size)
{
  void *ptr = calloc(1, size);
  if (ptr == NULL) {
    abort();
  }
  return ptr;
}

/* --- Messages --- */

static dns_rule *peer_rule(dns_peer *peer, const char *name, int family)
{
  for (size_t i = 0; i < peer->rule_count; i++) {
    dns_rule *rule = &peer->rules[i];
    if (rule->family == family && strcmp(rule->name, name) == 0) {
      return rule;
    }
  }
  if (peer->rule_count == QUESTIONS_MAX) {
    abort();
  }
  dns_rule *rule = &peer->rules[peer->rule_count++];
  snprintf(rule->name, sizeof(rule->name), "%s", name);
  rule->family = family;
  return rule;
}

/* Reads the question's name into |name|; the bytes it takes, or 0. */
static size_t read_name(const uint8_t *data, size_t len, char *name)
{
  size_t pos = 0;
  size_t out = 0;
  while (pos < len && data[pos] != 0) {
    size_t part = data[pos];
    pos++;
    if (part > 63 || pos + part >= len || out + part + 2 > NAME_MAX_BYTES) {
      return 0;
    }
    if (out > 0) {
      name[out++] = '.';
    }
    for (size_t i = 0; i < part; i++) {
      uint8_t c = data[pos + i];
      name[out++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    pos += part;
  }
  name[out] = '\0';
  return pos < len ? pos + 1 : 0;
}

static void put16(dns_reply *reply, unsigned value)
{
  uint8_t *to = reply->data + 2 + reply->len;
  to[0] = (uint8_t)(value >> 8);
  to[1] = (uint8_t)value;
  reply->len += 2;
}

static void put32(dns_reply *reply, uint32_t value)
{
  put16(reply, value >> 16);
  put16(reply, value & 0xffff);
}

static void put_bytes(dns_reply *reply, const void *data, size_t len)
{
  memcpy(reply->data + 2 + reply->len, data, len);
  reply->len += len;
}

static void put_name(dns_reply *reply, const char *name)
{
  while (*name != '\0') {
    uint8_t part = (uint8_t)strcspn(name, ".");
    put_bytes(reply, &part, 1);
    put_bytes(reply, name, part);
    name += part + (name[part] == '.' ? 1 : 0);
  }
  put_bytes(reply, "", 1);
}

static void put_record_head(dns_reply *reply, size_t name_at, int type,
                            uint32_t ttl, size_t len)
{
  put16(reply, 0xc000U | (unsigned)name_at);
  put16(reply, (unsigned)type);
  put16(reply, CLASS_IN);
  put32(reply, ttl);
  put16(reply, (unsigned)len);
}

static void put_address(dns_reply *reply, size_t name_at, int family,
                        const char *text, uint32_t ttl)
{
  uint8_t raw[16];
  size_t len = family == AF_INET ? 4 : 16;
  if (inet_pton(family, text, raw) != 1) {
    fprintf(stderr, "dns_peer: no address: %s\n", text);
    abort();
  }
  put_record_head(reply, name_at, family == AF_INET ? TYPE_A : TYPE_AAAA, ttl,
                  len);
  put_bytes(reply, raw, len);
}

/* The records of |rule|; how many. */
static unsigned put_records(dns_reply *reply, const dns_rule *rule)
{
  const dns_answer *answer = &rule->answer;
  unsigned count = 0;
  size_t name_at = HEADER_BYTES;
  if (answer->cname != NULL) {
    put_record_head(reply, name_at, TYPE_CNAME, answer->ttl,
                    strlen(answer->cname) + 2);
    name_at = reply->len;
    put_name(reply, answer->cname);
    count++;
  }
  char text[64];
  for (unsigned i = 0; i < answer->many; i++) {
    snprintf(text, sizeof(text),
             rule->family == AF_INET ? "10.1.%u.%u" : "2001:db8::%x:%x",
             i / 256, i % 256);
    put_address(reply, name_at, rule->family, text, answer->ttl);
    count++;
  }
  const char *rest = answer->addresses == NULL ? "" : answer->addresses;
  while (*rest != '\0') {
    size_t len = strcspn(rest, ",");
    snprintf(text, sizeof(text), "%.*s", (int)len, rest);
    put_address(reply, name_at, rule->family, text, answer->ttl);
    count++;
    rest += len + (rest[len] == ',' ? 1 : 0);
  }
  return count;
}

static void reply_fill(dns_reply *reply, const dns_rule *rule,
                       const uint8_t *query, size_t question_len)
{
  bool is_cut = rule->answer.truncate && reply->conn == NULL;
  int rcode = rule->has_answer ? rule->answer.rcode : DNS_NXDOMAIN;
  put_bytes(reply, query, 2);
  put16(reply, 0x8180U | (is_cut ? 0x0200U : 0U) | (unsigned)rcode);
  put16(reply, 1);
  put16(reply, 0); /* answers, filled in below */
  put32(reply, 0);
  put_bytes(reply, query + HEADER_BYTES, question_len);
  unsigned count = is_cut || rcode != 0 ? 0 : put_records(reply, rule);
  reply->data[2 + 6] = (uint8_t)(count >> 8);
  reply->data[2 + 7] = (uint8_t)count;
  reply->data[0] = (uint8_t)(reply->len >> 8);
  reply->data[1] = (uint8_t)reply->len;
}

/* --- Sending --- */

static void reply_on_closed(uv_handle_t *handle)
{
  free(handle->data);
}

static void reply_free(dns_reply *reply)
{
  ah_list_remove(&reply->node);
  uv_close((uv_handle_t *)&reply->timer, reply_on_closed);
}

static void reply_on_sent(uv_udp_send_t *req, int status)
{
  (void)status; /* the resolver may be gone; that is its business */
  reply_free(req->data);
}

static void reply_on_written(uv_write_t *req, int status)
{
  (void)status;
  reply_free(req->data);
}

static void reply_send(uv_timer_t *timer)
{
  dns_reply *reply = timer->data;
  ah_list_remove(&reply->node);
  if (reply->conn == NULL) {
    uv_buf_t buf = uv_buf_init((char *)reply->data + 2, (unsigned)reply->len);
    reply->req.udp.data = reply;
    check(uv_udp_send(&reply->req.udp, &reply->peer->udp, &buf, 1,
                      (const struct sockaddr *)&reply->to, reply_on_sent),
          "send");
  } else {
    uv_buf_t buf = uv_buf_init((char *)reply->data, (unsigned)reply->len + 2);
    reply->req.tcp.data = reply;
    check(uv_write(&reply->req.tcp, (uv_stream_t *)&reply->conn->tcp, &buf, 1,
                   reply_on_written),
          "write");
  }
}

/* Drops the replies that wait for their time: all, or those of |conn|. */
static void peer_drop_waiting(dns_peer *peer, const dns_conn *conn)
{
  ah_list_node *node = peer->waiting.next;
  while (node != &peer->waiting) {
    dns_reply *reply = AH_CONTAINER(node, dns_reply, node);
    node = node->next;
    if (conn == NULL || reply->conn == conn) {
      reply_free(reply);
    }
  }
}

static void peer_answer(dns_peer *peer, const uint8_t *query, size_t len,
                        dns_conn *conn, const struct sockaddr *from)
{
  char name[NAME_MAX_BYTES];
  if (len < HEADER_BYTES + 5) {
    return;
  }
  size_t name_len = read_name(query + HEADER_BYTES, len - HEADER_BYTES, name);
  if (name_len == 0 || HEADER_BYTES + name_len + 4 > len) {
    return;
  }
  const uint8_t *type = query + HEADER_BYTES + name_len;
  int family = type[0] == 0 && type[1] == TYPE_A ? AF_INET : AF_INET6;
  dns_rule *rule = peer_rule(peer, name, family);
  rule->asked++;
  peer->asked_by_tcp += conn != NULL;
  if (rule->answer.drop || rule->asked <= rule->answer.drops) {
    return;
  }
  dns_reply *reply = allocate(sizeof(*reply));
  reply->peer = peer;
  reply->conn = conn;
  if (from != NULL) {
    memcpy(&reply->to, from, sizeof(struct sockaddr_in));
  }
  reply_fill(reply, rule, query, name_len + 4);
  ah_list_push_back(&peer->waiting, &reply->node);
  check(uv_timer_init(peer->uv, &reply->timer), "timer");
  reply->timer.data = reply;
  uv_unref((uv_handle_t *)&reply->timer);
  check(uv_timer_start(&reply->timer, reply_send, rule->answer.delay_ms, 0),
        "timer");
}

/* --- UDP --- */

static void udp_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
  (void)suggested;
  dns_peer *peer = handle->data;
  *buf = uv_buf_init((char *)peer->buffer, sizeof(peer->buffer));
}

static void udp_on_recv(uv_udp_t *udp, ssize_t len, const uv_buf_t *buf,
                        const struct sockaddr *from, unsigned flags)
{
  (void)flags;
  if (len > 0 && from != NULL) {
    peer_answer(udp->data, (const uint8_t *)buf->base, (size_t)len, NULL, from);
  }
}

/* --- TCP --- */

static void conn_on_closed(uv_handle_t *handle)
{
  free(handle->data);
}

static void conn_close(dns_conn *conn)
{
  peer_drop_waiting(conn->peer, conn);
  ah_list_remove(&conn->node);
  uv_close((uv_handle_t *)&conn->tcp, conn_on_closed);
}

static void conn_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
  (void)suggested;
  dns_conn *conn = handle->data;
  *buf = uv_buf_init((char *)conn->input + conn->len,
                     (unsigned)(sizeof(conn->input) - conn->len));
}

static void conn_on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
  (void)buf;
  dns_conn *conn = stream->data;
  if (len < 0) {
    conn_close(conn);
    return;
  }
  conn->len += (size_t)len;
  while (conn->len >= 2) {
    size_t message = (size_t)(conn->input[0] << 8 | conn->input[1]);
    if (conn->len < message + 2) {
      return;
    }
    peer_answer(conn->peer, conn->input + 2, message, conn, NULL);
    conn->len -= message + 2;
    memmove(conn->input, conn->input + message + 2, conn->len);
  }
}

static void tcp_on_connection(uv_stream_t *listener, int status)
{
  check(status, "connection");
  dns_conn *conn = allocate(sizeof(*conn));
  conn->peer = listener->data;
  check(uv_tcp_init(listener->loop, &conn->tcp), "tcp");
  conn->tcp.data = conn;
  ah_list_push_back(&conn->peer->conns, &conn->node);
  uv_unref((uv_handle_t *)&conn->tcp);
  check(uv_accept(listener, (uv_stream_t *)&conn->tcp), "accept");
  check(uv_read_start((uv_stream_t *)&conn->tcp, conn_on_alloc, conn_on_read),
        "read");
}

/* --- Life --- */

/* Binds TCP to a free port and UDP to the same; false if that one is taken.  In
 * this order: after many connections few TCP ports are free, of UDP nearly all
 * are. */
static bool peer_bind(dns_peer *peer)
{
  struct sockaddr_in address;
  check(uv_ip4_addr("127.0.0.1", 0, &address), "address");
  check(uv_tcp_bind(&peer->tcp, (const struct sockaddr *)&address, 0), "bind");
  check(uv_listen((uv_stream_t *)&peer->tcp, 16, tcp_on_connection), "listen");
  int len = sizeof(address);
  check(uv_tcp_getsockname(&peer->tcp, (struct sockaddr *)&address, &len),
        "port");
  peer->port = ntohs(address.sin_port);
  return uv_udp_bind(&peer->udp, (const struct sockaddr *)&address, 0) == 0;
}

static void peer_on_closed(uv_handle_t *handle)
{
  dns_peer *peer = handle->data;
  peer->handles_open--;
  if (peer->handles_open == 0) {
    free(peer);
  }
}

dns_peer *dns_peer_start(uv_loop_t *uv)
{
  for (int attempt = 0; attempt < 20; attempt++) {
    dns_peer *peer = allocate(sizeof(*peer));
    peer->uv = uv;
    ah_list_init(&peer->waiting);
    ah_list_init(&peer->conns);
    check(uv_udp_init(uv, &peer->udp), "udp");
    check(uv_tcp_init(uv, &peer->tcp), "tcp");
    peer->handles_open = 2;
    peer->udp.data = peer;
    peer->tcp.data = peer;
    uv_unref((uv_handle_t *)&peer->udp);
    uv_unref((uv_handle_t *)&peer->tcp);
    if (peer_bind(peer)) {
      check(uv_udp_recv_start(&peer->udp, udp_on_alloc, udp_on_recv), "recv");
      snprintf(peer->server, sizeof(peer->server), "127.0.0.1:%u",
               (unsigned)peer->port);
      return peer;
    }
    dns_peer_stop(peer);
  }
  fprintf(stderr, "dns_peer: no port\n");
  abort();
}

void dns_peer_stop(dns_peer *peer)
{
  peer_drop_waiting(peer, NULL);
  ah_list_node *node;
  while ((node = ah_list_first(&peer->conns)) != NULL) {
    conn_close(AH_CONTAINER(node, dns_conn, node));
  }
  uv_close((uv_handle_t *)&peer->udp, peer_on_closed);
  uv_close((uv_handle_t *)&peer->tcp, peer_on_closed);
}

uint16_t dns_peer_port(const dns_peer *peer)
{
  return peer->port;
}

const char *dns_peer_server(const dns_peer *peer)
{
  return peer->server;
}

void dns_peer_set(dns_peer *peer, const char *name, int family,
                  const dns_answer *answer)
{
  dns_rule *rule = peer_rule(peer, name, family);
  rule->answer = *answer;
  rule->has_answer = true;
}

unsigned dns_peer_asked(const dns_peer *peer, const char *name, int family)
{
  for (size_t i = 0; i < peer->rule_count; i++) {
    const dns_rule *rule = &peer->rules[i];
    if (rule->family == family && strcmp(rule->name, name) == 0) {
      return rule->asked;
    }
  }
  return 0;
}

unsigned dns_peer_asked_by_tcp(const dns_peer *peer)
{
  return peer->asked_by_tcp;
}
