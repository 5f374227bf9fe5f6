/* AEAD_AES_128_GCM by intel-ipsec-mb: a fifth of the time of OpenSSL's, since the key's tables are
 * made once and a packet is one call. x86 only. */
#include "server/core/crypto.h"
#include "signaling/srtp_cipher.h"

#include <errno.h>
#include <intel-ipsec-mb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { IV_ROOM = 16, WORD = 4, RTCP_HEADER = 8 };

struct srtp_cipher {
	struct gcm_key_data key; /* first: it wants to be aligned */
	const IMB_MGR *library;
	bool rtcp;
	uint8_t salt[SRTP_SALT];
};

/* The library's table of functions for this processor. Read only once it is made; the jobs that it
 * also holds are not used. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static IMB_MGR *library;

static void open_library(void)
{
	IMB_ARCH arch = IMB_ARCH_NONE;
	IMB_MGR *manager = alloc_mb_mgr(0);
	if (!manager)
		return;
	init_mb_mgr_auto(manager, &arch);
	/* Without AES instructions the library is slower than OpenSSL. */
	if (imb_get_errno(manager) == 0 && arch >= IMB_ARCH_SSE)
		library = manager;
	else
		free_mb_mgr(manager);
}

static int gcm_create(struct srtp_cipher **out, const struct srtp_session_keys *keys, bool rtcp,
		      bool seal)
{
	(void)seal; /* one table serves both */
	struct srtp_cipher *cipher = aligned_alloc(_Alignof(struct srtp_cipher), sizeof(*cipher));
	if (!cipher)
		return -ENOMEM;
	memset(cipher, 0, sizeof(*cipher));
	cipher->library = library;
	cipher->rtcp = rtcp;
	memcpy(cipher->salt, keys->salt, sizeof(cipher->salt));
	IMB_AES128_GCM_PRE(library, keys->key, &cipher->key);
	*out = cipher;
	return 0;
}

static void gcm_destroy(struct srtp_cipher *cipher)
{
	if (!cipher)
		return;
	explicit_bzero(cipher, sizeof(*cipher));
	free(cipher);
}

/* What is authenticated beside the payload, in one piece. RFC 7714 §9.3: in SRTCP the word follows
 * the header. */
static const uint8_t *aad_of(const struct srtp_cipher *cipher, const struct srtp_job *job,
			     uint8_t room[RTCP_HEADER + WORD], uint64_t *len)
{
	*len = job->header_len;
	if (!cipher->rtcp)
		return job->header;
	memcpy(room, job->header, RTCP_HEADER);
	memcpy(room + RTCP_HEADER, job->word, WORD);
	*len = RTCP_HEADER + WORD;
	return room;
}

static int gcm_seal(struct srtp_cipher *cipher, const struct srtp_job *job)
{
	struct gcm_context_data context;
	uint8_t iv[IV_ROOM], room[RTCP_HEADER + WORD];
	uint64_t aad_len;
	const uint8_t *aad = aad_of(cipher, job, room, &aad_len);
	srtp_cipher_iv(cipher->salt, job, SRTP_IV_AT_GCM, iv);
	IMB_AES128_GCM_ENC(cipher->library, &cipher->key, &context, job->out, job->in, job->len, iv,
			   aad, aad_len, job->tag, SRTP_TAG_GCM);
	return 0;
}

static int gcm_open(struct srtp_cipher *cipher, const struct srtp_job *job)
{
	struct gcm_context_data context;
	uint8_t iv[IV_ROOM], room[RTCP_HEADER + WORD], tag[SRTP_TAG_GCM];
	uint64_t aad_len;
	const uint8_t *aad = aad_of(cipher, job, room, &aad_len);
	srtp_cipher_iv(cipher->salt, job, SRTP_IV_AT_GCM, iv);
	IMB_AES128_GCM_DEC(cipher->library, &cipher->key, &context, job->out, job->in, job->len, iv,
			   aad, aad_len, tag, sizeof(tag));
	return crypto_equal(tag, job->tag, SRTP_TAG_GCM) ? 0 : -EBADMSG;
}

const struct srtp_cipher_ops *srtp_ipsec_mb_gcm(void)
{
	static const struct srtp_cipher_ops ops = {
		.size = sizeof(struct srtp_cipher),
		.tag_len = SRTP_TAG_GCM,
		.create = gcm_create,
		.seal = gcm_seal,
		.open = gcm_open,
		.destroy = gcm_destroy,
	};
	pthread_once(&once, open_library);
	return library ? &ops : NULL;
}
