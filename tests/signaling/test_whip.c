#include "signaling/whip.h"

#include "tests/signaling/sdp_fixture.h"

#include <errno.h>

static struct bytes answer;

static void setup(void)
{
	bytes_init(&answer, SDP_SIZE_MAX);
}

static void teardown(void)
{
	bytes_finish(&answer);
}

TestSuite(whip, .init = setup, .fini = teardown);

static struct sdp_agreement must_answer(const char *offer_text)
{
	struct sdp *offer = sdp_must_parse(offer_text);
	const struct sdp_local local = sdp_test_local();
	struct sdp_agreement agreement;
	struct sdp_error error;
	bytes_clear(&answer);
	cr_assert(eq(int, whip_answer(&agreement, &answer, offer, &local, &error), 0), "%s",
		  error.detail);
	sdp_destroy(offer);
	return agreement;
}

static struct sdp_agreement answer_file(const char *file)
{
	char *text = sdp_load(file);
	const struct sdp_agreement agreement = must_answer(text);
	free(text);
	return agreement;
}

Test(whip, answers_chromium)
{
	const struct sdp_agreement agreement = answer_file("chromium156-offer-publisher.sdp");
	sdp_assert_golden(&answer, "answers/whip-chromium156-publisher.sdp");
	cr_expect(eq(str, (char *)agreement.remote.ufrag, "GVVW"));
	cr_expect(eq(str, (char *)agreement.remote.pwd, "o7oyZ2oyiMpRYelsXKkJyMv8"));
	cr_expect(eq(u8, agreement.remote_fingerprint[0], 0xf2));
	cr_expect(not(agreement.dtls_active));
	cr_expect(eq(uint, agreement.candidate_count, 2));
	cr_expect(eq(u8, agreement.audio.pt, 111));
	cr_expect(eq(u32, agreement.audio.ssrcs[0], 3030472674));
	cr_expect(eq(u8, agreement.video.pt, 108));
	cr_expect(eq(u32, agreement.video.h264_profile, 0x42e01f));
	cr_expect(eq(u8, agreement.video.ids.transport_cc, 3));
	cr_expect(eq(u8, agreement.audio.ids.transport_cc, 3));
	cr_expect(eq(u8, agreement.video.ids.mid, 4));
	cr_expect(eq(u8, agreement.video.ids.playout_delay, 0));
	cr_expect(eq(uint, agreement.video.ssrc_count, 1));
	cr_expect(eq(u8, agreement.video.feedback,
		     SDP_FB_NACK | SDP_FB_PLI | SDP_FB_FIR | SDP_FB_TRANSPORT_CC));
	cr_expect(not(agreement.data));
	/* Chromium probes the path with packets of the repair stream; sound is not repeated. */
	cr_expect(eq(u8, agreement.video.rtx_pt, 109));
	cr_expect(eq(u8, agreement.audio.rtx_pt, 0));
	cr_expect(eq(u8, agreement.audio.feedback, SDP_FB_TRANSPORT_CC));
	cr_expect(gt(u16, agreement.video.start_kbps, 300));
}

Test(whip, takes_no_repair_stream_of_another_codec)
{
	char *text = sdp_load("chromium156-offer-publisher.sdp");
	char *offer = sdp_replace(text, "a=fmtp:109 apt=108", "a=fmtp:109 apt=96");
	const struct sdp_agreement agreement = must_answer(offer);
	cr_expect(eq(u8, agreement.video.pt, 108));
	cr_expect(eq(u8, agreement.video.rtx_pt, 0));
	cr_expect(eq(u16, agreement.video.start_kbps, 0));
	free(offer);
	free(text);
}

/* Chromium keeps the layers that the answer names; without a=simulcast it would send the first,
 * which is the smallest. */
Test(whip, asks_a_simulcast_publisher_for_all_its_layers)
{
	const struct sdp_agreement agreement = answer_file("chromium156-offer-simulcast.sdp");
	sdp_assert_golden(&answer, "answers/whip-chromium156-simulcast.sdp");
	cr_assert(eq(uint, agreement.video.rid_count, 3));
	cr_expect(eq(str, (char *)agreement.video.rids[0], "l"));
	cr_expect(eq(str, (char *)agreement.video.rids[2], "h"));
	cr_expect(eq(u8, agreement.video.ids.rid, 10));
	cr_expect(eq(u8, agreement.video.ids.repaired_rid, 11));
	cr_expect(eq(uint, agreement.video.ssrc_count, 0));
}

static const struct {
	const char *rids;
	unsigned count;
} layers[] = {
	{ "a=rid:x send\r\na=rid:y send\r\n", 2 },
	{ "a=rid:x send\r\na=rid:y recv\r\n", 1 },
	{ "a=rid:a send max-width=1280;max-height=720\r\n"
	  "a=rid:b send pt=102,103;max-width=640;max-height=360\r\n",
	  2 },
	{ "a=rid:1 send\r\na=rid:2 send\r\na=rid:3 send\r\na=rid:4 send\r\na=rid:5 send\r\n",
	  SDP_LAYERS_MAX },
	{ "", 0 },
};

Test(whip, asks_for_the_layers_that_are_sent_and_for_four_at_most)
{
	static const char all[] = "a=rid:l send\r\na=rid:m send\r\na=rid:h send\r\n";
	char *text = sdp_load("chromium156-offer-simulcast.sdp");
	for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
		char *offer = sdp_replace(text, all, layers[i].rids);
		const struct sdp_agreement agreement = must_answer(offer);
		cr_expect(eq(uint, agreement.video.rid_count, layers[i].count));
		cr_expect(eq(int, agreement.video.ids.rid != 0, layers[i].count > 0));
		free(offer);
	}
	free(text);
}

Test(whip, answers_aiortc_with_a_data_channel)
{
	const struct sdp_agreement agreement =
		answer_file("aiortc-1.4-offer-publisher-datachannel.sdp");
	sdp_assert_golden(&answer, "answers/whip-aiortc-datachannel.sdp");
	/* Each m-line has credentials of its own; the bundle's are those of its first. */
	cr_expect(eq(str, (char *)agreement.remote.ufrag, "JIEo"));
	cr_expect(eq(u8, agreement.video.pt, 101));
	cr_expect(eq(u8, agreement.video.feedback, SDP_FB_NACK | SDP_FB_PLI));
	cr_expect(eq(uint, agreement.video.ssrc_count, 1));
	cr_expect(agreement.data);
	cr_expect(eq(u16, agreement.remote_sctp_port, 5000));
	cr_expect(eq(u32, agreement.remote_max_message_size, 65536));
	cr_expect(agreement.end_of_candidates);
}

Test(whip, answers_gstreamer)
{
	const struct sdp_agreement agreement =
		answer_file("gstreamer-1.22-webrtcbin-offer-h264-opus-datachannel.sdp");
	sdp_assert_golden(&answer, "answers/whip-gstreamer.sdp");
	cr_expect(agreement.video.present); /* its port is 0, but it is bundle-only */
	cr_expect(agreement.audio.stereo);
	cr_expect(eq(u32, agreement.video.h264_profile, 0x42c01f));
	/* transport-cc as feedback, but no extension that carries the numbers */
	cr_expect(eq(u8, agreement.video.feedback & SDP_FB_TRANSPORT_CC, 0));
}

Test(whip, answers_audio_alone)
{
	const struct sdp_agreement agreement = answer_file("chromium156-offer-audioonly.sdp");
	cr_expect(agreement.audio.present);
	cr_expect(not(agreement.video.present));
}

Test(whip, answers_stereo_where_it_is_offered)
{
	char *text = sdp_load("chromium156-offer-publisher.sdp");
	cr_expect(not(must_answer(text).audio.stereo));
	char *offer = sdp_replace(text, "useinbandfec=1", "useinbandfec=1;stereo=1");
	cr_expect(must_answer(offer).audio.stereo);
	cr_expect(ne(ptr, strstr(bytes_string(&answer), "stereo=1;sprop-stereo=1"), NULL));
	free(offer);
	free(text);
}

Test(whip, extension_ids_beyond_one_byte_headers_are_left_out)
{
	char *text = sdp_load("chromium156-offer-audioonly.sdp");
	char *offer = sdp_replace(text, "a=extmap:3 ", "a=extmap:15 ");
	const struct sdp_agreement agreement = must_answer(offer);
	cr_expect(eq(u8, agreement.audio.ids.transport_cc, 0));
	cr_expect(eq(u8, agreement.audio.feedback, 0));
	free(offer);
	free(text);
}

Test(whip, media_turned_off_are_rejected_and_a_foreign_kind_refuses_all)
{
	char *text = sdp_load("chromium156-offer-audioonly.sdp");
	char *offer = calloc(1, SDP_SIZE_MAX);
	sprintf(offer, "%s%s", text, "m=video 0 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:v\r\n");
	const struct sdp_agreement agreement = must_answer(offer);
	const char *got = bytes_string(&answer);
	cr_expect(not(agreement.video.present));
	cr_expect(ne(ptr, strstr(got, "a=group:BUNDLE 0\r\n"), NULL));
	cr_expect(ne(ptr, strstr(got, "m=video 0 UDP/TLS/RTP/SAVPF 96\r\n"), NULL));
	sprintf(offer, "%s%s", text, "m=text 9 UDP/TLS/RTP/SAVPF 98\r\na=mid:t\r\n");
	const struct sdp_local local = sdp_test_local();
	struct sdp *foreign = sdp_must_parse(offer);
	struct sdp_agreement none;
	struct sdp_error error;
	cr_expect(eq(int, whip_answer(&none, &answer, foreign, &local, &error), -EINVAL));
	cr_expect(eq(int, (int)error.fault, SDP_UNSUPPORTED));
	sdp_destroy(foreign);
	free(offer);
	free(text);
}

/* What becomes of the H.264 of a one-codec offer with these parameters. */
static const struct {
	const char *fmtp;
	bool high;
	int pt; /* 0: refused */
} profiles[] = {
	{ "packetization-mode=1;profile-level-id=42e01f", false, 96 },
	{ "profile-level-id=42E01F; packetization-mode=1", false, 96 },
	{ "packetization-mode=1;profile-level-id=4d0028", false, 96 },
	{ "packetization-mode=0;profile-level-id=42e01f", false, 96 },
	{ "packetization-mode=1", false, 96 },
	{ "packetization-mode=1;profile-level-id=640028", false, 0 },
	{ "packetization-mode=1;profile-level-id=640028", true, 96 },
	{ "packetization-mode=1;profile-level-id=f4001f", true, 0 },
	{ "packetization-mode=2;profile-level-id=42e01f", false, 0 },
	{ "packetization-mode=1;profile-level-id=1042e01f", false, 0 },
};

Test(whip, takes_the_profiles_that_browsers_play)
{
	static const char format[] =
		"v=0\r\na=group:BUNDLE 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
		"a=setup:actpass\r\na=fingerprint:sha-256 "
		"4A:C8:37:B3:8C:43:9F:0E:BE:97:C7:36:2E:BC:D5:1B:"
		"8D:90:47:EC:D6:17:DE:B6:9A:B2:5B:10:66:E6:C0:95\r\n"
		"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=rtcp-mux\r\na=sendonly\r\n"
		"a=rtpmap:96 H264/90000\r\na=fmtp:96 %s\r\n";
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		char text[2048];
		snprintf(text, sizeof(text), format, profiles[i].fmtp);
		struct sdp *offer = sdp_must_parse(text);
		struct sdp_local local = sdp_test_local();
		local.high_profile = profiles[i].high;
		struct sdp_agreement agreement = { 0 };
		struct sdp_error error;
		const int err = whip_answer(&agreement, &answer, offer, &local, &error);
		cr_expect(eq(int, err ? 0 : agreement.video.pt, profiles[i].pt), "%s",
			  profiles[i].fmtp);
		if (err)
			cr_expect(eq(int, (int)error.fault, (int)SDP_NO_CODEC));
		sdp_destroy(offer);
	}
}

/* A change of Chromium's offer and how it is refused. */
static const struct {
	const char *file;
	const char *from, *to;
	enum sdp_fault fault;
	const char *detail;
} refused[] = {
	{ "chromium156-offer-publisher.sdp", "a=group:BUNDLE 0 1\r\n", "", SDP_UNSUPPORTED,
	  "a bundle group is required" },
	{ "chromium156-offer-publisher.sdp", "BUNDLE 0 1\r\n", "BUNDLE 0\r\n", SDP_UNSUPPORTED,
	  "every m-line must be in the bundle group" },
	{ "chromium156-offer-publisher.sdp", "a=rtcp-mux\r\n", "", SDP_UNSUPPORTED,
	  "rtcp-mux is required" },
	{ "chromium156-offer-publisher.sdp", "a=sendonly", "a=recvonly", SDP_UNSUPPORTED,
	  "audio must be sendonly" },
	{ "chromium156-offer-publisher.sdp", "a=sendonly", "a=inactive", SDP_UNSUPPORTED,
	  "audio must be sendonly" },
	{ "chromium156-offer-publisher.sdp", "a=setup:actpass", "a=setup:passive", SDP_UNSUPPORTED,
	  "setup must be actpass or active" },
	{ "chromium156-offer-publisher.sdp", "fingerprint:sha-256", "fingerprint:sha-1",
	  SDP_UNSUPPORTED, "no sha-256 fingerprint" },
	{ "chromium156-offer-publisher.sdp", "a=fingerprint:", "a=x:", SDP_MALFORMED,
	  "no sha-256 fingerprint" },
	{ "chromium156-offer-publisher.sdp", "a=ice-pwd:", "a=x:", SDP_MALFORMED,
	  "no ice-ufrag or no ice-pwd" },
	{ "chromium156-offer-publisher.sdp", "opus/48000/2", "opus/48000", SDP_NO_CODEC,
	  "no codec in common: audio must be opus/48000/2" },
	{ "chromium156-offer-publisher.sdp", "UDP/TLS/RTP/SAVPF", "RTP/AVP", SDP_UNSUPPORTED,
	  "audio has a foreign protocol" },
	{ "chromium156-offer-publisher.sdp", "m=audio 54889", "m=video 9", SDP_NO_CODEC,
	  "no codec in common: video must be H264 with packetization-mode 1" },
	{ "chromium156-offer-viewer.sdp", "v=0", "v=0", SDP_UNSUPPORTED, "audio must be sendonly" },
	{ "chromium156-offer-datachannel.sdp", "v=0", "v=0", SDP_UNSUPPORTED,
	  "neither audio nor video" },
};

Test(whip, refuses_with_a_reason)
{
	const struct sdp_local local = sdp_test_local();
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		char *text = sdp_load(refused[i].file);
		char *changed = sdp_replace(text, refused[i].from, refused[i].to);
		struct sdp *offer = sdp_must_parse(changed);
		struct sdp_agreement agreement;
		struct sdp_error error;
		cr_expect(
			eq(int, whip_answer(&agreement, &answer, offer, &local, &error), -EINVAL));
		cr_expect(eq(int, (int)error.fault, (int)refused[i].fault), "%zu", i);
		cr_expect(eq(str, error.detail, (char *)refused[i].detail));
		cr_expect(eq(sz, answer.len, 0));
		sdp_destroy(offer);
		free(changed);
		free(text);
	}
}

Test(whip, refuses_two_of_a_kind)
{
	char *text = sdp_load("chromium156-offer-audioonly.sdp");
	const char *section = strstr(text, "m=audio");
	char *second = sdp_replace(section, "a=mid:0", "a=mid:1");
	char *both = calloc(1, SDP_SIZE_MAX);
	sprintf(both, "%s%s", text, second);
	char *offer_text = sdp_replace(both, "BUNDLE 0", "BUNDLE 0 1");
	struct sdp *offer = sdp_must_parse(offer_text);
	const struct sdp_local local = sdp_test_local();
	struct sdp_agreement agreement;
	struct sdp_error error;
	cr_assert(eq(int, whip_answer(&agreement, &answer, offer, &local, &error), -EINVAL));
	cr_assert(eq(str, error.detail, "more than one audio m-line"));
	sdp_destroy(offer);
	free(offer_text);
	free(both);
	free(second);
	free(text);
}
