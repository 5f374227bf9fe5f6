/* A WebRTC viewer: counts what comes, asks for what is missing, reports, follows the events. */
#include "load-tests/swarm/event_watch.h"
#include "load-tests/swarm/frame_counter.h"
#include "load-tests/swarm/freeze.h"
#include "load-tests/swarm/full_view.h"
#include "load-tests/swarm/nack_list.h"
#include "load-tests/swarm/rate_guess.h"
#include "load-tests/swarm/rtc_client.h"
#include "load-tests/swarm/rtp_track.h"
#include "load-tests/swarm/sent_book.h"
#include "load-tests/swarm/viewer.h"
#include "media/rtp/rtcp_writer.h"
#include "media/rtp/rtp_packet.h"
#include "server/core/alloc.h"
#include "signaling/peer.h"

#include <stdlib.h>
#include <string.h>

enum {
	REPORT_US = 1000000,
	REPAIR_US = 10000,
	SETTLED_US = 3000000, /* a join's burst of old frames is no live picture */
	VIDEO_RATE = 90000,
	AUDIO_RATE = 48000,
	BLOCKS_MAX = 2,
	NACKS_MAX = 64,
};

struct whep_viewer {
	struct scene *scene;
	struct place place;
	struct rtc_client *client;
	struct rtp_track video, audio;
	uint8_t video_pt, audio_pt; /* 0: not agreed */
	uint8_t capture_id; /* extension abs-capture-time; 0: not agreed */
	bool joined, ended, refused;
	int64_t started_us, joined_us;
	uint64_t packets, bytes;
	uint32_t frame_ts; /* of the newest frame that has begun to come */
	uint16_t frame_bytes; /* of it so far, modulo 64 KiB */
	uint64_t lengths; /* of the four frames before it */
	int64_t capture_us; /* of it, as far as the server tells */
	uint64_t frame_key; /* 0: it came before the picture was live */
	struct frame_counter frames;
	struct freeze freeze;
	struct nack_list nacks;
	struct rate_guess rate;
	struct stream_clock clock; /* message `clock`, else a sender report */
	bool clock_told; /* by the message */
	struct event_watch watch;
	struct full_view *full; /* NULL: counts by headers alone */
	struct timer report, repair;
	/* at the end of the last second */
	uint64_t expected_before, lost_before;
	int64_t frozen_before_us;
};

static int64_t now_of(const struct whep_viewer *viewer)
{
	return scene_now_us(viewer->scene);
}

/* ---- pictures ---- */

static void on_event_error(void *arg, int64_t error_us)
{
	struct whep_viewer *viewer = arg;
	measure(&viewer->scene->measures, CLIENT_WHEP, MEASURE_EVENT, error_us);
}

/* What is the same for all viewers of this frame and of no other: its capture time. Other servers
 * do not tell it and give each viewer timestamps of its own, but the lengths of the frames before.
 */
static uint64_t frame_key(const struct whep_viewer *viewer, int64_t stamped_us)
{
	if (stamped_us)
		return (uint64_t)stamped_us;
	return viewer->place.target->whep_path[0] ? viewer->lengths : viewer->frame_ts;
}

/* The first packet of a frame that is newer than all before. */
static void begin_frame(struct whep_viewer *viewer, uint32_t timestamp, const uint8_t *packet,
			size_t len, int64_t now_us)
{
	const int64_t stamped_us = capture_stamp_us(packet, len, viewer->capture_id);
	const int64_t line_us = stream_clock_of_rtp(&viewer->clock, timestamp);
	const bool settled = now_us - viewer->joined_us >= SETTLED_US;
	viewer->frame_ts = timestamp;
	viewer->capture_us = stamped_us ? stamped_us : line_us;
	viewer->lengths = viewer->lengths << 16 | viewer->frame_bytes;
	viewer->frame_bytes = 0;
	if (line_us) {
		const struct event_report report = { on_event_error, viewer };
		event_watch_picture(&viewer->watch, line_us, &report);
	}
	viewer->frame_key = settled ? frame_key(viewer, stamped_us) : 0;
	if (viewer->frame_key)
		scene_frame(viewer->scene, CLIENT_WHEP, &viewer->place, viewer->frame_key, now_us);
}

/* All packets of the newest frame are here. */
static void end_frame(struct whep_viewer *viewer, int64_t now_us)
{
	struct scene *scene = viewer->scene;
	if (!viewer->frame_key)
		return;
	scene_picture(scene, &viewer->place, viewer->frame_key, now_us);
	if (!viewer->capture_us)
		return;
	measure(&scene->measures, CLIENT_WHEP, MEASURE_AGE,
		now_us + scene->clock.utc_offset_us - viewer->capture_us);
	const int64_t sent_us = sent_book_find(&scene->sent, viewer->capture_us);
	if (sent_us)
		measure(&scene->measures, CLIENT_WHEP, MEASURE_ADDED, now_us - sent_us);
}

static void take_join(struct whep_viewer *viewer, int64_t now_us)
{
	viewer->joined = true;
	viewer->joined_us = now_us;
	measure(&viewer->scene->measures, CLIENT_WHEP, MEASURE_JOIN, now_us - viewer->started_us);
}

static void take_first_frame(struct whep_viewer *viewer, int64_t now_us)
{
	const int64_t took_us = now_us - viewer->started_us;
	viewer->scene->door.in_time += took_us <= SCENE_IN_TIME_US;
	measure(&viewer->scene->measures, CLIENT_WHEP, MEASURE_FRAME, took_us);
}

static void take_video(struct whep_viewer *viewer, const struct rtp_fixed *header,
		       const uint8_t *packet, size_t len, int64_t now_us)
{
	struct rtp_track *track = &viewer->video;
	const int64_t before = rtp_track_next(track, header->ssrc);
	const int64_t seq = rtp_track_packet(track, header, VIDEO_RATE, now_us);
	if (!viewer->joined)
		take_join(viewer, now_us);
	if (viewer->full)
		full_view_packet(viewer->full, packet, len, now_us);
	if (seq < 0)
		return;
	if (before >= 0 && seq > before) {
		nack_list_miss(&viewer->nacks, before, seq, now_us);
		timer_start(&viewer->repair, NACK_LIST_DELAY_US);
	} else if (viewer->nacks.count && seq < before) {
		nack_list_arrived(&viewer->nacks, seq);
	}
	viewer->rate.bytes += len;
	if (before < 0 || (int32_t)(header->timestamp - viewer->frame_ts) > 0)
		begin_frame(viewer, header->timestamp, packet, len, now_us);
	if (header->timestamp == viewer->frame_ts)
		viewer->frame_bytes = (uint16_t)(viewer->frame_bytes + len);
	const struct frame_packet at = { seq, header->timestamp, header->marker };
	const unsigned shown = frame_counter_packet(&viewer->frames, &at, now_us);
	if (shown && viewer->frames.frames == shown)
		take_first_frame(viewer, now_us);
	for (unsigned i = 0; i < shown; i++)
		freeze_frame(&viewer->freeze, now_us);
	if (shown && viewer->frames.told == viewer->frame_ts)
		end_frame(viewer, now_us);
	if (header->marker)
		rate_guess_frame(&viewer->rate, track->reception.transit * 100 / 9);
}

static void on_rtp(void *arg, uint8_t *packet, size_t len, int64_t arrived_us)
{
	struct whep_viewer *viewer = arg;
	struct rtp_fixed header;
	if (!rtp_fixed_read(&header, packet, len))
		return;
	viewer->packets++;
	viewer->bytes += len;
	if (header.payload_type == viewer->video_pt)
		take_video(viewer, &header, packet, len, arrived_us);
	else if (header.payload_type == viewer->audio_pt)
		rtp_track_packet(&viewer->audio, &header, AUDIO_RATE, arrived_us);
}

/* ---- RTCP ---- */

static void take_sender_report(struct whep_viewer *viewer, struct rtcp_packet *packet,
			       int64_t arrived_us)
{
	struct rtcp_sender_info info;
	struct rtp_track *track =
		viewer->video.reception.started && viewer->video.ssrc == packet->ssrc
			? &viewer->video
		: viewer->audio.reception.started && viewer->audio.ssrc == packet->ssrc
			? &viewer->audio
			: NULL;
	if (!track || !rtcp_read_sender_info(packet, &info))
		return;
	rtp_reception_sr(&track->reception, info.ntp, arrived_us);
	if (track == &viewer->video && !viewer->clock_told)
		viewer->clock = (struct stream_clock){ .known = true,
						       .has_rtp = true,
						       .rtp = info.rtp,
						       .capture_us = ntp_to_utc_us(info.ntp) };
}

static void on_rtcp(void *arg, const uint8_t *data, size_t len, int64_t arrived_us)
{
	struct whep_viewer *viewer = arg;
	struct bits datagram;
	struct rtcp_packet packet;
	bits_init(&datagram, data, len);
	while (rtcp_next(&datagram, &packet) == 1)
		if (packet.type == RTCP_SR)
			take_sender_report(viewer, &packet, arrived_us);
}

static void on_report(void *arg)
{
	struct whep_viewer *viewer = arg;
	struct rtp_track *tracks[BLOCKS_MAX] = { &viewer->video, &viewer->audio };
	struct rtcp_report_block blocks[BLOCKS_MAX];
	struct rtcp_writer writer;
	const uint32_t ssrc = rtc_client_ssrc(viewer->client);
	const int64_t now_us = now_of(viewer);
	unsigned count = 0;
	for (unsigned i = 0; i < BLOCKS_MAX; i++)
		if (tracks[i]->reception.started)
			blocks[count++] = rtp_reception_report(&tracks[i]->reception,
							       tracks[i]->ssrc, now_us);
	rtcp_writer_init(&writer);
	rtcp_write_rr(&writer, ssrc, blocks, count);
	rtcp_write_sdes(&writer, &ssrc, 1, rtc_client_cname(viewer->client));
	if (viewer->video.reception.started) {
		const uint64_t bps =
			rate_guess_turn(&viewer->rate, blocks[0].fraction_lost, now_us);
		if (bps && now_us - viewer->joined_us >= SETTLED_US)
			rtcp_write_remb(&writer, ssrc, &viewer->video.ssrc, 1, bps);
	}
	peer_send_rtcp(rtc_client_peer(viewer->client), writer.data, writer.len);
	timer_start(&viewer->report, REPORT_US);
}

static void on_repair(void *arg)
{
	struct whep_viewer *viewer = arg;
	uint16_t seqs[NACKS_MAX];
	struct rtcp_writer writer;
	const int64_t now_us = now_of(viewer);
	const unsigned count = nack_list_due(&viewer->nacks, now_us, seqs, NACKS_MAX);
	if (viewer->full)
		full_view_tick(viewer->full, now_us);
	if (count) {
		rtcp_writer_init(&writer);
		rtcp_write_nack(&writer, rtc_client_ssrc(viewer->client), viewer->video.ssrc, seqs,
				count);
		peer_send_rtcp(rtc_client_peer(viewer->client), writer.data, writer.len);
	}
	if (viewer->nacks.count || (viewer->full && viewer->full->reorder.missing))
		timer_start(&viewer->repair, REPAIR_US);
}

/* ---- session ---- */

static void on_admitted(void *arg)
{
	const struct whep_viewer *viewer = arg;
	struct scene_door *door = &viewer->scene->door;
	door->admitted++;
	door->admitted_before += !door->refused;
}

static void on_refused(void *arg, bool retry_after)
{
	struct whep_viewer *viewer = arg;
	struct scene_door *door = &viewer->scene->door;
	viewer->ended = viewer->refused = true;
	door->refused++;
	door->refused_bare += !retry_after;
	measure(&viewer->scene->measures, CLIENT_WHEP, MEASURE_REFUSAL,
		now_of(viewer) - viewer->started_us);
}

static void on_connected(void *arg)
{
	struct whep_viewer *viewer = arg;
	struct scene_door *door = &viewer->scene->door;
	const int64_t now_us = now_of(viewer);
	door->connected++;
	door->connected_us = now_us;
	measure(&viewer->scene->measures, CLIENT_WHEP, MEASURE_CONNECT,
		now_us - viewer->started_us);
	const struct sdp_agreement *agreement = rtc_client_agreement(viewer->client);
	viewer->video_pt = agreement->video.present ? agreement->video.pt : 0;
	viewer->audio_pt = agreement->audio.present ? agreement->audio.pt : 0;
	viewer->capture_id = agreement->video.ids.abs_capture_time;
	timer_start(&viewer->report, REPORT_US);
}

static void on_message(void *arg, const char *text, size_t len)
{
	struct whep_viewer *viewer = arg;
	struct scene *scene = viewer->scene;
	const struct event_report report = { on_event_error, viewer };
	const struct live_batch *batch = message_book_read(scene->book, text, len);
	if (batch->bad)
		scene_failed(scene, CLIENT_WHEP, "a live message that cannot be read");
	for (size_t i = 0; i < batch->count && i < MESSAGE_BATCH_MAX; i++) {
		const struct live_item *item = &batch->items[i];
		if (item->kind == LIVE_CLOCK && item->clock.known) {
			viewer->clock = item->clock;
			viewer->clock_told = true;
		}
		if (item->kind == LIVE_EVENT && item->seq > viewer->watch.seq && viewer->watch.seq)
			measure(&scene->measures, CLIENT_WHEP, MEASURE_EVENT_DELAY,
				now_of(viewer) + scene->clock.utc_offset_us - item->at_us);
		event_watch_item(&viewer->watch, item, &report);
	}
}

static void on_ended(void *arg, const char *why)
{
	struct whep_viewer *viewer = arg;
	viewer->ended = true;
	timer_stop(&viewer->report);
	timer_stop(&viewer->repair);
	scene_failed(viewer->scene, CLIENT_WHEP, "%s", why);
}

static const struct rtc_client_ops client_ops = {
	.admitted = on_admitted,
	.refused = on_refused,
	.connected = on_connected,
	.rtp = on_rtp,
	.rtcp = on_rtcp,
	.message = on_message,
	.ended = on_ended,
};

/* ---- for the crowd ---- */

static void *create(struct scene *scene, const struct place *place)
{
	struct whep_viewer *viewer = xcalloc(1, sizeof(*viewer));
	char *path = place->target->whep_path[0] ? xstrdup(place->target->whep_path)
						 : xasprintf("/whep/%s", place->room);
	const struct rtc_client_options options = {
		.offer = { .role = SDP_OFFER_VIEWER, .no_data = !scene->options->data_channel },
		.server = &place->target->http,
		.path = path,
		.janus = place->target->janus,
		.token = scene->options->token,
		.raw_rtp = !place->decrypt,
		.ops = &client_ops,
		.arg = viewer,
	};
	viewer->scene = scene;
	viewer->place = *place;
	viewer->started_us = scene_now_us(scene);
	if (!scene->door.asked_us)
		scene->door.asked_us = viewer->started_us;
	timer_init(&viewer->report, scene->loop, on_report, viewer);
	timer_init(&viewer->repair, scene->loop, on_repair, viewer);
	if (place->decrypt)
		full_view_create(&viewer->full);
	rtc_client_create(&viewer->client, scene, &options);
	free(path);
	return viewer;
}

static void second(void *arg, int64_t now_us)
{
	struct whep_viewer *viewer = arg;
	struct measures *measures = &viewer->scene->measures;
	if (viewer->full)
		full_view_tick(viewer->full, now_us);
	if (!viewer->joined || viewer->ended)
		return;
	const uint64_t expected = rtp_track_expected(&viewer->video);
	const uint64_t lost = rtp_track_lost(&viewer->video);
	const int64_t frozen_us = freeze_until(&viewer->freeze, now_us);
	if (expected > viewer->expected_before) {
		const int64_t more = (int64_t)(lost - viewer->lost_before);
		measure(measures, CLIENT_WHEP, MEASURE_LOSS,
			(more > 0 ? more : 0) * 1000000 /
				(int64_t)(expected - viewer->expected_before));
	}
	const int64_t stood_us = frozen_us - viewer->frozen_before_us;
	measure(measures, CLIENT_WHEP, MEASURE_FREEZE, stood_us < 1000000 ? stood_us : 1000000);
	viewer->expected_before = expected;
	viewer->lost_before = lost;
	viewer->frozen_before_us = frozen_us;
}

static void add_figures(const void *arg, struct viewer_figures *sum, int64_t now_us)
{
	const struct whep_viewer *viewer = arg;
	sum->asked++;
	sum->joined += viewer->joined;
	sum->waiting +=
		!viewer->joined && !viewer->ended && now_us - viewer->started_us < VIEWER_WAIT_US;
	sum->ended += viewer->ended && !viewer->refused;
	sum->refused += viewer->refused;
	sum->units += viewer->packets;
	sum->bytes += viewer->bytes;
	sum->lost += rtp_track_lost(&viewer->video) + rtp_track_lost(&viewer->audio);
	sum->expected += rtp_track_expected(&viewer->video) + rtp_track_expected(&viewer->audio);
	sum->misordered += viewer->video.repeated + viewer->audio.repeated;
	sum->messages += rtc_client_messages(viewer->client);
	sum->events += viewer->watch.events;
	sum->event_gaps += viewer->watch.gaps;
	sum->nacked += viewer->nacks.asked;
	sum->repaired += viewer->nacks.repaired;
	if (!viewer->joined)
		return;
	sum->frames += viewer->frames.frames;
	sum->freezes += viewer->freeze.count;
	sum->frozen_us += freeze_until(&viewer->freeze, now_us);
	sum->watched_us += now_us - viewer->joined_us;
	histogram_add(&sum->silence, viewer->freeze.longest_us);
	if (viewer->full && viewer->full->first_key_us)
		histogram_add(&sum->key_join, viewer->full->first_key_us - viewer->started_us);
}

static bool proof(const void *arg, struct viewer_proof *cheap, struct viewer_proof *full,
		  int64_t now_us)
{
	const struct whep_viewer *viewer = arg;
	if (!viewer->full || !viewer->joined)
		return false;
	const struct h264_units *units = &viewer->full->units;
	*cheap = (struct viewer_proof){
		.packets = rtp_track_expected(&viewer->video),
		.watched_us = now_us - viewer->joined_us,
		.lost = rtp_track_lost(&viewer->video),
		.frames = viewer->frames.frames,
		.freezes = viewer->freeze.count,
		.frozen_us = freeze_until(&viewer->freeze, now_us),
	};
	*full = (struct viewer_proof){
		.packets = cheap->packets,
		.watched_us = cheap->watched_us,
		.lost = full_view_lost(viewer->full),
		.frames = units->pictures,
		.keyframes = units->keyframes,
		.broken = units->broken,
		.undecodable = units->undecodable,
		.number_gaps = units->number_gaps,
		.malformed = units->malformed,
		.freezes = viewer->full->freeze.count,
		.frozen_us = freeze_until(&viewer->full->freeze, now_us),
	};
	return true;
}

static uint16_t udp_port(const void *arg)
{
	const struct whep_viewer *viewer = arg;
	return rtc_client_port(viewer->client);
}

static bool ended(const void *arg)
{
	const struct whep_viewer *viewer = arg;
	return viewer->ended;
}

static void destroy(void *arg, bool vanish)
{
	struct whep_viewer *viewer = arg;
	timer_stop(&viewer->report);
	timer_stop(&viewer->repair);
	const enum rtc_leave how = vanish                   ? RTC_LEAVE_VANISH
				   : viewer->scene->closing ? RTC_LEAVE_CLOSE
							    : RTC_LEAVE_DELETE;
	rtc_client_destroy(viewer->client, how);
	full_view_destroy(viewer->full);
	free(viewer);
}

const struct viewer_ops whep_viewer_ops = {
	.kind = CLIENT_WHEP,
	.create = create,
	.second = second,
	.add_figures = add_figures,
	.proof = proof,
	.udp_port = udp_port,
	.ended = ended,
	.destroy = destroy,
};
