#include "signaling/sdp_fragment.h"

#include "server/core/alloc.h"
#include "signaling/sdp_attributes.h"
#include "signaling/sdp_scan.h"
#include "signaling/sdp_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_attribute(struct sdp_fragment *out, struct sdp_transport *first,
			  struct sdp_scan *line, struct sdp_error *error)
{
	const char *name = sdp_scan_word(line, ':');
	if (strcmp(name, "candidate") == 0) {
		struct sdp_candidate *next = &out->candidates[out->candidate_count];
		if (out->candidate_count < SDP_CANDIDATES_MAX && sdp_candidate_parse(next, line))
			out->candidate_count++;
		return 0;
	}
	if (strcmp(name, "end-of-candidates") == 0) {
		out->end_of_candidates = true;
		return 0;
	}
	/* All m-lines are one bundle: the first credentials are those of its transport. */
	struct sdp_transport found = { 0 };
	const int done = sdp_transport_attribute(&found, name, line, error);
	if (done < 0)
		return done;
	if (!first->ufrag)
		first->ufrag = found.ufrag;
	if (!first->pwd)
		first->pwd = found.pwd;
	return 0;
}

static int read_fragment(struct sdp_fragment *out, struct sdp_scan *text, struct sdp_error *error)
{
	struct sdp_transport transport = { 0 };
	struct sdp_scan line;
	while (sdp_scan_line(text, &line)) {
		if (!text->bad && !sdp_scan_left(&line))
			continue;
		const char *type = sdp_scan_word(&line, '=');
		if (text->bad || line.bad || type[1] || type[0] < 'a' || type[0] > 'z')
			return sdp_refuse(error, SDP_MALFORMED, "a line is not of the form x=...");
		const int err = type[0] == 'a' ? read_attribute(out, &transport, &line, error) : 0;
		if (err)
			return err;
	}
	if (!transport.ufrag != !transport.pwd)
		return sdp_refuse(error, SDP_MALFORMED, "ice-ufrag and ice-pwd go together");
	if (transport.ufrag) {
		out->has_ice = true;
		snprintf(out->ice.ufrag, sizeof(out->ice.ufrag), "%s", transport.ufrag);
		snprintf(out->ice.pwd, sizeof(out->ice.pwd), "%s", transport.pwd);
	}
	return 0;
}

int sdp_fragment_parse(struct sdp_fragment *out, const char *text, size_t len,
		       struct sdp_error *error)
{
	*error = (struct sdp_error){ .fault = SDP_OK };
	if (len > SDP_SIZE_MAX)
		return sdp_refuse(error, SDP_TOO_LARGE, "more than %d bytes", SDP_SIZE_MAX);
	if (!len)
		return sdp_refuse(error, SDP_MALFORMED, "empty fragment");
	char *copy = xcalloc(1, len + 1);
	memcpy(copy, text, len);
	struct sdp_scan scan;
	sdp_scan_init(&scan, copy, len);
	struct sdp_fragment fragment = { 0 };
	const int err = read_fragment(&fragment, &scan, error);
	free(copy);
	if (!err)
		*out = fragment;
	return err;
}

/* RFC 8840 §9: an m-line stands before media-level lines; its formats mean nothing. */
static void build(struct bytes *text, const struct sdp_local *local,
		  const struct sdp_agreement *agreement)
{
	if (agreement->bundle_kind == SDP_APPLICATION)
		bytes_text(text, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n");
	else
		bytes_printf(text, "m=%s 9 UDP/TLS/RTP/SAVPF 0\r\n",
			     agreement->bundle_kind == SDP_AUDIO ? "audio" : "video");
	bytes_printf(text, "a=mid:%s\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", agreement->bundle_mid,
		     local->ufrag, local->pwd);
	sdp_write_candidates(text, local);
}

void sdp_fragment_build(struct bytes *text, const struct sdp_local *local,
			const struct sdp_agreement *agreement)
{
	bytes_text(text, "a=ice-lite\r\na=ice-options:trickle\r\n");
	build(text, local, agreement);
}

void sdp_fragment_build_client(struct bytes *text, const struct sdp_local *local,
			       const struct sdp_agreement *agreement)
{
	build(text, local, agreement);
}
