/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a token with what belongs to them: certificate, request, state. */
#include "cli_inventory.h"

#include "certificate.h"
#include "cleanup.h"
#include "cli_certificate.h"
#include "cli_error.h"
#include "cli_key.h"
#include "cli_module.h"
#include "cli_output.h"

struct inventory_key {
	CK_OBJECT_HANDLE handle;
	uint8_t *id;
	size_t id_len;
};

json_t *cli_inventory_find(const json_t *rows, struct bytes id)
{
	CLEANUP(json) json_t *wanted = cli_output_hex(id);

	for (size_t i = 0; wanted && i < json_array_size(rows); i++)
		if (json_equal(json_object_get(json_array_get(rows, i), "id"), wanted))
			return json_array_get(rows, i);
	return NULL;
}

static void row_set_uri(
	json_t *row, const struct cli_token *token, struct bytes id, struct bytes label)
{
	struct cli_uri uri = cli_token_uri(token);
	char text[CLI_URI_MAX];

	if (id.len <= sizeof(uri.id)) {
		memcpy(uri.id, id.data, id.len);
		uri.id_len = id.len;
	}
	if (label.len < sizeof(uri.object) && memchr(label.data, 0, label.len) == NULL)
		memcpy(uri.object, label.data, label.len);
	if (cli_uri_print(&uri, "private", text))
		(void)json_object_set_new(row, "uri", json_string(text));
}

static CK_RV row_add(struct cli_session *session, const struct cli_token *token,
	const struct inventory_key *key, json_t *private, json_t *rows)
{
	struct bytes id = bytes_of(key->id, key->id_len);
	CLEANUP(free) uint8_t *value = NULL;
	struct bytes label = bytes_of_text("");
	char type[CLI_KEY_NAME_MAX];
	json_t *row = json_object();
	size_t len;

	if (cli_object_read(session, key->handle, CKA_LABEL, &value, &len) == CKR_OK)
		label = bytes_of(value, len);
	cli_key_describe(session, key->handle, type);
	(void)json_object_set_new(row, "token", cli_output_text(bytes_of_text(token->serial)));
	(void)json_object_set_new(row, "id", cli_output_hex(id));
	(void)json_object_set_new(row, "label", cli_output_text(label));
	(void)json_object_set_new(row, "type", json_string(type));
	(void)json_object_set_new(row, "private", private);
	(void)json_object_set_new(row, "state", json_string("empty"));
	row_set_uri(row, token, id, label);
	return json_array_append_new(rows, row) == 0 ? CKR_OK : CKR_HOST_MEMORY;
}

/* Adds the keys of a class whose id no row has yet. */
static CK_RV rows_add_class(struct cli_session *session, const struct cli_token *token,
	CK_OBJECT_CLASS class, json_t *private, json_t *rows)
{
	CLEANUP(objects) struct cli_objects keys = { 0 };

	TRY(cli_object_find_class(session, class, bytes_of(NULL, 0), &keys));
	for (CK_ULONG i = 0; i < keys.count; i++) {
		struct inventory_key key = { .handle = keys.list[i] };
		CLEANUP(free) uint8_t *id = NULL;

		if (cli_object_read(session, keys.list[i], CKA_ID, &id, &key.id_len) != CKR_OK)
			key.id_len = 0;
		key.id = id;
		if (class == CKO_PUBLIC_KEY &&
			cli_inventory_find(rows, bytes_of(key.id, key.id_len)))
			continue;
		TRY(row_add(session, token, &key, json_incref(private), rows));
	}
	return CKR_OK;
}

EVP_PKEY *cli_inventory_public_key(struct cli_session *session, CK_OBJECT_HANDLE handle)
{
	static const CK_ATTRIBUTE_TYPE types[] = { CKA_KEY_TYPE, CKA_MODULUS, CKA_PUBLIC_EXPONENT,
		CKA_EC_PARAMS, CKA_EC_POINT };
	CK_ATTRIBUTE list[ARRAY_LEN(types)];
	CK_ULONG count = 0;
	EVP_PKEY *key;

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		uint8_t *value = NULL;
		size_t len;

		if (cli_object_read(session, handle, types[i], &value, &len) == CKR_OK)
			list[count++] = (CK_ATTRIBUTE){ types[i], value, len };
	}
	key = certificate_public_key(NULL, list, count);
	for (CK_ULONG i = 0; i < count; i++)
		free(list[i].pValue);
	return key;
}

static EVP_PKEY *public_key_of(struct cli_session *session, struct bytes id)
{
	CLEANUP(objects) struct cli_objects keys = { 0 };

	if (cli_object_find_class(session, CKO_PUBLIC_KEY, id, &keys) != CKR_OK || keys.count == 0)
		return NULL;
	return cli_inventory_public_key(session, keys.list[0]);
}

static X509 *certificate_read(struct cli_session *session, CK_OBJECT_HANDLE handle)
{
	CLEANUP(free) uint8_t *der = NULL;
	size_t len;

	if (cli_object_read(session, handle, CKA_VALUE, &der, &len) != CKR_OK)
		return NULL;
	return certificate_parse(NULL, bytes_of(der, len));
}

/* Not temporary, for this key, newest: in this order. */
static bool certificate_is_better(const X509 *cert, const X509 *best, const EVP_PKEY *key)
{
	bool temporary = certificate_is_temporary(cert),
	     fits = !key || certificate_has_key(cert, key);

	if (!best)
		return true;
	if (temporary != certificate_is_temporary(best))
		return !temporary;
	if (fits != (!key || certificate_has_key(best, key)))
		return fits;
	return ASN1_TIME_compare(X509_get0_notBefore(cert), X509_get0_notBefore(best)) > 0;
}

static void row_set_certificate(json_t *row, const X509 *cert, const EVP_PKEY *key)
{
	bool temporary = certificate_is_temporary(cert),
	     fits = !key || certificate_has_key(cert, key);
	const char *state = temporary ? "partially provisioned" : "provisioned";

	(void)json_object_set_new(
		row, "state", json_string(fits ? state : "certificate of another key"));
	if (!temporary)
		cli_certificate_describe(cert, row);
}

static CK_RV row_complete(struct cli_session *session, json_t *row)
{
	CLEANUP(objects) struct cli_objects certificates = { 0 };
	CLEANUP(objects) struct cli_objects requests = { 0 };
	CLEANUP(x509) X509 *best = NULL;
	CLEANUP(pkey) EVP_PKEY *key = NULL;
	uint8_t id[CLI_OBJECT_ID_MAX];
	size_t len;

	if (!cli_object_parse_id(json_string_value(json_object_get(row, "id")), id, &len))
		return CKR_OK; /* a key without an id has nothing that belongs to it */
	TRY(cli_object_find_class(session, CKO_CERTIFICATE, bytes_of(id, len), &certificates));
	key = public_key_of(session, bytes_of(id, len));
	for (CK_ULONG i = 0; i < certificates.count; i++) {
		CLEANUP(x509) X509 *cert = certificate_read(session, certificates.list[i]);

		if (cert && certificate_is_better(cert, best, key)) {
			X509_free(best);
			best = steal(&cert);
		}
	}
	if (best)
		row_set_certificate(row, best, key);
	if (session->cli->admin) {
		TRY(cli_object_find_class(session, CKO_DATA, bytes_of(id, len), &requests));
		(void)json_object_set_new(row, "request", json_boolean(requests.count > 0));
	}
	return CKR_OK;
}

CK_RV cli_inventory_read(
	struct cli_session *session, const struct cli_token *token, bool logged_in, json_t *rows)
{
	CLEANUP(json) json_t *unknown = logged_in ? json_false() : json_null();
	size_t before = json_array_size(rows);

	TRY(rows_add_class(session, token, CKO_PRIVATE_KEY, json_true(), rows));
	TRY(rows_add_class(session, token, CKO_PUBLIC_KEY, unknown, rows));
	for (size_t i = before; i < json_array_size(rows); i++)
		TRY(row_complete(session, json_array_get(rows, i)));
	return CKR_OK;
}

static CK_RV read_token(struct cli *cli, const struct cli_token *token, json_t *rows)
{
	struct cli_session session = { .cli = cli };
	bool logged_in;
	CK_RV rv;

	cli_token_name(cli, token);
	TRY(cli_token_open(cli, token, 0, &session.handle));
	TRY(cli_token_login_if_asked(cli, token, session.handle, &logged_in));
	if (!logged_in)
		cli_note(cli,
			"token %s: not logged in: private keys are not seen (--login or "
			"--pin-file)",
			token->serial);
	rv = cli_inventory_read(&session, token, logged_in, rows);
	(void)cli->functions->C_CloseSession(session.handle);
	return rv;
}

CK_RV cli_inventory_read_all(struct cli *cli, json_t *rows)
{
	CLEANUP(tokens) struct cli_tokens tokens = { 0 };
	size_t initialised = 0;

	TRY(cli_token_list(cli, &tokens));
	for (size_t i = 0; i < tokens.count; i++)
		if (cli_token_is_initialised(&tokens.list[i])) {
			CLEANUP(json) json_t *one = json_array();

			initialised++;
			TRY(read_token(cli, &tokens.list[i], one));
			(void)json_array_extend(rows, one);
		}
	if (initialised == 0 && cli->options.token)
		return cli_refuse(cli, CLI_ABSENT,
			"token %s: CKR_TOKEN_NOT_PRESENT: there is no such token; see iothsm token "
			"list",
			cli->options.token);
	return CKR_OK;
}
