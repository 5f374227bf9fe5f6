/* Event streams and counter-offers of WHEP through the whole server: their caps and their ends. */
#include "server/whep_events.h"

#include "server/core/buf.h"
#include "server/core/http_server.h"
#include "server/core/loop.h"
#include "server/whep_stream.h"
#include "signaling/sdp_resource.h"
#include "tests/server/app_fixture.h"
#include "tests/signaling/sdp_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SDP_FIELDS "Content-Type: application/sdp\r\n"

static struct app_fixture f;
static char publisher[256], viewer[256];

/* What a Location field of the last reply says. */
static void take_location(char out[256])
{
	const char *at = strstr(f.head, "Location: ");
	cr_assert(ne(ptr, (void *)at, NULL), "%s", f.head);
	snprintf(out, 256, "%.*s", (int)strcspn(at + 10, "\r"), at + 10);
}

static void publish(void)
{
	char fields[1300];
	char *offer = sdp_load("chromium156-offer-publisher.sdp");
	snprintf(fields, sizeof(fields), SDP_FIELDS "Authorization: Bearer %s\r\n",
		 app_fixture_token(&f, "demo", JWT_HOST, "anna"));
	cr_assert(eq(int, app_fixture_request(&f, "POST", "/whip/demo", fields, offer), 201));
	take_location(publisher);
	free(offer);
	app_fixture_settle(&f);
	app_fixture_advance(&f, WORKER_CLOCK_US);
}

static void unpublish(void)
{
	cr_assert(eq(int, app_fixture_host(&f, "DELETE", publisher, NULL), 200));
	app_fixture_settle(&f);
	app_fixture_advance(&f, WORKER_CLOCK_US);
}

static int watch(const char *path)
{
	char *offer = sdp_load("chromium156-offer-viewer_datachannel.sdp");
	const int status = app_fixture_request(&f, "POST", path, SDP_FIELDS, offer);
	free(offer);
	return status;
}

static int open_stream(const char *wanted, char stream[256])
{
	char path[300];
	snprintf(path, sizeof(path), "%s/events", viewer);
	const int status =
		app_fixture_request(&f, "POST", path, "Content-Type: application/json\r\n", wanted);
	if (status == 201)
		take_location(stream);
	return status;
}

static void read_stream(struct loopback_client *client, const char *stream)
{
	const struct addr peer = { 0 };
	char request[400];
	http_server_accept(f.worker->http, loopback_client_open(client), &peer, NULL);
	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", stream);
	loopback_client_text(client, request);
	cr_assert(loopback_client_wait(client, f.worker->loop, ":\n\n"));
}

static void setup(void)
{
	app_fixture_start(&f, "1");
	publish();
	cr_assert(eq(int, watch("/whep/demo"), 201));
	take_location(viewer);
}

static void teardown(void)
{
	app_fixture_stop(&f);
}

TestSuite(whep_events, .init = setup, .fini = teardown);

Test(whep_events, the_newest_wait_for_a_reader_the_oldest_go)
{
	struct loopback_client client;
	char stream[256];
	cr_assert(eq(int, open_stream("[\"active\",\"inactive\"]", stream), 201));
	for (int i = 0; i < WHEP_QUEUE_MAX / 2 + 4; i++) {
		unpublish();
		publish();
	}
	read_stream(&client, stream);
	cr_expect(loopback_client_wait(&client, f.worker->loop, "event: active"));
	cr_expect(eq(sz, loopback_client_count(&client, "event: inactive\ndata: {}\n\n"),
		     WHEP_QUEUE_MAX / 2));
	cr_expect(eq(sz, loopback_client_count(&client, "event: active\ndata: {}\n\n"),
		     WHEP_QUEUE_MAX / 2));
	unpublish();
	cr_expect(loopback_client_wait(&client, f.worker->loop, "\r\nevent: inactive"));
	cr_expect(eq(int, app_fixture_request(&f, "DELETE", stream, NULL, NULL), 204));
	cr_expect(loopback_client_wait(&client, f.worker->loop, "\r\n0\r\n\r\n"));
	loopback_client_close(&client);
}

Test(whep_events, a_session_has_so_many_streams_and_more_are_counted)
{
	char stream[256];
	for (int i = 0; i < WHEP_STREAMS_MAX; i++)
		cr_expect(eq(int, open_stream("[]", stream), 201));
	cr_expect(eq(int, open_stream("[]", stream), 429));
	cr_expect(head_has(&f, "Retry-After: "));
	cr_expect(eq(i64, metric_get(f.app.counters.streams_refused), 1));
	cr_expect(eq(int, app_fixture_request(&f, "DELETE", stream, NULL, NULL), 204));
	cr_expect(eq(int, open_stream("[]", stream), 201));
}

Test(whep_events, a_reader_far_behind_is_cut_off_and_the_next_gets_what_follows)
{
	struct loopback_client client;
	struct map_cursor cursor = { 0 };
	const void *key;
	void *value;
	char stream[256];
	uint64_t reader;
	cr_assert(eq(int, open_stream("[\"inactive\"]", stream), 201));
	read_stream(&client, stream);
	cr_assert(map_next(&f.worker->whep_readers, &cursor, &key, NULL, &value));
	memcpy(&reader, key, sizeof(reader));
	struct buf *text = buf_create(WHEP_BACKLOG_MAX / 2);
	memset(text->data, ':', text->len);
	for (int i = 0; i < 1000 && f.worker->whep_readers.count; i++) {
		whep_reader_send(f.worker, reader, text);
		app_fixture_turn(&f);
	}
	buf_unref(text);
	cr_expect(eq(sz, f.worker->whep_readers.count, 0));
	cr_expect(eq(i64, metric_get(f.app.counters.events_too_slow), 1));
	loopback_client_close(&client);
	unpublish();
	read_stream(&client, stream);
	cr_expect(loopback_client_wait(&client, f.worker->loop, "event: inactive"));
	loopback_client_close(&client);
	app_fixture_turn(&f);
	cr_expect(eq(sz, f.worker->whep_readers.count, 0));
}

Test(whep_events, streams_and_readers_end_with_the_session)
{
	struct loopback_client client;
	char stream[256];
	cr_assert(eq(int, open_stream("[]", stream), 201));
	read_stream(&client, stream);
	cr_assert(eq(int, app_fixture_request(&f, "DELETE", viewer, NULL, NULL), 200));
	cr_expect(loopback_client_wait(&client, f.worker->loop, "0\r\n\r\n"));
	cr_expect(list_empty(&f.worker->whep_streams));
	cr_expect(eq(sz, f.worker->whep_readers.count, 0));
	cr_expect(eq(int, app_fixture_request(&f, "DELETE", stream, NULL, NULL), 404));
	loopback_client_close(&client);
}

Test(whep_events, a_counter_offer_that_nobody_answers_is_forgotten)
{
	char pending[256];
	cr_assert(eq(int, app_fixture_request(&f, "DELETE", viewer, NULL, NULL), 200));
	cr_assert(eq(int, watch("/whep/demo?counter-offer=1"), 406));
	take_location(pending);
	cr_expect(eq(u32, atomic_load(&f.worker->viewers), 1));
	app_fixture_advance(&f, (int64_t)SDP_COUNTER_OFFER_S * 1000000 - 1000000);
	cr_expect(eq(int, app_fixture_request(&f, "GET", pending, NULL, NULL), 204));
	app_fixture_advance(&f, 1000000);
	cr_expect(eq(int, app_fixture_request(&f, "GET", pending, NULL, NULL), 404));
	cr_expect(eq(u32, atomic_load(&f.worker->viewers), 0));
}
