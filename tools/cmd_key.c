/* SPDX-License-Identifier: Apache-2.0 */
/* iothsm key: list, prepare, import. */
#include <errno.h>
#include <openssl/crypto.h>

#include "cleanup.h"
#include "cli.h"
#include "cli_error.h"
#include "cli_import.h"
#include "cli_inventory.h"
#include "cli_key.h"
#include "cli_output.h"
#include "cli_pin.h"
#include "cli_token.h"
#include "file.h"

static const struct cli_column key_columns[] = {
	{ "token", "TOKEN" },
	{ "id", "ID" },
	{ "label", "LABEL" },
	{ "type", "TYPE" },
	{ "private", "PRIVATE" },
	{ "state", "STATE" },
	{ "uri", "URI" },
};

CK_RV cmd_key_list(struct cli *cli)
{
	CLEANUP(json) json_t *rows = json_array();

	TRY(cli_inventory_read_all(cli, rows));
	cli_output_rows(stdout, cli_output_form(stdout, cli->options.json), key_columns,
		ARRAY_LEN(key_columns), rows);
	return CKR_OK;
}

/* Opens the chosen token for writing, with the user logged in. */
static CK_RV token_enter(struct cli *cli, struct cli_token *token, struct cli_session *session)
{
	session->cli = cli;
	TRY(cli_token_choose(cli, token));
	TRY(cli_token_open(cli, token, CKF_RW_SESSION, &session->handle));
	return cli_token_login(cli, token, session->handle, CKU_USER);
}

/* The state of the key afterwards, as it is read back from the token. */
static CK_RV print_key(struct cli_session *session, const struct cli_token *token, struct bytes id)
{
	CLEANUP(json) json_t *rows = json_array();
	enum cli_output_form form = cli_output_form(stdout, session->cli->options.json);
	json_t *row;

	TRY(cli_inventory_read(session, token, true, rows));
	row = cli_inventory_find(rows, id);
	if (!row)
		return cli_refuse(session->cli, CLI_FAILURE,
			"token %s: the key is not there after all", token->serial);
	cli_output_record(stdout, form, key_columns, ARRAY_LEN(key_columns), row);
	return CKR_OK;
}

static const char *key_label(const struct cli *cli)
{
	return cli->options.label ? cli->options.label : "";
}

static CK_RV wanted_type(struct cli *cli, const struct cli_key_type **type)
{
	if (!cli->options.type)
		return cli_refuse(
			cli, CLI_USAGE, "client: --type is missing (%s)", cli_key_type_names());
	*type = cli_key_type_find(cli->options.type);
	if (!*type)
		return cli_refuse(cli, CLI_USAGE, "client: the key type %s is not known (%s)",
			cli->options.type, cli_key_type_names());
	return CKR_OK;
}

static CK_RV generate(struct cli_session *session, const struct cli_key_type *type, struct bytes id)
{
	static const uint8_t exponent[] = { 0x01, 0x00, 0x01 };
	struct cli *cli = session->cli;
	CK_MECHANISM mechanism = { CKM_IOTHSM_PREPARE_KEY, NULL, 0 };
	struct cli_key_template public_key = { 0 }, private_key = { 0 };
	CK_OBJECT_HANDLE public_handle, private_handle;
	CK_RV rv;

	cli_key_put_common(&public_key, CKO_PUBLIC_KEY, id, key_label(cli));
	cli_key_put_common(&private_key, CKO_PRIVATE_KEY, id, key_label(cli));
	cli_key_put(&public_key, CKA_KEY_TYPE, &type->type, sizeof(type->type));
	cli_key_put(&private_key, CKA_KEY_TYPE, &type->type, sizeof(type->type));
	if (type->type == CKK_RSA) {
		cli_key_put(&public_key, CKA_MODULUS_BITS, &type->bits, sizeof(type->bits));
		cli_key_put(&public_key, CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent));
	} else {
		cli_key_put(&public_key, CKA_EC_PARAMS, type->params.data, type->params.len);
	}
	rv = cli->functions->C_GenerateKeyPair(session->handle, &mechanism, public_key.list,
		public_key.count, private_key.list, private_key.count, &public_handle,
		&private_handle);
	return rv == CKR_OK ? rv : cli_error(cli, rv, "preparing a key %s", type->name);
}

CK_RV cmd_key_prepare(struct cli *cli)
{
	const struct cli_key_type *type;
	struct cli_session session;
	struct cli_token token;
	uint8_t id[CLI_OBJECT_ID_MAX];
	size_t id_len;

	TRY(cli_object_id(cli, id, &id_len));
	TRY(wanted_type(cli, &type));
	TRY(token_enter(cli, &token, &session));
	TRY(generate(&session, type, bytes_of(id, id_len)));
	return print_key(&session, &token, bytes_of(id, id_len));
}

static CK_RV read_password(void *context, char *buffer, size_t max, size_t *len)
{
	struct cli *cli = context;
	CLEANUP(pin) struct secret password = { 0 };

	TRY(cli_pin_read(cli, &cli->options.password, "Password of the key file", &password));
	if (password.len > max)
		return cli_error(cli, CKR_PIN_LEN_RANGE, "reading the password of the key file");
	memcpy(buffer, password.data, password.len);
	*len = password.len;
	return CKR_OK;
}

static CK_RV read_key(struct cli *cli, struct cli_import *import)
{
	struct cli_import_password password = { .read = read_password, .context = cli };
	const char *path = cli->arguments[0];
	CLEANUP(pkey) EVP_PKEY *key = NULL;
	size_t len = 0;
	char *text = file_read(path, CLI_IMPORT_FILE_MAX, &len);

	if (!text)
		return cli_refuse(
			cli, CLI_INPUT, "client: cannot read %s: %s", path, strerror(errno));
	key = cli_import_parse(bytes_of(text, len), &password);
	OPENSSL_cleanse(text, len);
	free(text);
	if (!key && password.rv != CKR_OK)
		return password.rv;
	if (!key && password.asked)
		return cli_refuse(cli, CLI_PIN,
			"client: %s cannot be decrypted: the password is wrong", path);
	if (!key)
		return cli_refuse(
			cli, CLI_INPUT, "client: %s holds no private key (PEM or DER)", path);
	if (!cli_import_fill(import, key))
		return cli_refuse(cli, CLI_INPUT,
			"client: %s: tokens take RSA of 2048 to 8192 bits, P-256, P-384, P-521 and "
			"Ed25519",
			path);
	return CKR_OK;
}

static CK_RV check_id_is_free(struct cli_session *session, struct bytes id)
{
	static const CK_OBJECT_CLASS classes[] = { CKO_PRIVATE_KEY, CKO_PUBLIC_KEY,
		CKO_CERTIFICATE };

	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		CLEANUP(objects) struct cli_objects found = { 0 };

		TRY(cli_object_find_class(session, classes[i], id, &found));
		if (found.count > 0)
			return cli_error(session->cli, CKR_IOTHSM_SLOT_IN_USE,
				"importing under id %s", session->cli->options.id);
	}
	return CKR_OK;
}

/* The temporary certificate that marks the key as prepared; an empty message (iothsm.h). */
static CK_RV mark_prepared(struct cli_session *session, CK_OBJECT_HANDLE key)
{
	CK_FUNCTION_LIST *functions = session->cli->functions;
	CK_MECHANISM mechanism = { CKM_IOTHSM_PREPARE_KEY, NULL, 0 };
	CK_BYTE nothing[1] = { 0 }, receipt[32];
	CK_ULONG len = sizeof(receipt);

	TRY(functions->C_SignInit(session->handle, &mechanism, key));
	return functions->C_Sign(session->handle, nothing, 0, receipt, &len);
}

static CK_RV store_key(struct cli_session *session, struct cli_import *import,
	CK_OBJECT_HANDLE handles[2], const char **step)
{
	CK_FUNCTION_LIST *functions = session->cli->functions;

	*step = "writing the private key";
	TRY(functions->C_CreateObject(
		session->handle, import->private_key.list, import->private_key.count, &handles[0]));
	*step = "writing the public key";
	TRY(functions->C_CreateObject(
		session->handle, import->public_key.list, import->public_key.count, &handles[1]));
	*step = "marking the key as prepared";
	return mark_prepared(session, handles[0]);
}

static CK_RV import_key(struct cli_session *session, struct cli_import *import)
{
	struct cli *cli = session->cli;
	CK_OBJECT_HANDLE handles[2] = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };
	const char *step;
	CK_RV rv = store_key(session, import, handles, &step);

	if (rv == CKR_OK)
		return rv;
	(void)cli_error(cli, rv, "%s", step);
	for (size_t i = 0; i < ARRAY_LEN(handles); i++)
		if (handles[i] != CK_INVALID_HANDLE &&
			cli->functions->C_DestroyObject(session->handle, handles[i]) != CKR_OK)
			cli_note(cli,
				"token %s: the %s key that was written could not be removed again",
				cli->serial, i == 0 ? "private" : "public");
	return rv;
}

CK_RV cmd_key_import(struct cli *cli)
{
	CLEANUP(import) struct cli_import import = { 0 };
	struct cli_session session;
	struct cli_token token;
	uint8_t id[CLI_OBJECT_ID_MAX];
	size_t id_len;

	if (cli->argument_count != 1)
		return cli_refuse(
			cli, CLI_USAGE, "client: the file with the private key is missing");
	TRY(cli_object_id(cli, id, &id_len));
	cli_key_put_common(
		&import.public_key, CKO_PUBLIC_KEY, bytes_of(id, id_len), key_label(cli));
	cli_key_put_common(
		&import.private_key, CKO_PRIVATE_KEY, bytes_of(id, id_len), key_label(cli));
	TRY(read_key(cli, &import));
	TRY(token_enter(cli, &token, &session));
	TRY(check_id_is_free(&session, bytes_of(id, id_len)));
	TRY(import_key(&session, &import));
	return print_key(&session, &token, bytes_of(id, id_len));
}
