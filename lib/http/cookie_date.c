/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "http/cookie_date.h"

#include "base/str.h"

/* What was found so far; each is taken once, the first time. */
typedef struct cookie_date {
  bool has_time;
  bool has_day;
  bool has_month;
  bool has_year;
  unsigned hour;
  unsigned minute;
  unsigned second;
  unsigned day;
  unsigned month; /* from 1 */
  unsigned year;
} cookie_date;

/* RFC 6265bis, section 5.1.1: delimiter. */
static bool is_delimiter(uint8_t c)
{
  return c == 0x09 || (c >= 0x20 && c <= 0x2f) || (c >= 0x3b && c <= 0x40) ||
         (c >= 0x5b && c <= 0x60) || (c >= 0x7b && c <= 0x7e);
}

static bool is_digit(char c)
{
  return c >= '0' && c <= '9';
}

/* Cuts a number of |min| to |max| digits off |*text|; more digits are no
 * number. */
static bool take_number(ahttp_str *text, size_t min, size_t max, unsigned *out)
{
  size_t len = 0;
  unsigned value = 0;
  while (len < text->len && is_digit(text->ptr[len])) {
    if (len == max) {
      return false;
    }
    value = value * 10 + (unsigned)(text->ptr[len] - '0');
    len++;
  }
  if (len < min) {
    return false;
  }
  *text = ah_str(text->ptr + len, text->len - len);
  *out = value;
  return true;
}

static bool take_colon(ahttp_str *text)
{
  if (text->len == 0 || text->ptr[0] != ':') {
    return false;
  }
  *text = ah_str(text->ptr + 1, text->len - 1);
  return true;
}

/* time: hms-time and whatever does not go on with a digit. */
static bool date_take_time(cookie_date *date, ahttp_str token)
{
  return take_number(&token, 1, 2, &date->hour) && take_colon(&token) &&
         take_number(&token, 1, 2, &date->minute) && take_colon(&token) &&
         take_number(&token, 1, 2, &date->second);
}

static bool date_take_month(cookie_date *date, ahttp_str token)
{
  static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
  if (token.len < 3) {
    return false;
  }
  for (unsigned i = 0; i < 12; i++) {
    if (ah_str_ieq(ah_str(token.ptr, 3), ah_str(names + 3 * (size_t)i, 3))) {
      date->month = i + 1;
      return true;
    }
  }
  return false;
}

/* Step 2: each token is the first of these that is still wanted. */
static void date_take_token(cookie_date *date, ahttp_str token)
{
  ahttp_str rest = token;
  if (!date->has_time && date_take_time(date, token)) {
    date->has_time = true;
  } else if (!date->has_day && take_number(&rest, 1, 2, &date->day)) {
    date->has_day = true;
  } else if (!date->has_month && date_take_month(date, token)) {
    date->has_month = true;
  } else if (!date->has_year && take_number(&token, 2, 4, &date->year)) {
    date->has_year = true;
  }
}

static bool is_leap(unsigned year)
{
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned month_days(unsigned year, unsigned month)
{
  static const uint8_t days[] = {31, 28, 31, 30, 31, 30,
                                 31, 31, 30, 31, 30, 31};
  return days[month - 1] + (month == 2 && is_leap(year) ? 1u : 0u);
}

/* Steps 5 and 6, the last of which refuses dates that do not exist. */
static bool date_is_valid(const cookie_date *date)
{
  return date->has_time && date->has_day && date->has_month && date->has_year &&
         date->year >= 1601 && date->day >= 1 &&
         date->day <= month_days(date->year, date->month) && date->hour <= 23 &&
         date->minute <= 59 && date->second <= 59;
}

/* Days from 1970-01-01, in the proleptic Gregorian calendar. */
static int64_t date_days(const cookie_date *date)
{
  int64_t before = (int64_t)date->year - 1; /* whole years since year 1 */
  int64_t days = before * 365 + before / 4 - before / 100 + before / 400;
  for (unsigned month = 1; month < date->month; month++) {
    days += month_days(date->year, month);
  }
  enum {
    DAYS_TO_1970 = 719162 /* from 0001-01-01 */
  };
  return days + (int64_t)date->day - 1 - DAYS_TO_1970;
}

bool ah_cookie_date_parse(ahttp_str text, int64_t *seconds)
{
  cookie_date date = {.has_time = false};
  size_t pos = 0;
  while (pos < text.len) {
    size_t start = pos;
    while (pos < text.len && !is_delimiter((uint8_t)text.ptr[pos])) {
      pos++;
    }
    if (pos > start) {
      date_take_token(&date, ah_str(text.ptr + start, pos - start));
    }
    pos++;
  }
  /* Steps 3 and 4: years of two digits. */
  if (date.has_year && date.year <= 99) {
    date.year += date.year >= 70 ? 1900 : 2000;
  }
  if (!date_is_valid(&date)) {
    return false;
  }
  *seconds = date_days(&date) * 86400 + (int64_t)date.hour * 3600 +
             (int64_t)date.minute * 60 + (int64_t)date.second;
  return true;
}
