#include "load-tests/swarm/rate_guess.h"

enum { LOST_MUCH = 26 /* 10 %, of 256 */, DRIFT = 16 };

void rate_guess_frame(struct rate_guess *guess, int64_t transit_us)
{
	if (!guess->frames || transit_us < guess->least_us)
		guess->least_us = transit_us;
	guess->sum_us += transit_us;
	guess->frames++;
}

uint64_t rate_guess_turn(struct rate_guess *guess, unsigned lost, int64_t now_us)
{
	const int64_t passed_us = now_us - guess->turned_us;
	if (guess->turned_us && passed_us > 0 && guess->frames) {
		const uint64_t received = guess->bytes * 8000000 / (uint64_t)passed_us;
		const int64_t mean_us = guess->sum_us / guess->frames;
		if (!guess->bps) {
			guess->bps = RATE_GUESS_BEGIN_BPS;
			guess->usual_us = guess->least_us;
		}
		if (guess->least_us < guess->usual_us)
			guess->usual_us = guess->least_us;
		else
			guess->usual_us += (guess->least_us - guess->usual_us) / DRIFT;
		if (mean_us - guess->usual_us > RATE_GUESS_QUEUE_US || lost > LOST_MUCH)
			guess->bps = received * 85 / 100;
		else if (guess->bps < received * 3 / 2)
			guess->bps = guess->bps < received ? received * 108 / 100
							   : guess->bps * 108 / 100;
	}
	guess->turned_us = now_us;
	guess->bytes = 0;
	guess->sum_us = 0;
	guess->frames = 0;
	return guess->bps;
}
