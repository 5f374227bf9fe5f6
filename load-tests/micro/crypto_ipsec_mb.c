/* intel-ipsec-mb: GCM by its direct call; CM with HMAC-SHA1 as jobs, many packets at once. */
#include "load-tests/micro/crypto_cost.h"
#include "server/core/alloc.h"
#include "signaling/srtp_cipher.h"

#include <errno.h>
#include <intel-ipsec-mb.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64, SHA1_BLOCK = 64, MAC = 20, ROUND_KEYS = 11 * 16 };

struct session {
	struct gcm_key_data gcm;
	uint8_t round_keys[ROUND_KEYS] __attribute__((aligned(16)));
	uint8_t inner[MAC] __attribute__((aligned(16))), outer[MAC] __attribute__((aligned(16)));
	uint8_t salt[SRTP_SALT];
} __attribute__((aligned(ALIGN))); /* of the key tables */

struct library {
	IMB_MGR *manager;
	struct session *sessions;
	uint8_t ivs[CRYPTO_BATCH][SRTP_IV];
	uint8_t macs[CRYPTO_BATCH][MAC];
};

static void destroy(void *arg)
{
	struct library *library = arg;
	if (!library)
		return;
	free(library->sessions);
	if (library->manager)
		free_mb_mgr(library->manager);
	free(library);
}

/* RFC 2104: the hash of the key with one of the two pads is the same for all packets. */
static void hash_pad(IMB_MGR *manager, const uint8_t key[SRTP_AUTH_KEY], uint8_t pad,
		     uint8_t out[MAC])
{
	uint8_t block[SHA1_BLOCK];
	memset(block, pad, sizeof(block));
	for (int i = 0; i < SRTP_AUTH_KEY; i++)
		block[i] ^= key[i];
	IMB_SHA1_ONE_BLOCK(manager, block, out);
}

static int set_keys(IMB_MGR *manager, struct session *session, const struct srtp_master *master)
{
	struct srtp_session_keys keys;
	uint8_t decrypt_keys[ROUND_KEYS] __attribute__((aligned(16)));
	const int err = srtp_derive(&keys, master, false);
	if (err)
		return err;
	IMB_AES128_GCM_PRE(manager, keys.key, &session->gcm);
	IMB_AES_KEYEXP_128(manager, keys.key, session->round_keys, decrypt_keys);
	hash_pad(manager, keys.auth, 0x36, session->inner);
	hash_pad(manager, keys.auth, 0x5c, session->outer);
	memcpy(session->salt, keys.salt, sizeof(session->salt));
	return 0;
}

static int create(void **out, const struct srtp_master *masters, size_t sessions)
{
	struct library *library = xcalloc(1, sizeof(*library));
	int err = 0;
	library->manager = alloc_mb_mgr(0);
	library->sessions = aligned_alloc(ALIGN, sessions * sizeof(struct session));
	if (!library->manager || !library->sessions)
		err = -ENOMEM;
	else
		init_mb_mgr_auto(library->manager, NULL);
	for (size_t i = 0; i < sessions && !err; i++)
		err = set_keys(library->manager, &library->sessions[i], &masters[i]);
	if (err) {
		destroy(library);
		return err;
	}
	*out = library;
	return 0;
}

static void make_iv(const struct session *session, const struct crypto_packet *packet,
		    enum srtp_iv_at at, uint8_t iv[SRTP_IV])
{
	const struct srtp_job job = { .ssrc = packet->ssrc, .index = packet->index };
	srtp_cipher_iv(session->salt, &job, at, iv);
}

static int seal_gcm(void *arg, struct crypto_packet packets[CRYPTO_BATCH],
		    const uint8_t payload[CRYPTO_PAYLOAD])
{
	struct library *library = arg;
	struct gcm_context_data context;
	for (int i = 0; i < CRYPTO_BATCH; i++) {
		struct crypto_packet *packet = &packets[i];
		const struct session *session = &library->sessions[packet->session];
		uint8_t iv[SRTP_IV];
		make_iv(session, packet, SRTP_IV_AT_GCM, iv);
		memcpy(packet->sealed, packet->header, CRYPTO_HEADER);
		IMB_AES128_GCM_ENC(library->manager, &session->gcm, &context,
				   packet->sealed + CRYPTO_HEADER, payload, CRYPTO_PAYLOAD, iv,
				   packet->header, CRYPTO_HEADER, packet->sealed + CRYPTO_PACKET,
				   SRTP_TAG_GCM);
		packet->len = CRYPTO_PACKET + SRTP_TAG_GCM;
	}
	return 0;
}

/* The MAC is longer than the tag and the ROC stands where the tag goes, so it is copied at last. */
static int take_job(const IMB_JOB *job)
{
	struct crypto_packet *packet = job->user_data;
	if (job->status != IMB_STATUS_COMPLETED)
		return -EIO;
	memcpy(packet->sealed + CRYPTO_PACKET, job->auth_tag_output, SRTP_TAG_SHA1_80);
	packet->len = CRYPTO_PACKET + SRTP_TAG_SHA1_80;
	return 0;
}

static void fill_job(struct library *library, IMB_JOB *job, struct crypto_packet *packet, int i)
{
	const struct session *session = &library->sessions[packet->session];
	make_iv(session, packet, SRTP_IV_AT_CM, library->ivs[i]);
	job->enc_keys = session->round_keys;
	job->dec_keys = session->round_keys;
	job->key_len_in_bytes = SRTP_KEY;
	job->src = packet->sealed;
	job->dst = packet->sealed + CRYPTO_HEADER;
	job->cipher_start_src_offset_in_bytes = CRYPTO_HEADER;
	job->msg_len_to_cipher_in_bytes = CRYPTO_PAYLOAD;
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_hash_in_bytes = CRYPTO_PACKET + 4; /* RFC 3711 §4.2: and the ROC */
	job->iv = library->ivs[i];
	job->iv_len_in_bytes = SRTP_IV;
	job->auth_tag_output = library->macs[i];
	job->auth_tag_output_len_in_bytes = MAC;
	job->u.HMAC._hashed_auth_key_xor_ipad = session->inner;
	job->u.HMAC._hashed_auth_key_xor_opad = session->outer;
	job->cipher_mode = IMB_CIPHER_CNTR;
	job->cipher_direction = IMB_DIR_ENCRYPT;
	job->hash_alg = IMB_AUTH_HMAC_SHA_1;
	job->chain_order = IMB_ORDER_CIPHER_HASH;
	job->user_data = packet;
}

static int seal_cm(void *arg, struct crypto_packet packets[CRYPTO_BATCH],
		   const uint8_t payload[CRYPTO_PAYLOAD])
{
	struct library *library = arg;
	const IMB_JOB *done;
	int err = 0;
	for (int i = 0; i < CRYPTO_BATCH && !err; i++) {
		struct crypto_packet *packet = &packets[i];
		const uint32_t roc = (uint32_t)(packet->index >> 16);
		memcpy(packet->sealed, packet->header, CRYPTO_HEADER);
		memcpy(packet->sealed + CRYPTO_HEADER, payload, CRYPTO_PAYLOAD);
		for (int at = 0; at < 4; at++)
			packet->sealed[CRYPTO_PACKET + at] = (uint8_t)(roc >> (24 - 8 * at));
		fill_job(library, IMB_GET_NEXT_JOB(library->manager), packet, i);
		done = IMB_SUBMIT_JOB(library->manager);
		err = done ? take_job(done) : 0;
	}
	while ((done = IMB_FLUSH_JOB(library->manager)) != NULL)
		err = err ? err : take_job(done);
	return err;
}

const struct crypto_backend crypto_ipsec_mb[2] = {
	{
		.name = "GCM-128, ipsec-mb",
		.profile = DTLS_SRTP_AEAD_AES_128_GCM,
		.create = create,
		.seal = seal_gcm,
		.destroy = destroy,
	},
	{
		.name = "CM-SHA1-80, ipsec-mb jobs",
		.profile = DTLS_SRTP_AES128_CM_SHA1_80,
		.create = create,
		.seal = seal_cm,
		.destroy = destroy,
	},
};
