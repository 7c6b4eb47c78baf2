/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_RESPONSE_H
#define AHTTP_RESPONSE_H

#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A response: status, fields and, from the blocking functions, the whole
 * content.  In callbacks it is borrowed and lives until on_done returns.
 */

/* Frees a response of a blocking function; NULL is allowed. */
AHTTP_EXTERN void ahttp_response_free(ahttp_response *response);

/* The status code, 100 to 999 (RFC 9110, section 15). */
AHTTP_EXTERN int ahttp_response_status(const ahttp_response *response);

/* The protocol version it came with. */
AHTTP_EXTERN ahttp_version
ahttp_response_version(const ahttp_response *response);

/* The reason phrase as sent; empty over HTTP/2. */
AHTTP_EXTERN ahttp_str ahttp_response_reason(const ahttp_response *response);

/* The URL this response is of: the last one when redirects were followed. */
AHTTP_EXTERN const ahttp_url *
ahttp_response_url(const ahttp_response *response);

/* How many redirects were followed to get here. */
AHTTP_EXTERN unsigned ahttp_response_redirects(const ahttp_response *response);

/* How often the request was sent again to get here; see retry.h. */
AHTTP_EXTERN unsigned ahttp_response_retries(const ahttp_response *response);

/*
 * The responses that came before this one in its call, and which the user was
 * not told of: redirects that were followed, challenges that were answered,
 * failures that were tried again; |index| 0 is the first.  They have a status,
 * a URL, fields and a history of their own, but no content and no trailers, and
 * live as long as |response|.  NULL past the end.  16 MiB of them at most are
 * kept, then the call fails with AHTTP_ELIMIT.
 */
AHTTP_EXTERN const ahttp_response *
ahttp_response_history(const ahttp_response *response, size_t index);

/* How many there are. */
AHTTP_EXTERN size_t
ahttp_response_history_count(const ahttp_response *response);

/*
 * Makes the request that |response| asks for by its status (301, 302, 303, 307,
 * 308) and Location, as a call that follows redirects would send it next: for
 * programs that follow them one by one.  Free it with ahttp_request_free().
 *
 * It has all fields, those of the client's defaults included, and shares the
 * content with the request that was answered.  If it leads to another origin
 * the credentials are left behind, and the client that sends it does not add
 * its own; what ahttp_send_opts.auth gives is sent.
 *
 * Returns AHTTP_OK and sets |*out|, to NULL if it asks for none or was followed
 * already; or |*out| is NULL and:
 *   AHTTP_EREDIRECT  it cannot be followed, or the content cannot be sent a
 *                    second time, or refuse_downgrade forbids it
 *   AHTTP_ENOMEM
 */
AHTTP_EXTERN int ahttp_response_next_request(ahttp_request **out,
                                             const ahttp_response *response);

/* The header section's fields. */
AHTTP_EXTERN const ahttp_fields *
ahttp_response_fields(const ahttp_response *response);

/* The trailer section's fields; complete in on_done, empty before. */
AHTTP_EXTERN const ahttp_fields *
ahttp_response_trailers(const ahttp_response *response);

/*
 * True if the content had codings that were undone (Content-Encoding, which
 * stays among the fields): then Content-Length is not its length.
 */
AHTTP_EXTERN bool ahttp_response_is_decoded(const ahttp_response *response);

/*
 * The whole content, NUL-terminated for convenience (the NUL is not counted);
 * empty in callbacks, where on_body has it.
 */
AHTTP_EXTERN ahttp_str ahttp_response_content(const ahttp_response *response);

/*
 * The content as UTF-8 text, NUL-terminated, good until this is called again or
 * the response is freed.
 * |charset| (NULL: none) says what it is in, whatever the response says; else a
 * byte order mark (UTF-8, UTF-16) does, else the charset parameter of
 * Content-Type if it is known, else it is UTF-8.  A byte order mark is not part
 * of the text.  What is not well-formed becomes U+FFFD.
 *
 * Returns AHTTP_OK, or makes |*out| empty and returns:
 *   AHTTP_EINVAL   |charset| is not known
 *   AHTTP_ENOMEM
 */
AHTTP_EXTERN int ahttp_response_text(ahttp_response *response,
                                     const char *charset, ahttp_str *out);

/*
 * Finds the first link of relation |rel| (any case; "next") in the Link fields
 * (RFC 8288) and resolves its target; |*out| is for ahttp_url_free(), and NULL
 * if there is no such link.  Links that are no URL and links of another context
 * (anchor) are passed over.  AHTTP_OK or AHTTP_ENOMEM.
 */
AHTTP_EXTERN int ahttp_response_link(const ahttp_response *response,
                                     const char *rel, ahttp_url **out);

/*
 * How long the response asks to wait (Retry-After), in milliseconds from
 * |now_s| (seconds since 1970, time()) on, |max_ms| at most.  Returns false,
 * and |*out| is 0, if it does not say.
 */
AHTTP_EXTERN bool ahttp_response_retry_after(const ahttp_response *response,
                                             int64_t now_s, uint32_t max_ms,
                                             uint32_t *out);

#ifdef __cplusplus
}
#endif

#endif
