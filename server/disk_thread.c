#include "server/disk_thread.h"

#include "server/core/loop.h"
#include "server/core/mqueue.h"

static void *run(void *arg)
{
	struct disk_thread *disk = arg;
	loop_run(disk->loop);
	return NULL;
}

int disk_thread_start(struct disk_thread *disk, const struct clock *clock, size_t cap)
{
	int err = loop_create(&disk->loop, clock);
	if (!err)
		err = mqueue_create(&disk->queue, disk->loop, cap);
	if (!err)
		err = -pthread_create(&disk->thread, NULL, run, disk);
	disk->started = !err;
	return err;
}

void disk_thread_stop(struct disk_thread *disk)
{
	if (disk->started) {
		loop_stop(disk->loop);
		pthread_join(disk->thread, NULL);
		mqueue_run(disk->queue);
	}
	disk->started = false;
}

void disk_thread_finish(struct disk_thread *disk)
{
	mqueue_destroy(disk->queue);
	loop_destroy(disk->loop);
	*disk = (struct disk_thread){ 0 };
}
