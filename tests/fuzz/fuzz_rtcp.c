/* One RTCP datagram, read by everything that reads RTCP: all readers in turn, a sender that has
 * sent something, a receiver that has received something. */
#include "media/rtp/rtcp.h"
#include "media/rtp/rtp_receiver.h"
#include "media/rtp/rtp_sender.h"
#include "media/rtp/twcc.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int on_send(void *arg, const struct rtp_packet *packets, size_t count)
{
	(void)arg;
	(void)packets;
	(void)count;
	return 0;
}

static int on_send_rtcp(void *arg, const uint8_t *packet, size_t len)
{
	(void)arg;
	(void)packet;
	(void)len;
	return 0;
}

static const struct rtp_port_ops ops = { .send = on_send, .send_rtcp = on_send_rtcp };

static void on_frame(void *arg, struct frame *frame, const struct rtp_times *times)
{
	(void)arg;
	(void)times;
	frame_unref(frame);
}

static void read_all(const uint8_t *data, size_t len)
{
	struct bits datagram;
	struct rtcp_packet packet;
	bits_init(&datagram, data, len);
	while (rtcp_next(&datagram, &packet) > 0) {
		struct rtcp_packet copy = packet;
		struct rtcp_xr_block block;
		struct twcc_report report;
		struct twcc_status states[64];
		uint64_t value;
		uint32_t a, b, c;
		rtcp_bye_names(&copy, 1);
		while (rtcp_read_xr(&copy, &block)) {
			struct rtcp_xr_block again = block;
			rtcp_read_rrtr(&block, &value);
			while (rtcp_read_dlrr(&again, &a, &b, &c))
				rtcp_round_trip_us(a, b, c);
		}
		copy = packet;
		rtcp_read_media_ssrc(&copy);
		if (twcc_read(&copy, &report, states, 64) > 64)
			abort();
	}
}

static void let_sender_read(const uint8_t *data, size_t len)
{
	struct clock clock;
	clock_init(&clock);
	const struct rtp_sender_config config = {
		.clock = &clock,
		.port = { .ops = &ops },
		.video = { .ssrc = 0x01020304, .payload_type = 96 },
	};
	struct rtp_sender *sender;
	if (rtp_sender_create(&sender, &config) < 0)
		abort();
	static const uint8_t slice[] = { 0, 0, 0, 3, 0x65, 0x88, 0x84 };
	struct frame *frame =
		frame_create(media_config_create(CODEC_H264, NULL), buf_copy(slice, sizeof(slice)));
	frame->key = true;
	rtp_sender_frame(sender, frame);
	frame_unref(frame);
	rtp_sender_rtcp(sender, data, len);
	rtp_sender_tick(sender);
	rtp_sender_destroy(sender);
}

static void let_receiver_read(const uint8_t *data, size_t len)
{
	static const struct rtp_receiver_events events = { .frame = on_frame };
	const struct rtp_receiver_config config = {
		.port = { .ops = &ops },
		.events = &events,
		.ssrc = 0x55667788,
		.video_payload_type = 96,
	};
	struct rtp_receiver *receiver;
	if (rtp_receiver_create(&receiver, &config) < 0)
		abort();
	static const uint8_t packet[] = {
		0x80, 96, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 0x41, 0x88, 0x84
	};
	rtp_receiver_packet(receiver, packet, sizeof(packet), 1000000);
	if (len > 1)
		rtp_receiver_packet(receiver, data, len, 1020000);
	rtp_receiver_tick(receiver, 3000000);
	rtp_receiver_destroy(receiver);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	read_all(data, len);
	let_sender_read(data, len);
	let_receiver_read(data, len);
	return 0;
}
