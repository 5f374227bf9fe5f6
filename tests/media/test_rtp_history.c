#include "media/rtp/rtp_history.h"
#include "tests/support/fake_rtp_port.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum { PACKETS = 10 };

static struct rtp_history history;
static uint16_t next_seq;

static void setup(void)
{
	rtp_history_init(&history);
	next_seq = 65000; /* around the corner soon */
}

static void teardown(void)
{
	rtp_history_finish(&history);
}

TestSuite(rtp_history, .init = setup, .fini = teardown);

/* Its first number. */
static uint16_t send(bool key, size_t bytes, int64_t now_us)
{
	struct frame *frame = fake_picture(key, 100, now_us);
	const uint16_t seq = next_seq;
	rtp_history_begin(&history, frame, seq, (struct rtp_hold){ 0 }, now_us);
	rtp_history_sent(&history, PACKETS, bytes);
	next_seq += PACKETS + 3; /* and padding */
	frame_unref(frame);
	rtp_history_expire(&history, now_us);
	return seq;
}

Test(rtp_history, any_packet_of_a_long_group_is_found)
{
	uint16_t seqs[600];
	for (unsigned i = 0; i < 600; i++)
		seqs[i] = send(i == 0, 1000, i * INT64_C(16667));
	for (unsigned i = 0; i < 600; i++) {
		const struct history_entry *first = rtp_history_find(&history, seqs[i]);
		cr_assert(ne(ptr, (void *)first, NULL));
		cr_assert(eq(u16, first->first_seq, seqs[i]));
		const uint16_t last = (uint16_t)(seqs[i] + PACKETS - 1);
		cr_assert(eq(ptr, (void *)rtp_history_find(&history, last), (void *)first));
		cr_assert(eq(ptr, (void *)rtp_history_find(&history, (uint16_t)(last + 1)), NULL));
	}
	uint16_t key;
	cr_assert(rtp_history_key(&history, &key));
	cr_assert(eq(u16, key, seqs[0]));
}

Test(rtp_history, a_group_is_kept_up_to_a_size)
{
	const size_t each = 65536;
	const unsigned most = HISTORY_GROUP_BYTES / each;
	for (unsigned i = 0; i < 2 * most; i++)
		send(i == 0, each, i * INT64_C(100000));
	uint16_t key;
	cr_assert(not(rtp_history_key(&history, &key)));
	cr_assert(eq(uint, history.used, most));
}

Test(rtp_history, a_group_that_is_over_is_kept_as_long_as_any)
{
	for (unsigned i = 0; i < 100; i++)
		send(i == 0, 1000, i * INT64_C(100000));
	cr_assert(eq(uint, history.used, 100));
	rtp_history_end_group(&history);
	rtp_history_expire(&history, INT64_C(9900000));
	cr_assert(le(uint, history.used, 21));
	rtp_history_expire(&history, INT64_C(9900000) + HISTORY_US + 1);
	cr_assert(eq(uint, history.used, 0));
}

Test(rtp_history, a_host_that_fell_silent_holds_nothing)
{
	for (unsigned i = 0; i < 10; i++)
		send(i == 0, 1000, i * INT64_C(100000));
	rtp_history_expire(&history, 1000000 + HISTORY_GROUP_US);
	cr_assert(eq(uint, history.used, 0));
}
