/* SPDX-License-Identifier: Apache-2.0 */
/* PKCS#10 requests of a key, as a template describes them. */
#include "request.h"

#include "cleanup.h"
#include "log.h"
#include "template.h"

#define REQUEST_APPLICATION "iothsm-csr"

enum { OLDER_MAX = 16 };

static X509_REQ *describe(const struct subject *subject, const X509 *template)
{
	CLEANUP(x509_req) X509_REQ *request = X509_REQ_new_ex(key_library(), NULL);
	STACK_OF(X509_EXTENSION) *list = template_extensions(template);
	bool made = request && list && X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
		    X509_REQ_set_subject_name(request, X509_get_subject_name(template)) == 1 &&
		    X509_REQ_set_pubkey(request, subject->public_key) == 1;

	if (made && sk_X509_EXTENSION_num(list) > 0)
		made = X509_REQ_add_extensions(request, list) == 1;
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return made ? steal(&request) : NULL;
}

static bool verifies(const struct subject *subject, struct bytes der)
{
	const unsigned char *next = der.data;
	CLEANUP(x509_req) X509_REQ *again = X509_REQ_new_ex(key_library(), NULL);

	return again && d2i_X509_REQ(&again, &next, (long)der.len) &&
	       X509_REQ_verify(again, subject->public_key) == 1;
}

CK_RV request_make(const struct subject *subject, X509 *template, uint8_t **der, size_t *len)
{
	CLEANUP(x509_req) X509_REQ *request = describe(subject, template);
	CLEANUP(md_ctx)
	EVP_MD_CTX *ctx = subject_begin_signature(subject, template_digest(template));
	CLEANUP(openssl) uint8_t *made = NULL;

	if (!request)
		return CKR_HOST_MEMORY;
	if (!ctx)
		return CKR_KEY_TYPE_INCONSISTENT;
	if (X509_REQ_sign_ctx(request, ctx) <= 0)
		return subject_failure();
	int made_len = i2d_X509_REQ(request, &made);

	if (made_len <= 0)
		return CKR_HOST_MEMORY;
	if (!verifies(subject, bytes_of(made, (size_t)made_len))) {
		log_error("provision: the token's signature does not verify with the public key of "
			  "the same CKA_ID; check that the two belong together");
		return CKR_IOTHSM_KEY_MISMATCH;
	}
	*der = steal(&made);
	*len = (size_t)made_len;
	return CKR_OK;
}

CK_RV request_keep(const struct subject *subject, struct bytes der)
{
	static const char application[] = REQUEST_APPLICATION;
	struct store *store = subject->token->store;
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_ATTRIBUTE list[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_APPLICATION, (void *)(uintptr_t)application, sizeof(application) - 1 },
		{ CKA_ID, (void *)(uintptr_t)subject->id.data, subject->id.len },
		{ CKA_LABEL, (void *)(uintptr_t)subject->label.data, subject->label.len },
		{ CKA_VALUE, (void *)(uintptr_t)der.data, der.len },
	};
	uint64_t older[OLDER_MAX], made = 0;
	size_t count = 0;

	TRY(store_find(store, list, 3, older, OLDER_MAX, &count));
	TRY(store_put(store, list, ARRAY_LEN(list), &made));
	for (size_t i = 0; i < count; i++) {
		CK_RV rv = store_remove(store, older[i]);

		if (rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID)
			continue;
		(void)store_remove(store, made);
		return rv;
	}
	return CKR_OK;
}
