/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/curl_options.h"

#include <string.h>

#include "cli/options.h"

/* Names longer than this are nobody's typing mistake. */
#define NAME_LEN_MAX 40

/* Spellings further apart than this are different words. */
#define DISTANCE_MAX 3

/* curl's options that we do not have, and what comes nearest.  What is a mere
 * synonym is in the option table instead. */
static const struct {
  const char *curl;
  const char *ours;
} nearest_table[] = {
    {"-0", "--http1.1"},
    {"-#", "--progress bar"},
    {"-C", "-o FILE, which starts again from the beginning"},
    {"-c", "--cookie-jar FILE"},
    {"-D", "-v"},
    {"-e", "-H 'Referer: ...'"},
    {"-G", "-X GET with -d, or the query in the URL"},
    {"-I", "-X HEAD -v"},
    {"-J", "-o TEMPLATE"},
    {"-K", "-i FILE for a list of URLs"},
    {"-N", "-o -, which does not wait either"},
    {"-r", "-H 'Range: bytes=...'"},
    {"-T", "-X PUT -d @FILE"},
    {"-V", "ahttp version"},
    {"-w", "--results FILE"},
    {"-Y", "--idle-timeout TIME"},
    {"-y", "--idle-timeout TIME"},
    {"-z", "-H 'If-Modified-Since: ...'"},
    {"--cert-type", "--cert FILE, which may be PEM or PKCS#12"},
    {"--config", "-i FILE for a list of URLs"},
    {"--connect-to", "--resolve HOST:PORT:ADDR"},
    {"--continue-at", "-o FILE, which starts again from the beginning"},
    {"--data-ascii", "--data DATA"},
    {"--data-raw", "--data DATA"},
    {"--data-urlencode", "--data DATA"},
    {"--doh-url", "--dns-servers ADDR"},
    {"--dump-header", "-v"},
    {"--fail-with-body", "-o -, which writes error bodies too"},
    {"--form-string", "--form NAME=VALUE"},
    {"--get", "-X GET with -d, or the query in the URL"},
    {"--head", "-X HEAD -v"},
    {"--http1.0", "--http1.1"},
    {"--http3", "--http2"},
    {"--http3-only", "--http2"},
    {"--include", "-v"},
    {"--negotiate", "--anyauth, which knows Digest and Basic"},
    {"--ntlm", "--anyauth, which knows Digest and Basic"},
    {"--limit-rate", "-j N and --per-host N, which limit how many run"},
    {"--preproxy", "--proxy URL; there is one at most"},
    {"--progress-bar", "--progress bar"},
    {"--range", "-H 'Range: bytes=...'"},
    {"--rate", "-j N and --per-host N, which limit how many run"},
    {"--referer", "-H 'Referer: ...'"},
    {"--remote-header-name", "-o TEMPLATE"},
    {"--remove-on-error", "-o FILE, which leaves complete files only"},
    {"--retry", "--results FILE, which says what to fetch again"},
    {"--retry-connrefused", "--connect-retries N"},
    {"--skip-existing", "-P DIR, which renames what exists already"},
    {"--socks5", "--proxy socks5://HOST"},
    {"--socks5-hostname", "--proxy socks5h://HOST"},
    {"--speed-limit", "--idle-timeout TIME"},
    {"--speed-time", "--idle-timeout TIME"},
    {"--stderr", "2>FILE in the shell"},
    {"--time-cond", "-H 'If-Modified-Since: ...'"},
    {"--tlsv1", "--tlsv1.2"},
    {"--tlsv1.0", "--tlsv1.2"},
    {"--tlsv1.1", "--tlsv1.2"},
    {"--trace", "-v"},
    {"--trace-ascii", "-v"},
    {"--upload-file", "-X PUT -d @FILE"},
    {"--url-query", "the query in the URL"},
    {"--version", "ahttp version"},
    {"--write-out", "--results FILE"},
};

static size_t smaller(size_t a, size_t b)
{
  return a < b ? a : b;
}

/* How many bytes to add, drop, change, or exchange with the next one: exchanged
 * ones are the commonest slip. */
static size_t spelling_distance(const char *a, size_t a_len, const char *b)
{
  size_t rows[3][NAME_LEN_MAX + 1];
  size_t b_len = strlen(b);

  if (a_len > NAME_LEN_MAX || b_len > NAME_LEN_MAX) {
    return NAME_LEN_MAX;
  }
  for (size_t j = 0; j <= b_len; j++) {
    rows[0][j] = j;
  }
  for (size_t i = 1; i <= a_len; i++) {
    size_t *row = rows[i % 3];
    const size_t *above = rows[(i - 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= b_len; j++) {
      size_t changed = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = smaller(changed, smaller(above[j], row[j - 1]) + 1);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = smaller(row[j], rows[(i - 2) % 3][j - 2] + 1);
      }
    }
  }
  return rows[a_len % 3][b_len];
}

/* The long option spelled most like |name|, or NULL. */
static const char *nearest_spelling(const char *name, size_t len)
{
  size_t count;
  const cli_option *table = cli_option_table(&count);
  size_t best = DISTANCE_MAX + 1;
  const char *found = NULL;

  for (size_t i = 0; i < count; i++) {
    size_t distance = spelling_distance(name, len, table[i].name);
    /* Three changes turn any short word into any other. */
    if (distance < best && distance < len) {
      best = distance;
      found = table[i].name;
    }
  }
  return found;
}

void cli_unknown_option_say(const char *word, size_t len, cli_text *problem)
{
  size_t count = sizeof(nearest_table) / sizeof(*nearest_table);

  cli_text_printf(problem, "unknown option %.*s", (int)len, word);
  for (size_t i = 0; i < count; i++) {
    if (strlen(nearest_table[i].curl) == len &&
        strncmp(nearest_table[i].curl, word, len) == 0) {
      cli_text_printf(problem, "; the nearest is %s", nearest_table[i].ours);
      return;
    }
  }
  const char *near = len > 2 ? nearest_spelling(word + 2, len - 2) : NULL;
  if (near != NULL) {
    cli_text_printf(problem, "; the nearest is --%s", near);
  } else {
    cli_text_add(problem, "; ahttp help get lists what there is");
  }
}
