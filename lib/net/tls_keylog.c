/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/tls_keylog.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The longest line of the format: a label of 31 characters, the client random
 * (64 hexadecimal digits) and a secret (96), with room to spare. */
enum {
  KEYLOG_LINE_BYTES_MAX = 512
};

/* Open from the first TLS context to the end of the process: connections of
 * any thread may write to it. */
static int keylog_fd = -1;
static pthread_once_t keylog_once = PTHREAD_ONCE_INIT;

static void keylog_open(void)
{
  const char *path = secure_getenv("SSLKEYLOGFILE");
  if (path != NULL && path[0] != '\0') {
    keylog_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
                     S_IRUSR | S_IWUSR);
  }
}

static void keylog_on_line(const SSL *ssl, const char *line)
{
  (void)ssl;
  char text[KEYLOG_LINE_BYTES_MAX];
  size_t len = strlen(line);
  if (len >= sizeof(text)) {
    return;
  }
  memcpy(text, line, len);
  text[len] = '\n';
  /* One call, so lines of several threads do not mix.  A full disk must not
   * disturb the connection. */
  ssize_t written = write(keylog_fd, text, len + 1);
  (void)written;
}

void ah_tls_keylog_attach(SSL_CTX *ctx)
{
  (void)pthread_once(&keylog_once, keylog_open);
  if (keylog_fd >= 0) {
    SSL_CTX_set_keylog_callback(ctx, keylog_on_line);
  }
}
