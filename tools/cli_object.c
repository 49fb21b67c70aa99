/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of a token: found by class and CKA_ID, their attributes read with a bound. */
#include "cli_object.h"

#include <stdlib.h>

#include "cleanup.h"
#include "cli_error.h"
#include "text.h"

enum { OBJECT_FIND_STEP = 64 };

void cleanup_objects(struct cli_objects *objects)
{
	free(objects->list);
}

bool cli_object_parse_id(const char *text, uint8_t id[CLI_OBJECT_ID_MAX], size_t *len)
{
	char digits[2 * CLI_OBJECT_ID_MAX + 1];
	size_t used = 0;

	for (; *text; text++) {
		if (*text == ':' && used % 2 == 0 && used > 0)
			continue;
		if (used == sizeof(digits) - 1)
			return false;
		digits[used++] = *text;
	}
	digits[used] = '\0';
	return used > 0 && text_from_hex(digits, id, CLI_OBJECT_ID_MAX, len);
}

CK_RV cli_object_id(struct cli *cli, uint8_t id[CLI_OBJECT_ID_MAX], size_t *len)
{
	if (!cli->options.id)
		return cli_refuse(cli, CLI_USAGE, "client: --id is missing (hex, as 07)");
	if (!cli_object_parse_id(cli->options.id, id, len))
		return cli_refuse(cli, CLI_USAGE,
			"client: --id %s is no hex of two digits a byte, as 07", cli->options.id);
	return CKR_OK;
}

static CK_RV find_all(struct cli_session *session, struct cli_objects *objects)
{
	CK_FUNCTION_LIST *functions = session->cli->functions;

	for (;;) {
		CK_OBJECT_HANDLE *longer;
		CK_ULONG found = 0;

		if (objects->count > CLI_OBJECT_LIST_MAX)
			return CKR_DATA_LEN_RANGE;
		longer = reallocarray(
			objects->list, objects->count + OBJECT_FIND_STEP, sizeof(*longer));
		if (!longer)
			return CKR_HOST_MEMORY;
		objects->list = longer;
		TRY(functions->C_FindObjects(
			session->handle, objects->list + objects->count, OBJECT_FIND_STEP, &found));
		if (found == 0)
			return CKR_OK;
		if (found > OBJECT_FIND_STEP)
			return CKR_DATA_LEN_RANGE;
		objects->count += found;
	}
}

CK_RV cli_object_find(struct cli_session *session, CK_ATTRIBUTE *template, CK_ULONG count,
	struct cli_objects *objects)
{
	CK_FUNCTION_LIST *functions = session->cli->functions;
	CK_RV rv = functions->C_FindObjectsInit(session->handle, template, count);
	CK_RV final;

	if (rv == CKR_OK) {
		rv = find_all(session, objects);
		final = functions->C_FindObjectsFinal(session->handle);
		rv = rv == CKR_OK ? final : rv;
	}
	return rv == CKR_OK ? rv : cli_error(session->cli, rv, "looking for objects");
}

CK_RV cli_object_find_class(struct cli_session *session, CK_OBJECT_CLASS class, struct bytes id,
	struct cli_objects *objects)
{
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_ID, (void *)(uintptr_t)id.data, id.len },
	};

	return cli_object_find(session, template, id.data ? 2 : 1, objects);
}

CK_RV cli_object_private_key(struct cli_session *session, CK_OBJECT_HANDLE *key)
{
	CLEANUP(objects) struct cli_objects found = { 0 };
	struct cli *cli = session->cli;
	uint8_t id[CLI_OBJECT_ID_MAX];
	size_t len;

	TRY(cli_object_id(cli, id, &len));
	TRY(cli_object_find_class(session, CKO_PRIVATE_KEY, bytes_of(id, len), &found));
	if (found.count == 0)
		return cli_refuse(cli, CLI_NOT_FOUND,
			"token %s: there is no private key with id %s; see iothsm key list --login",
			cli->serial, cli->options.id);
	if (found.count > 1)
		return cli_refuse(cli, CLI_REFUSED,
			"token %s: %lu private keys have the id %s; give them ids of their own "
			"first",
			cli->serial, (unsigned long)found.count, cli->options.id);
	*key = found.list[0];
	return CKR_OK;
}

CK_RV cli_object_read(struct cli_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
	uint8_t **value, size_t *len)
{
	CK_FUNCTION_LIST *functions = session->cli->functions;
	CK_ATTRIBUTE attribute = { type, NULL, 0 };
	CLEANUP(free) uint8_t *buffer = NULL;

	TRY(functions->C_GetAttributeValue(session->handle, object, &attribute, 1));
	if (attribute.ulValueLen > CLI_OBJECT_VALUE_MAX)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	buffer = calloc(1, attribute.ulValueLen + 1);
	if (!buffer)
		return CKR_HOST_MEMORY;
	attribute.pValue = buffer;
	TRY(functions->C_GetAttributeValue(session->handle, object, &attribute, 1));
	*len = attribute.ulValueLen;
	*value = steal(&buffer);
	return CKR_OK;
}

CK_ULONG cli_object_number(struct cli_session *session, CK_OBJECT_HANDLE object,
	CK_ATTRIBUTE_TYPE type, CK_ULONG fallback)
{
	CLEANUP(free) uint8_t *value = NULL;
	CK_ULONG number;
	size_t len;

	if (cli_object_read(session, object, type, &value, &len) != CKR_OK)
		return fallback;
	if (len == sizeof(CK_BBOOL))
		return *value;
	if (len != sizeof(number))
		return fallback;
	memcpy(&number, value, sizeof(number));
	return number;
}
