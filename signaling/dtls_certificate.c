#include "signaling/dtls_certificate.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <stdio.h>
#include <string.h>

enum {
	DAY_S = 24 * 3600,
	SERIAL_BITS = 63,
	LIFE_DAYS = 30, /* longer than a process should live; WebRTC peers do not look at it */
};

static bool fill_name(X509 *certificate)
{
	X509_NAME *name = X509_get_subject_name(certificate);
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"souk",
					  -1, -1, 0) &&
	       X509_set_issuer_name(certificate, name);
}

static bool fill_serial(X509 *certificate)
{
	BIGNUM *serial = BN_new();
	const bool ok = serial &&
			BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
			BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate));
	BN_free(serial);
	return ok;
}

static bool fill(X509 *certificate, EVP_PKEY *key)
{
	return X509_set_version(certificate, 2) && fill_serial(certificate) &&
	       fill_name(certificate) &&
	       X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_S) &&
	       X509_gmtime_adj(X509_getm_notAfter(certificate), (long)LIFE_DAYS * DAY_S) &&
	       X509_set_pubkey(certificate, key) && X509_sign(certificate, key, EVP_sha256());
}

int dtls_certificate_create(OSSL_LIB_CTX *library, X509 **certificate, EVP_PKEY **key,
			    uint8_t fingerprint[DTLS_FINGERPRINT])
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(library, NULL, "EC", "P-256");
	X509 *x509 = X509_new_ex(library, NULL);
	unsigned len = 0;
	if (!pkey || !x509 || !fill(x509, pkey) ||
	    !X509_digest(x509, EVP_sha256(), fingerprint, &len) || len != DTLS_FINGERPRINT) {
		EVP_PKEY_free(pkey);
		X509_free(x509);
		return -EIO;
	}
	*certificate = x509;
	*key = pkey;
	return 0;
}

void dtls_fingerprint_format(const uint8_t fingerprint[DTLS_FINGERPRINT],
			     char out[DTLS_FINGERPRINT_TEXT])
{
	for (size_t i = 0; i < DTLS_FINGERPRINT; i++)
		sprintf(out + 3 * i, "%02X%s", fingerprint[i], i < DTLS_FINGERPRINT - 1 ? ":" : "");
}

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	const int lower = tolower((unsigned char)digit);
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

int dtls_fingerprint_parse(const char *text, uint8_t out[DTLS_FINGERPRINT])
{
	uint8_t bytes[DTLS_FINGERPRINT];
	if (strlen(text) != 3 * DTLS_FINGERPRINT - 1)
		return -EINVAL;
	for (size_t i = 0; i < DTLS_FINGERPRINT; i++) {
		const int high = hex_value(text[3 * i]);
		const int low = hex_value(text[3 * i + 1]);
		const char after = i < DTLS_FINGERPRINT - 1 ? ':' : '\0';
		if (high < 0 || low < 0 || text[3 * i + 2] != after)
			return -EINVAL;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(out, bytes, sizeof(bytes));
	return 0;
}
