/*
 * What a sender may send (draft-ietf-rmcat-gcc-02): the smaller of an estimate by delay, which
 * rises while the path's queue is empty and falls to a part of what arrives when it grows, and one
 * by loss. Fed with the fate of packets (transport-wide feedback) or, where the other side numbers
 * nothing, with receiver reports and REMB. Pure: time comes with each call. One owner.
 */
#ifndef SOUK_MEDIA_RTP_BANDWIDTH_H
#define SOUK_MEDIA_RTP_BANDWIDTH_H

#include "media/rtp/delay_trend.h"

enum { ARRIVAL_BUCKETS = 50, ARRIVAL_BUCKET_US = 10000 };

struct bandwidth_config {
	int64_t min_bps, max_bps, start_bps;
};

/* One packet that was sent and has been reported on. */
struct packet_fate {
	int64_t sent_us; /* our clock */
	int64_t arrival_us; /* the receiver's clock; any origin */
	uint32_t bytes;
	bool received;
};

/* What arrived in the last half second, by the receiver's clock. */
struct arrival_rate {
	uint32_t bytes[ARRIVAL_BUCKETS];
	int64_t newest; /* bucket */
	int64_t first;
	bool started;
};

enum rate_state { RATE_HOLD, RATE_INCREASE };

struct bandwidth {
	struct bandwidth_config config;
	struct delay_trend trend;
	struct arrival_rate arrived;
	enum rate_state state;
	int64_t delay_bps;
	int64_t loss_bps; /* INT64_MAX: loss sets no limit */
	int64_t remb_bps; /* likewise */
	int64_t rtt_us;
	int64_t raised_at_us; /* when the estimate was last raised or found right; 0: never */
	int64_t lowered_at_us;
	int64_t loss_from_us; /* counting packets since then */
	int64_t loss_lowered_us;
	uint32_t expected, lost;
	double capacity_bps; /* mean of what arrived when the path was full; 0: not known */
	double capacity_variance; /* of it, relative */
	uint8_t fraction_lost; /* of 256, newest */
};

void bandwidth_init(struct bandwidth *bandwidth, const struct bandwidth_config *config);

/* A feedback's packets in the order they were sent. */
void bandwidth_fates(struct bandwidth *bandwidth, const struct packet_fate *fates, unsigned count,
		     int64_t now_us);
/* Without such feedback: a receiver report, once a second or so. */
void bandwidth_report(struct bandwidth *bandwidth, uint8_t fraction_lost, int64_t now_us);
void bandwidth_remb(struct bandwidth *bandwidth, int64_t bps);
void bandwidth_rtt(struct bandwidth *bandwidth, int64_t rtt_us);

/* Nothing comes back any more: begins cautiously when the path is there again. */
void bandwidth_blackout(struct bandwidth *bandwidth);

int64_t bandwidth_target_bps(const struct bandwidth *bandwidth);
/* What arrived lately; 0: not known. */
int64_t bandwidth_arriving_bps(const struct bandwidth *bandwidth);

#endif
