/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/options.h"

#include <stdlib.h>
#include <string.h>

#include "cli/curl_options.h"
#include "cli/form.h"
#include "cli/memory.h"
#include "cli/net_option.h"
#include "cli/option_setters.h"
#include "cli/proxy_option.h"
#include "cli/resolve_option.h"

/*
 * The command line of `ahttp get`.  The table below is the single source: the
 * parser, --help and the check of ahttp.1 all read it.
 */

/* More jobs than this is a typing mistake, or wants more than one process. */
#define JOBS_MAX 10000

/* Redirects beyond this are a loop; browsers stop at 20. */
#define REDIRECTS_MAX 1000

/* With the backoff of a minute that they come to these take an hour. */
#define CONNECT_RETRIES_MAX 60

/* The longest keep-alive time that Linux takes, s. */
#define KEEPALIVE_S_MAX 32767

#define AT(name) offsetof(cli_options, name)

/* letter, name, argument, group, text, setter, member, min, max */
static const cli_option option_table[] = {
    {'i', "input-file", "FILE|-", "Input",
     "read URLs from FILE or standard input, one a line; may be repeated; "
     "blank lines and lines that start with # are skipped",
     cli_set_list, 0, 0, 0},
    {'\0', "url", "URL|@FILE", "Input",
     "another URL, or another list, as curl has it", cli_set_url, 0, 0, 0},

    {'X', "request", "METHOD", "Request",
     "the request method [GET, or POST with content]", cli_set_string,
     AT(method), 0, 0},
    {'H', "header", "NAME: VALUE", "Request",
     "add a header field; may be repeated", cli_set_field, 0, 0, 0},
    {'d', "data", "DATA|@FILE", "Request",
     "send DATA, or the content of FILE as it is (@- for standard input); "
     "several are joined with &",
     cli_set_word, AT(data), 0, 0},
    {'\0', "data-binary", "DATA|@FILE", "Request", NULL, cli_set_word, AT(data),
     0, 0},
    {'\0', "json", "DATA|@FILE", "Request",
     "send DATA as JSON, and ask for JSON; several follow each other",
     cli_set_word, AT(json), 0, 0},
    {'F', "form", "NAME=VALUE|NAME=@FILE", "Request",
     "send a form with files (multipart/form-data); =<FILE is a value from a "
     "file; ;type=TYPE and ;filename=NAME may follow; may be repeated",
     cli_set_word, AT(form), 0, 0},
    {'A', "user-agent", "NAME", "Request",
     "the User-Agent field [ahttp/VERSION]; empty sends none", cli_set_string,
     AT(user_agent), 0, 0},
    {'u', "user", "USER[:PASSWORD]", "Request",
     "credentials for the origin of each URL; without a password it is asked "
     "for on the terminal",
     cli_set_string, AT(user), 0, 0},
    {'\0', "basic", NULL, "Request", "send them by Basic [the default]",
     cli_set_auth_scheme, 0, CLI_AUTH_BASIC, 0},
    {'\0', "digest", NULL, "Request", "send them by Digest",
     cli_set_auth_scheme, 0, CLI_AUTH_DIGEST, 0},
    {'\0', "anyauth", NULL, "Request",
     "send them by what the server asks for, Digest if it can be",
     cli_set_auth_scheme, 0, CLI_AUTH_ANY, 0},
    {'\0', "bearer", "TOKEN", "Request",
     "a token for the origin of each URL (OAuth 2.0)", cli_set_string,
     AT(bearer), 0, 0},
    {'\0', "oauth2-bearer", "TOKEN", "Request", NULL, cli_set_string,
     AT(bearer), 0, 0},
    {'n', "netrc", NULL, "Request",
     "take credentials from ~/.netrc, or the file that NETRC names",
     cli_set_flag, AT(netrc), 0, 0},
    {'\0', "netrc-file", "FILE", "Request", "take them from FILE",
     cli_set_string, AT(netrc_file), 0, 0},
    {'\0', "netrc-optional", NULL, "Request",
     "the same as --netrc, and the file may be missing", cli_set_flag,
     AT(netrc_optional), 0, 0},
    {'b', "cookie", "NAME=VALUE|FILE", "Request",
     "send a cookie, or those of FILE (cookies.txt) to whom they belong and "
     "what servers set from then on; may be repeated",
     cli_set_word, AT(cookies), 0, 0},
    {'\0', "cookie-jar", "FILE", "Request",
     "write all cookies to FILE at the end; - is standard output",
     cli_set_string, AT(cookie_jar), 0, 0},
    {'\0', "session", "FILE", "Request",
     "read cookies from FILE, if it is there, and write them back at the end",
     cli_set_string, AT(session), 0, 0},
    {'\0', "junk-session-cookies", NULL, "Request",
     "leave out the session cookies of -b's files", cli_set_flag,
     AT(junk_session), 0, 0},
    {'\0', "compressed", NULL, "Request",
     "ask for compressed content, and write it decoded", cli_set_flag,
     AT(compressed), 0, 0},
    {'\0', "max-redirs", "N", "Request", "follow at most N redirects [10]",
     cli_set_number, AT(redirects_max), 0, REDIRECTS_MAX},
    {'\0', "no-follow", NULL, "Request", "do not follow redirects",
     cli_set_flag, AT(follow_off), 0, 0},
    {'L', "location", NULL, "Request", NULL, cli_set_nothing, 0, 0, 0},

    {'o', "output", "FILE|TEMPLATE|-", "Output",
     "write to FILE, to a name made by TEMPLATE (see ahttp help templates), or "
     "to standard output",
     cli_set_string, AT(output), 0, 0},
    {'O', "remote-name", NULL, "Output",
     "write to a file named after the URL; the default with several URLs",
     cli_set_flag, AT(remote_name), 0, 0},
    {'\0', "remote-name-all", NULL, "Output", NULL, cli_set_flag,
     AT(remote_name), 0, 0},
    {'P', "output-dir", "DIR", "Output", "put files below DIR, made if missing",
     cli_set_string, AT(folder), 0, 0},
    {'\0', "create-dirs", NULL, "Output", NULL, cli_set_nothing, 0, 0, 0},
    {'\0', "no-clobber", NULL, "Output", NULL, cli_set_nothing, 0, 0, 0},
    {'\0', "out-null", NULL, "Output", "read bodies and throw them away",
     cli_set_flag, AT(discard), 0, 0},

    {'\0', "results", "FILE|-", "Results",
     "write one JSON line for every input to FILE or standard output",
     cli_set_string, AT(results), 0, 0},

    {'j', "jobs", "N", "Jobs", "fetch N URLs at a time [64]", cli_set_number,
     AT(jobs), 1, JOBS_MAX},
    {'\0', "parallel-max", "N", "Jobs", NULL, cli_set_number, AT(jobs), 1,
     JOBS_MAX},
    {'\0', "concurrency", "N", "Jobs", NULL, cli_set_number, AT(jobs), 1,
     JOBS_MAX},
    {'\0', "per-host", "N", "Jobs",
     "use at most N connections to one host, or N streams over HTTP/2 [6 or "
     "32]",
     cli_set_number, AT(per_host), 1, JOBS_MAX},
    {'\0', "parallel-max-host", "N", "Jobs", NULL, cli_set_number, AT(per_host),
     1, JOBS_MAX},
    {'Z', "parallel", NULL, "Jobs", NULL, cli_set_nothing, 0, 0, 0},
    {'\0', "parallel-immediate", NULL, "Jobs", NULL, cli_set_nothing, 0, 0, 0},

    {'\0', "connect-timeout", "TIME", "Time",
     "for resolving, connecting and the TLS handshake [10s]; 0: no limit",
     cli_set_duration, AT(connect_ms), 0, 0},
    {'\0', "ttfb-timeout", "TIME", "Time",
     "for the response to begin [30s]; 0: no limit", cli_set_duration,
     AT(ttfb_ms), 0, 0},
    {'\0', "idle-timeout", "TIME", "Time",
     "between two arrivals of the response [30s]; 0: no limit",
     cli_set_duration, AT(idle_ms), 0, 0},
    {'m', "max-time", "TIME", "Time",
     "for one URL, waiting for a free connection not counted [no limit]",
     cli_set_duration, AT(max_ms), 0, 0},
    {'\0', "grace", "TIME", "Time",
     "what running transfers get after the first interrupt [5s]",
     cli_set_duration, AT(grace_ms), 0, 0},

    {'\0', "resolve", "HOST:PORT:ADDR", "Network",
     "use ADDR for HOST and PORT; HOST * is every host, PORT 0 every port; "
     "several addresses are separated by commas; may be repeated",
     cli_set_resolve, 0, 0, 0},
    {'\0', "dns-servers", "ADDR[:PORT],...", "Network",
     "ask these name servers instead of the system's", cli_set_string,
     AT(dns_servers), 0, 0},
    {'\0', "unix-socket", "PATH", "Network",
     "connect to this socket instead of the network", cli_set_string,
     AT(unix_socket), 0, 0},
    {'x', "proxy", "URL", "Network",
     "go through this proxy, http, https, socks5 or socks5h, as in "
     "socks5://USER:PASSWORD@HOST:PORT; empty: none [HTTP_PROXY and the like]",
     cli_set_string, AT(proxy), 0, 0},
    {'\0', "noproxy", "HOST,...", "Network",
     "go to these hosts directly: names with those below them, networks, * "
     "[NO_PROXY]",
     cli_set_string, AT(no_proxy), 0, 0},
    {'U', "proxy-user", "USER:PASSWORD", "Network",
     "what --proxy is told, instead of what is in its URL", cli_set_string,
     AT(proxy_user), 0, 0},
    {'\0', "proxy-basic", NULL, "Network", "... by Basic only",
     cli_set_proxy_auth, 0, AHTTP_PROXY_AUTH_BASIC, 0},
    {'\0', "proxy-digest", NULL, "Network",
     "... by Digest only, which does not send the password", cli_set_proxy_auth,
     0, AHTTP_PROXY_AUTH_DIGEST, 0},
    {'\0', "proxy-anyauth", NULL, "Network", NULL, cli_set_proxy_auth, 0,
     AHTTP_PROXY_AUTH_ANY, 0},
    {'\0', "proxy-cacert", "FILE", "Network",
     "like --cacert, for an https:// proxy", cli_set_string, AT(proxy_ca_file),
     0, 0},
    {'\0', "proxy-insecure", NULL, "Network",
     "like --insecure, for an https:// proxy", cli_set_flag, AT(proxy_insecure),
     0, 0},
    {'4', "ipv4", NULL, "Network", "use IPv4 addresses only", cli_set_family, 0,
     AHTTP_FAMILY_V4, 0},
    {'6', "ipv6", NULL, "Network", "use IPv6 addresses only", cli_set_family, 0,
     AHTTP_FAMILY_V6, 0},
    {'\0', "interface", "NAME|ADDR", "Network",
     "connect through this network interface, or from this address",
     cli_set_interface, 0, 0, 0},
    {'\0', "local-address", "ADDR[,ADDR]", "Network",
     "connect from this address, or from one of each family; a family without "
     "one is not used",
     cli_set_local_address, 0, 0, 0},
    {'\0', "connect-retries", "N", "Network",
     "try a connect that failed N times more: at once, then after 0.5s, 1s, 2s "
     "and so on [0]",
     cli_set_number, AT(connect_retries), 0, CONNECT_RETRIES_MAX},
    {'\0', "keepalive-time", "SECONDS", "Network",
     "have TCP ask after so much silence whether the server is there [off]",
     cli_set_number, AT(keepalive_s), 1, KEEPALIVE_S_MAX},
    {'\0', "no-keepalive", NULL, "Network", NULL, cli_set_nothing, 0, 0, 0},
    {'\0', "tcp-nodelay", NULL, "Network", NULL, cli_set_nothing, 0, 0, 0},
    {'\0', "http1.1", NULL, "Network", "use HTTP/1.1 only", cli_set_http, 0,
     AHTTP_HTTP_1_1, 0},
    {'\0', "http2", NULL, "Network", "use HTTP/2 over TLS, or fail",
     cli_set_http, 0, AHTTP_HTTP_2, 0},
    {'\0', "http2-prior-knowledge", NULL, "Network",
     "use HTTP/2 without TLS too, and without asking", cli_set_http, 0,
     AHTTP_HTTP_2_PRIOR_KNOWLEDGE, 0},
    {'\0', "cacert", "FILE", "Network",
     "trust the certificates in FILE (PEM) instead of the system's",
     cli_set_string, AT(tls.ca_file), 0, 0},
    {'\0', "capath", "DIR", "Network",
     "trust the certificates in DIR (hashed) instead of the system's",
     cli_set_string, AT(tls.ca_dir), 0, 0},
    {'E', "cert", "FILE", "Network",
     "show servers that ask for one the client certificate in FILE (PEM or "
     "PKCS#12)",
     cli_set_string, AT(tls.cert_file), 0, 0},
    {'\0', "key", "FILE", "Network",
     "its private key (PEM) [where the certificate is]", cli_set_string,
     AT(tls.key_file), 0, 0},
    {'\0', "pass", "PASSWORD", "Network", "the password of the private key",
     cli_set_string, AT(tls.password), 0, 0},
    {'\0', "tls-min", "1.2|1.3", "Network",
     "use this version of TLS at least [1.2]", cli_set_tls_version,
     AT(tls.version_min), 0, 0},
    {'\0', "tls-max", "1.2|1.3", "Network", "use this version of TLS at most",
     cli_set_tls_version, AT(tls.version_max), 0, 0},
    {'\0', "tlsv1.2", NULL, "Network", NULL, cli_set_tls_min, 0, AHTTP_TLS_1_2,
     0},
    {'\0', "tlsv1.3", NULL, "Network", NULL, cli_set_tls_min, 0, AHTTP_TLS_1_3,
     0},
    {'\0', "ciphers", "LIST", "Network",
     "use these ciphers of TLS 1.2, in OpenSSL's notation", cli_set_string,
     AT(tls.ciphers), 0, 0},
    {'\0', "tls13-ciphers", "LIST", "Network", "use these ciphers of TLS 1.3",
     cli_set_string, AT(tls.ciphers13), 0, 0},
    {'\0', "curves", "LIST", "Network", "use these groups for the key exchange",
     cli_set_string, AT(tls.groups), 0, 0},
    {'\0', "pinnedpubkey", "HASHES", "Network",
     "the server must have one of these public keys: sha256//BASE64;...; "
     "checked with --insecure too",
     cli_set_string, AT(tls.pinned_keys), 0, 0},
    {'\0', "keylog", "FILE", "Network",
     "append the secrets of TLS connections to FILE, for packet analysers",
     cli_set_string, AT(tls.keylog_file), 0, 0},
    {'k', "insecure", NULL, "Network",
     "accept any certificate; others can then read and change everything",
     cli_set_flag, AT(tls.verify_off), 0, 0},

    {'v', "verbose", NULL, "Messages",
     "show requests, responses and connections on standard error", cli_set_flag,
     AT(verbose), 0, 0},
    {'\0', "trace", "FILE|-", "Messages",
     "write a line of JSON for every step (names, connections, TLS, messages) "
     "to FILE or standard output",
     cli_set_string, AT(trace), 0, 0},
    {'q', "quiet", NULL, "Messages",
     "no progress and no summary; -qq: no messages about failures either",
     cli_set_quiet, 0, 0, 0},
    {'s', "silent", NULL, "Messages", NULL, cli_set_quiet, 0, 0, 0},
    {'S', "show-error", NULL, "Messages", NULL, cli_set_nothing, 0, 0, 0},
    {'f', "fail", NULL, "Messages", NULL, cli_set_nothing, 0, 0, 0},
    {'\0', "progress", "auto|bar|none", "Messages",
     "the progress line; never shown but on a terminal [auto]",
     cli_set_progress, 0, 0, 0},
    {'\0', "no-progress-meter", NULL, "Messages", NULL, cli_set_progress_off, 0,
     0, 0},
    {'\0', "no-summary", NULL, "Messages", "no summary at the end",
     cli_set_flag, AT(summary_off), 0, 0},
    {'\0', "color", "auto|always|never", "Messages",
     "colour in messages [auto: on a terminal, unless NO_COLOR is set]",
     cli_set_color, 0, 0, 0},
    {'\0', "show-secrets", NULL, "Messages",
     "do not hide passwords and tokens in records and messages", cli_set_flag,
     AT(show_secrets), 0, 0},
    {'h', "help", NULL, "Messages", "show this help", cli_set_flag, AT(help), 0,
     0},
};

const cli_option *cli_option_table(size_t *count)
{
  *count = sizeof(option_table) / sizeof(*option_table);
  return option_table;
}

static const cli_option *option_find_letter(char letter)
{
  for (size_t i = 0; i < sizeof(option_table) / sizeof(*option_table); i++) {
    if (option_table[i].letter == letter) {
      return &option_table[i];
    }
  }
  return NULL;
}

static const cli_option *option_find_name(const char *name, size_t len)
{
  for (size_t i = 0; i < sizeof(option_table) / sizeof(*option_table); i++) {
    if (strlen(option_table[i].name) == len &&
        strncmp(option_table[i].name, name, len) == 0) {
      return &option_table[i];
    }
  }
  return NULL;
}

static int option_say_missing(const cli_option *option, cli_text *problem)
{
  cli_text_printf(problem, "--%s wants a value: %s", option->name,
                  option->argument);
  return -1;
}

/* |word| is "--name" or "--name=value"; |next| is the word after it or NULL.
 * Sets |*used| to whether |next| was taken. */
static int parse_long(cli_options *out, const char *word, const char *next,
                      bool *used, cli_text *problem)
{
  const char *name = word + 2;
  size_t len = strcspn(name, "=");
  const char *value = name[len] == '=' ? name + len + 1 : NULL;
  const cli_option *option = option_find_name(name, len);

  if (option == NULL) {
    cli_unknown_option_say(word, 2 + len, problem);
    return -1;
  }
  if (option->argument == NULL && value != NULL) {
    cli_text_printf(problem, "--%s takes no value", option->name);
    return -1;
  }
  if (option->argument != NULL && value == NULL) {
    value = next;
    *used = true;
  }
  if (option->argument != NULL && value == NULL) {
    return option_say_missing(option, problem);
  }
  return option->set(out, option, value, problem);
}

/* |word| is "-abc", "-j8" or "-j" followed by its value. */
static int parse_letters(cli_options *out, const char *word, const char *next,
                         bool *used, cli_text *problem)
{
  for (const char *at = word + 1; *at != '\0'; at++) {
    const cli_option *option = option_find_letter(*at);
    if (option == NULL) {
      char letter[] = {'-', *at, '\0'};
      cli_unknown_option_say(letter, 2, problem);
      return -1;
    }
    if (option->argument == NULL) {
      if (option->set(out, option, NULL, problem) != 0) {
        return -1;
      }
      continue;
    }
    const char *value = at[1] != '\0' ? at + 1 : next;
    *used = at[1] == '\0';
    if (value == NULL) {
      return option_say_missing(option, problem);
    }
    return option->set(out, option, value, problem);
  }
  return 0;
}

/* How often standard input is wanted. */
static size_t stdin_uses(const cli_options *options)
{
  size_t uses = 0;

  for (size_t i = 0; i < options->source_count; i++) {
    const cli_source *source = &options->sources[i];
    uses += source->is_list && strcmp(source->name, "-") == 0 ? 1 : 0;
  }
  for (size_t i = 0; i < options->data.count; i++) {
    uses += strcmp(options->data.items[i], "@-") == 0 ? 1 : 0;
  }
  for (size_t i = 0; i < options->json.count; i++) {
    uses += strcmp(options->json.items[i], "@-") == 0 ? 1 : 0;
  }
  for (size_t i = 0; i < options->form.count; i++) {
    uses += cli_form_wants_stdin(options->form.items[i]) ? 1 : 0;
  }
  for (size_t i = 0; i < options->cookies.count; i++) {
    uses += strcmp(options->cookies.items[i], "-") == 0 ? 1 : 0;
  }
  return uses;
}

/* What only the whole command line can tell. */
static int options_check(const cli_options *options, cli_text *problem)
{
  const char *output = options->output;
  bool to_stdout = output != NULL && strcmp(output, "-") == 0;
  bool records_to_stdout =
      options->results != NULL && strcmp(options->results, "-") == 0;

  if (options->family == AHTTP_FAMILY_V4 && options->local_address != NULL &&
      strpbrk(options->local_address, ".,") == NULL) {
    cli_text_add(problem, "-4 and a local address of IPv6 exclude each other");
  } else if (options->family == AHTTP_FAMILY_V6 &&
             options->local_address != NULL &&
             strchr(options->local_address, ':') == NULL) {
    cli_text_add(problem, "-6 and a local address of IPv4 exclude each other");
  } else if (options->source_count == 0) {
    cli_text_add(problem, "no URL given; name one, or a list with -i FILE");
  } else if (output != NULL && output[0] == '\0') {
    cli_text_add(problem, "--output wants the name of a file, or -");
  } else if (output != NULL && options->discard) {
    cli_text_add(problem, "--output and --out-null exclude each other");
  } else if (output != NULL && options->remote_name) {
    cli_text_add(problem, "--output and --remote-name exclude each other");
  } else if (options->remote_name && options->discard) {
    cli_text_add(problem, "--remote-name and --out-null exclude each other");
  } else if (to_stdout && !cli_options_is_single(options)) {
    cli_text_add(problem, "-o - is for one URL: two bodies would run into "
                          "each other; use -o TEMPLATE or -P DIR");
  } else if (to_stdout && records_to_stdout) {
    cli_text_add(problem,
                 "-o - and --results - both want standard output; write one "
                 "of them to a file");
  } else if ((options->data.count > 0) + (options->json.count > 0) +
                 (options->form.count > 0) >
             1) {
    cli_text_add(problem, "--data, --json and --form exclude each other");
  } else if (stdin_uses(options) > 1) {
    cli_text_add(problem, "standard input can be read only once");
  } else if (options->results != NULL && options->results[0] == '\0') {
    cli_text_add(problem, "--results wants the name of a file, or -");
  } else if (options->trace != NULL && options->trace[0] == '\0') {
    cli_text_add(problem, "--trace wants the name of a file, or -");
  } else if (options->trace != NULL && strcmp(options->trace, "-") == 0 &&
             (records_to_stdout || cli_options_is_piped(options))) {
    cli_text_add(problem, "--trace - and the output or --results both want "
                          "standard output; write one of them to a file");
  } else if ((options->cookie_jar != NULL && options->cookie_jar[0] == '\0') ||
             (options->session != NULL && options->session[0] == '\0')) {
    cli_text_add(problem, "--cookie-jar and --session want the name of a file");
  } else if (options->user != NULL && options->bearer != NULL) {
    cli_text_add(problem, "--user and --bearer exclude each other");
  } else if (options->has_auth_scheme && options->user == NULL) {
    cli_text_add(problem, "--basic, --digest and --anyauth are about --user");
  } else if (options->netrc_file != NULL && options->netrc_file[0] == '\0') {
    cli_text_add(problem, "--netrc-file wants the name of a file");
  }
  return problem->len > 0 ? -1 : 0;
}

int cli_options_parse(cli_options *out, int argc, char **argv,
                      cli_text *problem)
{
  bool options_end = false;

  *out = (cli_options){
      .redirects_max = 10,
      .tls = AHTTP_TLS_OPTS_INIT,
      .jobs = 64,
      .connect_ms = 10000,
      .ttfb_ms = 30000,
      .idle_ms = 30000,
      .grace_ms = 5000,
  };
  for (int i = 0; i < argc; i++) {
    const char *word = argv[i];
    const char *next = i + 1 < argc ? argv[i + 1] : NULL;
    bool used = false;
    int rv = 0;

    if (options_end || word[0] != '-') {
      cli_options_append_source(out, word, false);
    } else if (word[1] == '\0') {
      cli_text_add(problem, "\"-\" is no URL; read a list from standard input "
                            "with -i -");
      rv = -1;
    } else if (strcmp(word, "--") == 0) {
      options_end = true;
    } else if (word[1] == '-') {
      rv = parse_long(out, word, next, &used, problem);
    } else {
      rv = parse_letters(out, word, next, &used, problem);
    }
    if (rv != 0) {
      return -1;
    }
    i += used ? 1 : 0;
  }
  return out->help ? 0 : options_check(out, problem);
}

void cli_options_append_source(cli_options *options, const char *name,
                               bool is_list)
{
  size_t count = options->source_count + 1;

  options->sources =
      cli_realloc(options->sources, count * sizeof(*options->sources));
  options->sources[options->source_count] = (cli_source){name, is_list};
  options->source_count = count;
  options->list_count += is_list ? 1 : 0;
}

void cli_options_clear(cli_options *options)
{
  for (size_t i = 0; i < options->resolve_count; i++) {
    cli_resolve_entry_clear(&options->resolve[i]);
  }
  free(options->resolve);
  free(options->sources);
  free(options->fields.items);
  free(options->data.items);
  free(options->json.items);
  free(options->form.items);
  free(options->cookies.items);
  *options = (cli_options){0};
}

bool cli_options_is_single(const cli_options *options)
{
  return options->source_count == 1 && options->list_count == 0;
}

bool cli_options_is_piped(const cli_options *options)
{
  if (options->output != NULL) {
    return strcmp(options->output, "-") == 0;
  }
  bool records_to_stdout =
      options->results != NULL && strcmp(options->results, "-") == 0;
  return cli_options_is_single(options) && !options->remote_name &&
         !options->discard && options->folder == NULL && !records_to_stdout;
}
