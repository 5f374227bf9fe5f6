#include "server/core/crypto_es256.h"

#include "server/core/alloc.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

enum { PEM_MAX = 16 * 1024, NUMBER_SIZE = ES256_SIGNATURE_SIZE / 2 };

struct es256_key {
	EVP_PKEY *pkey;
};

static bool is_p256(EVP_PKEY *pkey)
{
	char group[32];
	return EVP_PKEY_is_a(pkey, "EC") &&
	       EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1 &&
	       !strcmp(group, "prime256v1");
}

int es256_key_create(struct es256_key **out, const char *pem, size_t len)
{
	if (len > PEM_MAX)
		return -EINVAL;
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	ERR_clear_error();
	if (!pkey || !is_p256(pkey)) {
		EVP_PKEY_free(pkey);
		return -EINVAL;
	}
	struct es256_key *key = xcalloc(1, sizeof(*key));
	key->pkey = pkey;
	*out = key;
	return 0;
}

/* JOSE writes R and S side by side, OpenSSL wants them in DER. Its length, 0 on failure. */
static size_t to_der(const uint8_t *signature, unsigned char **out)
{
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, NUMBER_SIZE, NULL);
	BIGNUM *s = BN_bin2bn(signature + NUMBER_SIZE, NUMBER_SIZE, NULL);
	if (!pair || !r || !s || !ECDSA_SIG_set0(pair, r, s))
		abort(); /* out of memory for a few fixed bytes */
	const int len = i2d_ECDSA_SIG(pair, out);
	ECDSA_SIG_free(pair);
	return len > 0 ? (size_t)len : 0;
}

bool es256_verify(const struct es256_key *key, const void *data, size_t len,
		  const uint8_t signature[ES256_SIGNATURE_SIZE])
{
	unsigned char *der = NULL;
	const size_t der_len = to_der(signature, &der);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	const bool valid =
		der_len && context &&
		EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
		EVP_DigestVerify(context, der, der_len, data, len) == 1;
	EVP_MD_CTX_free(context);
	OPENSSL_free(der);
	ERR_clear_error();
	return valid;
}

void es256_key_destroy(struct es256_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}
