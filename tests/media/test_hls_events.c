#include "media/output/hls_events.h"

#include "server/core/buf.h"
#include "server/core/bytes.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct hls_events events;
static struct bytes text;

static void setup(void)
{
	hls_events_init(&events);
	bytes_init(&text, 1 << 20);
}

static void teardown(void)
{
	hls_events_finish(&events);
	bytes_finish(&text);
}

TestSuite(hls_events, .init = setup, .fini = teardown);

static int add(unsigned seq, const char *type, int64_t at_us)
{
	char message[256];
	struct hls_event event;
	snprintf(message, sizeof(message),
		 "{\"v\":1,\"type\":\"%s\",\"seq\":%u,\"id\":\"id-%u\",\"at_us\":%lld,"
		 "\"data\":{\"title\":\"a \\\"b\\\"\"}}",
		 type, seq, seq, (long long)at_us);
	struct buf *buf = buf_copy(message, strlen(message));
	const int err = hls_events_add(&events, buf, &event);
	buf_unref(buf);
	return err;
}

static bool lists(const char *wanted)
{
	bytes_clear(&text);
	hls_events_put(&events, &text);
	return strstr(bytes_string(&text), wanted);
}

Test(hls_events, an_event_is_a_daterange_with_its_id_date_and_message)
{
	cr_assert(eq(int, add(7, "product.pin", 1795226035123456), 0));
	cr_assert(lists("#EXT-X-DATERANGE:ID=\"id-7\",CLASS=\"souk.timeline\","
			"START-DATE=\"2026-11-21T01:53:55.123Z\",X-SOUK-TYPE=\"product.pin\","
			"X-SOUK-MESSAGE=\"eyJ2Ijo"));
	cr_assert(not(lists("a \"b")));
}

Test(hls_events, the_same_event_is_listed_once)
{
	cr_assert(eq(int, add(7, "price", 1000), 0));
	cr_assert(eq(int, add(7, "price", 1000), 0));
	cr_assert(eq(sz, events.count, 1));
}

Test(hls_events, what_lies_before_the_playlist_goes_but_the_pin_in_force)
{
	cr_assert(eq(int, add(1, "product.pin", 1000), 0));
	cr_assert(eq(int, add(2, "product.pin", 2000), 0));
	cr_assert(eq(int, add(3, "price", 3000), 0));
	cr_assert(eq(int, add(4, "product.pin", 9000), 0));
	hls_events_trim(&events, 5000);
	cr_assert(not(lists("\"id-1\"")));
	cr_assert(lists("\"id-2\""));
	cr_assert(not(lists("\"id-3\"")));
	cr_assert(lists("\"id-4\""));
}

Test(hls_events, stock_leaves_room_for_the_rest_and_the_cap_holds)
{
	for (unsigned seq = 1; seq <= 300; seq++)
		cr_assert(eq(int, add(seq, "stock", 1000), 0));
	cr_assert(eq(sz, events.count, HLS_STOCKS_MAX));
	for (unsigned seq = 301; seq <= 600; seq++)
		cr_assert(eq(int, add(seq, "price", 1000), 0));
	cr_assert(eq(sz, events.count, HLS_EVENTS_MAX));
}

Test(hls_events, what_is_no_event_is_refused)
{
	static const char *const rows[] = {
		"",
		"[]",
		"{\"type\":\"price\"}",
		"{\"type\":\"price\",\"seq\":0,\"id\":\"a\",\"at_us\":1}",
		"{\"type\":\"pri\\\"ce\",\"seq\":1,\"id\":\"a\",\"at_us\":1}",
		"{\"type\":\"price\",\"seq\":1,\"id\":\"a\\nb\",\"at_us\":1}"
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct hls_event event;
		struct buf *buf = buf_copy(rows[i], strlen(rows[i]));
		cr_assert(eq(int, hls_events_add(&events, buf, &event), -EINVAL), "%s", rows[i]);
		buf_unref(buf);
	}
	cr_assert(eq(sz, events.count, 0));
}
