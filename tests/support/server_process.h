/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_SERVER_PROCESS_H
#define AH_TESTS_SERVER_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Real servers as child processes, and a folder for their files.  Trouble ends
 * the test program with a message: a test without its server has no meaning.
 */
typedef struct server_process server_process;

/* A loopback TCP port that nobody listens on. */
uint16_t server_free_port(void);

/* A new folder under TMPDIR, removed with its content when the program ends.
 * Static storage. */
const char *server_dir(void);

/* Writes |text| to |name| in server_dir(); returns the path, for free(). */
char *server_write_file(const char *name, const char *text);

/*
 * Runs |argv| (searched in PATH and the sbin folders) with its output in a log
 * file of server_dir(), and waits until 127.0.0.1:|port| accepts connections.
 */
server_process *server_start(const char *const argv[], uint16_t port);

/* Waits until it accepts connections on |port| as well. */
void server_wait(const server_process *server, uint16_t port);

pid_t server_pid(const server_process *server);

/* Sends SIGTERM, then waits for the end; NULL is allowed. */
void server_stop(server_process *server);

/* The same with SIGKILL. */
void server_kill(server_process *server);

#endif
