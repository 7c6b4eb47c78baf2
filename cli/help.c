/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/help.h"

#include <string.h>

#include <ahttp/ahttp.h>

#include "cli/options.h"

/* Where the text of an option starts, and where lines end. */
#define HELP_INDENT 30
#define HELP_WIDTH 79

static const char program_text[] =
    "Usage: ahttp get [OPTION]... [-i FILE|-]... [URL]...\n"
    "       ahttp help [get|templates|exit]\n"
    "       ahttp version\n"
    "\n"
    "Fetches one URL or a list of millions, many at a time, over HTTP/1.1 and\n"
    "HTTP/2.\n"
    "\n"
    "  ahttp get https://example.org/              to standard output\n"
    "  ahttp get -P pages https://example.org/{a,b}    to files below pages/\n"
    "  ahttp get -i urls.txt -o '{host}/{n:06}-{name}' --results run.jsonl\n"
    "\n"
    "ahttp help get lists the options.\n";

static const char get_text[] =
    "Usage: ahttp get [OPTION]... [-i FILE|-]... [URL]...\n"
    "\n"
    "Fetches every URL.  One URL goes to standard output; several go to files\n"
    "named after them.  A file gets its final name when it is complete.\n"
    "Redirects are followed, and a status of 400 or more is a failure.\n";

static const char templates_text[] =
    "Templates of ahttp get -o: text with fields in braces.\n"
    "\n"
    "  {n}           number of the input, from 1; {n:06}: with six digits\n"
    "  {host}        host of the URL\n"
    "  {path}        path of the URL, folders included\n"
    "  {dir}         its folders alone\n"
    "  {name}        its last part; index.html if that is empty\n"
    "  {stem} {ext}  the name before and after its last dot; a dot before an\n"
    "                empty {ext} is left out\n"
    "  {qhash}       8 hexadecimal digits made from the query (FNV-1a)\n"
    "  {urlhash}     16 hexadecimal digits made from the URL; {urlhash:4}:\n"
    "                the first four\n"
    "  {shard:1000}  (n - 1) / 1000 with five digits: 1000 files a folder\n"
    "  {status}      status code of the response\n"
    "  {ctype_ext}   extension for the response's Content-Type\n"
    "  {{ }}         braces\n"
    "\n"
    "A name that was used before in the run, or exists, gets .1, .2 ... "
    "before\n"
    "its extension, in the order of the input.\n";

static const char exit_text[] =
    "Exit codes.\n"
    "\n"
    "One URL:                              Several, or a list:\n"
    "   0  fetched                            0  all fetched\n"
    "   1  internal error                    20  some failed\n"
    "   2  timeout                           21  all failed\n"
    "   3  redirect not followed\n"
    "   4  HTTP status 4xx                 Both:\n"
    "   5  HTTP status 5xx                   11  output or results cannot be\n"
    "   6  too many redirects                    written, or input not read\n"
    "   7  could not connect                 64  usage error, nothing fetched\n"
    "   8  TLS or certificate               130  interrupted (SIGINT)\n"
    "   9  host name not resolved           141  standard output was closed\n"
    "  10  protocol error or truncated      143  terminated (SIGTERM)\n"
    "  13  refused by policy\n";

/* Writes |text| from column |at|, wrapped and indented. */
static void print_wrapped(FILE *file, const char *text, size_t at)
{
  while (*text != '\0') {
    size_t len = strcspn(text, " ");
    if (at > HELP_INDENT && at + 1 + len > HELP_WIDTH) {
      fprintf(file, "\n%*s", HELP_INDENT, "");
      at = HELP_INDENT;
    } else if (at > HELP_INDENT) {
      fputc(' ', file);
      at++;
    }
    fwrite(text, 1, len, file);
    at += len;
    text += len + strspn(text + len, " ");
  }
  fputc('\n', file);
}

static void print_option(FILE *file, const cli_option *option)
{
  char head[64];
  const char *argument = option->argument;
  int len;

  if (option->letter != '\0') {
    len = snprintf(head, sizeof(head), "  -%c, --%s%s%s", option->letter,
                   option->name, argument == NULL ? "" : " ",
                   argument == NULL ? "" : argument);
  } else {
    len =
        snprintf(head, sizeof(head), "      --%s%s%s", option->name,
                 argument == NULL ? "" : " ", argument == NULL ? "" : argument);
  }
  fputs(head, file);
  if (len < 0 || len + 2 > HELP_INDENT) {
    fprintf(file, "\n%*s", HELP_INDENT, "");
  } else {
    fprintf(file, "%*s", HELP_INDENT - len, "");
  }
  print_wrapped(file, option->text, HELP_INDENT);
}

static void print_get(FILE *file)
{
  size_t count;
  const cli_option *table = cli_option_table(&count);
  const char *group = "";

  fputs(get_text, file);
  for (size_t i = 0; i < count; i++) {
    if (table[i].text == NULL) {
      continue;
    }
    if (strcmp(group, table[i].group) != 0) {
      group = table[i].group;
      fprintf(file, "\n%s\n", group);
    }
    print_option(file, &table[i]);
  }
  fputs("\nTIME is in seconds, or has a unit: 500ms, 2.5s, 1m.\n"
        "See also: ahttp help templates, ahttp help exit.\n",
        file);
}

int cli_help_print(FILE *file, const char *topic)
{
  if (topic == NULL) {
    fputs(program_text, file);
  } else if (strcmp(topic, "get") == 0) {
    print_get(file);
  } else if (strcmp(topic, "templates") == 0) {
    fputs(templates_text, file);
  } else if (strcmp(topic, "exit") == 0) {
    fputs(exit_text, file);
  } else {
    return -1;
  }
  return 0;
}

void cli_version_print(FILE *file)
{
  fprintf(file, "ahttp %s\n%s\n", AHTTP_VERSION_STRING,
          ahttp_version_details());
}
