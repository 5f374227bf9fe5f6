#include "media/rtp/rtp_playout.h"

enum { EXPECTED_MAX = 100000 }; /* between two reports; more is a jump of the numbers */

/* Lost of 1,000; 0 when it was a single burst, as outages leave it. */
static unsigned lost_share(const struct rtp_playout *playout)
{
	unsigned expected = 0, lost = 0, lossy = 0;
	for (int i = 0; i < PLAYOUT_WINDOWS; i++) {
		expected += playout->windows[i].expected;
		lost += playout->windows[i].lost;
		lossy += playout->windows[i].lost > 0;
	}
	return lossy > 1 && lost >= PLAYOUT_LOST_MIN ? lost * 1000 / expected : 0;
}

static unsigned needed_ms(unsigned share, int64_t rtt_us)
{
	if (share < PLAYOUT_LOSSY || rtt_us < 0)
		return 0;
	const int64_t repairs = share < PLAYOUT_LOSSY_TWICE   ? 1
				: share < PLAYOUT_LOSSY_OFTEN ? 2
							      : 4;
	const int64_t ms = repairs * (rtt_us / 1000 + PLAYOUT_REPAIR_MS);
	return ms < PLAYOUT_MAX_MS ? (unsigned)ms : PLAYOUT_MAX_MS;
}

static void adapt(struct rtp_playout *playout, unsigned needed, int64_t now_us)
{
	if (needed * 4 >= playout->ms * 3u)
		playout->needed_us = now_us;
	const bool calm = now_us - playout->needed_us >= PLAYOUT_CALM_US;
	if (needed > playout->ms || calm)
		playout->ms = (uint16_t)((needed + PLAYOUT_STEP_MS - 1) / PLAYOUT_STEP_MS *
					 PLAYOUT_STEP_MS);
}

void rtp_playout_report(struct rtp_playout *playout, uint32_t highest_seq, int32_t lost,
			int64_t rtt_us, int64_t now_us)
{
	if (playout->known && now_us - playout->since_us < PLAYOUT_WINDOW_US)
		return;
	const int64_t expected = (int32_t)(highest_seq - playout->highest_seq);
	const int64_t missing = (int32_t)((uint32_t)lost - (uint32_t)playout->lost);
	const bool known = playout->known && expected > 0 && expected <= EXPECTED_MAX;
	playout->known = true;
	playout->highest_seq = highest_seq;
	playout->lost = lost;
	playout->since_us = now_us;
	if (!known)
		return;
	playout->newest = (playout->newest + 1) % PLAYOUT_WINDOWS;
	struct playout_window *window = &playout->windows[playout->newest];
	window->expected = (unsigned)expected;
	window->lost = missing < 0          ? 0
		       : missing < expected ? (unsigned)missing
					    : (unsigned)expected;
	adapt(playout, needed_ms(lost_share(playout), rtt_us), now_us);
}

struct rtp_hold rtp_playout_tell(struct rtp_playout *playout)
{
	if (playout->told_ms < playout->ms)
		playout->told_ms += PLAYOUT_STEP_MS;
	else if (playout->told_ms > playout->ms)
		playout->told_ms -= PLAYOUT_STEP_MS;
	struct rtp_hold hold = { .min_ms = playout->told_ms };
	if (hold.min_ms)
		hold.max_ms = hold.min_ms + PLAYOUT_SLACK_MS;
	if (hold.max_ms < playout->sound_max_ms)
		hold.max_ms = playout->sound_max_ms;
	return hold;
}
