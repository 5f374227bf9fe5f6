#include "signaling/ice_tcp.h"

#include "server/core/alloc.h"
#include "server/core/list.h"
#include "server/core/listener.h"
#include "server/core/loop.h"
#include "server/core/map.h"
#include "server/core/stream.h"
#include "signaling/tcp_frames.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	TICK_US = 250000,
	MARKS = 4, /* a second of ticks */
	DESCRIPTORS_SPARE = 128, /* for what is no client */
	/* In the kernel: the rest waits where it is seen. */
	UNSENT_MAX = 32 * 1024,
	/* Answers to checks, DTLS and SCTP have room behind media that may not grow further. */
	URGENT_MORE = 64 * 1024,
};

struct connection {
	struct list link; // tcp->strangers (oldest first), admitted or dead
	struct ice_tcp *tcp;
	struct stream *stream;
	struct udp_path path;
	bool admitted, dead;
	int64_t since_us; /* a stranger since; admitted: behind since, 0: it is not */
	size_t received; /* of a stranger */
	uint64_t written;
	uint64_t marks[MARKS]; /* `written` at the last ticks */
	struct tcp_frames frames;
};

struct ice_tcp {
	struct loop *loop;
	struct listener *listener;
	udp_packet_fn packet;
	void *arg;
	struct map by_id;
	struct list strangers, admitted, dead; // connection.link
	uint32_t last_id;
	unsigned tick_count;
	struct timer tick;
	struct deferred sweep;
	uint8_t *frames; /* a run with its heads */
	struct ice_tcp_stats stats;
};

static void on_sweep(void *arg)
{
	struct ice_tcp *tcp = arg;
	while (!list_empty(&tcp->dead)) {
		struct connection *connection = list_entry(tcp->dead.next, struct connection, link);
		list_remove(&connection->link);
		stream_destroy(connection->stream);
		free(connection);
	}
}

/* Its callbacks may be running: the memory goes in the next turn. */
static void drop(struct connection *connection)
{
	struct ice_tcp *tcp = connection->tcp;
	if (connection->dead)
		return;
	connection->dead = true;
	map_remove_u64(&tcp->by_id, connection->path.tcp);
	list_remove(&connection->link);
	list_append(&tcp->dead, &connection->link);
	tcp->stats.connections--;
	tcp->stats.strangers -= !connection->admitted;
	loop_defer(tcp->loop, &tcp->sweep);
}

static void refuse(struct connection *connection)
{
	if (!connection->dead)
		connection->tcp->stats.refused++;
	drop(connection);
}

static struct connection *find(const struct ice_tcp *tcp, uint32_t id)
{
	return map_get_u64(&tcp->by_id, id);
}

static bool on_frame(void *arg, uint8_t *packet, size_t len)
{
	struct connection *connection = arg;
	struct ice_tcp *tcp = connection->tcp;
	const struct udp_packet whole = { .data = packet, .len = len, .path = &connection->path };
	tcp->packet(tcp->arg, &whole);
	return !connection->dead;
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
	struct connection *connection = arg;
	if (connection->dead)
		return;
	if (!connection->admitted)
		connection->received += len;
	if (connection->received > ICE_TCP_STRANGER_BYTES ||
	    tcp_frames_feed(&connection->frames, data, len, on_frame, connection))
		refuse(connection);
}

static void on_closed(void *arg, int err)
{
	(void)err;
	drop(arg);
}

static const struct stream_ops stream_ops = { .data = on_data, .closed = on_closed };

static uint32_t next_id(struct ice_tcp *tcp)
{
	do
		tcp->last_id++;
	while (!tcp->last_id || find(tcp, tcp->last_id));
	return tcp->last_id;
}

static void on_accept(int fd, const struct addr *peer, void *arg)
{
	struct ice_tcp *tcp = arg;
	struct connection *connection = xcalloc(1, sizeof(*connection));
	if (stream_create(&connection->stream, tcp->loop, fd, NULL, &stream_ops, connection)) {
		free(connection);
		return;
	}
	if (tcp->stats.strangers == ICE_TCP_STRANGERS)
		refuse(list_entry(tcp->strangers.next, struct connection, link));
	stream_set_backlog_cap(connection->stream, ICE_TCP_BACKLOG + URGENT_MORE);
	stream_set_unsent_cap(connection->stream, UNSENT_MAX);
	connection->tcp = tcp;
	connection->path.remote = *peer;
	addr_unmap(&connection->path.remote);
	connection->path.tcp = next_id(tcp);
	connection->since_us = loop_now_us(tcp->loop);
	map_set_u64(&tcp->by_id, connection->path.tcp, connection);
	list_append(&tcp->strangers, &connection->link);
	tcp->stats.connections++;
	tcp->stats.strangers++;
}

static void on_full(int fd, const struct addr *peer, void *arg)
{
	(void)peer;
	struct ice_tcp *tcp = arg;
	tcp->stats.refused++;
	close(fd);
}

void ice_tcp_admit(struct ice_tcp *tcp, uint32_t id)
{
	struct connection *connection = find(tcp, id);
	if (!connection || connection->admitted)
		return;
	connection->admitted = true;
	connection->received = 0;
	connection->since_us = 0;
	list_remove(&connection->link);
	list_append(&tcp->admitted, &connection->link);
	tcp->stats.strangers--;
}

/* ---- out ---- */

/* What was written a second ago has not all left yet. */
static bool is_behind(const struct connection *connection)
{
	const uint64_t left = connection->written - stream_backlog(connection->stream);
	return left < connection->marks[connection->tcp->tick_count % MARKS];
}

static int write_run(struct connection *connection, const uint8_t *data, size_t len, size_t segment)
{
	struct ice_tcp *tcp = connection->tcp;
	const size_t size = tcp_frames_write(tcp->frames, data, len, segment);
	const int err = stream_write(connection->stream, tcp->frames, size);
	if (err)
		return err == -ENOBUFS ? -EAGAIN : err;
	connection->written += size;
	tcp->stats.packets_out += (len + segment - 1) / segment;
	tcp->stats.bytes_out += size;
	return 0;
}

int ice_tcp_send(struct ice_tcp *tcp, uint32_t id, const uint8_t *data, size_t len, size_t segment)
{
	struct connection *connection = find(tcp, id);
	if (!connection)
		return -ENOTCONN;
	if (is_behind(connection) ||
	    stream_backlog(connection->stream) + tcp_frames_size(len, segment) > ICE_TCP_BACKLOG) {
		tcp->stats.again++;
		return -EAGAIN;
	}
	return write_run(connection, data, len, segment);
}

int ice_tcp_send_urgent(struct ice_tcp *tcp, uint32_t id, const uint8_t *data, size_t len)
{
	struct connection *connection = find(tcp, id);
	return connection ? write_run(connection, data, len, len) : -ENOTCONN;
}

void ice_tcp_drop(struct ice_tcp *tcp, uint32_t id)
{
	struct connection *connection = find(tcp, id);
	if (connection)
		drop(connection);
}

/* ---- time ---- */

static void judge(struct connection *connection, int64_t now_us)
{
	struct ice_tcp *tcp = connection->tcp;
	if (!is_behind(connection))
		connection->since_us = 0;
	else if (!connection->since_us)
		connection->since_us = now_us;
	connection->marks[tcp->tick_count % MARKS] = connection->written;
	if (connection->since_us && now_us - connection->since_us >= ICE_TCP_BEHIND_US) {
		tcp->stats.behind++;
		drop(connection);
	}
}

static void on_tick(void *arg)
{
	struct ice_tcp *tcp = arg;
	const int64_t now_us = loop_now_us(tcp->loop);
	timer_again(&tcp->tick, TICK_US);
	while (!list_empty(&tcp->strangers)) {
		struct connection *oldest =
			list_entry(tcp->strangers.next, struct connection, link);
		if (now_us - oldest->since_us < ICE_TCP_STRANGER_US)
			break;
		refuse(oldest);
	}
	list_for_each_safe (link, &tcp->admitted)
		judge(list_entry(link, struct connection, link), now_us);
	tcp->tick_count++;
}

/* ---- life ---- */

int ice_tcp_create(struct ice_tcp **out, struct loop *loop, const struct ice_tcp_options *options)
{
	struct ice_tcp *tcp = xcalloc(1, sizeof(*tcp));
	tcp->loop = loop;
	tcp->packet = options->packet;
	tcp->arg = options->arg;
	map_init(&tcp->by_id);
	list_init(&tcp->strangers);
	list_init(&tcp->admitted);
	list_init(&tcp->dead);
	timer_init_lazy(&tcp->tick, loop, on_tick, tcp);
	deferred_init(&tcp->sweep, on_sweep, tcp);
	tcp->frames = xcalloc(1, UDP_RUN_BYTES + TCP_FRAME_HEAD * UDP_RUN_SEGMENTS);
	const int err =
		listener_create(&tcp->listener, loop, &options->bind, false, on_accept, tcp);
	if (err) {
		ice_tcp_destroy(tcp);
		return err;
	}
	listener_set_spare(tcp->listener, DESCRIPTORS_SPARE, on_full);
	timer_start(&tcp->tick, TICK_US);
	*out = tcp;
	return 0;
}

void ice_tcp_stats(const struct ice_tcp *tcp, struct ice_tcp_stats *out)
{
	*out = tcp->stats;
}

static void drop_all(struct list *connections)
{
	while (!list_empty(connections))
		drop(list_entry(connections->next, struct connection, link));
}

void ice_tcp_destroy(struct ice_tcp *tcp)
{
	if (!tcp)
		return;
	listener_destroy(tcp->listener);
	timer_stop(&tcp->tick);
	drop_all(&tcp->strangers);
	drop_all(&tcp->admitted);
	deferred_cancel(&tcp->sweep);
	on_sweep(tcp);
	map_finish(&tcp->by_id);
	free(tcp->frames);
	free(tcp);
}
