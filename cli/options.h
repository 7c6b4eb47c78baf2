/* SPDX-License-Identifier: MIT */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ahttp/ahttp.h>

#include "cli/terminal.h"
#include "cli/text.h"

/* Where input comes from; in the order of the command line. */
typedef struct cli_source {
  const char *name; /* a URL, or the path of a list */
  bool is_list;
} cli_source;

/* Words of the command line in their order; they point into argv. */
typedef struct cli_words {
  const char **items;
  size_t count;
} cli_words;

typedef enum cli_progress_mode {
  CLI_PROGRESS_AUTO = 0,
  CLI_PROGRESS_BAR = 1,
  CLI_PROGRESS_NONE = 2
} cli_progress_mode;

/* How --user is proved. */
typedef enum cli_auth_scheme {
  CLI_AUTH_BASIC = 0,
  CLI_AUTH_DIGEST = 1,
  CLI_AUTH_ANY = 2
} cli_auth_scheme;

/* What the command line of `ahttp get` says.  Strings point into argv. */
typedef struct cli_options {
  bool help; /* -h: nothing else counts */

  /* input */
  cli_source *sources;
  size_t source_count;
  size_t list_count; /* how many of them are lists */

  /* request */
  const char *method; /* NULL: GET, or POST with data */
  cli_words fields;   /* "Name: value" */
  cli_words data;     /* -d in order; "@FILE" not opened yet */
  cli_words json;     /* --json, the same */
  cli_words form;     /* -F in order, as written */
  const char *user_agent;
  const char *user;   /* USER or USER:PASSWORD; NULL: none */
  const char *bearer; /* NULL: none */
  cli_auth_scheme auth_scheme;
  bool has_auth_scheme;
  bool netrc;
  bool netrc_optional;    /* the file may be missing */
  const char *netrc_file; /* NULL: the usual one */
  cli_words cookies;      /* -b: cookies, or files of them */
  const char *cookie_jar; /* written at the end */
  const char *session;    /* read at the beginning and written at the end */
  bool junk_session;      /* files' session cookies are not wanted */
  bool compressed;        /* ask for compressed content and store it decoded */
  uint32_t redirects_max;
  bool follow_off;

  /* output */
  const char *output; /* -o: a file, a template, or "-" */
  const char *folder; /* -P */
  bool remote_name;   /* -O */
  bool discard;       /* --out-null */
  const char *results;

  /* jobs */
  uint32_t jobs;
  uint32_t per_host; /* 0: the defaults of either protocol */

  /* time, ms */
  uint32_t connect_ms;
  uint32_t ttfb_ms;
  uint32_t idle_ms;
  uint32_t max_ms; /* 0: no limit */
  uint32_t grace_ms;

  /* net */
  ahttp_http_policy http;
  ahttp_tls_opts tls;
  const char *unix_socket;
  const char *dns_servers;
  ahttp_resolve_entry *resolve; /* the strings are ours, one block an entry */
  size_t resolve_count;
  ahttp_family family;
  const char *local_address;  /* checked; or NULL */
  const char *interface_name; /* or NULL */
  uint32_t keepalive_s;       /* 0: off */
  uint32_t connect_retries;
  const char *proxy; /* a URL; "": none; NULL: the environment's */
  const char *no_proxy;
  const char *proxy_user; /* USERNAME:PASSWORD */
  const char *proxy_ca_file;
  ahttp_proxy_auth proxy_auth;
  bool proxy_insecure;

  /* show */
  const char *trace; /* --trace: a file, or "-"; NULL: none */
  bool verbose;
  bool summary_off;
  bool show_secrets;
  uint32_t quiet; /* 1: no summary, 2: no messages about failures either */
  cli_progress_mode progress;
  cli_color color;
} cli_options;

/* How an option is written and what is said about it in --help and ahttp.1. */
typedef struct cli_option cli_option;
struct cli_option {
  char letter;          /* '\0': only the long name */
  const char *name;     /* without "--" */
  const char *argument; /* as shown in the help; NULL: takes none */
  const char *group;
  const char *text; /* NULL: understood, but not shown (a synonym) */
  int (*set)(cli_options *options, const cli_option *option, const char *value,
             cli_text *problem);
  size_t offset; /* of the member |set| writes to */
  uint32_t min;  /* of a number */
  uint32_t max;
};

/* All options, in the order of the help; |*count| of them. */
const cli_option *cli_option_table(size_t *count);

/*
 * Reads the |argc| words after `ahttp get`.  Returns 0 and fills |*out|; or
 * sets |problem| to a sentence for the user and returns -1.  Clear |*out| in
 * either case.
 */
int cli_options_parse(cli_options *out, int argc, char **argv,
                      cli_text *problem);

/* Adds a source behind the others. */
void cli_options_append_source(cli_options *options, const char *name,
                               bool is_list);

void cli_options_clear(cli_options *options);

/* True if the program is to fetch exactly one URL, named as an operand. */
bool cli_options_is_single(const cli_options *options);

/* True if the body of that URL goes to standard output. */
bool cli_options_is_piped(const cli_options *options);

#endif
