#include "signaling/sdp_offer.h"
#include "signaling/whep.h"
#include "signaling/whip.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* An answer of ours must always be a description that we would read ourselves. */
static void check(struct bytes *answer, int err)
{
	struct sdp *sdp = NULL;
	struct sdp_error error;
	if (!err && sdp_parse(&sdp, (const char *)answer->data, answer->len, &error))
		abort();
	sdp_destroy(sdp);
	bytes_clear(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sdp *offer;
	struct sdp_error error;
	if (sdp_parse(&offer, (const char *)data, len, &error))
		return 0;
	struct addr candidate;
	if (addr_set(&candidate, "127.0.0.1", 4000))
		abort();
	const struct sdp_local local = { .ufrag = "abcd",
					 .pwd = "0123456789012345678901",
					 .candidates = &candidate,
					 .candidate_count = 1,
					 .high_profile = len & 1 };
	struct sdp_agreement agreement;
	struct bytes answer;
	bytes_init(&answer, 4 * SDP_SIZE_MAX);
	check(&answer, whip_answer(&agreement, &answer, offer, &local, &error));
	check(&answer, whep_answer(&agreement, &answer, offer, &local, &error));
	const struct sdp_offer_options viewer = { .role = SDP_OFFER_VIEWER };
	const struct sdp_offer_options publisher = { .role = SDP_OFFER_PUBLISHER };
	if (sdp_offer_accept(&agreement, &viewer, offer, &error) ||
	    sdp_offer_accept(&agreement, &publisher, offer, &error))
		len = 0;
	bytes_finish(&answer);
	sdp_destroy(offer);
	return 0;
}
