#include "signaling/sdp.h"

#include "server/core/alloc.h"
#include "signaling/sdp_attributes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int sdp_refuse(struct sdp_error *error, enum sdp_fault fault, const char *format, ...)
{
	error->fault = fault;
	va_list args;
	va_start(args, format);
	vsnprintf(error->detail, sizeof(error->detail), format, args);
	va_end(args);
	return fault == SDP_TOO_LARGE ? -EMSGSIZE : -EINVAL;
}

static enum sdp_kind kind_of(const char *name)
{
	static const char *const names[] = { "audio", "video", "application" };
	for (int i = 0; i < SDP_OTHER; i++)
		if (strcmp(name, names[i]) == 0)
			return (enum sdp_kind)i;
	return SDP_OTHER;
}

static int read_formats(struct sdp_media *media, struct sdp_scan formats, struct sdp_error *error)
{
	while (sdp_scan_left(&formats)) {
		const uint8_t pt = (uint8_t)sdp_scan_number(&formats, ' ', 127);
		if (formats.bad)
			return sdp_refuse(error, SDP_MALFORMED, "payload type is not 0 to 127");
		if (media->codec_count == SDP_CODECS_MAX)
			return sdp_refuse(error, SDP_MALFORMED,
					  "more than %d payload types in one m-line",
					  SDP_CODECS_MAX);
		media->codecs[media->codec_count++] =
			(struct sdp_codec){ .pt = pt, .channels = 1, .name = "", .fmtp = "" };
	}
	return 0;
}

/* RFC 8866 §5.14: m=<media> <port> <proto> <fmt> ... */
static int read_media(struct sdp_parser *parser, struct sdp_scan *line, struct sdp_scan *spare)
{
	struct sdp *sdp = parser->sdp;
	if (sdp->media_count == SDP_MEDIA_MAX)
		return sdp_refuse(parser->error, SDP_MALFORMED, "more than %d m-lines",
				  SDP_MEDIA_MAX);
	struct sdp_media *media = &sdp->media[sdp->media_count];
	*media = (struct sdp_media){ .mid = "", .max_message_size = 65536 };
	media->kind_name = sdp_scan_word(line, ' ');
	media->port = (uint16_t)sdp_scan_number(line, ' ', UINT16_MAX);
	media->protocol = sdp_scan_word(line, ' ');
	/* The answer repeats kind and protocol, so they must not be a way to blow it up. */
	if (line->bad || !sdp_scan_left(line) || !sdp_is_token(media->kind_name) ||
	    strlen(media->protocol) > SDP_TOKEN_MAX)
		return sdp_refuse(parser->error, SDP_MALFORMED, "malformed m-line");
	media->kind = kind_of(media->kind_name);
	/* The words of the list are terminated in place, the answer needs it whole: read a copy. */
	const size_t len = sdp_scan_left(line);
	memcpy(spare->at, line->at, len + 1);
	struct sdp_scan formats;
	sdp_scan_init(&formats, spare->at, len);
	media->formats = sdp_scan_rest(line);
	sdp->media_count++;
	parser->media = media;
	parser->repair_count = 0;
	if (media->kind == SDP_APPLICATION && strncmp(media->formats, "webrtc-", 7) != 0) {
		/* The old form has the port itself as the format: DTLS/SCTP 5000. */
		media->sctp_port = (uint16_t)sdp_scan_number(&formats, ' ', UINT16_MAX);
		return 0;
	}
	return strstr(media->protocol, "RTP/") ? read_formats(media, formats, parser->error) : 0;
}

static int read_line(struct sdp_parser *parser, struct sdp_scan *line, struct sdp_scan *spare)
{
	if (sdp_scan_left(line) > SDP_LINE_MAX)
		return sdp_refuse(parser->error, SDP_MALFORMED, "longer than %d bytes",
				  SDP_LINE_MAX);
	const char *type = sdp_scan_word(line, '=');
	if (line->bad || type[1] || type[0] < 'a' || type[0] > 'z')
		return sdp_refuse(parser->error, SDP_MALFORMED, "not of the form x=...");
	if (type[0] == 'm')
		return read_media(parser, line, spare);
	return type[0] == 'a' ? sdp_attribute(parser, line) : 0;
}

static int read_lines(struct sdp_parser *parser, struct sdp_scan *text)
{
	char copy[SDP_LINE_MAX + 1];
	struct sdp_scan spare;
	sdp_scan_init(&spare, copy, SDP_LINE_MAX);
	struct sdp_scan line;
	for (unsigned number = 1; sdp_scan_line(text, &line); number++) {
		int err = 0;
		if (text->bad)
			err = sdp_refuse(parser->error, SDP_MALFORMED,
					 "carriage return or NUL within the line");
		else if (number == 1 && strcmp(line.at, "v=0") != 0)
			err = sdp_refuse(parser->error, SDP_MALFORMED, "not v=0");
		else if (sdp_scan_left(&line))
			err = read_line(parser, &line, &spare);
		if (err) {
			const struct sdp_error inner = *parser->error;
			return sdp_refuse(parser->error, inner.fault, "line %u: %s", number,
					  inner.detail);
		}
	}
	return 0;
}

static struct sdp_media *find_media(struct sdp *sdp, const char *mid)
{
	for (unsigned i = 0; i < sdp->media_count; i++)
		if (strcmp(sdp->media[i].mid, mid) == 0)
			return &sdp->media[i];
	return NULL;
}

static int check_mids(struct sdp *sdp, struct sdp_error *error)
{
	if (!sdp->media_count)
		return sdp_refuse(error, SDP_MALFORMED, "no m-line");
	for (unsigned i = 0; i < sdp->media_count; i++) {
		struct sdp_media *media = &sdp->media[i];
		if (!*media->mid)
			return sdp_refuse(error, SDP_MALFORMED, "m-line %u has no mid", i + 1);
		if (find_media(sdp, media->mid) != media)
			return sdp_refuse(error, SDP_MALFORMED, "two m-lines have the same mid");
	}
	return 0;
}

static bool is_rejected(const struct sdp_media *media)
{
	return media->port == 0 && !media->bundle_only;
}

static int resolve_bundle(struct sdp_parser *parser)
{
	struct sdp *sdp = parser->sdp;
	bool first = true;
	for (unsigned i = 0; i < parser->bundle_count; i++) {
		struct sdp_media *media = find_media(sdp, parser->bundle[i]);
		if (!media)
			return sdp_refuse(parser->error, SDP_MALFORMED,
					  "the bundle group names a mid that is not there");
		if (media->bundled)
			return sdp_refuse(parser->error, SDP_MALFORMED,
					  "the bundle group names a mid twice");
		media->bundled = true;
		if (first && !is_rejected(media)) {
			sdp->bundle_first = (unsigned)(media - sdp->media);
			first = false;
		}
	}
	return 0;
}

static void inherit_transport(struct sdp_transport *to, const struct sdp_transport *from)
{
	if (!to->ufrag && !to->pwd) {
		to->ufrag = from->ufrag;
		to->pwd = from->pwd;
	}
	if (to->setup == SDP_SETUP_NONE)
		to->setup = from->setup;
	to->trickle |= from->trickle;
	if (!to->has_fingerprint && !to->foreign_fingerprint) {
		to->has_fingerprint = from->has_fingerprint;
		to->foreign_fingerprint = from->foreign_fingerprint;
		memcpy(to->fingerprint, from->fingerprint, SHA256_SIZE);
	}
}

int sdp_parse(struct sdp **out, const char *text, size_t len, struct sdp_error *error)
{
	*error = (struct sdp_error){ .fault = SDP_OK };
	if (len > SDP_SIZE_MAX)
		return sdp_refuse(error, SDP_TOO_LARGE, "more than %d bytes", SDP_SIZE_MAX);
	struct sdp *sdp = xcalloc(1, sizeof(*sdp));
	struct sdp_parser parser = { .sdp = sdp, .error = error };
	struct sdp_scan scan;
	sdp->text = xcalloc(1, len + 1);
	if (len)
		memcpy(sdp->text, text, len);
	sdp_scan_init(&scan, sdp->text, len);
	int err = read_lines(&parser, &scan);
	if (!err)
		err = check_mids(sdp, error);
	if (!err)
		err = resolve_bundle(&parser);
	if (err) {
		sdp_destroy(sdp);
		return err;
	}
	for (unsigned i = 0; i < sdp->media_count; i++)
		inherit_transport(&sdp->media[i].transport, &sdp->transport);
	*out = sdp;
	return 0;
}

void sdp_destroy(struct sdp *sdp)
{
	if (!sdp)
		return;
	free(sdp->text);
	free(sdp);
}
