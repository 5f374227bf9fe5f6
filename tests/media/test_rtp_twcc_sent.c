#include "media/rtp/twcc_sent.h"

#include "media/rtp/twcc.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

static struct twcc_sent sent;
static struct twcc_recorder recorder;
static struct packet_fate fates[TWCC_FATES_MAX];

static void setup(void)
{
	twcc_sent_init(&sent);
	twcc_init(&recorder);
}

TestSuite(twcc_sent, .init = setup);

/* What the receiver's side writes, read by the sender's. */
static int report(void)
{
	struct rtcp_writer writer;
	struct bits datagram;
	struct rtcp_packet packet;
	rtcp_writer_init(&writer);
	cr_assert(twcc_write(&recorder, &writer, 1, 2));
	bits_init(&datagram, writer.data, writer.len);
	cr_assert(eq(int, rtcp_next(&datagram, &packet), 1));
	rtcp_read_media_ssrc(&packet);
	return twcc_sent_feedback(&sent, &packet, fates);
}

Test(twcc_sent, arrivals_and_losses_find_their_packets)
{
	for (int i = 0; i < 4; i++)
		twcc_sent_add(&sent, 1000 + (uint32_t)i, 5000 + i * 1000);
	twcc_arrived(&recorder, 0, 90000000);
	twcc_arrived(&recorder, 1, 90002000);
	twcc_arrived(&recorder, 3, 90008000);
	cr_assert(eq(int, report(), 4));
	cr_expect(eq(i64, fates[1].sent_us, 6000));
	cr_expect(eq(u32, fates[1].bytes, 1001));
	cr_expect(eq(i64, fates[1].arrival_us - fates[0].arrival_us, 2000));
	cr_expect(not(fates[2].received));
	cr_expect(eq(i64, fates[3].arrival_us - fates[0].arrival_us, 8000));
}

Test(twcc_sent, arrivals_of_two_reports_are_on_one_clock)
{
	for (int i = 0; i < 2; i++)
		twcc_sent_add(&sent, 1000, 1 + i);
	twcc_arrived(&recorder, 0, 90000000);
	cr_assert(eq(int, report(), 1));
	const int64_t first_us = fates[0].arrival_us;
	twcc_arrived(&recorder, 1, 91000000);
	cr_assert(eq(int, report(), 1));
	cr_expect(eq(i64, fates[0].arrival_us - first_us, 1000000));
}

Test(twcc_sent, a_packet_that_came_after_its_report_is_told_of_again_and_once)
{
	for (int i = 0; i < 3; i++)
		twcc_sent_add(&sent, 1000, 1 + i);
	twcc_arrived(&recorder, 0, 90000000);
	twcc_arrived(&recorder, 2, 90001000);
	cr_assert(eq(int, report(), 3));
	cr_expect(not(fates[1].received));
	twcc_arrived(&recorder, 1, 90002000);
	cr_assert(eq(int, report(), 1));
	cr_expect(fates[0].received);
}

Test(twcc_sent, numbers_that_were_never_sent_are_passed_over)
{
	twcc_sent_add(&sent, 1000, 1);
	twcc_arrived(&recorder, 700, 90000000);
	cr_assert(eq(int, report(), 0));
}

Test(twcc_sent, malformed_feedback_is_refused)
{
	const uint8_t bytes[] = { 0x8f, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0, 0 };
	struct bits datagram;
	struct rtcp_packet packet;
	bits_init(&datagram, bytes, sizeof(bytes));
	cr_assert(eq(int, rtcp_next(&datagram, &packet), 1));
	rtcp_read_media_ssrc(&packet);
	cr_assert(eq(int, twcc_sent_feedback(&sent, &packet, fates), -EBADMSG));
}
