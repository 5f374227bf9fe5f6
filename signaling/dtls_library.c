#include "signaling/dtls_library.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define NAME "souk-dtls"

enum { DECODERS_MAX = 4, KEYS_MAX = 8 };

/* A provider is asked without being told by whom, so this cannot be a member of anything: a copy of
 * OpenSSL's constants, made once and never changed. The last entry stays zeroed. */
static struct {
	pthread_once_t once;
	OSSL_PROVIDER *base;
	OSSL_ALGORITHM decoders[DECODERS_MAX + 1];
	OSSL_ALGORITHM keys[KEYS_MAX + 1];
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

static void pick(OSSL_ALGORITHM *out, size_t max, int operation, const char *const *names,
		 const char *property)
{
	int no_store = 0;
	const OSSL_ALGORITHM *all = OSSL_PROVIDER_query_operation(few.base, operation, &no_store);
	for (size_t count = 0; all && all->algorithm_names && count < max; all++)
		if (has_name(all, names) && strstr(all->property_definition, property))
			out[count++] = *all;
}

static void pick_all(void)
{
	static const char *const certificates[] = { "EC", "RSA", NULL };
	/* HMAC is a key to OpenSSL: of records that are not AEAD. */
	static const char *const keys[] = { "EC", "RSA", "RSA-PSS", "X25519", "HMAC", NULL };
	few.base = OSSL_PROVIDER_load(NULL, "default");
	if (!few.base)
		return;
	pick(few.decoders, DECODERS_MAX, OSSL_OP_DECODER, certificates,
	     "input=der,structure=SubjectPublicKeyInfo");
	pick(few.keys, KEYS_MAX, OSSL_OP_KEYMGMT, keys, "");
}

static const OSSL_ALGORITHM *on_query(void *context, int operation, int *no_store)
{
	(void)context;
	*no_store = 0;
	if (operation == OSSL_OP_DECODER)
		return few.decoders;
	if (operation == OSSL_OP_KEYMGMT)
		return few.keys;
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
	if (!few.base || !few.decoders[0].algorithm_names || !few.keys[0].algorithm_names)
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
