#include "server/core/page_share.h"

#include "server/core/buf.h"
#include "tests/support/loopback_client.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READERS = 6, HALF = 20000, LEN = 2 * HALF, FEW = 1000 };

struct reader {
	struct loopback_client client;
	int fd; /* the server's end */
};

struct fixture {
	struct page_share *share;
	struct reader readers[READERS];
};

static struct fixture f;

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	cr_assert(eq(int, page_share_create(&f.share), 0));
	for (int i = 0; i < READERS; i++) {
		f.readers[i].fd = loopback_client_open(&f.readers[i].client);
		fcntl(f.readers[i].fd, F_SETFL, O_NONBLOCK);
	}
}

static void teardown(void)
{
	page_share_destroy(f.share);
	for (int i = 0; i < READERS; i++) {
		close(f.readers[i].fd);
		loopback_client_close(&f.readers[i].client);
	}
}

TestSuite(page_share, .init = setup, .fini = teardown);

/* Two buffers that nobody else has. */
struct show {
	struct buf *bufs[2];
};

static struct show show_of(uint8_t number)
{
	struct show show = { { buf_create(HALF), buf_create(HALF) } };
	for (int i = 0; i < HALF; i++) {
		show.bufs[0]->data[i] = (uint8_t)(number + i % 251);
		show.bufs[1]->data[i] = (uint8_t)(number + i % 241);
	}
	return show;
}

static void show_end(struct show *show)
{
	buf_unref(show->bufs[0]);
	buf_unref(show->bufs[1]);
}

static ssize_t send_to(int reader, const struct show *show)
{
	return page_share_send(f.share, f.readers[reader].fd, show->bufs, 2);
}

/* As many bytes of the show, repeated, must come. */
static void expect(int reader, const struct show *show, size_t len)
{
	uint8_t got[4096];
	for (size_t at = 0; at < len;) {
		const ssize_t more = recv(f.readers[reader].client.fd, got,
					  len - at < sizeof(got) ? len - at : sizeof(got), 0);
		cr_assert(gt(long, more, 0));
		for (ssize_t i = 0; i < more; i++, at++) {
			const struct buf *buf = show->bufs[at % LEN / HALF];
			cr_assert(eq(u8, got[i], buf->data[at % HALF]), "byte %zu", at);
		}
	}
}

Test(page_share, who_comes_third_gets_pages_and_the_same_bytes)
{
	struct show show = show_of(1);
	for (int i = 0; i < PAGE_SHARE_AFTER; i++)
		cr_assert(eq(long, send_to(i, &show), -ENOSYS));
	for (int i = PAGE_SHARE_AFTER; i < READERS; i++)
		cr_assert(eq(long, send_to(i, &show), LEN));
	for (int i = PAGE_SHARE_AFTER; i < READERS; i++)
		expect(i, &show, LEN);
	cr_assert(eq(u64, page_share_sent(f.share), (uint64_t)(READERS - PAGE_SHARE_AFTER) * LEN));
	show_end(&show);
}

/* What sockets still queue must not change, whatever is written meanwhile and afterwards. */
Test(page_share, bytes_in_flight_outlive_their_file)
{
	enum { SHOWS = PAGE_SHARE_RUNS * 3 };
	struct show first = show_of(0);
	for (int i = 0; i < READERS; i++)
		(void)send_to(i, &first);
	for (int number = 1; number < SHOWS; number++) {
		struct show next = show_of((uint8_t)number);
		for (int i = 0; i <= PAGE_SHARE_AFTER; i++)
			(void)send_to(0, &next);
		show_end(&next);
	}
	page_share_destroy(f.share);
	cr_assert(eq(int, page_share_create(&f.share), 0));
	for (int i = PAGE_SHARE_AFTER; i < READERS; i++)
		expect(i, &first, LEN);
	cr_assert(eq(uint, first.bufs[0]->refs, 1));
	show_end(&first);
}

Test(page_share, a_full_socket_takes_a_part_and_then_nothing)
{
	struct show show = show_of(3);
	size_t taken = 0;
	ssize_t sent = -ENOSYS;
	for (int i = 0; i < PAGE_SHARE_AFTER; i++)
		cr_assert(eq(long, send_to(0, &show), -ENOSYS));
	for (int i = 0; i < 10000 && sent != -EAGAIN; i++) {
		sent = send_to(0, &show);
		if (sent == -EAGAIN)
			break;
		cr_assert(gt(long, sent, 0));
		taken += (size_t)sent;
		if (sent < LEN) /* the rest of it belongs to the caller */
			break;
	}
	expect(0, &show, taken);
	show_end(&show);
}

Test(page_share, a_dead_socket_is_told_and_the_others_go_on)
{
	struct show show = show_of(4);
	shutdown(f.readers[0].fd, SHUT_WR);
	for (int i = 0; i < PAGE_SHARE_AFTER; i++)
		cr_assert(eq(long, send_to(1, &show), -ENOSYS));
	cr_assert(eq(long, send_to(0, &show), -EPIPE));
	cr_assert(eq(long, send_to(1, &show), LEN));
	expect(1, &show, LEN);
	show_end(&show);
}

static int files(void)
{
	int count = 0;
	DIR *folder = opendir("/proc/self/fd");
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

Test(page_share, what_nobody_is_sent_any_more_is_let_go)
{
	struct show show = show_of(6);
	const int before = files();
	for (int i = 0; i < PAGE_SHARE_AFTER; i++)
		cr_assert(eq(long, send_to(0, &show), -ENOSYS));
	page_share_rest(f.share);
	cr_assert(eq(long, send_to(0, &show), LEN));
	page_share_rest(f.share);
	cr_assert(eq(int, files(), before + 1));
	page_share_rest(f.share);
	cr_assert(eq(int, files(), before));
	cr_assert(eq(uint, show.bufs[0]->refs, 1));
	expect(0, &show, LEN);
	show_end(&show);
}

Test(page_share, small_writes_are_copied)
{
	struct buf *few = buf_create(FEW);
	memset(few->data, 0, FEW);
	for (int i = 0; i < READERS; i++)
		cr_assert(eq(long, page_share_send(f.share, f.readers[i].fd, &few, 1), -ENOSYS));
	cr_assert(eq(uint, few->refs, 1));
	buf_unref(few);
}

Test(page_share, a_small_picture_and_its_sound_go_as_one_piece)
{
	struct buf *bufs[2] = { buf_create(FEW), buf_create(FEW) };
	memset(bufs[0]->data, 1, FEW);
	memset(bufs[1]->data, 2, FEW);
	for (int i = 0; i < READERS; i++) {
		const ssize_t sent = page_share_send(f.share, f.readers[i].fd, bufs, 2);
		cr_assert(eq(long, sent, i < PAGE_SHARE_AFTER ? -ENOSYS : 2 * FEW));
	}
	uint8_t got[2 * FEW];
	const ssize_t more = recv(f.readers[READERS - 1].client.fd, got, sizeof(got), MSG_WAITALL);
	cr_assert(eq(long, more, sizeof(got)));
	cr_assert(not(memcmp(got, bufs[0]->data, FEW)));
	cr_assert(not(memcmp(got + FEW, bufs[1]->data, FEW)));
	page_share_rest(f.share);
	page_share_rest(f.share);
	cr_assert(eq(uint, bufs[0]->refs, 1));
	buf_unref(bufs[0]);
	buf_unref(bufs[1]);
}

/* Two renditions by turns, as their viewers stand in a worker's list. */
Test(page_share, several_shows_take_turns)
{
	struct show shows[PAGE_SHARE_RUNS];
	for (int i = 0; i < PAGE_SHARE_RUNS; i++)
		shows[i] = show_of((uint8_t)i);
	for (int turn = 0; turn < PAGE_SHARE_AFTER; turn++)
		for (int i = 0; i < PAGE_SHARE_RUNS; i++)
			cr_assert(eq(long, send_to(i % READERS, &shows[i]), -ENOSYS));
	for (int i = 0; i < PAGE_SHARE_RUNS; i++) {
		cr_assert(eq(long, send_to(i % READERS, &shows[i]), LEN));
		expect(i % READERS, &shows[i], LEN);
	}
	for (int i = 0; i < PAGE_SHARE_RUNS; i++)
		show_end(&shows[i]);
}
