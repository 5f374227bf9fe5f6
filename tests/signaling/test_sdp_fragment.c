#include "signaling/sdp_fragment.h"

#include "tests/signaling/sdp_fixture.h"

#include <errno.h>

/* RFC 9725 §4.3.2, the example of a trickle request, and what Chromium-based players send. */
static const char rfc_trickle[] =
	"a=group:BUNDLE 0 1\r\n"
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
	"a=mid:0\r\n"
	"a=ice-ufrag:EsAw\r\n"
	"a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
	"a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw "
	"network-id 1\r\n"
	"a=candidate:3471623853 1 udp 2122194687 198.51.100.2 61765 typ host generation 0 ufrag "
	"EsAw network-id 2\r\n"
	"a=candidate:473322822 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0 "
	"ufrag EsAw network-id 1\r\n"
	"a=end-of-candidates\r\n";

static int parse(struct sdp_fragment *out, const char *text, struct sdp_error *error)
{
	return sdp_fragment_parse(out, text, strlen(text), error);
}

Test(sdp_fragment, reads_the_example_of_the_rfc)
{
	struct sdp_fragment fragment;
	struct sdp_error error;
	cr_assert(eq(int, parse(&fragment, rfc_trickle, &error), 0), "%s", error.detail);
	cr_assert(fragment.has_ice);
	cr_assert(eq(str, fragment.ice.ufrag, "EsAw"));
	cr_assert(eq(str, fragment.ice.pwd, "P2uYro0UCOQ4zxjKXaWCBui1"));
	cr_assert(eq(uint, fragment.candidate_count, 2));
	cr_assert(eq(u16, addr_port(&fragment.candidates[1].addr), 61765));
	cr_assert(fragment.end_of_candidates);
}

Test(sdp_fragment, credentials_may_be_missing_and_the_first_count)
{
	struct sdp_fragment fragment;
	struct sdp_error error;
	cr_assert(eq(int,
		     parse(&fragment,
			   "m=audio 9 x 0\na=mid:0\na=candidate:1 1 udp 1 192.0.2.1 "
			   "7 typ host\n",
			   &error),
		     0));
	cr_assert(not(fragment.has_ice));
	cr_assert(eq(uint, fragment.candidate_count, 1));
	cr_assert(eq(int,
		     parse(&fragment,
			   "a=ice-ufrag:aaaa\na=ice-pwd:0123456789012345678901\nm=video 9 x 0\n"
			   "a=ice-ufrag:bbbb\na=ice-pwd:9876543210987654321098\n",
			   &error),
		     0));
	cr_assert(eq(str, fragment.ice.ufrag, "aaaa"));
}

Test(sdp_fragment, refuses_with_a_reason)
{
	static const struct {
		const char *text, *detail;
	} rows[] = {
		{ "", "empty fragment" },
		{ "{\"candidate\":\"\"}", "a line is not of the form x=..." },
		{ "a=ice-ufrag:abcd\r\n", "ice-ufrag and ice-pwd go together" },
		{ "a=ice-pwd:0123456789012345678901\r\n", "ice-ufrag and ice-pwd go together" },
		{ "a=ice-ufrag:a\r\n", "ice-ufrag is not 4 to 256 ICE characters" },
		{ "a=mid:0\ra=mid:1\r", "a line is not of the form x=..." },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sdp_fragment fragment;
		struct sdp_error error;
		cr_expect(eq(int, parse(&fragment, rows[i].text, &error), -EINVAL));
		cr_expect(eq(str, error.detail, (char *)rows[i].detail));
	}
}

Test(sdp_fragment, a_flood_of_candidates_is_capped)
{
	struct bytes text;
	bytes_init(&text, 2 * SDP_SIZE_MAX);
	for (int i = 0; i < 600; i++)
		bytes_text(&text, "a=candidate:1 1 udp 1 192.0.2.1 7 typ host\r\n");
	struct sdp_fragment fragment;
	struct sdp_error error;
	cr_assert(eq(int, parse(&fragment, bytes_string(&text), &error), 0));
	cr_assert(eq(uint, fragment.candidate_count, SDP_CANDIDATES_MAX));
	for (int i = 0; i < 300; i++)
		bytes_text(&text, "a=candidate:1 1 udp 1 192.0.2.1 7 typ host\r\n");
	cr_assert(eq(int, parse(&fragment, bytes_string(&text), &error), -EMSGSIZE));
	bytes_finish(&text);
}

Test(sdp_fragment, restart_answer_is_golden_and_readable)
{
	const struct sdp_local local = sdp_test_local();
	const struct sdp_agreement agreement = { .bundle_kind = SDP_AUDIO, .bundle_mid = "0" };
	struct bytes text;
	bytes_init(&text, SDP_SIZE_MAX);
	sdp_fragment_build(&text, &local, &agreement);
	sdp_assert_golden(&text, "answers/restart-fragment.sdp");
	struct sdp_fragment fragment;
	struct sdp_error error;
	cr_assert(eq(int, parse(&fragment, bytes_string(&text), &error), 0));
	cr_assert(eq(str, fragment.ice.ufrag, "srvUfrag"));
	cr_assert(eq(uint, fragment.candidate_count, 2));
	bytes_finish(&text);
}

Test(sdp_fragment, tcp_candidates_are_passive_and_below_those_of_udp)
{
	struct sdp_local local = sdp_test_local();
	local.tcp = true;
	const struct sdp_agreement agreement = { .bundle_kind = SDP_AUDIO, .bundle_mid = "0" };
	struct bytes text;
	bytes_init(&text, SDP_SIZE_MAX);
	sdp_fragment_build(&text, &local, &agreement);
	unsigned long udp, tcp;
	const char *line = strstr(bytes_string(&text), "a=candidate:1 1 udp ");
	cr_assert(eq(int, sscanf(line, "a=candidate:1 1 udp %lu", &udp), 1));
	line = strstr(bytes_string(&text), "a=candidate:3 1 tcp ");
	cr_assert(eq(int, sscanf(line, "a=candidate:3 1 tcp %lu", &tcp), 1));
	cr_assert(lt(ulong, tcp, udp));
	cr_assert_not_null(strstr(line, " typ host tcptype passive\r\n"));
	struct sdp_fragment fragment;
	struct sdp_error error;
	cr_assert(eq(int, parse(&fragment, bytes_string(&text), &error), 0));
	cr_assert(eq(uint, fragment.candidate_count, 2), "we ourselves go by UDP alone");
	bytes_finish(&text);
}

Test(sdp_fragment, what_a_client_trickles_is_not_lite_and_leaves_the_end_open)
{
	struct sdp_local local = sdp_test_local();
	local.candidate_count = 0;
	local.candidate_lines = "a=candidate:7 1 udp 1 192.0.2.7 9000 typ srflx\r\n";
	local.gathering = true;
	const struct sdp_agreement agreement = { .bundle_kind = SDP_AUDIO, .bundle_mid = "0" };
	struct bytes text;
	bytes_init(&text, SDP_SIZE_MAX);
	sdp_fragment_build_client(&text, &local, &agreement);
	cr_assert(eq(ptr, (void *)strstr(bytes_string(&text), "ice-lite"), NULL));
	struct sdp_fragment fragment;
	struct sdp_error error;
	cr_assert(eq(int, parse(&fragment, bytes_string(&text), &error), 0));
	cr_assert(eq(str, fragment.ice.ufrag, "srvUfrag"));
	cr_assert(eq(uint, fragment.candidate_count, 1));
	cr_assert(not(fragment.end_of_candidates));
	bytes_finish(&text);
}
