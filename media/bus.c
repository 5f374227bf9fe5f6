#include "media/bus.h"

#include "server/core/alloc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* Frames first .. head-1 are in the ring, frame i in slot i modulo its size. */
struct bus {
	pthread_mutex_t lock; /* guards the ring and the indices */
	struct frame *ring[BUS_FRAMES_MAX];
	uint64_t first;
	uint64_t key; /* newest keyframe; valid while has_key */
	bool has_key; /* the group from `key` on is whole */
	size_t bytes;
	size_t tail; /* frames kept before the group */
	atomic_uint_fast64_t head;
};

int bus_create(struct bus **out, size_t tail)
{
	struct bus *bus = xcalloc(1, sizeof(*bus));
	pthread_mutex_init(&bus->lock, NULL);
	bus->tail = tail;
	*out = bus;
	return 0;
}

static struct frame **slot(struct bus *bus, uint64_t index)
{
	return &bus->ring[index % BUS_FRAMES_MAX];
}

static uint64_t head_of(const struct bus *bus)
{
	return atomic_load_explicit(&bus->head, memory_order_relaxed);
}

uint64_t bus_head(const struct bus *bus)
{
	return atomic_load_explicit(&bus->head, memory_order_acquire);
}

/* Unlinks the oldest frame; the caller lets it go outside the lock. */
static struct frame *pop(struct bus *bus)
{
	struct frame *frame = *slot(bus, bus->first);
	*slot(bus, bus->first) = NULL;
	if (bus->has_key && bus->key == bus->first)
		bus->has_key = false;
	bus->bytes -= frame->data->len;
	bus->first++;
	return frame;
}

/* What the ring need not hold any more: all but a tail before the group, or before the end when
 * there is no group to keep. A group over the caps is given up as a whole. */
static bool has_surplus(const struct bus *bus)
{
	const uint64_t head = head_of(bus);
	if (bus->first == head)
		return false;
	if (bus->bytes > BUS_BYTES_MAX || head - bus->first == BUS_FRAMES_MAX)
		return true;
	const uint64_t keep_from = bus->has_key ? bus->key : head;
	return keep_from - bus->first > bus->tail && bus->first < keep_from;
}

void bus_push(struct bus *bus, struct frame *frame)
{
	struct frame *gone[BUS_FRAMES_MAX];
	size_t gone_count = 0;
	pthread_mutex_lock(&bus->lock);
	const uint64_t head = head_of(bus);
	*slot(bus, head) = frame;
	bus->bytes += frame->data->len;
	if (frame->key) {
		bus->key = head;
		bus->has_key = true;
	}
	atomic_store_explicit(&bus->head, head + 1, memory_order_release);
	while (has_surplus(bus))
		gone[gone_count++] = pop(bus);
	pthread_mutex_unlock(&bus->lock);
	for (size_t i = 0; i < gone_count; i++)
		frame_unref(gone[i]);
}

static uint64_t next_key(struct bus *bus, uint64_t from)
{
	const uint64_t head = head_of(bus);
	while (from < head && !(*slot(bus, from))->key)
		from++;
	return from;
}

static size_t copy(struct bus *bus, uint64_t from, uint64_t to, struct frame **frames, size_t cap)
{
	size_t count = 0;
	for (; from < to && count < cap; from++)
		frames[count++] = frame_ref(*slot(bus, from));
	return count;
}

size_t bus_read(struct bus *bus, uint64_t *cursor, struct frame **frames, size_t cap, bool *skipped)
{
	if (skipped)
		*skipped = false;
	if (*cursor == bus_head(bus))
		return 0;
	pthread_mutex_lock(&bus->lock);
	if (*cursor < bus->first) {
		*cursor = next_key(bus, bus->first);
		if (skipped)
			*skipped = true;
	}
	const size_t count = copy(bus, *cursor, head_of(bus), frames, cap);
	*cursor += count;
	pthread_mutex_unlock(&bus->lock);
	return count;
}

/* The newest keyframe before `until` whose group is whole; `until` when there is none. */
static uint64_t group_before(struct bus *bus, uint64_t until)
{
	if (bus->has_key && bus->key < until)
		return bus->key;
	for (uint64_t i = until; i > bus->first; i--) {
		if ((*slot(bus, i - 1))->key)
			return i - 1;
	}
	return until;
}

size_t bus_read_gop(struct bus *bus, uint64_t until, struct frame **frames, size_t cap)
{
	pthread_mutex_lock(&bus->lock);
	size_t count = 0;
	if (until <= head_of(bus) && until > bus->first) {
		const uint64_t from = group_before(bus, until);
		if (until - from <= cap)
			count = copy(bus, from, until, frames, cap);
	}
	pthread_mutex_unlock(&bus->lock);
	return count;
}

size_t bus_read_since(struct bus *bus, uint64_t until, int64_t from_us, struct frame **frames,
		      size_t cap)
{
	pthread_mutex_lock(&bus->lock);
	size_t count = 0;
	if (until <= head_of(bus)) {
		uint64_t from = until;
		while (from > bus->first && (*slot(bus, from - 1))->dts_us >= from_us &&
		       until - from < cap)
			from--;
		count = copy(bus, from, until, frames, cap);
	}
	pthread_mutex_unlock(&bus->lock);
	return count;
}

bool bus_has_gop(struct bus *bus, uint64_t until)
{
	pthread_mutex_lock(&bus->lock);
	const bool has =
		until <= head_of(bus) && until > bus->first && group_before(bus, until) < until;
	pthread_mutex_unlock(&bus->lock);
	return has;
}

void bus_clear(struct bus *bus)
{
	struct frame *gone[BUS_FRAMES_MAX];
	size_t gone_count = 0;
	pthread_mutex_lock(&bus->lock);
	while (bus->first < head_of(bus))
		gone[gone_count++] = pop(bus);
	pthread_mutex_unlock(&bus->lock);
	for (size_t i = 0; i < gone_count; i++)
		frame_unref(gone[i]);
}

void bus_destroy(struct bus *bus)
{
	if (!bus)
		return;
	bus_clear(bus);
	pthread_mutex_destroy(&bus->lock);
	free(bus);
}
