/*
 * One souk-transcoder process, seen from soukd: started, fed, listened to, killed. It is not
 * trusted: what it sends is bounded and checked, and it is killed at the first nonsense. Owner: the
 * thread of the loop. Nothing blocks but transcode_children_wait().
 */
#ifndef SOUK_MEDIA_TRANSCODE_CHILD_H
#define SOUK_MEDIA_TRANSCODE_CHILD_H

#include "media/transcoder/protocol.h"
#include "server/core/list.h"

#include <stdbool.h>
#include <sys/types.h>

struct loop;
struct transcode_child;

/* What is started, and the options it is given; NULL: its own defaults. */
struct transcode_program {
	const char *path;
	const char *encoder;
	const char *preset;
};

struct transcode_child_ops {
	/* All but HELLO. An error says that it is nonsense; on_end follows. */
	int (*on_message)(const struct protocol_message *message, void *arg);
	/* Died, hung while starting, or talked nonsense. Whoever is told kills it. */
	void (*on_end)(void *arg);
};

/* `dying` is where a killed child waits for its end (a list of the children's own). */
int transcode_child_create(struct transcode_child **out, struct loop *loop,
			   const struct transcode_program *program, struct list *dying)
	__attribute__((warn_unused_result));

/* From now on these are told. May be called again to hand the child over. */
void transcode_child_bind(struct transcode_child *child, const struct transcode_child_ops *ops,
			  void *arg);

/* It has said HELLO: it is in its sandbox and waits. Messages may be sent before. */
bool transcode_child_ready(const struct transcode_child *child);

/* False once it has said that it cannot encode pictures. */
bool transcode_child_video(const struct transcode_child *child);

pid_t transcode_child_pid(const struct transcode_child *child);

/* -ENOBUFS when it has too much to read already, -EPIPE when it is gone (on_end follows). */
int transcode_child_send(struct transcode_child *child, const struct protocol_message *message)
	__attribute__((warn_unused_result));

/* Ends it; no callback fires afterwards. May be called inside of one. Takes NULL. */
void transcode_child_kill(struct transcode_child *child);

/* Waits for the end of those that were killed: a few milliseconds. */
void transcode_children_wait(struct list *dying);

#endif
