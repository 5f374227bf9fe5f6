#include "signaling/udp_session.h"

#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "signaling/udp_port_state.h"

#include <errno.h>
#include <stdlib.h>

enum {
	HANDSHAKES_A_TURN = 8, /* 125 us each: a wave of joins must not delay the fan-out */
	INBOX_MAX = 8, /* datagrams of one handshake that wait */
};

struct datagram {
	struct list link;
	struct buf *buf;
};

void udp_sessions_init(struct udp_port *port)
{
	map_init(&port->by_ufrag);
	map_init(&port->by_path);
	list_init(&port->young);
	list_init(&port->ended);
	list_init(&port->handshakes);
	for (int i = 0; i < UDP_WHEEL; i++)
		list_init(&port->wheel[i]);
}

void udp_session_init(struct udp_session *session, struct udp_port *port,
		      const struct udp_session_ops *ops)
{
	*session = (struct udp_session){ .ops = ops, .port = port };
	list_init(&session->hello_link);
	list_init(&session->inbox);
	list_append(&port->young, &session->link);
	port->stats.sessions++;
}

int udp_session_add_ufrag(struct udp_session *session, const char *ufrag)
{
	struct udp_port *port = session->port;
	if (map_get_str(&port->by_ufrag, ufrag))
		return -EEXIST;
	map_set_str(&port->by_ufrag, ufrag, session);
	return 0;
}

void udp_session_drop_ufrag(struct udp_session *session, const char *ufrag)
{
	struct map *map = &session->port->by_ufrag;
	if (map_get_str(map, ufrag) == session)
		map_remove_str(map, ufrag);
}

/* Packets come in runs of one sender. */
struct udp_session *udp_sessions_find(struct udp_port *port, const struct udp_path *path)
{
	const struct udp_key key = udp_key_of_path(path);
	if (!udp_key_equal(&port->recent_key, &key)) {
		port->recent_key = key;
		port->recent = map_get(&port->by_path, key.bytes, key.len);
	}
	return port->recent;
}

static void drop_path(struct udp_session *session, const struct udp_key *key)
{
	struct udp_port *port = session->port;
	port->recent_key.len = 0;
	if (!key->len || map_get(&port->by_path, key->bytes, key->len) != session)
		return;
	map_remove(&port->by_path, key->bytes, key->len);
	if (udp_key_tcp(key))
		ice_tcp_drop(port->tcp, udp_key_tcp(key));
}

void udp_session_keep(struct udp_session *session, struct buf *buf)
{
	struct udp_port *port = session->port;
	if (session->inbox_count == INBOX_MAX) {
		buf_unref(buf);
		return;
	}
	struct datagram *datagram = xcalloc(1, sizeof(*datagram));
	datagram->buf = buf;
	list_append(&session->inbox, &datagram->link);
	session->inbox_count++;
	if (list_empty(&session->hello_link)) {
		list_append(&port->handshakes, &session->hello_link);
		port->stats.handshakes_waiting++;
	}
	loop_defer(port->loop, &port->soon);
}

static void leave_line(struct udp_session *session)
{
	if (list_empty(&session->hello_link))
		return;
	list_remove(&session->hello_link);
	session->port->stats.handshakes_waiting--;
}

static struct buf *next_datagram(struct udp_session *session)
{
	if (list_empty(&session->inbox))
		return NULL;
	struct datagram *datagram = list_entry(session->inbox.next, struct datagram, link);
	struct buf *buf = datagram->buf;
	list_remove(&datagram->link);
	session->inbox_count--;
	free(datagram);
	return buf;
}

void udp_session_add_path(struct udp_session *session, const struct udp_path *path,
			  const struct udp_path *keep)
{
	struct udp_port *port = session->port;
	const struct udp_key key = udp_key_of_path(path);
	port->recent_key.len = 0;
	if (map_set(&port->by_path, key.bytes, key.len, session) == session)
		return;
	const struct udp_key kept = udp_key_of_path(keep);
	struct udp_key *slot = &session->paths[session->path_next++ % UDP_SESSION_PATHS];
	if (slot->len && udp_key_equal(slot, &kept))
		slot = &session->paths[session->path_next++ % UDP_SESSION_PATHS];
	if (!udp_key_equal(slot, &key))
		drop_path(session, slot);
	*slot = key;
	if (path->tcp) {
		ice_tcp_admit(port->tcp, path->tcp);
		return;
	}
	struct buf *hellos[UDP_HELLO_DATAGRAMS];
	const size_t count =
		udp_hellos_take(&port->hellos, &path->remote, loop_now_us(port->loop), hellos);
	for (size_t i = 0; i < count; i++)
		udp_session_keep(session, hellos[i]);
}

void udp_session_settle(struct udp_session *session)
{
	struct udp_port *port = session->port;
	if (session->settled || session->ended)
		return;
	session->settled = true;
	list_remove(&session->link);
	list_append(&port->wheel[port->wheel_next++ % UDP_WHEEL], &session->link);
}

void udp_session_end(struct udp_session *session)
{
	struct udp_port *port = session->port;
	if (session->ended)
		return;
	session->ended = true;
	for (int i = 0; i < UDP_SESSION_PATHS; i++)
		drop_path(session, &session->paths[i]);
	leave_line(session);
	list_remove(&session->link);
	list_append(&port->ended, &session->link);
	port->stats.sessions--;
	loop_defer(port->loop, &port->soon);
}

void udp_sessions_free_ended(struct udp_port *port)
{
	while (!list_empty(&port->ended)) {
		struct udp_session *session =
			list_entry(port->ended.next, struct udp_session, link);
		list_remove(&session->link);
		for (struct buf *buf; (buf = next_datagram(session));)
			buf_unref(buf);
		session->ops->free(session);
	}
}

void udp_sessions_run_handshakes(struct udp_port *port)
{
	if (list_empty(&port->handshakes))
		return;
	const int64_t began_us = loop_now_us(port->loop);
	for (int i = 0; i < HANDSHAKES_A_TURN && !list_empty(&port->handshakes); i++) {
		struct udp_session *session =
			list_entry(port->handshakes.next, struct udp_session, hello_link);
		leave_line(session);
		struct buf *buf;
		while (!session->ended && (buf = next_datagram(session))) {
			session->ops->dtls(session, buf->data, buf->len);
			buf_unref(buf);
		}
	}
	port->stats.handshakes_us += (uint64_t)(loop_now_us(port->loop) - began_us);
	if (!list_empty(&port->handshakes))
		loop_defer(port->loop, &port->soon);
}

/* Any session may end while the list is walked, so it is emptied from its head. */
static void tick_list(struct list *sessions, int64_t now_us)
{
	struct list batch;
	list_init(&batch);
	while (!list_empty(sessions)) {
		struct list *link = sessions->next;
		list_remove(link);
		list_append(&batch, link);
	}
	while (!list_empty(&batch)) {
		struct udp_session *session = list_entry(batch.next, struct udp_session, link);
		list_remove(&session->link);
		list_append(sessions, &session->link);
		session->ops->tick(session, now_us);
	}
}

void udp_sessions_tick(struct udp_port *port, int64_t now_us)
{
	tick_list(&port->young, now_us);
	port->wheel_at = (port->wheel_at + 1) % UDP_WHEEL;
	tick_list(&port->wheel[port->wheel_at], now_us);
}
