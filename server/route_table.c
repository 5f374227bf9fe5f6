#include "server/route_table.h"

#include <stdio.h>
#include <string.h>

/* One segment of a pattern against one of a path; "{room}.flv" takes what stands before the suffix.
 */
static bool segment_matches(const char *pattern, size_t pattern_len, const char *segment,
			    struct route_variables *out)
{
	const size_t len = strlen(segment);
	if (pattern[0] != '{')
		return len == pattern_len && !memcmp(pattern, segment, len);
	const char *end = memchr(pattern, '}', pattern_len);
	const size_t suffix = pattern_len - (size_t)(end + 1 - pattern);
	if (len <= suffix || len - suffix >= ROUTE_VARIABLE_MAX ||
	    memcmp(segment + len - suffix, end + 1, suffix) != 0)
		return false;
	const bool is_room = pattern[1] == 'r';
	char *to = is_room ? out->room : pattern[1] == 'i' ? out->item : out->name;
	out->has_room = out->has_room || is_room;
	out->has_sku = out->has_sku || pattern[1] == 's';
	memcpy(to, segment, len - suffix);
	to[len - suffix] = '\0';
	return true;
}

static bool path_matches(const char *pattern, const struct route_query *query,
			 struct route_variables *out)
{
	*out = (struct route_variables){ 0 };
	size_t i = 0;
	for (const char *at = pattern + 1; *at; i++) {
		const size_t len = strcspn(at, "/");
		if (i >= query->count || !segment_matches(at, len, query->segments[i], out))
			return false;
		at += len + (at[len] == '/');
	}
	return i == query->count;
}

static bool method_matches(const char *wanted, const char *method)
{
	return !strcmp(wanted, method) || (!strcmp(wanted, "GET") && !strcmp(method, "HEAD"));
}

static void add_method(char allow[ROUTE_ALLOW_MAX], const char *method)
{
	const size_t used = strlen(allow);
	snprintf(allow + used, ROUTE_ALLOW_MAX - used, "%s%s", used ? ", " : "", method);
	if (!strcmp(method, "GET"))
		add_method(allow, "HEAD");
}

const struct route *route_find(const struct route *routes, size_t count,
			       const struct route_query *query, struct route_variables *variables,
			       char allow[ROUTE_ALLOW_MAX])
{
	allow[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		if (!path_matches(routes[i].path, query, variables))
			continue;
		if (method_matches(routes[i].method, query->method))
			return &routes[i];
		add_method(allow, routes[i].method);
	}
	return NULL;
}
