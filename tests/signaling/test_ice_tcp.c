/* Packets in a TCP stream, and sessions whose client comes by TCP. */
#include "signaling/ice.h"
#include "signaling/ice_tcp.h"
#include "signaling/tcp_frames.h"
#include "tests/signaling/peer_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- frames ---- */

struct got {
	size_t count, bytes;
	uint8_t first[8]; /* of each packet */
	size_t stop_at;
};

static bool on_frame(void *arg, uint8_t *packet, size_t len)
{
	struct got *got = arg;
	got->first[got->count++ % 8] = packet[0];
	got->bytes += len;
	packet[0] = 0xff; /* it may be changed */
	return got->count != got->stop_at;
}

static const uint8_t stream[] = { 0, 3, 1, 2, 3, 0, 0, 0, 1, 9, 0, 2, 7, 7 };

Test(tcp_frames, packets_are_cut_out_however_the_bytes_come)
{
	for (size_t piece = 1; piece <= sizeof(stream); piece++) {
		struct tcp_frames frames = { 0 };
		struct got got = { 0 };
		for (size_t at = 0; at < sizeof(stream); at += piece) {
			const size_t left = sizeof(stream) - at;
			cr_assert(eq(int,
				     tcp_frames_feed(&frames, stream + at,
						     left < piece ? left : piece, on_frame, &got),
				     0));
		}
		cr_assert(eq(sz, got.count, 3), "empty ones are none");
		cr_assert(eq(sz, got.bytes, 6));
		cr_assert(eq(int, memcmp(got.first, "\1\11\7", 3), 0));
	}
}

Test(tcp_frames, longest_packet_passes_and_one_byte_more_does_not)
{
	static uint8_t longest[TCP_FRAME_HEAD + TCP_FRAME_MAX] = { TCP_FRAME_MAX >> 8,
								   TCP_FRAME_MAX & 0xff };
	static const uint8_t longer[] = { (TCP_FRAME_MAX + 1) >> 8, (TCP_FRAME_MAX + 1) & 0xff, 1 };
	struct tcp_frames frames = { 0 };
	struct got got = { 0 };
	cr_assert(eq(int, tcp_frames_feed(&frames, longest, sizeof(longest), on_frame, &got), 0));
	cr_assert(eq(sz, got.bytes, TCP_FRAME_MAX));
	cr_assert(eq(int, tcp_frames_feed(&frames, longer, sizeof(longer), on_frame, &got),
		     -EMSGSIZE));
}

Test(tcp_frames, nothing_is_handed_over_after_the_last)
{
	struct tcp_frames frames = { 0 };
	struct got got = { .stop_at = 2 };
	cr_assert(eq(int, tcp_frames_feed(&frames, stream, sizeof(stream), on_frame, &got), 0));
	cr_assert(eq(sz, got.count, 2));
}

Test(tcp_frames, run_is_written_as_packets_with_heads)
{
	uint8_t run[250], out[400];
	for (size_t i = 0; i < sizeof(run); i++)
		run[i] = (uint8_t)i;
	const size_t size = tcp_frames_size(sizeof(run), 100);
	cr_assert(eq(sz, tcp_frames_write(out, run, sizeof(run), 100), size));
	cr_assert(eq(sz, size, 256));
	cr_assert(eq(int, memcmp(out, "\0\144\0\1", 4), 0));
	cr_assert(eq(int, memcmp(out + 102, "\0\144\144", 3), 0));
	cr_assert(eq(int, memcmp(out + 204, "\0\62\310", 3), 0));
}

/* ---- a client by TCP ---- */

static struct pair p;

static void setup(void)
{
	pair_init(&p, false);
	const struct peer_options server = pair_server_options(&p);
	cr_assert(eq(int, peer_create(&p.server.peer, p.server.port, &server), 0));
}

static void teardown(void)
{
	pair_finish(&p);
}

TestSuite(ice_tcp, .init = setup, .fini = teardown);

static int connect_tcp(void)
{
	const struct addr *addr = udp_port_addr(p.server.port);
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	const int size = 64 * 1024; /* the kernel takes no more for us */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	cr_assert(eq(int, connect(fd, (const struct sockaddr *)&addr->ss, addr->len), 0));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void send_frame(int fd, const void *data, size_t len)
{
	uint8_t frame[TCP_FRAME_HEAD + TCP_FRAME_MAX];
	const size_t size = tcp_frames_write(frame, data, len, len);
	cr_assert(eq(long, send(fd, frame, size, MSG_NOSIGNAL), (long)size));
}

struct client {
	int fd;
	bool ended;
	struct tcp_frames frames;
	struct dtls *dtls;
	bool connected;
	int checks, rtp;
};

static bool on_client_frame(void *arg, uint8_t *packet, size_t len)
{
	struct client *client = arg;
	if (packet[0] <= 3)
		client->checks++;
	else if (packet[0] >= 128)
		client->rtp++;
	else
		dtls_feed(client->dtls, packet, len);
	return true;
}

static void read_all(struct client *client)
{
	static uint8_t data[65536];
	ssize_t len;
	while ((len = recv(client->fd, data, sizeof(data), 0)) > 0)
		cr_assert(eq(int,
			     tcp_frames_feed(&client->frames, data, (size_t)len, on_client_frame,
					     client),
			     0));
	client->ended |= !len || errno == ECONNRESET;
}

/* False after 2 s without fulfilment of the condition. */
static bool serve(struct client *client, const int *counter, int want)
{
	for (int i = 0; i < 400 && *counter < want; i++) {
		pair_serve(&p, 5000);
		read_all(client);
	}
	return *counter >= want;
}

/* Whether the server has closed the connection. */
static bool is_closed(int fd)
{
	uint8_t byte;
	pair_serve(&p, 20000);
	const ssize_t len = recv(fd, &byte, 1, 0);
	return !len || (len < 0 && errno != EAGAIN);
}

static size_t make_check(uint8_t check[ICE_REPLY_MAX], const char *pwd)
{
	struct ice_agent *agent;
	struct ice ice;
	const struct ice_options options = {
		.client = true,
		.local_ufrag = "tcpclient",
		.local_pwd = "0123456789012345678901",
		.remote_ufrag = p.server.ufrag,
		.remote_pwd = pwd,
	};
	cr_assert(eq(int, ice_agent_create(&agent), 0));
	cr_assert(eq(int, ice_init(&ice, agent, &options), 0));
	const size_t len = ice_check(&ice, 1, check);
	ice_finish(&ice);
	ice_agent_destroy(agent);
	return len;
}

static void on_send(void *arg, const uint8_t *data, size_t len)
{
	const struct client *client = arg;
	send_frame(client->fd, data, len);
}

static void on_event(void *arg, enum dtls_event event)
{
	struct client *client = arg;
	client->connected = event == DTLS_CONNECTED;
}

static void join(struct client *client)
{
	static const struct dtls_ops dtls_ops = { .send = on_send, .event = on_event };
	struct dtls_options options = { .client = true, .ops = &dtls_ops, .arg = client };
	uint8_t check[ICE_REPLY_MAX];
	memcpy(options.fingerprint, dtls_context_fingerprint_bytes(p.server.dtls),
	       DTLS_FINGERPRINT);
	*client = (struct client){ .fd = connect_tcp() };
	cr_assert(eq(int, dtls_create(&client->dtls, p.client.dtls, &options), 0));
	send_frame(client->fd, check, make_check(check, p.server.pwd));
	cr_assert(serve(client, &client->checks, 1));
	dtls_start(client->dtls);
	cr_assert(serve(client, &p.server.connected, 1));
}

static void leave(struct client *client)
{
	dtls_destroy(client->dtls);
	close(client->fd);
}

static uint8_t header[] = { 0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7 };
static uint8_t payload[1100];

static int send_run(unsigned packets)
{
	uint8_t headers[40][sizeof(header)];
	struct iovec parts[80];
	for (unsigned i = 0; i < packets; i++) {
		if (!++header[3])
			header[2]++;
		memcpy(headers[i], header, sizeof(header));
		parts[2 * i] = (struct iovec){ headers[i], sizeof(header) };
		parts[2 * i + 1] = (struct iovec){ payload, sizeof(payload) };
	}
	return peer_send_rtp(p.server.peer, parts, packets);
}

static struct ice_tcp_stats stats(void)
{
	struct udp_port_stats all;
	udp_port_stats(p.server.port, &all);
	return all.tcp;
}

Test(ice_tcp, session_runs_over_it)
{
	struct client client;
	join(&client);
	cr_assert(eq(int, send_run(40), 0));
	cr_assert(serve(&client, &client.rtp, 40));
	cr_assert(eq(u64, stats().connections, 1));
	cr_assert(eq(u64, stats().strangers, 0));
	leave(&client);
}

Test(ice_tcp, connection_ends_with_the_session)
{
	struct client client;
	join(&client);
	peer_close(p.server.peer);
	p.server.peer = NULL;
	cr_assert(not(serve(&client, &client.rtp, 1)));
	cr_assert(client.ended);
	cr_assert(eq(u64, stats().connections, 0));
	leave(&client);
}

Test(ice_tcp, session_goes_on_over_another_connection_or_udp)
{
	struct client client;
	uint8_t check[ICE_REPLY_MAX], answer[1500];
	struct addr addr;
	join(&client);
	close(client.fd);
	pair_serve(&p, 20000);
	cr_assert(eq(int, send_run(1), -ENOTCONN));
	client.fd = connect_tcp();
	send_frame(client.fd, check, make_check(check, p.server.pwd));
	cr_assert(serve(&client, &client.checks, 2));
	cr_assert(eq(int, send_run(1), 0));
	cr_assert(serve(&client, &client.rtp, 1));
	const int udp = stranger_open(&addr);
	stranger_send(udp, p.server.port, check, make_check(check, p.server.pwd));
	cr_assert(gt(sz, stranger_receive(&p, udp, answer, sizeof(answer)), 0));
	cr_assert(eq(int, send_run(1), 0));
	cr_assert(gt(sz, stranger_receive(&p, udp, answer, sizeof(answer)), 1100));
	close(udp);
	leave(&client);
}

Test(ice_tcp, strangers_get_no_byte_and_are_cut_off_after_ten_seconds)
{
	static const uint8_t nonsense[] = { 0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7 };
	uint8_t check[ICE_REPLY_MAX], answer[100];
	const int fd = connect_tcp();
	send_frame(fd, check, make_check(check, "notthepassword01234567"));
	send_frame(fd, nonsense, sizeof(nonsense));
	pair_serve(&p, 20000);
	cr_assert(eq(long, recv(fd, answer, sizeof(answer), 0), -1));
	p.clock.ahead_us += ICE_TCP_STRANGER_US - 1000000;
	pair_serve(&p, 300000);
	cr_assert(not(is_closed(fd)));
	p.clock.ahead_us += 1000000;
	pair_serve(&p, 300000);
	cr_assert(is_closed(fd));
	cr_assert(eq(u64, stats().refused, 1));
	close(fd);
}

Test(ice_tcp, strangers_are_cut_off_after_64_kib)
{
	static uint8_t frame[1000] = { 0x80, 96 };
	const int fd = connect_tcp();
	for (int i = 0; i < 65; i++)
		send_frame(fd, frame, sizeof(frame));
	cr_assert(not(is_closed(fd)));
	send_frame(fd, frame, sizeof(frame));
	cr_assert(is_closed(fd));
	close(fd);
}

Test(ice_tcp, broken_framing_ends_a_connection)
{
	const int fd = connect_tcp();
	cr_assert(eq(long, send(fd, "GET / HTTP/1.1\r\n\r\n", 18, 0), 18));
	cr_assert(is_closed(fd));
	cr_assert(eq(u64, stats().refused, 1));
	close(fd);
}

Test(ice_tcp, oldest_stranger_makes_room)
{
	static int fds[ICE_TCP_STRANGERS + 1];
	for (int i = 0; i <= ICE_TCP_STRANGERS; i++) {
		fds[i] = connect_tcp();
		pair_serve(&p, 200);
	}
	cr_assert(is_closed(fds[0]));
	cr_assert(not(is_closed(fds[1])));
	cr_assert(eq(u64, stats().strangers, ICE_TCP_STRANGERS));
	for (int i = 0; i <= ICE_TCP_STRANGERS; i++)
		close(fds[i]);
}

Test(ice_tcp, slow_viewer_is_refused_media_and_cut_off_when_ten_seconds_behind)
{
	struct client client;
	join(&client);
	int err = 0;
	for (int i = 0; i < 400 && !err; i++)
		err = send_run(40);
	cr_assert(eq(int, err, -EAGAIN));
	cr_assert(gt(u64, stats().again, 0));
	for (int i = 0; i < 50; i++) {
		pair_serve(&p, 1000);
		read_all(&client);
	}
	cr_assert(gt(int, client.rtp, 500));
	cr_assert(eq(int, send_run(40), 0), "once it has caught up");
	while (!send_run(40))
		;
	/* Now it reads nothing more. Ticks look back a second. */
	pair_serve(&p, 1500000);
	cr_assert(eq(u64, stats().connections, 1));
	p.clock.ahead_us += ICE_TCP_BEHIND_US;
	pair_serve(&p, 300000);
	cr_assert(eq(u64, stats().behind, 1));
	cr_assert(eq(u64, stats().connections, 0));
	leave(&client);
}
