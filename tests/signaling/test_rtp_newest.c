#include "signaling/rtp_newest.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct rtp_newest newest;

static bool take(uint32_t ssrc, uint16_t seq)
{
	return rtp_newest_take(&newest, &(struct rtp_seq){ ssrc, seq });
}

static bool expects(uint32_t ssrc, uint16_t seq)
{
	return rtp_newest_expects(&newest, &(struct rtp_seq){ ssrc, seq });
}

Test(rtp_newest, is_read_from_the_fixed_header)
{
	static const uint8_t packet[] = {
		0x80, 96, 0x12, 0x34, 0, 0, 0, 1, 0xaa, 0xbb, 0xcc, 0xdd
	};
	struct rtp_seq seq;
	cr_assert(rtp_seq_read(&seq, packet, sizeof(packet)));
	cr_assert(eq(u32, seq.ssrc, 0xaabbccdd));
	cr_assert(eq(u16, seq.seq, 0x1234));
	cr_assert(not(rtp_seq_read(&seq, packet, sizeof(packet) - 1)));
}

Test(rtp_newest, a_copy_and_what_came_late_are_not_newer)
{
	cr_assert(not(take(1, 65534)), "of what came before nothing is known");
	cr_assert(take(1, 65535));
	cr_assert(not(take(1, 65535)));
	cr_assert(take(1, 2), "numbers wrap");
	cr_assert(not(take(1, 65535)));
	cr_assert(not(take(2, 65535)), "each SSRC counts for itself");
	cr_assert(take(2, 0));
}

Test(rtp_newest, only_a_little_ahead_of_a_known_one_is_expected)
{
	cr_assert(not(expects(1, 11)));
	take(1, 10);
	cr_assert(expects(1, 11));
	cr_assert(not(expects(1, 10)));
	cr_assert(not(expects(1, 40000)));
	cr_assert(not(expects(2, 11)));
}

Test(rtp_newest, ssrcs_beyond_the_cap_are_never_newer)
{
	for (uint32_t ssrc = 0; ssrc < SRTP_STREAMS_MAX; ssrc++)
		take(ssrc, 1);
	take(SRTP_STREAMS_MAX, 1);
	cr_assert(not(take(SRTP_STREAMS_MAX, 2)));
	cr_assert(take(0, 2));
}
