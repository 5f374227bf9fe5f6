#include "server/core/websocket.h"

#include "server/core/addr.h"
#include "server/core/buf.h"
#include "server/core/http_server.h"
#include "server/core/loop.h"
#include "tests/support/fake_clock.h"
#include "tests/support/loopback_client.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BIG = 8 * 1024 * 1024, SECOND_US = 1000 * 1000 };

/* The handshake of RFC 6455 §1.3. */
#define HANDSHAKE \
	"GET /ws HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n" \
	"Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" \
	"Sec-WebSocket-Protocol: chat, souk.v1\r\nSec-WebSocket-Version: 13\r\n\r\n"

struct fixture {
	struct fake_clock fake;
	struct loop *loop;
	struct http_server *server;
	struct loopback_client client;
	struct websocket *ws;
	char last[WEBSOCKET_MESSAGE_MAX + 1];
	size_t last_len;
	int accepted; /* what websocket_accept() said */
	int messages;
	int drained;
	int closed;
	int code;
	bool destroy_on_message;
	bool close_on_message;
};

static struct fixture f;

static void on_message(void *arg, const char *text, size_t len)
{
	(void)arg;
	f.messages++;
	f.last_len = len;
	memcpy(f.last, text, len + 1);
	if (f.close_on_message)
		websocket_close(f.ws, 4400, "bad message");
	if (f.destroy_on_message) {
		websocket_destroy(f.ws);
		f.ws = NULL;
	}
}

static void on_drained(void *arg)
{
	(void)arg;
	f.drained++;
}

static void on_closed(void *arg, int code)
{
	(void)arg;
	f.closed++;
	f.code = code;
	websocket_destroy(f.ws);
	f.ws = NULL;
}

static const struct websocket_ops ops = { on_message, on_drained, on_closed };

static void on_request(struct http_request *request, void *arg)
{
	(void)arg;
	const bool ours = websocket_offers(request, "souk.v1");
	f.accepted = websocket_accept(&f.ws, request, ours ? "souk.v1" : NULL, &ops, NULL);
}

static void setup(void)
{
	f = (struct fixture){ .accepted = 1 };
	fake_clock_init(&f.fake);
	cr_assert(eq(int, loop_create(&f.loop, &f.fake.clock), 0));
	const struct http_server_opts opts = { .on_request = on_request };
	cr_assert(eq(int, http_server_create(&f.server, f.loop, &opts), 0));
	struct addr peer;
	cr_assert(eq(int, addr_set(&peer, "127.0.0.1", 4321), 0));
	http_server_accept(f.server, loopback_client_open(&f.client), &peer, NULL);
}

static void teardown(void)
{
	websocket_destroy(f.ws);
	http_server_destroy(f.server);
	loopback_client_close(&f.client);
	loop_poll(f.loop);
	loop_destroy(f.loop);
}

TestSuite(websocket, .init = setup, .fini = teardown);

static void open_socket(void)
{
	loopback_client_text(&f.client, HANDSHAKE);
	cr_assert(loopback_client_wait(&f.client, f.loop, "\r\n\r\n"));
	bytes_clear(&f.client.in);
}

static void put_frame(struct bytes *out, uint8_t first, const void *payload, size_t len)
{
	static const uint8_t mask[4] = { 0x12, 0x34, 0x56, 0x78 };
	bytes_u8(out, first);
	if (len < 126) {
		bytes_u8(out, (uint8_t)(0x80 | len));
	} else {
		bytes_u8(out, 0x80 | 126);
		bytes_be16(out, (uint16_t)len);
	}
	bytes_put(out, mask, sizeof(mask));
	for (size_t i = 0; i < len; i++)
		bytes_u8(out, ((const uint8_t *)payload)[i] ^ mask[i % 4]);
}

static void send_frame(uint8_t first, const void *payload, size_t len)
{
	struct bytes frame;
	bytes_init(&frame, 100000);
	put_frame(&frame, first, payload, len);
	loopback_client_send(&f.client, frame.data, frame.len);
	loopback_client_turn(&f.client, f.loop);
	bytes_finish(&frame);
}

static bool heard(const void *data, size_t len)
{
	if (!loopback_client_wait_len(&f.client, f.loop, len))
		return false;
	return !memcmp(f.client.in.data, data, len);
}

static int close_code(void)
{
	if (!loopback_client_wait_len(&f.client, f.loop, 4) || f.client.in.data[0] != 0x88)
		return -1;
	return f.client.in.data[2] << 8 | f.client.in.data[3];
}

Test(websocket, answers_the_handshake_of_the_rfc)
{
	loopback_client_text(&f.client, HANDSHAKE);
	cr_assert(loopback_client_wait(&f.client, f.loop, "\r\n\r\n"));
	cr_assert(eq(int, f.accepted, 0));
	cr_assert(loopback_client_wait(&f.client, f.loop, "HTTP/1.1 101 Switching Protocols\r\n"));
	cr_assert(loopback_client_wait(&f.client, f.loop,
				       "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	cr_assert(loopback_client_wait(&f.client, f.loop, "Sec-WebSocket-Protocol: souk.v1\r\n"));
}

static const struct {
	const char *text;
	const char *status;
} bad_handshakes[] = {
	{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 " },
	{ "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
	  "HTTP/1.1 400 " },
	{ "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	  "Sec-WebSocket-Key: c2hvcnQ=\r\nSec-WebSocket-Version: 13\r\n\r\n",
	  "HTTP/1.1 400 " },
	{ "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n",
	  "HTTP/1.1 426 " },
};

Test(websocket, refuses_what_is_no_handshake)
{
	for (size_t i = 0; i < sizeof(bad_handshakes) / sizeof(bad_handshakes[0]); i++) {
		loopback_client_text(&f.client, bad_handshakes[i].text);
		cr_assert(loopback_client_wait(&f.client, f.loop, bad_handshakes[i].status));
		cr_assert(eq(int, f.accepted, -EPROTO));
		cr_assert(loopback_client_wait(&f.client, f.loop, "Sec-WebSocket-Version: 13\r\n"));
		loopback_client_turn(&f.client, f.loop);
		bytes_clear(&f.client.in);
	}
}

Test(websocket, receives_text_whole_and_in_fragments)
{
	open_socket();
	send_frame(0x81, "hello", 5);
	cr_assert(eq(str, f.last, "hello"));
	send_frame(0x01, "one ", 4);
	send_frame(0x89, "p", 1); /* control frames may come in between */
	send_frame(0x00, "two ", 4);
	send_frame(0x80, "three", 5);
	cr_assert(eq(str, f.last, "one two three"));
	cr_assert(eq(int, f.messages, 2));
	cr_assert(heard("\x8a\x01p", 3));
}

Test(websocket, frames_behind_the_handshake_are_not_lost)
{
	struct bytes text;
	bytes_init(&text, 1000);
	bytes_text(&text, HANDSHAKE);
	put_frame(&text, 0x81, "early", 5);
	loopback_client_send(&f.client, text.data, text.len);
	loopback_client_turn(&f.client, f.loop);
	send_frame(0x81, "late", 4);
	cr_assert(eq(int, f.messages, 2));
	cr_assert(eq(str, f.last, "late"));
	bytes_finish(&text);
}

Test(websocket, receives_byte_by_byte)
{
	struct bytes frame;
	bytes_init(&frame, 1000);
	put_frame(&frame, 0x81, "slow", 4);
	open_socket();
	for (size_t i = 0; i < frame.len; i++) {
		cr_assert(eq(int, f.messages, 0));
		loopback_client_send(&f.client, frame.data + i, 1);
		loopback_client_turn(&f.client, f.loop);
	}
	cr_assert(eq(str, f.last, "slow"));
	bytes_finish(&frame);
}

Test(websocket, sends_text_binary_and_shared_frames)
{
	struct buf *one = buf_copy("abc", 3);
	struct buf *two = buf_copy("de", 2);
	struct buf *bufs[] = { one, two };
	struct buf *shared = websocket_text_frame("all", 3);
	open_socket();
	cr_assert(eq(int, websocket_send_text(f.ws, "hi", 2), 0));
	cr_assert(eq(int, websocket_send_binary_bufs(f.ws, bufs, 2), 0));
	cr_assert(eq(int, websocket_send_frame(f.ws, shared), 0));
	cr_assert(heard("\x81\x02hi\x82\x05"
			"abcde\x81\x03"
			"all",
			16));
	buf_unref(one);
	buf_unref(two);
	buf_unref(shared);
}

Test(websocket, long_payloads_get_long_lengths)
{
	struct buf *medium = buf_create(300);
	struct buf *large = buf_create(70000);
	memset(medium->data, 'm', medium->len);
	memset(large->data, 'l', large->len);
	open_socket();
	cr_assert(eq(int, websocket_send_binary_bufs(f.ws, &medium, 1), 0));
	cr_assert(eq(int, websocket_send_binary_bufs(f.ws, &large, 1), 0));
	cr_assert(heard("\x82\x7e\x01\x2cm", 5));
	bytes_consume(&f.client.in, 4 + 300);
	cr_assert(loopback_client_wait_len(&f.client, f.loop, 10 + 70000));
	cr_assert(heard("\x82\x7f\0\0\0\0\0\x01\x11\x70l", 11));
	buf_unref(medium);
	buf_unref(large);
}

Test(websocket, a_slow_reader_is_seen_and_refused_at_the_cap)
{
	struct buf *big = buf_create(BIG);
	memset(big->data, 0, BIG);
	open_socket();
	cr_assert(eq(int, websocket_send_binary_bufs(f.ws, &big, 1), 0));
	cr_assert(gt(sz, websocket_backlog(f.ws), WEBSOCKET_BACKLOG_CAP));
	cr_assert(eq(int, websocket_send_text(f.ws, "x", 1), -ENOBUFS));
	cr_assert(loopback_client_wait_len(&f.client, f.loop, BIG + 10));
	loopback_client_turn(&f.client, f.loop);
	cr_assert(eq(int, f.drained, 1));
	cr_assert(eq(int, websocket_send_text(f.ws, "x", 1), 0));
	buf_unref(big);
}

#define MASK "\0\0\0\0"
#define FAULT(bytes, code) \
	{ \
		bytes, sizeof(bytes) - 1, code \
	}

static const struct {
	const char *bytes;
	size_t len;
	int code;
} faults[] = {
	FAULT("\x81\x02hi", 1002), /* not masked */
	FAULT("\xc1\x82" MASK "hi", 1002), /* RSV1 without an extension */
	FAULT("\xa1\x82" MASK "hi", 1002),
	FAULT("\x91\x82" MASK "hi", 1002),
	FAULT("\x83\x82" MASK "hi", 1002), /* unknown opcode */
	FAULT("\x8b\x80" MASK, 1002),
	FAULT("\x80\x82" MASK "hi", 1002), /* continues nothing */
	FAULT("\x01\x81" MASK "a\x81\x81" MASK "b", 1002), /* text within text */
	FAULT("\x09\x80" MASK, 1002), /* fragmented ping */
	FAULT("\x89\xfe\x00\x7e" MASK, 1002), /* ping of 126 */
	FAULT("\x88\x81" MASK "x", 1002), /* half a close code */
	FAULT("\x88\x82" MASK "\x03\xed", 1002), /* 1005 on the wire */
	FAULT("\x81\x84" MASK "\xc3\x28xx", 1007),
	FAULT("\x81\x83" MASK "\xed\xa0\x80", 1007),
	FAULT("\x81\x81" MASK "\xc3", 1007), /* ends inside a character */
	FAULT("\x82\x82" MASK "hi", 1003), /* binary */
	FAULT("\x81\xfe\x40\x01" MASK "x", 1009), /* 16 KiB + 1 */
	FAULT("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff" MASK "x", 1009),
	FAULT("\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00" MASK, 1002), /* top bit set */
};

ParameterizedTestParameters(websocket, protocol_faults)
{
	static size_t rows[sizeof(faults) / sizeof(faults[0])];
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		rows[i] = i;
	return cr_make_param_array(size_t, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(size_t *row, websocket, protocol_faults)
{
	open_socket();
	loopback_client_send(&f.client, faults[*row].bytes, faults[*row].len);
	const int code = close_code();
	cr_assert(eq(int, code, faults[*row].code), "row %zu, %zu bytes", *row, f.client.in.len);
	cr_assert(loopback_client_wait_end(&f.client, f.loop));
	loopback_client_shut(&f.client);
	loopback_client_turn(&f.client, f.loop);
	cr_assert(eq(int, f.messages, 0));
	cr_assert(eq(int, f.closed, 1));
}

Test(websocket, a_message_of_exactly_the_cap_is_taken)
{
	char *text = malloc(WEBSOCKET_MESSAGE_MAX);
	memset(text, 'x', WEBSOCKET_MESSAGE_MAX);
	open_socket();
	send_frame(0x81, text, WEBSOCKET_MESSAGE_MAX);
	cr_assert(eq(int, f.messages, 1));
	cr_assert(eq(sz, f.last_len, WEBSOCKET_MESSAGE_MAX));
	free(text);
}

Test(websocket, tiny_fragments_are_counted)
{
	open_socket();
	send_frame(0x01, "a", 1);
	for (int i = 0; i < WEBSOCKET_FRAGMENTS_MAX && !f.client.in.len; i++)
		send_frame(0x00, "", 0);
	cr_assert(eq(int, close_code(), 1009));
}

Test(websocket, a_flood_of_control_frames_is_ended)
{
	open_socket();
	for (int i = 0; i < WEBSOCKET_CONTROLS_MAX; i++)
		send_frame(0x8a, "", 0);
	cr_assert(eq(sz, f.client.in.len, 0));
	send_frame(0x8a, "", 0);
	cr_assert(eq(int, close_code(), 1008));
}

Test(websocket, a_flood_of_messages_is_ended)
{
	open_socket();
	for (int i = 0; i < WEBSOCKET_FRAMES_MAX; i++)
		send_frame(0x81, "x", 1);
	cr_assert(eq(int, f.messages, WEBSOCKET_FRAMES_MAX));
	send_frame(0x81, "x", 1);
	cr_assert(eq(int, close_code(), 1008));
	cr_assert(eq(int, f.messages, WEBSOCKET_FRAMES_MAX));
}

Test(websocket, control_frames_are_counted_from_ping_to_ping)
{
	open_socket();
	for (int i = 0; i < 2; i++) {
		for (int k = 0; k < WEBSOCKET_CONTROLS_MAX; k++)
			send_frame(0x8a, "", 0);
		fake_clock_advance(&f.fake, f.loop, WEBSOCKET_PING_S * 1000000);
	}
	cr_assert(eq(int, close_code(), -1)); /* pings */
}

Test(websocket, the_clients_close_is_echoed_and_told)
{
	open_socket();
	send_frame(0x88,
		   "\x03\xe9"
		   "going",
		   7);
	cr_assert(eq(int, close_code(), 1001));
	cr_assert(loopback_client_wait_end(&f.client, f.loop));
	loopback_client_shut(&f.client);
	loopback_client_turn(&f.client, f.loop);
	cr_assert(eq(int, f.closed, 1));
	cr_assert(eq(int, f.code, 1001));
}

Test(websocket, our_close_goes_out_behind_what_waits)
{
	open_socket();
	websocket_send_text(f.ws, "last", 4);
	websocket_close(f.ws, 4408, "too slow");
	cr_assert(eq(int, websocket_send_text(f.ws, "x", 1), -ENOTCONN));
	cr_assert(eq(int, f.closed, 0));
	cr_assert(heard("\x81\x04last\x88\x0a\x11\x38too slow", 18));
	cr_assert(loopback_client_wait_end(&f.client, f.loop));
	fake_clock_advance(&f.fake, f.loop, 2 * SECOND_US);
	cr_assert(eq(int, f.closed, 1));
	cr_assert(eq(int, f.code, 4408));
}

Test(websocket, may_be_closed_or_destroyed_inside_the_message_callback)
{
	open_socket();
	f.close_on_message = true;
	send_frame(0x81, "one", 3);
	send_frame(0x81, "two", 3);
	cr_assert(eq(int, f.messages, 1));
	cr_assert(eq(int, close_code(), 4400));
}

Test(websocket, may_be_destroyed_inside_the_message_callback)
{
	struct bytes frames;
	bytes_init(&frames, 1000);
	put_frame(&frames, 0x81, "one", 3);
	put_frame(&frames, 0x81, "two", 3);
	open_socket();
	f.destroy_on_message = true;
	loopback_client_send(&f.client, frames.data, frames.len);
	cr_assert(loopback_client_wait_end(&f.client, f.loop));
	cr_assert(eq(int, f.messages, 1));
	cr_assert(eq(int, f.closed, 0));
	bytes_finish(&frames);
}

Test(websocket, a_lost_connection_is_1006)
{
	open_socket();
	loopback_client_close(&f.client);
	for (int i = 0; i < 20; i++)
		loop_poll(f.loop);
	cr_assert(eq(int, f.closed, 1));
	cr_assert(eq(int, f.code, WEBSOCKET_LOST));
}

Test(websocket, pings_and_gives_up_after_two_without_a_pong)
{
	open_socket();
	fake_clock_advance(&f.fake, f.loop, (WEBSOCKET_PING_S + 1) * SECOND_US);
	cr_assert(heard("\x89\x00", 2));
	send_frame(0x8a, "", 0);
	fake_clock_advance(&f.fake, f.loop, 2 * WEBSOCKET_PING_S * SECOND_US);
	cr_assert(eq(int, f.closed, 0));
	fake_clock_advance(&f.fake, f.loop, WEBSOCKET_PING_S * SECOND_US);
	cr_assert(eq(int, f.closed, 1));
	cr_assert(eq(int, f.code, WEBSOCKET_LOST));
	cr_assert(loopback_client_wait_end(&f.client, f.loop));
}
