/* SPDX-License-Identifier: Apache-2.0 */
/* A SoftHSM2 token and an object store, lent for provisioning steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "certificate.h"
#include "cleanup.h"
#include "key.h"

#include "support/lent.h"
#include "support/sample_template.h"

int lent_setup(void **state)
{
	struct lent *lent = calloc(1, sizeof(*lent));
	char path[128];
	void *softhsm = NULL;

	if (!lent || softhsm_setup(&softhsm) != 0)
		return -1;
	*state = lent;
	lent->softhsm = softhsm;
	(void)snprintf(path, sizeof(path), "%s/store", lent->softhsm->directory);
	lent->token = (struct provision_token){ lent->softhsm->functions, lent->softhsm->slot,
		lent->softhsm->session, store_open(path, "soft", "1") };
	return lent->token.store ? 0 : -1;
}

int lent_teardown(void **state)
{
	struct lent *lent = *state;
	void *softhsm = lent->softhsm;

	store_close(lent->token.store);
	free(lent);
	return softhsm_teardown(&softhsm);
}

int lent_clear(void **state)
{
	struct lent *lent = *state;
	void *softhsm = lent->softhsm;
	uint64_t ids[STORE_OBJECTS_MAX];
	size_t count = 0;

	if (store_find(lent->token.store, NULL, 0, ids, ARRAY_LEN(ids), &count) != CKR_OK)
		return -1;
	while (count > 0) {
		if (store_remove(lent->token.store, ids[--count]) != CKR_OK)
			return -1;
	}
	return softhsm_clear(&softhsm);
}

CK_OBJECT_HANDLE lent_generate(const struct lent *lent, enum softhsm_key kind, CK_BYTE id)
{
	CK_OBJECT_HANDLE public_key, private_key;

	softhsm_generate(lent->softhsm, kind, id, &public_key, &private_key);
	return private_key;
}

X509 *lent_certificate(const struct lent *lent, CK_BYTE id)
{
	uint8_t der[8192];
	CK_ATTRIBUTE value = { CKA_VALUE, der, sizeof(der) };
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;

	assert_int_equal(softhsm_count(lent->softhsm, CKO_CERTIFICATE, &id, &object), 1);
	assert_int_equal(
		lent->token.functions->C_GetAttributeValue(lent->token.session, object, &value, 1),
		CKR_OK);
	X509 *cert = certificate_parse(key_library(), bytes_of(der, value.ulValueLen));

	assert_non_null(cert);
	return cert;
}

size_t lent_count_data(const struct lent *lent, const char *application, uint64_t *id)
{
	CK_ATTRIBUTE wanted = { CKA_APPLICATION, (void *)(uintptr_t)application,
		strlen(application) };
	uint64_t ids[16];
	size_t count = 0;

	assert_int_equal(
		store_find(lent->token.store, &wanted, 1, ids, ARRAY_LEN(ids), &count), CKR_OK);
	if (count > 0)
		*id = ids[count - 1];
	return count;
}

size_t lent_count_all(const struct lent *lent)
{
	static const CK_OBJECT_CLASS classes[] = { CKO_DATA, CKO_CERTIFICATE, CKO_PUBLIC_KEY,
		CKO_PRIVATE_KEY };
	uint64_t ids[64];
	size_t count = 0;

	assert_int_equal(
		store_find(lent->token.store, NULL, 0, ids, ARRAY_LEN(ids), &count), CKR_OK);
	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		count += softhsm_count(lent->softhsm, classes[i], NULL, NULL);
	return count;
}

CK_RV lent_run(
	const struct lent *lent, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, struct bytes input)
{
	CLEANUP(openssl) uint8_t *der = NULL;
	size_t len = 0;
	CK_RV rv = provision_sign(&lent->token, type, key, input, &der, &len);

	assert_int_equal(der != NULL, rv == CKR_OK);
	return rv;
}

CK_RV lent_run_cert(
	const struct lent *lent, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, const X509 *input)
{
	struct bytes der = test_template_der(input);
	CK_RV rv = lent_run(lent, type, key, der);

	OPENSSL_free((void *)(uintptr_t)der.data);
	return rv;
}

CK_RV lent_self_sign(const struct lent *lent, CK_OBJECT_HANDLE key)
{
	CLEANUP(x509) X509 *template = test_template_make(&(struct test_template){ 0 });

	return lent_run_cert(lent, CKM_IOTHSM_SELF_SIGN, key, template);
}

/* A certificate of the token's key by a CA of its own; issuer gets that CA's certificate. */
X509 *lent_sign_by_ca(const struct lent *lent, CK_OBJECT_HANDLE key, X509 **issuer)
{
	struct key_session session = { lent->token.functions, lent->token.slot, lent->token.session,
		key };
	CLEANUP(pkey) EVP_PKEY *public_key = NULL;
	CLEANUP(pkey) EVP_PKEY *ca_key = EVP_PKEY_Q_keygen(key_library(), NULL, "EC", "P-256");
	X509 *ca = test_template_make(&(struct test_template){ .key = ca_key });
	X509 *cert = X509_dup(ca);

	assert_int_equal(key_find_public(&session, &public_key), CKR_OK);
	assert_int_equal(X509_set_pubkey(cert, public_key), 1);
	assert_true(certificate_set_random_serial(cert));
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN",
				 MBSTRING_UTF8, (const unsigned char *)"Sub", -1, -1, 0),
		1);
	assert_true(X509_sign(cert, ca_key, EVP_sha256()) > 0);
	if (issuer)
		*issuer = ca;
	else
		X509_free(ca);
	return cert;
}

CK_RV lent_prepare(const struct lent *lent, struct bytes curve, CK_ULONG bits, CK_BYTE id,
	CK_OBJECT_HANDLE *private_key)
{
	char label[] = "demo";
	CK_ATTRIBUTE size = { CKA_MODULUS_BITS, &bits, sizeof(bits) };
	CK_ATTRIBUTE parameters = { CKA_EC_PARAMS, (void *)(uintptr_t)curve.data, curve.len };
	CK_ATTRIBUTE public_list[] = { { CKA_ID, &id, 1 }, { CKA_LABEL, label, 4 },
		bits ? size : parameters };
	struct attributes public_template = { public_list, 3 }, private_template = { NULL, 0 };
	CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;

	return provision_generate(
		&lent->token, &public_template, &private_template, &public_key, private_key);
}

CK_FUNCTION_LIST lent_failing;

struct lent lent_with_failing(const struct lent *lent)
{
	struct lent broken = *lent;

	lent_failing = *lent->token.functions;
	broken.token.functions = &lent_failing;
	return broken;
}
