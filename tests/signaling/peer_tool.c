/*
 * A whole WebRTC endpoint for tests whose other side is not C: peer_tool whip|whep. Reads an offer
 * on stdin up to its end, writes the answer and a line "end", then one line for each thing that
 * happens: "connected PROFILE", "open LABEL", "rtp COUNT" (every 25), "closed REASON", after which
 * it ends. A viewer gets silent Opus; text on a data channel comes back with "echo " before it.
 */
#include "server/core/buf.h"
#include "server/core/loop.h"
#include "signaling/peer.h"
#include "signaling/sctp.h"
#include "signaling/udp_port.h"
#include "signaling/whep.h"
#include "signaling/whip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPUS_US = 20000, REPORT_EVERY = 25 };

struct endpoint {
	struct clock clock;
	struct loop *loop;
	struct dtls_context *dtls;
	struct udp_port *port;
	struct peer *peer;
	struct sctp_hub *hub;
	struct sctp_slot *slot;
	struct sdp_agreement agreement;
	struct timer opus;
	uint16_t seq;
	unsigned received;
};

static void on_opus(void *arg)
{
	static uint8_t silence[] = { 0xf8, 0xff, 0xfe }; /* RFC 6716: 20 ms, CELT, no sound */
	struct endpoint *self = arg;
	const uint32_t timestamp = self->seq * 960u;
	uint8_t header[12] = { 0x80, self->agreement.audio.pt, [8] = 0, 0, 3, 0xe9 };
	header[2] = (uint8_t)(self->seq >> 8);
	header[3] = (uint8_t)self->seq;
	for (int i = 0; i < 4; i++)
		header[4 + i] = (uint8_t)(timestamp >> (24 - 8 * i));
	const struct iovec parts[] = { { header, sizeof(header) }, { silence, sizeof(silence) } };
	peer_send_rtp(self->peer, parts, 1);
	self->seq++;
	timer_start(&self->opus, OPUS_US);
}

static void on_packet_out(void *arg, const uint8_t *packet, size_t len)
{
	struct endpoint *self = arg;
	peer_send_sctp(self->peer, packet, len);
}

static void on_open(void *arg, uint16_t stream, const char *label)
{
	(void)arg;
	(void)stream;
	printf("open %s\n", label);
}

static void on_message(void *arg, uint16_t stream, const char *text, size_t len)
{
	struct endpoint *self = arg;
	struct buf *answer = buf_create(len + 5);
	memcpy(answer->data, "echo ", 5);
	memcpy(answer->data + 5, text, len);
	sctp_hub_send_text(self->slot, stream, answer);
	buf_unref(answer);
}

static void on_channel_closed(void *arg, uint16_t stream)
{
	(void)arg;
	printf("channel closed %d\n", stream);
}

static void on_association_closed(void *arg)
{
	(void)arg;
	printf("association closed\n");
}

static const struct sctp_hub_ops hub_ops = {
	.packet_out = on_packet_out,
	.open = on_open,
	.message = on_message,
	.channel_closed = on_channel_closed,
	.closed = on_association_closed,
};

static void on_connected(void *arg)
{
	struct endpoint *self = arg;
	struct peer_stats stats;
	peer_stats(self->peer, &stats);
	printf("connected %s\n", stats.srtp_profile);
	timer_start(&self->opus, 0);
	if (self->agreement.data && sctp_hub_attach(self->hub, self, &self->slot))
		exit(1);
}

static void on_rtp(void *arg, uint8_t *packet, size_t len, int64_t arrived_us)
{
	struct endpoint *self = arg;
	(void)packet;
	(void)len;
	(void)arrived_us;
	if (++self->received % REPORT_EVERY == 0)
		printf("rtp %u\n", self->received);
}

static void on_rtcp(void *arg, const uint8_t *packet, size_t len, int64_t arrived_us)
{
	(void)arg;
	(void)packet;
	(void)len;
	(void)arrived_us;
}

static void on_sctp(void *arg, const uint8_t *packet, size_t len)
{
	struct endpoint *self = arg;
	if (self->slot)
		sctp_hub_feed(self->slot, packet, len);
}

static void on_closed(void *arg, enum peer_reason reason)
{
	struct endpoint *self = arg;
	printf("closed %s\n", peer_reason_text(reason));
	loop_stop(self->loop);
}

static const struct peer_ops peer_ops = {
	.connected = on_connected,
	.rtp = on_rtp,
	.rtcp = on_rtcp,
	.sctp = on_sctp,
	.closed = on_closed,
};

static int answer_offer(struct endpoint *self, bool viewer, const struct peer_options *options)
{
	static char text[SDP_SIZE_MAX + 1];
	const size_t len = fread(text, 1, sizeof(text), stdin);
	struct sdp_local local = {
		.id = 1,
		.ufrag = options->local_ufrag,
		.pwd = options->local_pwd,
		.candidates = udp_port_addr(self->port),
		.candidate_count = 1,
	};
	memcpy(local.fingerprint, dtls_context_fingerprint_bytes(self->dtls), DTLS_FINGERPRINT);
	struct sdp *offer;
	struct sdp_error error = { .fault = SDP_OK };
	struct bytes answer;
	bytes_init(&answer, SDP_SIZE_MAX);
	int err = sdp_parse(&offer, text, len, &error);
	if (!err) {
		err = viewer ? whep_answer(&self->agreement, &answer, offer, &local, &error)
			     : whip_answer(&self->agreement, &answer, offer, &local, &error);
		sdp_destroy(offer);
	}
	if (err)
		fprintf(stderr, "%s\n", error.detail);
	else
		printf("%send\n", bytes_string(&answer));
	bytes_finish(&answer);
	return err;
}

static int run(struct endpoint *self, bool viewer)
{
	char ufrag[PEER_UFRAG_LEN + 1], pwd[PEER_PWD_LEN + 1];
	struct peer_options options = {
		.local_ufrag = ufrag,
		.local_pwd = pwd,
		.ingest = !viewer,
		.ops = &peer_ops,
		.arg = self,
	};
	peer_credentials(ufrag, pwd);
	if (answer_offer(self, viewer, &options))
		return 1;
	options.dtls_client = self->agreement.dtls_active;
	memcpy(options.remote_fingerprint, self->agreement.remote_fingerprint, DTLS_FINGERPRINT);
	if (peer_create(&self->peer, self->port, &options))
		return 1;
	loop_run(self->loop);
	timer_stop(&self->opus);
	sctp_hub_detach(self->slot);
	peer_close(self->peer);
	return 0;
}

int main(int argc, char **argv)
{
	static struct endpoint self;
	if (argc != 2)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	clock_init(&self.clock);
	struct udp_port_options port = { 0 };
	if (loop_create(&self.loop, &self.clock) || dtls_context_create(&self.dtls) ||
	    addr_set(&port.bind, "127.0.0.1", 0) || sctp_hub_create(&self.hub, self.loop, &hub_ops))
		return 1;
	port.dtls = self.dtls;
	if (udp_port_create(&self.port, self.loop, &port))
		return 1;
	timer_init(&self.opus, self.loop, on_opus, &self);
	const int status = run(&self, strcmp(argv[1], "whep") == 0);
	sctp_hub_destroy(self.hub);
	udp_port_destroy(self.port);
	dtls_context_destroy(self.dtls);
	loop_destroy(self.loop);
	return status;
}
