#include "signaling/sdp.h"

#include "tests/signaling/sdp_fixture.h"

#include <errno.h>

#define UFRAG  "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
#define HEAD   "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
#define AUDIO  "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
#define PRINT  "4A:C8:37:B3:8C:43:9F:0E:BE:97:C7:36:2E:BC:D5:1B:"
#define DIGEST PRINT "8D:90:47:EC:D6:17:DE:B6:9A:B2:5B:10:66:E6:C0:95"

/* What the real descriptions hold, counted by hand. */
static const struct {
	const char *file;
	unsigned media;
	unsigned audio_codecs, video_codecs; /* of the m-lines 0 and 1 */
	unsigned audio_extensions, video_extensions;
	unsigned candidates; /* UDP ones of all m-lines */
	unsigned video_ssrcs, rids;
	const char *ufrag; /* of the bundle */
	enum sdp_direction direction;
	uint16_t sctp_port;
} files[] = {
	{ "chromium156-offer-publisher.sdp", 2, 8, 23, 4, 11, 4, 1, 0, "GVVW", SDP_SENDONLY, 0 },
	{ "chromium156-offer-publisher_h264first.sdp", 2, 8, 12, 4, 11, 4, 1, 0, "IECl",
	  SDP_SENDONLY, 0 },
	{ "chromium156-offer-simulcast.sdp", 2, 8, 12, 4, 13, 4, 0, 3, "dU4q", SDP_SENDONLY, 0 },
	{ "chromium156-offer-viewer.sdp", 2, 8, 34, 4, 11, 4, 0, 0, "r6tX", SDP_RECVONLY, 0 },
	{ "chromium156-offer-viewer_datachannel.sdp", 3, 8, 34, 4, 11, 6, 0, 0, "Vn4V",
	  SDP_RECVONLY, 5000 },
	{ "chromium156-offer-audioonly.sdp", 1, 8, 0, 4, 0, 2, 0, 0, "H69l", SDP_SENDONLY, 0 },
	{ "chromium156-offer-datachannel.sdp", 1, 0, 0, 0, 0, 2, 0, 0, "eYCt", SDP_SENDRECV, 5000 },
	{ "chromium156-answer-to-webrtcbin-offer.sdp", 3, 1, 1, 0, 0, 2, 0, 0, "FHdS", SDP_RECVONLY,
	  5000 },
	{ "gstreamer-1.22-webrtcbin-offer-h264-opus-datachannel.sdp", 3, 1, 1, 0, 0, 3, 1, 0,
	  "Q7/rgKQfVSsNSylLFAAFOCLBKvZE4+ih", SDP_SENDRECV, 5000 },
	{ "aiortc-1.4-offer-viewer.sdp", 2, 3, 6, 2, 2, 4, 1, 0, "7u0E", SDP_RECVONLY, 0 },
	{ "aiortc-1.4-offer-publisher-datachannel.sdp", 3, 3, 6, 2, 2, 6, 1, 0, "JIEo",
	  SDP_SENDONLY, 5000 },
};

ParameterizedTestParameters(sdp, reads_real_descriptions)
{
	static size_t rows[sizeof(files) / sizeof(files[0])];
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		rows[i] = i;
	return cr_make_param_array(size_t, rows, sizeof(files) / sizeof(files[0]));
}

ParameterizedTest(size_t *row, sdp, reads_real_descriptions)
{
	struct sdp *sdp = sdp_load_parsed(files[*row].file);
	const struct sdp_media *first = &sdp->media[0];
	cr_expect(eq(uint, sdp->media_count, files[*row].media));
	cr_expect(eq(uint, sdp->candidate_count, files[*row].candidates));
	cr_expect(eq(uint, first->codec_count, files[*row].audio_codecs));
	cr_expect(eq(uint, first->extension_count, files[*row].audio_extensions));
	cr_expect(eq(int, (int)first->direction, (int)files[*row].direction));
	cr_expect(eq(str, (char *)first->transport.ufrag, (char *)files[*row].ufrag));
	cr_expect(eq(uint, sdp->media[1].codec_count, files[*row].video_codecs));
	cr_expect(eq(uint, sdp->media[1].extension_count, files[*row].video_extensions));
	cr_expect(eq(uint, sdp->media[1].ssrc_count, files[*row].video_ssrcs));
	cr_expect(eq(uint, sdp->media[1].rid_count, files[*row].rids));
	cr_expect(eq(u16, sdp->media[sdp->media_count - 1].sctp_port, files[*row].sctp_port));
	for (unsigned i = 0; i < sdp->media_count; i++) {
		cr_expect(sdp->media[i].bundled);
		cr_expect(sdp->media[i].transport.has_fingerprint);
		cr_expect(sdp->media[i].transport.setup != SDP_SETUP_NONE);
	}
	sdp_destroy(sdp);
}

Test(sdp, line_ends_may_be_lf)
{
	char *crlf = sdp_load("chromium156-offer-publisher.sdp");
	char *lf = calloc(1, strlen(crlf) + 1);
	for (size_t i = 0, n = 0; crlf[i]; i++)
		if (crlf[i] != '\r')
			lf[n++] = crlf[i];
	struct sdp *sdp = sdp_must_parse(lf);
	cr_assert(eq(uint, sdp->media[1].codec_count, 23));
	cr_assert(eq(str, (char *)sdp->media[1].codecs[2].fmtp,
		     "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f"));
	sdp_destroy(sdp);
	free(lf);
	free(crlf);
}

Test(sdp, codec_has_its_parameters_and_feedback)
{
	struct sdp *sdp = sdp_load_parsed("chromium156-offer-publisher.sdp");
	const struct sdp_codec *h264 = &sdp->media[1].codecs[2];
	cr_expect(eq(u8, h264->pt, 102));
	cr_expect(eq(str, (char *)h264->name, "H264"));
	cr_expect(eq(u32, h264->clock, 90000));
	cr_expect(eq(u8, h264->feedback,
		     SDP_FB_NACK | SDP_FB_PLI | SDP_FB_FIR | SDP_FB_TRANSPORT_CC | SDP_FB_REMB));
	cr_expect(eq(u8, sdp->media[0].codecs[0].channels, 2));
	cr_expect(eq(u8, sdp->media[0].codecs[3].pt, 0));
	cr_expect(eq(u32, sdp->media[1].ssrcs[0], 2922661175));
	cr_expect(sdp->media[1].rcvr_rtt);
	sdp_destroy(sdp);
}

Test(sdp, blanks_at_the_end_of_a_line_mean_nothing)
{
	struct sdp *sdp = sdp_must_parse(HEAD UFRAG "a=group:BUNDLE 0 \r\n" AUDIO "a=recvonly \r\n"
						    "a=rtcp-fb:111 nack \r\n"
						    "a=rtpmap:111 opus/48000/2\t\r\n");
	cr_expect(eq(u8, sdp->media[0].codecs[0].feedback, SDP_FB_NACK));
	cr_expect(eq(u8, sdp->media[0].codecs[0].channels, 2));
	cr_expect(eq(int, sdp->media[0].direction, SDP_RECVONLY));
	sdp_destroy(sdp);
}

Test(sdp, session_level_transport_is_inherited)
{
	struct sdp *sdp =
		sdp_must_parse(HEAD UFRAG "a=setup:active\r\na=ice-options:trickle ice2\r\n"
					  "a=ice-lite\r\na=group:BUNDLE 0\r\n"
					  "a=fingerprint:sha-256 " DIGEST "\r\n" AUDIO);
	cr_assert(sdp->ice_lite);
	cr_assert(eq(str, (char *)sdp->media[0].transport.ufrag, "abcd"));
	cr_assert(eq(int, sdp->media[0].transport.setup, SDP_SETUP_ACTIVE));
	cr_assert(sdp->media[0].transport.trickle);
	cr_assert(eq(u8, sdp->media[0].transport.fingerprint[31], 0x95));
	sdp_destroy(sdp);
}

Test(sdp, other_hashes_are_skipped_when_sha_256_is_there)
{
	struct sdp *sdp = sdp_must_parse(HEAD AUDIO "a=fingerprint:sha-512 00:11\r\n"
						    "a=fingerprint:SHA-256 " DIGEST "\r\n");
	cr_assert(sdp->media[0].transport.has_fingerprint);
	cr_assert(sdp->media[0].transport.foreign_fingerprint);
	sdp_destroy(sdp);
}

Test(sdp, candidates_that_we_cannot_use_are_dropped)
{
	struct sdp *sdp = sdp_must_parse(
		HEAD AUDIO "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n"
			   "a=candidate:1 2 udp 1 192.0.2.1 5001 typ host\r\n"
			   "a=candidate:2 1 tcp 1 192.0.2.1 9 typ host tcptype active\r\n"
			   "a=candidate:3 1 udp 1 4e5f.local 5000 typ host\r\n"
			   "a=candidate:4 1 udp 1 192.0.2.1 0 typ host\r\n"
			   "a=candidate:5 1 udp 99999999999 192.0.2.1 7 typ host\r\n"
			   "a=candidate:garbage\r\n"
			   "a=candidate:6 1 UDP 7 2001:db8::9 5002 typ srflx raddr :: rport 0\r\n");
	cr_assert(eq(uint, sdp->candidate_count, 2));
	cr_assert(eq(u16, addr_port(&sdp->candidates[1].addr), 5002));
	cr_assert(eq(u32, sdp->candidates[1].priority, 7));
	sdp_destroy(sdp);
}

Test(sdp, candidates_over_the_cap_are_dropped)
{
	struct bytes text;
	bytes_init(&text, SDP_SIZE_MAX);
	bytes_text(&text, HEAD AUDIO);
	for (int i = 0; i < 100; i++)
		bytes_printf(&text, "a=candidate:1 1 udp 1 192.0.2.1 %d typ host\r\n", 5000 + i);
	struct sdp *sdp = sdp_must_parse(bytes_string(&text));
	cr_assert(eq(uint, sdp->candidate_count, SDP_CANDIDATES_MAX));
	sdp_destroy(sdp);
	bytes_finish(&text);
}

static const struct {
	const char *text;
	const char *detail;
} refused[] = {
	{ "", "no m-line" },
	{ "hello", "line 1: not v=0" },
	{ "\r\n" HEAD AUDIO, "line 1: not v=0" },
	{ "v=1\r\n" AUDIO, "line 1: not v=0" },
	{ HEAD, "no m-line" },
	{ HEAD "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", "m-line 1 has no mid" },
	{ HEAD AUDIO AUDIO, "two m-lines have the same mid" },
	{ "v=0\rs=-\rt=0 0\rm=audio 9 UDP/TLS/RTP/SAVPF 111\ra=mid:0\r",
	  "line 1: carriage return or NUL within the line" },
	{ HEAD "a=group:BUNDLE 0 1\r\n" AUDIO, "the bundle group names a mid that is not there" },
	{ HEAD "a=group:BUNDLE 0 0\r\n" AUDIO, "the bundle group names a mid twice" },
	{ HEAD "a=group:BUNDLE 0\r\na=group:BUNDLE 0\r\n" AUDIO,
	  "line 6: more than one bundle group" },
	{ HEAD "nonsense\r\n", "line 5: not of the form x=..." },
	{ HEAD "A=x\r\n", "line 5: not of the form x=..." },
	{ HEAD "m=audio\r\n", "line 5: malformed m-line" },
	{ HEAD "m=audio 99999 UDP/TLS/RTP/SAVPF 111\r\n", "line 5: malformed m-line" },
	{ HEAD "m=audio -1 UDP/TLS/RTP/SAVPF 111\r\n", "line 5: malformed m-line" },
	{ HEAD "m=audio 9 UDP/TLS/RTP/SAVPF 128\r\n", "line 5: payload type is not 0 to 127" },
	{ HEAD AUDIO "a=mid:a b\r\n", "line 7: mid is not a token of 1 to 32" },
	{ HEAD AUDIO "a=mid:123456789012345678901234567890123\r\n",
	  "line 7: mid is not a token of 1 to 32" },
	{ HEAD AUDIO "a=ice-ufrag:abc\r\n", "line 7: ice-ufrag is not 4 to 256 ICE characters" },
	{ HEAD AUDIO "a=ice-ufrag:ab:cd\r\n", "line 7: ice-ufrag is not 4 to 256 ICE characters" },
	{ HEAD AUDIO "a=ice-pwd:short\r\n", "line 7: ice-pwd is not 22 to 256 ICE characters" },
	{ HEAD AUDIO "a=fingerprint:sha-256 4A:C8\r\n", "line 7: fingerprint is not 32 bytes" },
	{ HEAD AUDIO "a=fingerprint:sha-256 " PRINT PRINT "\r\n",
	  "line 7: fingerprint is not 32 bytes" },
	{ HEAD AUDIO "a=fingerprint:sha-256 " PRINT PRINT "Z\r\n",
	  "line 7: fingerprint is not 32 bytes" },
	{ HEAD AUDIO "a=fingerprint:sha-256 " PRINT
		     "8D-90:47:EC:D6:17:DE:B6:9A:B2:5B:10:66:E6:C0:95\r\n",
	  "line 7: fingerprint is not in hex" },
	{ HEAD AUDIO "a=setup:holdconn\r\n", "line 7: setup is none of actpass, active, passive" },
	{ HEAD AUDIO "a=extmap:0 urn:x\r\n", "line 7: malformed extmap" },
	{ HEAD AUDIO "a=extmap:1/sideways urn:x\r\n", "line 7: malformed extmap" },
	{ HEAD AUDIO "a=extmap:1\r\n", "line 7: malformed extmap" },
	{ HEAD AUDIO "a=rtpmap:111 opus\r\n", "line 7: malformed rtpmap" },
	{ HEAD AUDIO "a=rtpmap:111 opus/99999999999\r\n", "line 7: malformed rtpmap" },
	{ HEAD AUDIO "a=fmtp:x y\r\n", "line 7: malformed fmtp" },
	{ HEAD AUDIO "a=maxptime:long\r\n", "line 7: malformed maxptime" },
	{ HEAD AUDIO "a=rtcp-fb:256 nack\r\n", "line 7: malformed rtcp-fb" },
	{ HEAD AUDIO "a=ssrc:4294967296 cname:x\r\n", "line 7: malformed ssrc" },
	{ HEAD AUDIO "a=rid:h sideways\r\n", "line 7: malformed rid" },
	{ HEAD AUDIO "a=sctp-port:70000\r\n", "line 7: malformed sctp-port or sctpmap" },
	{ HEAD AUDIO "a=max-message-size:-1\r\n", "line 7: malformed max-message-size" },
	{ HEAD AUDIO "a=:x\r\n", "line 7: attribute without a name" },
};

ParameterizedTestParameters(sdp, refuses_with_a_reason)
{
	static size_t rows[sizeof(refused) / sizeof(refused[0])];
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		rows[i] = i;
	return cr_make_param_array(size_t, rows, sizeof(refused) / sizeof(refused[0]));
}

ParameterizedTest(size_t *row, sdp, refuses_with_a_reason)
{
	struct sdp *sdp = NULL;
	struct sdp_error error;
	const char *text = refused[*row].text;
	cr_assert(eq(int, sdp_parse(&sdp, text, strlen(text), &error), -EINVAL));
	cr_assert(eq(str, error.detail, (char *)refused[*row].detail));
}

Test(sdp, nul_byte_is_refused)
{
	static const char text[] = HEAD "s=\0\r\n" AUDIO;
	struct sdp *sdp = NULL;
	struct sdp_error error;
	cr_assert(eq(int, sdp_parse(&sdp, text, sizeof(text) - 1, &error), -EINVAL));
}

/* Bombs: one head, then a line many times over, with a number in it. */
static const struct {
	const char *head;
	const char *line;
	unsigned count;
	int err;
	const char *detail;
} bombs[] = {
	{ HEAD, "m=audio %u UDP/TLS/RTP/SAVPF 0\r\n", 900, -EINVAL,
	  "line 21: more than 16 m-lines" },
	{ HEAD, "m=audio %u UDP/TLS/RTP/SAVPF 0\r\na=mid:a\r\n", 2000, -EMSGSIZE,
	  "more than 32768 bytes" },
	{ HEAD AUDIO, "a=extmap:%u urn:x\r\n", 1600, -EINVAL,
	  "line 39: more than 32 extmap lines" },
	{ HEAD AUDIO, "a=extmap:%u urn:x\r\n", 65536, -EMSGSIZE, "more than 32768 bytes" },
	{ HEAD AUDIO, "a=rid:r%u send\r\n", 500, -EINVAL, "line 15: more than 8 rid lines" },
	{ HEAD "m=video 9 UDP/TLS/RTP/SAVPF", " %u", 100, -EINVAL,
	  "line 5: more than 64 payload types in one m-line" },
	{ HEAD "a=group:BUNDLE", " %u", 500, -EINVAL,
	  "line 5: more than 16 mids in a bundle group" },
	{ HEAD AUDIO "a=fmtp:111 x", "=%u;x", 1024 * 1024 / 8, -EMSGSIZE, "more than 32768 bytes" },
	{ HEAD AUDIO "a=fmtp:111 x", "=%u;x", 2000, -EINVAL, "line 7: longer than 4096 bytes" },
	{ HEAD AUDIO, "a=ssrc:%u cname:x\r\n", 1500, 0, "" },
	{ HEAD AUDIO, "a=rtcp-fb:* nack %u\r\n", 1400, 0, "" },
	{ HEAD AUDIO "a=ssrc-group:FID 1", " %u", 700, 0, "" },
	{ HEAD AUDIO "a=simulcast:send r", ";r%u", 500, 0, "" },
};

ParameterizedTestParameters(sdp, defuses_bombs)
{
	static size_t rows[sizeof(bombs) / sizeof(bombs[0])];
	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++)
		rows[i] = i;
	return cr_make_param_array(size_t, rows, sizeof(bombs) / sizeof(bombs[0]));
}

ParameterizedTest(size_t *row, sdp, defuses_bombs)
{
	struct bytes text;
	bytes_init(&text, 4 * 1024 * 1024);
	bytes_text(&text, bombs[*row].head);
	for (unsigned i = 1; i <= bombs[*row].count; i++) {
		char line[128];
		const char *number = strstr(bombs[*row].line, "%u");
		snprintf(line, sizeof(line), "%.*s%u%s", (int)(number - bombs[*row].line),
			 bombs[*row].line, i, number + 2);
		bytes_text(&text, line);
	}
	struct sdp *sdp = NULL;
	struct sdp_error error;
	const int err = sdp_parse(&sdp, bytes_string(&text), text.len, &error);
	cr_assert(eq(int, err, bombs[*row].err), "%s", error.detail);
	cr_assert(eq(str, error.detail, (char *)bombs[*row].detail));
	sdp_destroy(sdp);
	bytes_finish(&text);
}
