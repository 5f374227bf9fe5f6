#include "media/rtp/rtp_path.h"

enum {
	GOES_BPS = 90, /* percent of what gets through: the picture that follows fits in it */
	PADDED_US = 400000, /* a probe's padding may be in the queue for so long */
	AGAIN_US = 10000000, /* the smallest picture's queue is drained once in this time */
	PACE_BPS = 250000, /* at least; of a picture that costs less keyframes are most */
	PACE_SHARE = 150, /* percent of the mean rate: keyframes are spread, pictures not late, */
	PACE_SHARE_FULL = 100, /* and behind a queue */
};

void rtp_path_init(struct rtp_path *path)
{
	*path = (struct rtp_path){ .flowing = PATH_NO_PICTURE };
	path_signals_init(&path->said);
	path_probe_init(&path->probe);
}

void rtp_path_remb(struct rtp_path *path, uint64_t bps, int64_t now_us)
{
	path_signals_remb(&path->said, bps, now_us);
}

void rtp_path_report(struct rtp_path *path, uint32_t highest_seq, int32_t lost, int64_t now_us)
{
	path_signals_report(&path->said, highest_seq, lost, now_us);
}

void rtp_path_rtt(struct rtp_path *path, int64_t sent_us, int64_t rtt_us, int64_t now_us)
{
	path_signals_rtt(&path->said, sent_us, rtt_us, now_us);
	path_drain_rtt(&path->drain, sent_us, path_signals_queue_us(&path->said, now_us), now_us);
	path_probe_rtt(&path->probe, &path->said, now_us);
}

void rtp_path_sent(struct rtp_path *path, uint32_t bytes, int64_t now_us)
{
	path_signals_sent(&path->said, bytes, now_us);
}

void rtp_path_restart_reports(struct rtp_path *path)
{
	path_signals_restart_reports(&path->said);
}

void rtp_path_returned(struct rtp_path *path, int64_t now_us)
{
	path_signals_flow(&path->said, now_us);
	path_signals_restart_reports(&path->said);
}

bool rtp_path_is_watched(const struct rtp_path *path, int64_t now_us)
{
	return path->probe.since_us || path->drain.since_us ||
	       path_signals_is_uneasy(&path->said, now_us);
}

bool rtp_path_is_full(const struct rtp_path *path, int64_t now_us)
{
	return path->drain.since_us || path_signals_is_full(&path->said, now_us);
}

/* Of pictures alone. */
static uint64_t rate(const struct rendition_table *table, int level)
{
	if (level < 0)
		return 0;
	const struct rendition_info *info = &table->at[level];
	return info->mean_bps ? info->mean_bps : info->bps;
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

static void go(struct rtp_path *path, const struct rendition_table *table, int level,
	       int64_t now_us)
{
	path->level = level;
	path->slot = level >= 0 ? table->at[level].slot : 0;
	path->choked = false;
	path->drain.since_us = 0;
	path_probe_stop(&path->probe);
	path_signals_change(&path->said, now_us);
}

/* Nothing more is put behind what waits already, but for sound. */
static void drain(struct rtp_path *path, int64_t now_us)
{
	const bool padded = now_us - path->probe.padded_us < PADDED_US;
	const bool queued = padded || path_signals_queue_us(&path->said, now_us) >= PATH_CHOKE_US;
	path->choked = true;
	path_drain_begin(&path->drain, path->said.mean_bps, queued, now_us);
}

static bool is_of_late(int64_t at_us, int64_t now_us)
{
	return at_us && now_us - at_us < AGAIN_US;
}

/* The smallest picture is too much: it is given up when draining its queue has not helped. */
static void give_way_to_sound(struct rtp_path *path, const struct rendition_table *table,
			      int64_t now_us)
{
	const struct path_signals *said = &path->said;
	const bool hopeless = path_signals_is_hopeless(said);
	const bool stands = path_signals_queue_stands(said, now_us);
	if (path_signals_is_far_below(said) ||
	    (hopeless && is_of_late(path->drain.emptied_us, now_us))) {
		go(path, table, PATH_NO_PICTURE, now_us);
	} else if (path->level > path->flowing) {
		go(path, table, path->flowing, now_us); /* the way up is called off */
	} else if (hopeless || (stands && !is_of_late(path->stood_us, now_us))) {
		drain(path, now_us);
		path->drain.light = false;
		path->stood_us = now_us;
	}
}

static void give_way(struct rtp_path *path, const struct rendition_table *table,
		     const struct rtp_path_limits *limits, int64_t now_us)
{
	const struct path_signals *said = &path->said;
	const bool drains = path_signals_is_choked(said, now_us) ||
			    path_signals_queue_us(said, now_us) >= PATH_CHOKE_US;
	const uint64_t carried_bps = path_signals_carried_bps(said, now_us);
	int level = highest(table, limits, carried_bps * GOES_BPS / 100);
	if (level >= path->flowing)
		level = step(path->flowing, table, limits, -1);
	if (level >= path->flowing) {
		give_way_to_sound(path, table, now_us);
		return;
	}
	go(path, table, level, now_us);
	if (drains)
		drain(path, now_us);
}

/* While nothing is sent its queue tells how narrow the path is. */
static void narrow(struct rtp_path *path, const struct rendition_table *table,
		   const struct rtp_path_limits *limits, int64_t now_us)
{
	const int64_t base_us = path_signals_base_us(&path->said);
	const int level =
		highest(table, limits, path_drain_carried_bps(&path->drain, base_us, now_us));
	if (level >= path->level)
		return;
	path->level = level;
	path->slot = table->at[level].slot;
}

/* The next level up that costs more; its probe is for it. */
static int next_level(const struct rtp_path *path, const struct rendition_table *table,
		      const struct rtp_path_limits *limits)
{
	const int next = step(path->level, table, limits, 1);
	const int beyond = step(next, table, limits, 1);
	return path_probe_covers(rate(table, next), rate(table, beyond)) ? beyond : next;
}

/* Up, after a probe where that can be done. */
static void try_more(struct rtp_path *path, const struct rendition_table *table,
		     const struct rtp_path_limits *limits, int64_t now_us)
{
	struct path_probe *probe = &path->probe;
	const int level = next_level(path, table, limits);
	if (level == path->level) {
		path_probe_stop(probe);
	} else if (!probe->since_us && path_probe_is_due(probe, &path->said, now_us)) {
		path_probe_begin(probe, path->level == PATH_NO_PICTURE, now_us);
		path_signals_probe(&path->said, now_us);
		if (!limits->probes)
			go(path, table, level, now_us);
	} else if (path_probe_succeeded(probe, &path->said, now_us)) {
		path_probe_end(probe, true);
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
	const bool none = path->drain.since_us || path->level == PATH_NO_PICTURE;
	const int flowing = none ? PATH_NO_PICTURE : at;
	if (flowing != path->flowing)
		path_signals_flow(&path->said, now_us);
	else if (flowing > path->level)
		path_signals_wait(&path->said, now_us);
	path->flowing = flowing;
	path->said.mean_bps = rate(table, flowing);
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
	if (path_probe_failed(&path->probe, &path->said, now_us)) {
		path_probe_end(&path->probe, false);
		path_signals_probe_failed(&path->said, now_us);
	}
	if (path->drain.since_us)
		narrow(path, table, limits, now_us);
	else if (path->flowing > path->level && path_signals_gets_worse(&path->said, now_us))
		drain(path, now_us);
	else if (path_signals_in_trouble(&path->said, now_us))
		give_way(path, table, limits, now_us);
	else if (path->flowing == path->level)
		try_more(path, table, limits, now_us);
	return path->level >= 0 ? path->slot : PATH_NO_PICTURE;
}

uint32_t rtp_path_pace(const struct rtp_path *path, const struct rendition_table *table,
		       int64_t now_us)
{
	if (path->level < 0 || path->level >= path->top || path->level >= (int)table->count)
		return 0;
	const bool full = path->drain.unheard_us || path_signals_has_queue(&path->said, now_us);
	const uint64_t bps = rate(table, path->level) * (full ? PACE_SHARE_FULL : PACE_SHARE) / 100;
	return (uint32_t)((bps > PACE_BPS ? bps : PACE_BPS) / 8);
}

uint32_t rtp_path_padding(struct rtp_path *path, const struct rendition_table *table,
			  int64_t now_us)
{
	const int next = path->level + 1;
	if (next >= (int)table->count)
		return 0;
	return path_probe_padding(&path->probe, &path->said, rate(table, path->level),
				  rate(table, next), now_us);
}
