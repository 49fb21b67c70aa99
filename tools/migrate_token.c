/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of an appliance's state put beside their keys on the tokens that are there. */
#include "migrate_token.h"

#include "certificate.h"
#include "cleanup.h"
#include "cli_error.h"
#include "cli_inventory.h"
#include "cli_provision.h"

static bool read_id(struct cli_session *session, CK_OBJECT_HANDLE object, struct migrate_key *key)
{
	CLEANUP(free) uint8_t *id = NULL;
	size_t len = 0;

	if (cli_object_read(session, object, CKA_ID, &id, &len) != CKR_OK || len == 0 ||
		len > sizeof(key->id))
		return false;
	memcpy(key->id, id, len);
	key->id_len = len;
	return true;
}

static CK_RV look_for_certificate(
	struct cli_session *session, const X509 *cert, struct migrate_key *key)
{
	CLEANUP(objects) struct cli_objects list = { 0 };
	CLEANUP(openssl) uint8_t *der = NULL;
	int der_len = certificate_der(cert, &der);

	key->has_certificate = false;
	TRY(cli_object_find_class(session, CKO_CERTIFICATE, bytes_of(key->id, key->id_len), &list));
	for (CK_ULONG i = 0; i < list.count && der_len > 0; i++) {
		CLEANUP(free) uint8_t *value = NULL;
		size_t len;

		if (cli_object_read(session, list.list[i], CKA_VALUE, &value, &len) == CKR_OK &&
			bytes_equal(bytes_of(value, len), bytes_of(der, (size_t)der_len)))
			key->has_certificate = true;
	}
	return CKR_OK;
}

static CK_RV search_session(
	struct cli_session *session, const X509 *cert, struct migrate_key *key, bool *found)
{
	CLEANUP(objects) struct cli_objects keys = { 0 };

	TRY(cli_object_find_class(session, CKO_PUBLIC_KEY, bytes_of(NULL, 0), &keys));
	for (CK_ULONG i = 0; i < keys.count && !*found; i++) {
		CLEANUP(pkey)
		EVP_PKEY *public_key = cli_inventory_public_key(session, keys.list[i]);

		if (!public_key || !certificate_has_key(cert, public_key) ||
			!read_id(session, keys.list[i], key))
			continue;
		*found = true;
		TRY(look_for_certificate(session, cert, key));
	}
	return CKR_OK;
}

CK_RV migrate_token_find(struct cli *cli, const X509 *cert, struct migrate_key *key, bool *found)
{
	CLEANUP(tokens) struct cli_tokens tokens = { 0 };

	*found = false;
	TRY(cli_token_list(cli, &tokens));
	for (size_t i = 0; i < tokens.count && !*found; i++) {
		struct cli_session session = { .cli = cli };

		if (!cli_token_is_initialised(&tokens.list[i]))
			continue;
		key->token = tokens.list[i];
		cli_token_name(cli, &key->token);
		TRY(cli_token_open(cli, &key->token, 0, &session.handle));
		CK_RV rv = search_session(&session, cert, key, found);

		(void)cli->functions->C_CloseSession(session.handle);
		TRY(rv);
	}
	return CKR_OK;
}

static CK_RV import_into(
	struct cli_session *session, const X509 *cert, const struct migrate_key *key)
{
	CLEANUP(objects) struct cli_objects keys = { 0 };
	CLEANUP(openssl) uint8_t *der = NULL;
	CLEANUP(free) CK_BYTE *receipt = NULL;
	int der_len = certificate_der(cert, &der);
	CK_ULONG len;

	if (der_len < 0)
		return CKR_HOST_MEMORY;
	TRY(cli_object_find_class(session, CKO_PRIVATE_KEY, bytes_of(key->id, key->id_len), &keys));
	if (keys.count != 1)
		return CKR_IOTHSM_NO_KEY;
	return cli_provision_sign(session, keys.list[0], CKM_IOTHSM_IMPORT_CERTIFICATE,
		bytes_of(der, (size_t)der_len), &receipt, &len);
}

CK_RV migrate_token_import(struct cli *cli, const X509 *cert, const struct migrate_key *key)
{
	struct cli_session session = { .cli = cli };
	CK_RV rv;

	cli_token_name(cli, &key->token);
	TRY(cli_token_open(cli, &key->token, CKF_RW_SESSION, &session.handle));
	TRY(cli_token_login(cli, &key->token, session.handle, CKU_USER));
	rv = import_into(&session, cert, key);
	(void)cli->functions->C_CloseSession(session.handle);
	return rv == CKR_OK ? rv : cli_error(cli, rv, "importing a certificate");
}
