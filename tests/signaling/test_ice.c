#include "signaling/ice.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* RFC 5769 §2.1: password "VOkJxbRl1RmTxUk/WvJxBt", user "evtj:h6vY", ICE-CONTROLLED, SOFTWARE. */
static const uint8_t rfc_request[] =
	"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
	"\x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff"
	"\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\x00\x06\x00\x09"
	"\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20\x00\x08\x00\x14"
	"\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2"
	"\x80\x28\x00\x04\xe5\x7a\x3b\xcf";
enum { RFC_REQUEST = sizeof(rfc_request) - 1 };
static const char rfc_pwd[] = "VOkJxbRl1RmTxUk/WvJxBt";

static struct ice_agent *agent;
static struct ice lite, client;
static struct udp_path paths[3];
static struct ice_result result;

static void setup(void)
{
	static const struct ice_options lite_options = { .local_ufrag = "evtj",
							 .local_pwd = rfc_pwd };
	struct ice_options client_options = {
		.client = true,
		.local_ufrag = "h6vY",
		.local_pwd = "0123456789012345678901",
		.remote_ufrag = "evtj",
		.remote_pwd = rfc_pwd,
	};
	for (uint16_t i = 0; i < 3; i++)
		cr_assert(eq(int, addr_set(&paths[i].remote, "192.0.2.1", 1000 + i), 0));
	client_options.candidate = paths[2].remote;
	cr_assert(eq(int, ice_agent_create(&agent), 0));
	cr_assert(eq(int, ice_init(&lite, agent, &lite_options), 0));
	cr_assert(eq(int, ice_init(&client, agent, &client_options), 0));
}

static void teardown(void)
{
	ice_finish(&lite);
	ice_finish(&client);
	ice_agent_destroy(agent);
}

TestSuite(ice, .init = setup, .fini = teardown);

static void receive(struct ice *ice, const void *data, size_t len, const struct udp_path *from,
		    int64_t now_us)
{
	struct ice_packet packet;
	cr_assert(eq(int, ice_packet_scan(&packet, data, len), 0));
	ice_receive(ice, &packet, from, now_us, &result);
}

Test(ice, scans_the_sample_request_of_rfc_5769)
{
	struct ice_packet packet;
	cr_assert(eq(int, ice_packet_scan(&packet, rfc_request, RFC_REQUEST), 0));
	cr_assert(eq(int, packet.kind, ICE_REQUEST));
	cr_assert(eq(sz, packet.ufrag_len, 4));
	cr_assert(eq(int, memcmp(packet.ufrag, "evtj", 4), 0));
	cr_assert(not(packet.use_candidate));
}

Test(ice, refuses_every_truncation_and_every_changed_byte)
{
	struct ice_packet packet;
	for (size_t len = 0; len < RFC_REQUEST; len++)
		cr_assert(eq(int, ice_packet_scan(&packet, rfc_request, len), -EBADMSG));
	for (size_t i = 0; i < RFC_REQUEST; i++) {
		uint8_t changed[RFC_REQUEST];
		memcpy(changed, rfc_request, RFC_REQUEST);
		changed[i] ^= 0x20;
		cr_assert(eq(int, ice_packet_scan(&packet, changed, RFC_REQUEST), -EBADMSG),
			  "byte %zu", i);
	}
}

Test(ice, answers_the_sample_request_of_rfc_5769)
{
	/* It comes from an agent that thinks it is controlled, so it is told to switch (487). */
	receive(&lite, rfc_request, RFC_REQUEST, &paths[0], 1);
	cr_assert(not(result.valid));
	cr_assert(eq(int, result.reply[1], 0x11));
	cr_assert(eq(int, memcmp(result.reply + 8, rfc_request + 8, ICE_TRANSACTION), 0));
}

Test(ice, check_of_a_client_is_answered_and_the_answer_ends_it)
{
	uint8_t check[ICE_REPLY_MAX];
	const size_t len = ice_check(&client, 1000, check);
	cr_assert(gt(sz, len, 0));
	receive(&lite, check, len, &paths[0], 1000);
	cr_assert(result.valid);
	cr_assert(result.moved);
	const size_t reply_len = result.reply_len;
	uint8_t reply[ICE_REPLY_MAX];
	memcpy(reply, result.reply, reply_len);
	receive(&client, reply, reply_len, &paths[1], 2000);
	cr_assert(not(result.valid), "an answer from elsewhere counts for nothing");
	receive(&client, reply, reply_len, &paths[2], 2000);
	cr_assert(result.valid);
	cr_assert(eq(sz, ice_check(&client, 3900000, check), 0));
	cr_assert(gt(sz, ice_check(&client, 5002000, check), 0));
	receive(&client, reply, reply_len, &paths[2], 5003000);
	cr_assert(not(result.valid), "an answer to an earlier check counts for nothing");
}

Test(ice, check_is_repeated_with_growing_distance)
{
	static const int64_t due_us[] = { 0, 100000, 300000, 700000, 1500000, 3100000, 4700000 };
	uint8_t first[ICE_REPLY_MAX], again[ICE_REPLY_MAX];
	const size_t len = ice_check(&client, 0, first);
	for (int i = 1; i < 7; i++) {
		cr_assert(eq(sz, ice_check(&client, due_us[i] - 1, again), 0));
		cr_assert(eq(sz, ice_check(&client, due_us[i], again), len));
		cr_assert(eq(int, memcmp(first, again, len), 0));
	}
	cr_assert(eq(sz, ice_check(&client, due_us[6] + 1600000, again), len));
	cr_assert(ne(int, memcmp(first + 8, again + 8, ICE_TRANSACTION), 0), "a new one");
}

static void check_at(const struct udp_path *from, int64_t now_us)
{
	uint8_t check[ICE_REPLY_MAX];
	client.check_len = 0;
	client.next_check_us = 0;
	const size_t len = ice_check(&client, now_us, check);
	receive(&lite, check, len, from, now_us);
}

/* As if it had no USE-CANDIDATE. */
static void plain_check_at(const struct udp_path *from, int64_t now_us)
{
	uint8_t check[ICE_REPLY_MAX];
	client.check_len = 0;
	client.next_check_us = 0;
	const size_t len = ice_check(&client, now_us, check);
	struct ice_packet packet;
	cr_assert(eq(int, ice_packet_scan(&packet, check, len), 0));
	packet.use_candidate = false; /* libnice does not look at it */
	ice_receive(&lite, &packet, from, now_us, &result);
}

Test(ice, moves_on_nomination_or_when_the_old_path_is_silent)
{
	check_at(&paths[0], 1000000);
	plain_check_at(&paths[1], 2000000);
	cr_assert(result.valid);
	cr_assert(not(result.moved));
	check_at(&paths[1], 3000000);
	cr_assert(result.moved);
	plain_check_at(&paths[0], 5999999);
	cr_assert(not(result.moved));
	plain_check_at(&paths[0], 6000000);
	cr_assert(result.moved);
	cr_assert(eq(u64, lite.moves, 2));
}

Test(ice, traffic_keeps_a_path_and_fresh_rtcp_moves_it)
{
	check_at(&paths[0], 1000000);
	cr_assert(not(ice_heard(&lite, &paths[0], false, 3900000)));
	plain_check_at(&paths[1], 4100000);
	cr_assert(not(result.moved));
	cr_assert(not(ice_heard(&lite, &paths[1], false, 4200000)));
	cr_assert(ice_heard(&lite, &paths[1], true, 4200000));
	cr_assert(addr_equal(&lite.path.remote, &paths[1].remote));
}

/* The newest check of the client, from another place or once more. */
static void copy_at(const struct udp_path *from, int64_t now_us)
{
	receive(&lite, client.check, client.check_len, from, now_us);
}

Test(ice, copy_of_a_check_from_elsewhere_changes_nothing_and_gets_nothing)
{
	check_at(&paths[0], 1000000);
	copy_at(&paths[1], 2000000);
	cr_assert(not(result.valid));
	cr_assert(eq(sz, result.reply_len, 0));
	copy_at(&paths[1], 20000000); /* not even when the path is silent */
	cr_assert(not(result.valid));
	cr_assert(addr_equal(&lite.path.remote, &paths[0].remote));
	cr_assert(ice_consent_lost(&lite, 31000000));
}

Test(ice, check_that_is_sent_again_is_answered_again)
{
	check_at(&paths[0], 1000000);
	copy_at(&paths[0], 1500000);
	cr_assert(result.valid);
	cr_assert(gt(sz, result.reply_len, 0));
	cr_assert(ice_consent_lost(&lite, 31000000), "it is no new consent");
}

Test(ice, copies_are_known_for_thousands_of_checks_and_forgotten_with_the_credentials)
{
	struct ice_seen seen = { 0 };
	uint8_t transaction[ICE_TRANSACTION] = { 0 };
	for (unsigned i = 0; i < ICE_SEEN_MAX + 10; i++) {
		memcpy(transaction, &i, sizeof(i));
		cr_assert(eq(int, ice_seen_take(&seen, transaction, &paths[0]), ICE_SEEN_NEVER));
	}
	for (unsigned i = 10; i < ICE_SEEN_MAX + 10; i++) {
		memcpy(transaction, &i, sizeof(i));
		cr_assert(eq(int, ice_seen_take(&seen, transaction, &paths[0]), ICE_SEEN_HERE));
		cr_assert(
			eq(int, ice_seen_take(&seen, transaction, &paths[1]), ICE_SEEN_ELSEWHERE));
	}
	ice_seen_clear(&seen);
	cr_assert(eq(int, ice_seen_take(&seen, transaction, &paths[1]), ICE_SEEN_NEVER));
	ice_seen_clear(&seen);
}

Test(ice, an_address_is_held_while_something_comes_from_it)
{
	cr_assert(not(ice_holds(&lite, &paths[0], 0)));
	check_at(&paths[0], 1000000);
	cr_assert(ice_holds(&lite, &paths[0], 3999999));
	cr_assert(not(ice_holds(&lite, &paths[1], 3999999)));
	cr_assert(not(ice_holds(&lite, &paths[0], 4000000)));
}

Test(ice, consent_ends_30_seconds_after_the_last_check)
{
	cr_assert(not(ice_consent_lost(&lite, 99000000)));
	check_at(&paths[0], 1000000);
	cr_assert(not(ice_consent_lost(&lite, 30999999)));
	cr_assert(ice_consent_lost(&lite, 31000000));
	cr_assert(not(ice_heard(&lite, &paths[0], true, 30000000)));
	cr_assert(ice_consent_lost(&lite, 31000000));
}

Test(ice, wrong_password_and_foreign_ufrag_get_nothing)
{
	free(client.remote.pwd);
	client.remote.pwd = strdup("0123456789012345678901");
	check_at(&paths[0], 1);
	cr_assert(not(result.valid));
	cr_assert(eq(sz, result.reply_len, 0));
	free(client.remote.ufrag);
	client.remote.ufrag = strdup("evtk");
	check_at(&paths[0], 1);
	cr_assert(not(result.valid));
	cr_assert(eq(sz, result.reply_len, 0));
	cr_assert(eq(int, lite.path.remote.len, 0));
}

Test(ice, credentials_have_the_lengths_of_rfc_8839)
{
	struct ice ice;
	struct ice_options options = { .local_ufrag = "abc", .local_pwd = rfc_pwd };
	cr_assert(eq(int, ice_init(&ice, agent, &options), -EINVAL));
	options.local_ufrag = "abcd";
	options.local_pwd = "012345678901234567890";
	cr_assert(eq(int, ice_init(&ice, agent, &options), -EINVAL));
	options.local_pwd = NULL;
	cr_assert(eq(int, ice_init(&ice, agent, &options), -EINVAL));
}
