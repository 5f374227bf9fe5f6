/*
 * The part of a representation that a Range field asks for (RFC 9110 §14): one range of bytes.
 * Several, other units and what is malformed are passed over, as the RFC allows, which means all of
 * it. Pure.
 */
#ifndef SOUK_CORE_HTTP_RANGE_H
#define SOUK_CORE_HTTP_RANGE_H

#include <stddef.h>

enum http_range {
	HTTP_RANGE_ALL,
	HTTP_RANGE_PART, /* *first and *count, at least one byte */
	HTTP_RANGE_OUTSIDE, /* 416 */
};

/* `text` may be NULL; `len` is that of the whole. */
enum http_range http_range_parse(const char *text, size_t len, size_t *first, size_t *count);

#endif
