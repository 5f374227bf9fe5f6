#include "server/core/backlog.h"
#include "server/core/buf.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

static struct backlog backlog;

static void setup(void)
{
	backlog_init(&backlog);
	cr_assert(eq(int, backlog_put(&backlog, buf_copy("abcd", 4), 1), 0));
	cr_assert(eq(int, backlog_put(&backlog, buf_copy("efg", 3), 0), 0));
	cr_assert(eq(int, backlog_put(&backlog, buf_copy("hi", 2), 0), 0));
}

static void teardown(void)
{
	backlog_finish(&backlog);
}

TestSuite(backlog, .init = setup, .fini = teardown);

static void assert_holds(const char *text)
{
	uint8_t out[16];
	const size_t len = backlog_copy(&backlog, out, sizeof(out));
	cr_assert(eq(sz, len, strlen(text)));
	cr_assert(eq(int, memcmp(out, text, len), 0));
	cr_assert(eq(sz, backlog.len, len));
}

Test(backlog, keeps_the_order_and_what_is_left_of_each)
{
	assert_holds("bcdefghi");
	backlog_drop(&backlog, 2);
	assert_holds("defghi");
	backlog_drop(&backlog, 5);
	assert_holds("i");
	backlog_drop(&backlog, 1);
	assert_holds("");
}

Test(backlog, shows_as_much_of_its_front_as_there_is_room_for)
{
	struct iovec iovs[2];
	uint8_t out[4];
	backlog_drop(&backlog, 1);
	cr_assert(eq(sz, backlog_iovs(&backlog, iovs, 2), 2));
	cr_assert(eq(sz, iovs[0].iov_len, 2));
	cr_assert(eq(int, memcmp(iovs[0].iov_base, "cd", 2), 0));
	cr_assert(eq(sz, iovs[1].iov_len, 3));
	cr_assert(eq(sz, backlog_copy(&backlog, out, sizeof(out)), 4));
	cr_assert(eq(int, memcmp(out, "cdef", 4), 0));
}

Test(backlog, shares_the_bytes_and_lets_go_of_them)
{
	struct buf *buf = buf_copy("xyz", 3);
	cr_assert(eq(int, backlog_put(&backlog, buf_ref(buf), 0), 0));
	cr_assert(eq(u32, buf->refs, 2));
	backlog_drop(&backlog, backlog.len);
	cr_assert(eq(u32, buf->refs, 1));
	buf_unref(buf);
	cr_assert(eq(int, backlog_put(&backlog, NULL, 0), -ENOMEM));
	assert_holds("");
}
