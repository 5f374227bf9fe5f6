/*
 * A publisher of ours at another RTMP server: handshake, connect, publish, then FLV tags as
 * messages whose times begin at 0. It knows no socket: the owner feeds bytes and sends what comes
 * out. What the peer sends is untrusted. One thread.
 */
#ifndef SOUK_MEDIA_RTMP_PUSH_H
#define SOUK_MEDIA_RTMP_PUSH_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct bytes;
struct rtmp_push;

enum {
	RTMP_PUSH_MEMORY_MAX = 64 * 1024, /* of the peer's messages in the making */
	RTMP_PUSH_CODE_MAX = 64,
};

struct rtmp_push_ops {
	/* Bytes for the peer; the owner copies or sends them. */
	void (*output)(void *arg, const void *data, size_t len);
	/* The peer takes the show: tags may be sent. Once. */
	void (*ready)(void *arg);
	/* The peer refused, or speaks no RTMP: what it said ("NetStream.Publish.BadName",
	 * printable, perhaps empty). Once; nothing follows. The owner may not destroy it inside the
	 * call. */
	void (*refused)(void *arg, const char *code);
};

/* "rtmp://host/app/key": the texts must outlive it. */
struct rtmp_push_target {
	const char *tc_url; /* "rtmp://host/app" */
	const char *app;
	const char *key; /* with its query */
};

int rtmp_push_create(struct rtmp_push **out, const struct rtmp_push_target *target,
		     const struct rtmp_push_ops *ops, void *arg)
	__attribute__((warn_unused_result));

/* The first bytes: once the connection stands, or before. */
void rtmp_push_begin(struct rtmp_push *push);
void rtmp_push_feed(struct rtmp_push *push, const void *data, size_t len);

/* Appends whole FLV tags (of media/output/flv_muxer) as chunks; the file's header is left out.
 * After ready(). */
void rtmp_push_tags(struct rtmp_push *push, struct buf *const *tags, size_t count,
		    struct bytes *out);

/* The last bytes of a show that ends in good order. */
void rtmp_push_goodbye(struct rtmp_push *push);

void rtmp_push_destroy(struct rtmp_push *push); /* takes NULL */

#endif
