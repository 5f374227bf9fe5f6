#include "load-tests/swarm/scene.h"

#include "load-tests/swarm/data_channel.h"
#include "load-tests/swarm/farewells.h"
#include "load-tests/swarm/message_book.h"
#include "server/core/alloc.h"
#include "signaling/dtls.h"
#include "signaling/udp_port.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { FAILURES_SHOWN = 10 };

static void raise_file_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int scene_create(struct scene **out, const struct swarm_options *options)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));
	scene->options = options;
	clock_init(&scene->clock);
	raise_file_limit();
	int err = loop_create(&scene->loop, &scene->clock);
	if (!err)
		err = dtls_context_create(&scene->dtls);
	if (!err)
		err = udp_scratch_create(&scene->scratch, swarm_options_gro(options));
	if (!err)
		err = data_channel_hub(&scene->sctp, scene->loop);
	if (err) {
		scene_destroy(scene);
		return err;
	}
	message_book_create(&scene->book);
	farewells_create(&scene->farewells, scene->loop);
	*out = scene;
	return 0;
}

void scene_destroy(struct scene *scene)
{
	if (!scene)
		return;
	farewells_destroy(scene->farewells);
	message_book_destroy(scene->book);
	sctp_hub_destroy(scene->sctp);
	udp_scratch_destroy(scene->scratch);
	dtls_context_destroy(scene->dtls);
	loop_destroy(scene->loop);
	measures_finish(&scene->measures);
	free(scene);
}

void scene_failed(struct scene *scene, enum client_kind kind, const char *format, ...)
{
	if (scene->closing)
		return;
	scene->failed[kind]++;
	if (scene->failures++ >= FAILURES_SHOWN)
		return;
	va_list args;
	va_start(args, format);
	fprintf(stderr, "souk-swarm: %s: ", client_names[kind]);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

void scene_frame(struct scene *scene, enum client_kind kind, const struct place *place,
		 uint64_t key, int64_t now_us)
{
	frame_board_add(&scene->boards[kind], key * 1021 + place->number, now_us);
}

void scene_picture(struct scene *scene, const struct place *place, uint64_t key, int64_t now_us)
{
	frame_board_add(&scene->whole, key * 1021 + place->number, now_us);
}
