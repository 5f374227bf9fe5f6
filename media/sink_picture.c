#include "media/sink_picture.h"

/* The largest that fits and runs, or else what could run; -1 when there is none. */
static int largest(const struct rendition_table *table, uint8_t profile_max, bool running)
{
	for (int i = (int)table->count - 1; i >= 0; i--) {
		const struct rendition_info *info = &table->at[i];
		if (rendition_fits(info, profile_max) && (info->running || !running))
			return info->slot;
	}
	return -1;
}

static int smallest(const struct rendition_table *table, uint8_t profile_max)
{
	for (unsigned i = 0; i < table->count; i++) {
		const struct rendition_info *info = &table->at[i];
		if (rendition_fits(info, profile_max) && info->running)
			return info->slot;
	}
	return -1;
}

struct picture_choice picture_choose(const struct sink_picture *picture,
				     const struct rendition_table *table)
{
	struct picture_choice choice = { picture->shown, picture->shown };
	int slot = picture->wanted - 1;
	const int index = slot >= 0 ? rendition_table_find(table, (unsigned)slot) : -1;
	if (index < 0 || !rendition_fits(&table->at[index], picture->profile_max))
		slot = largest(table, picture->profile_max, true);
	if (slot < 0)
		slot = largest(table, picture->profile_max, false);
	if (slot < 0)
		return choice;
	choice.then = (uint8_t)slot;
	const int low = picture->begins_low ? smallest(table, picture->profile_max) : -1;
	choice.first = low >= 0 ? (uint8_t)low : choice.then;
	return choice;
}

bool picture_fits(const struct sink_picture *picture, const struct frame *frame)
{
	const struct rendition_info info = { .profile = frame->config->profile,
					     .reorders = frame->config->reorders };
	return rendition_fits(&info, picture->profile_max);
}

void picture_go(struct sink_picture *picture, unsigned slot, const struct rendition_table *table)
{
	const int from = rendition_table_find(table, picture->shown);
	const int to = rendition_table_find(table, slot);
	const bool urgent = from < 0 || !table->at[from].running || to < from;
	picture->next = (uint8_t)slot;
	picture->waits = slot != picture->shown && to >= 0 && table->at[to].running;
	picture->next_us = picture->shown_us;
	picture->ask_us = picture->shown_us + (urgent ? 0 : PICTURE_PATIENCE_US);
}

/* Gives out what is held of times before `until_us`. */
static size_t release(struct sink_picture *picture, int64_t until_us, struct frame **out)
{
	unsigned count = 0;
	while (count < picture->held_count && picture->held[count]->dts_us < until_us) {
		out[count] = picture->held[count];
		picture->shown_us = out[count]->dts_us;
		count++;
	}
	for (unsigned i = count; i < picture->held_count; i++)
		picture->held[i - count] = picture->held[i];
	picture->held_count -= count;
	return count;
}

static size_t take_next(struct sink_picture *picture, struct frame *frame, struct frame **out)
{
	picture->next_us = frame->dts_us;
	picture->waits = true;
	/* The same picture in the old rendition gives way to a keyframe of the new one. */
	size_t count = release(picture, frame->dts_us + (frame->key ? -PICTURE_SAME_US : 1), out);
	if (!frame->key || frame->dts_us <= picture->shown_us + PICTURE_SAME_US) {
		frame_unref(frame);
		return count;
	}
	picture_drop(picture);
	picture->shown = picture->next;
	picture->shown_us = frame->dts_us;
	out[count++] = frame;
	return count;
}

static size_t take_shown(struct sink_picture *picture, struct frame *frame, struct frame **out)
{
	const bool early = picture->waits && frame->dts_us > picture->next_us;
	if (early && picture->held_count < PICTURE_HELD_MAX) {
		picture->held[picture->held_count++] = frame;
		return 0;
	}
	if (early)
		picture->waits = false;
	const size_t count = release(picture, INT64_MAX, out);
	picture->shown_us = frame->dts_us;
	out[count] = frame;
	return count + 1;
}

size_t picture_take(struct sink_picture *picture, struct frame *frame,
		    struct frame *out[PICTURE_HELD_MAX + 1])
{
	if (frame->rendition == picture->shown)
		return take_shown(picture, frame, out);
	if (frame->rendition == picture->next)
		return take_next(picture, frame, out);
	frame_unref(frame);
	return 0;
}

bool picture_asks(struct sink_picture *picture, const struct frame *frame)
{
	if (picture->next == picture->shown || frame->dts_us < picture->ask_us)
		return false;
	picture->ask_us = frame->dts_us + PICTURE_ASK_US;
	return true;
}

void picture_drop(struct sink_picture *picture)
{
	for (unsigned i = 0; i < picture->held_count; i++)
		frame_unref(picture->held[i]);
	picture->held_count = 0;
}
