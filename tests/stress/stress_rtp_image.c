/* Several workers want the image of the same frames at once: each must get one and the same, whole,
 * and all but the published one must be freed. */
#include "media/frame.h"
#include "media/rtp/rtp_image.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS = 4, FRAMES = 3000, PICTURE = 5000 };

struct shared {
	struct frame *frames[FRAMES];
	const struct rtp_image *images[WORKERS][FRAMES];
	pthread_barrier_t start;
};

struct worker {
	pthread_t thread;
	struct shared *shared;
	int index;
};

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct shared *shared = worker->shared;
	pthread_barrier_wait(&shared->start);
	for (int i = 0; i < FRAMES; i++) {
		struct frame *frame = frame_ref(shared->frames[i]);
		const struct rtp_image *image = rtp_image_of(frame);
		if (!image || image->data[image->pieces[0].at + 5] != (uint8_t)i)
			abort();
		shared->images[worker->index][i] = image;
		frame_unref(frame);
	}
	return NULL;
}

static struct frame *make_frame(int index)
{
	struct buf *data = buf_create(4 + PICTURE);
	memset(data->data, index, data->len);
	data->data[0] = data->data[1] = 0;
	data->data[2] = PICTURE >> 8;
	data->data[3] = PICTURE & 0xff;
	data->data[4] = 0x41;
	return frame_create(media_config_create(CODEC_H264, NULL), data);
}

int main(void)
{
	static struct shared shared;
	static struct worker workers[WORKERS];
	for (int i = 0; i < FRAMES; i++)
		shared.frames[i] = make_frame(i);
	pthread_barrier_init(&shared.start, NULL, WORKERS);
	for (int i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){ .shared = &shared, .index = i };
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			abort();
	}
	for (int i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	for (int i = 0; i < FRAMES; i++) {
		for (int w = 1; w < WORKERS; w++) {
			if (shared.images[w][i] != shared.images[0][i])
				abort();
		}
		frame_unref(shared.frames[i]);
	}
	pthread_barrier_destroy(&shared.start);
	puts("ok");
	return 0;
}
