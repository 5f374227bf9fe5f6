#include "signaling/peer.h"
#include "tests/signaling/peer_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

static struct pair p;

static void setup(void)
{
	pair_init(&p, false);
}

static void teardown(void)
{
	pair_finish(&p);
}

TestSuite(peer, .init = setup, .fini = teardown);

enum { HEADER = 12, RUN_MAX = 200, BUSY_US = 50000 };

/* A run of packets of the given payload sizes under consecutive sequence numbers. */
struct media {
	uint8_t headers[RUN_MAX][HEADER];
	uint8_t payload[1400];
	struct iovec parts[2 * RUN_MAX];
};

static struct media m;

static void media_make(uint16_t seq, const size_t *sizes, size_t count)
{
	for (size_t i = 0; i < sizeof(m.payload); i++)
		m.payload[i] = (uint8_t)(i * 7 + seq);
	for (size_t i = 0; i < count; i++) {
		const uint16_t number = (uint16_t)(seq + i);
		memcpy(m.headers[i], "\x80\x60\0\0\0\0\0\1\0\0\0\7", HEADER);
		m.headers[i][2] = (uint8_t)(number >> 8);
		m.headers[i][3] = (uint8_t)number;
		m.parts[2 * i] = (struct iovec){ m.headers[i], HEADER };
		m.parts[2 * i + 1] = (struct iovec){ m.payload, sizes[i] };
	}
}

static void assert_received(const struct side *side, size_t first, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct packet *packet = &side->packets[first + i];
		const struct iovec *payload = &m.parts[2 * i + 1];
		cr_assert(eq(sz, packet->len, HEADER + payload->iov_len));
		cr_assert(eq(int, memcmp(packet->data, m.headers[i], HEADER), 0));
		cr_assert(eq(int, memcmp(packet->data + HEADER, m.payload, payload->iov_len), 0));
	}
}

Test(peer, connects_and_prefers_gcm)
{
	pair_connect(&p);
	struct peer_stats stats;
	peer_stats(p.server.peer, &stats);
	cr_assert(eq(str, (char *)stats.srtp_profile, "AEAD_AES_128_GCM"));
	cr_assert(addr_equal(&stats.remote, udp_port_addr(p.client.port)));
	cr_assert(peer_connected(p.client.peer));
}

Test(peer, server_may_be_the_dtls_client)
{
	struct peer_options server = pair_server_options(&p), client = pair_client_options(&p);
	server.dtls_client = true;
	client.dtls_client = false;
	cr_assert(eq(int, peer_create(&p.server.peer, p.server.port, &server), 0));
	cr_assert(eq(int, peer_create(&p.client.peer, p.client.port, &client), 0));
	cr_assert(pair_wait(&p, &p.server.connected, 1));
	cr_assert(pair_wait(&p, &p.client.connected, 1));
}

Test(peer, equal_packets_and_a_shorter_last_one_leave_in_one_call)
{
	static const size_t sizes[] = { 1100, 1100, 1100, 1100, 1100, 1100, 1100, 1100, 300 };
	pair_connect(&p);
	struct udp_port_stats before, after;
	udp_port_stats(p.server.port, &before);
	media_make(100, sizes, 9);
	cr_assert(eq(int, peer_send_rtp(p.server.peer, m.parts, 9), 0));
	udp_port_stats(p.server.port, &after);
	cr_assert(pair_wait(&p, &p.client.rtp, 9));
	assert_received(&p.client, 0, 9);
	cr_assert(eq(u64, after.packets_out - before.packets_out, 9));
	cr_assert(eq(u64, after.sends - before.sends, before.gso ? 1 : 9));
}

Test(peer, unequal_packets_are_split_into_runs_in_order)
{
	static const size_t sizes[] = { 100, 200, 200, 50, 60, 60, 60, 1200, 1 };
	pair_connect(&p);
	media_make(65530, sizes, 9);
	cr_assert(eq(int, peer_send_rtp(p.server.peer, m.parts, 9), 0));
	cr_assert(pair_wait(&p, &p.client.rtp, 9));
	assert_received(&p.client, 0, 9);
}

Test(peer, long_runs_respect_what_the_kernel_segments)
{
	static size_t sizes[RUN_MAX];
	for (int i = 0; i < RUN_MAX; i++)
		sizes[i] = 1200;
	pair_connect(&p);
	media_make(0, sizes, RUN_MAX);
	cr_assert(eq(int, peer_send_rtp(p.server.peer, m.parts, RUN_MAX), 0));
	cr_assert(pair_wait(&p, &p.client.rtp, RUN_MAX));
	assert_received(&p.client, 0, RUN_MAX);
}

Test(peer, packets_are_as_old_as_the_kernel_has_had_them)
{
	static const size_t sizes[] = { 500 };
	const struct timespec busy = { .tv_nsec = BUSY_US * 1000L };
	pair_connect(&p);
	media_make(1, sizes, 1);
	const int64_t sent_us = loop_now_us(p.loop);
	cr_assert(eq(int, peer_send_rtp(p.server.peer, m.parts, 1), 0));
	nanosleep(&busy, NULL);
	const int64_t read_us = loop_now_us(p.loop);
	cr_assert(pair_wait(&p, &p.client.rtp, 1));
	cr_expect(ge(i64, p.client.arrived_us, sent_us - 1000));
	cr_expect(lt(i64, p.client.arrived_us, read_us - BUSY_US / 2));
}

Test(peer, packet_that_no_path_takes_is_refused)
{
	static const size_t sizes[] = { 1400 };
	pair_connect(&p);
	media_make(1, sizes, 1);
	m.parts[1].iov_len = 1489;
	cr_assert(eq(int, peer_send_rtp(p.server.peer, m.parts, 1), -EMSGSIZE));
}

Test(peer, retransmission_is_a_replay_to_whoever_had_it)
{
	static const size_t sizes[] = { 500 };
	pair_connect(&p);
	media_make(7, sizes, 1);
	cr_assert(eq(int, peer_send_rtp(p.server.peer, m.parts, 1), 0));
	cr_assert(eq(int, peer_send_rtp(p.server.peer, m.parts, 1), 0));
	media_make(8, sizes, 1);
	cr_assert(eq(int, peer_send_rtp(p.server.peer, m.parts, 1), 0));
	cr_assert(pair_wait(&p, &p.client.rtp, 2));
	struct peer_stats stats;
	peer_stats(p.client.peer, &stats);
	cr_assert(eq(u64, stats.srtp_replayed, 1));
	cr_assert(eq(int, p.client.rtp, 2));
}

static const uint8_t report[] = { 0x80, 201, 0, 1, 0, 0, 0, 1 };

Test(peer, carries_rtcp_and_sctp_both_ways)
{
	pair_connect(&p);
	cr_assert(eq(int, peer_send_rtcp(p.client.peer, report, sizeof(report)), 0));
	cr_assert(pair_wait(&p, &p.server.rtcp, 1));
	cr_assert(eq(int, memcmp(p.server.last.data, report, sizeof(report)), 0));
	cr_assert(eq(int, peer_send_rtcp(p.server.peer, report, sizeof(report)), 0));
	cr_assert(pair_wait(&p, &p.client.rtcp, 1));
	cr_assert(eq(int, peer_send_sctp(p.client.peer, m.payload, 1180), 0));
	cr_assert(pair_wait(&p, &p.server.sctp, 1));
	cr_assert(eq(sz, p.server.last.len, 1180));
	cr_assert(eq(int, peer_send_sctp(p.server.peer, report, 8), 0));
	cr_assert(pair_wait(&p, &p.client.sctp, 1));
}

Test(peer, publisher_is_opened_by_libsrtp)
{
	static const size_t sizes[] = { 900, 900, 900 };
	struct peer_options server = pair_server_options(&p), client = pair_client_options(&p);
	server.ingest = true;
	cr_assert(eq(int, peer_create(&p.server.peer, p.server.port, &server), 0));
	cr_assert(eq(int, peer_create(&p.client.peer, p.client.port, &client), 0));
	cr_assert(pair_wait(&p, &p.client.connected, 1));
	cr_assert(pair_wait(&p, &p.server.connected, 1));
	media_make(65534, sizes, 3);
	cr_assert(eq(int, peer_send_rtp(p.client.peer, m.parts, 3), 0));
	cr_assert(pair_wait(&p, &p.server.rtp, 3));
	assert_received(&p.server, 0, 3);
}

Test(peer, nothing_is_sent_before_it_is_connected)
{
	static const size_t sizes[] = { 10 };
	const struct peer_options server = pair_server_options(&p);
	cr_assert(eq(int, peer_create(&p.server.peer, p.server.port, &server), 0));
	media_make(1, sizes, 1);
	cr_assert(eq(int, peer_send_rtp(p.server.peer, m.parts, 1), -ENOTCONN));
	cr_assert(eq(int, peer_send_rtcp(p.server.peer, report, sizeof(report)), -ENOTCONN));
	cr_assert(eq(int, peer_send_sctp(p.server.peer, report, sizeof(report)), -ENOTCONN));
}

Test(peer, wrong_fingerprint_ends_both)
{
	struct peer_options server = pair_server_options(&p);
	const struct peer_options client = pair_client_options(&p);
	server.remote_fingerprint[5] ^= 1;
	cr_assert(eq(int, peer_create(&p.server.peer, p.server.port, &server), 0));
	cr_assert(eq(int, peer_create(&p.client.peer, p.client.port, &client), 0));
	cr_assert(pair_wait(&p, &p.server.closed, 1));
	cr_assert(eq(int, p.server.reason, PEER_BAD_FINGERPRINT));
	cr_assert(pair_wait(&p, &p.client.closed, 1));
	cr_assert(eq(int, p.client.reason, PEER_DTLS_FAILED));
	cr_assert(eq(int, p.server.connected, 0));
}

Test(peer, ufrag_is_taken_once_and_credentials_have_a_length)
{
	struct peer_options server = pair_server_options(&p);
	struct peer *second;
	cr_assert(eq(int, peer_create(&p.server.peer, p.server.port, &server), 0));
	cr_assert(eq(int, peer_create(&second, p.server.port, &server), -EEXIST));
	server.local_ufrag = "abc";
	cr_assert(eq(int, peer_create(&second, p.server.port, &server), -EINVAL));
	server.local_ufrag = "abcd";
	server.local_pwd = "tooshort";
	cr_assert(eq(int, peer_create(&second, p.server.port, &server), -EINVAL));
}

Test(peer, close_notify_ends_the_other_side)
{
	pair_connect(&p);
	p.server.close_in_callback = true;
	peer_close(p.client.peer);
	p.client.peer = NULL;
	cr_assert(pair_wait(&p, &p.server.closed, 1));
	cr_assert(eq(int, p.server.reason, PEER_REMOTE_CLOSED));
	cr_assert(eq(str, (char *)peer_reason_text(p.server.reason), "remote_closed"));
	struct udp_port_stats stats;
	udp_port_stats(p.server.port, &stats);
	cr_assert(eq(u64, stats.sessions, 0));
}

Test(peer, whoever_vanishes_is_missed_only_by_consent)
{
	pair_connect(&p);
	p.server.close_in_callback = true;
	peer_vanish(p.client.peer);
	p.client.peer = NULL;
	pair_serve(&p, 50000);
	cr_assert(eq(int, p.server.closed, 0));
	p.clock.ahead_us += 31000000;
	cr_assert(pair_wait(&p, &p.server.closed, 1));
	cr_assert(eq(int, p.server.reason, PEER_CONSENT_LOST));
}

Test(peer, may_be_closed_inside_its_own_callback)
{
	const struct peer_options server = pair_server_options(&p);
	const struct peer_options client = pair_client_options(&p);
	cr_assert(eq(int, peer_create(&p.server.peer, p.server.port, &server), 0));
	cr_assert(eq(int, peer_create(&p.client.peer, p.client.port, &client), 0));
	p.server.close_when_connected = p.server.peer;
	cr_assert(pair_wait(&p, &p.server.connected, 1));
	cr_assert(pair_wait(&p, &p.client.closed, 1));
}

Test(peer, half_open_join_is_reaped_after_15_seconds)
{
	const struct peer_options server = pair_server_options(&p);
	p.server.close_in_callback = true;
	cr_assert(eq(int, peer_create(&p.server.peer, p.server.port, &server), 0));
	p.clock.ahead_us = 14000000;
	pair_serve(&p, 150000);
	cr_assert(eq(int, p.server.closed, 0));
	p.clock.ahead_us = 15000000;
	cr_assert(pair_wait(&p, &p.server.closed, 1));
	cr_assert(eq(int, p.server.reason, PEER_TIMEOUT));
}

Test(peer, consent_is_renewed_while_the_client_lives)
{
	pair_connect(&p);
	for (int i = 0; i < 450; i++) {
		p.clock.ahead_us += 100000;
		pair_serve(&p, 500);
	}
	cr_assert(eq(int, p.server.closed, 0));
	cr_assert(eq(int, p.client.closed, 0));
}
