#include "server/core/buf.h"
#include "signaling/udp_hello.h"
#include "signaling/udp_port.h"
#include "signaling/udp_sender.h"
#include "tests/signaling/peer_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>
#include <unistd.h>

static const uint8_t hello[] = { 22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3 };

static struct addr address(uint16_t port)
{
	struct addr addr;
	cr_assert(eq(int, addr_set(&addr, "192.0.2.7", port), 0));
	return addr;
}

static size_t take(struct udp_hellos *hellos, uint16_t port, int64_t now_us)
{
	struct buf *out[UDP_HELLO_DATAGRAMS];
	const struct addr from = address(port);
	const size_t count = udp_hellos_take(hellos, &from, now_us, out);
	for (size_t i = 0; i < count; i++)
		buf_unref(out[i]);
	return count;
}

static bool keep(struct udp_hellos *hellos, uint16_t port, int64_t now_us)
{
	const struct addr from = address(port);
	return udp_hellos_keep(hellos, &from, hello, sizeof(hello), now_us);
}

Test(udp_hello, two_datagrams_of_an_address_are_kept_for_two_seconds)
{
	struct udp_hellos hellos;
	udp_hellos_init(&hellos);
	cr_assert(keep(&hellos, 1, 0));
	cr_assert(keep(&hellos, 1, 1));
	cr_assert(not(keep(&hellos, 1, 2)));
	cr_assert(keep(&hellos, 2, 2));
	cr_assert(eq(sz, take(&hellos, 1, 1999999), 2));
	cr_assert(eq(sz, take(&hellos, 1, 1999999), 0));
	cr_assert(eq(sz, take(&hellos, 2, 2000002), 0));
	udp_hellos_finish(&hellos);
}

Test(udp_hello, oldest_address_makes_room)
{
	struct udp_hellos hellos;
	udp_hellos_init(&hellos);
	for (uint16_t i = 0; i < UDP_HELLO_ADDRS + 10; i++)
		cr_assert(keep(&hellos, i, i));
	cr_assert(eq(sz, hellos.by_addr.count, UDP_HELLO_ADDRS));
	cr_assert(eq(sz, take(&hellos, 9, 2000), 0));
	cr_assert(eq(sz, take(&hellos, 10, 2000), 1));
	udp_hellos_finish(&hellos);
}

Test(udp_hello, only_client_hellos_are_kept)
{
	struct udp_hellos hellos;
	const struct addr from = address(1);
	uint8_t other[1600] = { 0 };
	udp_hellos_init(&hellos);
	memcpy(other, hello, sizeof(hello));
	cr_assert(not(udp_hellos_keep(&hellos, &from, other, 13, 0)));
	cr_assert(not(udp_hellos_keep(&hellos, &from, other, 1501, 0)));
	other[13] = 2; /* ServerHello */
	cr_assert(not(udp_hellos_keep(&hellos, &from, other, sizeof(hello), 0)));
	other[13] = 1;
	other[4] = 1; /* epoch */
	cr_assert(not(udp_hellos_keep(&hellos, &from, other, sizeof(hello), 0)));
	udp_hellos_finish(&hellos);
}

struct receiver {
	int fd;
	struct udp_path path;
	struct udp_sender sender;
	uint8_t data[UDP_RUN_BYTES];
};

static struct receiver r;

static void receiver_open(void)
{
	struct addr own;
	r.fd = stranger_open(&r.path.remote);
	udp_sender_init(&r.sender, stranger_open(&own));
	for (size_t i = 0; i < sizeof(r.data); i++)
		r.data[i] = (uint8_t)(i * 3);
}

static void receiver_close(void)
{
	close(r.fd);
	close(r.sender.fd);
}

TestSuite(udp_sender, .init = receiver_open, .fini = receiver_close);

static void assert_segments(size_t len, size_t segment)
{
	for (size_t at = 0; at < len; at += segment) {
		uint8_t got[2048];
		const size_t want = len - at < segment ? len - at : segment;
		cr_assert(eq(long, recv(r.fd, got, sizeof(got), 0), (long)want));
		cr_assert(eq(int, memcmp(got, r.data + at, want), 0));
	}
}

Test(udp_sender, run_arrives_as_packets_with_and_without_segmentation)
{
	for (int i = 0; i < 2; i++) {
		cr_assert(eq(int, udp_sender_send(&r.sender, &r.path, r.data, 10500, 1000), 0));
		assert_segments(10500, 1000);
		r.sender.gso = false;
	}
	cr_assert(eq(u64, r.sender.packets, 22));
	cr_assert(eq(u64, r.sender.bytes, 21000));
}

Test(udp_sender, one_packet_needs_no_segmentation)
{
	cr_assert(eq(int, udp_sender_send(&r.sender, &r.path, r.data, 700, 700), 0));
	assert_segments(700, 700);
	cr_assert(eq(u64, r.sender.calls, 1));
}

Test(udp_sender, unreachable_destination_is_an_error_that_is_counted)
{
	struct udp_path nowhere = r.path;
	cr_assert(eq(int, addr_set(&nowhere.remote, "::1", 1), 0)); /* wrong family */
	cr_assert(lt(int, udp_sender_send(&r.sender, &nowhere, r.data, 10, 10), 0));
	cr_assert(eq(u64, r.sender.errors, 1));
}

Test(udp_port, ports_may_share_their_buffers_and_take_coalesced_packets)
{
	struct pair p;
	struct udp_scratch *scratch;
	struct udp_port *ports[2];
	uint8_t header[] = { 0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7 }, payload[1000] = { 1, 2, 3 };
	struct iovec parts[2 * 20];
	uint8_t headers[20][sizeof(header)];
	pair_init(&p, false);
	cr_assert(eq(int, udp_scratch_create(&scratch, true), 0));
	struct udp_port_options options = { .dtls = p.client.dtls, .scratch = scratch };
	cr_assert(eq(int, addr_set(&options.bind, "127.0.0.1", 0), 0));
	for (int i = 0; i < 2; i++)
		cr_assert(eq(int, udp_port_create(&ports[i], p.loop, &options), 0));
	const struct peer_options server = pair_server_options(&p),
				  client = pair_client_options(&p);
	cr_assert(eq(int, peer_create(&p.server.peer, p.server.port, &server), 0));
	cr_assert(eq(int, peer_create(&p.client.peer, ports[1], &client), 0));
	cr_assert(pair_wait(&p, &p.client.connected, 1));
	cr_assert(pair_wait(&p, &p.server.connected, 1));
	for (uint8_t i = 0; i < 20; i++) {
		memcpy(headers[i], header, sizeof(header));
		headers[i][3] = i;
		parts[2 * i] = (struct iovec){ headers[i], sizeof(header) };
		parts[2 * i + 1] = (struct iovec){ payload, sizeof(payload) };
	}
	cr_assert(eq(int, peer_send_rtp(p.server.peer, parts, 20), 0));
	cr_assert(pair_wait(&p, &p.client.rtp, 20));
	for (uint8_t i = 0; i < 20; i++)
		cr_assert(eq(int, p.client.packets[i].data[3], i));
	peer_close(p.client.peer);
	p.client.peer = NULL;
	udp_port_destroy(ports[0]);
	udp_port_destroy(ports[1]);
	udp_scratch_destroy(scratch);
	pair_finish(&p);
}

Test(udp_port, joins_in_a_wave_all_get_their_turn)
{
	enum { JOINS = 40 };
	static struct side sides[JOINS];
	static char ufrags[JOINS][PEER_UFRAG_LEN + 1];
	static struct peer *servers[JOINS];
	struct pair p;
	pair_init(&p, false);
	for (int i = 0; i < JOINS; i++) {
		struct udp_port_options options = { .dtls = p.client.dtls };
		struct peer_options server = pair_server_options(&p);
		struct peer_options client = pair_client_options(&p);
		char pwd[PEER_PWD_LEN + 1];
		peer_credentials(ufrags[i], pwd);
		server.local_ufrag = client.remote_ufrag = ufrags[i];
		client.arg = &sides[i];
		cr_assert(eq(int, addr_set(&options.bind, "127.0.0.1", 0), 0));
		cr_assert(eq(int, udp_port_create(&sides[i].port, p.loop, &options), 0));
		cr_assert(eq(int, peer_create(&servers[i], p.server.port, &server), 0));
		cr_assert(eq(int, peer_create(&sides[i].peer, sides[i].port, &client), 0));
	}
	cr_assert(pair_wait(&p, &p.server.connected, JOINS));
	for (int i = 0; i < JOINS; i++) {
		cr_assert(pair_wait(&p, &sides[i].connected, 1));
		peer_close(sides[i].peer);
		peer_close(servers[i]);
	}
	for (int i = 0; i < JOINS; i++)
		udp_port_destroy(sides[i].port);
	pair_finish(&p);
}

Test(udp_port, packets_that_the_kernel_dropped_are_counted)
{
	static const uint8_t packet[1000] = { 0xff };
	static struct pair p;
	struct udp_port_stats stats;
	struct addr addr;
	pair_init(&p, false);
	const int fd = stranger_open(&addr);
	for (int i = 0; i < 20000; i++)
		stranger_send(fd, p.server.port, packet, sizeof(packet));
	pair_serve(&p, 100000);
	stranger_send(fd, p.server.port, packet, sizeof(packet)); /* it is told with the next */
	pair_serve(&p, 20000);
	udp_port_stats(p.server.port, &stats);
	cr_assert(gt(u64, stats.dropped, 1000));
	cr_assert(eq(u64, stats.packets_in + stats.dropped, 20001));
	close(fd);
	pair_finish(&p);
}
