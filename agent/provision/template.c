/* SPDX-License-Identifier: Apache-2.0 */
/* The HSM Provisioning Certificate: what it must be to serve as template. */
#include "template.h"

#include <iothsm/iothsm.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "certificate.h"
#include "cleanup.h"
#include "key.h"
#include "log.h"

/* RFC 5280, 4.2: no extension appears twice; which of the two would a verifier believe? */
static bool extensions_are_unique(const X509 *template)
{
	for (int i = 0; i < X509_get_ext_count(template); i++) {
		const ASN1_OBJECT *object = X509_EXTENSION_get_object(X509_get_ext(template, i));

		if (X509_get_ext_by_OBJ(template, object, -1) != i)
			return false;
	}
	return true;
}

static const char *find_fault(X509 *template)
{
	if (X509_NAME_entry_count(X509_get_subject_name(template)) == 0)
		return "its subject is empty";
	if (certificate_is_temporary(template))
		return "it is the temporary certificate of a prepared key";
	if (!extensions_are_unique(template))
		return "an extension appears twice";
	if (X509_get_extension_flags(template) & EXFLAG_INVALID)
		return "an extension is malformed";
	if (X509_cmp_time(X509_get0_notAfter(template), NULL) == 0)
		return "its notAfter is malformed";
	return NULL;
}

static CK_RV check(X509 *template)
{
	const char *fault = find_fault(template);

	if (fault) {
		log_warn("provision: the provisioning certificate is not usable: %s; download it "
			 "again from the platform",
			fault);
		return CKR_IOTHSM_TEMPLATE_INVALID;
	}
	if (X509_cmp_time(X509_get0_notAfter(template), NULL) < 0) {
		log_warn("provision: the provisioning certificate has expired; create a new one on "
			 "the platform");
		return CKR_IOTHSM_TEMPLATE_EXPIRED;
	}
	return CKR_OK;
}

CK_RV template_parse(struct bytes input, X509 **template)
{
	CLEANUP(x509) X509 *cert = certificate_parse(key_library(), input);

	if (!cert) {
		log_warn("provision: the input is no X.509 certificate in PEM or DER bytes=%zu",
			input.len);
		return CKR_IOTHSM_TEMPLATE_INVALID;
	}
	(void)ERR_set_mark();
	CK_RV rv = check(cert);

	(void)ERR_pop_to_mark();
	TRY(rv);
	*template = steal(&cert);
	return CKR_OK;
}

const char *template_digest(X509 *template)
{
	int nid = NID_undef;

	if (X509_get_signature_info(template, &nid, NULL, NULL, NULL) != 1 || nid == NID_undef)
		return NULL;
	return OBJ_nid2sn(nid);
}

static void free_extensions(STACK_OF(X509_EXTENSION) * list)
{
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

STACK_OF(X509_EXTENSION) * template_extensions(const X509 *template)
{
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();

	for (int i = 0; list && i < X509_get_ext_count(template); i++) {
		X509_EXTENSION *extension = X509_get_ext(template, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));

		if (nid == NID_subject_key_identifier || nid == NID_authority_key_identifier)
			continue;
		X509_EXTENSION *copy = X509_EXTENSION_dup(extension);

		if (copy && sk_X509_EXTENSION_push(list, copy))
			continue;
		X509_EXTENSION_free(copy);
		free_extensions(list);
		return NULL;
	}
	return list;
}
