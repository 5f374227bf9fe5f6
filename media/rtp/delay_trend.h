/*
 * Is a queue growing on the path? The trendline filter and the over-use detector of Google's
 * congestion control (draft-ietf-rmcat-gcc-02 §5.3 to §5.5, with the regression that libwebrtc
 * published after it): how the gaps between groups of packets changed from sending to arrival, and
 * whether that adds up. Pure; one owner.
 */
#ifndef SOUK_MEDIA_RTP_DELAY_TREND_H
#define SOUK_MEDIA_RTP_DELAY_TREND_H

#include <stdbool.h>
#include <stdint.h>

enum { TREND_WINDOW = 20 /* groups */, TREND_GROUP_US = 5000 };

enum delay_signal { DELAY_NORMAL, DELAY_OVERUSE, DELAY_UNDERUSE };

/* Packets that were sent within TREND_GROUP_US. */
struct delay_group {
	int64_t first_sent_us;
	int64_t sent_us;
	int64_t arrival_us;
	bool used;
};

struct delay_trend {
	struct delay_group now, before;
	double accumulated_ms, smoothed_ms;
	struct {
		double arrival_ms, delay_ms;
	} window[TREND_WINDOW];
	unsigned deltas; /* so far */
	int64_t first_arrival_us;
	int64_t threshold_at_us; /* arrival time of the last change; 0: none */
	double threshold_ms;
	double trend; /* of the newest group */
	double overuse_ms; /* how long it has been above the threshold; negative: it is not */
	unsigned overuses;
	enum delay_signal signal;
};

void delay_trend_init(struct delay_trend *trend);

/* Packets that arrived, in the order they were sent; both clocks only need a steady rate. */
void delay_trend_packet(struct delay_trend *trend, int64_t sent_us, int64_t arrival_us);

#endif
