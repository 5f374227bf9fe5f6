/* A publisher's packets: each is a length byte (times 6) and so many bytes; the receiver's time
 * goes on with them. What parses is also looked at for extensions. */
#include "media/rtp/rtp_packet.h"
#include "media/rtp/rtp_receiver.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void on_frame(void *arg, struct frame *frame, const struct rtp_times *times)
{
	(void)arg;
	(void)times;
	frame_unref(frame);
}

static int on_send_rtcp(void *arg, const uint8_t *packet, size_t len)
{
	(void)arg;
	(void)packet;
	(void)len;
	return 0;
}

static void look(const uint8_t *data, size_t len)
{
	struct rtp_view view;
	struct bits content;
	if (rtp_parse(&view, data, len) < 0)
		return;
	for (uint8_t id = 0; id < 16; id++) {
		if (rtp_extension(&view, id, &content))
			bits_be64(&content);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	static const struct rtp_receiver_events events = { .frame = on_frame };
	static const struct rtp_port_ops ops = { .send_rtcp = on_send_rtcp };
	const struct rtp_receiver_config config = {
		.port = { .ops = &ops },
		.events = &events,
		.ssrc = 1,
		.video_payload_type = 96,
		.video_rtx_payload_type = 97,
		.audio_payload_type = 111,
		.transport_cc_id = 3,
	};
	struct rtp_receiver *receiver;
	if (rtp_receiver_create(&receiver, &config) < 0)
		abort();
	int64_t now_us = 1000000;
	struct bits bits;
	bits_init(&bits, data, len);
	while (bits_left(&bits) > 0) {
		size_t packet_len = (size_t)bits_u8(&bits) * 6;
		if (packet_len > bits_left(&bits))
			packet_len = bits_left(&bits);
		const uint8_t *packet = bits_bytes(&bits, packet_len);
		look(packet, packet_len);
		rtp_receiver_packet(receiver, packet, packet_len, now_us);
		now_us += (int64_t)packet_len * 500;
		if (packet_len % 4 == 0)
			rtp_receiver_tick(receiver, now_us);
	}
	rtp_receiver_destroy(receiver);
	return 0;
}
