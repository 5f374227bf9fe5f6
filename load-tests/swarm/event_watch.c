#include "load-tests/swarm/event_watch.h"

/* Events at or below the state's seq are in it; the others follow without a gap. */
static void follow(struct event_watch *watch, const struct live_item *item)
{
	if (item->kind == LIVE_STATE) {
		watch->seq = item->seq > watch->seq ? item->seq : watch->seq;
		return;
	}
	watch->events++;
	if (watch->seq && item->seq > watch->seq + 1)
		watch->gaps++;
	watch->seq = item->seq > watch->seq ? item->seq : watch->seq;
}

void event_watch_item(struct event_watch *watch, const struct live_item *item,
		      const struct event_report *report)
{
	if (item->kind == LIVE_OTHER || item->kind == LIVE_CLOCK)
		return;
	const bool known = item->kind != LIVE_STATE && item->seq <= watch->seq;
	follow(watch, item);
	if (item->kind != LIVE_EVENT || known || !watch->capture_us)
		return;
	if (watch->capture_us >= item->at_us)
		report->error(report->arg, watch->capture_us - item->at_us);
	else if (watch->waiting < EVENT_WATCH_MAX)
		watch->at_us[watch->waiting++] = item->at_us;
}

void event_watch_picture(struct event_watch *watch, int64_t capture_us,
			 const struct event_report *report)
{
	watch->capture_us = capture_us;
	for (unsigned i = 0; i < watch->waiting;) {
		if (watch->at_us[i] > capture_us) {
			i++;
			continue;
		}
		report->error(report->arg, capture_us - watch->at_us[i]);
		watch->at_us[i] = watch->at_us[--watch->waiting];
	}
}
