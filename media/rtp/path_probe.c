#include "media/rtp/path_probe.h"

enum {
	BEGIN_US = 500000, /* of a new picture, before there is a probe */
	RAMP_US = 2000000, /* of growing padding; */
	RAMP_SLOW_US = 3000000, /* beside sound alone */
	PEAK_US = 300000, /* the whole rate, at the end */
	REPORTS_US = 300000, /* until the last of it is reported on */
	BLIND_US = 400000, /* without a report nothing more is sent, */
	DEAF_US = 1200000, /* nor beside sound alone, which is reported on seldom, */
	PROBE_MAX_US = 9000000, /* and after this the probe has failed */
	PATIENCE_US = 2000000, /* before the first probe; doubles when one fails, */
	PATIENCE_MAX_US = 4000000, /* up to this, */
	PATIENCE_MIN_US = 1000000, /* and when one succeeds, it is short */
	LONG_US = 60000, /* a round trip so much longer than the shortest; */
	LONG_MAX = 2, /* one may be the viewer's own */
	SHARE = 110, /* percent of what will be sent */
	PAUSE_US = 100000, /* between two calls; what is longer was no probing */
	PADDING_MAX = 60000, /* bytes at once, after a pause of the caller */
};

void path_probe_init(struct path_probe *probe)
{
	*probe = (struct path_probe){ .patience_us = PATIENCE_US };
}

static bool is_long(const struct path_signals *said, int64_t now_us)
{
	return path_signals_queue_us(said, now_us) > LONG_US;
}

static bool hurts(const struct path_probe *probe, const struct path_signals *said, int64_t now_us)
{
	return path_signals_is_hurt(said, now_us) || probe->hurts >= LONG_MAX ||
	       path_signals_queue_us(said, now_us) >= PATH_CHOKE_US;
}

bool path_probe_is_due(const struct path_probe *probe, const struct path_signals *said,
		       int64_t now_us)
{
	return now_us - said->changed_us >= probe->patience_us &&
	       now_us - said->flows_us >= BEGIN_US && !hurts(probe, said, now_us) &&
	       !is_long(said, now_us);
}

void path_probe_begin(struct path_probe *probe, bool beside_sound, int64_t now_us)
{
	probe->since_us = probe->padded_us = now_us;
	probe->ramp_us = 0;
	probe->beside_sound = beside_sound;
}

void path_probe_rtt(struct path_probe *probe, const struct path_signals *said, int64_t now_us)
{
	if (probe->since_us && is_long(said, now_us))
		probe->hurts++;
}

bool path_probe_failed(const struct path_probe *probe, const struct path_signals *said,
		       int64_t now_us)
{
	return probe->since_us &&
	       (hurts(probe, said, now_us) || now_us - probe->since_us > PROBE_MAX_US);
}

static int64_t ramp_us(const struct path_probe *probe)
{
	return probe->beside_sound ? RAMP_SLOW_US : RAMP_US;
}

bool path_probe_succeeded(const struct path_probe *probe, const struct path_signals *said,
			  int64_t now_us)
{
	return probe->since_us && probe->ramp_us >= ramp_us(probe) &&
	       now_us >= probe->padded_us + REPORTS_US && said->rtt_at_us >= probe->padded_us &&
	       !is_long(said, now_us);
}

void path_probe_stop(struct path_probe *probe)
{
	probe->since_us = 0;
	probe->hurts = 0;
}

void path_probe_end(struct path_probe *probe, bool succeeded)
{
	path_probe_stop(probe);
	probe->patience_us = succeeded ? PATIENCE_MIN_US : probe->patience_us * 2;
	if (probe->patience_us > PATIENCE_MAX_US)
		probe->patience_us = PATIENCE_MAX_US;
}

bool path_probe_covers(uint64_t next_bps, uint64_t beyond_bps)
{
	return beyond_bps <= next_bps * SHARE / 100;
}

uint32_t path_probe_padding(struct path_probe *probe, const struct path_signals *said,
			    uint64_t from_bps, uint64_t to_bps, int64_t now_us)
{
	if (!probe->since_us || probe->ramp_us >= ramp_us(probe))
		return 0;
	const int64_t heard_us =
		said->rtt_at_us > probe->since_us ? said->rtt_at_us : probe->since_us;
	int64_t passed_us = now_us - probe->padded_us;
	probe->padded_us = now_us;
	/* One long round trip has nothing more sent, the next one is the end. */
	if (is_long(said, now_us) || now_us - heard_us > (probe->beside_sound ? DEAF_US : BLIND_US))
		return 0;
	if (passed_us > PAUSE_US)
		passed_us = PAUSE_US;
	probe->ramp_us += passed_us;
	const uint64_t whole_bps = to_bps * SHARE / 100;
	const uint64_t more_bps = whole_bps > from_bps ? whole_bps - from_bps : 0;
	/* A path that is too narrow tells before it breaks. */
	const int64_t grows_us = ramp_us(probe) - PEAK_US;
	const int64_t grown_us = probe->ramp_us < grows_us ? probe->ramp_us : grows_us;
	const uint64_t bytes =
		more_bps * (uint64_t)grown_us / (uint64_t)grows_us * (uint64_t)passed_us / 8000000;
	return bytes < PADDING_MAX ? (uint32_t)bytes : PADDING_MAX;
}
