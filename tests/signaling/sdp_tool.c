/*
 * Our side of an SDP exchange for tests whose other side is not C. Reads a description on stdin
 * where one is needed and writes text on stdout: sdp_tool whip|whep (offer in, answer out),
 * offer-viewer|offer-publisher|offer-server (offer out), accept-… (answer in, "ok" out).
 */
#include "signaling/sdp_offer.h"
#include "signaling/whep.h"
#include "signaling/whip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sdp *read_sdp(void)
{
	static char text[SDP_SIZE_MAX + 1];
	const size_t len = fread(text, 1, sizeof(text), stdin);
	struct sdp *sdp;
	struct sdp_error error;
	if (sdp_parse(&sdp, text, len, &error)) {
		fprintf(stderr, "%s\n", error.detail);
		exit(1);
	}
	return sdp;
}

static int offer_role(const char *name)
{
	static const char *const roles[] = { "viewer", "publisher", "server" };
	for (int i = 0; i < 3; i++)
		if (strcmp(name, roles[i]) == 0)
			return i;
	exit(2);
}

static int run(const char *verb, struct bytes *text, const struct sdp_local *local,
	       struct sdp_error *error)
{
	struct sdp_agreement agreement;
	struct sdp_offer_options options = { .audio_ssrc = 0 };
	if (strncmp(verb, "offer-", 6) == 0) {
		options.role = (enum sdp_offer_role)offer_role(verb + 6);
		sdp_offer_build(text, &options, local);
		return 0;
	}
	struct sdp *sdp = read_sdp();
	int err = -1;
	if (strcmp(verb, "whip") == 0) {
		err = whip_answer(&agreement, text, sdp, local, error);
	} else if (strcmp(verb, "whep") == 0) {
		err = whep_answer(&agreement, text, sdp, local, error);
	} else if (strncmp(verb, "accept-", 7) == 0) {
		options.role = (enum sdp_offer_role)offer_role(verb + 7);
		err = sdp_offer_accept(&agreement, &options, sdp, error);
		if (!err)
			bytes_printf(text, "ok audio=%d video=%d data=%d active=%d\n",
				     agreement.audio.present, agreement.video.present,
				     agreement.data, agreement.dtls_active);
	}
	sdp_destroy(sdp);
	return err;
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	struct addr candidate;
	if (addr_set(&candidate, "127.0.0.1", 40000))
		return 1;
	struct sdp_local local = { .id = 1,
				   .ufrag = "tool",
				   .pwd = "passwordOfTheTestTool22",
				   .candidates = &candidate,
				   .candidate_count = 1 };
	struct sdp_error error = { .fault = SDP_OK };
	struct bytes text;
	bytes_init(&text, SDP_SIZE_MAX);
	const int err = run(argv[1], &text, &local, &error);
	if (err)
		fprintf(stderr, "%s\n", error.detail);
	else
		fputs(bytes_string(&text), stdout);
	bytes_finish(&text);
	return err ? 1 : 0;
}
