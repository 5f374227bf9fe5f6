#include "media/transcoder/encoder.h"

#include "media/transcoder/stage.h"
#include "server/core/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct encoder_kind {
	const char *name;
	bool device;
	const char *plugins[3];
	const char *before; /* elements that bring its input into shape */
	const char *options;
	const char *preset_option; /* NULL: it has no such */
	unsigned rate_unit; /* bits a second in its `bitrate` */
	const char *after; /* elements that bring its output into shape */
};

#define FOR_DEVICES "videoconvertscale", "videoparsersbad"

/*
 * Sliced threads would cut a picture into several slices, more threads would hold pictures back.
 * The small VBV bounds the burst of a keyframe: a quarter of a second's bits.
 */
static const struct encoder_kind kinds[] = {
	{ "x264enc",
	  false,
	  { "x264" },
	  "",
	  "tune=zerolatency threads=1 sliced-threads=false key-int-max=1000000000 "
	  "vbv-buf-capacity=250 option-string=scenecut=0",
	  "speed-preset",
	  1000,
	  "" },
	{ "openh264enc",
	  false,
	  { "openh264", "videoparsersbad" },
	  "",
	  "complexity=low rate-control=bitrate multi-thread=1 slice-mode=n-slices num-slices=1 "
	  "gop-size=1000000000 scene-change-detection=false background-detection=false",
	  NULL,
	  1,
	  " ! h264parse" },
	{ "vah264enc",
	  true,
	  { "va", FOR_DEVICES },
	  "videoconvert ! ",
	  "rate-control=cbr b-frames=0 ref-frames=1 key-int-max=1024",
	  NULL,
	  1000,
	  " ! h264parse" },
	{ "vah264lpenc",
	  true,
	  { "va", FOR_DEVICES },
	  "videoconvert ! ",
	  "rate-control=cbr b-frames=0 ref-frames=1 key-int-max=1024",
	  NULL,
	  1000,
	  " ! h264parse" },
	{ "nvh264enc",
	  true,
	  { "nvcodec", FOR_DEVICES },
	  "videoconvert ! ",
	  "rc-mode=cbr zerolatency=true bframes=0 gop-size=-1 preset=low-latency-hq",
	  NULL,
	  1000,
	  " ! h264parse" },
	{ "qsvh264enc",
	  true,
	  { "qsv", FOR_DEVICES },
	  "videoconvert ! ",
	  "rate-control=cbr b-frames=0 low-latency=true ref-frames=1 gop-size=65535 idr-interval=0",
	  NULL,
	  1000,
	  " ! h264parse" },
};

static const char stream_caps[] =
	"video/x-h264,stream-format=avc,alignment=au,profile=constrained-baseline";

struct encoder {
	struct encoder_params params;
	struct stage *stage;
};

const struct encoder_kind *encoder_kind(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	}
	return NULL;
}

bool encoder_has_device(const struct encoder_kind *kind)
{
	return kind->device;
}

int encoder_load_plugins(const struct encoder_kind *kind)
{
	int err = 0;
	for (size_t i = 0; !err && i < G_N_ELEMENTS(kind->plugins) && kind->plugins[i]; i++)
		err = stage_load_plugin(kind->plugins[i]);
	return err;
}

static void on_caps(GstCaps *caps, void *arg)
{
	struct encoder *encoder = arg;
	const GValue *value =
		gst_structure_get_value(gst_caps_get_structure(caps, 0), "codec_data");
	GstMapInfo map;
	if (!value || !gst_buffer_map(gst_value_get_buffer(value), &map, GST_MAP_READ))
		return;
	encoder->params.config(map.data, map.size, encoder->params.arg);
	gst_buffer_unmap(gst_value_get_buffer(value), &map);
}

static void on_buffer(GstBuffer *buffer, void *arg)
{
	struct encoder *encoder = arg;
	GstMapInfo map;
	if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
		return;
	encoder->params.frame(map.data, map.size, GST_BUFFER_PTS(buffer),
			      !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT),
			      encoder->params.arg);
	gst_buffer_unmap(buffer, &map);
}

static const struct stage_ops stage_ops = { .caps = on_caps, .buffer = on_buffer };

static char *elements(const struct encoder_params *params)
{
	const struct encoder_kind *kind = params->kind;
	char *preset = kind->preset_option
			       ? xasprintf(" %s=%s", kind->preset_option, params->preset)
			       : xstrdup("");
	char *text = xasprintf("%s%s %s%s bitrate=%u%s", kind->before, kind->name, kind->options,
			       preset, params->bps / kind->rate_unit, kind->after);
	free(preset);
	return text;
}

int encoder_create(struct encoder **out, const struct encoder_params *params)
{
	struct encoder *encoder = xcalloc(1, sizeof(*encoder));
	encoder->params = *params;
	char *text = elements(params);
	const struct stage_params stage = {
		.elements = text,
		.in = params->pictures,
		.out = stream_caps,
		.ops = &stage_ops,
		.arg = encoder,
	};
	const int err = stage_create(&encoder->stage, &stage);
	free(text);
	if (err)
		goto fail;
	*out = encoder;
	return 0;
fail:
	encoder_destroy(encoder);
	return err;
}

int encoder_push(struct encoder *encoder, GstBuffer *picture, bool key)
{
	if (key)
		stage_force_key(encoder->stage);
	return stage_push(encoder->stage, picture);
}

void encoder_destroy(struct encoder *encoder)
{
	if (!encoder)
		return;
	stage_destroy(encoder->stage);
	free(encoder);
}
