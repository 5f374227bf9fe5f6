#include "server/process.h"

#include "server/admin.h"
#include "server/app.h"
#include "server/core/json.h"
#include "server/core/listener.h"
#include "server/core/loop.h"
#include "server/worker.h"
#include "signaling/udp_port.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Draining takes half a second, so that what was on its way arrives, and at most ten. */
enum { DRAIN_CHECK_US = 100000, DRAIN_MIN_CHECKS = 5, DRAIN_MAX_CHECKS = 100 };

struct process {
	struct app *app;
	struct admin *admin;
	struct event *signals;
	int signal_fd;
	struct timer drain;
	int checks;
};

/* Before any thread exists, so that none of them is interrupted. */
static int open_signals(struct process *process)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	process->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return process->signal_fd < 0 ? -errno : 0;
}

/* Thousands of viewers are thousands of descriptors. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void on_drain_check(void *arg)
{
	struct process *process = arg;
	process->checks++;
	const bool settled = app_settled(process->app) && process->checks >= DRAIN_MIN_CHECKS;
	if (settled || process->checks >= DRAIN_MAX_CHECKS)
		loop_stop(process->app->loop);
	else
		timer_start(&process->drain, DRAIN_CHECK_US);
}

static void drain(struct process *process)
{
	if (atomic_load(&process->app->draining)) {
		loop_stop(process->app->loop); /* asked twice: now */
		return;
	}
	app_drain(process->app);
	timer_start(&process->drain, DRAIN_CHECK_US);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct process *process = arg;
	struct signalfd_siginfo info;
	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			app_reload(process->app);
		else
			drain(process);
	}
}

static int watch_signals(struct process *process)
{
	process->signals = event_new(loop_base(process->app->loop), process->signal_fd,
				     EV_READ | EV_PERSIST, on_signal, process);
	return process->signals && event_add(process->signals, NULL) == 0 ? 0 : -ENOMEM;
}

static json_t *addr_json(const struct addr *addr)
{
	char text[ADDR_TEXT];
	if (!addr)
		return json_null();
	addr_format(addr, text);
	return json_string(text);
}

static json_t *listener_json(const struct listener *listener)
{
	return addr_json(listener ? listener_addr(listener) : NULL);
}

static void print_ready(const struct process *process)
{
	const struct app *app = process->app;
	const struct worker *first = app->workers[0];
	json_t *udp = json_array();
	for (unsigned i = 0; i < app->worker_count; i++)
		json_array_append_new(udp, addr_json(udp_port_addr(app->workers[i]->udp)));
	json_t *ready = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o}", "http", listener_json(first->http_listener),
		"https", listener_json(first->https_listener), "rtmp",
		listener_json(first->rtmp_listener), "rtmps", listener_json(first->rtmps_listener),
		"udp", udp, "admin", addr_json(admin_addr(process->admin)));
	char *text = json_text(ready);
	printf("ready %s\n", text);
	fflush(stdout);
	free(text);
	json_decref(ready);
}

static int start(struct process *process)
{
	struct app *app = process->app;
	int err = open_signals(process);
	if (err)
		return err;
	raise_descriptor_limit();
	err = app_create(app);
	if (err)
		return err;
	timer_init(&process->drain, app->loop, on_drain_check, process);
	err = watch_signals(process);
	if (!err)
		err = admin_create(&process->admin, app);
	if (!err)
		err = app_start(app);
	if (!err)
		print_ready(process);
	return err;
}

static void end(struct process *process)
{
	timer_stop(&process->drain);
	admin_destroy(process->admin);
	if (process->signals)
		event_free(process->signals);
	app_destroy(process->app);
	if (process->signal_fd >= 0)
		close(process->signal_fd);
}

int process_run(struct app *app)
{
	struct process process = { .app = app, .signal_fd = -1 };
	const int err = start(&process);
	if (!err) {
		loop_run(app->loop);
		log_info(&app->log, "ending");
	}
	end(&process);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
