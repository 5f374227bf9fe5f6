#include "media/rtp/twcc.h"
#include "tests/support/rtp_records.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct twcc_recorder recorder;
static struct rtcp_writer writer;

static void setup(void)
{
	twcc_init(&recorder);
	rtcp_writer_init(&writer);
}

TestSuite(twcc, .init = setup);

static struct rtcp_packet feedback_of(const void *data, size_t len)
{
	struct bits datagram;
	struct rtcp_packet packet = { 0 };
	bits_init(&datagram, data, len);
	while (rtcp_next(&datagram, &packet) > 0) {
		if (packet.type != RTCP_RTPFB || packet.count != RTPFB_TWCC)
			continue;
		rtcp_read_media_ssrc(&packet);
		return packet;
	}
	cr_fatal("no transport-wide feedback in the datagram");
}

/* The draft's layout by hand: base 10, 3 packets of which the middle one is lost. */
Test(twcc, a_short_report_byte_for_byte)
{
	twcc_arrived(&recorder, 10, 64000 * 5 + 1000);
	twcc_arrived(&recorder, 12, 64000 * 5 + 1000 + 70000);
	cr_assert(twcc_write(&recorder, &writer, 0x01020304, 0x0a0b0c0d));
	static const uint8_t expected[] = {
		0xaf, 205,  0,    6, /* V=2, P, FMT 15 */
		1,    2,    3,    4, 0x0a, 0x0b, 0x0c, 0x0d, 0, 10, 0, 3, /* base 10, 3 packets */
		0,    0,    5,    0, /* reference 5 x 64 ms, report 0 */
		0xd2, 0, /* two-bit vector 01 00 10: small, lost, large */
		4,    0x01, 0x18, /* 1 ms, 70 ms in units of 250 us */
		0,    0,    3, /* padding to 32 bits */
	};
	cr_assert(eq(sz, writer.len, sizeof(expected)));
	cr_assert(eq(int, memcmp(writer.data, expected, sizeof(expected)), 0));
	cr_assert(not(recorder.news));
	cr_assert(not(twcc_write(&recorder, &writer, 1, 2)));
}

Test(twcc, chunks_by_hand)
{
	/* 20 in order: a run. */
	for (uint16_t seq = 0; seq < 20; seq++)
		twcc_arrived(&recorder, seq, 64000 + seq * 250);
	twcc_write(&recorder, &writer, 1, 2);
	cr_assert(eq(u8, writer.data[20], 0x20));
	cr_assert(eq(u8, writer.data[21], 20));

	/* Every other one of 14 lost: a one-bit vector. */
	rtcp_writer_init(&writer);
	for (uint16_t seq = 20; seq < 34; seq += 2)
		twcc_arrived(&recorder, seq, 128000 + seq * 250);
	twcc_arrived(&recorder, 34, 128000 + 34 * 250);
	twcc_write(&recorder, &writer, 1, 2);
	cr_assert(eq(u8, writer.data[15], 15));
	cr_assert(eq(u8, writer.data[20], 0xaa));
	cr_assert(eq(u8, writer.data[21], 0xaa));
	cr_assert(eq(u8, writer.data[19], 1)); /* second report */
}

/* Which transport numbers reached GStreamer, by the sender's own record. */
static void load_truth(int64_t *sent_us)
{
	size_t len;
	char *text = (char *)test_data_load("rtp/twcc-sent.txt", &len);
	for (unsigned i = 0; i <= UINT16_MAX; i++)
		sent_us[i] = -1;
	char *rest;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *end;
		const unsigned long seq = strtoul(line, &end, 10);
		sent_us[seq & 0xffff] = strtol(end, NULL, 10);
	}
	free(text);
}

Test(twcc, feedback_of_gstreamer_is_understood)
{
	static int64_t sent_us[UINT16_MAX + 1];
	static bool seen[UINT16_MAX + 1];
	load_truth(sent_us);
	struct rtp_records records;
	rtp_records_load(&records, "rtp/twcc-gstreamer.rtcp");
	unsigned received = 0;
	int64_t offset_us = 0;
	for (size_t i = 0; i < records.count; i++) {
		struct rtcp_packet packet =
			feedback_of(records.items[i].data, records.items[i].len);
		struct twcc_report report;
		struct twcc_status states[512];
		const int count = twcc_read(&packet, &report, states, 512);
		cr_assert(gt(int, count, 0));
		for (int s = 0; s < count; s++) {
			cr_assert(eq(int, states[s].received, sent_us[states[s].seq] >= 0),
				  "report %zu packet %u", i, states[s].seq);
			if (!states[s].received || seen[states[s].seq])
				continue;
			seen[states[s].seq] = true;
			const int64_t at_us = report.reference * 64000LL + states[s].arrival_us;
			if (received++ == 0)
				offset_us = at_us - sent_us[states[s].seq];
			/* Both clocks run alike; the way was the loopback. */
			cr_assert(
				lt(i64, llabs(at_us - sent_us[states[s].seq] - offset_us), 20000));
		}
	}
	cr_assert(gt(uint, received, 280)); /* of 308; the last ones were not reported any more */
	rtp_records_free(&records);
}

/* Reports everything recorded and notes what the reader makes of it. */
static void report_all(int64_t *arrival_us)
{
	do {
		rtcp_writer_init(&writer);
		if (!twcc_write(&recorder, &writer, 1, 2))
			return;
		cr_assert(not(writer.full));
		struct rtcp_packet packet = feedback_of(writer.data, writer.len);
		struct twcc_report report;
		static struct twcc_status states[2048];
		const int count = twcc_read(&packet, &report, states, 2048);
		cr_assert(gt(int, count, 0));
		for (int i = 0; i < count; i++)
			arrival_us[states[i].seq] =
				states[i].received
					? report.reference * 64000LL + states[i].arrival_us
					: -1;
	} while (recorder.news);
}

Test(twcc, losses_and_reordering_survive_the_way)
{
	static int64_t told_us[UINT16_MAX + 1], true_us[UINT16_MAX + 1];
	memset(told_us, -1, sizeof(told_us));
	memset(true_us, -1, sizeof(true_us));
	uint32_t random = 7;
	int64_t now_us = 123456789;
	for (unsigned i = 0; i < 3000; i++) {
		random = random * 1664525 + 1013904223;
		now_us += random >> 20;
		/* Pairs are swapped now and then; a tenth is lost; numbers wrap. */
		const uint16_t seq = (uint16_t)(64000 + (i % 16 < 2 ? i ^ 1 : i));
		if (random % 10 == 0)
			continue;
		true_us[seq] = now_us;
		twcc_arrived(&recorder, seq, now_us);
		if (i % 40 == 39)
			report_all(told_us);
	}
	report_all(told_us);
	for (unsigned seq = 0; seq <= UINT16_MAX; seq++) {
		cr_assert(eq(int, told_us[seq] < 0, true_us[seq] < 0), "packet %u", seq);
		cr_assert(lt(i64, llabs(told_us[seq] - true_us[seq]), 250), "packet %u", seq);
	}
}

Test(twcc, a_late_packet_is_reported_after_all)
{
	static int64_t told_us[UINT16_MAX + 1];
	twcc_arrived(&recorder, 1, 64000);
	twcc_arrived(&recorder, 3, 65000);
	report_all(told_us);
	cr_assert(lt(i64, told_us[2], 0));
	twcc_arrived(&recorder, 2, 99000);
	report_all(told_us);
	cr_assert(eq(i64, told_us[2], 99000));
	cr_assert(eq(i64, told_us[3], 65000));
}

Test(twcc, a_flood_is_reported_in_several_datagrams)
{
	static int64_t told_us[UINT16_MAX + 1];
	memset(told_us, -1, sizeof(told_us));
	for (unsigned i = 0; i < 1500; i++)
		twcc_arrived(&recorder, (uint16_t)i, 64000 + (i % 2 ? 200000 : 0) + i * 10);
	report_all(told_us);
	for (unsigned i = 0; i < 1500; i++)
		cr_assert(ge(i64, told_us[i], 0));
}

Test(twcc, a_jump_beyond_the_window_loses_only_the_past)
{
	static int64_t told_us[UINT16_MAX + 1];
	memset(told_us, -1, sizeof(told_us));
	twcc_arrived(&recorder, 100, 64000);
	twcc_arrived(&recorder, 20100, 65000);
	twcc_arrived(&recorder, 100, 66000); /* a window behind: ignored */
	report_all(told_us);
	cr_assert(eq(i64, told_us[20100], 65000));
}

static const uint8_t bad[][12] = {
	{ 0, 1, 0, 4, 0, 0, 0, 0 }, /* no chunk */
	{ 0, 1, 0, 4, 0, 0, 0, 0, 0x20, 4, 0, 0 }, /* two deltas of four */
	{ 0, 1, 0, 4, 0, 0, 0, 0, 0x20, 0, 0, 0 }, /* a run of nothing */
	{ 0, 1, 0, 4, 0, 0, 0, 0, 0x60, 4, 0, 0 }, /* reserved symbol */
};

Test(twcc, broken_feedback_is_refused)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rtcp_packet packet = { 0 };
		bits_init(&packet.body, bad[i], i == 0 ? 8 : 12);
		struct twcc_report report;
		struct twcc_status states[16];
		cr_assert(eq(int, twcc_read(&packet, &report, states, 16), -EBADMSG), "row %zu", i);
	}
}
