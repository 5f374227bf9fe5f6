#include "media/rtp/rtp_path.h"

enum {
	PATH_SOUND_BPS = 110000, /* Opus of 96 kbit/s with its headers; not a part of REMB */
	PATH_REMB_LOW = 90, /* percent of what is sent, and of what it was: the path is full */
	PATH_REMB_CLEAR = 80, /* percent of what is sent: no false alarm, which leaves 85 */
	PATH_SENT_US = 100000, /* between two times at which what was sent is known */
	PATH_QUEUE_US = 130000, /* a round trip so much longer than the shortest */
	PATH_LOSS = 46, /* of 256, mean: 18 %; less is repaired */
	PATH_WINDOW_US = 5000000, /* REMB is compared with its highest in this time, */
	PATH_RTT_WINDOW_US = 30000000, /* the round trip with its shortest in this */
	PATH_FRESH_US = 1500000, /* a report counts for so long */
	/* A report may tell of losses of five seconds (RFC 3550 §6.2), and come late. */
	PATH_FULL_US = 7000000,
	PATH_SETTLE_US = 1500000, /* after a change its own effect is awaited */
	PATH_NOTICE_US = 400000, /* so long viewers take to tell of a path that became narrow */
	PATH_ANSWER_US = 250000, /* and so long, beside the round trip, to echo a report of ours */
	PATH_CHOKE_US = 300000, /* a queue as long is no place to wait in for a keyframe, */
	PATH_FLOOD_US = 600000, /* and as long as this is none that a probe has left */
	PATH_STANDS_US = 400000, /* a queue as long behind the smallest picture, */
	PATH_STANDS_FOR_US = 3000000, /* for so long, is drained, */
	PATH_STANDS_AGAIN_US = 10000000, /* once in this time */
	PATH_QUEUE_BYTES = 40000, /* any path's queue takes so much before it loses something */
	PATH_STILL_US = 400000, /* of draining make room for a keyframe */
	PATH_DRAIN_MAX_US = 4000000,
	PATH_HOLD_MAX_US = 6000000, /* the smaller picture may never begin */
	PATH_WATCH_US = 3000000, /* behind a change */
	PATH_PACE_BPS = 250000, /* at least; of a picture that costs less keyframes are most */
	PATH_BEGIN_US = 500000, /* of a new picture, before there is a probe */
	PATH_PROBE_US = 2000000, /* of growing padding; */
	PATH_PROBE_SLOW_US = 3000000, /* from sound alone, which must not suffer */
	PATH_PROBE_BLIND_US = 400000, /* without a report nothing more is sent, */
	PATH_PROBE_DEAF_US = 1200000, /* nor beside sound alone, which is reported on seldom, */
	PATH_PROBE_MAX_US = 9000000, /* and after this the probe has failed */
	PATH_PATIENCE_US = 2000000, /* before the first probe; doubles when one fails, */
	PATH_PATIENCE_MAX_US = 4000000, /* up to this, */
	PATH_PATIENCE_MIN_US = 1000000, /* and when one succeeds, it is short */
	PATH_REBASE_US = 5000000, /* of long round trips: the path has become another one */
	PATH_REPORT_US = 180000, /* reports that come faster are taken together */
	IN_A_ROW = 2, /* reports that agree */
	NEVER_IN_A_ROW = 6, /* until even the smallest picture is given up, */
	NEVER_GROWN_US = 400000, /* behind a queue that has grown by so much */
	NEVER_GROWN_IN_US = 1500000, /* in this time, within a factor of two */
	SENT_LATE_US = 300000,
	REMB_STEP = 97, /* percent: receivers tell such a fall at once */
	LOSS_WEIGHT = 4, /* of the mean: a quarter is the newest report */
	LOSS_HOPELESS = 128,
	PROBE_REPORTS_US = 300000, /* until the last of it is reported on */
	PROBE_PEAK_US = 300000, /* the whole rate, at the end */
	PROBE_QUEUE_US = 60000,
	PROBE_SHARE = 110, /* percent of what will be sent */
	CHOKED = 80, /* percent of what is sent gets through, or less; and since what comes in a */
	CHOKED_STEP = 3, /* second counts, so much less with each report since the first, */
	CHOKED_STEPS = 5, /* up to so many */
	PACE_SHARE = 150, /* percent of the mean rate: keyframes are spread, pictures not late, */
	PACE_SHARE_FULL = 100, /* and behind a queue */
	STAMP_US = 100, /* reports tell times as exactly */
	US_IN_S = 1000000,
	PADDING_PAUSE_US = 100000, /* between two calls; what is longer was no probing */
	PADDING_MAX = 60000, /* bytes at once, after a pause of the caller */
};

void rtp_path_init(struct rtp_path *path)
{
	*path = (struct rtp_path){ .rtt_us = -1,
				   .patience_us = PATH_PATIENCE_US,
				   .flowing = PATH_NO_PICTURE };
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

void rtp_path_remb(struct rtp_path *path, uint64_t bps, int64_t now_us)
{
	/* It follows what comes, upwards slowly: after a change or a probe it tells nothing, nor
	 * while sound is all there is. */
	const bool begins = now_us - path->flows_us < PATH_SETTLE_US;
	const bool settles = begins || now_us - path->changed_us < PATH_SETTLE_US;
	if (!path->probe_us && (settles || path->flowing == PATH_NO_PICTURE))
		path->remb_high = (struct path_extreme){ .since_us = now_us };
	const int64_t high = path->remb_high.known ? extreme_of(&path->remb_high, true) : 0;
	path->low = (int64_t)bps < high * PATH_REMB_LOW / 100 ? path->low + 1 : 0;
	if (bps < path->remb_bps * REMB_STEP / 100 && !begins)
		path->fell_us = now_us;
	path->remb_bps = bps;
	path->remb_us = now_us;
	note_extreme(&path->remb_high, (int64_t)bps, true, PATH_WINDOW_US, now_us);
}

static int64_t queue_us(const struct rtp_path *path, int64_t now_us)
{
	const bool fresh = path->rtt_us >= 0 && now_us - path->rtt_at_us < PATH_FRESH_US;
	return fresh ? path->rtt_us - extreme_of(&path->rtt_low, false) : 0;
}

static bool is_long(const struct rtp_path *path, int64_t now_us)
{
	return queue_us(path, now_us) > PROBE_QUEUE_US;
}

static int64_t latest_change(const struct rtp_path *path)
{
	return path->changed_us > path->flows_us ? path->changed_us : path->flows_us;
}

/* A report that went out behind the last picture has come through: so has the picture. */
static void drain(struct rtp_path *path, int64_t sent_us, int64_t rtt_us, int64_t now_us)
{
	if (!path->unheard_us || sent_us + STAMP_US < path->unheard_us)
		return;
	path->unheard_us = 0;
	const int64_t queue = path->rtt_low.known ? rtt_us - extreme_of(&path->rtt_low, false) : 0;
	path->drained_us = queue > 0 ? queue : 1;
	path->emptied_us = now_us;
}

/* A queue that empties is on its way to be well. */
void rtp_path_rtt(struct rtp_path *path, int64_t sent_us, int64_t rtt_us, int64_t now_us)
{
	const bool empties = rtt_us < path->rtt_us * 19 / 20;
	drain(path, sent_us, rtt_us, now_us);
	path->rtt_us = rtt_us;
	path->rtt_at_us = now_us;
	note_extreme(&path->rtt_low, rtt_us, false, PATH_RTT_WINDOW_US, now_us);
	if (queue_us(path, now_us) >= PATH_CHOKE_US)
		path->full_us = now_us;
	if (path->probe_us && is_long(path, now_us))
		path->hurts++;
	if (sent_us < latest_change(path))
		return; /* it tells of what was sent before, or of a probe */
	note_extreme(&path->rtt_least, rtt_us, false, NEVER_GROWN_IN_US, now_us);
	if (queue_us(path, now_us) <= PATH_QUEUE_US) {
		path->slow = 0;
		path->slow_us = 0;
		return;
	}
	path->slow += !empties;
	if (!path->slow_us)
		path->slow_us = now_us;
	if (now_us - path->slow_us < PATH_REBASE_US)
		return;
	path->rtt_low = (struct path_extreme){ .value = rtt_us, .known = true, .since_us = now_us };
	path->slow = 0;
	path->slow_us = 0;
}

void rtp_path_report(struct rtp_path *path, uint32_t highest_seq, int32_t total_lost,
		     int64_t now_us)
{
	const int32_t expected = (int32_t)(highest_seq - path->highest_seq);
	const int32_t lost = total_lost - path->lost;
	const bool known = path->reported_us != 0;
	if (known && now_us - path->reported_us < PATH_REPORT_US)
		return;
	path->highest_seq = highest_seq;
	path->lost = total_lost;
	path->reported_us = now_us;
	/* Nothing is known of what was not sent; what was sent a round trip ago may be former. */
	const int64_t sent_us =
		now_us - (queue_us(path, now_us) > PATH_QUEUE_US ? path->rtt_us : 0);
	if (!known || expected <= 0 || sent_us < latest_change(path)) {
		path->lossy = 0;
		return;
	}
	const int share = lost <= 0 ? 0 : lost >= expected ? 256 : (int)(lost * 256LL / expected);
	path->loss += (share * 16 - path->loss) / LOSS_WEIGHT;
	path->lossy = path->loss / 16 >= PATH_LOSS ? path->lossy + 1 : 0;
}

void rtp_path_restart_reports(struct rtp_path *path)
{
	path->reported_us = 0;
	path->lossy = 0;
}

bool rtp_path_is_watched(const struct rtp_path *path, int64_t now_us)
{
	return path->probe_us || path->low || path->lossy || path->held_us ||
	       queue_us(path, now_us) > PATH_QUEUE_US ||
	       (path->changed_us && now_us - latest_change(path) < PATH_WATCH_US);
}

bool rtp_path_is_full(const struct rtp_path *path, int64_t now_us)
{
	const bool low = path->low && now_us - path->fell_us < PATH_FRESH_US;
	const bool was = path->full_us && now_us - path->full_us < PATH_FULL_US;
	return low || was || path->slow_us || path->held_us;
}

/* Of pictures alone. */
static uint64_t rate(const struct rendition_table *table, int level)
{
	if (level < 0)
		return 0;
	const struct rendition_info *info = &table->at[level];
	return info->mean_bps ? info->mean_bps : info->bps;
}

static bool fell(const struct rtp_path *path, int64_t now_us)
{
	return path->fell_us && now_us - path->fell_us < PATH_FRESH_US;
}

/* What gets through, by what is known; never more than what is sent. */
static uint64_t estimate(const struct rtp_path *path, uint64_t mean_bps, int64_t now_us)
{
	uint64_t bps = mean_bps * (uint64_t)(256 - path->loss / 16) / 256;
	const bool fresh = path->remb_us && now_us - path->remb_us < PATH_FRESH_US;
	if (fresh && (path->low || fell(path, now_us)) && path->remb_bps < bps)
		bps = path->remb_bps;
	return bps;
}

void rtp_path_sent(struct rtp_path *path, uint32_t bytes, int64_t now_us)
{
	const unsigned last = (path->sent_count - 1) % PATH_SENT;
	if (path->sent_count && now_us - path->sent[last].at_us < PATH_SENT_US)
		return;
	path->sent[path->sent_count % PATH_SENT].at_us = now_us;
	path->sent[path->sent_count++ % PATH_SENT].bytes = bytes;
}

/* In a second that ended so long ago. */
static uint64_t sent_bps(const struct rtp_path *path, int64_t until_us)
{
	const unsigned known = path->sent_count < PATH_SENT ? path->sent_count : PATH_SENT;
	unsigned end = 0;
	for (unsigned i = 1; i <= known; i++) {
		const unsigned at = (path->sent_count - i) % PATH_SENT;
		if (!end && path->sent[at].at_us <= until_us)
			end = i;
		const unsigned newer = (path->sent_count - end) % PATH_SENT;
		const int64_t passed_us = path->sent[newer].at_us - path->sent[at].at_us;
		if (end && passed_us >= US_IN_S)
			return (uint64_t)(path->sent[newer].bytes - path->sent[at].bytes) * 8 *
			       US_IN_S / (uint64_t)passed_us;
	}
	return UINT64_MAX;
}

/* What REMB is compared with: pictures are not of one length, and what was sent last has not come
 * yet. */
static uint64_t at_least_sent(const struct rtp_path *path, uint64_t mean_bps, int64_t now_us)
{
	const uint64_t now_bps = sent_bps(path, now_us);
	const uint64_t then_bps = sent_bps(path, now_us - SENT_LATE_US);
	const uint64_t bps = now_bps < then_bps ? now_bps : then_bps;
	return bps < mean_bps ? bps : mean_bps;
}

/* REMB falls once when the path becomes narrow and is repeated then: waiting for a second one
 * would tell nothing more. */
static bool in_trouble(const struct rtp_path *path, uint64_t mean_bps, int64_t now_us)
{
	const bool settled = now_us - path->changed_us >= PATH_SETTLE_US;
	const uint64_t bps = at_least_sent(path, mean_bps, now_us);
	if (fell(path, now_us) && path->remb_bps < bps * PATH_REMB_CLEAR / 100)
		return true;
	if (queue_us(path, now_us) >= PATH_FLOOD_US)
		return true;
	const bool agreed = path->low >= IN_A_ROW && (path->slow || path->lossy) &&
			    path->remb_bps < bps * PATH_REMB_LOW / 100;
	return settled && (agreed || path->slow >= IN_A_ROW || path->lossy >= IN_A_ROW);
}

/* REMB falls to next to nothing while pictures are held and rises by 8 % a second then: before it
 * was as high as what is sent it tells of the hold and not of the path. */
static void note_risen(struct rtp_path *path, uint64_t mean_bps)
{
	const bool settled = path->remb_us - path->flows_us >= PATH_SETTLE_US;
	if (settled && path->remb_bps >= mean_bps * PATH_REMB_CLEAR / 100)
		path->risen = true;
}

/* Of what even the smallest picture takes not half gets through. */
static bool is_far_below(const struct rtp_path *path, uint64_t mean_bps)
{
	const bool agreed = path->slow >= IN_A_ROW || (path->slow && path->low >= IN_A_ROW);
	return agreed && path->risen && path->remb_bps < mean_bps / 2;
}

/* Not even the smallest picture. One that gets through may well have a queue before it. */
static bool is_hopeless(const struct rtp_path *path)
{
	const int64_t grown_us =
		path->rtt_least.known ? path->rtt_us - extreme_of(&path->rtt_least, false) : 0;
	const bool grows = path->slow >= NEVER_IN_A_ROW && grown_us >= NEVER_GROWN_US;
	return grows || path->loss / 16 >= LOSS_HOPELESS;
}

/* Far less than is sent. */
static bool is_choked(const struct rtp_path *path, uint64_t mean_bps, uint64_t carried_bps)
{
	const unsigned steps = path->low < CHOKED_STEPS ? path->low : CHOKED_STEPS;
	return carried_bps < mean_bps * (CHOKED - CHOKED_STEP * steps) / 100;
}

static void go(struct rtp_path *path, const struct rendition_table *table, int level,
	       int64_t now_us)
{
	path->level = level;
	path->slot = level >= 0 ? table->at[level].slot : 0;
	path->changed_us = now_us;
	path->low = path->slow = path->lossy = 0;
	path->probe_us = 0;
	path->hurts = 0;
	path->choked = false;
	path->held_us = 0;
	path->loss = 0; /* was that of another rate */
}

/* Nothing more is put behind what waits already, but for sound. */
static void hold(struct rtp_path *path, uint64_t mean_bps, int64_t now_us)
{
	path->choked = true;
	path->held_us = path->unheard_us = now_us;
	path->held_bps = mean_bps + PATH_SOUND_BPS;
	const bool padded = now_us - path->padded_us < PATH_NOTICE_US;
	path->light = path->held_bps / 8 * PATH_NOTICE_US / US_IN_S < PATH_QUEUE_BYTES && !padded &&
		      queue_us(path, now_us) < PATH_CHOKE_US;
	path->stilled = false;
	path->drained_us = 0;
}

bool rtp_path_holds(struct rtp_path *path, bool changing, int64_t now_us)
{
	if (!path->held_us)
		return false;
	const int64_t held_us = now_us - path->held_us;
	const bool over = !path->unheard_us || path->light || held_us >= PATH_DRAIN_MAX_US;
	if (held_us < PATH_HOLD_MAX_US && (changing || !over))
		return true;
	path->held_us = 0;
	return false;
}

bool rtp_path_takes_still(struct rtp_path *path, int64_t now_us)
{
	if (path->stilled || now_us - path->held_us < PATH_STILL_US)
		return false;
	path->stilled = true;
	return true;
}

/* Too long to wait beside it for the smaller picture's keyframe. */
static bool gets_worse(const struct rtp_path *path, uint64_t mean_bps, int64_t now_us)
{
	return queue_us(path, now_us) >= PATH_CHOKE_US ||
	       (fell(path, now_us) && path->remb_bps < mean_bps * (CHOKED - 2 * CHOKED_STEP) / 100);
}

/* The next level in this direction that the viewer can decode; the same when there is none. */
static int step(int level, const struct rendition_table *table,
		const struct rtp_path_limits *limits, int by)
{
	for (int i = level + by; i >= 0 && i < (int)table->count; i += by)
		if (rendition_fits(&table->at[i], limits->profile_max))
			return i;
	return level;
}

static int highest(const struct rendition_table *table, const struct rtp_path_limits *limits,
		   uint64_t bps)
{
	int level = PATH_NO_PICTURE;
	for (int i = 0; i < (int)table->count; i++)
		if (rendition_fits(&table->at[i], limits->profile_max) &&
		    (level < 0 || rate(table, i) <= bps))
			level = i;
	return level;
}

/* A queue that stays behind the smallest picture, which gets through: it is let drain. */
static bool stands(const struct rtp_path *path, int64_t now_us)
{
	return path->slow_us && now_us - path->slow_us >= PATH_STANDS_FOR_US &&
	       queue_us(path, now_us) >= PATH_STANDS_US &&
	       (!path->stood_us || now_us - path->stood_us >= PATH_STANDS_AGAIN_US);
}

static void give_way(struct rtp_path *path, const struct rendition_table *table,
		     const struct rtp_path_limits *limits, int64_t now_us)
{
	const uint64_t mean_bps = rate(table, path->flowing);
	const uint64_t carried = estimate(path, mean_bps, now_us);
	const bool emptied = path->emptied_us && now_us - path->emptied_us < PATH_STANDS_AGAIN_US;
	const bool choked = is_choked(path, mean_bps, carried);
	int level = highest(table, limits, carried * PATH_REMB_LOW / 100);
	if (level >= path->flowing)
		level = step(path->flowing, table, limits, -1);
	if (level < path->flowing) {
		go(path, table, level, now_us);
		if (choked || queue_us(path, now_us) >= PATH_CHOKE_US)
			hold(path, mean_bps, now_us);
	} else if (is_far_below(path, mean_bps) || (is_hopeless(path) && emptied)) {
		go(path, table, PATH_NO_PICTURE, now_us);
	} else if (path->level > path->flowing) {
		go(path, table, path->flowing, now_us); /* the way up is called off */
	} else if (is_hopeless(path) || stands(path, now_us)) {
		hold(path, mean_bps, now_us);
		path->light = false;
		path->stood_us = now_us;
	}
}

/* While nothing is sent its queue tells how narrow the path is: what it was too much by, for the
 * time until the viewer told, is what takes so long now. */
static void narrow(struct rtp_path *path, const struct rendition_table *table,
		   const struct rtp_path_limits *limits, int64_t now_us)
{
	const int64_t base_us = path->rtt_low.known ? extreme_of(&path->rtt_low, false) : 0;
	const int64_t silent_us = now_us - path->held_us - base_us - PATH_ANSWER_US;
	const int64_t queue = path->drained_us ? path->drained_us : silent_us;
	if (queue <= 0)
		return;
	const uint64_t all_bps =
		path->held_bps * PATH_NOTICE_US / (uint64_t)(PATH_NOTICE_US + queue);
	const uint64_t bps = all_bps > PATH_SOUND_BPS ? all_bps - PATH_SOUND_BPS : 0;
	const int level = highest(table, limits, bps);
	if (level >= path->level)
		return;
	path->level = level;
	path->slot = table->at[level].slot;
}

/* One long round trip may be the viewer's own: it has nothing more sent, the next one is the end.
 */
static bool probe_hurts(const struct rtp_path *path, int64_t now_us)
{
	const bool lossy = path->lossy && now_us - path->reported_us < PATH_FRESH_US;
	return lossy || (path->low && fell(path, now_us)) || path->hurts >= IN_A_ROW ||
	       queue_us(path, now_us) >= PATH_CHOKE_US;
}

static int64_t probe_us(const struct rtp_path *path)
{
	return path->level >= 0 ? PATH_PROBE_US : PATH_PROBE_SLOW_US;
}

static void end_probe(struct rtp_path *path, int64_t now_us)
{
	path->probe_us = 0;
	path->changed_us = now_us;
	path->hurts = path->low = path->slow = path->lossy = 0;
	path->rtt_least = (struct path_extreme){ .since_us = now_us };
	path->patience_us *= 2;
	if (path->patience_us > PATH_PATIENCE_MAX_US)
		path->patience_us = PATH_PATIENCE_MAX_US;
}

/* Up, after a probe where that can be done. */
static void try_more(struct rtp_path *path, const struct rendition_table *table,
		     const struct rtp_path_limits *limits, int64_t now_us)
{
	const int next = step(path->level, table, limits, 1);
	const int beyond = step(next, table, limits, 1);
	/* Padding was for more than the next one needs: two that cost the same are one step. */
	const bool alike = rate(table, beyond) <= rate(table, next) * PROBE_SHARE / 100;
	const int level = alike ? beyond : next;
	const int64_t peak_us = path->padded_us + PROBE_REPORTS_US;
	if (level == path->level) {
		path->probe_us = 0;
	} else if (!path->probe_us) {
		if (now_us - path->changed_us < path->patience_us ||
		    now_us - path->flows_us < PATH_BEGIN_US || probe_hurts(path, now_us) ||
		    is_long(path, now_us))
			return;
		path->probe_us = path->padded_us = now_us;
		path->ramp_us = 0;
		path->remb_high = (struct path_extreme){ .since_us = now_us };
		if (!limits->probes)
			go(path, table, level, now_us);
	} else if (path->ramp_us >= probe_us(path) && now_us >= peak_us &&
		   path->rtt_at_us >= path->padded_us && !is_long(path, now_us)) {
		path->patience_us = PATH_PATIENCE_MIN_US;
		go(path, table, level, now_us);
	}
}

/* The table has changed since: what is the level of the chosen slot? */
static void find_level(struct rtp_path *path, const struct rendition_table *table,
		       const struct rtp_path_limits *limits)
{
	if (path->chosen && path->level == PATH_NO_PICTURE)
		return;
	const int at = path->chosen ? rendition_table_find(table, path->slot) : -1;
	/* At first, and when the source has other pictures: as high as what was shown. */
	const int top = highest(table, limits, UINT64_MAX);
	if (!path->chosen)
		path->level = top;
	else
		path->level = at >= 0 ? at : path->level < top ? path->level : top;
	path->slot = path->level >= 0 ? table->at[path->level].slot : 0;
	path->chosen = true;
}

/* What the viewer says is judged by what is sent, which is not yet what was chosen. */
static void note_flow(struct rtp_path *path, const struct rendition_table *table,
		      const struct rtp_path_limits *limits, int64_t now_us)
{
	const int at = limits->shown >= 0 ? rendition_table_find(table, (unsigned)limits->shown)
					  : PATH_NO_PICTURE;
	const int flowing = path->held_us || path->level == PATH_NO_PICTURE ? PATH_NO_PICTURE : at;
	if (flowing != path->flowing) {
		path->low = path->slow = path->lossy = 0;
		path->loss = 0;
		path->slow_us = 0;
		path->risen = false;
		path->rtt_least = (struct path_extreme){ .since_us = now_us };
	}
	if (flowing != path->flowing || flowing > path->level)
		path->flows_us = now_us;
	path->flowing = flowing;
	note_risen(path, rate(table, flowing));
}

int rtp_path_choose(struct rtp_path *path, const struct rendition_table *table,
		    const struct rtp_path_limits *limits, int64_t now_us)
{
	if (!table->count)
		return 0;
	if (limits->pinned == PATH_PINS_SOUND)
		return PATH_NO_PICTURE;
	if (limits->pinned >= 0)
		return limits->pinned;
	find_level(path, table, limits);
	note_flow(path, table, limits, now_us);
	path->top = highest(table, limits, UINT64_MAX);
	if (path->probe_us &&
	    (probe_hurts(path, now_us) || now_us - path->probe_us > PATH_PROBE_MAX_US))
		end_probe(path, now_us);
	const int flowing = path->flowing;
	const bool settled = flowing >= 0 && now_us - path->flows_us >= PATH_SETTLE_US;
	if (path->held_us)
		narrow(path, table, limits, now_us);
	else if (flowing > path->level && gets_worse(path, rate(table, flowing), now_us))
		hold(path, rate(table, flowing), now_us);
	else if (settled && in_trouble(path, rate(table, flowing), now_us))
		give_way(path, table, limits, now_us);
	else if (flowing == path->level)
		try_more(path, table, limits, now_us);
	return path->level >= 0 ? path->slot : PATH_NO_PICTURE;
}

uint32_t rtp_path_pace(const struct rtp_path *path, const struct rendition_table *table,
		       int64_t now_us)
{
	if (path->level < 0 || path->level >= path->top || path->level >= (int)table->count)
		return 0;
	const bool full = path->unheard_us || queue_us(path, now_us) > PATH_QUEUE_US;
	const unsigned share = full ? PACE_SHARE_FULL : PACE_SHARE;
	const uint64_t bps = rate(table, path->level) * share / 100;
	return (uint32_t)((bps > PATH_PACE_BPS ? bps : PATH_PACE_BPS) / 8);
}

uint32_t rtp_path_padding(struct rtp_path *path, const struct rendition_table *table,
			  int64_t now_us)
{
	const int next = path->level + 1;
	if (!path->probe_us || path->ramp_us >= probe_us(path) || next >= (int)table->count)
		return 0;
	const int64_t heard_us =
		path->rtt_at_us > path->probe_us ? path->rtt_at_us : path->probe_us;
	int64_t passed_us = now_us - path->padded_us;
	path->padded_us = now_us;
	if (is_long(path, now_us) ||
	    now_us - heard_us > (path->level >= 0 ? PATH_PROBE_BLIND_US : PATH_PROBE_DEAF_US))
		return 0;
	if (passed_us > PADDING_PAUSE_US)
		passed_us = PADDING_PAUSE_US;
	path->ramp_us += passed_us;
	const uint64_t more = rate(table, next) * PROBE_SHARE / 100 - rate(table, path->level);
	/* A path that is too narrow tells before it breaks. */
	const int64_t whole_us = probe_us(path) - PROBE_PEAK_US;
	const int64_t ramp_us = path->ramp_us < whole_us ? path->ramp_us : whole_us;
	const uint64_t bytes =
		more * (uint64_t)ramp_us / (uint64_t)whole_us * (uint64_t)passed_us / 8000000;
	return bytes < PADDING_MAX ? (uint32_t)bytes : PADDING_MAX;
}
