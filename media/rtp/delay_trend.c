#include "media/rtp/delay_trend.h"

#include <math.h>
#include <string.h>

enum {
	DELTAS_MAX = 60, /* more of them do not make the trend more certain */
	PAUSE_US = 1000000, /* nothing was sent for so long: the past tells nothing */
	THRESHOLD_STEP_MAX_MS = 100,
};

static const double smoothing = 0.9;
static const double gain = 4.0;
static const double overuse_time_ms = 10;

/* Draft §5.4: the threshold follows the trend, quickly down and slowly up, so that a flow is not
 * starved by others that only react to loss. */
static const double threshold_start_ms = 12.5;
static const double threshold_min_ms = 6, threshold_max_ms = 600;
static const double threshold_up = 0.0087, threshold_down = 0.039;
static const double threshold_outlier_ms = 15;

void delay_trend_init(struct delay_trend *trend)
{
	memset(trend, 0, sizeof(*trend));
	trend->threshold_ms = threshold_start_ms;
	trend->overuse_ms = -1;
}

/* Slope of the least squares line through the window. */
static double slope(const struct delay_trend *trend)
{
	double x_mean = 0;
	double y_mean = 0;
	for (unsigned i = 0; i < TREND_WINDOW; i++) {
		x_mean += trend->window[i].arrival_ms / TREND_WINDOW;
		y_mean += trend->window[i].delay_ms / TREND_WINDOW;
	}
	double above = 0;
	double below = 0;
	for (unsigned i = 0; i < TREND_WINDOW; i++) {
		const double x = trend->window[i].arrival_ms - x_mean;
		above += x * (trend->window[i].delay_ms - y_mean);
		below += x * x;
	}
	return below > 0 ? above / below : 0;
}

static void follow_threshold(struct delay_trend *trend, double size, int64_t arrival_us)
{
	if (!trend->threshold_at_us)
		trend->threshold_at_us = arrival_us;
	const double step_ms =
		fmin((double)(arrival_us - trend->threshold_at_us) / 1000, THRESHOLD_STEP_MAX_MS);
	trend->threshold_at_us = arrival_us;
	if (size > trend->threshold_ms + threshold_outlier_ms)
		return; /* a jump, such as a change of route */
	const double k = size < trend->threshold_ms ? threshold_down : threshold_up;
	trend->threshold_ms += k * (size - trend->threshold_ms) * step_ms;
	trend->threshold_ms = fmin(fmax(trend->threshold_ms, threshold_min_ms), threshold_max_ms);
}

static void judge(struct delay_trend *trend, double value, double sent_ms, int64_t arrival_us)
{
	if (value > trend->threshold_ms) {
		/* In the mean it has been so for half of the time since the last group. */
		trend->overuse_ms =
			trend->overuse_ms < 0 ? sent_ms / 2 : trend->overuse_ms + sent_ms;
		trend->overuses++;
		if (trend->overuse_ms > overuse_time_ms && trend->overuses > 1 &&
		    value >= trend->trend) {
			trend->overuse_ms = 0;
			trend->overuses = 0;
			trend->signal = DELAY_OVERUSE;
		}
	} else {
		trend->overuse_ms = -1;
		trend->overuses = 0;
		trend->signal = value < -trend->threshold_ms ? DELAY_UNDERUSE : DELAY_NORMAL;
	}
	trend->trend = value;
	follow_threshold(trend, fabs(value), arrival_us);
}

/* Two groups are complete: how much longer the second was on its way. */
static void take_delta(struct delay_trend *trend)
{
	const struct delay_group *now = &trend->now, *before = &trend->before;
	const double sent_ms = (double)(now->sent_us - before->sent_us) / 1000;
	const double arrival_ms = (double)(now->arrival_us - before->arrival_us) / 1000;
	if (!trend->deltas)
		trend->first_arrival_us = now->arrival_us;
	trend->accumulated_ms += arrival_ms - sent_ms;
	trend->smoothed_ms =
		smoothing * trend->smoothed_ms + (1 - smoothing) * trend->accumulated_ms;
	const unsigned at = trend->deltas++ % TREND_WINDOW;
	trend->window[at].arrival_ms = (double)(now->arrival_us - trend->first_arrival_us) / 1000;
	trend->window[at].delay_ms = trend->smoothed_ms;
	if (trend->deltas < TREND_WINDOW)
		return;
	const unsigned weight = trend->deltas < DELTAS_MAX ? trend->deltas : DELTAS_MAX;
	judge(trend, slope(trend) * weight * gain, sent_ms, now->arrival_us);
}

/* A burst that was held up somewhere and let go at once counts as one group. */
static bool belongs(const struct delay_group *group, int64_t sent_us, int64_t arrival_us)
{
	if (sent_us - group->first_sent_us <= TREND_GROUP_US)
		return true;
	const int64_t arrival_delta = arrival_us - group->arrival_us;
	return arrival_delta - (sent_us - group->sent_us) < 0 && arrival_delta <= TREND_GROUP_US;
}

void delay_trend_packet(struct delay_trend *trend, int64_t sent_us, int64_t arrival_us)
{
	struct delay_group *now = &trend->now;
	if (now->used && sent_us < now->first_sent_us)
		return; /* reordered; it would look like a delay */
	if (now->used && sent_us - now->sent_us > PAUSE_US)
		delay_trend_init(trend);
	if (now->used && belongs(now, sent_us, arrival_us)) {
		now->sent_us = sent_us > now->sent_us ? sent_us : now->sent_us;
		now->arrival_us = arrival_us > now->arrival_us ? arrival_us : now->arrival_us;
		return;
	}
	if (now->used && trend->before.used)
		take_delta(trend);
	if (now->used)
		trend->before = *now;
	*now = (struct delay_group){ sent_us, sent_us, arrival_us, true };
}
