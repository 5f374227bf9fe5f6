#include "signaling/udp_port.h"

#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "signaling/ice.h"
#include "signaling/ice_packet.h"
#include "signaling/srtp.h"
#include "signaling/udp_batch.h"
#include "signaling/udp_port_state.h"
#include "signaling/udp_socket.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	BATCHES_A_TURN = 4, /* then other sockets of the loop get theirs */
	TICK_US = 100000,
	/* An SRTP or SRTCP packet from a new address is tried on the sessions it may belong to.
	 * Strangers can ask for that at will, hence the limits, for each kind its own. */
	CLAIMS_A_TICK = 32, /* a walk over all sessions */
	/* Openings, 1 us each. Chromium's viewers all report as SSRC 1, so those who came within a
	 * quarter of a minute are told apart by the tag alone. */
	CLAIM_TRIES_A_TICK = 2000,
	TCP_TRIES = 8,
};

struct udp_scratch {
	struct udp_batch *batch;
	struct ice_agent *ice;
	uint8_t *send;
};

int udp_scratch_create(struct udp_scratch **out, bool gro)
{
	struct udp_scratch *scratch = xcalloc(1, sizeof(*scratch));
	scratch->send = xcalloc(1, UDP_RUN_BYTES);
	if (udp_batch_create(&scratch->batch, gro) || ice_agent_create(&scratch->ice)) {
		udp_scratch_destroy(scratch);
		return -ENOMEM;
	}
	*out = scratch;
	return 0;
}

void udp_scratch_destroy(struct udp_scratch *scratch)
{
	if (!scratch)
		return;
	udp_batch_destroy(scratch->batch);
	ice_agent_destroy(scratch->ice);
	free(scratch->send);
	free(scratch);
}

static void on_soon(void *arg)
{
	struct udp_port *port = arg;
	udp_sessions_free_ended(port);
	udp_sessions_run_handshakes(port);
}

static void refill_claims(struct udp_port *port)
{
	port->claims_left[false] = port->claims_left[true] = CLAIMS_A_TICK;
	port->tries_left[false] = port->tries_left[true] = CLAIM_TRIES_A_TICK;
}

static void on_tick(void *arg)
{
	struct udp_port *port = arg;
	const int64_t now_us = loop_now_us(port->loop);
	timer_again(&port->tick, TICK_US);
	refill_claims(port);
	udp_hellos_expire(&port->hellos, now_us);
	udp_sessions_tick(port, now_us);
}

/* ---- packets ---- */

/* Whoever has a session of his own could else send checks in the name of another's address, and
 * the other's packets would be taken for his. */
static bool is_forged(struct udp_port *port, const struct udp_session *session,
		      const struct udp_path *from)
{
	const struct udp_session *owner = udp_sessions_find(port, from);
	return owner && owner != session && owner->ops->holds(owner, from);
}

static void on_stun(struct udp_port *port, const struct udp_packet *datagram)
{
	const struct udp_path *path = datagram->path;
	struct ice_packet packet;
	if (ice_packet_scan(&packet, datagram->data, datagram->len)) {
		port->stats.stun_bad++;
		return;
	}
	struct udp_session *session =
		packet.kind == ICE_REQUEST
			? map_get(&port->by_ufrag, packet.ufrag, packet.ufrag_len)
			: udp_sessions_find(port, path);
	if (!session)
		port->stats.stun_unknown++;
	else if (is_forged(port, session, path))
		port->stats.foreign++;
	else
		session->ops->stun(session, &packet, path);
}

static void on_dtls(struct udp_port *port, const struct udp_packet *packet)
{
	const struct udp_path *path = packet->path;
	struct udp_session *session = udp_sessions_find(port, path);
	if (!session) {
		/* TCP keeps the order: a hello comes behind its check. */
		if (!path->tcp && udp_hellos_keep(&port->hellos, &path->remote, packet->data,
						  packet->len, loop_now_us(port->loop)))
			port->stats.hellos_kept++;
		else
			port->stats.foreign++;
	} else if (session->settled || session->prompt) {
		session->ops->dtls(session, packet->data, packet->len);
	} else {
		struct buf *buf = buf_copy(packet->data, packet->len);
		if (buf)
			udp_session_keep(session, buf);
	}
}

/* False when the search is over. */
static bool offer_to_list(struct list *sessions, const struct udp_packet *packet, unsigned *tries)
{
	list_for_each (link, sessions) {
		struct udp_session *session = list_entry(link, struct udp_session, link);
		const int err = session->ops->claim(session, packet);
		if (err == -ESRCH)
			continue;
		if (!err || --*tries == 0)
			return false;
	}
	return true;
}

static void on_srtp(struct udp_port *port, const struct udp_packet *packet)
{
	struct udp_session *session = udp_sessions_find(port, packet->path);
	const bool rtcp = srtp_is_rtcp(packet->data, packet->len);
	/* A router may have given the address of one to another: then its owner is silent there. */
	if (session && (session->ops->srtp(session, packet) != -EBADMSG || !rtcp ||
			session->ops->holds(session, packet->path)))
		return;
	port->stats.foreign++;
	if (!port->claims_left[rtcp] || !port->tries_left[rtcp])
		return;
	port->claims_left[rtcp]--;
	for (int i = 0; i < UDP_WHEEL; i++)
		if (!offer_to_list(&port->wheel[i], packet, &port->tries_left[rtcp]))
			return;
}

static void on_packet(void *arg, const struct udp_packet *packet)
{
	struct udp_port *port = arg;
	port->stats.packets_in++;
	port->stats.bytes_in += packet->len;
	const unsigned first = packet->len ? packet->data[0] : 255;
	if (first <= 3)
		on_stun(port, packet);
	else if (first >= 20 && first <= 63)
		on_dtls(port, packet);
	else if (first >= 128 && first <= 191)
		on_srtp(port, packet);
	else
		port->stats.garbage++;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct udp_port *port = arg;
	for (int i = 0; i < BATCHES_A_TURN; i++)
		if (!udp_batch_receive(port->scratch->batch, fd, &port->dropped, on_packet, port))
			break;
}

/* ---- the port ---- */

static int open_udp(struct udp_port *port, const struct addr *bind_addr)
{
	port->fd = udp_socket_open(bind_addr, udp_batch_gro(port->scratch->batch));
	if (port->fd < 0)
		return port->fd;
	port->addr.len = sizeof(port->addr.ss);
	return getsockname(port->fd, (struct sockaddr *)&port->addr.ss, &port->addr.len) ? -errno
											 : 0;
}

/* A number that is chosen here is one that is free for both. */
static int open_both(struct udp_port *port, const struct udp_port_options *options)
{
	const bool any = !addr_port(&options->bind);
	struct ice_tcp_options tcp = { .packet = on_packet, .arg = port };
	for (int tries = TCP_TRIES;; tries--) {
		int err = open_udp(port, &options->bind);
		if (err || !options->tcp)
			return err;
		tcp.bind = port->addr;
		err = ice_tcp_create(&port->tcp, port->loop, &tcp);
		if (err != -EADDRINUSE || !any || !tries)
			return 0;
		close(port->fd);
	}
}

int udp_port_create(struct udp_port **out, struct loop *loop,
		    const struct udp_port_options *options)
{
	struct udp_port *port = xcalloc(1, sizeof(*port));
	port->fd = -1;
	port->loop = loop;
	port->dtls = options->dtls;
	if (options->log)
		port->log = *options->log;
	refill_claims(port);
	udp_sessions_init(port);
	udp_hellos_init(&port->hellos);
	timer_init_lazy(&port->tick, loop, on_tick, port);
	deferred_init(&port->soon, on_soon, port);
	int err = options->scratch ? 0 : udp_scratch_create(&port->own_scratch, false);
	port->scratch = options->scratch ? options->scratch : port->own_scratch;
	if (!err)
		err = open_both(port, options);
	if (err)
		goto fail;
	err = -ENOMEM;
	udp_sender_init(&port->sender, port->fd);
	port->readable =
		event_new(loop_base(loop), port->fd, EV_READ | EV_PERSIST, on_readable, port);
	if (!port->readable || event_add(port->readable, NULL))
		goto fail;
	timer_start(&port->tick, TICK_US);
	*out = port;
	return 0;
fail:
	udp_port_destroy(port);
	return err;
}

const struct addr *udp_port_addr(const struct udp_port *port)
{
	return &port->addr;
}

bool udp_port_has_tcp(const struct udp_port *port)
{
	return port->tcp;
}

struct loop *udp_port_loop(const struct udp_port *port)
{
	return port->loop;
}

struct dtls_context *udp_port_dtls(const struct udp_port *port)
{
	return port->dtls;
}

struct ice_agent *udp_port_ice(const struct udp_port *port)
{
	return port->scratch->ice;
}

const struct log *udp_port_log(const struct udp_port *port)
{
	return &port->log;
}

uint8_t *udp_port_buffer(const struct udp_port *port)
{
	return port->scratch->send;
}

struct udp_port_stats *udp_port_counts(struct udp_port *port)
{
	return &port->stats;
}

void udp_port_stats(const struct udp_port *port, struct udp_port_stats *out)
{
	*out = port->stats;
	out->packets_out = port->sender.packets;
	out->bytes_out = port->sender.bytes;
	out->sends = port->sender.calls;
	out->send_again = port->sender.again;
	out->send_errors = port->sender.errors;
	out->gso = port->sender.gso;
	out->dropped = port->dropped;
	if (port->tcp)
		ice_tcp_stats(port->tcp, &out->tcp);
}

int udp_port_send(struct udp_port *port, const struct udp_path *path, const void *data, size_t len)
{
	return path->tcp ? ice_tcp_send_urgent(port->tcp, path->tcp, data, len)
			 : udp_sender_send(&port->sender, path, data, len, len);
}

int udp_port_send_run(struct udp_port *port, const struct udp_path *path, const uint8_t *data,
		      size_t len, size_t segment)
{
	return path->tcp ? ice_tcp_send(port->tcp, path->tcp, data, len, segment)
			 : udp_sender_send(&port->sender, path, data, len, segment);
}

void udp_port_destroy(struct udp_port *port)
{
	if (!port)
		return;
	assert(port->stats.sessions == 0);
	timer_stop(&port->tick);
	deferred_cancel(&port->soon);
	udp_sessions_free_ended(port);
	if (port->readable)
		event_free(port->readable);
	if (port->fd >= 0)
		close(port->fd);
	ice_tcp_destroy(port->tcp);
	udp_hellos_finish(&port->hellos);
	map_finish(&port->by_ufrag);
	map_finish(&port->by_path);
	udp_scratch_destroy(port->own_scratch);
	free(port);
}
