#include "server/core/map.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

Test(map, keeps_a_thousand_keys_through_growth)
{
	static int values[1000];
	struct map map;
	map_init(&map);
	char key[16];
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		cr_assert(eq(ptr, map_set_str(&map, key, &values[i]), NULL));
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		cr_assert(eq(ptr, map_get_str(&map, key), &values[i]));
	}
	cr_assert(eq(sz, map.count, 1000));
	map_finish(&map);
}

Test(map, set_returns_what_it_replaced_and_remove_what_it_took)
{
	int a, b;
	struct map map;
	map_init(&map);
	map_set_u64(&map, 7, &a);
	cr_assert(eq(ptr, map_set_u64(&map, 7, &b), &a));
	cr_assert(eq(ptr, map_remove_u64(&map, 7), &b));
	cr_assert(eq(ptr, map_remove_u64(&map, 7), NULL));
	cr_assert(eq(ptr, map_get_u64(&map, 7), NULL));
	map_finish(&map);
}

Test(map, entries_may_be_removed_while_walking)
{
	int value;
	struct map map;
	map_init(&map);
	for (uint64_t i = 0; i < 100; i++)
		map_set_u64(&map, i, &value);
	struct map_cursor cursor = { 0 };
	const void *key;
	size_t len, seen = 0;
	void *found;
	while (map_next(&map, &cursor, &key, &len, &found)) {
		uint64_t id;
		cr_assert(eq(sz, len, sizeof(id)));
		__builtin_memcpy(&id, key, sizeof(id));
		map_remove_u64(&map, id);
		seen++;
	}
	cr_assert(eq(sz, seen, 100));
	cr_assert(eq(sz, map.count, 0));
	map_finish(&map);
}
