#include "server/core/buf.h"
#include "server/core/bytes.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

Test(bytes, builds_and_consumes)
{
	struct bytes bytes;
	bytes_init(&bytes, 1024);
	bytes_u8(&bytes, 1);
	bytes_be24(&bytes, 0x020304);
	bytes_printf(&bytes, "%s-%d", "x", 7);
	cr_assert(eq(sz, bytes.len, 7));
	cr_assert(eq(int, memcmp(bytes.data, "\1\2\3\4x-7", 7), 0));
	bytes_consume(&bytes, 4);
	cr_assert(eq(str, (char *)bytes_string(&bytes), "x-7"));
	bytes_finish(&bytes);
}

Test(bytes, stops_at_its_cap_and_says_so)
{
	struct bytes bytes;
	bytes_init(&bytes, 4);
	bytes_text(&bytes, "abc");
	bytes_text(&bytes, "de");
	cr_assert(not(bytes_ok(&bytes)));
	cr_assert(eq(sz, bytes.len, 3));
	bytes_u8(&bytes, 'x');
	cr_assert(eq(sz, bytes.len, 3), "nothing is written behind a hole");
	bytes_finish(&bytes);
}

Test(bytes, buf_is_a_copy_with_its_own_life)
{
	struct bytes bytes;
	bytes_init(&bytes, 16);
	bytes_text(&bytes, "abc");
	struct buf *buf = buf_from_bytes(&bytes);
	bytes_finish(&bytes);
	cr_assert(eq(int, memcmp(buf->data, "abc", 3), 0));
	buf_ref(buf);
	buf_unref(buf);
	buf_unref(buf);
}
