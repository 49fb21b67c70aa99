/* SPDX-License-Identifier: Apache-2.0 */
/* What the record says of a private key, read from the token. */
#include "record_key.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/x509v3.h>

#include "certificate.h"
#include "cleanup.h"
#include "holding.h"
#include "key.h"
#include "log.h"
#include "text.h"

static bool hash_key(EVP_PKEY *public_key, char hash[65])
{
	uint8_t digest[32];
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(public_key, &der);
	bool made = len > 0 && EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	if (made)
		text_hex(hash, bytes_of(digest, sizeof(digest)));
	return made;
}

/* Any of its certificates: a key that was a CA once is still trusted as one. */
static CK_RV find_ca(const struct provision_token *token, struct bytes id,
	const EVP_PKEY *public_key, bool *is_ca)
{
	struct holdings found = { 0 };
	CK_RV rv = token->store ? holding_find_certificates(token, id, &found)
				: holding_find(token, CKO_CERTIFICATE, id, &found);

	/* More than can be looked at: it may be one. */
	*is_ca = rv == CKR_DEVICE_MEMORY;
	if (rv != CKR_OK)
		return *is_ca ? CKR_OK : rv;
	for (size_t i = 0; i < found.count && !*is_ca; i++) {
		CLEANUP(x509) X509 *cert = holding_certificate(token, &found.list[i]);
		int kind = cert ? X509_check_ca(cert) : 0;

		*is_ca = (kind == 1 || kind == 4) && certificate_has_key(cert, public_key);
	}
	return CKR_OK;
}

static CK_RV read_label(
	const struct provision_token *token, const struct object_view *view, struct record_key *key)
{
	struct bytes label = { NULL, 0 };
	struct log_quoted quoted;

	TRY(holding_read_attribute(token, view->native, CKA_LABEL, &label));
	CLEANUP(json) json_t *plain = json_stringn((const char *)label.data, label.len);
	bool fits = plain && label.len < sizeof(key->label) &&
		    (label.len == 0 || !memchr(label.data, '\0', label.len));

	(void)snprintf(key->label, sizeof(key->label), "%s",
		fits ? json_string_value(plain) : log_quote(&quoted, label));
	free((void *)(uintptr_t)label.data);
	return CKR_OK;
}

static CK_RV read_id(const struct provision_token *token, const struct object_view *view,
	const EVP_PKEY *public_key, struct record_key *key)
{
	struct bytes id = { NULL, 0 };

	TRY(holding_read_attribute(token, view->native, CKA_ID, &id));
	CK_RV rv = public_key && id.len > 0 && view->on_token
			   ? find_ca(token, id, public_key, &key->is_ca)
			   : CKR_OK;

	text_hex(key->id, bytes_of(id.data, id.len < 64 ? id.len : 64));
	free((void *)(uintptr_t)id.data);
	return rv;
}

/* A key that nothing on the token gives the public value of is recorded by id and label alone. */
CK_RV record_key_read(
	const struct provision_token *token, const struct object_view *view, struct record_key *key)
{
	const struct key_session session = { token->functions, token->slot, token->session,
		view->native };
	CLEANUP(pkey) EVP_PKEY *public_key = NULL;
	CK_RV rv = key_find_public(&session, &public_key);

	*key = (struct record_key){ .handle = view->handle };
	if (rv == CKR_HOST_MEMORY || rv == CKR_DEVICE_ERROR || rv == CKR_DEVICE_REMOVED)
		return rv;
	if (public_key && !hash_key(public_key, key->hash))
		return CKR_HOST_MEMORY;
	TRY(read_label(token, view, key));
	return read_id(token, view, public_key, key);
}

bool record_key_path(
	const char *directory, const char *backend, const char *serial, char path[PATH_MAX])
{
	const char *const names[] = { backend, "-", serial };
	size_t at = (size_t)snprintf(path, PATH_MAX, "%s/", directory);

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		for (const char *c = names[i]; *c; c++) {
			bool plain = isalnum((unsigned char)*c) || *c == '-' || *c == '_';

			if (at + 4 > PATH_MAX)
				return false;
			at += (size_t)snprintf(path + at, PATH_MAX - at, plain ? "%c" : "%%%02x",
				(unsigned char)*c);
		}
	return true;
}
