#include "server/core/http_range.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { DIGITS_MAX = 18 }; /* below every overflow */

/* Digits up to `until`: -1 for none, -2 for anything else. More than fit are as good as those that
 * do: no body is as large. */
static int64_t read_number(const char **at, char until)
{
	int64_t value = -1;
	size_t digits = 0;
	for (; **at >= '0' && **at <= '9'; ++*at, digits++)
		if (digits < DIGITS_MAX)
			value = (digits ? value * 10 : 0) + (**at - '0');
	if (**at != until)
		return -2;
	*at += until != '\0';
	return value;
}

enum http_range http_range_parse(const char *text, size_t len, size_t *first, size_t *count)
{
	static const char unit[] = "bytes=";
	if (!text || strncasecmp(text, unit, sizeof(unit) - 1) != 0)
		return HTTP_RANGE_ALL;
	const char *at = text + sizeof(unit) - 1;
	const int64_t from = read_number(&at, '-');
	const int64_t to = from == -2 ? -2 : read_number(&at, '\0');
	if (to == -2 || (from < 0 && to < 0) || (from >= 0 && to >= 0 && to < from))
		return HTTP_RANGE_ALL;
	if (from < 0) { /* the last `to` bytes */
		*count = (size_t)to < len ? (size_t)to : len;
		*first = len - *count;
	} else {
		*first = (size_t)from;
		const size_t left = *first < len ? len - *first : 0;
		*count = to < 0 || (size_t)(to - from) >= left ? left : (size_t)(to - from) + 1;
	}
	return *count ? HTTP_RANGE_PART : HTTP_RANGE_OUTSIDE;
}
