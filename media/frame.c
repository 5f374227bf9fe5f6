#include "media/frame.h"

#include "media/rtp/rtp_image.h"
#include "server/core/alloc.h"

#include <stdlib.h>

struct media_config *media_config_create(enum codec codec, struct buf *header)
{
	struct media_config *config = xcalloc(1, sizeof(*config));
	atomic_init(&config->refs, 1);
	config->codec = codec;
	config->header = header;
	return config;
}

struct media_config *media_config_ref(struct media_config *config)
{
	atomic_fetch_add_explicit(&config->refs, 1, memory_order_relaxed);
	return config;
}

void media_config_unref(struct media_config *config)
{
	if (!config || atomic_fetch_sub_explicit(&config->refs, 1, memory_order_acq_rel) != 1)
		return;
	buf_unref(config->header);
	free(config);
}

bool media_config_keep(struct media_config **kept, struct media_config *config)
{
	if (*kept == config)
		return false;
	media_config_unref(*kept);
	*kept = media_config_ref(config);
	return true;
}

struct frame *frame_create(struct media_config *config, struct buf *data)
{
	struct frame *frame = xcalloc(1, sizeof(*frame));
	atomic_init(&frame->refs, 1);
	frame->codec = config->codec;
	frame->key = !codec_is_video(config->codec);
	frame->config = config;
	frame->data = data;
	return frame;
}

struct frame *frame_ref(struct frame *frame)
{
	atomic_fetch_add_explicit(&frame->refs, 1, memory_order_relaxed);
	return frame;
}

void frame_unref(struct frame *frame)
{
	if (!frame || atomic_fetch_sub_explicit(&frame->refs, 1, memory_order_acq_rel) != 1)
		return;
	rtp_image_destroy(atomic_load_explicit(&frame->rtp, memory_order_acquire));
	buf_unref(atomic_load_explicit(&frame->flv, memory_order_acquire));
	media_config_unref(frame->config);
	buf_unref(frame->data);
	free(frame);
}
