#include "load-tests/publish/source.h"

#include "load-tests/publish/source_frame.h"
#include "media/frame.h"
#include "server/core/alloc.h"

#include <errno.h>
#include <gst/app/gstappsink.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TRACKS = 2, FPS_GUESS = 30, SINK_BUFFERS_MAX = 64 };

struct sink {
	struct source *source;
	GstAppSink *app; /* NULL: the pipeline has none */
	struct source_track track;
	bool linked;
};

struct source {
	GstElement *pipeline;
	GstElement *encoder; /* NULL: it cannot be told */
	struct sink sinks[TRACKS]; /* picture, sound */
	guint bus_watch;
	bool started;
	bool told; /* ready() was called */
	const struct source_ops *ops;
	void *arg;
};

/* ---- frames ---- */

static int64_t capture_us(const struct source *source, GstSample *sample)
{
	const GstClockTime pts = GST_BUFFER_PTS(gst_sample_get_buffer(sample));
	const GstClockTime running =
		gst_segment_to_running_time(gst_sample_get_segment(sample), GST_FORMAT_TIME, pts);
	if (!GST_CLOCK_TIME_IS_VALID(running))
		return -1;
	/* The pipeline runs on the system's clock, which is CLOCK_MONOTONIC. */
	return (int64_t)((gst_element_get_base_time(source->pipeline) + running) / 1000);
}

/* In the main context, once for each sample that the appsink has announced. */
static gboolean take_sample(gpointer arg)
{
	struct sink *sink = arg;
	struct source *source = sink->source;
	GstSample *sample = gst_app_sink_try_pull_sample(sink->app, 0);
	if (!sample)
		return G_SOURCE_REMOVE;
	struct frame *frame = source_track_frame(&sink->track, sample);
	const int64_t at_us = frame ? capture_us(source, sample) : -1;
	gst_sample_unref(sample);
	if (frame && at_us >= 0)
		source->ops->frame(source->arg, frame, at_us);
	else if (frame)
		frame_unref(frame);
	return G_SOURCE_REMOVE;
}

/* In a thread of GStreamer's: only passes the word on. */
static GstFlowReturn on_sample(GstAppSink *app, gpointer arg)
{
	(void)app;
	GSource *idle = g_idle_source_new();
	g_source_set_priority(idle, G_PRIORITY_HIGH);
	g_source_set_callback(idle, take_sample, arg, NULL);
	/* Removed with all others of this sink in source_destroy(). */
	g_source_attach(idle, NULL);
	g_source_unref(idle);
	return GST_FLOW_OK;
}

/* ---- what there is ---- */

static void tell_ready(struct source *source)
{
	const bool video = source->sinks[0].linked, audio = source->sinks[1].linked;
	if (source->told)
		return;
	source->told = true;
	if (video || audio)
		source->ops->ready(source->arg, video, audio);
	else
		source->ops->ended(source->arg, "there is neither picture nor sound in it");
}

/* A sink that never gets anything would keep the end of the file from being told. */
static void drop_sink(struct source *source, struct sink *sink)
{
	gst_element_set_state(GST_ELEMENT(sink->app), GST_STATE_NULL);
	gst_bin_remove(GST_BIN(source->pipeline), GST_ELEMENT(sink->app));
	g_clear_object(&sink->app);
}

/* A file's decoder has found all of its streams: which of our branches got one? */
static void find_streams(struct source *source)
{
	static const char *const names[TRACKS] = { "picture_in", "sound_in" };
	for (unsigned i = 0; i < TRACKS; i++) {
		GstElement *first = gst_bin_get_by_name(GST_BIN(source->pipeline), names[i]);
		if (!first)
			continue;
		GstPad *pad = gst_element_get_static_pad(first, "sink");
		source->sinks[i].linked = gst_pad_is_linked(pad);
		gst_object_unref(pad);
		gst_object_unref(first);
		if (!source->sinks[i].linked)
			drop_sink(source, &source->sinks[i]);
	}
	tell_ready(source);
}

/* In a thread of GStreamer's. */
static void on_no_more_pads(GstElement *decoder, gpointer arg)
{
	struct source *source = arg;
	(void)decoder;
	gst_element_post_message(
		source->pipeline,
		gst_message_new_application(GST_OBJECT(source->pipeline),
					    gst_structure_new_empty("souk-streams-known")));
}

static gboolean on_message(GstBus *bus, GstMessage *message, gpointer arg)
{
	struct source *source = arg;
	GError *error = NULL;
	(void)bus;
	switch (GST_MESSAGE_TYPE(message)) {
	case GST_MESSAGE_APPLICATION:
		find_streams(source);
		break;
	case GST_MESSAGE_EOS:
		source->ops->ended(source->arg, NULL);
		break;
	case GST_MESSAGE_ERROR:
		gst_message_parse_error(message, &error, NULL);
		source->ops->ended(source->arg, error->message);
		g_error_free(error);
		break;
	default:
		break;
	}
	return G_SOURCE_CONTINUE;
}

/* ---- the pipeline ---- */

/* GStreamer's notation quotes with double quotes and backslashes. */
static char *quoted(const char *text)
{
	GString *out = g_string_new("\"");
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			g_string_append_c(out, '\\');
		g_string_append_c(out, *text);
	}
	g_string_append_c(out, '"');
	return g_string_free(out, FALSE);
}

/*
 * clocksync in front of the encoders holds the file to real time. No B-frames, no lookahead; the
 * small VBV keeps keyframes from filling a narrow path. Sound comes in pieces of 10 ms, as from a
 * microphone: in those of a file (AAC: 21 or 23 ms) packets of 20 ms have jitter of as much, for
 * which viewers wait.
 */
static char *file_pipeline(const struct source_options *options)
{
	g_autofree char *file = quoted(options->file);
	return g_strdup_printf(
		"filesrc location=%s ! decodebin name=decoder "
		"decoder. ! videoconvert name=picture_in ! video/x-raw,format=I420 ! queue ! clocksync ! "
		"x264enc name=video tune=zerolatency speed-preset=veryfast key-int-max=%" PRId64
		" vbv-buf-capacity=300 bitrate=%" PRId64 " ! "
		"video/x-h264,profile=constrained-baseline ! appsink name=picture "
		"decoder. ! audioconvert name=sound_in ! audioresample ! "
		"audio/x-raw,rate=48000,channels=2 ! "
		"audiobuffersplit output-buffer-duration=1/100 ! queue ! clocksync ! "
		"opusenc bitrate=64000 ! appsink name=sound",
		file, options->key_interval_s * FPS_GUESS, options->video_bps / 1000);
}

static void open_sink(struct source *source, unsigned index, const char *name)
{
	static const GstAppSinkCallbacks callbacks = { .new_sample = on_sample };
	struct sink *sink = &source->sinks[index];
	GstElement *element = gst_bin_get_by_name(GST_BIN(source->pipeline), name);
	sink->source = source;
	sink->track.video = index == 0;
	if (!element || !GST_IS_APP_SINK(element)) {
		g_clear_object(&element);
		return;
	}
	sink->app = GST_APP_SINK(element);
	sink->linked = true;
	GstCaps *caps = gst_caps_from_string(source_track_caps(sink->track.video));
	/* Not async: a branch without data must not keep the others from running. */
	g_object_set(element, "caps", caps, "sync", FALSE, "async", FALSE, "max-buffers",
		     (guint)SINK_BUFFERS_MAX, NULL);
	gst_caps_unref(caps);
	gst_app_sink_set_callbacks(sink->app, (GstAppSinkCallbacks *)&callbacks, sink, NULL);
}

static int fail(char **error, const char *text)
{
	*error = xstrdup(text);
	return -EINVAL;
}

static int build(struct source *source, const struct source_options *options, char **error)
{
	GError *problem = NULL;
	g_autofree char *text =
		options->file ? file_pipeline(options) : g_strdup(options->pipeline);
	source->pipeline = gst_parse_launch_full(text, NULL, GST_PARSE_FLAG_FATAL_ERRORS, &problem);
	if (problem) {
		const int err = fail(error, problem->message);
		g_error_free(problem);
		return err;
	}
	if (!GST_IS_PIPELINE(source->pipeline))
		return fail(error, "the pipeline is a single element");
	open_sink(source, 0, "picture");
	open_sink(source, 1, "sound");
	if (!source->sinks[0].app && !source->sinks[1].app)
		return fail(error, "the pipeline has no appsink called picture or sound");
	source->encoder = gst_bin_get_by_name(GST_BIN(source->pipeline), "video");
	GstClock *clock = gst_system_clock_obtain();
	gst_pipeline_use_clock(GST_PIPELINE(source->pipeline), clock);
	gst_object_unref(clock);
	GstBus *bus = gst_pipeline_get_bus(GST_PIPELINE(source->pipeline));
	source->bus_watch = gst_bus_add_watch(bus, on_message, source);
	gst_object_unref(bus);
	GstElement *decoder =
		options->file ? gst_bin_get_by_name(GST_BIN(source->pipeline), "decoder") : NULL;
	if (decoder) {
		source->sinks[0].linked = source->sinks[1].linked = false;
		g_signal_connect(decoder, "no-more-pads", G_CALLBACK(on_no_more_pads), source);
		gst_object_unref(decoder);
	}
	return 0;
}

static gboolean tell_pipeline_ready(gpointer arg)
{
	tell_ready(arg);
	return G_SOURCE_REMOVE;
}

int source_create(struct source **out, const struct source_options *options, char **error)
{
	struct source *source = xcalloc(1, sizeof(*source));
	source->ops = options->ops;
	source->arg = options->arg;
	gst_init(NULL, NULL);
	const int err = build(source, options, error);
	if (err) {
		source_destroy(source);
		return err;
	}
	source_set_bitrate(source, options->video_bps);
	/* What a file holds is known when its decoder has looked at it. */
	if (options->file)
		gst_element_set_state(source->pipeline, GST_STATE_PAUSED);
	else
		g_idle_add(tell_pipeline_ready, source);
	*out = source;
	return 0;
}

void source_start(struct source *source)
{
	if (source->started)
		return;
	source->started = true;
	gst_element_set_state(source->pipeline, GST_STATE_PLAYING);
}

/* ---- commands ---- */

bool source_set_bitrate(struct source *source, int64_t video_bps)
{
	static const struct {
		const char *factory;
		int64_t unit; /* bit/s in 1 of its property */
	} encoders[] = {
		{ "x264enc", 1000 },      { "openh264enc", 1 },  { "vah264enc", 1000 },
		{ "vaapih264enc", 1000 }, { "nvh264enc", 1000 },
	};
	GstElementFactory *factory =
		source->encoder ? gst_element_get_factory(source->encoder) : NULL;
	if (!factory)
		return false;
	const char *name = gst_plugin_feature_get_name(GST_PLUGIN_FEATURE(factory));
	for (unsigned i = 0; i < G_N_ELEMENTS(encoders); i++) {
		if (strcmp(name, encoders[i].factory) != 0)
			continue;
		g_object_set(source->encoder, "bitrate", (guint)(video_bps / encoders[i].unit),
			     NULL);
		return true;
	}
	return false;
}

void source_request_key(struct source *source)
{
	if (!source->sinks[0].app || !source->started)
		return;
	/* What gst_video_event_new_upstream_force_key_unit() makes. */
	GstStructure *structure =
		gst_structure_new("GstForceKeyUnit", "all-headers", G_TYPE_BOOLEAN, TRUE, "count",
				  G_TYPE_UINT, 0, NULL);
	GstPad *pad = gst_element_get_static_pad(GST_ELEMENT(source->sinks[0].app), "sink");
	gst_pad_push_event(pad, gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, structure));
	gst_object_unref(pad);
}

void source_destroy(struct source *source)
{
	if (!source)
		return;
	if (source->pipeline)
		gst_element_set_state(source->pipeline, GST_STATE_NULL);
	if (source->bus_watch)
		g_source_remove(source->bus_watch);
	for (unsigned i = 0; i < TRACKS; i++) {
		while (g_source_remove_by_user_data(&source->sinks[i]))
			;
		g_clear_object(&source->sinks[i].app);
		source_track_finish(&source->sinks[i].track);
	}
	while (g_source_remove_by_user_data(source))
		;
	g_clear_object(&source->encoder);
	g_clear_object(&source->pipeline);
	free(source);
}
