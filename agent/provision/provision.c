/* SPDX-License-Identifier: Apache-2.0 */
/* The provisioning mechanisms by one table, and the check of certificates that others write. */
#include "provision.h"

#include <openssl/err.h>

#include "certificate.h"
#include "cleanup.h"
#include "import.h"
#include "issue.h"
#include "log.h"
#include "prepare.h"
#include "replace.h"
#include "request.h"
#include "template.h"
#include "text.h"

enum { KEY_BITS_MIN = 255, KEY_BITS_MAX = 16384, ID_TEXT_MAX = 64 };

static const struct provision_mechanism mechanisms[] = {
	{ CKM_IOTHSM_PREPARE_KEY,
		{ KEY_BITS_MIN, KEY_BITS_MAX, CKF_GENERATE_KEY_PAIR | CKF_SIGN } },
	{ CKM_IOTHSM_SELF_SIGN, { KEY_BITS_MIN, KEY_BITS_MAX, CKF_SIGN } },
	{ CKM_IOTHSM_CSR, { KEY_BITS_MIN, KEY_BITS_MAX, CKF_SIGN } },
	{ CKM_IOTHSM_IMPORT_CERTIFICATE, { KEY_BITS_MIN, KEY_BITS_MAX, CKF_SIGN | CKF_VERIFY } },
};

const struct provision_mechanism *provision_mechanisms(size_t *count)
{
	*count = ARRAY_LEN(mechanisms);
	return mechanisms;
}

bool provision_is_mechanism(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++) {
		if (mechanisms[i].type == type)
			return true;
	}
	return false;
}

/* What every step needs is found before anything is generated or signed. */
static CK_RV check_session(const struct provision_token *token)
{
	CK_SESSION_INFO info;

	TRY(token->functions->C_GetSessionInfo(token->session, &info));
	if (info.state == CKS_RO_PUBLIC_SESSION || info.state == CKS_RO_USER_FUNCTIONS)
		return CKR_SESSION_READ_ONLY;
	return info.state == CKS_RW_USER_FUNCTIONS ? CKR_OK : CKR_USER_NOT_LOGGED_IN;
}

static CK_RV give_certificate(const X509 *cert, uint8_t **der, size_t *len)
{
	int made = certificate_der(cert, der);

	if (made < 0)
		return CKR_HOST_MEMORY;
	*len = (size_t)made;
	return CKR_OK;
}

static CK_RV run_prepare(struct subject *subject, struct bytes input, uint8_t **der, size_t *len)
{
	CLEANUP(x509) X509 *cert = NULL;

	/* pkcs11-tool cannot sign without an input file, so there may be one; it means nothing. */
	(void)input;
	TRY(prepare_existing(subject, &cert));
	return give_certificate(cert, der, len);
}

static CK_RV run_self_sign(struct subject *subject, struct bytes input, uint8_t **der, size_t *len)
{
	CLEANUP(x509) X509 *template = NULL;
	CLEANUP(x509) X509 *cert = NULL;
	struct holdings old;

	TRY(template_parse(input, &template));
	TRY(subject_require_public(subject));
	TRY(replace_check(subject, &old));
	TRY(issue_root(subject, template, &cert));
	TRY(replace_with(subject, cert, &old));
	return give_certificate(cert, der, len);
}

static CK_RV run_request(struct subject *subject, struct bytes input, uint8_t **der, size_t *len)
{
	CLEANUP(x509) X509 *template = NULL;
	CLEANUP(openssl) uint8_t *made = NULL;
	size_t made_len;

	TRY(template_parse(input, &template));
	TRY(subject_require_public(subject));
	TRY(request_make(subject, template, &made, &made_len));
	TRY(request_keep(subject, bytes_of(made, made_len)));
	*der = steal(&made);
	*len = made_len;
	return CKR_OK;
}

static CK_RV run_import(struct subject *subject, struct bytes input, uint8_t **der, size_t *len)
{
	CLEANUP(x509) X509 *cert = NULL;

	TRY(import_certificate(subject, input, &cert));
	return give_certificate(cert, der, len);
}

static const struct {
	CK_MECHANISM_TYPE type;
	const char *done;
	CK_RV (*run)(struct subject *subject, struct bytes input, uint8_t **der, size_t *len);
} jobs[] = {
	{ CKM_IOTHSM_PREPARE_KEY, "key prepared", run_prepare },
	{ CKM_IOTHSM_SELF_SIGN, "root self-signed", run_self_sign },
	{ CKM_IOTHSM_CSR, "request made", run_request },
	{ CKM_IOTHSM_IMPORT_CERTIFICATE, "certificate imported", run_import },
};

static void tell(const char *done, struct bytes id)
{
	char text[2 * ID_TEXT_MAX + 1];

	text_hex(text, bytes_of(id.data, id.len < ID_TEXT_MAX ? id.len : ID_TEXT_MAX));
	log_info("provision: %s id=%s", done, text);
}

static CK_RV run(const struct provision_token *token, CK_MECHANISM_TYPE type,
	CK_OBJECT_HANDLE private_key, struct bytes input, uint8_t **der, size_t *len)
{
	struct subject subject;
	size_t job = 0;

	while (job < ARRAY_LEN(jobs) && jobs[job].type != type)
		job++;
	if (job == ARRAY_LEN(jobs))
		return CKR_MECHANISM_INVALID;
	TRY(check_session(token));
	CK_RV rv = subject_open(&subject, token, private_key);

	if (rv == CKR_OK)
		rv = jobs[job].run(&subject, input, der, len);
	if (rv == CKR_OK)
		tell(jobs[job].done, subject.id);
	subject_close(&subject);
	return rv;
}

CK_RV provision_sign(const struct provision_token *token, CK_MECHANISM_TYPE type,
	CK_OBJECT_HANDLE private_key, struct bytes input, uint8_t **der, size_t *der_len)
{
	(void)ERR_set_mark();
	CK_RV rv = run(token, type, private_key, input, der, der_len);

	(void)ERR_pop_to_mark();
	return rv;
}

CK_RV provision_generate(const struct provision_token *token,
	const struct attributes *public_template, const struct attributes *private_template,
	CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
	TRY(check_session(token));
	(void)ERR_set_mark();
	CK_RV rv =
		prepare_generate(token, public_template, private_template, public_key, private_key);

	(void)ERR_pop_to_mark();
	return rv;
}

/* Keys of different types may share a CKA_ID: the one that the certificate fits is meant. */
static CK_RV import_by_id(const struct provision_token *token, struct bytes id, struct bytes input)
{
	struct holdings keys;
	CK_RV rv = CKR_IOTHSM_NO_KEY;

	TRY(holding_find(token, CKO_PRIVATE_KEY, id, &keys));
	for (size_t i = 0; i < keys.count; i++) {
		CLEANUP(openssl) uint8_t *der = NULL;
		size_t len;

		rv = provision_sign(token, CKM_IOTHSM_IMPORT_CERTIFICATE, keys.list[i].object,
			input, &der, &len);
		if (rv != CKR_IOTHSM_KEY_MISMATCH)
			return rv;
	}
	return rv;
}

CK_RV provision_verify(
	const struct provision_token *token, CK_OBJECT_HANDLE key, struct bytes input)
{
	struct bytes id;

	TRY(check_session(token));
	TRY(holding_read_attribute(token, key, CKA_ID, &id));
	CK_RV rv = id.len > 0 ? import_by_id(token, id, input) : CKR_IOTHSM_NO_KEY;

	free((void *)(uintptr_t)id.data);
	/* The forms in which PKCS#11 tools understand a verification that failed. */
	if (rv == CKR_IOTHSM_KEY_MISMATCH)
		return CKR_SIGNATURE_INVALID;
	return rv == CKR_IOTHSM_TEMPLATE_INVALID ? CKR_DATA_INVALID : rv;
}

static struct bytes value_of(const struct attributes *attributes, CK_ATTRIBUTE_TYPE type)
{
	for (CK_ULONG i = 0; i < attributes->count; i++) {
		if (attributes->list[i].type == type && attributes->list[i].pValue)
			return bytes_of(attributes->list[i].pValue, attributes->list[i].ulValueLen);
	}
	return bytes_of(NULL, 0);
}

static CK_RV check_against(const struct provision_token *token, CK_OBJECT_HANDLE private_key,
	X509 *cert, CK_OBJECT_HANDLE *replaced)
{
	struct subject subject;
	struct holdings old = { 0 };
	CK_RV rv = subject_open(&subject, token, private_key);

	if (rv == CKR_OK)
		rv = subject_check_certificate(&subject, cert);
	if (rv == CKR_OK)
		rv = replace_check(&subject, &old);
	for (size_t i = 0; i < old.count && rv == CKR_OK; i++) {
		if (!old.list[i].stored)
			*replaced = old.list[i].object;
	}
	subject_close(&subject);
	return rv;
}

static CK_RV check_certificate(const struct provision_token *token, struct bytes id,
	struct bytes value, CK_OBJECT_HANDLE *replaced)
{
	struct holdings keys;
	CK_RV rv = CKR_OK;

	TRY(holding_find(token, CKO_PRIVATE_KEY, id, &keys));
	if (keys.count == 0)
		return CKR_OK;
	CLEANUP(x509) X509 *cert = certificate_parse(key_library(), value);

	if (!cert)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	for (size_t i = 0; i < keys.count; i++) {
		rv = check_against(token, keys.list[i].object, cert, replaced);
		if (rv != CKR_IOTHSM_KEY_MISMATCH)
			return rv;
	}
	log_warn("provision: a certificate whose CKA_ID names a private key with another public "
		 "key is refused; check the id and the file");
	return CKR_ATTRIBUTE_VALUE_INVALID;
}

CK_RV provision_check_certificate(const struct provision_token *token,
	const struct attributes *certificate, CK_OBJECT_HANDLE *replaced)
{
	struct bytes class = value_of(certificate, CKA_CLASS);
	struct bytes id = value_of(certificate, CKA_ID);
	struct bytes value = value_of(certificate, CKA_VALUE);
	CK_OBJECT_CLASS wanted = CKO_CERTIFICATE;

	*replaced = CK_INVALID_HANDLE;
	if (!bytes_equal(class, bytes_of(&wanted, sizeof(wanted))) || id.len == 0)
		return CKR_OK;
	(void)ERR_set_mark();
	CK_RV rv = check_certificate(token, id, value, replaced);

	(void)ERR_pop_to_mark();
	return rv;
}

CK_RV provision_keep_history(const struct provision_token *token, CK_OBJECT_HANDLE certificate)
{
	uint64_t history;

	return holding_keep_history(token, &(struct holding){ .object = certificate }, &history);
}
