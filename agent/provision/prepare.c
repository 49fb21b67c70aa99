/* SPDX-License-Identifier: Apache-2.0 */
/* A key made ready for provisioning: generated, and marked by the temporary certificate. */
#include "prepare.h"

#include "cleanup.h"
#include "holding.h"
#include "issue.h"
#include "key_template.h"
#include "log.h"

static CK_RV mark(const struct subject *subject, X509 **cert)
{
	CLEANUP(x509) X509 *made = NULL;
	struct holding written;

	TRY(subject_require_public(subject));
	TRY(issue_temporary(subject, &made));
	TRY(holding_write_certificate(subject->token, made, subject->id, subject->label, &written));
	*cert = steal(&made);
	return CKR_OK;
}

static CK_RV refuse_occupied(void)
{
	log_warn("provision: the CKA_ID already names a key or certificate; choose another id, or "
		 "remove what is there");
	return CKR_IOTHSM_SLOT_IN_USE;
}

CK_RV prepare_existing(struct subject *subject, X509 **cert)
{
	struct holdings found;

	TRY(holding_find_certificates(subject->token, subject->id, &found));
	return found.count > 0 ? refuse_occupied() : mark(subject, cert);
}

static CK_RV check_free(const struct provision_token *token, struct bytes id)
{
	static const CK_OBJECT_CLASS classes[] = { CKO_PRIVATE_KEY, CKO_PUBLIC_KEY };
	struct holdings found;

	TRY(holding_find_certificates(token, id, &found));
	for (size_t i = 0; i < ARRAY_LEN(classes) && found.count == 0; i++)
		TRY(holding_find(token, classes[i], id, &found));
	return found.count > 0 ? refuse_occupied() : CKR_OK;
}

static CK_RV generate(const struct provision_token *token, struct key_templates *templates,
	CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
	CK_MECHANISM mechanism = { templates->mechanism, NULL, 0 };
	CK_RV first = CKR_OK, rv = CKR_OK;

	for (unsigned i = 0; key_template_spell(templates, i); i++) {
		rv = token->functions->C_GenerateKeyPair(token->session, &mechanism,
			templates->public_key.list, templates->public_key.count,
			templates->private_key.list, templates->private_key.count, public_key,
			private_key);
		if (rv == CKR_OK)
			return CKR_OK;
		if (i == 0)
			first = rv;
		if (mechanism.mechanism != CKM_EC_EDWARDS_KEY_PAIR_GEN)
			break;
	}
	log_warn("provision: the token does not generate this key rv=0x%lx", first);
	return first;
}

static CK_RV mark_generated(const struct provision_token *token, CK_OBJECT_HANDLE private_key)
{
	struct subject subject;
	CLEANUP(x509) X509 *cert = NULL;
	CK_RV rv = subject_open(&subject, token, private_key);

	if (rv == CKR_OK)
		rv = mark(&subject, &cert);
	subject_close(&subject);
	return rv;
}

static void destroy(const struct provision_token *token, CK_OBJECT_HANDLE key)
{
	CK_RV rv = token->functions->C_DestroyObject(token->session, key);

	if (rv != CKR_OK)
		log_error("provision: a key that could not be prepared is left on the token; "
			  "remove it rv=0x%lx",
			rv);
}

CK_RV prepare_generate(const struct provision_token *token,
	const struct attributes *public_template, const struct attributes *private_template,
	CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
	struct key_templates templates;
	CK_OBJECT_HANDLE made_public, made_private;

	TRY(key_template_complete(public_template, private_template, &templates));
	TRY(check_free(token, templates.id));
	TRY(generate(token, &templates, &made_public, &made_private));
	CK_RV rv = mark_generated(token, made_private);

	if (rv != CKR_OK) {
		destroy(token, made_public);
		destroy(token, made_private);
		return rv;
	}
	*public_key = made_public;
	*private_key = made_private;
	return CKR_OK;
}
