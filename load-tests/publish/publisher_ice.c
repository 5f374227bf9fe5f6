#include "load-tests/publish/publisher_state.h"

#include "server/core/crypto.h"
#include "signaling/sdp_fragment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	SILENT_US = 4 * 1000000, /* reports come every second, feedback ten times as often */
	TRY_US = 5 * 1000000, /* a restart that takes longer has failed… */
	TRY_MAX_US = 20 * 1000000, /* …and each further one gets twice the time, up to this */
	GIVE_UP_US = 60 * 1000000,
	LINKS_US = 2 * 1000000, /* without a path by then the servers of the 201 may help */
	LINES_MAX = 64 * 1024,
};

/* ---- our side in words ---- */

static struct sdp_local local_side(struct publisher *publisher)
{
	struct sdp_local local = {
		.id = publisher->session_id,
		.ufrag = client_peer_ufrag(publisher->peer),
		.pwd = client_peer_pwd(publisher->peer),
		.candidate_lines = bytes_string(&publisher->lines) + publisher->lines_told,
		.gathering = !publisher->gathered,
	};
	memcpy(local.fingerprint, dtls_context_fingerprint_bytes(publisher->dtls),
	       sizeof(local.fingerprint));
	publisher->lines_told = publisher->lines.len;
	publisher->end_told = publisher->gathered;
	return local;
}

static void post_offer(struct publisher *publisher)
{
	struct bytes text;
	bytes_init(&text, SDP_SIZE_MAX);
	const struct sdp_local local = local_side(publisher);
	sdp_offer_build(&text, &publisher->offer, &local);
	publisher->state = PUBLISHER_OFFERED;
	whip_post(publisher->whip, bytes_string(&text));
	bytes_finish(&text);
}

static void send_fragment(struct publisher *publisher, void (*send)(struct whip *, const char *))
{
	struct bytes text;
	bytes_init(&text, SDP_SIZE_MAX);
	const struct sdp_local local = local_side(publisher);
	sdp_fragment_build_client(&text, &local, &publisher->agreement);
	send(publisher->whip, bytes_string(&text));
	bytes_finish(&text);
}

/* What the other side has not been told of yet. */
static void trickle(struct publisher *publisher)
{
	const bool told = publisher->lines_told == publisher->lines.len &&
			  publisher->end_told == publisher->gathered;
	if (!told && !publisher->restart_asked && publisher->state >= PUBLISHER_CONNECTING)
		send_fragment(publisher, whip_trickle);
}

/* ---- offer and answer ---- */

static const struct addr *bound(const struct publisher *publisher)
{
	return publisher->bind.len ? &publisher->bind : NULL;
}

static void begin_generation(struct publisher *publisher)
{
	bytes_clear(&publisher->lines);
	publisher->lines_told = 0;
	publisher->gathered = publisher->end_told = false;
}

void publisher_candidate(struct publisher *publisher, const char *line)
{
	log_debug(&publisher->log, "candidate line=\"%.*s\"", (int)strcspn(line, "\r\n"), line);
	if (publisher->lines.len + strlen(line) < LINES_MAX)
		bytes_text(&publisher->lines, line);
}

void publisher_gathered(struct publisher *publisher)
{
	publisher->gathered = true;
	if (publisher->state == PUBLISHER_GATHERING)
		post_offer(publisher);
	else
		trickle(publisher);
}

void publisher_offer(struct publisher *publisher, bool video, bool audio)
{
	publisher->offer = (struct sdp_offer_options){
		.role = SDP_OFFER_PUBLISHER,
		.no_audio = !audio,
		.no_video = !video,
	};
	crypto_random(&publisher->offer.audio_ssrc, sizeof(uint32_t));
	crypto_random(&publisher->offer.video_ssrc, sizeof(uint32_t));
	crypto_random(&publisher->offer.repair_ssrc, sizeof(uint32_t));
	crypto_random(&publisher->session_id, sizeof(uint64_t));
	publisher->session_id >>= 2;
	publisher->state = PUBLISHER_GATHERING;
	if (publisher->options->trickle == TRICKLE_ALL)
		post_offer(publisher);
	const int err = client_peer_gather(publisher->peer);
	if (err)
		publisher_fail(publisher, "no candidates: %s", strerror(-err));
	else if (publisher->options->trickle == TRICKLE_ON &&
		 publisher->state == PUBLISHER_GATHERING)
		post_offer(publisher);
}

void publisher_answer(struct publisher *publisher, const char *text, size_t len)
{
	struct sdp_error error = { 0 };
	struct sdp *answer = NULL;
	int err = sdp_parse(&answer, text, len, &error);
	if (!err)
		err = sdp_offer_accept(&publisher->agreement, &publisher->offer, answer, &error);
	sdp_destroy(answer);
	if (err) {
		publisher_fail(publisher, "the answer does not fit: %s", error.detail);
		return;
	}
	unsigned count;
	const struct link_server *links = whip_servers(publisher->whip, &count);
	ice_servers_add(&publisher->servers, links, count);
	publisher->state = PUBLISHER_CONNECTING;
	publisher->heard_us = publisher->restart_at_us = publisher_now_us(publisher);
	err = client_peer_answer(publisher->peer, &publisher->agreement);
	/* A server may wait for our checks without a candidate of its own that we can use. */
	if (err)
		publisher_fail(publisher, "the answer names no address that can be reached");
	else
		trickle(publisher);
}

/* ---- restart ---- */

void publisher_restart(struct publisher *publisher)
{
	if ((publisher->state != PUBLISHER_LIVE && publisher->state != PUBLISHER_CONNECTING) ||
	    publisher->restart_asked)
		return;
	publisher->restart_at_us = publisher_now_us(publisher);
	publisher->restart_tries++;
	int err = client_peer_restart(publisher->peer, publisher->servers.servers,
				      publisher->servers.count, bound(publisher));
	if (!err) {
		begin_generation(publisher);
		publisher->restart_asked = true;
		err = client_peer_gather(publisher->peer);
	}
	if (err) { /* no network at all: it is tried again */
		publisher->restart_asked = false;
		client_peer_restart_cancel(publisher->peer);
		log_warn(&publisher->log, "ice restart impossible error=\"%s\"", strerror(-err));
		return;
	}
	log_info(&publisher->log, "ice restart try=%u", publisher->restart_tries);
	send_fragment(publisher, whip_restart);
}

void publisher_restarted(struct publisher *publisher, const char *text, size_t len)
{
	struct sdp_fragment fragment;
	struct sdp_error error;
	publisher->restart_asked = false;
	int err = sdp_fragment_parse(&fragment, text, len, &error);
	if (!err && !fragment.has_ice)
		err = -EINVAL;
	if (!err) {
		/* RFC 9725 §4.3.3: without candidates in it the old ones still hold. */
		const bool own = fragment.candidate_count > 0;
		const struct sdp_agreement *agreement = &publisher->agreement;
		err = client_peer_restart_answer(publisher->peer, &fragment.ice,
						 own ? fragment.candidates : agreement->candidates,
						 own ? fragment.candidate_count
						     : agreement->candidate_count);
	}
	if (err) {
		publisher_restart_refused(publisher, false, "its answer cannot be used");
		return;
	}
	trickle(publisher);
}

void publisher_restart_refused(struct publisher *publisher, bool gone, const char *why)
{
	publisher->restart_asked = false;
	if (gone) {
		publisher_fail(publisher, "the server has ended the session: %s", why);
		return;
	}
	log_warn(&publisher->log, "ice restart refused why=\"%s\"", why);
	client_peer_restart_cancel(publisher->peer);
}

/* Nothing comes back: how long to wait for the present try. */
static int64_t patience_us(const struct publisher *publisher)
{
	int64_t us = TRY_US;
	for (unsigned i = 1; i < publisher->restart_tries && us < TRY_MAX_US; i++)
		us *= 2;
	return us < TRY_MAX_US ? us : TRY_MAX_US;
}

static void watch_live(struct publisher *publisher, int64_t now_us)
{
	const uint64_t heard = client_peer_received(publisher->peer);
	if (heard != publisher->heard) {
		publisher->heard = heard;
		publisher->heard_us = now_us;
		if (!client_peer_restarting(publisher->peer))
			publisher->restart_tries = 0;
	}
	const int64_t silent_us = now_us - publisher->heard_us;
	if (silent_us >= GIVE_UP_US)
		publisher_fail(publisher, "nothing came back for %d s", GIVE_UP_US / 1000000);
	else if (silent_us >= SILENT_US &&
		 (!publisher->restart_tries ||
		  now_us - publisher->restart_at_us >= patience_us(publisher)))
		publisher_restart(publisher);
}

void publisher_watch(struct publisher *publisher)
{
	const int64_t now_us = publisher_now_us(publisher);
	if (publisher->state == PUBLISHER_LIVE)
		watch_live(publisher, now_us);
	else if (publisher->state == PUBLISHER_CONNECTING && publisher->servers.count &&
		 !publisher->restart_tries && now_us - publisher->restart_at_us >= LINKS_US)
		publisher_restart(publisher);
}
