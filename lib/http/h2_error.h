/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_H2_ERROR_H
#define AH_HTTP_H2_ERROR_H

#include <ahttp/error.h>
#include <ahttp/types.h>

/* The error codes of RFC 9113, section 7. */
typedef enum ah_h2_code {
  AH_H2_NO_ERROR = 0x0,
  AH_H2_PROTOCOL_ERROR = 0x1,
  AH_H2_INTERNAL_ERROR = 0x2,
  AH_H2_FLOW_CONTROL_ERROR = 0x3,
  AH_H2_SETTINGS_TIMEOUT = 0x4,
  AH_H2_STREAM_CLOSED = 0x5,
  AH_H2_FRAME_SIZE_ERROR = 0x6,
  AH_H2_REFUSED_STREAM = 0x7,
  AH_H2_CANCEL = 0x8,
  AH_H2_COMPRESSION_ERROR = 0x9,
  AH_H2_CONNECT_ERROR = 0xa,
  AH_H2_ENHANCE_YOUR_CALM = 0xb,
  AH_H2_INADEQUATE_SECURITY = 0xc,
  AH_H2_HTTP_1_1_REQUIRED = 0xd
} ah_h2_code;

/* The RFC's name of |code|, such as "REFUSED_STREAM"; static text, never NULL,
 * also for codes the RFC does not know. */
const char *ah_h2_code_name(uint32_t code);

/* |*err| for a stream the peer reset with |code|: AHTTP_ESTREAM. */
void ah_h2_error_set_reset(ahttp_error *err, uint32_t code);

/* |*err| for a stream the peer will not process because it sent GOAWAY with
 * |code|: AHTTP_EGOAWAY. */
void ah_h2_error_set_goaway(ahttp_error *err, uint32_t code);

/* |*err| for a peer that broke the protocol in the way |code| names, or went
 * over a limit of ours (ENHANCE_YOUR_CALM is AHTTP_ELIMIT, everything else
 * AHTTP_EPROTO).  |reason| says more; it may be empty. */
void ah_h2_error_set_violation(ahttp_error *err, uint32_t code,
                               ahttp_str reason);

/* If |len| bytes at |data|, the server's first, are of HTTP/1, says so in
 * |*err| and returns true. */
bool ah_h2_error_set_http1(ahttp_error *err, const uint8_t *data, size_t len);

#endif
