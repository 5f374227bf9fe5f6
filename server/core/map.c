#include "server/core/map.h"

#include "server/core/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { FIRST_SIZE = 16 };

struct map_entry {
	struct map_entry *next;
	uint64_t hash;
	void *value;
	size_t len;
	uint8_t key[];
};

static uint64_t rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein, 2012, with one round a word and three at the end). */
static uint64_t hash_bytes(const uint64_t seed[2], const void *data, size_t len)
{
	uint64_t v[4] = { seed[0] ^ 0x736f6d6570736575, seed[1] ^ 0x646f72616e646f6d,
			  seed[0] ^ 0x6c7967656e657261, seed[1] ^ 0x7465646279746573 };
	const uint8_t *at = data;
	const size_t tail = len & 7;
	for (size_t left = len; left >= 8; left -= 8, at += 8) {
		uint64_t word;
		memcpy(&word, at, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	uint64_t last = (uint64_t)len << 56;
	for (size_t i = 0; i < tail; i++)
		last |= (uint64_t)at[i] << (8 * i);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void map_init(struct map *map)
{
	*map = (struct map){ 0 };
	if (getrandom(map->seed, sizeof(map->seed), 0) != sizeof(map->seed))
		abort();
}

void map_finish(struct map *map)
{
	for (size_t i = 0; i < map->size; i++) {
		struct map_entry *entry = map->slots[i];
		while (entry) {
			struct map_entry *next = entry->next;
			free(entry);
			entry = next;
		}
	}
	free(map->slots);
	map->slots = NULL;
	map->size = 0;
	map->count = 0;
}

void map_free(struct map *map)
{
	for (size_t i = 0; i < map->size; i++)
		for (struct map_entry *entry = map->slots[i]; entry; entry = entry->next)
			free(entry->value);
	map_finish(map);
}

/* The pointer that points at the entry, or at the NULL where it would be appended. */
static struct map_entry **find(const struct map *map, uint64_t hash, const void *key, size_t len)
{
	struct map_entry **at = &map->slots[hash & (map->size - 1)];
	while (*at &&
	       ((*at)->hash != hash || (*at)->len != len || memcmp((*at)->key, key, len) != 0))
		at = &(*at)->next;
	return at;
}

static void grow(struct map *map)
{
	const size_t size = map->size ? map->size * 2 : FIRST_SIZE;
	struct map_entry **slots = xcalloc(size, sizeof(struct map_entry *));
	for (size_t i = 0; i < map->size; i++) {
		struct map_entry *entry = map->slots[i];
		while (entry) {
			struct map_entry *next = entry->next;
			struct map_entry **slot = &slots[entry->hash & (size - 1)];
			entry->next = *slot;
			*slot = entry;
			entry = next;
		}
	}
	free(map->slots);
	map->slots = slots;
	map->size = size;
}

void *map_get(const struct map *map, const void *key, size_t len)
{
	if (!map->count)
		return NULL;
	const struct map_entry *entry = *find(map, hash_bytes(map->seed, key, len), key, len);
	return entry ? entry->value : NULL;
}

void *map_set(struct map *map, const void *key, size_t len, void *value)
{
	if (map->count >= map->size)
		grow(map);
	const uint64_t hash = hash_bytes(map->seed, key, len);
	struct map_entry **at = find(map, hash, key, len);
	if (*at) {
		void *before = (*at)->value;
		(*at)->value = value;
		return before;
	}
	struct map_entry *entry = xcalloc(1, sizeof(*entry) + len);
	entry->hash = hash;
	entry->value = value;
	entry->len = len;
	memcpy(entry->key, key, len);
	*at = entry;
	map->count++;
	return NULL;
}

void *map_remove(struct map *map, const void *key, size_t len)
{
	if (!map->count)
		return NULL;
	struct map_entry **at = find(map, hash_bytes(map->seed, key, len), key, len);
	struct map_entry *entry = *at;
	if (!entry)
		return NULL;
	void *value = entry->value;
	*at = entry->next;
	free(entry);
	map->count--;
	return value;
}

void *map_get_str(const struct map *map, const char *key)
{
	return map_get(map, key, strlen(key));
}

void *map_set_str(struct map *map, const char *key, void *value)
{
	return map_set(map, key, strlen(key), value);
}

void *map_remove_str(struct map *map, const char *key)
{
	return map_remove(map, key, strlen(key));
}

void *map_get_u64(const struct map *map, uint64_t key)
{
	return map_get(map, &key, sizeof(key));
}

void *map_set_u64(struct map *map, uint64_t key, void *value)
{
	return map_set(map, &key, sizeof(key), value);
}

void *map_remove_u64(struct map *map, uint64_t key)
{
	return map_remove(map, &key, sizeof(key));
}

bool map_next(const struct map *map, struct map_cursor *cursor, const void **key, size_t *len,
	      void **value)
{
	while (!cursor->next) {
		if (cursor->slot >= map->size)
			return false;
		cursor->next = map->slots[cursor->slot++];
	}
	struct map_entry *entry = cursor->next;
	cursor->next = entry->next;
	if (key)
		*key = entry->key;
	if (len)
		*len = entry->len;
	*value = entry->value;
	return true;
}
