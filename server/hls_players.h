/*
 * Players of a room that were heard of lately: by HLS nothing else tells that somebody watches. A
 * player is a number. Remembers which renditions each has come to know: renditions are bits, whose
 * names are here. One owner, one thread.
 */
#ifndef SOUK_SERVER_HLS_PLAYERS_H
#define SOUK_SERVER_HLS_PLAYERS_H

#include "server/core/map.h"
#include "server/hls.h"

#include <stddef.h>
#include <stdint.h>

struct addr;

enum {
	HLS_PLAYERS_MAX = 20000, /* more are not counted */
	HLS_PLAYER_US = 12000000, /* three target durations: one that still plays asks sooner */
	HLS_PLAYER_TELL_US = 4000000,
};

struct hls_players {
	struct map by_number;
	char renditions[HLS_RENDITIONS_MAX][HLS_RENDITION_NAME];
};

struct hls_player {
	uint64_t number;
	unsigned known; /* renditions asked for more than once */
};

void hls_players_init(struct hls_players *players);
void hls_players_finish(struct hls_players *players);

/* By what its playlists' URIs carry; without that (NULL) by where it comes from and what it is. */
uint64_t hls_player_number(const char *sid, const struct addr *peer, const char *agent);

/* The bit of a rendition from now on; 0: there are too many. */
unsigned hls_players_bit(struct hls_players *players, const char *rendition);

/* `asked`: for these renditions. Known is what was asked for again: when they begin, some players
 * look at all there are. */
void hls_players_see(struct hls_players *players, uint64_t number, unsigned asked, int64_t now_us);

/* Those that were seen since they were taken last, each at most every HLS_PLAYER_TELL_US. Returns
 * how many. */
size_t hls_players_take(struct hls_players *players, int64_t now_us, struct hls_player *out,
			size_t cap);

/* What any of them knows. */
unsigned hls_players_known(const struct hls_players *players);

/* Forgets who was not seen for HLS_PLAYER_US; returns how many are left. */
size_t hls_players_count(struct hls_players *players, int64_t now_us);

#endif
