/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_STATUS_H
#define AHTTP_STATUS_H

#include <ahttp/error.h>
#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What a response's status code says (RFC 9110, section 15).  A response with
 * an error status is a response like any other, not an error of the library,
 * until somebody calls ahttp_response_raise_for_status().
 */

/* The phrase that the IANA registry has for |status|, such as "Not Found"; ""
 * if it has none.  Static. */
AHTTP_EXTERN const char *ahttp_status_phrase(int status);

/* The status is 1xx. */
AHTTP_EXTERN bool
ahttp_response_is_informational(const ahttp_response *response);

/* The status is 2xx. */
AHTTP_EXTERN bool ahttp_response_is_success(const ahttp_response *response);

/* The status is 3xx. */
AHTTP_EXTERN bool ahttp_response_is_redirect(const ahttp_response *response);

/* The status is 4xx. */
AHTTP_EXTERN bool
ahttp_response_is_client_error(const ahttp_response *response);

/* The status is 5xx. */
AHTTP_EXTERN bool
ahttp_response_is_server_error(const ahttp_response *response);

/* The status is 4xx or 5xx. */
AHTTP_EXTERN bool ahttp_response_is_error(const ahttp_response *response);

/*
 * Makes an error of every status but 2xx.  Returns AHTTP_OK, or AHTTP_ESTATUS.
 * |err| may be NULL; else it is filled, also when all is well: its domain is
 * AHTTP_DOMAIN_HTTP, its native number the status, and its text a sentence like
 * "client error 404 Not Found for URL https://example.org/".
 */
AHTTP_EXTERN int ahttp_response_raise_for_status(const ahttp_response *response,
                                                 ahttp_error *err);

#ifdef __cplusplus
}
#endif

#endif
