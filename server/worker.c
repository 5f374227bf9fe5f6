#include "server/worker.h"

#include "commerce/rate_limit.h"
#include "media/fanout.h"
#include "media/transcode_pool.h"
#include "server/call.h"
#include "server/core/alloc.h"
#include "server/core/http_server.h"
#include "server/core/listener.h"
#include "server/core/page_share.h"
#include "server/core/resolve.h"
#include "server/core/tls.h"
#include "server/flv.h"
#include "server/live.h"
#include "server/publishers.h"
#include "server/relay_home.h"
#include "server/room_cost.h"
#include "server/room_view.h"
#include "server/route.h"
#include "server/rtc_clock.h"
#include "server/rtc_session.h"
#include "server/whep_events.h"
#include "signaling/udp_port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int64_t worker_now_s(const struct worker *worker)
{
	return loop_utc_us(worker->loop) / 1000000;
}

bool worker_admits(const struct worker *worker)
{
	const unsigned viewers = atomic_load(&worker->viewers);
	if (viewers < worker->app->config.viewers_max &&
	    admission_room(&worker->admission, viewers))
		return true;
	metric_add(worker->app->counters.viewers_refused, 1);
	return false;
}

static void look_at_load(struct worker *worker)
{
	struct udp_port_stats stats;
	udp_port_stats(worker->udp, &stats);
	const struct admission_sample now = {
		.at_us = loop_now_us(worker->loop),
		.spent_us = admission_cpu_us() - worker->joins_us - (int64_t)stats.handshakes_us,
		.viewers = atomic_load(&worker->viewers),
	};
	admission_look(&worker->admission, &now);
}

static void on_clocks(void *arg)
{
	struct worker *worker = arg;
	look_at_load(worker);
	struct map_cursor cursor = { 0 };
	void *view;
	while (map_next(&worker->rooms, &cursor, NULL, NULL, &view))
		room_view_check_clock(view);
	whep_events_look(worker);
	timer_again(&worker->clocks, WORKER_CLOCK_US);
}

static void on_greet(void *arg)
{
	struct worker *worker = arg;
	flv_greet(worker);
	if (!list_empty(&worker->flv_new))
		timer_start(&worker->greet, WORKER_GREET_US);
}

static void on_pace(void *arg)
{
	rtc_pace(arg);
}

static void on_second(void *arg)
{
	struct worker *worker = arg;
	struct map_cursor cursor = { 0 };
	void *value;
	const int64_t now_s = worker_now_s(worker);
	const bool again = ++worker->seconds % WORKER_REPORT_S == 0;
	while (map_next(&worker->rooms, &cursor, NULL, NULL, &value)) {
		struct room_view *view = value;
		room_view_report(view, again);
		room_view_count(view);
		if (!room_view_by_rtc(view))
			rtc_end_viewers(worker, view);
		list_for_each_safe (link, &view->feed.lives)
			live_tick(live_of_reader(link), now_s);
	}
	flv_second(worker);
	page_share_rest(worker->pages);
	rtc_second(worker);
	rtc_clock_second(worker);
	whep_readers_second(worker);
	struct fanout_stats stats;
	fanout_stats(worker->fanout, &stats);
	admission_waited(&worker->admission, stats.longest_us);
	worker_gauges_update(&worker->gauges, worker, &stats);
	atomic_store(&worker->seen_us, loop_now_us(worker->loop));
	timer_again(&worker->second, WORKER_SECOND_US);
}

static void on_http(int fd, const struct addr *peer, void *arg)
{
	struct worker *worker = arg;
	http_server_accept(worker->http, fd, peer, NULL);
}

static void on_https(int fd, const struct addr *peer, void *arg)
{
	struct worker *worker = arg;
	http_server_accept(worker->http, fd, peer, worker->tls);
}

static void on_rtmp(int fd, const struct addr *peer, void *arg)
{
	rtmp_accept(arg, fd, peer, NULL);
}

static void on_rtmps(int fd, const struct addr *peer, void *arg)
{
	struct worker *worker = arg;
	rtmp_accept(worker, fd, peer, worker->tls);
}

static void on_http_full(int fd, const struct addr *peer, void *arg)
{
	(void)peer;
	struct worker *worker = arg;
	http_server_turn_away(worker->http, fd, false);
}

static void on_https_full(int fd, const struct addr *peer, void *arg)
{
	(void)peer;
	struct worker *worker = arg;
	http_server_turn_away(worker->http, fd, true);
}

static void on_rtmp_full(int fd, const struct addr *peer, void *arg)
{
	(void)peer;
	struct worker *worker = arg;
	metric_add(worker->app->counters.rtmp_refused, 1);
	close(fd);
}

/* The first worker gets the ports asked for, perhaps 0; the others share what it got. */
static int listen_on(struct worker *worker, struct listener **out, const struct addr *wanted,
		     const struct listener *first, listener_accept_fn on_accept)
{
	if (!wanted->len)
		return 0;
	const struct addr *addr = first ? listener_addr(first) : wanted;
	/* Alone first: a shared port would silently be shared with another server, too. */
	int err = first ? 0 : listener_create(out, worker->loop, addr, false, on_accept, worker);
	if (!err && !first)
		listener_destroy(*out);
	*out = NULL;
	if (!err)
		err = listener_create(out, worker->loop, addr, true, on_accept, worker);
	if (err) {
		char text[ADDR_TEXT];
		addr_format(addr, text);
		log_error(&worker->log, "cannot listen addr=%s reason=%s", text, strerror(-err));
	}
	return err;
}

static void set_spare(struct listener *listener, listener_accept_fn on_full)
{
	if (listener)
		listener_set_spare(listener, WORKER_DESCRIPTORS_SPARE, on_full);
}

static int open_listeners(struct worker *worker)
{
	const struct config *config = &worker->app->config;
	const struct worker *first = worker->index ? worker->app->workers[0] : NULL;
	int err = listen_on(worker, &worker->http_listener, &config->http,
			    first ? first->http_listener : NULL, on_http);
	if (!err)
		err = listen_on(worker, &worker->https_listener, &config->https,
				first ? first->https_listener : NULL, on_https);
	if (!err)
		err = listen_on(worker, &worker->rtmp_listener, &config->rtmp,
				first ? first->rtmp_listener : NULL, on_rtmp);
	if (!err)
		err = listen_on(worker, &worker->rtmps_listener, &config->rtmps,
				first ? first->rtmps_listener : NULL, on_rtmps);
	set_spare(worker->http_listener, on_http_full);
	set_spare(worker->https_listener, on_https_full);
	set_spare(worker->rtmp_listener, on_rtmp_full);
	set_spare(worker->rtmps_listener, on_rtmp_full);
	return err;
}

static int open_udp(struct worker *worker)
{
	struct udp_port_options options = {
		.bind = worker->app->config.udp,
		.tcp = worker->app->config.ice_tcp,
		.dtls = worker->app->dtls,
		.log = &worker->log,
	};
	const unsigned first = addr_port(&options.bind);
	const unsigned port = first ? first + worker->index : 0;
	addr_set_port(&options.bind, (uint16_t)port);
	const int err = port <= UINT16_MAX ? udp_port_create(&worker->udp, worker->loop, &options)
					   : -ERANGE;
	if (err)
		log_error(&worker->log, "cannot open udp port=%u reason=%s", port, strerror(-err));
	else if (options.tcp && !udp_port_has_tcp(worker->udp))
		log_warn(&worker->log, "no webrtc over tcp: somebody else has port=%u", port);
	return err;
}

static int open_all(struct worker *worker)
{
	char label[32];
	snprintf(label, sizeof(label), "worker=\"%u\"", worker->index);
	const struct http_server_opts options = {
		.log = &worker->log,
		.metrics = worker->app->metrics,
		.labels = label,
		.on_request = route_request,
		.body_cap = route_body_cap,
		.proxies = &worker->app->config.proxies,
		.arg = worker,
	};
	int err = loop_create(&worker->loop, &worker->app->clock);
	if (!err)
		err = mqueue_create(&worker->queue, worker->loop, WORKER_QUEUE_MAX);
	if (!err)
		err = fanout_create(&worker->fanout, worker->loop);
	if (!err)
		err = page_share_create(&worker->pages);
	const unsigned guests = (unsigned)worker->app->config.guests_per_address;
	if (!err && guests)
		err = rate_limit_create(&worker->guests, guests, guests);
	if (!err)
		err = http_server_create(&worker->http, worker->loop, &options);
	if (!err)
		err = open_listeners(worker);
	if (!err)
		err = open_udp(worker);
	return err;
}

int worker_create(struct worker **out, struct app *app, unsigned index)
{
	struct worker *worker = xcalloc(1, sizeof(*worker));
	worker->app = app;
	worker->index = index;
	log_init(&worker->log, &app->log, "worker=%u", index);
	auth_init(&worker->auth, app->jwt_keys);
	admission_init(&worker->admission, (unsigned)app->config.admit_load);
	map_init(&worker->rooms);
	map_init(&worker->rtc_sessions);
	map_init(&worker->channels);
	map_init(&worker->costs);
	map_init(&worker->replay_clients);
	list_init(&worker->rtc);
	list_init(&worker->rtc_pacing);
	list_init(&worker->whep_streams);
	map_init(&worker->whep_readers);
	list_init(&worker->flv);
	list_init(&worker->flv_new);
	list_init(&worker->rtmp);
	list_init(&worker->sockets);
	list_init(&worker->stills);
	worker_gauges_init(&worker->gauges, app->metrics, index);
	worker->tls = app->tls ? tls_context_ref(app->tls) : NULL;
	const int err = open_all(worker);
	if (err) {
		worker_destroy(worker);
		return err;
	}
	timer_init(&worker->greet, worker->loop, on_greet, worker);
	timer_init(&worker->pace, worker->loop, on_pace, worker);
	timer_init_lazy(&worker->clocks, worker->loop, on_clocks, worker);
	timer_init_lazy(&worker->second, worker->loop, on_second, worker);
	*out = worker;
	return 0;
}

/* Tells each live session something, perhaps for the last time. */
static void each_live(struct worker *worker, void (*tell)(struct live *live))
{
	struct map_cursor cursor = { 0 };
	void *value;
	while (map_next(&worker->rooms, &cursor, NULL, NULL, &value)) {
		struct room_view *view = value;
		list_for_each_safe (link, &view->feed.lives)
			tell(live_of_reader(link));
	}
}

static void end_live(struct live *live)
{
	live_end(live, LIVE_DRAIN, "the server is going away");
}

static void close_listeners(struct worker *worker)
{
	listener_destroy(worker->http_listener);
	listener_destroy(worker->https_listener);
	listener_destroy(worker->rtmp_listener);
	listener_destroy(worker->rtmps_listener);
	worker->http_listener = NULL;
	worker->https_listener = NULL;
	worker->rtmp_listener = NULL;
	worker->rtmps_listener = NULL;
}

/* Rooms go last, but what they are connected to goes with the rest. */
static void end_relays(struct worker *worker)
{
	struct map_cursor cursor = { 0 };
	void *value;
	while (map_next(&worker->rooms, &cursor, NULL, NULL, &value)) {
		struct room_view *view = value;
		relay_home_destroy(view->relays);
		view->relays = NULL;
	}
}

struct resolver *worker_resolver(struct worker *worker)
{
	if (!worker->resolver && resolver_create(&worker->resolver, worker->loop))
		log_error(&worker->log, "cannot resolve names");
	return worker->resolver;
}

void worker_open(struct worker *worker)
{
	timer_start(&worker->clocks, WORKER_CLOCK_US);
	timer_start(&worker->second, WORKER_SECOND_US);
}

void worker_close(struct worker *worker)
{
	if (!worker->http)
		return;
	timer_stop(&worker->clocks);
	timer_stop(&worker->second);
	close_listeners(worker);
	each_live(worker, end_live);
	rtmp_end_all(worker);
	rtc_end_all(worker);
	flv_end_all(worker);
	live_socket_end_all(worker);
	timer_stop(&worker->greet);
	timer_stop(&worker->pace);
	end_relays(worker);
	http_server_destroy(worker->http);
	worker->http = NULL;
	loop_poll(worker->loop); /* sessions are freed in the turn after their end */
	udp_port_destroy(worker->udp);
	worker->udp = NULL;
	loop_poll(worker->loop); /* deferred ends */
}

static void *run(void *arg)
{
	struct worker *worker = arg;
	worker_open(worker);
	loop_run(worker->loop);
	mqueue_run(worker->queue); /* the last answers of control */
	worker_close(worker);
	return NULL;
}

int worker_start(struct worker *worker)
{
	atomic_store(&worker->seen_us, loop_now_us(worker->loop));
	const int err = -pthread_create(&worker->thread, NULL, run, worker);
	worker->started = !err;
	return err;
}

struct worker_message {
	struct message message;
	struct worker *worker;
	struct tls_context *tls;
};

static void run_drain(struct message *message)
{
	struct worker_message *note = list_entry(message, struct worker_message, message);
	struct worker *worker = note->worker;
	close_listeners(worker);
	if (worker->http) { /* else it has ended already */
		each_live(worker, live_send_drain);
		whep_events_reconnect(worker);
		rtmp_drain(worker);
		http_server_drain(worker->http);
	}
	free(note);
}

void worker_drain(struct worker *worker)
{
	struct worker_message *note = xcalloc(1, sizeof(*note));
	note->message.run = run_drain;
	note->worker = worker;
	worker_note(worker, &note->message);
}

static void run_tls(struct message *message)
{
	struct worker_message *note = list_entry(message, struct worker_message, message);
	tls_context_unref(note->worker->tls);
	note->worker->tls = note->tls;
	free(note);
}

void worker_set_tls(struct worker *worker, struct tls_context *tls)
{
	struct worker_message *note = xcalloc(1, sizeof(*note));
	note->message.run = run_tls;
	note->worker = worker;
	note->tls = tls_context_ref(tls);
	worker_note(worker, &note->message);
}

void worker_stop(struct worker *worker)
{
	if (!worker->started)
		return;
	loop_stop(worker->loop);
	pthread_join(worker->thread, NULL);
	worker->started = false;
}

void worker_destroy(struct worker *worker)
{
	if (!worker)
		return;
	worker_close(worker);
	mqueue_destroy(worker->queue);
	struct map_cursor cursor = { 0 };
	void *view;
	while (map_next(&worker->rooms, &cursor, NULL, NULL, &view))
		room_view_destroy(view);
	map_finish(&worker->rooms);
	map_finish(&worker->rtc_sessions);
	map_finish(&worker->whep_readers);
	map_finish(&worker->channels);
	map_finish(&worker->replay_clients);
	room_costs_finish(&worker->costs);
	transcode_pool_destroy(worker->transcoders);
	fanout_destroy(worker->fanout);
	page_share_destroy(worker->pages);
	rate_limit_destroy(worker->guests);
	resolver_destroy(worker->resolver);
	tls_context_unref(worker->tls);
	auth_finish(&worker->auth);
	loop_destroy(worker->loop);
	free(worker);
}
