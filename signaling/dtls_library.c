#include "signaling/dtls_library.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define NAME "souk-dtls"

enum { ALGORITHMS_MAX = 8, KINDS = 10 };

/* What DTLS 1.2 with our suites and groups asks for, by OpenSSL's first name of it. Other kinds of
 * algorithms are passed on whole: they are used once, for our own certificate. */
static const struct {
	int operation;
	const char *property; /* which an algorithm must have to be taken */
	const char *names[ALGORITHMS_MAX + 1];
} wanted[KINDS] = {
	{ OSSL_OP_DECODER, "input=der,structure=SubjectPublicKeyInfo", { "EC", "RSA" } },
	/* HMAC is a key to OpenSSL: of records that are not AEAD. */
	{ OSSL_OP_KEYMGMT, "", { "EC", "RSA", "RSA-PSS", "X25519", "HMAC" } },
	{ OSSL_OP_DIGEST, "", { "SHA1", "SHA2-256", "SHA2-384", "SHA2-512" } },
	/* The last two are the random generator's. */
	{ OSSL_OP_CIPHER,
	  "",
	  { "AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305", "AES-128-CBC",
	    "AES-128-CBC-HMAC-SHA1", "AES-256-CTR", "AES-256-ECB" } },
	{ OSSL_OP_MAC, "", { "HMAC" } },
	{ OSSL_OP_KDF, "", { "TLS1-PRF" } },
	{ OSSL_OP_RAND, "", { "CTR-DRBG" } },
	{ OSSL_OP_KEYEXCH, "", { "ECDH", "X25519" } },
	{ OSSL_OP_SIGNATURE, "", { "ECDSA", "RSA", "HMAC" } },
	{ OSSL_OP_ASYM_CIPHER, "", { "RSA" } },
};

/* A provider is asked without being told by whom, so this cannot be a member of anything: a copy of
 * OpenSSL's constants, made once and never changed. The last entry of each stays zeroed. */
static struct {
	pthread_once_t once;
	OSSL_PROVIDER *base;
	OSSL_ALGORITHM algorithms[KINDS][ALGORITHMS_MAX + 1];
	bool complete;
} few = { .once = PTHREAD_ONCE_INIT };

/* "EC:id-ecPublicKey:1.2.840.10045.2.1" */
static bool has_name(const OSSL_ALGORITHM *algorithm, const char *const *names)
{
	const size_t len = strcspn(algorithm->algorithm_names, ":");
	for (; *names; names++)
		if (strlen(*names) == len && strncmp(*names, algorithm->algorithm_names, len) == 0)
			return true;
	return false;
}

static bool pick(OSSL_ALGORITHM out[ALGORITHMS_MAX + 1], int kind)
{
	int no_store = 0;
	size_t count = 0;
	const OSSL_ALGORITHM *all =
		OSSL_PROVIDER_query_operation(few.base, wanted[kind].operation, &no_store);
	for (; all && all->algorithm_names && count < ALGORITHMS_MAX; all++)
		if (has_name(all, wanted[kind].names) &&
		    strstr(all->property_definition, wanted[kind].property))
			out[count++] = *all;
	return count;
}

static void pick_all(void)
{
	few.base = OSSL_PROVIDER_load(NULL, "default");
	few.complete = few.base;
	for (int kind = 0; kind < KINDS && few.complete; kind++)
		few.complete = pick(few.algorithms[kind], kind);
}

static const OSSL_ALGORITHM *on_query(void *context, int operation, int *no_store)
{
	(void)context;
	*no_store = 0;
	for (int kind = 0; kind < KINDS; kind++)
		if (wanted[kind].operation == operation)
			return few.algorithms[kind];
	return OSSL_PROVIDER_query_operation(few.base, operation, no_store);
}

/* The groups of TLS are told this way. */
static int on_capabilities(void *context, const char *capability, OSSL_CALLBACK *tell, void *arg)
{
	(void)context;
	return OSSL_PROVIDER_get_capabilities(few.base, capability, tell, arg);
}

static int on_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *core,
		   const OSSL_DISPATCH **out, void **context)
{
	static const OSSL_DISPATCH functions[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))on_query },
		{ OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))on_capabilities },
		{ 0, NULL },
	};
	(void)handle;
	(void)core;
	*out = functions;
	/* The algorithms take it for their own provider's. */
	*context = OSSL_PROVIDER_get0_provider_ctx(few.base);
	return 1;
}

void dtls_library_init(struct dtls_library *library)
{
	*library = (struct dtls_library){ 0 };
	pthread_once(&few.once, pick_all);
	if (!few.complete)
		return;
	library->context = OSSL_LIB_CTX_new();
	if (library->context && OSSL_PROVIDER_add_builtin(library->context, NAME, on_init))
		library->provider = OSSL_PROVIDER_load(library->context, NAME);
	if (!library->provider)
		dtls_library_finish(library);
}

void dtls_library_finish(struct dtls_library *library)
{
	OSSL_PROVIDER_unload(library->provider);
	OSSL_LIB_CTX_free(library->context);
	*library = (struct dtls_library){ 0 };
}
