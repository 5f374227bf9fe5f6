/*
 * The same bytes for many sockets without a copy for each: what is written to one after the other
 * is laid into a file in memory, and sendfile() hands every socket that file's pages. No page is
 * ever written twice, so it does not matter how long sockets keep them: other bytes get another
 * file, and pages in flight outlive theirs (decision 0018). What is too small for that is put
 * together in one piece, once for all. Belongs to its loop's thread. SIGPIPE must be ignored, for
 * sendfile() knows no MSG_NOSIGNAL.
 */
#ifndef SOUK_CORE_PAGE_SHARE_H
#define SOUK_CORE_PAGE_SHARE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;
struct page_share;

enum {
	PAGE_SHARE_RUNS = 8, /* kept at a time; the oldest goes */
	PAGE_SHARE_BUFS = 32, /* of a run */
	PAGE_SHARE_MIN = 16 * 1024, /* bytes; less is copied, which is cheaper */
	PAGE_SHARE_MAX = 1024 * 1024,
	PAGE_SHARE_AFTER = 2, /* sockets that are left to the caller before it is worth it */
};

int page_share_create(struct page_share **out) __attribute__((warn_unused_result));

/* Writes the buffers to a non-blocking socket. Bytes that it took, -EAGAIN or its error; -ENOSYS:
 * nothing was done, they are to be written the usual way. Keeps references to the buffers for as
 * long as it may meet them again. */
ssize_t page_share_send(struct page_share *share, int socket, struct buf *const *bufs,
			size_t count);

/* Lets go of what nobody was sent since the last call: without readers no newer run comes. */
void page_share_rest(struct page_share *share);

uint64_t page_share_sent(const struct page_share *share); /* bytes that were not copied */

void page_share_destroy(struct page_share *share); /* takes NULL */

#endif
