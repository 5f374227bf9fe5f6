/*
 * Does the path carry more? Padding is sent beside the picture, growing up to what the next one
 * needs; while nothing gets worse it goes on, and where it came through the picture may follow.
 * One owner.
 */
#ifndef SOUK_MEDIA_RTP_PATH_PROBE_H
#define SOUK_MEDIA_RTP_PATH_PROBE_H

#include "media/rtp/path_signals.h"

#include <stdbool.h>
#include <stdint.h>

struct path_probe {
	int64_t since_us; /* 0: no probe */
	int64_t patience_us; /* before the next one */
	int64_t padded_us; /* padding is sent up to this time */
	int64_t ramp_us; /* for so long padding was sent, while reports came */
	bool beside_sound; /* alone, which must not suffer */
	unsigned hurts; /* round trips since the probe began that were too long */
};

void path_probe_init(struct path_probe *probe);

/* Nothing speaks against one, and the last change is long enough ago. */
bool path_probe_is_due(const struct path_probe *probe, const struct path_signals *said,
		       int64_t now_us);
void path_probe_begin(struct path_probe *probe, bool beside_sound, int64_t now_us);

/* A round trip was measured. */
void path_probe_rtt(struct path_probe *probe, const struct path_signals *said, int64_t now_us);

/* The path does not carry it, or does not answer. */
bool path_probe_failed(const struct path_probe *probe, const struct path_signals *said,
		       int64_t now_us);
/* It does: all of it was sent, and reported on. */
bool path_probe_succeeded(const struct path_probe *probe, const struct path_signals *said,
			  int64_t now_us);

/* There is nothing more to find out; padding ends. */
void path_probe_stop(struct path_probe *probe);
/* And the next one is more, or less, likely to be worth it. */
void path_probe_end(struct path_probe *probe, bool succeeded);

/* Two that cost the same are one step: the padding for the one was enough for the other. */
bool path_probe_covers(uint64_t next_bps, uint64_t beyond_bps);

/* How many bytes of padding are due since the last call, for a way from one rate to another. */
uint32_t path_probe_padding(struct path_probe *probe, const struct path_signals *said,
			    uint64_t from_bps, uint64_t to_bps, int64_t now_us);

#endif
