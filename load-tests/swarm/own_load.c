#include "load-tests/swarm/own_load.h"

#include <sys/resource.h>

enum { TICK_US = 10000, SHORT_US = 500000 /* an interval this short says little */ };

static int64_t cpu_us(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec +
	       usage.ru_stime.tv_usec;
}

static void on_tick(void *arg)
{
	struct own_load *load = arg;
	const int64_t now_us = loop_now_us(load->loop);
	const int64_t due_us = load->tick.due_us;
	series_add(&load->lag, now_us - due_us);
	/* Ticks that fell into a stall follow at once, each with its own delay. */
	timer_start_at(&load->tick, due_us + TICK_US);
}

void own_load_begin(struct own_load *load, struct loop *loop)
{
	load->loop = loop;
	load->began_cpu_us = load->second_cpu_us = cpu_us();
	load->second_at_us = loop_now_us(loop);
	timer_init(&load->tick, loop, on_tick, load);
	timer_start(&load->tick, TICK_US);
}

void own_load_second(struct own_load *load, double at_s)
{
	const int64_t used_us = cpu_us(), now_us = loop_now_us(load->loop);
	const int64_t passed_us = now_us - load->second_at_us;
	if (passed_us > SHORT_US) {
		const int64_t share = (used_us - load->second_cpu_us) * 1000000 / passed_us;
		series_add(&load->cpu, share);
		if ((double)share / 1e4 > load->busiest_percent)
			load->busiest_percent = (double)share / 1e4;
	}
	load->second_cpu_us = used_us;
	load->second_at_us = now_us;
	series_turn(&load->lag, at_s);
	series_turn(&load->cpu, at_s);
}

int64_t own_load_cpu_us(const struct own_load *load)
{
	return load->second_cpu_us - load->began_cpu_us;
}

bool own_load_too_much(const struct own_load *load)
{
	return load->busiest_percent > OWN_CPU_MAX_PERCENT ||
	       histogram_percentile(&load->lag.whole, 99) > OWN_LAG_P99_MAX_US;
}

void own_load_stop(struct own_load *load)
{
	timer_stop(&load->tick);
}

void own_load_finish(struct own_load *load)
{
	if (load->loop)
		timer_stop(&load->tick);
	series_finish(&load->lag);
	series_finish(&load->cpu);
}
