#include "media/rtp/path_signals.h"

enum {
	SETTLE_US = 1500000, /* after a change its own effect is awaited */
	FRESH_US = 1500000, /* a report counts for so long */
	/* A report may tell of losses of five seconds (RFC 3550 §6.2), and come late. */
	FULL_US = 7000000,
	WATCH_US = 3000000, /* behind a change */
	IN_A_ROW = 2, /* reports that agree */

	REMB_LOW = 90, /* percent of what is sent, and of what it was: the path is full */
	REMB_CLEAR = 80, /* percent of what is sent: no false alarm, which leaves 85 */
	REMB_STEP = 97, /* percent: receivers tell such a fall at once */
	REMB_WINDOW_US = 5000000, /* it is compared with its highest in this time */
	SENT_EVERY_US = 100000, /* between two times at which what was sent is known */
	SENT_LATE_US = 300000,
	US_IN_S = 1000000,

	QUEUE_US = 130000, /* a round trip so much longer than the shortest */
	FLOOD_US = 600000, /* a queue as long as this is none that a probe has left */
	RTT_WINDOW_US = 30000000, /* the round trip is compared with its shortest in this time */
	REBASE_US = 5000000, /* of long round trips: the path has become another one */
	STANDS_US = 400000, /* a queue as long behind the smallest picture, */
	STANDS_FOR_US = 3000000, /* for so long */
	NEVER_IN_A_ROW = 6, /* long round trips before it does not get through, */
	NEVER_GROWN_US = 400000, /* behind a queue that has grown by so much */
	NEVER_GROWN_IN_US = 1500000, /* in this time, within a factor of two */

	REPORT_US = 180000, /* reports that come faster are taken together */
	LOSSY = 46, /* of 256, mean: 18 %; less is repaired */
	LOSS_HOPELESS = 128,
	LOSS_WEIGHT = 4, /* of the mean: a quarter is the newest report */

	CHOKED = 80, /* percent of what is sent gets through, or less; and since what comes in a */
	CHOKED_STEP = 3, /* second counts, so much less with each report since the first, */
	CHOKED_STEPS = 5, /* up to so many */
};

void path_signals_init(struct path_signals *said)
{
	*said = (struct path_signals){ .rtt_us = -1 };
}

static void note_extreme(struct path_extreme *extreme, int64_t value, bool higher,
			 int64_t window_us, int64_t now_us)
{
	if (now_us - extreme->since_us > window_us) {
		extreme->former = extreme->value;
		extreme->former_known = extreme->known;
		extreme->known = false;
		extreme->since_us = now_us;
	}
	if (!extreme->known || (higher ? value > extreme->value : value < extreme->value))
		extreme->value = value;
	extreme->known = true;
}

static int64_t extreme_of(const struct path_extreme *extreme, bool higher)
{
	const bool former = extreme->former_known && (higher ? extreme->former > extreme->value
							     : extreme->former < extreme->value);
	return former ? extreme->former : extreme->value;
}

static int64_t latest_change(const struct path_signals *said)
{
	return said->changed_us > said->flows_us ? said->changed_us : said->flows_us;
}

static void forget(struct path_signals *said)
{
	said->low = said->slow = said->lossy = 0;
}

void path_signals_flow(struct path_signals *said, int64_t now_us)
{
	forget(said);
	said->loss = 0;
	said->slow_us = 0;
	said->risen = false;
	said->rtt_least = (struct path_extreme){ .since_us = now_us };
	said->flows_us = now_us;
}

void path_signals_wait(struct path_signals *said, int64_t now_us)
{
	said->flows_us = now_us;
}

void path_signals_change(struct path_signals *said, int64_t now_us)
{
	forget(said);
	said->loss = 0; /* was that of another rate */
	said->probed = false;
	said->changed_us = now_us;
}

void path_signals_probe(struct path_signals *said, int64_t now_us)
{
	said->probed = true;
	said->remb_high = (struct path_extreme){ .since_us = now_us };
}

void path_signals_probe_failed(struct path_signals *said, int64_t now_us)
{
	forget(said);
	said->rtt_least = (struct path_extreme){ .since_us = now_us };
	said->probed = false;
	said->changed_us = now_us;
}

/* REMB falls to next to nothing while pictures are held and rises by 8 % a second then: before it
 * was as high as what is sent it tells of the hold and not of the path. */
static void note_risen(struct path_signals *said)
{
	const bool settled = said->remb_us - said->flows_us >= SETTLE_US;
	if (settled && said->remb_bps >= said->mean_bps * REMB_CLEAR / 100)
		said->risen = true;
}

void path_signals_remb(struct path_signals *said, uint64_t bps, int64_t now_us)
{
	/* It follows what comes, upwards slowly: after a change or a probe it tells nothing, nor
	 * while sound is all there is. */
	const bool begins = now_us - said->flows_us < SETTLE_US;
	const bool settles = begins || now_us - said->changed_us < SETTLE_US;
	if (!said->probed && (settles || !said->mean_bps))
		said->remb_high = (struct path_extreme){ .since_us = now_us };
	const int64_t high = said->remb_high.known ? extreme_of(&said->remb_high, true) : 0;
	said->low = (int64_t)bps < high * REMB_LOW / 100 ? said->low + 1 : 0;
	if (bps < said->remb_bps * REMB_STEP / 100 && !begins)
		said->fell_us = now_us;
	said->remb_bps = bps;
	said->remb_us = now_us;
	note_extreme(&said->remb_high, (int64_t)bps, true, REMB_WINDOW_US, now_us);
	note_risen(said);
}

int64_t path_signals_base_us(const struct path_signals *said)
{
	return said->rtt_low.known ? extreme_of(&said->rtt_low, false) : 0;
}

int64_t path_signals_queue_us(const struct path_signals *said, int64_t now_us)
{
	const bool fresh = said->rtt_us >= 0 && now_us - said->rtt_at_us < FRESH_US;
	return fresh ? said->rtt_us - path_signals_base_us(said) : 0;
}

bool path_signals_has_queue(const struct path_signals *said, int64_t now_us)
{
	return path_signals_queue_us(said, now_us) > QUEUE_US;
}

/* A queue that empties is on its way to be well. */
void path_signals_rtt(struct path_signals *said, int64_t sent_us, int64_t rtt_us, int64_t now_us)
{
	const bool empties = rtt_us < said->rtt_us * 19 / 20;
	said->rtt_us = rtt_us;
	said->rtt_at_us = now_us;
	note_extreme(&said->rtt_low, rtt_us, false, RTT_WINDOW_US, now_us);
	if (path_signals_queue_us(said, now_us) >= PATH_CHOKE_US)
		said->full_us = now_us;
	if (sent_us < latest_change(said))
		return; /* it tells of what was sent before, or of a probe */
	note_extreme(&said->rtt_least, rtt_us, false, NEVER_GROWN_IN_US, now_us);
	if (!path_signals_has_queue(said, now_us)) {
		said->slow = 0;
		said->slow_us = 0;
		return;
	}
	said->slow += !empties;
	if (!said->slow_us)
		said->slow_us = now_us;
	if (now_us - said->slow_us < REBASE_US)
		return;
	said->rtt_low = (struct path_extreme){ .value = rtt_us, .known = true, .since_us = now_us };
	said->slow = 0;
	said->slow_us = 0;
}

void path_signals_report(struct path_signals *said, uint32_t highest_seq, int32_t total_lost,
			 int64_t now_us)
{
	const int32_t expected = (int32_t)(highest_seq - said->highest_seq);
	const int32_t lost = total_lost - said->lost;
	const bool known = said->reported_us != 0;
	if (known && now_us - said->reported_us < REPORT_US)
		return;
	said->highest_seq = highest_seq;
	said->lost = total_lost;
	said->reported_us = now_us;
	/* Nothing is known of what was not sent; what was sent a round trip ago may be former. */
	const int64_t sent_us = now_us - (path_signals_has_queue(said, now_us) ? said->rtt_us : 0);
	if (!known || expected <= 0 || sent_us < latest_change(said)) {
		said->lossy = 0;
		return;
	}
	const int share = lost <= 0 ? 0 : lost >= expected ? 256 : (int)(lost * 256LL / expected);
	said->loss += (share * 16 - said->loss) / LOSS_WEIGHT;
	said->lossy = said->loss / 16 >= LOSSY ? said->lossy + 1 : 0;
}

void path_signals_restart_reports(struct path_signals *said)
{
	said->reported_us = 0;
	said->lossy = 0;
}

static bool fell(const struct path_signals *said, int64_t now_us)
{
	return said->fell_us && now_us - said->fell_us < FRESH_US;
}

bool path_signals_is_full(const struct path_signals *said, int64_t now_us)
{
	const bool was = said->full_us && now_us - said->full_us < FULL_US;
	return (said->low && fell(said, now_us)) || was || said->slow_us;
}

bool path_signals_is_uneasy(const struct path_signals *said, int64_t now_us)
{
	return said->low || said->lossy || path_signals_has_queue(said, now_us) ||
	       (said->changed_us && now_us - latest_change(said) < WATCH_US);
}

bool path_signals_is_hurt(const struct path_signals *said, int64_t now_us)
{
	const bool lossy = said->lossy && now_us - said->reported_us < FRESH_US;
	return lossy || (said->low && fell(said, now_us));
}

void path_signals_sent(struct path_signals *said, uint32_t bytes, int64_t now_us)
{
	const unsigned last = (said->sent_count - 1) % PATH_SENT;
	if (said->sent_count && now_us - said->sent[last].at_us < SENT_EVERY_US)
		return;
	said->sent[said->sent_count % PATH_SENT].at_us = now_us;
	said->sent[said->sent_count++ % PATH_SENT].bytes = bytes;
}

/* In a second that ended so long ago. */
static uint64_t sent_bps(const struct path_signals *said, int64_t until_us)
{
	const unsigned known = said->sent_count < PATH_SENT ? said->sent_count : PATH_SENT;
	unsigned end = 0;
	for (unsigned i = 1; i <= known; i++) {
		const unsigned at = (said->sent_count - i) % PATH_SENT;
		if (!end && said->sent[at].at_us <= until_us)
			end = i;
		const unsigned newer = (said->sent_count - end) % PATH_SENT;
		const int64_t passed_us = said->sent[newer].at_us - said->sent[at].at_us;
		if (end && passed_us >= US_IN_S)
			return (uint64_t)(said->sent[newer].bytes - said->sent[at].bytes) * 8 *
			       US_IN_S / (uint64_t)passed_us;
	}
	return UINT64_MAX;
}

/* What REMB is compared with: pictures are not of one length, and what was sent last has not come
 * yet. */
static uint64_t at_least_sent(const struct path_signals *said, int64_t now_us)
{
	const uint64_t now_bps = sent_bps(said, now_us);
	const uint64_t then_bps = sent_bps(said, now_us - SENT_LATE_US);
	const uint64_t bps = now_bps < then_bps ? now_bps : then_bps;
	return bps < said->mean_bps ? bps : said->mean_bps;
}

uint64_t path_signals_carried_bps(const struct path_signals *said, int64_t now_us)
{
	uint64_t bps = said->mean_bps * (uint64_t)(256 - said->loss / 16) / 256;
	const bool fresh = said->remb_us && now_us - said->remb_us < FRESH_US;
	if (fresh && (said->low || fell(said, now_us)) && said->remb_bps < bps)
		bps = said->remb_bps;
	return bps;
}

/* REMB falls once when the path becomes narrow and is repeated then: waiting for a second one
 * would tell nothing more. */
bool path_signals_in_trouble(const struct path_signals *said, int64_t now_us)
{
	if (!said->mean_bps || now_us - said->flows_us < SETTLE_US)
		return false;
	const uint64_t bps = at_least_sent(said, now_us);
	if (fell(said, now_us) && said->remb_bps < bps * REMB_CLEAR / 100)
		return true;
	if (path_signals_queue_us(said, now_us) >= FLOOD_US)
		return true;
	const bool settled = now_us - said->changed_us >= SETTLE_US;
	const bool agreed = said->low >= IN_A_ROW && (said->slow || said->lossy) &&
			    said->remb_bps < bps * REMB_LOW / 100;
	return settled && (agreed || said->slow >= IN_A_ROW || said->lossy >= IN_A_ROW);
}

bool path_signals_is_choked(const struct path_signals *said, int64_t now_us)
{
	const unsigned steps = said->low < CHOKED_STEPS ? said->low : CHOKED_STEPS;
	return path_signals_carried_bps(said, now_us) <
	       said->mean_bps * (CHOKED - CHOKED_STEP * steps) / 100;
}

bool path_signals_gets_worse(const struct path_signals *said, int64_t now_us)
{
	return path_signals_queue_us(said, now_us) >= PATH_CHOKE_US ||
	       (fell(said, now_us) &&
		said->remb_bps < said->mean_bps * (CHOKED - 2 * CHOKED_STEP) / 100);
}

bool path_signals_is_far_below(const struct path_signals *said)
{
	const bool agreed = said->slow >= IN_A_ROW || (said->slow && said->low >= IN_A_ROW);
	return agreed && said->risen && said->remb_bps < said->mean_bps / 2;
}

bool path_signals_is_hopeless(const struct path_signals *said)
{
	const int64_t grown_us =
		said->rtt_least.known ? said->rtt_us - extreme_of(&said->rtt_least, false) : 0;
	const bool grows = said->slow >= NEVER_IN_A_ROW && grown_us >= NEVER_GROWN_US;
	return grows || said->loss / 16 >= LOSS_HOPELESS;
}

bool path_signals_queue_stands(const struct path_signals *said, int64_t now_us)
{
	return said->slow_us && now_us - said->slow_us >= STANDS_FOR_US &&
	       path_signals_queue_us(said, now_us) >= STANDS_US;
}
