#include "server/hls_players.h"

#include "server/core/addr.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

enum { SECOND = 1000000, TAKEN = 8 };

static struct hls_players players;

static void setup(void)
{
	hls_players_init(&players);
}

static void teardown(void)
{
	hls_players_finish(&players);
}

TestSuite(hls_players, .init = setup, .fini = teardown);

Test(hls_players, who_asks_again_is_one_and_who_stops_is_forgotten)
{
	for (int64_t at_us = SECOND; at_us < 30 * SECOND; at_us += SECOND) {
		hls_players_see(&players, 1, 0, at_us);
		if (at_us < 10 * SECOND)
			hls_players_see(&players, 2, 0, at_us);
	}
	cr_assert(eq(sz, hls_players_count(&players, 20 * SECOND), 2));
	cr_assert(eq(sz, hls_players_count(&players, 21 * SECOND), 1));
	cr_assert(eq(sz, hls_players_count(&players, 60 * SECOND), 0));
}

Test(hls_players, each_is_told_once_in_four_seconds)
{
	struct hls_player out[TAKEN];
	size_t told = 0;
	for (int64_t at_us = SECOND; at_us <= 13 * SECOND; at_us += SECOND) {
		hls_players_see(&players, 7, 0, at_us);
		told += hls_players_take(&players, at_us, out, TAKEN);
	}
	cr_assert(eq(sz, told, 4));
	cr_assert(eq(u64, out[0].number, 7));
	/* Nothing was heard of it since. */
	cr_assert(eq(sz, hls_players_take(&players, 20 * SECOND, out, TAKEN), 0));
}

Test(hls_players, their_number_is_bounded)
{
	for (uint64_t i = 0; i < HLS_PLAYERS_MAX + 5; i++)
		hls_players_see(&players, i, 0, SECOND);
	cr_assert(eq(sz, hls_players_count(&players, SECOND), HLS_PLAYERS_MAX));
	struct hls_player out[TAKEN];
	cr_assert(eq(sz, hls_players_take(&players, SECOND, out, TAKEN), TAKEN));
}

Test(hls_players, a_player_is_its_sid_or_where_it_comes_from)
{
	struct addr a, b, c;
	cr_assert(eq(int, addr_set(&a, "192.0.2.1", 1000), 0));
	cr_assert(eq(int, addr_set(&b, "192.0.2.1", 2000), 0));
	cr_assert(eq(int, addr_set(&c, "192.0.2.2", 1000), 0));
	cr_assert(eq(u64, hls_player_number("player01", &a, "x"),
		     hls_player_number("player01", &c, "y")));
	cr_assert(ne(u64, hls_player_number("player01", &a, "x"),
		     hls_player_number("player02", &a, "x")));
	cr_assert(eq(u64, hls_player_number(NULL, &a, "x"), hls_player_number(NULL, &b, "x")));
	cr_assert(ne(u64, hls_player_number(NULL, &a, "x"), hls_player_number(NULL, &c, "x")));
	cr_assert(ne(u64, hls_player_number(NULL, &a, "x"), hls_player_number(NULL, &a, NULL)));
}

Test(hls_players, renditions_are_known_once_asked_for_again)
{
	const unsigned low = hls_players_bit(&players, "360p");
	const unsigned high = hls_players_bit(&players, "source");
	struct hls_player out[TAKEN];
	cr_assert(eq(uint, hls_players_bit(&players, "360p"), low));
	cr_assert(ne(uint, low, high));
	hls_players_see(&players, 1, low, SECOND);
	hls_players_see(&players, 1, high, SECOND);
	hls_players_see(&players, 2, low, SECOND);
	cr_assert(eq(uint, hls_players_known(&players), 0));
	hls_players_see(&players, 1, high, 2 * SECOND);
	cr_assert(eq(uint, hls_players_known(&players), high));
	hls_players_see(&players, 2, low, 10 * SECOND);
	cr_assert(eq(uint, hls_players_known(&players), low | high));
	cr_assert(eq(sz, hls_players_take(&players, 10 * SECOND, out, TAKEN), 2));
	cr_assert(eq(uint, out[0].known, out[0].number == 1 ? high : low));
	cr_assert(eq(sz, hls_players_count(&players, 14 * SECOND), 1));
	cr_assert(eq(uint, hls_players_known(&players), low));
}

Test(hls_players, renditions_beyond_the_bits_are_none)
{
	char name[HLS_RENDITION_NAME];
	for (unsigned i = 0; i < HLS_RENDITIONS_MAX; i++) {
		snprintf(name, sizeof(name), "%up", i);
		cr_assert(eq(uint, hls_players_bit(&players, name), 1U << i));
	}
	cr_assert(eq(uint, hls_players_bit(&players, "999p"), 0));
}
