/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_COOKIES_H
#define AHTTP_COOKIES_H

#include <ahttp/error.h>
#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Cookies, by RFC 6265bis (draft-ietf-httpbis-rfc6265bis).  A jar holds them;
 * clients that are given one send and store them by themselves.  A jar may be
 * shared by any number of clients and threads: every function here works from
 * any thread and from any callback.  None of them runs a callback.
 */
typedef struct ahttp_cookie_jar ahttp_cookie_jar;

/* The SameSite attribute (RFC 6265bis, section 5.6.7). */
typedef enum ahttp_same_site {
  AHTTP_SAME_SITE_DEFAULT = 0, /* not given: treated as Lax */
  AHTTP_SAME_SITE_NONE = 1,
  AHTTP_SAME_SITE_LAX = 2,
  AHTTP_SAME_SITE_STRICT = 3
} ahttp_same_site;

/* ahttp_cookie.expires of a cookie that ends with the session. */
#define AHTTP_COOKIE_SESSION 0

/* One cookie.  Views that the library gives out are followed by a NUL byte. */
typedef struct ahttp_cookie {
  size_t size;      /* set by AHTTP_COOKIE_INIT */
  ahttp_str name;   /* may be empty, if |value| is not */
  ahttp_str value;  /* as it is sent, quotes included */
  ahttp_str domain; /* a host without port; a leading dot does not count */
  ahttp_str path;   /* begins with "/"; empty: "/" */
  int64_t expires;  /* seconds since 1970-01-01 UTC, or AHTTP_COOKIE_SESSION */
  ahttp_same_site same_site;
  bool host_only; /* for |domain| itself, not for the hosts below it */
  bool secure;    /* for https only, and for this machine itself */
  bool http_only; /* not for scripts in documents; kept, of no effect here */
} ahttp_cookie;

#define AHTTP_COOKIE_INIT AHTTP_SIZED(ahttp_cookie)

/* --- Lifecycle. ----------------------------------------------------------- */

/* Makes an empty jar in memory, with one reference.  AHTTP_OK and |*out|, or
 * AHTTP_ENOMEM and NULL. */
AHTTP_EXTERN int ahttp_cookie_jar_new(ahttp_cookie_jar **out);

/* Another reference to |jar|, which is returned. */
AHTTP_EXTERN ahttp_cookie_jar *ahttp_cookie_jar_ref(ahttp_cookie_jar *jar);

/* Drops a reference; the last one frees the jar.  NULL is allowed. */
AHTTP_EXTERN void ahttp_cookie_jar_free(ahttp_cookie_jar *jar);

/* --- What a client does with it. ------------------------------------------ */

/*
 * Stores the cookie that a response to a request for |url| sets with the field
 * value |set_cookie|, or removes the one that it declares expired.
 *
 * Returns AHTTP_OK, or:
 *   AHTTP_EFIELD   it is ignored; |*why| (may be NULL) is a static sentence
 *   AHTTP_EURL     |url| has no host
 *   AHTTP_ENOMEM
 */
AHTTP_EXTERN int ahttp_cookie_jar_store(ahttp_cookie_jar *jar,
                                        const ahttp_url *url,
                                        ahttp_str set_cookie, const char **why);

/* Stores what every Set-Cookie field of |response| says, as of its URL; for
 * those of a client without a jar.  What is to be ignored is.  AHTTP_OK or
 * AHTTP_ENOMEM. */
AHTTP_EXTERN int
ahttp_cookie_jar_store_response(ahttp_cookie_jar *jar,
                                const ahttp_response *response);

/* From where a request comes (RFC 6265bis, section 5.2).  A program that is no
 * browser has nothing to tell: all its requests are of the same site. */
typedef enum ahttp_site {
  AHTTP_SITE_SAME = 0,      /* all cookies */
  AHTTP_SITE_CROSS_TOP = 1, /* a link followed from another site: not those of
                               AHTTP_SAME_SITE_STRICT */
  AHTTP_SITE_CROSS = 2      /* embedded in, or posted from, another site: only
                               those of AHTTP_SAME_SITE_NONE */
} ahttp_site;

/*
 * Writes the value of the Cookie field of a request for |url| to |dst|,
 * NUL-terminated, and its length to |*len|, which is 0 if there is nothing to
 * send.  Returns AHTTP_OK; AHTTP_ELIMIT if |cap| bytes have no room for it and
 * its NUL (|*len| is what it needs without the NUL, and |dst| is untouched, so
 * that it may be NULL if |cap| is 0); or AHTTP_EURL.
 */
AHTTP_EXTERN int ahttp_cookie_jar_header(ahttp_cookie_jar *jar,
                                         const ahttp_url *url, ahttp_site site,
                                         char *dst, size_t cap, size_t *len);

/* --- Editing. ------------------------------------------------------------- */

/*
 * Puts |cookie| (copied) into the jar, in place of one of the same name,
 * domain, host_only and path; one that has expired only removes that.  The
 * domain is required: no cookie goes to every host.  It is read as a URL's host
 * is; an address, and a name that is a public suffix, is for itself alone.
 *
 * Returns AHTTP_OK, or:
 *   AHTTP_EINVAL   |cookie| is from a newer header; it has neither name nor
 *                  value, or more than 4096 bytes of them; a part holds a
 *                  control character or ';', or the name '='; the domain is
 *                  no host; the path does not begin with "/"; or the name
 *                  begins with __Secure- or __Host- and the rest does not fit
 *   AHTTP_ENOMEM
 */
AHTTP_EXTERN int ahttp_cookie_jar_set(ahttp_cookie_jar *jar,
                                      const ahttp_cookie *cookie);

/* Which cookies are meant: those that fit every member that is set. */
typedef struct ahttp_cookie_filter {
  size_t size;        /* set by AHTTP_COOKIE_FILTER_INIT */
  const char *name;   /* exactly; NULL: any */
  const char *domain; /* exactly, without regard to case and a leading dot;
                         NULL: any */
  const char *path;   /* exactly; NULL: any */
  bool session_only;  /* only those that end with the session */
} ahttp_cookie_filter;

#define AHTTP_COOKIE_FILTER_INIT AHTTP_SIZED(ahttp_cookie_filter)

/* Removes the cookies that |filter| means, and says how many in |*count| (may
 * be NULL).  NULL means all.  AHTTP_OK or AHTTP_EINVAL. */
AHTTP_EXTERN int ahttp_cookie_jar_remove(ahttp_cookie_jar *jar,
                                         const ahttp_cookie_filter *filter,
                                         size_t *count);

/* Removes all cookies. */
AHTTP_EXTERN void ahttp_cookie_jar_clear(ahttp_cookie_jar *jar);

/* How many cookies there are, expired ones not counted. */
AHTTP_EXTERN size_t ahttp_cookie_jar_count(ahttp_cookie_jar *jar);

/* --- Looking. ------------------------------------------------------------- */

/* Cookies as they were at one moment: a copy that no longer changes, so that
 * nothing is locked while it is looked at. */
typedef struct ahttp_cookie_list ahttp_cookie_list;

/*
 * Copies the cookies that |filter| means (NULL: all), the first stored first.
 * There may be several of one name: for several hosts, or paths of one.  Free
 * with ahttp_cookie_list_free().  AHTTP_OK and |*out|, or AHTTP_EINVAL or
 * AHTTP_ENOMEM and NULL.
 */
AHTTP_EXTERN int ahttp_cookie_jar_find(ahttp_cookie_jar *jar,
                                       const ahttp_cookie_filter *filter,
                                       ahttp_cookie_list **out);

/* The same with the cookies that a request for |url| would send, in that order.
 * Of several of one name servers use the first.  Also AHTTP_EURL. */
AHTTP_EXTERN int ahttp_cookie_jar_find_for(ahttp_cookie_jar *jar,
                                           const ahttp_url *url,
                                           ahttp_site site,
                                           ahttp_cookie_list **out);

/* How many cookies |list| has; NULL counts as empty. */
AHTTP_EXTERN size_t ahttp_cookie_list_count(const ahttp_cookie_list *list);

/* The cookie at |index| (from 0), which lives as long as |list|; NULL past the
 * end. */
AHTTP_EXTERN const ahttp_cookie *
ahttp_cookie_list_at(const ahttp_cookie_list *list, size_t index);

/* Frees |list|; NULL is allowed. */
AHTTP_EXTERN void ahttp_cookie_list_free(ahttp_cookie_list *list);

/* --- Files. --------------------------------------------------------------- */

/* What was found in a file. */
typedef struct ahttp_cookie_report {
  size_t size;           /* sizeof(*this), set by the caller */
  size_t loaded;         /* cookies put into the jar */
  size_t expired;        /* lines of cookies that are over */
  size_t bad;            /* lines that make no cookie */
  size_t first_bad_line; /* the first of those, from 1; 0: none */
  const char *first_bad; /* what is wrong with it: a static sentence, or NULL */
} ahttp_cookie_report;

/*
 * Adds the cookies of the Netscape cookies.txt file at |path|, as curl, wget
 * and browsers' extensions write it.  Lines that make no cookie are passed over
 * and told in |*report| (may be NULL).
 *
 * Returns AHTTP_OK, or fills |*err| (may be NULL) and returns its code:
 *   AHTTP_EFILE    |path| cannot be read; |err->native| is the errno, ENOENT if
 *                  there is no such file
 *   AHTTP_ELIMIT   it has more than 16 MiB
 *   AHTTP_ENOMEM
 */
AHTTP_EXTERN int ahttp_cookie_jar_load(ahttp_cookie_jar *jar, const char *path,
                                       ahttp_cookie_report *report,
                                       ahttp_error *err);

/*
 * Writes the jar to |path| in the same format, session cookies (with an expiry
 * of 0) included, readable for its owner only.  A file that was there is
 * replaced in one step when all is on the disk: after a failure, or a crash, it
 * is as before.  What is no regular file (a pipe, /dev/stdout) is written
 * directly.  SameSite, and cookies with a tab in their name or path, are not
 * saved, since the format cannot tell them.
 *
 * Returns AHTTP_OK, or fills |*err| (may be NULL) and returns its code:
 *   AHTTP_EFILE    |path| cannot be written; |err->native| is the errno
 *   AHTTP_ENOMEM
 */
AHTTP_EXTERN int ahttp_cookie_jar_save(ahttp_cookie_jar *jar, const char *path,
                                       ahttp_error *err);

#ifdef __cplusplus
}
#endif

#endif
