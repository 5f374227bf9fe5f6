/*
 * Finds the row of a table of routes for a method and a path. Knows neither requests nor rooms:
 * pure functions; any thread.
 */
#ifndef SOUK_SERVER_ROUTE_TABLE_H
#define SOUK_SERVER_ROUTE_TABLE_H

#include "server/route.h"

#include <stdbool.h>
#include <stddef.h>

enum { ROUTE_VARIABLE_MAX = 256, ROUTE_ALLOW_MAX = 64 };

/* What stood in the place of {room}, {name} or {sku}, and {item}. */
struct route_variables {
	char room[ROUTE_VARIABLE_MAX];
	char name[ROUTE_VARIABLE_MAX];
	char item[ROUTE_VARIABLE_MAX];
	bool has_room, has_sku;
};

struct route_query {
	const char *method;
	const char *const *segments; /* of the path, without slashes */
	size_t count;
};

/* The row; or NULL, with the methods that this path has in `allow` (empty: no such path). HEAD is
 * served where GET is. A variable is never empty nor longer than it may be. */
const struct route *route_find(const struct route *routes, size_t count,
			       const struct route_query *query, struct route_variables *variables,
			       char allow[ROUTE_ALLOW_MAX]);

#endif
