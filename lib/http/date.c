/* SPDX-License-Identifier: MIT */
/*
 * Dates (RFC 9110, section 5.6.7):
 *
 *   Sun, 06 Nov 1994 08:49:37 GMT    IMF-fixdate, the one that is written
 *   Sunday, 06-Nov-94 08:49:37 GMT   RFC 850
 *   Sun Nov  6 08:49:37 1994         asctime()
 *
 * "Recipients of timestamp values are encouraged to be robust", but the
 * grammar is case-sensitive and fixed, and everybody writes the first: what is
 * read is these three.  The name of the day is not compared with the date.
 */
#include "config.h"

#include <stdio.h>

#include <ahttp/error.h>
#include <ahttp/message.h>

#include "base/str.h"

enum {
  DAY_S = 86400,
  YEAR_MAX = 9999
};

typedef struct date {
  int year;
  int month; /* 0 to 11 */
  int day;
  int hour;
  int minute;
  int second;
} date;

static const char day_names[7][4] = {"Sun", "Mon", "Tue", "Wed",
                                     "Thu", "Fri", "Sat"};
static const char *const long_day_names[7] = {
    "Sunday",   "Monday", "Tuesday", "Wednesday",
    "Thursday", "Friday", "Saturday"};
static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr",
                                        "May", "Jun", "Jul", "Aug",
                                        "Sep", "Oct", "Nov", "Dec"};

/* --- The calendar: proleptic Gregorian, days since 1970-01-01. -------------
 */

static bool is_leap(int year)
{
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of_month(int year, int month)
{
  static const uint8_t days[12] = {31, 28, 31, 30, 31, 30,
                                   31, 31, 30, 31, 30, 31};
  return days[month] + (month == 1 && is_leap(year) ? 1 : 0);
}

/* Days before January 1st of |year|, which is 0 or later. */
static int64_t days_before_year(int year)
{
  enum {
    DAYS_BEFORE_1970 = 719528
  }; /* from January 1st of year 0 */
  int64_t past = (int64_t)year - 1;
  int64_t leaps = year == 0 ? 0 : past / 4 - past / 100 + past / 400 + 1;
  return (int64_t)year * 365 + leaps - DAYS_BEFORE_1970;
}

static int64_t date_to_seconds(const date *when)
{
  int64_t days = days_before_year(when->year) + when->day - 1;
  for (int month = 0; month < when->month; month++) {
    days += days_of_month(when->year, month);
  }
  return days * DAY_S + (int64_t)when->hour * 3600 + when->minute * 60 +
         when->second;
}

static void date_from_days(date *when, int64_t days)
{
  /* A first guess, which the average length of a year makes too early at most
   * by one. */
  int year = 1970 + (int)(days * 400 / 146097);
  while (days_before_year(year) > days) {
    year--;
  }
  while (days_before_year(year + 1) <= days) {
    year++;
  }
  int left = (int)(days - days_before_year(year));
  when->year = year;
  when->month = 0;
  while (left >= days_of_month(year, when->month)) {
    left -= days_of_month(year, when->month);
    when->month++;
  }
  when->day = left + 1;
}

/* --- Reading. ---------------------------------------------------------------
 */

/* What is left of the text; |ok| is false once something was missing. */
typedef struct reading {
  const char *at;
  size_t left;
  bool ok;
} reading;

static void read_literal(reading *in, const char *text)
{
  size_t len = strlen(text);
  if (!in->ok || in->left < len || memcmp(in->at, text, len) != 0) {
    in->ok = false;
    return;
  }
  in->at += len;
  in->left -= len;
}

/* |digits| digits, or with |pads| one digit behind a blank. */
static int read_number(reading *in, size_t digits, bool pads)
{
  int number = 0;
  if (!in->ok || in->left < digits) {
    in->ok = false;
    return 0;
  }
  for (size_t i = 0; i < digits; i++) {
    char c = in->at[i];
    if (!(pads && i == 0 && c == ' ')) {
      in->ok = in->ok && c >= '0' && c <= '9';
      number = number * 10 + (c - '0');
    }
  }
  in->at += digits;
  in->left -= digits;
  return number;
}

/* The place of the word at hand among three-letter |names|. */
static int read_name(reading *in, const char names[][4], int count)
{
  for (int i = 0; in->ok && i < count; i++) {
    if (in->left >= 3 && memcmp(in->at, names[i], 3) == 0) {
      in->at += 3;
      in->left -= 3;
      return i;
    }
  }
  in->ok = false;
  return 0;
}

static void read_time(reading *in, date *out)
{
  out->hour = read_number(in, 2, false);
  read_literal(in, ":");
  out->minute = read_number(in, 2, false);
  read_literal(in, ":");
  out->second = read_number(in, 2, false);
}

static void read_fixdate(reading *in, date *out)
{
  (void)read_name(in, day_names, 7);
  read_literal(in, ", ");
  out->day = read_number(in, 2, false);
  read_literal(in, " ");
  out->month = read_name(in, month_names, 12);
  read_literal(in, " ");
  out->year = read_number(in, 4, false);
  read_literal(in, " ");
  read_time(in, out);
  read_literal(in, " GMT");
}

static void read_long_day(reading *in)
{
  for (int i = 0; i < 7; i++) {
    size_t len = strlen(long_day_names[i]);
    if (in->left >= len && memcmp(in->at, long_day_names[i], len) == 0) {
      in->at += len;
      in->left -= len;
      return;
    }
  }
  in->ok = false;
}

/* "Recipients of a timestamp value in rfc850-date format [...] MUST interpret a
 * timestamp that appears to be more than 50 years in the future as representing
 * the most recent year in the past that had the same last two digits." */
static void date_set_century(date *out, int64_t now_s)
{
  date now;
  if (now_s < 0 || now_s >= days_before_year(YEAR_MAX + 1) * DAY_S) {
    now_s = 0; /* no clock says so */
  }
  date_from_days(&now, now_s / DAY_S);
  out->year += now.year - now.year % 100;
  date limit = *out;
  limit.year -= 50;
  if (date_to_seconds(&limit) > now_s) {
    out->year -= 100;
  }
}

static void read_rfc850(reading *in, int64_t now_s, date *out)
{
  read_long_day(in);
  read_literal(in, ", ");
  out->day = read_number(in, 2, false);
  read_literal(in, "-");
  out->month = read_name(in, month_names, 12);
  read_literal(in, "-");
  out->year = read_number(in, 2, false);
  if (in->ok) {
    date_set_century(out, now_s);
  }
  read_literal(in, " ");
  read_time(in, out);
  read_literal(in, " GMT");
}

static void read_asctime(reading *in, date *out)
{
  (void)read_name(in, day_names, 7);
  read_literal(in, " ");
  out->month = read_name(in, month_names, 12);
  read_literal(in, " ");
  out->day = read_number(in, 2, true);
  read_literal(in, " ");
  read_time(in, out);
  read_literal(in, " ");
  out->year = read_number(in, 4, false);
}

/* A second of 60 is a leap second. */
static bool date_is_valid(const date *when)
{
  return when->day >= 1 &&
         when->day <= days_of_month(when->year, when->month) &&
         when->hour < 24 && when->minute < 60 && when->second <= 60;
}

int ahttp_date_parse(ahttp_str value, int64_t now_s, int64_t *out)
{
  ahttp_str text = ah_str_trim(value);
  reading in = {.at = text.ptr, .left = text.len, .ok = true};
  date when = {.year = 0};
  *out = 0;
  if (text.len > 3 && text.ptr[3] == ',') {
    read_fixdate(&in, &when);
  } else if (text.len > 3 && text.ptr[3] == ' ') {
    read_asctime(&in, &when);
  } else {
    read_rfc850(&in, now_s, &when);
  }
  if (!in.ok || in.left > 0 || !date_is_valid(&when)) {
    return AHTTP_EINVAL;
  }
  *out = date_to_seconds(&when);
  return AHTTP_OK;
}

/* --- Writing. ---------------------------------------------------------------
 */

int ahttp_date_format(char dst[AHTTP_DATE_BYTES], int64_t seconds)
{
  int64_t first = days_before_year(0) * DAY_S;
  int64_t end = days_before_year(YEAR_MAX + 1) * DAY_S;
  dst[0] = '\0';
  if (seconds < first || seconds >= end) {
    return AHTTP_EINVAL;
  }
  int64_t since = seconds - first; /* of year 0, so that it is not negative */
  int64_t days = since / DAY_S + days_before_year(0);
  int of_day = (int)(since % DAY_S);
  date when;
  date_from_days(&when, days);
  /* January 1st of year 0 was a Saturday. */
  int weekday = (int)((since / DAY_S + 6) % 7);
  (void)snprintf(dst, AHTTP_DATE_BYTES, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                 day_names[weekday], when.day % 100, month_names[when.month],
                 when.year % (YEAR_MAX + 1), of_day / 3600, of_day / 60 % 60,
                 of_day % 60);
  return AHTTP_OK;
}

int ahttp_retry_after_parse(ahttp_str value, int64_t now_s, uint32_t max_ms,
                            uint32_t *out)
{
  ahttp_str text = ah_str_trim(value);
  *out = 0;
  if (ah_str_all(text, AH_CHAR_DIGIT)) {
    uint64_t seconds;
    bool is_short = ah_str_to_u64(text, &seconds) && seconds <= max_ms / 1000;
    *out = is_short ? (uint32_t)seconds * 1000 : max_ms;
    return AHTTP_OK;
  }
  int64_t when;
  if (ahttp_date_parse(text, now_s, &when) != AHTTP_OK) {
    return AHTTP_EINVAL;
  }
  if (when > now_s) {
    *out = when - now_s <= (int64_t)(max_ms / 1000)
               ? (uint32_t)(when - now_s) * 1000
               : max_ms;
  }
  return AHTTP_OK;
}
