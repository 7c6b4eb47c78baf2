/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/socks5.h"

#include <string.h>

#include <openssl/crypto.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/str.h"
#include "net/loop.h"

/*
 * What the proxy says is read into |reply|, as many bytes as the next step
 * needs, however they come.  Steps whose length depends on what they say raise
 * |need| and go on.
 */
enum {
  SOCKS_VERSION = 5,
  SOCKS_AUTH_VERSION = 1, /* RFC 1929, section 2 */
  SOCKS_CONNECT = 1,

  METHOD_NONE = 0, /* RFC 1928, section 3 */
  METHOD_PASSWORD = 2,
  METHOD_UNACCEPTABLE = 255,

  ADDRESS_V4 = 1, /* section 5 */
  ADDRESS_NAME = 3,
  ADDRESS_V6 = 4,

  V4_BYTES = 4,
  V6_BYTES = 16,
  PORT_BYTES = 2,

  CHOICE_BYTES = 2,     /* version, method */
  VERDICT_BYTES = 2,    /* version, status */
  REPLY_HEAD_BYTES = 5, /* version, reply, reserved, kind of address, and the
                           length of a name or the first byte of an address */
  REPLY_BYTES_MAX = REPLY_HEAD_BYTES + AH_SOCKS5_TEXT_BYTES_MAX + PORT_BYTES
};

typedef enum socks_step {
  SOCKS_CHOICE,  /* the proxy chooses the method */
  SOCKS_VERDICT, /* ... says what it thinks of the password */
  SOCKS_REPLY,   /* ... says whether it has connected */
  SOCKS_ADDRESS  /* ... and from which address, which does not matter */
} socks_step;

typedef struct socks5 {
  ah_negotiator base;
  socks_step step;
  size_t need; /* have <= need <= sizeof(reply) */
  size_t have;
  uint8_t reply[REPLY_BYTES_MAX];
  ah_address address;
  bool has_address;
  uint16_t port;
  uint8_t host_len;
  uint8_t username_len;
  uint8_t password_len;
  char host[AH_SOCKS5_TEXT_BYTES_MAX];
  char username[AH_SOCKS5_TEXT_BYTES_MAX];
  char password[AH_SOCKS5_TEXT_BYTES_MAX];
} socks5;

static socks5 *socks_from(ah_negotiator *base)
{
  return AH_CONTAINER(base, socks5, base);
}

static void socks_expect(socks5 *self, socks_step step, size_t need)
{
  self->step = step;
  self->need = need;
  self->have = 0;
}

static int socks_append(ah_buf *out, const void *data, size_t len,
                        ahttp_error *err)
{
  int rv = ah_buf_append(out, data, len);
  if (rv != AHTTP_OK) {
    ah_error_plain(err, rv, AHTTP_PHASE_CONNECT);
  }
  return rv;
}

/* RFC 1928, section 3. */
static int socks_begin(ah_negotiator *base, ah_buf *out, ahttp_error *err)
{
  socks5 *self = socks_from(base);
  static const uint8_t without[] = {SOCKS_VERSION, 1, METHOD_NONE};
  static const uint8_t with[] = {SOCKS_VERSION, 2, METHOD_NONE,
                                 METHOD_PASSWORD};
  socks_expect(self, SOCKS_CHOICE, CHOICE_BYTES);
  return self->username_len == 0
             ? socks_append(out, without, sizeof(without), err)
             : socks_append(out, with, sizeof(with), err);
}

/* RFC 1929, section 2. */
static int socks_say_password(socks5 *self, ah_buf *out, ahttp_error *err)
{
  uint8_t said[3 + 2 * AH_SOCKS5_TEXT_BYTES_MAX];
  size_t len = 0;
  said[len++] = SOCKS_AUTH_VERSION;
  said[len++] = self->username_len;
  memcpy(said + len, self->username, self->username_len);
  len += self->username_len;
  said[len++] = self->password_len;
  memcpy(said + len, self->password, self->password_len);
  len += self->password_len;
  socks_expect(self, SOCKS_VERDICT, VERDICT_BYTES);
  int rv = socks_append(out, said, len, err);
  OPENSSL_cleanse(said, sizeof(said));
  return rv == AHTTP_OK ? AH_MORE : rv;
}

static size_t socks_put_target(const socks5 *self, uint8_t *dst)
{
  size_t len = 0;
  if (!self->has_address) {
    dst[len++] = ADDRESS_NAME;
    dst[len++] = self->host_len;
    memcpy(dst + len, self->host, self->host_len);
    return len + self->host_len;
  }
  if (self->address.any.sa_family == AF_INET) {
    dst[len++] = ADDRESS_V4;
    memcpy(dst + len, &self->address.v4.sin_addr, V4_BYTES);
    return len + V4_BYTES;
  }
  dst[len++] = ADDRESS_V6;
  memcpy(dst + len, &self->address.v6.sin6_addr, V6_BYTES);
  return len + V6_BYTES;
}

/* RFC 1928, section 4. */
static int socks_say_request(socks5 *self, ah_buf *out, ahttp_error *err)
{
  uint8_t said[REPLY_BYTES_MAX];
  size_t len = 0;
  said[len++] = SOCKS_VERSION;
  said[len++] = SOCKS_CONNECT;
  said[len++] = 0;
  len += socks_put_target(self, said + len);
  said[len++] = (uint8_t)(self->port >> 8);
  said[len++] = (uint8_t)(self->port & 255);
  ah_assert(len <= sizeof(said));
  socks_expect(self, SOCKS_REPLY, REPLY_HEAD_BYTES);
  int rv = socks_append(out, said, len, err);
  return rv == AHTTP_OK ? AH_MORE : rv;
}

static int socks_fail(ahttp_error *err, int code, const char *why)
{
  ah_error_say(err, code, AHTTP_PHASE_CONNECT, "%s", why);
  return code;
}

static int socks_read_choice(socks5 *self, ah_buf *out, ahttp_error *err)
{
  if (self->reply[0] != SOCKS_VERSION) {
    return socks_fail(err, AHTTP_EPROTO, "the proxy does not speak SOCKS5");
  }
  uint8_t method = self->reply[1];
  if (method == METHOD_NONE) {
    return socks_say_request(self, out, err);
  }
  if (method == METHOD_PASSWORD && self->username_len > 0) {
    return socks_say_password(self, out, err);
  }
  if (method != METHOD_UNACCEPTABLE) {
    return socks_fail(err, AHTTP_EPROTO,
                      "the SOCKS5 proxy chose an authentication that was not "
                      "offered");
  }
  return socks_fail(err, AHTTP_EPROXY,
                    self->username_len > 0
                        ? "the SOCKS5 proxy accepts neither a password nor "
                          "none"
                        : "the SOCKS5 proxy asks for a username and password");
}

/* The version is not looked at: some servers say 5 here. */
static int socks_read_verdict(socks5 *self, ah_buf *out, ahttp_error *err)
{
  if (self->reply[1] != 0) {
    return socks_fail(err, AHTTP_EPROXY,
                      "the SOCKS5 proxy refused the username and password");
  }
  return socks_say_request(self, out, err);
}

/* RFC 1928, section 6. */
static const char *reply_text(uint8_t reply)
{
  static const char *const texts[] = {
      [1] = "general failure",     [2] = "not allowed by its rules",
      [3] = "network unreachable", [4] = "host unreachable",
      [5] = "connection refused",  [6] = "time to live expired",
      [7] = "it knows no CONNECT", [8] = "it knows no such kind of address",
  };
  return reply < sizeof(texts) / sizeof(texts[0]) ? texts[reply]
                                                  : "unknown reason";
}

static int socks_fail_reply(const socks5 *self, ahttp_error *err)
{
  char address[AH_ADDRESS_TEXT_BYTES];
  ah_error_say(err, AHTTP_EPROXY, AHTTP_PHASE_CONNECT,
               "the SOCKS5 proxy could not connect to %.*s%s port %u: %s (%u)",
               (int)self->host_len, self->host,
               self->host_len > 0
                   ? ""
                   : ah_address_print(&self->address, address, sizeof(address)),
               (unsigned)self->port, reply_text(self->reply[1]),
               (unsigned)self->reply[1]);
  return err->code;
}

static int socks_read_reply(socks5 *self, ahttp_error *err)
{
  if (self->reply[0] != SOCKS_VERSION) {
    return socks_fail(err, AHTTP_EPROTO, "the proxy does not speak SOCKS5");
  }
  if (self->reply[1] != 0) {
    return socks_fail_reply(self, err);
  }
  size_t address_len;
  switch (self->reply[3]) {
  case ADDRESS_V4:
    address_len = V4_BYTES - 1; /* one is in the head */
    break;
  case ADDRESS_V6:
    address_len = V6_BYTES - 1;
    break;
  case ADDRESS_NAME:
    address_len = self->reply[4];
    break;
  default:
    return socks_fail(err, AHTTP_EPROTO,
                      "the SOCKS5 proxy answered with an unknown kind of "
                      "address");
  }
  socks_expect(self, SOCKS_ADDRESS, address_len + PORT_BYTES);
  return AH_MORE;
}

/* A step is complete. */
static int socks_advance(socks5 *self, ah_buf *out, ahttp_error *err)
{
  switch (self->step) {
  case SOCKS_CHOICE:
    return socks_read_choice(self, out, err);
  case SOCKS_VERDICT:
    return socks_read_verdict(self, out, err);
  case SOCKS_REPLY:
    return socks_read_reply(self, err);
  case SOCKS_ADDRESS:
    break;
  }
  return AHTTP_OK;
}

/* A refusal is complete before its address is, which may never come: RFC 1928,
 * section 6, has the proxy close soon after. */
static bool socks_is_refused(const socks5 *self)
{
  return self->step == SOCKS_REPLY && self->have >= 2 && self->reply[1] != 0;
}

static int socks_read(ah_negotiator *base, const uint8_t *data, size_t len,
                      size_t *consumed, ah_buf *out, ahttp_error *err)
{
  socks5 *self = socks_from(base);
  int rv = AH_MORE;
  *consumed = 0;
  while (rv == AH_MORE && *consumed < len) {
    size_t part = self->need - self->have;
    if (part > len - *consumed) {
      part = len - *consumed;
    }
    memcpy(self->reply + self->have, data + *consumed, part);
    self->have += part;
    *consumed += part;
    if (self->have == self->need || socks_is_refused(self)) {
      rv = socks_advance(self, out, err);
    }
  }
  return rv;
}

static void socks_end(ah_negotiator *base, ahttp_error *err)
{
  static const char *const when[] = {
      [SOCKS_CHOICE] = "at once",
      [SOCKS_VERDICT] = "after the username and password",
      [SOCKS_REPLY] = "before it said whether it could connect",
      [SOCKS_ADDRESS] = "in the middle of its answer",
  };
  ah_error_say(err, AHTTP_EPROXY, AHTTP_PHASE_CONNECT,
               "the SOCKS5 proxy closed the connection %s",
               when[socks_from(base)->step]);
}

static void socks_free(ah_negotiator *base)
{
  socks5 *self = socks_from(base);
  OPENSSL_cleanse(self, sizeof(*self));
  ah_free(self);
}

static const ah_negotiator_ops socks_ops = {
    .name = "socks5",
    .begin = socks_begin,
    .read = socks_read,
    .end = socks_end,
    .free = socks_free,
};

/* Copies |text|; false if there is no room. */
static bool text_copy(char *dst, uint8_t *len, ahttp_str text)
{
  if (text.len > AH_SOCKS5_TEXT_BYTES_MAX) {
    return false;
  }
  if (text.len > 0) {
    memcpy(dst, text.ptr, text.len);
  }
  *len = (uint8_t)text.len;
  return true;
}

static int socks_set_opts(socks5 *self, const ah_socks5_opts *opts,
                          ahttp_error *err)
{
  self->port = opts->port;
  if (!text_copy(self->username, &self->username_len, opts->username) ||
      !text_copy(self->password, &self->password_len, opts->password)) {
    return socks_fail(err, AHTTP_EINVAL,
                      "SOCKS5 has room for 255 bytes of username and password");
  }
  if (opts->address != NULL) {
    self->address = *opts->address;
    self->has_address = true;
  } else {
    self->has_address = ah_address_parse(&self->address, opts->host, 0);
  }
  if (!text_copy(self->host, &self->host_len, opts->host)) {
    return socks_fail(err, AHTTP_EINVAL,
                      "SOCKS5 has room for 255 bytes of host name");
  }
  return AHTTP_OK;
}

int ah_socks5_new(ah_negotiator **out, const ah_socks5_opts *opts,
                  ahttp_error *err)
{
  *out = NULL;
  socks5 *self = ah_calloc(1, sizeof(*self));
  if (self == NULL) {
    ah_error_plain(err, AHTTP_ENOMEM, AHTTP_PHASE_CONNECT);
    return AHTTP_ENOMEM;
  }
  self->base.ops = &socks_ops;
  int rv = socks_set_opts(self, opts, err);
  if (rv != AHTTP_OK) {
    socks_free(&self->base);
    return rv;
  }
  *out = &self->base;
  return AHTTP_OK;
}
