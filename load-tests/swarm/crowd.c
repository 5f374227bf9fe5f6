#include "load-tests/swarm/crowd.h"

#include "load-tests/swarm/drops.h"
#include "server/core/alloc.h"
#include "server/core/crypto.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RANDOM_BITS = 53 };

struct seat {
	struct crowd *crowd;
	void *viewer; /* NULL: empty */
	struct place place;
	struct timer change; /* leave, or be taken again */
	char *room;
};

struct crowd {
	struct scene *scene;
	const struct viewer_ops *ops;
	struct seat *seats;
	size_t count, begun;
	bool stopped;
	uint64_t left, vanished;
	struct viewer_figures past; /* of those who left */
	uint64_t drops;
};

/* 0 <= u < 1 */
static double random_unit(void)
{
	uint64_t bits;
	crypto_random(&bits, sizeof(bits));
	return (double)(bits >> (64 - RANDOM_BITS)) / (double)(1ull << RANDOM_BITS);
}

/* Memoryless: nobody's leaving says anything of the others'. */
static int64_t random_time_us(int64_t mean_s)
{
	return (int64_t)(-log(1 - random_unit()) * (double)mean_s * 1e6);
}

static void sit_down(struct seat *seat)
{
	struct crowd *crowd = seat->crowd;
	const struct swarm_options *options = crowd->scene->options;
	seat->place.vanish = random_unit() * 100 < (double)options->vanish;
	seat->viewer = crowd->ops->create(crowd->scene, &seat->place);
	if (options->stay_s)
		timer_start(&seat->change, random_time_us(options->stay_s));
}

static void stand_up(struct seat *seat, bool vanish)
{
	struct crowd *crowd = seat->crowd;
	crowd->ops->add_figures(seat->viewer, &crowd->past, loop_now_us(crowd->scene->loop));
	crowd->ops->destroy(seat->viewer, vanish);
	seat->viewer = NULL;
}

static void on_change(void *arg)
{
	struct seat *seat = arg;
	struct crowd *crowd = seat->crowd;
	if (crowd->stopped)
		return;
	if (!seat->viewer) {
		sit_down(seat);
		return;
	}
	/* Who was thrown out has been counted so and did not leave. */
	const bool ended = crowd->ops->ended(seat->viewer);
	crowd->left += !ended;
	crowd->vanished += !ended && seat->place.vanish;
	stand_up(seat, !ended && seat->place.vanish);
	timer_start(&seat->change, random_time_us(crowd->scene->options->rejoin_s));
}

void crowd_create(struct crowd **out, const struct crowd_options *options)
{
	struct crowd *crowd = xcalloc(1, sizeof(*crowd));
	const struct swarm_options *wanted = options->scene->options;
	crowd->scene = options->scene;
	crowd->ops = options->ops;
	crowd->count = options->seats;
	crowd->seats = xcalloc(options->seats + 1, sizeof(*crowd->seats));
	for (size_t i = 0; i < crowd->count; i++) {
		struct seat *seat = &crowd->seats[i];
		const size_t target = i % options->target_count;
		const size_t room = i / options->target_count % (size_t)wanted->rooms;
		seat->crowd = crowd;
		seat->room = swarm_options_room(wanted, room);
		seat->place = (struct place){
			.target = &options->targets[target],
			.room = seat->room,
			.number = (unsigned)(target * (size_t)wanted->rooms + room),
			.decrypt = i < options->decrypt,
		};
		timer_init(&seat->change, crowd->scene->loop, on_change, seat);
	}
	*out = crowd;
}

size_t crowd_seats(const struct crowd *crowd)
{
	return crowd->count;
}

size_t crowd_begun(const struct crowd *crowd)
{
	return crowd->begun;
}

void crowd_admit(struct crowd *crowd)
{
	if (crowd->begun < crowd->count)
		sit_down(&crowd->seats[crowd->begun++]);
}

void crowd_second(struct crowd *crowd)
{
	const int64_t now_us = loop_now_us(crowd->scene->loop);
	struct drops drops;
	drops_begin(&drops);
	for (size_t i = 0; i < crowd->begun; i++) {
		struct seat *seat = &crowd->seats[i];
		if (!seat->viewer)
			continue;
		crowd->ops->second(seat->viewer, now_us);
		if (crowd->ops->udp_port)
			drops_watch(&drops, crowd->ops->udp_port(seat->viewer));
		/* With churn an ended session's place is taken again, as a reload would. */
		if (crowd->scene->options->stay_s && crowd->ops->ended(seat->viewer) &&
		    !crowd->stopped)
			on_change(seat);
	}
	const uint64_t dropped = crowd->ops->udp_port ? drops_count(&drops) : 0;
	crowd->drops = dropped > crowd->drops ? dropped : crowd->drops;
}

void crowd_figures(const struct crowd *crowd, struct viewer_figures *out)
{
	const int64_t now_us = loop_now_us(crowd->scene->loop);
	memcpy(out, &crowd->past, sizeof(*out));
	for (size_t i = 0; i < crowd->begun; i++)
		if (crowd->seats[i].viewer)
			crowd->ops->add_figures(crowd->seats[i].viewer, out, now_us);
	out->receive_drops = crowd->drops;
}

bool crowd_proof(const struct crowd *crowd, size_t *at, struct viewer_proof *cheap,
		 struct viewer_proof *full)
{
	const int64_t now_us = loop_now_us(crowd->scene->loop);
	while (crowd->ops->proof && *at < crowd->begun) {
		const struct seat *seat = &crowd->seats[(*at)++];
		if (seat->viewer && crowd->ops->proof(seat->viewer, cheap, full, now_us))
			return true;
	}
	return false;
}

void crowd_stop(struct crowd *crowd)
{
	crowd->stopped = true;
}

uint64_t crowd_left(const struct crowd *crowd)
{
	return crowd->left;
}

uint64_t crowd_vanished(const struct crowd *crowd)
{
	return crowd->vanished;
}

void crowd_destroy(struct crowd *crowd)
{
	if (!crowd)
		return;
	for (size_t i = 0; i < crowd->count; i++) {
		struct seat *seat = &crowd->seats[i];
		timer_stop(&seat->change);
		if (seat->viewer)
			crowd->ops->destroy(seat->viewer, false);
		free(seat->room);
	}
	free(crowd->seats);
	free(crowd);
}
