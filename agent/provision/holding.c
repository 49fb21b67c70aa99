/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates where they are kept: on the token, or in the store when the token cannot. */
#include "holding.h"

#include <openssl/x509v3.h>
#include <stdlib.h>

#include "certificate.h"
#include "cleanup.h"
#include "key.h"
#include "log.h"

#define HISTORY_APPLICATION "iothsm-history"

/* PKCS#11 takes templates without const. */
static void *mutable(const void *data)
{
	return (void *)(uintptr_t)data;
}

static CK_RV get_value(
	const struct provision_token *token, const struct holding *holding, CK_ATTRIBUTE *attribute)
{
	if (holding->stored)
		return store_get(token->store, holding->stored, attribute, 1);
	return token->functions->C_GetAttributeValue(token->session, holding->object, attribute, 1);
}

static CK_RV read_value(const struct provision_token *token, const struct holding *holding,
	CK_ATTRIBUTE_TYPE type, struct bytes *value)
{
	CK_ATTRIBUTE attribute = { type, NULL, 0 };
	CK_RV rv = get_value(token, holding, &attribute);

	if (rv == CKR_ATTRIBUTE_TYPE_INVALID)
		attribute.ulValueLen = 0;
	else if (rv != CKR_OK)
		return rv;
	*value = bytes_of(NULL, 0);
	if (attribute.ulValueLen == 0)
		return CKR_OK;
	if (attribute.ulValueLen > HOLDING_VALUE_MAX)
		return CKR_DEVICE_ERROR;
	CLEANUP(free) uint8_t *data = malloc(attribute.ulValueLen);

	if (!data)
		return CKR_HOST_MEMORY;
	attribute.pValue = data;
	TRY(get_value(token, holding, &attribute));
	*value = bytes_of(steal(&data), attribute.ulValueLen);
	return CKR_OK;
}

CK_RV holding_read_attribute(const struct provision_token *token, CK_OBJECT_HANDLE object,
	CK_ATTRIBUTE_TYPE type, struct bytes *value)
{
	return read_value(token, &(struct holding){ .object = object }, type, value);
}

CK_RV holding_find(const struct provision_token *token, CK_OBJECT_CLASS class, struct bytes id,
	struct holdings *found)
{
	CK_FUNCTION_LIST *functions = token->functions;
	CK_ATTRIBUTE wanted[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_ID, mutable(id.data), id.len },
	};
	CK_OBJECT_HANDLE objects[HOLDING_MAX + 1];
	CK_ULONG count = 0;

	TRY(functions->C_FindObjectsInit(token->session, wanted, ARRAY_LEN(wanted)));
	CK_RV rv = functions->C_FindObjects(token->session, objects, ARRAY_LEN(objects), &count);
	CK_RV ended = functions->C_FindObjectsFinal(token->session);

	TRY(rv);
	TRY(ended);
	if (count > HOLDING_MAX)
		return CKR_DEVICE_MEMORY;
	found->count = count;
	for (CK_ULONG i = 0; i < count; i++)
		found->list[i] = (struct holding){ .object = objects[i] };
	return CKR_OK;
}

CK_RV holding_find_certificates(
	const struct provision_token *token, struct bytes id, struct holdings *found)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_ATTRIBUTE wanted[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_ID, mutable(id.data), id.len },
	};
	uint64_t ids[HOLDING_MAX + 1];
	size_t count = 0;

	TRY(holding_find(token, CKO_CERTIFICATE, id, found));
	TRY(store_find(token->store, wanted, ARRAY_LEN(wanted), ids, HOLDING_MAX + 1 - found->count,
		&count));
	if (found->count + count > HOLDING_MAX)
		return CKR_DEVICE_MEMORY;
	for (size_t i = 0; i < count; i++)
		found->list[found->count++] = (struct holding){ .stored = ids[i] };
	return CKR_OK;
}

X509 *holding_certificate(const struct provision_token *token, const struct holding *holding)
{
	struct bytes value;

	if (read_value(token, holding, CKA_VALUE, &value) != CKR_OK)
		return NULL;
	X509 *cert = certificate_parse(key_library(), value);

	free(mutable(value.data));
	return cert;
}

enum { TEMPLATE_VALUES = 10 };

/* A certificate's attributes, pointing to the DER of its parts. */
struct certificate_template {
	CK_OBJECT_CLASS class;
	CK_CERTIFICATE_TYPE type;
	CK_BBOOL yes;
	CK_BBOOL no;
	uint8_t *der;
	uint8_t *subject;
	uint8_t *issuer;
	uint8_t *serial;
	CK_ULONG count;
	CK_ATTRIBUTE list[TEMPLATE_VALUES];
};

static void add(struct certificate_template *template, CK_ATTRIBUTE_TYPE type, const void *value,
	size_t len)
{
	template->list[template->count++] = (CK_ATTRIBUTE){ type, mutable(value), len };
}

static bool make_template(struct certificate_template *template, const X509 *cert, struct bytes id,
	struct bytes label)
{
	*template = (struct certificate_template){
		.class = CKO_CERTIFICATE, .type = CKC_X_509, .yes = CK_TRUE, .no = CK_FALSE
	};
	int len = certificate_der(cert, &template->der);
	int subject_len = i2d_X509_NAME(X509_get_subject_name(cert), &template->subject);
	int issuer_len = i2d_X509_NAME(X509_get_issuer_name(cert), &template->issuer);
	int serial_len = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &template->serial);

	if (len <= 0 || subject_len <= 0 || issuer_len <= 0 || serial_len <= 0)
		return false;
	add(template, CKA_CLASS, &template->class, sizeof(template->class));
	add(template, CKA_CERTIFICATE_TYPE, &template->type, sizeof(template->type));
	add(template, CKA_TOKEN, &template->yes, sizeof(template->yes));
	add(template, CKA_PRIVATE, &template->no, sizeof(template->no));
	add(template, CKA_ID, id.data, id.len);
	add(template, CKA_SUBJECT, template->subject, (size_t)subject_len);
	add(template, CKA_ISSUER, template->issuer, (size_t)issuer_len);
	add(template, CKA_SERIAL_NUMBER, template->serial, (size_t)serial_len);
	add(template, CKA_VALUE, template->der, (size_t)len);
	if (label.len > 0)
		add(template, CKA_LABEL, label.data, label.len);
	return true;
}

static void reset_template(struct certificate_template *template)
{
	OPENSSL_free(template->der);
	OPENSSL_free(template->subject);
	OPENSSL_free(template->issuer);
	OPENSSL_free(template->serial);
}

static CK_RV create(const struct provision_token *token, struct certificate_template *template,
	struct holding *written)
{
	*written = (struct holding){ 0 };
	CK_RV rv = token->functions->C_CreateObject(
		token->session, template->list, template->count, &written->object);

	/* So answer tokens that hold keys only, such as Cloud KMS. */
	if (rv == CKR_FUNCTION_NOT_SUPPORTED || rv == CKR_TOKEN_WRITE_PROTECTED)
		return store_put(token->store, template->list, template->count, &written->stored);
	return rv;
}

CK_RV holding_write_certificate(const struct provision_token *token, const X509 *cert,
	struct bytes id, struct bytes label, struct holding *written)
{
	struct certificate_template template;
	struct holding made;
	CK_RV rv = make_template(&template, cert, id, label) ? create(token, &template, &made)
							     : CKR_HOST_MEMORY;

	reset_template(&template);
	if (rv != CKR_OK) {
		log_warn("provision: the token does not take the certificate rv=0x%lx", rv);
		return rv;
	}
	CLEANUP(x509) X509 *again = holding_certificate(token, &made);

	if (again && X509_cmp(cert, again) == 0) {
		*written = made;
		return CKR_OK;
	}
	log_error("provision: the token gives another certificate back than was written; the new "
		  "one is destroyed again");
	(void)holding_destroy(token, &made);
	return CKR_DEVICE_ERROR;
}

CK_RV holding_store_certificate(
	const struct provision_token *token, const X509 *cert, struct bytes id, uint64_t *stored)
{
	struct certificate_template template;
	CK_RV rv = make_template(&template, cert, id, bytes_of(NULL, 0))
			   ? store_put(token->store, template.list, template.count, stored)
			   : CKR_HOST_MEMORY;

	reset_template(&template);
	return rv;
}

CK_RV holding_destroy(const struct provision_token *token, const struct holding *holding)
{
	if (holding->stored)
		return store_remove(token->store, holding->stored);
	return token->functions->C_DestroyObject(token->session, holding->object);
}

CK_RV holding_keep_history(
	const struct provision_token *token, const struct holding *holding, uint64_t *history)
{
	static const char application[] = HISTORY_APPLICATION;
	CK_OBJECT_CLASS class = CKO_DATA;
	struct bytes value = { 0 }, label = { 0 };
	CK_RV rv = read_value(token, holding, CKA_VALUE, &value);

	if (rv == CKR_OK)
		rv = read_value(token, holding, CKA_LABEL, &label);
	if (rv == CKR_OK) {
		CK_ATTRIBUTE list[] = {
			{ CKA_CLASS, &class, sizeof(class) },
			{ CKA_APPLICATION, mutable(application), sizeof(application) - 1 },
			{ CKA_LABEL, mutable(label.data), label.len },
			{ CKA_VALUE, mutable(value.data), value.len },
		};

		rv = store_put(token->store, list, ARRAY_LEN(list), history);
	}
	free(mutable(value.data));
	free(mutable(label.data));
	return rv;
}
