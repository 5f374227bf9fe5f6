#include "load-tests/swarm/rtc_client.h"

#include "load-tests/swarm/data_channel.h"
#include "load-tests/swarm/farewells.h"
#include "load-tests/swarm/http_client.h"
#include "load-tests/swarm/janus_signalling.h"
#include "load-tests/swarm/scene.h"
#include "server/core/alloc.h"
#include "server/core/crypto.h"
#include "signaling/peer.h"
#include "signaling/udp_port.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POST_TIMEOUT_US = 10 * 1000000, LOCATION_MAX = 512, WHY_MAX = 256, RETRY_AFTER_MAX = 40 };

struct rtc_client {
	struct scene *scene;
	const struct addr *server;
	const struct rtc_client_ops *ops;
	void *arg;
	struct sdp_offer_options offer;
	bool raw_rtp;
	char *path, *token;
	char *location; /* path of the session; NULL: none */
	struct http_client *http;
	struct bytes answer;
	struct janus_signalling *janus; /* instead of http */
	struct udp_port *port;
	struct peer *peer;
	struct sdp_agreement agreement;
	struct data_channel channel;
	char ufrag[PEER_UFRAG_LEN + 1], pwd[PEER_PWD_LEN + 1];
	uint32_t ssrc;
	uint16_t port_number;
	bool ended;
};

static void end(struct rtc_client *client, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void end(struct rtc_client *client, const char *format, ...)
{
	char why[WHY_MAX];
	va_list args;
	if (client->ended)
		return;
	client->ended = true;
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	client->ops->ended(client->arg, why);
}

/* ---- session ---- */

static void on_connected(void *arg)
{
	struct rtc_client *client = arg;
	const struct sdp_agreement *agreement = &client->agreement;
	if (!client->offer.no_data && agreement->data &&
	    data_channel_open(&client->channel, client->scene->sctp, client->peer,
			      agreement->dtls_active)) {
		end(client, "no data channel");
		return;
	}
	client->ops->connected(client->arg);
}

static void on_rtp(void *arg, uint8_t *packet, size_t len, int64_t arrived_us)
{
	const struct rtc_client *client = arg;
	if (client->ops->rtp)
		client->ops->rtp(client->arg, packet, len, arrived_us);
}

static void on_rtcp(void *arg, const uint8_t *packet, size_t len, int64_t arrived_us)
{
	const struct rtc_client *client = arg;
	if (client->ops->rtcp)
		client->ops->rtcp(client->arg, packet, len, arrived_us);
}

static void on_sctp(void *arg, const uint8_t *packet, size_t len)
{
	struct rtc_client *client = arg;
	data_channel_feed(&client->channel, packet, len);
}

static void on_closed(void *arg, enum peer_reason reason)
{
	struct rtc_client *client = arg;
	data_channel_close(&client->channel);
	peer_close(client->peer);
	client->peer = NULL;
	end(client, "session ended: %s", peer_reason_text(reason));
}

static const struct peer_ops peer_ops = {
	.connected = on_connected,
	.rtp = on_rtp,
	.rtcp = on_rtcp,
	.sctp = on_sctp,
	.closed = on_closed,
};

/* ---- signalling ---- */

/* Of several candidates the one on the machine that answered us, else the first. */
static const struct addr *choose_candidate(const struct rtc_client *client)
{
	const struct sdp_agreement *agreement = &client->agreement;
	for (unsigned i = 0; i < agreement->candidate_count; i++) {
		struct addr addr = agreement->candidates[i].addr;
		addr_set_port(&addr, addr_port(client->server));
		if (addr_equal(&addr, client->server))
			return &agreement->candidates[i].addr;
	}
	return agreement->candidate_count ? &agreement->candidates[0].addr : NULL;
}

static int connect_peer(struct rtc_client *client)
{
	const struct sdp_agreement *agreement = &client->agreement;
	const struct addr *candidate = choose_candidate(client);
	if (!candidate)
		return -ENOENT;
	struct peer_options options = {
		.client = true,
		.dtls_client = agreement->dtls_active,
		.raw_rtp = client->raw_rtp,
		.local_ufrag = client->ufrag,
		.local_pwd = client->pwd,
		.remote_ufrag = agreement->remote.ufrag,
		.remote_pwd = agreement->remote.pwd,
		.candidate = *candidate,
		.ops = &peer_ops,
		.arg = client,
	};
	memcpy(options.remote_fingerprint, agreement->remote_fingerprint, DTLS_FINGERPRINT);
	return peer_create(&client->peer, client->port, &options);
}

static void on_answer(struct rtc_client *client)
{
	struct sdp_error error = { 0 };
	struct sdp *answer = NULL;
	int err = sdp_parse(&answer, (const char *)client->answer.data, client->answer.len, &error);
	if (!err)
		err = sdp_offer_accept(&client->agreement, &client->offer, answer, &error);
	sdp_destroy(answer);
	if (err) {
		end(client, "answer: %s", error.detail);
		return;
	}
	err = connect_peer(client);
	if (err)
		end(client, "peer: %s", strerror(-err));
}

/* RFC 9725 §4.2: a URL, absolute or not; we stay on the server that we asked. */
static void take_location(struct rtc_client *client)
{
	char location[LOCATION_MAX];
	const char *path = location;
	if (!http_response_header(http_client_response(client->http), "Location", location,
				  sizeof(location)))
		return;
	const char *scheme = strstr(location, "://");
	if (scheme)
		path = strchr(scheme + 3, '/');
	if (path && path[0] == '/')
		client->location = xstrdup(path);
}

static void on_http_body(void *arg, const uint8_t *data, size_t len)
{
	struct rtc_client *client = arg;
	bytes_put(&client->answer, data, len);
}

static void admit(struct rtc_client *client)
{
	if (client->ops->admitted)
		client->ops->admitted(client->arg);
	on_answer(client);
}

/* RFC 9110 §10.2.3: seconds, or a date. */
static bool says_when(const struct http_client *http)
{
	char value[RETRY_AFTER_MAX];
	return http_response_header(http_client_response(http), "Retry-After", value,
				    sizeof(value)) &&
	       value[0];
}

static void refuse(struct rtc_client *client, bool retry_after)
{
	client->ended = true;
	client->ops->refused(client->arg, retry_after);
}

static void on_http_done(void *arg, int err)
{
	struct rtc_client *client = arg;
	const int status = http_client_response(client->http)->status;
	const bool refused = !err && status == 503 && client->ops->refused;
	const bool retry_after = refused && says_when(client->http);
	if (!err && status == 201)
		take_location(client);
	http_client_destroy(client->http);
	client->http = NULL;
	if (err)
		end(client, "POST: %s", strerror(-err));
	else if (refused)
		refuse(client, retry_after);
	else if (status != 201)
		end(client, "POST: status %d: %.160s", status, bytes_string(&client->answer));
	else
		admit(client);
	bytes_finish(&client->answer);
}

static const struct http_client_ops http_ops = { .body = on_http_body, .done = on_http_done };

static int open_port(struct rtc_client *client)
{
	struct udp_port_options options = {
		.dtls = client->scene->dtls,
		.scratch = client->scene->scratch,
	};
	int err = target_local(client->server, &options.bind);
	if (!err)
		err = udp_port_create(&client->port, client->scene->loop, &options);
	if (!err)
		client->port_number = addr_port(udp_port_addr(client->port));
	return err;
}

static struct sdp_local local_side(const struct rtc_client *client)
{
	struct sdp_local local = {
		.id = client->ssrc,
		.ufrag = client->ufrag,
		.pwd = client->pwd,
		.candidates = udp_port_addr(client->port),
		.candidate_count = 1,
		.high_profile = true,
	};
	memcpy(local.fingerprint, dtls_context_fingerprint_bytes(client->scene->dtls),
	       sizeof(local.fingerprint));
	return local;
}

static void post_offer(struct rtc_client *client)
{
	struct bytes text;
	const struct sdp_local local = local_side(client);
	bytes_init(&text, SDP_SIZE_MAX);
	sdp_offer_build(&text, &client->offer, &local);
	const struct http_request_line request = {
		.method = "POST",
		.path = client->path,
		.token = client->token,
		.headers = "Content-Type: application/sdp\r\n",
		.body = (const char *)text.data,
		.body_len = text.len,
		.timeout_us = POST_TIMEOUT_US,
	};
	http_client_create(&client->http, client->scene->loop, client->server, &http_ops, client);
	http_client_start(client->http, &request);
	bytes_finish(&text);
}

static void on_janus_offer(void *arg, const char *sdp, size_t len)
{
	struct rtc_client *client = arg;
	struct sdp_error error = { 0 };
	struct bytes text;
	const struct sdp_local local = local_side(client);
	bytes_init(&text, SDP_SIZE_MAX);
	int err = janus_signalling_agree(&client->agreement, &text, sdp, len, &local, &error);
	if (!err) {
		janus_signalling_answer(client->janus, bytes_string(&text));
		err = connect_peer(client);
	}
	if (err)
		end(client, "offer: %s", error.fault ? error.detail : strerror(-err));
	bytes_finish(&text);
}

static void on_janus_failed(void *arg, const char *why)
{
	struct rtc_client *client = arg;
	end(client, "%s", why);
}

static const struct janus_signalling_ops janus_ops = {
	.offer = on_janus_offer,
	.failed = on_janus_failed,
};

void rtc_client_create(struct rtc_client **out, struct scene *scene,
		       const struct rtc_client_options *options)
{
	struct rtc_client *client = xcalloc(1, sizeof(*client));
	*out = client;
	client->scene = scene;
	client->server = options->server;
	client->ops = options->ops;
	client->arg = options->arg;
	client->offer = options->offer;
	client->raw_rtp = options->raw_rtp;
	client->path = xstrdup(options->path);
	client->token = options->token ? xstrdup(options->token) : NULL;
	client->channel.opened = options->ops->channel_opened;
	client->channel.message = options->ops->message;
	client->channel.arg = options->arg;
	peer_credentials(client->ufrag, client->pwd);
	crypto_random(&client->ssrc, sizeof(client->ssrc));
	bytes_init(&client->answer, SDP_SIZE_MAX);
	const int err = open_port(client);
	if (err)
		end(client, "socket: %s", strerror(-err));
	else if (options->janus)
		janus_signalling_create(&client->janus, scene->loop, client->server, client->path,
					&janus_ops, client);
	else
		post_offer(client);
}

const struct sdp_agreement *rtc_client_agreement(const struct rtc_client *client)
{
	return &client->agreement;
}

struct peer *rtc_client_peer(const struct rtc_client *client)
{
	return client->peer;
}

uint32_t rtc_client_ssrc(const struct rtc_client *client)
{
	return client->ssrc;
}

const char *rtc_client_cname(const struct rtc_client *client)
{
	return client->ufrag;
}

uint16_t rtc_client_port(const struct rtc_client *client)
{
	return client->port_number;
}

uint64_t rtc_client_messages(const struct rtc_client *client)
{
	return client->channel.messages;
}

int rtc_client_send_text(struct rtc_client *client, const char *text, size_t len)
{
	return data_channel_send(&client->channel, text, len);
}

void rtc_client_destroy(struct rtc_client *client, enum rtc_leave how)
{
	if (!client)
		return;
	if (how == RTC_LEAVE_DELETE && client->location)
		farewells_say(client->scene->farewells, client->server, client->location,
			      client->token);
	if (how == RTC_LEAVE_VANISH) {
		data_channel_vanish(&client->channel);
		peer_vanish(client->peer);
	} else {
		data_channel_close(&client->channel);
		peer_close(client->peer);
	}
	udp_port_destroy(client->port);
	http_client_destroy(client->http);
	janus_signalling_destroy(client->janus);
	bytes_finish(&client->answer);
	free(client->location);
	free(client->path);
	free(client->token);
	free(client);
}
