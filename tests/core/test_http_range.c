#include "server/core/http_range.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static const struct {
	const char *text;
	size_t len;
	enum http_range range;
	size_t first, count;
} rows[] = {
	{ NULL, 10, HTTP_RANGE_ALL, 0, 0 },
	{ "bytes=0-1", 10, HTTP_RANGE_PART, 0, 2 },
	{ "Bytes=3-3", 10, HTTP_RANGE_PART, 3, 1 },
	{ "bytes=3-", 10, HTTP_RANGE_PART, 3, 7 },
	{ "bytes=3-99", 10, HTTP_RANGE_PART, 3, 7 },
	{ "bytes=0-", 10, HTTP_RANGE_PART, 0, 10 },
	{ "bytes=-4", 10, HTTP_RANGE_PART, 6, 4 },
	{ "bytes=-99", 10, HTTP_RANGE_PART, 0, 10 },
	{ "bytes=0-999999999999999999", 10, HTTP_RANGE_PART, 0, 10 },
	{ "bytes=10-", 10, HTTP_RANGE_OUTSIDE, 0, 0 },
	{ "bytes=999999999999999999-", 10, HTTP_RANGE_OUTSIDE, 0, 0 },
	{ "bytes=-0", 10, HTTP_RANGE_OUTSIDE, 0, 0 },
	{ "bytes=0-", 0, HTTP_RANGE_OUTSIDE, 0, 0 },
	{ "bytes=5-3", 10, HTTP_RANGE_ALL, 0, 0 },
	{ "bytes=", 10, HTTP_RANGE_ALL, 0, 0 },
	{ "bytes=-", 10, HTTP_RANGE_ALL, 0, 0 },
	{ "bytes=a-b", 10, HTTP_RANGE_ALL, 0, 0 },
	{ "bytes=0-1,4-5", 10, HTTP_RANGE_ALL, 0, 0 },
	{ "bytes=0-1 ", 10, HTTP_RANGE_ALL, 0, 0 },
	{ "bytes=2-99999999999999999999", 10, HTTP_RANGE_PART, 2, 8 },
	{ "bytes=-99999999999999999999", 10, HTTP_RANGE_PART, 0, 10 },
	{ "bytes=9999999999999999999-", 10, HTTP_RANGE_OUTSIDE, 0, 0 },
	{ "items=0-1", 10, HTTP_RANGE_ALL, 0, 0 },
};

Test(http_range, one_range_of_bytes_is_understood)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t first = 0, count = 0;
		const enum http_range range =
			http_range_parse(rows[i].text, rows[i].len, &first, &count);
		cr_expect(range == rows[i].range, "%s", rows[i].text);
		if (range != HTTP_RANGE_PART)
			continue;
		cr_expect(first == rows[i].first && count == rows[i].count, "%s: %zu %zu",
			  rows[i].text, first, count);
	}
}
