/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/proxy_servers.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/certificates.h"

enum {
  TEXT_BYTES_MAX = 4096
};

/* Formats into |text|; a configuration that does not fit ends the program. */
#define PRINT(text, ...)                                     \
  do {                                                       \
    int printed = snprintf(text, sizeof(text), __VA_ARGS__); \
    if (printed < 0 || (size_t)printed >= sizeof(text)) {    \
      exit(99);                                              \
    }                                                        \
  } while (0)

/* --- Squid. ----------------------------------------------------------------
 */

/* Squid's own helper for Basic wants hashed passwords; this one does not. */
static const char basic_helper[] =
    "while read -r username password; do\n"
    "  if [ \"$username $password\" = '" PROXY_USERNAME " " PROXY_PASSWORD
    "' ]; then echo OK; else echo ERR; fi\n"
    "done\n";

static void squid_print_log(const squid *server, char *path, size_t cap)
{
  (void)snprintf(path, cap, "%s/%s", server_dir(), server->name);
}

static char *squid_write_config(const squid *server, bool with_basic,
                                const test_certificate_files *files)
{
  char log[400];
  char basic[600] = "";
  char text[TEXT_BYTES_MAX];
  char name[64];
  squid_print_log(server, log, sizeof(log));
  char *helper = server_write_file("basic.sh", basic_helper);
  char *users =
      server_write_file("digest.users", PROXY_USERNAME ":" PROXY_PASSWORD "\n");
  if (with_basic) {
    PRINT(basic,
          "auth_param basic program /bin/sh %s\n"
          "auth_param basic children 1\nauth_param basic realm test\n",
          helper);
  }
  PRINT(text,
        "http_port 127.0.0.1:%u name=open\n"
        "http_port 127.0.0.1:%u name=guarded\n"
        "https_port 127.0.0.1:%u name=tls tls-cert=%s tls-key=%s\n"
        "https_port 127.0.0.1:%u name=guarded_tls tls-cert=%s tls-key=%s\n"
        "auth_param digest program /usr/lib/squid/digest_file_auth %s\n"
        "auth_param digest children 1\nauth_param digest realm test\n%s"
        "acl guarded myportname guarded guarded_tls\n"
        "acl users proxy_auth REQUIRED\n"
        "http_access deny guarded !users\nhttp_access allow all\n"
        "cache_effective_user proxy\ncache deny all\nforwarded_for delete\n"
        "access_log stdio:%s\ncache_log /dev/null\npid_filename none\n"
        "netdb_filename none\nshutdown_lifetime 0 seconds\n"
        "cache_mem 8 MB\nmax_filedescriptors 1024\ncoredump_dir /tmp\n",
        (unsigned)server->open, (unsigned)server->guarded,
        (unsigned)server->tls, files->cert_file, files->key_file,
        (unsigned)server->guarded_tls, files->cert_file, files->key_file, users,
        basic, log);
  free(users);
  free(helper);
  PRINT(name, "%s.conf", server->name);
  return server_write_file(name, text);
}

/* It drops its privileges before it opens the log. */
static void squid_make_log(const squid *server)
{
  char path[400];
  squid_print_log(server, path, sizeof(path));
  FILE *file = fopen(path, "w");
  if (file == NULL || fclose(file) != 0 || chmod(path, 0666) != 0) {
    perror(path);
    exit(99);
  }
}

/* What is left there of one that was killed would keep another from starting.
 */
static void squid_remove_memory(const squid *server)
{
  DIR *dir = opendir("/dev/shm");
  const struct dirent *entry;
  size_t len = strlen(server->name);
  while (dir != NULL && (entry = readdir(dir)) != NULL) {
    char path[400];
    if (strncmp(entry->d_name, server->name, len) == 0 &&
        entry->d_name[len] == '-') {
      PRINT(path, "/dev/shm/%s", entry->d_name);
      (void)unlink(path);
    }
  }
  if (dir != NULL) {
    (void)closedir(dir);
  }
}

/* Of an authority of their own: who trusts the servers does not trust the
 * proxies. */
static const test_certificate_files *squid_certificates(void)
{
  static char ca[400];
  static char cert[400];
  static char key[400];
  static const test_certificate_files own = {ca, cert, key};
  char dir[300];
  if (ca[0] != '\0') {
    return &own;
  }
  PRINT(dir, "%s/proxy", server_dir());
  (void)mkdir(dir, 0755);
  const test_certificate_files *files = test_certificates(dir);
  PRINT(ca, "%s", files->ca_file);
  PRINT(cert, "%s", files->cert_file);
  PRINT(key, "%s", files->key_file);
  return &own;
}

void squid_open(squid *server, bool with_basic)
{
  static unsigned count;
  const test_certificate_files *files = squid_certificates();
  *server = (squid){.open = server_free_port(),
                    .guarded = server_free_port(),
                    .tls = server_free_port(),
                    .guarded_tls = server_free_port(),
                    .ca_file = files->ca_file};
  PRINT(server->name, "ahttp%dx%u", (int)getpid(), count++);
  squid_make_log(server);
  char *path = squid_write_config(server, with_basic, files);
  const char *const argv[] = {"squid", "-N", "-n", server->name,
                              "-f",    path, NULL};
  server->process = server_start(argv, server->open);
  server_wait(server->process, server->guarded_tls);
  free(path);
}

void squid_close(squid *server)
{
  server_stop(server->process);
  squid_remove_memory(server);
}

size_t squid_count(const squid *server, const char *text)
{
  char path[400];
  char line[2048];
  size_t count = 0;
  squid_print_log(server, path, sizeof(path));
  FILE *file = fopen(path, "r");
  while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
    count += strstr(line, text) != NULL;
  }
  if (file != NULL) {
    (void)fclose(file);
  }
  return count;
}

/* --- Dante. ----------------------------------------------------------------
 */

static const char dante_config[] =
    "logoutput: stderr\n"
    "internal: 127.0.0.1 port = %u\nexternal: lo\n"
    "socksmethod: %s\nclientmethod: none\n"
    "user.privileged: root\nuser.unprivileged: nobody\n"
    "client pass { from: 0/0 to: 0/0 }\n"
    "socks pass { from: 0/0 to: 0/0 socksmethod: %s }\n";

/*
 * Dante asks the system for its users.  So that the system is not changed, it
 * gets a user of its own, in a mount namespace of its own.  The password is
 * PROXY_PASSWORD's, by crypt(3).
 */
static const char dante_with_users[] =
    "set -e\n"
    "(cat /etc/passwd; echo '" PROXY_USERNAME
    ":x:65000:65534::/:/usr/sbin/nologin') >\"$1/passwd\"\n"
    "(umask 077; echo \"" PROXY_USERNAME ":$(openssl passwd -6 '" PROXY_PASSWORD
    "'):19000:0:99999:7:::\" >\"$1/shadow\")\n"
    "mount --bind \"$1/passwd\" /etc/passwd\n"
    "mount --bind \"$1/shadow\" /etc/shadow\n"
    "exec danted -f \"$2\"\n";

void dante_open(dante *server, bool with_password)
{
  char text[TEXT_BYTES_MAX];
  const char *method = with_password ? "username" : "none";
  server->port = server_free_port();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  PRINT(text, dante_config, (unsigned)server->port, method, method);
#pragma GCC diagnostic pop
  char *config =
      server_write_file(with_password ? "dante1.conf" : "dante0.conf", text);
  const char *const plain[] = {"danted", "-f", config, NULL};
  const char *const guarded[] = {"unshare",
                                 geteuid() == 0 ? "-m" : "-rm",
                                 "sh",
                                 "-c",
                                 dante_with_users,
                                 "sh",
                                 server_dir(),
                                 config,
                                 NULL};
  server->process = server_start(with_password ? guarded : plain, server->port);
  free(config);
}

void dante_close(dante *server)
{
  server_stop(server->process);
}
