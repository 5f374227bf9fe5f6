#include "media/rtp/rtp_path.h"

enum {
	IN_A_ROW = 2, /* reports that agree */
	NEVER_IN_A_ROW = 6, /* until even the smallest picture is given up */
	LOSS_WEIGHT = 4, /* of the mean: a quarter is the newest report */
	LOSS_HOPELESS = 128,
	PROBE_REPORTS_US = 300000, /* until the last of it is reported on */
	PROBE_PEAK_US = 300000, /* the whole rate, at the end */
	PROBE_QUEUE_US = 60000,
	PROBE_SHARE = 110, /* percent of what will be sent */
	CHOKED = 65, /* percent of what is sent gets through, or less */
	PADDING_PAUSE_US = 100000, /* between two calls; what is longer was no probing */
	PADDING_MAX = 60000, /* bytes at once, after a pause of the caller */
};

void rtp_path_init(struct rtp_path *path)
{
	*path = (struct rtp_path){ .rtt_us = -1, .patience_us = PATH_PATIENCE_US };
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
	const bool settles = now_us - path->changed_us < PATH_SETTLE_US;
	if (!path->probe_us && (settles || path->level == PATH_NO_PICTURE))
		path->remb_high = (struct path_extreme){ .since_us = now_us };
	const int64_t high = path->remb_high.known ? extreme_of(&path->remb_high, true) : 0;
	const bool fell = (int64_t)bps < high * PATH_REMB_LOW / 100;
	path->low = fell ? path->low + 1 : 0;
	path->remb_bps = bps;
	path->remb_us = now_us;
	note_extreme(&path->remb_high, (int64_t)bps, true, PATH_WINDOW_US, now_us);
}

static int64_t queue_us(const struct rtp_path *path, int64_t now_us)
{
	const bool fresh = path->rtt_us >= 0 && now_us - path->rtt_at_us < PATH_FRESH_US;
	return fresh ? path->rtt_us - extreme_of(&path->rtt_low, false) : 0;
}

/* A queue that empties is on its way to be well. */
void rtp_path_rtt(struct rtp_path *path, int64_t rtt_us, int64_t now_us)
{
	const bool empties = rtt_us < path->rtt_us * 19 / 20;
	path->rtt_us = rtt_us;
	path->rtt_at_us = now_us;
	note_extreme(&path->rtt_low, rtt_us, false, PATH_RTT_WINDOW_US, now_us);
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
	if (!known || expected <= 0) { /* nothing is known of what was not sent */
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
	return path->probe_us || path->low || path->slow_us || path->lossy ||
	       (path->changed_us && now_us - path->changed_us < PATH_WATCH_US);
}

static uint64_t rate(const struct rendition_table *table, int level)
{
	return PATH_SOUND_BPS + (level >= 0 ? table->at[level].bps : 0);
}

/* What gets through, by what is known; never more than what is sent. */
static uint64_t estimate(const struct rtp_path *path, uint64_t sent_bps, int64_t now_us)
{
	uint64_t bps = sent_bps * (uint64_t)(256 - path->loss / 16) / 256;
	const bool fresh = path->remb_us && now_us - path->remb_us < PATH_FRESH_US;
	if (fresh && path->low && path->remb_bps < bps)
		bps = path->remb_bps;
	return bps;
}

static bool in_trouble(const struct rtp_path *path, uint64_t sent_bps)
{
	const bool low = path->low >= IN_A_ROW && path->remb_bps < sent_bps * PATH_REMB_LOW / 100;
	return low || path->slow >= IN_A_ROW || path->lossy >= IN_A_ROW;
}

/* Not even the smallest picture. */
static bool is_hopeless(const struct rtp_path *path, uint64_t sent_bps, int64_t now_us)
{
	const bool far_below = path->low >= IN_A_ROW && path->slow && path->remb_bps < sent_bps / 2;
	const bool drowned =
		far_below || path->slow >= NEVER_IN_A_ROW || path->loss / 16 >= LOSS_HOPELESS;
	return drowned && estimate(path, sent_bps, now_us) < sent_bps * PATH_REMB_LOW / 100;
}

static void go(struct rtp_path *path, const struct rendition_table *table, int level,
	       int64_t now_us)
{
	path->level = level;
	path->slot = level >= 0 ? table->at[level].slot : 0;
	path->changed_us = now_us;
	path->low = path->slow = path->lossy = 0;
	path->probe_us = 0;
	path->choked = false;
	path->loss = 0; /* was that of another rate */
}

/* The next level in this direction that the viewer can decode; the same when there is none. */
static int step(const struct rtp_path *path, const struct rendition_table *table,
		const struct rtp_path_limits *limits, int by)
{
	for (int i = path->level + by; i >= 0 && i < (int)table->count; i += by)
		if (rendition_fits(&table->at[i], limits->profile_max))
			return i;
	return path->level;
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

static void give_way(struct rtp_path *path, const struct rendition_table *table,
		     const struct rtp_path_limits *limits, int64_t now_us)
{
	const uint64_t sent_bps = rate(table, path->level);
	const uint64_t carried = estimate(path, sent_bps, now_us) * PATH_REMB_LOW / 100;
	int level = highest(table, limits, carried);
	if (level >= path->level)
		level = step(path, table, limits, -1);
	if (level < path->level) {
		go(path, table, level, now_us);
		path->choked = carried < sent_bps * CHOKED / 100;
	} else if (is_hopeless(path, sent_bps, now_us)) {
		go(path, table, PATH_NO_PICTURE, now_us);
	}
}

static bool probe_hurts(const struct rtp_path *path, int64_t now_us)
{
	const bool lossy = path->lossy && now_us - path->reported_us < PATH_FRESH_US;
	return lossy || path->low || queue_us(path, now_us) > PROBE_QUEUE_US;
}

static int64_t probe_us(const struct rtp_path *path)
{
	return path->level >= 0 ? PATH_PROBE_US : PATH_PROBE_SLOW_US;
}

static void end_probe(struct rtp_path *path, int64_t now_us)
{
	path->probe_us = 0;
	path->changed_us = now_us;
	path->low = path->slow = path->lossy = 0;
	path->patience_us *= 2;
	if (path->patience_us > PATH_PATIENCE_MAX_US)
		path->patience_us = PATH_PATIENCE_MAX_US;
}

/* Up, after a probe where that can be done. */
static void try_more(struct rtp_path *path, const struct rendition_table *table,
		     const struct rtp_path_limits *limits, int64_t now_us)
{
	const int level = step(path, table, limits, 1);
	const bool hurts = probe_hurts(path, now_us);
	const int64_t peak_us = path->padded_us + PROBE_REPORTS_US;
	if (level == path->level) {
		path->probe_us = 0;
	} else if (!path->probe_us) {
		if (now_us - path->changed_us < path->patience_us || hurts)
			return;
		path->probe_us = path->padded_us = now_us;
		path->ramp_us = 0;
		path->remb_high = (struct path_extreme){ .since_us = now_us };
		if (!limits->probes)
			go(path, table, level, now_us);
	} else if (hurts || now_us - path->probe_us > PATH_PROBE_MAX_US) {
		end_probe(path, now_us);
	} else if (path->ramp_us >= probe_us(path) && now_us >= peak_us &&
		   path->rtt_at_us >= path->padded_us) {
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

int rtp_path_choose(struct rtp_path *path, const struct rendition_table *table,
		    const struct rtp_path_limits *limits, int64_t now_us)
{
	if (!table->count)
		return 0;
	if (limits->pinned >= 0)
		return limits->pinned;
	find_level(path, table, limits);
	const bool settled = now_us - path->changed_us >= PATH_SETTLE_US;
	if (path->level >= 0 && settled && in_trouble(path, rate(table, path->level)))
		give_way(path, table, limits, now_us);
	else
		try_more(path, table, limits, now_us);
	return path->level >= 0 ? path->slot : PATH_NO_PICTURE;
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
	if (now_us - heard_us > PATH_PROBE_BLIND_US)
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
