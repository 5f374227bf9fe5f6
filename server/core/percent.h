/*
 * Percent-encoding (RFC 3986 §2.1) of UTF-8, and queries that are written in it. Pure; any thread.
 */
#ifndef SOUK_CORE_PERCENT_H
#define SOUK_CORE_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

/* Decodes %XX, and '+' to a space if `plus`; not ended by a NUL. The length, or -EINVAL: a broken
 * escape, a NUL, or what is not UTF-8 then. `out` may be `text` itself. */
long percent_decode(const char *text, size_t len, bool plus, char *out)
	__attribute__((warn_unused_result));

/* The first parameter of that name in an undecoded query, decoded ('+' is a space). Its length;
 * -ENOENT when absent, -EINVAL for bad encoding, NUL or invalid UTF-8, -E2BIG when size is short.
 */
long percent_query(const char *query, const char *name, char *out, size_t size);

#endif
