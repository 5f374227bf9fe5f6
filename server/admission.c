#include "server/admission.h"

#include <limits.h>
#include <time.h>

enum { MILLION = 1000000, PERCENT_PPM = 10000 };

void admission_init(struct admission *admission, unsigned most_percent)
{
	*admission = (struct admission){ .most_percent = most_percent };
	atomic_init(&admission->limit, UINT_MAX);
}

/* What its time says, however few they are. */
static unsigned by_time(const struct admission *admission)
{
	const unsigned newest = (admission->next + ADMISSION_SAMPLES - 1) % ADMISSION_SAMPLES;
	const unsigned oldest = admission->count < ADMISSION_SAMPLES ? 0 : admission->next;
	const struct admission_sample *from = &admission->samples[oldest];
	const struct admission_sample *to = &admission->samples[newest];
	const int64_t passed_us = to->at_us - from->at_us;
	if (admission->most_percent >= 100 || passed_us < ADMISSION_SPAN_US)
		return UINT_MAX;
	if (admission->late)
		return 0;
	int64_t viewers = 0;
	for (unsigned i = 0; i < admission->count; i++)
		viewers += admission->samples[i].viewers;
	viewers /= admission->count;
	const int64_t most_ppm = (int64_t)admission->most_percent * PERCENT_PPM;
	const int64_t load_ppm = (to->spent_us - from->spent_us) * MILLION / passed_us;
	if (load_ppm >= most_ppm)
		return 0;
	const int64_t left_ppm = most_ppm - load_ppm;
	if (viewers < ADMISSION_KNOWN_FROM || load_ppm <= 0)
		return (unsigned)(viewers + left_ppm / ADMISSION_GUESS_PPM);
	const int64_t limit = viewers + left_ppm * viewers / load_ppm;
	return limit < UINT_MAX ? (unsigned)limit : UINT_MAX;
}

/* Refusing the first hundred would help nobody: what makes the worker late then is not them. */
static unsigned limit_of(const struct admission *admission)
{
	const unsigned limit = by_time(admission);
	return limit > ADMISSION_KNOWN_FROM ? limit : ADMISSION_KNOWN_FROM;
}

void admission_look(struct admission *admission, const struct admission_sample *now)
{
	admission->samples[admission->next] = *now;
	admission->next = (admission->next + 1) % ADMISSION_SAMPLES;
	if (admission->count < ADMISSION_SAMPLES)
		admission->count++;
	atomic_store_explicit(&admission->limit, limit_of(admission), memory_order_relaxed);
}

void admission_waited(struct admission *admission, int64_t longest_us)
{
	admission->late = longest_us > ADMISSION_LATE_US;
}

int64_t admission_cpu_us(void)
{
	struct timespec spent;
	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent))
		return 0;
	return (int64_t)spent.tv_sec * MILLION + spent.tv_nsec / 1000;
}
