#include "tests/signaling/peer_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_US = 5000000, QUIET_US = 50000 };

static int64_t real_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t jump_mono_us(const struct clock *clock)
{
	return real_us() + ((const struct jump_clock *)clock)->ahead_us;
}

void jump_clock_init(struct jump_clock *jump)
{
	*jump = (struct jump_clock){ .clock.mono_us = jump_mono_us };
}

static void keep(struct packet *packet, const uint8_t *data, size_t len)
{
	packet->len = len < SIDE_PACKET_MAX ? len : SIDE_PACKET_MAX;
	memcpy(packet->data, data, packet->len);
}

static void on_connected(void *arg)
{
	struct side *side = arg;
	side->connected++;
	if (side->close_when_connected) {
		if (side->close_when_connected == side->peer)
			side->peer = NULL;
		peer_close(side->close_when_connected);
		side->close_when_connected = NULL;
	}
}

static void on_rtp(void *arg, uint8_t *data, size_t len, int64_t arrived_us)
{
	struct side *side = arg;
	side->arrived_us = arrived_us;
	keep(&side->packets[side->rtp++ % SIDE_PACKETS], data, len);
}

static void on_rtcp(void *arg, const uint8_t *data, size_t len, int64_t arrived_us)
{
	struct side *side = arg;
	side->rtcp++;
	side->arrived_us = arrived_us;
	keep(&side->last, data, len);
}

static void on_sctp(void *arg, const uint8_t *data, size_t len)
{
	struct side *side = arg;
	side->sctp++;
	keep(&side->last, data, len);
}

static void on_closed(void *arg, enum peer_reason reason)
{
	struct side *side = arg;
	side->closed++;
	side->reason = reason;
	if (side->close_in_callback) {
		peer_close(side->peer);
		side->peer = NULL;
	}
}

static const struct peer_ops ops = {
	.connected = on_connected,
	.rtp = on_rtp,
	.rtcp = on_rtcp,
	.sctp = on_sctp,
	.closed = on_closed,
};

static void side_init(struct side *side, struct loop *loop)
{
	cr_assert(eq(int, dtls_context_create(&side->dtls), 0));
	struct udp_port_options options = { .tcp = true, .dtls = side->dtls };
	cr_assert(eq(int, addr_set(&options.bind, "127.0.0.1", 0), 0));
	cr_assert(eq(int, udp_port_create(&side->port, loop, &options), 0));
	peer_credentials(side->ufrag, side->pwd);
}

void pair_init(struct pair *pair, bool two_loops)
{
	memset(pair, 0, sizeof(*pair));
	jump_clock_init(&pair->clock);
	cr_assert(eq(int, loop_create(&pair->loop, &pair->clock.clock), 0));
	pair->client_loop = pair->loop;
	if (two_loops)
		cr_assert(eq(int, loop_create(&pair->client_loop, &pair->clock.clock), 0));
	side_init(&pair->server, pair->loop);
	side_init(&pair->client, pair->client_loop);
}

static void side_finish(struct side *side)
{
	peer_close(side->peer);
	udp_port_destroy(side->port);
	dtls_context_destroy(side->dtls);
}

void pair_finish(struct pair *pair)
{
	side_finish(&pair->server);
	side_finish(&pair->client);
	if (pair->client_loop != pair->loop)
		loop_destroy(pair->client_loop);
	loop_destroy(pair->loop);
}

static struct peer_options options_of(struct side *self, struct side *other)
{
	struct peer_options options = {
		.local_ufrag = self->ufrag,
		.local_pwd = self->pwd,
		.remote_ufrag = other->ufrag,
		.remote_pwd = other->pwd,
		.ops = &ops,
		.arg = self,
	};
	memcpy(options.remote_fingerprint, dtls_context_fingerprint_bytes(other->dtls),
	       DTLS_FINGERPRINT);
	return options;
}

struct peer_options pair_server_options(struct pair *pair)
{
	return options_of(&pair->server, &pair->client);
}

struct peer_options pair_client_options(struct pair *pair)
{
	struct peer_options options = options_of(&pair->client, &pair->server);
	options.client = true;
	options.dtls_client = true;
	options.candidate = *udp_port_addr(pair->server.port);
	return options;
}

void pair_connect(struct pair *pair)
{
	const struct peer_options server = pair_server_options(pair);
	const struct peer_options client = pair_client_options(pair);
	cr_assert(eq(int, peer_create(&pair->server.peer, pair->server.port, &server), 0));
	cr_assert(eq(int, peer_create(&pair->client.peer, pair->client.port, &client), 0));
	cr_assert(pair_wait(pair, &pair->server.connected, 1));
	cr_assert(pair_wait(pair, &pair->client.connected, 1));
}

static void serve(struct pair *pair)
{
	loop_poll(pair->loop);
	if (pair->client_loop != pair->loop)
		loop_poll(pair->client_loop);
}

bool pair_wait(struct pair *pair, const int *counter, int want)
{
	const int64_t end_us = real_us() + WAIT_US;
	while (*counter < want && real_us() < end_us)
		serve(pair);
	return *counter >= want;
}

void pair_serve(struct pair *pair, int64_t us)
{
	const int64_t end_us = real_us() + us;
	while (real_us() < end_us)
		serve(pair);
}

int stranger_open(struct addr *addr)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	cr_assert(eq(int, addr_set(addr, "127.0.0.1", 0), 0));
	cr_assert(eq(int, bind(fd, (struct sockaddr *)&addr->ss, addr->len), 0));
	cr_assert(eq(int, getsockname(fd, (struct sockaddr *)&addr->ss, &addr->len), 0));
	return fd;
}

void stranger_send(int fd, const struct udp_port *port, const void *data, size_t len)
{
	const struct addr *to = udp_port_addr(port);
	cr_assert(eq(long, sendto(fd, data, len, 0, (const struct sockaddr *)&to->ss, to->len),
		     (long)len));
}

size_t stranger_receive(struct pair *pair, int fd, void *out, size_t size)
{
	const int64_t end_us = real_us() + QUIET_US;
	ssize_t len = -1;
	while (len < 0 && real_us() < end_us) {
		serve(pair);
		len = recv(fd, out, size, 0);
	}
	return len > 0 ? (size_t)len : 0;
}
