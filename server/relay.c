#include "server/relay.h"

#include "media/broadcast.h"
#include "media/fanout.h"
#include "media/output/flv_sink.h"
#include "media/output/rtmp_push.h"
#include "server/core/addr.h"
#include "server/core/alloc.h"
#include "server/core/bytes.h"
#include "server/core/crypto.h"
#include "server/core/resolve.h"
#include "server/core/stream.h"
#include "server/core/tls.h"
#include "server/room_view.h"
#include "server/worker.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	/* A whole group of pictures is handed over at the start. */
	RELAY_RUN_MAX = 16 * 1024 * 1024,
	/* Waits in the kernel unsent: lag is to be seen here, where it can be skipped. */
	RELAY_UNSENT_CAP = 128 * 1024,
};

struct relay {
	struct worker *worker;
	struct room_view *view;
	struct relay_url url;
	struct tls_context *tls; /* NULL: plain */
	bool on;
	struct resolve *resolve;
	struct stream *stream;
	struct rtmp_push *push;
	struct flv_sink *sink; /* once the peer takes the show */
	struct timer timer; /* patience, or the wait for the next attempt */
	struct deferred ending; /* a connection's end found inside its own calls */
	bool refused; /* status.error says why */
	struct stream *parting; /* sends its last words; NULL */
	bool tried; /* this show */
	unsigned failures; /* in a row */
	int64_t began_us; /* monotonic, of RELAY_CONNECTED */
	struct relay_status status;
	struct log log;
};

static void set_state(struct relay *relay, enum relay_state state)
{
	struct metric *connected = relay->worker->app->counters.relays_connected;
	if (relay->status.state == RELAY_CONNECTED)
		metric_add(connected, -1);
	if (state == RELAY_CONNECTED)
		metric_add(connected, 1);
	relay->status.state = state;
	relay->status.since_us = loop_utc_us(relay->worker->loop);
}

/* Whatever there is of a connection. */
static void disconnect(struct relay *relay)
{
	resolve_cancel(relay->resolve);
	relay->resolve = NULL;
	if (relay->sink)
		fanout_remove(relay->worker->fanout, flv_sink_sink(relay->sink));
	flv_sink_destroy(relay->sink);
	relay->sink = NULL;
	stream_destroy(relay->stream);
	relay->stream = NULL;
	rtmp_push_destroy(relay->push);
	relay->push = NULL;
	timer_stop(&relay->timer);
	deferred_cancel(&relay->ending);
	relay->refused = false;
}

static void on_parting_data(void *arg, const uint8_t *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
}

static void on_parted(void *arg, int err)
{
	struct relay *relay = arg;
	(void)err;
	stream_destroy(relay->parting);
	relay->parting = NULL;
}

static const struct stream_ops parting_ops = { .data = on_parting_data, .closed = on_parted };

/* In good order: the peer is told, and then left. */
static void part(struct relay *relay)
{
	if (relay->sink) {
		rtmp_push_goodbye(relay->push);
		stream_destroy(relay->parting);
		relay->parting = relay->stream;
		relay->stream = NULL;
		stream_set_ops(relay->parting, &parting_ops, relay);
		stream_finish(relay->parting);
	}
	disconnect(relay);
}

/* Twice as long after each failure, spread so that relays of one server do not return as one. */
static int64_t wait_us(const struct relay *relay)
{
	uint16_t dice;
	int64_t wait = RELAY_WAIT_MIN_US;
	for (unsigned i = 1; i < relay->failures && wait < RELAY_WAIT_MAX_US; i++)
		wait *= 2;
	if (wait > RELAY_WAIT_MAX_US)
		wait = RELAY_WAIT_MAX_US;
	crypto_random(&dice, sizeof(dice));
	return wait * 3 / 4 + wait / 2 * dice / UINT16_MAX;
}

static void fail(struct relay *relay, const char *why)
{
	const bool steady = relay->status.state == RELAY_CONNECTED &&
			    loop_now_us(relay->worker->loop) - relay->began_us >= RELAY_STEADY_US;
	snprintf(relay->status.error, sizeof(relay->status.error), "%s", why);
	relay->failures = steady ? 1 : relay->failures + 1;
	metric_add(relay->worker->app->counters.relay_failures, 1);
	log_warn(&relay->log, "relay ended reason=\"%s\"", why);
	disconnect(relay);
	set_state(relay, RELAY_WAITING);
	timer_start(&relay->timer, wait_us(relay));
}

static int port_send(void *arg, struct buf *const *bufs, size_t count)
{
	struct relay *relay = arg;
	struct bytes out;
	bytes_init(&out, RELAY_RUN_MAX);
	rtmp_push_tags(relay->push, bufs, count, &out);
	int err = bytes_ok(&out) ? stream_write(relay->stream, out.data, out.len) : -ENOBUFS;
	if (!err) {
		relay->status.bytes += out.len;
		metric_add(relay->worker->app->counters.relay_bytes, (int64_t)out.len);
	}
	bytes_finish(&out);
	return err;
}

static size_t port_backlog(void *arg)
{
	const struct relay *relay = arg;
	return stream_backlog(relay->stream);
}

/* The show is over, or the peer too slow. */
static void port_close(void *arg)
{
	struct relay *relay = arg;
	loop_defer(relay->worker->loop, &relay->ending);
}

static const struct byte_port_ops port_ops = { port_send, port_backlog, port_close };

static void on_output(void *arg, const void *data, size_t len)
{
	const struct relay *relay = arg;
	(void)stream_write(relay->stream, data, len); /* a dead stream says so by itself */
}

static void on_ready(void *arg)
{
	struct relay *relay = arg;
	const struct byte_port port = { .ops = &port_ops, .arg = relay };
	struct broadcast *broadcast = relay->view->broadcast;
	timer_stop(&relay->timer);
	relay->began_us = loop_now_us(relay->worker->loop);
	relay->status.error[0] = '\0';
	set_state(relay, RELAY_CONNECTED);
	log_info(&relay->log, "relay begins");
	if (flv_sink_create(&relay->sink, relay->worker->loop, broadcast, &port) ||
	    fanout_add(relay->worker->fanout, broadcast, flv_sink_sink(relay->sink)))
		port_close(relay);
}

static void on_refused(void *arg, const char *code)
{
	struct relay *relay = arg;
	relay->refused = true;
	snprintf(relay->status.error, sizeof(relay->status.error), "refused: %s",
		 code[0] ? code : "no rtmp");
	loop_defer(relay->worker->loop, &relay->ending);
}

static const struct rtmp_push_ops push_ops = { on_output, on_ready, on_refused };

static void on_data(void *arg, const uint8_t *data, size_t len)
{
	struct relay *relay = arg;
	rtmp_push_feed(relay->push, data, len);
}

static void on_closed(void *arg, int err)
{
	struct relay *relay = arg;
	if (relay->refused)
		return; /* and about to be told so */
	if (err == -EPROTO)
		fail(relay, "tls failed, is the certificate good?");
	else
		fail(relay, err ? strerror(-err) : "closed by the peer");
}

static const struct stream_ops stream_ops = { .data = on_data, .closed = on_closed };

static void on_ending(void *arg)
{
	struct relay *relay = arg;
	struct flv_sink_stats stats = { 0 };
	char why[RELAY_ERROR_MAX + 1];
	if (relay->sink)
		flv_sink_stats(relay->sink, &stats);
	if (relay->refused || stats.too_slow) {
		snprintf(why, sizeof(why), "%s", stats.too_slow ? "too slow" : relay->status.error);
		fail(relay, why);
		return;
	}
	part(relay); /* the show is over: so says control, too, in a moment */
	set_state(relay, RELAY_WAITING);
	timer_start(&relay->timer, RELAY_WAIT_MIN_US);
}

/* Only to where this server may go: a name that turns into an inner address leads nowhere. */
static const struct addr *choose(const struct relay *relay, const struct addr *addrs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (relay->worker->app->config.relay_private || addr_is_public(&addrs[i]))
			return &addrs[i];
	return NULL;
}

static int open_socket(const struct addr *addr)
{
	const int one = 1;
	const int fd = socket(addr->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (const struct sockaddr *)&addr->ss, addr->len) && errno != EINPROGRESS) {
		const int err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static void on_resolved(void *arg, const struct addr *addrs, size_t count)
{
	struct relay *relay = arg;
	const struct rtmp_push_target target = { .tc_url = relay->url.tc_url,
						 .app = relay->url.app,
						 .key = relay->url.key };
	relay->resolve = NULL;
	const struct addr *addr = choose(relay, addrs, count);
	if (!addr) {
		fail(relay, count ? "a private address" : "host not found");
		return;
	}
	const int fd = open_socket(addr);
	if (fd < 0 || stream_create(&relay->stream, relay->worker->loop, fd, relay->tls,
				    &stream_ops, relay)) {
		fail(relay, "cannot connect");
		return;
	}
	stream_set_unsent_cap(relay->stream, RELAY_UNSENT_CAP);
	if (rtmp_push_create(&relay->push, &target, &push_ops, relay) == 0)
		rtmp_push_begin(relay->push);
}

static void attempt(struct relay *relay)
{
	if (relay->tried) {
		relay->status.reconnects++;
		metric_add(relay->worker->app->counters.relay_reconnects, 1);
	}
	relay->tried = true;
	set_state(relay, RELAY_CONNECTING);
	timer_start(&relay->timer, RELAY_PATIENCE_US);
	struct resolver *resolver = worker_resolver(relay->worker);
	if (resolver)
		resolve_start(&relay->resolve, resolver, relay->url.host, relay->url.port,
			      on_resolved, relay);
}

static void on_timer(void *arg)
{
	struct relay *relay = arg;
	if (relay->status.state == RELAY_WAITING)
		attempt(relay);
	else
		fail(relay, relay->stream ? "no answer" : "host not found in time");
}

void relay_create(struct relay **out, struct room_view *view, const struct relay_url *url)
{
	struct relay *relay = xcalloc(1, sizeof(*relay));
	char masked[RELAY_URL_MAX + 8];
	relay->worker = view->worker;
	relay->view = view;
	relay_url_copy(&relay->url, url);
	relay_url_mask(url, masked);
	log_init(&relay->log, &view->worker->log, "room=%s relay=%.60s", view->snapshot->id,
		 masked);
	if (url->tls)
		relay->tls = tls_client_for(view->worker->app->relay_tls, url->host);
	timer_init(&relay->timer, view->worker->loop, on_timer, relay);
	deferred_init(&relay->ending, on_ending, relay);
	*out = relay;
}

static void stop(struct relay *relay)
{
	part(relay);
	set_state(relay, RELAY_OFF);
	relay->failures = 0;
	relay->tried = false;
}

void relay_run(struct relay *relay, bool on)
{
	if (relay->on == on)
		return;
	relay->on = on;
	if (on)
		attempt(relay);
	else
		stop(relay);
}

const struct relay_url *relay_url(const struct relay *relay)
{
	return &relay->url;
}

void relay_status(const struct relay *relay, struct relay_status *out)
{
	*out = relay->status;
}

void relay_destroy(struct relay *relay)
{
	if (!relay)
		return;
	relay_run(relay, false);
	stream_destroy(relay->parting);
	tls_context_unref(relay->tls);
	free(relay);
}
