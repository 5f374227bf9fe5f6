/* A host by RTMP: what encoders such as OBS and ffmpeg do. */
#include "load-tests/swarm/host.h"
#include "load-tests/swarm/media_file.h"
#include "load-tests/swarm/rtmp_client.h"
#include "server/core/alloc.h"

#include <stdlib.h>

enum { VIDEO = 9 };

struct rtmp_host {
	struct scene *scene;
	struct place place;
	const struct media_file *file;
	struct rtmp_client *client; /* NULL: waits to connect again */
	struct media_walk walk;
	struct timer next; /* a tag is due, or it connects again */
	int64_t began_us; /* of the walk */
	bool live;
	struct host_figures figures;
};

static void connect_host(struct rtmp_host *host);

static void connect_later(struct rtmp_host *host)
{
	host->live = false;
	timer_start(&host->next, HOST_AGAIN_US);
}

static void send_due(struct rtmp_host *host)
{
	const int64_t passed_ms = (loop_now_us(host->scene->loop) - host->began_us) / 1000;
	const struct media_tag *tag;
	int64_t at_ms;
	while ((tag = media_walk_next(&host->walk, passed_ms, &at_ms))) {
		if (rtmp_client_send(host->client, tag->type, (uint32_t)at_ms, tag->data,
				     tag->len)) {
			scene_failed(host->scene, CLIENT_HOST, "rtmp: the connection is too slow");
			connect_later(host);
			return;
		}
		host->figures.frames += tag->type == VIDEO && !tag->config;
		host->figures.bytes += tag->len;
	}
	timer_start_at(&host->next, host->began_us + at_ms * 1000);
}

static void on_next(void *arg)
{
	struct rtmp_host *host = arg;
	if (host->live) {
		send_due(host);
		return;
	}
	rtmp_client_destroy(host->client);
	connect_host(host);
}

static void on_publishing(void *arg)
{
	struct rtmp_host *host = arg;
	host->live = true;
	host->figures.connections++;
	host->walk = (struct media_walk){ .file = host->file };
	host->began_us = loop_now_us(host->scene->loop);
	timer_start(&host->next, 0);
}

static void on_ended(void *arg, const char *why)
{
	struct rtmp_host *host = arg;
	scene_failed(host->scene, CLIENT_HOST, "rtmp: %s", why);
	connect_later(host);
}

static const struct rtmp_client_ops client_ops = {
	.publishing = on_publishing,
	.ended = on_ended,
};

static void connect_host(struct rtmp_host *host)
{
	const struct swarm_options *wanted = host->scene->options;
	char *key = xasprintf("%s?token=%s", host->place.room,
			      wanted->host_token ? wanted->host_token : wanted->admin_token);
	const struct rtmp_client_options options = {
		.server = &host->place.target->rtmp,
		.key = key,
		.ops = &client_ops,
		.arg = host,
	};
	rtmp_client_create(&host->client, host->scene->loop, &options);
	free(key);
}

static void *create(struct scene *scene, const struct place *place, const struct host_media *media)
{
	struct rtmp_host *host = xcalloc(1, sizeof(*host));
	host->scene = scene;
	host->place = *place;
	host->file = media->files[0];
	timer_init(&host->next, scene->loop, on_next, host);
	connect_host(host);
	return host;
}

static void add_figures(const void *arg, struct host_figures *sum)
{
	const struct rtmp_host *host = arg;
	sum->wanted++;
	sum->live += host->live;
	sum->frames += host->figures.frames;
	sum->bytes += host->figures.bytes;
	sum->connections += host->figures.connections;
}

static void destroy(void *arg)
{
	struct rtmp_host *host = arg;
	timer_stop(&host->next);
	rtmp_client_destroy(host->client);
	free(host);
}

const struct host_ops rtmp_host_ops = {
	.create = create,
	.add_figures = add_figures,
	.destroy = destroy,
};
