#include "tests/support/fake_rtp_port.h"

#include "media/codec/h264.h"
#include "media/rtp/rtcp.h"
#include "server/core/alloc.h"

#include <stdlib.h>
#include <string.h>

static void keep(struct fake_datagram *at, const struct rtp_packet *packet)
{
	at->len = (size_t)packet->header_len + packet->payload_len;
	if (at->len > sizeof(at->data))
		abort();
	memcpy(at->data, packet->header, packet->header_len);
	memcpy(at->data + packet->header_len, packet->payload, packet->payload_len);
}

static int on_send(void *arg, const struct rtp_packet *packets, size_t count)
{
	struct fake_rtp_port *fake = arg;
	if (fake->err)
		return fake->err;
	if (count == 0 || count > RTP_RUN_MAX || fake->packet_count + count > FAKE_PORT_PACKETS)
		abort();
	for (size_t i = 0; i < count; i++) {
		fake->packets[fake->packet_count].run = fake->runs;
		keep(&fake->packets[fake->packet_count++], &packets[i]);
	}
	fake->runs++;
	return 0;
}

static int on_send_rtcp(void *arg, const uint8_t *packet, size_t len)
{
	struct fake_rtp_port *fake = arg;
	if (len == 0 || len > FAKE_PORT_BYTES || fake->rtcp_count == FAKE_PORT_RTCP)
		abort();
	struct fake_datagram *at = &fake->rtcp[fake->rtcp_count++];
	at->len = len;
	memcpy(at->data, packet, len);
	return 0;
}

void fake_rtp_port_init(struct fake_rtp_port *fake)
{
	static const struct rtp_port_ops ops = { .send = on_send, .send_rtcp = on_send_rtcp };
	*fake = (struct fake_rtp_port){ .port = { .ops = &ops, .arg = fake } };
	fake->packets = xcalloc(FAKE_PORT_PACKETS, sizeof(*fake->packets));
	fake->rtcp = xcalloc(FAKE_PORT_RTCP, sizeof(*fake->rtcp));
}

void fake_rtp_port_clear(struct fake_rtp_port *fake)
{
	fake->packet_count = fake->rtcp_count = fake->runs = 0;
}

void fake_rtp_port_finish(struct fake_rtp_port *fake)
{
	free(fake->packets);
	free(fake->rtcp);
}

struct rtp_view fake_rtp_port_view(const struct fake_rtp_port *fake, size_t index)
{
	struct rtp_view view;
	if (index >= fake->packet_count ||
	    rtp_parse(&view, fake->packets[index].data, fake->packets[index].len) < 0)
		abort();
	return view;
}

size_t fake_rtp_port_rtcp(const struct fake_rtp_port *fake, uint8_t type, int format)
{
	size_t found = 0;
	for (size_t i = 0; i < fake->rtcp_count; i++) {
		struct bits datagram;
		struct rtcp_packet packet;
		bits_init(&datagram, fake->rtcp[i].data, fake->rtcp[i].len);
		while (rtcp_next(&datagram, &packet) > 0)
			found += packet.type == type && (format < 0 || packet.count == format);
	}
	return found;
}

/* 192x108, baseline, by x264. */
static const uint8_t sps[] = { 0x67, 0x42, 0xc0, 0x0b, 0xda, 0x0c, 0x3f, 0xef,
			       0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
			       0x00, 0x03, 0x03, 0x20, 0xf1, 0x42, 0xaa };
static const uint8_t pps[] = { 0x68, 0xce, 0x09, 0xc8 };

static struct media_config *picture_config(void)
{
	const struct h264_nal sps_nal = { .data = sps, .len = sizeof(sps) };
	const struct h264_nal pps_nal = { .data = pps, .len = sizeof(pps) };
	struct buf *header = h264_avcc_build(&sps_nal, 1, &pps_nal, 1);
	return media_config_create(CODEC_H264, header);
}

static void set_times(struct frame *frame, int64_t media_us)
{
	frame->media_us = frame->dts_us = media_us;
	frame->capture_us = 1767225600000000 + media_us;
	frame->epoch = 1;
}

struct frame *fake_picture(bool key, size_t len, int64_t media_us)
{
	struct buf *data = buf_create(4 + len);
	for (size_t i = 4; i < data->len; i++)
		data->data[i] = (uint8_t)(i * 31 + (size_t)media_us / 1000);
	data->data[0] = (uint8_t)(len >> 24);
	data->data[1] = (uint8_t)(len >> 16);
	data->data[2] = (uint8_t)(len >> 8);
	data->data[3] = (uint8_t)len;
	data->data[4] = key ? 0x65 : 0x41;
	data->data[5] = 0x88; /* first_mb_in_slice 0, slice_type 7 */
	data->data[6] = 0x84; /* pic_parameter_set_id 0 */
	struct frame *frame = frame_create(picture_config(), data);
	frame->key = key;
	set_times(frame, media_us);
	return frame;
}

struct frame *fake_sound(size_t len, int64_t media_us)
{
	struct buf *data = buf_create(len);
	memset(data->data, 0x5a, len);
	data->data[0] = 0x78; /* CELT, 20 ms, one frame */
	struct frame *frame = frame_create(media_config_create(CODEC_OPUS, NULL), data);
	set_times(frame, media_us);
	return frame;
}
