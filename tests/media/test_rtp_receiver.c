#include "media/codec/h264.h"
#include "media/rtp/rtcp_writer.h"
#include "media/rtp/rtp_receiver.h"
#include "media/rtp/twcc.h"
#include "tests/support/fake_rtp_port.h"
#include "tests/support/rtp_records.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

enum { OWN_SSRC = 0x0badcafe, VIDEO_PT = 96, AUDIO_PT = 111, RTX_PT = 97, FRAMES_MAX = 512 };

struct fixture {
	struct fake_rtp_port port;
	struct rtp_receiver_config config;
	struct rtp_receiver *receiver;
	struct frame *frames[FRAMES_MAX];
	struct rtp_times times[FRAMES_MAX];
	size_t count;
	struct rtp_sender_report report;
	unsigned reports, byes;
	int64_t now_us;
};

static struct fixture f;

static void on_frame(void *arg, struct frame *frame, const struct rtp_times *times)
{
	(void)arg;
	if (f.count == FRAMES_MAX)
		abort();
	f.times[f.count] = *times;
	f.frames[f.count++] = frame;
}

static void on_sender_report(void *arg, const struct rtp_sender_report *report)
{
	(void)arg;
	f.report = *report;
	f.reports++;
}

static void on_bye(void *arg)
{
	(void)arg;
	f.byes++;
}

static const struct rtp_receiver_events events = {
	.frame = on_frame,
	.sender_report = on_sender_report,
	.bye = on_bye,
};

static void setup(void)
{
	f = (struct fixture){ .now_us = 5000000 };
	fake_rtp_port_init(&f.port);
	f.config = (struct rtp_receiver_config){
		.port = f.port.port,
		.events = &events,
		.ssrc = OWN_SSRC,
		.cname = "souk",
		.video_payload_type = VIDEO_PT,
		.video_rtx_payload_type = RTX_PT,
		.audio_payload_type = AUDIO_PT,
		.transport_cc_id = 3,
	};
	cr_assert(eq(int, rtp_receiver_create(&f.receiver, &f.config), 0));
}

static void teardown(void)
{
	for (size_t i = 0; i < f.count; i++)
		frame_unref(f.frames[i]);
	rtp_receiver_destroy(f.receiver);
	fake_rtp_port_finish(&f.port);
}

TestSuite(rtp_receiver, .init = setup, .fini = teardown);

static void pass_time(int64_t by_us)
{
	const int64_t end_us = f.now_us + by_us;
	while (f.now_us < end_us) {
		const int64_t due_us = rtp_receiver_tick(f.receiver, f.now_us);
		f.now_us = due_us > f.now_us && due_us < end_us ? due_us : end_us;
	}
	rtp_receiver_tick(f.receiver, f.now_us);
}

/* One packet by hand. */
struct made {
	uint8_t payload_type;
	uint32_t ssrc;
	uint16_t seq;
	uint32_t timestamp;
	bool marker;
	const void *payload;
	size_t len;
};

static void receive(const struct made *made)
{
	uint8_t data[1500];
	const struct rtp_header header = { .payload_type = made->payload_type, .ssrc = made->ssrc };
	uint8_t head[64];
	const size_t at = rtp_header_write(head, &header);
	rtp_header_patch(head, made->seq, made->timestamp, made->marker);
	memcpy(data, head, at);
	if (made->len)
		memcpy(data + at, made->payload, made->len);
	rtp_receiver_packet(f.receiver, data, at + made->len, f.now_us);
}

/* A one-packet picture: a delta slice; or, for a key, one that needs sets from elsewhere. */
static void receive_picture(uint16_t seq, uint32_t timestamp, bool key)
{
	const uint8_t slice[] = { key ? 0x65 : 0x41, 0x88, 0x84, (uint8_t)seq };
	receive(&(struct made){ VIDEO_PT, 1, seq, timestamp, true, slice, sizeof(slice) });
}

static void receive_sets(uint16_t seq, uint32_t timestamp)
{
	static const uint8_t sps[] = { 0x67, 0x42, 0xc0, 0x0b, 0xda, 0x0c, 0x3f, 0xef,
				       0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
				       0x00, 0x03, 0x03, 0x20, 0xf1, 0x42, 0xaa };
	static const uint8_t pps[] = { 0x68, 0xce, 0x09, 0xc8 };
	receive(&(struct made){ VIDEO_PT, 1, seq, timestamp, false, sps, sizeof(sps) });
	receive(&(struct made){ VIDEO_PT, 1, (uint16_t)(seq + 1), timestamp, false, pps,
				sizeof(pps) });
}

/* Sets and keyframe: numbers seq to seq + 2. */
static void receive_key(uint16_t seq, uint32_t timestamp)
{
	receive_sets(seq, timestamp);
	receive_picture((uint16_t)(seq + 2), timestamp, true);
}

static void receive_sound(uint16_t seq, uint32_t timestamp)
{
	static const uint8_t opus[] = { 0x78, 1, 2, 3 };
	receive(&(struct made){ AUDIO_PT, 2, seq, timestamp, false, opus, sizeof(opus) });
}

/* All units of the file that frames keep, against all that came out. */
static void assert_frames_are_source(void)
{
	size_t len;
	uint8_t *source = test_data_load("rtp/source.h264", &len);
	struct h264_reader wanted;
	h264_read_annexb(&wanted, source, len);
	size_t units = 0;
	for (size_t i = 0; i < f.count; i++) {
		struct h264_reader got;
		h264_read_avcc(&got, f.frames[i]->data->data, f.frames[i]->data->len, 4);
		struct h264_nal nal, expected;
		while (h264_next(&got, &nal)) {
			do
				cr_assert(h264_next(&wanted, &expected));
			while (!h264_nal_belongs_to_frame(&expected));
			cr_assert(eq(sz, nal.len, expected.len), "unit %zu", units);
			cr_assert(eq(int, memcmp(nal.data, expected.data, nal.len), 0));
			units++;
		}
		cr_assert(not(got.bad));
	}
	struct h264_nal rest;
	while (h264_next(&wanted, &rest))
		cr_assert(not(h264_nal_belongs_to_frame(&rest)));
	cr_assert(ge(sz, units, 32));
	free(source);
}

static void replay(const char *name)
{
	struct rtp_records records;
	rtp_records_load(&records, name);
	for (size_t i = 0; i < records.count; i++)
		rtp_receiver_packet(f.receiver, records.items[i].data, records.items[i].len,
				    f.now_us + records.items[i].arrival_us);
	rtp_records_free(&records);
}

static const char *const recordings[] = { "rtp/ffmpeg.rtp", "rtp/gstreamer.rtp", "rtp/aiortc.rtp" };

Test(rtp_receiver, foreign_packetisers_are_understood)
{
	for (size_t r = 0; r < 3; r++) {
		teardown();
		setup();
		replay(recordings[r]);
		cr_assert(eq(sz, f.count, 16), "%s", recordings[r]);
		for (size_t i = 0; i < f.count; i++) {
			cr_assert(eq(int, f.frames[i]->key, i % 8 == 0), "%s %zu", recordings[r],
				  i);
			cr_assert(eq(i64, f.times[i].source_us - f.times[0].source_us,
				     (int64_t)i * 40000));
			cr_assert(
				eq(ptr, (void *)f.frames[i]->config, (void *)f.frames[0]->config));
		}
		cr_assert(eq(u16, f.frames[0]->config->width, 192));
		cr_assert(eq(u16, f.frames[0]->config->height, 108));
		assert_frames_are_source();
		struct rtp_receiver_stats stats;
		rtp_receiver_stats(f.receiver, &stats);
		cr_assert(eq(u64, stats.malformed, 0));
		cr_assert(eq(u64, stats.plis, 0));
		cr_assert(eq(u64, stats.keys, 2));
	}
}

Test(rtp_receiver, transport_feedback_is_sent_for_each_packet)
{
	replay("rtp/aiortc.rtp"); /* 30 packets over 0.6 s, numbers from 65530 on */
	f.now_us += 700000;
	pass_time(100000);
	unsigned told = 0;
	for (size_t i = 0; i < f.port.rtcp_count; i++) {
		struct bits datagram;
		struct rtcp_packet packet;
		bits_init(&datagram, f.port.rtcp[i].data, f.port.rtcp[i].len);
		while (rtcp_next(&datagram, &packet) > 0) {
			if (packet.type != RTCP_RTPFB || packet.count != RTPFB_TWCC)
				continue;
			cr_assert(eq(u32, packet.ssrc, OWN_SSRC));
			cr_assert(eq(u32, rtcp_read_media_ssrc(&packet), 0x12345678));
			struct twcc_report report;
			struct twcc_status states[64];
			cr_assert(gt(int, twcc_read(&packet, &report, states, 64), 0));
			cr_assert(eq(u16, report.base, (uint16_t)(65530 + told)));
			told += report.count;
		}
	}
	cr_assert(eq(uint, told, 30));
	cr_assert(eq(sz, fake_rtp_port_rtcp(&f.port, RTCP_PSFB, PSFB_AFB), 0)); /* no REMB */
}

Test(rtp_receiver, estimates_are_sent_where_transport_feedback_is_not_negotiated)
{
	rtp_receiver_destroy(f.receiver);
	f.config.transport_cc_id = 0;
	cr_assert(eq(int, rtp_receiver_create(&f.receiver, &f.config), 0));
	receive_key(1, 0);
	pass_time(2000000);
	cr_assert(ge(sz, fake_rtp_port_rtcp(&f.port, RTCP_PSFB, PSFB_AFB), 2));
	cr_assert(eq(sz, fake_rtp_port_rtcp(&f.port, RTCP_RTPFB, RTPFB_TWCC), 0));
}

Test(rtp_receiver, reordered_packets_need_no_nack)
{
	receive_key(65530, 0);
	receive_picture(65534, 6000, false);
	receive_picture(65533, 3000, false);
	cr_assert(eq(sz, f.count, 3));
	cr_assert(eq(i64, f.times[2].source_us - f.times[0].source_us, 66666));
	pass_time(1000000);
	cr_assert(eq(sz, fake_rtp_port_rtcp(&f.port, RTCP_RTPFB, RTPFB_NACK), 0));
}

Test(rtp_receiver, a_missing_packet_is_asked_for_until_it_comes)
{
	receive_key(10, 0);
	receive_picture(14, 6000, false);
	receive_picture(15, 9000, false);
	cr_assert(eq(sz, f.count, 1));
	pass_time(6000);
	cr_assert(eq(sz, fake_rtp_port_rtcp(&f.port, RTCP_RTPFB, RTPFB_NACK), 1));
	pass_time(70000); /* the assumed round trip is 50 ms */
	cr_assert(eq(sz, fake_rtp_port_rtcp(&f.port, RTCP_RTPFB, RTPFB_NACK), 2));
	receive_picture(13, 3000, false);
	cr_assert(eq(sz, f.count, 4));
	for (int64_t i = 0; i < 4; i++)
		cr_assert(
			eq(i64, (f.times[i].source_us - f.times[0].source_us + 1) * 3 / 100000, i));
	struct rtp_receiver_stats stats;
	rtp_receiver_stats(f.receiver, &stats);
	cr_assert(eq(u64, stats.recovered, 1));
	cr_assert(eq(u64, stats.lost, 0));
	cr_assert(eq(u64, stats.plis, 0));
}

Test(rtp_receiver, a_repair_may_come_on_its_own_stream)
{
	receive_key(10, 0);
	receive_picture(14, 6000, false);
	/* RFC 4588 §4: the original number stands before the payload. */
	static const uint8_t repair[] = { 0, 13, 0x41, 0x88, 0x84, 1 };
	receive(&(struct made){ RTX_PT, 77, 900, 3000, true, repair, sizeof(repair) });
	cr_assert(eq(sz, f.count, 3));
	receive(&(struct made){ RTX_PT, 77, 901, 3000, true, NULL, 0 }); /* a probe */
	cr_assert(eq(sz, f.count, 3));
}

Test(rtp_receiver, a_loss_is_given_up_and_a_keyframe_requested)
{
	receive_key(10, 0);
	receive_picture(14, 6000, false);
	pass_time(150000);
	cr_assert(eq(sz, fake_rtp_port_rtcp(&f.port, RTCP_PSFB, PSFB_PLI), 0));
	pass_time(60000);
	cr_assert(eq(sz, fake_rtp_port_rtcp(&f.port, RTCP_PSFB, PSFB_PLI), 1));
	cr_assert(eq(sz, f.count, 1)); /* what refers to the lost picture is not shown */
	receive_picture(15, 9000, false);
	cr_assert(eq(sz, f.count, 1));
	receive_key(16, 12000);
	cr_assert(eq(sz, f.count, 2));
	cr_assert(f.frames[1]->key);
	receive_picture(19, 15000, false);
	cr_assert(eq(sz, f.count, 3));
	pass_time(2000000);
	cr_assert(eq(sz, fake_rtp_port_rtcp(&f.port, RTCP_PSFB, PSFB_PLI), 1));
}

Test(rtp_receiver, keyframe_requests_are_throttled)
{
	receive_picture(1, 0, false); /* undecodable: requests by itself */
	for (int i = 0; i < 10; i++)
		rtp_receiver_request_key(f.receiver, 0, f.now_us);
	cr_assert(eq(sz, fake_rtp_port_rtcp(&f.port, RTCP_PSFB, PSFB_PLI), 1));
	pass_time(499000);
	cr_assert(eq(sz, fake_rtp_port_rtcp(&f.port, RTCP_PSFB, PSFB_PLI), 1));
	pass_time(2000); /* the one asked for too early */
	cr_assert(eq(sz, fake_rtp_port_rtcp(&f.port, RTCP_PSFB, PSFB_PLI), 2));
}

Test(rtp_receiver, a_picture_ends_with_the_next_timestamp_too)
{
	receive_sets(1, 0);
	static const uint8_t first[] = { 0x65, 0x88, 0x84, 1 }, second[] = { 0x65, 0x20, 0x84, 2 };
	receive(&(struct made){ VIDEO_PT, 1, 3, 0, false, first, 4 });
	receive(&(struct made){ VIDEO_PT, 1, 4, 0, false, second, 4 });
	cr_assert(eq(sz, f.count, 0));
	receive_picture(5, 3000, false);
	cr_assert(eq(sz, f.count, 2));
	cr_assert(eq(sz, f.frames[0]->data->len, 16)); /* two slices */
}

Test(rtp_receiver, half_a_keyframe_is_no_keyframe)
{
	receive_sets(1, 0);
	/* The slice at macroblock 0 never came: first_mb_in_slice is 3 here. */
	static const uint8_t second[] = { 0x65, 0x20, 0x84, 2 };
	receive(&(struct made){ VIDEO_PT, 1, 3, 0, true, second, 4 });
	cr_assert(eq(sz, f.count, 0));
	cr_assert(eq(sz, fake_rtp_port_rtcp(&f.port, RTCP_PSFB, PSFB_PLI), 1));
}

Test(rtp_receiver, broken_fragments_are_dropped)
{
	receive_key(1, 0);
	static const uint8_t middle[] = { 0x5c, 0x01, 1, 2 }, both[] = { 0x5c, 0xc1, 1, 2 },
			     start[] = { 0x5c, 0x81, 0x88, 2 }, stap[] = { 0x78, 0, 9, 1 },
			     mtap[] = { 0x7a, 0, 9, 1 };
	const uint8_t *const rows[] = { middle, both, start, stap, mtap };
	for (uint16_t i = 0; i < 5; i++)
		receive(&(struct made){ VIDEO_PT, 1, (uint16_t)(4 + i), 3000u * (i + 1u), true,
					rows[i], 4 });
	cr_assert(eq(sz, f.count, 1));
	struct rtp_receiver_stats stats;
	rtp_receiver_stats(f.receiver, &stats);
	cr_assert(eq(u64, stats.frames_dropped, 5));
	receive_key(9, 30000);
	cr_assert(eq(sz, f.count, 2));
}

Test(rtp_receiver, probes_of_padding_keep_the_order)
{
	receive_key(1, 0);
	receive(&(struct made){ VIDEO_PT, 1, 4, 0, false, NULL, 0 });
	receive_picture(5, 3000, false);
	cr_assert(eq(sz, f.count, 2));
}

Test(rtp_receiver, a_new_size_is_a_new_configuration)
{
	receive_key(1, 0);
	receive_key(4, 3000);
	cr_assert(eq(ptr, (void *)f.frames[0]->config, (void *)f.frames[1]->config));
	/* 640x360 baseline, x264 */
	static const uint8_t sps[] = { 0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f,
				       0xf9, 0x61, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00,
				       0x00, 0x03, 0x00, 0x32, 0x0f, 0x16, 0x2e, 0x48 };
	static const uint8_t pps[] = { 0x68, 0xcb, 0x83, 0xcb, 0x20 };
	receive(&(struct made){ VIDEO_PT, 1, 7, 6000, false, sps, sizeof(sps) });
	receive(&(struct made){ VIDEO_PT, 1, 8, 6000, false, pps, sizeof(pps) });
	receive_picture(9, 6000, true);
	cr_assert(eq(sz, f.count, 3));
	cr_assert(eq(u16, f.frames[1]->config->width, 192));
	cr_assert(eq(u16, f.frames[2]->config->width, 640));
}

Test(rtp_receiver, sound_passes_at_once_and_does_not_wait_long)
{
	for (uint16_t i = 0; i < 3; i++)
		receive_sound(i, i * 960u);
	cr_assert(eq(sz, f.count, 3));
	cr_assert(eq(int, f.frames[0]->codec, CODEC_OPUS));
	cr_assert(eq(i64, f.frames[0]->duration_us, 20000));
	cr_assert(eq(i64, f.times[2].source_us - f.times[0].source_us, 40000));
	receive_sound(4, 4 * 960);
	cr_assert(eq(sz, f.count, 3));
	pass_time(35000);
	cr_assert(eq(sz, f.count, 4));
	cr_assert(eq(sz, fake_rtp_port_rtcp(&f.port, RTCP_RTPFB, RTPFB_NACK), 0));
}

static void receive_report(uint32_t ssrc, int64_t utc_us, uint32_t rtp)
{
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	const struct rtcp_sender_info info = { .ntp = ntp_from_utc_us(utc_us), .rtp = rtp };
	rtcp_write_sr(&writer, ssrc, &info);
	rtp_receiver_packet(f.receiver, writer.data, writer.len, f.now_us);
}

Test(rtp_receiver, reports_bring_picture_and_sound_together)
{
	/* Both captured together, but the sound came 80 ms later than the picture. */
	const int64_t began_us = 1767225600000000;
	uint16_t video = 1, audio = 1;
	receive_key(video, 90000);
	video = 4;
	f.now_us += 80000;
	receive_sound(audio++, 48000);
	cr_assert(eq(i64, f.times[1].source_us - f.times[0].source_us, 80000)); /* by arrival */
	receive_report(1, began_us, 90000);
	cr_assert(eq(uint, f.reports, 1));
	cr_assert(eq(i64, f.report.host_utc_us, began_us));
	cr_assert(eq(i64, f.report.source_us, f.times[0].source_us));
	receive_report(2, began_us, 48000);

	int64_t last_us = f.times[0].source_us;
	for (unsigned i = 1; i <= 150; i++) {
		f.now_us += 20000;
		receive_sound(audio++, 48000 + i * 960);
		if (i % 2)
			continue;
		receive_picture(video++, 90000 + i * 1800, false);
		const int64_t step_us = f.times[f.count - 1].source_us - last_us;
		last_us += step_us;
		cr_assert(gt(i64, step_us, 36000)); /* slews, never jumps */
		cr_assert(lt(i64, step_us, 44000));
	}
	/* The last two were captured at the same instant. */
	const int64_t apart_us = f.times[f.count - 1].source_us - f.times[f.count - 2].source_us;
	cr_assert(lt(i64, llabs(apart_us), 1000));
	/* Sound kept its own exact distances. */
	cr_assert(eq(i64, f.times[f.count - 2].source_us - f.times[1].source_us, 150 * 20000));
}

Test(rtp_receiver, a_jump_of_the_source_clock_is_told)
{
	receive_key(1, 0);
	f.now_us += 33333;
	receive_picture(4, 3000, false);
	f.now_us += 33333;
	receive_picture(5, 3000 + 90000 * 3600, false); /* an hour ahead */
	cr_assert(eq(sz, f.count, 3));
	cr_assert(not(f.times[1].jumped));
	cr_assert(f.times[2].jumped);
	cr_assert(gt(i64, f.times[2].source_us, f.times[1].source_us));
	cr_assert(lt(i64, f.times[2].source_us - f.times[1].source_us, 100000));
}

Test(rtp_receiver, another_source_takes_over_after_silence)
{
	receive_key(1, 0);
	static const uint8_t slice[] = { 0x41, 0x88, 0x84, 9 };
	receive(&(struct made){ VIDEO_PT, 99, 500, 7, true, slice, 4 }); /* a second sender */
	cr_assert(eq(sz, f.count, 1));
	struct rtp_receiver_stats stats;
	rtp_receiver_stats(f.receiver, &stats);
	cr_assert(eq(u64, stats.strays, 1));
	f.now_us += 1100000;
	receive(&(struct made){ VIDEO_PT, 99, 501, 7, true, slice, 4 });
	rtp_receiver_stats(f.receiver, &stats);
	cr_assert(eq(u64, stats.strays, 1)); /* taken, though it waits for a keyframe */
	cr_assert(eq(u64, stats.plis, 1));
}

Test(rtp_receiver, far_numbers_restart_the_stream_when_two_agree)
{
	receive_key(1, 0);
	receive_picture(30000, 3000, false);
	cr_assert(eq(sz, f.count, 1));
	receive_key(30001, 6000);
	cr_assert(eq(sz, f.count, 2));
}

Test(rtp_receiver, reports_say_what_was_lost)
{
	receive_key(1, 0);
	for (uint16_t seq = 4; seq < 104; seq++) {
		if (seq % 4 != 1)
			receive_picture(seq, seq * 3000u, false);
	}
	receive_report(1, 1767225600000000, 0);
	fake_rtp_port_clear(&f.port);
	pass_time(1000000);
	bool found = false;
	for (size_t i = 0; i < f.port.rtcp_count; i++) {
		struct bits datagram;
		struct rtcp_packet packet;
		struct rtcp_report_block block;
		bits_init(&datagram, f.port.rtcp[i].data, f.port.rtcp[i].len);
		while (rtcp_next(&datagram, &packet) > 0) {
			if (found || packet.type != RTCP_RR)
				continue;
			cr_assert(rtcp_read_report(&packet, &block));
			cr_assert(eq(u32, block.ssrc, 1));
			cr_assert(eq(u32, block.highest_seq, 103));
			cr_assert(eq(i32, block.lost, 25));
			cr_assert(gt(u8, block.fraction_lost, 56)); /* a quarter of 256, nearly */
			cr_assert(lt(u8, block.fraction_lost, 68));
			cr_assert(ne(u32, block.lsr, 0));
			found = true;
		}
	}
	cr_assert(found);
	cr_assert(ge(sz, fake_rtp_port_rtcp(&f.port, RTCP_XR, -1), 1));
	cr_assert(ge(sz, fake_rtp_port_rtcp(&f.port, RTCP_SDES, -1), 1));
}

Test(rtp_receiver, the_round_trip_is_measured_by_reference_times)
{
	receive_key(1, 0);
	pass_time(1000000);
	const uint32_t asked = ntp_middle(ntp_from_utc_us(f.now_us));
	f.now_us += 130000;
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_dlrr(&writer, 1, OWN_SSRC, asked, 65536 / 10); /* it kept it 100 ms */
	rtp_receiver_packet(f.receiver, writer.data, writer.len, f.now_us);
	struct rtp_receiver_stats stats;
	rtp_receiver_stats(f.receiver, &stats);
	cr_assert(lt(i64, llabs(stats.rtt_us - 30000), 100));
}

Test(rtp_receiver, bye_is_heard_when_all_have_left)
{
	receive_key(1, 0);
	receive_sound(1, 0);
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	const uint32_t video = 1, audio = 2;
	rtcp_write_bye(&writer, &video, 1);
	rtp_receiver_packet(f.receiver, writer.data, writer.len, f.now_us);
	cr_assert(eq(uint, f.byes, 0));
	rtcp_writer_init(&writer);
	rtcp_write_bye(&writer, &audio, 1);
	rtp_receiver_packet(f.receiver, writer.data, writer.len, f.now_us);
	cr_assert(eq(uint, f.byes, 1));
}

Test(rtp_receiver, garbage_is_counted)
{
	static const uint8_t garbage[] = { 0x80, 201, 0, 9, 1 };
	rtp_receiver_packet(f.receiver, garbage, sizeof(garbage), f.now_us);
	rtp_receiver_packet(f.receiver, garbage, 1, f.now_us);
	struct rtp_receiver_stats stats;
	rtp_receiver_stats(f.receiver, &stats);
	cr_assert(eq(u64, stats.malformed, 2));
}
