/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/nginx.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/certificates.h"

const size_t nginx_file_sizes[NGINX_FILES] = {0,     1,     100,   1460,
                                              16384, 20000, 65536, 1000000};
#define SETTLING_PATH "/settled"
enum {
  FILE_BYTES_MAX = 1000000
};

/* One connection per line of its own: $connection is its serial number. */
static const char config[] =
    "daemon off; worker_processes 1; pid %s/nginx.pid; error_log "
    "%s/nginx.err;\n"
    "events { worker_connections 4096; }\n"
    "http {\n"
    "  log_format conn '$connection $server_port $request_method $uri';\n"
    "  access_log %s/nginx.access conn;\n"
    "  client_body_temp_path %s; proxy_temp_path %s; fastcgi_temp_path %s;\n"
    "  uwsgi_temp_path %s; scgi_temp_path %s;\n"
    "  root %s/www; keepalive_requests 1000000; client_max_body_size 100m;\n"
    "  ssl_certificate %s; ssl_certificate_key %s;\n"
    "  server { listen 127.0.0.1:%u; LOCATIONS }\n"
    "  server { listen 127.0.0.1:%u ssl; LOCATIONS }\n"
    "  server { listen 127.0.0.1:%u ssl http2; LOCATIONS }\n"
    "}\n";

static const char locations[] =
    "location /empty { return 204; }"
    "location /gone { return 302 /f/2; }"
    "location /missing { return 404; }"
    "location /cut { return 444; }"
    "location /packed { alias www/f; gzip on; gzip_types *;"
    "  gzip_min_length 1; }"
    "location /accept { return 200 '[$http_accept_encoding]'; }"
    "location /slow { alias www/f; limit_rate 65536; }"
    "location /echo { return 200 $request_method:$http_x_test; }";

/* Puts |with| where |what| is, everywhere; the result is for free(). */
static char *replace_all(const char *text, const char *what, const char *with)
{
  char *out = NULL;
  size_t len = 0;
  FILE *stream = open_memstream(&out, &len);
  const char *hit;
  while ((hit = strstr(text, what)) != NULL) {
    (void)fwrite(text, 1, (size_t)(hit - text), stream);
    (void)fputs(with, stream);
    text = hit + strlen(what);
  }
  (void)fputs(text, stream);
  (void)fclose(stream);
  return out;
}

const uint8_t *nginx_file(size_t index)
{
  static uint8_t bytes[NGINX_FILES][FILE_BYTES_MAX];
  uint8_t *data = bytes[index];
  uint32_t x = (uint32_t)(index + 1) * 2654435761U;
  for (size_t i = 0; i < nginx_file_sizes[index]; i++) {
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    data[i] = (uint8_t)x;
  }
  return data;
}

static void write_files(void)
{
  char path[400];
  (void)snprintf(path, sizeof(path), "%s/www", server_dir());
  (void)mkdir(path, 0755);
  (void)snprintf(path, sizeof(path), "%s/www/f", server_dir());
  (void)mkdir(path, 0755);
  for (size_t i = 0; i < NGINX_FILES; i++) {
    (void)snprintf(path, sizeof(path), "%s/www/f/%zu", server_dir(), i);
    FILE *file = fopen(path, "wb");
    if (file == NULL ||
        fwrite(nginx_file(i), 1, nginx_file_sizes[i], file) !=
            nginx_file_sizes[i] ||
        fclose(file) != 0) {
      perror(path);
      exit(99);
    }
  }
}

static char *write_config(nginx *server, const test_certificate_files *files)
{
  const char *d = server_dir();
  char *text;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  if (asprintf(&text, config, d, d, d, d, d, d, d, d, d, files->cert_file,
               files->key_file, (unsigned)server->http, (unsigned)server->https,
               (unsigned)server->h2) < 0) {
    exit(99);
  }
#pragma GCC diagnostic pop
  char *whole = replace_all(text, "LOCATIONS", locations);
  char *path = server_write_file("nginx.conf", whole);
  free(whole);
  free(text);
  return path;
}

void nginx_open(nginx *server)
{
  memset(server, 0, sizeof(*server));
  server->http = server_free_port();
  server->https = server_free_port();
  server->h2 = server_free_port();
  write_files();
  const test_certificate_files *files = test_certificates(server_dir());
  server->ca_file = files->ca_file;
  char *path = write_config(server, files);
  const char *const argv[] = {"nginx", "-p", server_dir(), "-c", path, NULL};
  server->process = server_start(argv, server->h2);
  free(path);
}

void nginx_close(nginx *server)
{
  server_stop(server->process);
}

static int compare_longs(const void *a, const void *b)
{
  long x = *(const long *)a;
  long y = *(const long *)b;
  return (x > y) - (x < y);
}

/* nginx writes a request's line to the log after its response, in the same turn
 * of its only worker.  So when a further request has been answered, all earlier
 * ones are in the log. */
static void settle_log(const nginx *server)
{
  static const char request[] = "GET " SETTLING_PATH " HTTP/1.0\r\n\r\n";
  const struct sockaddr_in addr = {.sin_family = AF_INET,
                                   .sin_port = htons(server->http),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  char answer[512];
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 ||
      connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0 ||
      send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0) {
    perror("nginx");
    exit(99);
  }
  while (recv(fd, answer, sizeof(answer), 0) > 0) {
  }
  (void)close(fd);
}

size_t nginx_connections(const nginx *server)
{
  settle_log(server);
  char path[400];
  (void)snprintf(path, sizeof(path), "%s/nginx.access", server_dir());
  FILE *file = fopen(path, "r");
  if (file == NULL) {
    return 0;
  }
  size_t count = 0;
  size_t cap = 1024;
  long *ids = malloc(cap * sizeof(*ids));
  char line[512];
  while (ids != NULL && fgets(line, sizeof(line), file) != NULL) {
    if (strstr(line, SETTLING_PATH) != NULL) {
      continue;
    }
    if (count == cap) {
      cap *= 2;
      ids = realloc(ids, cap * sizeof(*ids));
    }
    if (ids != NULL) {
      ids[count++] = strtol(line, NULL, 10);
    }
  }
  (void)fclose(file);
  if (ids == NULL) {
    exit(99);
  }
  qsort(ids, count, sizeof(*ids), compare_longs);
  size_t different = 0;
  for (size_t i = 0; i < count; i++) {
    different += i == 0 || ids[i] != ids[i - 1];
  }
  free(ids);
  return different;
}
