#include "signaling/sdp_offer.h"

#include "signaling/sdp_answer.h"
#include "signaling/whep.h"
#include "signaling/whip.h"
#include "tests/signaling/sdp_fixture.h"

#include <errno.h>

static struct bytes text;

static void setup(void)
{
	bytes_init(&text, SDP_SIZE_MAX);
}

static void teardown(void)
{
	bytes_finish(&text);
}

TestSuite(sdp_offer, .init = setup, .fini = teardown);

static struct sdp_local client_side(void)
{
	struct sdp_local local = sdp_test_local();
	local.ufrag = "client";
	local.pwd = "clientPasswordOf22Char";
	local.candidate_count = 1;
	return local;
}

static struct sdp *offer(const struct sdp_offer_options *options)
{
	const struct sdp_local local = client_side();
	bytes_clear(&text);
	sdp_offer_build(&text, options, &local);
	cr_assert(bytes_ok(&text));
	return sdp_must_parse(bytes_string(&text));
}

/* Our own offer through our own server; foreign ends are in sdp_aiortc.py. */
static struct sdp_agreement negotiate(struct sdp_agreement *server,
				      const struct sdp_offer_options *options)
{
	struct sdp *parsed = offer(options);
	const struct sdp_local local = sdp_test_local();
	struct sdp_agreement client;
	struct sdp_error error;
	bytes_clear(&text);
	const int err = options->role == SDP_OFFER_VIEWER
				? whep_answer(server, &text, parsed, &local, &error)
				: whip_answer(server, &text, parsed, &local, &error);
	cr_assert(eq(int, err, 0), "%s", error.detail);
	sdp_destroy(parsed);
	parsed = sdp_must_parse(bytes_string(&text));
	cr_assert(eq(int, sdp_offer_accept(&client, options, parsed, &error), 0), "%s",
		  error.detail);
	sdp_destroy(parsed);
	return client;
}

Test(sdp_offer, viewer_and_server_agree)
{
	const struct sdp_offer_options options = { .role = SDP_OFFER_VIEWER };
	struct sdp_agreement server;
	const struct sdp_agreement client = negotiate(&server, &options);
	cr_expect(eq(str, (char *)client.remote.ufrag, "srvUfrag"));
	cr_expect(eq(str, (char *)server.remote.ufrag, "client"));
	cr_expect(client.remote_lite);
	cr_expect(client.dtls_active);
	cr_expect(eq(uint, client.candidate_count, 2));
	cr_expect(client.end_of_candidates);
	cr_expect(client.data && server.data);
	cr_expect(eq(u8, client.video.pt, server.video.pt));
	cr_expect(eq(u8, client.audio.pt, server.audio.pt));
	cr_expect(eq(u8, client.video.ids.playout_delay, server.video.ids.playout_delay));
	cr_expect(ne(u8, client.video.ids.playout_delay, 0));
	cr_expect(eq(u8, client.video.feedback, server.video.feedback));
	cr_expect(client.video.rcvr_rtt);
}

Test(sdp_offer, publisher_and_server_agree)
{
	const struct sdp_offer_options options = { .role = SDP_OFFER_PUBLISHER,
						   .audio_ssrc = 11,
						   .video_ssrc = 22 };
	struct sdp_agreement server;
	const struct sdp_agreement client = negotiate(&server, &options);
	cr_expect(eq(u32, server.audio.ssrcs[0], 11));
	cr_expect(eq(u32, server.video.ssrcs[0], 22));
	cr_expect(eq(u8, client.video.ids.transport_cc, server.video.ids.transport_cc));
	cr_expect(ne(u8, client.video.ids.transport_cc, 0));
	cr_expect(eq(u8, client.video.feedback,
		     SDP_FB_NACK | SDP_FB_PLI | SDP_FB_FIR | SDP_FB_TRANSPORT_CC));
	cr_expect(client.audio.stereo);
	cr_expect(not(client.data));
}

static int answer_as_viewer(struct sdp_agreement *viewer, const struct sdp *offered,
			    struct sdp_error *error)
{
	const struct sdp_answer_rules rules = {
		.client = true,
		.video_feedback = SDP_FB_NACK | SDP_FB_PLI,
		.video_extensions = SDP_EXT_ABS_CAPTURE_TIME,
		.h264 = { .high = true },
	};
	const struct sdp_local local = client_side();
	bytes_clear(&text);
	return sdp_answer(viewer, &text, offered, &local, &rules, error);
}

Test(sdp_offer, server_offers_and_viewer_answers)
{
	const struct sdp_offer_options options = { .role = SDP_OFFER_SERVER };
	const struct sdp_local local = sdp_test_local();
	struct sdp_agreement server, viewer;
	struct sdp_error error;
	sdp_offer_build(&text, &options, &local);
	struct sdp *parsed = sdp_must_parse(bytes_string(&text));
	cr_assert(eq(int, answer_as_viewer(&viewer, parsed, &error), 0), "%s", error.detail);
	sdp_destroy(parsed);
	parsed = sdp_must_parse(bytes_string(&text));
	cr_assert(eq(int, sdp_offer_accept(&server, &options, parsed, &error), 0), "%s",
		  error.detail);
	cr_expect(not(parsed->ice_lite));
	cr_expect(eq(int, parsed->media[0].direction, SDP_RECVONLY));
	sdp_destroy(parsed);
	cr_expect(viewer.dtls_active);
	cr_expect(not(server.dtls_active));
	cr_expect(viewer.remote_lite);
	cr_expect(not(server.remote_lite));
	cr_expect(eq(str, (char *)viewer.remote.ufrag, "srvUfrag"));
	cr_expect(eq(str, (char *)server.remote.ufrag, "client"));
	cr_expect(eq(u8, viewer.video.pt, server.video.pt));
	cr_expect(eq(u8, viewer.video.ids.abs_capture_time, server.video.ids.abs_capture_time));
	cr_expect(viewer.audio.present && viewer.data && server.data);
}

Test(sdp_offer, who_begins_the_handshake_does_not_answer_one_who_begins_it)
{
	struct sdp_agreement viewer;
	struct sdp_error error;
	const struct sdp_offer_options options = { .role = SDP_OFFER_SERVER };
	const struct sdp_local local = sdp_test_local();
	sdp_offer_build(&text, &options, &local);
	struct sdp *parsed = sdp_must_parse(bytes_string(&text));
	parsed->media[parsed->bundle_first].transport.setup = SDP_SETUP_ACTIVE;
	cr_expect(eq(int, answer_as_viewer(&viewer, parsed, &error), -EINVAL));
	cr_expect(eq(int, error.fault, SDP_UNSUPPORTED));
	sdp_destroy(parsed);
}

Test(sdp_offer, tracks_can_be_left_out)
{
	const struct sdp_offer_options options = { .role = SDP_OFFER_VIEWER,
						   .no_audio = true,
						   .no_data = true };
	struct sdp_agreement server;
	const struct sdp_agreement client = negotiate(&server, &options);
	cr_expect(not(client.audio.present || server.audio.present || server.data));
	cr_expect(eq(str, (char *)client.video.mid, "0"));
}

Test(sdp_offer, client_side_offer_is_golden)
{
	const struct sdp_offer_options options = { .role = SDP_OFFER_VIEWER };
	sdp_destroy(offer(&options));
	sdp_assert_golden(&text, "answers/viewer-offer.sdp");
}

/* Changes of the answer to a viewer's offer. */
static const struct {
	const char *from, *to;
	int err;
	const char *detail;
} changes[] = {
	{ "m=audio 9", "m=audio 0", -EINVAL, "a bundle group is required" },
	{ "a=setup:passive", "a=setup:actpass", -EINVAL, "setup of the answer does not fit" },
	{ "a=setup:passive", "a=setup:active", 0, "" },
	{ "m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=audio 9 UDP/TLS/RTP/SAVPF 8", -EINVAL,
	  "the answer has no codec of the offer" },
	{ "a=rtpmap:96 H264", "a=rtpmap:96 VP8", -EINVAL, "the answer has no codec of the offer" },
	{ "BUNDLE 0 1 2", "BUNDLE 0 x 2", -EINVAL, "the m-lines are not those of the offer" },
	{ "a=sendonly", "a=inactive", 0, "" },
};

Test(sdp_offer, answers_that_do_not_fit_are_refused)
{
	const struct sdp_offer_options options = { .role = SDP_OFFER_VIEWER };
	struct sdp_agreement server;
	negotiate(&server, &options);
	char *answer = strdup(bytes_string(&text));
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		char *changed = sdp_replace(answer, changes[i].from, changes[i].to);
		char *final = i == 5 ? sdp_replace(changed, "a=mid:1", "a=mid:x") : strdup(changed);
		if (i == 0) {
			free(final);
			final = sdp_replace(changed, "a=group:BUNDLE 0 1 2", "a=group:LS 0");
		}
		struct sdp *parsed = sdp_must_parse(final);
		struct sdp_agreement client = { 0 };
		struct sdp_error error;
		cr_expect(eq(int, sdp_offer_accept(&client, &options, parsed, &error),
			     changes[i].err),
			  "%zu", i);
		cr_expect(eq(str, error.detail, (char *)changes[i].detail));
		sdp_destroy(parsed);
		free(final);
		free(changed);
	}
	free(answer);
}

Test(sdp_offer, track_that_the_answer_turns_off_is_absent)
{
	const struct sdp_offer_options options = { .role = SDP_OFFER_VIEWER };
	struct sdp_agreement server;
	struct sdp_agreement client;
	struct sdp_error error;
	negotiate(&server, &options);
	char *changed = sdp_replace(bytes_string(&text), "a=sendonly", "a=inactive");
	struct sdp *parsed = sdp_must_parse(changed);
	cr_assert(eq(int, sdp_offer_accept(&client, &options, parsed, &error), 0));
	cr_expect(not(client.audio.present));
	cr_expect(client.video.present);
	sdp_destroy(parsed);
	free(changed);
}

Test(sdp_offer, publisher_and_server_agree_on_repairs)
{
	const struct sdp_offer_options options = { .role = SDP_OFFER_PUBLISHER,
						   .video_ssrc = 11,
						   .repair_ssrc = 12 };
	struct sdp_agreement server;
	const struct sdp_agreement client = negotiate(&server, &options);
	cr_expect(ne(u8, client.video.rtx_pt, 0));
	cr_expect(eq(u8, client.video.rtx_pt, server.video.rtx_pt));
	/* The repair stream is not taken for a second picture. */
	cr_expect(eq(uint, server.video.ssrc_count, 1));
	cr_expect(eq(u32, server.video.ssrcs[0], 11));
}

Test(sdp_offer, publisher_and_server_agree_on_layers)
{
	const struct sdp_offer_options options = { .role = SDP_OFFER_PUBLISHER, .layers = 3 };
	struct sdp_agreement server;
	const struct sdp_agreement client = negotiate(&server, &options);
	cr_assert(eq(uint, client.video.rid_count, 3));
	cr_assert(eq(uint, server.video.rid_count, 3));
	for (unsigned i = 0; i < 3; i++)
		cr_expect(eq(str, (char *)client.video.rids[i], (char *)server.video.rids[i]));
	cr_expect(eq(u8, client.video.ids.rid, server.video.ids.rid));
	const struct sdp_offer_options one = { .role = SDP_OFFER_PUBLISHER, .layers = 1 };
	cr_expect(eq(uint, negotiate(&server, &one).video.rid_count, 0));
}

Test(sdp_offer, candidates_that_still_come_leave_the_offer_open)
{
	const struct sdp_offer_options options = { .role = SDP_OFFER_PUBLISHER };
	struct sdp_local local = client_side();
	local.candidate_count = 0;
	local.candidate_lines = "a=candidate:7 1 udp 1 192.0.2.7 9000 typ srflx\r\n";
	local.gathering = true;
	sdp_offer_build(&text, &options, &local);
	struct sdp *parsed = sdp_must_parse(bytes_string(&text));
	cr_expect(eq(uint, parsed->candidate_count, 1));
	cr_expect(not(parsed->media[0].end_of_candidates));
	sdp_destroy(parsed);
}
