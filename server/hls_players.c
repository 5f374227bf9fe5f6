#include "server/hls_players.h"

#include "server/core/addr.h"
#include "server/core/alloc.h"

#include <stdlib.h>
#include <string.h>

struct player {
	uint64_t number;
	int64_t seen_us;
	int64_t taken_us; /* 0: never */
};

void hls_players_init(struct hls_players *players)
{
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

void hls_players_see(struct hls_players *players, uint64_t number, int64_t now_us)
{
	struct player *player = map_get_u64(&players->by_number, number);
	if (!player && players->by_number.count == HLS_PLAYERS_MAX)
		return;
	if (!player) {
		player = xcalloc(1, sizeof(*player));
		player->number = number;
		map_set_u64(&players->by_number, number, player);
	}
	player->seen_us = now_us;
}

size_t hls_players_take(struct hls_players *players, int64_t now_us, uint64_t *out, size_t cap)
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
		out[count++] = player->number;
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
		map_remove_u64(&players->by_number, player->number);
		free(player);
	}
	return players->by_number.count;
}
