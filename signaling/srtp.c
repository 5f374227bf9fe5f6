#include "signaling/srtp.h"

#include "server/core/alloc.h"
#include "server/core/bits.h"
#include "signaling/srtp_cipher.h"
#include "signaling/srtp_libsrtp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	RTP_FIXED = 12,
	RTCP_FIXED = 8,
	WORD = 4,
	SEQ_HALF = 0x8000,
	RTP_WINDOW = 1024, /* a NACKed packet comes back up to a second late */
	RTCP_WINDOW = 64,
	/* Sent while the new path was not up yet: an RTCP packet each 0.2 to 1 s. */
	RTCP_AHEAD = 64,
};

static const uint32_t RTCP_ENCRYPTED = 1u << 31; /* RFC 3711 §3.4: the E bit */

/* ---- indices ---- */

/* RFC 3711 §3.3.1 and appendix A: the index nearest to the highest one so far. */
static uint64_t guess_index(uint64_t highest, uint16_t seq)
{
	const uint16_t last = (uint16_t)highest;
	uint64_t roc = highest >> 16;
	if (last < SEQ_HALF) {
		if (seq > last + SEQ_HALF && roc > 0)
			roc--;
	} else if (seq < last - SEQ_HALF) {
		roc++;
	}
	return roc << 16 | seq;
}

struct window {
	uint64_t top;
	uint64_t bits[RTP_WINDOW / 64]; /* bit i % size: index i was seen */
};

static bool window_has(const struct window *window, unsigned size, uint64_t index)
{
	if (index > window->top)
		return false;
	if (window->top - index >= size)
		return true;
	return window->bits[index % size / 64] >> index % 64 & 1;
}

static void window_add(struct window *window, unsigned size, uint64_t index)
{
	if (index > window->top) {
		const uint64_t ahead = index - window->top;
		if (ahead >= size)
			memset(window->bits, 0, size / 8);
		for (uint64_t i = ahead < size ? window->top + 1 : index; i <= index; i++)
			window->bits[i % size / 64] &= ~(1ull << i % 64);
		window->top = index;
	}
	window->bits[index % size / 64] |= 1ull << index % 64;
}

struct packet_ids {
	uint32_t ssrc;
	uint16_t seq;
	size_t header_len;
};

/* RFC 3550 §5.1, §5.3.1: fixed header, CSRCs, one extension. */
static int read_header(struct packet_ids *out, const uint8_t *packet, size_t len)
{
	struct bits bits;
	bits_init(&bits, packet, len);
	const unsigned first = bits_u8(&bits);
	bits_u8(&bits);
	out->seq = bits_be16(&bits);
	bits_be32(&bits);
	out->ssrc = bits_be32(&bits);
	bits_skip(&bits, (size_t)(first & 15) * 4);
	if (first & 0x10) {
		bits_be16(&bits);
		bits_skip(&bits, (size_t)bits_be16(&bits) * 4);
	}
	if (!bits_ok(&bits) || first >> 6 != 2)
		return -EBADMSG;
	out->header_len = len - bits_left(&bits);
	return 0;
}

static uint32_t read_be32(const uint8_t *at, size_t len)
{
	struct bits bits;
	bits_init(&bits, at, len);
	return bits_be32(&bits);
}

static void write_be32(uint8_t out[WORD], uint32_t value)
{
	for (int i = 0; i < WORD; i++)
		out[i] = (uint8_t)(value >> (24 - 8 * i));
}

static int create_cipher(struct srtp_cipher **out, const struct srtp_master *master, bool rtcp,
			 bool seal)
{
	struct srtp_session_keys keys;
	const struct srtp_cipher_ops *ops = srtp_cipher_find(master->profile);
	if (!ops)
		return -ENOTSUP;
	int err = srtp_derive(&keys, master, rtcp);
	if (!err)
		err = ops->create(out, &keys, rtcp, seal);
	explicit_bzero(&keys, sizeof(keys));
	return err;
}

/* ---- sending ---- */

struct tx_stream {
	uint32_t ssrc;
	uint64_t highest;
};

struct srtp_tx {
	const struct srtp_cipher_ops *ops;
	struct srtp_cipher *rtp, *rtcp;
	struct tx_stream streams[SRTP_STREAMS_MAX];
	unsigned count;
	uint32_t rtcp_index; /* one count for all our SSRCs: unique for each of them as well */
};

int srtp_tx_create(struct srtp_tx **out, const struct srtp_master *master)
{
	struct srtp_tx *tx = xcalloc(1, sizeof(*tx));
	tx->ops = srtp_cipher_find(master->profile);
	int err = create_cipher(&tx->rtp, master, false, true);
	if (!err)
		err = create_cipher(&tx->rtcp, master, true, true);
	if (err)
		srtp_tx_destroy(tx);
	else
		*out = tx;
	return err;
}

static struct tx_stream *tx_stream_of(struct srtp_tx *tx, const struct packet_ids *ids)
{
	for (unsigned i = 0; i < tx->count; i++)
		if (tx->streams[i].ssrc == ids->ssrc)
			return &tx->streams[i];
	if (tx->count == SRTP_STREAMS_MAX)
		return NULL;
	struct tx_stream *stream = &tx->streams[tx->count++];
	*stream = (struct tx_stream){ .ssrc = ids->ssrc, .highest = ids->seq };
	return stream;
}

void srtp_tx_memory(const struct srtp_tx *tx, struct iovec parts[2])
{
	parts[0] = (struct iovec){ (void *)tx, sizeof(*tx) };
	parts[1] = (struct iovec){ tx->rtp, tx->ops->size };
}

long srtp_tx_rtp(struct srtp_tx *tx, uint8_t *out, const uint8_t *header, size_t header_len,
		 const uint8_t *payload, size_t payload_len)
{
	struct packet_ids ids;
	if (read_header(&ids, header, header_len) || ids.header_len != header_len)
		return -EINVAL;
	struct tx_stream *stream = tx_stream_of(tx, &ids);
	if (!stream)
		return -ENOBUFS;
	const uint64_t index = guess_index(stream->highest, ids.seq);
	if (index > stream->highest)
		stream->highest = index;
	struct srtp_job job = {
		.ssrc = ids.ssrc,
		.index = index,
		.header = header,
		.header_len = header_len,
		.in = payload,
		.out = out + header_len,
		.len = payload_len,
		.tag = out + header_len + payload_len,
	};
	write_be32(job.word, (uint32_t)(index >> 16));
	memcpy(out, header, header_len);
	const int err = tx->ops->seal(tx->rtp, &job);
	return err ? err : (long)(header_len + payload_len + tx->ops->tag_len);
}

long srtp_tx_rtcp(struct srtp_tx *tx, uint8_t *out, const uint8_t *packet, size_t len)
{
	if (len < RTCP_FIXED)
		return -EINVAL;
	tx->rtcp_index = (tx->rtcp_index + 1) & ~RTCP_ENCRYPTED;
	uint8_t *end = out + len;
	const size_t tag_len = tx->ops->tag_len;
	struct srtp_job job = {
		.ssrc = read_be32(packet + 4, len - 4),
		.index = tx->rtcp_index,
		.header = packet,
		.header_len = RTCP_FIXED,
		.in = packet + RTCP_FIXED,
		.out = out + RTCP_FIXED,
		.len = len - RTCP_FIXED,
		.tag = tx->ops->word_before_tag ? end + WORD : end,
	};
	write_be32(job.word, tx->rtcp_index | RTCP_ENCRYPTED);
	memcpy(out, packet, RTCP_FIXED);
	const int err = tx->ops->seal(tx->rtcp, &job);
	memcpy(tx->ops->word_before_tag ? end : end + tag_len, job.word, WORD);
	return err ? err : (long)(len + WORD + tag_len);
}

void srtp_tx_destroy(struct srtp_tx *tx)
{
	if (!tx)
		return;
	if (tx->ops) {
		tx->ops->destroy(tx->rtp);
		tx->ops->destroy(tx->rtcp);
	}
	free(tx);
}

/* ---- receiving ---- */

struct rx_stream {
	uint32_t ssrc;
	struct window window;
};

struct rtcp_sender {
	uint32_t ssrc;
	uint64_t top;
	uint64_t seen; /* bit i: index top - i */
};

struct srtp_rx {
	const struct srtp_cipher_ops *ops;
	struct srtp_master master;
	struct srtp_libsrtp *library; /* opens RTP instead of us */
	struct srtp_cipher *rtp; /* made with the first RTP packet: viewers send none */
	struct srtp_cipher *rtcp;
	struct rx_stream *streams;
	unsigned count;
	struct rtcp_sender senders[SRTP_STREAMS_MAX];
	unsigned sender_count;
};

int srtp_rx_create(struct srtp_rx **out, const struct srtp_master *master, bool libsrtp)
{
	struct srtp_rx *rx = xcalloc(1, sizeof(*rx));
	rx->ops = srtp_cipher_find(master->profile);
	rx->master = *master;
	int err = create_cipher(&rx->rtcp, master, true, false);
	if (!err && libsrtp)
		err = srtp_libsrtp_create(&rx->library, master);
	if (err)
		srtp_rx_destroy(rx);
	else
		*out = rx;
	return err;
}

static struct rx_stream *rx_stream_of(const struct srtp_rx *rx, uint32_t ssrc)
{
	for (unsigned i = 0; i < rx->count; i++)
		if (rx->streams[i].ssrc == ssrc)
			return &rx->streams[i];
	return NULL;
}

static int prepare_rtp(struct srtp_rx *rx)
{
	if (rx->rtp)
		return 0;
	if (!rx->streams)
		rx->streams = xcalloc(SRTP_STREAMS_MAX, sizeof(*rx->streams));
	return create_cipher(&rx->rtp, &rx->master, false, false);
}

int srtp_rx_rtp(struct srtp_rx *rx, uint8_t *packet, size_t *len)
{
	if (rx->library)
		return srtp_libsrtp_open(rx->library, packet, len);
	const size_t tag_len = rx->ops->tag_len;
	struct packet_ids ids;
	if (prepare_rtp(rx))
		return -ENOMEM;
	if (read_header(&ids, packet, *len) || *len - ids.header_len < tag_len)
		return -EBADMSG;
	struct rx_stream *stream = rx_stream_of(rx, ids.ssrc);
	if (!stream && rx->count == SRTP_STREAMS_MAX)
		return -ENOBUFS;
	const uint64_t index = stream ? guess_index(stream->window.top, ids.seq) : ids.seq;
	if (stream && window_has(&stream->window, RTP_WINDOW, index))
		return -EALREADY;
	struct srtp_job job = {
		.ssrc = ids.ssrc,
		.index = index,
		.header = packet,
		.header_len = ids.header_len,
		.in = packet + ids.header_len,
		.out = packet + ids.header_len,
		.len = *len - ids.header_len - tag_len,
		.tag = packet + *len - tag_len,
	};
	write_be32(job.word, (uint32_t)(index >> 16));
	if (rx->ops->open(rx->rtp, &job))
		return -EBADMSG;
	/* Only what authenticates may take a place among the streams. */
	if (!stream) {
		stream = &rx->streams[rx->count++];
		*stream = (struct rx_stream){ .ssrc = ids.ssrc, .window.top = index };
	}
	window_add(&stream->window, RTP_WINDOW, index);
	*len -= tag_len;
	return 0;
}

static struct rtcp_sender *sender_of(const struct srtp_rx *rx, uint32_t ssrc)
{
	for (unsigned i = 0; i < rx->sender_count; i++)
		if (rx->senders[i].ssrc == ssrc)
			return (struct rtcp_sender *)&rx->senders[i];
	return NULL;
}

static bool sender_had(const struct rtcp_sender *sender, uint64_t index)
{
	if (index > sender->top)
		return false;
	return sender->top - index >= RTCP_WINDOW || sender->seen >> (sender->top - index) & 1;
}

static void sender_add(struct rtcp_sender *sender, uint64_t index)
{
	if (index > sender->top) {
		const uint64_t ahead = index - sender->top;
		sender->seen = ahead < RTCP_WINDOW ? sender->seen << ahead : 0;
		sender->top = index;
	}
	sender->seen |= 1ull << (sender->top - index);
}

/* Fills the job from the packet; false when it is too short or not encrypted. */
static bool read_rtcp(const struct srtp_rx *rx, const uint8_t *packet, size_t len,
		      struct srtp_job *job)
{
	const size_t tag_len = rx->ops->tag_len;
	if (len < RTCP_FIXED + WORD + tag_len)
		return false;
	const uint8_t *end = packet + len - WORD - tag_len;
	const uint8_t *word = rx->ops->word_before_tag ? end : end + tag_len;
	memcpy(job->word, word, WORD);
	job->ssrc = read_be32(packet + 4, WORD);
	job->index = read_be32(word, WORD) & ~RTCP_ENCRYPTED;
	job->header = packet;
	job->header_len = RTCP_FIXED;
	job->in = packet + RTCP_FIXED;
	job->len = (size_t)(end - packet) - RTCP_FIXED;
	job->tag = (uint8_t *)(rx->ops->word_before_tag ? end + WORD : end);
	return read_be32(word, WORD) & RTCP_ENCRYPTED;
}

int srtp_rx_rtcp(struct srtp_rx *rx, const uint8_t *packet, size_t len, uint8_t *out,
		 size_t *out_len, bool *fresh)
{
	struct srtp_job job;
	if (!read_rtcp(rx, packet, len, &job))
		return -EBADMSG;
	struct rtcp_sender *sender = sender_of(rx, job.ssrc);
	if (!sender && rx->sender_count == SRTP_STREAMS_MAX)
		return -ENOBUFS;
	if (sender && sender_had(sender, job.index))
		return -EALREADY;
	job.out = out + RTCP_FIXED;
	if (rx->ops->open(rx->rtcp, &job))
		return -EBADMSG;
	*fresh = !sender || job.index > sender->top;
	if (!sender) {
		sender = &rx->senders[rx->sender_count++];
		*sender = (struct rtcp_sender){ .ssrc = job.ssrc, .top = job.index };
	}
	sender_add(sender, job.index);
	memcpy(out, packet, RTCP_FIXED);
	*out_len = RTCP_FIXED + job.len;
	return 0;
}

bool srtp_rx_rtcp_expected(const struct srtp_rx *rx, const uint8_t *packet, size_t len)
{
	struct srtp_job job;
	if (!read_rtcp(rx, packet, len, &job))
		return false;
	const struct rtcp_sender *sender = sender_of(rx, job.ssrc);
	return sender && job.index > sender->top && job.index - sender->top <= RTCP_AHEAD;
}

void srtp_rx_destroy(struct srtp_rx *rx)
{
	if (!rx)
		return;
	if (rx->ops) {
		rx->ops->destroy(rx->rtp);
		rx->ops->destroy(rx->rtcp);
	}
	srtp_libsrtp_destroy(rx->library);
	free(rx->streams);
	free(rx);
}

int srtp_pair_create(struct srtp_tx **tx, struct srtp_rx **rx, const struct dtls_keys *keys,
		     bool libsrtp)
{
	struct srtp_master local = { .profile = keys->profile }, remote = local;
	memcpy(local.key, keys->local_key, sizeof(local.key));
	memcpy(local.salt, keys->local_salt, sizeof(local.salt));
	memcpy(remote.key, keys->remote_key, sizeof(remote.key));
	memcpy(remote.salt, keys->remote_salt, sizeof(remote.salt));
	int err = srtp_tx_create(tx, &local);
	if (!err)
		err = srtp_rx_create(rx, &remote, libsrtp);
	explicit_bzero(&local, sizeof(local));
	explicit_bzero(&remote, sizeof(remote));
	return err;
}

bool srtp_is_rtcp(const uint8_t *packet, size_t len)
{
	return len >= 2 && packet[1] >= 192 && packet[1] <= 223;
}
