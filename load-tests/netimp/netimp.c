#include "load-tests/netimp/netimp.h"

#include "load-tests/netimp/control.h"
#include "load-tests/netimp/lane.h"
#include "load-tests/netimp/line_input.h"
#include "load-tests/netimp/stats.h"
#include "load-tests/netimp/tun.h"
#include "server/core/clock.h"
#include "server/core/json.h"
#include "server/core/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { READ_BATCH = 64, INPUT_PIECE = 4096, DIRECTIONS = 2, NICE = -10 };

struct netimp;

/* From one device to the other. */
struct direction {
	struct netimp *netimp;
	struct lane lane;
	struct tun from; /* owned; `to` is the other direction's */
	int to_fd;
	uint64_t write_failed;
	struct event *readable;
	struct timer due;
};

struct netimp {
	struct clock clock;
	struct loop *loop;
	struct packet_pool pool;
	struct direction directions[DIRECTIONS]; /* a->b, b->a */
	struct event *input;
	struct line_input lines;
	uint64_t seed;
	int64_t start_us;
	int status;
};

static void deliver(const struct packet *packet, void *arg)
{
	struct direction *direction = arg;
	if (write(direction->to_fd, packet->data, packet->len) != (ssize_t)packet->len)
		direction->write_failed++;
}

static void advance(struct direction *direction)
{
	lane_advance(&direction->lane, loop_now_us(direction->netimp->loop), deliver, direction);
	const int64_t next_us = lane_next_us(&direction->lane);
	if (next_us == INT64_MAX)
		timer_stop(&direction->due);
	else if (!timer_active(&direction->due) || direction->due.due_us != next_us)
		timer_start_at(&direction->due, next_us);
}

static void on_due(void *arg)
{
	advance(arg);
}

static void stop(struct netimp *netimp, int status)
{
	netimp->status = status;
	loop_stop(netimp->loop);
}

/* False when there is nothing more to read for now. */
static bool read_packet(struct direction *direction)
{
	struct netimp *netimp = direction->netimp;
	struct packet *packet = packet_take(&netimp->pool);
	char scrap[1];
	const ssize_t len = packet ? read(direction->from.fd, packet->data, netimp->pool.size)
				   : read(direction->from.fd, scrap, sizeof(scrap));
	if (len > 0 && packet) {
		packet->len = (uint32_t)len;
		lane_send(&direction->lane, packet, loop_now_us(netimp->loop));
		return true;
	}
	if (packet)
		packet_give(&netimp->pool, packet);
	if (len > 0) {
		direction->lane.counters.full_dropped++;
		return true;
	}
	if (errno != EAGAIN && errno != EINTR) {
		fprintf(stderr, "souk-netimp: reading %s: %s\n", direction->from.device,
			strerror(errno));
		stop(netimp, EXIT_FAILURE);
	}
	return false;
}

static void on_packets(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct direction *direction = arg;
	/* A batch, so that the other direction and what is due get their turn. */
	for (int i = 0; i < READ_BATCH && read_packet(direction); i++)
		;
	advance(direction);
}

/* The traces of a line: all of them, or none is made. */
static int make_traces(const struct netimp *netimp, const struct control *control,
		       struct trace *traces[DIRECTIONS], char error[CONTROL_ERROR])
{
	char why[TRACE_ERROR];
	int err = 0;
	for (int i = 0; i < DIRECTIONS && !err; i++) {
		if (!(control->direction & (1 << i)) || !strcmp(control->trace, "off"))
			continue;
		if (!strcmp(control->trace, "5g"))
			trace_make_5g(&traces[i], netimp->seed);
		else
			err = trace_load(&traces[i], control->trace, why);
	}
	if (!err)
		return 0;
	snprintf(error, CONTROL_ERROR, "%s", why);
	for (int i = 0; i < DIRECTIONS; i++) {
		trace_destroy(traces[i]);
		traces[i] = NULL;
	}
	return err;
}

static int apply(struct netimp *netimp, const struct control *control, char error[CONTROL_ERROR])
{
	struct trace *traces[DIRECTIONS] = { NULL };
	const bool new_trace = control->has_trace || control->verb == CONTROL_CLEAR;
	if (control->has_trace && make_traces(netimp, control, traces, error))
		return -EINVAL;
	const int64_t now_us = loop_now_us(netimp->loop);
	for (int i = 0; i < DIRECTIONS; i++) {
		struct direction *direction = &netimp->directions[i];
		if (!(control->direction & (1 << i)))
			continue;
		struct profile profile = direction->lane.profile;
		control_apply(control, &profile);
		lane_set(&direction->lane, &profile, now_us);
		if (new_trace)
			lane_set_trace(&direction->lane, traces[i], now_us);
		advance(direction);
	}
	return 0;
}

static void print_stats(struct netimp *netimp)
{
	struct stats_lane lanes[DIRECTIONS];
	for (int i = 0; i < DIRECTIONS; i++) {
		const struct direction *direction = &netimp->directions[i];
		lanes[i] = (struct stats_lane){ .lane = &direction->lane,
						.device_dropped = tun_dropped(&direction->from),
						.write_failed = direction->write_failed };
	}
	stats_print(lanes, loop_now_us(netimp->loop) - netimp->start_us, stdout);
}

static bool on_line(const char *line, size_t len, void *arg)
{
	struct netimp *netimp = arg;
	struct control control;
	char error[CONTROL_ERROR];
	int err = control_parse(&control, line, len, error);
	if (!err && (control.verb == CONTROL_SET || control.verb == CONTROL_CLEAR))
		err = apply(netimp, &control, error);
	if (err)
		printf("error: %s\n", error);
	else if (control.verb == CONTROL_STATS)
		print_stats(netimp);
	else
		puts("ok");
	fflush(stdout);
	return err || control.verb != CONTROL_QUIT;
}

static void on_input(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct netimp *netimp = arg;
	char data[INPUT_PIECE];
	const ssize_t len = read(fd, data, sizeof(data));
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len > 0 && line_input_feed(&netimp->lines, data, (size_t)len, on_line, netimp))
		return;
	if (len <= 0)
		line_input_end(&netimp->lines, on_line, netimp);
	stop(netimp, EXIT_SUCCESS);
}

/* "both delay=25", as if it came on the input. */
static int set_at_start(struct netimp *netimp, const struct option_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		char line[CONTROL_LINE_MAX + 1];
		char error[CONTROL_ERROR];
		struct control control;
		const int len = snprintf(line, sizeof(line), "set %s", list->items[i]);
		if (!control_parse(&control, line, (size_t)len, error) &&
		    !apply(netimp, &control, error))
			continue;
		fprintf(stderr, "souk-netimp: --set: %s\n", error);
		return NETIMP_USAGE;
	}
	return EXIT_SUCCESS;
}

static int open_devices(struct netimp *netimp, const struct netimp_options *options)
{
	const struct tun_config configs[DIRECTIONS] = {
		{ options->netns_a, options->device, options->addr_a, options->addr_b,
		  options->mtu },
		{ options->netns_b, options->device, options->addr_b, options->addr_a,
		  options->mtu },
	};
	for (int i = 0; i < DIRECTIONS; i++) {
		char error[TUN_ERROR];
		const int err = tun_open(&netimp->directions[i].from, &configs[i], error);
		if (err == -EPERM) {
			fprintf(stderr, "souk-netimp: %s\n", error);
			puts("skipped: needs CAP_NET_ADMIN");
			return NETIMP_SKIPPED;
		}
		if (err) {
			fprintf(stderr, "souk-netimp: %s\n", error);
			return EXIT_FAILURE;
		}
	}
	for (int i = 0; i < DIRECTIONS; i++)
		netimp->directions[i].to_fd = netimp->directions[1 - i].from.fd;
	return EXIT_SUCCESS;
}

static int listen_to_all(struct netimp *netimp)
{
	struct event_base *base = loop_base(netimp->loop);
	for (int i = 0; i < DIRECTIONS; i++) {
		struct direction *direction = &netimp->directions[i];
		direction->readable = event_new(base, direction->from.fd, EV_READ | EV_PERSIST,
						on_packets, direction);
		if (!direction->readable || event_add(direction->readable, NULL))
			return EXIT_FAILURE;
	}
	netimp->input = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, netimp);
	if (!netimp->input || event_add(netimp->input, NULL)) {
		/* epoll takes no files, nor /dev/null. */
		fputs("souk-netimp: standard input must be a pipe or a terminal\n", stderr);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

static void print_ready(const struct netimp_options *options)
{
	json_t *object = json_object();
	json_object_set_new(object, "a", json_string(options->addr_a));
	json_object_set_new(object, "b", json_string(options->addr_b));
	json_object_set_new(object, "device", json_string(options->device));
	json_object_set_new(object, "mtu", json_integer(options->mtu));
	json_object_set_new(object, "seed", json_integer(options->seed));
	char *text = json_text(object);
	printf("ready %s\n", text);
	fflush(stdout);
	free(text);
	json_decref(object);
}

static void finish(struct netimp *netimp)
{
	for (int i = 0; i < DIRECTIONS; i++) {
		struct direction *direction = &netimp->directions[i];
		timer_stop(&direction->due);
		if (direction->readable)
			event_free(direction->readable);
		lane_finish(&direction->lane);
		tun_close(&direction->from);
	}
	if (netimp->input)
		event_free(netimp->input);
	packet_pool_finish(&netimp->pool);
	loop_destroy(netimp->loop);
}

int netimp_run(const struct netimp_options *options)
{
	struct netimp netimp = { .seed = (uint64_t)options->seed };
	clock_init(&netimp.clock);
	packet_pool_init(&netimp.pool, (uint32_t)options->mtu);
	for (int i = 0; i < DIRECTIONS; i++) {
		struct direction *direction = &netimp.directions[i];
		direction->netimp = &netimp;
		direction->from = (struct tun){ .fd = -1, .counters_fd = -1 };
		lane_init(&direction->lane, &netimp.pool, netimp.seed, (uint64_t)i);
	}
	netimp.status = EXIT_FAILURE;
	if (loop_create(&netimp.loop, &netimp.clock))
		goto out;
	for (int i = 0; i < DIRECTIONS; i++)
		timer_init(&netimp.directions[i].due, netimp.loop, on_due, &netimp.directions[i]);
	netimp.start_us = loop_now_us(netimp.loop);
	netimp.status = set_at_start(&netimp, &options->set);
	if (!netimp.status)
		netimp.status = open_devices(&netimp, options);
	if (!netimp.status)
		netimp.status = listen_to_all(&netimp);
	if (!netimp.status) {
		/* A real network is not late because its users are busy: with three busy loops on
		 * two cores this turns 7 ms at the 97th percentile into 0.1. Without the right to
		 * it `late` tells what it costs. */
		(void)setpriority(PRIO_PROCESS, 0, NICE);
		print_ready(options);
		loop_run(netimp.loop);
	}
out:
	finish(&netimp);
	return netimp.status;
}
