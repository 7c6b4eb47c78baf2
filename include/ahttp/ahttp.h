/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_AHTTP_H
#define AHTTP_AHTTP_H

/* The whole of libahttp. */

#include <ahttp/types.h>
#include <ahttp/version.h>
#include <ahttp/error.h>
#include <ahttp/alloc.h>
#include <ahttp/fields.h>
#include <ahttp/url.h>
#include <ahttp/params.h>
#include <ahttp/message.h>
#include <ahttp/request.h>
#include <ahttp/multipart.h>
#include <ahttp/response.h>
#include <ahttp/trace.h>
#include <ahttp/status.h>
#include <ahttp/tls.h>
#include <ahttp/clock.h>
#include <ahttp/net.h>
#include <ahttp/proxy.h>
#include <ahttp/resolver.h>
#include <ahttp/cookies.h>
#include <ahttp/retry.h>
#include <ahttp/client.h>
#include <ahttp/call.h>
#include <ahttp/hooks.h>
#include <ahttp/auth.h>
#include <ahttp/stream.h>
#include <ahttp/blocking.h>
#include <ahttp/future.h>
#include <ahttp/transport.h>
#include <ahttp/mock.h>
#include <ahttp/sse.h>

#endif
