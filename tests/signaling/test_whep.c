#include "signaling/whep.h"

#include "signaling/sdp_offer.h"
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

TestSuite(whep, .init = setup, .fini = teardown);

static int try_answer(struct sdp_agreement *agreement, const char *text, bool high,
		      struct sdp_error *error)
{
	struct sdp *offer = sdp_must_parse(text);
	struct sdp_local local = sdp_test_local();
	local.high_profile = high;
	bytes_clear(&answer);
	const int err = whep_answer(agreement, &answer, offer, &local, error);
	sdp_destroy(offer);
	return err;
}

static struct sdp_agreement answer_file(const char *file)
{
	char *text = sdp_load(file);
	struct sdp_agreement agreement;
	struct sdp_error error;
	cr_assert(eq(int, try_answer(&agreement, text, false, &error), 0), "%s", error.detail);
	free(text);
	return agreement;
}

static bool answered(const char *line)
{
	return strstr(bytes_string(&answer), line) != NULL;
}

Test(whep, answers_chromium)
{
	const struct sdp_agreement agreement = answer_file("chromium156-offer-viewer.sdp");
	sdp_assert_golden(&answer, "answers/whep-chromium156-viewer.sdp");
	cr_expect(eq(str, (char *)agreement.remote.ufrag, "r6tX"));
	cr_expect(eq(u8, agreement.video.pt, 108));
	cr_expect(eq(u8, agreement.audio.pt, 111));
	cr_expect(eq(u8, agreement.video.packetization_mode, 1));
	cr_expect(eq(u8, agreement.video.ids.playout_delay, 5));
	cr_expect(eq(u8, agreement.video.ids.transport_cc, 0));
	cr_expect(eq(u8, agreement.video.feedback, SDP_FB_NACK | SDP_FB_PLI | SDP_FB_FIR));
	cr_expect(agreement.video.rcvr_rtt);
	cr_expect(not(agreement.data));
}

/* Each of these was measured on Chromium: the reason stands in whep.h. */
Test(whep, answer_leaves_out_what_harms)
{
	answer_file("chromium156-offer-viewer_datachannel.sdp");
	cr_expect(not(answered("transport-cc")));
	cr_expect(not(answered("transport-wide-cc")));
	cr_expect(not(answered("goog-remb")));
	cr_expect(not(answered("abs-capture-time")));
}

Test(whep, answers_the_data_channel)
{
	const struct sdp_agreement agreement =
		answer_file("chromium156-offer-viewer_datachannel.sdp");
	sdp_assert_golden(&answer, "answers/whep-chromium156-viewer_datachannel.sdp");
	cr_expect(agreement.data);
	cr_expect(eq(u16, agreement.remote_sctp_port, 5000));
	cr_expect(eq(u32, agreement.remote_max_message_size, 262144));
}

Test(whep, answers_aiortc)
{
	const struct sdp_agreement agreement = answer_file("aiortc-1.4-offer-viewer.sdp");
	sdp_assert_golden(&answer, "answers/whep-aiortc-viewer.sdp");
	cr_expect(eq(str, (char *)agreement.remote.ufrag, "7u0E"));
	cr_expect(eq(u8, agreement.audio.pt, 96));
	cr_expect(eq(u8, agreement.video.pt, 101));
	cr_expect(eq(u8, agreement.video.ids.playout_delay, 0));
}

/* aiortc's decoder takes 20 ms at a time and nothing else; it does not speak of minptime. */
Test(whep, packets_of_sound_are_as_long_as_the_viewer_takes)
{
	cr_expect(eq(u16, answer_file("aiortc-1.4-offer-viewer.sdp").audio.packet_ms, 20));
	cr_expect(eq(u16, answer_file("chromium156-offer-viewer.sdp").audio.packet_ms, 120));
	char *text = sdp_load("chromium156-offer-viewer.sdp");
	char *offer = sdp_replace(text, "a=rtcp-mux", "a=maxptime:60\r\na=rtcp-mux");
	struct sdp_agreement agreement;
	struct sdp_error error;
	cr_assert(eq(int, try_answer(&agreement, offer, false, &error), 0));
	cr_expect(eq(u16, agreement.audio.packet_ms, 60));
	free(offer);
	free(text);
}

Test(whep, abs_capture_time_is_echoed_when_offered)
{
	char *text = sdp_load("chromium156-offer-viewer.sdp");
	char *offer = sdp_replace(text, "a=extmap:13 urn:3gpp:video-orientation",
				  "a=extmap:13 http://www.webrtc.org/experiments/rtp-hdrext/"
				  "abs-capture-time");
	struct sdp_agreement agreement;
	struct sdp_error error;
	cr_assert(eq(int, try_answer(&agreement, offer, false, &error), 0));
	cr_expect(eq(u8, agreement.video.ids.abs_capture_time, 13));
	cr_expect(answered("a=extmap:13 http"));
	free(offer);
	free(text);
}

Test(whep, high_comes_first_where_the_room_has_it)
{
	char *text = sdp_load("chromium156-offer-viewer.sdp");
	char *offer = sdp_replace(text, "packetization-mode=1;profile-level-id=4d001f",
				  "packetization-mode=1;profile-level-id=640c1f");
	struct sdp_agreement agreement;
	struct sdp_error error;
	cr_assert(eq(int, try_answer(&agreement, offer, true, &error), 0));
	cr_expect(eq(u8, agreement.video.pt, 116));
	cr_assert(eq(int, try_answer(&agreement, offer, false, &error), 0));
	cr_expect(eq(u8, agreement.video.pt, 108));
	free(offer);
	free(text);
}

Test(whep, refuses_a_publisher_and_foreign_codecs)
{
	struct sdp_agreement agreement;
	struct sdp_error error;
	char *text = sdp_load("chromium156-offer-publisher.sdp");
	cr_assert(eq(int, try_answer(&agreement, text, false, &error), -EINVAL));
	cr_assert(eq(str, error.detail, "audio must be recvonly"));
	free(text);
	text = sdp_load("aiortc-1.4-offer-viewer.sdp");
	char *one = sdp_replace(text, "99 H264", "99 H265");
	char *offer = sdp_replace(one, "101 H264", "101 H265");
	cr_assert(eq(int, try_answer(&agreement, offer, false, &error), -EINVAL));
	cr_assert(eq(int, (int)error.fault, (int)SDP_NO_CODEC));
	free(offer);
	free(one);
	/* We cut frames into FU-A, which packetization-mode 0 forbids (RFC 6184 §6.2). */
	one = sdp_replace(text, "packetization-mode=1", "packetization-mode=0");
	offer = sdp_replace(one, "packetization-mode=1", "packetization-mode=0");
	cr_assert(eq(int, try_answer(&agreement, offer, false, &error), -EINVAL));
	cr_assert(eq(int, (int)error.fault, (int)SDP_NO_CODEC));
	free(offer);
	free(one);
	free(text);
}

Test(whep, counter_offer_has_everything_we_send)
{
	const struct sdp_local local = sdp_test_local();
	whep_counter_offer(&answer, &local);
	sdp_assert_golden(&answer, "answers/whep-counter-offer.sdp");
}
