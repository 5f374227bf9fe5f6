#include "signaling/sctp_library.h"

#include "signaling/sctp.h"

#include <arpa/inet.h>
#include <errno.h>

enum {
	ASSOCIATION_BUCKETS = 16384, /* per socket, and there is one for all viewers */
	SEND_BUFFER = SCTP_MESSAGE_OUT_MAX, /* bounds a stuck viewer to 35 KiB */
	RECEIVE_BUFFER = 65536,
	PATH_MTU = 1180, /* Chromium's own is 1,191; there is no discovery through DTLS */
	/* The library's 3 s, 1 s and 60 s are not live. */
	RTO_INITIAL_MS = 1000,
	RTO_MIN_MS = 300,
	RTO_MAX_MS = 5000,
	/* Until ICE gives the path up; the library's 5 and 10 are over before, and then it says
	 * nothing more by itself. */
	TRIES_MAX = 100,
	SACK_DELAY_MS = 200,
	FINISH_TRIES = 3,
};

/* usrsctp is global; so is what we know about it. */
static struct {
	unsigned hubs;
	int64_t ticked_us;
} library;

static void start(const struct sctp_library_ops *ops)
{
	usrsctp_tunable_set_sctp_pcbtblsize(ASSOCIATION_BUCKETS);
	usrsctp_init_nothreads(0, ops->output, NULL);
	usrsctp_enable_crc32c_offload();
	/* After init, which resets them: what no data channel uses is attack surface. */
	usrsctp_sysctl_set_sctp_ecn_enable(0);
	usrsctp_sysctl_set_sctp_asconf_enable(0);
	usrsctp_sysctl_set_sctp_auth_enable(0);
	usrsctp_sysctl_set_sctp_nrsack_enable(0);
	usrsctp_sysctl_set_sctp_pktdrop_enable(0);
	usrsctp_sysctl_set_sctp_blackhole(2);
	library.ticked_us = 0;
}

static int set(struct socket *socket, int level, int name, const void *value, socklen_t len)
{
	return usrsctp_setsockopt(socket, level, name, value, len);
}

static int subscribe(struct socket *socket)
{
	static const uint16_t types[] = { SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT };
	int err = 0;
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const struct sctp_event event = {
			.se_assoc_id = SCTP_FUTURE_ASSOC,
			.se_type = types[i],
			.se_on = 1,
		};
		err |= set(socket, IPPROTO_SCTP, SCTP_EVENT, &event, sizeof(event));
	}
	return err;
}

static int configure(struct socket *socket)
{
	const struct sctp_initmsg streams = {
		.sinit_num_ostreams = SCTP_STREAMS,
		.sinit_max_instreams = SCTP_STREAMS,
	};
	/* Without it every second message waits for the peer's delayed SACK. */
	const uint32_t nodelay = 1;
	/* ICE consent is the test of life, so no heartbeats. */
	const struct sctp_paddrparams path = {
		.spp_flags = SPP_HB_DISABLE | SPP_PMTUD_DISABLE,
		.spp_pathmtu = PATH_MTU,
		.spp_pathmaxrxt = TRIES_MAX,
	};
	const struct sctp_assocparams tries = { .sasoc_asocmaxrxt = TRIES_MAX };
	const struct sctp_rtoinfo rto = {
		.srto_initial = RTO_INITIAL_MS,
		.srto_min = RTO_MIN_MS,
		.srto_max = RTO_MAX_MS,
	};
	const struct sctp_sack_info sack = { .sack_delay = SACK_DELAY_MS, .sack_freq = 2 };
	const struct sctp_assoc_value reset = { .assoc_value = SCTP_ENABLE_RESET_STREAM_REQ };
	const int send_buffer = SEND_BUFFER, receive_buffer = RECEIVE_BUFFER;
	int err = usrsctp_set_non_blocking(socket, 1);
	err |= set(socket, IPPROTO_SCTP, SCTP_INITMSG, &streams, sizeof(streams));
	err |= set(socket, IPPROTO_SCTP, SCTP_NODELAY, &nodelay, sizeof(nodelay));
	err |= set(socket, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof(path));
	err |= set(socket, IPPROTO_SCTP, SCTP_ASSOCINFO, &tries, sizeof(tries));
	err |= set(socket, IPPROTO_SCTP, SCTP_RTOINFO, &rto, sizeof(rto));
	err |= set(socket, IPPROTO_SCTP, SCTP_DELAYED_SACK, &sack, sizeof(sack));
	err |= set(socket, IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, &reset, sizeof(reset));
	err |= set(socket, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
	err |= set(socket, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
	return err | subscribe(socket);
}

int sctp_library_open(struct socket **out, void *hub, const struct sctp_library_ops *ops)
{
	if (library.hubs++ == 0)
		start(ops);
	usrsctp_register_address(hub);
	struct sockaddr_conn address = {
		.sconn_family = AF_CONN,
		.sconn_port = htons(SCTP_PORT),
		.sconn_addr = hub,
	};
	struct socket *socket =
		usrsctp_socket(AF_CONN, SOCK_SEQPACKET, IPPROTO_SCTP, ops->receive, NULL, 0, hub);
	if (socket && !configure(socket) &&
	    !usrsctp_bind(socket, (struct sockaddr *)&address, sizeof(address)) &&
	    !usrsctp_listen(socket, 1)) {
		*out = socket;
		return 0;
	}
	sctp_library_close(socket, hub);
	return -EIO;
}

void sctp_library_tick(int64_t now_us)
{
	const int64_t elapsed_ms = (now_us - library.ticked_us) / 1000;
	if (!library.ticked_us) {
		library.ticked_us = now_us;
	} else if (elapsed_ms > 0) {
		library.ticked_us += elapsed_ms * 1000;
		usrsctp_handle_timers((uint32_t)elapsed_ms);
	}
}

void sctp_library_close(struct socket *socket, void *hub)
{
	if (socket)
		usrsctp_close(socket);
	usrsctp_deregister_address(hub);
	if (--library.hubs > 0)
		return;
	for (int i = 0; i < FINISH_TRIES && usrsctp_finish(); i++)
		usrsctp_handle_timers(RTO_MAX_MS);
}
