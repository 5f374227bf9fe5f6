/* What the server counts as it happens: every refusal for a cap or a rate, and who fell behind.
 * Any thread counts. */
#ifndef SOUK_SERVER_COUNTERS_H
#define SOUK_SERVER_COUNTERS_H

#include "server/core/metrics.h"

struct counters {
	struct metric *viewers_refused; /* media sessions over --viewers-max */
	struct metric *sockets_refused, *rtmp_refused; /* connections over their cap */
	struct metric *calls_refused, *reads_refused; /* control has too much to do */
	struct metric *channel_refused; /* packets and messages of data channels */
	struct metric *streams_refused; /* of WHEP events, over a session's cap */
	struct metric *orders_limited, *chat_limited, *messages_limited,
		*guests_limited; /* rates */
	struct metric *patches_limited; /* of a WHIP or WHEP session */
	struct metric *live_behind; /* live sessions that a `state` had to make good */
	struct metric *live_too_slow, *flv_too_slow, *events_too_slow; /* closed */
	struct metric *recordings_failed; /* the disk did not take them */
	struct metric *flv_bytes; /* handed to FLV connections */
	struct metric *hls_bytes; /* of segments and parts that were asked for */
	struct metric *recorded_bytes; /* written */
	struct metric *relays_connected; /* now */
	struct metric *relay_bytes, *relay_reconnects, *relay_failures;
	struct metric *tracks; /* messages of type `track` */
};

void counters_init(struct counters *counters, struct metrics *metrics);

#endif
