#include "server/core/alloc.h"
#include "server/core/crypto.h"
#include "signaling/srtp_cipher.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { SHA1_MAC = 20 };

struct srtp_cipher {
	EVP_CIPHER_CTX *aes;
	EVP_MAC_CTX *mac; /* CM alone */
	bool rtcp;
	uint8_t salt[SRTP_SALT];
};

int srtp_derive(struct srtp_session_keys *out, const struct srtp_master *master, bool rtcp)
{
	static const uint8_t zeros[SRTP_AUTH_KEY];
	/* RFC 3711 §4.3.2: labels 0..2 for RTP, 3..5 for RTCP */
	const struct {
		uint8_t *out;
		int len;
	} parts[] = { { out->key, SRTP_KEY },
		      { out->auth, SRTP_AUTH_KEY },
		      { out->salt, SRTP_SALT } };
	EVP_CIPHER_CTX *aes = EVP_CIPHER_CTX_new();
	bool ok = aes != NULL;
	for (int i = 0; i < 3 && ok; i++) {
		uint8_t iv[SRTP_IV] = { 0 };
		/* RFC 7714 §11: the shorter salt of GCM is padded with zeros at its end. */
		memcpy(iv, master->salt,
		       master->profile == DTLS_SRTP_AEAD_AES_128_GCM ? 12 : SRTP_SALT);
		iv[7] ^= (uint8_t)(i + (rtcp ? 3 : 0));
		int len;
		ok = EVP_EncryptInit_ex(aes, EVP_aes_128_ctr(), NULL, master->key, iv) &&
		     EVP_EncryptUpdate(aes, parts[i].out, &len, zeros, parts[i].len);
	}
	EVP_CIPHER_CTX_free(aes);
	return ok ? 0 : -ENOMEM;
}

static void evp_destroy(struct srtp_cipher *cipher)
{
	if (!cipher)
		return;
	EVP_CIPHER_CTX_free(cipher->aes);
	EVP_MAC_CTX_free(cipher->mac);
	free(cipher);
}

static struct srtp_cipher *evp_create(const EVP_CIPHER *aes, const struct srtp_session_keys *keys,
				      bool rtcp, bool encrypt)
{
	struct srtp_cipher *cipher = xcalloc(1, sizeof(*cipher));
	cipher->rtcp = rtcp;
	memcpy(cipher->salt, keys->salt, sizeof(cipher->salt));
	cipher->aes = EVP_CIPHER_CTX_new();
	if (cipher->aes && EVP_CipherInit_ex(cipher->aes, aes, NULL, keys->key, NULL, encrypt))
		return cipher;
	evp_destroy(cipher);
	return NULL;
}

/* ---- AEAD_AES_128_GCM ---- */

static int gcm_create(struct srtp_cipher **out, const struct srtp_session_keys *keys, bool rtcp,
		      bool seal)
{
	*out = evp_create(EVP_aes_128_gcm(), keys, rtcp, seal);
	return *out ? 0 : -ENOMEM;
}

static bool gcm_start(struct srtp_cipher *cipher, const struct srtp_job *job)
{
	uint8_t iv[SRTP_IV];
	int len;
	srtp_cipher_iv(cipher->salt, job, SRTP_IV_AT_GCM, iv);
	return EVP_CipherInit_ex(cipher->aes, NULL, NULL, NULL, iv, -1) &&
	       EVP_CipherUpdate(cipher->aes, NULL, &len, job->header, (int)job->header_len) &&
	       (!cipher->rtcp ||
		EVP_CipherUpdate(cipher->aes, NULL, &len, job->word, sizeof(job->word))) &&
	       EVP_CipherUpdate(cipher->aes, job->out, &len, job->in, (int)job->len);
}

static int gcm_seal(struct srtp_cipher *cipher, const struct srtp_job *job)
{
	int len;
	if (!gcm_start(cipher, job) ||
	    !EVP_CipherFinal_ex(cipher->aes, job->out + job->len, &len) ||
	    !EVP_CIPHER_CTX_ctrl(cipher->aes, EVP_CTRL_AEAD_GET_TAG, SRTP_TAG_GCM, job->tag))
		return -EIO;
	return 0;
}

static int gcm_open(struct srtp_cipher *cipher, const struct srtp_job *job)
{
	uint8_t none[16];
	int len;
	if (!gcm_start(cipher, job) ||
	    !EVP_CIPHER_CTX_ctrl(cipher->aes, EVP_CTRL_AEAD_SET_TAG, SRTP_TAG_GCM, job->tag) ||
	    EVP_CipherFinal_ex(cipher->aes, none, &len) <= 0)
		return -EBADMSG;
	return 0;
}

const struct srtp_cipher_ops srtp_evp_gcm = {
	.size = sizeof(struct srtp_cipher),
	.tag_len = SRTP_TAG_GCM,
	.create = gcm_create,
	.seal = gcm_seal,
	.open = gcm_open,
	.destroy = evp_destroy,
};

/* ---- AES_CM_128_HMAC_SHA1_80 ---- */

static EVP_MAC_CTX *hmac_create(const uint8_t key[SRTP_AUTH_KEY])
{
	char digest[] = "SHA1";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	EVP_MAC_free(hmac);
	if (mac && EVP_MAC_init(mac, key, SRTP_AUTH_KEY, params))
		return mac;
	EVP_MAC_CTX_free(mac);
	return NULL;
}

static int cm_create(struct srtp_cipher **out, const struct srtp_session_keys *keys, bool rtcp,
		     bool seal)
{
	(void)seal; /* a key stream has no direction */
	struct srtp_cipher *cipher = evp_create(EVP_aes_128_ctr(), keys, rtcp, true);
	if (!cipher)
		return -ENOMEM;
	cipher->mac = hmac_create(keys->auth);
	if (!cipher->mac) {
		evp_destroy(cipher);
		return -ENOMEM;
	}
	*out = cipher;
	return 0;
}

static bool cm_crypt(struct srtp_cipher *cipher, const struct srtp_job *job)
{
	uint8_t iv[SRTP_IV];
	int len;
	srtp_cipher_iv(cipher->salt, job, SRTP_IV_AT_CM, iv);
	return EVP_CipherInit_ex(cipher->aes, NULL, NULL, NULL, iv, -1) &&
	       EVP_CipherUpdate(cipher->aes, job->out, &len, job->in, (int)job->len);
}

/* Without a key EVP_MAC_init() goes on from the key pads that are already hashed. */
static bool cm_mac(struct srtp_cipher *cipher, const struct srtp_job *job,
		   const uint8_t *ciphertext, uint8_t out[SHA1_MAC])
{
	size_t len;
	return EVP_MAC_init(cipher->mac, NULL, 0, NULL) &&
	       EVP_MAC_update(cipher->mac, job->header, job->header_len) &&
	       EVP_MAC_update(cipher->mac, ciphertext, job->len) &&
	       EVP_MAC_update(cipher->mac, job->word, sizeof(job->word)) &&
	       EVP_MAC_final(cipher->mac, out, &len, SHA1_MAC);
}

static int cm_seal(struct srtp_cipher *cipher, const struct srtp_job *job)
{
	uint8_t mac[SHA1_MAC];
	if (!cm_crypt(cipher, job) || !cm_mac(cipher, job, job->out, mac))
		return -EIO;
	memcpy(job->tag, mac, SRTP_TAG_SHA1_80);
	return 0;
}

static int cm_open(struct srtp_cipher *cipher, const struct srtp_job *job)
{
	uint8_t mac[SHA1_MAC];
	if (!cm_mac(cipher, job, job->in, mac) || !crypto_equal(mac, job->tag, SRTP_TAG_SHA1_80) ||
	    !cm_crypt(cipher, job))
		return -EBADMSG;
	return 0;
}

const struct srtp_cipher_ops srtp_evp_cm = {
	.size = sizeof(struct srtp_cipher),
	.tag_len = SRTP_TAG_SHA1_80,
	.word_before_tag = true,
	.create = cm_create,
	.seal = cm_seal,
	.open = cm_open,
	.destroy = evp_destroy,
};
