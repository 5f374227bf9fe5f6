/*
 * What a store says, for people and for other programs: orders, products or events of one moment,
 * one a line, also beside a running server. Any thread; blocks.
 */
#ifndef SOUK_COMMERCE_EXPORT_H
#define SOUK_COMMERCE_EXPORT_H

#include <stdbool.h>
#include <stdio.h>

enum export_what { EXPORT_ORDERS, EXPORT_PRODUCTS, EXPORT_EVENTS };

struct export_request {
	const char *room; /* NULL: all, those that were deleted too */
	enum export_what what;
	bool csv; /* a row for each item of each order (RFC 4180); else JSON as the API gives it */
};

/* -ENOENT without a store in `dir`, -ESRCH without such a room, -EUCLEAN, -EIO (`out` too);
 * -EFBIG when too much was written beside it. */
int store_export(const struct export_request *request, const char *dir, FILE *out)
	__attribute__((warn_unused_result));

#endif
