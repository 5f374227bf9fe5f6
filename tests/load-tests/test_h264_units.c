#include "load-tests/swarm/full_view.h"
#include "load-tests/swarm/h264_units.h"
#include "media/rtp/rtp_packet.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PACKETS = 4096, PACKET = 1600, FRAMES = 100, GROUP = 25, QUIET_MS = 2000 };

/* What ffmpeg's RTP muxer sent. */
struct recording {
	size_t count;
	struct {
		uint8_t data[PACKET];
		size_t len;
	} packets[PACKETS];
};

static struct recording rec;

static int open_socket(uint16_t *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	const int size = 4 << 20;
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);
	cr_assert(ge(int, fd, 0));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	cr_assert(eq(int, bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0));
	cr_assert(eq(int, getsockname(fd, (struct sockaddr *)&addr, &len), 0));
	*port = ntohs(addr.sin_port);
	return fd;
}

/* 4 s of a picture whose frames need several packets, as FU-A and STAP-A. */
static void record(void)
{
	char command[512];
	uint16_t port;
	const int fd = open_socket(&port);
	snprintf(
		command, sizeof(command),
		"ffmpeg -nostdin -loglevel error -re -f lavfi -i testsrc2=size=640x360:rate=25 "
		"-frames:v %d -c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline "
		"-g %d -keyint_min %d -sc_threshold 0 -b:v 3M -f rtp "
		"'rtp://127.0.0.1:%u?pkt_size=1200' >/dev/null &",
		FRAMES, GROUP, GROUP, port);
	if (system("ffmpeg -version >/dev/null 2>&1") || // NOLINT(cert-env33-c)
	    system(command)) // NOLINT(cert-env33-c): a fixed command line
		cr_skip("no ffmpeg");
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	while (rec.count < PACKETS && poll(&wait, 1, rec.count ? QUIET_MS : 10 * QUIET_MS) > 0) {
		const ssize_t len = recv(fd, rec.packets[rec.count].data, PACKET, 0);
		rec.packets[rec.count].len = len > 0 ? (size_t)len : 0;
		rec.count += len > 0;
	}
	close(fd);
	cr_assert(gt(sz, rec.count, FRAMES));
}

static void feed(struct full_view *view, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		full_view_packet(view, rec.packets[i].data, rec.packets[i].len, (int64_t)i * 1000);
		full_view_tick(view, (int64_t)i * 1000);
	}
}

/* The index of the `number`-th packet with an FU-A that neither begins nor ends (RFC 6184 §5.8). */
static size_t find_middle(unsigned number)
{
	struct rtp_view view;
	for (size_t i = 0; i < rec.count; i++)
		if (!rtp_parse(&view, rec.packets[i].data, rec.packets[i].len) &&
		    view.payload_len > 2 && (view.payload[0] & 0x1f) == 28 &&
		    !(view.payload[1] & 0xc0) && !number--)
			return i;
	cr_fatal("no fragment");
	return 0;
}

Test(h264_units, reads_what_ffmpeg_sends_and_notices_what_is_missing, .timeout = 40)
{
	struct full_view *view;
	record();
	full_view_create(&view);
	feed(view, 0, rec.count);
	cr_assert(eq(u64, view->units.pictures, FRAMES));
	cr_assert(eq(u64, view->units.keyframes, FRAMES / GROUP));
	cr_assert(eq(u64, view->units.broken + view->units.malformed, 0));
	cr_assert(eq(u64, view->units.undecodable + view->units.number_gaps, 0));
	cr_assert(eq(u64, full_view_lost(view), 0));
	full_view_destroy(view);

	/* One fragment never comes: its picture is broken, and what refers to it. */
	const size_t lost = find_middle(40);
	full_view_create(&view);
	feed(view, 0, lost);
	feed(view, lost + 1, rec.count);
	full_view_tick(view, (int64_t)rec.count * 1000 + GIVE_UP_MAX_US);
	cr_assert(eq(u64, view->units.pictures, FRAMES - 1));
	cr_assert(eq(u64, view->units.broken, 1));
	cr_assert(gt(u64, view->units.undecodable, 0));
	cr_assert(lt(u64, view->units.undecodable, GROUP));
	cr_assert(eq(u64, full_view_lost(view), 1));
	full_view_destroy(view);

	/* It comes late: nothing is wrong. */
	full_view_create(&view);
	feed(view, 0, lost);
	feed(view, lost + 1, lost + 50);
	feed(view, lost, lost + 1);
	feed(view, lost + 50, rec.count);
	cr_assert(eq(u64, view->units.pictures, FRAMES));
	cr_assert(eq(u64, view->units.broken + view->units.undecodable, 0));
	full_view_destroy(view);
}

static void push(struct h264_units *units, const uint8_t *data, size_t len, bool marker)
{
	const struct h264_payload payload = { .data = data, .len = len, .marker = marker };
	h264_units_push(units, &payload);
}

Test(h264_units, counts_payloads_against_the_rules)
{
	static const uint8_t rows[][4] = {
		{ 28, 0xc5, 1, 1 }, /* an FU-A that begins and ends */
		{ 24, 0, 9, 0x65 }, /* a STAP-A whose unit is longer than the payload */
		{ 0xe5, 1, 1, 1 }, /* forbidden_zero_bit */
		{ 30, 1, 1, 1 }, /* undefined type */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct h264_units units;
		h264_units_init(&units, NULL, NULL);
		push(&units, rows[i], sizeof(rows[i]), true);
		cr_assert(eq(u64, units.malformed, 1), "row %zu", i);
		cr_assert(eq(u64, units.pictures, 0));
		cr_assert(eq(u64, units.broken, 1));
	}
}
