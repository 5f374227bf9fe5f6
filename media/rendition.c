#include "media/rendition.h"

#include "media/bus.h"

#include <stdio.h>
#include <string.h>

/* A slow encoder's first windows are short of what follows a keyframe: the rate falls slowly. */
static void measure(struct rendition *rendition, const struct frame *frame)
{
	const int64_t passed_us = frame->dts_us - rendition->window_us;
	if (rendition->window_us && passed_us >= RENDITION_RATE_US) {
		const uint64_t bps = rendition->window_bytes * 8000000 / (uint64_t)passed_us;
		const uint64_t former = rendition->bps;
		rendition->bps = (uint32_t)(bps > former ? bps : former - (former - bps) / 4);
		if (rendition->measures < RENDITION_RATE_MEAN)
			rendition->measures++;
		const int64_t more = (int64_t)bps - rendition->mean_bps;
		rendition->mean_bps += (int32_t)(more / (int)rendition->measures);
	}
	if (!rendition->window_us || passed_us < 0 || passed_us >= RENDITION_RATE_US) {
		rendition->window_us = frame->dts_us;
		rendition->window_bytes = 0;
	}
	rendition->window_bytes += frame->data->len;
}

static void note_change(struct renditions *renditions)
{
	atomic_fetch_add_explicit(&renditions->changed, 1, memory_order_release);
}

static void forget(struct rendition *rendition)
{
	media_config_unref(rendition->config);
	rendition->config = NULL;
	rendition->bps = rendition->mean_bps = 0;
	rendition->measures = 0;
	rendition->window_us = 0;
}

int renditions_init(struct renditions *renditions)
{
	int err = 0;
	for (int i = 0; !err && i < RENDITIONS_MAX; i++) {
		renditions->slot[i].key_asked_us = INT64_MIN / 2;
		err = bus_create(&renditions->slot[i].bus, BUS_TAIL);
	}
	return err;
}

void renditions_finish(struct renditions *renditions)
{
	for (int i = 0; i < RENDITIONS_MAX; i++) {
		bus_destroy(renditions->slot[i].bus);
		media_config_unref(renditions->slot[i].config);
	}
}

void renditions_restart(struct renditions *renditions)
{
	for (int i = 0; i < RENDITIONS_MAX; i++)
		forget(&renditions->slot[i]);
	renditions->running = 0;
	renditions->best = 0;
	note_change(renditions);
}

bool renditions_take_config(struct renditions *renditions, struct media_config *config,
			    unsigned slot)
{
	const bool other = media_config_keep(&renditions->slot[slot].config, config);
	if (other)
		note_change(renditions);
	return other;
}

/* Without a frame while the others had many: it has stopped. */
static bool runs(const struct renditions *renditions, const struct rendition *rendition)
{
	uint64_t slots = 0;
	for (unsigned i = 0; i < RENDITIONS_MAX; i++)
		slots += renditions->running >> i & 1;
	const uint64_t behind = renditions->pictures - rendition->pictures;
	return rendition->config && behind <= RENDITION_BEHIND_MAX * (slots ? slots : 1);
}

static void look_around(struct renditions *renditions)
{
	unsigned running = 0, best = renditions->best;
	uint32_t best_area = 0;
	for (unsigned i = 0; i < RENDITIONS_MAX; i++) {
		const struct rendition *rendition = &renditions->slot[i];
		if (!runs(renditions, rendition))
			continue;
		running |= 1u << i;
		const uint32_t area =
			(uint32_t)rendition->config->width * rendition->config->height;
		if (!rendition->offered && area > best_area) {
			best_area = area;
			best = i;
		}
	}
	if (running == renditions->running && best == renditions->best)
		return;
	renditions->running = running;
	renditions->best = best;
	note_change(renditions);
}

void renditions_frame(struct renditions *renditions, struct frame *frame)
{
	struct rendition *rendition = &renditions->slot[frame->rendition];
	frame->stamp = frame->key || frame->dts_us - rendition->stamped_us >= RENDITION_STAMP_US;
	if (frame->stamp)
		rendition->stamped_us = frame->dts_us;
	rendition->pictures = ++renditions->pictures;
	measure(rendition, frame);
	look_around(renditions);
}

void renditions_offer(struct renditions *renditions, unsigned slot,
		      const struct rendition_offer *offer)
{
	struct rendition *rendition = &renditions->slot[slot];
	rendition->offered = offer != NULL;
	rendition->offer = offer ? *offer : (struct rendition_offer){ 0 };
	if (!offer) {
		forget(rendition);
		renditions->running &= ~(1u << slot);
	}
	note_change(renditions);
}

/* False when there is nothing to be seen in this slot. */
static bool describe(const struct renditions *renditions, unsigned slot, struct rendition_info *out)
{
	const struct rendition *rendition = &renditions->slot[slot];
	const struct media_config *config = rendition->config;
	const bool running = config && renditions->running >> slot & 1;
	if (!running && !rendition->offered)
		return false;
	/* A rung that was stopped comes back as it was. */
	const bool known = config && (running || (config->width == rendition->offer.width &&
						  config->height == rendition->offer.height));
	*out = (struct rendition_info){
		.slot = (uint8_t)slot,
		.running = running,
		.made = rendition->offered,
		.width = running ? config->width : rendition->offer.width,
		.height = running ? config->height : rendition->offer.height,
		.profile = known ? config->profile : 0,
		.constraints = known ? config->constraints : 0,
		.level = known ? config->level : 0,
		.reorders = running && config->reorders,
		.bps = running && rendition->bps ? rendition->bps : rendition->offer.bps,
		.mean_bps =
			running && rendition->mean_bps ? rendition->mean_bps : rendition->offer.bps,
	};
	return true;
}

static uint32_t area(const struct rendition_info *info)
{
	return (uint32_t)info->width * info->height;
}

static bool smaller(const struct rendition_info *a, const struct rendition_info *b)
{
	if (area(a) != area(b))
		return area(a) < area(b);
	if (a->made != b->made)
		return a->made;
	return a->bps != b->bps ? a->bps < b->bps : a->slot > b->slot;
}

void rendition_table_add(struct rendition_table *table, const struct rendition_info *info)
{
	unsigned at = table->count++;
	while (at > 0 && smaller(info, &table->at[at - 1])) {
		table->at[at] = table->at[at - 1];
		at--;
	}
	table->at[at] = *info;
}

void renditions_table(const struct renditions *renditions, struct rendition_table *out)
{
	out->count = 0;
	for (unsigned i = 0; i < RENDITIONS_MAX; i++) {
		struct rendition_info info;
		if (describe(renditions, i, &info))
			rendition_table_add(out, &info);
	}
}

int rendition_table_find(const struct rendition_table *table, unsigned slot)
{
	for (unsigned i = 0; i < table->count; i++)
		if (table->at[i].slot == slot)
			return (int)i;
	return -1;
}

void rendition_name(const struct rendition_table *table, unsigned index,
		    char name[RENDITION_NAME_MAX])
{
	const struct rendition_info *info = &table->at[index];
	const unsigned side = info->width < info->height ? info->width : info->height;
	if (index + 1 == table->count)
		snprintf(name, RENDITION_NAME_MAX, "source");
	else
		snprintf(name, RENDITION_NAME_MAX, "%up", side);
}

int rendition_table_named(const struct rendition_table *table, const char *wanted)
{
	char name[RENDITION_NAME_MAX];
	for (unsigned i = table->count; i-- > 0;) {
		rendition_name(table, i, name);
		if (strcmp(name, wanted) == 0)
			return (int)i;
	}
	return -1;
}

bool rendition_fits(const struct rendition_info *info, uint8_t profile_max)
{
	return !profile_max || (!info->reorders && info->profile <= profile_max);
}
