/* Sessions that move, fall silent or are attacked from elsewhere. */
#include "signaling/ice.h"
#include "signaling/peer.h"
#include "tests/signaling/peer_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <unistd.h>

static struct pair p;

/* A NAT between the client and the server: `inside` is what the client talks to, `outside` are the
 * two addresses that the server may see. */
static struct nat {
	int inside, outside[2];
	struct addr inside_addr, outside_addr[2], client;
	int current;
	struct event *events[3];
	uint8_t last[1500]; /* the last packet from the client */
	size_t last_len;
	bool checks_blocked; /* STUN of the client is lost */
} nat;

static void on_inside(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	(void)arg;
	ssize_t len;
	nat.client.len = sizeof(nat.client.ss);
	while ((len = recvfrom(fd, nat.last, sizeof(nat.last), 0, (struct sockaddr *)&nat.client.ss,
			       &nat.client.len)) > 0) {
		nat.last_len = (size_t)len;
		if (!nat.checks_blocked || nat.last[0] > 3)
			stranger_send(nat.outside[nat.current], p.server.port, nat.last,
				      nat.last_len);
	}
}

static void on_outside(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	(void)arg;
	uint8_t data[1500];
	ssize_t len;
	while ((len = recv(fd, data, sizeof(data), 0)) > 0)
		sendto(nat.inside, data, (size_t)len, 0, (struct sockaddr *)&nat.client.ss,
		       nat.client.len);
}

static void nat_watch(int i, int fd, event_callback_fn fn)
{
	nat.events[i] = event_new(loop_base(p.loop), fd, EV_READ | EV_PERSIST, fn, NULL);
	event_add(nat.events[i], NULL);
}

static void nat_open(void)
{
	memset(&nat, 0, sizeof(nat));
	nat.inside = stranger_open(&nat.inside_addr);
	nat_watch(0, nat.inside, on_inside);
	for (int i = 0; i < 2; i++) {
		nat.outside[i] = stranger_open(&nat.outside_addr[i]);
		nat_watch(1 + i, nat.outside[i], on_outside);
	}
}

static void nat_close(void)
{
	for (int i = 0; i < 3; i++)
		event_free(nat.events[i]);
	close(nat.inside);
	close(nat.outside[0]);
	close(nat.outside[1]);
}

static void connect_as(bool ingest)
{
	struct peer_options server = pair_server_options(&p);
	server.ingest = ingest;
	struct peer_options client = pair_client_options(&p);
	client.candidate = nat.inside_addr;
	cr_assert(eq(int, peer_create(&p.server.peer, p.server.port, &server), 0));
	cr_assert(eq(int, peer_create(&p.client.peer, p.client.port, &client), 0));
	cr_assert(pair_wait(&p, &p.client.connected, 1));
	cr_assert(pair_wait(&p, &p.server.connected, 1));
}

static void connect_through_nat(void)
{
	connect_as(false);
}

static void setup(void)
{
	pair_init(&p, false);
	nat_open();
}

static void teardown(void)
{
	nat_close();
	pair_finish(&p);
}

TestSuite(peer_paths, .init = setup, .fini = teardown);

static const uint8_t report[] = { 0x80, 201, 0, 1, 0, 0, 0, 1 };
static uint8_t header[] = { 0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7 };
static uint8_t payload[100];
static const struct iovec media[] = { { header, sizeof(header) }, { payload, sizeof(payload) } };

static struct peer_stats server_stats(void)
{
	struct peer_stats stats;
	peer_stats(p.server.peer, &stats);
	return stats;
}

static bool server_is_at(const struct addr *addr)
{
	const struct peer_stats stats = server_stats();
	return addr_equal(&stats.remote, addr);
}

static struct udp_port_stats port_stats(void)
{
	struct udp_port_stats stats;
	udp_port_stats(p.server.port, &stats);
	return stats;
}

/* Sends one check with these credentials from a socket of its own; the size of the answer. */
static size_t check_with(const char *ufrag, const char *pwd, int fd)
{
	struct ice_agent *agent;
	struct ice ice;
	uint8_t check[ICE_REPLY_MAX], answer[1500];
	const struct ice_options options = {
		.client = true,
		.local_ufrag = "stranger",
		.local_pwd = "0123456789012345678901",
		.remote_ufrag = ufrag,
		.remote_pwd = pwd,
	};
	cr_assert(eq(int, ice_agent_create(&agent), 0));
	cr_assert(eq(int, ice_init(&ice, agent, &options), 0));
	const size_t len = ice_check(&ice, 1, check);
	ice_finish(&ice);
	ice_agent_destroy(agent);
	stranger_send(fd, p.server.port, check, len);
	return stranger_receive(&p, fd, answer, sizeof(answer));
}

Test(peer_paths, first_fresh_rtcp_from_a_new_address_moves_the_session)
{
	connect_through_nat();
	cr_assert(eq(int, peer_send_rtcp(p.client.peer, report, sizeof(report)), 0));
	cr_assert(pair_wait(&p, &p.server.rtcp, 1));
	nat.current = 1;
	nat.checks_blocked = true;
	cr_assert(eq(int, peer_send_rtcp(p.client.peer, report, sizeof(report)), 0));
	cr_assert(pair_wait(&p, &p.server.rtcp, 2));
	const struct peer_stats stats = server_stats();
	cr_assert(addr_equal(&stats.remote, &nat.outside_addr[1]));
	cr_assert(eq(u64, stats.path_moves, 1));
	cr_assert(eq(int, peer_send_rtp(p.server.peer, media, 1), 0));
	cr_assert(pair_wait(&p, &p.client.rtp, 1));
}

/* Chromium's viewers all report under one SSRC. */
/* Another viewer of the server, by a socket of its own; `through` may be a router. NULL: directly.
 */
static void connect_other(struct side *client, struct side *server, const struct addr *through)
{
	struct udp_port_options port = { .dtls = p.client.dtls };
	cr_assert(eq(int, addr_set(&port.bind, "127.0.0.1", 0), 0));
	cr_assert(eq(int, udp_port_create(&client->port, p.loop, &port), 0));
	peer_credentials(client->ufrag, client->pwd);
	peer_credentials(server->ufrag, server->pwd);
	struct peer_options options = pair_server_options(&p);
	options.local_ufrag = server->ufrag;
	options.local_pwd = server->pwd;
	options.arg = server;
	cr_assert(eq(int, peer_create(&server->peer, p.server.port, &options), 0));
	options = pair_client_options(&p);
	options.local_ufrag = client->ufrag;
	options.local_pwd = client->pwd;
	options.remote_ufrag = server->ufrag;
	options.remote_pwd = server->pwd;
	options.arg = client;
	if (through)
		options.candidate = *through;
	cr_assert(eq(int, peer_create(&client->peer, client->port, &options), 0));
	cr_assert(pair_wait(&p, &client->connected, 1));
	cr_assert(eq(int, peer_send_rtcp(client->peer, report, sizeof(report)), 0));
	cr_assert(pair_wait(&p, &server->rtcp, 1));
}

static void close_other(struct side *client, struct side *server)
{
	peer_close(server->peer);
	peer_close(client->peer);
	udp_port_destroy(client->port);
}

Test(peer_paths, it_is_found_among_many_that_report_alike)
{
	enum { OTHERS = 39 }; /* it is asked last */
	static struct side clients[OTHERS], servers[OTHERS];
	for (int i = 0; i < OTHERS; i++)
		connect_other(&clients[i], &servers[i], NULL);
	connect_through_nat();
	cr_assert(eq(int, peer_send_rtcp(p.client.peer, report, sizeof(report)), 0));
	cr_assert(pair_wait(&p, &p.server.rtcp, 1));
	nat.current = 1;
	nat.checks_blocked = true;
	cr_assert(eq(int, peer_send_rtcp(p.client.peer, report, sizeof(report)), 0));
	cr_assert(pair_wait(&p, &p.server.rtcp, 2));
	cr_assert(server_is_at(&nat.outside_addr[1]));
	for (int i = 0; i < OTHERS; i++) {
		struct peer_stats stats;
		peer_stats(servers[i].peer, &stats);
		cr_assert(eq(u64, stats.srtp_failed, 0));
		close_other(&clients[i], &servers[i]);
	}
}

/* A router that starts again may give a viewer the port that another one had. */
Test(peer_paths, an_address_whose_owner_fell_silent_may_be_anothers_now)
{
	static struct side client, server;
	connect_through_nat();
	nat.current = 1;
	connect_other(&client, &server, &nat.inside_addr);
	nat.current = 0;
	nat.checks_blocked = true;
	cr_assert(eq(int, peer_send_rtcp(client.peer, report, sizeof(report)), 0));
	pair_serve(&p, 20000);
	cr_assert(eq(int, server.rtcp, 1), "its owner was heard just now");
	p.clock.ahead_us += 4000000;
	cr_assert(eq(int, peer_send_rtcp(client.peer, report, sizeof(report)), 0));
	cr_assert(pair_wait(&p, &server.rtcp, 2));
	struct peer_stats stats;
	peer_stats(server.peer, &stats);
	cr_assert(addr_equal(&stats.remote, &nat.outside_addr[0]));
	close_other(&client, &server);
}

Test(peer_paths, replayed_rtcp_does_not_move_it)
{
	connect_through_nat();
	cr_assert(eq(int, peer_send_rtcp(p.client.peer, report, sizeof(report)), 0));
	cr_assert(pair_wait(&p, &p.server.rtcp, 1));
	stranger_send(nat.outside[1], p.server.port, nat.last, nat.last_len);
	pair_serve(&p, 20000);
	cr_assert(server_is_at(&nat.outside_addr[0]));
	cr_assert(eq(int, p.server.rtcp, 1));
}

Test(peer_paths, copy_of_a_check_does_not_move_it_and_is_not_answered)
{
	uint8_t answer[1500];
	struct addr addr;
	const int fd = stranger_open(&addr);
	connect_through_nat();
	const int64_t before_us = server_stats().last_check_us;
	p.clock.ahead_us += 6000000;
	while (server_stats().last_check_us == before_us || nat.last[0] > 3)
		pair_serve(&p, 1000);
	stranger_send(fd, p.server.port, nat.last, nat.last_len);
	cr_assert(eq(sz, stranger_receive(&p, fd, answer, sizeof(answer)), 0));
	cr_assert(server_is_at(&nat.outside_addr[0]));
	cr_assert(eq(u64, port_stats().moves, 0));
	close(fd);
}

Test(peer_paths, fresh_rtp_of_a_publisher_moves_it)
{
	connect_as(true);
	cr_assert(eq(int, peer_send_rtp(p.client.peer, media, 1), 0));
	cr_assert(pair_wait(&p, &p.server.rtp, 1));
	nat.current = 1;
	nat.checks_blocked = true;
	header[3]++;
	cr_assert(eq(int, peer_send_rtp(p.client.peer, media, 1), 0));
	cr_assert(pair_wait(&p, &p.server.rtp, 2));
	cr_assert(server_is_at(&nat.outside_addr[1]));
	cr_assert(eq(u64, port_stats().moves, 1));
	stranger_send(nat.outside[0], p.server.port, nat.last, nat.last_len);
	pair_serve(&p, 20000);
	cr_assert(server_is_at(&nat.outside_addr[1]), "not by a copy of it");
}

Test(peer_paths, old_and_forged_rtp_of_a_publisher_does_not_move_it)
{
	connect_as(true);
	header[3] = 50;
	cr_assert(eq(int, peer_send_rtp(p.client.peer, media, 1), 0));
	cr_assert(pair_wait(&p, &p.server.rtp, 1));
	nat.current = 1;
	nat.checks_blocked = true;
	header[3] = 49; /* authentic, never seen, but older than what was */
	cr_assert(eq(int, peer_send_rtp(p.client.peer, media, 1), 0));
	pair_serve(&p, 20000);
	nat.last[3] = 51;
	stranger_send(nat.outside[1], p.server.port, nat.last, nat.last_len);
	pair_serve(&p, 20000);
	cr_assert(server_is_at(&nat.outside_addr[0]));
	cr_assert(eq(int, p.server.rtp, 1));
}

Test(peer_paths, nobody_else_can_check_in_the_name_of_a_living_address)
{
	static const struct peer_ops ops = { 0 };
	struct peer_options thief = pair_server_options(&p);
	struct peer *other;
	connect_through_nat();
	thief.local_ufrag = "anotherone";
	thief.ops = &ops;
	cr_assert(eq(int, peer_create(&other, p.server.port, &thief), 0));
	cr_assert(eq(sz, check_with("anotherone", p.server.pwd, nat.outside[0]), 0));
	cr_assert(eq(u64, port_stats().foreign, 1));
	cr_assert(eq(int, peer_send_rtcp(p.client.peer, report, sizeof(report)), 0));
	cr_assert(pair_wait(&p, &p.server.rtcp, 1));
	p.clock.ahead_us += 4000000; /* the address is silent */
	check_with("anotherone", p.server.pwd, nat.outside[0]);
	struct peer_stats stats;
	peer_stats(other, &stats);
	cr_assert(addr_equal(&stats.remote, &nat.outside_addr[0]));
	peer_close(other);
}

Test(peer_paths, rtp_of_a_viewer_from_a_new_address_is_never_followed)
{
	connect_through_nat();
	nat.current = 1;
	nat.checks_blocked = true;
	cr_assert(eq(int, peer_send_rtp(p.client.peer, media, 1), 0));
	pair_serve(&p, 20000);
	cr_assert(eq(int, p.server.rtp, 0));
	cr_assert(server_is_at(&nat.outside_addr[0]));
	cr_assert(eq(u64, port_stats().foreign, 1));
}

Test(peer_paths, nominating_check_from_a_new_address_moves_the_session)
{
	connect_through_nat();
	nat.current = 1;
	const int64_t before_us = server_stats().last_check_us;
	p.clock.ahead_us += 6000000; /* the next consent check is due */
	while (server_stats().last_check_us == before_us)
		pair_serve(&p, 1000);
	cr_assert(server_is_at(&nat.outside_addr[1]));
	cr_assert(eq(int, peer_send_rtp(p.server.peer, media, 1), 0));
	cr_assert(pair_wait(&p, &p.client.rtp, 1));
}

Test(peer_paths, wrong_tag_is_counted_and_harmless)
{
	connect_through_nat();
	cr_assert(eq(int, peer_send_rtp(p.client.peer, media, 1), 0));
	cr_assert(pair_wait(&p, &p.server.rtp, 1));
	for (int i = 0; i < 100; i++) {
		nat.last[3] = (uint8_t)(100 + i); /* another sequence number: the tag is wrong */
		stranger_send(nat.outside[0], p.server.port, nat.last, nat.last_len);
	}
	header[3]++;
	cr_assert(eq(int, peer_send_rtp(p.client.peer, media, 1), 0));
	cr_assert(pair_wait(&p, &p.server.rtp, 2));
	cr_assert(eq(u64, server_stats().srtp_failed, 100));
	cr_assert(peer_connected(p.server.peer));
}

Test(peer_paths, strangers_get_no_answer)
{
	static const uint8_t samples[][20] = {
		{ 0x80, 96, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4 }, /* RTP */
		{ 0x80, 200, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4 }, /* RTCP */
		{ 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40 }, /* DTLS alert */
		{ 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1 }, /* bare STUN binding */
		{ 0x45, 1, 2, 3 }, /* TURN channel data */
		{ 0xff, 0xff }, /* nothing */
	};
	struct addr addr;
	uint8_t answer[1500];
	const int fd = stranger_open(&addr);
	connect_through_nat();
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		stranger_send(fd, p.server.port, samples[i], sizeof(samples[i]));
	stranger_send(fd, p.server.port, "", 0);
	cr_assert(eq(sz, stranger_receive(&p, fd, answer, sizeof(answer)), 0));
	const struct udp_port_stats stats = port_stats();
	cr_assert(eq(u64, stats.foreign, 3));
	cr_assert(eq(u64, stats.stun_bad, 1));
	cr_assert(eq(u64, stats.garbage, 3));
	cr_assert(peer_connected(p.server.peer));
	close(fd);
}

Test(peer_paths, only_the_right_password_is_answered)
{
	struct addr addr;
	const int fd = stranger_open(&addr);
	const struct peer_options server = pair_server_options(&p);
	cr_assert(eq(int, peer_create(&p.server.peer, p.server.port, &server), 0));
	cr_assert(eq(sz, check_with("nobodyhere", p.server.pwd, fd), 0));
	cr_assert(eq(u64, port_stats().stun_unknown, 1));
	cr_assert(eq(sz, check_with(p.server.ufrag, "0123456789012345678901", fd), 0));
	cr_assert(eq(u64, port_stats().stun_bad, 1));
	cr_assert(gt(sz, check_with(p.server.ufrag, p.server.pwd, fd), 0));
	close(fd);
}

Test(peer_paths, ice_restart_keeps_the_old_credentials_until_the_new_are_used)
{
	struct addr addr;
	const char *const pwd = "newpassword0123456789012";
	const int fd = stranger_open(&addr);
	const struct peer_options server = pair_server_options(&p);
	cr_assert(eq(int, peer_create(&p.server.peer, p.server.port, &server), 0));
	cr_assert(eq(int, peer_restart_ice(p.server.peer, p.server.ufrag, pwd), -EEXIST));
	cr_assert(eq(int, peer_restart_ice(p.server.peer, "unused99", pwd), 0));
	cr_assert(eq(int, peer_restart_ice(p.server.peer, "newufrag", pwd), 0));
	cr_assert(eq(sz, check_with("unused99", pwd, fd), 0));
	cr_assert(gt(sz, check_with(p.server.ufrag, p.server.pwd, fd), 0));
	cr_assert(gt(sz, check_with("newufrag", pwd, fd), 0));
	cr_assert(eq(sz, check_with(p.server.ufrag, p.server.pwd, fd), 0));
	cr_assert(gt(sz, check_with("newufrag", pwd, fd), 0));
	close(fd);
}

static int hello_fd;

static void on_send(void *arg, const uint8_t *data, size_t len)
{
	(void)arg;
	stranger_send(hello_fd, p.server.port, data, len);
}

Test(peer_paths, client_hello_that_overtakes_the_first_check_is_kept)
{
	static const struct dtls_ops ops = { .send = on_send };
	const struct dtls_options options = { .client = true, .ops = &ops };
	struct addr addr;
	struct dtls *dtls;
	uint8_t answer[1500];
	hello_fd = stranger_open(&addr);
	const struct peer_options server = pair_server_options(&p);
	cr_assert(eq(int, peer_create(&p.server.peer, p.server.port, &server), 0));
	cr_assert(eq(int, dtls_create(&dtls, p.client.dtls, &options), 0));
	dtls_start(dtls);
	cr_assert(eq(sz, stranger_receive(&p, hello_fd, answer, sizeof(answer)), 0));
	cr_assert(eq(u64, port_stats().hellos_kept, 1));
	cr_assert(gt(sz, check_with(p.server.ufrag, p.server.pwd, hello_fd), 0));
	cr_assert(gt(sz, stranger_receive(&p, hello_fd, answer, sizeof(answer)), 0));
	cr_assert(eq(int, answer[0], 22)); /* its ServerHello, without waiting for a second hello */
	dtls_destroy(dtls);
	close(hello_fd);
}

Test(peer_paths, server_on_all_addresses_answers_from_the_one_that_was_asked)
{
	struct udp_port *any;
	struct udp_port_options options = { .dtls = p.server.dtls };
	cr_assert(eq(int, addr_set(&options.bind, "0.0.0.0", 0), 0));
	cr_assert(eq(int, udp_port_create(&any, p.loop, &options), 0));
	const struct peer_options server = pair_server_options(&p);
	struct peer_options client = pair_client_options(&p);
	/* The client takes answers from its candidate alone. */
	cr_assert(eq(int, addr_set(&client.candidate, "127.0.0.2", addr_port(udp_port_addr(any))),
		     0));
	cr_assert(eq(int, peer_create(&p.server.peer, any, &server), 0));
	cr_assert(eq(int, peer_create(&p.client.peer, p.client.port, &client), 0));
	cr_assert(pair_wait(&p, &p.client.connected, 1));
	cr_assert(pair_wait(&p, &p.server.connected, 1));
	cr_assert(eq(int, peer_send_rtp(p.server.peer, media, 1), 0));
	cr_assert(pair_wait(&p, &p.client.rtp, 1));
	peer_close(p.server.peer);
	p.server.peer = NULL;
	udp_port_destroy(any);
}

Test(peer_paths, works_over_ipv6)
{
	struct udp_port *ports[2];
	struct udp_port_options options = { .dtls = p.server.dtls };
	cr_assert(eq(int, addr_set(&options.bind, "::1", 0), 0));
	if (udp_port_create(&ports[0], p.loop, &options))
		cr_skip_test("this machine has no IPv6 loopback");
	options.dtls = p.client.dtls;
	cr_assert(eq(int, udp_port_create(&ports[1], p.loop, &options), 0));
	const struct peer_options server = pair_server_options(&p);
	struct peer_options client = pair_client_options(&p);
	client.candidate = *udp_port_addr(ports[0]);
	cr_assert(eq(int, peer_create(&p.server.peer, ports[0], &server), 0));
	cr_assert(eq(int, peer_create(&p.client.peer, ports[1], &client), 0));
	cr_assert(pair_wait(&p, &p.client.connected, 1));
	peer_close(p.server.peer);
	peer_close(p.client.peer);
	p.server.peer = p.client.peer = NULL;
	udp_port_destroy(ports[0]);
	udp_port_destroy(ports[1]);
}

Test(peer_silence, consent_is_lost_after_30_seconds_without_a_check)
{
	pair_init(&p, true);
	pair_connect(&p);
	struct loop *client_loop = p.client_loop;
	p.client_loop = p.loop; /* nobody serves the client any more */
	p.clock.ahead_us += 29000000;
	pair_serve(&p, 150000);
	cr_assert(eq(int, p.server.closed, 0));
	p.clock.ahead_us += 1100000;
	cr_assert(pair_wait(&p, &p.server.closed, 1));
	cr_assert(eq(int, p.server.reason, PEER_CONSENT_LOST));
	p.client_loop = client_loop;
	pair_finish(&p);
}
