/* What a viewer answers to the offer of Janus' streaming plugin, whose form this one has. The
 * exchange over HTTP is tested against Janus itself, where it is installed
 * (tests/integration/test_peers.py). */
#include "load-tests/swarm/janus_signalling.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#define TRANSPORT \
	"c=IN IP4 192.0.2.1\r\na=sendonly\r\na=rtcp-mux\r\na=ice-ufrag:frag\r\n" \
	"a=ice-pwd:passwordOfTwentyTwoChr\r\na=setup:actpass\r\n" \
	"a=candidate:1 1 udp 2015363327 192.0.2.1 4000 typ host\r\na=end-of-candidates\r\n"

static const char offer[] =
	"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=Mountpoint 1\r\nt=0 0\r\na=group:BUNDLE a v\r\n"
	"a=ice-options:trickle\r\na=ice-lite\r\n"
	"a=fingerprint:sha-256 "
	"01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:"
	"1F:20\r\n"
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" TRANSPORT
	"a=mid:a\r\na=rtpmap:111 opus/48000/2\r\na=ssrc:7 cname:janus\r\n"
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n" TRANSPORT
	"a=mid:v\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=42e01f;packetization-mode=1\r\n"
	"a=rtcp-fb:96 nack\r\na=rtcp-fb:96 transport-cc\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n";

static struct addr candidate;
static struct sdp_local local;
static struct bytes answer;
static struct sdp_error error;

static void setup(void)
{
	cr_assert(eq(int, addr_parse(&candidate, "192.0.2.7:5000"), 0));
	local = (struct sdp_local){
		.id = 1,
		.ufrag = "mine",
		.pwd = "myPasswordOf22Charactr",
		.candidates = &candidate,
		.candidate_count = 1,
		.high_profile = true,
	};
	bytes_init(&answer, SDP_SIZE_MAX);
}

static void teardown(void)
{
	bytes_finish(&answer);
}

TestSuite(janus_signalling, .init = setup, .fini = teardown);

Test(janus_signalling, a_viewer_takes_both_tracks_and_begins_the_handshake)
{
	struct sdp_agreement agreement;
	cr_assert(eq(int,
		     janus_signalling_agree(&agreement, &answer, offer, sizeof(offer) - 1, &local,
					    &error),
		     0),
		  "%s", error.detail);
	cr_expect(eq(u8, agreement.video.pt, 96));
	cr_expect(eq(u8, agreement.audio.pt, 111));
	cr_expect(agreement.dtls_active && agreement.remote_lite);
	cr_expect(eq(uint, agreement.candidate_count, 1));
	const char *text = bytes_string(&answer);
	cr_expect(ne(ptr, strstr(text, "a=setup:active\r\n"), NULL));
	cr_expect(ne(ptr, strstr(text, "a=recvonly\r\n"), NULL));
	cr_expect(ne(ptr, strstr(text, "a=group:BUNDLE a v\r\n"), NULL));
	cr_expect(eq(ptr, strstr(text, "ice-lite"), NULL));
	/* Repairs come under the old numbers, where the viewer counts them. */
	cr_expect(eq(ptr, strstr(text, "rtx"), NULL));
}

Test(janus_signalling, what_is_no_offer_is_refused)
{
	struct sdp_agreement agreement;
	cr_expect(eq(int, janus_signalling_agree(&agreement, &answer, "hello", 5, &local, &error),
		     -EINVAL));
	cr_expect(ne(int, error.fault, SDP_OK));
}
