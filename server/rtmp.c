/* RTMP publishers: a TCP stream, a session that speaks RTMP on it, and the room it publishes to. */
#include "media/broadcast.h"
#include "media/frame.h"
#include "media/ingest/rtmp_session.h"
#include "media/publish.h"
#include "server/control.h"
#include "server/core/addr.h"
#include "server/core/alloc.h"
#include "server/core/loop.h"
#include "server/core/stream.h"
#include "server/publishers.h"
#include "server/room_view.h"
#include "server/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	RTMP_FLUSH_US = 2000000, /* how long a refused client may take to read why */
	RTMP_STRANGER_US = 2000000, /* how long one has to publish when others want its place */
};

struct rtmp_publisher {
	struct list link; // worker.rtmp
	struct worker *worker;
	struct stream *stream;
	struct rtmp_session *session;
	struct publisher *publisher; /* NULL until the room is ours */
	struct rtmp_claim *claim; /* under way, or NULL */
	struct deferred ending;
	struct timer flush;
	int64_t since_us;
	uint64_t id; /* 0 until the room is ours */
	char room[RTMP_ROOM_MAX + 1];
	struct log log;
};

struct rtmp_claim {
	struct claim claim;
	struct rtmp_publisher *owner; /* NULL: the connection has gone */
};

/* The room is no longer ours. */
static void leave_room(struct rtmp_publisher *rtmp, bool orderly)
{
	broadcast_publish_end(rtmp->publisher);
	rtmp->publisher = NULL;
	if (rtmp->id)
		control_note_gone(rtmp->worker, rtmp->room, rtmp->id, orderly);
	rtmp->id = 0;
}

static void publisher_destroy(struct rtmp_publisher *rtmp)
{
	if (rtmp->claim)
		rtmp->claim->owner = NULL;
	leave_room(rtmp, rtmp->session && rtmp_session_leaving(rtmp->session));
	rtmp_session_destroy(rtmp->session);
	stream_destroy(rtmp->stream);
	deferred_cancel(&rtmp->ending);
	timer_stop(&rtmp->flush);
	list_remove(&rtmp->link);
	rtmp->worker->rtmp_count--;
	free(rtmp);
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
	struct rtmp_publisher *rtmp = arg;
	rtmp_session_feed(rtmp->session, data, len);
}

static void on_closed(void *arg, int err)
{
	(void)err;
	publisher_destroy(arg);
}

static const struct stream_ops stream_ops = { .data = on_data, .closed = on_closed };

static void on_output(void *arg, const void *data, size_t len)
{
	struct rtmp_publisher *rtmp = arg;
	(void)stream_write(rtmp->stream, data, len); /* a dead stream says so by itself */
}

static int token_claims(struct rtmp_publisher *rtmp, const char *token, struct jwt_claims *claims)
{
	struct worker *worker = rtmp->worker;
	if (auth_verify(&worker->auth, token, strlen(token), worker_now_s(worker), claims))
		return -EACCES;
	return claims->role >= JWT_HOST ? 0 : -EACCES;
}

static void on_connect(void *arg, const char *token)
{
	struct rtmp_publisher *rtmp = arg;
	struct jwt_claims claims;
	if (token_claims(rtmp, token, &claims))
		rtmp_session_refuse(rtmp->session, RTMP_REFUSE_DENIED);
	else
		rtmp_session_accept(rtmp->session);
}

static void refuse(struct rtmp_publisher *rtmp, enum rtmp_refuse why)
{
	static const char *const reasons[] = {
		[RTMP_REFUSE_DENIED] = "token",        [RTMP_REFUSE_NO_ROOM] = "no_such_room",
		[RTMP_REFUSE_NO_NAME] = "no_name",     [RTMP_REFUSE_OVERLOADED] = "overloaded",
		[RTMP_REFUSE_BAD_NAME] = "publishing",
	};
	log_info(&rtmp->log, "publish refused reason=%s room=%s", reasons[why], rtmp->room);
	rtmp_session_refuse(rtmp->session, why);
}

static void on_claimed(struct claim *claim)
{
	struct rtmp_claim *own = list_entry(claim, struct rtmp_claim, claim);
	struct rtmp_publisher *rtmp = own->owner;
	const struct publisher_params params = { .epoch = claim->epoch };
	if (!rtmp) {
		if (!claim->err && !claim->call.lost)
			control_note_gone(claim->call.worker, claim->room, claim->publisher.id,
					  false);
	} else if (claim->err || claim->call.lost) {
		rtmp->claim = NULL;
		refuse(rtmp, claim->call.lost        ? RTMP_REFUSE_OVERLOADED
			     : claim->err == -EBUSY  ? RTMP_REFUSE_BAD_NAME
			     : claim->err == -ENOENT ? RTMP_REFUSE_NO_ROOM
						     : RTMP_REFUSE_OVERLOADED);
	} else {
		rtmp->claim = NULL;
		rtmp->id = claim->publisher.id;
		if (broadcast_publish_begin(claim->broadcast, &params, &rtmp->publisher))
			refuse(rtmp, RTMP_REFUSE_OVERLOADED);
		else
			rtmp_session_accept(rtmp->session);
	}
	broadcast_unref(claim->broadcast);
	free(own);
}

static void on_publish(void *arg, const char *room, const char *token)
{
	struct rtmp_publisher *rtmp = arg;
	struct jwt_claims claims;
	snprintf(rtmp->room, sizeof(rtmp->room), "%s", room);
	if (token_claims(rtmp, token, &claims) || !jwt_allows_room(&claims, room)) {
		refuse(rtmp, RTMP_REFUSE_DENIED);
		return;
	}
	if (!room_view_find(rtmp->worker, room)) {
		refuse(rtmp, RTMP_REFUSE_NO_ROOM);
		return;
	}
	struct rtmp_claim *own = xcalloc(1, sizeof(*own));
	own->owner = rtmp;
	own->claim.on_claimed = on_claimed;
	memcpy(own->claim.room, rtmp->room, sizeof(own->claim.room));
	memcpy(own->claim.publisher.sub, claims.sub, sizeof(own->claim.publisher.sub));
	if (claim_start(&own->claim, rtmp->worker)) {
		free(own);
		refuse(rtmp, RTMP_REFUSE_OVERLOADED);
		return;
	}
	rtmp->claim = own;
}

static void on_frame(void *arg, struct frame *frame)
{
	struct rtmp_publisher *rtmp = arg;
	if (rtmp->publisher)
		(void)broadcast_push(rtmp->publisher, frame);
	else
		frame_unref(frame);
}

static void on_config(void *arg, struct media_config *config)
{
	struct rtmp_publisher *rtmp = arg;
	if (rtmp->publisher)
		broadcast_promise(rtmp->publisher, config->codec, config);
}

static void on_unheard(void *arg)
{
	struct rtmp_publisher *rtmp = arg;
	log_warn(&rtmp->log, "publisher's sound is neither aac nor opus, nobody hears it room=%s",
		 rtmp->room);
	rtmp_session_warn(rtmp->session, "nobody hears this sound, send AAC or Opus");
}

static void on_unpublish(void *arg)
{
	leave_room(arg, true);
}

/* What was said last still has to go out; closed() follows, or the time is over. */
static void on_ending(void *arg)
{
	struct rtmp_publisher *rtmp = arg;
	stream_finish(rtmp->stream);
	timer_start(&rtmp->flush, RTMP_FLUSH_US);
	leave_room(rtmp, false);
}

static void on_end(void *arg, enum rtmp_end why)
{
	struct rtmp_publisher *rtmp = arg;
	if (why == RTMP_END_CODEC)
		log_warn(&rtmp->log, "publisher sends no h264 room=%s", rtmp->room);
	loop_defer(rtmp->worker->loop, &rtmp->ending);
}

static const struct rtmp_session_ops session_ops = {
	.output = on_output,
	.connect = on_connect,
	.publish = on_publish,
	.frame = on_frame,
	.config = on_config,
	.unheard = on_unheard,
	.unpublish = on_unpublish,
	.end = on_end,
};

static void on_flush_over(void *arg)
{
	publisher_destroy(arg);
}

/* Who came first of those that do not publish: connections that only stand there must not keep
 * hosts out. */
static struct rtmp_publisher *oldest_stranger(struct worker *worker)
{
	list_for_each (link, &worker->rtmp) {
		struct rtmp_publisher *rtmp = list_entry(link, struct rtmp_publisher, link);
		if (!rtmp->publisher && !rtmp->claim)
			return rtmp;
	}
	return NULL;
}

static bool make_room(struct worker *worker)
{
	if (worker->rtmp_count < WORKER_RTMP_MAX)
		return true;
	metric_add(worker->app->counters.rtmp_refused, 1);
	struct rtmp_publisher *oldest = oldest_stranger(worker);
	if (!oldest || loop_now_us(worker->loop) - oldest->since_us < RTMP_STRANGER_US)
		return false;
	publisher_destroy(oldest);
	return true;
}

void rtmp_accept(struct worker *worker, int fd, const struct addr *peer, struct tls_context *tls)
{
	if (!make_room(worker)) {
		close(fd);
		return;
	}
	struct rtmp_publisher *rtmp = xcalloc(1, sizeof(*rtmp));
	char from[ADDR_TEXT];
	rtmp->worker = worker;
	rtmp->since_us = loop_now_us(worker->loop);
	worker->rtmp_count++;
	addr_format(peer, from);
	log_init(&rtmp->log, &worker->log, "rtmp=%s", from);
	list_append(&worker->rtmp, &rtmp->link);
	deferred_init(&rtmp->ending, on_ending, rtmp);
	timer_init(&rtmp->flush, worker->loop, on_flush_over, rtmp);
	if (stream_create(&rtmp->stream, worker->loop, fd, tls, &stream_ops, rtmp) ||
	    rtmp_session_create(&rtmp->session, worker->loop, &session_ops, rtmp))
		publisher_destroy(rtmp);
}

int rtmp_kick(struct worker *worker, uint64_t id)
{
	list_for_each (link, &worker->rtmp) {
		struct rtmp_publisher *rtmp = list_entry(link, struct rtmp_publisher, link);
		if (rtmp->id != id)
			continue;
		rtmp->id = 0; /* control knows */
		rtmp_session_stop(rtmp->session);
		return 0;
	}
	return -ENOENT;
}

void rtmp_warn(struct worker *worker, uint64_t id)
{
	list_for_each (link, &worker->rtmp) {
		struct rtmp_publisher *rtmp = list_entry(link, struct rtmp_publisher, link);
		if (rtmp->id == id)
			rtmp_session_warn(rtmp->session,
					  "WebRTC viewers do not see this picture, send H.264 in "
					  "4:2:0 with 8 bits and without B-frames");
	}
}

void rtmp_drain(struct worker *worker)
{
	list_for_each_safe (link, &worker->rtmp) {
		struct rtmp_publisher *rtmp = list_entry(link, struct rtmp_publisher, link);
		if (rtmp->publisher)
			(void)rtmp_session_ask_reconnect(rtmp->session,
							 worker->app->config.rtmp_overflow_url);
	}
}

void rtmp_end_all(struct worker *worker)
{
	while (!list_empty(&worker->rtmp))
		publisher_destroy(list_entry(worker->rtmp.next, struct rtmp_publisher, link));
}
