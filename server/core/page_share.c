#include "server/core/page_share.h"

#include "server/core/alloc.h"
#include "server/core/buf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Buffers that were written together. The references make sure that the same pointers are the same
 * bytes. */
struct run {
	struct buf *bufs[PAGE_SHARE_BUFS];
	size_t count;
	size_t len;
	unsigned seen; /* times it was asked for */
	int file; /* -1: not laid out */
	struct buf *joined; /* of a small run; NULL: not yet */
	bool rested; /* since the last page_share_rest() */
};

struct page_share {
	struct run runs[PAGE_SHARE_RUNS];
	size_t oldest;
	uint64_t sent;
	bool refused; /* this kernel or a sandbox does not let us */
};

static void run_finish(struct run *run)
{
	for (size_t i = 0; i < run->count; i++)
		buf_unref(run->bufs[i]);
	if (run->file >= 0)
		close(run->file);
	buf_unref(run->joined);
	*run = (struct run){ .file = -1 };
}

int page_share_create(struct page_share **out)
{
	struct page_share *share = xcalloc(1, sizeof(*share));
	for (size_t i = 0; i < PAGE_SHARE_RUNS; i++)
		share->runs[i].file = -1;
	*out = share;
	return 0;
}

static struct run *find(struct page_share *share, struct buf *const *bufs, size_t count)
{
	for (size_t i = 0; i < PAGE_SHARE_RUNS; i++) {
		struct run *run = &share->runs[i];
		if (run->count == count && !memcmp(run->bufs, bufs, count * sizeof(struct buf *)))
			return run;
	}
	return NULL;
}

static void remember(struct page_share *share, struct buf *const *bufs, size_t count)
{
	struct run *run = &share->runs[share->oldest];
	share->oldest = (share->oldest + 1) % PAGE_SHARE_RUNS;
	run_finish(run);
	for (size_t i = 0; i < count; i++) {
		run->bufs[i] = buf_ref(bufs[i]);
		run->len += bufs[i]->len;
	}
	run->count = count;
	run->seen = 1;
	run->rested = false;
}

/* False when there is no such file, now or ever. */
static bool lay_out(struct page_share *share, struct run *run)
{
	struct iovec iovs[PAGE_SHARE_BUFS];
	for (size_t i = 0; i < run->count; i++)
		iovs[i] = (struct iovec){ run->bufs[i]->data, run->bufs[i]->len };
	const int file = memfd_create("souk-run", MFD_CLOEXEC);
	if (file < 0) {
		share->refused = errno == ENOSYS || errno == EPERM;
		return false;
	}
	if (writev(file, iovs, (int)run->count) != (ssize_t)run->len) {
		close(file);
		return false;
	}
	run->file = file;
	return true;
}

static bool fits(struct buf *const *bufs, size_t count)
{
	size_t len = 0;
	for (size_t i = 0; i < count && count <= PAGE_SHARE_BUFS; i++)
		len += bufs[i]->len;
	return len && len <= PAGE_SHARE_MAX && (len >= PAGE_SHARE_MIN || count > 1);
}

static struct buf *join(const struct run *run)
{
	struct buf *joined = buf_create(run->len);
	size_t at = 0;
	for (size_t i = 0; joined && i < run->count; i++) {
		memcpy(joined->data + at, run->bufs[i]->data, run->bufs[i]->len);
		at += run->bufs[i]->len;
	}
	return joined;
}

/* One piece for send(), which costs less than sendmsg() with a list of several. */
static ssize_t send_joined(struct run *run, int socket)
{
	if (!run->joined)
		run->joined = join(run);
	if (!run->joined)
		return -ENOSYS;
	ssize_t sent;
	do
		sent = send(socket, run->joined->data, run->len, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

ssize_t page_share_send(struct page_share *share, int socket, struct buf *const *bufs, size_t count)
{
	if (share->refused || !fits(bufs, count))
		return -ENOSYS;
	struct run *run = find(share, bufs, count);
	if (!run) {
		remember(share, bufs, count);
		return -ENOSYS;
	}
	run->rested = false;
	if (run->len < PAGE_SHARE_MIN)
		return ++run->seen <= PAGE_SHARE_AFTER ? -ENOSYS : send_joined(run, socket);
	if (run->file < 0 && (++run->seen <= PAGE_SHARE_AFTER || !lay_out(share, run)))
		return -ENOSYS;
	off_t at = 0;
	ssize_t sent;
	do
		sent = sendfile(socket, run->file, &at, run->len);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0) {
		share->sent += (uint64_t)sent;
		return sent;
	}
	/* What neither a full nor a broken socket says: this file does not go into it. */
	share->refused = errno == EINVAL || errno == ENOSYS;
	return share->refused ? -ENOSYS : -errno;
}

void page_share_rest(struct page_share *share)
{
	for (size_t i = 0; i < PAGE_SHARE_RUNS; i++) {
		if (share->runs[i].rested)
			run_finish(&share->runs[i]);
		share->runs[i].rested = true;
	}
}

uint64_t page_share_sent(const struct page_share *share)
{
	return share->sent;
}

void page_share_destroy(struct page_share *share)
{
	if (!share)
		return;
	for (size_t i = 0; i < PAGE_SHARE_RUNS; i++)
		run_finish(&share->runs[i]);
	free(share);
}
