#include "media/transcoder/stage.h"

#include "server/core/alloc.h"

#include <errno.h>
#include <gst/video/video.h>
#include <stdbool.h>
#include <stdlib.h>

struct stage {
	GstElement *bin;
	GstPad *in; /* ours, linked to the bin's sink */
	GstPad *out; /* ours, behind the bin's source */
	const struct stage_ops *ops;
	void *arg;
};

int stage_load_plugin(const char *name)
{
	GstRegistry *registry = gst_registry_get();
	g_autofree char *path = g_strdup_printf("%s/libgst%s.so", SOUK_GST_PLUGIN_DIR, name);
	GError *error = NULL;
	GstPlugin *plugin = gst_plugin_load_file(path, &error);
	if (!plugin) {
		g_printerr("souk-transcoder: %s\n", error->message);
		g_error_free(error);
		return -ENOENT;
	}
	gst_registry_add_plugin(registry, plugin);
	gst_object_unref(plugin);
	return 0;
}

GstCaps *stage_caps(const char *text, const uint8_t *codec_data, size_t len)
{
	GstCaps *caps = gst_caps_from_string(text);
	if (!caps || !codec_data)
		return caps;
	GstBuffer *data = gst_buffer_new_memdup(codec_data, len);
	gst_caps_set_simple(caps, "codec_data", GST_TYPE_BUFFER, data, NULL);
	gst_buffer_unref(data);
	return caps;
}

static GstFlowReturn on_buffer(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
	(void)parent;
	struct stage *stage = gst_pad_get_element_private(pad);
	stage->ops->buffer(buffer, stage->arg);
	gst_buffer_unref(buffer);
	return GST_FLOW_OK;
}

static gboolean on_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
	(void)parent;
	struct stage *stage = gst_pad_get_element_private(pad);
	if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS && stage->ops->caps) {
		GstCaps *caps;
		gst_event_parse_caps(event, &caps);
		stage->ops->caps(caps, stage->arg);
	}
	gst_event_unref(event);
	return TRUE;
}

/* A pad of ours that accepts just these caps. */
static GstPad *pad_create(const char *name, GstPadDirection direction, GstCaps *caps)
{
	GstPadTemplate *template = gst_pad_template_new(name, direction, GST_PAD_ALWAYS, caps);
	GstPad *pad = gst_pad_new_from_template(template, name);
	gst_object_unref(template);
	return pad;
}

static int link_pads(struct stage *stage)
{
	GstPad *first = gst_element_get_static_pad(stage->bin, "sink");
	GstPad *last = gst_element_get_static_pad(stage->bin, "src");
	const bool linked = first && last && gst_pad_link(stage->in, first) == GST_PAD_LINK_OK &&
			    gst_pad_link(last, stage->out) == GST_PAD_LINK_OK;
	g_clear_object(&first);
	g_clear_object(&last);
	return linked ? 0 : -EINVAL;
}

/* What every stream starts with, GStreamer's "sticky" events in their order. */
static int start_stream(struct stage *stage, GstCaps *caps)
{
	GstSegment segment;
	gst_segment_init(&segment, GST_FORMAT_TIME);
	const bool started = gst_pad_push_event(stage->in, gst_event_new_stream_start("souk")) &&
			     gst_pad_push_event(stage->in, gst_event_new_caps(caps)) &&
			     gst_pad_push_event(stage->in, gst_event_new_segment(&segment));
	return started ? 0 : -EINVAL;
}

static int build(struct stage *stage, const struct stage_params *params, GstCaps *out)
{
	GError *error = NULL;
	stage->bin = gst_parse_bin_from_description(params->elements, TRUE, &error);
	if (error) {
		g_printerr("souk-transcoder: %s\n", error->message);
		g_error_free(error);
		return -ENOENT;
	}
	gst_object_ref_sink(stage->bin);
	stage->in = gst_pad_new("src", GST_PAD_SRC);
	stage->out = pad_create("sink", GST_PAD_SINK, out);
	gst_pad_set_element_private(stage->out, stage);
	gst_pad_set_chain_function(stage->out, on_buffer);
	gst_pad_set_event_function(stage->out, on_event);
	if (link_pads(stage))
		return -EINVAL;
	gst_pad_set_active(stage->out, TRUE);
	if (gst_element_set_state(stage->bin, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
		return -EINVAL;
	gst_pad_set_active(stage->in, TRUE);
	return start_stream(stage, params->in);
}

int stage_create(struct stage **out, const struct stage_params *params)
{
	struct stage *stage = xcalloc(1, sizeof(*stage));
	stage->ops = params->ops;
	stage->arg = params->arg;
	GstCaps *caps = gst_caps_from_string(params->out);
	const int err = params->in && caps ? build(stage, params, caps) : -EINVAL;
	gst_clear_caps(&caps);
	if (err)
		goto fail;
	*out = stage;
	return 0;
fail:
	stage_destroy(stage);
	return err;
}

int stage_change(struct stage *stage, GstCaps *in)
{
	return gst_pad_push_event(stage->in, gst_event_new_caps(in)) ? 0 : -EINVAL;
}

int stage_push(struct stage *stage, GstBuffer *buffer)
{
	return gst_pad_push(stage->in, buffer) == GST_FLOW_OK ? 0 : -EBADMSG;
}

void stage_drain(struct stage *stage)
{
	gst_pad_push_event(stage->in, gst_event_new_eos());
}

void stage_force_key(struct stage *stage)
{
	gst_pad_push_event(stage->in, gst_video_event_new_downstream_force_key_unit(
					      GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE,
					      GST_CLOCK_TIME_NONE, FALSE, 0));
}

void stage_destroy(struct stage *stage)
{
	if (!stage)
		return;
	if (stage->in)
		gst_pad_set_active(stage->in, FALSE);
	if (stage->bin)
		gst_element_set_state(stage->bin, GST_STATE_NULL);
	if (stage->out)
		gst_pad_set_active(stage->out, FALSE);
	g_clear_object(&stage->in);
	g_clear_object(&stage->bin);
	g_clear_object(&stage->out);
	free(stage);
}
