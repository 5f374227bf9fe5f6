#include "signaling/sdp_attributes.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

struct attribute {
	const char *name;
	bool session; /* allowed above the first m-line */
	int (*read)(struct sdp_parser *parser, struct sdp_scan *value);
};

bool sdp_is_token(const char *text)
{
	size_t len = 0;
	for (; text[len] && len <= SDP_TOKEN_MAX; len++) {
		const unsigned char c = (unsigned char)text[len];
		if (c <= ' ' || c >= 127 || strchr("\"(),/:;<=>?@[\\]", c))
			return false;
	}
	return len >= 1 && len <= SDP_TOKEN_MAX;
}

/* RFC 8839 §5.4: ice-char. Some clients write base64url. */
static bool is_ice_text(const char *text, size_t min)
{
	const size_t len = strlen(text);
	if (len < min || len > SDP_ICE_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("+/-_=", text[i]))
			return false;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_fingerprint(struct sdp_transport *transport, struct sdp_scan *value,
			    struct sdp_error *error)
{
	const char *hash = sdp_scan_word(value, ' ');
	const char *hex = sdp_scan_rest(value);
	if (strcasecmp(hash, "sha-256") != 0) {
		transport->foreign_fingerprint = true;
		return 1;
	}
	if (strlen(hex) != SHA256_SIZE * 3 - 1)
		return sdp_refuse(error, SDP_MALFORMED, "fingerprint is not 32 bytes");
	for (size_t i = 0; i < SHA256_SIZE; i++, hex += 3) {
		const int high = hex_digit(hex[0]);
		const int low = hex_digit(hex[1]);
		if (high < 0 || low < 0 || (hex[2] && hex[2] != ':'))
			return sdp_refuse(error, SDP_MALFORMED, "fingerprint is not in hex");
		transport->fingerprint[i] = (uint8_t)(high * 16 + low);
	}
	transport->has_fingerprint = true;
	return 1;
}

static int read_setup(struct sdp_transport *transport, struct sdp_scan *value,
		      struct sdp_error *error)
{
	static const char *const names[] = {
		[SDP_SETUP_ACTPASS] = "actpass",
		[SDP_SETUP_ACTIVE] = "active",
		[SDP_SETUP_PASSIVE] = "passive",
	};
	const char *text = sdp_scan_rest(value);
	for (int i = SDP_SETUP_ACTPASS; i <= SDP_SETUP_PASSIVE; i++) {
		if (strcmp(text, names[i]) == 0) {
			transport->setup = (enum sdp_setup)i;
			return 1;
		}
	}
	return sdp_refuse(error, SDP_MALFORMED, "setup is none of actpass, active, passive");
}

int sdp_transport_attribute(struct sdp_transport *transport, const char *name,
			    struct sdp_scan *value, struct sdp_error *error)
{
	if (strcmp(name, "ice-ufrag") == 0) {
		transport->ufrag = sdp_scan_rest(value);
		return is_ice_text(transport->ufrag, 4)
			       ? 1
			       : sdp_refuse(error, SDP_MALFORMED,
					    "ice-ufrag is not 4 to 256 ICE characters");
	}
	if (strcmp(name, "ice-pwd") == 0) {
		transport->pwd = sdp_scan_rest(value);
		return is_ice_text(transport->pwd, 22)
			       ? 1
			       : sdp_refuse(error, SDP_MALFORMED,
					    "ice-pwd is not 22 to 256 ICE characters");
	}
	if (strcmp(name, "ice-options") == 0) {
		while (sdp_scan_left(value))
			if (strcmp(sdp_scan_word(value, ' '), "trickle") == 0)
				transport->trickle = true;
		return 1;
	}
	if (strcmp(name, "fingerprint") == 0)
		return read_fingerprint(transport, value, error);
	if (strcmp(name, "setup") == 0)
		return read_setup(transport, value, error);
	return 0;
}

bool sdp_candidate_parse(struct sdp_candidate *out, struct sdp_scan *value)
{
	sdp_scan_word(value, ' '); /* foundation */
	const uint32_t component = sdp_scan_number(value, ' ', 256);
	const char *transport = sdp_scan_word(value, ' ');
	const uint32_t priority = sdp_scan_number(value, ' ', UINT32_MAX);
	const char *ip = sdp_scan_word(value, ' ');
	const uint32_t port = sdp_scan_number(value, ' ', UINT16_MAX);
	const bool typed = strcmp(sdp_scan_word(value, ' '), "typ") == 0;
	if (value->bad || !typed || component != 1 || strcasecmp(transport, "udp") != 0)
		return false;
	*out = (struct sdp_candidate){ .priority = priority };
	return port && addr_set(&out->addr, ip, (uint16_t)port) == 0;
}

static int read_candidate(struct sdp_parser *parser, struct sdp_scan *value)
{
	struct sdp *sdp = parser->sdp;
	struct sdp_candidate candidate;
	if (sdp->candidate_count == SDP_CANDIDATES_MAX || !sdp_candidate_parse(&candidate, value))
		return 0;
	candidate.media = (uint8_t)(parser->media - sdp->media);
	sdp->candidates[sdp->candidate_count++] = candidate;
	return 0;
}

static int read_group(struct sdp_parser *parser, struct sdp_scan *value)
{
	if (parser->media || strcmp(sdp_scan_word(value, ' '), "BUNDLE") != 0)
		return 0;
	if (parser->bundle_count)
		return sdp_refuse(parser->error, SDP_UNSUPPORTED, "more than one bundle group");
	while (sdp_scan_left(value)) {
		if (parser->bundle_count == SDP_MEDIA_MAX)
			return sdp_refuse(parser->error, SDP_MALFORMED,
					  "more than %d mids in a bundle group", SDP_MEDIA_MAX);
		parser->bundle[parser->bundle_count++] = sdp_scan_word(value, ' ');
	}
	return value->bad ? sdp_refuse(parser->error, SDP_MALFORMED, "malformed bundle group") : 0;
}

static int read_mid(struct sdp_parser *parser, struct sdp_scan *value)
{
	parser->media->mid = sdp_scan_rest(value);
	return sdp_is_token(parser->media->mid)
		       ? 0
		       : sdp_refuse(parser->error, SDP_MALFORMED, "mid is not a token of 1 to %d",
				    SDP_TOKEN_MAX);
}

static bool parse_direction(enum sdp_direction *out, const char *name)
{
	static const char *const names[] = { "sendrecv", "sendonly", "recvonly", "inactive" };
	for (int i = 0; i < 4; i++) {
		if (strcmp(name, names[i]) == 0) {
			*out = (enum sdp_direction)i;
			return true;
		}
	}
	return false;
}

/* RFC 8285 §5: id[/direction] URI [parameters] */
static int read_extmap(struct sdp_parser *parser, struct sdp_scan *value)
{
	struct sdp_media *media = parser->media;
	const char *left = sdp_scan_word(value, ' ');
	struct sdp_extension extension = { .uri = sdp_scan_word(value, ' ') };
	struct sdp_scan id;
	sdp_scan_init(&id, (char *)left, strlen(left));
	const uint32_t number = sdp_scan_number(&id, '/', 4351);
	if (sdp_scan_left(&id) && !parse_direction(&extension.direction, sdp_scan_rest(&id)))
		value->bad = true;
	if (value->bad || id.bad || !number)
		return sdp_refuse(parser->error, SDP_MALFORMED, "malformed extmap");
	if (media->extension_count == SDP_EXTENSIONS_MAX)
		return sdp_refuse(parser->error, SDP_MALFORMED, "more than %d extmap lines",
				  SDP_EXTENSIONS_MAX);
	if (number > UINT8_MAX) /* 4096 and up: offered without an id of their own */
		return 0;
	extension.id = (uint8_t)number;
	media->extensions[media->extension_count++] = extension;
	return 0;
}

static struct sdp_codec *find_codec(struct sdp_media *media, uint32_t pt)
{
	for (unsigned i = 0; i < media->codec_count; i++)
		if (media->codecs[i].pt == pt)
			return &media->codecs[i];
	return NULL;
}

static int read_rtpmap(struct sdp_parser *parser, struct sdp_scan *value)
{
	const uint32_t pt = sdp_scan_number(value, ' ', 127);
	const char *name = sdp_scan_word(value, '/');
	const uint32_t clock = sdp_scan_number(value, '/', UINT32_MAX);
	const uint32_t channels = sdp_scan_left(value) ? sdp_scan_number(value, ' ', 255) : 1;
	if (value->bad)
		return sdp_refuse(parser->error, SDP_MALFORMED, "malformed rtpmap");
	struct sdp_codec *codec = find_codec(parser->media, pt);
	if (!codec)
		return 0;
	codec->name = name;
	codec->clock = clock;
	codec->channels = (uint8_t)channels;
	return 0;
}

static int read_fmtp(struct sdp_parser *parser, struct sdp_scan *value)
{
	const uint32_t pt = sdp_scan_number(value, ' ', 127);
	if (value->bad)
		return sdp_refuse(parser->error, SDP_MALFORMED, "malformed fmtp");
	struct sdp_codec *codec = find_codec(parser->media, pt);
	if (codec)
		codec->fmtp = sdp_scan_rest(value);
	return 0;
}

static int read_longest_packet(struct sdp_parser *parser, struct sdp_scan *value)
{
	const uint32_t ms = sdp_scan_number(value, ' ', UINT16_MAX);
	if (value->bad)
		return sdp_refuse(parser->error, SDP_MALFORMED, "malformed maxptime");
	parser->media->max_packet_ms = (uint16_t)ms;
	return 0;
}

static int read_feedback(struct sdp_parser *parser, struct sdp_scan *value)
{
	static const struct {
		const char *name;
		uint8_t bit;
	} kinds[] = {
		{ "nack", SDP_FB_NACK },      { "nack pli", SDP_FB_PLI },
		{ "ccm fir", SDP_FB_FIR },    { "transport-cc", SDP_FB_TRANSPORT_CC },
		{ "goog-remb", SDP_FB_REMB },
	};
	const bool all = sdp_scan_left(value) && *value->at == '*';
	uint32_t pt = 0;
	if (all)
		sdp_scan_word(value, ' ');
	else
		pt = sdp_scan_number(value, ' ', 127);
	if (value->bad)
		return sdp_refuse(parser->error, SDP_MALFORMED, "malformed rtcp-fb");
	const char *name = sdp_scan_rest(value);
	uint8_t bit = 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(name, kinds[i].name) == 0)
			bit = kinds[i].bit;
	struct sdp_media *media = parser->media;
	for (unsigned i = 0; i < media->codec_count; i++)
		if (all || media->codecs[i].pt == pt)
			media->codecs[i].feedback |= bit;
	return 0;
}

static bool contains(const uint32_t *list, unsigned count, uint32_t value)
{
	for (unsigned i = 0; i < count; i++)
		if (list[i] == value)
			return true;
	return false;
}

static int read_ssrc(struct sdp_parser *parser, struct sdp_scan *value)
{
	struct sdp_media *media = parser->media;
	const uint32_t ssrc = sdp_scan_number(value, ' ', UINT32_MAX);
	if (value->bad)
		return sdp_refuse(parser->error, SDP_MALFORMED, "malformed ssrc");
	if (media->ssrc_count == SDP_SSRCS_MAX || contains(media->ssrcs, media->ssrc_count, ssrc) ||
	    contains(parser->repairs, parser->repair_count, ssrc))
		return 0;
	media->ssrcs[media->ssrc_count++] = ssrc;
	return 0;
}

/* RFC 5576 §4.2: in FID the first is the stream, the others repair it. */
static int read_ssrc_group(struct sdp_parser *parser, struct sdp_scan *value)
{
	struct sdp_media *media = parser->media;
	if (strcmp(sdp_scan_word(value, ' '), "FID") != 0)
		return 0;
	sdp_scan_word(value, ' ');
	while (sdp_scan_left(value) && parser->repair_count < SDP_SSRCS_MAX)
		parser->repairs[parser->repair_count++] = sdp_scan_number(value, ' ', UINT32_MAX);
	if (value->bad)
		return sdp_refuse(parser->error, SDP_MALFORMED, "malformed ssrc-group");
	unsigned kept = 0;
	for (unsigned i = 0; i < media->ssrc_count; i++)
		if (!contains(parser->repairs, parser->repair_count, media->ssrcs[i]))
			media->ssrcs[kept++] = media->ssrcs[i];
	media->ssrc_count = kept;
	return 0;
}

static int read_rid(struct sdp_parser *parser, struct sdp_scan *value)
{
	struct sdp_media *media = parser->media;
	struct sdp_rid rid = { .id = sdp_scan_word(value, ' ') };
	const char *direction = sdp_scan_word(value, ' ');
	rid.send = strcmp(direction, "send") == 0;
	if (value->bad || !sdp_is_token(rid.id) || (!rid.send && strcmp(direction, "recv") != 0))
		return sdp_refuse(parser->error, SDP_MALFORMED, "malformed rid");
	if (media->rid_count == SDP_RIDS_MAX)
		return sdp_refuse(parser->error, SDP_MALFORMED, "more than %d rid lines",
				  SDP_RIDS_MAX);
	media->rids[media->rid_count++] = rid;
	return 0;
}

static int read_simulcast(struct sdp_parser *parser, struct sdp_scan *value)
{
	while (sdp_scan_left(value)) {
		const bool send = strcmp(sdp_scan_word(value, ' '), "send") == 0;
		sdp_scan_word(value, ' ');
		if (value->bad)
			return sdp_refuse(parser->error, SDP_MALFORMED, "malformed simulcast");
		parser->media->simulcast_send |= send;
	}
	return 0;
}

static int read_sctp_port(struct sdp_parser *parser, struct sdp_scan *value)
{
	parser->media->sctp_port = (uint16_t)sdp_scan_number(value, ' ', UINT16_MAX);
	return value->bad
		       ? sdp_refuse(parser->error, SDP_MALFORMED, "malformed sctp-port or sctpmap")
		       : 0;
}

static int read_message_size(struct sdp_parser *parser, struct sdp_scan *value)
{
	const uint32_t size = sdp_scan_number(value, ' ', UINT32_MAX);
	if (value->bad)
		return sdp_refuse(parser->error, SDP_MALFORMED, "malformed max-message-size");
	/* RFC 8841 §6.1: 0 means any size. */
	parser->media->max_message_size = size ? size : UINT32_MAX;
	return 0;
}

static int read_rtcp_xr(struct sdp_parser *parser, struct sdp_scan *value)
{
	if (strstr(sdp_scan_rest(value), "rcvr-rtt"))
		parser->media->rcvr_rtt = true;
	return 0;
}

static int read_ice_lite(struct sdp_parser *parser, struct sdp_scan *value)
{
	(void)value;
	parser->sdp->ice_lite = true;
	return 0;
}

static int read_flag(struct sdp_parser *parser, const char *name)
{
	struct sdp_media *media = parser->media;
	if (parse_direction(&media->direction, name))
		return 0;
	if (strcmp(name, "rtcp-mux") == 0)
		media->rtcp_mux = true;
	else if (strcmp(name, "bundle-only") == 0)
		media->bundle_only = true;
	else if (strcmp(name, "end-of-candidates") == 0)
		media->end_of_candidates = true;
	return 0;
}

static const struct attribute attributes[] = {
	{ "candidate", false, read_candidate },
	{ "group", true, read_group },
	{ "ice-lite", true, read_ice_lite },
	{ "mid", false, read_mid },
	{ "extmap", false, read_extmap },
	{ "rtpmap", false, read_rtpmap },
	{ "fmtp", false, read_fmtp },
	{ "maxptime", false, read_longest_packet },
	{ "rtcp-fb", false, read_feedback },
	{ "rtcp-xr", false, read_rtcp_xr },
	{ "ssrc", false, read_ssrc },
	{ "ssrc-group", false, read_ssrc_group },
	{ "rid", false, read_rid },
	{ "simulcast", false, read_simulcast },
	{ "sctp-port", false, read_sctp_port },
	{ "sctpmap", false, read_sctp_port },
	{ "max-message-size", false, read_message_size },
};

int sdp_attribute(struct sdp_parser *parser, struct sdp_scan *line)
{
	const char *name = sdp_scan_word(line, ':');
	if (line->bad)
		return sdp_refuse(parser->error, SDP_MALFORMED, "attribute without a name");
	struct sdp_transport *transport =
		parser->media ? &parser->media->transport : &parser->sdp->transport;
	const int done = sdp_transport_attribute(transport, name, line, parser->error);
	if (done)
		return done < 0 ? done : 0;
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		if (strcmp(name, attributes[i].name) == 0)
			return parser->media || attributes[i].session
				       ? attributes[i].read(parser, line)
				       : 0;
	}
	return parser->media ? read_flag(parser, name) : 0;
}
