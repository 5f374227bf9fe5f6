/*
 * Percent-encoding (RFC 3986 §2.1) of UTF-8. Any thread.
 */
#ifndef SOUK_CORE_PERCENT_H
#define SOUK_CORE_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

/* Decodes %XX, and '+' to a space if `plus`; not ended by a NUL. The length, or -EINVAL: a broken
 * escape, a NUL, or what is not UTF-8 then. `out` may be `text` itself. */
long percent_decode(const char *text, size_t len, bool plus, char *out)
	__attribute__((warn_unused_result));

#endif
