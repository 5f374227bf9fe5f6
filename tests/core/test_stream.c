#include "server/core/stream.h"

#include "server/core/buf.h"
#include "server/core/loop.h"
#include "server/core/page_share.h"
#include "tests/support/fake_clock.h"
#include "tests/support/loopback_client.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { BIG = 8 * 1024 * 1024 };

struct fixture {
	struct fake_clock fake;
	struct loop *loop;
	struct stream *stream;
	struct loopback_client client;
	struct bytes got;
	int drained;
	int closed;
	int err;
	bool destroy_on_data;
	bool write_on_drained;
};

static struct fixture f;

static void on_data(void *arg, const uint8_t *data, size_t len)
{
	(void)arg;
	bytes_put(&f.got, data, len);
	if (f.destroy_on_data) {
		stream_destroy(f.stream);
		f.stream = NULL;
	}
}

static void on_drained(void *arg)
{
	(void)arg;
	f.drained++;
	if (f.write_on_drained)
		stream_write(f.stream, "more", 4);
	f.write_on_drained = false;
}

static void on_closed(void *arg, int err)
{
	(void)arg;
	f.closed++;
	f.err = err;
}

static const struct stream_ops ops = { on_data, on_drained, on_closed };

static void setup(void)
{
	f = (struct fixture){ 0 };
	fake_clock_init(&f.fake);
	bytes_init(&f.got, 1 << 20);
	cr_assert(eq(int, loop_create(&f.loop, &f.fake.clock), 0));
	const int fd = loopback_client_open(&f.client);
	cr_assert(eq(int, stream_create(&f.stream, f.loop, fd, NULL, &ops, NULL), 0));
}

static void teardown(void)
{
	stream_destroy(f.stream);
	loopback_client_close(&f.client);
	bytes_finish(&f.got);
	loop_destroy(f.loop);
}

TestSuite(stream, .init = setup, .fini = teardown);

static void turn(void)
{
	for (int i = 0; i < 20; i++)
		loop_poll(f.loop);
}

/* A buffer whose bytes tell their place. */
static struct buf *pattern(size_t len)
{
	struct buf *buf = buf_create(len);
	for (size_t i = 0; i < len; i++)
		buf->data[i] = (uint8_t)(i * 31 + i / 251);
	return buf;
}

Test(stream, hands_over_what_arrives)
{
	loopback_client_text(&f.client, "hello");
	turn();
	cr_assert(eq(str, (char *)bytes_string(&f.got), "hello"));
}

Test(stream, writes_at_once_and_in_order)
{
	struct buf *one = buf_copy("two ", 4);
	struct buf *two = buf_copy("three", 5);
	struct buf *bufs[] = { one, two };
	const struct stream_frame frame = {
		.head = "<", .head_len = 1, .tail = ">", .tail_len = 1
	};
	cr_assert(eq(int, stream_write(f.stream, "one ", 4), 0));
	cr_assert(eq(int, stream_write_framed(f.stream, &frame, bufs, 2), 0));
	cr_assert(eq(sz, stream_backlog(f.stream), 0));
	cr_assert(loopback_client_wait_len(&f.client, f.loop, 15));
	cr_assert(eq(str, (char *)bytes_string(&f.client.in), "one <two three>"));
	buf_unref(one);
	buf_unref(two);
}

Test(stream, keeps_references_to_what_a_slow_reader_did_not_take)
{
	struct buf *big = pattern(BIG);
	struct buf *bufs[] = { big };
	const struct stream_frame frame = {
		.head = "head", .head_len = 4, .tail = "tail", .tail_len = 4
	};
	cr_assert(eq(int, stream_write_framed(f.stream, &frame, bufs, 1), 0));
	cr_assert(gt(sz, stream_backlog(f.stream), 0));
	cr_assert(eq(uint, big->refs, 2));
	cr_assert(loopback_client_wait_len(&f.client, f.loop, BIG + 8));
	turn();
	cr_assert(eq(sz, stream_backlog(f.stream), 0));
	cr_assert(eq(uint, big->refs, 1));
	cr_assert(eq(int, f.drained, 1));
	cr_assert(not(memcmp(f.client.in.data, "head", 4)));
	cr_assert(not(memcmp(f.client.in.data + 4, big->data, BIG)));
	cr_assert(not(memcmp(f.client.in.data + 4 + BIG, "tail", 4)));
	buf_unref(big);
}

/* Pages first, copies of what had to wait: the reader must see one sequence. */
Test(stream, shared_pages_and_what_had_to_wait_stay_in_order)
{
	enum { LEN = 100000, COUNT = 80 };
	struct page_share *share;
	struct buf *buf = pattern(LEN);
	cr_assert(eq(int, page_share_create(&share), 0));
	stream_share_pages(f.stream, share);
	stream_set_backlog_cap(f.stream, BIG);
	for (int i = 0; i < COUNT; i++)
		cr_assert(eq(int, stream_write_bufs(f.stream, &buf, 1), 0));
	cr_assert(gt(u64, page_share_sent(share), LEN));
	cr_assert(gt(sz, stream_backlog(f.stream), 0));
	cr_assert(loopback_client_wait_len(&f.client, f.loop, (size_t)LEN * COUNT));
	for (int i = 0; i < COUNT; i++)
		cr_assert(not(memcmp(f.client.in.data + (size_t)i * LEN, buf->data, LEN)));
	stream_destroy(f.stream);
	f.stream = NULL;
	page_share_destroy(share);
	buf_unref(buf);
}

Test(stream, refuses_what_would_pass_the_backlog_cap)
{
	struct buf *big = pattern(BIG);
	stream_set_backlog_cap(f.stream, 1000);
	cr_assert(eq(int, stream_write_bufs(f.stream, &big, 1), 0));
	const size_t waits = stream_backlog(f.stream);
	cr_assert(gt(sz, waits, 1000));
	cr_assert(eq(int, stream_write(f.stream, "x", 1), -ENOBUFS));
	cr_assert(eq(sz, stream_backlog(f.stream), waits));
	cr_assert(loopback_client_wait_len(&f.client, f.loop, BIG));
	turn();
	cr_assert(eq(int, stream_write(f.stream, "x", 1), 0));
	buf_unref(big);
}

Test(stream, the_unsent_cap_moves_the_backlog_to_our_side)
{
	struct buf *half = pattern(512 * 1024);
	const int small = 16 * 1024;
	setsockopt(f.client.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	stream_set_unsent_cap(f.stream, 64 * 1024);
	stream_set_backlog_cap(f.stream, BIG);
	for (int i = 0; i < 8; i++)
		cr_assert(eq(int, stream_write_bufs(f.stream, &half, 1), 0));
	cr_assert(gt(sz, stream_backlog(f.stream), 3 * 1024 * 1024));
	buf_unref(half);
}

Test(stream, drained_callback_may_write)
{
	struct buf *big = pattern(BIG);
	f.write_on_drained = true;
	cr_assert(eq(int, stream_write_bufs(f.stream, &big, 1), 0));
	cr_assert(loopback_client_wait_len(&f.client, f.loop, BIG + 4));
	turn();
	cr_assert(eq(int, f.drained, 1));
	buf_unref(big);
}

Test(stream, paused_stream_reads_nothing_until_resumed)
{
	stream_pause(f.stream);
	loopback_client_text(&f.client, "later");
	turn();
	cr_assert(eq(sz, f.got.len, 0));
	stream_resume(f.stream);
	turn();
	cr_assert(eq(sz, f.got.len, 5));
}

Test(stream, half_closed_peer_can_still_be_written_to)
{
	loopback_client_shut(&f.client);
	turn();
	cr_assert(eq(int, f.closed, 1));
	cr_assert(eq(int, f.err, 0));
	cr_assert(eq(int, stream_write(f.stream, "bye", 3), 0));
	cr_assert(loopback_client_wait(&f.client, f.loop, "bye"));
	cr_assert(eq(int, f.closed, 1));
}

Test(stream, reset_is_told_once_as_an_error)
{
	const struct linger now = { .l_onoff = 1 };
	setsockopt(f.client.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	loopback_client_close(&f.client);
	turn();
	cr_assert(eq(int, f.closed, 1));
	cr_assert(eq(int, f.err, -ECONNRESET));
	cr_assert(eq(int, stream_write(f.stream, "x", 1), -ENOTCONN));
}

Test(stream, error_of_a_write_comes_later_from_the_loop)
{
	const struct linger now = { .l_onoff = 1 };
	setsockopt(f.client.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	loopback_client_close(&f.client);
	int err = 0;
	for (int i = 0; i < 3 && !err; i++)
		err = stream_write(f.stream, "x", 1);
	cr_assert(eq(int, err, -ENOTCONN));
	cr_assert(eq(int, f.closed, 0));
	turn();
	cr_assert(eq(int, f.closed, 1));
	cr_assert(lt(int, f.err, 0));
}

Test(stream, may_be_destroyed_inside_its_own_callback)
{
	f.destroy_on_data = true;
	loopback_client_text(&f.client, "x");
	turn();
	cr_assert(eq(sz, f.got.len, 1));
	cr_assert(loopback_client_wait_end(&f.client, f.loop));
	cr_assert(eq(int, f.closed, 0));
}

Test(stream, finish_flushes_then_waits_for_the_peer)
{
	struct buf *big = pattern(BIG);
	cr_assert(eq(int, stream_write_bufs(f.stream, &big, 1), 0));
	stream_finish(f.stream);
	cr_assert(eq(int, stream_write(f.stream, "x", 1), -ENOTCONN));
	cr_assert(loopback_client_wait_end(&f.client, f.loop));
	cr_assert(eq(sz, f.client.in.len, BIG));
	cr_assert(eq(int, f.closed, 0));
	loopback_client_shut(&f.client);
	turn();
	cr_assert(eq(int, f.closed, 1));
	cr_assert(eq(int, f.err, 0));
	buf_unref(big);
}

Test(stream, finish_does_not_wait_for_ever)
{
	stream_finish(f.stream);
	cr_assert(loopback_client_wait_end(&f.client, f.loop));
	loopback_client_text(&f.client, "still here");
	fake_clock_advance(&f.fake, f.loop, 1100 * 1000);
	cr_assert(eq(int, f.closed, 1));
	cr_assert(eq(int, f.err, 0));
	cr_assert(eq(sz, f.got.len, 0));
}

Test(stream, finish_gives_up_on_a_peer_that_takes_nothing)
{
	struct buf *big = pattern(BIG);
	cr_assert(eq(int, stream_write_bufs(f.stream, &big, 1), 0));
	stream_finish(f.stream);
	fake_clock_advance(&f.fake, f.loop, 11 * 1000 * 1000);
	cr_assert(eq(int, f.closed, 1));
	cr_assert(eq(int, f.err, -ETIMEDOUT));
	buf_unref(big);
}
