/* Status codes of HTTP. Pure. */
#ifndef SOUK_CORE_HTTP_STATUS_H
#define SOUK_CORE_HTTP_STATUS_H

/* The phrase that goes with a status code ("Not Found"), or "Unknown" (RFC 9110 §15, RFC 6585). */
const char *http_reason(int status);

#endif
