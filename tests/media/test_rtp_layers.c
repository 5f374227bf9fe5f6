#include "media/rtp/rtcp_writer.h"
#include "media/rtp/rtp_receiver.h"
#include "tests/support/fake_rtp_port.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

/* A simulcast publisher: layers by rid (RFC 8852, RFC 8853). */
enum { VIDEO_PT = 96, RTX_PT = 97, RID_ID = 10, REPAIRED_ID = 11, FRAMES_MAX = 64 };

struct fixture {
	struct fake_rtp_port port;
	struct rtp_receiver *receiver;
	struct frame *frames[FRAMES_MAX];
	size_t count;
	int64_t now_us;
};

static struct fixture f;

static void on_frame(void *arg, struct frame *frame, const struct rtp_times *times)
{
	(void)arg;
	(void)times;
	if (f.count == FRAMES_MAX)
		abort();
	f.frames[f.count++] = frame;
}

static const struct rtp_receiver_events events = { .frame = on_frame };

static void setup(void)
{
	f = (struct fixture){ .now_us = 5000000 };
	fake_rtp_port_init(&f.port);
	struct rtp_receiver_config config = {
		.port = f.port.port,
		.events = &events,
		.ssrc = 0x0badcafe,
		.cname = "souk",
		.video_payload_type = VIDEO_PT,
		.video_rtx_payload_type = RTX_PT,
		.rid_count = 3,
		.rid_id = RID_ID,
		.repaired_rid_id = REPAIRED_ID,
	};
	for (unsigned i = 0; i < 3; i++)
		config.rids[i][0] = "lmh"[i];
	cr_assert(eq(int, rtp_receiver_create(&f.receiver, &config), 0));
}

static void teardown(void)
{
	for (size_t i = 0; i < f.count; i++)
		frame_unref(f.frames[i]);
	rtp_receiver_destroy(f.receiver);
	fake_rtp_port_finish(&f.port);
}

TestSuite(rtp_layers, .init = setup, .fini = teardown);

struct made {
	uint8_t payload_type;
	uint32_t ssrc;
	uint16_t seq;
	uint32_t timestamp;
	const void *payload;
	size_t len;
};

/* With a name in extension `id`, which is written as a mid is. `rid` NULL: none. */
static void receive(const struct made *made, uint8_t id, const char *rid)
{
	uint8_t data[1500];
	uint8_t head[64];
	const struct rtp_header header = { .payload_type = made->payload_type,
					   .ssrc = made->ssrc,
					   .mid_id = rid ? id : 0,
					   .mid = rid };
	const size_t at = rtp_header_write(head, &header);
	rtp_header_patch(head, made->seq, made->timestamp, true);
	memcpy(data, head, at);
	memcpy(data + at, made->payload, made->len);
	rtp_receiver_packet(f.receiver, data, at + made->len, f.now_us);
}

/* A whole keyframe in one packet (STAP-A), or a delta slice. */
static void receive_layer(uint32_t ssrc, uint16_t seq, uint32_t timestamp, bool key,
			  const char *rid)
{
	static const uint8_t group[] = { 0x78, 0,    23,   0x67, 0x42, 0xc0, 0x0b, 0xda, 0x0c, 0x3f,
					 0xef, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00,
					 0x03, 0x03, 0x20, 0xf1, 0x42, 0xaa, 0,    4,    0x68, 0xce,
					 0x09, 0xc8, 0,    4,    0x65, 0x88, 0x84, 0x21 };
	static const uint8_t slice[] = { 0x41, 0x9a, 0x24, 0x6c };
	const struct made made = { VIDEO_PT,
				   ssrc,
				   seq,
				   timestamp,
				   key ? group : slice,
				   key ? sizeof(group) : sizeof(slice) };
	receive(&made, RID_ID, rid);
}

Test(rtp_layers, layers_are_told_apart_by_their_rids_and_then_by_their_ssrcs)
{
	receive_layer(31, 1, 0, true, "l");
	receive_layer(33, 1, 700, true, "h");
	receive_layer(32, 1, 90, true, "m");
	receive_layer(33, 2, 3700, false, NULL); /* heard of before */
	receive_layer(34, 2, 3700, true, "x"); /* not asked for */
	receive_layer(35, 2, 3700, true, NULL); /* of nobody knows what */
	receive_layer(31, 2, 3000, false, "l");
	cr_assert(eq(sz, f.count, 5));
	static const unsigned slots[] = { 0, 2, 1, 2, 0 };
	for (size_t i = 0; i < 5; i++)
		cr_assert(eq(uint, f.frames[i]->rendition, slots[i]), "%zu", i);
	struct rtp_receiver_stats stats;
	rtp_receiver_stats(f.receiver, &stats);
	cr_assert(eq(u64, stats.strays, 2));
}

Test(rtp_layers, each_layer_has_its_own_repairs_and_keyframe_requests)
{
	for (uint32_t i = 0; i < 3; i++) {
		const char rid[] = { "lmh"[i], 0 };
		receive_layer(31 + i, 1, 0, true, rid);
		receive_layer(31 + i, 3, 6000, false, NULL); /* 2 is missing in each */
	}
	static const uint8_t repair[] = { 0, 2, 0x41, 0x9a, 0x24, 0x6c };
	receive(&(struct made){ RTX_PT, 77, 900, 3000, repair, sizeof(repair) }, REPAIRED_ID, "m");
	cr_assert(eq(sz, f.count, 5));
	cr_assert(eq(uint, f.frames[4]->rendition, 1));
	receive(&(struct made){ RTX_PT, 77, 901, 9000, repair, sizeof(repair) }, 0, NULL);
	receive(&(struct made){ RTX_PT, 78, 1, 3000, repair, sizeof(repair) }, 0, NULL);
	cr_assert(eq(sz, f.count, 5)); /* a repair of no known layer repairs nothing */

	const size_t before = f.port.rtcp_count;
	for (unsigned layer = 0; layer < 3; layer++)
		rtp_receiver_request_key(f.receiver, layer, f.now_us);
	cr_assert(eq(sz, f.port.rtcp_count - before, 3));
}
