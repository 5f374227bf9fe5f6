#include "signaling/dcep.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

/* As Chromium sends it for createDataChannel("souk"). */
static const uint8_t open_souk[] = { 3, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 's', 'o', 'u', 'k' };

Test(dcep, reads_the_open_of_a_browser)
{
	struct dcep message;
	cr_assert(eq(int, dcep_parse(&message, open_souk, sizeof(open_souk)), 0));
	cr_assert(eq(int, message.type, DCEP_OPEN));
	cr_assert(eq(int, message.channel, 0));
	cr_assert(eq(str, message.label, "souk"));
	cr_assert(eq(str, message.protocol, ""));
}

Test(dcep, writes_the_open_of_a_browser)
{
	uint8_t out[DCEP_SIZE_MAX];
	cr_assert(eq(sz, dcep_write_open(out, "souk"), sizeof(open_souk)));
	cr_assert(eq(int, memcmp(out, open_souk, sizeof(open_souk)), 0));
}

Test(dcep, reads_partial_reliability_and_protocol)
{
	static const uint8_t wire[] = { 3, 0x81, 1, 0, 0, 0, 0, 3, 0, 1, 0, 2, 'a', 'p', 'q' };
	struct dcep message;
	cr_assert(eq(int, dcep_parse(&message, wire, sizeof(wire)), 0));
	cr_assert(eq(int, message.channel, 0x81));
	cr_assert(eq(int, message.priority, 256));
	cr_assert(eq(u32, message.reliability, 3));
	cr_assert(eq(str, message.label, "a"));
	cr_assert(eq(str, message.protocol, "pq"));
}

Test(dcep, acknowledges)
{
	uint8_t out[DCEP_ACK_SIZE];
	struct dcep message;
	cr_assert(eq(sz, dcep_write_ack(out), 1));
	cr_assert(eq(int, out[0], 2));
	cr_assert(eq(int, dcep_parse(&message, out, 1), 0));
	cr_assert(eq(int, message.type, DCEP_ACK));
}

Test(dcep, refuses_truncation_trailing_bytes_and_unknown_types)
{
	struct dcep message;
	uint8_t wire[sizeof(open_souk) + 1] = { 0 };
	memcpy(wire, open_souk, sizeof(open_souk));
	for (size_t len = 0; len < sizeof(open_souk); len++)
		cr_assert(eq(int, dcep_parse(&message, wire, len), -EBADMSG));
	cr_assert(eq(int, dcep_parse(&message, wire, sizeof(wire)), -EBADMSG));
	wire[0] = 4;
	cr_assert(eq(int, dcep_parse(&message, wire, sizeof(open_souk)), -EBADMSG));
	cr_assert(eq(int, dcep_parse(&message, "\2\0", 2), -EBADMSG));
}

Test(dcep, refuses_long_labels_and_nul_in_them)
{
	uint8_t wire[DCEP_SIZE_MAX] = { 3 };
	struct dcep message;
	memset(wire + 12, 'x', 65);
	wire[9] = 65;
	cr_assert(eq(int, dcep_parse(&message, wire, 12 + 65), -EBADMSG));
	wire[9] = 64;
	cr_assert(eq(int, dcep_parse(&message, wire, 12 + 64), 0));
	wire[20] = 0;
	cr_assert(eq(int, dcep_parse(&message, wire, 12 + 64), -EBADMSG));
	cr_assert(eq(sz,
		     dcep_write_open(wire, "0123456789012345678901234567890123456789"
					   "0123456789012345678901234"),
		     0));
}
