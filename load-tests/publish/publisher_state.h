/* The inside of the publisher, shared by publisher.c (the session's life), publisher_ice.c (offer,
 * candidates, restarts) and publisher_stats.c; for nobody else. */
#ifndef SOUK_LOAD_TESTS_PUBLISH_PUBLISHER_STATE_H
#define SOUK_LOAD_TESTS_PUBLISH_PUBLISHER_STATE_H

#include "load-tests/publish/ice_servers.h"
#include "load-tests/publish/options.h"
#include "load-tests/publish/publisher.h"
#include "load-tests/publish/sender.h"
#include "load-tests/publish/source.h"
#include "load-tests/publish/whip.h"
#include "server/core/bytes.h"
#include "server/core/clock.h"
#include "server/core/log.h"
#include "signaling/client_peer.h"
#include "signaling/dtls.h"
#include "signaling/sdp_offer.h"

#include <glib.h>

enum publisher_state {
	PUBLISHER_LOADING, /* what the source holds is not known yet */
	PUBLISHER_GATHERING, /* the offer waits for candidates (--trickle=off) */
	PUBLISHER_OFFERED,
	PUBLISHER_CONNECTING,
	PUBLISHER_LIVE,
	PUBLISHER_ENDING, /* what is queued, then DELETE */
	PUBLISHER_OVER,
};

struct publisher {
	const struct publish_options *options;
	struct clock clock;
	struct logger *logger;
	struct log log;
	GMainLoop *loop;
	enum publisher_state state;
	int status; /* exit status so far */
	struct source *source;
	struct whip *whip;
	struct dtls_context *dtls;
	struct client_peer *peer;
	struct sender *sender; /* from the connection on */
	struct ice_servers servers;
	struct addr bind; /* len 0: all addresses */
	struct sdp_offer_options offer;
	struct sdp_agreement agreement;
	uint64_t session_id; /* of the o= line */
	struct bytes lines; /* candidates of the newest generation */
	size_t lines_told; /* of them, in the offer or a fragment */
	bool gathered, end_told;
	bool restart_asked; /* its PATCH is under way */
	unsigned restarts, restart_tries; /* done; in a row without success */
	int64_t restart_at_us; /* when the last try began */
	uint64_t heard; /* client_peer_received() then… */
	int64_t heard_us; /* …and when it last grew */
	int64_t live_us, ending_us;
	int64_t video_bps; /* told to the encoder */
	int64_t encoder_us; /* when */
	struct sender_stats last; /* at the last line of figures */
};

int64_t publisher_now_us(const struct publisher *publisher);
/* Ends with exit status 1, saying why. */
void publisher_fail(struct publisher *publisher, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- publisher_ice.c ---- */

/* Makes the peer and its offer; POSTs it, at once or when all candidates are known. */
void publisher_offer(struct publisher *publisher, bool video, bool audio);
void publisher_answer(struct publisher *publisher, const char *text, size_t len);
void publisher_candidate(struct publisher *publisher, const char *line);
void publisher_gathered(struct publisher *publisher);
void publisher_restart(struct publisher *publisher);
void publisher_restarted(struct publisher *publisher, const char *fragment, size_t len);
void publisher_restart_refused(struct publisher *publisher, bool gone, const char *why);
/* Every 100 ms: is the path still there? */
void publisher_watch(struct publisher *publisher);

/* ---- publisher_stats.c ---- */

void publisher_print_stats(struct publisher *publisher);

#endif
