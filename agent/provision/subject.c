/* SPDX-License-Identifier: Apache-2.0 */
/* The private key that a provisioning step is about, with its public key and its names. */
#include "subject.h"

#include <openssl/rand.h>
#include <stdlib.h>

#include "certificate.h"
#include "cleanup.h"
#include "holding.h"
#include "log.h"

static CK_RV read_ulong(const struct subject *subject, CK_ATTRIBUTE_TYPE type, CK_ULONG *number)
{
	CK_ATTRIBUTE attribute = { type, number, sizeof(*number) };

	return subject->token->functions->C_GetAttributeValue(
		subject->session.session, subject->session.private_key, &attribute, 1);
}

static CK_RV read_names(struct subject *subject)
{
	CK_OBJECT_HANDLE key = subject->session.private_key;

	TRY(holding_read_attribute(subject->token, key, CKA_ID, &subject->id));
	TRY(holding_read_attribute(subject->token, key, CKA_LABEL, &subject->label));
	if (subject->id.len > 0)
		return CKR_OK;
	log_warn("provision: the private key has no CKA_ID; give it one, certificates are kept "
		 "under it");
	return CKR_IOTHSM_NO_KEY;
}

static CK_RV make_key(struct subject *subject)
{
	struct key_signer signer = { key_sign_in_session, &subject->session };
	CK_RV rv = key_find_public(&subject->session, &subject->public_key);

	if (rv == CKR_IOTHSM_NO_KEY)
		return CKR_OK;
	TRY(rv);
	subject->key = key_new(subject->public_key, &signer);
	return subject->key ? CKR_OK : CKR_KEY_TYPE_INCONSISTENT;
}

CK_RV subject_open(
	struct subject *subject, const struct provision_token *token, CK_OBJECT_HANDLE key)
{
	CK_OBJECT_CLASS class;

	*subject = (struct subject){ .token = token,
		.session = { token->functions, token->slot, token->session, key } };
	TRY(read_ulong(subject, CKA_CLASS, &class));
	if (class != CKO_PRIVATE_KEY)
		return CKR_IOTHSM_NO_KEY;
	TRY(read_ulong(subject, CKA_KEY_TYPE, &subject->type));
	TRY(read_names(subject));
	return make_key(subject);
}

static void free_value(struct bytes *value)
{
	free((void *)(uintptr_t)value->data);
	*value = bytes_of(NULL, 0);
}

void subject_close(struct subject *subject)
{
	EVP_PKEY_free(subject->key);
	EVP_PKEY_free(subject->public_key);
	subject->key = subject->public_key = NULL;
	free_value(&subject->id);
	free_value(&subject->label);
}

CK_RV subject_require_public(const struct subject *subject)
{
	if (subject->public_key)
		return CKR_OK;
	log_warn("provision: no public key object and no certificate under the key's CKA_ID; write "
		 "the public key to the token first");
	return CKR_IOTHSM_NO_KEY;
}

CK_RV subject_failure(void)
{
	CK_RV rv = key_last_error();

	return rv != CKR_OK ? rv : CKR_GENERAL_ERROR;
}

static EVP_MD_CTX *begin(EVP_PKEY *key, const char *digest)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx && EVP_DigestSignInit_ex(ctx, NULL, digest[0] ? digest : NULL, key_library(), NULL,
			   key, NULL) == 1)
		return ctx;
	EVP_MD_CTX_free(ctx);
	return NULL;
}

EVP_MD_CTX *subject_begin_signature(const struct subject *subject, const char *wanted)
{
	return begin(subject->key, certificate_digest_for(subject->public_key, wanted));
}

static bool type_fits(CK_KEY_TYPE type, const EVP_PKEY *public_key)
{
	static const struct {
		CK_KEY_TYPE type;
		const char *name;
	} names[] = { { CKK_RSA, "RSA" }, { CKK_EC, "EC" }, { CKK_EC_EDWARDS, "ED25519" },
		{ CKK_EC_EDWARDS, "ED448" } };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i].type == type && EVP_PKEY_is_a(public_key, names[i].name))
			return true;
	}
	return false;
}

struct challenge {
	char purpose[32]; /* so that nobody takes it for a message of the key's owner */
	uint8_t random[32];
};

static bool challenge_verifies(EVP_PKEY *public_key, const char *digest,
	const struct challenge *challenge, struct bytes signature)
{
	CLEANUP(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	return ctx &&
	       EVP_DigestVerifyInit_ex(ctx, NULL, digest[0] ? digest : NULL, key_library(), NULL,
		       public_key, NULL) == 1 &&
	       EVP_DigestVerify(ctx, signature.data, signature.len,
		       (const unsigned char *)challenge, sizeof(*challenge)) == 1;
}

static CK_RV prove_possession(struct subject *subject, EVP_PKEY *public_key)
{
	struct challenge challenge = { .purpose = "iothsm proof of possession" };
	struct key_signer signer = { key_sign_in_session, &subject->session };
	const char *digest = certificate_digest_for(public_key, NULL);
	uint8_t signature[2048];
	size_t len = sizeof(signature);

	if (!type_fits(subject->type, public_key))
		return CKR_IOTHSM_KEY_MISMATCH;
	if (RAND_bytes_ex(key_library(), challenge.random, sizeof(challenge.random), 0) != 1)
		return CKR_FUNCTION_FAILED;
	CLEANUP(pkey) EVP_PKEY *key = key_new(public_key, &signer);
	CLEANUP(md_ctx) EVP_MD_CTX *ctx = key ? begin(key, digest) : NULL;

	if (!ctx)
		return CKR_KEY_TYPE_INCONSISTENT;
	if (EVP_DigestSign(ctx, signature, &len, (const unsigned char *)&challenge,
		    sizeof(challenge)) != 1)
		/* A signature longer than the certificate's key allows is none of that key. */
		return key_last_error() == CKR_OK ? CKR_IOTHSM_KEY_MISMATCH : key_last_error();
	return challenge_verifies(public_key, digest, &challenge, bytes_of(signature, len))
		       ? CKR_OK
		       : CKR_IOTHSM_KEY_MISMATCH;
}

CK_RV subject_check_certificate(struct subject *subject, X509 *cert)
{
	EVP_PKEY *public_key = X509_get0_pubkey(cert);

	if (!public_key)
		return CKR_IOTHSM_KEY_MISMATCH;
	if (!subject->public_key)
		return prove_possession(subject, public_key);
	return certificate_has_key(cert, subject->public_key) ? CKR_OK : CKR_IOTHSM_KEY_MISMATCH;
}
