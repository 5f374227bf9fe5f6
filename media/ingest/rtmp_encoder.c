#include "media/ingest/rtmp_encoder.h"

#include "media/ingest/amf0.h"

#include <errno.h>
#include <string.h>

enum { CAPS_RECONNECT = 1 }; /* E-RTMP v2, capsEx */

static void keep_name(struct rtmp_encoder *encoder, const struct amf0_text *text)
{
	const size_t len = text->len < RTMP_ENCODER_MAX ? text->len : RTMP_ENCODER_MAX;
	for (size_t i = 0; i < len; i++)
		encoder->name[i] =
			text->data[i] >= ' ' && text->data[i] < 0x7f ? text->data[i] : '?';
	encoder->name[len] = '\0';
}

/* A room or token of app and tcUrl that cannot be is as good as none: publish has the last word. */
static void keep_place(struct rtmp_encoder *encoder, const struct amf0_text *text)
{
	struct rtmp_name name;
	if (rtmp_name_parse(&name, text->data, text->len))
		return;
	if (name.token[0])
		memcpy(encoder->place.token, name.token, sizeof(name.token));
	/* "live" alone is the app; "live/demo" names a room */
	if (memchr(text->data, '/', text->len) && strcmp(name.room, "live") != 0)
		memcpy(encoder->place.room, name.room, sizeof(name.room));
}

/* What the encoder says of its codecs does not matter, since legacy H.264 and AAC are never among
 * them: what it sends will be judged. */
static bool is_extension(const struct amf0_text *key)
{
	return amf0_text_is(key, "fourCcList") || amf0_text_is(key, "videoFourCcInfoMap") ||
	       amf0_text_is(key, "audioFourCcInfoMap") || amf0_text_is(key, "capsEx");
}

static int read_connect_value(struct rtmp_encoder *encoder, const struct amf0_text *key,
			      struct bits *bits)
{
	encoder->extended = encoder->extended || is_extension(key);
	struct bits ahead = *bits;
	struct amf0_text text;
	double number;
	if (!amf0_string(&ahead, &text)) {
		if (amf0_text_is(key, "flashVer"))
			keep_name(encoder, &text);
		else if (amf0_text_is(key, "app") || amf0_text_is(key, "tcUrl"))
			keep_place(encoder, &text);
	} else if (!amf0_number(&ahead, &number) && amf0_text_is(key, "capsEx")) {
		encoder->reconnects =
			number >= 0 && number < 256 && ((unsigned)number & CAPS_RECONNECT);
	}
	return amf0_skip(bits);
}

int rtmp_encoder_read_connect(struct rtmp_encoder *encoder, struct bits *bits)
{
	struct amf0_text key;
	int more;
	if (amf0_enter(bits))
		return -EPROTO;
	while ((more = amf0_key(bits, &key)) == 1) {
		if (read_connect_value(encoder, &key, bits))
			return -EPROTO;
	}
	return more ? -EPROTO : 0;
}

void rtmp_encoder_read_data(struct rtmp_encoder *encoder, struct bits *bits)
{
	struct amf0_text text;
	while (!amf0_string(bits, &text))
		;
	if (amf0_enter(bits))
		return;
	while (amf0_key(bits, &text) == 1) {
		struct amf0_text value;
		struct bits ahead = *bits;
		if (amf0_text_is(&text, "encoder") && !amf0_string(&ahead, &value))
			keep_name(encoder, &value);
		if (amf0_skip(bits))
			return;
	}
}
