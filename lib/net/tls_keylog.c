/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/tls_keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

/* The longest line of the format: a label of 31 characters, the client random
 * (64 hexadecimal digits) and a secret (96), with room to spare. */
enum {
  KEYLOG_LINE_BYTES_MAX = 512
};

/* Open from the first TLS context to the end of the process: connections of
 * any thread may write to it. */
static int keylog_fd = -1;
static pthread_once_t keylog_once = PTHREAD_ONCE_INIT;

static int file_open(const char *path)
{
  return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
              S_IRUSR | S_IWUSR);
}

static void keylog_open(void)
{
  const char *path = secure_getenv("SSLKEYLOGFILE");
  if (path != NULL && path[0] != '\0') {
    keylog_fd = file_open(path);
  }
}

/* One call, so lines of several threads do not mix.  A full disk must not
 * disturb the connection. */
static void file_write(int fd, const char *text, size_t len)
{
  if (fd >= 0) {
    ssize_t written = write(fd, text, len);
    (void)written;
  }
}

static void keylog_on_line(const SSL *ssl, const char *line)
{
  const ah_tls_keylog *log = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
  char text[KEYLOG_LINE_BYTES_MAX];
  size_t len = strlen(line);
  if (len >= sizeof(text)) {
    return;
  }
  memcpy(text, line, len);
  text[len] = '\n';
  file_write(keylog_fd, text, len + 1);
  file_write(log->fd, text, len + 1);
}

void ah_tls_keylog_init(ah_tls_keylog *log)
{
  log->fd = -1;
}

void ah_tls_keylog_clear(ah_tls_keylog *log)
{
  if (log->fd >= 0) {
    (void)close(log->fd);
  }
  log->fd = -1;
}

int ah_tls_keylog_open(ah_tls_keylog *log, const char *path, ahttp_error *err)
{
  ah_tls_keylog_clear(log);
  log->fd = file_open(path);
  if (log->fd >= 0) {
    return AHTTP_OK;
  }
  int os_errno = errno;
  ah_error_set(err, AHTTP_ETLS, AHTTP_PHASE_TLS, AHTTP_DOMAIN_OS, os_errno,
               "the key log %s cannot be opened: %s", path, strerror(os_errno));
  return AHTTP_ETLS;
}

void ah_tls_keylog_attach(ah_tls_keylog *log, SSL_CTX *ctx)
{
  (void)pthread_once(&keylog_once, keylog_open);
  if (keylog_fd >= 0 || log->fd >= 0) {
    SSL_CTX_set_app_data(ctx, log);
    SSL_CTX_set_keylog_callback(ctx, keylog_on_line);
  }
}
