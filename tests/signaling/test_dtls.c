#include "signaling/dtls.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

enum { QUEUE = 64, DATAGRAM = 2048 };

struct end {
	struct dtls_context *context;
	struct dtls *dtls;
	uint8_t out[QUEUE][DATAGRAM]; /* on their way to the other end */
	size_t out_len[QUEUE];
	int sent, delivered;
	int lose; /* that many of the next datagrams vanish */
	int connected;
	int ended;
	enum dtls_event event;
	uint8_t data[DATAGRAM];
	size_t data_len;
};

static struct end server, client;

static void on_send(void *arg, const uint8_t *datagram, size_t len)
{
	struct end *end = arg;
	if (end->lose) {
		end->lose--;
		return;
	}
	cr_assert(lt(int, end->sent, QUEUE));
	cr_assert(le(sz, len, DTLS_PAYLOAD_MAX + 64));
	memcpy(end->out[end->sent], datagram, len);
	end->out_len[end->sent++] = len;
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
	struct end *end = arg;
	memcpy(end->data, data, len);
	end->data_len = len;
}

static void on_event(void *arg, enum dtls_event event)
{
	struct end *end = arg;
	end->event = event;
	if (event == DTLS_CONNECTED)
		end->connected++;
	else
		end->ended++;
}

static const struct dtls_ops ops = { .send = on_send, .data = on_data, .event = on_event };

static void open_end(struct end *end, const struct end *other, bool is_client)
{
	struct dtls_options options = { .client = is_client, .ops = &ops, .arg = end };
	memcpy(options.fingerprint, dtls_context_fingerprint_bytes(other->context),
	       DTLS_FINGERPRINT);
	cr_assert(eq(int, dtls_create(&end->dtls, end->context, &options), 0));
}

static void setup(void)
{
	memset(&server, 0, sizeof(server));
	memset(&client, 0, sizeof(client));
	cr_assert(eq(int, dtls_context_create(&server.context), 0));
	cr_assert(eq(int, dtls_context_create(&client.context), 0));
	open_end(&server, &client, false);
	open_end(&client, &server, true);
}

static void teardown(void)
{
	dtls_destroy(server.dtls);
	dtls_destroy(client.dtls);
	dtls_context_destroy(server.context);
	dtls_context_destroy(client.context);
}

TestSuite(dtls, .init = setup, .fini = teardown);

static bool deliver(struct end *from, struct end *to)
{
	if (from->delivered == from->sent)
		return false;
	const int at = from->delivered++;
	dtls_feed(to->dtls, from->out[at], from->out_len[at]);
	return true;
}

static void exchange(void)
{
	while (deliver(&client, &server) || deliver(&server, &client))
		;
}

static void shake_hands(void)
{
	dtls_start(client.dtls);
	exchange();
	cr_assert(eq(int, server.connected, 1));
	cr_assert(eq(int, client.connected, 1));
}

Test(dtls, shakes_hands_and_exports_the_same_keys)
{
	struct dtls_keys a, b;
	cr_assert(eq(int, dtls_export_keys(server.dtls, &a), -ENOTCONN));
	shake_hands();
	cr_assert(eq(int, dtls_export_keys(server.dtls, &a), 0));
	cr_assert(eq(int, dtls_export_keys(client.dtls, &b), 0));
	cr_assert(eq(int, a.profile, DTLS_SRTP_AEAD_AES_128_GCM));
	cr_assert(eq(int, memcmp(a.local_key, b.remote_key, 16), 0));
	cr_assert(eq(int, memcmp(a.remote_key, b.local_key, 16), 0));
	cr_assert(eq(int, memcmp(a.local_salt, b.remote_salt, 12), 0));
	cr_assert(eq(int, memcmp(a.remote_salt, b.local_salt, 12), 0));
	cr_assert(ne(int, memcmp(a.local_key, a.remote_key, 16), 0));
}

Test(dtls, carries_packets_of_sctp_whole)
{
	uint8_t packet[DTLS_PAYLOAD_MAX];
	memset(packet, 7, sizeof(packet));
	cr_assert(eq(int, dtls_send(client.dtls, packet, 10), -ENOTCONN));
	shake_hands();
	cr_assert(eq(int, dtls_send(client.dtls, packet, sizeof(packet)), 0));
	exchange();
	cr_assert(eq(sz, server.data_len, sizeof(packet)));
	cr_assert(eq(int, memcmp(server.data, packet, sizeof(packet)), 0));
	cr_assert(eq(int, dtls_send(server.dtls, packet, 3), 0));
	exchange();
	cr_assert(eq(sz, client.data_len, 3));
	cr_assert(eq(int, dtls_send(server.dtls, packet, sizeof(packet) + 1), -EMSGSIZE));
}

Test(dtls, close_notify_reaches_the_other_end)
{
	shake_hands();
	dtls_close(client.dtls);
	cr_assert(not(dtls_connected(client.dtls)));
	exchange();
	cr_assert(eq(int, server.event, DTLS_CLOSED));
	cr_assert(eq(int, client.ended, 0));
}

Test(dtls, foreign_certificate_ends_the_server)
{
	struct dtls_context *other;
	cr_assert(eq(int, dtls_context_create(&other), 0));
	dtls_destroy(client.dtls);
	struct dtls_context *own = client.context;
	client.context = other;
	open_end(&client, &server, true);
	dtls_start(client.dtls);
	exchange();
	cr_assert(eq(int, server.event, DTLS_BAD_FINGERPRINT));
	cr_assert(eq(int, server.connected, 0));
	dtls_destroy(client.dtls);
	client.dtls = NULL;
	client.context = own;
	dtls_context_destroy(other);
}

Test(dtls, foreign_certificate_ends_the_client)
{
	dtls_destroy(client.dtls);
	open_end(&client, &client, true); /* expects its own certificate */
	dtls_start(client.dtls);
	exchange();
	cr_assert(eq(int, client.event, DTLS_BAD_FINGERPRINT));
	cr_assert(eq(int, client.connected, 0));
	cr_assert(eq(int, server.connected, 0));
}

static void tick_until_sent(struct end *end)
{
	const int before = end->sent;
	struct timespec start, now;
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		dtls_tick(end->dtls);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (end->sent == before && now.tv_sec - start.tv_sec < 3);
	cr_assert(gt(int, end->sent, before));
}

static void finish_with_retransmissions(void)
{
	while (!client.connected) {
		tick_until_sent(&client);
		exchange();
	}
	cr_assert(eq(int, server.connected, 1));
}

Test(dtls, lost_flights_are_sent_again)
{
	client.lose = 1;
	dtls_start(client.dtls);
	exchange();
	cr_assert(eq(int, server.sent, 0));
	server.lose = 1;
	tick_until_sent(&client);
	exchange();
	finish_with_retransmissions();
}

/* Splits a ClientHello of one record into two of them, as Chromium's 1,413 bytes arrive. */
static void feed_fragmented_hello(const uint8_t *hello, size_t len)
{
	enum { RECORD = 13, MESSAGE = 12, FIRST = 40 };
	const size_t body = len - RECORD - MESSAGE;
	for (int i = 0; i < 2; i++) {
		uint8_t out[DATAGRAM];
		const size_t at = i ? FIRST : 0;
		const size_t size = i ? body - FIRST : FIRST;
		memcpy(out, hello, RECORD + MESSAGE);
		out[10] = i ? 50 : 0; /* record sequence number, one that the client will not use */
		out[11] = (uint8_t)((MESSAGE + size) >> 8);
		out[12] = (uint8_t)(MESSAGE + size);
		out[RECORD + 7] = (uint8_t)(at >> 8);
		out[RECORD + 8] = (uint8_t)at;
		out[RECORD + 10] = (uint8_t)(size >> 8);
		out[RECORD + 11] = (uint8_t)size;
		memcpy(out + RECORD + MESSAGE, hello + RECORD + MESSAGE + at, size);
		dtls_feed(server.dtls, out, RECORD + MESSAGE + size);
	}
}

Test(dtls, client_hello_in_two_datagrams_is_put_together)
{
	dtls_start(client.dtls);
	cr_assert(eq(int, client.sent, 1));
	feed_fragmented_hello(client.out[0], client.out_len[0]);
	client.delivered = 1;
	cr_assert(gt(int, server.sent, 0));
	exchange();
	cr_assert(eq(int, server.connected, 1));
	cr_assert(eq(int, client.connected, 1));
}

Test(dtls, garbage_changes_nothing)
{
	static const uint8_t junk[][16] = {
		{ 22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3 },
		{ 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40 }, /* fatal alert */
		{ 23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3 },
		{ 63, 1, 2, 3 },
	};
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++)
			dtls_feed(server.dtls, junk[i], sizeof(junk[i]));
		cr_assert(eq(int, server.ended, 0));
		/* Forged record numbers may cost the real hello a repetition. */
		dtls_start(client.dtls);
		exchange();
		finish_with_retransmissions();
	}
	cr_assert(eq(int, dtls_send(client.dtls, "x", 1), 0));
	exchange();
	cr_assert(eq(sz, server.data_len, 1));
}

Test(dtls, fingerprint_is_written_and_read)
{
	const char *text = dtls_context_fingerprint(server.context);
	uint8_t bytes[DTLS_FINGERPRINT];
	char lower[DTLS_FINGERPRINT_TEXT];
	cr_assert(eq(int, dtls_fingerprint_parse(text, bytes), 0));
	cr_assert(eq(int, memcmp(bytes, dtls_context_fingerprint_bytes(server.context), 32), 0));
	for (int i = 0; i < DTLS_FINGERPRINT_TEXT; i++)
		lower[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] + 32 : text[i]);
	cr_assert(eq(int, dtls_fingerprint_parse(lower, bytes), 0));
	lower[2] = '-';
	cr_assert(eq(int, dtls_fingerprint_parse(lower, bytes), -EINVAL));
	lower[2] = ':';
	lower[0] = 'g';
	cr_assert(eq(int, dtls_fingerprint_parse(lower, bytes), -EINVAL));
	cr_assert(eq(int, dtls_fingerprint_parse(text + 3, bytes), -EINVAL));
	cr_assert(eq(int, dtls_fingerprint_parse("", bytes), -EINVAL));
}
