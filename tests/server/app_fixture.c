#include "tests/server/app_fixture.h"

#include "server/control.h"
#include "server/core/alloc.h"
#include "server/core/http_server.h"
#include "server/core/loop.h"
#include "server/core/mqueue.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TURNS = 20, SETTLE_TURNS = 4000 };

static int64_t added_us;

static int64_t mono_us(const struct clock *clock)
{
	(void)clock;
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 + added_us;
}

void app_fixture_turn(struct app_fixture *f)
{
	for (int i = 0; i < TURNS; i++) {
		loop_run_due(f->app.loop);
		loop_poll(f->app.loop);
		for (unsigned w = 0; w < f->app.worker_count; w++) {
			loop_run_due(f->app.workers[w]->loop);
			loop_poll(f->app.workers[w]->loop);
		}
	}
}

void app_fixture_settle(struct app_fixture *f)
{
	for (int i = 0; i < SETTLE_TURNS; i++) {
		app_fixture_turn(f);
		if (app_settled(&f->app))
			break;
	}
	cr_assert(app_settled(&f->app));
	app_fixture_turn(f);
}

void app_fixture_advance(struct app_fixture *f, int64_t by_us)
{
	added_us += by_us;
	app_fixture_turn(f);
}

static void parse_config(struct app_fixture *f, const char *workers)
{
	struct option_error error;
	char *const argv[] = { "soukd",       "--data",        f->dir,
			       "--http",      "127.0.0.1:0",   "--rtmp",
			       "127.0.0.1:0", "--udp",         "127.0.0.1:0",
			       "--workers",   (char *)workers, "--log-level",
			       "error",       "--transcoder",  "/nowhere/souk-transcoder",
			       "--web",       f->dir,          "--store-sync",
			       "normal",      "--admit-load",  "100" };
	cr_assert(eq(int, config_parse(&f->app.config, sizeof(argv) / sizeof(*argv), argv, &error),
		     0));
}

void app_fixture_start(struct app_fixture *f, const char *workers)
{
	*f = (struct app_fixture){ .dir = "/tmp/souk-app-XXXXXX" };
	cr_assert(ne(ptr, mkdtemp(f->dir), NULL));
	parse_config(f, workers);
	cr_assert(eq(int, app_create(&f->app), 0));
	f->app.clock.mono_us = mono_us;
	f->worker = f->app.workers[0];
	for (unsigned i = 0; i < f->app.worker_count; i++)
		worker_open(f->app.workers[i]);
	app_fixture_settle(f);
	char admin[512];
	snprintf(admin, sizeof(admin), "Authorization: Bearer %s\r\n",
		 app_fixture_token(f, "*", JWT_ADMIN, "root"));
	cr_assert(eq(int, app_fixture_request(f, "POST", "/api/rooms", admin, "{\"id\":\"demo\"}"),
		     201));
	cr_assert(eq(int,
		     app_fixture_host(f, "POST", "/api/rooms/demo/products",
				      "{\"sku\":\"A1\",\"title\":\"Tea\",\"stock\":100,"
				      "\"price\":{\"minor\":19900,\"cur\":\"CNY\"}}"),
		     201));
	app_fixture_advance(f, FEED_FLUSH_US);
}

static void remove_dir(const char *dir)
{
	DIR *folder = opendir(dir);
	const struct dirent *entry;
	while (folder && (entry = readdir(folder))) {
		char *path = xasprintf("%s/%s", dir, entry->d_name);
		unlink(path);
		free(path);
	}
	if (folder)
		closedir(folder);
	rmdir(dir);
}

void app_fixture_stop(struct app_fixture *f)
{
	for (unsigned i = 0; i < f->app.worker_count; i++)
		worker_close(f->app.workers[i]);
	app_destroy(&f->app);
	config_finish(&f->app.config);
	remove_dir(f->dir);
	free(f->head);
	free(f->body);
}

const char *app_fixture_token(struct app_fixture *f, const char *room, enum jwt_role role,
			      const char *sub)
{
	static char text[1024];
	struct jwt_claims claims = { .role = role, .exp_s = worker_now_s(f->worker) + 60 };
	snprintf(claims.room, sizeof(claims.room), "%s", room);
	snprintf(claims.sub, sizeof(claims.sub), "%s", sub);
	char *token = jwt_sign(f->app.jwt_key, &claims);
	cr_assert(ne(ptr, token, NULL));
	snprintf(text, sizeof(text), "%s", token);
	free(token);
	return text;
}

static void take_reply(struct app_fixture *f, struct loopback_client *client)
{
	const char *text = bytes_string(&client->in);
	const char *end = strstr(text, "\r\n\r\n");
	cr_assert(ne(ptr, (void *)end, NULL), "no reply: %s", text);
	free(f->head);
	free(f->body);
	f->status = atoi(text + strlen("HTTP/1.1 "));
	f->head = xstrndup(text, (size_t)(end - text) + 2);
	f->body = xstrdup(end + 4);
}

int app_fixture_request(struct app_fixture *f, const char *method, const char *path,
			const char *fields, const char *body)
{
	struct loopback_client client;
	struct addr peer;
	cr_assert(eq(int, addr_set(&peer, "127.0.0.1", 4321), 0));
	http_server_accept(f->worker->http, loopback_client_open(&client), &peer, NULL);
	char *request = xasprintf("%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s"
				  "Content-Length: %zu\r\n\r\n%s",
				  method, path, fields ? fields : "", body ? strlen(body) : 0,
				  body ? body : "");
	loopback_client_text(&client, request);
	free(request);
	for (int i = 0; i < SETTLE_TURNS && !client.ended; i++) {
		app_fixture_turn(f);
		loopback_client_turn(&client, f->worker->loop);
	}
	take_reply(f, &client);
	loopback_client_close(&client);
	return f->status;
}

int app_fixture_host(struct app_fixture *f, const char *method, const char *path, const char *body)
{
	char fields[1200];
	snprintf(fields, sizeof(fields), "Authorization: Bearer %s\r\n",
		 app_fixture_token(f, "demo", JWT_HOST, "anna"));
	return app_fixture_request(f, method, path, fields, body);
}

bool head_has(const struct app_fixture *f, const char *text)
{
	return strstr(f->head, text) != NULL;
}

bool body_has(const struct app_fixture *f, const char *text)
{
	return strstr(f->body, text) != NULL;
}

static int carrier_send(void *arg, struct live_text *text)
{
	struct fake_carrier *carrier = arg;
	if (carrier->answer)
		return carrier->answer;
	cr_assert(lt(sz, carrier->count, CARRIER_TEXTS));
	carrier->texts[carrier->count++] =
		xstrndup((const char *)text->text->data, text->text->len);
	return 0;
}

static void carrier_end(void *arg, int code, const char *reason)
{
	struct fake_carrier *carrier = arg;
	carrier->code = code;
	snprintf(carrier->reason, sizeof(carrier->reason), "%s", reason);
}

void fake_carrier_open(struct fake_carrier *carrier, struct room_view *view, const char *sub)
{
	static const struct live_carrier_ops ops = { .send = carrier_send, .end = carrier_end };
	struct jwt_claims claims = {
		.room = "demo",
		.role = JWT_VIEWER,
		.exp_s = worker_now_s(view->worker) + 60,
	};
	*carrier = (struct fake_carrier){ 0 };
	snprintf(claims.sub, sizeof(claims.sub), "%s", sub ? sub : "");
	live_init(&carrier->live, view, sub ? &claims : NULL, &ops, carrier);
	live_greet(&carrier->live);
}

void fake_carrier_receive(struct fake_carrier *carrier, const char *text)
{
	live_receive(&carrier->live, text, strlen(text));
}

size_t fake_carrier_saw(const struct fake_carrier *carrier, const char *text)
{
	size_t count = 0;
	for (size_t i = 0; i < carrier->count; i++)
		for (const char *at = carrier->texts[i]; (at = strstr(at, text));
		     at += strlen(text))
			count++;
	return count;
}

void fake_carrier_forget(struct fake_carrier *carrier)
{
	for (size_t i = 0; i < carrier->count; i++)
		free(carrier->texts[i]);
	carrier->count = 0;
}

void fake_carrier_close(struct fake_carrier *carrier)
{
	fake_carrier_forget(carrier);
	live_finish(&carrier->live);
}
