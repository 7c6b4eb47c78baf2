/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/server_process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long a server may take to listen; servers under a sanitizer's load on two
 * busy cores took up to 3 s. */
enum {
  START_MS_MAX = 20000,
  PROBE_MS = 10
};

struct server_process {
  pid_t pid;
};

static char dir[256];
static pid_t dir_owner;

__attribute__((format(printf, 1, 2))) _Noreturn static void
die(const char *format, ...)
{
  va_list args;
  va_start(args, format);
  (void)vfprintf(stderr, format, args);
  va_end(args);
  (void)fputc('\n', stderr);
  exit(99); /* automake's "hard error" */
}

static int remove_entry(const char *path, const struct stat *st, int type,
                        struct FTW *ftw)
{
  (void)st;
  (void)type;
  (void)ftw;
  return remove(path);
}

static void remove_dir(void)
{
  if (dir_owner == getpid()) {
    (void)nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  }
}

const char *server_dir(void)
{
  if (dir[0] != '\0') {
    return dir;
  }
  const char *tmp = getenv("TMPDIR");
  (void)snprintf(dir, sizeof(dir), "%s/ahttp-test-XXXXXX",
                 tmp == NULL ? "/tmp" : tmp);
  if (mkdtemp(dir) == NULL) {
    die("mkdtemp %s: %s", dir, strerror(errno));
  }
  /* Servers that drop their privileges read it too. */
  if (chmod(dir, 0755) != 0) {
    die("chmod %s: %s", dir, strerror(errno));
  }
  dir_owner = getpid();
  (void)atexit(remove_dir);
  return dir;
}

char *server_write_file(const char *name, const char *text)
{
  char *path;
  if (asprintf(&path, "%s/%s", server_dir(), name) < 0) {
    die("out of memory");
  }
  FILE *file = fopen(path, "w");
  if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
    die("cannot write %s: %s", path, strerror(errno));
  }
  return path;
}

static struct sockaddr_in loopback(uint16_t port)
{
  return (struct sockaddr_in){.sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

uint16_t server_free_port(void)
{
  struct sockaddr_in addr = loopback(0);
  socklen_t len = sizeof(addr);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) != 0 ||
      getsockname(fd, (struct sockaddr *)&addr, &len) != 0) {
    die("no free port: %s", strerror(errno));
  }
  (void)close(fd);
  return ntohs(addr.sin_port);
}

static int accepts(uint16_t port)
{
  struct sockaddr_in addr = loopback(port);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int rv = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
  (void)close(fd);
  return rv == 0;
}

static void child_run(const char *const argv[])
{
  char log[300];
  (void)snprintf(log, sizeof(log), "%s/%d.log", server_dir(), (int)getpid());
  int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  (void)dup2(null, STDIN_FILENO);
  (void)dup2(fd, STDOUT_FILENO);
  (void)dup2(fd, STDERR_FILENO);
  (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
  (void)setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin", 1);
  char *args[64];
  size_t n = 0;
  while (argv[n] != NULL && n < 63) {
    args[n] = strdup(argv[n]);
    n++;
  }
  args[n] = NULL;
  (void)execvp(args[0], args);
  (void)fprintf(stderr, "%s: %s\n", args[0], strerror(errno));
  _exit(127);
}

/* There is no event to wait for: the server tells nobody when it listens. */
static void wait_for_port(pid_t pid, const char *name, uint16_t port)
{
  const struct timespec pause = {.tv_nsec = PROBE_MS * 1000000L};
  for (int ms = 0; ms < START_MS_MAX; ms += PROBE_MS) {
    if (accepts(port)) {
      return;
    }
    if (waitpid(pid, NULL, WNOHANG) == pid) {
      die("%s ended at once; see %s/%d.log", name, server_dir(), (int)pid);
    }
    (void)nanosleep(&pause, NULL);
  }
  die("%s does not listen on port %u", name, (unsigned)port);
}

server_process *server_start(const char *const argv[], uint16_t port)
{
  (void)server_dir();
  pid_t pid = fork();
  if (pid < 0) {
    die("fork: %s", strerror(errno));
  }
  if (pid == 0) {
    child_run(argv);
  }
  wait_for_port(pid, argv[0], port);
  server_process *server = calloc(1, sizeof(*server));
  if (server == NULL) {
    die("out of memory");
  }
  server->pid = pid;
  return server;
}

void server_wait(const server_process *server, uint16_t port)
{
  wait_for_port(server->pid, "the server", port);
}

pid_t server_pid(const server_process *server)
{
  return server->pid;
}

static void server_end(server_process *server, int signal)
{
  if (server == NULL) {
    return;
  }
  (void)kill(server->pid, signal);
  (void)waitpid(server->pid, NULL, 0);
  free(server);
}

void server_stop(server_process *server)
{
  server_end(server, SIGTERM);
}

void server_kill(server_process *server)
{
  server_end(server, SIGKILL);
}
