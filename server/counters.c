#include "server/counters.h"

#include <stddef.h>

#define AT(member) offsetof(struct counters, member)
#define REFUSED    "souk_refused_total", "Refused for a cap: 503, or not taken"
#define LIMITED    "souk_rate_limited_total", "Refused for a rate: 429, 4429 or an error message"
#define SLOW       "souk_too_slow_total", "Connections closed because they were too far behind"

static const struct {
	size_t at;
	const char *name, *help, *labels;
} rows[] = {
	{ AT(viewers_refused), REFUSED, "what=\"viewer\"" },
	{ AT(sockets_refused), REFUSED, "what=\"websocket\"" },
	{ AT(rtmp_refused), REFUSED, "what=\"rtmp\"" },
	{ AT(calls_refused), REFUSED, "what=\"call\"" },
	{ AT(reads_refused), REFUSED, "what=\"read\"" },
	{ AT(channel_refused), REFUSED, "what=\"channel_packet\"" },
	{ AT(streams_refused), REFUSED, "what=\"event_stream\"" },
	{ AT(orders_limited), LIMITED, "what=\"order\"" },
	{ AT(chat_limited), LIMITED, "what=\"chat\"" },
	{ AT(messages_limited), LIMITED, "what=\"message\"" },
	{ AT(guests_limited), LIMITED, "what=\"guest\"" },
	{ AT(patches_limited), LIMITED, "what=\"patch\"" },
	{ AT(live_behind), "souk_live_behind_total",
	  "Times that a state replaced a live session's waiting messages", NULL },
	{ AT(live_too_slow), SLOW, "what=\"live\"" },
	{ AT(flv_too_slow), SLOW, "what=\"flv\"" },
	{ AT(events_too_slow), SLOW, "what=\"event_stream\"" },
	{ AT(recordings_failed), "souk_recordings_failed_total",
	  "Recordings that ended because the disk did not take them", NULL },
	{ AT(flv_bytes), "souk_flv_bytes_total", "Bytes handed to FLV connections", NULL },
	{ AT(hls_bytes), "souk_hls_bytes_total", "Bytes of HLS segments and parts sent", NULL },
	{ AT(recorded_bytes), "souk_recorded_bytes_total", "Bytes written to recordings", NULL },
	{ AT(relay_bytes), "souk_relay_bytes_total", "Bytes handed to relays", NULL },
	{ AT(relay_reconnects), "souk_relay_reconnects_total",
	  "Connections of relays after the first one of a show", NULL },
	{ AT(relay_failures), "souk_relay_failures_total",
	  "Connections of relays that failed or were lost", NULL },
	{ AT(tracks), "souk_track_total", "Messages of type track", NULL },
};

void counters_init(struct counters *counters, struct metrics *metrics)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct metric **to = (struct metric **)((char *)counters + rows[i].at);
		*to = metrics_add(metrics, METRIC_COUNTER, rows[i].name, rows[i].help,
				  rows[i].labels);
	}
	counters->relays_connected = metrics_add(metrics, METRIC_GAUGE, "souk_relays_connected",
						 "Relays whose peer takes the show now", NULL);
}
