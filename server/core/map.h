/*
 * Hash map from byte strings (or integers) to pointers. Keys are copied; values are the caller's.
 * SipHash with a random key of the process, so that peers cannot choose collisions. One thread.
 */
#ifndef SOUK_CORE_MAP_H
#define SOUK_CORE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_entry;

struct map {
	struct map_entry **slots;
	size_t size; /* slots, a power of two */
	size_t count;
	uint64_t seed[2];
};

void map_init(struct map *map);
void map_finish(struct map *map); /* frees keys, not values */
void map_free(struct map *map); /* and values, by free() */

/* NULL when absent. */
void *map_get(const struct map *map, const void *key, size_t len);
void *map_get_str(const struct map *map, const char *key);
void *map_get_u64(const struct map *map, uint64_t key);

/* Sets or replaces; returns the value that was there before, or NULL. `value` must not be NULL. */
void *map_set(struct map *map, const void *key, size_t len, void *value);
void *map_set_str(struct map *map, const char *key, void *value);
void *map_set_u64(struct map *map, uint64_t key, void *value);

/* Removes; returns the value that was there, or NULL. */
void *map_remove(struct map *map, const void *key, size_t len);
void *map_remove_str(struct map *map, const char *key);
void *map_remove_u64(struct map *map, uint64_t key);

/* Walks in no order: `cursor` starts at {0}; false at the end. Removing the returned entry is
 * allowed, adding is not. Key and length may be NULL. */
struct map_cursor {
	size_t slot;
	struct map_entry *next;
};
bool map_next(const struct map *map, struct map_cursor *cursor, const void **key, size_t *len,
	      void **value);

#endif
