#include "server/gauges.h"

#include "commerce/engine.h"
#include "media/broadcast.h"
#include "media/bus.h"
#include "media/fanout.h"
#include "media/ingest/rtmp_chunk.h"
#include "media/output/flv_sink.h"
#include "media/transcode_pool.h"
#include "server/app.h"
#include "server/channels.h"
#include "server/control.h"
#include "server/control_parts.h"
#include "server/control_room.h"
#include "server/core/http_server.h"
#include "server/core/metrics.h"
#include "server/core/websocket.h"
#include "server/live.h"
#include "server/worker.h"
#include "signaling/sctp.h"
#include "signaling/sdp.h"
#include "signaling/udp_port.h"

#include <assert.h>
#include <stdio.h>

struct row {
	enum metric_type type;
	const char *name, *help, *labels;
};

enum worker_gauge {
	W_VIEWERS,
	W_SOCKETS,
	W_RTMP,
	W_WEBRTC,
	W_ROOMS,
	W_FANOUT_SINKS,
	W_FANOUT_FRAMES,
	W_FANOUT_SKIPS,
	W_FANOUT_LONGEST,
	W_UDP_PACKETS_IN,
	W_UDP_PACKETS_OUT,
	W_UDP_BYTES_IN,
	W_UDP_BYTES_OUT,
	W_UDP_SENDS,
	W_UDP_FULL,
	W_UDP_ERRORS,
	W_UDP_STUN_BAD,
	W_UDP_STUN_UNKNOWN,
	W_UDP_FOREIGN,
	W_UDP_MOVES,
	W_DTLS_REPEATS,
	W_UDP_DROPPED,
	W_UDP_GARBAGE,
	W_HANDSHAKES,
	W_ROOM_FOR,
	W_TCP_CONNECTIONS,
	W_TCP_REFUSED,
	W_TCP_BEHIND,
	W_TCP_FULL,
	W_TRANSCODERS,
	W_TRANSCODERS_STARTED,
	W_TRANSCODERS_LOST,
	W_WHEP_MISSED,
	W_WHEP_REPAIRS,
	W_WHEP_REFUSED,
	W_WHEP_KEYS_ASKED,
	W_WHEP_PROBES,
	W_WHEP_LOSSY,
	W_WHEP_SOUND_ALONE,
	W_WHEP_RTT,
	WORKER_GAUGES
};

#define GAUGE   METRIC_GAUGE
#define COUNTER METRIC_COUNTER

static const struct row worker_rows[] = {
	[W_VIEWERS] = { GAUGE, "souk_viewers", "Media sessions and players of HLS now", NULL },
	[W_SOCKETS] = { GAUGE, "souk_websockets", "Live sessions over WebSocket now", NULL },
	[W_RTMP] = { GAUGE, "souk_rtmp_connections", "RTMP connections now", NULL },
	[W_WEBRTC] = { GAUGE, "souk_webrtc_sessions", "WebRTC sessions now, half open ones too",
		       NULL },
	[W_ROOMS] = { GAUGE, "souk_worker_rooms", "Rooms that this worker knows", NULL },
	[W_FANOUT_SINKS] = { GAUGE, "souk_fanout_readers", "Readers of pictures and sound now",
			     NULL },
	[W_FANOUT_FRAMES] = { COUNTER, "souk_fanout_frames_total", "Frames handed to readers",
			      NULL },
	[W_FANOUT_SKIPS] = { COUNTER, "souk_fanout_skips_total",
			     "Times that a worker fell behind and went on at a keyframe", NULL },
	[W_FANOUT_LONGEST] = { GAUGE, "souk_fanout_longest_us",
			       "Longest way from a frame's arrival to its last reader, last second",
			       NULL },
	[W_UDP_PACKETS_IN] = { COUNTER, "souk_udp_packets_in_total", "Datagrams received", NULL },
	[W_UDP_PACKETS_OUT] = { COUNTER, "souk_udp_packets_out_total", "Datagrams sent", NULL },
	[W_UDP_BYTES_IN] = { COUNTER, "souk_udp_bytes_in_total", "Bytes received in datagrams",
			     NULL },
	[W_UDP_BYTES_OUT] = { COUNTER, "souk_udp_bytes_out_total", "Bytes sent in datagrams",
			      NULL },
	[W_UDP_SENDS] = { COUNTER, "souk_udp_sends_total", "System calls that sent datagrams",
			  NULL },
	[W_UDP_FULL] = { COUNTER, "souk_udp_full_total", "Runs refused by a full socket", NULL },
	[W_UDP_ERRORS] = { COUNTER, "souk_udp_errors_total", "Sends that failed", NULL },
	[W_UDP_STUN_BAD] = { COUNTER, "souk_udp_stun_bad_total",
			     "STUN that was malformed or not authentic", NULL },
	[W_UDP_STUN_UNKNOWN] = { COUNTER, "souk_udp_stun_unknown_total",
				 "STUN for sessions that do not exist", NULL },
	[W_UDP_FOREIGN] = { COUNTER, "souk_udp_foreign_total",
			    "DTLS or SRTP from addresses that nobody has", NULL },
	[W_UDP_MOVES] = { COUNTER, "souk_udp_moves_total",
			  "Sessions that went on from another address", NULL },
	[W_DTLS_REPEATS] = { COUNTER, "souk_dtls_repeats_total",
			     "Flights of a DTLS handshake that were sent again", NULL },
	[W_UDP_DROPPED] = { COUNTER, "souk_udp_dropped_total",
			    "Datagrams that the kernel dropped since we did not come to read them",
			    NULL },
	[W_UDP_GARBAGE] = { COUNTER, "souk_udp_garbage_total", "Datagrams of no known kind", NULL },
	[W_HANDSHAKES] = { GAUGE, "souk_dtls_waiting",
			   "Sessions whose handshake waits for its turn", NULL },
	[W_ROOM_FOR] = { GAUGE, "souk_viewers_limit",
			 "Viewers that a worker has room for as it is loaded now", NULL },
	[W_TCP_CONNECTIONS] = { GAUGE, "souk_ice_tcp_connections", "TCP connections for WebRTC now",
				NULL },
	[W_TCP_REFUSED] = { COUNTER, "souk_ice_tcp_refused_total",
			    "TCP connections cut off before a check had validated", NULL },
	[W_TCP_BEHIND] = { COUNTER, "souk_ice_tcp_behind_total",
			   "TCP connections cut off for being 10 s behind", NULL },
	[W_TCP_FULL] = { COUNTER, "souk_ice_tcp_full_total",
			 "Runs refused because a second of packets waited", NULL },
	[W_TRANSCODERS] = { GAUGE, "souk_transcoders", "Transcoders at work now", NULL },
	[W_TRANSCODERS_STARTED] = { COUNTER, "souk_transcoders_started_total",
				    "Transcoder processes started", NULL },
	[W_TRANSCODERS_LOST] = { COUNTER, "souk_transcoders_lost_total",
				 "Transcoder processes that died or hung", NULL },
	[W_WHEP_MISSED] = { COUNTER, "souk_whep_missed_total",
			    "Packets that WebRTC viewers asked for again", NULL },
	[W_WHEP_REPAIRS] = { COUNTER, "souk_whep_repairs_total", "Packets repeated for them",
			     NULL },
	[W_WHEP_REFUSED] = { COUNTER, "souk_whep_repairs_refused_total",
			     "Packets asked for again that were too many or too old", NULL },
	[W_WHEP_KEYS_ASKED] = { COUNTER, "souk_whep_keyframes_asked_total",
				"Requests of WebRTC viewers for a keyframe", NULL },
	[W_WHEP_PROBES] = { COUNTER, "souk_whep_probe_packets_total",
			    "Packets of padding that try out what paths carry", NULL },
	[W_WHEP_LOSSY] = { GAUGE, "souk_whep_lossy",
			   "WebRTC viewers who lose 5 % of the picture's packets or more now",
			   NULL },
	[W_WHEP_SOUND_ALONE] = { GAUGE, "souk_whep_sound_alone",
				 "WebRTC viewers whose path carries no picture now", NULL },
	[W_WHEP_RTT] = { GAUGE, "souk_whep_rtt_us",
			 "Mean of the newest round trips of WebRTC viewers", NULL },
};

enum house_gauge {
	H_ROOMS,
	H_PUBLISHERS,
	H_ORDERS,
	H_EVENTS,
	H_COMMITS,
	H_FAILURES,
	H_WAITING,
	H_CALLS,
	H_CHANNEL_NOTES,
	H_LOG_DROPPED,
	H_VIDEO_IN,
	H_AUDIO_IN,
	H_BYTES_IN,
	H_KEYFRAMES_IN,
	H_KEY_REQUESTS,
	H_STRAYS,
	H_CHANNELS,
	H_CHANNEL_IN,
	H_CHANNEL_OUT,
	H_CHANNEL_FULL,
	H_CHANNEL_BAD,
	H_CLOCK_SET,
	HOUSE_GAUGES
};

static const struct row house_rows[] = {
	[H_ROOMS] = { GAUGE, "souk_rooms", "Rooms now", NULL },
	[H_PUBLISHERS] = { GAUGE, "souk_publishers", "Hosts that are live now", NULL },
	[H_ORDERS] = { COUNTER, "souk_orders_total", "Orders placed since the start", NULL },
	[H_EVENTS] = { COUNTER, "souk_timeline_events_total", "Timeline events since the start",
		       NULL },
	[H_COMMITS] = { COUNTER, "souk_store_commits_total", "Durable transactions since the start",
			NULL },
	[H_FAILURES] = { COUNTER, "souk_store_failures_total",
			 "Transactions that failed since the start", NULL },
	[H_WAITING] = { GAUGE, "souk_engine_waiting", "Requests that wait for a turn now", NULL },
	[H_CALLS] = { GAUGE, "souk_calls", "Requests on their way to control or back now", NULL },
	[H_CHANNEL_NOTES] = { GAUGE, "souk_channel_notes",
			      "Packets and messages of data channels that wait for control now",
			      NULL },
	[H_LOG_DROPPED] = { COUNTER, "souk_log_dropped_total",
			    "Log lines dropped because the ring was full", NULL },
	[H_VIDEO_IN] = { COUNTER, "souk_frames_in_total", "Frames of hosts", "kind=\"video\"" },
	[H_AUDIO_IN] = { COUNTER, "souk_frames_in_total", "Frames of hosts", "kind=\"audio\"" },
	[H_BYTES_IN] = { COUNTER, "souk_media_bytes_in_total", "Bytes in frames of hosts", NULL },
	[H_KEYFRAMES_IN] = { COUNTER, "souk_keyframes_in_total", "Keyframes of hosts", NULL },
	[H_KEY_REQUESTS] = { COUNTER, "souk_key_requests_total", "Keyframes asked of hosts", NULL },
	[H_STRAYS] = { COUNTER, "souk_stray_frames_total",
		       "Frames of hosts dropped: before a keyframe, or astray in time", NULL },
	[H_CHANNELS] = { GAUGE, "souk_data_channels", "SCTP associations now", NULL },
	[H_CHANNEL_IN] = { COUNTER, "souk_channel_messages_in_total",
			   "Messages received by data channel", NULL },
	[H_CHANNEL_OUT] = { COUNTER, "souk_channel_messages_out_total",
			    "Messages sent by data channel", NULL },
	[H_CHANNEL_FULL] = { COUNTER, "souk_channel_full_total",
			     "Messages refused because a data channel was too far behind", NULL },
	[H_CHANNEL_BAD] = { COUNTER, "souk_channel_packets_bad_total", "Bad SCTP packets", NULL },
	[H_CLOCK_SET] = { GAUGE, "souk_clock_set_us",
			  "By how much the machine's clock was set since the start", NULL },
};

/* Each cap has a name, a metric and a defined answer. Those of memory are per connection, room or
 * worker as their names say. */
static const struct {
	const char *label;
	int64_t value;
} caps[] = {
	{ "cap=\"http_body_bytes\"", HTTP_BODY_CAP },
	{ "cap=\"http_connections\"", HTTP_CONNECTIONS_CAP },
	{ "cap=\"sdp_bytes\"", SDP_SIZE_MAX },
	{ "cap=\"handshakes_waiting\"", ADMISSION_LINE_MAX },
	{ "cap=\"sdp_candidates\"", SDP_CANDIDATES_MAX },
	{ "cap=\"websocket_message_bytes\"", WEBSOCKET_MESSAGE_MAX },
	{ "cap=\"websocket_backlog_bytes\"", WEBSOCKET_BACKLOG_CAP },
	{ "cap=\"websockets\"", WORKER_SOCKETS_MAX },
	{ "cap=\"channel_message_bytes\"", SCTP_MESSAGE_IN_MAX },
	{ "cap=\"channel_streams\"", SCTP_STREAMS },
	{ "cap=\"channel_queue\"", SCTP_QUEUE_MAX },
	{ "cap=\"channel_notes\"", CHANNEL_NOTES_MAX },
	{ "cap=\"data_channels\"", SCTP_SLOTS_MAX },
	{ "cap=\"live_flush_bytes\"", FEED_BATCH_BYTES },
	{ "cap=\"live_pending\"", FEED_PENDING_MAX },
	{ "cap=\"live_messages_a_second\"", LIVE_MESSAGES_S },
	{ "cap=\"live_behind_seconds\"", LIVE_BEHIND_S },
	{ "cap=\"rtmp_connections\"", WORKER_RTMP_MAX },
	{ "cap=\"rtmp_message_bytes\"", RTMP_MESSAGE_MAX },
	{ "cap=\"rtmp_chunk_bytes\"", RTMP_CHUNK_SIZE_MAX },
	{ "cap=\"flv_backlog_bytes\"", FLV_BACKLOG_BYTES },
	{ "cap=\"flv_backlog_us\"", FLV_BACKLOG_US },
	{ "cap=\"flv_close_us\"", FLV_BACKLOG_CLOSE_US },
	{ "cap=\"gop_cache_bytes\"", BUS_BYTES_MAX },
	{ "cap=\"key_request_interval_us\"", BROADCAST_KEY_INTERVAL_US },
	{ "cap=\"control_queue\"", CONTROL_QUEUE_MAX },
	{ "cap=\"reads\"", WORKER_READS_MAX },
};

static_assert((int)WORKER_GAUGES <= (int)WORKER_GAUGES_MAX, "room for all");
static_assert((int)HOUSE_GAUGES <= (int)HOUSE_GAUGES_MAX, "room for all");

void worker_gauges_init(struct worker_gauges *gauges, struct metrics *metrics, unsigned index)
{
	char label[32];
	snprintf(label, sizeof(label), "worker=\"%u\"", index);
	for (int i = 0; i < WORKER_GAUGES; i++) {
		const struct row *row = &worker_rows[i];
		gauges->of[i] = metrics_add(metrics, row->type, row->name, row->help, label);
	}
}

static void set_udp(struct worker_gauges *gauges, const struct udp_port *port)
{
	struct udp_port_stats stats;
	udp_port_stats(port, &stats);
	metric_set(gauges->of[W_UDP_PACKETS_IN], (int64_t)stats.packets_in);
	metric_set(gauges->of[W_UDP_PACKETS_OUT], (int64_t)stats.packets_out);
	metric_set(gauges->of[W_UDP_BYTES_IN], (int64_t)stats.bytes_in);
	metric_set(gauges->of[W_UDP_BYTES_OUT], (int64_t)stats.bytes_out);
	metric_set(gauges->of[W_UDP_SENDS], (int64_t)stats.sends);
	metric_set(gauges->of[W_UDP_FULL], (int64_t)stats.send_again);
	metric_set(gauges->of[W_UDP_ERRORS], (int64_t)stats.send_errors);
	metric_set(gauges->of[W_UDP_STUN_BAD], (int64_t)stats.stun_bad);
	metric_set(gauges->of[W_UDP_STUN_UNKNOWN], (int64_t)stats.stun_unknown);
	metric_set(gauges->of[W_UDP_FOREIGN], (int64_t)stats.foreign);
	metric_set(gauges->of[W_UDP_MOVES], (int64_t)stats.moves);
	metric_set(gauges->of[W_DTLS_REPEATS], (int64_t)stats.dtls_repeats);
	metric_set(gauges->of[W_UDP_DROPPED], (int64_t)stats.dropped);
	metric_set(gauges->of[W_UDP_GARBAGE], (int64_t)stats.garbage);
	metric_set(gauges->of[W_HANDSHAKES], (int64_t)stats.handshakes_waiting);
	metric_set(gauges->of[W_TCP_CONNECTIONS], (int64_t)stats.tcp.connections);
	metric_set(gauges->of[W_TCP_REFUSED], (int64_t)stats.tcp.refused);
	metric_set(gauges->of[W_TCP_BEHIND], (int64_t)stats.tcp.behind);
	metric_set(gauges->of[W_TCP_FULL], (int64_t)stats.tcp.again);
	metric_set(gauges->of[W_WEBRTC], (int64_t)stats.sessions);
}

static void set_whep(struct worker_gauges *gauges, const struct worker *worker)
{
	struct whep_quality quality;
	whep_quality(worker, &quality);
	metric_set(gauges->of[W_WHEP_MISSED], (int64_t)quality.missed);
	metric_set(gauges->of[W_WHEP_REPAIRS], (int64_t)quality.repairs);
	metric_set(gauges->of[W_WHEP_REFUSED], (int64_t)quality.refused);
	metric_set(gauges->of[W_WHEP_KEYS_ASKED], (int64_t)quality.keys_asked);
	metric_set(gauges->of[W_WHEP_PROBES], (int64_t)quality.probes);
	metric_set(gauges->of[W_WHEP_LOSSY], quality.lossy);
	metric_set(gauges->of[W_WHEP_SOUND_ALONE], quality.sound_alone);
	metric_set(gauges->of[W_WHEP_RTT],
		   quality.answering ? quality.rtt_us / quality.answering : 0);
}

static int64_t room_for(const struct worker *worker)
{
	const int64_t limit = atomic_load(&worker->admission.limit);
	const int64_t most = worker->app->config.viewers_max;
	return limit < most ? limit : most;
}

static void set_transcoders(struct worker_gauges *gauges, const struct transcode_pool *pool)
{
	struct transcode_pool_stats stats;
	transcode_pool_stats(pool, &stats);
	metric_set(gauges->of[W_TRANSCODERS], (int64_t)stats.running);
	metric_set(gauges->of[W_TRANSCODERS_STARTED], (int64_t)stats.started);
	metric_set(gauges->of[W_TRANSCODERS_LOST], (int64_t)stats.lost);
}

void worker_gauges_update(struct worker_gauges *gauges, struct worker *worker,
			  const struct fanout_stats *fanout)
{
	metric_set(gauges->of[W_VIEWERS],
		   (int64_t)atomic_load(&worker->viewers) + worker->hls_viewers);
	metric_set(gauges->of[W_ROOM_FOR], room_for(worker));
	metric_set(gauges->of[W_SOCKETS], (int64_t)worker->socket_count);
	metric_set(gauges->of[W_RTMP], (int64_t)worker->rtmp_count);
	metric_set(gauges->of[W_ROOMS], (int64_t)worker->rooms.count);
	metric_set(gauges->of[W_FANOUT_SINKS], (int64_t)fanout->sinks);
	metric_set(gauges->of[W_FANOUT_FRAMES], (int64_t)fanout->frames);
	metric_set(gauges->of[W_FANOUT_SKIPS], (int64_t)fanout->skips);
	metric_set(gauges->of[W_FANOUT_LONGEST], fanout->longest_us);
	set_udp(gauges, worker->udp);
	set_whep(gauges, worker);
	if (worker->transcoders)
		set_transcoders(gauges, worker->transcoders);
}

void house_gauges_init(struct house_gauges *gauges, struct metrics *metrics)
{
	for (int i = 0; i < HOUSE_GAUGES; i++) {
		const struct row *row = &house_rows[i];
		gauges->of[i] = metrics_add(metrics, row->type, row->name, row->help, row->labels);
	}
	for (size_t i = 0; i < sizeof(caps) / sizeof(*caps); i++)
		metric_set(metrics_add(metrics, METRIC_GAUGE, "souk_cap", "Caps of this server",
				       caps[i].label),
			   caps[i].value);
}

static void set_engine(struct house_gauges *gauges, struct engine *engine)
{
	struct engine_stats stats;
	engine_stats(engine, &stats);
	metric_set(gauges->of[H_ROOMS], (int64_t)stats.rooms);
	metric_set(gauges->of[H_ORDERS], (int64_t)stats.orders);
	metric_set(gauges->of[H_EVENTS], (int64_t)stats.events);
	metric_set(gauges->of[H_COMMITS], (int64_t)stats.turns);
	metric_set(gauges->of[H_FAILURES], (int64_t)stats.failed_turns);
	metric_set(gauges->of[H_WAITING], (int64_t)stats.waiting);
}

static void set_media(struct house_gauges *gauges, const struct control_parts *parts)
{
	struct broadcast_stats sum = parts->media_before;
	int64_t publishers = 0;
	struct map_cursor cursor = { 0 };
	void *value;
	while (map_next(&parts->rooms, &cursor, NULL, NULL, &value)) {
		const struct control_room *room = value;
		control_room_add_media(room, &sum);
		publishers += room->show.publisher.id != 0;
	}
	metric_set(gauges->of[H_PUBLISHERS], publishers);
	metric_set(gauges->of[H_VIDEO_IN], (int64_t)sum.video_frames);
	metric_set(gauges->of[H_AUDIO_IN], (int64_t)sum.audio_frames);
	metric_set(gauges->of[H_BYTES_IN], (int64_t)sum.bytes);
	metric_set(gauges->of[H_KEYFRAMES_IN], (int64_t)sum.keyframes);
	metric_set(gauges->of[H_KEY_REQUESTS], (int64_t)sum.key_requests);
	metric_set(gauges->of[H_STRAYS], (int64_t)sum.stray_frames);
}

static void set_channels(struct house_gauges *gauges, const struct control_parts *parts)
{
	struct sctp_hub_stats channels;
	channels_stats(parts->channels, &channels);
	metric_set(gauges->of[H_CHANNELS], (int64_t)channels.slots);
	metric_set(gauges->of[H_CHANNEL_IN], (int64_t)channels.messages_in);
	metric_set(gauges->of[H_CHANNEL_OUT], (int64_t)channels.messages_out);
	metric_set(gauges->of[H_CHANNEL_FULL], (int64_t)channels.refused);
	metric_set(gauges->of[H_CHANNEL_BAD], (int64_t)channels.packets_bad);
}

void house_gauges_update(struct house_gauges *gauges, struct app *app)
{
	const struct control_parts *parts = control_parts(app->control);
	set_engine(gauges, parts->engine);
	set_media(gauges, parts);
	set_channels(gauges, parts);
	metric_set(gauges->of[H_CALLS], (int64_t)atomic_load(&app->calls));
	metric_set(gauges->of[H_CHANNEL_NOTES], (int64_t)atomic_load(&app->channel_notes));
	metric_set(gauges->of[H_LOG_DROPPED], (int64_t)logger_dropped(app->logger));
	metric_set(gauges->of[H_CLOCK_SET], clock_set_us(&app->clock));
}
