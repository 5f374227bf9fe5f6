#include "server/hls_players.h"

#include "server/core/addr.h"
#include "server/core/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct player {
	struct hls_player told;
	unsigned asked;
	int64_t seen_us;
	int64_t taken_us; /* 0: never */
};

void hls_players_init(struct hls_players *players)
{
	*players = (struct hls_players){ 0 };
	map_init(&players->by_number);
}

void hls_players_finish(struct hls_players *players)
{
	map_free(&players->by_number);
}

/* FNV-1a; who wants to be counted twice need not look for collisions. */
static uint64_t mix(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 1099511628211U;
	return hash;
}

uint64_t hls_player_number(const char *sid, const struct addr *peer, const char *agent)
{
	char ip[ADDR_TEXT];
	if (sid)
		return mix(14695981039346656037U, sid);
	addr_format_ip(peer, ip);
	return mix(mix(14695981039346656037U, ip), agent ? agent : "");
}

unsigned hls_players_bit(struct hls_players *players, const char *rendition)
{
	for (unsigned i = 0; i < HLS_RENDITIONS_MAX; i++) {
		char *name = players->renditions[i];
		if (!name[0])
			snprintf(name, sizeof(players->renditions[i]), "%s", rendition);
		if (!strcmp(name, rendition))
			return 1U << i;
	}
	return 0;
}

void hls_players_see(struct hls_players *players, uint64_t number, unsigned asked, int64_t now_us)
{
	struct player *player = map_get_u64(&players->by_number, number);
	if (!player && players->by_number.count == HLS_PLAYERS_MAX)
		return;
	if (!player) {
		player = xcalloc(1, sizeof(*player));
		player->told.number = number;
		map_set_u64(&players->by_number, number, player);
	}
	player->seen_us = now_us;
	player->told.known |= player->asked & asked;
	player->asked |= asked;
}

unsigned hls_players_known(const struct hls_players *players)
{
	struct map_cursor cursor = { 0 };
	void *value;
	unsigned known = 0;
	while (map_next(&players->by_number, &cursor, NULL, NULL, &value))
		known |= ((const struct player *)value)->told.known;
	return known;
}

size_t hls_players_take(struct hls_players *players, int64_t now_us, struct hls_player *out,
			size_t cap)
{
	struct map_cursor cursor = { 0 };
	void *value;
	size_t count = 0;
	while (count < cap && map_next(&players->by_number, &cursor, NULL, NULL, &value)) {
		struct player *player = value;
		const bool due =
			!player->taken_us || now_us - player->taken_us >= HLS_PLAYER_TELL_US;
		if (!due || player->seen_us <= player->taken_us)
			continue;
		player->taken_us = now_us;
		out[count++] = player->told;
	}
	return count;
}

size_t hls_players_count(struct hls_players *players, int64_t now_us)
{
	struct map_cursor cursor = { 0 };
	void *value;
	while (map_next(&players->by_number, &cursor, NULL, NULL, &value)) {
		struct player *player = value;
		if (now_us - player->seen_us < HLS_PLAYER_US)
			continue;
		map_remove_u64(&players->by_number, player->told.number);
		free(player);
	}
	return players->by_number.count;
}
