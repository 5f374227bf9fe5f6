#include "media/transcode_child.h"

#include "server/core/alloc.h"
#include "server/core/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	READ_LEN = 64 * 1024, /* at a time */
	READ_CAP = PROTOCOL_MESSAGE_MAX + READ_LEN,
	WRITE_CAP = 12 * 1024 * 1024, /* a cached GOP and some live pictures */
	START_MAX_US = 10 * 1000000, /* until HELLO; it takes 0.2 s */
};

struct transcode_child {
	struct list link; /* in `dying` once killed */
	struct list *dying;
	struct event_base *base;
	const struct transcode_child_ops *ops; /* NULL: nobody is told any more */
	void *arg;
	int fd;
	int pidfd;
	pid_t pid;
	bool ready;
	bool video;
	bool ended; /* on_end is under way or was told */
	struct event *readable;
	struct event *writable;
	struct event *exited;
	struct timer start;
	struct deferred end;
	struct deferred flush; /* all messages of a turn leave at once, and wake it once */
	struct bytes in;
	struct bytes out;
};

static void child_free(struct transcode_child *child)
{
	if (child->readable)
		event_free(child->readable);
	if (child->writable)
		event_free(child->writable);
	if (child->exited)
		event_free(child->exited);
	if (child->fd >= 0)
		close(child->fd);
	if (child->pidfd >= 0)
		close(child->pidfd);
	bytes_finish(&child->in);
	bytes_finish(&child->out);
	free(child);
}

static void tell_end(void *arg)
{
	struct transcode_child *child = arg;
	if (child->ops)
		child->ops->on_end(child->arg);
}

/* Told from the loop, so that nobody's call fails in the middle of something else. */
static void end(struct transcode_child *child)
{
	if (child->ended)
		return;
	child->ended = true;
	event_del(child->readable);
	event_del(child->writable);
	loop_defer(child->start.loop, &child->end);
}

static void on_start_timeout(void *arg)
{
	end(arg);
}

static int on_message(struct transcode_child *child, const struct protocol_message *message)
{
	switch (message->type) {
	case PROTOCOL_HELLO:
		if (child->ready || message->hello.version != PROTOCOL_VERSION)
			return -EPROTO;
		child->ready = true;
		child->video = message->hello.video;
		timer_stop(&child->start);
		return 0;
	case PROTOCOL_FRAME:
	case PROTOCOL_PROGRESS:
	case PROTOCOL_RUNG_CONFIG:
	case PROTOCOL_RUNG_FRAME:
	case PROTOCOL_JPEG:
		if (!child->ready || !child->ops)
			return -EPROTO;
		return child->ops->on_message(message, child->arg);
	default:
		return -EPROTO;
	}
}

/* Works off the messages that are complete. The child may be killed by what it is told meanwhile.
 */
static int parse(struct transcode_child *child)
{
	size_t at = 0;
	int err = 0;
	while (!err && child->fd >= 0) {
		struct protocol_message message;
		const int len = protocol_parse(child->in.data + at, child->in.len - at, &message);
		if (len <= 0) {
			err = len;
			break;
		}
		at += (size_t)len;
		err = on_message(child, &message);
	}
	bytes_consume(&child->in, at);
	return err;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct transcode_child *child = arg;
	uint8_t data[READ_LEN];
	const ssize_t len = recv(fd, data, sizeof(data), MSG_DONTWAIT);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len > 0)
		bytes_put(&child->in, data, (size_t)len);
	if (len <= 0 || parse(child))
		end(child);
}

static int flush(struct transcode_child *child)
{
	while (child->out.len > 0) {
		const ssize_t len = send(child->fd, child->out.data, child->out.len,
					 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN)
			return event_add(child->writable, NULL) ? -ENOMEM : 0;
		if (len < 0)
			return -EPIPE;
		bytes_consume(&child->out, (size_t)len);
	}
	return 0;
}

static void flush_or_end(void *arg)
{
	struct transcode_child *child = arg;
	if (!child->ended && flush(child))
		end(child);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flush_or_end(arg);
}

static void on_exited(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct transcode_child *child = arg;
	siginfo_t info = { 0 };
	if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) || info.si_pid == 0)
		return;
	list_remove(&child->link);
	child_free(child);
}

/* The child gets its end of the socket, nothing to read, our stderr, and nothing else of ours. In a
 * process group of its own: a Ctrl-C at the terminal is for us, the child ends with its socket. */
static int spawn_with(pid_t *pid, const char *path, char *const *argv, int fd,
		      posix_spawnattr_t *attributes, posix_spawn_file_actions_t *actions)
{
	char *const environment[] = { NULL };
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	int err = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!err)
		err = posix_spawn_file_actions_adddup2(actions, STDERR_FILENO, STDOUT_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(actions, fd, PROTOCOL_FD);
	if (!err)
		err = posix_spawn_file_actions_addclosefrom_np(actions, PROTOCOL_FD + 1);
	if (!err)
		err = posix_spawnattr_setsigmask(attributes, &none);
	if (!err)
		err = posix_spawnattr_setsigdefault(attributes, &all);
	if (!err)
		err = posix_spawnattr_setpgroup(attributes, 0);
	if (!err)
		err = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK |
								   POSIX_SPAWN_SETSIGDEF |
								   POSIX_SPAWN_SETPGROUP);
	if (!err)
		err = posix_spawn(pid, path, actions, attributes, argv, environment);
	return -err;
}

static int spawn(pid_t *pid, const struct transcode_program *program, int fd)
{
	/* posix_spawn does not write to them. */
	char *argv[6] = { "souk-transcoder" };
	size_t count = 1;
	if (program->encoder) {
		argv[count++] = "--encoder";
		argv[count++] = (char *)program->encoder;
	}
	if (program->preset) {
		argv[count++] = "--preset";
		argv[count++] = (char *)program->preset;
	}
	posix_spawnattr_t attributes;
	posix_spawn_file_actions_t actions;
	int err = -posix_spawnattr_init(&attributes);
	if (err)
		return err;
	err = -posix_spawn_file_actions_init(&actions);
	if (!err) {
		err = spawn_with(pid, program->path, argv, fd, &attributes, &actions);
		posix_spawn_file_actions_destroy(&actions);
	}
	posix_spawnattr_destroy(&attributes);
	return err;
}

static int start(struct transcode_child *child, const struct transcode_program *program)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	child->fd = pair[0];
	const int err = spawn(&child->pid, program, pair[1]);
	close(pair[1]);
	if (err)
		return err;
	child->pidfd = pidfd_open(child->pid, 0);
	if (child->pidfd >= 0)
		return 0;
	const int pidfd_err = -errno;
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	return pidfd_err;
}

/* Once the process runs, whatever fails ends it by the way of a kill. */
static int watch(struct transcode_child *child)
{
	child->readable =
		event_new(child->base, child->fd, EV_READ | EV_PERSIST, on_readable, child);
	child->writable = event_new(child->base, child->fd, EV_WRITE, on_writable, child);
	child->exited =
		event_new(child->base, child->pidfd, EV_READ | EV_PERSIST, on_exited, child);
	if (!child->readable || !child->writable || !child->exited)
		return -ENOMEM;
	return event_add(child->readable, NULL) ? -ENOMEM : 0;
}

int transcode_child_create(struct transcode_child **out, struct loop *loop,
			   const struct transcode_program *program, struct list *dying)
{
	struct transcode_child *child = xcalloc(1, sizeof(*child));
	list_init(&child->link);
	child->dying = dying;
	child->base = loop_base(loop);
	child->fd = -1;
	child->pidfd = -1;
	child->video = true;
	timer_init(&child->start, loop, on_start_timeout, child);
	deferred_init(&child->end, tell_end, child);
	deferred_init(&child->flush, flush_or_end, child);
	bytes_init(&child->in, READ_CAP);
	bytes_init(&child->out, WRITE_CAP);
	int err = start(child, program);
	if (err) {
		child_free(child);
		return err;
	}
	err = watch(child);
	if (err) {
		transcode_child_kill(child);
		return err;
	}
	timer_start(&child->start, START_MAX_US);
	*out = child;
	return 0;
}

void transcode_child_bind(struct transcode_child *child, const struct transcode_child_ops *ops,
			  void *arg)
{
	child->ops = ops;
	child->arg = arg;
}

bool transcode_child_ready(const struct transcode_child *child)
{
	return child->ready;
}

bool transcode_child_video(const struct transcode_child *child)
{
	return child->video;
}

pid_t transcode_child_pid(const struct transcode_child *child)
{
	return child->pid;
}

int transcode_child_send(struct transcode_child *child, const struct protocol_message *message)
{
	if (child->ended)
		return -EPIPE;
	const bool waits = child->out.len > 0;
	const int err = protocol_write(&child->out, message);
	if (!err && !waits)
		loop_defer(child->start.loop, &child->flush);
	return err;
}

void transcode_child_kill(struct transcode_child *child)
{
	if (!child)
		return;
	child->ops = NULL;
	child->ended = true;
	timer_stop(&child->start);
	deferred_cancel(&child->end);
	deferred_cancel(&child->flush);
	if (child->readable)
		event_del(child->readable);
	if (child->writable)
		event_del(child->writable);
	close(child->fd);
	child->fd = -1;
	/* Not yet waited for, so the number is still its own. */
	kill(child->pid, SIGKILL);
	list_append(child->dying, &child->link);
	if (child->exited)
		event_add(child->exited, NULL);
}

void transcode_children_wait(struct list *dying)
{
	list_for_each_safe (link, dying) {
		struct transcode_child *child = list_entry(link, struct transcode_child, link);
		while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
			;
		list_remove(&child->link);
		child_free(child);
	}
}
