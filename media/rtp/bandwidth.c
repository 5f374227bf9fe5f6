#include "media/rtp/bandwidth.h"

#include <math.h>
#include <string.h>

enum {
	RESPONSE_EXTRA_US = 100000, /* draft §5.5: a response takes a round trip and 100 ms */
	RTT_START_US = 100000,
	PACKET_BITS = 1200 * 8,
	CALM_US = 2000000,
	LOSS_INTERVAL_US = 500000,
	LOSS_EXPECTED_MIN = 20,
	LOSS_HOLD_US = 300000,
	ARRIVAL_MIN = 10, /* buckets before the rate is believed */
	GROWTH_STEP_MAX_US = 1000000,
};

/* Draft §5.5. */
static const double backoff = 0.85;
static const double growth = 0.08;
/* A path that stayed calm for CALM_US at growing rates is far from full: the draft's 8 % a second
 * would take 20 s from 1 to 5 Mbit/s, and we send no probes. At this rate the detector's delay of
 * about 200 ms costs 6 % too much. */
static const double growth_calm = 0.30;
static const double growth_by_reports = 0.08;
static const double variance_start = 0.004, variance_keep = 0.95;
static const double variance_min = 0.0004, variance_max = 0.025;
static const double loss_low = 0.02, loss_high = 0.10; /* draft §6 */

void bandwidth_init(struct bandwidth *bandwidth, const struct bandwidth_config *config)
{
	memset(bandwidth, 0, sizeof(*bandwidth));
	bandwidth->config = *config;
	bandwidth->delay_bps = config->start_bps;
	bandwidth->loss_bps = INT64_MAX;
	bandwidth->remb_bps = INT64_MAX;
	bandwidth->rtt_us = RTT_START_US;
	bandwidth->capacity_variance = variance_start;
	delay_trend_init(&bandwidth->trend);
}

static int64_t clamp(const struct bandwidth *bandwidth, double bps)
{
	const struct bandwidth_config *config = &bandwidth->config;
	if (bps >= (double)config->max_bps)
		return config->max_bps;
	return bps <= (double)config->min_bps ? config->min_bps : (int64_t)bps;
}

int64_t bandwidth_target_bps(const struct bandwidth *bandwidth)
{
	int64_t bps = bandwidth->delay_bps;
	if (bandwidth->loss_bps < bps)
		bps = bandwidth->loss_bps;
	if (bandwidth->remb_bps < bps)
		bps = bandwidth->remb_bps;
	return clamp(bandwidth, (double)bps);
}

/* ---- what arrives ---- */

/* The receiver's clock may begin anywhere, below zero too. */
static uint32_t *bucket_of(struct arrival_rate *rate, int64_t bucket)
{
	return &rate->bytes[(bucket % ARRIVAL_BUCKETS + ARRIVAL_BUCKETS) % ARRIVAL_BUCKETS];
}

static void add_arrival(struct arrival_rate *rate, int64_t arrival_us, uint32_t bytes)
{
	const int64_t bucket = arrival_us / ARRIVAL_BUCKET_US;
	if (!rate->started || bucket > rate->newest + ARRIVAL_BUCKETS) {
		memset(rate, 0, sizeof(*rate));
		rate->started = true;
		rate->newest = rate->first = bucket;
	}
	if (bucket <= rate->newest - ARRIVAL_BUCKETS)
		return;
	while (rate->newest < bucket)
		*bucket_of(rate, ++rate->newest) = 0;
	*bucket_of(rate, bucket) += bytes;
}

int64_t bandwidth_arriving_bps(const struct bandwidth *bandwidth)
{
	const struct arrival_rate *rate = &bandwidth->arrived;
	int64_t buckets = rate->newest - rate->first + 1;
	if (!rate->started || buckets < ARRIVAL_MIN)
		return 0;
	if (buckets > ARRIVAL_BUCKETS)
		buckets = ARRIVAL_BUCKETS;
	int64_t bytes = 0;
	for (unsigned i = 0; i < ARRIVAL_BUCKETS; i++)
		bytes += rate->bytes[i];
	return bytes * 8 * 1000000 / (buckets * ARRIVAL_BUCKET_US);
}

/* ---- by delay ---- */

static int64_t response_us(const struct bandwidth *bandwidth)
{
	return bandwidth->rtt_us + RESPONSE_EXTRA_US;
}

static double capacity_spread(const struct bandwidth *bandwidth)
{
	return 3 * sqrt(bandwidth->capacity_variance) * bandwidth->capacity_bps;
}

/* `arriving`: what passed while the path was full. */
static void learn_capacity(struct bandwidth *bandwidth, double arriving)
{
	double *mean = &bandwidth->capacity_bps;
	if (*mean > 0 && fabs(arriving - *mean) > capacity_spread(bandwidth))
		*mean = 0; /* it is another path */
	*mean = *mean > 0 ? variance_keep * *mean + (1 - variance_keep) * arriving : arriving;
	const double error = (arriving - *mean) / *mean;
	const double variance =
		variance_keep * bandwidth->capacity_variance + (1 - variance_keep) * error * error;
	bandwidth->capacity_variance = fmin(fmax(variance, variance_min), variance_max);
}

static void decrease(struct bandwidth *bandwidth, double arriving, int64_t now_us)
{
	bandwidth->state = RATE_HOLD;
	bandwidth->raised_at_us = now_us;
	/* One decrease has to show before the next, unless it was far too little. */
	if (now_us - bandwidth->lowered_at_us < response_us(bandwidth) &&
	    arriving * 2 > (double)bandwidth->delay_bps)
		return;
	if (arriving <= 0)
		arriving = (double)bandwidth->delay_bps;
	else
		learn_capacity(bandwidth, arriving);
	const double lower = backoff * arriving;
	if (lower < (double)bandwidth->delay_bps)
		bandwidth->delay_bps = clamp(bandwidth, lower);
	bandwidth->lowered_at_us = now_us;
}

static void increase(struct bandwidth *bandwidth, double arriving, int64_t now_us)
{
	const double before = (double)bandwidth->delay_bps;
	int64_t step_us = now_us - bandwidth->raised_at_us;
	if (!bandwidth->raised_at_us)
		step_us = 0;
	if (step_us > GROWTH_STEP_MAX_US)
		step_us = GROWTH_STEP_MAX_US;
	bandwidth->raised_at_us = now_us;
	if (bandwidth->capacity_bps > 0 &&
	    arriving > bandwidth->capacity_bps + capacity_spread(bandwidth))
		bandwidth->capacity_bps = 0;
	double after;
	if (bandwidth->capacity_bps > 0) {
		/* Near the known capacity: about one packet a response time. */
		after = before +
			(double)PACKET_BITS * (double)step_us / (double)response_us(bandwidth);
	} else {
		const bool calm = now_us - bandwidth->lowered_at_us > CALM_US;
		after = before * pow(1 + (calm ? growth_calm : growth), (double)step_us / 1e6);
	}
	/* Never far beyond what was tried: an encoder that needs less proves nothing. */
	const double ceiling = 1.5 * arriving + 10000;
	if (arriving > 0 && after > ceiling)
		after = ceiling;
	if (after > before)
		bandwidth->delay_bps = clamp(bandwidth, after);
}

static void judge_delay(struct bandwidth *bandwidth, int64_t now_us)
{
	const double arriving = (double)bandwidth_arriving_bps(bandwidth);
	switch (bandwidth->trend.signal) {
	case DELAY_OVERUSE:
		decrease(bandwidth, arriving, now_us);
		break;
	case DELAY_UNDERUSE: /* queues drain: let them */
		bandwidth->state = RATE_HOLD;
		bandwidth->raised_at_us = now_us;
		break;
	case DELAY_NORMAL:
		if (bandwidth->state == RATE_HOLD)
			bandwidth->raised_at_us = now_us;
		bandwidth->state = RATE_INCREASE;
		increase(bandwidth, arriving, now_us);
		break;
	}
}

/* ---- by loss ---- */

static void judge_loss(struct bandwidth *bandwidth, double loss, int64_t interval_us,
		       int64_t now_us)
{
	const double target = (double)bandwidth_target_bps(bandwidth);
	bandwidth->fraction_lost = (uint8_t)(loss * 255);
	if (loss > loss_high) {
		if (now_us - bandwidth->loss_lowered_us < bandwidth->rtt_us + LOSS_HOLD_US)
			return;
		bandwidth->loss_lowered_us = now_us;
		bandwidth->loss_bps = clamp(bandwidth, target * (1 - 0.5 * loss));
	} else if (loss < loss_low && bandwidth->loss_bps != INT64_MAX) {
		const double seconds = (double)interval_us / 1e6;
		const double after =
			(double)bandwidth->loss_bps * pow(1 + growth_calm, fmin(seconds, 1));
		bandwidth->loss_bps =
			after > 2 * (double)bandwidth->delay_bps ? INT64_MAX : (int64_t)after;
	}
}

static void count_losses(struct bandwidth *bandwidth, int64_t now_us)
{
	const int64_t interval_us = now_us - bandwidth->loss_from_us;
	if (interval_us < LOSS_INTERVAL_US || bandwidth->expected < LOSS_EXPECTED_MIN)
		return;
	judge_loss(bandwidth, (double)bandwidth->lost / bandwidth->expected, interval_us, now_us);
	bandwidth->loss_from_us = now_us;
	bandwidth->expected = bandwidth->lost = 0;
}

/* ---- what comes back ---- */

void bandwidth_fates(struct bandwidth *bandwidth, const struct packet_fate *fates, unsigned count,
		     int64_t now_us)
{
	bool overuse = false;
	for (unsigned i = 0; i < count; i++) {
		const struct packet_fate *fate = &fates[i];
		bandwidth->expected++;
		if (!fate->received) {
			bandwidth->lost++;
			continue;
		}
		add_arrival(&bandwidth->arrived, fate->arrival_us, fate->bytes);
		delay_trend_packet(&bandwidth->trend, fate->sent_us, fate->arrival_us);
		overuse |= bandwidth->trend.signal == DELAY_OVERUSE;
	}
	if (overuse)
		bandwidth->trend.signal = DELAY_OVERUSE;
	if (count)
		judge_delay(bandwidth, now_us);
	count_losses(bandwidth, now_us);
}

void bandwidth_report(struct bandwidth *bandwidth, uint8_t fraction_lost, int64_t now_us)
{
	const double loss = fraction_lost / 256.0;
	const int64_t step_us = bandwidth->raised_at_us ? now_us - bandwidth->raised_at_us : 0;
	bandwidth->raised_at_us = now_us;
	judge_loss(bandwidth, loss, step_us, now_us);
	if (loss < loss_low) {
		const double seconds = fmin((double)step_us / 1e6, 1);
		bandwidth->delay_bps =
			clamp(bandwidth,
			      (double)bandwidth->delay_bps * pow(1 + growth_by_reports, seconds));
	}
}

void bandwidth_remb(struct bandwidth *bandwidth, int64_t bps)
{
	bandwidth->remb_bps = bps;
}

void bandwidth_rtt(struct bandwidth *bandwidth, int64_t rtt_us)
{
	bandwidth->rtt_us = rtt_us;
}

void bandwidth_blackout(struct bandwidth *bandwidth)
{
	const struct bandwidth_config *config = &bandwidth->config;
	const int64_t half = bandwidth_target_bps(bandwidth) / 2;
	const int64_t start = half < config->start_bps ? half : config->start_bps;
	delay_trend_init(&bandwidth->trend);
	memset(&bandwidth->arrived, 0, sizeof(bandwidth->arrived));
	bandwidth->delay_bps = clamp(bandwidth, (double)start);
	bandwidth->loss_bps = INT64_MAX;
	bandwidth->capacity_bps = 0;
	bandwidth->state = RATE_HOLD;
	bandwidth->expected = bandwidth->lost = 0;
}
