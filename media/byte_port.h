/*
 * How muxed bytes leave this folder: the server binds a port of this kind to an HTTP reply or a
 * WebSocket. Calls are made on the thread of the worker that owns the connection.
 */
#ifndef SOUK_MEDIA_BYTE_PORT_H
#define SOUK_MEDIA_BYTE_PORT_H

#include <stddef.h>

struct buf;

struct byte_port_ops {
	/* Sends `count` buffers in order, as one write where possible; keeps its own references to
	 * what had to wait. -ENOBUFS when too much waits already (nothing was taken), -ENOTCONN
	 * once the connection is gone. */
	int (*send)(void *arg, struct buf *const *bufs, size_t count);
	/* Bytes accepted by send() that the kernel has not taken yet. */
	size_t (*backlog)(void *arg);
	/* Ends the connection soon (never inside the call): the reader is too slow, or the show is
	 * over. */
	void (*close)(void *arg);
};

struct byte_port {
	const struct byte_port_ops *ops;
	void *arg;
};

#endif
