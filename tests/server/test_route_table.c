#include "server/route_table.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

static const struct route table[] = {
	{ "GET", "/", ROUTE_OPEN, JWT_VIEWER, NULL, false },
	{ "GET", "/api/rooms", ROUTE_OPEN, JWT_VIEWER, NULL, false },
	{ "POST", "/api/rooms", ROUTE_OPEN, JWT_VIEWER, NULL, false },
	{ "GET", "/api/rooms/{room}", ROUTE_OPEN, JWT_VIEWER, NULL, false },
	{ "DELETE", "/api/rooms/{room}/products/{sku}", ROUTE_OPEN, JWT_VIEWER, NULL, false },
	{ "GET", "/live/{room}.flv", ROUTE_OPEN, JWT_VIEWER, NULL, false },
	{ "GET", "/whep/{room}/{name}/events/{item}", ROUTE_OPEN, JWT_VIEWER, NULL, false },
};

static struct route_variables variables;
static char allow[ROUTE_ALLOW_MAX];

/* The row's number, or -1; "a/b" for /a/b. */
static int find(const char *method, const char *path)
{
	char text[512];
	const char *segments[8];
	size_t count = 0;
	snprintf(text, sizeof(text), "%s", path);
	for (char *at = text; *path && at; count++) {
		segments[count] = at;
		at = strchr(at, '/');
		if (at)
			*at++ = '\0';
	}
	const struct route_query query = { .method = method, .segments = segments, .count = count };
	const struct route *route =
		route_find(table, sizeof(table) / sizeof(*table), &query, &variables, allow);
	return route ? (int)(route - table) : -1;
}

Test(route_table, path_and_method_choose_the_row)
{
	cr_expect(eq(int, find("GET", ""), 0));
	cr_expect(eq(int, find("GET", "api/rooms"), 1));
	cr_expect(eq(int, find("POST", "api/rooms"), 2));
	cr_expect(eq(int, find("GET", "api/rooms/demo"), 3));
	cr_expect_str_eq(variables.room, "demo");
	cr_expect(variables.has_room);
	cr_expect(eq(int, find("DELETE", "api/rooms/demo/products/A1"), 4));
	cr_expect_str_eq(variables.name, "A1");
	cr_expect(variables.has_sku);
}

Test(route_table, a_variable_may_have_a_suffix_but_is_never_empty)
{
	cr_expect(eq(int, find("GET", "live/demo.flv"), 5));
	cr_expect_str_eq(variables.room, "demo");
	cr_expect(eq(int, find("GET", "live/a.flv.flv"), 5));
	cr_expect_str_eq(variables.room, "a.flv");
	cr_expect(eq(int, find("GET", "live/.flv"), -1));
	cr_expect(eq(int, find("GET", "live/demo"), -1));
	cr_expect(eq(int, find("GET", "api/rooms/"), -1));
}

Test(route_table, head_is_served_where_get_is)
{
	cr_expect(eq(int, find("HEAD", "api/rooms/demo"), 3));
	cr_expect(eq(int, find("HEAD", "api/rooms/demo/products/A1"), -1));
}

Test(route_table, another_method_of_a_known_path_tells_what_is_allowed)
{
	cr_expect(eq(int, find("PUT", "api/rooms"), -1));
	cr_expect_str_eq(allow, "GET, HEAD, POST");
	cr_expect(eq(int, find("GET", "api/rooms/demo/products/A1"), -1));
	cr_expect_str_eq(allow, "DELETE");
	cr_expect(eq(int, find("GET", "nowhere"), -1));
	cr_expect_str_eq(allow, "");
}

Test(route_table, a_longer_or_shorter_path_is_another)
{
	cr_expect(eq(int, find("GET", "api"), -1));
	cr_expect(eq(int, find("GET", "api/rooms/demo/more"), -1));
	cr_expect(eq(int, find("GET", "api/roomsx"), -1));
	cr_expect(eq(int, find("GET", "api/room"), -1));
}

Test(route_table, a_name_is_whole_or_nothing)
{
	char path[ROUTE_VARIABLE_MAX + 32];
	memset(path, 'a', sizeof(path));
	memcpy(path, "api/rooms/", 10);
	path[10 + ROUTE_VARIABLE_MAX] = '\0';
	cr_expect(eq(int, find("GET", path), -1));
	path[10 + ROUTE_VARIABLE_MAX - 1] = '\0';
	cr_expect(eq(int, find("GET", path), 3));
	cr_expect(eq(sz, strlen(variables.room), ROUTE_VARIABLE_MAX - 1));
}

Test(route_table, a_path_may_have_three_variables)
{
	cr_expect(eq(int, find("GET", "whep/demo/3-x/events/y"), 6));
	cr_expect_str_eq(variables.room, "demo");
	cr_expect_str_eq(variables.name, "3-x");
	cr_expect_str_eq(variables.item, "y");
}
